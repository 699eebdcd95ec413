"""Layers of strict YAML onto frozen dataclasses: every mistake at once, with file, line and key.

Values are converted by the field's type from the text as written, so YAML's traps (`012`,
`12:30`, `on`) are errors that say so, and `1e-3` is the number it looks like.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dms.config.yaml_strict import Layer, Scalar, Text
from dms.errors import UsageErrors

T = TypeVar("T")

_INT = re.compile(r"[+-]?(0x[0-9a-fA-F]{1,15}|0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_OCTAL = re.compile(r"[+-]?0[0-9_]+")
_SEXAGESIMAL = re.compile(r"[+-]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?")
_BOOL_TRAP = {"on", "off", "yes", "no", "y", "n"}
_NULLS = {"", "~", "null", "Null", "NULL"}


Mistake = tuple[str, str]
"""The key's path, empty where there is none, and the line that tells it."""


class ConfigError(UsageErrors):
    """A configuration that cannot be used; `errors` holds one line a mistake."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(tuple(errors))
        self.errors = tuple(errors)


def build(
    cls: type[T],
    layers: list[Layer],
    errors: list[str],
    check: Callable[[T], list[tuple[str, str]]],
) -> T:
    """Lay the layers over cls's defaults. Raises ConfigError with all mistakes of all layers."""
    found = [("", line) for line in errors]
    config = cls()
    where: dict[str, str] = {}
    for layer in layers:
        config = lay(config, layer, found)
        where.update(layer.where)
    lines = [line for _, line in found]
    if not lines:
        lines = [f"{where.get(k) or _place(k, where)}: {k}: {what}" for k, what in check(config)]
    if lines:
        raise ConfigError(lines)
    return config


def lay(base: T, layer: Layer, errors: list[Mistake]) -> T:
    """One layer over a configuration. What is wrong is left as it was, and goes to `errors`."""
    errors += [("", line) for line in layer.errors]
    found: T = _apply(base, layer.tree, "", layer, errors)
    return found


def _place(key: str, where: Mapping[str, str]) -> str:
    inside = [place for path, place in where.items() if path.startswith(key + ".")]
    return inside[-1] if inside else "defaults"


def _apply(
    base: Any, tree: dict[str, Any], prefix: str, layer: Layer, errors: list[Mistake]
) -> Any:
    hints = get_type_hints(type(base))
    known = {f.name: f for f in fields(base)}
    changed: dict[str, Any] = {f: getattr(base, f) for f in known}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        where = layer.where.get(path, layer.name)
        if key not in known:
            what = f"unknown key{_did_you_mean(key, known)}"
            errors.append((path, f"{where}: {path}: {what}"))
            continue
        try:
            current = getattr(base, key)
            kind = _section_type(hints[key])
            if kind is not None:
                changed[key] = _section(current or kind(), value, path, layer, errors)
            elif get_origin(hints[key]) is tuple:
                changed[key] = _free(value)
            else:
                changed[key] = _typed(value, hints[key], known[key].metadata)
        except ValueError as e:
            errors.append((path, f"{where}: {path}: {e}"))
    return type(base)(**changed)


def _section_type(hint: Any) -> Any:
    """The dataclass of a section, or of one that may be left out; None: no section."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((kind for kind in kinds if is_dataclass(kind)), None)


def _did_you_mean(key: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else f"; known here: {', '.join(known)}"


def _section(base: Any, value: Any, path: str, layer: Layer, errors: list[Mistake]) -> Any:
    if isinstance(value, dict):
        return _apply(base, value, path, layer, errors)
    if isinstance(value, Text) and value.plain and value.text == "":
        return base  # a heading with nothing under it
    raise ValueError("expected a section (keys indented below it), not a value")


def _free(value: Any) -> tuple[tuple[str, Scalar], ...]:
    """A mapping whose keys are not ours: scalars typed by how they are written."""
    if isinstance(value, Text) and value.plain and value.text in (*_NULLS, "{}"):
        return ()
    if not isinstance(value, dict):
        raise ValueError("expected keys indented below it")
    for key, item in value.items():
        if isinstance(item, dict):
            raise ValueError(f"{key}: expected a value, not a section")
    return tuple((key, _guess(item)) for key, item in value.items() if item is not None)


def _guess(value: Text) -> Scalar:
    if not value.plain:
        return value.text
    _reject_traps(value.text, number=True)
    for reads in (_as_null, _as_bool, _as_int, _as_float):
        try:
            return reads(value.text)
        except ValueError:
            continue
    return value.text


def _typed(value: Any, hint: Any, meta: Mapping[str, Any]) -> Scalar:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kind = next(k for k in kinds if k is not type(None))
    if isinstance(value, dict):
        raise ValueError(f"expected {_NAMES[kind]}, not a section")
    if value is None:
        raise ValueError(f"expected {_NAMES[kind]}")
    if value.plain and value.text in _NULLS:
        if type(None) in kinds:
            return None
        raise ValueError(f"expected {_NAMES[kind]}, got nothing")
    result = _convert(value, kind)
    _check_range(result, meta)
    return result


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


def _convert(value: Text, kind: Any) -> Scalar:
    if kind is str:
        return _as_text(value)
    if not value.plain:
        raise ValueError(f'expected {_NAMES[kind]}, got quoted text "{_short(value.text)}"')
    _reject_traps(value.text, number=kind is not bool)
    reads: Callable[[str], Scalar] = {bool: _as_bool, int: _as_int, float: _as_float}[kind]
    return reads(value.text)


def _as_text(value: Text) -> str:
    if value.plain:
        looks = value.text.lower()
        if looks in _BOOL_TRAP or looks in ("true", "false") or _FLOAT.fullmatch(looks):
            raise ValueError(
                f'expected text; {value.text} reads as something else, write "{value.text}"'
            )
    return value.text


def _reject_traps(text: str, number: bool) -> None:
    if text.lower() in _BOOL_TRAP:
        raise ValueError(
            f"{text} is a boolean to some readers and text to others; write true or "
            "false" + (", or quote it" if number else "")
        )
    if number and _OCTAL.fullmatch(text):
        raise ValueError(
            f"{_short(text)} is octal to some readers; write it without the leading zero"
        )
    if number and _SEXAGESIMAL.fullmatch(text):
        raise ValueError(
            f"{_short(text)} is a base-60 number to some readers; write a plain number, or quote it"
        )


def _as_null(text: str) -> None:
    if text not in _NULLS:
        raise ValueError(text)


def _as_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f'expected true or false, got "{_short(text)}"')
    return text == "true"


def _as_int(text: str) -> int:
    if not _INT.fullmatch(text):
        raise ValueError(f'expected a whole number, got "{_short(text)}"')
    return int(text, 0)


def _as_float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError(f'expected a number, got "{_short(text)}"')
    result = float(text)
    if abs(result) > 1e300:
        raise ValueError(f"{_short(text)} is too large")
    return result


def _check_range(value: Scalar, meta: Mapping[str, Any]) -> None:
    lo, hi, choices = meta.get("lo"), meta.get("hi"), meta.get("choices")
    if choices is not None and value not in choices:
        close = difflib.get_close_matches(str(value), choices, n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        raise ValueError(f'"{_short(str(value))}" is not one of {", ".join(choices)}{hint}')
    if lo is not None and isinstance(value, int | float) and not lo <= value <= meta["hi"]:
        raise ValueError(f"{value} is outside {lo:g} to {hi:g}")


def _short(text: str) -> str:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return shown.encode("unicode_escape").decode()
