"""The engine's own thread: in order, never waiting for Python, and quickly stopped."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import toy_nets

from dms import _core
from dms.engine import Engine, LiveEngine, LiveObservation, ort_library
from dms.types import Frame

LIBRARY = str(ort_library())
WIDTH, HEIGHT = 320, 240
FRAME_NS = 16_666_667
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return toy_nets.all_nets(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def ring() -> _core.FrameRing:
    return _core.FrameRing(8, WIDTH, HEIGHT)


def image(seq: int) -> np.ndarray:
    return toy_nets.picture([(100.0 + seq, 110, 30)], WIDTH, HEIGHT, seed=seq)


def wait(live: LiveEngine) -> None:
    """Until the eventfd says that there is something."""
    ready, _, _ = select.select([live.fd], [], [], PATIENCE_S)
    assert ready, "the engine's thread gave no sign"
    os.read(live.fd, 8)


def observed(live: LiveEngine, count: int) -> Iterator[LiveObservation]:
    """The next `count` observations, as they come."""
    while count > 0:
        wait(live)
        for item in live.drain():
            count -= 1
            yield item


def test_observations_are_those_of_the_engine_called_by_hand(
    nets: dict[str, str], ring: _core.FrameRing
) -> None:
    by_hand = Engine(nets, LIBRARY)
    with LiveEngine(Engine(nets, LIBRARY), ring) as live:
        for seq in range(30):
            assert ring.write(image(seq), seq * FRAME_NS, seq)
            (item,) = observed(live, 1)
            expected = by_hand.step(Frame(seq, seq * FRAME_NS, image(seq)))
            assert (item.observation.seq, item.observation.t_ns) == (seq, seq * FRAME_NS)
            assert item.observation.quality == expected.quality
            assert item.observation.action == expected.action
            assert item.observation.face is not None
            assert expected.face is not None
            assert np.array_equal(item.observation.face.landmarks_px, expected.face.landmarks_px)
            assert item.cpu_ns > 0
            assert item.wall_ns > 0
        assert (live.counters.frames, live.counters.skipped, live.counters.dropped) == (30, 0, 0)


def test_a_closed_ring_is_observed_to_its_end_and_then_said_to_be(
    nets: dict[str, str], ring: _core.FrameRing
) -> None:
    ring.write(image(0), 0, 0)
    ring.close()
    with LiveEngine(Engine(nets, LIBRARY), ring) as live:
        seen: list[LiveObservation] = []
        while not live.finished:
            wait(live)
            seen += live.drain()
        seen += live.drain()
    assert [s.observation.seq for s in seen] == [0]


def test_what_nobody_fetches_is_dropped_oldest_first_and_counted(
    nets: dict[str, str], ring: _core.FrameRing
) -> None:
    total, room = 80, 64
    picture = image(0)
    with LiveEngine(Engine(nets, LIBRARY), ring) as live:
        for seq in range(total):
            ring.write(picture, seq * FRAME_NS, seq)
            until(lambda done=seq + 1: live.counters.frames == done)
        seen = list(live.drain())
        assert [s.observation.seq for s in seen] == list(range(total - room, total))
        assert live.counters.dropped == total - room


def until(true: object) -> None:
    """Waits for another thread's counter; there is no event for it."""
    end = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "the engine's thread did not get there"
        time.sleep(0.0005)


def test_frames_gone_before_their_turn_are_counted(
    nets: dict[str, str], ring: _core.FrameRing
) -> None:
    with LiveEngine(Engine(nets, LIBRARY), ring) as live:
        ring.write(image(0), 0, 0)
        list(observed(live, 1))
        ring.write(image(5), 5 * FRAME_NS, 5)
        list(observed(live, 1))
        assert live.counters.skipped == 4


def test_stopping_an_idle_engine_is_quick(nets: dict[str, str], ring: _core.FrameRing) -> None:
    live = _core.LiveEngine(Engine(nets, LIBRARY).native, ring)
    times = []
    for _ in range(5):
        live.start()
        start = time.monotonic()
        live.stop()
        times.append(time.monotonic() - start)
    assert min(times) < 0.1


def test_an_engine_in_its_thread_is_not_lent_to_another(
    nets: dict[str, str], ring: _core.FrameRing
) -> None:
    engine = Engine(nets, LIBRARY)
    with LiveEngine(engine, ring), pytest.raises(RuntimeError, match="in use"):
        engine.native.step(image(0), 0, 0)
    engine.step(Frame(0, 0, image(0)))


def test_a_forgotten_engine_ends_its_thread(nets: dict[str, str], ring: _core.FrameRing) -> None:
    before = threads()
    live = _core.LiveEngine(Engine(nets, LIBRARY).native, ring)
    live.start()
    assert threads() == before + 1
    del live
    assert threads() == before


def threads() -> int:
    return len(os.listdir("/proc/self/task"))


def cpu_per_wall(nets: dict[str, str], spinning: bool) -> float:
    """CPU time over wall time of the engine's own frames: what waiting for Python would lower."""
    ring = _core.FrameRing(4, WIDTH, HEIGHT)
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    spinner = threading.Thread(target=spin)
    if spinning:
        spinner.start()
    shares = []
    try:
        with LiveEngine(Engine(nets, LIBRARY), ring) as live:
            for seq in range(60):
                ring.write(image(seq % 20), seq * FRAME_NS, seq)
                shares += [item.cpu_ns / item.wall_ns for item in observed(live, 1)]
    finally:
        stop.set()
        if spinning:
            spinner.join()
    return float(np.quantile(shares, 0.75))


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs a core for each thread")
def test_a_busy_python_thread_does_not_slow_the_engine(nets: dict[str, str]) -> None:
    # A frame path that took Python's lock would wait up to 5 ms in each frame of about 1 ms. Two
    # threads that merely share the machine with others still get most of a core at their best.
    quiet, busy = cpu_per_wall(nets, spinning=False), cpu_per_wall(nets, spinning=True)
    assert busy > 0.6 * quiet
