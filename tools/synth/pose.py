"""Arms, wrists and fingers: where a hand should be becomes bone rotations.

Left and right are the person's own; `SIGN` is +1 on the left (+X), -1 on the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tools.synth.body import F64, BodyModel, Frames, ShapedBody, rot_x, rot_y, rotation

Side = Literal["L", "R"]
SIDES: tuple[Side, Side] = ("L", "R")
SIGN: dict[Side, float] = {"L": 1.0, "R": -1.0}
MAX_REACH = 0.985  # of the arm's length: a fully straight elbow looks and bends wrong
SHOULDER_HELP_FROM = 0.86  # of the arm's length: beyond it the collar bone follows the hand
MAX_SHOULDER_DEG = 22.0
MAX_TWIST_DEG = 110.0
FINGER_SHARE = (0.8, 1.0, 0.7)  # of the curl, by knuckle
THUMB_SHARE = (0.35, 0.5, 0.6)
Curl = tuple[float, float, float, float, float]  # thumb .. little finger, degrees
KEYPOINT_BONES = tuple(
    ["wrist"] + [f"finger{f}-{k}" for f in range(1, 6) for k in (1, 2, 3)]
)  # then five finger tips


def unit(v: ArrayLike) -> F64:
    """The direction of `v`."""
    a = np.asarray(v, np.float64)
    return np.asarray(a / (np.linalg.norm(a) + 1e-12))


def between(a: F64, b: F64) -> F64:
    """The smallest rotation that takes direction `a` to direction `b`."""
    a, b = unit(a), unit(b)
    axis, cosine = np.cross(a, b), float(a @ b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-8:
        side = np.cross(a, (1.0, 0.0, 0.1))
        return np.eye(3) if cosine > 0 else rotation(side, 180.0)
    return rotation(axis, float(np.degrees(np.arctan2(sine, cosine))))


def twist_deg(turn: F64, axis: F64) -> float:
    """How much of the rotation `turn` is about `axis` (swing-twist split), degrees."""
    q = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    return float(2 * np.degrees(np.arctan2(q @ axis, max(1 + np.trace(turn), 1e-9))))


def slerp(a: F64, b: F64, t: float) -> F64:
    """Rotation on the shortest way from `a` to `b`."""
    turn = a.T @ b
    angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    if angle < 1e-3 or t <= 0:
        return a
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    if np.linalg.norm(axis) < 1e-6:  # half a turn: any axis that the rotation keeps
        axis = np.linalg.eigh((turn + turn.T) / 2)[1][:, -1]
    return np.asarray(a @ rotation(axis, float(angle) * min(t, 1.0)))


@dataclass(frozen=True, slots=True)
class HandAxes:
    """A hand's directions in the rest pose: along the fingers, to the thumb, out of the palm."""

    forward: F64
    across: F64
    palm: F64
    curl_axis: F64
    thumb_axis: F64


@dataclass(frozen=True, slots=True)
class HandGoal:
    """Where a hand shall be, in world coordinates: wrist cm, a frame for the hand, the curl.

    `frame` has columns (along the fingers, palm normal, their cross product).
    `pole` is the direction that the elbow leans to.
    """

    wrist: F64
    frame: F64
    pole: F64
    curl: Curl


def hand_frame(forward: ArrayLike, palm: ArrayLike) -> F64:
    """An orthonormal hand frame; `palm` is straightened against `forward`."""
    f = unit(forward)
    p = np.asarray(palm, np.float64)
    p = unit(p - f * (f @ p))
    return np.stack([f, p, np.cross(f, p)], 1)


def blend_goals(a: HandGoal, b: HandGoal, t: float, lift: F64 | None = None) -> HandGoal:
    """A hand on its way from `a` to `b` (t 0..1), on an arc that bulges by `lift` cm."""
    wrist = a.wrist * (1 - t) + b.wrist * t
    if lift is not None:
        wrist = wrist + lift * np.sin(np.pi * t)
    curl = tuple(x * (1 - t) + y * t for x, y in zip(a.curl, b.curl, strict=True))
    pole = unit(unit(a.pole) * (1 - t) + unit(b.pole) * t)
    return HandGoal(wrist, slerp(a.frame, b.frame, t), pole, (*curl,))  # type: ignore[arg-type]


def moved(goal: HandGoal, shift: ArrayLike) -> HandGoal:
    """The same hand, its wrist shifted by cm."""
    return replace(goal, wrist=goal.wrist + np.asarray(shift, np.float64))


def rest_hand(model: BodyModel, body: ShapedBody, side: Side) -> HandAxes:
    """Axes of the hand in the rest pose, from the joints of the knuckles."""

    def joint(name: str) -> F64:
        return np.asarray(body.head[model.index[f"{name}.{side}"]])

    forward = unit(joint("finger3-1") - joint("wrist"))
    across = joint("finger2-1") - joint("finger5-1")
    across = unit(across - forward * (across @ forward))
    palm = np.cross(forward, across) * SIGN[side]
    thumb = np.cross(joint("finger1-3") - joint("finger1-1"), palm * 0.6 - across * 0.4)
    return HandAxes(forward, across, palm, np.cross(forward, palm), unit(thumb))


def _bend_frame(first: F64, second: F64) -> F64:
    x = unit(first)
    z = unit(np.cross(x, second))
    return np.stack([x, np.cross(z, x), z], 1)


@dataclass(frozen=True, slots=True)
class Arm:
    """The lengths and rest directions of one arm, from the shaped joints."""

    side: Side
    upper: F64
    lower: F64
    hand: HandAxes

    @staticmethod
    def of(model: BodyModel, body: ShapedBody, side: Side) -> Arm:
        """Measure one arm of a shaped body."""
        joints = [
            body.head[model.index[f"{n}.{side}"]] for n in ("upperarm01", "lowerarm01", "wrist")
        ]
        hand = rest_hand(model, body, side)
        return Arm(side, joints[1] - joints[0], joints[2] - joints[1], hand)

    @property
    def length(self) -> float:
        """Shoulder to wrist when straight, cm."""
        return float(np.linalg.norm(self.upper) + np.linalg.norm(self.lower))


def elbow_position(shoulder: F64, arm: Arm, goal: HandGoal) -> tuple[F64, F64]:
    """Elbow and (reachable) wrist positions of a two-bone arm, cm."""
    upper, lower = float(np.linalg.norm(arm.upper)), float(np.linalg.norm(arm.lower))
    way = goal.wrist - shoulder
    nearest = abs(upper - lower) + 3.0
    distance = float(np.clip(np.linalg.norm(way), nearest, (upper + lower) * MAX_REACH))
    way = unit(way)
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    aside = np.sqrt(max(0.0, upper**2 - along**2))
    pole = unit(goal.pole)
    pole = unit(pole - way * (way @ pole))
    return shoulder + way * along + pole * aside, shoulder + way * distance


def shoulder_help(shoulder: F64, collar: F64, arm: Arm, goal: HandGoal) -> F64:
    """How the collar bone turns towards a far hand (identity for near ones)."""
    reach = float(np.linalg.norm(goal.wrist - shoulder)) / arm.length
    share = np.clip((reach - SHOULDER_HELP_FROM) / 0.25, 0, 1)
    if share <= 0:
        return np.eye(3)
    turn = between(shoulder - collar, goal.wrist - collar)
    full = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    return slerp(np.eye(3), turn, float(share) * min(1.0, MAX_SHOULDER_DEG / max(full, 1e-6)))


def arm_rotations(shoulder: F64, arm: Arm, goal: HandGoal) -> tuple[dict[str, F64], dict[str, F64]]:
    """(absolute, relative) bone rotations that bring one hand from `shoulder` to its goal."""
    s = arm.side
    elbow, wrist = elbow_position(shoulder, arm, goal)
    bent = _bend_frame(elbow - shoulder, wrist - elbow)
    upper = bent @ _bend_frame(arm.upper, arm.lower).T
    lower = between(upper @ arm.lower, wrist - elbow) @ upper
    rest = np.stack([arm.hand.forward, arm.hand.palm, arm.hand.curl_axis], 1)
    hand = goal.frame @ rest.T
    axis = unit(lower @ arm.lower)
    twist = float(np.clip(twist_deg(hand @ lower.T, axis), -MAX_TWIST_DEG, MAX_TWIST_DEG))
    absolute = {
        f"upperarm01.{s}": upper,
        f"upperarm02.{s}": upper,
        f"lowerarm01.{s}": rotation(axis, 0.12 * twist) @ lower,
        f"lowerarm02.{s}": rotation(axis, 0.55 * twist) @ lower,
        f"wrist.{s}": hand,
    }
    return absolute, finger_rotations(arm, goal.curl)


def finger_rotations(arm: Arm, curl: Curl) -> dict[str, F64]:
    """Relative rotations of the fifteen finger bones for the five curls (degrees)."""
    out: dict[str, F64] = {}
    for finger in range(1, 6):
        axis = arm.hand.thumb_axis if finger == 1 else arm.hand.curl_axis
        share = THUMB_SHARE if finger == 1 else FINGER_SHARE
        for k in range(3):
            out[f"finger{finger}-{k + 1}.{arm.side}"] = rotation(axis, curl[finger - 1] * share[k])
    return out


@dataclass(frozen=True, slots=True)
class Torso:
    """How the trunk sits: degrees. Lean > 0 forward, turn > 0 and side > 0 to the left."""

    lean: float = -8.0
    turn: float = 0.0
    side: float = 0.0
    standing: bool = False


def trunk_rotations(torso: Torso) -> dict[str, F64]:
    """Relative rotations of legs and spine for a seat (or for standing)."""
    share = rot_y(torso.turn / 3) @ rotation((0.0, 0.0, 1.0), -torso.side / 3)
    spine = {
        "spine05": rot_x(torso.lean) @ share,
        "spine03": share,
        "spine01": share,
        "neck01": rot_x(6.0 if not torso.standing else 2.0),
    }
    if torso.standing:
        return spine
    return spine | {
        "upperleg01.L": rot_y(6) @ rot_x(-78),
        "upperleg01.R": rot_y(-6) @ rot_x(-78),
        "lowerleg01.L": rot_x(50),
        "lowerleg01.R": rot_x(50),
    }


def head_rotation(yaw: float, pitch: float, roll: float) -> F64:
    """World rotation of the head: yaw > 0 to the own left, pitch > 0 up, degrees."""
    return np.asarray(rot_y(yaw) @ rot_x(-pitch) @ rotation((0.0, 0.0, 1.0), roll))


@dataclass(frozen=True, slots=True)
class PosedBody:
    """The result of posing: bone frames, and where the head's eye midpoint goes."""

    frames: Frames
    head: F64  # rotation of the head
    eye_mid: F64  # world
    neck: F64  # rotation of neck01
    eye_mid_by_neck: F64  # where the eye midpoint would be if it moved with neck01
    reached: dict[Side, F64]  # wrist positions


class Poser:
    """Poses one shaped person; measures once, then poses cheaply per frame."""

    def __init__(self, model: BodyModel, body: ShapedBody) -> None:
        self.model, self.body = model, body
        self.arms = {s: Arm.of(model, body, s) for s in SIDES}
        i = model.index
        self._eye_rest = (body.head[i["eye.L"]] + body.head[i["eye.R"]]) / 2

    def root_for_eyes(self, torso: Torso, eyes: F64) -> F64:
        """Root translation that puts a straight head's eye midpoint at `eyes`."""
        frames = self.model.forward(self.body, trunk_rotations(torso), {}, np.zeros(3))
        absolute = {"neck02": np.eye(3), "neck03": np.eye(3), "head": np.eye(3)}
        frames = self.model.forward(self.body, trunk_rotations(torso), absolute, np.zeros(3))
        head = self.model.index["head"]
        return np.asarray(eyes - frames.pos[head] - (self._eye_rest - self.body.head[head]))

    def _head(self, yaw: float, pitch: float, roll: float) -> dict[str, F64]:
        whole = head_rotation(yaw, pitch, roll)
        half = head_rotation(0.35 * yaw, 0.3 * pitch, 0.35 * roll)
        return {"neck02": half, "neck03": half, "head": whole}

    def trunk(self, torso: Torso, head_deg: tuple[float, float, float], root: F64) -> PosedBody:
        """Pose without arms: enough to know where face and shoulders are."""
        absolute = self._head(*head_deg)
        frames = self.model.forward(self.body, trunk_rotations(torso), absolute, root)
        return self._finish(frames, absolute["head"], {})

    def pose(
        self,
        trunk: PosedBody,
        torso: Torso,
        head_deg: tuple[float, float, float],
        root: F64,
        hands: dict[Side, HandGoal],
    ) -> PosedBody:
        """The full pose with both hands at (or as near as they reach to) their goals."""
        absolute, relative = self._head(*head_deg), trunk_rotations(torso)
        reached: dict[Side, F64] = {}
        for side, goal in hands.items():
            shoulder, turn = self._shoulder(trunk.frames, side, goal)
            absolute[f"clavicle.{side}"] = turn @ trunk.frames.rot[self._bone("clavicle", side)]
            arm, fingers = arm_rotations(shoulder, self.arms[side], goal)
            absolute |= arm
            relative |= fingers
            reached[side] = elbow_position(shoulder, self.arms[side], goal)[1]
        frames = self.model.forward(self.body, relative, absolute, root)
        return self._finish(frames, absolute["head"], reached)

    def _bone(self, name: str, side: Side) -> int:
        return self.model.index[f"{name}.{side}"]

    def _shoulder(self, frames: Frames, side: Side, goal: HandGoal) -> tuple[F64, F64]:
        collar = frames.pos[self._bone("clavicle", side)]
        shoulder = frames.pos[self._bone("upperarm01", side)]
        turn = shoulder_help(shoulder, collar, self.arms[side], goal)
        return collar + turn @ (shoulder - collar), turn

    def _finish(self, frames: Frames, head: F64, reached: dict[Side, F64]) -> PosedBody:
        i, rest = self.model.index, self.body.head
        eye = frames.pos[i["head"]] + head @ (self._eye_rest - rest[i["head"]])
        neck = frames.rot[i["neck01"]]
        by_neck = frames.pos[i["neck01"]] + neck @ (self._eye_rest - rest[i["neck01"]])
        return PosedBody(frames, head, eye, neck, by_neck, reached)

    def keypoints(self, posed: PosedBody, side: Side) -> F64:
        """Wrist, 15 knuckles and 5 finger tips of one hand, [21, 3] world cm."""
        index = [self._bone(n, side) for n in KEYPOINT_BONES]
        tips = [self._bone(f"finger{f}-3", side) for f in range(1, 6)]
        f = posed.frames
        length = self.body.tail[tips] - self.body.head[tips]
        ends = f.pos[tips] + np.einsum("nij,nj->ni", f.rot[tips], length)
        return np.concatenate([f.pos[index], ends])
