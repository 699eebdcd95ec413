"""What holds of the driver state whatever comes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scenarios.builder import CLEAR, NOISY, Act, S, Story, play

from dms import fusion
from dms.config import Config
from dms.types import (
    ACTIONS,
    Action,
    Availability,
    DriverState,
    Eye,
    Face,
    Gear,
    Indicator,
    Observation,
    Reason,
    VehicleState,
)

CONFIG = Config()
POINTS = np.zeros((0, 2), np.float32)
SHARE = st.floats(0, 1)
ANGLE = st.floats(-1.4, 1.4)
BROKEN = st.sampled_from([math.nan, math.inf, -math.inf])
BAD_SIGHT = (Reason.IMAGE_FROZEN,)


def eyes(number: st.SearchStrategy[float], openness: st.SearchStrategy[float]) -> st.SearchStrategy:
    """Eyes whose numbers are drawn from `number`."""
    maybe = st.none() | number
    return st.builds(
        Eye, SHARE, st.none() | openness, maybe, st.none() | SHARE, maybe, maybe, maybe
    )


def faces(eye: st.SearchStrategy[Eye]) -> st.SearchStrategy[Face]:
    return st.builds(
        Face, st.just(0.98), st.just((0.0, 0.0, 9.0, 9.0)), st.just(POINTS), ANGLE, ANGLE, ANGLE,
        st.floats(0.02, 0.3), SHARE, SHARE, SHARE, SHARE, eye, eye,
    )  # fmt: skip


ACTION = st.builds(
    lambda best, sure, age: Action(
        tuple(sure if i == best else (1 - sure) / (len(ACTIONS) - 1) for i in range(len(ACTIONS))),
        age,
        32,
    ),
    st.integers(0, len(ACTIONS) - 1),
    st.floats(0.13, 1),
    st.integers(0, S),
)
VEHICLE = st.builds(
    VehicleState, st.just(0), st.none() | st.floats(0, 60), gear=st.none() | st.sampled_from(Gear),
    steering_rad=st.none() | ANGLE,
)  # fmt: skip
FRAME = st.tuples(
    st.integers(1, S // 4) | st.integers(1, 3 * S),
    st.none() | faces(eyes(st.floats(0.01, 0.5), st.floats(0, 1.3))),
    st.none() | ACTION,
    st.none() | VEHICLE,
    st.sampled_from([Reason.NONE, Reason.NONE, Reason.FRAMES_LATE, *BAD_SIGHT]),
)
TRACKS = st.lists(FRAME.flatmap(lambda f: st.integers(1, 20).map(lambda n: [f] * n)), max_size=8)
Track = list[list[tuple[int, Face | None, Action | None, VehicleState | None, Reason]]]


def inputs(track: Track, t: int = 0) -> Iterator[tuple[Observation, VehicleState | None, Reason]]:
    for i, (dt, face, action, vehicle, health) in enumerate(f for same in track for f in same):
        t += dt
        said = None if vehicle is None else replace(vehicle, t_ns=t)
        yield Observation(i, t, face, action, CLEAR), said, health


def told(track: Track, t: int = 0) -> list[DriverState]:
    state, out = fusion.start(CONFIG), []
    for observation, vehicle, health in inputs(track, t):
        state, driver = fusion.step(state, observation, vehicle, health, CONFIG)
        out.append(driver)
    return out


def timeless(driver: DriverState, start_ns: int) -> DriverState:
    lost = tuple(replace(one, since_ns=one.since_ns - start_ns) for one in driver.lost)
    return replace(driver, t_ns=driver.t_ns - start_ns, lost=lost)


@given(TRACKS, st.integers(0, 10**18))
@settings(max_examples=50, deadline=None)
def test_a_time_shift_changes_nothing_whatever_comes(track: Track, shift: int) -> None:
    moved = [timeless(driver, shift) for driver in told(track, shift)]
    assert moved == [timeless(driver, 0) for driver in told(track)]


@given(TRACKS, st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_signals_that_no_rule_reads_change_nothing(track: Track, n: int) -> None:
    def other(face: Face | None) -> Face | None:
        if face is None:
            return None
        return replace(face, roll_rad=n / 1e6, box_px=(float(n), 1.0, 2.0, 3.0))

    def said(vehicle: VehicleState | None) -> VehicleState | None:
        if vehicle is None:
            return None
        return replace(
            vehicle, utc_ns=n, cabin_light=True, accelerator=0.5, brake_pressed=True,
            indicator=Indicator(n % 4), gear=Gear(n % 4), acknowledged=True,
        )  # fmt: skip

    def upright(driver: DriverState) -> DriverState:
        return replace(driver, head_roll_rad=None)  # told, but no rule reads it

    changed = [[(dt, other(f), a, said(v), h) for dt, f, a, v, h in same] for same in track]
    assert list(map(upright, told(changed))) == list(map(upright, told(track)))


@given(TRACKS)
@settings(max_examples=50, deadline=None)
def test_which_eye_is_which_changes_nothing(track: Track) -> None:
    def swapped(face: Face | None) -> Face | None:
        return face and replace(face, eye_left=face.eye_right, eye_right=face.eye_left)

    def renamed(driver: DriverState) -> DriverState:
        left, right = driver.eye_open_left, driver.eye_open_right
        return replace(driver, eye_open_left=right, eye_open_right=left)

    changed = [[(dt, swapped(f), a, v, h) for dt, f, a, v, h in same] for same in track]
    assert told(changed) == list(map(renamed, told(track)))


@given(TRACKS)
@settings(max_examples=50, deadline=None)
def test_a_frame_without_sight_adds_to_nothing_but_by_the_written_rules(track: Track) -> None:
    before: DriverState | None = None
    for (observation, _, health), now in zip(inputs(track), told(track), strict=True):
        blind = observation.face is None or health in BAD_SIGHT
        if before is not None and blind and not now.presumed:
            assert now.eyes_closed_ns <= before.eyes_closed_ns
            assert now.eyes_off_road_ns <= before.eyes_off_road_ns
            assert now.area3_ns <= before.area3_ns
        if before is not None and observation.action is None:
            assert now.phone_ns <= before.phone_ns
        before = now


@given(TRACKS)
@settings(max_examples=50, deadline=None)
def test_the_first_sight_after_a_gap_says_nothing_of_road_and_eyes(track: Track) -> None:
    hold_ns = CONFIG.fusion.hold_ms * 10**6
    before: int | None = None
    for now in told(track):
        if before is not None and now.t_ns - before > hold_ns and not now.presumed:
            assert (now.eyes_on_road, now.eye_open, now.eyes_on_road_ns) == (None, None, 0)
            assert (now.eyes_off_road_ns, now.eyes_closed_ns) == (0, 0)
        before = now.t_ns


@given(TRACKS)
@settings(max_examples=50, deadline=None)
def test_every_number_stays_in_its_range(track: Track) -> None:
    start = 10**15
    for d in told(track, start):
        durations = (d.eyes_closed_ns, d.unresponsive_ns, d.area3_ns, d.hands_off_ns,
                     d.eyes_off_road_ns, d.eyes_on_road_ns, d.phone_ns)  # fmt: skip
        assert 0 <= min(durations) <= max(durations) <= d.t_ns - start
        assert 0 <= d.phone_away_ns <= d.vats_away_ns <= 30 * S
        assert 0 <= d.attention_pct <= 100
        assert 0 <= d.confidence <= 1 + 1e-9
        assert not d.zone_probabilities or math.isclose(sum(d.zone_probabilities), 1)
        assert d.eyes_on_road is False or d.eyes_off_road_ns == 0
        assert d.eyes_on_road is True or d.eyes_on_road_ns == 0


@given(TRACKS)
@settings(max_examples=50, deadline=None)
def test_of_a_driver_who_is_not_seen_nothing_of_eyes_and_road_is_said(track: Track) -> None:
    for d in told(track):
        if d.availability == Availability.UNKNOWN:
            assert (d.eyes_on_road, d.eyes_closed_ns, d.eye_open) == (None, 0, None)


def test_a_presumed_look_away_and_closed_eyes_end_together_with_the_presumption() -> None:
    turned = [Act(10), Act(1, head=(70, 0)), Act(10, face=False)]
    nodded = [Act(10), Act(1, head=(0, -30), open=0.0), Act(10, face=False)]
    for acts in (turned, nodded):
        states = [m.state for m in play(Story(acts))]
        assert any(s.presumed for s in states)
        last = max(i for i, s in enumerate(states) if s.presumed)
        assert states[last].availability == Availability.DEGRADED
        after = states[last + 1]
        assert after.availability == Availability.UNKNOWN
        assert (after.eyes_on_road, after.eyes_closed_ns, after.eye_open) == (None, 0, None)


OPEN_OR_UNSEEN = st.builds(
    Eye, st.just(0.95), st.floats(0.85, 1.3), st.just(0.08), st.floats(0, 0.1), ANGLE, ANGLE,
    st.floats(0.05, 0.3),
) | st.builds(
    Eye, st.floats(0, 0.49) | BROKEN, st.floats(0, 1.3), st.floats(0, 1) | BROKEN,
    st.floats(0, 1), ANGLE, ANGLE, st.floats(0.05, 0.3),
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(1, S // 5), st.none() | faces(OPEN_OR_UNSEEN)), max_size=40))
@settings(max_examples=50, deadline=None)
def test_eyes_not_found_are_never_closed_whatever_is_said_of_them(
    frames: list[tuple[int, Face | None]],
) -> None:
    track = [[(dt, face, None, None, Reason.NONE)] for dt, face in frames]
    assert all(d.eyes_closed_ns == 0 for d in told(track))


ODD_EYE = st.builds(
    Eye, SHARE | BROKEN, BROKEN | SHARE, BROKEN | SHARE, BROKEN | SHARE, BROKEN | ANGLE,
    BROKEN | ANGLE, BROKEN | SHARE,
)  # fmt: skip
ODD = BROKEN | SHARE
ODD_FACE = st.builds(
    Face, ODD, st.just((0.0, 0.0, 9.0, 9.0)), st.just(POINTS), BROKEN | ANGLE, BROKEN | ANGLE,
    BROKEN | ANGLE, BROKEN | st.floats(0.02, 0.3), ODD, ODD, ODD, ODD, ODD_EYE, ODD_EYE,
)  # fmt: skip
ODD_ACTION = st.builds(
    Action, st.lists(ODD, max_size=9).map(tuple), st.integers(-S, S), st.just(32)
)


@given(st.lists(st.tuples(st.integers(0, S), ODD_FACE, ODD_ACTION), max_size=40))
@settings(max_examples=50, deadline=None)
def test_numbers_that_are_no_numbers_never_reach_the_state(
    frames: list[tuple[int, Face, Action]],
) -> None:
    for d in told([[(dt, face, act, None, Reason.NONE)] for dt, face, act in frames]):
        numbers = [getattr(d, f.name) for f in fields(d)]
        assert all(math.isfinite(x) for x in numbers if isinstance(x, float))
        assert all(math.isfinite(x) for x in d.zone_probabilities)


def parts(value: object) -> int:
    """How many values it holds, all the way down."""
    if is_dataclass(value):
        return sum(parts(getattr(value, f.name)) for f in fields(value))
    return sum(parts(x) for x in value) if isinstance(value, tuple) else 1


def test_memory_stays_the_same_over_a_day() -> None:
    """A minute of every hour, one driver; most of what is held is known after the first."""
    acts = [Act(20), Act(2, head=(45, 0)), Act(3, action="phone_hand"), Act(1, open=0.0), Act(34)]
    state, sizes = fusion.start(CONFIG), []
    for hour in range(24):
        story = Story(acts, fps=10, noise=NOISY, seed=hour, start_ns=hour * 3600 * S)
        for observation, vehicle in story.inputs():
            state, _ = fusion.step(state, observation, vehicle, Reason.NONE, CONFIG)
        sizes.append(parts(state))
    assert max(sizes[1:]) - min(sizes[1:]) <= 20  # values that are there or None
    assert max(sizes) < 3000
