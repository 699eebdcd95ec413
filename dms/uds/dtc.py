"""The fault memory: debounced faults with status byte, ageing and freeze frames (ISO 14229-1).

Pure: time is an argument; kept across power loss by nvm.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dms.config.diagnostics import DiagnosticsConfig
from dms.config.param import MS

TEST_FAILED = 0x01
FAILED_THIS_CYCLE = 0x02
PENDING = 0x04
CONFIRMED = 0x08
NOT_COMPLETED_SINCE_CLEAR = 0x10
FAILED_SINCE_CLEAR = 0x20
NOT_COMPLETED_THIS_CYCLE = 0x40
AVAILABLE = 0x7F
"""Status bits that are kept; no warning lamp is asked for (0x80)."""
CLEARED = NOT_COMPLETED_SINCE_CLEAR | NOT_COMPLETED_THIS_CYCLE
FIRST, LATEST = 1, 2
"""Snapshot record numbers: of the first occurrence since the fault was stored, and of the last."""

Snapshot = dict[int, bytes]
"""Values of data identifiers when a fault was stored."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble code: SAE J2012-DA code and failure type in three bytes."""

    code: int
    name: str
    meaning: str
    fault_ms: int | None = None
    """Must last this long to be stored; None: as configured."""


@dataclass
class _Record:
    status: int = CLEARED
    occurrences: int = 0
    aged: int = 0
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    # not kept: the debouncing
    verdict: bool | None = None
    since_ns: int = 0


class FaultMemory:
    """All trouble codes of one unit. Not thread-safe."""

    def __init__(self, faults: Iterable[Fault], config: DiagnosticsConfig) -> None:
        self.faults = {fault.code: fault for fault in faults}
        self.dirty = False
        """Whether there is something new to keep."""
        self._config = config
        self._records = {code: _Record() for code in self.faults}

    def report(
        self, code: int, failed: bool | None, now_ns: int, snapshot: Callable[[], Snapshot]
    ) -> None:
        """One result of a test; None: it could not be made. `snapshot` is taken on storing."""
        record = self._records[code]
        if failed is None or failed != record.verdict:
            record.verdict, record.since_ns = failed, now_ns
        if failed is None:
            return
        lasted_ms = (now_ns - record.since_ns) / MS
        if failed and lasted_ms >= self._fault_ms(code):
            self._fail(record, snapshot)
        elif not failed and lasted_ms >= self._config.heal_ms:
            self._set(record, record.status & ~(TEST_FAILED | CLEARED))

    def _fault_ms(self, code: int) -> int:
        own = self.faults[code].fault_ms
        return self._config.fault_ms if own is None else own

    def _fail(self, record: _Record, snapshot: Callable[[], Snapshot]) -> None:
        if record.status & TEST_FAILED:
            return
        record.occurrences = min(record.occurrences + 1, 255)
        record.aged = 0
        record.snapshots[LATEST] = snapshot()
        record.snapshots.setdefault(FIRST, record.snapshots[LATEST])
        failed = TEST_FAILED | FAILED_THIS_CYCLE | PENDING | CONFIRMED | FAILED_SINCE_CLEAR
        self._set(record, record.status & ~CLEARED | failed)

    def _set(self, record: _Record, status: int) -> None:
        self.dirty |= status != record.status
        record.status = status

    def clear(self, code: int | None = None) -> None:
        """Forget one fault, or all of them."""
        for each in self.faults if code is None else (code,):
            self._records[each] = _Record()
        self.dirty = True

    def begin_cycle(self) -> None:
        """A new operation cycle (a start of the monitor): faults that stayed away age."""
        for record in self._records.values():
            done = not record.status & NOT_COMPLETED_THIS_CYCLE
            good = done and not record.status & FAILED_THIS_CYCLE
            status = record.status & ~(TEST_FAILED | FAILED_THIS_CYCLE)
            if good:
                status &= ~PENDING
                if status & CONFIRMED:
                    record.aged += 1
            if record.aged >= self._config.aging_cycles:
                status &= ~CONFIRMED
                record.snapshots, record.aged = {}, 0
            self._set(record, status | NOT_COMPLETED_THIS_CYCLE)
        self.dirty = True

    def matching(self, mask: int) -> Iterator[tuple[int, int]]:
        """(code, status) of the faults with any of these status bits."""
        for code, record in self._records.items():
            if record.status & mask & AVAILABLE:
                yield code, record.status

    def all(self) -> Iterator[tuple[int, int]]:
        """(code, status) of every fault that is known."""
        yield from ((code, record.status) for code, record in self._records.items())

    def status(self, code: int) -> int:
        """Status byte. Errors: KeyError."""
        return self._records[code].status

    def snapshots(self, code: int) -> Mapping[int, Snapshot]:
        """Record number -> what held then. Errors: KeyError."""
        return self._records[code].snapshots

    def counts(self, code: int) -> tuple[int, int]:
        """How often it occurred, and how many cycles it has stayed away. Errors: KeyError."""
        record = self._records[code]
        return record.occurrences, record.aged

    def to_dict(self) -> dict[str, Any]:
        """What is to be kept, as JSON has it."""
        return {
            f"{code:06X}": {
                "status": r.status,
                "occurrences": r.occurrences,
                "aged": r.aged,
                "snapshots": {
                    str(n): {f"{did:04X}": value.hex() for did, value in shot.items()}
                    for n, shot in r.snapshots.items()
                },
            }
            for code, r in self._records.items()
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take over what `to_dict` gave. Faults unknown today are left out.

        Errors: KeyError, TypeError, ValueError, AttributeError when it is something else.
        """
        restored = {int(code, 16): _record(entry) for code, entry in kept.items()}
        for code in self._records.keys() & restored.keys():
            self._records[code] = restored[code]


def _record(entry: Mapping[str, Any]) -> _Record:
    shots = {
        int(n): {int(did, 16): bytes.fromhex(value) for did, value in shot.items()}
        for n, shot in entry["snapshots"].items()
    }
    numbers = (int(entry[name]) for name in ("status", "occurrences", "aged"))
    status, occurrences, aged = (min(max(number, 0), 255) for number in numbers)
    return _Record(status & AVAILABLE, occurrences, aged, shots)
