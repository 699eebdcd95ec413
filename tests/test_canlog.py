"""CAN logs: read back as written, and the same bytes each time."""

from __future__ import annotations

import contextlib
import logging
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.canbus import BusError
from dms.canlog import FORMATS, BrokenLog, LogFrame, LogSink, open_sink, read_log
from dms.config import CanConfig
from dms.errors import SourceError
from dms.messages import SENT
from dms.moment import Identity
from dms.transmit import TxFrame, TxPlan

MS = 1_000_000
EPOCH_2026 = 1_767_225_600 * 1_000_000_000


def frames(start_ns: int, duration_ms: int = 500) -> list[TxFrame]:
    return TxPlan(Identity("s", "m"), start_ns).due(start_ns + duration_ms * MS)


def write(path: Path, what: list[TxFrame]) -> Path:
    sink = open_sink(str(path))
    sink.send(what)
    sink.close()
    return path


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("start_ns", [0, 123_456_000, EPOCH_2026 + 7 * MS])
def test_a_log_gives_back_the_frames_and_their_times(
    tmp_path: Path, ending: str, start_ns: int
) -> None:
    sent = frames(start_ns)
    got = list(read_log(write(tmp_path / f"a{ending}", sent)))
    assert [(f.can_id, f.extended, f.data) for f in got] == [
        (f.message.can_id, False, f.data) for f in sent
    ]
    for ours, theirs in zip(sent, got, strict=True):
        assert abs(ours.t_ns - theirs.t_ns) <= 1000, "a microsecond, the formats' step"


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_frames_give_the_same_bytes_at_any_time_and_place(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    first = write(tmp_path / f"a{ending}", frames(0)).read_bytes()
    monkeypatch.setattr(time, "time", lambda: 2e9)
    second = write(tmp_path / "other" / f"a{ending}", frames(0)).read_bytes()
    assert first == second
    assert len(first) > 100


def test_a_candump_log_is_plain(tmp_path: Path) -> None:
    text = write(tmp_path / "a.log", frames(1_500_000_000, 0)).read_text().splitlines()
    assert len(text) == len(SENT)
    assert text[0].startswith("(1.500000) can0 320#")
    assert text[0].endswith(" T")


@pytest.mark.parametrize("ending", [".csv", ".db", ".mf4"])
def test_a_format_that_loses_what_matters_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(BusError, match=r"use one of \.log, \.asc"):
        open_sink(str(tmp_path / f"a{ending}"))
    with pytest.raises(BusError, match="unknown ending"):
        LogSink(tmp_path / f"a{ending}")
    with pytest.raises(SourceError, match="unknown ending" if ending != ".mf4" else "unreadable"):
        list(read_log(tmp_path / f"a{ending}"))


def test_a_format_without_can_fd_is_refused_for_a_bus_of_can_fd(tmp_path: Path) -> None:
    with pytest.raises(BusError, match=r"no CAN FD frames to a \.trc - use \.log"):
        open_sink(str(tmp_path / "a.trc"), CanConfig(fd=True))
    sent = TxPlan(Identity("s", "m"), 0, fd=True).due(500 * MS)
    for ending in (".log", ".asc", ".blf"):
        sink = open_sink(str(tmp_path / f"a{ending}"), CanConfig(fd=True))
        sink.send(sent)
        sink.close()
        assert [f.data for f in read_log(tmp_path / f"a{ending}")] == [f.data for f in sent]


@pytest.mark.parametrize("ending", FORMATS)
def test_a_log_that_cannot_be_written_or_read_is_one_clear_error(
    tmp_path: Path, ending: str
) -> None:
    with pytest.raises(BusError, match="folder that exists"):
        open_sink(str(tmp_path / "nowhere" / f"a{ending}"))
    with pytest.raises(SourceError, match="unreadable after 0 frames"):
        list(read_log(tmp_path / f"none{ending}"))


def test_a_broken_log_gives_what_came_before_the_break(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("(0.000000) can0 120#00\n(0.02) can0 nonsense\n")
    log = read_log(path)
    assert next(log) == LogFrame(0, 0x120, False, b"\0", "can0")
    with pytest.raises(SourceError, match="unreadable after 1 frames"):
        next(log)


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("(1.5) can1 123#", LogFrame(1_500_000_000, 0x123, False, b"", "can1")),
        ("(0.000001) can0 123#0A0b T", LogFrame(1000, 0x123, False, b"\n\x0b", "can0", True)),
        ("(1.5) vcan0 0000123#00 R", None),
        ("(1.5) vcan0 00000123#00 R", LogFrame(1_500_000_000, 0x123, True, b"\0", "vcan0")),
        ("(1.5) can0 123##1" + "00" * 12, LogFrame(1_500_000_000, 0x123, False, bytes(12), "can0")),
        (
            "(1767225600.123456789) can0 20000040#0000000000000000",
            LogFrame(1_767_225_600_123_456_789, 0x40, False, bytes(8), "can0", error=True),
        ),
        ("(1.5) can0 123#000", None),
        ("(1.5) can0 123#" + "00" * 9, None),
        ("(nan) can0 123#00", None),
        ("(1.5) can0 FFF#00", None),
    ],
)
def test_candumps_own_lines_are_read_to_the_nanosecond(
    tmp_path: Path, line: str, frame: LogFrame | None
) -> None:
    path = tmp_path / "a.log"
    path.write_text(f"(1.0) can0 120#R4\n\n{line}\n")
    if frame is not None:
        assert list(read_log(path, errors=True)) == [frame]
        return
    with pytest.raises(SourceError, match="line 3"):
        list(read_log(path))


@pytest.mark.parametrize("wrong", ["800", "20000000x", "3333333333320"])
def test_what_is_no_identifier_ends_the_reading(tmp_path: Path, wrong: str) -> None:
    log = write(tmp_path / "a.asc", frames(0, 0))
    log.write_text(log.read_text().replace("1  323 ", f"1  {wrong} "))
    given: list[LogFrame] = []
    with pytest.raises(SourceError, match="is no identifier"):
        given.extend(read_log(log))
    assert [f.can_id for f in given] == [0x320], "what came before"


@pytest.mark.parametrize("said", ["Unknown compression method", "Unknown object header version"])
def test_an_object_of_a_blf_that_cannot_be_read_is_told_not_left_out(
    tmp_path: Path, said: str
) -> None:
    log = write(tmp_path / "a.blf", frames(0))
    data = log.read_bytes()
    start = data.index(b"LOBJ")
    container, inner = bytearray(data[: start + 32]), bytearray(zlib.decompress(data[start + 32 :]))
    if "compression" in said:
        container[start + 16] = 7
    else:
        inner[inner.index(b"LOBJ") + 6] = 0
    packed = zlib.compress(inner)
    container[start + 8 : start + 12] = (32 + len(packed)).to_bytes(4, "little")
    log.write_bytes((container + packed).ljust(len(data), b"\0"))  # as long as its header says
    library = logging.getLogger("can")
    level = library.level
    library.setLevel(logging.ERROR)  # as an open bus leaves it
    try:
        with pytest.raises(SourceError, match=said):
            list(read_log(log))
    finally:
        library.setLevel(level)


@pytest.mark.parametrize("containers", [0, 1])
def test_a_blf_that_was_never_closed_is_told_with_what_reached_the_disk(
    tmp_path: Path, containers: int
) -> None:
    sent = frames(0)
    header = write(tmp_path / "a.blf", []).read_bytes()  # as it is until the log is closed
    stump = tmp_path / "stump.blf"
    stump.write_bytes(header + write(tmp_path / "a.blf", sent).read_bytes()[len(header) :])
    if not containers:
        stump.write_bytes(header)
    given: list[LogFrame] = []
    with pytest.raises(BrokenLog, match="never closed"):
        given.extend(read_log(stump))
    assert [f.data for f in given] == [f.data for f in sent] * containers


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_a_candump_log(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(data)
    with contextlib.suppress(SourceError):
        list(read_log(path))
