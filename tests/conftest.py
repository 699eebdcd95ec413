"""What the tests share: real footage when it is there, and small inputs made on the spot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "real"
DEMO_DRIVE = ROOT / "tests" / "golden" / "demo_drive"

Dms = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def real() -> Path:
    """Real footage beside the repository; it shows people, so it is never part of it."""
    if not REAL.is_dir():
        pytest.skip("no real footage in ../shared/real")
    return REAL


@pytest.fixture(scope="session")
def demo_drive() -> Path:
    """The bundled rendered drive."""
    if not (DEMO_DRIVE / "drive.yaml").is_file():
        pytest.skip("the bundled drive is not in tests/golden/demo_drive")
    return DEMO_DRIVE


@pytest.fixture(scope="session")
def dms() -> Dms:
    """Runs the command line as a user would, in a process of its own."""

    def run(
        *args: object, stdin: bytes | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dms.cli", *map(str, args)]
        done = subprocess.run(command, input=stdin, capture_output=True, cwd=ROOT, timeout=timeout)
        out, err = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(command, done.returncode, out, err)

    return run
