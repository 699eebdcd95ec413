"""Light: the LED beside the camera, the sun, and the surroundings as spherical harmonics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.synth.camera import F64, parallel_map, point_map, unit


@dataclass(frozen=True, slots=True)
class Light:
    """Everything that shines on a scene; radiances are in units of a lit white surface."""

    led: F64  # position, cm
    led_power: float  # on a surface at the scene's focus
    sun: F64  # unit direction towards it
    sun_power: float
    sh: F64  # nine coefficients, order as in shade.hpp's ambient()
    led_cone: float = 0.45  # cosine of the half angle at which the beam ends
    led_beam: float = 1.0  # 0 even light .. 1 full fall-off to the beam's edge
    occlusion_direct: float = 0.75
    lens_glare: float = 1.0
    background: float = 0.02  # radiance where there is nothing
    gobo: tuple[float, ...] = (1, 0, 0, 1, 0, 0)  # shade of things outside, see shade.hpp

    def constants(self, focus: ArrayLike) -> dict[str, ArrayLike]:
        """Shader constants; `focus` is the point the LED is aimed at."""
        to_focus = np.asarray(focus, float) - self.led
        return {
            "led": self.led, "led_axis": unit(to_focus), "led_power": self.led_power,
            "led_reference": float(np.linalg.norm(to_focus)), "led_cone": self.led_cone,
            "led_beam": self.led_beam, "sun": self.sun, "sun_power": self.sun_power,
            "sh": self.sh, "occlusion_direct": self.occlusion_direct,
            "lens_glare": self.lens_glare, "gobo": self._gobo_at(focus),
        }  # fmt: skip

    def _gobo_at(self, focus: ArrayLike) -> F64:
        """The shade's edge, placed relative to the focus."""
        x = unit(np.cross((0.1, 1, 0.05), self.sun))
        y = np.cross(self.sun, x)
        at, out = np.asarray(focus, float), np.array(self.gobo, float)
        out[2] += float(at @ x) * out[0] + float(at @ y) * out[1]
        return out

    def maps(self, focus: ArrayLike, radius: float, side: int) -> tuple[F64 | None, F64 | None]:
        """Shadow map matrices of LED and sun for a ball of `radius` cm, None where dark."""
        led = point_map(self.led, focus, radius, side) if self.led_power > 0.01 else None
        sun = parallel_map(self.sun, focus, radius * 1.2, side) if self.sun_power > 0.01 else None
        return led, sun


def surroundings(directions: ArrayLike, powers: ArrayLike, base: float = 0.0) -> F64:
    """Irradiance harmonics of soft lights: directions (k,3) towards them, powers (k,)."""
    c = np.zeros(9)
    c[0] = base
    for d, power in zip(np.asarray(directions, float), np.asarray(powers, float), strict=True):
        x, y, z = unit(d)
        k = z * z - (x * x + y * y) / 2
        square = np.array([(x * x + y * y) / 2 + k / 3, 0, 0, 0, 2 * x * y, 2 * y * z, k / 3,
                           2 * x * z, (x * x - y * y) / 2])  # fmt: skip
        square[0] -= 1 / 3
        c += power * (0.25 * np.eye(9)[0] + 0.3125 * square)
        c[1:4] += power * 0.5 * np.array([y, z, x])
    return c


def random_gobo(rng: np.random.Generator) -> tuple[float, ...]:
    """Half of the time nothing; else the edge of a shade, or leaves."""
    if rng.random() < 0.5:
        return (1, 0, 0, 1, 0, 0)
    a = rng.uniform(0, 2 * np.pi)
    return (
        float(np.cos(a)), float(np.sin(a)), float(rng.normal(0, 8)),
        float(np.exp(rng.uniform(np.log(0.15), np.log(3)))), float(rng.uniform(0.6, 1)),
        float(rng.random() < 0.35),
    )  # fmt: skip


def cabin_light(rng: np.random.Generator, kind: str, camera: ArrayLike, focus: ArrayLike) -> Light:
    """NIR light in a car: `kind` is night, dusk, day or sun."""
    scale = {"night": 0.012, "dusk": 0.07, "day": 0.22, "sun": 0.28}[kind]
    side = rng.choice([-1.0, 1.0])
    windows = [(0, 1, 0.2), (side, 0.25, 0.3), (-side, 0.2, 0.3), (0, 0.2, 1)]
    powers = scale * np.array([1.0, 1.6, 0.8, 1.0]) * rng.uniform(0.3, 1.5, 4)
    sun = unit([side * rng.uniform(0.4, 1), rng.uniform(0.2, 0.8), rng.uniform(-0.3, 0.9)])
    offset = rng.uniform(-1, 1, 3) * np.array([8.0, 5.0, 1.0])
    led = np.asarray(camera, float) + offset
    on = rng.random() > (0.0 if kind in ("night", "dusk") else 0.12)
    return Light(
        led, float(rng.uniform(0.55, 1.3) * on), sun,
        float(rng.uniform(0.7, 3.2)) if kind == "sun" else 0.0,
        surroundings(windows, powers, 0.25 * scale),
        led_cone=float(rng.uniform(0.3, 0.75)), led_beam=float(rng.uniform(0.2, 1.0)),
        occlusion_direct=float(rng.uniform(0.5, 0.95)),
        background=float(scale * rng.uniform(0.0, 1.2)),
        gobo=random_gobo(rng),
    )  # fmt: skip


def room_light(rng: np.random.Generator, focus: ArrayLike) -> Light:
    """Visible-light-like: a main soft or hard light from above or the side, fill, no LED."""
    azimuth, height = rng.normal(0, 55), rng.uniform(5, 70)
    a, h = np.radians([azimuth, height])
    main = np.array([np.sin(a) * np.cos(h), np.sin(h), np.cos(a) * np.cos(h)])
    hard = rng.random()
    k = int(rng.integers(1, 5))
    others = rng.normal(size=(k, 3)) + np.array([0, 0.4, 0.3])
    powers = np.r_[(1 - 0.7 * hard) * rng.uniform(0.3, 1.0), rng.uniform(0.02, 0.5, k)]
    directions = np.vstack([main, others])
    flash = rng.random() < 0.15
    return Light(
        np.asarray(focus, float) + np.array([0, 4.0, 60.0]),
        float(rng.uniform(0.3, 0.9)) if flash else 0.0, unit(main),
        float(hard * rng.uniform(0.1, 1.3)), surroundings(directions, powers, 0.06),
        led_cone=0.3, led_beam=0.3, occlusion_direct=float(rng.uniform(0.4, 0.9)),
        background=float(rng.uniform(0.02, 0.45)),
        gobo=random_gobo(rng),
    )  # fmt: skip


def patchwork(rng: np.random.Generator, size: tuple[int, int], level: float) -> NDArray[np.float32]:
    """A background that means nothing: gradients, blurred blocks, lines and clutter (h,w)."""
    import cv2

    w, h = size
    n = int(rng.integers(2, 14))
    coarse = rng.random((n, n)).astype(np.float32)
    picture = cv2.resize(coarse, (w, h), interpolation=int(rng.choice([0, 1, 2])))
    for _ in range(int(rng.integers(0, 9))):
        x, y = rng.integers(-w // 4, w), rng.integers(-h // 4, h)
        dx, dy = rng.integers(4, w), rng.integers(4, h)
        tone = float(rng.random())
        if rng.random() < 0.7:
            cv2.rectangle(picture, (int(x), int(y)), (int(x + dx), int(y + dy)), tone, -1)
        else:
            cv2.circle(picture, (int(x), int(y)), int(dx // 4), tone, -1)
    blur = float(rng.choice([0.0, 1.0, 3.0, 9.0]))
    if blur:
        picture = cv2.GaussianBlur(picture, (0, 0), blur * w / 320)
    contrast = rng.uniform(0.1, 2.0)
    return np.asarray(np.maximum(level * (1 + contrast * (picture - 0.5)), 0), np.float32)
