"""Cabin stills: whole frames of drivers, passengers, empty cars and people who are in no car.

A still's labels are arrays of fixed shapes, so that a shard is one array a label (see FIELDS).
Pairs are (subject's right, subject's left).  Pixels are continuous: pixel (i, j) covers [i, i+1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.synth import scenery
from tools.synth.actions import ACTIONS, Plan, Setting, bowed, make_plan, random_torso
from tools.synth.actor import Acted, add_props, perform
from tools.synth.body import F64
from tools.synth.cabin import (
    EYES,
    MOUNTS,
    PASSENGER_X,
    CabinBuilder,
    CabinStyle,
    add_room,
    camera_mount,
    random_cabin,
    with_rear,
)
from tools.synth.camera import Camera, unit
from tools.synth.labels import face_square, landmark_visibility, seen
from tools.synth.light import Light, cabin_light, patchwork, room_light
from tools.synth.mesh import F32, U8, Scene, Tag
from tools.synth.pose import SIDES, Side, Torso
from tools.synth.sensor import develop, random_sensor
from tools.synth.stage import Cast, Layer, Raw, draw, random_cast

Size = tuple[int, int]
SIZE: Size = (384, 288)
MAX_FACES = 4
MAX_HEADRESTS = 5
LIGHTS = ("night", "dusk", "day", "sun", "room")
MOUNT_NAMES = (*MOUNTS, "portrait")
OBJECTS = (
    "none", "phone", "cup", "mug", "bottle", "can", "sandwich", "apple", "bar", "cigarette", "vape",
    "paper", "brush",
)  # fmt: skip
NEEDS_PROP = {"phone_ear": 40, "phone_hand": 40, "drink_eat": 40, "smoke": 10}
"""Actions told by a held thing, and how many of its pixels must show (of SIZE or alike; a phone in
full view covers some 700, a cigarette 30): with fewer nobody could name the action."""
BOWED_SHARE = 0.2
BOWED_HANDS = ("wheel", "reach", "hand_face", "other")
"""Of drivers whose hands do one of these, the share who sleep with a bowed head."""
HAND_SHOWN = 0.25
"""Share of a hand's points that must show for the picture to show what it does."""
FACE_TAGS = tuple(int(t) for t in (Tag.FACE, Tag.EYE_R, Tag.EYE_L))
PERSON_TAGS = tuple(int(t) for t in (Tag.FACE, Tag.EYE_R, Tag.EYE_L, Tag.BODY, Tag.CLOTH))
Labels = dict[str, Any]
FIELDS = {
    "faces": "(4,4) f4: centre x, y, side S [px] of each face square, share of its points seen",
    "driver": "i1: index into faces, -1 none",
    "headrests": "(5,3) f4: centre x, y, width [px] of headrests, covered or not, zeros if none",
    "landmarks": "(68,2) f4 px of the driver",
    "rotation": "(3,3) f4: columns are the driver's head axes relative to the ray to the face",
    "action": "i1: index into actions.ACTIONS, -1 not to be seen",
    "hand_keypoints": "(2,21,3) f4: x, y [px], seen 0/1",
    "hand_boxes": "(2,4) f4: x0, y0, x1, y1 px of the key points",
    "object": "i1: index into OBJECTS; object_px i4: pixels of held things that show",
    "mount": "i1: index into MOUNT_NAMES; window i1: +1 left-hand drive; light i1: LIGHTS",
    "object_box": "(4) f4: x0, y0, x1, y1 px of held things that show, zeros if none does",
    "visible": "bool: visible-light-like; hfov f4 deg, without the lens's distortion",
    "identity": "i8; tone f4 of the driver's skin",
}


@dataclass(frozen=True, slots=True)
class Still:
    """A picture and its labels."""

    image: U8
    labels: Labels


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody else in the car."""

    cast: Cast
    acted: Acted
    plan: Plan


@dataclass(frozen=True, slots=True)
class Shot:
    """Camera, light and what they are called."""

    camera: Camera
    light: Light
    light_name: str
    mount: str
    hfov: float
    visible: bool


def empty_labels(shot: Shot, window: float) -> Labels:
    """The labels of a picture without anybody."""
    return {
        "faces": np.zeros((MAX_FACES, 4), np.float32),
        "driver": np.int8(-1),
        "headrests": np.zeros((MAX_HEADRESTS, 3), np.float32),
        "landmarks": np.zeros((68, 2), np.float32),
        "rotation": np.eye(3, dtype=np.float32),
        "action": np.int8(-1),
        "hand_keypoints": np.zeros((2, 21, 3), np.float32),
        "hand_boxes": np.zeros((2, 4), np.float32),
        "object": np.int8(0),
        "object_px": np.int32(0),
        "object_box": np.zeros(4, np.float32),
        "mount": np.int8(MOUNT_NAMES.index(shot.mount)),
        "window": np.int8(window),
        "light": np.int8(LIGHTS.index(shot.light_name)),
        "visible": np.bool_(shot.visible),
        "hfov": np.float32(shot.hfov),
        "identity": np.int64(-1),
        "tone": np.float32(-1),
    }


def light_for(rng: np.random.Generator, camera_at: F64, visible: bool) -> tuple[Light, str]:
    """A car's light; visible-light-like pictures have no LED."""
    name = str(rng.choice(LIGHTS[:4], p=[0.3, 0.2, 0.3, 0.2]))
    if visible:
        name = "day" if name in ("night", "dusk") else name
    light = cabin_light(rng, name, camera_at, EYES)
    if visible:
        light = replace(light, led_power=0.0)
    return light, name


def outside_level(rng: np.random.Generator, name: str) -> float:
    """Radiance of the windows for a light's name."""
    low, high = {"night": (0.0, 0.03), "dusk": (0.02, 0.12), "day": (0.1, 0.7), "sun": (0.2, 1.2)}[
        name
    ]
    return float(rng.uniform(low, high))


def aim_camera(
    rng: np.random.Generator, style: CabinStyle, wanted: list[F64], size: Size
) -> tuple[Camera, str, float]:
    """A mounted pinhole that has the wanted points in its picture (or the best of 8 tries)."""
    best: tuple[float, Camera, str, float] | None = None
    for _ in range(8):
        mount = MOUNTS[int(rng.integers(len(MOUNTS)))]
        at, aim, fov = camera_mount(mount, style.window, rng)
        hfov = float(rng.uniform(*fov))
        camera = Camera.look_at(at, aim, hfov, size, roll_deg=float(rng.normal(0, 2.5)))
        pixel, distance = camera.project(np.array(wanted))
        out = np.maximum(-pixel + 8, 0) + np.maximum(pixel - np.array(size) + 8, 0)
        miss = float(out.sum() + 1e3 * (distance < 5).sum())
        if best is None or miss < best[0]:
            best = (miss, camera, mount, hfov)
        if miss == 0:
            break
    assert best is not None
    return best[1:]


def with_lens(rng: np.random.Generator, camera: Camera, hfov: float) -> Camera:
    """Three cameras of five bend straight lines, wide ones more."""
    barrel = -float(rng.uniform(0.02, 0.3)) * hfov / 90 if rng.random() < 0.6 else 0.0
    return replace(camera, barrel=barrel)


def ray_rotation(camera: Camera, acted: Acted, centre: F64) -> F32:
    """The head's axes relative to the ray through `centre` [px], the middle of the face square."""
    return np.asarray(camera.ray_frame(centre) @ acted.face.rotation, np.float32)


def face_row(camera: Camera, acted: Acted, raw: Raw) -> tuple[F32, F64]:
    """One row of `faces` and the 68 points in px."""
    points, distance = camera.project(acted.face.landmarks())
    centre, side = face_square(points)
    shown = landmark_visibility(camera, acted.face, raw.key, raw.tags)
    share = float(shown.mean()) if (distance > 5).all() else 0.0
    return np.array([*centre, side, share], np.float32), points


def headrest_labels(camera: Camera, builder: CabinBuilder, labels: Labels) -> None:
    """Where the car's headrests are in the picture."""
    for k, (*at, wide) in enumerate(builder.headrests):
        pixel, distance = camera.project(np.array([at]))
        if distance[0] > 5 and (pixel[0] > 0).all() and (pixel[0] < camera.size).all():
            labels["headrests"][k] = (*pixel[0], wide * camera.focal / distance[0])


def hand_labels(camera: Camera, keypoints: dict[Side, F64], raw: Raw, labels: Labels) -> None:
    """Fill in both hands."""
    for k, side in enumerate(reversed(SIDES)):
        points = keypoints[side]
        pixel, distance = camera.project(points)
        shown = seen_near(camera, points, raw, Tag.HAND_R if side == "R" else Tag.HAND_L)
        labels["hand_keypoints"][k, :, :2] = pixel
        labels["hand_keypoints"][k, :, 2] = shown & (distance > 5)
        labels["hand_boxes"][k] = (*pixel.min(0), *pixel.max(0))


def seen_near(camera: Camera, points: F64, raw: Raw, own: Tag) -> NDArray[np.bool_]:
    """Which joints show: nothing but the hand itself is more than 2 cm before them."""
    toward = points + 1.7 * np.array([unit(camera.position - p) for p in points])
    return np.asarray(seen(camera, toward, raw.key, raw.tags, own))


def driver_labels(
    labels: Labels, shot: Shot, acted: Acted, plan: Plan, cast: Cast, raw: Raw, row: int
) -> None:
    """Everything about the driver."""
    labels["driver"] = np.int8(row)
    labels["landmarks"] = shot.camera.project(acted.face.landmarks())[0].astype(np.float32)
    labels["rotation"] = ray_rotation(shot.camera, acted, labels["faces"][row, :2])
    hand_labels(shot.camera, cast.actor.keypoints(acted), raw, labels)
    held = plan.props[0].prop.kind if plan.props else "none"
    things = own_things(shot.camera, raw, acted, plan, labels["faces"][row, 2])
    labels["object_box"] = thing_box(things)
    labels["tone"] = np.float32(cast.person.tone)
    labels["object"] = np.int8(OBJECTS.index(held))
    labels["object_px"] = np.int32(things.sum())
    labels["action"] = np.int8(visible_action(plan.action, plan, labels, shot.camera.size))


def own_things(
    camera: Camera, raw: Raw, acted: Acted, plan: Plan, side: float
) -> NDArray[np.bool_]:
    """Where what the driver holds shows; a passenger's things are farther than a face off."""
    things = np.isin(raw.tags, (int(Tag.PHONE), int(Tag.OBJECT)))
    if not plan.props:
        return np.zeros_like(things)
    u, v = camera.project(thing_at(acted, plan)[None])[0][0]
    x, y = np.arange(things.shape[1]), np.arange(things.shape[0])[:, None]
    return np.asarray(things & (np.hypot(x - u, y - v) < max(side, 40.0)))


def thing_box(things: NDArray[np.bool_]) -> F32:
    """x0, y0, x1, y1 [px] of the pixels that show held things; zeros if none does."""
    y, x = np.nonzero(things)
    if len(x) == 0:
        return np.zeros(4, np.float32)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32)


def doing(action: str, plan: Plan) -> tuple[Side, ...]:
    """The hands that do an action, or both where the plan (perhaps the next one) does not say."""
    if action == plan.action == "wheel":
        return tuple(s for s in SIDES if plan.hands[s].where == "wheel")
    if action == plan.action == "reach":
        return (next(iter(plan.hands)),)
    return SIDES


def visible_action(action: str | None, plan: Plan, labels: Labels, size: Size) -> int:
    """The action's index, or -1 if there is none or the picture does not show enough of it: what is
    held, a hand that does it inside the picture, or the hand that is nearest to the face."""
    if action is None or labels["object_px"] < NEEDS_PROP.get(action, 0):
        return -1
    hands = labels["hand_keypoints"]
    wrists = hands[[SIDES[::-1].index(s) for s in doing(action, plan)], 0, :2]
    inside = ((wrists > 0) & (wrists < np.array(size))).all(1)
    if action in ("wheel", "other", "reach") and not inside.any():
        return -1
    if action == "hand_face":
        away = hands[:, :, :2].mean(1) - labels["landmarks"].mean(0)
        near = hands[np.hypot(*away.T).argmin()]
        if near[:, 2].mean() < HAND_SHOWN:
            return -1
    return ACTIONS.index(action)


def seat_guest(rng: np.random.Generator, cast: Cast, style: CabinStyle) -> Guest:
    """A passenger in front or behind, sometimes with a phone that is not the driver's."""
    torso = random_torso(rng, False)
    front = style.rear == "wall" or rng.random() < 0.75
    at = EYES + np.array([-style.window * PASSENGER_X, rng.normal(0, 3), rng.normal(-3, 3)])
    if not front:
        at = EYES + np.array([-style.window * rng.choice([8.0, 66.0]), -3.0, -86.0])
    action = str(rng.choice(["other", "phone_hand", "hand_face"], p=[0.65, 0.25, 0.1]))
    plan = make_plan(action, Setting(None, torso), rng)
    cast.actor.sit(torso, at)
    return Guest(cast, perform(cast.actor, plan, None), plan)


def guest_layer(rng: np.random.Generator, guest: Guest, style: CabinStyle, visible: bool) -> Layer:
    """The passenger's own layer (their face has its own shader constants)."""
    scene = Scene()
    front = abs(float(guest.acted.face.eye_mid[0])) > 0.6 * PASSENGER_X
    belt = (-style.window, style.belt) if style.belt is not None and front else None
    guest.cast.actor.add_body(scene, guest.acted, belt, other=True)
    guest.cast.add_head(scene, guest.acted.face)
    add_props(scene, guest.plan, guest.acted, other=True)
    constants = guest.cast.constants(rng, visible) | guest.acted.face.constants()
    return Layer(scene, constants)


def car_still(
    rng: np.random.Generator,
    cast: Cast | None,
    guest_cast: Cast | None,
    action: str,
    identity: int,
    size: Size,
) -> Still:
    """One picture of a car's cabin; no driver if `cast` is None."""
    visible = bool(rng.random() < 0.25)
    light_name = str(rng.choice(LIGHTS[:4]))
    style = random_cabin(rng, outside_level(rng, light_name))
    torso = random_torso(rng, False)
    plan = make_plan(action, Setting(style, torso), rng)
    own = rng.spawn(1)[0]
    if plan.action in BOWED_HANDS and own.random() < BOWED_SHARE:
        plan = bowed(plan, own)
    style = with_rear(style, own)
    wanted = [EYES + np.array([0.0, y, 4.0]) for y in (6.0, -9.0)]
    acted = None
    if cast is not None:
        cast.actor.sit(torso, EYES + rng.normal(0, 1, 3) * np.array([1.5, 3.5, 3.0]))
        acted = perform(cast.actor, plan, style.wheel)
        middle = acted.face.landmarks().mean(0)
        wanted = [middle + np.array([0, 7.0, 0]), middle - np.array([0, 8.0, 0])]
        wanted += [thing_at(acted, plan)] if plan.action in NEEDS_PROP else []
    camera, mount, hfov = aim_camera(rng, style, wanted, size)
    camera = with_lens(rng, camera, hfov)
    light, light_name = light_for(rng, camera.position, visible)
    style = replace(style, outside=outside_level(rng, light_name))
    shot = Shot(camera, light, light_name, mount, hfov, visible)
    guest = seat_guest(rng, guest_cast, style) if guest_cast is not None else None
    builder = CabinBuilder(style)
    layers = car_layers(rng, cast, acted, plan, builder, guest, visible)
    raw = draw(layers, camera, light, outside(rng, camera, light_name, style.outside), 1)
    labels = empty_labels(shot, style.window)
    headrest_labels(camera, builder, labels)
    row = 0
    if cast is not None and acted is not None:
        labels["faces"][0] = face_row(camera, acted, raw)[0]
        driver_labels(labels, shot, acted, plan, cast, raw, 0)
        labels["identity"] = np.int64(identity)
        row = 1
    if guest is not None:
        face = face_row(camera, guest.acted, raw)[0]
        if face_shows(face, camera.size):
            labels["faces"][row] = face
    return Still(expose(rng, raw, labels), labels)


def face_shows(row: F32, size: Size) -> bool:
    """Whether a face row's centre is in the picture and some of it is seen."""
    return bool(0 < row[0] < size[0] and 0 < row[1] < size[1] and row[3] > 0.15)


def thing_at(acted: Acted, plan: Plan) -> F64:
    """Where the held thing is."""
    thing = plan.props[0]
    return thing.place(acted.wrists[thing.side], acted.frames[thing.side])[1]


def car_layers(
    rng: np.random.Generator,
    cast: Cast | None,
    acted: Acted | None,
    plan: Plan,
    builder: CabinBuilder,
    guest: Guest | None,
    visible: bool,
) -> list[Layer]:
    """The car with its driver, then the passenger."""
    scene, style = Scene(), builder.style
    builder.add_static(scene)
    builder.add_wheel(scene, float(rng.normal(0, 12)))
    layers = [Layer(scene, {})]
    if cast is not None and acted is not None:
        belt = (style.window, style.belt) if style.belt is not None else None
        cast.actor.add_body(scene, acted, belt)
        cast.add_head(scene, acted.face)
        add_props(scene, plan, acted)
        layers = [Layer(scene, cast.constants(rng, visible) | acted.face.constants())]
    if guest is not None:
        layers.append(guest_layer(rng, guest, style, visible))
    return layers


def outside(rng: np.random.Generator, camera: Camera, light_name: str, level: float) -> F32:
    """What is seen through the windows."""
    panorama = scenery.random_panorama(rng, light_name in ("night", "dusk"))
    return scenery.view(panorama, camera) * np.float32(level)


def ground(rng: np.random.Generator, camera: Camera, light: Light) -> F32:
    """What is behind a person who is in no car where no wall is: clutter or surroundings."""
    if rng.random() < 0.3:
        return patchwork(rng, camera.size, light.background)
    level = np.float32(light.background * np.exp(rng.normal(0.3, 0.6)))
    return scenery.view(scenery.random_panorama(rng, False), camera) * level


def expose(rng: np.random.Generator, raw: Raw, labels: Labels) -> U8:
    """Rendered radiance to a picture, exposed for people if there are any."""
    side = float(labels["faces"][0, 2]) or 40.0
    sensor = random_sensor(rng, max(0.3, 0.012 * min(side, 300.0)))
    sensor = replace(
        sensor,
        exposure=float(np.clip(sensor.exposure, 0.04, 0.6)),
        gamma=min(sensor.gamma, 0.7),
        scale=max(sensor.scale, 0.5),
        motion=(0.5 * sensor.motion[0], 0.5 * sensor.motion[1]),
        blur=min(sensor.blur, 1.2),
    )
    tags = FACE_TAGS if rng.random() < 0.5 else PERSON_TAGS
    return develop(raw.colour, np.isin(raw.tags, tags), sensor, rng)


PORTRAIT_ACTIONS = ("other", "hand_face", "phone_ear", "phone_hand", "drink_eat", "smoke")


def portrait_still(rng: np.random.Generator, cast: Cast, identity: int, size: Size) -> Still:
    """A person before a wall: near or far, face filling the frame or a small standing figure."""
    visible = bool(rng.random() < 0.7)
    torso: Torso = random_torso(rng, bool(rng.random() < 0.6))
    action = str(rng.choice(PORTRAIT_ACTIONS, p=[0.46, 0.3, 0.06, 0.08, 0.06, 0.04]))
    plan = make_plan(action, Setting(None, torso), rng)
    head = plan.head
    plan = replace(plan, head=(head[0], head[1], head[2] + float(rng.normal(0, 6))))
    cast.actor.sit(torso)
    acted = perform(cast.actor, plan, None)
    camera, hfov = portrait_camera(rng, acted.face.landmarks().mean(0), size)
    light = room_light(rng, EYES)
    scene = Scene()
    if rng.random() < 0.55:
        add_room(scene, rng)
    cast.actor.add_body(scene, acted, None)
    cast.add_head(scene, acted.face)
    add_props(scene, plan, acted)
    constants = cast.constants(rng, visible) | acted.face.constants()
    raw = draw([Layer(scene, constants)], camera, light, ground(rng, camera, light), 1)
    shot = Shot(camera, light, "room", "portrait", hfov, visible)
    labels = empty_labels(shot, 0.0)
    labels["faces"][0] = face_row(camera, acted, raw)[0]
    driver_labels(labels, shot, acted, plan, cast, raw, 0)
    labels["identity"] = np.int64(identity)
    return Still(expose(rng, raw, labels), labels)


def portrait_camera(rng: np.random.Generator, face: F64, size: Size) -> tuple[Camera, float]:
    """A camera whose face square is 22..330 px wide, anywhere in the picture."""
    side_px = float(np.exp(rng.uniform(np.log(22), np.log(330))))
    distance = float(np.exp(rng.uniform(np.log(45), np.log(250))))
    yaw, pitch = np.radians(rng.normal(0, 16)), np.radians(rng.normal(0, 10))
    way = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    focal = side_px * distance / 18.0
    if focal < 140:
        distance, focal = distance * 140 / focal, 140.0
    hfov = float(2 * np.degrees(np.arctan(size[0] / 2 / focal)))
    room = np.maximum(np.array(size) - 0.8 * side_px, 20.0) / 2
    place = rng.uniform(-1, 1, 2) * room * np.array([0.8, 0.9])
    camera = Camera.look_at(
        face + way * distance, face, hfov, size, roll_deg=float(rng.normal(0, 5))
    )
    centre = (camera.centre[0] + float(place[0]), camera.centre[1] + float(place[1]))
    return replace(camera, centre=centre), hfov


def empty_still(rng: np.random.Generator, size: Size) -> Still:
    """No face: an empty cabin, or a room without people."""
    if rng.random() < 0.6:
        return car_still(rng, None, None, "wheel", -1, size)
    scene = Scene()
    if rng.random() < 0.55:
        add_room(scene, rng)
    light = room_light(rng, EYES)
    camera, hfov = portrait_camera(rng, EYES, size)
    shot = Shot(camera, light, "room", "portrait", hfov, True)
    raw = draw([Layer(scene, {})], camera, light, ground(rng, camera, light), 1)
    labels = empty_labels(shot, 0.0)
    return Still(expose(rng, raw, labels), labels)


def stills_of(
    rng: np.random.Generator, recipe: Mapping[str, Any], identity: int, size: Size
) -> list[Still]:
    """Some pictures of one person (and a few of nobody)."""
    cast = random_cast(rng)
    guest = random_cast(rng) if rng.random() < recipe["passenger_share"] * 1.6 else None
    empty, portrait = recipe["empty_share"], recipe["portrait_share"]
    out = []
    for _ in range(recipe["stills_per_person"]):
        kind = rng.random()
        if kind < empty:
            out.append(empty_still(rng, size))
        elif kind < empty + portrait:
            out.append(portrait_still(rng, cast, identity, size))
        else:
            action = ACTIONS[int(rng.integers(len(ACTIONS)))]
            with_guest = guest if rng.random() < 0.6 else None
            out.append(car_still(rng, cast, with_guest, action, identity, size))
    return out


def make_shard(recipe: Mapping[str, Any], seed: int, index: int) -> dict[str, NDArray[Any]]:
    """All pictures of one shard, of one size, and their labels; another seed, other people."""
    out: list[Still] = []
    people = int(recipe["people_per_shard"])
    width, height = recipe["sizes"][index % len(recipe["sizes"])]
    for k in range(people):
        rng = np.random.default_rng([seed, index, k])
        identity = (seed * 100_000 + index) * 100 + k
        out += stills_of(rng, recipe, identity, (int(width), int(height)))
    arrays = {"image": np.stack([s.image for s in out])}
    return arrays | {name: np.stack([s.labels[name] for s in out]) for name in out[0].labels}
