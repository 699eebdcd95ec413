"""Settings of the alerts: when the vehicle is asked to act, and when that ends."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import ADDW, CHINA, DDAW, NCAP, OPENPILOT, R171, param


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
        "no alert below this speed, but for those with a speed of their own",
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
        "a speed never received counts as driving",
        "choice: a broken speed signal must not let a sleeping driver go unwarned",
    )
    speed_lost_ms: int = param(
        60000,
        "a speed lost keeps its last verdict; one below a limit, with the ignition not off, this "
        "long, and is then as one never received",
        "choice: longer than a gap of the bus, shorter than most ways from a red light",
        lo=1000,
        hi=3600000,
    )
    fast_speed_kmh: float = param(
        50.0,
        "from here `distraction` and `low_gaze`, below it `distraction_slow` and `low_gaze_slow`",
        ADDW,
        lo=0,
        hi=250,
    )
    distraction: Ladder = param(
        Ladder(None, 3000, 6000),
        "eyes off the road in one look",
        f"{NCAP}: 3 s long distraction, 6 s unresponsive",
    )
    distraction_slow: Ladder = param(
        Ladder(None, 3000, 6000), "eyes off the road below `fast_speed_kmh`", NCAP
    )
    low_gaze: Ladder = param(
        Ladder(None, None, None),
        "gaze in Area 3, below a plane 30 deg down from the eyes",
        f"{ADDW}: by 3.5 s; off by default, where the stricter `distraction` covers it",
    )
    low_gaze_slow: Ladder = param(
        Ladder(None, None, None),
        "gaze in Area 3 below `fast_speed_kmh`",
        f"{ADDW}: by 6 s; off by default, as above",
    )
    low_gaze_extra_ms: int = param(
        1500,
        "added to both while the monitor is degraded",
        f"{ADDW}: 1.5 s more in non-nominal conditions",
        lo=0,
        hi=1500,
    )
    short_distraction: Ladder = param(
        Ladder(None, 10000, None),
        "time off the road within any 30 s",
        f"{NCAP}: VATS, 10 s in 30 s",
    )
    phone: Ladder = param(Ladder(3000, 10000, None), "phone in use", f"{CHINA}: held 3 s")
    phone_gaze: Ladder = param(
        Ladder(None, 10000, None),
        "time looking at a phone in use within any 30 s",
        f"{NCAP}: short distraction whose target is the phone",
    )
    microsleep: Ladder = param(
        Ladder(None, 1000, None), "eyes closed, shorter than sleep", f"{NCAP}: 1-2 s"
    )
    sleep: Ladder = param(Ladder(None, None, 3000), "eyes closed", f"{NCAP}: 3 s")
    unresponsive: Ladder = param(
        Ladder(None, None, 6000), "gaze away or eyes closed in one", f"{NCAP}: 6 s"
    )
    unresponsive_warned_ms: int | None = param(
        3000,
        "no return this long after a warning is unresponsive too; null: it is not",
        f"{NCAP}: no return within 3 s after an inattention warning",
        lo=500,
        hi=60000,
    )
    emergency_ms: int | None = param(
        4000,
        "no return this long after the unresponsive warning: the emergency function is due; "
        "null: never",
        f"{NCAP}: starts within 5 s of the distinct warning, less what starting takes",
        lo=500,
        hi=60000,
    )
    pedal_moved: float = param(
        0.1,
        "the accelerator moved by this share of its way, or the brake pressed or released, with "
        "open eyes: the driver acts, and `emergency_ms` begins again",
        "choice: more than a resting foot does; UN R157 too takes control inputs for a sign of "
        "availability",
        lo=0.01,
        hi=1,
    )
    emergency_hold_ms: int = param(
        25000,
        "the emergency outlives the sight of its cause by this long, down to `standstill_kmh`",
        "choice: a stop from 130 km/h at 1.5 m/s2 takes 24 s",
        lo=0,
        hi=28000,
    )
    eyes_on: Ladder = param(
        Ladder(5000, 8000, 18000),
        "assistance active, gaze away or eyes closed: eyes-on request, direct alert, "
        "unavailability response",
        f"{R171}: 5 s, 3 s later, 10 s after that",
    )
    eyes_on_fast: Ladder = param(
        Ladder(3500, 6500, 16500),
        "the same from `eyes_on_fast_speed_kmh`",
        f"{R171}: 3.5 s at 130 km/h, 3 s later, 10 s after that",
    )
    eyes_on_fast_speed_kmh: float = param(
        130.0, "from here `eyes_on_fast` holds", R171, lo=0, hi=250
    )
    eyes_on_speed_kmh: float = param(
        10.0,
        "the eyes-on ladder holds from this speed",
        f"choice: below the others' 20 km/h, as assistance follows a queue; {NCAP} measures from "
        "10 km/h",
        lo=0,
        hi=130,
    )
    eyes_on_end_ms: int = param(
        200,
        "gaze on the road that ends the eyes-on ladder",
        f"{R171}: 200 ms confirm re-engagement",
        lo=50,
        hi=10000,
    )
    eyes_on_alone: bool = param(
        False,
        "while assistance is active the eyes-on ladder stands in for the distraction kinds",
        "choice: the stricter of two rules by default",
    )
    drowsy_speed_kmh: float = param(
        50.0,
        "no drowsiness alert below this speed",
        f"{NCAP}: from 50 km/h; {DDAW}: above 70 km/h",
        lo=0,
        hi=130,
    )
    drowsy_level1_kss: float | None = param(
        None, "sleepiness (KSS equivalent) from which to inform; null: never", "choice", lo=1, hi=9
    )
    drowsy_level2_kss: float | None = param(
        8.0, "to warn", f"{NCAP}: KSS > 7 at the latest; {DDAW}: KSS >= 8 at the latest", lo=1, hi=9
    )
    drowsy_level3_kss: float | None = param(
        9.0, "to warn urgently", "choice: KSS 9 is fighting sleep", lo=1, hi=9
    )
    drowsy_confidence_min: float = param(
        0.5, "an estimate less sure than this warns of nothing", "choice: even odds", lo=0, hi=1
    )
    drowsy_show_ms: int = param(
        10000, "the warning lasts this long", "choice: long enough to be read", lo=500, hi=25000
    )
    drowsy_gap_ms: int = param(
        600000,
        "and comes again after this, or when sleepiness reaches a higher level",
        "choice: a reminder, no nagging",
        lo=0,
        hi=3600000,
    )
    end_ms: int = param(
        1000,
        "continuous gaze to the road, or eyes open, that ends a warning",
        NCAP,
        lo=100,
        hi=10000,
    )
    end_blink_ms: int = param(
        400,
        "eyes closed for no longer do not begin a gaze anew that ends a warning of looks",
        "choice: blinks take 100-200 ms",
        lo=0,
        hi=1000,
    )
    end_transient_ms: int = param(
        2000,
        "the same after many short looks: their account starts afresh then",
        f"{NCAP}: 2 s after a transient state; VATS resets after 2 s on the road",
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
    exempt_max_ms: int = param(
        3000,
        "of one look, at most this much does not count while an exemption holds",
        f"choice: with it no look passes {NCAP}'s 6 s; far looks at intersections last 2.4 s",
        lo=0,
        hi=10000,
    )
    exempt_side_deg: float = param(
        10.0,
        "a look to the side is at least this far from straight ahead",
        "choice: nearer, the gaze's error of 6-7 deg hides the side",
        lo=0,
        hi=45,
    )
    exempt_steering_deg: float | None = param(
        60.0,
        "a steering wheel turned this far exempts a look into the bend; null: never",
        "choice: a turn at an intersection; at speed no bend needs it",
        lo=5,
        hi=720,
    )
    exempt_indicator: bool = param(
        True,
        "an indicator exempts a look to its side and into the rear-view mirror",
        "choice: half of all overtakings trip a rule without it",
    )
    exempt_reverse: bool = param(
        True, "reverse gear exempts looks away", "choice: one looks where one goes"
    )
    standstill_kmh: float = param(
        1.0, "slower than this nothing is alerted", "choice: a speed sensor's noise", lo=0, hi=10
    )
    lockout_alerts: int = param(
        3,
        "unresponsive alerts, or unavailability responses, on one journey that lock assistance out",
        OPENPILOT,
        lo=1,
        hi=100,
    )
    lockout_ms: int = param(30000, "or this long of them in total", OPENPILOT, lo=1000, hi=600000)
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


LADDERS = (
    "distraction",
    "distraction_slow",
    "low_gaze",
    "low_gaze_slow",
    "short_distraction",
    "phone",
    "phone_gaze",
    "microsleep",
    "sleep",
    "unresponsive",
    "eyes_on",
    "eyes_on_fast",
)
"""The ladders among the settings."""


def limits(ladder: Ladder) -> tuple[int | None, int | None, int | None]:
    """Of levels 1, 2 and 3 [ms]."""
    return ladder.level1_ms, ladder.level2_ms, ladder.level3_ms


def mistakes(config: AlertConfig) -> list[tuple[str, str]]:
    """What no single value can tell: (key path, what is wrong)."""
    wrong: list[tuple[str, str]] = []
    for name in LADDERS:
        times = [t for t in limits(getattr(config, name)) if t is not None]
        if times != sorted(set(times)):
            wrong.append((f"alerts.{name}", f"levels must take longer as they rise, got {times}"))
    scores = (config.drowsy_level1_kss, config.drowsy_level2_kss, config.drowsy_level3_kss)
    known = [score for score in scores if score is not None]
    if known != sorted(set(known)):
        wrong.append(("alerts.drowsy_level2_kss", f"levels must rise with the KSS, got {known}"))
    return wrong
