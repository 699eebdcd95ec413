"""What the vehicle says: our own messages' time-outs, checks and every quantity."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dms import e2e
from dms.messages import VEHICLE_BODY, VEHICLE_CONTROLS, VEHICLE_MOTION, VEHICLE_TIME
from dms.signals import Message, NoValue, Value, encode
from dms.types import Gear, Ignition, Indicator
from dms.vehicle import ERRORS_MAX, VehicleInput
from dms.vehicle_messages import RECEIVED, encode_vehicle_motion

MS = 1_000_000


def hear(vehicle: VehicleInput, speed_mps: float | None, counter: int, t_ms: int) -> None:
    can_id, data = encode_vehicle_motion(speed_mps, counter)
    vehicle.on_frame(can_id, False, data, t_ms * MS)


def say(vehicle: VehicleInput, message: Message, values: dict[str, Value], t_ms: int = 0) -> None:
    """Two of them, because the first is never used."""
    for counter in (0, 1):
        data = encode(message, values, counter).data
        vehicle.on_frame(message.can_id, False, data, t_ms * MS)


def speed(vehicle: VehicleInput, t_ms: int) -> float | None:
    return vehicle.state(t_ms * MS).speed_mps


def test_a_speed_counts_from_the_second_good_message_until_the_time_out() -> None:
    vehicle = VehicleInput()
    assert speed(vehicle, 0) is None
    hear(vehicle, 10.0, 3, t_ms=0)
    assert speed(vehicle, 0) is None, "nothing to compare the first counter with"
    hear(vehicle, 10.0, 4, t_ms=20)
    assert speed(vehicle, 20) == pytest.approx(10.0, abs=0.002)
    assert speed(vehicle, 1020) == pytest.approx(10.0, abs=0.002)
    assert speed(vehicle, 1021) is None


def test_a_frozen_sender_takes_its_speed_with_it() -> None:
    vehicle = VehicleInput()
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    for t in range(40, 200, 20):
        hear(vehicle, 10.0, 1, t_ms=t)
    assert speed(vehicle, 180) is None
    assert vehicle.health(180 * MS).repeated == vehicle.verdicts["repeated"] == 8


def test_a_corrupted_speed_is_never_used_and_three_in_a_row_make_the_input_invalid() -> None:
    vehicle = VehicleInput()
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    can_id, data = encode_vehicle_motion(50.0, 2)
    for bad in range(1, ERRORS_MAX + 1):
        assert speed(vehicle, 40) == pytest.approx(10.0, abs=0.002)
        assert not vehicle.health(40 * MS).fault
        vehicle.on_frame(can_id, False, data[:-1] + b"\x01", 40 * MS)
        assert vehicle.health(40 * MS).wrong_crc == bad
    assert speed(vehicle, 40) is None
    assert vehicle.health(40 * MS).fault
    hear(vehicle, 12.0, 2, t_ms=60)
    assert speed(vehicle, 60) == pytest.approx(12.0, abs=0.002), "one good message heals it"
    assert not vehicle.health(60 * MS).fault


def test_a_jumped_counter_is_counted_and_not_used() -> None:
    vehicle = VehicleInput()
    for counter, value in ((0, 10.0), (1, 10.0), (9, 50.0), (10, 11.0)):
        hear(vehicle, value, counter, t_ms=counter * 20)
    assert vehicle.health(0).jumped == 1
    assert speed(vehicle, 200) == pytest.approx(11.0, abs=0.002)
    hear(vehicle, 50.0, 3, t_ms=220)
    assert speed(vehicle, 220) == pytest.approx(11.0, abs=0.002)


def test_a_late_message_is_counted_and_begins_anew() -> None:
    vehicle = VehicleInput()
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    hear(vehicle, 20.0, 2, t_ms=1021)
    assert vehicle.health(1021 * MS).late == 1
    assert speed(vehicle, 1021) is None, "its counter says nothing after so long"
    hear(vehicle, 20.0, 3, t_ms=1041)
    assert speed(vehicle, 1041) == pytest.approx(20.0, abs=0.002)
    assert vehicle.health(1041 * MS).late == 1


def test_a_speed_said_to_be_invalid_is_unknown_at_once() -> None:
    vehicle = VehicleInput()
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    hear(vehicle, None, 2, t_ms=40)
    assert speed(vehicle, 40) is None
    assert vehicle.health(40 * MS).fault


def test_a_wrong_length_is_no_message() -> None:
    vehicle = VehicleInput()
    can_id, data = encode_vehicle_motion(10.0, 0)
    vehicle.on_frame(can_id, False, data[:7], 0)
    assert vehicle.health(0).wrong_crc == 1


def test_an_optional_message_is_a_fault_only_when_it_was_there() -> None:
    vehicle = VehicleInput()
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    assert not vehicle.health(20 * MS).fault, "the body was never heard"
    say(vehicle, VEHICLE_BODY, {"Ignition": 2.0}, t_ms=20)
    for t in range(40, 3000, 20):
        hear(vehicle, 10.0, (t // 20 + 1) % 15, t_ms=t)
        assert vehicle.health(t * MS).fault == (t > 2020), t


def test_every_quantity_arrives_in_its_own_unit() -> None:
    vehicle = VehicleInput()
    say(
        vehicle, VEHICLE_CONTROLS,
        {"SteeringAngle": -90.0, "Gear": 1.0, "Indicator": 2.0, "BrakePressed": 1.0,
         "Accelerator": 25.0, "AssistanceActive": 0.0, "Acknowledged": 1.0},
    )  # fmt: skip
    say(
        vehicle, VEHICLE_BODY,
        {"Ignition": 2.0, "SeatOccupied": 1.0, "DoorOpen": 0.0, "BeltFastened": 1.0,
         "CabinLight": 0.0},
    )  # fmt: skip
    say(vehicle, VEHICLE_TIME, {"UtcTime": 1_790_000_000_123.0})
    state = vehicle.state(30 * MS)
    assert state.steering_rad == pytest.approx(-math.pi / 2)
    assert (state.gear, state.indicator) == (Gear.REVERSE, Indicator.RIGHT)
    assert state.accelerator == pytest.approx(0.25)
    assert (state.brake_pressed, state.acknowledged) == (True, True)
    assert state.assistance_active is False
    assert state.ignition == Ignition.ON
    assert (state.seat_occupied, state.door_open, state.belt_fastened) == (True, False, True)
    assert state.cabin_light is False
    assert state.utc_ns == 1_790_000_000_123 * MS + 30 * MS, "the clock goes on"
    assert state.speed_mps is None


@pytest.mark.parametrize("message", RECEIVED, ids=lambda m: m.name)
@pytest.mark.parametrize("none", list(NoValue))
def test_a_signal_without_a_value_is_none(message: Message, none: NoValue) -> None:
    vehicle = VehicleInput()
    say(vehicle, message, {s.name: none for s in message.signals})
    state = vehicle.state(0)
    assert all(getattr(state, name) is None for name in type(state).__slots__ if name != "t_ns")


def test_each_quantity_has_its_own_time_out() -> None:
    vehicle = VehicleInput()
    say(vehicle, VEHICLE_CONTROLS, {"Gear": 3.0, "Indicator": 1.0})
    assert vehicle.state(500 * MS).gear == Gear.DRIVE
    assert vehicle.state(501 * MS).gear is None
    assert vehicle.state(501 * MS).indicator == Indicator.LEFT
    assert vehicle.state(1001 * MS).indicator is None


some_bytes = st.binary(max_size=64)
some_frame = st.tuples(
    st.integers(0, 0x7FF) | st.sampled_from([m.can_id for m in RECEIVED]),
    some_bytes | st.binary(min_size=8, max_size=8),
    st.integers(0, 10_000),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(some_frame))
def test_no_traffic_makes_it_raise(traffic: list[tuple[int, bytes, int, bool]]) -> None:
    vehicle = VehicleInput()
    protects = {m.can_id: m.data_id for m in RECEIVED}
    for counter, (can_id, data, t_ms, good) in enumerate(traffic):
        if good and can_id in protects and len(data) > 1:
            data = e2e.protect(protects[can_id], data, counter)
        vehicle.on_frame(can_id, False, data, t_ms * MS)
        assert vehicle.state(t_ms * MS).t_ns == t_ms * MS
        assert vehicle.health(t_ms * MS).late >= 0
    assert VEHICLE_MOTION.can_id == 0x120
