"""A recording that is played as if it were live."""

from __future__ import annotations

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
