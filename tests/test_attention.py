"""Where drivers look, and what is kept of it: zones, accounts, timers."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenarios.builder import CLEAR, NOISY, QUICK, QUIET, ROAD, Act, Noise, S, Story, drive, play
from scripted import look as face_turned

from dms.config import Config, ConfigError, ZoneConfig, load
from dms.fusion.attention import (
    AHEAD,
    Direction,
    area3_probability,
    away_probability,
    logistic,
    merge_gaze,
    mix,
    relative_to,
    roll_to,
)
from dms.fusion.belief import task_share
from dms.fusion.rings import account
from dms.fusion.tuning import tune
from dms.fusion.zones import draw, probabilities, shares
from dms.types import (
    DRIVING_ZONES,
    Condition,
    DriverState,
    GazeSource,
    GazeZone,
    Reason,
    SeatSide,
    Sense,
)

RATES = pytest.mark.parametrize("fps", [10, 15, 30, 60])
NOISES = pytest.mark.parametrize("noise", [QUIET, NOISY], ids=["quiet", "noisy"])
START = ROAD.seconds
LEFT = load(
    None, {"fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000, "camera.seat": "left"}
)
MAP = draw(ZoneConfig(), Config().fusion)

# Degrees towards the passenger and up: the locations of the Euro NCAP protocol.
PLACES = [
    ((29, 16), GazeZone.MIRROR_REAR),
    ((-39, -7), GazeZone.MIRROR_DRIVER),
    ((46, -7), GazeZone.MIRROR_PASSENGER),
    ((0, -25), GazeZone.CLUSTER),
    ((33, -20), GazeZone.CENTRE_STACK),
    ((23, -13), GazeZone.DASH),
    ((-75, 5), GazeZone.WINDOW_DRIVER),
    ((59, 5), GazeZone.WINDOW_PASSENGER),
    ((82, 0), GazeZone.PASSENGER),
    ((0, -50), GazeZone.LAP),
    ((0, -60), GazeZone.LAP),
    ((45, -55), GazeZone.FOOTWELL),
    ((53, -23), GazeZone.GLOVEBOX),
]


def told(acts: list[Act], config: Config = LEFT, **how: object) -> list[DriverState]:
    """States from the end of ROAD on, which comes first."""
    moments = play(Story([ROAD, *acts], **how), config)  # type: ignore[arg-type]
    return [m.state for m in moments if m.t_s >= START]


def look(place: tuple[float, float], seconds: float = 1.5, seat: int = -1) -> Act:
    """The head goes two thirds of the way, far to the side nine tenths; seat -1: the passenger
    sits to the right."""
    side, up = place
    share = 0.9 if abs(side) > 60 else 0.67
    head = (seat * side * share, up * share)
    return Act(seconds, head=head, gaze=(seat * side, up), blinks=False)


@pytest.mark.parametrize(("place", "zone"), PLACES)
@pytest.mark.parametrize(("seat", "sign"), [(SeatSide.LEFT, -1), (SeatSide.RIGHT, 1)])
def test_every_place_in_the_car_is_its_zone_on_either_side(
    place: tuple[float, float], zone: GazeZone, seat: SeatSide, sign: int
) -> None:
    """By a gaze with the networks' error, of what is off the road."""
    direction = (sign * math.radians(place[0]), math.radians(place[1]))
    p = probabilities(shares(MAP, direction, math.radians(7), seat), 0.0)
    assert max(zip(p, GazeZone, strict=True))[1] == zone


@pytest.mark.parametrize(("place", "zone"), [PLACES[3], PLACES[4], PLACES[9]])
def test_a_look_is_told_with_its_zone(place: tuple[float, float], zone: GazeZone) -> None:
    state = told([look(place)])[-1]
    assert state.zone == zone
    assert sum(state.zone_probabilities) == pytest.approx(1)
    assert len(state.zone_probabilities) == len(GazeZone)
    assert state.gaze_source == GazeSource.EYES
    assert state.driving_task is (zone == GazeZone.CLUSTER)


def test_an_attentive_driver_looks_at_the_road() -> None:
    states = told([Act(5)], noise=NOISY)
    assert {s.zone for s in states} == {GazeZone.ROAD}
    assert all(s.driving_task for s in states)


TUNED = tune(Config())
SIDE, UP, DOWN = TUNED.gaze_limits


def away(yaw: float, pitch: float, weight: float = 1.0, margin: float = 1.0) -> float:
    """For a direction [rad] with a sigma of 5 deg."""
    return away_probability(Direction(weight, (yaw, pitch), math.radians(5)), margin, TUNED)


def test_the_road_is_an_ellipse_with_the_limits_as_its_axes() -> None:
    for at_edge in ((SIDE, 0.0), (-SIDE, 0.0), (0.0, UP), (0.0, -DOWN)):
        assert away(*at_edge) == pytest.approx(0.5)
        assert away(*(1.2 * x for x in at_edge), margin=1.2) == pytest.approx(0.5)
    assert away(0.75 * SIDE, -0.75 * DOWN) > 0.5, "the corner of a box around it"
    assert away(0.65 * SIDE, -0.65 * DOWN) < 0.5
    assert away(0.0, 0.0) < 0.01


def test_the_heads_wider_limits_count_as_far_as_the_eyes_tell_less_than_it() -> None:
    head = TUNED.head_limits[0]
    assert away(head, 0.0, weight=0.0) == pytest.approx(0.5)
    assert away(SIDE, 0.0, weight=0.5) == pytest.approx(0.5)
    assert away((SIDE + head) / 2, 0.0, weight=0.25) == pytest.approx(0.5)


@given(
    st.floats(-math.pi, math.pi), st.floats(0.001, 1.5), st.just(0.0) | st.floats(0.001, 1),
    st.floats(0, 1), st.floats(1, 2),
)  # fmt: skip
def test_further_out_is_never_less_away(
    turn: float, off: float, share: float, weight: float, margin: float
) -> None:
    out = (off * math.cos(turn), off * math.sin(turn))
    further, nearer = (away(s * out[0], s * out[1], weight, margin) for s in (1.0, share))
    assert 0 <= nearer <= further + 1e-9 <= 1 + 1e-9


@given(st.floats(0.08, 1.0), st.floats(0.02, 3.0), st.floats(-0.5, 0.5))
def test_the_network_has_weighed_the_eyes_against_the_head(
    head_sigma: float, measured_sigma: float, measured_yaw: float
) -> None:
    """Of eyes that stray from the head by `stray_variance`, measured like this, it tells the best
    guess and its sigma; fusion takes the guess and weighs the two measurements as it did."""
    stray, noise = TUNED.stray_variance, measured_sigma**2
    weight = stray / (stray + noise)
    said = weight * measured_yaw, math.sqrt(weight * noise)
    face = replace(face_turned(), rotation_sigma_rad=head_sigma)
    mixed = mix(face, (0.1, 0.0), ((0.1 + said[0], 0.0), said[1]), TUNED)
    assert mixed.weight == pytest.approx(weight)
    assert mixed.angles == pytest.approx((0.1 + said[0], 0.0))
    both = math.hypot(weight * measured_sigma, (1 - weight) * head_sigma)
    assert mixed.sigma_rad == pytest.approx(both)


def test_eyes_as_unsure_as_eyes_stray_tell_no_more_than_the_head() -> None:
    face = replace(face_turned(), rotation_sigma_rad=0.1)
    for sigma in (math.sqrt(TUNED.stray_variance), 1.0):
        mixed = mix(face, (0.2, 0.0), ((0.2, 0.0), sigma), TUNED)
        assert (mixed.weight, mixed.sigma_rad) == pytest.approx((0.0, 0.1))


def test_eyes_behind_tinted_lenses_count_as_far_as_the_lenses_let_them_be_seen() -> None:
    turned = face_turned(12.0)
    tinted = merge_gaze(replace(turned, sunglasses=0.3), TUNED)
    assert tinted is not None
    assert tinted.angles[0] == pytest.approx(math.radians(12.0))
    assert merge_gaze(replace(turned, sunglasses=0.8), TUNED) is None


def head_axes(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """Columns x to the person's left, y up, z out of the face; yaw outermost, roll innermost."""
    c, s = (np.cos((yaw, pitch, roll)), np.sin((yaw, pitch, roll)))
    by_yaw = np.array([[c[0], 0, s[0]], [0, 1, 0], [-s[0], 0, c[0]]])
    by_pitch = np.array([[1, 0, 0], [0, c[1], s[1]], [0, -s[1], c[1]]])
    by_roll = np.array([[c[2], -s[2], 0], [s[2], c[2], 0], [0, 0, 1]])
    return np.asarray(by_yaw @ by_pitch @ by_roll, np.float64)


@given(
    st.tuples(st.floats(-1.5, 1.5), st.floats(-0.6, 0.6)),
    st.tuples(st.floats(-1.5, 1.5), st.floats(-1.2, 1.2)), st.floats(-0.6, 0.6),
)  # fmt: skip
def test_a_direction_and_a_roll_are_those_of_the_heads_axes_seen_from_straight_ahead(
    neutral: tuple[float, float], angles: tuple[float, float], roll: float
) -> None:
    seen = head_axes(*neutral, 0.0).T @ head_axes(*angles, roll)
    yaw, pitch = relative_to(neutral, angles)
    ahead = (math.sin(yaw) * math.cos(pitch), math.sin(pitch), math.cos(yaw) * math.cos(pitch))
    assert ahead == pytest.approx(seen[:, 2], abs=1e-9)
    if abs(pitch) < 1.4:
        turned = roll_to(neutral, angles, roll)
        away_by = turned - math.atan2(seen[1, 0], seen[1, 1])
        assert math.remainder(away_by, 2 * math.pi) == pytest.approx(0, abs=1e-6)


@given(st.floats(-5, 5))
def test_the_logistic_function_follows_the_normal_distribution(z: float) -> None:
    assert logistic(z) == pytest.approx(NormalDist().cdf(z), abs=0.01)
    assert logistic(z) + logistic(-z) == pytest.approx(1)
    assert (logistic(1e9), logistic(-1e9)) == (1, 0)


def test_two_eyes_are_one_by_how_well_each_is_seen() -> None:
    face = replace(face_turned(), sunglasses=0.0)
    least = TUNED.gaze_sigma_min
    left = replace(
        face.eye_left, visible=0.8, gaze_yaw_rad=0.2, gaze_pitch_rad=-0.1, gaze_sigma_rad=2 * least
    )
    right = replace(
        face.eye_right, visible=0.9, gaze_yaw_rad=0.4, gaze_pitch_rad=0.3, gaze_sigma_rad=0.0
    )
    a, b = 0.8 / (2 * least) ** 2, 0.9 / least**2
    both = merge_gaze(replace(face, eye_left=left, eye_right=right), TUNED)
    assert both is not None
    assert both.angles[0] == pytest.approx((0.2 * a + 0.4 * b) / (a + b))
    assert both.angles[1] == pytest.approx((-0.1 * a + 0.3 * b) / (a + b))
    assert both.sigma_rad == pytest.approx((2 * least * a + least * b) / (a + b))
    for unseen in (
        replace(right, visible=math.nextafter(TUNED.visible_min, 0)),
        replace(right, visible=1.1),
        replace(right, gaze_yaw_rad=None),
        replace(right, gaze_pitch_rad=math.nan),
        replace(right, gaze_sigma_rad=None),
    ):
        one = merge_gaze(replace(face, eye_left=left, eye_right=unseen), TUNED)
        assert one is not None
        assert one.angles == pytest.approx((0.2, -0.1))
        assert merge_gaze(replace(face, eye_left=unseen, eye_right=unseen), TUNED) is None
    barely = replace(right, visible=TUNED.visible_min)
    assert merge_gaze(replace(face, eye_left=barely, eye_right=barely), TUNED) is not None


def test_the_head_alone_is_as_sure_as_its_pose_but_never_surer_than_the_least() -> None:
    assert (AHEAD.weight, AHEAD.angles, AHEAD.sigma_rad) == (0.0, (0.0, 0.0), 1.0)
    sure = replace(face_turned(), rotation_sigma_rad=0.0)
    least = TUNED.head_sigma_min
    assert mix(sure, (0.1, 0.2), None, TUNED) == Direction(0.0, (0.1, 0.2), least)
    unsure = replace(sure, rotation_sigma_rad=0.3)
    assert mix(unsure, (0.1, 0.2), None, TUNED).sigma_rad == 0.3


def test_gaze_fades_as_the_face_turns_from_the_camera() -> None:
    f = Config().fusion
    starts, ends = math.radians(f.gaze_fade_start_deg), math.radians(f.gaze_fade_end_deg)

    def mixed(yaw: float) -> tuple[float, float]:
        """Gaze's weight, and the mixture of a head at 0 and a gaze at 0.2."""
        face = replace(face_turned(), yaw_rad=yaw)
        found = mix(face, (0.0, 0.0), ((0.2, 0.0), 0.1), TUNED)
        return found.weight, found.angles[0]

    full = mixed(0.0)
    assert full[1] == 0.2
    assert mixed(starts) == mixed(-starts) == pytest.approx(full)
    half = (full[0] / 2, 0.1)
    assert mixed((starts + ends) / 2) == mixed(-(starts + ends) / 2) == pytest.approx(half)
    assert mixed(ends) == pytest.approx((0, 0), abs=1e-9)
    assert mixed(ends + 0.1) == (0, 0)


def test_the_gaze_of_shut_eyes_goes_along_with_the_head() -> None:
    turned = Act(0.3, head=(30, 0), open=0.0, blinks=False)
    states = told([Act(1, gaze=(10, 0), blinks=False), turned])
    assert math.degrees(states[-1].gaze_yaw_rad or 0) == pytest.approx(40, abs=1)
    assert states[-1].eyes_closed_ns > 0


def test_straight_ahead_is_on_the_road_by_its_widest_limit() -> None:
    assert away(0.0, 0.0) == pytest.approx(logistic(-max(SIDE, UP, DOWN) / math.radians(5)))
    level = math.radians(12)
    assert away(level, 0.0) == pytest.approx(logistic((level - SIDE) / math.radians(5)))
    assert away(0.0, level) == pytest.approx(logistic((level - UP) / math.radians(5)))
    assert away(0.0, -level) == pytest.approx(logistic((level - DOWN) / math.radians(5)))


def test_up_and_down_have_their_own_limits() -> None:
    uneven = replace(TUNED, gaze_limits=(0.4, 0.2, 0.3))
    for pitch, limit in ((0.25, 0.2), (-0.25, 0.3)):
        direction = Direction(1.0, (0.0, pitch), 0.1)
        assert away_probability(direction, 1.0, uneven) == pytest.approx(
            logistic((abs(pitch) - limit) / 0.1)
        )


def test_area_3_is_below_a_plane_of_gaze_or_of_the_head_as_each_counts() -> None:
    by_gaze, by_head = TUNED.area3
    for weight, limit in ((1.0, by_gaze), (0.0, by_head), (0.25, 0.25 * by_gaze + 0.75 * by_head)):
        edge = Direction(weight, (0.3, -limit), 0.1)
        assert area3_probability(edge, TUNED) == pytest.approx(0.5)
        below = replace(edge, angles=(0.3, -limit - 0.1))
        assert area3_probability(below, TUNED) == pytest.approx(logistic(1.0))


def test_who_may_sit_on_either_side_has_half_of_each_mirror() -> None:
    state = told([look((39, -7))], QUICK)[-1]
    assert state.seat == SeatSide.UNKNOWN
    p = state.zone_probabilities
    assert p[GazeZone.MIRROR_DRIVER] > 0.15
    assert p[GazeZone.MIRROR_PASSENGER] > 0.15


@given(
    st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(0.01, 3.0), st.sampled_from(SeatSide),
    st.floats(0, 1),
)  # fmt: skip
def test_probabilities_are_probabilities_wherever_one_looks(
    yaw: float, pitch: float, sigma: float, seat: SeatSide, road: float
) -> None:
    p = probabilities(shares(MAP, (yaw, pitch), sigma, seat), road)
    assert sum(p) == pytest.approx(1)
    assert all(0 <= x <= 1 for x in p)
    assert p[GazeZone.ROAD] == road
    assert p[GazeZone.UNKNOWN] == 0


@given(st.floats(-1.5, 1.5), st.floats(-1.2, 0.6))
def test_right_hand_drive_is_the_mirror_image_of_left_hand_drive(yaw: float, pitch: float) -> None:
    left = shares(MAP, (yaw, pitch), 0.1, SeatSide.LEFT)
    assert shares(MAP, (-yaw, pitch), 0.1, SeatSide.RIGHT) == left


def test_a_zone_written_wrong_is_told_with_its_name() -> None:
    for text in ("1/2 3/4", "1/2 3/4 5", "a/b 1/2 3/4", "200/0 1/2 3/4", "1/2 3/4 5/6;"):
        with pytest.raises(ConfigError, match=r"zones\.lap"):
            load(None, {"zones.lap": text})
    assert load(None, {"zones.lap": "none"}).zones.lap == "none"


def test_mirrors_and_cluster_are_driving_other_places_are_not() -> None:
    for (side, up), zone in PLACES:
        counts = shares(MAP, (math.radians(-side), math.radians(up)), 0.1, SeatSide.LEFT)
        assert (task_share(counts) >= 0.5) is (zone in DRIVING_ZONES), zone


def test_without_eyes_the_head_alone_is_used_and_glances_by_the_eyes_are_unseen() -> None:
    hidden = (0.05, 0.05)
    lizard = Act(4, gaze=(0, -45), eyes=hidden, sunglasses=0.9)
    owl = Act(2, head=(-50, 0), eyes=hidden, sunglasses=0.9)
    states = told([Act(3, eyes=hidden, sunglasses=0.9), lizard, owl])
    at = {round(i / 30, 2): s for i, s in enumerate(states)}
    assert at[5.0].eyes_on_road is True
    assert at[5.0].gaze_source == GazeSource.HEAD
    assert at[5.0].confidence < 0.7
    assert [(lost.sense, lost.why) for lost in at[5.0].lost] == [(Sense.EYES, Reason.SUNGLASSES)]
    assert at[8.5].eyes_on_road is False
    assert max(at[8.5].zone_probabilities) < 0.9


@RATES
@NOISES
def test_in_out_in_flicker_does_not_start_a_long_look_afresh(fps: float, noise: Noise) -> None:
    flick = [Act(1.3, head=(45, 0)), Act(0.2, head=(0, 0))] * 3
    states = told(flick, fps=fps, noise=noise)
    longest = max(s.eyes_off_road_ns for s in states)
    assert longest >= 3 * 1.3 * S - 0.5 * S
    assert longest <= 3 * 1.5 * S


@RATES
def test_half_a_second_on_the_road_ends_a_look_away(fps: float) -> None:
    states = told([*[Act(1.5, head=(45, 0)), Act(0.6)] * 4], fps=fps, noise=NOISY)
    assert max(s.eyes_off_road_ns for s in states) < 2.0 * S


@RATES
@NOISES
@pytest.mark.parametrize(("back", "resets"), [(1.8, False), (2.2, True)])
def test_the_account_of_glances_is_cleared_by_two_seconds_on_the_road_and_not_by_less(
    fps: float, noise: Noise, back: float, resets: bool
) -> None:
    states = told([*[Act(1.5, head=(45, 0)), drive(back)] * 6, drive(1.5)], fps=fps, noise=noise)
    most = max(s.vats_away_ns for s in states)
    assert most == pytest.approx((1.5 if resets else 9.0) * S, abs=0.6 * S)
    assert states[-1].vats_away_ns == 0


@RATES
@NOISES
def test_ten_seconds_away_in_thirty_are_counted_to_half_a_second(fps: float, noise: Noise) -> None:
    """Glancing back each time for one second."""
    states = told([*[Act(2, head=(45, 0)), drive(1)] * 6], fps=fps, noise=noise)
    (first, *_) = [i / fps for i, s in enumerate(states) if s.vats_away_ns >= 10 * S]
    assert first == pytest.approx(14, abs=0.5)
    assert states[-1].condition == Condition.DISTRACTED
    assert max(s.vats_away_ns for s in states) <= 30 * S


def turn(yaw: float, seconds: float = 0.8, fps: float = 30) -> list[Act]:
    """To the side and, after a second there, back, as evenly as a tripod would."""
    n = round(seconds * fps)
    way = [Act(1 / fps, head=(yaw * (k + 0.5) / n, 0), blinks=False) for k in range(n)]
    return [*way, Act(1, head=(yaw, 0), blinks=False), *reversed(way)]


@pytest.mark.parametrize("yaw", [45.0, -45.0, 60.0])
def test_a_glance_counts_from_where_straight_ahead_is_left_to_where_it_is_reached(
    yaw: float,
) -> None:
    acts = [*turn(yaw), drive(0.5)]
    outside = S * sum(a.seconds for a in acts if abs(a.head[0]) > 10)
    assert told(acts)[-1].vats_away_ns == pytest.approx(outside, abs=0.12 * S)
    limits_alone = load(None, {"fusion.calibration_ms": 8000, "attention.edge_ms": 0})
    assert told(acts, limits_alone)[-1].vats_away_ns < outside - 0.25 * S


def test_three_glances_on_end_count_no_moment_twice() -> None:
    """Back to ten degrees only, and off again."""
    partly = [a for a in turn(45.0) if abs(a.head[0]) > 12]
    states = told([*turn(45.0), *partly, *partly, drive(0.5)])
    total = S * sum(a.seconds for a in [*partly, *partly, *turn(45.0)] if abs(a.head[0]) > 10)
    assert states[-1].vats_away_ns <= total + 0.12 * S


def test_lingering_beside_the_road_is_no_part_of_a_glance_from_there() -> None:
    aside = Act(4, head=(13, 0), blinks=False)
    states = told([aside, Act(1, head=(45, 0)), aside, drive(0.2)])
    assert 1.0 * S < max(s.vats_away_ns for s in states) <= 1.35 * S


def test_what_lies_thirty_seconds_back_is_forgotten() -> None:
    sparse = told([*[Act(0.7, head=(45, 0)), drive(1.8)] * 20], noise=NOISY, fps=10)
    assert max(s.vats_away_ns for s in sparse) == pytest.approx(0.28 * 30 * S, abs=1.2 * S)


@given(st.lists(st.tuples(st.integers(0, 3 * 10**9), st.integers(0, 10**8)), max_size=60))
def test_an_account_holds_what_its_window_holds(steps: list[tuple[int, int]]) -> None:
    ring, t, past = account(30_000), 0, []
    for wait, spent in steps:
        t += wait
        ring = ring.add(t, spent)
        past.append((t, spent))
        sure = sum(x for at, x in past if t - at <= 29.75e9)
        possible = sum(x for at, x in past if t - at <= 30e9)
        assert sure <= ring.total <= possible
        assert len(ring.bins) == 119
    assert ring.cleared().total == 0


def test_a_second_look_at_the_road_is_counted_from_where_it_began() -> None:
    states = told([Act(2, head=(45, 0)), Act(2, blinks=False)])
    assert states[-1].eyes_on_road_ns == pytest.approx(2 * S, abs=0.1 * S)
    assert states[45].eyes_on_road_ns == 0


def test_a_frame_without_a_face_does_not_break_the_return_to_the_road() -> None:
    states = told([Act(2, head=(45, 0)), Act(1), Act(0.1, face=False), Act(1)])
    assert states[-1].eyes_on_road_ns == pytest.approx(2.1 * S, abs=0.15 * S)
    assert states[-1].vats_away_ns == 0


@RATES
def test_area_3_is_the_lap_and_not_the_cluster_nor_a_window(fps: float) -> None:
    lap = told([look((0, -50), 4), drive(1)], fps=fps, noise=NOISY)
    assert max(s.area3_ns for s in lap) == pytest.approx(4 * S, abs=0.3 * S)
    assert lap[-1].area3_ns == 0
    places = ((0, -22), (60, 0), (33, -18), (-39, -7))
    states = told([look(place, 2) for place in places], fps=fps, noise=NOISY)
    assert max(s.area3_ns for s in states) < 0.7 * S


def test_area_3_is_seen_by_the_head_alone() -> None:
    states = told([Act(3, head=(0, -32), eyes=(0.05, 0.05))], noise=NOISY)
    assert max(s.area3_ns for s in states) > 2.2 * S


def test_a_phone_that_is_held_and_looked_at_fills_its_account() -> None:
    use = [replace(look((0, -50), 2), action="phone_hand"), Act(1, action="phone_hand")] * 4
    states = told([Act(2, action="phone_hand"), *use], noise=NOISY)
    assert states[-1].phone_away_ns == pytest.approx(8 * S, abs=0.8 * S)
    assert states[-1].phone_away_ns <= states[-1].vats_away_ns


def test_a_phone_at_the_ear_in_its_cradle_or_while_in_the_mirror_is_not_looked_at() -> None:
    ear = Act(6, action="phone_ear")
    cradle = look((23, -13), 6)
    mirror = replace(look((-42, -6), 4), action="phone_ear")
    for act in (ear, cradle, mirror):
        states = told([act], noise=NOISY)
        assert max(s.phone_away_ns for s in states) <= 0.7 * S, act


def test_attention_drains_while_away_and_fills_on_the_road() -> None:
    states = told([look((33, -20), 3), Act(3)])
    at = {round(i / 30, 2): s.attention_pct for i, s in enumerate(states)}
    assert at[1.0] == pytest.approx(50, abs=12)
    assert at[2.5] == 0
    assert at[4.0] == pytest.approx(45, abs=12)
    assert at[5.9] == 100


def test_attention_spares_a_short_look_into_the_mirror_but_not_a_long_one() -> None:
    short = told([look((29, 16), 1.0)])
    assert min(s.attention_pct for s in short) >= 90
    long = told([look((29, 16), 3.2)])
    assert long[-1].attention_pct == pytest.approx(0, abs=15)


@RATES
def test_away_and_then_asleep_is_unresponsive_in_one(fps: float) -> None:
    states = told([Act(3.5, head=(0, -40)), Act(3.5, open=0.0, head=(0, -20)), Act(2)], fps=fps)
    most = max(s.unresponsive_ns for s in states)
    assert most == pytest.approx(7 * S, abs=0.4 * S)
    assert Condition.UNRESPONSIVE in {s.condition for s in states}
    assert states[-1].unresponsive_ns == 0
    assert states[-1].condition in (Condition.ATTENTIVE, Condition.DISTRACTED)


def test_blinks_are_not_unresponsive() -> None:
    assert max(s.unresponsive_ns for s in told([Act(30)], noise=NOISY)) < 0.5 * S


def test_leaning_out_of_sight_counts_on_as_away() -> None:
    """Down to the passenger's footwell, where no camera sees a face."""
    lean = [Act(0.6, head=(-35, -30)), Act(4, face=False)]
    states = told([*lean, drive(2)], noise=NOISY)
    assert max(s.eyes_off_road_ns for s in states) >= 4 * S
    assert any(s.presumed for s in states)
    assert not states[-1].presumed


@RATES
def test_a_head_that_nods_out_of_sight_is_no_excuse(fps: float) -> None:
    shut = Act(0.8, open=0.0, blinks=False)
    nod = [shut, replace(shut, head=(0, -25), seconds=0.5), Act(11, face=False)]
    states = told(nod, fps=fps, noise=NOISY)
    asleep = [i / fps for i, s in enumerate(states) if s.condition == Condition.ASLEEP]
    assert asleep[0] == pytest.approx(3, abs=0.3)
    later = [s for i, s in enumerate(states) if 1.5 < i / fps < 7]
    assert all(s.presumed and s.eyes_closed_ns for s in later)
    sure = [s.confidence for s in states if s.condition == Condition.ASLEEP]
    assert sure == sorted(sure, reverse=True)
    assert not any(s.eyes_closed_ns for i, s in enumerate(states) if i / fps > 8)
    gone = [s for i, s in enumerate(states) if i / fps > 10.5]  # it was also turned down
    assert not any(s.unresponsive_ns or s.presumed or s.eyes_off_road_ns for s in gone)


def test_a_sleeper_whose_hanging_head_hides_the_eyes_still_sleeps() -> None:
    shut = Act(0.8, open=0.0, blinks=False)
    hidden = Act(3, head=(0, -35), eyes=(0.05, 0.05))
    states = told([shut, replace(shut, head=(0, -30)), hidden], noise=NOISY)
    assert states[-1].eyes_closed_ns == pytest.approx(4.6 * S, abs=0.3 * S)
    assert states[-1].presumed


def test_eyes_lost_closed_with_the_head_up_or_in_a_frozen_image_are_not_presumed() -> None:
    shut = Act(0.8, open=0.0, blinks=False)
    for after in (Act(5, face=False), Act(5, eyes=(0.05, 0.05))):
        states = told([shut, after])
        assert max(s.eyes_closed_ns for s in states) <= 1.0 * S
    down = replace(shut, head=(0, -25))
    dark = replace(CLEAR, mean=2, contrast=1, dark=0.99)
    states = told([down, Act(5, face=False, quality=dark)])
    assert states[-1].eyes_closed_ns == 0
    assert not states[-1].presumed
