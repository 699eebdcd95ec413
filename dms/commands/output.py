"""Text for whoever looks on, who may leave or be slow."""

from __future__ import annotations

import os
import select
from collections import deque
from typing import TextIO

TEXTS = 256
"""Kept for a reader who is not waited for: alerts and states of some minutes."""


class Onlooker:
    """Who reads `out` while a command does its work.

    alone: nothing else is made, so the command may end when they leave (BrokenPipeError); else
    what follows goes nowhere. waits: for a slow one; else the newest TEXTS wait for them.
    """

    def __init__(self, out: TextIO, alone: bool = False, waits: bool = True) -> None:
        self._out, self._alone, self._waits = out, alone, waits
        self._texts: deque[str] = deque(maxlen=TEXTS)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._out.isatty()

    def tell(self, text: str) -> None:
        """Show a text of at most PIPE_BUF bytes: where a pipe has room, it has so much."""
        self._texts.append(text)
        try:
            while self._texts and self._ready():
                self._out.write(self._texts.popleft())
                self._out.flush()
        except BrokenPipeError:
            self._discard()
            if self._alone:
                raise
        except KeyboardInterrupt:  # while waiting: the rest must not be waited for at exit
            self._discard()
            raise

    def _ready(self) -> bool:
        return self._waits or bool(select.select((), (self._out,), (), 0)[1])

    def _discard(self) -> None:
        """All that is still written, at exit too, goes nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), self._out.fileno())
