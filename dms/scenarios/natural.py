"""Ordinary drives by the hour: attentive ones for false alarms, drowsy and distracted ones for
sensitivity. Endless streams of acts; the same seed gives the same drive.

Glance times are those of naturalistic studies (facts beside each); how often things happen is a
choice of this generator, meant to be busier than an average drive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dms.scenarios.track import Act, Angles, Habits, look
from dms.types import Gear, Indicator

PIECE_S = 120.0
"""Drives are sampled piece by piece."""
ATTENTIVE_MAX_S = 2.4
"""No glance of an attentive driver is longer: the longest mean, far left at an intersection."""
NOISES = ("clear", "clear", "clear", "clear", "glasses", "glasses", "cap", "tinted")
"""What drivers wear; a share each."""


@dataclass(frozen=True, slots=True)
class Glance:
    """A kind of look: where, how long (mean, spread [s]), how often [1/h], by which movement."""

    target: str
    mean_s: float
    spread_s: float
    per_hour: float
    by: str = "owl"


GLANCES = (
    Glance("driver_mirror", 1.10, 0.30, 24),
    Glance("passenger_mirror", 0.75, 0.36, 15),
    Glance("rear_mirror", 0.90, 0.30, 60, "lizard"),
    Glance("cluster", 0.62, 0.48, 60, "lizard"),
    Glance("infotainment", 1.44, 0.50, 12),
    Glance("driver_window", 0.80, 0.30, 10),
)
"""Left mirror, right mirror, speedometer and radio as published; the rest: choice."""
FAR_LEFT_S, FAR_RIGHT_S = 2.40, 1.82
"""Looks at an intersection, published means."""
RATES = {
    "intersection": 8.0, "overtaking": 6.0, "conversation": 4.0, "yawn": 1.0, "sneeze": 1.0,
    "drink": 2.0, "hand at face": 6.0, "smoke": 0.5, "tunnel": 1.0, "low sun": 2.0, "stop": 6.0,
    "hand before camera": 1.0, "shoulder check": 4.0,
}  # fmt: skip
"""How often an hour: choice."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Acts of some two minutes, each with what it is called."""

    acts: tuple[Act, ...]
    names: tuple[str, ...]


class Drive:
    """An attentive driver. `targets` are the stories' own."""

    def __init__(self, seed: int, targets: Mapping[str, Angles]) -> None:
        self._rng = np.random.default_rng([seed, 21])
        self._targets = targets
        rng = self._rng
        self.noise = NOISES[int(rng.integers(len(NOISES)))]
        self.habits = Habits(
            scan_deg=(float(rng.uniform(2, 4)), float(rng.uniform(1, 2.2))),
            sway_deg=float(rng.uniform(0.8, 1.8)),
            blink_every_s=float(rng.uniform(2.0, 6.0)),
            blink_s=float(rng.uniform(0.13, 0.24)),
        )
        self.speed = float(rng.uniform(45, 125))
        self._events = [(g.per_hour, self._glance(g)) for g in GLANCES]
        self._events += [(RATES[name], maker) for name, maker in self._makers().items()]

    def pieces(self) -> Iterator[Piece]:
        """For ever."""
        while True:
            acts: list[tuple[Act, str]] = []
            while sum(a.seconds for a, _ in acts) < PIECE_S:
                acts += self._next()
            acts.append((self._road(2.0), "road"))
            yield Piece(tuple(a for a, _ in acts), tuple(n for _, n in acts))

    def _next(self) -> list[tuple[Act, str]]:
        """Road until the next event, then that."""
        rates = np.array([r for r, _ in self._events])
        wait = float(self._rng.exponential(3600 / rates.sum()))
        k = int(self._rng.choice(len(rates), p=rates / rates.sum()))
        self.speed = float(np.clip(self.speed + self._rng.normal(0, 6), 35, 135))
        return [(self._road(max(2.2, wait)), "road"), *self._events[k][1]()]

    def _road(self, seconds: float, **more: Any) -> Act:
        return Act(seconds, speed_kmh=self.speed, noise=self.noise, **more)

    def _look(self, target: str | Angles, seconds: float, by: str = "owl", **more: Any) -> Act:
        angles = self._targets[target] if isinstance(target, str) else target
        values = {"speed_kmh": self.speed, "noise": self.noise, **more}
        return look(angles, by, seconds, **values)

    def _also(self, noise: str) -> str:
        """Errors are measured under one condition at a time: what the driver wears stays on, and
        stands for both."""
        return noise if self.noise == "clear" else self.noise

    def _length(self, mean_s: float, spread_s: float) -> float:
        """Log-normal of this mean and spread, at most ATTENTIVE_MAX_S."""
        var = np.log(1 + (spread_s / mean_s) ** 2)
        x = float(np.exp(self._rng.normal(np.log(mean_s) - var / 2, np.sqrt(var))))
        return float(np.clip(x, 0.25, ATTENTIVE_MAX_S))

    def _glance(self, g: Glance) -> Callable[[], list[tuple[Act, str]]]:
        def make() -> list[tuple[Act, str]]:
            seconds = self._length(g.mean_s, g.spread_s)
            name = g.target.replace("_", " ")
            return [(self._look(g.target, seconds, g.by), name), (self._road(1.0), "road")]

        return make

    def _makers(self) -> dict[str, Callable[[], list[tuple[Act, str]]]]:
        return {
            "intersection": self._intersection, "overtaking": self._overtaking,
            "conversation": self._conversation, "yawn": self._yawn, "sneeze": self._sneeze,
            "drink": self._drink, "hand at face": self._hand, "smoke": self._smoke,
            "tunnel": self._tunnel, "low sun": self._sun, "stop": self._stop,
            "hand before camera": self._hidden, "shoulder check": self._shoulder,
        }  # fmt: skip

    def _intersection(self) -> list[tuple[Act, str]]:
        """Slow, left, right, turn."""
        before, self.speed = self.speed, float(self._rng.uniform(18, 35))
        side = Indicator.LEFT if self._rng.random() < 0.5 else Indicator.RIGHT
        turn = 2.5 if side == Indicator.LEFT else -2.5
        on: dict[str, Any] = {"signals": (("indicator", side), ("steering_rad", 0.1))}
        turning: dict[str, Any] = {"signals": (("indicator", side), ("steering_rad", turn))}
        acts = [
            self._road(3.0, **on),
            self._look((66.0, -2.0), self._length(FAR_LEFT_S, 0.4), **on),
            self._road(1.2, **on),
            self._look((-58.0, -2.0), self._length(FAR_RIGHT_S, 0.4), **on),
            self._road(1.5, **turning),
            self._look((np.sign(turn) * 22.0, -3.0), 1.2, **turning),
            self._road(2.0),
        ]
        self.speed = before
        return [(a, "intersection") for a in acts]

    def _overtaking(self) -> list[tuple[Act, str]]:
        on: dict[str, Any] = {"signals": (("indicator", Indicator.LEFT),)}
        back: dict[str, Any] = {"signals": (("indicator", Indicator.RIGHT),)}
        acts = [
            self._look("driver_mirror", self._length(1.1, 0.3), **on), self._road(1.0, **on),
            self._look((75.0, -3.0), 0.7, **on), self._road(4.0),
            self._look("passenger_mirror", self._length(0.75, 0.36), **back), self._road(2.5),
        ]  # fmt: skip
        return [(a, "overtaking") for a in acts]

    def _shoulder(self) -> list[tuple[Act, str]]:
        side = 1.0 if self._rng.random() < 0.6 else -1.0
        on = Indicator.LEFT if side > 0 else Indicator.RIGHT
        act = self._look((side * 85.0, -4.0), 0.9, signals=(("indicator", on),))
        return [(act, "shoulder check"), (self._road(2.0), "road")]

    def _conversation(self) -> list[tuple[Act, str]]:
        """A minute of talk, a glance at the passenger every dozen seconds."""
        acts: list[Act] = []
        for _ in range(5):
            mouth = float(self._rng.uniform(0.05, 0.4))
            talk = self._road(float(self._rng.uniform(8, 14)), mouth=mouth)
            acts += [replace(talk, noise=self._also("talking"))]
            acts += [self._look((-72.0, -2.0), self._length(0.75, 0.3))]
        return [(a, "conversation") for a in acts]

    def _yawn(self) -> list[tuple[Act, str]]:
        lids = float(self._rng.uniform(0.3, 0.6))
        act = self._road(float(self._rng.uniform(2.5, 4.5)), mouth=0.9, open=lids)
        return [(replace(act, move_s=0.8), "yawn"), (self._road(1.5), "yawn")]

    def _sneeze(self) -> list[tuple[Act, str]]:
        shut = self._look((0.0, -15.0), float(self._rng.uniform(0.4, 0.7)), open=0.0, blinks=False)
        return [(shut, "sneeze"), (self._road(2.0), "sneeze")]

    def _drink(self) -> list[tuple[Act, str]]:
        act = self._road(float(self._rng.uniform(4, 8)), hands="drink_eat", head=(0.0, 6.0))
        return [(act, "drink")]

    def _hand(self) -> list[tuple[Act, str]]:
        return [(self._road(float(self._rng.uniform(2, 5)), hands="hand_face"), "hand at face")]

    def _smoke(self) -> list[tuple[Act, str]]:
        return [(self._road(float(self._rng.uniform(30, 90)), hands="smoke"), "smoke")]

    def _hidden(self) -> list[tuple[Act, str]]:
        act = self._road(float(self._rng.uniform(0.5, 3.0)), seen=False)
        return [(act, "hand before camera")]

    def _tunnel(self) -> list[tuple[Act, str]]:
        inside = replace(
            self._road(float(self._rng.uniform(20, 70))), noise=self._also("low_light")
        )
        acts = [self._road(0.8, image="dark"), inside, self._road(0.6, image="saturated")]
        return [(a, "tunnel") for a in acts]

    def _sun(self) -> list[tuple[Act, str]]:
        lids = float(self._rng.uniform(0.55, 0.8))
        act = self._road(float(self._rng.uniform(30, 90)), open=lids)
        return [(replace(act, noise=self._also("sun")), "low sun")]

    def _stop(self) -> list[tuple[Act, str]]:
        """A red light: the driver may look where he likes."""
        before, self.speed = self.speed, 0.0
        acts = [replace(self._road(3.0), speed_kmh=15.0)]
        for _ in range(4):
            away = (float(self._rng.uniform(-70, 70)), float(self._rng.uniform(-35, 10)))
            acts += [self._look(away, float(self._rng.uniform(2, 7))), self._road(2.0)]
        self.speed = before
        acts += [replace(self._road(3.0), speed_kmh=15.0), self._road(5.0)]
        still = (("gear", Gear.DRIVE),)
        return [(replace(a, signals=still), "stop") for a in acts]


# --- sleepy drives ------------------------------------------------------------------------------

KSS_START, KSS_END, KSS_FROM_S, KSS_TO_S = 3.0, 9.0, 300.0, 1500.0
"""Sleepiness rises evenly between these times; the drive lasts 30 min."""
DROWSY_S = 1800.0


def kss_at(t_s: float) -> float:
    """Sleepiness by construction of the drive."""
    share = min(1.0, max(0.0, (t_s - KSS_FROM_S) / (KSS_TO_S - KSS_FROM_S)))
    return KSS_START + (KSS_END - KSS_START) * share


def kss_time_s(kss: float) -> float:
    """When the drive reaches this sleepiness."""
    return KSS_FROM_S + (kss - KSS_START) / (KSS_END - KSS_START) * (KSS_TO_S - KSS_FROM_S)


@dataclass(frozen=True, slots=True)
class Signs:
    """How strongly a driver shows sleepiness, against the mean of people."""

    lids: float
    closures: float
    yawns: float


class SleepyDrive:
    """Blinks lengthen (0.17 to 0.45 s), lids sink, closures of 0.5 s and more, yawns and nods come;
    blink rate says nothing and stays. People differ: every sign has a strength of its own."""

    def __init__(self, seed: int, targets: Mapping[str, Angles]) -> None:
        self._rng = np.random.default_rng([seed, 22])
        self._targets = targets
        lids, closures, yawns = np.exp(self._rng.normal(0, 0.35, 3))
        self.signs = Signs(float(lids), float(closures), float(yawns))
        self.noise = NOISES[int(self._rng.integers(len(NOISES)))]
        self._every = float(self._rng.uniform(2.5, 5.0))
        self._speed = float(self._rng.uniform(80, 125))

    def pieces(self) -> Iterator[tuple[Piece, Habits]]:
        """Each piece with the habits of its time; ends after DROWSY_S."""
        t = 0.0
        while t < DROWSY_S:
            acts: list[tuple[Act, str]] = []
            k = max(0.0, (kss_at(t + PIECE_S / 2) - 5.0) / 4.0)
            while sum(a.seconds for a, _ in acts) < PIECE_S:
                acts += self._next(k)
            piece = Piece(tuple(a for a, _ in acts), tuple(n for _, n in acts))
            t += sum(a.seconds for a in piece.acts)
            yield piece, self._habits(k)

    def _habits(self, k: float) -> Habits:
        length = 0.17 + 0.28 * min(1.5, k * self.signs.lids)
        return Habits(blink_every_s=self._every, blink_s=length, open_spread=0.03 + 0.05 * k)

    def _next(self, k: float) -> list[tuple[Act, str]]:
        rates = {
            "glance": 90.0 * (1 - 0.5 * k), "closure": 50.0 * k * k * self.signs.closures,
            "yawn": 1.0 + 9.0 * k * self.signs.yawns, "nod": 8.0 * max(0.0, k - 0.5),
        }  # fmt: skip
        total = sum(rates.values())
        sinking = 1 - 0.25 * min(1.3, k * self.signs.lids)
        road = self._act(max(2.0, float(self._rng.exponential(3600 / total))), open=sinking)
        names = list(rates)
        name = names[int(self._rng.choice(len(names), p=np.array(list(rates.values())) / total))]
        return [(road, "road"), *((a, name) for a in self._event(name, sinking, k))]

    def _event(self, name: str, lids: float, k: float) -> list[Act]:
        u = self._rng.uniform
        if name == "glance":
            target = self._targets[str(self._rng.choice(["rear_mirror", "driver_mirror"]))]
            return [
                look(target, "owl", float(u(0.6, 1.2)), noise=self.noise, speed_kmh=self._speed)
            ]
        if name == "closure":
            longest = 0.7 + 0.6 * k
            return [self._act(float(u(0.4, longest)), open=0.0, blinks=False), self._act(2.0)]
        if name == "yawn":
            return [self._act(float(u(3, 5)), mouth=0.9, open=0.4 * lids), self._act(1.0)]
        drop = replace(self._act(float(u(0.7, 1.0)), open=0.15, blinks=False), head=(0.0, -18.0))
        return [replace(drop, gaze=(0.0, -18.0), move_s=0.5), replace(self._act(1.5), move_s=0.2)]

    def _act(self, seconds: float, **more: Any) -> Act:
        return Act(seconds, speed_kmh=self._speed, noise=self.noise, **more)


# --- distracted drives ---------------------------------------------------------------------------

LONG_TARGETS = ("infotainment", "passenger_mirror", "passenger_window", "lap", "driver_window")
DISTRACTIONS_PER_HOUR = 40.0


class DistractedDrive(Drive):
    """An attentive driver who sometimes looks away for 3.6 to 6 s."""

    def __init__(self, seed: int, targets: Mapping[str, Angles]) -> None:
        super().__init__(seed + 500_000, targets)
        self._events.append((DISTRACTIONS_PER_HOUR, self._distraction))

    def _distraction(self) -> list[tuple[Act, str]]:
        target = str(self._rng.choice(LONG_TARGETS))
        seconds = float(self._rng.uniform(3.8, 6.0))
        act = self._look(target, seconds, mark="distraction")
        calm = self._road(6.0)
        return [(calm, "road"), (act, "distraction"), (calm, "road")]
