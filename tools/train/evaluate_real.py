"""Figures on the real footage that may be shown here (../shared/real), through the INT8 files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from tools.train.manifest import ACTIONS
from tools.train.perceive import Nets, Seen, Tracker
from tools.train.rows import Array, Figure, auc, iou

TURN_DEG, NOD_DEG = 15.0, 7.0
"""Turned aside, nodded: at least this far from the clip's own first forward second."""
AWAY_DEG = 20.0


def head_box(landmarks: Array) -> Array:
    """(x, y, w, h) of the head from the 68 landmarks: their box, raised for the forehead and hair
    and widened a little (fitted on daylight cabin pictures)."""
    low, high = landmarks.min(0), landmarks.max(0)
    w, h = high - low
    x0, x1 = low[0] - SIDES * w, high[0] + SIDES * w
    y0, y1 = low[1] - TOP * h, high[1] + BOTTOM * h
    return np.array([x0, y0, x1 - x0, y1 - y0])


SIDES, TOP, BOTTOM = 0.10, 0.55, 0.05


def frames_of(path: Path) -> list[Array]:
    """All frames of a clip as grey pictures."""
    capture = cv2.VideoCapture(str(path))
    out: list[Array] = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return out
        out.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))


def track(
    nets: Nets, frames: list[Array], fps: float
) -> tuple[list[Seen | None], list[Array | None]]:
    tracker = Tracker(nets, fps)
    seen, actions = [], []
    for f in frames:
        seen.append(tracker.step(f))
        actions.append(tracker.action())
    return seen, actions


def poses(seen: list[Seen | None]) -> Array:
    """(n, 3) degrees, NaN where no face."""
    return np.array([s.pose_deg if s else [np.nan] * 3 for s in seen])


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


def video1(nets: Nets, folder: Path) -> list[Figure]:
    note = json.loads((folder / "annotations.json").read_text())["video1.mp4"]
    fps = note["fps"]
    p = poses(track(nets, frames_of(folder / "video1.mp4"), fps)[0])
    base = np.nanmedian(p[: int(fps)], 0)
    right, count, parts = 0, 0, []
    for start, end, words in note["segments_s"]:
        index = range(int(np.ceil(start * fps)), min(int(end * fps), len(p)))
        ok = [right_direction(words, p[i] - base) for i in index]
        parts.append(f"{words}: {sum(ok)}/{len(ok)}")
        right, count = right + sum(ok), count + len(ok)
    print("video1", "; ".join(parts))
    return [
        Figure("face", "head direction right, frames", "incluit/video1", right / count, count, 0.8)
    ]


def video3(nets: Nets, folder: Path) -> list[Figure]:
    note = json.loads((folder / "annotations.json").read_text())["video3.mp4"]
    fps = note["fps"]
    p = poses(track(nets, frames_of(folder / "video3.mp4"), fps)[0])
    yaw = p[:, 0] - np.nanmedian(np.r_[p[: int(0.4 * fps), 0], p[-int(0.7 * fps) :, 0]])
    away = np.flatnonzero(np.nan_to_num(yaw) < -AWAY_DEG)
    start, end = note["segments_s"][1][:2]
    if len(away) == 0:
        return [
            Figure(
                "face", "look-away bounds, worse end [s]", "incluit/video3", 9.0, len(p), 0.5, True
            )
        ]
    worst = max(abs(away[0] / fps - start), abs(away[-1] / fps - end))
    print(f"video3 away {away[0] / fps:.2f}..{away[-1] / fps:.2f} s, noted {start}..{end}")
    return [
        Figure(
            "face",
            "look-away bounds, worse end [s]",
            "incluit/video3",
            float(worst),
            len(p),
            0.5,
            True,
        )
    ]


def cabin_day(nets: Nets, folder: Path) -> list[Figure]:
    overlaps, states, pitch = [], [], []
    for path in sorted(folder.glob("*/images/*.jpg")):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        note = (path.parent.parent / "labels" / f"{path.stem}.txt").read_text().split()
        if not note:
            continue
        kind, cx, cy, w, h = (float(x) for x in note[:5])
        size = np.array([image.shape[1], image.shape[0]] * 2)
        truth = np.array([cx - w / 2, cy - h / 2, w, h]) * size
        seen = nets.find(image)
        overlaps.append(iou(head_box(seen.landmarks), truth) if seen else 0.0)
        if seen:
            eyes = [nets.eye(image, seen, r) for r in (True, False)]
            closed = np.mean([e.closed for e in eyes])
            states.append(kind)
            pitch.append(-seen.pose_deg[1] / 30 + closed)
    o, s, q = np.array(overlaps), np.array(states), np.array(pitch)
    n = len(o)
    return [
        Figure("cabin", "head box IoU >= 0.4", "cabin_day", float((o >= 0.4).mean()), n, 0.85),
        Figure("cabin", "head box IoU >= 0.5", "cabin_day", float((o >= 0.5).mean()), n),
        Figure("cabin", "head box mean IoU", "cabin_day", float(o.mean()), n),
        Figure("face", "face found", "cabin_day", float((o > 0).mean()), n),
        Figure(
            "eyes",
            "drowsy/awake AUC (pitch, closed)",
            "cabin_day",
            auc(q[s == 1], q[s == 0]),
            len(q),
        ),
    ]


def clips(nets: Nets, folder: Path) -> list[Figure]:
    """Faces found in moving clips; phone, drink, smoke reported where nothing is held."""
    faces, count, quiet, number = 0, 0, 0, 0
    held = [ACTIONS.index(a) for a in ("phone_ear", "phone_hand", "drink_eat", "smoke")]
    for path in sorted((folder / "asl_gestures").glob("*.mkv")):
        seen, actions = track(nets, frames_of(path), 30.0)
        faces, count = faces + sum(s is not None for s in seen), count + len(seen)
        wrong = [a is not None and int(a.argmax()) in held for a in actions]
        quiet += longest(wrong) <= 9
        number += 1
    out = [
        Figure("face", "face found, frames", "intel/asl_gestures", faces / max(count, 1), count),
        Figure(
            "action",
            "clips without a false phone, drink, smoke > 0.3 s",
            "intel/asl_gestures",
            quiet / max(number, 1),
            number,
        ),
    ]
    for path in sorted((folder / "preview").glob("head-pose*.gif")):
        seen, _ = track(nets, frames_of(path), 15.0)
        share = float(np.mean([s is not None for s in seen]))
        out.append(Figure("face", "face found, frames", f"intel/{path.stem}", share, len(seen)))
    return out


def longest(flags: list[bool]) -> int:
    best = run = 0
    for f in flags:
        run = run + 1 if f else 0
        best = max(best, run)
    return best


def all_figures(models: Path, real: Path) -> list[Figure]:
    nets = Nets(models)
    figures = video1(nets, real / "incluit") + video3(nets, real / "incluit")
    figures += cabin_day(nets, real / "cabin_day")
    return figures + clips(nets, real / "intel")
