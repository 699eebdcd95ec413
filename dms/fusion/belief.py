"""From the memory of fusion to what is told: condition, availability, and the numbers."""

from __future__ import annotations

import math

from dms.config import MS, FusionConfig
from dms.fusion.filters import Minute, Trigger, stale
from dms.fusion.memory import FusionState
from dms.types import ACTIONS, Availability, Condition, DriverState, Reason

IMAGE = frozenset({Reason.IMAGE_DARK, Reason.IMAGE_SATURATED, Reason.IMAGE_BLANK})
"""What an image can show that explains why no face is found."""


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


def believe(
    state: FusionState, speed_mps: float | None, health: Reason, config: FusionConfig
) -> DriverState:
    """The driver state at the state's stamp."""
    t, hold = state.t_ns or 0, config.hold_ms * MS
    face, lids, action = state.face, state.lids, state.action
    sight = face.seen_ns is not None and t - face.seen_ns <= hold
    eyes = not stale(lids.closed, t, hold)
    closed_ns = lids.closed.duration_ns if eyes else 0
    on_road = None if stale(face.away, t, hold) or closed_ns > hold else not face.away.on
    off_ns = face.away.duration_ns if on_road is False else 0
    acts = action.seen_ns is not None and t - action.seen_ns <= config.action_max_age_ms * MS
    phone_ns = action.phone.duration_ns if acts else 0
    calibrated = state.calibration.progress(config)
    availability, reason = _availability(state, t, sight, calibrated, speed_mps, health, config)
    condition, confidence = _condition(state, closed_ns, phone_ns, off_ns, on_road, config)
    gaze = face.gaze[0] if sight and face.gaze is not None else None
    return DriverState(
        t_ns=t,
        condition=condition,
        confidence=confidence,
        availability=availability,
        reason=reason,
        calibration_pct=math.floor(calibrated * 100),
        head_yaw_rad=face.head[0] if sight else None,
        head_pitch_rad=face.head[1] if sight else None,
        gaze_yaw_rad=None if gaze is None else gaze[0],
        gaze_pitch_rad=None if gaze is None else gaze[1],
        eyes_on_road=on_road,
        eyes_off_road_ns=off_ns,
        eye_open=lids.open if eyes else None,
        eyes_closed_ns=closed_ns,
        perclos_pct=_perclos(lids.minute, config),
        action=ACTIONS[action.action] if acts else None,
        action_confidence=action.probability if acts else 0.0,
        phone_ns=phone_ns,
        speed_mps=speed_mps,
    )


def _perclos(minute: Minute, config: FusionConfig) -> float | None:
    if minute.total_seen < config.perclos_min_seen_ms * MS:
        return None
    return 100.0 * minute.total_closed / minute.total_seen


def _condition(
    state: FusionState,
    closed_ns: int,
    phone_ns: int,
    off_ns: int,
    on_road: bool | None,
    config: FusionConfig,
) -> tuple[Condition, float]:
    """The first that holds, with its confidence."""
    if closed_ns >= config.sleep_ms * MS:
        return Condition.ASLEEP, state.lids.closed.level
    if closed_ns >= config.microsleep_ms * MS:
        return Condition.MICROSLEEP, state.lids.closed.level
    if phone_ns >= config.phone_confirm_ms * MS:
        return Condition.ON_PHONE, state.action.phone.level
    if off_ns >= config.long_distraction_ms * MS:
        return Condition.DISTRACTED, state.face.away.level
    if on_road is None:
        return Condition.UNKNOWN, 0.0
    return Condition.ATTENTIVE, 1.0 - state.lids.closed.level * 0.5 - state.face.away.level * 0.5


def _availability(
    state: FusionState,
    t: int,
    sight: bool,
    calibrated: float,
    speed_mps: float | None,
    health: Reason,
    config: FusionConfig,
) -> tuple[Availability, Reason]:
    """The first that holds: broken input, no sight, a sense missing, learning, no speed, fine."""
    if health == Reason.IMAGE_FROZEN:
        return Availability.FAULT, health
    if not sight:
        return _faceless(state, t, health, config)
    if health == Reason.FRAMES_LATE:
        return Availability.DEGRADED, health
    lasting = config.eyes_missing_ms * MS
    if _lasting(state.lids.missing, t, config) >= lasting:
        why = Reason.SUNGLASSES if state.face.sunglasses else Reason.EYES_NOT_VISIBLE
        return Availability.DEGRADED, why
    if _lasting(state.face.unsure, t, config) >= lasting:
        return Availability.DEGRADED, Reason.POSE_UNCERTAIN
    if calibrated < 1:
        return Availability.CALIBRATING, Reason.NONE
    if speed_mps is None:
        return Availability.DEGRADED, Reason.SPEED_UNKNOWN
    return Availability.OK, Reason.NONE


def _lasting(trigger: Trigger, t: int, config: FusionConfig) -> int:
    return 0 if stale(trigger, t, 2 * config.hold_ms * MS) else trigger.duration_ns


def _faceless(
    state: FusionState, t: int, health: Reason, config: FusionConfig
) -> tuple[Availability, Reason]:
    why = health if health in IMAGE else Reason.NO_FACE
    if state.face.lost_away:
        return Availability.DEGRADED, why
    young = t - state.first_ns < config.starting_ms * MS
    if state.face.seen_ns is None and young and why == Reason.NO_FACE:
        return Availability.UNAVAILABLE, Reason.STARTING
    return Availability.UNKNOWN, why
