"""The bus edge: what goes wrong on a bus never ends the process, and never sends old news."""

from __future__ import annotations

import errno
import itertools
import os
import pty
import select
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import can
import pytest

from dms.canbus import (
    BusError,
    Busy,
    Lost,
    Port,
    PythonCanPort,
    Received,
    open_bus,
    parse_bus,
)
from dms.canlink import Link
from dms.cannode import BusSink, Scheduler
from dms.config import CanConfig
from dms.e2e import Checker, Verdict
from dms.messages import ALERT, BY_ID, DRIVER_STATE, GAZE, STATUS, encode_vehicle_motion
from dms.moment import Identity
from dms.signals import Message, NoValue, Value, decode
from dms.transmit import TxFrame, TxPlan
from dms.types import Availability, Reason
from dms.vehicle import VehicleInput

MS = 1_000_000
ROOT = Path(__file__).parent.parent


@dataclass
class FakePort:
    """A bus that fails as told. `fail` gives the exception for a send, or None."""

    fail: Callable[[], Exception | None] = lambda: None
    sent: list[tuple[int, bytes]] = field(default_factory=list)
    inbox: list[Received | Exception] = field(default_factory=list)
    closed: bool = False

    def send(self, can_id: int, data: bytes, extended: bool = False) -> None:
        error = self.fail()
        if error is not None:
            raise error
        self.sent.append((can_id, data))

    def receive(self, timeout_s: float) -> Received | None:
        item = self.inbox.pop(0) if self.inbox else None
        if isinstance(item, Exception):
            raise item
        return item

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True

    def names(self) -> list[str]:
        return [BY_ID[can_id].name for can_id, _ in self.sent]


@dataclass
class Clock:
    now_ns: int = 0

    def __call__(self) -> int:
        return self.now_ns


def frame(message: Message, t_ms: int, byte: int = 0) -> TxFrame:
    return TxFrame(t_ms * MS, message, bytes([byte] * 8))


def refuse_to_open() -> Port:
    raise BusError("bus", "still gone")


def scheduler(link: Link, clock: Clock) -> Scheduler:
    return Scheduler(TxPlan(Identity("s", "m"), 0), link, VehicleInput(), clock)


# No room


def test_without_room_the_oldest_plain_frame_goes_first_and_the_rest_is_tried_again() -> None:
    full = True
    port = FakePort(fail=lambda: Busy("no buffer space") if full else None)
    link = Link(refuse_to_open, port)
    link.send([frame(m, t) for m, t in ((DRIVER_STATE, 1), (GAZE, 2), (ALERT, 3), (STATUS, 4))], 0)
    link.send([], 1 * MS)
    link.send([], 2 * MS)
    full = False
    link.send([], 3 * MS)
    assert port.names() == ["DMS_Alert", "DMS_Status"]
    health = link.health
    assert (health.sent, health.busy, health.dropped, health.lost) == (2, 3, 2, 0)


def test_a_waiting_frame_is_replaced_by_the_newer_one_of_its_message() -> None:
    full = True
    port = FakePort(fail=lambda: Busy("") if full else None)
    link = Link(refuse_to_open, port)
    link.send([frame(ALERT, 0, byte=1)], 0)
    full = False
    link.send([frame(ALERT, 50, byte=2)], 50 * MS)
    assert port.sent == [(ALERT.can_id, bytes([2] * 8))]
    assert link.health.dropped == 1


def test_a_bus_without_room_for_a_second_is_opened_anew() -> None:
    stuck, fresh = FakePort(fail=lambda: Busy("full")), FakePort()
    link = Link(lambda: fresh, stuck)
    for t in range(0, 1200, 50):
        link.send([frame(ALERT, t)], t * MS)
    assert stuck.closed
    assert len(fresh.sent) >= 1
    assert link.health.lost == 1


def test_every_refused_frame_shows_in_the_receivers_counter() -> None:
    tries = iter(range(10_000))
    port = FakePort(fail=lambda: Busy("") if next(tries) % 3 == 0 else None)
    clock = Clock()
    sender = scheduler(Link(refuse_to_open, port), clock)
    for t in range(0, 2000, 5):
        clock.now_ns = t * MS
        sender.send_due()
    checker, seen = Checker(ALERT.data_id), set()
    for can_id, data in port.sent:
        if can_id == ALERT.can_id:
            checker, verdict = checker.check(data)
            seen.add(verdict)
    assert seen <= {Verdict.INITIAL, Verdict.OK, Verdict.LOST}


# Lost and found


def test_a_lost_bus_is_opened_again_with_growing_pauses_for_ever() -> None:
    tries: list[int] = []
    now = 0

    def open_port() -> Port:
        tries.append(now)
        raise BusError("bus", "still gone")

    def absent() -> object:
        return None

    link = Link(open_port, FakePort(fail=lambda: Lost("unplugged")), presence=absent)
    for now in range(0, 60_000, 50):
        link.send([frame(STATUS, now)], now * MS)
    pauses = [b - a for a, b in itertools.pairwise(tries)]
    assert tries[0] == 100
    assert pauses[:6] == [200, 400, 800, 1600, 3200, 5000]
    assert set(pauses[6:]) == {5000}
    assert link.health.reopen_failed == len(tries)
    assert not link.health.up


def test_when_the_bus_is_back_only_what_is_new_is_sent() -> None:
    first, second = FakePort(fail=lambda: Lost("unplugged")), FakePort()
    link = Link(lambda: second, first)
    for t in range(0, 200, 50):
        link.send([frame(ALERT, t, byte=t)], t * MS)
    assert first.closed
    assert second.sent == [(ALERT.can_id, bytes([t] * 8)) for t in (100, 150)]
    assert link.health.up
    assert link.health.dropped == 2


def test_a_bus_fault_is_told_for_a_second() -> None:
    link = Link(FakePort, FakePort(fail=lambda: Lost("down")))
    link.send([frame(STATUS, 0)], 0)
    assert link.troubled(0)
    link.send([frame(STATUS, 150)], 150 * MS)
    assert link.health.up
    assert link.troubled(900 * MS)
    assert not link.troubled(1001 * MS)


def test_bus_off_closes_and_other_error_frames_are_counted() -> None:
    port = FakePort(
        inbox=[Received(0x004, False, b"", error=True), Received(0x40, False, b"", True)]
    )
    link = Link(refuse_to_open, port)
    assert link.receive(0, 0) is None
    assert link.is_open
    assert link.receive(0, 0) is None
    assert not link.is_open
    assert (link.health.error_frames, link.health.last_error) == (2, "bus-off")


def test_garbage_received_is_counted_and_only_endless_garbage_reopens() -> None:
    port = FakePort(inbox=[Busy("garbage")] * 250)
    link = Link(refuse_to_open, port)
    for _ in range(60):
        link.receive(0, 0)
    link.send([frame(STATUS, 0)], 0)
    for _ in range(60):
        link.receive(0, 0)
    assert link.is_open
    for _ in range(60):
        link.receive(0, 0)
    assert not link.is_open
    assert link.health.bad_received == 160


# The scheduler


def test_the_schedule_does_not_drift_and_misses_are_not_made_up() -> None:
    port, clock = FakePort(), Clock()
    sender = scheduler(Link(refuse_to_open, port), clock)
    wakes = []
    for late_us in (0, 300, 900, 100, 4000, 0, 130_000, 200, 0, 0):
        clock.now_ns += sender.wait_ns() + late_us * 1000
        wakes.append(clock.now_ns)
        sender.send_due()
    assert [w // (50 * MS) * 50 for w in wakes] == [w // MS // 50 * 50 for w in wakes]
    assert (clock.now_ns + sender.wait_ns()) % (50 * MS) == 0
    assert port.names().count("DMS_DriverState") == len(wakes)
    assert sender.counters()["missed"] > 0


def test_a_stalled_pipeline_is_said_on_the_bus() -> None:
    port, clock = FakePort(), Clock()
    sender = scheduler(Link(refuse_to_open, port), clock)
    for t in range(0, 400, 10):
        clock.now_ns = t * MS
        sender.send_due()
    assert said(port, STATUS)["Reason"] == Reason.STARTING
    assert set(said(port, ALERT).values()) == {NoValue.NOT_AVAILABLE}


def test_the_vehicles_speed_is_taken_from_the_bus() -> None:
    port, clock = FakePort(), Clock()
    sender = scheduler(Link(refuse_to_open, port), clock)
    for counter in (0, 1):
        can_id, data = encode_vehicle_motion(12.5, counter)
        port.inbox.append(Received(can_id, False, data))
    port.inbox.append(Received(0x7FF, False, b"foreign"))
    sender.take_in()
    assert sender.vehicle().speed_mps == pytest.approx(12.5, abs=0.002)
    clock.now_ns = 1001 * MS
    assert sender.vehicle().speed_mps is None


def test_the_goodbye_is_tried_until_there_is_room() -> None:
    tries = iter(range(100))
    port = FakePort(fail=lambda: Busy("full") if next(tries) < 3 else None)
    pauses: list[float] = []
    scheduler(Link(refuse_to_open, port), Clock()).say_goodbye(pauses.append)
    assert said(port, STATUS)["Reason"] == Reason.SHUTDOWN
    assert said(port, STATUS)["Availability"] == Availability.UNAVAILABLE
    assert "DMS_Alert" in port.names()
    assert port.closed
    assert len(pauses) < 10


def said(port: FakePort, message: Message) -> dict[str, Value]:
    return decode(message, [d for i, d in port.sent if i == message.can_id][-1])


# python-can's errors become two kinds


class Raising:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def send(self, *_: object, **__: object) -> None:
        raise self.error

    def recv(self, *_: object) -> None:
        raise self.error

    shutdown = fileno = recv


def wrapped(inner: BaseException) -> can.CanOperationError:
    outer = can.CanOperationError("failed to send via socket")
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "send_kind", "receive_kind"),
    [
        (can.CanOperationError("Failed to transmit", errno.ENOBUFS), Busy, Busy),
        (wrapped(OSError(errno.ENOBUFS, "No buffer space available")), Busy, Busy),
        (can.CanOperationError("Transmit buffer full"), Busy, Busy),
        (can.CanTimeoutError(), Busy, Busy),
        (can.CanOperationError("down", errno.ENETDOWN), Lost, Lost),
        (wrapped(OSError(errno.EIO, "Input/output error")), Lost, Lost),
        (can.CanOperationError("Could not write to serial device"), Lost, Busy),
        (can.CanOperationError("could not unpack received message"), Lost, Busy),
        (ValueError("garbage"), Lost, Busy),
        (TypeError("closed"), Lost, Busy),
    ],
)
def test_whatever_a_back_end_raises_is_busy_or_lost(
    error: Exception, send_kind: type[Exception], receive_kind: type[Exception]
) -> None:
    port = PythonCanPort(Raising(error), can.Message)
    with pytest.raises(send_kind):
        port.send(0x320, bytes(8))
    with pytest.raises(receive_kind):
        port.receive(0)
    assert port.fileno() == -1
    port.close()


# Opening


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("socktcan:can0", 'did you mean "socketcan"'),
        ("nonsense:0", "known: "),
        ("slcan:/dev/there-is-none", "check that the device is there"),
        ("udp_multicast:1.2.3.4", "give a multicast address"),
        ("udp_multicast:239.1.1.1,port", "expected INTERFACE:CHANNEL"),
        ("", "expected INTERFACE:CHANNEL"),
        (":can0", "expected INTERFACE:CHANNEL"),
        ("socketcan:there-is-none0", "there-is-none0"),
    ],
)
def test_a_bus_that_cannot_be_opened_is_one_clear_usage_error(text: str, hint: str) -> None:
    with pytest.raises(BusError) as caught:
        open_bus(parse_bus(text))
    assert caught.value.exit_code == 2
    assert hint in caught.value.line()
    assert "\n" not in caught.value.line()


def test_a_bus_is_written_as_interface_channel_and_options() -> None:
    got = parse_bus("udp_multicast:ff15::1,port=43999,hop_limit=1,name=x,fd=true,f=0.5")
    assert (got.interface, got.channel) == ("udp_multicast", "ff15::1")
    assert dict(got.bus_kwargs) == {
        "port": 43999, "hop_limit": 1, "name": "x", "fd": True, "f": 0.5,
    }  # fmt: skip
    assert parse_bus("can1") == CanConfig(interface="socketcan", channel="can1")


def test_python_can_is_not_imported_before_a_bus_is_opened() -> None:
    code = "import sys, dms.cannode, dms.canlog, dms.vehicle\nassert 'can' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_frames_cross_a_virtual_bus_and_foreign_ones_are_filtered() -> None:
    port = open_bus(parse_bus("virtual:dms-test"), listen_to=[(0x120, False)])
    with can.Bus(interface="virtual", channel="dms-test") as other:
        port.send(0x320, bytes(8))
        got = other.recv(1)
        assert got is not None
        assert (got.arbitration_id, got.is_extended_id, bytes(got.data)) == (0x320, False, bytes(8))
        other.send(can.Message(arbitration_id=0x121, data=b"no", is_extended_id=False))
        other.send(can.Message(arbitration_id=0x120, data=b"yes", is_extended_id=False))
        assert port.receive(0.2) == Received(0x120, False, b"yes")
    port.close()


def test_a_replay_onto_a_bus_keeps_the_streams_pace() -> None:
    clock, waits = Clock(1_000_000), []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.now_ns += round(seconds * 1e9)

    sink = BusSink(parse_bus("virtual:dms-pace"), clock, sleep)
    sink.send([frame(ALERT, 5000), frame(STATUS, 5000), frame(ALERT, 5050)])
    sink.send([frame(ALERT, 5100)])
    sink.close()
    assert waits == [0.05, 0.05]


# An adapter on a serial line, pulled and plugged


@dataclass
class Adapter:
    """The far end of a serial CAN adapter: a pty behind a link that stays when it goes."""

    path: Path
    master: int = -1
    slave: int = -1

    def plug(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self.slave))

    def pull(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            os.close(self.slave)
            self.master = self.slave = -1
        self.path.unlink(missing_ok=True)

    def hears(self, line: bytes) -> bool:
        """Whether the line comes within 5 s: the kernel carries it over when it has time."""
        heard = b""
        while line not in heard.split(b"\r"):
            if not select.select([self.master], [], [], 5)[0]:
                return False
            heard += os.read(self.master, 65536)
        return True


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    pytest.importorskip("serial")
    made = Adapter(tmp_path / "tty")
    made.plug()
    yield made
    made.pull()


def test_an_adapter_pulled_and_plugged_again_carries_frames_again(adapter: Adapter) -> None:
    config = parse_bus(f"slcan:{adapter.path},sleep_after_open=0")
    link = Link(lambda: open_bus(config), open_bus(config))
    link.send([frame(ALERT, 0)], 0)
    assert adapter.hears(b"t32080000000000000000")
    os.write(adapter.master, b"t12021122\r")
    assert link.receive(5, 0) == Received(0x120, False, b"\x11\x22")
    os.write(adapter.master, b"tZZ\rt12021122\r")
    assert link.receive(5, 0) is None, "garbage on the line"
    assert link.receive(5, 0) == Received(0x120, False, b"\x11\x22")

    adapter.pull()
    for t in range(50, 1000, 50):
        link.send([frame(ALERT, t)], t * MS)
        link.receive(0, t * MS)
    assert not link.health.up
    assert link.health.lost == 1

    adapter.plug()
    for t in range(1000, 3000, 50):
        link.send([frame(ALERT, t, byte=7)], t * MS)
    assert link.health.up
    assert adapter.hears(b"t32080707070707070707")
    link.close()


def test_coming_and_going_leaks_no_descriptor(adapter: Adapter) -> None:
    config = parse_bus(f"slcan:{adapter.path},sleep_after_open=0")
    link = Link(lambda: open_bus(config), open_bus(config), longest_wait_ns=100 * MS)
    before = len(os.listdir("/proc/self/fd"))
    for round_ in range(20):
        adapter.pull()
        now = round_ * 1000 * MS
        link.send([frame(ALERT, 0)], now)
        link.send([frame(ALERT, 0)], now + 200 * MS)
        assert not link.is_open
        adapter.plug()
        link.send([frame(ALERT, 0)], now + 500 * MS)
        assert link.is_open
    assert link.health.lost == link.health.reopen_failed == 20
    assert len(os.listdir("/proc/self/fd")) == before
    link.close()
