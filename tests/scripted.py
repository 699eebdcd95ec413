"""An engine that sees what a script says, for tests of everything behind it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from dms.scenarios.simulate import sure
from dms.types import Action, Eye, Face, Frame, Observation, Quality

QUALITY = Quality(90.0, 40.0, 0.01, 0.0, 3.0, 0)


def look(yaw_deg: float = 0.0, pitch_deg: float = 0.0, open_: float = 1.0) -> Face:
    """A face turned so, whose eyes look where it points."""
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    closed = 0.98 if open_ < 0.2 else 0.02
    eye = Eye(0.95, open_, 0.05, closed, yaw, pitch, math.radians(4))
    marks = np.zeros((68, 2), np.float32)
    return Face(
        score=0.98, box_px=(10.0, 8.0, 24.0, 30.0), landmarks_px=marks, yaw_rad=yaw,
        pitch_rad=pitch, roll_rad=0.0, rotation_sigma_rad=math.radians(3), mouth_open=0.1,
        sunglasses=0.02, mask=0.02, occluded=0.02, eye_left=eye, eye_right=eye,
    )  # fmt: skip


def doing(action: str) -> Action:
    """Surely this action, from a full window."""
    return Action(sure(action), 0, 32)


Script = Callable[[float], Face | None]
"""What face is seen at a time [s]."""


def looks_away_from_2_to_7(t_s: float) -> Face:
    """A long distraction."""
    return look(yaw_deg=45.0 if 2 <= t_s < 7 else 0.0)


class ScriptedEngine:
    """Sees the script's face, hands on the wheel."""

    def __init__(self, script: Script = looks_away_from_2_to_7) -> None:
        self.script = script
        self.shapes: set[tuple[int, ...]] = set()
        self.frames = 0

    def step(self, frame: Frame) -> Observation:
        self.frames += 1
        self.shapes.add(frame.image.shape)
        face = self.script(frame.t_ns / 1e9)
        return Observation(frame.seq, frame.t_ns, face, doing("wheel") if face else None, QUALITY)

    def still(self, frame: Frame) -> Observation:
        return self.step(frame)

    def reset(self) -> None:
        self.shapes.clear()
