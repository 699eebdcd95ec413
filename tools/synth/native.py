"""The C++ rasteriser, compiled at first use and loaded with ctypes.

The library lands in a cache directory under a name made from its sources, the compiler's flags and
the machine's processor, so an edit or another machine builds anew and parallel workers never meet
half a file.  The shader's constants are listed once, here, and written out as a C struct.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.synth.mesh import F32, I32, U8, Buffers

F64 = NDArray[np.float64]

SOURCES = Path(__file__).parent / "cpp"
FLAGS = ("-O3", "-march=native", "-ffast-math", "-std=c++17", "-shared", "-fPIC")

# name -> number of floats; the meaning of each is said where looks.py and light.py fill it in
UNIFORMS: dict[str, int] = {
    "camera": 3, "led": 3, "led_axis": 3, "led_power": 1, "led_reference": 1, "led_cone": 1,
    "led_beam": 1, "sun": 3, "sun_power": 1, "sh": 9, "occlusion_direct": 1, "lens_glare": 1,
    "seed": 1, "skin": 1, "skin_specular": 1, "skin_roughness": 1, "mottle": 1, "pores": 1,
    "wrinkles": 1, "folds": 1, "bags": 1, "socket": 1, "fold_lines": 32, "lip": 1, "lips": 24,
    "lip_seam": 10, "brow": 1, "brow_width": 1, "brow_hairs": 1, "brows": 20, "beard": 1,
    "beard_albedo": 1, "beard_line": 1, "beard_cheeks": 1, "goatee": 1, "moustache": 1,
    "hair": 1, "hair_shine": 1, "hairline": 1, "bald": 1, "lash": 1, "eye_centre": 6,
    "lid_lines": 32, "lash_line": 1, "crease": 1, "crease_high": 1, "spots": 1, "moles": 1,
    "crows_feet": 1, "curl": 1, "recede": 1, "gobo": 6, "eye_axis": 6, "eye_up": 6, "head_up": 3,
    "head_left": 3, "iris": 1, "pupil": 1,
    "pupil_glow": 1, "sclera": 1, "cloth_weave": 1, "cloth_folds": 1, "stripes": 2,
    "neck": 3, "print": 8, "opening": 3, "badge": 7,
}  # fmt: skip
DEFAULTS: dict[str, ArrayLike] = {
    "led_axis": (0, 0, -1), "led_reference": 70.0, "sun": (0, 1, 0), "occlusion_direct": 0.75,
    "lens_glare": 1.0, "skin": 0.5, "skin_specular": 0.03, "skin_roughness": 0.42, "mottle": 0.16,
    "pores": 1.0, "socket": 0.16, "lip": 0.9, "brow": 0.5, "brow_width": 0.42, "brow_hairs": 0.8,
    "beard_albedo": 0.15, "beard_line": -2.2, "beard_cheeks": 1.0, "goatee": 1.0, "moustache": 1.0,
    "hair": 0.12, "hair_shine": 0.02, "hairline": 8.2, "lash": 0.1, "eye_centre": (0, 1e6, 0) * 2,
    "eye_axis": (0, 0, 1) * 2, "eye_up": (0, 1, 0) * 2, "head_up": (0, 1, 0),
    "head_left": (1, 0, 0), "iris": 0.3, "pupil": 0.17, "sclera": 0.5, "cloth_weave": 14.0,
    "cloth_folds": 0.5, "crease_high": 0.35, "gobo": (1, 0, 0, 1, 0, 0),
}  # fmt: skip


def cache_dir() -> Path:
    """Where compiled and baked files are kept: $DMS_CACHE or the user's cache directory."""
    base = os.environ.get("DMS_CACHE") or Path.home() / ".cache" / "dms-synth"
    path = Path(base)
    path.mkdir(parents=True, exist_ok=True)
    return path


def uniforms(values: dict[str, ArrayLike]) -> F32:
    """The shader's constants as one flat array; unknown names and wrong sizes are errors."""
    unknown = set(values) - set(UNIFORMS)
    if unknown:
        raise KeyError(f"unknown shader constants {sorted(unknown)}")
    parts = []
    for name, size in UNIFORMS.items():
        part = np.ravel(np.asarray(values.get(name, DEFAULTS.get(name, 0.0)), np.float32))
        if len(part) != size:
            part = np.broadcast_to(part, (size,))
        parts.append(part)
    return np.ascontiguousarray(np.concatenate(parts), np.float32)


def vertex_normals(vertices: ArrayLike, triangles: ArrayLike) -> F32:
    """Area-weighted unit normals of `vertices` (N,3) under `triangles` (M,3)."""
    v = np.ascontiguousarray(vertices, np.float32)
    t = np.ascontiguousarray(triangles, np.int32)
    out = np.empty_like(v)
    library().vertex_normals(_f(v), len(v), _i(t), len(t), _f(out))
    return out


def skin(vertices: ArrayLike, index: ArrayLike, weight: ArrayLike, bones: ArrayLike) -> F32:
    """Linear blend skinning: vertices (N,3), index/weight (N,4), bones (B,3,4) -> (N,3)."""
    v = np.ascontiguousarray(vertices, np.float32)
    k = np.ascontiguousarray(index, np.int32)
    w = np.ascontiguousarray(weight, np.float32)
    b = np.ascontiguousarray(bones, np.float32)
    out = np.empty_like(v)
    library().skin(_f(v), len(v), _i(k), _f(w), _f(b), _f(out))
    return out


def forward(parent: I32, absolute: U8, turn: F64, joint: F64, root: F64) -> tuple[F64, F64]:
    """World rotations (B,3,3) and joints (B,3) of a skeleton; see raster.cpp."""
    arrays = [np.ascontiguousarray(a, np.float64) for a in (turn, joint, root)]
    rot, pos = np.empty((len(parent), 3, 3)), np.empty((len(parent), 3))
    library().forward(
        len(parent), _i(parent), _u(absolute), *(_pointer(a, np.float64) for a in arrays),
        _pointer(rot, np.float64), _pointer(pos, np.float64),
    )  # fmt: skip
    return rot, pos


def smooth(
    points: F32, table: I32, count: I32, free: F32, times: int, steps: tuple[float, float]
) -> F32:
    """Taubin smoothing of points (N,3) with neighbours table (N,K), count (N,), freedom (N,)."""
    out = np.array(points, np.float32, order="C")
    library().smooth(
        _f(out), len(out), _i(table), _i(count), table.shape[1], _f(free), times,
        ctypes.c_float(steps[0]), ctypes.c_float(steps[1]),
    )  # fmt: skip
    return out


def occlusion(
    vertices: ArrayLike, triangles: ArrayLike, *, directions: int = 200, side: int = 400
) -> F32:
    """Ambient occlusion a vertex: 0 shut in .. 1 open, seen from `directions` all round."""
    v = np.ascontiguousarray(vertices, np.float32)
    t = np.ascontiguousarray(triangles, np.int32)
    n = vertex_normals(v, t)
    used = v[np.unique(t)]
    centre = ((used.min(0) + used.max(0)) / 2).astype(np.float32)
    radius = float(np.linalg.norm(used - centre, axis=1).max()) * 1.02
    out = np.empty(len(v), np.float32)
    library().occlusion(
        _f(v), _f(n), len(v), _i(t), len(t), _f(centre), ctypes.c_float(radius), directions, side,
        _f(out),
    )  # fmt: skip
    return out


def rasterise(
    buffers: Buffers,
    constants: F32,
    size: tuple[int, int],
    view: NDArray[np.float64],
    led: NDArray[np.float64] | None,
    sun: NDArray[np.float64] | None,
    background: F32,
    shadow: int = 384,
) -> tuple[F32, F32, U8]:
    """Draw one picture of `size` (w, h) -> colour (h,w,4), key, tags (h,w); see raster.cpp."""
    w, h = size
    colour, key = np.empty((h, w, 4), np.float32), np.empty((h, w), np.float32)
    tags = np.empty((h, w), np.uint8)
    maps = [None if m is None else np.ascontiguousarray(m, np.float32) for m in (view, led, sun)]
    ground = np.ascontiguousarray(np.broadcast_to(background, (h, w)), np.float32)
    b = buffers
    library().render(
        _f(b.vertices), len(b.vertices), _i(b.triangles), len(b.triangles), b.opaque,
        _u(b.materials), _u(b.tags), _f(constants), w, h,
        *(None if m is None else _f(m) for m in maps), shadow, _f(ground), _f(colour), _f(key),
        _u(tags),
    )  # fmt: skip
    return colour, key, tags


@cache
def library() -> ctypes.CDLL:
    """The compiled library, built if this version of it is not in the cache."""
    struct = "".join(
        f"  float {name};\n" if size == 1 else f"  float {name}[{size}];\n"
        for name, size in UNIFORMS.items()
    )
    header = f"#pragma once\nstruct Uniforms {{\n{struct}}};\n"
    digest = hashlib.sha256(header.encode())
    for path in sorted(SOURCES.iterdir()):
        digest.update(path.read_bytes())
    digest.update(" ".join((*FLAGS, platform.machine(), _processor())).encode())
    target = cache_dir() / f"raster-{digest.hexdigest()[:16]}.so"
    if not target.exists():
        _compile(header, target)
    _keep_memory()
    return ctypes.CDLL(str(target))


def _keep_memory() -> None:
    """Pictures' buffers come and go: have the C library keep their pages (a tenth of the time)."""
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is not None:  # glibc: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
        tune(-3, 1 << 30)
        tune(-1, 1 << 30)


def _compile(header: str, target: Path) -> None:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise RuntimeError("the renderer needs a C++ compiler: install g++ (Debian package g++)")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        (Path(folder) / "uniforms.hpp").write_text(header)
        out = Path(folder) / "raster.so"
        command = [compiler, *FLAGS, f"-I{folder}", str(SOURCES / "raster.cpp"), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the renderer did not compile:\n{done.stderr[-4000:]}")
        out.replace(target)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x for x in lines if x.startswith("flags")), platform.processor())


def _f(a: F32) -> ctypes.c_void_p:
    return _pointer(a, np.float32)


def _i(a: I32) -> ctypes.c_void_p:
    return _pointer(a, np.int32)


def _u(a: U8) -> ctypes.c_void_p:
    return _pointer(a, np.uint8)


def _pointer(a: NDArray[np.generic], kind: type[np.generic]) -> ctypes.c_void_p:
    if a.dtype != kind or not a.flags.c_contiguous:
        raise TypeError(f"the rasteriser needs contiguous {kind.__name__}, got {a.dtype}")
    return ctypes.c_void_p(a.ctypes.data)
