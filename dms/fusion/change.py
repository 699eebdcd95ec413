"""Is it still the driver, and the camera, that were learned?

Three ways to notice another driver: the face was gone while the vehicle's signals say that the
driver could leave; it was gone for long at standstill, and what is seen next differs; what is
learned jumps by itself. A slow drift (a driver who sinks into the seat) draws the neutral pose
along. Nothing here is learned from a stretch that is scattered, far off or turned down: that is a
look away, however long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dms.config import MS, FusionConfig
from dms.fusion.attention import Angles
from dms.fusion.calibration import (
    ANGLES,
    OPENNESS,
    SAMPLE_MS,
    Calibration,
    Pair,
    add_pair,
    gathered,
    middle,
)
from dms.fusion.filters import Histogram
from dms.types import Ignition, VehicleState

STANDSTILL_MPS = 1.0
"""Below: at standstill, to the speed signal's noise."""
AGREE_RAD = math.radians(5.0)
"""Two stretches' middles this close agree: a little more than the error of a median."""
DRIFT_GAIN = 0.25
"""Of a drift, each stretch."""
_OFF = (Ignition.OFF, Ignition.ACCESSORY)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered to notice a change."""

    could_leave_ns: int | None = None
    """When the signals last said that the driver could leave."""
    off: bool = False
    """The ignition was off."""
    still: bool = False
    """At standstill, by the last known speed."""
    unsure: bool = False
    """Perhaps another driver: the next stretch decides."""
    hists: Pair = (ANGLES, ANGLES)
    open_hist: Histogram = OPENNESS
    samples: int = 0
    pending: Angles | None = None
    """Where the stretch before jumped to."""
    jumped: bool = False
    """What was learned has jumped: another driver."""
    misaligned: bool = False
    """Two stretches agree on a direction too far off for a driver who looks ahead."""
    learned: Angles | None = None
    """The neutral pose as first learned, from which drift is counted."""


NEW = Watch()
"""Nothing seen yet."""


def listen(watch: Watch, vehicle: VehicleState | None, t_ns: int) -> Watch:
    """What the vehicle says at t_ns."""
    if vehicle is None:
        return watch
    speed = vehicle.speed_mps
    still = watch.still if speed is None else speed < STANDSTILL_MPS
    off = watch.off or vehicle.ignition in _OFF
    leaves = (still or speed is None) and (
        vehicle.door_open is True
        or vehicle.seat_occupied is False
        or (still and vehicle.belt_fastened is False)
        or vehicle.ignition in _OFF
    )
    if not leaves and still == watch.still and off == watch.off:
        return watch
    since = t_ns if leaves else watch.could_leave_ns
    return replace(watch, could_leave_ns=since, off=off, still=still)


def new_cycle(watch: Watch, vehicle: VehicleState | None) -> bool:
    """The ignition was off and is on again: nothing is kept."""
    return watch.off and vehicle is not None and vehicle.ignition == Ignition.ON


def returned(watch: Watch, absent_ns: int, t_ns: int, config: FusionConfig) -> tuple[Watch, bool]:
    """A face is back after absent_ns; is it surely another driver's?"""
    heard = watch.could_leave_ns
    lately = heard is not None and t_ns - heard <= absent_ns + config.change_memory_ms * MS
    if lately and absent_ns >= config.change_absent_ms * MS:
        return watch, True
    if absent_ns >= config.change_unsure_ms * MS and watch.still:
        fresh = replace(NEW, off=watch.off, still=watch.still, learned=watch.learned)
        return replace(fresh, could_leave_ns=heard, unsure=True), False
    return watch, False


def sample(
    watch: Watch,
    cal: Calibration,
    head: Angles,
    openness: float | None,
    config: FusionConfig,
) -> tuple[Watch, Calibration, bool]:
    """One sample of driving with open eyes after the learning is done, camera frame; is it another
    driver? `openness` is the network's."""
    n = watch.samples + 1
    hists = add_pair(watch.hists, head)
    opens = watch.open_hist
    if watch.unsure and openness is not None:
        opens = opens.add(openness)
    watch = replace(watch, hists=hists, open_hist=opens, samples=n)
    stretch = config.change_check_ms if watch.unsure else config.check_ms
    if n * SAMPLE_MS < stretch:
        return watch, cal, False
    done = replace(watch, hists=(ANGLES, ANGLES), open_hist=OPENNESS, samples=0, unsure=False)
    return _judge(done, watch, cal, config)


def _judge(
    done: Watch, stretch: Watch, cal: Calibration, config: FusionConfig
) -> tuple[Watch, Calibration, bool]:
    """done: the watch with the next stretch begun."""
    now = middle(stretch.hists)
    if not gathered(stretch.hists, now, config):
        return replace(done, pending=None), cal, False
    side, up = now[0] - cal.head[0], now[1] - cal.head[1]
    far = max(abs(side), abs(up))
    if far <= math.radians(config.drift_deg):
        if stretch.unsure and _other_eyes(stretch.open_hist, cal, config):
            return done, cal, True
        return _drift(done, cal, (side, up), config)
    if far < math.radians(config.jump_deg) or up <= -math.radians(config.jump_deg):
        return replace(done, pending=None, misaligned=False), cal, False
    return _jumped(done, stretch, cal, now, far, config)


def _jumped(
    done: Watch, stretch: Watch, cal: Calibration, now: Angles, far: float, config: FusionConfig
) -> tuple[Watch, Calibration, bool]:
    before = stretch.pending
    agree = before is not None and math.dist(before, now) <= AGREE_RAD
    if far > math.radians(config.jump_max_deg):
        return replace(done, pending=now, misaligned=agree), cal, False
    if agree or stretch.unsure:
        return done, cal, True
    return replace(done, pending=now), cal, False


def _drift(
    done: Watch, cal: Calibration, off: Angles, config: FusionConfig
) -> tuple[Watch, Calibration, bool]:
    learned = cal.head if done.learned is None else done.learned
    most = math.radians(config.drift_deg)
    head = tuple(
        min(first + most, max(first - most, now + DRIFT_GAIN * by))
        for first, now, by in zip(learned, cal.head, off, strict=True)
    )
    done = replace(done, learned=learned, pending=None, misaligned=False)
    return done, replace(cal, head=(head[0], head[1])), False


def _other_eyes(opens: Histogram, cal: Calibration, config: FusionConfig) -> bool:
    """Do the eyes differ from the learned openness by too much for one person?"""
    if opens.total() * SAMPLE_MS < config.change_check_ms // 2:
        return False
    return abs(opens.median() / cal.baseline - 1.0) >= config.change_open_share
