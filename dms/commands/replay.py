"""Put a recording through the whole chain: frames, driver state, alerts, CAN frames.

PATH is a video, a GIF, an image, a folder of images, a drive, or a raw stream. Time comes from
the recording alone, so the results never depend on the machine's speed or on --pace: the same
input, configuration and models give the same bytes. Speed comes from the drive's CAN log or from
--speed-kmh; without either it is unknown.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from dms import drive
from dms.commands.common import (
    Perception,
    add_config_arguments,
    finish,
    identity,
    load_config,
    open_engine,
    to_json,
)
from dms.commands.live import LiveView
from dms.commands.page import PageSink
from dms.commands.sinks import KMH_PER_MPS, CsvSink, Pace, Sink, can_sink
from dms.config import MS, Config, Scalar
from dms.drive import CanLog, Drive, Heard
from dms.errors import UsageError
from dms.events import Event, Events
from dms.pipeline import Outcome, Pipeline
from dms.source import Source, open_source
from dms.transmit import TxPlan
from dms.types import Frame, VehicleState
from dms.vehicle import VehicleInput, load_car

Vehicle = Callable[[int], VehicleState | None]
"""What the vehicle said up to a moment of the recording."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    parser.add_argument("path", metavar="PATH")
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
    parser.add_argument("--speed-kmh", type=float, help="constant speed instead of the CAN log's")
    parser.add_argument("--car", metavar="FILE", help="where the speed is on this car's bus (YAML)")
    parser.add_argument("--fps", type=float, default=30.0, help="of a folder of images")
    parser.add_argument(
        "--pace", type=float, default=0.0, help="hold back to so many times real time (0: never)"
    )
    parser.add_argument(
        "--live", action="store_true", help="show states and sent alerts as they go"
    )
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replay one recording; prints a summary."""
    if not (args.pace >= 0 and args.fps > 0):
        raise UsageError("--pace must not be below 0, and --fps must be above 0")
    path = Path(args.path)
    recording = drive.load(path) if drive.is_drive(path) else None
    config = load_config(args, _of_drive(recording))
    source = open_source(args.path, fps=args.fps)
    log = CanLog(recording.can, recording.can_t0_ns) if recording and recording.can else None
    vehicle = _vehicle(args, log)
    replay = Replay(config, source, vehicle, Pace(args.pace))
    sinks = _sinks(args, config, path)
    view = LiveView(sys.stdout) if args.live else None
    summary = replay.run(lambda: open_engine(config), sinks, view)
    print(to_json(summary.to_dict(), indent=1) if args.json else summary.text(path.name, args.out))
    return finish(source.losses + (log.losses if log else []))


@dataclass
class Summary:
    """What a replay came to."""

    frames: int = 0
    faces: int = 0
    end_ns: int = 0
    conditions: Counter[str] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)
    can_frames: int = 0

    def add(self, outcome: Outcome, events: list[Event]) -> None:
        """One frame."""
        self.frames += 1
        self.faces += outcome.step.observation.face is not None
        self.end_ns = outcome.step.observation.t_ns
        self.conditions[outcome.step.state.condition.name] += 1
        self.events += events
        self.can_frames += len(outcome.frames)

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "frames": self.frames,
            "end_s": round(self.end_ns / 1e9, 6),
            "face_share": round(self.faces / max(self.frames, 1), 4),
            "condition_share": {
                name: round(count / self.frames, 4) for name, count in self.conditions.items()
            },
            "can_frames": self.can_frames,
            "events": [
                {
                    "t_s": round(e.t_ns / 1e9, 6),
                    "event": e.what,
                    "kind": e.kind.name,
                    "level": e.level,
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
        lines += [
            f"  {e.t_ns / 1e9:8.2f} s  {e.kind.name.lower():<12} {e.what:<8} level {e.level}  "
            f"{e.reason}"
            for e in self.events
        ] or ["  no alert"]
        if out:
            lines.append(f"report: {Path(out) / 'report.html'}")
        return "\n".join(lines)


class Replay:
    """One recording through one pipeline."""

    def __init__(self, config: Config, source: Source, vehicle: Vehicle, pace: Pace) -> None:
        self._config, self._source, self._vehicle, self._pace = config, source, vehicle, pace
        self._pipeline: Pipeline | None = None

    def run(
        self, engine: Callable[[], Perception], sinks: list[Sink], view: LiveView | None
    ) -> Summary:
        """All frames, then the end. The engine is made when the first frame is there."""
        summary, events = Summary(), Events()
        for frame, outcome in self._steps(engine):
            self._pace.wait(frame.t_ns)
            summary.add(outcome, events.step(frame.t_ns, outcome.step.alerts))
            for sink in sinks:
                sink.step(frame, outcome)
            if view:
                view.sent(outcome.frames)
                view.state(outcome.step.state)
        last = self._pipeline.plan.goodbye(summary.end_ns) if self._pipeline else []
        for sink in sinks:
            sink.close(last)
        if view:
            view.end()
        return summary

    def _steps(self, make: Callable[[], Perception]) -> Iterator[tuple[Frame, Outcome]]:
        """Every frame with what it led to; the plan's clock is the frames'."""
        frames = self._source.frames()
        first = next(frames)
        engine = make()
        plan = TxPlan(identity(self._config), first.t_ns, self._config.can.stale_ms * MS)
        self._pipeline = Pipeline(self._config, plan)
        for frame in chain([first], frames):
            seen = engine.step(frame)
            yield frame, self._pipeline.step(seen, self._vehicle(frame.t_ns), frame.t_ns)


def _of_drive(recording: Drive | None) -> dict[str, Scalar]:
    """What a drive says of its camera, weaker than the configuration."""
    if recording is None:
        return {}
    said: dict[str, Scalar] = {
        "camera.hfov_deg": recording.hfov_deg,
        "camera.seat": recording.seat,
    }
    return {key: value for key, value in said.items() if value is not None}


def _vehicle(args: argparse.Namespace, log: CanLog | None) -> Vehicle:
    if args.speed_kmh is not None:
        speed_mps = args.speed_kmh / KMH_PER_MPS
        return lambda t_ns: VehicleState(t_ns, speed_mps)
    if log is None:
        return lambda t_ns: None
    car = load_car(Path(args.car) if args.car else None)
    return HeardVehicle(VehicleInput(car), iter(log)).at


class HeardVehicle:
    """Feeds recorded CAN frames to a VehicleInput as time passes."""

    def __init__(self, vehicle: VehicleInput, log: Iterator[Heard]) -> None:
        self._vehicle, self._log = vehicle, log
        self._next = next(log, None)

    def at(self, t_ns: int) -> VehicleState:
        """The state at `t_ns`; must not be asked backwards."""
        while self._next is not None and self._next.t_ns <= t_ns:
            heard = self._next
            self._vehicle.on_frame(heard.can_id, heard.extended, heard.data, heard.t_ns)
            self._next = next(self._log, None)
        return self._vehicle.state(t_ns)


def _sinks(args: argparse.Namespace, config: Config, path: Path) -> list[Sink]:
    sinks: list[Sink] = [can_sink(text, config.can) for text in args.can_out]
    if args.out:
        folder = Path(args.out)
        folder.mkdir(parents=True, exist_ok=True)
        sinks += [CsvSink(folder), PageSink(folder / "report.html", path.name)]
    return sinks
