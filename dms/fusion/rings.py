"""Sums over the last minutes in memory of fixed size, however long the drive.

Times count from the first frame, so that shifting all stamps changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

ACCOUNT_NS = 250_000_000
"""An account's step: a quarter second, below the tolerance of +-0.5 s."""


@dataclass(frozen=True, slots=True)
class Account:
    """Time spent on something within a window [ns], to a quarter second."""

    bins: tuple[int, ...]
    slot: int = 0
    now: int = 0
    total: int = 0

    def add(self, t_ns: int, spent_ns: int) -> Account:
        """At t_ns, with spent_ns more; what is older than the last counts as now."""
        slot = max(t_ns // ACCOUNT_NS, self.slot)
        if slot == self.slot or (not self.total and not spent_ns):
            if not spent_ns:
                return self
            return Account(self.bins, slot, self.now + spent_ns, self.total + spent_ns)
        n = len(self.bins)
        idle = min(slot - self.slot - 1, n)
        bins = (*self.bins, self.now, *(0,) * idle)[-n:]
        return Account(bins, slot, spent_ns, sum(bins) + spent_ns)

    def cleared(self) -> Account:
        """Empty."""
        return Account((0,) * len(self.bins), self.slot) if self.total else self


def account(window_ms: int) -> Account:
    """Of a window, full bins plus the running one."""
    return Account((0,) * max(1, window_ms * 1_000_000 // ACCOUNT_NS - 1))


class Tally(NamedTuple):
    """What happened in a while. Times [ns]; speeds are sums over blinks [openness per second]."""

    seen_ns: int = 0
    closed_ns: int = 0
    blinks: int = 0
    blink_ns: int = 0
    closing: float = 0.0
    opening: float = 0.0
    long_closures: int = 0
    yawns: int = 0
    nods: int = 0

    def plus(self, other: Tally) -> Tally:
        """Both together."""
        return total((self, other))


def total(tallies: tuple[Tally, ...]) -> Tally:
    """All together."""
    sums: list[Any] = [sum(column) for column in zip(*tallies, strict=True)]
    return Tally(*sums)


EMPTY = Tally()
BIN_NS = 5_000_000_000
BINS = 60
"""Five minutes in bins of five seconds."""


@dataclass(frozen=True, slots=True)
class History:
    """The last five minutes."""

    slot: int = 0
    bins: tuple[Tally, ...] = (EMPTY,) * BINS
    now: Tally = EMPTY

    def add(self, t_ns: int, more: Tally) -> History:
        """At t_ns, with more; what is older than the last counts as now."""
        slot = t_ns // BIN_NS
        if slot <= self.slot:
            return History(self.slot, self.bins, self.now.plus(more))
        idle = min(slot - self.slot - 1, BINS)
        bins = (*self.bins, self.now, *(EMPTY,) * idle)[-BINS:]
        return History(slot, bins, more)

    def last(self, bins: int) -> Tally:
        """The last full bins and the running one."""
        return total((*self.bins[BINS - bins :], self.now))


NO_HISTORY = History()
"""Nothing seen yet."""
