"""Driver stories as tracks of Observations, at any frame rate, with the networks' kind of noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from dms import alerts, fusion, health
from dms.config import Config, load
from dms.scenarios.simulate import sure
from dms.types import (
    Action,
    Alert,
    AlertKind,
    DriverState,
    Eye,
    Face,
    Observation,
    Quality,
    Reason,
    VehicleState,
)

S = 1_000_000_000
CLEAR = Quality(mean=90, contrast=40, dark=0.01, saturated=0.01, sharpness=0.5, frozen_frames=0)
_POINTS = np.zeros((68, 2), np.float32)


@dataclass(frozen=True)
class Act:
    """What the driver does for a while. Degrees, vehicle frame; gaze None: as the head."""

    seconds: float
    head: tuple[float, float] = (0.0, 0.0)
    gaze: tuple[float, float] | None = None
    open: float = 1.0
    face: bool = True
    eyes: tuple[float, float] = (0.95, 0.95)
    open_sigma: float = 0.08
    sunglasses: float = 0.02
    action: str | None = "wheel"
    kmh: float | None = 80.0
    blinks: bool = True
    quality: Quality = CLEAR
    frozen: bool = False
    """Equal pixels: frozen_frames counts up."""
    mouth: float = 0.1
    mask: float = 0.01
    occluded: float = 0.01
    car: Mapping[str, Any] = field(default_factory=dict)
    """What else the vehicle says: fields of VehicleState."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of the simulated networks, and how often a frame is plain wrong."""

    head_deg: float = 3.0
    gaze_deg: float = 6.0
    open: float = 0.08
    outliers: float = 0.01


QUIET = Noise(0.0, 0.0, 0.0, 0.0)
NOISY = Noise()


@dataclass
class Story:
    """Acts one after another; `mount` is the camera's view of straight ahead [deg]."""

    acts: list[Act]
    fps: float = 30.0
    noise: Noise = QUIET
    mount: tuple[float, float] = (0.0, 0.0)
    seed: int = 1
    start_ns: int = 7 * S + 123_456_789
    keep: Callable[[int], bool] = field(default=lambda i: True)
    """Which frames arrive."""

    def inputs(self) -> Iterator[tuple[Observation, VehicleState]]:
        rng = random.Random(self.seed)
        i = begun = frozen = 0
        for act in self.acts:
            for n in range(round(act.seconds * self.fps)):
                t = round((begun + n) * S / self.fps)
                frozen = frozen + 1 if act.frozen else 0
                pair = self._frame(act, i, t, frozen, rng)
                if self.keep(i):
                    yield pair
                i += 1
            begun += round(act.seconds * self.fps)

    def _frame(
        self, act: Act, i: int, t: int, frozen: int, rng: random.Random
    ) -> tuple[Observation, VehicleState]:
        stamp = self.start_ns + t
        blink = act.blinks and 0 <= t % (4 * S) - 2.6 * S < 0.15 * S
        face = self._face(act, 0.05 if blink else act.open, rng) if act.face else None
        quality = replace(act.quality, frozen_frames=frozen)
        observation = Observation(i, stamp, face, _action(act, rng, self.noise), quality)
        speed = None if act.kmh is None else act.kmh / 3.6
        return observation, VehicleState(stamp, speed, **act.car)

    def _face(self, act: Act, openness: float, rng: random.Random) -> Face:
        n, wild = self.noise, rng.random() < self.noise.outliers
        head, gaze = act.head, act.head if act.gaze is None else act.gaze
        yaw = head[0] + self.mount[0] + rng.gauss(0, n.head_deg) + (40 if wild else 0)
        pitch = head[1] + self.mount[1] + rng.gauss(0, n.head_deg)
        lid_loss = 1 - 0.34 * min(1.0, max(0.0, -gaze[1]) / 40)
        shown = 0.0 if wild else max(0.0, openness * lid_loss + rng.gauss(0, n.open))
        look = (gaze[0] + self.mount[0], gaze[1] + self.mount[1])
        left, right = (_eye(visible, act, shown, look, n, rng) for visible in act.eyes)
        return Face(
            score=0.98, box_px=(500, 300, 250, 250), landmarks_px=_POINTS,
            yaw_rad=math.radians(yaw), pitch_rad=math.radians(pitch), roll_rad=0.0,
            rotation_sigma_rad=math.radians(max(3.0, n.head_deg)), mouth_open=act.mouth,
            sunglasses=act.sunglasses, mask=act.mask, occluded=act.occluded,
            eye_left=left, eye_right=right,
        )  # fmt: skip


def _eye(
    visible: float,
    act: Act,
    openness: float,
    look: tuple[float, float],
    n: Noise,
    rng: random.Random,
) -> Eye:
    if visible < 0.2:
        return Eye(visible, None, None, None, None, None, None)
    yaw, pitch = (math.radians(a + rng.gauss(0, n.gaze_deg)) for a in look)
    closed = 1 / (1 + math.exp((openness - 0.25) / 0.05))
    sigma = math.radians(max(4.0, n.gaze_deg))
    return Eye(visible, openness, act.open_sigma, closed, yaw, pitch, sigma)


def _action(act: Act, rng: random.Random, noise: Noise) -> Action | None:
    if act.action is None:
        return None
    shown = "phone_ear" if rng.random() < noise.outliers else act.action
    return Action(sure(shown), age_ns=20_000_000, window_steps=32)


QUICK = load(None, {"fusion.calibration_ms": 8000, "fusion.baseline_ms": 5000})
"""The default rules with a shorter learning time, to keep stories short."""


@dataclass(frozen=True)
class Moment:
    """One frame's outcome; t_s counts from the story's start."""

    t_s: float
    state: DriverState
    alerts: tuple[Alert, ...]


def play(
    story: Story, config: Config | None = None, begin: fusion.FusionState | None = None
) -> list[Moment]:
    """The story through health, fusion and alerts."""
    return played(story, config, begin)[0]


def played(
    story: Story, config: Config | None = None, begin: fusion.FusionState | None = None
) -> tuple[list[Moment], fusion.FusionState]:
    """The same, and what fusion remembers at the end."""
    config = config or QUICK
    h, f, a = health.start(), begin or fusion.start(config), alerts.start()
    out = []
    for observation, vehicle in story.inputs():
        h, fault = health.step(h, observation, config.health)
        f, state = fusion.step(f, observation, vehicle, fault, config)
        a, asked = alerts.step(a, state, vehicle, config.alerts)
        out.append(Moment((observation.t_ns - story.start_ns) / 1e9, state, asked.alerts))
    return out, f


def raised(moments: list[Moment], kind: AlertKind, level: int = 1) -> list[float]:
    """When alerts of this kind and at least this level began [s]."""
    out, before = [], False
    for m in moments:
        now = any(a.kind == kind and a.level >= level for a in m.alerts)
        if now and not before:
            out.append(m.t_s)
        before = now
    return out


def spans(moments: list[Moment], test: Callable[[DriverState], bool]) -> list[tuple[float, float]]:
    """[first, last] times of every run of states that pass."""
    out: list[tuple[float, float]] = []
    inside = False
    for m in moments:
        if test(m.state):
            out = [*out[:-1], (out[-1][0], m.t_s)] if inside else [*out, (m.t_s, m.t_s)]
            inside = True
        else:
            inside = False
    return out


def reasons(moments: list[Moment]) -> set[Reason]:
    return {m.state.reason for m in moments}


ROAD = Act(12)
"""Attentive, and long enough to learn the driver with QUICK."""


def drive(seconds: float) -> Act:
    return Act(seconds)
