"""People over time: beats (plans with start times), the moves between them, and small motion.

A `Timeline` answers for any time: where head, eyes and hands are, what is held, what it is called.
Time is in seconds from the clip's start; nothing depends on the order of the questions.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tools.synth.actions import Angles, Plan
from tools.synth.actor import Acted, Actor, Pose
from tools.synth.body import F64
from tools.synth.cabin import Wheel
from tools.synth.grips import HandSpec, Places, resolve
from tools.synth.mesh import Scene
from tools.synth.pose import SIDES, HandGoal, Side, Torso, blend_goals, moved, slerp
from tools.synth.props import HeldProp, add_prop

ESTABLISHED = 0.8  # share of a hand's way from which on the action at its end shows
STEER_DEG = 9.0
HEAD_SWAY_DEG = (1.6, 1.0, 0.9)


@dataclass(frozen=True, slots=True)
class Beat:
    """From `start` on the person moves, for `move` seconds, into `plan` and stays there."""

    start: float
    move: float
    plan: Plan


@dataclass(frozen=True, slots=True)
class Sway:
    """Smooth noise about 0, of amplitude about 1: a few sines."""

    hertz: F64
    phase: F64

    @staticmethod
    def random(rng: np.random.Generator, low: float = 0.1, high: float = 0.9) -> Sway:
        """Three sines between two frequencies (1/s)."""
        return Sway(rng.uniform(low, high, 3), rng.uniform(0, 2 * np.pi, 3))

    def at(self, t: float) -> float:
        """The value at a time."""
        return float(np.sin(2 * np.pi * self.hertz * t + self.phase).sum() / 2.2)


@dataclass(frozen=True, slots=True)
class Instant:
    """The person at one time; `props` with their in-hand frames as they are then. `action` is None
    on the way from one to another, where nobody could name either."""

    pose: Pose
    hands: dict[Side, HandGoal]
    props: tuple[HeldProp, ...]
    steer_deg: float
    action: str | None
    plan: Plan


def smooth(x: float) -> float:
    """0..1 with no jerk at either end."""
    x = min(max(x, 0.0), 1.0)
    return x * x * x * (x * (6 * x - 15) + 10)


@dataclass(frozen=True, slots=True)
class Lids:
    """One closing of the lids: when, how long each part takes [s], how far (1 = shut)."""

    start: float
    close: float = 0.08
    hold: float = 0.03
    open: float = 0.16
    depth: float = 1.0

    def at(self, t: float) -> float:
        """Closure 0..1 at a time."""
        x = t - self.start
        if not 0 <= x <= self.close + self.hold + self.open:
            return 0.0
        return (
            self.depth
            * smooth(x / self.close)
            * (1 - smooth((x - self.close - self.hold) / self.open))
        )


def random_blinks(rng: np.random.Generator, seconds: float) -> tuple[Lids, ...]:
    """Blinks 2-6 s apart."""
    out, t = [], float(rng.uniform(-2, 4))
    while t < seconds:
        out.append(Lids(t))
        t += float(rng.uniform(2, 6))
    return tuple(out)


def _mix(a: float, b: float, t: float) -> float:
    return a * (1 - t) + b * t


def blend_pose(a: Plan, b: Plan, t: float) -> Pose:
    """Trunk, head, gaze and face on the way from one plan to the next."""
    torso = Torso(
        _mix(a.torso.lean, b.torso.lean, t),
        _mix(a.torso.turn, b.torso.turn, t),
        _mix(a.torso.side, b.torso.side, t),
        a.torso.standing,
    )
    head: Angles = tuple(_mix(x, y, t) for x, y in zip(a.head, b.head, strict=True))  # type: ignore[assignment]
    eyes = smooth(3 * t)  # the eyes lead the head
    gaze = (_mix(a.gaze[0], b.gaze[0], eyes), _mix(a.gaze[1], b.gaze[1], eyes))
    names = sorted(set(a.expression) | set(b.expression))
    face = {n: _mix(a.expression.get(n, 0.0), b.expression.get(n, 0.0), t) for n in names}
    return Pose(torso, head, gaze, face)


def held_by(plan: Plan, side: Side) -> HeldProp | None:
    """What one hand holds in a plan."""
    return next((p for p in plan.props if p.side == side), None)


class Timeline:
    """A person's performance."""

    def __init__(
        self,
        beats: list[Beat],
        rng: np.random.Generator,
        *,
        lids: tuple[Lids, ...] = (),
        talk: float = 0.0,
        sway: float = 1.0,
    ) -> None:
        for a, b in itertools.pairwise(beats):
            if b.start < a.start + a.move - 1e-9:
                raise ValueError(f"beat at {b.start} s begins while that of {a.start} s moves")
        self._beats, self._lids, self._talk, self._sway = beats, lids, talk, sway
        self._head = [Sway.random(rng, 0.08, 0.5) for _ in range(3)]
        self._gaze = [Sway.random(rng, 0.2, 1.4) for _ in range(2)]
        self._hand = {s: [Sway.random(rng, 0.2, 1.6) for _ in range(3)] for s in SIDES}
        self._curl = {s: Sway.random(rng, 1.0, 3.0) for s in SIDES}
        self._steer = Sway.random(rng, 0.05, 0.4)
        self._mouth = Sway.random(rng, 1.5, 4.0)

    def at(self, t: float, actor: Actor, wheel: Wheel | None) -> Instant:
        """The person at time `t`."""
        a, b, share = self._span(t)
        even = smooth(share)
        pose = self._alive(blend_pose(a, b, even), t)
        steer = STEER_DEG * self._sway * self._steer.at(t) if wheel is not None else 0.0
        places = actor.places(pose, wheel, steer)
        hands: dict[Side, HandGoal] = {}
        props: list[HeldProp] = []
        for side in SIDES:
            hands[side] = self._hand_at(a, b, share, side, places, t)
            thing = thing_held(a, b, share, side)
            props += [thing] if thing is not None else []
        return Instant(pose, hands, tuple(props), steer, action_at(a, b, share), b)

    def _span(self, t: float) -> tuple[Plan, Plan, float]:
        index = max((k for k, beat in enumerate(self._beats) if beat.start <= t), default=0)
        beat = self._beats[index]
        before = self._beats[max(index - 1, 0)].plan
        return before, beat.plan, min((t - beat.start) / max(beat.move, 1e-6), 1.0)

    def _alive(self, pose: Pose, t: float) -> Pose:
        k = self._sway
        head: Angles = tuple(  # type: ignore[assignment]
            x + k * amount * wave.at(t)
            for x, amount, wave in zip(pose.head, HEAD_SWAY_DEG, self._head, strict=True)
        )
        gaze = (
            pose.gaze[0]
            - 0.7 * k * HEAD_SWAY_DEG[0] * self._head[0].at(t)
            + k * self._gaze[0].at(t),
            pose.gaze[1] + 0.7 * k * self._gaze[1].at(t),
        )
        face: dict[str, float] = dict(pose.expression)
        face["eyeBlink"] = max([face.get("eyeBlink", 0.0), *(x.at(t) for x in self._lids)])
        if self._talk > 0:
            speaking = max(0.0, self._mouth.at(t)) * self._talk
            face["jawOpen"] = max(face.get("jawOpen", 0.0), speaking)
        return replace(pose, head=head, gaze=gaze, expression=face)

    def _hand_at(
        self, a: Plan, b: Plan, share: float, side: Side, places: Places, t: float
    ) -> HandGoal:
        goal = travel(a, b, share, side, places)
        even = smooth(share)
        busy = _mix(_fidget(a, side), _fidget(b, side), even) * self._sway
        if busy <= 0:
            return goal
        goal = moved(goal, [busy * wave.at(t) for wave in self._hand[side]])
        thumb = goal.curl[0] + 14 * min(busy, 1.0) * self._curl[side].at(t)
        return replace(goal, curl=(thumb, *goal.curl[1:]))


def _fidget(plan: Plan, side: Side) -> float:
    return 0.0 if plan.hands[side].where == "wheel" else plan.fidget


def same_thing(a: Plan, b: Plan, side: Side) -> bool:
    """Whether a hand keeps what it holds (nothing counts) from one plan to the next."""
    x, y = held_by(a, side), held_by(b, side)
    return (x is None and y is None) or (x is not None and y is not None and x.prop is y.prop)


def _way_point(a: Plan, b: Plan, side: Side) -> HandSpec | None:
    if same_thing(a, b, side):
        return None
    return b.pickup if held_by(b, side) is not None else a.pickup


def travel(a: Plan, b: Plan, share: float, side: Side, places: Places) -> HandGoal:
    """A hand on its way, by the place where things are picked up or put down."""
    start, end = resolve(a.hands[side], places), resolve(b.hands[side], places)
    if a is b or share >= 1:
        return end
    via = _way_point(a, b, side)
    if via is None:
        return _arc(start, end, smooth(share))
    middle = resolve(via, places)
    if share < 0.5:
        return _arc(start, middle, smooth(2 * share))
    return _arc(middle, end, smooth(2 * share - 1))


def _arc(a: HandGoal, b: HandGoal, t: float) -> HandGoal:
    far = float(np.linalg.norm(a.wrist - b.wrist))
    return blend_goals(a, b, t, np.array([0.0, 0.05, 0.16]) * far)


def thing_held(a: Plan, b: Plan, share: float, side: Side) -> HeldProp | None:
    """What a hand holds on the way from a to b."""
    x, y = held_by(a, side), held_by(b, side)
    if x is not None and y is not None and x.prop is y.prop:
        t = smooth(share)
        return replace(y, rot=slerp(x.rot, y.rot, t), pos=x.pos * (1 - t) + y.pos * t)
    return x if share < 0.5 else y


def action_at(a: Plan, b: Plan, share: float) -> str | None:
    """What a frame of the move from a to b is called: neither, but near its ends. Hands that fetch
    something or put it away go there in the first half and to b in the second."""
    if a.action == b.action:
        return b.action
    by_way = any(_way_point(a, b, s) for s in SIDES)
    gone, come = (2 * share, 2 * share - 1) if by_way else (share, share)
    if smooth(gone) <= 1 - ESTABLISHED:
        return a.action
    return b.action if smooth(come) >= ESTABLISHED else None


def act(actor: Actor, now: Instant) -> Acted:
    """The body and face of an instant."""
    return actor.act(now.pose, now.hands)


def add_things(scene: Scene, now: Instant, acted: Acted) -> None:
    """Put what is held into the scene."""
    for thing in now.props:
        rot, pos = thing.place(acted.wrists[thing.side], acted.frames[thing.side])
        add_prop(scene, thing.prop, rot, pos)


def with_face(plan: Plan, changes: Mapping[str, float]) -> Plan:
    """A plan with some expression weights changed."""
    return replace(plan, expression={**plan.expression, **changes})
