"""How a command is told to stop before its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self


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


class Stopping:
    """SIGTERM and SIGINT raise KeyboardInterrupt, but inside `here` alone: what was begun outside,
    such as a line of a log, is brought to its end."""

    def __init__(self) -> None:
        self._asked = self._here = False

    def __enter__(self) -> Self:
        numbers = (signal.SIGTERM, signal.SIGINT)
        self._before = {n: signal.signal(n, self._told) for n in numbers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._here:
            self._here = False  # a second one must not break off the end
            raise KeyboardInterrupt

    @contextmanager
    def here(self) -> Iterator[None]:
        """Where it may end: at once when it was told before."""
        self._here = True
        try:
            if self._asked:
                raise KeyboardInterrupt
            yield
        finally:
            self._here = False
