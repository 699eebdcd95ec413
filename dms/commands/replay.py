"""Put a recording through the whole chain: frames, driver state, alerts, CAN frames.

PATH is a video, a GIF, an image, a folder of images, a drive, or a raw stream. Time comes from
the recording alone, so the results never depend on the machine's speed or on --pace: the same
input, configuration and models give the same bytes. Speed comes from the drive's CAN log or from
--speed-kmh; without either it is unknown. SIGTERM and SIGINT end it (exit code 1); tables, report
and logs then hold what was played.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from dms import drive
from dms.canlog import LogFrame, open_sink, read_log
from dms.canlog import Sink as CanSink
from dms.car import CarConfig, load_car
from dms.commands.common import (
    Perception,
    add_config_arguments,
    finish,
    fps,
    identity,
    load_config,
    number,
    speed_kmh,
    to_json,
)
from dms.commands.live import LiveView
from dms.commands.output import Onlooker
from dms.commands.page import PageSink
from dms.commands.sinks import CsvSink, Pace, Sink
from dms.commands.stopping import Stopping
from dms.config import MS, Config, Scalar
from dms.drive import Drive
from dms.engine import open_engine
from dms.errors import SourceError, opening
from dms.messages import KMH_PER_MPS
from dms.pipeline import Pipeline
from dms.source import Source, open_source
from dms.transmit import TxFrame, TxPlan
from dms.types import Alert, DriverState, Event, Frame, Reason, Step, VehicleState
from dms.vehicle import VehicleInput

Vehicle = Callable[[int], VehicleState | None]
"""What the vehicle said up to a moment of the recording."""
MayStop = Callable[[], AbstractContextManager[None]]
"""Inside, a signal may end it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument(
        "--out", metavar="DIR", help="write observations.csv, events.csv and report.html there"
    )
    parser.add_argument(
        "--can-out",
        metavar="WHERE",
        action="append",
        default=[],
        help="a bus, INTERFACE:CHANNEL, or a log file (.log, .asc, .blf, .trc); may be repeated",
    )
    parser.add_argument(
        "--pace",
        type=number(0, 1e6),
        metavar="N",
        default=0.0,
        help="hold back to so many times real time (0: never)",
    )
    parser.add_argument(
        "--live", action="store_true", help="show states and sent alerts as they go"
    )
    add_input_arguments(parser)


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """Of a recording, its vehicle and the configuration."""
    parser.add_argument("path", metavar="PATH")
    parser.add_argument(
        "--speed-kmh", type=speed_kmh, metavar="N", help="constant, not the CAN log's"
    )
    parser.add_argument("--car", metavar="FILE", help="what this car's messages say (YAML)")
    parser.add_argument("--fps", type=fps, metavar="N", default=30.0, help="of a folder of images")
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay one recording; prints a summary."""
    path, losses = Path(args.path), list[str]()
    replay = open_replay(args, losses)
    sinks = _sinks(args, path)
    can_sinks = [open_sink(text, replay.config.can) for text in args.can_out]
    with Stopping() as stopping:
        can = CanOut(can_sinks, _view(args), stopping.here)
        summary = replay.run(lambda: open_engine(replay.config), sinks, can, stopping.here)
    print(to_json(summary.to_dict(), indent=1) if args.json else summary.text(path.name, args.out))
    return finish(replay.source.losses + losses)


def _view(args: argparse.Namespace) -> LiveView | None:
    if not args.live:
        return None
    alone = not (args.out or args.can_out)
    return LiveView(Onlooker(sys.stderr if args.json else sys.stdout, alone))


def open_replay(args: argparse.Namespace, losses: list[str]) -> Replay:
    """The recording of `add_input_arguments` and --pace. A CAN log that breaks off ends in
    `losses`. Errors: UsageError, ConfigError, SourceError."""
    path = Path(args.path)
    recording = drive.load(path) if drive.is_drive(path) else None
    config = load_config(args, _of_drive(recording))
    source = open_source(args.path, fps=args.fps)
    car = load_car(Path(args.car) if args.car else None)
    vehicle = _vehicle(args.speed_kmh, car, recording, losses)
    return Replay(config, source, vehicle, car, Pace(args.pace))


@dataclass
class Summary:
    """What a replay came to."""

    frames: int = 0
    faces: int = 0
    end_ns: int = 0
    conditions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """What kept it from seeing all."""
    events: list[Event] = field(default_factory=list)
    can_frames: int = 0

    def add(self, step: Step) -> None:
        """One frame."""
        self.frames += 1
        self.faces += step.observation.face is not None
        self.end_ns = step.observation.t_ns
        self.conditions[step.state.condition.name] += 1
        if step.state.reason != Reason.NONE:
            self.reasons[step.state.reason.name] += 1
        self.events += step.events

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "frames": self.frames,
            "end_s": round(self.end_ns / 1e9, 6),
            "face_share": round(self.faces / max(self.frames, 1), 4),
            "condition_share": {
                name: round(count / self.frames, 4) for name, count in self.conditions.items()
            },
            "reason_share": {
                name: round(count / self.frames, 4) for name, count in self.reasons.items()
            },
            "can_frames": self.can_frames,
            "events": [
                {
                    "t_s": round(e.t_ns / 1e9, 6),
                    "event": e.what,
                    "kind": e.kind.name,
                    "level": e.level,
                    "rule": e.rule,
                    "reason": e.reason,
                }
                for e in self.events
            ],
        }

    def text(self, name: str, out: str | None) -> str:
        """For people."""
        share = 100 * self.faces / max(self.frames, 1)
        lines = [
            f"{name}: {self.frames} frames to {self.end_ns / 1e9:.2f} s, face in {share:.0f} %"
        ]
        for state, count in self.conditions.most_common():
            lines.append(f"  {state.lower():<13} {100 * count / self.frames:5.1f} %")
        for reason, count in self.reasons.most_common():
            share = 100 * count / self.frames
            lines.append(f"  {reason.lower().replace('_', ' '):<17} {share:5.1f} %")
        lines += [
            f"  {e.t_ns / 1e9:8.2f} s  {e.kind.name.lower():<17} {e.what:<12} level {e.level}  "
            f"{e.reason}"
            for e in self.events
        ] or ["  no alert"]
        if out:
            lines.append(f"report: {Path(out) / 'report.html'}")
        return "\n".join(lines)


class Replay:
    """One recording through one pipeline, on the recording's clock."""

    def __init__(
        self, config: Config, source: Source, vehicle: Vehicle, car: CarConfig, pace: Pace
    ) -> None:
        self.config, self.source, self._vehicle, self._pace = config, source, vehicle, pace
        self._car = car

    def run(
        self,
        engine: Callable[[], Perception],
        sinks: list[Sink],
        can: CanOut,
        may_stop: MayStop = nullcontext,
    ) -> Summary:
        """All frames, then the end, which comes for what was played however that ends. The engine
        is made when the first frame is there."""
        summary = Summary()
        with ExitStack() as ends:
            ends.callback(can.close)
            for sink in sinks:
                ends.callback(sink.close)
            ends.callback(can.goodbye)
            for frame, step in self._steps(engine, can, may_stop):
                summary.add(step)
                for sink in sinks:
                    sink.step(frame, step)
        summary.can_frames = can.count
        return summary

    def _steps(
        self, make: Callable[[], Perception], can: CanOut, may_stop: MayStop
    ) -> Iterator[tuple[Frame, Step]]:
        frames = self._frames(may_stop)
        first = next(frames)
        engine = make()
        c = self.config.can
        can.start(TxPlan(identity(self.config, self._car), first.t_ns, c.stale_ms * MS, c.fd))
        pipeline = Pipeline(self.config, can.tell)
        for frame in chain([first], frames):
            with may_stop():
                self._pace.wait(frame.t_ns)
            yield frame, pipeline.step(engine.step(frame), self._vehicle(frame.t_ns))

    def _frames(self, may_stop: MayStop) -> Iterator[Frame]:
        frames = self.source.frames()
        while True:
            with may_stop():
                frame = next(frames, None)
            if frame is None:
                return
            yield frame


class CanOut:
    """Makes CAN frames on the recording's clock; hands them to the sinks and the live view."""

    def __init__(
        self, sinks: list[CanSink], view: LiveView | None, may_stop: MayStop = nullcontext
    ) -> None:
        self._sinks, self._view, self._may_stop = sinks, view, may_stop
        self._plan: TxPlan | None = None
        self._told_ns: int | None = None
        self.count = 0

    def start(self, plan: TxPlan) -> None:
        """The plan, whose clock starts at the first frame."""
        self._plan = plan

    def tell(self, state: DriverState, alerts: Sequence[Alert], locked_out: bool) -> None:
        """A new result: frames due before it, then it."""
        assert self._plan is not None
        self._told_ns = state.t_ns
        self._send(self._plan.advance(state, alerts, state.t_ns, locked_out))
        if self._view:
            with self._may_stop():
                self._view.state(state)

    def goodbye(self) -> None:
        """The last frames."""
        if self._plan and self._told_ns is not None:
            self._send(self._plan.goodbye(self._told_ns))

    def close(self) -> None:
        """The end: every sink is closed, whatever becomes of another."""
        with ExitStack() as ends:
            if self._view:
                ends.callback(self._view.end)
            for sink in self._sinks:
                ends.callback(sink.close)

    def _send(self, frames: Sequence[TxFrame]) -> None:
        self.count += len(frames)
        for sink in self._sinks:
            sink.send(frames)
        if self._view:
            with self._may_stop():
                self._view.sent(frames)


def _of_drive(recording: Drive | None) -> dict[str, Scalar]:
    """What a drive says of its camera, weaker than the configuration."""
    if recording is None:
        return {}
    said: dict[str, Scalar] = {
        "camera.hfov_deg": recording.hfov_deg,
        "camera.seat": recording.seat,
    }
    return {key: value for key, value in said.items() if value is not None}


def _vehicle(
    speed_kmh: float | None, car: CarConfig, recording: Drive | None, losses: list[str]
) -> Vehicle:
    """Where speed comes from. A log that breaks off ends in `losses`."""
    if speed_kmh is not None:
        speed_mps = speed_kmh / KMH_PER_MPS
        return lambda t_ns: VehicleState(t_ns, speed_mps)
    if recording is None or recording.can is None:
        return lambda t_ns: None
    heard = VehicleInput(car)
    return HeardVehicle(heard, read_log(recording.can), recording.can_t0_ns, losses).at


class HeardVehicle:
    """Feeds recorded CAN frames to a VehicleInput as time passes. A log that cannot be read at all
    is an error; one that breaks off later is a loss."""

    def __init__(
        self, vehicle: VehicleInput, log: Iterator[LogFrame], t0_ns: int, losses: list[str]
    ) -> None:
        self._vehicle, self._log, self._t0_ns, self._losses = vehicle, log, t0_ns, losses
        self._next = next(log, None)

    def at(self, t_ns: int) -> VehicleState:
        """The state at `t_ns` of the frames' clock; must not be asked backwards."""
        while self._next is not None and (heard_ns := self._next.t_ns - self._t0_ns) <= t_ns:
            heard = self._next
            self._vehicle.on_frame(heard.can_id, heard.extended, heard.data, heard_ns)
            self._next = self._read()
        return self._vehicle.state(t_ns)

    def _read(self) -> LogFrame | None:
        try:
            return next(self._log, None)
        except SourceError as error:
            self._losses.append(error.line())
            return None


def _sinks(args: argparse.Namespace, path: Path) -> list[Sink]:
    if not args.out:
        return []
    folder = Path(args.out)
    with opening(f"--out {folder}", "give a folder, or a name that is free"):
        folder.mkdir(parents=True, exist_ok=True)
    return [CsvSink(folder), PageSink(folder / "report.html", path.name)]
