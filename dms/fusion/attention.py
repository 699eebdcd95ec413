"""Where the driver attends: from head and gaze in the camera frame to a probability of away."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.fusion.tuning import Tuning
from dms.types import Face

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


def roll_to(neutral: Angles, angles: Angles, roll_rad: float) -> float:
    """The roll of a head with camera-frame `angles` in the frame whose straight ahead is
    `neutral`."""
    (yaw0, pitch0), (yaw, pitch) = neutral, angles
    turned, tilt = math.sin(yaw - yaw0), math.sin(pitch0)
    upright = math.cos(pitch0) * math.cos(pitch) + tilt * math.sin(pitch) * math.cos(yaw - yaw0)
    return roll_rad + math.atan2(tilt * turned, upright)


@dataclass(frozen=True, slots=True)
class Gaze:
    """Both eyes' gaze as one: camera frame, with the sigma of one axis [rad]."""

    angles: Angles
    sigma_rad: float


def merge_gaze(face: Face, tuning: Tuning) -> Gaze | None:
    """The visible eyes' gaze, weighted by visibility and certainty; None: no eye shows it. What is
    behind lenses that are surely dark is not visible, whatever the eyes' network makes of it.

    The eyes' errors are mostly shared (head pose, lids), so two are not more certain than one.
    """
    total = yaw_sum = pitch_sum = sigma_sum = 0.0
    through = 1.0 - face.sunglasses
    for eye in (face.eye_left, face.eye_right):
        yaw, pitch, sigma = eye.gaze_yaw_rad, eye.gaze_pitch_rad, eye.gaze_sigma_rad
        if yaw is None or pitch is None or sigma is None:
            continue
        seen = eye.visible * through
        if not tuning.visible_min <= seen <= 1.0 or not math.isfinite(yaw + pitch + sigma):
            continue
        sigma = max(sigma, tuning.gaze_sigma_min)
        weight = seen / (sigma * sigma)
        total += weight
        yaw_sum += weight * yaw
        pitch_sum += weight * pitch
        sigma_sum += weight * sigma
    if total == 0.0:
        return None
    return Gaze((yaw_sum / total, pitch_sum / total), sigma_sum / total)


@dataclass(frozen=True, slots=True)
class Direction:
    """Head and gaze as one direction: vehicle frame [rad]."""

    weight: float
    """Gaze's, 0-1; 0: the head alone."""
    angles: Angles
    sigma_rad: float
    """Of one axis."""


AHEAD = Direction(0.0, (0.0, 0.0), 1.0)
"""Where the driver is taken to look before anything is seen, which says nothing."""


def mix(face: Face, head: Angles, gaze: tuple[Angles, float] | None, tuning: Tuning) -> Direction:
    """Gaze as the eyes tell it, fading as the face turns from the camera. The network has drawn it
    to the head by how unsure it is: of the eyes' turn a share `told` comes through, which is what
    gaze weighs. Drawn further, rare looks by the eyes alone would go unseen."""
    sigma_h = max(face.rotation_sigma_rad, tuning.head_sigma_min)
    if gaze is None:
        return Direction(0.0, head, sigma_h)
    (yaw, pitch), sigma_g = gaze
    fade = min(1.0, max(0.0, (tuning.gaze_fade_end - abs(face.yaw_rad)) * tuning.gaze_fade_scale))
    told = max(0.0, 1.0 - sigma_g * sigma_g / tuning.stray_variance)
    weight = fade * told
    angles = (head[0] + fade * (yaw - head[0]), head[1] + fade * (pitch - head[1]))
    sigma = math.hypot(fade * math.sqrt(told) * sigma_g, (1 - weight) * sigma_h)
    return Direction(weight, angles, sigma)


def away_probability(direction: Direction, margin: float, tuning: Tuning) -> float:
    """How likely the driver looks off the road: outside the ellipse of `tuning.limits`, by how far
    the direction lies from its edge along the ray from straight ahead."""
    (yaw, pitch), sigma = direction.angles, direction.sigma_rad
    side, up, down = tuning.limits(direction.weight)
    vertical = up if pitch > 0 else down
    off = math.hypot(yaw, pitch)
    share = math.hypot(yaw / side, pitch / vertical)
    edge = margin * (off / share if share > 0 else max(side, up, down))
    return logistic((off - edge) / sigma)


def area3_probability(direction: Direction, tuning: Tuning) -> float:
    """How likely the driver looks below the plane of Area 3."""
    w = direction.weight
    limit = w * tuning.area3[0] + (1 - w) * tuning.area3[1]
    return logistic((-limit - direction.angles[1]) / direction.sigma_rad)
