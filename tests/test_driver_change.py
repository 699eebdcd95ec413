"""What is learned of a driver, when it is learned anew, and which senses are lost."""

from __future__ import annotations

import math

import pytest
from scenarios.builder import NOISY, QUICK, QUIET, ROAD, Act, Moment, Noise, S, Story, drive, play

from dms.config import Config, load
from dms.types import Availability, DriverState, Gear, Ignition, Reason, SeatSide, Sense

START = ROAD.seconds
CHECKED = load(
    None,
    {"fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000, "fusion.check_ms": 8000},
)
"""As QUICK, and checked against every eight seconds."""


def story(acts: list[Act], config: Config = QUICK, noise: Noise = QUIET) -> list[Moment]:
    return play(Story([ROAD, *acts], noise=noise), config)


def changes(moments: list[Moment]) -> list[float]:
    """When another driver was noticed, seconds after ROAD."""
    return [m.t_s - START for m in moments if m.state.driver_changed]


def at(moments: list[Moment], seconds: float) -> DriverState:
    """The first state at least so long after ROAD."""
    return next(m.state for m in moments if m.t_s >= START + seconds - 1e-6)


GONE = {"door_open": True}


@pytest.mark.parametrize(
    "car",
    [
        {"door_open": True},
        {"seat_occupied": False},
        {"belt_fastened": False},
        {"ignition": Ignition.ACCESSORY},
    ],
)
def test_a_face_gone_while_the_driver_could_leave_is_another_driver(car: dict[str, object]) -> None:
    moments = story([Act(5, face=False, kmh=0, car=car), Act(2, kmh=0), drive(12)])
    assert changes(moments) == [pytest.approx(5, abs=0.1)]
    assert at(moments, 5.5).calibration_pct == 0
    assert at(moments, 5.5).availability == Availability.CALIBRATING
    assert moments[-1].state.calibration_pct == 100


def test_a_face_gone_at_speed_or_for_a_moment_or_with_no_signal_is_the_same_driver() -> None:
    for acts in (
        [Act(5, face=False), drive(2)],
        [Act(2, face=False, kmh=0, car=GONE), drive(2)],
        [Act(5, face=False, kmh=0), drive(2)],
        [Act(5, face=False, kmh=60, car=GONE), drive(2)],
    ):
        moments = story(acts)
        assert not changes(moments)
        assert moments[-1].state.calibration_pct == 100


def test_the_next_ignition_cycle_knows_nobody() -> None:
    off = Act(2, kmh=0, car={"ignition": Ignition.OFF})
    on = Act(2, kmh=0, car={"ignition": Ignition.ON})
    moments = story([Act(2, car={"ignition": Ignition.ON}), off, on])
    assert changes(moments) == [pytest.approx(4, abs=0.1)]
    assert moments[-1].state.calibration_pct == 0
    assert moments[-1].state.perclos_pct is None


def test_a_restart_of_the_engine_with_the_ignition_on_is_no_new_cycle() -> None:
    start = Act(1, kmh=0, car={"ignition": Ignition.START})
    on = Act(1, kmh=0, car={"ignition": Ignition.ON})
    assert not changes(story([on, start, on]))


def test_what_is_learned_jumping_by_itself_is_another_driver() -> None:
    moments = story([Act(20, head=(14, 3)), drive(1)], CHECKED, NOISY)
    (when,) = changes(moments)
    assert 8 < when < 20


def test_a_driver_who_sinks_into_the_seat_is_followed_slowly() -> None:
    moments = story([Act(60, head=(0, -4)), Act(1, head=(0, -4))], CHECKED)
    assert not changes(moments)
    pitch = moments[-1].state.head_pitch_rad
    assert pitch is not None
    assert abs(math.degrees(pitch)) < 2


@pytest.mark.parametrize(("head", "misaligned"), [((40, 0), True), ((0, -14), False)])
def test_neither_a_long_look_away_nor_down_becomes_the_road(
    head: tuple[float, float], misaligned: bool
) -> None:
    moments = story([Act(26, head=head), drive(2)], CHECKED, NOISY)
    assert not changes(moments)
    back = moments[-1].state
    assert back.eyes_on_road is True
    assert back.head_yaw_rad == pytest.approx(0, abs=0.2)
    lost = at(moments, 25).lost
    assert (Reason.MISALIGNED in {one.why for one in lost}) is misaligned


def test_a_distracted_stretch_teaches_nothing() -> None:
    half = Act(5)
    before = play(Story([half]))[-1].state.calibration_pct
    after = play(Story([half, Act(20, head=(45, 0))]))[-1].state.calibration_pct
    assert 50 <= before <= after <= before + 15


def test_bends_at_the_wheel_teach_nothing() -> None:
    bend = Act(10, car={"steering_rad": math.radians(90)})
    assert play(Story([bend]))[-1].state.calibration_pct == 0


@pytest.mark.parametrize(("side", "seat"), [(-1, SeatSide.LEFT), (1, SeatSide.RIGHT)])
def test_the_side_of_the_car_is_learned_from_looks_at_mirror_and_stack(
    side: int, seat: SeatSide
) -> None:
    looks = [Act(1.5, head=(side * 20, 11), gaze=(side * 29, 16)), drive(2)] * 4
    moments = story(looks)
    assert moments[round(START * 30)].state.seat == SeatSide.UNKNOWN
    assert moments[-1].state.seat == seat


def test_looks_at_both_outside_mirrors_alike_do_not_tell_the_side() -> None:
    looks = [Act(1, head=(-26, -4), gaze=(-39, -7)), Act(1, head=(26, -4), gaze=(39, -7))] * 6
    assert story(looks)[-1].state.seat == SeatSide.UNKNOWN


@pytest.mark.parametrize(
    ("act", "sense", "why"),
    [
        (Act(9, mask=0.95), Sense.MOUTH, Reason.MASK),
        (Act(9, occluded=0.95), Sense.MOUTH, Reason.FACE_COVERED),
        (Act(9, eyes=(0.05, 0.05)), Sense.EYES, Reason.EYES_NOT_VISIBLE),
        (Act(9, eyes=(0.05, 0.05), sunglasses=0.95), Sense.EYES, Reason.SUNGLASSES),
        (Act(9, eyes=(0.05, 0.05), occluded=0.95), Sense.EYES, Reason.FACE_COVERED),
        (Act(9, face=False), Sense.FACE, Reason.NO_FACE),
        (Act(9, kmh=None), Sense.SPEED, Reason.SPEED_UNKNOWN),
        (Act(9, frozen=True), Sense.IMAGE, Reason.IMAGE_FROZEN),
    ],
)
def test_a_lost_sense_is_told_with_its_reason_within_ten_seconds_and_given_back(
    act: Act, sense: Sense, why: Reason
) -> None:
    moments = story([act, drive(3)], noise=NOISY)
    assert not at(moments, -0.5).lost
    lost = {one.sense: one for one in at(moments, 8.9).lost}
    assert lost[sense].why == why
    assert lost[sense].since_ns <= at(moments, 8.9).t_ns
    assert at(moments, 8.9).availability != Availability.OK
    assert not moments[-1].state.lost
    assert moments[-1].state.availability == Availability.OK


def test_hands_that_are_not_seen_are_told_but_do_not_degrade() -> None:
    moments = story([Act(20, action=None), drive(2)])
    lost = {one.sense: one.why for one in at(moments, 19).lost}
    assert lost == {Sense.HANDS: Reason.INTERNAL}
    assert at(moments, 19).availability == Availability.OK
    assert at(moments, 19).hands_on_wheel is None
    assert not moments[-1].state.lost


def test_hands_leave_the_wheel_and_come_back() -> None:
    moments = story([Act(5, action="other"), drive(2)])
    assert at(moments, -1).hands_on_wheel is True
    away = at(moments, 4.9)
    assert away.hands_on_wheel is False
    assert away.hands_off_ns == pytest.approx(4.9 * S, abs=0.4 * S)
    assert moments[-1].state.hands_on_wheel is True
    assert at(story([Act(5, action="drink_eat")]), 4.5).hands_on_wheel is None


def test_hands_are_off_the_wheel_from_where_they_are_seen_off_it() -> None:
    moments = story([Act(5), Act(4, action=None), Act(3, action="other")])
    assert moments[-1].state.hands_on_wheel is False
    assert moments[-1].state.hands_off_ns <= 3 * S


def test_reversing_and_a_turned_wheel_change_nothing_of_what_is_seen() -> None:
    """Exemptions are the alerts' business; what is believed stays what is seen."""
    look = {"head": (45, 0)}
    plain = story([Act(3, **look)])[-1].state  # type: ignore[arg-type]
    car = {"gear": Gear.REVERSE, "steering_rad": 2.0}
    reversing = story([Act(3, car=car, **look)])[-1].state  # type: ignore[arg-type]
    assert reversing.eyes_off_road_ns == plain.eyes_off_road_ns


PERHAPS = load(
    None,
    {
        "fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000, "fusion.change_check_ms": 5000,
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("who", "other"),
    [
        (Act(8), False),
        (Act(8, head=(14, 3)), True),
        (Act(8, open=0.65), True),
        (Act(8, open=0.65, eyes=(0.05, 0.05)), False),
    ],
    ids=["the same", "sits elsewhere", "has other eyes", "shows no eyes"],
)
def test_a_face_gone_for_long_at_standstill_is_looked_at_again(who: Act, other: bool) -> None:
    moments = story([Act(12, face=False, kmh=0), Act(1, kmh=0), who], PERHAPS)
    assert bool(changes(moments)) is other
    assert all(13 < when < 21 for when in changes(moments))


def test_a_driver_who_looks_everywhere_is_no_other_driver() -> None:
    everywhere = [Act(1, head=(22, 0)), Act(1, head=(-22, 0))] * 14
    moments = story([*everywhere, drive(2)], CHECKED)
    assert not changes(moments)
    assert moments[-1].state.eyes_on_road is True
