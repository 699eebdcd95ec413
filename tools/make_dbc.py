"""Writes what follows from dms/messages.py: configs/dms.dbc, the generated parts of docs/can.md,
configs/car/default.yaml, and the constants of tools/receiver_example.

`python tools/make_dbc.py` writes; with `--check` it writes nothing and exits 1 when a file is not
what the code would give.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dms import e2e  # noqa: E402
from dms.messages import FRAMES  # noqa: E402
from dms.signals import BusFrame, Message, Signal  # noqa: E402
from tools.can_header import header  # noqa: E402
from tools.can_manual import car_file, manual, number  # noqa: E402

SEND_TYPES = ("Cyclic", "CyclicAndSpontaneous")
FRAME_FORMATS = (
    "StandardCAN", "ExtendedCAN", "reserved", "J1939PG", *("reserved",) * 10, "StandardCAN_FD",
    "ExtendedCAN_FD",
)  # fmt: skip
"""Vector's numbering, which tools know."""
NODES = {"DMS": "Driver monitoring system.", "Vehicle": "The rest of the vehicle."}

HEADER_SIGNALS = (
    ("Crc", 0, 8, "E2E Profile 11: CRC-8 over data ID low, data ID high and bytes 1 to 7."),
    ("Counter", 8, 4, "E2E Profile 11: counts 0 to 14, one up in each message sent."),
)


def dbc() -> str:
    """The whole DBC file."""
    parts = (
        ['VERSION "2"', "", "NS_ :", "", "BS_:", "", "BU_: " + " ".join(NODES), ""],
        (line for frame in FRAMES for line in _frame_lines(frame)),
        _comment_lines(),
        _attribute_lines(),
        _value_lines(),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def header_name(frame: BusFrame, section: Message, name: str) -> str:
    """Name of a section's CRC or counter: in a container it carries the section's."""
    return name if frame is section else f"{section.name.removeprefix('DMS_')}_{name}"


def _frame_lines(frame: BusFrame) -> Iterator[str]:
    yield f"BO_ {frame.can_id} {frame.name}: {frame.length} {frame.sender}"
    for index, section in enumerate(frame.sections):
        base = 8 * Message.LENGTH * index
        for name, start, length, _ in HEADER_SIGNALS:
            top = e2e.COUNTER_MODULO - 1 if name == "Counter" else (1 << length) - 1
            named = header_name(frame, section, name)
            place = f"{base + start}|{length}@1+"
            yield f' SG_ {named} : {place} (1,0) [0|{top}] "" {frame.receiver}'
        yield from (_signal_line(s, base, frame.receiver) for s in section.signals)
    yield ""


def _signal_line(s: Signal, base: int, receiver: str) -> str:
    scale = f"({number(s.scale)},{number(s.offset)})"
    limits = f"[{number(s.minimum)}|{number(s.maximum)}]"
    return f' SG_ {s.name} : {base + s.start}|{s.length}@1+ {scale} {limits} "{s.unit}" {receiver}'


def _comment_lines() -> Iterator[str]:
    for node, text in NODES.items():
        yield f'CM_ BU_ {node} "{text}";'
    for f in FRAMES:
        yield f'CM_ BO_ {f.can_id} "{f.comment}";'
        for section in f.sections:
            for name, _, _, text in HEADER_SIGNALS:
                yield f'CM_ SG_ {f.can_id} {header_name(f, section, name)} "{text}";'
            for s in section.signals:
                yield f'CM_ SG_ {f.can_id} {s.name} "{s.comment}";'
    yield ""


def _attribute_lines() -> Iterator[str]:
    yield from _attribute_definitions()
    yield 'BA_ "BusType" "CAN FD";'
    for f in FRAMES:
        fd = f.length > Message.LENGTH
        yield f'BA_ "GenMsgCycleTime" BO_ {f.can_id} {f.period_ms};'
        yield f'BA_ "GenMsgDelayTime" BO_ {f.can_id} {f.min_gap_ms};'
        yield f'BA_ "GenMsgTimeout" BO_ {f.can_id} {f.timeout_ms};'
        yield f'BA_ "GenMsgSendType" BO_ {f.can_id} {int(f.min_gap_ms > 0)};'
        yield f'BA_ "VFrameFormat" BO_ {f.can_id} {FRAME_FORMATS.index("StandardCAN_FD") * fd};'
        yield f'BA_ "CANFD_BRS" BO_ {f.can_id} {int(fd)};'
        for section in f.sections:
            if f is section:
                yield f'BA_ "E2EDataId" BO_ {f.can_id} {section.data_id};'
            crc = header_name(f, section, "Crc")
            yield f'BA_ "E2ESectionDataId" SG_ {f.can_id} {crc} {section.data_id};'
            for s in section.signals:
                yield f'BA_ "GenSigStartValue" SG_ {f.can_id} {s.name} {s.not_available};'
    yield ""


def _attribute_definitions() -> Iterator[str]:
    kinds = ",".join(f'"{kind}"' for kind in SEND_TYPES)
    formats = ",".join(f'"{name}"' for name in FRAME_FORMATS)
    yield 'BA_DEF_ "BusType" STRING;'
    yield 'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;'
    yield 'BA_DEF_ BO_ "GenMsgDelayTime" INT 0 65535;'
    yield 'BA_DEF_ BO_ "GenMsgTimeout" INT 0 65535;'
    yield f'BA_DEF_ BO_ "GenMsgSendType" ENUM {kinds};'
    yield f'BA_DEF_ BO_ "VFrameFormat" ENUM {formats};'
    yield 'BA_DEF_ BO_ "CANFD_BRS" ENUM "0","1";'
    yield 'BA_DEF_ BO_ "E2EDataId" INT 0 65535;'
    yield 'BA_DEF_ SG_ "E2ESectionDataId" INT 0 65535;'
    yield 'BA_DEF_ SG_ "GenSigStartValue" FLOAT 0 100000000000000;'
    yield 'BA_DEF_DEF_ "BusType" "CAN";'
    for name in ("GenMsgCycleTime", "GenMsgDelayTime", "GenMsgTimeout", "E2EDataId"):
        yield f'BA_DEF_DEF_ "{name}" 0;'
    yield f'BA_DEF_DEF_ "GenMsgSendType" "{SEND_TYPES[0]}";'
    yield f'BA_DEF_DEF_ "VFrameFormat" "{FRAME_FORMATS[0]}";'
    yield 'BA_DEF_DEF_ "CANFD_BRS" "0";'
    yield 'BA_DEF_DEF_ "E2ESectionDataId" 0;'
    yield 'BA_DEF_DEF_ "GenSigStartValue" 0;'


def _value_lines() -> Iterator[str]:
    for f in FRAMES:
        for s in f.signals:
            names = " ".join(f'{raw} "{name}"' for raw, name in sorted(s.names().items()))
            yield f"VAL_ {f.can_id} {s.name} {names} ;"


def outputs(root: Path) -> dict[Path, str]:
    """Every generated file and what it must hold."""
    page = root / "docs/can.md"
    return {
        root / "configs/dms.dbc": dbc(),
        page: manual(page.read_text("utf-8")),
        root / "configs/car/default.yaml": car_file(),
        root / "tools/receiver_example/dms_messages.h": header(),
    }


def main(argv: list[str] | None = None) -> int:
    """Write or check the files; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 on a difference"
    )
    check = parser.parse_args(argv).check
    wanted = outputs(ROOT)
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'is not what the code gives' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], "utf-8")
    if stale and check:
        print("run: python tools/make_dbc.py")
    return int(bool(stale and check))


if __name__ == "__main__":
    sys.exit(main())
