"""What was learned of the driver, kept while the program starts again within one drive."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenarios.builder import NOISY, QUICK, ROAD, Act, Story, drive, play, played

from dms import fusion
from dms.commands.keeping import EVERY_NS, RECENT_NS, Keeper, read, written
from dms.fusion import Learned
from dms.types import Availability, Ignition, SeatSide
from dms.uds.nvm import Store

HEAD = (9.0, -4.0)
"""How the driver of these tests sits in the camera's view [deg]."""
SOMEBODY = Learned((0.1, -0.2), (0.15, -0.1), 0.8, SeatSide.LEFT)
NOW = 10**12


def learned_of(acts: list[Act]) -> Learned | None:
    return fusion.learned(played(Story(acts, noise=NOISY), QUICK)[1], QUICK)


def looking(seconds: float) -> Act:
    return Act(seconds, head=HEAD, gaze=HEAD)


def test_all_of_it_must_be_learned_and_only_while_the_ignition_is_on() -> None:
    assert learned_of([looking(2)]) is None
    found = learned_of([looking(ROAD.seconds)])
    assert found is not None
    assert [math.degrees(a) for a in found.head] == pytest.approx(HEAD, abs=1.5)
    off = Act(1, kmh=0, car={"ignition": Ignition.OFF})
    assert learned_of([looking(ROAD.seconds), off]) is None


def test_a_new_start_knows_the_driver_from_the_first_frame_and_sees_him_look_away() -> None:
    kept = learned_of([looking(ROAD.seconds)])
    assert kept is not None
    away = Act(4, head=(HEAD[0] + 45, HEAD[1]), gaze=(HEAD[0] + 45, HEAD[1]))
    moments = play(Story([looking(3), away]), QUICK, fusion.resumed(kept, QUICK))
    first = moments[5].state
    assert (first.calibration_pct, first.eyes_on_road) == (100, True)
    assert first.availability != Availability.CALIBRATING
    assert moments[-1].state.eyes_on_road is False
    assert moments[-1].state.eyes_off_road_ns > 3e9


def test_another_driver_in_the_seat_is_noticed_by_what_is_seen_next() -> None:
    kept = Learned((math.radians(-14), math.radians(3)), (0.0, 0.0), 1.0, SeatSide.UNKNOWN)
    story = Story([drive(25)], noise=NOISY)
    changes = [m for m in play(story, QUICK, fusion.resumed(kept, QUICK)) if m.state.driver_changed]
    assert len(changes) == 1
    assert changes[0].t_s < 20


def keeper(folder: Path, digest: str = "c", boot: str = "b") -> Keeper:
    return Keeper(Store(folder), digest, boot)


def test_a_new_start_finds_what_was_kept_a_moment_ago(tmp_path: Path) -> None:
    keeper(tmp_path).keep(SOMEBODY, NOW)
    assert keeper(tmp_path).load(NOW + RECENT_NS) == SOMEBODY


@pytest.mark.parametrize(
    ("digest", "boot", "later_ns"),
    [("other", "b", 1), ("c", "other", 1), ("c", "b", RECENT_NS + 1), ("c", "b", -1)],
)
def test_of_another_configuration_start_or_time_it_is_nothing(
    tmp_path: Path, digest: str, boot: str, later_ns: int
) -> None:
    keeper(tmp_path).keep(SOMEBODY, NOW)
    assert keeper(tmp_path, digest, boot).load(NOW + later_ns) is None


def test_it_is_written_now_and_then_and_forgotten_at_once(tmp_path: Path) -> None:
    one = keeper(tmp_path)
    one.keep(SOMEBODY, NOW)
    one.keep(SOMEBODY, NOW + EVERY_NS - 1)
    assert keeper(tmp_path).load(NOW + RECENT_NS + 1) is None
    one.keep(SOMEBODY, NOW + EVERY_NS)
    assert keeper(tmp_path).load(NOW + RECENT_NS + 1) == SOMEBODY
    one.keep(None, NOW + EVERY_NS + 1)
    assert keeper(tmp_path).load(NOW + EVERY_NS + 1) is None
    assert not any(tmp_path.iterdir()), "nor does the version before lie about"


def test_what_an_earlier_run_left_does_not_outlive_a_run_that_knows_nobody(tmp_path: Path) -> None:
    keeper(tmp_path).keep(SOMEBODY, NOW)
    keeper(tmp_path).keep(None, NOW + 1)
    assert keeper(tmp_path).load(NOW + 1) is None


NUMBERS = st.none() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=3)
JSON = NUMBERS | st.lists(NUMBERS, max_size=3)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(written(SOMEBODY), JSON)))
def test_whatever_the_file_holds_nothing_but_sound_angles_comes_out(content: dict) -> None:
    found = read(content)
    if found is not None:
        assert all(abs(a) <= math.pi / 2 for a in (*found.head, *found.gaze))
        assert found.baseline is None or 0 < found.baseline < 10
