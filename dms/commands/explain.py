"""Why each alert came, rose, ended or did not come: the rule, its values and thresholds.

Puts a recording through the whole chain, as replay does, and prints every change of every kind of
alert, those that were exempted or suppressed too. Each threshold is named by its key in the
configuration, with its source where it has its default.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

from dms.commands.common import finish, to_json
from dms.commands.replay import CanOut, add_input_arguments, open_replay
from dms.config import Config
from dms.config.alerts import AlertConfig
from dms.engine import open_engine
from dms.errors import UsageError
from dms.types import AlertKind, Check, Event

KINDS = tuple(kind.name.lower() for kind in AlertKind if kind)
SOURCES: dict[str, str] = {f.name: f.metadata["source"] for f in fields(AlertConfig)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument("--kind", choices=KINDS, help="of this kind of alert only")
    parser.add_argument("--from-s", type=float, default=float("-inf"), help="from this moment on")
    parser.add_argument("--to-s", type=float, default=float("inf"), help="up to this moment")
    add_input_arguments(parser)
    parser.set_defaults(pace=0.0)


def run(args: argparse.Namespace) -> int:
    """Explain one recording."""
    if not args.from_s <= args.to_s:
        raise UsageError("--from-s must not be after --to-s")
    losses: list[str] = []
    replay = open_replay(args, losses)
    summary = replay.run(lambda: open_engine(replay.config), [], CanOut([], None))
    chosen = [event for event in summary.events if _wanted(event, args)]
    if args.json:
        print(to_json([as_dict(event, replay.config) for event in chosen], indent=1))
    else:
        print("\n".join(as_text(event, replay.config) for event in chosen) or "nothing happened")
    return finish(replay.source.losses + losses)


def _wanted(event: Event, args: argparse.Namespace) -> bool:
    kind = args.kind in (None, event.kind.name.lower())
    return kind and args.from_s <= event.t_ns / 1e9 <= args.to_s


def as_dict(event: Event, config: Config) -> dict[str, Any]:
    """One event for --json; times in seconds of the recording."""
    return {
        "t_s": round(event.t_ns / 1e9, 6),
        "event": event.what.value,
        "kind": event.kind.name,
        "level": event.level,
        "since_s": round(event.since_ns / 1e9, 6),
        "rule": event.rule,
        "reason": event.reason,
        "checks": [
            {
                "name": check.name,
                "value": check.value,
                "sign": check.sign,
                "threshold": check.threshold,
                "unit": check.unit,
                "setting": check.setting,
                "source": source_of(check.setting, config),
            }
            for check in event.checks
        ],
    }


def as_text(event: Event, config: Config) -> str:
    """One event for people: what happened by which rule, then a line for each check."""
    kind, what = event.kind.name.lower(), event.what.value
    head = f"{event.t_ns / 1e9:9.3f} s  {kind} level {event.level} {what}: {event.rule}"
    return "\n".join([head, *(_line(check, config) for check in event.checks)])


def _line(check: Check, config: Config) -> str:
    unit = f" {check.unit}" if check.unit else ""
    numbers = f"{check.name} {check.value:g}{unit} {check.sign} {check.threshold:g}{unit}"
    source = source_of(check.setting, config)
    return f"             {numbers}  [{check.setting}{f'; {source}' if source else ''}]"


def source_of(setting: str, config: Config) -> str:
    """Where a threshold comes from; empty when a profile, a file or --set gave it another value."""
    section, _, key = setting.partition(".")
    name = key.split(".")[0]
    if section != "alerts" or name not in SOURCES:
        return ""
    same = getattr(config.alerts, name) == getattr(AlertConfig(), name)
    return SOURCES[name] if same else ""
