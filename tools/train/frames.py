"""Whole rendered frames judged end to end: is the driver's face found, and is anything else taken
for a face?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tools.train import crops
from tools.train.perceive import Nets, sigmoid
from tools.train.records import Array, Table, extras, some, stacked
from tools.train.shards import Sample, Shards
from tools.train.witness import Witness

TRIES = 3
"""Places that are looked at in a frame."""
MOST_FALSE = 0.02
"""False faces a frame that are tolerated."""
LEAST_PX = 60.0
"""Width of a face that must be found, in a picture 640 px wide."""
NEVER = -1.0


def frames(nets: Nets, eye: Witness, shards: Shards, limit: int) -> Table:
    """One row a frame. `score`: of the driver's face by the networks alone, NEVER if not among the
    proposals; `false`: the scores of up to TRIES proposals that are nobody's face; `found`,
    `wrong`, `pose`: what the shipped engine says of the frame as a still."""
    return stacked(_rows(nets, eye, shards, limit))


def _rows(nets: Nets, eye: Witness, shards: Shards, limit: int) -> Iterable[dict[str, Any]]:
    for i in some(len(shards), limit):
        sample = shards[i]
        lab = sample.labels
        yield (
            extras(shards, i)
            | {"index": i, "level": sample.image.mean()}
            | _truth(sample)
            | _proposals(nets, sample, lab)
            | _still(eye, sample, lab)
        )


def _truth(sample: Sample) -> dict[str, Any]:
    """Is there a driver's face to be found, and how large, turned and visible is it?"""
    lab, shape = sample.labels, sample.image.shape
    there = bool(lab["has_face"]) and _inside(lab["lm"], shape)
    truth = np.degrees(crops.pose_of(lab["R"])) if there else np.zeros(3)
    side, shown = lab["faces"][lab["driver"], 2:4] if there else (0.0, 0.0)
    width = float(side) / 1.5 * 640 / shape[1]
    return {"there": there, "truth": truth, "width": width, "shown": float(shown)}


def _proposals(nets: Nets, sample: Sample, lab: dict[str, Any]) -> dict[str, Any]:
    driver = lab["faces"][lab["driver"]] if lab["driver"] >= 0 else None
    best, false = NEVER, [NEVER] * TRIES
    for k, (heat, roi) in enumerate(nets.locate(sample.image)[:TRIES]):
        look = nets.face(sample.image, nets.face(sample.image, roi).roi)
        score = heat * look.score
        if driver is not None and near(look.roi, driver):
            best = max(best, score)
        elif not any(near(look.roi, f) for f in lab["faces"]):
            false[k] = score
    return {"score": best, "false": np.array(false)}


def _still(eye: Witness, sample: Sample, lab: dict[str, Any]) -> dict[str, Any]:
    seen = eye.still(sample.image)
    if seen is None:
        return {"found": False, "wrong": False, "pose": np.full(3, np.nan)}
    wrong = not any(near(seen.roi, f) for f in lab["faces"])
    driver = lab["driver"] >= 0 and near(seen.roi, lab["faces"][lab["driver"]])
    return {"found": driver, "wrong": wrong, "pose": seen.pose_deg}


def near(roi: crops.Roi, face: Array) -> bool:
    """Is a face square that of a labelled face (centre x, y, side, ..)?"""
    off = float(np.hypot(roi.cx - face[0], roi.cy - face[1]))
    return off < 0.3 * float(face[2]) and 0.5 < roi.w / float(face[2]) < 2.0


def _inside(lm: Array, shape: tuple[int, ...]) -> bool:
    """The whole face lies in the picture."""
    return bool(lm.min() >= 0 and lm[:, 0].max() <= shape[1] and lm[:, 1].max() <= shape[0])


def asked(t: Table, yaw_deg: float) -> Array:
    """The frames whose face must be found: large enough, half of it seen, turned no further."""
    clear = t["there"] & (t["width"] >= LEAST_PX) & (t["shown"] >= 0.5)
    return np.asarray(clear & (np.abs(t["truth"][:, 0]) <= yaw_deg))


def threshold(t: Table) -> float:
    """The lowest score at which no more than MOST_FALSE false faces a frame remain."""
    false = np.sort(t["false"][t["false"] > NEVER])[::-1]
    allowed = int(MOST_FALSE * len(t["false"]))
    return float(np.nextafter(false[allowed], 2.0)) if len(false) > allowed else sigmoid(-5.0)
