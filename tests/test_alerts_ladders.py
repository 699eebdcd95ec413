"""The kinds that have more than one cause, or a rule of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_drive import AWAY, BLIND, FINE, KMH, PHONE, SHUT, STILL, Drive, S, kinds

from dms.config import AlertConfig, Ladder, load
from dms.types import AlertKind, Availability, DriverState, Reason, VehicleState, What

GONE = replace(AWAY, unresponsive_ns=1)
"""Away, and not returned."""
SHORT = replace(AWAY, vats_away_ns=1)
LOW = replace(AWAY, area3_ns=1, eyes_off_road_ns=0)
EU = load(None, {"profile": "eu_gsr"}).alerts


def rate(fps: float) -> Drive:
    return Drive(step_ns=round(S / fps))


@pytest.mark.parametrize("fps", [10, 13, 24, 30, 60])
@pytest.mark.parametrize(
    ("what", "kind", "level", "due"),
    [
        (AWAY, AlertKind.DISTRACTION, 2, 3.0),
        (AWAY, AlertKind.DISTRACTION, 3, 6.0),
        (SHUT, AlertKind.MICROSLEEP, 2, 1.0),
        (SHUT, AlertKind.SLEEP, 3, 3.0),
        (GONE, AlertKind.UNRESPONSIVE, 3, 6.0),
        (GONE, AlertKind.EMERGENCY, 3, 10.0),
        (PHONE, AlertKind.PHONE, 1, 3.0),
        (PHONE, AlertKind.PHONE, 2, 10.0),
        (SHORT, AlertKind.SHORT_DISTRACTION, 2, 10.0),
    ],
)
def test_an_alert_comes_at_its_time_and_at_most_a_quarter_second_late(
    fps: float, what: DriverState, kind: AlertKind, level: int, due: float
) -> None:
    drive = rate(fps)
    if kind == AlertKind.SHORT_DISTRACTION:
        drive.config = replace(drive.config, distraction=Ladder())
    drive.go(11, what)
    at = next(t for t, active in drive.told if (kind, level) in kinds(active))
    assert 0 <= at - due <= 0.25


def test_many_short_looks_warn_at_ten_seconds_and_end_after_two_on_the_road() -> None:
    drive = Drive()
    drive.go(1, AWAY, vats_away_ns=round(9.99 * S))
    (alert,) = drive.go(0.1, AWAY, vats_away_ns=10 * S)
    assert (alert.kind, alert.level) == (AlertKind.SHORT_DISTRACTION, 2)
    assert alert.reason.startswith("short looks away 10.00 s >= 10.00 s")
    assert drive.go(1.95, vats_away_ns=10 * S)
    assert drive.go(0.1) == ()


def test_the_account_alone_warns_of_nothing_while_the_eyes_are_on_the_road() -> None:
    assert Drive().go(5, FINE, vats_away_ns=12 * S) == ()


def test_a_phone_that_is_looked_at_ten_seconds_in_thirty_warns() -> None:
    drive = Drive()
    (alert,) = drive.go(2, PHONE, phone_away_ns=10 * S)
    assert (alert.kind, alert.level) == (AlertKind.PHONE, 2)
    assert alert.reason.startswith("looks at the phone 10.00 s >= 10.00 s")


@pytest.mark.parametrize(("kmh", "due"), [(50.0, 3.5), (49.9, 6.0), (20.0, 6.0)])
def test_a_low_gaze_warns_sooner_at_speed(kmh: float, due: float) -> None:
    low = replace(LOW, speed_mps=kmh * KMH + 1e-9)
    assert Drive(EU).go(due - 0.05, low) == ()
    (alert,) = Drive(EU).go(due, low)
    assert (alert.kind, alert.level) == (AlertKind.LOW_GAZE, 2)
    assert alert.reason.startswith("low gaze")


def test_exactly_at_the_fast_speed_the_faster_ladder_holds() -> None:
    config = replace(EU, fast_speed_kmh=90.0)  # 25 m/s
    assert Drive(config).go(3.5, LOW)
    assert Drive(replace(config, fast_speed_kmh=90.1)).go(3.5, LOW) == ()


def test_a_low_gaze_has_a_second_and_a_half_more_while_degraded_but_not_for_want_of_speed() -> None:
    degraded = replace(LOW, availability=Availability.DEGRADED, reason=Reason.SUNGLASSES)
    assert Drive(EU).go(4.95, degraded) == ()
    (alert,) = Drive(EU).go(5, degraded)
    assert "5.00 s >= 5.00 s" in alert.reason
    lost = replace(degraded, reason=Reason.SPEED_UNKNOWN, speed_mps=None)
    assert Drive(EU).go(3.5, lost)
    strict = replace(EU, low_gaze_extra_ms=0)
    assert Drive(strict).go(3.5, degraded)


def test_a_look_into_area_three_that_the_road_takes_back_alerts_of_nothing() -> None:
    assert Drive(EU).go(9, replace(FINE, area3_ns=1)) == ()
    assert Drive(EU).go(5, replace(BLIND, area3_ns=1)) == ()


def test_six_seconds_away_are_unresponsive_and_four_more_an_emergency() -> None:
    drive = Drive()
    drive.go(5.95, GONE)
    assert drive.levels(AlertKind.UNRESPONSIVE) == []
    drive = Drive()
    active = drive.go(6, GONE)
    assert kinds(active)[0] == (AlertKind.UNRESPONSIVE, 3)
    assert active[0].reason.startswith("unresponsive 6.00 s >= 6.00 s")
    drive = Drive()
    drive.go(9.95, GONE)
    assert drive.levels(AlertKind.EMERGENCY) == []
    drive.go(0.05, GONE, unresponsive_ns=10 * S)
    assert drive.levels(AlertKind.EMERGENCY) == [3]
    assert kinds(drive.told[-1][1])[:2] == [
        (AlertKind.EMERGENCY, 3),
        (AlertKind.UNRESPONSIVE, 3),
    ]
    assert drive.told[-1][1][0].reason.startswith("no answer to the warning 4.00 s >= 4.00 s")


def away_with_pedals(told: list[tuple[float, VehicleState]], what: DriverState = GONE) -> Drive:
    """Unresponsive for 16 s; the vehicle says so much from those times on."""
    drive = Drive()
    now_s = 0.0
    for until_s, vehicle in [*told, (16.0, told[-1][1])]:
        for _ in range(round((until_s - now_s) * 20)):
            now_s += 0.05
            value = round(now_s * S)
            counted = {"unresponsive_ns": value, "eyes_off_road_ns": value}
            if what.eyes_closed_ns:
                counted["eyes_closed_ns"] = value
            drive.t_ns += drive.step_ns
            state = replace(what, t_ns=drive.t_ns, **counted)
            drive.told.append((now_s, drive.feed(state)))
        drive.vehicle = vehicle
    return drive


def emergency_s(drive: Drive) -> float | None:
    began = (t for t, alerts in drive.told if any(a.kind == AlertKind.EMERGENCY for a in alerts))
    return next(began, None)


BLINK = replace(SHUT, unresponsive_ns=1)
"""A closure with the eyes on the road."""


@pytest.mark.parametrize("pause_s", [0.3, 0.5, 0.8])
def test_a_driver_who_has_looked_back_is_no_emergency_however_he_blinks(pause_s: float) -> None:
    drive = Drive()
    drive.go(9.6, GONE)
    for _ in range(8):
        drive.go(pause_s)
        drive.go(0.2, BLINK)
    assert drive.levels(AlertKind.EMERGENCY) == []
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3, 0]
    ended = next(
        e for e in drive.events if (e.what, e.kind) == (What.ENDED, AlertKind.UNRESPONSIVE)
    )
    assert (ended.t_ns - 5 * S) / S == pytest.approx(9.6 + 1.0, abs=0.11)


def test_eyes_that_close_for_longer_than_a_blink_keep_the_warning() -> None:
    drive = Drive()
    drive.go(7, GONE)
    for _ in range(6):
        drive.go(0.5)
        drive.go(0.6, BLINK)
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3]


def test_a_glance_after_a_look_back_has_a_time_of_its_own_to_the_emergency() -> None:
    drive = Drive()
    drive.go(9.1, GONE)
    drive.go(0.85)
    drive.go(3.9, GONE)
    assert drive.levels(AlertKind.EMERGENCY) == []
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3]
    drive.go(0.1, GONE, unresponsive_ns=4 * S)
    assert drive.levels(AlertKind.EMERGENCY) == [3]


RESTING = replace(STILL, accelerator=0.20, brake_pressed=False)


def test_a_driver_who_moves_a_pedal_acts_and_the_emergency_waits() -> None:
    assert emergency_s(away_with_pedals([(0.0, RESTING)])) == pytest.approx(10.0, abs=0.06)
    brakes = replace(RESTING, brake_pressed=True)
    drive = away_with_pedals([(0.0, RESTING), (8.0, brakes)])
    assert emergency_s(drive) == pytest.approx(12.05, abs=0.06)
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3], "the warning itself goes on"
    floored = replace(RESTING, accelerator=0.31)
    assert emergency_s(away_with_pedals([(0.0, RESTING), (9.0, floored)])) == pytest.approx(
        13.05, abs=0.06
    )


@pytest.mark.parametrize(
    "after",
    [
        replace(RESTING, accelerator=0.29),
        replace(RESTING, accelerator=None, brake_pressed=None),
    ],
)
def test_a_resting_foot_and_a_message_that_stops_are_no_act(after: VehicleState) -> None:
    told = [(0.0, RESTING), (8.0, after), (9.0, RESTING)]
    assert emergency_s(away_with_pedals(told)) == pytest.approx(10.0, abs=0.06)


def test_a_pedal_seen_for_the_first_time_is_no_act_nor_is_one_under_a_sleeper() -> None:
    late = [(0.0, STILL), (8.0, replace(RESTING, accelerator=0.9))]
    assert emergency_s(away_with_pedals(late)) == pytest.approx(10.0, abs=0.06)
    slumps = [(0.0, RESTING), (8.0, replace(RESTING, accelerator=0.9))]
    shut = replace(GONE, eyes_closed_ns=1, eye_open=0.05)
    assert emergency_s(away_with_pedals(slumps, shut)) == pytest.approx(10.0, abs=0.06)


def test_no_return_three_seconds_after_a_warning_is_unresponsive_however_short_the_look() -> None:
    drive = Drive()
    drive.go(0.5, SHORT, vats_away_ns=10 * S)
    drive.go(2.5, GONE, unresponsive_ns=round(3.4 * S), vats_away_ns=12 * S, eyes_off_road_ns=S)
    assert drive.levels(AlertKind.UNRESPONSIVE) == []
    drive.go(0.6, GONE, unresponsive_ns=4 * S, vats_away_ns=12 * S, eyes_off_road_ns=S)
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3]
    assert drive.events[-1].rule == "no return after a warning"


def test_who_returned_since_the_warning_is_responsive() -> None:
    drive = Drive()
    drive.go(3.1, AWAY)
    drive.go(0.5)
    drive.go(2.9, GONE, eyes_off_road_ns=4 * S)
    assert drive.levels(AlertKind.UNRESPONSIVE) == []


def test_only_a_warning_of_level_two_must_be_answered() -> None:
    mild = replace(AlertConfig(), distraction=Ladder(1000, None, None))
    drive = Drive(mild)
    drive.go(5.9, GONE)
    assert drive.levels(AlertKind.UNRESPONSIVE) == []


def test_the_unresponsive_ladder_can_be_switched_off() -> None:
    off = replace(
        AlertConfig(), unresponsive=Ladder(), unresponsive_warned_ms=None, emergency_ms=None
    )
    drive = Drive(off)
    drive.go(20, GONE)
    assert drive.levels(AlertKind.UNRESPONSIVE) == drive.levels(AlertKind.EMERGENCY) == []
    never = replace(AlertConfig(), emergency_ms=None)
    drive = Drive(never)
    drive.go(20, GONE)
    assert drive.levels(AlertKind.EMERGENCY) == []


def test_closed_eyes_are_no_return() -> None:
    drive = Drive()
    drive.go(6, GONE)
    drive.go(2, replace(SHUT, eyes_on_road=True))
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3]
    drive.go(1.05)
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3, 0]


def test_an_emergency_outlives_sight_and_the_activation_speed_but_not_standstill() -> None:
    drive = Drive()
    drive.go(10, GONE)
    drive.go(0.5, GONE, unresponsive_ns=11 * S, speed_mps=10 * KMH)
    assert kinds(drive.told[-1][1]) == [(AlertKind.EMERGENCY, 3)]
    drive.go(24.9, BLIND, speed_mps=10 * KMH)
    assert kinds(drive.told[-1][1]) == [(AlertKind.EMERGENCY, 3)]
    drive.go(0.2, BLIND, speed_mps=10 * KMH)
    assert drive.told[-1][1] == ()
    drive = Drive()
    drive.go(10, GONE)
    drive.go(1, BLIND, speed_mps=1.01 * KMH)
    assert kinds(drive.told[-1][1]) == [(AlertKind.EMERGENCY, 3)]
    assert drive.go(0.05, BLIND, speed_mps=0.9 * KMH) == ()
    assert drive.events[-1].rule == "standstill"


def test_no_emergency_begins_below_the_activation_speed() -> None:
    drive = Drive()
    drive.go(7, GONE)
    drive.go(20, GONE, unresponsive_ns=20 * S, speed_mps=19 * KMH)
    assert drive.levels(AlertKind.EMERGENCY) == []


def test_an_emergency_ends_after_a_second_of_gaze_on_the_road() -> None:
    drive = Drive()
    drive.go(11, GONE)
    drive.go(1.0)
    assert drive.levels(AlertKind.EMERGENCY) == [3]
    drive.go(0.1)
    assert drive.levels(AlertKind.EMERGENCY) == [3, 0]


R171 = load(None, {"profile": "r171"}).alerts


def assisted(config: AlertConfig = R171, kmh: float = 90) -> Drive:
    drive = Drive(config).set(assistance_active=True)
    drive.go(1, FINE, speed_mps=kmh * KMH)
    drive.told.clear()
    return drive


@pytest.mark.parametrize(
    ("kmh", "times"), [(129.9, (5.0, 8.0, 18.0)), (130.001, (3.5, 6.5, 16.5)), (11, (5, 8, 18))]
)
def test_eyes_on_is_requested_then_demanded_then_answered_for(
    kmh: float, times: tuple[float, ...]
) -> None:
    drive = assisted(kmh=kmh)
    drive.go(19, GONE, speed_mps=kmh * KMH)
    for level, due in enumerate(times, 1):
        at = next(t for t, active in drive.told if (AlertKind.EYES_ON, level) in kinds(active))
        assert due <= at < due + 0.06
    assert drive.levels(AlertKind.EYES_ON) == [1, 2, 3]
    assert kinds(drive.told[-1][1])[0] == (AlertKind.EMERGENCY, 3)
    assert "no answer to the eyes on request" in drive.told[-1][1][0].reason
    (event,) = [e for e in drive.events if e.kind == AlertKind.EMERGENCY]
    assert event.checks[1].setting == "alerts.eyes_on_speed_kmh"
    assert event.checks[1].sign == ">="


def test_two_tenths_of_a_second_on_the_road_confirm_re_engagement() -> None:
    drive = assisted()
    drive.go(5.5, GONE)
    drive.go(0.2)
    assert drive.levels(AlertKind.EYES_ON) == [1]
    drive.go(0.05)
    assert drive.levels(AlertKind.EYES_ON) == [1, 0]
    assert drive.events[-1].checks[0].setting == "alerts.eyes_on_end_ms"


@pytest.mark.parametrize("active", [False, None])
def test_without_assistance_no_eyes_on_is_requested_and_what_was_ends(active: bool | None) -> None:
    drive = Drive(R171).set(assistance_active=active)
    drive.go(9, GONE)
    assert drive.levels(AlertKind.EYES_ON) == []
    assert "assistance" not in str(drive.events)
    drive = assisted()
    drive.go(6, GONE)
    drive.set(assistance_active=active)
    drive.go(0.05, GONE, unresponsive_ns=7 * S)
    assert drive.levels(AlertKind.EYES_ON) == [1, 0]
    assert drive.happened(What.ENDED) == [(What.ENDED, AlertKind.EYES_ON, "assistance not active")]


def test_no_eyes_on_request_below_ten_kmh() -> None:
    drive = assisted(kmh=9.9)
    assert drive.go(9, GONE, speed_mps=9.9 * KMH) == ()


def test_by_default_both_ladders_hold_and_in_the_assisted_profile_one_stands_in() -> None:
    drive = assisted(AlertConfig())
    assert (AlertKind.DISTRACTION, 2) in kinds(drive.go(5.5, GONE))
    drive = assisted()
    assert kinds(drive.go(7.0, GONE)) == [(AlertKind.EYES_ON, 1)]
    (held,) = drive.happened(What.SUPPRESSED)
    assert held[2] == "the eyes-on ladder stands in"


def test_when_assistance_takes_over_its_own_ladder_speaks_of_the_look() -> None:
    drive = Drive(load(None, {"profile": "r171"}).alerts)
    assert kinds(drive.go(4, GONE)) == [(AlertKind.DISTRACTION, 2)]
    drive.set(assistance_active=True)
    drive.go(3, GONE, unresponsive_ns=7 * S, eyes_off_road_ns=7 * S)
    assert drive.levels(AlertKind.DISTRACTION) == [2, 0]
    assert drive.levels(AlertKind.EYES_ON) == [1]
    ended = (What.ENDED, AlertKind.DISTRACTION, "the eyes-on ladder stands in")
    assert ended in drive.happened(What.ENDED)
