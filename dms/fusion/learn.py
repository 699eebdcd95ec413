"""What one sample of attentive driving teaches: straight ahead, open eyes, the driver's side."""

from __future__ import annotations

import math
from dataclasses import replace

from dms.config import Config, FusionConfig
from dms.fusion import calibration, change
from dms.fusion.attention import Angles
from dms.fusion.calibration import SAMPLE_MS, Calibration
from dms.fusion.eyes import Lids
from dms.fusion.filters import EVEN
from dms.fusion.memory import FaceMemory, SlowMemory
from dms.types import Face, SeatSide

MIRROR = (20.0, 42.0, 7.0, 27.0)
STACK = (18.0, 46.0, -32.0, -10.0)
"""Where the rear-view mirror and the centre stack lie, on the passenger's side: from, to sideways;
from, to up [deg]. On the driver's own side there is neither."""
TIMES = 3
"""The one side's looks outweigh the other's."""


def learn(
    cal: Calibration,
    slow: SlowMemory,
    face: Face,
    gaze: Angles | None,
    lid: Lids | None,
    seen: FaceMemory,
    config: Config,
) -> tuple[Calibration, SlowMemory]:
    """One sample of a driver who is awake and drives straight on; gaze in the camera frame.

    Once half is known, not from what is away by it. Afterwards only checked.
    """
    f = config.fusion
    head = (face.yaw_rad, face.pitch_rad)
    done = cal.progress(f)
    away = seen.away.on and done >= calibration.TRUSTED
    down = -seen.head[1]
    opened = lid is not None and lid.closed < EVEN and down < calibration.LEVEL_RAD
    openness = lid.open * cal.unit(f) if lid is not None and opened else None
    if openness is not None and not away:
        cal = calibration.learn_open(cal, openness, f)
    if done < 1:
        return cal if away else calibration.learn_pose(cal, head, gaze, f), slow
    watch, cal, jumped = change.sample(slow.watch, cal, head, openness, f)
    slow = replace(slow, watch=replace(watch, jumped=True) if jumped else watch)
    if slow.seat == SeatSide.UNKNOWN and away:
        slow = _seat(slow, seen.aim.angles, f)
    return cal, slow


def _seat(slow: SlowMemory, towards: Angles, config: FusionConfig) -> SlowMemory:
    """Looks at what lies before the middle of the car: to the right of who sits on the left."""
    yaw, pitch = math.degrees(towards[0]), math.degrees(towards[1])
    if not any(_inside(abs(yaw), pitch, box) for box in (MIRROR, STACK)):
        return slow
    left, right = slow.seat_left + (yaw < 0), slow.seat_right + (yaw > 0)
    seat, need = SeatSide.UNKNOWN, config.seat_ms // SAMPLE_MS
    if left - right >= need and left >= TIMES * right:
        seat = SeatSide.LEFT
    elif right - left >= need and right >= TIMES * left:
        seat = SeatSide.RIGHT
    return replace(slow, seat_left=left, seat_right=right, seat=seat)


def _inside(side: float, up: float, box: tuple[float, float, float, float]) -> bool:
    return box[0] <= side <= box[1] and box[2] <= up <= box[3]
