"""The Euro NCAP location x movement matrix: one compact table -> a story a cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dms.scenarios.track import Angles

LONG_S = 5.0
"""How long the look of a long distraction lasts: past the protocol's 3-4 s window."""
VATS_AWAY_S, VATS_BACK_S, VATS_ROUNDS = 2.0, 1.0, 8
"""Short looks: 2 s away, 1 s back, so that 10 s in 30 s are full in the fifth."""

HELD_EARLY_S = 20.0
"""A phone in the hand may be warned of before the account is full: at 3 s by GB/T 41797."""


def expand(table: Mapping[str, Any], targets: Mapping[str, Angles]) -> Iterator[dict[str, Any]]:
    """`rows`: location: {target, long/vats/phone: [movements]}. Yields stories as mappings."""
    for location, row in (table.get("rows") or {}).items():
        for target in _targets(row, location):
            for test in ("long", "vats", "phone"):
                for movement in row.get(test) or []:
                    yield _story(str(location), target, test, str(movement), row, table)


def _targets(row: Mapping[str, Any], location: object) -> list[str]:
    given = row.get("target", location)
    return [str(t) for t in given] if isinstance(given, list) else [str(given)]


def _story(
    location: str,
    target: str,
    test: str,
    movement: str,
    row: Mapping[str, Any],
    table: Mapping[str, Any],
) -> dict[str, Any]:
    name = f"{test}: {target.replace('_', ' ')}, {movement}"
    story = {
        "name": name, "section": "euro_ncap_matrix", "profiles": table.get("profiles"),
        "location": location, "movement": movement, "test": test,
    }  # fmt: skip
    held = str(row.get("hands", "wheel"))
    away: dict[str, Any] = {"look": target, "by": movement, "mark": "away", "hands": held}
    after = {"hands": held}
    if test == "long":
        track = [{"for": 4}, {**away, "for": LONG_S}, {"for": 4}]
        expect = {"alert": ["distraction"], "level": 2, "from": "away", "after": 3.0}
    else:
        loop = [{**away, "for": VATS_AWAY_S}, {"for": VATS_BACK_S, **after}]
        track = [{"for": 4}, {"again": VATS_ROUNDS, "acts": loop}, {"for": 4}]
        kinds = ["phone", "short_distraction"] if test == "phone" else ["short_distraction"]
        expect = {"alert": kinds, "level": 2, "from": "away", "after": "vats"}
        if held.startswith("phone"):
            expect["early"] = HELD_EARLY_S
    return {**story, "track": track, "expect": [expect]}
