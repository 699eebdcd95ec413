"""What is told of the monitor and of sleepiness: once, for a while, without nagging."""

from __future__ import annotations

from dataclasses import replace

from dms.alerts.cues import broken
from dms.alerts.ladder import end, held_back, risen
from dms.alerts.memory import IDLE, UNTOLD, Sight, Track
from dms.alerts.now import Hold, Now, seconds
from dms.config import MS
from dms.types import AlertKind, Check, Reason, Sense, What

_NOT_SIGHT = frozenset({Reason.NONE, Reason.STARTING, Reason.SHUTDOWN, Reason.SPEED_UNKNOWN})
RULE, TOLD = "cannot see the driver", "told already"
KIND, DROWSY = AlertKind.CANNOT_SEE, AlertKind.DROWSY
SIGHT_LOST = frozenset(Reason) - _NOT_SIGHT
"""Reasons for which the driver is told that the monitor cannot see."""


def worst(now: Now) -> tuple[int, Reason]:
    """The gravest sense that is lost, and why; UNTOLD when all are there."""
    lost = [(one.sense, one.why) for one in now.driver.lost if one.sense != Sense.SPEED]
    if lost:
        return min(lost)
    reason = now.driver.reason
    return (Sense.FACE if reason in SIGHT_LOST else UNTOLD), reason


def watch_sight(sight: Sight, now: Now) -> Sight:
    """Told once within 10 s of losing a sense; again only of a graver one, or after good sight: of
    another at once, of the same one when long enough has passed."""
    sense, why = worst(now)
    if sense == sight.lost == sight.told == UNTOLD and sight.good_ns is None:
        return sight  # as nearly always
    sight = _follow(sight, sense, now)
    if now.track(KIND).level:
        _show(sight, now)
        return sight
    if sight.lost == UNTOLD:
        return _forget(sight, now)
    return _due(sight, why, now) if sense == sight.lost else sight


def _follow(sight: Sight, sense: int, now: Now) -> Sight:
    """What is lost, and since when; a graver loss has a time of its own."""
    t = now.t_ns
    if sense == sight.lost:
        return replace(sight, good_ns=None)
    if sense < sight.lost:
        spell_ns = t if sight.lost == UNTOLD else sight.spell_ns
        return replace(sight, lost=sense, lost_ns=t, spell_ns=spell_ns, good_ns=None)
    good_ns = t if sight.good_ns is None else sight.good_ns
    if t - good_ns < now.config.end_ms * MS:
        return replace(sight, good_ns=good_ns)
    return replace(sight, lost=sense, lost_ns=good_ns, good_ns=None)


def _forget(sight: Sight, now: Now) -> Sight:
    """Nothing is lost: after long enough the next loss is another."""
    now.put(KIND, IDLE)
    rested = now.t_ns - sight.lost_ns >= now.config.cannot_see_rearm_ms * MS
    return replace(sight, told=UNTOLD) if rested else sight


def _due(sight: Sight, why: Reason, now: Now) -> Sight:
    since_ns = sight.spell_ns if sight.told == UNTOLD else sight.lost_ns
    gone_ns, limit_ms = now.t_ns - since_ns, now.config.cannot_see_ms
    if gone_ns < limit_ms * MS:
        return sight
    name = f"{RULE}: {why.name.lower().replace('_', ' ')}"
    check = seconds(name, gone_ns, limit_ms, "alerts.cannot_see_ms")
    hold = now.slow or _just_told(sight, now)
    if sight.lost >= sight.told:
        hold = Hold(What.SUPPRESSED, TOLD, (check,))
    if hold is not None:
        now.put(KIND, held_back(now.track(KIND), KIND, 1, hold, now))
        return sight
    now.put(KIND, risen(IDLE, KIND, 1, RULE, (check,), now))
    at = sight.told_ns
    told_ns = (*at[: sight.lost], now.t_ns, *at[sight.lost + 1 :])
    return replace(sight, told=sight.lost, told_ns=told_ns)


def _just_told(sight: Sight, now: Now) -> Hold | None:
    """Of this sense he was told not long ago: if it stays lost he is told when that is over."""
    last = sight.told_ns[sight.lost]
    return None if last is None else _lately(now.t_ns - last, "cannot_see_gap_ms", now)


def _show(sight: Sight, now: Now) -> None:
    """The telling lasts a while, or until all is seen again."""
    track, seen_ns = now.track(KIND), now.t_ns - sight.lost_ns
    if now.slow is not None:
        now.put(KIND, end(track, KIND, now, now.slow.rule, now.slow.checks))
    elif sight.lost == UNTOLD:
        seen = seconds("sight", seen_ns, now.config.end_ms, "alerts.end_ms")
        now.put(KIND, end(track, KIND, now, "the driver is seen", (seen,)))
    else:
        _expire(KIND, now.config.cannot_see_show_ms, "alerts.cannot_see_show_ms", now)


def _expire(kind: AlertKind, shown_ms: int, setting: str, now: Now) -> None:
    """Ends when it was shown for long enough."""
    track = now.track(kind)
    shown_ns = now.t_ns - track.rose_ns
    if shown_ns >= shown_ms * MS:
        check = seconds("shown", shown_ns, shown_ms, setting)
        now.put(kind, end(track, kind, now, "told", (check,)))


def watch_drowsiness(told: int, hold: Hold | None, now: Now) -> int:
    """The level that the driver was last told: again of a higher one, or after a while."""
    level, check = _sleepiness(now)
    track = now.track(DROWSY)
    if hold is not None and track.level:
        now.put(DROWSY, end(track, DROWSY, now, hold.rule, hold.checks))
    elif check is None or level <= track.level:
        _rest(track, check, now)
    elif hold := hold or _again(track, told, level, now):
        now.put(DROWSY, held_back(track, DROWSY, level, hold, now))
    else:
        now.put(DROWSY, risen(track, DROWSY, level, "drowsy", (check,), now))
        return level
    return told


def _rest(track: Track, check: Check | None, now: Now) -> None:
    """Nothing new to tell."""
    if track.level:
        _expire(DROWSY, now.config.drowsy_show_ms, "alerts.drowsy_show_ms", now)
    elif check is None and track.held:
        now.put(DROWSY, replace(track, held=""))


def _sleepiness(now: Now) -> tuple[int, Check | None]:
    """The level that the estimate reaches; nothing while it is unsure, unknown or broken."""
    config, seen = now.config, now.driver.drowsiness
    kss = seen.kss
    if kss is None or not seen.confidence >= config.drowsy_confidence_min or broken(now):
        return 0, None
    limits = (config.drowsy_level1_kss, config.drowsy_level2_kss, config.drowsy_level3_kss)
    for level in (3, 2, 1):
        limit = limits[level - 1]
        if limit is not None and kss >= limit:
            setting = f"alerts.drowsy_level{level}_kss"
            return level, Check("drowsy: KSS", round(kss, 2), ">=", limit, "", setting)
    return 0, None


def _again(track: Track, told: int, level: int, now: Now) -> Hold | None:
    """The same level, told not long ago."""
    if track.ended_ns is None or level > told:
        return None
    return _lately(now.t_ns - track.ended_ns, "drowsy_gap_ms", now)


def _lately(since_ns: int, setting: str, now: Now) -> Hold | None:
    gap_ms: int = getattr(now.config, setting)
    if since_ns >= gap_ms * MS:
        return None
    check = seconds("since the last", since_ns, gap_ms, f"alerts.{setting}", "<")
    return Hold(What.SUPPRESSED, TOLD, (check,))
