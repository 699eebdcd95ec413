"""What is true of a driver at each frame: acts one after another, sampled as arrays.

Vehicle frame of reference, degrees (these are written by people): yaw > 0 to the driver's left,
pitch > 0 up, 0/0 straight ahead. Openness is the driver's own: 0 shut, 1 neutral.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dms.types import ACTIONS, Gear, Indicator

F64 = NDArray[np.float64]
Angles = tuple[float, float]
"""(yaw, pitch) [deg]."""

NANO = 1_000_000_000
ROAD_CONE_DEG = 10.0
"""Gaze further than this from straight ahead has left the forward road view: the outer edge of the
6-10 deg road centre of the glance literature."""
LOOKDOWN_LOSS, LOOKDOWN_FULL_DEG = 0.34, 40.0
"""Share of the lids' opening lost at 40 deg down: aperture 9.7 mm ahead, 6.4 mm at 40 deg."""
EYE_RANGE_DEG = 45.0
"""Eyes turn no further in the head; the head takes what remains."""
HEAD_RANGE_DEG = (78.0, 50.0, 35.0)
"""Of a seated driver: yaw either way, down, up."""
SACCADE_S = 0.06
HEAD_MOVE_S = 0.40
LEAN_MOVE_S = 0.70
"""Times of the movements: a gaze shift of 20-40 deg by the eyes, by the head, by the trunk."""
MOVES = {"owl": HEAD_MOVE_S, "lizard": SACCADE_S, "lean": LEAN_MOVE_S}
HEAD_SHARE = {"owl": 0.9, "lizard": 0.1, "lean": 0.9}
"""Share of a look's direction that the head takes."""
LEAN_ROLL_DEG = 18.0
SCAN_TAU_S, SWAY_TAU_S = 0.35, 1.5
"""Correlation times of fixations and of the head's sway."""


@dataclass(frozen=True, slots=True)
class Act:
    """What the driver does for a while."""

    seconds: float
    gaze: Angles = (0.0, 0.0)
    head: Angles = (0.0, 0.0)
    roll: float = 0.0
    lean: float = 0.0
    """Of the trunk, towards where it looks: 0 upright, 1 leaning far."""
    move_s: float = HEAD_MOVE_S
    """How long the movement into this act takes; it is part of `seconds`."""
    open: float = 1.0
    mouth: float = 0.03
    hands: str = "wheel"
    seen: bool = True
    """False: nothing of the face reaches the camera: a hand before it, out of the picture."""
    image: str = "clear"
    """clear, dark, saturated, frozen."""
    speed_kmh: float = 80.0
    noise: str = "clear"
    """Which measured condition of the networks holds."""
    blinks: bool = True
    signals: tuple[tuple[str, object], ...] = ()
    mark: str = ""


def look(target: Angles, by: str, seconds: float, **other: object) -> Act:
    """A look at `target` by owl (head), lizard (eyes) or lean (trunk and head)."""
    share = HEAD_SHARE[by]
    yaw, pitch = (_head_part(angle, share) for angle in target)
    yaw_max, down, up = HEAD_RANGE_DEG
    head = (float(np.clip(yaw, -yaw_max, yaw_max)), float(np.clip(pitch, -down, up)))
    lean = {"roll": -np.sign(target[0]) * LEAN_ROLL_DEG, "lean": 1.0} if by == "lean" else {}
    values = {"move_s": MOVES[by], **lean, **other}
    return Act(seconds, gaze=target, head=head, **values)


def _head_part(angle: float, share: float) -> float:
    """The head's part of one angle: its share, or what the eyes cannot reach."""
    return float(np.sign(angle) * max(abs(angle) * share, abs(angle) - EYE_RANGE_DEG))


@dataclass(frozen=True, slots=True)
class Habits:
    """How a driver moves when nothing happens."""

    scan_deg: Angles = (2.5, 1.5)
    """Spread of fixations around what is looked at, yaw and pitch."""
    sway_deg: float = 1.2
    blink_every_s: float = 3.5
    blink_s: float = 0.18
    open_spread: float = 0.03
    eyes: tuple[bool, bool] = (True, True)
    """Left and right: False is an eye that is not there or covered."""
    talks: bool = False


@dataclass(slots=True)
class Truth:
    """Arrays over frames. Angles [deg] of the vehicle frame; left before right."""

    t_ns: NDArray[np.int64]
    head: F64
    """(n, 3) yaw, pitch, roll."""
    gaze: F64
    """(n, 2) yaw, pitch."""
    lean: F64
    open: F64
    """(n,) lid aperture, the loss of looking down in it."""
    eyes: tuple[bool, bool]
    mouth: F64
    hands: list[str]
    moving: F64
    """(n,) share of the movement that is done, 1 when at rest."""
    seen: NDArray[np.bool_]
    image: list[str]
    noise: list[str]
    speed_mps: F64
    signals: list[Mapping[str, object]]
    marks: dict[str, float] = field(default_factory=dict)
    """Mark -> when its act begins [s after the first frame]."""
    seconds: F64 = field(default_factory=lambda: np.empty(0))
    """(n,) since the first frame."""

    def __len__(self) -> int:
        return len(self.t_ns)

    def off_road(self) -> NDArray[np.bool_]:
        """Whether open eyes look out of the forward road view."""
        return np.asarray(np.hypot(self.gaze[:, 0], self.gaze[:, 1]) > ROAD_CONE_DEG)


def sample(
    acts: Sequence[Act],
    fps: float,
    rng: np.random.Generator,
    habits: Habits | None = None,
    start_ns: int = 0,
) -> Truth:
    """The acts at `fps` frames a second; `rng` moves scan, sway and blinks only."""
    habits = habits or Habits()
    counts = _frame_counts(acts, fps)
    n = sum(counts)
    seconds = np.arange(n) / fps
    truth = Truth(
        t_ns=start_ns + np.rint(seconds * NANO).astype(np.int64),
        head=np.zeros((n, 3)), gaze=np.zeros((n, 2)), lean=np.zeros(n), open=np.ones(n),
        eyes=habits.eyes, mouth=np.zeros(n), hands=[], moving=np.ones(n),
        seen=np.ones(n, bool), image=[], noise=[], speed_mps=np.zeros(n), signals=[],
        seconds=seconds,
    )  # fmt: skip
    blinking = np.zeros(n, bool)
    begin, before = 0, acts[0]
    for act, count in zip(acts, counts, strict=True):
        _fill(truth, slice(begin, begin + count), act, before, fps)
        blinking[begin : begin + count] = act.blinks
        if act.mark and act.mark not in truth.marks:
            truth.marks[act.mark] = begin / fps
        begin, before = begin + count, act
    _live(truth, habits, blinking, fps, rng)
    return truth


def _frame_counts(acts: Sequence[Act], fps: float) -> list[int]:
    """Frames of each act; rounding never adds up."""
    ends = np.rint(np.cumsum([a.seconds for a in acts]) * fps).astype(int)
    return [int(b - a) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _fill(truth: Truth, part: slice, act: Act, before: Act, fps: float) -> None:
    n = part.stop - part.start
    x = np.minimum(1.0, (np.arange(n) + 1) / max(1.0, act.move_s * fps))
    share = x * x * x * (10 + x * (6 * x - 15))  # minimum jerk

    def between(a: float, b: float) -> F64:
        return np.asarray(a + (b - a) * share)

    for k in range(2):
        truth.head[part, k] = between(before.head[k], act.head[k])
        truth.gaze[part, k] = between(before.gaze[k], act.gaze[k])
    truth.head[part, 2] = between(before.roll, act.roll)
    truth.lean[part] = between(before.lean, act.lean)
    lids = np.minimum(1.0, (np.arange(n) + 1) / max(1.0, 0.1 * fps))
    truth.open[part] = before.open + (act.open - before.open) * lids
    truth.mouth[part] = between(before.mouth, act.mouth)
    truth.moving[part] = x
    truth.seen[part] = act.seen
    truth.speed_mps[part] = act.speed_kmh / 3.6
    truth.hands += [act.hands] * n
    truth.image += [act.image] * n
    truth.noise += [act.noise] * n
    truth.signals += [dict(act.signals)] * n


def _live(
    truth: Truth, habits: Habits, blinking: NDArray[np.bool_], fps: float, rng: np.random.Generator
) -> None:
    """Add fixations, sway, talk and blinks; then the lids follow the gaze down."""
    n = len(truth)
    scan = correlated(rng, n, 2, SCAN_TAU_S, fps) * np.array(habits.scan_deg)
    sway = correlated(rng, n, 3, SWAY_TAU_S, fps) * habits.sway_deg
    truth.gaze += scan
    truth.head += sway
    if habits.talks:
        truth.mouth += 0.25 * np.abs(correlated(rng, n, 1, 0.12, fps)[:, 0])
    truth.open *= 1 + habits.open_spread * correlated(rng, n, 1, 2.0, fps)[:, 0]
    down = np.clip(-truth.gaze[:, 1] / LOOKDOWN_FULL_DEG, 0, 1)
    truth.open *= 1 - LOOKDOWN_LOSS * down
    for start, length in blink_times(rng, n / fps, habits):
        part = slice(int(start * fps), int((start + length) * fps) + 2)
        shut = blink_shape(truth.seconds[part], start, length)
        truth.open[part] *= np.where(blinking[part], 1 - shut, 1.0)
    np.clip(truth.open, 0.0, 1.3, out=truth.open)


def blink_times(
    rng: np.random.Generator, seconds: float, habits: Habits
) -> list[tuple[float, float]]:
    """(start, length) of spontaneous blinks: gamma-spread intervals, lengths by +-20 %."""
    out, t = [], float(rng.uniform(0, habits.blink_every_s))
    while t < seconds:
        length = habits.blink_s * float(np.exp(rng.normal(0, 0.2)))
        out.append((t, length))
        t += max(0.4 + length, float(rng.gamma(2.5, habits.blink_every_s / 2.5)))
    return out


def blink_shape(t: F64, start: float, length: float) -> F64:
    """Closure 0-1: a third of the time closing, a third shut, a third opening."""
    x = (t - start) / length
    return np.asarray(np.clip(np.minimum(3 * x, 3 * (1 - x)), 0, 1))


def correlated(rng: np.random.Generator, n: int, k: int, tau_s: float, fps: float) -> F64:
    """(n, k) standard normal noise, each column a first-order process of time constant tau_s."""
    a = float(np.exp(-1 / (max(tau_s, 1e-3) * fps)))
    return first_order(rng.standard_normal((n, k)), np.full(k, a))


def first_order(steps: F64, a: F64) -> F64:
    """x[i] = a x[i-1] + sqrt(1 - a^2) e[i], in blocks: exact, and numpy does most of the work."""
    n, k = steps.shape
    out, b = np.empty((n, k)), np.sqrt(1 - a * a)
    last = steps[0] if n else np.zeros(k)
    for i in range(n):
        last = steps[0] if i == 0 else a * last + b * steps[i]
        out[i] = last
    return out


def signal_kinds() -> dict[str, type]:
    """Vehicle signals whose words in a story become enumerations."""
    return {"gear": Gear, "indicator": Indicator}


def check_hands(name: str) -> str | None:
    """What is wrong with a name of an action, if anything."""
    return None if name in ACTIONS else f"no action {name!r}; there are {', '.join(ACTIONS)}"
