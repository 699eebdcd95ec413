"""ISO 15765-2: messages of up to 4095 bytes over classic CAN frames, normal addressing.

Pure: frames and times come in as arguments; `due` gives the next frame to hand to the bus.
One message each way at a time. Frames that do not fit are counted and change nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS

PADDING = 0xCC
"""Of the unused bytes of a frame: gives few stuff bits (ISO 15765-2)."""
MAX_LENGTH = 4095
MAX_WAITS = 10
"""So many "wait" flow controls in a row are taken from a tester (N_WFTmax)."""
CONTINUE, WAIT, OVERFLOW = 0, 1, 2
SINGLE, FIRST, CONSECUTIVE, FLOW = 0, 1, 2, 3


@dataclass
class _Incoming:
    length: int
    data: bytearray
    next_number: int
    until_ns: int
    left_in_block: int


@dataclass
class _Outgoing:
    data: bytes
    sent: int = 0
    number: int = 1
    at_ns: int = 0
    until_ns: int | None = None
    """Waiting for a flow control up to then; None: may send at `at_ns`."""
    block: int = 0
    """Frames left before the next flow control; 0 with `endless`: no more."""
    endless: bool = False
    gap_ns: int = 0
    waits: int = 0


@dataclass
class IsoTp:
    """Both directions of one connection. Not thread-safe."""

    config: DiagnosticsConfig
    counters: Counter[str] = field(default_factory=Counter)
    """What went wrong, by name."""
    _in: _Incoming | None = None
    _out: _Outgoing | None = None
    _flow: bytes | None = None

    @property
    def sending(self) -> bool:
        """Whether a message is on its way out."""
        return self._out is not None

    def send(self, payload: bytes, now_ns: int) -> bool:
        """Begin to send a message; False when one is on its way, or it is empty or too long."""
        if self._out is not None or not 0 < len(payload) <= MAX_LENGTH:
            return False
        self._out = _Outgoing(payload, at_ns=now_ns)
        return True

    def on_frame(self, data: bytes, now_ns: int) -> bytes | None:
        """One frame of the tester's; the message that it completes. Never raises."""
        if not data or len(data) > 8:
            self.counters["bad_frame"] += 1
            return None
        kind = data[0] >> 4
        if kind == SINGLE:
            return self._single(data)
        if kind == FIRST:
            self._first(data, now_ns)
        elif kind == CONSECUTIVE:
            return self._consecutive(data, now_ns)
        elif kind == FLOW:
            self._flow_control(data, now_ns)
        else:
            self.counters["bad_frame"] += 1
        return None

    def _single(self, data: bytes) -> bytes | None:
        length = data[0] & 0x0F
        if not 0 < length < len(data):
            self.counters["bad_frame"] += 1
            return None
        self._abandon("interrupted")
        return data[1 : 1 + length]

    def _first(self, data: bytes, now_ns: int) -> None:
        length = (data[0] & 0x0F) << 8 | data[1] if len(data) == 8 else 0
        if len(data) == 8 and length == 0:  # the 32-bit form, for more than 4095 bytes
            length = MAX_LENGTH + 1
        if length < 8:
            self.counters["bad_frame"] += 1
            return
        self._abandon("interrupted")
        if length > self.config.max_request_bytes:
            self.counters["too_long"] += 1
            self._flow = _frame(bytes((FLOW << 4 | OVERFLOW, 0, 0)))
            return
        until = now_ns + self.config.transport_timeout_ms * MS
        self._in = _Incoming(length, bytearray(data[2:8]), 1, until, self.config.block_size)
        self._clear_to_send()

    def _clear_to_send(self) -> None:
        flow = (FLOW << 4 | CONTINUE, self.config.block_size, self.config.separation_ms)
        self._flow = _frame(bytes(flow))

    def _consecutive(self, data: bytes, now_ns: int) -> bytes | None:
        self.tick(now_ns)
        got = self._in
        if got is None:
            self.counters["unexpected"] += 1
            return None
        wanted = min(7, got.length - len(got.data))
        if data[0] & 0x0F != got.next_number or len(data) - 1 < wanted:
            self._abandon("out_of_order")
            return None
        got.data += data[1 : 1 + wanted]
        if len(got.data) == got.length:
            self._in = None
            return bytes(got.data)
        got.next_number = (got.next_number + 1) % 16
        got.until_ns = now_ns + self.config.transport_timeout_ms * MS
        if self.config.block_size:
            got.left_in_block -= 1
            if got.left_in_block == 0:
                got.left_in_block = self.config.block_size
                self._clear_to_send()
        return None

    def _abandon(self, why: str) -> None:
        if self._in is not None:
            self.counters[why] += 1
            self._in = None

    def _flow_control(self, data: bytes, now_ns: int) -> None:
        out = self._out
        if out is None or out.until_ns is None or len(data) < 3:
            self.counters["unexpected"] += 1
            return
        status = data[0] & 0x0F
        if status == CONTINUE:
            out.until_ns, out.at_ns, out.waits = None, now_ns, 0
            out.block, out.endless = data[1], data[1] == 0
            out.gap_ns = _separation_ns(data[2])
        elif status == WAIT and out.waits < MAX_WAITS:
            out.waits += 1
            out.until_ns = now_ns + self.config.transport_timeout_ms * MS
        else:
            self.counters["refused"] += 1
            self._out = None

    def tick(self, now_ns: int) -> None:
        """Give up what has waited too long."""
        if self._in is not None and now_ns > self._in.until_ns:
            self._abandon("timed_out")
        out = self._out
        if out is not None and out.until_ns is not None and now_ns > out.until_ns:
            self.counters["timed_out"] += 1
            self._out = None

    def next_ns(self) -> int | None:
        """When `due` will next have a frame; None: not before another comes in."""
        if self._flow is not None:
            return 0
        return self._out.at_ns if self._out is not None and self._out.until_ns is None else None

    def due(self, now_ns: int) -> bytes | None:
        """The frame to hand over now. It stays due until `taken`."""
        self.tick(now_ns)
        if self._flow is not None:
            return self._flow
        out = self._out
        if out is None or out.until_ns is not None or now_ns < out.at_ns:
            return None
        if out.sent == 0:
            return _opening(out.data)
        return _frame(bytes((CONSECUTIVE << 4 | out.number,)) + out.data[out.sent : out.sent + 7])

    def taken(self, now_ns: int) -> None:
        """The bus took what was due."""
        if self._flow is not None:
            self._flow = None
            return
        out = self._out
        if out is None:
            return
        first = out.sent == 0
        out.sent += 6 if first and len(out.data) > 7 else 7
        if out.sent >= len(out.data):
            self._out = None
            return
        out.number = 1 if first else (out.number + 1) % 16
        out.at_ns = now_ns + out.gap_ns
        out.block -= not first
        if first or (out.block == 0 and not out.endless):
            out.until_ns = now_ns + self.config.transport_timeout_ms * MS


def _opening(data: bytes) -> bytes:
    if len(data) <= 7:
        return _frame(bytes((SINGLE << 4 | len(data),)) + data)
    return bytes((FIRST << 4 | len(data) >> 8, len(data) & 0xFF)) + data[:6]


def _frame(start: bytes) -> bytes:
    return start.ljust(8, bytes((PADDING,)))


def _separation_ns(code: int) -> int:
    """STmin: 0x00-0x7F ms, 0xF1-0xF9 100-900 us; reserved ones count as the longest."""
    if code <= 0x7F:
        return code * MS
    if 0xF1 <= code <= 0xF9:
        return (code - 0xF0) * 100_000
    return 0x7F * MS
