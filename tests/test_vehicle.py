"""The vehicle's speed, from our own message and from a car's own."""

from __future__ import annotations

from pathlib import Path

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dms.messages import VEHICLE_MOTION, encode_vehicle_motion
from dms.vehicle import CarConfig, ConfigError, SpeedConfig, VehicleInput, load_car, mistakes

CAR = Path(__file__).parent.parent / "configs/car/default.yaml"
MS = 1_000_000


def hear(vehicle: VehicleInput, speed_mps: float | None, counter: int, t_ms: int) -> None:
    can_id, data = encode_vehicle_motion(speed_mps, counter)
    vehicle.on_frame(can_id, False, data, t_ms * MS)


def speed(vehicle: VehicleInput, t_ms: int) -> float | None:
    return vehicle.state(t_ms * MS).speed_mps


def test_the_shipped_file_is_the_default_and_our_own_message() -> None:
    assert load_car(CAR) == load_car() == CarConfig()


def test_a_speed_counts_from_the_second_good_message_until_the_time_out() -> None:
    vehicle = VehicleInput(CarConfig(), timeout_ns=1000 * MS)
    assert speed(vehicle, 0) is None
    hear(vehicle, 10.0, 3, t_ms=0)
    assert speed(vehicle, 0) is None, "nothing to compare the first counter with"
    hear(vehicle, 10.0, 4, t_ms=20)
    assert speed(vehicle, 20) == pytest.approx(10.0, abs=0.002)
    assert speed(vehicle, 1020) == pytest.approx(10.0, abs=0.002)
    assert speed(vehicle, 1021) is None


def test_a_frozen_sender_times_out() -> None:
    vehicle = VehicleInput(CarConfig(), timeout_ns=100 * MS)
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    for t in range(40, 200, 20):
        hear(vehicle, 10.0, 1, t_ms=t)
    assert speed(vehicle, 180) is None
    assert vehicle.verdicts["repeated"] == 8


def test_a_corrupted_speed_is_never_used() -> None:
    vehicle = VehicleInput(CarConfig())
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    can_id, data = encode_vehicle_motion(50.0, 2)
    vehicle.on_frame(can_id, False, data[:-1] + b"\x01", 40 * MS)
    assert speed(vehicle, 40) == pytest.approx(10.0, abs=0.002)
    assert vehicle.verdicts["wrong_crc"] == 1


def test_a_speed_said_to_be_invalid_is_unknown_at_once() -> None:
    vehicle = VehicleInput(CarConfig())
    hear(vehicle, 10.0, 0, t_ms=0)
    hear(vehicle, 10.0, 1, t_ms=20)
    hear(vehicle, None, 2, t_ms=40)
    assert speed(vehicle, 40) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x7FF) | st.just(0x120), st.binary(max_size=64))))
def test_no_traffic_makes_it_raise(traffic: list[tuple[int, bytes]]) -> None:
    vehicles = [
        VehicleInput(CarConfig()),
        VehicleInput(CarConfig(speed=SpeedConfig(e2e_data_id=None))),
    ]
    for can_id, data in traffic:
        for vehicle in vehicles:
            vehicle.on_frame(can_id, False, data, 0)
            assert vehicle.state(0).t_ns == 0


@settings(deadline=None)
@given(
    start=st.integers(0, 63),
    bits=st.integers(1, 64),
    order=st.sampled_from(["little", "big"]),
    signed=st.booleans(),
    data=st.binary(min_size=8, max_size=8),
)
def test_any_signal_is_read_as_cantools_reads_it(
    start: int, bits: int, order: str, signed: bool, data: bytes
) -> None:
    config = SpeedConfig(
        start_bit=start, bits=bits, byte_order=order, signed=signed, scale=0.5, unit="m/s",
        max_raw=None, valid_start_bit=None, e2e_data_id=None,
    )  # fmt: skip
    kind = ("@1" if order == "little" else "@0") + ("-" if signed else "+")
    dbc = f'BO_ 288 M: 8 A\n SG_ S : {start}|{bits}{kind} (0.5,0) [0|0] "" B\n'
    try:
        definition = cantools.database.load_string('VERSION ""\nBU_: A B\n' + dbc, "dbc")
    except cantools.Error:
        assert mistakes(CarConfig(speed=config))
        return
    assert not mistakes(CarConfig(speed=config))
    vehicle = VehicleInput(CarConfig(speed=config))
    vehicle.on_frame(288, False, data, 0)
    assert isinstance(definition, cantools.database.Database)
    values = definition.decode_message(288, data)
    assert isinstance(values, dict)
    assert vehicle.state(0).speed_mps == values["S"]


def testmistakes_in_a_cars_file_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_text("speed:\n  can_id: 0x800\n  start_bit: 60\n")
    with pytest.raises(ConfigError) as caught:
        load_car(path)
    assert len(caught.value.errors) == 2
    path.write_text("speed:\n  can_idd: 0x100\n")
    with pytest.raises(ConfigError, match='did you mean "can_id"'):
        load_car(path)
    assert VEHICLE_MOTION.can_id == 0x120
