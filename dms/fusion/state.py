"""How one observation changes what fusion remembers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from dms.config import MS, Config, FusionConfig
from dms.fusion import calibration, change, looks
from dms.fusion.attention import (
    Angles,
    Direction,
    area3_probability,
    away_probability,
    merge_gaze,
    mix,
    relative_to,
    roll_to,
)
from dms.fusion.belief import believe, judge, task_share
from dms.fusion.eyes import Lids, lids
from dms.fusion.filters import EVEN, live, push, push_rare
from dms.fusion.learn import learn
from dms.fusion.looks import Looks, Verdict
from dms.fusion.memory import ActionMemory, FaceMemory, FusionState, SlowMemory
from dms.fusion.senses import lost_senses
from dms.fusion.slow import watch
from dms.fusion.tuning import Tuning, tune
from dms.fusion.zones import draw, shares
from dms.types import (
    ACTIONS,
    Action,
    DriverState,
    Face,
    GazeZone,
    Observation,
    Reason,
    SeatSide,
    VehicleState,
)

KMH = 3.6
"""km/h in a m/s."""
_PHONE_EAR, _PHONE_HAND = ACTIONS.index("phone_ear"), ACTIONS.index("phone_hand")
_HAND_FACE = ACTIONS.index("hand_face")
_WHEEL = ACTIONS.index("wheel")
_FREE = (ACTIONS.index("reach"), ACTIONS.index("other"))
"""Actions of hands that are not on the wheel; with all others a second hand may be."""
SOUND = (Reason.NONE, Reason.FRAMES_LATE, Reason.INPUT_UNFAMILIAR)
"""Health of an image that could show a face."""
_SIDES = {"left": SeatSide.LEFT, "right": SeatSide.RIGHT, "unknown": SeatSide.UNKNOWN}
_NOT_PHONE = tuple(
    int(zone)
    for zone in (
        GazeZone.MIRROR_REAR,
        GazeZone.MIRROR_DRIVER,
        GazeZone.MIRROR_PASSENGER,
        GazeZone.WINDOW_DRIVER,
        GazeZone.WINDOW_PASSENGER,
        GazeZone.PASSENGER,
    )
)
"""Where no phone is held."""


def start(config: Config) -> FusionState:
    """Nothing seen yet."""
    return FusionState(
        tune(config),
        draw(config.zones, config.fusion),
        calibration.start(config.camera, config.fusion),
        looks.start(config.attention),
        SlowMemory(seat=_SIDES[config.camera.seat]),
    )


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
    face = usable(observation, health, f)
    state, changed = _same_driver(state, face, vehicle, t, config)
    tuning, before = state.tuning, state.t_ns
    first = t if before is None else state.first_ns
    dt = 0 if before is None or t - before > tuning.hold_ns else t - before
    speed = None if vehicle is None else vehicle.speed_mps
    driving = state.driving if speed is None else speed * KMH >= f.calibration_min_speed_kmh
    moving = config.alerts.unknown_speed_is_driving if driving is None else driving
    action = _watch_action(state.action, observation.action, t, tuning, f)
    seen, lid, gaze = _look(state, face, t, health, f)
    eyes, slow = watch(state, face, lid, seen, t, first, health in SOUND, moving, config)
    cal = state.calibration
    if face is not None and calibration.due(cal, t - first):
        shut = live(eyes.closed, t, tuning.hold_ns)
        awake = moving and not shut and not _phoning(action, t, f) and _straight(vehicle, f)
        cal = replace(cal, slot=calibration.slot(t - first))
        if awake:
            cal, slow = learn(cal, slow, face, gaze, lid, seen, config)
    verdict = judge(seen, eyes, t, tuning.hold_ns)
    counts = shares(state.map, seen.aim.angles, seen.aim.sigma_rad, slow.seat)
    kept = _account(state, verdict, counts, seen, action, t, dt, first, config)
    state = FusionState(
        tuning, state.map, cal, kept, slow, t, first, seen, eyes, action, driving, changed
    )
    lost = lost_senses(state, t, speed is not None, health, f)
    if lost is not slow.lost:
        state = replace(state, slow=replace(slow, lost=lost))
    return state, believe(state, verdict, counts, speed, health, config)


def _same_driver(
    state: FusionState,
    face: Face | None,
    vehicle: VehicleState | None,
    t: int,
    config: Config,
) -> tuple[FusionState, bool]:
    """The state to go on with: this driver's, or one that knows nobody yet."""
    if state.t_ns is None:
        return state, False
    if t < state.t_ns:
        return start(config), False
    watch = change.listen(state.slow.watch, vehicle, t)
    if change.new_cycle(watch, vehicle):
        return start(config), True
    seen, changed = state.face.seen_ns, watch.jumped
    if face is not None and seen is not None and t - seen >= config.fusion.change_absent_ms * MS:
        watch, other = change.returned(watch, t - seen, t, config.fusion)
        changed = changed or other
    if changed:
        return _forget(state, config), True
    if watch is not state.slow.watch:
        state = replace(state, slow=replace(state.slow, watch=watch))
    return state, False


def _forget(state: FusionState, config: Config) -> FusionState:
    """Another driver before the same camera: what was learned is the first guess."""
    cal = state.calibration
    known = cal.progress(config.fusion) >= 1.0
    head, gaze = (cal.head, cal.gaze) if known else (cal.mount, cal.gaze_mount)
    return FusionState(
        state.tuning,
        state.map,
        calibration.anew(head, gaze, config.fusion),
        looks.start(config.attention),
        SlowMemory(seat=state.slow.seat),
        driving=state.driving,
    )


def _account(
    state: FusionState,
    verdict: Verdict,
    counts: list[int],
    seen: FaceMemory,
    action: ActionMemory,
    t: int,
    dt: int,
    first: int,
    config: Config,
) -> Looks:
    off = sum(counts) - counts[GazeZone.ROAD]
    elsewhere = sum([counts[zone] for zone in _NOT_PHONE])
    phoning = _phoning(action, t, config.fusion)
    at_phone = phoning and elsewhere <= config.attention.phone_zone_max * off
    task = task_share(counts) >= config.attention.task_min
    return looks.advance(
        state.looks, verdict, seen.away, seen.area3, task, at_phone, t, dt, first,
        state.tuning.hold_ns, config.attention,
    )  # fmt: skip


def usable(observation: Observation, health: Reason, config: FusionConfig) -> Face | None:
    """The face, if it is one, is news and its numbers are numbers."""
    face = observation.face
    if face is None or health == Reason.IMAGE_FROZEN or not face.score >= config.min_face_score:
        return None
    angles = face.yaw_rad + face.pitch_rad + face.roll_rad
    finite = math.isfinite(angles + face.rotation_sigma_rad)
    return face if finite else None


def _look(
    state: FusionState, face: Face | None, t: int, health: Reason, config: FusionConfig
) -> tuple[FaceMemory, Lids | None, Angles | None]:
    """The face's memory, its lids, and the gaze of open eyes in the camera frame."""
    if face is None:
        return _unseen(state.face, t, health, state.tuning, config), None, None
    return _seen(state, face, t, config)


def _unseen(
    memory: FaceMemory, t: int, health: Reason, tuning: Tuning, config: FusionConfig
) -> FaceMemory:
    """No face: nothing is pushed, so everything goes stale; but for a face lost turned away."""
    lost_away = (
        memory.seen_ns is not None
        and health in SOUND
        and (memory.away.on or memory.away.since_ns is not None)
        and t - memory.seen_ns <= config.lost_away_ms * MS
        and _turned(memory, config)
    )
    if not lost_away:
        return replace(memory, lost_away=False) if memory.lost_away else memory
    away = push(memory.away, 1.0, t, tuning.away)
    area3 = push(memory.area3, 1.0, t, tuning.away) if memory.area3.on else memory.area3
    return replace(memory, away=away, area3=area3, lost_away=True)


def _turned(memory: FaceMemory, config: FusionConfig) -> bool:
    """Was the head turned so far, from the camera or from the road, that the face goes lost?"""
    yaw, pitch = memory.head
    return (
        abs(memory.camera_yaw_rad) >= math.radians(config.lost_away_yaw_deg)
        or abs(yaw) >= math.radians(config.lost_away_turn_deg)
        or pitch <= -math.radians(config.lost_away_down_deg)
    )


def _seen(
    state: FusionState, face: Face, t: int, config: FusionConfig
) -> tuple[FaceMemory, Lids | None, Angles | None]:
    cal, before, tuning = state.calibration, state.face, state.tuning
    margin = 1 + (config.uncalibrated_margin - 1) * (1 - cal.progress(config))
    head = relative_to(cal.head, (face.yaw_rad, face.pitch_rad))
    looking = merge_gaze(face, tuning)
    gaze = None if looking is None else (relative_to(cal.gaze, looking.angles), looking.sigma_rad)
    down = max(0.0, -head[1], 0.0 if gaze is None else -gaze[0][1])
    mouth = state.slow.yawning  # a jaw that hangs for long is a sleeper's, not a yawn's
    yawning = mouth.wide.on and mouth.open_ns <= tuning.yawn_most_ns
    lid = lids(face, down, yawning, cal.unit(config), config)
    shut = lid is not None and lid.closed >= EVEN
    if gaze is None or shut:  # the last gaze outlives a blink, and goes along with the head
        held = t - before.gaze_ns <= tuning.hold_ns
        gaze, gaze_ns = _carried(before, head) if held else None, before.gaze_ns
    else:
        gaze_ns = t
    towards = mix(face, head, gaze, tuning)
    away = away_probability(towards, margin, tuning)
    unsure = face.rotation_sigma_rad > tuning.pose_uncertain
    memory = FaceMemory(
        t,
        face.yaw_rad,
        head,
        gaze,
        gaze_ns,
        push(before.away, away, t, tuning.away),
        push_rare(before.area3, area3_probability(towards, tuning), t, tuning.away),
        False,
        _smooth(before, towards, t, tuning),
        face.sunglasses >= config.sunglasses_min,
        push_rare(before.unsure, float(unsure), t, tuning.sense),
        push_rare(before.mask, float(face.mask >= config.mask_min), t, tuning.sense),
        push_rare(before.covered, float(face.occluded >= config.covered_min), t, tuning.sense),
        t if math.hypot(*towards.angles) <= tuning.ahead else before.ahead_ns,
        roll_to(cal.head, (face.yaw_rad, face.pitch_rad), face.roll_rad),
        face.rotation_sigma_rad,
    )
    return memory, lid, None if looking is None or shut else looking.angles


def _carried(before: FaceMemory, head: Angles) -> tuple[Angles, float] | None:
    """The last gaze, the eyes in the turned head as they were."""
    if before.gaze is None:
        return None
    (yaw, pitch), sigma = before.gaze
    return (yaw + head[0] - before.head[0], pitch + head[1] - before.head[1]), sigma


def _smooth(before: FaceMemory, now: Direction, t: int, tuning: Tuning) -> Direction:
    """The direction for zones: filtered like away; without eyes it may lie off the head's by as
    much as eyes stray."""
    sigma = math.sqrt(now.sigma_rad**2 + (1 - now.weight) * tuning.stray_variance)
    if before.seen_ns is None or t - before.seen_ns > tuning.hold_ns:
        return Direction(now.weight, now.angles, sigma)
    share = -math.expm1((before.seen_ns - t) / tuning.away.tau_ns)
    yaw, pitch = before.aim.angles
    yaw, pitch = yaw + share * (now.angles[0] - yaw), pitch + share * (now.angles[1] - pitch)
    return Direction(now.weight, (yaw, pitch), sigma)


def _straight(vehicle: VehicleState | None, config: FusionConfig) -> bool:
    """The steering wheel is not known to be turned."""
    angle = None if vehicle is None else vehicle.steering_rad
    return angle is None or abs(angle) <= math.radians(config.calibration_steering_deg)


def _clear_phone(p: Sequence[float], config: FusionConfig) -> float:
    """0..1: how clearly a phone is held, from the probabilities of the actions."""
    held = min(1.0, config.phone_ear_weight * p[_PHONE_EAR] + p[_PHONE_HAND])
    return max(0.0, held - config.phone_against_hand * p[_HAND_FACE])


def _phoning(action: ActionMemory, t: int, config: FusionConfig) -> bool:
    """A phone is in use, by hands that are still seen."""
    return live(action.phone, t, config.action_max_age_ms * MS)


def _watch_action(
    memory: ActionMemory, action: Action | None, t: int, tuning: Tuning, config: FusionConfig
) -> ActionMemory:
    if action is None or not _known(action, config):
        return memory
    p = action.probabilities
    best = p.index(max(p))
    phone = push(memory.phone, _clear_phone(p, config), t, tuning.phone)
    wheel = push(memory.wheel, p[_WHEEL], t, tuning.wheel)
    off = None
    if not wheel.on and sum([p[i] for i in _FREE]) > EVEN and wheel.t_ns == t:
        off = wheel.last_ns if memory.wheel.on else memory.off_since_ns
        off = t if off is None else off
    return ActionMemory(phone, wheel, best, p[best], t - action.age_ns, off)


def _known(action: Action, config: FusionConfig) -> bool:
    return (
        0 <= action.age_ns <= config.action_max_age_ms * MS
        and action.window_steps >= config.action_min_steps
        and len(action.probabilities) == len(ACTIONS)
        and math.isfinite(sum(action.probabilities))
    )
