"""Settings of the alerts: when the vehicle is asked to act, and when that ends."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import ADDW, CHINA, NCAP, param


@dataclass(frozen=True, slots=True)
class Ladder:
    """How long a cause must last for each level; null: never that level."""

    level1_ms: int | None = param(None, "inform", "see the rule", lo=0, hi=60000)
    level2_ms: int | None = param(None, "warn", "see the rule", lo=0, hi=60000)
    level3_ms: int | None = param(None, "urgent", "see the rule", lo=0, hi=60000)


@dataclass(frozen=True, slots=True)
class AlertConfig:
    """When the vehicle is asked to do something, and when that ends."""

    activation_speed_kmh: float = param(
        20.0,
        "no alert below this speed",
        f"{NCAP}: from 20 km/h; {ADDW}: from 20 km/h",
        lo=0,
        hi=130,
    )
    speed_confirm_ms: int = param(
        500,
        "speed must hold this long before alerts may start",
        "choice: no flicker at the limit",
        lo=0,
        hi=5000,
    )
    unknown_speed_is_driving: bool = param(
        True,
        "a speed never received counts as driving; a speed lost keeps its last verdict",
        "choice: a broken speed signal must not let a sleeping driver go unwarned",
    )
    fast_speed_kmh: float = param(
        50.0, "from here `distraction`, below it `distraction_slow` holds", ADDW, lo=0, hi=250
    )
    distraction: Ladder = param(
        Ladder(None, 3000, 6000),
        "eyes off the road",
        f"{NCAP}: 3 s long distraction, 6 s unresponsive",
    )
    distraction_slow: Ladder = param(
        Ladder(None, 3000, 6000), "eyes off the road below `fast_speed_kmh`", NCAP
    )
    phone: Ladder = param(
        Ladder(3000, 10000, None), "phone in use", f"{CHINA}: held 3 s; {NCAP}: 10 s in 30 s"
    )
    microsleep: Ladder = param(
        Ladder(None, 1000, None), "eyes closed, shorter than sleep", f"{NCAP}: 1-2 s"
    )
    sleep: Ladder = param(Ladder(None, None, 3000), "eyes closed", f"{NCAP}: 3 s")
    end_ms: int = param(
        1000,
        "continuous gaze to the road, or eyes open, that ends a warning",
        NCAP,
        lo=100,
        hi=10000,
    )
    unknown_hold_ms: int = param(
        3000,
        "an active alert outlives the sight of its cause by this long, never rising",
        "choice: a head that nods out of view is no excuse",
        lo=0,
        hi=10000,
    )
    gap_ms: int = param(
        2000,
        "least time between two alerts of a kind",
        "choice: shorter than the shortest new long distraction",
        lo=0,
        hi=60000,
    )
    phone_gap_ms: int = param(
        10000, "least time between two phone alerts", "choice: one call, one alert", lo=0, hi=600000
    )
    cannot_see_ms: int = param(
        7000,
        "the driver is told when sight is gone this long",
        f"{NCAP}: within 10 s, less what noticing takes",
        lo=1000,
        hi=60000,
    )
    cannot_see_show_ms: int = param(
        4000, "and the telling lasts this long", "choice: long enough to be read", lo=500, hi=60000
    )
    cannot_see_rearm_ms: int = param(
        30000,
        "told again only after sight was good for this long",
        "choice: once, no nagging",
        lo=0,
        hi=3600000,
    )
    cannot_see_gap_ms: int = param(
        300000,
        "and not sooner than this after the last telling",
        "choice: no nagging",
        lo=0,
        hi=3600000,
    )
