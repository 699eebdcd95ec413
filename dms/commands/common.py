"""What the verbs share: the configuration, warnings, and how a run with losses ends."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from dms import __version__
from dms.car import CarConfig, load_car
from dms.config import CanConfig, Config, Scalar, load
from dms.errors import Exit, UsageError
from dms.moment import Identity
from dms.types import Frame, Observation


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config FILE` and `--set key=value`."""
    parser.add_argument("--config", metavar="FILE", help="configuration (YAML); see docs/config.md")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="override one key of the configuration, e.g. camera.seat=left",
    )


def duration_s(text: str) -> float:
    """A time to run for [s], as an argument: above 0. Errors: ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def number(low: float, high: float) -> Callable[[str], float]:
    """What reads a number from low to high as an argument. Errors: ArgumentTypeError."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return read


speed_kmh = number(0, 400)
"""Of a car, as an argument."""
fps = number(0.01, 1000)
"""Of a folder of images, as an argument."""


def load_config(
    args: argparse.Namespace,
    weaker: Mapping[str, Scalar] | None = None,
    stronger: Mapping[str, Scalar] | None = None,
) -> Config:
    """The configuration that the arguments ask for. A `weaker` value counts where they leave the
    default, a `stronger` one wins over the file. Errors: UsageError, ConfigError with every
    mistake."""
    overrides: dict[str, Scalar] = dict(stronger or {})
    for item in args.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"--set {item!r} is not KEY=VALUE", fix="e.g. --set camera.seat=left")
        overrides[key.strip()] = value.strip()
    given = load(args.config, overrides)
    extra = {k: v for k, v in (weaker or {}).items() if _at(given, k) == _at(Config(), k)}
    return load(args.config, {**extra, **overrides}) if extra else given


def _at(config: Config, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


class Perception(Protocol):
    """The engine, as far as commands need it."""

    def step(self, frame: Frame) -> Observation: ...
    def still(self, frame: Frame) -> Observation: ...
    def reset(self) -> None: ...


def warn(line: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"dms: {line}\n")


def finish(losses: Iterable[str]) -> Exit:
    """Say what was lost; the exit code that follows."""
    found = list(losses)
    for line in found:
        warn(f"data loss: {line}")
    return Exit.DATA_LOSS if found else Exit.OK


def deg(radians: float | None) -> float | None:
    """Degrees for people, two decimals."""
    return None if radians is None else round(math.degrees(radians), 2)


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Shorter, and None where there is no value."""
    return None if value is None else round(float(value), digits)


def to_json(value: object, indent: int | None = None) -> str:
    """Strict JSON: NaN is an error, not text that no parser takes."""
    return json.dumps(value, allow_nan=False, indent=indent)


def _manifest(config: Config) -> str:
    """The networks' manifest; empty when there is none."""
    from dms.engine import MANIFEST, models_dir  # the native part: what needs none works without

    manifest = models_dir(config.engine.models_dir) / MANIFEST
    return manifest.read_bytes().decode(errors="replace") if manifest.is_file() else ""


def car_for(file: str | None, bus: CanConfig) -> CarConfig:
    """The car of a file, None: our own messages. Errors: ConfigError, and UsageError when the bus
    cannot carry its frames."""
    car = load_car(Path(file) if file else None)
    if car.needs_fd and not bus.fd:
        raise UsageError(f"{file}: this car has messages of CAN FD", fix="--set can.fd=true")
    return car


def identity(config: Config, car: CarConfig) -> Identity:
    """Which monitor this is: version, networks' manifest; settings and the car's signals."""
    settings = {"config": config.to_dict(), "car": asdict(car)}
    return Identity(__version__, _manifest(config), json.dumps(settings, sort_keys=True))
