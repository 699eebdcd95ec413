"""What changed in what is told of the driver: the events of DMS_Event. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dms.messages import EVENTS
from dms.types import Alert, AlertKind, Availability, Condition, DriverState, Reason


@dataclass(frozen=True, slots=True)
class Change:
    """One event. `what` is of messages.EVENTS; the rest is what holds from then on."""

    what: str
    at_ns: int
    condition: Condition
    availability: Availability
    reason: Reason
    kind: AlertKind = AlertKind.NONE
    level: int = 0

    @property
    def number(self) -> int:
        """Of `what` on the bus."""
        return EVENTS.index(self.what)


def changes(
    before: tuple[DriverState | None, Sequence[Alert]],
    after: tuple[DriverState, Sequence[Alert]],
    at_ns: int,
) -> list[Change]:
    """What happened between two results to alerts, condition and driver, most urgent first."""
    (old, old_alerts), (new, new_alerts) = before, after
    found = [
        Change(what, at_ns, new.condition, new.availability, new.reason, kind, level)
        for what, kind, level in _of_alerts(old_alerts, new_alerts)
    ]
    if new.driver_changed:
        found.append(_plain("driver changed", new, at_ns))
    if old is not None and old.condition != new.condition:
        found.append(_plain("condition changed", new, at_ns))
    return found


def _plain(what: str, state: DriverState, at_ns: int) -> Change:
    return Change(what, at_ns, state.condition, state.availability, state.reason)


def _of_alerts(
    before: Sequence[Alert], after: Sequence[Alert]
) -> Iterator[tuple[str, AlertKind, int]]:
    old = {alert.kind: alert for alert in before}
    now = {alert.kind for alert in after}
    for alert in after:
        was = old.get(alert.kind)
        if was is None or was.since_ns != alert.since_ns:
            yield "alert raised", alert.kind, alert.level
        elif was.level != alert.level:
            yield "alert changed", alert.kind, alert.level
    yield from (("alert ended", kind, 0) for kind in old if kind not in now)
