"""How the drift score behaves: streams that should be usual, and the same streams spoilt, through
the shipped engine. What `health.drift_limit` rests on (docs/engine.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, cycle, islice
from pathlib import Path

import cv2
import numpy as np

from dms.config import Config, EngineConfig, HealthConfig
from dms.engine import Engine, open_engine
from dms.types import Frame
from tools.train.evaluate_real import frames_of
from tools.train.records import Array
from tools.train.shards import Shards, runs

FRAMES, STEP_NS = 40, 66_700_000
"""What a stream is judged by: its clip back and forth for 2.7 s, every network in each frame."""
Change = Callable[[Array], Array]


def _noisy(x: Array) -> Array:
    noise = np.random.default_rng(1).normal(0, 40, x.shape)
    return np.asarray((x + noise).clip(0, 255).astype(np.uint8))


def _striped(x: Array) -> Array:
    out = x.copy()
    out[::2] = x[::2] // 4
    return out


CHANGES: dict[str, Change] = {
    "as it is": lambda x: x,
    "strong noise (40 levels)": _noisy,
    "out of focus (1/50 of the width)": lambda x: np.asarray(
        cv2.GaussianBlur(x, (0, 0), x.shape[1] / 50)
    ),
    "every second line dark": _striped,
    "negative": lambda x: 255 - x,
    "three grey levels": lambda x: (x // 86 * 86).astype(np.uint8),
}
"""Faults of a camera or its driver that leave pictures with structure in them."""


def back_and_forth(clip: list[Array]) -> Iterator[Array]:
    return islice(cycle(chain(clip, clip[-2:0:-1])), FRAMES)


def scores(engine: Engine, clip: list[Array], change: Change) -> dict[str, float]:
    """By gauge, at the stream's end."""
    engine.reset()
    seen = {id(x): np.ascontiguousarray(change(x)) for x in clip}
    for i, image in enumerate(back_and_forth(clip)):
        engine.step(Frame(i, i * STEP_NS, seen[id(image)]))
    return {gauge: score for gauge, (score, _) in engine.drift().items()}


def rendered(data: Path) -> Iterator[list[Array]]:
    """Clips of the test split."""
    shards = Shards([data / "clips" / "test"])
    for first, last in runs(shards):
        if last - first > 1:
            yield [shards[i].image for i in range(first, last)]


def real(folder: Path) -> Iterator[list[Array]]:
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".mp4", ".mkv", ".gif")):
        yield frames_of(path)


def tables(models: Path, data: Path, footage: Path, streams: int) -> Iterator[str]:
    """Lines: rendered streams, then real ones. Errors: FileNotFoundError without any."""
    engine = open_engine(Config(engine=EngineConfig(models_dir=str(models))))
    for name, clips in (("rendered", rendered(data)), ("real", real(footage))):
        taken = list(islice(clips, streams))
        if not taken:
            raise FileNotFoundError(f"{data}, {footage}: no {name} streams")
        yield f"{name + ' streams':34}   5 %  50 %  95 %  flagged n  mostly by"
        yield from table(engine, taken)


def table(engine: Engine, taken: list[list[Array]]) -> Iterator[str]:
    """A line a change: quantiles of the streams' scores, share at the limit, worst gauge."""
    limit = HealthConfig().drift_limit
    for name, change in CHANGES.items():
        found = [s for s in (scores(engine, clip, change) for clip in taken) if s]
        worst = [max(s, key=lambda g: s[g]) for s in found]
        top = np.array([s[g] for s, g in zip(found, worst, strict=True)])
        low, mid, high = np.quantile(top, (0.05, 0.5, 0.95))
        often = max(set(worst), key=worst.count)
        share = float((top >= limit).mean())
        yield f"{name:34} {low:5.2f} {mid:5.2f} {high:5.2f}   {share:5.2f} {len(top):2}  {often}"
