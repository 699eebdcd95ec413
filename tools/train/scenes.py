"""Pictures without anybody, out of real high-dynamic-range surroundings: the networks must not take
a sunlit wall or a hedge in the side window for a face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tools.train.crops import F32
from tools.train.photo import Rng
from tools.train.shards import LOST, Sample

SIZE = (384, 288)


class Scenes:
    """Equirectangular .hdr files of a folder, as grey radiance."""

    def __init__(self, folder: Path) -> None:
        self.maps: list[F32] = []
        for path in sorted(folder.glob("*.hdr")):
            colour = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), np.float32)
            self.maps.append(np.clip(colour.mean(2), 0, 50).astype(np.float32))

    def __len__(self) -> int:
        return len(self.maps)

    def draw(self, rng: Rng) -> Sample:
        """A random piece, exposed at random, as a frame with nobody in it."""
        scene = self.maps[int(rng.integers(len(self)))]
        height = int(rng.integers(60, 400))
        width = int(min(height * rng.uniform(0.9, 1.7), scene.shape[1] - 1))
        x = int(rng.integers(scene.shape[1] - width))
        y = int(rng.integers(scene.shape[0] - height))
        piece = scene[y : y + height, x : x + width]
        level = float(np.percentile(piece, rng.uniform(50, 99))) + 1e-4
        bright = np.clip(piece / level * rng.uniform(0.3, 1.3), 0, 1) ** rng.uniform(0.35, 0.9)
        image = cv2.resize((bright * 255).astype(np.uint8), SIZE, interpolation=cv2.INTER_AREA)
        return Sample(np.asarray(image, np.uint8), dict(NOBODY))


def static(rng: Rng) -> Sample:
    """A frame of noise (white or coarse, round some level), or nearly blank."""
    image = np.full(SIZE[::-1], rng.uniform(0, 255), np.float32)
    for scale in (1, 1, 2, 4):
        if rng.random() < 0.5:
            small = rng.standard_normal((SIZE[1] // scale, SIZE[0] // scale), np.float32)
            noise = cv2.resize(small, SIZE, interpolation=cv2.INTER_NEAREST)
            image += noise * np.float32(np.exp(rng.uniform(0, 4.5)))
    return Sample(np.clip(image, 0, 255).astype(np.uint8), dict(NOBODY))


NOBODY = {
    "lm": np.zeros((68, 2), np.float32),
    "R": np.eye(3, dtype=np.float32),
    "has_face": False,
    "mouth": 0.0,
    "sunglasses": 0.0,
    "mask": 0.0,
    "occluded": 0.0,
    "attributes_known": 0.0,
    "faces": np.zeros((0, 4), np.float32),
    "hands": np.full((2, 2), np.nan, np.float32),
    "frame": np.array([0, 0, *SIZE], np.float32),
    "action": LOST,
    "driver": -1,
}
