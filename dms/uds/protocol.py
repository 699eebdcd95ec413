"""Words of ISO 14229-1: response codes, answers, and what a unit offers to a tester."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from dms.uds.dtc import FaultMemory


class Nrc(IntEnum):
    """Negative response codes, ISO 14229-1 annex A."""

    GENERAL_REJECT = 0x10
    SERVICE_NOT_SUPPORTED = 0x11
    SUB_FUNCTION_NOT_SUPPORTED = 0x12
    INCORRECT_LENGTH = 0x13
    RESPONSE_TOO_LONG = 0x14
    BUSY_REPEAT_REQUEST = 0x21
    CONDITIONS_NOT_CORRECT = 0x22
    REQUEST_SEQUENCE_ERROR = 0x24
    REQUEST_OUT_OF_RANGE = 0x31
    SECURITY_ACCESS_DENIED = 0x33
    INVALID_KEY = 0x35
    EXCEEDED_ATTEMPTS = 0x36
    REQUIRED_DELAY = 0x37
    PROGRAMMING_FAILURE = 0x72
    RESPONSE_PENDING = 0x78
    SUB_FUNCTION_NOT_IN_SESSION = 0x7E
    SERVICE_NOT_IN_SESSION = 0x7F


SILENT_WHEN_FUNCTIONAL = frozenset(
    (
        Nrc.SERVICE_NOT_SUPPORTED,
        Nrc.SUB_FUNCTION_NOT_SUPPORTED,
        Nrc.REQUEST_OUT_OF_RANGE,
        Nrc.SUB_FUNCTION_NOT_IN_SESSION,
        Nrc.SERVICE_NOT_IN_SESSION,
    )
)
"""Not answered when the request went to all units."""


class Refused(Exception):
    """A request that is answered with a negative response code."""

    def __init__(self, nrc: Nrc) -> None:
        self.nrc = nrc
        super().__init__(nrc.name)


def negative(service: int, nrc: Nrc) -> bytes:
    """A negative response."""
    return bytes((0x7F, service, nrc))


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is the response; a suppressed one is sent only after "response pending"."""

    data: bytes
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Identifier:
    """One data identifier. read gives `length` bytes; write may raise Refused or OSError."""

    name: str
    length: int
    read: Callable[[], bytes]
    write: Callable[[bytes], None] | None = None


@dataclass(frozen=True, slots=True)
class Routine:
    """One routine. start takes the option bytes and gives the status record; may raise Refused."""

    name: str
    start: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Offers:
    """What the unit has to offer."""

    identifiers: Mapping[int, Identifier]
    routines: Mapping[int, Routine]
    faults: FaultMemory
    keep: Callable[[], None]
    """Writes the fault memory down. Errors: OSError."""
    reset: Callable[[], None]
    """Ends and starts the monitor anew, once the response is out."""


def exactly(request: bytes, length: int) -> None:
    """Refuse a request of another length."""
    if len(request) != length:
        raise Refused(Nrc.INCORRECT_LENGTH)
