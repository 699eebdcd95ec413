"""A bus as a table in text: a line a message, below it its signals in columns."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from dms.busview import BusView, Heard, Reading
from dms.config.param import MS

INDENT = 5
RED, DIM, BOLD, PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
FOREIGN_SHOWN = 200
"""Foreign identifiers in one table: more than anybody reads."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown, and how."""

    only: str = "*"
    foreign: bool = False
    width: int = 100
    colour: bool = False

    def paint(self, text: str, colour: str) -> str:
        """Coloured, if colours are wanted."""
        return f"{colour}{text}{PLAIN}" if self.colour and colour else text

    def wants(self, name: str) -> bool:
        """Whether a message of this name is shown."""
        return fnmatch.fnmatchcase(name.lower(), self.only.lower())


def table(view: BusView, now_ns: int, look: Look) -> list[str]:
    """The table's lines, none wider than `look.width`, colours aside."""
    shown = [heard for heard in view.in_order() if look.wants(heard.known.name)]
    head = f"{'id':>4} {'message':<20} {'Hz':>7} {'age ms':>8} {'frames':>9} {'crc':>6}"
    lines = [look.paint(f"{head} {'counter':>7}  state"[: look.width], BOLD)]
    if not shown:
        lines.append("nothing of it heard yet"[: look.width])
    for heard in shown:
        lines.append(_message(heard, now_ns, look))
        lines += _signals(heard, now_ns, look)
    return lines + list(_foreign(view, now_ns, look))


def state_text(heard: Heard, now_ns: int) -> str:
    """How a message is, in a word."""
    if heard.missing(now_ns):
        return "MISSING"
    return "unprotected" if heard.last_verdict is None else heard.last_verdict.value


def _message(heard: Heard, now_ns: int, look: Look) -> str:
    rate, state = heard.rate.hz(now_ns), state_text(heard, now_ns)
    line = (
        f"{heard.known.can_id:>4X} {heard.known.name:<20} {_hz(rate)} "
        f"{(now_ns - heard.last_ns) / MS:>8.0f} {heard.frames:>9} {heard.wrong_crc:>6} "
        f"{heard.counter_errors:>7}  {state}"
    )
    bad = state not in ("ok", "unprotected", "initial")
    return look.paint(line[: look.width], RED if bad else BOLD)


def _hz(rate: float | None) -> str:
    return f"{'?':>7}" if rate is None else f"{rate:>7.1f}"


def _signals(heard: Heard, now_ns: int, look: Look) -> Iterator[str]:
    readings = heard.readings()
    name = max((len(r.name) for r in readings), default=0)
    value = max((len(_said(r)) for r in readings), default=0)
    cell = name + value + 4
    columns = max((look.width - INDENT) // cell, 1)
    old = heard.missing(now_ns)
    for at in range(0, len(readings), columns):
        cells = [_cell(r, name, value, look, old) for r in readings[at : at + columns]]
        yield " " * INDENT + "   ".join(cells)


def _cell(reading: Reading, name: int, value: int, look: Look, old: bool) -> str:
    text = f"{reading.name:<{name}} {_said(reading):<{value}}"[: look.width - INDENT]
    return look.paint(text, DIM if old or reading.value is None else "")


def _said(reading: Reading) -> str:
    return f"{reading.text} {reading.unit}".rstrip()


def _foreign(view: BusView, now_ns: int, look: Look) -> Iterator[str]:
    if not view.foreign_frames:
        return
    yield (
        f"{view.foreign_frames} frames of others, {len(view.foreign)} identifiers"
        + ("" if look.foreign else " (f shows them)" if look.colour else " (--foreign shows them)")
    )[: look.width]
    if not look.foreign:
        return
    for place in sorted(view.foreign)[:FOREIGN_SHOWN]:
        found = view.foreign[place]
        age = (now_ns - found.last_ns) / MS
        text = f"{place[0]:>8X} {_hz(found.rate.hz(now_ns))} Hz {age:>8.0f} ms {found.frames:>9}  "
        yield (text + found.data.hex(" "))[: look.width]
