"""Photometric augmentation of a crop, in grey levels: what cameras, lamps and codecs do."""

from __future__ import annotations

import cv2
import numpy as np

from tools.train.crops import F32

Rng = np.random.Generator
NOISE: F32 = np.random.default_rng(11).standard_normal(1 << 20, np.float32)


def disturb(x: F32, rng: Rng, strength: float = 1.0) -> F32:
    """`x` is float32 in 0..255; the result too. `strength` scales how often and how much."""
    if rng.random() < 0.6 * strength:
        x = _tone(x, rng, strength)
    if rng.random() < 0.4 * strength:
        x = _gradient(x, rng)
    if rng.random() < 0.35 * strength:
        x = _resample(x, rng)
    if rng.random() < 0.35 * strength:
        x = _blur(x, rng)
    if rng.random() < 0.2 * strength:
        x = _cut_out(x, rng)
    if rng.random() < 0.12 * strength:
        x = x * (rng.uniform(10, 30) / max(float(x.mean()), 1.0))
    if rng.random() < 0.6 * strength:
        sigma = abs(rng.normal(0, 5.0 * strength))
        x = x + _noise(x.size, rng).reshape(x.shape) * np.float32(sigma)
    x = np.clip(np.rint(x), 0, 255)
    if rng.random() < 0.35 * strength:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))]
        packed = cv2.imencode(".jpg", x.astype(np.uint8), quality)[1]
        x = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32)
    return x.astype(np.float32)


def _noise(count: int, rng: Rng) -> F32:
    """A stretch of a fixed bank of normal noise: drawing it anew costs more than the network."""
    start = int(rng.integers(len(NOISE) - count))
    return NOISE[start : start + count]


def _tone(x: F32, rng: Rng, strength: float) -> F32:
    gamma = float(np.exp(rng.normal(0, 0.3 * strength)))
    gain = float(np.exp(rng.normal(0, 0.35 * strength)))
    table = np.arange(256, dtype=np.float32) / 255
    table = np.clip(table**gamma * gain, 0, 1.15) * 255
    y = table[np.clip(x, 0, 255).astype(np.uint8)]
    return np.clip(y + np.float32(rng.normal(0, 12 * strength)), 0, 255)


def _gradient(x: F32, rng: Rng) -> F32:
    h, w = x.shape
    a = rng.uniform(0, 2 * np.pi)
    u = np.linspace(-1, 1, w, dtype=np.float32) * np.float32(np.cos(a))
    v = np.linspace(-1, 1, h, dtype=np.float32)[:, None] * np.float32(np.sin(a))
    amount = np.float32(rng.uniform(0.15, 0.75))
    t = u + v
    if rng.random() < 0.4:  # a shadow's edge instead of a slope
        t = np.tanh((t - np.float32(rng.uniform(-0.6, 0.6))) * np.float32(rng.uniform(2, 12)))
    return x * (1 + amount * np.clip(t, -1, 1))


def _resample(x: F32, rng: Rng) -> F32:
    h, w = x.shape
    f = rng.uniform(0.25, 0.85)
    small = (max(8, int(w * f)), max(8, int(h * f)))
    down = cv2.resize(x, small, interpolation=cv2.INTER_AREA)
    how = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(down, (w, h), interpolation=how), np.float32)


def _blur(x: F32, rng: Rng) -> F32:
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(x, (0, 0), rng.uniform(0.4, 1.6)), np.float32)
    n = int(rng.integers(2, 6))
    kernel = np.zeros((n, n), np.float32)
    a = rng.uniform(0, np.pi)
    c, d = (n - 1) / 2, np.array([np.cos(a), np.sin(a)]) * n / 2
    cv2.line(kernel, tuple(np.rint(c - d).astype(int)), tuple(np.rint(c + d).astype(int)), 1.0)
    return np.asarray(cv2.filter2D(x, -1, kernel / max(kernel.sum(), 1e-3)), np.float32)


def _cut_out(x: F32, rng: Rng) -> F32:
    h, w = x.shape
    y = x.copy()
    for _ in range(int(rng.integers(1, 3))):
        a, b = int(w * rng.uniform(0.08, 0.35)), int(h * rng.uniform(0.08, 0.35))
        u, v = int(rng.integers(0, w - a)), int(rng.integers(0, h - b))
        level = rng.uniform(0, 255)
        y[v : v + b, u : u + a] = level
    return y
