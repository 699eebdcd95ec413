"""One frame through all the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from dms.alerts import cues
from dms.alerts.holds import (
    STANDSTILL,
    assisted,
    follow_look,
    follow_pedals,
    pass_gate,
    reversing,
    too_slow,
)
from dms.alerts.ladder import Terms, advance, end
from dms.alerts.memory import IDLE, NO_LOOK, ORDER, AlertState, Lockout, Sight, Track
from dms.alerts.now import INDEX, Hold, Now, seconds
from dms.alerts.telling import watch_drowsiness, watch_sight
from dms.config import MS, AlertConfig
from dms.types import Alert, AlertKind, Check, DriverState, Event, Ignition, VehicleState, What

Gate = Callable[[Now], Hold | None]
ROAD, OPEN = "eyes on the road", "eyes open"


def _slow(now: Now) -> Hold | None:
    return now.slow


def _looking(now: Now) -> Hold | None:
    return now.slow or reversing(now)


def _manual(now: Now) -> Hold | None:
    return _looking(now) or assisted(now)


def _asleep(now: Now) -> Hold | None:
    if now.track(AlertKind.SLEEP).level:
        return Hold(What.SUPPRESSED, "sleep replaces it")
    return now.slow


def _unassisted(now: Now) -> Hold | None:
    if not now.vehicle.assistance_active:
        return Hold(What.SUPPRESSED, "assistance not active")
    return now.crawling


def _helpless(now: Now) -> Hold | None:
    """Once raised, the emergency lasts until the vehicle stands: it is what slows it down. The
    eyes-on ladder, with a speed of its own, has passed its gate in this frame already."""
    if not now.track(AlertKind.EMERGENCY).level:
        return None if now.track(AlertKind.EYES_ON).level == 3 else _looking(now)
    return now.slow if now.slow and now.slow.rule == STANDSTILL else None


RULES: tuple[tuple[Terms, Callable[[Now], cues.Cue], Gate], ...] = (
    (Terms(AlertKind.SLEEP, OPEN), cues.closed("sleep"), _slow),
    (Terms(AlertKind.MICROSLEEP, OPEN), cues.closed("microsleep"), _asleep),
    (Terms(AlertKind.DISTRACTION, ROAD), cues.distraction, _manual),
    (Terms(AlertKind.LOW_GAZE, ROAD), cues.low_gaze, _manual),
    (
        Terms(AlertKind.SHORT_DISTRACTION, ROAD, end="end_transient_ms"),
        cues.short_distraction,
        _manual,
    ),
    (Terms(AlertKind.PHONE, "no phone in use", gap="phone_gap_ms"), cues.phone, _slow),
    (
        Terms(AlertKind.EYES_ON, ROAD, "eyes_on_end_ms", gap="eyes_on_end_ms"),
        cues.eyes_on,
        _unassisted,
    ),
    (Terms(AlertKind.UNRESPONSIVE, ROAD), cues.unresponsive, _looking),
    (Terms(AlertKind.EMERGENCY, ROAD, hold="emergency_hold_ms"), cues.emergency, _helpless),
)  # fmt: skip
"""The kinds with a ladder, each after those that it looks at: cause, and what forbids it."""

TERMINAL = (AlertKind.EMERGENCY, AlertKind.UNRESPONSIVE, AlertKind.EYES_ON)
"""Kinds whose level 3 counts towards the lock-out."""

ACKNOWLEDGED = frozenset({AlertKind.PHONE, AlertKind.DROWSY, AlertKind.CANNOT_SEE})
"""Kinds that the driver may acknowledge; of the others only his eyes can speak."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What follows from one frame."""

    alerts: tuple[Alert, ...]
    """Active alerts, most urgent first."""
    events: tuple[Event, ...]
    """What changed, and what was held back."""
    locked_out: bool
    """Assistance should not be offered until the next journey."""


def start() -> AlertState:
    """Nothing is known and nothing active."""
    return AlertState()


def step(
    state: AlertState, driver: DriverState, vehicle: VehicleState | None, config: AlertConfig
) -> tuple[AlertState, Asked]:
    """The next state, and what is asked at the driver state's stamp.

    A stamp that goes back starts afresh. The speed is the driver state's, the rest is the
    vehicle's; None: it says nothing.
    """
    vehicle = vehicle or VehicleState(driver.t_ns, None)
    before, afresh = state, _afresh(state, driver.t_ns, vehicle)
    if afresh:
        state = start()
    elif driver.driver_changed:
        state, afresh = _next_driver(state), "another driver"
    dt_ns = 0 if state.t_ns is None else driver.t_ns - state.t_ns
    now = Now(driver, vehicle, config, dt_ns, state.tracks)
    if afresh:
        _drop(before, afresh, now)
    parked = _parked(state, vehicle)
    speed_ns = state.speed_ns if now.speed_kmh is None else now.t_ns
    lost = not parked and now.t_ns - speed_ns >= config.speed_lost_ms * MS
    driving = pass_gate(state.driving, now, config.activation_speed_kmh, lost)
    drowsing = pass_gate(state.drowsing, now, config.drowsy_speed_kmh, lost)
    crawling = pass_gate(state.assisted, now, config.eyes_on_speed_kmh, lost)
    now.look = follow_look(state.look, now)
    now.pedals = follow_pedals(state.pedals, now)
    now.slow = too_slow(driving, now, "activation_speed_kmh")
    now.crawling = too_slow(crawling, now, "eyes_on_speed_kmh")
    tracks = now.tracks
    for terms, cue, gate in RULES:
        i = INDEX[terms.kind]
        tracks[i] = advance(tracks[i], cue(now), terms, gate(now), now)
    sight = watch_sight(state.sight, now)
    told = watch_drowsiness(state.told, too_slow(drowsing, now, "drowsy_speed_kmh"), now)
    pressed = bool(vehicle.acknowledged)
    if pressed and not state.pressed:
        _acknowledge(now)
    lockout = _lock(state.lockout, now)
    after = AlertState(
        now.t_ns, driving, drowsing, crawling, speed_ns, now.look, tuple(now.tracks), sight, told,
        lockout, pressed, parked, now.pedals,
    )  # fmt: skip
    return after, Asked(_active(now), tuple(now.events), lockout.locked)


def _afresh(state: AlertState, t_ns: int, vehicle: VehicleState) -> str:
    """Why everything begins again: the ignition was off, or the stamp goes back; empty: it does
    not."""
    if state.t_ns is not None and t_ns < state.t_ns:
        return "time went back"
    return "new journey" if state.parked and not _parked(state, vehicle) else ""


def _next_driver(state: AlertState) -> AlertState:
    """What was said to one driver is not said to the next; the vehicle, the journey's lock-out and
    an emergency stay."""
    kept = (track if kind == AlertKind.EMERGENCY else IDLE for kind, track in _each(state))
    return replace(state, look=NO_LOOK, tracks=tuple(kept), sight=Sight(), told=0)


def _each(state: AlertState) -> Iterable[tuple[AlertKind, Track]]:
    return zip(ORDER, state.tracks, strict=True)


def _drop(before: AlertState, rule: str, now: Now) -> None:
    """Write down what is active no more."""
    for kind, track in _each(before):
        if track.level and not now.track(kind).level:
            now.note(What.ENDED, kind, 0, min(track.since_ns, now.t_ns), rule)


def _parked(state: AlertState, vehicle: VehicleState) -> bool:
    """Whether the ignition was last known to be off; the accessory position is neither."""
    if vehicle.ignition == Ignition.OFF:
        return True
    return state.parked and vehicle.ignition not in (Ignition.ON, Ignition.START)


def _acknowledge(now: Now) -> None:
    """The button went down: what it may end ends, and does not come again for the same cause."""
    for kind in ORDER:
        track = now.track(kind)
        if not track.level:
            continue
        may = kind in ACKNOWLEDGED
        reason = "acknowledged" if may else "acknowledged, but this does not end it"
        now.note(What.ACKNOWLEDGED, kind, track.level, track.since_ns, "acknowledged", (), reason)
        if may:
            now.put(kind, end(track, kind, now, "acknowledged", spent=True))


def _lock(before: Lockout, now: Now) -> Lockout:
    """Counts the gravest alerts of the journey; one episode counts once."""
    gravest = next((kind for kind in TERMINAL if now.track(kind).level == 3), None)
    if gravest is None:
        return replace(before, active=False) if before.active else before
    count, total_ns = before.count, before.total_ns
    if before.active:
        total_ns += now.dt_ns
    else:
        count += 1
    many = count >= now.config.lockout_alerts
    locked = before.locked or many or total_ns >= now.config.lockout_ms * MS
    if locked and not before.locked:
        track = now.track(gravest)
        checks = (_tally(count, now) if many else _length(total_ns, now),)
        now.note(What.LOCKED_OUT, gravest, track.level, track.since_ns, "lock-out", checks)
    return Lockout(count, total_ns, True, locked)


def _tally(count: int, now: Now) -> Check:
    limit = float(now.config.lockout_alerts)
    return Check("gravest alerts", float(count), ">=", limit, "", "alerts.lockout_alerts")


def _length(total_ns: int, now: Now) -> Check:
    limit_ms = now.config.lockout_ms
    return seconds("of gravest alerts", total_ns, limit_ms, "alerts.lockout_ms")


def _active(now: Now) -> tuple[Alert, ...]:
    """Most urgent first."""
    alerts = [
        Alert(kind, track.level, track.reason, track.since_ns, now.t_ns)
        for kind, track in zip(ORDER, now.tracks, strict=True)
        if track.level
    ]
    return tuple(sorted(alerts, key=lambda alert: -alert.level))
