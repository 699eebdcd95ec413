"""Play the vehicle on a bench: send its messages, from a profile, from keys, or as told once.

  dms can send-vehicle can0 --signal Speed=80          constant values
  dms can send-vehicle can0 --profile trip.yaml        over time, from a file:

    loop: true
    at:                       # seconds; numbers go in a straight line, choices step
      0: {Speed: 0}
      10: {Speed: 80}
      60: {Speed: 80, fault: wrong_crc}   # none, wrong_crc, frozen_counter, silent

With --keys: up and down change the speed by 5 km/h, page keys by 30, n takes it away; c, z, s
switch a wrong CRC, a frozen counter, silence; other choices step with the key shown; q ends.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from dms.busview import number_text
from dms.canbus import parse_bus
from dms.canlink import Link
from dms.cannode import BATCH, POLL_NS, open_link
from dms.commands.can_monitor import bus_text
from dms.commands.common import add_config_arguments, load_config, to_json
from dms.commands.screen import Screen
from dms.commands.stopping import stop_signals
from dms.errors import Exit, UsageError
from dms.signals import NoValue, Signal, Value
from dms.vehiclesim import (
    SIGNALS,
    Fault,
    Profile,
    Vehicle,
    expected,
    load_profile,
    value_of_text,
)

SECOND = 1_000_000_000
DRAW_NS = SECOND // 5
SPEED_STEPS = {"up": 5.0, "down": -5.0, "page up": 30.0, "page down": -30.0}
"""Of the keys [km/h]."""
FAULT_KEYS = {"c": Fault.WRONG_CRC, "z": Fault.FROZEN_COUNTER, "s": Fault.SILENT}
CHOICE_KEYS = "abdefghijklmoprtuvwxy"
"""For signals that are choices, in the order of the definition."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this tool."""
    parser.add_argument("bus", metavar="BUS")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--profile", metavar="FILE", type=Path, help="values over time (YAML)")
    how.add_argument("--keys", action="store_true", help="values by keys, on a terminal")
    parser.add_argument(
        "--signal", metavar="NAME=VALUE", action="append", default=[], help="a constant value"
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so long")
    add_config_arguments(parser)


class Hand:
    """A vehicle driven by keys. Values are constant between them."""

    def __init__(self, start: dict[str, Value]) -> None:
        self.now: dict[str, Value] = {"Speed": 0.0, **start}
        self.misbehaves = Fault.NONE
        choices = [n for n, s in SIGNALS.items() if s.table and not n.endswith("Valid")]
        self.choices = dict(zip(CHOICE_KEYS, choices, strict=False))

    def press(self, key: str) -> None:
        """One key."""
        if key in SPEED_STEPS:
            before, top = self.now["Speed"], SIGNALS["Speed"].maximum
            speed = before if isinstance(before, float) else 0.0
            self.now["Speed"] = min(max(speed + SPEED_STEPS[key], 0.0), top)
        elif key == "n":
            self.now["Speed"] = NoValue.NOT_AVAILABLE
        elif key in FAULT_KEYS:
            same = self.misbehaves is FAULT_KEYS[key]
            self.misbehaves = Fault.NONE if same else FAULT_KEYS[key]
        elif key in self.choices:
            name = self.choices[key]
            self.now[name] = _next_choice(SIGNALS[name], self.now.get(name))

    def values(self, t_ns: int) -> dict[str, Value]:
        """What it says now."""
        return self.now

    def fault(self, t_ns: int) -> Fault:
        """How it misbehaves now."""
        return self.misbehaves

    def over(self, t_ns: int) -> bool:
        """Never: a hand goes on."""
        return False


def _next_choice(signal: Signal, before: Value | None) -> Value:
    raws: list[Value] = [float(raw) for raw, _ in signal.table]
    raws.append(NoValue.NOT_AVAILABLE)
    return raws[(raws.index(before) + 1) % len(raws)] if before in raws else raws[0]


def text_of(name: str, value: Value) -> str:
    """A value as people read it."""
    signal = SIGNALS[name]
    if isinstance(value, NoValue):
        return value.value
    if signal.table:
        return dict(signal.table)[round(value)]
    return f"{number_text(value, signal.scale)} {signal.unit}".rstrip()


def run(args: argparse.Namespace) -> int:
    """Until the profile is over, q, Ctrl-C, or the time given."""
    constant = dict(_signal(item) for item in args.signal)
    if args.keys and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--keys needs a terminal", fix="use --profile FILE or --signal NAME=VALUE")
    if not (args.keys or args.profile or constant):
        raise UsageError(
            "nothing says what to send", fix="give --profile FILE, --keys or --signal Speed=80"
        )
    driver: Hand | Profile = Hand(constant) if args.keys else _profile(args.profile, constant)
    link = open_link(parse_bus(args.bus, load_config(args).can))
    with stop_signals() as stop_fd, ExitStack() as stack:
        stack.callback(link.close)
        screen = stack.enter_context(Screen(sys.stdin, sys.stdout)) if args.keys else None
        bench = Bench(link, driver, screen, stop_fd)
        bench.run(args.seconds)
    if args.json:
        health = link.health
        told = {"sent": health.sent, "refused": bench.refused, "skipped": bench.vehicle.skipped}
        print(to_json({**told, "lost": health.lost}))
    return Exit.OK


def _signal(item: str) -> tuple[str, Value]:
    name, _, text = item.partition("=")
    if name not in SIGNALS:
        raise UsageError(f"there is no signal {name!r}", fix=f"there are {', '.join(SIGNALS)}")
    value = value_of_text(SIGNALS[name], text)
    if value is None:
        raise UsageError(f"{item!r}: not {expected(SIGNALS[name])}")
    return name, value


def _profile(path: Path | None, constant: dict[str, Value]) -> Profile:
    fixed = {name: [(0, value)] for name, value in constant.items()}
    if path is None:
        return Profile(fixed, end_ns=SECOND, loop=True)
    read = load_profile(path)
    return Profile({**read.points, **fixed}, read.faults, read.end_ns, read.loop)


class Bench:
    """Sends what is due, on the machine's clock."""

    def __init__(
        self, link: Link, driver: Hand | Profile, screen: Screen | None, stop_fd: int
    ) -> None:
        self.link, self.driver, self.vehicle = link, driver, Vehicle()
        self.refused = 0
        """Frames for which the bus had no room."""
        self._screen, self._stop_fd = screen, stop_fd
        self._draw_ns = 0

    def run(self, seconds: float | None, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """To the end, or for so long."""
        start = clock()
        end_ns = None if seconds is None else round(seconds * SECOND)
        while not self._ended():
            now = clock() - start
            if self.driver.over(now) or (end_ns is not None and now >= end_ns):
                return
            self._send(now, start)
            if self._screen and now >= self._draw_ns:
                self._draw_ns = now + DRAW_NS
                self._draw(self._screen, now)
            next_ns = min(self.vehicle.next_ns(), now + POLL_NS if self._screen else 1 << 62)
            select.select([self._stop_fd], (), (), max(next_ns + start - clock(), 0) / SECOND)

    def _send(self, now_ns: int, start_ns: int) -> None:
        at = now_ns + start_ns
        self.link.send((), at)  # mends the bus if need be
        for frame in self.vehicle.due(now_ns, self.driver.values, self.driver.fault(now_ns)):
            self.refused += not self.link.offer(frame.can_id, frame.data, False, at)
        for _ in range(BATCH):  # what others say is not kept: it would fill the queue
            if self.link.receive(0.0, at) is None:
                return

    def _ended(self) -> bool:
        if select.select([self._stop_fd], (), (), 0)[0]:
            return True
        for key in self._screen.keys() if self._screen else ():
            if key in ("q", "\x04"):
                return True
            if isinstance(self.driver, Hand):
                self.driver.press(key)
        return False

    def _draw(self, screen: Screen, now_ns: int) -> None:
        assert isinstance(self.driver, Hand)
        keys = {name: key for key, name in self.driver.choices.items()}
        said = {name: NoValue.NOT_AVAILABLE for name in SIGNALS if not name.endswith("Valid")}
        lines = [
            f"  {keys.get(name, ' ')}  {name:<20} {text_of(name, value)}"
            for name, value in {**said, **self.driver.now}.items()
        ]
        lines.append(f"  fault: {self.driver.misbehaves.value}")
        lines.append("  up/down, page up/down: speed   n: no speed   c z s: faults   q: end")
        health = self.link.health
        screen.show(f"{now_ns / SECOND:.0f} s   {health.sent} sent   {bus_text(health)}", lines)
