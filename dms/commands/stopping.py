"""How a command that runs until it is told to stop is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[int]:
    """A file descriptor that becomes readable with SIGTERM or SIGINT."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ignore(number: int, frame: FrameType | None) -> None:
        """The wake-up fd has it."""

    before = {n: signal.signal(n, ignore) for n in (signal.SIGTERM, signal.SIGINT)}
    wake_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wake_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)
