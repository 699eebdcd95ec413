"""Labels of one face crop, in the words and units of docs/synth.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.synth.camera import F64, Camera
from tools.synth.head import PlacedHead
from tools.synth.mesh import F32, U8, Tag

EYES = (slice(36, 42), slice(42, 48))  # subject's right, left
DEPTH_CM = 0.35  # a point counts as seen if the surface there is no nearer than this
Flags = NDArray[np.bool_]
_EYE_TAGS = (Tag.EYE_R, Tag.EYE_L)


def face_square(points: F64) -> tuple[F64, float]:
    """Centre and side S of the face's square: 1.5 x the longer side of the 68 points' box."""
    low, high = points.min(0), points.max(0)
    return (low + high) / 2, float(1.5 * (high - low).max())


def eye_centre(points: F64, eye: int) -> F64:
    """Centre of an eye's crop: the mean of its six points."""
    return np.asarray(points[EYES[eye]].mean(0))


def seen(camera: Camera, world: F64, key: F32, tags: U8, own: Tag | None = None) -> Flags:
    """Which world points (n,3) the picture shows: not covered, inside of it.

    A point is not covered by its own part (`own`), lashes over a lid for instance.
    """
    pixel, distance = camera.project(world)
    h, w = key.shape
    x, y = np.floor(pixel[:, 0]).astype(int), np.floor(pixel[:, 1]).astype(int)
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    x, y = np.clip(x, 0, w - 1), np.clip(y, 0, h - 1)
    surface = 1 / np.maximum(key[y, x], 1e-6)
    free = surface > distance - DEPTH_CM
    if own is not None:
        free |= (tags[y, x] == int(own)) & (surface > distance - 3 * DEPTH_CM)
    return np.asarray(inside & free)


def landmark_visibility(camera: Camera, placed: PlacedHead, key: F32, tags: U8) -> Flags:
    """(68,) bool by the z-buffer."""
    world = placed.landmarks()
    out = seen(camera, world, key, tags)
    for k, eye in enumerate(EYES):
        out[eye] = seen(camera, world[eye], key, tags, _EYE_TAGS[k])
    return out


def eye_visibility(
    camera: Camera, placed: PlacedHead, colour: F32, key: F32, tags: U8, glare: float
) -> F64:
    """(2,) share of each eye's region that can be seen: its surface's facing part, times what
    lenses before it let through, less their reflections (`glare` = level that hides an eye)."""
    out = np.zeros(2)
    for k, vertices in enumerate(placed.model.lid_region):
        world = placed.vertices[vertices].astype(float)
        facing = np.einsum("ij,ij->i", placed.normals[vertices], camera.position - world)
        facing /= np.linalg.norm(camera.position - world, axis=1)
        forward = placed.normals[vertices] @ placed.rotation[:, 2]
        weight = np.maximum(facing, 0)
        shown = weight[seen(camera, world, key, tags, _EYE_TAGS[k])].sum()
        share = shown / max(weight.sum(), 0.45 * np.maximum(forward, 0).sum())
        out[k] = share * _through(camera, placed, k, colour, glare)
    return np.clip(out / 0.85, 0, 1)


def _through(camera: Camera, placed: PlacedHead, k: int, colour: F32, glare: float) -> float:
    """0..1: how well the lens before an eye can be looked through."""
    points = camera.project(placed.landmarks()[EYES[k]])[0]
    h, w = colour.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(0)).astype(int), 0, (w - 1, h - 1))
    x1, y1 = np.clip(np.ceil(points.max(0)).astype(int) + 1, 1, (w, h))
    region = colour[y0:y1, x0:x1]
    if region.size == 0:
        return 0.0
    clear = region[..., 3]
    lensed = clear < 0.999
    if not lensed.any():
        return 1.0
    hidden = np.clip(region[..., 1] / glare, 0, 1) * lensed
    passed = np.clip((clear - 0.06) / 0.16, 0, 1) * (1 - hidden)
    return float(passed.mean())


def gaze_angles(directions: F64, frame: F64) -> F64:
    """(n,3) world gaze -> (n,2) yaw, pitch [rad] in a ray frame (rows right, up, back)."""
    g = directions @ frame.T
    return np.stack([np.arctan2(g[:, 0], g[:, 2]), np.arcsin(np.clip(g[:, 1], -1, 1))], 1)


def covered_share(camera: Camera, placed: PlacedHead, tags: U8) -> float:
    """Share of the 68 points with a hand or an object before them."""
    pixel = camera.project(placed.landmarks())[0]
    h, w = tags.shape
    x = np.clip(pixel[:, 0].astype(int), 0, w - 1)
    y = np.clip(pixel[:, 1].astype(int), 0, h - 1)
    things = [int(t) for t in (Tag.HAND_R, Tag.HAND_L, Tag.OBJECT, Tag.PHONE)]
    return float(np.isin(tags[y, x], things).mean())
