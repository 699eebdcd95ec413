"""Plays a story before the pipeline and judges its alerts by the story's own expectations.

The judge takes its times from the stories and from the truth, never from the configuration under
test: a profile whose thresholds are wrong fails here.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from dms.config import Config
from dms.pipeline import Pipeline
from dms.scenarios.errors import ErrorModel
from dms.scenarios.simulate import Person, anyone, observe
from dms.scenarios.story import Expect, Story
from dms.scenarios.track import NANO, Act, Habits, Truth, sample
from dms.types import AlertKind, Step

FPS = 30.0
LEARN_S = 60.0
"""Attentive driving before the story: (EU) 2023/2590 asks for at least that before a check."""
EVENT_S = 0.05
"""Gaze events are known to 50 ms, (EU) 2023/2590: an alert that much early is not early."""
VATS_S, VATS_SPAN_S, VATS_RESET_S = 10.0, 30.0, 2.0
"""Euro NCAP Driver Engagement v1.1: 10 s away in any 30 s; 2 s back on the road reset it."""
VATS_WALL_S = 6.0
"""An account that fills a little slower fills in the next look, after the road in between."""
SHUT = 0.2
"""Openness under which the truth calls an eye closed: PERCLOS's 80 %."""


@dataclass(frozen=True, slots=True)
class Rise:
    """An alert that began, or rose to a higher level, and when that level was over."""

    kind: AlertKind
    level: int
    t_s: float
    end_s: float | None
    reason: str
    first: bool
    """It began; False: it rose."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation in one run."""

    expect: Expect
    ok: bool
    """Within the tolerance."""
    kept: bool
    """Within the protocol's window, or as never expected."""
    error_s: float | None
    """Later (+) or earlier (-) than the rule's time; None: missed, or nothing to time."""
    say: str


@dataclass(frozen=True, slots=True)
class Run:
    """One story with one driver's errors."""

    seed: int
    verdicts: tuple[Verdict, ...]
    rises: tuple[Rise, ...]


@dataclass(slots=True)
class Watch:
    """Collects rises and ends of alerts from steps."""

    rises: list[Rise] = field(default_factory=list)
    _open: dict[AlertKind, tuple[int, list[int]]] = field(default_factory=dict)

    def step(self, step: Step, start_ns: int) -> None:
        """One frame; times count from start_ns."""
        t_s = (step.state.t_ns - start_ns) / NANO
        now = {a.kind: a for a in step.alerts}
        for kind, alert in now.items():
            level, places = self._open.get(kind, (0, []))
            if alert.level > level:
                places = [*places, len(self.rises)]
                self.rises.append(Rise(kind, alert.level, t_s, None, alert.reason, level == 0))
                self._open[kind] = (alert.level, places)
        for kind in [k for k in self._open if k not in now]:
            for place in self._open.pop(kind)[1]:
                self.rises[place] = replace(self.rises[place], end_s=t_s)


def silent(state: object, alerts: object, locked_out: bool) -> None:
    """Nobody listens on the bus."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Under what a driver is watched."""

    config: Config
    model: ErrorModel
    seed: int
    noise: str = "clear"
    eyes: tuple[bool, bool] = (True, True)
    fps: float = FPS
    aside: bool | None = None
    """Before which camera, see `anyone`."""

    @property
    def person(self) -> Person:
        return anyone(self.model, self.noise, self.seed, self.aside)


class Driver:
    """A simulated driver before a pipeline of their own, which first learns them for a minute."""

    def __init__(self, setup: Setup, learn: bool = True) -> None:
        self.setup = setup
        self.pipeline = Pipeline(setup.config, silent)
        self.now_ns = self._part = self._seq = 0
        if learn:
            acts = [Act(LEARN_S, noise=setup.noise)]
            for _ in self.steps(acts, Habits(eyes=setup.eyes)):
                pass

    def fork(self) -> Driver:
        """The same driver, known as now; what happens to one leaves the other as it is."""
        twin = copy.copy(self)
        shared = {id(self.setup.config): self.setup.config}
        twin.pipeline = copy.deepcopy(self.pipeline, shared)
        return twin

    def steps(self, acts: Sequence[Act], habits: Habits, seed: int = 13) -> Iterator[Step]:
        """What the acts lead to, frame by frame. `truth` is then theirs."""
        s = self.setup
        rng = np.random.default_rng([s.seed, self._part, seed])
        self.truth = sample(acts, s.fps, rng, habits, self.now_ns)
        self._part += 1
        frames = observe(self.truth, s.model, s.person, s.fps, self._part, self._seq)
        self._seq += len(self.truth)
        self.now_ns += round(len(self.truth) / s.fps * NANO)
        for seen, vehicle in frames:
            yield self.pipeline.step(seen, vehicle)


def run_story(known: Driver, story: Story) -> Run:
    """Play a story with a driver who was learned before (or not, where the story says so)."""
    driver = known.fork() if story.learned else Driver(known.setup, learn=False)
    start_ns, watch = driver.now_ns, Watch()
    for step in driver.steps(story.acts, story.habits):
        watch.step(step, start_ns)
    verdicts = judge(story, driver.truth, watch.rises)
    return Run(known.setup.seed, verdicts, tuple(watch.rises))


def judge(story: Story, truth: Truth, rises: list[Rise]) -> tuple[Verdict, ...]:
    """Every expectation of the story."""
    return tuple(_judge(e, story, truth, rises) for e in story.expects)


def _judge(e: Expect, story: Story, truth: Truth, rises: list[Rise]) -> Verdict:
    found = _alone(e, story, truth, rises)
    if found.kept or e.instead is None:
        return found
    other = _judge(e.instead, story, truth, rises)
    return replace(found, ok=other.ok, kept=other.kept, say=f"{found.say}; {other.say}")


def _alone(e: Expect, story: Story, truth: Truth, rises: list[Rise]) -> Verdict:
    mine = [r for r in rises if r.kind in e.kinds and r.level >= e.level]
    if e.what == "never":
        told = ", ".join(f"{r.kind.name.lower()} at {r.t_s:.2f} s" for r in mine[:3])
        return Verdict(e, not mine, not mine, None, told or "silent")
    due = due_s(e, story, truth)
    if due is None:
        return Verdict(e, False, False, None, "the truth never fills the account")
    if e.what == "ended":
        return _ended(e, mine, due)
    early = e.early_s
    if early is None:
        frame_s = 1 / truth_fps(truth) + 1e-6
        early = e.tolerance_s if e.after_s is None else max(EVENT_S, frame_s)
    begun = truth.marks[e.mark]
    first = next((r for r in mine if r.t_s >= begun), None)
    latest = due + (e.window_s if e.after_s is not None else VATS_WALL_S)
    if first is None or first.t_s > latest:
        return Verdict(e, False, False, None, "missed")
    error = first.t_s - due
    if e.after_s is None and error > 0:
        error = away_s(truth, due, first.t_s)
    kept = -early <= error <= e.window_s
    say = f"{first.t_s:.2f} s, due {due:.2f} s"
    return Verdict(e, kept and error <= e.tolerance_s, kept, error, say)


def _ended(e: Expect, mine: list[Rise], due: float) -> Verdict:
    """Over by then, not before, and never again."""
    ends = [r.end_s for r in mine if r.end_s is not None]
    if not mine or len(ends) < len(mine):
        return Verdict(e, False, False, None, "goes on" if mine else "never began")
    error = max(ends) - due
    say = f"over {error:+.2f} s from when it should"
    ok = abs(error) <= e.tolerance_s
    return Verdict(e, ok, ok, error, say)


def due_s(e: Expect, story: Story, truth: Truth) -> float | None:
    """When the rule is met [s of the story]."""
    if e.after_s is None:
        return vats_due(truth, truth.marks[e.mark])
    return onset_s(e.mark, story, truth) + e.after_s


def onset_s(mark: str, story: Story, truth: Truth) -> float:
    """When what the mark's act does is so: gaze off the road or lids shut; else its beginning."""
    act = next(a for a in story.acts if a.mark == mark)
    begun = truth.marks[mark]
    if act.open <= SHUT:
        so = truth.open < SHUT
    elif act.gaze != (0.0, 0.0):
        so = truth.off_road()
    else:
        return begun
    inside = so & (truth.seconds >= begun - 1e-9) & (truth.seconds < begun + act.seconds)
    if not inside.any():
        return begun
    first = int(np.argmax(inside))
    while first and so[first - 1]:  # a blink that runs into it is part of it
        first -= 1
    return float(truth.seconds[first])


def vats_due(truth: Truth, from_s: float) -> float | None:
    """When the time away in the last 30 s reaches 10 s; 2 s in one on the road empty it."""
    step = 1 / truth_fps(truth)
    away = truth.off_road()
    account: deque[float] = deque()
    back = 0.0
    for t, off in zip(truth.seconds.tolist(), away.tolist(), strict=True):
        back = 0.0 if off else back + step
        if back >= VATS_RESET_S:
            account.clear()
        if off:
            account.append(t)
        while account and account[0] < t - VATS_SPAN_S:
            account.popleft()
        if len(account) * step >= VATS_S and t >= from_s:
            return float(t)
    return None


def away_s(truth: Truth, from_s: float, to_s: float) -> float:
    """Time away between two times: how much fuller the account is than it had to be. While the
    gaze is on the road no account fills, and nobody is the later warned for it."""
    between = (truth.seconds >= from_s) & (truth.seconds < to_s)
    return float((truth.off_road() & between).sum() / truth_fps(truth))


def truth_fps(truth: Truth) -> float:
    """Frames a second of a sampled track."""
    return (len(truth) - 1) / float(truth.seconds[-1] - truth.seconds[0])
