"""Figures on rendered people that training never saw, through the INT8 files.

Everything is computed from records; what needs a threshold takes it from the validation split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tools.train import confidence, frames, parity, records
from tools.train.confidence import CLAIMS, SEEN, softmax
from tools.train.manifest import ACTIONS
from tools.train.perceive import FACE, Nets
from tools.train.records import Array, Table, poses, turn
from tools.train.rows import Figure, auc, macro_f1
from tools.train.shards import Shards
from tools.train.spec import ACTION_OUT
from tools.train.witness import witness

CLOSED, OPEN = 0.2, 0.4
"""Openness below, above which an eye is closed, open; between, it is not counted."""
YAWS = ((60.0, 2.5), (85.0, 4.0))
"""Head pose: up to this yaw [deg], at most this mean error [deg]."""
BOWED_DEG = -40.0
"""Head pitch below which a head hangs."""
EXACT = 0.95
"""Asked of phone precision and recall."""
FLIP_DEG = 10.0
"""INT8 and float poses further apart than this are a flip."""
AXIS_MAE = np.sqrt(2 / np.pi)
"""Mean absolute error over the standard error of a normal error."""
GAZE_AXIS, TURN_AXIS = np.sqrt(2 / np.pi), np.sqrt(np.pi / 8)
"""Standard error of one axis over the mean length of a normal error alike on all: of two axes, of
three. The networks tell the length, the engine the axis (kAxisOfGaze of native/decode.hpp)."""
PEOPLE, FRAMES = "rendered test people", "rendered test frames"
STILLS, CLIPS = "rendered test stills", "rendered test clips"
PHONE = [ACTIONS.index("phone_ear"), ACTIONS.index("phone_hand")]


@dataclass(slots=True)
class Tables:
    """The records of one split; a table is empty where there are no renders."""

    faces: Table = field(default_factory=dict)
    eyes: Table = field(default_factory=dict)
    frames: Table = field(default_factory=dict)
    stills: Table = field(default_factory=dict)
    clips: Table = field(default_factory=dict)
    float_stills: Table = field(default_factory=dict)
    unseen: Table = field(default_factory=dict)
    """Stills of drivers that do not show what they do."""


def collect(models: Path, data: Path, split: str, limit: int) -> Tables:
    """Run the networks (INT8, on the test split their float twins too) over a split."""
    nets, twin, eye = Nets(models), Nets(models, fp32=True), witness(models)
    other = twin if split == "test" else None
    shards = {n: Shards([data / n / split]) for n in ("faces", "cabin", "clips")}
    return Tables(
        records.faces(nets, other, shards["faces"], limit),
        records.eyes(nets, other, shards["faces"], limit),
        frames.frames(nets, eye, shards["cabin"], limit),
        records.actions(nets, shards["cabin"], limit),
        records.actions(nets, shards["clips"], 2 * limit),
        records.actions(twin, shards["cabin"], limit) if other else {},
        records.actions(nets, shards["cabin"], limit, shown=False) if other else {},
    )


def face_figures(t: Table) -> list[Figure]:
    """The score, head pose, landmarks and mouth on face crops."""
    face = t["face"] > 0
    score = confidence.sigmoid(t["out"][:, 0])
    error = turn(poses(t["out"][face]) - t["pose"][face])
    yaw = np.abs(t["pose"][face][:, 0])
    marks = np.abs(t["out"][face, 1:137] - t["lm"][face]).mean(1) / 2
    mouth = np.abs(t["out"][:, 144] - t["mouth"])[(t["known"] > 0) & (t["is_mask"] < 0.5)]
    out = [
        _people("face", "face crops scored a face", score[face] > FACE),
        _people("face", "crops without a face scored a face", score[~face] > FACE),
    ]
    for most, limit in YAWS:
        name = f"head pose MAE, yaw within {most:g} [deg]"
        out.append(_people("face", name, error[yaw <= most].mean(1), limit, True))
    for k, axis in enumerate(("yaw", "pitch", "roll")):
        name = f"{axis} MAE, yaw within 60 [deg]"
        out.append(_people("face", name, error[yaw <= YAWS[0][0], k]))
    out.append(_people("face", "landmark error [share of the crop]", marks))
    out.append(_people("face", "mouth opening MAE", mouth, 0.05, True))
    claimed = np.degrees(np.exp(t["out"][face, 143].astype(float)))
    name = "rotation error of one axis over what the claimed sigma promises"
    out.append(_people("face", name, kept_promise(error.mean(1), claimed, TURN_AXIS)))
    return out


def kept_promise(error: Array, length: Array, axis: float) -> Array:
    """Absolute errors of one axis over those that the claimed mean lengths promise: 1 on average if
    sigma is true, more if it is too small."""
    return np.asarray(error / (AXIS_MAE * axis * length))


def _people(
    net: str, name: str, values: Array, limit: float | None = None, most: bool = False
) -> Figure:
    """The mean of a value a crop."""
    mean = float(np.mean(values)) if len(values) else float("nan")
    return Figure(net, name, PEOPLE, mean, len(values), limit, most)


def lids(t: Table) -> tuple[Array, Array]:
    """Masks: eyes that are seen and closed, seen and open."""
    seen = t["is_visible"] > SEEN
    return seen & (t["open"] < CLOSED), seen & (t["open"] > OPEN)


def clear_glasses(t: Table) -> Array:
    return np.asarray((t["is_glasses"] > 0.5) & ~(t["sunglasses"] > 0.5))


def gaze_error(t: Table, which: Array) -> Array:
    """Mean of the yaw's and pitch's absolute errors [deg]."""
    got = np.degrees(t["out"][which, 3:5])
    return np.asarray(np.abs(got - t["gaze"][which]).mean(1))


def merged_gaze_error(t: Table, which: Array) -> Array:
    """The same a face, for faces with both eyes among `which`: their gaze weighted by certainty,
    as fusion merges it."""
    left, right = (np.flatnonzero(which & (t["right"] == side)) for side in (False, True))
    _, a, b = np.intersect1d(t["index"][left], t["index"][right], return_indices=True)
    pairs = np.stack([left[a], right[b]])
    weight = np.exp(-2.0 * t["out"][pairs, 5].astype(float))[..., None]
    off = np.degrees(t["out"][pairs, 3:5]) - t["gaze"][pairs]
    off[0, :, 0] *= -1.0  # left eyes are seen mirrored
    return np.asarray(np.abs((off * weight).sum(0) / weight.sum(0)).mean(1))


def eye_figures(t: Table) -> list[Figure]:
    """Openness, gaze and visibility on eyes cut as the face network has them."""
    shut, wide = lids(t)
    seen, glass = t["is_visible"] > SEEN, clear_glasses(t)
    out, hidden = t["out"], t["is_visible"] < 0.2
    said = (confidence.sigmoid(out[:, 0]) >= 0.5) & (out[:, 6] > 0)

    def ranked(name: str, k: int, a: Array, b: Array, limit: float | None = None) -> Figure:
        value, count = auc(out[a, k], out[b, k]), int(a.sum() + b.sum())
        return Figure("eyes", name, PEOPLE, value, count, limit)

    plain = wide & (t["is_glasses"] < 0.5)
    claimed = np.degrees(np.exp(out[wide, 5].astype(float)))
    return [
        ranked("open/closed AUC of `closed`", 6, shut, wide, 0.995),
        ranked("open/closed AUC of `open`", 1, wide, shut),
        ranked("open/closed AUC behind clear glasses", 6, shut & glass, wide & glass, 0.985),
        _people("eyes", "openness MAE", np.abs(out[seen, 1] - t["open"][seen]), 0.07, True),
        _people("eyes", "gaze MAE, clear eyes [deg]", gaze_error(t, plain), 5.0, True),
        _people("eyes", "gaze MAE, both clear eyes merged [deg]", merged_gaze_error(t, plain)),
        _people("eyes", "gaze MAE behind clear glasses [deg]", gaze_error(t, wide & glass)),
        _people(
            "eyes",
            "gaze error of one axis over what the claimed sigma promises",
            kept_promise(gaze_error(t, wide), claimed, GAZE_AXIS),
        ),
        ranked("eye visible AUC", 0, t["is_visible"] > 0.6, hidden, 0.99),
        _people("eyes", "eyes that cannot be seen called visible and closed", said[hidden]),
    ]


def frame_figures(val: Table, t: Table) -> list[Figure]:
    """Faces in whole frames: by the shipped engine, and by the networks at the best threshold."""
    far, near = frames.asked(t, 85.0), frames.asked(t, 60.0)
    bowed = t["there"] & (t["width"] >= frames.LEAST_PX) & (t["truth"][:, 1] < BOWED_DEG)
    n = len(t["there"])
    at = frames.threshold(val) if val else float("nan")
    false = float((t["false"] >= at).sum()) / n
    size = "face >= 60 px in VGA, half seen"

    def found(name: str, hits: Array, limit: float | None = None) -> Figure:
        value = float(hits.mean()) if len(hits) else float("nan")
        return Figure("cabin", name, FRAMES, value, len(hits), limit)

    by = f"networks alone at {at:.3f} (chosen on validation)"
    return [
        found(f"driver's face found by the engine, {size}, yaw within 85", t["found"][far], 0.995),
        Figure("cabin", "engine's faces that are none, a frame", FRAMES, float(t["wrong"].mean()),
               n, frames.MOST_FALSE, True),
        found(f"driver's face found by the engine, {size}, yaw within 60", t["found"][near]),
        found("driver's face found by the engine, any size and turn", t["found"][t["there"]]),
        found(f"driver's face found by the engine, pitch below {BOWED_DEG:g} deg",
              t["found"][bowed]),
        found(f"driver's face found, {by}, yaw within 85", t["score"][far] >= at),
        Figure("cabin", f"false faces a frame, {by}", FRAMES, false, n),
        _frame_pose(t),
    ]  # fmt: skip


def frame_pose_error(t: Table) -> Array:
    """Mean absolute error of yaw, pitch, roll [deg] a frame, NaN where not found."""
    return np.where(t["found"], turn(t["pose"] - t["truth"]).mean(1), np.nan)


def _frame_pose(t: Table) -> Figure:
    error = frame_pose_error(t)[frames.asked(t, 60.0)]
    known = error[np.isfinite(error)]
    value = float(known.mean()) if len(known) else float("nan")
    return Figure("face", "head pose MAE by the engine, yaw within 60 [deg]", FRAMES, value,
                  len(known))  # fmt: skip


def phone(t: Table) -> tuple[Array, Array]:
    """(probability of a phone in use, whether there is one) at every step."""
    p = softmax(t["out"].astype(float))[:, PHONE].sum(1)
    return p, np.isin(t["action"], PHONE)


def phone_threshold(val: Table) -> float:
    """The lowest probability at which validation's phone precision is EXACT, or where none is, of
    best F1."""
    p, truth = phone(val)
    order = np.argsort(-p)
    hits = np.cumsum(truth[order])
    said = np.arange(1, len(p) + 1)
    whole = np.append(np.diff(p[order]) != 0, True)  # equal ones are called phones together
    precise = np.flatnonzero(whole & (hits / said >= EXACT))
    best = precise[-1] if len(precise) else int(np.argmax(2 * hits / (said + truth.sum())))
    return float(p[order][best])


def action_figures(val: Table, t: Table, where: str, limit: float) -> list[Figure]:
    """Macro-F1, phone recall and precision at validation's threshold, F1 of each action."""
    guess = t["out"].argmax(1)
    p, truth = phone(t)
    at = phone_threshold(val) if val else 0.5
    hit, said = truth & (p >= at), p >= at
    likeliest = np.isin(guess, PHONE)
    both = (truth & likeliest).sum()
    held = EXACT if where == CLIPS else None
    f1 = macro_f1(t["action"], guess, ACTION_OUT)
    by = f"at {at:.2f} (chosen on validation)"
    recall, precision = hit.sum() / max(truth.sum(), 1), hit.sum() / max(said.sum(), 1)
    return [
        Figure("action", "action macro-F1", where, f1, len(guess), limit),
        Figure("action", f"phone recall {by}", where, recall, int(truth.sum()), held),
        Figure("action", f"phone precision {by}", where, precision, int(said.sum()), held),
        Figure("action", "phone recall by the likeliest action", where,
               both / max(truth.sum(), 1), int(truth.sum())),
        Figure("action", "phone precision by the likeliest action", where,
               both / max(likeliest.sum(), 1), int(likeliest.sum())),
        *(
            Figure("action", f"F1 of {name}", where, macro_f1((t["action"] == c) - 1,
                   (guess == c) - 1, 1), int((t["action"] == c).sum()))
            for c, name in enumerate(ACTIONS)
            if (t["action"] == c).any()
        ),
    ]  # fmt: skip


def unseen_figures(val: Table, t: Table) -> list[Figure]:
    """What is claimed of actions that the picture does not show."""
    p = softmax(t["out"].astype(float))
    at = phone_threshold(val) if val else 0.5
    said, sure = float((p[:, PHONE].sum(1) >= at).mean()), float(p.max(1).mean())
    where = f"{STILLS}, action not shown"
    return [
        Figure("action", f"called a phone at {at:.2f}", where, said, len(p)),
        Figure("action", "mean probability of the likeliest", where, sure, len(p)),
    ]


def drift_figures(t: Tables) -> list[Figure]:
    """INT8 against float on the same pictures."""
    face = t.faces["face"] > 0
    apart = turn(poses(t.faces["out"][face]) - poses(t.faces["twin"][face]))
    flips = int((apart.max(1) > FLIP_DEG).sum())
    drops = [d for d in auc_drops(t).values() if np.isfinite(d)]
    name = "INT8 against float, largest AUC drop"
    return [
        _people("face", "INT8 against float, head pose MAE [deg]", apart.mean(1), 0.5, True),
        Figure("face", f"INT8 against float, flips > {FLIP_DEG:g} deg", PEOPLE, flips, len(apart),
               0, True),
        Figure("all", name, PEOPLE, max(drops, default=float("nan")), len(drops), 0.005, True),
    ]  # fmt: skip


def auc_drops(t: Tables) -> dict[str, float]:
    """Float AUC less INT8 AUC of face score, closed, visible and phone."""
    shut, wide = lids(t.eyes)
    shown, hidden = t.eyes["is_visible"] > 0.6, t.eyes["is_visible"] < 0.2
    face = t.faces["face"] > 0
    out = {}
    for name, table, k, a, b in (
        ("face", t.faces, 0, face, ~face),
        ("closed", t.eyes, 6, shut, wide),
        ("visible", t.eyes, 0, shown, hidden),
    ):
        of = {key: auc(table[key][a, k], table[key][b, k]) for key in ("twin", "out")}
        out[name] = of["twin"] - of["out"]
    if t.stills and t.float_stills:
        (p, truth), (q, same) = phone(t.stills), phone(t.float_stills)
        out["phone"] = auc(q[same], q[~same]) - auc(p[truth], p[~truth])
    return out


def parity_errors(models: Path, t: Tables, clip: Path) -> dict[str, tuple[float, int]]:
    """Relative error and count of inputs by network: a rendered clip, noise, test face crops."""
    out = {n: (e, parity.CALLS) for n, e in parity.errors(models, clip).items()}
    if t.faces and "face" in out:
        feeds = [{"image": i[None]} for i in t.faces["image"][:200]]
        error, count = out["face"]
        again = parity.relative_error(models / "face.onnx", feeds)
        out["face"] = max(error, again), count + len(feeds)
    return out


def parity_figures(errors: dict[str, tuple[float, int]]) -> list[Figure]:
    """Integer kernels against simulated rounding."""
    name = "integer kernels against simulated rounding, relative error"
    return [
        Figure(net, f"`{net}` {name}", "rendered crops, noise", error, count, parity.MOST, True)
        for net, (error, count) in errors.items()
    ]


MOST_ECE = 0.03


def calibration_figures(t: Tables) -> list[Figure]:
    """Expected calibration error of each confidence."""
    tables = {"face": t.faces, "eyes": t.eyes}
    asked = {"face", "visible", "closed", "sunglasses", "mask"}
    out = []
    for c in CLAIMS:
        if tables[c.net]:
            p, truth = confidence.claimed(c, tables[c.net])
            limit = MOST_ECE if c.name in asked else None
            name = f"calibration error (ECE) of `{c.name}`"
            out.append(Figure(c.net, name, PEOPLE, confidence.ece(p, truth), len(p), limit, True))
    for table, where in ((t.stills, STILLS), (t.clips, CLIPS)):
        if table:
            p, truth = confidence.action_claims(table)
            name = "calibration error (ECE) of the likeliest action"
            out.append(Figure("action", name, where, confidence.ece(p, truth), len(p), MOST_ECE,
                              True))  # fmt: skip
    return out


def all_figures(val: Tables, t: Tables, parity_found: dict[str, tuple[float, int]]) -> list[Figure]:
    """Every figure that the renders at hand allow."""
    out: list[Figure] = []
    if t.faces and t.eyes:
        out += face_figures(t.faces) + eye_figures(t.eyes)
    if t.frames:
        out += frame_figures(val.frames, t.frames)
    if t.stills:
        out += action_figures(val.stills, t.stills, STILLS, 0.90)
    if t.unseen:
        out += unseen_figures(val.stills, t.unseen)
    if t.clips:
        out += action_figures(val.clips, t.clips, CLIPS, 0.95)
    if t.faces and t.eyes:
        out += drift_figures(t)
    return out + parity_figures(parity_found) + calibration_figures(t)
