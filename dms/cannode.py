"""The monitor on a live bus: sends on time, listens in between, heals; one thread, one owner.

The thread wakes at absolute deadlines, so that its period does not drift, and does not depend on
the pipeline: when that stalls, the bus is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from dms.canbus import Port, open_bus, presence
from dms.canlink import BusHealth, Link
from dms.car import OUR_CAR, CarConfig
from dms.config import CanConfig
from dms.config.param import MS
from dms.moment import Identity, Telemetry
from dms.timing import Punctuality
from dms.transmit import SECOND, TxFrame, TxPlan
from dms.types import Alert, DriverState, VehicleState
from dms.uds.unit import Diagnostics
from dms.vehicle import VehicleInput

POLL_NS = 5 * MS
"""How often a bus without a file descriptor is asked for frames."""
DIAGNOSTIC_BATCH = 4
"""Diagnostic frames sent before deadlines are looked at again."""
BATCH = 64
"""Frames taken from the bus before deadlines are looked at again."""
STOP_S = 0.8
"""Longest that `stop` waits for the last frames to go out."""
GOODBYE_TRIES, GOODBYE_PAUSE_S = 10, 0.02
log = logging.getLogger(__name__)

Clock = Callable[[], int]


def open_link(config: CanConfig, listen_to: Sequence[tuple[int, bool]] = ()) -> Link:
    """A link whose bus is open now. Errors: BusError."""

    def open_port() -> Port:
        return open_bus(config, listen_to)

    waits = (config.reopen_min_ms * MS, config.reopen_max_ms * MS)
    return Link(open_port, open_port(), *waits, presence(config))


class Scheduler:
    """Sends what the plan says when it is due, and takes in what the bus brings.

    `clock` gives nanoseconds that never go back. `send_due`, `take_in` and `say_goodbye` belong to
    one thread, which owns the link; the rest may be called from any and never waits for the bus.
    `diagnostics` gets what room is left on the bus.
    """

    def __init__(
        self,
        plan: TxPlan,
        link: Link,
        vehicle: VehicleInput,
        clock: Clock,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        self.link, self._plan, self._vehicle, self._clock = link, plan, vehicle, clock
        self._diagnostics = diagnostics
        self._refused_ns = 0
        """Until then no diagnostic frame is offered: the bus had no room."""
        self.punctuality = Punctuality()
        self.on_sent: Callable[[TxFrame], object] | None = None
        """Told of every frame that the bus took; must not wait."""
        link.on_sent = self._sent
        self._lock = threading.Lock()

    def _sent(self, frame: TxFrame) -> None:
        self.punctuality.handed_over(frame.message.can_id, frame.t_ns, self._clock())
        if self.on_sent:
            self.on_sent(frame)

    def update(self, state: DriverState, alerts: Sequence[Alert], locked_out: bool = False) -> bool:
        """The newest result, as of now. Whether something is due earlier than before."""
        with self._lock:
            before = self._plan.next_ns()
            self._plan.update(state, alerts, self._clock(), locked_out)
            return self._plan.next_ns() < before

    def measured(self, telemetry: Telemetry) -> None:
        """How the monitor fares."""
        with self._lock:
            self._plan.telemetry = telemetry

    def vehicle(self) -> VehicleState:
        """What the vehicle last said, as of now."""
        with self._lock:
            return self._vehicle.state(self._clock())

    def counters(self) -> dict[str, int]:
        """Deadlines missed, values clamped, and verdicts on the vehicle's messages."""
        with self._lock:
            verdicts = {f"vehicle_{name}": n for name, n in self._vehicle.verdicts.items()}
            clamped = self._plan.clamped.total()
            return {"missed": self._plan.missed, "clamped": clamped, **verdicts}

    def wait_ns(self) -> int:
        """How long until the next deadline; 0 when it has passed."""
        with self._lock:
            next_ns = self._plan.next_ns()
        answer_ns = self._diagnostics.next_ns() if self._diagnostics else None
        if answer_ns is not None:
            next_ns = min(next_ns, max(answer_ns, self._refused_ns))
        return max(next_ns - self._clock(), 0)

    def send_due(self) -> None:
        """Send all that is due now; deadlines long past are skipped."""
        now = self._clock()
        with self._lock:
            self._plan.bus_fault = self.link.troubled(now)
            self._plan.inputs = self._vehicle.health(now)
            self._plan.skip_missed(now)
            frames = self._plan.due(now)
        self.link.send(frames, now)
        if self._diagnostics and now >= self._refused_ns:
            self._answer(self._diagnostics, now)

    def _answer(self, diagnostics: Diagnostics, now: int) -> None:
        """Send diagnostic frames as they are due, at most DIAGNOSTIC_BATCH."""
        can_id, extended = diagnostics.address
        for _ in range(DIAGNOSTIC_BATCH):
            data = diagnostics.due(now)
            if data is None:
                return
            if not self.link.offer(can_id, data, extended, now):
                self._refused_ns = now + POLL_NS
                return
            diagnostics.exchange.taken(now)

    def take_in(self) -> None:
        """Take the frames that have come in, at most BATCH."""
        for _ in range(BATCH):
            now = self._clock()
            frame = self.link.receive(0.0, now)
            if frame is None:
                return
            with self._lock:
                self._vehicle.on_frame(frame.can_id, frame.extended, frame.data, now)
            if self._diagnostics:
                diagnosed = self._diagnostics.exchange
                diagnosed.on_frame(frame.can_id, frame.extended, frame.data, now)

    def say_goodbye(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Send the last frames, trying again for a moment if there is no room; close the bus."""
        with self._lock:
            frames = self._plan.goodbye(self._clock())
        for _ in range(GOODBYE_TRIES):
            self.link.send(frames, self._clock())
            frames = []
            if not self.link.waits:
                break
            pause(GOODBYE_PAUSE_S)
        self.link.close()


class CanNode:
    """A Scheduler in a thread of its own. All methods may be called from any thread."""

    def __init__(
        self,
        config: CanConfig,
        identity: Identity,
        car: CarConfig | None = None,
        clock: Clock = time.monotonic_ns,
        diagnostics: Diagnostics | None = None,
    ) -> None:
        """Opens the bus. Errors: BusError."""
        car = car or OUR_CAR
        self._diagnostics = diagnostics
        asked = diagnostics.exchange.listens_to() if diagnostics else []
        link = open_link(config, [*car.identifiers(), *asked])
        plan = TxPlan(identity, clock(), config.stale_ms * MS, config.fd)
        vehicle = VehicleInput(car)
        self._scheduler = Scheduler(plan, link, vehicle, clock, diagnostics)
        self._stopping = threading.Event()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="can", daemon=True)

    def start(self) -> None:
        """Begin to send and to listen."""
        self._thread.start()
        if self._diagnostics:
            self._diagnostics.start(self._rouse)

    def _rouse(self) -> None:
        if not self._stopping.is_set():
            os.eventfd_write(self._wake, 1)

    def watch(self, on_sent: Callable[[TxFrame], object]) -> None:
        """Call `on_sent` with every frame that the bus took, in the node's thread. Before start."""
        self._scheduler.on_sent = on_sent

    def update(self, state: DriverState, alerts: Sequence[Alert], locked_out: bool = False) -> None:
        """The newest result, as of now. Never waits for the bus."""
        if self._scheduler.update(state, alerts, locked_out):
            self._rouse()

    def measured(self, telemetry: Telemetry) -> None:
        """How the monitor fares, for DMS_Telemetry."""
        self._scheduler.measured(telemetry)

    def vehicle(self) -> VehicleState:
        """What the vehicle last said, as of now."""
        return self._scheduler.vehicle()

    def health(self) -> BusHealth:
        """Counters of the bus."""
        return self._scheduler.link.health

    def counters(self) -> dict[str, int]:
        """Deadlines missed, values clamped, and verdicts on the vehicle's messages."""
        return self._scheduler.counters()

    @property
    def punctuality(self) -> Punctuality:
        """How late frames were handed to the bus, and how much their periods jitter."""
        return self._scheduler.punctuality

    @property
    def alive(self) -> bool:
        """Whether the thread runs; False after `start` means it was stopped or broke."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Say unavailable and close the bus; at most STOP_S, and with diagnostics as long again.
        Call it once."""
        self._stopping.set()
        os.eventfd_write(self._wake, 1)
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._scheduler.link.close()
            os.close(self._wake)
        if self._diagnostics:
            self._diagnostics.stop()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._scheduler.send_due()
                self._wait()
                self._scheduler.take_in()
            self._scheduler.say_goodbye(time.sleep)
        except Exception:  # a bug must end in silence on the bus and a line in the log
            log.exception("CAN thread ended")
            self._scheduler.link.close()

    def _wait(self) -> None:
        """Until the next deadline, a wake-up, or frames from the bus."""
        wait_ns, link = self._scheduler.wait_ns(), self._scheduler.link
        fd = link.fileno()
        if fd < 0 and link.is_open:
            wait_ns = min(wait_ns, POLL_NS)
        watched = [self._wake] if fd < 0 else [self._wake, fd]
        select.select(watched, (), (), wait_ns / SECOND)  # poll() would round up to whole ms
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)


class BusSink:
    """Frames of a replay onto a live bus, each at its own time after the first."""

    def __init__(
        self,
        config: CanConfig,
        clock: Clock = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Opens the bus. Errors: BusError."""
        self._link = open_link(config)
        self._clock, self._sleep = clock, sleep
        self._offset_ns: int | None = None

    def send(self, frames: Iterable[TxFrame]) -> None:
        """Send them when they are due; returns when the last is sent."""
        for frame in frames:
            if self._offset_ns is None:
                self._offset_ns = self._clock() - frame.t_ns
            wait_ns = frame.t_ns + self._offset_ns - self._clock()
            if wait_ns > 0:
                self._sleep(wait_ns / SECOND)
            self._link.send([frame], self._clock())

    def close(self) -> None:
        """Close the bus."""
        self._link.close()
