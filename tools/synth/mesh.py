"""Meshes on their way to the rasteriser: one flat vertex buffer, filled piece by piece.

World frame: cm, Y up, car forward +Z, driver's left +X.  A `Scene` holds everything that one
picture can see.  Each piece has one material; what its three `params` mean depends on it:

| material        | params[0]               | params[1]                 | params[2] |
|-----------------|-------------------------|---------------------------|-----------|
| SKIN, BODY_SKIN | ambient occlusion 0..1  | -                         | -         |
| EYE             | ambient occlusion       | 0 right, 1 left eye       | -         |
| TEETH, MOUTH    | ambient occlusion       | -                         | -         |
| LASH            | density 0..1            | -                         | -         |
| CLOTH           | albedo                  | ambient occlusion         | pattern   |
| HAIR            | density 0..1            | layer 0 root .. 1 outside | 1 beard   |
| PROP, WALL      | albedo                  | specular strength         | roughness |
| LENS            | transmission 0..1       | mirror 0..1               | -         |
| EMISSIVE        | radiance                | 0 flat, 1 window scenery  | -         |

A cloth's pattern: 0 plain, 1 stripes, 2 checks, 3 blots, and 4 more with a front of its own.
`albedo=` is a short way to give a constant params[0] (params[1:] then are the material's default).
`rest` are the coordinates that textures are attached to (default: the vertices themselves); give
the unposed vertices for anything that moves.  `tag` is written to the picture's identity buffer, so
that labels can ask what is seen at a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]


class Material(IntEnum):
    """How a surface answers to light; the numbers are known to the C++ shader."""

    SKIN = 0  # the ICT head: brows, lips, beard and scalp are painted by its rest coordinates
    BODY_SKIN = 1
    EYE = 2
    TEETH = 3
    MOUTH = 4
    LASH = 5
    CLOTH = 6
    HAIR = 7
    PROP = 8
    WALL = 9  # car interior, room: as PROP with a coarse texture
    LENS = 10  # see-through; added with blend=True
    EMISSIVE = 11


class Tag(IntEnum):
    """Whose surface a pixel shows (identity buffer); 0 where there is nothing."""

    NONE = 0
    FACE = 1  # head skin, teeth, mouth, lashes
    EYE_R = 2
    EYE_L = 3
    HAIR = 4
    GLASSES = 5
    MASK = 6
    BODY = 7
    HAND_R = 8
    HAND_L = 9
    CLOTH = 10
    OBJECT = 11  # what a hand holds, or any loose occluder
    PHONE = 12
    BELT = 13
    CABIN = 14
    OTHER_PERSON = 15


_DEFAULTS: dict[Material, tuple[float, float, float]] = {
    Material.SKIN: (1.0, 0.0, 0.0),
    Material.BODY_SKIN: (1.0, 0.0, 0.0),
    Material.EYE: (1.0, 0.0, 0.0),
    Material.TEETH: (1.0, 0.0, 0.0),
    Material.MOUTH: (1.0, 0.0, 0.0),
    Material.LASH: (0.6, 0.0, 0.0),
    Material.CLOTH: (0.4, 1.0, 0.0),
    Material.HAIR: (1.0, 0.5, 0.0),
    Material.PROP: (0.3, 0.02, 0.5),
    Material.WALL: (0.15, 0.01, 0.6),
    Material.LENS: (0.93, 0.0, 0.0),
    Material.EMISSIVE: (0.2, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Buffers:
    """What the rasteriser takes: `vertices` (N,12) = position, normal, rest, params."""

    vertices: F32
    triangles: I32
    materials: U8  # a triangle
    tags: U8  # a triangle
    opaque: int  # the first so many triangles are opaque, the rest are see-through lenses


class Scene:
    """Collects pieces of geometry; nothing is copied to the rasteriser before `buffers`."""

    def __init__(self) -> None:
        self._pieces: tuple[list[_Piece], list[_Piece]] = ([], [])

    def add(
        self,
        vertices: ArrayLike,
        triangles: ArrayLike,
        material: Material,
        *,
        normals: ArrayLike | None = None,
        rest: ArrayLike | None = None,
        params: ArrayLike | None = None,
        albedo: float | None = None,
        tag: Tag | U8 = Tag.CABIN,
        blend: bool = False,
    ) -> None:
        """Add one piece: vertices (N,3) world cm, triangles (M,3) into them, counter-clockwise
        seen from outside.

        `params` is (N,3), or (3,) for all vertices.  Normals are area-weighted if not given.
        `tag` may be one a triangle.
        """
        v = np.ascontiguousarray(vertices, np.float32)
        t = np.ascontiguousarray(triangles, np.int32)
        if v.ndim != 2 or v.shape[1] != 3 or t.ndim != 2 or t.shape[1] != 3:
            raise ValueError(f"vertices {v.shape} and triangles {t.shape} must both be (n, 3)")
        n = vertex_normals(v, t) if normals is None else np.asarray(normals, np.float32)
        row = np.empty((len(v), 12), np.float32)
        row[:, 0:3] = v
        row[:, 3:6] = n
        row[:, 6:9] = v if rest is None else np.asarray(rest, np.float32)
        row[:, 9:12] = _DEFAULTS[material] if params is None else np.asarray(params, np.float32)
        if albedo is not None:
            row[:, 9] = albedo
        tags = np.broadcast_to(np.asarray(tag, np.uint8), (len(t),))
        self._pieces[int(blend)].append(_Piece(row, t, int(material), tags))

    def include(self, other: Scene) -> None:
        """Add another scene's pieces by reference (what stands still from frame to frame)."""
        for mine, theirs in zip(self._pieces, other._pieces, strict=True):
            mine.extend(theirs)

    def buffers(self) -> Buffers:
        """Everything added so far, opaque pieces first."""
        pieces = [*self._pieces[0], *self._pieces[1]]
        starts = np.cumsum([0, *(len(p.rows) for p in pieces)])
        counts = [len(p.triangles) for p in pieces]
        triangles = [p.triangles + np.int32(s) for p, s in zip(pieces, starts, strict=False)]
        return Buffers(
            np.concatenate([np.empty((0, 12), np.float32), *(p.rows for p in pieces)]),
            np.concatenate([np.empty((0, 3), np.int32), *triangles]),
            np.repeat(np.array([p.material for p in pieces], np.uint8), counts),
            np.concatenate([np.empty(0, np.uint8), *(p.tags for p in pieces)]),
            sum(len(p.triangles) for p in self._pieces[0]),
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    rows: F32
    triangles: I32
    material: int
    tags: U8


def vertex_normals(vertices: F32, triangles: I32) -> F32:
    """Area-weighted unit normals (N,3); C++."""
    from tools.synth import native

    return native.vertex_normals(vertices, triangles)


@cache
def grid(rows: int, columns: int) -> I32:
    """Triangles of a rows x columns lattice of vertices stored row by row (not to be changed)."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    v = (r * columns + c).ravel()
    first = np.stack([v, v + 1, v + columns], 1)
    second = np.stack([v + 1, v + columns + 1, v + columns], 1)
    out = np.concatenate([first, second]).astype(np.int32)
    out.flags.writeable = False
    return out


def rounded_box(
    centre: ArrayLike,
    half: ArrayLike,
    rotation: ArrayLike | None = None,
    *,
    steps: int = 14,
    power: float = 5.0,
) -> tuple[F32, I32]:
    """A superellipsoid: power 2 is an ellipsoid, larger is boxier."""
    p = _superellipsoid(steps, power) * np.asarray(half)
    r = np.eye(3) if rotation is None else np.asarray(rotation)
    return (p @ r.T + np.asarray(centre)).astype(np.float32), grid(steps, 2 * steps)


@cache
def _superellipsoid(steps: int, power: float) -> NDArray[np.float64]:
    u, w = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, steps),
        np.linspace(np.pi, -np.pi, 2 * steps),
        indexing="ij",
    )

    def f(a: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(a) * np.abs(a) ** (2 / power)

    p = np.stack([f(np.cos(u)) * f(np.cos(w)), f(np.sin(u)), f(np.cos(u)) * f(np.sin(w))], -1)
    return p.reshape(-1, 3)


def tube(
    path: ArrayLike, radius: ArrayLike, *, closed: bool = False, sides: int = 8
) -> tuple[F32, I32]:
    """A round tube along `path` (n,3); radius a number or one a point."""
    p = np.asarray(path, float)
    d = np.roll(p, -1, 0) - np.roll(p, 1, 0) if closed else np.gradient(p, axis=0)
    d /= np.linalg.norm(d, axis=1, keepdims=True) + 1e-9
    a = np.cross(d, (0.13, 0.97, 0.2))
    a /= np.linalg.norm(a, axis=1, keepdims=True) + 1e-9
    b = np.cross(d, a)
    t = np.linspace(0, 2 * np.pi, sides)[None, :, None]
    r = np.broadcast_to(np.asarray(radius, float), (len(p),))[:, None, None]
    v = p[:, None] + (np.cos(t) * a[:, None] + np.sin(t) * b[:, None]) * r
    if closed:
        v = np.concatenate([v, v[:1]])
    return v.reshape(-1, 3).astype(np.float32), grid(len(v), sides)


def cylinder(
    start: ArrayLike, end: ArrayLike, r0: float, r1: float, *, sides: int = 16
) -> tuple[F32, I32]:
    """A closed cone section from `start` to `end`."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    p = np.array([a, a + (b - a) * 1e-3, b - (b - a) * 1e-3, b])
    return tube(p, [1e-3, r0, r1, 1e-3], sides=sides)


def quad(
    a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike, *, steps: int = 8
) -> tuple[F32, I32]:
    """A four-cornered patch a-b-c-d in steps x steps vertices (large walls need many)."""
    p = [np.asarray(q, float) for q in (a, b, c, d)]
    s, t = np.meshgrid(np.linspace(0, 1, steps), np.linspace(0, 1, steps), indexing="ij")
    s, t = s[..., None], t[..., None]
    v = p[0] * (1 - s) * (1 - t) + p[1] * s * (1 - t) + p[2] * s * t + p[3] * (1 - s) * t
    return v.reshape(-1, 3).astype(np.float32), grid(steps, steps)
