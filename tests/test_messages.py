"""The bytes of every message: against cantools, against autosar-e2e, and for any input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dms import e2e
from dms.messages import (
    ALERT,
    DRIVER_STATE,
    FD_STATE,
    FRAMES,
    HANDS,
    MESSAGES,
    SENT,
    SENT_FD,
    STATUS,
    VEHICLE_MOTION,
    encode_vehicle_motion,
)
from dms.signals import (
    BusFrame,
    NoValue,
    Signal,
    Value,
    decode,
    encode,
    raw_of,
    split,
    value_of,
)

p11 = pytest.importorskip("e2e.p11")
PATH = Path(__file__).parent.parent / "configs/dms.dbc"
DBC = cantools.database.can.Database()
DBC.add_dbc_file(PATH)
unhurried = settings(deadline=None)


def some_value(signal: Signal) -> st.SearchStrategy[Value]:
    real: st.SearchStrategy[Value]
    if signal.table:
        real = st.sampled_from([float(raw) for raw, _ in signal.table])
    else:
        real = st.floats(signal.minimum, signal.maximum)
    return real | st.sampled_from(list(NoValue))


def some_values(message: BusFrame) -> st.SearchStrategy[dict[str, Value]]:
    return st.fixed_dictionaries({s.name: some_value(s) for s in message.signals})


some_message = st.sampled_from(FRAMES)
a_message_with_values = some_message.flatmap(lambda m: st.tuples(st.just(m), some_values(m)))
any_float = st.floats(allow_nan=True, allow_infinity=True)


def spell(signal: Signal, value: Value) -> float | str:
    return signal.names()[raw_of(signal, value)[0]] if isinstance(value, NoValue) else value


def by_cantools(message: BusFrame, values: dict[str, Value], counter: int) -> bytes:
    """The same payload by an encoder that knows only the DBC; no-values go in by their name there,
    except for a table's own unknown or invalid, which has another name."""
    spelled = {s.name: spell(s, values[s.name]) for s in message.signals}
    full: dict[str, Any] = {**spelled}
    definition = DBC.get_message_by_name(message.name)
    for signal in definition.signals:
        if signal.name.endswith(("Crc", "Counter")) and signal.name not in spelled:
            full[signal.name] = counter if signal.name.endswith("Counter") else 0
    data = definition.encode(full, scaling=True, strict=False)
    return b"".join(protected(data, i, m.data_id) for i, m in enumerate(message.sections))


def protected(data: bytes, index: int, data_id: int) -> bytes:
    section = bytearray(split(data, index))
    p11.e2e_p11_protect(section, data_id, increment_counter=False)
    return bytes(section)


@unhurried
@given(a_message_with_values, st.integers(0, 14))
def test_bytes_equal_those_of_cantools_and_autosar_e2e(
    case: tuple[BusFrame, dict[str, Value]], counter: int
) -> None:
    message, values = case
    encoded = encode(message, values, counter)
    assert encoded.data == by_cantools(message, values, counter)
    assert encoded.clamped == ()


@unhurried
@given(a_message_with_values, st.integers(0, 14))
def test_what_was_encoded_is_decoded_to_within_half_a_step(
    case: tuple[BusFrame, dict[str, Value]], counter: int
) -> None:
    message, values = case
    back = decode(message, encode(message, values, counter).data)
    for signal in message.signals:
        sent, got = values[signal.name], back[signal.name]
        if isinstance(sent, NoValue):
            assert got is sent or raw_of(signal, sent) == raw_of(signal, got)
        elif isinstance(got, NoValue):
            assert raw_of(signal, sent) == raw_of(signal, got), "a table's own unknown or invalid"
        else:
            assert abs(got - sent) <= signal.scale / 2 + 1e-9


@unhurried
@given(some_message, st.binary(max_size=64))
def test_any_bytes_decode_without_an_error(message: BusFrame, data: bytes) -> None:
    values = decode(message, data)
    assert set(values) == {s.name for s in message.signals}
    if len(data) != message.length:
        assert set(values.values()) == {NoValue.INVALID}


@settings(deadline=None, max_examples=30)
@given(some_message, st.dictionaries(st.text(max_size=3), any_float), st.data(), st.integers())
def test_any_number_is_encoded_without_an_error_and_stays_in_its_bits(
    message: BusFrame, junk: dict[str, Value], data: st.DataObject, counter: int
) -> None:
    for signal in message.signals:
        junk[signal.name] = data.draw(any_float)
    payload = encode(message, junk, counter).data
    assert len(payload) == message.length
    for index, section in enumerate(message.sections):
        assert p11.e2e_p11_check(bytearray(split(payload, index)), section.data_id)
    for signal in message.signals:
        assert raw_of(signal, value_of(signal, raw_of(signal, junk[signal.name])[0]))[0] <= max(
            signal.top, signal.not_available
        )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.name)
def test_signals_fill_no_bit_twice_and_leave_the_header_alone(message: BusFrame) -> None:
    taken = set(range(e2e.HEADER_BITS))
    for s in message.signals:
        bits = set(range(s.start, s.start + s.length))
        assert not bits & taken, s.name
        assert max(bits) < 64, s.name
        taken |= bits


@pytest.mark.parametrize("signal", [s for m in MESSAGES for s in m.signals], ids=lambda s: s.name)
def test_unknown_invalid_and_not_available_differ_and_are_never_a_measurement(
    signal: Signal,
) -> None:
    codes = {signal.unknown, signal.invalid, signal.not_available}
    assert len(codes) == 3
    assert max(codes) == (1 << signal.length) - 1
    if signal.table:
        meanings = {raw: name for raw, name in signal.table if raw in codes}
        assert set(meanings.values()) <= {"Unknown", "Fault"}
    else:
        assert min(codes) > signal.top


def test_values_out_of_range_are_clamped_and_named() -> None:
    values: dict[str, Value] = {"EyesOffRoadTime": 1e9, "ConditionConfidence": -3.0}
    encoded = encode(DRIVER_STATE, values, 0)
    assert encoded.clamped == ("ConditionConfidence", "EyesOffRoadTime")
    back = decode(DRIVER_STATE, encoded.data)
    assert back["EyesOffRoadTime"] == pytest.approx(51.0)
    assert back["ConditionConfidence"] == 0.0
    assert back["UnresponsiveTime"] is NoValue.NOT_AVAILABLE


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 6.5, 28.0])
def test_what_is_no_number_or_no_entry_of_the_table_is_sent_as_invalid(bad: float) -> None:
    encoded = encode(ALERT, {"AlertKind": bad}, 0)
    assert encoded.clamped == ("AlertKind",)
    assert decode(ALERT, encoded.data)["AlertKind"] is NoValue.INVALID


def test_a_reserved_raw_value_is_invalid() -> None:
    level = next(s for s in ALERT.signals if s.name == "AlertLevel")
    assert value_of(level, 4) is NoValue.INVALID
    speed = next(s for s in VEHICLE_MOTION.signals if s.name == "Speed")
    assert value_of(speed, speed.top + 1) is NoValue.INVALID


def test_vehicle_motion_carries_kilometres_per_hour() -> None:
    can_id, data = encode_vehicle_motion(100 / 3.6, 3)
    assert can_id == VEHICLE_MOTION.can_id
    assert decode(VEHICLE_MOTION, data) == {"SpeedValid": 1.0, "Speed": pytest.approx(100.0)}
    none = decode(VEHICLE_MOTION, encode_vehicle_motion(None, 4)[1])
    assert none == {"SpeedValid": 0.0, "Speed": NoValue.NOT_AVAILABLE}


def test_a_container_carries_the_bytes_of_its_messages_unchanged() -> None:
    values: dict[str, Value] = {"AlertKind": 1.0, "Condition": 2.0, "Action": 3.0}
    data = encode(FD_STATE, values, 4).data
    assert len(data) == 64
    for index, section in enumerate(FD_STATE.sections):
        assert split(data, index) == encode(section, values, 4).data
    assert decode(HANDS, split(data, FD_STATE.sections.index(HANDS)))["Action"] == 3.0
    assert decode(FD_STATE, data)["Condition"] == 2.0


def test_every_sent_message_travels_on_both_kinds_of_bus() -> None:
    in_containers = [section for frame in SENT_FD for section in frame.sections]
    assert set(in_containers) == set(SENT)
    assert len(in_containers) == len(SENT)
    assert {frame.length for frame in SENT_FD} <= {12, 16, 20, 24, 32, 48, 64}, "lengths of FD"
    assert FD_STATE.length == 64


def test_no_two_signals_of_the_monitor_have_one_name() -> None:
    names = [signal.name for message in SENT for signal in message.signals]
    assert len(names) == len(set(names)), "in a container they stand side by side"


# End-to-end protection


def test_the_checksum_is_that_of_the_profiles_specification() -> None:
    assert e2e.protect(0x0123, bytes(8), 0) == bytes.fromhex("cc00000000000000")


@unhurried
@given(st.integers(0, 0xFFFF), st.binary(min_size=2, max_size=64), st.integers(0, 14))
def test_protection_equals_autosar_e2e(data_id: int, payload: bytes, counter: int) -> None:
    ours = e2e.protect(data_id, payload, counter)
    theirs = bytearray(payload)
    theirs[1] = theirs[1] & 0xF0 | counter
    p11.e2e_p11_protect(theirs, data_id, increment_counter=False)
    assert ours == bytes(theirs)


@unhurried
@given(st.integers(0, 63), st.integers(0, 14))
def test_a_flipped_bit_is_found(bit: int, counter: int) -> None:
    data = bytearray(e2e.protect(0xD320, b"\0\x30payld!", counter))
    data[bit // 8] ^= 1 << bit % 8
    assert e2e.Checker(0xD320).check(bytes(data))[1] is e2e.Verdict.WRONG_CRC


@unhurried
@given(st.lists(st.binary(max_size=70)))
def test_any_bytes_are_judged_without_an_error(received: list[bytes]) -> None:
    checker = e2e.Checker(0xD320)
    for data in received:
        checker, verdict = checker.check(data)
        assert verdict.usable in (True, False)


def verdicts(counters: list[int]) -> list[str]:
    checker, seen = e2e.Checker(STATUS.data_id), []
    for counter in counters:
        checker, verdict = checker.check(e2e.protect(STATUS.data_id, bytes(8), counter))
        seen.append(verdict.value)
    return seen


def test_counters_are_judged() -> None:
    assert verdicts([7, 8, 9]) == ["initial", "ok", "ok"]
    assert verdicts([14, 0]) == ["initial", "ok"], "the counter wraps at 14"
    assert verdicts([0, 0, 1]) == ["initial", "repeated", "ok"]
    assert verdicts([0, 3, 4]) == ["initial", "lost", "ok"]
    assert verdicts([0, 4, 5]) == ["initial", "jumped", "ok"]
    assert verdicts([5, 4, 5]) == ["initial", "jumped", "ok"], "backwards is a jump"


def test_a_counter_of_15_and_a_wrong_length_are_errors_even_with_a_right_crc() -> None:
    data = bytearray(8)
    data[1] = 0x0F
    data[0] = e2e.checksum(1, bytes(data))
    assert e2e.Checker(1).check(bytes(data))[1] is e2e.Verdict.WRONG_CRC
    assert e2e.Checker(1).check(e2e.protect(1, bytes(7), 0))[1] is e2e.Verdict.WRONG_CRC


def test_a_message_of_another_identity_is_not_taken() -> None:
    data = e2e.protect(ALERT.data_id, bytes(8), 0)
    assert e2e.Checker(STATUS.data_id).check(data)[1] is e2e.Verdict.WRONG_CRC
