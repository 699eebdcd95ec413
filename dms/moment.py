"""All that messages may speak of at one moment, and whether there is anything to say. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from dms.changes import Change
from dms.messages import HASH_MODULO
from dms.signals import Message, NoValue, Value
from dms.types import Alert, Availability, DriverState, Reason
from dms.vehicle import InputHealth

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which monitor this is: the texts behind the hashes; empty: not known."""

    software: str
    models: str
    config: str = ""

    @staticmethod
    def digest(text: str) -> bytes:
        """Its SHA-256, as a diagnostic tester reads it; nothing known: zeros."""
        return sha256(text.encode()).digest() if text else bytes(32)

    @staticmethod
    def short(text: str) -> Value:
        """16 bits of its hash, below the codes for no value; nothing known: not available."""
        if not text:
            return NoValue.NOT_AVAILABLE
        return float(int.from_bytes(Identity.digest(text)[:4], "big") % HASH_MODULO)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """How the monitor fares, of the last second or so; None: not measured."""

    frame_rate_hz: float | None = None
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    dropped: int | None = None
    cpu_pct: float | None = None
    """Of one core."""
    temperature_c: float | None = None
    drift: float | None = None
    """How unlike the networks' training data the pictures are; 1 and less is usual."""


@dataclass(frozen=True, slots=True)
class Belief:
    """The newest result, and when it arrived on the clock of the grid."""

    state: DriverState
    alerts: tuple[Alert, ...]
    at_ns: int
    locked_out: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """Whether there is anything to say, and why not."""

    availability: Availability
    reason: Reason
    blank: NoValue
    """What a signal says that has no value now."""


_BLANKS = {
    Availability.FAULT: NoValue.INVALID,
    Availability.UNAVAILABLE: NoValue.NOT_AVAILABLE,
}


def situation(belief: Belief | None, t_ns: int, stale_ns: int) -> Situation:
    """What holds at `t_ns`: the state's own availability as long as it is fresh."""
    if belief is None:
        return Situation(Availability.UNAVAILABLE, Reason.STARTING, NoValue.NOT_AVAILABLE)
    if t_ns - belief.at_ns > stale_ns:
        return Situation(Availability.UNAVAILABLE, Reason.FRAMES_LATE, NoValue.NOT_AVAILABLE)
    said = belief.state.availability
    return Situation(said, belief.state.reason, _BLANKS.get(said, NoValue.UNKNOWN))


@dataclass(frozen=True, slots=True)
class Moment:
    """All that a message may say at `t_ns`."""

    t_ns: int
    now: Situation
    identity: Identity
    belief: Belief | None = None
    results: int = 0
    """How many results there have been."""
    event: Change | None = None
    events: int = 0
    """The number of `event`."""
    bus_fault: bool = False
    inputs: InputHealth | None = None
    """None: nobody listens to the vehicle's messages."""
    telemetry: Telemetry = Telemetry()
    clamped: int = 0
    missed: int = 0

    def state(self) -> DriverState | None:
        """The state, unless it is stale or says itself that it is broken."""
        speaks = self.now.availability not in _BLANKS
        return self.belief.state if speaks and self.belief else None


def nothing(message: Message, blank: NoValue) -> Values:
    """Every signal of `message` without a value."""
    return dict.fromkeys((s.name for s in message.signals), blank)


def known_or(value: float | None, blank: NoValue, scale: float = 1.0) -> Value:
    """The value times `scale`, or why there is none."""
    return blank if value is None else value * scale
