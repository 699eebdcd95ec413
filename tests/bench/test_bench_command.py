"""The gates of `dms bench` hold on this machine, with the networks that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from dms.commands import bench
from dms.config import Config
from dms.engine import MANIFEST, models_dir, open_engine

REPEATS = 300
TRIES = 3
"""A gate is a minimum over many short runs; three tries for a machine that is never quiet."""


def test_every_gate_is_kept(demo_drive: Path) -> None:
    config = Config()
    if not (models_dir() / MANIFEST).is_file():
        pytest.skip("no networks in models/")
    frame = bench.face_frame(str(demo_drive), open_engine(config))
    missed: list[bench.Gate] = []
    for _ in range(TRIES):
        results, gates = bench.measure(config, frame, REPEATS)
        assert all(us >= 0 for us in results["frame"]["stages_us"].values())
        missed = [gate for gate in gates if gate.passed is False]
        if not missed:
            break
    assert not missed


def test_a_gate_without_a_value_is_neither_kept_nor_missed() -> None:
    assert bench.Gate("x", None, 1.0, True).passed is None
    assert bench.Gate("x", 2.0, 1.0, True).passed is True
    assert bench.Gate("x", 2.0, 1.0, False).passed is False
