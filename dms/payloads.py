"""What each message says: a driver state, alerts and health become physical values of signals.

Pure. What cannot be told is unknown, what is broken is invalid, what is not there is not available.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dms import messages as m
from dms import payloads_driver as of_driver
from dms.config.param import MS
from dms.fields import COUNTER_MODULO
from dms.moment import Identity, Moment, Situation, Values, known_or, nothing
from dms.signals import BusFrame, Message, NoValue, Value
from dms.types import Alert, AlertKind, Availability, DriverState, Reason, Sense

SECOND = 1000 * MS

REQUESTS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0))
"""Visual, audible, haptic warning asked for at each level: one sense more with each step."""

CAMERA_REASONS = frozenset(
    (
        Reason.IMAGE_DARK,
        Reason.IMAGE_SATURATED,
        Reason.IMAGE_BLANK,
        Reason.IMAGE_FROZEN,
        Reason.IMAGE_BLURRED,
        Reason.LED_OFF,
        Reason.LENS_DIRTY,
        Reason.MISALIGNED,
        Reason.FRAMES_LATE,
    )
)


def values(frame: BusFrame, moment: Moment) -> Values:
    """What `frame` says."""
    said: Values = {}
    for section in frame.sections:
        said |= SAYS[section](moment)
    return said


def _status(at: Moment) -> Values:
    belief, now, none = at.belief, at.now, NoValue.NOT_AVAILABLE
    state = belief.state if belief and now.availability != Availability.UNAVAILABLE else None
    lost = {lost.sense for lost in state.lost} if state else set()
    camera = now.reason in CAMERA_REASONS or Sense.IMAGE in lost
    return {
        "Availability": float(now.availability),
        "Reason": float(now.reason),
        "OperatingState": float(m.OPERATING_STATES.index(_operating(now))),
        "Calibration": float(state.calibration_pct) if state else none,
        "FaultCamera": float(camera) if state or camera else none,
        "FaultInternal": float(now.reason == Reason.INTERNAL) if state else none,
        "FaultVehicle": _vehicle_fault(at, state),
        "FaultBus": float(at.bus_fault),
        **{
            f"Sense{sense.name.capitalize()}": float(sense in lost) if state else none
            for sense in Sense
        },
    }


def _operating(now: Situation) -> str:
    if now.reason == Reason.SHUTDOWN:
        return "stopping"
    if now.availability == Availability.UNAVAILABLE:
        return "stalled" if now.reason == Reason.FRAMES_LATE else "starting"
    return "fault" if now.availability == Availability.FAULT else "running"


def _vehicle_fault(at: Moment, state: DriverState | None) -> Value:
    if at.inputs is not None:
        return float(at.inputs.fault)
    return NoValue.NOT_AVAILABLE if state is None else float(state.speed_mps is None)


def _alert(at: Moment) -> Values:
    """The most urgent alert; "none" only when the driver was really judged."""
    belief, now = at.belief, at.now
    if belief is None or now.availability == Availability.UNAVAILABLE:
        return nothing(m.ALERT, now.blank)
    lockout = {"AssistanceLockout": float(belief.locked_out)}
    if belief.alerts:
        return lockout | _raised(belief.alerts[0], len(belief.alerts), at.t_ns - belief.at_ns)
    silent = dict.fromkeys(("RequestVisual", "RequestAudible", "RequestHaptic", "AlertCount"), 0.0)
    open_names = ("AlertKind", "AlertLevel", "AlertReason", "AlertAge")
    judged = at.state() is not None and now.availability != Availability.UNKNOWN
    return {**lockout, **silent, **dict.fromkeys(open_names, 0.0 if judged else now.blank)}


def _raised(alert: Alert, count: int, since_result_ns: int) -> Values:
    visual, audible, haptic = REQUESTS[min(max(alert.level, 0), 3)]
    age_ns = alert.t_ns - alert.since_ns + max(since_result_ns, 0)
    return {
        "AlertKind": float(alert.kind),
        "AlertLevel": float(alert.level),
        "AlertCount": float(min(count, 12)),
        "AlertReason": float(rule_number(alert.reason)),
        "RequestVisual": visual,
        "RequestAudible": audible,
        "RequestHaptic": haptic,
        "AlertAge": age_ns / SECOND,
    }


def rule_number(reason: str) -> int:
    """Number on the bus of the rule that a reason's text begins with; "other" when not listed."""
    found = [n for n, rule in enumerate(m.ALERT_RULES) if reason.startswith(rule)]
    return max(found, key=lambda n: len(m.ALERT_RULES[n]), default=m.ALERT_RULES.index("other"))


Signature = tuple[AlertKind, int, int] | None


def signature(alerts: Sequence[Alert]) -> Signature:
    """What, when it changes, makes an alert go out at once."""
    if not alerts:
        return None
    return alerts[0].kind, alerts[0].level, rule_number(alerts[0].reason)


def _event(at: Moment) -> Values:
    e = at.event
    if e is None:
        return nothing(m.EVENT, NoValue.NOT_AVAILABLE)
    return {
        "EventCount": float(at.events % COUNTER_MODULO),
        "EventType": float(e.number),
        "EventAlertKind": float(e.kind),
        "EventAlertLevel": float(e.level),
        "EventCondition": float(e.condition),
        "EventAvailability": float(e.availability),
        "EventReason": float(e.reason),
        "EventAge": max(at.t_ns - e.at_ns, 0) / SECOND,
    }


def _identity(at: Moment) -> Values:
    return {
        "InterfaceVersion": float(m.INTERFACE_VERSION),
        "SoftwareHash": Identity.short(at.identity.software),
        "ModelHash": Identity.short(at.identity.models),
        "ConfigHash": Identity.short(at.identity.config),
    }


def _telemetry(at: Moment) -> Values:
    none, t = NoValue.NOT_AVAILABLE, at.telemetry
    return {
        "FrameRate": known_or(t.frame_rate_hz, none),
        "LatencyP50": known_or(t.latency_p50_ms, none),
        "LatencyP99": known_or(t.latency_p99_ms, none),
        "FramesDropped": known_or(t.dropped, none),
        "CpuLoad": known_or(t.cpu_pct, none),
        "Temperature": known_or(t.temperature_c, none),
        "DriftScore": known_or(t.drift, none, 10.0),
    }


def _inputs(at: Moment) -> Values:
    sent: Values = {
        "TxClamped": float(at.clamped % COUNTER_MODULO),
        "TxMissed": float(at.missed % COUNTER_MODULO),
    }
    if at.inputs is None:
        return sent
    heard = at.inputs
    return sent | {
        "RxWrongCrc": float(heard.wrong_crc % COUNTER_MODULO),
        "RxRepeated": float(heard.repeated % COUNTER_MODULO),
        "RxJumped": float(heard.jumped % COUNTER_MODULO),
        "RxLate": float(heard.late % COUNTER_MODULO),
    }


SAYS: Mapping[Message, Callable[[Moment], Values]] = {
    m.ALERT: _alert,
    m.DRIVER_STATE: of_driver.driver,
    m.GAZE: of_driver.gaze,
    m.STATUS: _status,
    m.ATTENTION: of_driver.attention,
    m.DROWSINESS: of_driver.drowsiness,
    m.HANDS: of_driver.hands,
    m.EYES: of_driver.eyes,
    m.IDENTITY: _identity,
    m.TELEMETRY: _telemetry,
    m.INPUTS: _inputs,
    m.EVENT: _event,
}
"""What each message says, wherever it travels."""
