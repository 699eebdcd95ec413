"""The live view: what is believed, and the alerts as the bus carries them.

Alerts are decoded from the bytes that were sent, not taken from the state they came from.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from dms import e2e
from dms.commands.output import Onlooker
from dms.messages import ALERT, KMH_PER_MPS
from dms.signals import NoValue, Value, decode, split
from dms.transmit import TxFrame
from dms.types import DriverState

EVERY_NS = 250_000_000
"""Least time between two lines of state on a terminal; a pipe gets one a second."""
NOTED = 256
"""Alert frames that wait to be shown: those of 10 s, far more than a turn of a main loop."""


class LiveView:
    """Tells `out` a state line that is overwritten on a terminal, and a line an alert.

    Sent frames count time from the first of them.
    """

    def __init__(self, out: Onlooker) -> None:
        self._out = out
        self._tty = out.isatty()
        self._every_ns = EVERY_NS if self._tty else 4 * EVERY_NS
        self._shown_ns: int | None = None
        self._alert: tuple[Value, Value] | None = None
        self._checker = e2e.Checker(ALERT.data_id, ALERT.LENGTH)
        self._origin_ns: int | None = None
        self._noted: deque[TxFrame] = deque(maxlen=NOTED)

    def state(self, state: DriverState) -> None:
        """Show a state, unless one was just shown."""
        due = self._shown_ns is None or not 0 <= state.t_ns - self._shown_ns < self._every_ns
        if due:
            self._shown_ns = state.t_ns
            line = state_line(state)
            self._out.tell(f"\r{line}\x1b[K" if self._tty else f"{line}\n")

    def note(self, frame: TxFrame) -> None:
        """A frame that was sent; of another thread, which must not wait. See `catch_up`."""
        if self._origin_ns is None:
            self._origin_ns = frame.t_ns
        if ALERT in frame.message.sections:
            self._noted.append(frame)

    def catch_up(self) -> None:
        """Show what was noted."""
        while self._noted:
            self.sent([self._noted.popleft()])

    def sent(self, frames: Sequence[TxFrame]) -> None:
        """Decode the alerts in what was sent; print when the kind or level changes."""
        for frame in frames:
            if self._origin_ns is None:
                self._origin_ns = frame.t_ns
            if ALERT in frame.message.sections:
                data = split(frame.data, frame.message.sections.index(ALERT))
                self._decoded(TxFrame(frame.t_ns, ALERT, data))

    def _decoded(self, frame: TxFrame) -> None:
        self._checker, verdict = self._checker.check(frame.data)
        values = decode(ALERT, frame.data)
        now = (values["AlertKind"], values["AlertLevel"])
        if now == self._alert:
            return
        self._alert = now
        t_s = (frame.t_ns - (self._origin_ns or 0)) / 1e9
        if line := alert_line(frame, values, t_s):
            start = "\r\x1b[K" if self._tty else ""
            self._out.tell(f"{start}{line}  [{verdict.value}]\n")

    def end(self) -> None:
        """Leave the terminal on a fresh line."""
        if self._tty:
            self._out.tell("\n")


def alert_line(frame: TxFrame, values: dict[str, Value], t_s: float) -> str:
    """One sent alert as text; empty for "not available"."""
    kind, level = values["AlertKind"], values["AlertLevel"]
    if isinstance(kind, NoValue) or isinstance(level, NoValue):
        return ""
    names = {s.name: s.names() for s in ALERT.signals}
    said = names["AlertKind"][round(kind)]
    where = f"{t_s:8.2f} s  CAN {ALERT.can_id:03X} {frame.data.hex(' ')}  {ALERT.name}"
    if not kind:
        return f"{where}  no alert"
    asks = [n[7:].lower() for n in values if n.startswith("Request") and values[n] == 1.0]
    reason = values["AlertReason"]
    why = "?" if isinstance(reason, NoValue) else names["AlertReason"][round(reason)]
    return f"{where}  {said} level {level:.0f} ({why}) asks for {', '.join(asks) or 'nothing'}"


def state_line(s: DriverState) -> str:
    """One state in at most 100 columns."""
    eyes = "  ?" if s.eye_open is None else f"{100 * s.eye_open:3.0f}"
    speed = "  ?" if s.speed_mps is None else f"{s.speed_mps * KMH_PER_MPS:3.0f}"
    road = {True: "on road ", False: "off road", None: "unknown "}[s.eyes_on_road]
    why = "" if s.reason.name == "NONE" else f" ({s.reason.name.lower()})"
    return (
        f"{s.t_ns / 1e9:8.2f} s  {speed} km/h  {s.condition.name:<11} eyes {road} "
        f"head {_deg(s.head_yaw_rad)} {_deg(s.head_pitch_rad)} open {eyes} % "
        f"{s.action or '-':<10} {s.availability.name.lower()}{why}"
    )


def _deg(angle: float | None) -> str:
    return "   ?" if angle is None else f"{math.degrees(angle):+4.0f}"
