"""What fusion remembers between frames: a few hundred numbers, however long the drive.

Vehicle frame of reference unless said otherwise; times are stamps [ns].
"""

from __future__ import annotations

from dataclasses import dataclass

from dms.fusion.attention import Angles
from dms.fusion.calibration import Calibration
from dms.fusion.filters import NOTHING, OFF, Minute, Shape, Trigger


@dataclass(frozen=True, slots=True)
class FaceMemory:
    """The last usable face, and whether the driver attends to the road."""

    seen_ns: int | None = None
    camera_yaw_rad: float = 0.0
    head: Angles = (0.0, 0.0)
    gaze: tuple[Angles, float] | None = None
    """The last gaze of open eyes, with its sigma; forgotten after `hold_ms`."""
    gaze_ns: int = 0
    away: Trigger = OFF
    lost_away: bool = False
    """The face was lost while turned away, and that still counts."""
    sunglasses: bool = False
    unsure: Trigger = OFF
    """The head pose is uncertain."""


@dataclass(frozen=True, slots=True)
class LidMemory:
    """The last visible eyes."""

    closed: Trigger = OFF
    open: float = 1.0
    missing: Trigger = OFF
    """A frontal face shows no eye."""
    minute: Minute = NOTHING


@dataclass(frozen=True, slots=True)
class ActionMemory:
    """The last known action."""

    phone: Trigger = OFF
    action: int = 0
    probability: float = 0.0
    seen_ns: int | None = None


NO_FACE, NO_LIDS, NO_ACTION = FaceMemory(), LidMemory(), ActionMemory()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """The triggers' tuning, worked out once."""

    away: Shape
    closed: Shape
    phone: Shape
    sense: Shape
    """Of a sense that is missing."""


@dataclass(frozen=True, slots=True)
class FusionState:
    """Everything."""

    shapes: Shapes
    calibration: Calibration
    t_ns: int | None = None
    first_ns: int = 0
    face: FaceMemory = NO_FACE
    lids: LidMemory = NO_LIDS
    action: ActionMemory = NO_ACTION
    driving: bool | None = None
    """Last verdict of a known speed for learning; None: no speed known yet."""
