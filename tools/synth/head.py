"""The ICT-FaceKit head: a person's shape, expressions, lids, eyeballs, and what they are labelled.

Model frame: cm, Y up, Z out of the face, X the subject's left, eyes about (+-3.1, 3.6, 7.9).
Pairs are (subject's right, subject's left) throughout.  See facts of the model in docs/synth.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.synth import assets, native
from tools.synth.camera import F64, rotation
from tools.synth.eyelids import MARGINS, PLAIN, EyeBuild, Eyelids
from tools.synth.mesh import F32, I32, U8, Material, Scene, Tag

EYE_MIDDLE = np.array([0.0, 3.6, 7.9])  # model frame; what `place` puts at eye_mid
_EYES_NEAR = np.array([[-3.10, 3.60, 7.88], [3.10, 3.60, 7.88]])
_NECK_LOW, _NECK_HIGH = -12.5, -6.5  # rest heights between which the neck follows torso / head
_LID_GAP = 1.045  # lids stay this many eyeball radii from the centre ...
_CORNEA_GAP = 0.11  # ... and this much more above the cornea
_REGION_CM = 1.75  # skin this near an eye's centre counts as that eye's region
_MATERIAL = {
    "face": Material.SKIN, "headneck": Material.SKIN, "mouthsocket": Material.MOUTH,
    "eyesocketL": Material.MOUTH, "eyesocketR": Material.MOUTH, "gums": Material.MOUTH,
    "teeth": Material.TEETH, "scleraL": Material.EYE, "scleraR": Material.EYE,
    "lashL": Material.LASH, "lashR": Material.LASH,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """The vertices of one material and the triangles among them."""

    material: Material
    vertices: NDArray[Any]  # into the head's vertices
    triangles: I32  # into `vertices`
    tags: U8  # a triangle


@dataclass(frozen=True, slots=True)
class Identity:
    """One person's neutral head; `lid` shifts the lids' rest (> 0 droops, < 0 wide open)."""

    neutral: F32  # (N,3) model frame
    eye_centre: F64  # (2,3)
    eye_radius: F64  # (2,)
    lid: float
    aperture: F64  # (2,2): closed and neutral lid aperture of each eye


@dataclass(frozen=True, slots=True)
class FaceShape:
    """An identity with an expression, in the model frame, and its labels."""

    vertices: F32  # (N,3)
    eye_centre: F64  # (2,3)
    eye_radius: F64  # (2,)
    gaze: F64  # (2,3) unit directions, head axes
    openness: F64  # (2,): 0 closed, 1 this person's neutral, up to 1.3
    mouth: float  # inner lip height / width
    landmarks: F32  # (68,3)


class HeadModel:
    """The asset, decoded once: shapes as matrices over the vertices worth drawing."""

    def __init__(self) -> None:
        z: dict[str, Any] = assets.load(assets.ICT_FACE)
        names = [str(x) for x in z["parts"]]
        keep = np.isin(z["tri_part"], [names.index(p) for p in _MATERIAL])
        keep &= z["mean"][z["tris"].astype(int)][:, :, 1].min(1) > -17.5
        tris, part = z["tris"][keep].astype(np.int64), z["tri_part"][keep]
        used = np.unique(np.r_[tris.ravel(), z["lm68"]])
        back = np.full(len(z["mean"]), -1)
        back[used] = np.arange(len(used))
        self.triangles: I32 = back[tris].astype(np.int32)
        self.rest: F32 = np.ascontiguousarray(z["mean"][used])
        self.landmarks: NDArray[np.int64] = back[z["lm68"]]
        self.shape_names = [str(x) for x in z["names"]]
        ids = z["ids"][:, used].astype(np.float32) / 127 * z["id_scale"][:, None, None]
        self._ids: F32 = ids.reshape(len(ids), -1)
        ex = z["ex"][:, used].astype(np.float32) / 32767 * z["ex_scale"][:, None, None]
        self._ex: F32 = ex.reshape(len(ex), -1)

        def vertices_of(*parts: str) -> NDArray[np.intp]:
            return np.unique(self.triangles[np.isin(part, [names.index(p) for p in parts])])

        self._balls = [vertices_of("scleraR"), vertices_of("scleraL")]
        self._lashes = [vertices_of("lashR"), vertices_of("lashL")]
        face = vertices_of("face")
        self._eyelids = Eyelids(self.rest, face, self.landmarks)
        self._lids = [face[np.linalg.norm(self.rest[face] - c, axis=1) < 2.6] for c in _EYES_NEAR]
        rings = [np.linalg.norm(self.rest[face] - c, axis=1) < 1.95 for c in _EYES_NEAR]
        self.lid_region = [face[r] for r in rings]
        self.skin_triangles = self.triangles[np.isin(part, [0, 1])]
        self.parts = [self._part(m, part, names) for m in dict.fromkeys(_MATERIAL.values())]
        self.occlusion = assets.baked("head-occlusion", assets.ICT_FACE, self._bake)

    def _part(self, material: Material, part: NDArray[np.int8], names: list[str]) -> Part:
        chosen = [names.index(p) for p, m in _MATERIAL.items() if m == material]
        tris = self.triangles[np.isin(part, chosen)]
        vertices, local = np.unique(tris, return_inverse=True)
        middle = self.rest[tris].mean(1)
        tags = np.full(len(tris), int(Tag.FACE), np.uint8)
        if material in (Material.SKIN, Material.EYE, Material.LASH):
            for k, tag in enumerate((Tag.EYE_R, Tag.EYE_L)):
                near = np.linalg.norm(middle - _EYES_NEAR[k], axis=1) < _REGION_CM
                tags[near] = int(tag)
        return Part(material, vertices, local.reshape(-1, 3).astype(np.int32), tags)

    def _bake(self) -> F32:
        lashes = np.concatenate(self._lashes)
        solid = self.triangles[~np.isin(self.triangles, lashes).any(1)]
        out = native.occlusion(self.rest, solid)
        out[np.concatenate(self._balls)] = 1
        return out

    def identity(self, weights: ArrayLike, lid: float = 0.0, eyes: EyeBuild = PLAIN) -> Identity:
        """A person from up to 100 N(0,1) weights (a spread of 0.85 looks natural)."""
        w = np.zeros(len(self._ids), np.float32)
        given = np.asarray(weights, np.float32)
        w[: len(given)] = given
        neutral = (self.rest.reshape(-1) + w @ self._ids).reshape(-1, 3)
        self._eyelids.apply(neutral, eyes)
        fits = [_sphere(neutral[b[self.rest[b, 2] < 8.5]]) for b in self._balls]
        person = Identity(
            neutral, np.array([c for c, _ in fits]), np.array([r for _, r in fits]), lid,
            np.array([[0.0, 0.0], [1.0, 1.0]]),
        )  # fmt: skip
        straight = np.zeros((2, 2))
        closed = self._deform(person, {"eyeBlink": 1.0}, straight)[0]
        rest = self._deform(person, {}, straight)[0]
        aperture = np.array([self._apertures(closed), self._apertures(rest)])
        return Identity(person.neutral, person.eye_centre, person.eye_radius, lid, aperture)

    def express(
        self, person: Identity, weights: Mapping[str, float], gaze_deg: ArrayLike = ((0, 0),) * 2
    ) -> FaceShape:
        """`weights` by ICT name, a name without _L/_R sets both; gaze (2,2) = yaw, pitch of each
        eye in the head's axes: yaw > 0 to the subject's left, pitch > 0 up.  Lids follow."""
        gaze = np.asarray(gaze_deg, float)
        vertices, axes = self._deform(person, weights, gaze)
        closed, rest = person.aperture
        openness = (self._apertures(vertices) - closed) / np.maximum(rest - closed, 1e-3)
        points = vertices[self.landmarks]
        lip = np.linalg.norm(points[62] - points[66]) / np.linalg.norm(points[60] - points[64])
        return FaceShape(
            vertices, person.eye_centre, person.eye_radius, axes, np.clip(openness, 0, 1.3),
            float(lip), points,
        )  # fmt: skip

    def _apertures(self, vertices: F32) -> F64:
        points = vertices[self.landmarks].astype(float)

        def aperture(o: int) -> float:
            high = np.linalg.norm(points[o + 1] - points[o + 5])
            high += np.linalg.norm(points[o + 2] - points[o + 4])
            return float(high / 2 / np.linalg.norm(points[o] - points[o + 3]))

        return np.array([aperture(36), aperture(42)])

    def _deform(self, person: Identity, weights: Mapping[str, float], gaze: F64) -> tuple[F32, F64]:
        w = self._weights(person, weights, gaze)
        on = np.nonzero(w)[0]
        flat = person.neutral.reshape(-1).copy()
        if len(on):
            flat += w[on] @ self._ex[on]
        vertices: F32 = flat.reshape(-1, 3)
        axes = np.zeros((2, 3))
        for k, side in enumerate("RL"):
            turn = rotation((0, 1, 0), gaze[k, 0]) @ rotation((1, 0, 0), -gaze[k, 1])
            axes[k] = turn[:, 2]
            i = self.shape_names.index(f"eyeBlink_{side}")
            down = w[self.shape_names.index(f"eyeLookDown_{side}")]
            self._lids_over_ball(vertices, person, k, axes[k])
            self._turn_ball(vertices, person, k, turn, float(w[i] + 0.5 * down))
        return vertices, axes

    def _weights(self, person: Identity, weights: Mapping[str, float], gaze: F64) -> F32:
        w = np.zeros(len(self.shape_names), np.float32)

        def add(name: str, value: float) -> None:
            both = [name] if name in self.shape_names else [f"{name}_L", f"{name}_R"]
            for n in both:
                w[self.shape_names.index(n)] += value

        for name, value in weights.items():
            add(name, value)
        for k, side in enumerate("RL"):
            i = self.shape_names.index(f"eyeBlink_{side}")
            shut = float(np.clip(w[i], 0, 1))
            w[i] = shut + max(person.lid, 0) * (1 - shut)
            add(f"eyeWide_{side}", max(-person.lid, 0) * (1 - shut))
            yaw, pitch = gaze[k]
            out = yaw if side == "L" else -yaw
            add(f"eyeLookOut_{side}", max(0.0, out / 35))
            add(f"eyeLookIn_{side}", max(0.0, -out / 35))
            add(f"eyeLookUp_{side}", max(0.0, pitch / 30) * (1 - shut))
            add(f"eyeLookDown_{side}", min(1.0, max(0.0, -pitch / 35)) * (1 - shut))
        return w

    def _lids_over_ball(self, vertices: F32, person: Identity, k: int, axis: F64) -> None:
        """Lids and lashes are pushed out of the eyeball and its cornea bulge."""
        centre, radius = person.eye_centre[k], person.eye_radius[k]
        for index, cornea in ((self._lids[k], _CORNEA_GAP), (self._lashes[k], 0.015)):
            d = vertices[index] - centre
            far = np.linalg.norm(d, axis=1)
            over = np.clip((d @ axis / far - 0.86) / 0.10, 0, 1)
            need = radius * (_LID_GAP + cornea * over)
            low = (far < need) & (d[:, 2] > 0.15 * radius)
            vertices[index[low]] = centre + d[low] * (need / far)[low, None]

    def _turn_ball(
        self, vertices: F32, person: Identity, k: int, turn: F64, closing: float
    ) -> None:
        """The ball follows the gaze; its cornea bulge sinks as the lid passes over it."""
        centre, radius = person.eye_centre[k], person.eye_radius[k]
        d = vertices[self._balls[k]] - centre
        far = np.linalg.norm(d, axis=1, keepdims=True)
        t = float(np.clip((closing - 0.1) / 0.45, 0, 1))
        bulge = 0.75 * (1 - t * t * (3 - 2 * t))
        d = d * np.where(far > radius, (radius + (far - radius) * bulge) / far, 1.0)
        vertices[self._balls[k]] = d @ turn.T + centre

    def constants(self) -> dict[str, ArrayLike]:
        """Shader constants that belong to the rest shape: brows, lips, folds."""
        r = self.rest[self.landmarks].astype(float)
        brows = np.r_[r[17:22, :2], r[26:21:-1, :2]] + np.array([0, 0.25])
        folds = []
        for eye, sign in ((36, -1), (42, 1)):  # a bag below each eye
            x = r[eye : eye + 6, :2].mean(0)[0]
            y = r[[eye + 4, eye + 5], 1].mean()
            offsets = ((1.5 * sign, -0.25), (0.5 * sign, -0.75), (-0.6 * sign, -0.7),
                       (-1.5 * sign, -0.2))  # fmt: skip
            folds.append([(x + dx, y + dy) for dx, dy in offsets])
        for nose, mouth, sign in ((31, 48, -1), (35, 54, 1)):
            a, b = r[nose, :2] + (0.9 * sign, 0.9), r[mouth, :2] + (0.9 * sign, 0)
            middle = (a + b) / 2 + (0.45 * sign, 0)
            line = [a, (a + middle) / 2 + (0.1 * sign, 0), middle, b]
            folds.append([(float(p[0]), float(p[1])) for p in line])
        return {
            "brows": brows, "lips": r[48:60, :2], "fold_lines": np.array(folds),
            "lip_seam": r[60:65, :2] - np.array([0, 0.03]),
            "lid_lines": np.array([r[list(m), :2] for m in MARGINS]),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlacedHead:
    """A face shape in the world: the head turned by `rotation`, its neck ending on the torso."""

    model: HeadModel
    shape: FaceShape
    rotation: F64  # head axes in the world
    eye_mid: F64  # where the model's EYE_MIDDLE is, world cm
    torso_rotation: F64
    torso_eye_mid: F64  # where it would be if the head were rigid with the torso
    vertices: F32
    normals: F32

    def carry(self, points: ArrayLike) -> F64:
        """Model-frame points that move with the skull (glasses, cap) to the world."""
        p = np.asarray(points, float) - EYE_MIDDLE
        return np.asarray(p @ self.rotation.T + self.eye_mid)

    def carry_neck(self, points: ArrayLike) -> F64:
        """As `carry`, but low points follow the torso (long hair, scarf)."""
        return _blend(np.asarray(points, float), np.asarray(points, float)[..., 1], self)

    def landmarks(self) -> F64:
        """(68,3) world cm."""
        return self.vertices[self.model.landmarks].astype(float)

    def eyes(self) -> F64:
        """(2,3) eyeball centres, world cm."""
        return self.carry(self.shape.eye_centre)

    def gaze(self) -> F64:
        """(2,3) unit gaze directions in the world."""
        return self.shape.gaze @ self.rotation.T

    def constants(self) -> dict[str, ArrayLike]:
        """Shader constants of this head."""
        up, left = self.rotation[:, 1], self.rotation[:, 0]
        return {
            **self.model.constants(), "eye_centre": self.eyes(), "eye_axis": self.gaze(),
            "eye_up": [self._eye_up(k) for k in (0, 1)], "head_up": up, "head_left": left,
        }  # fmt: skip

    def _eye_up(self, k: int) -> F64:
        axis = self.gaze()[k]
        up = self.rotation[:, 1] - axis * (axis @ self.rotation[:, 1])
        return np.asarray(up / np.linalg.norm(up))

    def add_to(self, scene: Scene, *, lash: float = 0.45, mouth_inside: bool = True) -> None:
        """Add skin, eyes, lashes and, unless the mouth is shut, what is in it."""
        for part in self.model.parts:
            inner = part.material in (Material.TEETH, Material.MOUTH)
            if inner and not mouth_inside:
                continue
            params = np.zeros((len(part.vertices), 3), np.float32)
            params[:, 0] = self.model.occlusion[part.vertices]
            if part.material == Material.EYE:
                params[:, 1] = self.model.rest[part.vertices, 0] > 0
            elif part.material == Material.LASH:
                params[:, 0] = lash * np.where(self.model.rest[part.vertices, 1] > 3.55, 1, 0.7)
            scene.add(
                self.vertices[part.vertices], part.triangles, part.material,
                normals=self.normals[part.vertices], rest=self.model.rest[part.vertices],
                params=params, tag=part.tags,
            )  # fmt: skip


def place(
    model: HeadModel,
    shape: FaceShape,
    head: F64,
    eye_mid: ArrayLike,
    torso: F64 | None = None,
    torso_eye_mid: ArrayLike | None = None,
) -> PlacedHead:
    """Put a face into the world.

    `head` (3,3): head axes in the world; `eye_mid`: where the middle of the eyes comes to lie.
    `torso`, `torso_eye_mid`: the same two for a head held rigidly straight on this torso; vertices
    of the neck are blended between both by their rest height.  On a body whose neck01 joint was at
    h and eye middle at e before posing, and is at t with rotation R after:
    torso = R, torso_eye_mid = t + R @ (e - h).
    """
    mid = np.asarray(eye_mid, float)
    torso = head if torso is None else torso
    torso_mid = mid if torso_eye_mid is None else np.asarray(torso_eye_mid, float)
    empty = np.empty((0, 3), np.float32)
    bare = PlacedHead(model, shape, head, mid, torso, torso_mid, empty, empty)
    vertices = _blend(shape.vertices, model.rest[:, 1], bare).astype(np.float32)
    normals = native.vertex_normals(vertices, model.triangles)
    return PlacedHead(model, shape, head, mid, torso, torso_mid, vertices, normals)


@cache
def model() -> HeadModel:
    """The head model of this process."""
    return HeadModel()


def _blend(points: ArrayLike, height: ArrayLike, placed: PlacedHead) -> F64:
    p = np.asarray(points, np.float32)
    w = np.clip((np.asarray(height) - _NECK_LOW) / (_NECK_HIGH - _NECK_LOW), 0, 1)[..., None]
    w = (w * w * (3 - 2 * w)).astype(np.float32)
    d = p - EYE_MIDDLE.astype(np.float32)
    on_head = d @ placed.rotation.T.astype(np.float32) + placed.eye_mid.astype(np.float32)
    on_torso = d @ placed.torso_rotation.T.astype(np.float32)
    on_torso += placed.torso_eye_mid.astype(np.float32)
    return np.asarray(w * on_head + (1 - w) * on_torso)


def _sphere(points: F32) -> tuple[F64, float]:
    """Least-squares sphere: centre, radius."""
    p = points.astype(float)
    a = np.c_[2 * p, np.ones(len(p))]
    s = np.linalg.lstsq(a, (p**2).sum(1), rcond=None)[0]
    return s[:3], float(np.sqrt(s[3] + s[:3] @ s[:3]))
