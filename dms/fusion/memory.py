"""What fusion remembers between frames: a few thousand numbers, however long the drive.

Vehicle frame of reference unless said otherwise; times are stamps [ns].
"""

from __future__ import annotations

from dataclasses import dataclass

from dms.fusion.attention import AHEAD, Angles, Direction
from dms.fusion.blinks import IDLE, Segmenter
from dms.fusion.calibration import Calibration
from dms.fusion.change import NEW, Watch
from dms.fusion.filters import NO_MEAN, NOTHING, OFF, Mean, Minute, Trigger
from dms.fusion.head import SHUT, Nodding, Yawning
from dms.fusion.looks import Looks
from dms.fusion.sleepiness import NO_STORY, Sleepiness
from dms.fusion.tuning import Tuning
from dms.fusion.zones import ZoneMap
from dms.types import Lost, SeatSide


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
    area3: Trigger = OFF
    lost_away: bool = False
    """The face was lost while turned away, and that still counts."""
    aim: Direction = AHEAD
    """Where head and gaze point, smoothed."""
    sunglasses: bool = False
    unsure: Trigger = OFF
    """The head pose is uncertain."""
    mask: Trigger = OFF
    covered: Trigger = OFF
    ahead_ns: int | None = None
    """When head and gaze last pointed straight ahead, or nearly."""
    roll_rad: float = 0.0
    sigma_rad: float = 0.0
    """Of one axis of the head's direction."""


@dataclass(frozen=True, slots=True)
class LidMemory:
    """The last visible eyes."""

    closed: Trigger = OFF
    open: float = 1.0
    seen_ns: int | None = None
    missing: Trigger = OFF
    """A frontal face shows no eye, none well enough to tell closed from open, or lids that always
    look closed."""
    minute: Minute = NOTHING
    blink: Segmenter = IDLE
    presumed: bool = False
    """The eyes were lost closed, with the head fallen, and that still counts."""
    left: float | None = None
    """Openness of the left eye in the last sight of any; None: it was not visible then."""
    right: float | None = None
    opened: Trigger = OFF
    """The eyes are open; followed until they were for `open_proof_ms`."""
    mean: Mean = NO_MEAN
    """Of the probability of closed, since the closure's onset."""
    doubted_ns: int | None = None
    """When this closure, too long for a blink, was last too unlikely on the whole."""
    closed_ns: int = 0
    """How long the eyes are believed to have been closed; 0 while that is doubted."""


@dataclass(frozen=True, slots=True)
class ActionMemory:
    """The last known action."""

    phone: Trigger = OFF
    wheel: Trigger = OFF
    action: int = 0
    probability: float = 0.0
    seen_ns: int | None = None
    off_since_ns: int | None = None
    """Since when no hand is on the wheel."""


NO_FACE, NO_LIDS, NO_ACTION = FaceMemory(), LidMemory(), ActionMemory()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class SlowMemory:
    """What changes over seconds and minutes."""

    story: Sleepiness = NO_STORY
    nodding: Nodding | None = None
    yawning: Yawning = SHUT
    watch: Watch = NEW
    lost: tuple[Lost, ...] = ()
    seat: SeatSide = SeatSide.UNKNOWN
    seat_left: int = 0
    """Samples of looks at what lies before the middle of the car, as of a driver on the left."""
    seat_right: int = 0


NO_PAST = SlowMemory()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class FusionState:
    """Everything."""

    tuning: Tuning
    map: ZoneMap
    calibration: Calibration
    looks: Looks
    slow: SlowMemory = NO_PAST
    t_ns: int | None = None
    first_ns: int = 0
    face: FaceMemory = NO_FACE
    lids: LidMemory = NO_LIDS
    action: ActionMemory = NO_ACTION
    driving: bool | None = None
    """Last verdict of a known speed for learning; None: no speed known yet."""
    changed: bool = False
    """This frame is another driver's first."""
