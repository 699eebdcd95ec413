"""A small vehicle for benches: what it says follows a profile over time, or a hand on the keys.

Speaks this project's own vehicle messages, or a car's (carsim.py). Pure: time is an argument, from
the simulator's start.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from dms.config.build import ConfigError
from dms.config.param import MS
from dms.config.yaml_strict import Layer, Text, parse_layer, read_layer
from dms.messages import MESSAGES
from dms.signals import Message, NoValue, Signal, Value, encode

SECOND = 1_000_000_000
MESSAGES_OF_VEHICLE = tuple(m for m in MESSAGES if m.sender == "Vehicle")
SIGNALS: Mapping[str, Signal] = {s.name: s for m in MESSAGES_OF_VEHICLE for s in m.signals}
NO_VALUES = {none.value.lower(): none for none in NoValue} | {"null": NoValue.NOT_AVAILABLE}


class Fault(Enum):
    """How the simulated vehicle misbehaves on the bus."""

    NONE = "none"
    WRONG_CRC = "wrong_crc"
    FROZEN_COUNTER = "frozen_counter"
    SILENT = "silent"


Points = list[tuple[int, Value]]


@dataclass(frozen=True, slots=True)
class Profile:
    """Values over time. Numbers go in a straight line from point to point, choices step."""

    points: Mapping[str, Points] = field(default_factory=dict)
    faults: tuple[tuple[int, Fault], ...] = ()
    end_ns: int = 0
    """Time of the last point."""
    loop: bool = False

    def values(self, t_ns: int) -> dict[str, Value]:
        """What holds at `t_ns`; before its first point a signal is not available."""
        at = self._wrapped(t_ns)
        return {name: _at(SIGNALS[name], points, at) for name, points in self.points.items()}

    def told(self) -> dict[str, list[Value]]:
        """All that it says of each signal, at its points."""
        return {
            name: [value for _, value in points] + [NoValue.NOT_AVAILABLE] * (points[0][0] > 0)
            for name, points in self.points.items()
        }

    def fault(self, t_ns: int) -> Fault:
        """The misbehaviour that holds at `t_ns`."""
        at = self._wrapped(t_ns)
        return next((f for since, f in reversed(self.faults) if since <= at), Fault.NONE)

    def over(self, t_ns: int) -> bool:
        """Whether it has run through."""
        return not self.loop and t_ns > self.end_ns

    def _wrapped(self, t_ns: int) -> int:
        return t_ns % self.end_ns if self.loop and self.end_ns else t_ns


def _at(signal: Signal, points: Points, t_ns: int) -> Value:
    index = bisect_right(points, t_ns, key=lambda point: point[0])
    if index == 0:
        return NoValue.NOT_AVAILABLE
    start_ns, value = points[index - 1]
    if index == len(points) or signal.table or isinstance(value, NoValue):
        return value
    end_ns, target = points[index]
    if isinstance(target, NoValue):
        return value
    return value + (target - value) * (t_ns - start_ns) / (end_ns - start_ns)


def load_profile(path: Path) -> Profile:
    """Read a profile: `loop: true`, and under `at:` for each time in seconds the signals that get a
    value, and `fault`. ConfigError lists every mistake in it."""
    return _profile(read_layer(path))


def parse_profile(data: bytes, name: str = "profile") -> Profile:
    """The same from bytes. ConfigError lists every mistake in it."""
    return _profile(parse_layer(data, name))


def _profile(layer: Layer) -> Profile:
    if layer.errors and not layer.tree:
        raise ConfigError(layer.errors)
    wrong = list(layer.errors)
    tree = dict(layer.tree)
    loop = tree.pop("loop", Text("false", True, layer.name))
    if not isinstance(loop, Text) or loop.text not in ("true", "false"):
        wrong.append(f"{layer.where.get('loop', layer.name)}: loop: true or false is needed")
    steps = tree.pop("at", {})
    wrong += [f"{layer.where[key]}: {key}: unknown; there are loop and at" for key in tree]
    if not isinstance(steps, dict) or not steps:
        wrong.append(f"{layer.where.get('at', layer.name)}: at: needs a time with its signals")
        raise ConfigError(wrong)
    points: dict[str, Points] = {}
    faults: list[tuple[int, Fault]] = []
    times = [_seconds_ns(key) for key in steps]
    for (key, step), t_ns in zip(steps.items(), times, strict=True):
        where = layer.where[f"at.{key}"]
        if t_ns is None or not isinstance(step, dict):
            wrong.append(f"{where}: at.{key}: seconds, 0 to 86400, with signals below are needed")
            continue
        for name, text in step.items():
            wrong += _take(name, text, t_ns, layer.where[f"at.{key}.{name}"], points, faults)
    known = [t for t in times if t is not None]
    if known != sorted(set(known)):
        wrong.append(f"{layer.where['at']}: at: times must rise")
    if wrong:
        raise ConfigError(wrong)
    looped = isinstance(loop, Text) and loop.text == "true"
    return Profile(points, tuple(faults), max(known), looped)


def _seconds_ns(text: str) -> int | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return round(seconds * SECOND) if 0 <= seconds <= 86400 else None


def _take(
    name: str,
    text: Any,
    t_ns: int,
    where: str,
    points: dict[str, Points],
    faults: list[tuple[int, Fault]],
) -> list[str]:
    """One signal of one step; what is wrong with it."""
    if not isinstance(text, Text):
        return [f"{where}: {name}: a value is needed"]
    if name == "fault":
        if text.text not in {fault.value for fault in Fault}:
            return [f"{where}: fault: one of {', '.join(fault.value for fault in Fault)}"]
        faults.append((t_ns, Fault(text.text)))
        return []
    if name not in SIGNALS:
        return [f"{where}: {name}: no such signal; there are {', '.join(SIGNALS)}"]
    value = value_of_text(SIGNALS[name], text.text)
    if value is None:
        return [f"{where}: {name}: {text.text!r} is not {expected(SIGNALS[name])}"]
    points.setdefault(name, []).append((t_ns, value))
    return []


def value_of_text(signal: Signal, text: str) -> Value | None:
    """A value as a person writes it: a number, a name of the table, or why there is none."""
    if text.lower() in NO_VALUES:
        return NO_VALUES[text.lower()]
    names = {name.lower(): float(raw) for raw, name in signal.table}
    if signal.table:
        return names.get(text.lower())
    try:
        number = float(text)
    except ValueError:
        return None
    return number if signal.minimum <= number <= signal.maximum else None


def expected(signal: Signal) -> str:
    """What may be written for it."""
    if signal.table:
        return "one of " + ", ".join(name for _, name in signal.table)
    return f"a number from {signal.minimum:g} to {signal.maximum:g} {signal.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class SimFrame:
    """One frame to send."""

    t_ns: int
    can_id: int
    data: bytes
    extended: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Outgoing:
    """A message that a vehicle sends."""

    can_id: int
    extended: bool
    period_ns: int
    protected: bool
    """Whether it has a CRC and a counter that can be wrong."""
    encode: Callable[[Mapping[str, Value], int], bytes]
    """The bytes that say these values, with this counter. Never raises."""


def _ours(message: Message) -> Outgoing:
    def encoded(values: Mapping[str, Value], counter: int) -> bytes:
        return encode(message, with_validity(values), counter).data

    return Outgoing(message.can_id, False, message.period_ms * MS, True, encoded)


class Vehicle:
    """The vehicle's frames, each message on a grid of absolute deadlines from 0."""

    def __init__(self, messages: Sequence[Outgoing] | None = None) -> None:
        """None: this project's own messages."""
        self.skipped = 0
        """Deadlines that passed unused."""
        ours = [_ours(message) for message in MESSAGES_OF_VEHICLE]
        self._next = dict.fromkeys(ours if messages is None else messages, 0)
        self._sent: Counter[Outgoing] = Counter()

    def next_ns(self) -> int:
        """When the next frame is due."""
        return min(self._next.values())

    def due(
        self, t_ns: int, values: Callable[[int], Mapping[str, Value]], fault: Fault
    ) -> list[SimFrame]:
        """The frames due now; of those long past only the last."""
        frames = []
        for message, at in self._next.items():
            if at > t_ns:
                continue
            late = (t_ns - at) // message.period_ns
            self.skipped += late
            at += late * message.period_ns
            self._next[message] = at + message.period_ns
            if fault is not Fault.SILENT:
                frames.append(self._frame(message, at, values(at), fault))
        return frames

    def _frame(
        self, message: Outgoing, t_ns: int, values: Mapping[str, Value], fault: Fault
    ) -> SimFrame:
        data = bytearray(message.encode(values, self._sent[message]))
        if fault is not Fault.FROZEN_COUNTER:
            self._sent[message] += 1
        if fault is Fault.WRONG_CRC and message.protected:
            data[0] ^= 0xFF
        return SimFrame(t_ns, message.can_id, bytes(data), message.extended)


def with_validity(values: Mapping[str, Value]) -> dict[str, Value]:
    """`values`, and for each signal that has a `...Valid` beside it whether it has a value."""
    implied = {
        name: float(isinstance(values.get(name.removesuffix("Valid")), float))
        for name in SIGNALS
        if name.endswith("Valid") and name.removesuffix("Valid") in SIGNALS
    }
    return {**implied, **values}
