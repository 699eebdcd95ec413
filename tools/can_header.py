"""The constants of tools/receiver_example: dms_messages.h. See make_dbc.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dms.messages import FRAMES, MESSAGES_SENT, SENT_FD
from dms.signals import Message, NoValue, Signal

HEAD = """\
/* Written by tools/make_dbc.py from the monitor's own definition of its messages: do not edit. */
#ifndef DMS_MESSAGES_H
#define DMS_MESSAGES_H

#include "dms_receiver.h"
"""


def header() -> str:
    """The whole file."""
    lines = [HEAD, *_constants()]
    for m in MESSAGES_SENT:
        lines += ["", f"/* {m.name}: {m.comment} */", *_tables(m), *_signals(m)]
    lines += ["", *_messages(), "", *_containers(), "", "#endif"]
    return "\n".join(lines) + "\n"


def macro(name: str) -> str:
    """DMS_FdState as DMS_FD_STATE."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def _constants() -> Iterator[str]:
    for f in (*MESSAGES_SENT, *SENT_FD):
        name = macro(f.name)
        yield f"#define {name}_ID 0x{f.can_id:03X}u"
        yield f"#define {name}_TIMEOUT_MS {f.timeout_ms}u"
        if isinstance(f, Message):
            yield f"#define {name}_DATA_ID 0x{f.data_id:04X}u"


def _tables(m: Message) -> Iterator[str]:
    """Named values of the choices."""
    for s in m.signals:
        if s.table and {name for _, name in s.table} - {"No", "Yes", "Ok", "Fault", "Lost"}:
            names = ", ".join(f"DMS_{macro(s.name)}_{macro(n)} = {raw}" for raw, n in s.table)
            yield f"enum {{ {names} }};"


def _signals(m: Message) -> Iterator[str]:
    yield f"enum {{ {', '.join(f'DMS_IN_{macro(s.name)}' for s in m.signals)} }};"
    yield f"static const DmsSignal {_array(m)}[] = {{"
    yield from (f"    {_signal(s)}," for s in m.signals)
    yield "};"


def _array(m: Message) -> str:
    return f"{macro(m.name).lower()}_signals"


def _signal(s: Signal) -> str:
    codes = ", ".join(f"{getattr(s, v.name.lower())}u" for v in NoValue)
    valid = f"{s.top}u, 0x{_mask(s):X}ull" if s.table else f"{s.top}u, 0ull"
    scale = f"{s.scale!r}f, {s.offset!r}f"
    return f'{{"{s.name}", {s.start}u, {s.length}u, {scale}, {valid}, {codes}}}'


def _mask(s: Signal) -> int:
    """One bit for each entry of the table."""
    return sum(1 << raw for raw, _ in s.table)


def _messages() -> Iterator[str]:
    yield f"enum {{ {', '.join(f'{macro(m.name)}' for m in MESSAGES_SENT)}, DMS_MESSAGES }};"
    yield "static const DmsMessage dms_messages[DMS_MESSAGES] = {"
    for m in MESSAGES_SENT:
        n = macro(m.name)
        count = f"{len(m.signals)}u"
        names = f'"{m.name}", {n}_ID, {n}_DATA_ID, {n}_TIMEOUT_MS, {_array(m)}, {count}'
        yield f"    {{{names}}},"
    yield "};"


def _containers() -> Iterator[str]:
    yield "static const DmsContainer dms_containers[] = {"
    for f in FRAMES:
        if f not in SENT_FD:
            continue
        parts = ", ".join(macro(section.name) for section in f.sections)
        yield f"    {{{macro(f.name)}_ID, {macro(f.name)}_TIMEOUT_MS, {len(f.sections)}u, "
        yield f"     {{{parts}}}}},"
    yield "};"
    yield "#define DMS_CONTAINERS (sizeof dms_containers / sizeof dms_containers[0])"
