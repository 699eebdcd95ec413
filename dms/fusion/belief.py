"""From the memory of fusion to what is told: condition, availability, and the numbers."""

from __future__ import annotations

import math

from dms.config import MS, Config
from dms.fusion.filters import EVEN, Minute, stale
from dms.fusion.looks import Verdict
from dms.fusion.memory import FaceMemory, FusionState, LidMemory
from dms.fusion.senses import availability, in_sight
from dms.fusion.zones import probabilities
from dms.types import (
    ACTIONS,
    DRIVING_ZONES,
    Availability,
    Condition,
    DriverState,
    GazeSource,
    GazeZone,
    Reason,
    Sense,
)

ZONES = tuple(GazeZone)
TASK_ZONES = tuple(int(zone) for zone in DRIVING_ZONES if zone != GazeZone.ROAD)
"""What driving needs, off the road."""
_ROAD = int(GazeZone.ROAD)
HEAD_ALONE = 0.6
"""What is left of the confidence in an attentive driver whose eyes are not seen; our choice."""


def unavailable(
    t_ns: int, availability: Availability, reason: Reason, speed_mps: float | None = None
) -> DriverState:
    """Nothing is believed: before the first frame, in a stall, at the end, in a fault."""
    return DriverState(
        t_ns=t_ns,
        condition=Condition.UNKNOWN,
        confidence=0.0,
        availability=availability,
        reason=reason,
        calibration_pct=0,
        head_yaw_rad=None,
        head_pitch_rad=None,
        gaze_yaw_rad=None,
        gaze_pitch_rad=None,
        eyes_on_road=None,
        eyes_off_road_ns=0,
        eye_open=None,
        eyes_closed_ns=0,
        perclos_pct=None,
        action=None,
        action_confidence=0.0,
        phone_ns=0,
        speed_mps=speed_mps,
    )


def judge(face: FaceMemory, lids: LidMemory, t: int, hold_ns: int) -> Verdict:
    """What the frame at t shows of eyes and road."""
    closed_ns = lids.closed_ns if lids_known(face, lids, t, hold_ns) else 0
    known = face.away.decided and not stale(face.away, t, hold_ns)
    known = known and (face.lost_away or in_sight(face, t, hold_ns))
    shut = closed_ns > hold_ns or _closed_throughout(lids, t, hold_ns)
    on_road = not face.away.on if known and not shut else None
    unseen = face.seen_ns != t or lids.presumed
    presumed = unseen and (on_road is not None or closed_ns > 0)
    return Verdict(on_road, closed_ns, presumed, face.ahead_ns)


def lids_known(face: FaceMemory, lids: LidMemory, t: int, hold_ns: int) -> bool:
    """The lids are seen, or were just now, or are presumed closed."""
    known = lids.closed.decided and not stale(lids.closed, t, hold_ns)
    return known and (lids.presumed or in_sight(face, t, hold_ns))


def _closed_throughout(lids: LidMemory, t: int, hold_ns: int) -> bool:
    """Since a gap they were not seen open: no blink, for all that is known."""
    closed = lids.closed
    if closed.cleared or not (closed.on or closed.before[1] >= EVEN):
        return False
    return not stale(closed, t, hold_ns)


def task_share(counts: list[int]) -> float:
    """Of what is off the road, the share of mirrors and cluster."""
    off = sum(counts) - counts[_ROAD]
    return sum([counts[zone] for zone in TASK_ZONES]) / off if off else 0.0


def calibrated(state: FusionState, config: Config) -> float:
    """How far the driver is learned, 0-1: straight ahead, and open eyes if they show."""
    cal = state.calibration
    pose = cal.progress(config.fusion)
    if not cal.open_samples:
        return pose
    lids = cal.open_progress(config.fusion)
    if lids >= pose or any(one.sense == Sense.EYES for one in state.slow.lost):
        return pose
    return lids


def believe(
    state: FusionState,
    verdict: Verdict,
    counts: list[int],
    speed_mps: float | None,
    health: Reason,
    config: Config,
) -> DriverState:
    """The driver state at the state's stamp."""
    t, hold, f = state.t_ns or 0, state.tuning.hold_ns, config.fusion
    face, lids, action, looks, slow = state.face, state.lids, state.action, state.looks, state.slow
    sight = in_sight(face, t, hold)
    on_road = verdict.on_road
    off_ns = looks.away.total_ns if on_road is False else 0
    acts = action.seen_ns is not None and t - action.seen_ns <= f.action_max_age_ms * MS
    sure = acts and action.probability >= f.action_min
    phone_ns = action.phone.duration_ns if acts else 0
    done = calibrated(state, config)
    available, reason = availability(state, t, done, health, f)
    condition, confidence = _condition(state, verdict, phone_ns, off_ns, t, config)
    gaze = face.gaze[0] if sight and face.gaze is not None else None
    zones = () if on_road is None else probabilities(counts, 1.0 - face.away.level)
    hands, hands_off_ns = _hands(state, acts, t)
    eyes = lids_known(face, lids, t, hold)
    return DriverState(
        t_ns=t,
        condition=condition,
        confidence=confidence,
        availability=available,
        reason=reason,
        calibration_pct=math.floor(done * 100),
        head_yaw_rad=face.head[0] if sight else None,
        head_pitch_rad=face.head[1] if sight else None,
        gaze_yaw_rad=None if gaze is None else gaze[0],
        gaze_pitch_rad=None if gaze is None else gaze[1],
        eyes_on_road=on_road,
        eyes_off_road_ns=off_ns,
        eye_open=lids.open if eyes else None,
        eyes_closed_ns=verdict.closed_ns,
        perclos_pct=_perclos(lids.minute, f.perclos_min_seen_ms * MS),
        action=ACTIONS[action.action] if sure else None,
        action_confidence=action.probability if acts else 0.0,
        phone_ns=phone_ns,
        speed_mps=speed_mps,
        zone=ZONES[zones.index(max(zones))] if zones else GazeZone.UNKNOWN,
        zone_probabilities=zones,
        gaze_source=_source(state, on_road),
        driving_task=_task(on_road, counts, config),
        eyes_on_road_ns=looks.on_ns,
        vats_away_ns=looks.vats.total,
        attention_pct=100.0 * looks.buffer_ns / (config.attention.buffer_ms * MS),
        area3_ns=looks.area3.total_ns if looks.area3.on and on_road is not None else 0,
        phone_away_ns=looks.phone.total,
        unresponsive_ns=looks.unresponsive_ns,
        hands_seen=acts,
        hands_on_wheel=hands,
        hands_off_ns=hands_off_ns,
        blinks=slow.story.blinks,
        drowsiness=slow.story.told,
        seat=slow.seat,
        lost=slow.lost,
        presumed=verdict.presumed,
        driver_changed=state.changed,
        head_roll_rad=face.roll_rad if sight else None,
        head_sigma_rad=face.sigma_rad if sight else None,
        gaze_sigma_rad=None if gaze is None or face.gaze is None else face.gaze[1],
        eye_open_left=lids.left if eyes else None,
        eye_open_right=lids.right if eyes else None,
        closed_probability=lids.closed.level * _faith(state, t, f.lost_closed_ms * MS)
        if eyes
        else None,
    )


def _perclos(minute: Minute, least_ns: int) -> float | None:
    if minute.total_seen < least_ns:
        return None
    return 100.0 * minute.total_closed / minute.total_seen


def _source(state: FusionState, on_road: bool | None) -> GazeSource:
    if on_road is None:
        return GazeSource.NONE
    return GazeSource.EYES if state.face.aim.weight > 0.0 else GazeSource.HEAD


def _task(on_road: bool | None, counts: list[int], config: Config) -> bool | None:
    if on_road is not False:
        return on_road
    return task_share(counts) >= config.attention.task_min


def _hands(state: FusionState, acts: bool, t: int) -> tuple[bool | None, int]:
    action = state.action
    if not acts:
        return None, 0
    if action.wheel.on:
        return True, 0
    since = action.off_since_ns
    return (None, 0) if since is None else (False, t - since)


def _condition(
    state: FusionState, verdict: Verdict, phone_ns: int, off_ns: int, t: int, config: Config
) -> tuple[Condition, float]:
    """The first that holds, with its confidence."""
    f, a, closed_ns = config.fusion, config.attention, verdict.closed_ns
    looks, away = state.looks, state.face.away.level
    shut = state.lids.closed.level * _faith(state, t, f.lost_closed_ms * MS)
    if looks.unresponsive_ns >= a.unresponsive_ms * MS and (closed_ns or off_ns):
        return Condition.UNRESPONSIVE, shut if closed_ns else away
    if closed_ns >= f.sleep_ms * MS:
        return Condition.ASLEEP, shut
    if closed_ns >= f.microsleep_ms * MS:
        return Condition.MICROSLEEP, shut
    if phone_ns >= f.phone_confirm_ms * MS:
        return Condition.ON_PHONE, state.action.phone.level
    if off_ns >= f.long_distraction_ms * MS:
        return Condition.DISTRACTED, away
    if looks.vats.total >= a.vats_away_ms * MS and verdict.on_road is not None:
        return Condition.DISTRACTED, max(away, 0.5)
    if verdict.on_road is None:
        return Condition.UNKNOWN, 0.0
    if state.slow.story.drowsy:
        return Condition.DROWSY, state.slow.story.told.confidence
    seen = 1.0 if state.face.aim.weight > 0.0 else HEAD_ALONE
    return Condition.ATTENTIVE, seen * (1.0 - state.lids.closed.level * 0.5 - away * 0.5)


def _faith(state: FusionState, t: int, lasts_ns: int) -> float:
    """How much eyes that were lost closed are still believed, 1 to 0."""
    seen = state.lids.seen_ns
    if not state.lids.presumed or seen is None:
        return 1.0
    return max(0.0, 1.0 - (t - seen) / max(1, lasts_ns))
