"""How hands hold and touch things: hand frames from what the palm does, goals that follow a frame.

A `HandSpec` gives a hand relative to the car, the steering wheel, the face or the chest, so that
it stays right when the head turns or the wheel is steered.  `s` is +1 left, -1 right everywhere.
Face coordinates are the ICT head's: cm, +Y up, +Z out of the face, +X the person's left, eyes at
(+-3.1, 3.6, 7.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tools.synth.body import F64, rot_z, rotation
from tools.synth.cabin import Wheel
from tools.synth.pose import SIGN, Curl, HandGoal, Side, hand_frame, unit
from tools.synth.props import HeldProp, Prop

Where = Literal["car", "wheel", "face", "chest"]
ICT_EYES = np.array([0.0, 3.6, 7.9])
MOUTH = np.array([0.0, -3.6, 11.8])
RIM_TO_WRIST = 8.0  # cm along the fingers from wrist to what they wrap round
WHEEL_CURL: Curl = (30.0, 62.0, 64.0, 66.0, 68.0)


@dataclass(frozen=True, slots=True)
class HandSpec:
    """A hand in one frame: wrist cm, hand frame, elbow direction (always in the car's axes)."""

    where: Where
    wrist: F64
    hand: F64
    pole: F64
    curl: Curl


@dataclass(frozen=True, slots=True)
class Places:
    """Where the frames are now; `seat` moves the car frame for people on other seats."""

    head: F64
    eyes: F64
    chest: F64
    chest_at: F64
    wheel: Wheel | None = None
    steer_deg: float = 0.0
    seat: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def frame(self, where: Where) -> tuple[F64, F64]:
        """Rotation and origin of one frame in the world."""
        if where == "face":
            return self.head, self.eyes - self.head @ ICT_EYES
        if where == "chest":
            return self.chest, self.chest_at
        if where == "wheel":
            if self.wheel is None:
                raise ValueError("a hand on the wheel needs a wheel")
            return self.wheel.rot @ rot_z(-self.steer_deg), self.wheel.centre
        return np.eye(3), np.array(self.seat)


def resolve(spec: HandSpec, places: Places) -> HandGoal:
    """The hand's goal in the world."""
    rot, origin = places.frame(spec.where)
    return HandGoal(origin + rot @ spec.wrist, rot @ spec.hand, spec.pole, spec.curl)


def thumb_axis(side: Side) -> F64:
    """Towards the thumb, in the hand's own axes."""
    return np.array([0.0, 0.0, -SIGN[side]])


def wrap_frame(side: Side, axis: ArrayLike, palm: ArrayLike) -> F64:
    """A hand that wraps round a thing of direction `axis` (thumb end), palm towards `palm`."""
    a = unit(axis)
    p = np.asarray(palm, np.float64)
    p = unit(p - a * (a @ p))
    forward = np.cross(p, a) * -SIGN[side]
    return hand_frame(forward, p)


def phone_frame(side: Side, top: ArrayLike, screen: ArrayLike, lean_deg: float) -> F64:
    """A hand with a phone in it: screen away from the palm, top `lean_deg` off the fingers."""
    p = unit(screen)
    t = np.asarray(top, np.float64)
    t = unit(t - p * (p @ t))
    return hand_frame(rotation(p, -SIGN[side] * lean_deg) @ t, p)


def wrapped(prop: Prop, side: Side) -> tuple[F64, F64]:
    """Pose of a prop that the hand wraps round, in the hand's axes."""
    y, z = thumb_axis(side), np.array([0.0, 1.0, 0.0])
    rot = np.stack([np.cross(y, z), y, z], 1)
    return rot, np.array([RIM_TO_WRIST - 0.3, prop.radius + 1.3, 0.0])


def palmed_phone(prop: Prop, side: Side, lean_deg: float) -> tuple[F64, F64]:
    """Pose of a phone in the palm, in the hand's axes."""
    a = np.radians(lean_deg)
    y = np.cos(a) * np.array([1.0, 0.0, 0.0]) + np.sin(a) * thumb_axis(side)
    z = np.array([0.0, 1.0, 0.0])
    rot = np.stack([np.cross(y, z), y, z], 1)
    return rot, np.array([8.6, prop.radius + 1.5, 0.0]) + 0.8 * thumb_axis(side)


def pinched(prop: Prop, side: Side, hand: F64, mouth_end: ArrayLike) -> tuple[F64, F64]:
    """Pose of a cigarette between the first two fingers, its mouth end in direction `mouth_end`."""
    y = hand.T @ unit(mouth_end)
    x = unit(np.cross(y, (1.0, 0.2, 0.1)))
    rot = np.stack([x, y, np.cross(x, y)], 1)
    return rot, np.array([12.6, 0.9 + prop.radius, 0.0]) + 2.2 * thumb_axis(side)


def held(prop: Prop, side: Side, pose: tuple[F64, F64]) -> HeldProp:
    """A prop in a hand."""
    return HeldProp(prop, side, pose[0], pose[1])


def wrist_for(thing: HeldProp, hand: F64, target: ArrayLike, on_axis: float) -> F64:
    """Wrist position that brings the prop's point (0, on_axis, 0) to `target`."""
    point = thing.pos + thing.rot @ np.array([0.0, on_axis, 0.0])
    return np.asarray(np.asarray(target, np.float64) - hand @ point)


def on_wheel(side: Side, clock_deg: float, wheel: Wheel, rng: np.random.Generator) -> HandSpec:
    """A hand round the rim, `clock_deg` from the top towards the hand's own side."""
    s, a = SIGN[side], np.radians(clock_deg)
    outward = np.array([s * np.sin(a), np.cos(a), 0.0])
    along = np.array([s * np.cos(a), -np.sin(a), 0.0])
    up = wheel.rot.T @ np.array([0.0, 0.35, 0.0])
    forward = unit(np.array([0.0, 0.0, 0.85]) + up + 0.15 * along)
    palm = -outward + np.array([0.0, 0.0, 0.05])
    wrist = outward * (wheel.radius + 3.2) - forward * RIM_TO_WRIST
    pole = np.array([s * rng.uniform(0.5, 1.0), -0.9, rng.uniform(-0.5, -0.1)])
    loose = float(rng.uniform(0.55, 1.05))
    curl = tuple(c * loose for c in WHEEL_CURL)
    return HandSpec("wheel", wrist, hand_frame(forward, palm), pole, (*curl,))  # type: ignore[arg-type]


def touch(
    side: Side,
    contact: ArrayLike,
    forward: ArrayLike,
    palm: ArrayLike,
    reach: float,
    curl: Curl,
    pole: ArrayLike | None = None,
    where: Where = "face",
    clear: float = 1.0,
) -> HandSpec:
    """A hand whose point `reach` cm along its fingers touches `contact`.

    x of contact, forward and palm are given for the left hand; the right hand mirrors them.
    """
    mirror = np.array([SIGN[side], 1.0, 1.0])
    hand = hand_frame(np.asarray(forward) * mirror, np.asarray(palm) * mirror)
    wrist = np.asarray(contact, float) * mirror - hand @ np.array([reach, clear, 0.0])
    lean = np.asarray((0.9, -0.9, 0.2) if pole is None else pole, float) * mirror
    return HandSpec(where, wrist, hand, lean, curl)
