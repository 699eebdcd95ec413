"""Contact sheets: shards' pictures with their labels drawn on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.synth import shards

Picture = NDArray[np.uint8]
_SEEN, _HIDDEN, _GAZE = (80, 255, 80), (60, 60, 255), (255, 200, 0)


def write(folder: Path, out: Path, first: int, count: int, eyes: bool, plain: bool) -> None:
    """Draw `count` samples of a folder of shards, from `first`, into one PNG."""
    data = shards.load(folder)
    if "face" not in data:
        from tools.synth import cabin_sheet

        tiles = cabin_sheet.tiles(data, first, count, plain)
    else:
        chosen = range(first, min(first + count, len(data["face"])))
        draw = eye_tile if eyes else face_tile
        tiles = [draw(data, k, plain) for k in chosen]
    cv2.imwrite(str(out), join(tiles))


def join(tiles: list[Picture], columns: int = 8) -> Picture:
    """Tiles of one size in rows."""
    blank = np.zeros_like(tiles[0])
    tiles = tiles + [blank] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)]
    return np.vstack(rows)


def face_tile(data: dict[str, Any], k: int, plain: bool) -> Picture:
    """One face crop, enlarged to 256 px."""
    size = 256
    scale = size / data["face"].shape[1]
    tile = cv2.resize(data["face"][k], (size, size), interpolation=cv2.INTER_LINEAR)
    tile = cv2.cvtColor(tile, cv2.COLOR_GRAY2BGR)
    if plain:
        return np.asarray(tile, np.uint8)
    if not data["has_face"][k]:
        return _text(tile, "no face", 12)
    points = data["landmarks"][k] * scale
    for p, seen in zip(points, data["landmark_visible"][k], strict=True):
        _dot(tile, p, _SEEN if seen else _HIDDEN)
    for e, start in enumerate((36, 42)):
        _gaze(tile, points[start : start + 6].mean(0), data["gaze"][k][e])
    yaw, pitch, roll = np.degrees(data["angles"][k])
    _text(tile, f"y{yaw:+.0f} p{pitch:+.0f} r{roll:+.0f} {_flags(data, k)}", 12)
    right, left = data["open"][k]
    seen_r, seen_l = data["eye_visible"][k]
    _text(tile, f"R{right:.2f}/{seen_r:.2f} L{left:.2f}/{seen_l:.2f} m{data['mouth'][k]:.2f}", 250)
    return np.asarray(tile, np.uint8)


def eye_tile(data: dict[str, Any], k: int, plain: bool) -> Picture:
    """Both eye crops of a sample, side by side, the subject's right eye first."""
    both = []
    for e in (0, 1):
        tile = cv2.resize(data["eye"][k, e], (160, 160), interpolation=cv2.INTER_NEAREST)
        tile = cv2.cvtColor(tile, cv2.COLOR_GRAY2BGR)
        if not plain and data["has_face"][k]:
            for p in data["eye_landmarks"][k, e] * 2:
                _dot(tile, p, _SEEN)
            _gaze(tile, np.array([80.0, 80.0]), data["gaze"][k][e])
            _text(tile, f"{data['open'][k, e]:.2f}/{data['eye_visible'][k, e]:.2f}", 156)
        both.append(tile)
    return np.asarray(np.hstack(both), np.uint8)


def _flags(data: dict[str, Any], k: int) -> str:
    names = ("glasses", "sunglasses", "mask", "headwear", "visible_light")
    on = "".join(n[0] if n != "sunglasses" else "D" for n in names if data[n][k])
    return on + (f" c{data['covered'][k]:.2f}" if data["covered"][k] > 0 else "")


def _dot(tile: NDArray[Any], point: NDArray[Any], colour: tuple[int, int, int]) -> None:
    cv2.circle(tile, (int(point[0]), int(point[1])), 1, colour, -1)


def _gaze(tile: NDArray[Any], at: NDArray[Any], gaze: NDArray[Any]) -> None:
    """A line along the gaze as the camera sees it."""
    x = np.sin(gaze[0]) * np.cos(gaze[1])
    end = at + 42 * np.array([x, -np.sin(gaze[1])])
    cv2.line(tile, (int(at[0]), int(at[1])), (int(end[0]), int(end[1])), _GAZE, 1)


def _text(tile: NDArray[Any], text: str, y: int) -> Picture:
    cv2.putText(tile, text, (3, y), 0, 0.38, (255, 255, 255), 1)
    return np.asarray(tile, np.uint8)
