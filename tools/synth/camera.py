"""Cameras, rotations and the angle conventions of every label.

Camera frame: x right, y up, the view goes along -z; a head at 0/0/0 looks along +z, at the camera.
Columns of a head's rotation are its axes: x the subject's left, y up, z out of the face.  Pixels:
(0, 0) is the picture's top left corner, pixel (i, j) covers [i, i+1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]


def rotation(axis: ArrayLike, degrees: float) -> F64:
    """Right-handed rotation about `axis`."""
    a = np.asarray(axis, float)
    x, y, z = a / np.linalg.norm(a)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    t = np.radians(degrees)
    return np.asarray(np.eye(3) + np.sin(t) * k + (1 - np.cos(t)) * k @ k)


def head_rotation(yaw: float, pitch: float, roll: float) -> F64:
    """Degrees -> R with yaw=atan2(R02,R22), pitch=asin(R12), roll=atan2(R10,R11)."""
    turn, nod = rotation((0, 1, 0), yaw), rotation((1, 0, 0), -pitch)
    return turn @ nod @ rotation((0, 0, 1), roll)


def head_angles(r: F64) -> tuple[float, float, float]:
    """The inverse of `head_rotation`, degrees."""
    yaw = np.arctan2(r[0, 2], r[2, 2])
    pitch = np.arcsin(np.clip(r[1, 2], -1, 1))
    roll = np.arctan2(r[1, 0], r[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))


def between(a: ArrayLike, b: ArrayLike) -> F64:
    """The smallest rotation that takes direction a to direction b (not opposite ones)."""
    p, q = unit(a), unit(b)
    axis = np.cross(p, q)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.eye(3)
    return rotation(axis, float(np.degrees(np.arctan2(sine, p @ q))))


def unit(a: ArrayLike) -> F64:
    """`a` at length 1."""
    v = np.asarray(a, float)
    return np.asarray(v / np.linalg.norm(v))


@dataclass(frozen=True, slots=True)
class Camera:
    """`rotation` rows are right, up, back in the world; focal and centre in px.

    A pinhole, unless `barrel` is below 0: then the lens pulls what is between the middle and the
    picture's farthest corner outwards (the division model of Fitzgibbon 2001 with that corner at
    radius 1 and left where it is), as wide lenses do.
    """

    position: F64
    rotation: F64
    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]
    barrel: float = 0.0

    @classmethod
    def look_at(
        cls,
        position: ArrayLike,
        target: ArrayLike,
        hfov_deg: float,
        size: tuple[int, int],
        *,
        roll_deg: float = 0.0,
    ) -> Camera:
        """A camera at `position` (cm) whose middle shows `target`, the world's up side up."""
        eye = np.asarray(position, float)
        back = unit(eye - np.asarray(target, float))
        right = unit(np.cross((0, 1, 0), back))
        r = rotation((0, 0, 1), roll_deg) @ np.stack([right, np.cross(back, right), back])
        focal = size[0] / 2 / np.tan(np.radians(hfov_deg) / 2)
        return cls(eye, r, focal, (size[0] / 2, size[1] / 2), size)

    def window(self, centre: ArrayLike, side: float, pixels: int) -> Camera:
        """The square `side` px wide around `centre`, seen in `pixels` x `pixels` (of a pinhole)."""
        x, y = np.asarray(centre, float) - side / 2
        k = pixels / side
        moved = ((self.centre[0] - x) * k, (self.centre[1] - y) * k)
        return replace(self, focal=self.focal * k, centre=moved, size=(pixels, pixels))

    def matrix(self) -> F64:
        """4x4 for the rasteriser: rows X, Y, key, W; pixel = X/W, Y/W; W the distance in cm; what
        the lens does not yet done."""
        r, f = self.rotation, self.focal
        m = np.zeros((4, 4))
        m[3, :3] = -r[2]
        m[0, :3] = f * r[0] + self.centre[0] * m[3, :3]
        m[1, :3] = -f * r[1] + self.centre[1] * m[3, :3]
        m[:, 3] = -m[:, :3] @ self.position
        m[2] = (0, 0, 0, 1)
        return m

    def project(self, points: ArrayLike) -> tuple[F64, F64]:
        """World points (n,3) -> pixels (n,2) and distances along the view (n,)."""
        p = np.asarray(points, float).reshape(-1, 3)
        q = np.c_[p, np.ones(len(p))] @ self.matrix().T
        return self._bent(q[:, :2] / q[:, 3:]), q[:, 3]

    def straight(self, pixels: F64) -> F64:
        """Where a pinhole would have had what the lens shows at `pixels` (..,2)."""
        away = pixels - self.centre
        square = (away**2).sum(-1, keepdims=True) / self._corner() ** 2
        return np.asarray(self.centre + away * (1 + self.barrel) / (1 + self.barrel * square))

    def _bent(self, pixels: F64) -> F64:
        """The inverse of `straight`."""
        away, middle = pixels - self.centre, 1 + self.barrel
        square = (away**2).sum(-1, keepdims=True) / self._corner() ** 2
        return self.centre + away * 2 / (middle + np.sqrt(middle**2 - 4 * self.barrel * square))

    def _corner(self) -> float:
        (x, y), (w, h) = self.centre, self.size
        return float(np.hypot(max(x, w - x), max(y, h - y)))

    def ray(self, pixel: ArrayLike) -> F64:
        """The unit direction, in the camera frame, in which `pixel` looks."""
        u, v = self.straight(np.asarray(pixel, float))
        return unit([(u - self.centre[0]) / self.focal, (self.centre[1] - v) / self.focal, -1.0])

    def ray_frame(self, pixel: ArrayLike) -> F64:
        """Rows: the axes (world) of the camera frame turned the short way onto the pixel's ray.
        What is "relative to the ray" in the labels is relative to this."""
        return between((0, 0, -1), self.ray(pixel)).T @ self.rotation


def parallel_map(direction: ArrayLike, centre: ArrayLike, radius: float, side: int) -> F64:
    """The shadow map matrix of a parallel light that shines from `direction`."""
    back = unit(direction)
    right = unit(np.cross((0.1, 1, 0.05), back))
    up, k = np.cross(back, right), side / 2 / radius
    c = np.asarray(centre, float)
    m = np.zeros((4, 4))
    m[0, :3], m[0, 3] = right * k, side / 2 - right @ c * k
    m[1, :3], m[1, 3] = -up * k, side / 2 + up @ c * k
    m[2, :3] = back
    m[3, 3] = 1
    return m


def point_map(position: ArrayLike, centre: ArrayLike, radius: float, side: int) -> F64:
    """The shadow map matrix of a point light that must cover a ball round `centre`."""
    distance = float(np.linalg.norm(np.asarray(position, float) - np.asarray(centre, float)))
    fov = 2 * np.degrees(np.arcsin(min(0.9, radius / distance)))
    return Camera.look_at(position, centre, float(fov), (side, side)).matrix()
