"""Windows for the action network: embeddings of the frozen, quantised body network over clips and
stills, put together as a camera would deliver them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tools.train.data import Jitter, Maker, Row, body_row
from tools.train.fit import class_balance, open_shards
from tools.train.photo import Rng
from tools.train.session import open_session
from tools.train.shards import LOST, Shards, runs
from tools.train.spec import ACTION_OUT, STEPS

Array = NDArray[Any]
STILLS = 0.6
"""Share of windows made from one still: stills show many more people than the clips do."""
RATE = 15.0
"""Steps of the window a second."""
VARIANTS = 4
"""Differently jittered and disturbed looks at each still; at each clip, one fewer."""


@dataclass(frozen=True, slots=True)
class Track:
    """Embeddings (variants, steps, 64) at 15 Hz with an action each step."""

    rows: Array
    action: Array


def embed(data: Path, split: str, names: tuple[str, ...], body_file: Path, seed: int) -> Path:
    """Run the body network over crops of clips with a known action, and of stills of drivers."""
    session = open_session(body_file)
    stills: list[Array] = []
    stills_action: list[int] = []
    clips: list[Array] = []
    clips_action: list[Array] = []
    shards = open_shards(data, names, split)
    for first, last in runs(shards):
        looks = _looks(shards, first, last, session, np.random.default_rng([seed, first]))
        if looks is None:
            continue
        rows, action = looks
        shard, at = shards.where(first)
        times = round(RATE / float(shard["fps"][at])) if "fps" in shard else 1
        rows, action = rows.repeat(times, 1), action.repeat(times)  # as the engine fills its window
        if last - first == 1:
            stills.append(rows[:, 0])
            stills_action.append(int(action[0]))
        else:
            clips.append(rows)
            clips_action.append(action)
    path = data / "embeddings" / f"{split}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = np.array([c.shape[1] for c in clips], np.int64)
    np.savez(
        path,
        stills=np.stack(stills) if stills else np.zeros((0, VARIANTS, 64), np.uint8),
        stills_action=np.array(stills_action, np.uint8),
        clips=np.concatenate(clips, 1) if clips else np.zeros((VARIANTS, 0, 64), np.uint8),
        clips_action=np.concatenate(clips_action) if clips else np.zeros(0, np.uint8),
        lengths=lengths,
    )
    print(f"{split}: {len(stills)} stills, {len(clips)} clips embedded", flush=True)
    return path


def _looks(
    shards: Shards, first: int, last: int, session: Any, rng: Rng
) -> tuple[Array, Array] | None:
    samples = [shards[i] for i in range(first, last)]
    if not all(s.labels["has_face"] for s in samples):
        return None
    action = np.array([s.labels.get("action", LOST) for s in samples], np.uint8)
    if len(samples) > 1 and (action >= ACTION_OUT).all():
        return None
    rows = np.zeros((VARIANTS, len(samples), 64), np.uint8)
    for v in range(VARIANTS):
        jitter = Jitter(photo=0.0) if v == 0 else Jitter(0.05, 0.03, 0.02, 0.5)
        state = rng.integers(1 << 30)
        for k, s in enumerate(samples):
            # one look a clip: the same flip, crop error and light in every frame
            row = body_row(s, np.random.default_rng(state), jitter)
            rows[v, k] = session.run(["emb"], {"image": row["image"][None]})[0][0]
    return rows, action


class Windows:
    """Draws windows from the embeddings of a split. In training some are of stills that do not show
    what the driver does; their action is LOST."""

    def __init__(self, path: Path, training: bool) -> None:
        with np.load(path) as z:
            self.stills, self.stills_action = z["stills"], z["stills_action"]
            self.clips, self.clips_action = z["clips"], z["clips_action"]
            self.start = np.cumsum([0, *z["lengths"].tolist()])
        if not training:
            shown = self.stills_action != LOST
            self.stills, self.stills_action = self.stills[shown], self.stills_action[shown]
        self.training = training
        self.steps = np.flatnonzero(self.clips_action < ACTION_OUT)

    def labels(self) -> Array:
        return np.concatenate([self.stills_action, self.clips_action])

    def draw(self, rng: Rng) -> Row:
        share = STILLS if self.training else 0.0
        from_still = len(self.steps) == 0 or rng.random() < share
        window, action = self._still(rng) if from_still else self._clip(rng)
        return {"window": window.astype(np.uint8), "action": np.int64(action)}

    def _still(self, rng: Rng) -> tuple[Array, int]:
        i = int(rng.integers(len(self.stills)))
        looks = self.stills[i]
        if not self.training:
            return np.repeat(looks[:1], STEPS, 0), int(self.stills_action[i])
        if rng.random() < 0.5:
            window = np.repeat(looks[rng.integers(VARIANTS)][None], STEPS, 0)
        else:
            window = looks[rng.integers(0, VARIANTS, STEPS)]
        if rng.random() < 0.25:
            other = self.stills[rng.integers(len(self.stills))]
            before = int(rng.integers(1, STEPS - 8))
            window[:before] = other[rng.integers(VARIANTS)]
        return window, int(self.stills_action[i])

    def _clip(self, rng: Rng) -> tuple[Array, int]:
        at = int(self.steps[rng.integers(len(self.steps))])
        first = int(self.start[np.searchsorted(self.start, at, side="right") - 1])
        look = int(rng.integers(VARIANTS)) if self.training else 0
        pace = float(rng.uniform(0.7, 1.4)) if self.training else 1.0
        back = np.rint(np.arange(STEPS)[::-1] * pace).astype(int)
        real = int(rng.integers(1, STEPS)) if self.training and rng.random() < 0.2 else STEPS
        back = np.minimum(back, back[STEPS - real])
        if self.training and rng.random() < 0.2:  # frames that were not delivered
            hold = rng.random(STEPS) < 0.2
            back = np.where(hold, np.r_[back[0], back[:-1]], back)
        index = np.maximum(at - back, first)
        return self.clips[look, index], int(self.clips_action[at])


def window_maker(data: Path, split: str, training: bool) -> tuple[Maker, Tensor]:
    windows = Windows(data / "embeddings" / f"{split}.npz", training)
    labels = windows.labels()
    print(f"{split}: {len(windows.stills)} stills, {len(windows.start) - 1} clips", flush=True)
    balance = class_balance(labels) if len(labels) else torch.ones(ACTION_OUT)
    return windows.draw, balance
