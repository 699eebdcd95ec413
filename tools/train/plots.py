"""The evaluation's pictures: errors by condition, ROC, reliability, confusion. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from tools.train import confidence
from tools.train.breakdown import Part
from tools.train.evaluate_synth import Tables, lids, phone
from tools.train.frames import MOST_FALSE, asked, threshold
from tools.train.manifest import ACTIONS
from tools.train.records import Array

mpl.use("svg")
mpl.rcParams.update({"font.size": 8, "svg.fonttype": "none", "svg.hashsalt": "dms"})

from matplotlib import pyplot as plt  # noqa: E402

INK = "#1f5f8b"


def save(folder: Path, name: str, figure: Any) -> str:
    """Write an SVG that is the same for the same data."""
    figure.tight_layout()
    figure.savefig(folder / name, metadata={"Date": None})
    plt.close(figure)
    return name


def by_condition(folder: Path, parts: list[Part]) -> list[str]:
    """One picture a figure, a panel a condition; the dashed line is all rows together."""
    names = []
    for title, own in groupby(sorted(parts, key=lambda p: p.figure), lambda p: p.figure):
        panels = [(by, list(g)) for by, g in groupby(own, lambda p: p.by)]
        figure, axes = plt.subplots(1, len(panels), figsize=(2.3 * len(panels), 2.6), sharey=True)
        for ax, (by, group) in zip(np.atleast_1d(axes), panels, strict=True):
            _bars(ax, by, group)
        shares = [p.value for _, group in panels for p in group]
        if min(shares) > 0.8 and max(shares) <= 1:
            np.atleast_1d(axes)[0].set_ylim(min(shares) - 0.02, 1.0)
        figure.suptitle(title)
        word = "".join(c if c.isalnum() else "-" for c in title).strip("-")
        names.append(save(folder, f"by-condition-{word}.svg", figure))
    return names


def _bars(ax: Any, by: str, group: list[Part]) -> None:
    values = [p.value for p in group]
    ax.bar(range(len(group)), values, color=INK)
    mean = np.average(values, weights=[p.count for p in group])
    ax.axhline(mean, color="k", lw=0.7, ls="--")
    ax.set_title(by)
    labels = [f"{p.group}\nn={p.count}" for p in group]
    ax.set_xticks(range(len(group)), labels, rotation=60, ha="right", fontsize=6)


def roc(positive: Array, negative: Array) -> tuple[Array, Array]:
    """(false positive rate, true positive rate) at every threshold."""
    at = np.unique(np.concatenate([positive, negative]))[::-1]
    fpr = 1 - np.searchsorted(np.sort(negative), at, side="left") / max(len(negative), 1)
    tpr = 1 - np.searchsorted(np.sort(positive), at, side="left") / max(len(positive), 1)
    return np.r_[0, fpr], np.r_[0, tpr]


def roc_curves(folder: Path, t: Tables) -> list[str]:
    """Face score, eye visible, closed (all, glasses), phone."""
    curves: dict[str, tuple[Array, Array]] = {}
    if t.faces:
        face = t.faces["face"] > 0
        curves["face"] = t.faces["out"][face, 0], t.faces["out"][~face, 0]
    if t.eyes:
        e = t.eyes
        (shut, wide), glass = lids(e), e["is_glasses"] > 0.5
        curves["eye closed"] = e["out"][shut, 6], e["out"][wide, 6]
        curves["eye closed, glasses"] = e["out"][shut & glass, 6], e["out"][wide & glass, 6]
        curves["eye visible"] = (
            e["out"][e["is_visible"] > 0.6, 0],
            e["out"][e["is_visible"] < 0.2, 0],
        )
    for name, table in (("phone, stills", t.stills), ("phone, clips", t.clips)):
        if table:
            p, truth = phone(table)
            curves[name] = p[truth], p[~truth]
    figure, ax = plt.subplots(figsize=(4.6, 4.0))
    for name, (positive, negative) in curves.items():
        if len(positive) and len(negative):
            ax.step(*roc(positive, negative), where="post", label=name, lw=1)
    ax.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 0.3), ylim=(0.5, 1))
    ax.legend()
    return [save(folder, "roc.svg", figure)]


def search(folder: Path, val: Tables, t: Tables) -> list[str]:
    """Faces found against false faces a frame; the dot is validation's threshold."""
    if not t.frames:
        return []
    f, want = t.frames, asked(t.frames, 85.0)
    at = np.unique(np.r_[f["score"], f["false"].ravel()])
    at = at[at > 0]
    false = np.array([(f["false"] >= s).sum() for s in at]) / len(f["there"])
    found = np.array([(f["score"][want] >= s).mean() for s in at])
    figure, ax = plt.subplots(figsize=(4.6, 3.2))
    ax.step(false, found, color=INK)
    ax.axvline(MOST_FALSE, color="k", lw=0.7, ls="--")
    if val.frames:
        k = min(int(np.searchsorted(at, threshold(val.frames))), len(at) - 1)
        ax.plot(false[k], found[k], "o", color="#c03030")
    ax.set(xlabel="false faces a frame", ylabel="driver's face found")
    ax.set(xlim=(0, 0.15), ylim=(0.8, 1.005))
    return [save(folder, "search.svg", figure)]


def reliability(folder: Path, t: Tables) -> list[str]:
    """Confidence against how often it was right, with the rows a bin."""
    tables = {"face": t.faces, "eyes": t.eyes}
    claims = [
        (c.name, *confidence.claimed(c, tables[c.net])) for c in confidence.CLAIMS if tables[c.net]
    ]
    for name, table in (("action, stills", t.stills), ("action, clips", t.clips)):
        if table:
            claims.append((name, *confidence.action_claims(table)))
    if not claims:
        return []
    columns = 5
    lines = -(-len(claims) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(11, 2.3 * lines), squeeze=False)
    for ax in axes.flat[len(claims) :]:
        ax.axis("off")
    for ax, (name, p, truth) in zip(axes.flat, claims, strict=False):
        _diagram(ax, name, p, truth)
    return [save(folder, "reliability.svg", figure)]


def _diagram(ax: Any, name: str, p: Array, truth: Array) -> None:
    r = confidence.reliability(p, truth)
    r = r[r[:, 2] > 0]
    ax.plot([0, 1], [0, 1], "k--", lw=0.7)
    ax.plot(r[:, 0], r[:, 1], "o-", color=INK, ms=3, lw=1)
    ax.bar(r[:, 0], r[:, 2] / r[:, 2].sum(), width=0.05, alpha=0.3, color="k")
    ax.set_title(f"{name}: ECE {confidence.ece(p, truth):.3f}, n={len(p)}")
    ax.set(xlim=(0, 1), ylim=(0, 1))


def confusion(folder: Path, t: Tables) -> list[str]:
    """Row: what is done; column: what was said; in percent of the row."""
    tables = [(n, x) for n, x in (("stills", t.stills), ("clips", t.clips)) if x]
    if not tables:
        return []
    figure, axes = plt.subplots(1, len(tables), figsize=(5 * len(tables), 4.4), squeeze=False)
    for ax, (name, table) in zip(axes[0], tables, strict=True):
        _matrix(ax, name, table["action"], table["out"].argmax(1))
    return [save(folder, "confusion.svg", figure)]


def _matrix(ax: Any, name: str, truth: Array, guess: Array) -> None:
    size = len(ACTIONS)
    count = np.bincount(truth * size + guess, minlength=size * size).reshape(size, size)
    share = 100 * count / np.maximum(count.sum(1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
    for (i, j), v in np.ndenumerate(share):
        if count[i, j]:
            ax.text(j, i, f"{v:.0f}", ha="center", va="center", color="w" if v > 55 else "k")
    ax.set_xticks(range(size), ACTIONS, rotation=60, ha="right")
    ax.set_yticks(range(size), [f"{a} ({n})" for a, n in zip(ACTIONS, count.sum(1), strict=True)])
    ax.set_title(f"{name}: said (across) against done (down), %")


def all_plots(folder: Path, val: Tables, t: Tables, parts: list[Part]) -> list[str]:
    """File names of the pictures written into `folder`."""
    makers: tuple[Callable[[], list[str]], ...] = (
        lambda: reliability(folder, t),
        lambda: roc_curves(folder, t),
        lambda: search(folder, val, t),
        lambda: confusion(folder, t),
        lambda: by_condition(folder, parts),
    )
    return [name for make in makers for name in make()]
