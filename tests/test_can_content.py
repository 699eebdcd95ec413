"""What a real run puts on the bus has content: signals take values, and the values are sensible.

The receiver knows the shipped DBC and the data IDs of docs/can.md, and nothing else of this
project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import can
import cantools
import pytest
from e2e.p11 import e2e_p11_check

Dms = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parent.parent
GROUP, PORT = "239.74.163.5", 47100 + os.getpid() % 800
"""A group of this run's own, so that parallel runs do not hear each other."""
TELEMETRY_ID = 0xD329
DEGC = 61
CAMERA_HZ = 20
"""Of the bundled drive."""

DAEMON = """
import sys
from pathlib import Path
import dms.commands.meter
from dms.cli import main
dms.commands.meter.THERMAL = Path(sys.argv[1])
sys.exit(main(sys.argv[2:]))
"""
"""`dms`, with thermal zones in a folder: not every machine has its own."""


@pytest.mark.parametrize("fd", [False, True])
def test_the_daemons_telemetry_is_what_a_receiver_with_the_dbc_decodes(
    demo_drive: Path, tmp_path: Path, fd: bool
) -> None:
    pytest.importorskip("msgpack")
    for zone, millidegrees in enumerate((48_000, 1000 * DEGC)):
        (tmp_path / f"thermal_zone{zone}").mkdir()
        (tmp_path / f"thermal_zone{zone}" / "temp").write_text(f"{millidegrees}\n")
    command = [sys.executable, "-c", DAEMON, str(tmp_path), "run", str(demo_drive), "--loop"]
    command += ["--json", "--can", f"udp_multicast:{GROUP},port={PORT}"]
    command += ["--set", f"can.fd={str(fd).lower()}"]
    dbc = cantools.database.load_file(ROOT / "configs/dms.dbc", strict=True)
    assert isinstance(dbc, cantools.database.Database)
    message = dbc.get_message_by_name("DMS_FdHealth" if fd else "DMS_Telemetry")
    counter = "Telemetry_Counter" if fd else "Counter"
    told: list[dict[str, Any]] = []
    wrong, deadline = 0, time.monotonic() + 60
    with (
        can.Bus(interface="udp_multicast", channel=GROUP, port=PORT, hop_limit=0, fd=True) as bus,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as daemon,
        ExitStack() as stack,
    ):
        stack.callback(daemon.kill)
        while len([t for t in told if t["DriftScore"] != "NotAvailable"]) < 4:
            assert time.monotonic() < deadline, told
            heard = bus.recv(1.0)
            if heard is None or heard.arbitration_id != message.frame_id:
                continue
            wrong += not e2e_p11_check(bytearray(heard.data[:8]), TELEMETRY_ID)
            values = message.decode(bytes(heard.data))
            assert isinstance(values, dict)
            told.append({name: _plain(value) for name, value in values.items()})
        daemon.terminate()
        totals = json.loads(daemon.communicate(timeout=30)[0])
    assert daemon.returncode == 0
    assert wrong == 0
    assert [t[counter] for t in told] == [n % 15 for n in range(len(told))]
    assert told[0]["FrameRate"] == "NotAvailable", "nothing is measured yet"
    last = [t for t in told if t["DriftScore"] != "NotAvailable"]
    for t in last:
        assert 0 < t["FrameRate"] <= 1.5 * CAMERA_HZ
        assert t["LatencyP50"] <= t["LatencyP99"] + 1, "in steps of 1 and 2 ms"
        assert t["LatencyP99"] <= totals["longest_frame_ms"] + 1
        assert 0 < t["CpuLoad"] <= 100 * (os.cpu_count() or 1)
        assert t["Temperature"] == DEGC
        assert 0 < t["DriftScore"] < 60, "known, and not at the end of the range"
    assert any(t["LatencyP99"] > 0 for t in last)
    assert sum(t["FramesDropped"] for t in last) <= totals["skipped"] + totals["dropped"]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else str(value)


SLOW = {"Kss", "KssConfidence"}
"""Need minutes to learn."""
LIVE_ONLY = ("DMS_Telemetry", "DMS_Inputs")
"""Of the running daemon, not of a replay."""


def test_every_signal_about_the_driver_takes_values_in_a_drive(
    dms: Dms, demo_drive: Path, tmp_path: Path
) -> None:
    log = tmp_path / "can.log"
    done = dms("replay", demo_drive, "--out", tmp_path, "--can-out", log, timeout=300)
    assert done.returncode == 0, done.stderr
    decoded = dms("can", "decode", log, "--only", "DMS_*", "--json")
    values = defaultdict(set)
    for line in map(json.loads, decoded.stdout.splitlines()):
        if line["message"] not in LIVE_ONLY:
            for name, value in line["values"].items():
                values[name].add(None if isinstance(value, dict) else value)
    empty = {name for name, said in values.items() if said == {None}}
    assert empty == SLOW
    measured = ("HeadYaw", "HeadPitch", "HeadRoll", "GazeYaw", "GazePitch", "EyeOpenness",
                "EyeOpennessLeft", "EyeOpennessRight")  # fmt: skip
    assert all(len(values[name]) > 3 for name in measured), "they move"
