"""A car's interior: seats, wheel, pillars, doors, windows, roof; and where cameras are mounted.

World frame: cm, Y up, car forward +Z, driver's left +X, driver's eyes near (0, 70, 10).
`window` is +1 where the driver's own window is on the left (left-hand drive), -1 on the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from tools.synth.body import F32, F64, I32, rot_x, rot_y, rot_z
from tools.synth.mesh import (
    Material,
    Scene,
    Tag,
    cylinder,
    grid,
    quad,
    rounded_box,
    tube,
    vertex_normals,
)
from tools.synth.props import wheel_hub, wheel_rim

Mount = Literal["column", "cluster", "apillar", "mirror", "centre"]
MOUNTS: tuple[Mount, ...] = ("column", "cluster", "apillar", "mirror", "centre")
EYES = np.array([0.0, 70.0, 10.0])
PASSENGER_X = 70.0
BELT_HALF_WIDTH = 2.3


@dataclass(frozen=True, slots=True)
class Wheel:
    """A steering wheel: centre and radius cm; tilt about +X, degrees (top leans forward)."""

    centre: F64
    radius: float
    tilt: float
    spokes: tuple[float, ...] = (90.0, 270.0, 180.0)

    @property
    def rot(self) -> F64:
        """The wheel's frame in the world: +Z its axis (away from the driver), +Y to the top."""
        return rot_x(-self.tilt)


@dataclass(frozen=True, slots=True)
class Surround:
    """The panel round each rear window: it leaves an opening with rounded corners."""

    albedo: float
    lip: float  # albedo of the opening's rim
    open: float  # the opening's width and height, of the window's
    power: float  # 2 is an ellipse, larger is boxier


@dataclass(frozen=True, slots=True)
class Headrests:
    """What all headrests of a car have in common."""

    tone: float = 1.1  # albedo, relative to the seat
    wide: float = 1.0  # of the usual width
    tall: float = 1.0
    power: float = 3.5  # 2 is an ellipsoid, larger is boxier
    rear: tuple[float, ...] = (-28.0, 28.0)  # cm, on the bench, from the car's middle
    rear_y: float = 66.0  # cm, their middle
    rear_size: float = 1.0


@dataclass(frozen=True, slots=True)
class CabinStyle:
    """One car's interior and what is outside of its windows."""

    window: float
    wheel: Wheel
    seat: float  # albedo
    trim: float
    roof: float
    headrest: Literal["posts", "high", "none"]
    seat_half: float  # cm
    bolster: float  # albedo, relative to the seat
    rear: Literal["bench", "wall", "open"]
    outside: float  # mean radiance of what is outside of the windows
    pillar_z: float
    belt: float | None  # albedo, None: not worn
    tint: float = 0.8  # what the rear windows let through
    cradle: F64 | None = None  # where a phone nobody holds is fixed: on the dash or a vent
    cradle_screen: float = 0.02  # its radiance
    surround: Surround | None = None
    shade: float | None = None  # what sunshades in the rear side windows let through; None: none
    headrests: Headrests = Headrests()


def random_cabin(rng: np.random.Generator, outside: float) -> CabinStyle:
    """A random car (one in eight a truck or van with a flatter, larger wheel)."""
    truck = rng.random() < 0.125
    centre = np.array([0.0, 36.0, 50.0]) + rng.uniform((-2, -5, -5), (2, 3, 6))
    if truck:
        centre += np.array([0.0, -5.0, 0.0])
    tilt = float(rng.uniform(38, 58) if truck else rng.uniform(18, 34))
    radius = float(rng.uniform(20, 23) if truck else rng.uniform(17, 19.5))
    spokes: tuple[float, ...] = ((90, 270, 180), (100, 260), (60, 300, 180), (90, 270))[
        int(rng.integers(4))
    ]
    seat = float(rng.choice([0.06, 0.1, 0.18, 0.3, 0.45]) * rng.uniform(0.8, 1.2))
    return CabinStyle(
        window=float(rng.choice([1.0, 1.0, -1.0])),
        wheel=Wheel(centre, radius, tilt, spokes),
        seat=seat,
        trim=float(rng.uniform(0.06, 0.3)),
        roof=float(rng.uniform(0.12, 0.5)),
        headrest=str(rng.choice(["posts", "posts", "high", "none"], p=[0.4, 0.25, 0.25, 0.1])),  # type: ignore[arg-type]
        seat_half=float(rng.uniform(22, 27)),
        bolster=float(rng.uniform(0.7, 1.6)),
        rear="wall" if truck else str(rng.choice(["bench", "bench", "open"])),  # type: ignore[arg-type]
        outside=outside,
        pillar_z=float(rng.uniform(-34, -18)),
        belt=None if rng.random() < 0.15 else float(rng.choice([0.06, 0.15, 0.3, 0.5])),
        tint=float(rng.choice([0.9, 0.75, 0.35])),
        cradle=rng.uniform((-36, 46, 72), (-14, 58, 82)) if rng.random() < 0.25 else None,
        cradle_screen=float(rng.choice([0.01, 0.03, 0.1, 0.3])),
    )


def with_rear(style: CabinStyle, rng: np.random.Generator) -> CabinStyle:
    """The same car with random headrests and, in most, panels round the rear windows: a dark
    headrest before a bright rounded opening has the outline of a head."""
    u = rng.uniform
    rear = ((-28.0, 28.0), (-50.0, 0.0, 50.0), (-44.0, 44.0), (-36.0, 36.0))[int(rng.integers(4))]
    headrests = Headrests(
        tone=float(np.exp(u(np.log(0.5), np.log(1.8)))),
        wide=float(u(0.8, 1.25)),
        tall=float(u(0.75, 1.3)),
        power=float(u(2.2, 5.0)),
        rear=rear,
        rear_y=float(u(64, 76)),
        rear_size=float(u(0.9, 1.5)),
    )
    surround = Surround(
        albedo=style.trim * float(u(0.6, 1.2)) if rng.random() < 0.5 else float(u(0.15, 0.6)),
        lip=float(u(0.05, 0.7)),
        open=float(u(0.72, 0.96)),
        power=float(u(2.2, 7.0)),
    )
    return replace(
        style,
        headrests=headrests,
        surround=surround if rng.random() < 0.7 else None,
        shade=float(u(0.3, 0.85)) if rng.random() < 0.3 else None,
    )


def camera_mount(
    mount: Mount, window: float, rng: np.random.Generator
) -> tuple[F64, F64, tuple[float, float]]:
    """Position, aim point and the useful range of horizontal view angles (degrees)."""
    u = rng.uniform
    if mount == "column":
        return np.array([u(-5, 5), u(52, 59), u(70, 80)]), np.array([0, u(50, 66), 6]), (42, 80)
    if mount == "cluster":
        return np.array([u(-9, 9), u(58, 68), u(84, 98)]), np.array([0, u(48, 66), 8]), (35, 70)
    if mount == "apillar":
        at = np.array([window * u(36, 46), u(70, 84), u(64, 78)])
        return at, np.array([0, u(48, 64), 12]), (40, 78)
    if mount == "mirror":
        at = np.array([-window * u(30, 46), u(84, 96), u(58, 72)])
        return at, np.array([-window * u(-4, 22), u(44, 62), 14]), (42, 90)
    at = np.array([-window * u(30, 44), u(38, 58), u(66, 82)])
    return at, np.array([-window * u(-4, 12), u(50, 66), 10]), (42, 85)


def _oval(power: float) -> tuple[F64, F64]:
    """Angles once round, and how far a superellipse reaches at each, its half axes being 1."""
    angle = np.linspace(0, 2 * np.pi, 49)
    x, y = np.abs(np.cos(angle)) + 1e-9, np.abs(np.sin(angle)) + 1e-9
    return angle, (x**power + y**power) ** (-1 / power)


def _on_window(
    corners: Sequence[tuple[float, float, float]], angle: F64, reach: F64, lift: float
) -> F64:
    """Points on a window at angles round its middle, `reach` its half width and height away, and
    `lift` cm to the inside of the car."""
    a, b, c, d = (np.asarray(p) for p in corners)
    normal = np.cross(b - a, d - a)
    inwards = np.array([0.0, 80.0, 0.0]) - (a + b + c + d) / 4
    normal *= np.sign(normal @ inwards) / np.linalg.norm(normal)
    u, v = ((1 + reach * f(angle))[:, None] / 2 for f in (np.cos, np.sin))
    flat = a * (1 - u) * (1 - v) + b * u * (1 - v) + c * u * v + d * (1 - u) * v
    return np.asarray(flat + lift * normal)


class CabinBuilder:
    """Puts the parts of one car into a scene; the wheel is separate because it turns."""

    def __init__(self, style: CabinStyle, back_z: float = -8.0) -> None:
        self.style = style
        self._back_z = back_z
        self.headrests: list[tuple[float, float, float, float]] = []
        """Middles and widths [cm], once they are in a scene."""

    def add_static(self, scene: Scene, driver_seat: bool = True) -> None:
        """Everything that does not move."""
        self._seat(scene, 0.0, self._back_z if driver_seat else -8.0)
        self._seat(scene, -self.style.window * PASSENGER_X, -8.0)
        self._door(scene, self.style.window)
        self._far_side(scene)
        self._rear(scene)
        self._dash(scene)
        self._cradle(scene)

    def _wall(self, scene: Scene, mesh: tuple[F32, I32], albedo: float) -> None:
        scene.add(mesh[0], mesh[1], Material.WALL, params=(albedo, 0.012, 0.6))

    def _box(
        self,
        scene: Scene,
        at: tuple[float, float, float],
        half: tuple[float, float, float],
        albedo: float,
        rot: F64 | None = None,
        power: float = 5.0,
    ) -> None:
        mesh = rounded_box(at, half, rot, steps=10, power=power)
        scene.add(mesh[0], mesh[1], Material.WALL, params=(albedo, 0.015, 0.6), rest=mesh[0] - at)

    def _seat(self, scene: Scene, x: float, back_z: float) -> None:
        s = self.style
        w, z = s.seat_half, back_z - 8.0
        back = rot_x(-14)
        self._box(scene, (x, 42, z), (w, 36, 8), s.seat, back)
        for side in (-1, 1):
            self._box(
                scene,
                (x + side * (w - 4), 44, z + 5),
                (6, 28, 8),
                s.seat * s.bolster,
                back,
                power=3.0,
            )
        self._box(scene, (x, 2, 15), (w + 2, 9, 30), s.seat)
        if s.headrest == "none":
            return
        top = 77.0 if s.headrest == "posts" else 74.0
        half = (13.0, 10.0, 5.0) if s.headrest == "posts" else (14.0, 15.0, 6.0)
        self._headrest(scene, (x, top, z - 2), half, rot_x(-6))
        if s.headrest == "posts":
            for dx in (-6, 6):
                post = cylinder((x + dx, 60, z - 4), (x + dx, 74, z - 2), 0.7, 0.7, sides=6)
                scene.add(post[0], post[1], Material.PROP, params=(0.5, 0.06, 0.2))

    def _headrest(
        self,
        scene: Scene,
        at: tuple[float, float, float],
        half: tuple[float, float, float],
        rot: F64 | None = None,
    ) -> None:
        h = self.style.headrests
        half = (half[0] * h.wide, half[1] * h.tall, half[2])
        self._box(scene, at, half, self.style.seat * h.tone, rot, power=h.power)
        self.headrests.append((*at, 2 * half[0]))

    def _surround(self, scene: Scene, corners: Sequence[tuple[float, float, float]]) -> None:
        """A panel over the window's edge with a rounded opening, its rim turned outwards."""
        s = self.style.surround
        if s is None:
            return
        angle, oval = _oval(s.power)
        edge = 1.05 / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
        hole = s.open * oval
        loop = partial(_on_window, corners, angle)
        panel = np.concatenate([loop(edge, 1.0), loop((edge + hole) / 2, 2.0), loop(hole, 2.5)])
        rim = np.concatenate([loop(hole, 2.5), loop(hole * 0.98, 2.0), loop(hole * 0.95, 0.3)])
        for mesh, albedo in ((panel, s.albedo), (rim, s.lip)):
            self._wall(scene, (mesh.astype(np.float32), grid(3, len(angle))), albedo)

    def _sunshade(self, scene: Scene, corners: Sequence[tuple[float, float, float]]) -> None:
        """A net in a ring of dark wire: round a headrest it is like hair round a face."""
        if self.style.shade is None:
            return
        angle, oval = _oval(3.5)
        loop = partial(_on_window, corners, angle)
        wire = tube(loop(0.86 * oval, 1.5)[:-1], 0.6, closed=True, sides=6)
        scene.add(wire[0], wire[1], Material.PROP, params=(0.02, 0.02, 0.6))
        net = np.concatenate([loop(0.0 * oval, 1.2), loop(0.86 * oval, 1.2)]).astype(np.float32)
        params = (self.style.shade, 0.0, 0.0)
        scene.add(net, grid(2, len(angle)), Material.LENS, params=params, blend=True)

    def _window(
        self, scene: Scene, corners: Sequence[tuple[float, float, float]], tint: float
    ) -> None:
        """Glass: it dims what is outside and mirrors a little of the inside."""
        mesh = quad(*corners, steps=10)
        scene.add(
            mesh[0], mesh[1], Material.LENS, params=(tint, 0.0, 0.0), tag=Tag.CABIN, blend=True
        )

    def _door(self, scene: Scene, w: float) -> None:
        s = self.style
        self._box(scene, (w * 44, 75, s.pillar_z), (4, 45, 8), s.trim, rot_x(-12), power=6.0)
        self._box(scene, (w * 49, 20, 10), (5, 24, 80), s.trim * 0.9, power=6.0)
        self._box(scene, (w * 43, 34, 22), (4, 3, 20), s.trim * 1.3, power=4.0)
        z = s.pillar_z
        self._window(
            scene, [(w * 53, 42, z), (w * 53, 42, 90), (w * 46, 99, 62), (w * 46, 99, z)], 0.93
        )
        rear = [(w * 53, 44, -105), (w * 53, 44, z), (w * 46, 99, z), (w * 46, 99, -85)]
        if s.rear != "wall":
            self._window(scene, rear, s.tint)
            self._surround(scene, rear)
            self._sunshade(scene, rear)

    def _far_side(self, scene: Scene) -> None:
        s, w = self.style, -self.style.window
        self._window(
            scene,
            [(w * 118, 43, -25), (w * 118, 43, 80), (w * 108, 99, 60), (w * 108, 99, -25)],
            0.93,
        )
        rear = [(w * 118, 43, -105), (w * 118, 43, -33), (w * 108, 99, -33), (w * 108, 99, -85)]
        self._window(scene, rear, s.tint)
        self._surround(scene, rear)
        self._sunshade(scene, rear)
        self._box(scene, (w * 115, 18, 0), (5, 25, 110), s.trim * 0.9, power=6.0)
        self._box(scene, (w * 110, 75, -29), (4, 45, 7), s.trim, power=6.0)
        self._box(scene, (w * 35, 6, 20), (8, 12, 45), s.trim, power=5.0)  # centre tunnel

    def _rear(self, scene: Scene) -> None:
        s, w = self.style, self.style.window
        mid = -w * 32
        near, far = mid - 90, mid + 90
        if s.rear == "wall":
            wall = quad((near, -10, -48), (far, -10, -48), (far, 110, -44), (near, 110, -44))
            self._wall(scene, wall, s.roof)
        else:
            bench = quad((near, 0, -110), (far, 0, -110), (far, 64, -120), (near, 64, -120))
            self._wall(scene, bench, s.seat)
            if s.rear == "bench":
                k = s.headrests.rear_size
                for dx in s.headrests.rear:
                    at = (mid + dx, s.headrests.rear_y, -112)
                    self._headrest(scene, at, (11 * k, 9 * k, 5))
            back = [(near, 62, -160), (far, 62, -160), (far - 10, 96, -130), (near + 10, 96, -130)]
            self._window(scene, back, s.tint)
            self._surround(scene, back)
        roof = quad((near, 104, -165), (far, 104, -165), (far, 107, 60), (near, 107, 60), steps=14)
        self._wall(scene, roof, s.roof)
        floor = quad((near, -20, 90), (far, -20, 90), (far, -20, -165), (near, -20, -165), steps=14)
        self._wall(scene, floor, s.trim * 0.6)

    def _dash(self, scene: Scene) -> None:
        s, w = self.style, self.style.window
        self._box(scene, (-w * 35, 32, 98), (82, 14, 16), s.trim, power=6.0)
        self._box(scene, (-w * 35, 44, 88), (11, 8, 3), s.trim * 0.6, rot_x(18), power=7.0)

    def _cradle(self, scene: Scene) -> None:
        """A phone on the dash that is in nobody's hand, on an arm; its back to the windscreen."""
        s = self.style
        if s.cradle is None:
            return
        at = s.cradle * np.array([s.window, 1.0, 1.0])
        turn = rot_y(float(np.degrees(np.arctan2(-at[0], -60.0)))) @ rot_x(12)
        half = np.array([3.7, 7.4, 0.5])
        body = rounded_box(at, half, turn, steps=8, power=8.0)
        scene.add(body[0], body[1], Material.PROP, params=(0.08, 0.05, 0.3))
        corners = [(-3.4, -7.0), (3.4, -7.0), (3.4, 7.0), (-3.4, 7.0)]
        screen = quad(*(at + turn @ np.array([x, y, 0.6]) for x, y in corners), steps=3)
        scene.add(screen[0], screen[1], Material.EMISSIVE, params=(s.cradle_screen, 0.0, 0.0))
        arm = cylinder(at, at + np.array([0.0, -9.0, 12.0]), 0.9, 1.6, sides=8)
        scene.add(arm[0], arm[1], Material.PROP, params=(0.1, 0.03, 0.5))

    def add_wheel(self, scene: Scene, steer_deg: float = 0.0) -> None:
        """The steering wheel, turned by `steer_deg` (> 0 to the left)."""
        wheel = self.style.wheel
        turn = wheel.rot @ rot_z(-steer_deg)
        rim = wheel_rim(wheel.radius)
        for k, mesh in enumerate([rim, *wheel_hub(wheel.radius, wheel.spokes)]):
            r = wheel.rot if k == len(wheel.spokes) + 2 else turn
            v = mesh[0] @ r.T.astype(np.float32) + wheel.centre.astype(np.float32)
            albedo = 0.10 if k == 0 else 0.09
            scene.add(v, mesh[1], Material.PROP, params=(albedo, 0.03, 0.45), rest=mesh[0])


def belt_path(window: float, shoulder: F64, hips: F64, cloth: F32) -> F64:
    """The belt's centre line from pillar over the clothes to the buckle, lying on `cloth`."""
    start = shoulder + np.array([window * 5.0, 3.5, 1.0])
    end = np.array([hips[0] - window * 16.0, hips[1] + 3.0, hips[2] + 6.0])
    pillar = np.array([window * 40.0, 86.0, -22.0])
    share = np.linspace(0, 1, 14)[:, None]
    line = start * (1 - share) + end * share
    front = cloth[cloth[:, 2] > min(start[2], end[2]) - 25]
    for p in line:
        near = (np.abs(front[:, 0] - p[0]) < 3.0) & (np.abs(front[:, 1] - p[1]) < 3.0)
        surface = front[near, 2]
        p[2] = (np.max(surface) if len(surface) else p[2]) + 0.9
    for _ in range(3):  # a belt spans hollows
        line[1:-1, 2] = np.maximum(line[1:-1, 2], (line[:-2, 2] + line[2:, 2]) / 2)
    behind = line[0] + np.array([window * 2.5, 2.2, -7.0])
    return np.concatenate([[pillar], [behind], line])


def add_belt(scene: Scene, path: F64, albedo: float) -> None:
    """A flat strap along `path`, facing outwards from the chest."""
    way = np.gradient(path, axis=0)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    across = np.cross(way, (0.0, 0.3, 1.0))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    edges = np.stack([path - across * BELT_HALF_WIDTH, path + across * BELT_HALF_WIDTH], 1)
    v = edges.reshape(-1, 3).astype(np.float32)
    tris = grid(len(path), 2)
    normals = vertex_normals(v, tris)
    params = (albedo, 0.02, 0.5)
    scene.add(v, tris, Material.PROP, normals=normals, params=params, tag=Tag.BELT)


def add_room(scene: Scene, rng: np.random.Generator) -> None:
    """What is behind a person who is not in a car: a wall, plain, papered or out of focus."""
    kind = rng.choice(["plain", "paper", "bright", "shelf"], p=[0.3, 0.25, 0.3, 0.15])
    z = float(rng.uniform(-160, -35))
    wall = quad((-350, -200, z), (350, -200, z), (350, 300, z), (-350, 300, z), steps=6)
    albedo = float(rng.uniform(0.08, 0.7))
    if kind == "bright":
        params = (float(rng.uniform(0.02, 0.6)), float(rng.integers(2)), 0.0)
        scene.add(wall[0], wall[1], Material.EMISSIVE, params=params)
        return
    material = Material.PROP if kind == "plain" else Material.WALL
    scene.add(wall[0], wall[1], material, params=(albedo, 0.005, 0.8))
    if kind == "shelf":
        for _ in range(int(rng.integers(3, 9))):
            at = (rng.uniform(-120, 120), rng.uniform(-20, 140), z + 8)
            half = (rng.uniform(5, 40), rng.uniform(4, 40), 5.0)
            turn = rot_y(float(rng.normal(0, 6)))
            mesh = rounded_box(at, half, turn, steps=6, power=7.0)
            params = (float(rng.uniform(0.05, 0.7)), 0.02, 0.5)
            scene.add(mesh[0], mesh[1], Material.PROP, params=params)
