"""Feeds: what puts live frames into a FrameRing for the engine's thread.

A raw stream on stdin or in a fifo, and frames in shared memory, are read by a native thread;
nothing of OpenCV is loaded. A recording is read by a Python thread, held back to its own stamps.
"""

from __future__ import annotations

import os
import select
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Protocol

from dms import rawstream
from dms._core import FrameRing, RawReader, SharedReader
from dms.errors import SourceError
from dms.source import Source, open_source
from dms.types import Frame

SLOTS = 6
"""Frames in the ring: 100 ms at 60 Hz, 6 MB at 1280 x 800. A longer wait would only be older."""

JOIN_BYTES = 32 << 20
"""Looked through for the first frame of a stream: the rest of one of 4K in 16 bits."""

SHARED = "shm:"
"""What the name of shared frames begins with."""
SHARED_FIX = "see docs/drive-format.md for frames in shared memory"
POLL_S = 0.005


class Feed(Protocol):
    """Fills `ring` from start to stop, and closes it at the source's end."""

    ring: FrameRing

    def start(self) -> None: ...
    def stop(self) -> None: ...

    def losses(self) -> list[str]:
        """What could not be read, once it has ended."""


class NativeFeed:
    """What a thread of the core reads; the first frame fixes the geometry."""

    ring: FrameRing
    _reader: RawReader | SharedReader
    _name: str

    def start(self) -> None:
        self._reader.start()

    def stop(self) -> None:
        self._reader.stop()

    def losses(self) -> list[str]:
        """Frames passed over for newer ones are none: the engine counts them as skipped."""
        counters = self._reader.counters
        found = {k: n for k, n in counters.items() if n and k not in ("frames", "missed")}
        if error := self._reader.error:
            found[os.strerror(error)] = 1
        text = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in found.items())
        return [f"{self._name}: {text}"] if text else []


class RawFeed(NativeFeed):
    """A raw stream from a file descriptor."""

    def __init__(self, fd: int, name: str, wake_fd: int) -> None:
        """Waits for the first header, until `wake_fd` becomes readable.

        Errors: SourceError when the stream is no raw stream or ends first; Stopped.
        """
        self._fd, self._name, self._wake_fd = fd, name, wake_fd
        self._passed = 0
        try:
            raw = self._first_header()
            head = rawstream.parse_header(raw)
        except ValueError as error:
            fix = "see docs/drive-format.md for the raw frame stream"
            raise SourceError(f"{name}: not a raw frame stream", str(error), fix) from error
        self.ring = FrameRing(SLOTS, head.width, head.height, head.format, head.stride)
        self._reader = RawReader(fd, self.ring, raw)

    def losses(self) -> list[str]:
        """See Feed."""
        joined = f"{self._name}: {self._passed} bytes before the first whole frame"
        return [*([joined] if self._passed else []), *super().losses()]

    def _first_header(self) -> bytes:
        """Who joins a running stream, as after a reset, finds a header within a frame.

        Errors: ValueError when there is none."""
        data = self._exactly(rawstream.HEADER.size)
        try:
            rawstream.parse_header(data)
            return data
        except ValueError:
            joined = self._join(data)
            if joined is None:
                raise
            return joined

    def _join(self, data: bytes) -> bytes | None:
        while self._passed < JOIN_BYTES:
            step = _to_magic(data)
            self._passed += step
            try:
                data = data[step:] + self._exactly(step)
            except SourceError:
                return None
            with suppress(ValueError):
                rawstream.parse_header(data)
                return data
        return None

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            ready, _, _ = select.select([self._fd, self._wake_fd], [], [])
            if self._wake_fd in ready:
                raise Stopped
            chunk = os.read(self._fd, size - len(data))
            if not chunk:
                raise SourceError(f"{self._name}: the stream ended before its first frame")
            data += chunk
        return bytes(data)


def _to_magic(data: bytes) -> int:
    """Bytes up to where the next frame may begin, after the first."""
    at, magic = data.find(rawstream.MAGIC, 1), rawstream.MAGIC
    ends = (len(data) - n for n in (3, 2, 1, 0) if magic.startswith(data[len(data) - n :]))
    return at if at > 0 else next(ends)


class SharedFeed(NativeFeed):
    """Frames that a camera process puts into a file in memory."""

    def __init__(self, name: str, wake_fd: int) -> None:
        """Waits for the first frame, until `wake_fd` becomes readable.

        Errors: SourceError when the file holds no shared frames; Stopped.
        """
        self._name = name
        with open_shared(name) as fd:
            head = self._first(fd, wake_fd)
            with _saying(name):
                self.ring = FrameRing(SLOTS, head.width, head.height, head.format, head.stride)
                self._reader = SharedReader(fd, self.ring)

    def _first(self, fd: int, wake_fd: int) -> rawstream.Header:
        while True:
            with _saying(self._name):
                shared = _shared_header(fd)
                newest = shared.written - 1
                raw = os.pread(fd, rawstream.HEADER.size, shared.offset_of(newest))
                if newest >= 0 and _shared_header(fd).written - newest < shared.slots:
                    return rawstream.parse_header(raw)
            if select.select([wake_fd], [], [], POLL_S)[0]:
                raise Stopped


@contextmanager
def open_shared(name: str) -> Iterator[int]:
    """A file descriptor of the shared frames `shm:PATH`. Errors: SourceError."""
    path = name.removeprefix(SHARED)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise SourceError(f"{name}: is no regular file", fix=SHARED_FIX)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        why = error.strerror or str(error)
        fix = "start the camera process first"
        raise SourceError(f"{name}: cannot be read", why, fix) from error
    try:
        with _saying(name):
            _shared_header(fd)
        yield fd
    finally:
        os.close(fd)


def _shared_header(fd: int) -> rawstream.SharedHeader:
    data = os.pread(fd, rawstream.SHARED_HEADER.size, 0)
    return rawstream.parse_shared_header(data, os.fstat(fd).st_size)


@contextmanager
def _saying(name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, struct.error) as error:
        raise SourceError(f"{name}: no shared frames", str(error), SHARED_FIX) from error


class Stopped(Exception):
    """The program was told to end while it waited."""


class FileFeed:
    """A recording, in real time by its own stamps; again and again if asked."""

    def __init__(self, open_again: Callable[[], Source], name: str, loop: bool) -> None:
        """Reads the first frame, which fixes the geometry. Errors: SourceError."""
        self._open, self._name, self._loop = open_again, name, loop
        self._source = open_again()
        self._frames = self._source.frames()
        self._first = next(self._frames)
        height, width = self._first.image.shape
        self.ring = FrameRing(SLOTS, width, height, "mono8")
        self._losses: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def losses(self) -> list[str]:
        return list(self._losses)

    def _run(self) -> None:
        start_ns = time.monotonic_ns()
        try:
            for frame in self._stream():
                wait_s = (start_ns + frame.t_ns - time.monotonic_ns()) / 1e9
                if self._stop.wait(max(wait_s, 0.0)):
                    break
                self._write(frame)
        except SourceError as error:
            self._losses.append(error.line())
        except Exception as error:  # not its text: that may show a frame
            self._losses.append(f"{self._name}: breaks off: {type(error).__name__}")
        finally:
            self.ring.close()

    def _write(self, frame: Frame) -> None:
        if frame.image.shape == (self.ring.height, self.ring.width):
            self.ring.write(frame.image, frame.t_ns, frame.seq)
        elif not self._losses:
            height, width = frame.image.shape
            self._losses.append(f"{self._name}: frame {frame.seq} is {width} x {height} pixels")

    def _stream(self) -> Iterator[Frame]:
        """Frames whose numbers and stamps begin at 0 and go on over repetitions."""
        seq, t_ns, period_ns, shift_ns = 0, 0, 0, -self._first.t_ns
        frames: Iterator[Frame] = chain([self._first], self._frames)
        while True:
            for frame in frames:
                period_ns = frame.t_ns + shift_ns - t_ns
                t_ns += period_ns
                yield Frame(seq, t_ns, frame.image)
                seq += 1
            self._losses += self._source.losses
            if not self._loop or self._losses:
                return
            self._source = self._open()
            frames = self._source.frames()
            shift_ns = t_ns + max(period_ns, 1_000_000) - self._first.t_ns


def open_feed(name: str, stream: bool, wake_fd: int, fps: float, loop: bool) -> Feed:
    """The feed of live frames, or of a recording. Errors: SourceError, Stopped."""
    if name.startswith(SHARED):
        return SharedFeed(name, wake_fd)
    if stream:
        return RawFeed(open_stream(name), name, wake_fd)
    return FileFeed(lambda: open_source(name, fps=fps), name, loop)


def open_stream(name: str) -> int:
    """A file descriptor of a live raw stream. Does not wait for its writer."""
    if name == "-":
        return sys.stdin.fileno()
    fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(fd, True)
    return fd
