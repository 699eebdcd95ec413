"""ONNX Runtime through its C interface: the same bits as through Python, and no side effects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import toy_nets
from onnx import TensorProto

from dms import _core
from dms.engine import NETS, EngineError, model_files, models_dir, ort_library

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = str(ort_library())

ORACLE = """
import sys, numpy as np, onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feeds = dict(np.load(sys.argv[2]))
names = [o.name for o in session.get_outputs()]
np.savez(sys.argv[3], **dict(zip(names, session.run(None, feeds))))
"""


def python(code: str, *args: object, **env: str) -> str:
    """Runs `code` in another process: the wheel's own library must never be loaded in this one."""
    command = [sys.executable, "-c", code, *map(str, args)]
    clean = os.environ | {"ORT_DISABLE_TELEMETRY": "1", "PYTHONPATH": str(ROOT)} | env
    return subprocess.run(command, env=clean, check=True, capture_output=True, text=True).stdout


def random_feeds(session: _core.Session, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    feeds = {}
    for name, kind, shape in session.inputs:
        byte = kind == "uint8"
        value = rng.integers(0, 256, shape) if byte else rng.normal(0, 0.4, shape)
        feeds[name] = value.astype(kind)
    return feeds


def assert_same_as_python(path: Path, folder: Path) -> None:
    session = _core.Session(str(path), LIBRARY)
    for seed in range(3):
        feeds = random_feeds(session, seed)
        np.savez(folder / "in.npz", **feeds)
        python(ORACLE, path, folder / "in.npz", folder / "out.npz")
        expected, found = np.load(folder / "out.npz"), session.run(feeds)
        assert set(found) == set(expected.files)
        for name in found:
            assert found[name].dtype == expected[name].dtype
            assert found[name].tobytes() == expected[name].tobytes()


@pytest.mark.parametrize(
    "make", [toy_nets.quantised, toy_nets.face, toy_nets.eyes, toy_nets.cabin, toy_nets.body]
)
def test_outputs_are_those_of_the_python_interface_bit_by_bit(make, tmp_path: Path) -> None:
    assert_same_as_python(make(tmp_path / "net.onnx"), tmp_path)


@pytest.mark.parametrize("net", NETS)
def test_shipped_networks_give_the_bits_of_the_python_interface(net: str, tmp_path: Path) -> None:
    folder = models_dir()
    if not (folder / "manifest.yaml").is_file():
        pytest.skip("no networks in models/")
    assert_same_as_python(Path(model_files(folder)[net]), tmp_path)


SIDE_EFFECTS = """
import ctypes, json, os, sys
import numpy  # whose own threads are not the runtime's
from pathlib import Path
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_void_p
from dms import _core
def threads(): return len(os.listdir("/proc/self/task"))
def sockets():
    links = []
    for fd in os.listdir("/proc/self/fd"):
        try: links.append(os.readlink(f"/proc/self/fd/{fd}"))
        except FileNotFoundError: continue
    return [l for l in links if l.startswith("socket:")]
before = threads()
session = _core.Session(sys.argv[1], sys.argv[2])
session.time_ns(50)
print(json.dumps({
    "new_threads": threads() - before, "sockets": sockets(),
    "files": [str(p) for p in Path(os.environ["HOME"]).rglob("*")],
    "imported": "onnxruntime" in sys.modules,
    "disabled": ctypes.string_at(getenv(b"ORT_DISABLE_TELEMETRY")).decode(),
}))
"""


def test_no_thread_socket_or_file_comes_of_the_runtime(tmp_path: Path) -> None:
    net = toy_nets.quantised(tmp_path / "net.onnx")
    home = tmp_path / "home"
    home.mkdir()
    cache = {"XDG_CACHE_HOME": str(home / ".cache"), "TMPDIR": str(home)}
    cache |= {"ORT_DISABLE_TELEMETRY": "0"}  # the core insists
    found = json.loads(python(SIDE_EFFECTS, net, LIBRARY, HOME=str(home), **cache))
    assert found["new_threads"] == 0
    assert found["sockets"] == []
    assert found["files"] == []
    assert not found["imported"]
    assert found["disabled"] == "1"


def test_the_runtime_is_found_without_importing_it() -> None:
    code = "import sys; from dms.engine import ort_library; print(ort_library().name); " \
           "assert 'onnxruntime' not in sys.modules"  # fmt: skip
    assert python(code).startswith("libonnxruntime.so")


def engine_with(nets: dict[str, str], **replaced: Path) -> _core.Engine:
    return _core.Engine(nets | {name: str(path) for name, path in replaced.items()}, LIBRARY)


def error_of(nets: dict[str, str], **replaced: Path) -> str:
    with pytest.raises(RuntimeError) as caught:
        engine_with(nets, **replaced)
    line = str(caught.value)
    assert "\n" not in line
    assert str(next(iter(replaced.values()))) in line
    assert "expected" in line
    assert "found" in line
    return line


@pytest.fixture
def nets(tmp_path: Path) -> dict[str, str]:
    return toy_nets.all_nets(tmp_path)


def test_a_missing_model_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    assert "no file" in error_of(nets, face=tmp_path / "none.onnx")


def test_a_folder_is_no_model(nets: dict[str, str], tmp_path: Path) -> None:
    error_of(nets, cabin=tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_model_is_named(share: float, nets: dict[str, str], tmp_path: Path) -> None:
    whole = Path(nets["face"]).read_bytes()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(whole[: int(share * len(whole))])
    error_of(nets, face=cut)


def test_text_is_no_model(nets: dict[str, str], tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("not a model\n" * 50)
    error_of(nets, action=text)


def test_a_wrong_operator_set_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    model = onnx.load(nets["face"])
    model.opset_import[0].version = 99
    onnx.save(model, tmp_path / "new.onnx")
    assert "operator set 13 to 21, found 99" in error_of(nets, face=tmp_path / "new.onnx")


def test_a_wrong_output_shape_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    model = onnx.load(nets["action"])
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7
    del model.graph.node[-1:]
    zero = onnx.helper.make_tensor("zero", TensorProto.FLOAT, [1, 7], [0.0] * 7)
    model.graph.initializer.append(zero)
    model.graph.node.append(onnx.helper.make_node("Identity", ["zero"], ["out"]))
    onnx.save(model, tmp_path / "seven.onnx")
    line = error_of(nets, action=tmp_path / "seven.onnx")
    assert "float32 [1,8] out" in line
    assert "[1,7]" in line


def test_a_wrong_input_type_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    model = onnx.load(nets["action"])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT8
    onnx.save(model, tmp_path / "signed.onnx")
    line = error_of(nets, action=tmp_path / "signed.onnx")
    assert "uint8 [1,32,64] window" in line
    assert "int8 [1,32,64] window" in line.split("found")[1]


def test_another_networks_file_is_named(nets: dict[str, str]) -> None:
    error_of(nets, face=Path(nets["eyes"]))


def test_an_unknown_operator_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    model = onnx.load(nets["face"])
    model.graph.node[0].op_type = "Conjure"
    onnx.save(model, tmp_path / "magic.onnx")
    assert "Conjure" in error_of(nets, face=tmp_path / "magic.onnx")


def test_a_library_that_is_none_is_named(nets: dict[str, str], tmp_path: Path) -> None:
    fake = tmp_path / "libfake.so"
    fake.write_bytes(b"no library")
    with pytest.raises(RuntimeError, match=r"libfake\.so: expected the ONNX Runtime library"):
        _core.Engine(nets, str(fake))


def test_a_changed_model_does_not_pass_its_sum(nets: dict[str, str], tmp_path: Path) -> None:
    lines = [f"  {n}: {{file: {n}.onnx, sha256: {'0' * 64}}}" for n in NETS]
    (tmp_path / "manifest.yaml").write_text("nets:\n" + "\n".join(lines))
    with pytest.raises(EngineError, match=r"face\.onnx: not the file .* expected SHA"):
        model_files(tmp_path)


@pytest.mark.parametrize("text", ["", "nets: 3", "a: [", "nets: {face: {file: x.onnx}}"])
def test_a_manifest_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text(text)
    with pytest.raises(EngineError, match=r"manifest\.yaml: expected"):
        model_files(tmp_path)


def test_wrong_feeds_are_refused(tmp_path: Path) -> None:
    session = _core.Session(str(toy_nets.quantised(tmp_path / "net.onnx")), LIBRARY)
    with pytest.raises(ValueError, match="image"):
        session.run({})
    with pytest.raises(ValueError, match="wrong type"):
        session.run({"image": np.zeros((1, 16, 28, 28), np.float32)})
