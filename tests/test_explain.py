"""`dms explain`: every change of an alert with its rule, values and thresholds."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import ScriptedEngine

from dms.commands import explain
from dms.config import Config, load
from dms.errors import UsageError


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "open_engine", lambda config: ScriptedEngine())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 20 frames/s; what is seen in them is scripted: away from 2 to 7 s."""
    folder = tmp_path_factory.mktemp("images")
    for i in range(200):
        cv2.imwrite(str(folder / f"{i:04}.png"), np.full((48, 64), i, np.uint8))
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    explain.add_arguments(parser)
    assert explain.run(parser.parse_args([*map(str, words), "--fps", "20"])) == 0
    return capsys.readouterr().out


def test_a_warning_is_explained_with_value_threshold_key_and_source(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, images, "--speed-kmh", 90, "--kind", "distraction")
    assert "distraction level 2 raised: eyes off the road\n" in out
    assert "s >= 3 s  [alerts.distraction.level2_ms; Euro NCAP" in out
    assert "speed 90 km/h >= 20 km/h  [alerts.activation_speed_kmh; Euro NCAP" in out
    assert "distraction level 0 ended: eyes on the road\n" in out


def test_what_is_held_back_is_explained_too(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = run(capsys, images, "--speed-kmh", 15, "--json")
    events = [e for e in json.loads(out) if e["kind"] == "DISTRACTION"]
    assert [(e["event"], e["rule"]) for e in events] == [
        ("suppressed", "below the activation speed")
    ]
    (check,) = events[0]["checks"]
    assert (check["value"], check["sign"], check["threshold"]) == (15.0, "<", 20.0)
    assert check["setting"] == "alerts.activation_speed_kmh"


def test_a_window_without_an_event_says_so_and_a_turned_one_is_wrong_use(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, images, "--speed-kmh", 90, "--to-s", 1) == "nothing happened\n"
    with pytest.raises(UsageError):
        run(capsys, images, "--from-s", 3, "--to-s", 1)


def test_a_threshold_that_a_profile_changed_does_not_claim_the_defaults_source() -> None:
    key = "alerts.distraction.level2_ms"
    assert explain.source_of(key, Config()).startswith("Euro NCAP")
    assert explain.source_of(key, load(None, {"profile": "eu_gsr"})) == ""
    assert explain.source_of("", Config()) == ""
