"""The tools for a bus: what they show is what the contract says, whatever is on the wire."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_canbus import Adapter

from dms.busview import MAX_FOREIGN, BusView, Heard, Rate, known_messages, number_text
from dms.canlog import FORMATS, BrokenLog, LogFrame, read_log
from dms.commands.can_send_vehicle import Hand
from dms.commands.can_table import FOREIGN_SHOWN, Look, table
from dms.commands.screen import split_keys
from dms.config import ConfigError
from dms.errors import SourceError
from dms.messages import ALERT, SENT, STATUS, VEHICLE_MOTION, encode_vehicle_motion
from dms.moment import Identity
from dms.signals import NoValue, encode
from dms.transmit import TxPlan
from dms.vehicle import VehicleInput
from dms.vehiclesim import Fault as SimFault
from dms.vehiclesim import Profile, SimFrame, Vehicle, parse_profile

MS = 1_000_000
SECOND = 1000 * MS
EPOCH_2026 = 1_767_225_600 * SECOND
Dms = Callable[..., subprocess.CompletedProcess[str]]


def alert(counter: int, age_s: float = 1.5) -> bytes:
    values = {"AlertKind": 1.0, "AlertLevel": 2.0, "AlertAge": age_s, "AlertCount": NoValue.UNKNOWN}
    return encode(ALERT, values, counter).data


def watched(payloads: list[bytes], period_ms: int = 50) -> tuple[BusView, Heard, int]:
    """A view that has heard these alerts, what it knows of them, and when the last came."""
    view, at = BusView(), 0
    for index, data in enumerate(payloads):
        at = index * period_ms * MS
        assert view.on_frame(ALERT.can_id, False, data, at) is not None
    return view, view.heard[ALERT.can_id, False], at


# What is known of a message


def test_values_are_read_with_unit_and_name_and_no_value_stays_none() -> None:
    _, heard, _ = watched([alert(0)])
    said = {r.name: (r.value, r.text, r.unit) for r in heard.readings()}
    assert said["AlertAge"] == (1.5, "1.5", "s")
    assert said["AlertLevel"] == (2.0, "Warn", "")
    assert said["AlertCount"] == (None, "Unknown", "")
    assert said["AlertReason"] == (None, "NotAvailable", "")


def test_crc_and_counter_errors_are_counted_apart() -> None:
    good = [alert(n) for n in (0, 1, 2, 2, 5, 11, 12)]
    wrong = bytes([good[0][0] ^ 1]) + good[0][1:]
    _, heard, _ = watched([*good, wrong, wrong[:7]])
    assert (heard.frames, heard.wrong_crc) == (9, 2)
    assert heard.counter_errors == 3, "one repeated, one lost two, one jumped"
    assert heard.last_verdict is not None
    assert heard.last_verdict.value == "wrong_crc"


def test_a_message_is_missing_after_its_time_out() -> None:
    _, heard, last = watched([alert(0), alert(1)])
    assert not heard.missing(last + ALERT.timeout_ms * MS)
    assert heard.missing(last + ALERT.timeout_ms * MS + 1)


def test_a_rate_is_exact_and_fades_in_silence() -> None:
    rate = Rate()
    assert rate.hz(0) is None
    for n in range(100):
        rate.add(n * 50 * MS)
    last = 99 * 50 * MS
    assert rate.hz(last) == pytest.approx(20.0)
    assert rate.hz(last + 50 * MS) == pytest.approx(20.0)
    silent = rate.hz(last + 20 * SECOND)
    assert silent is not None
    assert silent < 2


@pytest.mark.parametrize(
    ("step", "text"), [(1.0, "12"), (2.0, "12"), (0.5, "12.3"), (0.05, "12.35"), (0.0, "12.346")]
)
def test_a_number_has_the_decimals_of_its_resolution(step: float, text: str) -> None:
    assert number_text(12.3456, step) == text


FRAMES = st.tuples(st.integers(0, 0x1FFFFFFF), st.booleans(), st.binary(max_size=64))
OURS = st.tuples(
    st.sampled_from([place[0] for place in known_messages()]),
    st.just(False),
    st.binary(max_size=64),
)


@given(st.lists(FRAMES | OURS, max_size=60))
def test_no_frames_break_the_view_or_its_table(frames: list[tuple[int, bool, bytes]]) -> None:
    view = BusView()
    for n, (can_id, extended, data) in enumerate(frames):
        view.on_frame(can_id, extended, data, n * MS)
    now = len(frames) * MS
    json.dumps(view.to_dict(now), allow_nan=False)
    for width in (20, 80, 300):
        assert all(len(line) <= width for line in table(view, now, Look(foreign=True, width=width)))
    assert view.frames == len(frames)
    assert sum(h.frames for h in view.in_order()) + view.foreign_frames == view.frames


def test_a_flood_of_foreign_identifiers_costs_bounded_memory_and_lines() -> None:
    view = BusView()
    for can_id in range(3 * MAX_FOREIGN):
        view.on_frame(can_id, True, b"foreign!", can_id)
    assert view.foreign_frames == 3 * MAX_FOREIGN
    assert len(view.foreign) == MAX_FOREIGN
    assert len(table(view, 0, Look(foreign=True))) < FOREIGN_SHOWN + 10


def test_the_table_shows_value_unit_rate_age_and_errors() -> None:
    view, _, last = watched([alert(0), alert(1), alert(1)])
    lines = table(view, last + 20 * MS, Look(width=80))
    message = lines[1].split()
    assert message == ["320", "DMS_Alert", "20.0", "20", "3", "0", "1", "repeated"]
    assert any("AlertAge" in line and "1.5 s" in line for line in lines)
    assert "MISSING" in table(view, last + SECOND, Look(width=80))[1]
    assert table(view, last, Look(only="*status"))[1] == "nothing of it heard yet"
    assert "\x1b[31m" in table(view, last + SECOND, Look(colour=True))[1]


def test_keys_are_told_apart_however_they_arrive() -> None:
    assert split_keys("a\x1b[A\x1b[6~q") == ["a", "up", "page down", "q"]
    assert split_keys("\x1b") == ["\x1b"]


# Logs


def recorded(path: Path, start_ns: int = EPOCH_2026) -> int:
    """A log of a second of the monitor and its vehicle, with a wrong CRC, a repeated counter, a
    frame of others and an error frame; how many frames."""
    messages = [
        can.Message(
            timestamp=f.t_ns / SECOND,
            arbitration_id=f.message.can_id,
            data=f.data,
            is_extended_id=False,
            is_rx=False,
            channel=0,
        )
        for f in TxPlan(Identity("s", "m"), start_ns).due(start_ns + SECOND)
    ]
    end_s = start_ns / SECOND + 1.0
    wrong, repeated = alert(3), encode_vehicle_motion(20.0, 1)[1]
    for can_id, data in (
        (ALERT.can_id, bytes([wrong[0] ^ 1]) + wrong[1:]),
        (0x120, repeated),
        (0x120, repeated),
        (0x18FF00, b"others"),
    ):
        messages.append(
            can.Message(
                timestamp=end_s,
                arbitration_id=can_id,
                data=data,
                is_extended_id=can_id > 0x7FF,
                channel=0,
            )
        )
    writers = {".log": can.CanutilsLogWriter, ".asc": can.ASCWriter, ".blf": can.BLFWriter}
    writers |= {".trc": can.TRCWriter, ".mf4": can.MF4Writer}
    with writers[path.suffix](str(path)) as writer:
        for message in messages:
            writer(message)
    return len(messages)


@pytest.mark.parametrize("ending", [*FORMATS, ".mf4"])
def test_every_kind_of_log_is_decoded_the_same(dms: Dms, tmp_path: Path, ending: str) -> None:
    if ending == ".mf4":
        pytest.importorskip("asammdf")
    log = tmp_path / f"drive{ending}"
    count = recorded(log)
    done = dms("can", "decode", log, "--json", "--foreign")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == count
    first = next(line for line in lines if line.get("message") == STATUS.name)
    assert first["values"]["Availability"] == "Unavailable"
    assert first["verdict"] == "initial"
    assert abs(first["t_ns"] - EPOCH_2026) < 2 * MS, "absolute time"
    assert [line["verdict"] for line in lines[-4:-1]] == ["wrong_crc", "initial", "repeated"]
    assert lines[-1]["data"] == b"others".hex()
    assert lines[-1]["extended"]
    assert f"{count} frames, 1 of others, 0 error frames; 1 wrong CRCs, 1 counter" in done.stderr


def test_a_log_is_printed_for_people(dms: Dms, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    recorded(log)
    done = dms("can", "decode", log)
    lines = done.stdout.splitlines()
    assert lines[0] == "# times from 2026-01-01 00:00:00.000000 UTC"
    assert "DMS_Status [initial]  Availability=Unavailable  Reason=Starting" in done.stdout
    assert lines[-1].endswith("Vehicle_Motion [repeated]  SpeedValid=Yes  Speed=72.00 km/h")
    changes = dms("can", "decode", log, "--changes", "--only", "dms_*").stdout.splitlines()
    assert len(changes) == 1 + len(SENT) + 1, "each message once, then the alert"
    summary = dms("can", "decode", log, "--summary").stdout
    assert "320 DMS_Alert" in summary
    totals = json.loads(dms("can", "decode", log, "--summary", "--json").stdout)
    assert totals["duration_s"] == pytest.approx(1.0)
    assert totals["messages"]["DMS_Alert"]["verdicts"]["wrong_crc"] == 1


def test_error_frames_in_a_log_are_counted_not_decoded(dms: Dms, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text(
        "(0.000000) can0 20000004#0020000000000000\n(0.1) can0 120#00 R\n(0.2) can0 120#R\n"
    )
    done = dms("can", "decode", log, "--foreign")
    assert "error frame" in done.stdout
    assert "1 frames, 0 of others, 1 error frames; 1 wrong CRCs" in done.stderr


def test_a_log_that_breaks_off_ends_with_data_loss(dms: Dms, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    recorded(log)
    log.write_text(log.read_text()[:-300] + "\n(9) can0 nonsense\n")
    done = dms("can", "decode", log)
    assert done.returncode == 3
    assert "data loss" in done.stderr
    assert "DMS_Alert" in done.stdout


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_log_that_was_cut_is_never_taken_for_a_whole_one(
    tmp_path: Path, ending: str, share: float
) -> None:
    log = tmp_path / f"a{ending}"
    count = recorded(log)
    assert len(list(read_log(log))) == count
    data = log.read_bytes()
    log.write_bytes(data[: int(share * len(data))])
    given: list[LogFrame] = []
    with pytest.raises(SourceError, match="unreadable after"):
        given.extend(read_log(log))
    assert 0 < len(given) < count, "what came before the cut"


def test_a_candump_log_that_was_cut_anywhere_in_a_line_gives_the_lines_before_it(
    tmp_path: Path,
) -> None:
    log = tmp_path / "a.log"
    recorded(log)
    data = log.read_bytes()
    for cut in range(1, 400):
        log.write_bytes(data[:cut])
        found, lines = list[LogFrame](), data.count(b"\n", 0, cut)
        whole = data[cut - 1 : cut] == b"\n"
        said = f"unreadable after {lines} frames: cut off inside its last line"
        with contextlib.nullcontext() if whole else pytest.raises(SourceError, match=said):
            found.extend(read_log(log))
        assert len(found) == lines


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_measured_data_that_was_cut_or_garbled_is_data_loss_in_one_line(
    dms: Dms, tmp_path: Path, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its index may lie at its end: then nothing can be read."""
    pytest.importorskip("asammdf", reason="needs pip install 'dms[mf4]'")
    log, rng = tmp_path / "a.mf4", random.Random(4)
    recorded(log)
    data = log.read_bytes()
    log.write_bytes(data[: int(share * len(data))])
    done = dms("can", "decode", log)
    assert done.returncode == 3
    assert [line.split(" ")[1:3] for line in done.stderr.splitlines()] == [
        ["0", "frames,"],
        ["data", "loss:"],
    ]
    garbled = bytearray(data)
    for _ in range(200):
        garbled[rng.randrange(64, len(data))] = rng.randrange(256)
    log.write_bytes(garbled)
    with pytest.raises(BrokenLog, match="unreadable after 0 frames"):
        list(read_log(log))
    garbled = bytearray(data)
    garbled[data.index(b"##DZ") + 100] ^= 0xFF
    log.write_bytes(garbled)
    with pytest.raises(BrokenLog, match="unreadable after"):
        list(read_log(log))
    assert capfd.readouterr() == ("", ""), "of which asammdf prints a traceback"
    log.write_bytes(b"nonsense")
    with pytest.raises(SourceError, match="not a valid ASAM MDF file") as none:
        list(read_log(log))
    assert not isinstance(none.value, BrokenLog)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "use one of"),
        ("none.log", None, "No such file"),
        ("a.blf", b"nonsense", "unreadable after 0 frames"),
    ],
)
def test_what_is_no_log_is_one_clear_error(
    dms: Dms, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = dms("can", "decode", tmp_path / name)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


# A live bus

GROUP = f"udp_multicast:239.74.163.2,port={45100 + os.getpid() % 800}"
"""A group of this run's own, so that parallel runs do not hear each other."""


@contextmanager
def talking() -> Iterator[None]:
    """A monitor and a stranger on GROUP."""
    from dms.canbus import open_bus, parse_bus
    from dms.cannode import CanNode

    pytest.importorskip("msgpack")
    bus = parse_bus(GROUP)
    node, stop = CanNode(bus, Identity("s", "m")), threading.Event()
    stranger = open_bus(bus)

    def talk() -> None:
        while not stop.wait(0.01):
            stranger.send(0x7AB, b"foreign!")

    thread = threading.Thread(target=talk)
    node.start()
    thread.start()
    yield
    stop.set()
    thread.join()
    stranger.close()
    node.stop()


def test_the_monitor_tells_a_bus_as_json(dms: Dms) -> None:
    with talking():
        done = dms("can", "monitor", GROUP, "--json", "--seconds", "1.6")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["bus"]["up"]
    assert told["foreign_identifiers"] == 1
    status = told["messages"][STATUS.name]
    assert status["values"]["Reason"] == "Starting"
    assert status["values"]["Calibration"] == {"none": "NotAvailable"}
    assert status["frames"] >= 5
    assert not status["missing"]
    assert set(status["verdicts"]) <= {"initial", "ok"}


def at_a_terminal(words: list[str], hand: Callable[[bytes], bytes]) -> tuple[int, bytes]:
    """A command on a terminal of its own until it ends: its wait status, and all it drew. `hand` is
    given what was drawn so far, again and again, and answers with keys to press."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = [sys.executable, "-m", "dms.cli", *words]
        os.execve(sys.executable, command, {**os.environ, "LINES": "120", "COLUMNS": "100"})
    drawn, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], (), (), 0.05)[0]:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:  # the command ended, and its side of the terminal with it
                break
        if keys := hand(drawn):
            os.write(terminal, keys)
    os.close(terminal)
    return os.waitpid(pid, 0)[1], drawn


def test_the_monitor_draws_a_screen_and_gives_the_terminal_back() -> None:
    waits = [(b"f shows them", b"f"), (b"66 6f 72 65 69 67 6e 21", b"q")]

    def hand(drawn: bytes) -> bytes:
        return waits.pop(0)[1] if waits and waits[0][0] in drawn else b""

    with talking():
        status, drawn = at_a_terminal(["can", "monitor", GROUP], hand)
    assert status == 0
    assert b"DMS_Alert" in drawn
    assert drawn.endswith(b"\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("monitor",),
        ("fly",),
        ("monitor", "nowhere:0"),
        ("monitor", "slcan:/nonexistent"),
        ("monitor", GROUP, "--seconds", "nan"),
        ("send-vehicle", GROUP, "--signal", "Speed=1", "--seconds", "-1"),
    ],
)
def test_wrong_use_of_a_tool_is_one_line(dms: Dms, words: tuple[str, ...]) -> None:
    done = dms("can", *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


# Serial adapters


@contextmanager
def tool(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A tool as a process, ended by SIGTERM."""
    command = [sys.executable, "-m", "dms.cli", "can", *words, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(30) == 0


class Cable:
    """Carries frames from one adapter to another, and writes down what it carried."""

    def __init__(self, near: Adapter, far: Adapter) -> None:
        self.near, self.far = near, far
        self.carried: list[str] = []
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        rest = b""
        while not self._stop.is_set():
            if not select.select([self.near.master], (), (), 0.05)[0]:
                continue
            *lines, rest = (rest + os.read(self.near.master, 4096)).split(b"\r")
            for line in lines:
                if line.startswith(b"t"):  # the rest sets the adapter up
                    stamp, text = len(self.carried) / 1000, line.decode()
                    self.carried.append(f"({stamp:.6f}) can0 {text[1:4]}#{text[5:]}")
                    with contextlib.suppress(OSError):  # full, or unplugged
                        os.write(self.far.master, line + b"\r")

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def heard_of_motion(monitor: subprocess.Popen[str], frames: int, lost: int) -> dict[str, Any]:
    """The first that the monitor tells after so many frames of the vehicle's motion."""
    assert monitor.stdout
    for line in monitor.stdout:
        told = json.loads(line)
        motion = told["messages"].get(VEHICLE_MOTION.name, {"frames": 0})
        if told["bus"]["lost"] == lost and told["bus"]["up"] and motion["frames"] >= frames:
            return dict(motion)
    pytest.fail("the monitor ended")


def test_the_tools_work_over_serial_adapters_also_when_one_is_pulled_and_plugged(
    dms: Dms, tmp_path: Path
) -> None:
    pytest.importorskip("serial")
    near, far = Adapter(tmp_path / "near"), Adapter(tmp_path / "far")
    near.plug()
    far.plug()
    with tool("monitor", f"slcan:{far.path}") as monitor:
        assert far.hears(b"O"), "the monitor opens its adapter"
        with tool("send-vehicle", f"slcan:{near.path}", "--signal", "Speed=90"):
            cable = Cable(near, far)
            before = heard_of_motion(monitor, 20, lost=0)
            far.pull()
            heard_none = time.monotonic() + 1
            while time.monotonic() < heard_none:
                assert monitor.poll() is None
                time.sleep(0.1)
            far.plug()
            assert far.hears(b"O"), "and opens it again"
            after = heard_of_motion(monitor, before["frames"] + 20, lost=1)
            cable.close()
    for motion in (before, after):
        assert motion["values"]["Speed"] == 90.0
        assert "wrong_crc" not in motion["verdicts"]
    log = tmp_path / "carried.log"
    log.write_text("\n".join(cable.carried) + "\n")
    done = dms("can", "decode", log, "--only", VEHICLE_MOTION.name)
    assert done.returncode == 0
    assert "Vehicle_Motion [ok]  SpeedValid=Yes  Speed=90.00 km/h" in done.stdout
    assert "0 wrong CRCs, 0 counter errors" in done.stderr
    near.pull()
    far.pull()


# The vehicle on a bench


def played(profile: Profile, seconds: float, vehicle: Vehicle | None = None) -> list[SimFrame]:
    """What a simulated vehicle sends, by a clock of 1 ms."""
    vehicle, frames = vehicle or Vehicle(), []
    for ms in range(round(seconds * 1000)):
        fault = profile.fault(ms * MS)
        frames += vehicle.due(ms * MS, profile.values, fault)
    return [f for f in frames if f.can_id == VEHICLE_MOTION.can_id]


def speeds(frames: list[SimFrame]) -> list[float | None]:
    """What the monitor's own input makes of them, after each frame."""
    car, said = VehicleInput(), []
    for f in frames:
        car.on_frame(f.can_id, False, f.data, f.t_ns)
        mps = car.state(f.t_ns).speed_mps
        said.append(None if mps is None else round(mps * 3.6, 2))
    return said


TRIP = b"at:\n  0: {Speed: 0}\n  10: {Speed: 80}\n  12: {Speed: null}\n  14: {Speed: 50}\n"


def test_a_speed_goes_in_a_straight_line_and_is_understood_by_the_monitor() -> None:
    said = speeds(played(parse_profile(TRIP), 15))
    assert len(said) == 15 * 50, "20 ms, without drift"
    assert said[0] is None, "the first protected message is not used yet"
    assert said[250] == pytest.approx(40.0, abs=0.01)
    assert said[550] == pytest.approx(80.0)
    assert said[650] is None
    assert said[-1] == pytest.approx(50.0)
    assert parse_profile(TRIP).over(14 * SECOND + 1)


@pytest.mark.parametrize(
    ("fault", "verdict"), [("wrong_crc", "wrong_crc"), ("frozen_counter", "repeated")]
)
def test_a_vehicle_that_misbehaves_is_found_out(fault: str, verdict: str) -> None:
    profile = parse_profile(f"at:\n  0: {{Speed: 50}}\n  1: {{fault: {fault}}}\n".encode())
    car = VehicleInput()
    for f in played(profile, 2):
        car.on_frame(f.can_id, False, f.data, f.t_ns)
    assert car.verdicts[verdict] >= 49
    silent = parse_profile(b"at:\n  0: {Speed: 50}\n  1: {fault: silent}\n")
    assert len(played(silent, 2)) == 50


def test_a_loop_begins_anew_and_late_deadlines_are_skipped_not_made_up() -> None:
    profile = parse_profile(b"loop: true\nat:\n  0: {Speed: 0}\n  2: {Speed: 80}\n")
    said = speeds(played(profile, 5))
    assert said[150] == pytest.approx(said[50])
    assert not profile.over(100 * SECOND)
    vehicle = Vehicle()
    vehicle.due(0, profile.values, SimFault.NONE)
    late = vehicle.due(1000 * MS, profile.values, SimFault.NONE)
    assert [f.t_ns for f in late if f.can_id == VEHICLE_MOTION.can_id] == [1000 * MS]
    assert vehicle.skipped >= 49


def test_every_mistake_in_a_profile_is_told_with_its_line() -> None:
    text = (
        b"lop: true\nat:\n  0:\n    Sped: 1\n    Speed: fast\n  -1: {Speed: 9}\n  3: {fault: x}\n"
    )
    with pytest.raises(ConfigError) as told:
        parse_profile(text, "trip.yaml")
    lines = told.value.lines()
    assert [line.split(": ")[0] for line in lines] == [f"trip.yaml:{n}" for n in (1, 4, 5, 6, 7)], (
        lines
    )
    with pytest.raises(ConfigError, match="must rise"):
        parse_profile(b"at:\n  2: {Speed: 1}\n  1: {Speed: 1}\n")


@given(st.binary(max_size=200) | st.text(alphabet="at: 0123{}Sped\n-,.", max_size=80))
def test_no_bytes_break_the_reading_of_a_profile(data: bytes | str) -> None:
    with contextlib.suppress(ConfigError):
        parse_profile(data if isinstance(data, bytes) else data.encode()).values(SECOND)


def test_keys_drive_and_break_the_vehicle() -> None:
    hand = Hand({})
    for key in ("page up", "page up", "down", "c"):
        hand.press(key)
    assert hand.values(0)["Speed"] == 55.0
    assert hand.fault(0) is SimFault.WRONG_CRC
    hand.press("c")
    assert hand.fault(0) is SimFault.NONE
    for _ in range(50):
        hand.press("page down")
    assert hand.values(0)["Speed"] == 0.0
    hand.press("n")
    assert hand.values(0)["Speed"] is NoValue.NOT_AVAILABLE
    hand.press("?")


def test_a_simulated_speed_arrives_at_a_monitor_on_a_real_bus(dms: Dms) -> None:
    from dms.canbus import parse_bus
    from dms.cannode import CanNode

    pytest.importorskip("msgpack")
    node = CanNode(parse_bus(GROUP), Identity("s", "m"))
    node.start()
    done = dms("can", "send-vehicle", GROUP, "--signal", "Speed=90", "--seconds", "1", "--json")
    speed, counters = node.vehicle().speed_mps, node.counters()
    node.stop()
    assert done.returncode == 0, done.stderr
    assert speed == pytest.approx(25.0), "heard within the time-out of a second"
    told = json.loads(done.stdout)
    assert told["sent"] >= 10
    assert told["sent"] + told["skipped"] + told["refused"] >= 49
    assert counters["vehicle_ok"] + counters.get("vehicle_lost", 0) >= 5
    assert "vehicle_wrong_crc" not in counters


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing says what to send"),
        (("--signal", "Sped=1"), "there is no signal"),
        (("--signal", "Speed=fast"), "a number from 0 to"),
        (("--keys",), "needs a terminal"),
        (("--profile", "/nonexistent.yaml"), "/nonexistent.yaml"),
    ],
)
def test_what_a_vehicle_cannot_say_is_one_line(dms: Dms, words: tuple[str, ...], said: str) -> None:
    done = dms("can", "send-vehicle", GROUP, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_hand_on_the_keys_drives_a_car_on_a_bus() -> None:
    from dms.canbus import parse_bus
    from dms.cannode import CanNode

    pytest.importorskip("msgpack")
    node = CanNode(parse_bus(GROUP), Identity("s", "m"))
    node.start()
    speeds: list[int] = []

    def hand(_: bytes) -> bytes:
        speed = node.vehicle().speed_mps
        if speed is None or (speeds and speeds[-1] == round(speed * 3.6)):
            return b""
        speeds.append(round(speed * 3.6))
        return b"\x1b[5~" if len(speeds) == 1 else b"q"

    status, drawn = at_a_terminal(["can", "send-vehicle", GROUP, "--keys"], hand)
    node.stop()
    assert status == 0
    assert speeds == [0, 30], "page up is 30 km/h"
    assert b"SteeringAngle" in drawn
    assert drawn.endswith(b"\x1b[?1049l"), "the terminal is given back"
