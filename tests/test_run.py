"""`dms run` as a process: a raw stream in, protected CAN frames out, gone when told."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import can
import cv2
import numpy as np
import pytest
import yaml
from test_transmit import STATE

from dms.commands.live import LiveView
from dms.commands.output import Onlooker
from dms.messages import (
    ALERT,
    ATTENTION,
    BY_ID,
    DRIVER_STATE,
    DROWSINESS,
    EYES,
    GAZE,
    HANDS,
    OPERATING_STATES,
    SENT,
    STATUS,
)
from dms.moment import Identity
from dms.rawstream import SharedHeader, SharedWriter, write_frame
from dms.signals import NoValue, Value, decode
from dms.transmit import TxPlan
from dms.types import AlertKind, Availability, Frame, Reason
from dms.uds.access import key_of

ROOT = Path(__file__).resolve().parent.parent
GROUP = "239.74.163.3"
PORT = 44100 + os.getpid() % 800
"""A group of this run's own, so that parallel runs do not hear each other."""
FRAME_S = 1 / 30


@pytest.fixture(scope="module")
def toy_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks of a toy world, for which a bright disc is a face."""
    toy_nets = pytest.importorskip("toy_nets", reason="needs tests/toy_nets.py and onnx")
    folder = tmp_path_factory.mktemp("models")
    nets = {
        name: {
            "file": Path(path).name,
            "sha256": sha256(Path(path).read_bytes()).hexdigest(),
        }
        for name, path in toy_nets.all_nets(folder).items()
    }
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"nets": nets}))
    return folder


def disc(width: int = 640, height: int = 480) -> np.ndarray:
    """A bright disc on noise."""
    y, x = np.ogrid[:height, :width]
    inside = np.hypot(x - width / 2, y - height / 2) < height / 4
    noise = np.random.default_rng(0).integers(55, 66, (height, width))
    return (noise + 140 * inside).astype(np.uint8)


class Listener:
    """Hears everything on the group, with the time since it began."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.heard: list[tuple[float, can.Message]] = []
        self._stop = threading.Event()
        self._bus = can.Bus(interface="udp_multicast", channel=GROUP, port=PORT, hop_limit=0)
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if message := self._bus.recv(0.05):
                self.heard.append((time.monotonic() - self.start, message))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._bus.shutdown()

    def messages(self, since: int = 0) -> list[can.Message]:
        return [message for _, message in self.heard[since:]]

    def statuses(self) -> list[dict[str, Value]]:
        return [self.values(m) for _, m in self.heard if m.arbitration_id == STATUS.can_id]

    @staticmethod
    def values(message: can.Message) -> dict[str, Value]:
        return decode(BY_ID[message.arbitration_id], bytes(message.data))


@contextlib.contextmanager
def running(
    models: Path, *words: str, source: str = "-", **env: str
) -> Iterator[tuple[subprocess.Popen[bytes], Listener]]:
    """`dms run - WORDS`, and who listens to it; killed at the end if it still lives."""
    listener = Listener()
    command = [sys.executable, "-m", "dms.cli", "run", source, "--json", *words]
    command += [
        "--can",
        f"udp_multicast:{GROUP},port={PORT}",
        "--set",
        f"engine.models_dir={models}",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | env,
    )  # fmt: skip
    try:
        yield process, listener
    finally:
        process.kill()
        process.communicate()
        listener.close()


def feed(
    process: subprocess.Popen[bytes],
    count: int,
    hz: float = 30.0,
    first: int = 0,
    image: np.ndarray | None = None,
    clock: Callable[[], int] = time.monotonic_ns,
) -> None:
    """Write frames at `hz`, stamped by `clock`; the pipe's reader may go away."""
    image = disc() if image is None else image
    assert process.stdin
    for i in range(first, first + count):
        image[2] = i % 250  # a row that is looked at: equal frames are a frozen camera
        with contextlib.suppress(BrokenPipeError):
            write_frame(process.stdin.write, Frame(i, clock(), image))
            process.stdin.flush()
        time.sleep(1 / hz)


def mapped(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/maps").read_text()


def test_a_stream_leads_to_states_on_the_bus_and_ends_with_unavailable(toy_models: Path) -> None:
    with running(toy_models, "--speed-kmh", "80") as (process, listener):
        feed(process, 90)
        libraries = mapped(process)
        out, err = process.communicate(timeout=30)
        totals = json.loads(out)
    assert process.returncode == 0, err.decode()
    assert "cv2" not in libraries
    assert totals["frames"] + totals["skipped"] == 90
    assert totals["face_share"] > 0.9
    statuses = listener.statuses()
    assert statuses[0]["Reason"] == Reason.STARTING
    assert {s["Availability"] for s in statuses} >= {Availability.CALIBRATING}
    assert statuses[-1]["Availability"] == Availability.UNAVAILABLE
    assert statuses[-1]["Reason"] == Reason.SHUTDOWN
    assert {m.arbitration_id for _, m in listener.heard} == {m.can_id for m in SENT}
    timing = totals["can_timing"]
    assert timing["lateness"]["count"] == totals["can_sent"]
    assert timing["period_jitter"]["count"] == totals["can_sent"] - len(SENT), "from the second on"
    for figures in timing.values():
        assert 0 <= figures["p50_us"] <= figures["p99_us"] <= figures["max_us"]
        assert sum(count for _, count in figures["buckets_us"]) == figures["count"]
    assert timing["period_jitter"]["p50_us"] < 1000 * min(m.period_ms for m in SENT), "a cycle"


@pytest.mark.parametrize("clock", [lambda: 7, lambda: time.monotonic_ns() // 8])
def test_a_capture_clock_that_goes_wrong_is_told(
    toy_models: Path, clock: Callable[[], int]
) -> None:
    with running(toy_models, "--speed-kmh", "80") as (process, listener):
        feed(process, 90, clock=clock)
        process.communicate(timeout=30)
    said = [(s["Availability"], s["Reason"]) for s in listener.statuses()]
    assert said.count((Availability.DEGRADED, Reason.FRAMES_LATE)) >= 5, said


def test_sigterm_says_unavailable_and_ends_within_a_second(toy_models: Path) -> None:
    times = []
    while not times or (times[-1] >= 1.0 and len(times) < 3):  # others use this machine too
        with running(toy_models) as (process, listener):
            feed(process, 30)
            process.send_signal(signal.SIGTERM)
            start = time.monotonic()
            process.wait(10)
            times.append(time.monotonic() - start)
            time.sleep(0.2)
            last = listener.statuses()[-1]
        assert process.returncode == 0
        assert last["Availability"] == Availability.UNAVAILABLE
        assert last["Reason"] == Reason.SHUTDOWN
    assert min(times) < 1.0


def test_sigterm_ends_it_while_it_waits_for_the_first_frame(toy_models: Path) -> None:
    with running(toy_models) as (process, listener):
        while not listener.statuses():
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert {s["Reason"] for s in listener.statuses()} <= {Reason.STARTING, Reason.SHUTDOWN}


def test_a_stream_that_is_none_is_one_line_and_exit_code_2(toy_models: Path) -> None:
    with running(toy_models) as (process, _):
        _, err = process.communicate(b"this is no frame stream at all, only a line of text\n", 30)
    assert process.returncode == 2
    assert b"not a raw frame stream" in err
    assert len(err.splitlines()) == 1


def test_a_stream_cut_inside_a_frame_ends_with_exit_code_3(toy_models: Path) -> None:
    with running(toy_models) as (process, _):
        feed(process, 3)
        _, err = process.communicate(b"DMSF" + bytes(10), 30)
    assert process.returncode == 3, err.decode()
    assert b"data loss" in err


def test_a_recording_is_played_in_its_own_time_and_ends_by_itself(
    toy_models: Path, tmp_path: Path
) -> None:
    animation = cv2.Animation()
    animation.frames = [cv2.merge([disc(320, 240) + np.uint8(i)] * 3) for i in range(15)]
    animation.durations = np.full(15, 100, np.int32)
    path = tmp_path / "clip.gif"
    assert cv2.imwriteanimation(str(path), animation)
    with running(toy_models, source=str(path)) as (process, listener):
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    totals = json.loads(out)
    assert totals["frames"] + totals["skipped"] == 15
    times = [t for t, m in listener.heard if m.arbitration_id == STATUS.can_id]
    assert times[-1] - times[0] >= 1.4


def test_a_wrong_bus_or_source_is_told_before_anything_starts() -> None:
    for words, said in (
        (("gone.mp4",), "gone.mp4: cannot be read"),
        (("/dev/null", "--can", "nonsense:x"), "is a device"),
        (("-", "--loop"), "--loop cannot play stdin again"),
    ):
        command = [sys.executable, "-m", "dms.cli", "run", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
        assert done.returncode == 2
        assert said in done.stderr.decode()


def test_frames_in_shared_memory_lead_to_states_on_the_bus(
    toy_models: Path, tmp_path: Path
) -> None:
    image = disc()
    writer = SharedWriter(tmp_path / "camera", image.shape[1], image.shape[0])
    source = f"shm:{tmp_path / 'camera'}"
    with running(toy_models, "--speed-kmh", "80", source=source) as (process, listener):
        deadline = time.monotonic() + 60
        seq = 0
        seeing = 0
        while seeing < 10 and time.monotonic() < deadline:
            image[2] = seq % 250
            writer.write(Frame(seq, time.monotonic_ns(), image))
            seq += 1
            time.sleep(FRAME_S)
            works = [s["Availability"] != Availability.UNAVAILABLE for s in listener.statuses()]
            seeing = sum(works)
        reached = {(s["Availability"], s["Reason"]) for s in listener.statuses()}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    writer.close()
    totals = json.loads(out)
    assert process.returncode == 0, err.decode()
    assert seeing >= 10, reached
    assert 10 <= totals["frames"] <= seq
    assert totals["face_share"] > 0.9


def test_a_file_without_shared_frames_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    header = SharedHeader(4, 1000, 0).pack()
    for content, said in (
        (None, "cannot be read"),
        (b"DMSS", "less than a header"),
        (b"JUNK" + header[4:], "not b'DMSS'"),
        (header, "need 4064, not 64"),
        (SharedHeader(1, 1000, 0).pack() + bytes(4000), "1 slots"),
    ):
        path = tmp_path / "camera"
        if content is not None:
            path.write_bytes(content)
        command = [sys.executable, "-m", "dms.cli", "run", f"shm:{path}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
        assert done.returncode == 2
        assert said in done.stderr.decode()
        assert len(done.stderr.splitlines()) == 1


def test_a_daemon_that_died_knows_the_driver_again_at_once(
    toy_models: Path, tmp_path: Path
) -> None:
    quick = [f"fusion.{k}_ms=1000" for k in ("calibration", "baseline", "calibration_prior")]
    words = ["--speed-kmh", "80", *(w for q in quick for w in ("--set", q))]
    folder = {"RUNTIME_DIRECTORY": str(tmp_path)}
    with running(toy_models, *words, **folder) as (process, listener):
        feed(process, 120)
    assert listener.statuses()[-1]["Calibration"] == 100
    assert (tmp_path / "driver" / "state").stat().st_mode & 0o077 == 0
    with running(toy_models, *words, **folder) as (process, listener):
        feed(process, 75)
        told = [s["Calibration"] for s in listener.statuses()]
    assert 100 in told
    assert all(c in (0, 100) or isinstance(c, NoValue) for c in told), "never learned anew"


ABOUT_THE_DRIVER = (ALERT, DRIVER_STATE, ATTENTION, DROWSINESS, HANDS, GAZE, EYES)


def assert_unavailable(messages: list[can.Message], reason: Reason) -> None:
    """The status says so, and nothing about the driver has a value."""
    for message in messages:
        values = Listener.values(message)
        if message.arbitration_id == STATUS.can_id:
            assert (values["Availability"], values["Reason"]) == (Availability.UNAVAILABLE, reason)
            assert reason != Reason.FRAMES_LATE or OPERATING_STATES[state_of(values)] == "stalled"
        elif BY_ID[message.arbitration_id] in ABOUT_THE_DRIVER:
            assert set(values.values()) == {NoValue.NOT_AVAILABLE}, values


def state_of(status: dict[str, Value]) -> int:
    number = status["OperatingState"]
    assert isinstance(number, float)
    return round(number)


def statuses(messages: list[can.Message]) -> list[dict[str, Value]]:
    return [Listener.values(m) for m in messages if m.arbitration_id == STATUS.can_id]


def test_a_stream_that_stops_is_unavailable_within_three_cycles_and_its_alert_never_stale(
    toy_models: Path,
) -> None:
    words = ["alerts.cannot_see_ms=1000", "alerts.cannot_see_show_ms=60000"]
    nobody = np.random.default_rng(0).integers(55, 66, (480, 640)).astype(np.uint8)
    options = [w for word in words for w in ("--set", word)]
    with running(toy_models, "--speed-kmh", "80", *options) as (process, listener):
        feed(process, 120, image=nobody)
        stalled = len(listener.heard)
        time.sleep(1.5)
        resumed = len(listener.heard)
        feed(process, 60, first=120 + 45)
    heard = listener.messages()
    kinds = [Listener.values(m)["AlertKind"] for m in heard if m.arbitration_id == ALERT.can_id]
    assert AlertKind.CANNOT_SEE in kinds, "an alert that could be repeated"
    silent = heard[stalled:resumed]
    gone = [s["Availability"] == Availability.UNAVAILABLE for s in statuses(silent)]
    backlog = 2  # cycles, of frames that still were in the ring
    # from where it lasts: a machine that halts lets a frame come late, and be told, after a gap
    begin = len(gone) - len(list(itertools.takewhile(bool, reversed(gone))))
    assert begin <= 3 + 1 + backlog, "three cycles after the one that was begun"
    late = [m for m in silent if m.arbitration_id == STATUS.can_id][begin]
    assert_unavailable(silent[silent.index(late) :], Reason.FRAMES_LATE)
    assert {BY_ID[m.arbitration_id] for m in silent} > set(ABOUT_THE_DRIVER)
    assert works(heard[resumed:]), "again"


@contextlib.contextmanager
def camera(path: Path) -> Iterator[Callable[[int], None]]:
    """A camera in shared memory: what writes so many frames, at 30 Hz."""
    image, seq = disc(), itertools.count()
    writer = SharedWriter(path, image.shape[1], image.shape[0])

    def shoot(count: int) -> None:
        for number in itertools.islice(seq, count):
            image[2] = number % 250
            writer.write(Frame(number, time.monotonic_ns(), image))
            time.sleep(FRAME_S)

    yield shoot
    writer.close()


def until(listener: Listener, condition: Callable[[list[can.Message]], bool], since: int) -> None:
    """Wait for what is heard after `since` to be so."""
    deadline = time.monotonic() + 60
    while not condition(listener.messages(since)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def told(messages: list[can.Message], reason: Reason) -> int:
    """Where the status first gives this reason; -1: nowhere."""
    for index, m in enumerate(messages):
        if m.arbitration_id == STATUS.can_id and Listener.values(m)["Reason"] == reason:
            return index
    return -1


def works(messages: list[can.Message]) -> bool:
    return any(s["Availability"] != Availability.UNAVAILABLE for s in statuses(messages))


def test_a_frozen_process_is_silent_and_then_unavailable(toy_models: Path, tmp_path: Path) -> None:
    source = f"shm:{tmp_path / 'camera'}"
    with (
        camera(tmp_path / "camera") as shoot,
        running(toy_models, "--speed-kmh", "80", source=source) as (process, listener),
    ):
        while not works(listener.messages()):
            shoot(10)
        time.sleep(0.2)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        frozen = len(listener.heard)
        time.sleep(1.0)
        thawed = len(listener.heard)
        process.send_signal(signal.SIGCONT)
        until(listener, lambda heard: len(statuses(heard)) >= 5, thawed)
        heard = listener.messages(thawed)
    assert thawed == frozen
    assert_unavailable(heard, Reason.FRAMES_LATE)


@contextlib.contextmanager
def workshop() -> Iterator[Any]:
    """A workshop's tester on the bus."""
    isotp = pytest.importorskip("isotp")
    client = pytest.importorskip("udsoncan.client")
    connections = pytest.importorskip("udsoncan.connections")
    ids = isotp.Address(isotp.AddressingMode.Normal_11bits, rxid=0x7A8, txid=0x7A0)
    with can.Bus(interface="udp_multicast", channel=GROUP, port=PORT, hop_limit=0) as bus:
        stack = isotp.CanStack(bus, address=ids, params={"tx_padding": 0xCC})
        patient = {"request_timeout": 20, "p2_timeout": 20, "use_server_timing": False}
        answers = {"security_algo": lambda level, seed, params: key_of(SECRET, seed)}
        codecs = {"data_identifiers": {"default": "B"}}
        connection = connections.PythonIsoTpConnection(stack)
        with client.Client(connection, config={**patient, **answers, **codecs}) as asks:
            yield asks


SECRET = b"sixteen bytes or more"


@contextlib.contextmanager
def service_manager(path: Path) -> Iterator[Callable[[], list[str]]]:
    """systemd's notification socket: gives what it was told so far."""
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.setblocking(False)

        def listen() -> list[str]:
            with contextlib.suppress(BlockingIOError):
                while True:
                    told.append(manager.recv(256).decode())
            return told

        yield listen


@pytest.mark.parametrize("kind", ["shm", "pipe"])
def test_a_reset_by_a_tester_is_a_goodbye_and_a_new_start_in_the_same_process(
    toy_models: Path, tmp_path: Path, kind: str
) -> None:
    key = tmp_path / "key"
    key.write_bytes(SECRET)
    key.chmod(0o600)
    words = ["--set", "diagnostics.request_id=0x7A0", "--set", f"diagnostics.key_file={key}"]
    source = "-" if kind == "pipe" else f"shm:{tmp_path / 'camera'}"
    stop = threading.Event()
    notified = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    with (
        service_manager(tmp_path / "notify") as manager,
        camera(tmp_path / "camera") as shoot,
        running(toy_models, "--speed-kmh", "80", *words, source=source, **notified) as (
            process,
            listener,
        ),
    ):

        def film() -> None:
            for number in itertools.count():
                if stop.is_set():
                    return
                manager()  # whose queue is short
                feed(process, 1, first=number) if kind == "pipe" else shoot(1)

        filming = threading.Thread(target=film)
        filming.start()
        try:
            until(listener, works, 0)
            with workshop() as client:
                client.change_session(3)
                client.unlock_security_access(1)
                asked = len(listener.heard)
                client.ecu_reset(1)
                until(listener, lambda heard: told(heard, Reason.STARTING) >= 0, asked)
                until(listener, works, asked + told(listener.messages(asked), Reason.STARTING))
                session = client.read_data_by_identifier(0xF186).service_data.values[0xF186]
        finally:
            stop.set()
            filming.join()
        manager_heard = list(manager())
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert manager()[-1] == "STOPPING=1"
    assert set(manager_heard) == {"READY=1", "WATCHDOG=1"}, "a new start is no stop"
    assert manager_heard.count("READY=1") == 2
    assert manager_heard[manager_heard.index("READY=1", 1) - 1] == "WATCHDOG=1"
    joined_within_a_frame = kind == "pipe" and b"before the first whole frame" in err
    assert process.returncode == (3 if joined_within_a_frame else 0), err.decode()
    assert b"started anew, as a diagnostic tester asked" in err
    assert session == (1,), "the default session"
    heard = [m for m in listener.messages(asked) if m.arbitration_id in BY_ID]
    goodbye = told(heard, Reason.SHUTDOWN)
    last, anew = heard[goodbye : goodbye + len(SENT)], heard[goodbye + len(SENT) :]
    assert [m.arbitration_id for m in last[:1]] == [STATUS.can_id], "before all others"
    assert {m.arbitration_id for m in last} == {m.can_id for m in SENT}, "one last frame of each"
    assert_unavailable(last, Reason.SHUTDOWN)
    assert statuses(anew)[0]["Reason"] == Reason.STARTING
    first = {m.arbitration_id: m.data[1] & 15 for m in reversed(anew)}
    assert {first[m.can_id] for m in SENT} == {0}, "counters begin anew"


def test_the_service_leaves_no_core_dump_which_would_hold_frames() -> None:
    unit = (ROOT / "configs/dms.service").read_text().splitlines()
    assert "LimitCORE=0" in unit[unit.index("[Service]") : unit.index("[Install]")]


def left(process: subprocess.Popen[bytes]) -> None:
    """Who looked on has gone."""
    assert process.stderr
    process.stderr.close()


def full(process: subprocess.Popen[bytes]) -> None:
    """Who looks on reads no more."""
    assert process.stderr
    fd = os.open(f"/proc/self/fd/{process.stderr.fileno()}", os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, bytes(4096))
    os.close(fd)


@pytest.mark.parametrize("onlooker", [left, full])
def test_who_looks_on_holds_up_neither_the_bus_nor_the_end(
    toy_models: Path, onlooker: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    words = ["--live", "--speed-kmh", "80", "--set", "alerts.cannot_see_ms=1000"]
    nobody = np.random.default_rng(0).integers(55, 66, (480, 640)).astype(np.uint8)
    with running(toy_models, *words) as (process, listener):
        onlooker(process)
        feed(process, 75, image=nobody)
        process.send_signal(signal.SIGTERM)
        process.wait(10)  # before anything is read
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out)["frames"] > 60
    kinds = [Listener.values(m)["AlertKind"] for m in listener.messages()
             if m.arbitration_id == ALERT.can_id]  # fmt: skip
    assert AlertKind.CANNOT_SEE in kinds, "there was something to show"
    assert listener.statuses()[-1]["Reason"] == Reason.SHUTDOWN


def test_what_the_bus_took_is_not_shown_in_its_own_thread() -> None:
    text = io.StringIO()
    view, plan = LiveView(Onlooker(text)), TxPlan(Identity("s", "m"), 0)
    plan.update(STATE, (), 0)
    for frame in plan.due(500_000_000):
        view.note(frame)
    assert not text.getvalue()
    view.catch_up()
    assert "CAN 320" in text.getvalue()
    assert "[ok]" in text.getvalue() or "[initial]" in text.getvalue()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_service_is_one_that_systemd_understands(tmp_path: Path) -> None:
    unit = tmp_path / "dms.service"
    text = (ROOT / "configs/dms.service").read_text()
    unit.write_text(text.replace("/opt/dms/bin/dms", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
