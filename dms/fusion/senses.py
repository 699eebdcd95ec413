"""Which senses are lost, why and since when; what that makes of availability. Pure."""

from __future__ import annotations

from dms.config import MS, FusionConfig
from dms.fusion.filters import Trigger, stale
from dms.fusion.memory import FaceMemory, FusionState
from dms.types import Availability, Lost, Reason, Sense

IMAGE = frozenset(
    {
        Reason.IMAGE_DARK,
        Reason.IMAGE_SATURATED,
        Reason.IMAGE_BLANK,
        Reason.IMAGE_BLURRED,
        Reason.LENS_DIRTY,
        Reason.LED_OFF,
        Reason.TOO_HOT,
    }
)
"""What an image can show that explains why no face is found."""
_HINDER = frozenset(
    {
        Reason.IMAGE_BLURRED,
        Reason.LENS_DIRTY,
        Reason.LED_OFF,
        Reason.TOO_HOT,
        Reason.FRAMES_LATE,
        Reason.IMAGE_FROZEN,
    }
)
"""With one of these even a face that is seen is seen badly."""


def lost_senses(
    state: FusionState, t: int, speed_known: bool, health: Reason, config: FusionConfig
) -> tuple[Lost, ...]:
    """All that are lost now, gravest first; those lost before keep their time."""
    whys = _whys(state, t, speed_known, health, config)
    before = state.slow.lost
    if len(whys) == len(before) and all(
        lost.sense == sense and lost.why == why
        for lost, (sense, why) in zip(before, whys, strict=True)
    ):
        return before
    since = {lost.sense: lost.since_ns for lost in before}
    return tuple(Lost(sense, why, since.get(sense, t)) for sense, why in whys)


def _whys(
    state: FusionState, t: int, speed_known: bool, health: Reason, config: FusionConfig
) -> list[tuple[Sense, Reason]]:
    face, lids, lasting = state.face, state.lids, config.eyes_missing_ms * MS
    found: list[tuple[Sense, Reason]] = []
    seen = in_sight(state.face, t, state.tuning.hold_ns)
    if health in _HINDER or (health != Reason.NONE and not seen):
        found.append((Sense.IMAGE, health))
    if not seen:
        found.append((Sense.FACE, health if health in IMAGE else Reason.NO_FACE))
    elif state.slow.watch.misaligned:
        found.append((Sense.FACE, Reason.MISALIGNED))
    elif _lasts(face.unsure, t, state, lasting):
        found.append((Sense.FACE, Reason.POSE_UNCERTAIN))
    if _lasts(lids.missing, t, state, lasting):
        found.append((Sense.EYES, _why_no_eyes(state, t, lasting)))
    if _lasts(face.mask, t, state, lasting):
        found.append((Sense.MOUTH, Reason.MASK))
    elif _lasts(face.covered, t, state, lasting):
        found.append((Sense.MOUTH, Reason.FACE_COVERED))
    hands = state.action.seen_ns
    if t - (state.first_ns if hands is None else hands) > config.hands_unknown_ms * MS:
        found.append((Sense.HANDS, Reason.INTERNAL if seen else Reason.NO_FACE))
    if not speed_known:
        found.append((Sense.SPEED, Reason.SPEED_UNKNOWN))
    return found


def _why_no_eyes(state: FusionState, t: int, lasting: int) -> Reason:
    if state.face.sunglasses:
        return Reason.SUNGLASSES
    covered = _lasts(state.face.covered, t, state, lasting)
    return Reason.FACE_COVERED if covered else Reason.EYES_NOT_VISIBLE


def _lasts(trigger: Trigger, t: int, state: FusionState, ns: int) -> bool:
    return trigger.duration_ns >= ns and not stale(trigger, t, 2 * state.tuning.hold_ns)


def in_sight(face: FaceMemory, t: int, hold_ns: int) -> bool:
    """Is the face seen, or was it just now?"""
    return face.seen_ns is not None and t - face.seen_ns <= hold_ns


def availability(
    state: FusionState, t: int, calibrated: float, health: Reason, config: FusionConfig
) -> tuple[Availability, Reason]:
    """The first that holds: broken input, no sight, a sense of head or eyes missing,
    pictures unlike the training, learning, another sense missing, fine."""
    if health == Reason.IMAGE_FROZEN:
        return Availability.FAULT, health
    lost = state.slow.lost
    if not in_sight(state.face, t, state.tuning.hold_ns):
        return _faceless(state, t, health, config)
    if health in _HINDER:
        return Availability.DEGRADED, health
    for one in lost:
        if one.sense in (Sense.FACE, Sense.EYES):
            return Availability.DEGRADED, one.why
    if health == Reason.INPUT_UNFAMILIAR:
        return Availability.DEGRADED, health
    if calibrated < 1:
        return Availability.CALIBRATING, Reason.NONE
    for one in lost:
        if one.sense in (Sense.MOUTH, Sense.SPEED):
            return Availability.DEGRADED, one.why
    return Availability.OK, Reason.NONE


def _faceless(
    state: FusionState, t: int, health: Reason, config: FusionConfig
) -> tuple[Availability, Reason]:
    why = health if health in IMAGE else Reason.NO_FACE
    if state.face.lost_away or state.lids.presumed:
        return Availability.DEGRADED, why
    # of frames whose stamps stand still, as long as they do so, none is young
    young = t - state.first_ns < config.starting_ms * MS and health != Reason.FRAMES_LATE
    if state.face.seen_ns is None and young and why == Reason.NO_FACE:
        return Availability.UNAVAILABLE, Reason.STARTING
    return Availability.UNKNOWN, why
