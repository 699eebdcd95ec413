"""The generated parts of docs/can.md, and configs/car/default.yaml. See make_dbc.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields

from dms.car import OUR_CAR, SignalConfig
from dms.messages import ALERT, ALERT_RULES, FRAMES, MESSAGES, SENT, SENT_FD
from dms.quantities import QUANTITIES, Quantity
from dms.signals import BusFrame, Container, Message, NoValue, Signal, Value, encode
from dms.types import AlertKind


def number(value: float) -> str:
    """A float without a needless `.0`, and without the noise of binary fractions."""
    return str(int(value)) if value == int(value) else f"{value:.9g}"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    return "\n".join([_row(names), _row("---" for _ in names), *(_row(row) for row in rows)])


def overview() -> str:
    """Table of all frames."""
    head = ("message", "identifier", "data ID", "bytes", "cycle", "missing after", "meaning")
    return _table(head, (_overview_cells(f) for f in FRAMES))


def _overview_cells(f: BusFrame) -> tuple[object, ...]:
    whys = sorted(trigger.value for trigger in f.triggers)
    more = f", and when {'; '.join(whys)} (gap >= {f.min_gap_ms} ms)" if whys else ""
    data_id = f"0x{f.data_id:04X}" if isinstance(f, Message) else "of each section"
    identifier = f"0x{f.can_id:03X}"
    cycle, missing = f"{f.period_ms} ms{more}", f"{f.timeout_ms} ms"
    return (f"`{f.name}`", identifier, data_id, f.length, cycle, missing, f.comment)


def containers() -> str:
    """Which message lies where in each CAN FD frame."""
    rows = (
        (f"`{f.name}`", f"{8 * i} to {8 * i + 7}", f"`{section.name}`", f"0x{section.data_id:04X}")
        for f in FRAMES
        if isinstance(f, Container)
        for i, section in enumerate(f.sections)
    )
    return _table(("CAN FD frame", "bytes", "holds", "data ID"), rows)


def load() -> str:
    """What the monitor adds to a bus."""
    classic = sum(1000 / f.period_ms for f in SENT)
    bits = sum(1000 / f.period_ms * CLASSIC_BITS for f in SENT)
    fd = sum(1000 / f.period_ms for f in SENT_FD)
    return (
        f"Without changes the monitor sends {classic:.0f} frames a second on a classic bus, at "
        f"most {bits / 1000:.1f} kbit/s with stuff bits: {bits / 5000:.1f} % of 500 kbit/s. On a "
        f"CAN FD bus it sends {fd:.0f} frames a second, and `DMS_FdFace` with each frame of the "
        "camera instead of its cycle."
    )


CLASSIC_BITS = 135
"""Of a classic frame with an 11-bit identifier, 8 bytes, the longest stuffing and the gap."""


def tables() -> str:
    """A section for each message, with a row for each signal."""
    return "\n\n".join(_section(m) for m in MESSAGES)


def _section(m: Message) -> str:
    codes = ("unknown", "invalid", "not available")
    head = ("signal", "start", "bits", "scale", "range", *codes, "meaning")
    table = _table(head, (_signal_cells(s) for s in m.signals))
    return "\n".join([f"### {m.name}", "", m.comment, "", table])


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
    "AlertReason": float(ALERT_RULES.index("eyes off the road")),
    "RequestVisual": 1.0,
    "RequestAudible": 1.0,
    "RequestHaptic": 0.0,
    "AlertCount": 1.0,
    "AlertAge": 1.5,
    "AssistanceLockout": 0.0,
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
    meaning = s.names().get(raw, f"{number(raw * s.scale + s.offset)} {s.unit}".strip())
    return f"- `{s.name}` = (number >> {s.start}) & {(1 << s.length) - 1} = {raw}: {meaning}"


def unavailable() -> str:
    """Payloads of a monitor that is up but has nothing to say."""
    empty = encode(ALERT, {}, 0).data.hex(" ").upper()
    words = ", ".join(f"`{v.value}`" for v in NoValue)
    return f"`DMS_Alert` without data, counter 0: `{empty}`. (Names in the DBC: {words}.)"


def inputs() -> str:
    """What is taken from the vehicle, and what follows when it is not there."""
    head = ("key", "meaning", "units or names", "time-out", "when missing, invalid or not mapped")
    return _table(head, (_input_cells(key, q) for key, q in QUANTITIES.items()))


def _input_cells(key: str, q: Quantity) -> tuple[object, ...]:
    return (f"`{key}`", q.meaning, ", ".join(q.units or q.names), f"{q.timeout_ms} ms", q.absent)


def mapping_keys() -> str:
    """What a car's file may say of each signal."""
    rows = (
        (f"`{f.name}`", _default(f.default), f.metadata["doc"])
        for f in fields(SignalConfig)
    )  # fmt: skip
    return _table(("key", "default", "meaning"), rows)


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or value in ("", ()):
        return "none"
    return f"`{number(value) if isinstance(value, float) else value}`"


GENERATED: dict[str, Callable[[], str]] = {
    "overview": overview,
    "containers": containers,
    "load": load,
    "tables": tables,
    "example": example,
    "unavailable": unavailable,
    "inputs": inputs,
    "mapping keys": mapping_keys,
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


# configs/car/default.yaml -----------------------------------------------------------------------

CAR_HEAD = """\
# Where each quantity is on a car's bus. This file, written by tools/make_dbc.py, describes this
# project's own vehicle messages; a car's own messages need only a file like it. Keys, units and
# names: docs/can.md. A quantity that a car does not have is left out.
"""


def car_file() -> str:
    """This project's own vehicle messages as a car's file."""
    lines = [CAR_HEAD + f"name: {OUR_CAR.name}"]
    for key, s in OUR_CAR.signals().items():
        lines += ["", f"{key}:", *(f"  {line}" for line in _signal_yaml(s))]
    return "\n".join(lines) + "\n"


def _signal_yaml(s: SignalConfig) -> Iterator[str]:
    for f in fields(s):
        value = getattr(s, f.name)
        if f.name == "values" and value:
            yield "values:"
            yield from (f"  {name}: {raw}" for name, raw in value)
        elif value != f.default:
            yield f"{f.name}: {_yaml(f.name, value)}"


def _yaml(key: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if key in ("can_id", "e2e_data_id"):
        return f"0x{value:X}"
    if isinstance(value, float):
        return number(value)
    return f'"{value}"' if value in ("%", "1") else str(value)
