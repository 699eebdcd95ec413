"""What the daemon may cost: memory, and how soon it speaks. Minutes of work, so marked slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import can
import numpy as np
import pytest

from dms.commands.bench import LOOP_US, python_loop_us
from dms.engine import MANIFEST, models_dir
from dms.rawstream import Header

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
GROUP, PORT = "239.74.163.4", 45100 + os.getpid() % 800
BUS = f"udp_multicast:{GROUP},port={PORT}"
WIDTH, HEIGHT, HZ = 1280, 800, 60
RSS_MAX_MB, GROWTH_MAX_MB = 80, 2
FIRST_CAN_MAX_S, FIRST_OBSERVATION_MAX_S = 0.5, 2.0
"""Of CPU time, where the bench's loop of pure Python takes LOOP_US; on a slower machine more."""
STARTS = 5
"""The least of so many starts: a busy machine only ever adds."""


CORE = "import sys; sys.modules['asammdf'] = None; from dms.cli import main; sys.exit(main())"
"""As installed in a car: without the extra for measurement files, which python-can would import
at once (0.4 s) only because the tests have it."""


def start() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", CORE, "run", "-", "--json", "--can", BUS]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def rss_mb(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def send(process: subprocess.Popen[bytes], first: int, count: int, hz: float = 0) -> None:
    """Frames stamped at HZ, written at `hz` or as fast as they are taken."""
    assert process.stdin
    rng = np.random.default_rng(first)
    image = rng.integers(40, 200, (HEIGHT, WIDTH), dtype=np.uint8)
    for i in range(first, first + count):
        image[:4] = i % 251
        size = (WIDTH, HEIGHT, WIDTH, WIDTH * HEIGHT)
        process.stdin.write(Header("mono8", *size, i, i * 1_000_000_000 // HZ).pack())
        process.stdin.write(image.data)
        process.stdin.flush()
        if hz:
            time.sleep(1 / hz)


@pytest.fixture(autouse=True)
def networks() -> None:
    if not (models_dir() / MANIFEST).is_file():
        pytest.skip("no networks in models/")


def test_memory_stays_small_over_twenty_thousand_frames() -> None:
    process = start()
    send(process, 0, 120, HZ)
    send(process, 120, 1880)
    early = rss_mb(process)
    send(process, 2000, 18000)
    late = rss_mb(process)
    out, err = process.communicate(timeout=60)
    totals = json.loads(out)
    assert process.returncode == 0, err.decode()
    assert totals["frames"] + totals["skipped"] == 20000
    assert late <= RSS_MAX_MB
    assert late - early <= GROWTH_MAX_MB


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """What it has used so far: what can be held on a machine shared with others."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slower() -> float:
    """By how much this machine's interpreter is slower than that one's."""
    return min(python_loop_us() for _ in range(500)) / LOOP_US


def first_can_s() -> tuple[float, float]:
    """CPU and wall time from the start of the process to its first frame on the bus."""
    with can.Bus(interface="udp_multicast", channel=GROUP, port=PORT, hop_limit=0) as bus:
        begin = time.monotonic()
        process = start()
        message = bus.recv(10)
        took = cpu_s(process), time.monotonic() - begin
        process.communicate()
    assert message is not None
    return took


def test_the_bus_hears_of_it_within_half_a_second() -> None:
    starts = [(*first_can_s(), slower()) for _ in range(STARTS)]
    least = min(cpu / times for cpu, _, times in starts)
    assert least <= FIRST_CAN_MAX_S, f"(CPU, wall [s], slower): {starts}"


def first_observation_s() -> tuple[float, float]:
    """CPU time of a start and 20 frames, and wall time to the first observation."""
    process = start()
    send(process, 0, 20, HZ)
    used = cpu_s(process)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err.decode()
    return used, float(json.loads(out)["first_observation_s"])


def test_the_first_observation_comes_within_two_seconds() -> None:
    starts = [(*first_observation_s(), slower()) for _ in range(STARTS)]
    least = min(cpu / times for cpu, _, times in starts)
    assert least <= FIRST_OBSERVATION_MAX_S, f"(CPU, wall [s], slower): {starts}"
