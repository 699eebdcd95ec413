"""What is worked out once from the configuration: radians, nanoseconds, filters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dms.config import MS, Config, FusionConfig
from dms.fusion.filters import EVEN, Shape

Limits = tuple[float, float, float]
"""Half axes of an ellipse: sideways, up, down [rad], all positive."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Angles [rad], times [ns]."""

    away: Shape
    closed: Shape
    opened: Shape
    phone: Shape
    wheel: Shape
    sense: Shape
    """Of a sense that is missing."""
    mouth: Shape
    yawn_most_ns: int
    """A mouth open for longer is no yawn."""
    hold_ns: int
    visible_min: float
    gaze_sigma_min: float
    head_sigma_min: float
    stray_variance: float
    """Of how far eyes turn from the head."""
    gaze_fade_end: float
    gaze_fade_scale: float
    gaze_limits: Limits
    head_limits: Limits
    pose_uncertain: float
    ahead: float
    """This close to it is straight ahead."""
    area3: tuple[float, float]
    """Where Area 3 begins, down: by gaze, by the head alone."""

    def limits(self, weight: float) -> Limits:
        """For gaze's weight: gaze's own, unless the eyes tell less than the head does."""
        weight = min(1.0, 2 * weight)
        g, h, rest = self.gaze_limits, self.head_limits, 1 - weight
        return (
            weight * g[0] + rest * h[0],
            weight * g[1] + rest * h[1],
            weight * g[2] + rest * h[2],
        )


def tune(config: Config) -> Tuning:
    """Work it out."""
    f, a, rad = config.fusion, config.attention, math.radians
    hold, age = f.hold_ms * MS, f.action_max_age_ms * MS
    tau = f.phone_tau_ms * MS
    return Tuning(
        away=Shape(f.attention_tau_ms * MS, f.away_on, f.away_off, hold, hold),
        closed=Shape(
            f.closure_tau_ms * MS, f.closed_on, f.closed_off, hold, f.closure_bridge_ms * MS
        ),
        opened=Shape(f.closure_tau_ms * MS, f.closed_on, EVEN, hold, f.closure_bridge_ms * MS),
        phone=Shape(tau, f.phone_on, f.phone_off, 2 * age, age),
        wheel=Shape(tau, f.wheel_on, f.wheel_off, 2 * age, age),
        sense=Shape(hold, EVEN, EVEN, 2 * hold, 2 * hold),
        mouth=Shape(f.attention_tau_ms * MS, f.away_on, f.away_off, hold, hold),
        yawn_most_ns=config.drowsiness.yawn_max_ms * MS,
        hold_ns=hold,
        visible_min=f.visible_min,
        gaze_sigma_min=rad(f.gaze_sigma_min_deg),
        head_sigma_min=rad(f.head_sigma_min_deg),
        stray_variance=rad(f.head_to_gaze_sigma_deg) ** 2,
        gaze_fade_end=rad(f.gaze_fade_end_deg),
        gaze_fade_scale=1 / rad(f.gaze_fade_end_deg - f.gaze_fade_start_deg),
        gaze_limits=_limits(f, "gaze"),
        head_limits=_limits(f, "head"),
        pose_uncertain=rad(f.pose_uncertain_deg),
        ahead=rad(a.ahead_deg),
        area3=(rad(a.area3_pitch_deg), rad(a.area3_head_pitch_deg)),
    )


def _limits(f: FusionConfig, of: str) -> Limits:
    names = (f"{of}_yaw_limit_deg", f"{of}_pitch_up_deg", f"{of}_pitch_down_deg")
    side, up, down = (math.radians(getattr(f, name)) for name in names)
    return side, up, down
