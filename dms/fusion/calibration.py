"""What is this driver's normal: straight ahead, and open eyes. Learned while driving.

Medians over histograms of fixed size: robust to mirror checks, O(1) in memory, no clock. Learned
ten times a second of stamp time, so that the frame rate does not matter; done when most of what was
seen lies round the middle, and then frozen, but for a slow drift (`check.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dms.config import MS, CameraConfig, FusionConfig
from dms.fusion.attention import Angles
from dms.fusion.filters import Histogram

SAMPLE_MS = 100
"""Ten samples a second: glances are longer, gaze noise is not."""
TRUSTED = 0.5
"""From this much of the learning on it alone counts: the configured mount pulls at it no more, and
what is away by it is no longer learned from."""
LEVEL_RAD = math.radians(15.0)
"""Openness is learned while looking down less than this."""
LEAST_OPEN = 0.05
"""A baseline is at least this: a bin of OPENNESS."""
_BIN = math.radians(2.0)
ANGLES = Histogram(-45 * _BIN, _BIN, (0,) * 90)
"""+-90 deg in steps of half the pose error; the median interpolates."""
OPENNESS = Histogram(0.0, 0.05, (0,) * 30)

Pair = tuple[Histogram, Histogram]
"""Of yaw and pitch."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Histograms, what they say so far, and how much of the learning is done."""

    head_hist: Pair
    gaze_hist: Pair
    open_hist: Histogram = OPENNESS
    mount: Angles = (0.0, 0.0)
    """As configured, or as the driver before had it, camera frame [rad]."""
    gaze_mount: Angles = (0.0, 0.0)
    """The same for gaze."""
    mount_samples: int = 0
    """How many samples of the histograms are the mount's; 0 once the learning is trusted."""
    head: Angles = (0.0, 0.0)
    """Straight ahead for the head, camera frame [rad]."""
    gaze: Angles = (0.0, 0.0)
    baseline: float = 1.0
    """Of open eyes, as the network gives it."""
    pose_samples: int = 0
    open_samples: int = 0
    slot: int = -1
    """The last tenth of a second that was sampled."""

    def progress(self, config: FusionConfig) -> float:
        """Of the neutral pose, 0-1."""
        return min(1.0, self.pose_samples * SAMPLE_MS / config.calibration_ms)

    def unit(self, config: FusionConfig) -> float:
        """The openness that counts as 1: the baseline, within what is believed of anyone."""
        return min(config.baseline_max, max(config.baseline_min, self.baseline))

    def open_progress(self, config: FusionConfig) -> float:
        """Of the driver's own openness, 0-1."""
        return min(1.0, self.open_samples * SAMPLE_MS / config.baseline_ms)


def start(camera: CameraConfig, config: FusionConfig) -> Calibration:
    """From the configured mount."""
    mount = (math.radians(camera.mount_yaw_deg), math.radians(camera.mount_pitch_deg))
    return anew(mount, mount, config)


def anew(head: Angles, gaze: Angles, config: FusionConfig) -> Calibration:
    """From a first guess, which weighs as much as `calibration_prior_ms` of driving at first."""
    n = max(1, config.calibration_prior_ms // SAMPLE_MS)
    empty = (ANGLES, ANGLES)
    return Calibration(
        add_pair(empty, head, n),
        add_pair(empty, gaze, n),
        mount=head,
        gaze_mount=gaze,
        mount_samples=n,
        head=head,
        gaze=gaze,
    )


def slot(t_ns: int) -> int:
    """The tenth of a second that t_ns, counted from the first frame, falls in."""
    return t_ns // (SAMPLE_MS * MS)


def due(state: Calibration, t_ns: int) -> bool:
    """Is it time for a sample?"""
    return slot(t_ns) > state.slot


def learn_pose(
    state: Calibration, head: Angles, gaze: Angles | None, config: FusionConfig
) -> Calibration:
    """One sample of attentive driving, camera frame."""
    state = replace(
        state,
        head_hist=add_pair(state.head_hist, head),
        gaze_hist=state.gaze_hist if gaze is None else add_pair(state.gaze_hist, gaze),
        pose_samples=state.pose_samples + 1,
    )
    if state.mount_samples and state.progress(config) >= TRUSTED:
        state = _without_mount(state)
    state = replace(state, head=middle(state.head_hist), gaze=middle(state.gaze_hist))
    if state.progress(config) >= 1.0 and not gathered(state.head_hist, state.head, config):
        return _half(state)
    return state


def _without_mount(state: Calibration) -> Calibration:
    """Eyes that showed no gaze so far keep the mount as theirs."""
    n = state.mount_samples
    gazed = state.gaze_hist[0].total() > n
    return replace(
        state,
        mount_samples=0,
        head_hist=add_pair(state.head_hist, state.mount, -n),
        gaze_hist=add_pair(state.gaze_hist, state.gaze_mount, -n) if gazed else state.gaze_hist,
    )


def gathered(hists: Pair, middle_: Angles, config: FusionConfig) -> bool:
    """Does enough of it lie near its middle, in both axes?"""
    spread = math.radians(config.calibration_spread_deg)
    return all(
        h.within(m - spread, m + spread) >= config.calibration_share * h.total()
        for h, m in zip(hists, middle_, strict=True)
    )


def _half(state: Calibration) -> Calibration:
    """Too scattered to be one direction: forget half, go on learning."""
    return replace(
        state,
        head_hist=(state.head_hist[0].halved(), state.head_hist[1].halved()),
        gaze_hist=(state.gaze_hist[0].halved(), state.gaze_hist[1].halved()),
        pose_samples=state.pose_samples // 2,
    )


def learn_open(state: Calibration, openness: float, config: FusionConfig) -> Calibration:
    """One sample of the network's openness; the baseline is used, and frozen, once complete."""
    need = config.baseline_ms // SAMPLE_MS
    if state.open_samples >= need:
        return state
    hist, n = state.open_hist.add(openness), state.open_samples + 1
    baseline = state.baseline
    if n >= need:
        baseline = max(LEAST_OPEN, hist.median())
    return replace(state, open_hist=hist, open_samples=n, baseline=baseline)


def add_pair(hists: Pair, angles: Angles, count: int = 1) -> Pair:
    """Both axes' samples."""
    return hists[0].add(angles[0], count), hists[1].add(angles[1], count)


def middle(hists: Pair) -> Angles:
    """Both medians."""
    return hists[0].median(), hists[1].median()
