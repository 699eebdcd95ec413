"""Shards of face and eye crops: draw a person, a pose, a light; render; cut; label."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.synth import head, labels, light, looks, native, portraits, scenery, sensor, worn
from tools.synth.behaviour import Behaviour, random_behaviour
from tools.synth.camera import F64, Camera, head_angles, head_rotation, rotation
from tools.synth.mesh import F32, U8, Scene, Tag
from tools.synth.shards import Arrays

FACE_PX = 160
EYE_PX = 80
FACE_MARGIN = 1.3  # side of the face crop / S
EYE_MARGIN = 0.34  # side of an eye crop / S
GLARE_HIDES = 0.8  # reflected radiance, relative to the face's, behind which an eye is lost
_FACE_TAGS = (Tag.FACE, Tag.EYE_R, Tag.EYE_L)

Recipe = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """One rendered square and what the rasteriser said about it."""

    camera: Camera
    colour: F32
    key: F32
    tags: U8
    frame: F64  # the crop's ray frame (rows right, up, back)
    side: float  # of the face's square S, in pixels of this view


def identity_id(seed: int, shard: int, scene: int) -> int:
    """People are numbered by seed, so other seeds are other people."""
    return (seed * 100_000 + shard) * 1_000 + scene


def make_shard(recipe: Recipe, seed: int, shard: int) -> Arrays:
    """All arrays of one shard, see docs/synth.md."""
    rows: list[dict[str, Any]] = []
    for k in range(int(recipe["scenes_per_shard"])):
        rng = np.random.default_rng([seed, shard, k])
        person = looks.random_person(rng)
        identity = head.model().identity(person.weights, person.lid, person.eyes)
        for _ in range(int(recipe["shots_per_scene"])):
            rows.append(_shot(recipe, rng, person, identity))
            rows[-1]["identity"] = np.int64(identity_id(seed, shard, k))
            rows[-1]["tone"] = np.float32(person.tone)
    return {name: np.stack([r[name] for r in rows]) for name in rows[0]}


def _shot(
    recipe: Recipe, rng: np.random.Generator, person: looks.Person, identity: head.Identity
) -> dict[str, Any]:
    visible = bool(rng.random() < recipe["visible_share"])
    absent = bool(rng.random() < recipe["no_face_share"])
    if absent and rng.random() < 0.4:
        return _empty_view(recipe, rng, visible)
    behaviour = random_behaviour(rng, float(recipe["wide_pose_share"]))
    shape = head.model().express(identity, behaviour.weights, behaviour.gaze_deg)
    placed, camera = _stage(rng, shape, behaviour, visible, absent)
    before = deepcopy(rng)
    scene, worn_flags = _dress(recipe, rng, person, placed, visible)
    view = _render(recipe, rng, person, placed, camera, scene, visible, absent)
    if rng.random() < recipe["blink_blur_share"]:
        exposures = [view.colour]
        for moved in _moving_lids(rng, identity, behaviour, placed):
            again = deepcopy(before)  # the same clothes, light and background
            dressed = _dress(recipe, again, person, moved, visible)[0]
            exposures.append(
                _render(recipe, again, person, placed, camera, dressed, visible, absent).colour
            )
        view = replace(view, colour=np.mean(exposures, 0, dtype=np.float32))
    picture = _develop(rng, view, visible)
    row = _row(recipe, rng, view, placed, picture)
    row.update(worn_flags, visible_light=np.uint8(visible))
    if absent:
        row["has_face"] = np.uint8(0)
        row["eye_visible"] = np.zeros(2, np.float32)
    return row


def _moving_lids(
    rng: np.random.Generator,
    identity: head.Identity,
    behaviour: Behaviour,
    placed: head.PlacedHead,
) -> list[head.PlacedHead]:
    """The head a little before and after, when lids move while a picture is exposed."""
    travel, out = rng.uniform(0.1, 0.35), []
    for part in (-travel, travel):
        weights = dict(behaviour.weights)
        for name in ("eyeBlink_R", "eyeBlink_L"):
            weights[name] = float(np.clip(weights[name] + part, 0, 1))
        shape = head.model().express(identity, weights, behaviour.gaze_deg)
        out.append(head.place(
            placed.model, shape, placed.rotation, placed.eye_mid, placed.torso_rotation,
            placed.torso_eye_mid,
        ))  # fmt: skip
    return out


def _stage(
    rng: np.random.Generator, shape: head.FaceShape, b: Behaviour, visible: bool, absent: bool
) -> tuple[head.PlacedHead, Camera]:
    """Seat the head and aim a camera so that it sees the wanted head angles."""
    yaw, pitch, roll = b.head_deg
    if absent:  # seen from behind
        yaw = float(np.sign(yaw) * rng.uniform(135, 180))
    own = rng.uniform(0.35, 1.0)  # how much of the angle is the head's turn, not the camera's place
    turn_yaw = float(np.clip(own * yaw, -72, 72))
    turn_pitch = float(np.clip(rng.uniform(0.3, 1.0) * pitch, -38, 38))
    turn = head_rotation(turn_yaw, turn_pitch, roll)
    placed = portraits.seat_head(shape, turn, portraits.torso_for(rng, turn_pitch))
    basis = turn @ head_rotation(yaw, pitch, roll).T  # columns: right, up, back in the world
    middle = placed.landmarks().mean(0)
    far = rng.uniform(26, 80) if visible else rng.uniform(42, 115)
    position = middle + basis[:, 2] * far
    # look a little past the face, as cameras do; keep the face where the angles were meant
    aim = rotation((0, 1, 0), rng.normal(0, 9)) @ rotation((1, 0, 0), rng.normal(0, 7))
    return placed, Camera(position, aim @ basis.T, 1000.0, (0.0, 0.0), (2, 2))


def _dress(
    recipe: Recipe,
    rng: np.random.Generator,
    person: looks.Person,
    placed: head.PlacedHead,
    visible: bool,
) -> tuple[Scene, dict[str, Any]]:
    scene = Scene()
    shut = placed.shape.mouth < 0.05
    placed.add_to(scene, lash=person.lash, mouth_inside=not shut)
    portraits.add_bust(scene, rng, placed, float(rng.uniform(-1, 1)))
    wear = _choose(rng, recipe["headwear"])
    looks.add_hair(scene, person, placed, flat=wear is not None)
    if wear:
        worn.add_cap(scene, rng, placed, wear)
    masked = rng.random() < recipe["mask_share"]
    scarf = rng.random() < recipe["scarf_share"]
    if masked or scarf:
        looks.add_mask(scene, rng, placed, scarf=bool(scarf))
    kind = _choose(rng, recipe["glasses"])
    transmission = 1.0
    if kind:
        glasses = worn.random_glasses(rng, kind)
        transmission = glasses.transmission
        worn.add_glasses(scene, glasses, placed, float(max(0.0, rng.normal(-0.1, 0.35))))
    if rng.random() < recipe["hand_share"]:
        portraits.add_hand(scene, rng, placed)
    if rng.random() < recipe["object_share"]:
        portraits.add_object(scene, rng, placed)
    if not visible and rng.random() < recipe["seat_share"]:
        portraits.add_seat(scene, rng)
    return scene, {
        "glasses": np.uint8(kind is not None),
        "sunglasses": np.uint8(transmission < worn.DARK_TRANSMISSION),
        "mask": np.uint8(masked or scarf), "headwear": np.uint8(wear is not None),
    }  # fmt: skip


def _choose(rng: np.random.Generator, shares: Mapping[str, float]) -> str | None:
    """One of the keys with its probability, or none."""
    x = rng.random()
    for name, share in shares.items():
        x -= share
        if x < 0:
            return str(name)
    return None


def _render(
    recipe: Recipe,
    rng: np.random.Generator,
    person: looks.Person,
    placed: head.PlacedHead,
    camera: Camera,
    scene: Scene,
    visible: bool,
    absent: bool,
) -> View:
    pixels = int(recipe["render_px"])
    centre, side = labels.face_square(camera.project(placed.landmarks())[0])
    if absent:
        side = camera.focal / float(np.linalg.norm(camera.position)) * rng.uniform(12, 30)
        centre = centre + rng.normal(0, 0.25, 2) * side
    focus = placed.carry(np.array([0, -2.0, 0]))
    kind = str(rng.choice(["night", "dusk", "day", "sun"], p=[0.35, 0.2, 0.25, 0.2]))
    shine = (
        light.room_light(rng, focus) if visible
        else light.cabin_light(rng, kind, camera.position, focus)
    )  # fmt: skip
    if visible:
        shine = replace(shine, lens_glare=float(rng.uniform(0.3, 2.0)))
    window = camera.window(centre, FACE_MARGIN * side, pixels)
    constants = native.uniforms({
        **person.constants(rng, visible), **placed.constants(), **shine.constants(focus),
        "camera": camera.position,
    })  # fmt: skip
    ground = _ground(rng, window, shine.background)
    led, sun = shine.maps(focus, 21.0, 384)
    colour, key, tags = native.rasterise(
        scene.buffers(), constants, (pixels, pixels), window.matrix(), led, sun, ground
    )
    frame = window.ray_frame((pixels / 2, pixels / 2))
    return View(window, colour, key, tags, frame, pixels / FACE_MARGIN)


def _ground(rng: np.random.Generator, camera: Camera, level: float) -> F32:
    """What is behind: clutter that means nothing, or surroundings."""
    if rng.random() < 0.5:
        return light.patchwork(rng, camera.size, level)
    panorama = scenery.random_panorama(rng, level < 0.02)
    return scenery.view(panorama, camera) * np.float32(level * np.exp(rng.normal(0, 0.6)))


def _develop(rng: np.random.Generator, view: View, visible: bool) -> U8:
    glow = view.side / 246 * (2.0 if visible else 3.2)
    subject = np.isin(view.tags, [int(t) for t in _FACE_TAGS])
    if rng.random() < (0.45 if visible else 0.15):  # exposed for the whole picture
        subject = np.zeros_like(subject)
    return sensor.develop(view.colour, subject, sensor.random_sensor(rng, glow), rng)


def _row(
    recipe: Recipe,
    rng: np.random.Generator,
    view: View,
    placed: head.PlacedHead,
    picture: U8,
) -> dict[str, Any]:
    """Cut the crops and write down the labels."""
    pixels = picture.shape[0]
    points = view.camera.project(placed.landmarks())[0]
    seen = labels.landmark_visibility(view.camera, placed, view.key, view.tags)
    face = np.isin(view.tags, [int(t) for t in _FACE_TAGS])
    level = float(view.colour[..., 0][face].mean()) if face.any() else 1.0
    eyes = labels.eye_visibility(
        view.camera, placed, view.colour, view.key, view.tags, GLARE_HIDES * max(level, 1e-3)
    )
    box = _frame_box(recipe, rng, pixels)
    seen &= _inside(points, box)
    eyes = eyes * _share_inside(points, box)
    picture = _cut(picture, box)
    eye = [_eye_crop(picture, points, k, view.side) for k in (0, 1)]
    turn = view.frame @ placed.rotation
    k = FACE_PX / pixels
    return {
        "face": cv2.resize(picture, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA),
        "eye": np.stack([e[0] for e in eye]),
        "landmarks": (points * k).astype(np.float32),
        "landmark_visible": seen.astype(np.uint8),
        "eye_landmarks": np.stack([e[1] for e in eye]).astype(np.float32),
        "frame": (box * k).astype(np.float32),
        "R": turn.astype(np.float32),
        "angles": np.radians(head_angles(turn)).astype(np.float32),
        "open": placed.shape.openness.astype(np.float32),
        "eye_visible": eyes.astype(np.float32),
        "gaze": labels.gaze_angles(placed.gaze(), view.frame).astype(np.float32),
        "mouth": np.float32(placed.shape.mouth),
        "covered": np.float32(labels.covered_share(view.camera, placed, view.tags)),
        "S": np.float32(view.side * k),
        "has_face": np.uint8(1),
    }  # fmt: skip


def _frame_box(recipe: Recipe, rng: np.random.Generator, pixels: int) -> F64:
    """x0, y0, x1, y1 of the picture inside the crop: mostly all, sometimes an edge cuts in."""
    box = np.array([0, 0, pixels, pixels], float)
    if rng.random() < recipe["cut_share"]:
        for _ in range(int(rng.integers(1, 4))):
            k = int(rng.integers(4))
            depth = rng.uniform(0.02, 0.28) * pixels
            box[k] = round(depth if k < 2 else pixels - depth)
    return box


def _cut(picture: U8, box: F64) -> U8:
    x0, y0, x1, y1 = box.astype(int)
    out = np.full_like(picture, 128)
    out[y0:y1, x0:x1] = picture[y0:y1, x0:x1]
    return out


def _share_inside(points: F64, box: F64) -> F64:
    inside = _inside(points, box)
    return np.array([inside[e].mean() for e in labels.EYES])


def _inside(points: F64, box: F64) -> NDArray[np.bool_]:
    return np.asarray(((points >= box[:2]) & (points <= box[2:])).all(1))


def _eye_crop(picture: U8, points: F64, k: int, side: float) -> tuple[U8, F64]:
    """(80,80) around an eye, unmirrored, and its six points in it."""
    centre, width = labels.eye_centre(points, k), EYE_MARGIN * side
    scale = EYE_PX / width
    corner = centre - width / 2
    # warpAffine speaks of pixel centres: out = (in + .5 - corner) * scale - .5
    shift = (0.5 - corner) * scale - 0.5
    m = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    crop = cv2.warpAffine(
        picture, m, (EYE_PX, EYE_PX), flags=cv2.INTER_LINEAR, borderValue=(128.0,)
    )
    return crop.astype(np.uint8), (points[labels.EYES[k]] - corner) * scale


def _empty_view(recipe: Recipe, rng: np.random.Generator, visible: bool) -> dict[str, Any]:
    """No person at all: only background clutter."""
    pixels = int(recipe["render_px"])
    anywhere = head_rotation(rng.uniform(-180, 180), rng.normal(0, 20), rng.normal(0, 20))
    focal = pixels * float(np.exp(rng.uniform(np.log(0.4), np.log(4))))
    camera = Camera(np.zeros(3), anywhere, focal, (pixels / 2, pixels / 2), (pixels, pixels))
    ground = _ground(rng, camera, 0.3)
    colour = np.zeros((pixels, pixels, 4), np.float32)
    colour[..., 0] = ground
    nobody = np.zeros((pixels, pixels), bool)
    picture = sensor.develop(colour, nobody, sensor.random_sensor(rng, 0.0), rng)
    crops: list[NDArray[np.uint8]] = []
    for _ in range(2):
        x, y = rng.integers(0, pixels - EYE_PX, 2)
        crops.append(picture[y : y + EYE_PX, x : x + EYE_PX])
    zero = np.uint8(0)
    return {
        "face": cv2.resize(picture, (FACE_PX, FACE_PX), interpolation=cv2.INTER_AREA),
        "eye": np.stack(crops), "landmarks": np.zeros((68, 2), np.float32),
        "landmark_visible": np.zeros(68, np.uint8),
        "eye_landmarks": np.zeros((2, 6, 2), np.float32),
        "frame": np.array([0, 0, FACE_PX, FACE_PX], np.float32),
        "R": np.eye(3, dtype=np.float32), "angles": np.zeros(3, np.float32),
        "open": np.zeros(2, np.float32), "eye_visible": np.zeros(2, np.float32),
        "gaze": np.zeros((2, 2), np.float32), "mouth": np.float32(0), "covered": np.float32(0),
        "S": np.float32(FACE_PX / FACE_MARGIN), "has_face": zero, "glasses": zero,
        "sunglasses": zero, "mask": zero, "headwear": zero, "visible_light": np.uint8(visible),
    }  # fmt: skip
