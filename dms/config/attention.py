"""Settings of the accounts kept of a driver's looks away."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import ADDW, NCAP, R171, param

ATTEND = "AttenD, Kircher & Ahlstrom (2009): "


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """Accounts of looks away: one long, many short, towards a phone, down into Area 3."""

    flicker_ms: int = param(
        300,
        "a return to the road shorter than this does not end a look away",
        f"{ADDW}: a brief in-out-in must not reset; {R171}: 200 ms confirm re-engagement; "
        "choice: a fixation that takes in the road is longer",
        lo=0,
        hi=2000,
    )
    ahead_deg: float = param(
        10.0,
        "a look's time in the accounts begins and ends this far from straight ahead, not where it "
        "is sure to be one",
        "the outer edge of the 6-10 deg road centre of the glance literature",
        lo=2,
        hi=25,
    )
    edge_ms: int = param(
        300,
        "but at most this much before and after it is sure to be one",
        "choice: heads turn the last degrees of the road in less",
        lo=0,
        hi=1000,
    )
    vats_away_ms: int = param(
        10000, "so much time away within the window is a distraction", NCAP, lo=1000, hi=30000
    )
    vats_window_ms: int = param(30000, "the window of that account", NCAP, lo=5000, hi=120000)
    vats_reset_ms: int = param(
        2000, "gaze back on the road without a break for this long clears it", NCAP,
        lo=200, hi=10000,
    )  # fmt: skip
    unresponsive_ms: int = param(
        6000, "away or with closed eyes for this long is unresponsive", NCAP, lo=2000, hi=30000
    )
    buffer_ms: int = param(2000, "size of the attention buffer", f"{ATTEND}2 s", lo=500, hi=10000)
    buffer_grace_ms: int = param(
        1000,
        "a look at mirrors or cluster drains it only after this long",
        f"{ATTEND}1 s for targets that driving needs",
        lo=0,
        hi=5000,
    )
    buffer_return_ms: int = param(
        100, "back on the road, it fills only after this long", f"{ATTEND}0.1 s", lo=0, hi=2000
    )
    task_min: float = param(
        0.5,
        "driving's own glance: probability of mirrors and cluster, of what is away",
        "choice: even odds",
        lo=0,
        hi=1,
    )
    area3_pitch_deg: float = param(
        30.0, "Area 3 begins this far down from the eyes, by gaze", ADDW, lo=10, hi=60
    )
    area3_head_pitch_deg: float = param(
        22.0,
        "the same by the head alone",
        "choice: the eyes make the rest of a look down",
        lo=10,
        hi=60,
    )
    phone_zone_max: float = param(
        0.5,
        "a phone in use is looked at while away, unless mirrors, windows and passenger together "
        "are more probable than this",
        "choice: even odds",
        lo=0,
        hi=1,
    )
