"""What is outside of windows and behind people: panoramas, drawn or from HDR environments.

A panorama is radiance (h,w) over the whole sphere, mean about 1: columns are the azimuth (0 = world
+Z, growing towards +X), rows the elevation from 90 to -90 degrees.  HDR files are looked for in
$DMS_HDRI, then in ../shared/real/hdri; without any, all panoramas are drawn.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.synth.assets import REPOSITORY
from tools.synth.camera import Camera
from tools.synth.mesh import F32

SIZE = (1024, 512)
HORIZON = SIZE[1] // 2
BRIGHTEST = 30.0  # of a panorama's mean: more only burns
_HDRI_SHARE = 0.5


def environment_dir() -> Path:
    """Where HDR environments may lie (it need not exist)."""
    return Path(os.environ.get("DMS_HDRI") or REPOSITORY.parent / "shared" / "real" / "hdri")


@cache
def environments() -> tuple[F32, ...]:
    """The HDR files as grey panoramas, in the order of their names."""
    out = []
    for path in sorted(environment_dir().glob("*.hdr")):
        picture = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
        if picture is None:
            continue
        grey = picture.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
        grey = cv2.resize(grey, SIZE, interpolation=cv2.INTER_AREA)
        out.append(np.asarray(np.minimum(grey / grey.mean(), BRIGHTEST), np.float32))
    return tuple(out)


def random_panorama(
    rng: np.random.Generator, night: bool, files: tuple[F32, ...] | None = None
) -> F32:
    """A street, a landscape or an interior; at night mostly lights in the dark.

    `files`: HDR panoramas to choose from (None: those of `environments`; empty: always draw).
    """
    files = environments() if files is None else files
    if files and rng.random() < _HDRI_SHARE:
        chosen = files[int(rng.integers(len(files)))] ** np.float32(rng.uniform(0.55, 1.2))
    else:
        chosen = _drawn(rng, night)
    blur = float(rng.choice([0.0, 1.0, 2.5, 6.0]))
    if blur:
        chosen = cv2.GaussianBlur(chosen, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    turned = np.roll(chosen, int(rng.integers(SIZE[0])), 1)
    return np.asarray(turned / max(float(turned.mean()), 1e-6), np.float32)


def view(panorama: F32, camera: Camera, yaw_deg: float = 0.0) -> F32:
    """What a camera sees of it, (h,w); the surroundings turned by `yaw_deg`."""
    rotation = tuple(camera.rotation.ravel().tolist())
    u, v = _places(camera.size, float(camera.focal), camera.centre, rotation)
    wrapped = np.concatenate([panorama, panorama[:, :1]], 1)
    turned = (u + np.float32(yaw_deg / 360 * SIZE[0])) % np.float32(SIZE[0])
    return np.asarray(
        cv2.remap(wrapped, turned, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


@lru_cache(maxsize=2)
def _places(
    size: tuple[int, int], focal: float, centre: tuple[float, float], rotation: tuple[float, ...]
) -> tuple[F32, F32]:
    """Where in a panorama the pixels look, (h,w) each; kept, as most cameras stand still."""
    r = np.array(rotation, np.float32).reshape(3, 3)
    x = ((np.arange(size[0]) + 0.5 - centre[0]) / focal).astype(np.float32)
    y = ((centre[1] - np.arange(size[1]) - 0.5) / focal).astype(np.float32)[:, None]
    right, up, back = (x * r[0, k] + y * r[1, k] - r[2, k] for k in range(3))
    azimuth, height = np.arctan2(right, back), np.arctan2(up, np.hypot(right, back))
    u, v = azimuth * (SIZE[0] / (2 * np.pi)), (0.5 - height / np.pi) * SIZE[1]
    return u.astype(np.float32), v.astype(np.float32)


def _drawn(rng: np.random.Generator, night: bool) -> F32:
    w, h = SIZE
    picture = np.empty((h, w), np.float32)
    sky, ground = float(rng.uniform(0.5, 2.5)), float(rng.uniform(0.2, 1.0))
    picture[:HORIZON] = np.linspace(sky * rng.uniform(0.3, 1), sky, HORIZON)[:, None]
    picture[HORIZON:] = np.linspace(ground, ground * rng.uniform(0.5, 1.2), h - HORIZON)[:, None]
    picture[:HORIZON] *= 1 + rng.uniform(0, 0.8) * _clouds(rng, HORIZON, w, 24)
    _hills(picture, rng)
    for _ in range(int(rng.integers(0, 40))):
        _house(picture, rng)
    for _ in range(int(rng.integers(0, 50))):
        _tree(picture, rng)
    for _ in range(int(rng.integers(0, 16))):
        _car(picture, rng)
    if night:
        picture *= 0.03
        for _ in range(int(rng.integers(3, 60))):
            _lamp(picture, rng)
    return picture


def _clouds(rng: np.random.Generator, h: int, w: int, cells: int) -> NDArray[np.float32]:
    """Soft random relief, about -0.5..0.5."""
    out = np.zeros((h, w), np.float32)
    for k in (1, 2, 4):
        grid = rng.random((max(2, cells * k * h // w), cells * k)).astype(np.float32) - 0.5
        out += cv2.resize(grid, (w, h), interpolation=cv2.INTER_CUBIC) / k / 1.5
    return out


def _hills(picture: F32, rng: np.random.Generator) -> None:
    w = picture.shape[1]
    line = 14 * _clouds(rng, 2, w, 12)[0] + rng.uniform(0, 14)
    rows = np.arange(picture.shape[0])[:, None]
    hill = (rows > HORIZON - line) & (rows <= HORIZON)
    picture[hill] = rng.uniform(0.15, 1.2)


def _house(picture: F32, rng: np.random.Generator) -> None:
    x, wide, tall = (
        int(rng.integers(SIZE[0])),
        int(rng.integers(14, 110)),
        int(rng.integers(10, 90)),
    )
    tone = float(rng.uniform(0.1, 1.6))
    top = HORIZON - tall
    cv2.rectangle(picture, (x, top), (x + wide, HORIZON + 4), tone, -1)
    step = int(rng.integers(6, 16))
    panes = float(tone * rng.uniform(0.2, 2.2))
    for i in range(x + 3, x + wide - step // 2, step):
        for j in range(top + 4, HORIZON - 6, step):
            cv2.rectangle(picture, (i, j), (i + step // 2, j + step // 2), panes, -1)


def _tree(picture: F32, rng: np.random.Generator) -> None:
    x, r = int(rng.integers(SIZE[0])), int(rng.integers(5, 34))
    y = HORIZON - int(r * rng.uniform(0.6, 1.4))
    tone = float(rng.uniform(0.1, 1.8))
    cv2.line(picture, (x, y), (x, HORIZON + 3), tone * 0.4, max(1, r // 6))
    for _ in range(14):
        at = (x + int(rng.normal(0, r / 2)), y + int(rng.normal(0, r / 2)))
        cv2.circle(picture, at, max(1, r // 3), tone * float(rng.uniform(0.5, 1.4)), -1)


def _car(picture: F32, rng: np.random.Generator) -> None:
    x, wide = int(rng.integers(SIZE[0])), int(rng.integers(12, 60))
    tall, tone = int(wide * 0.3), float(rng.uniform(0.05, 2.0))
    low = HORIZON + int(wide * rng.uniform(0.15, 0.4))
    cv2.rectangle(picture, (x, low - tall), (x + wide, low), tone, -1)
    roof = (x + wide // 5, low - 2 * tall), (x + wide - wide // 5, low - tall)
    cv2.rectangle(picture, *roof, tone * 0.4, -1)


def _lamp(picture: F32, rng: np.random.Generator) -> None:
    """A street lamp, headlight or lit window, out of focus or sharp."""
    at = (int(rng.integers(SIZE[0])), HORIZON + int(rng.normal(-10, 22)))
    power = float(np.exp(rng.uniform(np.log(0.3), np.log(12))))
    cv2.circle(picture, at, int(rng.integers(1, 8)), power, -1, cv2.LINE_AA)
