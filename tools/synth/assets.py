"""The two asset files the renderer stands on, and what is baked from them once.

They are not part of this repository: `tools/import_assets.py` makes both from checkouts of their
public upstream repositories.  They are looked for in $DMS_ASSETS, then in ../shared/assets.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.synth.native import cache_dir

REPOSITORY = Path(__file__).resolve().parents[2]
ICT_FACE = "ict_face.npz"
MAKEHUMAN_BODY = "makehuman_body.npz"


class AssetError(RuntimeError):
    """An asset file is missing; the message says how to make it."""


def asset_dir() -> Path:
    """The folder that holds the asset files (it need not exist)."""
    return Path(os.environ.get("DMS_ASSETS") or REPOSITORY.parent / "shared" / "assets")


def asset_path(name: str) -> Path:
    """The path of one asset file, or an `AssetError` that says how to get it."""
    path = asset_dir() / name
    if not path.is_file():
        raise AssetError(
            f"{path}: no such asset. Set DMS_ASSETS to the folder that holds {name}, or rebuild it "
            "with `python -m tools.import_assets --help` from checkouts of ICT-VGL/ICT-FaceKit and "
            "makehumancommunity/makehuman."
        )
    return path


@cache
def load(name: str) -> dict[str, NDArray[np.generic]]:
    """All arrays of one asset file."""
    with np.load(asset_path(name), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def baked(label: str, asset: str, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """An array computed once from an asset and kept in the cache directory."""
    digest = hashlib.sha256(asset_path(asset).read_bytes()).hexdigest()[:16]
    target = cache_dir() / f"{label}-{digest}.npy"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            part = Path(folder) / "part.npy"
            np.save(part, make())
            part.replace(target)
    return np.asarray(np.load(target), np.float32)
