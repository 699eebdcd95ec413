"""The receiver in C that an ECU team copies: it builds without a warning, and believes what the
monitor's own decoder and check would, frame by frame, whatever happens to the frames."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from dms import e2e
from dms.messages import ALERT, BY_ID, FD_STATE, SENT, SENT_FD, STATUS
from dms.moment import Identity
from dms.signals import BusFrame, Message, NoValue, Value, decode, encode, raw_of, split
from dms.transmit import TxFrame, TxPlan
from dms.types import Alert, AlertKind

SOURCE = Path(__file__).parent.parent / "tools/receiver_example"
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-O1")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
MS = 1_000_000
ERRORS_MAX = 3


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    program = tmp_path_factory.mktemp("receiver") / "receiver"
    sources = [SOURCE / "dms_receiver.c", SOURCE / "main.c"]
    subprocess.run([compiler, *STRICT, *SANITIZED, "-o", program, *sources], check=True)
    return program


@dataclass
class Heard:
    """What a receiver remembers of one message, by the rules of docs/can.md."""

    checker: e2e.Checker
    data: bytes | None = None
    t_ms: int = 0
    timeout_ms: int = 0
    errors: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, data: bytes, t_ms: int, timeout_ms: int) -> None:
        if self.data is not None and t_ms - self.t_ms > self.timeout_ms:
            self.count("late")
            self.data, self.checker = None, replace(self.checker, last=None)
        self.checker, verdict = self.checker.check(data)
        self.count(verdict.value)
        if verdict.usable:
            self.data, self.t_ms, self.timeout_ms, self.errors = data, t_ms, timeout_ms, 0
        elif verdict is not e2e.Verdict.INITIAL:
            self.errors += 1

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def values(self, message: Message, t_ms: int) -> dict[str, Value]:
        none: Value | None = None
        if self.data is None or t_ms - self.t_ms > self.timeout_ms:
            none = NoValue.NOT_AVAILABLE
        elif self.errors >= ERRORS_MAX:
            none = NoValue.INVALID
        if none is not None or self.data is None:
            return dict.fromkeys((s.name for s in message.signals), none or NoValue.INVALID)
        return decode(message, self.data)


class Model:
    """The same receiver in Python."""

    def __init__(self) -> None:
        self.heard = {m: Heard(e2e.Checker(m.sections[0].data_id)) for m in SENT}

    def take(self, can_id: int, data: bytes, t_ms: int) -> None:
        frame = BY_ID.get(can_id)
        if frame is None or frame.sender != "DMS":
            return
        whole = len(data) == frame.length
        for index, section in enumerate(frame.sections):
            part = split(data, index) if whole else b""
            self.heard[section].take(part, t_ms, frame.timeout_ms)

    def lines(self, t_ms: int) -> list[tuple[str, str, float]]:
        """Name, status and value."""
        found = []
        for message, heard in self.heard.items():
            assert isinstance(message, Message)
            for s in message.signals:
                found.append((s.name, *_spelled(heard.values(message, t_ms)[s.name])))
        return found


def _spelled(value: Value) -> tuple[str, float]:
    if isinstance(value, NoValue):
        return value.name.lower().replace("_", " "), 0.0
    return "value", value


def log(frames: list[tuple[int, int, bytes]]) -> str:
    """A candump log of (time [ms], identifier, data)."""
    lines = []
    for t_ms, can_id, data in frames:
        mark = "##1" if len(data) > 8 else "#"
        lines.append(f"({t_ms / 1000:.6f}) can0 {can_id:03X}{mark}{data.hex().upper()} T\n")
    return "".join(lines)


def run(receiver: Path, frames: list[tuple[int, int, bytes]], *args: str) -> list[str]:
    done = subprocess.run(
        [receiver, *args], input=log(frames), capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def counters(lines: list[str]) -> dict[str, dict[str, int]]:
    found = {}
    for line in lines:
        if line.startswith("DMS_"):
            name, *pairs = line.split()
            found[name] = {k: int(v) for k, v in (pair.split("=") for pair in pairs)}
    return found


Sent = tuple[BusFrame, ...]
Log = list[tuple[int, int, bytes]]


def troubled(rng: random.Random, sent: Sent, count: int) -> Log:
    """Frames with random content, of which some are corrupted, lost, repeated, cut or late."""
    frames, t_ms, numbers = [], 0, dict.fromkeys(sent, 0)
    before: dict[BusFrame, bytes] = {}
    for _ in range(count):
        frame = rng.choice(sent)
        t_ms += rng.choice((1, 5, 20, 20, 50, 400))
        numbers[frame] += rng.choice((1, 1, 1, 1, 1, 2, 3, 4, 8))
        words = {s.name: rng.getrandbits(s.length) for s in frame.signals}
        values = {s.name: words[s.name] * s.scale + s.offset for s in frame.signals}
        some: dict[str, Value] = {
            name: rng.choice((value, value, *NoValue)) for name, value in values.items()
        }
        data = bytearray(encode(frame, some, numbers[frame]).data)
        what = rng.random()
        if what < 0.15:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif what < 0.25 and frame in before:
            data = bytearray(before[frame])
        elif what < 0.3:
            del data[rng.randrange(1, len(data)) :]
        before[frame] = bytes(data)
        frames.append((t_ms, frame.can_id, bytes(data)))
        if rng.random() < 0.1:
            frames.append((t_ms, 0x7A0, b"foreign"))
    return frames


@pytest.mark.parametrize("sent", [SENT, SENT_FD, (ALERT, STATUS), (FD_STATE,)])
@pytest.mark.parametrize("seed", range(3))
def test_it_believes_what_the_monitors_own_decoder_would(
    receiver: Path, sent: tuple[BusFrame, ...], seed: int
) -> None:
    frames = troubled(random.Random(seed), sent, 60)
    lines = run(receiver, frames, "--values")
    told = iter(line for line in lines if line[:1].isdigit())
    model = Model()
    for t_ms, can_id, data in frames:
        model.take(can_id, data, t_ms)
        for name, status, value in model.lines(t_ms):
            at, their_name, rest = next(told).split(" ", 2)
            found = re.fullmatch(r"(value|unknown|invalid|not available) (\d+) (\S+)", rest)
            assert found is not None
            assert (int(at), their_name, found[1]) == (t_ms, name, status)
            assert float(found[3]) == pytest.approx(value, rel=1e-6, abs=1e-4)
    assert next(told, None) is None
    theirs = counters(lines)
    for message, heard in model.heard.items():
        got = {name: n for name, n in theirs[message.name].items() if n}
        assert got == heard.counts


def drive() -> list[TxFrame]:
    """Three seconds of the monitor itself, with an alert in the middle, then the end."""
    from test_transmit import STATE

    plan, frames = TxPlan(Identity("s", "m", "c"), 0), []
    for t in range(0, 3000, 33):
        raised = Alert(AlertKind.MICROSLEEP, 2, "eyes closed 1 s", 1000 * MS, t * MS)
        active = (raised,) if 1000 <= t < 2000 else ()
        frames += plan.advance(replace(STATE, t_ns=t * MS), active, t * MS)
    return frames + plan.goodbye(3000 * MS)


def test_it_follows_the_monitors_own_frames(receiver: Path) -> None:
    frames = [(f.t_ns // MS, f.message.can_id, f.data) for f in drive()]
    lines = run(receiver, frames)
    alerts = [line for line in lines if "alert kind" in line]
    assert [line.split("  ")[1] for line in alerts] == [
        "alert kind 31 (not available), level 7 (not available)",
        "alert kind 0 (value), level 0 (value)",
        "alert kind 3 (value), level 2 (value)",
        "alert kind 0 (value), level 0 (value)",
        "alert kind 31 (not available), level 7 (not available)",
    ]
    for name, count in counters(lines).items():
        usable = sum(1 for _, can_id, _ in frames if BY_ID[can_id].name == name) - 1
        assert (count["initial"], count["ok"]) == (1, usable), name
        assert count["wrong_crc"] == count["late"] == count["repeated"] == 0


def test_a_silent_monitor_times_out_and_a_corrupted_one_becomes_invalid(receiver: Path) -> None:
    good = [(n * 50, ALERT.can_id, encode(ALERT, {"AlertKind": 1.0}, n).data) for n in range(3)]
    bad = [(150, ALERT.can_id, bytes(8))] * ERRORS_MAX
    silence = [(1000, 0x7A0, b"")]
    foreign = run(receiver, [*good, (250, 0x7A0, b"")], "--values")
    assert "250 AlertKind value 1 1" in foreign
    assert "1000 AlertKind not available 31 0" in run(receiver, good + silence, "--values")
    assert "150 AlertKind invalid 30 0" in run(receiver, good + bad, "--values")
    kind = next(s for s in ALERT.signals if s.name == "AlertKind")
    assert raw_of(kind, NoValue.INVALID)[0] == 30


def test_it_allocates_nothing() -> None:
    for name in ("dms_receiver.c", "dms_receiver.h", "dms_messages.h"):
        text = (SOURCE / name).read_text()
        assert not re.search(r"\b(malloc|calloc|realloc|free|printf)\b", text)
        assert set(re.findall(r"#include <(\w+)\.h>", text)) <= {"stdbool", "stddef", "stdint"}
