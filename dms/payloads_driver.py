"""What the messages about the driver say: state, attention, sleepiness, hands, gaze, eyes. Pure."""

from __future__ import annotations

import math

from dms import messages as m
from dms.config.param import MS
from dms.moment import Moment, Values, known_or, nothing
from dms.signals import NoValue, Value
from dms.types import ACTIONS, Condition, DriverState, GazeSource, GazeZone

SECOND = 1000 * MS
SURE_WITHIN_RAD = math.radians(10.0)
"""Confidence of a direction is the probability that it is right to within this."""


def _seconds(duration_ns: int, known: bool, blank: NoValue) -> Value:
    return duration_ns / SECOND if known or duration_ns > 0 else blank


def driver(at: Moment) -> Values:
    """DMS_DriverState."""
    blank, s = at.now.blank, at.state()
    if s is None:
        return nothing(m.DRIVER_STATE, blank)
    looks = s.eyes_on_road is not None
    return {
        "Condition": float(s.condition),
        "ConditionConfidence": _confidence(s, blank),
        "EyesOnRoad": known_or(s.eyes_on_road, blank),
        "EyesOffRoadTime": _seconds(s.eyes_off_road_ns, looks, blank),
        "EyesClosedTime": _seconds(s.eyes_closed_ns, s.eye_open is not None, blank),
        "DrivingTask": known_or(s.driving_task, blank),
        "DriverPresumed": float(s.presumed),
        "UnresponsiveTime": _seconds(s.unresponsive_ns, looks or s.eye_open is not None, blank),
        "DriverSeat": float(s.seat),
    }


def _confidence(s: DriverState, blank: NoValue) -> Value:
    return blank if s.condition == Condition.UNKNOWN else s.confidence * 100


_TURNED = {
    Condition.ATTENTIVE: "none",
    Condition.DISTRACTED: "distracted",
    Condition.ON_PHONE: "phone",
}


def attention(at: Moment) -> Values:
    """DMS_Attention."""
    blank, s = at.now.blank, at.state()
    if s is None:
        return nothing(m.ATTENTION, blank)
    known, looks = s.zone != GazeZone.UNKNOWN, s.eyes_on_road is not None
    word = _distraction(s)
    return {
        "Distraction": blank if word is None else float(m.DISTRACTIONS.index(word)),
        "DistractionConfidence": _confidence(s, blank) if s.condition in _TURNED else blank,
        "AttentionAccount": s.attention_pct if looks or s.attention_pct < 100 else blank,
        "AttentionConfidence": _confidence(s, blank) if looks and not s.presumed else blank,
        "AwayTime": _seconds(s.vats_away_ns, looks, blank),
        "GazeZone": float(s.zone),
        "GazeZoneConfidence": max(s.zone_probabilities, default=0.0) * 100 if known else blank,
        "GazeSource": float(s.gaze_source),
        "LowGazeTime": _seconds(s.area3_ns, looks and s.gaze_source != GazeSource.NONE, blank),
    }


def _distraction(s: DriverState) -> str | None:
    if s.eyes_on_road is False and not s.driving_task and s.condition == Condition.ATTENTIVE:
        return "glance"
    if s.condition in _TURNED:
        return _TURNED[s.condition]
    return None if s.eyes_on_road is None else "none" if s.eyes_on_road else "glance"


_SLEEPY = {
    Condition.DROWSY: "drowsy",
    Condition.MICROSLEEP: "microsleep",
    Condition.ASLEEP: "asleep",
}


def drowsiness(at: Moment) -> Values:
    """DMS_Drowsiness."""
    blank, s = at.now.blank, at.state()
    if s is None:
        return nothing(m.DROWSINESS, blank)
    d, asleep = s.drowsiness, s.condition in _SLEEPY
    rated = d.kss is not None
    word = _SLEEPY.get(s.condition, "awake" if rated else None)
    sure = s.confidence if asleep else d.confidence
    return {
        "Drowsiness": blank if word is None else float(m.SLEEPINESS.index(word)),
        "DrowsinessConfidence": blank if word is None else sure * 100,
        "Kss": known_or(d.kss, blank),
        "KssConfidence": d.confidence * 100 if rated else blank,
        "KssLearned": float(d.learned_pct),
        "Perclos": known_or(s.perclos_pct, blank),
        "BlinkRate": known_or(s.blinks.rate_per_min, blank),
        "Yawns": float(min(d.yawns, 12)),
        "Nods": float(min(d.nods, 12)),
    }


def hands(at: Moment) -> Values:
    """DMS_Hands."""
    blank, s = at.now.blank, at.state()
    if s is None:
        return nothing(m.HANDS, blank)
    acting, holding = s.action in ACTIONS, s.hands_on_wheel is not None
    sure = s.action_confidence * 100
    return {
        "Action": float(ACTIONS.index(s.action)) if s.action in ACTIONS else blank,
        "ActionConfidence": sure if acting else blank,
        "HandsOnWheel": known_or(s.hands_on_wheel, blank),
        "HandsConfidence": sure if s.hands_seen and holding else blank,
        "HandsOffTime": _seconds(s.hands_off_ns, holding, blank),
        "PhoneTime": _seconds(s.phone_ns, s.hands_seen, blank),
        "PhoneGlanceTime": _seconds(s.phone_away_ns, s.hands_seen, blank),
    }


def gaze(at: Moment) -> Values:
    """DMS_Gaze."""
    blank, s = at.now.blank, at.state()
    if s is None:
        return nothing(m.GAZE, blank)
    degrees = math.degrees(1.0)
    return {
        "HeadYaw": known_or(s.head_yaw_rad, blank, degrees),
        "HeadPitch": known_or(s.head_pitch_rad, blank, degrees),
        "HeadRoll": known_or(s.head_roll_rad, blank, degrees),
        "GazeYaw": known_or(s.gaze_yaw_rad, blank, degrees),
        "GazePitch": known_or(s.gaze_pitch_rad, blank, degrees),
        "HeadConfidence": _direction(s.head_yaw_rad, s.head_sigma_rad, blank),
        "GazeConfidence": _direction(s.gaze_yaw_rad, s.gaze_sigma_rad, blank),
    }


def _direction(angle_rad: float | None, sigma_rad: float | None, blank: NoValue) -> Value:
    if angle_rad is None or sigma_rad is None:
        return blank
    return 100 * math.erf(SURE_WITHIN_RAD / (max(sigma_rad, 1e-6) * math.sqrt(2)))


def eyes(at: Moment) -> Values:
    """DMS_Eyes."""
    blank, s = at.now.blank, at.state()
    if s is None or at.belief is None:
        return nothing(m.EYES, blank)
    seen, closed, likely = s.eye_open is not None, s.eyes_closed_ns > 0, s.closed_probability
    sure = None if likely is None else likely if closed else 1 - likely
    last = s.blinks.last_ns
    return {
        "EyeOpenness": known_or(s.eye_open, blank, 100.0),
        "EyeOpennessLeft": known_or(s.eye_open_left, blank, 100.0),
        "EyeOpennessRight": known_or(s.eye_open_right, blank, 100.0),
        "EyesClosed": float(closed) if seen else blank,
        "EyesClosedConfidence": known_or(sure, blank, 100.0) if seen else blank,
        "BlinkDuration": blank if last is None else last / SECOND,
        "ResultAge": max(at.t_ns - at.belief.at_ns, 0) / MS,
        "ResultCount": float(at.results % 61),
    }
