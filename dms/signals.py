"""What a CAN signal, message and container are, and how values become bytes and come back.

A message is 8 bytes: the 12-bit protection header of e2e.py, then its signals, unsigned and little
endian ("Intel"), one after the other. It is a classic frame by itself; on CAN FD a container
carries up to eight of them, each still protected for itself. So both have one definition.
Every signal has raw values for "unknown" (the monitor works but cannot tell), "invalid" (broken)
and "not available" (no data: starting, stalled, shut down). Nothing here ever raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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
    start: int = 0
    """Position of the least significant bit in its message, bit 0 = lowest of byte 0."""

    @property
    def top(self) -> int:
        """The largest raw value that means a number."""
        return round((self.maximum - self.offset) / self.scale)

    def names(self) -> dict[int, str]:
        """All raw values that have a name, for the DBC's value table."""
        special = {getattr(self, v.name.lower()): v.value for v in NoValue}
        return {**special, **dict(self.table)}


def in_order(*signals: Signal) -> tuple[Signal, ...]:
    """The signals of a message, each at the first bit that is free. Later versions only append."""
    return tuple(_placed(signals))


def _placed(signals: Iterable[Signal]) -> Iterator[Signal]:
    start = e2e.HEADER_BITS
    for signal in signals:
        yield replace(signal, start=start)
        start += signal.length


class Trigger(Enum):
    """What makes a frame go out between its cycles."""

    ALERT = "the most urgent alert changes"
    AVAILABILITY = "the availability changes, or a result becomes too old"
    EVENT = "an event happens"
    RESULT = "a frame was judged"
    """The cycle then counts from the last frame sent; it only fills a silence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BusFrame:
    """What is sent under one identifier. Each is itself only, so that it is quick as a key."""

    name: str
    can_id: int
    period_ms: int
    comment: str
    sender: str = "DMS"
    receiver: str = "Vehicle"
    triggers: frozenset[Trigger] = frozenset()
    min_gap_ms: int = 0
    """Least time between two of it, however many triggers there are."""
    missing_ms: int = 0
    """Time-out where it is not three cycles."""
    safety: bool = False
    """Kept longest when the bus has no room."""

    @property
    def timeout_ms(self) -> int:
        """Without a good one for this long its content counts as missing."""
        return self.missing_ms or 3 * self.period_ms

    @property
    def sections(self) -> tuple[Message, ...]:
        """The protected messages in it, in their order."""
        raise NotImplementedError

    @property
    def length(self) -> int:
        """Bytes."""
        return Message.LENGTH * len(self.sections)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All signals with a meaning, placed in their own section."""
        return tuple(signal for section in self.sections for signal in section.signals)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Message(BusFrame):
    """8 bytes with one protection header; a classic frame by itself."""

    data_id: int
    """Of the end-to-end protection; the same wherever the message travels."""
    content: tuple[Signal, ...]

    LENGTH = 8

    @property
    def sections(self) -> tuple[Message, ...]:
        """Itself."""
        return (self,)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Its signals."""
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Container(BusFrame):
    """A CAN FD frame of several messages, each with its own protection."""

    parts: tuple[Message, ...]

    @property
    def sections(self) -> tuple[Message, ...]:
        """Its messages."""
        return self.parts


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


def encode(frame: BusFrame, values: Mapping[str, Value], counter: int) -> Encoded:
    """The protected bytes. Absent signals are NOT_AVAILABLE, unused bits 0. Never raises."""
    parts = [_encode(section, values, counter) for section in frame.sections]
    return Encoded(b"".join(p.data for p in parts), tuple(n for p in parts for n in p.clamped))


def _encode(message: Message, values: Mapping[str, Value], counter: int) -> Encoded:
    word, clamped = 0, []
    for signal in message.signals:
        raw, bad = raw_of(signal, values.get(signal.name, NoValue.NOT_AVAILABLE))
        word |= raw << signal.start
        if bad:
            clamped.append(signal.name)
    payload = word.to_bytes(Message.LENGTH, "little")
    return Encoded(e2e.protect(message.data_id, payload, counter), tuple(clamped))


def decode(frame: BusFrame, data: bytes) -> dict[str, Value]:
    """The values in `data`, its protection unchecked. Never raises; a wrong length is INVALID."""
    if len(data) != frame.length:
        return {signal.name: NoValue.INVALID for signal in frame.signals}
    values: dict[str, Value] = {}
    for index, section in enumerate(frame.sections):
        word = int.from_bytes(split(data, index), "little")
        for s in section.signals:
            values[s.name] = value_of(s, word >> s.start & (1 << s.length) - 1)
    return values


def split(data: bytes, index: int) -> bytes:
    """The bytes of one section of a frame."""
    return data[index * Message.LENGTH : (index + 1) * Message.LENGTH]
