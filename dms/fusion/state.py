"""How one observation changes what fusion remembers."""

from __future__ import annotations

import math
from dataclasses import replace

from dms.config import MS, Config, FusionConfig
from dms.fusion import calibration
from dms.fusion.attention import Angles, away_probability, merge_gaze, relative_to
from dms.fusion.belief import believe
from dms.fusion.calibration import Calibration
from dms.fusion.eyes import Lids, lids
from dms.fusion.filters import EVEN, Shape, Trigger, push
from dms.fusion.memory import ActionMemory, FaceMemory, FusionState, LidMemory, Shapes
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

KMH = 3.6
"""km/h in a m/s."""
_PHONE = tuple(ACTIONS.index(name) for name in sorted(PHONE_ACTIONS))
_SOUND = (Reason.NONE, Reason.FRAMES_LATE)
"""Health of an image that could show a face."""


def start(config: Config) -> FusionState:
    f = config.fusion
    hold, age = f.hold_ms * MS, f.action_max_age_ms * MS
    shapes = Shapes(
        Shape(f.attention_tau_ms * MS, f.away_on, f.away_off, hold, hold),
        Shape(f.closure_tau_ms * MS, f.closed_on, f.closed_off, hold, f.closure_bridge_ms * MS),
        Shape(f.phone_tau_ms * MS, f.phone_on, f.phone_off, 2 * age, age),
        Shape(hold, EVEN, EVEN, 2 * hold, 2 * hold),
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
    t, f = observation.t_ns, config.fusion
    if state.t_ns is not None and t < state.t_ns:
        state = start(config)
    first = t if state.t_ns is None else state.first_ns
    speed = None if vehicle is None else vehicle.speed_mps
    driving = state.driving if speed is None else speed * KMH >= f.calibration_min_speed_kmh
    cal, lid_memory = state.calibration, state.lids
    action = _watch_action(state.action, observation.action, t, state.shapes.phone, f)
    face = usable(observation, health, f)
    if face is None:
        face_memory = _unseen(state.face, t, health, state.shapes.away, f)
    else:
        face_memory, lid, gaze = _seen(state, face, t, f)
        lid_memory = _watch_lids(lid_memory, face, lid, t, first, state.shapes, f)
        if calibration.due(cal, t - first):
            moving = config.alerts.unknown_speed_is_driving if driving is None else driving
            awake = moving and not lid_memory.closed.on and not action.phone.on
            down = -face_memory.head[1]
            cal = _learn(cal, face, gaze, lid, down, awake, face_memory.away, t - first, f)
    state = FusionState(state.shapes, cal, t, first, face_memory, lid_memory, action, driving)
    return state, believe(state, speed, health, f)


def usable(observation: Observation, health: Reason, config: FusionConfig) -> Face | None:
    """The face, if it is one, is news and its numbers are numbers."""
    face = observation.face
    if face is None or health == Reason.IMAGE_FROZEN or not face.score >= config.min_face_score:
        return None
    finite = math.isfinite(face.yaw_rad + face.pitch_rad + face.rotation_sigma_rad)
    return face if finite else None


def _unseen(
    memory: FaceMemory, t: int, health: Reason, shape: Shape, config: FusionConfig
) -> FaceMemory:
    """No face: nothing is pushed, so everything goes stale; but for a face lost turned away."""
    lost_away = (
        memory.seen_ns is not None
        and health in _SOUND
        and abs(memory.camera_yaw_rad) >= math.radians(config.lost_away_yaw_deg)
        and t - memory.seen_ns <= config.lost_away_ms * MS
    )
    away = push(memory.away, 1.0, t, shape) if lost_away else memory.away
    return replace(memory, away=away, lost_away=lost_away)


def _seen(
    state: FusionState, face: Face, t: int, config: FusionConfig
) -> tuple[FaceMemory, Lids | None, Angles | None]:
    """The face's memory, its lids, and the gaze of open eyes in the camera frame."""
    cal, before = state.calibration, state.face
    margin = 1 + (config.uncalibrated_margin - 1) * (1 - cal.progress(config))
    head = relative_to(cal.head, (face.yaw_rad, face.pitch_rad))
    looking = merge_gaze(face, config)
    gaze = None if looking is None else (relative_to(cal.gaze, looking.angles), looking.sigma_rad)
    down = max(0.0, -head[1], 0.0 if gaze is None else -gaze[0][1])
    lid = lids(face, down, cal.baseline, config)
    shut = lid is not None and lid.closed >= EVEN
    gaze, gaze_ns = _look(before, None if shut else gaze, t, config)
    away = away_probability(face, head, gaze, margin, config)
    unsure = face.rotation_sigma_rad > math.radians(config.pose_uncertain_deg)
    memory = FaceMemory(
        seen_ns=t,
        camera_yaw_rad=face.yaw_rad,
        head=head,
        gaze=gaze,
        gaze_ns=gaze_ns,
        away=push(before.away, away, t, state.shapes.away),
        lost_away=False,
        sunglasses=face.sunglasses >= config.sunglasses_min,
        unsure=push(before.unsure, float(unsure), t, state.shapes.sense),
    )
    return memory, lid, None if looking is None or shut else looking.angles


def _look(
    before: FaceMemory, gaze: tuple[Angles, float] | None, t: int, config: FusionConfig
) -> tuple[tuple[Angles, float] | None, int]:
    """The last gaze outlives a blink, by `hold_ms`."""
    if gaze is not None:
        return gaze, t
    held = t - before.gaze_ns <= config.hold_ms * MS
    return before.gaze if held else None, before.gaze_ns


def _watch_lids(
    memory: LidMemory,
    face: Face,
    lid: Lids | None,
    t: int,
    first: int,
    shapes: Shapes,
    config: FusionConfig,
) -> LidMemory:
    if lid is None:
        frontal = abs(face.yaw_rad) <= math.radians(config.eyes_missing_yaw_deg)
        missing = push(memory.missing, 1.0, t, shapes.sense) if frontal else memory.missing
        return replace(memory, missing=missing)
    closed = push(memory.closed, lid.closed, t, shapes.closed)
    gap = 0 if memory.closed.t_ns is None else t - memory.closed.t_ns
    minute = memory.minute
    if 0 < gap <= shapes.closed.bridge_ns:
        minute = minute.add(t - first, gap, gap if closed.on else 0)
    return LidMemory(closed, lid.open, push(memory.missing, 0.0, t, shapes.sense), minute)


def _learn(
    cal: Calibration,
    face: Face,
    gaze: Angles | None,
    lid: Lids | None,
    down: float,
    awake: bool,
    away: Trigger,
    t: int,
    config: FusionConfig,
) -> Calibration:
    """Learn from attentive driving only; once half is known, not from what is away by it."""
    cal = replace(cal, slot=calibration.slot(t))
    if lid is not None and lid.closed < EVEN and down < calibration.LEVEL_RAD:
        cal = calibration.learn_open(cal, lid.open * cal.baseline, config)
    done = cal.progress(config)
    if awake and done < 1 and not (away.on and done >= calibration.TRUSTED):
        cal = calibration.learn_pose(cal, (face.yaw_rad, face.pitch_rad), gaze, config)
    return cal


def _watch_action(
    memory: ActionMemory, action: Action | None, t: int, shape: Shape, config: FusionConfig
) -> ActionMemory:
    if action is None or not _known(action, config):
        return memory
    p = action.probabilities
    best = p.index(max(p))
    phone = push(memory.phone, sum(p[i] for i in _PHONE), t, shape)
    return ActionMemory(phone, best, p[best], t - action.age_ns)


def _known(action: Action, config: FusionConfig) -> bool:
    return (
        0 <= action.age_ns <= config.action_max_age_ms * MS
        and action.window_steps >= config.action_min_steps
        and len(action.probabilities) == len(ACTIONS)
        and math.isfinite(sum(action.probabilities))
    )
