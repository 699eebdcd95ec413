"""Play the vehicle on a bench: send its messages, from a profile, from keys, or as told once.

  dms can send-vehicle can0 --signal Speed=80          constant values
  dms can send-vehicle can0 --profile trip.yaml        over time, from a file:

    loop: true
    at:                       # seconds; numbers go in a straight line, choices step
      0: {Speed: 0}
      10: {Speed: 80}
      60: {Speed: 80, fault: wrong_crc}   # none, wrong_crc, frozen_counter, silent

  dms can send-vehicle can0 --car my_car.yaml --signal Speed=80    in a car's own messages

With --car the same names are said in the messages of that file, those in which a signal is given,
ten times in their time-out; the other signals in them say that they have no value.
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
from dms.carsim import CarVoice
from dms.commands.can_monitor import bus_text
from dms.commands.common import add_config_arguments, car_for, duration_s, load_config, to_json
from dms.commands.screen import Screen
from dms.commands.stopping import stop_signals
from dms.errors import Exit, UsageError
from dms.signals import NoValue, Value
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
NONE = NoValue.NOT_AVAILABLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this tool."""
    parser.add_argument("bus", metavar="BUS")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--profile", metavar="FILE", type=Path, help="values over time (YAML)")
    how.add_argument("--keys", action="store_true", help="values by keys, on a terminal")
    parser.add_argument(
        "--signal", metavar="NAME=VALUE", action="append", default=[], help="a constant value"
    )
    parser.add_argument("--car", metavar="FILE", help="speak this car's messages (YAML)")
    parser.add_argument("--seconds", type=duration_s, metavar="N", help="end after so long")
    add_config_arguments(parser)


class Hand:
    """A vehicle driven by keys. Values are constant between them. car: what it can say; None: all
    of this project's own messages."""

    def __init__(self, start: dict[str, Value], car: CarVoice | None = None) -> None:
        names = [n for n in SIGNALS if not n.endswith("Valid")] if car is None else car.names
        self.now: dict[str, Value] = {n: 0.0 if n == "Speed" else NONE for n in names}
        self.now |= start
        self.misbehaves = Fault.NONE
        choices = [name for name in names if SIGNALS[name].table]
        self.choices = dict(zip(CHOICE_KEYS, choices, strict=False))
        self._car = car

    def press(self, key: str) -> None:
        """One key."""
        if key in SPEED_STEPS:
            before, top = self.now["Speed"], SIGNALS["Speed"].maximum
            speed = before if isinstance(before, float) else 0.0
            self.now["Speed"] = min(max(speed + SPEED_STEPS[key], 0.0), top)
        elif key == "n":
            self.now["Speed"] = NONE
        elif key in FAULT_KEYS:
            same = self.misbehaves is FAULT_KEYS[key]
            self.misbehaves = Fault.NONE if same else FAULT_KEYS[key]
        elif key in self.choices:
            name = self.choices[key]
            self.now[name] = self._next_choice(name)

    def values(self, t_ns: int) -> dict[str, Value]:
        """What it says now."""
        return self.now

    def fault(self, t_ns: int) -> Fault:
        """How it misbehaves now."""
        return self.misbehaves

    def over(self, t_ns: int) -> bool:
        """Never: a hand goes on."""
        return False

    def told(self) -> dict[str, list[Value]]:
        """What it says before the first key."""
        return {name: [value] for name, value in self.now.items()}

    def _next_choice(self, name: str) -> Value:
        known: list[Value] = [float(raw) for raw, _ in SIGNALS[name].table]
        known.append(NONE)
        before = self.now[name]
        at = known.index(before) + 1 if before in known else 0
        later = known[at:] + known[:at]
        return next((v for v in later if self._car is None or self._car.can_say(name, v)), before)


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
    bus = parse_bus(args.bus, load_config(args).can)
    car = CarVoice(car_for(args.car, bus)) if args.car else None
    driver: Hand | Profile = Hand(constant, car) if args.keys else _profile(args.profile, constant)
    vehicle = Vehicle(car.outgoing(driver.told()) if car else None)
    link = open_link(bus)
    with stop_signals() as stop_fd, ExitStack() as stack:
        stack.callback(link.close)
        screen = stack.enter_context(Screen(sys.stdin, sys.stdout)) if args.keys else None
        bench = Bench(link, driver, vehicle, screen, stop_fd)
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
        self,
        link: Link,
        driver: Hand | Profile,
        vehicle: Vehicle,
        screen: Screen | None,
        stop_fd: int,
    ) -> None:
        self.link, self.driver, self.vehicle = link, driver, vehicle
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
            self.refused += not self.link.offer(frame.can_id, frame.data, frame.extended, at)
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
        lines = [
            f"  {keys.get(name, ' ')}  {name:<20} {text_of(name, value)}"
            for name, value in self.driver.now.items()
        ]
        lines.append(f"  fault: {self.driver.misbehaves.value}")
        lines.append("  up/down, page up/down: speed   n: no speed   c z s: faults   q: end")
        health = self.link.health
        screen.show(f"{now_ns / SECOND:.0f} s   {health.sent} sent   {bus_text(health)}", lines)
