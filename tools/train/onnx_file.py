"""Spec + trained weights -> ONNX files: INT8 (QDQ) and its float twin with the same interface.

The QDQ form: every 8-bit tensor is written as QuantizeLinear -> DequantizeLinear around float
operations; ONNX Runtime fuses each such group into one integer kernel. The graph's uint8 input goes
straight into a DequantizeLinear, so the preprocessor's scale is a constant of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tools.train.manifest import OPSET
from tools.train.nets import WEIGHT_LEVELS, Layer, Net, Range, rounded_ops, weight_scales
from tools.train.spec import EMB_SCALE, EMB_ZERO, Op, Spec, shapes

IR_VERSION = 8
"""What ONNX Runtime 1.22-1.28 all read."""
HALF = "_half"
"""Ends the name of a weight that is kept in float16."""
TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


class Writer:
    """Collects nodes and constants; `value[t]` is the graph name that holds tensor t in float."""

    def __init__(self, net: Net, ranges: dict[str, Range] | None) -> None:
        self.net, self.spec, self.ranges = net, net.spec, ranges
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.value: dict[str, str] = {}
        self.rounded = {o.name for o in rounded_ops(self.spec)} if ranges else set()

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, array: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def affine(self, name: str, r: Range) -> list[str]:
        scale = self.constant(f"{name}_scale", np.array(r.scale, np.float32))
        return [scale, self.constant(f"{name}_zero", np.array(r.zero, np.uint8))]

    def weights(self, layer: Layer, source: Range | None) -> tuple[str, str]:
        """Weight and bias constants in float (those of the twin that the integer file rounds as
        float16, which halves its size), or as integers behind a DequantizeLinear."""
        name, op = layer.op.name, layer.op
        weight, bias = (x.detach().float() for x in layer.folded())
        if source is None:
            b = self.constant(f"{name}_b", bias.numpy())
            if self.ranges is not None or not op.quantise:
                return self.constant(f"{name}_w", weight.numpy()), b
            half = self.constant(f"{name}_w{HALF}", weight.numpy().astype(np.float16))
            return self.node("Cast", [half], f"{name}_w", to=TensorProto.FLOAT), b
        scale = weight_scales(weight)
        shaped = scale.view(-1, *([1] * (weight.dim() - 1)))
        q = torch.clamp(torch.round(weight / shaped), -WEIGHT_LEVELS, WEIGHT_LEVELS)
        s = self.constant(f"{name}_w_scale", scale.numpy())
        z = self.constant(f"{name}_w_zero", np.zeros(op.cout, np.int8))
        qw = self.constant(f"{name}_w_q", q.numpy().astype(np.int8))
        w = self.node("DequantizeLinear", [qw, s, z], f"{name}_w", axis=0)
        bias_scale = scale.double().numpy() * source.scale
        qb = np.rint(bias.double().numpy() / bias_scale).clip(-(2**31), 2**31 - 1)
        bs = self.constant(f"{name}_b_scale", bias_scale.astype(np.float32))
        bz = self.constant(f"{name}_b_zero", np.zeros(op.cout, np.int32))
        qb_name = self.constant(f"{name}_b_q", qb.astype(np.int32))
        return w, self.node("DequantizeLinear", [qb_name, bs, bz], f"{name}_b", axis=0)

    def source_range(self, tensor: str) -> Range:
        """The quantisation a tensor has, looking through operations that only move values."""
        for i in self.spec.inputs:
            if i.name == tensor:
                return Range(i.scale, i.zero)
        assert self.ranges is not None
        if tensor in self.rounded:
            return self.ranges[tensor]
        return self.source_range(self.spec.op(tensor).src[0])

    def inputs(self) -> list[onnx.ValueInfoProto]:
        infos = []
        for i in self.spec.inputs:
            infos.append(helper.make_tensor_value_info(i.name, TYPES[i.dtype], i.shape))
            self.value[i.name] = i.name
            if i.dtype == "uint8":
                args = [i.name, *self.affine(i.name, Range(i.scale, i.zero))]
                self.value[i.name] = self.node("DequantizeLinear", args, f"{i.name}_real")
        return infos

    def layer(self, op: Op) -> str:
        layer = self.net.layers[op.name]
        assert isinstance(layer, Layer)
        integer = bool(self.ranges) and op.quantise
        w, b = self.weights(layer, self.source_range(op.src[0]) if integer else None)
        out = f"{op.name}_lin" if op.relu else f"{op.name}_raw"
        x = self.value[op.src[0]]
        if op.kind == "gemm":
            self.node("Gemm", [x, w, b], out, transB=1)
        else:
            pad = op.dilation * (op.kernel // 2)
            self.node(
                "Conv",
                [x, w, b],
                out,
                kernel_shape=[op.kernel] * op.dims,
                strides=[op.stride] * op.dims,
                dilations=[op.dilation] * op.dims,
                pads=[pad] * (2 * op.dims),
            )
        return self.node("Relu", [out], f"{op.name}_raw") if op.relu else out

    def move(self, op: Op) -> str:
        src, out = [self.value[s] for s in op.src], f"{op.name}_raw"
        if op.kind == "add":
            return self.node("Relu", [self.node("Add", src, f"{op.name}_lin")], out)
        if op.kind == "spread":
            return self.node("DepthToSpace", src, out, blocksize=op.times, mode="CRD")
        if op.kind == "flatten":
            return self.node("Flatten", src, out, axis=1)
        if op.kind == "concat":
            return self.node("Concat", src, out, axis=1)
        if op.kind == "pool":
            whole = list(shapes(self.spec)[op.src[0]][2:])
            return self.node("MaxPool", src, out, kernel_shape=whole)
        if op.kind == "transpose":
            return self.node("Transpose", src, out, perm=[0, 2, 1])
        times = np.array([1, 1, op.times, op.times], np.float32)
        scales = self.constant(f"{op.name}_times", times)
        return self.node(
            "Resize",
            [src[0], "", scales],
            out,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def round(self, op: Op, raw: str) -> str:
        """QuantizeLinear -> DequantizeLinear after an operation that is kept in 8 bits."""
        assert self.ranges is not None
        affine = self.affine(op.name, self._range(op))
        q = self.node("QuantizeLinear", [raw, *affine], f"{op.name}_q")
        return self.node("DequantizeLinear", [q, *affine], f"{op.name}_dq")

    def _range(self, op: Op) -> Range:
        assert self.ranges is not None
        moved = op.name not in self.rounded
        return self.source_range(op.src[0]) if moved else self.ranges[op.name]

    def body(self) -> None:
        for op in self.spec.ops:
            raw = self.layer(op) if op.weighted else self.move(op)
            keep = bool(self.ranges) and op.quantise
            self.value[op.name] = self.round(op, raw) if keep else raw

    def outputs(self) -> list[onnx.ValueInfoProto]:
        infos = []
        for o in self.spec.outputs:
            infos.append(helper.make_tensor_value_info(o.name, TYPES[o.dtype], o.shape))
            if o.dtype == "uint8":
                self._quantised_output(o.name, o.src)
            else:
                self.node("Identity", [self.value[o.src]], o.name)
        return infos

    def _quantised_output(self, name: str, src: str) -> None:
        args = self.affine(name, Range(EMB_SCALE, EMB_ZERO))
        self.node("QuantizeLinear", [f"{src}_raw", *args], name)

    def model(self) -> onnx.ModelProto:
        inputs = self.inputs()
        self.body()
        outputs = self.outputs()
        graph = helper.make_graph(
            _used(self.nodes, self.spec), self.spec.name, inputs, outputs, self.constants
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="dms"
        )
        model.ir_version = IR_VERSION
        _drop_unused_constants(model)
        onnx.checker.check_model(model, full_check=True)
        return model


def _used(nodes: list[onnx.NodeProto], spec: Spec) -> list[onnx.NodeProto]:
    """The nodes an output depends on, with the Identity ends renamed away."""
    ends = {n.input[0]: n.output[0] for n in nodes if n.op_type == "Identity"}
    kept, needed = [], {o.name for o in spec.outputs}
    for n in reversed([n for n in nodes if n.op_type != "Identity"]):
        names = [ends.get(o, o) for o in n.output]
        if not needed & set(names):
            continue
        del n.output[:]
        n.output.extend(names)
        renamed = [ends.get(i, i) for i in n.input]
        del n.input[:]
        n.input.extend(renamed)
        needed |= set(renamed)
        kept.append(n)
    return kept[::-1]


def _drop_unused_constants(model: onnx.ModelProto) -> None:
    used = {i for n in model.graph.node for i in n.input}
    kept = [c for c in model.graph.initializer if c.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def write(net: Net, ranges: dict[str, Range] | None, path: Path) -> None:
    """The INT8 file with `ranges`, the float twin without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(Writer(net.eval(), ranges).model(), str(path))
