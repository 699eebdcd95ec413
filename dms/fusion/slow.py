"""The lids from frame to frame, and the slow story they tell with head and mouth."""

from __future__ import annotations

import math

from dms.config import MS, Config, FusionConfig
from dms.fusion.blinks import IDLE, Blink, segment
from dms.fusion.calibration import Calibration
from dms.fusion.eyes import Lids
from dms.fusion.filters import EVEN, NO_MEAN, Mean, Trigger, push, push_rare, stale
from dms.fusion.head import nod, yawn
from dms.fusion.memory import FaceMemory, FusionState, LidMemory, SlowMemory
from dms.fusion.rings import EMPTY, Tally
from dms.fusion.sleepiness import happened, second
from dms.fusion.tuning import Tuning
from dms.types import Face


def watch(
    state: FusionState,
    face: Face | None,
    lid: Lids | None,
    seen: FaceMemory,
    t: int,
    first: int,
    sound: bool,
    driving: bool,
    config: Config,
) -> tuple[LidMemory, SlowMemory]:
    """One more frame: of the lids if an eye is visible, of head and mouth if the face is.

    sound: the image could show a face.
    """
    before, slow = state.lids, state.slow
    eyes, blink = _lids(state, face, lid, seen, t, first, sound, config)
    story, nodding, yawning = slow.story, slow.nodding, slow.yawning
    nodded = yawned = False
    if face is not None:
        closed_ns = eyes.closed_ns if eyes.closed.t_ns == t else 0
        nodding, nodded = nod(nodding, seen.head[1], closed_ns, t, config.drowsiness)
        yawning, yawned = yawn(yawning, face.mouth_open, t, state.tuning.mouth, config.drowsiness)
    long = _long_closure(before, eyes, config.drowsiness.long_closure_ms * MS)
    if blink is not None or long or nodded or yawned:
        what = _tally(blink, long, yawned, nodded)
        last = None if blink is None else blink.duration_ns
        story = happened(story, t - first, what, last)
    if eyes.minute.second != before.minute.second:
        was = before.minute
        story = second(story, t - first, was.now_seen, was.now_closed, driving, config.drowsiness)
    return eyes, SlowMemory(
        story, nodding, yawning, slow.watch, slow.lost, slow.seat, slow.seat_left, slow.seat_right
    )


def _lids(
    state: FusionState,
    face: Face | None,
    lid: Lids | None,
    seen: FaceMemory,
    t: int,
    first: int,
    sound: bool,
    config: Config,
) -> tuple[LidMemory, Blink | None]:
    f, memory, tuning = config.fusion, state.lids, state.tuning
    minute = memory.minute.at(t - first)
    opened = memory.opened
    proven = state.calibration.open_progress(f) >= 1 or opened.duration_ns >= f.open_proof_ms * MS
    if lid is not None and not proven:
        opened = push(opened, 1.0 - lid.closed, t, tuning.opened)
        lid = lid if lid.closed < EVEN else None
    missing = _missing(memory.missing, face, lid, state.calibration, t, tuning, f)
    if lid is None:
        presumed = sound and _fallen_asleep(memory, seen, t, tuning.hold_ns, f)
        closed, belief = memory.closed, (memory.mean, memory.doubted_ns, memory.closed_ns)
        if presumed:
            closed = push(closed, 1.0, t, tuning.closed)
            belief = _believed(memory, closed, 1.0, config)
        kept = LidMemory(
            closed, memory.open, memory.seen_ns, missing, minute, IDLE, presumed,
            memory.left, memory.right, opened, *belief,
        )  # fmt: skip
        return kept, None
    closed = push(memory.closed, lid.closed, t, tuning.closed)
    belief = _believed(memory, closed, lid.closed, config)
    gap = 0 if memory.seen_ns is None else t - memory.seen_ns
    if 0 < gap <= tuning.closed.bridge_ns and not missing.on:
        minute = minute.add(t - first, gap, gap if closed.on and belief[1] != t else 0)
    blink, cut = None, IDLE
    if not missing.on and -seen.head[1] <= math.radians(config.drowsiness.lookdown_max_deg):
        cut, blink = segment(memory.blink, lid.expected, t, config.drowsiness)
    eyes = LidMemory(
        closed, lid.open, t, missing, minute, cut, False, lid.of_left, lid.of_right, opened,
        *belief,
    )  # fmt: skip
    return eyes, blink


def _believed(
    memory: LidMemory, closed: Trigger, value: float, config: Config
) -> tuple[Mean, int | None, int]:
    """The mean evidence of the closure that `value` was just pushed to; when that was last too
    little; how long the eyes are believed closed, which is little more than the time since then."""
    t, before, last = closed.t_ns, memory.closed.t_ns, closed.last_ns
    if closed.since_ns is None or last is None or t is None or before is None:
        return NO_MEAN, None, 0
    f, tau = config.fusion, config.fusion.closed_mean_ms * MS
    mean, doubted = memory.mean.after(value, t - before, tau), memory.doubted_ns
    lasts = closed.duration_ns
    if lasts >= config.drowsiness.long_closure_ms * MS and mean.value < f.closed_mean_min:
        return mean, t, 0
    if doubted is not None:
        lasts = min(lasts, last - doubted + tau // 2)
    return mean, doubted, max(lasts, 0)


def _missing(
    missing: Trigger,
    face: Face | None,
    lid: Lids | None,
    cal: Calibration,
    t: int,
    tuning: Tuning,
    f: FusionConfig,
) -> Trigger:
    """Eyes that show speak against; none, or lids that nobody could tell apart, speak for it where
    a face from the front should show them."""
    # of this driver's own openness, however narrow
    if lid is not None and lid.sigma * cal.unit(f) <= f.open_sigma_max * cal.baseline:
        return push_rare(missing, 0.0, t, tuning.sense)
    if face is None or abs(face.yaw_rad) > math.radians(f.eyes_missing_yaw_deg):
        return missing
    return push(missing, 1.0, t, tuning.sense)


def _fallen_asleep(
    memory: LidMemory, seen: FaceMemory, t: int, hold_ns: int, config: FusionConfig
) -> bool:
    """Were the eyes lost closed, for longer than a blink, with the head fallen, not long ago?"""
    return (
        memory.seen_ns is not None
        and t - memory.seen_ns <= config.lost_closed_ms * MS
        and memory.closed_ns >= config.lost_closed_min_ms * MS
        and not stale(memory.closed, t, hold_ns)
        and seen.head[1] <= -math.radians(config.lost_closed_drop_deg)
    )


def _long_closure(before: LidMemory, now: LidMemory, least_ns: int) -> bool:
    """Did a closure too long for a blink just end before our eyes?"""
    ended = before.closed.on and not now.closed.on and now.closed.level > 0.0
    return ended and before.closed_ns >= least_ns


def _tally(blink: Blink | None, long: bool, yawned: bool, nodded: bool) -> Tally:
    if blink is None:
        return Tally(long_closures=int(long), yawns=int(yawned), nods=int(nodded))
    return EMPTY._replace(
        blinks=1,
        blink_ns=blink.duration_ns,
        closing=blink.closing,
        opening=blink.opening,
        long_closures=int(long),
        yawns=int(yawned),
        nods=int(nodded),
    )
