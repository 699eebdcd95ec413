"""Contact sheets of cabin stills and clips: face squares, points, hands, what is being done."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.synth.actions import ACTIONS
from tools.synth.stills import LIGHTS, MOUNT_NAMES, OBJECTS

Picture = NDArray[np.uint8]
_FACE, _WEAK, _RIGHT, _LEFT, _POINT = (
    (80, 255, 80), (60, 60, 255), (80, 80, 255), (255, 120, 60), (255, 255, 0)
)  # fmt: skip


def tiles(data: dict[str, Any], first: int, count: int, plain: bool) -> list[Picture]:
    """One tile a still; a clip gives eight frames spread over its length."""
    if data["image"].ndim == 3:
        chosen = range(first, min(first + count, len(data["image"])))
        return [tile({k: v[i] for k, v in data.items()}, plain) for i in chosen]
    out = []
    for i in range(first, min(first + max(count // 8, 1), len(data["image"]))):
        for t in np.linspace(0, data["image"].shape[1] - 1, 8).astype(int):
            row = {k: v[i, t] if v.ndim > 1 and v.shape[1:2] == data["image"].shape[1:2] else v[i]
                   for k, v in data.items()}  # fmt: skip
            out.append(tile(row, plain))
    return out


def tile(row: dict[str, Any], plain: bool) -> Picture:
    """One picture with its labels."""
    image = cv2.cvtColor(row["image"], cv2.COLOR_GRAY2BGR)
    if plain:
        return np.asarray(image, np.uint8)
    for x, y, side, share in row["faces"] if "faces" in row else [(*row["square"], 1.0)]:
        if side > 0:
            half, colour = side / 2, _FACE if share > 0.4 else _WEAK
            corners = (int(x - half), int(y - half)), (int(x + half), int(y + half))
            cv2.rectangle(image, *corners, colour, 1)
    for p in row["landmarks"][::3]:
        cv2.circle(image, (int(p[0]), int(p[1])), 1, _POINT, -1)
    for hand, colour in zip(row["hand_keypoints"], (_RIGHT, _LEFT), strict=True):
        for x, y, seen in hand:
            if seen:
                cv2.circle(image, (int(x), int(y)), 1, colour, -1)
    action = ACTIONS[int(row["action"])] if row["action"] >= 0 else "-"
    text = f"{action} {OBJECTS[int(row['object'])]} {MOUNT_NAMES[int(row['mount'])]}"
    cv2.putText(image, f"{text} {LIGHTS[int(row['light'])]}", (3, 12), 0, 0.4, (0, 255, 255), 1)
    return np.asarray(image, np.uint8)
