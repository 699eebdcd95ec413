"""CAN logs: read back as written, and the same bytes each time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dms.canbus import BusError
from dms.canlog import FORMATS, LogFrame, LogSink, open_sink, read_log
from dms.errors import SourceError
from dms.payloads import Identity
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
    assert len(text) == 4
    assert text[0].startswith("(1.500000) can0 320#")
    assert text[0].endswith(" T")


@pytest.mark.parametrize("ending", [".csv", ".db", ".mf4"])
def test_a_format_that_loses_what_matters_is_refused(tmp_path: Path, ending: str) -> None:
    with pytest.raises(BusError, match=r"use one of \.log, \.asc"):
        open_sink(str(tmp_path / f"a{ending}"))
    with pytest.raises(BusError, match="unknown ending"):
        LogSink(tmp_path / f"a{ending}")
    with pytest.raises(SourceError, match="unknown ending"):
        list(read_log(tmp_path / f"a{ending}"))


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
    assert next(log) == LogFrame(0, 0x120, False, b"\0")
    with pytest.raises(SourceError, match="unreadable after 1 frames"):
        next(log)
