"""What the monitor takes from a vehicle: each quantity with its units, names, time-out and what its
absence means. Where a car says it is a file under configs/car/, read by car.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from dms.types import Gear, Ignition, Indicator

YES_NO: Mapping[str, Any] = {"no": False, "yes": True}


@dataclass(frozen=True, slots=True)
class Quantity:
    """One field of VehicleState. A number has units, a choice has names."""

    attribute: str
    """The field."""
    meaning: str
    absent: str
    """What follows when it is missing, invalid or not mapped."""
    timeout_ms: int
    """Older than this it is not known, unless the car's file says otherwise."""
    units: Mapping[str, float] = field(default_factory=dict)
    """Factor from a unit to the field's."""
    span: tuple[float, float] = (-math.inf, math.inf)
    """What is plausible, in the field's unit; anything else is invalid."""
    names: Mapping[str, Any] = field(default_factory=dict)
    finish: Callable[[float], Any] = float


def _whole_us(t_ns: float) -> int:
    """A float holds no more of the present age in nanoseconds."""
    return round(t_ns / 1000) * 1000


def _names(kind: type[IntEnum]) -> Mapping[str, Any]:
    return {member.name.lower(): member for member in kind}


QUANTITIES: Mapping[str, Quantity] = {
    "speed": Quantity(
        "speed_mps",
        "speed over ground; its sign is dropped",
        "the speed is unknown: `FaultVehicle` is set, reason `SpeedUnknown`; one that was lost "
        "keeps its last verdict of driving, that of not driving for `alerts.speed_lost_ms`; after "
        "that, and never heard, it counts as `alerts.unknown_speed_is_driving` says",
        1000,
        {"km/h": 1 / 3.6, "m/s": 1.0, "mph": 0.44704},
        (-150.0, 150.0),
        finish=abs,
    ),
    "ignition": Quantity(
        "ignition",
        "position of the ignition",
        "taken as on",
        2000,
        names=_names(Ignition),
    ),
    "gear": Quantity(
        "gear",
        "engaged direction; drive is any forward gear",
        "no exemption for reversing",
        500,
        names=_names(Gear),
    ),
    "steering": Quantity(
        "steering_rad",
        "steering-wheel angle, above 0 turned to the left (a negative scale turns it round)",
        "no exemption for looks into a bend or a turn",
        500,
        {"deg": math.pi / 180, "rad": 1.0},
        (-35.0, 35.0),
    ),
    "indicator": Quantity(
        "indicator",
        "what the driver signals",
        "no exemption for looks into a lane change or a turn",
        1000,
        names=_names(Indicator),
    ),
    "brake": Quantity(
        "brake_pressed",
        "brake pedal",
        "pressing it does not put off the emergency",
        500,
        names=YES_NO,
    ),
    "accelerator": Quantity(
        "accelerator",
        "accelerator pedal, 0 released",
        "moving it does not put off the emergency",
        500,
        {"%": 0.01, "1": 1.0},
        (0.0, 1.0),
    ),
    "seat_occupied": Quantity(
        "seat_occupied",
        "somebody sits on the driver's seat",
        "taken as occupied; a change of driver is noticed by the face alone",
        2000,
        names=YES_NO,
    ),
    "door_open": Quantity(
        "door_open",
        "the driver's door",
        "a change of driver is noticed by the face alone",
        2000,
        names=YES_NO,
    ),
    "belt_fastened": Quantity(
        "belt_fastened",
        "the driver's belt",
        "a change of driver is noticed by the face alone",
        2000,
        names=YES_NO,
    ),
    "assistance": Quantity(
        "assistance_active",
        "a system steers and holds the speed, supervised by the driver",
        "taken as not active: the rules for manual driving hold",
        500,
        names=YES_NO,
    ),
    "acknowledged": Quantity(
        "acknowledged",
        "the driver acknowledges a warning, while the button is pressed",
        "nothing is acknowledged: alerts end by what is seen",
        1000,
        names=YES_NO,
    ),
    "cabin_light": Quantity(
        "cabin_light",
        "a light in the cabin is on",
        "nothing: no rule uses it yet",
        5000,
        names=YES_NO,
    ),
    "utc": Quantity(
        "utc_ns",
        "the vehicle's clock: UTC since 1970 as one number",
        "nothing: no rule uses it yet",
        5000,
        {"s": 1e9, "ms": 1e6, "us": 1e3},
        (0.0, 9.2e18),
        finish=_whole_us,
    ),
}
"""By their key in a car's file."""
