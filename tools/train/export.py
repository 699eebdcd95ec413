"""A trained network -> models/<net>.onnx (INT8), its float twin, and its manifest entry."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.train import manifest
from tools.train.data import Jitter, batches
from tools.train.fit import Recipe, source, tensors
from tools.train.nets import Net, Range, calibrate, real
from tools.train.onnx_file import write
from tools.train.session import open_session
from tools.train.spec import SPECS, Spec
from tools.train.warm import blend

CALIBRATION_BATCHES = 16
BATCH = 64


def load_net(path: Path, name: str) -> Net:
    net = Net(SPECS[name])
    net.load_state_dict(torch.load(path, weights_only=True)["net"])
    return net.eval()


def export(
    recipe: Recipe,
    recipe_file: Path,
    weights: Path,
    data: Path,
    models: Path,
    mixed: tuple[Path, float] | None = None,
) -> dict[str, Any]:
    """Write both files and the manifest's entry; returns what was measured. `mixed`: a float ONNX
    file that training began with, and the share of its weights in the result."""
    net = load_net(weights, recipe.net)
    if mixed:
        blend(net, *mixed)
    make, _ = source(recipe, data, "train", Jitter(**(recipe.jitter | {"photo": 0.3})))
    inputs = []
    for batch in batches(make, BATCH, recipe.seed + 100, 0, CALIBRATION_BATCHES):
        t = tensors(batch)
        inputs.append(tuple(real(t[i.name], i) for i in net.spec.inputs))
    ranges = calibrate(net, inputs)
    int8, twin = models / f"{recipe.net}.onnx", models / "fp32" / f"{recipe.net}.onnx"
    write(net, ranges, int8)
    write(net, None, twin)
    warm, began = (" --warm START.onnx", f" --blend START.onnx {mixed[1]:g}") if mixed else ("", "")
    facts = {
        "weights": "int8 per channel, 7 bits (+-63); activations uint8; last layer float",
        "calibration": f"{CALIBRATION_BATCHES * BATCH} training crops, 0.01-99.99 % of each tensor",
        "recipe": f"tools/train/recipes/{recipe_file.name}",
        "seed": recipe.seed,
        "commands": [
            f"python -m tools.train fit {recipe.net} --data DATA --out RUN{warm}",
            f"python -m tools.train export {recipe.net} --run RUN --data DATA{began}",
        ],
    }
    manifest.update(models, recipe.net, facts)
    return {"parity": parity(net, ranges, int8), "speed": speed(net.spec, int8, twin)}


def random_inputs(spec: Spec, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Inputs of the right shapes and types: smooth noise, as pictures are."""
    feed: dict[str, NDArray[Any]] = {}
    for i in spec.inputs:
        if i.dtype == "uint8":
            coarse = rng.normal(128, 40, i.shape)
            feed[i.name] = np.clip(coarse, 0, 255).astype(np.uint8)
        else:
            feed[i.name] = rng.uniform(-0.5, 0.5, i.shape).astype(np.float32)
    return feed


@torch.no_grad()
def parity(net: Net, ranges: dict[str, Range], path: Path, count: int = 40) -> float:
    """Mean relative difference of the integer file from the simulated rounding."""
    session, rng = open_session(path), np.random.default_rng(5)
    net.ranges = ranges
    errors = []
    for _ in range(count):
        feed = random_inputs(net.spec, rng)
        inputs = [real(torch.from_numpy(feed[i.name]), i) for i in net.spec.inputs]
        for spec_out, got, want in zip(
            net.spec.outputs, session.run(None, feed), net(*inputs), strict=True
        ):
            value = got.astype(np.float32)
            if spec_out.dtype == "uint8":
                r = ranges[spec_out.src]
                value = (value - r.zero) * r.scale
            w = want.numpy()
            errors.append(float(np.abs(value - w).mean() / np.abs(w).mean()))
    net.ranges = None
    return float(np.mean(errors))


def speed(spec: Spec, int8: Path, twin: Path, runs: int = 300) -> dict[str, float]:
    """Shortest of many interleaved single-thread runs, in microseconds, and the ratio."""
    feed = random_inputs(spec, np.random.default_rng(0))
    a, b = open_session(int8), open_session(twin)
    best = [1e9, 1e9]
    for _ in range(runs):
        for k, s in enumerate((a, b)):
            start = time.perf_counter()
            s.run(None, feed)
            best[k] = min(best[k], time.perf_counter() - start)
    return {
        "int8_us": round(best[0] * 1e6),
        "fp32_us": round(best[1] * 1e6),
        "gain": round(best[1] / best[0], 2),
    }
