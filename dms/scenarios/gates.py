"""What the suite must reach, what it holds today, and whether it does.

A gate has a figure that is required and, where that is not reached yet, one that holds (held.yml):
the gate fails when the figure is worse than what holds, and says how far it is from what is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dms.errors import UsageErrors
from dms.scenarios.chance import poisson_interval, share_interval
from dms.scenarios.judge import EVENT_S
from dms.scenarios.simulate import ASIDE_DEG
from dms.scenarios.story import Story
from dms.scenarios.suite import FALSE, SLEEPY_FPS, DriveResult, Outcome, StoryResult
from dms.types import AlertKind

FALSE_LIMITS = {"distraction": 0.2, "microsleep": 0.1, "drowsy": 0.05}
"""False alarms an hour of attentive driving: the product's own promise; about 1 an hour of any
kind is what drivers switch off."""
TIMED_SHARE = 0.95
"""Of the alerts that came, so many within the tolerance of their rule's time."""
SENSITIVITY, SENSITIVITY_LOW = 0.60, 0.40
"""(EU) 2021/1341 asks for 40 % and a lower bound of 20 %; the product for half as much again."""
MOVEMENTS = ("owl", "lizard", "lean")
TESTS = ("long", "vats", "phone")
TABLES: dict[str, Callable[[Story], bool]] = {
    "rows of the Euro NCAP matrix": lambda s: bool(s.test),
    "rows of (EU) 2023/2590": lambda s: s.section == "addw",
    "rows of UN R171": lambda s: s.section == "r171",
    "driver stories": lambda s: not s.test and s.section not in ("addw", "r171"),
}

ASIDE = f"rows before cameras more than {ASIDE_DEG:.0f} deg aside"


class HeldError(UsageErrors):
    """The file of what holds is not one."""


@dataclass(frozen=True, slots=True)
class Held:
    """What holds today in one profile."""

    failing: frozenset[str] = frozenset()
    """Stories that are known to fail."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Gate -> the figure it held when it was last recorded."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure against what is required and what holds. None: not measured in this run."""

    name: str
    value: float | None
    required: float
    at_least: bool
    reached: bool | None
    """What is required."""
    passed: bool | None
    """No worse than what holds, or reached."""
    note: str = ""


def read_held(path: Path, profile: str) -> Held:
    """Of one profile; nothing where the file or the profile is missing. Errors: HeldError."""
    if not path.exists():
        return Held()
    try:
        data = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get(profile) or {}
        figures = {str(k): float(v) for k, v in (data.get("figures") or {}).items()}
        return Held(frozenset(map(str, data.get("failing") or ())), figures)
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise HeldError((f"{path}: {' '.join(str(error).split())}",)) from error


def write_held(path: Path, outcome: Outcome, found: Sequence[Gate]) -> None:
    """Make what this run reached what holds for its profile; figures it did not measure stay."""
    data: dict[str, Any] = {}
    if path.exists():
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    before = read_held(path, outcome.profile).figures
    short = {g.name: _outwards(g) for g in found if g.reached is False and not _of_rows(g)}
    unmeasured = {
        k: v for k, v in before.items() if any(g.name == k and g.value is None for g in found)
    }
    results = (*outcome.stories, *outcome.aside)
    failing = sorted(r.story.name for r in results if not r.passed)
    data[outcome.profile] = {"failing": failing, "figures": {**unmeasured, **short}}
    head = (
        "# What holds today where what is required is not reached yet; written by\n"
        "# `dms scenarios --hold`. A story that fails and is not listed here, or a figure worse\n"
        "# than the one here, fails the gate.\n"
    )
    text = yaml.safe_dump(data, sort_keys=True, allow_unicode=True, width=100)
    path.write_text(head + text, encoding="utf-8")


def _outwards(g: Gate) -> float:
    """Rounded to a hundredth, away from what is asked."""
    value = 100 * (g.value or 0.0)
    return (math.floor(value + 1e-9) if g.at_least else math.ceil(value - 1e-9)) / 100


def _of_rows(g: Gate) -> bool:
    return any(g.name.endswith(f"{name} that pass") for name in (*TABLES, ASIDE))


def gates(outcome: Outcome, held: Held | None = None) -> list[Gate]:
    """All of them, in the order of the report."""
    held = held or Held()
    found = [_rows(name, [r for r in outcome.stories if of(r.story)], held.failing)
             for name, of in TABLES.items()]  # fmt: skip
    found.append(_rows(ASIDE, outcome.aside, held.failing))
    found += [_told(outcome.stories, held), _timed(outcome.stories, held)]
    found += [_false(kind, outcome.drives, held) for kind in FALSE]
    return found + _drowsy(outcome, held)


def _rows(name: str, results: Sequence[StoryResult], known: frozenset[str]) -> Gate:
    name = f"share of {name} that pass"
    if not results:
        return Gate(name, None, 1.0, True, None, None, "none in this run")
    failed = [r.story.name for r in results if not r.passed]
    fresh = [n for n in failed if n not in known]
    mended = [r.story.name for r in results if r.passed and r.story.name in known]
    note = f"{len(results) - len(failed)} of {len(results)}"
    note += f"; {len(failed) - len(fresh)} known to fail" if len(failed) > len(fresh) else ""
    note += f"; newly failing: {', '.join(fresh)}" if known and fresh else ""
    note += f"; pass now: {', '.join(mended)}" if mended else ""
    share = 1 - len(failed) / len(results)
    return Gate(name, share, 1.0, True, not failed, not fresh, note)


def _told(stories: Sequence[StoryResult], held: Held) -> Gate:
    """The driver is told within 10 s that sight is gone."""
    said = [
        v.ok for r in stories for run in r.runs for v in run.verdicts
        if AlertKind.CANNOT_SEE in v.expect.kinds and v.expect.what == "raised"
    ]  # fmt: skip
    name = "share of lost senses told within 10 s"
    return _share(name, sum(said), len(said), 1.0, held, f"{sum(said)} of {len(said)}")


def _timed(results: Sequence[StoryResult], held: Held) -> Gate:
    timed = [
        v.ok for r in results for run in r.runs for v in run.verdicts
        if v.expect.what == "raised" and v.error_s is not None
    ]  # fmt: skip
    note = f"{sum(timed)} of {len(timed)} alerts; early means by more than {EVENT_S * 1e3:.0f} ms"
    name = "share of alerts within -0/+250 ms (VATS +-0.5 s)"
    return _share(name, sum(timed), len(timed), TIMED_SHARE, held, note)


def _share(name: str, k: int, n: int, required: float, held: Held, note: str) -> Gate:
    """A share: worse than what holds only where chance does not explain it."""
    if n == 0:
        return Gate(name, None, required, True, None, None, "none in this run")
    reached = k / n >= required
    passed = reached or (name in held.figures and share_interval(k, n)[1] >= held.figures[name])
    return Gate(name, k / n, required, True, reached, passed, _with_held(note, name, held, reached))


def _with_held(note: str, name: str, held: Held, reached: bool) -> str:
    if reached or name not in held.figures:
        return note
    return f"{note}; holds {held.figures[name]:g}"


def false_alarms(kind: str, drives: Sequence[DriveResult]) -> tuple[int, float]:
    """(count, hours): of drowsiness in drives at the rate that lids need."""
    if kind == "drowsy":
        drives = [d for d in drives if d.fps >= SLEEPY_FPS]
    count = sum(a.rise.kind in FALSE[kind] for d in drives for a in d.alarms)
    return count, sum(d.seconds for d in drives) / 3600


def _false(kind: str, drives: Sequence[DriveResult], held: Held) -> Gate:
    """Reached where the rate is; a run too short to show it fails only where chance does not
    explain the excess."""
    count, hours = false_alarms(kind, drives)
    required, name = FALSE_LIMITS[kind], f"false {kind} alerts an hour"
    if hours == 0:
        return Gate(name, None, required, False, None, None, "no drives")
    low, high = (x / hours for x in poisson_interval(count))
    reached = count / hours <= required
    passed = low <= max(required, held.figures.get(name, 0.0))
    note = f"{count} in {hours:.1f} h, 95 % {low:.2f}-{high:.2f}"
    note += "; too few hours to show it" if low <= required < high else ""
    note = _with_held(note, name, held, reached)
    return Gate(name, count / hours, required, False, reached, passed, note)


def _drowsy(outcome: Outcome, held: Held) -> list[Gate]:
    n = len(outcome.sleepy)
    if n == 0:
        return []
    k = sum(s.warned_s is not None for s in outcome.sleepy)
    low, high = share_interval(k, n)
    note = f"{k} of {n} drivers, 95 % {low:.2f}-{high:.2f}"
    name = "lower bound of drowsy drivers warned"
    reached = low > SENSITIVITY_LOW
    passed = reached or (name in held.figures and high >= held.figures[name])
    note_low = _with_held("", name, held, reached).lstrip("; ")
    return [
        _share("drowsy drivers warned (KSS >= 8)", k, n, SENSITIVITY, held, note),
        Gate(name, low, SENSITIVITY_LOW, True, reached, passed, note_low),
    ]


def matrix_cells(outcome: Outcome) -> dict[str, dict[tuple[str, str], list[StoryResult]]]:
    """Location -> (test, movement) -> the rows there."""
    cells: dict[str, dict[tuple[str, str], list[StoryResult]]] = {}
    for r in outcome.stories:
        if r.story.test:
            key = (r.story.test, r.story.movement)
            cells.setdefault(r.story.location, {}).setdefault(key, []).append(r)
    return cells


def movement_passes(outcome: Outcome) -> dict[tuple[str, str], bool | None]:
    """A movement type passes a test only if all its locations do; None: not tested so."""
    out: dict[tuple[str, str], bool | None] = {}
    for test in TESTS:
        for movement in MOVEMENTS:
            rows = [
                r for r in outcome.stories
                if r.story.test == test and r.story.movement == movement
            ]  # fmt: skip
            out[test, movement] = all(r.passed for r in rows) if rows else None
    return out
