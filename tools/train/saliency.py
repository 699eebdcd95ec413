"""What a network looks at: a grey patch is moved over its input, and where it changes the answer
most is where the network looks. Sheets of rendered people, or all networks on one frame of a
recording.

The measure is the share of all change that lies on what should count (the face's points, the lids,
hands, face and thing held) over that region's share of the picture: 1 would be looking anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tools.train import crops
from tools.train.crops import Roi
from tools.train.data import Jitter, eye_row, face_row
from tools.train.failures import sheet, unfolded
from tools.train.manifest import ACTIONS
from tools.train.perceive import Nets, Seen, rotation_of, window
from tools.train.records import Array, softmax, some
from tools.train.shards import LOST, Sample, Shards

MEAN_LEVEL = 128
"""A patch of it holds nothing: the crop's mean."""
EXACT = Jitter(0.0, 0.0, 0.0, 0.0)
PATCH, STEP = 7, 14
"""The patch is 1/PATCH of the crop's smaller side, and moves by 1/STEP of it."""
LID_BOX = (0.66, 0.44)
"""Width and height of the lids' region, in shares of an eye crop."""
GROWN = 1.2
"""Boxes are made larger by this: an edge is seen from both of its sides."""
Answer = Callable[[Array], Array]
"""A crop (h, w) -> what the network says of it, as a vector."""


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where one network looked in one picture."""

    crop: Array
    change: Array
    """(h, w): by how much covering each place changed the answer."""
    region: Array
    """(h, w) bool: what should count."""
    words: list[str]

    @property
    def share(self) -> float:
        """Of the change, inside the region."""
        return float(self.change[self.region].sum() / max(self.change.sum(), 1e-9))

    @property
    def area(self) -> float:
        return float(self.region.mean())


def occlusion(crop: Array, answer: Answer, distance: Callable[[Array, Array], float]) -> Array:
    """Mean change of the answer over the patches that cover each pixel."""
    h, w = crop.shape
    size, step = max(min(h, w) // PATCH, 4), max(min(h, w) // STEP, 2)
    plain = answer(crop)
    total, count = np.zeros((h, w)), np.full((h, w), 1e-9)
    for y in range(-size // 2, h, step):
        for x in range(-size // 2, w, step):
            place = np.s_[max(y, 0) : y + size, max(x, 0) : x + size]
            covered = crop.copy()
            covered[place] = MEAN_LEVEL
            total[place] += distance(answer(covered), plain)
            count[place] += 1
    return total / count


def angle_deg(a: Array, b: Array) -> float:
    """Between two 6D rotations."""
    turn = rotation_of(a).T @ rotation_of(b)
    return float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))


def apart(a: Array, b: Array) -> float:
    return float(np.abs(a - b).sum())


def box_mask(shape: tuple[int, ...], boxes: Iterable[Array]) -> Array:
    """Union of (x0, y0, x1, y1) boxes, each grown by GROWN."""
    mask = np.zeros(shape, bool)
    for x0, y0, x1, y1 in boxes:
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        rx, ry = GROWN * (x1 - x0) / 2, GROWN * (y1 - y0) / 2
        rows = np.s_[max(round(cy - ry), 0) : max(round(cy + ry), 0)]
        mask[rows, max(round(cx - rx), 0) : max(round(cx + rx), 0)] = True
    return mask


def to_pixels(points: Array, roi: Roi, size: tuple[int, int]) -> Array:
    """Frame points (n, 2) -> pixels of a crop."""
    unit = crops.to_crop_units(np.asarray(points, np.float32), roi)
    return np.asarray((unit + 1) / 2 * np.array(size))


def around(points: Array) -> Array:
    return np.r_[points.min(0), points.max(0)]


def face_gaze(nets: Nets, crop: Array, landmarks: Array, words: list[str]) -> Gaze:
    """The face network's head pose; `landmarks` in pixels of the crop."""

    def answer(x: Array) -> Array:
        return np.asarray(nets.run("face", image=crops.fold(x, 4)[None])[0][0][137:143])

    change = occlusion(crop, answer, angle_deg)
    return Gaze(crop, change, box_mask(crop.shape, [around(landmarks)]), words)


def eye_gaze(nets: Nets, crop: Array, pose: Array, words: list[str]) -> Gaze:
    """The eye network's openness and gaze direction."""

    def answer(x: Array) -> Array:
        out = nets.run("eyes", image=crops.fold(x, 2)[None], pose=pose[None])[0][0]
        return np.asarray(out[[1, 3, 4]])

    h, w = crop.shape
    half = np.array([LID_BOX[0] * w, LID_BOX[1] * h]) / 2
    centre = np.array([w, h]) / 2
    box = np.concatenate([centre - half, centre + half])
    return Gaze(crop, occlusion(crop, answer, apart), box_mask(crop.shape, [box]), words)


def finder_gaze(nets: Nets, crop: Array, face: Array, words: list[str]) -> Gaze:
    """The cabin network's heat at a face; `face` is its box in pixels of the crop."""
    ix, iy = np.clip((face[:2] + face[2:]) / 2 / 8, 0, (31, 23)).astype(int)

    def answer(x: Array) -> Array:
        return np.asarray(nets.run("cabin", image=crops.fold(x, 4)[None])[0][0][0, iy, ix : ix + 1])

    return Gaze(crop, occlusion(crop, answer, apart), box_mask(crop.shape, [face]), words)


def action_gaze(nets: Nets, crop: Array, boxes: list[Array], words: list[str]) -> Gaze:
    """The action's logits from one upper-body crop; `boxes`: face, hands, thing held."""

    def answer(x: Array) -> Array:
        emb = nets.run("body", image=crops.fold(x, 4)[None])[0][0]
        return np.asarray(nets.run("action", window=window([emb])[None])[0][0])

    said = softmax(answer(crop).astype(float))
    words = [*words, f"said {ACTIONS[int(said.argmax())]} {said.max():.2f}"]
    return Gaze(crop, occlusion(crop, answer, apart), box_mask(crop.shape, boxes), words)


def quantised(image: Array, roi: Roi, size: tuple[int, int]) -> Array:
    return crops.quantise(*crops.cut(image, roi, size))


def faces(nets: Nets, shards: Shards, count: int) -> list[Gaze]:
    """Rendered faces."""
    out: list[Gaze] = []
    for i in some(len(shards), 4 * count):
        row = face_row(shards[i], np.random.default_rng(i), EXACT, 0.0)
        if row["face"] and len(out) < count:
            points = (row["lm"] + 1) * 56
            out.append(face_gaze(nets, unfolded(row["image"]), points, [f"#{i}"]))
    return out


def eyes(nets: Nets, shards: Shards, count: int) -> list[Gaze]:
    """Rendered right eyes that can be seen."""
    out: list[Gaze] = []
    for i in some(len(shards), 4 * count):
        sample = shards[i]
        if not sample.labels["has_face"] or len(out) == count:
            continue
        row = eye_row(sample, True, np.random.default_rng(i), EXACT)
        if row["visible"] > 0.8:
            words = [f"open {row['open']:.2f} #{i}"]
            out.append(eye_gaze(nets, unfolded(row["image"]), row["pose"], words))
    return out


def thing_boxes(shards: Shards, index: int, sample: Sample, roi: Roi) -> list[Array]:
    """Face, hands that show and what they hold, in pixels of an upper-body crop."""
    shard, row = shards.where(index)
    boxes = [around(to_pixels(sample.labels["lm"], roi, (256, 192)))]
    for hand in np.asarray(shard["hand_keypoints"][row]):
        if hand[:, 2].mean() >= 0.25:
            boxes.append(around(to_pixels(hand[:, :2], roi, (256, 192))))
    thing = np.asarray(shard["object_box"][row]) if "object_box" in shard else np.zeros(4)
    if thing[2] > thing[0]:
        boxes.append(around(to_pixels(thing.reshape(2, 2), roi, (256, 192))))
    return boxes


def bodies(nets: Nets, shards: Shards, count: int) -> tuple[list[Gaze], list[Gaze]]:
    """Rendered frames: where the face is looked for, and what the action is read from."""
    found: list[Gaze] = []
    acts: list[Gaze] = []
    for i in some(len(shards), 4 * count):
        sample = shards[i]
        lab = sample.labels
        if not lab["has_face"] or lab["action"] == LOST or len(acts) == count:
            continue
        h, w = sample.image.shape
        whole, body = crops.whole_roi(w, h), crops.body_roi(crops.face_roi(lab["lm"]))
        face = around(to_pixels(lab["lm"], whole, (256, 192)))
        found.append(finder_gaze(nets, quantised(sample.image, whole, (256, 192)), face, [f"#{i}"]))
        crop, boxes = (
            quantised(sample.image, body, (256, 192)),
            thing_boxes(shards, i, sample, body),
        )
        acts.append(action_gaze(nets, crop, boxes, [f"does {ACTIONS[int(lab['action'])]}"]))
    return found, acts


def overlay(g: Gaze) -> Array:
    """The crop beside itself with the change in red and the region's edge in green (BGR)."""
    h, w = g.crop.shape
    k = max(1, 192 // h)
    grey = cv2.cvtColor(g.crop, cv2.COLOR_GRAY2BGR).astype(np.float32)
    heat = (g.change / max(float(np.percentile(g.change, 99)), 1e-9)).clip(0, 1)[..., None]
    red = grey * (1 - 0.75 * heat) + np.array([0, 0, 255], np.float32) * 0.75 * heat
    both = np.concatenate([grey, red], 1).astype(np.uint8)
    both = cv2.resize(both, (2 * w * k, h * k), interpolation=cv2.INTER_LINEAR)
    big = cv2.resize(g.region.astype(np.uint8), (w * k, h * k), interpolation=cv2.INTER_NEAREST)
    edges, _ = cv2.findContours(big, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(both[:, w * k :], edges, -1, (0, 220, 0), 1)
    return both


def draw(path: Path, gazes: list[Gaze], columns: int = 4) -> None:
    """A contact sheet."""
    captions = [[*g.words, f"{g.share:.2f} in {g.area:.2f} of the area"] for g in gazes]
    sheet(path, [overlay(g) for g in gazes], captions, columns, 380)


def focus(gazes: list[Gaze]) -> tuple[float, float]:
    """Mean share of the change inside the regions, and the regions' mean share of the area."""
    return float(np.mean([g.share for g in gazes])), float(np.mean([g.area for g in gazes]))


def sheets(models: Path, data: Path, out: Path, count: int) -> dict[str, tuple[float, float]]:
    """A sheet a network of the test split; returns `focus` by network.

    Errors: FileNotFoundError where there are no renders."""
    nets, shards = Nets(models), Shards([data / "faces" / "test"])
    cabin = Shards([data / "cabin" / "test"])
    if not len(shards) or not len(cabin):
        raise FileNotFoundError(f"{data}: no faces/test or cabin/test renders to look at")
    out.mkdir(parents=True, exist_ok=True)
    found, acts = bodies(nets, cabin, count)
    all_of = {"face": faces(nets, shards, count), "eyes": eyes(nets, shards, count)}
    all_of |= {"cabin": found, "action": acts}
    for net, gazes in all_of.items():
        draw(out / f"saliency-{net}.png", gazes)
    return {net: focus(gazes) for net, gazes in all_of.items()}


def explain(models: Path, image: Array, path: Path) -> bool:
    """All networks on one picture, as one sheet. False where no face is found."""
    nets = Nets(models)
    seen = nets.find(image)
    if seen is None:
        return False
    draw(path, _one_frame(nets, image, seen), 2)
    return True


def _one_frame(nets: Nets, image: Array, seen: Seen) -> list[Gaze]:
    h, w = image.shape
    whole, body = crops.whole_roi(w, h), crops.body_roi(crops.face_roi(seen.landmarks))
    pose = crops.pose_of(seen.rotation)
    where = around(to_pixels(seen.landmarks, whole, (256, 192)))
    out = [finder_gaze(nets, quantised(image, whole, (256, 192)), where, ["where is the face"])]
    points = to_pixels(seen.landmarks, seen.roi, (112, 112))
    said = "/".join(f"{np.degrees(a):.0f}" for a in pose)
    out.append(face_gaze(nets, quantised(image, seen.roi, (112, 112)), points, [f"head {said}"]))
    for right in (True, False):
        roi = crops.eye_roi(seen.landmarks, right, seen.roi.w, -pose[2])
        crop = quantised(image, roi, (64, 64))
        sign = 1.0 if right else -1.0
        crop = crop if right else np.ascontiguousarray(crop[:, ::-1])
        yaw, pitch, _ = crops.pose_of(crops.rot_z(-pose[2]) @ seen.rotation)
        eye = nets.eye(image, seen, right)
        words = [f"{'right' if right else 'left'} eye open {eye.open:.2f} vis {eye.visible:.2f}"]
        out.append(eye_gaze(nets, crop, np.array([np.sin(yaw) * sign, np.sin(pitch)], "f4"), words))
    face = around(to_pixels(seen.landmarks, body, (256, 192)))
    out.append(action_gaze(nets, quantised(image, body, (256, 192)), [face], ["one look"]))
    return out
