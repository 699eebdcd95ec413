"""The simulated vehicle in a car's own messages: what it says is what the monitor understands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dms.car import OUR_CAR, CarConfig, ConfigError, SignalConfig, load_car
from dms.carsim import OURS, CarVoice
from dms.commands.can_send_vehicle import Hand
from dms.quantities import QUANTITIES
from dms.signals import NoValue, Value
from dms.types import VehicleState
from dms.vehicle import VehicleInput
from dms.vehiclesim import SIGNALS, Fault, Profile, SimFrame, Vehicle, parse_profile

MS = 1_000_000
SECOND = 1000 * MS
CARS = Path(__file__).parent.parent / "configs/car"
NAMES = ("default", "example_fd", "example_motorola_e2e")
GROUP = f"udp_multicast:239.74.163.4,port={46100 + os.getpid() % 800}"
"""A group of this run's own, so that parallel runs do not hear each other."""
Dms = Callable[..., "subprocess.CompletedProcess[str]"]


def sent(vehicle: Vehicle, values: dict[str, Value], fault: Fault = Fault.NONE) -> list[SimFrame]:
    """Two of its slowest message."""
    return [f for ms in range(0, 1010, 10) for f in vehicle.due(ms * MS, lambda _: values, fault)]


def understood(car: CarConfig, frames: list[SimFrame]) -> tuple[VehicleState, VehicleInput]:
    """What the monitor makes of it, with that car's file, at the end."""
    heard = VehicleInput(car)
    for f in frames:
        heard.on_frame(f.can_id, f.extended, f.data, f.t_ns)
    return heard.state(frames[-1].t_ns), heard


def sayable(car: CarConfig) -> st.SearchStrategy[dict[str, Value]]:
    """A value, or none, for each signal that the car has, as far as it can say it."""
    voice, some = CarVoice(car), {}
    for name in voice.names:
        signal = SIGNALS[name]
        choices = [*(float(raw) for raw, _ in signal.table), NoValue.NOT_AVAILABLE]
        known = [value for value in choices if voice.can_say(name, value)]
        some[name] = st.sampled_from(known) if known else st.nothing()
        if not signal.table:
            some[name] |= st.floats(signal.minimum, 1.9e12 if "Utc" in name else 100.0)
    return st.fixed_dictionaries(some)


def resolution(car: CarConfig) -> dict[str, float]:
    """How far a number may be off, by its attribute of the state: half a step of either side."""
    return {
        QUANTITIES[key].attribute: 0.51
        * (
            abs(s.scale) * QUANTITIES[key].units[s.unit]
            + OURS[key].scale * QUANTITIES[key].units[OURS[key].unit]
        )
        for key, s in car.signals().items()
        if QUANTITIES[key].units
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_car_tells_the_monitor_the_same_as_our_own_messages_do(name: str) -> None:
    car = load_car(CARS / f"{name}.yaml")
    slack = resolution(car)

    @settings(max_examples=40, deadline=None)
    @given(sayable(car))
    def same(values: dict[str, Value]) -> None:
        told = {signal: [value] for signal, value in values.items()}
        theirs, heard = understood(car, sent(Vehicle(CarVoice(car).outgoing(told)), values))
        ours, _ = understood(OUR_CAR, sent(Vehicle(), values))
        assert set(heard.verdicts) <= {"ok", "initial", "unprotected"}
        for key in car.signals():
            attribute = QUANTITIES[key].attribute
            said, wanted = getattr(theirs, attribute), getattr(ours, attribute)
            if attribute == "utc_ns" and said is not None and wanted is not None:
                # the clock goes on: both count from their own last message
                assert abs(said - wanted) <= slack[attribute] + 1000 * MS
            elif wanted is not None and attribute in slack:
                assert said == pytest.approx(wanted, rel=1e-9, abs=slack[attribute])
            else:
                assert said == wanted, key

    same()


def test_the_bytes_are_those_of_the_cars_own_dbc() -> None:
    dbc = cantools.database.load_file(CARS / "example_fd.dbc", strict=True)
    assert isinstance(dbc, cantools.database.Database)
    values: dict[str, Value] = {
        "Speed": 72.0, "SteeringAngle": -57.3, "Gear": 3.0, "BrakePressed": 0.0,
        "AssistanceActive": 1.0, "Accelerator": 12.5,
    }  # fmt: skip
    voice = CarVoice(load_car(CARS / "example_fd.yaml"))
    vehicle = Vehicle(voice.outgoing({name: [value] for name, value in values.items()}))
    frames = sent(vehicle, values)
    assert {(f.can_id, len(f.data)) for f in frames} == {(261, 32)}, "nothing told of the cabin"
    assert len(frames) == 21, "ten times in its shortest time-out, that of the gear: 500 ms"
    decoded = dbc.decode_message(261, frames[-1].data)
    assert isinstance(decoded, dict)
    assert decoded == pytest.approx(
        {
            "VehicleSpeed": 72.0, "SteeringWheelAngle": -57.3, "GearEngaged": 3, "BrakePedal": 0,
            "LaneCentringState": 3, "AcceleratorPosition": 12.5,
        }
    )  # fmt: skip


def test_what_is_not_given_has_no_value_and_its_messages_are_not_sent() -> None:
    car = load_car(CARS / "example_motorola_e2e.yaml")
    frames = sent(Vehicle(CarVoice(car).outgoing({"Gear": [1.0]})), {"Gear": 1.0})
    assert {f.can_id for f in frames} == {0x1A0}
    state, heard = understood(car, frames)
    assert (state.gear, state.speed_mps) == (1, None)
    assert heard.verdicts["ok"] == len(frames) - 1


@pytest.mark.parametrize(
    ("fault", "verdict"), [(Fault.WRONG_CRC, "wrong_crc"), (Fault.FROZEN_COUNTER, "repeated")]
)
def test_a_protected_car_that_misbehaves_is_found_out(fault: Fault, verdict: str) -> None:
    car = load_car(CARS / "example_motorola_e2e.yaml")
    body: dict[str, Value] = {
        "Ignition": 2.0, "Indicator": 0.0, "DoorOpen": 0.0, "BeltFastened": 1.0,
        "SeatOccupied": 1.0,
    }  # fmt: skip
    values: dict[str, Value] = {"Speed": 50.0, **body}
    vehicle = Vehicle(CarVoice(car).outgoing({name: [v] for name, v in values.items()}))
    state, heard = understood(car, sent(vehicle, values, fault))
    assert state.speed_mps is None
    assert heard.verdicts[verdict] >= 49
    assert (state.seat_occupied, state.ignition) == (True, 2), "not protected: as it was said"


def test_all_that_a_car_cannot_say_is_told_at_once() -> None:
    voice = CarVoice(load_car(CARS / "example_fd.yaml"))
    profile = parse_profile(
        b"at:\n  0: {Speed: 50, Indicator: Hazard, Ignition: On}\n  2: {CabinLight: Yes}\n"
    )
    with pytest.raises(ConfigError) as told:
        voice.outgoing(profile.told())
    text = "\n".join(told.value.lines())
    for said in (
        "Ignition: not in its file, which has Speed",
        "Indicator: has no raw value for Hazard",
        "CabinLight: has no raw value for none: give one of No, Yes",
        "UtcTime: has no raw value for none: give a number",
    ):
        assert said in text
    assert "Speed: " not in text
    fast = CarVoice(load_car(CARS / "example_motorola_e2e.yaml"))
    assert fast.can_say("Speed", 250.0)
    assert not fast.can_say("Speed", 600.0), "more than is plausible to the monitor"


PLAIN = SignalConfig(can_id=0x100, start_bit=16, bits=8, unit="km/h")


def test_signals_that_share_bits_cannot_be_said_and_are_named() -> None:
    choice = replace(PLAIN, start_bit=20, bits=4, unit="", values=(("no", 0), ("yes", 1)))
    with pytest.raises(ConfigError, match="brake: shares bits with speed"):
        CarVoice(CarConfig(name="c", speed=PLAIN, brake=choice))
    with pytest.raises(ConfigError, match="speed: shares bits with the protection"):
        CarVoice(CarConfig(name="c", speed=replace(PLAIN, start_bit=8, e2e_data_id=1)))


@given(
    start=st.integers(0, 63),
    bits=st.integers(1, 64),
    order=st.sampled_from(["little", "big"]),
    signed=st.booleans(),
    scale=st.sampled_from([1.0, 0.3, -0.25, 1e-300, 1e12]),
    limits=st.tuples(st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 300)),
    valid=st.tuples(st.none() | st.integers(0, 63), st.integers(1, 8), st.integers(0, 255)),
    value=st.floats(0, 655.3),
)
def test_any_mapping_says_a_value_so_that_it_is_understood_or_not_at_all(
    start: int,
    bits: int,
    order: str,
    signed: bool,
    scale: float,
    limits: tuple[int | None, int | None],
    valid: tuple[int | None, int, int],
    value: float,
) -> None:
    speed = replace(
        PLAIN, start_bit=start, bits=bits, byte_order=order, signed=signed, scale=scale,
        min_raw=limits[0], max_raw=limits[1], valid_start_bit=valid[0], valid_bits=valid[1],
        valid_raw=valid[2],
    )  # fmt: skip
    car = CarConfig(name="any", speed=speed)
    if speed.shift(start, bits) is None or (
        valid[0] is not None and speed.shift(valid[0], valid[1]) is None
    ):
        return  # refused when the file is read
    voice = CarVoice(car)
    for said in (value, NoValue.NOT_AVAILABLE):
        if voice.can_say("Speed", said):
            frames = sent(Vehicle(voice.outgoing({"Speed": [said]})), {"Speed": said})
            mps = understood(car, frames)[0].speed_mps
            if isinstance(said, NoValue):
                assert mps is None
            else:
                assert mps == pytest.approx(said / 3.6, abs=abs(scale))


def test_a_value_on_the_way_that_a_car_cannot_say_is_none() -> None:
    car = CarConfig(name="gap", speed=replace(PLAIN, invalid_raw="40-60"))
    profile = Profile({"Speed": [(0, 0.0), (SECOND, 100.0)]}, end_ns=SECOND)
    vehicle, heard, said = Vehicle(CarVoice(car).outgoing(profile.told())), VehicleInput(car), []
    for ms in range(1000):
        for f in vehicle.due(ms * MS, profile.values, Fault.NONE):
            heard.on_frame(f.can_id, f.extended, f.data, f.t_ns)
            mps = heard.state(f.t_ns).speed_mps
            said.append(None if mps is None else round(mps * 3.6))
    assert said == [0, 10, 20, 30, None, None, None, 70, 80, 90]


def test_keys_offer_only_what_the_car_can_say() -> None:
    hand = Hand({"Acknowledged": 0.0}, CarVoice(load_car(CARS / "example_fd.yaml")))
    assert set(hand.choices.values()) == {
        "Gear", "Indicator", "BrakePressed", "AssistanceActive", "Acknowledged", "CabinLight",
    }  # fmt: skip
    keys = {name: key for key, name in hand.choices.items()}
    seen = []
    for _ in range(8):
        hand.press(keys["Indicator"])
        seen.append(hand.values(0)["Indicator"])
    assert set(seen) == {0.0, 1.0, 2.0, NoValue.NOT_AVAILABLE}, "this car has no hazard light"
    hand.press(keys["Acknowledged"])
    hand.press(keys["Acknowledged"])
    assert hand.values(0)["Acknowledged"] == 0.0, "and cannot say that there is no button"


# On a bus, as the manual says


@contextmanager
def monitor(car: str, fd: bool) -> Iterator[Any]:
    """The daemon's own CAN thread, with a car's file."""
    from dms.canbus import parse_bus
    from dms.cannode import CanNode
    from dms.moment import Identity

    pytest.importorskip("msgpack")
    bus = replace(parse_bus(GROUP), fd=fd)
    node = CanNode(bus, Identity("s", "m"), load_car(CARS / f"{car}.yaml"))
    node.start()
    yield node
    node.stop()


@pytest.mark.parametrize(
    ("car", "words", "said"),
    [
        (
            "example_motorola_e2e",
            "Speed=90 Gear=Drive SteeringAngle=-30 Ignition=On Indicator=Left DoorOpen=No "
            "BeltFastened=Yes SeatOccupied=Yes Accelerator=20",
            {"gear": 3, "ignition": 2, "indicator": 1, "door_open": False, "belt_fastened": True,
             "seat_occupied": True, "brake_pressed": None, "accelerator": 0.2},
        ),
        (
            "example_fd",
            "Speed=90 Gear=Reverse AssistanceActive=Yes Accelerator=20 Indicator=Right "
            "Acknowledged=Yes CabinLight=No UtcTime=1790000000000",
            {"gear": 1, "assistance_active": True, "accelerator": 0.2, "indicator": 2,
             "acknowledged": True, "cabin_light": False, "steering_rad": None, "ignition": None},
        ),
    ],
)  # fmt: skip
def test_a_simulated_car_arrives_at_a_monitor_on_a_real_bus(
    car: str, words: str, said: dict[str, Any]
) -> None:
    known = [key for key, value in said.items() if value is not None]
    fd = load_car(CARS / f"{car}.yaml").needs_fd
    signals = [item for word in words.split() for item in ("--signal", word)]
    more = ["--set", "can.fd=true"] if fd else []
    command = [sys.executable, "-m", "dms.cli", "can", "send-vehicle", GROUP, "--json"]
    command += ["--car", str(CARS / f"{car}.yaml"), *signals, *more]
    with (
        monitor(car, fd) as node,
        subprocess.Popen(command, stdout=subprocess.PIPE) as sender,
        ExitStack() as stack,
    ):
        stack.callback(sender.kill)
        deadline, found = time.monotonic() + 60, {}
        while found.get("speed_mps") is None or any(found[k] is None for k in known):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
            state = node.vehicle()
            found = {f.name: getattr(state, f.name) for f in fields(VehicleState)}
        counters = node.counters()
        sender.terminate()
        told = json.loads(sender.communicate(timeout=30)[0])
    assert (sender.returncode, told["lost"]) == (0, 0)
    assert found["speed_mps"] == pytest.approx(25.0, abs=0.01)
    assert {k: found[k] for k in said} == pytest.approx(said)
    assert not {"vehicle_wrong_crc", "vehicle_wrong_length", "vehicle_repeated"} & set(counters)


@pytest.mark.parametrize("words", [("can", "send-vehicle", GROUP), ("run", "CLIP", "--can", GROUP)])
def test_a_car_of_can_fd_needs_a_bus_of_can_fd(
    dms: Dms, tmp_path: Path, words: tuple[str, ...]
) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    (clip / "0.png").write_bytes(b"")
    given = [clip if word == "CLIP" else word for word in words]
    more = ("--signal", "Speed=1") if words[0] == "can" else ()
    done = dms(*given, "--car", CARS / "example_fd.yaml", *more)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "CAN FD - --set can.fd=true" in done.stderr
