"""Figures on the real footage that may be shown here (../shared/real), through the INT8 files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dms.config import Config
from tools.train.manifest import ACTIONS
from tools.train.rows import Array, Figure, auc, iou
from tools.train.witness import Look, Witness, witness

TURN_DEG, NOD_DEG = 15.0, 7.0
"""Turned aside, nodded: at least this far from the clip's own first forward second."""
AWAY_DEG = 20.0
SLEEPY_PITCH_DEG = 30.0
"""A head bowed this far counts as much as closed eyes."""
HELD = [ACTIONS.index(a) for a in ("phone_ear", "phone_hand", "drink_eat", "smoke")]
TOLD = Config().fusion.action_min
"""An action less probable than this is not told."""
SHORT_S = 0.3
"""A false action may show for this long."""
BLINK_S = 0.5
"""A closure longer than this is no blink."""
QUIET_SHARE = 0.9
"""18 of 20 clips."""


def frames_of(path: Path) -> list[Array]:
    """All frames of a clip as grey pictures."""
    capture = cv2.VideoCapture(str(path))
    out: list[Array] = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return out
        out.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))


def poses(looks: list[Look | None]) -> Array:
    """(n, 3) degrees, NaN where no face."""
    return np.array([s.pose_deg if s else [np.nan] * 3 for s in looks])


def right_direction(words: str, d: Array) -> bool:
    """Does a pose relative to forward fit the annotation's words (image space)?"""
    if np.isnan(d).any():
        return False
    tests = {
        "forward": abs(d[0]) < TURN_DEG and abs(d[1]) < 2 * NOD_DEG,
        "down": d[1] < -NOD_DEG,
        "up": d[1] > NOD_DEG,
        "image-right": d[0] > TURN_DEG,
        "image-left": d[0] < -TURN_DEG,
    }
    return all(ok for word, ok in tests.items() if word in words)


def video1(eye: Witness, folder: Path) -> list[Figure]:
    """Head turns and nods before a wall."""
    note = json.loads((folder / "annotations.json").read_text())["video1.mp4"]
    fps = note["fps"]
    p = poses(eye.clip(frames_of(folder / "video1.mp4"), fps))
    base = np.nanmedian(p[: int(fps)], 0)
    right, count = 0, 0
    for start, end, words in note["segments_s"]:
        index = range(int(np.ceil(start * fps)), min(int(end * fps), len(p)))
        ok = [right_direction(words, p[i] - base) for i in index]
        print(f"  video1 {start}-{end} s {words}: {sum(ok)}/{len(ok)}")
        right, count = right + sum(ok), count + len(ok)
    return [Figure("face", "head direction right", "incluit/video1", right / count, count, 0.95)]


def video3(eye: Witness, folder: Path) -> list[Figure]:
    """One long look away."""
    note = json.loads((folder / "annotations.json").read_text())["video3.mp4"]
    fps = note["fps"]
    p = poses(eye.clip(frames_of(folder / "video3.mp4"), fps))
    ends = np.r_[p[: int(0.4 * fps), 0], p[-int(0.7 * fps) :, 0]]
    away = np.flatnonzero(np.nan_to_num(p[:, 0] - np.nanmedian(ends)) < -AWAY_DEG)
    start, end = note["segments_s"][1][:2]
    worst = float("inf")
    if len(away):
        first, last = away[0] / fps, away[-1] / fps
        worst = max(abs(first - start), abs(last - end))
        print(f"  video3 away {first:.2f}-{last:.2f} s, noted {start}-{end} s")
    name = "look-away found, worse end [s]"
    return [Figure("face", name, "incluit/video3", float(worst), len(p), 0.2, True)]


def cabin_day(eye: Witness, folder: Path) -> list[Figure]:
    """Head boxes in a daylight car, and whether a sleeping driver scores above an awake one."""
    overlaps, drowsy, score = [], [], []
    for path in sorted(folder.glob("*/images/*.jpg")):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        note = (path.parent.parent / "labels" / f"{path.stem}.txt").read_text().split()
        if not note:
            continue
        kind, cx, cy, w, h = (float(x) for x in note[:5])
        size = np.array([image.shape[1], image.shape[0]] * 2)
        look = eye.still(image)
        truth = np.array([cx - w / 2, cy - h / 2, w, h]) * size
        overlaps.append(iou(look.box, truth) if look else 0.0)
        drowsy.append(kind == 1)
        score.append(sleepiness(look))
    o, s, q = np.array(overlaps), np.array(drowsy), np.array(score)
    data, n = "cabin_day", len(o)
    return [
        Figure("cabin", "head box IoU >= 0.5", data, float((o >= 0.5).mean()), n, 0.97),
        Figure("cabin", "head box IoU >= 0.4", data, float((o >= 0.4).mean()), n),
        Figure("cabin", "head box mean IoU", data, float(o.mean()), n),
        Figure("face", "face found", data, float((o > 0).mean()), n),
        Figure("eyes", "drowsy/awake AUC (pitch, closed)", data, auc(q[s], q[~s]), n, 0.93),
    ]


def sleepiness(look: Look | None) -> float:
    """Bowed head and closed eyes as one number; a raised head is no sign of being awake, as some
    sleepers' heads fall back. A face that is not found scores above all: a head on the chest shows
    none. Eyes that cannot be judged count as half closed."""
    if look is None:
        return 10.0
    closed = 0.5 if np.isnan(look.closed) else look.closed
    return float(max(-look.pose_deg[1], 0.0) / SLEEPY_PITCH_DEG + closed)


@dataclass(slots=True)
class Signs:
    """What was said of a set of clips in which nothing is held and nobody sleeps."""

    faces: int = 0
    frames: int = 0
    quiet: int = 0
    clips: int = 0
    longest_closure_s: float = 0.0

    def add(self, looks: list[Look | None], fps: float) -> float:
        """One clip more; returns its longest closure [s]."""
        self.faces += sum(s is not None for s in looks)
        self.frames += len(looks)
        said = [s is not None and s.action is not None and _held(s.action) for s in looks]
        self.quiet += longest(said) <= SHORT_S * fps
        self.clips += 1
        shut = closure_s(looks, fps)
        self.longest_closure_s = max(self.longest_closure_s, shut)
        return shut


def closure_s(looks: list[Look | None], fps: float) -> float:
    """The longest closure: as the driver state reports it where the engine is built, else by the
    frames in a row whose eyes are closed."""
    seen = [s.observation for s in looks if s is not None and s.observation is not None]
    if not seen:
        return longest([s is not None and s.closed > 0.5 for s in looks]) / fps
    from dms.pipeline import Pipeline

    pipeline = Pipeline(Config(), lambda state, alerts, locked_out: None)
    return max(pipeline.step(o, None).state.eyes_closed_ns for o in seen) / 1e9


def clips(eye: Witness, folder: Path) -> list[Figure]:
    """Faces found in moving clips; what is reported where nothing is held and nobody sleeps."""
    signs, heads, out = Signs(), Signs(), []
    for path in sorted((folder / "asl_gestures").glob("*.mkv")):
        shut = signs.add(eye.clip(frames_of(path), 30.0), 30.0)
        if shut > BLINK_S:
            print(f"  {path.stem}: a closure of {shut:.2f} s is reported")
    for path in sorted((folder / "preview").glob("head-pose*.gif")):
        looks = eye.clip(frames_of(path), 15.0)
        heads.add(looks, 15.0)
        share = float(np.mean([s is not None for s in looks]))
        name = f"intel/{path.stem.removeprefix('head-pose-face-detection-')}"
        out.append(Figure("face", "face found, frames", name, share, len(looks)))
    data, count = "intel/asl_gestures", signs.clips
    quiet = "clips without a false phone, drink, smoke > 0.3 s"
    blink = "longest closure reported, nobody sleeps [s]"
    return [
        Figure("action", quiet, data, signs.quiet / max(count, 1), count, QUIET_SHARE),
        Figure("eyes", blink, data, signs.longest_closure_s, count, BLINK_S, True),
        Figure("eyes", blink, "intel/preview", heads.longest_closure_s, heads.clips, BLINK_S, True),
        Figure("face", "face found, frames", data, signs.faces / max(signs.frames, 1),
               signs.frames),
        *out,
    ]  # fmt: skip


def _held(action: Array) -> bool:
    """Whether something held would be told of."""
    return int(action.argmax()) in HELD and float(action.max()) >= TOLD


def longest(flags: list[bool]) -> int:
    """Length of the longest run of True."""
    best = run = 0
    for f in flags:
        run = run + 1 if f else 0
        best = max(best, run)
    return best


def all_figures(models: Path, real: Path) -> list[Figure]:
    eye = witness(models)
    print(f"real footage through: {eye.name}")
    figures = video1(eye, real / "incluit") + video3(eye, real / "incluit")
    figures += cabin_day(eye, real / "cabin_day")
    return figures + clips(eye, real / "intel")
