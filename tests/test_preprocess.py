"""Preprocessing: equal to its reference bit for bit, and to OpenCV and NumPy within a tolerance.

The tolerance is in quantised levels (40 of them to one standard deviation). The oracle works in
float64; ours differs by 14-bit bilinear weights, Q8.7 values, 16.16 coordinates and one rounding.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dms import _core
from dms.config import HealthConfig

Image = NDArray[np.uint8]
Roi = tuple[float, float, float, float, float]

ORACLE_LEVELS = 1
"""Largest difference from the float oracle: one rounding of q, either way."""
CV_LEVELS = 3
"""OpenCV 5's warpAffine is exact (1 level); 4's has 5-bit weights, 1/64 px beside the sample."""


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def smooth(height: int, width: int, seed: int = 0) -> Image:
    blurred: Image = cv2.GaussianBlur(noise(height, width, seed), (0, 0), 3).astype(np.uint8)
    return blurred // 2 + 60


def unfold(tensor: Image) -> Image:
    """Depth to space: [b*b, h, w] -> (b*h, b*w)."""
    b = math.isqrt(tensor.shape[0])
    _, h, w = tensor.shape
    return tensor.reshape(b, b, h, w).transpose(2, 0, 3, 1).reshape(h * b, w * b)


def sample_points(roi: Roi, out_w: int, out_h: int) -> tuple[NDArray[Any], NDArray[Any]]:
    cx, cy, w, h, angle = roi
    across, down = (np.arange(out_w) + 0.5) / out_w - 0.5, (np.arange(out_h) + 0.5) / out_h - 0.5
    u, v = np.meshgrid(across, down)
    c, s = math.cos(angle), math.sin(angle)
    return cx + c * u * w - s * v * h, cy + s * u * w + c * v * h


def box(image: Image, k: int) -> NDArray[np.float64]:
    h, w = image.shape[0] // k, image.shape[1] // k
    return np.asarray(image[: h * k, : w * k].reshape(h, k, w, k).mean(axis=(1, 3)))


def box_size(roi: Roi, out_w: int, image: Image) -> int:
    height, width = image.shape
    return int(min(max(roi[2] // out_w, 1), 8, height, width))


def bilinear(image: NDArray[np.float64], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """At continuous coordinates of `image`, its border repeated."""
    h, w = image.shape
    i, j = np.floor(x - 0.5).astype(int), np.floor(y - 0.5).astype(int)
    fx, fy = x - 0.5 - i, y - 0.5 - j
    i0, i1 = i.clip(0, w - 1), (i + 1).clip(0, w - 1)
    j0, j1 = j.clip(0, h - 1), (j + 1).clip(0, h - 1)
    top = image[j0, i0] * (1 - fx) + image[j0, i1] * fx
    bottom = image[j1, i0] * (1 - fx) + image[j1, i1] * fx
    return np.asarray(top * (1 - fy) + bottom * fy)


def normalise(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> Image:
    seen = values[inside]
    gain = 40 / max(float(seen.std()), 3.0)
    q = np.rint((values - seen.mean()) * gain) + 128
    return np.where(inside, q.clip(0, 255), 128).astype(np.uint8)


def oracle(image: Image, roi: Roi, out_w: int, out_h: int) -> Image:
    x, y = sample_points(roi, out_w, out_h)
    inside = (x >= 0) & (x < image.shape[1]) & (y >= 0) & (y < image.shape[0])
    k = box_size(roi, out_w, image)
    return normalise(bilinear(box(image, k), x / k, y / k), inside)


def levels_apart(a: Image, b: Image) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


ROIS: list[Roi] = [
    (160, 100, 120, 120, 0.0),
    (160, 100, 120, 120, 0.3),
    (150.3, 90.7, 300.5, 280.1, -0.5),
    (40, 30, 200, 200, 0.2),
    (310, 190, 150, 150, 1.2),
    (160, 100, 40, 40, 2.8),
    (160, 100, 31.5, 60, -1.0),
    (0, 0, 100, 100, 0.0),
    (160, 100, 900, 675, 0.1),
]


@pytest.mark.parametrize("roi", ROIS)
@pytest.mark.parametrize(("w", "h", "block"), [(112, 112, 4), (64, 64, 2), (64, 48, 4)])
def test_every_crop_is_the_oracles_within_one_level(roi: Roi, w: int, h: int, block: int) -> None:
    image = noise(200, 320)
    got = unfold(_core.preprocess(image, roi, w, h, block))
    want = oracle(image, roi, w, h)
    x, y = sample_points(roi, w, h)
    # A sample within a coordinate's rounding of the frame's border may fall on either side of it.
    edge = np.minimum.reduce([abs(x), abs(x - 320), abs(y), abs(y - 200)]) < 0.02
    assert levels_apart(np.where(edge, 0, got), np.where(edge, 0, want)) <= ORACLE_LEVELS
    assert (got == want)[~edge].mean() > 0.9


@pytest.mark.parametrize("angle", [0.0, 0.25, -0.7])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_opencv_gives_the_same_crop(angle: float, k: int) -> None:
    image = smooth(800, 1280)
    side = 112.0 * k + 20
    roi = (640.0, 400.0, side, side, angle)
    got = unfold(_core.preprocess(image, roi, 112, 112, 4))
    float_image = image.astype(np.float32)
    small = cv2.resize(float_image, (1280 // k, 800 // k), interpolation=cv2.INTER_AREA)
    step = side / k / 112
    c, s = math.cos(angle) * step, math.sin(angle) * step
    to = np.array([[c, -s, 0], [s, c, 0]])
    centre = np.array([640 / k - 0.5, 400 / k - 0.5])
    to[:, 2] = centre - to[:, :2] @ [55.5, 55.5]
    warped = cv2.warpAffine(small, to, (112, 112), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    want = normalise(warped.astype(np.float64), np.ones((112, 112), bool))
    assert levels_apart(got, want) <= CV_LEVELS


sizes = st.integers(1, 60)
crops = st.sampled_from([(4, 4, 4), (8, 12, 4), (16, 8, 2), (36, 20, 4), (64, 64, 2), (112, 8, 4)])
anywhere = st.floats(-80, 140)
lengths = st.floats(0.01, 400)
rois = st.tuples(anywhere, anywhere, lengths, lengths, st.floats(-7, 7))


@settings(max_examples=300, deadline=None)
@given(sizes, sizes, rois, crops, st.booleans(), st.integers(0, 9))
def test_the_fast_path_has_the_references_bits(
    height: int, width: int, roi: Roi, crop: tuple[int, int, int], mirror: bool, seed: int
) -> None:
    image = noise(height, width, seed)
    want = _core.preprocess_reference(image, roi, *crop, mirror)
    np.testing.assert_array_equal(_core.preprocess(image, roi, *crop, mirror), want)
    plain = _core.Preprocessor(width, height)
    plain.use_portable_kernels()
    np.testing.assert_array_equal(plain.run(image, roi, *crop, mirror), want)


@settings(max_examples=100, deadline=None)
@given(rois, crops)
def test_mirroring_flips_the_crop_exactly(roi: Roi, crop: tuple[int, int, int]) -> None:
    image = noise(50, 70)
    plain = unfold(_core.preprocess(image, roi, *crop))
    mirrored = unfold(_core.preprocess(image, roi, *crop, mirror=True))
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100), st.integers(1, 2))
def test_brightness_and_contrast_do_not_matter(offset: int, gain: int) -> None:
    image = noise(60, 80) // 4
    roi = (40.0, 30.0, 50.0, 50.0, 0.2)
    changed = (image * gain + offset).astype(np.uint8)
    apart = levels_apart(
        _core.preprocess(changed, roi, 32, 32, 4), _core.preprocess(image, roi, 32, 32, 4)
    )
    assert apart <= ORACLE_LEVELS


def test_the_mean_is_128_and_a_standard_deviation_40_levels() -> None:
    crop = _core.preprocess(noise(200, 320), (160, 100, 100, 100, 0.1), 112, 112, 4)
    assert abs(float(crop.mean()) - 128) < 0.5
    assert abs(float(crop.std()) - 40) < 0.5


def test_noise_below_three_levels_is_not_blown_up() -> None:
    image = np.random.default_rng(0).choice(np.array([99, 101], np.uint8), (100, 100))
    crop = _core.preprocess(image, (50, 50, 32, 32, 0.0), 32, 32, 4)
    assert set(np.unique(crop).tolist()) <= set(range(114, 143))


def test_a_flat_picture_is_the_mean_level() -> None:
    crop = _core.preprocess(np.full((50, 50), 200, np.uint8), (25, 25, 30, 30, 0.4), 16, 16, 4)
    assert (crop == 128).all()


def test_a_region_without_a_pixel_of_the_frame_is_the_mean_level() -> None:
    image = noise(50, 50)
    for roi in [(500.0, 25.0, 30.0, 30.0, 0.4), (math.nan, 1, 2, 2, 0), (25, 25, -1, 5, 0)]:
        assert (_core.preprocess(image, roi, 16, 16, 4) == 128).all()


def test_a_head_tilted_by_roll_stands_upright_in_a_crop_at_minus_roll() -> None:
    roll = 0.5  # top of the head towards image left
    image = np.zeros((200, 200), np.uint8)
    up = np.array([-math.sin(roll), -math.cos(roll)])
    crown = np.array([100, 100]) + 50 * up
    cv2.circle(image, (int(crown[0]), int(crown[1])), 8, 255, -1)
    crop = unfold(_core.preprocess(image, (100, 100, 160, 160, -roll), 64, 64, 2))
    row, column = np.argwhere(crop > 200).mean(axis=0)
    assert abs(column - 31.5) < 1
    assert abs(row - (31.5 - 50 * 64 / 160)) < 1


def test_channels_are_the_pixels_of_each_block() -> None:
    image = smooth(64, 64)
    by4 = _core.preprocess(image, (32, 32, 32, 32, 0.0), 32, 32, 4)
    by1 = _core.preprocess(image, (32, 32, 32, 32, 0.0), 32, 32, 1)
    assert by4.shape == (16, 8, 8)
    for y in range(4):
        for x in range(4):
            np.testing.assert_array_equal(by4[4 * y + x], by1[0, y::4, x::4])


def test_what_cannot_be_cropped_is_refused() -> None:
    image = noise(50, 50)
    roi = (25.0, 25.0, 30.0, 30.0, 0.0)
    for size in [(6, 8, 4), (8, 8, 3), (512, 512, 4), (0, 8, 4)]:
        with pytest.raises(ValueError, match="block"):
            _core.preprocess(image, roi, *size)
    with pytest.raises(TypeError):
        _core.preprocess(image.astype(np.float32), roi, 8, 8, 4)
    with pytest.raises(TypeError):
        _core.preprocess(image[:, ::2], roi, 8, 8, 4)
    with pytest.raises(ValueError, match="larger"):
        _core.Preprocessor(40, 50).run(image, roi, 8, 8, 4)


def test_frame_statistics_are_numpys() -> None:
    image = smooth(90, 161)
    image[:30] = 0
    image[60:, 100:] = 255
    stats = _core.frame_stats(image)
    values = image.astype(float)
    assert stats.mean == pytest.approx(values.mean(), rel=1e-6)
    assert stats.stddev == pytest.approx(values.std(), rel=1e-6)
    assert stats.dark == pytest.approx((image <= 8).mean(), rel=1e-6)
    assert stats.saturated == pytest.approx((image >= 250).mean(), rel=1e-6)


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_sharpness_is_how_steep_the_strongest_edges_are(width: int) -> None:
    image = np.full((width * 5 // 8, width), 60, np.uint8)
    image[:, width // 3 : width // 2] = 180
    ramp = np.linspace(60, 180, width // 8).astype(np.uint8)
    slope = image.copy()
    slope[:, width // 3 : width // 3 + len(ramp)] = ramp
    slope[:, width // 2 :] = 180
    assert _core.frame_stats(image).sharpness == 1
    assert _core.frame_stats(slope).sharpness == pytest.approx(0.25, abs=0.05)
    soft = [
        _core.frame_stats(cv2.GaussianBlur(image, (0, 0), px * width / 640)).sharpness
        for px in (1, 2, 3, 5)
    ]
    assert soft == sorted(soft, reverse=True)
    assert soft[-1] < 0.43
    dimmed = (image // 4).astype(np.uint8)
    assert _core.frame_stats(dimmed).sharpness == 1
    assert math.isnan(_core.frame_stats(np.full_like(image, 60)).sharpness)
    assert math.isnan(_core.frame_stats(image[:, :2].copy()).sharpness)


def test_blurred_real_pictures_are_told_from_sharp_ones(real: Path) -> None:
    limit = HealthConfig().blur_sharpness
    paths = sorted((real / "cabin_day/test/images").glob("*.jpg"))[::3]
    assert len(paths) > 20
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        soft = cv2.GaussianBlur(image, (0, 0), 6 * image.shape[1] / 640)
        assert _core.frame_stats(image).sharpness > limit
        assert _core.frame_stats(soft).sharpness <= limit


def test_the_frames_hash_changes_with_any_pixel_looked_at() -> None:
    image = noise(90, 70)
    before = _core.frame_stats(image).hash
    assert _core.frame_stats(image.copy()).hash == before
    rng = np.random.default_rng(1)
    for _ in range(200):
        changed = image.copy()
        changed[rng.integers(90), rng.integers(70)] ^= 1 << rng.integers(8)
        assert _core.frame_stats(changed).hash != before
