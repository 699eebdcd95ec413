"""What a CAN signal and message are, and how values become bytes and come back.

Signals are little endian ("Intel") and unsigned, after the 12-bit protection header of e2e.py.
Every signal has raw values for "unknown" (the monitor works but cannot tell), "invalid" (broken)
and "not available" (no data: starting, stalled, shut down). Nothing here ever raises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from dms import e2e


class NoValue(Enum):
    """Why a signal has no value."""

    UNKNOWN = "Unknown"
    INVALID = "Invalid"
    NOT_AVAILABLE = "NotAvailable"


Value = float | NoValue
"""A physical value in the signal's unit (a table entry's number), or why there is none."""

Table = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal. physical = raw * scale + offset; the lowest raw value that means a number is 0.

    `unknown`, `invalid` and `not_available` are raw values; `minimum`, `maximum` physical ones.
    """

    name: str
    start: int
    """Position of the least significant bit, bit 0 = lowest of byte 0."""
    length: int
    comment: str
    unknown: int
    invalid: int
    not_available: int
    scale: float = 1.0
    offset: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    unit: str = ""
    table: Table = ()

    @property
    def top(self) -> int:
        """The largest raw value that means a number."""
        return round((self.maximum - self.offset) / self.scale)

    def names(self) -> dict[int, str]:
        """All raw values that have a name, for the DBC's value table."""
        special = {getattr(self, v.name.lower()): v.value for v in NoValue}
        return {**special, **dict(self.table)}


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message of 8 bytes; `period_ms` is its cycle, `timeout_ms` after which it is missing.

    Each is itself only (no comparing of contents), so that it is quick as a key.
    """

    name: str
    can_id: int
    data_id: int
    """Of the end-to-end protection; unique on the bus."""
    period_ms: int
    comment: str
    sender: str
    receiver: str
    signals: tuple[Signal, ...]
    min_gap_ms: int = 0
    """Above 0: also sent on change, but never closer together than this."""
    missing_ms: int = 0
    """Time-out where it is not three cycles."""

    LENGTH = 8

    @property
    def timeout_ms(self) -> int:
        """Without a good message for this long its content counts as missing."""
        return self.missing_ms or 3 * self.period_ms


@dataclass(frozen=True, slots=True)
class Encoded:
    """A payload, and the signals whose value had to be clamped or was not a number."""

    data: bytes
    clamped: tuple[str, ...]


def raw_of(signal: Signal, value: Value) -> tuple[int, bool]:
    """The raw value that says `value`, and whether it was out of range or no number."""
    if isinstance(value, NoValue):
        return int(getattr(signal, value.name.lower())), False
    if not math.isfinite(value) or (signal.table and value not in dict(signal.table)):
        return signal.invalid, True
    inside = min(max(value, signal.minimum), signal.maximum)
    return round((inside - signal.offset) / signal.scale), inside != value


def value_of(signal: Signal, raw: int) -> Value:
    """What a raw value means; a reserved one is INVALID."""
    for none in NoValue:
        if raw == getattr(signal, none.name.lower()):
            return none
    if raw > signal.top or (signal.table and raw not in dict(signal.table)):
        return NoValue.INVALID
    return raw * signal.scale + signal.offset


def encode(message: Message, values: Mapping[str, Value], counter: int) -> Encoded:
    """The protected 8 bytes. Absent signals are NOT_AVAILABLE, unused bits 0. Never raises."""
    word, clamped = 0, []
    for signal in message.signals:
        raw, bad = raw_of(signal, values.get(signal.name, NoValue.NOT_AVAILABLE))
        word |= raw << signal.start
        if bad:
            clamped.append(signal.name)
    payload = word.to_bytes(Message.LENGTH, "little")
    return Encoded(e2e.protect(message.data_id, payload, counter), tuple(clamped))


def decode(message: Message, data: bytes) -> dict[str, Value]:
    """The values in `data`, its protection unchecked. Never raises; a wrong length is INVALID."""
    if len(data) != Message.LENGTH:
        return {signal.name: NoValue.INVALID for signal in message.signals}
    word = int.from_bytes(data, "little")
    return {s.name: value_of(s, word >> s.start & (1 << s.length) - 1) for s in message.signals}
