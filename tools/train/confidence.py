"""Confidences that mean what they say: a scale and a bias for each confidence logit, fitted on the
validation split and folded into the last layer of the network files, so that the runtime needs
nothing new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.train import manifest, records
from tools.train.records import Array, Table, softmax
from tools.train.shards import Shards
from tools.train.spec import CLOSED_BELOW

BINS = 15
SEEN = 0.8
"""Visibility from which an eye's lids are judged: below, part of it is covered."""
OPEN, CLOSED = 1, 6
"""Of the eye network's outputs: openness, and the logit of closed."""
LEAN = 0.02
"""Openness is lessened by so much of closed's logit: of all lids that were learned from, a few are
narrow or shut, and openness alone tells those less well apart than `closed`, which knows nothing
else. Chosen on validation: with more, the error of openness grows again."""
SCALE = (0.2, 5.0)
"""Bounds of a fitted scale: beyond, the data hold no more than a handful of mistakes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One confidence: a network's logit, what it claims, and which rows can tell."""

    net: str
    name: str
    index: int
    truth: Callable[[Table], Array]
    known: Callable[[Table], Array]


def _all(t: Table) -> Array:
    return np.ones(len(t["out"]), bool)


def _attributes(t: Table) -> Array:
    return np.asarray(t["known"] > 0)


def _lids(t: Table) -> Array:
    return np.asarray(t["is_visible"] > SEEN)


CLAIMS = (
    Claim("face", "face", 0, lambda t: t["face"], _all),
    Claim("face", "sunglasses", 145, lambda t: t["is_sunglasses"], _attributes),
    Claim("face", "mask", 146, lambda t: t["is_mask"], _attributes),
    Claim("face", "occluded", 147, lambda t: t["is_occluded"], _attributes),
    Claim("eyes", "visible", 0, lambda t: t["is_visible"], _all),
    Claim("eyes", "closed", 6, lambda t: t["open"] < CLOSED_BELOW, _lids),
    Claim("eyes", "glasses", 7, lambda t: t["is_glasses"], _all),
)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def claimed(claim: Claim, t: Table) -> tuple[Array, Array]:
    """(probabilities, truths in 0..1) of the rows that can tell."""
    known = claim.known(t)
    return sigmoid(t["out"][known, claim.index]), claim.truth(t)[known].astype(float)


def action_claims(t: Table) -> tuple[Array, Array]:
    """(probability of the likeliest action, whether it was right)."""
    p = softmax(t["out"].astype(float))
    return p.max(1), (p.argmax(1) == t["action"]).astype(float)


def reliability(p: Array, truth: Array, bins: int = BINS) -> Array:
    """(bins, 3): mean confidence, share that was true, count. Bins are equal in width."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(at, minlength=bins)
    total = np.maximum(count, 1)
    mean_p = np.bincount(at, p, bins) / total
    return np.stack([mean_p, np.bincount(at, truth, bins) / total, count], 1)


def ece(p: Array, truth: Array) -> float:
    """Expected calibration error: the bins' |confidence - share true|, weighted by their count."""
    if len(p) == 0:
        return float("nan")
    r = reliability(p, truth)
    return float((np.abs(r[:, 0] - r[:, 1]) * r[:, 2]).sum() / r[:, 2].sum())


def fit_affine(logit: Array, truth: Array, steps: int = 50) -> tuple[float, float]:
    """Scale and bias that make sigmoid(scale * logit + bias) likeliest (Newton's method; truths may
    lie between 0 and 1). (1, 0) where the rows hold one answer only."""
    if len(truth) == 0 or truth.min() > 0.5 or truth.max() < 0.5:
        return 1.0, 0.0
    x = np.stack([np.clip(logit, -30, 30), np.ones_like(logit)], 1).astype(float)
    w = np.array([1.0, 0.0])
    for _ in range(steps):
        p = sigmoid(x @ w)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-3 * np.eye(2)
        change = np.linalg.solve(curvature, x.T @ (truth - p) - 1e-3 * (w - (1.0, 0.0)))
        w = w + np.clip(change, -0.5, 0.5)
    return float(np.clip(w[0], *SCALE)), float(w[1])


def fit_temperature(logits: Array, truth: Array, weight: Array) -> float:
    """The scale of class logits (n, classes) that makes the true classes likeliest, each row
    counting as much as its weight."""
    scales = np.exp(np.linspace(*np.log(SCALE), 200))
    rows = np.arange(len(truth))

    def loss(scale: float) -> float:
        p = softmax(logits.astype(float) * scale)
        return float(-(np.log(np.maximum(p[rows, truth], 1e-12)) * weight).sum())

    return float(min(scales, key=loss)) if len(truth) else 1.0


Affine = dict[int, tuple[float, float]]
"""Output index -> scale, bias of its logit."""


def fit(net: str, t: Table) -> Affine:
    """Scale and bias for every confidence of a network, from validation's records."""
    if not t:
        return {}
    if net == "action":
        scale = fit_temperature(t["out"], t["action"], t["weight"])
        return dict.fromkeys(range(t["out"].shape[1]), (scale, 0.0))
    out: Affine = {}
    for c in CLAIMS:
        if c.net == net:
            known = c.known(t)
            out[c.index] = fit_affine(t["out"][known, c.index], c.truth(t)[known].astype(float))
    return out


def fit_lean(t: Table, closed: tuple[float, float]) -> tuple[float, float]:
    """Scale and bias of openness with LEAN of the calibrated logit of closed taken off it: those of
    the least absolute error."""
    seen = _lids(t)
    out, truth = t["out"][seen].astype(float), t["open"][seen]
    less = LEAN * (closed[0] * out[:, CLOSED] + closed[1])

    def error(pair: tuple[float, float]) -> float:
        told = np.clip(pair[0] * out[:, OPEN] - less + pair[1], 0, 1.3)
        return float(np.abs(told - truth).mean())

    scales, biases = np.linspace(0.6, 1, 41).tolist(), np.linspace(-0.1, 0.1, 41).tolist()
    return min(((a, b) for a in scales for b in biases), key=error)


def records_of(net: str, models: Path, data: Path, split: str, limit: int) -> Table:
    """The shipped network's answers on a split that its confidences are fitted on."""
    from tools.train.perceive import Nets

    nets = Nets(models)
    if net == "face":
        return records.faces(nets, None, Shards([data / "faces" / split]), limit)
    if net == "eyes":
        return records.eyes(nets, None, Shards([data / "faces" / split]), limit)
    if net == "action":
        kinds = (Shards([data / kind / split]) for kind in ("clips", "cabin"))
        tables = [t for t in (records.actions(nets, shards, 2 * limit) for shards in kinds) if t]
        for t in tables:
            t["weight"] = shares(t["clip"])
        return {k: np.concatenate([t[k] for t in tables]) for k in tables[0]} if tables else {}
    return {}


def shares(clip: Array) -> Array:
    """Weights of rows by the clip that each is of: all of one together weigh 1, as a still does."""
    _, which, count = np.unique(clip, return_inverse=True, return_counts=True)
    return np.asarray(1 / count[which])


def fold_file(path: Path, affine: Affine, lean: float = 0.0) -> None:
    """Scale rows of the file's last fully connected layer (kept in float) and shift its bias; take
    `lean` of closed's row off openness's."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    last = next(n for n in model.graph.node if n.output[0] == model.graph.output[0].name)
    if last.op_type != "Gemm":
        raise ValueError(f"{path}: expected a float Gemm at the end, found {last.op_type}")
    arrays = {i.name: i for i in model.graph.initializer}
    for name, is_weight in ((last.input[1], True), (last.input[2], False)):
        value = numpy_helper.to_array(arrays[name]).copy()
        for k, (scale, bias) in affine.items():
            value[k] = value[k] * scale + (0.0 if is_weight else bias)
        if lean:
            value[OPEN] -= lean * value[CLOSED]
        arrays[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    onnx.save(model, str(path))


def _since_export(net: str, affine: Affine, before: dict[str, Any]) -> dict[str, list[float]]:
    """What all calibrations since the export come to, by confidence."""
    names = {c.index: c.name for c in CLAIMS if c.net == net}
    names |= {OPEN: "open"} if net == "eyes" else {}
    out = dict(before)
    for k, (scale, bias) in affine.items():
        name = names.get(k, str(k))
        a, b = before.get(name, (1.0, 0.0))
        out[name] = [round(a * scale, 3), round(b * scale + bias, 3)]
    return out


def calibrate(net: str, models: Path, data: Path, limit: int = 4000) -> dict[str, Any]:
    """Fit on the validation split, fold into the integer file and its float twin, and write the
    new check sums and what was done into the manifest. Returns the manifest's new facts.

    Doing it again finds scales near 1 and biases near 0. Errors: FileNotFoundError without data."""
    t = records_of(net, models, data, "val", limit)
    if not t:
        raise FileNotFoundError(f"{data}: no validation split to calibrate the {net} network on")
    content = manifest.load(models / "manifest.yaml")
    entry = content["nets"][net]
    before = entry.get("confidence", {})
    affine, lean = fit(net, t), 0.0
    if net == "eyes" and "lean" not in before:
        affine[OPEN], lean = fit_lean(t, affine[CLOSED]), LEAN
    twin = models / "fp32" / f"{net}.onnx"
    for path in (models / f"{net}.onnx", twin):
        fold_file(path, affine, lean)
    entry["sha256"] = manifest.sha256(models / f"{net}.onnx")
    entry["fp32"]["sha256"] = manifest.sha256(twin)
    entry["confidence"] = {
        "fitted_on": "rendered val split",
        "n": len(t["out"]),
        "scale_bias": _since_export(net, affine, before.get("scale_bias", {})),
        **({"lean": LEAN} if net == "eyes" else {}),
    }
    manifest.save(models / "manifest.yaml", content)
    return dict(entry["confidence"])
