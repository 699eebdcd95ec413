"""`dms replay`: deterministic, and its files say what happened."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from scripted import ScriptedEngine

from dms import cli, e2e
from dms.canlog import FORMATS, read_log
from dms.commands import replay
from dms.errors import DmsError, UsageError
from dms.messages import ALERT, BY_ID, SENT, STATUS, encode_vehicle_motion
from dms.rawstream import write_frame
from dms.signals import decode
from dms.types import Frame, Observation, Reason

FPS, SECONDS = 20, 10
FILES = ("observations.csv", "events.csv", "report.html", "can.log")


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds at 100 km/h."""
    folder = tmp_path_factory.mktemp("drive")
    fourcc = cv2.VideoWriter_fourcc(*"mp4v")  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(folder / "camera.mp4"), cv2.CAP_FFMPEG, fourcc, FPS, (64, 48))
    for i in range(FPS * SECONDS):
        writer.write(np.full((48, 64, 3), i % 200, np.uint8))
    writer.release()
    lines = []
    for i in range(SECONDS * 50):
        can_id, data = encode_vehicle_motion(100 / 3.6, i % 15)
        lines.append(f"({5 + i / 50:.6f}) can0 {can_id:03X}#{data.hex()}")
    (folder / "can.log").write_text("\n".join(lines) + "\n")
    manifest = "format: 1\nframes: camera.mp4\ncan: can.log\ncan_t0_s: 5\nseat: left\n"
    (folder / "drive.yaml").write_text(manifest)
    return folder


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "open_engine", lambda config: ScriptedEngine())


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    replay.add_arguments(parser)
    return replay.run(parser.parse_args([str(word) for word in words]))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_replays_give_equal_bytes_wherever_they_are_written(
    drive: Path, tmp_path: Path
) -> None:
    for name in ("one", "another"):
        out = tmp_path / name
        out.mkdir()
        assert run(drive, "--out", out, "--can-out", out / "can.log") == 0
    for name in FILES:
        first = (tmp_path / "one" / name).read_bytes()
        assert first == (tmp_path / "another" / name).read_bytes()
        assert str(tmp_path).encode() not in first


def test_the_files_tell_of_the_look_away(drive: Path, tmp_path: Path) -> None:
    assert run(drive, "--out", tmp_path) == 0
    seen = rows(tmp_path / "observations.csv")
    assert len(seen) == FPS * SECONDS
    assert [row["t_s"] for row in seen[:3]] == ["0.0", "0.05", "0.1"]
    assert seen[60]["head_yaw_deg"] == "45.0"
    assert seen[60]["speed_kmh"] == "100.0"
    events = rows(tmp_path / "events.csv")
    assert [(e["event"], e["kind"]) for e in events] == [
        ("raised", "DISTRACTION"),
        ("ended", "DISTRACTION"),
    ]
    assert 4.9 <= float(events[0]["t_s"]) <= 5.6
    page = (tmp_path / "report.html").read_text()
    assert "distraction" in page
    assert "http" not in page
    assert "<script" not in page
    assert "data:image/jpeg;base64," in page


def test_the_can_log_decodes_to_the_alert(drive: Path, tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    assert run(drive, "--can-out", log) == 0
    frames = list(read_log(log))
    assert {f.can_id for f in frames} == {m.can_id for m in SENT}
    checkers = {m.can_id: e2e.Checker(m.data_id, m.LENGTH) for m in SENT}
    levels = []
    for frame in frames:
        checkers[frame.can_id], verdict = checkers[frame.can_id].check(frame.data)
        assert verdict in (e2e.Verdict.INITIAL, e2e.Verdict.OK)
        if frame.can_id == ALERT.can_id:
            levels.append(decode(BY_ID[frame.can_id], frame.data)["AlertLevel"])
    assert 2.0 in levels
    assert [f.t_ns for f in frames] == sorted(f.t_ns for f in frames)


def test_a_given_speed_wins_over_the_log(drive: Path, tmp_path: Path) -> None:
    assert run(drive, "--speed-kmh", 0, "--out", tmp_path) == 0
    (event,) = rows(tmp_path / "events.csv")
    assert (event["event"], event["rule"]) == ("exempted", "standstill")
    assert {row["speed_kmh"] for row in rows(tmp_path / "observations.csv")} == {"0.0"}


def test_json_is_one_object(drive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(drive, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["frames"] == FPS * SECONDS
    assert summary["events"][0]["kind"] == "DISTRACTION"
    assert summary["can_frames"] > SECONDS * 60


@pytest.mark.parametrize("unit", [0, 1000], ids=["standing still", "us for ns"])
def test_a_clock_that_does_not_count_nanoseconds_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: int
) -> None:
    path = tmp_path / "a.raw"
    with path.open("wb") as file:
        for i in range(100):
            image = np.full((48, 64), i, np.uint8)
            write_frame(file.write, Frame(i, i * unit * 1000 // FPS, image))
    assert run(path, "--speed-kmh", 80, "--json") == 0
    assert json.loads(capsys.readouterr().out)["reason_share"] == {"FRAMES_LATE": 0.9}
    assert run(path, "--speed-kmh", 80) == 0
    assert "frames late        90.0 %" in capsys.readouterr().out


def test_the_live_view_decodes_alerts_from_the_sent_bytes(
    drive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(drive, "--live") == 0
    out = capsys.readouterr().out
    assert "DMS_Alert  Distraction level 2" in out
    assert "100 km/h" in out


def test_a_cut_video_ends_with_exit_code_3(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.avi"
    fourcc = cv2.VideoWriter_fourcc(*"MJPG")  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, FPS, (64, 48))
    for i in range(60):
        writer.write(np.full((48, 64, 3), i, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[:-12000])
    assert run(path) == 3
    assert "data loss" in capsys.readouterr().err


def test_a_can_log_that_breaks_off_is_a_loss(
    drive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("camera.mp4", "drive.yaml"):
        (tmp_path / name).write_bytes((drive / name).read_bytes())
    text = (drive / "can.log").read_text()
    (tmp_path / "can.log").write_text(text[: len(text) // 2] + "\n(broken\n")
    assert run(tmp_path) == 3
    assert "can.log" in capsys.readouterr().err


def test_a_drive_tells_its_camera_but_the_configuration_wins(drive: Path) -> None:
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    said = {"camera.seat": "left"}
    args = parser.parse_args([str(drive)])
    assert replay.load_config(args, said).camera.seat == "left"
    args = parser.parse_args([str(drive), "--set", "camera.seat=right"])
    assert replay.load_config(args, said).camera.seat == "right"


class Told(ScriptedEngine):
    """Gets a signal while it looks at a frame."""

    def __init__(self, number: int, at: int) -> None:
        super().__init__()
        self._number, self._at = number, at

    def step(self, frame: Frame) -> Observation:
        if frame.seq == self._at:
            signal.raise_signal(self._number)
        return super().step(frame)


def logs(folder: Path) -> list[str]:
    """A log in each format, as words of the command line."""
    return [w for ending in FORMATS for w in ("--can-out", str(folder / f"can{ending}"))]


def assert_whole(folder: Path, frames: int) -> None:
    """Tables and logs hold so many frames and a goodbye; the page is there."""
    assert len(rows(folder / "observations.csv")) == frames
    assert rows(folder / "events.csv")
    assert "distraction" in (folder / "report.html").read_text()
    for ending in FORMATS:
        heard = list(read_log(folder / f"can{ending}"))
        last = next(f for f in reversed(heard) if f.can_id == STATUS.can_id)
        assert decode(STATUS, last.data)["Reason"] == Reason.SHUTDOWN
        times = [f.t_ns for f in heard]
        assert times == sorted(times)
        assert abs(times[-1] - times[0] - (frames - 1) * 1e9 / FPS) < 1e6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_played_before_a_signal_is_whole(
    drive: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(replay, "open_engine", lambda config: Told(number, 119))
    before = signal.getsignal(number)
    assert cli.main(["replay", str(drive), "--out", str(tmp_path), *logs(tmp_path)]) == 1
    assert capsys.readouterr().err == "dms: stopped before the end\n"
    assert signal.getsignal(number) == before
    assert_whole(tmp_path, 120)


def test_a_signal_ends_the_wait_for_the_next_frame(
    drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    timer.start()
    with pytest.raises(KeyboardInterrupt):  # at this pace it would take a day
        run(drive, "--pace", 1e-4)


@contextlib.contextmanager
def nobody_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output is a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as out, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", out)
        yield


def test_a_reader_of_the_live_view_who_leaves_takes_nothing_from_the_files(
    drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nobody_reads(monkeypatch):
        words = ["replay", str(drive), "--live", "--out", str(tmp_path), *logs(tmp_path)]
        assert cli.main(words) == 0
    assert_whole(tmp_path, FPS * SECONDS)


def test_a_replay_that_makes_nothing_else_ends_with_the_reader_of_its_live_view(
    drive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ScriptedEngine()
    monkeypatch.setattr(replay, "open_engine", lambda config: engine)
    with nobody_reads(monkeypatch):
        assert cli.main(["replay", str(drive), "--live"]) == 0
    assert engine.frames < FPS


def test_all_else_is_whole_when_one_log_has_no_room(drive: Path, tmp_path: Path) -> None:
    (tmp_path / "full.log").symlink_to("/dev/full")
    words = [*logs(tmp_path), "--can-out", tmp_path / "full.log"]
    with pytest.raises(DmsError, match=r"full.log: No space left on device - is the disk full"):
        run(drive, "--out", tmp_path, *words)
    played = len(rows(tmp_path / "observations.csv"))
    assert played > 20
    assert len(list(read_log(tmp_path / "can.blf"))) > played


def test_out_must_be_a_folder(drive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--out .*file: File exists - give a folder"):
        run(drive, "--out", tmp_path / "file")
    (tmp_path / "events.csv").mkdir()
    with pytest.raises(UsageError, match=r"tables in .*: Is a directory - give a folder"):
        run(drive, "--out", tmp_path)


@pytest.mark.parametrize("name", ["observations.csv", "events.csv", "report.html"])
def test_a_full_disk_under_the_tables_or_the_report_is_told_with_the_file(
    drive: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).symlink_to("/dev/full")
    with pytest.raises(DmsError, match=f"{tmp_path}.*: No space left on device - is the disk full"):
        run(drive, "--out", tmp_path)
