"""What is told of the monitor's sight and of sleepiness: once, without nagging."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from alert_drive import BLIND, FINE, KMH, Drive, S, kinds

from dms.alerts import SIGHT_LOST
from dms.config import AlertConfig
from dms.types import (
    AlertKind,
    Availability,
    DriverState,
    Drowsiness,
    Event,
    Lost,
    Reason,
    Sense,
    What,
)


def without(sense: Sense, why: Reason, *others: tuple[Sense, Reason]) -> DriverState:
    lost = tuple(Lost(s, w, 0) for s, w in ((sense, why), *others))
    return replace(FINE, availability=Availability.DEGRADED, reason=why, lost=lost)


GLASSES = without(Sense.EYES, Reason.SUNGLASSES)
MASK = without(Sense.MOUTH, Reason.MASK)
NOBODY = without(Sense.FACE, Reason.NO_FACE, (Sense.EYES, Reason.EYES_NOT_VISIBLE))


def told(drive: Drive) -> list[str]:
    """The reasons of every telling."""
    return [e.reason for e in drive.events if e.what == What.RAISED]


def held(drive: Drive) -> list[Event]:
    return [e for e in drive.events if e.what in (What.SUPPRESSED, What.EXEMPTED)]


@pytest.mark.parametrize("reason", sorted(SIGHT_LOST))
def test_every_reason_for_bad_sight_is_told_by_name_within_ten_seconds(reason: Reason) -> None:
    drive = Drive()
    drive.go(10, replace(FINE, availability=Availability.DEGRADED, reason=reason))
    (line,) = told(drive)
    assert line.startswith(f"cannot see the driver: {reason.name.lower().replace('_', ' ')} 7.0")
    (end,) = (Drive(),)
    end.go(6.95, replace(FINE, reason=reason))
    assert told(end) == []


@pytest.mark.parametrize(
    "reason", [Reason.NONE, Reason.STARTING, Reason.SHUTDOWN, Reason.SPEED_UNKNOWN]
)
def test_what_is_no_loss_of_sight_is_not_told(reason: Reason) -> None:
    assert reason not in SIGHT_LOST
    drive = Drive()
    drive.go(20, replace(FINE, reason=reason, lost=(Lost(Sense.SPEED, reason, 0),)))
    assert told(drive) == []


def test_the_gravest_of_several_lost_senses_is_named() -> None:
    drive = Drive()
    drive.go(8, without(Sense.MOUTH, Reason.MASK, (Sense.EYES, Reason.SUNGLASSES)))
    assert "sunglasses" in told(drive)[0]


def test_a_graver_loss_is_told_after_its_own_seven_seconds_a_lesser_one_is_not() -> None:
    drive = Drive()
    drive.go(20, MASK)
    drive.go(6.9, GLASSES)
    assert len(told(drive)) == 1
    drive.go(5, GLASSES)
    assert ["mask" in told(drive)[0], "sunglasses" in told(drive)[1]] == [True, True]
    drive.go(20, MASK)
    drive.go(20, GLASSES)
    assert len(told(drive)) == 2


def test_a_moment_without_a_face_is_not_told_in_a_long_time_without_eyes() -> None:
    drive = Drive()
    drive.go(30, GLASSES)
    for _ in range(20):
        drive.go(0.2, NOBODY)
        drive.go(2, GLASSES)
    assert len(told(drive)) == 1


def test_changing_losses_are_one_time_without_sight() -> None:
    drive = Drive()
    for _ in range(5):
        drive.go(1.2, GLASSES)
        drive.go(0.6, MASK)
    (line,) = told(drive)
    assert "sunglasses" in line


def test_a_return_of_a_second_is_sight_a_shorter_one_is_not() -> None:
    drive = Drive()
    drive.go(6, BLIND)
    drive.go(0.95)
    drive.go(0.1, BLIND)
    assert told(drive) == ["cannot see the driver: no face 7.00 s >= 7.00 s (level 1, "
                           "speed 90 km/h)"]  # fmt: skip
    drive = Drive()
    drive.go(6, BLIND)
    drive.go(1.05)
    drive.go(6.9, BLIND)
    assert told(drive) == []


def test_the_telling_ends_when_told_or_when_he_is_seen_or_stands() -> None:
    drive = Drive()
    drive.go(10.95, BLIND)
    assert drive.told[-1][1]
    drive.go(0.1, BLIND)
    assert drive.told[-1][1] == ()
    assert drive.events[-1].rule == "told"
    assert [(c.value, c.threshold) for c in drive.events[-1].checks] == [(4.0, 4.0)]
    drive = Drive()
    drive.go(8, BLIND)
    drive.go(1.0)
    assert drive.told[-1][1]
    drive.go(0.1)
    assert (drive.told[-1][1], drive.events[-1].rule) == ((), "the driver is seen")
    assert drive.events[-1].checks[0].value == 1.0
    drive = Drive()
    drive.go(8, BLIND)
    assert drive.go(0.05, BLIND, speed_mps=0.0) == ()
    assert drive.events[-1].rule == "standstill"


def test_not_telling_again_is_logged_once_a_loss() -> None:
    drive = Drive()
    drive.go(15, BLIND)
    assert (held(drive)[0].rule, held(drive)[0].level) == ("told already", 1)
    drive.go(20, BLIND)
    assert len(held(drive)) == 1
    drive.go(2)
    drive.go(6.95, BLIND)
    assert len(held(drive)) == 1
    drive.go(2, BLIND)
    assert [e.rule for e in held(drive)] == ["told already"] * 2
    assert held(drive)[1].checks[0].value == 7.0


@pytest.mark.parametrize(("good", "again"), [(310, True), (250, False)])
def test_told_again_five_minutes_after_the_last_time(good: float, again: bool) -> None:
    drive = Drive(step_ns=S // 5)
    drive.go(12, BLIND)
    drive.go(good)
    drive.go(12, BLIND)
    assert len(told(drive)) == 1 + again


@pytest.mark.parametrize(("good", "again"), [(31.5, True), (29, False)])
def test_and_only_when_sight_was_good_for_half_a_minute(good: float, again: bool) -> None:
    drive = Drive(step_ns=S // 5)
    drive.go(400, BLIND)
    drive.go(good)
    drive.go(12, BLIND)
    assert len(told(drive)) == 1 + again


def test_another_sense_lost_after_good_sight_is_told_at_once() -> None:
    drive = Drive()
    drive.go(12, BLIND)
    drive.go(60)
    drive.go(8, GLASSES)
    assert ["no face" in told(drive)[0], "sunglasses" in told(drive)[1]] == [True, True]
    drive.go(31.5)
    drive.go(8, BLIND)
    assert len(told(drive)) == 2, "of the face he was told two minutes ago"


def test_a_sense_lost_again_and_for_good_is_told_when_five_minutes_are_over() -> None:
    drive = Drive(step_ns=S // 5)
    drive.go(12, GLASSES)
    drive.go(60)
    drive.go(234, GLASSES)
    assert len(told(drive)) == 1
    assert held(drive)[-1].checks[0].setting == "alerts.cannot_see_gap_ms"
    drive.go(3, GLASSES)
    assert len(told(drive)) == 2
    drive.go(700, GLASSES)
    assert len(told(drive)) == 2, "and not again while that loss lasts"


def test_the_next_driver_is_told_what_the_last_one_was() -> None:
    drive = Drive(step_ns=S // 5)
    drive.go(12, GLASSES)
    drive.go(2, tired(8.2))
    assert drive.go(3.1, replace(FINE, eyes_on_road=False, eyes_off_road_ns=1))
    before = len(drive.events)
    assert drive.go(0.2, driver_changed=True) == ()
    ended = drive.events[before:]
    assert {(e.what, e.kind, e.rule) for e in ended} == {
        (What.ENDED, AlertKind.DROWSY, "another driver"),
        (What.ENDED, AlertKind.DISTRACTION, "another driver"),
    }
    drive.go(8, replace(GLASSES, drowsiness=tired(8.2).drowsiness))
    assert len(told(drive)) == 5
    assert {e.kind for e in drive.events[-2:]} == {AlertKind.DROWSY, AlertKind.CANNOT_SEE}


def test_an_emergency_and_the_lock_out_outlast_a_change_of_driver() -> None:
    drive = Drive()
    drive.go(11, replace(FINE, eyes_on_road=False, eyes_off_road_ns=1, unresponsive_ns=1))
    drive.go(0.05, BLIND, driver_changed=True)
    assert kinds(drive.told[-1][1]) == [(AlertKind.EMERGENCY, 3)]
    assert drive.state.lockout.count == 1


def test_standing_still_it_is_logged_and_told_when_he_drives_on() -> None:
    drive = Drive()
    drive.go(12, BLIND, speed_mps=0.0)
    assert [e.rule for e in held(drive)] == ["standstill"]
    drive.go(0.6, BLIND)
    assert len(told(drive)) == 1


def tired(kss: float | None, confidence: float = 0.8) -> DriverState:
    return replace(FINE, drowsiness=Drowsiness(kss=kss, confidence=confidence))


@pytest.mark.parametrize(
    ("kss", "confidence", "level"),
    [
        (8.0, 0.5, 2),
        (7.99, 0.9, 0),
        (8.0, 0.49, 0),
        (8.99, 0.9, 2),
        (9.0, 0.9, 3),
        (None, 0.9, 0),
        (math.nan, 0.9, 0),
        (9.0, math.nan, 0),
    ],
)
def test_a_sure_estimate_from_kss_8_warns(kss: float | None, confidence: float, level: int) -> None:
    active = Drive().go(1, tired(kss, confidence))
    assert kinds(active) == ([(AlertKind.DROWSY, level)] if level else [])


def test_the_drowsy_warning_says_what_it_rests_on() -> None:
    drive = Drive()
    (alert,) = drive.go(0.05, tired(8.25))
    assert alert.reason == "drowsy: KSS 8.25 >= 8.00 (level 2, speed 90 km/h)"
    (event,) = drive.events
    assert (event.rule, event.checks[0].setting) == ("drowsy", "alerts.drowsy_level2_kss")


def test_kss_7_informs_where_the_profile_says_so() -> None:
    config = replace(AlertConfig(), drowsy_level1_kss=7.0, drowsy_level3_kss=None)
    assert kinds(Drive(config).go(1, tired(7.5))) == [(AlertKind.DROWSY, 1)]
    assert kinds(Drive(config).go(1, tired(9))) == [(AlertKind.DROWSY, 2)]


def test_drowsiness_is_told_for_ten_seconds_and_again_after_ten_minutes() -> None:
    drive = Drive(step_ns=S // 5)
    drive.go(605, tired(8.2))
    assert drive.levels(AlertKind.DROWSY) == [2, 0]
    at = [t for t, active in drive.told if active]
    assert at[-1] == pytest.approx(10.0, abs=0.01)
    assert [e.rule for e in held(drive)] == ["told already"]
    assert held(drive)[0].checks[0].setting == "alerts.drowsy_gap_ms"
    drive.go(10, tired(8.2))
    assert drive.levels(AlertKind.DROWSY) == [2, 0, 2]


def test_a_higher_level_is_told_at_once_shown_or_not() -> None:
    drive = Drive()
    drive.go(5, tired(8))
    drive.go(9.9, tired(9))
    assert drive.levels(AlertKind.DROWSY) == [2, 3]
    drive.go(0.2, tired(9))
    assert drive.levels(AlertKind.DROWSY) == [2, 3, 0]
    drive.go(60, tired(8))
    drive.go(30, tired(9))
    assert drive.levels(AlertKind.DROWSY) == [2, 3, 0]
    drive = Drive()
    drive.go(15, tired(8))
    drive.go(1, tired(9))
    assert drive.levels(AlertKind.DROWSY) == [2, 0, 3]


def test_an_estimate_about_the_limit_is_logged_once_for_each_time_above() -> None:
    drive = Drive()
    drive.go(15, tired(8.1))
    for _ in range(3):
        drive.go(5, tired(7.9))
        drive.go(5, tired(8.1))
    assert [e.rule for e in held(drive)] == ["told already"] * 4
    assert drive.levels(AlertKind.DROWSY) == [2, 0]


@pytest.mark.parametrize(
    ("kmh", "rule"), [(49.9, "below the activation speed"), (0.5, "standstill")]
)
def test_drowsiness_is_not_told_below_fifty_kmh_and_ends_there(kmh: float, rule: str) -> None:
    drive = Drive()
    assert drive.go(5, tired(9), speed_mps=kmh * KMH) == ()
    (event,) = held(drive)
    assert (event.rule, event.level) == (rule, 3)
    drive = Drive()
    assert drive.go(1, tired(9))
    assert drive.go(0.05, tired(9), speed_mps=kmh * KMH) == ()
    assert drive.events[-1].rule == rule


def test_drowsiness_and_sight_can_be_acknowledged() -> None:
    for what, kind in ((tired(8.5), AlertKind.DROWSY), (GLASSES, AlertKind.CANNOT_SEE)):
        drive = Drive()
        drive.go(8, what)
        assert drive.told[-1][1]
        drive.set(acknowledged=True)
        assert drive.go(20, what) == ()
        assert (What.ACKNOWLEDGED, kind, "acknowledged") in drive.happened(What.ACKNOWLEDGED)


@pytest.mark.parametrize("availability", [Availability.FAULT, Availability.UNAVAILABLE])
def test_a_broken_monitor_says_nothing_of_sleepiness(availability: Availability) -> None:
    assert Drive().go(5, replace(tired(9), availability=availability)) == ()
