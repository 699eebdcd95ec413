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
    bits: float = 12.0  # of the linear signal at the subject's level: few in the dark
    sharpen: float = 0.0  # what a camera's own sharpening adds
    local: float = 0.0  # share of local contrast equalisation
    rows: float = 0.0  # noise that a whole row shares
    bands: tuple[float, float, float] = (0.0, 0.0, 0.0)  # flicker on rolling rows:
    # strength, waves over the picture's height, phase [rad]
    dirt: int = 0  # smears and drops on the lens
    hot: tuple[float, float, float] = (0.0, 0.5, 0.5)  # LED's hot spot: strength, place 0..1
    shoulder: float = 0.0  # how fast bright light saturates softly; 0 clips hard at 1


def random_sensor(rng: np.random.Generator, skin_blur: float) -> Sensor:
    """Mostly a fair camera; one picture in eight dark, one in 25 burnt."""
    fate = rng.random()
    if fate < 0.12:
        grey = rng.uniform(7, 35)
    elif fate < 0.16:
        grey = rng.uniform(190, 250)
    else:
        grey = rng.triangular(45, 115, 190)
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
        **_extras(rng),
    )  # fmt: skip


def _extras(rng: np.random.Generator) -> dict[str, Any]:
    """What only some cameras do, and what sits on some lenses."""
    spot = rng.random() < 0.12
    return {
        "bits": float(rng.uniform(5.5, 8)) if rng.random() < 0.12 else 12.0,
        "sharpen": float(rng.uniform(0.3, 1.6)) if rng.random() < 0.25 else 0.0,
        "local": float(rng.uniform(0.2, 0.8)) if rng.random() < 0.12 else 0.0,
        "rows": float(rng.uniform(0.001, 0.01)) if rng.random() < 0.07 else 0.0,
        "bands": _random_bands(rng) if rng.random() < 0.05 else (0.0, 0.0, 0.0),
        "dirt": int(rng.integers(1, 9)) if rng.random() < 0.06 else 0,
        "shoulder": float(rng.uniform(0.5, 2.0)) if rng.random() < 0.5 else 0.0,
        "hot": (float(spot * rng.uniform(0.3, 1.5)), float(rng.random()), float(rng.random())),
    }


def _random_bands(rng: np.random.Generator) -> tuple[float, float, float]:
    """Pulsed light seen by rows that are exposed one after the other."""
    return float(rng.uniform(0.1, 0.5)), float(rng.uniform(0.5, 6)), float(rng.uniform(0, 6.3))


def develop(
    colour: F32, subject: NDArray[np.bool_], sensor: Sensor, rng: np.random.Generator
) -> U8:
    """Rasteriser's colour (h,w,4) -> picture u8 (h,w).

    `subject` (h,w) bool: what the exposure is set for (all of the picture if it is empty).
    """
    x: NDArray[Any] = _glow(colour, sensor.skin_blur)
    x = _optics(x, sensor, rng)
    x = x * np.float32(_gain(x, subject, sensor.exposure))
    x = x + np.float32(sensor.veil) * _haze(x)
    h, w = x.shape
    size = (max(24, round(w * sensor.scale)), max(24, round(h * sensor.scale)))
    if size != (w, h):
        x = cv2.resize(x, size, interpolation=cv2.INTER_AREA)
    spread = sensor.noise * np.sqrt(np.maximum(x, 0) + 0.01) + sensor.read_noise
    x = x + rng.standard_normal(x.shape, np.float32) * spread.astype(np.float32)
    out = _process(x, sensor, rng)
    if sensor.jpeg:
        done = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, sensor.jpeg])[1]
        out = np.asarray(cv2.imdecode(done, cv2.IMREAD_GRAYSCALE), np.uint8)
    if size != (w, h):
        out = np.asarray(cv2.resize(out, (w, h), interpolation=cv2.INTER_LINEAR), np.uint8)
    return np.ascontiguousarray(out)


def _optics(x: NDArray[Any], sensor: Sensor, rng: np.random.Generator) -> NDArray[Any]:
    """Hot spot, lens and motion blur, what sits on the lens, the fall-off to the corners."""
    h, w = x.shape
    power, u, v = sensor.hot
    falls = sensor.vignette > 0 or power > 0
    yy, xx = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j] if falls else (0.0, 0.0)
    if power > 0:
        far = (xx - 2 * u + 1) ** 2 + (yy - 2 * v + 1) ** 2
        x = x * (1 + power * np.exp(-3 * far)).astype(np.float32)
    if sensor.blur > 0:
        x = cv2.GaussianBlur(x, (0, 0), sensor.blur)
    x = _smear(x, sensor.motion)
    strength, waves, phase = sensor.bands
    if strength > 0:
        rows = np.linspace(0, 2 * np.pi * waves, h) + phase
        x = x * (1 + strength * np.sin(rows)).astype(np.float32)[:, None]
    for _ in range(sensor.dirt):
        x = _drop(x, rng)
    if sensor.vignette > 0:
        x = x * (1 - sensor.vignette * 0.5 * (xx * xx + yy * yy)).astype(np.float32)
    return x


def _drop(x: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """One soft spot: a smear that dims, or a water drop that blurs and brightens."""
    h, w = x.shape
    radius = float(rng.uniform(0.015, 0.09)) * w
    at = (int(rng.integers(w)), int(rng.integers(h)))
    axes = (max(1, int(radius * rng.uniform(0.5, 1.6))), max(1, int(radius)))
    mask = np.zeros((h, w), np.float32)
    cv2.ellipse(mask, at, axes, float(rng.uniform(0, 180)), 0, 360, 1.0, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), radius * 0.35 + 0.5)
    if rng.random() < 0.5:
        return x * (1 - mask * np.float32(rng.uniform(0.1, 0.5)))
    wet = cv2.GaussianBlur(x, (0, 0), radius * 0.3 + 0.5) * np.float32(rng.uniform(0.9, 1.4))
    return x + (wet - x) * mask * np.float32(rng.uniform(0.4, 0.9))


def _haze(x: NDArray[Any]) -> NDArray[Any]:
    """Light that a lens spreads over the whole picture."""
    h, w = x.shape
    small = cv2.resize(np.minimum(x, 3), (-(-w // 8), -(-h // 8)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 2).repeat(8, 0).repeat(8, 1)[:h, :w])


def _process(x: NDArray[Any], sensor: Sensor, rng: np.random.Generator) -> U8:
    """Steps of the converter, gamma, and what a camera does to please the eye."""
    if sensor.rows > 0:
        x = x + rng.normal(0, sensor.rows, (len(x), 1)).astype(np.float32) * np.sqrt(
            sensor.exposure
        ).astype(np.float32)
    if sensor.bits < 12:
        steps = np.float32(2**sensor.bits)
        x = np.round(x * steps) / steps
    if sensor.shoulder > 0:  # twice what a hard clip holds fits in
        k = np.float32(sensor.shoulder)
        x = (1 - np.exp(-k * np.maximum(x, 0))) / (1 - np.exp(-2 * k))
    out = (np.clip(x, 0, 1) ** np.float32(sensor.gamma) * 255 + 0.5).astype(np.uint8)
    if sensor.local > 0:
        even = cv2.createCLAHE(2.0, (4, 4)).apply(out)
        out = np.asarray(cv2.addWeighted(out, 1 - sensor.local, even, sensor.local, 0), np.uint8)
    if sensor.sharpen > 0:
        soft = cv2.GaussianBlur(out, (0, 0), 1.2)
        edges = cv2.addWeighted(out, 1 + sensor.sharpen, soft, -sensor.sharpen, 0)
        out = np.asarray(edges, np.uint8)
    return out


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
