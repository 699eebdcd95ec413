"""Rendering in shards: each is a folder of plain .npy arrays, made from (recipe, seed, index).

A shard depends on nothing else, so any of them can be made again bit for bit (on one kind of
processor with one compiler), by any number of processes, and a stopped run goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Maker = Callable[[Mapping[str, Any], int, int], Arrays]
META = "meta.json"


class RecipeError(ValueError):
    """The recipe, or the folder it should go to, does not fit; the message says why."""


def maker(kind: str) -> Maker:
    """The function that makes one shard of this kind."""
    if kind == "faces":
        from tools.synth import faces

        return faces.make_shard
    if kind == "cabin":
        from tools.synth import stills

        return stills.make_shard
    if kind == "clips":
        from tools.synth import clips

        return clips.make_shard
    raise RecipeError(f"unknown kind {kind!r} of recipe: use faces, cabin or clips")


def read_recipe(path: Path) -> dict[str, Any]:
    """A recipe file as a dict; it must say its kind."""
    recipe = yaml.safe_load(path.read_text())
    if not isinstance(recipe, dict) or "kind" not in recipe:
        raise RecipeError(f"{path}: a recipe is a YAML mapping with a `kind`")
    maker(str(recipe["kind"]))
    return recipe


def shard_path(folder: Path, index: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{index:05d}"


def render(recipe: Mapping[str, Any], seed: int, folder: Path, shards: range, jobs: int) -> int:
    """Make the missing shards of a range; returns how many pictures were made."""
    folder.mkdir(parents=True, exist_ok=True)
    _check_meta(recipe, seed, folder)
    todo = [k for k in shards if not shard_path(folder, k).exists()]
    started, pictures = time.monotonic(), 0
    tasks = [(dict(recipe), seed, str(folder), k) for k in todo]
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, _quiet_threads) as pool:
        for done, count in enumerate(pool.imap_unordered(_make_one, tasks), 1):
            pictures += count
            _progress(done, len(todo), pictures, time.monotonic() - started)
    return pictures


def load(folder: Path, names: tuple[str, ...] | None = None) -> Arrays:
    """All shards of a folder, concatenated (memory!); `names` picks arrays. Pictures of several
    sizes get black margins at the right and the bottom, so that labels stay where they are."""
    shards = sorted(p for p in folder.glob("shard-*") if p.is_dir())
    if not shards:
        raise FileNotFoundError(f"{folder}: no shards; render them first")
    keys = names or tuple(sorted(p.stem for p in shards[0].glob("*.npy")))
    return {k: _joined([np.load(s / f"{k}.npy") for s in shards]) for k in keys}


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    wanted = np.max([p.shape[1:] for p in parts], axis=0).astype(int)
    return np.concatenate(
        [np.pad(p, [(0, 0), *((0, w - n) for w, n in zip(wanted, p.shape[1:], strict=True))])
         for p in parts]
    )  # fmt: skip


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names and bytes: what "bit for bit" is judged by."""
    out = hashlib.sha256()
    for name in sorted(arrays):
        out.update(name.encode())
        out.update(np.ascontiguousarray(arrays[name]).tobytes())
    return out.hexdigest()


def _make_one(task: tuple[dict[str, Any], int, str, int]) -> int:
    recipe, seed, folder, index = task
    arrays = maker(str(recipe["kind"]))(recipe, seed, index)
    target = shard_path(Path(folder), index)
    part = _part_of(target)
    part.mkdir()
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array)
    try:
        part.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(part)  # another renderer was faster; its shard is the same bit for bit
    return len(next(iter(arrays.values())))


def _part_of(path: Path) -> Path:
    """A name of its own for what becomes `path` when it is whole: several renderers, also on
    several machines, may work on one folder."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def _quiet_threads() -> None:
    import cv2

    cv2.setNumThreads(1)


def _check_meta(recipe: Mapping[str, Any], seed: int, folder: Path) -> None:
    """One folder holds one recipe and seed."""
    from tools.synth.scenery import environments

    wanted = {"recipe": dict(recipe), "seed": seed, "environments": len(environments())}
    path = folder / META
    if not path.exists():
        part = _part_of(path)
        part.write_text(json.dumps(wanted, indent=1) + "\n")
        part.replace(path)
    if json.loads(path.read_text()) != wanted:
        raise RecipeError(f"{folder}: holds another recipe or seed ({META}); use an empty folder")


def _progress(done: int, total: int, pictures: int, seconds: float) -> None:
    rate = pictures / max(seconds, 1e-6)
    left = (total - done) * seconds / done
    print(
        f"\r{done}/{total} shards, {pictures} pictures, {rate:.1f} images/s, "
        f"{left / 60:.1f} min left ",
        end="" if done < total else "\n", file=sys.stderr, flush=True,
    )  # fmt: skip
