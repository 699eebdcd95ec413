"""Where results go: files, a CAN bus or log. Each sink takes every frame's outcome once."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TextIO

from dms.canbus import Busy, Lost, Port, open_bus, parse_bus
from dms.commands.common import deg, rounded
from dms.commands.observe import row
from dms.config import CanConfig
from dms.errors import DmsError, UsageError
from dms.events import Event, Events
from dms.pipeline import Outcome
from dms.transmit import TxFrame
from dms.types import ACTIONS, DriverState, Frame

LOG_SUFFIXES = (".log", ".asc", ".blf", ".trc", ".csv")
"""Of CAN logs that python-can writes. Only .log is the same bytes every time."""
KMH_PER_MPS = 3.6


class Sink(Protocol):
    """Takes outcomes in order, then is told the end."""

    def step(self, frame: Frame, outcome: Outcome) -> None: ...

    def close(self, last: Sequence[TxFrame]) -> None:
        """No more frames; `last` are the CAN frames of the end."""


class CsvSink:
    """observations.csv, one line a frame, and events.csv, one line a change of an alert."""

    def __init__(self, folder: Path) -> None:
        self._files = ExitStack()
        self._rows = self._open(folder / "observations.csv")
        self._event_rows = self._open(folder / "events.csv")
        self._events = Events()
        self._event_rows.writerow(("t_s", "event", "kind", "level", "since_s", "reason"))
        self._header = False

    def step(self, frame: Frame, outcome: Outcome) -> None:
        values = flat(frame, outcome)
        if not self._header:
            self._rows.writerow(values)
            self._header = True
        self._rows.writerow("" if v is None else v for v in values.values())
        for event in self._events.step(frame.t_ns, outcome.step.alerts):
            self._event_rows.writerow(event_row(event))

    def close(self, last: Sequence[TxFrame]) -> None:
        self._files.close()

    def _open(self, path: Path) -> Any:
        file: TextIO = self._files.enter_context(path.open("w", newline="", encoding="utf-8"))
        return csv.writer(file, lineterminator="\n")


def event_row(event: Event) -> tuple[object, ...]:
    """One line of events.csv."""
    times = (round(event.t_ns / 1e9, 6), round(event.since_ns / 1e9, 6))
    return times[0], event.what, event.kind.name, event.level, times[1], event.reason


def flat(frame: Frame, outcome: Outcome) -> dict[str, Any]:
    """One line of observations.csv: what was seen (camera frame), then what is believed
    (vehicle frame, names ending in _vehicle), then the most urgent alert."""
    seen = row("", frame, outcome.step.observation, timed=True)
    del seen["file"], seen["quality"]
    box = seen.pop("box_px") or (None,) * 4
    action = seen.pop("action") or dict.fromkeys(ACTIONS)
    return {
        **seen,
        **dict(zip(("box_x_px", "box_y_px", "box_w_px", "box_h_px"), box, strict=True)),
        **{f"action_{name}": probability for name, probability in action.items()},
        **believed(outcome.step.state),
        "alert": outcome.step.alerts[0].kind.name if outcome.step.alerts else "NONE",
        "alert_level": outcome.step.alerts[0].level if outcome.step.alerts else 0,
    }


def believed(state: DriverState) -> dict[str, Any]:
    """A driver state in degrees, seconds and km/h."""
    return {
        "condition": state.condition.name,
        "confidence": rounded(state.confidence),
        "availability": state.availability.name,
        "reason": state.reason.name,
        "calibration_pct": state.calibration_pct,
        "head_yaw_vehicle_deg": deg(state.head_yaw_rad),
        "head_pitch_vehicle_deg": deg(state.head_pitch_rad),
        "gaze_yaw_vehicle_deg": deg(state.gaze_yaw_rad),
        "gaze_pitch_vehicle_deg": deg(state.gaze_pitch_rad),
        "eyes_on_road": state.eyes_on_road,
        "eyes_off_road_s": round(state.eyes_off_road_ns / 1e9, 3),
        "eye_open": rounded(state.eye_open),
        "eyes_closed_s": round(state.eyes_closed_ns / 1e9, 3),
        "perclos_pct": rounded(state.perclos_pct, 2),
        "action_believed": state.action,
        "phone_s": round(state.phone_ns / 1e9, 3),
        "speed_kmh": rounded(kmh(state.speed_mps), 2),
    }


def kmh(speed_mps: float | None) -> float | None:
    """For people."""
    return None if speed_mps is None else speed_mps * KMH_PER_MPS


def can_sink(text: str, base: CanConfig) -> CanLogSink | BusSink:
    """A CAN log file (by suffix) or a bus, INTERFACE:CHANNEL. Errors: UsageError."""
    if ":" in text:
        return BusSink(parse_bus(text, base))
    if Path(text).suffix not in LOG_SUFFIXES:
        fix = f"give INTERFACE:CHANNEL, or a file ending in {', '.join(LOG_SUFFIXES)}"
        raise UsageError(f"--can-out {text!r} is neither a bus nor a CAN log", fix=fix)
    return CanLogSink(Path(text))


class CanLogSink:
    """Writes frames to a log with their due times."""

    def __init__(self, path: Path) -> None:
        import can

        self._message = can.Message
        try:
            self._log = can.Logger(path)
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be written", str(error)) from error

    def step(self, frame: Frame, outcome: Outcome) -> None:
        self.send(outcome.frames)

    def close(self, last: Sequence[TxFrame]) -> None:
        self.send(last)
        self._log.stop()

    def send(self, frames: Sequence[TxFrame]) -> None:
        """Write each."""
        for f in frames:
            self._log(
                self._message(
                    timestamp=f.t_ns / 1e9,
                    arbitration_id=f.message.can_id,
                    data=f.data,
                    is_extended_id=False,
                    is_rx=False,
                    channel="can0",
                )
            )


class BusSink:
    """Sends frames on a bus. A full queue costs frames, which are counted; a lost bus ends it."""

    def __init__(self, config: CanConfig) -> None:
        self._port: Port = open_bus(config)
        self.lost = 0

    def step(self, frame: Frame, outcome: Outcome) -> None:
        self.send(outcome.frames)

    def close(self, last: Sequence[TxFrame]) -> None:
        self.send(last)
        self._port.close()

    def send(self, frames: Sequence[TxFrame]) -> None:
        """Send each. Errors: DmsError when the bus is gone."""
        for frame in frames:
            try:
                self._port.send(frame.message.can_id, frame.data)
            except Busy:
                self.lost += 1
            except Lost as error:
                raise DmsError("the CAN bus was lost", str(error), "check the bus") from error


class Pace:
    """Holds a replay back to `factor` times real time; 0: never."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._origin: tuple[int, int] | None = None

    def wait(self, t_ns: int) -> None:
        """Return when the moment `t_ns` of the recording is due."""
        if not self._factor:
            return
        now = time.monotonic_ns()
        start, first = self._origin = self._origin or (now, t_ns)
        ahead = start + round((t_ns - first) / self._factor) - now
        if ahead > 0:
            time.sleep(ahead / 1e9)
