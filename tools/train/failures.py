"""Sheets of what each network got most wrong: the picture, what is true and what was said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from tools.train.evaluate_synth import SEEN, Tables
from tools.train.manifest import ACTIONS
from tools.train.records import Array, Table, poses, softmax, turn
from tools.train.shards import Shards

COUNT = 50
COLUMNS = 10
CELL = 150
"""px of a picture's side on the sheet."""
LINE = 14
Caption = Callable[[int], list[str]]


def unfolded(x: Array) -> Array:
    """(block^2, h, w) space-to-depth input -> the crop."""
    block = round(len(x) ** 0.5)
    h, w = x.shape[1:]
    cells = x.reshape(block, block, h, w).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(cells.reshape(h * block, w * block))


def sheet(
    path: Path,
    pictures: list[Array],
    captions: list[list[str]],
    columns: int = COLUMNS,
    cell: int = CELL,
) -> str:
    """A contact sheet of grey or colour (BGR) pictures, `cell` px each, in the order given."""
    lines = max((len(c) for c in captions), default=0)
    tall = max((_fitted(p, cell).shape[0] for p in pictures), default=cell)
    height = tall + LINE * lines + 6
    rows = -(-len(pictures) // columns)
    page = np.full((max(rows, 1) * height, columns * (cell + 4), 3), 255, np.uint8)
    for k, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        y, x = k // columns * height, k % columns * (cell + 4)
        small = _fitted(picture, cell)
        page[y : y + small.shape[0], x : x + small.shape[1]] = np.atleast_3d(small)
        for i, text in enumerate(caption):
            at = (x, y + tall + LINE * (i + 1) - 3)
            cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    grey = all(p.ndim == 2 for p in pictures)
    cv2.imwrite(str(path), page[..., 0] if grey else page)
    return path.name


def _fitted(picture: Array, cell: int) -> Array:
    """The picture with its longer side `cell` px long."""
    scale = cell / max(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def worst(error: Array) -> list[int]:
    """Rows of the largest errors; NaN is no error."""
    known = np.flatnonzero(np.isfinite(error) & (error > 0))
    return [int(i) for i in known[np.argsort(-error[known], kind="stable")[:COUNT]]]


def face_sheet(path: Path, t: Table) -> str:
    """Head pose errors, and faces scored as none or none as a face (these first)."""
    got = poses(t["out"])
    error = turn(got - t["pose"]).max(1)
    score = 1 / (1 + np.exp(-t["out"][:, 0]))
    face = t["face"] > 0
    error = np.where(face, np.where(score < 0.5, 180 + error, error), 360 * (score > 0.5))
    rows = worst(error)

    def caption(i: int) -> list[str]:
        said, true = "/".join(f"{v:.0f}" for v in got[i]), "none"
        if face[i]:
            true = "/".join(f"{v:.0f}" for v in t["pose"][i])
        return [f"true {true}", f"said {said}", f"face {score[i]:.2f} #{t['index'][i]}"]

    return sheet(path, [unfolded(t["image"][i]) for i in rows], [caption(i) for i in rows])


def eye_sheet(path: Path, t: Table) -> str:
    """Openness errors of seen eyes, and unseen eyes called visible and closed (these first)."""
    p = 1 / (1 + np.exp(-t["out"][:, [0, 6]]))
    error = np.where(t["is_visible"] > SEEN, np.abs(t["out"][:, 1] - t["open"]), 0.0)
    invented = (t["is_visible"] < 0.2) & (p[:, 0] > 0.5) & (p[:, 1] > 0.5)
    rows = worst(error + 2 * invented)

    def caption(i: int) -> list[str]:
        return [
            f"true open {t['open'][i]:.2f} vis {t['is_visible'][i]:.1f}",
            f"said {t['out'][i, 1]:.2f} vis {p[i, 0]:.2f}",
            f"closed {p[i, 1]:.2f} #{t['index'][i]}",
        ]

    return sheet(path, [unfolded(t["image"][i]) for i in rows], [caption(i) for i in rows])


def frame_sheet(path: Path, t: Table, shards: Shards) -> str:
    """Frames whose face the engine missed (largest first), and faces that are none."""
    error = np.where(t["there"] & ~t["found"], t["width"] * t["shown"], 0) + 1000 * t["wrong"]
    rows = worst(error)

    def caption(i: int) -> list[str]:
        what = "a face that is none" if t["wrong"][i] else "not found"
        return [
            what,
            f"{t['width'][i]:.0f} px, {t['shown'][i]:.2f} seen",
            f"yaw {t['truth'][i][0]:.0f} best {t['score'][i]:.2f} #{t['index'][i]}",
        ]

    pictures = [shards[int(t["index"][i])].image for i in rows]
    return sheet(path, pictures, [caption(i) for i in rows])


def action_sheet(path: Path, t: Table, shards: Shards) -> str:
    """Actions said most surely where another was done; one a clip."""
    p = softmax(t["out"].astype(float))
    guess = p.argmax(1)
    wrong = np.where(guess != t["action"], p.max(1), 0.0)
    _, first = np.unique(t["clip"], return_index=True)
    error = np.zeros_like(wrong)
    for a, b in zip(first, [*first[1:], len(wrong)], strict=True):
        k = a + int(wrong[a:b].argmax())
        error[k] = wrong[k]
    rows = worst(error)

    def caption(i: int) -> list[str]:
        done, said = ACTIONS[int(t["action"][i])], ACTIONS[int(guess[i])]
        return [f"does {done}", f"said {said} {p[i].max():.2f}", f"#{t['index'][i]}"]

    pictures = [shards[int(t["index"][i])].image for i in rows]
    return sheet(path, pictures, [caption(i) for i in rows])


def all_sheets(folder: Path, data: Path, t: Tables) -> list[str]:
    """The sheets that the renders at hand allow."""
    out = []
    if t.faces:
        out.append(face_sheet(folder / "worst-face.png", t.faces))
    if t.eyes:
        out.append(eye_sheet(folder / "worst-eyes.png", t.eyes))
    cabin, clips = Shards([data / "cabin" / "test"]), Shards([data / "clips" / "test"])
    if t.frames:
        out.append(frame_sheet(folder / "worst-cabin.png", t.frames, cabin))
    if t.stills:
        out.append(action_sheet(folder / "worst-action-stills.png", t.stills, cabin))
    if t.clips:
        out.append(action_sheet(folder / "worst-action-clips.png", t.clips, clips))
    return out
