"""CAN logs: what a replay writes, and what a recorded drive holds.

Frames are stamped with the time of the stream, so that the same input gives the same bytes.
python-can is imported only for the formats other than candump's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from dms.canbus import BusError, parse_bus
from dms.cannode import BusSink
from dms.config import CanConfig
from dms.errors import SourceError, writing
from dms.measured import measured_data
from dms.transmit import SECOND, TxFrame

FORMATS = (".log", ".asc", ".blf", ".trc")
READABLE = (*FORMATS, ".mf4")
"""The last with the extra of its name."""
REFUSED = (".csv", ".db", ".sqlite", ".mf4", ".txt")
"""Formats that lose direction or channel, or that need more than python-can."""
BEGINS = {".blf": (b"LOGG",), ".mf4": (b"MDF ", b"UnFinMF")}
"""First bytes of the binary formats."""
CHANNEL = "can0"
_SYSTEMTIME_FROM_S = 631152000.0
"""1990: python-can's .blf writer stores no earlier start time."""


class BrokenLog(SourceError):
    """A log of which a part, or all, cannot be read; not a file that is no log."""


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
    if ending == ".trc" and base is not None and base.fd:
        why = "python-can writes no CAN FD frames to a .trc"
        raise BusError(f"CAN log {text}", why, "use .log, .asc or .blf")
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
        with writing(f"CAN log {self._path}"):
            for frame in frames:
                self._writer.write(frame)

    def close(self) -> None:
        """See Sink."""
        with writing(f"CAN log {self._path}"):
            self._writer.close()


class _Writer(Protocol):
    def write(self, frame: TxFrame) -> None: ...

    def close(self) -> None: ...


def _is_fd(frame: TxFrame) -> bool:
    return len(frame.data) > 8


class _CandumpWriter:
    """`(seconds) channel id#data T`, as `candump -L` writes it, with the direction."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="\n")

    def write(self, frame: TxFrame) -> None:
        us = frame.t_ns // 1000
        stamp = f"({us // 1_000_000}.{us % 1_000_000:06d})"
        data = frame.data.hex().upper()
        mark = "##1" if _is_fd(frame) else "#"  # 1: the data at the higher bit rate
        self._file.write(f"{stamp} {CHANNEL} {frame.message.can_id:03X}{mark}{data} T\n")

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
                is_fd=_is_fd(frame),
                bitrate_switch=_is_fd(frame),
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
    """One frame of a log; `t_ns` on the log's own clock."""

    t_ns: int
    can_id: int
    extended: bool
    data: bytes
    channel: str = ""
    """As the log names it."""
    sent: bool = False
    """By who wrote the log; most formats tell it."""
    error: bool = False
    """An error frame."""


def read_log(path: Path, errors: bool = False) -> Iterator[LogFrame]:
    """The data frames of a log in READABLE, in its order, with absolute times.

    errors: error frames too. Errors: SourceError for what is no log; BrokenLog at the place in the
    file where reading cannot go on.
    """
    ending = path.suffix.lower()
    if ending not in READABLE:
        raise SourceError(f"CAN log {path}", "unknown ending", f"use one of {', '.join(READABLE)}")
    if ending == ".mf4" and find_spec("asammdf") is None:
        raise SourceError(f"CAN log {path}", ".mf4 needs asammdf", "pip install 'dms[mf4]'")
    count = 0
    try:
        for frame in _candump(path) if ending == ".log" else _library(path, ending):
            if frame is not None and (errors or not frame.error):
                yield frame
            count += 1
    except Exception as error:  # python-can's readers raise whatever their parsing meets
        why = " ".join(str(error).split()) or type(error).__name__
        kind = BrokenLog if count or _begins(path, ending) else SourceError
        raise kind(f"CAN log {path}", f"unreadable after {count} frames: {why}") from error


def _begins(path: Path, ending: str) -> bool:
    """Whether a file begins as a log of its binary format does."""
    try:
        with path.open("rb") as file:
            return file.read(8).startswith(BEGINS.get(ending, ()))
    except OSError:
        return False


def _library(path: Path, ending: str) -> Iterator[LogFrame | None]:
    """The frames as python-can reads them; None for a remote frame."""
    count = 0
    with _strict(ending), _reader(path, ending) as reader:
        for m in reader:
            count += 1
            yield None if m.is_remote_frame else _log_frame(m)
        if ending == ".blf":
            _check_header(reader, path.stat().st_size, count)
    if ending in (".asc", ".trc") and not _ends(path):
        raise ValueError("cut off inside its last line")


def _check_header(reader: Any, size: int, count: int) -> None:
    """What a .blf says of itself, which is written when it is closed. Errors: ValueError."""
    if size < reader.file_size:
        raise ValueError(f"cut off: {size} of {reader.file_size} bytes")
    if not reader.object_count and (size > reader.file_size or not count):
        raise ValueError("its header counts nothing: it was never closed, or nothing was written")


def _reader(path: Path, ending: str) -> Any:
    import can

    if ending == ".mf4":
        return measured_data(path)
    if ending == ".asc":
        return can.ASCReader(str(path), relative_timestamp=False)
    return (can.BLFReader if ending == ".blf" else can.TRCReader)(str(path))


def _ends(path: Path) -> bool:
    """Whether a text's last line is whole."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


class _Refuse(logging.Handler):
    """Makes an error of a line or object that python-can only warns of, and leaves out."""

    def emit(self, record: logging.LogRecord) -> None:
        if any(arg != "" for arg in record.args or ()):  # what is left out, which may be blank
            raise ValueError(record.getMessage())


@contextlib.contextmanager
def _strict(ending: str) -> Iterator[None]:
    """While a .trc or .blf is read."""
    log, handler = logging.getLogger(f"can.io{ending}"), _Refuse(logging.WARNING)
    log.addHandler(handler)
    propagates, log.propagate = log.propagate, False
    level = log.level
    log.setLevel(logging.WARNING)  # dms.canbus turns the warnings off
    try:
        yield
    finally:
        log.setLevel(level)
        log.propagate = propagates
        log.removeHandler(handler)


_LINE = re.compile(
    r"\((\d{1,10})(?:\.(\d{1,9}))?\)\s+(\S+)\s+"
    r"([0-9A-Fa-f]{8}|[0-7][0-9A-Fa-f]{2})#(?:(R\d?)|(#[0-9A-Fa-f])?((?:[0-9A-Fa-f]{2})*))"
    r"(?:\s+([RT]))?"
)
"""Seconds, fraction, channel, identifier, remote, FD flags, data, direction."""
_ERROR_FLAG = 0x20000000
"""Of an identifier, linux/can.h; candump writes it, python-can's reader loses it."""


def _candump(path: Path) -> Iterator[LogFrame | None]:
    """The frames of a log as `candump -L` writes it; None for a remote frame."""
    with path.open(encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):  # its data may look whole
                raise ValueError("cut off inside its last line")
            if not line.strip():
                continue
            found = _LINE.fullmatch(line.strip())
            if found is None or len(found[7] or "") > (128 if found[6] else 16):
                raise ValueError(f"line {number} is not as candump -L writes it")
            yield None if found[5] else _candump_frame(found)


def _candump_frame(found: re.Match[str]) -> LogFrame:
    flagged = int(found[4], 16)
    error = len(found[4]) == 8 and bool(flagged & _ERROR_FLAG)
    return LogFrame(
        int(found[1]) * SECOND + int((found[2] or "").ljust(9, "0")),
        flagged & 0x1FFFFFFF,
        len(found[4]) == 8 and not error,
        bytes.fromhex(found[7]),
        found[3],
        found[8] == "T",
        error,
    )


def _log_frame(m: Any) -> LogFrame:
    if not m.is_error_frame and m.arbitration_id >> (29 if m.is_extended_id else 11):
        raise ValueError(f"{m.arbitration_id:X} is no identifier")  # python-can lets any pass
    return LogFrame(
        round(m.timestamp * SECOND),
        m.arbitration_id,
        m.is_extended_id,
        bytes(m.data),
        "" if m.channel is None else str(m.channel),
        not m.is_rx,
        m.is_error_frame,
    )
