"""A terminal that is drawn over itself and gives single keys."""

from __future__ import annotations

import os
import select
import shutil
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TextIO

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""A screen of its own without a cursor, and back."""
_ESCAPES = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "[5~": "page up",
    "[6~": "page down",
}


class Screen:
    """Draws lines; scrolls them; reads keys where the input is a terminal too."""

    def __init__(self, keys: TextIO, out: TextIO) -> None:
        self._out = out
        self._fd = keys.fileno() if keys.isatty() else -1
        self._before: list[Any] | None = None
        self._top = 0
        self._shown = 0
        """Lines of the last picture that can be scrolled."""

    def __enter__(self) -> Self:
        if self._fd >= 0:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
        self._out.write(ENTER)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._out.write(LEAVE)
        self._out.flush()
        if self._before is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    @property
    def width(self) -> int:
        """Columns."""
        return shutil.get_terminal_size().columns

    def fileno(self) -> int:
        """To wait on for keys; -1: there are none."""
        return self._fd

    def keys(self) -> list[str]:
        """The keys that wait: a character each, or "up", "page down" and so on."""
        if self._fd < 0 or not select.select([self._fd], (), (), 0)[0]:
            return []
        return split_keys(os.read(self._fd, 256).decode("utf-8", "replace"))

    def scroll(self, key: str) -> bool:
        """Move the picture; whether `key` is one that does."""
        page = self._room(1)
        steps = {"up": -1, "down": 1, "page up": -page, "page down": page}
        self._top = min(max(self._top + steps.get(key, 0), 0), max(self._shown - page, 0))
        return key in steps

    def show(self, heading: str, lines: Sequence[str]) -> None:
        """A picture: the heading stays, the lines scroll."""
        room = self._room(1)
        self._shown = len(lines)
        self._top = min(self._top, max(len(lines) - room, 0))
        seen = lines[self._top : self._top + room]
        body = "\n".join(f"{line}\x1b[K" for line in (heading[: self.width], *seen))
        self._out.write(f"\x1b[H{body}\x1b[J")
        self._out.flush()

    def _room(self, heading: int) -> int:
        return max(shutil.get_terminal_size().lines - heading, 1)


def split_keys(text: str) -> list[str]:
    """The keys in what a terminal has sent."""
    keys, at = [], 0
    while at < len(text):
        found = next((e for e in _ESCAPES if text.startswith("\x1b" + e, at)), None)
        keys.append(_ESCAPES[found] if found else text[at])
        at += 1 + len(found or "")
    return keys
