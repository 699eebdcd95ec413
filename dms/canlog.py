"""CAN logs: what a replay writes, and what a recorded drive holds.

Frames are stamped with the time of the stream, so that the same input gives the same bytes.
python-can is imported only for the formats other than candump's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from dms.canbus import BusError, parse_bus
from dms.cannode import BusSink
from dms.config import CanConfig
from dms.errors import DmsError, SourceError
from dms.transmit import SECOND, TxFrame

FORMATS = (".log", ".asc", ".blf", ".trc")
REFUSED = (".csv", ".db", ".sqlite", ".mf4", ".txt")
"""Formats that lose direction or channel, or that need more than python-can."""
CHANNEL = "can0"
_SYSTEMTIME_FROM_S = 631152000.0
"""1990: python-can's .blf writer stores no earlier start time."""


class Sink(Protocol):
    """Where frames go."""

    def send(self, frames: Iterable[TxFrame]) -> None:
        """Send or write them, oldest first."""

    def close(self) -> None:
        """Finish; nothing may be sent afterwards."""


def open_sink(text: str, base: CanConfig | None = None) -> Sink:
    """What `--can-out` names: a log file by its ending, or a bus (see canbus.parse_bus).

    Errors: BusError.
    """
    ending = Path(text).suffix.lower()
    if ending in FORMATS:
        return LogSink(Path(text))
    if ending in REFUSED:
        why = f"{ending} keeps neither direction nor channel, or needs more than python-can"
        raise BusError(f"CAN log {text}", why, f"use one of {', '.join(FORMATS)}")
    return BusSink(parse_bus(text, base))


class LogSink:
    """Writes frames to a log, in the format of the file's ending."""

    def __init__(self, path: Path) -> None:
        """Errors: BusError when the file cannot be written or its ending is not in FORMATS."""
        make: dict[str, Callable[[Path], _Writer]]
        make = {".log": _CandumpWriter, ".asc": _asc, ".blf": _blf, ".trc": _trc}
        self._path = path
        try:
            self._writer = make[path.suffix.lower()](path)
        except KeyError as error:
            known = ", ".join(FORMATS)
            raise BusError(f"CAN log {path}", "unknown ending", f"use one of {known}") from error
        except OSError as error:
            why = error.strerror or str(error)
            raise BusError(f"CAN log {path}", why, "give a file in a folder that exists") from error

    def send(self, frames: Iterable[TxFrame]) -> None:
        """See Sink."""
        with self._told():
            for frame in frames:
                self._writer.write(frame)

    def close(self) -> None:
        """See Sink."""
        with self._told():
            self._writer.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise DmsError(f"CAN log {self._path}", why, "is the disk full?") from error


class _Writer(Protocol):
    def write(self, frame: TxFrame) -> None: ...

    def close(self) -> None: ...


class _CandumpWriter:
    """`(seconds) channel id#data T`, as `candump -L` writes it, with the direction."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="\n")

    def write(self, frame: TxFrame) -> None:
        us = frame.t_ns // 1000
        stamp = f"({us // 1_000_000}.{us % 1_000_000:06d})"
        data = frame.data.hex().upper()
        self._file.write(f"{stamp} {CHANNEL} {frame.message.can_id:03X}#{data} T\n")

    def close(self) -> None:
        self._file.close()


class _LibraryWriter:
    """One of python-can's writers, freed of what would make two runs differ."""

    def __init__(self, writer: Any) -> None:
        from can import Message

        self._writer, self._message = writer, Message

    def write(self, frame: TxFrame) -> None:
        self._writer.on_message_received(
            self._message(
                timestamp=frame.t_ns / SECOND,
                arbitration_id=frame.message.can_id,
                data=frame.data,
                is_extended_id=False,
                is_rx=False,
            )
        )

    def close(self) -> None:
        self._writer.stop()


class _AscWriter(_LibraryWriter):
    """The header carries the first frame's time, not that of the writing."""

    def write(self, frame: TxFrame) -> None:
        if not self._writer.header_written:
            self._begin(frame.t_ns // SECOND)
        super().write(frame)

    def _begin(self, second: int) -> None:
        w = self._writer
        date = datetime.fromtimestamp(second).strftime("%a %b %d %H:%M:%S.000 %Y")
        w.file.seek(0)
        w.file.truncate()
        w.file.write(f"date {date}\nbase hex  timestamps absolute\ninternal events logged\n")
        w.file.write(f"Begin Triggerblock {date}\n")
        w.started = w.last_timestamp = float(second)
        w.header_written = True
        w.log_event("Start of measurement", float(second))


class _BlfWriter(_LibraryWriter):
    """A stream that starts at 0 has no date that the format can hold: times are then from 0."""

    def write(self, frame: TxFrame) -> None:
        if self._writer.start_timestamp is None and frame.t_ns / SECOND < _SYSTEMTIME_FROM_S:
            self._writer.start_timestamp = 0.0
        super().write(frame)


def _asc(path: Path) -> _LibraryWriter:
    from can import ASCWriter

    return _AscWriter(ASCWriter(str(path)))


def _blf(path: Path) -> _LibraryWriter:
    from can import BLFWriter

    return _BlfWriter(BLFWriter(str(path)))


def _trc(path: Path) -> _LibraryWriter:
    from can import TRCWriter

    writer = TRCWriter(str(path))
    writer.filepath = path.name  # the header must not depend on where the file lies
    return _LibraryWriter(writer)


@dataclass(frozen=True, slots=True)
class LogFrame:
    """One data frame of a log; `t_ns` on the log's own clock."""

    t_ns: int
    can_id: int
    extended: bool
    data: bytes


def read_log(path: Path) -> Iterator[LogFrame]:
    """The data frames of a log in FORMATS, in its order, with absolute times.

    Errors: SourceError, at the place in the file where reading cannot go on.
    """
    if path.suffix.lower() not in FORMATS:
        raise SourceError(f"CAN log {path}", "unknown ending", f"use one of {', '.join(FORMATS)}")
    from can import LogReader

    options = {"relative_timestamp": False} if path.suffix.lower() == ".asc" else {}
    count = 0
    try:
        with LogReader(str(path), **options) as reader:
            for m in reader:
                if not (m.is_error_frame or m.is_remote_frame):
                    t_ns = round(m.timestamp * SECOND)
                    yield LogFrame(t_ns, m.arbitration_id, m.is_extended_id, bytes(m.data))
                count += 1
    except Exception as error:  # python-can's readers raise whatever their parsing meets
        why = " ".join(str(error).split()) or type(error).__name__
        raise SourceError(f"CAN log {path}", f"unreadable after {count} frames: {why}") from error
