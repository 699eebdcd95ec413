"""Figures on rendered people that training never saw, through the INT8 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tools.train import crops
from tools.train.data import Jitter, eye_row, face_row
from tools.train.perceive import FACE, Nets, rotation_of, sigmoid, window
from tools.train.rows import Array, Figure, auc, macro_f1
from tools.train.shards import LOST, Shards
from tools.train.spec import ACTION_OUT
from tools.train.windows import runs

FEW = Jitter(scale=0.06, shift=0.04, turn_rad=np.radians(4.0), photo=0.0)
"""A tracker's error in the crops that are judged; no disturbance but the render's own."""
CLOSED, OPEN = 0.2, 0.4
"""Openness below, above which an eye is closed, open; between, it is not counted."""
TRIES = 3
"""Places that the engine looks at before it gives up."""
SEEN = 0.8
"""Visibility from which an eye's openness is asked for: below, part of it is covered."""
YAW_RANGE = np.radians(60.0)


def faces(nets: Nets, twin: Nets, shards: Shards, limit: int) -> list[Figure]:
    """Head pose, mouth, attributes and the score on face crops."""
    rng = np.random.default_rng(1)
    pose, drift, mouth, scores, negatives, marks = [], [], [], [], [], []
    for i in _some(len(shards), limit):
        sample = shards[i]
        row = face_row(sample, rng, FEW, 0.0)
        out = nets.run("face", image=row["image"][None])[0][0]
        if not row["face"]:
            negatives.append(sigmoid(out[0]))
            continue
        scores.append(sigmoid(out[0]))
        truth, got = (
            np.array(crops.pose_of(row["R"])),
            np.array(crops.pose_of(rotation_of(out[137:143]))),
        )
        if abs(truth[0]) <= YAW_RANGE:
            other = twin.run("face", image=row["image"][None])[0][0]
            pose.append(_turn(got - truth))
            drift.append(_turn(got - np.array(crops.pose_of(rotation_of(other[137:143])))))
        marks.append(np.abs(out[1:137] - row["lm"].ravel()).mean() / 2)
        if not row["mask"]:
            mouth.append(abs(out[144] - row["mouth"]))
    p, d = np.degrees(np.array(pose)), np.degrees(np.array(drift))
    data = "rendered test people"
    n = len(p)
    return [
        Figure(
            "face",
            "face crops scored a face",
            data,
            float(np.mean(np.array(scores) > FACE)),
            len(scores),
            0.98,
        ),
        Figure(
            "face",
            "crops without a face scored a face",
            data,
            float(np.mean(np.array(negatives) > FACE)),
            len(negatives),
        ),
        Figure("face", "head pose MAE, yaw within 60 [deg]", data, float(p.mean()), n, 4.0, True),
        *(
            Figure("face", f"{a} MAE, yaw within 60 [deg]", data, float(p[:, k].mean()), n)
            for k, a in enumerate(("yaw", "pitch", "roll"))
        ),
        Figure("face", "INT8 against float, pose MAE [deg]", data, float(d.mean()), n, 0.5, True),
        Figure(
            "face", "landmark error [share of the crop]", data, float(np.mean(marks)), len(marks)
        ),
        Figure("face", "mouth opening MAE", data, float(np.mean(mouth)), len(mouth)),
    ]


def _turn(d: Array) -> Array:
    return np.abs((d + np.pi) % (2 * np.pi) - np.pi)


def _some(count: int, limit: int) -> list[int]:
    return [int(i) for i in np.random.default_rng(3).permutation(count)[:limit]]


def eyes(nets: Nets, shards: Shards, limit: int) -> list[Figure]:
    """Openness, gaze and visibility on eye crops centred a little off."""
    rng = np.random.default_rng(2)
    got, want = [], []
    for i in _some(len(shards), limit):
        sample = shards[i]
        if not sample.labels["has_face"]:
            continue
        for right in (True, False):
            row = eye_row(sample, right, rng, FEW)
            got.append(nets.run("eyes", image=row["image"][None], pose=row["pose"][None])[0][0])
            want.append([row["visible"], row["open"], *row["gaze"], row["glasses"]])
    g, w = np.array(got), np.array(want)
    seen = w[:, 0] > SEEN
    shut, wide = seen & (w[:, 1] < CLOSED), seen & (w[:, 1] > OPEN)
    looks = wide & (w[:, 4] < 0.5)
    gaze = np.degrees(np.abs(g[looks, 3:5] - w[looks, 2:4])).mean()
    glass = w[:, 4] > 0.5
    n = int(shut.sum() + wide.sum())

    def figure(name: str, value: float, count: int, limit: float | None = None) -> Figure:
        return Figure("eyes", name, "rendered test people", value, count, limit)

    behind = auc(g[shut & glass, 6], g[wide & glass, 6])
    visible = auc(g[w[:, 0] > 0.6, 0], g[w[:, 0] < 0.2, 0])
    return [
        figure("open/closed AUC of `closed`", auc(g[shut, 6], g[wide, 6]), n, 0.98),
        figure("open/closed AUC of `open`", auc(-g[shut, 1], -g[wide, 1]), n),
        figure("open/closed AUC behind glasses", behind, int((seen & glass).sum())),
        figure("openness MAE", float(np.abs(g[seen, 1] - w[seen, 1]).mean()), int(seen.sum())),
        figure("gaze MAE, no glasses [deg]", float(gaze), int(looks.sum())),
        figure("eye visible AUC", visible, len(w)),
    ]


def stills(nets: Nets, shards: Shards, limit: int) -> list[Figure]:
    """The driver's face found in whole frames, by the networks alone."""
    found: list[bool] = []
    plain: list[bool] = []
    false, frames = 0, 0
    for i in _some(len(shards), limit):
        sample = shards[i]
        lab = sample.labels
        frames += 1
        looks = [nets.face(sample.image, r) for _, r in nets.locate(sample.image)[:TRIES]]
        looks = [nets.face(sample.image, s.roi) for s in looks]
        hits = [s for s in looks if s.score >= FACE]
        false += sum(not any(_near(s.roi, f) for f in lab["faces"]) for s in hits)
        if not lab["has_face"] or not _inside(lab["lm"], sample.image.shape):
            continue
        driver = lab["faces"][lab["driver"]]
        found.append(any(_near(s.roi, driver) for s in hits))
        plain.append(_plain(lab, sample.image.shape[1]))
    f, p = np.array(found), np.array(plain)
    data = "rendered test frames"
    easy = "driver's face found: >= 60 px in VGA, half of it seen, yaw within 60"
    return [
        Figure("cabin", easy, data, float(f[p].mean()), int(p.sum()), 0.98),
        Figure("cabin", "driver's face found, any size and turn", data, float(f.mean()), len(f)),
        Figure("cabin", "false faces a frame", data, false / max(frames, 1), frames),
    ]


def _plain(lab: dict[str, Any], width: int) -> bool:
    """A face of the size and turn the system is meant for."""
    _, _, side, shown = lab["faces"][lab["driver"]]
    large = side / 1.5 * 640 / width >= 60
    return bool(large and shown >= 0.5 and abs(crops.pose_of(lab["R"])[0]) <= YAW_RANGE)


def _inside(lm: Array, shape: tuple[int, ...]) -> bool:
    """The whole face lies in the picture."""
    return bool(lm.min() >= 0 and lm[:, 0].max() <= shape[1] and lm[:, 1].max() <= shape[0])


def _near(roi: crops.Roi, face: Array) -> bool:
    off = float(np.hypot(roi.cx - face[0], roi.cy - face[1]))
    return off < 0.3 * float(face[2]) and 0.5 < roi.w / float(face[2]) < 2.0


def actions(nets: Nets, data: Shards, where: str, limit: float | None) -> list[Figure]:
    """The action at every step of clips, or of stills taken as 32 equal steps."""
    truth, guess = [], []
    rng = np.random.default_rng(4)
    for first, last in runs(data):
        rows: list[Array] = []
        for i in range(first, last):
            sample = data[i]
            lab = sample.labels
            if lab["driver"] < 0:
                break
            roi = crops.body_roi(crops.face_roi(lab["lm"]))
            k = float(np.exp(rng.normal(0, 0.04)))
            roi = crops.Roi(roi.cx, roi.cy, roi.w * k, roi.h * k, 0.0)
            rows.append(nets.cabin(sample.image, roi)[1])
            if lab["action"] != LOST:
                truth.append(lab["action"])
                guess.append(int(nets.action(window(rows)).argmax()))
    t, g = np.array(truth), np.array(guess)
    phones = np.isin(t, (1, 2))
    said = np.isin(g, (1, 2))
    both = float((phones & said).sum())
    return [
        Figure("action", "action macro-F1", where, macro_f1(t, g, ACTION_OUT), len(t), limit),
        Figure("action", "phone recall", where, both / max(phones.sum(), 1), int(phones.sum())),
        Figure("action", "phone precision", where, both / max(said.sum(), 1), int(said.sum())),
        *_per_class(t, g, where),
    ]


def _per_class(t: Array, g: Array, where: str) -> list[Figure]:
    from tools.train.manifest import ACTIONS

    return [
        Figure(
            "action",
            f"F1 of {name}",
            where,
            macro_f1((t == c) - 1, (g == c) - 1, 1),
            int((t == c).sum()),
        )
        for c, name in enumerate(ACTIONS)
        if (t == c).any()
    ]


def all_figures(
    models: Path,
    data: Path,
    recipe_faces: list[str],
    recipe_cabin: list[str],
    clips: list[str],
    limit: int,
) -> list[Figure]:
    nets, twin = Nets(models), Nets(models, fp32=True)
    face_shards = Shards([data / n / "test" for n in recipe_faces])
    cabin_shards = Shards([data / n / "test" for n in recipe_cabin])
    clip_shards = Shards([data / n / "test" for n in clips])
    figures: list[Figure] = []
    if len(face_shards) and "face" in nets.sessions:
        figures += faces(nets, twin, face_shards, limit)
    if len(face_shards) and "eyes" in nets.sessions:
        figures += eyes(nets, face_shards, limit)
    if len(cabin_shards) and "cabin" in nets.sessions:
        figures += stills(nets, cabin_shards, limit)
        if "action" in nets.sessions:
            figures += actions(nets, cabin_shards, "rendered test stills", None)
    if len(clip_shards) and "action" in nets.sessions:
        figures += actions(nets, clip_shards, "rendered test clips", 0.75)
    return figures
