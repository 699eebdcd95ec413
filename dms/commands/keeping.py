"""Keeps what was learned of the driver while the program starts again within one drive.

Only where systemd gives a runtime directory: that is memory, gone with the power, and removed when
the service is stopped. No picture and nobody's identity is in it: five numbers and a side.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from dms.fusion import Learned
from dms.types import SeatSide
from dms.uds.nvm import Store

RECENT_NS = 60 * 1_000_000_000
"""Older is forgotten: the driver may well be another."""
EVERY_NS = 5 * 1_000_000_000
"""How often it is written."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ANGLE_RAD = math.pi / 2
"""No direction that was learned is further off."""


class Keeper:
    """digest: of the configuration, for what was learned under another says nothing."""

    def __init__(self, store: Store, digest: str, boot_id: str) -> None:
        self._store = store
        self._mark = {"config": digest, "boot": boot_id}
        self._saved: Learned | None = None
        self._at_ns: int | None = None

    def load(self, now_ns: int) -> Learned | None:
        """What a run of the program before this one left, if it is of now."""
        content = self._store.load().content
        if {k: content.get(k) for k in self._mark} != self._mark:
            return None
        at_ns = content.get("at_ns")
        if not isinstance(at_ns, int) or not 0 <= now_ns - at_ns <= RECENT_NS:
            return None
        return read(content)

    def keep(self, learned: Learned | None, now_ns: int) -> None:
        """What is learned now, None: nothing. Errors: OSError."""
        changed = self._at_ns is None or (learned is None) != (self._saved is None)
        late = learned is not None and now_ns - (self._at_ns or 0) >= EVERY_NS
        if not (changed or late):
            return
        if learned is None:
            self._store.forget()
        else:
            self._store.save({**self._mark, "at_ns": now_ns, **written(learned)})
        self._saved, self._at_ns = learned, now_ns


def written(learned: Learned) -> dict[str, Any]:
    """For the file."""
    return {
        "head": list(learned.head),
        "gaze": list(learned.gaze),
        "baseline": learned.baseline,
        "seat": int(learned.seat),
    }


def read(content: dict[str, Any]) -> Learned | None:
    """Out of the file; None: not what it should be."""
    try:
        head, gaze = (tuple(map(float, content[k])) for k in ("head", "gaze"))
        baseline = None if content["baseline"] is None else float(content["baseline"])
        seat = SeatSide(content["seat"])
        found = Learned((head[0], head[1]), (gaze[0], gaze[1]), baseline, seat)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    angles = (*found.head, *found.gaze)
    sound = all(abs(a) <= ANGLE_RAD for a in angles)
    return found if sound and (found.baseline is None or 0 < found.baseline < 10) else None


def open_keeper(digest: str) -> Keeper | None:
    """None where there is no runtime directory, or no identity of this start of the machine."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if not folder:
        return None
    try:
        boot_id = BOOT_ID.read_text().strip()
    except OSError:
        return None
    return Keeper(Store(Path(folder) / "driver"), digest, boot_id)
