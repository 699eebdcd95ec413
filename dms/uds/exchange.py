"""Between the bus and the server: requests in, answers out, "pending" while one takes long.

Pure: frames, answers and times come in as arguments. Nothing here waits for the server, so that
the thread that sends the alerts can call it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS
from dms.uds.isotp import SINGLE, IsoTp
from dms.uds.protocol import Answer, Nrc, negative

SECOND = 1000 * MS
BURST = 20
"""Requests taken at once, before the rate counts."""
TESTER_PRESENT_SILENT = b"\x3e\x80"
PENDING_SHARE = 0.7
"""Of the time that is left for an answer: then "pending" is said."""


@dataclass(frozen=True, slots=True)
class Request:
    """One complete request. functional: it went to all units."""

    data: bytes
    functional: bool


class Allowance:
    """So many a second, with a burst."""

    def __init__(self, per_s: int) -> None:
        self._per_s, self._left, self._at_ns = per_s, float(BURST), 0

    def take(self, now_ns: int) -> bool:
        """Whether one more is within the rate."""
        gained = (now_ns - self._at_ns) * self._per_s / SECOND
        self._left, self._at_ns = min(self._left + gained, BURST), now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Exchange:
    """One tester at a time. `submit` hands a request to the server and must not wait; its answer
    comes back through `answer`. Not thread-safe."""

    def __init__(self, config: DiagnosticsConfig, submit: Callable[[Request], None]) -> None:
        self.counters: Counter[str] = Counter()
        self._config, self._submit = config, submit
        self._tp = IsoTp(config, self.counters)
        self._allowance = Allowance(config.requests_per_s)
        self._outbox: deque[bytes] = deque()
        self._service: int | None = None
        """Of the request that the server works on."""
        self._pending_ns = 0
        self._pending_told = False

    def listens_to(self) -> list[tuple[int, bool]]:
        """(identifier, extended) of the frames it wants."""
        c = self._config
        return [(i, i > 0x7FF) for i in (c.request_id, c.functional_id) if i is not None]

    def on_frame(self, can_id: int, extended: bool, data: bytes, now_ns: int) -> None:
        """One frame from the bus, for us or not. Never raises."""
        if (can_id, extended) not in self.listens_to():
            return
        if can_id == self._config.request_id:
            if request := self._tp.on_frame(data, now_ns):
                self._request(Request(request, functional=False), now_ns)
        elif data and data[0] >> 4 == SINGLE and 0 < data[0] < len(data):
            self._request(Request(data[1 : 1 + data[0]], functional=True), now_ns)
        else:
            self.counters["bad_frame"] += 1

    def _request(self, request: Request, now_ns: int) -> None:
        self.counters["requests"] += 1
        if self._tp.sending or self._outbox:
            self.counters["overrun"] += 1
        elif self._service is None and self._allowance.take(now_ns):
            self._service, self._pending_told = request.data[0], False
            self._pending_ns = now_ns + round(PENDING_SHARE * self._config.p2_ms * MS)
            self._submit(request)
        else:
            self.counters["busy"] += 1
            if not request.functional and request.data != TESTER_PRESENT_SILENT:
                self._outbox.append(negative(request.data[0], Nrc.BUSY_REPEAT_REQUEST))

    def answer(self, answer: Answer) -> None:
        """The server has finished."""
        self._service = None
        if answer.data and (not answer.suppressed or self._pending_told):
            self._outbox.append(answer.data)

    def due(self, now_ns: int) -> bytes | None:
        """The frame to hand to the bus now. It stays due until `taken`."""
        self._tp.tick(now_ns)
        if not self._tp.sending:
            self._next_message(now_ns)
        return self._tp.due(now_ns)

    def _next_message(self, now_ns: int) -> None:
        if self._outbox:
            self._tp.send(self._outbox.popleft(), now_ns)
        elif self._service is not None and now_ns >= self._pending_ns:
            self._tp.send(negative(self._service, Nrc.RESPONSE_PENDING), now_ns)
            self._pending_ns = now_ns + round(PENDING_SHARE * self._config.p2_star_ms * MS)
            self._pending_told = True

    def taken(self, now_ns: int) -> None:
        """The bus took what was due."""
        self._tp.taken(now_ns)

    def next_ns(self) -> int | None:
        """When there will be something to send; None: not before something comes in."""
        times = [self._tp.next_ns(), 0 if self._outbox and not self._tp.sending else None]
        if self._service is not None and not self._tp.sending:
            times.append(self._pending_ns)
        return min((t for t in times if t is not None), default=None)

    @property
    def idle(self) -> bool:
        """Nothing is being worked on or sent."""
        return self._service is None and not self._tp.sending and not self._outbox
