"""The raw frame stream (docs/drive-format.md): cut into frames here for replay and observe.

The daemon reads the same stream in C++; this one is for whoever wants frames one by one, with the
same rules for what is a frame. Pixels are unpacked by the native frame ring in both.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dms.errors import SourceError
from dms.types import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"DMSF"
VERSION = 1
HEADER = struct.Struct("<4sHHIIIIQQ")
"""magic, version, format, width, height, stride, payload bytes, sequence, t_ns."""
FORMATS = ("mono8", "mono10le", "mono12le", "mono16le", "raw10p")
MIN_SIDE, MAX_SIDE = 16, 8192
"""Pixels. Smaller is no picture of a driver; 8192 x 8192 grey levels are 64 MiB already."""
MAX_STRIDE = 4 * MAX_SIDE
"""Bytes: 16-bit pixels and as much padding, as the native reader has it."""

TIME_END = 1 << 62
"""Stamps [ns] are below: 146 years, and no sum of one and a duration overflows natively."""


@dataclass(frozen=True, slots=True)
class Header:
    """One frame's header; `stride` is the bytes from row to row."""

    format: str
    width: int
    height: int
    stride: int
    payload: int
    seq: int
    t_ns: int

    def pack(self) -> bytes:
        """The 40 bytes that go before the payload."""
        kind = FORMATS.index(self.format)
        shape = (self.width, self.height, self.stride, self.payload)
        return HEADER.pack(MAGIC, VERSION, kind, *shape, self.seq, self.t_ns)


def row_bytes(form: str, width: int) -> int:
    """Bytes of one row without padding."""
    if form == "mono8":
        return width
    return -(-width // 4) * 5 if form == "raw10p" else width * 2


def parse_header(data: bytes) -> Header:
    """Errors: ValueError, saying what is wrong."""
    magic, version, kind, width, height, stride, payload, seq, t_ns = HEADER.unpack(data)
    if magic != MAGIC:
        raise ValueError(f"frame starts with {magic!r}, not {MAGIC!r}")
    if version != VERSION:
        raise ValueError(f"version {version}, not {VERSION}")
    if kind >= len(FORMATS):
        raise ValueError(f"unknown pixel format {kind}")
    form = FORMATS[kind]
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ValueError(f"{width} x {height} pixels, outside {MIN_SIDE} to {MAX_SIDE} a side")
    if not row_bytes(form, width) <= stride <= MAX_STRIDE or payload != stride * height:
        raise ValueError(f"payload of {payload} bytes and stride {stride} do not fit {form}")
    if t_ns >= TIME_END:
        raise ValueError(f"capture time {t_ns}, not below {TIME_END}")
    return Header(form, width, height, stride, payload, seq, t_ns)


def decode(header: Header, payload: bytes) -> NDArray[np.uint8]:
    """The upper 8 bits of every pixel, (height, width)."""
    from dms import _core

    ring = _core.FrameRing(2, header.width, header.height, header.format, header.stride)
    ring.write(payload, header.t_ns, header.seq)
    pin = ring.latest()
    if pin is None:
        raise ValueError(f"{len(payload)} bytes are no {header.width} x {header.height} picture")
    with pin:
        return pin.array.copy()


class RawSource:
    """Frames of a raw stream in a file, a fifo or on stdin (`-`)."""

    timed = True

    def __init__(self, name: str) -> None:
        self.losses: list[str] = []
        self._name = name

    def file(self, seq: int) -> str:
        return self._name

    def frames(self) -> Iterator[Frame]:
        if self._name == "-":
            yield from self._read(sys.stdin.buffer)
            return
        try:
            with Path(self._name).open("rb") as file:
                yield from self._read(file)
        except OSError as error:
            raise SourceError(f"{self._name}: cannot be read", str(error.strerror)) from error

    def _read(self, file: BinaryIO) -> Iterator[Frame]:
        good = 0
        try:
            while head := file.read(HEADER.size):
                header = parse_header(_whole(head, HEADER.size))
                payload = _whole(file.read(header.payload), header.payload)
                yield Frame(header.seq, header.t_ns, decode(header, payload))
                good += 1
        except ValueError as error:
            if not good:
                raise SourceError(f"{self._name}: not a raw frame stream", str(error)) from error
            self.losses.append(f"{self._name}: ends after {good} frames: {error}")
        if not good:
            raise SourceError(f"{self._name}: the stream ended before its first frame")


def _whole(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise ValueError(f"cut short: {size - len(data)} of {size} bytes are missing")
    return data


Writer = Callable[[bytes], object]


def write_frame(write: Writer, frame: Frame) -> None:
    """Send a frame as mono8."""
    height, width = frame.image.shape
    header = Header("mono8", width, height, width, width * height, frame.seq, frame.t_ns)
    write(header.pack())
    write(frame.image.tobytes())


SHARED_MAGIC = b"DMSS"
SHARED_HEADER = struct.Struct("<4sHHIIQ40x")
"""magic, version, slots, slot bytes, reserved, written."""


@dataclass(frozen=True, slots=True)
class SharedHeader:
    """The header of a file of shared frames; `written` counts the completed ones."""

    slots: int
    slot_bytes: int
    written: int

    def offset_of(self, n: int) -> int:
        """Where frame `n` lies."""
        return SHARED_HEADER.size + n % self.slots * self.slot_bytes

    def pack(self) -> bytes:
        """The 64 bytes at the file's start."""
        shape = (self.slots, self.slot_bytes)
        return SHARED_HEADER.pack(SHARED_MAGIC, VERSION, *shape, 0, self.written)


def parse_shared_header(data: bytes, file_bytes: int) -> SharedHeader:
    """Errors: ValueError, saying what is wrong."""
    if len(data) < SHARED_HEADER.size:
        raise ValueError(f"{len(data)} bytes, less than a header of {SHARED_HEADER.size}")
    magic, version, slots, slot_bytes, _, written = SHARED_HEADER.unpack(data)
    if magic != SHARED_MAGIC:
        raise ValueError(f"it starts with {magic!r}, not {SHARED_MAGIC!r}")
    if version != VERSION:
        raise ValueError(f"version {version}, not {VERSION}")
    if slots < 2 or slot_bytes <= HEADER.size:
        raise ValueError(
            f"{slots} slots of {slot_bytes} bytes; 2 of {HEADER.size + 1} is the least"
        )
    if (needed := SHARED_HEADER.size + slots * slot_bytes) > file_bytes:
        raise ValueError(f"{slots} slots of {slot_bytes} bytes need {needed}, not {file_bytes}")
    return SharedHeader(slots, slot_bytes, written)


class SharedWriter:
    """A camera's side of shared frames, for tools and tests: mono8, and it wakes no reader.

    Python has no memory fences: between processes this is right on x86 only.
    """

    def __init__(self, path: Path, width: int, height: int, slots: int = 4) -> None:
        """Create the file, which must not be there."""
        self._header = SharedHeader(slots, HEADER.size + width * height, 0)
        size = self._header.offset_of(slots - 1) + self._header.slot_bytes
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, size)
            self._memory = mmap.mmap(fd, size)
        finally:
            os.close(fd)
        self._memory[: SHARED_HEADER.size] = self._header.pack()
        self._count = memoryview(self._memory)[16:24].cast("Q")  # stored whole
        self.written = 0

    def write(self, frame: Frame) -> None:
        """The next frame, of the size given at first."""
        at = self._header.offset_of(self.written)
        parts = bytearray()
        write_frame(parts.extend, frame)
        if len(parts) != self._header.slot_bytes:
            raise ValueError("the frame has another size")
        self._memory[at : at + len(parts)] = bytes(parts)
        self.written += 1
        self._count[0] = self.written

    def close(self) -> None:
        """Let go of the file, which stays."""
        self._count.release()
        self._memory.close()
