"""Writes configs/dms.dbc and the generated parts of docs/can.md from dms/messages.py.

`python tools/make_dbc.py` writes; with `--check` it writes nothing and exits 1 when a file is not
what the code would give.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dms import e2e  # noqa: E402
from dms.messages import (  # noqa: E402
    ALERT,
    ALERT_RULES,
    MESSAGES,
)
from dms.signals import Message, NoValue, Signal, Value, encode  # noqa: E402
from dms.types import AlertKind  # noqa: E402

SEND_TYPES = ("Cyclic", "CyclicAndSpontaneous")
NODES = {"DMS": "Driver monitoring system.", "Vehicle": "The rest of the vehicle."}

HEADER_SIGNALS = (
    ("Crc", 0, 8, "E2E Profile 11: CRC-8 over data ID low, data ID high and bytes 1 to 7."),
    ("Counter", 8, 4, "E2E Profile 11: counts 0 to 14, one up in each message sent."),
)


def number(value: float) -> str:
    """A float without a needless `.0`, and without the noise of binary fractions."""
    return f"{value:.9g}"


def dbc() -> str:
    """The whole DBC file."""
    parts = (
        ['VERSION "1"', "", "NS_ :", "", "BS_:", "", "BU_: " + " ".join(NODES), ""],
        (line for message in MESSAGES for line in _message_lines(message)),
        _comment_lines(),
        _attribute_lines(),
        _value_lines(),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _message_lines(message: Message) -> Iterator[str]:
    yield f"BO_ {message.can_id} {message.name}: {Message.LENGTH} {message.sender}"
    for name, start, length, _ in HEADER_SIGNALS:
        top = e2e.COUNTER_MODULO - 1 if name == "Counter" else (1 << length) - 1
        yield f' SG_ {name} : {start}|{length}@1+ (1,0) [0|{top}] "" {message.receiver}'
    for s in message.signals:
        scale = f"({number(s.scale)},{number(s.offset)})"
        limits = f"[{number(s.minimum)}|{number(s.maximum)}]"
        place = f"{s.start}|{s.length}@1+"
        yield f' SG_ {s.name} : {place} {scale} {limits} "{s.unit}" {message.receiver}'
    yield ""


def _comment_lines() -> Iterator[str]:
    for node, text in NODES.items():
        yield f'CM_ BU_ {node} "{text}";'
    for m in MESSAGES:
        yield f'CM_ BO_ {m.can_id} "{m.comment}";'
        for name, _, _, text in HEADER_SIGNALS:
            yield f'CM_ SG_ {m.can_id} {name} "{text}";'
        for s in m.signals:
            yield f'CM_ SG_ {m.can_id} {s.name} "{s.comment}";'
    yield ""


def _attribute_lines() -> Iterator[str]:
    kinds = ",".join(f'"{kind}"' for kind in SEND_TYPES)
    yield 'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;'
    yield 'BA_DEF_ BO_ "GenMsgDelayTime" INT 0 65535;'
    yield 'BA_DEF_ BO_ "GenMsgTimeout" INT 0 65535;'
    yield f'BA_DEF_ BO_ "GenMsgSendType" ENUM {kinds};'
    yield 'BA_DEF_ BO_ "E2EDataId" INT 0 65535;'
    yield 'BA_DEF_ SG_ "GenSigStartValue" INT 0 65535;'
    for name in ("GenMsgCycleTime", "GenMsgDelayTime", "GenMsgTimeout", "E2EDataId"):
        yield f'BA_DEF_DEF_ "{name}" 0;'
    yield f'BA_DEF_DEF_ "GenMsgSendType" "{SEND_TYPES[0]}";'
    yield 'BA_DEF_DEF_ "GenSigStartValue" 0;'
    for m in MESSAGES:
        yield f'BA_ "GenMsgCycleTime" BO_ {m.can_id} {m.period_ms};'
        yield f'BA_ "GenMsgDelayTime" BO_ {m.can_id} {m.min_gap_ms};'
        yield f'BA_ "GenMsgTimeout" BO_ {m.can_id} {m.timeout_ms};'
        yield f'BA_ "GenMsgSendType" BO_ {m.can_id} {int(m.min_gap_ms > 0)};'
        yield f'BA_ "E2EDataId" BO_ {m.can_id} {m.data_id};'
        for s in m.signals:
            yield f'BA_ "GenSigStartValue" SG_ {m.can_id} {s.name} {s.not_available};'
    yield ""


def _value_lines() -> Iterator[str]:
    for m in MESSAGES:
        for s in m.signals:
            names = " ".join(f'{raw} "{name}"' for raw, name in sorted(s.names().items()))
            yield f"VAL_ {m.can_id} {s.name} {names} ;"


# docs/can.md ---------------------------------------------------------------------------------


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def overview() -> str:
    """Table of all messages."""
    head = ("message", "identifier", "data ID", "cycle", "missing after", "from", "meaning")
    rows = [_row(head), _row("---" for _ in head)]
    for m in MESSAGES:
        gap = f", and on change (gap >= {m.min_gap_ms} ms)" if m.min_gap_ms else ""
        cycle, missing = f"{m.period_ms} ms{gap}", f"{m.timeout_ms} ms"
        ids = (f"0x{m.can_id:03X}", f"0x{m.data_id:04X}")
        rows.append(_row((f"`{m.name}`", *ids, cycle, missing, m.sender, m.comment)))
    return "\n".join(rows)


def tables() -> str:
    """A section for each message, with a row for each signal."""
    return "\n\n".join(_section(m) for m in MESSAGES)


def _section(m: Message) -> str:
    codes = ("unknown", "invalid", "not available")
    head = ("signal", "start", "bits", "scale", "range", *codes, "meaning")
    rows = [f"### {m.name}", "", m.comment, "", _row(head), _row("---" for _ in head)]
    return "\n".join(rows + [_row(_signal_cells(s)) for s in m.signals])


def _signal_cells(s: Signal) -> tuple[object, ...]:
    scale = "table" if s.table else f"{number(s.scale)} {s.unit}".strip()
    if s.offset:
        scale += f" {s.offset:+g}"
    values = f"{number(s.minimum)} to {number(s.maximum)}"
    if s.table:
        values = ", ".join(f"{raw} {name}" for raw, name in s.table)
    codes = (s.unknown, s.invalid, s.not_available)
    return (f"`{s.name}`", s.start, s.length, scale, values, *codes, s.comment)


EXAMPLE: dict[str, Value] = {
    "AlertKind": float(AlertKind.DISTRACTION),
    "AlertLevel": 2.0,
    "AlertCount": 1.0,
    "AlertReason": float(ALERT_RULES.index("eyes off the road")),
    "RequestVisual": 1.0,
    "RequestAudible": 1.0,
    "RequestHaptic": 0.0,
    "AlertAge": 1.5,
}
EXAMPLE_COUNTER = 5


def example() -> str:
    """One DMS_Alert, bit by bit."""
    data = encode(ALERT, EXAMPLE, EXAMPLE_COUNTER).data
    word = int.from_bytes(data, "little")
    lines = [
        f"Frame 0x{ALERT.can_id:03X}, bytes `{data.hex(' ').upper()}`:",
        "",
        f"- Byte 0 is 0x{data[0]:02X}: the CRC-8 over `20 D3` (data ID 0x{ALERT.data_id:04X}, low "
        f"byte first) and bytes 1 to 7, `{data[1:].hex(' ').upper()}`.",
        f"- Byte 1 is 0x{data[1]:02X}: the counter is {data[1] & 15}, its low nibble.",
        f"- As one little-endian number the bytes are 0x{word:016X}.",
    ]
    return "\n".join(lines + [_example_line(s, word) for s in ALERT.signals])


def _example_line(s: Signal, word: int) -> str:
    raw = word >> s.start & (1 << s.length) - 1
    meaning = s.names().get(raw, f"{number(raw * s.scale + s.offset)} {s.unit}")
    return f"- `{s.name}` = (number >> {s.start}) & {(1 << s.length) - 1} = {raw}: {meaning}"


def unavailable() -> str:
    """Payloads of a monitor that is up but has nothing to say."""
    empty = encode(ALERT, {}, 0).data.hex(" ").upper()
    words = ", ".join(f"`{v.value}`" for v in NoValue)
    return f"`DMS_Alert` without data, counter 0: `{empty}`. (Names in the DBC: {words}.)"


GENERATED: dict[str, Callable[[], str]] = {
    "overview": overview,
    "tables": tables,
    "example": example,
    "unavailable": unavailable,
}


def manual(text: str) -> str:
    """`text` with what stands between each pair of generated-part markers made anew."""
    for name, make in GENERATED.items():
        begin, end = f"<!-- generated: {name} -->", "<!-- end -->"
        before, mark, rest = text.partition(begin)
        _, close, after = rest.partition(end)
        if not (mark and close):
            raise SystemExit(f"docs/can.md has no part between '{begin}' and '{end}'")
        text = f"{before}{begin}\n\n{make()}\n\n{end}{after}"
    return text


def main(argv: list[str] | None = None) -> int:
    """Write or check the files; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    check = parser.parse_args(argv).check
    page = ROOT / "docs/can.md"
    wanted = {ROOT / "configs/dms.dbc": dbc(), page: manual(page.read_text("utf-8"))}
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'is not what the code gives' if check else 'written'}")
        if not check:
            path.write_text(wanted[path], "utf-8")
    if stale and check:
        print("run: python tools/make_dbc.py")
    return int(bool(stale and check))


if __name__ == "__main__":
    sys.exit(main())
