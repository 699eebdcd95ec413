"""What this monitor offers to a diagnostic tester: identifiers, routines, faults, settings.

docs/diagnostics.md is the reference for whoever writes the tester's side.
"""

from __future__ import annotations

import math
import struct
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dms import __version__
from dms.canlink import BusHealth
from dms.cannode import CanNode
from dms.commands.meter import hottest_degc
from dms.config import Config, Scalar
from dms.config.param import MS
from dms.errors import DmsError
from dms.messages import KMH_PER_MPS
from dms.moment import Identity
from dms.types import Observation, SeatSide, Step
from dms.uds.dtc import FaultMemory, Snapshot
from dms.uds.nvm import Kept, Store
from dms.uds.protocol import Identifier, Nrc, Offers, Refused, Routine
from dms.uds.unit import Diagnostics
from dms.uds.watch import FAULTS, Vitals, Watch

VIN = 0xF190
VIN_BYTES = 17
IN_SNAPSHOT = (0xFD08, 0xFD09, 0xFD0A, 0xFD04)
"""Identifiers whose values are kept with a fault."""
NO_U16, NO_I16 = 0xFFFF, -0x8000
"""What a value is when it is not known."""
RECENT_NS = 3000 * MS
"""Camera and light are judged by the frames of this last while."""
MIN_FRAMES = 10
SELF_TEST = ("networks", "frames", "bus", "memory")
"""Bits of the self-test's result, from bit 0."""


def stored_settings(kept: Kept) -> dict[str, Scalar]:
    """Configuration that a tester has written: dotted key -> value."""
    found = kept.content.get("settings")
    return {k: v for k, v in found.items() if k in SETTINGS} if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class _Setting:
    """How a key of the configuration is written by a tester."""

    number: int
    name: str
    length: int
    parse: Callable[[bytes], Scalar]
    format: Callable[[Any], bytes]


def _tenths(limit: float) -> Callable[[bytes], Scalar]:
    def parse(data: bytes) -> Scalar:
        value = struct.unpack(">h", data)[0] / 10
        if abs(value) > limit:
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        return str(value)

    return parse


def _seat(data: bytes) -> Scalar:
    try:
        return SeatSide(data[0]).name.lower()
    except ValueError:
        raise Refused(Nrc.REQUEST_OUT_OF_RANGE) from None


def _i16_tenths(value: float | None) -> bytes:
    known = value is not None and math.isfinite(value)
    raw = min(max(round((value or 0.0) * 10), -32767), 32767) if known else NO_I16
    return struct.pack(">h", raw)


SETTINGS: dict[str, _Setting] = {
    "camera.seat": _Setting(
        0xFD10, "seat", 1, _seat, lambda seat: bytes((SeatSide[seat.upper()],))
    ),
    "camera.mount_yaw_deg": _Setting(0xFD11, "mount yaw", 2, _tenths(80), _i16_tenths),
    "camera.mount_pitch_deg": _Setting(0xFD12, "mount pitch", 2, _tenths(60), _i16_tenths),
}
"""The keys that may be written. They count from the next start on."""


@dataclass
class Desk:
    """Everything that a request may read or change. Used by the diagnostics thread; `seen` and
    `reset_wanted` by the daemon's."""

    config: Config
    store: Store
    kept: Kept
    clock: Callable[[], int]
    identity: Identity
    node: CanNode | None = None
    frames: int = 0
    faces: int = 0
    reset_asked: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.started_ns = self.clock()
        self._recent: deque[tuple[int, Step]] = deque(maxlen=256)
        self._watch = Watch()
        self.settings: dict[str, Scalar] = stored_settings(self.kept)
        self.vin = str(self.kept.content.get("vin", ""))[:VIN_BYTES]
        self.faults, self.damaged = _faults(self.config, self.kept)
        self.identifiers = self._identifiers()

    def seen(self, step: Step) -> None:
        """A new result of the pipeline."""
        self._recent.append((self.clock(), step))
        self.frames += 1
        self.faces += step.observation.face is not None

    def watch(self, now_ns: int) -> None:
        """Look for faults."""
        for code, failed in self._watch.look(self._vitals(now_ns)).items():
            self.faults.report(code, failed, now_ns, self._snapshot)

    def _vitals(self, now_ns: int) -> Vitals:
        at_ns, step = self._recent[-1] if self._recent else (0, None)
        node = self.node
        return Vitals(
            now_ns,
            self.started_ns,
            None if step is None else step.state,
            at_ns,
            self.config.health.stall_ms * MS,
            BusHealth() if node is None else node.health(),
            node is not None and node.vehicle().speed_mps is not None,
            {} if node is None else node.counters(),
            self.damaged,
        )

    def _snapshot(self) -> Snapshot:
        return {number: self.identifiers[number].read() for number in IN_SNAPSHOT}

    def keep(self) -> None:
        """Write everything down. Errors: OSError."""
        content = {"faults": self.faults.to_dict(), "settings": self.settings, "vin": self.vin}
        self.store.save(content)

    def offers(self) -> Offers:
        """What the server may use."""
        routines = {
            0x0200: Routine("self-test", self.self_test),
            0x0201: Routine("camera aim check", self.aim),
            0x0202: Routine("infrared light check", self.light),
        }
        return Offers(self.identifiers, routines, self.faults, self.keep, self.reset_asked.set)

    # identifiers

    def _identifiers(self) -> dict[int, Identifier]:
        software = __version__.encode()[:16].ljust(16)
        who = self.identity
        hashes = [Identity.digest(text) for text in (who.software, who.models, who.config)]
        fixed = {
            0xF189: Identifier("software version", 16, lambda: software),
            VIN: Identifier("VIN", VIN_BYTES, self._read_vin, self._write_vin),
            0xFD00: Identifier("software hash", 32, lambda: hashes[0]),
            0xFD01: Identifier("models hash", 32, lambda: hashes[1]),
            0xFD02: Identifier("configuration hash", 32, lambda: hashes[2]),
            0xFD03: Identifier("calibration", 1, self._calibration),
            0xFD04: Identifier("highest temperature", 2, lambda: _i16_tenths(hottest_degc())),
            0xFD05: Identifier("bus counters", 32, self._bus),
            0xFD06: Identifier("frame counters", 16, self._frame_counters),
            0xFD07: Identifier("punctuality", 24, self._punctuality),
            0xFD08: Identifier("availability", 5, self._availability),
            0xFD09: Identifier("vehicle speed", 2, self._speed),
            0xFD0A: Identifier("time since start", 4, self._uptime),
            0xFD0B: Identifier("input counters", 20, self._inputs),
        }
        return fixed | {s.number: self._setting(key, s) for key, s in SETTINGS.items()}

    def _setting(self, key: str, setting: _Setting) -> Identifier:
        section, name = key.split(".")
        in_force = getattr(getattr(self.config, section), name)

        def read() -> bytes:
            stored = self.settings.get(key)
            kind = type(in_force)
            return setting.format(in_force if stored is None else kind(stored))

        def write(data: bytes) -> None:
            self._change(lambda: self.settings.update({key: setting.parse(data)}))

        return Identifier(setting.name, setting.length, read, write)

    def _change(self, change: Callable[[], None]) -> None:
        """Change and keep; what cannot be kept is not changed. Errors: Refused, OSError."""
        before = dict(self.settings), self.vin
        change()
        try:
            self.keep()
        except OSError:
            self.settings, self.vin = before
            raise

    def _read_vin(self) -> bytes:
        return self.vin.encode("ascii", "replace").ljust(VIN_BYTES, b"\0")

    def _write_vin(self, data: bytes) -> None:
        if not (data.isascii() and data.decode("ascii", "replace").isalnum()):
            raise Refused(Nrc.REQUEST_OUT_OF_RANGE)
        self._change(lambda: setattr(self, "vin", data.decode("ascii")))

    def _calibration(self) -> bytes:
        return bytes((self._recent[-1][1].state.calibration_pct if self._recent else 0,))

    def _bus(self) -> bytes:
        h = BusHealth() if self.node is None else self.node.health()
        return _u32(
            h.sent, h.dropped, h.received, h.bad_received, h.error_frames, h.passive, h.bus_off,
            h.lost,
        )  # fmt: skip

    def _frame_counters(self) -> bytes:
        counters = {} if self.node is None else self.node.counters()
        missed, clamped = counters.get("missed", 0), counters.get("clamped", 0)
        return _u32(self.frames, self.faces, missed, clamped)

    def _punctuality(self) -> bytes:
        if self.node is None:
            return bytes(24)
        p = self.node.punctuality
        return _u32(
            *(n or 0 for h in (p.lateness, p.jitter)
              for n in (h.quantile_us(0.5), h.quantile_us(0.99), h.max_us))
        )  # fmt: skip

    def _availability(self) -> bytes:
        if not self._recent:
            return bytes((0, 9)) + b"\0" + NO_U16.to_bytes(2, "big")  # unavailable, starting
        at_ns, step = self._recent[-1]
        age_ms = min((self.clock() - at_ns) // MS, NO_U16 - 1)
        s = step.state
        return bytes((s.availability, s.reason, s.condition)) + age_ms.to_bytes(2, "big")

    def _speed(self) -> bytes:
        speed = None if self.node is None else self.node.vehicle().speed_mps
        raw = NO_U16 if speed is None else min(round(speed * KMH_PER_MPS * 100), NO_U16 - 1)
        return raw.to_bytes(2, "big")

    def _uptime(self) -> bytes:
        return _u32((self.clock() - self.started_ns) // (1000 * MS))

    def _inputs(self) -> bytes:
        counters = {} if self.node is None else self.node.counters()
        names = ("wrong_crc", "repeated", "jumped", "lost", "wrong_length")
        sums = (sum(n for k, n in counters.items() if k.endswith(name)) for name in names)
        return _u32(*sums)

    # routines

    def self_test(self, option: bytes) -> bytes:
        """Result 0 passed or 1 failed, then two bytes: a bit for each of SELF_TEST that failed."""
        _no_option(option)
        failed = [self._networks(), not self._fresh(), not self._bus_up(), not self._keeps()]
        bits = sum(bad << bit for bit, bad in enumerate(failed))
        return bytes((bits > 0,)) + bits.to_bytes(2, "big")

    def _networks(self) -> bool:
        """Whether the networks' files differ from their manifest."""
        from dms.engine import model_files, models_dir

        try:
            model_files(models_dir(self.config.engine.models_dir))
        except DmsError:
            return True
        return False

    def _fresh(self) -> bool:
        return bool(self._recent) and self._vitals(self.clock()).fresh

    def _bus_up(self) -> bool:
        return self.node is not None and self.node.health().up

    def _keeps(self) -> bool:
        try:
            self.keep()
        except OSError:
            return False
        return not self.damaged

    def _lately(self) -> Sequence[Observation]:
        since = self.clock() - RECENT_NS
        return [step.observation for at_ns, step in list(self._recent) if at_ns >= since]

    def aim(self, option: bytes) -> bytes:
        """Result, then yaw and pitch [0.1 deg] of the head in the camera frame less the mount's:
        the driver looks straight ahead while it runs."""
        _no_option(option)
        faces = [seen.face for seen in self._lately() if seen.face is not None]
        if len(faces) < MIN_FRAMES:
            raise Refused(Nrc.CONDITIONS_NOT_CORRECT)
        camera, limit = self.config.camera, self.config.diagnostics.aim_tolerance_deg
        yaw = _mean_deg([f.yaw_rad for f in faces]) - camera.mount_yaw_deg
        pitch = _mean_deg([f.pitch_rad for f in faces]) - camera.mount_pitch_deg
        aimed = abs(yaw) <= limit and abs(pitch) <= limit
        return bytes((not aimed,)) + _i16_tenths(yaw) + _i16_tenths(pitch)

    def light(self, option: bytes) -> bytes:
        """Result, then mean grey level, share of dark and of saturated pixels [%]. What is judged
        is the picture, so it means something only in a dark cabin."""
        _no_option(option)
        seen = [o.quality for o in self._lately()]
        if len(seen) < MIN_FRAMES:
            raise Refused(Nrc.CONDITIONS_NOT_CORRECT)
        count = len(seen)
        grey = sum(q.mean for q in seen) / count
        dark, bright = sum(q.dark for q in seen) / count, sum(q.saturated for q in seen) / count
        bad = grey < self.config.diagnostics.light_min_grey
        bad |= bright > self.config.health.saturated_share
        return bytes((bad, round(grey), round(100 * dark), round(100 * bright)))


def _no_option(option: bytes) -> None:
    if option:
        raise Refused(Nrc.INCORRECT_LENGTH)


def _mean_deg(angles: Sequence[float]) -> float:
    return math.degrees(sum(angles) / len(angles))


def _u32(*numbers: int) -> bytes:
    return b"".join(min(max(n, 0), 0xFFFFFFFF).to_bytes(4, "big") for n in numbers)


def _faults(config: Config, kept: Kept) -> tuple[FaultMemory, bool]:
    """The fault memory as kept, in a new operation cycle; whether what was kept is damaged."""
    memory, damaged = FaultMemory(FAULTS, config.diagnostics), kept.damaged
    try:
        memory.restore(kept.content.get("faults", {}))
    except (KeyError, TypeError, ValueError, AttributeError):
        memory, damaged = FaultMemory(FAULTS, config.diagnostics), True
    memory.begin_cycle()
    return memory, damaged


def open_diagnostics(
    config: Config, store: Store, kept: Kept, clock: Callable[[], int], identity: Identity
) -> tuple[Desk, Diagnostics]:
    """The diagnostics of one run; with a request_id only. Errors: UsageError (key file)."""
    desk = Desk(config, store, kept, clock, identity)
    return desk, Diagnostics(config.diagnostics, desk.offers(), desk.watch, clock)
