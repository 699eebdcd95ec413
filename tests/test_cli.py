"""The command line as a user meets it: exit codes, one line an error, no traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from dms import __version__
from dms.cli import VERBS
from dms.commands.can import TOOLS

Dms = Callable[..., subprocess.CompletedProcess[str]]


def test_help_names_every_verb_and_exit_code(dms: Dms) -> None:
    done = dms("--help")
    assert done.returncode == 0
    assert all(f"  {verb}" in done.stdout for verb in VERBS)
    assert "exit codes" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_json(dms: Dms, verb: str) -> None:
    done = dms(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


@pytest.mark.parametrize(
    "words", [*((v,) for v in VERBS if v != "can"), *(("can", t) for t in TOOLS)]
)
def test_every_command_but_one_without_settings_takes_a_configuration(
    dms: Dms, words: tuple[str, ...]
) -> None:
    said = dms(*words, "--help").stdout
    assert ("--config FILE" in said and "--set KEY=VALUE" in said) == (words != ("can", "decode"))


def test_the_version_is_the_packages(dms: Dms) -> None:
    assert dms("--version").stdout.strip() == f"dms {__version__}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "dms VERB"),
        (("obsrve",), "did you mean observe?"),
        (("fly",), "the verbs are"),
        (("observe",), "arguments are required: PATH"),
        (("observe", "--frames", "3"), "unrecognized arguments: --frames"),
        (("--verbose",), "unrecognized arguments: --verbose"),
        (("observe", "x", "--set", "camera.seat"), "is not KEY=VALUE"),
        (("observe", "x", "--set", "camera.seet=left"), "did you mean"),
        (("observe", "x", "--config", "/nonexistent.yaml"), "/nonexistent.yaml"),
        (("run", "-", "--speed-kmh", "nan"), "--speed-kmh: 'nan' is not a number from 0 to 400"),
        (("replay", "x", "--speed-kmh=-80"), "'-80' is not a number from 0 to 400"),
        (("explain", "x", "--speed-kmh", "fast"), "'fast' is not a number from 0 to 400"),
        (("run", "x", "--fps", "0"), "--fps: '0' is not a number from 0.01 to 1000"),
        (("observe", "x", "--fps", "inf"), "'inf' is not a number from 0.01 to 1000"),
        (("replay", "x", "--pace", "nan"), "--pace: 'nan' is not a number from 0 to"),
        (("scenarios", "--hours", "nan"), "--hours: 'nan' is not a number from 0 to"),
        (("scenarios", "--report", "/nodir/x.html"), "/nodir/x.html: No such file or directory - "),
    ],
)
def test_wrong_use_is_told_with_exit_code_2(dms: Dms, words: tuple[str, ...], said: str) -> None:
    done = dms(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_every_mistake_in_a_config_is_told_on_its_own_line(dms: Dms, tmp_path: Path) -> None:
    config = tmp_path / "my.yaml"
    config.write_text("fusion:\n  hold_mss: 5\ncan:\n  fd: 012\n")
    done = dms("observe", "x.png", "--config", config)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) >= 2
    assert "my.yaml:2" in done.stderr
    assert "my.yaml:4" in done.stderr


def one_image(folder: Path, name: str, shape: tuple[int, int]) -> Path:
    path = folder / name
    assert cv2.imwrite(str(path), np.zeros(shape, np.uint8))
    return path


@pytest.mark.parametrize("verb", sorted({"observe", "replay"} & set(VERBS)))
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.mp4", None, "No such file"),
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"words\n" * 99, "is text"),
        ("zero.png", b"", "is empty"),
        ("one.png", (1, 1), "too small"),
        ("huge.png", (12000, 16000), "too large"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    dms: Dms,
    tmp_path: Path,
    verb: str,
    name: str,
    content: bytes | tuple[int, int] | None,
    said: str,
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        one_image(tmp_path, name, content)
    done = dms(verb, path)
    assert done.returncode == 2
    assert said in done.stderr
    assert name in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_full_disk_under_the_output_is_one_line_with_advice(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dms.cli", "can", "decode", "--summary", "a.log"]
    (tmp_path / "a.log").write_text("")
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, text=True)
    assert done.returncode == 1
    assert done.stderr == "dms: output: No space left on device - is the disk full?\n"
