"""The daemon's main loop: observations out of the engine's thread, results to the CAN thread."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dms import health
from dms.canlink import BusHealth
from dms.cannode import CanNode
from dms.commands.common import warn
from dms.commands.keeping import open_keeper
from dms.commands.live import LiveView
from dms.commands.meter import Meter, hottest_degc
from dms.config import Config
from dms.engine import LiveEngine, LiveObservation, open_engine
from dms.errors import DmsError
from dms.feed import Feed
from dms.messages import KMH_PER_MPS
from dms.pipeline import Pipeline
from dms.types import Step, VehicleState

WAKE_S = 0.25
"""Longest sleep of the main loop: four looks a second at the watchdog."""


def process_start_ns() -> int:
    """When this process was started, on CLOCK_MONOTONIC, to 10 ms (proc(5): field 22, in ticks)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    ticks_ns = int(fields[19]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return ticks_ns - asleep_ns


@dataclass
class Totals:
    """What a run came to."""

    frames: int = 0
    skipped: int = 0
    dropped: int = 0
    faces: int = 0
    cpu_ns: int = 0
    longest_ns: int = 0
    first_ns: int | None = None
    started_ns: int = field(default_factory=process_start_ns)

    def add(self, item: LiveObservation) -> None:
        """One observation."""
        self.frames += 1
        self.faces += item.observation.face is not None
        self.cpu_ns += item.cpu_ns
        self.longest_ns = max(self.longest_ns, item.wall_ns)
        self.first_ns = self.first_ns or item.done_ns

    def to_dict(self, node: CanNode) -> dict[str, Any]:
        """For --json. `first_observation_s` counts from the start of the process."""
        first = None if self.first_ns is None else (self.first_ns - self.started_ns) / 1e9
        return {
            "frames": self.frames,
            "skipped": self.skipped,
            "dropped": self.dropped,
            "face_share": round(self.faces / max(self.frames, 1), 4),
            "cpu_ms_per_frame": round(self.cpu_ns / 1e6 / max(self.frames, 1), 3),
            "longest_frame_ms": round(self.longest_ns / 1e6, 3),
            "first_observation_s": first,
            "can_sent": node.health().sent,
            "can_dropped": node.health().dropped,
            "can_lost": node.health().lost,
            "can_counters": node.counters(),
            "can_bus": bus_to_dict(node.health()),
            "can_timing": node.punctuality.to_dict(),
        }


def bus_to_dict(health: BusHealth) -> dict[str, Any]:
    """The bus's counters for --json."""
    return {**asdict(health), "controller": health.controller.value}


class Daemon:
    """The main loop: wakes with observations, never touches a pixel."""

    def __init__(
        self,
        config: Config,
        node: CanNode,
        feed: Feed,
        view: LiveView | None,
        speed_kmh: float | None,
    ) -> None:
        self._told: Callable[[Step], object] = lambda step: None
        self._resets: Callable[[], bool] = lambda: False
        self._config, self._node, self._feed, self._view = config, node, feed, view
        self._speed_kmh = speed_kmh
        self._keeper = open_keeper(config.digest())
        kept = self._keeper.load(time.monotonic_ns()) if self._keeper else None
        self._pipeline = Pipeline(config, node.update, kept)
        self._notifier = Notifier()
        self._meter = Meter()
        self._degc: float | None = None
        self._done_ns: int | None = None
        self.totals = Totals()
        self.reset = False
        """It ended to be started anew in the same process."""

    def consult(self, told: Callable[[Step], object], resets: Callable[[], bool]) -> None:
        """told: called with every result. resets: whether to start anew, asked at every turn."""
        self._told, self._resets = told, resets

    def run(self, stop_fd: int) -> Totals:
        """Until `stop_fd` is readable, the feed has ended, or it is to start anew."""
        engine = open_engine(self._config)
        with LiveEngine(engine, self._feed.ring) as live, selectors.DefaultSelector() as selector:
            selector.register(live.fd, selectors.EVENT_READ)
            selector.register(stop_fd, selectors.EVENT_READ)
            self._feed.start()
            try:
                self._loop(live, selector, stop_fd)
            finally:
                # after STOPPING=1 systemd would kill the process in spite of its new start
                self._notifier.say("WATCHDOG=1" if self.reset else "STOPPING=1")
                self._feed.stop()
            counters = live.counters
        self.totals.skipped, self.totals.dropped = counters.skipped, counters.dropped
        return self.totals

    def _loop(self, live: LiveEngine, selector: selectors.BaseSelector, stop_fd: int) -> None:
        ended = False
        while not (ended or self.reset):
            ready = {key.fd for key, _ in selector.select(WAKE_S)}
            ended = stop_fd in ready or live.finished
            self.reset = not ended and self._resets()
            if live.fd in ready:
                with suppress(BlockingIOError):
                    os.read(live.fd, 8)
            for item in live.drain():
                self._take(item)
            if self._view:
                self._view.catch_up()
            self._measure(live)
            self._watchdog()
            if not self._node.alive:  # nobody would hear of anything any more
                raise DmsError("the CAN thread ended", "see the log above", "start again")

    def _measure(self, live: LiveEngine) -> None:
        now = time.monotonic_ns()
        if self._meter.due(now):
            lost = live.counters.skipped + live.counters.dropped
            self._degc = hottest_degc()
            told = self._meter.measure(now, lost, time.process_time_ns(), self._degc)
            self._node.measured(told)
            self._keep(now)

    def _keep(self, now_ns: int) -> None:
        if self._keeper is None:
            return
        try:
            self._keeper.keep(self._pipeline.learned(), now_ns)
        except OSError as error:
            warn(f"what is learned of the driver is not kept over a restart: {error}")
            self._keeper = None

    def _take(self, item: LiveObservation) -> None:
        seen = item.observation
        step = self._pipeline.step(seen, self._vehicle(seen.t_ns), self._degc, item.done_ns)
        if self._done_ns is None:
            self._notifier.say("READY=1")
        self._done_ns = item.done_ns
        self.totals.add(item)
        self._meter.add(item.done_ns, item.wall_ns, seen.quality.drift)
        if self._view:
            self._view.state(step.state)
        self._told(step)

    def _vehicle(self, t_ns: int) -> VehicleState:
        if self._speed_kmh is not None:
            return VehicleState(t_ns, self._speed_kmh / KMH_PER_MPS)
        return self._node.vehicle()

    def _watchdog(self) -> None:
        """Only completed frames prove that the monitor works."""
        done, now = self._done_ns, time.monotonic_ns()
        if done is not None and health.may_ping(done, now, self._config.health):
            self._notifier.say("WATCHDOG=1")


class Notifier:
    """systemd's notification socket; does nothing outside systemd."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)

    def say(self, text: str) -> None:
        """Send, or not: the service manager's absence must not stop the monitor."""
        if self._address:
            with suppress(OSError):
                self._socket.sendto(text.encode(), self._address)
