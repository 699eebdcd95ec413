"""The values that flow from stage to stage.

Frame -> Observation -> DriverState -> Alert. All are immutable; times are integer nanoseconds of
the frame's or message's own clock; angles are radians; "not known" is None, never a number.

Observations are in the camera's frame of reference, DriverStates in the vehicle's:
yaw > 0 towards image right (camera) or the driver's left (vehicle), pitch > 0 up,
roll > 0 top of the head towards image left.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the daemon speaks on the bus before it needs numpy, 0.1 s to import
    import numpy as np
    from numpy.typing import NDArray

ACTIONS = (
    "wheel",
    "phone_ear",
    "phone_hand",
    "drink_eat",
    "smoke",
    "reach",
    "hand_face",
    "other",
)
"""Driver actions in the order of the action network's outputs."""


class SeatSide(IntEnum):
    """The side of the car, as its driver sees it, that the driver sits on."""

    UNKNOWN = 0
    LEFT = 1
    RIGHT = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One mono image. `image` is uint8 of shape (height, width), C-contiguous rows."""

    seq: int
    t_ns: int
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye of the driver in one frame, as the network sees it.

    `visible` and `closed` are probabilities, `open` is 0 closed, 1 this person's neutral, up to
    1.3, `open_sigma` its expected absolute error; all but `visible` are None when the eye was not
    looked at well enough to tell. Gaze is relative to the optical axis, in the camera frame, with
    the standard error of one axis [rad].
    """

    visible: float
    open: float | None
    open_sigma: float | None
    closed: float | None
    gaze_yaw_rad: float | None
    gaze_pitch_rad: float | None
    gaze_sigma_rad: float | None


@dataclass(frozen=True, slots=True)
class Face:
    """The driver's face in one frame.

    `box_px` is (x, y, width, height) of the head, chin to crown with ears and short hair, [px];
    `landmarks_px` is float32 (68, 2) in Multi-PIE order; left and right are the person's own.
    `score` and the attributes are probabilities. `mouth_open` is inner-lip height over width.
    `rotation_sigma_rad` is the standard error of one axis of the head's rotation.
    """

    score: float
    box_px: tuple[float, float, float, float]
    landmarks_px: NDArray[np.float32]
    yaw_rad: float
    pitch_rad: float
    roll_rad: float
    rotation_sigma_rad: float
    mouth_open: float
    sunglasses: float
    mask: float
    occluded: float
    eye_left: Eye
    eye_right: Eye


@dataclass(frozen=True, slots=True)
class Quality:
    """What can be said about the image itself, from a subsampled frame."""

    mean: float
    """Mean grey level, 0-255."""
    contrast: float
    """Standard deviation of the grey level."""
    dark: float
    """Share of pixels <= 8."""
    saturated: float
    """Share of pixels >= 250."""
    sharpness: float | None
    """Share of the height of the frame's strongest edges that is climbed within 3/640 of its width:
    1/4 for wide ones, near 1 for sharp ones. None: no edge stands out."""
    frozen_frames: int
    """How many frames in a row, up to this one, were equal pixel for pixel (0 = changing)."""
    drift: float | None = None
    """How unlike the training data the stream has been; below 1 is usual. None: not known."""
    face_sharpness: float | None = None
    """`sharpness` of the driver's face alone. None: no face, or no edge stands out in it."""


@dataclass(frozen=True, slots=True)
class Action:
    """Probabilities of ACTIONS (sum 1), and the age of the window's newest step at this frame."""

    probabilities: tuple[float, ...]
    age_ns: int
    window_steps: int
    """Real steps in the window; fewer than 32 right after the start or a lost face."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the networks saw in one frame. No face is data: `face` is None."""

    seq: int
    t_ns: int
    face: Face | None
    action: Action | None
    quality: Quality


class Ignition(IntEnum):
    """Of the vehicle. Values are those of the CAN signal."""

    OFF = 0
    ACCESSORY = 1
    ON = 2
    START = 3
    """Being cranked or readied; the supply may dip."""


class Gear(IntEnum):
    """Engaged direction. Values are those of the CAN signal."""

    PARK = 0
    REVERSE = 1
    NEUTRAL = 2
    DRIVE = 3
    """Any forward gear."""


class Indicator(IntEnum):
    """What the driver signals, not whether the lamp is lit. Values are those of the CAN signal."""

    OFF = 0
    LEFT = 1
    RIGHT = 2
    HAZARD = 3


@dataclass(frozen=True, slots=True)
class VehicleState:
    """What the vehicle last said. None: never received, timed out, invalid or not mapped."""

    t_ns: int
    speed_mps: float | None
    """Never below 0: how fast, whatever the direction."""
    ignition: Ignition | None = None
    gear: Gear | None = None
    steering_rad: float | None = None
    """Steering-wheel angle, > 0 turned to the left, 0 straight ahead; may exceed a turn."""
    indicator: Indicator | None = None
    brake_pressed: bool | None = None
    accelerator: float | None = None
    """Pedal position, 0 released to 1 floored."""
    seat_occupied: bool | None = None
    """Of the driver, as are door and belt."""
    door_open: bool | None = None
    belt_fastened: bool | None = None
    assistance_active: bool | None = None
    """A system steers and holds the speed; the driver supervises it."""
    acknowledged: bool | None = None
    """The driver acknowledges a warning now: True while the button is pressed."""
    cabin_light: bool | None = None
    utc_ns: int | None = None
    """The vehicle's clock at `t_ns`: UTC since 1970."""


class Availability(IntEnum):
    """Can the monitor do its work? Values are those of the CAN signal."""

    UNAVAILABLE = 0
    """Not running: starting, stalled or shutting down."""
    OK = 1
    CALIBRATING = 2
    DEGRADED = 3
    """Works with a sense missing; the reason says which."""
    UNKNOWN = 4
    """The camera works but the driver cannot be seen."""
    FAULT = 5
    """Invalid: broken input, self-test failed."""


class Reason(IntEnum):
    """Why availability is not OK. Values are those of the CAN signal."""

    NONE = 0
    NO_FACE = 1
    EYES_NOT_VISIBLE = 2
    """No eye shows, or none well enough to tell closed from open."""
    SUNGLASSES = 3
    IMAGE_DARK = 4
    IMAGE_SATURATED = 5
    IMAGE_BLANK = 6
    IMAGE_FROZEN = 7
    FRAMES_LATE = 8
    STARTING = 9
    SHUTDOWN = 10
    INTERNAL = 11
    POSE_UNCERTAIN = 12
    SPEED_UNKNOWN = 13
    """No vehicle speed: rules that need one assume what the configuration says."""
    MASK = 14
    """Mouth and nose are covered: no yawns are seen."""
    FACE_COVERED = 15
    """A hand, a scarf or the wheel's rim covers part of the face."""
    LED_OFF = 16
    """The infrared light fails: the picture went dark from one frame to the next."""
    IMAGE_BLURRED = 17
    LENS_DIRTY = 18
    MISALIGNED = 19
    """The camera does not point where it did: turned, or the driver left its view."""
    TOO_HOT = 20
    INPUT_UNFAMILIAR = 21
    """The pictures are unlike those of the networks' training; what they say is doubtful."""


class Sense(IntEnum):
    """What the monitor needs to see; one that is lost is told with its reason."""

    IMAGE = 0
    """Frames that show something, in time."""
    FACE = 1
    EYES = 2
    """Gaze and lids. Without them the head alone tells the direction: glances by the eyes alone
    are unseen, and no closure is."""
    MOUTH = 3
    """Yawns."""
    HANDS = 4
    """Hands and what they hold."""
    SPEED = 5


@dataclass(frozen=True, slots=True)
class Lost:
    """A sense that is lost, why, and since when."""

    sense: Sense
    why: Reason
    since_ns: int


class GazeZone(IntEnum):
    """Where the driver looks. Driver's and passenger's side follow the seat."""

    UNKNOWN = 0
    ROAD = 1
    """The forward road view."""
    MIRROR_REAR = 2
    MIRROR_DRIVER = 3
    """The outside mirror on the driver's side."""
    MIRROR_PASSENGER = 4
    CLUSTER = 5
    CENTRE_STACK = 6
    """Infotainment display and the controls under it."""
    DASH = 7
    """On the dashboard beside the cluster, where phones are mounted."""
    WINDOW_DRIVER = 8
    WINDOW_PASSENGER = 9
    PASSENGER = 10
    """The passenger's face, and who sits behind."""
    LAP = 11
    """The driver's own lap and knees."""
    FOOTWELL = 12
    """The passenger's."""
    GLOVEBOX = 13
    OTHER = 14


DRIVING_ZONES = frozenset(
    {
        GazeZone.ROAD,
        GazeZone.MIRROR_REAR,
        GazeZone.MIRROR_DRIVER,
        GazeZone.MIRROR_PASSENGER,
        GazeZone.CLUSTER,
    }
)
"""Where driving itself makes one look."""


class GazeSource(IntEnum):
    """What the direction of attention rests on."""

    NONE = 0
    HEAD = 1
    """The head alone: glances by the eyes alone (lizards) are unseen."""
    EYES = 2
    """Head and eyes."""


class Condition(IntEnum):
    """What the driver is believed to be doing. Values are those of the CAN signal."""

    UNKNOWN = 0
    ATTENTIVE = 1
    DISTRACTED = 2
    ON_PHONE = 3
    MICROSLEEP = 4
    ASLEEP = 5
    DROWSY = 6
    UNRESPONSIVE = 7


@dataclass(frozen=True, slots=True)
class Blinks:
    """How the lids move. Last five minutes unless said otherwise; None: too little was seen."""

    rate_per_min: float | None = None
    """Blinks a minute of seen-eye time, over the last minute. Says nothing about drowsiness."""
    last_ns: int | None = None
    """Duration of the last blink, between half-closed and half-open."""
    mean_ns: int | None = None
    """Mean duration of the blinks."""
    closing_speed: float | None = None
    """Mean of the blinks' fastest closing [this driver's openness per second]."""
    opening_speed: float | None = None
    """Mean of the blinks' fastest opening [the same]."""
    long_closures: int = 0
    """Closures too long for a blink."""


class Evidence(IntEnum):
    """What a sleepiness estimate can rest on."""

    PERCLOS = 0
    BLINK_DURATION = 1
    LID_SPEED = 2
    LONG_CLOSURES = 3
    YAWNS = 4
    NODS = 5


@dataclass(frozen=True, slots=True)
class Drowsiness:
    """How sleepy the driver looks; changes about once a second."""

    kss: float | None = None
    """Karolinska-sleepiness-equivalent 1-9; None until learned or at too little sight."""
    confidence: float = 0.0
    """0-1: how much of the evidence there is, seen for how long."""
    learned_pct: int = 0
    """How far the time that the estimate needs before it is given has passed."""
    basis: tuple[tuple[Evidence, float, float], ...] = ()
    """What it rests on: (evidence, measured value, steps of KSS that it adds)."""
    perclos_3min_pct: float | None = None
    perclos_5min_pct: float | None = None
    yawns: int = 0
    """In the last five minutes."""
    nods: int = 0
    """Falls of the head that were caught, in the last five minutes."""


NO_BLINKS, NO_DROWSINESS = Blinks(), Drowsiness()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class DriverState:
    """What is believed about the driver at `t_ns`; vehicle frame of reference."""

    t_ns: int
    condition: Condition
    confidence: float
    """Of the condition, 0-1; 0 when UNKNOWN."""
    availability: Availability
    reason: Reason
    calibration_pct: int
    head_yaw_rad: float | None
    head_pitch_rad: float | None
    gaze_yaw_rad: float | None
    gaze_pitch_rad: float | None
    eyes_on_road: bool | None
    """None: cannot tell."""
    eyes_off_road_ns: int
    """How long the current look away has lasted; 0 when on the road or unknown."""
    eye_open: float | None
    """Mean openness of the visible eyes, of this driver's neutral."""
    eyes_closed_ns: int
    """How long both eyes have been closed; 0 when open or not visible."""
    perclos_pct: float | None
    """Share of the last minute's seen-eye time with the eyes >= 80 % closed."""
    action: str | None
    """Most probable of ACTIONS, None when the hands are not seen or it is not sure."""
    action_confidence: float
    """Of the most probable one, told or not."""
    phone_ns: int
    """How long the phone has been in use."""
    speed_mps: float | None
    zone: GazeZone = GazeZone.UNKNOWN
    """The most probable zone of the gaze."""
    zone_probabilities: tuple[float, ...] = ()
    """One a GazeZone, in its order, sum 1; empty when not known."""
    gaze_source: GazeSource = GazeSource.NONE
    driving_task: bool | None = None
    """Looks where driving itself makes one look: road, mirrors, cluster. None: cannot tell."""
    eyes_on_road_ns: int = 0
    """How long open eyes have been on the road without a break; 0 when not, or unknown."""
    vats_away_ns: int = 0
    """Time away in the last 30 s; 0 again after 2 s without a break on the road."""
    attention_pct: float = 100.0
    """An AttenD-like buffer: drains while away, fills on the road; 0 is inattentive."""
    area3_ns: int = 0
    """How long the gaze has been in Area 3 of (EU) 2023/2590: below the plane 30 deg down from the
    eyes, outside areas 1 and 2. A brief look out of it does not start it afresh."""
    phone_away_ns: int = 0
    """Time in the last 30 s in which a phone was in use and looked at; as vats_away_ns. A phone in
    its cradle that is looked at is no use."""
    unresponsive_ns: int = 0
    """How long the driver has been away or with closed eyes in one, whichever it was."""
    hands_seen: bool = False
    """What the hands do was judged just now, sure or not; if not, nothing is known of a phone."""
    hands_on_wheel: bool | None = None
    """None: cannot tell."""
    hands_off_ns: int = 0
    """How long no hand has been on the wheel; 0 when on or unknown."""
    blinks: Blinks = NO_BLINKS
    drowsiness: Drowsiness = NO_DROWSINESS
    seat: SeatSide = SeatSide.UNKNOWN
    """As configured, or as learned."""
    lost: tuple[Lost, ...] = ()
    """Every sense that is lost now; `reason` is the gravest."""
    presumed: bool = False
    """The driver is not seen at this moment: what is said of eyes and road is the last sight, kept
    or let go by the written rules."""
    driver_changed: bool = False
    """This is the first state of what seems to be another driver: everything is learned anew."""
    head_roll_rad: float | None = None
    """Vehicle frame, > 0 the top of the head towards the driver's right."""
    head_sigma_rad: float | None = None
    """Standard error of one axis of the head's direction."""
    gaze_sigma_rad: float | None = None
    """The same of the gaze."""
    eye_open_left: float | None = None
    """Openness of this eye, of this driver's neutral; None: not seen."""
    eye_open_right: float | None = None
    closed_probability: float | None = None
    """How likely both eyes are closed now; None: no eye is seen."""


class AlertKind(IntEnum):
    """Values are those of the CAN signal; a higher value does not mean more urgent."""

    NONE = 0
    DISTRACTION = 1
    """One long look off the road."""
    PHONE = 2
    MICROSLEEP = 3
    SLEEP = 4
    CANNOT_SEE = 5
    """The monitor does not see enough to do its work."""
    DROWSY = 6
    UNRESPONSIVE = 7
    """No return to the road: the distinct warning before the vehicle acts by itself."""
    SHORT_DISTRACTION = 8
    """Many short looks off the road (VATS)."""
    LOW_GAZE = 9
    """A look into Area 3 of (EU) 2023/2590."""
    EYES_ON = 10
    """UN R171, assistance active: 1 eyes-on request, 2 direct alert, 3 unavailability response."""
    EMERGENCY = 11
    """The driver did not answer the distinct warning: the vehicle's emergency function is due."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What is asked of the vehicle now. Level 0 none, 1 inform, 2 warn, 3 urgent."""

    kind: AlertKind
    level: int
    reason: str
    """Name of the rule that fired, with its value and threshold, for people."""
    since_ns: int
    """When this kind was first raised."""
    t_ns: int
    """The observation this alert follows from."""


class What(StrEnum):
    """What happened to an alert."""

    RAISED = "raised"
    CHANGED = "changed"
    """Its level rose."""
    ENDED = "ended"
    SUPPRESSED = "suppressed"
    """Its cause was there, but a rule of politeness held it back."""
    EXEMPTED = "exempted"
    """Its cause was there, but driving itself made the driver look."""
    ACKNOWLEDGED = "acknowledged"
    LOCKED_OUT = "locked_out"
    """Too many alerts of the gravest kind: no assistance until the next journey."""


@dataclass(frozen=True, slots=True)
class Check:
    """A value held against a threshold. `sign` is >=, <, = ...: how they compared."""

    name: str
    value: float
    sign: str
    threshold: float
    unit: str
    setting: str
    """Key of the threshold in the configuration, which knows its source; empty: by definition."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one kind of alert, and the rule and numbers that made it."""

    t_ns: int
    what: What
    kind: AlertKind
    level: int
    """Shown from now on, 0 when it ended; of one held back, the level it would have had."""
    since_ns: int
    """When the alert was raised; of one held back, now."""
    rule: str
    """Of an end, an exemption or a suppression the rule that made it, not the alert's."""
    checks: tuple[Check, ...]
    reason: str
    """The rule and its numbers, for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """All that one frame led to."""

    observation: Observation
    state: DriverState
    alerts: tuple[Alert, ...]
    """Active alerts, most urgent first; empty when none."""
    events: tuple[Event, ...] = ()
    """What changed with this frame, and what was held back."""
    locked_out: bool = False
    """Assistance should not be offered until the next journey."""
