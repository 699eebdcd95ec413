"""From the memory of fusion to what is told: condition, availability, and the numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.config import MS, FusionConfig
from dms.fusion.attention import Angles
from dms.fusion.filters import OFF, Minute, Trigger, stale
from dms.types import ACTIONS, Availability, Condition, DriverState, Reason

IMAGE = frozenset({Reason.IMAGE_DARK, Reason.IMAGE_SATURATED, Reason.IMAGE_BLANK})
"""What an image can show that explains why no face is found."""


@dataclass(frozen=True, slots=True)
class View:
    """What was last seen, and the triggers; vehicle frame; times are stamps [ns]."""

    t_ns: int | None = None
    first_ns: int | None = None
    seen_ns: int | None = None
    """The last usable face."""
    camera_yaw_rad: float = 0.0
    head: Angles = (0.0, 0.0)
    gaze: tuple[Angles, float] | None = None
    """The last gaze of open eyes, with its sigma; forgotten after `hold_ms`."""
    gaze_ns: int = 0
    away: Trigger = OFF
    closed: Trigger = OFF
    phone: Trigger = OFF
    lost_away: bool = False
    """The face was lost while turned away, and that still counts."""
    eye_open: float = 1.0
    sunglasses: bool = False
    missing_ns: int | None = None
    """Since when a frontal face shows no eye."""
    unsure_ns: int | None = None
    """Since when the head pose is uncertain."""
    action: int = 0
    action_p: float = 0.0
    action_ns: int | None = None


BLIND = View()
"""Nothing seen yet."""


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
    view: View,
    calibrated: float,
    minute: Minute,
    speed_mps: float | None,
    health: Reason,
    config: FusionConfig,
) -> DriverState:
    """The driver state at the view's stamp. calibrated: 0-1."""
    t = view.t_ns or 0
    hold = config.hold_ms * MS
    face = view.seen_ns is not None and t - view.seen_ns <= hold
    eyes = not stale(view.closed, t, hold)
    closed_ns = view.closed.duration_ns if eyes else 0
    on_road = None if stale(view.away, t, hold) or closed_ns > hold else not view.away.on
    acts = view.action_ns is not None and t - view.action_ns <= config.action_max_age_ms * MS
    phone_ns = view.phone.duration_ns if acts else 0
    availability, reason = _availability(view, t, face, calibrated, speed_mps, health, config)
    off_ns = view.away.duration_ns if on_road is False else 0
    condition, confidence = _condition(view, closed_ns, phone_ns, off_ns, on_road, config)
    gaze = view.gaze[0] if face and view.gaze is not None else None
    return DriverState(
        t_ns=t,
        condition=condition,
        confidence=confidence,
        availability=availability,
        reason=reason,
        calibration_pct=math.floor(calibrated * 100),
        head_yaw_rad=view.head[0] if face else None,
        head_pitch_rad=view.head[1] if face else None,
        gaze_yaw_rad=None if gaze is None else gaze[0],
        gaze_pitch_rad=None if gaze is None else gaze[1],
        eyes_on_road=on_road,
        eyes_off_road_ns=off_ns,
        eye_open=view.eye_open if eyes else None,
        eyes_closed_ns=closed_ns,
        perclos_pct=_perclos(minute, config),
        action=ACTIONS[view.action] if acts else None,
        action_confidence=view.action_p if acts else 0.0,
        phone_ns=phone_ns,
        speed_mps=speed_mps,
    )


def _perclos(minute: Minute, config: FusionConfig) -> float | None:
    if minute.total_seen < config.perclos_min_seen_ms * MS:
        return None
    return 100.0 * minute.total_closed / minute.total_seen


def _condition(
    view: View,
    closed_ns: int,
    phone_ns: int,
    off_ns: int,
    on_road: bool | None,
    config: FusionConfig,
) -> tuple[Condition, float]:
    """The first that holds, with its confidence."""
    if closed_ns >= config.sleep_ms * MS:
        return Condition.ASLEEP, view.closed.level
    if closed_ns >= config.microsleep_ms * MS:
        return Condition.MICROSLEEP, view.closed.level
    if phone_ns >= config.phone_confirm_ms * MS:
        return Condition.ON_PHONE, view.phone.level
    if off_ns >= config.long_distraction_ms * MS:
        return Condition.DISTRACTED, view.away.level
    if on_road is None:
        return Condition.UNKNOWN, 0.0
    return Condition.ATTENTIVE, 1.0 - view.closed.level * 0.5 - view.away.level * 0.5


def _availability(
    view: View,
    t: int,
    face: bool,
    calibrated: float,
    speed_mps: float | None,
    health: Reason,
    config: FusionConfig,
) -> tuple[Availability, Reason]:
    """The first that holds: broken input, no sight, a sense missing, learning, no speed, fine."""
    if health == Reason.IMAGE_FROZEN:
        return Availability.FAULT, health
    if not face:
        return _faceless(view, t, health, config)
    if health == Reason.FRAMES_LATE:
        return Availability.DEGRADED, health
    lasting = config.eyes_missing_ms * MS
    if view.missing_ns is not None and t - view.missing_ns >= lasting:
        why = Reason.SUNGLASSES if view.sunglasses else Reason.EYES_NOT_VISIBLE
        return Availability.DEGRADED, why
    if view.unsure_ns is not None and t - view.unsure_ns >= lasting:
        return Availability.DEGRADED, Reason.POSE_UNCERTAIN
    if calibrated < 1:
        return Availability.CALIBRATING, Reason.NONE
    if speed_mps is None:
        return Availability.DEGRADED, Reason.SPEED_UNKNOWN
    return Availability.OK, Reason.NONE


def _faceless(
    view: View, t: int, health: Reason, config: FusionConfig
) -> tuple[Availability, Reason]:
    why = health if health in IMAGE else Reason.NO_FACE
    if view.lost_away:
        return Availability.DEGRADED, why
    young = t - (view.first_ns or 0) < config.starting_ms * MS
    if view.seen_ns is None and young and why == Reason.NO_FACE:
        return Availability.UNAVAILABLE, Reason.STARTING
    return Availability.UNKNOWN, why
