"""The CAN messages: the one definition from which encoder, decoder, DBC and docs/can.md follow.

Identifiers and layout are this project's own; a change of any is a change of the contract. Signals
lie one after the other, so a new one is appended, and INTERFACE_VERSION counts what is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from dms.fields import (
    PERCENT,
    YES_NO,
    choice,
    confidence,
    count,
    entries,
    fault,
    number,
    seconds,
    words,
    yes_no,
)
from dms.signals import BusFrame, Container, Message, Signal, Trigger, in_order
from dms.types import (
    ACTIONS,
    AlertKind,
    Availability,
    Condition,
    GazeSource,
    GazeZone,
    Reason,
    SeatSide,
    Sense,
)
from dms.vehicle_messages import (
    KMH_PER_MPS,
    RECEIVED,
    VEHICLE_BODY,
    VEHICLE_CONTROLS,
    VEHICLE_MOTION,
    VEHICLE_TIME,
    encode_vehicle_motion,
)

__all__ = [
    "KMH_PER_MPS",
    "VEHICLE_BODY",
    "VEHICLE_CONTROLS",
    "VEHICLE_MOTION",
    "VEHICLE_TIME",
    "encode_vehicle_motion",
]

INTERFACE_VERSION = 2
"""Of identifiers and layout; 1 had the first five messages only."""
HASH_MODULO = 65533
"""Of hashes in 16 bits: the codes above mean that there is none."""

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
An Alert's reason begins with its rule. New ones are appended."""

OPERATING_STATES = ("starting", "running", "stalled", "fault", "stopping")
DISTRACTIONS = ("none", "glance", "distracted", "phone")
SLEEPINESS = ("awake", "drowsy", "microsleep", "asleep")
EVENTS = (
    "none",
    "alert raised",
    "alert changed",
    "alert ended",
    "availability changed",
    "condition changed",
    "driver changed",
)

_DEGREES_WIDE = (-127.0, 127.0, 0.5, "deg")
_DEGREES = (-63.0, 63.0, 0.5, "deg")
_OPENNESS = (0.0, 130.0, 1.0, "%")
_HASH = (0.0, HASH_MODULO - 1.0, 1.0, "")


def _hash(name: str, of: str, identifier: int) -> Signal:
    """`identifier`: where a diagnostic tester reads the whole hash."""
    what = f"{of}: first 32 bits of its SHA-256 (diagnostic identifier 0x{identifier:X})"
    return number(name, 16, _HASH, f"{what}, modulo {HASH_MODULO}: tells two apart.")


def _level(name: str, comment: str) -> Signal:
    return choice(name, 3, words("none", "inform", "warn", "urgent"), comment)


def _kind(name: str, comment: str) -> Signal:
    return choice(name, 5, entries(AlertKind), comment)


def _condition(name: str, comment: str) -> Signal:
    return choice(name, 4, entries(Condition), comment, unknown=Condition.UNKNOWN)


def _availability(name: str, comment: str) -> Signal:
    """Its table has entries of its own for unknown and invalid."""
    unknown, invalid = Availability.UNKNOWN, Availability.FAULT
    return choice(name, 4, entries(Availability), comment, unknown=unknown, invalid=invalid)


ALERT = Message(
    name="DMS_Alert",
    can_id=0x320,
    data_id=0xD320,
    period_ms=50,
    triggers=frozenset((Trigger.ALERT, Trigger.AVAILABILITY)),
    min_gap_ms=10,
    safety=True,
    comment="What the monitor asks of the vehicle now: the most urgent active alert.",
    content=in_order(
        _kind("AlertKind", "Kind of the alert; not an order of urgency."),
        _level("AlertLevel", "How urgent the alert is."),
        choice("AlertReason", 6, words(*ALERT_RULES), "The rule that raised the alert."),
        yes_no("RequestVisual", "Show a warning."),
        yes_no("RequestAudible", "Sound a warning."),
        yes_no("RequestHaptic", "Vibrate seat, belt or wheel."),
        number(
            "AlertCount", 4, (0.0, 12.0, 1.0, ""), "How many alerts are active, this one included."
        ),
        seconds("AlertAge", 12, 0.1, "Time since this kind of alert was raised."),
        yes_no("AssistanceLockout", "Offer no assistance until the next journey."),
    ),
)

DRIVER_STATE = Message(
    name="DMS_DriverState",
    can_id=0x321,
    data_id=0xD321,
    period_ms=50,
    comment="What is believed about the driver.",
    content=in_order(
        _condition("Condition", "What the driver is doing."),
        confidence("ConditionConfidence", "Condition"),
        choice("EyesOnRoad", 3, YES_NO, "Whether the driver looks at the road."),
        seconds("EyesOffRoadTime", 10, 0.05, "How long the look away has lasted; 0 on the road."),
        seconds("EyesClosedTime", 10, 0.05, "How long both eyes have been closed; 0 when open."),
        yes_no("DrivingTask", "Whether the driver looks where driving makes one look: road, "
               "mirrors, cluster."),
        yes_no("DriverPresumed", "The driver is not seen now: eyes and road are the last sight, "
               "kept or let go by the written rules."),
        seconds("UnresponsiveTime", 8, 0.1, "How long the driver has been away or with closed "
                "eyes in one."),
        choice("DriverSeat", 3, entries(SeatSide), "Side of the car, as its driver sees it.",
               unknown=SeatSide.UNKNOWN),
    ),
)  # fmt: skip

GAZE = Message(
    name="DMS_Gaze",
    can_id=0x322,
    data_id=0xD322,
    period_ms=100,
    comment="Head and line of sight. Vehicle frame: yaw > 0 to the driver's left, pitch > 0 up, "
    "0/0 straight ahead on the road; roll > 0 top of the head to the driver's right.",
    content=in_order(
        number("HeadYaw", 9, _DEGREES_WIDE, "Head turned, left positive."),
        number("HeadPitch", 8, _DEGREES, "Head raised, up positive."),
        number("HeadRoll", 8, _DEGREES, "Head tilted, right positive."),
        number("GazeYaw", 9, _DEGREES_WIDE, "Line of sight, left positive."),
        number("GazePitch", 8, _DEGREES, "Line of sight, up positive."),
        confidence("HeadConfidence", "HeadYaw, HeadPitch and HeadRoll"),
        confidence("GazeConfidence", "GazeYaw and GazePitch"),
    ),
)

STATUS = Message(
    name="DMS_Status",
    can_id=0x323,
    data_id=0xD323,
    period_ms=100,
    triggers=frozenset((Trigger.AVAILABILITY,)),
    min_gap_ms=10,
    safety=True,
    comment="Whether the monitor can do its work, and why not.",
    content=in_order(
        _availability(
            "Availability",
            "Whether the monitor can do its work. Use the other messages only as this allows.",
        ),
        choice("Reason", 6, entries(Reason), "Why Availability is not Ok; the gravest."),
        choice("OperatingState", 4, words(*OPERATING_STATES), "What the monitor itself does."),
        number("Calibration", 7, PERCENT, "How far this driver and mount are learnt."),
        fault("FaultCamera", "Frames missing, frozen or unusable."),
        fault("FaultInternal", "The monitor's own processing failed."),
        fault("FaultVehicle", "A vehicle signal that is mapped is missing or wrong."),
        fault("FaultBus", "Frames could not be sent in the last second."),
        *(
            choice(
                f"Sense{sense.name.capitalize()}",
                3,
                ((0, "Ok"), (1, "Lost")),
                f"Whether the monitor has this sense: {sense.name.lower()}.",
            )
            for sense in Sense
        ),
    ),
)

ATTENTION = Message(
    name="DMS_Attention",
    can_id=0x324,
    data_id=0xD324,
    period_ms=100,
    comment="Where the driver attends, and how much attention is left.",
    content=in_order(
        choice("Distraction", 4, words(*DISTRACTIONS), "Glance: off the road, not yet too long."),
        confidence("DistractionConfidence", "Distraction"),
        number("AttentionAccount", 7, PERCENT, "Drains off the road, fills on it; 0: inattentive."),
        confidence("AttentionConfidence", "AttentionAccount: of the present look that moves it"),
        seconds("AwayTime", 8, 0.125, "Time off the road in the last 30 s; 0 after 2 s on it."),
        choice("GazeZone", 5, entries(GazeZone), "Where the driver looks.",
               unknown=GazeZone.UNKNOWN),
        confidence("GazeZoneConfidence", "GazeZone"),
        choice("GazeSource", 3, entries(GazeSource), "What the direction rests on. Head: glances "
               "by the eyes alone are not seen."),
        seconds("LowGazeTime", 8, 0.05, "How long the gaze has been 30 deg or more below the "
                "horizon (Area 3)."),
    ),
)  # fmt: skip

DROWSINESS = Message(
    name="DMS_Drowsiness",
    can_id=0x325,
    data_id=0xD325,
    period_ms=200,
    comment="How sleepy the driver is.",
    content=in_order(
        choice("Drowsiness", 4, words(*SLEEPINESS), "How sleepy, in words."),
        confidence("DrowsinessConfidence", "Drowsiness"),
        number("Kss", 7, (1.0, 9.0, 0.1, ""), "Karolinska Sleepiness Scale equivalent."),
        confidence("KssConfidence", "Kss"),
        number("KssLearned", 7, PERCENT, "How far the time that Kss needs to learn has passed."),
        number("Perclos", 8, (0.0, 100.0, 0.5, "%"), "Share of the last minute's seen-eye time "
               "with the eyes at least 80 % closed."),
        number("BlinkRate", 7, (0.0, 120.0, 1.0, "1/min"), "Blinks a minute of seen-eye time."),
        number("Yawns", 4, (0.0, 12.0, 1.0, ""), "In the last five minutes; 12 or more is 12."),
        number("Nods", 4, (0.0, 12.0, 1.0, ""), "The same of falls of the head."),
    ),
)  # fmt: skip

HANDS = Message(
    name="DMS_Hands",
    can_id=0x326,
    data_id=0xD326,
    period_ms=100,
    comment="What the hands and the body are doing.",
    content=in_order(
        choice("Action", 5, words(*ACTIONS), "What the driver is doing."),
        confidence("ActionConfidence", "Action"),
        yes_no("HandsOnWheel", "Whether at least one hand is on the wheel."),
        confidence("HandsConfidence", "HandsOnWheel"),
        seconds("HandsOffTime", 8, 0.25, "How long no hand has been on the wheel; 0 when one is."),
        seconds("PhoneTime", 8, 0.5, "How long a phone has been in use; 0 when not."),
        seconds("PhoneGlanceTime", 8, 0.125, "Time in the last 30 s in which a phone in use was "
                "looked at."),
    ),
)  # fmt: skip

EYES = Message(
    name="DMS_Eyes",
    can_id=0x327,
    data_id=0xD327,
    period_ms=100,
    comment="The eyes, left and right being the driver's own. 0 is closed, 100 % this driver's "
    "neutral. An eye that is not seen is unknown, never closed.",
    content=in_order(
        number("EyeOpenness", 8, _OPENNESS, "Mean openness of the eyes that are seen."),
        number("EyeOpennessLeft", 8, _OPENNESS, "Openness of the left eye."),
        number("EyeOpennessRight", 8, _OPENNESS, "Openness of the right eye."),
        yes_no("EyesClosed", "Whether both eyes are closed."),
        confidence("EyesClosedConfidence", "EyesClosed"),
        number("BlinkDuration", 7, (0.0, 2.48, 0.02, "s"), "Of the last blink."),
        number("ResultAge", 7, (0.0, 496.0, 4.0, "ms"), "How old the newest result is."),
        number("ResultCount", 6, (0.0, 60.0, 1.0, ""), "Counts results; 0 again after 60."),
    ),
)

IDENTITY = Message(
    name="DMS_Identity",
    can_id=0x328,
    data_id=0xD328,
    period_ms=1000,
    comment="Which monitor this is.",
    content=in_order(
        number("InterfaceVersion", 4, (0.0, 12.0, 1.0, ""), "Version of this layout."),
        _hash("SoftwareHash", "The software", 0xFD00),
        _hash("ModelHash", "The networks", 0xFD01),
        _hash("ConfigHash", "The configuration", 0xFD02),
    ),
)

TELEMETRY = Message(
    name="DMS_Telemetry",
    can_id=0x329,
    data_id=0xD329,
    period_ms=1000,
    comment="How the monitor fares; of the last second unless said otherwise.",
    content=in_order(
        number("FrameRate", 8, (0.0, 126.0, 0.5, "Hz"), "Frames judged a second."),
        number("LatencyP50", 8, (0.0, 252.0, 1.0, "ms"), "Median time from taking a frame to its "
               "result."),
        number("LatencyP99", 8, (0.0, 504.0, 2.0, "ms"), "The time that 99 % do not exceed, of "
               "the last 10 s."),
        number("FramesDropped", 7, (0.0, 124.0, 1.0, ""), "Frames that were not judged."),
        number("CpuLoad", 7, (0.0, 248.0, 2.0, "%"), "Of one core."),
        number("Temperature", 8, (-40.0, 212.0, 1.0, "degC"), "Of the processor's hottest zone."),
        number("DriftScore", 6, (0.0, 60.0, 1.0, ""), "How unlike the networks' training data "
               "the pictures are, times 10: 10 and less is usual."),
    ),
)  # fmt: skip

INPUTS = Message(
    name="DMS_Inputs",
    can_id=0x32A,
    data_id=0xD32A,
    period_ms=1000,
    comment="What was wrong with what was received and sent, since the start.",
    content=in_order(
        count("RxWrongCrc", "Vehicle messages with a wrong CRC, length or counter of 15."),
        count("RxRepeated", "Vehicle messages whose counter did not move: frozen or replayed."),
        count("RxJumped", "Vehicle messages whose counter moved too far."),
        count("RxLate", "Times that a vehicle message came after its time-out."),
        count("TxClamped", "Values out of their signal's range, sent as the nearest in it."),
        count("TxMissed", "Deadlines of sending that passed unused."),
    ),
)

EVENT = Message(
    name="DMS_Event",
    can_id=0x32B,
    data_id=0xD32B,
    period_ms=1000,
    triggers=frozenset((Trigger.EVENT,)),
    min_gap_ms=10,
    comment="What changed last. Each event is sent at once, then repeated with its age.",
    content=in_order(
        count("EventCount", "Number of the event; a gap tells that one was not heard."),
        choice("EventType", 5, words(*EVENTS), "What happened."),
        _kind("EventAlertKind", "The alert that it happened to."),
        _level("EventAlertLevel", "Level of that alert from now on; None when it ended."),
        _condition("EventCondition", "Condition from now on."),
        _availability("EventAvailability", "Availability from now on."),
        choice("EventReason", 6, entries(Reason), "Why availability is so."),
        seconds("EventAge", 12, 0.1, "How long ago it happened."),
    ),
)

MESSAGES_SENT = (
    ALERT, STATUS, DRIVER_STATE, ATTENTION, HANDS, EVENT, DROWSINESS, GAZE, EYES, IDENTITY,
    TELEMETRY, INPUTS,
)  # fmt: skip

FD_STATE = Container(
    name="DMS_FdState",
    can_id=0x330,
    period_ms=50,
    triggers=frozenset((Trigger.ALERT, Trigger.AVAILABILITY, Trigger.EVENT)),
    min_gap_ms=10,
    safety=True,
    comment="All that the vehicle acts upon.",
    parts=(ALERT, STATUS, DRIVER_STATE, ATTENTION, DROWSINESS, HANDS, EVENT, IDENTITY),
)

FD_FACE = Container(
    name="DMS_FdFace",
    can_id=0x331,
    period_ms=100,
    triggers=frozenset((Trigger.RESULT,)),
    min_gap_ms=10,
    comment="Head, gaze and eyes, with each frame of the camera.",
    parts=(GAZE, EYES),
)

FD_HEALTH = Container(
    name="DMS_FdHealth",
    can_id=0x332,
    period_ms=1000,
    comment="How the monitor and what it is connected to fare.",
    parts=(TELEMETRY, INPUTS),
)

SENT: tuple[BusFrame, ...] = MESSAGES_SENT
"""On a classic bus. Most important first: the order in which frames due together are sent."""
SENT_FD: tuple[BusFrame, ...] = (FD_STATE, FD_FACE, FD_HEALTH)
"""On a CAN FD bus, instead."""
MESSAGES: tuple[Message, ...] = (*MESSAGES_SENT, *RECEIVED)
FRAMES: tuple[BusFrame, ...] = (*MESSAGES, *SENT_FD)
BY_ID: Mapping[int, BusFrame] = {frame.can_id: frame for frame in FRAMES}
