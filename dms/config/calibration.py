"""Settings of what is learned of a driver, and when it is learned anew."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import NCAP, OPENPILOT, param


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """The driver's straight ahead, open eyes and side of the car. A part of FusionConfig."""

    calibration_ms: int = param(
        30000,
        "attentive driving needed to learn the neutral pose",
        f"choice: half of {OPENPILOT}'s 60 s; measuring must start within 1 min, {NCAP}",
        lo=1000,
        hi=600000,
    )
    calibration_min_speed_kmh: float = param(
        20.0, "learned at and above this speed", "choice: below, drivers look around", lo=0, hi=130
    )
    calibration_prior_ms: int = param(
        8000,
        "the configured mount weighs as much as this much driving",
        "choice: a look away at the start, up to Euro NCAP's 6 s, is not the road",
        lo=100,
        hi=60000,
    )
    calibration_steering_deg: float = param(
        20.0,
        "nor with the steering wheel turned further than this, where that is known",
        "choice: in bends and turns drivers look where they go",
        lo=1,
        hi=180,
    )
    calibration_spread_deg: float = param(
        10.0,
        "the learning is done when `calibration_share` of it lies this close to its middle",
        "choice: twice the pose error and a little",
        lo=3,
        hi=30,
    )
    calibration_share: float = param(
        0.6,
        "and if less does, half of it is forgotten and the learning goes on",
        "choice: who looks elsewhere two fifths of the time is not yet known",
        lo=0.3,
        hi=0.95,
    )
    baseline_ms: int = param(
        10000,
        "alert driving needed to learn and freeze the driver's own openness",
        "choice: about 90 frames at the least usable rate",
        lo=1000,
        hi=600000,
    )
    baseline_min: float = param(
        0.6,
        "least openness believed to be anyone's neutral",
        "choice: a drowsy start",
        lo=0.2,
        hi=1,
    )
    baseline_max: float = param(
        1.2, "most", "choice: the network's scale ends at 1.3", lo=1, hi=1.5
    )
    check_ms: int = param(
        60000,
        "what was learned is checked against each stretch of driving this long",
        f"choice: {OPENPILOT} learns over 60 s",
        lo=5000,
        hi=600000,
    )
    drift_deg: float = param(
        6.0,
        "a middle of the stretch up to this far off draws the neutral pose along, by a quarter; "
        "in all by no more than this",
        "choice: drivers sink into their seats; more is another driver or camera",
        lo=0,
        hi=15,
    )
    jump_deg: float = param(
        9.0,
        "a middle further off than this in two stretches that agree is a jump: learned anew",
        "choice: three times the pose error",
        lo=4,
        hi=30,
    )
    jump_max_deg: float = param(
        25.0,
        "but not if it is further off than this, nor down: that is a look away, or a camera "
        "that was turned",
        "choice: as `head_yaw_limit_deg`",
        lo=10,
        hi=60,
    )
    change_absent_ms: int = param(
        3000,
        "a face gone this long while seat, belt, door or ignition say that the driver could leave "
        "is another driver when it comes back",
        "choice: nobody changes seats faster",
        lo=500,
        hi=60000,
    )
    change_memory_ms: int = param(
        10000,
        "what the signals said counts for this long",
        "choice: the door closes before the face is seen",
        lo=0,
        hi=60000,
    )
    change_unsure_ms: int = param(
        10000,
        "a face gone this long at standstill, without such a signal, is perhaps another driver: "
        "one stretch of `change_check_ms` that jumps is enough",
        "choice",
        lo=1000,
        hi=600000,
    )
    change_check_ms: int = param(
        15000, "length of that stretch", "choice: half of the learning", lo=3000, hi=600000
    )
    change_open_share: float = param(
        0.25,
        "eyes that differ by this share from the learned openness are another driver's as well",
        "open-eye aspect ratio varies twofold between people",
        lo=0.1,
        hi=1,
    )
    seat_ms: int = param(
        3000,
        "the driver's side is known when looks at the rear-view mirror and the centre stack were "
        "seen this much longer on one side than on the other, and three times as long",
        "choice: about four looks",
        lo=500,
        hi=60000,
    )
