"""Errors are measured as they were made; rendered drivers go through the whole engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from dms.scenarios.errors import gaze_error_deg, load_errors
from dms.scenarios.simulate import Person, observe
from dms.scenarios.track import Act, Habits, sample
from tools.film import stories
from tools.film.__main__ import ERRORS, dumps, networks
from tools.film.fit import fit
from tools.film.record import EYE_COLUMNS, FACE_COLUMNS, Record
from tools.synth import assets

ROOT = Path(__file__).resolve().parents[1]


def recording(seed: int, gain: float, spread_rad: float, n: int = 600) -> Record:
    """A driver of whom the networks see `gain` of the eye's turn, with noise."""
    rng = np.random.default_rng(seed)
    true = np.zeros((n, 10))
    true[:, 0:3] = rng.uniform(-0.3, 0.3, (n, 3))
    true[:, 3:7] = rng.uniform(-0.3, 0.3, (n, 4))
    true[:, 7:9] = 1.0
    face = np.full((n, len(FACE_COLUMNS)), 0.02)
    face[:, 1:4] = true[:, 0:3]
    eyes = []
    for eye in range(2):
        seen = np.full((n, len(EYE_COLUMNS)), 0.9)
        seen[:, 3] = 0.01
        for k in range(2):
            head, gaze = true[:, k], true[:, 3 + 2 * eye + k]
            seen[:, 4 + k] = head + gain * (gaze - head) + rng.normal(0, spread_rad, n)
        eyes.append(seen)
    return {
        "true": true, "face": face, "left": eyes[0], "right": eyes[1], "lean": np.zeros(n),
        "hands": np.zeros(n), "moving": np.ones(n), "action": np.full((n, 8), 0.125),
    }  # fmt: skip


def test_the_simulated_errors_are_those_of_the_networks_that_ship() -> None:
    """If not: python -m tools.film errors."""
    assert f"with networks {networks()};" in json.loads(ERRORS.read_text())["source"]


def test_the_table_gives_back_the_gain_and_spread_that_were_put_in(tmp_path: Path) -> None:
    records = [recording(k, 0.6, 0.05) for k in range(3)]
    path = tmp_path / "errors.json"
    path.write_text(dumps(fit({"clear": records}, [], "made up")))
    model = load_errors(path)
    channel = model.conditions["clear"].channels["gaze_yaw"]
    assert channel.gains == pytest.approx((1.0, 0.6), abs=0.03)
    assert channel.table[0, 9] == pytest.approx(0.05, abs=0.01)
    assert gaze_error_deg(model) == pytest.approx(np.degrees(0.05) * np.sqrt(np.pi / 2), rel=0.15)
    assert model.conditions["clear"].lost.max() == 0


def test_eyes_that_always_err_apart_are_no_noise(tmp_path: Path) -> None:
    records = [recording(k, 1.0, 0.02) for k in range(3)]
    records[1]["left"][:, 4] -= 0.09
    records[1]["right"][:, 4] += 0.05
    path = tmp_path / "errors.json"
    path.write_text(dumps(fit({"clear": records}, [], "made up")))
    clear = load_errors(path).conditions["clear"]
    assert clear.drivers[:, 10] == pytest.approx([0, 0.07, 0], abs=0.005)
    assert clear.drivers[:, 3] == pytest.approx([0, -0.02, 0], abs=0.005)
    assert clear.channels["gaze_yaw"].table[0, 9] == pytest.approx(0.02, abs=0.004)


def test_eyes_that_show_badly_are_one_drivers(tmp_path: Path) -> None:
    records = [recording(k, 1.0, 0.05) for k in range(2)]
    for eye in ("left", "right"):
        for r, sigma in zip(records, (0.08, 0.2), strict=True):
            r[eye][:, EYE_COLUMNS.index("sigma")] = sigma
    path = tmp_path / "errors.json"
    path.write_text(dumps(fit({"clear": records}, [], "made up")))
    sigma = load_errors(path).conditions["clear"].channels["gaze_sigma"]
    assert sigma.table[0] == pytest.approx([0.08] * 6 + [0.14] + [0.2] * 6)
    assert sigma.of(0).table[0] == pytest.approx(0.08)
    assert sigma.of(1).table[0] == pytest.approx(0.2)
    assert sigma.of(1).table[3] == pytest.approx(0.2), "never turned as far: the same driver's"


def test_a_gaze_that_errs_is_unsure_as_it_was_measured(tmp_path: Path) -> None:
    records = [recording(k, 1.0, 0.05, 2000) for k in range(3)]
    for r, eye, k in ((r, eye, k) for r in records for k, eye in enumerate(("left", "right"))):
        off = r[eye][:, 4:6] - r["true"][:, 3 + 2 * k : 5 + 2 * k]
        r[eye][:, EYE_COLUMNS.index("sigma")] = 0.05 + 0.5 * np.hypot(*off.T)
    path = tmp_path / "errors.json"
    path.write_text(dumps(fit({"clear": records}, [], "made up")))
    model = load_errors(path)
    sigma = model.conditions["clear"].channels["gaze_sigma"]
    assert sigma.along()[0] > 0.95
    assert sigma.shared < 0.1
    truth = sample([Act(60, blinks=False)], 30.0, np.random.default_rng(1), Habits())
    eyes = [o.face.eye_left for o, _ in observe(truth, model, Person(1), 30.0) if o.face]
    yaw, pitch, claimed = np.array(
        [(e.gaze_yaw_rad, e.gaze_pitch_rad, e.gaze_sigma_rad) for e in eyes]
    ).T
    off = np.hypot(yaw - np.radians(truth.gaze[:, 0]), pitch - np.radians(truth.gaze[:, 1]))
    assert np.corrcoef(off, claimed)[0, 1] > 0.8


def test_lids_that_look_alike_are_one_drivers_fault(tmp_path: Path) -> None:
    records = [recording(k, 0.6, 0.05) for k in range(2)]
    for r in records:
        r["true"][::3, 7:9] = 0.0
        for eye in ("left", "right"):
            r[eye][:, 1] = r["true"][:, 7]
    for eye in ("left", "right"):
        records[1][eye][:, 1] = 0.8
    path = tmp_path / "errors.json"
    path.write_text(dumps(fit({"clear": records}, [], "made up")))
    lids = load_errors(path).conditions["clear"].channels["open"]
    assert lids.of(0).table[0].max() == 0
    assert lids.of(1).table[0].min() == pytest.approx(1.0), "as open as ever, of this driver's own"
    assert lids.of(0).table[2] == pytest.approx(lids.table[2]), "never half open: as all"


def test_a_camera_in_trouble_shows_it() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 60)).astype(np.uint8)
    assert stories.camera(image, None, "dark", True).max() <= 8
    assert stories.camera(image, None, "saturated", True).min() >= 250
    assert stories.camera(image, image[::-1], "frozen", True) is not image
    assert stories.camera(image, None, "clear", False).std() < image.std() / 4


def test_at_least_twelve_stories_are_played_as_pixels_and_known_by_name() -> None:
    from dms.scenarios.story import read_book

    names = {s.name for s in read_book().stories}
    assert len(stories.NAMES) >= 12
    assert set(stories.NAMES) <= names
    held = ROOT / "tests/scenarios/held_pixels.json"
    assert not held.exists() or set(json.loads(held.read_text())) <= names


@pytest.mark.slow
@pytest.mark.skipif(not (assets.asset_dir() / assets.ICT_FACE).is_file(), reason="no head asset")
def test_a_rendered_driver_who_looks_at_the_passengers_mirror_is_warned() -> None:
    words = [sys.executable, "-m", "tools.film", "stories", "--only", "passenger mirror, owl"]
    done = subprocess.run(words, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passes  long: passenger mirror, owl" in done.stdout
