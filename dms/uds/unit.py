"""The diagnostics of a running monitor: a thread that answers requests and watches for faults.

The thread of the bus only moves frames; reading, writing, routines and the disk are done here.
"""

from __future__ import annotations

import logging
import os
import queue
import stat
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS
from dms.errors import UsageError
from dms.uds.access import Access
from dms.uds.exchange import Exchange, Request
from dms.uds.protocol import Answer, Offers
from dms.uds.server import Server

WATCH_NS = 100 * MS
"""How often faults are looked for."""
KEEP_EVERY_NS = 1000 * MS
"""Least time between two writings of the fault memory: flash wears."""
KEEP_AGAIN_NS = 60_000 * MS
"""Longest pause before one that failed is tried again, as on a full disk; doubled up to here."""
STOP_S = 0.5
MIN_SECRET_BYTES = 16
log = logging.getLogger(__name__)


class Diagnostics:
    """Exchange and server, joined by a thread. `frame`, `due`, `taken`, `next_ns` belong to the
    thread of the bus; the rest is called once, by whoever made it."""

    def __init__(
        self,
        config: DiagnosticsConfig,
        offers: Offers,
        watch: Callable[[int], None],
        clock: Callable[[], int],
    ) -> None:
        """watch: looks for faults, given the time. Errors: UsageError for a bad key file."""
        access = Access(config, read_secret(config.key_file), os.urandom)
        self.server = Server(config, offers, access)
        self.exchange = Exchange(config, self._submit)
        self.address = (config.answers_on, config.answers_on > 0x7FF)
        """(identifier, extended) of what it sends."""
        self._offers, self._watch, self._clock = offers, watch, clock
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._answers: deque[Answer] = deque()
        self._wake: Callable[[], None] = lambda: None
        self._looked_ns = 0
        self._keep_ns, self._pause_ns = 0, KEEP_EVERY_NS
        """When the fault memory may be written next, and the pause after that."""
        self._thread = threading.Thread(target=self._run, name="diagnostics", daemon=True)

    def start(self, wake: Callable[[], None]) -> None:
        """Begin. wake: rouses the thread of the bus when there is an answer."""
        self._wake = wake
        self._thread.start()

    def stop(self) -> None:
        """End, and keep what is new in the fault memory."""
        self._requests.put(None)
        if self._thread.ident is not None:
            self._thread.join(STOP_S)

    def due(self, now_ns: int) -> bytes | None:
        """The frame to send now, if any."""
        while self._answers:
            self.exchange.answer(self._answers.popleft())
        return self.exchange.due(now_ns)

    def next_ns(self) -> int | None:
        """When there will be something to send."""
        return 0 if self._answers else self.exchange.next_ns()

    @property
    def idle(self) -> bool:
        """Nothing is being answered. May be asked from any thread."""
        return not self._answers and self.exchange.idle

    def _submit(self, request: Request) -> None:
        self._requests.put(request)

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception:  # a bug here must not end the monitor
            log.exception("diagnostics thread ended")
        self._keep(self._clock())

    def _step(self) -> bool:
        try:
            request = self._requests.get(timeout=WATCH_NS / 1e9)
        except queue.Empty:
            self._look()
            return True
        if request is not None:
            self._answer(request)
            self._look()
        return request is not None

    def _answer(self, request: Request) -> None:
        answer = self.server.handle(request.data, request.functional, self._clock())
        self.server.answered(self._clock())
        self._answers.append(answer)
        self._wake()

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked_ns < WATCH_NS:
            return
        self._looked_ns = now
        self.server.tick(now)
        self._watch(now)
        if now >= self._keep_ns:
            self._keep(now)

    def _keep(self, now_ns: int) -> None:
        faults = self._offers.faults
        if not faults.dirty:
            return
        try:
            self._offers.keep()
        except OSError as error:
            self._pause_ns = min(2 * self._pause_ns, KEEP_AGAIN_NS)
            log.error("the fault memory cannot be kept: %s", error)
        else:
            self._pause_ns, faults.dirty = KEEP_EVERY_NS, False
        self._keep_ns = now_ns + self._pause_ns


def read_secret(path: str | None) -> bytes | None:
    """The secret of security access; None when there is no file configured.

    Errors: UsageError when it cannot be read, is too short, or others may read it.
    """
    if path is None:
        return None
    try:
        with Path(path).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read(4096)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"key file {path}", why, "see docs/diagnostics.md") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"key file {path}", "others may read it", f"chmod 600 {path}")
    if len(secret) < MIN_SECRET_BYTES:
        why = f"{len(secret)} bytes, and at least {MIN_SECRET_BYTES} are needed"
        raise UsageError(f"key file {path}", why, f"head -c 32 /dev/urandom > {path}")
    return secret
