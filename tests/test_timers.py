"""The accounts of looks and their rings, to the nanosecond and against plain sums."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.config import MS, AttentionConfig
from dms.fusion.filters import BUCKET_NS, NOTHING, OFF, Trigger
from dms.fusion.looks import NO_LOOK, Look, Looks, Verdict, advance, start
from dms.fusion.rings import ACCOUNT_NS, BIN_NS, BINS, NO_HISTORY, Tally, account

S = 1000 * MS
CONFIG = AttentionConfig()
HOLD, FLICKER, DT = 500 * MS, CONFIG.flicker_ms * MS, 33 * MS
GRACE, EDGE = CONFIG.buffer_grace_ms * MS, CONFIG.edge_ms * MS
FULL = CONFIG.buffer_ms * MS
AWAY, ROAD, UNKNOWN = Verdict(False, 0, False), Verdict(True, 0, False), Verdict(None, 0, False)
Steps = list[tuple[int, int]]


def since(begin: int, last: int) -> Trigger:
    """A trigger that is on."""
    return Trigger(level=1.0, on=True, since_ns=begin, last_ns=last, t_ns=last)


def step(looks: Looks, verdict: Verdict, t: int, **how: Any) -> Looks:
    """One frame, DT after the last, seen from a drive's beginning at 0."""
    asked: dict[str, Any] = {"away": OFF, "task": False, "at_phone": False} | how
    return advance(
        looks, verdict, asked["away"], OFF, asked["task"], asked["at_phone"], t, DT, 0, HOLD, CONFIG
    )


def test_a_drive_begins_with_full_attention_and_nothing_else() -> None:
    looks = start(CONFIG)
    assert looks.buffer_ns == FULL
    assert (looks.vats.total, looks.phone.total, looks.on_since_ns, looks.on_ns) == (0, 0, None, 0)
    assert (looks.task_ns, looks.unresponsive_ns, looks.bad_ns) == (0, 0, 0)
    assert (looks.reached_ns, looks.returning) == (None, False)
    for look in (looks.away, looks.area3):
        assert (look.on, look.base_ns, look.total_ns, look.last_ns) == (False, 0, 0, 0)
    assert looks.area3_trigger.duration_ns == 0


def test_a_look_lasts_from_its_onset_to_its_last_evidence_and_then_stands() -> None:
    look = NO_LOOK.follow(since(100, 400), 50)
    assert look == Look(True, 0, 300, 400)
    assert look.follow(since(100, 433), 50) == Look(True, 0, 333, 433)
    assert look.follow(OFF, 50) == Look(False, 0, 300, 400)
    assert look.follow(OFF, 50).follow(OFF, 50) == Look(False, 0, 300, 400)


@pytest.mark.parametrize(("gap", "base"), [(0, 300), (50, 300), (51, 0)])
def test_only_a_flicker_joins_two_looks(gap: int, base: int) -> None:
    ended = Look(False, 0, 300, 400)
    again = ended.follow(since(400 + gap, 500 + gap), 50)
    assert again == Look(True, base, base + 100, 500 + gap)
    assert again.follow(since(400 + gap, 520 + gap), 50).total_ns == base + 120


def test_a_task_is_timed_while_it_is_looked_at_and_until_the_road_is() -> None:
    looks = start(CONFIG)
    for k in (1, 2, 3):
        looks = step(looks, AWAY, k * DT, task=True)
        assert looks.task_ns == k * DT
    unsure = step(looks, UNKNOWN, 4 * DT, task=True)
    assert unsure.task_ns == 3 * DT
    assert step(looks, AWAY, 4 * DT).task_ns == 0
    back = step(step(looks, ROAD, 4 * DT, task=True), ROAD, 5 * DT, task=True)
    assert (back.on_ns, back.task_ns) == (DT, 0)


def test_attention_is_spent_by_what_is_no_task_and_by_a_task_beyond_its_grace() -> None:
    looks = start(CONFIG)
    assert step(looks, AWAY, DT).buffer_ns == FULL - DT
    assert step(looks, AWAY, DT, task=True).buffer_ns == FULL
    spared = GRACE // DT
    for k in range(1, spared + 3):
        looks = step(looks, AWAY, k * DT, task=True)
        assert looks.buffer_ns == FULL - max(0, k - spared) * DT
    exactly = advance(start(CONFIG), AWAY, OFF, OFF, True, False, GRACE, GRACE, 0, HOLD, CONFIG)
    assert exactly.buffer_ns == FULL
    over = advance(start(CONFIG), AWAY, OFF, OFF, True, False, GRACE, GRACE + 1, 0, HOLD, CONFIG)
    assert over.buffer_ns == FULL - GRACE - 1
    drained = advance(start(CONFIG), AWAY, OFF, OFF, False, False, S, 2 * FULL, 0, HOLD, CONFIG)
    assert drained.buffer_ns == 0


def test_attention_comes_back_after_so_long_on_the_road_and_no_further_than_full() -> None:
    looks, t = start(CONFIG), 0
    for _ in range(30):
        looks, t = step(looks, AWAY, t + DT), t + DT
    spent = looks.buffer_ns
    while looks.on_ns + DT < CONFIG.buffer_return_ms * MS:
        looks, t = step(looks, ROAD, t + DT), t + DT
        assert looks.buffer_ns == spent
    assert step(looks, ROAD, t + DT).buffer_ns == spent + DT
    wait = CONFIG.buffer_return_ms * MS - looks.on_ns
    exactly = advance(looks, ROAD, OFF, OFF, False, False, t + wait, DT, 0, HOLD, CONFIG)
    assert (exactly.on_ns, exactly.buffer_ns) == (CONFIG.buffer_return_ms * MS, spent + DT)
    for _ in range(200):
        looks, t = step(looks, ROAD, t + DT), t + DT
    assert looks.buffer_ns == FULL


def test_lids_are_on_the_road_up_to_the_hold_and_no_longer() -> None:
    looks = step(start(CONFIG), ROAD, DT)
    blink = step(looks, Verdict(True, HOLD, False), 2 * DT)
    assert (blink.on_ns, blink.buffer_ns) == (DT, FULL)
    shut = step(looks, Verdict(True, HOLD + 1, False), 2 * DT)
    assert (shut.on_since_ns, shut.on_ns, shut.buffer_ns) == (None, 0, FULL - DT)


def test_the_road_is_seen_from_the_looks_last_evidence_to_the_last_of_its_own() -> None:
    looks = step(start(CONFIG), AWAY, S, away=since(S - 9, S))
    ended = Trigger(level=0.3, last_ns=S + 5, t_ns=S + DT)
    back = step(looks, ROAD, S + DT, away=ended)
    assert (back.on_since_ns, back.on_ns) == (S + 5, DT - 5)
    presumed = step(back, Verdict(True, 0, True), S + 2 * DT, away=ended)
    assert (presumed.on_since_ns, presumed.on_ns) == (S + 5, DT - 5)
    leaving = Trigger(level=0.3, since_ns=S + DT + 7, last_ns=S + 2 * DT, t_ns=S + 2 * DT)
    assert step(back, ROAD, S + 2 * DT, away=leaving).on_ns == DT + 2
    early = Trigger(level=0.3, since_ns=S, last_ns=S, t_ns=S + 2 * DT)
    assert step(back, ROAD, S + 2 * DT, away=early).on_ns == 0


def test_the_accounts_run_from_the_drives_first_frame() -> None:
    args = (AWAY, OFF, OFF, False, False)
    looks = advance(start(CONFIG), *args, 7 * S + ACCOUNT_NS, DT, 7 * S, HOLD, CONFIG)
    assert (looks.vats.slot, looks.vats.total, looks.phone.total) == (1, DT, 0)


def test_so_long_on_the_road_empties_the_accounts() -> None:
    looks = step(start(CONFIG), AWAY, S, at_phone=True)
    assert (looks.vats.total, looks.phone.total) == (DT, DT)
    looks = step(looks, ROAD, S + DT)
    reset = CONFIG.vats_reset_ms * MS
    assert step(looks, ROAD, S + DT + reset - 1).vats.total == DT
    cleared = step(looks, ROAD, S + DT + reset)
    assert (cleared.vats.total, cleared.phone.total) == (0, 0)


def edge(looks: Looks, t: int, ahead: int | None, away: Trigger) -> Looks:
    """A frame that adds nothing to the accounts but a look's way, at a phone."""
    return step(looks, Verdict(None, 0, False, ahead), t, away=away, at_phone=True)


@pytest.mark.parametrize(
    ("ahead", "added"),
    [(None, 0), (S - EDGE, EDGE - DT), (S - EDGE - S, EDGE - DT), (S - 99 * MS, 66 * MS), (S, 0)],
)
def test_a_look_counts_from_straight_ahead_less_that_frame(ahead: int | None, added: int) -> None:
    looks = edge(start(CONFIG), S + DT, ahead, since(S, S + DT))
    assert (looks.vats.total, looks.phone.total) == (added, added)
    assert not looks.returning
    assert edge(looks, S + 2 * DT, ahead, since(S, S + 2 * DT)).vats.total == added


def test_a_look_does_not_count_what_the_one_before_did() -> None:
    one = edge(start(CONFIG), S + DT, None, since(S, S + DT))
    between = edge(one, S + 2 * DT, None, Trigger(last_ns=S + DT, t_ns=S + 2 * DT))
    begins = S + 5 * DT
    two = edge(between, begins + DT, S, since(begins, begins + DT))
    assert two.vats.total == begins - (S + DT) - DT


def test_a_look_counts_to_where_straight_ahead_is_reached_but_only_once() -> None:
    looks = edge(start(CONFIG), S, None, since(S - 9, S))
    ended = Trigger(last_ns=S, t_ns=S + DT)
    back = edge(looks, S + DT, None, ended)
    assert (back.vats.total, back.returning) == (0, True)
    reached = edge(back, S + 4 * DT, S + 4 * DT, ended)
    assert (reached.vats.total, reached.returning) == (3 * DT, False)
    assert edge(reached, S + 5 * DT, S + 5 * DT, ended).vats.total == 3 * DT
    slow = edge(back, S + EDGE, None, ended)
    assert slow.returning
    assert not edge(slow, S + EDGE + 1, None, ended).returning
    assert edge(slow, S + EDGE + S, S + EDGE + S, ended).vats.total == EDGE
    at_once = edge(looks, S + DT, S + DT, ended)
    assert (at_once.vats.total, at_once.returning) == (0, False)


def test_straight_ahead_is_reached_anew_after_each_evidence_of_a_look() -> None:
    looks = edge(start(CONFIG), S, S, OFF)
    assert (looks.reached_ns, looks.returning) == (S, False)
    assert edge(looks, S + DT, S + DT, OFF).reached_ns == S
    assert edge(looks, S + DT, None, since(S, S + DT)).reached_ns is None


def test_away_or_closed_is_unresponsive_until_open_eyes_are_on_the_road_or_nothing_is_known() -> (
    None
):
    looks = step(start(CONFIG), AWAY, S, away=since(S - 900 * MS, S))
    assert (looks.unresponsive_ns, looks.bad_ns) == (900 * MS, S)
    closed = step(looks, Verdict(None, 40 * MS, False), S + DT, away=OFF)
    assert (closed.unresponsive_ns, closed.bad_ns) == (900 * MS + DT, S + DT)
    asleep = step(closed, Verdict(None, 3 * S, False), S + 2 * DT)
    assert asleep.unresponsive_ns == 3 * S
    blink = step(step(start(CONFIG), ROAD, S), Verdict(True, 40 * MS, False), S + DT)
    assert (blink.unresponsive_ns, blink.bad_ns) == (40 * MS, S + DT)
    after_a_look = step(looks, ROAD, 9 * S)
    assert after_a_look.unresponsive_ns == 0
    shut = step(after_a_look, Verdict(True, 50 * MS, False), 9 * S + DT)
    assert shut.unresponsive_ns == 50 * MS
    assert step(looks, UNKNOWN, S + HOLD).unresponsive_ns == 900 * MS
    assert step(looks, UNKNOWN, S + HOLD + 1).unresponsive_ns == 0
    back = step(looks, ROAD, S + 1, away=Trigger(last_ns=S, t_ns=S + 1))
    assert step(back, ROAD, S + FLICKER, away=Trigger(last_ns=S)).unresponsive_ns == 900 * MS
    assert step(back, ROAD, S + FLICKER + 1, away=Trigger(last_ns=S)).unresponsive_ns == 0


def test_a_blink_after_a_look_back_is_a_closure_of_its_own_but_lids_shut_on_the_way_are_not() -> (
    None
):
    looks = step(start(CONFIG), AWAY, S, away=since(S - 900 * MS, S))
    ended = Trigger(last_ns=S, t_ns=S)
    looked = step(looks, ROAD, S + FLICKER, away=ended)
    blink = step(looked, Verdict(True, 40 * MS, False), S + FLICKER + 41 * MS, away=ended)
    assert blink.unresponsive_ns == 40 * MS
    shut = step(looks, Verdict(True, FLICKER, False), S + FLICKER + DT, away=ended)
    assert shut.unresponsive_ns == 900 * MS + DT, "the eyes were not open on the road for as long"


WAITS = st.sampled_from([0, 1, ACCOUNT_NS - 1, ACCOUNT_NS, 3 * S, 29 * S, 30 * S])


@given(st.lists(st.tuples(WAITS, st.sampled_from([0, 1, 10**8])), max_size=30))
def test_an_account_is_the_sum_of_its_bins_and_the_running_one(steps: Steps) -> None:
    ring, t, past = account(30_000), 0, []
    for wait, spent in steps:
        t += wait
        ring = ring.add(t, spent)
        past.append((t // ACCOUNT_NS, spent))
        kept = sum(x for slot, x in past if t // ACCOUNT_NS - slot <= 119)
        assert (ring.total, len(ring.bins)) == (kept, 119)
        assert sum(ring.bins) + ring.now == kept
    empty = ring.cleared()
    assert (empty.total, empty.now, sum(empty.bins)) == (0, 0, 0)
    assert ring.add(max(0, t - S), 5).total == ring.total + 5  # an older stamp counts now
    assert len(account(100).bins) == 1


def test_nothing_has_happened_yet() -> None:
    assert Tally() == (0, 0, 0, 0, 0.0, 0.0, 0, 0, 0)
    assert BINS * BIN_NS == 300 * S
    assert (NO_HISTORY.slot, len(NO_HISTORY.bins)) == (0, 60)
    assert NO_HISTORY.last(BINS) == Tally()


LONG_WAITS = st.sampled_from([0, 1, BIN_NS - 1, BIN_NS, 2 * BIN_NS, 100 * S, 300 * S, 900 * S])


@given(st.lists(st.tuples(LONG_WAITS, st.integers(0, 3)), max_size=20), st.integers(0, BINS))
def test_a_history_is_the_sum_of_its_last_bins_and_the_running_one(steps: Steps, bins: int) -> None:
    story, t, past = NO_HISTORY, 0, []
    for wait, count in steps:
        t += wait
        story = story.add(t, Tally(blinks=count, closing=0.5 * count))
        past.append((t // BIN_NS, count))
        kept = sum(x for slot, x in past if t // BIN_NS - slot <= bins)
        assert story.last(bins) == Tally(blinks=kept, closing=0.5 * kept)
        assert len(story.bins) == BINS


SECONDS = st.sampled_from([0, 1, BUCKET_NS - 1, BUCKET_NS, 2 * S, 59 * S, 60 * S, 61 * S, 900 * S])


@given(st.lists(st.tuples(SECONDS, st.integers(0, 3)), max_size=20))
def test_a_minute_is_the_sum_of_its_seconds_and_the_running_one(steps: Steps) -> None:
    minute, t, past = NOTHING, 0, []
    for wait, seen in steps:
        t += wait
        minute = minute.add(t, 10 * seen, seen)
        past.append((t // BUCKET_NS, seen))
        kept = sum(x for second, x in past if t // BUCKET_NS - second <= 60)
        assert (minute.total_seen, minute.total_closed) == (10 * kept, kept)
        assert (len(minute.seen), len(minute.closed)) == (60, 60)
    assert minute.at(max(0, t - 9 * S)) == minute  # an older stamp changes nothing
