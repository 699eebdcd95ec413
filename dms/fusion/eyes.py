"""Eye closure of both eyes: how open, how likely closed. Not found is never closed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.config import FusionConfig
from dms.fusion.attention import logistic
from dms.types import Face

LOOKDOWN_FULL_RAD = math.radians(40.0)
"""Looking down this far the lids have lost `lookdown_open_loss` of their opening."""


@dataclass(frozen=True, slots=True)
class Lids:
    """The visible eyes as one: openness of this driver's own, probability of closed."""

    open: float
    closed: float
    expected: float
    """Openness as a share of what looking down leaves of it."""
    sigma: float
    """Of `open`, by the network's own word."""
    of_left: float | None = None
    """Openness of the left eye alone; None: not visible."""
    of_right: float | None = None


def lids(
    face: Face, down_rad: float, yawning: bool, unit: float, config: FusionConfig
) -> Lids | None:
    """None when no eye is visible. One visible eye speaks for both; of two, a wink is not closed,
    and one that hardly shows counts less; none is visible behind lenses that are surely dark.

    down_rad: how far the driver looks down, >= 0; expected openness is less, so that a glance at
    the cluster is no closure (look-down guard). yawning: the mouth is wide open. unit: the
    network's openness that counts as 1.
    """
    total = openness = closed = spread = 0.0
    each: list[float | None] = []
    through = 1.0 - face.sunglasses
    most = config.closed_open_max * (config.yawn_open_share if yawning else 1.0)
    left = 1.0 - config.lookdown_open_loss * min(1.0, down_rad / LOOKDOWN_FULL_RAD)
    for eye in (face.eye_left, face.eye_right):
        seen = eye.visible * through
        each.append(None)
        if eye.open is None or not config.visible_min <= seen <= 1.0:
            continue
        if not math.isfinite(eye.open):
            continue
        own = eye.open / unit
        sigma = max(config.open_sigma_min, eye.open_sigma or 0.0) / unit  # NaN is the least
        weight = seen * min(1.0, config.open_sigma_full / sigma) ** 2
        if not weight:
            continue
        each[-1] = own
        p = logistic((most - own / left) / sigma)
        if eye.closed is not None and math.isfinite(eye.closed):
            p = 0.5 * (p + eye.closed)
        total += weight
        openness += weight * own
        closed += weight * p
        spread += weight * sigma
    if not total:
        return None
    parted = openness / (total * left)
    return Lids(openness / total, closed / total, parted, spread / total, each[0], each[1])
