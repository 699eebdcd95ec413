"""The daemon's reader of the raw frame stream takes whatever comes, and ends when it ends."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dms import _core
from dms.errors import SourceError
from dms.feed import RawFeed
from dms.rawstream import TIME_END

W, H = 64, 48
HEADER = struct.Struct("<4sHHIIIIQQ")


def frame(seq: int, width: int = W, height: int = H) -> bytes:
    size = width * height
    head = HEADER.pack(b"DMSF", 1, 0, width, height, width, size, seq, seq * 1000)
    return head + bytes([seq % 256]) * size


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    os.close(ends[0])


def read_all(fd: int, ring: _core.FrameRing, prefix: bytes = b"") -> _core.RawReader:
    reader = _core.RawReader(fd, ring, prefix)
    reader.start()
    while not reader.done:
        ring.wait_change(ring.version, 50_000_000)
    return reader


def test_frames_of_a_file_reach_the_ring_with_their_stamps(tmp_path: Path) -> None:
    path = tmp_path / "frames.dmsf"
    path.write_bytes(b"".join(frame(seq) for seq in range(1, 4)))
    ring = _core.FrameRing(4, W, H)
    with path.open("rb") as file:
        reader = read_all(file.fileno(), ring)
    assert reader.counters["frames"] == 3
    assert ring.closed
    for seq in (1, 2, 3):
        pin = ring.next(seq - 1)
        assert pin is not None
        assert (pin.seq, pin.t_ns) == (seq, seq * 1000)
        assert (pin.array == seq).all()


def test_what_is_not_a_frame_is_skipped_and_counted(pipe: tuple[int, int]) -> None:
    ring = _core.FrameRing(4, W, H)
    bad = bytearray(frame(2))
    bad[8:12] = struct.pack("<I", 9000)  # wider than any frame
    parts = [b"noise", frame(1), bytes(bad), frame(3, 32, 16), frame(4), frame(5)[:100]]
    os.write(pipe[1], b"".join(parts))
    os.close(pipe[1])
    counters = read_all(pipe[0], ring).counters
    assert counters["frames"] == 2
    assert counters["skipped"] == 1
    assert counters["bad_magic"] == 1
    assert counters["bad_header"] == 1
    assert counters["truncated"] == 1
    assert ring.written == 2


def test_the_native_reader_takes_the_stamps_that_the_other_takes(tmp_path: Path) -> None:
    path = tmp_path / "frames.dmsf"
    for t_ns in (0, TIME_END - 1, TIME_END, 2**63 - 1, 2**63, 2**64 - 1):
        head = HEADER.pack(b"DMSF", 1, 0, W, H, W, W * H, 5, t_ns)
        path.write_bytes(head + bytes(W * H))
        ring = _core.FrameRing(2, W, H)
        with path.open("rb") as file:
            counters = read_all(file.fileno(), ring).counters
        good = t_ns < TIME_END
        assert (counters["frames"], counters["bad_header"]) == (good, not good)


def test_a_header_read_ahead_is_handed_back(pipe: tuple[int, int]) -> None:
    ring = _core.FrameRing(2, W, H)
    os.write(pipe[1], frame(7))
    os.close(pipe[1])
    head = os.read(pipe[0], HEADER.size)
    assert read_all(pipe[0], ring, head).counters["frames"] == 1
    pin = ring.latest()
    assert pin is not None
    assert pin.seq == 7
    with pytest.raises(ValueError, match="prefix"):
        _core.RawReader(pipe[0], ring, b"x" * 41)


def test_stop_does_not_wait_for_a_silent_writer(pipe: tuple[int, int]) -> None:
    ring = _core.FrameRing(2, W, H)
    reader = _core.RawReader(pipe[0], ring)
    reader.start()
    os.write(pipe[1], frame(1)[:50])
    reader.stop()
    os.close(pipe[1])
    assert reader.done
    assert ring.closed
    assert ring.latest() is None


def test_a_closed_descriptor_is_an_error_at_once() -> None:
    with pytest.raises((OSError, RuntimeError), match="raw frame stream"):
        _core.RawReader(-1, _core.FrameRing(2, W, H))


def test_a_twelve_bit_stream_with_padding_is_converted(pipe: tuple[int, int]) -> None:
    stride = 2 * W + 32
    values = np.random.default_rng(1).integers(0, 4096, (H, W), dtype=np.uint16)
    rows = np.pad(values.astype("<u2").view(np.uint8), ((0, 0), (0, 32)))
    head = HEADER.pack(b"DMSF", 1, 2, W, H, stride, stride * H, 1, 5)
    os.write(pipe[1], head + rows.tobytes())
    os.close(pipe[1])
    ring = _core.FrameRing(2, W, H, "mono12le", stride)
    assert read_all(pipe[0], ring).counters["frames"] == 1
    pin = ring.latest()
    assert pin is not None
    np.testing.assert_array_equal(pin.array, values >> 4)


def feed_of(stream: bytes) -> RawFeed:
    """A feed of a stream that ends with these bytes."""
    near, far = os.pipe()
    os.write(far, stream)
    os.close(far)
    return RawFeed(near, "camera", os.eventfd(0))


@pytest.mark.parametrize("cut", [1, 3, 4, 39, 40, 41, 500, 1000])
def test_a_stream_joined_within_a_frame_begins_with_the_next(cut: int) -> None:
    rest = frame(0)[cut:]
    assert rest.count(b"DMSF") == 0
    for before in (rest, rest[:-8] + b"DMSFDMDM", rest + b"DMSF\x02\0" + bytes(40), rest + b"DM"):
        joined = feed_of(before + frame(1) + frame(2))
        joined.start()
        while not joined._reader.done:
            joined.ring.wait_change(joined.ring.version, 50_000_000)
        joined.stop()
        assert joined._reader.counters["frames"] == 2
        assert joined.losses() == [f"camera: {len(before)} bytes before the first whole frame"]


@pytest.mark.parametrize("stream", [b"DMS" * 100, bytes(1000), frame(0)[1:], b"no stream" * 9])
def test_a_stream_without_a_whole_header_is_none(stream: bytes) -> None:
    with pytest.raises(SourceError, match="camera: not a raw frame stream: frame starts with"):
        feed_of(stream)


def test_what_never_becomes_a_stream_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dms.feed.JOIN_BYTES", 1 << 16)
    with open("/dev/zero", "rb") as zeros, pytest.raises(SourceError, match="not a raw frame"):
        RawFeed(zeros.fileno(), "camera", os.eventfd(0))
