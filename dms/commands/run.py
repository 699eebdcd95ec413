"""Watch a live source and send alerts on CAN until told to stop.

SOURCE is a raw frame stream (- for stdin, or a fifo), or a recording that is played in real time
(video, GIF, folder of images, drive, file of a raw stream). SIGTERM and SIGINT end it: the bus is
told "unavailable", and the program is gone within a second. The source's end ends it too.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from dms import health
from dms.canbus import parse_bus
from dms.cannode import CanNode
from dms.commands.common import add_config_arguments, finish, identity, load_config, to_json
from dms.commands.live import LiveView
from dms.config import CanConfig, Config
from dms.engine import LiveEngine, LiveObservation, open_engine
from dms.errors import Exit
from dms.feed import Feed, FileFeed, RawFeed, Stopped, is_stream, open_stream
from dms.pipeline import Pipeline
from dms.source import kind_of, open_source
from dms.types import VehicleState
from dms.vehicle import load_car

WAKE_S = 0.25
"""Longest sleep of the main loop: four looks a second at the watchdog."""
KMH_PER_MPS = 3.6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("--can", metavar="BUS", help="INTERFACE:CHANNEL instead of the config's")
    parser.add_argument("--car", metavar="FILE", help="where the speed is on this car's bus (YAML)")
    parser.add_argument("--speed-kmh", type=float, help="constant speed instead of the bus's")
    parser.add_argument("--fps", type=float, default=30.0, help="of a folder of images")
    parser.add_argument("--loop", action="store_true", help="play a recording again and again")
    parser.add_argument("--live", action="store_true", help="show states and sent alerts")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """From the first CAN frame, which says "starting", to the last, which says "unavailable"."""
    config = load_config(args)
    stream = is_stream(args.source)
    if not stream:
        kind_of(Path(args.source))
    bus = parse_bus(args.can, config.can) if args.can else config.can
    view = LiveView(sys.stdout) if args.live else None
    with stop_signals() as stop_fd, _node(args, config, bus, view) as node:
        try:
            feed = _feed(args, stream, stop_fd)
        except Stopped:
            return Exit.OK
        totals = Daemon(config, node, feed, view, args.speed_kmh).run(stop_fd)
    if args.json:
        print(to_json(totals.to_dict(node), indent=1))
    return finish(feed.losses())


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
    started_ns: int = field(default_factory=time.monotonic_ns)

    def add(self, item: LiveObservation) -> None:
        """One observation."""
        self.frames += 1
        self.faces += item.observation.face is not None
        self.cpu_ns += item.cpu_ns
        self.longest_ns = max(self.longest_ns, item.wall_ns)
        self.first_ns = self.first_ns or item.done_ns

    def to_dict(self, node: CanNode) -> dict[str, Any]:
        """For --json."""
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
        }


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
        self._config, self._node, self._feed, self._view = config, node, feed, view
        self._speed_kmh = speed_kmh
        self._pipeline = Pipeline(config, node.update)
        self._notifier = Notifier()
        self._done_ns: int | None = None
        self.totals = Totals()

    def run(self, stop_fd: int) -> Totals:
        """Until `stop_fd` is readable or the feed has ended."""
        engine = open_engine(self._config)
        with LiveEngine(engine, self._feed.ring) as live, selectors.DefaultSelector() as selector:
            selector.register(live.fd, selectors.EVENT_READ)
            selector.register(stop_fd, selectors.EVENT_READ)
            self._feed.start()
            try:
                self._loop(live, selector, stop_fd)
            finally:
                self._notifier.say("STOPPING=1")
                self._feed.stop()
            counters = live.counters
        self.totals.skipped, self.totals.dropped = counters.skipped, counters.dropped
        return self.totals

    def _loop(self, live: LiveEngine, selector: selectors.BaseSelector, stop_fd: int) -> None:
        ended = False
        while not ended:
            ready = {key.fd for key, _ in selector.select(WAKE_S)}
            ended = stop_fd in ready or live.finished
            if live.fd in ready:
                with suppress(BlockingIOError):
                    os.read(live.fd, 8)
            for item in live.drain():
                self._take(item)
            self._watchdog()

    def _take(self, item: LiveObservation) -> None:
        step = self._pipeline.step(item.observation, self._vehicle(item.observation.t_ns))
        if self._done_ns is None:
            self._notifier.say("READY=1")
        self._done_ns = item.done_ns
        self.totals.add(item)
        if self._view:
            self._view.state(step.state)

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


@contextmanager
def stop_signals() -> Iterator[int]:
    """A file descriptor that becomes readable with SIGTERM or SIGINT."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ignore(number: int, frame: FrameType | None) -> None:
        """The wake-up fd has it."""

    before = {n: signal.signal(n, ignore) for n in (signal.SIGTERM, signal.SIGINT)}
    wake_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(wake_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


@contextmanager
def _node(
    args: argparse.Namespace, config: Config, bus: CanConfig, view: LiveView | None
) -> Iterator[CanNode]:
    car = load_car(Path(args.car) if args.car else None)
    node = CanNode(bus, identity(config), car)
    if view:
        node.watch(lambda frame: view.sent([frame]))
    node.start()
    try:
        yield node
    finally:
        node.stop()


def _feed(args: argparse.Namespace, stream: bool, stop_fd: int) -> Feed:
    if stream:
        return RawFeed(open_stream(args.source), args.source, stop_fd)
    return FileFeed(lambda: open_source(args.source, fps=args.fps), args.source, args.loop)
