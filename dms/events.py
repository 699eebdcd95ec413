"""Alerts as events: raised, changed, ended. What people read and recordings are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dms.types import Alert, AlertKind


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one kind of alert. `level` is the new one, 0 when it ended."""

    t_ns: int
    what: str
    kind: AlertKind
    level: int
    since_ns: int
    reason: str


class Events:
    """Compares each frame's alerts with those of the frame before."""

    def __init__(self) -> None:
        self._active: dict[AlertKind, Alert] = {}

    def step(self, t_ns: int, alerts: Sequence[Alert]) -> list[Event]:
        """What changed at `t_ns`: endings first, then the others by kind."""
        before, now = self._active, {alert.kind: alert for alert in alerts}
        self._active = now
        ended = [
            Event(t_ns, "ended", kind, 0, alert.since_ns, alert.reason)
            for kind, alert in sorted(before.items())
            if kind not in now or now[kind].since_ns != alert.since_ns
        ]
        return ended + [
            Event(t_ns, what, kind, alert.level, alert.since_ns, alert.reason)
            for kind, alert in sorted(now.items())
            if (what := _change(before.get(kind), alert))
        ]


def _change(before: Alert | None, now: Alert) -> str:
    if before is None or before.since_ns != now.since_ns:
        return "raised"
    return "changed" if before.level != now.level else ""
