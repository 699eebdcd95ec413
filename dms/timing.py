"""How punctual the sender is: histograms of constant size, for status, diagnostics and --json."""

from __future__ import annotations

from typing import Any

_SUB = 8
"""Buckets an octave: a value is known to 1/8 of itself, below 8 us exactly."""
_OCTAVES = 28
"""Up to 2**30 us, a quarter of an hour; what is longer counts as that."""


class Histogram:
    """Counts durations [us] in buckets that widen with the value. Not thread-safe to add to."""

    def __init__(self) -> None:
        self.total = 0
        self.max_us = 0
        self._counts = [0] * (_SUB * _OCTAVES)

    def add(self, us: int) -> None:
        """One duration; below zero counts as zero."""
        us = max(us, 0)
        self.total += 1
        self.max_us = max(self.max_us, us)
        self._counts[min(_bucket(us), len(self._counts) - 1)] += 1

    def quantile_us(self, share: float) -> int | None:
        """The duration that `share` of all do not exceed, to a bucket's width upwards."""
        wanted, seen = share * self.total, 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_upper_us(index), self.max_us)
        return None

    def buckets(self) -> list[tuple[int, int]]:
        """(largest duration [us], count) of the buckets that are not empty."""
        return [(_upper_us(i), n) for i, n in enumerate(self._counts) if n]

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "count": self.total,
            "p50_us": self.quantile_us(0.5),
            "p99_us": self.quantile_us(0.99),
            "max_us": self.max_us if self.total else None,
            "buckets_us": self.buckets(),
        }


def _bucket(us: int) -> int:
    if us < _SUB:
        return us
    shift = us.bit_length() - 4
    return (shift + 1) * _SUB + (us >> shift) - _SUB


def _upper_us(bucket: int) -> int:
    if bucket < _SUB:
        return bucket
    shift, sub = bucket // _SUB - 1, bucket % _SUB + _SUB
    return ((sub + 1) << shift) - 1


class Punctuality:
    """How late each frame is handed to the bus, and how far each period is from its nominal length.

    The period between two frames of a message differs from the grid's by the difference of their
    latenesses; frames after skipped deadlines are compared all the same.
    """

    def __init__(self) -> None:
        self.lateness = Histogram()
        self.jitter = Histogram()
        self._last: dict[int, int] = {}

    def handed_over(self, can_id: int, due_ns: int, at_ns: int) -> None:
        """One frame of the plan, due at `due_ns`, was taken by the bus at `at_ns`."""
        late_us = (at_ns - due_ns) // 1000
        self.lateness.add(late_us)
        if can_id in self._last:
            self.jitter.add(abs(late_us - self._last[can_id]))
        self._last[can_id] = late_us

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"lateness": self.lateness.to_dict(), "period_jitter": self.jitter.to_dict()}
