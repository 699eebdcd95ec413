"""The diagnostic server: ISO 14229-1 services on one request, one answer.

Pure but for what the unit offers (reading, writing, routines): time is an argument, random seeds
come from a function. Whatever the request's bytes, `handle` answers and never raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS
from dms.uds.access import KEY_BYTES, Access
from dms.uds.faultreader import FaultReader
from dms.uds.protocol import (
    SILENT_WHEN_FUNCTIONAL,
    Answer,
    Nrc,
    Offers,
    Refused,
    exactly,
    negative,
)

log = logging.getLogger(__name__)

DEFAULT, EXTENDED = 0x01, 0x03
"""Sessions."""
SUPPRESS = 0x80
"""Bit of a sub-function: do not send a positive response."""
ALL_FAULTS = 0xFFFFFF
MAX_IDENTIFIERS = 16
"""Identifiers in one ReadDataByIdentifier."""
MAX_ANSWER = 4095
ACTIVE_SESSION = 0xF186


@dataclass(frozen=True, slots=True)
class _Service:
    run: Callable[[bytes, int], bytes]
    """Request without the service's byte, sub-function without SUPPRESS; time."""
    shortest: int
    """Bytes after the service's own, at least."""
    subs: frozenset[int] | None = None
    """Sub-functions that are supported; None: the service has none."""
    extended: bool = False
    """Only in the extended session."""
    unlocked: bool = False
    """Only after security access."""


@dataclass
class Server:
    """The state of one connection: session and security. Not thread-safe."""

    config: DiagnosticsConfig
    offers: Offers
    access: Access
    session: int = DEFAULT
    _last_ns: int = 0
    _services: dict[int, _Service] = field(init=False)

    def __post_init__(self) -> None:
        faults = FaultReader(self.offers.faults)
        self._services = {
            0x10: _Service(self._control_session, 1, frozenset((DEFAULT, EXTENDED))),
            0x11: _Service(self._reset, 1, frozenset((0x01, 0x03)), True, True),
            0x14: _Service(self._clear, 3, None, False, True),
            0x19: _Service(faults.read, 1, frozenset(faults.subs)),
            0x22: _Service(self._read, 2),
            0x27: _Service(self._security, 1, frozenset((0x01, 0x02)), True),
            0x2E: _Service(self._write, 3, None, True, True),
            0x31: _Service(self._routine, 3, frozenset((0x01,)), True, True),
            0x3E: _Service(self._present, 1, frozenset((0x00,))),
        }

    def handle(self, request: bytes, functional: bool, now_ns: int) -> Answer:
        """Answer one request. Never raises."""
        self.tick(now_ns)
        self._last_ns = now_ns
        service = request[0] if request else 0
        try:
            answer = self._dispatch(service, request[1:], now_ns)
        except Refused as refused:
            silent = functional and refused.nrc in SILENT_WHEN_FUNCTIONAL
            return Answer(b"" if silent else negative(service, refused.nrc))
        except Exception:  # a bug in what the unit offers must not end the diagnostics
            log.exception("diagnostic request %s failed", request[:64].hex())
            return Answer(negative(service, Nrc.GENERAL_REJECT))
        found = self._services[service]
        return Answer(answer, found.subs is not None and bool(request[1] & SUPPRESS))

    def tick(self, now_ns: int) -> None:
        """Fall back to the default session when the tester has gone silent."""
        if self.session != DEFAULT and now_ns - self._last_ns > self.config.s3_ms * MS:
            self._enter(DEFAULT)

    def answered(self, now_ns: int) -> None:
        """The response is out: the tester's silence counts from now."""
        self._last_ns = now_ns

    def _enter(self, session: int) -> None:
        self.session = session
        self.access.relock()

    def _dispatch(self, number: int, request: bytes, now_ns: int) -> bytes:
        service = self._services.get(number)
        if service is None:
            raise Refused(Nrc.SERVICE_NOT_SUPPORTED)
        if service.extended and self.session != EXTENDED:
            raise Refused(Nrc.SERVICE_NOT_IN_SESSION)
        if service.subs is not None:
            request = self._sub_function(service.subs, request)
        if len(request) < service.shortest:
            raise Refused(Nrc.INCORRECT_LENGTH)
        if service.unlocked and not self.access.unlocked:
            raise Refused(Nrc.SECURITY_ACCESS_DENIED)
        answer = bytes((number + 0x40,)) + service.run(request, now_ns)
        if len(answer) > MAX_ANSWER:
            raise Refused(Nrc.RESPONSE_TOO_LONG)
        return answer

    def _sub_function(self, known: frozenset[int], request: bytes) -> bytes:
        if not request:
            raise Refused(Nrc.INCORRECT_LENGTH)
        sub = request[0] & ~SUPPRESS
        if sub not in known:
            raise Refused(Nrc.SUB_FUNCTION_NOT_SUPPORTED)
        return bytes((sub,)) + request[1:]

    def _present(self, request: bytes, _: int) -> bytes:
        exactly(request, 1)
        return request

    def _control_session(self, request: bytes, _: int) -> bytes:
        exactly(request, 1)
        self._enter(request[0])
        c = self.config
        return request + c.p2_ms.to_bytes(2, "big") + (c.p2_star_ms // 10).to_bytes(2, "big")

    def _reset(self, request: bytes, _: int) -> bytes:
        exactly(request, 1)
        self.offers.reset()
        return request

    def _clear(self, request: bytes, _: int) -> bytes:
        exactly(request, 3)
        group = int.from_bytes(request, "big")
        if group != ALL_FAULTS and group not in self.offers.faults.faults:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        self.offers.faults.clear(None if group == ALL_FAULTS else group)
        _written(self.offers.keep)
        return b""

    def _read(self, request: bytes, _: int) -> bytes:
        if len(request) % 2 or len(request) > 2 * MAX_IDENTIFIERS:
            raise Refused(Nrc.INCORRECT_LENGTH)
        numbers = [request[i : i + 2] for i in range(0, len(request), 2)]
        found = [(n, self._value(int.from_bytes(n, "big"))) for n in numbers]
        known = [n + value for n, value in found if value is not None]
        if not known:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        return b"".join(known)

    def _value(self, number: int) -> bytes | None:
        if number == ACTIVE_SESSION:
            return bytes((self.session,))
        known = self.offers.identifiers.get(number)
        return None if known is None else known.read()

    def _security(self, request: bytes, now_ns: int) -> bytes:
        if request[0] == 0x01:
            exactly(request, 1)
            return request + self.access.seed(now_ns)
        exactly(request, 1 + KEY_BYTES)
        self.access.key(request[1:], now_ns)
        return request[:1]

    def _write(self, request: bytes, _: int) -> bytes:
        known = self.offers.identifiers.get(int.from_bytes(request[:2], "big"))
        if known is None or known.write is None:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        exactly(request, 2 + known.length)
        write = known.write
        _written(lambda: write(request[2:]))
        return request[:2]

    def _routine(self, request: bytes, _: int) -> bytes:
        routine = self.offers.routines.get(int.from_bytes(request[1:3], "big"))
        if routine is None:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        return request[:3] + routine.start(request[3:])


def _written(write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        log.error("diagnostics cannot keep what was written: %s", error)
        raise Refused(Nrc.PROGRAMMING_FAILURE) from error
