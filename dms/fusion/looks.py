"""Accounts of looks away: one long, many short, at a phone, into Area 3, and what is left of
attention. Pure; each frame's verdict in, times out [ns].
"""

from __future__ import annotations

from dataclasses import dataclass

from dms.config import MS, AttentionConfig
from dms.fusion.filters import OFF, Trigger
from dms.fusion.rings import Account, account


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one frame is judged to show."""

    on_road: bool | None
    closed_ns: int
    """How long both eyes have been closed."""
    presumed: bool
    """Not seen at this moment, but believed by the written rules."""
    ahead_ns: int | None = None
    """When head and gaze last pointed straight ahead, or nearly."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look as a trigger tells it, with flicker bridged. What lies between does not count."""

    on: bool = False
    base_ns: int = 0
    """Time before the last flicker."""
    total_ns: int = 0
    last_ns: int = 0
    """Its last evidence."""

    def follow(self, trigger: Trigger, flicker_ns: int) -> Look:
        """One more frame."""
        spent = trigger.duration_ns
        if spent == 0 or trigger.last_ns is None:
            return Look(False, 0, self.total_ns, self.last_ns) if self.on else self
        base = self.base_ns
        if not self.on:
            bridged = self.total_ns and (trigger.since_ns or 0) - self.last_ns <= flicker_ns
            base = self.total_ns if bridged else 0
        return Look(True, base, base + spent, trigger.last_ns)


NO_LOOK = Look()
"""Nothing seen yet."""


@dataclass(frozen=True, slots=True)
class Looks:
    """All accounts. Windows' times count from the first frame."""

    vats: Account
    phone: Account
    buffer_ns: int
    away: Look = NO_LOOK
    area3: Look = NO_LOOK
    area3_trigger: Trigger = OFF
    on_since_ns: int | None = None
    """Since when open eyes are on the road without a break."""
    on_ns: int = 0
    """For how long; the last evidence counts, not the time of deciding."""
    task_ns: int = 0
    """How long the current look at something that driving needs has lasted."""
    unresponsive_ns: int = 0
    bad_ns: int = 0
    """When it last was so."""
    reached_ns: int | None = None
    """When head and gaze first pointed straight ahead since the last evidence of a look."""
    returning: bool = False
    """The last look's way back to straight ahead may still count."""


def start(config: AttentionConfig) -> Looks:
    """Empty accounts, full attention."""
    empty = account(config.vats_window_ms)
    return Looks(empty, empty, config.buffer_ms * MS)


def advance(
    looks: Looks,
    verdict: Verdict,
    away: Trigger,
    area3: Trigger,
    task: bool,
    at_phone: bool,
    t_ns: int,
    dt_ns: int,
    first_ns: int,
    hold_ns: int,
    config: AttentionConfig,
) -> Looks:
    """One more frame, dt_ns after the last one (0: too long ago to count).

    task: what is looked at away from the road is mirrors or cluster; at_phone: a phone in use is
    looked at, if the look is away.
    """
    is_away = verdict.on_road is False
    flicker = config.flicker_ms * MS
    off = looks.away.follow(away, flicker)
    since, on_ns = _on_road(looks, verdict, away, t_ns, hold_ns)
    spent = dt_ns if is_away else 0
    at = t_ns - first_ns
    reached = None if away.last_ns == t_ns else looks.reached_ns
    if reached is None and verdict.ahead_ns == t_ns:
        reached = t_ns
    edge, returning = _edge(looks, verdict, away, off, reached, t_ns, dt_ns, config.edge_ms * MS)
    vats = looks.vats.add(at, spent + edge)
    phone = looks.phone.add(at, spent + edge if at_phone else 0)
    if on_ns >= config.vats_reset_ms * MS:
        vats, phone = vats.cleared(), phone.cleared()
    shut = verdict.closed_ns > hold_ns
    task_ns = looks.task_ns
    if is_away or on_ns:
        task_ns = task_ns + spent if is_away and task else 0
    buffer = looks.buffer_ns
    if shut or (is_away and not (task and task_ns <= config.buffer_grace_ms * MS)):
        buffer = max(0, buffer - dt_ns)
    elif on_ns >= config.buffer_return_ms * MS:
        buffer = min(config.buffer_ms * MS, buffer + dt_ns)
    bad, when = _unresponsive(looks, verdict, off, on_ns, t_ns, dt_ns, hold_ns, flicker)
    return Looks(
        vats, phone, buffer, off, looks.area3.follow(area3, flicker), area3, since, on_ns, task_ns,
        bad, when, reached, returning,
    )  # fmt: skip


def _edge(
    looks: Looks,
    verdict: Verdict,
    away: Trigger,
    off: Look,
    reached_ns: int | None,
    t_ns: int,
    dt_ns: int,
    most_ns: int,
) -> tuple[int, bool]:
    """What a look adds to the accounts for its way from straight ahead to where it is sure to be a
    look, or back, without the frame that was straight ahead; and is it still on its way back?"""
    if off.on:
        if looks.away.on or verdict.ahead_ns is None or away.since_ns is None:
            return 0, False
        left_ns = max(verdict.ahead_ns, looks.away.last_ns, away.since_ns - most_ns)
        return max(0, away.since_ns - left_ns - dt_ns), False
    if not (looks.away.on or looks.returning):
        return 0, False
    if reached_ns is None:
        return 0, t_ns - off.last_ns <= most_ns
    return min(most_ns, max(0, reached_ns - off.last_ns - dt_ns)), False


def _on_road(
    looks: Looks, verdict: Verdict, away: Trigger, t_ns: int, hold_ns: int
) -> tuple[int | None, int]:
    """Since when, and how long to the last evidence, open eyes are on the road."""
    if verdict.on_road is not True or verdict.closed_ns > hold_ns:
        return None, 0
    since = looks.on_since_ns
    if verdict.presumed:  # a frame without a face ends nothing, and adds nothing
        return since, looks.on_ns
    if since is None:
        since = t_ns
        if looks.away.on and away.last_ns is not None:  # no gap since the look
            since = away.last_ns
    last = t_ns if away.since_ns is None else away.since_ns
    return since, max(0, last - since)


def _unresponsive(
    looks: Looks,
    verdict: Verdict,
    off: Look,
    on_ns: int,
    t_ns: int,
    dt_ns: int,
    hold_ns: int,
    flicker_ns: int,
) -> tuple[int, int]:
    """(how long away or closed in one, when it last was so): open eyes on the road for longer than
    a flicker end it, and so does not knowing for longer than the last state stands in. A blink
    after that is a closure of its own."""
    over = on_ns - verdict.closed_ns > flicker_ns or t_ns - looks.bad_ns > hold_ns
    spent = 0 if over else looks.unresponsive_ns
    if verdict.on_road is False or verdict.closed_ns:
        lasted = max(off.total_ns if verdict.on_road is False else 0, verdict.closed_ns)
        return max(spent + dt_ns, lasted) if spent else lasted, t_ns
    return spent, looks.bad_ns
