"""What this project's own vehicle messages look like, for benches, simulators and rendered drives.

A car says the same with messages of its own; which is a file under configs/car/.
"""

from __future__ import annotations

from dms.fields import choice, entries, number, yes_no
from dms.signals import Message, NoValue, Value, encode, in_order
from dms.types import Gear, Ignition, Indicator

KMH_PER_MPS = 3.6

VEHICLE_MOTION = Message(
    name="Vehicle_Motion",
    can_id=0x120,
    data_id=0xD120,
    period_ms=20,
    comment="How the vehicle moves. Without it the speed is unknown.",
    sender="Vehicle",
    receiver="DMS",
    missing_ms=1000,
    content=in_order(
        choice("SpeedValid", 4, ((0, "No"), (1, "Yes")), "Whether Speed may be used."),
        number("Speed", 16, (0.0, 655.3, 0.01, "km/h"), "Speed over ground, never below 0."),
    ),
)

VEHICLE_CONTROLS = Message(
    name="Vehicle_Controls",
    can_id=0x121,
    data_id=0xD121,
    period_ms=20,
    comment="What the driver does with the controls.",
    sender="Vehicle",
    receiver="DMS",
    missing_ms=500,
    content=in_order(
        number(
            "SteeringAngle",
            14,
            (-780.0, 780.0, 0.1, "deg"),
            "Steering-wheel angle: above 0 turned to the left, 0 straight ahead.",
        ),
        choice("Gear", 4, entries(Gear), "Engaged direction; Drive is any forward gear."),
        choice("Indicator", 4, entries(Indicator), "What the driver signals; not the lamp."),
        yes_no("BrakePressed", "Whether the brake pedal is pressed."),
        number("Accelerator", 8, (0.0, 100.0, 0.5, "%"), "Accelerator pedal, 0 released."),
        yes_no("AssistanceActive", "Whether a system steers and holds the speed, supervised."),
        yes_no("Acknowledged", "The driver acknowledges a warning, while the button is pressed."),
    ),
)

VEHICLE_BODY = Message(
    name="Vehicle_Body",
    can_id=0x122,
    data_id=0xD122,
    period_ms=100,
    comment="Ignition, and what is around the driver.",
    sender="Vehicle",
    receiver="DMS",
    missing_ms=2000,
    content=in_order(
        choice("Ignition", 4, entries(Ignition), "Position of the ignition; Start: being cranked."),
        yes_no("SeatOccupied", "Whether somebody sits on the driver's seat."),
        yes_no("DoorOpen", "Whether the driver's door is open."),
        yes_no("BeltFastened", "Whether the driver's belt is fastened."),
        yes_no("CabinLight", "Whether a light in the cabin is on."),
    ),
)

VEHICLE_TIME = Message(
    name="Vehicle_Time",
    can_id=0x123,
    data_id=0xD123,
    period_ms=1000,
    comment="The vehicle's clock.",
    sender="Vehicle",
    receiver="DMS",
    missing_ms=5000,
    content=in_order(
        number("UtcTime", 44, (0.0, 17592186044412.0, 1.0, "ms"), "UTC since 1970-01-01."),
    ),
)

RECEIVED = (VEHICLE_MOTION, VEHICLE_CONTROLS, VEHICLE_BODY, VEHICLE_TIME)


def encode_vehicle_motion(speed_mps: float | None, counter: int) -> tuple[int, bytes]:
    """Identifier and payload of Vehicle_Motion, for simulators and rendered drives."""
    speed: Value = NoValue.NOT_AVAILABLE if speed_mps is None else speed_mps * KMH_PER_MPS
    values: dict[str, Value] = {"SpeedValid": float(speed_mps is not None), "Speed": speed}
    return VEHICLE_MOTION.can_id, encode(VEHICLE_MOTION, values, counter).data
