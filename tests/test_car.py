"""A car's own messages, described in a file: layout, meaning, mistakes, the shipped examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dms import e2e
from dms.car import OUR_CAR, CarConfig, ConfigError, SignalConfig, load_car, mistakes, ranges
from dms.dbcfile import parse_dbc, read_dbc
from dms.quantities import QUANTITIES
from dms.types import Gear, Ignition, Indicator, VehicleState
from dms.vehicle import VehicleInput

CARS = Path(__file__).parent.parent / "configs/car"
PLAIN = SignalConfig(can_id=288, start_bit=0, bits=8, unit="m/s")


def test_the_shipped_file_is_the_default_and_our_own_messages() -> None:
    assert load_car(CARS / "default.yaml") == load_car() == OUR_CAR
    assert set(OUR_CAR.signals()) == set(QUANTITIES), "every quantity has a place"


def test_every_quantity_is_a_key_of_a_cars_file_and_a_field_of_the_state() -> None:
    keys = set(CarConfig.__slots__) - {"name", "dbc"}
    assert keys == set(QUANTITIES)
    fields = set(VehicleState.__slots__) - {"t_ns"}
    assert {q.attribute for q in QUANTITIES.values()} == fields


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
    config = replace(
        PLAIN, start_bit=start, bits=bits, byte_order=order, signed=signed, scale=2**-57
    )
    kind = ("@1" if order == "little" else "@0") + ("-" if signed else "+")
    dbc = f'BO_ 288 M: 8 A\n SG_ S : {start}|{bits}{kind} (1,0) [0|0] "m/s" B\n'
    try:
        definition = cantools.database.load_string('VERSION ""\nBU_: A B\n' + dbc, "dbc")
    except cantools.Error:
        assert mistakes(CarConfig(speed=config))
        return
    assert not mistakes(CarConfig(speed=config))
    found = parse_dbc(dbc)["M.S"]
    assert (found.start_bit, found.bits, found.signed) == (start, bits, signed)
    assert found.big_endian == (order == "big")
    vehicle = VehicleInput(CarConfig(speed=config))
    vehicle.on_frame(288, False, data, 0)
    assert isinstance(definition, cantools.database.Database)
    values = definition.decode_message(288, data)
    assert isinstance(values, dict)
    raw = values["S"]
    assert isinstance(raw, int)
    wanted = abs(raw * 2**-57)
    assert vehicle.state(0).speed_mps == (wanted if wanted <= 150 else None)


def drive(car: str, frames: dict[tuple[int, bool], bytes]) -> VehicleState:
    """Each frame twice: the first of a protected message is not used."""
    config = load_car(CARS / f"{car}.yaml")
    data_ids = {(s.can_id, s.extended): s.e2e_data_id for s in config.signals().values()}
    vehicle = VehicleInput(config)
    for counter in (3, 4):
        for (can_id, extended), data in frames.items():
            data_id = data_ids[can_id, extended]
            payload = data if data_id is None else e2e.protect(data_id, data, counter)
            vehicle.on_frame(can_id, extended, payload, 0)
    return vehicle.state(0)


def test_the_motorola_example_reads_a_protected_car() -> None:
    chassis_1 = bytes.fromhex("0000 1900 98 000000")  # 100 km/h, valid, gear 3
    chassis_2 = bytes.fromhex("0000 05A0 40 7D 0000")  # 90 deg to the right, brake, 50 %
    body = bytes.fromhex("6D 00000000000000")  # on, left, door open, belt fastened, occupied
    state = drive(
        "example_motorola_e2e",
        {(0x1A0, False): chassis_1, (0x1A4, False): chassis_2, (0x18FF1021, True): body},
    )
    assert state.speed_mps == pytest.approx(100 / 3.6)
    assert state.gear == Gear.NEUTRAL
    assert state.steering_rad == pytest.approx(-1.5708, abs=1e-4)
    assert (state.brake_pressed, state.accelerator) == (True, pytest.approx(0.5))
    assert (state.ignition, state.indicator) == (Ignition.ON, Indicator.LEFT)
    assert (state.door_open, state.belt_fastened, state.seat_occupied) == (True, True, True)
    assert state.utc_ns is state.cabin_light is state.assistance_active is None, "not mapped"
    invalid = bytes.fromhex("0000 1900 18 000000")
    assert drive("example_motorola_e2e", {(0x1A0, False): invalid}).speed_mps is None
    no_angle = bytes.fromhex("0000 7FFF C0 FB 0000")
    nothing = drive("example_motorola_e2e", {(0x1A4, False): no_angle})
    assert nothing.steering_rad is nothing.brake_pressed is nothing.accelerator is None


def test_the_fd_example_reads_what_its_dbc_encodes() -> None:
    dbc = cantools.database.load_file(CARS / "example_fd.dbc", strict=True)
    assert isinstance(dbc, cantools.database.Database)
    motion: dict[str, Any] = {
        "VehicleSpeed": 72.0, "SteeringWheelAngle": -57.3, "GearEngaged": 5, "BrakePedal": 0,
        "LaneCentringState": 3, "AcceleratorPosition": 12.5,
    }  # fmt: skip
    cabin: dict[str, Any] = {
        "TurnSignalLever": 2, "SteeringWheelOkButton": 1, "DomeLight": 2,
        "UnixTime": 1_790_000_000,
    }  # fmt: skip
    state = drive(
        "example_fd",
        {
            (261, False): dbc.encode_message("ADAS_Motion", motion),
            (789, False): dbc.encode_message("Body_Cabin", cabin),
        },
    )
    assert state.speed_mps == pytest.approx(20.0)
    assert state.steering_rad == pytest.approx(-1.0, abs=1e-3)
    assert (state.gear, state.assistance_active) == (Gear.DRIVE, True)
    assert (state.brake_pressed, state.accelerator) == (False, pytest.approx(0.125))
    assert (state.indicator, state.acknowledged) == (Indicator.RIGHT, True)
    assert (state.cabin_light, state.utc_ns) == (True, 1_790_000_000 * 10**9)


def test_two_signals_of_one_message_share_its_check() -> None:
    config = load_car(CARS / "example_motorola_e2e.yaml")
    assert config.identifiers() == [(0x1A0, False), (0x1A4, False), (0x18FF1021, True)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("speed:\n  can_id: 0x800\n  start_bit: 60\n  bits: 16\n  unit: km/h\n",
         ["2: speed.can_id: 0x800 needs extended", "3: speed.start_bit: the signal reaches"]),
        ("speed:\n  can_idd: 0x100\n", ['did you mean "can_id"']),
        ("sped:\n  can_id: 1\n", ['did you mean "speed"']),
        ("speed:\n  can_id: 1\n", ["1: speed: needs start_bit, bits"]),
        ("speed:\n  can_id: 1\n  start_bit: 0\n  bits: 8\n  unit: knots\n",
         ['5: speed.unit: "knots" is not one of km/h']),
        ("gear:\n  can_id: 1\n  start_bit: 0\n  bits: 8\n", ["gear.values: needs the raw values"]),
        ("gear:\n  can_id: 1\n  start_bit: 0\n  bits: 8\n  values:\n    forward: 1\n"
         "    park: 3-x\n",
         ["6: gear.values.forward: is not one of", "7: gear.values.park: '3-x' is not a list"]),
        ("speed:\n  signal: M.S\n", ["2: speed.signal: needs a dbc:"]),
        ("dbc: none.dbc\nspeed:\n  signal: M.S\n", ["1: dbc: none.dbc:"]),
        ("dbc: car.dbc\nspeed:\n  signal: M.Spead\n", ['did you mean "M.Speed"']),
        ("dbc: car.dbc\nspeed:\n  signal: M.Muxed\n", ["multiplexed"]),
        ("dbc: car.dbc\nspeed:\n  signal: M.Real\n", ["floating-point"]),
        ("speed:\n  can_id: 1\n  start_bit: 0\n  bits: 8\n  unit: m/s\n  e2e_data_id: 1\n"
         "brake:\n  can_id: 1\n  start_bit: 9\n  bits: 1\n  values:\n    yes: 1\n",
         ["brake.e2e_data_id: differs from speed.e2e_data_id"]),
        ("nam: x\ndbc: car.dbc\nspeed:\n  signal: M.Spead\ngear:\n  bitz: 3\n"
         "brake:\n  can_id: 0x800\n  start_bit: 60\n  bits: 16\n",
         ['did you mean "name"', 'did you mean "bits"', 'did you mean "M.Speed"',
          "0x800 needs extended", "start_bit: the signal reaches", "brake.values: needs the raw"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_cars_file_are_all_named(tmp_path: Path, text: str, wrong: list[str]) -> None:
    (tmp_path / "car.dbc").write_text(
        'BO_ 1 M: 8 A\n SG_ Speed : 0|16@1+ (1,0) [0|0] "km/h" B\n'
        ' SG_ Mux M : 16|8@1+ (1,0) [0|0] "" B\n SG_ Muxed m1 : 24|8@1+ (1,0) [0|0] "" B\n'
        ' SG_ Real : 32|32@1- (1,0) [0|0] "" B\nSIG_VALTYPE_ 1 Real : 1;\n'
    )
    path = tmp_path / "car.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_car(path)
    assert len(caught.value.errors) == len(wrong)
    for found, part in zip(caught.value.errors, wrong, strict=True):
        assert part in found
        assert "car.yaml" in found


def test_what_a_file_gives_is_stronger_than_the_dbc(tmp_path: Path) -> None:
    (tmp_path / "car.dbc").write_text(
        'BO_ 2147484000 M: 8 A\n SG_ V : 7|16@0- (0.5,-1) [0|0] "kph" B\n', encoding="latin-1"
    )
    path = tmp_path / "car.yaml"
    path.write_text("dbc: car.dbc\nspeed:\n  signal: M.V\n  unit: km/h\n  scale: 0.25\n")
    speed = load_car(path).speed
    assert speed is not None
    assert (speed.can_id, speed.extended, speed.length) == (2147484000 - (1 << 31), True, 8)
    assert (speed.start_bit, speed.bits, speed.byte_order, speed.signed) == (7, 16, "big", True)
    assert (speed.scale, speed.offset, speed.unit) == (0.25, -1.0, "km/h")


@pytest.mark.parametrize(
    ("raws", "pairs"),
    [
        (5, [(5, 5)]),
        ("4, 6-9", [(4, 4), (6, 9)]),
        ("0x10-0x1F", [(16, 31)]),
        ("9-6", None),
        ("", None),
        ("x", None),
        (True, None),
        (None, None),
        (1.5, None),
    ],
)
def test_raw_values_are_written_as_a_list(raws: Any, pairs: list[tuple[int, int]] | None) -> None:
    assert ranges(raws) == pairs


@settings(deadline=None)
@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")), st.text(max_size=20))
def test_any_text_is_read_as_a_dbc_without_an_error(text: str, tail: str) -> None:
    assert isinstance(parse_dbc(text), dict)
    line = f'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "{tail}'
    assert isinstance(parse_dbc(line), dict)


def test_a_file_that_is_no_dbc_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.dbc"
    path.write_text("hello")
    with pytest.raises(ValueError, match="is this a DBC"):
        read_dbc(path)
