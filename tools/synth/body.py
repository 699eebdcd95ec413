"""The MakeHuman body: shape a person, pose the skeleton, skin the mesh.

Units cm, Y up, +Z forward, +X the person's left. Rest pose is the base mesh's A-pose.
Rotations are world rotations: a bone's matrix takes rest directions to posed directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.synth import native

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

DM_TO_CM = 10.0
LOWEST_DRAWN_CM = -45.0  # nothing below the knees is ever in a cabin camera's picture
HEAD_WEIGHT_CUT = 0.75  # triangles moved this much by the head belong to the ICT head instead
AXES_RACE = ("african", "asian", "caucasian")


def rotation(axis: tuple[float, float, float] | F64, degrees: float) -> F64:
    """Rotation matrix about `axis` (any length) by `degrees`, right-handed."""
    a = np.asarray(axis, np.float64)
    x, y, z = a / np.linalg.norm(a)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def rot_x(degrees: float) -> F64:
    """Rotation about +X."""
    return rotation((1.0, 0.0, 0.0), degrees)


def rot_y(degrees: float) -> F64:
    """Rotation about +Y: positive turns +Z towards +X, so a face turns to its own left."""
    return rotation((0.0, 1.0, 0.0), degrees)


def rot_z(degrees: float) -> F64:
    """Rotation about +Z."""
    return rotation((0.0, 0.0, 1.0), degrees)


@dataclass(frozen=True, slots=True)
class BodyShape:
    """A person's proportions; every number is 0..1 and 0.5 is average (sex: 0 female, 1 male)."""

    sex: float
    age: float
    race: tuple[float, float, float]
    weight: float
    muscle: float
    height: float


@dataclass(frozen=True, slots=True)
class ShapedBody:
    """One person's rest mesh (only the drawn vertices) and bone heads and tails, cm."""

    vertices: F32
    head: F64
    tail: F64


@dataclass(frozen=True, slots=True)
class Frames:
    """World rotation and position of each kept bone's head."""

    rot: F64
    pos: F64


def _axis_weights(low: str, mid: str, high: str, value: float) -> dict[str, float]:
    below, above = max(0.0, 1 - 2 * value), max(0.0, 2 * value - 1)
    return {low: below, mid: 1 - below - above, high: above}


def target_weight(name: str, shape: BodyShape) -> float:
    """Weight of one MakeHuman target: the product of its axes' piecewise-linear weights."""
    parts = name.split("-")
    sex = {"female": 1 - shape.sex, "male": shape.sex}
    age = {"young": 1 - shape.age, "old": shape.age}
    muscle = _axis_weights("minmuscle", "averagemuscle", "maxmuscle", shape.muscle)
    weight = _axis_weights("minweight", "averageweight", "maxweight", shape.weight)
    height = _axis_weights("minheight", "averageheight", "maxheight", shape.height)
    if parts[0] == "universal":
        return sex[parts[1]] * age[parts[2]] * muscle[parts[3]] * weight[parts[4]]
    if parts[0] == "height":
        tall = height.get(parts[5], 0.0)
        return sex[parts[1]] * age[parts[2]] * weight[parts[4]] * tall
    return shape.race[AXES_RACE.index(parts[0])] * sex[parts[1]] * age[parts[2]]


class BodyModel:
    """The MakeHuman asset, reduced to what a cabin camera can see (no head, no feet)."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as z:
            self._base = z["base"] * np.float32(DM_TO_CM)
            self._targets = z["targets"]
            self._target_names = [str(n) for n in z["tnames"]]
            names = [str(n) for n in z["bones"]]
            parent = z["parent"].astype(int)
            joint_v = z["joint_v"]
            weight_index, weight = z["wi"].astype(np.int32), z["ww"].astype(np.float32)
            triangles, group = z["tris"].astype(np.int32), z["tri_group"]
            groups = [str(n) for n in z["groups"]]
        self._choose_bones(names, parent, joint_v)
        weight_index = self._remap[weight_index]
        self._full_weights = (weight_index, weight)
        self._choose_triangles(triangles, group, groups)
        self._compact(weight_index, weight)

    def _choose_bones(self, names: list[str], parent: NDArray[np.int64], joint_v: I32) -> None:
        children: dict[int, list[int]] = {}
        for i, p in enumerate(parent):
            children.setdefault(int(p), []).append(i)
        order: list[int] = []
        remap = np.zeros(len(names), np.int32)

        def visit(bone: int, ancestor: int) -> None:
            face = ancestor >= 0 and names[order[ancestor]] == "head"
            drop = (face and not names[bone].startswith("eye.")) or names[bone].startswith("toe")
            if not drop:
                order.append(bone)
                ancestor = len(order) - 1
            remap[bone] = ancestor
            for child in children.get(bone, []):
                visit(child, ancestor)

        for root in children[-1]:
            visit(root, -1)
        self._remap = remap
        self.bones = [names[i] for i in order]
        self.index = {n: i for i, n in enumerate(self.bones)}
        self.parent = [int(remap[parent[i]]) if parent[i] >= 0 else -1 for i in order]
        self._parents = np.array(self.parent, np.int32)
        self._joint_v = joint_v[:, order]

    def bone_weight(self, *prefixes: str) -> F32:
        """How much each full-mesh vertex follows the bones whose names start so."""
        wanted = np.array([n.startswith(prefixes) for n in self.bones])
        index, weight = self._full_weights
        return np.asarray((weight * wanted[index]).sum(1), np.float32)

    def _choose_triangles(self, tris: I32, group: NDArray[np.int8], groups: list[str]) -> None:
        high = self._base[tris][:, :, 1].max(1) > LOWEST_DRAWN_CM
        head = self.bone_weight("head", "neck02", "neck03", "eye.")
        skin = (group == groups.index("body")) & (head[tris].max(1) < HEAD_WEIGHT_CUT) & high
        self._skin_full = tris[skin]
        self._shell_full = tris[(group == groups.index("helper-tights")) & high]

    def _compact(self, weight_index: I32, weight: F32) -> None:
        used = np.unique(np.concatenate([self._skin_full.ravel(), self._shell_full.ravel()]))
        to_compact = np.full(len(self._base), -1, np.int32)
        to_compact[used] = np.arange(len(used), dtype=np.int32)
        self.used = used
        self._shapes_of(used)
        self.skin_tris: I32 = to_compact[self._skin_full]
        self.shell_tris: I32 = to_compact[self._shell_full]
        self.rest: F32 = self._base[used]
        self._weight_index = weight_index[used]
        self._weight = weight[used]
        self._weight /= self._weight.sum(1, keepdims=True)
        self.hand = self.bone_weight("wrist", "finger", "metacarpal")[used]
        self.forearm = self.bone_weight("lowerarm")[used] + self.hand
        self.upper_arm = self.bone_weight("upperarm")[used]
        self.neck = self.bone_weight("neck")[used]
        self.arm_side = np.sign(self.rest[:, 0])

    def _shapes_of(self, used: NDArray[np.intp]) -> None:
        """Keep of base and targets only what is drawn, and what the joints are means of."""
        needed = np.union1d(used, self._joint_v[self._joint_v >= 0])
        back = np.zeros(len(self._base), np.int32)
        back[needed] = np.arange(len(needed), dtype=np.int32)
        self._shape_base = self._base[needed]
        self._shape_targets = self._targets[:, needed].astype(np.float32) * np.float32(DM_TO_CM)
        self._shape_used = back[used]
        self._shape_joint = np.where(self._joint_v >= 0, back[self._joint_v], -1)

    def shape(self, shape: BodyShape) -> ShapedBody:
        """The person's rest mesh and joints (recomputed from the shaped joint cubes)."""
        weights = np.array([target_weight(n, shape) for n in self._target_names], np.float32)
        full = self._shape_base.copy()
        for i in np.nonzero(weights > 1e-4)[0]:
            full += weights[i] * self._shape_targets[i]
        present = self._shape_joint >= 0
        points = full[np.maximum(self._shape_joint, 0)] * present[..., None]
        joints = points.sum(2) / np.maximum(present.sum(2), 1)[..., None]
        return ShapedBody(full[self._shape_used], joints[0].astype(float), joints[1].astype(float))

    def forward(
        self,
        body: ShapedBody,
        relative: Mapping[str, F64],
        absolute: Mapping[str, F64],
        root: F64,
    ) -> Frames:
        """Forward kinematics. `relative` turns a bone against its parent, `absolute` sets it."""
        turn = np.tile(np.eye(3), (len(self.bones), 1, 1))
        fixed = np.zeros(len(self.bones), np.uint8)
        for name, value in (*relative.items(), *absolute.items()):
            turn[self.index[name]] = value
        fixed[[self.index[name] for name in absolute]] = 1
        return Frames(*native.forward(self._parents, fixed, turn, body.head, root))

    def skin(self, body: ShapedBody, frames: Frames) -> F32:
        """Linear blend skinning of the drawn vertices, [n, 3] cm."""
        shift = frames.pos - np.einsum("nij,nj->ni", frames.rot, body.head)
        bones = np.concatenate([frames.rot, shift[..., None]], 2)
        return native.skin(body.vertices, self._weight_index, self._weight, bones)
