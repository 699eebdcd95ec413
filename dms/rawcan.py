"""A Port on a Linux CAN socket of our own: what the daemon boots with, without python-can.

Frames are the kernel's struct can_frame and canfd_frame (linux/can.h). The socket comes from a
factory, so that the same code runs against a kernel without CAN.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
from collections.abc import Callable, Sequence

from dms.canbus import BusError, Busy, Lost, Received, advice
from dms.config import CanConfig

CAN_RAW_ERR_FILTER = 2
"""linux/can/raw.h; the socket module has no name for it."""
EFF_FLAG, RTR_FLAG, ERR_FLAG = 0x80000000, 0x40000000, 0x20000000
EFF_MASK, SFF_MASK, ERR_MASK = 0x1FFFFFFF, 0x7FF, 0x1FFFFFFF
CLASSIC = struct.Struct("=IB3x8s")
"""struct can_frame: identifier with flags, length, data."""
FD = struct.Struct("=IBB2x64s")
"""struct canfd_frame: identifier with flags, length, FD flags, data."""
FD_BRS = 0x01
"""CANFD_BRS: the data phase at the faster bit rate."""
FD_LENGTHS = (*range(9), 12, 16, 20, 24, 32, 48, 64)
_BUSY = frozenset((errno.ENOBUFS, errno.EAGAIN, errno.EINTR, errno.ENOMEM))

Filters = Sequence[tuple[int, bool]]
"""(identifier, extended) of the frames wanted; empty: all."""
MakeSocket = Callable[[str, bool, Filters], socket.socket]
"""A bound socket for a link: its name, whether FD frames are wanted, filters. Raises OSError."""


def kernel_socket(channel: str, fd: bool, listen_to: Filters) -> socket.socket:
    """A raw CAN socket that also delivers error frames. Errors: OSError."""
    made = socket.socket(socket.AF_CAN, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.CAN_RAW)
    try:
        made.setsockopt(socket.SOL_CAN_RAW, CAN_RAW_ERR_FILTER, ERR_MASK)
        if listen_to:
            made.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, _filters(listen_to))
        if fd:
            made.setsockopt(socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1)
        made.bind((channel,))
    except BaseException:
        made.close()
        raise
    return made


def _filters(listen_to: Filters) -> bytes:
    """struct can_filter, one after the other; remote frames pass none."""
    mask = {True: EFF_MASK | EFF_FLAG | RTR_FLAG, False: SFF_MASK | EFF_FLAG | RTR_FLAG}
    return b"".join(
        struct.pack("=II", can_id | (EFF_FLAG if extended else 0), mask[extended])
        for can_id, extended in listen_to
    )


def open_raw(
    config: CanConfig, listen_to: Filters = (), make: MakeSocket = kernel_socket
) -> RawPort:
    """Open the link `config.channel`. Errors: BusError, with what to do about it."""
    try:
        return RawPort(make(config.channel, config.fd, listen_to))
    except OSError as error:
        where = f"CAN bus {config.interface}:{config.channel}"
        raise BusError(where, error.strerror or str(error), advice(config, error)) from error


def pack(can_id: int, data: bytes, extended: bool = False) -> bytes:
    """The kernel's bytes of one data frame; more than 8 bytes of data make it an FD frame, padded
    with zeros to a length that FD has. Errors: ValueError beyond 64 bytes."""
    flagged = can_id | (EFF_FLAG if extended else 0)
    if len(data) <= 8:
        return CLASSIC.pack(flagged, len(data), data)
    fitting = [length for length in FD_LENGTHS if length >= len(data)]
    if not fitting:
        raise ValueError(f"{len(data)} bytes do not fit in a CAN frame")
    return FD.pack(flagged, fitting[0], FD_BRS, data)


def unpack(frame: bytes) -> Received:
    """What the kernel delivered. Errors: ValueError when it is no frame."""
    if len(frame) not in (CLASSIC.size, FD.size):
        raise ValueError(f"{len(frame)} bytes are no CAN frame")
    flagged, length = struct.unpack_from("=IB", frame)
    data = frame[8 : 8 + length]
    if len(data) != length:
        raise ValueError(f"a CAN frame that claims {length} bytes")
    if flagged & ERR_FLAG:
        return Received(flagged & ERR_MASK, False, data, error=True)
    extended = bool(flagged & EFF_FLAG)
    can_id = flagged & (EFF_MASK if extended else SFF_MASK)
    return Received(can_id, extended, b"" if flagged & RTR_FLAG else data)


class RawPort:
    """A Port (see canbus) on a socket that carries the kernel's CAN frames."""

    def __init__(self, bound: socket.socket) -> None:
        bound.setblocking(False)
        self._socket = bound

    def send(self, can_id: int, data: bytes, extended: bool = False) -> None:
        """See Port. Never waits."""
        try:
            self._socket.send(pack(can_id, data, extended))
        except OSError as error:
            raise (Busy if error.errno in _BUSY else Lost)(_text(error)) from error

    def receive(self, timeout_s: float) -> Received | None:
        """See Port."""
        try:
            if timeout_s > 0 and not select.select([self._socket], (), (), timeout_s)[0]:
                return None
            frame = self._socket.recv(FD.size)
        except BlockingIOError:
            return None
        except (OSError, ValueError) as error:  # ValueError: select on a closed socket
            raise (Busy if _errno(error) in _BUSY else Lost)(_text(error)) from error
        if not frame:
            raise Lost("the socket has ended")
        try:
            return unpack(frame)
        except ValueError as error:
            raise Busy(str(error)) from error

    def fileno(self) -> int:
        """See Port."""
        return self._socket.fileno()

    def close(self) -> None:
        """See Port."""
        self._socket.close()


def _errno(error: Exception) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def _text(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
