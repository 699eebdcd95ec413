"""Where a replay's results go besides CAN: tables of frames and events; and its pace."""

from __future__ import annotations

import csv
import time
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path
from typing import Any, Protocol, TextIO

from dms.commands.common import deg, rounded, to_json
from dms.commands.observe import row
from dms.errors import opening, writing
from dms.messages import KMH_PER_MPS
from dms.types import ACTIONS, DriverState, Event, Frame, Step


class Sink(Protocol):
    """Takes steps in order, then is told the end."""

    def step(self, frame: Frame, step: Step) -> None: ...
    def close(self) -> None: ...


class CsvSink:
    """observations.csv, one line a frame, and events.csv, one line for all that happened to
    an alert, held back ones included."""

    def __init__(self, folder: Path) -> None:
        self._files = ExitStack()
        self._what = f"tables in {folder}"
        with opening(self._what, "give a folder that you may write to"):
            self._rows = self._open(folder / "observations.csv")
            self._event_rows = self._open(folder / "events.csv")
        self._event_rows.writerow(EVENT_COLUMNS)
        self._header = False

    def step(self, frame: Frame, step: Step) -> None:
        values = flat(frame, step)
        with writing(self._what):
            if not self._header:
                self._rows.writerow(values)
                self._header = True
            self._rows.writerow("" if v is None else v for v in values.values())
            for event in step.events:
                self._event_rows.writerow(event_row(event))

    def close(self) -> None:
        with writing(self._what):
            self._files.close()

    def _open(self, path: Path) -> Any:
        file: TextIO = self._files.enter_context(path.open("w", newline="", encoding="utf-8"))
        return csv.writer(file, lineterminator="\n")


EVENT_COLUMNS = ("t_s", "event", "kind", "level", "since_s", "rule", "reason", "checks")
"""Of events.csv. `checks` is JSON: [[name, value, sign, threshold, unit, setting], ...]; a setting
is a key of the configuration, described with its source in docs/config.md."""


def event_row(event: Event) -> tuple[object, ...]:
    """One line of events.csv."""
    t_s, since_s = round(event.t_ns / 1e9, 6), round(event.since_ns / 1e9, 6)
    checks = to_json([astuple(check) for check in event.checks])
    kind, what = event.kind.name, event.what.value
    return t_s, what, kind, event.level, since_s, event.rule, event.reason, checks


def flat(frame: Frame, step: Step) -> dict[str, Any]:
    """One line of observations.csv: what was seen (camera frame), then what is believed
    (vehicle frame, names ending in _vehicle), then the most urgent alert."""
    seen = row("", frame, step.observation, timed=True)
    del seen["file"], seen["quality"]
    box = seen.pop("box_px") or (None,) * 4
    action = seen.pop("action") or dict.fromkeys(ACTIONS)
    return {
        **seen,
        **dict(zip(("box_x_px", "box_y_px", "box_w_px", "box_h_px"), box, strict=True)),
        **{f"action_{name}": probability for name, probability in action.items()},
        **believed(step.state),
        "alert": step.alerts[0].kind.name if step.alerts else "NONE",
        "alert_level": step.alerts[0].level if step.alerts else 0,
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
