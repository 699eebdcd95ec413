"""Weights of a float ONNX file -> the network as it is trained, or a mean of both; so too with the
checkpoint of an earlier stage.

The file has its normalisation folded into the weights. To train on, it is unfolded again by the
statistics of each layer over some batches, so that the network says the same and trains as one does
from scratch.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from tools.train.nets import Layer, Net
from tools.train.onnx_file import HALF
from tools.train.spec import Spec, shapes


@torch.no_grad()
def warm(net: Net, path: Path, batches: list[list[Tensor]]) -> None:
    """Load the file's weights into `net`; it must be of the same spec. `batches`: real-valued
    inputs to measure each layer's mean and spread on."""
    constants = _constants(path)
    for name, layer in net.layers.items():
        assert isinstance(layer, Layer)
        _fill(layer, constants[f"{name}_w"], constants[f"{name}_b"])
    unfold(net, batches)


@torch.no_grad()
def grow(net: Net, path: Path) -> None:
    """Make a freshly initialised `net` say what the file of a smaller network of its kind says:
    more channels of a layer and more layers are allowed. What the old part of a layer reads from
    new channels begins at zero, and so do new layers without activation, the ends of residual
    blocks; everything else that is new keeps its random beginning (Chen et al. 2016, Net2Net)."""
    constants = _constants(path)
    for name, layer in net.layers.items():
        assert isinstance(layer, Layer)
        weight, bias = layer.folded()
        weight, bias = weight.clone(), bias.clone()
        if f"{name}_w" in constants:
            old = constants[f"{name}_w"]
            outs = len(old)
            if any(a > b for a, b in zip(old.shape, weight.shape, strict=True)):
                raise ValueError(f"{path}: layer {name} is {tuple(old.shape)}, too large")
            weight[:outs] = 0
            weight[:outs, _places(net.spec, layer.op.src[0], old.shape[1], constants)] = old
            bias[:outs] = constants[f"{name}_b"]
        elif not layer.op.relu:
            weight.zero_()
        _fill(layer, weight, bias)
    net.eval()


def _places(spec: Spec, name: str, width: int, constants: dict[str, Tensor]) -> list[int]:
    """Where the channels of a smaller network's tensor of this name, `width` in all, lie in the
    spec's: at its beginning, or where several are joined, at the beginning of each."""
    made = {op.name: op for op in spec.ops}
    if name not in made or made[name].kind != "concat":
        return list(range(width))
    size, places, first = shapes(spec), list[int](), 0
    for part in made[name].src:
        old = constants.get(f"{part}_b")
        places += range(first, first + (size[part][1] if old is None else len(old)))
        first += size[part][1]
    return places


@torch.no_grad()
def unfold(net: Net, batches: list[list[Tensor]]) -> None:
    """A network whose normalisation is folded into its weights, as it is trained."""
    net.eval()
    for name, layer in net.layers.items():
        assert isinstance(layer, Layer)
        if layer.norm is not None:
            _unfold(net, name, batches)


@torch.no_grad()
def blend(net: Net, path: Path, share: float) -> None:
    """Mix `share` of the file's weights (a float ONNX file's or a checkpoint's) into a network that
    was trained on from them: on pictures unlike those of the training the mean is often better than
    either (Wortsman et al. 2022). The result's normalisation is folded."""
    constants = _checkpoint(net, path) if path.suffix == ".pt" else _constants(path)
    for name, layer in net.layers.items():
        assert isinstance(layer, Layer)
        weight, bias = layer.folded()
        _fill(
            layer,
            torch.lerp(weight, constants[f"{name}_w"], share),
            torch.lerp(bias, constants[f"{name}_b"], share),
        )


def _constants(path: Path) -> dict[str, Tensor]:
    return {
        c.name.removesuffix(HALF): torch.tensor(numpy_helper.to_array(c)).float()
        for c in onnx.load(str(path)).graph.initializer
    }


def _checkpoint(net: Net, path: Path) -> dict[str, Tensor]:
    other = Net(net.spec)
    other.load_state_dict(torch.load(path, weights_only=True)["net"])
    found = {}
    for name, layer in other.layers.items():
        assert isinstance(layer, Layer)
        found[f"{name}_w"], found[f"{name}_b"] = layer.folded()
    return found


def _fill(layer: Layer, weight: Tensor, bias: Tensor) -> None:
    layer.weight.copy_(weight)
    if layer.norm is None:
        layer.bias.copy_(bias)
        return
    layer.bias.zero_()
    layer.norm.running_mean.zero_()  # type: ignore[union-attr, operator]
    layer.norm.running_var.fill_(1 - layer.norm.eps)  # type: ignore[union-attr, operator]
    layer.norm.weight.fill_(1)
    layer.norm.bias.copy_(bias)


def _unfold(net: Net, name: str, batches: list[list[Tensor]]) -> None:
    layer = net.layers[name]
    assert isinstance(layer, Layer)
    assert layer.norm is not None
    inputs = [net.tensors(*b)[layer.op.src[0]] for b in batches]
    y = torch.cat([layer.linear(x, layer.weight, layer.bias) for x in inputs])
    axes = [0, *range(2, y.dim())]
    centre, variance = y.mean(axes), y.var(axes, unbiased=False)
    layer.norm.running_mean.copy_(centre)  # type: ignore[union-attr, operator]
    layer.norm.running_var.copy_(variance)  # type: ignore[union-attr, operator]
    layer.norm.weight.copy_((variance + layer.norm.eps).sqrt())
    layer.norm.bias.add_(centre)
