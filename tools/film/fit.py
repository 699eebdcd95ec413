"""Recordings -> the tables of dms/scenarios/errors.py, as plain JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dms.scenarios.errors import (
    EYE_SIGN,
    FORMAT,
    MOUTH_AT,
    OPEN_AT,
    YAW_BINS_DEG,
    Z,
    farness,
)
from dms.scenarios.simulate import signed_edges
from dms.types import ACTIONS
from tools.film.record import EYE_COLUMNS, FACE_COLUMNS, FPS, ROAD_S, Record

F64 = NDArray[np.float64]
LEVELS = np.array([0.5 * (1 + erf(z / sqrt(2))) for z in Z])
EYES = ("left", "right")
SEEN, OPEN_LEAST = 0.5, 0.3
"""Gaze is fitted where the network takes an eye for visible rather than not, and it is open."""
ENOUGH = 40
"""Samples for quantiles of their own; fewer: those of the next less turned bin."""
FEW = 8
"""Samples for quantiles around a true value."""
STRAIGHT_DEG = 20.0
LAST_BIN = len(YAW_BINS_DEG)
"""The bin of heads turned beyond the last edge."""
MISREAD_DEG = 20.0
"""A head read further off than this says nothing of gains."""
ACTION_STEP_S = 0.2
SETTLED_S = 2.2
"""The action network's window spans 2.1 s; before, it still sees the action before."""


def fit(records: dict[str, list[Record]], acting: Sequence[Record], source: str) -> dict[str, Any]:
    """The whole file; `acting`: drivers who do every action in a way of their own. (A condition's
    drivers do two each, and driver k does them alike in all conditions.)"""
    return {
        "format": FORMAT,
        "source": source,
        "z": Z.tolist(),
        "yaw_bins_deg": YAW_BINS_DEG.tolist(),
        "conditions": {name: condition(rs) for name, rs in records.items() if rs},
        "action_step_s": ACTION_STEP_S,
        "actions": actions(acting),
    }


def condition(records: Sequence[Record]) -> dict[str, Any]:
    """One condition's channels."""
    channels: dict[str, Any] = {}
    biases = np.zeros((len(records), 12))
    for k, axis in enumerate(("yaw", "pitch", "roll")):
        channels[f"head_{axis}"], biases[:, k] = head_channel(records, k)
    errors = []
    for k, axis in enumerate(("yaw", "pitch")):
        gaze = gaze_channel(records, k)
        errors.append(gaze.errors)
        channels[f"gaze_{axis}"] = gaze.channel
        biases[:, 3 + k], biases[:, 10 + k] = gaze.bias, gaze.apart
        biases[:, 6 + 2 * k : 8 + 2 * k] = gaze.gains
    factors = np.array([open_factor(r) for r in records])
    biases[:, 5] = factors
    channels |= lid_channels(records, factors)
    channels |= plain_channels(records)
    channels["gaze_sigma"] = sureness_of_gaze(records, errors)
    lost, run_s = dropouts(records)
    return {
        "drivers_measured": len(records),
        "frames": int(sum(len(r["true"]) for r in records)),
        "drivers": _round(biases),
        "cameras": np.round([camera_deg(r) for r in records], 1).tolist(),
        "lost": _round(lost),
        "lost_run_s": round(run_s, 3),
        "channels": channels,
    }


def camera_deg(r: Record) -> F64:
    """Where straight ahead lies for this driver's camera, yaw and pitch: every script begins with
    the road."""
    return np.degrees(np.median(r["true"][: round(ROAD_S * FPS), :2], 0))


def _bins(r: Record) -> NDArray[np.intp]:
    return np.digitize(np.abs(np.degrees(r["true"][:, 0])), YAW_BINS_DEG)


def head_channel(records: Sequence[Record], k: int) -> tuple[dict[str, Any], F64]:
    """Head angle k: gain over all drivers, each driver's bias, quantiles by yaw. Gains, here and of
    gaze, are those of faces that show and heads that are not misread: a few that are taken for
    anything belong in their bin's quantiles."""
    data = [(r["true"][:, k], r["face"][:, 1 + k], _bins(r), _shown(r)) for r in records]
    kept = [(t[ok], p[ok], b[ok]) for t, p, b, _ in data for ok in [np.isfinite(p)]]
    shown = [(t[ok], p[ok]) for t, p, _, ok in data if ok.any()]
    centred = [(t - t.mean(), p - p.mean()) for t, p in shown]
    gain = _gain(centred)
    bias = np.array([np.median((p - gain * t)[b == b.min()]) for t, p, b in kept])
    left = [p - gain * t - o for (t, p, _), o in zip(kept, bias, strict=True)]
    bins = [b for _, _, b in kept]
    return _channel(left, bins, LAST_BIN + 1, gains=[gain]), bias


def _shown(r: Record) -> NDArray[np.bool_]:
    """Frames of a face that shows and of which the head is not misread."""
    off = np.abs(r["face"][:, 1:3] - r["true"][:, :2]).max(1)  # NaN where no face was seen
    return np.asarray((_bins(r) < LAST_BIN) & (off <= np.radians(MISREAD_DEG)))


def _gain(pairs: Sequence[tuple[F64, F64]]) -> float:
    top = sum(float(t @ p) for t, p in pairs)
    return top / max(1e-9, sum(float(t @ t) for t, _ in pairs))


@dataclass(frozen=True, slots=True)
class GazeFit:
    """Gaze angle of both eyes as one population. By driver: bias, how far either eye errs from it
    all the time (right +, left -; these go out where the eyes are merged), and the gains (k, 2) of
    the head and of the eye in the head."""

    channel: dict[str, Any]
    bias: F64
    apart: F64
    gains: F64
    errors: list[F64]
    """Of each driver what is left of both eyes (2, n); NaN where no open eye was seen."""


def gaze_channel(records: Sequence[Record], k: int) -> GazeFit:
    """Gaze angle k."""
    rows = [_gaze_row(r, k, eye) for r in records for eye in range(2)]
    pooled = _gaze_gains(rows, np.ones(2), 0.0)
    gains = np.array(
        [_gaze_gains(rows[2 * d : 2 * d + 2], pooled, GAIN_PULL) for d in range(len(records))]
    ).reshape(-1, 2)
    left = [p - gains[i // 2, 0] * h - gains[i // 2, 1] * e for i, (h, e, p, *_) in enumerate(rows)]
    bias, apart = np.zeros(len(records)), np.zeros(len(records))
    for d in range(len(records)):
        pair, bins = left[2 * d : 2 * d + 2], [rows[i][3] for i in (2 * d, 2 * d + 1)]
        straight = np.concatenate(bins).min(initial=LAST_BIN)
        values = [x[b == straight] for x, b in zip(pair, bins, strict=True)]
        if min(len(v) for v in values) >= ENOUGH:
            apart[d] = (np.median(values[1]) - np.median(values[0])) / 2
        both = np.concatenate([v - s * apart[d] for v, s in zip(values, EYE_SIGN, strict=True)])
        bias[d] = np.median(both) if len(both) else 0.0
    errors = []
    for r, o, a, g in zip(records, bias, apart, gains, strict=True):
        both = []
        for eye in range(2):
            head, gaze = r["true"][:, k], r["true"][:, 3 + 2 * eye + k]
            shown = _gaze_of(r, k, eye) - g[0] * head - g[1] * (gaze - head)
            both.append(shown - o - EYE_SIGN[eye] * a)
        errors.append(np.array(both))
    rest = [e[np.isfinite(e)] for both in errors for e in both]
    channel = _channel(rest, [row[3] for row in rows], LAST_BIN + 1, gains=pooled.tolist())
    channel["shared"] = round(_correlation(np.concatenate(errors, 1)), 3)
    return GazeFit(channel, bias, apart, gains, errors)


GAIN_PULL = 0.1
"""How strongly a driver's gains are drawn to the mean's [rad^2 of looks]."""


def _gaze_of(r: Record, k: int, eye: int) -> F64:
    """What the network gave, NaN where no open eye was seen."""
    shown = r[EYES[eye]]
    seen = (shown[:, 0] >= SEEN) & (r["true"][:, 7 + eye] > OPEN_LEAST)
    return np.where(seen, shown[:, EYE_COLUMNS.index("yaw") + k], np.nan)


GazeRow = tuple[F64, F64, F64, NDArray[np.intp], NDArray[np.bool_]]


def _gaze_row(r: Record, k: int, eye: int) -> GazeRow:
    """Head, eye in the head, prediction, yaw bin, whether the head shows: where an open eye was
    seen."""
    pred = _gaze_of(r, k, eye)
    ok = np.isfinite(pred)
    head, gaze = r["true"][:, k], r["true"][:, 3 + 2 * eye + k]
    return head[ok], (gaze - head)[ok], pred[ok], _bins(r)[ok], _shown(r)[ok]


def _gaze_gains(rows: Sequence[GazeRow], prior: F64, pull: float) -> F64:
    """Least squares of the demeaned, drawn to `prior`."""
    shown = [(h[ok], e[ok], p[ok]) for h, e, p, _, ok in rows]
    full = [(h, e, p) for h, e, p in shown if len(p) > 1]
    if not full:
        return prior
    a = np.concatenate([np.c_[h - h.mean(), e - e.mean()] for h, e, _ in full])
    y = np.concatenate([p - p.mean() for *_, p in full])
    return np.asarray(np.linalg.solve(a.T @ a + pull * np.eye(2), a.T @ y + pull * prior))


def _correlation(x: F64) -> float:
    """Of two rows where both are known; 1 where that says nothing."""
    x = x[:, np.isfinite(x).all(0)]
    if x.shape[1] < ENOUGH or (x.std(1) < 1e-6).any():
        return 1.0
    return float(np.clip(np.corrcoef(x)[0, 1], 0, 1))


def open_factor(r: Record) -> float:
    """This driver's openness as the network gives it, by the truth: median over open eyes."""
    ratios = []
    for true, pred, *_ in _lids(r, 1.0):
        seen = np.isfinite(pred) & (true > 0.7)
        straight = np.abs(np.degrees(r["true"][:, 0])) < STRAIGHT_DEG
        ok = seen & straight if (seen & straight).any() else seen
        ratios.append(pred[ok] / true[ok])
    both = np.concatenate(ratios)
    return float(np.median(both)) if len(both) else 1.0


def _lids(r: Record, factor: float) -> list[tuple[F64, F64, F64, F64]]:
    """Of each eye: true openness; openness of the driver's own, closed and sigma as the network
    gives them, NaN where it saw no eye. `factor`: this driver's, see `open_factor`."""
    columns = [EYE_COLUMNS.index(n) for n in ("open", "closed", "open_sigma")]
    eyes = [(r["true"][:, 7 + k], *r[name][:, columns].T) for k, name in enumerate(EYES)]
    return [(t, o / max(factor, 0.2), c, s) for t, o, c, s in eyes]


def lid_channels(records: Sequence[Record], factors: F64) -> dict[str, Any]:
    """Openness (of each driver's own), closed and openness's sigma, by true openness: of all, and
    of each driver where enough was seen. (Lids that look alike open and closed are a driver's, not
    a moment's, and so is how sure the network is of them.)"""
    seen: list[tuple[F64, ...]] = []
    series, both = [], []
    for r, f in zip(records, factors, strict=True):
        pair, eyes = [], []
        for t, p, closed, sigma in _lids(r, f):
            ok = np.isfinite(p)
            eyes.append((t[ok], p[ok], closed[ok], sigma[ok]))
            series.append((p - t)[ok])
            pair.append(p - t)
        both.append(np.array(pair))
        seen.append(tuple(np.concatenate(x) for x in zip(*eyes, strict=True)))
    shared = _correlation(np.concatenate(both, 1))
    tau = _tau(series)
    tables = []
    for k in (1, 2, 3):
        every = _by_value(*(np.concatenate([s[i] for s in seen]) for i in (0, k)), OPEN_AT)
        own = [_by_value(s[0], s[k], OPEN_AT, every) for s in seen]
        tables.append({"quantiles": every, "own": own, "tau_s": tau})
    lids, shut, sigma = tables
    return {
        "open": lids | {"shared": round(shared, 3)},
        "closed": shut,
        "open_sigma": sigma | _sureness_of_lids(records, factors),
    }


def _sureness_of_lids(records: Sequence[Record], factors: F64) -> dict[str, Any]:
    """By true openness."""
    drivers = []
    for r, f in zip(records, factors, strict=True):
        true, shown, _, sigma = (np.array(x) for x in zip(*_lids(r, f), strict=True))
        rows = np.abs(true[..., None] - OPEN_AT).argmin(2)
        drivers.append(((shown - true)[None], sigma, rows))
    return _goes_with(drivers, len(OPEN_AT))


def _goes_with(drivers: Sequence[tuple[F64, F64, NDArray[np.intp]]], count: int) -> dict[str, Any]:
    """How a sigma goes with its error in each of `count` rows, and what is left of it with the
    other eye's: correlations of normal scores within a driver and a row. `drivers`: of each the
    error (1 or 2 angles, 2 eyes, n), NaN where not seen, sigma and row (2, n)."""
    pairs: list[list[F64]] = [[] for _ in range(count)]
    both = []
    for error, sigma, rows in drivers:
        left_over = np.full(sigma.shape, np.nan)
        for eye, row in np.ndindex(2, count):
            own = (rows[eye] == row) & np.isfinite(error[:, eye]).all(0)
            if own.sum() >= FEW:
                off = [_scores(e[eye, own]) for e in error]
                x, y = farness(*off) if len(off) == 2 else off[0], _scores(sigma[eye, own])
                pairs[row].append(np.stack([x, y]))
                left_over[eye, own] = y - float(np.clip(np.mean(x * y), -1, 1)) * x
        both.append(left_over)
    along = [
        float(np.clip(np.corrcoef(np.concatenate(p, 1))[0, 1], -1, 1)) if p else 0.0 for p in pairs
    ]
    return {
        "with_error": [round(r, 3) for r in along],
        "shared": round(_correlation(np.concatenate(both, 1)), 3),
    }


def _scores(x: F64) -> F64:
    """Normal scores of the ranks (variance about 1)."""
    ranks = np.empty(len(x))
    ranks[np.argsort(x, kind="stable")] = (np.arange(len(x)) + 0.5) / len(x)
    inverse = NormalDist().inv_cdf
    return np.array([inverse(p) for p in ranks.tolist()])


def plain_channels(records: Sequence[Record]) -> dict[str, Any]:
    """Numbers that are taken as they come: by yaw, or not at all."""
    bins = [_bins(r) for r in records]
    rows = LAST_BIN + 1
    out: dict[str, Any] = {}
    for name, column in (("rotation_sigma", "sigma"), ("score", "score")):
        values = [r["face"][:, FACE_COLUMNS.index(column)] for r in records]
        out[name] = _finite_channel(values, bins, rows)
    for name in ("sunglasses", "mask", "occluded"):
        values = [r["face"][:, FACE_COLUMNS.index(name)] for r in records]
        out[name] = _finite_channel(values, [np.zeros(len(v), int) for v in values], 1)
    sides = [
        np.digitize(np.degrees(r["true"][:, 0]) * s, signed_edges())
        for r in records
        for s in (1, -1)
    ]
    seen = [r[e][:, 0] for r in records for e in EYES]
    out["visible"] = _finite_channel(seen, sides, 2 * rows) | {"shared": _seen_together(records)}
    true = np.concatenate([r["true"][:, 9] for r in records])
    shown = np.concatenate([r["face"][:, FACE_COLUMNS.index("mouth")] for r in records])
    ok = np.isfinite(shown)
    out["mouth"] = {"quantiles": _by_value(true[ok], shown[ok], MOUTH_AT), "tau_s": 0.2}
    return out


def sureness_of_gaze(records: Sequence[Record], errors: Sequence[list[F64]]) -> dict[str, Any]:
    """Gaze's sigma by yaw: of all, and of each driver, and how it goes with `errors` of yaw and
    pitch. (Eyes that show badly, or that a camera sees from the side, are a driver's, not a
    moment's; and the gains are this driver's too.)"""
    column = EYE_COLUMNS.index("sigma")
    values = [np.stack([r[e][:, column] for e in EYES]) for r in records]
    bins = [np.stack([_bins(r)] * 2) for r in records]
    rows = LAST_BIN + 1
    flat = [v.ravel() for v in values], [b.ravel() for b in bins]
    own = [_finite_channel([v], [b], rows)["quantiles"] for v, b in zip(*flat, strict=True)]
    off = [np.stack(e) for e in zip(*errors, strict=True)]
    along = _goes_with(list(zip(off, values, bins, strict=True)), rows)
    return _finite_channel(*flat, rows) | {"own": own} | along


def _seen_together(records: Sequence[Record]) -> float:
    x = np.concatenate([np.stack([r[e][:, 0] for e in EYES]) for r in records], 1)
    return round(_correlation(x), 3)


def dropouts(records: Sequence[Record]) -> tuple[F64, float]:
    """Share of frames without a face by yaw (last: leaning), mean length of such runs [s]."""
    bins = np.concatenate([_bins(r) for r in records])
    lean = np.concatenate([r["lean"] for r in records]) > 0.5
    bins = np.where(lean, len(YAW_BINS_DEG) + 1, bins)
    lost = np.concatenate([np.isnan(r["face"][:, 0]) for r in records])
    share = np.array(
        [lost[bins == b].mean() if (bins == b).any() else 0.0 for b in range(bins.max() + 1)]
    )
    edges = np.diff(np.r_[0, lost.astype(int), 0])
    runs = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return share, float(runs.mean() / FPS) if len(runs) else 0.1


def actions(records: Sequence[Record]) -> dict[str, list[list[list[float]]]]:
    """What the network said of each action once its window held nothing else."""
    out: dict[str, list[list[list[float]]]] = {a: [] for a in ACTIONS}
    step = round(ACTION_STEP_S * FPS)
    for r in records:
        hands, p = r["hands"].astype(int), r["action"]
        for start, end in _runs(hands):
            clip = p[start + round(SETTLED_S * FPS) : end : step]
            clip = clip[np.isfinite(clip).all(1)] if len(clip) else clip
            if len(clip) >= 3:
                out[ACTIONS[hands[start]]].append(np.round(clip, 3).tolist())
    return {name: _even(clips) for name, clips in out.items()}


def _even(clips: list[list[list[float]]]) -> list[list[list[float]]]:
    """Clips of one length, the shortest's, so that they make an array."""
    n = min((len(c) for c in clips), default=0)
    return [c[:n] for c in clips]


def _runs(values: NDArray[np.intp]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(values)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(values)], strict=True))


def _finite_channel(
    values: Sequence[F64], bins: Sequence[NDArray[np.intp]], rows: int
) -> dict[str, Any]:
    ok = [np.isfinite(v) for v in values]
    kept = [v[m] for v, m in zip(values, ok, strict=True)]
    return _channel(kept, [b[m] for b, m in zip(bins, ok, strict=True)], rows)


def _channel(
    left: Sequence[F64],
    bins: Sequence[NDArray[np.intp]],
    rows: int,
    gains: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Quantiles in each bin, and the time constant of what is left within a driver."""
    x, b = np.concatenate(left), np.concatenate(bins)
    out: dict[str, Any] = {
        "quantiles": _round(np.array(_quantiles(x, b, rows))),
        "tau_s": _tau(left),
    }
    return out if gains is None else out | {"gains": [round(float(g), 4) for g in gains]}


def _quantiles(x: F64, b: NDArray[np.intp], rows: int) -> list[F64]:
    """A bin with too few samples takes over those of its neighbour towards straight ahead."""
    middle = 0 if rows == len(YAW_BINS_DEG) + 1 else rows // 2
    every = np.quantile(x, LEVELS) if len(x) else np.zeros(len(LEVELS))
    out = [every] * rows
    order = sorted(range(rows), key=lambda r: abs(r - middle))
    for row in order:
        own = x[b == row]
        inner = row + (1 if row < middle else -1)
        fallback = out[inner] if 0 <= inner < rows and row != middle else every
        out[row] = np.quantile(own, LEVELS) if len(own) >= ENOUGH else fallback
    return out


def _by_value(true: F64, shown: F64, at: F64, others: Any = None) -> Any:
    """Quantiles of what was shown at each of `at`: of the samples nearest to it, which lie around a
    value of their own, interpolated between those values; with too few samples the row of
    `others`, or the truth."""
    nearest = np.abs(true[:, None] - at[None]).argmin(1)
    rows = np.repeat(at[:, None], len(LEVELS), 1) if others is None else np.array(others)
    around = at.copy()
    for k in range(len(at)):
        own = nearest == k
        if own.sum() >= FEW:
            rows[k], around[k] = np.quantile(shown[own], LEVELS), np.median(true[own])
    return _round(np.stack([np.interp(at, around, column) for column in rows.T], 1))


def _tau(series: Sequence[F64]) -> float:
    """From the correlation of neighbouring frames within a driver."""
    top = bottom = 0.0
    for x in series:
        if len(x) > 20:
            d = x - x.mean()
            top += float(d[1:] @ d[:-1])
            bottom += float(d @ d)
    rho = min(0.98, max(0.05, top / bottom)) if bottom > 1e-12 else 0.5
    return round(-1 / FPS / float(np.log(rho)), 3)


def _round(x: F64) -> Any:
    return np.round(x, 4).tolist()
