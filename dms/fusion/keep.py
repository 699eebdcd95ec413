"""What was learned of a driver, small enough to be kept while the program starts again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dms.config import Config
from dms.fusion import calibration
from dms.fusion.attention import Angles
from dms.fusion.belief import calibrated
from dms.fusion.calibration import SAMPLE_MS
from dms.fusion.change import NEW
from dms.fusion.memory import FusionState
from dms.fusion.state import start
from dms.types import SeatSide


@dataclass(frozen=True, slots=True)
class Learned:
    """Straight ahead for head and gaze, camera frame [rad]; awake eyes' openness; the side."""

    head: Angles
    gaze: Angles
    baseline: float | None
    """None: no eye was seen."""
    seat: SeatSide


def learned(state: FusionState, config: Config) -> Learned | None:
    """None until all of it is, and once the ignition is off: it is this drive's only."""
    cal = state.calibration
    if calibrated(state, config) < 1 or state.slow.watch.off:
        return None
    baseline = cal.baseline if cal.open_samples else None
    return Learned(cal.head, cal.gaze, baseline, state.slow.seat)


def resumed(kept: Learned, config: Config) -> FusionState:
    """As `start`, with what was learned. Meanwhile the driver may have changed: what is seen first
    decides."""
    f, state = config.fusion, start(config)
    cal = replace(
        calibration.anew(kept.head, kept.gaze, f),
        mount_samples=0,
        pose_samples=-(-f.calibration_ms // SAMPLE_MS),
    )
    if kept.baseline is not None:
        cal = replace(cal, baseline=kept.baseline, open_samples=-(-f.baseline_ms // SAMPLE_MS))
    slow = replace(state.slow, seat=kept.seat, watch=replace(NEW, unsure=True))
    return replace(state, calibration=cal, slow=slow)
