"""The thin edge to a CAN bus: open, send, receive, close.

A Linux CAN link is opened by rawcan.py; everything else through python-can, which is imported only
then. Its back ends raise whatever they like; here it becomes one of two things: Busy (try again
next cycle) or Lost (open the bus anew).
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from dms.config import CanConfig
from dms.errors import UsageError

SEND_TIMEOUT_S = 0.02
"""Longest a send may wait for room: well below the shortest cycle (50 ms)."""
CAN_ERR_CRTL, CAN_ERR_BUSOFF, CAN_ERR_RESTARTED = 0x04, 0x40, 0x100
"""Bits of an error frame's identifier, linux/can/error.h."""
CRTL_WARNING, CRTL_PASSIVE, CRTL_ACTIVE = 0x0C, 0x30, 0x40
"""Bits of its second byte: the controller's state towards receiving or sending."""
_BUSY = frozenset((errno.ENOBUFS, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, errno.ENOMEM))
_GONE = frozenset((errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EBADF, errno.EIO))
LINKS = Path("/sys/class/net")
IFF_UP, CANFD_MTU = 0x1, 72
"""linux/if.h, linux/can.h."""
_EXTRAS = {"slcan": "pyserial", "serial": "pyserial", "udp_multicast": "msgpack"}
"""What python-can needs besides itself for an interface."""


class BusError(UsageError):
    """The bus asked for cannot be opened."""


class Busy(Exception):
    """There is no room now; nothing is wrong with the bus."""


class Lost(Exception):
    """The bus is gone: closed, unplugged, down, bus-off."""


class Controller(Enum):
    """The CAN controller's fault confinement (ISO 11898-1), as far as error frames tell it."""

    ACTIVE = "active"
    WARNING = "warning"
    PASSIVE = "passive"
    BUS_OFF = "bus_off"


@dataclass(frozen=True, slots=True)
class Received:
    """One frame from the bus. Error frames only say that something is wrong on it."""

    can_id: int
    extended: bool
    data: bytes
    error: bool = False

    @property
    def controller(self) -> Controller | None:
        """The state that an error frame tells of; None: it tells of none."""
        if not self.error:
            return None
        if self.can_id & CAN_ERR_BUSOFF:
            return Controller.BUS_OFF
        if self.can_id & CAN_ERR_RESTARTED:
            return Controller.ACTIVE
        bits = self.data[1] if self.can_id & CAN_ERR_CRTL and len(self.data) > 1 else 0
        states = (
            (CRTL_PASSIVE, Controller.PASSIVE),
            (CRTL_WARNING, Controller.WARNING),
            (CRTL_ACTIVE, Controller.ACTIVE),
        )
        return next((state for mask, state in states if bits & mask), None)


class Port(Protocol):
    """An open bus."""

    def send(self, can_id: int, data: bytes, extended: bool = False) -> None:
        """Hand one frame over; more than 8 bytes make it an FD frame. Raises Busy or Lost."""

    def receive(self, timeout_s: float) -> Received | None:
        """The next frame, None when none came. Raises Busy (a bad frame, go on) or Lost."""

    def fileno(self) -> int:
        """To wait on for frames; -1: there is none."""

    def close(self) -> None:
        """Free everything. Never raises."""


class PythonCanPort:
    """A Port on a python-can bus."""

    def __init__(self, bus: Any, message: Any) -> None:
        self._bus, self._message = bus, message

    def send(self, can_id: int, data: bytes, extended: bool = False) -> None:
        """See Port."""
        fd = len(data) > 8
        frame = self._message(
            arbitration_id=can_id,
            data=data,
            is_extended_id=extended,
            is_fd=fd,
            bitrate_switch=fd,
        )
        try:
            self._bus.send(frame, timeout=SEND_TIMEOUT_S)
        except Exception as error:  # back ends raise their own kinds
            raise (Busy if _is_busy(error) else Lost)(_text(error)) from error

    def receive(self, timeout_s: float) -> Received | None:
        """See Port."""
        try:
            m = self._bus.recv(timeout_s)
        except Exception as error:  # as above; garbage on the wire is no reason to close
            raise (Lost if _errno(error) in _GONE else Busy)(_text(error)) from error
        if m is None:
            return None
        return Received(m.arbitration_id, m.is_extended_id, bytes(m.data), m.is_error_frame)

    def fileno(self) -> int:
        """See Port."""
        try:
            return int(self._bus.fileno())
        except Exception:  # NotImplementedError, or closed under us: poll instead
            return -1

    def close(self) -> None:
        """See Port."""
        with contextlib.suppress(Exception):  # a device already gone cannot be told goodbye
            self._bus.shutdown()
        with contextlib.suppress(Exception):  # slcan leaves its line open when it cannot write
            self._bus.serialPortOrig.close()


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _errno(error: BaseException) -> int | None:
    """The system's error number, wherever python-can has put it."""
    for cause in _causes(error):
        code = getattr(cause, "error_code", None) or getattr(cause, "errno", None)
        if isinstance(code, int):
            return code
    return None


def _is_busy(error: BaseException) -> bool:
    if _errno(error) in _BUSY:
        return True
    kinds = {type(cause).__name__ for cause in _causes(error)}
    # socketcan gives a full queue only as this text, pyserial a full line as this type
    return bool(kinds & {"CanTimeoutError", "SerialTimeoutException"}) or (
        "Transmit buffer full" in str(error)
    )


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def parse_bus(text: str, base: CanConfig | None = None) -> CanConfig:
    """A bus as written on a command line: INTERFACE:CHANNEL[,KEY=VALUE...], or a link like can0.

    base: where the other settings come from. Errors: BusError.
    """
    place, *pairs = text.split(",")
    interface, colon, channel = place.partition(":")
    if not colon:
        interface, channel = "socketcan", place
    wrong = [pair for pair in pairs if "=" not in pair]
    if not channel or not interface or wrong:
        raise BusError(
            f"bus {text!r}", "expected INTERFACE:CHANNEL[,KEY=VALUE...]",
            "write for example socketcan:can0, slcan:/dev/ttyACM0, udp_multicast:239.74.163.2",
        )  # fmt: skip
    options = tuple((k, _scalar(v)) for k, _, v in (pair.partition("=") for pair in pairs))
    return replace(base or CanConfig(), interface=interface, channel=channel, bus_kwargs=options)


def _scalar(text: str) -> int | float | str | bool:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def open_bus(config: CanConfig, listen_to: Sequence[tuple[int, bool]] = ()) -> Port:
    """Open the bus. listen_to: (identifier, extended) of the frames wanted; empty: all.

    A "socketcan" is opened without python-can, unless there are options for it to take.
    Errors: BusError, with what to do about it.
    """
    if config.interface == "socketcan":
        check_link(config)
        if not config.bus_kwargs:
            from dms.rawcan import open_raw

            return open_raw(config, listen_to)
    try:
        import can
    except ImportError as error:
        raise BusError("no python-can", _text(error), "pip install python-can") from error
    logging.getLogger("can").setLevel(logging.ERROR)  # what it warns of, BusError says
    where = f"CAN bus {config.interface}:{config.channel}"
    if config.interface not in can.VALID_INTERFACES:
        raise BusError(where, *_unknown(config.interface, can.VALID_INTERFACES))
    try:
        bus = can.Bus(
            channel=config.channel,
            interface=config.interface,
            ignore_config=True,  # what this machine's can.conf says is not ours
            **_options(config, listen_to),
        )
    except Exception as error:  # back ends raise their own kinds
        raise BusError(where, _text(error), advice(config, error)) from error
    return PythonCanPort(bus, can.Message)


def _unknown(interface: str, known: Collection[str]) -> tuple[str, str]:
    names = sorted(known)
    close = difflib.get_close_matches(interface, names, n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"known: {', '.join(names)}"
    return f"python-can has no interface {interface!r}", hint


def _options(config: CanConfig, listen_to: Sequence[tuple[int, bool]]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if config.bitrate is not None:
        options["bitrate"] = config.bitrate
    if config.fd:
        options["fd"] = True
    if config.interface == "udp_multicast":
        options["hop_limit"] = 0  # stay on this machine unless asked otherwise
    if config.interface == "slcan":
        options["sleep_after_open"] = 0.2  # the usual 2 s would be a silent bus after a reconnect
    if listen_to:
        options["can_filters"] = [
            {"can_id": can_id, "can_mask": 0x1FFFFFFF if extended else 0x7FF, "extended": extended}
            for can_id, extended in listen_to
        ]
    return {**options, **dict(config.bus_kwargs)}


def advice(config: CanConfig, error: BaseException) -> str:
    """How to mend what kept a bus from being opened."""
    if config.interface in _EXTRAS and "installed" in str(error):
        return f"pip install {_EXTRAS[config.interface]}"
    if _errno(error) == errno.EAFNOSUPPORT:
        return "this kernel has no CAN; load its modules: modprobe can_raw"
    if config.interface == "socketcan":
        return f"is the link up? {bring_up(config)}"
    if config.interface == "udp_multicast":
        return "give a multicast address, for example udp_multicast:239.74.163.2"
    return "check that the device is there and that you may open it"


def bring_up(config: CanConfig) -> str:
    """The command that sets a Linux link up; a virtual one has no bit rate."""
    channel = config.channel
    if channel.startswith("vcan"):
        return f"ip link set {channel} {'mtu 72 ' if config.fd else ''}up"
    fast = " dbitrate 2000000 fd on" if config.fd else ""
    rate = f"bitrate {config.bitrate or 500000}{fast}"
    return f"ip link set {channel} up type can {rate} restart-ms 100"


def check_link(config: CanConfig) -> None:
    """The kernel opens a Linux link in any state. Errors: BusError when nothing would get through:
    it is down, or its controller off the bus, or it refuses CAN FD."""
    where, anew = f"CAN bus {config.interface}:{config.channel}", bring_up(config)
    if _link_says(config, "flags", IFF_UP) & IFF_UP == 0:
        raise BusError(where, os.strerror(errno.ENETDOWN), f"is the link up? {anew}")
    anew = f"ip link set {config.channel} down, then {anew}"
    if _link_says(config, "carrier", 1) == 0:  # frames are taken and dropped without an error
        raise BusError(where, "bus-off: the controller has left the bus", anew)
    if config.fd and _link_says(config, "mtu", CANFD_MTU) < CANFD_MTU:
        why = "the link is set up for classic frames only"
        raise BusError(where, why, f"{anew}; or set can.fd=false")


def _link_says(config: CanConfig, what: str, default: int) -> int:
    text = _read(LINKS / config.channel / what)
    return default if text is None else int(text, 0)


def presence(config: CanConfig) -> Callable[[], object] | None:
    """What tells cheaply whether the bus's device is there: its value changes when it comes or
    goes. None: nothing does for this interface."""
    if config.interface == "socketcan":
        folder = LINKS / config.channel
        return lambda: (_read(folder / "flags"), _read(folder / "carrier"))
    if config.channel.startswith("/dev/") or config.interface in ("slcan", "serial", "robotell"):
        return lambda: _node(config.channel)
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return None


def _node(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_rdev
