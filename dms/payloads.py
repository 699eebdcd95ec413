"""What each message says: a driver state and alerts become physical values of signals.

Pure. What cannot be told is unknown, what is broken is invalid, what is not there is not available.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from dms.messages import ALERT, ALERT_RULES, DRIVER_STATE, GAZE, STATUS
from dms.signals import Message, NoValue, Value
from dms.types import ACTIONS, Alert, AlertKind, Availability, Condition, DriverState, Reason

SECOND = 1_000_000_000

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


def situation(belief: Belief | None, t_ns: int, stale_ns: int) -> Situation:
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


def signature(alerts: Sequence[Alert]) -> Signature:
    """What, when it changes, makes an alert go out at once."""
    if not alerts:
        return None
    return alerts[0].kind, alerts[0].level, rule_number(alerts[0].reason)


def values(
    message: Message,
    belief: Belief | None,
    now: Situation,
    t_ns: int,
    identity: Identity,
    bus_fault: bool,
) -> Values:
    """What `message` says at `t_ns`."""
    if message is ALERT:
        return alert_values(belief, now, t_ns)
    if message is STATUS:
        return status_values(belief, now, identity, bus_fault)
    return (driver_values if message is DRIVER_STATE else gaze_values)(belief, now)
