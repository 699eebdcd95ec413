"""How the sign of dirt on the lens behaves: single pictures as they are, and with a soft spot
before the face. What `health.dirt_sharpness` rests on (docs/engine.md)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dms.config import Config, EngineConfig, HealthConfig
from dms.engine import Engine, open_engine
from dms.types import Frame, Observation
from tools.train import unfamiliar
from tools.train.records import Array, some
from tools.train.shards import Shards

SPOTS = (0.03, 0.05)
"""Of the head's width: sigma of the Gaussian that the spot blurs by."""
EVERY = 20
"""Of a clip's frames one is looked at."""


def spotted(image: Array, box: Array, share: float) -> Array:
    """A picture with a soft spot over a head's box (x, y, width, height), full in its middle and
    faded out at 0.8 of its size beyond the edges."""
    x, y, w, h = box
    blurred = cv2.GaussianBlur(image, (0, 0), share * w)
    v, u = np.mgrid[: image.shape[0], : image.shape[1]]
    away = np.hypot((u - x - w / 2) / (0.8 * w), (v - y - h / 2) / (0.8 * h))
    part = np.clip(3 - 3 * away, 0, 1)
    return np.asarray(np.rint(image + part * (blurred.astype(float) - image)).astype(np.uint8))


def rendered(data: Path, count: int) -> Iterator[Array]:
    """Whole frames of the test split."""
    shards = Shards([data / "cabin" / "test"])
    return (shards[i].image for i in some(len(shards), count))


def real(folder: Path) -> Iterator[Array]:
    """Frames of clips, and single pictures of the daylight car."""
    for clip in unfamiliar.real(folder):
        yield from clip[::EVERY]
    for path in sorted((folder / "cabin_day").glob("*/images/*.jpg")):
        yield np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def soft(seen: Observation, limit: float) -> bool:
    """Whether the face is at most `limit` times as sharp as its frame."""
    face, frame = seen.quality.face_sharpness, seen.quality.sharpness
    return face is not None and frame is not None and face <= limit * frame


def tables(models: Path, data: Path, footage: Path, count: int) -> Iterator[str]:
    """Lines: of `count` pictures of each kind at most, in how many a face is found, and the share
    of those that look dirty; as they are and with spots. Errors: FileNotFoundError without any."""
    engine = open_engine(Config(engine=EngineConfig(models_dir=str(models))))
    limit = HealthConfig().dirt_sharpness
    yield f"{'pictures':10} {'spot':>6} {'found':>6} {f'<= {limit:g}':>8}"
    for name, pictures in (("rendered", rendered(data, count)), ("real", real(footage))):
        clean = [(x, engine.still(Frame(0, 0, x))) for x in islice(pictures, count)]
        clean = [(x, seen) for x, seen in clean if seen.face is not None]
        if not clean:
            raise FileNotFoundError(f"{data}, {footage}: no {name} pictures with a face")
        yield line(name, "none", [seen for _, seen in clean], limit)
        for share in SPOTS:
            yield line(name, f"{share:g}", list(_spotted(engine, clean, share)), limit)


def _spotted(
    engine: Engine, clean: list[tuple[Array, Observation]], share: float
) -> Iterator[Observation]:
    for image, seen in clean:
        assert seen.face is not None
        again = engine.still(Frame(0, 0, spotted(image, np.array(seen.face.box_px), share)))
        if again.face is not None:
            yield again


def line(name: str, spot: str, seen: list[Observation], limit: float) -> str:
    """One row of the table."""
    share = float(np.mean([soft(s, limit) for s in seen])) if seen else float("nan")
    return f"{name:10} {spot:>6} {len(seen):6} {share:8.2f}"
