"""How the networks err, as measured on rendered drivers: tables, and where they are read from.

The file (tests/scenarios/errors.json) says by which command, networks and pictures it was made.
Every channel is a table of quantiles of what was left after gain and the driver's own bias,
reached by a first-order process of the measured time constant: errors have the measured
distribution, outliers with it, and the measured persistence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dms.errors import DmsError, Exit

F64 = NDArray[np.float64]
FORMAT = 7
Z = np.array([-2.6, -2.0, -1.5, -1.0, -0.6, -0.3, 0.0, 0.3, 0.6, 1.0, 1.5, 2.0, 2.6])
"""Where on a standard normal the quantiles lie."""
YAW_BINS_DEG = np.array([25.0, 45.0, 65.0])
"""Edges of |head yaw off the camera| at which tables change."""
OPEN_AT = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
MOUTH_AT = np.array([0.0, 0.15, 0.4, 0.8])
"""True values between which tables are interpolated."""
EYE_SIGN = (-1, 1)
"""Of the left and of the right eye in what tells them apart."""
_FAR = np.linspace(-3.5, 3.5, 71)
_FAR_AT = np.array([-2 * np.log(1 - NormalDist().cdf(z)) for z in _FAR.tolist()])
"""Standard normal scores, and the squared distances of two such numbers that have those scores."""


class ErrorsError(DmsError):
    """The file of measured errors is missing or not one."""

    exit_code = Exit.USAGE


@dataclass(frozen=True, slots=True)
class Channel:
    """One measured number: quantiles (bins, len(Z)), and how long an error lasts."""

    table: F64
    tau_s: float
    gains: tuple[float, ...] = (1.0,)
    shared: float = 1.0
    """Correlation between the two eyes' errors."""
    own: tuple[F64, ...] = ()
    """Tables of each measured driver; empty: `table` is everyone's."""
    with_error: tuple[float, ...] = ()
    """Of a sigma: its correlation with the same eye's error, in each row of the table; none: 0."""

    def along(self) -> F64:
        """`with_error` of every row."""
        return np.array(self.with_error or (0.0,) * len(self.table))

    def of(self, driver: int) -> Channel:
        """As it was measured on this driver."""
        return replace(self, table=self.own[driver]) if self.own else self


@dataclass(frozen=True, slots=True)
class Conditions:
    """The channels of one condition, and the biases of the drivers it was measured on."""

    channels: Mapping[str, Channel]
    drivers: F64
    """(k, 12): biases of head yaw, pitch, roll, gaze yaw, pitch [rad], factor of openness, for gaze
    yaw and pitch the gains of the head and of the eye in the head, and how far either eye's yaw and
    pitch err from both eyes' bias all the time (right +, left -) [rad]."""
    cameras: F64
    """(k, 2): where straight ahead lies for the camera that each of them sat before, yaw and pitch
    [deg]; how well eyes show is the camera's doing too."""
    lost: F64
    """Share of frames without a face in each yaw bin; the last is leaning."""
    lost_run_s: float


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """All conditions, and what the action network said of each action, clip by clip."""

    conditions: Mapping[str, Conditions]
    actions: Mapping[str, F64]
    """Action -> (clips, steps, 8) probabilities."""
    action_step_s: float
    source: str

    def scaled(self, gaze: float = 1.0, head: float = 1.0) -> ErrorModel:
        """The same with gaze and head errors (bias and spread) multiplied; gains move to 1."""
        return replace(
            self, conditions={k: _scaled(c, gaze, head) for k, c in self.conditions.items()}
        )


def _scaled(c: Conditions, gaze: float, head: float) -> Conditions:
    factors = {f"gaze_{a}": gaze for a in ("yaw", "pitch")}
    factors |= {f"head_{a}": head for a in ("yaw", "pitch", "roll")}
    channels = dict(c.channels)
    for name, f in factors.items():
        old = channels[name]
        gains = tuple(1 + (g - 1) * f for g in old.gains)
        channels[name] = replace(old, table=old.table * f, gains=gains)
    drivers = c.drivers * np.array([head, head, head, gaze, gaze, 1.0, 1, 1, 1, 1, gaze, gaze])
    drivers[:, 6:10] = 1 + (drivers[:, 6:10] - 1) * gaze
    return replace(c, channels=channels, drivers=drivers)


def gaze_error_deg(model: ErrorModel, condition: str = "clear") -> float:
    """Mean angle between gaze and truth, road looks, driver's own bias taken out as calibration
    does: from the tables' median spread in yaw and pitch."""
    c = model.conditions[condition].channels
    sd = [np.degrees((c[f"gaze_{a}"].table[0, 9] - c[f"gaze_{a}"].table[0, 3]) / 2) for a in AXES]
    return float(np.hypot(*sd) * np.sqrt(np.pi / 4))


AXES = ("yaw", "pitch")


def farness(yaw: F64, pitch: F64) -> F64:
    """How far off two angles are together: their standard normal scores -> that of their distance
    from none (Rayleigh)."""
    return np.asarray(np.interp(yaw**2 + pitch**2, _FAR_AT, _FAR))


MOUNTS = ((0.0, 0.0), (-2.0, 6.0), (4.0, -5.0), (-14.0, 8.0), (12.0, 10.0))
"""Cameras behind the wheel, on the column, by the A-pillar: where straight ahead lies in them."""


def perfect() -> ErrorModel:
    """Networks without error, before cameras of MOUNTS."""

    def flat(value: float, rows: int = len(YAW_BINS_DEG) + 1) -> Channel:
        return Channel(np.full((rows, len(Z)), value), 0.1)

    def through(at: F64) -> Channel:
        return Channel(np.repeat(at[:, None], len(Z), 1), 0.1)

    channels = {name: flat(0.0) for name in ("head_yaw", "head_pitch", "head_roll")}
    channels |= {f"gaze_{a}": Channel(flat(0.0).table, 0.1, (1.0, 1.0)) for a in AXES}
    channels |= {
        "open": through(OPEN_AT),
        "closed": through(np.array([0.99, 0.6, 0.05, 0.02, 0.01])),
        "mouth": through(MOUTH_AT),
        "visible": flat(0.97, 2 * len(YAW_BINS_DEG) + 2),
        "rotation_sigma": flat(np.radians(3.0)),
        "gaze_sigma": flat(np.radians(4.0)),
        "open_sigma": flat(0.06, len(OPEN_AT)),
        "score": flat(0.98),
        "sunglasses": flat(0.02, 1),
        "mask": flat(0.01, 1),
        "occluded": flat(0.01, 1),
    }
    drivers = np.tile([0.0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0], (len(MOUNTS), 1))
    sight = Conditions(channels, drivers, np.array(MOUNTS), np.zeros(len(YAW_BINS_DEG) + 2), 0.1)
    dark = {
        "visible": flat(0.02, 2 * len(YAW_BINS_DEG) + 2),
        "sunglasses": flat(0.97, 1),
    }
    hidden = replace(sight, channels=channels | dark)
    return ErrorModel(_Always(sight, dark_glasses=hidden), {}, 0.2, "no error at all")


class _Always(dict[str, Conditions]):
    """The same for every condition but those named."""

    def __init__(self, sight: Conditions, **others: Conditions) -> None:
        super().__init__(clear=sight, **others)
        self._sight = sight

    def __missing__(self, name: str) -> Conditions:
        return self._sight


def load_errors(path: Path) -> ErrorModel:
    """Read the measured errors. Errors: ErrorsError that says what is wrong with the file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}, expected {FORMAT}")
        conditions = {name: _condition(c) for name, c in data["conditions"].items()}
        actions = {name: np.array(clips, float) for name, clips in data["actions"].items()}
        return ErrorModel(conditions, actions, float(data["action_step_s"]), str(data["source"]))
    except OSError as error:
        raise ErrorsError(f"{path}: {error.strerror}", fix="measure: tools/film errors") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ErrorsError(f"{path}: not a file of measured errors", str(error)) from error


def _condition(data: Mapping[str, Any]) -> Conditions:
    channels = {
        name: Channel(
            np.array(c["quantiles"], float), float(c["tau_s"]),
            tuple(float(g) for g in c.get("gains", [1.0])), float(c.get("shared", 1.0)),
            tuple(np.array(table, float) for table in c.get("own", [])),
            tuple(float(r) for r in c.get("with_error", [])),
        )
        for name, c in data["channels"].items()
    }  # fmt: skip
    drivers = np.array(data["drivers"], float).reshape(-1, 12)
    cameras = np.array(data["cameras"], float).reshape(len(drivers), 2)
    lost, run_s = np.array(data["lost"], float), float(data["lost_run_s"])
    return Conditions(channels, drivers, cameras, lost, run_s)
