"""Measure speed on this machine: ratios within one run, which hold on other machines too.

Every number is the least of many short runs that take turns, so that a busy machine does not
matter. Exit code 4 when a gate is missed. What cannot be measured here says why.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dms import _core, alerts, fusion
from dms.commands.common import add_config_arguments, load_config, to_json
from dms.config import Config
from dms.engine import MANIFEST, Engine, model_files, models_dir, open_engine, ort_library
from dms.errors import Exit, SourceError, UsageError
from dms.source import load_cv2, open_source
from dms.types import Frame, Observation, Reason, VehicleState

WIDTH, HEIGHT = 1280, 800
"""The frame that the targets are stated for."""
CONV_NETS = ("face", "eyes", "cabin", "body")
USES = {"face": 1, "eyes": 2, "body": 1, "action": 1}
"""Runs of each network for one frame of a tracked face in which everything is due."""
STEP_NS = 70_000_000
"""Between frames: the body and action networks are due in each."""
PEAK_ROUNDS = 100_000
ROI = (640.0, 400.0, 448.0, 448.0, 0.0)
SPEEDUP_MIN, INT8_GAIN_MIN, PEAK_SHARE_MIN, OTHER_SHARE_MAX = 8.0, 1.5, 0.60, 0.25
"""Gates: fused crop over OpenCV's; INT8 over FP32; networks' share of the multiply-add peak; share
of a frame that is no network. Each with at least 15 % in hand on the machine they were set on."""
BATCH = 100
"""Frames whose mean is one measurement of fusion and alerts."""
FRAME_NS = 33_333_333
LOOP = 2000
"""Rounds of the pure-Python loop that fusion and alerts are set against."""
LOOP_US = 76.0
"""What it took on the machine on which they may take 150 us a frame."""
STATE_LOOPS_MAX = 150 / LOOP_US
"""Gate: fusion and alerts of a frame, in such loops."""
BUNDLED = Path("tests/golden/demo_drive")

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Gate:
    """A measured value and its limit; `passed` is None when it could not be measured."""

    name: str
    value: float | None
    limit: float
    at_least: bool
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the value keeps the limit."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument(
        "path", nargs="?", metavar="PATH", help="picture or video with a face (the bundled drive)"
    )
    parser.add_argument("--repeats", type=int, default=300, help="short runs of each (default 300)")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure all, print, and tell by the exit code whether the gates are kept."""
    if args.repeats < 1:
        raise UsageError("--repeats must be at least 1")
    config = load_config(args)
    frame = face_frame(args.path, open_engine(config))
    results, gates = measure(config, frame, args.repeats)
    if args.json:
        shown = [{**asdict(gate), "passed": gate.passed} for gate in gates]
        print(to_json({"results": results, "gates": shown}, indent=1))
    else:
        print_results(results, gates)
    return Exit.GATE if any(gate.passed is False for gate in gates) else Exit.OK


def measure(config: Config, frame: Image, repeats: int) -> tuple[dict[str, Any], list[Gate]]:
    """Everything, in microseconds, and the gates that follow."""
    crop = crop_us(frame, repeats)
    nets = nets_us(config, repeats)
    peak = peak_gmacs(repeats)
    whole = frame_us(open_engine(config), frame, repeats)
    chain = state_us(config, open_engine(config).step(Frame(0, 0, frame)), repeats)
    alone = sum(nets[net]["int8_us"] * uses for net, uses in USES.items())
    work = sum(nets[net]["mmac"] * uses for net, uses in USES.items())
    rate = work / alone  # 1e6 multiply-adds a microsecond are 1e12 a second
    results = {
        "crop": crop,
        "nets": nets,
        "int8_peak_gmac_per_s": round(peak, 1) if peak else None,
        "nets_gmac_per_s": round(rate * 1e3, 1),
        "nets_alone_us": round(alone, 1),
        "frame": whole,
        "fusion_and_alerts": chain,
    }
    return results, gates_of(results, rate * 1e3, peak)


def gates_of(results: dict[str, Any], rate: float, peak: float) -> list[Gate]:
    """The gates, from the results."""
    found = [Gate("fused crop over OpenCV", results["crop"]["ratio"], SPEEDUP_MIN, True)]
    for net in CONV_NETS:
        gain = results["nets"][net]["gain"]
        note = "" if gain else "no FP32 twin in models/fp32"
        found.append(Gate(f"{net} INT8 over FP32", gain, INT8_GAIN_MIN, True, note))
    share = round(rate / peak, 3) if peak and rate else None
    note = "" if share else "this processor's peak or the networks' size is not known"
    found.append(Gate("networks' share of the INT8 peak", share, PEAK_SHARE_MIN, True, note))
    other = results["frame"]["other_share"]
    note = "" if other is not None else "no face in the frame, so not every network ran"
    loops = results["fusion_and_alerts"]["loops"]
    return [
        *found,
        Gate("fusion and alerts over a Python loop", loops, STATE_LOOPS_MAX, False),
        Gate("share of a frame that is no network", other, OTHER_SHARE_MAX, False, note),
    ]


def best_us(repeats: int, *works: Callable[[], object]) -> list[float]:
    """The least time of each [us], all taking turns."""
    best = [float("inf")] * len(works)
    for _ in range(repeats):
        for i, work in enumerate(works):
            start = time.perf_counter_ns()
            work()
            best[i] = min(best[i], (time.perf_counter_ns() - start) / 1e3)
    return [round(value, 2) for value in best]


def crop_us(frame: Image, repeats: int) -> dict[str, float]:
    """Our fused crop beside what one would write with OpenCV."""
    cv2 = load_cv2()
    clahe = cv2.createCLAHE(2.0, (8, 8))
    ours = _core.Preprocessor(WIDTH, HEIGHT)

    def opencv() -> object:
        small = cv2.resize(frame[176:624, 416:864], (112, 112), interpolation=cv2.INTER_AREA)
        values = clahe.apply(small).astype(np.float32)
        scaled = (values - values.mean()) * (40 / max(float(values.std()), 3.0)) + 128
        q = np.rint(scaled).clip(0, 255).astype(np.uint8)
        return np.ascontiguousarray(q.reshape(28, 4, 28, 4).transpose(1, 3, 0, 2))

    fused, theirs = best_us(repeats, lambda: ours.run(frame, ROI, 112, 112, 4), opencv)
    return {"fused_us": fused, "opencv_us": theirs, "ratio": round(theirs / fused, 2)}


def nets_us(config: Config, repeats: int) -> dict[str, dict[str, Any]]:
    """Each network alone, beside its FP32 twin where there is one."""
    folder = models_dir(config.engine.models_dir)
    manifest = yaml.safe_load((folder / MANIFEST).read_text())["nets"]
    library = str(ort_library(config.engine.ort_library))
    found = {}
    for net, path in model_files(folder).items():
        twin = folder / "fp32" / f"{net}.onnx"
        sessions = [_core.Session(path, library)]
        sessions += [_core.Session(str(twin), library)] if twin.is_file() else []
        for session in sessions:
            session.run(noise(session))
        least = [1e12] * len(sessions)
        for _ in range(10):  # in turns, so that both meet the same machine
            for i, session in enumerate(sessions):
                least[i] = min(least[i], *session.time_ns(-(-repeats // 10)))
        int8, fp32 = least[0] / 1e3, least[1] / 1e3 if len(least) > 1 else None
        found[net] = {
            "mmac": float(manifest[net].get("mmac", 0)),
            "int8_us": round(int8, 1),
            "fp32_us": round(fp32, 1) if fp32 else None,
            "gain": round(fp32 / int8, 2) if fp32 else None,
        }
    return found


def noise(session: _core.Session) -> dict[str, NDArray[Any]]:
    """An input of the right shapes, the same every time."""
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 256, shape).astype(kind)
        if kind == "uint8"
        else rng.uniform(-0.5, 0.5, shape).astype(kind)
        for name, kind, shape in session.inputs
    }


def peak_gmacs(repeats: int) -> float:
    """1e9 8-bit multiply-adds a second out of registers; 0 where that is not known."""
    least = min(_core.int8_peak_ns(PEAK_ROUNDS) for _ in range(repeats))
    return _core.int8_peak_multiply_adds(PEAK_ROUNDS) / least if least else 0.0


def frame_us(engine: Engine, frame: Image, repeats: int) -> dict[str, Any]:
    """The least CPU time of a whole frame, and its stages, with every network due."""
    best: dict[str, int] = {}
    least = -1
    for i in range(repeats + 40):  # 40: until the face is tracked and the action window is full
        engine.native.profile(True)
        start = time.thread_time_ns()
        engine.step(Frame(i, i * STEP_NS, frame))
        took = time.thread_time_ns() - start
        if i >= 40 and (least < 0 or took < least):
            least, best = took, engine.native.stage_ns()
    total = sum(best.values())
    nets = sum(ns for stage, ns in best.items() if "net" in stage)
    every = all(best.get(f"{net}_net") for net in ("face", "eye", "body", "action"))
    return {
        "cpu_us": round(least / 1e3, 1),
        "stages_us": {stage: round(ns / 1e3, 1) for stage, ns in best.items()},
        "other_share": round((total - nets) / total, 3) if every else None,
    }


def state_us(config: Config, seen: Observation, repeats: int) -> dict[str, float]:
    """Fusion and alerts, CPU time of a mean frame of a drive, and in loops of pure Python. Each
    batch of frames is set against as many loops right after it: a neighbour on the same processor
    slows both, and a loop that was lucky by itself would make the frames look dear."""
    belief, asked = fusion.start(config), alerts.start()
    found: list[tuple[float, float, float]] = []
    for batch in range(max(3, repeats // 10)):
        began = time.thread_time_ns()
        for i in range(batch * BATCH, (batch + 1) * BATCH):
            at = Observation(i, i * FRAME_NS, seen.face, seen.action, seen.quality)
            car = VehicleState(at.t_ns, 25.0)
            belief, driver = fusion.step(belief, at, car, Reason.NONE, config)
            asked, _ = alerts.step(asked, driver, car, config.alerts)
        us = (time.thread_time_ns() - began) / 1e3 / BATCH
        loop_us = sum(python_loop_us() for _ in range(BATCH)) / BATCH
        found.append((us / loop_us, us, loop_us))
    loops, us, loop_us = min(found)
    return {"us": round(us, 1), "loop_us": round(loop_us, 1), "loops": round(loops, 2)}


def python_loop_us() -> float:
    """CPU time of a fixed piece of pure Python: how fast this machine's interpreter is."""
    began, total = time.thread_time_ns(), 0
    for i in range(LOOP):
        total += i * i & 255
    return (time.thread_time_ns() - began) / 1e3


def face_frame(path: str | None, engine: Engine) -> Image:
    """The first frame with a face, as 1280 x 800. Errors: SourceError when there is no picture."""
    bundled = Path(__file__).resolve().parents[2] / BUNDLED
    if path is None and not bundled.is_dir():
        raise SourceError("no picture to measure with", fix="name one: dms bench PATH")
    cv2 = load_cv2()
    first = None
    for frame in open_source(path or str(bundled)).frames():
        image = cv2.resize(frame.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        first = image if first is None else first
        if frame.seq >= 60:
            break
        if engine.still(Frame(0, 0, image)).face:
            return np.ascontiguousarray(image)
    assert first is not None
    return np.ascontiguousarray(first)


def print_results(results: dict[str, Any], gates: list[Gate]) -> None:
    """For people."""
    crop, frame = results["crop"], results["frame"]
    print(f"crop           fused {crop['fused_us']} us, OpenCV {crop['opencv_us']} us")
    for net, r in results["nets"].items():
        twin = f", FP32 {r['fp32_us']} us" if r["fp32_us"] else ""
        print(f"{net:<14} INT8 {r['int8_us']} us{twin}, {r['mmac']} million multiply-adds")
    print(
        f"all networks   {results['nets_alone_us']} us alone, "
        f"{results['nets_gmac_per_s']} of {results['int8_peak_gmac_per_s']} GMAC/s"
    )
    print(f"whole frame    {frame['cpu_us']} us of CPU")
    for stage, us in frame["stages_us"].items():
        print(f"  {stage:<12} {us} us")
    chain = results["fusion_and_alerts"]
    print(f"fusion, alerts {chain['us']} us of CPU, {chain['loops']} Python loops")
    for gate in gates:
        mark = {True: "ok", False: "MISSED", None: "-"}[gate.passed]
        sign = ">=" if gate.at_least else "<="
        print(f"{mark:<7}{gate.name}: {gate.value} ({sign} {gate.limit}) {gate.note}".rstrip())
