"""Frames of any kind from a bus: as the kernel hands them over, as the vehicle's, as shown."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import fields
from pathlib import Path

from dms.busview import BusView, known_messages
from dms.car import OUR_CAR, load_car
from dms.commands.can_table import Look, table
from dms.rawcan import CLASSIC, FD, pack, unpack
from dms.types import VehicleState
from dms.vehicle import VehicleInput

CARS = Path(__file__).resolve().parents[2] / "configs" / "car"
MS = 1_000_000
HOUR = 3600 * 1000 * MS
WIDTH = 80


class Target:
    """Everything that reads frames; every input comes an hour after the one before, when all that
    was heard has been forgotten."""

    def __init__(self) -> None:
        self.frames = self.now_ns = 0
        cars = [OUR_CAR, *(load_car(path) for path in sorted(CARS.glob("*.yaml")))]
        self._vehicles = [VehicleInput(car) for car in cars]
        self._known = known_messages()
        self._places = [*self._known, *(p for car in cars for p in car.identifiers())]

    def run(self, data: bytes) -> None:
        """A byte for the car; then for each frame a byte for its identifier, one for its pause [ms]
        and length, its data."""
        self._kernels(data)
        self.now_ns += HOUR
        view, at, now = BusView(self._known), 1, self.now_ns
        vehicle = self._vehicles[(data[0] if data else 0) % len(self._vehicles)]
        assert vehicle.state(now) == VehicleState(now, None)
        while at + 1 < len(data):
            can_id, extended = self._places[data[at] % len(self._places)]
            length = data[at + 1] % 17 if data[at + 1] < 240 else 64
            now += data[at + 1] * MS
            frame = data[at + 2 : at + 2 + length]
            at, self.frames = at + 2 + length, self.frames + 1
            view.on_frame(can_id, extended, frame, now)
            vehicle.on_frame(can_id, extended, frame, now)
            self._judge(vehicle, now)
        json.dumps(view.to_dict(now), allow_nan=False)
        assert all(len(line) <= WIDTH for line in table(view, now, Look(foreign=True, width=WIDTH)))

    def _kernels(self, data: bytes) -> None:
        """Bytes as a CAN socket gives them: a frame that can be sent on, or a ValueError."""
        for size in (CLASSIC.size, FD.size, len(data)):
            with contextlib.suppress(ValueError):
                got = unpack(data[:size])
                if not got.error:
                    sent_on = unpack(pack(got.can_id, got.data, got.extended))
                    assert sent_on.can_id == got.can_id
                    assert sent_on.data.startswith(got.data), "padded at most"

    def _judge(self, vehicle: VehicleInput, now_ns: int) -> None:
        """What is believed of the vehicle is a number in its range, or nothing."""
        vehicle.health(now_ns)
        state = vehicle.state(now_ns)
        said = [getattr(state, each.name) for each in fields(state)]
        assert all(math.isfinite(value) for value in said if value is not None)
        assert state.speed_mps is None or 0 <= state.speed_mps < 200
        assert state.accelerator is None or 0 <= state.accelerator <= 1


def seeds() -> list[bytes]:
    """A good vehicle's messages, and a socket's frames of both kinds."""
    from dms.messages import encode_vehicle_motion

    target = Target()
    motions = [encode_vehicle_motion(25.0, counter) for counter in range(4)]
    place = target._places.index((motions[0][0], False))
    ours = b"\0" + b"".join(bytes((place, 25)) + data for _, data in motions)
    return [ours, pack(0x320, bytes(8)), pack(0x330, bytes(64)), pack(0x1ABCDE0, bytes(3), True)]
