"""The scenario suite: its stories are sound, its judge is just, its gates can fail."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dms.config import load
from dms.errors import Exit
from dms.scenarios.chance import poisson_interval, share_interval
from dms.scenarios.errors import ErrorsError, gaze_error_deg, load_errors, perfect
from dms.scenarios.gates import (
    Gate,
    Held,
    HeldError,
    false_alarms,
    gates,
    read_held,
    write_held,
)
from dms.scenarios.judge import Driver, Rise, Setup, judge, run_story, vats_due
from dms.scenarios.natural import ATTENTIVE_MAX_S, Drive, SleepyDrive, kss_at, kss_time_s
from dms.scenarios.page import render
from dms.scenarios.simulate import ASIDE_DEG, Person, anyone, observe
from dms.scenarios.story import Book, Story, StoryError, read_book, stories_folder
from dms.scenarios.suite import Alarm, DriveResult, Outcome, SleepyResult, StoryResult
from dms.scenarios.track import NANO, Act, look, sample
from dms.types import AlertKind

BOOK: Book = read_book()
STORIES = {s.name: s for s in BOOK.stories}


def outcome(stories: tuple[StoryResult, ...] = (), alarms: int = 0, hours: float = 100) -> Outcome:
    false = Alarm(Rise(AlertKind.DISTRACTION, 2, 1.0, 2.0, "", True), "road")
    drives = (DriveResult(1, hours * 3600, "clear", (false,) * alarms, 30.0),)
    return Outcome("euro_ncap_2026", "none", stories, drives, (), (), (), ())


def result(name: str, seconds: float, learn: bool = False) -> StoryResult:
    """A story played with an alert of its first kind at a chosen time."""
    story = STORIES[name]
    truth = sample(story.acts, 30.0, np.random.default_rng(1))
    kind = story.expects[0].kinds[0]
    verdicts = judge(story, truth, [Rise(kind, 3, seconds, None, "", True)])
    from dms.scenarios.judge import Run

    return StoryResult(story, (Run(0, verdicts, ()),))


@pytest.mark.parametrize(
    ("rises", "ok"),
    [
        ([], False),
        ([(8.0, 12.0)], False),
        ([(8.0, 16.3)], True),
        ([(8.0, 18.0)], False),
        ([(8.0, None)], False),
        ([(8.0, 12.0), (13.0, 16.3)], True),
        ([(8.0, 16.3), (20.0, 21.0)], False),
    ],
)
def test_what_should_end_has_to_begin_and_ends_then_and_for_good(
    rises: list[tuple[float, float | None]], ok: bool
) -> None:
    story = STORIES["Wanda looks back after the distinct warning, and blinks"]
    truth = sample(story.acts, 30.0, np.random.default_rng(1))
    kind = AlertKind.UNRESPONSIVE
    ends = judge(story, truth, [Rise(kind, 3, begin, end, "", True) for begin, end in rises])[0]
    assert (ends.expect.what, ends.ok) == ("ended", ok)


def test_false_drowsy_alerts_are_counted_at_the_rate_that_lids_need() -> None:
    false = Alarm(Rise(AlertKind.DROWSY, 2, 1.0, 2.0, "", True), "road")
    drives = [DriveResult(k, 3600, "clear", (false,), fps) for k, fps in enumerate((10.0, 30.0))]
    assert false_alarms("drowsy", drives) == (1, 1.0)
    assert false_alarms("distraction", drives) == (0, 2.0)


@pytest.mark.parametrize(
    ("kind", "seconds", "ok"),
    [
        (AlertKind.CANNOT_SEE, 19.0, True),
        (AlertKind.CANNOT_SEE, 20.5, False),
        (AlertKind.MICROSLEEP, 41.15, True),
        (AlertKind.MICROSLEEP, 20.0, False),
        (AlertKind.MICROSLEEP, 42.5, False),
    ],
)
def test_one_expectation_may_stand_in_for_another(
    kind: AlertKind, seconds: float, ok: bool
) -> None:
    """Closed eyes that are noticed in the dark, in time, need not be told as unseen."""
    story = next(s for s in BOOK.stories if s.name.startswith("Finn drives"))
    truth = sample(story.acts, 30.0, np.random.default_rng(1))
    verdict = judge(story, truth, [Rise(kind, 2, seconds, None, "", True)])[0]
    assert (verdict.ok, verdict.kept) == (ok, ok)


def test_every_cell_of_the_matrix_has_its_story() -> None:
    rows = {(s.location, s.movement, s.test) for s in BOOK.stories if s.test}
    assert len(rows) >= 40
    assert ("infotainment", "lizard", "vats") in rows
    assert ("rear_passenger", "lean", "long") in rows
    assert ("phone_advanced", "lizard", "phone") in rows
    assert ("passenger_window", "lizard", "long") not in rows


def test_stories_carry_names_and_sections_of_every_rule() -> None:
    assert len(STORIES) == len(BOOK.stories), "two stories of one name"
    sections = {s.section for s in BOOK.stories}
    assert {"vats", "eyes", "unresponsive", "degraded", "attentive", "addw", "r171"} <= sections


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stories: [{name: A, track: [{for: 1}], expect: []}]", "proves nothing"),
        ("stories: [{name: A, track: [{for: 1, look: moon}], expect: [{never: sleep}]}]", "moon"),
        ("stories: [{name: A, track: [{for: 1}], expect: [{never: snoring}]}]", "snoring"),
        ("stories: [{name: A, track: [{for: 1}], expect: [{alert: sleep, from: x}]}]", "no mark"),
        (
            "stories: [{name: A, track: [{for: 1, mark: x}], expect: [{alert: sleep, from: x, "
            "after: 1, or: {alert: sleep, from: y}}]}]",
            "'y' is no mark",
        ),
        ("stories: [{nmae: A, track: [{for: 1}], expect: [{never: sleep}]}]", "nmae"),
        ("[1, 2]", "mapping"),
        ("stories: [", "expected"),
    ],
)
def test_a_mistake_in_a_story_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "stories").mkdir()
    (tmp_path / "stories/a.yaml").write_text(text)
    with pytest.raises(StoryError, match=said):
        read_book(tmp_path)


def test_an_alert_in_its_window_passes_and_one_before_its_rule_does_not() -> None:
    name = "long: passenger mirror, owl"
    story = STORIES[name]
    truth = sample(story.acts, 30.0, np.random.default_rng(1))
    off = float(truth.seconds[np.argmax(truth.off_road())])
    assert result(name, off + 3.1).passed
    assert not result(name, off + 2.5).passed
    assert not result(name, off + 4.6).passed


def test_the_account_of_short_looks_is_that_of_the_protocol() -> None:
    def due(back_s: float, fps: float = 30.0) -> float | None:
        acts = [Act(4.0, mark="a")]
        for _ in range(9):
            acts += [look((-46.0, -5.0), "owl", 2.5), Act(back_s)]
        truth = sample(acts, fps, np.random.default_rng(3))
        truth.gaze = np.where(np.abs(truth.gaze) < 12, 0.0, truth.gaze)
        return vats_due(truth, 0.0)

    assert due(1.0) is not None
    assert due(2.6) is None


def test_the_same_seed_sees_the_same_and_another_driver_errs_otherwise() -> None:
    model = load_errors(stories_folder() / "errors.json")
    truth = sample([Act(2.0), look((-33.0, -20.0), "owl", 1.0)], 15.0, np.random.default_rng(1))

    def yaws(seed: int) -> list[float | None]:
        frames = observe(truth, model, Person(seed), 15.0)
        return [seen.face.yaw_rad if seen.face else None for seen, _ in frames]

    assert yaws(3) == yaws(3)
    assert yaws(3) != yaws(4)


def test_a_driver_errs_in_every_condition_like_one_before_a_camera_that_stood_alike() -> None:
    model = load_errors(stories_folder() / "errors.json")
    clear, dim = model.conditions["clear"], model.conditions["low_light"]
    people = [anyone(model, "clear", k) for k in range(len(clear.cameras))]
    assert {p.mount for p in people} == {tuple(c) for c in clear.cameras}, "each in turn"
    person = people[-1]
    errors = dict(model.conditions)
    nearest = int(np.hypot(*(dim.cameras - person.mount).T).argmin())
    others = dim.drivers.copy()
    others[nearest] = math.nan
    errors["low_light"] = replace(dim, drivers=others)
    truth = sample([Act(0.5, noise="low_light")], 15.0, np.random.default_rng(1))
    faces = [s.face for s, _ in observe(truth, replace(model, conditions=errors), person, 15.0)]
    yaws = [f.yaw_rad for f in faces if f is not None]
    assert yaws
    assert all(map(math.isnan, yaws)), "of that driver alone"


def test_hands_are_seen_like_those_of_one_measured_driver_each_in_turn() -> None:
    model = load_errors(stories_folder() / "errors.json")
    hands = [Act(0.3, hands="phone_ear"), Act(0.3, hands="wheel")] * 2
    truth = sample(hands, 15.0, np.random.default_rng(2))
    begins = [
        i for i, h in enumerate(truth.hands) if h == "phone_ear" and truth.hands[i - 1] == "wheel"
    ]
    assert len(begins) == 2
    clips = model.actions["phone_ear"]
    for seed in (3, 4, len(clips) + 3):
        frames = [seen.action for seen, _ in observe(truth, model, Person(seed), 15.0)]
        for i in begins:
            action = frames[i]
            assert action is not None
            assert action.probabilities == pytest.approx(clips[seed % len(clips)][-1])


@pytest.mark.parametrize("aside", [False, True])
def test_cameras_aside_are_told_from_those_that_are_not(aside: bool) -> None:
    model = load_errors(stories_folder() / "errors.json")
    for name, c in model.conditions.items():
        wanted = [a for a, _ in c.cameras if (abs(a) > ASIDE_DEG) == aside]
        drawn = {anyone(model, name, k, aside).mount[0] for k in range(20)}
        assert drawn == set(wanted or c.cameras[:, 0]), name


def test_networks_without_error_see_what_is_true() -> None:
    truth = sample([look((20.0, -10.0), "owl", 3.0)], 15.0, np.random.default_rng(1))
    *_, (seen, vehicle) = observe(truth, perfect(), Person(1), 15.0)
    assert seen.face is not None
    assert math.degrees(seen.face.yaw_rad) == pytest.approx(truth.head[-1, 0], abs=0.01)
    assert seen.face.eye_left.gaze_pitch_rad == pytest.approx(np.radians(truth.gaze[-1, 1]))
    assert vehicle.speed_mps == pytest.approx(80 / 3.6)


def test_less_of_the_measured_error_is_a_smaller_gaze_error() -> None:
    model = load_errors(stories_folder() / "errors.json")
    whole, half, none = (gaze_error_deg(model.scaled(gaze=f)) for f in (1.0, 0.5, 0.0))
    assert whole > half > none == 0


def test_the_measured_errors_say_where_they_come_from(tmp_path: Path) -> None:
    model = load_errors(stories_folder() / "errors.json")
    assert "rendered drivers" in model.source
    assert "networks" in model.source
    broken = tmp_path / "errors.json"
    broken.write_text("{}")
    with pytest.raises(ErrorsError):
        load_errors(broken)
    with pytest.raises(ErrorsError):
        load_errors(tmp_path / "missing.json")


@pytest.mark.parametrize("k", [0, 1, 7, 33, 60])
def test_the_interval_of_a_count_holds_it(k: int) -> None:
    low, high = poisson_interval(k)
    assert low <= k <= high
    assert 0 <= share_interval(k, 60)[0] <= k / 60 <= share_interval(k, 60)[1] <= 1


def test_intervals_are_the_published_ones() -> None:
    assert poisson_interval(0)[1] == pytest.approx(3.689, abs=2e-3)
    assert poisson_interval(10) == pytest.approx((4.795, 18.39), abs=1e-2)
    assert share_interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-3)


def test_an_attentive_driver_never_looks_away_for_long_while_driving() -> None:
    for seed in range(4):
        pieces = Drive(seed, BOOK.targets).pieces()
        for _ in range(6):
            for act in next(pieces).acts:
                away = math.hypot(*act.gaze) > 10
                assert not away or act.seconds <= ATTENTIVE_MAX_S or act.speed_kmh == 0


def test_a_sleepy_drive_lasts_half_an_hour_and_ends_at_nine() -> None:
    total = sum(a.seconds for p, _ in SleepyDrive(1, BOOK.targets).pieces() for a in p.acts)
    assert 1800 <= total < 1960
    assert kss_at(0) == 3
    assert kss_at(1800) == 9
    assert kss_at(kss_time_s(8.0)) == pytest.approx(8.0)


def test_a_gate_fails_when_worse_than_required_or_than_what_held() -> None:
    def passed(alarms: int, held: Held | None = None) -> bool | None:
        found = gates(outcome(alarms=alarms), held)
        return next(g.passed for g in found if g.name.startswith("false distraction"))

    worse = Held(figures={"false distraction alerts an hour": 1.0})
    assert passed(20)
    assert not passed(60)
    assert passed(60, worse)
    assert not passed(160, worse)


def test_a_story_that_is_not_known_to_fail_fails_its_gate(tmp_path: Path) -> None:
    failed = result("long: passenger mirror, owl", 0.5)
    run = outcome((failed,))
    assert not gates(run)[0].passed
    path = tmp_path / "held.yaml"
    write_held(path, run, gates(run))
    held = read_held(path, run.profile)
    assert held.failing == {failed.story.name}
    known = gates(run, held)[0]
    assert known.passed
    assert not known.reached
    assert not gates(run, read_held(path, "eu_gsr"))[0].passed
    path.write_text("euro_ncap_2026: [1")
    with pytest.raises(HeldError):
        read_held(path, run.profile)


def test_a_row_that_fails_only_before_cameras_aside_fails_a_gate_of_its_own(tmp_path: Path) -> None:
    played = result("long: passenger mirror, owl", 0.5)
    story = replace(played.story, name="long: passenger mirror, owl, camera aside")
    run = replace(outcome(), aside=(replace(played, story=story),))

    def gate(held: Held) -> Gate:
        return next(g for g in gates(run, held) if "aside" in g.name)

    assert not gate(Held()).passed
    path = tmp_path / "held.yml"
    write_held(path, run, gates(run))
    held = read_held(path, run.profile)
    assert held == Held(frozenset({story.name}))
    assert gate(held).passed
    assert not gate(held).reached


def test_drowsy_drivers_are_counted_with_their_interval() -> None:
    asleep = tuple(SleepyResult(k, 1000.0 if k < 15 else None, False, 0) for k in range(20))
    found = {g.name: g for g in gates(replace(outcome(), sleepy=asleep))}
    assert found["drowsy drivers warned (KSS >= 8)"].value == 0.75
    assert found["lower bound of drowsy drivers warned"].reached


def test_the_page_shows_the_matrix_and_escapes_what_it_shows() -> None:
    played = result("long: passenger mirror, owl", 0.5)
    odd = replace(played, story=replace(played.story, name="<script>"))
    run = replace(outcome((played, odd), alarms=3), aside=(replace(odd, runs=()),))
    page = render(run, gates(run))
    assert "0 of 1 rows pass" in page
    assert "movement type" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "name",
    [
        "long: passenger mirror, owl",
        "Sven closes his eyes for 0.9 seconds",
        "Sven closes his eyes for 1.5 seconds",
        "Vera looks away twice for two seconds and back for five",
        "Ole checks every mirror and the speedometer",
        "Emil holds a hand before the camera",
    ],
)
def test_a_driver_before_networks_without_error(name: str, known: Driver) -> None:
    run = run_story(known, STORIES[name])
    assert all(v.ok for v in run.verdicts), run.rises


@pytest.fixture(scope="module")
def known() -> Driver:
    return Driver(Setup(load(None, {}), perfect(), 0))


def test_playing_one_story_leaves_the_driver_as_he_was(known: Driver) -> None:
    before = known.now_ns
    story: Story = STORIES["long: passenger mirror, owl"]
    first, second = run_story(known, story), run_story(known, story)
    assert known.now_ns == before
    assert first == second
    assert before == 60 * NANO


def test_the_command_prints_gates_and_ends_with_their_verdict(dms, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = tmp_path / "page.html"
    words = ("scenarios", "--only", "Sven", "--hours", "0", "--drivers", "1", "--perfect")
    done = dms(*words, "--report", str(page))
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    assert "10 of 10 stories pass" in done.stdout
    assert "Microsleep" in page.read_text()
    assert dms("scenarios", "--only", "nobody at all").returncode == Exit.USAGE
    assert dms("scenarios", "--hold", "--perfect").returncode == Exit.USAGE
