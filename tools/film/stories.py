"""A choice of stories as rendered pixels through the whole engine: one driver, one drive after the
other as on a test track, one pipeline all along."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dms.config import load
from dms.engine import open_engine
from dms.pipeline import Pipeline
from dms.scenarios.judge import Run, Watch, judge, silent
from dms.scenarios.story import Story, read_book
from dms.scenarios.track import NANO, Act, Habits, Truth, sample
from dms.types import Frame, Step, VehicleState
from tools.film.performer import Performer
from tools.film.record import FPS, Size

U8 = NDArray[np.uint8]
LEARN_S = 45.0
CALM_S = 6.0
"""Attentive driving before each story: alerts end, short looks are forgotten."""
NAMES = (
    "long: passenger mirror, owl", "long: infotainment, owl", "long: driver window, owl",
    "long: passenger footwell, owl", "long: rear passenger, lean", "long: cluster, lizard",
    "vats: infotainment, owl", "phone: lap, owl", "Sven closes his eyes for 0.9 seconds",
    "Sven closes his eyes for 1.5 seconds", "Tara sleeps for three and a half seconds",
    "Nils telephones at the ear with his gaze on the road",
    "Ole checks every mirror and the speedometer", "Fay's camera sends dark frames",
)  # fmt: skip
"""Every kind of alert and movement; those that one outfit can play."""


class Track:
    """One rendered driver before the engine and the pipeline."""

    def __init__(self, seed: int, profile: str, size: Size) -> None:
        self._performer = Performer(seed, "clear", size)
        hfov = self._performer.hfov_deg
        self._config = load(None, {"profile": profile, "camera.hfov_deg": hfov})
        self._engine = open_engine(self._config)
        self._pipeline = Pipeline(self._config, silent)
        self._seed, self._seq, self.now_ns = seed, 0, 0

    def steps(self, acts: Sequence[Act], habits: Habits) -> Iterator[Step]:
        """Frame by frame; `truth` is then that of these acts."""
        rng = np.random.default_rng([self._seed, self._seq, 17])
        self.truth = sample(acts, FPS, rng, habits, self.now_ns)
        self.now_ns += round(len(self.truth) / FPS * NANO)
        last = None
        for i, shot in enumerate(self._performer.play(self.truth)):
            last = camera(shot.image, last, self.truth.image[i], self.truth.seen[i])
            seen = self._engine.step(Frame(self._seq, int(self.truth.t_ns[i]), last))
            self._seq += 1
            yield self._pipeline.step(seen, vehicle(self.truth, i))

    def play(self, story: Story) -> Run:
        """A story after a while of attentive driving."""
        for _ in self.steps([Act(CALM_S, speed_kmh=story.acts[0].speed_kmh)], Habits()):
            pass
        start_ns, watch = self.now_ns, Watch()
        for step in self.steps(story.acts, story.habits):
            watch.step(step, start_ns)
        return Run(self._seed, judge(story, self.truth, watch.rises), tuple(watch.rises))


def vehicle(truth: Truth, i: int) -> VehicleState:
    """What the vehicle says at frame `i`."""
    signals = dict(truth.signals[i])
    return VehicleState(int(truth.t_ns[i]), float(truth.speed_mps[i]), **signals)  # type: ignore[arg-type]


def camera(image: U8, last: U8 | None, kind: str, seen: bool) -> U8:
    """The picture as a camera in this state gives it; a hand before the lens is a blurred grey."""
    if kind == "frozen" and last is not None:
        return last
    if kind == "saturated":
        return np.full_like(image, 252)
    if kind == "dark":
        return np.asarray(image // 64, np.uint8)
    if not seen:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 40), np.uint8)
    return image


def play_all(names: Sequence[str], seed: int, profile: str, size: Size) -> dict[str, Run]:
    """The named stories, one after the other."""
    stories = {s.name: s for s in read_book().stories}
    track = Track(seed, profile, size)
    for _ in track.steps([Act(LEARN_S)], Habits()):
        pass
    runs = {}
    for n, name in enumerate(names, 1):
        runs[name] = track.play(stories[name])
        print(f"{n}/{len(names)} {line(name, runs[name])}", flush=True)
    return runs


def kept(run: Run) -> bool:
    """Whether every expectation was met."""
    return all(v.kept for v in run.verdicts)


def line(name: str, run: Run) -> str:
    """For people."""
    said = "; ".join(v.say for v in run.verdicts)
    return f"{'passes' if kept(run) else 'FAILS '}  {name}: {said}"


def new_failures(runs: dict[str, Run], held: Path, record: bool) -> list[str]:
    """Stories that fail and are not known to; `record` makes those of now known."""
    failing = sorted(name for name, run in runs.items() if not kept(run))
    if record:
        held.write_text(json.dumps(failing, indent=1) + "\n", encoding="utf-8")
    known = json.loads(held.read_text(encoding="utf-8")) if held.exists() else []
    return [name for name in failing if name not in known]
