"""Which part of the car the gaze falls on: a probability a zone, from polygons and a sigma.

The polygons are drawn once into a grid of cells; a direction's probabilities are the zones of 19
points that stand for equal shares of its normal distribution. Whether the driver looks at the road
is not decided here: what is away is shared out among the other zones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dms.config import FusionConfig, ZoneConfig
from dms.config.zones import Polygon, polygons
from dms.fusion.attention import Angles
from dms.types import GazeZone, SeatSide

CELL_DEG = 2.0
"""Far below the sigma of any gaze."""
_CELLS_PER_RAD = math.degrees(1.0) / CELL_DEG
_HALF = 180 // 2
"""Cells from the middle to an end: the grid spans +-180 deg, so that no point falls outside."""
_SIZE = 2 * _HALF
_FARTHEST_RAD = math.radians(120.0)
"""No direction of a face that is seen lies further off; the points reach 1.6 sigma beyond."""
SIGMA_MAX_RAD = math.radians(25.0)
_OTHER, _ROAD = int(GazeZone.OTHER), int(GazeZone.ROAD)
_NAMED = (
    ("mirror_rear", GazeZone.MIRROR_REAR),
    ("mirror_driver", GazeZone.MIRROR_DRIVER),
    ("mirror_passenger", GazeZone.MIRROR_PASSENGER),
    ("cluster", GazeZone.CLUSTER),
    ("dash", GazeZone.DASH),
    ("centre_stack", GazeZone.CENTRE_STACK),
    ("glovebox", GazeZone.GLOVEBOX),
    ("footwell", GazeZone.FOOTWELL),
    ("lap", GazeZone.LAP),
    ("window_driver", GazeZone.WINDOW_DRIVER),
    ("window_passenger", GazeZone.WINDOW_PASSENGER),
    ("passenger", GazeZone.PASSENGER),
)
"""First wins where they overlap."""


def _points() -> tuple[tuple[float, float], ...]:
    """19 points of equal probability: a middle, rings of 6 and of 12 at their median radius."""
    found = [(0.0, 0.0)]
    for first, count in ((1, 6), (7, 12)):
        share = (first + count / 2) / 19
        radius = math.sqrt(-2 * math.log(1 - share))
        turns = [2 * math.pi * (i + 0.5 * (count == 12)) / count for i in range(count)]
        found += [(radius * math.cos(a), radius * math.sin(a)) for a in turns]
    return tuple(found)


POINTS = _points()


@dataclass(frozen=True, slots=True)
class ZoneMap:
    """The zones as cells: row after row from below, columns from the driver's side outwards."""

    cells: bytes


def draw(zones: ZoneConfig, config: FusionConfig) -> ZoneMap:
    """The map; ROAD is the ellipse of a fully trusted gaze, under all else."""
    cells = bytearray([_OTHER]) * (_SIZE * _SIZE)
    side, up, down = (
        config.gaze_yaw_limit_deg,
        config.gaze_pitch_up_deg,
        config.gaze_pitch_down_deg,
    )
    around = [math.radians(turn) for turn in range(0, 360, 10)]
    road = [(side * math.cos(a), (up if a < math.pi else down) * math.sin(a)) for a in around]
    _fill(cells, tuple(road), _ROAD)
    for name, zone in reversed(_NAMED):
        for polygon in polygons(getattr(zones, name)):
            _fill(cells, polygon, int(zone))
    return ZoneMap(bytes(cells))


def _fill(cells: bytearray, polygon: Polygon, zone: int) -> None:
    """All cells whose middle lies inside, row by row (even-odd rule)."""
    heights = [corner[1] / CELL_DEG + _HALF for corner in polygon]
    for row in range(max(0, int(min(heights))), min(_SIZE, int(max(heights)) + 1)):
        y = (row + 0.5 - _HALF) * CELL_DEG
        crossings = sorted(_crossings(polygon, y))
        for left, right in zip(crossings[::2], crossings[1::2], strict=True):
            first = max(0, math.ceil(left / CELL_DEG - 0.5) + _HALF)
            last = min(_SIZE - 1, math.floor(right / CELL_DEG - 0.5) + _HALF)
            for column in range(first, last + 1):
                cells[row * _SIZE + column] = zone


def _crossings(polygon: Polygon, y: float) -> Iterator[float]:
    x0, y0 = polygon[-1]
    for x1, y1 in polygon:
        if (y0 <= y) != (y1 <= y):
            yield x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        x0, y0 = x1, y1


def shares(map_: ZoneMap, direction: Angles, sigma_rad: float, seat: SeatSide) -> list[int]:
    """How many of the points fall on each zone, by GazeZone. An unknown seat counts both ways.

    direction: vehicle frame [rad]; sigma_rad: of one axis.
    """
    counts = [0] * len(GazeZone)
    if seat != SeatSide.RIGHT:
        _count(counts, map_.cells, -direction[0], direction[1], sigma_rad)
    if seat != SeatSide.LEFT:
        _count(counts, map_.cells, direction[0], direction[1], sigma_rad)
    return counts


def _count(counts: list[int], cells: bytes, side: float, up: float, sigma: float) -> None:
    s = min(sigma, SIGMA_MAX_RAD) * _CELLS_PER_RAD
    x = min(_FARTHEST_RAD, max(-_FARTHEST_RAD, side)) * _CELLS_PER_RAD + _HALF
    y = up * _CELLS_PER_RAD + _HALF
    for dx, dy in POINTS:
        counts[cells[int(y + s * dy) * _SIZE + int(x + s * dx)]] += 1


def probabilities(counts: list[int], road: float) -> tuple[float, ...]:
    """One a GazeZone, sum 1: `road` for the road, the rest shared by the points off it."""
    off = sum(counts) - counts[_ROAD]
    if off == 0:
        found = [0.0] * len(counts)
        found[_OTHER] = 1.0 - road
    else:
        scale = (1.0 - road) / off
        found = [n * scale for n in counts]
    found[_ROAD] = road
    return tuple(found)
