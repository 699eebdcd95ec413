"""Dependencies point one way: types <- config <- stages <- pipeline <- commands <- cli."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

DMS = Path(__file__).resolve().parent.parent / "dms"

BASE = {"", "types", "errors"}
CONFIG = {"config"}
STAGES = {
    "engine": {"engine"},
    "fusion": {"fusion"},
    "alerts": {"alerts"},
    "health": {"health"},
    "messages": {
        "messages",
        "vehicle_messages",
        "fields",
        "signals",
        "e2e",
        "moment",
        "changes",
        "payloads",
        "payloads_driver",
        "transmit",
        "car",
        "carsim",
        "dbcfile",
        "quantities",
        "vehicle",
        "busview",
        "vehiclesim",
    },
}
"""A stage and the modules that are its own."""
EDGES = {
    "source",
    "feed",
    "container",
    "rawstream",
    "drive",
    "canbus",
    "canlink",
    "canlog",
    "measured",
    "cannode",
    "rawcan",
    "timing",
    "uds",
}
PIPELINE = {"pipeline"}
SCENARIOS = {"scenarios"}
"""Stories that are played before the pipeline."""
OUTPUT = {"report", "metrics"}
"""What commands write; knows neither stages nor edges."""


def modules() -> dict[str, set[str]]:
    """Top-level module name -> the dms modules that any file of it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(DMS.rglob("*.py")):
        parts = path.relative_to(DMS).with_suffix("").parts
        name = "" if parts == ("__init__",) else parts[0]
        found.setdefault(name, set()).update(imported(path) - {name})
    return found


def imported(path: Path) -> set[str]:
    """The dms modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "dms":
            below = node.module.split(".")[1:2]
            names.update(below or [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            names.update(a.name.split(".")[1] for a in node.names if a.name.startswith("dms."))
    return names - {"__version__"}


def allowed(name: str) -> set[str]:
    """What a module may import."""
    stage = next((own for own in STAGES.values() if name in own), None)
    stages = set().union(*STAGES.values())
    if name in BASE:
        return BASE
    if name in CONFIG:
        return BASE
    if stage is not None:
        return BASE | CONFIG | stage | {"_core"}
    if name in EDGES:
        return BASE | CONFIG | EDGES | STAGES["messages"] | {"_core"}
    if name in PIPELINE:
        return BASE | CONFIG | stages
    if name in SCENARIOS:
        return BASE | CONFIG | PIPELINE | OUTPUT
    if name in OUTPUT:
        return BASE | OUTPUT
    if name == "commands":
        return BASE | CONFIG | stages | EDGES | PIPELINE | SCENARIOS | OUTPUT | {"_core"}
    if name == "cli":
        return BASE
    if name == "__main__":
        return {"cli"}
    pytest.fail(f"dms/{name}: say in tests/test_imports.py which layer this is")


@pytest.mark.parametrize("name", sorted(modules()))
def test_a_module_imports_only_what_lies_below_it(name: str) -> None:
    assert modules()[name] <= allowed(name) | {""}


def test_help_needs_no_other_package() -> None:
    code = (
        "import sys\n"
        "from dms.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'onnxruntime', 'can', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=DMS.parent)
    assert done.returncode == 0, done.stderr.decode()
    assert b"observe" in done.stdout
