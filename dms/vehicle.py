"""What the vehicle says: frames of a car's own message become the VehicleState.

Which message and which bits is a file under configs/car/, so that a new car needs no code. Pure:
time is an argument.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from dms import e2e
from dms.config.build import ConfigError, build
from dms.config.param import MS, param
from dms.config.yaml_strict import read_layer
from dms.messages import VEHICLE_MOTION
from dms.types import VehicleState

__all__ = ["CarConfig", "ConfigError", "SpeedConfig", "VehicleInput", "load_car", "mistakes"]

OURS = "this project's Vehicle_Motion"
MPS_PER = {"km/h": 1 / 3.6, "m/s": 1.0, "mph": 0.44704}


@dataclass(frozen=True, slots=True)
class SpeedConfig:
    """Where the speed is: speed = raw * scale + offset, in `unit`."""

    can_id: int = param(VEHICLE_MOTION.can_id, "identifier", OURS, lo=0, hi=0x1FFFFFFF)
    extended: bool = param(False, "29-bit identifier", OURS)
    length: int = param(8, "bytes of the message", OURS, lo=1, hi=64)
    start_bit: int = param(16, "as in a DBC, counted from 0", OURS, lo=0, hi=511)
    bits: int = param(16, "length of the signal", OURS, lo=1, hi=64)
    byte_order: str = param(
        "little", "little: Intel; big: Motorola", OURS, choices=("little", "big")
    )
    signed: bool = param(False, "two's complement", OURS)
    scale: float = param(0.01, "physical value of one step", OURS, lo=1e-9, hi=1e6)
    offset: float = param(0.0, "physical value of raw 0", OURS, lo=-1e6, hi=1e6)
    unit: str = param("km/h", "unit of the physical value", OURS, choices=tuple(MPS_PER))
    max_raw: int | None = param(
        65530, "larger raw values say that there is no speed; null: none do", OURS, lo=0, hi=1 << 63
    )
    valid_start_bit: int | None = param(
        12,
        "start of a signal that says the speed is valid; null: there is none",
        OURS,
        lo=0,
        hi=511,
    )
    valid_bits: int = param(4, "its length", OURS, lo=1, hi=8)
    valid_raw: int = param(1, "its value for a valid speed", OURS, lo=0, hi=255)
    e2e_data_id: int | None = param(
        VEHICLE_MOTION.data_id, "AUTOSAR E2E Profile 11; null: not protected", OURS, lo=0, hi=65535
    )


@dataclass(frozen=True, slots=True)
class CarConfig:
    """One car's messages."""

    name: str = param("default", "of the car", "the vehicle")
    speed: SpeedConfig = param(SpeedConfig(), "", "")


def load_car(path: Path | None = None) -> CarConfig:
    """Read a car's file; None: the values of configs/car/default.yaml. ConfigError lists every
    mistake in it."""
    return build(CarConfig, [] if path is None else [read_layer(path)], [], mistakes)


def mistakes(car: CarConfig) -> list[tuple[str, str]]:
    """What no single value can tell: (key path, what is wrong)."""
    s, wrong = car.speed, []
    if not s.extended and s.can_id > 0x7FF:
        wrong.append(("speed.can_id", f"0x{s.can_id:X} needs extended: true"))
    fields = [("speed.start_bit", s.start_bit, s.bits)]
    if s.valid_start_bit is not None:
        fields.append(("speed.valid_start_bit", s.valid_start_bit, s.valid_bits))
    wrong += [
        (key, f"the signal reaches beyond the message's {s.length} bytes")
        for key, start, bits in fields
        if _shift(start, bits, s.length, s.byte_order) is None
    ]
    return wrong


def _shift(start: int, bits: int, length: int, order: str) -> int | None:
    """How far the signal is above bit 0 of the message read as one number; None: not inside."""
    low = start
    if order == "big":
        low = length * 8 - (start // 8 * 8 + 7 - start % 8) - bits
    return low if low >= 0 and low + bits <= length * 8 else None


def _extract(data: bytes, start: int, bits: int, order: str) -> int:
    big = order == "big"
    shift = _shift(start, bits, len(data), order) or 0
    return int.from_bytes(data, "big" if big else "little") >> shift & (1 << bits) - 1


class VehicleInput:
    """Takes every received frame; knows the vehicle's state at any later time.

    A speed counts only from a message that passed its check, and only for `timeout_ns`.
    """

    def __init__(self, car: CarConfig, timeout_ns: int = VEHICLE_MOTION.timeout_ms * MS) -> None:
        self.car = car
        self.timeout_ns = timeout_ns
        self.verdicts: Counter[str] = Counter()
        """How often each verdict of the check was given."""
        data_id = car.speed.e2e_data_id
        self._checker = None if data_id is None else e2e.Checker(data_id, car.speed.length)
        self._speed_mps: float | None = None
        self._heard_ns: int | None = None

    def on_frame(self, can_id: int, extended: bool, data: bytes, t_ns: int) -> None:
        """One frame from the bus, ours or not. Never raises."""
        speed = self.car.speed
        if can_id == speed.can_id and extended == speed.extended and self._passes(data):
            self._speed_mps = _speed_mps(speed, data)
            self._heard_ns = t_ns

    def _passes(self, data: bytes) -> bool:
        if self._checker is None:
            right = len(data) == self.car.speed.length
            self.verdicts["unprotected" if right else "wrong_length"] += 1
            return right
        self._checker, verdict = self._checker.check(data)
        self.verdicts[verdict.value] += 1
        return verdict.usable

    def state(self, t_ns: int) -> VehicleState:
        """What holds at `t_ns`; the speed is None when never heard, invalid or too old."""
        heard = self._heard_ns
        fresh = heard is not None and t_ns - heard <= self.timeout_ns
        return VehicleState(t_ns, self._speed_mps if fresh else None)


def _speed_mps(s: SpeedConfig, data: bytes) -> float | None:
    if s.valid_start_bit is not None:
        valid = _extract(data, s.valid_start_bit, s.valid_bits, s.byte_order)
        if valid != s.valid_raw:
            return None
    raw = _extract(data, s.start_bit, s.bits, s.byte_order)
    if s.signed and raw >> s.bits - 1:
        raw -= 1 << s.bits
    if s.max_raw is not None and raw > s.max_raw:
        return None
    return (raw * s.scale + s.offset) * MPS_PER[s.unit]
