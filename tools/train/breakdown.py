"""The same errors by condition: which heads, lights, glasses, skins and cameras are seen worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tools.train.evaluate_synth import (
    SEEN,
    Tables,
    frame_pose_error,
    gaze_error,
    lids,
)
from tools.train.frames import asked
from tools.train.records import Array, Table, poses, turn
from tools.train.rows import auc

LEAST = 20
"""Rows under which a group says nothing."""
MOUNTS = ("column", "cluster", "A-pillar", "mirror", "centre", "portrait")
LIGHTS = ("night", "dusk", "day", "sun", "room")
Groups = list[tuple[str, Array]]


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of one group."""

    figure: str
    by: str
    group: str
    value: float
    count: int

    @property
    def line(self) -> str:
        return f"| {self.figure} | {self.by} | {self.group} | {self.value:.4g} | {self.count} |"


HEADER = "| figure | by | group | value | n |\n|---|---|---|---|---|"


def ranges(x: Array, edges: Sequence[float], unit: str = "") -> Groups:
    """Groups of edges[i] <= x < edges[i + 1]."""
    return [(f"{a:g} to {b:g}{unit}", (x >= a) & (x < b)) for a, b in pairwise(edges)]


def kinds(x: Array, names: Sequence[str]) -> Groups:
    return [(name, x == k) for k, name in enumerate(names)]


def yes_no(x: Array, yes: str, no: str) -> Groups:
    return [(no, x < 0.5), (yes, x >= 0.5)]


def glasses(t: Table, worn: Array) -> Groups:
    dark = t["sunglasses"] > 0.5
    return [("none", worn < 0.5), ("clear or tinted", (worn > 0.5) & ~dark), ("dark", dark)]


def grey(t: Table) -> Groups:
    return ranges(t["level"], (0, 30, 60, 100, 150, 256), " grey levels")


def skin(t: Table) -> Groups:
    """By the person's tone; no groups where the renders do not tell."""
    tone = t["tone"]
    return [(n, m & np.isfinite(tone)) for n, m in zip(
        ("dark third", "middle third", "pale third"),
        (g for _, g in ranges(tone, (0, 1 / 3, 2 / 3, 1.01))), strict=True)]  # fmt: skip


def means(figure: str, by: str, groups: Groups, values: Array) -> Iterable[Part]:
    """The mean of a value in each group that is large enough."""
    for name, mask in groups:
        own = values[mask]
        own = own[np.isfinite(own)]
        if len(own) >= LEAST:
            yield Part(figure, by, name, float(own.mean()), len(own))


def face_parts(t: Table) -> Iterable[Part]:
    """Head pose by everything that faces are labelled with."""
    face = t["face"] > 0
    f = {k: v[face] for k, v in t.items()}
    error = turn(poses(f["out"]) - f["pose"]).mean(1)
    yaw, pitch = np.abs(f["pose"][:, 0]), f["pose"][:, 1]
    for by, groups in (
        ("yaw", ranges(yaw, (0, 15, 30, 45, 60, 75, 90), " deg")),
        ("pitch", ranges(pitch, (-60, -30, -15, 0, 15, 30, 50), " deg")),
        ("light", grey(f)),
        ("glasses", glasses(f, f["glasses"])),
        ("skin", skin(f)),
        ("picture", yes_no(f["visible_light"], "visible light", "near infrared")),
        ("headwear", yes_no(f["headwear"], "worn", "none")),
        ("mask", yes_no(f["mask"], "worn", "none")),
    ):
        yield from means("head pose MAE [deg]", by, groups, error)


def eye_parts(t: Table) -> Iterable[Part]:
    """Openness, open/closed and gaze by yaw, light, glasses, skin, picture."""
    seen, wide = t["is_visible"] > SEEN, lids(t)[1]
    error = np.where(seen, np.abs(t["out"][:, 1] - t["open"]), np.nan)
    gaze = np.where(wide, gaze_error(t, np.ones(len(wide), bool)), np.nan)
    for by, groups in (
        ("yaw", ranges(np.abs(t["pose"][:, 0]), (0, 15, 30, 45, 60, 90), " deg")),
        ("pitch", ranges(t["pose"][:, 1], (-60, -30, -15, 0, 15, 30, 50), " deg")),
        ("light", grey(t)),
        ("glasses", glasses(t, t["is_glasses"])),
        ("skin", skin(t)),
        ("picture", yes_no(t["visible_light"], "visible light", "near infrared")),
    ):
        yield from means("openness MAE", by, groups, error)
        yield from _ranked(t, by, groups)
        yield from means("gaze MAE [deg]", by, groups, gaze)


def _ranked(t: Table, by: str, groups: Groups) -> Iterable[Part]:
    shut, wide = lids(t)
    for name, mask in groups:
        a, b = t["out"][shut & mask, 6], t["out"][wide & mask, 6]
        if min(len(a), len(b)) >= LEAST:
            yield Part("open/closed AUC", by, name, auc(a, b), len(a) + len(b))


def frame_parts(t: Table) -> Iterable[Part]:
    """Faces found, and their pose end to end, by camera, light, size and skin."""
    want = asked(t, 85.0)
    f = {k: v[want] for k, v in t.items()}
    for by, groups in (
        ("camera", kinds(f["mount"], MOUNTS)),
        ("light", kinds(f["light"], LIGHTS)),
        ("size", ranges(f["width"], (60, 90, 130, 200, 1000), " px in VGA")),
        ("yaw", ranges(np.abs(f["truth"][:, 0]), (0, 15, 30, 45, 60, 90), " deg")),
        ("skin", skin(f)),
        ("picture", yes_no(f["visible"], "visible light", "near infrared")),
    ):
        yield from means("driver's face found", by, groups, f["found"].astype(float))
        yield from means("head pose MAE in frames [deg]", by, groups, frame_pose_error(f))


def action_parts(t: Table) -> Iterable[Part]:
    """The share of right actions by camera, light, skin, picture."""
    right = (t["out"].argmax(1) == t["action"]).astype(float)
    for by, groups in (
        ("camera", kinds(t["mount"], MOUNTS)),
        ("light", kinds(t["light"], LIGHTS)),
        ("skin", skin(t)),
        ("picture", yes_no(t["visible"], "visible light", "near infrared")),
    ):
        yield from means("action right, stills", by, groups, right)


def all_parts(t: Tables) -> list[Part]:
    """Every breakdown that the renders at hand allow."""
    out: list[Part] = []
    for table, parts in (
        (t.faces, face_parts),
        (t.eyes, eye_parts),
        (t.frames, frame_parts),
        (t.stills, action_parts),
    ):
        if table:
            out += parts(table)
    return out
