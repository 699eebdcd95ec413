"""Settings of fusion: from noisy observations to a driver state."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.calibration import CalibrationSettings
from dms.config.param import NCAP, OPENPILOT, param


@dataclass(frozen=True, slots=True)
class FusionConfig(CalibrationSettings):
    """From noisy observations to a driver state."""

    min_face_score: float = param(
        0.5, "a face below this probability is no face", "choice: even odds", lo=0, hi=1
    )
    hold_ms: int = param(
        500,
        "how long the last known state stands in for a missing sight",
        "choice: longer than a blink or a passing hand, shorter than any rule",
        lo=0,
        hi=2000,
    )
    lost_away_yaw_deg: float = param(
        50.0,
        "a face lost while turned away at least this far is still away: profile loss is "
        "what a look away looks like",
        "choice: detectors fade from about 60 deg",
        lo=20,
        hi=90,
    )
    lost_away_turn_deg: float = param(
        30.0,
        "so is one lost while the head was turned away from the road this far",
        "choice: a body that leans out of sight turns its head first",
        lo=15,
        hi=90,
    )
    lost_away_down_deg: float = param(
        22.0,
        "or bent down this far below neutral",
        "choice: as `head_pitch_down_deg`",
        lo=10,
        hi=90,
    )
    lost_away_ms: int = param(
        8000,
        "for at most this long after it was last seen",
        f"choice: covers 6 s unresponsive, {NCAP}",
        lo=0,
        hi=30000,
    )
    lost_closed_ms: int = param(
        6000,
        "eyes lost while closed, with the head fallen, are closed for at most this long more; "
        "the confidence falls to 0 over it",
        f"choice: a head that nods out of sight is no excuse; covers 6 s unresponsive, {NCAP}",
        lo=0,
        hi=30000,
    )
    lost_closed_min_ms: int = param(
        400, "if they had been closed for this long", "choice: longer than a blink", lo=0, hi=3000
    )
    lost_closed_drop_deg: float = param(
        12.0,
        "and the head had fallen this far below neutral",
        "choice: three times the pose error",
        lo=5,
        hi=60,
    )

    head_yaw_limit_deg: float = param(
        25.0,
        "by the head alone, on the road in an ellipse round neutral: its half axis sideways",
        f"choice: {OPENPILOT} 23 deg; mirrors lie at 29-46 deg",
        lo=5,
        hi=60,
    )
    head_pitch_up_deg: float = param(
        20.0,
        "its half axis above neutral",
        "choice: the rear-view mirror lies at 16 deg",
        lo=5,
        hi=60,
    )
    head_pitch_down_deg: float = param(
        22.0, "and below", f"choice: {OPENPILOT} 18 deg, pose error 4 deg", lo=5, hi=60
    )
    gaze_yaw_limit_deg: float = param(
        20.0,
        "the same limits for gaze, while the eyes tell at least as much as the head does",
        "choice: a 22 x 14 deg windscreen ellipse gave 0.13 false alerts an hour",
        lo=5,
        hi=60,
    )
    gaze_pitch_up_deg: float = param(15.0, "gaze above neutral", "choice: as above", lo=5, hi=60)
    gaze_pitch_down_deg: float = param(
        15.0, "gaze below neutral", "choice: the cluster lies at -25 deg", lo=5, hi=60
    )
    head_sigma_min_deg: float = param(
        4.0,
        "no head pose is believed better than this",
        "choice: the network's mean error",
        lo=0.5,
        hi=20,
    )
    gaze_sigma_min_deg: float = param(
        5.0,
        "no gaze is believed better than this (standard error of one axis)",
        "choice: in-cabin infrared gaze errs by 6-7 deg in all",
        lo=0.5,
        hi=30,
    )
    head_to_gaze_sigma_deg: float = param(
        17.0,
        "how far eyes stray from the head's direction for all that the network knows: gaze that "
        "is no surer tells nothing but the head's",
        "how far eyes turn sideways in rendered people (16.9 deg; 11.7 up and down; by hand, from "
        "their labels). The network has drawn gaze to the head by that; to be drawn on to the "
        "12 deg by which drivers' eyes stray makes 3 rows more of the Euro NCAP matrix fail",
        lo=1,
        hi=40,
    )
    gaze_fade_start_deg: float = param(
        30.0,
        "gaze loses weight from this head yaw off the camera",
        "choice: the far eye foreshortens",
        lo=0,
        hi=80,
    )
    gaze_fade_end_deg: float = param(60.0, "and has none from this", "choice: profile", lo=1, hi=90)
    uncalibrated_margin: float = param(
        1.4,
        "limits are widened by this factor until the neutral pose is learned",
        "choice: no alert out of a mount that is a few degrees off",
        lo=1,
        hi=3,
    )
    attention_tau_ms: int = param(
        150,
        "time constant of the away filter",
        f"choice: {OPENPILOT} 250 ms; faster by a median of three before it",
        lo=10,
        hi=1000,
    )
    away_on: float = param(
        0.6, "away from this filtered probability", "choice: hysteresis", lo=0.5, hi=1
    )
    away_off: float = param(
        0.4, "back below this", "choice: hysteresis, as openpilot's 0.63/0.37", lo=0, hi=0.5
    )
    long_distraction_ms: int = param(
        3000, "one look away this long is a distraction", NCAP, lo=1000, hi=10000
    )

    visible_min: float = param(
        0.5, "an eye below this probability is not visible", "choice: even odds", lo=0, hi=1
    )
    closed_open_max: float = param(
        0.22,
        "an eye is as good as closed at this share of the driver's own openness",
        "PERCLOS P80 is 0.20; 0.02 more for the network's noise: as many of twelve drivers a "
        "condition are warned as with 0.04 (dms scenarios --only Sven --drivers 12 --hours 0), and "
        "two of three false alerts of 104 h are gone (--hours 102)",
        lo=0.05,
        hi=0.6,
    )
    yawn_open_share: float = param(
        0.6,
        "that share is narrower by this factor while the mouth is as wide as in a yawn",
        "choice: a yawn squeezes the lids to a third or half; who sleeps shuts them",
        lo=0.3,
        hi=1,
    )
    open_sigma_min: float = param(
        0.08,
        "no openness is believed better than this",
        "choice: the network's noise",
        lo=0.01,
        hi=0.5,
    )
    open_sigma_full: float = param(
        0.12,
        "eyes whose openness is surer than this share of the driver's own count alike; of two, a "
        "less sure one counts less, by the square",
        "choice: open eyes that show well come to 0.09 to 0.12 (tests/scenarios/errors.json); one "
        "in shade behind a reflection looked open while shut, with 0.18 to 0.25 (by hand)",
        lo=0.01,
        hi=5,
    )
    open_sigma_max: float = param(
        0.18,
        "eyes whose openness is surer than this share of the driver's own are seen well enough to "
        "tell closed from open; others count as not visible, but for a closure",
        "closed and open lie 5 sigma apart. Measured: at 0.20 three of twelve drivers in the dark "
        "whose closures are missed are not told so, at 0.18 one (`dms scenarios --only Finn "
        "--drivers 12 --hours 0`)",
        lo=0.05,
        hi=5,
    )
    open_proof_ms: int = param(
        1000,
        "eyes are believed closed once open for this long in one, or their baseline is known",
        "choice: nobody drives off asleep; lids that look closed from the start are narrow, or "
        "badly lit, as one person's in real footage",
        lo=0,
        hi=60000,
    )
    lookdown_open_loss: float = param(
        0.34,
        "share of lid opening lost when looking 40 deg down, in proportion below that",
        "lid aperture 9.7 mm ahead, 6.4 mm at 40 deg down",
        lo=0,
        hi=0.8,
    )
    closure_tau_ms: int = param(
        60, "time constant of the closure filter", "choice: blinks of 100 ms remain", lo=5, hi=500
    )
    closure_bridge_ms: int = param(
        250,
        "time between two sights of closed eyes counts as closed up to this long",
        "choice: unseen is never closed; 4 sights a second is still a sight",
        lo=0,
        hi=1000,
    )
    closed_on: float = param(
        0.65, "closed from this filtered probability", "choice: above a wink's 0.5", lo=0.5, hi=1
    )
    closed_off: float = param(0.4, "open below this", "choice: hysteresis", lo=0, hi=0.5)
    closed_mean_min: float = param(
        0.70,
        "a closure too long for a blink is believed from this mean probability on",
        "choice: between lids of rendered drivers that squint against the sun, about 0.6, and shut "
        "ones, about 0.9; `dms scenarios --hours 100` counts the false alerts that are left",
        lo=0.5,
        hi=0.95,
    )
    closed_mean_ms: int = param(
        1500,
        "time constant of that mean; a closure that was doubted is half that long at first",
        "choice: as long as most microsleeps",
        lo=500,
        hi=10000,
    )
    microsleep_ms: int = param(1000, "eyes closed this long is a microsleep", NCAP, lo=300, hi=5000)
    sleep_ms: int = param(3000, "eyes closed this long is sleep", NCAP, lo=1000, hi=10000)
    perclos_min_seen_ms: int = param(
        15000,
        "PERCLOS is not given on less seen-eye time than this",
        "choice: a quarter of its minute",
        lo=1000,
        hi=60000,
    )

    phone_ear_weight: float = param(
        1.2,
        "the probability of a phone at the ear counts this much, of one in the hand 1",
        "choice: but for an empty hand at the face hardly anything looks like one at the ear, but "
        "hands on the wheel like one in the hand (by hand, tools/train/LOG.md)",
        lo=1,
        hi=2,
    )
    phone_against_hand: float = param(
        2.0,
        "this times the probability of an empty hand at the face is taken off the phone's",
        "measured: no hand at the face is a telephone in 104 h (dms scenarios --hours 102)",
        lo=0,
        hi=10,
    )
    phone_on: float = param(
        0.84,
        "phone in use from this smoothed probability",
        "measured: no hand at the face is a telephone in 104 h (dms scenarios --hours 102)",
        lo=0,
        hi=1,
    )
    phone_off: float = param(0.35, "no more in use below this", "choice: hysteresis", lo=0, hi=1)
    phone_tau_ms: int = param(
        500,
        "time constant of the phone filter",
        "choice: the action window spans 2 s",
        lo=10,
        hi=5000,
    )
    phone_confirm_ms: int = param(
        1000, "phone use this long is the driver's condition", "choice", lo=0, hi=10000
    )
    wheel_on: float = param(
        0.6, "a hand is on the wheel from this smoothed probability", "choice", lo=0, hi=1
    )
    wheel_off: float = param(
        0.35,
        "and no hand is below this, if free hands are more probable than not",
        "choice: hysteresis",
        lo=0,
        hi=1,
    )
    action_min: float = param(
        0.7,
        "an action less probable than this is not told",
        "choice: nine of ten that are told are right, of validation's stills and of its clips' "
        "steps; of all .79 and .84 are (by hand, tools/train/LOG.md)",
        lo=0,
        hi=1,
    )
    action_max_age_ms: int = param(
        500,
        "an action older than this is not known",
        "choice: 7 steps of the window",
        lo=50,
        hi=5000,
    )
    action_min_steps: int = param(
        8,
        "real steps the action window needs before it is believed",
        "choice: half a second",
        lo=1,
        hi=32,
    )

    eyes_missing_ms: int = param(
        2000,
        "degraded when a frontal face shows no eye for this long",
        f"choice: told within 10 s, {NCAP}",
        lo=100,
        hi=10000,
    )
    eyes_missing_yaw_deg: float = param(
        40.0,
        "frontal: head yaw off the camera up to this",
        "choice: both eyes in view",
        lo=5,
        hi=90,
    )
    mask_min: float = param(
        0.5, "a mask is worn from this probability", "choice: even odds", lo=0, hi=1
    )
    covered_min: float = param(
        0.6,
        "the face is partly covered from this probability",
        "choice: a little more than even odds; hair and hats pass",
        lo=0,
        hi=1,
    )
    hands_unknown_ms: int = param(
        2500,
        "the sense of hands is lost when no action is known for this long",
        f"choice: with `alerts.cannot_see_ms` told within 10 s, {NCAP}",
        lo=500,
        hi=60000,
    )
    sunglasses_min: float = param(
        0.5, "dark glasses are the reason from this probability", "choice: even odds", lo=0, hi=1
    )
    starting_ms: int = param(
        2000,
        "without a face, starting for this long, then unknown",
        "choice: first valid observation within 2 s",
        lo=0,
        hi=60000,
    )
    pose_uncertain_deg: float = param(
        12.5, "degraded while the head pose's own sigma is above this", "choice", lo=3, hi=60
    )
