"""How the running monitor fares: rate, latency, drops, load and temperature for DMS_Telemetry."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path

from dms.moment import Telemetry

SECOND = 1_000_000_000
WINDOW_NS = 10 * SECOND
"""What LatencyP99 looks back on: some hundred frames, so that one in a hundred is among them."""
MAX_FRAMES = 2400
"""Of the window: 240 a second."""
THERMAL = Path("/sys/class/thermal")


class Meter:
    """Pure: times and totals are arguments, all of them only rise."""

    def __init__(self) -> None:
        self._frames: deque[tuple[int, int]] = deque(maxlen=MAX_FRAMES)
        """When each result was ready, and the time it took [ns]."""
        self._drift: float | None = None
        self._before: tuple[int, int, int] | None = None

    def add(self, done_ns: int, took_ns: int, drift: float | None = None) -> None:
        """One result, and the drift of its picture."""
        self._frames.append((done_ns, took_ns))
        self._drift = drift

    def due(self, now_ns: int) -> bool:
        """Whether the last measurement is a second ago."""
        return self._before is None or now_ns - self._before[0] >= SECOND

    def measure(
        self, now_ns: int, not_judged: int, cpu_ns: int, temperature_c: float | None
    ) -> Telemetry:
        """Of the time since the last measurement; nothing but the temperature at the first."""
        before, self._before = self._before, (now_ns, not_judged, cpu_ns)
        if before is None:
            return Telemetry(temperature_c=temperature_c)
        past_ns = max(now_ns - before[0], 1)
        recent = [took for done, took in self._frames if done > now_ns - past_ns]
        window = [took for done, took in self._frames if done > now_ns - WINDOW_NS]
        return Telemetry(
            frame_rate_hz=len(recent) * SECOND / past_ns,
            latency_p50_ms=quantile_ms(recent, 0.5),
            latency_p99_ms=quantile_ms(window, 0.99),
            dropped=not_judged - before[1],
            cpu_pct=100 * (cpu_ns - before[2]) / past_ns,
            temperature_c=temperature_c,
            drift=self._drift if recent else None,
        )


def quantile_ms(took_ns: list[int], share: float) -> float | None:
    """The time that `share` of all do not exceed; None: there are none."""
    if not took_ns:
        return None
    ordered = sorted(took_ns)
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1] / 1e6


def hottest_degc() -> float | None:
    """The highest of the kernel's thermal zones; None when it tells none."""
    found = []
    for zone in THERMAL.glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)
