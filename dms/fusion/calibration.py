"""What is this driver's normal: straight ahead, and open eyes. Learned while driving.

Medians over histograms of fixed size: robust to mirror checks, O(1) in memory, no clock. Learned
ten times a second of stamp time, so that the frame rate does not matter, and then frozen.
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
_BIN = math.radians(2.0)
_ANGLES = Histogram(-45 * _BIN, _BIN, (0,) * 90)
"""+-90 deg in steps of half the pose error; the median interpolates."""
_OPENNESS = Histogram(0.0, 0.05, (0,) * 30)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Histograms, what they say so far, and how much of the learning is done."""

    head_hist: tuple[Histogram, Histogram]
    gaze_hist: tuple[Histogram, Histogram]
    open_hist: Histogram = _OPENNESS
    mount: Angles = (0.0, 0.0)
    """As configured, camera frame [rad]."""
    mount_samples: int = 0
    """How many samples of the histograms are the mount's; 0 once the learning is trusted."""
    head: Angles = (0.0, 0.0)
    """Straight ahead for the head, camera frame [rad]."""
    gaze: Angles = (0.0, 0.0)
    baseline: float = 1.0
    pose_samples: int = 0
    open_samples: int = 0
    slot: int = -1
    """The last tenth of a second that was sampled."""

    def progress(self, config: FusionConfig) -> float:
        """Of the neutral pose, 0-1."""
        return min(1.0, self.pose_samples * SAMPLE_MS / config.calibration_ms)


def start(camera: CameraConfig, config: FusionConfig) -> Calibration:
    """The configured mount, weighing as much as `calibration_prior_ms` of driving at first."""
    mount = (math.radians(camera.mount_yaw_deg), math.radians(camera.mount_pitch_deg))
    count = max(1, config.calibration_prior_ms // SAMPLE_MS)
    prior = (_ANGLES.add(mount[0], count), _ANGLES.add(mount[1], count))
    return Calibration(prior, prior, mount=mount, mount_samples=count, head=mount, gaze=mount)


def slot(t_ns: int) -> int:
    """The tenth of a second that t_ns, counted from the first frame, falls in."""
    return t_ns // (SAMPLE_MS * MS)


def due(state: Calibration, t_ns: int) -> bool:
    return slot(t_ns) > state.slot


def learn_pose(
    state: Calibration, head: Angles, gaze: Angles | None, config: FusionConfig
) -> Calibration:
    """One sample of attentive driving, camera frame."""
    state = replace(
        state,
        head_hist=_add(state.head_hist, head),
        gaze_hist=state.gaze_hist if gaze is None else _add(state.gaze_hist, gaze),
        pose_samples=state.pose_samples + 1,
    )
    if state.mount_samples and state.progress(config) >= TRUSTED:
        state = _without_mount(state)
    return replace(state, head=_median(state.head_hist), gaze=_median(state.gaze_hist))


def _without_mount(state: Calibration) -> Calibration:
    """Eyes that showed no gaze so far keep the mount as theirs."""
    n = state.mount_samples
    gazed = sum(state.gaze_hist[0].counts) > n
    return replace(
        state,
        mount_samples=0,
        head_hist=_add(state.head_hist, state.mount, -n),
        gaze_hist=_add(state.gaze_hist, state.mount, -n) if gazed else state.gaze_hist,
    )


def learn_open(state: Calibration, openness: float, config: FusionConfig) -> Calibration:
    """One sample of the network's openness; the baseline is used, and frozen, once complete."""
    need = config.baseline_ms // SAMPLE_MS
    if state.open_samples >= need:
        return state
    hist, n = state.open_hist.add(openness), state.open_samples + 1
    state = replace(state, open_hist=hist, open_samples=n)
    if n < need:
        return state
    baseline = min(config.baseline_max, max(config.baseline_min, hist.median()))
    return replace(state, baseline=baseline)


def _add(
    hists: tuple[Histogram, Histogram], angles: Angles, count: int = 1
) -> tuple[Histogram, Histogram]:
    return hists[0].add(angles[0], count), hists[1].add(angles[1], count)


def _median(hists: tuple[Histogram, Histogram]) -> Angles:
    return hists[0].median(), hists[1].median()
