"""The training tools: geometry, labels and losses do what they say; one tiny run end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra (torch)")
pytest.importorskip("cv2")

from tools.train import crops, losses  # noqa: E402
from tools.train.crops import Roi  # noqa: E402
from tools.train.data import (  # noqa: E402
    Jitter,
    cabin_row,
    eye_row,
    face_row,
    on_headrest,
    overlap,
)
from tools.train.export import load_net  # noqa: E402
from tools.train.fit import Recipe, fit  # noqa: E402
from tools.train.nets import Net, Range, calibrate, fake_weight, real  # noqa: E402
from tools.train.onnx_file import write as write_network  # noqa: E402
from tools.train.perceive import peaks, rotation_of, window  # noqa: E402
from tools.train.rows import auc, iou, macro_f1  # noqa: E402
from tools.train.shards import FLIP_68, Sample, Shards, runs  # noqa: E402
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

EXACT = Jitter(0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rotation(yaw: float, pitch: float, roll: float) -> Any:
    a, b = np.cos(yaw), np.sin(yaw)
    y = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]])
    c, d = np.cos(pitch), -np.sin(pitch)
    x = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    return (crops.rot_z(roll) @ y @ x).astype(np.float32)


def write(folder: Path, arrays: dict[str, Any]) -> None:
    shard = folder / "shard-00000"
    shard.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(shard / f"{name}.npy", array)


def write_faces(folder: Path, count: int = 6) -> None:
    """A made-up shard of coarse noise in the renderer's layout."""
    rng = np.random.default_rng(1)
    arrays = {
        "face": rng.integers(0, 255, (count, 20, 20)).repeat(8, 1).repeat(8, 2).astype(np.uint8),
        "landmarks": rng.uniform(45, 115, (count, 68, 2)).astype(np.float32),
        "R": np.stack([rotation(0.1 * i, 0.05, 0.02 * i) for i in range(count)]),
        "has_face": np.array([1] * (count - 1) + [0], np.uint8),
        "mouth": rng.uniform(0, 1, count).astype(np.float32),
        "open": rng.uniform(0, 1, (count, 2)).astype(np.float32),
        "eye_visible": np.ones((count, 2), np.float32),
        "gaze": rng.normal(0, 0.2, (count, 2, 2)).astype(np.float32),
        "covered": np.zeros(count, np.float32),
        "eye": rng.integers(0, 255, (count, 2, 80, 80)).astype(np.uint8),
        "eye_landmarks": rng.uniform(30, 50, (count, 2, 6, 2)).astype(np.float32),
        "frame": np.tile(np.array([0, 0, 160, 160], np.float32), (count, 1)),
        "S": np.full(count, 123, np.float32),
    }
    flags = {n: np.zeros(count, np.uint8) for n in ("glasses", "sunglasses", "mask")}
    write(folder, arrays | flags)


def write_frames(folder: Path, count: int = 6, **more: Any) -> None:
    """Made-up frames in the renderer's layout, each with a driver."""
    rng = np.random.default_rng(2)
    lm = rng.uniform((170, 70), (210, 110), (count, 68, 2)).astype(np.float32)
    faces = np.zeros((count, 4, 4), np.float32)
    for i in range(count):
        roi = crops.face_roi(lm[i])
        faces[i, 0] = (roi.cx, roi.cy, roi.w, 1.0)
    arrays = {
        "image": rng.integers(0, 255, (count, 288, 384)).astype(np.uint8),
        "faces": faces,
        "driver": np.zeros(count, np.int8),
        "landmarks": lm,
        "rotation": np.stack([rotation(0.1, 0, 0)] * count),
        "action": (np.arange(count) % 8).astype(np.int8),
        "hand_keypoints": np.full((count, 2, 21, 3), (200.0, 200.0, 1.0), np.float32),
        "object": np.ones(count, np.int8),
        "object_px": np.full(count, 50, np.int32),
    }
    write(folder, arrays | more)


def test_a_roll_turns_the_top_of_the_head_to_the_image_left_and_the_crop_back() -> None:
    up = rotation(0, 0, 0.4)[:, 1]
    top = np.array([[100 + 30 * up[0], 100 - 30 * up[1]]], np.float32)
    assert top[0, 0] < 100
    seen = crops.to_crop_units(top, Roi(100, 100, 60, 60, -0.4))
    assert seen == pytest.approx(np.array([[0, -1]]), abs=1e-5)


def test_the_rotation_seen_in_a_crop_turned_by_minus_roll_has_hardly_any_roll() -> None:
    r = rotation(0.5, -0.2, 0.3)
    roll = crops.pose_of(r)[2]
    assert abs(crops.pose_of(crops.rot_z(-roll) @ r)[2]) < 0.05


def test_pose_names_agree_with_the_words_and_signs() -> None:
    assert crops.pose_of(rotation(0.3, 0, 0)) == pytest.approx((0.3, 0, 0), abs=1e-6)
    assert crops.pose_of(rotation(0, 0.3, 0)) == pytest.approx((0, 0.3, 0), abs=1e-6)
    assert rotation(0.3, 0, 0)[0, 2] > 0, "yaw > 0 looks towards image right"
    assert rotation(0, 0.3, 0)[1, 2] > 0, "pitch > 0 looks up"


def test_crop_units_go_there_and_back(rng: np.random.Generator) -> None:
    roi = Roi(31.0, 17.0, 40.0, 22.0, 0.7)
    points = rng.uniform(0, 50, (9, 2)).astype(np.float32)
    back = crops.from_crop_units(crops.to_crop_units(points, roi), roi)
    assert back == pytest.approx(points, abs=1e-4)


def test_a_crop_of_its_own_size_is_the_picture_itself(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    crop, mask = crops.cut(image, Roi(32, 32, 64, 64, 0.0), (64, 64))
    assert mask.all()
    assert np.array_equal(crop, image)


def test_a_crop_beyond_the_frame_is_grey_there(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    q = crops.quantise(*crops.cut(image, Roi(0, 32, 64, 64, 0.0), (64, 64)))
    assert (q[:, :32] == 128).all()
    assert q[:, 32:].std() > 10
    nothing = crops.quantise(*crops.cut(image, Roi(500, 500, 64, 64, 0.0), (64, 64)))
    assert (nothing == 128).all()


def test_normalisation_takes_out_brightness_and_contrast(rng: np.random.Generator) -> None:
    image = rng.normal(100, 20, (64, 64)).astype(np.float32)
    mask = np.ones((64, 64), bool)
    other = crops.quantise(image * np.float32(0.5) + 60, mask).astype(int)
    assert np.abs(crops.quantise(image, mask).astype(int) - other).max() <= 1


def test_space_to_depth_puts_each_pixel_where_the_contract_says() -> None:
    q = np.arange(64).reshape(8, 8).astype(np.uint8)
    t = crops.fold(q, 4)
    assert t.shape == (16, 2, 2)
    for y, x in ((0, 0), (3, 5), (6, 2), (7, 7)):
        assert t[(y % 4) * 4 + x % 4, y // 4, x // 4] == q[y, x]


def test_the_mirror_map_is_its_own_inverse() -> None:
    assert np.array_equal(FLIP_68[FLIP_68], np.arange(68))


def test_a_mirrored_sample_is_mirrored_in_every_label(tmp_path: Path) -> None:
    write_faces(tmp_path)
    sample = Shards([tmp_path])[2]
    twice = sample.flipped().flipped()
    assert np.array_equal(twice.image, sample.image)
    assert twice.labels["lm"] == pytest.approx(sample.labels["lm"], abs=1e-4)
    yaw, pitch, roll = crops.pose_of(sample.labels["R"])
    assert crops.pose_of(sample.flipped().labels["R"]) == pytest.approx((-yaw, pitch, -roll))


def test_the_left_eye_is_shown_as_a_right_one(tmp_path: Path, rng: np.random.Generator) -> None:
    write_faces(tmp_path)
    sample = Shards([tmp_path])[1]
    sample.labels["R"] = rotation(0.3, 0, 0)
    right, left = (eye_row(sample, side, rng, EXACT) for side in (True, False))
    assert right["pose"][0] == pytest.approx(-left["pose"][0])
    assert left["gaze"][0] == pytest.approx(-sample.labels["gaze"][1][0], abs=1e-5)


def test_the_face_is_where_the_detection_map_says(tmp_path: Path, rng: np.random.Generator) -> None:
    write_frames(tmp_path)
    sample = Shards([tmp_path])[0]
    det = cabin_row(sample, rng, EXACT, False)["det"].copy()
    det[0] = np.where(det[0] >= 0.999, 8.0, -8.0)
    (score, found), *rest = peaks(det, crops.whole_roi(384, 288))
    assert not rest
    assert score > 0.9
    expected = sample.labels["faces"][0][:3]
    assert (found.cx, found.cy, found.w) == pytest.approx(tuple(expected), rel=1e-3)


def test_an_exact_face_crop_spans_two_thirds_with_its_landmarks(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    write_faces(tmp_path)
    row = face_row(Shards([tmp_path])[0], rng, EXACT, 0.0)
    assert row["face"] == 1
    assert (row["lm"].max(0) - row["lm"].min(0)).max() == pytest.approx(2 / 1.5, rel=1e-3)


def test_a_face_that_drowns_in_noise_is_no_face(tmp_path: Path, rng: np.random.Generator) -> None:
    write_faces(tmp_path)
    sample = Shards([tmp_path])[0]
    drowned = Sample(rng.integers(0, 255, (160, 160)).astype(np.uint8), sample.labels)
    assert face_row(drowned, rng, EXACT, 0.0)["face"] == 0


def test_a_crop_of_a_headrest_shows_no_face(tmp_path: Path, rng: np.random.Generator) -> None:
    """One headrest stands free, one lies behind the driver's face."""
    write_frames(tmp_path, headrests=np.full((6, 2, 3), (60.0, 60.0, 40.0), np.float32))
    sample = Shards([tmp_path])[0]
    x, y, side, _ = sample.labels["faces"][0]
    sample.labels["headrests"][1] = (x, y, side)
    face = Roi(x, y, side, side, 0.0)
    for _ in range(50):
        bad = on_headrest(sample.labels, rng)
        assert bad is not None
        assert np.hypot(bad.cx - 60, bad.cy - 60) < 40
        assert 30 < bad.w < 100
        assert overlap(bad, face) < 0.15
    assert sample.flipped().labels["headrests"][0] == pytest.approx((324, 60, 40))
    sample.labels["headrests"] = sample.labels["headrests"][1:]
    assert on_headrest(sample.labels, rng) is None
    del sample.labels["headrests"]
    assert on_headrest(sample.labels, rng) is None


def test_the_action_is_asked_of_body_crops_only(tmp_path: Path, rng: np.random.Generator) -> None:
    write_frames(tmp_path)
    sample = Shards([tmp_path])[3]
    assert cabin_row(sample, rng, EXACT, True)["action"] == 3
    assert cabin_row(sample, rng, EXACT, False)["action"] == 255


def test_hands_and_a_held_phone_are_marked_where_they_are(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    box = np.array([190, 150, 210, 190], np.float32)
    write_frames(tmp_path, object_box=np.tile(box, (6, 1)))
    sample = Shards([tmp_path])[0]
    row = cabin_row(sample, rng, EXACT, True)
    hand, phone, food, smoke = row["things"]
    assert row["things_known"] == 1
    roi = crops.body_roi(crops.face_roi(sample.labels["lm"]))
    for heat, point in ((hand, (200, 200)), (phone, (200, 170))):
        unit = (crops.to_crop_units(np.array(point, np.float32), roi) + 1) / 2
        iy, ix = np.unravel_index(heat.argmax(), heat.shape)
        assert (ix, iy) == (int(unit[0] * 16), int(unit[1] * 12))
    assert food.max() == smoke.max() == 0
    assert cabin_row(sample, rng, EXACT, False)["things_known"] == 0


def test_frames_of_a_clip_stay_together(tmp_path: Path) -> None:
    write_frames(tmp_path, clip=np.array([0, 0, 0, 1, 1, 2]))
    assert runs(Shards([tmp_path])) == [(0, 3), (3, 5), (5, 6)]


def test_clips_are_read_as_frames_that_know_their_clip(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    labels = {
        "image": rng.integers(0, 255, (2, 3, 240, 320)).astype(np.uint8),
        "action": np.array([[0, 0, 1], [7, 7, -1]], np.int8),
        "square": np.full((2, 3, 3), (160.0, 80.0, 60.0), np.float32),
        "landmarks": rng.uniform(120, 180, (2, 3, 68, 2)).astype(np.float32),
        "rotation": np.tile(rotation(0, 0, 0), (2, 3, 1, 1)),
        "hand_keypoints": np.zeros((2, 3, 2, 21, 3), np.float32),
        "object": np.zeros((2, 3), np.int8),
        "frame_rect": np.tile(np.array([10, 10, 300, 230], np.float32), (2, 1)),
    }
    write(tmp_path, labels)
    shards = Shards([tmp_path])
    assert runs(shards) == [(0, 3), (3, 6)]
    assert [shards[i].labels["action"] for i in range(6)] == [0, 0, 1, 7, 7, 255]
    assert np.array_equal(shards[4].image, labels["image"][1, 1])


def test_overlap_of_equal_and_of_apart_squares() -> None:
    a = Roi(10, 10, 4, 4, 0)
    assert overlap(a, a) == 1
    assert overlap(a, Roi(20, 10, 4, 4, 0)) == 0
    assert overlap(a, Roi(12, 10, 4, 4, 0)) == pytest.approx(1 / 3)


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


def test_a_tensor_range_keeps_zero_and_its_ends() -> None:
    r = Range.of(-1.0, 3.0)
    assert r.fake(torch.tensor([0.0])) == 0
    assert r.fake(torch.tensor([-1.0, 3.0, 9.0])).tolist() == pytest.approx([-1, 3, 3], abs=r.scale)


def test_rounded_weights_are_within_half_a_step() -> None:
    w = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    step = w.abs().flatten(1).amax(1) / 63
    assert bool(((fake_weight(w) - w).abs() <= step.view(4, 1, 1, 1) / 2 + 1e-7).all())


def test_all_networks_together_stay_within_the_frame_budget() -> None:
    total = macs(SPECS["face"]) + 2 * macs(SPECS["eyes"]) + macs(SPECS["cabin"])
    assert total + macs(SPECS["action"]) < 150e6


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
            assert float((a - b).abs().max()) < 1e-4 * float(a.abs().max())
        second.train()
        trained = second(*inputs)[0]
    drift = (trained - first(*inputs)[0]).detach().abs().max()
    assert float(drift) < 0.05 * float(trained.detach().abs().max())


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
        assert torch.allclose(new(image)[0], old(image)[0], atol=1e-4)
    for name, layer in new.layers.items():  # and nothing new is stuck at zero for ever
        assert float(layer.weight.detach().abs().max()) > 0 or name == "b_part"


def test_a_network_does_not_grow_from_a_larger_one(tmp_path: Path) -> None:
    write_network(small_net(9, False), None, tmp_path / "old.onnx")
    with pytest.raises(ValueError, match=r"layer a .* too large"):
        grow(small_net(5, False), tmp_path / "old.onnx")


def test_a_short_window_is_padded_with_its_oldest_step() -> None:
    w = window([np.full(64, v, np.uint8) for v in (5, 6, 7)])
    assert w.shape == (32, 64)
    assert w[:, 0].tolist() == [5] * 30 + [6, 7]


def test_figures_of_merit() -> None:
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auc(np.array([1.0]), np.array([1.0])) == 0.5
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 0, 1]), 8) == 1
    assert iou(np.array([0, 0, 2, 2]), np.array([1, 0, 2, 2])) == pytest.approx(1 / 3)


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
    a, b = (tiny_run(tmp_path / n, tmp_path) for n in "ab")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_training_does_not_begin_without_pictures_to_judge_by(tmp_path: Path) -> None:
    write_faces(tmp_path / "faces" / "train")
    with pytest.raises(FileNotFoundError, match="no shards in faces for val"):
        tiny_run(tmp_path / "run", tmp_path)


def test_a_stage_ends_as_the_mean_that_its_recipe_asks_for(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_faces(tmp_path / "faces" / split)

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
