"""Networks of a toy world, for tests that must not depend on training: a face is a bright disc.

They have the real networks' inputs and outputs. The face network says "face" when the middle of
its crop is bright, and puts 68 landmarks so that their bounding box is the disc's; the cabin
network's heat map is the blurred brightness; the eye network says that the eye looks where the
head's pose input points; an embedding is the crop's brightness by columns, and the action network
averages those over its window.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
HEAD_YAW = 0.2
BRIGHT, GREY = 200, 60


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: object, dtype: object = np.float32) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def op(self, kind: str, *inputs: str, out: str = "", **attributes: object) -> str:
        name = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def pixels(self, block: int) -> str:
        """The crop as an image again, float, minus the mean's level."""
        real = self.op("Cast", "image", to=TensorProto.FLOAT)
        picture = self.op("DepthToSpace", real, blocksize=block)
        return self.op("Sub", picture, self.constant(128))

    def save(self, path: Path, inputs: dict[str, tuple[int, list[int]]],
             outputs: dict[str, tuple[int, list[int]]], opset: int = OPSET) -> Path:  # fmt: skip
        def infos(ports: dict[str, tuple[int, list[int]]]) -> list[onnx.ValueInfoProto]:
            return [helper.make_tensor_value_info(n, t, s) for n, (t, s) in ports.items()]

        graph = helper.make_graph(
            self.nodes, path.stem, infos(inputs), infos(outputs), self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        path.write_bytes(model.SerializeToString())
        return path


def landmark_template() -> NDArray[np.float64]:
    """68 points within -1..1, reaching all four sides; the eyes where eyes are."""
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    around = 0.12 * np.stack([np.cos(angle[:6] * 11), np.sin(angle[:6] * 11)], 1)
    points[36:42] = around + np.array([-0.4, -0.3])
    points[42:48] = around + np.array([0.4, -0.3])
    return points


def _moments(g: _Graph, weights: str, side: int) -> tuple[str, str, str]:
    """Centre and radius of the bright disc, in crop units."""
    at = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = (g.constant(grid[None, None]) for grid in np.meshgrid(at, at))
    total = g.op("Add", g.op("ReduceSum", weights, keepdims=1), g.constant(1e-3))

    def mean(of: str) -> str:
        product = g.op("Mul", weights, of)
        return g.op("Div", g.op("ReduceSum", product, keepdims=1), total)

    cx, cy = mean(x), mean(y)
    off = g.op("Sub", x, cx)
    deviation = g.op("Sqrt", mean(g.op("Mul", off, off)))
    return cx, cy, g.op("Mul", deviation, g.constant(2.0))  # a disc deviates by half its radius


def face(path: Path, name: str = "image", outputs: int = 148, opset: int = OPSET) -> Path:
    g = _Graph()
    pixels = g.pixels(4)
    bright = g.op("Relu", g.op("Sub", pixels, g.constant(10)))
    cx, cy, radius = _moments(g, bright, 112)
    flat = [g.op("Reshape", t, g.constant([1, 1], np.int64)) for t in (cx, cy, radius)]
    shape = g.constant(landmark_template().reshape(1, 136))
    centre = g.op("Tile", g.op("Concat", flat[0], flat[1], axis=1), g.constant([1, 68], np.int64))
    landmarks = g.op("Add", g.op("Mul", shape, flat[2]), centre)
    middle = g.op("Slice", pixels, g.constant([42, 42], np.int64), g.constant([70, 70], np.int64),
                  g.constant([2, 3], np.int64))  # fmt: skip
    level = g.op("ReduceMean", middle, axes=[1, 2, 3], keepdims=0)
    level = g.op("Reshape", level, g.constant([1, 1], np.int64))
    logit = g.op("Mul", g.op("Sub", level, g.constant(22)), g.constant(0.35))
    c, s = math.cos(HEAD_YAW), math.sin(HEAD_YAW)
    rest = g.constant([[c, 0, -s, 0, 1, 0, -3.0, 0.1, -4, -4, -4]])
    g.op("Concat", logit, landmarks, rest, axis=1, out="out")
    return g.save(path, {name: (TensorProto.UINT8, [1, 16, 28, 28])},
                  {"out": (TensorProto.FLOAT, [1, outputs])}, opset)  # fmt: skip


def eyes(path: Path, visible: float = 4.0) -> Path:
    g = _Graph()
    before = g.constant([[visible, 0.9, -2.0]])
    after = g.constant([[-2.0, -3.0, -4.0]])
    mean = g.op("ReduceMean", g.pixels(2), axes=[1, 2, 3], keepdims=0)
    nothing = g.op("Mul", g.op("Reshape", mean, g.constant([1, 1], np.int64)), g.constant(0))
    g.op("Concat", g.op("Add", before, nothing), "pose", after, axis=1, out="out")
    image = (TensorProto.UINT8, [1, 4, 32, 32])
    return g.save(path, {"image": image, "pose": (TensorProto.FLOAT, [1, 2])},
                  {"out": (TensorProto.FLOAT, [1, 8])})  # fmt: skip


def cabin(path: Path, side: float = 60, down: float = 0) -> Path:
    """Proposes squares of `side` pixels of its input, `down` cells below where it is brightest."""
    g = _Graph()
    pixels = g.pixels(4)
    cells = g.op("AveragePool", pixels, kernel_shape=[8, 8], strides=[8, 8])
    blurred = g.op("AveragePool", cells, kernel_shape=[7, 7], pads=[3, 3, 3, 3],
                   count_include_pad=1)  # fmt: skip
    heat = g.op("Mul", g.op("Sub", blurred, g.constant(20)), g.constant(0.3))
    rest = np.zeros((1, 3, 24, 32))
    rest[0, 1:] = np.array([down, math.log(side / 32)])[:, None, None]
    g.op("Concat", heat, g.constant(rest), axis=1, out="det")
    return g.save(path, {"image": (TensorProto.UINT8, [1, 16, 48, 64])},
                  {"det": (TensorProto.FLOAT, [1, 4, 24, 32])})  # fmt: skip


def body(path: Path) -> Path:
    g = _Graph()
    pixels = g.pixels(4)
    columns = g.op("AveragePool", pixels, kernel_shape=[192, 4], strides=[192, 4])
    row = g.op("Add", g.op("Reshape", columns, g.constant([1, 64], np.int64)), g.constant(128))
    g.op("Cast", row, to=TensorProto.UINT8, out="emb")
    return g.save(path, {"image": (TensorProto.UINT8, [1, 16, 48, 64])},
                  {"emb": (TensorProto.UINT8, [1, 64])})  # fmt: skip


def action(path: Path) -> Path:
    g = _Graph()
    real = g.op("Cast", "window", to=TensorProto.FLOAT)
    mean = g.op("ReduceMean", real, axes=[1], keepdims=0)
    eighth = g.op("ReduceMean", g.op("Reshape", mean, g.constant([1, 8, 8], np.int64)),
                  axes=[2], keepdims=0)  # fmt: skip
    g.op("Mul", eighth, g.constant(0.05), out="out")
    return g.save(path, {"window": (TensorProto.UINT8, [1, 32, 64])},
                  {"out": (TensorProto.FLOAT, [1, 8])})  # fmt: skip


def quantised(path: Path, seed: int = 0) -> Path:
    """A small integer convolution network, as training exports them: U8 in, S8 weights."""
    g, rng = _Graph(), np.random.default_rng(seed)
    x = g.op("DequantizeLinear", "image", g.constant(0.025), g.constant(128, np.uint8))
    weights = g.constant(rng.integers(-63, 64, (32, 16, 3, 3)), np.int8)
    scales = g.constant(rng.uniform(0.002, 0.02, 32))
    zeros = g.constant(np.zeros(32), np.int8)
    w = g.op("DequantizeLinear", weights, scales, zeros, axis=0)
    y = g.op("Relu", g.op("Conv", x, w, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    step, zero = g.constant(0.02), g.constant(0, np.uint8)
    q = g.op("DequantizeLinear", g.op("QuantizeLinear", y, step, zero), step, zero)
    g.op("Flatten", g.op("GlobalAveragePool", q), out="out")
    return g.save(path, {"image": (TensorProto.UINT8, [1, 16, 28, 28])},
                  {"out": (TensorProto.FLOAT, [1, 32])})  # fmt: skip


def all_nets(folder: Path) -> dict[str, str]:
    """A file for each network."""
    makers = {"face": face, "eyes": eyes, "cabin": cabin, "body": body, "action": action}
    return {name: str(make(folder / f"{name}.onnx")) for name, make in makers.items()}


def picture(
    discs: list[tuple[float, float, float]], width: int = 640, height: int = 480, seed: int = 0
) -> NDArray[np.uint8]:
    """Grey noise with bright discs at (x, y, radius)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(GREY - 5, GREY + 6, (height, width), dtype=np.uint8)
    for cx, cy, radius in discs:
        top, left = max(int(cy - radius) - 1, 0), max(int(cx - radius) - 1, 0)
        part = image[top : int(cy + radius) + 2, left : int(cx + radius) + 2]
        y, x = np.ogrid[: part.shape[0], : part.shape[1]]
        inside = np.hypot(x + left + 0.5 - cx, y + top + 0.5 - cy) < radius
        part[inside] += np.uint8(BRIGHT - GREY)
    return image
