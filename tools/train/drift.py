"""What the networks' inputs and features usually are: references in the manifest, with which the
engine compares what it sees (native/drift.hpp, docs/engine.md)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tools.train import crops, manifest
from tools.train.data import eye_row, face_row
from tools.train.heads import FEW, second_look
from tools.train.perceive import Nets, window
from tools.train.records import Array, some
from tools.train.shards import Shards, runs

FAR_STEPS = 60
"""Of the native gauge: 1.5 standard deviations of a crop."""
WATCHED = {
    "face": ("face", "rotation_log_sigma", "mouth_open", "sunglasses", "mask", "occluded"),
    "eyes": ("visible", "open_log_sigma", "gaze_log_sigma", "closed", "glasses"),
}
"""Outputs that tell how well a network sees; where somebody looks is no drift."""
USUAL = 0.98
"""Share of the validation split's samples that are usual."""
MOST_WHITENED = 8
"""Features of a gauge beyond which a matrix would rest on too few samples."""
SPREAD = 0.02
"""Added to the variances (of 1) before whitening: no feature is sure to go with the others."""
LEAST = 100
"""Samples under which there is no reference."""
Samples = dict[str, list[Array]]


def input_features(tensor: Array) -> Array:
    """Of a space-to-depth tensor (block^2, h, w) as in native/drift.cpp: ln(1 + contrast) of
    horizontal and vertical neighbours and of pixels a cell apart; shares of the pixels above the
    mean, far above, far below."""
    p = tensor.astype(int)
    below = p[round(len(p) ** 0.5)]
    four, cells = p[:4], p[0].ravel()
    seen = max(int((four != 128).sum()), 1)
    beside = np.abs(p[0] - p[1]).sum() + np.abs(p[2] - p[3]).sum()
    apart = 2 * beside, 4 * np.abs(p[0] - below).sum(), 4 * np.abs(np.diff(cells)).sum()
    high, low = (four > 128 + FAR_STEPS).sum(), (four < 128 - FAR_STEPS).sum()
    shares = np.array([(four > 128).sum(), high, low]) / seen
    return np.r_[np.log1p(np.array(apart) / seen), shares]


def watched(net: str, layout: dict[str, Any]) -> list[int]:
    """Indices of the watched outputs, by the manifest's layout."""
    return [layout[name]["slice"][0] for name in WATCHED[net] if name in layout]


def from_faces(nets: Nets, shards: Shards, limit: int, index: dict[str, list[int]]) -> Samples:
    """Face and eye crops of rendered people, cut as a tracker would."""
    out: Samples = defaultdict(list)
    for i in some(len(shards), limit):
        sample, rng = shards[i], np.random.default_rng([6, i])
        row = face_row(sample, rng, FEW, 0.0)
        if not row["face"]:
            continue
        out["face_input"].append(input_features(row["image"]))
        answer = nets.run("face", image=row["image"][None])[0][0]
        out["face_output"].append(answer[index["face"]])
        head = second_look(nets, sample, rng)
        for right in (True, False) if head else ():
            eye = eye_row(sample, right, rng, FEW, head)
            out["eyes_input"].append(input_features(eye["image"]))
            answer = nets.run("eyes", image=eye["image"][None], pose=eye["pose"][None])[0][0]
            out["eyes_output"].append(answer[index["eyes"]])
    return out


def from_frames(nets: Nets, shards: Shards, limit: int) -> Samples:
    """Whole frames, and the upper bodies in them; the action of each, or at each clip's end."""
    out: Samples = defaultdict(list)
    for first, last in runs(shards)[:limit]:
        rows: list[Array] = []
        for i in range(first, last, 3 if last - first > 1 else 1):
            sample = shards[i]
            h, w = sample.image.shape
            if last - first == 1:
                whole = crops.tensor(sample.image, crops.whole_roi(w, h), (256, 192), 4)
                out["whole_input"].append(input_features(whole))
            if sample.labels["driver"] < 0:
                continue
            body = crops.body_roi(crops.face_roi(sample.labels["lm"]))
            x = crops.tensor(sample.image, body, (256, 192), 4)
            out["body_input"].append(input_features(x))
            rows.append(nets.run("body", image=x[None])[0][0])
            out["body_output"].append(rows[-1].astype(float))
        if rows:
            out["action_output"].append(nets.run("action", window=window(rows)[None])[0][0])
    return out


GAUGES = {
    "face": ("face_input", "face_output"),
    "eyes": ("eyes_input", "eyes_output"),
    "cabin": ("whole_input",),
    "body": ("body_input", "body_output"),
    "action": ("action_output",),
}
RESTS_ON = {"action": ("body", "action")}
"""Networks whose files a network's references hold for, where it is not that one alone."""


def reference(values: list[Array], index: list[int]) -> dict[str, Any]:
    """Mean of each feature; `whiten`, which makes the features' deviations independent and 1 in
    size (for more than MOST_WHITENED features their standard deviations `std` instead); and
    `usual`: the root mean square of the deviations so taken that USUAL of the single samples stay
    below. A stream's mean varies less than its pictures do."""
    x = np.array(values, float)
    away = x - x.mean(0)
    std = np.maximum(x.std(0), 1e-3)
    if x.shape[1] > MOST_WHITENED:
        scale, unit = {"std": _short(std)}, away / std
    else:
        z = away / std
        shape = np.linalg.cholesky(z.T @ z / len(z) + SPREAD * np.eye(len(std)))
        whiten = np.linalg.inv(shape) / std
        scale, unit = {"whiten": [_short(row) for row in whiten]}, away @ whiten.T
    usual = float(f"{np.quantile(np.sqrt((unit**2).mean(1)), USUAL):.4g}")
    out = {"mean": _short(x.mean(0)), **scale, "usual": usual, "n": len(x)}
    return {"index": index, **out} if index else out


def _short(x: Array) -> list[float]:
    return [float(f"{v:.5g}") for v in x]


def write(models: Path, data: Path, limit: int = 3000) -> dict[str, int]:
    """Measure the validation split and write the references into the manifest; returns how many
    samples each rests on. Errors: FileNotFoundError without renders to measure."""
    path = models / "manifest.yaml"
    content = manifest.load(path)
    nets = Nets(models)
    layouts = {n: content["nets"][n]["outputs"][0]["layout"] for n in WATCHED}
    index = {n: watched(n, layout) for n, layout in layouts.items()}
    found = from_faces(nets, Shards([data / "faces" / "val"]), limit, index)
    folders = [data / "cabin" / "val", data / "clips" / "val"]
    found |= from_frames(nets, Shards(folders), limit)
    if not found:
        raise FileNotFoundError(f"{data}: no validation renders to measure drift's references on")
    for net, gauges in GAUGES.items():
        entry = content["nets"][net]
        entry["drift"] = {
            "of": {n: content["nets"][n]["sha256"] for n in RESTS_ON.get(net, (net,))},
            "gauges": {
                g: reference(found[g], index[net] if g in ("face_output", "eyes_output") else [])
                for g in gauges
                if len(found.get(g, ())) >= LEAST
            },
        }
    manifest.save(path, content)
    return {g: len(v) for g, v in found.items()}
