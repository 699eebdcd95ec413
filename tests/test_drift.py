"""Drift: the references are of the shipped networks, Python and C++ count alike, and streams
unlike the training data score higher than streams like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dms import _core
from dms.engine import MANIFEST, EngineError, drift_references, models_dir

pytest.importorskip("cv2")

from tools.train import drift, saliency

GAUGES = [gauge for gauges in drift.GAUGES.values() for gauge in gauges]


def write_manifest(folder: Path, said: dict[str, Any]) -> Path:
    nets = {"face": {"file": "face.onnx", "sha256": "a", "drift": said}}
    (folder / MANIFEST).write_text(yaml.safe_dump({"nets": nets}))
    return folder


@pytest.mark.parametrize("block", [2, 4])
def test_features_of_an_input_are_the_same_in_python_and_in_the_engine(block: int) -> None:
    rng = np.random.default_rng(block)
    for level in (0, 20, 60):
        noise = rng.normal(128, level, (block**2, 12, 16)).clip(0, 255).astype(np.uint8)
        native = _core.input_features(noise)
        assert native == pytest.approx(drift.input_features(noise), rel=1e-5)


def test_a_tensor_of_another_shape_has_no_features() -> None:
    with pytest.raises(ValueError, match="4 or 16"):
        _core.input_features(np.zeros((5, 4, 4), np.uint8))


def test_the_shipped_references_are_those_of_the_shipped_networks() -> None:
    """If not: python -m tools.train drift --data DATA."""
    assert sorted(drift_references(models_dir())) == sorted(GAUGES)


def test_references_of_other_network_files_are_not_used(tmp_path: Path) -> None:
    gauges = {"face_input": {"mean": [1.0], "std": [2.0], "usual": 4.0, "n": 9}}
    of_this = write_manifest(tmp_path, {"of": {"face": "a"}, "gauges": gauges})
    assert drift_references(of_this) == {"face_input": ([], [1.0], [0.125])}
    of_another = write_manifest(tmp_path, {"of": {"face": "b"}, "gauges": gauges})
    assert drift_references(of_another) == {}


def test_a_malformed_reference_is_named(tmp_path: Path) -> None:
    gauges = {"face_input": {"mean": [1.0], "std": [2.0], "usual": 0}}
    broken = write_manifest(tmp_path, {"of": {"face": "a"}, "gauges": gauges})
    with pytest.raises(EngineError, match="drift of face"):
        drift_references(broken)


def test_whitening_sees_what_goes_against_the_usual_company() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(0, 1, 500)
    pairs = [np.array([x, 2 * x + rng.normal(0, 0.1)]) for x in first]
    said = drift.reference(pairs, [])
    whiten = np.array(said["whiten"])
    along, against = whiten @ [1, 2], whiten @ [1, -2]
    assert np.linalg.norm(against) > 4 * np.linalg.norm(along)
    kept = [np.sqrt(((whiten @ (p - said["mean"])) ** 2).mean()) for p in pairs]
    assert np.mean(np.array(kept) <= said["usual"]) == pytest.approx(drift.USUAL, abs=0.005)


def test_the_place_that_the_answer_depends_on_is_found() -> None:
    crop = np.full((56, 56), 200, np.uint8)

    def answer(x: Any) -> Any:
        return x[20:28, 32:40].mean(keepdims=True)[0].astype(float)

    change = saliency.occlusion(crop, answer, saliency.apart)
    region = saliency.box_mask(crop.shape, [np.array([32, 20, 40, 28])])
    looked = saliency.Gaze(crop, change, region, [])
    assert looked.share > 5 * looked.area
    y, x = np.unravel_index(change.argmax(), change.shape)
    assert 16 <= y < 32
    assert 28 <= x < 44
