"""Measured data (.mf4) through python-can and asammdf, which are imported only when it is read."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


class _Told(logging.Handler):
    """Keeps the last error that asammdf tells, and prints none."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.last = record.getMessage().strip().rpartition("\n")[2]


@contextlib.contextmanager
def measured_data(path: Path) -> Iterator[Any]:
    """A reader of the CAN frames of a file.

    Errors: whatever the library raises. What it only tells of, and leaves out, is a ValueError at
    the end of the frames.
    """
    import can

    log, told = logging.getLogger("asammdf"), _Told()
    handlers, log.handlers = log.handlers, [told]
    try:
        with _opened(lambda: can.MF4Reader(str(path))) as reader:
            yield reader
    finally:
        log.handlers = handlers
    if told.last:
        raise ValueError(told.last)


def _opened(make: Callable[[], Any]) -> Any:
    """The destructor of asammdf fails where its constructor did, of which Python prints a
    traceback, unless it runs here."""
    try:
        return make()
    except Exception as error:
        why = str(error)
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    gc.collect()
    sys.unraisablehook = hook
    raise ValueError(why)
