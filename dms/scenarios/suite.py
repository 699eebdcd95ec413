"""The whole suite: stories, drives by the hour, and the gates; spread over processes.

A task is its seed and what to do: results never depend on how many processes share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from dms.config import Config
from dms.scenarios.errors import ErrorModel
from dms.scenarios.judge import Driver, Rise, Run, Setup, Watch, run_story
from dms.scenarios.natural import (
    DistractedDrive,
    Drive,
    SleepyDrive,
    kss_time_s,
)
from dms.scenarios.story import Story
from dms.scenarios.track import NANO, Angles, Habits
from dms.types import AlertKind

T = TypeVar("T")
R = TypeVar("R")

DRIVE_FPS, SLEEPY_FPS = 10.0, 30.0
"""The camera's rate of an economical product; lids need more."""
LIDS_EVERY = 5
"""Of the attentive drives the first of so many has the rate that lids need: at the other no blink
counts, and next to nothing could be taken for drowsiness."""
DRIVE_S = 3600.0
"""A drive of one driver; more hours are more drivers."""
DISTRACTED_S = 900.0
FIRST_SEED = 1000
ASKED_EVERY_S = 300.0
"""(EU) 2021/1341 lets drivers rate their sleepiness every 5 min: so long may a warning take."""
SWEEP = (0.75, 0.5, 0.25, 0.0)
"""Shares of the measured gaze error."""
FALSE = {
    "distraction": (
        AlertKind.DISTRACTION, AlertKind.SHORT_DISTRACTION, AlertKind.LOW_GAZE, AlertKind.PHONE,
        AlertKind.UNRESPONSIVE, AlertKind.EMERGENCY,
    ),
    "microsleep": (AlertKind.MICROSLEEP, AlertKind.SLEEP),
    "drowsy": (AlertKind.DROWSY,),
}  # fmt: skip
"""Which alerts count as what in attentive driving."""


@dataclass(frozen=True, slots=True)
class StoryResult:
    """One story and all its runs."""

    story: Story
    runs: tuple[Run, ...]

    @property
    def kept(self) -> float:
        """Share of runs in which every expectation was met, as the protocol would have it."""
        return sum(all(v.kept for v in r.verdicts) for r in self.runs) / max(1, len(self.runs))

    @property
    def passed(self) -> bool:
        return self.kept >= PASS_SHARE

    def errors_s(self) -> list[float]:
        """Of every alert that came in its window."""
        return [
            v.error_s
            for r in self.runs for v in r.verdicts
            if v.error_s is not None and v.expect.what == "raised"
        ]  # fmt: skip


PASS_SHARE = 1.0
"""Of a row's runs: all. An assessor drives a row once or a few times."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A false alarm, and what the driver was doing."""

    rise: Rise
    during: str


@dataclass(frozen=True, slots=True)
class DriveResult:
    """An attentive drive."""

    seed: int
    seconds: float
    noise: str
    alarms: tuple[Alarm, ...]
    fps: float


@dataclass(frozen=True, slots=True)
class SleepyResult:
    """A drowsy drive: when it was warned of [s], None never; `early`: before KSS 6."""

    seed: int
    warned_s: float | None
    early: bool
    microsleeps: int


@dataclass(frozen=True, slots=True)
class DistractedResult:
    """How many long looks there were, how many were warned of."""

    seed: int
    looks: int
    warned: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a report shows."""

    profile: str
    errors: str
    stories: tuple[StoryResult, ...]
    drives: tuple[DriveResult, ...]
    sleepy: tuple[SleepyResult, ...]
    distracted: tuple[DistractedResult, ...]
    sweep: tuple[tuple[float, float, Mapping[str, float]], ...]
    """(factor, gaze error [deg], row -> share of runs kept)."""
    aside: tuple[StoryResult, ...]
    """The matrix's rows, under names of their own, before cameras further aside
    (`simulate.ASIDE_DEG`)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done."""

    seeds: int = 5
    hours: float = 4.0
    sleepy: int = 10
    distracted: int = 8
    sweep: bool = True
    jobs: int = 2


def play_suite(
    stories: Sequence[Story],
    targets: Mapping[str, Angles],
    config: Config,
    model: ErrorModel,
    plan: Plan,
    tell: Callable[[str], None],
) -> Outcome:
    """All of it, in the profile of `config`; progress goes to `tell`."""
    mine = [s for s in stories if not s.profiles or config.profile in s.profiles]
    drives = max(0, round(plan.hours * 3600 / DRIVE_S))
    with ProcessPoolExecutor(plan.jobs) as pool:
        results = _stories(pool, mine, config, model, plan.seeds)
        tell(f"{len(mine)} stories, {plan.seeds} drivers each")
        sweep = _sweep(pool, results, config, model, plan) if plan.sweep else ()
        rows = [replace(s, name=f"{s.name}, camera aside") for s in mine if s.test]
        aside = _stories(pool, rows if plan.sweep else [], config, model, plan.seeds, aside=True)
        attentive = _map(pool, partial(drive, config, model, targets), range(drives))
        tell(f"{drives} h of attentive driving")
        asleep = _map(pool, partial(sleepy, config, model, targets), range(plan.sleepy))
        tell(f"{plan.sleepy} drowsy drives of 30 min")
        away = _map(pool, partial(distracted, config, model, targets), range(plan.distracted))
    return Outcome(
        config.profile, model.source, tuple(results), tuple(attentive), tuple(asleep), tuple(away),
        tuple(sweep), tuple(aside),
    )  # fmt: skip


def _map(pool: ProcessPoolExecutor, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return list(pool.map(work, items))


Group = tuple[str, tuple[bool, bool]]


def _stories(
    pool: ProcessPoolExecutor,
    stories: Sequence[Story],
    config: Config,
    model: ErrorModel,
    seeds: int,
    aside: bool = False,
) -> list[StoryResult]:
    groups: dict[Group, list[Story]] = {}
    for s in stories:
        groups.setdefault((s.noise, s.habits.eyes), []).append(s)
    tasks = [(group, seed) for group in groups for seed in range(seeds)]
    parts = [(g, [seed], some) for g, seed in tasks for some in _portions(groups[g])]
    played = _map(pool, partial(play_group, config, model, aside), parts)
    runs: dict[str, list[Run]] = {s.name: [] for s in stories}
    for (_, _, some), found in zip(parts, played, strict=True):
        for story, run in zip(some, found, strict=True):
            runs[story.name].append(run)
    return [StoryResult(s, tuple(runs[s.name])) for s in stories]


def _portions(stories: list[Story]) -> Iterator[list[Story]]:
    for k in range(0, len(stories), 24):
        yield stories[k : k + 24]


def play_group(
    config: Config, model: ErrorModel, aside: bool, part: tuple[Group, list[int], list[Story]]
) -> list[Run]:
    """Some stories with one driver, who is learned once."""
    (noise, eyes), (seed,), stories = part
    known = Driver(Setup(config, model, seed, noise, eyes, aside=aside))
    return [run_story(known, s) for s in stories]


def _sweep(
    pool: ProcessPoolExecutor,
    results: Sequence[StoryResult],
    config: Config,
    model: ErrorModel,
    plan: Plan,
) -> list[tuple[float, float, Mapping[str, float]]]:
    """Matrix rows that failed, with ever smaller gaze errors."""
    from dms.scenarios.errors import gaze_error_deg

    failed = [r.story for r in results if r.story.test and not r.passed]
    if not failed:
        return []
    out: list[tuple[float, float, Mapping[str, float]]] = []
    for factor in SWEEP:
        scaled = model.scaled(gaze=factor)
        rows = _stories(pool, failed, config, scaled, plan.seeds)
        shares = {r.story.name: r.kept for r in rows}
        out.append((factor, gaze_error_deg(scaled), shares))
    return out


def drive(config: Config, model: ErrorModel, targets: Mapping[str, Angles], k: int) -> DriveResult:
    """Attentive drive number k: every alert in it is false."""
    generator, fps = Drive(FIRST_SEED + k, targets), DRIVE_FPS if k % LIDS_EVERY else SLEEPY_FPS
    setup = Setup(config, model, FIRST_SEED + k, generator.noise, fps=fps)
    driver = Driver(setup)
    alarms: list[Alarm] = []
    start_ns = driver.now_ns
    pieces = generator.pieces()
    watch = Watch()
    while (driver.now_ns - start_ns) / NANO < DRIVE_S:
        piece = next(pieces)
        begun_s = (driver.now_ns - start_ns) / NANO
        before = len(watch.rises)
        for step in driver.steps(piece.acts, generator.habits):
            watch.step(step, start_ns)
        alarms += [
            Alarm(r, doing(piece.acts, piece.names, r.t_s - begun_s))
            for r in watch.rises[before:] if r.first
        ]  # fmt: skip
    return DriveResult(
        FIRST_SEED + k, (driver.now_ns - start_ns) / NANO, generator.noise, tuple(alarms), fps
    )


def doing(acts: Sequence[object], names: Sequence[str], t_s: float) -> str:
    """What was going on, or had just been (2.5 s and less before), at a time of a piece."""
    end, last, last_end = 0.0, "road", -99.0
    for act, name in zip(acts, names, strict=True):
        begin, end = end, end + act.seconds  # type: ignore[attr-defined]
        if begin > t_s:
            break
        if name != "road":
            last, last_end = name, end
    return last if t_s - last_end <= 2.5 else "road"


def sleepy(
    config: Config, model: ErrorModel, targets: Mapping[str, Angles], k: int
) -> SleepyResult:
    """Drowsy drive number k."""
    seed = FIRST_SEED + k
    generator = SleepyDrive(seed, targets)
    driver = Driver(Setup(config, model, seed, generator.noise, fps=SLEEPY_FPS))
    start_ns, watch = driver.now_ns, Watch()
    for piece, habits in generator.pieces():
        for step in driver.steps(piece.acts, habits):
            watch.step(step, start_ns)
    drowsy = [r.t_s for r in watch.rises if r.kind == AlertKind.DROWSY]
    in_time = [t for t in drowsy if kss_time_s(6.0) <= t <= kss_time_s(8.0) + ASKED_EVERY_S]
    small = sum(r.kind == AlertKind.MICROSLEEP and r.first for r in watch.rises)
    early = any(t < kss_time_s(6.0) for t in drowsy)
    return SleepyResult(seed, in_time[0] if in_time else None, early, small)


def distracted(
    config: Config, model: ErrorModel, targets: Mapping[str, Angles], k: int
) -> DistractedResult:
    """A quarter of an hour with long looks away."""
    seed = FIRST_SEED + k
    generator = DistractedDrive(seed, targets)
    driver = Driver(Setup(config, model, seed, generator.noise, fps=DRIVE_FPS))
    start_ns, watch, pieces = driver.now_ns, Watch(), generator.pieces()
    spans: list[tuple[float, float]] = []
    while (driver.now_ns - start_ns) / NANO < DISTRACTED_S:
        piece = next(pieces)
        t = (driver.now_ns - start_ns) / NANO
        for act, name in zip(piece.acts, piece.names, strict=True):
            if name == "distraction":
                spans.append((t, t + act.seconds + 0.5))
            t += act.seconds
        for step in driver.steps(piece.acts, generator.habits):
            watch.step(step, start_ns)
    told = (AlertKind.DISTRACTION, AlertKind.LOW_GAZE)
    rises = [r.t_s for r in watch.rises if r.kind in told and r.level >= 2]
    warned = sum(any(a <= t <= b for t in rises) for a, b in spans)
    return DistractedResult(seed, len(spans), warned)


__all__ = ["Habits", "Outcome", "Plan", "play_suite"]
