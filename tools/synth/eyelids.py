"""Kinds of eyes: hooded, epicanthic, deep-set, puffy and baggy ones, as moves of the head's skin.

Lengths cm in the head model's frame; the lids' margins themselves stay, so that aperture and its
labels mean the same for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.synth.mesh import F32

# landmarks along the lids' margins, inner to outer corner: right upper, right lower, left both
MARGINS = ((39, 38, 37, 36), (39, 40, 41, 36), (42, 43, 44, 45), (42, 47, 46, 45))
_NEAR_CM = 3.2  # skin further from the eye than this stays as it is


@dataclass(frozen=True, slots=True)
class EyeBuild:
    """0 = as the identity has it; each about -1..1 or 0..1."""

    hood: float = 0.0  # 0..1: the fold over the upper lid hangs towards its margin
    outer_hood: float = 0.0  # 0..1: the same at the outer end only
    epicanthus: float = 0.0  # 0..1: a fold over the inner corner
    depth: float = 0.0  # > 0 hollow above the lid, < 0 puffy
    bag: float = 0.0  # 0..1: a bulge below the lower lid


PLAIN = EyeBuild()


def random_eyes(rng: np.random.Generator, age: float) -> EyeBuild:
    """A third plain; hoods and bags grow with age (0 young .. 1 old)."""
    hood = rng.random() < 0.3 + 0.25 * age
    fold = rng.random() < 0.28
    return EyeBuild(
        float(hood * rng.uniform(0.2, 1.0)),
        float((rng.random() < 0.15 + 0.4 * age) * rng.uniform(0.2, 1.0)),
        float(fold * rng.uniform(0.3, 1.0)),
        float(rng.normal(-0.5 if fold else 0.0, 0.55)),
        float((rng.random() < 0.2 + 0.6 * age) * rng.uniform(0.2, 1.0)),
    )


class Eyelids:
    """Where on the rest head the moves act; computed once."""

    def __init__(self, rest: F32, face: NDArray[np.intp], landmarks: NDArray[np.int64]) -> None:
        points = rest[landmarks].astype(float)
        self._sides = []
        for k, sign in enumerate((-1.0, 1.0)):
            upper, lower = (points[list(m), :2] for m in MARGINS[2 * k : 2 * k + 2])
            middle = points[36 + 6 * k : 42 + 6 * k].mean(0)
            near = face[np.linalg.norm(rest[face] - middle, axis=1) < _NEAR_CM]
            p = rest[near].astype(float)
            out = (p[:, 0] - middle[0]) * sign  # > 0 towards the temple
            above = p[:, 1] - _margin(upper, p[:, 0], sign)
            below = _margin(lower, p[:, 0], sign) - p[:, 1]
            self._sides.append((near, sign, out, above, below))

    def apply(self, vertices: F32, build: EyeBuild) -> None:
        """Move the skin round both eyes of a neutral head, in place."""
        for near, sign, out, above, below in self._sides:
            wide = _bump(out, 0.0, 1.9)
            move = np.zeros((len(near), 3))
            fold = _bump(above, 0.75, 0.62)
            hood = fold * (build.hood * wide + build.outer_hood * _bump(out, 1.4, 1.0))
            move[:, 1] -= 0.42 * hood
            move[:, 2] += 0.30 * hood
            corner = _bump(out, -1.25, 0.85) * _bump(above, 0.30, 0.42) * build.epicanthus
            move[:, 1] -= 0.26 * corner
            move[:, 2] += 0.20 * corner
            move[:, 0] -= sign * 0.10 * corner
            move[:, 2] -= 0.34 * build.depth * wide * _bump(above, 1.15, 0.85)
            bag = build.bag * _bump(out, -0.1, 1.7)
            move[:, 2] += bag * (0.22 * _bump(below, 0.75, 0.5) - 0.12 * _bump(below, 1.4, 0.4))
            vertices[near] += move.astype(np.float32)


def _margin(line: NDArray[np.float64], x: NDArray[np.float64], sign: float) -> NDArray[np.float64]:
    """Height of a lid's margin at x."""
    return np.interp(x * sign, line[:, 0] * sign, line[:, 1])


def _bump(x: NDArray[np.float64], at: float, half: float) -> NDArray[np.float64]:
    """1 at `at`, 0 beyond `half`, smooth."""
    t = np.clip(np.abs(x - at) / half, 0, 1)
    return np.asarray((1 - t * t) ** 2)
