"""What to send and when: driver state and alerts become frames on a fixed time grid.

Pure: time is an argument, so that `dms run` (the machine's clock) and `dms replay` (the stream's)
send the same frames. The rules of docs/can.md for starting, stalling and stopping are made here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from dms.messages import ALERT, ALERT_RULES, DRIVER_STATE, GAZE, SENT, STATUS
from dms.signals import Message, NoValue, Value, encode
from dms.types import ACTIONS, Alert, AlertKind, Availability, Condition, DriverState, Reason

MS = 1_000_000
SECOND = 1_000_000_000
STALE_NS = 300 * MS
"""A result older than three status cycles no longer says anything about the driver."""

REQUESTS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0))
"""Visual, audible, haptic warning asked for at each level: one sense more with each step."""

CAMERA_REASONS = frozenset(
    (
        Reason.IMAGE_DARK,
        Reason.IMAGE_SATURATED,
        Reason.IMAGE_BLANK,
        Reason.IMAGE_FROZEN,
        Reason.FRAMES_LATE,
    )
)

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class TxFrame:
    """One frame to send: when it was due, which message, its 8 bytes."""

    t_ns: int
    message: Message
    data: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """Which monitor this is: any text that tells two apart (a version, a manifest's hash)."""

    software: str
    models: str

    @staticmethod
    def short(text: str) -> Value:
        """12 bits of its hash, below the codes for no value; nothing known: not available."""
        if not text:
            return NoValue.NOT_AVAILABLE
        return float(int.from_bytes(sha256(text.encode()).digest()[:4], "big") % 4093)


@dataclass(frozen=True, slots=True)
class Belief:
    """The newest result, and when it arrived on the clock of the grid."""

    state: DriverState
    alerts: tuple[Alert, ...]
    at_ns: int


@dataclass(frozen=True, slots=True)
class Situation:
    """Whether there is anything to say, and why not."""

    availability: Availability
    reason: Reason
    blank: NoValue
    """What a signal says that has no value now."""


_BLANK = {
    Availability.FAULT: NoValue.INVALID,
    Availability.UNAVAILABLE: NoValue.NOT_AVAILABLE,
}


def situation(belief: Belief | None, t_ns: int, stale_ns: int = STALE_NS) -> Situation:
    """What holds at `t_ns`: the state's own availability as long as it is fresh."""
    if belief is None:
        return Situation(Availability.UNAVAILABLE, Reason.STARTING, NoValue.NOT_AVAILABLE)
    if t_ns - belief.at_ns > stale_ns:
        return Situation(Availability.UNAVAILABLE, Reason.FRAMES_LATE, NoValue.NOT_AVAILABLE)
    said = belief.state.availability
    return Situation(said, belief.state.reason, _BLANK.get(said, NoValue.UNKNOWN))


def _speaks(now: Situation) -> bool:
    return now.availability not in _BLANK


def _or(value: float | None, blank: NoValue, scale: float = 1.0) -> Value:
    return blank if value is None else value * scale


def _seconds(duration_ns: int, known: bool, blank: NoValue) -> Value:
    return duration_ns / SECOND if known or duration_ns > 0 else blank


def status_values(
    belief: Belief | None, now: Situation, identity: Identity, bus_fault: bool
) -> Values:
    """DMS_Status."""
    fresh = belief is not None and now.availability != Availability.UNAVAILABLE
    pct, speed = (belief.state.calibration_pct, belief.state.speed_mps) if belief else (0, None)
    late = now.reason in CAMERA_REASONS
    none = NoValue.NOT_AVAILABLE
    return {
        "Availability": float(now.availability),
        "Reason": float(now.reason),
        "Calibration": float(pct) if fresh else none,
        "FaultCamera": float(late) if fresh or late else none,
        "FaultInternal": float(now.reason == Reason.INTERNAL) if fresh else none,
        "FaultVehicle": float(speed is None) if fresh else none,
        "FaultBus": float(bus_fault),
        "SoftwareHash": Identity.short(identity.software),
        "ModelHash": Identity.short(identity.models),
    }


def driver_values(belief: Belief | None, now: Situation) -> Values:
    """DMS_DriverState."""
    blank = now.blank
    if belief is None or not _speaks(now):
        return dict.fromkeys((s.name for s in DRIVER_STATE.signals), blank)
    s = belief.state
    known, acting = s.condition != Condition.UNKNOWN, s.action in ACTIONS
    return {
        "Condition": float(s.condition),
        "ConditionConfidence": s.confidence * 100 if known else blank,
        "EyesOnRoad": blank if s.eyes_on_road is None else float(s.eyes_on_road),
        "EyesOffRoadTime": _seconds(s.eyes_off_road_ns, s.eyes_on_road is not None, blank),
        "EyesClosedTime": _seconds(s.eyes_closed_ns, s.eye_open is not None, blank),
        "Action": float(ACTIONS.index(s.action)) if s.action in ACTIONS else blank,
        "ActionConfidence": s.action_confidence * 100 if acting else blank,
        "PhoneTime": _seconds(s.phone_ns, acting, blank),
    }


def gaze_values(belief: Belief | None, now: Situation) -> Values:
    """DMS_Gaze."""
    if belief is None or not _speaks(now):
        return dict.fromkeys((s.name for s in GAZE.signals), now.blank)
    s, blank, degrees = belief.state, now.blank, math.degrees(1.0)
    return {
        "HeadYaw": _or(s.head_yaw_rad, blank, degrees),
        "HeadPitch": _or(s.head_pitch_rad, blank, degrees),
        "GazeYaw": _or(s.gaze_yaw_rad, blank, degrees),
        "GazePitch": _or(s.gaze_pitch_rad, blank, degrees),
        "EyeOpenness": _or(s.eye_open, blank, 100.0),
        "Perclos": _or(s.perclos_pct, blank),
    }


def alert_values(belief: Belief | None, now: Situation, t_ns: int) -> Values:
    """DMS_Alert: the most urgent alert; "none" only when the driver was really judged."""
    if belief is None or now.availability == Availability.UNAVAILABLE:
        return dict.fromkeys((s.name for s in ALERT.signals), now.blank)
    if belief.alerts:
        return _raised(belief.alerts[0], len(belief.alerts), t_ns - belief.at_ns)
    silent = dict.fromkeys(("RequestVisual", "RequestAudible", "RequestHaptic", "AlertCount"), 0.0)
    open_names = ("AlertKind", "AlertLevel", "AlertReason", "AlertAge")
    judged = _speaks(now) and now.availability != Availability.UNKNOWN
    return {**silent, **dict.fromkeys(open_names, 0.0 if judged else now.blank)}


def _raised(alert: Alert, count: int, since_result_ns: int) -> Values:
    visual, audible, haptic = REQUESTS[min(max(alert.level, 0), 3)]
    age_ns = alert.t_ns - alert.since_ns + max(since_result_ns, 0)
    return {
        "AlertKind": float(alert.kind),
        "AlertLevel": float(alert.level),
        "AlertCount": float(min(count, 7)),
        "AlertReason": float(rule_number(alert.reason)),
        "RequestVisual": visual,
        "RequestAudible": audible,
        "RequestHaptic": haptic,
        "AlertAge": age_ns / SECOND,
    }


def rule_number(reason: str) -> int:
    """Number on the bus of the rule that a reason's text begins with; "other" when not listed."""
    found = (n for n, rule in enumerate(ALERT_RULES) if reason.startswith(rule))
    return next(found, ALERT_RULES.index("other"))


Signature = tuple[AlertKind, int, int] | None


def _signature(alerts: Sequence[Alert]) -> Signature:
    """What, when it changes, makes an alert go out at once."""
    if not alerts:
        return None
    return alerts[0].kind, alerts[0].level, rule_number(alerts[0].reason)


class TxPlan:
    """The frames due up to any moment, given the results so far.

    All times are on one clock of the caller's choice. Each message has a grid of deadlines from
    `start_ns`; DMS_Alert also goes out between them when the most urgent alert changes.
    """

    def __init__(self, identity: Identity, start_ns: int, stale_ns: int = STALE_NS) -> None:
        self.identity = identity
        self.stale_ns = stale_ns
        self.bus_fault = False
        """Set by who sends: frames could not be sent lately."""
        self.clamped: Counter[str] = Counter()
        """How often each signal's value was out of range or no number."""
        self.missed = 0
        """Deadlines skipped because the caller came too late."""
        self._belief: Belief | None = None
        self._next = dict.fromkeys(SENT, start_ns)
        self._sent: Counter[Message] = Counter()
        self._alert_sent_ns: int | None = None
        self._change_ns: int | None = None

    def advance(self, state: DriverState, alerts: Sequence[Alert], t_ns: int) -> list[TxFrame]:
        """Frames due before `t_ns`, then the new result, then frames due at `t_ns`."""
        before = self.due(t_ns - 1)
        self.update(state, alerts, t_ns)
        return before + self.due(t_ns)

    def update(self, state: DriverState, alerts: Sequence[Alert], at_ns: int) -> None:
        """The newest result, as of `at_ns`."""
        before = _signature(self._belief.alerts if self._belief else ())
        self._belief = Belief(state, tuple(alerts), at_ns)
        if _signature(alerts) != before and self._change_ns is None:
            self._change_ns = max(at_ns, self._alert_allowed_ns())

    def _alert_allowed_ns(self) -> int:
        last = self._alert_sent_ns
        return -(1 << 63) if last is None else last + ALERT.min_gap_ms * MS

    def next_ns(self) -> int:
        """When the next frame is due."""
        grid = min(self._next.values())
        return grid if self._change_ns is None else min(grid, self._change_ns)

    def due(self, t_ns: int) -> list[TxFrame]:
        """All frames due up to and at `t_ns` that were not given out before, in order."""
        frames: list[TxFrame] = []
        while (at := self.next_ns()) <= t_ns:
            frames += self._at(at)
        return frames

    def skip_missed(self, t_ns: int) -> None:
        """Keep one frame a message of those due up to `t_ns`: late frames are not made up."""
        for message, at in self._next.items():
            late = (t_ns - at) // (message.period_ms * MS)
            if late > 0:
                self.missed += late
                self._next[message] = at + late * message.period_ms * MS
        if self._change_ns is None or max(self._change_ns, self._next[ALERT]) > t_ns:
            return
        if self._change_ns <= self._next[ALERT]:
            self._change_ns = None  # the cyclic frame says the same
        else:
            self._next[ALERT] += ALERT.period_ms * MS

    def goodbye(self, t_ns: int) -> list[TxFrame]:
        """One last frame of each message: unavailable, shutting down."""
        now = Situation(Availability.UNAVAILABLE, Reason.SHUTDOWN, NoValue.NOT_AVAILABLE)
        return [self._frame(message, now, t_ns) for message in (STATUS, *SENT[:-1])]

    def _at(self, t_ns: int) -> list[TxFrame]:
        now = situation(self._belief, t_ns, self.stale_ns)
        return [self._frame(m, now, t_ns) for m in SENT if self._take(m, t_ns)]

    def _take(self, message: Message, t_ns: int) -> bool:
        """Whether `message` is to be sent at `t_ns`; moves its deadline on."""
        on_grid = self._next[message] <= t_ns
        if on_grid:
            self._next[message] += message.period_ms * MS
        if message is not ALERT:
            return on_grid
        changed = self._change_ns is not None and self._change_ns <= t_ns
        if changed or (on_grid and t_ns >= self._alert_allowed_ns()):
            self._change_ns, self._alert_sent_ns = None, t_ns
            return True
        return False

    def _frame(self, message: Message, now: Situation, t_ns: int) -> TxFrame:
        encoded = encode(message, self._values(message, now, t_ns), self._sent[message])
        self._sent[message] += 1
        self.clamped.update(f"{message.name}.{name}" for name in encoded.clamped)
        return TxFrame(t_ns, message, encoded.data)

    def _values(self, message: Message, now: Situation, t_ns: int) -> Values:
        if message is ALERT:
            return alert_values(self._belief, now, t_ns)
        if message is STATUS:
            return status_values(self._belief, now, self.identity, self.bus_fault)
        return (driver_values if message is DRIVER_STATE else gaze_values)(self._belief, now)
