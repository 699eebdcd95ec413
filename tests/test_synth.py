"""The renderer's labels: their signs, ranges and reproducibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

pytest.importorskip("cv2")

from tools.synth import assets, faces, head, labels, light, native, portraits, shards
from tools.synth.camera import Camera, head_angles, head_rotation
from tools.synth.mesh import F32, I32, Material, Scene, Tag, quad, rounded_box

RECIPE = Path(__file__).parents[1] / "tools" / "synth" / "recipes" / "faces.yaml"
FRONT = np.array([0.0, 0.0, 70.0])  # cm before the face

pytestmark = pytest.mark.skipif(
    not (assets.asset_dir() / assets.ICT_FACE).is_file(),
    reason=f"no head asset in {assets.asset_dir()} (see tools/import_assets.py)",
)


@pytest.fixture(scope="module")
def person() -> head.Identity:
    weights = np.random.default_rng(4).normal(size=100) * 0.85
    return head.model().identity(weights)


@pytest.fixture(scope="module")
def small_recipe() -> dict[str, Any]:
    recipe = yaml.safe_load(RECIPE.read_text())
    return {**recipe, "scenes_per_shard": 3, "shots_per_scene": 2, "cut_share": 0.0}


@pytest.fixture(scope="module")
def shard(small_recipe: dict[str, Any]) -> shards.Arrays:
    recipe = {**small_recipe, "scenes_per_shard": 8, "no_face_share": 0.0, "wide_pose_share": 0.0}
    return faces.make_shard(recipe, 5, 2)


def look(placed: head.PlacedHead, cover: tuple[F32, I32] | None = None) -> faces.View:
    """A plain picture of a head from straight before it, 200 px wide."""
    scene = Scene()
    placed.add_to(scene)
    if cover is not None:
        scene.add(*cover, Material.PROP, tag=Tag.OBJECT)
    middle = placed.landmarks().mean(0)
    camera = Camera.look_at(middle + FRONT, middle, 22, (200, 200))
    shine = light.cabin_light(np.random.default_rng(0), "day", camera.position, middle)
    constants = native.uniforms(
        {**placed.constants(), **shine.constants(middle), "camera": camera.position}
    )
    colour, key, tags = native.rasterise(
        scene.buffers(), constants, (200, 200), camera.matrix(), None, None, np.float32(0)
    )
    return faces.View(camera, colour, key, tags, camera.rotation, 100.0)


def seat(
    person: head.Identity, yaw: float = 0, pitch: float = 0, roll: float = 0
) -> head.PlacedHead:
    shape = head.model().express(person, {})
    return portraits.seat_head(shape, head_rotation(yaw, pitch, roll), np.eye(3))


def points_of(placed: head.PlacedHead) -> NDArray[np.float64]:
    return look(placed).camera.project(placed.landmarks())[0]


def visible_eyes(view: faces.View, placed: head.PlacedHead) -> NDArray[np.float64]:
    return labels.eye_visibility(view.camera, placed, view.colour, view.key, view.tags, 1.0)


def test_head_angles_survive_a_round_trip() -> None:
    assert head_angles(head_rotation(40, -20, 15)) == pytest.approx((40, -20, 15))


def test_a_shut_eye_is_zero_and_a_neutral_one_is_one(person: head.Identity) -> None:
    shut = head.model().express(person, {"eyeBlink": 1.0})
    neutral = head.model().express(person, {})
    assert shut.openness == pytest.approx([0, 0], abs=1e-6)
    assert neutral.openness == pytest.approx([1, 1], abs=1e-6)


def test_a_droopy_lidded_person_is_fully_open_when_at_rest() -> None:
    droopy = head.model().identity(np.zeros(100), lid=0.3)
    assert head.model().express(droopy, {}).openness == pytest.approx([1, 1], abs=1e-6)


def test_closing_lids_lower_openness_step_by_step(person: head.Identity) -> None:
    course = [head.model().express(person, {"eyeBlink": b}).openness for b in np.linspace(0, 1, 6)]
    assert (np.diff(np.array(course), axis=0) < 0).all()


def test_one_eye_can_be_shut_alone(person: head.Identity) -> None:
    right, left = head.model().express(person, {"eyeBlink_R": 1.0}).openness
    assert right < 0.05
    assert left > 0.9


def test_a_yawn_opens_the_mouth(person: head.Identity) -> None:
    model = head.model()
    assert model.express(person, {}).mouth < 0.1
    assert model.express(person, {"jawOpen": 1.0}).mouth > 0.7


def test_yaw_turns_the_face_to_image_right(person: head.Identity) -> None:
    straight, turned = points_of(seat(person)), points_of(seat(person, yaw=35))
    nose_from_ears = [p[30, 0] - p[[0, 16], 0].mean() for p in (straight, turned)]
    assert nose_from_ears[1] > nose_from_ears[0] + 5


def test_pitch_turns_the_face_up(person: head.Identity) -> None:
    straight, turned = points_of(seat(person)), points_of(seat(person, pitch=25))
    nose_below_ears = [p[30, 1] - p[[0, 16], 1].mean() for p in (straight, turned)]
    assert nose_below_ears[1] < nose_below_ears[0] - 5


def test_roll_tips_the_top_of_the_head_to_image_left(person: head.Identity) -> None:
    pixels = points_of(seat(person, roll=20))
    up = pixels[27] - pixels[8]  # chin to nose bridge
    assert np.degrees(np.arctan2(-up[0], -up[1])) == pytest.approx(20, abs=4)


def test_turning_a_crop_by_minus_roll_makes_the_face_upright(person: head.Identity) -> None:
    pixels = points_of(seat(person, roll=20))
    a = np.radians(-20)
    crop_up = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) @ np.array([0.0, -1.0])
    face_up = pixels[27] - pixels[8]
    assert crop_up @ face_up / np.linalg.norm(face_up) > 0.99


def test_gaze_to_the_subjects_left_goes_to_image_right(person: head.Identity) -> None:
    shape = head.model().express(person, {}, ((20, 0), (20, 0)))
    placed = portraits.seat_head(shape, np.eye(3), np.eye(3))
    angles = labels.gaze_angles(placed.gaze(), np.eye(3))
    assert np.degrees(angles[:, 0]) == pytest.approx([20, 20], abs=0.1)
    pixels = look(placed).camera.project(np.r_[placed.eyes(), placed.eyes() + placed.gaze()])[0]
    assert (pixels[2:, 0] > pixels[:2, 0]).all()


def test_gaze_up_is_positive_pitch_and_lifts_the_lids(person: head.Identity) -> None:
    up = head.model().express(person, {}, ((0, 20), (0, 20)))
    down = head.model().express(person, {}, ((0, -25), (0, -25)))
    assert (up.gaze[:, 1] > 0.3).all()
    assert (up.openness > 1).all()
    assert (down.openness < 0.8).all()


def test_the_right_eye_comes_first(person: head.Identity) -> None:
    pixels = points_of(seat(person))
    assert labels.eye_centre(pixels, 0)[0] < labels.eye_centre(pixels, 1)[0]


def test_both_eyes_are_seen_from_the_front(person: head.Identity) -> None:
    placed = seat(person)
    assert visible_eyes(look(placed), placed).min() > 0.85


def test_the_far_eye_of_a_profile_is_not_seen(person: head.Identity) -> None:
    placed = seat(person, yaw=80)
    right, left = visible_eyes(look(placed), placed)
    assert left < 0.1
    assert right > 0.5


def test_something_before_an_eye_hides_it(person: head.Identity) -> None:
    placed = seat(person)
    box = rounded_box(placed.eyes()[0] + np.array([0, 0, 8.0]), (2.3, 2.5, 0.5))
    view = look(placed, box)
    right, left = visible_eyes(view, placed)
    assert right < 0.1
    assert left > 0.85
    seen = labels.landmark_visibility(view.camera, placed, view.key, view.tags)
    assert not seen[36:42].any()
    assert seen[42:48].mean() > 0.7
    assert labels.covered_share(view.camera, placed, view.tags) > 0.08


def test_landmarks_and_rotations_of_a_shard_are_sound(shard: shards.Arrays) -> None:
    points, r = shard["landmarks"], shard["R"]
    assert ((points > 0) & (points < faces.FACE_PX)).all()
    assert np.abs(r @ r.transpose(0, 2, 1) - np.eye(3)).max() < 1e-5
    assert np.linalg.det(r) == pytest.approx(np.ones(len(r)), abs=1e-5)
    assert 1.5 * np.ptp(points, axis=1).max(1) == pytest.approx(shard["S"], rel=1e-4)
    middle = (points.max(1) + points.min(1)) / 2
    assert np.abs(middle - faces.FACE_PX / 2).max() < 0.01


def test_eye_crops_are_centred_on_their_points(shard: shards.Arrays) -> None:
    middle = shard["eye_landmarks"].mean(2)
    assert np.abs(middle - faces.EYE_PX / 2).max() < 1e-3
    assert shard["eye"].shape[1:] == (2, faces.EYE_PX, faces.EYE_PX)


def test_labels_of_a_shard_stay_in_their_ranges(shard: shards.Arrays) -> None:
    for name, low, high in (("open", 0, 1.3), ("eye_visible", 0, 1), ("covered", 0, 1)):
        assert low <= shard[name].min()
        assert shard[name].max() <= high
    assert np.abs(shard["gaze"]).max() < np.pi
    assert (shard["has_face"] == 1).all()


def test_a_shard_can_be_made_again_bit_for_bit(small_recipe: dict[str, Any]) -> None:
    first, second, other = (faces.make_shard(small_recipe, 9, k) for k in (1, 1, 2))
    assert shards.digest(first) == shards.digest(second)
    assert shards.digest(first) != shards.digest(other)


def test_other_seeds_are_other_people() -> None:
    train = {faces.identity_id(1, s, k) for s in range(200) for k in range(80)}
    test = {faces.identity_id(3, s, k) for s in range(200) for k in range(80)}
    assert len(train) == 200 * 80
    assert not train & test


def test_rendering_resumes_and_a_folder_keeps_to_its_recipe(
    tmp_path: Path, small_recipe: dict[str, Any]
) -> None:
    recipe = {**small_recipe, "scenes_per_shard": 1}
    assert shards.render(recipe, 1, tmp_path, range(2), 1) == 4
    assert shards.render(recipe, 1, tmp_path, range(2), 1) == 0
    assert len(shards.load(tmp_path, ("face",))["face"]) == 4
    with pytest.raises(shards.RecipeError, match="another recipe or seed"):
        shards.render(recipe, 2, tmp_path, range(2), 1)


def test_of_two_renderers_of_one_shard_the_slower_leaves_the_fasters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = ({"kind": "any"}, 1, str(tmp_path), 0)

    def made(recipe: object, seed: int, index: int) -> shards.Arrays:
        return {"face": np.full(3, seed)}

    def overtaken(recipe: object, seed: int, index: int) -> shards.Arrays:
        monkeypatch.setattr(shards, "maker", lambda kind: made)
        shards._make_one(task)
        return {"face": np.full(3, 0)}

    monkeypatch.setattr(shards, "maker", lambda kind: overtaken)
    assert shards._make_one(task) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["shard-00000"], "no part is left"
    assert shards.load(tmp_path)["face"].tolist() == [1, 1, 1]
    (tmp_path / "shard-00001").write_text("in the way")
    with pytest.raises(NotADirectoryError):
        shards._make_one(({"kind": "any"}, 1, str(tmp_path), 1))


def test_a_picture_without_a_person_says_so(small_recipe: dict[str, Any]) -> None:
    data = faces.make_shard({**small_recipe, "no_face_share": 1.0}, 3, 0)
    assert not data["has_face"].any()
    assert not data["eye_visible"].any()
    assert data["face"].std() > 0


def test_what_is_nearer_hides_what_is_behind() -> None:
    scene = Scene()
    for z, size, glow, tag in ((0.0, 20, 0.9, Tag.CABIN), (10.0, 5, 0.2, Tag.PHONE)):
        corners = [(-size, -size, z), (size, -size, z), (size, size, z), (-size, size, z)]
        vertices, triangles = quad(*corners)
        scene.add(vertices, triangles, Material.EMISSIVE, albedo=glow, tag=tag)
    camera = Camera.look_at((0, 0, 60), (0, 0, 0), 40, (40, 40))
    colour, key, tags = native.rasterise(
        scene.buffers(), native.uniforms({}), (40, 40), camera.matrix(), None, None, np.float32(0)
    )
    assert int(tags[20, 20]) == Tag.PHONE
    assert int(tags[6, 6]) == Tag.CABIN
    assert colour[20, 20, 0] == pytest.approx(0.2)
    assert 1 / key[20, 20] == pytest.approx(50, rel=1e-3)


def test_unknown_shader_constants_are_refused() -> None:
    with pytest.raises(KeyError, match="unknown shader constants"):
        native.uniforms({"no_such_thing": 1.0})


def test_a_missing_asset_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DMS_ASSETS", str(tmp_path))
    with pytest.raises(assets.AssetError, match="import_assets"):
        assets.asset_path(assets.ICT_FACE)
