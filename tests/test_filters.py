"""The small memories by themselves: trigger, mean and histogram, to the last digit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.fusion.filters import (
    CALM,
    EVEN,
    NO_MEAN,
    OFF,
    Histogram,
    Shape,
    Trigger,
    live,
    push,
    push_rare,
    stale,
)

SHAPE = Shape(tau_ns=100, on=0.6, off=0.4, hold_ns=50, bridge_ns=20)
DT = 10
GAIN = -math.expm1(-DT / SHAPE.tau_ns)


def pushed(trigger: Trigger, *values: float, dt: int = DT, shape: Shape = SHAPE) -> Trigger:
    """After more evidence, so far apart."""
    for value in values:
        trigger = push(trigger, value, (trigger.t_ns or 0) + dt, shape)
    return trigger


def test_a_trigger_begins_off() -> None:
    assert (OFF.level, OFF.on, OFF.since_ns, OFF.last_ns, OFF.t_ns) == (
        0.0,
        False,
        None,
        None,
        None,
    )
    assert (OFF.before, OFF.duration_ns) == ((0.0, 0.0), 0)
    first = push(OFF, 0.9, 7, SHAPE)
    assert first == Trigger(0.0, False, None, None, 7, (0.0, 0.9))


def test_it_follows_the_median_of_three_by_a_first_order_filter() -> None:
    lone = pushed(OFF, 0.0, 0.0, 1.0)
    assert lone.level == 0
    assert pushed(lone, 0.7).level == pytest.approx(0.7 * GAIN, rel=1e-12)
    assert pushed(OFF, 1.0, 1.0, 0.2).level == pytest.approx(1 - (1 - GAIN) ** 2, rel=1e-12)
    assert pushed(OFF, 0.3, 0.9, 0.6).level == pytest.approx(
        0.3 * GAIN + (0.6 - 0.3 * GAIN) * GAIN, rel=1e-12
    )


def test_it_is_dated_from_the_first_to_the_last_evidence() -> None:
    trigger = pushed(OFF, *[1.0] * 12)  # at 10, 20 ... 120
    assert (trigger.on, trigger.since_ns, trigger.last_ns) == (True, 10, 120)
    assert trigger.duration_ns == 110
    even = pushed(OFF, EVEN, EVEN)
    assert (even.since_ns, even.last_ns) == (10, 20)
    less = pushed(OFF, 0.49, 0.49)
    assert less.since_ns is None
    doubt = pushed(trigger, 0.49)
    assert (doubt.since_ns, doubt.last_ns) == (10, 120)
    assert pushed(trigger, 0.0, 1.0).last_ns == 140  # one wrong frame
    late = pushed(OFF, 0.0, 1.0, 1.0)
    assert (late.since_ns, late.last_ns) == (20, 30)


def test_even_odds_neither_end_an_onset_nor_date_it_anew() -> None:
    first = pushed(OFF, 1.0, 1.0)
    assert not first.on
    assert first.since_ns is not None
    assert pushed(first, EVEN, EVEN, EVEN).since_ns == first.since_ns


def test_a_moment_is_not_nothing() -> None:
    assert Trigger(on=True, since_ns=5, last_ns=5).duration_ns == 1
    assert Trigger(on=True, since_ns=5, last_ns=7).duration_ns == 2
    assert Trigger(on=False, since_ns=5, last_ns=7).duration_ns == 0
    assert Trigger(on=True, since_ns=None, last_ns=7).duration_ns == 0
    assert Trigger(on=True, since_ns=5, last_ns=None).duration_ns == 0


def test_it_is_on_from_its_limit_until_it_is_at_the_other_one() -> None:
    two = pushed(OFF, 1.0, 1.0)
    at = Shape(100, two.level, 0.0, 50, 20)
    assert pushed(OFF, 1.0, 1.0, shape=at).on
    above = Shape(100, math.nextafter(two.level, 1), 0.0, 50, 20)
    assert not pushed(OFF, 1.0, 1.0, shape=above).on
    high = pushed(OFF, *[1.0] * 12)
    falling = pushed(high, 0.0, 0.0)
    assert pushed(high, 0.0, 0.0, shape=Shape(100, 0.99, falling.level - 1e-9, 50, 20)).on
    ended = pushed(high, 0.0, 0.0, shape=Shape(100, 0.99, falling.level, 50, 20))
    assert (ended.on, ended.since_ns) == (False, None)
    assert falling.on
    assert falling.since_ns == 10


def test_gaps_are_bridged_left_out_or_end_it() -> None:
    trigger = pushed(OFF, *[1.0] * 12)
    assert pushed(trigger, 1.0, dt=20).duration_ns == 130
    left_out = pushed(trigger, 1.0, dt=21)
    assert (left_out.since_ns, left_out.last_ns) == (31, 141)
    assert left_out.duration_ns == 110
    assert pushed(trigger, 0.0, dt=50).on
    assert pushed(trigger, 1.0, dt=51) == Trigger(t_ns=171, before=(0.0, 1.0))
    assert pushed(trigger, 1.0, dt=-1) == Trigger(t_ns=119, before=(0.0, 1.0))
    assert pushed(trigger, 1.0, dt=0).on


@pytest.mark.parametrize(
    ("sights", "decided"),
    [
        ([0.0], False),
        ([0.0, 0.0], True),
        ([1.0, 0.0], False),
        ([EVEN, 0.0], False),
        ([0.0, EVEN], False),
        ([0.0, 1.0], False),
        ([1.0, 0.0, 0.0], True),
        ([0.0, 1.0, 0.0], False),
        ([0.0, 1.0, 0.0, 0.0], True),
        ([1.0] * 3, False),
        ([1.0] * 12, True),
        ([1.0] * 12 + [0.0], True),
        ([1.0] * 12 + [0.0] * 20, True),
    ],
)
def test_it_is_decided_once_on_or_twice_in_a_row_against(
    sights: list[float], decided: bool
) -> None:
    assert pushed(OFF, *sights).decided == decided
    assert not pushed(pushed(OFF, *sights), 0.0, dt=51).decided, "a gap begins anew"


def test_live_is_on_and_not_stale() -> None:
    on = Trigger(on=True, t_ns=100)
    assert live(on, 150, 50)
    assert not live(on, 151, 50)
    assert not live(Trigger(t_ns=100), 100, 50)


def test_rare_evidence_that_has_gone_is_forgotten() -> None:
    once = pushed(OFF, 1.0, 0.0)
    assert push_rare(once, 0.0, 30, SHAPE) == OFF
    assert push_rare(once, EVEN, 30, SHAPE) == push(once, EVEN, 30, SHAPE)
    remembered = Trigger(level=CALM, t_ns=20)
    assert push_rare(remembered, 0.0, 30, SHAPE).t_ns == 30
    assert push_rare(Trigger(level=0.0, on=True, t_ns=20), 0.0, 30, SHAPE).t_ns == 30


def test_stale_is_later_than_the_hold() -> None:
    assert stale(OFF, 0, 50)
    assert not stale(Trigger(t_ns=100), 150, 50)
    assert stale(Trigger(t_ns=100), 151, 50)


def test_a_mean_is_plain_at_first_and_forgets_later() -> None:
    assert (NO_MEAN.value, NO_MEAN.count) == (0.0, 0)
    one = NO_MEAN.after(0.8, 10, 10_000)
    two = one.after(0.2, 10, 10_000)
    assert (one.value, one.count) == (0.8, 1)
    assert two.value == pytest.approx(0.5)
    assert two.count == 2
    quick = two.after(1.0, 10, 10)
    assert quick.value == pytest.approx(0.5 + (1 - math.exp(-1)) * 0.5)


def test_a_histogram_counts_bins_and_its_ends_hold_what_lies_beyond() -> None:
    empty = Histogram(-1.0, 0.5, (0,) * 4)
    filled = empty.add(-9).add(-0.75).add(-0.5, 3).add(0.99).add(9.0, 2)
    assert filled.counts == (2, 3, 0, 3)
    assert filled.total() == 8
    assert filled.within(-0.5, 0.4) == 3
    assert filled.within(-2, 2) == 8
    assert filled.add(-0.5, -3).counts == (2, 0, 0, 3)
    assert Histogram(0.0, 1.0, (0, 1, 2, 3)).halved().counts == (0, 1, 1, 2)
    with pytest.raises(ValueError, match="empty"):
        empty.median()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_the_median_is_the_middle_of_the_values_to_a_bin(values: list[int]) -> None:
    hist = Histogram(10.0, 1.0, (0,) * 10)
    for value in values:
        hist = hist.add(10.5 + value)
    middle = sorted(values)[(len(values) - 1) // 2]
    assert 10 + middle <= hist.median() <= 11 + middle


def test_the_median_lies_inside_its_bin_by_how_many_are_below() -> None:
    assert Histogram(0.0, 2.0, (1, 4, 1)).median() == pytest.approx(2 + 2 * (3 - 1) / 4)
    assert Histogram(0.0, 2.0, (2, 0, 2)).median() == pytest.approx(2.0)
    assert Histogram(0.0, 2.0, (0, 3, 0)).median() == pytest.approx(3.0)
