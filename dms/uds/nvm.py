"""A small file that survives power loss: written whole, then renamed; checked when read.

A torn or altered file is told apart from a good one by its hash; the one before it is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

MAGIC = "dms-state-1"
MAX_BYTES = 1 << 20
"""More is not ours; never read a file without end into memory."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was found. `damaged`: a newer file was there and could not be used."""

    content: dict[str, Any]
    damaged: bool = False


class Store:
    """Keeps one JSON object in `folder`/state. None: keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / "state"

    def load(self) -> Kept:
        """The newest good version; empty when there is none. Never raises."""
        if self._path is None:
            return Kept({})
        damaged = False
        for path in (self._path, self._older()):
            try:
                with path.open("rb") as file:
                    return Kept(_unwrap(file.read(MAX_BYTES + 1)), damaged)
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                damaged = True
        return Kept({}, damaged)

    def save(self, content: dict[str, Any]) -> None:
        """Returns when the content is on the disk. Errors: OSError; the old one is then kept."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name("state.new")
        _write(new, _wrap(content))
        with contextlib.suppress(FileNotFoundError):
            os.replace(self._path, self._older())
        os.replace(new, self._path)
        _sync(self._path.parent)

    def forget(self) -> None:
        """Nothing is left, the version before neither. Errors: OSError."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._older().unlink(missing_ok=True)

    def _older(self) -> Path:
        assert self._path is not None
        return self._path.with_name("state.old")


def _wrap(content: dict[str, Any]) -> bytes:
    body = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    return f"{MAGIC} {sha256(body).hexdigest()}\n".encode() + body


def _unwrap(data: bytes) -> dict[str, Any]:
    head, _, body = data.partition(b"\n")
    if len(data) > MAX_BYTES or head != f"{MAGIC} {sha256(body).hexdigest()}".encode():
        raise ValueError("not whole")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _write(path: Path, data: bytes) -> None:
    """All of it on the disk, whatever was there before; readable by the owner only."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
