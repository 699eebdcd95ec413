"""Small memories of fixed size: a trigger for noisy evidence, a histogram, a sliding minute."""

from __future__ import annotations

import math
from dataclasses import dataclass

EVEN = 0.5
"""Evidence above even odds speaks for, below against."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Noisy evidence (0-1) into on/off with a duration.

    Median of three (one wrong frame changes nothing at any frame rate), then a first-order filter,
    then hysteresis. Onset and end are dated back to the frames where the evidence changed, so the
    delay of deciding is not in the duration. Nothing is asserted on a single sight.
    """

    level: float = 0.0
    on: bool = False
    since_ns: int | None = None
    """Since when the median speaks for."""
    last_ns: int | None = None
    """When the evidence last spoke for; None where it has not, or was given up since."""
    t_ns: int | None = None
    """The last evidence of any kind."""
    before: tuple[float, float] = (0.0, 0.0)
    cleared: bool = False
    """Two sights in a row have spoken against since it began."""

    @property
    def decided(self) -> bool:
        """Until it is on or cleared, off says nothing."""
        return self.on or self.cleared

    @property
    def duration_ns(self) -> int:
        """How long it is on: from its onset to the last evidence for it. 0 while off."""
        if not self.on or self.since_ns is None or self.last_ns is None:
            return 0
        return max(self.last_ns - self.since_ns, 1)


OFF = Trigger()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a trigger is tuned to. Gaps over `hold_ns` start it afresh; a gap between `bridge_ns`
    and that does not count towards the duration."""

    tau_ns: int
    on: float
    off: float
    hold_ns: int
    bridge_ns: int


def push(trigger: Trigger, value: float, t_ns: int, shape: Shape) -> Trigger:
    """The trigger after one more piece of evidence at t_ns."""
    if trigger.t_ns is None or not 0 <= t_ns - trigger.t_ns <= shape.hold_ns:
        return Trigger(t_ns=t_ns, before=(0.0, value))
    dt = t_ns - trigger.t_ns
    a, b = trigger.before
    median = max(min(a, b), min(max(a, b), value))
    level = trigger.level + (median - trigger.level) * -math.expm1(-dt / shape.tau_ns)
    on = level >= shape.on or (trigger.on and level > shape.off)
    since, last = trigger.since_ns, trigger.last_ns
    if median >= EVEN and since is None:
        since = trigger.t_ns  # the median lags by one frame
        last = since
    elif median < EVEN and not on:
        since = None
    if since is not None and last is not None:
        if dt > shape.bridge_ns:
            since += dt
            last += dt
        if median >= EVEN and value >= EVEN:
            last = t_ns
        last = max(last, since)
    cleared = trigger.cleared or (b < EVEN and value < EVEN)
    return Trigger(level, on, since, last, t_ns, (b, value), cleared)


@dataclass(frozen=True, slots=True)
class Mean:
    """Of evidence so far, the older forgotten: at first a mean, later a first-order filter."""

    value: float = 0.0
    count: int = 0

    def after(self, value: float, dt_ns: int, tau_ns: int) -> Mean:
        """With one more value, dt_ns after the last."""
        count = self.count + 1
        gain = max(1 / count, -math.expm1(-dt_ns / tau_ns))
        return Mean(self.value + gain * (value - self.value), count)


NO_MEAN = Mean()
"""No evidence."""
CALM = 0.01
"""A filter below this has forgotten."""


def push_rare(trigger: Trigger, value: float, t_ns: int, shape: Shape) -> Trigger:
    """As push, for evidence that is mostly absent: one that has nothing to tell forgets all, its
    last sight too, which saves the work."""
    if value < EVEN and trigger.level < CALM and not trigger.on:
        return OFF
    return push(trigger, value, t_ns, shape)


def live(trigger: Trigger, t_ns: int, hold_ns: int) -> bool:
    """On, by evidence no older than hold_ns."""
    return trigger.on and not stale(trigger, t_ns, hold_ns)


def stale(trigger: Trigger, t_ns: int, hold_ns: int) -> bool:
    """No evidence for longer than hold_ns."""
    return trigger.t_ns is None or t_ns - trigger.t_ns > hold_ns


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a value in equal bins from `low`; values beyond fall in the end bins."""

    low: float
    width: float
    counts: tuple[int, ...]

    def add(self, value: float, count: int = 1) -> Histogram:
        """With a value more, or `count` of it."""
        i = self._bin(value)
        counts = (*self.counts[:i], self.counts[i] + count, *self.counts[i + 1 :])
        return Histogram(self.low, self.width, counts)

    def _bin(self, value: float) -> int:
        return min(max(int((value - self.low) / self.width), 0), len(self.counts) - 1)

    def total(self) -> int:
        """How many values."""
        return sum(self.counts)

    def within(self, low: float, high: float) -> int:
        """How many lie between, to a bin."""
        return sum(self.counts[self._bin(low) : self._bin(high) + 1])

    def halved(self) -> Histogram:
        """About every second value forgotten, but no bin whole."""
        return Histogram(self.low, self.width, tuple((n + 1) // 2 for n in self.counts))

    def median(self) -> float:
        """Interpolated inside its bin. The histogram must not be empty."""
        half, below = sum(self.counts) / 2, 0
        for i, n in enumerate(self.counts):
            if below + n >= half and n:
                return self.low + self.width * (i + (half - below) / n)
            below += n
        raise ValueError("median of an empty histogram")


BUCKETS = 60
BUCKET_NS = 1_000_000_000
"""A minute in whole seconds of the frames' clock: 2 x 60 numbers, however long the drive."""


@dataclass(frozen=True, slots=True)
class Minute:
    """Seen-eye time and closed time of the last minute [ns], to one second."""

    second: int = 0
    seen: tuple[int, ...] = (0,) * BUCKETS
    closed: tuple[int, ...] = (0,) * BUCKETS
    now_seen: int = 0
    now_closed: int = 0
    total_seen: int = 0
    total_closed: int = 0

    def add(self, t_ns: int, seen_ns: int, closed_ns: int) -> Minute:
        """At t_ns, with so much more."""
        m = self.at(t_ns)
        return Minute(
            m.second,
            m.seen,
            m.closed,
            m.now_seen + seen_ns,
            m.now_closed + closed_ns,
            m.total_seen + seen_ns,
            m.total_closed + closed_ns,
        )

    def at(self, t_ns: int) -> Minute:
        """The minute up to t_ns: what is not seen grows old as well."""
        second = t_ns // BUCKET_NS
        steps = min(second - self.second, BUCKETS + 1)
        if steps <= 0:
            return self
        idle = (0,) * (steps - 1)
        seen = (*self.seen, self.now_seen, *idle)[steps:]
        closed = (*self.closed, self.now_closed, *idle)[steps:]
        return Minute(second, seen, closed, 0, 0, sum(seen), sum(closed))


NOTHING = Minute()
"""Nothing seen yet."""
