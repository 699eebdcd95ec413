"""Blinks out of the lids' openness: when, how long, how fast. Pure; stamps in, events out."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config import MS, DrowsinessConfig

S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Blink:
    """One that is over. Speeds in this driver's openness per second."""

    duration_ns: int
    """From half-closed to half-open, interpolated between frames."""
    closing: float
    opening: float


@dataclass(frozen=True, slots=True)
class Segmenter:
    """What must be remembered to cut blinks out of frames."""

    t_ns: int | None = None
    open: float = 1.0
    slope: float = 0.0
    """Of the last two frames [1/s]."""
    down_ns: int | None = None
    """When the lids fell below half; None: they are above."""
    closing: float = 0.0
    opening: float = 0.0
    lowest: float = 1.0


IDLE = Segmenter()
"""Nothing seen yet."""


def segment(
    memory: Segmenter, openness: float, t_ns: int, config: DrowsinessConfig
) -> tuple[Segmenter, Blink | None]:
    """One more frame with the eyes seen; the blink that it ends, if any.

    Frames further apart than `blink_gap_ms` show no blinks: what went on is forgotten.
    """
    before = memory.t_ns
    if before is None or not 0 < t_ns - before <= config.blink_gap_ms * MS:
        return Segmenter(t_ns, openness), None
    half, dt = config.blink_half, t_ns - before
    slope = (openness - memory.open) * S / dt
    if memory.down_ns is None:
        if openness >= half or memory.open < half:  # a start below half is not a fall
            return Segmenter(t_ns, openness, slope), None
        down = t_ns - round(dt * (half - openness) / (memory.open - openness))
        closing = -min(slope, memory.slope)
        return Segmenter(t_ns, openness, slope, down, closing, 0.0, openness), None
    closing = max(memory.closing, -slope)
    opening = max(memory.opening, slope)
    lowest = min(memory.lowest, openness)
    if openness < half:
        return Segmenter(t_ns, openness, slope, memory.down_ns, closing, opening, lowest), None
    up = t_ns - round(dt * (openness - half) / (openness - memory.open))
    blink = Blink(up - memory.down_ns, closing, opening)
    return Segmenter(t_ns, openness, slope), blink if _is_one(blink, lowest, config) else None


def _is_one(blink: Blink, lowest: float, config: DrowsinessConfig) -> bool:
    shortest, longest = config.blink_min_ms * MS, config.long_closure_ms * MS
    return lowest <= config.blink_floor and shortest <= blink.duration_ns < longest
