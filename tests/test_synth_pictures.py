"""What is worn, how a picture is taken, how crops are cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2")

from tools.synth import assets, faces, head, labels, light, looks, native, portraits, sensor, worn
from tools.synth.camera import Camera, head_rotation, rotation
from tools.synth.mesh import Scene, Tag

needs_head = pytest.mark.skipif(
    not (assets.asset_dir() / assets.ICT_FACE).is_file(),
    reason=f"no head asset in {assets.asset_dir()} (see tools/import_assets.py)",
)
PLAIN = sensor.Sensor(
    exposure=0.25, skin_blur=0, blur=0, motion=(0, 0), scale=1, noise=0, read_noise=0, gamma=0.5,
    veil=0, vignette=0, jpeg=0,
)  # fmt: skip


def shoot(placed: head.PlacedHead, scene: Scene) -> faces.View:
    placed.add_to(scene)
    middle = placed.landmarks().mean(0)
    camera = Camera.look_at(middle + np.array([0, 0, 70.0]), middle, 22, (200, 200))
    shine = light.Light(
        camera.position, 1.0, np.array([0.0, 1, 0]), 0.0, light.surroundings([(0, 1, 0)], [0.2]),
    )  # fmt: skip
    constants = native.uniforms(
        {**placed.constants(), **shine.constants(middle), "camera": camera.position}
    )
    colour, key, tags = native.rasterise(
        scene.buffers(), constants, (200, 200), camera.matrix(), None, None, np.float32(0)
    )
    return faces.View(camera, colour, key, tags, camera.rotation, 100.0)


@pytest.fixture
def placed() -> head.PlacedHead:
    person = head.model().identity(np.zeros(100))
    return portraits.seat_head(head.model().express(person, {}), np.eye(3), np.eye(3))


def eyes_behind(placed: head.PlacedHead, transmission: float) -> NDArray[np.float64]:
    glasses = worn.random_glasses(np.random.default_rng(3), "clear")
    scene = Scene()
    dimmed = replace(glasses, transmission=transmission, mirror=0.0, rim=0.0, half_height=2.2)
    worn.add_glasses(scene, dimmed, placed)
    view = shoot(placed, scene)
    level = float(view.colour[..., 0].max())
    return labels.eye_visibility(view.camera, placed, view.colour, view.key, view.tags, 3 * level)


@needs_head
def test_eyes_are_seen_through_clear_lenses_and_not_through_dark_ones(
    placed: head.PlacedHead,
) -> None:
    assert eyes_behind(placed, 0.95).min() > 0.6
    assert eyes_behind(placed, 0.03).max() < 0.1


@needs_head
def test_a_mask_hides_the_mouth_but_not_the_eyes(placed: head.PlacedHead) -> None:
    scene = Scene()
    looks.add_mask(scene, np.random.default_rng(1), placed)
    view = shoot(placed, scene)
    seen = labels.landmark_visibility(view.camera, placed, view.key, view.tags)
    assert not seen[48:68].any()
    assert seen[[36, 39, 42, 45]].all()
    assert (view.tags == Tag.MASK).mean() > 0.03


@needs_head
@pytest.mark.parametrize("kind", ["cap", "beanie", "hood", "scarf"])
def test_headwear_covers_the_crown_and_leaves_the_face(placed: head.PlacedHead, kind: str) -> None:
    scene = Scene()
    worn.add_cap(scene, np.random.default_rng(5), placed, kind)
    view = shoot(placed, scene)
    seen = labels.landmark_visibility(view.camera, placed, view.key, view.tags)
    assert seen[[30, 33, 51, 57]].all()
    highest = int(np.argmax((view.tags > 0).any(1)))
    assert (view.tags[highest + 2] == Tag.HAIR).any()
    assert (view.tags == Tag.HAIR).mean() > 0.05


@needs_head
@pytest.mark.parametrize("style", [s for s in looks.HAIRSTYLES if s != "bald"])
def test_every_hairstyle_puts_hair_into_the_picture(placed: head.PlacedHead, style: str) -> None:
    person = replace(looks.random_person(np.random.default_rng(2)), style=style, hair_length=0.8)
    scene = Scene()
    looks.add_hair(scene, person, placed)
    assert (shoot(placed, scene).tags == Tag.HAIR).mean() > 0.01


@needs_head
def test_hoods_bags_and_hollows_leave_the_lids_margins_and_their_labels() -> None:
    from tools.synth.eyelids import EyeBuild

    model = head.model()
    plain = model.express(model.identity(np.zeros(100)), {"eyeBlink": 0.4})
    build = EyeBuild(hood=1, outer_hood=0.5, epicanthus=1, depth=-1, bag=1)
    other = model.express(model.identity(np.zeros(100), eyes=build), {"eyeBlink": 0.4})
    moved = np.linalg.norm(plain.vertices - other.vertices, axis=1)
    assert 0.2 < moved.max() < 1.2
    assert other.openness == pytest.approx(plain.openness, abs=0.12)
    assert moved[model.landmarks[36:48]].max() < 0.15


@needs_head
def test_a_full_beard_hangs_below_the_chin(placed: head.PlacedHead) -> None:
    person = looks.random_person(np.random.default_rng(2))
    bald = replace(person, style="bald", beard=1.4, beard_shape=(-2.0, 1.0, 1.0, 1.0))
    lowest = []
    for length in (0.0, 2.0):
        scene = Scene()
        looks.add_hair(scene, replace(bald, beard_length=length), placed)
        lowest.append(shoot(placed, scene).tags == Tag.FACE)
    assert lowest[1].sum() > lowest[0].sum() * 1.02


@needs_head
def test_a_head_looking_along_the_crops_ray_is_straight_wherever_the_camera_points(
    placed: head.PlacedHead,
) -> None:
    middle = placed.landmarks().mean(0)
    for turn in (rotation((0, 1, 0), 20), rotation((1, 0, 0), -15)):
        camera = Camera(middle + np.array([0, 0, 80.0]), turn, 900.0, (0.0, 0.0), (2, 2))
        pixel = camera.project(middle[None])[0][0]
        assert np.abs(camera.ray_frame(pixel) @ np.eye(3) - np.eye(3)).max() < 1e-9


def test_a_window_of_a_camera_shows_the_same_ray() -> None:
    camera = Camera.look_at((10, 5, 90), (0, 0, 0), 40, (640, 400))
    point = np.array([[3.0, -4.0, 2.0]])
    pixel = camera.project(point)[0][0]
    window = camera.window(pixel + np.array([10, -5]), 100, 320)
    inside = window.project(point)[0][0]
    assert inside == pytest.approx(160 + np.array([-10, 5]) * 3.2)
    assert window.ray(inside) == pytest.approx(camera.ray(pixel))


def test_an_eye_crop_keeps_a_spot_where_its_label_says() -> None:
    picture = np.zeros((320, 320), np.uint8)
    picture[150:154, 110:114] = 200  # centre (112, 152)
    points = np.zeros((68, 2))
    points[36:42] = (118.3, 148.6)
    crop, _ = faces._eye_crop(picture, points, 0, 246.0)
    y, x = np.indices(crop.shape) + 0.5
    spot = np.array([(x * crop).sum(), (y * crop).sum()]) / crop.sum()
    corner = points[36] - faces.EYE_MARGIN * 246 / 2
    expected = (np.array([112, 152]) - corner) * faces.EYE_PX / (faces.EYE_MARGIN * 246)
    assert spot == pytest.approx(expected, abs=0.05)


def radiance(level: float = 0.6) -> NDArray[np.float32]:
    colour = np.zeros((64, 64, 4), np.float32)
    colour[16:48, 16:48, 0] = level
    return colour


def test_exposure_brings_the_subject_to_its_level() -> None:
    subject = radiance()[..., 0] > 0
    out = sensor.develop(radiance(0.01), subject, PLAIN, np.random.default_rng(0))
    assert out[subject].mean() == pytest.approx(255 * 0.25**0.5, abs=1)


def test_a_picture_without_subject_is_exposed_as_a_whole() -> None:
    nobody = np.zeros((64, 64), bool)
    out = sensor.develop(radiance(), nobody, PLAIN, np.random.default_rng(0))
    assert out.max() > 200


def test_every_quirk_of_a_camera_changes_the_picture_and_can_be_repeated() -> None:
    subject = radiance()[..., 0] > 0

    def taken(**quirk: Any) -> NDArray[np.uint8]:
        camera = replace(PLAIN, **quirk)
        return sensor.develop(radiance(), subject, camera, np.random.default_rng(7))

    plain = taken()
    quirks: list[dict[str, Any]] = [
        {"bits": 3.3}, {"sharpen": 1.0}, {"local": 0.8}, {"rows": 0.02}, {"dirt": 4},
        {"hot": (1.0, 0.2, 0.3)}, {"shoulder": 1.0}, {"bands": (0.3, 2.0, 0.0)},
    ]  # fmt: skip
    for quirk in quirks:
        assert not np.array_equal(taken(**quirk), plain), quirk
        assert np.array_equal(taken(**quirk), taken(**quirk)), quirk


def test_noise_blur_and_jpeg_keep_the_size_and_are_repeatable() -> None:
    rough = replace(PLAIN, blur=1.0, motion=(3.0, 1.0), scale=0.4, noise=0.03, jpeg=40, veil=0.05)
    subject = radiance()[..., 0] > 0
    pictures: list[NDArray[Any]] = [
        sensor.develop(radiance(), subject, rough, np.random.default_rng(7)) for _ in range(2)
    ]
    assert pictures[0].shape == (64, 64)
    assert np.array_equal(*pictures)


def test_soft_light_is_strongest_on_the_side_it_comes_from() -> None:
    c = light.surroundings([(0, 1, 0)], [1.0])

    def irradiance(x: float, y: float, z: float) -> float:
        basis = [1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
        return float(c @ np.array(basis))

    assert irradiance(0, 1, 0) > irradiance(1, 0, 0) > irradiance(0, -1, 0)
    assert irradiance(1, 0, 0) == pytest.approx(irradiance(0, 0, 1))


def test_a_head_turned_in_the_crop_keeps_its_angles_under_the_ray_frame() -> None:
    wanted = head_rotation(30, -10, 5)
    camera = Camera.look_at((0, 0, 80), (0, 0, 0), 30, (100, 100))
    assert camera.ray_frame((50, 50)) @ wanted == pytest.approx(wanted)


def test_surroundings_turn_with_the_camera_and_with_the_car() -> None:
    from tools.synth import scenery

    panorama = np.full(scenery.SIZE[::-1], 0.1, np.float32)
    panorama[:, 250:263] = 5  # a quarter of the circle from +Z towards +X
    ahead = Camera.look_at((0, 0, 0), (0, 0, 10), 60, (64, 48))
    right = Camera.look_at((0, 0, 0), (10, 0, 0), 60, (64, 48))
    assert scenery.view(panorama, ahead).max() < 0.2
    assert scenery.view(panorama, right)[:, 31:33].min() > 1
    assert scenery.view(panorama, ahead, 90)[:, 31:33].min() > 1


@pytest.mark.parametrize("night", [False, True])
def test_panoramas_are_repeatable_and_have_a_mean_of_one(night: bool) -> None:
    from tools.synth import scenery

    first, second = (scenery.random_panorama(np.random.default_rng(3), night) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.mean() == pytest.approx(1, abs=0.01)
    assert first.min() >= 0


def test_a_lens_bends_what_a_pinhole_sees_and_can_be_undone() -> None:
    pinhole = Camera.look_at((10, 5, 90), (0, 0, 0), 80, (640, 400))
    camera = replace(pinhole, barrel=-0.25)
    points = np.random.default_rng(4).uniform(-60, 60, (50, 3))
    there, bent = pinhole.project(points)[0], camera.project(points)[0]
    assert camera.straight(bent) == pytest.approx(there, abs=1e-6)
    inside = np.hypot(*(there - 0.5 * np.array(pinhole.size)).T) < 300
    further = np.hypot(*(bent - there).T)
    assert further[inside].max() > 20
    corner = camera.position - camera.rotation.T @ np.array([320.0, 200.0, camera.focal])
    assert camera.project(corner)[0] == pytest.approx(pinhole.project(corner)[0])
    assert camera.ray(bent[0]) == pytest.approx(pinhole.ray(there[0]))


@needs_head
def test_labels_lie_on_the_face_in_a_bent_picture(placed: head.PlacedHead) -> None:
    from tools.synth.stage import Layer, draw

    scene = Scene()
    placed.add_to(scene)
    middle = placed.landmarks().mean(0)
    aside = middle + np.array([22.0, 9.0, 0.0])
    pinhole = Camera.look_at(aside + np.array([0, 0, 60.0]), aside, 60, (300, 240))
    shine = light.cabin_light(np.random.default_rng(1), "day", pinhole.position, middle)
    nothing = np.zeros((240, 300), np.float32)
    for barrel in (0.0, -0.25):
        camera = replace(pinhole, barrel=barrel)
        raw = draw([Layer(scene, placed.constants())], camera, shine, nothing, 1)
        seen = labels.landmark_visibility(camera, placed, raw.key, raw.tags)
        assert seen.sum() >= 60
        wrong = labels.landmark_visibility(
            replace(camera, barrel=-0.25 - barrel), placed, raw.key, raw.tags
        )
        assert wrong.sum() < seen.sum() - 5


def test_an_empty_hand_at_the_ear_is_the_most_frequent_touch() -> None:
    from collections import Counter

    from tools.synth.actions import Setting, plan_hand_face
    from tools.synth.pose import Torso
    from tools.synth.touches import TOUCHES

    plans = [
        plan_hand_face("L", Setting(None, Torso()), np.random.default_rng(k)) for k in range(600)
    ]
    drawn = Counter(p.variant for p in plans)
    assert set(TOUCHES) <= set(drawn)
    (first, most), (_, second) = drawn.most_common(2)
    assert first == "hand at ear"
    assert most > 2 * second


def test_tools_that_make_up_touch_the_face_and_are_no_phone() -> None:
    from tools.synth.actions import Setting, plan_hand_face
    from tools.synth.pose import Torso

    plans = [
        plan_hand_face("R", Setting(None, Torso()), np.random.default_rng(k)) for k in range(80)
    ]
    busy = [p for p in plans if p.props]
    assert 4 < len(busy) < 24
    for plan in busy:
        thing, hand = plan.props[0], plan.hands["R"]
        rot, at = thing.place(hand.wrist, hand.hand)
        tip = at + rot @ np.array([0, thing.prop.top, 0])
        assert thing.prop.kind == "brush"
        assert np.hypot(tip[0], tip[2]) == pytest.approx(11, abs=4)
