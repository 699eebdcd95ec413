"""Is the input fit to judge a driver by? Stamps and image quality in, one reason out.

Pure functions: time comes from the frames' own stamps; the watchdog's decisions take it as an
argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dms.config import MS, HealthConfig
from dms.types import Observation, Quality, Reason


@dataclass(frozen=True, slots=True)
class HealthState:
    """What must be remembered between frames; times are stamps [ns]."""

    t_ns: int | None = None
    late_ns: int | None = None
    """The last late frame."""
    frozen_since_ns: int | None = None
    image: Reason = Reason.NONE
    image_since_ns: int = 0
    unfamiliar: bool = False


def start() -> HealthState:
    return HealthState()


def step(
    state: HealthState, observation: Observation, config: HealthConfig
) -> tuple[HealthState, Reason]:
    """The next state, and what is wrong with the input (NONE: nothing).

    Frozen before late before what the image shows: the first two say that the image is not news.
    Last, pictures unlike the networks' training data: a slow mean, so it needs no persistence.
    """
    state = _advance(state, observation, config)
    return state, _verdict(state, observation, config)


def _advance(state: HealthState, observation: Observation, config: HealthConfig) -> HealthState:
    t, quality = observation.t_ns, observation.quality
    late = state.t_ns is not None and not 0 <= t - state.t_ns <= config.late_ms * MS
    frozen_since = state.frozen_since_ns
    if quality.frozen_frames == 0:
        frozen_since = None
    elif frozen_since is None:
        frozen_since = t if state.t_ns is None else state.t_ns
    image = image_fault(quality, config)
    bound = config.drift_clear if state.unfamiliar else config.drift_limit
    return replace(
        state,
        t_ns=t,
        late_ns=t if late else state.late_ns,
        frozen_since_ns=frozen_since,
        image=image,
        image_since_ns=state.image_since_ns if image == state.image else t,
        unfamiliar=quality.drift is not None and quality.drift >= bound,
    )


def _verdict(state: HealthState, observation: Observation, config: HealthConfig) -> Reason:
    t = observation.t_ns
    if (
        state.frozen_since_ns is not None
        and t - state.frozen_since_ns >= config.frozen_ms * MS
        and observation.quality.frozen_frames >= config.frozen_min_frames
    ):
        return Reason.IMAGE_FROZEN
    if state.late_ns is not None and 0 <= t - state.late_ns < config.late_clear_ms * MS:
        return Reason.FRAMES_LATE
    if state.image != Reason.NONE and t - state.image_since_ns >= config.persist_ms * MS:
        return state.image
    return Reason.INPUT_UNFAMILIAR if state.unfamiliar else Reason.NONE


def image_fault(quality: Quality, config: HealthConfig) -> Reason:
    """What one image by itself shows: too dark, too bright, or nothing at all."""
    if quality.dark >= config.dark_share:
        return Reason.IMAGE_DARK
    if quality.saturated >= config.saturated_share:
        return Reason.IMAGE_SATURATED
    if quality.contrast <= config.blank_contrast:
        return Reason.IMAGE_BLANK
    return Reason.NONE


def stalled(last_done_ns: int, now_ns: int, config: HealthConfig) -> bool:
    """No frame was completed for too long: say "unavailable", never repeat the last state."""
    return now_ns - last_done_ns >= config.stall_ms * MS


def may_ping(last_done_ns: int, now_ns: int, config: HealthConfig) -> bool:
    """May the service watchdog be pinged? Only completed frames prove that the monitor works."""
    return 0 <= now_ns - last_done_ns < config.watchdog_ms * MS
