"""What a command may end with: one line of what, why and how to fix, and an exit code.

Exceptions are for broken machines, files and wrong use. What a camera cannot see is data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    """Wrong use, config or input: nothing was produced."""
    DATA_LOSS = 3
    """Finished, but part of the input could not be read."""
    GATE = 4
    """A gate or baseline was not met."""


class DmsError(Exception):
    """An error a user can act on. Each part is one line without a full stop."""

    exit_code = Exit.FAILED

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        self.what, self.why, self.fix = what, why, fix
        super().__init__(self.line())

    def line(self) -> str:
        """All of it in one line, whatever line breaks the parts carried."""
        text = self.what + (f": {self.why}" if self.why else "")
        return " ".join((text + (f" - {self.fix}" if self.fix else "")).split())

    def lines(self) -> tuple[str, ...]:
        """One line a mistake."""
        return (self.line(),)


class UsageError(DmsError):
    """The command line or the configuration asks for what cannot be done."""

    exit_code = Exit.USAGE


class UsageErrors(UsageError):
    """Several mistakes at once, one line each."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        self._mistakes = mistakes
        super().__init__("; ".join(mistakes))

    def lines(self) -> tuple[str, ...]:
        return self._mistakes


class SourceError(DmsError):
    """A frame source that gives nothing usable."""

    exit_code = Exit.USAGE


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Names what was being written when there is no room for it. Errors: DmsError."""
    try:
        yield
    except OSError as error:
        raise DmsError(what, error.strerror or str(error), "is the disk full?") from error


@contextmanager
def opening(what: str, fix: str) -> Iterator[None]:
    """Names what cannot be opened for writing. Errors: UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(what, error.strerror or str(error), fix) from error
