"""`dms observe`: the shape of its lines, with an engine that sees what it is told to."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dms.commands import observe
from dms.source import open_source
from dms.types import ACTIONS, Action, Eye, Face, Frame, Observation, Quality

KEYS = [
    "file", "frame", "t_s", "face", "box_px", "head_yaw_deg", "head_pitch_deg", "head_roll_deg",
    "eye_open_left", "eye_open_right", "eye_visible_left", "eye_visible_right", "gaze_yaw_deg",
    "gaze_pitch_deg", "mouth_open", "sunglasses", "mask", "action", "quality",
]  # fmt: skip
EYE = Eye(0.9, 1.0, 0.1, 0.05, 0.2, -0.1, 0.1)
HIDDEN = Eye(0.1, None, None, None, None, None, None)
QUALITY = Quality(90.0, 40.0, 0.01, 0.0, 3.0, 0)


def face(left: Eye = EYE, right: Eye = EYE) -> Face:
    marks = np.zeros((68, 2), np.float32)
    box = (10.0, 20.0, 30.0, 40.0)
    return Face(0.97, box, marks, 0.5, -0.25, 0.1, 0.05, 0.2, 0.01, 0.02, 0.03, left, right)


class ScriptedEngine:
    """Sees a face in every other frame; remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def reset(self) -> None:
        self.calls.append("reset")

    def step(self, frame: Frame) -> Observation:
        self.calls.append("step")
        return self._see(frame)

    def still(self, frame: Frame) -> Observation:
        self.calls.append("still")
        return self._see(frame)

    def _see(self, frame: Frame) -> Observation:
        action = Action((0.3,) + (0.1,) * 7, 0, 32)
        seen = face() if frame.seq % 2 == 0 else None
        return Observation(frame.seq, frame.t_ns, seen, action if seen else None, QUALITY)


def pictures(folder: Path, count: int) -> Path:
    for i in range(count):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((40, 50), i, np.uint8))
    return folder


def lines(path: Path, stills: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    engine = ScriptedEngine()
    rows = list(observe.rows(open_source(str(path)), lambda: engine, stills))
    return [json.loads(json.dumps(row, allow_nan=False)) for row in rows], engine.calls


def test_every_line_has_exactly_the_documented_keys(tmp_path: Path) -> None:
    rows, _ = lines(pictures(tmp_path, 2))
    assert [list(row) for row in rows] == [KEYS, KEYS]


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    rows, _ = lines(pictures(tmp_path, 2))
    missing = {key for key, value in rows[1].items() if value is None}
    assert missing == set(KEYS) - {"file", "frame", "t_s", "face", "quality"}
    assert rows[1]["face"] is False
    assert rows[1]["quality"]["face_score"] is None


def test_values_come_in_degrees_and_pixels(tmp_path: Path) -> None:
    rows, _ = lines(pictures(tmp_path, 1))
    row = rows[0]
    assert row["box_px"] == [10.0, 20.0, 30.0, 40.0]
    assert row["head_yaw_deg"] == 28.65
    assert row["head_pitch_deg"] == -14.32
    assert row["gaze_yaw_deg"] == 11.46
    assert list(row["action"]) == list(ACTIONS)
    assert sum(row["action"].values()) == pytest.approx(1)


def test_a_folder_is_tracked_and_stills_are_not(tmp_path: Path) -> None:
    folder = pictures(tmp_path, 3)
    tracked, calls = lines(folder)
    assert calls == ["reset", "step", "step", "step"]
    assert [row["t_s"] for row in tracked] == [0.0, 0.033333, 0.066667]
    stills, calls = lines(folder, stills=True)
    assert calls == ["reset", "still", "still", "still"]
    assert [row["t_s"] for row in stills] == [None, None, None]
    assert [Path(row["file"]).name for row in stills] == ["0.png", "1.png", "2.png"]


def test_a_lone_image_is_a_still(tmp_path: Path) -> None:
    _, calls = lines(pictures(tmp_path, 1) / "0.png")
    assert calls == ["reset", "still"]


def test_gaze_leans_to_the_surer_eye_and_ignores_the_hidden_one() -> None:
    sure = Eye(0.9, 1.0, 0.1, 0.0, 0.0, 0.0, 0.1)
    unsure = Eye(0.9, 1.0, 0.1, 0.0, 0.5, 0.5, 0.2)
    yaw, pitch, sigma = observe.combined_gaze(sure, unsure)
    assert (yaw, pitch) == (pytest.approx(0.1), pytest.approx(0.1))
    assert sigma is not None
    assert sigma < 0.1
    assert observe.combined_gaze(HIDDEN, unsure)[0] == pytest.approx(0.5)
    assert observe.combined_gaze(HIDDEN, HIDDEN) == (None, None, None)


def test_one_bad_path_does_not_keep_the_others_from_being_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe, "open_engine", lambda config: ScriptedEngine())
    parser = argparse.ArgumentParser()
    observe.add_arguments(parser)
    good = pictures(tmp_path, 1) / "0.png"
    assert observe.run(parser.parse_args([str(tmp_path / "gone"), str(good)])) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["frame"] == 0
    assert "gone: cannot be read" in err
