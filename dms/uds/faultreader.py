"""ReadDTCInformation (0x19) of ISO 14229-1."""

from __future__ import annotations

from collections.abc import Callable

from dms.uds.dtc import AVAILABLE, FaultMemory
from dms.uds.protocol import Nrc, Refused, exactly

ISO_14229_FORMAT = 0x01
"""DTCFormatIdentifier."""
OCCURRENCES, AGED = 1, 2
"""Extended data record numbers."""


class FaultReader:
    """ReadDTCInformation (0x19)."""

    def __init__(self, faults: FaultMemory) -> None:
        self._faults = faults
        self.subs: dict[int, tuple[int, Callable[[bytes], bytes]]] = {
            0x01: (1, self._count),
            0x02: (1, self._by_mask),
            0x03: (0, self._snapshot_list),
            0x04: (4, self._snapshot),
            0x06: (4, self._extended),
            0x0A: (0, self._supported),
        }
        """Sub-function -> bytes after it, what it does."""

    def read(self, request: bytes, _: int) -> bytes:
        """The response from the sub-function on. Errors: Refused."""
        length, run = self.subs[request[0]]
        exactly(request, 1 + length)
        return request[:1] + run(request[1:])

    def _count(self, mask: bytes) -> bytes:
        count = len(list(self._faults.matching(mask[0])))
        return bytes((AVAILABLE, ISO_14229_FORMAT)) + count.to_bytes(2, "big")

    def _by_mask(self, mask: bytes) -> bytes:
        return bytes((AVAILABLE,)) + b"".join(map(_entry, self._faults.matching(mask[0])))

    def _supported(self, _: bytes) -> bytes:
        return bytes((AVAILABLE,)) + b"".join(map(_entry, self._faults.all()))

    def _snapshot_list(self, _: bytes) -> bytes:
        return b"".join(
            code.to_bytes(3, "big") + bytes((number,))
            for code, _status in self._faults.all()
            for number in sorted(self._faults.snapshots(code))
        )

    def _known(self, request: bytes) -> tuple[int, bytes]:
        code = int.from_bytes(request[:3], "big")
        if code not in self._faults.faults:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        return code, request[:3] + bytes((self._faults.status(code),))

    def _snapshot(self, request: bytes) -> bytes:
        code, head = self._known(request)
        kept, wanted = self._faults.snapshots(code), request[3]
        if wanted != 0xFF and wanted not in (1, 2):
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        shots = [(n, kept[n]) for n in sorted(kept) if wanted in (n, 0xFF)]
        return head + b"".join(
            bytes((n, len(shot))) + b"".join(did.to_bytes(2, "big") + v for did, v in shot.items())
            for n, shot in shots
        )

    def _extended(self, request: bytes) -> bytes:
        code, head = self._known(request)
        records = dict(zip((OCCURRENCES, AGED), self._faults.counts(code), strict=True))
        if request[3] != 0xFF and request[3] not in records:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        return head + b"".join(
            bytes((n, count)) for n, count in records.items() if request[3] in (n, 0xFF)
        )


def _entry(fault: tuple[int, int]) -> bytes:
    return fault[0].to_bytes(3, "big") + bytes((fault[1],))
