"""Truth -> Observations as the networks would have given them, errors and all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dms.scenarios.errors import (
    EYE_SIGN,
    MOUTH_AT,
    OPEN_AT,
    YAW_BINS_DEG,
    Channel,
    Conditions,
    ErrorModel,
    Z,
    farness,
)
from dms.scenarios.track import NANO, Angles, Truth, first_order
from dms.types import ACTIONS, Action, Eye, Face, Observation, Quality, VehicleState

F64 = NDArray[np.float64]
VISIBLE_MIN = 0.35
"""Below it the engine does not read an eye (kEyeVisibleMin of native/decode.hpp)."""
CLEAR = Quality(mean=90, contrast=40, dark=0.01, saturated=0.01, sharpness=0.5, frozen_frames=0)
IMAGES = {
    "clear": CLEAR,
    "dark": Quality(2, 2, 0.97, 0, None, 0),
    "saturated": Quality(251, 6, 0, 0.96, None, 0),
    "frozen": CLEAR,
    "blurred": replace(CLEAR, sharpness=0.3),
    "dirty": replace(CLEAR, sharpness=0.9, face_sharpness=0.4),
}
"""What the frame itself shows in each kind of picture."""
_POINTS = np.zeros((68, 2), np.float32)
_BOX = (500.0, 300.0, 250.0, 250.0)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is simulated, and the camera's mount (where straight ahead lies in the camera frame,
    deg). In each condition they err like the driver measured there whose camera stood nearest."""

    seed: int
    mount: Angles = (0.0, 0.0)


ASIDE_DEG = 30.0
"""A camera this far to the side of straight ahead sees one eye from the side when the driver looks
at the road (as `fusion.gaze_fade_start_deg`)."""


def anyone(model: ErrorModel, condition: str, seed: int, aside: bool | None = None) -> Person:
    """Somebody before the camera of one of the drivers measured in this condition, each in turn;
    `aside` True or False: before a camera further aside than ASIDE_DEG, or not, if there is one."""
    cameras = model.conditions[condition].cameras
    if aside is not None:
        wanted = cameras[(np.abs(cameras[:, 0]) > ASIDE_DEG) == aside]
        cameras = wanted if len(wanted) else cameras
    yaw, pitch = cameras[seed % len(cameras)]
    return Person(seed, (float(yaw), float(pitch)))


def to_camera(mount: Angles, yaw: F64, pitch: F64) -> tuple[F64, F64]:
    """Vehicle-frame directions [rad] in the camera frame: the inverse of what fusion learns."""
    yaw0, pitch0 = np.radians(mount)
    x, up = np.sin(yaw) * np.cos(pitch), np.sin(pitch)
    ahead = np.cos(yaw) * np.cos(pitch)
    y = up * np.cos(pitch0) + ahead * np.sin(pitch0)
    z = ahead * np.cos(pitch0) - up * np.sin(pitch0)
    return np.arctan2(x, z) + yaw0, np.arcsin(np.clip(y, -1, 1))


@dataclass(slots=True)
class Sight:
    """What was seen, as arrays; two columns are left and right."""

    face: NDArray[np.bool_]
    head: F64
    gaze: F64
    """(n, 2, 2): eye, yaw and pitch."""
    gaze_sigma: F64
    open: F64
    open_sigma: F64
    closed: F64
    visible: F64
    rest: dict[str, F64]
    """One-number channels by name."""


def observe(
    truth: Truth, model: ErrorModel, person: Person, fps: float, part: int = 0, first_seq: int = 0
) -> Iterator[tuple[Observation, VehicleState]]:
    """Frame by frame. `part` numbers the pieces of a drive too long to be sampled at once."""
    rng = np.random.default_rng([person.seed, part, 11])
    n = len(truth)
    sight = Sight(
        np.zeros(n, bool), np.zeros((n, 3)), np.zeros((n, 2, 2)), np.zeros((n, 2)),
        np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2)), np.zeros((n, 2)),
        {k: np.zeros(n) for k in ONE_NUMBER},
    )  # fmt: skip
    noise = _noise(model, rng, n, fps)
    names = np.array(truth.noise)
    for name in dict.fromkeys(truth.noise):
        conditions = model.conditions[name]
        k = int(np.hypot(*(conditions.cameras - person.mount).T).argmin())
        _see(truth, names == name, conditions, k, person.mount, noise, sight)
    sight.face = truth.seen & ~_lost(truth, sight, model, rng, fps)
    sight.visible *= np.where(np.array(truth.eyes), 1.0, 0.02)
    actions = _actions(truth.hands, model, person.seed, fps)
    yield from _frames(truth, sight, actions, first_seq)


ONE_NUMBER = ("rotation_sigma", "score", "mouth", "sunglasses", "mask", "occluded")
NOISE_COLUMNS = (
    "head_yaw", "head_pitch", "head_roll", "gaze_yaw", "gaze_pitch", "open", "open_sigma",
    "visible", "gaze_sigma",
)  # fmt: skip


def _noise(model: ErrorModel, rng: np.random.Generator, n: int, fps: float) -> dict[str, F64]:
    """Standard normal processes: a shared one and one for each eye for every channel."""
    channels = model.conditions["clear"].channels
    names = [*NOISE_COLUMNS, *ONE_NUMBER]
    taus = [max(channels[name].tau_s, 1e-3) for name in names for _ in range(3)]
    a = np.exp(-1 / (np.array(taus) * fps))
    z = first_order(rng.standard_normal((n, len(a))), a)
    return {name: z[:, 3 * k : 3 * k + 3] for k, name in enumerate(names)}


def _see(
    truth: Truth,
    mask: NDArray[np.bool_],
    c: Conditions,
    driver: int,
    mount: Angles,
    noise: dict[str, F64],
    out: Sight,
) -> None:
    """Fill in the frames of one condition, with the errors of one of its measured drivers."""
    bias = c.drivers[driver]
    head, gaze = np.radians(truth.head[mask]), np.radians(truth.gaze[mask])
    yaw, pitch = to_camera(mount, head[:, 0], head[:, 1])
    eye_yaw, eye_pitch = to_camera(mount, gaze[:, 0], gaze[:, 1])
    bins = np.digitize(np.abs(np.degrees(yaw)), YAW_BINS_DEG)
    ch = c.channels
    for k, (name, value) in enumerate(
        zip(("head_yaw", "head_pitch", "head_roll"), (yaw, pitch, head[:, 2]), strict=True)
    ):
        error = quantile(ch[name], bins, noise[name][mask, 0])
        out.head[mask, k] = ch[name].gains[0] * value + bias[k] + error
    off = np.zeros((2, 2, len(bins)))
    for k, (name, of_head, of_gaze) in enumerate(
        (("gaze_yaw", yaw, eye_yaw), ("gaze_pitch", pitch, eye_pitch))
    ):
        g_head, g_eye = bias[6 + 2 * k : 8 + 2 * k]
        mean = g_head * of_head + g_eye * (of_gaze - of_head) + bias[3 + k]
        for eye in range(2):
            off[eye, k] = _of_eye(noise[name][mask], eye, ch[name].shared)
            error = quantile(ch[name], bins, off[eye, k])
            out.gaze[mask, eye, k] = mean + EYE_SIGN[eye] * bias[10 + k] + error
    sure = ch["gaze_sigma"].of(driver)
    for eye in range(2):
        z = _with(farness(*off[eye]), sure.along()[bins], noise["gaze_sigma"][mask], eye, sure)
        out.gaze_sigma[mask, eye] = np.maximum(quantile(sure, bins, z), 0)
    lid, shut, sure = (ch[name].of(driver) for name in ("open", "closed", "open_sigma"))
    along = np.interp(truth.open[mask], OPEN_AT, sure.along())
    for eye in range(2):
        z = _of_eye(noise["open"][mask], eye, lid.shared)
        shown = between(lid, OPEN_AT, truth.open[mask], z) * bias[5]
        out.open[mask, eye] = np.clip(shown, 0.0, 1.4)
        out.closed[mask, eye] = np.clip(between(shut, OPEN_AT, truth.open[mask], -z), 0, 1)
        z = _with(z, along, noise["open_sigma"][mask], eye, sure)
        sigma = between(sure, OPEN_AT, truth.open[mask], z)
        out.open_sigma[mask, eye] = np.maximum(sigma, 0)
        turned = np.degrees(yaw) * (1 if eye == 0 else -1)
        side = np.digitize(turned, signed_edges())
        z = _of_eye(noise["visible"][mask], eye, ch["visible"].shared)
        out.visible[mask, eye] = np.clip(quantile(ch["visible"], side, z), 0, 1)
    for name in ("rotation_sigma", "score"):
        shown = quantile(ch[name], bins, noise[name][mask, 0])
        out.rest[name][mask] = np.maximum(shown, 0)
    for name in ("sunglasses", "mask", "occluded"):
        row = np.zeros(len(bins), int)
        out.rest[name][mask] = np.clip(quantile(ch[name], row, noise[name][mask, 0]), 0, 1)
    mouth = between(ch["mouth"], MOUTH_AT, truth.mouth[mask], noise["mouth"][mask, 0])
    out.rest["mouth"][mask] = np.maximum(mouth, 0)


def signed_edges() -> F64:
    """Edges of the yaw towards one eye's own side."""
    return np.concatenate([-YAW_BINS_DEG[::-1], [0.0], YAW_BINS_DEG])


def _of_eye(z: F64, eye: int, shared: float) -> F64:
    """One eye's noise out of the shared and its own."""
    s = float(np.clip(shared, 0, 1))
    return np.asarray(np.sqrt(s) * z[:, 0] + np.sqrt(1 - s) * z[:, 1 + eye])


def _with(error: F64, along: F64, own: F64, eye: int, sigma: Channel) -> F64:
    """A sigma's noise: goes along with the score of the error, the rest its own."""
    return np.asarray(along * error + np.sqrt(1 - along**2) * _of_eye(own, eye, sigma.shared))


def quantile(channel: Channel, rows: NDArray[np.intp], z: F64) -> F64:
    """The table's value at z of a standard normal, in each frame's row."""
    out = np.empty(len(z))
    for row in range(len(channel.table)):
        mask = rows == row
        if mask.any():
            out[mask] = np.interp(z[mask], Z, channel.table[row])
    return out


def between(channel: Channel, at: F64, value: F64, z: F64) -> F64:
    """As quantile, the rows interpolated by the true value."""
    low = np.clip(np.searchsorted(at, value, "right") - 1, 0, len(at) - 2)
    share = np.clip((value - at[low]) / (at[low + 1] - at[low]), 0, None)
    share = np.minimum(share, 1.3)  # openness beyond neutral
    a, b = quantile(channel, low, z), quantile(channel, low + 1, z)
    return np.asarray(a + (b - a) * share)


def _lost(
    truth: Truth, sight: Sight, model: ErrorModel, rng: np.random.Generator, fps: float
) -> NDArray[np.bool_]:
    """A two-state chain with the measured share and mean run of frames without a face."""
    n = len(truth)
    draw = rng.random(n)
    bins = np.digitize(np.abs(np.degrees(sight.head[:, 0])), YAW_BINS_DEG)
    bins = np.where(truth.lean > 0.5, len(YAW_BINS_DEG) + 1, bins)
    share, run = np.empty(n), np.empty(n)
    for name in dict.fromkeys(truth.noise):
        mask = np.array([x == name for x in truth.noise])
        c = model.conditions[name]
        share[mask], run[mask] = c.lost[bins[mask]], max(c.lost_run_s, 1 / fps)
    back = np.minimum(1.0, 1 / (run * fps))
    go = np.minimum(1.0, back * share / np.maximum(1e-6, 1 - share))
    out = np.zeros(n, bool)
    lost = False
    for i, (p, leave, enter, s) in enumerate(
        zip(draw.tolist(), back.tolist(), go.tolist(), share.tolist(), strict=True)
    ):
        lost = s >= 0.999 or (p >= leave if lost else p < enter)
        out[i] = lost
    return out


def _actions(
    hands: Sequence[str], model: ErrorModel, seed: int, fps: float
) -> list[tuple[float, ...]]:
    """What the action network says: of each action what it said of one measured driver's, each in
    turn, for as long as the action lasts."""
    out: list[tuple[float, ...]] = []
    begin = 0
    while begin < len(hands):
        end = begin
        while end < len(hands) and hands[end] == hands[begin]:
            end += 1
        out += _clip(hands[begin], end - begin, model, seed, fps)
        begin = end
    return out


def _clip(action: str, n: int, model: ErrorModel, seed: int, fps: float) -> list[tuple[float, ...]]:
    clips = model.actions.get(action)
    if clips is None or len(clips) == 0:
        return [sure(action)] * n
    clip = clips[seed % len(clips)]  # to and fro, all along
    there = np.arange(n) / (fps * model.action_step_s)
    span = max(1, len(clip) - 1)
    at = np.abs((there % (2 * span)) - span)
    low = np.minimum(at.astype(int), len(clip) - 1)
    high = np.minimum(low + 1, len(clip) - 1)
    share = (at - low)[:, None]
    mixed = clip[low] * (1 - share) + clip[high] * share
    return [tuple(row) for row in mixed.tolist()]


def sure(action: str) -> tuple[float, ...]:
    """What a network without error says."""
    return tuple(0.965 if name == action else 0.005 for name in ACTIONS)


def _frames(
    truth: Truth, sight: Sight, actions: list[tuple[float, ...]], first_seq: int
) -> Iterator[tuple[Observation, VehicleState]]:
    times = truth.t_ns.tolist()
    faces, heads = sight.face.tolist(), sight.head.tolist()
    numbers = (
        sight.visible, sight.open, sight.open_sigma, sight.closed,
        sight.gaze[..., 0], sight.gaze[..., 1], sight.gaze_sigma,
    )  # fmt: skip
    both_eyes = np.stack(numbers, 2).tolist()
    rest = {k: v.tolist() for k, v in sight.rest.items()}
    speeds = truth.speed_mps.tolist()
    frozen = 0
    for i, t in enumerate(times):
        kind = truth.image[i]
        frozen = frozen + 1 if kind == "frozen" else 0
        quality = IMAGES[kind]
        if frozen:
            quality = replace(quality, frozen_frames=frozen)
        face = None
        if faces[i] and kind not in ("dark", "saturated"):
            r = {k: v[i] for k, v in rest.items()}
            eyes = [_eye(*of_eye) for of_eye in both_eyes[i]]
            yaw, pitch, roll = heads[i]
            face = Face(
                r["score"], _BOX, _POINTS, yaw, pitch, roll, r["rotation_sigma"], r["mouth"],
                r["sunglasses"], r["mask"], r["occluded"], eyes[0], eyes[1],
            )  # fmt: skip
        action = Action(actions[i], age_ns=NANO // 50, window_steps=32)
        signals = truth.signals[i]
        vehicle = VehicleState(t, speeds[i], **signals)  # type: ignore[arg-type]
        yield Observation(first_seq + i, t, face, action, quality), vehicle


def _eye(visible: float, *numbers: float) -> Eye:
    """An eye whose six other numbers are known where it is visible."""
    if visible < VISIBLE_MIN:
        return Eye(visible, None, None, None, None, None, None)
    return Eye(visible, *numbers)
