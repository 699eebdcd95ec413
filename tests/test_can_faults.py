"""What a bus does to a monitor, injected below both back ends: our own CAN socket, python-can."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms import canbus, cannode
from dms.canbus import (
    BusError,
    Busy,
    Controller,
    Lost,
    Port,
    PythonCanPort,
    Received,
    open_bus,
    parse_bus,
    presence,
)
from dms.canlink import Link
from dms.cannode import BATCH, CanNode, Scheduler
from dms.config import CanConfig
from dms.messages import ALERT, BY_ID, DRIVER_STATE, GAZE, STATUS
from dms.moment import Identity
from dms.rawcan import CLASSIC, ERR_FLAG, FD, RTR_FLAG, RawPort, open_raw, pack, unpack
from dms.signals import Message
from dms.timing import Histogram, Punctuality
from dms.transmit import TxFrame, TxPlan
from dms.vehicle import VehicleInput

MS = 1_000_000
ROOT = Path(__file__).parent.parent
TX_PASSIVE, BUS_OFF, RESTARTED = (0x04, b"\0\x20" + bytes(6)), (0x40, b""), (0x100, b"")


class FaultySocket:
    """A socket that fails with `error` while that is set."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner, self.error = inner, 0

    def _check(self) -> None:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))

    def send(self, data: bytes) -> int:
        self._check()
        return self.inner.send(data)

    def recv(self, size: int) -> bytes:
        self._check()
        return self.inner.recv(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class FaultyBus:
    """A python-can bus that fails as its socketcan does while `error` is set."""

    def __init__(self, inner: can.BusABC) -> None:
        self.inner, self.error = inner, 0
        self.inbox: list[can.Message] = []

    def _check(self, what: str) -> None:
        if self.error:
            cause = OSError(self.error, os.strerror(self.error))
            raise can.CanOperationError(f"Failed to {what}: {cause}", self.error) from cause

    def send(self, message: can.Message, timeout: float) -> None:
        self._check("transmit")
        self.inner.send(message)

    def recv(self, timeout: float) -> can.Message | None:
        self._check("receive")
        return self.inbox.pop(0) if self.inbox else self.inner.recv(timeout)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Bench(Protocol):
    """A port whose far side and whose faults are in our hand."""

    port: Port

    def fail(self, error: int) -> None:
        """Fail every operation with this errno; 0: work again."""

    def tell(self, can_id: int, data: bytes, extended: bool = False) -> None: ...
    def tell_error(self, can_id: int, data: bytes) -> None: ...
    def heard(self) -> list[tuple[int, bool, bytes]]: ...
    def close(self) -> None: ...


class RawBench:
    def __init__(self, name: str) -> None:
        near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.far.setblocking(False)
        self.faulty = FaultySocket(near)
        self.port: Port = open_raw(CanConfig(), make=lambda *_: self.faulty)  # type: ignore[arg-type,return-value]

    def fail(self, error: int) -> None:
        self.faulty.error = error

    def tell(self, can_id: int, data: bytes, extended: bool = False) -> None:
        self.far.send(pack(can_id, data, extended))

    def tell_error(self, can_id: int, data: bytes) -> None:
        self.far.send(CLASSIC.pack(can_id | ERR_FLAG, 8, data))

    def heard(self) -> list[tuple[int, bool, bytes]]:
        found = []
        with contextlib.suppress(BlockingIOError):
            while frame := self.far.recv(FD.size):
                got = unpack(frame)
                found.append((got.can_id, got.extended, got.data))
        return found

    def close(self) -> None:
        self.port.close()
        self.far.close()


class PythonCanBench:
    def __init__(self, name: str) -> None:
        self.far = can.Bus(interface="virtual", channel=name)
        self.faulty = FaultyBus(can.Bus(interface="virtual", channel=name))
        self.port: Port = PythonCanPort(self.faulty, can.Message)

    def fail(self, error: int) -> None:
        self.faulty.error = error

    def tell(self, can_id: int, data: bytes, extended: bool = False) -> None:
        fd = len(data) > 8
        self.far.send(
            can.Message(arbitration_id=can_id, data=data, is_extended_id=extended, is_fd=fd)
        )

    def tell_error(self, can_id: int, data: bytes) -> None:
        error = can.Message(arbitration_id=can_id, data=data, is_error_frame=True)
        self.faulty.inbox.append(error)

    def heard(self) -> list[tuple[int, bool, bytes]]:
        found = []
        while m := self.far.recv(0):
            found.append((m.arbitration_id, m.is_extended_id, bytes(m.data)))
        return found

    def close(self) -> None:
        self.port.close()
        self.far.shutdown()


MAKE: dict[str, Callable[[str], Bench]] = {"raw": RawBench, "python-can": PythonCanBench}


@pytest.fixture(params=MAKE)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = MAKE[request.param](request.node.name)
    yield made
    made.close()


@dataclass
class Car:
    """A monitor on a bench, in simulated time: what it says and what it counts."""

    bench: Bench
    reopened: list[Bench] = field(default_factory=list)
    present: bool = True
    now_ns: int = 0

    def __post_init__(self) -> None:
        self.link = Link(self._open, self.bench.port, presence=lambda: self.present)
        plan = TxPlan(Identity("s", "m"), 0)
        self.node = Scheduler(plan, self.link, VehicleInput(), lambda: self.now_ns)

    def _open(self) -> Port:
        if not self.present:
            raise BusError("bus", "no such device")
        self.reopened.append(type(self.bench)(f"reopened {id(self)} {len(self.reopened)}"))
        return self.reopened[-1].port

    @property
    def far(self) -> Bench:
        return self.reopened[-1] if self.reopened else self.bench

    def drive(self, ms: int) -> Counter[str]:
        """Run for so long, waking as the thread does; the frames heard meanwhile by name."""
        end, heard = self.now_ns + ms * MS, Counter[str]()
        while self.now_ns < end:
            self.node.send_due()
            self.node.take_in()
            heard.update(BY_ID[can_id].name for can_id, _, _ in self.far.heard())
            self.now_ns = min(end, self.now_ns + min(max(self.node.wait_ns(), MS), 10 * MS))
        return heard

    def close(self) -> None:
        self.link.close()
        for bench in self.reopened:
            bench.close()


@pytest.fixture
def car(bench: Bench) -> Iterator[Car]:
    made = Car(bench)
    yield made
    made.close()


# Frames


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("length", [0, 1, 8, 12, 64])
def test_a_frame_crosses_both_ways(bench: Bench, extended: bool, length: int) -> None:
    can_id, data = 0x1ABCDE0 if extended else 0x320, bytes(range(length))
    bench.port.send(can_id, data, extended)
    assert bench.heard() == [(can_id, extended, data)]
    bench.tell(can_id, data, extended)
    assert bench.port.receive(1) == Received(can_id, extended, data)
    assert bench.port.receive(0) is None
    assert bench.port.receive(0.001) is None


@given(
    st.booleans(),
    st.integers(0, 0x1FFFFFFF),
    st.binary(max_size=64).filter(lambda d: len(d) in (*range(9), 12, 16, 20, 24, 32, 48, 64)),
)
def test_packing_loses_nothing(extended: bool, can_id: int, data: bytes) -> None:
    can_id &= 0x1FFFFFFF if extended else 0x7FF
    assert unpack(pack(can_id, data, extended)) == Received(can_id, extended, data)


@given(st.binary(max_size=80))
def test_no_bytes_break_the_raw_port(data: bytes) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    port = RawPort(near)
    far.send(data)
    with contextlib.suppress(Busy, Lost):
        got = port.receive(0)
        assert got is not None
        assert len(got.data) <= 64
    port.close()
    far.close()


def test_the_kernels_bytes_are_those_of_linux_can_h() -> None:
    assert pack(0x123, b"\xde\xad") == bytes.fromhex("23010000 02 000000 dead000000000000")
    fd = pack(0x456, bytes(12), extended=True)
    assert fd[:8] == bytes.fromhex("56040080 0c 01 0000")
    assert len(fd) == 72
    assert len(pack(1, bytes(13))) == 72
    assert pack(1, bytes(13))[4] == 16, "padded to a length that FD has"
    with pytest.raises(ValueError, match="65 bytes"):
        pack(1, bytes(65))
    assert unpack(CLASSIC.pack(0x123 | RTR_FLAG, 8, b"")) == Received(0x123, False, b"")


def test_a_linux_link_is_opened_without_python_can() -> None:
    code = """
import socket, sys
from dms.canbus import open_bus
from dms.config import CanConfig
import dms.rawcan
options, bound = [], []
class Kernel(socket.socket):
    def __init__(self, family, kind, protocol):
        assert (family, kind & 0xF, protocol) == (socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
    def setsockopt(self, level, name, value): options.append((level, name, value))
    def bind(self, address): bound.append(address)
socket.socket = Kernel
open_bus(CanConfig(fd=True), [(0x120, False), (0x18FF0011, True)]).close()
import struct
filters = struct.pack("=IIII", 0x120, 0xC00007FF, 0x98FF0011, 0xDFFFFFFF)
assert options == [
    (socket.SOL_CAN_RAW, 2, 0x1FFFFFFF),
    (socket.SOL_CAN_RAW, socket.CAN_RAW_FILTER, filters),
    (socket.SOL_CAN_RAW, socket.CAN_RAW_FD_FRAMES, 1),
], options
assert bound == [("can0",)]
assert "can" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_options_for_python_can_make_it_open_the_link() -> None:
    with pytest.raises(BusError) as own:
        open_bus(parse_bus("socketcan:there-is-none0"))
    with pytest.raises(BusError) as library:
        open_bus(parse_bus("socketcan:there-is-none0,receive_own_messages=true"))
    assert own.value.what == library.value.what
    assert own.value.fix == library.value.fix


LINK_UP = {"flags": "0x40081", "carrier": "1", "mtu": "16"}
"""What the kernel says in /sys/class/net of a classic link that works."""
UP = "ip link set can0 up type can bitrate 500000"


@pytest.mark.parametrize("options", [(), (("receive_own_messages", True),)])
@pytest.mark.parametrize(
    ("fd", "said", "why", "fix"),
    [
        (False, {"flags": "0x40080"}, os.strerror(errno.ENETDOWN), f"is the link up? {UP}"),
        (False, {"carrier": "0"}, "bus-off", f"can0 down, then {UP} restart-ms 100"),
        (True, {}, "classic frames only", f"{UP} dbitrate 2000000 fd on restart-ms 100; or"),
    ],
)
def test_a_link_through_which_nothing_gets_is_not_opened(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[tuple[str, bool], ...],
    fd: bool,
    said: dict[str, str],
    why: str,
    fix: str,
) -> None:
    """The kernel opens it, and takes the frames of a controller that is off the bus."""
    monkeypatch.setattr(canbus, "LINKS", tmp_path)
    config, seen = CanConfig(fd=fd, bus_kwargs=options), presence(CanConfig())
    assert seen is not None
    link_says(tmp_path, LINK_UP | said)
    with pytest.raises(BusError) as caught:
        open_bus(config)
    assert why in caught.value.why
    assert fix in caught.value.fix
    before = seen()
    link_says(tmp_path, LINK_UP | {"mtu": "72"})
    canbus.check_link(config)
    assert (seen() == before) == fd


def link_says(folder: Path, files: dict[str, str]) -> None:
    (folder / "can0").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "can0" / name).write_text(f"{text}\n")


def test_a_virtual_link_has_no_bit_rate() -> None:
    assert canbus.bring_up(CanConfig(channel="vcan0")) == "ip link set vcan0 up"
    assert canbus.bring_up(CanConfig(channel="vcan0", fd=True)) == "ip link set vcan0 mtu 72 up"


# Faults


def test_enobufs_keeps_alert_and_status_and_ends_by_itself(car: Car) -> None:
    car.drive(200)
    car.bench.fail(errno.ENOBUFS)
    assert car.drive(500) == {}
    health = car.link.health
    assert (health.lost, health.up) == (0, True)
    assert health.busy > 5
    assert health.dropped > 0
    car.bench.fail(0)
    heard = car.drive(100)
    assert heard[ALERT.name] >= 2
    assert heard[STATUS.name] >= 1


def test_error_passive_is_told_and_the_bus_stays_open(car: Car) -> None:
    car.bench.tell_error(*TX_PASSIVE)
    heard = car.drive(200)
    assert car.link.health.controller is Controller.PASSIVE
    assert (car.link.health.passive, car.link.health.error_frames) == (1, 1)
    assert heard[ALERT.name] >= 4
    car.bench.tell_error(0x04, b"\0\x40" + bytes(6))
    car.drive(20)
    assert car.link.health.controller is Controller.ACTIVE


def test_bus_off_opens_the_bus_anew_and_alerts_resume_within_two_seconds(car: Car) -> None:
    car.drive(200)
    car.bench.tell_error(*BUS_OFF)
    heard = car.drive(500)
    assert heard[ALERT.name] >= 5
    health = car.link.health
    assert (health.bus_off, health.lost, health.up) == (1, 1, True)
    assert health.controller is Controller.ACTIVE
    car.far.tell_error(*RESTARTED)
    car.drive(50)
    assert car.link.is_open


@pytest.mark.parametrize("gone", [errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EIO])
@pytest.mark.parametrize("away_s", [1, 30])
def test_a_link_that_goes_and_comes_back_carries_alerts_again_within_two_seconds(
    car: Car, gone: int, away_s: int
) -> None:
    car.drive(200)
    car.present = False
    car.bench.fail(gone)
    assert car.drive(away_s * 1000) == {}
    assert (car.link.health.up, car.link.health.lost) == (False, 1)
    assert car.link.health.reopen_failed >= 3
    car.present = True
    assert car.drive(300)[ALERT.name] >= 2


def test_pauses_stay_below_two_seconds_where_nothing_tells_of_a_device(car: Car) -> None:
    car.link = Link(car._open, car.bench.port)
    car.node.link, car.link.on_sent = car.link, None
    car.present = False
    car.bench.fail(errno.ENODEV)
    car.drive(30_000)
    car.present = True
    assert car.drive(2000)[ALERT.name] >= 5


def test_pauses_begin_anew_once_an_offered_frame_got_through(car: Car) -> None:
    """As with a simulated vehicle, which has no plan."""
    link, now = car.link, 0
    for _ in range(6):
        link._lose("unplugged", now)
        now += 10_000 * MS
        link.send((), now)
        assert link.offer(ALERT.can_id, bytes(8), False, now)
    link._lose("unplugged", now)
    link.send((), now + 150 * MS)
    assert link.is_open


def test_presence_sees_a_link_and_a_device_node(tmp_path: Path) -> None:
    node = tmp_path / "ttyACM0"
    seen = presence(parse_bus(f"slcan:{node}"))
    assert seen is not None
    assert seen() is None
    node.touch()
    assert seen() is not None
    loopback, absent = presence(parse_bus("lo")), presence(parse_bus("there-is-none0"))
    assert loopback is not None
    assert absent is not None
    assert loopback() != absent() == (None, None)
    assert presence(parse_bus("udp_multicast:239.74.163.2")) is None


def test_receive_errors_are_counted_and_the_sending_goes_on(bench: Bench) -> None:
    bench.fail(errno.ENOBUFS)
    link = Link(lambda: bench.port, bench.port)
    for _ in range(50):
        assert link.receive(0, 0) is None
    assert (link.health.bad_received, link.health.up) == (50, True)
    bench.fail(0)
    bench.tell(0x120, b"\x01")
    assert link.receive(0, 0) == Received(0x120, False, b"\x01")


def test_a_flood_of_foreign_frames_delays_no_deadline_by_more_than_a_batch(bench: Bench) -> None:
    """As many frames as a 1 Mbit/s bus carries, and then some: the inbox never empties."""
    per_frame_ns, now = 50_000, [0]

    class Flood:
        taken = 0

        def receive(self, timeout_s: float) -> Received:
            now[0] += per_frame_ns
            self.taken += 1
            return Received(0x7FF, False, b"foreign!")

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.port, name)

    flood: Any = Flood()
    link = Link(lambda: flood, flood)
    plan = TxPlan(Identity("s", "m"), 0)
    node = Scheduler(plan, link, VehicleInput(), lambda: now[0])
    heard: list[tuple[int, bool, bytes]] = []
    while now[0] < 10_000 * MS:
        node.send_due()
        node.take_in()
        heard += bench.heard()
    assert flood.taken == 10_000 * MS // per_frame_ns
    assert node.counters()["missed"] == 0
    assert link.health.received == flood.taken
    assert Counter(i for i, _, _ in heard)[ALERT.can_id] == 200
    lateness = node.punctuality.lateness
    assert lateness.max_us <= (BATCH + 1) * per_frame_ns // 1000


FLOODER = """
import socket, sys, threading
far = socket.socket(fileno=int(sys.argv[1]))
def hear():
    while far.recv(64):
        pass
threading.Thread(target=hear, daemon=True).start()
frame = bytes.fromhex("ff07000008000000") + b"foreign!"
while True:
    far.send(frame)
"""


@pytest.mark.slow
def test_a_node_in_real_time_survives_as_many_foreign_frames_as_it_can_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process sends as fast as the socket takes it, which no bus does. Prints figures."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(cannode, "open_bus", lambda *_: RawPort(near))
    command = [sys.executable, "-c", FLOODER, str(far.fileno())]
    node, seconds = CanNode(CanConfig(), Identity("s", "m")), 4.0
    with subprocess.Popen(command, pass_fds=[far.fileno()], stderr=subprocess.DEVNULL) as flooder:
        node.start()
        time.sleep(seconds)
        health, counters, timing = node.health(), node.counters(), node.punctuality
        flooder.kill()
    alive = node.alive
    node.stop()
    far.close()
    figure(f"foreign frames/s survived: {health.received / seconds:.0f}")
    figure(f"frames sent: {health.sent}, deadlines missed: {counters['missed']}")
    figure(f"period jitter p99: {timing.jitter.quantile_us(0.99)} us")
    assert alive
    assert health.lost == 0
    assert health.received > 0
    assert counters["missed"] + health.sent >= 60 * seconds, "every deadline met or counted"
    assert health.sent > counters["missed"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKE)
def test_ten_thousand_reopened_buses_leak_nothing(kind: str) -> None:
    cycles, warm = 10_000, 500
    link = Link(lambda: pytest.fail("opened too early"), MAKE[kind]("first").port)
    figures = []
    for cycle in range(cycles):
        opened = MAKE[kind](f"leak {kind}")
        link._open, now = (lambda port=opened.port: port), cycle * 10_000 * MS
        link._lose("unplugged", now)
        link.send([frame(ALERT, 0)], now + 6000 * MS)
        assert len(opened.heard()) == 1
        if isinstance(opened, RawBench):
            opened.far.close()
        else:
            opened.far.shutdown()  # type: ignore[attr-defined]
        if cycle in (warm, cycles - 1):
            gc.collect()
            figures.append((len(os.listdir("/proc/self/fd")), rss_kib()))
    link.close()
    (files, before), (files_after, after) = figures
    assert link.health.lost == cycles
    figure(f"{kind}: {cycles} reopen cycles, descriptors {files} -> {files_after}, "
          f"RSS {before} -> {after} KiB")  # fmt: skip
    assert files_after <= files
    assert after - before < 4096, f"{after - before} KiB more after {cycles} cycles"


def figure(text: str) -> None:
    """A measured figure, shown by `pytest -m slow -rP tests/test_can_faults.py`."""
    sys.stdout.write(f"{text}\n")


def rss_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def frame(message: Message, t_ms: int) -> TxFrame:
    return TxFrame(t_ms * MS, message, bytes(8))


# How punctual it is


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=200))
def test_a_histogram_knows_its_quantiles_to_an_eighth(values: list[int]) -> None:
    histogram = Histogram()
    for us in values:
        histogram.add(us)
    exact = sorted(min(v, (1 << 30) - 1) for v in values)[(len(values) + 1) // 2 - 1]
    found = histogram.quantile_us(0.5)
    assert found is not None
    assert exact <= found or found == max(values)
    assert found <= exact * 1.125 + 1 or found == histogram.max_us
    assert sum(n for _, n in histogram.buckets()) == histogram.total == len(values)


def test_an_empty_histogram_has_no_quantile() -> None:
    assert Histogram().to_dict() == {
        "count": 0, "p50_us": None, "p99_us": None, "max_us": None, "buckets_us": [],
    }  # fmt: skip


def test_jitter_is_the_difference_of_periods_not_of_latenesses() -> None:
    punctual = Punctuality()
    for k in range(10):
        punctual.handed_over(1, k * 50 * MS, k * 50 * MS + 3 * MS)
        punctual.handed_over(2, k * 100 * MS, k * 100 * MS + (k % 2) * MS)
    assert punctual.lateness.max_us == 3000
    assert punctual.jitter.total == 18
    assert punctual.jitter.max_us == 1000
    assert punctual.jitter.buckets()[0] == (0, 9)


def test_what_waited_for_room_counts_as_late(car: Car) -> None:
    car.drive(100)
    car.bench.fail(errno.ENOBUFS)
    car.drive(49)
    car.bench.fail(0)
    car.drive(100)
    assert car.node.punctuality.lateness.max_us >= 40_000
    assert {DRIVER_STATE.can_id, GAZE.can_id} <= set(BY_ID)
