"""Fuzz the diagnostics: any frames a tester can send, through transport and server.

    python tools/fuzz_uds.py -runs=1000000 [corpus folder]     needs atheris

Each input is a session: a byte that says whether the tester is unlocked, then frames with their
pauses. Nothing may raise, not even where the server would catch it; a tester that is not unlocked
stays so and changes nothing that is kept.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dms.commands.diagnosis import Desk  # noqa: E402
from dms.config import Config, DiagnosticsConfig  # noqa: E402
from dms.uds.access import Access  # noqa: E402
from dms.uds.exchange import Exchange, Request  # noqa: E402
from dms.uds.nvm import Kept, Store  # noqa: E402
from dms.uds.protocol import Nrc  # noqa: E402
from dms.uds.server import Server  # noqa: E402

REQUEST, FUNCTIONAL = 0x7A0, 0x7DF
DIAGNOSTICS = DiagnosticsConfig(request_id=REQUEST, functional_id=FUNCTIONAL)
MS = 1_000_000


class Target:
    """One monitor's diagnostics without threads; `run` gives it one input."""

    def __init__(self) -> None:
        config = replace(Config(), diagnostics=DIAGNOSTICS)
        self.now_ns = self.frames = self.answers = self.requests = 0
        self._desk = Desk(config, Store(None), Kept({}), lambda: self.now_ns)
        access = Access(DIAGNOSTICS, b"a secret of 16 bytes", lambda n: bytes(range(n)))
        self._server = Server(DIAGNOSTICS, self._desk.offers(), access)
        self._exchange = Exchange(DIAGNOSTICS, self._handle)

    def _handle(self, request: Request) -> None:
        self.requests += 1
        answer = self._server.handle(request.data, request.functional, self.now_ns)
        if answer.data and answer.data[0] == 0x7F:
            assert answer.data[1] == request.data[0]
            assert answer.data[2] != Nrc.GENERAL_REJECT, "something raised"
        elif answer.data:
            assert answer.data[0] == request.data[0] + 0x40
        self._pending = answer

    def _state(self) -> object:
        desk = self._desk
        return desk.faults.to_dict(), dict(desk.settings), desk.vin, desk.reset_asked.is_set()

    def run(self, data: bytes) -> None:
        """Each frame: a byte for its pause [ms] and address, one for its length, its data."""
        self._server.handle(b"\x10\x03", functional=False, now_ns=self.now_ns)
        self._server.access.unlocked = unlocked = bool(data and data[0] & 1)
        at, before = 1, self._state()
        while at < len(data):
            head, length = data[at], (data[at + 1] if at + 1 < len(data) else 8) % 9
            self.now_ns += (head >> 1) * MS
            frame = data[at + 2 : at + 2 + length]
            self._frame(FUNCTIONAL if head & 1 else REQUEST, frame)
            at += 2 + length
        assert unlocked or not self._server.access.unlocked
        assert unlocked or self._state() == before

    def _frame(self, can_id: int, frame: bytes) -> None:
        self.frames += 1
        before = self.requests
        self._exchange.on_frame(can_id, False, frame, self.now_ns)
        if self.requests != before:
            self._exchange.answer(self._pending)
        while (out := self._exchange.due(self.now_ns)) is not None:
            assert len(out) == 8
            self._exchange.taken(self.now_ns)
            self.answers += 1


def main() -> None:
    import atheris

    atheris.instrument_all()
    target = Target()
    atheris.Setup(sys.argv, target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
