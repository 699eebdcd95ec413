"""Watch a live source and send alerts on CAN until told to stop.

SOURCE is a raw frame stream (- for stdin, or a fifo), frames in shared memory (shm:PATH, as in
shm:/dev/shm/camera), or a recording that is played in real time (video, GIF, folder of images,
drive, file of a raw stream). SIGTERM and SIGINT end it: the bus is told "unavailable", and the
program is gone within a second. The source's end ends it too.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dms.canbus import parse_bus
from dms.cannode import CanNode
from dms.car import CarConfig
from dms.commands.common import (
    add_config_arguments,
    car_for,
    finish,
    fps,
    identity,
    load_config,
    speed_kmh,
    to_json,
    warn,
)
from dms.commands.live import LiveView
from dms.commands.output import Onlooker
from dms.commands.stopping import stop_signals
from dms.config import CanConfig, Config, ConfigError
from dms.errors import Exit, UsageError
from dms.moment import Identity
from dms.source import is_stream, kind_of
from dms.uds.nvm import Kept, Store
from dms.uds.unit import Diagnostics

if TYPE_CHECKING:
    from dms.commands.diagnosis import Desk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("--can", metavar="BUS", help="INTERFACE:CHANNEL instead of the config's")
    parser.add_argument("--car", metavar="FILE", help="what this car's messages say (YAML)")
    parser.add_argument("--speed-kmh", type=speed_kmh, metavar="N", help="constant, not the bus's")
    parser.add_argument("--fps", type=fps, metavar="N", default=30.0, help="of a folder of images")
    parser.add_argument("--loop", action="store_true", help="play a recording again and again")
    parser.add_argument("--live", action="store_true", help="show states and sent alerts")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """From the first CAN frame, which says "starting", to the last, which says "unavailable"."""
    config, store, kept = _stored(args)
    stream = _check_source(args.source)
    if args.loop and args.source == "-":
        raise UsageError("--loop cannot play stdin again", fix="give the recording's name")
    bus = parse_bus(args.can, config.can) if args.can else config.can
    view = _view(args)
    car = car_for(args.car, bus)
    who = identity(replace(config, can=bus), car)
    desk, diagnostics = _diagnosis(config, store, kept, who)
    with stop_signals() as stop_fd, _node(bus, who, car, view, diagnostics) as node:
        # late: the bus is told "starting" while these load
        from dms.commands.daemon import Daemon
        from dms.feed import Stopped, open_feed

        try:
            feed = open_feed(args.source, stream, stop_fd, args.fps, args.loop)
        except Stopped:
            return Exit.OK
        daemon = Daemon(config, node, feed, view, args.speed_kmh)
        if desk and diagnostics:
            desk.node = node
            daemon.consult(desk.seen, lambda: desk.reset_asked.is_set() and diagnostics.idle)
        totals = daemon.run(stop_fd)
    if daemon.reset:
        warn("started anew, as a diagnostic tester asked")
        os.execv(sys.executable, sys.orig_argv)
    if args.json:
        print(to_json(totals.to_dict(node), indent=1))
    return finish(feed.losses())


def _view(args: argparse.Namespace) -> LiveView | None:
    """Nobody waits for who looks on, neither the bus nor the end."""
    out = sys.stderr if args.json else sys.stdout
    return LiveView(Onlooker(out, waits=False)) if args.live else None


def _stored(args: argparse.Namespace) -> tuple[Config, Store, Kept]:
    """The configuration, with what a diagnostic tester has written laid over the file."""
    config = load_config(args)
    folder = config.diagnostics.state_dir
    store = Store(None if folder is None else Path(folder))
    kept = store.load()
    if not kept.content:
        return config, store, kept
    from dms.commands.diagnosis import stored_settings

    try:
        return load_config(args, stronger=stored_settings(kept)), store, kept
    except ConfigError as error:
        warn(f"settings written by a diagnostic tester are left out: {error}")
        return config, store, replace(kept, damaged=True)


def _diagnosis(
    config: Config, store: Store, kept: Kept, who: Identity
) -> tuple[Desk, Diagnostics] | tuple[None, None]:
    """The diagnostics, if an identifier for them is configured. Errors: UsageError."""
    if config.diagnostics.request_id is None:
        return None, None
    from dms.commands.diagnosis import open_diagnostics

    return open_diagnostics(config, store, kept, time.monotonic_ns, who)


def _check_source(name: str) -> bool:
    """Whether it is a live raw stream. Errors: SourceError when it is nothing usable."""
    if name.startswith("shm:"):
        from dms.feed import open_shared

        with open_shared(name):
            return False
    stream = is_stream(name)
    if not stream and name != "-":
        kind_of(Path(name))
    return stream


@contextmanager
def _node(
    bus: CanConfig,
    who: Identity,
    car: CarConfig,
    view: LiveView | None,
    diagnostics: Diagnostics | None,
) -> Iterator[CanNode]:
    node = CanNode(bus, who, car, diagnostics=diagnostics)
    if view:
        node.watch(view.note)
    node.start()
    try:
        yield node
    finally:
        node.stop()
