"""Spec -> PyTorch: the float network, and the same network with its integer rounding simulated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tools.train.spec import EMB_SCALE, EMB_ZERO, Input, Op, Spec

WEIGHT_LEVELS = 63
"""7-bit weights: x86 without VNNI adds two 8 x 8 bit products in 16 bits, which 8-bit weights
overflow; 7-bit weights cannot."""


@dataclass(frozen=True, slots=True)
class Range:
    """Affine 8-bit quantisation of one tensor: real = (q - zero) * scale, q in 0..255."""

    scale: float
    zero: int

    @staticmethod
    def of(low: float, high: float) -> Range:
        low, high = min(low, 0.0), max(high, 1e-6)
        # through float32, which is what the ONNX file keeps
        scale = float(np.float32((high - low) / 255.0))
        return Range(scale, round(-low / scale))

    def fake(self, x: Tensor) -> Tensor:
        """Round to the grid; the gradient passes straight through where not clipped."""
        q = torch.round(x / self.scale) + self.zero
        y = (torch.clamp(q, 0, 255) - self.zero) * self.scale
        low, high = -self.zero * self.scale, (255 - self.zero) * self.scale
        soft = torch.clamp(x, low, high)
        return soft + (y - soft).detach()


def weight_scales(weight: Tensor) -> Tensor:
    """One scale per output channel (first axis)."""
    peak = weight.detach().abs().flatten(1).amax(1).clamp(min=1e-8)
    return peak / WEIGHT_LEVELS


def fake_weight(weight: Tensor) -> Tensor:
    scale = weight_scales(weight).view(-1, *([1] * (weight.dim() - 1)))
    q = torch.clamp(torch.round(weight / scale), -WEIGHT_LEVELS, WEIGHT_LEVELS)
    return weight + (q * scale - weight).detach()


class Layer(nn.Module):
    """A convolution or fully connected layer with its normalisation."""

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op
        size = (op.kernel,) * op.dims if op.kind == "conv" else ()
        self.weight = nn.Parameter(torch.empty(op.cout, op.cin, *size))
        self.bias = nn.Parameter(torch.zeros(op.cout))
        gain = 2.0 if op.relu else 1.0
        fan = op.cin * op.kernel ** len(size)
        nn.init.normal_(self.weight, std=(gain / fan) ** 0.5)
        kind = nn.BatchNorm2d if len(size) == 2 else nn.BatchNorm1d
        self.norm: nn.BatchNorm1d | nn.BatchNorm2d | None = kind(op.cout) if op.norm else None

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight and bias with the normalisation's running statistics folded in."""
        if self.norm is None:
            return self.weight, self.bias
        average, variance = self.norm.running_mean, self.norm.running_var
        assert average is not None
        assert variance is not None
        std = torch.sqrt(variance + self.norm.eps)
        gain = self.norm.weight / std
        weight = self.weight * gain.view(-1, *([1] * (self.weight.dim() - 1)))
        return weight, (self.bias - average) * gain + self.norm.bias

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        op = self.op
        if op.kind == "gemm":
            return F.linear(x, weight, bias)
        pad = op.dilation * (op.kernel // 2)
        run = F.conv2d if op.dims == 2 else F.conv1d
        return run(x, weight, bias, op.stride, pad, op.dilation)

    def forward(self, x: Tensor) -> Tensor:
        y = self.linear(x, self.weight, self.bias)
        if self.norm is not None:
            y = self.norm(y)
        return F.relu(y) if self.op.relu else y

    def simulated(self, x: Tensor) -> Tensor:
        """As the integer kernel computes it, up to the rounding of its output."""
        weight, bias = self.folded()
        y = self.linear(x, fake_weight(weight) if self.op.quantise else weight, bias)
        return F.relu(y) if self.op.relu else y


class Net(nn.Module):
    """A network as its Spec describes it. Inputs and outputs are real-valued tensors.

    With `ranges` set (by calibration), `forward` simulates the integer network.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.layers = nn.ModuleDict({o.name: Layer(o) for o in spec.ops if o.weighted})
        self.ranges: dict[str, Range] | None = None

    def tensors(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Every tensor of one run by name."""
        t = {i.name: x for i, x in zip(self.spec.inputs, inputs, strict=True)}
        for op in self.spec.ops:
            t[op.name] = self._rounded(op, self._run(op, [t[s] for s in op.src]))
        return t

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        t = self.tensors(*inputs)
        return tuple(t[o.src] for o in self.spec.outputs)

    def _run(self, op: Op, src: list[Tensor]) -> Tensor:
        x = src[0]
        if op.weighted:
            layer = self.layers[op.name]
            assert isinstance(layer, Layer)
            return layer.forward(x) if self.ranges is None else layer.simulated(x)
        if op.kind == "add":
            return F.relu(src[0] + src[1])
        if op.kind == "up":
            return F.interpolate(x, scale_factor=op.times, mode="nearest")
        if op.kind == "spread":
            return F.pixel_shuffle(x, op.times)
        if op.kind == "flatten":
            return x.flatten(1)
        if op.kind == "concat":
            return torch.cat(src, 1)
        if op.kind == "pool":
            return x.amax((2, 3), keepdim=True)
        return x.transpose(1, 2)

    def _rounded(self, op: Op, x: Tensor) -> Tensor:
        if self.ranges is None or op.name not in self.ranges:
            return x
        return self.ranges[op.name].fake(x)


def real(x: Tensor, spec_input: Input) -> Tensor:
    """A network input as stored (uint8 or float) -> real values."""
    if spec_input.dtype == "uint8":
        return (x.float() - spec_input.zero) * spec_input.scale
    return x.float()


def rounded_ops(spec: Spec) -> list[Op]:
    """The operations whose outputs are kept in 8 bits (moves and float ends are not rounded)."""
    return [o for o in spec.ops if o.quantise and o.kind in ("conv", "gemm", "add", "concat")]


@torch.no_grad()
def calibrate(
    net: Net, batches: list[tuple[Tensor, ...]], keep: float = 0.9999
) -> dict[str, Range]:
    """Ranges of every rounded tensor over `batches` of real-valued inputs, ends clipped off."""
    net.eval()
    net.ranges = None
    low: dict[str, list[float]] = {}
    high: dict[str, list[float]] = {}
    for batch in batches:
        t = net.tensors(*batch)
        for op in rounded_ops(net.spec):
            flat = t[op.name].flatten().numpy()
            a, b = np.quantile(flat, [1.0 - keep, keep])
            low.setdefault(op.name, []).append(float(a))
            high.setdefault(op.name, []).append(float(b))
    ranges = {n: Range.of(float(np.mean(low[n])), float(np.mean(high[n]))) for n in low}
    for out in net.spec.outputs:
        if out.dtype == "uint8":
            ranges[out.src] = Range(EMB_SCALE, EMB_ZERO)
    return ranges
