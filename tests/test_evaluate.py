"""What judges the networks: thresholds, calibration, figures, report say what they should."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from dms.types import ACTIONS
from tools.train import breakdown, confidence, evaluate, evaluate_synth, frames, soiled
from tools.train.crops import Roi
from tools.train.evaluate_real import Signs, sleepiness
from tools.train.evaluate_synth import Tables
from tools.train.records import EXTRAS
from tools.train.rows import Figure
from tools.train.witness import Look

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "models"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def extras(n: int, rng: np.random.Generator) -> dict[str, Any]:
    return {k: rng.integers(0, 2, n).astype(float) for k in EXTRAS} | {
        "tone": rng.uniform(0, 1, n),
        "level": rng.uniform(20, 200, n),
        "index": np.arange(n),
    }


def right_faces(n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Records of a network that is always right."""
    face = (np.arange(n) % 5 > 0).astype(np.float32)
    out = np.zeros((n, 148), np.float32)
    out[:, 0] = np.where(face, 8, -8)
    out[:, 137:143] = (1, 0, 0, 0, 1, 0)
    flags = {f"is_{k}": (rng.random(n) < 0.3).astype(float) for k in ("sunglasses", "mask")}
    out[:, 145] = np.where(flags["is_sunglasses"], 8, -8)
    out[:, 146] = np.where(flags["is_mask"], 8, -8)
    out[:, 147] = -8
    return extras(n, rng) | flags | {
        "out": out, "twin": out.copy(), "image": np.zeros((n, 16, 28, 28), np.uint8),
        "face": face, "known": face, "lm": out[:, 1:137].copy(), "pose": np.zeros((n, 3)),
        "mouth": np.zeros(n), "is_occluded": np.zeros(n),
    }  # fmt: skip


def right_eyes(n: int, rng: np.random.Generator) -> dict[str, Any]:
    visible = (np.arange(n) % 4 > 0).astype(float)
    openness = np.where(np.arange(n) % 2 > 0, 1.0, 0.0)
    out = np.zeros((n, 8), np.float32)
    out[:, 0], out[:, 1] = np.where(visible, 8, -8), openness
    out[:, 6] = np.where(openness < 0.5, 8, -8)
    worn = (np.arange(n) % 8 > 3).astype(float)
    out[:, 7] = np.where(worn, 8, -8)
    return extras(n, rng) | {
        "out": out, "twin": out.copy(), "image": np.zeros((n, 4, 32, 32), np.uint8),
        "pose": np.zeros((n, 3)), "is_visible": visible, "open": openness,
        "gaze": np.zeros((n, 2)), "is_glasses": worn, "sunglasses": np.zeros(n),
        "right": np.arange(n) % 2 > 0,
    }  # fmt: skip


def right_frames(n: int, rng: np.random.Generator) -> dict[str, Any]:
    there = np.arange(n) % 5 > 0
    false = np.full((n, 3), frames.NEVER)
    false[:3, 0] = (0.3, 0.2, 0.1)
    return extras(n, rng) | {
        "there": there, "truth": np.zeros((n, 3)), "width": np.full(n, 100.0),
        "shown": np.ones(n), "score": np.where(there, 0.9, frames.NEVER), "false": false,
        "found": there, "wrong": np.zeros(n, bool), "pose": np.zeros((n, 3)),
    }  # fmt: skip


def right_actions(n: int, rng: np.random.Generator) -> dict[str, Any]:
    action = np.arange(n) % 8
    return extras(n, rng) | {
        "clip": np.arange(n), "action": action, "object": action, "out": 9.0 * np.eye(8)[action],
    }  # fmt: skip


@pytest.fixture
def perfect(rng: np.random.Generator) -> Tables:
    n = 200
    acts = right_actions(n, rng)
    return Tables(
        right_faces(n, rng), right_eyes(n, rng), right_frames(n, rng), acts, acts, dict(acts)
    )


def test_a_network_that_is_always_right_keeps_every_limit(perfect: Tables) -> None:
    figures = evaluate_synth.all_figures(perfect, perfect, {"face": (0.01, 9)})
    missed = [f.name for f in figures if f.passed is False]
    assert missed == []
    assert sum(f.limit is not None for f in figures) >= 20


def test_claims_of_actions_that_do_not_show_are_counted(perfect: Tables) -> None:
    out = np.log(np.full((4, 8), 1 / 8))
    out[0] = 9.0 * np.eye(8)[1]
    perfect.unseen = {"out": out}
    found = {f.name: f.value for f in evaluate_synth.all_figures(perfect, perfect, {})}
    (said,) = (v for k, v in found.items() if k.startswith("called a phone"))
    assert said == 0.25
    assert found["mean probability of the likeliest"] == pytest.approx((1 + 3 / 8) / 4, abs=1e-3)


def test_sleepers_bow_their_heads_or_have_them_anyhow_with_closed_eyes() -> None:
    def look(pitch: float, closed: float) -> Look:
        return Look(np.array([0, pitch, 0.0]), np.zeros(4), Roi(0, 0, 1, 1, 0), closed, None, None)

    awake, upright, back = look(0, 0.1), look(0, 0.9), look(25, 0.9)
    assert sleepiness(awake) < sleepiness(look(-20, 0.1))
    assert sleepiness(awake) < sleepiness(upright) == sleepiness(back) < sleepiness(look(-20, 0.9))
    assert sleepiness(look(-90, 1.0)) < sleepiness(None), "a head on the chest is not found"
    assert sleepiness(look(0, float("nan"))) == sleepiness(look(0, 0.5))


@pytest.mark.parametrize(("likely", "held"), [(0.69, False), (0.71, True)])
def test_a_false_phone_counts_where_it_would_be_told(likely: float, held: bool) -> None:
    rest = (1 - likely) / 7
    phone, wheel = np.full(8, rest), np.full(8, rest)
    phone[ACTIONS.index("phone_ear")] = wheel[ACTIONS.index("wheel")] = likely
    nowhere = np.zeros(3), np.zeros(4), Roi(0, 0, 1, 1, 0), 0.0
    signs = Signs()
    signs.add([Look(*nowhere, p, None) for p in (phone, wheel) for _ in range(10)], 30.0)
    assert signs.quiet == (0 if held else 1)


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [
        ("eyes", "open", "openness MAE"),
        ("eyes", "gaze", "gaze MAE, clear eyes [deg]"),
        ("faces", "pose", "head pose MAE, yaw within 60 [deg]"),
        ("faces", "mouth", "mouth opening MAE"),
        ("faces", "twin", "INT8 against float, flips > 10 deg"),
        ("frames", "found", "driver's face found by the engine, face >= 60 px"),
        ("clips", "action", "action macro-F1"),
        ("clips", "action", "phone precision"),
    ],
)
def test_what_is_wrong_is_missed(perfect: Tables, table: str, column: str, name: str) -> None:
    wrong = dict(getattr(perfect, table))
    shifted = np.roll(wrong[column], 1, 0) if column == "action" else wrong[column] + 20.0
    wrong[column] = np.zeros(200, bool) if column == "found" else shifted
    if column == "twin":
        wrong[column] = wrong[column].copy()
        wrong[column][:, 137:140] = (0.8, 0.0, 0.6)
    setattr(perfect, table, wrong)
    figures = evaluate_synth.all_figures(perfect, perfect, {"face": (0.01, 9)})
    assert any(f.passed is False and f.name.startswith(name) for f in figures)


def test_gaze_that_errs_outwards_in_both_eyes_is_right_once_merged() -> None:
    out = np.zeros((6, 8), np.float32)
    out[:4, 3] = np.radians(8.0)  # the left eye is seen mirrored: outwards in both
    out[2, 5], out[3, 5] = -2.0, 2.0  # the second face's left eye is the sure one
    table = {"out": out, "gaze": np.zeros((6, 2)), "index": np.array([0, 0, 1, 1, 2, 3]),
             "right": np.array([0, 1, 0, 1, 0, 1], bool)}  # fmt: skip
    error = evaluate_synth.merged_gaze_error(table, np.ones(6, bool))
    assert error == pytest.approx([0.0, 4.0], abs=0.01)


def test_confidences_that_come_true_have_no_calibration_error(rng: np.random.Generator) -> None:
    p = rng.uniform(0, 1, 100_000)
    truth = (rng.uniform(0, 1, p.size) < p).astype(float)
    assert confidence.ece(p, truth) < 0.01
    assert confidence.ece(np.sqrt(p), truth) > 0.1
    assert np.isnan(confidence.ece(p[:0], truth[:0]))


def test_scale_and_bias_of_a_confidence_are_found(rng: np.random.Generator) -> None:
    logit = rng.normal(0, 3, 50_000)
    p = confidence.sigmoid(0.5 * logit - 1.0)
    truth = (rng.uniform(0, 1, p.size) < p).astype(float)
    assert confidence.fit_affine(logit, truth) == pytest.approx((0.5, -1.0), abs=0.05)
    assert confidence.fit_affine(logit, np.ones(p.size)) == (1.0, 0.0)


def test_openness_leans_on_closed_by_a_set_share_and_is_scaled_to_the_truth(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    truth, closed = rng.uniform(0.2, 1.2, 5000), rng.normal(0, 2, 5000)
    out = np.zeros((5000, 8), np.float32)
    out[:, confidence.CLOSED] = closed
    lean = confidence.LEAN * (2 * closed + 0.5)
    out[:, confidence.OPEN] = (truth + lean - 0.05) / 0.8
    table = {"out": out, "open": truth, "is_visible": np.ones(5000)}
    assert confidence.fit_lean(table, (2.0, 0.5)) == pytest.approx((0.8, 0.05), abs=0.011)
    path = tmp_path / "eyes.onnx"
    shutil.copy(MODELS / "eyes.onnx", path)
    weight, bias = last_layer(path)
    affine = {confidence.CLOSED: (2.0, 0.5), confidence.OPEN: (0.8, 0.05)}
    confidence.fold_file(path, affine, confidence.LEAN)
    for before, after, shifts in zip((weight, bias), last_layer(path), (0, 1), strict=True):
        shut = 2.0 * before[confidence.CLOSED] + 0.5 * shifts
        wide = 0.8 * before[confidence.OPEN] + 0.05 * shifts - confidence.LEAN * shut
        assert after[confidence.CLOSED] == pytest.approx(shut)
        assert after[confidence.OPEN] == pytest.approx(wide, abs=1e-6)
        assert np.array_equal(after[0], before[0])


def test_the_temperature_of_boastful_classes_is_found(rng: np.random.Generator) -> None:
    logits = rng.normal(0, 1, (20_000, 8))
    p = confidence.softmax(logits)
    truth = (p.cumsum(1) > rng.uniform(0, 1, (len(p), 1))).argmax(1)
    alike = np.ones(len(p))
    assert confidence.fit_temperature(4 * logits, truth, alike) == pytest.approx(0.25, abs=0.02)
    twice = np.concatenate([4 * logits, logits]), np.concatenate([truth, truth])
    light = np.concatenate([alike / 1e6, alike])
    assert confidence.fit_temperature(*twice, light) == pytest.approx(1.0, abs=0.05)


def test_a_clip_weighs_as_much_as_a_still() -> None:
    assert confidence.shares(np.array([3, 3, 3, 3, 7])).tolist() == [0.25] * 4 + [1.0]


def last_layer(path: Path) -> tuple[Any, Any]:
    model = onnx.load(str(path))
    last = next(n for n in model.graph.node if n.output[0] == model.graph.output[0].name)
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    return arrays[last.input[1]], arrays[last.input[2]]


@pytest.mark.parametrize("net", ["face", "eyes", "action"])
def test_a_calibration_is_folded_into_the_last_layer_alone(net: str, tmp_path: Path) -> None:
    for folder in ("", "fp32/"):
        path = tmp_path / f"{net}.onnx"
        shutil.copy(MODELS / f"{folder}{net}.onnx", path)
        weight, bias = last_layer(path)
        confidence.fold_file(path, {0: (2.0, 0.5)})
        new_weight, new_bias = last_layer(path)
        assert new_weight[0] == pytest.approx(2 * weight[0])
        assert new_bias[0] == pytest.approx(2 * bias[0] + 0.5)
        assert np.array_equal(new_weight[1:], weight[1:])
        assert np.array_equal(new_bias[1:], bias[1:])


def test_the_score_threshold_leaves_the_false_faces_that_are_tolerated() -> None:
    false = np.full((100, 3), frames.NEVER)
    false[:4, 0] = (0.9, 0.8, 0.7, 0.6)
    at = frames.threshold({"false": false})
    assert (false >= at).sum() == 2
    assert 0.7 < at < 0.71


def test_the_phone_threshold_is_the_lowest_that_is_precise(rng: np.random.Generator) -> None:
    phone = np.r_[np.ones(50), np.zeros(50)]
    p = np.r_[np.linspace(0.4, 0.9, 50), np.linspace(0.0, 0.39, 50)]
    logits = np.full((100, 8), -20.0)
    logits[:, 1], logits[:, 0] = np.log(p + 1e-12), np.log(1 - p)
    table = {"out": logits, "action": np.where(phone, 1, 0)}
    at = evaluate_synth.phone_threshold(table)
    said = p >= at - 1e-9
    assert phone[said].mean() >= 0.95
    assert phone[said].sum() == 50


def test_small_groups_say_nothing_and_large_ones_their_mean() -> None:
    values = np.r_[np.full(30, 2.0), np.full(5, 9.0)]
    groups = [("large", values < 5), ("small", values > 5)]
    assert [(p.group, p.value) for p in breakdown.means("x", "y", groups, values)] == [
        ("large", 2.0)
    ]


def test_the_table_names_each_miss_and_the_card_keeps_its_text(tmp_path: Path) -> None:
    figures = [
        Figure("face", "a <b>", "rendered test people", 1.0, 3, 0.5, True),
        Figure("face", "c", "cabin_day", 1.0, 3, 0.5),
    ]
    card = tmp_path / "card.md"
    card.write_text(f"before\n{evaluate.BEGIN}\nold\n{evaluate.END}\nafter\n")
    evaluate._into_card(card, evaluate.tables(figures, []))
    text = card.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| a <b> | rendered test people | 1 | <= 0.5 | 3 | FAIL |" in text
    assert "old" not in text
    assert evaluate.summary(figures).splitlines()[0] == "1 of 2 limits kept"
    assert "a &lt;b&gt;" in evaluate.page(figures, [], [], [])


def test_every_plot_is_drawn(perfect: Tables, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the train extra (matplotlib)")
    from tools.train import plots

    names = plots.all_plots(tmp_path, perfect, perfect, breakdown.all_parts(perfect))
    assert {"roc.svg", "reliability.svg", "confusion.svg", "search.svg"} <= set(names)
    assert all((tmp_path / n).stat().st_size > 1000 for n in names)


def test_without_renders_or_footage_the_command_says_so_and_exits_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.train", "evaluate", "--data", str(tmp_path)]
    done = subprocess.run(
        [*command, "--real", str(tmp_path / "none")], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2, done.stderr
    assert "no test renders" in done.stderr


def test_a_spot_softens_the_face_and_leaves_the_rest(rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (120, 160)).astype(np.uint8)
    soft = soiled.spotted(image, np.array([60, 40, 30, 40]), 0.05)
    assert soft.dtype == np.uint8
    assert (soft[:, :50] == image[:, :50]).all(), "0.8 of its width beyond the edges it has ended"
    assert soft[50:70, 65:85].std() < 0.4 * image[50:70, 65:85].std()
    assert (soiled.spotted(soft * 0 + 90, np.array([60, 40, 30, 40]), 0.05) == 90).all()


def test_the_table_of_soft_spots_asks_for_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no rendered pictures with a face"):
        list(soiled.tables(MODELS, tmp_path, tmp_path, 3))
