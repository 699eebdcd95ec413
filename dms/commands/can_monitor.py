"""Show what is on a bus, decoded, live: values, rates, ages, protection errors.

BUS is INTERFACE:CHANNEL of any python-can interface, or a Linux link (can0). It only listens.
On a terminal the table is drawn over itself: arrows and page keys scroll, space freezes it, f shows
frames of others, q ends. Elsewhere it is printed once a second, with --json as one JSON line.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Any

from dms.busview import BusView
from dms.canbus import parse_bus
from dms.canlink import BusHealth, Link
from dms.cannode import BATCH, POLL_NS, open_link
from dms.commands.can_table import Look, table
from dms.commands.common import add_config_arguments, duration_s, load_config, to_json
from dms.commands.screen import Screen
from dms.commands.stopping import stop_signals
from dms.errors import Exit

SECOND = 1_000_000_000
DRAW_NS = SECOND // 5
"""Between two pictures of the screen: as fast as one can read."""
PRINT_NS = SECOND


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this tool."""
    parser.add_argument("bus", metavar="BUS")
    parser.add_argument("--seconds", type=duration_s, metavar="N", help="end after so long")
    parser.add_argument(
        "--only", metavar="NAME", help="messages of this name; * stands for any letters"
    )
    parser.add_argument("--foreign", action="store_true", help="frames of others too, as bytes")
    add_config_arguments(parser)


class Monitor:
    """A bus being watched. `now` is on the clock of `turn`'s argument."""

    def __init__(self, link: Link, where: str, started_ns: int) -> None:
        self.link, self.where, self.started_ns = link, where, started_ns
        self.view = BusView()

    def take_in(self, now_ns: int) -> None:
        """Mend the bus if need be, and take the frames that have come in, at most BATCH."""
        self.link.send((), now_ns)
        for _ in range(BATCH):
            frame = self.link.receive(0.0, now_ns)
            if frame is None:
                return
            self.view.on_frame(frame.can_id, frame.extended, frame.data, now_ns)

    def to_dict(self, now_ns: int) -> dict[str, Any]:
        """For --json."""
        health = self.link.health
        bus = {**asdict(health), "controller": health.controller.value}
        t_s = round((now_ns - self.started_ns) / SECOND, 3)
        return {"t_s": t_s, "bus": bus, **self.view.to_dict(now_ns)}

    def heading(self, now_ns: int) -> str:
        """The first line of the table."""
        up_s = (now_ns - self.started_ns) / SECOND
        return f"{self.where}   {up_s:.0f} s   {bus_text(self.link.health)}"


def bus_text(health: BusHealth) -> str:
    """How the bus is, in a few words."""
    state = health.controller.value if health.up else f"LOST ({health.last_error})"
    counts = {
        "error frames": health.error_frames,
        "bad frames": health.bad_received,
        "times lost": health.lost,
    }
    return ", ".join([f"bus {state}", *(f"{n} {name}" for name, n in counts.items() if n)])


class Viewer:
    """Shows a monitor, on a screen or as printed text."""

    def __init__(
        self, monitor: Monitor, look: Look, as_json: bool, screen: Screen | None, stop_fd: int
    ) -> None:
        self._monitor, self._look, self._json, self._screen = monitor, look, as_json, screen
        self._stop_fd = stop_fd
        self.every_ns = DRAW_NS if screen else PRINT_NS
        self._frozen = False

    def wait(self, timeout_ns: int) -> None:
        """For frames, keys, or a signal to stop."""
        link_fd = self._monitor.link.fileno()
        if link_fd < 0:
            timeout_ns = min(timeout_ns, POLL_NS)
        fds = (self._stop_fd, link_fd, self._screen.fileno() if self._screen else -1)
        select.select([fd for fd in fds if fd >= 0], (), (), timeout_ns / SECOND)

    def ended(self) -> bool:
        """Do as the keys say; whether they, or a signal, say to end."""
        if select.select([self._stop_fd], (), (), 0)[0]:
            return True
        for key in self._screen.keys() if self._screen else ():
            if key in ("q", "\x04"):
                return True
            if key == " ":
                self._frozen = not self._frozen
            elif key == "f":
                self._look = replace(self._look, foreign=not self._look.foreign)
            elif self._screen:
                self._screen.scroll(key)
        return False

    def show(self, now_ns: int) -> None:
        """What there is now."""
        monitor = self._monitor
        if self._screen is None:
            print(self._printed(now_ns), flush=True)
        elif not self._frozen:
            look = replace(self._look, width=self._screen.width)
            self._screen.show(monitor.heading(now_ns), table(monitor.view, now_ns, look))

    def _printed(self, now_ns: int) -> str:
        if self._json:
            return to_json(self._monitor.to_dict(now_ns))
        lines = table(self._monitor.view, now_ns, self._look)
        return "\n".join([self._monitor.heading(now_ns), *lines, ""])


def run(args: argparse.Namespace) -> int:
    """Until q, Ctrl-C, or the time given."""
    config = load_config(args)
    on_screen = sys.stdout.isatty() and not args.json
    look = Look(args.only or "*", args.foreign, colour=on_screen)
    link = open_link(parse_bus(args.bus, config.can))
    monitor = Monitor(link, args.bus, time.monotonic_ns())
    with stop_signals() as stop_fd, ExitStack() as stack:
        stack.callback(link.close)
        screen = stack.enter_context(Screen(sys.stdin, sys.stdout)) if on_screen else None
        _watch(Viewer(monitor, look, args.json, screen, stop_fd), monitor, args.seconds)
    return Exit.OK


def _watch(viewer: Viewer, monitor: Monitor, seconds: float | None) -> None:
    show_ns = monitor.started_ns + viewer.every_ns
    end_ns = None if seconds is None else monitor.started_ns + round(seconds * SECOND)
    while not viewer.ended():
        now = time.monotonic_ns()
        monitor.take_in(now)
        if end_ns is not None and now >= end_ns:
            return viewer.show(now)
        if now >= show_ns:
            viewer.show(now)
            show_ns = max(show_ns + viewer.every_ns, now)
        due = show_ns if end_ns is None else min(show_ns, end_ns)
        viewer.wait(max(due - now, 0))
    return None
