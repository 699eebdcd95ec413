"""Driver stories from noisy sights to alerts, with every stage between."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenarios.builder import (
    NOISY,
    QUIET,
    ROAD,
    Act,
    Noise,
    Story,
    drive,
    play,
    raised,
)

from dms.config import load
from dms.types import AlertKind, Availability

RATES = pytest.mark.parametrize("fps", [10, 15, 30, 60])
NOISES = pytest.mark.parametrize("noise", [QUIET, NOISY], ids=["quiet", "noisy"])
START = ROAD.seconds
LATE = 0.3
"""Seconds an alert may come after its rule; never before."""


def silent(acts: list[Act], **how: object) -> bool:
    return not any(m.alerts for m in play(Story(acts, **how)))  # type: ignore[arg-type]


@RATES
@NOISES
def test_a_glance_at_the_mirror_does_not_alert(fps: float, noise: Noise) -> None:
    glance = Act(1.1, head=(25, 5), gaze=(39, 0))
    assert silent([ROAD, *[glance, drive(3)] * 4], fps=fps, noise=noise)


@RATES
def test_glances_at_everything_that_driving_needs_do_not_alert(fps: float) -> None:
    acts = [ROAD]
    for act in (
        Act(0.8, head=(-30, 0), gaze=(-46, 0)),  # right mirror
        Act(0.7, gaze=(0, -25)),  # speedometer
        Act(1.5, head=(-15, -8), gaze=(-33, -20)),  # radio
        Act(1.0, head=(-20, 10), gaze=(-29, 16)),  # rear-view mirror
        Act(2.4, head=(70, 0)),  # far left at an intersection
        Act(1.8, head=(-65, 0), face=False),  # far right, face lost
    ):
        acts += [act, drive(2)]
    assert silent(acts, fps=fps, noise=NOISY)


@RATES
@NOISES
@pytest.mark.parametrize(
    "where",
    [
        Act(5, head=(50, 0)),  # side window
        Act(5, head=(-25, -12), gaze=(-35, -22)),  # infotainment, owl
        Act(5, head=(-5, -28), gaze=(-5, -55)),  # phone on the knee
        Act(5, head=(-46, 0)),  # passenger's mirror
        Act(5, head=(-20, -35), gaze=(-30, -60)),  # passenger's footwell
    ],
    ids=["window", "screen", "knee", "mirror", "footwell"],
)
def test_a_long_look_away_warns_once_at_three_seconds(fps: float, noise: Noise, where: Act) -> None:
    moments = play(Story([ROAD, where, drive(5)], fps=fps, noise=noise))
    (at,) = raised(moments, AlertKind.DISTRACTION)
    assert START + 2.95 <= at <= START + 3 + LATE
    assert not moments[-1].alerts


def test_a_look_away_that_loses_the_face_warns_and_becomes_urgent() -> None:
    acts = [ROAD, Act(0.5, head=(50, 0)), Act(0.4, head=(60, 0), eyes=(0.9, 0.1))]
    moments = play(Story([*acts, Act(8, face=False), drive(5)], noise=NOISY))
    (warn,) = raised(moments, AlertKind.DISTRACTION)
    (urgent,) = raised(moments, AlertKind.DISTRACTION, level=3)
    assert warn == pytest.approx(START + 3, abs=LATE)
    assert urgent == pytest.approx(START + 6, abs=LATE)


def test_flicker_of_the_gaze_does_not_reset_a_long_look() -> None:
    flick = [Act(0.9, head=(45, 0)), Act(0.1, head=(5, 0))] * 4
    moments = play(Story([ROAD, *flick, drive(3)], noise=NOISY))
    (at,) = raised(moments, AlertKind.DISTRACTION)
    assert at == pytest.approx(START + 3, abs=0.4)


def test_two_looks_of_two_seconds_are_not_one_of_four() -> None:
    look = Act(2, head=(45, 0))
    assert silent([ROAD, *[look, drive(1.5)] * 4], noise=NOISY)


def test_ten_seconds_of_short_looks_within_thirty_warn() -> None:
    look = Act(2, head=(45, 0))
    moments = play(Story([ROAD, *[look, drive(1.5)] * 6, drive(3)], noise=NOISY))
    (at,) = raised(moments, AlertKind.SHORT_DISTRACTION, level=2)
    assert at == pytest.approx(START + 4 * 3.5 + 2, abs=0.5)


@RATES
@NOISES
def test_a_blink_or_a_sneeze_is_no_microsleep(fps: float, noise: Noise) -> None:
    sneeze = Act(0.7, open=0.0, head=(0, -15))
    assert silent([ROAD, sneeze, drive(5), sneeze, drive(20)], fps=fps, noise=noise)


@RATES
@NOISES
def test_a_microsleep_warns_at_one_second(fps: float, noise: Noise) -> None:
    moments = play(Story([ROAD, Act(1.6, open=0.0), drive(5)], fps=fps, noise=noise))
    (at,) = raised(moments, AlertKind.MICROSLEEP)
    assert START + 0.95 <= at <= START + 1 + LATE
    assert not raised(moments, AlertKind.SLEEP)


@RATES
@NOISES
def test_sleep_is_urgent_at_three_seconds_and_ends_when_the_eyes_open(
    fps: float, noise: Noise
) -> None:
    moments = play(Story([ROAD, Act(5, open=0.0), drive(4)], fps=fps, noise=noise))
    (at,) = raised(moments, AlertKind.SLEEP, level=3)
    assert START + 2.95 <= at <= START + 3 + LATE
    assert moments[-1].alerts == ()
    last = max(m.t_s for m in moments if m.alerts)
    assert last == pytest.approx(START + 6, abs=0.4)


def test_sleeping_with_the_head_down_warns_until_the_face_is_gone_for_long() -> None:
    """Six seconds presumed closed, three more without a cause."""
    nod = [Act(2, open=0.0), Act(2, open=0.0, head=(0, -35)), Act(12, face=False)]
    moments = play(Story([ROAD, *nod], noise=NOISY))
    assert raised(moments, AlertKind.SLEEP, level=3)
    last = max(m.t_s for m in moments if any(a.kind == AlertKind.SLEEP for a in m.alerts))
    assert last == pytest.approx(START + 4 + 6 + 3, abs=0.6)


def test_eyes_not_found_never_alert_as_sleep_but_are_told_within_ten_seconds() -> None:
    dark = Act(60, eyes=(0.05, 0.05), sunglasses=0.95)
    moments = play(Story([ROAD, dark], noise=NOISY))
    assert not raised(moments, AlertKind.SLEEP)
    assert not raised(moments, AlertKind.MICROSLEEP)
    (told,) = raised(moments, AlertKind.CANNOT_SEE)
    assert START + 5 < told <= START + 10
    assert moments[-1].state.availability == Availability.DEGRADED


def test_dark_glasses_do_not_hide_a_turned_head() -> None:
    acts = [replace(ROAD, eyes=(0.05, 0.05)), Act(4, head=(45, 0), eyes=(0.05, 0.05))]
    assert raised(play(Story(acts, noise=NOISY)), AlertKind.DISTRACTION)


@RATES
def test_a_phone_call_informs_at_three_seconds(fps: float) -> None:
    moments = play(Story([ROAD, Act(8, action="phone_ear"), drive(5)], fps=fps, noise=NOISY))
    (at,) = raised(moments, AlertKind.PHONE)
    assert START + 3 <= at <= START + 4.2
    assert not raised(moments, AlertKind.DISTRACTION)
    assert moments[-1].alerts == ()


def test_eating_smoking_and_a_hand_at_the_face_do_not_alert() -> None:
    acts = [Act(6, action=a) for a in ("drink_eat", "smoke", "hand_face", "reach", "other")]
    assert silent([ROAD, *acts], noise=NOISY)


def test_a_parked_driver_may_do_what_he_likes() -> None:
    parked = [
        Act(10, head=(60, 0), kmh=0),
        Act(10, open=0.0, kmh=0),
        Act(10, action="phone_hand", head=(0, -40), kmh=3),
        Act(20, face=False, kmh=0),
    ]
    assert silent(parked, noise=NOISY)


def test_a_tunnel_that_darkens_a_second_is_not_told() -> None:
    assert silent([ROAD, Act(1.5, face=False), drive(5)], noise=NOISY)


def test_without_a_speed_the_driver_is_watched_all_the_same() -> None:
    acts = [replace(ROAD, kmh=None), Act(4, open=0.0, kmh=None)]
    moments = play(Story(acts, noise=NOISY))
    assert raised(moments, AlertKind.SLEEP)
    quiet = load(None, {"alerts.unknown_speed_is_driving": False})
    assert not any(m.alerts for m in play(Story(acts, noise=NOISY), quiet))


def test_before_the_mount_is_known_a_clear_look_away_still_warns() -> None:
    moments = play(Story([drive(3), Act(5, head=(60, 0)), drive(2)], noise=NOISY))
    assert raised(moments, AlertKind.DISTRACTION)


def test_in_the_eu_profile_a_slow_driver_has_six_seconds() -> None:
    config = load(None, {"profile": "eu_gsr", "fusion.calibration_ms": 8000})
    for kmh, due in ((80, 3.5), (40, 6.0)):
        acts = [ROAD, Act(8, head=(0, -45), kmh=kmh), drive(3)]
        (at,) = raised(play(Story(acts, noise=NOISY), config), AlertKind.DISTRACTION)
        assert START + due - 0.05 <= at <= START + due + LATE


@pytest.mark.parametrize("seed", range(4))
def test_twenty_minutes_of_ordinary_driving_is_silent(seed: int) -> None:
    checks = [
        Act(1.1, head=(20, 3), gaze=(39, 0)), drive(9), Act(0.6, gaze=(0, -25)), drive(9),
        Act(1.0, head=(-18, 8), gaze=(-29, 16)), drive(8), Act(4, action="drink_eat"),
        Act(0.5, face=False), drive(6), Act(0.5, eyes=(0.2, 0.2)), drive(9),
    ]  # fmt: skip
    acts = [ROAD, *checks * 6]  # five minutes, four seeds
    assert silent(acts, fps=15, noise=NOISY, seed=seed)


ACTS = st.builds(
    Act,
    seconds=st.sampled_from([0.3, 1.0, 3.5, 7.0]),
    head=st.sampled_from([(0.0, 0.0), (45.0, 0.0), (0.0, -40.0), (62.0, 0.0)]),
    open=st.sampled_from([0.0, 0.5, 1.0]),
    face=st.booleans(),
    eyes=st.sampled_from([(0.95, 0.95), (0.9, 0.1), (0.05, 0.05)]),
    action=st.sampled_from(["wheel", "phone_ear", None]),
    kmh=st.sampled_from([None, 10.0, 80.0]),
    frozen=st.booleans(),
)


LOST_TURNED = [
    Act(1.5, face=False, kmh=None), Act(0.3, head=(45.0, 0.0), open=0.0, kmh=None),
    Act(7.0, face=False, kmh=10.0), Act(0.6, face=False, kmh=None), Act(1.0, face=False, kmh=80.0),
]  # fmt: skip
"""The speed from which alerts count comes when the face is past being presumed turned away."""


@given(st.lists(ACTS, max_size=12), st.integers(0, 99))
@example(LOST_TURNED, 0)
@settings(max_examples=25, deadline=None)
def test_whatever_happens_no_alert_below_speed_nor_rising_out_of_blindness(
    acts: list[Act], seed: int
) -> None:
    shown: dict[AlertKind, int] = {}
    for moment in play(Story(acts, fps=10, noise=NOISY, seed=seed)):
        now = {a.kind: a.level for a in moment.alerts}
        speed = moment.state.speed_mps
        stopping = {AlertKind.EMERGENCY} & shown.keys()  # once raised, it slows the car down
        assert not now.keys() - stopping or speed is None or speed * 3.6 >= 20
        if moment.state.availability in (Availability.UNKNOWN, Availability.FAULT):
            rising = {k for k, v in now.items() if v > shown.get(k, 0)}
            assert rising <= {AlertKind.CANNOT_SEE, AlertKind.PHONE}
        shown = now
