"""How sleepy: blinks, yawns and nods of the last minutes, added up to a KSS-equivalent.

Each kind of evidence gives steps of KSS by its written weight (`DrowsinessConfig`). The strongest
counts whole, all other half, for they share their causes; the sum goes on top of `kss_alert`. It is
an estimate from looks alone: nobody was asked how sleepy he is, and confidence says only how much
was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from dms.config import MS, DrowsinessConfig
from dms.fusion.rings import BIN_NS, BINS, EMPTY, NO_HISTORY, History, Tally
from dms.types import NO_BLINKS, NO_DROWSINESS, Blinks, Drowsiness, Evidence

S = 1_000_000_000
MINUTE_BINS, THREE_BINS = 12, 36
KSS_MAX = 9.0
NO_BLINK_CONFIDENCE = 0.6
"""Without blinks (too few frames a second) the best evidence is missing."""


@dataclass(frozen=True, slots=True)
class Own:
    """What this driver's blinks are when alert; learned in the first minutes, then frozen."""

    seen_ns: int = 0
    """Seen-eye driving so far."""
    sums: Tally = EMPTY
    blink_ns: int = 0
    """0: not learned."""
    closing: float = 0.0


STRANGER = Own()
"""Nothing learned yet."""
Basis = tuple[tuple[Evidence, float, float], ...]
"""(evidence, measured value, steps of KSS that it adds), each."""


@dataclass(frozen=True, slots=True)
class Sleepiness:
    """The slow story of the driver."""

    history: History = NO_HISTORY
    own: Own = STRANGER
    blinks: Blinks = NO_BLINKS
    told: Drowsiness = NO_DROWSINESS
    drowsy: bool = False
    """The estimate, with hysteresis."""


NO_STORY = Sleepiness()
"""Nothing seen yet."""


def happened(memory: Sleepiness, t_ns: int, what: Tally, last_blink_ns: int | None) -> Sleepiness:
    """Blinks, closures, yawns and nods that just ended, t_ns after the first frame."""
    b = memory.blinks
    if last_blink_ns is not None:
        b = Blinks(
            b.rate_per_min, last_blink_ns, b.mean_ns, b.closing_speed, b.opening_speed,
            b.long_closures,
        )  # fmt: skip
    own = memory.own
    if what.blinks and not own.blink_ns:
        own = Own(own.seen_ns, own.sums.plus(what))
    history = memory.history.add(t_ns, what)
    return Sleepiness(history, own, b, memory.told, memory.drowsy)


def second(
    memory: Sleepiness,
    t_ns: int,
    seen_ns: int,
    closed_ns: int,
    driving: bool,
    config: DrowsinessConfig,
) -> Sleepiness:
    """A second is over, with so much of it seen and closed; the estimate anew."""
    history = memory.history.add(t_ns, Tally(seen_ns=seen_ns, closed_ns=closed_ns))
    own = _learn(memory.own, seen_ns if driving else 0, config)
    whole = history.last(BINS)
    blinks = _blinks(memory.blinks, history.last(MINUTE_BINS), whole, config)
    told = _tell(own, history.last(THREE_BINS), whole, blinks, config)
    drowsy = told.kss is not None and (
        told.kss >= config.drowsy_kss or (memory.drowsy and told.kss >= config.alert_kss)
    )
    return Sleepiness(history, own, blinks, told, drowsy)


def _learn(own: Own, seen_ns: int, config: DrowsinessConfig) -> Own:
    total = own.seen_ns + seen_ns
    n = own.sums.blinks
    if own.blink_ns or total < config.learning_ms * MS or n < config.blinks_min:
        return Own(total, own.sums, own.blink_ns, own.closing) if seen_ns else own
    low, high = config.own_blink_min_ms * MS, config.own_blink_max_ms * MS
    mean = min(high, max(low, own.sums.blink_ns // n))
    return Own(total, own.sums, mean, max(config.own_speed_min, own.sums.closing / n))


def _blinks(before: Blinks, minute: Tally, whole: Tally, config: DrowsinessConfig) -> Blinks:
    n = whole.blinks
    enough = n >= config.blinks_min
    seen = minute.seen_ns >= MINUTE_BINS * BIN_NS * config.seen_min
    return Blinks(
        rate_per_min=60.0 * S * minute.blinks / minute.seen_ns if seen else None,
        last_ns=before.last_ns,
        mean_ns=whole.blink_ns // n if enough else None,
        closing_speed=whole.closing / n if enough else None,
        opening_speed=whole.opening / n if enough else None,
        long_closures=whole.long_closures,
    )


def _tell(
    own: Own, three: Tally, whole: Tally, blinks: Blinks, config: DrowsinessConfig
) -> Drowsiness:
    learned = min(1.0, own.seen_ns / (config.learning_ms * MS))
    share = min(1.0, whole.seen_ns / (BINS * BIN_NS))
    kss: float | None = None
    basis: Basis = ()
    confidence = 0.0
    perclos3 = _perclos(three, THREE_BINS, config)
    if learned >= 1.0 and share >= config.seen_min:
        basis = _basis(own, perclos3, whole, blinks, config)
        steps = sorted((term[2] for term in basis), reverse=True)
        added = steps[0] + 0.5 * sum(steps[1:]) if steps else 0.0
        kss = min(KSS_MAX, config.kss_alert + added)
        confidence = share * (1.0 if own.blink_ns and blinks.mean_ns else NO_BLINK_CONFIDENCE)
    return Drowsiness(
        kss=kss,
        confidence=confidence,
        learned_pct=int(learned * 100),
        basis=basis,
        perclos_3min_pct=perclos3,
        perclos_5min_pct=_perclos(whole, BINS, config),
        yawns=whole.yawns,
        nods=whole.nods,
    )


def _perclos(tally: Tally, bins: int, config: DrowsinessConfig) -> float | None:
    if tally.seen_ns < config.seen_min * bins * BIN_NS:
        return None
    return 100.0 * tally.closed_ns / tally.seen_ns


def _basis(
    own: Own, perclos: float | None, whole: Tally, blinks: Blinks, c: DrowsinessConfig
) -> Basis:
    """What speaks for sleepiness, without what adds nothing."""
    found: list[tuple[Evidence, float, float]] = []
    if perclos is not None:
        span = (c.perclos_low_pct, c.perclos_high_pct)
        found.append((Evidence.PERCLOS, perclos, _ramp(perclos, *span, c.perclos_steps)))
    if own.blink_ns and blinks.mean_ns is not None and blinks.closing_speed is not None:
        longer, slower = blinks.mean_ns / own.blink_ns, blinks.closing_speed / own.closing
        steps = _ramp(longer, c.blink_low, c.blink_high, c.blink_steps)
        found.append((Evidence.BLINK_DURATION, blinks.mean_ns / 1e9, steps))
        steps = _ramp(-slower, -c.speed_low, -c.speed_high, c.speed_steps)
        found.append((Evidence.LID_SPEED, blinks.closing_speed, steps))
    a_minute = max(0, whole.long_closures - 1) * 60.0 * S / max(whole.seen_ns, 60 * S)
    long = min(c.closure_steps_max, a_minute * c.closure_steps)
    found.append((Evidence.LONG_CLOSURES, float(whole.long_closures), long))
    yawns = min(c.yawn_steps_max, whole.yawns * c.yawn_steps)
    found.append((Evidence.YAWNS, float(whole.yawns), yawns))
    found.append((Evidence.NODS, float(whole.nods), min(c.nod_steps_max, whole.nods * c.nod_steps)))
    return tuple(term for term in found if term[2] > 0.0)


def _ramp(value: float, low: float, high: float, steps: float) -> float:
    """0 up to low, `steps` at high, in proportion, to a ninth more."""
    return steps * min(1.0 + 1.0 / 9.0, max(0.0, (value - low) / (high - low)))
