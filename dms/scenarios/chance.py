"""Confidence intervals of counts and shares: exact, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable

CONFIDENCE = 0.95


def poisson_cdf(k: int, mean: float) -> float:
    """P(X <= k) for a Poisson of this mean."""
    if mean <= 0:
        return 1.0
    return min(1.0, math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1))
                              for i in range(k + 1)))  # fmt: skip


def poisson_interval(k: int) -> tuple[float, float]:
    """Exact two-sided 95 % interval of the mean behind a count (Garwood 1936)."""
    half = (1 - CONFIDENCE) / 2
    low = 0.0 if k == 0 else _solve(lambda m: 1 - poisson_cdf(k - 1, m) - half, 0.0, k + 1.0)
    high = _solve(lambda m: half - poisson_cdf(k, m), float(k), 3.0 * k + 20.0)
    return low, high


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) of n tries with chance p."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return float(k >= n)
    terms = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
        + i * math.log(p) + (n - i) * math.log1p(-p)
        for i in range(k + 1)
    )  # fmt: skip
    return min(1.0, math.fsum(math.exp(t) for t in terms))


def share_interval(k: int, n: int) -> tuple[float, float]:
    """Exact two-sided 95 % interval of a share (Clopper and Pearson 1934); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    half = (1 - CONFIDENCE) / 2
    low = 0.0 if k == 0 else _solve(lambda p: 1 - binomial_cdf(k - 1, n, p) - half, 0.0, 1.0)
    high = 1.0 if k == n else _solve(lambda p: half - binomial_cdf(k, n, p), 0.0, 1.0)
    return low, high


def _solve(f: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses 0."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if f(middle) > 0 else (middle, high)
    return (low + high) / 2
