"""When frames go out and what they say: on the grid, on change, when stale, at the end."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dms import alerts
from dms.config import AlertConfig
from dms.e2e import Checker
from dms.messages import (
    ALERT,
    ALERT_RULES,
    DRIVER_STATE,
    DROWSINESS,
    EVENT,
    EVENTS,
    EYES,
    FD_FACE,
    FD_HEALTH,
    FD_STATE,
    GAZE,
    HANDS,
    IDENTITY,
    INPUTS,
    INTERFACE_VERSION,
    SENT,
    SENT_FD,
    STATUS,
    TELEMETRY,
)
from dms.moment import Identity, Telemetry
from dms.payloads import REQUESTS, rule_number
from dms.signals import BusFrame, NoValue, Value, decode, split
from dms.transmit import SECOND, TxFrame, TxPlan
from dms.types import Alert, AlertKind, Availability, Condition, DriverState, Reason
from dms.vehicle import InputHealth

MS = 1_000_000
WHO = Identity("1.0", "models", "config")
OF_ITSELF = (IDENTITY, TELEMETRY, INPUTS, EVENT)
"""Messages in which the monitor speaks of itself."""

STATE = DriverState(
    t_ns=0,
    condition=Condition.ATTENTIVE,
    confidence=0.9,
    availability=Availability.OK,
    reason=Reason.NONE,
    calibration_pct=100,
    head_yaw_rad=math.radians(10),
    head_pitch_rad=math.radians(-5),
    gaze_yaw_rad=math.radians(-20),
    gaze_pitch_rad=None,
    eyes_on_road=True,
    eyes_off_road_ns=0,
    eye_open=0.95,
    eyes_closed_ns=0,
    perclos_pct=3.2,
    action="wheel",
    action_confidence=0.8,
    phone_ns=0,
    speed_mps=20.0,
    hands_seen=True,
)


def alert(t_ms: int, since_ms: int = 0, level: int = 2) -> Alert:
    kind = AlertKind.DISTRACTION
    return Alert(kind, level, "eyes off the road 3.00 s >= 3.00 s", since_ms * MS, t_ms * MS)


def plan() -> TxPlan:
    return TxPlan(WHO, start_ns=0)


def times(frames: list[TxFrame], message: BusFrame) -> list[int]:
    return [f.t_ns // MS for f in frames if f.message is message]


def last(frames: list[TxFrame], message: BusFrame) -> dict[str, Value]:
    return decode(message, [f for f in frames if f.message is message][-1].data)


def fed(
    t_end_ms: int, state: DriverState = STATE, step_ms: int = 10
) -> tuple[TxPlan, list[TxFrame]]:
    tx, frames = plan(), []
    for t in range(0, t_end_ms + 1, step_ms):
        frames += tx.advance(state, (), t * MS)
    return tx, frames


def test_each_message_keeps_its_cycle_without_drift() -> None:
    _, frames = fed(1000)
    assert times(frames, STATUS) == list(range(0, 1001, 100))
    for message in (ALERT, DRIVER_STATE):
        assert [t for t in times(frames, message) if t % 50 == 0] == list(range(0, 1001, 50))


def test_the_grid_does_not_depend_on_when_it_is_asked() -> None:
    often, seldom = plan(), plan()
    frames = [f for t in range(0, 1001, 7) for f in often.due(t * MS)]
    assert frames == seldom.due(1000 * MS)[: len(frames)]


def test_the_same_results_give_the_same_frames() -> None:
    assert fed(2000)[1] == fed(2000)[1]


def test_every_frame_passes_the_receivers_check() -> None:
    _, frames = fed(3000)
    for message in SENT:
        checker, bad = Checker(message.sections[0].data_id), []
        for index, frame in enumerate(f for f in frames if f.message is message):
            checker, verdict = checker.check(frame.data)
            if not verdict.usable and index:
                bad.append(verdict)
        assert bad == []


def test_the_state_arrives_in_the_receivers_units() -> None:
    _, frames = fed(100)
    driver, gaze, status = (last(frames, m) for m in (DRIVER_STATE, GAZE, STATUS))
    hands, eyes, sleepy = (last(frames, m) for m in (HANDS, EYES, DROWSINESS))
    assert driver["Condition"] == Condition.ATTENTIVE
    assert driver["ConditionConfidence"] == 88.0, "in steps of 4 %"
    assert driver["EyesOnRoad"] == 1.0
    assert hands["Action"] == 0.0
    assert hands["ActionConfidence"] == 80.0
    assert gaze["HeadYaw"] == 10.0
    assert gaze["HeadPitch"] == -5.0
    assert gaze["GazeYaw"] == -20.0
    assert gaze["GazePitch"] is NoValue.UNKNOWN
    assert eyes["EyeOpenness"] == 95.0
    assert sleepy["Perclos"] == pytest.approx(3.0), "in steps of 0.5 %"
    assert (status["Availability"], status["Reason"]) == (Availability.OK, Reason.NONE)
    assert status["FaultVehicle"] == 0.0


def test_an_alert_goes_out_at_once_and_then_on_the_grid() -> None:
    tx = plan()
    tx.advance(STATE, (), 0)
    frames = tx.advance(STATE, (alert(23),), 23 * MS)
    assert times(frames, ALERT) == [23]
    said = last(frames, ALERT)
    assert (said["AlertKind"], said["AlertLevel"]) == (AlertKind.DISTRACTION, 2.0)
    assert said["AlertReason"] == ALERT_RULES.index("eyes off the road")
    asked = (said["RequestVisual"], said["RequestAudible"], said["RequestHaptic"])
    assert asked == REQUESTS[2] == (1.0, 1.0, 0.0)
    assert times(tx.due(120 * MS), ALERT) == [50, 100]


def test_changes_are_never_closer_than_the_minimum_gap_and_the_newest_wins() -> None:
    tx = plan()
    tx.advance(STATE, (), 0)
    frames = tx.advance(STATE, (alert(20),), 20 * MS)
    frames += tx.advance(STATE, (alert(24, level=3),), 24 * MS)
    frames += tx.advance(STATE, (), 26 * MS)
    frames += tx.due(49 * MS)
    assert times(frames, ALERT) == [20, 30]
    assert last(frames, ALERT)["AlertKind"] == AlertKind.NONE


def test_a_cyclic_alert_right_after_a_change_is_left_out() -> None:
    tx = plan()
    tx.advance(STATE, (), 0)
    frames = tx.advance(STATE, (alert(45),), 45 * MS) + tx.due(100 * MS)
    assert times(frames, ALERT) == [45, 100]


def test_an_alert_that_lasts_ages() -> None:
    tx = plan()
    tx.advance(STATE, (alert(1000, since_ms=400),), 1000 * MS)
    assert last(tx.due(1100 * MS), ALERT)["AlertAge"] == pytest.approx(0.7)


def test_a_stale_alert_is_never_repeated_as_if_fresh() -> None:
    tx = plan()
    tx.advance(STATE, (alert(0),), 0)
    frames = tx.due(1000 * MS)
    for frame in frames:
        values, late = decode(frame.message, frame.data), frame.t_ns > 300 * MS
        if frame.message is STATUS:
            assert (values["Availability"] == Availability.UNAVAILABLE) == late
            assert (values["Reason"] == Reason.FRAMES_LATE) == late
        elif late and frame.message not in OF_ITSELF:
            assert set(values.values()) == {NoValue.NOT_AVAILABLE}
        elif frame.message is ALERT:
            assert values["AlertKind"] == AlertKind.DISTRACTION
    again = tx.advance(STATE, (alert(1010),), 1010 * MS) + tx.due(1100 * MS)
    assert last(again, STATUS)["Availability"] == Availability.OK
    assert last(again, ALERT)["AlertKind"] == AlertKind.DISTRACTION


def test_before_the_first_result_nothing_is_available() -> None:
    frames = plan().due(200 * MS)
    status = last(frames, STATUS)
    assert (status["Availability"], status["Reason"]) == (0.0, Reason.STARTING)
    for message in (ALERT, DRIVER_STATE, GAZE):
        assert set(last(frames, message).values()) == {NoValue.NOT_AVAILABLE}


def test_an_action_that_is_not_sure_is_unknown_and_hands_and_phone_are_told() -> None:
    unsure = replace(STATE, action=None, phone_ns=2 * SECOND, hands_on_wheel=True)
    hands = last(fed(100, unsure)[1], HANDS)
    assert hands["Action"] is hands["ActionConfidence"] is NoValue.UNKNOWN
    assert (hands["PhoneTime"], hands["HandsOnWheel"], hands["HandsConfidence"]) == (2.0, 1.0, 80.0)


@pytest.mark.parametrize(
    ("availability", "blank"),
    [
        (Availability.UNKNOWN, NoValue.UNKNOWN),
        (Availability.FAULT, NoValue.INVALID),
        (Availability.UNAVAILABLE, NoValue.NOT_AVAILABLE),
    ],
)
def test_cannot_tell_broken_and_absent_are_told_apart(
    availability: Availability, blank: NoValue
) -> None:
    unseen = replace(
        STATE, availability=availability, condition=Condition.UNKNOWN, eyes_on_road=None,
        head_yaw_rad=None, head_pitch_rad=None, gaze_yaw_rad=None, eye_open=None,
        perclos_pct=None, action=None, hands_seen=False,
    )  # fmt: skip
    _, frames = fed(100, unseen)
    assert last(frames, STATUS)["Availability"] == (
        blank if availability in (Availability.UNKNOWN, Availability.FAULT) else 0.0
    )
    assert set(last(frames, GAZE).values()) == {blank}
    driver = last(frames, DRIVER_STATE)
    said = {"DriverPresumed": blank if availability != Availability.UNKNOWN else 0.0}
    assert driver == dict.fromkeys(driver, blank) | said
    assert last(frames, ALERT)["AlertKind"] is blank


def test_a_broken_camera_can_still_be_told_to_the_driver() -> None:
    tx, broken = plan(), replace(STATE, availability=Availability.FAULT)
    cannot_see = Alert(AlertKind.CANNOT_SEE, 1, "cannot see the driver: no face 8.0 s", 0, 0)
    said = last(tx.advance(broken, (cannot_see,), 0), ALERT)
    assert (said["AlertKind"], said["RequestVisual"]) == (AlertKind.CANNOT_SEE, 1.0)
    assert said["RequestAudible"] == 0.0


def test_the_end_is_said_in_every_message_status_first() -> None:
    tx, _ = fed(100)
    frames = tx.goodbye(105 * MS)
    assert frames[0].message is STATUS
    assert {f.message for f in frames} == set(SENT)
    status = last(frames, STATUS)
    assert (status["Availability"], status["Reason"]) == (0.0, Reason.SHUTDOWN)
    assert set(last(frames, ALERT).values()) == {NoValue.NOT_AVAILABLE}


def test_deadlines_missed_are_skipped_and_counted_not_made_up() -> None:
    tx = plan()
    tx.due(0)
    tx.skip_missed(1033 * MS)
    frames = tx.due(1033 * MS)
    assert times(frames, STATUS) == [1000]
    assert times(frames, DRIVER_STATE) == [1000]
    late = sum(1000 // message.period_ms - 1 for message in SENT)
    assert tx.missed == late
    assert tx.next_ns() == 1050 * MS


@pytest.mark.parametrize("changed_ms", [20, 45, 61])
def test_a_change_and_a_cycle_that_are_both_late_are_one_frame(changed_ms: int) -> None:
    tx = plan()
    tx.due(0)
    tx.update(STATE, (alert(changed_ms),), changed_ms * MS)
    tx.skip_missed(75 * MS)
    frames = tx.due(75 * MS)
    assert times(frames, ALERT) == [max(50, changed_ms)]
    assert last(frames, ALERT)["AlertKind"] == AlertKind.DISTRACTION
    assert times(tx.due(150 * MS), ALERT) == [100, 150]


def test_clamped_values_are_counted_by_name() -> None:
    tx = plan()
    tx.advance(replace(STATE, eyes_off_road_ns=100 * SECOND, eye_open=math.nan), (), 0)
    assert tx.clamped == {"DMS_DriverState.EyesOffRoadTime": 1, "DMS_Eyes.EyeOpenness": 1}


def test_a_bus_fault_and_the_hashes_are_reported() -> None:
    tx = plan()
    tx.bus_fault = True
    frames = tx.advance(STATE, (), 0)
    assert last(frames, STATUS)["FaultBus"] == 1.0
    which = last(frames, IDENTITY)
    assert which["InterfaceVersion"] == INTERFACE_VERSION
    assert which["SoftwareHash"] == Identity.short("1.0")
    assert which["ModelHash"] == Identity.short("models") != Identity.short("1.0")
    assert which["ConfigHash"] == Identity.short("config")
    assert Identity.short("") is NoValue.NOT_AVAILABLE


def test_a_rule_that_is_not_listed_is_other() -> None:
    assert rule_number("eyes off the road 3 s") == ALERT_RULES.index("eyes off the road")
    assert rule_number("phone in use 3 s") == ALERT_RULES.index("phone in use")
    assert rule_number("something new") == rule_number("") == rule_number("3 s") == 1


def test_a_change_is_told_once_then_repeated_with_its_age() -> None:
    tx, frames = plan(), []
    for t in range(0, 3001, 100):
        frames += tx.advance(STATE, (alert(t),) if t >= 1200 else (), t * MS)
    assert times(frames, EVENT) == [0, 1000, 1200, 2000, 3000]
    said = [decode(EVENT, f.data) for f in frames if f.message is EVENT]
    assert [s["EventCount"] for s in said] == [1.0, 1.0, 2.0, 2.0, 2.0]
    assert [s["EventAge"] for s in said] == pytest.approx([0.0, 1.0, 0.0, 0.8, 1.8])
    assert said[1]["EventType"] == EVENTS.index("availability changed")
    raised = said[-1]
    assert raised["EventType"] == EVENTS.index("alert raised")
    assert (raised["EventAlertKind"], raised["EventAlertLevel"]) == (AlertKind.DISTRACTION, 2.0)


def events(frames: list[TxFrame]) -> list[str]:
    found: dict[Value, str] = {}
    for f in frames:
        if f.message is EVENT:
            values = decode(EVENT, f.data)
            number = values["EventType"]
            if not isinstance(number, NoValue):
                found[values["EventCount"]] = EVENTS[round(number)]
    return list(found.values())


def test_several_changes_at_once_go_out_one_after_the_other() -> None:
    tx = plan()
    frames = tx.advance(STATE, (), 0)
    other = replace(STATE, condition=Condition.DISTRACTED, driver_changed=True)
    frames += tx.advance(other, (alert(100),), 100 * MS)
    frames += tx.due(300 * MS)
    frames += tx.due(400 * MS) + tx.goodbye(405 * MS)
    assert events(frames) == [
        "availability changed", "alert raised", "driver changed", "condition changed",
        "availability changed",
    ]  # fmt: skip
    assert times(frames, EVENT)[:4] == [0, 100, 110, 120]
    ended = tx.advance(STATE, (), 500 * MS) + tx.due(600 * MS)
    assert "alert ended" in events(ended)


def test_a_flood_of_changes_shows_as_a_gap_in_their_numbers() -> None:
    tx = plan()
    tx.advance(STATE, (), 0)
    for n in range(1, 60):
        tx.update(STATE, (alert(n, level=1 + n % 3),), n * 100_000)
    heard = [decode(EVENT, f.data)["EventCount"] for f in tx.due(900 * MS) if f.message is EVENT]
    numbers = [n for n in heard if not isinstance(n, NoValue)]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 61, "the last is told: the sixtieth, and that the result is stale"
    assert len(numbers) < 25


def test_on_can_fd_the_face_follows_the_camera_and_the_rest_its_cycle() -> None:
    tx, frames = TxPlan(WHO, start_ns=0, fd=True), []
    for n in range(31):
        frames += tx.advance(STATE, (), n * 33 * MS)
    assert {f.message for f in frames} == set(SENT_FD)
    assert times(frames, FD_FACE) == [n * 33 for n in range(31)]
    state = [t for t in times(frames, FD_STATE) if t % 50 == 0]
    assert state == list(range(0, 991, 50))
    assert all(len(f.data) == f.message.length for f in frames)
    silent = tx.due(1500 * MS)
    assert times(silent, FD_FACE) == [1090, 1190, 1290, 1390, 1490], "a silence is filled"
    assert last(silent, FD_FACE)["HeadYaw"] is NoValue.NOT_AVAILABLE
    assert last(silent, FD_STATE)["Availability"] == Availability.UNAVAILABLE


def test_on_can_fd_an_alert_goes_out_at_once() -> None:
    tx = TxPlan(WHO, start_ns=0, fd=True)
    tx.advance(STATE, (), 0)
    frames = tx.advance(STATE, (alert(23),), 23 * MS)
    assert times(frames, FD_STATE) == [23]
    said = last(frames, FD_STATE)
    assert (said["AlertKind"], said["Condition"]) == (AlertKind.DISTRACTION, Condition.ATTENTIVE)
    assert said["EventType"] == EVENTS.index("alert raised")
    assert times(tx.goodbye(60 * MS), FD_STATE) == [60]


def test_both_kinds_of_bus_say_the_same() -> None:
    classic, fd = plan(), TxPlan(WHO, start_ns=0, fd=True)
    frames = [tx.advance(STATE, (alert(0),), 0) for tx in (classic, fd)]
    said = [
        {name: value for f in some for name, value in decode(f.message, f.data).items()}
        for some in frames
    ]
    assert said[0] == said[1]


def test_each_section_of_a_container_passes_its_own_check() -> None:
    tx = TxPlan(WHO, start_ns=0, fd=True)
    frames = [f for n in range(60) for f in tx.advance(STATE, (), n * 33 * MS)]
    for container in SENT_FD:
        sent = [f.data for f in frames if f.message is container]
        for index, section in enumerate(container.sections):
            checker, verdicts = Checker(section.data_id), []
            for data in sent:
                checker, verdict = checker.check(split(data, index))
                verdicts.append(verdict.usable)
            assert all(verdicts[1:])


def test_health_is_reported_as_it_is_measured() -> None:
    tx = TxPlan(WHO, start_ns=0, fd=True)
    tx.inputs = InputHealth(True, wrong_crc=3, repeated=254, jumped=1, late=2)
    tx.telemetry = Telemetry(29.8, 12.0, 31.0, 4, 55.0, 61.5, 0.7)
    tx.missed = 7
    said = last(tx.advance(STATE, (), 0), FD_HEALTH)
    assert (said["RxWrongCrc"], said["RxRepeated"], said["RxJumped"]) == (3.0, 1.0, 1.0)
    assert (said["RxLate"], said["TxMissed"]) == (2.0, 7.0)
    assert (said["FrameRate"], said["LatencyP50"], said["LatencyP99"]) == (30.0, 12.0, 32.0)
    assert (said["FramesDropped"], said["CpuLoad"]) == (4.0, 56.0)
    assert (said["Temperature"], said["DriftScore"]) == (62.0, 7.0)
    assert last(tx.due(1000 * MS), FD_STATE)["FaultVehicle"] == 1.0


@pytest.mark.parametrize(
    ("cause", "kind", "rule"),
    [
        ({"eyes_on_road": False}, AlertKind.DISTRACTION, "eyes off the road"),
        ({"eye_open": 0.0}, AlertKind.SLEEP, "eyes closed"),
        ({"action": "phone_ear"}, AlertKind.PHONE, "phone in use"),
        ({"reason": Reason.NO_FACE}, AlertKind.CANNOT_SEE, "cannot see the driver"),
    ],
)
def test_every_alert_that_can_be_raised_names_a_rule_of_the_bus(
    cause: dict[str, Any], kind: AlertKind, rule: str
) -> None:
    memory, raised = alerts.start(), list[Alert]()
    for t in range(0, 12 * SECOND, 100 * MS):
        lasted: dict[str, Any] = {"t_ns": t}
        if "eyes_on_road" in cause:
            lasted["eyes_off_road_ns"] = t
        if "eye_open" in cause:
            lasted["eyes_closed_ns"] = t
        if "action" in cause:
            lasted["phone_ns"] = t
        driver = replace(STATE, **cause, **lasted)
        memory, asked = alerts.step(memory, driver, None, AlertConfig())
        raised += asked.alerts
    numbers = {rule_number(alert.reason) for alert in raised if alert.kind is kind}
    assert numbers == {ALERT_RULES.index(rule)}


@pytest.mark.parametrize("at_ms", [200, 201, 249, 299])
def test_a_stalled_pipeline_is_unavailable_within_three_status_cycles(at_ms: int) -> None:
    tx = plan()
    tx.advance(STATE, (alert(at_ms),), at_ms * MS)
    frames, three_cycles_ns = tx.due(2000 * MS), 3 * STATUS.period_ms * MS
    for message in (STATUS, ALERT):
        blank = [
            f.t_ns - at_ms * MS
            for f in frames
            if f.message is message and says_nothing(message, f.data)
        ]
        assert 0 <= blank[0] - three_cycles_ns <= ALERT.min_gap_ms * MS
        later = [f for f in frames if f.message is message and f.t_ns >= at_ms * MS + blank[0]]
        assert all(says_nothing(message, f.data) for f in later), "never fresh again by itself"
    assert sum(f.message is STATUS for f in frames) <= 22, "it is said between cycles only once"


def says_nothing(message: BusFrame, data: bytes) -> bool:
    values = decode(message, data)
    if message is STATUS:
        return values["Availability"] == Availability.UNAVAILABLE
    return set(values.values()) == {NoValue.NOT_AVAILABLE}


def test_a_stall_noticed_late_is_said_once() -> None:
    tx = plan()
    tx.advance(STATE, (), 0)
    tx.skip_missed(1033 * MS)
    frames = tx.due(1033 * MS)
    assert times(frames, STATUS) == [1000]
    assert last(frames, STATUS)["Availability"] == Availability.UNAVAILABLE
