"""What the head and the mouth tell of sleepiness: nods and yawns."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.config import MS, DrowsinessConfig
from dms.fusion.filters import OFF, Shape, Trigger, push_rare

SMOOTH_NS = 100_000_000
"""Time constant of the pitch; a nod takes several times as long."""


@dataclass(frozen=True, slots=True)
class Nodding:
    """A head that may be falling. Vehicle frame [rad]."""

    t_ns: int
    pitch: float
    top: float
    """Highest since `begun_ns`, or where the fall began."""
    before: float
    """Highest in the stretch before that."""
    begun_ns: int
    """When the stretch, or the fall, began."""
    low: float | None = None
    """Lowest of a fall with closed eyes; None: the head has not fallen."""


def _steady(pitch: float, t_ns: int) -> Nodding:
    return Nodding(t_ns, pitch, pitch, pitch, t_ns)


def nod(
    memory: Nodding | None, pitch: float, closed_ns: int, t_ns: int, config: DrowsinessConfig
) -> tuple[Nodding, bool]:
    """One more frame with the head's pitch and how long the eyes are closed; is it a nod, caught
    just now? Frames from the middle of the fall may be missing."""
    if memory is None or t_ns - memory.t_ns > config.nod_catch_ms * MS:
        return _steady(pitch, t_ns), False
    pitch = memory.pitch + (pitch - memory.pitch) * -math.expm1(-(t_ns - memory.t_ns) / SMOOTH_NS)
    if memory.low is None:
        return _upright(memory, pitch, closed_ns, t_ns, config), False
    if t_ns - memory.begun_ns > config.nod_catch_ms * MS:
        return _steady(pitch, t_ns), False
    low = min(memory.low, pitch)
    if pitch >= low + 0.5 * (memory.top - low):
        return _steady(pitch, t_ns), True
    return Nodding(t_ns, pitch, memory.top, memory.before, memory.begun_ns, low), False


def _upright(
    memory: Nodding, pitch: float, closed_ns: int, t_ns: int, config: DrowsinessConfig
) -> Nodding:
    top, before, begun = max(memory.top, pitch), memory.before, memory.begun_ns
    if closed_ns >= config.nod_closed_ms * MS:
        highest = max(top, before)
        if highest - pitch >= math.radians(config.nod_deg):
            return Nodding(t_ns, pitch, highest, highest, t_ns, pitch)
    if t_ns - begun > config.nod_fall_ms * MS:
        return Nodding(t_ns, pitch, pitch, top, t_ns)
    return Nodding(t_ns, pitch, top, before, begun)


@dataclass(frozen=True, slots=True)
class Yawning:
    """A mouth that may be yawning."""

    wide: Trigger = OFF
    open_ns: int = 0
    """How long the mouth has been wide open."""


SHUT = Yawning()
"""Nothing seen yet."""


def yawn(
    memory: Yawning, mouth_open: float, t_ns: int, shape: Shape, config: DrowsinessConfig
) -> tuple[Yawning, bool]:
    """One more frame; is it a yawn that just ended?"""
    wide = push_rare(memory.wide, float(mouth_open >= config.yawn_mouth_open), t_ns, shape)
    if wide.on:
        return Yawning(wide, wide.duration_ns), False
    if not memory.open_ns:
        return memory if wide is memory.wide else Yawning(wide), False
    long = config.yawn_min_ms * MS <= memory.open_ns <= config.yawn_max_ms * MS
    return Yawning(wide), long
