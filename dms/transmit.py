"""When to send what: driver state and alerts become frames on a fixed time grid.

Pure: time is an argument, so that `dms run` (the machine's clock) and `dms replay` (the stream's)
send the same frames. The rules of docs/can.md for starting, stalling and stopping are made here;
what each message says is made in payloads.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dms.config.param import MS
from dms.messages import ALERT, SENT, STATUS
from dms.payloads import Belief, Identity, Situation, signature, situation, values
from dms.signals import Message, NoValue, encode
from dms.types import Alert, Availability, DriverState, Reason

SECOND = 1_000_000_000
STALE_NS = 300 * MS
"""A result older than three status cycles no longer says anything about the driver."""


@dataclass(frozen=True, slots=True)
class TxFrame:
    """One frame to send: when it was due, which message, its 8 bytes."""

    t_ns: int
    message: Message
    data: bytes


class TxPlan:
    """The frames due up to any moment, given the results so far.

    All times are on one clock of the caller's choice. Each message has a grid of deadlines from
    `start_ns`. DMS_Alert also goes out between them when the most urgent alert changes; it and
    DMS_Status do when a result has become too old to be repeated.
    """

    def __init__(self, identity: Identity, start_ns: int, stale_ns: int = STALE_NS) -> None:
        self.identity = identity
        self.stale_ns = stale_ns
        self.bus_fault = False
        """Set by who sends: frames could not be sent lately."""
        self.clamped: Counter[str] = Counter()
        """How often each signal's value was out of range or no number."""
        self.missed = 0
        """Deadlines skipped because the caller came too late."""
        self._belief: Belief | None = None
        self._next = dict.fromkeys(SENT, start_ns)
        self._sent: Counter[Message] = Counter()
        self._alert_sent_ns: int | None = None
        self._change_ns: int | None = None
        self._stale_ns: int | None = None
        """When the newest result will be too old, until that is said."""

    def advance(self, state: DriverState, alerts: Sequence[Alert], t_ns: int) -> list[TxFrame]:
        """Frames due before `t_ns`, then the new result, then frames due at `t_ns`."""
        before = self.due(t_ns - 1)
        self.update(state, alerts, t_ns)
        return before + self.due(t_ns)

    def update(self, state: DriverState, alerts: Sequence[Alert], at_ns: int) -> None:
        """The newest result, as of `at_ns`."""
        before = signature(self._belief.alerts if self._belief else ())
        self._belief = Belief(state, tuple(alerts), at_ns)
        self._stale_ns = at_ns + self.stale_ns + 1
        if signature(alerts) != before and self._change_ns is None:
            self._change_ns = max(at_ns, self._alert_allowed_ns())

    def _alert_allowed_ns(self) -> int:
        last = self._alert_sent_ns
        return -(1 << 63) if last is None else last + ALERT.min_gap_ms * MS

    def next_ns(self) -> int:
        """When the next frame is due."""
        between = [t for t in (self._change_ns, self._stale_ns) if t is not None]
        return min(*self._next.values(), *between)

    def due(self, t_ns: int) -> list[TxFrame]:
        """All frames due up to and at `t_ns` that were not given out before, in order."""
        frames: list[TxFrame] = []
        while (at := self.next_ns()) <= t_ns:
            frames += self._at(at)
        return frames

    def skip_missed(self, t_ns: int) -> None:
        """Keep one frame a message of those due up to `t_ns`: late frames are not made up."""
        for message, at in self._next.items():
            late = (t_ns - at) // (message.period_ms * MS)
            if late > 0:
                self.missed += late
                self._next[message] = at + late * message.period_ms * MS
        if self._stale_ns is not None and self._stale_ns <= self._next[STATUS] <= t_ns:
            self._stale_ns = None  # the cyclic frames say the same
        if self._change_ns is None or max(self._change_ns, self._next[ALERT]) > t_ns:
            return
        if self._change_ns <= self._next[ALERT]:
            self._change_ns = None  # the cyclic frame says the same
        else:
            self._next[ALERT] += ALERT.period_ms * MS

    def goodbye(self, t_ns: int) -> list[TxFrame]:
        """One last frame of each message: unavailable, shutting down."""
        now = Situation(Availability.UNAVAILABLE, Reason.SHUTDOWN, NoValue.NOT_AVAILABLE)
        return [self._frame(message, now, t_ns) for message in (STATUS, *SENT[:-1])]

    def _at(self, t_ns: int) -> list[TxFrame]:
        now = situation(self._belief, t_ns, self.stale_ns)
        stale = self._becomes_stale(t_ns)
        return [self._frame(m, now, t_ns) for m in SENT if self._take(m, t_ns, stale)]

    def _becomes_stale(self, t_ns: int) -> bool:
        """Whether it must be said at `t_ns` that there is no news; once."""
        if self._stale_ns is None or t_ns < self._stale_ns:
            return False
        self._stale_ns = None
        if self._change_ns is None:
            self._change_ns = max(t_ns, self._alert_allowed_ns())
        return True

    def _take(self, message: Message, t_ns: int, stale: bool) -> bool:
        """Whether `message` is to be sent at `t_ns`; moves its deadline on."""
        on_grid = self._next[message] <= t_ns
        if on_grid:
            self._next[message] += message.period_ms * MS
        if message is not ALERT:
            return on_grid or (stale and message is STATUS)
        changed = self._change_ns is not None and self._change_ns <= t_ns
        if changed or (on_grid and t_ns >= self._alert_allowed_ns()):
            self._change_ns, self._alert_sent_ns = None, t_ns
            return True
        return False

    def _frame(self, message: Message, now: Situation, t_ns: int) -> TxFrame:
        said = values(message, self._belief, now, t_ns, self.identity, self.bus_fault)
        encoded = encode(message, said, self._sent[message])
        self._sent[message] += 1
        self.clamped.update(f"{message.name}.{name}" for name in encoded.clamped)
        return TxFrame(t_ns, message, encoded.data)
