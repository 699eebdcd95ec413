"""Losses, rounding, export and training do what they say; one tiny run end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from train_samples import rotation, write_faces, write_heads

torch = pytest.importorskip("torch", reason="needs the train extra (torch)")

from tools.train import losses  # noqa: E402
from tools.train.__main__ import RECIPES  # noqa: E402
from tools.train.data import Jitter  # noqa: E402
from tools.train.export import load_net, parity  # noqa: E402
from tools.train.fit import Recipe, fit  # noqa: E402
from tools.train.nets import Net, Range, calibrate, fake_weight, real  # noqa: E402
from tools.train.onnx_file import write as write_network  # noqa: E402
from tools.train.perceive import rotation_of  # noqa: E402
from tools.train.spec import (  # noqa: E402
    SPECS,
    Input,
    Op,
    Output,
    Spec,
    conv,
    macs,
    residual,
    shapes,
)
from tools.train.warm import grow, warm  # noqa: E402

HALVES = 1e-3
"""What weights kept in float16 may change, as a share."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_rotations_from_six_numbers_are_rotations() -> None:
    six = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    r = losses.rotation_from_6d(six)
    assert torch.allclose(r @ r.transpose(1, 2), torch.eye(3).expand(5, 3, 3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(r), torch.ones(5), atol=1e-5)
    assert rotation_of(six[0].numpy()) == pytest.approx(r[0].numpy(), abs=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.01, 0.5, 1.2, 2.5, 3.0])
def test_geodesic_is_the_angle_and_its_gradient_stays_finite(angle: float) -> None:
    a = torch.tensor(rotation(angle, 0, 0)[None], requires_grad=True)
    error = losses.geodesic(a, torch.eye(3)[None])
    error.sum().backward()
    assert float(error.detach()) == pytest.approx(angle, abs=2e-3)
    assert bool(torch.isfinite(a.grad).all())


def test_claiming_uncertainty_does_not_excuse_an_error() -> None:
    error = torch.tensor([0.5], requires_grad=True)
    log_sigma = torch.tensor([2.0], requires_grad=True)
    losses.spread(error, log_sigma).sum().backward()
    assert error.grad is None
    assert log_sigma.grad is not None


def test_an_action_that_no_picture_shows_is_learned_as_even_odds() -> None:
    out = torch.tensor([[2.0] + 7 * [0.0], 8 * [0.0], [0.0, 9.0] + 6 * [0.0]], requires_grad=True)
    parts = losses.action_losses(out, {"action": torch.tensor([8, 255, 1])}, torch.ones(8))
    parts["unseen"].backward()
    assert out.grad is not None
    assert out.grad[0, 0] > 0.1
    assert out.grad[1].abs().max() < 1e-6
    assert out.grad[2].abs().max() == 0
    alone = losses.action_losses(out[2:], {"action": torch.tensor([1])}, torch.ones(8))
    assert alone["unseen"] == 0
    assert torch.isclose(parts["action"], alone["action"])


def test_a_tensor_range_keeps_zero_and_its_ends() -> None:
    r = Range.of(-1.0, 3.0)
    assert r.fake(torch.tensor([0.0])) == 0
    assert r.fake(torch.tensor([-1.0, 3.0, 9.0])).tolist() == pytest.approx([-1, 3, 3], abs=r.scale)


def test_rounded_weights_are_within_half_a_step() -> None:
    w = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    step = w.abs().flatten(1).amax(1) / 63
    assert bool(((fake_weight(w) - w).abs() <= step.view(4, 1, 1, 1) / 2 + 1e-7).all())


def test_all_networks_together_stay_within_the_frame_budget() -> None:
    """150 million multiply-adds a frame of a 30 Hz stream, whose action window advances at 15 Hz
    and whose whole frame is searched once a second."""
    total = macs(SPECS["face"]) + 2 * macs(SPECS["eyes"]) + macs(SPECS["cabin"]) / 30
    assert total + (macs(SPECS["body"]) + macs(SPECS["action"])) / 2 < 150e6
    assert macs(SPECS["cabin"]) < macs(SPECS["body"]), "locating is not the dearer of the two"


@pytest.mark.parametrize("name", SPECS)
def test_shapes_by_the_book_are_shapes_in_torch(name: str) -> None:
    spec = SPECS[name]
    with torch.no_grad():
        found = Net(spec).eval().tensors(*[torch.zeros(i.shape) for i in spec.inputs])
    assert {k: tuple(v.shape) for k, v in found.items()} == shapes(spec)


def test_simulated_rounding_stays_near_the_float_network(rng: np.random.Generator) -> None:
    spec = SPECS["eyes"]
    torch.manual_seed(0)
    net = Net(spec).eval()
    image = torch.from_numpy(rng.integers(0, 255, (8, 4, 32, 32)).astype(np.uint8))
    inputs = (real(image, spec.inputs[0]), torch.zeros(8, 2))
    with torch.no_grad():
        before = net(*inputs)[0]
        net.ranges = calibrate(net, [inputs])
        after = net(*inputs)[0]
    assert float((before - after).abs().mean() / before.std()) < 0.1


@pytest.mark.parametrize("name", SPECS)
def test_a_network_begun_from_a_file_says_what_the_file_says(name: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    first = Net(SPECS[name]).eval()
    write_network(first, None, tmp_path / "net.onnx")
    inputs = [torch.randn(3, *i.shape[1:]) for i in first.spec.inputs]
    second = Net(SPECS[name])
    warm(second, tmp_path / "net.onnx", [inputs])
    with torch.no_grad():
        for a, b in zip(first(*inputs), second.eval()(*inputs), strict=True):
            assert float((a - b).abs().max()) < HALVES * float(a.abs().max())
        second.train()
        trained = second(*inputs)[0]
    drift = (trained - first(*inputs)[0]).detach().abs().max()
    assert float(drift) < 0.05 * float(trained.detach().abs().max())


def test_what_is_anywhere_in_the_map_comes_through_the_integers(tmp_path: Path) -> None:
    """A pool and a join of two scales, which become integer operations too."""
    torch.manual_seed(1)
    ops = (
        conv("a", "image", 16, 16),
        conv("b", "a", 16, 4, kernel=1),
        Op("flat", "flatten", ("b",)),
        Op("peaks_map", "pool", ("a",)),
        Op("peaks", "flatten", ("peaks_map",)),
        Op("both", "concat", ("flat", "peaks")),
        Op("out_map", "gemm", ("both",), 4 * 48 + 16, 5, relu=False, norm=False, quantise=False),
    )
    image = Input("image", (1, 16, 6, 8))
    net = Net(Spec("pooled", (image,), ops, (Output("out", "out_map", (1, 5)),))).eval()
    inputs = [torch.randn(8, 16, 6, 8)]
    with torch.no_grad():
        moved = torch.roll(inputs[0], (2, 3), (2, 3))
        peaks = [net.tensors(x)["peaks"] for x in (inputs[0], moved)]
        assert float((peaks[0] - peaks[1]).abs().mean()) < 0.2 * float(peaks[0].abs().mean())
    ranges = calibrate(net, [tuple(inputs)])
    assert set(ranges) == {"a", "b", "both"}
    write_network(net, ranges, tmp_path / "net.onnx")
    assert parity(net, ranges, tmp_path / "net.onnx") < 0.02


def small_net(width: int, deeper: bool) -> Net:
    last = "b" if deeper else "a"
    ops = (
        conv("a", "image", 4, width),
        *(residual("b", "a", width) if deeper else ()),
        Op("flat", "flatten", (last,)),
        Op("head", "gemm", ("flat",), width * 64, 3, relu=False, norm=False),
    )
    spec = Spec("small", (Input("image", (1, 4, 8, 8)),), ops, (Output("out", "head", (1, 3)),))
    return Net(spec).eval()


def test_a_grown_network_says_what_the_smaller_one_says(tmp_path: Path) -> None:
    torch.manual_seed(1)
    old, new = small_net(5, False), small_net(9, True)
    write_network(old, None, tmp_path / "old.onnx")
    image = torch.randn(6, 4, 8, 8)
    with torch.no_grad():
        assert not torch.allclose(new(image)[0], old(image)[0], atol=1e-2)
        grow(new, tmp_path / "old.onnx")
        assert torch.allclose(new(image)[0], old(image)[0], atol=HALVES)
    for name, layer in new.layers.items():  # and nothing new is stuck at zero for ever
        assert float(layer.weight.detach().abs().max()) > 0 or name == "b_part"


def joined_net(width: int) -> Net:
    ops = (
        Op("flat", "flatten", ("image",)),
        Op("a", "gemm", ("flat",), 16, width, quantise=False),
        Op("both", "concat", ("a", "pose"), quantise=False),
        Op("head", "gemm", ("both",), width + 2, 3, relu=False, norm=False, quantise=False),
    )
    inputs = Input("image", (1, 1, 4, 4)), Input("pose", (1, 2), "float32")
    return Net(Spec("joined", inputs, ops, (Output("out", "head", (1, 3)),))).eval()


def test_what_is_joined_stays_joined_in_a_grown_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    old, new = joined_net(3), joined_net(7)
    write_network(old, None, tmp_path / "old.onnx")
    grow(new, tmp_path / "old.onnx")
    image, pose = torch.randn(6, 1, 4, 4), torch.randn(6, 2)
    with torch.no_grad():
        assert torch.allclose(new(image, pose)[0], old(image, pose)[0], atol=1e-4)


def test_the_twin_keeps_weights_that_are_rounded_in_half_the_bytes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    old, new = small_net(5, True), small_net(5, True)
    write_network(old, None, tmp_path / "net.onnx")
    warm(new, tmp_path / "net.onnx", [[torch.randn(16, 4, 8, 8)]])
    for name, layer in new.layers.items():
        before, after = old.layers[name].folded()[0], layer.folded()[0]
        off = (after - before).detach().abs().max() / before.detach().abs().max()
        assert 0 < float(off) < 2**-11, name


def test_a_network_does_not_grow_from_a_larger_one(tmp_path: Path) -> None:
    write_network(small_net(9, False), None, tmp_path / "old.onnx")
    with pytest.raises(ValueError, match=r"layer a .* too large"):
        grow(small_net(5, False), tmp_path / "old.onnx")


def test_every_stage_in_the_recipes_can_be_run_again() -> None:
    for path in RECIPES.glob("*.yaml"):
        recipe = Recipe.load(path)
        Jitter(**recipe.jitter)
        assert recipe.net in SPECS
        assert recipe.name in (None, path.stem)
        for stage in (recipe.start, *recipe.mean):
            assert stage is None or (RECIPES / f"{stage}.yaml").exists(), path.name


def test_a_recipe_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("net: face\nstepz: 3\n")
    with pytest.raises(TypeError, match="stepz"):
        Recipe.load(path)


def tiny_run(folder: Path, data: Path) -> Any:
    recipe = Recipe("eyes", steps=2, batch=4, jitter={"photo": 0.5}, cabin=())
    return torch.load(fit(recipe, data, folder, False), weights_only=True)["net"]


def test_the_same_seed_trains_the_same_network(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_faces(tmp_path / "faces" / split)
        write_heads(tmp_path, split)
    a, b = (tiny_run(tmp_path / n, tmp_path) for n in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_training_does_not_begin_without_pictures_to_judge_by(tmp_path: Path) -> None:
    write_faces(tmp_path / "faces" / "train")
    write_heads(tmp_path, "train")
    with pytest.raises(FileNotFoundError, match="no shards in faces for val"):
        tiny_run(tmp_path / "run", tmp_path)


def test_a_stage_ends_as_the_mean_that_its_recipe_asks_for(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_faces(tmp_path / "faces" / split)
        write_heads(tmp_path, split)

    def trained(name: str, **more: Any) -> Net:
        more |= {"jitter": {"photo": 0.5}, "cabin": ()}
        recipe = Recipe("eyes", name=name, steps=2, batch=4, **more)
        return load_net(fit(recipe, tmp_path, tmp_path / "run", False), "eyes")

    first = trained("first", seed=1)
    alone, mixed, old_again = (
        trained(name, start="first", seed=2, mean=mean)
        for name, mean in (("b", {}), ("c", {"first": 0.25}), ("d", {"first": 1.0}))
    )
    inputs = [torch.randn(3, *i.shape[1:]) for i in first.spec.inputs]
    with torch.no_grad():
        assert torch.allclose(old_again(*inputs)[0], first(*inputs)[0], atol=1e-4)
        for name, layer in mixed.layers.items():
            old, new = first.layers[name].folded()[0], alone.layers[name].folded()[0]
            assert torch.allclose(layer.folded()[0], 0.25 * old + 0.75 * new, atol=1e-5)
