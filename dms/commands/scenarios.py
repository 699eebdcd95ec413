"""Judge fusion and alerts by driver stories: the protocols' tests, and drives by the hour.

Simulated drivers with the networks' measured errors go through the pipeline of `dms run`.
Exit code 4 when a gate is missed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dms.commands.common import load_config, number, to_json, warn
from dms.config import Config
from dms.errors import Exit, UsageError, opening, writing
from dms.scenarios import page
from dms.scenarios.errors import load_errors, perfect
from dms.scenarios.gates import (
    MOVEMENTS,
    TESTS,
    Gate,
    Held,
    gates,
    matrix_cells,
    movement_passes,
    read_held,
    write_held,
)
from dms.scenarios.story import read_book, stories_folder
from dms.scenarios.suite import Outcome, Plan, StoryResult, play_suite

HELD = "stories/held.yml"
SLEEPY_LEAST, SLEEPY_MOST, SLEEPY_PER_HOUR = 10, 40, 0.4
DISTRACTED_PER_HOUR, DISTRACTED_LEAST, DISTRACTED_MOST = 1.0, 4, 40
"""Drowsy and distracted drives for each attentive hour; (EU) 2021/1341 wants >= 10 drivers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `dms scenarios`."""
    add = parser.add_argument
    add("--config", metavar="FILE", help="configuration (YAML); see docs/config.md")
    add("--set", metavar="KEY=VALUE", action="append", default=[], help="override one key")
    add("--profile", help="rule set to judge, e.g. euro_ncap_2026 (default), eu_gsr")
    add("--report", metavar="FILE", type=Path, help="write an HTML page")
    add(
        "--hours",
        type=number(0, 1e5),
        metavar="N",
        default=4.0,
        help="attentive driving; 0: stories only (default 4)",
    )
    add("--drivers", type=int, default=5, help="simulated drivers a story (default 5)")
    add("--jobs", type=int, default=2, help="processes; results do not depend on it (default 2)")
    add("--errors", metavar="FILE", type=Path, help="measured errors of other networks")
    add("--perfect", action="store_true", help="networks without error: judges the rules alone")
    add("--stories", metavar="DIR", type=Path, help="other stories than the bundled ones")
    add("--strict", action="store_true", help="fail on what is required, whatever held before")
    add("--hold", action="store_true", help="record what this run reached as what holds")
    add("--only", metavar="TEXT", help="stories whose name or section holds this text")


def run(args: argparse.Namespace) -> Exit:
    """Play, print, and judge."""
    if args.drivers < 1 or args.jobs < 1:
        raise UsageError("--drivers and --jobs must be at least 1")
    if args.hold and (args.only or args.perfect or args.errors or args.stories):
        raise UsageError("--hold records the whole suite with the measured errors", fix="no --only")
    if args.profile:
        args.set = [*args.set, f"profile={args.profile}"]
    config = load_config(args)
    if args.report is not None:
        with opening(f"report {args.report}", "give a file in a folder that exists"):
            args.report.open("a").close()  # now, not after minutes; an older one stays till then
    folder = args.stories or stories_folder()
    book = read_book(folder)
    stories = [s for s in book.stories if matches(args.only, s.name, s.section)]
    if not stories:
        raise UsageError(f"no story's name or section holds {args.only!r}")
    model = perfect() if args.perfect else load_errors(args.errors or folder / "errors.json")
    plan = plan_for(args.hours, args.drivers, args.jobs, sweep=not args.perfect)
    outcome = play_suite(stories, book.targets, config, model, plan, warn)
    ours = not (args.perfect or args.errors or args.stories)
    held = read_held(folder / HELD, config.profile) if ours and not args.strict else Held()
    found = gates(outcome, held)
    if args.hold:
        write_held(folder / HELD, outcome, found)
    if args.report is not None:
        with writing(f"report {args.report}"):
            args.report.write_text(page.render(outcome, found), encoding="utf-8")
    print(to_json(as_json(outcome, found, config), indent=2) if args.json else text(outcome, found))
    return Exit.GATE if any(g.passed is False for g in found) else Exit.OK


def matches(only: str | None, *texts: str) -> bool:
    return only is None or any(only.lower() in t.lower() for t in texts)


def plan_for(hours: float, drivers: int, jobs: int, sweep: bool) -> Plan:
    """How much goes with so many attentive hours."""
    if hours == 0:
        return Plan(drivers, 0, 0, 0, sweep, jobs)
    asleep = min(SLEEPY_MOST, max(SLEEPY_LEAST, round(hours * SLEEPY_PER_HOUR)))
    away = min(DISTRACTED_MOST, max(DISTRACTED_LEAST, round(hours * DISTRACTED_PER_HOUR)))
    return Plan(drivers, hours, asleep, away, sweep, jobs)


def text(outcome: Outcome, found: list[Gate]) -> str:
    """For people."""
    lines = [f"profile {outcome.profile}", ""]
    if any(r.story.test for r in outcome.stories):
        lines += [*matrix_lines(outcome), ""]
    failed = [r for r in outcome.stories if not r.passed]
    lines += [f"{len(outcome.stories) - len(failed)} of {len(outcome.stories)} stories pass"]
    lines += [f"  failed  {r.kept:4.0%}  {r.story.name}: {why(r)}" for r in failed]
    lines += sweep_lines(outcome)
    lines += ["", *(gate_line(g) for g in found)]
    return "\n".join(lines)


def matrix_lines(outcome: Outcome) -> list[str]:
    """As the protocol prints it: a location a line, + pass, - fail, . not tested."""
    columns = [(t, m) for t in TESTS for m in MOVEMENTS]
    lines = [f"{'':22}" + " ".join(f"{t:>5}/{m:<6}" for t, m in columns)]

    def row(name: str, cells: list[bool | None]) -> str:
        signs = {True: "+", False: "-", None: "."}
        return f"{name:22}" + " ".join(f"{signs[c]:>6}{'':6}" for c in cells)

    for location, cells in matrix_cells(outcome).items():
        passed = [all(r.passed for r in cells[c]) if c in cells else None for c in columns]
        lines.append(row(location.replace("_", " "), passed))
    totals = movement_passes(outcome)
    return [*lines, row("MOVEMENT TYPE", [totals[c] for c in columns])]


def why(result: StoryResult) -> str:
    """The first thing that went wrong, and how often anything did."""
    wrong = [
        f"{v.expect.what} {'/'.join(k.name.lower() for k in v.expect.kinds)}: {v.say}"
        for run in result.runs for v in run.verdicts if not v.kept
    ]  # fmt: skip
    return f"{wrong[0]} ({len(wrong)} times)" if wrong else ""


def sweep_lines(outcome: Outcome) -> list[str]:
    """What gaze error each failing matrix row would pass with."""
    if not outcome.sweep:
        return []
    lines = ["", "failing rows with a smaller gaze error (share of runs that pass):"]
    head = " ".join(f"{f:5.0%}" for f, *_ in outcome.sweep)
    error = " ".join(f"{e:4.1f}\N{DEGREE SIGN}" for _, e, _ in outcome.sweep)
    lines += [f"  {'of the measured error':36} {head}", f"  {'mean gaze error':36} {error}"]
    for name in outcome.sweep[0][2]:
        shares = " ".join(f"{rows[name]:5.0%}" for *_, rows in outcome.sweep)
        lines.append(f"  {name[:36]:36} {shares}")
    return lines


def gate_line(g: Gate) -> str:
    mark = state(g)
    value = "not measured" if g.value is None else f"{g.value:.3g}"
    sign = ">=" if g.at_least else "<="
    note = f" ({g.note})" if g.note else ""
    return f"{mark:<7}{g.name}: {value} ({sign} {g.required:g}){note}"


def state(g: Gate) -> str:
    """ok: required is reached; short: it is not, but no worse than before; MISSED: worse."""
    if g.passed is None:
        return "-"
    return "ok" if g.reached else "short" if g.passed else "MISSED"


def as_json(outcome: Outcome, found: list[Gate], config: Config) -> dict[str, Any]:
    """Everything, rounded where it is a time."""
    return {
        "profile": outcome.profile,
        "config_digest": config.digest(),
        "errors": outcome.errors,
        "gates": [
            {
                "name": g.name, "value": g.value, "required": g.required,
                "at_least": g.at_least, "reached": g.reached, "passed": g.passed, "note": g.note,
            }
            for g in found
        ],
        "movements": {f"{t}/{m}": p for (t, m), p in movement_passes(outcome).items()},
        "stories": [_story(r) for r in outcome.stories],
        "aside": [_story(r) for r in outcome.aside],
        "sweep": [
            {"share": f, "gaze_error_deg": round(e, 2), "rows": dict(rows)}
            for f, e, rows in outcome.sweep
        ],
        "false_alarms": [
            {
                "drive": d.seed, "noise": d.noise, "kind": a.rise.kind.name, "t_s": _s(a.rise.t_s),
                "during": a.during, "reason": a.rise.reason,
            }
            for d in outcome.drives for a in d.alarms
        ],
        "attentive_hours": round(sum(d.seconds for d in outcome.drives) / 3600, 3),
        "drowsy": [
            {"drive": s.seed, "warned_s": _s(s.warned_s), "early": s.early}
            for s in outcome.sleepy
        ],
        "distracted": [
            {"drive": d.seed, "looks": d.looks, "warned": d.warned} for d in outcome.distracted
        ],
    }  # fmt: skip


def _story(r: StoryResult) -> dict[str, Any]:
    return {
        "name": r.story.name, "section": r.story.section, "location": r.story.location,
        "movement": r.story.movement, "test": r.story.test, "passed": r.passed,
        "share": round(r.kept, 3), "errors_s": [_s(e) for e in r.errors_s()],
        "runs": [
            {
                "driver": run.seed,
                "verdicts": [{"ok": v.ok, "kept": v.kept, "say": v.say} for v in run.verdicts],
                "alerts": [
                    {"kind": a.kind.name, "level": a.level, "t_s": _s(a.t_s), "reason": a.reason}
                    for a in run.rises
                ],
            }
            for run in r.runs
        ],
    }  # fmt: skip


def _s(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
