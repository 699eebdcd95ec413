"""A network as data: a list of operations that PyTorch trains and ONNX files are written from.

Every network here is plain on purpose (3x3 and 1x1 convolutions, ReLU, nearest up-sampling,
additions, fully connected ends): that is what integer kernels run fastest. One description serves
the float network, the simulated integer network and both ONNX files, so they cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["conv", "gemm", "add", "up", "flatten", "concat", "transpose", "spread", "pool"]
"""`pool`: the largest value of each channel anywhere in the map."""

INPUT_SCALE = 1.0 / 40.0
INPUT_ZERO = 128
"""The preprocessor's quantisation: q = (x - mean) * 40 / std + 128."""

FACE_OUT = 148
EYES_OUT = 8
CLOSED_BELOW = 0.2
"""Openness under which an eye counts as closed, in training and where its confidence is judged."""
ACTION_OUT = 8
THINGS = "held"
"""The body network's map that training asks for hands and held things."""
EMB = 64
STEPS = 32
EMB_SCALE = 1.0 / 32.0
EMB_ZERO = 128
"""The embedding is trained through this fixed quantisation: a range of +-4."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. `name` is also the name of the tensor it makes."""

    name: str
    kind: Kind
    src: tuple[str, ...]
    cin: int = 0
    cout: int = 0
    kernel: int = 3
    stride: int = 1
    dims: int = 2
    """2: image convolution; 1: convolution over time."""
    dilation: int = 1
    relu: bool = True
    norm: bool = True
    """Batch normalisation after it, folded into the weights on export."""
    quantise: bool = True
    """False: runs in float (only small ends)."""
    times: int = 2
    """Up-sampling factor of `up`, and of `spread` (depth to space)."""

    @property
    def weighted(self) -> bool:
        return self.kind in ("conv", "gemm")


@dataclass(frozen=True, slots=True)
class Input:
    """A graph input; `dtype` uint8 inputs are (q - 128) / 40 unless `scale`, `zero` say else."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "uint8"
    scale: float = INPUT_SCALE
    zero: int = INPUT_ZERO


@dataclass(frozen=True, slots=True)
class Output:
    """A graph output: tensor `src` under the name `name`; uint8 if it leaves quantised."""

    name: str
    src: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Spec:
    name: str
    inputs: tuple[Input, ...]
    ops: tuple[Op, ...]
    outputs: tuple[Output, ...]

    def op(self, name: str) -> Op:
        return next(o for o in self.ops if o.name == name)


def conv(name: str, src: str, cin: int, cout: int, kernel: int = 3, stride: int = 1) -> Op:
    return Op(name, "conv", (src,), cin, cout, kernel, stride)


def residual(name: str, src: str, width: int) -> tuple[Op, Op]:
    """`name` = ReLU(src + a 3x3 convolution of it)."""
    part = f"{name}_part"
    return (
        Op(part, "conv", (src,), width, width, relu=False),
        Op(name, "add", (src, part), width, width),
    )


def conv1d(name: str, src: str, cin: int, cout: int, stride: int = 1, dilation: int = 1) -> Op:
    return Op(name, "conv", (src,), cin, cout, 3, stride, 1, dilation)


def hidden(name: str, src: str, cin: int, cout: int) -> Op:
    return Op(name, "gemm", (src,), cin, cout)


def end(name: str, src: str, cin: int, cout: int) -> Op:
    """The last fully connected layer: no activation, in float."""
    return Op(name, "gemm", (src,), cin, cout, relu=False, norm=False, quantise=False)


def _face() -> Spec:
    ops = (
        conv("c1", "image", 16, 32),
        conv("c2", "c1", 32, 32),
        conv("c3", "c2", 32, 64, stride=2),
        conv("c4", "c3", 64, 64),
        *residual("r4", "c4", 64),
        conv("c5", "r4", 64, 128, stride=2),
        conv("c6", "c5", 128, 128),
        conv("c7", "c6", 128, 32, kernel=1),
        Op("flat", "flatten", ("c7",)),
        hidden("h1", "flat", 32 * 49, 256),
        end("head", "h1", 256, FACE_OUT),
    )
    return Spec(
        "face",
        (Input("image", (1, 16, 28, 28)),),
        ops,
        (Output("out", "head", (1, FACE_OUT)),),
    )


def _eyes() -> Spec:
    ops = (
        conv("c1", "image", 4, 32, stride=2),
        conv("c2", "c1", 32, 64),
        *residual("r2", "c2", 64),
        conv("c3", "r2", 64, 96, stride=2),
        conv("c4", "c3", 96, 96),
        *residual("r4", "c4", 96),
        conv("c5", "r4", 96, 96, stride=2),
        Op("flat", "flatten", ("c5",)),
        hidden("h1", "flat", 96 * 16, 62),
        Op("both", "concat", ("h1", "pose"), quantise=False),
        Op("h2", "gemm", ("both",), 64, 64, quantise=False, norm=False),
        end("head", "h2", 64, EYES_OUT),
    )
    return Spec(
        "eyes",
        (Input("image", (1, 4, 32, 32)), Input("pose", (1, 2), "float32")),
        ops,
        (Output("out", "head", (1, EYES_OUT)),),
    )


def _context() -> tuple[Op, ...]:
    """The layers that the cabin and body networks have alike, to `s1`: 96 channels at stride 16."""
    return (
        conv("c1", "image", 16, 48, stride=2),
        conv("c2", "c1", 48, 48),
        conv("c3", "c2", 48, 96, stride=2),
        conv("c4", "c3", 96, 96),
        conv("c5", "c4", 96, 128, stride=2),
        conv("c6", "c5", 128, 128),
        *residual("r6", "c6", 128),
        # the coarse map's context brought back to stride 16
        conv("c7", "r6", 128, 96, kernel=1),
        Op("u1", "up", ("c7",)),
        Op("s1", "add", ("u1", "c4")),
    )


def _cabin() -> Spec:
    ops = (
        *_context(),
        # where the face is: each cell speaks for its 2 x 2 cells of stride 8
        conv("d1", "s1", 96, 32),
        Op("cells", "conv", ("d1",), 32, 16, 1, relu=False, norm=False),
        Op("det_map", "spread", ("cells",)),
    )
    return Spec(
        "cabin",
        (Input("image", (1, 16, 48, 64)),),
        ops,
        (Output("det", "det_map", (1, 4, 24, 32)),),
    )


def _body() -> Spec:
    ops = (
        *_context(),
        # hands and things at stride 16; an embedding that keeps where they are, and what is there
        # wherever it is
        conv("things", "s1", 96, 64),
        *residual(THINGS, "things", 64),
        conv("e1", THINGS, 64, 16, kernel=1),
        Op("flat", "flatten", ("e1",)),
        Op("peaks_map", "pool", (THINGS,)),
        Op("peaks", "flatten", ("peaks_map",)),
        Op("both", "concat", ("flat", "peaks")),
        Op("emb_map", "gemm", ("both",), 16 * 192 + 64, EMB, relu=False),
    )
    return Spec(
        "body",
        (Input("image", (1, 16, 48, 64)),),
        ops,
        (Output("emb", "emb_map", (1, EMB), "uint8"),),
    )


def _action() -> Spec:
    ops = (
        Op("t", "transpose", ("window",)),
        conv1d("c1", "t", EMB, 64),
        conv1d("c2", "c1", 64, 64, stride=2),
        conv1d("c3", "c2", 64, 64),
        conv1d("c4", "c3", 64, 64, stride=2),
        conv1d("c5", "c4", 64, 64),
        Op("flat", "flatten", ("c5",)),
        hidden("h1", "flat", 64 * 8, 64),
        end("head", "h1", 64, ACTION_OUT),
    )
    return Spec(
        "action",
        (Input("window", (1, STEPS, EMB), scale=EMB_SCALE, zero=EMB_ZERO),),
        ops,
        (Output("out", "head", (1, ACTION_OUT)),),
    )


SPECS = {s.name: s for s in (_face(), _eyes(), _cabin(), _body(), _action())}


def shapes(spec: Spec) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a network, batch 1."""
    out: dict[str, tuple[int, ...]] = {i.name: i.shape for i in spec.inputs}
    for op in spec.ops:
        out[op.name] = _shape(op, [out[s] for s in op.src])
    return out


def _shape(op: Op, src: list[tuple[int, ...]]) -> tuple[int, ...]:
    first = src[0]
    if op.kind == "conv":
        return (1, op.cout, *(-(-n // op.stride) for n in first[2:]))
    if op.kind == "gemm":
        return (1, op.cout)
    if op.kind == "up":
        return (1, first[1], *(n * op.times for n in first[2:]))
    if op.kind == "spread":
        return (1, first[1] // op.times**2, *(n * op.times for n in first[2:]))
    if op.kind == "flatten":
        size = 1
        for n in first:
            size *= n
        return (1, size)
    if op.kind == "concat":
        return (1, sum(s[1] for s in src))
    if op.kind == "pool":
        return (1, first[1], 1, 1)
    if op.kind == "transpose":
        return (1, first[2], first[1])
    return first


def macs(spec: Spec) -> int:
    """Multiply-adds of one run."""
    shape, total = shapes(spec), 0
    for op in spec.ops:
        if op.kind == "gemm":
            total += op.cin * op.cout
        elif op.kind == "conv":
            area = 1
            for n in shape[op.name][2:]:
                area *= n
            total += area * op.cin * op.cout * op.kernel**op.dims
    return total
