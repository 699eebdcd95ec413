"""Reading rendered shards (folders of .npy arrays, see docs/synth.md) as samples in the words that
training uses. Pairs are (subject's right, subject's left)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.train.spec import ACTION_OUT

Array = NDArray[Any]

FLIP_68 = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *(27, 28, 29, 30, 35, 34, 33, 32, 31),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ]
)
"""Which landmark takes each one's place in the mirrored picture (Multi-PIE order)."""
MIRROR = np.array([[1, -1, -1], [-1, 1, 1], [-1, 1, 1]], np.float32)
"""Element-wise: M R M for M = diag(-1, 1, 1)."""
LOST = 255
"""Action label of a picture that shows none."""
COVERED = 0.12
"""Share of landmarks behind a hand or an object at which a face counts as partly covered."""
OBJECT_PX = 12
"""Pixels of a held thing that must show for it to be asked for."""
OBJECTS = 12
"""Kinds of held things asked for, "none" first; a brush has a higher number."""
SHOWN = 0.3
"""Share of landmarks that must be seen for a face to count as one to be found."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture and its labels."""

    image: NDArray[np.uint8]
    labels: dict[str, Any]

    def flipped(self) -> Sample:
        """The mirrored picture with every label mirrored with it."""
        w = self.image.shape[1]
        out = dict(self.labels)
        out["lm"] = self.labels["lm"][FLIP_68].copy()
        out["lm"][:, 0] = w - out["lm"][:, 0]
        out["R"] = self.labels["R"] * MIRROR
        for key in ("frame", "frame_rect", "object_box"):
            if key in out:
                x0, y0, x1, y1 = out[key]
                out[key] = np.array([w - x1, y0, w - x0, y1], np.float32)
        for key in ("hands", "faces", "headrests"):
            if key in out:
                moved = out[key].copy()
                moved[:, 0] = w - moved[:, 0]
                out[key] = moved[::-1] if key == "hands" else moved
        return Sample(np.ascontiguousarray(self.image[:, ::-1]), out)


class Shards:
    """All shards of some folders as one sequence of samples; pictures stay on disk."""

    def __init__(self, folders: list[Path], limit: int | None = None) -> None:
        paths = [p for f in folders for p in sorted(f.glob("shard-*")) if p.is_dir()]
        self.shards = [_read(p) for p in paths[:limit]]
        self.start = np.cumsum([0, *(len(s["landmarks"]) for s in self.shards)])

    def __len__(self) -> int:
        return int(self.start[-1])

    def where(self, index: int) -> tuple[Mapping[str, Array], int]:
        k = int(np.searchsorted(self.start, index, side="right")) - 1
        return self.shards[k], index - int(self.start[k])

    def __getitem__(self, index: int) -> Sample:
        shard, row = self.where(index)
        return face_sample(shard, row) if "face" in shard else frame_sample(shard, row)

    def column(self, key: str) -> Array:
        return np.concatenate([s[key] for s in self.shards]) if self.shards else np.zeros(0)

    def actions(self) -> Array:
        """The action of every picture, LOST where it shows none."""
        raw = self.column("action").astype(np.int64)
        return np.where((raw >= 0) & (raw < ACTION_OUT), raw, LOST)


def runs(shards: Shards) -> list[tuple[int, int]]:
    """Index ranges that belong together: a clip's frames, or one still."""
    out: list[tuple[int, int]] = []
    for shard, first in zip(shards.shards, shards.start[:-1].tolist(), strict=True):
        count = len(shard["landmarks"])
        if "clip" not in shard:
            out += [(first + i, first + i + 1) for i in range(count)]
            continue
        cuts = (np.flatnonzero(np.diff(shard["clip"])) + 1).tolist()
        edges = [0, *cuts, count]
        out += [(first + a, first + b) for a, b in pairwise(edges)]
    return out


def _read(path: Path) -> dict[str, Array]:
    arrays = {p.stem: np.load(p, mmap_mode="r") for p in sorted(path.glob("*.npy"))}
    return _frames_of_clips(arrays) if "square" in arrays else arrays


def _frames_of_clips(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """A shard of clips (clips, steps, ..) as one of frames, with the clip each belongs to."""
    clips, steps = arrays["action"].shape
    out = {
        k: v.reshape(clips * steps, *v.shape[2:])
        if v.shape[:2] == (clips, steps)
        else np.repeat(v, steps, 0)
        for k, v in arrays.items()
    }
    out["clip"] = np.repeat(np.arange(clips), steps)
    out["driver"] = np.zeros(clips * steps, np.int8)
    out["faces"] = np.pad(out["square"], ((0, 0), (0, 1)), constant_values=1.0)[:, None]
    return out


def face_sample(shard: Mapping[str, Array], row: int) -> Sample:
    """A head-and-shoulders crop with every label there is."""
    get = {k: np.asarray(v[row]) for k, v in shard.items() if k != "face"}
    has = bool(get["has_face"])
    labels = {
        "lm": get["landmarks"].astype(np.float32),
        "R": get["R"].astype(np.float32),
        "has_face": has,
        "mouth": float(get["mouth"]),
        "sunglasses": float(get["sunglasses"]),
        "glasses": float(get["glasses"]),
        "mask": float(get["mask"]),
        "occluded": float(np.clip(get["covered"] / COVERED, 0, 1)),
        "attributes_known": 1.0,
        "open": get["open"],
        "eye_visible": get["eye_visible"],
        "gaze": get["gaze"],
        "eye": get["eye"],
        "eye_landmarks": get["eye_landmarks"],
        "frame": get["frame"],
        "side": float(get["S"]),
        "action": LOST,
    }
    return Sample(np.asarray(shard["face"][row]), labels)


def frame_sample(shard: Mapping[str, Array], row: int) -> Sample:
    """A whole frame: the driver (if any), other faces, hands, action."""
    get = {k: np.asarray(v[row]) for k, v in shard.items() if k != "image"}
    image = np.asarray(shard["image"][row])
    driver = int(get["driver"])
    faces = get["faces"].astype(np.float32)
    has = driver >= 0 and float(faces[driver, 3]) > SHOWN
    action = int(get["action"])
    thing, shown = int(get["object"]), int(get.get("object_px", 0))
    points = get["hand_keypoints"]
    hands = points[:, :, :2].mean(1).astype(np.float32)
    hands[points[:, :, 2].mean(1) < 0.25] = np.nan
    labels = {
        "lm": get["landmarks"].astype(np.float32),
        "R": get["rotation"].astype(np.float32),
        "has_face": has,
        "mouth": 0.0,
        "sunglasses": 0.0,
        "mask": 0.0,
        "occluded": 0.0,
        "attributes_known": 0.0,
        "faces": faces[faces[:, 2] > 0],
        "hands": hands,
        "frame": np.array([0, 0, image.shape[1], image.shape[0]], np.float32),
        "action": action if driver >= 0 and 0 <= action < ACTION_OUT else LOST,
        "driver": driver,
        "object": thing if thing < OBJECTS and shown >= OBJECT_PX else LOST,
    }
    if "object_box" in get:
        labels["object_box"] = get["object_box"].astype(np.float32)
    if "headrests" in get:
        labels["headrests"] = get["headrests"][get["headrests"][:, 2] > 0].astype(np.float32)
    if "frame_rect" in get:
        labels["frame_rect"] = get["frame_rect"]
    return Sample(image, labels)
