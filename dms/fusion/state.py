"""The memory of fusion, and how one observation changes it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dms.config import MS, Config, FusionConfig
from dms.fusion import calibration
from dms.fusion.attention import Angles, away_probability, merge_gaze, relative_to
from dms.fusion.belief import BLIND, View, believe, unavailable
from dms.fusion.calibration import Calibration
from dms.fusion.eyes import Lids, lids
from dms.fusion.filters import EVEN, NOTHING, Minute, Shape, push
from dms.types import (
    ACTIONS,
    PHONE_ACTIONS,
    Action,
    DriverState,
    Face,
    Observation,
    Reason,
    VehicleState,
)

__all__ = ["FusionState", "start", "step", "unavailable"]

KMH = 3.6
"""km/h in a m/s."""
_PHONE = tuple(ACTIONS.index(name) for name in sorted(PHONE_ACTIONS))


@dataclass(frozen=True, slots=True)
class Shapes:
    """The triggers' tuning, worked out once."""

    away: Shape
    closed: Shape
    phone: Shape


@dataclass(frozen=True, slots=True)
class FusionState:
    """Everything remembered between frames: a few hundred numbers, however long the drive."""

    shapes: Shapes
    calibration: Calibration
    view: View = BLIND
    minute: Minute = NOTHING
    driving: bool | None = None
    """Last verdict of a known speed for learning; None: no speed known yet."""


def start(config: Config) -> FusionState:
    f = config.fusion
    hold, age = f.hold_ms * MS, f.action_max_age_ms * MS
    shapes = Shapes(
        Shape(f.attention_tau_ms * MS, f.away_on, f.away_off, hold, hold),
        Shape(f.closure_tau_ms * MS, f.closed_on, f.closed_off, hold, f.closure_bridge_ms * MS),
        Shape(f.phone_tau_ms * MS, f.phone_on, f.phone_off, 2 * age, age),
    )
    return FusionState(shapes, calibration.start(config.camera, f))


def step(
    state: FusionState,
    observation: Observation,
    vehicle: VehicleState | None,
    health: Reason,
    config: Config,
) -> tuple[FusionState, DriverState]:
    """The next state, and what is believed at the observation's stamp.

    health: what health.step says of this observation. A stamp that goes back starts afresh.
    """
    t = observation.t_ns
    if state.view.t_ns is not None and t < state.view.t_ns:
        state = start(config)
    first = t if state.view.first_ns is None else state.view.first_ns
    state = replace(state, view=replace(state.view, t_ns=t, first_ns=first))
    speed = None if vehicle is None else vehicle.speed_mps
    if speed is not None:
        driving = speed * KMH >= config.fusion.calibration_min_speed_kmh
        state = replace(state, driving=driving) if driving != state.driving else state
    state = _watch_action(state, observation.action, t, config.fusion)
    face = usable(observation, health, config.fusion)
    if face is None:
        state = _unseen(state, t, health, config.fusion)
    else:
        state = _seen(state, face, t, config)
    percent, minute = state.calibration.progress(config.fusion), state.minute
    return state, believe(state.view, percent, minute, speed, health, config.fusion)


def usable(observation: Observation, health: Reason, config: FusionConfig) -> Face | None:
    """The face, if it is one, is news and its numbers are numbers."""
    face = observation.face
    if face is None or health == Reason.IMAGE_FROZEN or not face.score >= config.min_face_score:
        return None
    finite = math.isfinite(face.yaw_rad + face.pitch_rad + face.rotation_sigma_rad)
    return face if finite else None


def _unseen(state: FusionState, t: int, health: Reason, config: FusionConfig) -> FusionState:
    """No face: nothing is pushed, so everything goes stale; but for a face lost turned away."""
    view = state.view
    lost_away = (
        view.seen_ns is not None
        and health in (Reason.NONE, Reason.FRAMES_LATE)
        and abs(view.camera_yaw_rad) >= math.radians(config.lost_away_yaw_deg)
        and t - view.seen_ns <= config.lost_away_ms * MS
    )
    away = push(view.away, 1.0, t, state.shapes.away) if lost_away else view.away
    return replace(state, view=replace(view, away=away, lost_away=lost_away, missing_ns=None))


def _seen(state: FusionState, face: Face, t: int, config: Config) -> FusionState:
    f, cal = config.fusion, state.calibration
    margin = 1 + (f.uncalibrated_margin - 1) * (1 - cal.progress(f))
    head = relative_to(cal.head, (face.yaw_rad, face.pitch_rad))
    looking = merge_gaze(face, f)
    gaze = None if looking is None else (relative_to(cal.gaze, looking.angles), looking.sigma_rad)
    down = max(0.0, -head[1], 0.0 if gaze is None else -gaze[0][1])
    lid = lids(face, down, cal.baseline, f)
    shut = lid is not None and lid.closed >= EVEN
    view = _look(state.view, None if shut else gaze, t, f)
    p = away_probability(face, head, view.gaze, margin, f)
    view = replace(
        view,
        seen_ns=t,
        camera_yaw_rad=face.yaw_rad,
        head=head,
        away=push(view.away, p, t, state.shapes.away),
        lost_away=False,
        sunglasses=face.sunglasses >= f.sunglasses_min,
        unsure_ns=_since(
            face.rotation_sigma_rad > math.radians(f.pose_uncertain_deg), view.unsure_ns, t
        ),
    )
    state = _watch_lids(replace(state, view=view), face, lid, t, f)
    raw_gaze = None if looking is None or shut else looking.angles
    return _learn(state, face, raw_gaze, lid, down, t, config)


def _look(view: View, gaze: tuple[Angles, float] | None, t: int, config: FusionConfig) -> View:
    """The last gaze outlives a blink, by `hold_ms`."""
    if gaze is not None:
        return replace(view, gaze=gaze, gaze_ns=t)
    forgotten = view.gaze is not None and t - view.gaze_ns > config.hold_ms * MS
    return replace(view, gaze=None) if forgotten else view


def _since(now: bool, since_ns: int | None, t: int) -> int | None:
    if not now:
        return None
    return t if since_ns is None else since_ns


def _watch_lids(
    state: FusionState, face: Face, lid: Lids | None, t: int, config: FusionConfig
) -> FusionState:
    view = state.view
    if lid is None:
        frontal = abs(face.yaw_rad) <= math.radians(config.eyes_missing_yaw_deg)
        return replace(state, view=replace(view, missing_ns=_since(frontal, view.missing_ns, t)))
    closed = push(view.closed, lid.closed, t, state.shapes.closed)
    gap = 0 if view.closed.t_ns is None else t - view.closed.t_ns
    minute = state.minute
    if 0 < gap <= config.closure_bridge_ms * MS:
        since_start = t - (view.first_ns or 0)
        minute = minute.add(since_start, gap, gap if closed.on else 0)
    view = replace(view, closed=closed, eye_open=lid.open, missing_ns=None)
    return replace(state, view=view, minute=minute)


def _learn(
    state: FusionState,
    face: Face,
    gaze: Angles | None,
    lid: Lids | None,
    down: float,
    t: int,
    config: Config,
) -> FusionState:
    """Learn from attentive driving only: moving, eyes open, no phone, and once half is known,
    not away."""
    cal, view, f = state.calibration, state.view, config.fusion
    done = cal.progress(f)
    if not calibration.due(cal, t):
        return state
    cal = replace(cal, t_ns=t)
    if lid is not None and lid.closed < EVEN and down < calibration.LEVEL_RAD:
        cal = calibration.learn_open(cal, lid.open * cal.baseline, f)
    moving = config.alerts.unknown_speed_is_driving if state.driving is None else state.driving
    awake = not view.closed.on and not view.phone.on
    if moving and awake and done < 1 and not (view.away.on and done >= calibration.TRUSTED):
        cal = calibration.learn_pose(cal, (face.yaw_rad, face.pitch_rad), gaze)
    return replace(state, calibration=cal)


def _watch_action(
    state: FusionState, action: Action | None, t: int, config: FusionConfig
) -> FusionState:
    if action is None or not _known(action, config):
        return state
    p = action.probabilities
    best = max(range(len(ACTIONS)), key=p.__getitem__)
    phone = push(state.view.phone, sum(p[i] for i in _PHONE), t, state.shapes.phone)
    seen = t - action.age_ns
    view = replace(state.view, phone=phone, action=best, action_p=p[best], action_ns=seen)
    return replace(state, view=view)


def _known(action: Action, config: FusionConfig) -> bool:
    return (
        0 <= action.age_ns <= config.action_max_age_ms * MS
        and action.window_steps >= config.action_min_steps
        and len(action.probabilities) == len(ACTIONS)
        and math.isfinite(sum(action.probabilities))
    )
