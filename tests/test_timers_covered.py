"""The accounts of looks are tested on every branch, by their own stories alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
TIMERS = ("filters", "looks", "rings")
STORIES = ("attention", "filters", "sleepiness", "timers")


@pytest.mark.slow
def test_every_branch_of_the_attention_timers_is_tested(tmp_path: Path) -> None:
    data, report = f"--data-file={tmp_path / 'data'}", tmp_path / "report.json"
    files = ",".join(f"dms/fusion/{name}.py" for name in TIMERS)
    coverage = (sys.executable, "-m", "coverage")
    stories = [str(TESTS / f"test_{name}.py") for name in STORIES]
    subprocess.run(
        [*coverage, "run", "--branch", data, f"--include={files}", "-m", "pytest", "-q", *stories,
         "-p", "no:cacheprovider", "-k", "not 15 and not 60"],
        cwd=TESTS.parent, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run(
        [*coverage, "json", data, "-o", str(report)], check=True, stdout=subprocess.DEVNULL
    )
    found = json.loads(report.read_text())["files"]
    assert len(found) == len(TIMERS)
    for name, file in found.items():
        assert file["missing_branches"] == file["missing_lines"] == [], name
        assert file["summary"]["num_branches"] > 0


@pytest.mark.slow
def test_a_sample_of_wrong_attention_timers_is_noticed() -> None:
    """Of all their mutants 97 % are; those left change nothing that could be seen."""
    files = [f"dms/fusion/{name}.py" for name in TIMERS]
    done = subprocess.run(
        [sys.executable, "tools/mutate.py", *files, "--tests", "tests/test_timers.py",
         "tests/test_filters.py", "--sample", "80", "--seed", "1", "--min-share", "0.95"],
        cwd=TESTS.parent, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
