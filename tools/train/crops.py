"""Regions of interest as the engine cuts them, in NumPy: the same geometry, normalisation and
quantisation, so that what is trained on is what is run on.

A ROI is (cx, cy, w, h, angle) in continuous pixel coordinates (pixel (i, j) covers [i, i+1)).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.train.spec import INPUT_SCALE, INPUT_ZERO

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

MIN_STD = 3.0
"""Grey levels: below it a crop is flat and its noise must not be blown up."""


class Roi(NamedTuple):
    cx: float
    cy: float
    w: float
    h: float
    angle: float


def to_frame(roi: Roi, size: tuple[int, int]) -> F32:
    """2x3 matrix from a crop's pixel index coordinates to the frame's, for cv2 (centres at i)."""
    c, s = np.cos(roi.angle), np.sin(roi.angle)
    a, b = roi.w / size[0], roi.h / size[1]
    m = np.array([[c * a, -s * b], [s * a, c * b]])
    half = np.array([0.5 - size[0] / 2, 0.5 - size[1] / 2])
    t = m @ half + (roi.cx - 0.5, roi.cy - 0.5)
    return np.asarray(np.c_[m, t], np.float32)


def to_crop_units(points: F32, roi: Roi) -> F32:
    """Frame points (..., 2) -> -1..1 spanning the crop."""
    d = points - np.array([roi.cx, roi.cy], np.float32)
    c, s = np.cos(roi.angle), np.sin(roi.angle)
    x = (c * d[..., 0] + s * d[..., 1]) / (roi.w / 2)
    y = (-s * d[..., 0] + c * d[..., 1]) / (roi.h / 2)
    return np.stack([x, y], -1).astype(np.float32)


def from_crop_units(points: F32, roi: Roi) -> F32:
    x, y = points[..., 0] * (roi.w / 2), points[..., 1] * (roi.h / 2)
    c, s = np.cos(roi.angle), np.sin(roi.angle)
    out = np.stack([c * x - s * y + roi.cx, s * x + c * y + roi.cy], -1)
    return out.astype(np.float32)


def box_shrink(frame: U8, k: int) -> F32:
    """Means of k x k blocks aligned with the frame's origin; a ragged edge is left out."""
    h, w = frame.shape[0] // k * k, frame.shape[1] // k * k
    blocks = frame[:h, :w].astype(np.float32).reshape(h // k, k, w // k, k)
    return np.asarray(blocks.mean((1, 3)), np.float32)


def cut(frame: U8, roi: Roi, size: tuple[int, int]) -> tuple[F32, NDArray[np.bool_]]:
    """The crop in grey levels and where it lies inside the frame."""
    k = int(np.clip(np.floor(roi.w / size[0]), 1, 8))
    image: NDArray[np.uint8 | np.float32] = frame
    if k > 1:
        image = box_shrink(frame, k)
        roi = Roi(roi.cx / k, roi.cy / k, roi.w / k, roi.h / k, roi.angle)
    m = to_frame(roi, size)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(image, m, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return crop.astype(np.float32), inside(m, size, image.shape[1], image.shape[0])


def inside(m: F32, size: tuple[int, int], w: int, h: int) -> NDArray[np.bool_]:
    ends = np.array(
        [[0, 0, 1], [size[0] - 1, 0, 1], [0, size[1] - 1, 1], [size[0] - 1, size[1] - 1, 1]]
    )
    p = ends @ m.T + 0.5
    if p.min() >= 0 and p[:, 0].max() < w and p[:, 1].max() < h:
        return np.ones((size[1], size[0]), bool)
    u, v = np.arange(size[0]), np.arange(size[1])[:, None]
    x = m[0, 0] * u + m[0, 1] * v + m[0, 2] + 0.5
    y = m[1, 0] * u + m[1, 1] * v + m[1, 2] + 0.5
    return np.asarray((x >= 0) & (x < w) & (y >= 0) & (y < h))


def quantise(crop: F32, mask: NDArray[np.bool_]) -> U8:
    """Mean/std normalisation over the pixels inside the frame -> uint8; outside is 128."""
    seen = crop[mask]
    if seen.size == 0:
        return np.full(crop.shape, INPUT_ZERO, np.uint8)
    gain = 1.0 / (INPUT_SCALE * max(float(seen.std()), MIN_STD))
    q = np.rint((crop - seen.mean()) * gain) + INPUT_ZERO
    return np.where(mask, np.clip(q, 0, 255), INPUT_ZERO).astype(np.uint8)


def fold(q: U8, block: int) -> U8:
    """Space to depth: (H, W) -> (block^2, H/block, W/block), channel (y % b) * b + x % b."""
    h, w = q.shape
    cells = q.reshape(h // block, block, w // block, block)
    return np.ascontiguousarray(cells.transpose(1, 3, 0, 2).reshape(block**2, h // block, -1))


def tensor(frame: U8, roi: Roi, size: tuple[int, int], block: int) -> U8:
    return fold(quantise(*cut(frame, roi, size)), block)


def face_roi(landmarks: F32, angle: float = 0.0) -> Roi:
    """The face's square: middle of the landmarks' bounding box measured along axes turned by
    `angle`, side 1.5 of its longer side."""
    unit = Roi(0.0, 0.0, 2.0, 2.0, angle)
    turned = to_crop_units(landmarks, unit)
    low, high = turned.min(0), turned.max(0)
    centre = from_crop_units((low + high) / 2, unit)
    side = 1.5 * float((high - low).max())
    return Roi(float(centre[0]), float(centre[1]), side, side, angle)


def eye_roi(landmarks: F32, right: bool, side: float, angle: float) -> Roi:
    """`side` is the face square's side S, `angle` minus the head's roll."""
    cx, cy = landmarks[36:42].mean(0) if right else landmarks[42:48].mean(0)
    return Roi(float(cx), float(cy), 0.26 * side, 0.26 * side, angle)


def body_roi(face: Roi) -> Roi:
    return Roi(face.cx, face.cy + face.w, 4.8 * face.w, 3.6 * face.w, 0.0)


def whole_roi(w: int, h: int) -> Roi:
    """The smallest centred 4:3 rectangle that holds the frame."""
    width = max(float(w), h * 4.0 / 3.0)
    return Roi(w / 2, h / 2, width, width * 0.75, 0.0)


def rot_z(angle: float) -> F32:
    """Counter-clockwise on screen for y up."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def pose_of(r: F32) -> tuple[float, float, float]:
    """Yaw, pitch, roll [rad] of a rotation."""
    pitch = float(np.arcsin(np.clip(r[1, 2], -1, 1)))
    return float(np.arctan2(r[0, 2], r[2, 2])), pitch, float(np.arctan2(r[1, 0], r[1, 1]))
