"""When to send what: driver state and alerts become frames on a fixed time grid.

Pure: time is an argument, so that `dms run` (the machine's clock) and `dms replay` (the stream's)
send the same frames. The rules of docs/can.md for starting, stalling and stopping are made here;
what each message says is made in payloads.py.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dms.changes import Change, changes
from dms.config.param import MS
from dms.messages import EVENT, SENT, SENT_FD, STATUS
from dms.moment import Belief, Identity, Moment, Situation, Telemetry, situation
from dms.payloads import signature, values
from dms.signals import BusFrame, NoValue, Trigger, encode
from dms.types import Alert, Availability, Condition, DriverState, Reason
from dms.vehicle import InputHealth

SECOND = 1_000_000_000
STALE_NS = 300 * MS
"""A result older than three status cycles no longer says anything about the driver."""
EVENTS_WAITING = 16
"""Events that wait for their turn; of more the oldest are lost, which EventCount tells."""
NEVER_NS = -(1 << 63)


@dataclass(frozen=True, slots=True)
class TxFrame:
    """One frame to send: when it was due, which one, its bytes."""

    t_ns: int
    message: BusFrame
    data: bytes


class TxPlan:
    """The frames due up to any moment, given the results so far.

    All times are on one clock of the caller's choice. Each frame has a grid of deadlines from
    `start_ns`; between them it goes out when one of its triggers says so, never closer to the one
    before than its least gap. fd: frames for a CAN FD bus instead of a classic one.
    """

    def __init__(
        self, identity: Identity, start_ns: int, stale_ns: int = STALE_NS, fd: bool = False
    ) -> None:
        self.identity = identity
        self.stale_ns = stale_ns
        self.bus_fault = False
        """Set by who sends: frames could not be sent lately."""
        self.inputs: InputHealth | None = None
        """Set by who listens to the vehicle."""
        self.telemetry = Telemetry()
        """Set by who measures."""
        self.clamped: Counter[str] = Counter()
        """How often each signal's value was out of range or no number."""
        self.missed = 0
        """Deadlines skipped because the caller came too late."""
        self._frames = SENT_FD if fd else SENT
        self._belief: Belief | None = None
        self._results = 0
        self._next = dict.fromkeys(self._frames, start_ns)
        self._asked: dict[BusFrame, int] = {}
        """When a trigger wants a frame out."""
        self._sent_ns: dict[BusFrame, int] = {}
        self._sent: Counter[BusFrame] = Counter()
        self._stale_ns: int | None = None
        """When the newest result will be too old, until that is said."""
        self._told = Availability.UNAVAILABLE
        self._event: Change | None = None
        self._event_number = 0
        self._events: deque[tuple[int, Change]] = deque(maxlen=EVENTS_WAITING)
        self._happened = 0

    def advance(
        self, state: DriverState, alerts: Sequence[Alert], t_ns: int, locked_out: bool = False
    ) -> list[TxFrame]:
        """Frames due before `t_ns`, then the new result, then frames due at `t_ns`."""
        before = self.due(t_ns - 1)
        self.update(state, alerts, t_ns, locked_out)
        return before + self.due(t_ns)

    def update(
        self, state: DriverState, alerts: Sequence[Alert], at_ns: int, locked_out: bool = False
    ) -> None:
        """The newest result, as of `at_ns`."""
        old = self._belief
        was = (old.state, old.alerts) if old else (None, ())
        self._belief = Belief(state, tuple(alerts), at_ns, locked_out)
        self._stale_ns = at_ns + self.stale_ns + 1
        self._results += 1
        if signature(alerts) != signature(was[1]):
            self._ask(Trigger.ALERT, at_ns)
        self._ask(Trigger.RESULT, at_ns)
        self._tell(situation(self._belief, at_ns, self.stale_ns), at_ns)
        self._happen(changes(was, (state, alerts), at_ns), at_ns)

    def _ask(self, trigger: Trigger, at_ns: int) -> None:
        for frame in self._frames:
            if trigger in frame.triggers:
                self._asked.setdefault(frame, max(at_ns, self._allowed_ns(frame)))

    def _allowed_ns(self, frame: BusFrame) -> int:
        """Earliest time of the next one."""
        return self._sent_ns.get(frame, NEVER_NS) + frame.min_gap_ms * MS

    def _tell(self, now: Situation, at_ns: int) -> None:
        """Say it at once when the availability is another."""
        if now.availability == self._told:
            return
        self._told = now.availability
        self._ask(Trigger.AVAILABILITY, at_ns)
        condition = self._belief.state.condition if self._belief else Condition.UNKNOWN
        what = "availability changed"
        self._happen([Change(what, at_ns, condition, now.availability, now.reason)], at_ns)

    def _happen(self, found: Iterable[Change], at_ns: int) -> None:
        for change in found:
            self._happened += 1
            self._events.append((self._happened, change))
            self._ask(Trigger.EVENT, at_ns)

    def next_ns(self) -> int:
        """When the next frame is due."""
        stale = () if self._stale_ns is None else (self._stale_ns,)
        return min(*self._next.values(), *self._asked.values(), *stale)

    def due(self, t_ns: int) -> list[TxFrame]:
        """All frames due up to and at `t_ns` that were not given out before, in order."""
        frames: list[TxFrame] = []
        while (at := self.next_ns()) <= t_ns:
            frames += self._at(at)
        return frames

    def skip_missed(self, t_ns: int) -> None:
        """Keep one frame of each kind of those due up to `t_ns`: late ones are not made up."""
        for frame, at in self._next.items():
            late = (t_ns - at) // (frame.period_ms * MS)
            if late > 0:
                self.missed += late
                self._next[frame] = at + late * frame.period_ms * MS
        self._check_stale(t_ns)
        for frame, asked in list(self._asked.items()):
            if max(asked, self._next[frame]) > t_ns:
                continue
            if asked <= self._next[frame]:
                del self._asked[frame]  # the cyclic one says the same
            else:
                self._next[frame] += frame.period_ms * MS

    def goodbye(self, t_ns: int) -> list[TxFrame]:
        """One last frame of each kind: unavailable, shutting down. Status comes first."""
        now = Situation(Availability.UNAVAILABLE, Reason.SHUTDOWN, NoValue.NOT_AVAILABLE)
        self._tell(now, t_ns)
        order = sorted(self._frames, key=lambda frame: STATUS not in frame.sections)
        return [self._frame(frame, now, t_ns) for frame in order]

    def _at(self, t_ns: int) -> list[TxFrame]:
        self._check_stale(t_ns)
        now = situation(self._belief, t_ns, self.stale_ns)
        return [self._frame(f, now, t_ns) for f in self._frames if self._take(f, t_ns)]

    def _check_stale(self, t_ns: int) -> None:
        """Say once that there is no news."""
        since_ns = self._stale_ns
        if since_ns is not None and t_ns >= since_ns:
            self._stale_ns = None
            self._tell(situation(self._belief, t_ns, self.stale_ns), since_ns)

    def _take(self, frame: BusFrame, t_ns: int) -> bool:
        """Whether `frame` is to be sent at `t_ns`; moves its deadline on."""
        on_grid = self._next[frame] <= t_ns
        if on_grid:
            self._next[frame] += frame.period_ms * MS
        asked = frame in self._asked and self._asked[frame] <= t_ns
        if not asked and not (on_grid and t_ns >= self._allowed_ns(frame)):
            return False
        self._asked.pop(frame, None)
        self._sent_ns[frame] = t_ns
        if Trigger.RESULT in frame.triggers:
            self._next[frame] = t_ns + frame.period_ms * MS
        return True

    def _frame(self, frame: BusFrame, now: Situation, t_ns: int) -> TxFrame:
        if EVENT in frame.sections and self._events:
            self._event_number, self._event = self._events.popleft()
            if self._events:
                self._asked[frame] = t_ns + frame.min_gap_ms * MS
        encoded = encode(frame, values(frame, self._moment(now, t_ns)), self._sent[frame])
        self._sent[frame] += 1
        self.clamped.update(f"{frame.name}.{name}" for name in encoded.clamped)
        return TxFrame(t_ns, frame, encoded.data)

    def _moment(self, now: Situation, t_ns: int) -> Moment:
        return Moment(
            t_ns=t_ns,
            now=now,
            identity=self.identity,
            belief=self._belief,
            results=self._results,
            event=self._event,
            events=self._event_number,
            bus_fault=self.bus_fault,
            inputs=self.inputs,
            telemetry=self.telemetry,
            clamped=self.clamped.total(),
            missed=self.missed,
        )
