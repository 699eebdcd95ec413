"""One figure of the evaluation: what, on what, how much, and what is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """`limit` None: shown only. `most`: the value must not exceed it (else not fall below)."""

    net: str
    name: str
    data: str
    value: float
    count: int
    limit: float | None = None
    most: bool = False

    @property
    def passed(self) -> bool | None:
        if self.limit is None:
            return None
        return bool(self.value <= self.limit if self.most else self.value >= self.limit)

    @property
    def asked(self) -> str:
        sign = "<=" if self.most else ">="
        return "" if self.limit is None else f"{sign} {self.limit:g}"

    @property
    def verdict(self) -> str:
        return {None: "", True: "pass", False: "FAIL"}[self.passed]

    def line(self) -> str:
        cells = (self.name, self.data, f"{self.value:.4g}", self.asked, self.count, self.verdict)
        return f"| {' | '.join(map(str, cells))} |"


HEADER = "| figure | on | value | asked | n | |\n|---|---|---|---|---|---|"


def auc(positive: Array, negative: Array) -> float:
    """Share of pairs where the positive scores higher (ties half)."""
    if len(positive) == 0 or len(negative) == 0:
        return float("nan")
    low = np.sort(negative)
    below = np.searchsorted(low, positive, side="left")
    upto = np.searchsorted(low, positive, side="right")
    return float((below + upto).mean() / 2 / len(negative))


def macro_f1(truth: Array, guess: Array, classes: int) -> float:
    """Mean F1 over the classes that occur."""
    scores = []
    for c in range(classes):
        hit = int(((truth == c) & (guess == c)).sum())
        if (truth == c).any():
            scores.append(2 * hit / max(int((truth == c).sum() + (guess == c).sum()), 1))
    return float(np.mean(scores)) if scores else float("nan")


def iou(a: Array, b: Array) -> float:
    """Of two (x, y, w, h) boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return float(both / (a[2] * a[3] + b[2] * b[3] - both))
