"""The mutation tool, and what it finds in the alerts."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools import mutate

ROOT = Path(__file__).resolve().parent.parent
TESTS = [
    f"tests/test_alerts{name}.py" for name in ("", "_ladders", "_holds", "_telling", "_invariants")
]
SOURCE = '''"""Doc."""
@dataclass(frozen=True)
class A:
    x: int = 3
def f(a: int, b: bool = True) -> int:
    assert a < 9
    if a >= 3 and b:
        return a + 1
    return 0
'''


def test_every_operator_constant_and_condition_is_changed_once_and_nothing_else() -> None:
    found = list(mutate.mutants_of(Path("m.py"), SOURCE))
    assert sorted((m.line, m.change) for m in found) == [
        (4, "3 -> 4"),
        (5, "True -> False"),
        (7, "3 -> 4"),
        (7, "And -> Or"),
        (7, "GtE -> Gt"),
        (7, "condition negated"),
        (8, "1 -> 2"),
        (8, "Add -> Sub"),
        (9, "0 -> 1"),
    ]
    plain = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in found:
        lines = ast.unparse(mutate.mutated(SOURCE, mutant)).splitlines()
        assert sum(a != b for a, b in zip(plain, lines, strict=True)) == 1


def test_a_survivor_is_named_and_a_low_share_misses_the_gate(tmp_path: Path) -> None:
    (tmp_path / "thing.py").write_text("def f(a):\n    return a >= 3\n")
    (tmp_path / "test_thing.py").write_text(
        "from thing import f\ndef test_f():\n    assert f(9) and not f(0)\n"
    )
    command = [
        sys.executable,
        str(ROOT / "tools/mutate.py"),
        "thing.py",
        "--tests",
        "test_thing.py",
    ]
    done = subprocess.run(
        [*command, "--min-share", "0.9"], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "survived  thing.py:2  3 -> 4" in done.stdout
    assert "survived  thing.py:2  GtE -> Gt" in done.stdout


def test_tests_that_fail_anyway_judge_nothing(tmp_path: Path) -> None:
    (tmp_path / "thing.py").write_text("x = 3\n")
    (tmp_path / "test_thing.py").write_text("def test_f():\n    assert False\n")
    command = [
        sys.executable,
        str(ROOT / "tools/mutate.py"),
        "thing.py",
        "--tests",
        "test_thing.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2


@pytest.mark.slow
def test_every_branch_of_the_alerts_is_taken(tmp_path: Path) -> None:
    data = f"--data-file={tmp_path / 'coverage'}"
    cover = [sys.executable, "-m", "coverage"]
    subprocess.run(
        [*cover, "run", data, "--branch", "--source=dms/alerts", "-m", "pytest", *TESTS],
        cwd=ROOT, check=True, timeout=170,
    )  # fmt: skip
    done = subprocess.run(
        [*cover, "report", data, "--fail-under=100", "--show-missing"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
