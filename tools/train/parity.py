"""Do the integer kernels compute what the simulated rounding says, on real inputs too?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from tools.train.perceive import Nets, Tracker
from tools.train.records import Array
from tools.train.session import open_session

MOST = 0.03
"""Relative error beyond which something saturates."""
CALLS = 26
"""Of a network at most, for one error: two of noise, the rest from a clip."""
EVERY = 40
"""Of this many frames of the clip one is looked at."""
Feed = dict[str, Array]


def noise(session: Any, rng: np.random.Generator) -> Feed:
    """Inputs of the right shapes and types, levels around the mean's."""
    feed: Feed = {}
    for i in session.get_inputs():
        x = rng.normal(128, 40, i.shape)
        byte = "uint8" in i.type
        feed[i.name] = x.clip(0, 255).astype(np.uint8) if byte else ((x - 128) / 100).astype("f4")
    return feed


def relative_error(path: Path, feeds: list[Feed]) -> float:
    """The worst, over outputs, of mean |integer - simulated| / standard deviation of simulated,
    over all feeds together."""
    integer, simulated = open_session(path), open_session(path, fused=False)
    got = [integer.run(None, f) for f in feeds]
    want = [simulated.run(None, f) for f in feeds]
    worst = 0.0
    for a, b in zip(zip(*got, strict=True), zip(*want, strict=True), strict=True):
        x, y = np.array(a, float), np.array(b, float)
        worst = max(worst, float(np.abs(x - y).mean() / max(y.std(), 1e-6)))
    return worst


def feeds_of(nets: Nets, frames: list[Array]) -> dict[str, list[Feed]]:
    """What each network is fed while the frames of a clip are watched."""
    seen: dict[str, list[Feed]] = {n: [] for n in nets.sessions}
    run = nets.run

    def noted(name: str, **feed: Array) -> list[Array]:
        seen[name].append(feed)
        return run(name, **feed)

    nets.run = noted  # type: ignore[method-assign]
    tracker = Tracker(nets)
    for frame in frames:
        face = tracker.step(frame)
        if face is not None:
            nets.eye(frame, face, True)
            nets.eye(frame, face, False)
            tracker.action()
    nets.run = run  # type: ignore[method-assign]
    return seen


def watched(
    models: Path, clip: Path, every: int = 40, most: int = CALLS - 2
) -> dict[str, list[Feed]]:
    """`feeds_of` some frames of a video."""
    from tools.train.evaluate_real import frames_of

    return feeds_of(Nets(models), frames_of(clip)[::every][:most])


def errors(models: Path, clip: Path) -> dict[str, float]:
    """The relative error of each network on a clip's crops and on noise, the worse of the two."""
    rng = np.random.default_rng(7)
    out = {}
    for net, feeds in watched(models, clip).items():
        path = models / f"{net}.onnx"
        made = [noise(open_session(path), rng) for _ in range(2)]
        out[net] = max(relative_error(path, made), relative_error(path, feeds) if feeds else 0.0)
    return out


def main() -> int:
    """`python -m tools.train.parity MODELS CLIP`: exit code 1 if any network exceeds the limit."""
    found = errors(Path(sys.argv[1]), Path(sys.argv[2]))
    for net, error in found.items():
        print(f"{net} {error:.5f}")
    return 1 if max(found.values()) > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
