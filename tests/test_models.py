"""The network files that ship: what the manifest says of them is true, and integers are exact."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "models"
NETS = ("face", "eyes", "cabin", "body", "action")
MIB = 1 << 20

onnx = pytest.importorskip("onnx", reason="needs the dev extra (onnx)")


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return dict(yaml.safe_load((MODELS / "manifest.yaml").read_text()))


def files(manifest: dict[str, Any], net: str) -> list[tuple[Path, str]]:
    """(file, SHA-256) of the integer network and of its float twin."""
    entry = manifest["nets"][net]
    twin = entry["fp32"]
    return [(MODELS / entry["file"], entry["sha256"]), (MODELS / twin["file"], twin["sha256"])]


def in_own_process(code: str, **environment: str) -> str:
    """The engine loads its own copy of ONNX Runtime; the Python API stays out of this process."""
    env = os.environ | {"ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_manifest_knows_all_networks(manifest: dict[str, Any]) -> None:
    assert tuple(manifest["nets"]) == NETS


@pytest.mark.parametrize("net", NETS)
def test_the_files_are_those_of_the_manifest(manifest: dict[str, Any], net: str) -> None:
    for path, digest in files(manifest, net):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path.name


@pytest.mark.parametrize("net", NETS)
def test_inputs_and_outputs_are_as_the_manifest_says(manifest: dict[str, Any], net: str) -> None:
    names = {onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.FLOAT: "float32"}
    entry = manifest["nets"][net]
    for path, _ in files(manifest, net):
        graph = onnx.load(str(path)).graph
        for said, found in ((entry["inputs"], graph.input), (entry["outputs"], graph.output)):
            types = [v.type.tensor_type for v in found]
            assert [s["name"] for s in said] == [v.name for v in found]
            assert [s["shape"] for s in said] == [[d.dim_value for d in t.shape.dim] for t in types]
            assert [s["type"] for s in said] == [names[t.elem_type] for t in types]


@pytest.mark.parametrize("net", NETS)
def test_output_slices_cover_the_whole_output_once(manifest: dict[str, Any], net: str) -> None:
    for out in manifest["nets"][net]["outputs"]:
        parts = list(out["layout"].values())
        if "channel" in parts[0]:
            assert [p["channel"] for p in parts] == list(range(out["shape"][1]))
            continue
        edges = [p["slice"] for p in parts]
        assert [a for a, _ in edges] == [0, *(b for _, b in edges[:-1])]
        assert edges[-1][1] == out["shape"][-1]


@pytest.mark.parametrize("net", NETS)
def test_files_need_nothing_newer_than_opset_17(manifest: dict[str, Any], net: str) -> None:
    for path, _ in files(manifest, net):
        model = onnx.load(str(path))
        assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
        assert model.ir_version <= 8


@pytest.mark.parametrize("net", NETS)
def test_weights_keep_to_seven_bits(manifest: dict[str, Any], net: str) -> None:
    graph = onnx.load(str(files(manifest, net)[0][0])).graph
    weights = [onnx.numpy_helper.to_array(t) for t in graph.initializer if t.name.endswith("_w_q")]
    assert weights
    assert all(w.dtype == np.int8 and np.abs(w.astype(int)).max() <= 63 for w in weights)


def test_all_networks_together_are_small(manifest: dict[str, Any]) -> None:
    integer = sum(files(manifest, n)[0][0].stat().st_size for n in NETS)
    twins = sum(files(manifest, n)[1][0].stat().st_size for n in NETS)
    assert integer < 3 * MIB
    assert twins < 6 * MIB


def test_the_embedding_leaves_body_as_action_takes_it(manifest: dict[str, Any]) -> None:
    emb = next(o for o in manifest["nets"]["body"]["outputs"] if o["name"] == "emb")
    taken = manifest["nets"]["action"]["inputs"][0]
    assert emb["type"] == taken["type"] == "uint8"
    assert (emb["scale"], emb["zero_point"]) == (taken["scale"], taken["zero_point"])


PARITY = """
from pathlib import Path
from tools.train import parity
for net, error in parity.errors(Path("models"), Path("tests/golden/demo_drive/camera.mp4")).items():
    print(net, error)
"""


def test_integer_kernels_agree_with_simulated_rounding(demo_drive: Path) -> None:
    assert (demo_drive / "camera.mp4").is_file()
    found = dict(line.split() for line in in_own_process(PARITY).splitlines())
    assert tuple(found) == NETS
    assert max(map(float, found.values())) <= 0.03


QUIET = """
import os, socket, threading
from pathlib import Path
def refuse(*_, **__): raise AssertionError("a socket was opened")
socket.socket.connect = refuse
from tools.train.session import open_session
session = open_session(Path("models/action.onnx"))
print(threading.active_count(), sorted(p.name for p in Path(os.environ["HOME"]).rglob("*")))
"""


def test_opening_a_network_writes_nothing_and_calls_nobody(tmp_path: Path) -> None:
    assert in_own_process(QUIET, HOME=str(tmp_path)).strip() == "1 []"
