"""From radiance to the bytes of a camera: skin glow, exposure, blur, noise, gamma, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.synth.mesh import F32, U8


@dataclass(frozen=True, slots=True)
class Sensor:
    """Lengths in pixels of the rendered picture; levels of a full-scale 1."""

    exposure: float  # linear level that the subject's mean is brought to
    skin_blur: float  # sub-surface scattering, sigma
    blur: float  # lens, sigma
    motion: tuple[float, float]  # smear in x and y
    scale: float  # 1 native .. 0.15: pictures taken that much smaller and enlarged
    noise: float
    read_noise: float
    gamma: float
    veil: float
    vignette: float
    jpeg: int  # quality; 0 none


def random_sensor(rng: np.random.Generator, skin_blur: float) -> Sensor:
    """Mostly a fair camera; one picture in eight dark, one in 25 burnt."""
    fate = rng.random()
    if fate < 0.12:
        grey = rng.uniform(7, 35)
    elif fate < 0.16:
        grey = rng.uniform(190, 250)
    else:
        grey = rng.uniform(50, 175)
    gamma = float(rng.choice([0.45, 0.5, 0.6, 0.8, 1.0]))
    exposure = float((grey / 255) ** (1 / gamma))
    noise = float(np.exp(rng.uniform(np.log(0.003), np.log(0.028))))
    small = rng.random() < 0.2
    smear = rng.normal(0, 2.5, 2) if rng.random() < 0.15 else np.zeros(2)
    return Sensor(
        exposure, skin_blur, float(rng.choice([0.55, 0.8, 1.2, 2.0], p=[0.4, 0.35, 0.17, 0.08])),
        (float(smear[0]), float(smear[1])),
        float(np.exp(rng.uniform(np.log(0.22), 0))) if small else 1.0, noise,
        noise * float(rng.uniform(0.1, 0.5)), gamma, float(rng.uniform(0, 0.06)),
        float(rng.uniform(0, 0.35)),
        int(rng.integers(35, 96)) if rng.random() < 0.5 else 0,
    )  # fmt: skip


def develop(
    colour: F32, subject: NDArray[np.bool_], sensor: Sensor, rng: np.random.Generator
) -> U8:
    """Rasteriser's colour (h,w,4) -> picture u8 (h,w).

    `subject` (h,w) bool: what the exposure is set for (all of the picture if it is empty).
    """
    x: NDArray[Any] = _glow(colour, sensor.skin_blur)
    h, w = x.shape
    if sensor.blur > 0:
        x = cv2.GaussianBlur(x, (0, 0), sensor.blur)
    x = _smear(x, sensor.motion)
    x = x * np.float32(_gain(x, subject, sensor.exposure))
    x = (
        x
        + np.float32(sensor.veil)
        * cv2.GaussianBlur(
            cv2.resize(np.minimum(x, 3), (w // 8, h // 8), interpolation=cv2.INTER_AREA), (0, 0), 2
        )
        .repeat(8, 0)
        .repeat(8, 1)[:h, :w]
    )
    if sensor.vignette > 0:
        yy, xx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
        x = x * (1 - sensor.vignette * 0.5 * (xx * xx + yy * yy)).astype(np.float32)
    size = (max(24, round(w * sensor.scale)), max(24, round(h * sensor.scale)))
    if size != (w, h):
        x = cv2.resize(x, size, interpolation=cv2.INTER_AREA)
    spread = sensor.noise * np.sqrt(np.maximum(x, 0) + 0.01) + sensor.read_noise
    x = x + rng.standard_normal(x.shape, np.float32) * spread.astype(np.float32)
    out = (np.clip(x, 0, 1) ** np.float32(sensor.gamma) * 255 + 0.5).astype(np.uint8)
    if sensor.jpeg:
        done = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])[1]
        out = np.asarray(cv2.imdecode(done, cv2.IMREAD_GRAYSCALE), np.uint8)
    if size != (w, h):
        out = np.asarray(cv2.resize(out, (w, h), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(out)


def _glow(colour: F32, sigma: float) -> F32:
    """Light that enters skin leaves it a little further on; then add what is only reflected."""
    planes: list[NDArray[Any]] = [np.ascontiguousarray(colour[..., k]) for k in range(3)]
    diffuse, shine, skin = planes
    if sigma > 0.2:
        spread = cv2.GaussianBlur(diffuse * skin, (0, 0), sigma)
        share = cv2.GaussianBlur(skin, (0, 0), sigma)
        soft = spread / np.maximum(share, 1e-3)
        diffuse = diffuse * (1 - skin) + skin * (0.45 * diffuse + 0.55 * soft)
    return np.asarray(diffuse + np.minimum(shine, 4), np.float32)


def _gain(x: F32, subject: NDArray[np.bool_], level: float) -> float:
    chosen = x[subject] if subject.any() else x
    return level / max(float(np.minimum(chosen, 2).mean()), 1e-4)


def _smear(x: F32, motion: tuple[float, float]) -> F32:
    length = float(np.hypot(*motion))
    if length < 0.8:
        return x
    n = int(np.ceil(length)) | 1
    kernel = np.zeros((2 * n + 1, 2 * n + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 4 * n):
        kernel[round(n + t * motion[1]), round(n + t * motion[0])] += 1
    return np.asarray(cv2.filter2D(x, -1, kernel / kernel.sum()), np.float32)
