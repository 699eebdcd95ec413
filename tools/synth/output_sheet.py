"""A contact sheet of rendered frames with what the shipped networks say about them drawn on.

The pictures are the first ones of a seed that no training split has: none is chosen by how well
the networks do on it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dms.config import Config
from dms.engine import Engine, open_engine
from dms.types import ACTIONS, Eye, Face, Frame, Observation
from tools.synth import actions, sheet, stills

Picture = NDArray[np.uint8]
SEED, PEOPLE, SHOTS = 90021, 10, 2
_BOX, _POINT, _GAZE, _SAID, _TRUE = (
    (80, 255, 80), (255, 255, 0), (0, 160, 255), (255, 255, 255), (0, 255, 255)
)  # fmt: skip


def write(out: Path, seed: int = SEED) -> None:
    """Render the pictures, ask the networks about each by itself, write one picture file."""
    recipe = {
        "sizes": [stills.SIZE], "people_per_shard": PEOPLE, "stills_per_person": SHOTS,
        "empty_share": 0.05, "portrait_share": 0.2, "passenger_share": 0.28,
    }  # fmt: skip
    data = stills.make_shard(recipe, seed, 0)
    engine = open_engine(Config())
    tiles = [
        tile(engine, image, int(action))
        for image, action in zip(data["image"], data["action"], strict=True)
    ]
    if not cv2.imwrite(str(out), sheet.join(tiles, 5), [cv2.IMWRITE_JPEG_QUALITY, 80]):
        raise FileNotFoundError(f"{out}: cannot be written; name a .jpg or .png in a folder")


def tile(engine: Engine, image: Picture, action: int) -> Picture:
    """One picture; yellow what is true, all else as the networks say."""
    seen = engine.still(Frame(0, 0, np.ascontiguousarray(image)))
    out = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    if seen.face is not None:
        _draw_face(out, seen.face)
    truth = actions.ACTIONS[action] if action >= 0 else "nothing to tell"
    _text(out, truth, 12, _TRUE)
    _text(out, _said(seen), len(out) - 5, _SAID)
    return out


def _draw_face(out: Picture, face: Face) -> None:
    x, y, w, h = (round(v) for v in face.box_px)
    cv2.rectangle(out, (x, y), (x + w, y + h), _BOX, 1)
    for u, v in face.landmarks_px:
        cv2.circle(out, (round(float(u)), round(float(v))), 0, _POINT, -1)
    for eye, first in ((face.eye_right, 36), (face.eye_left, 42)):
        _draw_gaze(out, eye, face.landmarks_px[first : first + 6].mean(0), w / 3)
    yaw, pitch, roll = np.degrees([face.yaw_rad, face.pitch_rad, face.roll_rad])
    lids = f"R {_openness(face.eye_right)} L {_openness(face.eye_left)}"
    _text(out, f"{yaw:+.0f} {pitch:+.0f} {roll:+.0f} deg  {lids}", len(out) - 19, _SAID)


def _draw_gaze(out: Picture, eye: Eye, at: NDArray[np.float32], length: float) -> None:
    if eye.gaze_yaw_rad is None or eye.gaze_pitch_rad is None:
        return
    way = np.array([np.sin(eye.gaze_yaw_rad), -np.sin(eye.gaze_pitch_rad)])
    end = at + length * way
    cv2.line(out, (round(float(at[0])), round(float(at[1]))),
             (round(float(end[0])), round(float(end[1]))), _GAZE, 1)  # fmt: skip


def _openness(eye: Eye) -> str:
    return "?" if eye.open is None else f"{100 * eye.open:.0f} %"


def _said(seen: Observation) -> str:
    if seen.face is None:
        return "no face"
    if seen.action is None:
        return "face"
    best = int(np.argmax(seen.action.probabilities))
    return f"{ACTIONS[best]} {100 * seen.action.probabilities[best]:.0f} %"


def _text(out: Picture, text: str, y: int, colour: tuple[int, int, int]) -> None:
    out[max(y - 11, 0) : y + 4] //= 2  # bright pictures would swallow the letters
    cv2.putText(out, text, (4, y), 0, 0.42, colour, 1, cv2.LINE_AA)
