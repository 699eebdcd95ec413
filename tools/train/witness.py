"""Who looks at real pictures for the evaluation: the native engine, which ships, or where it is not
built the same chain in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.train.crops import Roi, face_roi
from tools.train.perceive import Nets, Seen, Tracker

if TYPE_CHECKING:
    from dms.engine import Engine
    from dms.types import Observation

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one face."""

    pose_deg: Array
    box: Array
    """(x, y, w, h) of the head as it is reported [px]."""
    roi: Roi
    """The face square."""
    closed: float
    """Mean over the eyes that could be looked at; NaN if none."""
    action: Array | None
    observation: Observation | None
    """What the engine said in full; None where it is not built."""


class Witness(Protocol):
    """Sees clips, with memory, and stills, without."""

    name: str

    def clip(self, frames: list[Array], fps: float) -> list[Look | None]: ...

    def still(self, image: Array) -> Look | None: ...


class EngineWitness:
    """The native engine."""

    name = "engine"

    def __init__(self, models: Path) -> None:
        from dms.engine import Engine, model_files, ort_library

        self.engine: Engine = Engine(model_files(models), str(ort_library()))

    def clip(self, frames: list[Array], fps: float) -> list[Look | None]:
        from dms.types import Frame

        self.engine.reset()
        stamps = [round(k * 1e9 / fps) for k in range(len(frames))]
        pairs = enumerate(zip(stamps, frames, strict=True))
        return [_look(self.engine.step(Frame(k, t, f))) for k, (t, f) in pairs]

    def still(self, image: Array) -> Look | None:
        from dms.types import Frame

        return _look(self.engine.still(Frame(0, 0, image)))


def _look(seen: Observation) -> Look | None:
    face = seen.face
    if face is None:
        return None
    eyes = [e.closed for e in (face.eye_left, face.eye_right) if e.closed is not None]
    pose = np.degrees([face.yaw_rad, face.pitch_rad, face.roll_rad])
    action = None if seen.action is None else np.array(seen.action.probabilities)
    closed = float(np.mean(eyes)) if eyes else float("nan")
    roi = face_roi(face.landmarks_px, -face.roll_rad)
    return Look(pose, np.array(face.box_px), roi, closed, action, seen)


class NumpyWitness:
    """The chain of perceive.py."""

    name = "numpy"

    def __init__(self, models: Path) -> None:
        self.nets = Nets(models)

    def clip(self, frames: list[Array], fps: float) -> list[Look | None]:
        tracker = Tracker(self.nets, fps)
        out: list[Look | None] = []
        for frame in frames:
            seen = tracker.step(frame)
            out.append(self._look(frame, seen, tracker.action()) if seen else None)
        return out

    def still(self, image: Array) -> Look | None:
        seen = self.nets.find(image)
        return self._look(image, seen, None) if seen else None

    def _look(self, frame: Array, seen: Seen, action: Array | None) -> Look:
        closed = np.mean([self.nets.eye(frame, seen, right).closed for right in (True, False)])
        box = head_box(seen.landmarks, seen.rotation)
        return Look(seen.pose_deg, box, seen.roi, float(closed), action, None)


RIGID = (27, 30, 8, 36, 45)
"""Landmarks that no expression moves: bridge and tip of the nose, chin, outer eye corners."""
RIGID_CM = np.array(
    [[0, 0, 0], [0, -3.34, 2.33], [0, -11.31, -0.3], [-4.46, -0.31, -2.13], [4.46, -0.31, -2.13]]
)
"""The same of the mean ICT-FaceKit head, from the bridge of the nose."""
HEAD_CENTRE_CM, HEAD_SEMI_AXES_CM = np.array([0, 0.45, -9.25]), np.array([9, 11.75, 11.65])
"""An ellipsoid around that head, chin to crown with ears, and 1.5 cm of hair over crown and back:
people who mark heads mark the hair too."""


def head_box(landmarks: Array, rotation: Array) -> Array:
    """(x, y, w, h) of the whole head [px]: the mean head's ellipsoid, scaled and moved to the
    landmarks under weak perspective. `rotation`: of the head relative to the ray, y up."""
    image = landmarks[list(RIGID)] * [1, -1]
    head = (RIGID_CM @ rotation.T)[:, :2]
    apart = head - head.mean(0)
    scale = max(0.0, float((apart * (image - image.mean(0))).sum() / (apart**2).sum()))
    centre = image.mean(0) + scale * ((rotation @ HEAD_CENTRE_CM)[:2] - head.mean(0))
    half = scale * np.linalg.norm(rotation[:2] * HEAD_SEMI_AXES_CM, axis=1)
    return np.array([centre[0] - half[0], -centre[1] - half[1], *(2 * half)])


def witness(models: Path) -> Witness:
    """The engine if it is built."""
    try:
        from dms import _core
    except ImportError:
        return NumpyWitness(models)
    assert _core is not None
    return EngineWitness(models)
