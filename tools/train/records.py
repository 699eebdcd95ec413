"""What the networks answer on a rendered split, one row a crop or frame: every figure, threshold,
calibration and plot is made from these tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.train import crops
from tools.train.data import eye_row, face_row
from tools.train.heads import FEW, second_look
from tools.train.perceive import Nets, rotation_of, window
from tools.train.shards import LOST, Shards, runs

Array = NDArray[Any]
Table = dict[str, Array]

OFF_FACE = 0.15
"""For this share of the pictures a second crop, beside the face, is judged too."""
EXTRAS = ("tone", "visible_light", "visible", "glasses", "sunglasses", "headwear", "covered",
          "mask", "mount", "light", "identity")  # fmt: skip
"""Labels that figures are broken down by, where a shard has them."""


class Runner(Protocol):
    """Anything that runs a network by name: ONNX files, or a network in training."""

    def run(self, name: str, **feed: Array) -> list[Array]: ...


def some(count: int, limit: int) -> list[int]:
    """`limit` indices, the same at every call."""
    return [int(i) for i in np.random.default_rng(3).permutation(count)[:limit]]


def stacked(rows: Iterable[dict[str, Any]]) -> Table:
    """Rows of equal keys as columns; empty for no rows."""
    listed = list(rows)
    return {k: np.array([r[k] for r in listed]) for k in listed[0]} if listed else {}


def extras(shards: Shards, index: int) -> dict[str, float]:
    """The labels of EXTRAS, NaN where the shard does not tell."""
    shard, row = shards.where(index)
    return {k: float(shard[k][row]) if k in shard else float("nan") for k in EXTRAS}


def faces(nets: Runner, twin: Runner | None, shards: Shards, limit: int) -> Table:
    """Face crops: `out`, `twin` (n, 148) and the labels in the crop's frame."""
    return stacked(_face_rows(nets, twin, shards, limit))


def _face_rows(
    nets: Runner, twin: Runner | None, shards: Shards, limit: int
) -> Iterable[dict[str, Any]]:
    for i in some(len(shards), limit):
        sample, rng = shards[i], np.random.default_rng([1, i])
        crops_of = [0.0, 1.0] if rng.random() < OFF_FACE else [0.0]
        for negative in crops_of:
            row = face_row(sample, rng, FEW, negative)
            image = row["image"][None]
            yield extras(shards, i) | {
                "index": i,
                "out": nets.run("face", image=image)[0][0],
                "twin": twin.run("face", image=image)[0][0] if twin else np.zeros(0),
                "image": row["image"],
                "level": sample.image.mean(),
                "face": row["face"],
                "known": row["known"],
                "lm": row["lm"].ravel(),
                "pose": np.degrees(crops.pose_of(row["R"])),
                "mouth": row["mouth"],
                "is_sunglasses": row["sunglasses"],
                "is_mask": row["mask"],
                "is_occluded": row["occluded"],
            }


def poses(out: Array) -> Array:
    """(n, 148) outputs -> (n, 3) yaw, pitch, roll [deg] in the crop's frame."""
    return np.array([np.degrees(crops.pose_of(rotation_of(o[137:143]))) for o in out])


def turn(d: Array) -> Array:
    """Absolute difference of angles [deg], the short way."""
    return np.abs((d + 180.0) % 360.0 - 180.0)


def eyes(nets: Nets, twin: Runner | None, shards: Shards, limit: int) -> Table:
    """Eye crops, both of each face that the face network finds: `out`, `twin` (n, 8) and labels.
    Cut, and with the head's pose, as that network has it at its second look, as the engine does."""
    return stacked(_eye_rows(nets, twin, shards, limit))


def _eye_rows(
    nets: Nets, twin: Runner | None, shards: Shards, limit: int
) -> Iterable[dict[str, Any]]:
    for i in some(len(shards), limit):
        sample, rng = shards[i], np.random.default_rng([2, i])
        head = second_look(nets, sample, rng)
        if head is None:
            continue
        pose = np.degrees(crops.pose_of(sample.labels["R"]))
        for right in (True, False):
            row = eye_row(sample, right, rng, FEW, head)
            feed = {"image": row["image"][None], "pose": row["pose"][None]}
            yield extras(shards, i) | {
                "index": i,
                "right": right,
                "out": nets.run("eyes", **feed)[0][0],
                "twin": twin.run("eyes", **feed)[0][0] if twin else np.zeros(0),
                "image": row["image"],
                "level": sample.image.mean(),
                "pose": pose,
                "is_visible": row["visible"],
                "open": row["open"],
                "gaze": np.degrees(row["gaze"]),
                "is_glasses": row["glasses"],
            }


def actions(nets: Nets, data: Shards, limit: int, shown: bool = True) -> Table:
    """The action's logits at every step of clips, or of stills taken as 32 equal steps; without
    those whose driver hides the face, of whom the engine crops no body. `shown` False: of the
    pictures that do not show what the driver does."""
    return stacked(_action_rows(nets, data, limit, shown))


def _action_rows(nets: Nets, data: Shards, limit: int, shown: bool) -> Iterable[dict[str, Any]]:
    left = limit
    for clip, (first, last) in enumerate(runs(data)):
        if left <= 0:
            return
        rng = np.random.default_rng([4, first])
        rows: list[Array] = []
        for i in range(first, last):
            sample = data[i]
            lab = sample.labels
            if not lab["has_face"]:
                break
            roi = crops.body_roi(crops.face_roi(lab["lm"]))
            k = float(np.exp(rng.normal(0, 0.04)))
            roi = crops.Roi(roi.cx, roi.cy, roi.w * k, roi.h * k, 0.0)
            rows.append(nets.wide("body", sample.image, roi))
            if (lab["action"] != LOST) != shown:
                continue
            left -= 1
            logits = nets.run("action", window=window(rows)[None])[0][0]
            truth = {"index": i, "clip": clip, "action": lab["action"], "out": logits}
            yield extras(data, i) | truth | {"object": lab["object"]}


def softmax(logits: Array) -> Array:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True))
