"""What each kind of alert goes by: is its cause here, and how long or how much of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dms.alerts.now import Now
from dms.config import MS, Ladder
from dms.config.alerts import limits
from dms.types import AlertKind, Availability, Reason

Limits = tuple[int | None, int | None, int | None]
"""Of levels 1, 2 and 3 [ms]; None: never that level."""


class Measure(NamedTuple):
    """One value against one ladder."""

    rule: str
    value_ns: int
    limits: Limits
    setting: str
    """The ladder's key in the configuration, or the whole key of its only level."""
    extra_ns: int = 0
    """Added to each limit."""
    extra_setting: str = ""
    """The key of what was added."""
    speed: str = "activation_speed_kmh"
    """The setting of the speed from which it counts."""


class Cue(NamedTuple):
    """A cause as seen now: present, clear (False) or unknown (None). Measured while present."""

    present: bool | None
    measures: tuple[Measure, ...] = ()


EXEMPT = "alerts.exempt_max_ms"
_BROKEN = (Availability.UNAVAILABLE, Availability.FAULT)
UNKNOWN, CLEAR = Cue(None), Cue(False)


def level_of(measures: tuple[Measure, ...], above: int) -> tuple[int, Measure | None]:
    """The highest level over `above` that a measure reaches, and the first that does."""
    for level in range(3, above, -1):
        for m in measures:
            limit = m.limits[level - 1]
            if limit is not None and m.value_ns >= limit * MS + m.extra_ns:
                return level, m
    return 0, None


def exempt_level(measures: tuple[Measure, ...]) -> int:
    """The highest level that would be reached if nothing were exempt; 0: none, or nothing is."""
    bare = tuple(m._replace(extra_ns=0) for m in measures if m.extra_setting == EXEMPT)
    return level_of(bare, 0)[0]


def _ladder(name: str, rule: str, value_ns: int, ladder: Ladder) -> Measure:
    return Measure(rule, value_ns, limits(ladder), f"alerts.{name}")


def broken(now: Now) -> bool:
    """Nothing that the state says of the driver may be used."""
    return now.driver.availability in _BROKEN


def _gaze(now: Now, away: bool) -> bool | None:
    """Off the road is present; clear needs eyes on the road that at most blink."""
    driver = now.driver
    if driver.eyes_on_road is None or broken(now):
        return None
    if not driver.eyes_on_road:
        return True if away else None
    return None if driver.eyes_closed_ns > now.config.end_blink_ms * MS else False


def distraction(now: Now) -> Cue:
    """One long look; what driving made of it does not count."""
    off_ns = now.driver.eyes_off_road_ns
    present = _gaze(now, off_ns > 0)
    if not present:
        return Cue(present)
    name = "distraction_slow" if now.below(now.config.fast_speed_kmh) else "distraction"
    measure = _ladder(name, "eyes off the road", off_ns, getattr(now.config, name))
    if now.look.exempt_ns:
        measure = measure._replace(extra_ns=now.look.exempt_ns, extra_setting=EXEMPT)
    return Cue(True, (measure,))


def low_gaze(now: Now) -> Cue:
    """A look into Area 3."""
    value = now.driver.area3_ns
    present = _gaze(now, value > 0)
    if not present:
        return Cue(present)
    name = "low_gaze_slow" if now.below(now.config.fast_speed_kmh) else "low_gaze"
    measure = _ladder(name, "low gaze", value, getattr(now.config, name))
    if _degraded(now) and now.config.low_gaze_extra_ms:
        extra_ns, key = now.config.low_gaze_extra_ms * MS, "alerts.low_gaze_extra_ms"
        measure = measure._replace(extra_ns=extra_ns, extra_setting=key)
    return Cue(True, (measure,))


def _degraded(now: Now) -> bool:
    """A sense of the driver is missing; without a speed he is seen as well as ever."""
    driver = now.driver
    return driver.availability == Availability.DEGRADED and driver.reason != Reason.SPEED_UNKNOWN


def short_distraction(now: Now) -> Cue:
    """Many short looks, of which one goes on."""
    value = now.driver.vats_away_ns
    present = _gaze(now, value > 0)
    if not present:
        return Cue(present)
    ladder = now.config.short_distraction
    return Cue(True, (_ladder("short_distraction", "short looks away", value, ladder),))


def phone(now: Now) -> Cue:
    """A phone in use, and how much it was looked at."""
    driver, config = now.driver, now.config
    if not driver.hands_seen or broken(now):
        return UNKNOWN
    if driver.phone_ns <= 0:
        return CLEAR
    held = _ladder("phone", "phone in use", driver.phone_ns, config.phone)
    seen = _ladder("phone_gaze", "looks at the phone", driver.phone_away_ns, config.phone_gaze)
    return Cue(True, (held, seen))


def closed(name: str) -> Callable[[Now], Cue]:
    """Closed eyes, against the named ladder. Eyes that are not found are unknown."""

    def cue(now: Now) -> Cue:
        driver = now.driver
        if driver.eye_open is None or broken(now):
            return UNKNOWN
        if driver.eyes_closed_ns <= 0:
            return CLEAR
        ladder = getattr(now.config, name)
        return Cue(True, (_ladder(name, "eyes closed", driver.eyes_closed_ns, ladder),))

    return cue


def _unattending(now: Now) -> bool | None:
    """Away or with closed eyes is present, but a blink with the eyes on the road; what stands from
    before one of them could be told is not."""
    driver = now.driver
    if broken(now) or (driver.eyes_on_road is None and driver.eyes_closed_ns == 0):
        return None
    blink_ns = now.config.end_blink_ms * MS
    if driver.unresponsive_ns > (blink_ns if driver.eyes_on_road else 0):
        return True
    return False if driver.eyes_on_road and driver.eyes_closed_ns <= blink_ns else None


def unresponsive(now: Now) -> Cue:
    """Away or with closed eyes for long, or without return since a warning."""
    present = _unattending(now)
    if not present:
        return Cue(present)
    config, value = now.config, now.driver.unresponsive_ns
    measures: tuple[Measure, ...] = (
        _ladder("unresponsive", "unresponsive", value, config.unresponsive),
    )
    warned = now.warned_ns()
    if config.unresponsive_warned_ms is not None and 0 < warned <= value:
        limit = (None, None, config.unresponsive_warned_ms)
        rule, key = "no return after a warning", "alerts.unresponsive_warned_ms"
        measures += (Measure(rule, warned, limit, key),)
    return Cue(True, measures)


def eyes_on(now: Now) -> Cue:
    """Not attending while assistance is active."""
    present = _unattending(now) if now.vehicle.assistance_active else None
    return Cue(True, (_assisted(now),)) if present else Cue(present)


def _assisted(now: Now) -> Measure:
    speed = now.speed_kmh
    fast = speed is not None and speed >= now.config.eyes_on_fast_speed_kmh
    name = "eyes_on_fast" if fast else "eyes_on"
    value = now.driver.unresponsive_ns
    measure = _ladder(name, "eyes on requested", value, getattr(now.config, name))
    return measure._replace(speed="eyes_on_speed_kmh")


def emergency(now: Now) -> Cue:
    """No answer to the distinct warning, by gaze or foot, or to the eyes-on ladder's last step."""
    present = _unattending(now)
    if not present:
        return Cue(present)
    measures: tuple[Measure, ...] = ()
    warning = now.track(AlertKind.UNRESPONSIVE)
    if warning.level == 3 and now.config.emergency_ms is not None:
        waited = now.t_ns - max(warning.rose_ns, now.pedals.moved_ns or 0)
        waited = min(waited, now.driver.unresponsive_ns)  # not of a look since one back
        limit = (None, None, now.config.emergency_ms)
        measures = (Measure("no answer to the warning", waited, limit, "alerts.emergency_ms"),)
    if now.track(AlertKind.EYES_ON).level == 3:
        last = _assisted(now)
        measures += (last._replace(rule="no answer to the eyes on request"),)
    return Cue(True, measures)
