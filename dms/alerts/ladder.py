"""One kind of alert from frame to frame: raise, rise, last, end, or be held back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dms.alerts.cues import Cue, Measure, exempt_level, level_of
from dms.alerts.holds import exempted, shared
from dms.alerts.memory import Track
from dms.alerts.now import Hold, Now, seconds, words
from dms.config import MS
from dms.config.alerts import LADDERS
from dms.types import AlertKind, Check, What


@dataclass(frozen=True, slots=True)
class Terms:
    """How alerts of one kind end and repeat: names of settings."""

    kind: AlertKind
    ends_by: str
    """What is the case when the cause is clear."""
    end: str = "end_ms"
    hold: str = "unknown_hold_ms"
    gap: str = "gap_ms"


def advance(track: Track, cue: Cue, terms: Terms, hold: Hold | None, now: Now) -> Track:
    """The track after this frame. hold: what keeps this kind from alerting at all."""
    if track.level == 0:
        return _idle(track, cue, terms, hold, now)
    if hold is not None:
        return end(track, terms.kind, now, hold.rule, hold.checks)
    if cue.present:
        return _rise(replace(track, cause_ns=now.t_ns, clear_ns=None), cue, terms, now)
    return _wane(track, cue, terms, now)


def _wane(track: Track, cue: Cue, terms: Terms, now: Now) -> Track:
    """Active, and the cause is not to be seen."""
    t = now.t_ns
    clear_ns = None
    if cue.present is False:
        clear_ns = t if track.clear_ns is None else track.clear_ns
        limit: int = getattr(now.config, terms.end)
        if t - clear_ns >= limit * MS:
            check = seconds(terms.ends_by, t - clear_ns, limit, f"alerts.{terms.end}")
            return end(track, terms.kind, now, terms.ends_by, (check,))
    limit = getattr(now.config, terms.hold)
    unseen_ns = t - track.cause_ns
    if unseen_ns >= limit * MS:
        check = seconds("cause unseen", unseen_ns, limit, f"alerts.{terms.hold}")
        spent = cue.present is None
        return end(track, terms.kind, now, "cause unseen", (check,), spent=spent)
    return replace(track, clear_ns=clear_ns)


def _idle(track: Track, cue: Cue, terms: Terms, hold: Hold | None, now: Now) -> Track:
    if not cue.present:
        if cue.present is False and (track.spent or track.held):
            return replace(track, spent=False, held="")
        return track
    level, measure = level_of(cue.measures, 0)
    if measure is None:
        level = exempt_level(cue.measures)
        return held_back(track, terms.kind, level, exempted(now), now) if level else track
    hold = hold or _resting(track, terms, now) or shared(terms.kind, level, now)
    if hold is not None:
        return held_back(track, terms.kind, level, hold, now)
    return _rise(replace(track, held="", clear_ns=None, cause_ns=now.t_ns), cue, terms, now)


def _resting(track: Track, terms: Terms, now: Now) -> Hold | None:
    """This cause was alerted already, or the last alert of the kind is too near."""
    if track.spent:
        return Hold(What.SUPPRESSED, "already alerted")
    if track.ended_ns is None:
        return None
    rested_ns, gap_ms = now.t_ns - track.ended_ns, getattr(now.config, terms.gap)
    if rested_ns >= gap_ms * MS:
        return None
    check = seconds("since the last", rested_ns, gap_ms, f"alerts.{terms.gap}", "<")
    return Hold(What.SUPPRESSED, "minimum gap", (check,))


def held_back(track: Track, kind: AlertKind, level: int, hold: Hold, now: Now) -> Track:
    """Not raised; told once for each cause and rule."""
    if track.held == hold.rule:
        return track
    now.note(hold.what, kind, level, now.t_ns, hold.rule, hold.checks)
    return replace(track, held=hold.rule)


def _rise(track: Track, cue: Cue, terms: Terms, now: Now) -> Track:
    """The highest level whose limit is reached, never below the present one."""
    level, measure = level_of(cue.measures, track.level)
    if measure is None:
        return track
    limit_kmh: float = getattr(now.config, measure.speed)
    checks = (*_checks(measure, level), *now.speed_check(limit_kmh, measure.speed))
    return risen(track, terms.kind, level, measure.rule, checks, now)


def _checks(measure: Measure, level: int) -> tuple[Check, ...]:
    """The measure against its limit, and what was added to that."""
    limit_ms = measure.limits[level - 1]
    assert limit_ms is not None
    key = measure.setting
    if key.removeprefix("alerts.") in LADDERS:
        key = f"{key}.level{level}_ms"
    extra = measure.extra_ns
    first = seconds(measure.rule, measure.value_ns, limit_ms + extra / MS, key)
    if not extra:
        return (first,)
    return first, seconds("of it added", extra, extra / MS, measure.extra_setting, "=")


def risen(
    track: Track, kind: AlertKind, level: int, rule: str, checks: tuple[Check, ...], now: Now
) -> Track:
    """The track at a higher level, written down. The first check's name begins with the rule."""
    speed = "speed unknown" if now.speed_kmh is None else f"speed {now.speed_kmh:.0f} km/h"
    reason = f"{words(checks[0])} (level {level}, {speed})"
    t = now.t_ns
    since_ns = track.since_ns if track.level else t
    what = What.CHANGED if track.level else What.RAISED
    now.note(what, kind, level, since_ns, rule, checks, reason)
    warned_ns = (track.warned_ns or t) if level >= 2 else 0
    return replace(
        track, level=level, since_ns=since_ns, rose_ns=t, warned_ns=warned_ns, reason=reason
    )


def end(
    track: Track,
    kind: AlertKind,
    now: Now,
    rule: str,
    checks: tuple[Check, ...] = (),
    *,
    spent: bool = False,
) -> Track:
    """Active no more. spent: its cause must be seen clear before it may raise again."""
    now.note(What.ENDED, kind, 0, track.since_ns, rule, checks)
    return Track(ended_ns=now.t_ns, spent=spent, held=rule)
