"""Is the input fit to judge a driver by? Stamps, image quality and heat in, one reason out.

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
    crowded: int = 0
    """Frames in a row whose stamps hardly advanced."""
    mark: tuple[int, int] | None = None
    """From where stamps are compared with the clock here: the stamp, and that clock's time then."""
    astray: bool = False
    """They did not advance alike."""
    frozen_since_ns: int | None = None
    image: Reason = Reason.NONE
    image_since_ns: int = 0
    soft_ns: int | None = None
    """The last face that was much less sharp than its frame."""
    mean: float | None = None
    """Of the last picture's grey levels."""
    went_out: bool = False
    """The pictures are dark, and were not one frame before they first were."""
    hot: bool = False
    unfamiliar: bool = False


def start() -> HealthState:
    return HealthState()


def step(
    state: HealthState,
    observation: Observation,
    config: HealthConfig,
    degc: float | None = None,
    now_ns: int | None = None,
) -> tuple[HealthState, Reason]:
    """The next state, and what is wrong with the input (NONE: nothing).

    Frozen before late before what the image shows: the first two say that the image is not news.
    Then heat [degC, None: not known]; last, pictures unlike the networks' training data: a slow
    mean, so it needs no persistence. now_ns: when it was seen, on a clock that goes right, which
    stamps must keep up with (None: a recording).
    """
    state = _advance(state, observation, config, degc, now_ns)
    return state, _verdict(state, observation, config)


def _advance(
    state: HealthState,
    observation: Observation,
    config: HealthConfig,
    degc: float | None,
    now_ns: int | None,
) -> HealthState:
    t, quality = observation.t_ns, observation.quality
    state, late = _keep_time(state, t, now_ns, config)
    frozen_since = state.frozen_since_ns
    if quality.frozen_frames == 0:
        frozen_since = None
    elif frozen_since is None:
        frozen_since = t if state.t_ns is None else state.t_ns
    image = image_fault(quality, config)
    soft_ns = t if image == Reason.LENS_DIRTY else state.soft_ns
    if image == Reason.NONE and _behind_dirt(state, observation, config):
        image = Reason.LENS_DIRTY
    at_once = state.mean is not None and quality.mean <= config.led_fall * state.mean
    went_out = state.went_out if image == state.image else at_once and not late
    cooler = config.hot_hysteresis_degc if state.hot else 0.0
    bound = config.drift_clear if state.unfamiliar else config.drift_limit
    return replace(
        state,
        t_ns=t,
        late_ns=t if late else state.late_ns,
        frozen_since_ns=frozen_since,
        image=image,
        image_since_ns=state.image_since_ns if image == state.image else t,
        soft_ns=soft_ns,
        mean=quality.mean,
        went_out=went_out and image == Reason.IMAGE_DARK,
        hot=degc is not None and degc >= config.hot_degc - cooler,
        unfamiliar=quality.drift is not None and quality.drift >= bound,
    )


def _keep_time(
    state: HealthState, t: int, now_ns: int | None, config: HealthConfig
) -> tuple[HealthState, bool]:
    """Whether the frame is late by its stamp, and how the stamps fare against the clock here."""
    step_ns = None if state.t_ns is None else t - state.t_ns
    crowds = step_ns is not None and 0 <= step_ns < config.stamp_min_ms * MS
    crowded = state.crowded + 1 if crowds else 0
    gap = step_ns is not None and not 0 <= step_ns <= config.late_ms * MS
    late = gap or crowded >= config.stamp_min_frames
    mark, astray = state.mark, state.astray
    if now_ns is None or mark is None or late:
        mark = None if now_ns is None else (t, now_ns)
    elif (passed_ns := now_ns - mark[1]) >= config.clock_ms * MS:
        most = config.clock_factor
        astray = not passed_ns / most <= t - mark[0] <= passed_ns * most
        mark = (t, now_ns)
    return replace(state, crowded=crowded, mark=mark, astray=astray), late


def _behind_dirt(state: HealthState, observation: Observation, config: HealthConfig) -> bool:
    """Was the face soft just now, and is none seen that says otherwise?"""
    return (
        state.image == Reason.LENS_DIRTY
        and state.soft_ns is not None
        and observation.quality.face_sharpness is None
        and 0 <= observation.t_ns - state.soft_ns < config.dirt_ms * MS
    )


def _verdict(state: HealthState, observation: Observation, config: HealthConfig) -> Reason:
    t = observation.t_ns
    if (
        state.frozen_since_ns is not None
        and t - state.frozen_since_ns >= config.frozen_ms * MS
        and observation.quality.frozen_frames >= config.frozen_min_frames
    ):
        return Reason.IMAGE_FROZEN
    recent = state.late_ns is not None and 0 <= t - state.late_ns < config.late_clear_ms * MS
    if recent or state.astray:
        return Reason.FRAMES_LATE
    lasts_ns = t - state.image_since_ns
    if state.went_out and lasts_ns >= config.led_off_ms * MS:
        return Reason.LED_OFF
    slow = {Reason.IMAGE_BLURRED: config.blur_ms, Reason.LENS_DIRTY: config.dirt_ms}
    persist_ms = slow.get(state.image, config.persist_ms)
    if state.image != Reason.NONE and lasts_ns >= persist_ms * MS:
        return state.image
    if state.hot:
        return Reason.TOO_HOT
    return Reason.INPUT_UNFAMILIAR if state.unfamiliar else Reason.NONE


def image_fault(quality: Quality, config: HealthConfig) -> Reason:
    """What one image by itself shows: too dark, too bright, nothing at all, no sharp edge, or a
    soft face in a sharp frame."""
    if quality.dark >= config.dark_share:
        return Reason.IMAGE_DARK
    if quality.saturated >= config.saturated_share:
        return Reason.IMAGE_SATURATED
    if quality.contrast <= config.blank_contrast:
        return Reason.IMAGE_BLANK
    if quality.sharpness is not None and quality.sharpness <= config.blur_sharpness:
        return Reason.IMAGE_BLURRED
    face, frame = quality.face_sharpness, quality.sharpness
    if face is not None and frame is not None and face <= config.dirt_sharpness * frame:
        return Reason.LENS_DIRTY
    return Reason.NONE


def may_ping(last_done_ns: int, now_ns: int, config: HealthConfig) -> bool:
    """May the service watchdog be pinged? Only completed frames prove that the monitor works."""
    return 0 <= now_ns - last_done_ns < config.watchdog_ms * MS
