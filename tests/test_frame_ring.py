"""Frame slots are shared, not copied, and stay as they are while someone looks at them."""

from __future__ import annotations

import ctypes
import gc
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from dms import _core

W, H = 32, 6
Image = NDArray[np.uint8]


def frame(value: int) -> Image:
    return np.full((H, W), value, np.uint8)


def ring(slots: int = 3, **extra: object) -> _core.FrameRing:
    return _core.FrameRing(slots, W, H, **extra)  # type: ignore[arg-type]


def pinned(of: _core.FrameRing) -> _core.Pin:
    pin = of.latest()
    assert pin is not None
    return pin


def address(image: Image) -> int:
    return int(image.__array_interface__["data"][0])


def test_views_of_a_slot_share_its_memory_and_are_read_only() -> None:
    frames = ring()
    assert frames.write(frame(7), 70, 1)
    pin = pinned(frames)
    one, two = pin.array, pinned(frames).array
    assert address(one) == address(two)
    assert (one == 7).all()
    assert (pin.t_ns, pin.seq) == (70, 1)
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 1


def test_a_write_in_cpp_is_seen_through_the_memory_python_saw() -> None:
    frames = ring(slots=2)
    frames.write(frame(1), 0, 1)
    with pinned(frames) as pin:
        where = address(pin.array)
    slot = np.ctypeslib.as_array((ctypes.c_uint8 * (W * H)).from_address(where))
    assert (slot == 1).all()
    frames.write(frame(2), 0, 2)
    frames.write(frame(3), 0, 3)  # the first slot is the oldest and free again
    assert (slot == 3).all()


def test_a_pinned_slot_is_never_overwritten() -> None:
    frames = ring(slots=2)
    frames.write(frame(1), 0, 1)
    held = pinned(frames)
    for seq in range(2, 30):
        assert frames.write(frame(seq), 0, seq)
        assert (held.array == 1).all()
    newest = pinned(frames)
    assert not frames.write(frame(99), 0, 99)
    assert frames.dropped == 1
    assert newest.seq == 29


def test_an_array_keeps_its_slot_pinned_after_the_pin_is_released() -> None:
    frames = ring(slots=2)
    frames.write(frame(1), 0, 1)
    with pinned(frames) as pin:
        kept = pin.array
    with pytest.raises(RuntimeError, match="released"):
        _ = pin.array
    part = kept[2:4]
    del kept
    for seq in range(2, 9):
        frames.write(frame(seq), 0, seq)
    assert (part == 1).all()


def test_a_slot_is_free_again_when_its_last_array_goes() -> None:
    frames = ring(slots=2)
    frames.write(frame(1), 0, 1)
    one = pinned(frames).array
    frames.write(frame(2), 0, 2)
    two = pinned(frames).array
    assert not frames.write(frame(3), 0, 3)
    del one
    gc.collect()
    assert frames.write(frame(4), 0, 4)
    assert (two == 2).all()


def test_an_array_keeps_the_ring_alive() -> None:
    frames = ring()
    frames.write(frame(5), 0, 1)
    kept = pinned(frames).array
    del frames
    gc.collect()
    assert (kept == 5).all()


def test_next_gives_frames_in_order_and_nothing_beyond_the_last() -> None:
    frames = ring(slots=3)
    assert frames.latest() is None
    assert frames.next(0) is None
    for seq in (10, 11, 12, 13):
        frames.write(frame(seq), 0, seq)
    seen = []
    ticket = 0
    while (pin := frames.next(ticket)) is not None:
        with pin:
            ticket = pin.ticket
            seen.append((ticket, pin.seq))
    assert seen == [(2, 11), (3, 12), (4, 13)]


def test_waiting_ends_when_a_frame_comes() -> None:
    frames = ring()
    before = frames.version
    assert not frames.wait_change(before, 1000)
    writer = threading.Thread(target=frames.write, args=(frame(1), 0, 1))
    writer.start()
    assert frames.wait_change(before, 60_000_000_000)
    writer.join()
    assert not frames.closed
    frames.close()
    assert frames.closed


def raw(values: NDArray[np.uint16], name: str, padding: int) -> bytes:
    """Pixels as a camera of this format delivers them."""
    if name == "raw10p":
        groups = values.reshape(H, -1, 4)
        low = (groups & 3) << np.array([0, 2, 4, 6], np.uint16)
        packed = np.concatenate([groups >> 2, low.sum(axis=2, keepdims=True)], axis=2)
        rows = packed.astype(np.uint8).reshape(H, -1)
    elif name == "mono8":
        rows = values.astype(np.uint8)
    else:
        rows = values.astype("<u2").view(np.uint8)
    return np.pad(rows, ((0, 0), (0, padding))).tobytes()


@pytest.mark.parametrize(
    ("name", "bits"),
    [("mono8", 8), ("mono10le", 10), ("mono12le", 12), ("mono16le", 16), ("raw10p", 10)],
)
@pytest.mark.parametrize("padding", [0, 24])
def test_every_format_becomes_its_upper_eight_bits(name: str, bits: int, padding: int) -> None:
    values = np.random.default_rng(bits).integers(0, 2**bits, (H, W), dtype=np.uint16)
    data = raw(values, name, padding)
    frames = ring(format=name, stride=len(data) // H)
    assert frames.write(data, 0, 1)
    np.testing.assert_array_equal(pinned(frames).array, values >> (bits - 8))


def test_too_few_bytes_are_rejected_and_counted() -> None:
    frames = ring()
    assert not frames.write(b"x" * (W * H - 1), 0, 1)
    assert frames.rejected == 1
    assert frames.latest() is None


@pytest.mark.parametrize(
    "wrong",
    [(1, W, H), (65, W, H), (2, 0, H), (2, W, 8193), (2, W, H, "mono9"), (2, W, H, "mono8", 31)],
)
def test_impossible_rings_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"slots|size|format|stride"):
        _core.FrameRing(*wrong)


def test_an_array_that_is_not_contiguous_is_refused() -> None:
    with pytest.raises((BufferError, ValueError), match="contiguous"):
        ring().write(np.zeros((H, 2 * W), np.uint8)[:, ::2], 0, 1)
