"""Made-up shards in the renderer's layout, for the tests of what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tools.train import crops, heads
from tools.train.shards import Shards


def rotation(yaw: float, pitch: float, roll: float) -> Any:
    a, b = np.cos(yaw), np.sin(yaw)
    y = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]])
    c, d = np.cos(pitch), -np.sin(pitch)
    x = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    return (crops.rot_z(roll) @ y @ x).astype(np.float32)


def write(folder: Path, arrays: dict[str, Any]) -> None:
    shard = folder / "shard-00000"
    shard.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(shard / f"{name}.npy", array)


def write_faces(folder: Path, count: int = 6) -> None:
    """A made-up shard of coarse noise in the renderer's layout."""
    rng = np.random.default_rng(1)
    arrays = {
        "face": rng.integers(0, 255, (count, 20, 20)).repeat(8, 1).repeat(8, 2).astype(np.uint8),
        "landmarks": rng.uniform(45, 115, (count, 68, 2)).astype(np.float32),
        "R": np.stack([rotation(0.1 * i, 0.05, 0.02 * i) for i in range(count)]),
        "has_face": np.array([1] * (count - 1) + [0], np.uint8),
        "mouth": rng.uniform(0, 1, count).astype(np.float32),
        "open": rng.uniform(0, 1, (count, 2)).astype(np.float32),
        "eye_visible": np.ones((count, 2), np.float32),
        "gaze": rng.normal(0, 0.2, (count, 2, 2)).astype(np.float32),
        "covered": np.zeros(count, np.float32),
        "eye": rng.integers(0, 255, (count, 2, 80, 80)).astype(np.uint8),
        "eye_landmarks": rng.uniform(30, 50, (count, 2, 6, 2)).astype(np.float32),
        "frame": np.tile(np.array([0, 0, 160, 160], np.float32), (count, 1)),
        "S": np.full(count, 123, np.float32),
    }
    flags = {n: np.zeros(count, np.uint8) for n in ("glasses", "sunglasses", "mask")}
    write(folder, arrays | flags)


def write_heads(data: Path, split: str) -> None:
    """The true heads of `write_faces`' pictures in DATA/faces/SPLIT, but none in the first."""
    shards = Shards([data / "faces" / split])
    labels = [shards[i].labels for i in range(len(shards))]
    there = [heads.Head(lab["lm"], lab["R"]) if lab["has_face"] else None for lab in labels]
    heads.save(data, split, [None, *there[1:]])


def write_frames(folder: Path, count: int = 6, **more: Any) -> None:
    """Made-up frames in the renderer's layout, each with a driver."""
    rng = np.random.default_rng(2)
    lm = rng.uniform((170, 70), (210, 110), (count, 68, 2)).astype(np.float32)
    faces = np.zeros((count, 4, 4), np.float32)
    for i in range(count):
        roi = crops.face_roi(lm[i])
        faces[i, 0] = (roi.cx, roi.cy, roi.w, 1.0)
    arrays = {
        "image": rng.integers(0, 255, (count, 288, 384)).astype(np.uint8),
        "faces": faces,
        "driver": np.zeros(count, np.int8),
        "landmarks": lm,
        "rotation": np.stack([rotation(0.1, 0, 0)] * count),
        "action": (np.arange(count) % 8).astype(np.int8),
        "hand_keypoints": np.full((count, 2, 21, 3), (200.0, 200.0, 1.0), np.float32),
        "object": np.ones(count, np.int8),
        "object_px": np.full(count, 50, np.int32),
    }
    write(folder, arrays | more)
