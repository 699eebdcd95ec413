"""Strict reading of YAML: a tree of scalars as written, every mistake with its file and line.

Only a plain subset is read: mappings of scalars. Duplicate keys, aliases, tags and lists are
errors. What a scalar means is decided by the key's type, in `build`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Scalar = str | int | float | bool | None

MAX_BYTES = 1 << 20
"""No configuration is larger; a wrong file given by mistake often is."""
MAX_DEPTH = 16
"""PyYAML recurses; ours are 3 deep."""


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as written; `plain` if without quotes."""

    text: str
    plain: bool
    where: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A tree of Text by key, and the errors met while reading it."""

    name: str
    tree: dict[str, Any] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    """file:line of every key path."""
    errors: list[str] = field(default_factory=list)

    def scalar(self, key: str) -> tuple[str, str]:
        """A top-level scalar's text and place; empty when there is none."""
        value = self.tree.get(key)
        return (value.text, value.where) if isinstance(value, Text) else ("", "")


def read_layer(path: Path) -> Layer:
    """Read one file. Errors are kept in the layer, not raised."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as e:
        reason = e.strerror or type(e).__name__
        return Layer(str(path), errors=[f"{path}: cannot read the configuration: {reason}"])
    except ValueError as e:  # a NUL in the name
        return Layer(repr(str(path)), errors=[f"{str(path)!r}: not a file name: {e}"])
    return parse_layer(data, str(path))


def parse_layer(data: bytes, name: str) -> Layer:
    """Read YAML bytes. Errors are kept in the layer, not raised."""
    layer = Layer(name)
    if len(data) > MAX_BYTES:
        layer.errors.append(f"{name}: larger than {MAX_BYTES} bytes; is this a configuration?")
        return layer
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        layer.errors.append(f"{name}:{line}: not UTF-8 text (byte {e.start})")
        return layer
    try:
        layer.errors.extend(_forbidden(text, name))
        root = None if layer.errors else yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        marks = [mark for mark in (e.problem_mark, e.context_mark) if mark is not None]
        line = marks[0].line + 1 if marks else 1
        layer.errors.append(f"{name}:{line}: not YAML: {e.problem}")
        return layer
    except (yaml.YAMLError, ValueError, OverflowError) as e:
        # PyYAML lets ValueError out for numbers and escapes that Python cannot hold
        layer.errors.append(f"{name}: not YAML: {' '.join(str(e).split())}")
        return layer
    if isinstance(root, yaml.MappingNode):
        layer.tree.update(_mapping(root, "", layer))
    elif root is not None and not layer.errors:
        layer.errors.append(f"{name}:1: expected a mapping of sections (key: value)")
    return layer


def override_layer(overrides: Mapping[str, Scalar]) -> Layer:
    """Dotted key -> value; a string is read as YAML would read it."""
    layer = Layer("override")
    for key, value in overrides.items():
        text = value if isinstance(value, str) else json.dumps(value)
        where = f"override {key}={text}"
        *parents, leaf = key.split(".")
        node = layer.tree
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                layer.errors.append(f"{where}: {parent} is a value, not a section")
                break
            node = child
        else:
            node[leaf] = Text(text, True, where)
            layer.where[key] = where
    return layer


def _forbidden(text: str, name: str) -> Iterator[str]:
    """What the plain subset leaves out; also guards PyYAML's recursion."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        mark = event.start_mark
        where = f"{name}:{mark.line + 1 if mark is not None else 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield f"{where}: anchors and aliases are not supported; write the value out"
        elif getattr(event, "tag", None):
            yield f"{where}: tags are not supported; the key decides the type"
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            yield f"{where}: nested more than {MAX_DEPTH} deep"
            return
        if documents > 1:
            yield f"{where}: a second document (---); only one is read"
            return


def _mapping(node: yaml.MappingNode, prefix: str, layer: Layer) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        where = f"{layer.name}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            layer.errors.append(f"{where}: {prefix or 'top level'}: a key must be a plain word")
            continue
        key = key_node.value
        path = f"{prefix}.{key}" if prefix else key
        if key in out:
            first = layer.where[path].rpartition(":")[2]
            layer.errors.append(f"{where}: {path}: set twice, first on line {first}")
            continue
        layer.where[path] = where
        out[key] = _value(value_node, path, where, layer)
    return out


def _value(node: yaml.Node, path: str, where: str, layer: Layer) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, layer)
    if isinstance(node, yaml.ScalarNode):
        return Text(node.value, node.style is None, where)
    layer.errors.append(f"{where}: {path}: lists are not used here")
    return None
