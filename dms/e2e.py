"""AUTOSAR E2E Profile 11 with both data-ID bytes in the CRC: protect what is sent, check the rest.

Byte 0 holds the CRC, the low nibble of byte 1 a counter 0..14; the rest of byte 1 is payload.
Source: AUTOSAR FO R22-11, E2E Protocol Specification, profile 11, data-ID mode BOTH.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

CRC_POLYNOMIAL = 0x1D
"""SAE J1850's; this profile starts from 0x00 and does not invert the result."""
COUNTER_MODULO = 15
"""Counter values 0..14; 15 is never sent."""
HEADER_BITS = 12
"""CRC and counter, at the start of every protected message."""


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = (value << 1) ^ CRC_POLYNOMIAL if value & 0x80 else value << 1
    return value & 0xFF


_CRC = bytes(_crc_of_byte(value) for value in range(256))


def crc8(data: bytes) -> int:
    """CRC-8 of `data`: polynomial 0x1D, initial value 0x00, no final XOR, not reflected."""
    crc = 0
    for byte in data:
        crc = _CRC[crc ^ byte]
    return crc


def checksum(data_id: int, payload: bytes) -> int:
    """What byte 0 of `payload` must be; its present value plays no part."""
    return crc8(data_id.to_bytes(2, "little") + payload[1:])


def protect(data_id: int, payload: bytes, counter: int) -> bytes:
    """`payload` with its CRC and counter set. At least two bytes; `counter` is taken modulo 15."""
    body = bytearray(payload)
    body[1] = body[1] & 0xF0 | counter % COUNTER_MODULO
    body[0] = checksum(data_id, bytes(body))
    return bytes(body)


class Verdict(Enum):
    """What the check of one received message says about it."""

    OK = "ok"
    INITIAL = "initial"
    """First good message: nothing to compare its counter with, so not to be used yet."""
    LOST = "lost"
    """Good, but some before it are missing, no more than tolerated."""
    JUMPED = "jumped"
    """The counter moved too far: the sender restarted or was away. The next one is judged anew."""
    REPEATED = "repeated"
    """The same counter again: frozen or replayed."""
    WRONG_CRC = "wrong_crc"
    """Corrupted, not for us, of the wrong length, or a counter that is never sent."""

    @property
    def usable(self) -> bool:
        """Whether the content may be used."""
        return self in (Verdict.OK, Verdict.LOST)


@dataclass(frozen=True, slots=True)
class Checker:
    """The receiving side of one message. A value: `check` returns the next one."""

    data_id: int
    length: int = 8
    max_step: int = 3
    """Largest counter step tolerated: two lost in a row, as the time-out is three cycles."""
    last: int | None = None

    def check(self, payload: bytes) -> tuple[Checker, Verdict]:
        """Judge one message as received. Never raises, whatever the bytes."""
        if len(payload) != self.length or payload[0] != checksum(self.data_id, payload):
            return self, Verdict.WRONG_CRC
        counter = payload[1] & 0x0F
        if counter >= COUNTER_MODULO:
            return self, Verdict.WRONG_CRC
        return replace(self, last=counter), self._judge(counter)

    def _judge(self, counter: int) -> Verdict:
        if self.last is None:
            return Verdict.INITIAL
        step = (counter - self.last) % COUNTER_MODULO
        if step == 0:
            return Verdict.REPEATED
        if step == 1:
            return Verdict.OK
        return Verdict.LOST if step <= self.max_step else Verdict.JUMPED
