"""The alert machine by itself: how alerts of all kinds begin, last and end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_drive import AWAY, BLIND, FINE, PHONE, SHUT, Drive, S, kinds

from dms import alerts
from dms.config import AlertConfig, load
from dms.types import AlertKind, Availability, Ignition, Reason, What


def test_a_look_away_warns_at_three_seconds_and_is_urgent_at_six() -> None:
    drive = Drive()
    assert drive.go(2.95, AWAY) == ()
    drive = Drive()
    (alert,) = drive.go(3.0, AWAY)
    assert (alert.kind, alert.level) == (AlertKind.DISTRACTION, 2)
    assert alert.reason == "eyes off the road 3.00 s >= 3.00 s (level 2, speed 90 km/h)"
    assert alert.since_ns == alert.t_ns == drive.t_ns
    (later,) = Drive.go(drive, 3.0, AWAY, eyes_off_road_ns=6 * S)
    assert (later.level, later.since_ns) == (3, alert.since_ns)
    assert "6.00 s >= 6.00 s (level 3" in later.reason


def test_the_warning_ends_after_one_second_of_gaze_on_the_road_not_sooner() -> None:
    drive = Drive()
    drive.go(3.5, AWAY)
    assert drive.go(0.9)
    drive.go(0.3, AWAY)
    assert drive.go(0.95)
    assert drive.go(0.2) == ()
    assert drive.levels(AlertKind.DISTRACTION) == [2, 0]


def test_an_end_says_how_long_the_cause_was_clear_or_unseen() -> None:
    for after, name, value, limit in (
        (FINE, "eyes on the road", 1, 1),
        (BLIND, "cause unseen", 3, 3),
    ):
        drive = Drive()
        drive.go(3.5, AWAY)
        drive.go(3.1, after)
        (check,) = drive.events[-1].checks
        assert (check.name, check.value, check.threshold) == (name, value, limit)


@pytest.mark.parametrize(("shut_s", "ends"), [(0.0, True), (0.4, True), (0.45, False)])
def test_a_blink_does_not_begin_the_gaze_that_ends_a_warning_anew(
    shut_s: float, ends: bool
) -> None:
    drive = Drive()
    drive.go(3.5, AWAY)
    drive.go(0.5)
    drive.go(shut_s, replace(SHUT, eyes_on_road=True))
    kept = drive.go(1.05 - 0.5 - shut_s)
    assert (not any(a.kind == AlertKind.DISTRACTION for a in kept)) == ends


def test_closed_eyes_on_the_road_do_not_end_a_distraction() -> None:
    drive = Drive()
    drive.go(3.5, AWAY)
    assert drive.go(0.9, replace(SHUT, eyes_on_road=True))
    assert (AlertKind.DISTRACTION, 2) in kinds(drive.go(0.9))


def test_a_level_never_falls_while_the_warning_lasts() -> None:
    drive = Drive()
    drive.go(6.5, AWAY)
    drive.go(0.5)
    assert kinds(drive.go(4, AWAY)) == [(AlertKind.DISTRACTION, 3)]


def test_one_look_away_is_alerted_once_even_if_sight_is_lost_in_it() -> None:
    drive = Drive()
    drive.go(3.5, AWAY)
    assert drive.go(2.5, BLIND)
    assert drive.go(2, BLIND) == ()
    assert drive.go(10, AWAY, eyes_off_road_ns=20 * S) == ()
    drive.go(0.2)
    assert kinds(drive.go(3, AWAY)) == [(AlertKind.DISTRACTION, 2)]


def test_an_alert_held_without_sight_never_rises() -> None:
    drive = Drive()
    drive.go(5, AWAY)
    drive.go(2.9, BLIND, eyes_off_road_ns=9 * S, eyes_closed_ns=9 * S, phone_ns=20 * S)
    assert drive.levels(AlertKind.DISTRACTION) == [2]
    assert drive.levels(AlertKind.SLEEP) == []


def test_broken_input_raises_nothing_however_bad_it_looks() -> None:
    for availability in (Availability.FAULT, Availability.UNAVAILABLE):
        drive = Drive()
        bad = replace(AWAY, availability=availability, eye_open=0.0, phone_ns=1, eyes_closed_ns=1)
        assert drive.go(6, bad) == ()


def test_not_knowing_does_not_make_unresponsive_what_was_short_of_it() -> None:
    unsure = replace(FINE, eyes_on_road=None)
    assert Drive().go(2, unsure, unresponsive_ns=20 * S) == ()
    for known in (replace(unsure, eyes_on_road=False), replace(unsure, eyes_closed_ns=1)):
        found = kinds(Drive().go(0.9, known, unresponsive_ns=20 * S))
        assert found == [(AlertKind.UNRESPONSIVE, 3)]


def test_an_away_without_a_length_raises_nothing_and_ends_nothing() -> None:
    drive = Drive()
    drive.go(3.5, AWAY)
    assert drive.go(1.5, AWAY, eyes_off_road_ns=0)
    assert Drive().go(9, AWAY, eyes_off_road_ns=0) == ()


@pytest.mark.parametrize(
    ("kind", "counter"),
    [
        (AlertKind.DISTRACTION, "eyes_off_road_ns"),
        (AlertKind.LOW_GAZE, "area3_ns"),
        (AlertKind.SHORT_DISTRACTION, "vats_away_ns"),
    ],
)
def test_but_it_is_not_the_cause_of_an_alert_and_so_it_ends_as_unseen(
    kind: AlertKind, counter: str
) -> None:
    low = load(None, {"profile": "eu_gsr"}).alerts.low_gaze
    drive = Drive(replace(AlertConfig(), low_gaze=low))
    away = replace(FINE, eyes_on_road=False)
    assert kind in {a.kind for a in drive.go(12, away, **{counter: 12 * S})}
    drive.go(31, away)
    ended = [e.rule for e in drive.events if e.what == What.ENDED and e.kind == kind]
    assert ended == ["cause unseen"]


def test_a_microsleep_warns_at_one_second_and_sleep_replaces_it_at_three() -> None:
    drive = Drive()
    assert drive.go(0.95, SHUT) == ()
    drive = Drive()
    assert kinds(drive.go(1.0, SHUT)) == [(AlertKind.MICROSLEEP, 2)]
    drive = Drive()
    assert kinds(drive.go(3.0, SHUT)) == [(AlertKind.SLEEP, 3)]
    assert kinds(drive.go(0.9)) == [(AlertKind.SLEEP, 3)]
    assert drive.go(0.2) == ()
    assert drive.levels(AlertKind.MICROSLEEP) == [2, 0]


def test_a_sleeper_whose_head_nods_out_of_view_is_warned_on_for_a_while() -> None:
    drive = Drive()
    drive.go(3.5, SHUT)
    assert (AlertKind.SLEEP, 3) in kinds(drive.go(2.9, BLIND))
    assert (AlertKind.SLEEP, 3) not in kinds(drive.go(0.2, BLIND))


def test_a_phone_informs_at_three_seconds_and_warns_at_ten_once_a_call() -> None:
    drive = Drive()
    drive.go(12, PHONE)
    assert drive.levels(AlertKind.PHONE) == [1, 2]
    drive.go(2)
    drive.go(5, PHONE)
    assert drive.levels(AlertKind.PHONE) == [1, 2, 0]
    drive.go(9)
    drive.go(4, PHONE)
    assert drive.levels(AlertKind.PHONE) == [1, 2, 0, 1]


def test_two_alerts_of_a_kind_keep_their_distance() -> None:
    drive = Drive()
    drive.go(1.2, SHUT)
    drive.go(1.1)
    drive.go(1.2, SHUT)
    assert drive.levels(AlertKind.MICROSLEEP) == [2, 0]
    drive.go(2)
    drive.go(1.2, SHUT)
    assert drive.levels(AlertKind.MICROSLEEP) == [2, 0, 2]


def test_nothing_is_said_below_twenty_kmh_and_an_alert_ends_there() -> None:
    drive = Drive()
    assert drive.go(10, AWAY, speed_mps=19.9 / 3.6) == ()
    drive = Drive()
    drive.go(4, AWAY)
    assert drive.go(0.05, AWAY, speed_mps=5.0, eyes_off_road_ns=5 * S) == ()


def test_the_same_sleep_is_told_again_when_the_speed_comes_back() -> None:
    drive = Drive()
    drive.go(4, SHUT)
    drive.go(0.1, SHUT, speed_mps=5.0, eyes_closed_ns=5 * S)
    assert drive.go(0.4, SHUT, eyes_closed_ns=5 * S) == ()
    assert kinds(drive.go(2, SHUT, eyes_closed_ns=6 * S)) == [(AlertKind.SLEEP, 3)]


def test_a_speed_never_known_is_driving_unless_the_configuration_says_no() -> None:
    (alert,) = Drive().go(4, AWAY, speed_mps=None)
    assert "speed unknown" in alert.reason
    silent = replace(AlertConfig(), unknown_speed_is_driving=False)
    assert Drive(silent).go(4, AWAY, speed_mps=None) == ()


def test_a_first_known_speed_does_not_interrupt_an_alert() -> None:
    drive = Drive()
    drive.go(4, AWAY, speed_mps=None)
    assert drive.go(0.05, AWAY, eyes_off_road_ns=5 * S)


def test_a_lost_speed_keeps_its_last_verdict_that_of_standing_for_a_minute() -> None:
    drive = Drive()
    drive.go(1, speed_mps=0.0)
    assert drive.go(59.9, AWAY, speed_mps=None) == ()
    assert drive.go(3, AWAY, speed_mps=None)
    drive = Drive()
    drive.go(1)
    drive.go(100, speed_mps=None)
    assert drive.go(3, AWAY, speed_mps=None)


def test_a_car_whose_ignition_is_off_stands_however_long_its_bus_is_silent() -> None:
    drive = Drive(step_ns=S // 5).set(ignition=Ignition.OFF)
    drive.go(1, speed_mps=0.0)
    drive.set(ignition=None)
    assert drive.go(200, AWAY, speed_mps=None) == ()


def test_below_fifty_another_ladder_may_hold() -> None:
    config = load(None, {"profile": "eu_gsr"}).alerts
    drive = Drive(config)
    assert drive.go(5.95, AWAY, speed_mps=40 / 3.6) == ()
    assert Drive(config).go(6, AWAY, speed_mps=40 / 3.6)
    assert Drive(config).go(3.45, AWAY) == ()
    assert Drive(config).go(3.5, AWAY)


def test_the_driver_is_told_once_within_ten_seconds_that_he_cannot_be_seen() -> None:
    drive = Drive()
    drive.go(1)
    assert drive.go(6.9, BLIND) == ()
    (alert,) = drive.go(1, BLIND)
    assert (alert.kind, alert.level) == (AlertKind.CANNOT_SEE, 1)
    assert (
        alert.reason == "cannot see the driver: no face 7.00 s >= 7.00 s (level 1, speed 90 km/h)"
    )
    assert drive.go(4, BLIND) == ()
    drive.go(60, BLIND)
    drive.go(20)
    drive.go(20, BLIND)
    assert drive.levels(AlertKind.CANNOT_SEE) == [1, 0]


def test_he_is_told_again_after_long_good_sight() -> None:
    drive = Drive()
    drive.go(12, BLIND)
    drive.go(310)
    drive.go(12, BLIND)
    assert drive.levels(AlertKind.CANNOT_SEE) == [1, 0, 1, 0]


def test_a_flicker_of_sight_neither_restarts_nor_ends_the_telling_but_a_return_does() -> None:
    drive = Drive()
    drive.go(5, BLIND)
    drive.go(0.5)
    assert kinds(drive.go(2, BLIND)) == [(AlertKind.CANNOT_SEE, 1)]
    assert drive.go(0.5)
    assert drive.go(0.6) == ()


def test_he_is_not_told_at_standstill_and_the_telling_ends_there() -> None:
    drive = Drive()
    assert drive.go(12, BLIND, speed_mps=0.0) == ()
    assert drive.go(1, BLIND)
    assert drive.go(0.1, BLIND, speed_mps=0.0) == ()


def test_dark_glasses_are_told_with_their_reason() -> None:
    state = replace(FINE, availability=Availability.DEGRADED, reason=Reason.SUNGLASSES)
    (alert,) = Drive().go(8, state)
    assert "sunglasses" in alert.reason


def test_the_most_urgent_alert_comes_first() -> None:
    drive = Drive()
    both = replace(AWAY, phone_ns=1, action="phone_hand")
    assert kinds(drive.go(6, both)) == [(AlertKind.DISTRACTION, 3), (AlertKind.PHONE, 1)]
    shut = replace(both, eye_open=0.0, eyes_closed_ns=1)
    assert kinds(Drive().go(6, shut))[0] == (AlertKind.SLEEP, 3)


def test_a_level_that_is_null_is_never_reached() -> None:
    config = load(None, {"alerts.distraction.level3_ms": None}).alerts
    drive = Drive(config)
    drive.go(20, AWAY)
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_a_stamp_that_goes_back_starts_afresh() -> None:
    drive = Drive()
    drive.go(4, AWAY)
    _, asked = alerts.step(drive.state, replace(FINE, t_ns=1), None, drive.config)
    assert asked.alerts == ()
