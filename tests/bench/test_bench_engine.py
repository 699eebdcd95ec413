"""Inference and the whole frame: ratios inside one run, the least of many short repeats.

Skipped where the networks or their FP32 twins are not there. The toy networks of the other tests
say nothing about speed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dms import _core
from dms.engine import model_files, models_dir, ort_library

LIBRARY = str(ort_library())
REPEATS = 150
PEAK_ROUNDS = 200_000  # about as long as the largest network's run, so both meet the same machine
STEP_NS = 66_700_000  # every frame is then due for all networks
INT8_GAIN = {"face": 1.5, "eyes": 1.5, "cabin": 1.5, "body": 1.5}
PEAK_SHARE = 0.60
NOT_A_NET = 0.30  # of the time of the networks; 0.28 where those have 8-bit dot products
RUNS = {"face": 1, "eyes": 2, "body": 1, "action": 1}  # of each network in a tracked frame


@pytest.fixture(scope="module")
def models() -> dict[str, str]:
    if not (models_dir() / "manifest.yaml").is_file():
        pytest.skip("no networks in models/")
    return model_files(models_dir())


def session(path: str | Path) -> _core.Session:
    """With an input like a real one: levels around the mean's."""
    opened, rng = _core.Session(str(path), LIBRARY), np.random.default_rng(1)
    feeds: dict[str, np.ndarray[Any, Any]] = {}
    for name, kind, shape in opened.inputs:
        byte = kind == "uint8"
        value = rng.normal(128, 40, shape).clip(0, 255) if byte else rng.normal(0, 0.3, shape)
        feeds[name] = value.astype(kind)
    opened.run(feeds)
    return opened


def least_ns(sessions: list[_core.Session]) -> list[int]:
    """The least CPU time of a run of each, taken in turns."""
    times = [[s.time_ns(1)[0] for s in sessions] for _ in range(REPEATS)]
    return [min(column) for column in zip(*times, strict=True)]


@pytest.mark.parametrize("net", sorted(INT8_GAIN))
def test_integers_are_faster_than_floats(net: str, models: dict[str, str], benchmark: Any) -> None:
    twin = models_dir() / "fp32" / f"{net}.onnx"
    if not twin.is_file():
        pytest.skip(f"no FP32 twin {twin.name}")
    ours, theirs = session(models[net]), session(twin)
    benchmark(ours.time_ns, 1)
    int8, fp32 = least_ns([ours, theirs])
    benchmark.extra_info.update(int8_us=int8 / 1e3, fp32_us=fp32 / 1e3, gain=fp32 / int8)
    assert fp32 / int8 >= INT8_GAIN[net]


def multiply_adds(folder: Path) -> float:
    """Of all networks of one tracked frame, from the manifest."""
    yaml = pytest.importorskip("yaml")
    nets = yaml.safe_load((folder / "manifest.yaml").read_text())["nets"]
    return sum(1e6 * nets[net]["mmac"] * runs for net, runs in RUNS.items())


def test_the_networks_come_near_the_processors_peak(models: dict[str, str], benchmark: Any) -> None:
    if not _core.int8_peak_ns(1):
        pytest.skip("no probe for this processor's peak")
    sessions = {net: session(models[net]) for net in RUNS}
    best = dict.fromkeys(("peak", *RUNS), 1 << 60)
    for _ in range(REPEATS):
        best["peak"] = min(best["peak"], _core.int8_peak_ns(PEAK_ROUNDS))
        for net, opened in sessions.items():
            best[net] = min(best[net], *opened.time_ns(2))
    benchmark(sessions["face"].time_ns, 1)
    peak = _core.int8_peak_multiply_adds(PEAK_ROUNDS) / best["peak"]
    nets = multiply_adds(models_dir()) / sum(best[net] * runs for net, runs in RUNS.items())
    benchmark.extra_info.update(peak_gmac_s=peak, nets_gmac_s=nets, share=nets / peak)
    assert nets / peak >= PEAK_SHARE


def test_a_frame_is_mostly_its_networks(models: dict[str, str], benchmark: Any) -> None:
    engine = _core.Engine(models, LIBRARY)
    frame = face_frame()
    engine.profile(True)
    least: dict[str, int] = {}
    for i in range(REPEATS):
        engine.profile(True)
        seen = engine.step(frame, i * STEP_NS, i)
        stages = engine.stage_ns()
        if i == 0:
            continue
        if seen.face is None or seen.action is None:
            pytest.skip("the networks see no face in the bundled picture")
        least = {k: min(v, least.get(k, v)) for k, v in stages.items()}
    benchmark(engine.step, frame, REPEATS * STEP_NS, REPEATS)
    nets = sum(v for k, v in least.items() if k.endswith("_net"))
    rest = sum(least.values()) - nets
    stages_us = {k: v / 1e3 for k, v in least.items()}
    benchmark.extra_info.update(stages_us=stages_us, frame_us=(rest + nets) / 1e3, rest=rest / nets)
    assert rest <= NOT_A_NET * nets


def face_frame() -> np.ndarray[Any, Any]:
    """A face of the bundled drive in the middle of 1280 x 800."""
    cv2 = pytest.importorskip("cv2")
    drive = Path(__file__).resolve().parent.parent / "golden" / "demo_drive"
    pictures = sorted(p for p in drive.rglob("*") if p.suffix in {".mp4", ".mkv", ".avi"})
    if not pictures:
        pytest.skip("the bundled drive is not in tests/golden/demo_drive")
    _, image = cv2.VideoCapture(str(pictures[0])).read()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.ascontiguousarray(cv2.resize(grey, (1280, 800), interpolation=cv2.INTER_LINEAR))
