"""What holds of alerts whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from alert_drive import FINE, S
from hypothesis import given, settings
from hypothesis import strategies as st

from dms import alerts
from dms.config import AlertConfig, load
from dms.types import (
    AlertKind,
    Availability,
    DriverState,
    Drowsiness,
    Event,
    GazeZone,
    Gear,
    Ignition,
    Indicator,
    Lost,
    Reason,
    Sense,
    VehicleState,
    What,
)

NS = st.integers(0, 12 * S)
STATES = st.builds(
    replace,
    st.just(FINE),
    availability=st.sampled_from(Availability),
    reason=st.sampled_from(Reason),
    eyes_on_road=st.sampled_from([True, False, None]),
    eyes_off_road_ns=NS,
    eye_open=st.sampled_from([None, 0.1, 1.0]),
    eyes_closed_ns=st.one_of(st.just(0), NS),
    action=st.sampled_from([None, "wheel", "phone_ear"]),
    hands_seen=st.booleans(),
    phone_ns=NS,
    phone_away_ns=NS,
    vats_away_ns=NS,
    area3_ns=NS,
    unresponsive_ns=st.one_of(st.just(0), st.integers(0, 20 * S)),
    gaze_yaw_rad=st.sampled_from([None, 0.0, 0.7, -0.7]),
    zone=st.sampled_from(GazeZone),
    drowsiness=st.builds(
        Drowsiness,
        kss=st.sampled_from([None, 4.0, 8.0, 9.0]),
        confidence=st.sampled_from([0.2, 0.9]),
    ),
    lost=st.lists(
        st.builds(Lost, st.sampled_from(Sense), st.sampled_from(Reason), st.just(0)), max_size=2
    ).map(tuple),
    speed_mps=st.sampled_from([None, 0.0, 3.0, 5.0, 10.0, 15.0, 30.0, 40.0]),
    driver_changed=st.sampled_from([False] * 9 + [True]),
)  # fmt: skip
VEHICLES = st.builds(
    VehicleState,
    st.just(0),
    st.none(),
    ignition=st.sampled_from([None, Ignition.ON, Ignition.ON, Ignition.OFF]),
    gear=st.sampled_from([None, Gear.DRIVE, Gear.REVERSE]),
    steering_rad=st.sampled_from([None, 0.0, 2.0, -2.0]),
    indicator=st.sampled_from([None, Indicator.LEFT, Indicator.RIGHT]),
    brake_pressed=st.sampled_from([None, False, True]),
    assistance_active=st.sampled_from([None, False, True]),
    acknowledged=st.sampled_from([None, False, True]),
)
Track = list[tuple[int, DriverState, VehicleState]]
TRACKS = st.lists(st.tuples(st.integers(0, 3 * S), STATES, VEHICLES), max_size=30)
CONFIGS = st.sampled_from(
    [AlertConfig(), *(load(None, {"profile": p}).alerts for p in ("eu_gsr", "r171", "gb_t"))]
)
Told = list[tuple[DriverState, alerts.Asked]]


def run(track: Track, config: AlertConfig) -> Told:
    state, t, out = alerts.start(), 0, []
    for dt, driver, vehicle in track:
        t += dt
        driver = replace(driver, t_ns=t)
        state, asked = alerts.step(state, driver, vehicle, config)
        out.append((driver, asked))
    return out


SPEED_KMH = {AlertKind.EYES_ON: 10, AlertKind.EMERGENCY: 1}
"""Kinds with a speed of their own; an emergency lasts down to standstill."""


@given(TRACKS, CONFIGS)
@settings(deadline=None)
def test_no_alert_below_the_activation_speed_whatever_comes(
    track: Track, config: AlertConfig
) -> None:
    for driver, asked in run(track, config):
        if driver.speed_mps is None:
            continue
        kmh = driver.speed_mps * 3.6
        for alert in asked.alerts:
            limit = SPEED_KMH.get(alert.kind, 20)
            assert kmh >= (config.drowsy_speed_kmh if alert.kind == AlertKind.DROWSY else limit)
        for event in asked.events:
            if event.kind == AlertKind.EMERGENCY and event.what == What.RAISED:
                assert kmh >= 10


def gone(d: DriverState) -> bool:
    return d.unresponsive_ns > 0


CAUSE: dict[AlertKind, Callable[[DriverState], bool]] = {
    AlertKind.DISTRACTION: lambda d: d.eyes_on_road is False and d.eyes_off_road_ns >= 3 * S,
    AlertKind.LOW_GAZE: lambda d: d.eyes_on_road is False and d.area3_ns >= 3 * S,
    AlertKind.SHORT_DISTRACTION: lambda d: d.eyes_on_road is False and d.vats_away_ns >= 10 * S,
    AlertKind.PHONE: lambda d: d.hands_seen and max(d.phone_ns, d.phone_away_ns) >= 3 * S,
    AlertKind.MICROSLEEP: lambda d: d.eye_open is not None and d.eyes_closed_ns >= 1 * S,
    AlertKind.SLEEP: lambda d: d.eye_open is not None and d.eyes_closed_ns >= 3 * S,
    AlertKind.CANNOT_SEE: lambda d: d.reason in alerts.SIGHT_LOST or bool(d.lost),
    AlertKind.DROWSY: lambda d: (d.drowsiness.kss or 0) >= 8 and d.drowsiness.confidence >= 0.5,
    AlertKind.UNRESPONSIVE: gone,
    AlertKind.EYES_ON: gone,
    AlertKind.EMERGENCY: gone,
}


@given(TRACKS, CONFIGS)
@settings(deadline=None)
def test_an_alert_never_comes_without_a_cause_in_the_last_thirty_seconds(
    track: Track, config: AlertConfig
) -> None:
    seen: list[DriverState] = []
    for driver, asked in run(track, config):
        seen.append(driver)
        recent = [d for d in seen if driver.t_ns - d.t_ns <= 30 * S]
        for alert in asked.alerts:
            assert any(CAUSE[alert.kind](d) for d in recent)
            assert alert.reason
            assert alert.level in (1, 2, 3)
            assert alert.since_ns <= alert.t_ns == driver.t_ns


def valid(driver: DriverState, kind: AlertKind) -> bool:
    """Whether a state says anything of what a kind goes by."""
    if driver.availability in (Availability.UNAVAILABLE, Availability.FAULT):
        return False
    if kind in (AlertKind.DISTRACTION, AlertKind.LOW_GAZE, AlertKind.SHORT_DISTRACTION):
        return driver.eyes_on_road is not None
    if kind in (AlertKind.SLEEP, AlertKind.MICROSLEEP):
        return driver.eye_open is not None
    if kind == AlertKind.PHONE:
        return driver.hands_seen
    if kind == AlertKind.DROWSY:
        return driver.drowsiness.kss is not None and driver.drowsiness.confidence >= 0.5
    return gone(driver)


@given(TRACKS, CONFIGS)
@settings(deadline=None)
def test_an_invalid_input_never_raises_a_level(track: Track, config: AlertConfig) -> None:
    before: dict[AlertKind, int] = {}
    for driver, asked in run(track, config):
        now = {a.kind: a.level for a in asked.alerts}
        for kind in AlertKind:
            if kind not in (AlertKind.NONE, AlertKind.CANNOT_SEE) and not valid(driver, kind):
                assert now.get(kind, 0) <= before.get(kind, 0)
        before = now


@given(TRACKS, CONFIGS)
@settings(deadline=None)
def test_every_event_names_its_rule_and_its_alert_is_what_the_events_say(
    track: Track, config: AlertConfig
) -> None:
    levels: dict[AlertKind, int] = {}
    for _, asked in run(track, config):
        for event in asked.events:
            assert event.rule
            assert event.reason
            if event.what in (What.RAISED, What.CHANGED):
                assert event.checks
                assert event.level > 0
                levels[event.kind] = event.level
            elif event.what == What.ENDED:
                del levels[event.kind]
        assert levels == {alert.kind: alert.level for alert in asked.alerts}


def shifted(event: Event, by: int) -> Event:
    return replace(event, t_ns=event.t_ns + by, since_ns=event.since_ns + by)


@given(TRACKS, st.integers(0, 10**18), CONFIGS)
@settings(deadline=None)
def test_a_time_shift_changes_nothing_but_the_stamps(
    track: Track, by: int, config: AlertConfig
) -> None:
    moved = [(dt + (by if i == 0 else 0), d, v) for i, (dt, d, v) in enumerate(track)]
    for (_, a), (_, b) in zip(run(track, config), run(moved, config), strict=True):
        assert [replace(x, t_ns=x.t_ns + by, since_ns=x.since_ns + by) for x in a.alerts] == list(
            b.alerts
        )
        assert [shifted(e, by) for e in a.events] == list(b.events)
        assert a.locked_out == b.locked_out


@given(TRACKS, st.randoms(use_true_random=False), CONFIGS)
@settings(deadline=None)
def test_pedals_may_put_off_an_emergency_and_change_nothing_else(
    track: Track, chance: Any, config: AlertConfig
) -> None:
    still = [(dt, d, replace(v, brake_pressed=None)) for dt, d, v in track]
    moved = [
        (dt, d, replace(v, brake_pressed=chance.random() < 0.5, accelerator=chance.random()))
        for dt, d, v in track
    ]
    begun = []
    for told in (plain := run(still, config), driven := run(moved, config)):
        kinds = [[alert.kind for alert in asked.alerts] for _, asked in told]
        begun.append(next((i for i, k in enumerate(kinds) if AlertKind.EMERGENCY in k), len(kinds)))
    assert begun[0] <= begun[1]
    for (_, a), (_, b) in zip(plain, driven, strict=True):
        assert [x for x in a.alerts if x.kind != AlertKind.EMERGENCY] == [
            x for x in b.alerts if x.kind != AlertKind.EMERGENCY
        ]


UNREAD = ("head_pitch_rad", "gaze_pitch_rad", "perclos_pct", "confidence", "calibration_pct",
          "hands_off_ns", "attention_pct")  # fmt: skip
"""What fusion tells and no rule of alerts reads."""


@given(TRACKS, st.randoms(use_true_random=False), CONFIGS)
@settings(deadline=None)
def test_permuting_signals_that_no_rule_reads_changes_nothing(
    track: Track, chance: Any, config: AlertConfig
) -> None:
    other = []
    for dt, driver, vehicle in track:
        unread = {name: chance.randint(0, 90) for name in UNREAD}
        noise = replace(
            vehicle, utc_ns=chance.randint(0, 10**18), cabin_light=chance.random() < 0.5,
            belt_fastened=chance.random() < 0.5, seat_occupied=chance.random() < 0.5,
        )  # fmt: skip
        other.append((dt, replace(driver, **unread), noise))
    order = chance.sample(range(len(other)), len(other))
    mixed = [
        (dt, replace(d, **{n: getattr(other[j][1], n) for n in UNREAD}), v)
        for (dt, d, v), j in zip(other, order, strict=True)
    ]
    plain = [asked for _, asked in run(track, config)]
    assert plain == [asked for _, asked in run(other, config)]
    assert plain == [asked for _, asked in run(mixed, config)]
