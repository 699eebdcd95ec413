"""Print a CAN log decoded: one line a frame, its protection checked.

LOG is a .blf, .asc, .log (candump -L), .trc or, with the extra of that name, .mf4 file. Times are
the log's own. A log that breaks off, or a .blf that was never closed, is told so; what came before
is printed (exit code 3).
"""

from __future__ import annotations

import argparse
import fnmatch
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dms.busview import BusView, Heard, Reading, values_to_dict
from dms.canlog import BrokenLog, LogFrame, read_log
from dms.commands.common import finish, to_json, warn

SECOND = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this tool."""
    parser.add_argument("log", metavar="LOG", type=Path)
    parser.add_argument(
        "--only", metavar="NAME", help="messages of this name; * stands for any letters"
    )
    parser.add_argument("--changes", action="store_true", help="only frames with other values")
    parser.add_argument("--foreign", action="store_true", help="frames of others too, as bytes")
    parser.add_argument("--summary", action="store_true", help="only what it all came to")


@dataclass
class _Decoding:
    """What has been read so far."""

    args: argparse.Namespace
    view: BusView = field(default_factory=BusView)
    start_ns: int | None = None
    end_ns: int = 0
    errors: int = 0
    shown: dict[str, list[Reading]] = field(default_factory=dict)

    def take(self, frame: LogFrame) -> None:
        """One frame of the log."""
        if self.start_ns is None:
            self.start_ns = frame.t_ns
            if not self.args.json and not self.args.summary:
                print(f"# times from {clock_text(frame.t_ns)}")
        self.end_ns = max(self.end_ns, frame.t_ns)
        if frame.error:
            self.errors += 1
            heard = None
        else:
            heard = self.view.on_frame(frame.can_id, frame.extended, frame.data, frame.t_ns)
        if not self.args.summary and self._wanted(frame, heard):
            print((self._json if self.args.json else self._text)(frame, heard))

    def _wanted(self, frame: LogFrame, heard: Heard | None) -> bool:
        if heard is None:
            return bool(self.args.foreign)
        name = heard.known.name
        if self.args.only and not fnmatch.fnmatchcase(name.lower(), self.args.only.lower()):
            return False
        if not self.args.changes:
            return True
        readings = heard.readings()
        before, self.shown[name] = self.shown.get(name), readings
        return readings != before

    def _text(self, frame: LogFrame, heard: Heard | None) -> str:
        t_s = (frame.t_ns - (self.start_ns or 0)) / SECOND
        way = "Tx" if frame.sent else "Rx"
        digits = 8 if frame.extended else 3
        head = f"{t_s:12.6f} {frame.channel:<5} {way} {frame.can_id:0{digits}X}"
        if heard is None:
            return f"{head}  {'error frame' if frame.error else frame.data.hex(' ')}"
        said = "  ".join(f"{r.name}={r.text}{unit_text(r)}" for r in heard.readings())
        verdict = heard.last_verdict.value if heard.last_verdict else "unprotected"
        return f"{head}  {heard.known.name} [{verdict}]  {said}"

    def _json(self, frame: LogFrame, heard: Heard | None) -> str:
        line: dict[str, object] = {
            "t_ns": frame.t_ns,
            "channel": frame.channel,
            "sent": frame.sent,
            "can_id": frame.can_id,
            "extended": frame.extended,
            "data": frame.data.hex(),
        }
        if frame.error:
            line["error"] = True
        if heard is not None:
            line["message"] = heard.known.name
            line["verdict"] = heard.last_verdict.value if heard.last_verdict else "unprotected"
            line["values"] = values_to_dict(heard.readings())
        return to_json(line)

    def totals(self) -> dict[str, object]:
        """What it all came to."""
        duration_ns = self.end_ns - (self.start_ns or 0) if self.view.frames else 0
        return {
            "start_ns": self.start_ns,
            "duration_s": duration_ns / SECOND,
            "error_frames": self.errors,
            **self.view.to_dict(self.end_ns),
        }


def run(args: argparse.Namespace) -> int:
    """Frames as they come, then on stderr what they came to."""
    decoding, losses = _Decoding(args), []
    try:
        for frame in read_log(args.log, errors=True):
            decoding.take(frame)
    except BrokenLog as error:
        losses.append(error.line())
    if args.summary:
        print(to_json(decoding.totals(), indent=1) if args.json else summary_text(decoding))
    else:
        warn(_line(decoding))
    return finish(losses)


def _line(decoding: _Decoding) -> str:
    view, wrong = decoding.view, _wrong(decoding.view)
    return (
        f"{view.frames} frames, {view.foreign_frames} of others, {decoding.errors} error frames; "
        f"{wrong['crc']} wrong CRCs, {wrong['counter']} counter errors"
    )


def _wrong(view: BusView) -> Counter[str]:
    found = Counter[str]()
    for heard in view.in_order():
        found.update(crc=heard.wrong_crc, counter=heard.counter_errors)
    return found


def summary_text(decoding: _Decoding) -> str:
    """A table of the messages."""
    start = "" if decoding.start_ns is None else f", from {clock_text(decoding.start_ns)}"
    duration_ns = decoding.end_ns - (decoding.start_ns or 0)
    lines = [f"{duration_ns / SECOND:.3f} s{start}"]
    lines.append(f"{'id':>4} {'message':<20} {'frames':>8} {'Hz':>8} {'crc':>6} {'counter':>8}")
    for h in decoding.view.in_order():
        hz = (h.frames - 1) * SECOND / max(duration_ns, 1)
        lines.append(
            f"{h.known.can_id:>4X} {h.known.name:<20} {h.frames:>8} {hz:>8.2f}"
            f" {h.wrong_crc:>6} {h.counter_errors:>8}"
        )
    return "\n".join([*lines, _line(decoding)])


def unit_text(reading: Reading) -> str:
    """A unit as it follows its number."""
    return f" {reading.unit}" if reading.unit else ""


def clock_text(t_ns: int) -> str:
    """A log's time: of the day where it is one, else seconds."""
    if t_ns < 86400 * SECOND:  # a log that counts from its own start
        return f"{t_ns / SECOND:.6f} s"
    when = datetime.fromtimestamp(t_ns // SECOND, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}.{t_ns % SECOND // 1000:06d} UTC"
