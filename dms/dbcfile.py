"""Where signals lie, out of a car's DBC: as much of the format as a mapping needs.

Read without another package, because the monitor reads it at its start. Multiplexed and
floating-point signals are told apart, so that they can be refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

MAX_BYTES = 16 << 20
"""No DBC is larger; a wrong file given by mistake often is."""
EXTENDED = 1 << 31
"""Set in a DBC's identifier when it has 29 bits."""

_MESSAGE = re.compile(r"BO_\s+(\d{1,10})\s+(\w+)\s*:\s*(\d{1,4})\b")
_NUMBER = r"\s*([-+0-9.eE]+)\s*"
_SIGNAL = re.compile(
    r"SG_\s+(\w+)\s*(M|m\d+M?)?\s*:\s*(\d{1,4})\|(\d{1,4})@([01])([+-])"
    rf"\s*\({_NUMBER},{_NUMBER}\)\s*\[[^\]]*\]\s*\"([^\"]*)\""
)
_FLOAT = re.compile(r"SIG_VALTYPE_\s+(\d{1,10})\s+(\w+)\s*:?\s*[12]\s*;")


@dataclass(frozen=True, slots=True)
class DbcSignal:
    """One signal and its message."""

    can_id: int
    extended: bool
    length: int
    start_bit: int
    bits: int
    big_endian: bool
    signed: bool
    scale: float
    offset: float
    unit: str
    multiplexed: bool = False
    floating: bool = False


def read_dbc(path: Path) -> Mapping[str, DbcSignal]:
    """Signals by "Message.Signal". Errors: OSError; ValueError when it is no DBC."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes; is this a DBC?")
    found = parse_dbc(data.decode("latin-1"))
    if not found:
        raise ValueError("no signal in it; is this a DBC?")
    return found


def parse_dbc(text: str) -> dict[str, DbcSignal]:
    """Signals by "Message.Signal"; lines that are not understood are passed over. Never raises."""
    found: dict[str, DbcSignal] = {}
    raw_id, message, length = 0, "", 0
    for line in text.splitlines():
        line = line.strip()
        if begins := _MESSAGE.match(line):
            raw_id, message, length = int(begins[1]), begins[2], int(begins[3])
        elif message and (lies := _SIGNAL.match(line)):
            signal = _signal(lies, raw_id, length)
            if signal is not None:
                found[f"{message}.{lies[1]}"] = signal
        elif real := _FLOAT.match(line):
            _mark_float(found, int(real[1]), real[2])
    return found


def _signal(lies: re.Match[str], raw_id: int, length: int) -> DbcSignal | None:
    try:
        scale, offset = float(lies[7]), float(lies[8])
    except ValueError:
        return None
    return DbcSignal(
        can_id=raw_id & ~EXTENDED,
        extended=bool(raw_id & EXTENDED),
        length=length,
        start_bit=int(lies[3]),
        bits=int(lies[4]),
        big_endian=lies[5] == "0",
        signed=lies[6] == "-",
        scale=scale,
        offset=offset,
        unit=lies[9],
        multiplexed=lies[2] is not None and lies[2] != "M",
    )


def _mark_float(found: dict[str, DbcSignal], raw_id: int, name: str) -> None:
    for key, signal in found.items():
        if key.endswith(f".{name}") and signal.can_id == raw_id & ~EXTENDED:
            found[key] = replace(signal, floating=True)
