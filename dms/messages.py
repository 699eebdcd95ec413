"""The CAN messages: the one definition from which encoder, decoder, DBC and docs/can.md follow.

Identifiers and layout are this project's own; a change of any is a change of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from dms.signals import Message, NoValue, Signal, Table, Value, encode
from dms.types import ACTIONS, AlertKind, Availability, Condition, Reason


def _number(
    name: str, start: int, length: int, span: tuple[float, float, float, str], comment: str
) -> Signal:
    """A quantity: span is (minimum, maximum, scale, unit). The three top codes have no value."""
    low, high, scale, unit = span
    full = (1 << length) - 1
    return Signal(
        name, start, length, comment, full - 2, full - 1, full, scale, low, low, high, unit
    )


def _choice(
    name: str,
    start: int,
    length: int,
    table: Iterable[tuple[int, str]],
    comment: str,
    unknown: int | None = None,
    invalid: int | None = None,
) -> Signal:
    """A choice from a table, in which an entry may itself be the unknown or the invalid one."""
    entries = tuple(table)
    full = (1 << length) - 1
    return Signal(
        name,
        start,
        length,
        comment,
        full - 2 if unknown is None else unknown,
        full - 1 if invalid is None else invalid,
        full,
        maximum=max(raw for raw, _ in entries),
        table=entries,
    )


def _entries(kind: type[IntEnum]) -> Table:
    return tuple((member.value, _camel(member.name)) for member in kind)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace("_", " ").split())


ALERT_RULES = (
    "none",
    "other",
    "eyes off the road",
    "eyes closed",
    "phone in use",
    "cannot see the driver",
    "drowsy",
    "unresponsive",
    "low gaze",
    "short looks away",
    "looks at the phone",
    "no return after a warning",
    "eyes on requested",
    "no answer to the warning",
    "no answer to the eyes on request",
)
"""Rules an alert can follow from, by their number on the bus; "other": one not in this list.
An Alert's reason begins with its rule."""

_YES_NO: Table = ((0, "No"), (1, "Yes"))
_FAULT: Table = ((0, "Ok"), (1, "Fault"))
_PERCENT = (0.0, 100.0, 1.0, "%")
_SECONDS = (0.0, 51.0, 0.05, "s")
_HASH = (0.0, 4092.0, 1.0, "")
_OR_MORE = "The largest value means this long or longer."

ALERT = Message(
    "DMS_Alert",
    0x320,
    0xD320,
    50,
    "What the monitor asks of the vehicle now: the most urgent active alert.",
    "DMS",
    "Vehicle",
    (
        _choice(
            "AlertKind", 12, 4, _entries(AlertKind), "Kind of the alert; not an order of urgency."
        ),
        _choice(
            "AlertLevel",
            16,
            3,
            ((0, "None"), (1, "Inform"), (2, "Warn"), (3, "Urgent")),
            "How urgent the alert is.",
        ),
        _choice(
            "AlertCount",
            19,
            4,
            tuple((n, str(n)) for n in range(8)),
            "How many alerts are active, this one included.",
        ),
        _choice(
            "AlertReason",
            23,
            5,
            tuple((n, _camel(rule)) for n, rule in enumerate(ALERT_RULES)),
            "The rule that raised the alert.",
        ),
        _choice("RequestVisual", 28, 3, _YES_NO, "Show a warning."),
        _choice("RequestAudible", 31, 3, _YES_NO, "Sound a warning."),
        _choice("RequestHaptic", 34, 3, _YES_NO, "Vibrate seat, belt or wheel."),
        _number(
            "AlertAge",
            37,
            12,
            (0.0, 409.0, 0.1, "s"),
            f"Time since this kind of alert was raised. {_OR_MORE}",
        ),
    ),
    min_gap_ms=10,
)

DRIVER_STATE = Message(
    "DMS_DriverState",
    0x321,
    0xD321,
    50,
    "What is believed about the driver.",
    "DMS",
    "Vehicle",
    (
        _choice("Condition", 12, 4, _entries(Condition), "What the driver is doing.", unknown=0),
        _number("ConditionConfidence", 16, 7, _PERCENT, "Confidence of Condition."),
        _choice("EyesOnRoad", 23, 3, _YES_NO, "Whether the driver looks at the road."),
        _number(
            "EyesOffRoadTime",
            26,
            10,
            _SECONDS,
            f"How long the current look away has lasted; 0 on the road. {_OR_MORE}",
        ),
        _number(
            "EyesClosedTime",
            36,
            10,
            _SECONDS,
            f"How long both eyes have been closed; 0 when open. {_OR_MORE}",
        ),
        _choice(
            "Action",
            46,
            4,
            tuple((n, _camel(action)) for n, action in enumerate(ACTIONS)),
            "What the hands and body are doing.",
        ),
        _number("ActionConfidence", 50, 6, (0.0, 100.0, 2.0, "%"), "Confidence of Action."),
        _number(
            "PhoneTime",
            56,
            8,
            (0.0, 126.0, 0.5, "s"),
            f"How long a phone has been in use; 0 when not. {_OR_MORE}",
        ),
    ),
)

GAZE = Message(
    "DMS_Gaze",
    0x322,
    0xD322,
    50,
    "Head, gaze and eyes. Vehicle frame: yaw > 0 to the driver's left, pitch > 0 up, "
    "0/0 straight ahead on the road.",
    "DMS",
    "Vehicle",
    (
        _number("HeadYaw", 12, 9, (-127.0, 127.0, 0.5, "deg"), "Head turned, left positive."),
        _number("HeadPitch", 21, 8, (-63.0, 63.0, 0.5, "deg"), "Head raised, up positive."),
        _number("GazeYaw", 29, 9, (-127.0, 127.0, 0.5, "deg"), "Line of sight, left positive."),
        _number("GazePitch", 38, 8, (-63.0, 63.0, 0.5, "deg"), "Line of sight, up positive."),
        _number(
            "EyeOpenness",
            46,
            8,
            (0.0, 130.0, 1.0, "%"),
            "Mean openness of the visible eyes: 0 closed, 100 this driver's neutral.",
        ),
        _number(
            "Perclos",
            54,
            10,
            (0.0, 100.0, 0.1, "%"),
            "Share of the last minute's seen-eye time with the eyes at least 80 % closed.",
        ),
    ),
)

STATUS = Message(
    "DMS_Status",
    0x323,
    0xD323,
    100,
    "Whether the monitor can do its work, why not, and which one it is.",
    "DMS",
    "Vehicle",
    (
        _choice(
            "Availability",
            12,
            4,
            _entries(Availability),
            "Whether the monitor can do its work. Use the other messages only as this allows.",
            unknown=Availability.UNKNOWN,
            invalid=Availability.FAULT,
        ),
        _choice("Reason", 16, 5, _entries(Reason), "Why Availability is not Ok."),
        _number("Calibration", 21, 7, _PERCENT, "How far this driver and mount are learnt."),
        _choice("FaultCamera", 28, 3, _FAULT, "Frames missing, frozen or unusable."),
        _choice("FaultInternal", 31, 3, _FAULT, "The monitor's own processing failed."),
        _choice("FaultVehicle", 34, 3, _FAULT, "Vehicle signals missing or wrong."),
        _choice("FaultBus", 37, 3, _FAULT, "Frames could not be sent in the last second."),
        _number(
            "SoftwareHash",
            40,
            12,
            _HASH,
            "First 32 bits of the software's hash, modulo 4093: tells two versions apart.",
        ),
        _number(
            "ModelHash",
            52,
            12,
            _HASH,
            "First 32 bits of the models' hash, modulo 4093: tells two sets apart.",
        ),
    ),
)

VEHICLE_MOTION = Message(
    "Vehicle_Motion",
    0x120,
    0xD120,
    20,
    "How the vehicle moves. Without it the speed is unknown.",
    "Vehicle",
    "DMS",
    (
        _choice("SpeedValid", 12, 4, _YES_NO, "Whether Speed may be used."),
        _number("Speed", 16, 16, (0.0, 655.3, 0.01, "km/h"), "Speed over ground, forwards."),
    ),
    missing_ms=1000,
)

SENT = (ALERT, DRIVER_STATE, GAZE, STATUS)
"""Most important first: the order in which frames that are due together are sent."""
MESSAGES = (*SENT, VEHICLE_MOTION)
BY_ID: Mapping[int, Message] = {message.can_id: message for message in MESSAGES}

KMH_PER_MPS = 3.6


def encode_vehicle_motion(speed_mps: float | None, counter: int) -> tuple[int, bytes]:
    """Identifier and payload of Vehicle_Motion, for simulators and rendered drives."""
    speed: Value = NoValue.NOT_AVAILABLE if speed_mps is None else speed_mps * KMH_PER_MPS
    values: dict[str, Value] = {"SpeedValid": float(speed_mps is not None), "Speed": speed}
    return VEHICLE_MOTION.can_id, encode(VEHICLE_MOTION, values, counter).data
