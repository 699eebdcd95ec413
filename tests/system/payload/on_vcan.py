"""Checks inside the VM, on its kernel's CAN: our back end, the daemon, UDS, the systemd unit.

Run by run.sh as root. Everything is slow here, so waits are long and nothing is timed but what
docs/can.md promises in seconds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from dms.canbus import BusError, Busy, Controller, Lost, Port, Received, open_bus
from dms.cannode import CanNode
from dms.config import CanConfig
from dms.moment import Identity
from dms.rawcan import Filters
from dms.rawstream import SharedWriter
from dms.types import Frame

BUS, SERVICE_BUS = "vcan0", "vcan1"
CAMERA = Path("/dev/shm/camera")
CAMERA_FPS = 2
RESUMES_S = 4.0
"""The monitor promises 2 s; this processor is slow."""
PATIENCE_S = 120.0
"""Longest wait for one thing; LONGEST_S ends a whole check."""
LONGEST_S = 300
N_SLCAN, SIOCGIFNAME = 17, 0x8910
"""linux/tty.h and linux/sockios.h: a CAN adapter's line, and the name of its link."""
SLOW = (
    *("--set", "can.stale_ms=10000", "--set", "health.late_ms=10000"),
    *("--set", "diagnostics.request_id=0x7A0"),
)
"""Settings for frames that come at 2 Hz and are judged as slowly; diagnostics on."""
SPEED = b"\x22\xfd\x09"
"""The request for the vehicle's speed."""
DMS = (sys.executable, "-m", "dms.cli")
Options = tuple[tuple[str, bool], ...]
BACK_ENDS: dict[str, Options] = {"own": (), "python-can": (("receive_own_messages", False),)}
"""Options are for python-can, which then opens the link."""


# What the checks use


def ip_link(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


def add(name: str = BUS, mtu: int = 72) -> None:
    ip_link("add", "dev", name, "type", "vcan")
    ip_link("set", name, "mtu", str(mtu), "up")


def remove(name: str = BUS) -> None:
    subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL)


def give_up(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"the check took longer than {LONGEST_S} s")


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)


@pytest.fixture(autouse=True)
def fresh_bus() -> Iterator[None]:
    """A bus that nobody has touched; a running daemon sees its link go and come."""
    remove()
    add()
    yield
    remove()


def tell(*what: object) -> None:
    """Figures for the report."""
    sys.stdout.write(" ".join(map(str, what)) + "\n")


def wait_until(true: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)
    return found


class Log:
    """What candump hears."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def frames(self) -> list[tuple[float, str]]:
        """(time, ID#DATA) of each complete line."""
        lines = self.path.read_text().split("\n")[:-1]
        return [(float(t[1:-1]), frame) for t, _, frame in map(str.split, lines)]

    def texts(self) -> list[str]:
        return [frame for _, frame in self.frames()]

    def of(self, can_id: int) -> list[tuple[float, str]]:
        return [one for one in self.frames() if one[1].startswith(f"{can_id:03X}#")]

    def wait(self, can_id: int, count: int, after: float = 0.0) -> list[tuple[float, str]]:
        def enough() -> list[tuple[float, str]] | None:
            found = [one for one in self.of(can_id) if one[0] > after]
            return found if len(found) >= count else None

        return wait_until(enough, f"{count} frames 0x{can_id:X} on the bus")


def listeners(bus: str) -> int:
    """How many programs hear all that is on a bus."""
    table = Path("/proc/net/can/rcvlist_all").read_text()
    return len(re.findall(rf"^ *{bus} ", table, re.MULTILINE))


@contextlib.contextmanager
def candump(folder: Path, bus: str = BUS) -> Iterator[Log]:
    """Another program that listens; it stays when the link goes down."""
    log = Log(folder / f"{bus}-{time.monotonic_ns()}.log")
    before = listeners(bus)
    with (
        log.path.open("w") as out,
        subprocess.Popen(["candump", "-D", "-L", bus], stdout=out, stderr=subprocess.PIPE) as dump,
    ):
        try:
            wait_until(lambda: listeners(bus) > before, "candump listens")
            yield log
            time.sleep(0.3)
        finally:
            dump.kill()  # it may sleep through a milder signal


def cansend(*frames: str) -> None:
    for frame in frames:
        subprocess.run(["cansend", BUS, frame], check=True)


@contextlib.contextmanager
def raw(listen_to: Filters = (), fd: bool = True, options: Options = ()) -> Iterator[Port]:
    port = open_bus(CanConfig(channel=BUS, fd=fd, bus_kwargs=options), listen_to)
    with contextlib.closing(port):
        yield port


def received(port: Port, count: int) -> list[Received]:
    """So many frames, and no more than these."""
    found = [port.receive(10.0) for _ in range(count)]
    assert port.receive(0.2) is None
    return [frame for frame in found if frame]


def dms(*args: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*DMS, *args], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == expect, done.stderr
    return done


def decoded(log: Log) -> dict[str, Any]:
    """What `dms can decode` makes of a log: message name -> its counts."""
    told = json.loads(dms("can", "decode", str(log.path), "--summary", "--json").stdout)
    messages: dict[str, Any] = told["messages"]
    return messages


def wrong(found: dict[str, Any]) -> dict[str, Any]:
    """The verdicts on messages with wrong CRCs or counters."""
    verdicts = {name: one["verdicts"] for name, one in found.items()}
    return {name: one for name, one in verdicts.items() if set(one) - {"ok", "initial"}}


def status(log: Log) -> dict[str, Any]:
    """The values of the last DMS_Status."""
    done = dms("can", "decode", str(log.path), "--only", "DMS_Status", "--json")
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last["values"]


# The raw back end


def test_classic_and_fd_frames_cross_both_ways(tmp_path: Path) -> None:
    with raw() as port, candump(tmp_path) as log:
        port.send(0x320, bytes(range(8)))
        port.send(0x321, b"")
        port.send(0x18FF0011, b"\x01", True)
        port.send(0x331, bytes(range(13)))  # padded to 16
        assert port.receive(0.2) is None, "our own frames come back"
        cansend("123#DEADBEEF", "1ABCDEF0#01", "124#R", "456##1000102030405060708090A0B")
        assert received(port, 4) == [
            Received(0x123, False, bytes.fromhex("DEADBEEF")),
            Received(0x1ABCDEF0, True, b"\x01"),
            Received(0x124, False, b""),
            Received(0x456, False, bytes(range(12))),
        ]
    assert log.texts()[:3] == ["320#0001020304050607", "321#", "18FF0011#01"]
    assert re.fullmatch(r"331##[15]000102030405060708090A0B0C000000", log.texts()[3])


def test_two_of_our_ports_hear_each_other() -> None:
    with raw() as near, raw() as far:
        near.send(0x330, bytes(range(64)))
        assert received(far, 1) == [Received(0x330, False, bytes(range(64)))]
        assert near.receive(0.2) is None


def test_filters_pass_what_was_asked_for_and_nothing_else() -> None:
    with raw([(0x120, False), (0x18FF0011, True)]) as port:
        cansend("121#01", "120#02", "00000120#03", "120#R", "18FF0011#04", "18FF0010#05")
        assert received(port, 2) == [
            Received(0x120, False, b"\x02"), Received(0x18FF0011, True, b"\x04"),
        ]  # fmt: skip


def test_a_classic_port_hears_no_fd_frames() -> None:
    with raw(fd=False) as port:
        cansend("330##1000102030405060708090A0B", "123#01")
        assert received(port, 1) == [Received(0x123, False, b"\x01")]


def test_a_missing_link_is_told_with_what_to_do() -> None:
    remove()
    with pytest.raises(BusError) as caught:
        open_bus(CanConfig(channel=BUS))
    assert caught.value.why == "No such device"
    assert "ip link" in caught.value.fix
    done = dms("can", "monitor", f"socketcan:{BUS}", expect=2)
    assert f"CAN bus socketcan:{BUS}: No such device" in done.stderr


@pytest.mark.parametrize("back_end", BACK_ENDS)
def test_a_link_that_is_down_is_told_with_what_to_do(back_end: str) -> None:
    ip_link("set", BUS, "down")
    with pytest.raises(BusError) as caught:
        open_bus(CanConfig(channel=BUS, bus_kwargs=BACK_ENDS[back_end]))
    assert caught.value.why == "Network is down"
    assert f"ip link set {BUS} up" in caught.value.fix


def test_a_tool_ends_with_2_on_a_link_that_is_down() -> None:
    ip_link("set", BUS, "down")
    done = dms("can", "send-vehicle", f"socketcan:{BUS}", "--signal", "Speed=80", expect=2)
    assert f"CAN bus socketcan:{BUS}: Network is down" in done.stderr


def test_fd_frames_on_a_classic_link_are_told_with_what_to_do() -> None:
    remove()
    add(mtu=16)
    with pytest.raises(BusError) as caught:
        open_bus(CanConfig(channel=BUS, fd=True))
    assert "classic" in caught.value.why
    open_bus(CanConfig(channel=BUS)).close()


@pytest.mark.parametrize("back_end", BACK_ENDS)
@pytest.mark.parametrize("how", ["down", "gone"])
def test_a_port_whose_link_goes_is_lost(how: str, back_end: str) -> None:
    options = BACK_ENDS[back_end]
    with raw(options=options) as sends, raw(options=options) as hears:
        if how == "down":
            ip_link("set", BUS, "down")
        else:
            remove()
        reason = {"down": "Network is down", "gone": "No such device"}[how]
        with pytest.raises(Lost, match=reason):
            hears.receive(5.0)
        with pytest.raises(Lost):
            sends.send(0x320, b"")


# An adapter on a serial line: a queue that fills, error frames, bus-off


class Adapter:
    """The far end of a CAN adapter with the LAWICEL protocol; the kernel's slcan is its driver."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        fcntl.ioctl(self._near, termios.TIOCSETD, struct.pack("i", N_SLCAN))
        answer = fcntl.ioctl(self._near, SIOCGIFNAME, bytes(16))
        self.link = answer.split(b"\0")[0].decode()
        self._reads = threading.Event()
        self._ends = threading.Event()
        self.heard = b""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.stuck(False)
        ip_link("set", self.link, "type", "can", "bitrate", "500000")
        ip_link("set", self.link, "up")

    def _run(self) -> None:
        os.set_blocking(self.far, False)
        while not self._ends.is_set():
            if self._reads.wait(0.05):
                with contextlib.suppress(BlockingIOError):
                    self.heard += os.read(self.far, 4096)
            time.sleep(0.005)

    def stuck(self, now: bool) -> None:
        """Whether it takes nothing more."""
        if now:
            self._reads.clear()
        else:
            self._reads.set()

    def say(self, line: str) -> None:
        os.write(self.far, f"{line}\r".encode())

    def close(self) -> None:
        self.stuck(False)
        subprocess.run(["ip", "link", "set", self.link, "down"], check=True)
        self._ends.set()
        self._thread.join()
        os.close(self.far)
        os.close(self._near)


@pytest.fixture
def adapter() -> Iterator[Adapter]:
    made = Adapter()
    yield made
    made.close()


@contextlib.contextmanager
def node_on(channel: str, fd: bool = False) -> Iterator[CanNode]:
    """The daemon's CAN thread alone."""
    node = CanNode(CanConfig(channel=channel, fd=fd), Identity("software", "models"))
    node.start()
    try:
        yield node
        assert node.alive
    finally:
        node.stop()


def test_an_adapter_that_takes_nothing_is_busy_and_heals(adapter: Adapter) -> None:
    with contextlib.closing(open_bus(CanConfig(channel=adapter.link))) as port:
        port.send(0x123, b"\xde\xad")
        wait_until(lambda: b"t1232DEAD\r" in adapter.heard, "the frame on the adapter's line")
        adapter.stuck(True)
        with pytest.raises(Busy, match="No buffer space available"):
            flood(port)
        with node_on(adapter.link) as node:
            wait_until(lambda: node.health().busy > 3, "sends refused")
            adapter.stuck(False)
            adapter.heard = b""
            wait_until(lambda: adapter.heard.count(b"t3208") >= 10, "alerts after the jam")
        tell("after a jam:", node.health())
    assert node.health().dropped > 0


def test_error_frames_tell_the_controllers_state_and_bus_off_heals(adapter: Adapter) -> None:
    with node_on(adapter.link) as node:
        wait_until(lambda: b"t3208" in adapter.heard, "alerts")
        adapter.say("sp128000")
        wait_until(lambda: node.health().passive == 1, "error-passive is noticed")
        assert node.health().controller is Controller.PASSIVE
        assert node.health().lost == 0
        adapter.say("sb256256")
        wait_until(lambda: node.health().bus_off == 1, "bus-off is noticed")
        time.sleep(1)
        before = node.health()
        time.sleep(3)
        after = node.health()
        tell("in bus-off:", after)
        assert (after.up, after.controller, after.lost) == (False, Controller.BUS_OFF, 1)
        assert after.sent == before.sent, "frames go nowhere and count as sent"
        assert after.reopen_failed > 0
        assert "bus-off" in after.last_error
        ip_link("set", adapter.link, "down")
        ip_link("set", adapter.link, "up")
        adapter.heard = b""
        started = time.monotonic()
        wait_until(lambda: adapter.heard.count(b"t3208") >= 3, "alerts after bus-off", RESUMES_S)
        tell(f"alerts {time.monotonic() - started:.2f} s after bus-off ended:", node.health())
        assert node.health().controller is Controller.ACTIVE


def flood(port: Port) -> None:
    for _ in range(100_000):
        port.send(0x123, bytes(8))


# The node on CAN FD


def test_the_node_speaks_can_fd(tmp_path: Path) -> None:
    with candump(tmp_path) as log, node_on(BUS, fd=True):
        log.wait(0x330, 20)
        log.wait(0x332, 2)
    found = decoded(log)
    assert set(found) == {"DMS_FdState", "DMS_FdFace", "DMS_FdHealth"}
    assert wrong(found) == {}


# The daemon


@pytest.fixture(scope="module")
def camera() -> Iterator[None]:
    """Frames of the bundled drive in shared memory, slowly, again and again."""
    frames = np.load("frames.npy")
    writer = SharedWriter(CAMERA, frames.shape[2], frames.shape[1])
    ends = threading.Event()

    def run() -> None:
        seq = 0
        while not ends.wait(1 / CAMERA_FPS):
            writer.write(Frame(seq, time.monotonic_ns(), frames[seq % len(frames)]))
            seq += 1

    thread = threading.Thread(target=run)
    thread.start()
    yield
    ends.set()
    thread.join()
    writer.close()
    CAMERA.unlink()


@contextlib.contextmanager
def started(*args: str, err: Path) -> Iterator[subprocess.Popen[str]]:
    """`dms` in the background; killed if it is still there in the end."""
    with (
        err.open("w") as file,
        subprocess.Popen([*DMS, *args], stdout=subprocess.PIPE, stderr=file, text=True) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def stopped(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What it tells as JSON when SIGTERM ends it."""
    process.send_signal(signal.SIGTERM)
    told: dict[str, Any] = json.loads(process.communicate(timeout=PATIENCE_S)[0])
    assert process.returncode == 0
    return told


def run_on_camera(folder: Path) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    """`dms run` on the camera."""
    where = (f"shm:{CAMERA}", "--can", f"socketcan:{BUS}", "--json")
    return started("run", *where, *SLOW, err=folder / "run.err")


@pytest.fixture(scope="class")
def daemon(
    camera: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    """`dms run`, which must outlive all that is done to it."""
    remove()
    add()
    with run_on_camera(tmp_path_factory.mktemp("daemon")) as process:
        yield process
        assert process.poll() is None, "the daemon died"


def ask(request: bytes) -> bytes:
    """A diagnostic request through the kernel's own ISO-TP; its positive answer."""
    with socket.socket(socket.AF_CAN, socket.SOCK_DGRAM, socket.CAN_ISOTP) as tester:
        tester.bind((BUS, 0x7A8, 0x7A0))
        tester.settimeout(20)
        tester.send(request)
        while (answer := tester.recv(4096))[:1] == b"\x7f" and answer[2] == 0x78:
            continue
    assert answer[0] == request[0] + 0x40, answer.hex()
    return answer


def back(folder: Path) -> None:
    """The daemon is on the bus, whose link has just come."""
    with candump(folder) as log:
        log.wait(0x320, 10)


def bus_counters() -> dict[str, int]:
    names = ("sent", "dropped", "received", "bad", "errors", "passive", "bus_off", "lost")
    return dict(zip(names, struct.unpack(">8I", ask(b"\x22\xfd\x05")[3:]), strict=True))


class TestOneDaemon:
    """Each check leaves it running, and finds it on a link that went and came."""

    @pytest.mark.parametrize("how", ["down", "gone"])
    def test_a_daemon_whose_link_goes_and_comes_sends_again(
        self, daemon: subprocess.Popen[str], tmp_path: Path, how: str
    ) -> None:
        back(tmp_path)
        before = bus_counters()["lost"]
        if how == "down":
            ip_link("set", BUS, "down")
        else:
            remove()
        time.sleep(5)  # by now it waits longer than it may take to come back
        assert daemon.poll() is None
        if how == "gone":
            ip_link("add", "dev", BUS, "type", "vcan")
        with candump(tmp_path) as log:
            time.sleep(1)
            assert log.frames() == []
            up = time.time()
            ip_link("set", BUS, "up")
            first = log.wait(0x320, 10)[0][0]
        tell(f"{how}: alerts again {first - up:.2f} s after the link was back")
        assert first - up < RESUMES_S
        assert bus_counters()["lost"] == before + 1

    def test_uds_crosses_the_kernels_iso_tp(
        self, daemon: subprocess.Popen[str], tmp_path: Path
    ) -> None:
        back(tmp_path)
        assert ask(b"\x22\xf1\x86") == b"\x62\xf1\x86\x01", "single frames"
        answer = ask(b"\x22\xfd\x02")
        assert (answer[:3], len(answer)) == (b"\x62\xfd\x02", 35), "an answer of several frames"
        names = [0xF186, 0xF189, 0xF190, *range(0xFD00, 0xFD0B)]
        answer = ask(b"\x22" + struct.pack(f">{len(names)}H", *names))
        assert answer[1:4] == b"\xf1\x86\x01", "a request of several frames"
        assert answer[4:6] == b"\xf1\x89"
        assert len(answer) > 200

    def test_the_tools_and_the_daemon_share_a_bus(
        self, daemon: subprocess.Popen[str], tmp_path: Path
    ) -> None:
        back(tmp_path)
        play = ("can", "send-vehicle", f"socketcan:{BUS}", "--signal", "Speed=80", "--json")
        with started(*play, err=tmp_path / "vehicle.err") as vehicle:
            wait_until(lambda: ask(SPEED)[3:] == struct.pack(">H", 8000), "the vehicle's speed")
            seen = dms("can", "monitor", f"socketcan:{BUS}", "--seconds", "8", "--json").stdout
            counts = stopped(vehicle)
        last = json.loads(seen.splitlines()[-1])
        heard = last["messages"]
        tell(f"monitor: {last['bus']}; vehicle: {counts}")
        assert {"DMS_Alert", "DMS_Status", "DMS_Identity", "Vehicle_Motion"} <= set(heard)
        assert wrong(heard) == {}
        assert heard["Vehicle_Motion"]["values"]["Speed"] == 80
        assert (counts["refused"], counts["lost"], last["bus"]["lost"]) == (0, 0, 0)


def test_sigterm_says_unavailable_and_ends_with_0(camera: None, tmp_path: Path) -> None:
    with candump(tmp_path) as log, run_on_camera(tmp_path) as process:
        log.wait(0x323, 1)
        first = status(log)
        wait_until(lambda: status(log)["Availability"] != "Unavailable", "a judged frame")
        time.sleep(3)
        judged = status(log)
        told = stopped(process)
    assert first["Reason"] == "Starting"
    tell("judged:", judged, "told:", told)
    last = status(log)
    assert (last["Availability"], last["Reason"]) == ("Unavailable", "Shutdown")
    found = decoded(log)
    assert len(found) == 12
    assert wrong(found) == {}
    assert told["can_sent"] == sum(one["frames"] for one in found.values())
    assert (told["can_dropped"], told["can_lost"]) == (0, 0)
    assert told["frames"] > 0


# The systemd unit


DROP_IN = f"""
[Service]
ExecStart=
ExecStart=/opt/dms/bin/dms run shm:{CAMERA} --can socketcan:{SERVICE_BUS} \\
    --config /etc/dms/config.yaml
# a slow processor
WatchdogSec=20
TimeoutStartSec=300
"""


def shown(name: str) -> str:
    done = subprocess.run(
        ["systemctl", "show", "dms", "-p", name, "--value"], capture_output=True, text=True
    )
    return done.stdout.strip()


def systemctl(*words: str) -> None:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True)
    journal = subprocess.run(
        ["journalctl", "-u", "dms", "-n", "40"], capture_output=True, text=True
    )
    assert done.returncode == 0, f"{done.stderr}\n{journal.stdout}"


@pytest.fixture
def service(camera: None) -> Iterator[None]:
    """configs/dms.service, for another link and a slow processor."""
    unit = Path("/etc/systemd/system/dms.service")
    unit.write_text(Path("dms.service").read_text())
    folder = Path("/etc/systemd/system/dms.service.d")
    folder.mkdir()
    (folder / "here.conf").write_text(DROP_IN)
    Path("/etc/dms").mkdir()
    Path("/etc/dms/config.yaml").write_text(
        "can: {stale_ms: 10000}\nhealth: {late_ms: 10000}\ndiagnostics: {state_dir: /var/lib/dms}\n"
    )
    add(SERVICE_BUS)
    systemctl("daemon-reload")
    yield
    subprocess.run(["systemctl", "kill", "-s", "KILL", "dms"])
    subprocess.run(["systemctl", "stop", "dms"])
    remove(SERVICE_BUS)


def again(pid: str) -> str:
    """The process that took the place of `pid`, once it is ready."""

    def other() -> str | None:
        now, state = shown("MainPID"), shown("ActiveState")
        return now if now not in (pid, "0") and state == "active" else None

    return str(wait_until(other, "the service runs again"))


def test_the_systemd_unit_starts_restarts_and_stops_the_daemon(
    service: None, tmp_path: Path
) -> None:
    with candump(tmp_path, SERVICE_BUS) as log:
        systemctl("start", "dms")  # returns when the daemon said READY
        assert shown("ActiveState") == "active"
        assert status(log)["Availability"] != "Unavailable"
        pid = shown("MainPID")
        group = Path("/sys/fs/cgroup") / shown("ControlGroup").strip("/")
        tell("bytes of memory, most:", (group / "memory.peak").read_text().strip())

        os.kill(int(pid), signal.SIGKILL)
        killed = time.time()
        pid = again(pid)
        assert shown("NRestarts") == "1"
        log.wait(0x320, 10, after=killed)

        os.kill(int(pid), signal.SIGSTOP)  # frozen: only the watchdog can tell
        stopped = time.time()
        pid = again(pid)
        assert shown("NRestarts") == "2"
        log.wait(0x320, 10, after=stopped)

        time.sleep(25)  # longer than the watchdog's patience
        assert (shown("MainPID"), shown("NRestarts")) == (pid, "2")
        systemctl("stop", "dms")
    assert (shown("ActiveState"), shown("Result")) == ("inactive", "success")
    last = status(log)
    assert (last["Availability"], last["Reason"]) == ("Unavailable", "Shutdown")
