"""Things that hands hold, as meshes around their own grip point.

A prop's frame: origin where the palm holds it, +Y its long axis (towards the phone's top, the
cup's rim, the mouth end of a cigarette), +Z the screen side of a phone. Units cm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tools.synth.body import F32, F64, I32, rot_z
from tools.synth.mesh import Material, Scene, Tag, cylinder, quad, rounded_box, tube

PropKind = Literal[
    "phone", "cup", "mug", "bottle", "can", "sandwich", "apple", "bar", "cigarette", "vape",
    "paper", "brush",
]  # fmt: skip
DRINKS: tuple[PropKind, ...] = ("cup", "mug", "bottle", "can")
FOODS: tuple[PropKind, ...] = ("sandwich", "apple", "bar")
SMOKES: tuple[PropKind, ...] = ("cigarette", "vape")


@dataclass(frozen=True, slots=True)
class Piece:
    """One mesh with one look."""

    vertices: F32
    triangles: I32
    material: Material
    params: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Prop:
    """A thing: its pieces, how thick it is for the grip, and where its mouth end is on +Y."""

    kind: PropKind
    pieces: tuple[Piece, ...]
    radius: float
    top: float


def _solid(mesh: tuple[F32, I32], albedo: float, spec: float = 0.03, rough: float = 0.4) -> Piece:
    return Piece(mesh[0], mesh[1], Material.PROP, (albedo, spec, rough))


def make_phone(rng: np.random.Generator) -> Prop:
    """A phone or a phone in a case: dark to white, screen off to bright."""
    half = np.array([rng.uniform(3.3, 4.0), rng.uniform(6.7, 8.3), rng.uniform(0.38, 0.7)])
    albedo = float(rng.choice([0.04, 0.08, 0.2, 0.45, 0.7]) * rng.uniform(0.8, 1.2))
    body = rounded_box((0, 0, 0), half, steps=10, power=9.0)
    w, h, z = half[0] * 0.92, half[1] * 0.95, half[2] * 1.02 + 0.03
    screen = quad((-w, -h, z), (w, -h, z), (w, h, z), (-w, h, z), steps=3)
    light = float(rng.choice([0.01, 0.03, 0.1, 0.3]))
    pieces = [_solid(body, albedo, float(rng.uniform(0.02, 0.08)), 0.25)]
    pieces.append(Piece(screen[0], screen[1], Material.EMISSIVE, (light, 0.0, 0.0)))
    camera = rounded_box((half[0] * 0.5, half[1] * 0.72, -half[2]), (1.1, 1.3, 0.25), steps=5)
    pieces.append(_solid(camera, albedo * 0.5, 0.08, 0.2))
    return Prop("phone", tuple(pieces), float(half[2]), float(half[1]))


def make_drink(kind: PropKind, rng: np.random.Generator) -> Prop:
    """A paper cup with a lid, a mug, a bottle or a can."""
    albedo = float(rng.uniform(0.12, 0.7))
    if kind == "cup":
        r, top = float(rng.uniform(3.6, 4.4)), float(rng.uniform(5.0, 7.0))
        parts = [_solid(cylinder((0, -top, 0), (0, top, 0), r * 0.72, r, sides=18), albedo)]
        lid = cylinder((0, top - 0.3, 0), (0, top + 0.7, 0), r * 1.06, r * 0.98, sides=18)
        parts.append(_solid(lid, float(rng.uniform(0.1, 0.7)), 0.05, 0.3))
        band = cylinder((0, -top * 0.3, 0), (0, top * 0.4, 0), r * 0.84, r * 0.95, sides=18)
        parts.append(_solid(band, float(rng.uniform(0.1, 0.6))))
        return Prop(kind, tuple(parts), r * 0.9, top + 0.5)
    if kind == "mug":
        r, top = float(rng.uniform(3.7, 4.5)), float(rng.uniform(4.2, 5.2))
        parts = [_solid(cylinder((0, -top, 0), (0, top, 0), r, r, sides=18), albedo, 0.06, 0.25)]
        a = np.linspace(-1.3, 1.3, 9)
        ring = np.stack([0 * a, 3.0 * np.sin(a), -r - 2.2 * np.cos(a) + 0.5], 1)
        parts.append(_solid(tube(ring, 0.55), albedo, 0.06, 0.25))
        return Prop(kind, tuple(parts), r, top)
    if kind == "can":
        parts = [_solid(cylinder((0, -6, 0), (0, 5.7, 0), 3.3, 3.3, sides=18), albedo, 0.15, 0.25)]
        parts.append(_solid(cylinder((0, 5.7, 0), (0, 6.3, 0), 3.3, 2.7, sides=18), 0.5, 0.2, 0.2))
        return Prop(kind, tuple(parts), 3.3, 6.2)
    r, top = float(rng.uniform(2.9, 3.8)), float(rng.uniform(9.0, 13.0))
    path = np.array([[0, y, 0] for y in (-8.01, -8, 0, top - 7, top - 4, top - 1, top, top + 0.01)])
    mesh = tube(path, [0.01, r * 0.92, r, r, 1.5, 1.35, 1.35, 0.01], sides=16)
    parts = [_solid(mesh, albedo, 0.12, 0.15)]
    label = cylinder((0, -3, 0), (0, 2, 0), r * 1.02, r * 1.02, sides=16)
    parts.append(_solid(label, float(rng.uniform(0.1, 0.75))))
    return Prop("bottle", tuple(parts), r, top)


def make_food(kind: PropKind, rng: np.random.Generator) -> Prop:
    """A sandwich or burger, an apple, or a bar or wrap."""
    albedo = float(rng.uniform(0.3, 0.65))
    if kind == "sandwich":
        half = (rng.uniform(3.5, 5.5), rng.uniform(4.0, 5.5), rng.uniform(1.6, 3.0))
        parts = [_solid(rounded_box((0, 0, 0), half, steps=9, power=3.5), albedo, 0.01, 0.8)]
        mid = (half[0] * 1.03, half[1] * 1.03, half[2] * 0.35)
        parts.append(_solid(rounded_box((0, 0, 0), mid, steps=9, power=3.0), albedo * 0.45))
        return Prop(kind, tuple(parts), float(half[2]), float(half[1]))
    if kind == "apple":
        r = float(rng.uniform(3.2, 4.0))
        parts = [_solid(rounded_box((0, 0, 0), (r, r * 0.95, r), steps=9, power=2.1), albedo, 0.06)]
        return Prop(kind, tuple(parts), r, r)
    r, half_length = float(rng.uniform(1.1, 2.6)), float(rng.uniform(5.5, 8.5))
    mesh = cylinder((0, -half_length, 0), (0, half_length, 0), r, r * 0.9, sides=12)
    return Prop("bar", (_solid(mesh, albedo, 0.02, 0.7),), r, half_length)


def make_smoke(kind: PropKind, rng: np.random.Generator) -> Prop:
    """A cigarette (glowing tip) or a vape; the fingers hold it near the mouth end."""
    if kind == "cigarette":
        r, length = float(rng.uniform(0.36, 0.5)), float(rng.uniform(5.0, 8.0))
        parts = [_solid(cylinder((0, 2.2, 0), (0, 2.2 - length, 0), r, r, sides=8), 0.75, 0.0, 0.6)]
        tip = cylinder((0, 2.2 - length, 0), (0, 1.4 - length, 0), r, r * 0.9, sides=8)
        glow = float(rng.choice([0.1, 0.5, 1.6]))
        parts.append(Piece(tip[0], tip[1], Material.EMISSIVE, (glow, 0.0, 0.0)))
        return Prop(kind, tuple(parts), r, 2.2)
    half = (rng.uniform(0.6, 1.5), rng.uniform(3.5, 5.0), rng.uniform(0.5, 0.9))
    albedo = float(rng.choice([0.06, 0.2, 0.5]))
    parts = [_solid(rounded_box((0, -half[1] + 1.0, 0), half, steps=7, power=5.0), albedo, 0.08)]
    parts.append(_solid(cylinder((0, 0.8, 0), (0, 3.0, 0), 0.6, 0.45, sides=8), albedo * 0.7))
    return Prop("vape", tuple(parts), float(half[2]), 3.0)


def make_brush(rng: np.random.Generator) -> Prop:
    """A make-up brush, lipstick, pen or comb: a rod whose working end is on +Y."""
    r, top, tail = float(rng.uniform(0.3, 1.0)), float(rng.uniform(3, 7)), float(rng.uniform(3, 9))
    rod = cylinder((0, -tail, 0), (0, top * 0.6, 0), r * 0.8, r, sides=8)
    end = cylinder((0, top * 0.6, 0), (0, top, 0), r, r * float(rng.uniform(0.3, 1.6)), sides=8)
    parts = [_solid(rod, float(rng.uniform(0.05, 0.7)), 0.1, 0.25)]
    parts.append(_solid(end, float(rng.uniform(0.05, 0.7)), 0.02, 0.7))
    return Prop("brush", tuple(parts), r, top)


def make_prop(kind: PropKind, rng: np.random.Generator) -> Prop:
    """A random thing of one kind."""
    if kind == "phone":
        return make_phone(rng)
    if kind in DRINKS:
        return make_drink(kind, rng)
    if kind in FOODS:
        return make_food(kind, rng)
    if kind in SMOKES:
        return make_smoke(kind, rng)
    if kind == "brush":
        return make_brush(rng)
    size = rng.uniform((6, 8), (11, 15))
    w, h = float(size[0]), float(size[1])
    sheet = quad((-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0), steps=6)
    return Prop("paper", (_solid(sheet, float(rng.uniform(0.4, 0.8)), 0.01, 0.7),), 0.3, h)


@dataclass(frozen=True, slots=True)
class HeldProp:
    """A prop in a hand: its frame in the hand's (fingers, palm, cross) axes, cm from the wrist."""

    prop: Prop
    side: Literal["L", "R"]
    rot: F64
    pos: F64

    def place(self, wrist: F64, frame: F64) -> tuple[F64, F64]:
        """World rotation and position of the prop for a hand's wrist and frame."""
        return frame @ self.rot, wrist + frame @ self.pos


def add_prop(scene: Scene, prop: Prop, rot: F64, pos: F64, tag: Tag | None = None) -> None:
    """Put a prop into the scene at a world pose."""
    tag = tag or (Tag.PHONE if prop.kind == "phone" else Tag.OBJECT)
    for piece in prop.pieces:
        v = piece.vertices @ rot.T.astype(np.float32) + pos.astype(np.float32)
        scene.add(
            v, piece.triangles, piece.material, params=piece.params, rest=piece.vertices, tag=tag
        )


def wheel_rim(radius: float) -> tuple[F32, I32]:
    """The rim in the wheel's own frame (axis +Z)."""
    a = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([radius * np.sin(a), radius * np.cos(a), 0 * a], 1)
    return tube(ring, 1.5, closed=True, sides=10)


def wheel_hub(radius: float, spokes: tuple[float, ...]) -> list[tuple[F32, I32]]:
    """Airbag cover and spokes of a steering wheel, in its own frame."""
    parts = [rounded_box((0, 0, 3.0), (6.5, 6.0, 3.0), steps=8)]
    for angle in spokes:
        outward = rot_z(-angle) @ np.array([0.0, 1.0, 0.0])
        start = outward * radius * 0.2 + np.array([0.0, 0.0, 2.5])
        parts.append(cylinder(start, outward * radius, 2.0, 1.4, sides=8))
    column = rounded_box((0, -2, 9.0), (5.0, 5.0, 6.0), steps=6)
    return [*parts, column]
