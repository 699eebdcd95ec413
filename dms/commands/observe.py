"""Print what the networks see: one JSON line for each frame of each PATH.

PATH is a video, a GIF, an image, a folder of images, a drive, or a raw stream (- is stdin).
Angles are in degrees in the camera's frame of reference: yaw > 0 face towards image right,
pitch > 0 up, roll > 0 top of the head towards image left. Left and right are the person's own.
null stands where a value is not known.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from typing import Any

from dms.commands.common import (
    Perception,
    add_config_arguments,
    deg,
    finish,
    fps,
    load_config,
    rounded,
    to_json,
    warn,
)
from dms.engine import open_engine
from dms.errors import Exit, SourceError
from dms.source import ImagesSource, Source, open_source
from dms.types import ACTIONS, Action, Eye, Face, Frame, Observation, Quality

VISIBLE_MIN = 0.5
"""An eye less probable than this has no part in the gaze: even odds."""
FACE_KEYS = (
    "box_px",
    "head_yaw_deg",
    "head_pitch_deg",
    "head_roll_deg",
    "eye_open_left",
    "eye_open_right",
    "eye_visible_left",
    "eye_visible_right",
    "gaze_yaw_deg",
    "gaze_pitch_deg",
    "mouth_open",
    "sunglasses",
    "mask",
)
QUALITY_FACE_KEYS = ("face_score", "face_occluded", "head_sigma_deg", "gaze_sigma_deg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument("paths", nargs="+", metavar="PATH")
    parser.add_argument(
        "--stills",
        action="store_true",
        help="each image by itself: no tracking, the action from one frame",
    )
    parser.add_argument(
        "--fps", type=fps, metavar="N", default=30.0, help="of a folder of images (default 30)"
    )
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Observe every path; a bad one does not keep the others from being read."""
    config = load_config(args)
    engines: list[Perception] = []

    def engine() -> Perception:
        """Made when the first good input is there: bad input is told at once."""
        if not engines:
            engines.append(open_engine(config))
        return engines[0]

    code, losses = Exit.OK, []
    for path in args.paths:
        try:
            source = open_source(path, fps=args.fps)
            for row in rows(source, engine, args.stills):
                print(to_json(row))
            losses += source.losses
        except SourceError as error:
            warn(error.line())
            code = Exit.USAGE
    return code or finish(losses)


def rows(
    source: Source, engine: Callable[[], Perception], stills: bool
) -> Iterator[dict[str, Any]]:
    """The JSON object of every frame. A lone image is a still."""
    stills = stills or (isinstance(source, ImagesSource) and len(source) == 1)
    for number, frame in enumerate(source.frames()):
        if number == 0:
            engine().reset()
        seen = engine().still(frame) if stills else engine().step(frame)
        timed = source.timed or not stills
        yield row(source.file(frame.seq), frame, seen, timed)


def row(file: str, frame: Frame, seen: Observation, timed: bool) -> dict[str, Any]:
    """One frame's line, every key always there."""
    return {
        "file": file,
        "frame": frame.seq,
        "t_s": round(frame.t_ns / 1e9, 6) if timed else None,
        "face": seen.face is not None,
        **(_face(seen.face) if seen.face else dict.fromkeys(FACE_KEYS)),
        "action": _action(seen.action),
        "quality": _quality(seen.quality, seen.face),
    }


def combined_gaze(*eyes: Eye) -> tuple[float | None, float | None, float | None]:
    """Gaze yaw, pitch and sigma [rad] of the visible eyes, each weighted by 1 / sigma^2."""
    known = [
        (e.gaze_yaw_rad, e.gaze_pitch_rad, e.gaze_sigma_rad)
        for e in eyes
        if e.visible >= VISIBLE_MIN
    ]
    parts = [
        (yaw, pitch, 1 / max(sigma, 1e-3) ** 2)
        for yaw, pitch, sigma in known
        if yaw is not None and pitch is not None and sigma is not None
    ]
    if not parts:
        return None, None, None
    total = sum(weight for _, _, weight in parts)
    yaw = sum(yaw * weight for yaw, _, weight in parts) / total
    pitch = sum(pitch * weight for _, pitch, weight in parts) / total
    return yaw, pitch, math.sqrt(1 / total)


def _face(face: Face) -> dict[str, Any]:
    left, right = face.eye_left, face.eye_right
    yaw, pitch, _ = combined_gaze(left, right)
    values = (
        [round(float(v), 1) for v in face.box_px],
        *(deg(angle) for angle in (face.yaw_rad, face.pitch_rad, face.roll_rad)),
        *(rounded(share) for share in (left.open, right.open, left.visible, right.visible)),
        deg(yaw),
        deg(pitch),
        *(rounded(share) for share in (face.mouth_open, face.sunglasses, face.mask)),
    )
    return dict(zip(FACE_KEYS, values, strict=True))


def _action(action: Action | None) -> dict[str, float] | None:
    if action is None:
        return None
    return {name: round(float(p), 4) for name, p in zip(ACTIONS, action.probabilities, strict=True)}


def _quality(quality: Quality, face: Face | None) -> dict[str, Any]:
    seen: dict[str, Any] = dict.fromkeys(QUALITY_FACE_KEYS)
    if face:
        sigma = combined_gaze(face.eye_left, face.eye_right)[2]
        sure = (rounded(face.score), rounded(face.occluded), deg(face.rotation_sigma_rad))
        seen = dict(zip(QUALITY_FACE_KEYS, (*sure, deg(sigma)), strict=True))
    return {
        "mean": rounded(quality.mean, 1),
        "contrast": rounded(quality.contrast, 1),
        "dark": rounded(quality.dark),
        "saturated": rounded(quality.saturated),
        "sharpness": rounded(quality.sharpness, 2),
        "face_sharpness": rounded(quality.face_sharpness, 2),
        "frozen_frames": quality.frozen_frames,
        "drift": rounded(quality.drift, 2),
        **seen,
    }
