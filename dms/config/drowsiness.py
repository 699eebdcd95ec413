"""Settings of the lids' and head's slow story: blinks, yawns, nods, sleepiness."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import DDAW, NCAP, param

FIELD = "operating points 8/12 % @1 min, 9/12 % @3 min, 10/12 % @5 min"


@dataclass(frozen=True, slots=True)
class DrowsinessConfig:
    """Blinks, yawns, nods, and the sleepiness they add up to.

    Steps of KSS are added to `kss_alert`: the strongest evidence whole, all other evidence half,
    because they share their causes.
    """

    blink_half: float = param(
        0.5,
        "a blink lasts from where the lids cross this share of the driver's own openness",
        "half-closed to half-open, the usual definition",
        lo=0.3,
        hi=0.8,
    )
    blink_floor: float = param(
        0.35, "and must go below this; else it is a squint", "choice", lo=0.1, hi=0.7
    )
    blink_min_ms: int = param(
        40, "shorter is a wrong frame", "choice: the fastest blinks take 75 ms", lo=0, hi=200
    )
    long_closure_ms: int = param(
        500, "a closure from this length is no blink", "the usual definition", lo=200, hi=1000
    )
    blink_gap_ms: int = param(
        70,
        "frames further apart than this show no blinks",
        "blinks need 15 frames/s",
        lo=10,
        hi=200,
    )
    blinks_min: int = param(10, "means of blinks need this many of them", "choice", lo=1, hi=1000)
    lookdown_max_deg: float = param(
        20.0,
        "no blinks are read while looking down further than this",
        "choice: lids sink with the gaze",
        lo=5,
        hi=60,
    )

    yawn_mouth_open: float = param(
        0.5,
        "a mouth this open (height over width) may yawn",
        "choice: speech stays below, the network errs by 0.09",
        lo=0.2,
        hi=1.5,
    )
    yawn_min_ms: int = param(
        1800, "open for this long it yawns", "choice: laughs and words are shorter", lo=500, hi=5000
    )
    yawn_max_ms: int = param(
        12000, "and up to this", "choice: longer is no yawn, a song perhaps", lo=2000, hi=60000
    )

    nod_deg: float = param(
        12.0,
        "a head that falls this far below where it was, with closed eyes, nods",
        "choice: three times the pose error",
        lo=5,
        hi=45,
    )
    nod_closed_ms: int = param(
        250,
        "closed for this long: a blink that goes with a glance down is over by then",
        "choice: blinks take 100-200 ms",
        lo=0,
        hi=2000,
    )
    nod_fall_ms: int = param(
        1500, "the fall takes about this long at most, up to twice that", "choice", lo=200, hi=5000
    )
    nod_catch_ms: int = param(
        2500, "and is caught, by rising half of it again, within this", "choice", lo=500, hi=10000
    )

    learning_ms: int = param(
        300000,
        "seen-eye driving needed before an estimate is given",
        f"choice: half of the 10 min that {NCAP} allows",
        lo=10000,
        hi=600000,
    )
    seen_min: float = param(
        0.25,
        "and this share of the last five minutes with the eyes seen",
        "choice: as PERCLOS of the minute",
        lo=0.05,
        hi=1,
    )
    drowsy_kss: float = param(
        7.5,
        "drowsy from this estimate",
        f"{NCAP}: KSS > 7; {DDAW}: at KSS 8 at the latest; what rounds to 8",
        lo=5,
        hi=9,
    )
    alert_kss: float = param(
        6.5, "and no more below this", "choice: hysteresis of a step", lo=1, hi=9
    )
    kss_alert: float = param(3.0, "KSS of who shows nothing", "3 is 'alert'", lo=1, hi=5)
    perclos_low_pct: float = param(
        3.0, "PERCLOS up to this adds nothing", "choice: blinks alone make 1-3 %", lo=0, hi=20
    )
    perclos_high_pct: float = param(12.0, "and this much adds `perclos_steps`", FIELD, lo=1, hi=50)
    perclos_steps: float = param(
        4.5, "steps of KSS at `perclos_high_pct`; in proportion, to a ninth more", FIELD, lo=0, hi=8
    )
    blink_low: float = param(
        1.2,
        "blinks up to this share of the driver's own duration add nothing",
        "choice",
        lo=1,
        hi=2,
    )
    blink_high: float = param(
        2.0,
        "and this long add `blink_steps`",
        "choice: closure duration tells drowsiness best (AUC 0.82)",
        lo=1.1,
        hi=5,
    )
    blink_steps: float = param(4.0, "steps of KSS at `blink_high`", "choice", lo=0, hi=8)
    speed_low: float = param(
        0.85, "lids closing down to this share of the driver's own speed add nothing", "choice",
        lo=0.3, hi=1,
    )  # fmt: skip
    speed_high: float = param(0.5, "and this slow add `speed_steps`", "choice", lo=0.1, hi=0.9)
    speed_steps: float = param(2.0, "steps of KSS at `speed_high`", "choice", lo=0, hi=8)
    closure_steps: float = param(
        1.0,
        "steps a long closure a minute, beyond the first in five minutes",
        "choice: long closures mark microsleep; a sneeze or a rubbed eye makes one",
        lo=0,
        hi=8,
    )
    closure_steps_max: float = param(4.5, "at most", "choice", lo=0, hi=8)
    yawn_steps: float = param(0.4, "steps a yawn in five minutes", "choice", lo=0, hi=4)
    yawn_steps_max: float = param(1.5, "at most", "choice: yawns are contagious", lo=0, hi=8)
    nod_steps: float = param(1.5, "steps a nod in five minutes", "choice", lo=0, hi=4)
    nod_steps_max: float = param(4.0, "at most", "choice", lo=0, hi=8)
    own_blink_min_ms: int = param(
        80, "the driver's own blink is not believed shorter", "choice", lo=30, hi=300
    )
    own_blink_max_ms: int = param(
        220,
        "nor longer: a drowsy start is not the driver's normal",
        "choice: alert blinks take 100-200 ms between half-closed and half-open",
        lo=100,
        hi=500,
    )
    own_speed_min: float = param(
        4.0,
        "nor are its lids believed slower than this [openness per second]",
        "choice: a drowsy start",
        lo=1,
        hi=20,
    )
