"""Where the driver attends: from head and gaze in the camera frame to a probability of away."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.config import FusionConfig
from dms.types import Eye, Face

Angles = tuple[float, float]
"""(yaw, pitch) [rad]."""

LOGISTIC = 1.702
"""Scale at which the logistic function follows the normal distribution to 0.01."""


def logistic(z: float) -> float:
    """Probability of a standard normal below z, nearly; safe for any z."""
    return 0.5 * (1.0 + math.tanh(0.5 * LOGISTIC * z))


def relative_to(neutral: Angles, angles: Angles) -> Angles:
    """A camera-frame direction in the frame whose straight ahead is `neutral`."""
    (yaw0, pitch0), (yaw, pitch) = neutral, angles
    x = math.sin(yaw - yaw0) * math.cos(pitch)
    z = math.cos(yaw - yaw0) * math.cos(pitch)
    y = math.sin(pitch)
    up = y * math.cos(pitch0) - z * math.sin(pitch0)
    ahead = y * math.sin(pitch0) + z * math.cos(pitch0)
    return math.atan2(x, ahead), math.asin(min(1.0, max(-1.0, up)))


@dataclass(frozen=True, slots=True)
class Gaze:
    """Both eyes' gaze as one: camera frame, with the sigma of one axis [rad]."""

    angles: Angles
    sigma_rad: float


def merge_gaze(face: Face, config: FusionConfig) -> Gaze | None:
    """The visible eyes' gaze, weighted by visibility and certainty; None: no eye shows it.

    The eyes' errors are mostly shared (head pose, lids), so two are not more certain than one.
    """
    total = yaw_sum = pitch_sum = sigma_sum = 0.0
    for eye in (face.eye_left, face.eye_right):
        yaw, pitch, sigma = eye.gaze_yaw_rad, eye.gaze_pitch_rad, eye.gaze_sigma_rad
        if not visible(eye, config) or yaw is None or pitch is None or sigma is None:
            continue
        if not math.isfinite(yaw + pitch + sigma):
            continue
        sigma = max(sigma, math.radians(config.gaze_sigma_min_deg))
        weight = eye.visible / (sigma * sigma)
        total += weight
        yaw_sum += weight * yaw
        pitch_sum += weight * pitch
        sigma_sum += weight * sigma
    if total == 0.0:
        return None
    return Gaze((yaw_sum / total, pitch_sum / total), sigma_sum / total)


def visible(eye: Eye, config: FusionConfig) -> bool:
    return eye.visible >= config.visible_min


def away_probability(
    face: Face, head: Angles, gaze: tuple[Angles, float] | None, margin: float, config: FusionConfig
) -> float:
    """How likely the driver looks off the road. Vehicle frame; gaze comes with its sigma.

    Gaze and head are one direction: gaze counts by its sigma against how far eyes stray from the
    head, and fades as the face turns from the camera. The limits are mixed by the same weight.
    """
    weight, direction, sigma = _mix(face, head, gaze, config)
    yaw_limit, up, down = _limits(weight, margin, config)
    yaw, pitch = direction
    inside = logistic((yaw_limit - abs(yaw)) / sigma)
    inside *= logistic((up - pitch) / sigma) * logistic((pitch + down) / sigma)
    return 1.0 - inside


def _mix(
    face: Face, head: Angles, gaze: tuple[Angles, float] | None, config: FusionConfig
) -> tuple[float, Angles, float]:
    """(gaze's weight, direction, sigma)."""
    sigma_h = max(face.rotation_sigma_rad, math.radians(config.head_sigma_min_deg))
    if gaze is None:
        return 0.0, head, sigma_h
    (yaw, pitch), sigma_g = gaze
    stray = math.radians(config.head_to_gaze_sigma_deg) ** 2 + sigma_h * sigma_h
    fade = (config.gaze_fade_end_deg - math.degrees(abs(face.yaw_rad))) / (
        config.gaze_fade_end_deg - config.gaze_fade_start_deg
    )
    w = min(1.0, max(0.0, fade)) * stray / (stray + sigma_g * sigma_g)
    direction = (w * yaw + (1 - w) * head[0], w * pitch + (1 - w) * head[1])
    return w, direction, math.hypot(w * sigma_g, (1 - w) * sigma_h)


def _limits(weight: float, margin: float, config: FusionConfig) -> tuple[float, float, float]:
    """(yaw, up, down) limits [rad] for gaze's weight."""

    def mixed(gaze_deg: float, head_deg: float) -> float:
        return math.radians(margin * (weight * gaze_deg + (1 - weight) * head_deg))

    return (
        mixed(config.gaze_yaw_limit_deg, config.head_yaw_limit_deg),
        mixed(config.gaze_pitch_up_deg, config.head_pitch_up_deg),
        mixed(config.gaze_pitch_down_deg, config.head_pitch_down_deg),
    )
