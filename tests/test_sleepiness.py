"""Lids, mouth and head over minutes: blinks, yawns, nods, and the sleepiness they add up to."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenarios.builder import NOISY, Act, S, Story, play

from dms.config import MS, Config, DrowsinessConfig, load
from dms.fusion.blinks import IDLE, Blink, segment
from dms.fusion.head import SHUT, nod, yawn
from dms.fusion.rings import EMPTY, Tally
from dms.fusion.sleepiness import NO_STORY, Sleepiness, happened, second
from dms.fusion.tuning import tune
from dms.types import Evidence

RULES = DrowsinessConfig()
RATES = pytest.mark.parametrize("fps", [30, 60])


def lid_track(fps: float, closed_ms: float, floor: float = 0.0) -> list[tuple[int, float]]:
    """(stamp, openness): open, 60 ms down, closed, 100 ms up, open."""
    corners = [(0, 1.0), (300, 1.0), (360, floor), (360 + closed_ms, floor)]
    corners += [(460 + closed_ms, 1.0), (900 + closed_ms, 1.0)]
    out = []
    for i in range(int(corners[-1][0] * fps / 1000)):
        t = i * 1000 / fps
        for (t0, o0), (t1, o1) in pairwise(corners):
            if t0 <= t < t1:
                out.append((round(t * MS), o0 + (o1 - o0) * (t - t0) / (t1 - t0)))
    return out


def blinks_of(track: list[tuple[int, float]]) -> list[Blink]:
    memory, found = IDLE, []
    for t, openness in track:
        memory, blink = segment(memory, openness, t, RULES)
        found += [] if blink is None else [blink]
    return found


@RATES
@pytest.mark.parametrize("closed_ms", [50, 120, 300])
def test_a_blink_is_as_long_as_from_half_closed_to_half_open(fps: float, closed_ms: float) -> None:
    (blink,) = blinks_of(lid_track(fps, closed_ms))
    assert blink.duration_ns / MS == pytest.approx(closed_ms + 80, abs=800 / fps)


def test_the_speeds_of_closing_and_opening_are_told_apart() -> None:
    (blink,) = blinks_of(lid_track(60, 120))
    assert blink.closing == pytest.approx(1 / 0.06, rel=0.1)
    assert blink.opening == pytest.approx(1 / 0.1, rel=0.1)


def test_a_squint_a_long_closure_and_a_wrong_frame_are_no_blinks() -> None:
    assert not blinks_of(lid_track(30, 150, floor=0.42))
    assert not blinks_of(lid_track(30, 600))
    wrong = [(i * 10 * MS, 0.0 if i == 20 else 1.0) for i in range(40)]
    assert not blinks_of(wrong)


def test_frames_too_far_apart_show_no_blinks() -> None:
    assert not blinks_of(lid_track(10, 200))


def test_eyes_first_seen_closed_make_no_blink() -> None:
    assert not blinks_of([(t, o) for t, o in lid_track(30, 200) if t > 400 * MS])


@given(st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1.3)), max_size=60))
def test_whatever_the_lids_do_blinks_stay_blinks(steps: list[tuple[int, float]]) -> None:
    t, track = 0, []
    for dt, openness in steps:
        t += dt
        track.append((t, openness))
    for blink in blinks_of(track):
        assert RULES.blink_min_ms * MS <= blink.duration_ns < RULES.long_closure_ms * MS
        assert math.isfinite(blink.closing + blink.opening)
        assert blink.opening > 0


def nods(track: list[tuple[float, float, bool]], fps: float = 30) -> int:
    """How many, of (until s, pitch deg, eyes closed)."""
    memory, count, closed_ns = None, 0, 0
    for i in range(round(track[-1][0] * fps)):
        _, pitch, shut = next(step for step in track if i / fps < step[0])
        closed_ns = closed_ns + round(S / fps) if shut else 0
        memory, nodded = nod(memory, math.radians(pitch), closed_ns, round(i * S / fps), RULES)
        count += nodded
    return count


def test_a_head_that_falls_with_closed_eyes_and_is_caught_is_a_nod() -> None:
    assert nods([(2, 0, False), (2.5, 0, True), (3.3, -20, True), (5, 0, False)]) == 1


def test_a_glance_down_a_slow_lowering_and_a_head_that_stays_down_are_no_nods() -> None:
    assert nods([(2, 0, False), (3, -25, False), (5, 0, False)]) == 0
    slow = [(i / 2, -i * 1.5, True) for i in range(1, 14)]
    assert nods(slow) == 0
    assert nods([(2, 0, False), (2.5, 0, True), (12, -25, True)]) == 0


@pytest.mark.parametrize(("seconds", "count"), [(0.8, 0), (3.5, 1), (15, 0)])
def test_a_yawn_is_neither_a_word_nor_a_song(seconds: float, count: int) -> None:
    memory, found, shape = SHUT, 0, tune(Config()).mouth
    for i in range(round((seconds + 4) * 30)):
        mouth = 0.8 if 1 <= i / 30 < 1 + seconds else 0.1
        memory, yawned = yawn(memory, mouth, round(i * S / 30), shape, RULES)
        found += yawned
    assert found == count


def minutes(
    memory: Sleepiness,
    begin_s: int,
    long_s: int,
    *,
    blink_ms: int = 120,
    closing: float = 12.0,
    closed: float = 0.02,
    seen: float = 1.0,
    driving: bool = True,
    every: Tally = EMPTY,
) -> Sleepiness:
    """Seconds of a driver who blinks each fourth; `every` also happens, once a minute."""
    for i in range(begin_s, begin_s + long_s):
        if blink_ms and i % 4 == 0:
            what = Tally(blinks=1, blink_ns=blink_ms * MS, closing=closing, opening=closing / 2)
            memory = happened(memory, i * S, what, blink_ms * MS)
        if i % 60 == 0 and every != EMPTY:
            memory = happened(memory, i * S, every, None)
        memory = second(memory, i * S, round(seen * S), round(closed * seen * S), driving, RULES)
    return memory


LEARNED = 310


def alert_driver() -> Sleepiness:
    return minutes(NO_STORY, 0, LEARNED)


def test_nothing_is_said_of_sleepiness_before_the_driver_is_learned() -> None:
    early = minutes(NO_STORY, 0, 290).told
    assert early.kss is None
    assert early.confidence == 0
    assert 90 <= early.learned_pct < 100
    parked = minutes(NO_STORY, 0, LEARNED, driving=False).told
    assert (parked.kss, parked.learned_pct) == (None, 0)


def test_an_alert_driver_stays_alert() -> None:
    story = minutes(alert_driver(), LEARNED, 600)
    assert story.told.kss == RULES.kss_alert
    assert story.told.basis == ()
    assert story.told.confidence == pytest.approx(1, abs=0.02)
    assert not story.drowsy


def test_lids_that_slow_down_and_stay_closed_are_drowsy_and_it_says_why() -> None:
    story = minutes(
        alert_driver(), LEARNED, 300, blink_ms=300, closing=5.0, closed=0.13,
        every=Tally(long_closures=1),
    )  # fmt: skip
    assert story.told.kss is not None
    assert story.told.kss >= 8
    assert story.drowsy
    kinds = {kind for kind, _, _ in story.told.basis}
    assert kinds >= {Evidence.PERCLOS, Evidence.BLINK_DURATION, Evidence.LID_SPEED}
    again = minutes(story, LEARNED + 300, 400)
    assert not again.drowsy


def test_one_kind_of_evidence_alone_is_not_drowsy_unless_it_is_strong() -> None:
    yawning = minutes(alert_driver(), LEARNED, 300, every=Tally(yawns=1))
    assert yawning.told.kss == pytest.approx(RULES.kss_alert + RULES.yawn_steps_max)
    assert not yawning.drowsy
    sneeze = happened(alert_driver(), LEARNED * S, Tally(long_closures=1), None)
    assert minutes(sneeze, LEARNED, 10).told.kss == RULES.kss_alert
    assert minutes(alert_driver(), LEARNED, 300, closed=0.13).drowsy


def test_yawns_and_nods_are_forgotten_after_five_minutes() -> None:
    story = happened(alert_driver(), LEARNED * S, Tally(nods=1, yawns=2), None)
    soon = minutes(story, LEARNED, 60).told
    assert (soon.nods, soon.yawns) == (1, 2)
    late = minutes(story, LEARNED, 320).told
    assert (late.nods, late.yawns) == (0, 0)


def test_a_drowsy_start_does_not_become_the_drivers_normal() -> None:
    story = minutes(NO_STORY, 0, 400, blink_ms=420, closing=2.0, closed=0.11)
    assert story.own.blink_ns == RULES.own_blink_max_ms * MS
    assert story.own.closing == RULES.own_speed_min
    assert story.drowsy


def test_without_sight_there_is_no_estimate_and_little_sight_is_told() -> None:
    blind = minutes(alert_driver(), LEARNED, 300, seen=0.0, blink_ms=0)
    assert blind.told.kss is None
    assert not blind.drowsy
    assert blind.blinks.rate_per_min is None
    half = minutes(alert_driver(), LEARNED, 300, seen=0.5)
    assert half.told.confidence == pytest.approx(0.5, abs=0.03)
    slow_camera = minutes(NO_STORY, 0, LEARNED, blink_ms=0).told
    assert slow_camera.confidence == pytest.approx(0.6, abs=0.02)


def test_perclos_over_three_and_five_minutes_are_shares_of_seen_time() -> None:
    story = minutes(alert_driver(), LEARNED, 180, closed=0.2, seen=0.8)
    assert story.told.perclos_3min_pct == pytest.approx(20, abs=1)
    expected = 100 * (180 * 0.16 + 120 * 0.02) / (180 * 0.8 + 120)
    assert story.told.perclos_5min_pct == pytest.approx(expected, abs=0.8)


def test_frames_of_an_awake_driver_are_blinks_and_no_more() -> None:
    config = load(None, {
        "fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000, "drowsiness.learning_ms": 60000,
    })  # fmt: skip
    state = play(Story([Act(100)], noise=NOISY), config)[-1].state
    assert state.blinks.rate_per_min == pytest.approx(15, abs=2)
    assert state.blinks.mean_ns == pytest.approx(0.15 * S, abs=0.05 * S)
    assert state.blinks.long_closures == 0
    assert (state.drowsiness.yawns, state.drowsiness.nods) == (0, 0)
    assert state.drowsiness.kss == pytest.approx(3, abs=1)


def test_a_sleepy_driver_seen_in_frames_is_drowsy() -> None:
    config = load(None, {
        "fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000, "drowsiness.learning_ms": 60000,
    })  # fmt: skip
    shut = Act(0.7, open=0.05, blinks=False)
    sleepy = [Act(4.3, blinks=False), shut] * 30
    state = play(Story([Act(80), *sleepy], noise=NOISY), config)[-1].state
    assert state.blinks.long_closures >= 20
    assert state.drowsiness.kss is not None
    assert state.drowsiness.kss >= 7.5
