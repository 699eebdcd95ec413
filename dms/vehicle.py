"""What the vehicle says: frames of a car's own messages become the VehicleState.

Pure: time is an argument. A value counts only from a message that passed its check, and only until
its time-out; a message that fails its check ERRORS_MAX times in a row, or comes late, takes its
values with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dms import e2e
from dms.car import OUR_CAR, CarConfig, SignalConfig, ranges
from dms.config.param import MS
from dms.quantities import QUANTITIES, Quantity
from dms.types import VehicleState

ERRORS_MAX = 3
"""Bad messages in a row that make the input invalid: as many as the counter tolerates lost."""
CLOCK = QUANTITIES["utc"].attribute
"""Goes on between messages."""


@dataclass(frozen=True, slots=True)
class InputHealth:
    """How the vehicle's messages fare. `fault`: there is no speed, or a message that was there is
    missing or wrong now. The rest counts since the start."""

    fault: bool
    wrong_crc: int = 0
    repeated: int = 0
    jumped: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes one quantity out of a message."""

    quantity: Quantity
    timeout_ns: int
    read: Callable[[int, int], Any]
    """The message as little- and as big-endian number to the value; None: there is none."""


class _Heard:
    """One message of the car."""

    def __init__(self, signals: Sequence[tuple[Quantity, SignalConfig]]) -> None:
        self.readers = tuple(
            _Reader(q, (s.timeout_ms or q.timeout_ms) * MS, reading(q, s)) for q, s in signals
        )
        self.timeout_ns = min(reader.timeout_ns for reader in self.readers)
        self.values: dict[str, Any] = {}
        self.heard_ns: int | None = None
        first = signals[0][1]
        self._length = first.length
        protected = first.e2e_data_id is not None
        self._checker = (
            e2e.Checker(first.e2e_data_id or 0, first.length, first.e2e_max_step)
            if protected
            else None
        )
        self._errors = 0

    def take(self, data: bytes, t_ns: int) -> list[str]:
        """One frame; the verdicts on it."""
        late = self.heard_ns is not None and t_ns - self.heard_ns > self.timeout_ns
        if late:
            self._forget()
        verdict, usable = self._check(data)
        if usable:
            self._errors, self.heard_ns = 0, t_ns
            little, big = int.from_bytes(data, "little"), int.from_bytes(data, "big")
            self.values = {r.quantity.attribute: r.read(little, big) for r in self.readers}
        elif verdict != e2e.Verdict.INITIAL.value:
            self._errors += 1
            if self._errors >= ERRORS_MAX:
                self.values = {}
        return ["late", verdict] if late else [verdict]

    def _forget(self) -> None:
        """After a time-out counters are compared anew."""
        self.values, self.heard_ns = {}, None
        if self._checker is not None:
            self._checker = replace(self._checker, last=None)

    def _check(self, data: bytes) -> tuple[str, bool]:
        if self._checker is None:
            right = len(data) == self._length
            return ("unprotected" if right else "wrong_length"), right
        self._checker, verdict = self._checker.check(data)
        return verdict.value, verdict.usable

    def at(self, t_ns: int) -> dict[str, Any]:
        """What holds at `t_ns`."""
        if self.heard_ns is None or not self.values:
            return {}
        age_ns = t_ns - self.heard_ns
        said = {
            r.quantity.attribute: self.values[r.quantity.attribute]
            for r in self.readers
            if age_ns <= r.timeout_ns
        }
        if said.get(CLOCK) is not None:
            said[CLOCK] += age_ns
        return said

    def sound(self, t_ns: int) -> bool:
        """Whether it comes in time and passes its check."""
        fresh = self.heard_ns is not None and t_ns - self.heard_ns <= self.timeout_ns
        return fresh and self._errors < ERRORS_MAX


class VehicleInput:
    """Takes every received frame; knows the vehicle's state at any later time."""

    def __init__(self, car: CarConfig = OUR_CAR) -> None:
        self.verdicts: Counter[str] = Counter()
        """How often each verdict was given; see docs/can.md."""
        self._messages = {
            place: _Heard([(QUANTITIES[k], s) for k, s in car.signals().items() if _at(s) == place])
            for place in car.identifiers()
        }
        self._known: set[tuple[int, bool]] = set()

    def on_frame(self, can_id: int, extended: bool, data: bytes, t_ns: int) -> None:
        """One frame from the bus, ours or not. Never raises."""
        place = (can_id, extended)
        if (message := self._messages.get(place)) is not None:
            self.verdicts.update(message.take(data, t_ns))
            self._known.add(place)

    def state(self, t_ns: int) -> VehicleState:
        """What holds at `t_ns`; None is what was never heard, is invalid or too old."""
        said: dict[str, Any] = {"speed_mps": None}
        for message in self._messages.values():
            said |= message.at(t_ns)
        return VehicleState(t_ns, **said)

    def health(self, t_ns: int) -> InputHealth:
        """Counters, and whether something is missing or wrong at `t_ns`."""
        n = self.verdicts
        return InputHealth(
            fault=self.state(t_ns).speed_mps is None
            or not all(self._messages[place].sound(t_ns) for place in self._known),
            wrong_crc=n["wrong_crc"] + n["wrong_length"],
            repeated=n["repeated"],
            jumped=n["jumped"],
            late=n["late"],
        )


def _at(s: SignalConfig) -> tuple[int, bool]:
    return s.can_id or 0, s.extended


def reading(quantity: Quantity, s: SignalConfig) -> Callable[[int, int], Any]:
    """What turns a message, as little- and as big-endian number, into the quantity's value in the
    unit of VehicleState; None: it says that there is none."""
    raw = _raw(s, s.start_bit or 0, s.bits or 1, s.signed)
    valid = (
        None
        if s.valid_start_bit is None
        else _raw(s, s.valid_start_bit, s.valid_bits, signed=False)
    )
    none = ranges(s.invalid_raw) or [] if s.invalid_raw is not None else []
    mean = _choice(quantity, s) if quantity.names else _number(quantity, s)

    def read(little: int, big: int) -> Any:
        if valid is not None and valid(little, big) != s.valid_raw:
            return None
        value = raw(little, big)
        if any(low <= value <= high for low, high in none):
            return None
        return mean(value)

    return read


def _raw(s: SignalConfig, start: int, bits: int, signed: bool) -> Callable[[int, int], int]:
    shift, mask, big_endian = s.shift(start, bits) or 0, (1 << bits) - 1, s.byte_order == "big"

    def read(little: int, big: int) -> int:
        value = (big if big_endian else little) >> shift & mask
        return value - (1 << bits) if signed and value >> bits - 1 else value

    return read


def _number(quantity: Quantity, s: SignalConfig) -> Callable[[int], Any]:
    factor, (low, high) = quantity.units[s.unit], quantity.span

    def mean(raw: int) -> Any:
        too_low = s.min_raw is not None and raw < s.min_raw
        if too_low or (s.max_raw is not None and raw > s.max_raw):
            return None
        value = (raw * s.scale + s.offset) * factor
        return quantity.finish(value) if low <= value <= high else None

    return mean


def _choice(quantity: Quantity, s: SignalConfig) -> Callable[[int], Any]:
    table = [
        (low, high, quantity.names[name])
        for name, raws in s.values
        for low, high in ranges(raws) or ()
    ]

    def mean(raw: int) -> Any:
        return next((value for low, high, value in table if low <= raw <= high), None)

    return mean
