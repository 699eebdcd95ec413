"""A car's own messages the other way round: what its file under configs/car/ reads, as bytes.

For benches. A value becomes the raw value that the monitor's own reader (vehicle.py) takes for it,
so that what is sent is what is understood. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dms import e2e
from dms.car import OUR_CAR, CarConfig, SignalConfig, ranges
from dms.config.build import ConfigError
from dms.config.param import MS
from dms.quantities import QUANTITIES
from dms.signals import NoValue, Signal, Value
from dms.vehicle import reading
from dms.vehicle_messages import RECEIVED
from dms.vehiclesim import Outgoing, expected

CYCLES_IN_TIMEOUT = 10
"""A car's file gives no cycle times: each message comes so often within its shortest time-out."""
CODES = 256
"""So many raw values, the lowest, are tried to say that there is no value."""


def _our_signal(s: SignalConfig) -> Signal:
    ours = next(m for m in RECEIVED if m.can_id == s.can_id)
    return next(signal for signal in ours.signals if signal.start == s.start_bit)


OURS: Mapping[str, Signal] = {key: _our_signal(s) for key, s in OUR_CAR.signals().items()}
"""What each quantity is called, and its unit, in this project's own vehicle messages."""


class _Field:
    """One quantity in a message of the car."""

    def __init__(self, key: str, s: SignalConfig) -> None:
        self.key, self.layout, self.signal = key, s, OURS[key]
        self._quantity = QUANTITIES[key]
        self._read = reading(self._quantity, s)
        self.mask = self._laid(-1, ~0)
        """Its bits, of the message as one little-endian number."""
        self._nothing = next((w for w in self._blanks() if self._heard(w) is None), None)

    def word(self, value: Value) -> int | None:
        """The message, as one little-endian number, that says only this; None: it cannot."""
        if isinstance(value, NoValue):
            return self._nothing
        quantity, s = self._quantity, self.layout
        if quantity.names:
            name = dict(self.signal.table)[round(value)].lower()
            said = ranges(dict(s.values).get(name)) or []
            wanted, slack = quantity.names[name], 0.0
            raws: Iterable[int] = (low for low, _ in said)
        else:
            wanted = quantity.finish(value * quantity.units[self.signal.unit])
            slack = abs(s.scale) * quantity.units[s.unit] + 1e-9 * abs(wanted)
            raws = _nearest((wanted / quantity.units[s.unit] - s.offset) / s.scale)
        words = (self._laid(raw, s.valid_raw) for raw in raws if self._fits(raw))
        return next((w for w in words if _same(self._heard(w), wanted, slack)), None)

    def _heard(self, word: int) -> Any:
        """What the monitor takes it for."""
        data = word.to_bytes(self.layout.length, "little")
        return self._read(word, int.from_bytes(data, "big"))

    def _blanks(self) -> Iterator[int]:
        """Messages that may say that there is no value."""
        s = self.layout
        if s.valid_start_bit is not None:
            yield self._laid(0, ~s.valid_raw)
        ends = [end for pair in ranges(s.invalid_raw) or () for end in pair]
        ends += [limit + 1 for limit in (s.max_raw,) if limit is not None]
        ends += [limit - 1 for limit in (s.min_raw,) if limit is not None]
        for raw in (*ends, *self._span(), *range(CODES)):
            if self._fits(raw):
                yield self._laid(raw, s.valid_raw)

    def _span(self) -> tuple[int, int]:
        """The highest and the lowest raw value."""
        bits, signed = self.layout.bits or 1, self.layout.signed
        return (1 << bits - signed) - 1, -(1 << bits - 1) if signed else 0

    def _fits(self, raw: int) -> bool:
        high, low = self._span()
        return low <= raw <= high

    def _laid(self, raw: int, valid: int) -> int:
        s = self.layout
        word = _placed(s, s.start_bit or 0, s.bits or 1, raw)
        if s.valid_start_bit is not None:
            word |= _placed(s, s.valid_start_bit, s.valid_bits, valid)
        if s.byte_order == "big":
            return int.from_bytes(word.to_bytes(s.length, "big"), "little")
        return word


def _placed(s: SignalConfig, start: int, bits: int, raw: int) -> int:
    return (raw & (1 << bits) - 1) << (s.shift(start, bits) or 0)


def _nearest(exact: float) -> Sequence[int]:
    """Whole numbers beside it, the nearest first."""
    return (round(exact), math.floor(exact), math.ceil(exact)) if math.isfinite(exact) else ()


def _same(heard: Any, wanted: Any, slack: float) -> bool:
    return heard is not None and abs(heard - wanted) <= slack


class CarVoice:
    """What a car can say, by the names of this project's own vehicle messages."""

    def __init__(self, car: CarConfig) -> None:
        """ConfigError when two quantities share bits, so that not both can be said."""
        self._car = car
        self._fields = {OURS[key].name: _Field(key, s) for key, s in car.signals().items()}
        wrong = [line for fields in self._messages() for line in _overlaps(fields)]
        if wrong:
            raise ConfigError([f"car {car.name}: {line}" for line in wrong])

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that it has."""
        return tuple(self._fields)

    def can_say(self, name: str, value: Value) -> bool:
        """Whether it has a raw value for it."""
        return name in self._fields and self._fields[name].word(value) is not None

    def outgoing(self, told: Mapping[str, Iterable[Value]]) -> list[Outgoing]:
        """Its messages in which something is that will be `told`; a signal that never is says that
        it has no value. ConfigError lists all that the car cannot say."""
        chosen = [some for some in self._messages() if any(f.signal.name in told for f in some)]
        has = ", ".join(self.names) or "no signals"
        wrong = [
            f"{name}: not in its file, which has {has}" for name in told if name not in self._fields
        ]
        for field in (field for fields in chosen for field in fields):
            values = told.get(field.signal.name, (NoValue.NOT_AVAILABLE,))
            wrong += [_unsaid(field, v) for v in dict.fromkeys(values) if field.word(v) is None]
        if wrong:
            raise ConfigError([f"car {self._car.name}: {line}" for line in wrong])
        return [_outgoing(fields) for fields in chosen]

    def _messages(self) -> list[list[_Field]]:
        """The fields of each message."""
        found: dict[tuple[int | None, bool], list[_Field]] = {}
        for field in self._fields.values():
            place = field.layout.can_id, field.layout.extended
            found.setdefault(place, []).append(field)
        return list(found.values())


def _overlaps(fields: Sequence[_Field]) -> Iterator[str]:
    protected = fields[0].layout.e2e_data_id is not None
    taken = [((1 << e2e.HEADER_BITS) - 1, "the protection")] if protected else []
    for field in fields:
        yield from (f"{field.key}: shares bits with {who}" for m, who in taken if m & field.mask)
        taken.append((field.mask, field.key))


def _unsaid(field: _Field, value: Value) -> str:
    name = field.signal.name
    if isinstance(value, NoValue):
        return f"{name}: has no raw value for none: give {expected(field.signal)}"
    said = dict(field.signal.table).get(round(value), f"{value:g} {field.signal.unit}".rstrip())
    return f"{name}: has no raw value for {said}"


def _outgoing(fields: Sequence[_Field]) -> Outgoing:
    first = fields[0].layout
    timeouts = (f.layout.timeout_ms or QUANTITIES[f.key].timeout_ms for f in fields)

    def encoded(values: Mapping[str, Value], counter: int) -> bytes:
        word = 0
        for field in fields:
            said = field.word(values.get(field.signal.name, NoValue.NOT_AVAILABLE))
            # on the way between two values there may be one that the car cannot say
            word |= (field.word(NoValue.NOT_AVAILABLE) or 0) if said is None else said
        data = word.to_bytes(first.length, "little")
        return data if first.e2e_data_id is None else e2e.protect(first.e2e_data_id, data, counter)

    return Outgoing(
        first.can_id or 0,
        first.extended,
        min(timeouts) * MS // CYCLES_IN_TIMEOUT,
        first.e2e_data_id is not None,
        encoded,
    )
