"""Glasses, caps, beanies, hoods and headscarves, fitted to one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.synth.camera import F64
from tools.synth.head import PlacedHead
from tools.synth.mesh import I32, Material, Scene, Tag, grid, tube

# the lens transmission at which an eye behind it can no longer be read in the picture
DARK_TRANSMISSION = 0.3


@dataclass(frozen=True, slots=True)
class Glasses:
    """One pair: half width and height of a lens [cm], its roundness and what it lets through."""

    half_width: float
    half_height: float
    power: float
    transmission: float
    mirror: float
    rim: float  # radius, cm; 0 rimless
    tone: float


def random_glasses(rng: np.random.Generator, kind: str) -> Glasses:
    """`kind`: clear, tinted (eyes still readable) or dark."""
    low, high = {"clear": (0.86, 0.97), "tinted": (0.35, 0.7), "dark": (0.0, 0.14)}[kind]
    big = 0.35 if kind == "dark" else 0.0
    return Glasses(
        float(rng.uniform(2.2, 2.9) + big * 0.6), float(rng.uniform(1.5, 2.3) + big),
        float(rng.uniform(2.1, 5)), float(rng.uniform(low, high)),
        float(rng.uniform(0, 0.8)) if kind == "dark" and rng.random() < 0.35 else 0.0,
        0.0 if rng.random() < 0.12 else float(rng.uniform(0.06, 0.28)),
        float(rng.choice([0.03, 0.06, 0.15, 0.4, 0.7])),
    )  # fmt: skip


def add_glasses(scene: Scene, glasses: Glasses, placed: PlacedHead, drop: float = 0.0) -> None:
    """Put glasses on the nose, `drop` cm down it."""
    g, eyes = glasses, placed.shape.eye_centre
    plane = 11.15 + 0.5 * drop
    middle_y = float(eyes[:, 1].mean()) - 0.15 - drop
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = _power(np.cos(t), g.power) * g.half_width, _power(np.sin(t), g.power) * g.half_height

    def bend(x: F64) -> F64:
        return np.asarray(plane - 0.036 * np.maximum(np.abs(x) - 1, 0) ** 2)

    def frame(path: object, radius: float, *, closed: bool = False) -> None:
        v, tris = tube(np.asarray(path), radius, closed=closed)
        scene.add(
            placed.carry(v), tris, Material.PROP, params=(g.tone, 0.05, 0.28), tag=Tag.GLASSES
        )

    inner = []
    for sign, eye in ((-1, eyes[0]), (1, eyes[1])):
        cx = float(eye[0]) + 0.18 * sign
        x, y = cx + ring[0], middle_y + ring[1]
        if g.rim:
            frame(np.c_[x, y, bend(x)], g.rim, closed=True)
        _add_lens(scene, placed, g, (cx, middle_y), ring, bend)
        hinge_x = cx + sign * g.half_width * 0.98
        hinge = [hinge_x, middle_y + g.half_height * 0.55, float(bend(np.array(hinge_x)))]
        width = max(abs(hinge_x) + 0.3, 7.4)
        frame([hinge, [sign * width, middle_y + 0.9, 7.3], [sign * 8.0, middle_y + 0.5, 0.0],
               [sign * 8.1, middle_y - 1.4, -1.8]], max(g.rim, 0.12))  # fmt: skip
        inner.append(cx - sign * g.half_width)
    ends = [[x, middle_y + 0.5, plane] for x in inner]
    frame([ends[0], [0, middle_y + 0.9, plane + 0.15], ends[1]], max(g.rim, 0.1))


def _add_lens(
    scene: Scene,
    placed: PlacedHead,
    g: Glasses,
    middle: tuple[float, float],
    ring: tuple[F64, F64],
    bend: object,
) -> None:
    assert callable(bend)
    s = np.linspace(0, 1, 9)
    x, y = middle[0] + np.outer(s, ring[0]), middle[1] + np.outer(s, ring[1])
    u, v = (x - middle[0]) / g.half_width, (y - middle[1]) / g.half_height
    z = bend(x) + 0.16 * (1 - u**2 - v**2)
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    scene.add(
        placed.carry(points), _fan(9, ring[0].size), Material.LENS,
        params=(g.transmission, g.mirror, 0), tag=Tag.GLASSES, blend=True,
    )  # fmt: skip


def _fan(rings: int, around: int) -> I32:
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = (i * around + j).ravel(), (i * around + (j + 1) % around).ravel()
    c, d = a + around, b + around
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


def _power(a: F64, power: float) -> F64:
    return np.asarray(np.sign(a) * np.abs(a) ** (2 / power))


def add_cap(scene: Scene, rng: np.random.Generator, placed: PlacedHead, kind: str) -> None:
    """`kind`: cap (with a peak), beanie, hood or scarf (a headscarf round the face)."""
    tone = float(rng.uniform(0.03, 0.8))
    stripes = float(rng.random() < 0.15)
    if kind in ("cap", "beanie"):
        _add_dome(scene, rng, placed, tone, stripes, low=kind == "beanie")
        if kind == "cap":
            _add_peak(scene, rng, placed, tone)
        return
    _add_wrap(scene, rng, placed, tone, stripes, loose=kind == "hood")


def _skull(placed: PlacedHead) -> tuple[float, float, float, float]:
    """Half width, top, front and back of the skull above the brows, model frame."""
    v = placed.shape.vertices[placed.model.rest[:, 1] > 6.0]
    return (
        float(np.abs(v[:, 0]).max()),
        float(v[:, 1].max()),
        float(v[:, 2].max()),
        float(v[:, 2].min()),
    )


def _add_dome(
    scene: Scene,
    rng: np.random.Generator,
    placed: PlacedHead,
    tone: float,
    stripes: float,
    *,
    low: bool,
) -> None:
    half, top, front, back = _skull(placed)
    edge = (5.6 if low else 6.6) + rng.uniform(-0.4, 1.0)
    t, s = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0, 1, 14), indexing="ij")
    r, lift = np.cos(s * np.pi / 2) ** 0.6, np.sin(s * np.pi / 2)
    x = (half + 0.7) * r * np.sin(t)
    z = (front + back) / 2 + ((front - back) / 2 + 0.8) * r * np.cos(t)
    tilt = -0.12 * (z - front) * -1  # lower at the back
    y = edge + tilt * (1 - s) + (top + 1.0 + (1.5 if low else 0.0) - edge) * lift
    p = np.stack([x, y, z], -1).reshape(-1, 3)
    scene.add(
        placed.carry(p), grid(40, 14), Material.CLOTH, params=(tone, 1, stripes), rest=p * 2,
        tag=Tag.HAIR,
    )  # fmt: skip


def _add_peak(scene: Scene, rng: np.random.Generator, placed: PlacedHead, tone: float) -> None:
    half, _, front, back = _skull(placed)
    out, droop = rng.uniform(5, 7.5), rng.uniform(0.2, 2.5)
    turn = np.pi if rng.random() < 0.1 else 0.0  # worn backwards
    a, s = np.meshgrid(np.linspace(-1.25, 1.25, 20), np.linspace(0, 1, 8), indexing="ij")
    middle = (front + back) / 2
    x = (half + 0.6) * np.sin(a)
    z = ((front - back) / 2 + 0.6) * np.cos(a) + out * s * np.cos(a) ** 0.5
    y = 7.0 - droop * s - 1.2 * (a / 1.25) ** 2 * s
    p = np.stack([x * np.cos(turn), y, middle + z * np.cos(turn)], -1).reshape(-1, 3)
    scene.add(
        placed.carry(p), grid(20, 8), Material.CLOTH, params=(tone, 1, 0), rest=p * 2, tag=Tag.HAIR
    )


def _add_wrap(
    scene: Scene,
    rng: np.random.Generator,
    placed: PlacedHead,
    tone: float,
    stripes: float,
    *,
    loose: bool,
) -> None:
    half, top, front, back = _skull(placed)
    chin = float(placed.shape.landmarks[8, 1])
    grow = rng.uniform(1.2, 2.5) if loose else 0.2
    # rings from the face's oval to the back: half width, top, bottom, z
    rings = np.array([
        [half - 0.3 + grow, top - 2.0 + grow, chin - 1.0 - grow, front - 3.5],
        [half + 0.8 + grow, top + 0.8 + grow, chin - 2.0, front - 6.5],
        [half + 1.0 + grow, top + 1.2 + grow, chin - 5.0, (front + back) / 2],
        [half + 0.4 + grow, top - 0.5 + grow, chin - 7.0, back + 1.5],
        [half - 3.0, top - 5.0, chin - 7.0, back - 1.2 - grow],
        [0.5, 1.0, -1.0, back - 1.6 - grow],
    ])  # fmt: skip
    fine = np.array([np.interp(np.linspace(0, 5, 21), np.arange(6), c) for c in rings.T]).T
    t = np.linspace(0, 2 * np.pi, 44)
    width, high, bottom, z = (c[:, None] for c in fine.T)
    x = width * np.sin(t)
    y = (high + bottom) / 2 + (high - bottom) / 2 * np.cos(t)
    depth = z + 2.2 * np.cos(t) * (np.linspace(1, 0, 21)[:, None])  # the brow is further forward
    p = np.stack([x, y, depth], -1).reshape(-1, 3)
    scene.add(
        placed.carry_neck(p), grid(21, 44), Material.CLOTH, params=(tone, 1, stripes),
        rest=p * 2, tag=Tag.HAIR,
    )  # fmt: skip
