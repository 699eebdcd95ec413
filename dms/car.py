"""Which of a car's messages say what: a file under configs/car/, so that a new car needs no code.

A quantity that a file does not name is not there. Where a signal lies is written out, or taken from
the car's DBC by its name. Errors are told all at once, with file, line and key.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from dms.config.build import ConfigError, Mistake, lay
from dms.config.param import param
from dms.config.yaml_strict import Layer, Scalar, read_layer
from dms.dbcfile import DbcSignal, read_dbc
from dms.quantities import QUANTITIES, Quantity
from dms.signals import Message, Signal
from dms.vehicle_messages import (
    VEHICLE_BODY,
    VEHICLE_CONTROLS,
    VEHICLE_MOTION,
    VEHICLE_TIME,
)

__all__ = ["OUR_CAR", "CarConfig", "ConfigError", "SignalConfig", "load_car", "mistakes"]

CAR = "the car's communication matrix"
LAYOUT_KEYS = ("can_id", "start_bit", "bits")
"""What must be known of every signal."""
FD_LENGTHS = (12, 16, 20, 24, 32, 48, 64)
"""Of frames with more than 8 bytes (ISO 11898-1)."""


@dataclass(frozen=True, slots=True)
class SignalConfig:
    """Where one quantity is, and what its raw values mean."""

    signal: str | None = param(
        None, "Message.Signal of the car's DBC, whose layout, scale and unit then hold", CAR
    )
    can_id: int | None = param(None, "identifier", CAR, lo=0, hi=0x1FFFFFFF)
    extended: bool = param(False, "29-bit identifier", CAR)
    length: int = param(8, "bytes of the message", CAR, lo=1, hi=64)
    start_bit: int | None = param(None, "as in a DBC, counted from 0", CAR, lo=0, hi=511)
    bits: int | None = param(None, "length of the signal", CAR, lo=1, hi=64)
    byte_order: str = param(
        "little",
        "little: Intel; big: Motorola, start_bit is then the highest bit",
        CAR,
        choices=("little", "big"),
    )
    signed: bool = param(False, "two's complement", CAR)
    scale: float = param(1.0, "physical value = raw * scale + offset", CAR, lo=-1e12, hi=1e12)
    offset: float = param(0.0, "physical value of raw 0", CAR, lo=-1e18, hi=1e18)
    unit: str = param("", "unit of the physical value, of a number", CAR)
    values: tuple[tuple[str, Scalar], ...] = param(
        (), "of a choice: raw values of each name, as in `drive: 4, 6-9`", CAR
    )
    min_raw: int | None = param(
        None, "smaller raw values mean that there is none", CAR, lo=-(1 << 63), hi=1 << 63
    )
    max_raw: int | None = param(
        None, "larger raw values mean that there is none", CAR, lo=-(1 << 63), hi=1 << 63
    )
    invalid_raw: str | None = param(
        None, "raw values that mean that there is none, as in `254-255`", CAR
    )
    valid_start_bit: int | None = param(
        None, "start of a signal that says that this one is valid; null: none", CAR, lo=0, hi=511
    )
    valid_bits: int = param(1, "its length", CAR, lo=1, hi=8)
    valid_raw: int = param(1, "its value for valid", CAR, lo=0, hi=255)
    timeout_ms: int | None = param(
        None, "older than this it is not known; null: the quantity's own", CAR, lo=10, hi=60000
    )
    e2e_data_id: int | None = param(
        None, "AUTOSAR E2E Profile 11, both bytes; null: not protected", CAR, lo=0, hi=65535
    )
    e2e_max_step: int = param(
        3, "largest step of the counter that is tolerated", "two lost in a row", lo=1, hi=14
    )

    def shift(self, start: int, bits: int) -> int | None:
        """How far a signal is above bit 0 of the message as one number; None: not inside."""
        low = start
        if self.byte_order == "big":
            low = self.length * 8 - (start // 8 * 8 + 7 - start % 8) - bits
        return low if low >= 0 and low + bits <= self.length * 8 else None


@dataclass(frozen=True, slots=True)
class CarConfig:
    """One car's messages: a signal for each quantity that it has."""

    name: str = param("", "of the car", "the vehicle")
    dbc: str | None = param(None, "the car's DBC, beside its file", "the vehicle")
    speed: SignalConfig | None = param(None, "", "")
    ignition: SignalConfig | None = param(None, "", "")
    gear: SignalConfig | None = param(None, "", "")
    steering: SignalConfig | None = param(None, "", "")
    indicator: SignalConfig | None = param(None, "", "")
    brake: SignalConfig | None = param(None, "", "")
    accelerator: SignalConfig | None = param(None, "", "")
    seat_occupied: SignalConfig | None = param(None, "", "")
    door_open: SignalConfig | None = param(None, "", "")
    belt_fastened: SignalConfig | None = param(None, "", "")
    assistance: SignalConfig | None = param(None, "", "")
    acknowledged: SignalConfig | None = param(None, "", "")
    cabin_light: SignalConfig | None = param(None, "", "")
    utc: SignalConfig | None = param(None, "", "")

    def signals(self) -> dict[str, SignalConfig]:
        """What is mapped, by the quantity's key."""
        found = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {key: value for key, value in found if isinstance(value, SignalConfig)}

    def identifiers(self) -> list[tuple[int, bool]]:
        """(identifier, extended) of the messages to listen to."""
        return sorted({(s.can_id or 0, s.extended) for s in self.signals().values()})

    @property
    def needs_fd(self) -> bool:
        """Whether a message of it has more than 8 bytes."""
        return any(s.length > 8 for s in self.signals().values())


def _ours(message: Message, name: str, timeout_ms: int | None = None) -> SignalConfig:
    """A signal of this project's own vehicle messages."""
    signal = next(s for s in message.signals if s.name == name)
    common = SignalConfig(
        can_id=message.can_id,
        start_bit=signal.start,
        bits=signal.length,
        e2e_data_id=message.data_id,
        timeout_ms=timeout_ms,
    )
    if signal.table:
        return replace(common, values=tuple((text.lower(), raw) for raw, text in signal.table))
    return replace(common, **_physical(signal))


def _physical(signal: Signal) -> dict[str, Any]:
    return {
        "scale": signal.scale,
        "offset": signal.offset,
        "unit": signal.unit,
        "max_raw": signal.top,
    }


OUR_CAR = CarConfig(
    name="default",
    speed=replace(
        _ours(VEHICLE_MOTION, "Speed"),
        max_raw=65530,
        valid_start_bit=12,
        valid_bits=4,
        valid_raw=1,
    ),
    ignition=_ours(VEHICLE_BODY, "Ignition"),
    gear=_ours(VEHICLE_CONTROLS, "Gear"),
    steering=_ours(VEHICLE_CONTROLS, "SteeringAngle"),
    indicator=_ours(VEHICLE_CONTROLS, "Indicator"),
    brake=_ours(VEHICLE_CONTROLS, "BrakePressed"),
    accelerator=_ours(VEHICLE_CONTROLS, "Accelerator"),
    seat_occupied=_ours(VEHICLE_BODY, "SeatOccupied"),
    door_open=_ours(VEHICLE_BODY, "DoorOpen"),
    belt_fastened=_ours(VEHICLE_BODY, "BeltFastened"),
    assistance=_ours(VEHICLE_CONTROLS, "AssistanceActive"),
    acknowledged=_ours(VEHICLE_CONTROLS, "Acknowledged"),
    cabin_light=_ours(VEHICLE_BODY, "CabinLight"),
    utc=_ours(VEHICLE_TIME, "UtcTime"),
)
"""The car that speaks this project's own vehicle messages: configs/car/default.yaml."""


def load_car(path: Path | None = None) -> CarConfig:
    """Read a car's file; None: this project's own messages. ConfigError lists every mistake."""
    if path is None:
        return OUR_CAR
    layer = read_layer(path)
    found: list[Mistake] = []
    car = lay(CarConfig(), layer, found)
    car = _with_dbc(_without(car, found), path, layer, found)
    found += [_told(key, what, layer) for key, what in mistakes(_without(car, found))]
    if found:
        raise ConfigError([line for _, line in found])
    return car


def _without(car: CarConfig, found: Sequence[Mistake]) -> CarConfig:
    """Only the signals of which no mistake is known yet: others would follow from it."""
    wrong = {key.partition(".")[0] for key, _ in found} & set(car.signals())
    left_out: dict[str, Any] = dict.fromkeys(wrong)
    return replace(car, **left_out)


def _told(key: str, what: str, layer: Layer) -> Mistake:
    return key, f"{_place(key, layer)}: {key}: {what}"


def _place(key: str, layer: Layer) -> str:
    """file:line of a key, or of what holds it."""
    while key not in layer.where and "." in key:
        key = key.rpartition(".")[0]
    return layer.where.get(key, layer.name)


def _with_dbc(car: CarConfig, path: Path, layer: Layer, found: list[Mistake]) -> CarConfig:
    """The signals that are named by the car's DBC, with what it says of them. Those of which it
    says nothing usable are left out, and told in `found`."""
    named = {key: s for key, s in car.signals().items() if s.signal is not None}
    if not named:
        return car
    laid: dict[str, Any] = dict.fromkeys(named)
    if car.dbc is None:
        what = "needs a dbc: at the top of the file"
        found.append(_told(next(iter(named)) + ".signal", what, layer))
        return replace(car, **laid)
    try:
        known = read_dbc(path.parent / car.dbc)
    except (OSError, ValueError) as error:
        found.append(_told("dbc", f"{car.dbc}: {error}", layer))
        return replace(car, **laid)
    for key, s in named.items():
        if what := _unusable(s.signal or "", known):
            found.append(_told(f"{key}.signal", what, layer))
        else:
            laid[key] = _laid(s, known[s.signal or ""], set(layer.tree[key]))
    return replace(car, **laid)


def _unusable(name: str, known: Mapping[str, DbcSignal]) -> str:
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        return f"{name} is not in the DBC" + (f'; did you mean "{close[0]}"?' if close else "")
    if known[name].multiplexed:
        return f"{name} is multiplexed, which is not supported"
    return f"{name} is a floating-point signal, which is not supported" * known[name].floating


def _laid(s: SignalConfig, found: DbcSignal, given: set[str]) -> SignalConfig:
    """`s` as the DBC lays it out; what the file gives itself stays."""
    said: dict[str, Any] = {
        "can_id": found.can_id,
        "extended": found.extended,
        "length": found.length,
        "start_bit": found.start_bit,
        "bits": found.bits,
        "byte_order": "big" if found.big_endian else "little",
        "signed": found.signed,
        "scale": found.scale,
        "offset": found.offset,
        "unit": found.unit,
    }
    return replace(s, **{key: value for key, value in said.items() if key not in given})


def mistakes(car: CarConfig) -> list[tuple[str, str]]:
    """What no single value can tell: (key path, what is wrong)."""
    signals = car.signals()
    wrong = [
        (f"{key}.{name}" if name else key, what)
        for key, s in signals.items()
        for name, what in _of_signal(s, QUANTITIES[key])
    ]
    return wrong + list(_of_messages(signals))


def _of_signal(s: SignalConfig, quantity: Quantity) -> Iterator[tuple[str, str]]:
    missing = [key for key in LAYOUT_KEYS if getattr(s, key) is None]
    if missing or s.start_bit is None or s.bits is None or s.can_id is None:
        yield "", f"needs {', '.join(missing)} (or signal: with the car's DBC)"
        return
    if not s.extended and s.can_id > 0x7FF:
        yield "can_id", f"0x{s.can_id:X} needs extended: true"
    if s.length > 8 and s.length not in FD_LENGTHS:
        yield "length", f"a frame has 0 to 8, {', '.join(map(str, FD_LENGTHS))} bytes"
    beyond = f"reaches beyond the message's {s.length} bytes"
    if s.bits > 64 or s.shift(s.start_bit, s.bits) is None:
        yield "start_bit", f"the signal {beyond}"
    if s.valid_start_bit is not None and s.shift(s.valid_start_bit, s.valid_bits) is None:
        yield "valid_start_bit", f"the signal {beyond}"
    if s.e2e_data_id is not None and s.length < 2:
        yield "length", "E2E protection needs two bytes"
    if s.scale == 0:
        yield "scale", "must not be 0"
    yield from _of_meaning(s, quantity)


def _of_meaning(s: SignalConfig, quantity: Quantity) -> Iterator[tuple[str, str]]:
    if quantity.units and s.unit not in quantity.units:
        yield "unit", f'"{s.unit}" is not one of {", ".join(quantity.units)}'
    if quantity.units and s.values:
        yield "values", "this is a number and takes a unit"
    if quantity.names and not s.values:
        yield "values", f"needs the raw values of {', '.join(quantity.names)}"
    for name, raws in s.values if quantity.names else ():
        if name not in quantity.names:
            yield f"values.{name}", f"is not one of {', '.join(quantity.names)}"
        if ranges(raws) is None:
            yield f"values.{name}", f"{raws!r} is not a list of raw values, as in 4, 6-9"
    if s.invalid_raw is not None and ranges(s.invalid_raw) is None:
        yield "invalid_raw", f"{s.invalid_raw!r} is not a list of raw values, as in 254-255"


def _of_messages(signals: Mapping[str, SignalConfig]) -> Iterator[tuple[str, str]]:
    """Signals of one message must agree on what they say of it."""
    first: dict[tuple[int | None, bool], tuple[str, SignalConfig]] = {}
    for key, s in signals.items():
        other, theirs = first.setdefault((s.can_id, s.extended), (key, s))
        for name in ("length", "e2e_data_id", "e2e_max_step"):
            if getattr(s, name) != getattr(theirs, name):
                yield f"{key}.{name}", f"differs from {other}.{name}, of the same message"


def ranges(raws: Scalar) -> list[tuple[int, int]] | None:
    """Raw values as written, "4, 6-9", as (first, last) pairs; None: not readable."""
    if isinstance(raws, bool) or raws is None or isinstance(raws, float):
        return None
    if isinstance(raws, int):
        return [(raws, raws)]
    found = []
    for part in raws.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            low = int(first, 0)
            high = int(last, 0) if dash else low
        except ValueError:
            return None
        if low > high:
            return None
        found.append((low, high))
    return found
