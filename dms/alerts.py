"""What is asked of the vehicle: (state, driver) -> (state, alerts). Pure; integer nanoseconds.

The rules, in words:
- A cue (eyes off the road, phone, eyes closed) is present, clear or unknown. Only a present cue
  raises a level; each kind's ladder says after how long. A level never falls while active.
- An alert ends when its cue is clear for `end_ms` without a break, or when its cue has not been
  present for `unknown_hold_ms`. In the second case the cue is spent: it must be seen clear once
  before it may raise again, so one glance never alerts twice.
- Sleep replaces microsleep: one closure, one alert.
- Below the activation speed there is no alert. A speed never received counts as the configuration
  says; a speed lost keeps its last verdict.
- Cannot-see is told once, for a while, then not again until sight was good for long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dms.config import MS, AlertConfig, Ladder
from dms.types import Alert, AlertKind, Availability, DriverState, Reason

KMH = 3.6
"""km/h in a m/s."""

SIGHT_LOST = frozenset(
    {
        Reason.NO_FACE,
        Reason.EYES_NOT_VISIBLE,
        Reason.SUNGLASSES,
        Reason.IMAGE_DARK,
        Reason.IMAGE_SATURATED,
        Reason.IMAGE_BLANK,
        Reason.IMAGE_FROZEN,
        Reason.FRAMES_LATE,
        Reason.POSE_UNCERTAIN,
    }
)
"""Reasons for which the driver is told that the monitor cannot see."""

PRIORITY = (
    AlertKind.SLEEP,
    AlertKind.MICROSLEEP,
    AlertKind.DISTRACTION,
    AlertKind.PHONE,
    AlertKind.CANNOT_SEE,
)
"""Among alerts of one level, the first is the most urgent."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A cause as seen now: how long it has lasted; present, clear (False) or unknown (None)."""

    rule: str
    value_ns: int
    present: bool | None


@dataclass(frozen=True, slots=True)
class Track:
    """One kind of alert. Level 0: not active."""

    level: int = 0
    since_ns: int = 0
    reason: str = ""
    cause_ns: int = 0
    """When the cause was last present."""
    clear_ns: int | None = None
    """Since when the cue is clear without a break."""
    ended_ns: int | None = None
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """Telling the driver that the monitor cannot see."""

    bad_ns: int | None = None
    """Since when sight is gone; a shorter return than `end_ms` does not reset it."""
    good_ns: int | None = None
    told_ns: int | None = None
    armed: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AlertState:
    """Everything remembered between frames."""

    t_ns: int | None = None
    driving: bool | None = None
    """Last verdict of a known speed; None: no speed known yet."""
    driving_ns: int = 0
    distraction: Track = Track()
    phone: Track = Track()
    microsleep: Track = Track()
    sleep: Track = Track()
    sight: Sight = Sight()


def start() -> AlertState:
    return AlertState()


def step(
    state: AlertState, driver: DriverState, config: AlertConfig
) -> tuple[AlertState, tuple[Alert, ...]]:
    """The next state, and the active alerts, most urgent first. A stamp that goes back starts
    afresh."""
    t = driver.t_ns
    if state.t_ns is not None and t < state.t_ns:
        state = start()
    state = _gate(state, driver, config)
    gate = _open(state, t, config)
    sleep = _advance(
        state.sleep, _closed(driver), config.sleep, config.gap_ms, gate, driver, config
    )
    microsleep = _advance(
        state.microsleep, _closed(driver), config.microsleep, config.gap_ms, gate, driver, config
    )
    state = replace(
        state,
        t_ns=t,
        sleep=sleep,
        microsleep=_end(microsleep, t, spent=False) if sleep.level else microsleep,
        distraction=_advance(
            state.distraction, _away(driver), _ladder(driver, config), config.gap_ms, gate, driver,
            config,
        ),
        phone=_advance(
            state.phone, _phone(driver), config.phone, config.phone_gap_ms, gate, driver, config
        ),
        sight=_sight(state.sight, driver, gate, config),
    )  # fmt: skip
    return state, _active(state, config)


def _gate(state: AlertState, driver: DriverState, config: AlertConfig) -> AlertState:
    if driver.speed_mps is None:
        return state
    driving = driver.speed_mps * KMH >= config.activation_speed_kmh
    if driving == state.driving:
        return state
    known_since = driver.t_ns
    if state.driving is None:  # nothing to flicker from
        known_since -= config.speed_confirm_ms * MS
    return replace(state, driving=driving, driving_ns=known_since)


def _open(state: AlertState, t_ns: int, config: AlertConfig) -> bool:
    if state.driving is None:
        return config.unknown_speed_is_driving
    return state.driving and t_ns - state.driving_ns >= config.speed_confirm_ms * MS


def _ladder(driver: DriverState, config: AlertConfig) -> Ladder:
    speed = driver.speed_mps
    slow = speed is not None and speed * KMH < config.fast_speed_kmh
    return config.distraction_slow if slow else config.distraction


def _broken(driver: DriverState) -> bool:
    return driver.availability in (Availability.UNAVAILABLE, Availability.FAULT)


def _away(driver: DriverState) -> Cue:
    """Off the road is present; clear needs open eyes on the road."""
    on_road = driver.eyes_on_road
    if on_road is None or _broken(driver):
        return Cue("eyes off the road", 0, None)
    present = not on_road and driver.eyes_off_road_ns > 0
    clear = on_road and driver.eyes_closed_ns == 0
    return Cue("eyes off the road", driver.eyes_off_road_ns, _three(present, clear))


def _closed(driver: DriverState) -> Cue:
    if driver.eye_open is None or _broken(driver):
        return Cue("eyes closed", 0, None)
    return Cue("eyes closed", driver.eyes_closed_ns, driver.eyes_closed_ns > 0)


def _phone(driver: DriverState) -> Cue:
    if driver.action is None or _broken(driver):
        return Cue("phone in use", 0, None)
    return Cue("phone in use", driver.phone_ns, driver.phone_ns > 0)


def _three(present: bool, clear: bool) -> bool | None:
    return True if present else False if clear else None


def _advance(
    track: Track,
    cue: Cue,
    ladder: Ladder,
    gap_ms: int,
    gate: bool,
    driver: DriverState,
    config: AlertConfig,
) -> Track:
    if track.level == 0:
        return _idle(track, cue, ladder, gap_ms, gate, driver)
    t = driver.t_ns
    if not gate:
        return _end(track, t, spent=False)
    if cue.present:
        return _rise(replace(track, cause_ns=t, clear_ns=None), cue, ladder, driver)
    clear_ns = None if cue.present is None else t if track.clear_ns is None else track.clear_ns
    if clear_ns is not None and t - clear_ns >= config.end_ms * MS:
        return _end(track, t, spent=False)
    if t - track.cause_ns >= config.unknown_hold_ms * MS:
        return _end(track, t, spent=cue.present is None)
    return replace(track, clear_ns=clear_ns)


def _idle(
    track: Track, cue: Cue, ladder: Ladder, gap_ms: int, gate: bool, driver: DriverState
) -> Track:
    if cue.present is False:
        return replace(track, spent=False) if track.spent else track
    if not cue.present or not gate or track.spent:
        return track
    t = driver.t_ns
    if track.ended_ns is not None and t - track.ended_ns < gap_ms * MS:
        return track
    risen = _rise(replace(track, since_ns=t, cause_ns=t, clear_ns=None), cue, ladder, driver)
    return risen if risen.level else track


def _rise(track: Track, cue: Cue, ladder: Ladder, driver: DriverState) -> Track:
    """The highest level whose time is up, never below the present one."""
    for level, ms in ((3, ladder.level3_ms), (2, ladder.level2_ms), (1, ladder.level1_ms)):
        if level <= track.level:
            break
        if ms is not None and cue.value_ns >= ms * MS:
            return replace(track, level=level, reason=_why(cue, level, ms, driver))
    return track


def _why(cue: Cue, level: int, threshold_ms: int, driver: DriverState) -> str:
    speed = driver.speed_mps
    shown = "unknown" if speed is None else f"{speed * KMH:.0f} km/h"
    value = f"{cue.value_ns / 1e9:.2f} s >= {threshold_ms / 1e3:.2f} s"
    return f"{cue.rule} {value} (level {level}, speed {shown})"


def _end(track: Track, t_ns: int, spent: bool) -> Track:
    return Track(ended_ns=t_ns if track.level else track.ended_ns, spent=spent)


def _sight(sight: Sight, driver: DriverState, gate: bool, config: AlertConfig) -> Sight:
    t = driver.t_ns
    sight = _seen(sight, t, config) if _sees(driver) else _unseen(sight, t)
    if sight.bad_ns is None or not sight.armed or not gate:
        return sight
    gone = t - sight.bad_ns
    if gone < config.cannot_see_ms * MS:
        return sight
    why = driver.reason.name.lower().replace("_", " ")
    limit = config.cannot_see_ms / 1e3
    reason = f"cannot see the driver: {why} {gone / 1e9:.2f} s >= {limit:.2f} s"
    return replace(sight, told_ns=t, armed=False, reason=reason)


def _sees(driver: DriverState) -> bool:
    return driver.reason not in SIGHT_LOST


def _unseen(sight: Sight, t_ns: int) -> Sight:
    bad_ns = t_ns if sight.bad_ns is None else sight.bad_ns
    return replace(sight, bad_ns=bad_ns, good_ns=None)


def _seen(sight: Sight, t_ns: int, config: AlertConfig) -> Sight:
    good_ns = t_ns if sight.good_ns is None else sight.good_ns
    good = t_ns - good_ns
    rested = (
        sight.told_ns is not None
        and t_ns - sight.told_ns >= config.cannot_see_gap_ms * MS
        and good >= config.cannot_see_rearm_ms * MS
    )
    bad_ns = None if good >= config.end_ms * MS else sight.bad_ns
    return replace(sight, good_ns=good_ns, bad_ns=bad_ns, armed=sight.armed or rested)


def _active(state: AlertState, config: AlertConfig) -> tuple[Alert, ...]:
    assert state.t_ns is not None
    t = state.t_ns
    tracks = {
        AlertKind.SLEEP: state.sleep,
        AlertKind.MICROSLEEP: state.microsleep,
        AlertKind.DISTRACTION: state.distraction,
        AlertKind.PHONE: state.phone,
        AlertKind.CANNOT_SEE: _telling(state, config),
    }
    alerts = [
        Alert(kind, track.level, track.reason, track.since_ns, t)
        for kind in PRIORITY
        if (track := tracks[kind]).level
    ]
    return tuple(sorted(alerts, key=lambda alert: -alert.level))


def _telling(state: AlertState, config: AlertConfig) -> Track:
    sight, t = state.sight, state.t_ns
    if sight.told_ns is None or sight.bad_ns is None or t is None:
        return Track()
    shown = t - sight.told_ns < config.cannot_see_show_ms * MS
    if not shown or not _open(state, t, config):
        return Track()
    return Track(level=1, since_ns=sight.told_ns, reason=sight.reason)
