"""Fuzz what reads bytes from outside, with atheris: pip install atheris.

    python -m tools.fuzz uds -runs=1000000       a tester's frames, through ISO-TP and server
    python -m tools.fuzz frames -runs=1000000    a bus's frames: the vehicle's, and as tools show
    python -m tools.fuzz logs -runs=1000000      CAN logs of each format

Options are libFuzzer's. What was found interesting is kept in build/fuzz/TARGET, and goes on from
there; an input that breaks something is written beside it. At its end it prints the inputs
(stat::number_of_executed_units) and inputs a second (stat::average_exec_per_sec).
"""

from __future__ import annotations

import gc
import importlib
import inspect
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "build" / "fuzz"
TARGETS = ("uds", "frames", "logs")
LONGEST_S = 20
"""An input that takes longer counts as a hang."""


def main() -> None:
    """Fuzz the target that is named, until it breaks or is done."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tools.fuzz {{{','.join(TARGETS)}}} [libFuzzer's options]")
    import atheris

    name = sys.argv.pop(1)
    module = importlib.import_module(f"tools.fuzz.{name}")
    for found in gc.get_objects():  # its hook for imports does not see an editable installation's
        if inspect.isfunction(found) and str(found.__module__).startswith(("dms.", "can.io.")):
            atheris.instrument_func(found)
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(module.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    fixed = ["-print_final_stats=1", f"-timeout={LONGEST_S}", f"-artifact_prefix={FOLDER}/{name}-"]
    atheris.Setup([sys.argv[0], *fixed, *sys.argv[1:], str(corpus)], module.Target().run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
