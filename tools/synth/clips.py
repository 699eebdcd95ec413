"""Clips of the driver's upper body, an action a frame, with moves between actions.

The picture covers 1.25 x the body region (width 4.8 S, height 3.6 S, centre S below the face's)
of the first frame, so that training can jitter its crop.  `frame_rect` says which part of it a
real camera's frame would hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.synth import scenery
from tools.synth.actions import (
    ACTIONS,
    PLANNERS,
    Plan,
    Setting,
    make_plan,
    random_torso,
    with_torso,
)
from tools.synth.actor import Acted
from tools.synth.body import F64
from tools.synth.cabin import EYES, CabinBuilder, CabinStyle, add_room, random_cabin
from tools.synth.camera import Camera
from tools.synth.labels import face_square
from tools.synth.light import Light, room_light
from tools.synth.mesh import F32, U8, Scene, Tag
from tools.synth.pose import SIDES, Side
from tools.synth.sensor import Sensor, develop, random_sensor
from tools.synth.stage import Cast, Layer, Raw, draw, enlarged, random_cast
from tools.synth.stills import (
    LIGHTS,
    MOUNT_NAMES,
    OBJECTS,
    PERSON_TAGS,
    SIZE,
    aim_camera,
    light_for,
    outside_level,
    portrait_camera,
    ray_rotation,
    seen_near,
    thing_box,
    visible_action,
)
from tools.synth.timeline import Beat, Instant, Timeline, act, add_things, random_blinks

CROP = (320, 240)
FRAME = (640, 480)  # the camera whose crop the clip is
MARGIN = 1.25
HEAD_TOP, CHIN = np.array([0.0, 6.0, 0.0]), np.array([0.0, -8.0, 0.0])
BODY_WIDTH, BODY_HEIGHT, BODY_DROP = 4.8, 3.6, 1.0  # in face sides
PARTNERS = {  # what likely follows with the same thing in the same hand
    "phone_ear": "phone_hand",
    "phone_hand": "phone_ear",
    "drink_eat": "drink_eat",
    "smoke": "smoke",
}


@dataclass(frozen=True, slots=True)
class Take:
    """Everything of a clip that does not change from frame to frame."""

    cast: Cast
    style: CabinStyle | None
    still: Scene
    camera: Camera
    light: Light
    constants: dict[str, Any]
    sensor: Sensor
    panorama: F32  # what is outside or behind, its mean radiance scaled
    drift: float = 0.0  # degrees/s that it turns by, as a car drives
    dimmed: float = 1.0  # the LED's power in every other frame, as a share of its own


def next_plan(plan: Plan, setting: Setting, rng: np.random.Generator) -> Plan:
    """A plan that can follow: the same thing used otherwise, or any other action."""
    if plan.props and plan.action in PARTNERS and rng.random() < 0.5:
        thing = plan.props[0]
        planner = PLANNERS[PARTNERS[plan.action]]
        return with_torso(planner(thing.side, setting, rng, thing.prop), setting)
    follow = "wheel" if rng.random() < 0.5 else ACTIONS[int(rng.integers(len(ACTIONS)))]
    return make_plan(follow, setting, rng)


def random_beats(
    rng: np.random.Generator, action: str, setting: Setting, seconds: float
) -> list[Beat]:
    """One action all along, or a move into or out of it, or there and back."""
    plan = make_plan(action, setting, rng)
    kind = rng.random()
    if kind < 0.4:
        other = replace(plan, head=_glance(plan, rng))
        return [Beat(0.0, 0.0, plan), Beat(float(rng.uniform(0.3, 2)), 0.5, other)]
    move = float(rng.uniform(0.6, 1.3))
    start = float(rng.uniform(0.15, max(0.2, seconds - move - 0.2)))
    follow = next_plan(plan, setting, rng)
    pair = [plan, follow] if kind < 0.7 else [follow, plan]
    if (
        pair[0].props
        and pair[1].props
        and pair[0] is follow
        and plan.props[0].prop is not follow.props[0].prop
    ):
        pair = [make_plan("wheel", setting, rng), plan]
    return [Beat(0.0, 0.0, pair[0]), Beat(start, move, pair[1])]


def _glance(plan: Plan, rng: np.random.Generator) -> tuple[float, float, float]:
    yaw, pitch, roll = plan.head
    return (
        float(np.clip(yaw + rng.normal(0, 14), -75, 75)),
        float(np.clip(pitch + rng.normal(0, 6), -45, 35)),
        roll,
    )


def body_crop(camera: Camera, points: F64, rng: np.random.Generator) -> tuple[Camera, F64]:
    """The camera that sees the (jittered) body region, and the frame's edges in it, px."""
    centre, side = face_square(points)
    centre = centre + rng.normal(0, 0.06, 2) * side + np.array([0.0, BODY_DROP * side])
    width = BODY_WIDTH * MARGIN * side * float(np.exp(rng.normal(0, 0.05)))
    k = CROP[0] / width
    corner = centre - np.array([width, width * CROP[1] / CROP[0]]) / 2
    moved = tuple((np.array(camera.centre) - corner) * k)
    crop = replace(camera, focal=camera.focal * k, centre=moved, size=CROP)
    edges = np.array([[0.0, 0.0], camera.size]) - corner
    return crop, (edges * k).ravel()


def _lids_open(beats: list[Beat], rng: np.random.Generator) -> list[Beat]:
    """Stills' closed eyes would last a whole clip: keep them in one clip of ten."""
    if rng.random() < 0.1:
        return beats
    return [replace(b, plan=_without_blink(b.plan)) for b in beats]


def _without_blink(plan: Plan) -> Plan:
    face = {k: v for k, v in plan.expression.items() if k != "eyeBlink"}
    return replace(plan, expression=face)


def make_clip(rng: np.random.Generator, recipe: Mapping[str, Any], identity: int) -> dict[str, Any]:
    """One clip: its pictures and labels, arrays over time first."""
    frames, fps = int(recipe["frames"]), float(recipe["fps"])
    seconds = frames / fps
    cast = random_cast(rng)
    in_car = bool(rng.random() >= recipe["portrait_share"])
    name = str(rng.choice(LIGHTS[:4]))
    style = random_cabin(rng, outside_level(rng, name)) if in_car else None
    torso = random_torso(rng, not in_car and bool(rng.random() < 0.5))
    setting = Setting(style, torso)
    actions = ACTIONS if in_car else ("other", "hand_face", "phone_ear", "phone_hand", "drink_eat")
    beats = random_beats(rng, actions[int(rng.integers(len(actions)))], setting, seconds)
    talk = float(rng.uniform(0.1, 0.4)) if rng.random() < 0.3 else 0.0
    lids = random_blinks(rng, seconds)
    timeline = Timeline(_lids_open(beats, rng), rng, lids=lids, talk=talk)
    cast.actor.sit(torso, EYES + rng.normal(0, 1, 3) * np.array([1.5, 3.5, 3.0]))
    wheel = style.wheel if style is not None else None
    start = timeline.at(0.0, cast.actor, wheel)
    take, labels = prepare(rng, cast, style, act(cast.actor, start), name)
    moments = [k / fps for k in range(frames)]
    dim = replace(take.light, led_power=take.light.led_power * take.dimmed)
    takes = take, replace(take, light=dim)
    shots = [
        frame(rng, takes[k % 2], timeline.at(t, cast.actor, wheel), t)
        for k, t in enumerate(moments)
    ]
    out: dict[str, Any] = {k: np.stack([s[k] for s in shots]) for k in shots[0]}
    person = {"identity": np.int64(identity), "tone": np.float32(cast.person.tone)}
    return out | labels | person | {"fps": np.float32(fps)}


def prepare(
    rng: np.random.Generator, cast: Cast, style: CabinStyle | None, acted: Acted, name: str
) -> tuple[Take, dict[str, Any]]:
    """Choose camera, light and sensor; build what stands still."""
    visible = bool(rng.random() < (0.25 if style else 0.7))
    points = acted.face.landmarks()
    still = Scene()
    if style is not None:
        middle = points.mean(0)
        camera, mount, hfov = aim_camera(rng, style, [middle + HEAD_TOP, middle + CHIN], FRAME)
        light, name = light_for(rng, camera.position, visible)
        style = replace(style, outside=outside_level(rng, name))
        CabinBuilder(style).add_static(still)
    else:
        small, hfov = portrait_camera(rng, points.mean(0), SIZE)
        k = FRAME[0] / small.size[0]
        centre = (small.centre[0] * k, small.centre[1] * k)
        camera = replace(small, focal=small.focal * k, centre=centre, size=FRAME)
        mount, name, light = "portrait", "room", room_light(rng, EYES)
        add_room(still, rng)
    crop, edges = body_crop(camera, camera.project(points)[0], rng)
    sensor = random_sensor(rng, 0.5)
    sensor = replace(
        sensor, scale=max(sensor.scale, 0.5), blur=min(sensor.blur, 1.2), motion=(0.0, 0.0),
        exposure=float(np.clip(sensor.exposure, 0.04, 0.6)), gamma=min(sensor.gamma, 0.7),
    )  # fmt: skip
    level = light.background if style is None else style.outside
    panorama = scenery.random_panorama(rng, name in ("night", "dusk")) * np.float32(level)
    drift = float(rng.normal(0, 25)) if style is not None and rng.random() < 0.7 else 0.0
    constants = cast.constants(rng, visible)
    lit = light.led_power > 0 and name in ("day", "sun")  # at night half of the frames were black
    dimmed = float(rng.choice([0.0, 0.4])) if lit and rng.random() < 0.12 else 1.0
    take = Take(cast, style, still, crop, light, constants, sensor, panorama, drift, dimmed)
    labels: dict[str, Any] = {
        "frame_rect": edges.astype(np.float32),
        "mount": np.int8(MOUNT_NAMES.index(mount)),
        "window": np.int8(0 if style is None else style.window),
        "light": np.int8(LIGHTS.index(name)),
        "visible": np.bool_(visible),
        "hfov": np.float32(hfov),
    }
    return take, labels


def film(take: Take, now: Instant, over: int = 1, t: float = 0.0) -> tuple[Raw, Acted]:
    """Draw one instant, `over` times supersampled, `t` seconds into the clip."""
    scene = Scene()
    scene.include(take.still)
    if take.style is not None:
        CabinBuilder(take.style).add_wheel(scene, now.steer_deg)
    acted = act(take.cast.actor, now)
    style = take.style
    belt = (style.window, style.belt) if style is not None and style.belt is not None else None
    take.cast.actor.add_body(scene, acted, belt)
    take.cast.add_head(scene, acted.face)
    add_things(scene, now, acted)
    constants = take.constants | acted.face.constants()
    layer = Layer(scene, constants)
    ground = scenery.view(take.panorama, enlarged(take.camera, over), take.drift * t)
    return draw([layer], take.camera, take.light, ground, over), acted


def frame(rng: np.random.Generator, take: Take, now: Instant, t: float) -> dict[str, Any]:
    """One frame of a clip and its labels."""
    raw, acted = film(take, now, t=t)
    points = take.camera.project(acted.face.landmarks())[0]
    centre, side = face_square(points)
    things = np.isin(raw.tags, (int(Tag.PHONE), int(Tag.OBJECT)))
    held = now.props[0].prop.kind if now.props else "none"
    labels: dict[str, Any] = {
        "image": picture(rng, take, raw),
        "square": np.array([*centre, side], np.float32),
        "landmarks": points.astype(np.float32),
        "rotation": ray_rotation(take.camera, acted, centre),
        "open": acted.face.shape.openness.astype(np.float32),
        "hand_keypoints": _hands(take, acted, raw),
        "object": np.int8(OBJECTS.index(held)),
        "object_px": np.int32(things.sum()),
        "object_box": thing_box(things),
    }
    action = visible_action(now.action, now.plan, labels, take.camera.size)
    return labels | {"action": np.int8(action)}


def picture(rng: np.random.Generator, take: Take, raw: Raw) -> U8:
    """Develop one frame; the exposure follows the person."""
    return develop(raw.colour, np.isin(raw.tags, PERSON_TAGS), take.sensor, rng)


def _hands(take: Take, acted: Acted, raw: Raw) -> NDArray[np.float32]:
    out = np.zeros((2, 21, 3), np.float32)
    keypoints = take.cast.actor.keypoints(acted)
    order: tuple[Side, ...] = tuple(reversed(SIDES))
    for k, side in enumerate(order):
        own = Tag.HAND_R if side == "R" else Tag.HAND_L
        pixel, distance = take.camera.project(keypoints[side])
        out[k, :, :2] = pixel
        out[k, :, 2] = seen_near(take.camera, keypoints[side], raw, own) & (distance > 5)
    return out


def make_shard(recipe: Mapping[str, Any], seed: int, index: int) -> dict[str, NDArray[Any]]:
    """Some clips, stacked: [clip, time, ...]."""
    count = int(recipe["clips_per_shard"])
    clips = []
    for k in range(count):
        rng = np.random.default_rng([seed, index, k, 7])
        clips.append(make_clip(rng, recipe, (seed * 100_000 + index) * 100 + k))
    return {name: np.stack([c[name] for c in clips]) for name in clips[0]}
