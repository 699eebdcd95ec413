"""What a setting is: a dataclass field with its meaning, range and source."""

from __future__ import annotations

from dataclasses import field
from typing import Any

NCAP = "Euro NCAP Safe Driving, Driver Engagement v1.1 (2026)"
DDAW = "(EU) 2021/1341 (DDAW)"
R171 = "UN R171"
ADDW = "(EU) 2023/2590 (ADDW)"
DDAW = "(EU) 2021/1341 (DDAW)"
R171 = "UN R171"
CHINA = "GB/T 41797-2022"
OPENPILOT = "openpilot driver monitoring"
MS = 1_000_000
"""Nanoseconds in a millisecond."""


def param(
    default: Any,
    doc: str,
    source: str,
    *,
    lo: float | None = None,
    hi: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field that knows its meaning, range and source."""
    meta = {"doc": doc, "source": source, "lo": lo, "hi": hi, "choices": choices}
    return field(default=default, metadata=meta)
