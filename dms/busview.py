"""What an observer makes of a bus: each message's values, rate, age and protection errors.

For people who watch a bus or read a log; the monitor itself reads with vehicle.py. Pure: time is an
argument, on one clock of the caller's choice.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dms import e2e
from dms.config.param import MS
from dms.messages import FRAMES
from dms.signals import BusFrame, Message, NoValue, Signal, Value, decode

SECOND = 1_000_000_000
RATE_OVER = 33
"""A rate is that of the last so many frames: a second and more of the fastest message."""
MAX_FOREIGN = 4096
"""Foreign identifiers that are told apart: all of 11 bits, and as many again."""

Place = tuple[int, bool]
"""An identifier, and whether it has 29 bits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal's value as people read it. `value` is None where there is none."""

    name: str
    value: float | None
    text: str
    unit: str = ""
    choice: bool = False
    """A number that stands for its text."""


@dataclass(frozen=True, slots=True)
class Protected:
    """A stretch of a frame that has an E2E Profile 11 header of its own."""

    start: int
    """First byte."""
    length: int
    data_id: int


@dataclass(frozen=True, slots=True)
class Known:
    """A message that can be decoded."""

    name: str
    can_id: int
    extended: bool
    period_ms: int | None
    timeout_ms: int
    protected: tuple[Protected, ...]
    read: Callable[[bytes], list[Reading]]
    """Its values, unchecked. Never raises."""


def known_messages() -> dict[Place, Known]:
    """The messages of this project's own contract, on classic CAN and on CAN FD."""
    return {(frame.can_id, False): _known(frame) for frame in FRAMES}


def _known(frame: BusFrame) -> Known:
    size = Message.LENGTH
    return Known(
        frame.name,
        frame.can_id,
        False,
        frame.period_ms,
        frame.timeout_ms,
        tuple(Protected(i * size, size, part.data_id) for i, part in enumerate(frame.sections)),
        lambda data: _readings(frame, data),
    )


def _readings(frame: BusFrame, data: bytes) -> list[Reading]:
    values = decode(frame, data)
    return [_reading(signal, values[signal.name]) for signal in frame.signals]


def _reading(signal: Signal, value: Value) -> Reading:
    if isinstance(value, NoValue):
        return Reading(signal.name, None, value.value)
    if signal.table:
        return Reading(signal.name, value, dict(signal.table)[round(value)], choice=True)
    return Reading(signal.name, value, number_text(value, signal.scale), signal.unit)


def number_text(value: float, step: float) -> str:
    """A number with as many decimals as its resolution has."""
    decimals = max(0, math.ceil(-math.log10(step) - 1e-9)) if step > 0 else 3
    return f"{value:.{min(decimals, 9)}f}"


class Rate:
    """Frames a second, of the last RATE_OVER."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=RATE_OVER)

    def add(self, t_ns: int) -> None:
        """One frame."""
        self._times.append(t_ns)

    def hz(self, now_ns: int) -> float | None:
        """None below two frames. Silence for longer than the mean period lowers it."""
        if len(self._times) < 2:
            return None
        first, last = self._times[0], self._times[-1]
        periods = len(self._times) - 1
        span = max(last - first, 1)
        silent = max(now_ns - last - span // periods, 0)
        return periods * SECOND / (span + silent)


@dataclass
class Heard:
    """All that was heard of one message."""

    known: Known
    frames: int = 0
    data: bytes = b""
    last_ns: int = 0
    rate: Rate = field(default_factory=Rate)
    verdicts: Counter[e2e.Verdict] = field(default_factory=Counter)
    last_verdict: e2e.Verdict | None = None
    """The worst of the newest frame; None: the message is not protected."""

    def __post_init__(self) -> None:
        self._checkers = [e2e.Checker(p.data_id, p.length) for p in self.known.protected]

    def take(self, data: bytes, t_ns: int) -> None:
        """One frame of it."""
        self.frames += 1
        self.data, self.last_ns, self.last_verdict = data, t_ns, None
        self.rate.add(t_ns)
        for index, part in enumerate(self.known.protected):
            verdict = self._check(index, data[part.start : part.start + part.length])
            self.last_verdict = max(self.last_verdict or verdict, verdict, key=_badness)

    def _check(self, index: int, part: bytes) -> e2e.Verdict:
        self._checkers[index], verdict = self._checkers[index].check(part)
        self.verdicts[verdict] += 1
        return verdict

    @property
    def wrong_crc(self) -> int:
        """Frames (of a container: sections) whose CRC or length was wrong."""
        return self.verdicts[e2e.Verdict.WRONG_CRC]

    @property
    def counter_errors(self) -> int:
        """Times that the counter stood still, jumped, or showed a loss."""
        bad = (e2e.Verdict.REPEATED, e2e.Verdict.JUMPED, e2e.Verdict.LOST)
        return sum(self.verdicts[verdict] for verdict in bad)

    def missing(self, now_ns: int) -> bool:
        """Whether its time-out has passed."""
        return now_ns - self.last_ns > self.known.timeout_ms * MS

    def readings(self) -> list[Reading]:
        """Its newest values."""
        return self.known.read(self.data)


_ORDER = (
    e2e.Verdict.OK,
    e2e.Verdict.INITIAL,
    e2e.Verdict.LOST,
    e2e.Verdict.JUMPED,
    e2e.Verdict.REPEATED,
    e2e.Verdict.WRONG_CRC,
)


def _badness(verdict: e2e.Verdict) -> int:
    return _ORDER.index(verdict)


@dataclass
class Foreign:
    """Frames of one identifier that nobody described."""

    frames: int = 0
    data: bytes = b""
    last_ns: int = 0
    rate: Rate = field(default_factory=Rate)

    def take(self, data: bytes, t_ns: int) -> None:
        """One frame of it."""
        self.frames += 1
        self.data, self.last_ns = data, t_ns
        self.rate.add(t_ns)


class BusView:
    """Takes every frame of a bus, ours or not. Its memory is bounded, whatever comes."""

    def __init__(self, known: Mapping[Place, Known] | None = None) -> None:
        self._known = known_messages() if known is None else known
        self.heard: dict[Place, Heard] = {}
        self.foreign: dict[Place, Foreign] = {}
        self.frames = self.foreign_frames = 0

    def on_frame(self, can_id: int, extended: bool, data: bytes, t_ns: int) -> Heard | None:
        """One frame; what is now known of its message, None when it is foreign. Never raises."""
        place = (can_id, extended)
        self.frames += 1
        known = self._known.get(place)
        if known is None:
            self._foreign(place, data, t_ns)
            return None
        heard = self.heard.get(place)
        if heard is None:
            heard = self.heard[place] = Heard(known)
        heard.take(data, t_ns)
        return heard

    def _foreign(self, place: Place, data: bytes, t_ns: int) -> None:
        self.foreign_frames += 1
        found = self.foreign.get(place)
        if found is None:
            if len(self.foreign) >= MAX_FOREIGN:
                return
            found = self.foreign[place] = Foreign()
        found.take(data, t_ns)

    def in_order(self) -> Iterable[Heard]:
        """What was heard, by identifier."""
        return [self.heard[place] for place in sorted(self.heard)]

    def to_dict(self, now_ns: int) -> dict[str, object]:
        """For --json."""
        return {
            "frames": self.frames,
            "foreign_frames": self.foreign_frames,
            "foreign_identifiers": len(self.foreign),
            "messages": {h.known.name: heard_to_dict(h, now_ns) for h in self.in_order()},
        }


def heard_to_dict(heard: Heard, now_ns: int) -> dict[str, object]:
    """One message for --json."""
    rate = heard.rate.hz(now_ns)
    return {
        "can_id": heard.known.can_id,
        "frames": heard.frames,
        "rate_hz": None if rate is None else round(rate, 2),
        "age_ms": round((now_ns - heard.last_ns) / MS, 1),
        "missing": heard.missing(now_ns),
        "verdicts": {verdict.value: n for verdict, n in heard.verdicts.items()},
        "values": values_to_dict(heard.readings()),
    }


def values_to_dict(readings: Iterable[Reading]) -> dict[str, object]:
    """Signal -> its number (of a choice: its name); where there is none, why, as {"none": why}."""
    return {r.name: _value(r) for r in readings}


def _value(reading: Reading) -> object:
    if reading.value is None:
        return {"none": reading.text}
    return reading.text if reading.choice else round(reading.value, 9)
