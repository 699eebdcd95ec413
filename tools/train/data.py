"""Batches: rendered samples -> jittered crops -> augmentation -> network inputs and targets.

Every batch is a function of (seed, step): training can stop and go on with the same data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.train import crops
from tools.train.crops import F32, Roi
from tools.train.photo import Rng, disturb
from tools.train.scenes import Scenes, static
from tools.train.shards import LOST, SHOWN, Sample, Shards

Row = dict[str, Any]
Batch = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Jitter:
    """One sigma of what a locator or tracker gets wrong, and how hard pictures are disturbed."""

    scale: float = 0.10
    shift: float = 0.06
    turn_rad: float = np.radians(9.0)
    photo: float = 0.7
    surround: float = 0.2
    """Share of whole frames that get bars or a glaring window beside the person."""


def finish(crop: F32, mask: NDArray[np.bool_], block: int, rng: Rng, photo: float) -> Any:
    if photo > 0:
        crop = disturb(crop, rng, photo)
    return crops.fold(crops.quantise(crop, mask), block)


def overlap(a: Roi, b: Roi) -> float:
    """Intersection over union of two upright rectangles."""
    w = min(a.cx + a.w / 2, b.cx + b.w / 2) - max(a.cx - a.w / 2, b.cx - b.w / 2)
    h = min(a.cy + a.h / 2, b.cy + b.h / 2) - max(a.cy - a.h / 2, b.cy - b.h / 2)
    both = max(w, 0.0) * max(h, 0.0)
    return both / (a.w * a.h + b.w * b.h - both)


def jittered(roi: Roi, rng: Rng, j: Jitter) -> Roi:
    side = roi.w * float(np.exp(np.clip(rng.normal(0, j.scale), -0.3, 0.3)))
    dx, dy = np.clip(rng.normal(0, j.shift, 2), -0.2, 0.2) * roi.w
    return Roi(roi.cx + dx, roi.cy + dy, side, side, roi.angle + rng.normal(0, j.turn_rad))


def off_face(roi: Roi, shape: tuple[int, ...], rng: Rng) -> Roi:
    """A square that is no good as this face's crop (IoU < 0.3); of those on people's pictures a
    third lie on the chest, where clothes show prints that look like faces."""
    height, width = shape
    chest = rng.random() < 0.33 and roi.cy + roi.w < height
    for _ in range(50):
        if chest:
            side = roi.w * float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
            cx = roi.cx + rng.normal(0, 0.4) * roi.w
            cy = rng.uniform(roi.cy + roi.w, min(roi.cy + 2.5 * roi.w, height))
        else:
            side = roi.w * float(np.exp(rng.uniform(np.log(0.15), np.log(4.0))))
            cx, cy = rng.uniform(0, width), rng.uniform(0, height)
        bad = Roi(cx, cy, side, side, rng.normal(0, 0.2))
        if overlap(bad, roi) < 0.3:
            return bad
    return Roi(roi.cx, roi.cy, roi.w * 4, roi.h * 4, 0.0)


def on_headrest(lab: Row, rng: Rng) -> Roi | None:
    """A square round one of the picture's headrests, away from all its faces, if there is one: it
    has a head's outline, a dark one before a bright window most."""
    faces = [Roi(x, y, side, side, 0.0) for x, y, side, _ in lab.get("faces", ())]
    for x, y, wide in rng.permutation(lab.get("headrests", np.zeros((0, 3)))):
        side = wide * float(np.exp(rng.uniform(np.log(0.9), np.log(2.2))))
        dx, dy = rng.normal(0, 0.15, 2) * wide
        bad = Roi(x + dx, y + dy, side, side, rng.normal(0, 0.1))
        if all(overlap(bad, face) < 0.15 for face in faces):
            return bad
    return None


def no_face(s: Sample, exact: Roi, rng: Rng, j: Jitter) -> Roi:
    """A square for a crop without a face: in cars half of them lie on a headrest. `exact`: the
    picture's face, or its middle where it shows none."""
    headrest = on_headrest(s.labels, rng) if rng.random() < 0.5 else None
    if headrest is not None:
        return headrest
    if s.labels["has_face"]:
        return off_face(exact, s.image.shape, rng)
    return jittered(exact, rng, j)


def inside_frame(mask: NDArray[np.bool_], roi: Roi, lab: Row, image: Any) -> Any:
    """Where a crop shows the camera's picture; a rendered crop may hold a cut-off edge of it."""
    x0, y0, x1, y1 = lab["frame"]
    if x0 <= 0 and y0 <= 0 and x1 >= image.shape[1] and y1 >= image.shape[0]:
        return mask
    size = (mask.shape[1], mask.shape[0])
    m = crops.to_frame(roi, size)
    m[:, 2] -= (x0, y0)
    return mask & crops.inside(m, size, x1 - x0, y1 - y0)


def face_row(s: Sample, rng: Rng, j: Jitter, negative: float) -> Row:
    """A face crop. `lm`, `R` are in the crop's frame; `face` 0 for a negative."""
    if j.photo > 0 and rng.random() < 0.5:
        s = s.flipped()
    lab = s.labels
    exact = crops.face_roi(lab["lm"]) if lab["has_face"] else Roi(*_middle(s), 0.0)
    face = bool(lab["has_face"]) and rng.random() >= negative
    roll = crops.pose_of(lab["R"])[2] if face else 0.0
    aligned = -roll if j.photo == 0 or rng.random() < 0.6 else 0.0
    if face:
        roi = jittered(crops.face_roi(lab["lm"], aligned), rng, j)
    else:
        roi = no_face(s, exact, rng, j)
    crop, mask = crops.cut(s.image, roi, (112, 112))
    mask = inside_frame(mask, roi, lab, s.image)
    if j.photo > 0:
        crop = disturb(crop, rng, j.photo)
    face = face and legible(crop) > 0  # what drowns in noise is no face to be measured
    known = face and lab["attributes_known"] > 0
    return {
        "image": crops.fold(crops.quantise(crop, mask), 4),
        "face": np.float32(face),
        "lm": crops.to_crop_units(lab["lm"], roi),
        "R": crops.rot_z(roi.angle) @ lab["R"],
        "known": np.float32(known),
        "mouth": np.float32(lab["mouth"]),
        "sunglasses": np.float32(lab["sunglasses"]),
        "mask": np.float32(lab["mask"]),
        "occluded": np.float32(lab["occluded"]),
    }


def _middle(s: Sample) -> tuple[float, float, float, float]:
    h, w = s.image.shape
    side = 0.75 * min(h, w)
    return w / 2, h / 2, side, side


class Head(Protocol):
    """A head as somebody has it: the label, or the face network."""

    @property
    def landmarks(self) -> F32: ...
    @property
    def rotation(self) -> F32: ...


def eye_row(s: Sample, right: bool, rng: Rng, j: Jitter, head: Head | None = None) -> Row:
    """One eye as a right eye, in the frame of a face crop turned by minus the head's roll.
    `head`: by which it is cut and which pose goes with it; None: the true one."""
    lab = s.labels
    k = 0 if right else 1
    image, points = lab["eye"][k], lab["eye_landmarks"][k]
    rotation, marks = (lab["R"], lab["lm"]) if head is None else (head.rotation, head.landmarks)
    roll = crops.pose_of(rotation)[2]
    # the rendered eye picture's scale, and the face square's side along the turned axes
    scale = image.shape[1] / (EYE_MARGIN * lab["side"])
    width = 0.26 * crops.face_roi(marks, -roll).w * scale
    angle = -roll + (rng.normal(0, j.turn_rad) if j.photo > 0 else 0.0)
    eye = slice(36, 42) if right else slice(42, 48)
    off = (marks[eye] - lab["lm"][eye]).mean(0) * scale
    cx, cy = (points.mean(0) + off).tolist()
    roi = Roi(cx, cy, width, width, angle)
    if j.photo > 0:
        size = roi.w * float(np.exp(np.clip(rng.normal(0, j.scale), -0.3, 0.3)))
        dx, dy = np.clip(rng.normal(0, j.shift, 2), -0.25, 0.25) * roi.w
        roi = Roi(roi.cx + dx, roi.cy + dy, size, size, roi.angle)
    crop, _ = crops.cut(image, roi, (64, 64))
    mask = np.ones(crop.shape, bool)
    if not right:
        crop = crop[:, ::-1]
    turn = crops.rot_z(angle)
    yaw, pitch, _ = crops.pose_of(turn @ rotation)
    if j.photo > 0:
        yaw, pitch = yaw + rng.normal(0, POSE_RAD), pitch + rng.normal(0, POSE_RAD)
    a, b = lab["gaze"][k]
    g = turn @ np.array([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)])
    sign = 1.0 if right else -1.0
    crop = np.ascontiguousarray(crop)
    if j.photo > 0:
        crop = disturb(crop, rng, j.photo)
    return {
        "image": crops.fold(crops.quantise(crop, mask), 2),
        "pose": np.array([np.sin(yaw) * sign, np.sin(pitch)], np.float32),
        "visible": np.float32(lab["eye_visible"][k] * legible(crop) * distinct(crop)),
        "open": np.float32(lab["open"][k]),
        "gaze": np.array(
            [np.arctan2(g[0], g[2]) * sign, np.arcsin(np.clip(g[1], -1, 1))], np.float32
        ),
        "glasses": np.float32(lab["glasses"]),
    }


POSE_RAD = 0.03
"""Of the head's pose beside an eye in training: one sigma in yaw and in pitch beyond what the face
network gets wrong of rendered heads."""
GRID = (24, 32)
CELL = 8.0


def legible(crop: F32) -> float:
    """0..1: does anything but noise show? The share of the contrast that survives a blur of 2 px:
    0.14 for white noise, above 0.6 for any eye that can be made out."""
    smooth = cv2.GaussianBlur(crop, (0, 0), 2.0)
    share = float(smooth.std()) / max(float(crop.std()), 1e-3)
    return float(np.clip((share - 0.25) / 0.25, 0.0, 1.0))


_BELL = np.exp(-0.5 * ((np.arange(64) - 31.5) / 14.0) ** 2)
CENTRE = (np.outer(_BELL, _BELL) / _BELL.sum() ** 2).astype(np.float32)
"""Weight of each pixel of a 64 x 64 crop: its middle."""
RIPPLE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Answers to white noise of sigma 1 with sigma 1, and to edges hardly at all (Immerkaer 1996)."""


def distinct(crop: F32) -> float:
    """0..1: is there an eye's structure (1.5 to 7 px) in the middle of a 64 x 64 crop, above what
    its noise, or a picture without contrast, would leave there? 0 up to six times as much, 1 from
    ten."""
    x = crop * (39.0 / max(float(crop.std()), 1.0))
    band = cv2.GaussianBlur(x, (0, 0), 1.5) - cv2.GaussianBlur(x, (0, 0), 7.0)
    signal = float(np.sqrt((CENTRE * band**2).sum()))
    noise = 1.48 * float(np.median(np.abs(cv2.filter2D(x, -1, RIPPLE))))
    return float(np.clip((signal / (0.17 * noise + 0.5) - 6.0) / 4.0, 0.0, 1.0))


EYE_MARGIN = 0.34
"""Side of a rendered eye picture over the face square's side S."""


def flipped_and_framed(s: Sample, rng: Rng, j: Jitter) -> Sample:
    """In training: half of the pictures mirrored, some as a narrower camera would see them."""
    if j.photo > 0 and rng.random() < 0.5:
        s = s.flipped()
    if j.photo > 0 and "frame_rect" in s.labels and rng.random() < 0.3:
        s = Sample(s.image, s.labels | {"frame": s.labels["frame_rect"]})
    return s


def cabin_row(s: Sample, rng: Rng, j: Jitter) -> Row:
    """A whole frame with its detection maps."""
    s = flipped_and_framed(s, rng, j)
    lab, (h, w) = s.labels, s.image.shape
    exact = crops.face_roi(lab["lm"]) if lab["has_face"] else Roi(*_middle(s), 0.0)
    roi = crops.whole_roi(w, h)
    if j.photo > 0:
        roi = _frame_jitter(roi, exact, rng)
    crop, mask = crops.cut(s.image, roi, (256, 192))
    if j.photo > 0 and rng.random() < j.surround:
        crop = surrounded(crop, exact, roi, rng)
    mask = inside_frame(mask, roi, lab, s.image)
    maps, weight = _det_maps(lab, exact, roi)
    image = finish(crop, mask, 4, rng, j.photo)
    return {"image": image, "det": maps, "weight": weight}


def body_row(s: Sample, rng: Rng, j: Jitter) -> Row:
    """The upper body of a driver whose face is seen, with action, hands and what is held."""
    s = flipped_and_framed(s, rng, j)
    lab = s.labels
    roi = crops.body_roi(crops.face_roi(lab["lm"]))
    if j.photo > 0:
        k = float(np.exp(rng.normal(0, j.scale)))
        dx, dy = rng.normal(0, j.shift, 2) * roi.h
        turn = rng.normal(0, np.radians(4))
        roi = Roi(roi.cx + dx, roi.cy + dy, roi.w * k, roi.h * k, turn)
    crop, mask = crops.cut(s.image, roi, (256, 192))
    mask = inside_frame(mask, roi, lab, s.image)
    hands = crops.to_crop_units(lab.get("hands", np.full((2, 2), np.nan, np.float32)), roi)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(hands).all(1))
    known[known] &= (np.abs(hands[known]) < 1.3).all(1)
    return {
        "image": finish(crop, mask, 4, rng, j.photo),
        "action": np.int64(lab["action"]),
        "hands": np.where(known[:, None], hands, 0).astype(np.float32),
        "object": np.int64(lab.get("object", LOST)),
        "hands_known": known.astype(np.float32),
        "things": _thing_maps(lab, roi),
        "things_known": np.float32("object_box" in lab),
    }


def surrounded(crop: F32, face: Roi, roi: Roi, rng: Rng) -> F32:
    """What real pictures have beside the person: bars of a letterbox, a glaring window."""
    unit = crops.to_crop_units(np.array([face.cx, face.cy], np.float32), roi)
    x, y = (unit[0] + 1) * 128, (unit[1] + 1) * 96
    reach = 0.6 * face.w / roi.w * 256
    crop = crop.copy()
    level = float(rng.choice([0, 255, rng.uniform(0, 255)]))
    top, bottom = rng.uniform(0, 1, 2) * np.maximum([y - reach, 192 - y - reach], 0)
    left, right = rng.uniform(0, 1, 2) * np.maximum([x - reach, 256 - x - reach], 0)
    if rng.random() < 0.5:
        crop[: int(top)] = level
        crop[192 - int(bottom) :] = level
    elif rng.random() < 0.5:
        crop[:, : int(left)] = level
        crop[:, 256 - int(right) :] = level
    else:
        side = slice(0, int(left)) if rng.random() < 0.5 else slice(256 - int(right), 256)
        window = crop[int(top) : 192 - int(bottom), side]
        crop[int(top) : 192 - int(bottom), side] = 255 - (255 - window) * rng.uniform(0, 0.5)
    return crop


def _frame_jitter(roi: Roi, face: Roi, rng: Rng) -> Roi:
    turn = rng.normal(0, np.radians(4))
    if rng.random() < 0.25:
        k = float(np.exp(rng.uniform(-0.1, 0.25)))
        dx, dy = rng.normal(0, 0.05, 2) * roi.h
        return Roi(roi.cx + dx, roi.cy + dy, roi.w * k, roi.h * k, turn)
    # the face at any size from 11 to 270 px of the input, anywhere in it
    target = float(np.exp(rng.uniform(np.log(11), np.log(270))))
    width = face.w / target * 256
    width = float(np.clip(width, 0.4 * face.w, 1.6 * roi.w))
    u, v = rng.uniform(-0.5, 0.5, 2)
    room = max(0.0, 1 - 0.6 * face.w / width), max(0.0, 1 - 0.6 * face.w / (0.75 * width))
    return Roi(
        face.cx + u * room[0] * width,
        face.cy + v * room[1] * width * 0.75,
        width,
        width * 0.75,
        turn,
    )


def _det_maps(lab: Row, face: Roi, roi: Roi) -> tuple[F32, F32]:
    """heat, dx, dy, log size (4, 24, 32) and weights of heat and of the rest (2, 24, 32)."""
    maps = np.zeros((4, *GRID), np.float32)
    weight = np.zeros((2, *GRID), np.float32)
    weight[0] = 1
    faces = []
    if "faces" not in lab and lab["has_face"]:
        faces.append((face, True))
    for x, y, side, shown in lab.get("faces", np.zeros((0, 4))):
        faces.append((Roi(x, y, side, side, 0.0), bool(shown > SHOWN)))
    for f, clear in faces:
        _add_face(maps, weight, f, roi, clear)
    return maps, weight


def _add_face(maps: F32, weight: F32, face: Roi, roi: Roi, clear: bool) -> None:
    unit = crops.to_crop_units(np.array([face.cx, face.cy], np.float32), roi)
    x, y = (unit[0] + 1) * 128 / CELL, (unit[1] + 1) * 96 / CELL
    size = face.w / roi.w * 256
    gx, gy = np.arange(GRID[1]) + 0.5, np.arange(GRID[0])[:, None] + 0.5
    d2 = (gx - x) ** 2 + (gy - y) ** 2
    sigma = max(0.7, size / CELL * 0.12)
    bump = np.exp(-d2 / (2 * sigma**2)).astype(np.float32)
    if not (0 <= x < GRID[1] and 0 <= y < GRID[0]) or not clear:
        weight[0] = np.minimum(weight[0], (d2 > (1 + size / CELL * 0.5) ** 2).astype(np.float32))
        return
    iy, ix = int(y), int(x)
    bump[iy, ix] = 1
    near = (d2 < max(1.5, (size / CELL * 0.15) ** 2)) & (bump >= maps[0])
    near[iy, ix] = True
    maps[0] = np.maximum(maps[0], bump)
    maps[1] = np.where(near, x - gx, maps[1])
    maps[2] = np.where(near, y - gy, maps[2])
    maps[3] = np.where(near, np.log(size / 32), maps[3])
    weight[1] = np.where(near, bump, weight[1])


THING_OF = np.array([-1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, -1])
"""Channel of the maps of hands and things for each kind of held thing: phone, drink or food,
smoke; 0 is for hands."""


def _thing_maps(lab: Row, roi: Roi) -> F32:
    """Bumps (4, 12, 16) at hands and held things, in cells of 16 px."""
    maps = np.zeros((4, GRID[0] // 2, GRID[1] // 2), np.float32)
    hands = lab.get("hands", np.zeros((0, 2), np.float32))
    spots = [(0, point, 1.0) for point in hands if np.isfinite(point).all()]
    channel = int(THING_OF[lab["object"]]) if lab.get("object", LOST) < len(THING_OF) else -1
    if channel > 0 and "object_box" in lab:
        x0, y0, x1, y1 = lab["object_box"]
        size = max(x1 - x0, y1 - y0) / roi.w * maps.shape[2]
        spots.append((channel, np.array([x0 + x1, y0 + y1]) / 2, max(0.7, 0.25 * size)))
    gx, gy = np.arange(maps.shape[2]) + 0.5, np.arange(maps.shape[1])[:, None] + 0.5
    for channel, point, sigma in spots:
        u, v = (crops.to_crop_units(point, roi) + 1) / 2
        d2 = (gx - u * maps.shape[2]) ** 2 + (gy - v * maps.shape[1]) ** 2
        maps[channel] = np.maximum(maps[channel], np.exp(-d2 / (2 * sigma**2)))
    return maps


Maker = Callable[[Rng], Row]


def stack(rows: list[Row]) -> Batch:
    return {k: np.stack([r[k] for r in rows]) for k in rows[0]}


def makers(
    net: str,
    faces: Shards,
    cabin: Shards,
    scenes: Scenes,
    j: Jitter,
    heads: Sequence[Head | None] = (),
) -> Maker:
    """A function that draws one random row for a network. `heads`: of the faces' pictures, for the
    eyes network; None where none is found."""
    if net == "face":

        def face(rng: Rng) -> Row:
            if rng.random() < STATIC_SHARE:
                return face_row(static(rng), rng, j, 1.0)
            if len(scenes) and rng.random() < NOBODY_SHARE:
                return face_row(scenes.draw(rng), rng, j, 1.0)
            if len(cabin) and rng.random() < 0.2:
                return face_row(pick(cabin, rng), rng, j, 0.5)
            return face_row(pick(faces, rng), rng, j, 0.12)

        return face
    if net == "eyes":
        known = [i for i, head in enumerate(heads) if head is not None]

        def eye(rng: Rng) -> Row:
            i = known[int(rng.integers(len(known)))]
            return eye_row(faces[i], bool(rng.random() < 0.5), rng, j, heads[i])

        return eye

    if net == "body":
        return _bodies(cabin, j)

    def cab(rng: Rng) -> Row:
        if rng.random() < STATIC_SHARE / 2:
            return cabin_row(static(rng), rng, j)
        if len(scenes) and rng.random() < NOBODY_SHARE:
            return cabin_row(scenes.draw(rng), rng, j)
        if len(faces) and rng.random() < FACES_SHARE:
            return cabin_row(pick(faces, rng), rng, j)
        return cabin_row(pick(cabin, rng), rng, j)

    return cab


def _bodies(cabin: Shards, j: Jitter) -> Maker:
    """Pictures of drivers who do something that shows."""
    known = np.flatnonzero(cabin.actions() != LOST)

    def body(rng: Rng) -> Row:
        while True:  # a tenth of them hide the face
            s = cabin[int(known[rng.integers(len(known))])]
            if s.labels["has_face"]:
                return body_row(s, rng, j)

    return body


STATIC_SHARE = 0.04
"""Of the pictures: noise, blank."""
NOBODY_SHARE = 0.06
"""Of the pictures, where scenes without anybody are at hand."""
FACES_SHARE = 0.3
"""Of the cabin network's pictures, those of head crops."""


def pick(shards: Shards, rng: Rng) -> Sample:
    return shards[int(rng.integers(len(shards)))]


def batches(make: Maker, size: int, seed: int, first: int, last: int) -> Iterator[Batch]:
    """Batches of steps first..last-1, made one ahead in a thread."""
    ready: Queue[Batch | BaseException] = Queue(maxsize=3)

    def work() -> None:
        try:
            for step in range(first, last):
                rng = np.random.default_rng([seed, step])
                ready.put(stack([make(rng) for _ in range(size)]))
        except BaseException as error:  # handed to the reader, who raises it
            ready.put(error)

    Thread(target=work, daemon=True).start()
    for _ in range(first, last):
        item = ready.get()
        if isinstance(item, BaseException):
            raise item
        yield item
