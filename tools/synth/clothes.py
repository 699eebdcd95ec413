"""One knitted garment from the body's shell mesh: smoothed, inflated, with clean hems.

The shell is skinned with the body, so a garment costs one smoothing per pose.  Hems are cut
once per person: triangles that cross a hem get new vertices on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from tools.synth import native
from tools.synth.body import F32, F64, I32, BodyModel, ShapedBody
from tools.synth.mesh import Material, Scene, Tag, vertex_normals
from tools.synth.pose import SIDES, Side

TAUBIN = (0.6, -0.59)  # shrink, then grow: smooths folds and keeps the shoulders' volume
MAX_NEIGHBOURS = 10
COLLAR_SKIN_CM = 4.0  # body skin stays drawn this far below a collar
FRONT = 4  # added to a cloth's pattern: it has the front that shader constants tell


@dataclass(frozen=True, slots=True)
class Garment:
    """A top: `collar` cm above neck joint, `sleeve` 1 = elbow, 2 = wrist, `loose` cm outwards."""

    albedo: float
    pattern: float  # 0 plain, 1 stripes, 2 checks, 3 blots all over
    collar: float
    sleeve: float
    loose: float
    smooth: int
    front: Mapping[str, ArrayLike] = field(default_factory=dict)  # see `random_front`
    watch: tuple[Side, float, float] | None = None  # wrist, albedo of the strap and of the dial


PRINTS = {"blot": 1, "text": 2, "face": 3, "picture": 4}
"""What is printed on a chest; the numbers are known to the shader."""


def random_front(rng: np.random.Generator) -> dict[str, ArrayLike]:
    """Shader constants of what a garment's front shows, cm down from the neck joint: a print, an
    open jacket or a badge on a strap. Albedos are drawn by themselves: dyes differ in infrared."""
    out: dict[str, ArrayLike] = {}
    u = rng.uniform
    if rng.random() < 0.5:
        kind = str(rng.choice(["blot", "text", "face", "picture"], p=[0.35, 0.3, 0.2, 0.15]))
        half, high = u(4, 13), u(2, 7) if kind == "text" else u(4, 14)
        # kind, middle, half width, half height, albedo, lumps, how full, left like right
        out["print"] = (PRINTS[kind], u(9, 17) + high, half, high, u(0.03, 0.85), u(0.6, 2.5),
                        u(0.35, 0.6), rng.random() < 0.6)  # fmt: skip
    if rng.random() < 0.25:  # half width at the collar, length of the opening, albedo below
        out["opening"] = (u(3, 10), rng.choice([18.0, 45.0, 300.0]), u(0.03, 0.85))
    if rng.random() < 0.3:  # worn, middle, half width, half height, aside, albedos of card, strap
        card = rng.choice([u(0.3, 0.9), 1.3])
        out["badge"] = (1, u(18, 36), u(2.2, 4.6), u(3.0, 5.5), rng.normal(0, 1.5), card,
                        u(0.03, 0.7))  # fmt: skip
    return out


@dataclass(frozen=True, slots=True)
class CutMesh:
    """A mesh cut along fields: vertex k = (1 - t) * from_a[k] + t * from_b[k]."""

    a: I32
    b: I32
    t: F32
    triangles: I32

    def take(self, values: F32) -> F32:
        """Per-vertex values of the original mesh, on the cut mesh."""
        t = self.t[:, None] if values.ndim > 1 else self.t
        return np.asarray(values[self.a] * (1 - t) + values[self.b] * t, np.float32)


def cut(triangles: I32, field: F64) -> CutMesh:
    """Keep the part of a mesh where `field` > 0; the hem is straight inside each triangle."""
    inside = field > 0
    count = inside[triangles].sum(1)
    pairs: dict[tuple[int, int], int] = {}
    out: list[tuple[int, int, int]] = []
    start = len(field)

    def between(p: int, q: int) -> int:
        return pairs.setdefault((p, q), start + len(pairs))

    for corners in triangles[(count == 1) | (count == 2)].tolist():
        polygon: list[int] = []
        for p, q in zip(corners, corners[1:] + corners[:1], strict=True):
            if inside[p]:
                polygon.append(p)
            if inside[p] != inside[q]:
                polygon.append(between(*((p, q) if inside[p] else (q, p))))
        out += [(polygon[0], polygon[k], polygon[k + 1]) for k in range(1, len(polygon) - 1)]
    rim = np.array(out, np.int32).reshape(-1, 3)
    tris = np.concatenate([triangles[count == 3], rim])
    ends = np.array(list(pairs), np.int32).reshape(-1, 2)
    a = np.concatenate([np.arange(start, dtype=np.int32), ends[:, 0]])
    b = np.concatenate([np.arange(start, dtype=np.int32), ends[:, 1]])
    f0, f1 = field[a], field[b]
    t = np.where(a == b, 0.0, f0 / np.where(a == b, 1.0, f0 - f1))
    used, flat = np.unique(tris, return_inverse=True)
    return CutMesh(
        a[used], b[used], t[used].astype(np.float32), flat.reshape(-1, 3).astype(np.int32)
    )


def along_arm(model: BodyModel, body: ShapedBody) -> F64:
    """Each drawn vertex's place on the arm: < 0 trunk, 0 shoulder, 1 elbow, 2 wrist."""
    out = np.full(len(body.vertices), -1.0)
    for side in SIDES:
        s, e, w = (
            body.head[model.index[f"{n}.{side}"]] for n in ("upperarm01", "lowerarm01", "wrist")
        )
        mine = (model.arm_side > 0) == (side == "L")
        upper = ((body.vertices - s) @ (e - s)) / ((e - s) @ (e - s))
        lower = 1 + ((body.vertices - e) @ (w - e)) / ((w - e) @ (w - e))
        share = np.clip(model.forearm, 0, 1)
        place = np.where(share > 0.5, np.maximum(lower, 0.6), np.minimum(upper, 1.3))
        arm = mine & ((model.upper_arm + model.forearm) > 0.25)
        out[arm] = place[arm]
    return out


class Tailor:
    """What is fixed by the shell's topology: neighbours and how freely each vertex smooths."""

    def __init__(self, model: BodyModel) -> None:
        self.model = model
        tris = model.shell_tris
        self.vertices = np.unique(tris)
        local = np.full(len(model.rest), -1, np.int32)
        local[self.vertices] = np.arange(len(self.vertices), dtype=np.int32)
        edges = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])
        self._rim = self._boundary(local, edges)
        self._neighbours(local[np.concatenate([edges, edges[:, ::-1]])])
        self._freedom()

    def _boundary(self, local: I32, edges: I32) -> I32:
        pairs, count = np.unique(np.sort(edges, 1), axis=0, return_counts=True)
        return np.asarray(local[np.unique(pairs[count == 1])], np.int32)

    def _neighbours(self, edges: I32) -> None:
        edges = np.unique(edges, axis=0)
        count = np.bincount(edges[:, 0], minlength=len(self.vertices))
        place = np.arange(len(edges)) - np.repeat(np.cumsum(count) - count, count)
        table = np.repeat(np.arange(len(self.vertices))[:, None], MAX_NEIGHBOURS, 1)
        keep = place < MAX_NEIGHBOURS
        table[edges[keep, 0], place[keep]] = edges[keep, 1]
        self._table = table.astype(np.int32)
        self._count = np.minimum(np.maximum(count, 1), MAX_NEIGHBOURS).astype(np.int32)

    def _mean(self, values: F32) -> F32:
        total = np.zeros_like(values)
        for k in range(MAX_NEIGHBOURS):
            total += values[self._table[:, k]]
        empty = (MAX_NEIGHBOURS - self._count)[:, None].astype(np.float32)
        count = self._count[:, None].astype(np.float32)
        return np.asarray((total - empty * values) / count, np.float32)

    def _freedom(self) -> None:
        free = np.clip(1 - self.model.forearm[self.vertices], 0.08, 1)[:, None].astype(np.float32)
        free[self._rim] = 0
        for _ in range(4):
            free = np.minimum(free, self._mean(free) * 1.15 + 0.02)
        free[self._rim] = 0
        neck = np.clip(self.model.neck[self.vertices] * 1.5, 0, 1)[:, None]
        self._free = np.ascontiguousarray((free * (1 - neck))[:, 0], np.float32)

    def smooth(self, posed: F32, times: int) -> F32:
        """The shell's vertices after Taubin smoothing (all other vertices unchanged)."""
        out = posed.copy()
        out[self.vertices] = native.smooth(
            posed[self.vertices], self._table, self._count, self._free, times, TAUBIN
        )
        return out


class Dressed:
    """One person in one garment: hems cut, hidden skin dropped; `add` puts a pose in a scene."""

    def __init__(self, tailor: Tailor, body: ShapedBody, garment: Garment) -> None:
        model = tailor.model
        self._tailor, self._garment, self._body = tailor, garment, body
        arm = along_arm(model, body)
        rest_y = body.vertices[:, 1].astype(float)
        collar = float(body.head[model.index["neck01"]][1]) + garment.collar
        field = np.minimum((collar - rest_y) / 10.0, garment.sleeve - arm)
        self._cut = cut(model.shell_tris, field)
        bare = (arm > garment.sleeve - 0.18) | (rest_y > collar - COLLAR_SKIN_CM)
        self._skin = model.skin_tris[bare[model.skin_tris].any(1)]
        hand = model.hand[self._skin].mean(1) > 0.5
        left = model.arm_side[self._skin].mean(1) > 0
        self._skin_parts = [
            (*np.unique(self._skin[which], return_inverse=True), tag)
            for which, tag in (
                (~hand, Tag.BODY),
                (hand & left, Tag.HAND_L),
                (hand & ~left, Tag.HAND_R),
            )
        ]
        trunk = np.clip(model.upper_arm + model.forearm, 0, 1).astype(np.float32)
        self._trunk = self._cut.take(trunk) < 0.3
        neck = body.head[model.index["neck01"]]
        self.constants: dict[str, ArrayLike] = {"neck": neck, **garment.front}
        self._inflate = (garment.loose * (1 - 0.65 * np.clip(model.forearm, 0, 1))).astype("f4")

    def trunk_only(self, cloth: F32) -> F32:
        """The garment's vertices that are not on the arms."""
        return cloth[self._trunk]

    def cloth(self, posed: F32) -> F32:
        """Vertices of the cut garment over a posed body."""
        smooth = self._tailor.smooth(posed, self._garment.smooth)
        normals = vertex_normals(smooth, self._tailor.model.shell_tris)
        return self._cut.take(smooth + normals * self._inflate[:, None])

    def add(self, scene: Scene, posed: F32, occlusion: F32, other: bool = False) -> F32:
        """Add skin and garment of a posed body; returns the garment's vertices."""
        model, rest = self._tailor.model, self._body.vertices
        normals = vertex_normals(posed, model.skin_tris)
        params = np.zeros((len(posed), 3), np.float32)
        params[:, 0] = occlusion
        for used, flat, tag in self._skin_parts:
            scene.add(
                posed[used],
                flat.reshape(-1, 3),
                Material.BODY_SKIN,
                normals=normals[used],
                rest=rest[used],
                params=params[used],
                tag=Tag.OTHER_PERSON if other else tag,
            )
        cloth = self.cloth(posed)
        look = np.empty((len(cloth), 3), np.float32)
        look[:, 0], look[:, 2] = self._garment.albedo, self._garment.pattern + FRONT
        look[:, 1] = self._cut.take(occlusion)
        tag = Tag.OTHER_PERSON if other else Tag.CLOTH
        scene.add(
            cloth,
            self._cut.triangles,
            Material.CLOTH,
            rest=self._cut.take(rest),
            params=look,
            tag=tag,
        )
        return cloth
