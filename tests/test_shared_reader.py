"""Frames that another process puts into a file in memory reach the ring whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dms import _core
from dms.rawstream import SharedHeader, SharedWriter, parse_shared_header
from dms.types import Frame

ROOT = Path(__file__).resolve().parent.parent
W, H = 64, 48

CAMERA = """
import sys, time
from pathlib import Path
import numpy as np
from dms.rawstream import SharedWriter
from dms.types import Frame

writer = SharedWriter(Path(sys.argv[1]), 64, 48)
print("ready", flush=True)
sys.stdin.readline()
for seq in range(1, 101):
    writer.write(Frame(seq, seq * 1000, np.full((48, 64), seq, np.uint8)))
    time.sleep(0.002)
"""


def frame(seq: int) -> Frame:
    return Frame(seq, seq * 1000, np.full((H, W), seq % 256, np.uint8))


def start(path: Path, ring: _core.FrameRing) -> _core.SharedReader:
    fd = os.open(path, os.O_RDONLY)
    try:
        reader = _core.SharedReader(fd, ring)
    finally:
        os.close(fd)
    reader.start()
    return reader


def wait_for(ring: _core.FrameRing, ticket: int) -> _core.Pin:
    """The first frame from the one with `ticket` on."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        version = ring.version
        if pin := ring.next(ticket - 1):
            return pin
        ring.wait_change(version, 50_000_000)
    raise AssertionError(f"no frame {ticket}")


def test_frames_of_another_process_arrive_whole_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "camera"
    command = [sys.executable, "-c", CAMERA, str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as camera:
        assert camera.stdout
        assert camera.stdin
        assert camera.stdout.readline() == "ready\n"
        ring = _core.FrameRing(6, W, H)
        reader = start(path, ring)
        camera.stdin.write("go\n")
        camera.stdin.flush()
        last = ticket = 0
        while last < 100:
            with wait_for(ring, ticket + 1) as pin:
                assert pin.seq > last
                ticket = pin.ticket
                assert pin.t_ns == pin.seq * 1000
                assert (pin.array == pin.seq).all()
                last = pin.seq
    reader.stop()
    counters = reader.counters
    assert counters["frames"] + counters["missed"] == 100
    assert counters["bad_magic"] == counters["bad_header"] == counters["truncated"] == 0


def test_a_file_cut_short_stops_the_frames_but_not_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "camera"
    writer = SharedWriter(path, W, H)
    ring = _core.FrameRing(4, W, H)
    reader = start(path, ring)
    writer.write(frame(1))
    wait_for(ring, 1).release()
    writer.close()
    os.truncate(path, 0)
    deadline = time.monotonic() + 20
    while not reader.counters["truncated"] and time.monotonic() < deadline:
        ring.wait_change(ring.version, 10_000_000)
    assert reader.counters["truncated"] == 1
    assert not reader.done
    reader.stop()
    assert reader.done
    assert ring.closed


def test_the_reader_refuses_what_is_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "camera"
    path.write_bytes(SharedHeader(4, 1000, 0).pack())
    with pytest.raises(ValueError, match="not shared frames"):
        start(path, _core.FrameRing(2, W, H))
    with pytest.raises((OSError, RuntimeError), match="raw frame stream"):
        _core.SharedReader(-1, _core.FrameRing(2, W, H))


def test_the_header_written_is_the_header_read() -> None:
    header = SharedHeader(3, 100, 7)
    assert len(header.pack()) == 64
    assert parse_shared_header(header.pack(), 364) == header
    with pytest.raises(ValueError, match="need 364, not 363"):
        parse_shared_header(header.pack(), 363)


def test_the_writer_takes_frames_of_one_size_only(tmp_path: Path) -> None:
    writer = SharedWriter(tmp_path / "camera", W, H + 1)
    with pytest.raises(ValueError, match="another size"):
        writer.write(frame(1))
    writer.close()
