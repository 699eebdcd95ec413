"""Which faults there are: what the monitor says of itself becomes verdicts on trouble codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dms.canbus import Controller
from dms.canlink import BusHealth
from dms.config.param import MS
from dms.types import DriverState, Reason
from dms.uds.dtc import Fault

START_NS = 10_000 * MS
"""No frame for this long after the start: there is no camera."""
WRONG_A_LOOK = 2
"""So many wrong protected messages between two looks are a fault, one is a disturbance."""

CAMERA_SILENT = 0x9A0131
BUS_OFF, BUS_LOST = 0xC07388, 0xC00187
SPEED_MISSING, SPEED_WRONG = 0xC12187, 0xC41581
TOO_HOT, MEMORY = 0x9A034B, 0x9A0446
_SEEN: dict[int, tuple[Reason, ...]] = {
    0x9A012A: (Reason.IMAGE_FROZEN,),
    0x9A0197: (Reason.IMAGE_BLANK, Reason.IMAGE_DARK, Reason.LENS_DIRTY),
    0x9A0129: (Reason.IMAGE_SATURATED, Reason.IMAGE_BLURRED),
    0x9A0178: (Reason.MISALIGNED,),
    0x9A0213: (Reason.LED_OFF,),
    0x9A0396: (Reason.INTERNAL,),
    TOO_HOT: (Reason.TOO_HOT,),
}
"""Faults that follow from the reasons that a state gives."""

FAULTS = (
    Fault(CAMERA_SILENT, "B1A01-31", "camera: no frames, or too late"),
    Fault(0x9A012A, "B1A01-2A", "camera: the picture is frozen"),
    Fault(0x9A0197, "B1A01-97", "camera: covered, dark or dirty"),
    Fault(0x9A0129, "B1A01-29", "camera: overexposed or blurred"),
    Fault(0x9A0178, "B1A01-78", "camera: does not point where it did"),
    Fault(0x9A0213, "B1A02-13", "infrared light: off or failing"),
    Fault(0x9A0396, "B1A03-96", "processing failed"),
    Fault(TOO_HOT, "B1A03-4B", "too hot"),
    Fault(MEMORY, "B1A04-46", "fault memory or settings were damaged", fault_ms=0),
    Fault(BUS_OFF, "U0073-88", "CAN: bus off", fault_ms=0),
    Fault(BUS_LOST, "U0001-87", "CAN: link down or adapter gone"),
    Fault(SPEED_MISSING, "U0121-87", "vehicle speed: not received"),
    Fault(SPEED_WRONG, "U0415-81", "vehicle message: wrong CRC, or counter repeated or jumped", 0),
)


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known of the monitor at one moment."""

    now_ns: int
    started_ns: int
    state: DriverState | None
    at_ns: int
    """When `state` came."""
    stall_ns: int
    """An older one says nothing about the camera."""
    bus: BusHealth
    speed_known: bool
    verdicts: Mapping[str, int]
    """How often each verdict was given on the vehicle's messages, since the start."""
    damaged: bool = False
    """The kept file could not be used."""

    @property
    def fresh(self) -> bool:
        """Whether `state` says something about now."""
        return self.state is not None and self.now_ns - self.at_ns < self.stall_ns


@dataclass
class Watch:
    """Remembers counters between two looks."""

    _bus_off: int = 0
    _wrong: int = 0
    _codes: tuple[int, ...] = field(default=tuple(fault.code for fault in FAULTS))

    def look(self, now: Vitals) -> dict[int, bool | None]:
        """Trouble code -> failed; None: cannot be told now."""
        wrong = sum(n for name, n in now.verdicts.items() if _is_wrong(name))
        found: dict[int, bool | None] = {
            CAMERA_SILENT: _silent(now),
            MEMORY: now.damaged,
            BUS_OFF: now.bus.bus_off > self._bus_off or now.bus.controller is Controller.BUS_OFF,
            BUS_LOST: not now.bus.up,
            SPEED_MISSING: not now.speed_known if now.bus.up else None,
            SPEED_WRONG: wrong - self._wrong >= WRONG_A_LOOK,
            **_seen(now),
        }
        self._bus_off, self._wrong = now.bus.bus_off, wrong
        return {code: found[code] for code in self._codes}


def _is_wrong(verdict: str) -> bool:
    return verdict.endswith(("wrong_crc", "repeated", "jumped", "wrong_length"))


def _silent(now: Vitals) -> bool | None:
    if now.state is None:
        return True if now.now_ns - now.started_ns > START_NS else None
    return not now.fresh or Reason.FRAMES_LATE in _reasons(now.state)


def _seen(now: Vitals) -> dict[int, bool | None]:
    if now.state is None or not now.fresh:
        return dict.fromkeys(_SEEN)
    said = _reasons(now.state)
    return {code: bool(said.intersection(reasons)) for code, reasons in _SEEN.items()}


def _reasons(state: DriverState) -> set[Reason]:
    return {state.reason, *(lost.why for lost in state.lost)}
