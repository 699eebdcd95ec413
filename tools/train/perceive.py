"""The perception chain in NumPy and the ONNX Runtime Python API, for evaluation: a picture in, a
face, eyes and action out, by the same geometry as the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.train import crops
from tools.train.crops import F32, Roi
from tools.train.session import open_session
from tools.train.spec import SPECS, STEPS

Array = NDArray[Any]
HEAT = 0.1
"""Probability under which a peak is no face."""
FACE = 0.5


@dataclass(frozen=True, slots=True)
class Eye:
    visible: float
    open: float
    closed: float
    gaze: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Seen:
    score: float
    landmarks: F32
    rotation: F32
    sigma: float
    mouth: float
    sunglasses: float
    mask: float
    roi: Roi
    """The crop the face would be cut from next: upright-turned square of these landmarks."""

    @property
    def pose_deg(self) -> NDArray[np.float64]:
        return np.degrees(crops.pose_of(self.rotation))


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def rotation_of(six: F32) -> F32:
    a = six[:3] / max(float(np.linalg.norm(six[:3])), 1e-6)
    b = six[3:] - (a @ six[3:]) * a
    b = b / max(float(np.linalg.norm(b)), 1e-6)
    return np.stack([a, b, np.cross(a, b)], 1).astype(np.float32)


class Nets:
    """The networks of a models folder."""

    def __init__(self, models: Path, fp32: bool = False) -> None:
        base = models / "fp32" if fp32 else models
        paths = {n: base / f"{n}.onnx" for n in SPECS}
        self.sessions = {n: open_session(p) for n, p in paths.items() if p.exists()}

    def run(self, name: str, **feed: Array) -> list[Array]:
        return list(self.sessions[name].run(None, feed))

    def face(self, frame: Array, roi: Roi) -> Seen:
        x = crops.tensor(frame, roi, (112, 112), 4)[None]
        out = self.run("face", image=x)[0][0]
        landmarks = crops.from_crop_units(out[1:137].reshape(68, 2), roi)
        rotation = (crops.rot_z(-roi.angle) @ rotation_of(out[137:143])).astype(np.float32)
        roll = crops.pose_of(rotation)[2]
        return Seen(
            sigmoid(out[0]),
            landmarks,
            rotation,
            float(np.exp(out[143])),
            float(out[144]),
            sigmoid(out[145]),
            sigmoid(out[146]),
            crops.face_roi(landmarks, -roll),
        )

    def eye(self, frame: Array, face: Seen, right: bool) -> Eye:
        roll = crops.pose_of(face.rotation)[2]
        roi = crops.eye_roi(face.landmarks, right, face.roi.w, -roll)
        crop, mask = crops.cut(frame, roi, (64, 64))
        if not right:
            crop, mask = np.ascontiguousarray(crop[:, ::-1]), mask[:, ::-1]
        yaw, pitch, _ = crops.pose_of(crops.rot_z(-roll) @ face.rotation)
        sign = 1.0 if right else -1.0
        pose = np.array([[np.sin(yaw) * sign, np.sin(pitch)]], np.float32)
        x = crops.fold(crops.quantise(crop, mask), 2)[None]
        out = self.run("eyes", image=x, pose=pose)[0][0]
        gaze = (float(out[3]) * sign, float(out[4]))
        return Eye(sigmoid(out[0]), float(out[1]), sigmoid(out[6]), gaze)

    def wide(self, name: str, frame: Array, roi: Roi) -> Array:
        """What the cabin network says of a whole frame, or the body network of an upper body."""
        return self.run(name, image=crops.tensor(frame, roi, (256, 192), 4)[None])[0][0]

    def action(self, window: Array) -> NDArray[np.float64]:
        out = self.run("action", window=window[None])[0][0].astype(float)
        e = np.exp(out - out.max())
        return np.asarray(e / e.sum())

    def locate(self, frame: Array) -> list[tuple[float, Roi]]:
        """Upright face squares in the whole frame, best first, by the cabin network."""
        roi = crops.whole_roi(frame.shape[1], frame.shape[0])
        return peaks(self.wide("cabin", frame, roi), roi)

    def find(self, frame: Array) -> Seen | None:
        """The surest face of a still: located, then looked at twice."""
        best = None
        for _, roi in self.locate(frame)[:3]:
            seen = self.face(frame, self.face(frame, roi).roi)
            if seen.score >= FACE and (best is None or seen.roi.w > best.roi.w):
                best = seen
        return best


def peaks(det: Array, roi: Roi, least: float = HEAT) -> list[tuple[float, Roi]]:
    """Local maxima of the heat map as face squares of the frame, overlapping ones dropped."""
    heat = 1 / (1 + np.exp(-det[0]))
    padded = np.pad(heat, 1, constant_values=-1)
    around = [padded[i : i + 24, j : j + 32] for i in range(3) for j in range(3)]
    spots = np.argwhere((heat >= np.max(around, 0)) & (heat >= least))
    found: list[tuple[float, Roi]] = []
    for iy, ix in sorted(spots.tolist(), key=lambda s: -heat[s[0], s[1]]):
        dx, dy, size = det[1:, iy, ix]
        unit = np.array([(ix + 0.5 + dx) * 8 / 128 - 1, (iy + 0.5 + dy) * 8 / 96 - 1], np.float32)
        cx, cy = crops.from_crop_units(unit, roi)
        side = float(np.exp(np.clip(size, -3, 3)) * 32 * roi.w / 256)
        if all(abs(cx - f.cx) + abs(cy - f.cy) > 0.5 * min(side, f.w) for _, f in found):
            found.append((float(heat[iy, ix]), Roi(float(cx), float(cy), side, side, 0.0)))
    return found


@dataclass(slots=True)
class Tracker:
    """A clip's face from frame to frame, and its action window (`fps` of the clip)."""

    nets: Nets
    fps: float = 15.0
    seen: Seen | None = None
    rows: list[Array] = field(default_factory=list)
    frames: int = 0

    def step(self, frame: Array) -> Seen | None:
        if self.seen is not None:
            self.seen = self.nets.face(frame, self.seen.roi)
            if self.seen.score < FACE:
                self.seen = None
        if self.seen is None:
            self.seen = self.nets.find(frame)
        if self.seen is None:
            self.rows.clear()
        elif int(self.frames * 15 / self.fps) != int((self.frames - 1) * 15 / self.fps):
            upright = crops.face_roi(self.seen.landmarks)
            self.rows.append(self.nets.wide("body", frame, crops.body_roi(upright)))
        self.frames += 1
        return self.seen

    def action(self) -> NDArray[np.float64] | None:
        return self.nets.action(window(self.rows)) if self.rows else None


def window(rows: list[Array]) -> Array:
    """The last STEPS embeddings, oldest first, padded by repeating the oldest."""
    kept = rows[-STEPS:]
    return np.stack([kept[0]] * (STEPS - len(kept)) + kept)
