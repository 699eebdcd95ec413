"""The kinds of signals that messages are made of: numbers, choices, yes or no, confidence.

Of every signal the three highest raw values say that it has no value: unknown, invalid, not
available; a choice may name entries of its own table for the first two instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from dms.signals import Signal, Table

YES_NO: Table = ((0, "No"), (1, "Yes"))
OR_MORE = "The largest value means this or more."
COUNTER_MODULO = 253
"""Of counters of events in 8 bits, which begin at 0 again: the codes above have other meanings."""

Span = tuple[float, float, float, str]
"""Minimum, maximum, step, unit."""
PERCENT: Span = (0.0, 100.0, 1.0, "%")


def number(name: str, length: int, span: Span, comment: str) -> Signal:
    """A quantity."""
    low, high, scale, unit = span
    full = (1 << length) - 1
    return Signal(name, length, comment, full - 2, full - 1, full, scale, low, low, high, unit)


def choice(
    name: str,
    length: int,
    table: Iterable[tuple[int, str]],
    comment: str,
    unknown: int | None = None,
    invalid: int | None = None,
) -> Signal:
    """One entry of a table."""
    entries_, full = tuple(table), (1 << length) - 1
    return Signal(
        name,
        length,
        comment,
        full - 2 if unknown is None else unknown,
        full - 1 if invalid is None else invalid,
        full,
        maximum=max(raw for raw, _ in entries_),
        table=entries_,
    )


def yes_no(name: str, comment: str) -> Signal:
    """A statement that holds or not."""
    return choice(name, 3, YES_NO, comment)


def fault(name: str, comment: str) -> Signal:
    """Something that works or not."""
    return choice(name, 3, ((0, "Ok"), (1, "Fault")), comment)


def confidence(name: str, of: str) -> Signal:
    """How sure the signal `of` is."""
    return number(name, 5, (0.0, 100.0, 4.0, "%"), f"Confidence of {of}.")


def seconds(name: str, length: int, step: float, comment: str) -> Signal:
    """A duration from 0 to what fits, to the last whole second."""
    longest = float(int(((1 << length) - 4) * step))
    return number(name, length, (0.0, longest, step, "s"), f"{comment} {OR_MORE}")


def count(name: str, comment: str) -> Signal:
    """Counts up, and begins at 0 again after COUNTER_MODULO - 1."""
    full = float(COUNTER_MODULO - 1)
    return number(name, 8, (0.0, full, 1.0, ""), f"{comment} Begins at 0 again after {full:.0f}.")


def entries(kind: type[IntEnum]) -> Table:
    """The table of an enumeration whose values are those of the bus."""
    return tuple((member.value, camel(member.name)) for member in kind)


def words(*names: str) -> Table:
    """A table of names numbered from 0."""
    return tuple((n, camel(name)) for n, name in enumerate(names))


def camel(name: str) -> str:
    """EYES_ON_ROAD or "eyes on road" as EyesOnRoad."""
    return "".join(part.capitalize() for part in name.replace("_", " ").split())
