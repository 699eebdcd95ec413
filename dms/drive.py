"""A drive: a recorded folder of frames, CAN and labels, as docs/drive-format.md describes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dms.errors import SourceError

MANIFEST = "drive.yaml"
FORMAT = 1
DEFAULT_FPS = 30.0
_PATHS = ("frames", "can", "labels")
_NUMBERS = ("fps", "can_t0_s", "hfov_deg")
_KEYS = frozenset({"format", "seat", "description", *_PATHS, *_NUMBERS})


@dataclass(frozen=True, slots=True)
class Drive:
    """Where a drive's parts are; a part that it has not is None."""

    root: Path
    frames: Path
    can: Path | None
    labels: Path | None
    fps: float
    can_t0_ns: int
    """The CAN log's time when the frames' clock is zero."""
    hfov_deg: float | None
    seat: str | None
    description: str


def is_drive(path: Path) -> bool:
    """A folder with a drive.yaml in it, or that file itself."""
    return path.name == MANIFEST or (path / MANIFEST).is_file()


def load(path: Path) -> Drive:
    """Read and check a drive's manifest. Errors: SourceError, naming file and key."""
    manifest = path if path.name == MANIFEST else path / MANIFEST
    data = _mapping(manifest)
    _check(data, manifest)
    part = {key: _part(manifest, data, key) for key in _PATHS}
    frames = part["frames"]
    assert frames is not None
    return Drive(
        root=manifest.parent,
        frames=frames,
        can=part["can"],
        labels=part["labels"],
        fps=float(data.get("fps", DEFAULT_FPS)),
        can_t0_ns=round(float(data.get("can_t0_s", 0.0)) * 1e9),
        hfov_deg=data.get("hfov_deg"),
        seat=data.get("seat"),
        description=str(data.get("description", "")),
    )


def _mapping(manifest: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SourceError(f"{manifest}: cannot be read", str(error)) from error
    if not isinstance(data, dict):
        raise SourceError(f"{manifest}: is not a mapping", fix="see docs/drive-format.md")
    return data


def _check(data: dict[str, Any], manifest: Path) -> None:
    fix = "see docs/drive-format.md"
    if unknown := sorted(str(key) for key in set(data) - _KEYS):
        raise SourceError(f"{manifest}: unknown key {unknown[0]!r}", fix=fix)
    if data.get("format") != FORMAT:
        raise SourceError(f"{manifest}: format is {data.get('format')!r}, not {FORMAT}", fix=fix)
    if not data.get("frames"):
        raise SourceError(f"{manifest}: names no frames", fix=fix)
    for key in _NUMBERS:
        value = data.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SourceError(f"{manifest}: {key} is {value!r}, not a number", fix=fix)
    if not data.get("fps", DEFAULT_FPS) > 0:
        raise SourceError(f"{manifest}: fps is {data['fps']}, not above 0", fix=fix)
    if data.get("seat") not in (None, "left", "right"):
        raise SourceError(f"{manifest}: seat is {data['seat']!r}, not left or right", fix=fix)


def _part(manifest: Path, data: dict[str, Any], key: str) -> Path | None:
    if key not in data:
        return None
    root = manifest.parent.resolve()
    found = (root / str(data[key])).resolve()
    if not found.is_relative_to(root):
        raise SourceError(f"{manifest}: {key} {data[key]!r} lies outside the drive")
    if not found.exists():
        raise SourceError(f"{manifest}: {key} {data[key]!r} does not exist")
    return manifest.parent / str(data[key])
