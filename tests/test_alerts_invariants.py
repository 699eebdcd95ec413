"""What holds of alerts whatever comes."""

from __future__ import annotations

from dataclasses import replace

from alert_drive import FINE, S
from hypothesis import given, settings
from hypothesis import strategies as st

from dms import alerts
from dms.config import AlertConfig
from dms.types import Alert, AlertKind, Availability, DriverState, Reason

NS = st.integers(0, 12 * S)
STATES = st.builds(
    replace,
    st.just(FINE),
    availability=st.sampled_from(Availability),
    reason=st.sampled_from(Reason),
    eyes_on_road=st.sampled_from([True, False, None]),
    eyes_off_road_ns=NS,
    eye_open=st.sampled_from([None, 0.1, 1.0]),
    eyes_closed_ns=NS,
    action=st.sampled_from([None, "wheel", "phone_ear"]),
    phone_ns=NS,
    speed_mps=st.sampled_from([None, 0.0, 5.0, 10.0, 30.0]),
)
TRACKS = st.lists(st.tuples(st.integers(0, 3 * S), STATES), max_size=40)


def run(track: list[tuple[int, DriverState]]) -> list[tuple[DriverState, tuple[Alert, ...]]]:
    state, t, out = alerts.start(), 0, []
    for dt, driver in track:
        t += dt
        driver = replace(driver, t_ns=t)
        state, asked = alerts.step(state, driver, None, AlertConfig())
        out.append((driver, asked.alerts))
    return out


@given(TRACKS)
@settings(deadline=None)
def test_no_alert_below_the_activation_speed_whatever_comes(
    track: list[tuple[int, DriverState]],
) -> None:
    for driver, active in run(track):
        assert not active or driver.speed_mps is None or driver.speed_mps * 3.6 >= 20


CAUSE = {
    AlertKind.DISTRACTION: lambda d: d.eyes_on_road is False and d.eyes_off_road_ns >= 3 * S,
    AlertKind.PHONE: lambda d: d.action is not None and d.phone_ns >= 3 * S,
    AlertKind.MICROSLEEP: lambda d: d.eye_open is not None and d.eyes_closed_ns >= 1 * S,
    AlertKind.SLEEP: lambda d: d.eye_open is not None and d.eyes_closed_ns >= 3 * S,
    AlertKind.CANNOT_SEE: lambda d: d.reason in alerts.SIGHT_LOST,
}


@given(TRACKS)
@settings(deadline=None)
def test_an_alert_never_comes_without_a_cause_in_the_last_thirty_seconds(
    track: list[tuple[int, DriverState]],
) -> None:
    seen: list[DriverState] = []
    for driver, active in run(track):
        seen.append(driver)
        recent = [d for d in seen if driver.t_ns - d.t_ns <= 30 * S]
        for alert in active:
            assert any(CAUSE[alert.kind](d) for d in recent)
            assert alert.reason
            assert alert.level in (1, 2, 3)
            assert alert.since_ns <= alert.t_ns == driver.t_ns


@given(TRACKS)
@settings(deadline=None)
def test_an_unknown_input_never_raises_a_level(track: list[tuple[int, DriverState]]) -> None:
    before: dict[AlertKind, int] = {}
    for driver, active in run(track):
        now = {a.kind: a.level for a in active}
        broken = driver.availability in (Availability.UNAVAILABLE, Availability.FAULT)
        for kind, sense in [
            (AlertKind.DISTRACTION, driver.eyes_on_road),
            (AlertKind.SLEEP, driver.eye_open),
            (AlertKind.MICROSLEEP, driver.eye_open),
            (AlertKind.PHONE, driver.action),
        ]:
            if sense is None or broken:
                assert now.get(kind, 0) <= before.get(kind, 0)
        before = now


@given(TRACKS, st.integers(0, 10**18))
@settings(deadline=None)
def test_a_time_shift_changes_no_alert(track: list[tuple[int, DriverState]], shift: int) -> None:
    moved = [(dt + (shift if i == 0 else 0), d) for i, (dt, d) in enumerate(track)]
    for (_, a), (_, b) in zip(run(track), run(moved), strict=True):
        assert [(x.kind, x.level, x.reason) for x in a] == [(x.kind, x.level, x.reason) for x in b]


@given(TRACKS)
@settings(deadline=None)
def test_signals_that_no_rule_reads_change_nothing(track: list[tuple[int, DriverState]]) -> None:
    other = [
        (dt, replace(d, head_yaw_rad=2.0, perclos_pct=None, confidence=0.0, calibration_pct=3))
        for dt, d in track
    ]
    assert [a for _, a in run(track)] == [a for _, a in run(other)]
