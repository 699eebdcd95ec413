"""What the daemon measures of itself is what it tells on the bus."""

from __future__ import annotations

from dms.commands.meter import Meter

MS = 1_000_000
SECOND = 1000 * MS


def test_a_second_of_frames_is_told_as_rate_latency_drops_and_load() -> None:
    meter = Meter()
    first = meter.measure(0, 5, 0, None)
    assert (first.frame_rate_hz, first.dropped, first.cpu_pct) == (None, None, None)
    for n in range(30):
        meter.add((n + 1) * 33 * MS, (40 if n == 7 else 12) * MS, 0.1 * n)
    assert not meter.due(999 * MS)
    assert meter.due(SECOND)
    told = meter.measure(SECOND, 9, 300 * MS, 61.5)
    assert told.frame_rate_hz == 30.0
    assert (told.latency_p50_ms, told.latency_p99_ms) == (12.0, 40.0)
    assert (told.dropped, told.cpu_pct, told.temperature_c) == (4, 30.0, 61.5)
    assert told.drift == 0.1 * 29


def test_a_stall_has_no_median_but_remembers_the_worst_of_ten_seconds() -> None:
    meter = Meter()
    meter.measure(0, 0, 0, None)
    meter.add(500 * MS, 70 * MS)
    meter.measure(SECOND, 0, 0, None)
    told = meter.measure(2 * SECOND, 0, 0, None)
    assert (told.frame_rate_hz, told.latency_p50_ms, told.latency_p99_ms) == (0.0, None, 70.0)
    assert told.drift is None
    assert meter.measure(20 * SECOND, 0, 0, None).latency_p99_ms is None
