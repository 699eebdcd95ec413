"""What keeps a cause that is there from being alerted: by name, with its numbers."""

from __future__ import annotations

import math

from dms.alerts.memory import NO_LOOK, Gate, Look, Pedals
from dms.alerts.now import Hold, Now, seconds
from dms.config import MS
from dms.types import AlertKind, Check, GazeZone, Gear, Indicator, What

LOOKS = frozenset({AlertKind.DISTRACTION, AlertKind.LOW_GAZE, AlertKind.SHORT_DISTRACTION})
"""Kinds that one look away may raise: the first that does speaks for the others."""

UNKNOWN = Gate()
INDICATOR, STEERING, STANDSTILL = "indicator", "steering angle", "standstill"

_INSIDE = frozenset(
    {
        GazeZone.CLUSTER,
        GazeZone.CENTRE_STACK,
        GazeZone.DASH,
        GazeZone.LAP,
        GazeZone.FOOTWELL,
        GazeZone.GLOVEBOX,
    }
)
"""Where nothing of the traffic is seen: no exemption."""


def pass_gate(gate: Gate, now: Now, limit_kmh: float, lost: bool) -> Gate:
    """The gate after this frame's speed. An unknown one changes nothing, but a slow one that is
    `lost` is forgotten."""
    if now.speed_kmh is None:
        return UNKNOWN if lost and gate.verdict is False else gate
    verdict = now.speed_kmh >= limit_kmh
    if verdict == gate.verdict:
        return gate
    since_ns = now.t_ns
    if gate.verdict is None:  # nothing to flicker from
        since_ns -= now.config.speed_confirm_ms * MS
    return Gate(verdict, since_ns)


def too_slow(gate: Gate, now: Now, setting: str) -> Hold | None:
    """Standstill, or a speed not above the gate's limit for long enough."""
    config, speed = now.config, now.speed_kmh
    if speed is not None and speed < config.standstill_kmh:
        return Hold(
            What.EXEMPTED, STANDSTILL, now.speed_check(config.standstill_kmh, "standstill_kmh")
        )
    if gate.verdict is None:
        silent = not config.unknown_speed_is_driving
        return Hold(What.SUPPRESSED, "speed never known") if silent else None
    if not gate.verdict:
        limit: float = getattr(config, setting)
        return Hold(What.SUPPRESSED, "below the activation speed", now.speed_check(limit, setting))
    held_ns = now.t_ns - gate.since_ns
    if held_ns >= config.speed_confirm_ms * MS:
        return None
    check = seconds("speed held", held_ns, config.speed_confirm_ms, "alerts.speed_confirm_ms", "<")
    return Hold(What.SUPPRESSED, "activation speed not yet confirmed", (check,))


def reversing(now: Now) -> Hold | None:
    """Reverse gear: one looks where one goes, and with open eyes."""
    wanted = now.config.exempt_reverse and now.vehicle.gear == Gear.REVERSE
    if wanted and now.driver.eyes_closed_ns == 0:
        return Hold(What.EXEMPTED, "reverse gear")
    return None


def assisted(now: Now) -> Hold | None:
    """Where the profile wants one ladder of looks, the assistance's own."""
    if now.config.eyes_on_alone and now.vehicle.assistance_active:
        return Hold(What.SUPPRESSED, "the eyes-on ladder stands in")
    return None


def follow_look(before: Look, now: Now) -> Look:
    """The present look away: which exemption holds, and how much of it does not count."""
    driver = now.driver
    off_ns = driver.eyes_off_road_ns
    if off_ns <= 0 or driver.eyes_on_road is not False:
        return NO_LOOK
    side = _side(now)
    side = before.side if side is None else side
    rule = _exemption(now, side)
    dt_ns = now.dt_ns if before.lasts else off_ns
    if not rule:
        return Look(before.exempt_ns, side, before.rule)
    exempt_ns = min(before.exempt_ns + dt_ns, off_ns, now.config.exempt_max_ms * MS)
    return Look(exempt_ns, side, rule, holds=True)


def follow_pedals(before: Pedals, now: Now) -> Pedals:
    """Whether a pedal was moved: the brake pressed or released, the accelerator by more than a foot
    that rests on it does. With closed eyes it was not the driver's will."""
    brake, accelerator = now.vehicle.brake_pressed, now.vehicle.accelerator
    if brake is None:
        brake = before.brake
    moved = before.brake is not None and brake != before.brake
    if accelerator is None:
        accelerator = before.accelerator
    elif before.accelerator is not None:
        if abs(accelerator - before.accelerator) >= now.config.pedal_moved:
            moved = True
        else:
            accelerator = before.accelerator
    if moved and now.driver.eyes_closed_ns == 0:
        return Pedals(brake, accelerator, now.t_ns)
    return Pedals(brake, accelerator, before.moved_ns)


def _side(now: Now) -> int | None:
    """1 to the left, -1 to the right, 0 neither; None: not known."""
    driver = now.driver
    yaw = driver.head_yaw_rad if driver.gaze_yaw_rad is None else driver.gaze_yaw_rad
    if yaw is None:
        return None
    if not abs(yaw) >= math.radians(now.config.exempt_side_deg):
        return 0
    return 1 if yaw > 0 else -1


def _exemption(now: Now, side: int) -> str:
    """Its name, empty when none holds."""
    config, vehicle, zone = now.config, now.vehicle, now.driver.zone
    if zone in _INSIDE:
        return ""
    if config.exempt_indicator and vehicle.indicator in (Indicator.LEFT, Indicator.RIGHT):
        signalled = 1 if vehicle.indicator == Indicator.LEFT else -1
        if side == signalled or zone == GazeZone.MIRROR_REAR:
            return INDICATOR
    turned, limit = vehicle.steering_rad, config.exempt_steering_deg
    if turned is not None and limit is not None and abs(turned) >= math.radians(limit):
        return STEERING if side == (1 if turned > 0 else -1) else ""
    return ""


def exempted(now: Now) -> Hold:
    """The exemption of the present look, with its numbers."""
    config, checks = now.config, list[Check]()
    if now.look.rule == STEERING:
        turned = abs(math.degrees(now.vehicle.steering_rad or 0.0))
        limit = config.exempt_steering_deg or 0.0
        key = "alerts.exempt_steering_deg"
        checks.append(Check(STEERING, round(turned, 1), ">=", limit, "deg", key))
    limit_ms = config.exempt_max_ms
    used = seconds("exempt time", now.look.exempt_ns, limit_ms, "alerts.exempt_max_ms", "<=")
    return Hold(What.EXEMPTED, now.look.rule, (*checks, used))


def shared(kind: AlertKind, level: int, now: Now) -> Hold | None:
    """What holds one look back: driving itself, another kind that spoke of it at least as
    urgently."""
    if kind not in LOOKS:
        return None
    if any(now.track(other).level >= level for other in LOOKS - {kind}):
        return Hold(What.SUPPRESSED, "one look, one alert")
    return exempted(now) if kind == AlertKind.SHORT_DISTRACTION and now.look.holds else None
