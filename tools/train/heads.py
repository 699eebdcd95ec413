"""Heads of rendered pictures as the face network has them: by these the engine cuts eyes, so by
these the eyes network is trained and judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tools.train import crops
from tools.train.crops import F32
from tools.train.data import Jitter, jittered
from tools.train.perceive import FACE, Nets, Seen
from tools.train.photo import Rng
from tools.train.shards import Sample, Shards

FEW = Jitter(scale=0.06, shift=0.04, turn_rad=np.radians(4.0), photo=0.0)
"""A tracker's error in the crops that are judged; no disturbance but the render's own."""


class Head(NamedTuple):
    landmarks: F32
    """(68, 2) px of the picture."""
    rotation: F32
    """(3, 3)"""


def second_look(nets: Nets, sample: Sample, rng: Rng) -> Seen | None:
    """The picture's face as the network has it at its second look; None where there is none, or the
    network sees none."""
    if not sample.labels["has_face"]:
        return None
    near = jittered(crops.face_roi(sample.labels["lm"]), rng, FEW)
    head = nets.face(sample.image, nets.face(sample.image, near).roi)
    return head if head.score >= FACE else None


def find(models: Path, data: Path, split: str, names: tuple[str, ...], seed: int) -> None:
    """Look for a head in every picture of a split, and keep what was found beside the renders."""
    nets, shards = Nets(models), Shards([data / n / split for n in names])
    draws = [np.random.default_rng([seed, i]) for i in range(len(shards))]
    seen = [second_look(nets, shards[i], rng) for i, rng in enumerate(draws)]
    save(data, split, [None if s is None else Head(s.landmarks, s.rotation) for s in seen])
    found = sum(s is not None for s in seen)
    print(f"{split}: heads found in {found} of {len(seen)} pictures", flush=True)


def save(data: Path, split: str, heads: Sequence[Head | None]) -> None:
    """One a picture, None where no head was found."""
    path = _path(data, split)
    path.parent.mkdir(parents=True, exist_ok=True)
    lost = Head(np.full((68, 2), np.nan, np.float32), np.full((3, 3), np.nan, np.float32))
    rows = [head or lost for head in heads]
    np.savez(
        path,
        landmarks=np.array([head.landmarks for head in rows]),
        rotation=np.array([head.rotation for head in rows]),
    )


def load(data: Path, split: str, count: int) -> list[Head | None]:
    """What was saved of so many pictures; FileNotFoundError where it is of others."""
    path = _path(data, split)
    with np.load(path) as z:
        rows = zip(z["landmarks"], z["rotation"], strict=True)
        heads = [Head(a, b) if np.isfinite(a).all() else None for a, b in rows]
    if len(heads) != count:
        raise FileNotFoundError(f"{path}: heads of {len(heads)}, not of {count} pictures")
    return heads


def _path(data: Path, split: str) -> Path:
    return data / "heads" / f"{split}.npz"
