"""Every window of the ring is contiguous and oldest first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms import _core


@given(st.integers(1, 12), st.integers(1, 9), st.lists(st.integers(0, 255), min_size=1))
def test_the_window_is_the_newest_rows_with_the_oldest_repeated(
    rows: int, width: int, values: list[int]
) -> None:
    ring = _core.TensorRing(rows, width)
    for value in values:
        ring.push(np.full(width, value, np.uint8))
    want = ([values[0]] * rows + values)[-rows:]
    assert ring.window.tolist() == [[v] * width for v in want]
    assert ring.window.flags.c_contiguous
    assert ring.filled == min(rows, len(values))


def test_windows_lie_at_one_address_a_slot() -> None:
    ring = _core.TensorRing(4, 8)
    addresses: dict[int, int] = {}
    for value in range(20):
        ring.push(np.full(8, value, np.uint8))
        here = ring.window.__array_interface__["data"][0]
        assert addresses.setdefault(ring.slot, here) == here
    assert len(addresses) == 4


def test_a_view_sees_later_writes_and_cannot_be_written() -> None:
    ring = _core.TensorRing(2, 3)
    view = ring.window
    ring.fill(np.full(3, 9, np.uint8))
    assert (view == 9).all()
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1


def test_a_row_of_another_shape_or_type_is_refused() -> None:
    ring = _core.TensorRing(2, 3)
    with pytest.raises(ValueError, match="width"):
        ring.push(np.zeros(4, np.uint8))
    with pytest.raises(TypeError):
        ring.push(np.zeros(3, np.float32))
