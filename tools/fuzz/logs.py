"""CAN logs of any bytes: each is read to its end, or is told to be broken where it is."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import can.io  # noqa: F401  imported late by dms; must be there to be traced

from dms.busview import BusView
from dms.canlog import FORMATS, LogSink, read_log
from dms.errors import SourceError
from dms.messages import ALERT, SENT
from dms.transmit import TxFrame

MS = 1_000_000
SHARED = Path("/dev/shm")


class Target:
    """Writes each input to a file in memory and reads it as a log."""

    def __init__(self) -> None:
        self.frames = self.broken = 0
        folder = tempfile.mkdtemp(prefix="dms-fuzz-", dir=SHARED if SHARED.is_dir() else None)
        self._paths = [Path(folder) / f"log{ending}" for ending in FORMATS]

    def run(self, data: bytes) -> None:
        """A byte for the format, then the file."""
        if not data:
            return
        path, view = self._paths[data[0] % len(self._paths)], BusView()
        path.write_bytes(data[1:])
        try:
            for frame in read_log(path, errors=True):
                assert frame.error or 0 <= frame.can_id < 1 << (29 if frame.extended else 11)
                view.on_frame(frame.can_id, frame.extended, frame.data, frame.t_ns)
                self.frames += 1
        except SourceError:
            self.broken += 1


def seeds() -> list[bytes]:
    """A short log of each format."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, ending in enumerate(FORMATS):
            path = Path(folder) / f"seed{ending}"
            with contextlib.closing(LogSink(path)) as sink:
                sink.send(TxFrame(n * MS, m, bytes(8)) for n, m in enumerate((ALERT, *SENT[:2])))
            found.append(bytes([number]) + path.read_bytes())
    return found
