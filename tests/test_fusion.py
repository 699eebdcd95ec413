"""What is believed about drivers, told as stories."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios.builder import (
    CLEAR,
    NOISY,
    QUIET,
    ROAD,
    Act,
    Noise,
    S,
    Story,
    drive,
    play,
    raised,
    reasons,
    spans,
)
from scripted import QUALITY, look

from dms import fusion
from dms.config import Config
from dms.fusion.attention import relative_to, roll_to
from dms.fusion.eyes import lids
from dms.fusion.filters import Minute
from dms.types import (
    ACTIONS,
    Action,
    AlertKind,
    Availability,
    Condition,
    DriverState,
    Eye,
    Observation,
    Reason,
)

RATES = pytest.mark.parametrize("fps", [10, 15, 30, 60])
START = ROAD.seconds


def last(acts: list[Act], **how: object):  # type: ignore[no-untyped-def]
    return play(Story(acts, **how))[-1].state  # type: ignore[arg-type]


def test_straight_ahead_is_zero_whatever_the_mount() -> None:
    neutral = (math.radians(20), math.radians(10))
    assert relative_to(neutral, neutral) == pytest.approx((0, 0))
    yaw, pitch = relative_to((0.0, neutral[1]), (math.radians(30), neutral[1]))
    assert math.degrees(yaw) == pytest.approx(30, abs=1.0)
    assert math.degrees(pitch) == pytest.approx(1.3, abs=0.5)


def test_roll_is_told_as_the_vehicle_sees_it() -> None:
    """Against the whole rotation, as docs/synth.md defines its angles, turned back by the mount."""

    def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
        ahead = np.array((math.sin(yaw) * math.cos(pitch), math.sin(pitch),
                          math.cos(yaw) * math.cos(pitch)))  # fmt: skip
        side = np.array((math.cos(yaw), 0.0, -math.sin(yaw)))
        up = np.cross(ahead, side)
        x = math.cos(roll) * side + math.sin(roll) * up
        return np.stack([x, np.cross(ahead, x), ahead], axis=1)

    rng = random.Random(4)
    for _ in range(200):
        yaw0, pitch0, yaw, pitch, roll = (rng.uniform(-0.7, 0.7) for _ in range(5))
        seen = rotation(yaw0, pitch0, 0.0).T @ rotation(yaw, pitch, roll)
        assert roll_to((yaw0, pitch0), (yaw, pitch), roll) == pytest.approx(
            math.atan2(seen[1, 0], seen[1, 1])
        )
        assert relative_to((yaw0, pitch0), (yaw, pitch)) == pytest.approx(
            (math.atan2(seen[0, 2], seen[2, 2]), math.asin(seen[1, 2]))
        )


def test_each_eye_and_the_certainty_of_directions_are_told() -> None:
    state = last([ROAD])
    assert state.eye_open_left == state.eye_open_right == pytest.approx(state.eye_open)
    assert state.head_sigma_rad is not None
    assert state.gaze_sigma_rad is not None
    assert 0 < state.head_sigma_rad < state.gaze_sigma_rad, "eyes are less certain than the head"
    assert state.closed_probability == pytest.approx(0.0, abs=0.05)
    shut = last([ROAD, Act(2, open=0.0, blinks=False)])
    assert shut.closed_probability == pytest.approx(1.0, abs=0.1)
    assert shut.eye_open_left == pytest.approx(0.0)
    one = last([ROAD, Act(2, eyes=(0.9, 0.1))])
    assert one.eye_open_left == one.eye_open
    assert one.eye_open_right is None, "not seen is not closed"
    gone = last([ROAD, Act(2, face=False)])
    assert gone.closed_probability is gone.eye_open_left is gone.head_roll_rad is None
    assert gone.head_sigma_rad is gone.gaze_sigma_rad is None


@RATES
@pytest.mark.parametrize("noise", [QUIET, NOISY])
def test_an_attentive_driver_is_attentive_at_any_frame_rate(fps: float, noise: Noise) -> None:
    moments = play(Story([Act(40)], fps=fps, noise=noise), Config())
    assert moments[-1].state.availability == Availability.OK
    assert moments[-1].state.calibration_pct == 100
    assert all(m.state.condition == Condition.ATTENTIVE for m in moments[5:])
    assert max(m.state.eyes_closed_ns for m in moments) <= 0.4 * S


def test_a_look_away_right_at_the_start_does_not_become_the_road() -> None:
    acts = [Act(1), Act(5, head=(-45, 0)), drive(2)]
    moments = play(Story(acts, noise=NOISY), Config())
    away = [m.state for m in moments if 1.8 < m.t_s < 5.8]
    back = [m.state for m in moments if 7 < m.t_s < 8]
    assert all(s.eyes_on_road is False for s in away)
    assert all(s.eyes_on_road for s in back)


@pytest.mark.parametrize("mount", [(-35.0, 0.0), (0.0, 18.0), (25.0, -12.0)])
def test_a_camera_anywhere_learns_where_the_road_is(mount: tuple[float, float]) -> None:
    acts = [*[Act(3), Act(1, head=(40, 0))] * 10, drive(2), Act(2, head=(45, 0))]
    moments = play(Story(acts, mount=mount, noise=NOISY), Config())
    ahead = [m.state for m in moments if 41.3 < m.t_s < 42]
    assert all(s.calibration_pct == 100 and s.eyes_on_road for s in ahead)
    assert moments[-1].state.eyes_on_road is False


def test_the_neutral_pose_is_not_learned_at_standstill_nor_from_sleep_or_a_phone() -> None:
    assert last([Act(60, kmh=0)]).calibration_pct == 0
    awake = last([Act(2)]).calibration_pct
    assert last([Act(2), Act(10, open=0.0)]).calibration_pct <= awake + 8
    assert last([Act(40, action="phone_hand")]).calibration_pct <= 25  # until it is sure


@pytest.mark.parametrize(
    "acts",
    [
        [Act(4, action="phone_hand"), Act(60, action=None)],
        [Act(1.5, open=0.0, blinks=False), Act(60, sunglasses=0.98)],
    ],
)
def test_what_is_seen_no_more_keeps_nothing_from_being_learned(acts: list[Act]) -> None:
    assert last([Act(5), *acts]).calibration_pct == 100


def test_a_phone_that_was_seen_long_ago_is_not_looked_at() -> None:
    looks = [Act(3, action=None), Act(1.5, head=(-33, -20), action=None)] * 5
    held = [ROAD, Act(4, action="phone_hand"), Act(3, head=(-33, -20), action="phone_hand")]
    assert last(held).phone_away_ns > 2 * S
    assert last([*held, *looks]).phone_away_ns == 0


@RATES
@pytest.mark.parametrize(
    ("head", "gaze"),
    [
        ((45, 0), None),  # owl to the side window
        ((0, -40), None),  # lap
        ((20, -10), (35, -22)),  # centre stack
        ((5, -10), (5, -50)),  # lizard to a phone on the knee
    ],
)
def test_a_look_away_is_found_with_its_ends_and_its_length(
    fps: float, head: tuple[float, float], gaze: tuple[float, float] | None
) -> None:
    moments = play(Story([ROAD, Act(4, head=head, gaze=gaze), drive(3)], fps=fps))
    (found,) = spans(moments, lambda s: s.eyes_on_road is False)
    assert found == pytest.approx((START, START + 4), abs=0.4)
    longest = max(m.state.eyes_off_road_ns for m in moments)
    assert longest == pytest.approx(4 * S, abs=0.15 * S)
    assert any(m.state.condition == Condition.DISTRACTED for m in moments)


@RATES
def test_a_noisy_look_away_is_one_look_away(fps: float) -> None:
    for seed in range(3):
        acts = [ROAD, Act(4, head=(42, -5)), drive(3)]
        moments = play(Story(acts, fps=fps, noise=NOISY, seed=seed))
        (found,) = spans(moments[round((START - 2) * fps) :], lambda s: s.eyes_off_road_ns > 0)
        assert found == pytest.approx((START, START + 4), abs=0.5)


def test_head_turned_with_the_gaze_on_the_road_is_on_the_road() -> None:
    moments = play(Story([ROAD, Act(4, head=(26, 0), gaze=(0, 0))]))
    assert all(m.state.eyes_on_road for m in moments[5:])


def test_a_face_lost_while_turned_away_counts_on_as_away_for_a_written_time() -> None:
    acts = [ROAD, Act(1, head=(55, 0), eyes=(0.9, 0.1)), Act(12, face=False)]
    moments = play(Story(acts))
    at = {round(m.t_s - START, 1): m.state for m in moments}
    assert at[4.0].eyes_on_road is False
    assert at[4.0].eyes_off_road_ns == pytest.approx(4 * S, abs=0.2 * S)
    assert (at[4.0].availability, at[4.0].reason) == (Availability.DEGRADED, Reason.NO_FACE)
    assert at[12.0].eyes_on_road is None
    assert at[12.0].eyes_off_road_ns == 0
    assert at[12.0].availability == Availability.UNKNOWN


def test_after_a_gap_eyes_are_on_the_road_from_where_they_are_seen_again() -> None:
    acts = [ROAD, Act(4, head=(40, 0)), Act(2, head=(40, 0), frozen=True), drive(1)]
    seen = play(Story(acts))[-1].state
    assert seen.eyes_on_road is True
    assert 0 < seen.eyes_on_road_ns <= S
    assert seen.vats_away_ns > 3 * S


def without(begin_s: float, end_s: float, fps: float = 30.0) -> Callable[[int], bool]:
    """No frames between; times after ROAD."""
    return lambda i: not START + begin_s <= i / fps < START + end_s


@RATES
def test_a_look_that_goes_on_over_missing_frames_is_at_no_time_the_road(fps: float) -> None:
    acts = [ROAD, Act(9, head=(-45, 0)), drive(2)]
    moments = play(Story(acts, fps=fps, keep=without(4, 5.5, fps)))
    look = [m for m in moments if START + 1 < m.t_s < START + 9]
    assert all(m.state.eyes_on_road in (False, None) for m in look)
    assert len(raised(moments, AlertKind.DISTRACTION)) == 1


@RATES
def test_a_sleep_that_goes_on_over_missing_frames_is_at_no_time_open_eyes(fps: float) -> None:
    acts = [ROAD, Act(9, open=0.0, blinks=False), drive(2)]
    moments = play(Story(acts, fps=fps, keep=without(4, 5.5, fps)))
    sleep = [m for m in moments if START + 1 < m.t_s < START + 9]
    assert all(m.state.eyes_on_road is None for m in sleep)
    assert len(raised(moments, AlertKind.SLEEP)) == 1


def test_the_time_of_a_gap_is_no_time_on_the_road() -> None:
    """Back for 0.2 s, then two seconds away while no frame comes: the account goes on."""
    acts = [ROAD, *[Act(2.4, head=(-45, 0)), Act(0.5)] * 3, Act(2, head=(-45, 0)), Act(1)]
    gap = 3 * 2.9
    before, after = (
        [m.state for m in play(Story(acts, keep=without(gap, gap + 2))) if side(m.t_s - START)]
        for side in (lambda t: t < gap, lambda t: gap + 2 <= t < gap + 2.2)
    )
    assert after[0].eyes_on_road is None
    assert all(0 <= s.eyes_on_road_ns < 0.3 * S for s in after)
    assert after[-1].vats_away_ns >= before[-1].vats_away_ns > 6 * S


def test_faces_too_rare_to_tell_anything_from_tell_nothing() -> None:
    away = play(Story([Act(20, head=(40, 0))], keep=lambda i: i % 17 == 0))
    assert all(m.state.eyes_on_road is None for m in away)
    shut = play(Story([ROAD, Act(20, open=0.0)], keep=lambda i: i < 30 * START or i % 17 == 0))
    assert all(m.state.eye_open is None for m in shut if m.t_s > START + 2)


def test_a_face_lost_while_looking_ahead_is_soon_unknown_not_away_nor_closed() -> None:
    moments = play(Story([ROAD, Act(3, face=False)]))
    at = {round(m.t_s - START, 1): m.state for m in moments}
    assert at[0.3].eyes_on_road is True
    assert at[0.8].eyes_on_road is None
    assert at[0.8].condition == Condition.UNKNOWN
    assert (at[0.8].availability, at[0.8].reason) == (Availability.UNKNOWN, Reason.NO_FACE)
    assert all(m.state.eyes_off_road_ns == 0 for m in moments)


def test_eyes_not_found_never_count_as_closed() -> None:
    for act in (Act(20, eyes=(0.05, 0.05)), Act(20, face=False), Act(20, eyes=(0.3, 0.4))):
        moments = play(Story([ROAD, replace(act, open=0.0), drive(5)]))[round(START * 30) :]
        assert max(m.state.eyes_closed_ns for m in moments) <= 0.4 * S


@RATES
@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5, 3.2])
@pytest.mark.parametrize("noise", [QUIET, NOISY])
def test_a_closure_is_as_long_as_it_was(fps: float, seconds: float, noise: Noise) -> None:
    acts = [replace(ROAD, blinks=False), Act(seconds, open=0.0, blinks=False), Act(2, blinks=False)]
    moments = play(Story(acts, fps=fps, noise=noise))
    longest = max(m.state.eyes_closed_ns for m in moments)
    frames = 2.5 / fps
    assert longest / S == pytest.approx(round(seconds * fps) / fps, abs=frames)
    (span,) = spans(moments, lambda s: s.eyes_closed_ns > 0.3 * S)
    assert span[1] == pytest.approx(START + seconds, abs=0.1 + frames)
    asleep = any(m.state.condition == Condition.ASLEEP for m in moments)
    assert asleep == (seconds > 3)


def test_one_wrong_frame_neither_ends_nor_begins_a_closure() -> None:
    shut = Act(1, open=0.0, blinks=False)
    flash = Act(0.1, open=1.0, blinks=False)
    moments = play(Story([ROAD, shut, flash, shut, drive(1)], fps=10))
    assert max(m.state.eyes_closed_ns for m in moments) == pytest.approx(2.1 * S, abs=0.15 * S)


def test_a_driver_with_one_eye_is_read_by_that_eye() -> None:
    moments = play(Story([replace(ROAD, eyes=(0.9, 0.1)), Act(2, open=0.0, eyes=(0.9, 0.1))]))
    assert moments[-1].state.condition == Condition.MICROSLEEP
    assert moments[-1].state.availability == Availability.OK


@pytest.mark.parametrize(
    ("sigma", "is_closed"), [(0.09, False), (0.15, False), (0.25, True), (math.inf, True)]
)
def test_a_wink_is_no_closure_and_of_two_eyes_one_that_hardly_shows_counts_less(
    sigma: float, is_closed: bool
) -> None:
    f = Config().fusion
    shut = Eye(0.95, 0.03, 0.05, 0.95, 0.0, 0.0, 0.07)
    other = Eye(0.95, 0.8, sigma, 0.05, 0.0, 0.0, 0.07)
    for left, right in ((shut, other), (other, shut)):
        face = replace(look(), eye_left=left, eye_right=right)
        seen = lids(face, 0.0, False, 1.0, f)
        assert seen is not None
        assert (seen.closed >= f.closed_on) == is_closed
        assert math.isfinite(seen.open + seen.sigma)


def test_eyes_that_show_nothing_at_all_are_not_visible() -> None:
    blind = Eye(0.95, 0.03, math.inf, 0.95, 0.0, 0.0, 0.07)
    assert (
        lids(replace(look(), eye_left=blind, eye_right=blind), 0.0, False, 1.0, Config().fusion)
        is None
    )


def test_looking_down_at_the_cluster_is_no_closure() -> None:
    moments = play(Story([ROAD, Act(3, head=(0, -15), gaze=(0, -40), open=0.6)], noise=NOISY))
    assert max(m.state.eyes_closed_ns for m in moments) <= 0.4 * S


def test_a_driver_who_squints_is_not_asleep_and_one_with_narrow_eyes_can_be() -> None:
    narrow = replace(ROAD, open=0.65)
    moments = play(Story([narrow, Act(10, open=0.45), Act(2, open=0.05)], noise=NOISY))
    before = [m.state for m in moments if m.t_s < START + 10]
    assert max(s.eyes_closed_ns for s in before) <= 0.5 * S
    assert moments[-1].state.condition == Condition.MICROSLEEP


def test_while_the_eyes_stay_closed_it_is_unknown_whether_they_are_on_the_road() -> None:
    state = last([ROAD, Act(2, open=0.0)])
    assert state.eyes_on_road is None
    assert state.eyes_off_road_ns == 0


def test_perclos_is_the_share_of_the_last_minute() -> None:
    acts = [Act(2.4, blinks=False), Act(0.6, open=0.0, blinks=False)] * 30
    state = last(acts, fps=15)
    assert state.perclos_pct == pytest.approx(20, abs=1.5)
    assert last([*acts, Act(70, blinks=False)], fps=15).perclos_pct == 0
    assert last([drive(10)]).perclos_pct is None


@RATES
def test_a_phone_is_in_use_after_a_moment_and_over_after_a_moment(fps: float) -> None:
    moments = play(Story([ROAD, Act(5, action="phone_ear"), drive(3)], fps=fps))
    (span,) = spans(moments, lambda s: s.phone_ns > 0)
    assert span == pytest.approx((START + 1.1, START + 5.5), abs=0.3)
    assert {m.state.condition for m in moments if START + 2.5 < m.t_s < START + 5} == {
        Condition.ON_PHONE
    }


def test_an_action_that_is_not_known_is_not_a_phone() -> None:
    assert last([ROAD, Act(3, action="phone_ear"), Act(2, action=None)]).phone_ns == 0
    assert last([ROAD, Act(2, action=None)]).action is None


@pytest.mark.parametrize(
    ("phone", "likely", "hand", "used"),
    [
        ("phone_ear", 0.97, 0.02, True),
        ("phone_ear", 0.90, 0.09, False),
        ("phone_ear", 0.80, 0.0, True),
        ("phone_hand", 0.80, 0.0, False),
        ("phone_hand", 0.95, 0.0, True),
    ],
)
def test_a_phone_is_in_use_from_where_it_is_clear_and_many_times_likelier_than_an_empty_hand(
    phone: str, likely: float, hand: float, used: bool
) -> None:
    p = dict.fromkeys(ACTIONS, 0.0) | {phone: likely, "hand_face": hand}
    p["wheel"] = 1 - likely - hand
    assert (while_acting(p).phone_ns > 0) == used


def test_an_action_that_may_be_any_is_no_phone_and_no_free_hand() -> None:
    driver = while_acting(dict.fromkeys(ACTIONS, 1 / len(ACTIONS)) | {"other": 0.15})
    assert driver.action is None
    assert driver.hands_seen
    assert driver.phone_ns == 0
    assert driver.hands_on_wheel is None
    assert driver.hands_off_ns == 0


def while_acting(p: dict[str, float]) -> DriverState:
    """After 4 s of these probabilities of the actions, the gaze on the road."""
    config = Config()
    state = fusion.start(config)
    for i in range(60):
        action = Action(tuple(p.values()), 0, 32)
        seen = Observation(i, i * 66_666_667, look(), action, QUALITY)
        state, driver = fusion.step(state, seen, None, Reason.NONE, config)
    return driver


def test_a_sleeping_driver_with_a_phone_is_asleep() -> None:
    state = last([ROAD, Act(4, open=0.0, action="phone_ear")])
    assert state.condition == Condition.ASLEEP


def test_each_loss_of_sight_names_its_reason() -> None:
    dark = replace(CLEAR, mean=3, contrast=1, dark=0.99)
    bright = replace(CLEAR, mean=250, saturated=0.9)
    blank = replace(CLEAR, contrast=0.5)
    no_eyes = (0.05, 0.05)
    for act, availability, reason in [
        (Act(1.5, face=False, quality=dark), Availability.UNKNOWN, Reason.IMAGE_DARK),
        (Act(3, face=False, quality=dark), Availability.UNKNOWN, Reason.LED_OFF),
        (Act(3, face=False, quality=bright), Availability.UNKNOWN, Reason.IMAGE_SATURATED),
        (Act(3, face=False, quality=blank), Availability.UNKNOWN, Reason.IMAGE_BLANK),
        (Act(3, face=False), Availability.UNKNOWN, Reason.NO_FACE),
        (Act(3, frozen=True), Availability.FAULT, Reason.IMAGE_FROZEN),
        (Act(3, eyes=no_eyes), Availability.DEGRADED, Reason.EYES_NOT_VISIBLE),
        (Act(3, open_sigma=0.3), Availability.DEGRADED, Reason.EYES_NOT_VISIBLE),
        (Act(3, eyes=no_eyes, sunglasses=0.9), Availability.DEGRADED, Reason.SUNGLASSES),
        (Act(3, sunglasses=0.9), Availability.DEGRADED, Reason.SUNGLASSES),
        (Act(3, kmh=None), Availability.DEGRADED, Reason.SPEED_UNKNOWN),
        (Act(3), Availability.OK, Reason.NONE),
    ]:
        state = last([ROAD, act])
        assert (state.availability, state.reason) == (availability, reason)


def test_lids_that_nobody_could_tell_apart_are_no_evidence_of_alert_eyes() -> None:
    dim = Act(70, open_sigma=0.3)
    state = last([drive(10), dim])
    assert state.perclos_pct is None
    assert state.blinks.rate_per_min is None
    assert last([drive(10), replace(dim, open_sigma=0.17)]).perclos_pct is not None
    asleep = replace(dim, seconds=5, open=0.0)
    assert last([drive(10), asleep]).condition == Condition.ASLEEP, "but closed is closed"


def test_narrow_lids_are_judged_by_their_own_opening() -> None:
    narrow = Act(70, open=0.4, open_sigma=0.1)  # a quarter of what shows, a tenth of the usual
    state = last([narrow])
    assert state.perclos_pct is None
    assert (state.availability, state.reason) == (Availability.DEGRADED, Reason.EYES_NOT_VISIBLE)
    shut = replace(narrow, seconds=4, open=0.0)
    assert last([narrow, shut]).condition == Condition.ASLEEP, "but closed is closed"
    assert last([replace(narrow, open=0.45, open_sigma=0.08)]).availability == Availability.OK


def test_lids_that_squint_for_long_are_no_closure_and_shut_ones_are() -> None:
    """Openness at which `closed` is about 0.6: over the threshold at times, never surely."""
    squint, noise = Act(40, open=0.23), Noise(0.0, 0.0, 0.05, 0.0)
    moments = play(Story([ROAD, squint, Act(3), Act(4, open=0.0)], noise=noise))
    at = [m.state for m in moments if m.t_s > START]
    doubtful = [s for s in at[: 40 * 30] if s.eyes_closed_ns > 0]
    assert doubtful, "the squint is short closures"
    assert max(s.eyes_closed_ns for s in doubtful) < S
    assert at[-1].condition == Condition.ASLEEP
    perclos = at[40 * 30].perclos_pct
    assert perclos is not None
    assert perclos < 30, "what is doubted counts for nothing"
    asleep = play(Story([ROAD, squint, Act(6, open=0.0)], noise=noise))
    slept = [m.t_s - START - 40 for m in asleep if m.state.condition == Condition.ASLEEP]
    assert 2.5 <= slept[0] <= 3.5, "a squint that ends in sleep is sleep, from where it ended"


def test_eyes_that_were_never_seen_open_are_not_believed_closed() -> None:
    narrow = Act(20, open=0.1)
    state = last([narrow])
    assert state.eyes_closed_ns == 0
    assert state.eye_open is state.closed_probability is state.perclos_pct is None
    assert (state.availability, state.reason) == (Availability.DEGRADED, Reason.EYES_NOT_VISIBLE)
    twitch = [Act(0.3), Act(3, open=0.1)] * 5
    assert last(twitch).eyes_closed_ns == 0, "too short to be a driver who was awake"
    assert last([narrow, Act(1.5), Act(4, open=0.0)]).condition == Condition.ASLEEP


def test_eyes_behind_dark_lenses_are_not_seen_whatever_their_network_says() -> None:
    shut = Act(4, open=0.0, gaze=(40, 0), sunglasses=0.9)
    moments = play(Story([ROAD, shut]))
    states = [m.state for m in moments if m.t_s > ROAD.seconds + 1]
    assert all(s.eyes_closed_ns == 0 and s.gaze_yaw_rad is None for s in states)
    assert last([ROAD, replace(shut, sunglasses=0.2)]).condition == Condition.ASLEEP


def test_at_the_start_it_is_starting_and_without_a_face_it_does_not_stay_so() -> None:
    moments = play(Story([Act(4, face=False)]))
    assert moments[3].state.reason == Reason.STARTING
    assert moments[-1].state.reason == Reason.NO_FACE


def test_with_a_camera_whose_clock_stands_it_is_not_starting_for_ever() -> None:
    config = Config()
    state = fusion.start(config)
    first, vehicle = next(iter(Story([Act(1, face=False)]).inputs()))
    for health, reason in ((Reason.NONE, Reason.STARTING), (Reason.FRAMES_LATE, Reason.NO_FACE)):
        state, driver = fusion.step(state, first, vehicle, health, config)
        assert driver.reason == reason
    assert driver.availability == Availability.UNKNOWN


def test_late_frames_are_told_and_do_not_end_a_sleep() -> None:
    every = 12  # of 30 frames a second: 0.4 s apart
    story = Story([ROAD, Act(6, open=0.0)], keep=lambda i: i < 30 * (START + 2) or i % every == 0)
    moments = play(story)
    assert Reason.FRAMES_LATE in reasons(moments)
    assert moments[-1].state.eyes_closed_ns > 1.5 * S


def test_numbers_that_are_no_numbers_are_no_sight() -> None:
    config = Config()
    state = fusion.start(config)
    story = Story([Act(2)])
    for observation, vehicle in story.inputs():
        assert observation.face is not None
        face = replace(observation.face, yaw_rad=math.nan)
        state, driver = fusion.step(
            state, replace(observation, face=face), vehicle, Reason.NONE, config
        )
    assert driver.eyes_on_road is None
    assert driver.head_yaw_rad is None


def test_a_stamp_that_goes_back_starts_afresh() -> None:
    config = Config()
    state = fusion.start(config)
    for observation, vehicle in Story([ROAD]).inputs():
        state, driver = fusion.step(state, observation, vehicle, Reason.NONE, config)
    early = replace(observation, t_ns=0)
    state, driver = fusion.step(state, early, vehicle, Reason.NONE, config)
    assert driver.calibration_pct == 0


STORY = [
    Act(8), Act(1.5, head=(40, 5)), Act(2), Act(2.2, open=0.0), Act(3), Act(1, face=False), Act(2),
    Act(3, action="phone_hand", head=(0, -30)), Act(4),
]  # fmt: skip


@given(st.integers(-7 * S, 10**18))
@settings(max_examples=5, deadline=None)
def test_a_time_shift_changes_nothing(shift: int) -> None:
    def told(start_ns: int) -> list[object]:
        moments = play(Story(STORY, fps=10, noise=NOISY, start_ns=start_ns))
        return [
            (
                replace(m.state, t_ns=0, lost=()),
                [(lost.sense, lost.why, lost.since_ns - start_ns) for lost in m.state.lost],
                [a.reason for a in m.alerts],
            )
            for m in moments
        ]

    assert told(8 * S + shift) == told(8 * S)


@given(st.integers(0, 10**6), st.floats(0.05, 0.8))
@settings(max_examples=15, deadline=None)
def test_dropping_random_frames_never_invents_a_closure(seed: int, share: float) -> None:
    rng = random.Random(seed)
    kept = [rng.random() > share for _ in range(4000)]
    moments = play(Story([Act(20)], fps=20, seed=seed, noise=NOISY, keep=lambda i: kept[i]))
    assert max((m.state.eyes_closed_ns for m in moments), default=0) < 1 * S


def test_memory_stays_the_same_over_a_long_drive() -> None:
    assert len(Minute().add(10**15, 5, 0).add(10**18, 1, 1).seen) == 60


def test_a_frame_costs_little() -> None:
    config = Config()
    inputs = list(Story([Act(20)], noise=NOISY).inputs())
    best = math.inf
    for _ in range(3):
        state = fusion.start(config)
        began = time.thread_time()
        for observation, vehicle in inputs:
            state, _ = fusion.step(state, observation, vehicle, Reason.NONE, config)
        best = min(best, (time.thread_time() - began) / len(inputs))
    assert best < 500e-6  # ten times what it takes, for slow machines; the bench measures


@pytest.mark.parametrize(("lids", "asleep"), [(0.24, False), (0.0, True)])
def test_lids_squeezed_by_a_yawn_are_not_closed_but_shut_ones_are(
    lids: float, asleep: bool
) -> None:
    yawn = Act(3, open=lids, mouth=0.9, blinks=False)
    story = Story([ROAD, Act(1, mouth=0.9), yawn, Act(2)], noise=NOISY)
    conditions = {m.state.condition for m in play(story)}
    assert (Condition.MICROSLEEP in conditions) is asleep
    assert (Condition.ASLEEP in conditions) is asleep


def test_a_jaw_that_hangs_longer_than_a_yawn_excuses_no_lids() -> None:
    hanging = Act(20, open=0.18, mouth=0.9, blinks=False)
    moments = play(Story([ROAD, Act(1, mouth=0.9), hanging]))
    begun = START + Config().drowsiness.yawn_max_ms / 1000
    shut = [m.t_s for m in moments if m.state.eyes_closed_ns >= 3 * S]
    assert shut
    assert begun - 0.1 <= shut[0] <= begun + 4.5
