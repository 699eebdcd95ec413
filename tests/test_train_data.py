"""What networks are trained and judged on: crops, labels and figures do what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from train_samples import rotation, write, write_faces, write_frames, write_heads

from tools.train import crops, heads
from tools.train.crops import Roi
from tools.train.data import (
    Jitter,
    body_row,
    cabin_row,
    eye_row,
    face_row,
    makers,
    on_headrest,
    overlap,
)
from tools.train.perceive import peaks, window
from tools.train.rows import auc, iou, macro_f1
from tools.train.scenes import Scenes
from tools.train.shards import FLIP_68, Sample, Shards, runs

EXACT = Jitter(0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


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


def test_eyes_are_cut_by_the_heads_that_were_found(tmp_path: Path) -> None:
    write_faces(tmp_path / "faces" / "train")
    write_heads(tmp_path, "train")
    shards, found = Shards([tmp_path / "faces" / "train"]), heads.load(tmp_path, "train", 6)
    assert [head is None for head in found] == [True, *[False] * 4, True], "lost, or no face"
    turned = [head and head._replace(rotation=rotation(0.7, 0.1, 0)) for head in found]
    make = makers("eyes", shards, Shards([]), Scenes(tmp_path), EXACT, turned)
    rows = [make(np.random.default_rng(i)) for i in range(40)]
    sines = np.array([row["pose"][0] for row in rows])
    assert np.abs(sines) == pytest.approx(np.sin(0.7), abs=1e-5)
    assert len({float(row["open"]) for row in rows}) == 8, "both eyes of four"
    with pytest.raises(FileNotFoundError, match="heads of 6, not of 7 pictures"):
        heads.load(tmp_path, "train", 7)


def test_the_face_is_where_the_detection_map_says(tmp_path: Path, rng: np.random.Generator) -> None:
    write_frames(tmp_path)
    sample = Shards([tmp_path])[0]
    det = cabin_row(sample, rng, EXACT)["det"].copy()
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


def test_bodies_are_of_drivers_whose_face_and_action_show(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    faces = np.zeros((6, 4, 4), np.float32)
    faces[:, 0] = (190, 90, 60, 1)
    faces[2, 0, 3] = 0.1  # hidden
    action = np.array([0, 1, 2, 3, -1, 5], np.int8)
    write_frames(tmp_path, faces=faces, action=action)
    make = makers("body", Shards([]), Shards([tmp_path]), Scenes(tmp_path), Jitter(photo=0.0))
    assert {int(make(rng)["action"]) for _ in range(60)} == {0, 1, 3, 5}


def test_hands_and_a_held_phone_are_marked_where_they_are(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    box = np.array([190, 150, 210, 190], np.float32)
    write_frames(tmp_path, object_box=np.tile(box, (6, 1)))
    sample = Shards([tmp_path])[0]
    row = body_row(sample, rng, EXACT)
    hand, phone, food, smoke = row["things"]
    assert row["things_known"] == 1
    roi = crops.body_roi(crops.face_roi(sample.labels["lm"]))
    for heat, point in ((hand, (200, 200)), (phone, (200, 170))):
        unit = (crops.to_crop_units(np.array(point, np.float32), roi) + 1) / 2
        iy, ix = np.unravel_index(heat.argmax(), heat.shape)
        assert (ix, iy) == (int(unit[0] * 16), int(unit[1] * 12))
    assert food.max() == smoke.max() == 0
    del sample.labels["object_box"]
    assert body_row(sample, rng, EXACT)["things_known"] == 0


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


def test_a_short_window_is_padded_with_its_oldest_step() -> None:
    w = window([np.full(64, v, np.uint8) for v in (5, 6, 7)])
    assert w.shape == (32, 64)
    assert w[:, 0].tolist() == [5] * 30 + [6, 7]


def test_figures_of_merit() -> None:
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auc(np.array([1.0]), np.array([1.0])) == 0.5
    assert macro_f1(np.array([0, 0, 1]), np.array([0, 0, 1]), 8) == 1
    assert iou(np.array([0, 0, 2, 2]), np.array([1, 0, 2, 2])) == pytest.approx(1 / 3)
