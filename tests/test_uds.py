"""Diagnostics as a workshop's tester sees them, and whatever a broken or hostile one sends."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import math
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import QUALITY, look
from test_transmit import STATE

from dms import __version__, cannode
from dms.canbus import Controller, Received, parse_bus
from dms.canlink import BusHealth, Link
from dms.cannode import BATCH, DIAGNOSTIC_BATCH, CanNode, Scheduler
from dms.car import OUR_CAR, load_car
from dms.commands.common import identity
from dms.commands.diagnosis import (
    IN_SNAPSHOT,
    Desk,
    open_diagnostics,
    stored_settings,
)
from dms.config import CanConfig, Config, DiagnosticsConfig, load
from dms.errors import UsageError
from dms.messages import ALERT, IDENTITY
from dms.moment import Identity
from dms.rawcan import RawPort
from dms.signals import NoValue, decode
from dms.transmit import TxFrame, TxPlan
from dms.types import Availability, Face, Observation, Reason, Step
from dms.uds import dtc, nvm
from dms.uds.access import KEY_BYTES, key_of
from dms.uds.dtc import CONFIRMED, PENDING, TEST_FAILED, Fault, FaultMemory
from dms.uds.exchange import BURST, Exchange, Request
from dms.uds.isotp import IsoTp
from dms.uds.nvm import Kept, Store
from dms.uds.protocol import Answer, Nrc
from dms.uds.server import DEFAULT, EXTENDED, Server
from dms.uds.unit import Diagnostics, read_secret
from dms.uds.watch import (
    BUS_LOST,
    BUS_OFF,
    CAMERA_SILENT,
    FAULTS,
    MEMORY,
    SPEED_MISSING,
    SPEED_WRONG,
    TOO_HOT,
    Vitals,
    Watch,
)
from dms.vehicle import VehicleInput

ROOT = Path(__file__).resolve().parent.parent
MS = 1_000_000
SECOND = 1000 * MS
SECRET = b"sixteen bytes or more"
REQUEST, RESPONSE = 0x7A0, 0x7A8
CONFIG = replace(Config(), diagnostics=DiagnosticsConfig(request_id=REQUEST, response_id=RESPONSE))
WHO = identity(CONFIG, OUR_CAR)


@dataclass
class Bench:
    """A server on a desk without a bus; time is ours."""

    folder: Path | None = None
    now_ns: int = 0
    desk: Desk = field(init=False)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        store = Store(self.folder)
        self.desk = Desk(CONFIG, store, store.load(), lambda: self.now_ns, WHO)
        unit = Diagnostics(CONFIG.diagnostics, self.desk.offers(), self.desk.watch, lambda: 0)
        self.server = unit.server
        self.server.access.secret = SECRET

    def ask(self, request: str, functional: bool = False) -> str:
        answer = self.server.handle(bytes.fromhex(request), functional, self.now_ns)
        return "" if answer.suppressed else answer.data.hex(" ")

    def unlock(self) -> None:
        assert self.ask("10 03").startswith("50 03")
        seed = bytes.fromhex(self.ask("27 01"))[2:]
        assert self.ask("27 02" + key_of(SECRET, seed).hex()) == "67 02"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "state")


# Sessions, security, refusals


def test_the_session_control_tells_its_times_and_falls_back_without_the_tester(
    bench: Bench,
) -> None:
    assert bench.ask("22 F1 86") == "62 f1 86 01"
    assert bench.ask("10 03") == "50 03 00 32 01 f4"
    bench.now_ns += 4900 * MS
    assert bench.ask("3E 80") == ""
    bench.now_ns += 4900 * MS
    assert bench.ask("22 F1 86") == "62 f1 86 03"
    bench.now_ns += 5001 * MS
    assert bench.ask("22 F1 86") == "62 f1 86 01"


def test_a_new_session_and_a_silent_tester_lock_again(bench: Bench) -> None:
    bench.unlock()
    assert bench.ask("27 01") == "67 01" + " 00" * 16, "unlocked: the seed is zero"
    bench.now_ns += 6 * SECOND
    assert bench.ask("10 03").startswith("50")
    assert bench.ask("14 FF FF FF") == "7f 14 33"
    bench.unlock()
    assert bench.ask("14 FF FF FF") == "54"
    bench.ask("10 01")
    assert bench.ask("14 FF FF FF") == "7f 14 33"


@pytest.mark.parametrize(
    ("request_", "nrc"),
    [
        ("", "7f 00 11"),
        ("00", "7f 00 11"),
        ("85 01", "7f 85 11"),
        ("7F 10 11", "7f 7f 11"),
        ("10", "7f 10 13"),
        ("10 02", "7f 10 12"),
        ("10 03 00", "7f 10 13"),
        ("11 01", "7f 11 7f"),
        ("14 FF FF", "7f 14 13"),
        ("14 FF FF FF", "7f 14 33"),
        ("19 02", "7f 19 13"),
        ("19 FF 00", "7f 19 12"),
        ("19 04 12 34 56 FF", "7f 19 31"),
        ("22", "7f 22 13"),
        ("22 F1", "7f 22 13"),
        ("22 12 34", "7f 22 31"),
        ("22" + " F1 89" * 17, "7f 22 13"),
        ("27 01", "7f 27 7f"),
        ("2E F1 90 00", "7f 2e 7f"),
        ("31 01 02 00", "7f 31 7f"),
        ("3E", "7f 3e 13"),
        ("3E 01", "7f 3e 12"),
        ("3E 00 00", "7f 3e 13"),
    ],
)
def test_what_is_wrong_in_the_default_session_is_told(
    bench: Bench, request_: str, nrc: str
) -> None:
    assert bench.ask(request_) == nrc


@pytest.mark.parametrize(
    ("request_", "nrc"),
    [
        ("11 02", "7f 11 12"),
        ("14 12 34 56", "7f 14 31"),
        ("2E FD 10 03", "7f 2e 31"),
        ("2E FD 10 01 01", "7f 2e 13"),
        ("2E FD 11 7F FF", "7f 2e 31"),
        ("2E F1 89 00", "7f 2e 31"),
        ("2E F1 90" + " 21" * 17, "7f 2e 31"),
        ("31 01 12 34", "7f 31 31"),
        ("31 02 02 00", "7f 31 12"),
        ("31 01 02 01", "7f 31 22"),
        ("31 01 02 02", "7f 31 22"),
        ("31 01 02 00 00", "7f 31 13"),
    ],
)
def test_what_is_wrong_when_unlocked_is_told(bench: Bench, request_: str, nrc: str) -> None:
    bench.unlock()
    assert bench.ask(request_) == nrc


@pytest.mark.parametrize("request_", ["11 01", "14 FF FF FF", "2E FD 10 01", "31 01 02 00"])
def test_nothing_changes_state_without_security_access(bench: Bench, request_: str) -> None:
    before = bench.desk.faults.to_dict(), dict(bench.desk.settings)
    bench.ask("10 03")
    assert bench.ask(request_) == f"7f {request_[:2].lower()} 33"
    assert (bench.desk.faults.to_dict(), dict(bench.desk.settings)) == before
    assert not bench.desk.reset_asked.is_set()


def test_wrong_keys_lock_it_out_for_ten_seconds(bench: Bench) -> None:
    wrong = "27 02" + "00" * KEY_BYTES
    bench.ask("10 03")
    assert bench.ask(wrong) == "7f 27 24", "no seed was asked for"
    for nrc in ("35", "35", "36"):
        bench.ask("27 01")
        assert bench.ask(wrong) == f"7f 27 {nrc}"
    assert bench.ask("27 01") == "7f 27 37"
    for _ in range(3):
        bench.now_ns += 3 * SECOND
        assert bench.ask("3E 80") == ""
        assert bench.ask("27 01") == "7f 27 37"
    bench.now_ns += 1001 * MS
    bench.ask("27 01")
    assert bench.ask(wrong) == "7f 27 36", "after the delay there is one attempt"


def test_a_seed_is_good_for_one_key_and_never_comes_twice(bench: Bench) -> None:
    bench.ask("10 03")
    seed = bytes.fromhex(bench.ask("27 01"))[2:]
    assert bench.ask("27 02" + "00" * KEY_BYTES) == "7f 27 35"
    assert bench.ask("27 02" + key_of(SECRET, seed).hex()) == "7f 27 24"
    assert len({bench.ask("27 01") for _ in range(50)}) == 50


def test_without_a_secret_nothing_can_be_unlocked(bench: Bench) -> None:
    bench.server.access.secret = None
    bench.ask("10 03")
    assert bench.ask("27 01") == "7f 27 22"
    assert bench.ask("27 02" + "00" * KEY_BYTES) == "7f 27 24"


def test_the_secret_comes_from_a_file_of_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"0" * 32)
    file.chmod(0o600)
    assert read_secret(str(file)) == b"0" * 32
    assert read_secret(None) is None
    file.chmod(0o640)
    with pytest.raises(UsageError, match="others may read it - chmod 600"):
        read_secret(str(file))
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(UsageError, match="5 bytes"):
        read_secret(str(file))
    with pytest.raises(UsageError, match="No such file"):
        read_secret(str(tmp_path / "none"))


def test_to_all_units_only_what_we_support_is_answered(bench: Bench) -> None:
    assert bench.ask("3E 00", functional=True) == "7e 00"
    assert bench.ask("22 F1 89", functional=True).startswith("62 f1 89")
    for silent in ("85 01", "10 7F", "22 12 34", "11 01"):
        assert bench.ask(silent, functional=True) == ""
    assert bench.ask("10", functional=True) == "7f 10 13"


# Identifiers, settings, routines


def test_every_identifier_has_the_length_that_the_documentation_gives(bench: Bench) -> None:
    for number, known in bench.desk.identifiers.items():
        assert len(known.read()) == known.length, f"{number:04X}"
    page = (Path(__file__).parent.parent / "docs" / "diagnostics.md").read_text()
    for number, known in bench.desk.identifiers.items():
        assert f"| 0x{number:04X} | {known.length} |" in page, f"{number:04X} {known.name}"
    for fault in FAULTS:
        assert f"| 0x{fault.code:06X} | {fault.name} |" in page


def test_several_identifiers_come_in_one_answer_and_unknown_ones_are_left_out(
    bench: Bench,
) -> None:
    answer = bytes.fromhex(bench.ask("22 FD 0A 12 34 FD 09"))
    assert answer == b"\x62\xfd\x0a\0\0\0\0\xfd\x09\xff\xff"


def test_settings_survive_and_count_at_the_next_start(bench: Bench) -> None:
    bench.unlock()
    assert bench.ask("2E F1 90" + b"WDB12345678901234".hex()) == "6e f1 90"
    assert bench.ask("2E FD 10 01") == "6e fd 10"
    assert bench.ask("2E FD 11 FF 83") == "6e fd 11"
    again = Bench(bench.folder)
    assert again.ask("22 F1 90") == ("62 f1 90 " + b"WDB12345678901234".hex(" "))
    assert again.ask("22 FD 10 FD 11") == "62 fd 10 01 fd 11 ff 83"
    config = load(None, stored_settings(Store(bench.folder).load()))
    assert (config.camera.seat, config.camera.mount_yaw_deg) == ("left", -12.5)


def test_only_settings_that_may_be_written_are_taken_from_the_file() -> None:
    kept = Kept({"settings": {"camera.seat": "left", "alerts.distraction.level1_ms": "99999"}})
    assert stored_settings(kept) == {"camera.seat": "left"}
    assert stored_settings(Kept({"settings": [1]})) == {}


def test_what_cannot_be_kept_is_refused_and_not_changed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.unlock()

    def full(content: dict[str, Any]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.desk.store, "save", full)
    assert bench.ask("2E FD 10 01") == "7f 2e 72"
    assert bench.ask("22 FD 10") == "62 fd 10 00"
    assert bench.ask("14 FF FF FF") == "7f 14 72"
    assert bytes.fromhex(bench.ask("31 01 02 00"))[-1] & 0b1000


def test_the_self_test_names_what_failed(bench: Bench) -> None:
    bench.unlock()
    result, high, low = bytes.fromhex(bench.ask("31 01 02 00"))[4:]
    assert (result, high) == (1, 0)
    assert low & 0b0010, "no frames arrive"
    assert low & 0b0100, "there is no bus"
    assert not low & 0b1001, "networks and memory are right"


def seen(face: Face | None, **quality: float) -> Step:
    """What a frame led to."""
    return Step(Observation(0, 0, face, None, replace(QUALITY, **quality)), STATE, ())


def watch_for(bench: Bench, step: Step, frames: int = 30) -> None:
    """So many frames, 33 ms apart."""
    for _ in range(frames):
        bench.now_ns += 33 * MS
        bench.desk.seen(step)


@pytest.mark.parametrize(
    ("routine", "step", "answer"),
    [
        ("02 01", seen(look(0.0, 0.0)), "00 00 00 00 00"),
        ("02 01", seen(look(yaw_deg=9.0, pitch_deg=-9.0)), "00 00 5a ff a6"),
        ("02 01", seen(look(yaw_deg=-20.0)), "01 ff 38 00 00"),
        ("02 01", seen(look(pitch_deg=12.5)), "01 00 00 00 7d"),
        ("02 01", seen(look(pitch_deg=math.nan)), "01 00 00 80 00"),
        ("02 02", seen(None, mean=90.0, dark=0.01, saturated=0.0), "00 5a 01 00"),
        ("02 02", seen(None, mean=5.0, dark=0.97, saturated=0.0), "01 05 61 00"),
        ("02 02", seen(None, mean=240.0, dark=0.0, saturated=0.9), "01 f0 00 5a"),
    ],
)
def test_aim_and_light_pass_or_fail_with_their_figures(
    bench: Bench, routine: str, step: Step, answer: str
) -> None:
    watch_for(bench, step)
    bench.unlock()
    assert bench.ask(f"31 01 {routine}") == f"71 01 {routine} {answer}"
    assert bench.ask(f"31 03 {routine}") == "7f 31 12", "the results came with the start"


def test_aim_is_what_the_head_is_off_the_configured_mount(bench: Bench) -> None:
    camera = replace(CONFIG.camera, mount_yaw_deg=15.0, mount_pitch_deg=-5.0)
    bench.desk.config = replace(CONFIG, camera=camera)
    watch_for(bench, seen(look(yaw_deg=16.0, pitch_deg=-5.0)))
    bench.unlock()
    assert bench.ask("31 01 02 01") == "71 01 02 01 00 00 0a 00 00"


@pytest.mark.parametrize("routine", ["02 01", "02 02"])
def test_aim_and_light_need_enough_frames_of_late(bench: Bench, routine: str) -> None:
    watch_for(bench, seen(look()), frames=9)
    bench.unlock()
    assert bench.ask(f"31 01 {routine}") == "7f 31 22", "too few"
    watch_for(bench, seen(look()), frames=1)
    assert bench.ask(f"31 01 {routine}").startswith("71")
    assert bench.ask(f"31 01 {routine} 00") == "7f 31 13"
    bench.now_ns += 3001 * MS
    assert bench.ask(f"31 01 {routine}") == "7f 31 22", "the camera has stalled"


def test_aim_needs_a_driver_and_light_does_not(bench: Bench) -> None:
    watch_for(bench, seen(None))
    bench.unlock()
    assert bench.ask("31 01 02 01") == "7f 31 22"
    assert bench.ask("31 01 02 02").startswith("71 01 02 02 00")


def test_a_reset_is_wished_for_not_done_in_the_request(bench: Bench) -> None:
    bench.unlock()
    assert bench.ask("11 01") == "51 01"
    assert bench.desk.reset_asked.is_set()


def test_a_bug_in_an_offer_is_an_answer_not_the_end(bench: Bench) -> None:
    def broken() -> bytes:
        raise ZeroDivisionError

    known = bench.desk.identifiers[0xFD04]
    bench.desk.identifiers[0xFD04] = replace(known, read=broken)
    assert bench.ask("22 FD 04") == "7f 22 10"
    assert bench.ask("3E 00") == "7e 00"


# The fault memory


CODE = 0x123456


def memory(**changes: Any) -> FaultMemory:
    faults = (Fault(CODE, "B", ""), Fault(0x654321, "C", "", fault_ms=0))
    return FaultMemory(faults, replace(DiagnosticsConfig(), **changes))


def shot() -> dtc.Snapshot:
    return {0xFD09: b"\x12\x34"}


def feed(m: FaultMemory, failed: bool | None, from_ms: int, to_ms: int) -> None:
    for t in range(from_ms, to_ms + 1, 100):
        m.report(CODE, failed, t * MS, shot)


def test_only_a_lasting_fault_is_stored_and_only_a_lasting_cure_heals() -> None:
    m = memory()
    feed(m, True, 0, 900)
    feed(m, False, 1000, 1000)
    feed(m, True, 1100, 2000)
    assert m.status(CODE) == dtc.CLEARED
    feed(m, True, 2100, 2100)
    stored = TEST_FAILED | CONFIRMED | PENDING | dtc.FAILED_THIS_CYCLE | dtc.FAILED_SINCE_CLEAR
    assert m.status(CODE) == stored
    feed(m, False, 2200, 4100)
    assert m.status(CODE) & TEST_FAILED
    feed(m, None, 4150, 4150)
    feed(m, False, 4200, 6100)
    assert m.status(CODE) & TEST_FAILED, "not tested in between: begins anew"
    feed(m, False, 6200, 6200)
    assert m.status(CODE) == stored & ~TEST_FAILED
    assert m.counts(CODE) == (1, 0)


def test_the_freeze_frames_are_those_of_the_first_and_the_last_occurrence() -> None:
    m = memory(fault_ms=0, heal_ms=0)
    for n, failed in enumerate((True, False, True, False, True)):
        m.report(CODE, failed, n, lambda n=n: {0xFD0A: bytes([n])})
    assert m.snapshots(CODE) == {dtc.FIRST: {0xFD0A: b"\0"}, dtc.LATEST: {0xFD0A: b"\4"}}
    assert m.counts(CODE)[0] == 3


def test_a_fault_that_stays_away_ages_and_is_forgotten() -> None:
    m = memory(aging_cycles=3)
    feed(m, True, 0, 1000)
    for cycle in range(1, 5):
        m.begin_cycle()
        assert m.status(CODE) & CONFIRMED
        assert m.counts(CODE)[1] == max(cycle - 1, 0)
        if cycle < 4:
            feed(m, False, 10_000 * cycle, 10_000 * cycle + 2000)
        if cycle == 3:
            break
    m.begin_cycle()
    assert not m.status(CODE) & (CONFIRMED | PENDING)
    assert m.snapshots(CODE) == {}


def test_a_cycle_without_a_test_does_not_age() -> None:
    m = memory(aging_cycles=2)
    feed(m, True, 0, 1000)
    for _ in range(10):
        m.begin_cycle()
    assert m.status(CODE) & CONFIRMED


@given(st.lists(st.tuples(st.sampled_from((True, False, None)), st.integers(0, 3000)), max_size=60))
def test_whatever_is_reported_the_status_is_consistent(
    steps: list[tuple[bool | None, int]],
) -> None:
    m, t = memory(), 0
    for failed, gap_ms in steps:
        t += gap_ms * MS
        m.report(CODE, failed, t, shot)
        status = m.status(CODE)
        assert not status & TEST_FAILED or status & CONFIRMED
        assert bool(status & CONFIRMED) == bool(m.snapshots(CODE))
        assert bool(status & CONFIRMED) == (m.counts(CODE)[0] > 0)
    twin = memory()
    twin.restore(json.loads(json.dumps(m.to_dict())))
    assert twin.to_dict() == m.to_dict()


def test_the_tester_reads_status_snapshot_and_counts(bench: Bench) -> None:
    bench.desk.watch(0)
    bench.now_ns = 11 * SECOND
    bench.desk.watch(bench.now_ns)
    bench.now_ns = 13 * SECOND
    bench.desk.watch(bench.now_ns)
    code = f"{CAMERA_SILENT:06x}"
    spaced = bytes.fromhex(code).hex(" ")
    assert bench.ask("19 01 01") == "59 01 7f 01 00 02"
    found = bench.ask("19 02 01")
    assert found.startswith("59 02 7f")
    assert f"{spaced} 2f" in found
    assert f"{spaced} 01" in bench.ask("19 03")
    snapshot = bytes.fromhex(bench.ask(f"19 04 {code} 01"))
    assert snapshot[:8] == bytes.fromhex(f"59 04 {code} 2f 01 {len(IN_SNAPSHOT):02x}")
    assert snapshot[8:13] == bytes.fromhex("fd 08 00 09 00"), "unavailable, starting"
    assert bench.ask(f"19 06 {code} FF") == f"59 06 {spaced} 2f 01 01 02 00"
    assert bench.ask(f"19 06 {code} 01") == f"59 06 {spaced} 2f 01 01"
    assert bench.ask(f"19 06 {code} 07") == "7f 19 31"
    assert len(bytes.fromhex(bench.ask("19 0A"))) == 3 + 4 * len(FAULTS)
    bench.unlock()
    assert bench.ask(f"14 {code}") == "54"
    assert bench.ask(f"19 04 {code} FF") == f"59 04 {spaced} 50"


def test_faults_survive_power_loss_and_a_new_start_begins_a_cycle(bench: Bench) -> None:
    for t in (0, 11, 13):
        bench.desk.watch(t * SECOND)
    bench.desk.keep()
    again = Bench(bench.folder)
    status = again.desk.faults.status(CAMERA_SILENT)
    assert status & CONFIRMED
    assert not status & TEST_FAILED
    assert status & dtc.NOT_COMPLETED_THIS_CYCLE
    assert again.desk.faults.snapshots(CAMERA_SILENT)


def test_a_fault_met_by_a_full_disk_is_written_when_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [100 * SECOND]
    tries: list[int] = []

    def no_room(content: dict[str, Any]) -> None:
        tries.append(now[0] // SECOND)
        raise OSError(errno.ENOSPC, "No space left on device")

    unit = Diagnostics(CONFIG.diagnostics, bench.desk.offers(), lambda _: None, lambda: now[0])
    with monkeypatch.context() as full:
        full.setattr(bench.desk.store, "save", no_room)
        bench.desk.faults.dirty = True
        for _ in range(200):
            now[0] += SECOND
            unit._look()
    assert [b - a for a, b in itertools.pairwise(tries)] == [2, 4, 8, 16, 32, 60, 60]
    assert len(caplog.records) == len(tries)
    assert not bench.desk.store.load().content
    now[0] += 60 * SECOND
    unit._look()
    assert bench.desk.store.load().content
    assert not bench.desk.faults.dirty


def test_a_fault_that_never_found_room_is_tried_once_more_at_the_end_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(content: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    unit = Diagnostics(CONFIG.diagnostics, bench.desk.offers(), lambda _: None, lambda: SECOND)
    monkeypatch.setattr(bench.desk.store, "save", no_room)
    bench.desk.faults.dirty = True
    unit.start(lambda: None)
    unit.stop()
    assert "cannot be kept: [Errno 28] No space left on device" in caplog.text


# Which faults


def vitals(**changes: Any) -> Vitals:
    healthy = Vitals(100 * SECOND, 0, STATE, 100 * SECOND, 500 * MS, BusHealth(), True, {})
    return replace(healthy, **changes)


def failing(watch: Watch, now: Vitals) -> set[int]:
    return {code for code, failed in watch.look(now).items() if failed}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, set()),
        ({"state": None, "now_ns": 9 * SECOND}, set()),
        ({"state": None}, {CAMERA_SILENT}),
        ({"at_ns": 99 * SECOND}, {CAMERA_SILENT}),
        ({"at_ns": 99 * SECOND, "stall_ns": 2 * SECOND}, set()),
        ({"speed_known": False}, {SPEED_MISSING}),
        ({"bus": BusHealth(up=False), "speed_known": False}, {BUS_LOST}),
        ({"bus": BusHealth(bus_off=1)}, {BUS_OFF}),
        ({"bus": BusHealth(controller=Controller.BUS_OFF)}, {BUS_OFF}),
        ({"verdicts": {"vehicle_wrong_crc": 1, "vehicle_repeated": 1}}, {SPEED_WRONG}),
        ({"verdicts": {"vehicle_wrong_crc": 1, "vehicle_ok": 99}}, set()),
        ({"damaged": True}, {MEMORY}),
        ({"state": replace(STATE, reason=Reason.IMAGE_BLANK)}, {0x9A0197}),
        ({"state": replace(STATE, reason=Reason.FRAMES_LATE)}, {CAMERA_SILENT}),
        ({"state": replace(STATE, reason=Reason.TOO_HOT)}, {TOO_HOT}),
        ({"state": replace(STATE, availability=Availability.UNKNOWN)}, set()),
    ],
)
def test_each_trouble_has_its_code(changes: dict[str, Any], codes: set[int]) -> None:
    assert failing(Watch(), vitals(**changes)) == codes


def test_a_driver_who_is_not_seen_is_no_fault() -> None:
    for reason in (Reason.NO_FACE, Reason.SUNGLASSES, Reason.EYES_NOT_VISIBLE, Reason.MASK):
        assert failing(Watch(), vitals(state=replace(STATE, reason=reason))) == set()


def test_counters_count_once() -> None:
    watch, bad = Watch(), vitals(bus=BusHealth(bus_off=1), verdicts={"vehicle_jumped": 5})
    assert failing(watch, bad) == {BUS_OFF, SPEED_WRONG}
    assert failing(watch, bad) == set()


# The kept file


def test_what_was_saved_is_found_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "state")
    assert store.load() == Kept({})
    store.save({"a": 1})
    store.save({"a": 2})
    assert store.load() == Kept({"a": 2})
    assert (tmp_path / "deep" / "state" / "state").stat().st_mode & 0o777 == 0o600
    assert Store(None).load() == Kept({})


@given(data=st.data())
def test_a_torn_or_altered_file_gives_the_one_before(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("nvm")
    store = Store(folder)
    store.save({"version": 1, "text": "x" * 50})
    store.save({"version": 2, "text": "y" * 50})
    whole = (folder / "state").read_bytes()
    if data.draw(st.booleans(), label="torn"):
        broken = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        broken = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    (folder / "state").write_bytes(broken)
    assert store.load() == Kept({"version": 1, "text": "x" * 50}, damaged=True)
    (folder / "state.old").write_bytes(broken)
    assert store.load() == Kept({}, damaged=True)


@pytest.mark.parametrize("stops_after", range(5))
def test_power_lost_at_any_step_of_saving_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops_after: int
) -> None:
    store, steps = Store(tmp_path), [0]
    store.save({"n": 0})
    store.save({"n": 1})

    class PowerLoss(BaseException):
        pass

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any) -> Any:
            if steps[0] == stops_after:
                raise PowerLoss
            steps[0] += 1
            return real(*args)

        return step

    monkeypatch.setattr(nvm.os, "replace", dying(nvm.os.replace))
    monkeypatch.setattr(nvm.os, "fsync", dying(nvm.os.fsync))
    with contextlib.suppress(PowerLoss):
        store.save({"n": 2})
    found = Store(tmp_path).load()
    assert found.content["n"] in (1, 2)
    assert not found.damaged


def hashes_on_the_bus(who: Identity) -> list[Any]:
    (sent,) = (f for f in TxPlan(who, 0).due(0) if f.message is IDENTITY)
    said = decode(IDENTITY, sent.data)
    return [said[name] for name in ("SoftwareHash", "ModelHash", "ConfigHash")]


def test_a_tester_can_work_out_the_hashes_on_the_bus_from_what_it_reads() -> None:
    bench = Bench()
    answers = [bytes.fromhex(bench.ask(f"22 FD 0{n}")) for n in range(3)]
    assert [a[:3].hex() for a in answers] == ["62fd00", "62fd01", "62fd02"]
    worked_out = [int.from_bytes(a[3:7], "big") % 65533 for a in answers]
    assert worked_out == hashes_on_the_bus(WHO)
    assert answers[0][3:] == sha256(__version__.encode()).digest()
    assert answers[1][3:] == sha256((ROOT / "models/manifest.yaml").read_bytes()).digest()


def test_networks_without_a_manifest_are_zeros_and_not_available(tmp_path: Path) -> None:
    config = replace(CONFIG, engine=replace(CONFIG.engine, models_dir=str(tmp_path)))
    who = identity(config, OUR_CAR)
    desk = Desk(config, Store(None), Kept({}), lambda: 0, who)
    assert desk.identifiers[0xFD01].read() == bytes(32)
    assert hashes_on_the_bus(who)[1] is NoValue.NOT_AVAILABLE


def test_units_with_other_settings_or_another_car_tell_another_configuration(
    tmp_path: Path,
) -> None:
    car = tmp_path / "car.yaml"
    cars = [OUR_CAR]
    for start_bit in (0, 8):
        car.write_text(f"speed: {{can_id: 0x100, start_bit: {start_bit}, bits: 16, unit: km/h}}\n")
        cars.append(load_car(car))
    other = replace(CONFIG, can=replace(CONFIG.can, channel="can7"))
    units = [identity(config, car) for config in (CONFIG, other) for car in cars]
    assert len({hashes_on_the_bus(who)[2] for who in units}) == len(units)
    assert identity(CONFIG, load_car(car)) == units[2]


@pytest.mark.parametrize("content", [{"faults": 3}, {"faults": {"zz": {}}}, {"faults": {"1": {}}}])
def test_a_file_of_another_shape_is_damage_not_the_end(content: dict[str, Any]) -> None:
    desk = Desk(CONFIG, Store(None), Kept(content), lambda: 0, WHO)
    assert desk.damaged
    desk.watch(0)
    assert desk.faults.status(MEMORY) & CONFIRMED


# The transport


def exchange_of(sent: list[Request], **changes: Any) -> Exchange:
    return Exchange(replace(CONFIG.diagnostics, **changes), sent.append)


def frames(payload: bytes) -> list[bytes]:
    """A tester's frames for one message."""
    if len(payload) < 8:
        return [bytes([len(payload)]) + payload]
    head = bytes([0x10 | len(payload) >> 8, len(payload) & 0xFF]) + payload[:6]
    rest = [payload[i : i + 7] for i in range(6, len(payload), 7)]
    return [head, *(bytes([0x20 | (n + 1) % 16]) + part for n, part in enumerate(rest))]


@given(st.binary(min_size=1, max_size=4095), st.integers(0, 20), st.integers(0, 127))
def test_any_message_crosses_between_two_ends(payload: bytes, block: int, gap_ms: int) -> None:
    config = DiagnosticsConfig(block_size=block, separation_ms=gap_ms, max_request_bytes=4095)
    one, other, now, got = IsoTp(config), IsoTp(config), 0, None
    assert one.send(payload, now)
    assert not one.send(payload, now) or not one.sending
    for _ in range(5000):
        moved = False
        for sender, receiver in ((one, other), (other, one)):
            data = sender.due(now)
            if data is not None:
                assert len(data) == 8
                sender.taken(now)
                got = receiver.on_frame(data, now) or got
                moved = True
        if got is not None:
            break
        now += 0 if moved else MS
    assert got == payload
    assert not one.sending
    assert not one.counters
    assert not other.counters


def test_oversized_is_refused_by_flow_control_and_forgotten() -> None:
    sent: list[Request] = []
    exchange = exchange_of(sent)
    for head in ("12 01 00 00 00 00 00 00", "10 00 00 01 00 00 00 00"):
        exchange.on_frame(REQUEST, False, bytes.fromhex(head), 0)
        refused = exchange.due(0)
        assert refused is not None
        assert refused[:1] == b"\x32"
        exchange.taken(0)
    exchange.on_frame(REQUEST, False, b"\x21" + bytes(7), 0)
    assert sent == []
    assert exchange.counters == {"too_long": 2, "unexpected": 1}
    exchange.on_frame(REQUEST, False, b"\x02\x3e\x00", 0)
    assert sent == [Request(b"\x3e\x00", False)]


def test_out_of_order_missing_and_late_frames_end_the_message_only() -> None:
    parts = frames(bytes(30))
    for wrong in ([0, 2], [0, 1, 1], [0, 1, 3], [1], [0, 0, 2]):
        sent: list[Request] = []
        exchange = exchange_of(sent)
        for index in wrong:
            exchange.on_frame(REQUEST, False, parts[index], 0)
        assert sent == []
        for part in parts:
            exchange.on_frame(REQUEST, False, part, 0)
        assert [r.data for r in sent] == [bytes(30)]
    sent, exchange = [], exchange_of(late := [])
    exchange.on_frame(REQUEST, False, parts[0], 0)
    for part in parts[1:]:
        exchange.on_frame(REQUEST, False, part, 1001 * MS)
    assert late == sent
    assert exchange.counters["timed_out"] == 1


@pytest.mark.parametrize(
    "data", ["", "00", "08 11 22 33 44 55 66 77", "02 3E", "10 05 11", "40 00", "30", "F0" * 8]
)
def test_frames_that_are_none_are_counted_and_nothing_else(data: str) -> None:
    sent: list[Request] = []
    exchange = exchange_of(sent)
    exchange.on_frame(REQUEST, False, bytes.fromhex(data), 0)
    exchange.on_frame(0x7DF, False, bytes.fromhex(data), 0)
    assert sent == []
    assert exchange.due(0) is None
    assert sum(exchange.counters.values()) >= 1


def test_only_our_identifiers_are_taken() -> None:
    sent: list[Request] = []
    exchange = exchange_of(sent)
    for can_id, extended in ((REQUEST, True), (RESPONSE, False), (0x7DF, True), (0x320, False)):
        exchange.on_frame(can_id, extended, b"\x02\x3e\x00", 0)
    assert sent == []
    exchange.on_frame(0x7DF, False, b"\x02\x3e\x00", 0)
    assert sent == [Request(b"\x3e\x00", True)]
    long = exchange_of([], request_id=0x18DA10F1, functional_id=None)
    assert long.listens_to() == [(0x18DA10F1, True)]


def test_a_long_request_is_said_to_be_pending_until_it_is_answered() -> None:
    exchange, said = exchange_of([]), []
    exchange.on_frame(REQUEST, False, b"\x02\x3e\x80", 0)
    for ms in range(0, 9000, 5):
        if (data := exchange.due(ms * MS)) is not None:
            said.append((ms, data[: data[0] + 1].hex(" ")))
            exchange.taken(ms * MS)
    assert said[0] == (35, "03 7f 3e 78")
    assert [ms for ms, _ in said[1:]] == [3535, 7035]
    exchange.answer(Answer(b"\x7e\x00", suppressed=True))
    data = exchange.due(9000 * MS)
    assert data is not None, "after pending, a suppressed answer is sent all the same"
    assert data[:3] == b"\x02\x7e\x00"
    exchange.taken(9000 * MS)
    assert exchange.idle


def test_a_flood_is_answered_busy_and_costs_a_bounded_number_of_requests() -> None:
    sent: list[Request] = []
    exchange = exchange_of(sent)
    busy = 0
    for n in range(80_000):  # 10 s of single frames at the rate of a full 1 Mbit/s bus
        now = n * 125_000
        exchange.on_frame(REQUEST, False, b"\x02\x3e\x00", now)
        if sent:
            exchange.answer(Answer(b"\x7e\x00"))
        while (data := exchange.due(now)) is not None:
            busy += data[:4] == b"\x03\x7f\x3e\x21"
            exchange.taken(now)
    assert len(sent) <= BURST + 10 * CONFIG.diagnostics.requests_per_s + 1
    assert busy > 70_000
    assert exchange.counters["requests"] == 80_000


def test_a_tester_that_never_lets_us_continue_does_not_block_for_ever() -> None:
    exchange = exchange_of([])
    exchange.on_frame(REQUEST, False, b"\x03\x22\xf1\x89", 0)
    exchange.answer(Answer(bytes(100)))
    assert exchange.due(0) is not None
    exchange.taken(0)
    assert exchange.due(500 * MS) is None
    assert not exchange.idle
    exchange.due(1001 * MS)
    assert exchange.idle
    waits = exchange_of([])
    waits.on_frame(REQUEST, False, b"\x03\x22\xf1\x89", 0)
    waits.answer(Answer(bytes(100)))
    waits.due(0)
    waits.taken(0)
    for _ in range(11):
        waits.on_frame(REQUEST, False, b"\x31\0\0", 0)
    assert waits.idle


# Fuzz: a short, repeatable version of tools/fuzz/uds.py


def test_no_sequence_of_frames_breaks_server_or_transport() -> None:
    from tools.fuzz.uds import Target

    rng, target = random.Random(20260101), Target()
    services = (0x10, 0x11, 0x14, 0x19, 0x22, 0x27, 0x2E, 0x31, 0x3E, 0x85)
    for _ in range(3000):
        data = bytearray(rng.randbytes(rng.randint(1, 120)))
        for _ in range(rng.randint(0, 3)):  # something that looks like a request
            request = bytes([rng.choice(services)]) + rng.randbytes(rng.randint(0, 6))
            data += bytes([200, len(request) + 1, len(request)]) + request
        target.run(bytes(data))
    assert target.frames > 30_000
    assert target.answers > 1500


# A real tester, over a bus


@pytest.fixture
def tester(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Any, CanNode, Desk]]:
    """udsoncan over can-isotp, against the daemon's own CAN thread and what it offers."""
    pytest.importorskip("udsoncan")
    isotp = pytest.importorskip("isotp")
    from udsoncan.client import Client
    from udsoncan.connections import PythonIsoTpConnection

    key = tmp_path / "key"
    key.write_bytes(SECRET)
    key.chmod(0o600)
    d = replace(CONFIG.diagnostics, key_file=str(key), state_dir=str(tmp_path / "state"))
    config, channel = replace(CONFIG, diagnostics=d), request.node.name
    store = Store(tmp_path / "state")
    desk, unit = open_diagnostics(config, store, store.load(), time.monotonic_ns, WHO)
    node = CanNode(parse_bus(f"virtual:{channel}"), Identity("s", "m"), diagnostics=unit)
    desk.node = node
    node.start()
    bus = can.Bus(interface="virtual", channel=channel)
    ids = isotp.Address(isotp.AddressingMode.Normal_11bits, rxid=RESPONSE, txid=REQUEST)
    stack = isotp.CanStack(bus, address=ids, params={"tx_padding": 0xCC})

    def algorithm(level: int, seed: bytes, params: object) -> bytes:
        return key_of(SECRET, seed)

    settings = {
        "security_algo": algorithm,
        "data_identifiers": {"default": "17s", 0xF190: "17s", 0xFD10: "B", 0xFD05: "32s",
                             0xF189: "16s", 0xFD08: "5s", 0xFD09: "2s", 0xFD0A: "4s",
                             0xFD04: "2s"},
        "request_timeout": 10, "use_server_timing": False,  # others use this machine too
        "p2_timeout": 10, "p2_star_timeout": 10,
    }  # fmt: skip
    with Client(PythonIsoTpConnection(stack), config=settings) as client:
        yield client, node, desk
    node.stop()
    bus.shutdown()


def refused(call: Callable[..., object], *args: object) -> Nrc:
    """Why the monitor refuses what the tester asks."""
    from udsoncan.exceptions import NegativeResponseException

    with pytest.raises(NegativeResponseException) as denied:
        call(*args)
    return Nrc(denied.value.response.code)


def test_a_workshop_tester_does_its_round(
    tester: tuple[Any, CanNode, Desk], tmp_path: Path
) -> None:
    client, node, _ = tester
    read = client.read_data_by_identifier([0xF189, 0xFD05])
    assert read.service_data.values[0xF189][0].startswith(b"0.1")
    assert refused(client.clear_dtc, 0xFFFFFF) is Nrc.SECURITY_ACCESS_DENIED
    client.change_session(EXTENDED)
    client.unlock_security_access(1)
    client.write_data_by_identifier(0xF190, (b"WDB12345678901234",))
    assert client.read_data_by_identifier(0xF190).service_data.values[0xF190] == (
        b"WDB12345678901234",
    )
    test = client.start_routine(0x0200)
    assert test.service_data.routine_status_record[0] == 1, "there is no camera"
    client.clear_dtc(0xFFFFFF)
    assert len(client.get_supported_dtc().service_data.dtcs) == len(FAULTS)
    deadline = time.monotonic() + 10
    while not (found := client.get_dtc_by_status_mask(CONFIRMED).service_data.dtcs):
        assert time.monotonic() < deadline, "no speed for seconds, and no fault"
        time.sleep(0.1)
    assert [d.id for d in found] == [SPEED_MISSING]
    snapshot = client.get_dtc_snapshot_by_dtc_number(SPEED_MISSING).service_data.dtcs[0]
    assert {s.did for s in snapshot.snapshots} == set(IN_SNAPSHOT)
    client.tester_present()
    client.change_session(DEFAULT)
    assert (tmp_path / "state" / "state").is_file()
    assert node.alive
    assert node.health().dropped == 0


@pytest.mark.parametrize("routine", [0x0201, 0x0202])
def test_a_workshop_tester_checks_aim_and_light(
    tester: tuple[Any, CanNode, Desk], routine: int
) -> None:
    client, _, desk = tester
    start = client.start_routine
    assert refused(start, routine) is Nrc.SERVICE_NOT_IN_SESSION
    client.change_session(EXTENDED)
    assert refused(start, routine) is Nrc.SECURITY_ACCESS_DENIED
    client.unlock_security_access(1)
    assert refused(start, routine) is Nrc.CONDITIONS_NOT_CORRECT, "no frames"
    for step in (seen(look(), mean=90.0), seen(look(yaw_deg=40.0), mean=5.0)):
        for _ in range(30):
            desk.seen(step)
        record = start(routine).service_data.routine_status_record
        assert record[0] == (step.observation.quality.mean < 20), record.hex()
        desk._recent.clear()
    assert refused(client.stop_routine, routine) is Nrc.SUB_FUNCTION_NOT_SUPPORTED
    assert refused(client.get_routine_result, routine) is Nrc.SUB_FUNCTION_NOT_SUPPORTED


def hostile(rng: random.Random) -> Iterator[bytes]:
    """Frames of a tester that breaks every rule: requests as fast as they go, lengths that lie or
    are too long, parts missing, doubled or out of order, flow controls that nobody asked for."""
    while True:
        parts = frames(rng.randbytes(rng.randint(8, 60)))
        yield from (
            b"\x02\x3e\x00", b"\x03\x22\xf1\x90", b"\x03\x19\x02\xff", b"\x02\x10\x03",
            b"\x0f" + rng.randbytes(7), b"\x00", b"\x10\x05" + bytes(6), rng.randbytes(8),
            b"\x1f\xff" + bytes(6), b"\x10\x00\xff\xff\xff\xff\x00\x00",
            parts[0], *parts[2:], parts[0], parts[1], parts[1], b"\x30\x00\x00", b"\x31\x00\x00",
            *parts, parts[0], b"\x32\x00\x00",
        )  # fmt: skip


def most_late_us(bench: Bench, can_id: int, of: Iterator[bytes]) -> int:
    """The most that a frame is late while such frames fill the bus for 5 s; each frame in or out
    costs a little of the time."""
    unit = Diagnostics(CONFIG.diagnostics, bench.desk.offers(), bench.desk.watch, lambda: now[0])
    per_frame_ns, now = 50_000, [0]

    class Flooded:
        def receive(self, timeout_s: float) -> Received:
            now[0] += per_frame_ns
            return Received(can_id, False, next(of))

        def send(self, can_id: int, data: bytes, extended: bool = False) -> None:
            now[0] += per_frame_ns

        def close(self) -> None: ...

    port: Any = Flooded()
    link, plan = Link(lambda: port, port), TxPlan(Identity("s", "m"), 0)
    node = Scheduler(plan, link, VehicleInput(), lambda: now[0], unit)
    while now[0] < 5 * SECOND:
        node.send_due()
        node.take_in()
        while not unit._requests.empty():
            request = unit._requests.get()
            assert request is not None
            unit._answer(request)
    assert node.counters()["missed"] == 0
    assert can_id != REQUEST or unit.exchange.counters["busy"] > 1000
    return node.punctuality.lateness.max_us


def test_a_hostile_tester_makes_no_frame_later_than_foreign_frames_do(bench: Bench) -> None:
    foreign = most_late_us(bench, 0x7FF, hostile(random.Random(1)))
    own = most_late_us(bench, REQUEST, hostile(random.Random(1)))
    answers = (BATCH + DIAGNOSTIC_BATCH) / BATCH
    assert own <= 1.2 * answers * foreign, "what is read in one go, and the answers"


HOSTILE = """
import random, socket, sys, threading, time
sys.path.insert(0, "tests")
from dms.rawcan import pack
from test_uds import hostile
far, can_id, frames = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), []
def hear():
    while far.recv(72):
        pass
threading.Thread(target=hear, daemon=True).start()
for frame in hostile(random.Random(1)):
    frames.append(pack(can_id, frame))
    if len(frames) == 5000:
        break
print("ready", flush=True)
while True:
    for number, frame in enumerate(frames):
        far.send(frame)
        if number % 40 == 39:
            time.sleep(0.01)
"""


@pytest.mark.slow
def test_a_flood_of_requests_delays_alerts_hardly_more_than_one_of_foreign_frames(
    monkeypatch: pytest.MonkeyPatch, bench: Bench
) -> None:
    """Two processes fill a bus of 500 kbit/s, 4000 frames a second, by turns. Prints figures."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(cannode, "open_bus", lambda *_: RawPort(near))
    unit = Diagnostics(CONFIG.diagnostics, bench.desk.offers(), bench.desk.watch, time.monotonic_ns)
    node = CanNode(CanConfig(), Identity("s", "m"), diagnostics=unit)
    late: dict[str, list[float]] = {"foreign": [], "hostile": []}
    now_by: list[str] = []

    def sent(frame: TxFrame) -> None:
        if frame.message is ALERT and now_by:
            late[now_by[-1]].append((time.monotonic_ns() - frame.t_ns) / MS)

    node.watch(sent)
    with contextlib.ExitStack() as stack:
        flooders = {}
        for name, can_id in (("foreign", 0x7FF), ("hostile", REQUEST)):
            command = [sys.executable, "-c", HOSTILE, str(far.fileno()), str(can_id)]
            flooders[name] = stack.enter_context(
                subprocess.Popen(command, pass_fds=[far.fileno()], cwd=ROOT, stdout=subprocess.PIPE)
            )
            stack.callback(flooders[name].kill)
            assert flooders[name].stdout.readline() == b"ready\n"  # type: ignore[union-attr]
            flooders[name].send_signal(signal.SIGSTOP)
        node.start()
        for turn in range(20):
            name = ("foreign", "hostile")[turn % 2]
            flooders[name].send_signal(signal.SIGCONT)
            time.sleep(0.1)
            now_by.append(name)
            time.sleep(0.4)
            now_by.clear()
            flooders[name].send_signal(signal.SIGSTOP)
    requests, alive = unit.exchange.counters["requests"], node.alive
    node.stop()
    far.close()
    medians = {name: statistics.median(values) for name, values in late.items()}
    ratio = medians["hostile"] / medians["foreign"]
    sys.stdout.write(f"requests: {requests}, alerts: { {k: len(v) for k, v in late.items()} }\n")
    sys.stdout.write(f"lateness of alerts, hostile to foreign: {ratio:.2f}, {medians} ms\n")
    assert alive
    assert requests > 300
    assert len(late["hostile"]) > 0.5 * len(late["foreign"])
    assert ratio < 5


def test_a_hostile_tester_neither_stops_the_node_nor_its_alerts(
    tester: tuple[Any, CanNode, Desk],
) -> None:
    _, node, _ = tester
    stop, sent = threading.Event(), [0]

    def flood() -> None:
        rng = random.Random(1)
        with can.Bus(interface="virtual", channel=node_channel) as bus:
            while not stop.is_set():
                data = bytes([rng.choice((2, 3, 0x10, 0x21, 0x30))]) + rng.randbytes(7)
                bus.send(can.Message(arbitration_id=REQUEST, data=data, is_extended_id=False))
                sent[0] += 1
                time.sleep(0.0002)

    node_channel = "test_a_hostile_tester_neither_stops_the_node_nor_its_alerts"
    before = node.counters()["missed"], node.health().sent
    thread = threading.Thread(target=flood)
    thread.start()
    time.sleep(1.0)
    stop.set()
    thread.join()
    assert sent[0] > 300
    assert node.alive
    assert node.health().sent - before[1] > 60, "alerts, states, gaze and status of a second"
