"""A tester's frames of any kind, through transport and server.

Each input is a session: a byte that says whether the tester is unlocked, then frames with their
pauses. Nothing may raise, not even where the server would catch it; a tester that is not unlocked
stays so and changes nothing that is kept.
"""

from __future__ import annotations

from dataclasses import replace

from dms.car import OUR_CAR
from dms.commands.common import identity
from dms.commands.diagnosis import Desk
from dms.config import Config, DiagnosticsConfig
from dms.uds.access import Access
from dms.uds.exchange import Exchange, Request
from dms.uds.nvm import Kept, Store
from dms.uds.protocol import Nrc
from dms.uds.server import Server

REQUEST, FUNCTIONAL = 0x7A0, 0x7DF
DIAGNOSTICS = DiagnosticsConfig(request_id=REQUEST, functional_id=FUNCTIONAL)
MS = 1_000_000


class Target:
    """One monitor's diagnostics without threads, as new for each input."""

    def __init__(self) -> None:
        self.now_ns = self.frames = self.answers = self.requests = 0
        self._desk = self._new_desk()

    def _new_desk(self) -> Desk:
        config = replace(Config(), diagnostics=DIAGNOSTICS)
        who = identity(config, OUR_CAR)
        return Desk(config, Store(None), Kept({}), lambda: self.now_ns, who)

    def _begin(self) -> None:
        self.now_ns = 0
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
        self._begin()
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
        if self._state() != before:
            assert unlocked
            self._desk = self._new_desk()

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


def seeds() -> list[bytes]:
    """A request of each kind, locked and unlocked, and a long one in its frames."""
    requests = ("1003", "1101", "14ffffff", "1902ff", "190412345601", "22f190fd05", "2701", "2702",
                "2efd1001", "31010200", "31010201", "31010202", "3e00", "3e80")  # fmt: skip
    singles = [bytes([200, 8, len(r) // 2]) + bytes.fromhex(r.ljust(14, "c")) for r in requests]
    vin = b"\x2e\xf1\x90" + b"WDB12345678901234"
    frames = [b"\x10\x14" + vin[:6], b"\x21" + vin[6:13], b"\x22" + vin[13:]]
    written = b"".join(bytes([2, 8]) + frame for frame in frames)
    flow = bytes([2, 3]) + b"\x30\x00\x00"
    return [bytes([unlocked]) + s + flow for unlocked in (0, 1) for s in [*singles, written]]
