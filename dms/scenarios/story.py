"""Driver stories in YAML: read, checked, and turned into acts. docs/scenarios.md has the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from dms.errors import UsageErrors
from dms.scenarios.track import MOVES, Act, Angles, Habits, check_hands, look, signal_kinds
from dms.types import AlertKind, VehicleState

VATS = "vats"
"""An expectation's `after` that the account of the truth answers."""
IMAGES = ("clear", "dark", "saturated", "frozen", "blurred", "dirty")
ROAD: Angles = (0.0, 0.0)


class StoryError(UsageErrors):
    """Stories that cannot be played, one line a mistake."""


@dataclass(frozen=True, slots=True)
class Expect:
    """An alert that must come, or must end, or must never come."""

    kinds: tuple[AlertKind, ...]
    what: str
    """raised, ended or never."""
    level: int = 1
    mark: str = ""
    after_s: float | None = None
    """Since what the mark names began; None: when the truth's VATS account is full."""
    tolerance_s: float = 0.25
    """How late the alert may be."""
    window_s: float = 1.0
    """How late it may be before it counts as missed."""
    early_s: float | None = None
    """How early it may be; None: by the tolerance of a VATS account, else 50 ms."""
    instead: Expect | None = None
    """What does as well: of eyes that are seen in the dark nobody need hear that they are not."""


@dataclass(frozen=True, slots=True)
class Story:
    """One driver."""

    name: str
    section: str
    acts: tuple[Act, ...]
    expects: tuple[Expect, ...]
    profiles: tuple[str, ...] = ()
    """Empty: all."""
    habits: Habits = field(default_factory=Habits)
    location: str = ""
    movement: str = ""
    test: str = ""
    """Of a matrix row: long, vats or phone."""
    learned: bool = True
    """The driver was learned before the story begins."""
    noise: str = "clear"

    def seconds(self) -> float:
        return sum(a.seconds for a in self.acts)


@dataclass(frozen=True, slots=True)
class Book:
    """Everything in a folder of stories: targets by name, and the stories."""

    targets: Mapping[str, Angles]
    stories: tuple[Story, ...]


def stories_folder() -> Path:
    """In the source tree, or in the installed package."""
    package = Path(__file__).resolve().parents[1]
    tree = package.parent / "tests/scenarios"
    return tree if (tree / "stories").is_dir() else package / "stories_data"


def read_book(folder: Path | None = None) -> Book:
    """All *.yaml of `stories/`. Errors: StoryError with every mistake found."""
    from dms.scenarios.matrix import expand

    folder = folder or stories_folder()
    errors: list[str] = []
    files = [(p, _load(p, errors)) for p in sorted((folder / "stories").glob("*.yaml"))]
    targets: dict[str, Angles] = {"road": ROAD}
    for path, data in files:
        for name, value in (data.get("targets") or {}).items():
            angles = _angles(value)
            if angles is None:
                errors.append(f"{path.name}: targets.{name}: expected [yaw, pitch, source]")
            else:
                targets[str(name)] = angles
    stories: list[Story] = []
    for path, data in files:
        rows = [*(data.get("stories") or []), *expand(data.get("matrix") or {}, targets)]
        for k, row in enumerate(rows):
            reader = _Reader(f"{path.name}: {row.get('name', f'story {k + 1}')}", targets, errors)
            stories += reader.stories(row)
    if not stories and not errors:
        errors.append(f"{folder}: no stories in stories/*.yaml")
    if errors:
        raise StoryError(tuple(errors))
    return Book(targets, tuple(stories))


def _load(path: Path, errors: list[str]) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        errors.append(f"{path.name}: {' '.join(str(error).split())}")
        return {}
    if not isinstance(data, dict) or set(data) - {"targets", "stories", "matrix"}:
        errors.append(f"{path.name}: expected a mapping of targets, stories, matrix")
        return {}
    return data


def _angles(value: object) -> Angles | None:
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) >= 2:
        yaw, pitch = value[0], value[1]
        if isinstance(yaw, int | float) and isinstance(pitch, int | float):
            return float(yaw), float(pitch)
    return None


STORY_KEYS = {
    "name", "section", "track", "expect", "profiles", "habits", "noise", "speed", "location",
    "movement", "test", "learned", "each",
}  # fmt: skip
ACT_KEYS = {
    "for", "look", "by", "eyes", "mouth", "hands", "seen", "image", "speed", "noise", "blinks",
    "signals", "mark", "turn_s", "head",
}  # fmt: skip
EXPECT_KEYS = {
    "alert", "ends", "never", "level", "from", "after", "tolerance", "window", "early", "or",
}  # fmt: skip


class _Reader:
    """One story's values; what is wrong goes to `errors`."""

    def __init__(self, where: str, targets: Mapping[str, Angles], errors: list[str]) -> None:
        self._where, self._targets, self._errors = where, targets, errors

    def _wrong(self, what: str) -> None:
        self._errors.append(f"{self._where}: {what}")

    def _known(self, data: Mapping[str, Any], keys: set[str], what: str) -> None:
        for key in set(data) - keys:
            self._wrong(f"{what}: unknown key {key!r}; there are {', '.join(sorted(keys))}")

    def stories(self, row: Mapping[str, Any]) -> list[Story]:
        """One story, or one for each value of `each`."""
        each = row.get("each")
        if each is None:
            return [self._story(row)]
        ((key, values),) = each.items()
        return [self._story(_substitute(row, key, value)) for value in values]

    def _story(self, row: Mapping[str, Any]) -> Story:
        self._known(row, STORY_KEYS, "story")
        noise = str(row.get("noise", "clear"))
        base = Act(0.0, speed_kmh=float(row.get("speed", 80)), noise=noise)
        habits = Habits()
        try:
            given: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v
                for k, v in (row.get("habits") or {}).items()
            }
            habits = replace(habits, **given)
        except TypeError:
            self._wrong(f"habits: unknown key among {sorted(row.get('habits') or {})}")
        acts = tuple(self._acts(row.get("track") or [], base))
        if not acts:
            self._wrong("track: empty")
        marks = {a.mark for a in acts}
        expects = tuple(self._expect(e, marks) for e in row.get("expect") or [])
        if not expects:
            self._wrong("expect: a story without expectations proves nothing")
        return Story(
            str(row.get("name", "")), str(row.get("section", "drivers")), acts, expects,
            tuple(row.get("profiles") or ()), habits, str(row.get("location", "")),
            str(row.get("movement", "")), str(row.get("test", "")),
            bool(row.get("learned", True)), noise,
        )  # fmt: skip

    def _acts(self, rows: Sequence[Mapping[str, Any]], base: Act) -> Iterator[Act]:
        for row in rows:
            if "again" in row:
                for n in range(int(row["again"])):
                    inner = list(self._acts(row.get("acts") or [], base))
                    yield from inner if n == 0 else (replace(a, mark="") for a in inner)
                    base = _lasting(base, inner[-1])
            else:
                act = self._act(row, base)
                if row.get("head") == "stays":
                    act = replace(act, head=base.head, roll=base.roll, lean=base.lean)
                base = replace(_lasting(base, act), head=act.head, roll=act.roll, lean=act.lean)
                yield act

    def _act(self, row: Mapping[str, Any], base: Act) -> Act:
        self._known(row, ACT_KEYS, "act")
        values = self._values(row, base)
        try:
            seconds = float(row["for"])
        except (KeyError, TypeError, ValueError):
            self._wrong(f"act {dict(row)}: `for` seconds")
            seconds = 1.0
        target, by = row.get("look", "road"), str(row.get("by", "owl"))
        angles = self._targets.get(target) if isinstance(target, str) else _angles(target)
        if angles is None or by not in MOVES:
            self._wrong(f"look {target!r} by {by!r}: no such target, or not by {', '.join(MOVES)}")
            angles, by = ROAD, "owl"
        act = look(angles, by, seconds, **values)
        return act if "turn_s" not in row else replace(act, move_s=float(row["turn_s"]))

    def _values(self, row: Mapping[str, Any], base: Act) -> dict[str, object]:
        values: dict[str, object] = {
            "speed_kmh": float(row.get("speed", base.speed_kmh)),
            "noise": str(row.get("noise", base.noise)),
            "hands": str(row.get("hands", "wheel")),
            "image": str(row.get("image", "clear")),
            "seen": bool(row.get("seen", True)),
            "mark": str(row.get("mark", "")),
            "mouth": float(row.get("mouth", 0.03)),
            "signals": self._signals(row["signals"]) if "signals" in row else base.signals,
        }
        eyes = row.get("eyes", "open")
        opening = {"open": 1.0, "closed": 0.0}.get(eyes, eyes)
        if not isinstance(opening, int | float) or not 0 <= opening <= 1.3:
            self._wrong(f"eyes {eyes!r}: open, closed or 0 to 1.3")
            opening = 1.0
        values["open"] = float(opening)
        values["blinks"] = bool(row.get("blinks", opening > 0.3))
        if (wrong := check_hands(str(values["hands"]))) is not None:
            self._wrong(wrong)
        if values["image"] not in IMAGES:
            self._wrong(f"image {values['image']!r}: one of {', '.join(IMAGES)}")
        return values

    def _signals(self, row: Mapping[str, Any]) -> tuple[tuple[str, object], ...]:
        out = []
        kinds = signal_kinds()
        for name, value in row.items():
            if name not in VehicleState.__dataclass_fields__ or name in ("t_ns", "speed_mps"):
                self._wrong(f"signals: the vehicle says no {name!r}")
                continue
            kind = kinds.get(name)
            try:
                out.append((str(name), value if kind is None else kind[str(value).upper()]))  # type: ignore[index]
            except KeyError:
                self._wrong(f"signals.{name}: no {value!r}")
        return tuple(out)

    def _expect(self, row: Mapping[str, Any], marks: set[str]) -> Expect:
        self._known(row, EXPECT_KEYS, "expect")
        verbs = {"alert": "raised", "ends": "ended", "never": "never"}
        found = [(what, row[key]) for key, what in verbs.items() if key in row]
        if len(found) != 1:
            self._wrong("expect: one of alert, ends, never")
            return Expect((), "never")
        what, names = found[0]
        kinds = []
        for name in names if isinstance(names, list) else [names]:
            try:
                kinds.append(AlertKind[str(name).upper()])
            except KeyError:
                self._wrong(f"expect: no alert {name!r}")
        mark, after = str(row.get("from", "")), row.get("after")
        if what != "never" and (mark not in marks or not mark):
            self._wrong(f"expect: from {mark!r} is no mark of the track")
        late = {"tolerance_s": 0.5} if after == VATS else {}
        late |= {f"{k}_s": float(row[k]) for k in ("tolerance", "window", "early") if k in row}
        return Expect(
            tuple(kinds), what, int(row.get("level", 1)), mark,
            None if after is None or after == VATS else float(after),
            instead=self._expect(row["or"], marks) if "or" in row else None, **late,
        )  # fmt: skip


def _lasting(base: Act, act: Act) -> Act:
    """What holds on until it is changed."""
    return replace(base, speed_kmh=act.speed_kmh, noise=act.noise, signals=act.signals)


def _substitute(row: Mapping[str, Any], key: str, value: object) -> dict[str, Any]:
    """The row with every `$key` replaced."""

    def walk(x: Any) -> Any:
        if isinstance(x, str):
            return value if x == f"${key}" else x.replace(f"${key}", str(value))
        if isinstance(x, Mapping):
            return {k: walk(v) for k, v in x.items() if k != "each"}
        if isinstance(x, list):
            return [walk(v) for v in x]
        return x

    return dict(walk(row))
