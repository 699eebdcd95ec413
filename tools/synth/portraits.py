"""A head on a bust before a background, and things that get in its way: no body model needed."""

from __future__ import annotations

import numpy as np

from tools.synth import head
from tools.synth.camera import F64, head_rotation, rotation, unit
from tools.synth.mesh import Material, Scene, Tag, cylinder, grid, quad, rounded_box, tube

# rings of the bust's cloth, torso frame = head model frame: half width, half depth, z, y, how much
# lower the front is than the back (cm)
_RINGS = np.array([
    [7.6, 6.6, -2.6, -11.6, 3.2], [10.5, 8.0, -2.6, -12.8, 3.0], [14.5, 9.8, -3.0, -13.9, 2.4],
    [19.0, 11.0, -3.5, -16.0, 1.5], [21.5, 11.8, -3.5, -20.5, 0.8], [22.5, 12.8, -3.0, -30.0, 0.0],
    [21.5, 13.5, -2.5, -48.0, 0.0],
])  # fmt: skip
NECK = np.array([0.0, -10.0, -1.0])  # the point the head turns about, model frame


def torso_for(rng: np.random.Generator, pitch: float) -> F64:
    """The torso's axes when the head nods by `pitch` degrees from it."""
    lean = rng.normal(-3, 7) + 0.15 * pitch
    return head_rotation(0, float(lean), float(rng.normal(0, 5)))


def seat_head(shape: head.FaceShape, turn: F64, torso: F64) -> head.PlacedHead:
    """A head with world axes `turn` on the neck of a torso at the world's origin."""
    offset = head.EYE_MIDDLE - NECK
    # half of the neck's bend is shared by the torso-side joint, so the throat is not pinched
    return head.place(head.model(), shape, turn, turn @ offset, torso, torso @ offset)


def add_bust(scene: Scene, rng: np.random.Generator, placed: head.PlacedHead, build: float) -> None:
    """Shoulders in a shirt; `build` -1 slight .. 1 heavy."""
    rings = _RINGS.copy()
    rings[2:, :2] *= 1 + 0.13 * build
    rings[0, :2] *= rng.uniform(0.95, 1.35)
    rings[0, 3] += rng.uniform(-2.2, 1.0)
    if rng.random() < 0.15:  # polo neck or turned-up collar
        rings[0] = [6.6, 6.4, -3.0, -8.8, 2.5]
    rows = np.array([np.interp(np.linspace(0, 6, 19), np.arange(7), c) for c in rings.T]).T
    a = np.linspace(0, 2 * np.pi, 48)
    half, depth, z, y, tilt = (c[:, None] for c in rows.T)
    power = np.linspace(1, 0.8, 19)[:, None]
    x = half * np.sign(np.sin(a)) * np.abs(np.sin(a)) ** power
    points = np.stack(
        [x, y - tilt * np.cos(a), z + depth * np.cos(a) * np.ones_like(x)], -1
    ).reshape(-1, 3)
    world = (points - head.EYE_MIDDLE) @ placed.torso_rotation.T + placed.torso_eye_mid
    tone, stripes = float(rng.uniform(0.03, 0.85)), float(rng.random() < 0.3)
    scene.add(
        world, grid(19, 48), Material.CLOTH, params=(tone, 0.95, stripes), rest=points,
        tag=Tag.CLOTH,
    )  # fmt: skip


def add_seat(scene: Scene, rng: np.random.Generator) -> None:
    """A car seat's back and head rest, a pillar, a window: world of a seated bust."""
    tone = float(rng.uniform(0.04, 0.4))
    gap = float(rng.uniform(0, 6))
    back, tris = rounded_box((0, -42, -24 - gap), (26, 30, 8), rotation((1, 0, 0), -8), steps=12)
    scene.add(back, tris, Material.WALL, params=(tone, 0.015, 0.6))
    rest, tris = rounded_box((0, 3, -21 - gap), (13.5, 10, 5), steps=12, power=3.5)
    scene.add(rest, tris, Material.WALL, params=(tone * 1.1, 0.02, 0.6))
    side = float(rng.choice([-1, 1]))
    post, tris = rounded_box((side * 42, 0, -34), (5, 60, 9), rotation((1, 0, 0), -12), steps=10)
    scene.add(post, tris, Material.WALL, params=(float(rng.uniform(0.05, 0.4)), 0.02, 0.5))
    glow = float(rng.uniform(0.0, 0.7))
    for z in (-95, -28):
        window, tris = quad((side * 50, -28, z), (side * 50, -28, z + 62), (side * 46, 26, z + 55),
                            (side * 46, 26, z))  # fmt: skip
        scene.add(window, tris, Material.EMISSIVE, params=(glow, 1, 0))
    rear, tris = quad((-60, -10, -160), (60, -10, -160), (50, 24, -135), (-50, 24, -135))
    scene.add(rear, tris, Material.EMISSIVE, params=(glow * 0.8, 1, 0))
    roof, tris = quad((-80, 33, -160), (80, 33, -160), (80, 38, 60), (-80, 38, 60))
    scene.add(roof, tris, Material.WALL, params=(float(rng.uniform(0.2, 0.6)), 0, 0.8))


def add_hand(scene: Scene, rng: np.random.Generator, placed: head.PlacedHead) -> None:
    """A hand (palm, fingers, wrist) at chin, mouth, cheek or eye, made of rounded pieces."""
    points = placed.shape.landmarks.astype(float)
    spot = int(rng.choice([8, 66, 4, 12, 41, 46, 30]))
    side = float(rng.choice([-1, 1])) if spot in (8, 66, 30) else float(np.sign(points[spot, 0]))
    target = points[spot] + np.array([0, 0, 1.0]) + rng.normal(0, 0.6, 3)
    outward = unit([target[0], 0.3 * target[1], target[2] - 1])
    along = unit(np.array([-side * rng.uniform(0.1, 0.9), rng.uniform(0.4, 1), 0.1]))
    along = unit(along - outward * (along @ outward))
    across = np.cross(outward, along) * side
    palm = target + outward * 1.6 - along * rng.uniform(2, 6)
    frame = np.stack([across, along, outward], 1)

    def skin(mesh: tuple[np.ndarray, np.ndarray]) -> None:
        scene.add(
            placed.carry(mesh[0]), mesh[1], Material.BODY_SKIN, params=(0.9, 0, 0), rest=mesh[0],
            tag=Tag.HAND_R if side < 0 else Tag.HAND_L,
        )  # fmt: skip

    skin(rounded_box(palm, (4.1, 4.6, 1.4), frame, steps=10, power=2.6))
    for k in range(4):
        base = palm + along * 4.2 + across * (2.7 - 1.8 * k)
        spread = across * (0.5 - 0.33 * k) * rng.uniform(0, 0.5)
        curl = rng.uniform(0, 1.4)
        reach = along * (1 - 0.25 * curl) + spread - outward * 0.45 * curl
        reach = unit(reach) * (7.6 if k in (1, 2) else 6.3)
        tip = base + reach - outward * rng.uniform(0, 1.2)
        bow = (base + tip) / 2 + outward * rng.uniform(0.2, 1.0)
        skin(tube([base, bow, tip, tip + reach * 0.04], [0.95, 0.85, 0.72, 0.1], sides=10))
    thumb = palm + across * 4.4 + along * 0.5
    tip = thumb + unit(across * 0.5 + along) * 5.2
    skin(tube([palm + across * 2.5 - along * 2, thumb, tip, tip + along * 0.2],
              [1.3, 1.15, 0.8, 0.1], sides=10))  # fmt: skip
    wrist = palm - along * 4.5
    skin(cylinder(wrist, wrist - along * 20 + outward * rng.uniform(-2, 6), 2.6, 4.0))


def add_object(scene: Scene, rng: np.random.Generator, placed: head.PlacedHead) -> None:
    """A flat or round thing before part of the face: phone, paper, cup, microphone, belt."""
    points = placed.shape.landmarks.astype(float)
    target = points[int(rng.choice([8, 66, 2, 14, 30, 4, 12]))] + rng.normal(0, 1.5, 3)
    outward = unit([target[0], 0.3 * target[1], target[2] - 1])
    middle = target + outward * rng.uniform(1.5, 6)
    frame = head_rotation(*rng.normal(0, 30, 3))
    tone = float(rng.uniform(0.03, 0.8))
    if rng.random() < 0.6:
        half = rng.uniform(2, 5), rng.uniform(3, 9), rng.uniform(0.2, 1.0)
        mesh = rounded_box(middle, half, frame, steps=10, power=8)
    else:
        axis = frame[:, 1] * rng.uniform(5, 12)
        mesh = cylinder(middle, middle - axis, rng.uniform(1, 4.2), rng.uniform(1, 4))
    scene.add(
        placed.carry(mesh[0]), mesh[1], Material.PROP, tag=Tag.OBJECT,
        params=(tone, rng.uniform(0, 0.08), rng.uniform(0.2, 0.7)),
    )  # fmt: skip
