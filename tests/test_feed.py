"""A recording that is played as if it were live."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from dms.feed import FileFeed
from dms.types import Frame

SECRET = "the driver's picture"


class Recording:
    """Frames with these sequence numbers and stamps; what it meets at its end, if anything."""

    timed = True

    def __init__(self, *stamped: tuple[int, int], end: Exception | None = None) -> None:
        self.losses: list[str] = []
        self._stamped, self._end = stamped, end

    def file(self, seq: int) -> str:
        return "drive.raw"

    def frames(self) -> Iterator[Frame]:
        for seq, t_ns in self._stamped:
            yield Frame(seq, t_ns, np.full((48, 64), seq % 250, np.uint8))
        if self._end is not None:
            raise self._end


def played(recording: Recording, loop: bool = False, count: int = 100) -> list[tuple[int, int]]:
    """Number and stamp of the first `count` frames that the feed puts into its ring."""
    feed = FileFeed(lambda: recording, "drive.raw", loop)
    return [(f.seq, f.t_ns) for f in itertools.islice(feed._stream(), count)]


def test_a_recording_from_the_middle_of_a_journey_is_played_from_0_on() -> None:
    hour = 3600 * 10**9
    cut_out = Recording((1000, hour), (1001, hour + 50), (1003, hour + 150))
    assert played(cut_out) == [(0, 0), (1, 50), (2, 150)]


@pytest.mark.parametrize("first", [0, 20 * 10**9, 1_700_000_000 * 10**9])
def test_a_loop_goes_on_a_period_after_its_last_frame_whatever_its_clock(first: int) -> None:
    ms = 10**6
    recording = Recording((7, first), (8, first + 40 * ms), (9, first + 80 * ms))
    stamps = [0, 40, 80, 120, 160, 200, 240]
    assert played(recording, True, 7) == [(i, t * ms) for i, t in enumerate(stamps)]


def test_a_loop_of_one_frame_does_not_stand_still() -> None:
    assert played(Recording((3, 5)), True, 3) == [(0, 0), (1, 10**6), (2, 2 * 10**6)]


def test_a_recording_whose_clock_is_far_on_is_played_at_once() -> None:
    feed = FileFeed(lambda: Recording((1000, 10**18), (1001, 10**18 + 10**6)), "drive.raw", False)
    feed.start()
    feed._thread.join(20)
    assert feed.ring.closed
    assert (pin := feed.ring.latest()) is not None
    assert (pin.seq, pin.t_ns) == (1, 10**6)


def test_a_recording_that_breaks_off_in_any_way_is_a_loss_and_tells_nothing_of_its_frames(
    capfd: pytest.CaptureFixture[str],
) -> None:
    feed = FileFeed(lambda: Recording((0, 0), (1, 1), end=TypeError(SECRET)), "drive.raw", False)
    feed.start()
    feed._thread.join(20)
    assert feed.ring.closed
    assert feed.ring.written == 2
    assert feed.losses() == ["drive.raw: breaks off: TypeError"]
    assert SECRET not in "".join(capfd.readouterr())
