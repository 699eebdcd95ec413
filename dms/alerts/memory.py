"""What the alert machine remembers between frames. Immutable; times are stamps [ns]."""

from __future__ import annotations

from dataclasses import dataclass

from dms.types import AlertKind, Sense

ORDER = (
    AlertKind.EMERGENCY,
    AlertKind.UNRESPONSIVE,
    AlertKind.SLEEP,
    AlertKind.MICROSLEEP,
    AlertKind.EYES_ON,
    AlertKind.DISTRACTION,
    AlertKind.LOW_GAZE,
    AlertKind.SHORT_DISTRACTION,
    AlertKind.PHONE,
    AlertKind.DROWSY,
    AlertKind.CANNOT_SEE,
)
"""All kinds; among alerts of one level, the first is the most urgent."""


@dataclass(frozen=True, slots=True)
class Track:
    """One kind of alert. Level 0: not active."""

    level: int = 0
    since_ns: int = 0
    rose_ns: int = 0
    """When the level was reached."""
    warned_ns: int = 0
    """When level 2 was reached; 0 below it."""
    reason: str = ""
    cause_ns: int = 0
    """When the cause was last present."""
    clear_ns: int | None = None
    """Since when the cause is clear without a break."""
    ended_ns: int | None = None
    spent: bool = False
    """This cause has been alerted: it must be seen clear before it may raise again."""
    held: str = ""
    """The rule that holds the present cause back, as it was logged."""


IDLE = Track()


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the speed is at or above a limit: the verdict of the last known speed."""

    verdict: bool | None = None
    """None: no speed was known yet, or not for too long."""
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """The present look away, as far as driving itself made it."""

    exempt_ns: int = 0
    """How much of it does not count."""
    side: int = 0
    """1 to the left, -1 to the right, 0 neither."""
    rule: str = ""
    """The exemption that holds, or the last that did."""
    holds: bool = False
    lasts: bool = True
    """There is one."""


NO_LOOK = Look(lasts=False)


@dataclass(frozen=True, slots=True)
class Pedals:
    """What the driver does with his feet: the one answer that no camera sees."""

    brake: bool | None = None
    accelerator: float | None = None
    """0-1, where it was when it last counted as moved."""
    moved_ns: int | None = None
    """When either last was, by a driver with open eyes."""


UNTOLD = len(Sense)
"""Graver senses have lower numbers; this is none of them."""


@dataclass(frozen=True, slots=True)
class Sight:
    """Telling the driver that the monitor does not see enough. Senses by their number."""

    lost: int = UNTOLD
    """The gravest sense that is lost; a return shorter than `end_ms` does not count."""
    lost_ns: int = 0
    """Since when it is."""
    spell_ns: int = 0
    """Since when any sense is, while one is."""
    good_ns: int | None = None
    """Since when what is lost now is less grave."""
    told: int = UNTOLD
    """The gravest sense that he was told of since sight was last good, and less grave ones with
    it."""
    told_ns: tuple[int | None, ...] = (None,) * UNTOLD
    """When he was last told of each."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """Alerts of the gravest kind on this journey."""

    count: int = 0
    total_ns: int = 0
    active: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class AlertState:
    """Everything remembered between frames: some fifty numbers, however long the drive."""

    t_ns: int | None = None
    driving: Gate = Gate()
    drowsing: Gate = Gate()
    """Of the speed from which sleepiness is judged."""
    assisted: Gate = Gate()
    """Of the speed from which the eyes-on ladder holds."""
    speed_ns: int = 0
    """When the speed was last known."""
    look: Look = NO_LOOK
    tracks: tuple[Track, ...] = (IDLE,) * len(ORDER)
    """One a kind of ORDER."""
    sight: Sight = Sight()
    told: int = 0
    """The level of sleepiness that the driver was last told."""
    lockout: Lockout = Lockout()
    pressed: bool = False
    """The acknowledgement button was pressed in the frame before."""
    parked: bool = False
    """The ignition was last known to be off."""
    pedals: Pedals = Pedals()
