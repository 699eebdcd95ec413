"""What keeps a cause from being alerted, by name: exemptions, suppression, acknowledgement."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from alert_drive import AWAY, BLIND, FINE, KMH, PHONE, SHUT, STEP, Drive, S, kinds

from dms.config import AlertConfig
from dms.types import (
    AlertKind,
    Availability,
    DriverState,
    GazeZone,
    Gear,
    Ignition,
    Indicator,
    What,
)

HELD = (What.SUPPRESSED, What.EXEMPTED)


def looking(yaw_deg: float | None, zone: GazeZone = GazeZone.UNKNOWN) -> DriverState:
    yaw = None if yaw_deg is None else math.radians(yaw_deg)
    return replace(AWAY, gaze_yaw_rad=yaw, head_yaw_rad=None, zone=zone)


LEFT, RIGHT = looking(40), looking(-40)
REAR = looking(0, GazeZone.MIRROR_REAR)


@pytest.mark.parametrize(
    ("indicator", "what", "exempt"),
    [
        (Indicator.LEFT, LEFT, True),
        (Indicator.RIGHT, RIGHT, True),
        (Indicator.LEFT, RIGHT, False),
        (Indicator.RIGHT, LEFT, False),
        (Indicator.LEFT, REAR, True),
        (Indicator.RIGHT, REAR, True),
        (Indicator.HAZARD, LEFT, False),
        (Indicator.OFF, LEFT, False),
        (None, LEFT, False),
        (Indicator.LEFT, looking(10), True),
        (Indicator.LEFT, looking(9.9), False),
        (Indicator.RIGHT, looking(-10), True),
        (Indicator.LEFT, looking(math.nan), False),
        (Indicator.LEFT, looking(None), False),
        (Indicator.LEFT, replace(looking(None), head_yaw_rad=0.5), True),
        (Indicator.LEFT, looking(40, GazeZone.WINDOW_DRIVER), True),
        (Indicator.LEFT, looking(40, GazeZone.MIRROR_DRIVER), True),
        *((Indicator.LEFT, looking(40, zone), False) for zone in (
            GazeZone.CLUSTER, GazeZone.CENTRE_STACK, GazeZone.DASH, GazeZone.LAP,
            GazeZone.FOOTWELL, GazeZone.GLOVEBOX)),
    ],
)  # fmt: skip
def test_an_indicator_exempts_looks_to_its_side_and_into_the_mirror(
    indicator: Indicator | None, what: DriverState, exempt: bool
) -> None:
    drive = Drive().set(indicator=indicator)
    drive.go(5.95, what)
    assert drive.levels(AlertKind.DISTRACTION) == ([] if exempt else [2])
    exempted = (What.EXEMPTED, AlertKind.DISTRACTION, "indicator")
    assert drive.happened(What.EXEMPTED) == ([exempted] if exempt else [])


def test_an_exempt_look_warns_after_three_seconds_more_and_says_so() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    (alert,) = drive.go(6, LEFT)
    assert alert.level == 2
    checks = drive.events[-1].checks
    assert [(c.value, c.threshold, c.setting) for c in checks[:2]] == [
        (6.0, 6.0, "alerts.distraction.level2_ms"),
        (3.0, 3.0, "alerts.exempt_max_ms"),
    ]


def test_only_the_time_with_the_indicator_on_does_not_count() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(1.5, LEFT)
    drive.set(indicator=Indicator.OFF)
    drive.go(2.9, LEFT, eyes_off_road_ns=round(4.4 * S))
    assert drive.levels(AlertKind.DISTRACTION) == []
    drive.go(0.2, LEFT, eyes_off_road_ns=round(4.5 * S))
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_a_new_look_has_its_own_exempt_time_and_an_unexempt_one_none() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    for _ in range(3):
        drive.go(5.5, LEFT)
        drive.go(0.5)
    assert drive.levels(AlertKind.DISTRACTION) == []
    drive.set(indicator=Indicator.OFF)
    drive.go(3, LEFT)
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_a_look_onto_a_road_that_is_unknown_is_no_look_any_more() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(2.9, LEFT)
    drive.go(0.1, BLIND, eyes_off_road_ns=3 * S)
    drive.set(indicator=Indicator.OFF)
    drive.go(3, LEFT)
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_an_exemption_cannot_be_longer_than_the_look() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(1)
    drive.go(0.1, LEFT, eyes_off_road_ns=S)
    assert drive.state.look.exempt_ns == S


def test_a_look_that_began_without_an_exemption_is_exempt_only_from_where_one_holds() -> None:
    """Straight up, say: no side, no rule, and still a look."""
    drive = Drive()
    drive.go(2.6, looking(0))
    drive.set(indicator=Indicator.LEFT)
    drive.go(0.3, LEFT, eyes_off_road_ns=round(2.9 * S))
    assert drive.state.look.exempt_ns == pytest.approx(0.3 * S)
    drive.set(indicator=Indicator.OFF)
    drive.go(0.5, looking(0), eyes_off_road_ns=round(3.3 * S))
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_a_side_that_is_left_exempts_no_more() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(0.5, LEFT)
    drive.go(0.5, looking(0), eyes_off_road_ns=S)
    assert drive.state.look.exempt_ns == pytest.approx(0.5 * S)
    assert drive.state.look.side == 0


def test_the_side_outlives_the_sight_of_it() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(1, LEFT)
    for off_ns in range(S, round(5.9 * S), STEP):
        drive.go(0.05, looking(None), eyes_off_road_ns=off_ns)
    assert drive.levels(AlertKind.DISTRACTION) == []


@pytest.mark.parametrize(
    ("turned_deg", "what", "exempt"),
    [
        (60, LEFT, True),
        (59.9, LEFT, False),
        (-60, RIGHT, True),
        (60, RIGHT, False),
        (-60, LEFT, False),
        (60, looking(0), False),
        (60, looking(40, GazeZone.LAP), False),
        (math.nan, LEFT, False),
        (None, LEFT, False),
        (500, LEFT, True),
    ],
)
def test_the_steering_wheel_exempts_looks_into_the_bend(
    turned_deg: float | None, what: DriverState, exempt: bool
) -> None:
    turned = None if turned_deg is None else math.radians(turned_deg) * (1 + 1e-12)
    drive = Drive().set(steering_rad=turned)
    drive.go(5.9, what)
    assert drive.levels(AlertKind.DISTRACTION) == ([] if exempt else [2])
    if exempt:
        (event,) = [e for e in drive.events if e.what == What.EXEMPTED]
        assert event.rule == "steering angle"
        assert [c.setting for c in event.checks] == [
            "alerts.exempt_steering_deg",
            "alerts.exempt_max_ms",
        ]
        assert event.checks[0].value == round(abs(turned_deg or 0), 1)
        assert event.checks[0].threshold == 60
        assert event.checks[1].value == 3.0


def test_exemptions_can_be_switched_off() -> None:
    off = replace(
        AlertConfig(), exempt_indicator=False, exempt_steering_deg=None, exempt_reverse=False
    )
    drive = Drive(off).set(indicator=Indicator.LEFT, steering_rad=3.0, gear=Gear.REVERSE)
    drive.go(3, LEFT)
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_the_bend_exempts_even_when_the_indicator_says_the_other_side() -> None:
    drive = Drive().set(indicator=Indicator.RIGHT, steering_rad=2.0)
    drive.go(5.9, LEFT)
    assert drive.happened(What.EXEMPTED) == [
        (What.EXEMPTED, AlertKind.DISTRACTION, "steering angle")
    ]


def test_an_account_of_short_looks_is_exempt_only_while_the_indicator_is_on() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(1, LEFT, vats_away_ns=11 * S)
    assert drive.levels(AlertKind.SHORT_DISTRACTION) == []
    assert drive.happened(What.EXEMPTED) == [
        (What.EXEMPTED, AlertKind.SHORT_DISTRACTION, "indicator")
    ]
    drive.set(indicator=Indicator.OFF)
    drive.go(0.05, LEFT, vats_away_ns=11 * S)
    assert drive.levels(AlertKind.SHORT_DISTRACTION) == [2]


def test_reversing_exempts_looks_but_not_closed_eyes_nor_the_phone() -> None:
    drive = Drive().set(gear=Gear.REVERSE)
    drive.go(9, replace(AWAY, unresponsive_ns=1, vats_away_ns=1, phone_ns=1))
    assert drive.levels(AlertKind.DISTRACTION) == []
    assert drive.levels(AlertKind.UNRESPONSIVE) == []
    assert drive.levels(AlertKind.PHONE) == [1]
    assert {rule for _, _, rule in drive.happened(What.EXEMPTED)} == {"reverse gear"}
    drive = Drive().set(gear=Gear.REVERSE)
    drive.go(6, replace(SHUT, unresponsive_ns=1))
    assert drive.levels(AlertKind.SLEEP) == [3]
    assert drive.levels(AlertKind.UNRESPONSIVE) == [3]


def test_changing_into_reverse_ends_a_distraction() -> None:
    drive = Drive()
    drive.go(4, AWAY)
    drive.set(gear=Gear.REVERSE)
    assert drive.go(0.05, AWAY, eyes_off_road_ns=5 * S) == ()
    assert drive.happened(What.ENDED) == [(What.ENDED, AlertKind.DISTRACTION, "reverse gear")]
    for gear in (Gear.DRIVE, Gear.NEUTRAL, Gear.PARK, None):
        other = Drive().set(gear=gear)
        assert other.go(3, AWAY)


@pytest.mark.parametrize(
    ("kmh", "what", "rule"),
    [
        (0.99, What.EXEMPTED, "standstill"),
        (1.01, What.SUPPRESSED, "below the activation speed"),
        (19.9, What.SUPPRESSED, "below the activation speed"),
    ],
)
def test_what_is_not_said_at_low_speed_is_logged_once_with_the_speed(
    kmh: float, what: What, rule: str
) -> None:
    drive = Drive()
    drive.go(8, AWAY, speed_mps=kmh * KMH)
    (event,) = [e for e in drive.events if e.kind == AlertKind.DISTRACTION]
    assert (event.what, event.rule, event.level) == (what, rule, 2)
    assert event.checks[0].value == round(kmh, 1)
    assert event.checks[0].sign == "<"
    assert event.since_ns == event.t_ns
    drive.go(1, FINE, speed_mps=kmh * KMH)
    drive.go(4, AWAY, speed_mps=kmh * KMH)
    assert len([e for e in drive.events if e.kind == AlertKind.DISTRACTION]) == 2


def test_a_rising_speed_must_hold_half_a_second() -> None:
    drive = Drive()
    drive.go(1, FINE, speed_mps=10 * KMH)
    drive.go(0.5, AWAY, eyes_off_road_ns=4 * S, speed_mps=20 * KMH + 1e-9)
    assert drive.levels(AlertKind.DISTRACTION) == []
    (event,) = [e for e in drive.events if e.what == What.SUPPRESSED]
    assert event.rule == "activation speed not yet confirmed"
    assert (event.checks[0].value, event.checks[0].threshold) == (0.0, 0.5)
    drive.go(0.05, AWAY, eyes_off_road_ns=4 * S, speed_mps=20 * KMH + 1e-9)
    assert drive.levels(AlertKind.DISTRACTION) == [2]


def test_a_speed_never_known_that_counts_as_standing_is_logged() -> None:
    drive = Drive(replace(AlertConfig(), unknown_speed_is_driving=False))
    drive.go(4, AWAY, speed_mps=None)
    assert drive.happened(*HELD) == [(What.SUPPRESSED, AlertKind.DISTRACTION, "speed never known")]


def test_one_look_alerts_as_one_kind() -> None:
    both = replace(AWAY, vats_away_ns=1)
    drive = Drive()
    drive.go(11, both)
    assert drive.levels(AlertKind.SHORT_DISTRACTION) == []
    assert drive.happened(What.SUPPRESSED) == [
        (What.SUPPRESSED, AlertKind.SHORT_DISTRACTION, "one look, one alert")
    ]
    drive = Drive()
    drive.go(1, AWAY, vats_away_ns=10 * S)
    drive.go(3, both, vats_away_ns=10 * S, eyes_off_road_ns=4 * S)
    assert drive.levels(AlertKind.DISTRACTION) == []
    drive.go(0.1, both, vats_away_ns=10 * S, eyes_off_road_ns=6 * S)
    assert drive.levels(AlertKind.DISTRACTION) == [3], "a graver level is said all the same"


def test_a_phone_is_told_beside_the_look_at_it() -> None:
    active = Drive().go(4, replace(AWAY, phone_ns=1))
    assert kinds(active) == [(AlertKind.DISTRACTION, 2), (AlertKind.PHONE, 1)]


def test_the_gap_and_a_spent_cause_are_logged_once() -> None:
    drive = Drive()
    drive.go(1.2, SHUT)
    drive.go(1.1)
    drive.go(1.8, SHUT)
    (event,) = [e for e in drive.events if e.what == What.SUPPRESSED]
    assert event.rule == "minimum gap"
    assert (event.checks[0].value, event.checks[0].threshold) == (1.05, 2.0)
    assert event.checks[0].setting == "alerts.gap_ms"
    drive.go(0.15, SHUT, eyes_closed_ns=2 * S)
    assert drive.levels(AlertKind.MICROSLEEP) == [2, 0, 2], "the gap passes, the eyes stay closed"
    drive = Drive()
    drive.go(3.5, AWAY)
    drive.go(3.1, BLIND)
    drive.go(4, AWAY)
    assert [e.rule for e in drive.events if e.what == What.SUPPRESSED] == ["already alerted"]


def test_a_phone_that_is_acknowledged_is_silent_until_it_is_put_away() -> None:
    drive = Drive()
    drive.go(4, PHONE)
    drive.set(acknowledged=True)
    assert drive.go(0.05, PHONE, phone_ns=5 * S) == ()
    assert drive.happened(What.ACKNOWLEDGED, What.ENDED) == [
        (What.ACKNOWLEDGED, AlertKind.PHONE, "acknowledged"),
        (What.ENDED, AlertKind.PHONE, "acknowledged"),
    ]
    drive.set(acknowledged=False)
    assert drive.go(30, PHONE, phone_ns=20 * S) == ()
    drive.go(1)
    assert drive.go(4, PHONE)


@pytest.mark.parametrize("what", [AWAY, SHUT, replace(AWAY, unresponsive_ns=1)])
def test_no_button_ends_what_only_the_eyes_can_answer(what: DriverState) -> None:
    drive = Drive()
    active = drive.go(6.5, what)
    drive.set(acknowledged=True)
    assert kinds(drive.go(0.2, what, **{
        name: 7 * S for name in ("eyes_off_road_ns", "eyes_closed_ns", "unresponsive_ns")
        if getattr(what, name)
    })) == kinds(active)  # fmt: skip
    said = [e for e in drive.events if e.what == What.ACKNOWLEDGED]
    assert [e.level for e in said] == [level for _, level in kinds(active)]
    assert "does not end it" in said[0].reason


def test_a_button_held_down_acknowledges_once_and_only_what_is_active() -> None:
    drive = Drive().set(acknowledged=True)
    drive.go(4, PHONE)
    assert drive.levels(AlertKind.PHONE) == [1]
    assert drive.happened(What.ACKNOWLEDGED) == []


GONE = replace(AWAY, unresponsive_ns=1)


def test_three_unresponsive_alerts_lock_assistance_out_until_the_next_journey() -> None:
    drive = Drive().set(ignition=Ignition.ON)
    for count in (1, 2, 3):
        assert not drive.locked_out
        drive.go(6.5, GONE)
        assert drive.state.lockout.count == count
        drive.go(4)
    assert drive.locked_out
    (event,) = [e for e in drive.events if e.what == What.LOCKED_OUT]
    assert (event.checks[0].value, event.checks[0].setting) == (3.0, "alerts.lockout_alerts")
    assert (event.kind, event.level) == (AlertKind.UNRESPONSIVE, 3)
    drive.set(ignition=None).go(1)
    assert drive.locked_out
    drive.set(ignition=Ignition.OFF).go(1)
    assert drive.locked_out
    drive.set(ignition=Ignition.ACCESSORY).go(1)
    assert drive.locked_out
    drive.set(ignition=Ignition.START).go(1)
    assert not drive.locked_out
    assert drive.state.lockout.count == 0


def test_half_a_minute_of_unresponsiveness_locks_assistance_out_once() -> None:
    drive = Drive()
    drive.go(35.95, GONE)
    assert not drive.locked_out
    drive.go(0.05, GONE, unresponsive_ns=36 * S)
    assert drive.locked_out
    drive.go(10, GONE, unresponsive_ns=37 * S)
    drive.go(4)
    assert drive.locked_out
    (event,) = [e for e in drive.events if e.what == What.LOCKED_OUT]
    assert (event.checks[0].value, event.checks[0].setting) == (30.0, "alerts.lockout_ms")


def test_the_time_between_unresponsive_alerts_does_not_count() -> None:
    drive = Drive()
    drive.go(6.5, GONE)
    drive.go(40)
    assert drive.state.lockout.total_ns == round(1.5 * S)
    assert not drive.state.lockout.active


def test_distraction_and_sleep_do_not_lock_out() -> None:
    drive = Drive()
    for _ in range(5):
        drive.go(7, AWAY)
        drive.go(4)
        drive.go(4, SHUT)
        drive.go(4)
    assert drive.state.lockout.count == 0


def test_a_new_journey_starts_afresh_but_not_at_every_frame() -> None:
    drive = Drive().set(ignition=Ignition.ON)
    drive.go(4, AWAY)
    assert drive.go(0.05, AWAY, eyes_off_road_ns=5 * S)
    drive.set(ignition=Ignition.OFF).go(0.1, AWAY, eyes_off_road_ns=5 * S)
    drive.set(ignition=Ignition.ON)
    drive.go(0.05)
    assert drive.told[-1][1] == ()
    assert drive.happened(What.ENDED) == [(What.ENDED, AlertKind.DISTRACTION, "new journey")]
    assert drive.go(4, AWAY)


def test_a_stamp_that_goes_back_ends_what_was_active_and_says_so() -> None:
    drive = Drive()
    drive.go(4, AWAY)
    drive.t_ns = 0
    assert drive.go(0.05) == ()
    (event,) = [e for e in drive.events if e.what == What.ENDED]
    assert (event.rule, event.since_ns, event.t_ns) == ("time went back", STEP, STEP)


def test_a_driver_who_is_not_to_be_seen_is_nothing_that_may_be_exempt() -> None:
    drive = Drive().set(indicator=Indicator.LEFT)
    drive.go(9, replace(LEFT, availability=Availability.FAULT))
    assert drive.happened(*HELD) == []
