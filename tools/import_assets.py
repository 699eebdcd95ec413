"""Rebuild the renderer's two asset files from checkouts of their public upstream repositories.

    python -m tools.import_assets ict   --from ICT-FaceKit --out ../shared/assets/ict_face.npz
    python -m tools.import_assets body  --from makehuman   --out ../shared/assets/makehuman_body.npz

ICT-FaceKit: https://github.com/ICT-VGL/ICT-FaceKit (MIT), made from da5f95a; only its light model
(`FaceXModel`).  MakeHuman: https://github.com/makehumancommunity/makehuman, from a8bc2d54; only its
base mesh, skeleton, weights and macro targets, which are CC0: its program code is AGPL and is
neither read nor used here.  Ship the licence notices with whatever is derived.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

# ICT-FaceKit's parts by first vertex, in the order of its README; each ends before the next
ICT_PARTS = {
    "face": 0, "headneck": 9409, "mouthsocket": 11248, "eyesocketL": 13294, "eyesocketR": 13678,
    "gums": 14062, "teeth": 17039, "scleraL": 21451, "irisL": 22221, "scleraR": 23021,
    "irisR": 23791, "lacL": 24591, "lacR": 24795, "blendL": 24999, "blendR": 25023, "occL": 25047,
    "occR": 25199, "lashL": 25351, "lashR": 26035,
}  # fmt: skip
ICT_BASE, ICT_INDICES = "generic_neutral_mesh.obj", "vertex_indices.json"
BODY_GROUPS = (
    "body", "helper-tights", "helper-skirt", "helper-hair", "helper-l-eye", "helper-r-eye",
    "helper-genital", "helper-upper-teeth", "helper-lower-teeth", "helper-l-eyelashes-2",
    "helper-l-eyelashes-1", "helper-r-eyelashes-2", "helper-r-eyelashes-1", "helper-tongue",
)  # fmt: skip
BODY_WEIGHTS = 4  # bones a vertex
JOINT_VERTICES = 24  # at most, a joint


class ImportProblem(RuntimeError):
    """A checkout does not hold what it should; the message names the file."""


@dataclass(frozen=True, slots=True)
class Obj:
    """A Wavefront file: vertices, texture coordinates, triangles of both, group a triangle."""

    vertices: F32
    uv: F32
    triangles: NDArray[np.int64]
    uv_triangles: NDArray[np.int64]
    groups: list[str]
    group: NDArray[np.int64]  # a triangle, into `groups`
    polygon: NDArray[np.int64]  # a triangle: number of the polygon it is cut from


def read_obj(path: Path) -> Obj:
    """Read `v`, `vt`, `g` and `f` lines; polygons become fans of triangles."""
    vertices: list[list[float]] = []
    uv: list[list[float]] = []
    tris: list[list[tuple[int, int]]] = []
    groups, group, polygon, now = [""], [], [], 0
    polygons = 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif word == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif word == "g":
            now = _index(groups, rest.strip())
        elif word == "f":
            corners = [_corner(c) for c in rest.split()]
            for k in range(1, len(corners) - 1):
                tris.append([corners[0], corners[k], corners[k + 1]])
                group.append(now)
                polygon.append(polygons)
            polygons += 1
    both = np.array(tris, np.int64).reshape(-1, 3, 2)
    return Obj(
        np.array(vertices, np.float32), np.array(uv, np.float32).reshape(-1, 2), both[..., 0],
        both[..., 1], groups, np.array(group, np.int64), np.array(polygon, np.int64),
    )  # fmt: skip


def _corner(text: str) -> tuple[int, int]:
    parts = text.split("/")
    return int(parts[0]) - 1, int(parts[1]) - 1 if len(parts) > 1 and parts[1] else -1


def _index(groups: list[str], name: str) -> int:
    if name not in groups:
        groups.append(name)
    return groups.index(name)


def quantise(deltas: F32, levels: int) -> tuple[NDArray[np.int64], F32]:
    """(k,n,3) shape deltas -> integers in -levels..levels and a scale a shape."""
    scale = np.abs(deltas).max((1, 2)).astype(np.float32)
    unit = deltas / np.maximum(scale, 1e-12)[:, None, None]
    return np.round(unit * levels).astype(np.int64), scale


def import_ict(folder: Path) -> Arrays:
    """The arrays of ict_face.npz from a folder of ICT-FaceKit's .obj files."""
    base = read_obj(_need(folder, ICT_BASE))
    indices = json.loads(_need(folder, ICT_INDICES).read_text())
    identities = sorted(folder.glob("identity*.obj"))
    skip = {ICT_BASE, *(p.name for p in identities)}
    shapes = sorted(p for p in folder.glob("*.obj") if p.name not in skip)
    if not identities or not shapes:
        raise ImportProblem(f"{folder}: no identity*.obj or no expression .obj files")
    ids, id_scale = quantise(_deltas(identities, base), 127)
    ex, ex_scale = quantise(_deltas(shapes, base), 32767)
    starts = np.array(list(ICT_PARTS.values()))
    last = np.zeros(base.polygon.max() + 1, np.int64)
    np.maximum.at(last, base.polygon, base.triangles.max(1))
    # seams share vertices with the part before, so a polygon's last vertex tells its part
    part = np.searchsorted(starts, last[base.polygon], side="right") - 1
    return {
        "ids": ids.astype(np.int8), "ex": ex.astype(np.int16), "mean": base.vertices,
        "names": np.array([p.stem for p in shapes]), "tris": base.triangles.astype(np.uint16),
        "tuv": base.uv_triangles.astype(np.uint16), "uv": base.uv.astype(np.float16),
        "tri_part": part.astype(np.int8), "parts": np.array(list(ICT_PARTS)),
        "lm68": np.array(indices["idx_to_landmark_verts"], np.int32), "id_scale": id_scale,
        "ex_scale": ex_scale, "eye_centre": _eye_centres(base.vertices),
    }  # fmt: skip


def _deltas(paths: list[Path], base: Obj) -> F32:
    out = np.empty((len(paths), *base.vertices.shape), np.float32)
    for k, path in enumerate(paths):
        vertices = read_obj(path).vertices
        if vertices.shape != base.vertices.shape:
            raise ImportProblem(
                f"{path}: {len(vertices)} vertices, the neutral mesh has {len(base.vertices)}"
            )
        out[k] = vertices - base.vertices
    return out


def _eye_centres(vertices: F32) -> F32:
    """Mean of each sclera's vertices, left then right; too far forward to turn an eye about."""
    spans = (("scleraL", "irisL"), ("scleraR", "irisR"))
    return np.array([vertices[ICT_PARTS[a] : ICT_PARTS[b]].mean(0) for a, b in spans], np.float32)


def read_target(path: Path, vertices: int) -> F32:
    """A MakeHuman .target: `index dx dy dz` lines -> (vertices,3) decimetres."""
    out = np.zeros((vertices, 3), np.float32)
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            index, *delta = line.split()
            out[int(index)] = [float(x) for x in delta]
    return out


def target_names() -> list[str]:
    """The 72 adult macro targets: race, build and height."""
    sexes, ages = ("female", "male"), ("young", "old")
    muscles, weights = ("min", "average", "max"), ("min", "average", "max")
    races = [f"{r}-{s}-{a}" for r in ("african", "asian", "caucasian") for s in sexes for a in ages]
    builds = [
        f"universal-{s}-{a}-{m}muscle-{w}weight"
        for s in sexes for a in ages for m in muscles for w in weights
    ]  # fmt: skip
    heights = [
        f"height-{s}-{a}-averagemuscle-{w}weight-{h}height"
        for s in sexes for a in ages for w in weights for h in ("min", "max")
    ]  # fmt: skip
    return races + builds + heights


def top_weights(weights: dict[str, Any], bones: list[str], vertices: int) -> tuple[F32, F32]:
    """The four strongest bones of each vertex and their weights, summing to 1."""
    full = np.zeros((vertices, len(bones)), np.float32)
    for name, pairs in weights.items():
        for index, weight in pairs:
            full[int(index), bones.index(name)] += float(weight)
    order = np.argsort(-full, axis=1, kind="stable")[:, :BODY_WEIGHTS]
    best = np.take_along_axis(full, order, 1)
    return order.astype(np.float32), best / np.maximum(best.sum(1, keepdims=True), 1e-9)


def joint_vertices(skeleton: dict[str, Any], bones: list[str]) -> NDArray[np.int32]:
    """(2,bones,24): the vertices whose mean is a bone's head and tail; -1 fills up."""
    out = np.full((2, len(bones), JOINT_VERTICES), -1, np.int32)
    for k, end in enumerate(("head", "tail")):
        for i, bone in enumerate(bones):
            found = skeleton["joints"][skeleton["bones"][bone][end]]
            out[k, i, : len(found)] = found
    return out


def import_body(folder: Path) -> Arrays:
    """The arrays of makehuman_body.npz from a MakeHuman checkout."""
    base = read_obj(_find(folder, "base.obj"))
    skeleton = json.loads(_find(folder, "default.mhskel").read_text())
    weights = json.loads(_find(folder, "default_weights.mhw").read_text())["weights"]
    bones = list(skeleton["bones"])
    index, weight = top_weights(weights, bones, len(base.vertices))
    parents = [skeleton["bones"][b]["parent"] for b in bones]
    number = {base.groups.index(g): k for k, g in enumerate(BODY_GROUPS)}
    keep = np.isin(base.group, list(number))
    names = target_names()
    targets = [read_target(_find_target(folder, n), len(base.vertices)) for n in names]
    return {
        "base": base.vertices, "tnames": np.array(names),
        "targets": np.stack(targets).astype(np.float16), "bones": np.array(bones),
        "parent": np.array([bones.index(p) if p else -1 for p in parents], np.int16),
        "joint_v": joint_vertices(skeleton, bones), "wi": index.astype(np.uint8),
        "ww": weight.astype(np.float16), "tris": base.triangles[keep].astype(np.uint16),
        "tuv": base.uv_triangles[keep].astype(np.uint16), "uv": base.uv.astype(np.float16),
        "tri_group": np.array([number[g] for g in base.group[keep].tolist()], np.int8),
        "groups": np.array(BODY_GROUPS),
    }  # fmt: skip


def _find_target(folder: Path, name: str) -> Path:
    """Targets lie as NAME.target, or as REST.target in a folder called by NAME's first word."""
    first, _, rest = name.partition("-")
    nested = [p for p in folder.rglob(f"{rest}.target") if p.parent.name == first]
    return nested[0] if nested else _find(folder, f"{name}.target")


def _find(folder: Path, name: str) -> Path:
    found = sorted(folder.rglob(name), key=lambda p: len(p.parts))
    if not found:
        raise ImportProblem(f"{folder}: no {name} in it; is this the right checkout?")
    return found[0]


def _need(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise ImportProblem(f"{path}: missing; is this ICT-FaceKit's FaceXModel folder?")
    return path


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 done, 2 wrong checkout or usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Formatter)
    parser.add_argument("what", choices=("ict", "body"))
    parser.add_argument("--from", dest="source", type=Path, required=True, help="the checkout")
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    args = parser.parse_args(argv)
    try:
        if args.what == "ict":
            model = args.source / "FaceXModel"
            arrays = import_ict(model if model.is_dir() else args.source)
        else:
            arrays = import_body(args.source)
    except ImportProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    np.savez_compressed(args.out, **arrays)  # type: ignore[arg-type]
    print(f"{args.out}: {', '.join(f'{k} {v.shape}' for k, v in arrays.items())}")
    return 0


class _Formatter(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    sys.exit(main())
