"""Bodies, hands, actions, clips and the demonstration drive of tools/synth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tools.synth import assets

pytestmark = pytest.mark.skipif(
    not (assets.asset_dir() / assets.MAKEHUMAN_BODY).is_file()
    or not (assets.asset_dir() / assets.ICT_FACE).is_file(),
    reason="the renderer's asset files are not there (../shared/assets or DMS_ASSETS)",
)

RECIPE_STILLS = {
    "sizes": [[384, 288], [416, 260]],
    "people_per_shard": 1, "stills_per_person": 4, "empty_share": 0.0, "portrait_share": 0.25,
    "passenger_share": 0.5,
}  # fmt: skip
RECIPE_CLIPS = {"clips_per_shard": 1, "fps": 15, "frames": 5, "portrait_share": 0.0}
RNG_SEED = 20


def _driver(seed: int = RNG_SEED):
    from tools.synth.actor import Actor, random_garment, random_shape
    from tools.synth.head import model

    rng = np.random.default_rng(seed)
    identity = model().identity(rng.normal(size=100) * 0.8)
    return Actor(identity, random_shape(rng), random_garment(rng))


def _setting(seed: int = RNG_SEED):
    from tools.synth.actions import Setting, random_torso
    from tools.synth.cabin import random_cabin

    rng = np.random.default_rng(seed)
    return Setting(random_cabin(rng, 0.2), random_torso(rng, False))


def _act(action: str, seed: int):
    from tools.synth.actions import make_plan
    from tools.synth.actor import perform

    actor, setting = _driver(seed), _setting(seed)
    actor.sit(setting.torso)
    plan = make_plan(action, setting, np.random.default_rng(seed))
    assert setting.cabin is not None
    return plan, perform(actor, plan, setting.cabin.wheel), actor, setting


def test_a_hand_goes_where_it_is_told_to_when_the_arm_is_long_enough() -> None:
    from tools.synth.body import rot_x
    from tools.synth.pose import Arm, HandGoal, elbow_position, hand_frame

    actor = _driver()
    arm: Arm = actor.poser.arms["R"]
    shoulder = np.array([-17.0, 50.0, 2.0])
    rng = np.random.default_rng(1)
    for _ in range(50):
        way = rot_x(float(rng.uniform(-60, 60))) @ np.array([rng.uniform(-0.5, 0.8), 0.0, 1.0])
        target = shoulder + way / np.linalg.norm(way) * rng.uniform(0.4, 0.95) * arm.length
        goal = HandGoal(
            target, hand_frame((0, 0, 1), (0, -1, 0)), np.array([-1.0, -1, 0]), (0, 0, 0, 0, 0)
        )
        elbow, wrist = elbow_position(shoulder, arm, goal)
        assert np.allclose(wrist, target, atol=1e-6)
        assert np.isclose(np.linalg.norm(elbow - shoulder), np.linalg.norm(arm.upper))
        assert np.isclose(np.linalg.norm(wrist - elbow), np.linalg.norm(arm.lower))


def test_the_posed_wrist_is_where_the_arm_said_it_would_be() -> None:
    for seed in range(6):
        _, acted, actor, _ = _act("hand_face", seed)
        for side, wrist in acted.wrists.items():
            posed = acted.body.frames.pos[actor.poser.model.index[f"wrist.{side}"]]
            assert np.linalg.norm(posed - wrist) < 1e-4


def test_knuckles_of_a_driving_hand_are_at_the_rim_of_the_wheel() -> None:
    from tools.synth.grips import on_wheel, resolve
    from tools.synth.pose import SIDES, Torso

    setting, actor = _setting(), _driver()
    assert setting.cabin is not None
    wheel = setting.cabin.wheel
    from tools.synth.actor import Pose

    pose = Pose(Torso(), (0.0, 0.0, 0.0), (0.0, 0.0), {})
    places = actor.places(pose, wheel)
    rng = np.random.default_rng(0)
    hands = {s: resolve(on_wheel(s, 60.0, wheel, rng), places) for s in SIDES}
    acted = actor.act(pose, hands)
    for points in actor.keypoints(acted).values():
        local = (points[4:16:3] - wheel.centre) @ wheel.rot  # the four knuckles
        radius = np.hypot(local[:, 0], local[:, 1])
        assert np.all(np.abs(radius - wheel.radius) < 6.5)
        assert np.all(np.abs(local[:, 2]) < 9.0)


def test_a_telephone_call_is_a_phone_beside_the_ear_of_its_hand() -> None:
    from tools.synth.grips import ICT_EYES

    for seed in range(8):
        plan, acted, _, _ = _act("phone_ear", seed)
        thing = plan.props[0]
        at = thing.place(acted.wrists[thing.side], acted.frames[thing.side])[1]
        local = (at - acted.face.eye_mid) @ acted.face.rotation + ICT_EYES
        ear_x = 8.0 if thing.side == "L" else -8.0
        assert np.linalg.norm(local - np.array([ear_x, -3.0, 4.0])) < 7.0


def test_a_cup_at_the_mouth_touches_the_lips_whatever_the_head_does() -> None:
    from tools.synth.grips import ICT_EYES, MOUTH

    seen = 0
    for seed in range(30):
        plan, acted, _, _ = _act("drink_eat", seed)
        if "at the mouth" not in plan.variant:
            continue
        thing = plan.props[0]
        rot, pos = thing.place(acted.wrists[thing.side], acted.frames[thing.side])
        rim = pos + rot @ np.array([0.0, thing.prop.top, 0.0])
        local = (rim - acted.face.eye_mid) @ acted.face.rotation + ICT_EYES
        seen += 1
        assert np.linalg.norm(local - MOUTH) < 3.0
    assert seen >= 10


def test_every_action_can_be_planned_with_either_hand_in_and_out_of_a_car() -> None:
    from tools.synth.actions import ACTIONS, PLANNERS, Setting
    from tools.synth.pose import SIDES

    inside = _setting()
    for action in ACTIONS:
        for side in SIDES:
            for seed in range(5):
                plan = PLANNERS[action](side, inside, np.random.default_rng(seed))
                assert plan.action == action
                assert set(plan.hands) == set(SIDES)
                outside = PLANNERS[action](
                    side, Setting(None, inside.torso), np.random.default_rng(seed)
                )
                assert "wheel" not in {h.where for h in outside.hands.values()}


def test_hands_that_meet_face_each_other_at_one_place() -> None:
    from tools.synth.actions import PLANNERS
    from tools.synth.touches import PALM_CM

    seen = 0
    for seed in range(200):
        plan = PLANNERS["other"]("L", _setting(), np.random.default_rng(seed))
        if plan.variant == "together":
            seen += 1
            left, right = (plan.hands[side] for side in ("L", "R"))
            palms = [h.wrist + h.hand @ np.array([PALM_CM, 0, 0]) for h in (left, right)]
            assert np.linalg.norm(palms[0] - palms[1]) < 6.0  # the thickness of two fists
            assert left.hand[:, 1] @ right.hand[:, 1] < 0
    assert seen >= 10


def test_a_cut_hem_keeps_one_side_and_lies_on_the_line() -> None:
    from tools.synth.clothes import cut
    from tools.synth.mesh import grid

    x, y = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 9), indexing="ij")
    v = np.stack([x, y, 0 * x], -1).reshape(-1, 3).astype(np.float32)
    mesh = cut(grid(7, 9), (v[:, 0] + 0.1).astype(float))
    kept = mesh.take(v)
    assert kept[:, 0].min() == pytest.approx(-0.1, abs=1e-6)
    assert kept[:, 0].max() == pytest.approx(1.0)
    tri = kept[mesh.triangles]
    area = np.cross(tri[:, 1] - tri[:, 0], tri[:, 2] - tri[:, 0])[:, 2]
    assert abs(area.sum()) / 2 == pytest.approx(1.1 * 2.0, rel=1e-5)


def test_a_sleeping_driver_s_head_hangs_before_the_chest_and_the_hands_stay() -> None:
    from tools.synth.actions import bowed
    from tools.synth.actor import perform

    plan, awake, actor, setting = _act("wheel", 4)
    assert setting.cabin is not None
    for seed in range(8):
        asleep = bowed(plan, np.random.default_rng(seed))
        assert asleep.hands == plan.hands
        assert -80 <= asleep.head[1] <= -40
        assert asleep.expression["eyeBlink"] >= 0.3
        acted = perform(actor, asleep, setting.cabin.wheel)
        assert acted.face.landmarks()[:, 1].mean() < awake.face.landmarks()[:, 1].mean() - 4
        assert acted.face.landmarks()[:, 2].mean() > awake.face.landmarks()[:, 2].mean()


def test_labels_of_stills_lie_where_the_face_is() -> None:
    from tools.synth.stills import make_shard

    data = make_shard(RECIPE_STILLS, 5, 0)
    assert data["image"].shape == (4, 288, 384)
    for k in range(4):
        assert data["driver"][k] == 0
        x, y, side, seen = data["faces"][k, 0]
        points = data["landmarks"][k]
        assert 0 <= x <= 384
        assert -20 <= y <= 308
        assert side == pytest.approx(1.5 * (points.max(0) - points.min(0)).max(), rel=1e-5)
        assert 0 <= seen <= 1
        r = data["rotation"][k]
        assert np.allclose(r @ r.T, np.eye(3), atol=1e-5)
        assert -1 <= data["action"][k] < 8


def test_stills_say_where_headrests_are() -> None:
    from tools.synth.stills import make_shard

    data = make_shard(RECIPE_STILLS | {"empty_share": 1.0, "stills_per_person": 12}, 5, 0)
    rests, size = data["headrests"], np.array(data["image"].shape[:0:-1])
    shown = rests[rests[..., 2] > 0]
    assert len(shown) >= 4
    assert ((shown[:, :2] > 0) & (shown[:, :2] < size)).all()
    assert ((shown[:, 2] > 4) & (shown[:, 2] < size[0])).all()


def test_stills_and_clips_are_the_same_bit_for_bit_when_made_again() -> None:
    from tools.synth import clips, shards, stills

    first, second = (stills.make_shard(RECIPE_STILLS, 6, 1) for _ in range(2))
    assert shards.digest(first) == shards.digest(second)
    first, second = (clips.make_shard(RECIPE_CLIPS, 6, 1) for _ in range(2))
    assert shards.digest(first) == shards.digest(second)


def test_an_action_has_a_label_only_where_the_picture_shows_it() -> None:
    from tools.synth.actions import ACTIONS, make_plan
    from tools.synth.stills import visible_action

    setting = _setting()
    plans = {a: make_plan(a, setting, np.random.default_rng(3)) for a in ACTIONS}
    hands = np.zeros((2, 21, 3), np.float32)
    hands[0, :, :2], hands[1, :, :2] = (100, 60), (-40, 400)
    shown = {"hand_keypoints": hands, "landmarks": np.full((68, 2), 90.0), "object_px": 500}

    def label(action: str, **other: object) -> int:
        return visible_action(action, plans[action], shown | other, (320, 240))

    assert label("hand_face") == -1, "the hand at the face is behind something"
    seen = hands.copy()
    seen[0, :6, 2] = 1
    assert label("hand_face", hand_keypoints=seen) == ACTIONS.index("hand_face")
    far = hands.copy()
    far[1, :, 2] = 1
    assert label("hand_face", hand_keypoints=far) == -1, "another hand tells nothing of it"
    assert label("wheel") == ACTIONS.index("wheel")
    assert label("wheel", hand_keypoints=hands - 500) == -1, "no hand in the picture"
    reaching = next(iter(plans["reach"].hands))
    either = (hands, hands[::-1]) if reaching == "R" else (hands[::-1], hands)
    assert label("reach", hand_keypoints=either[0]) == ACTIONS.index("reach")
    assert label("reach", hand_keypoints=either[1]) == -1, "the other hand tells nothing of it"
    assert label("phone_hand") == ACTIONS.index("phone_hand")
    assert label("phone_hand", object_px=39) == label("smoke", object_px=9) == -1


def test_no_joint_jumps_while_somebody_moves_from_one_action_to_another() -> None:
    from tools.synth.actions import make_plan
    from tools.synth.actor import Actor
    from tools.synth.timeline import Beat, Timeline, act

    rng = np.random.default_rng(3)
    setting, actor = _setting(), _driver()
    assert setting.cabin is not None
    assert isinstance(actor, Actor)
    actor.sit(setting.torso)
    wheel = setting.cabin.wheel
    names = ("wheel", "phone_ear", "drink_eat", "hand_face")
    plans = [replace(make_plan(n, setting, rng), torso=setting.torso) for n in names]
    beats = [Beat(1.6 * k, 1.2 if k else 0.0, p) for k, p in enumerate(plans)]
    timeline = Timeline(beats, rng)
    before = None
    for k in range(6 * 60):
        acted = act(actor, timeline.at(k / 60, actor, wheel))
        joints = np.concatenate(list(actor.keypoints(acted).values()))
        if before is not None:
            assert np.abs(joints - before).max() < 12.0  # cm in 1/60 s; a fast hand does 7 m/s
        before = joints


def test_on_the_way_between_two_actions_neither_shows() -> None:
    from tools.synth.actions import make_plan
    from tools.synth.timeline import action_at

    rng, setting = np.random.default_rng(3), _setting()
    wheel, chin, phone = (make_plan(n, setting, rng) for n in ("wheel", "hand_face", "phone_ear"))
    while chin.props:  # a bare hand goes straight there
        chin = make_plan("hand_face", setting, rng)

    def told(a: Any, b: Any) -> list[str | None]:
        return [action_at(a, b, share) for share in (0.1, 0.25, 0.5, 0.75, 0.9)]

    assert told(wheel, chin) == ["wheel", "wheel", None, "hand_face", "hand_face"]
    assert told(wheel, phone) == ["wheel", None, None, None, "phone_ear"], "it is fetched first"
    assert told(phone, wheel) == ["phone_ear", None, None, None, "wheel"], "it is put away first"
    assert told(phone, phone) == ["phone_ear"] * 5


def test_beats_that_overlap_are_refused() -> None:
    from tools.synth.actions import make_plan
    from tools.synth.timeline import Beat, Timeline

    plan = make_plan("wheel", _setting(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="begins while"):
        Timeline([Beat(0, 1.0, plan), Beat(0.5, 0.2, plan)], np.random.default_rng(0))


def test_lids_close_fully_for_as_long_as_the_story_says() -> None:
    from tools.synth.timeline import Lids

    lids = Lids(1.0, close=0.2, hold=1.6, open=0.3)
    assert lids.at(0.99) == 0
    assert lids.at(1.21) == pytest.approx(1.0)
    assert lids.at(2.79) == pytest.approx(1.0)
    assert lids.at(3.2) == 0


def test_the_drive_tells_the_story_that_its_labels_tell() -> None:
    from tools.synth import story

    wheel = _setting().cabin.wheel
    timeline = story.timeline(wheel, np.random.default_rng(0))
    actor = _driver()
    actor.sit(story.TORSO)
    spans = {c.condition for c in story.CHAPTERS}
    assert spans == {"attentive", "distracted", "on_phone", "drowsy", "microsleep", "asleep"}
    shut = {t: timeline.at(t, actor, wheel).pose.expression["eyeBlink"] for t in (47.5, 53.0, 8.5)}
    assert shut[47.5] == pytest.approx(1)
    assert shut[53.0] == pytest.approx(1)
    assert shut[8.5] < 0.1
    assert timeline.at(26.0, actor, wheel).action == "phone_hand"
    assert timeline.at(36.0, actor, wheel).action == "phone_ear"
    assert timeline.at(18.0, actor, wheel).pose.head[0] < -25
    assert story.speed_mps(1.0) == 0
    assert min(story.speed_mps(t) for t in np.arange(8, 59, 0.5)) >= 15


def test_the_drives_can_log_speaks_the_vehicles_message(tmp_path) -> None:
    from dms.canlog import read_log
    from tools.synth import story

    story.write_can(tmp_path / "can.log")
    log = list(read_log(tmp_path / "can.log"))
    assert len(log) == round(story.LENGTH_S / 0.02)
    assert {frame.can_id for frame in log} == {0x120}


def test_smoothing_moves_each_point_towards_the_mean_of_its_neighbours() -> None:
    from tools.synth import native

    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3)).astype(np.float32)
    table = rng.integers(0, 30, (30, 5)).astype(np.int32)
    count = rng.integers(1, 6, 30).astype(np.int32)
    free = rng.random(30).astype(np.float32)
    expected = points.astype(float)
    for step in (0.6, -0.59) * 2:
        mean = np.array([expected[table[i, : count[i]]].mean(0) for i in range(30)])
        expected = expected + step * free[:, None] * (mean - expected)
    done = native.smooth(points, table, count, free, 2, (0.6, -0.59))
    assert done == pytest.approx(expected, abs=1e-5)


def test_prints_badges_and_jackets_show_on_the_clothes_alone() -> None:
    from tools.synth import clothes
    from tools.synth.actor import Actor, perform, random_shape
    from tools.synth.camera import Camera
    from tools.synth.head import model
    from tools.synth.light import Light
    from tools.synth.mesh import Scene, Tag
    from tools.synth.stage import Layer, draw

    plan, _, _, setting = _act("wheel", RNG_SEED)
    plain = clothes.Garment(0.1, 0.0, 0.0, 1.9, 1.4, 8)
    camera = Camera.look_at(np.array([0, 60, 120.0]), np.array([0, 50, 0.0]), 60, (160, 120))
    light = Light(np.array([0, 70, 120.0]), 1.0, np.array([0, 1.0, 0]), 0.0, np.zeros(9))
    fronts = {
        "none": {}, "print": {"print": (3, 22, 10, 10, 0.8, 1, 0.5, 0)},
        "opening": {"opening": (8, 45, 0.8)}, "badge": {"badge": (1, 25, 4, 5, 0, 0.9, 0.5)},
    }  # fmt: skip
    seen = {}
    for name, front in fronts.items():
        rng = np.random.default_rng(RNG_SEED)
        worn = replace(plain, front=front)
        person = Actor(model().identity(np.zeros(100)), random_shape(rng), worn)
        person.sit(setting.torso)
        scene = Scene()
        person.add_body(scene, perform(person, plan, setting.cabin.wheel), None)
        layer = Layer(scene, person.dressed.constants)
        seen[name] = draw([layer], camera, light, np.zeros((120, 160), np.float32), 1)
    cloth = seen["none"].tags == int(Tag.CLOTH)
    for name in ("print", "opening", "badge"):
        change = seen[name].colour[..., 0] - seen["none"].colour[..., 0]
        assert np.array_equal(seen[name].tags, seen["none"].tags)
        assert not change[~cloth].any(), name
        assert 20 < (change > 0.01).sum() < 0.7 * cloth.sum(), name


def test_people_wear_every_kind_of_front_and_some_none() -> None:
    from tools.synth.actor import random_garment

    worn = [random_garment(np.random.default_rng(k)) for k in range(200)]
    assert {bool(g.front) for g in worn} == {True, False}
    assert {k for g in worn for k in g.front} == {"print", "opening", "badge"}
    assert {g.watch is None for g in worn} == {True, False}
    assert {g.pattern for g in worn} == {0.0, 1.0, 2.0, 3.0}
