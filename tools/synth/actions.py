"""The eight actions, each in many variants with either hand: plans for hands, head and props."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from tools.synth.body import F64
from tools.synth.cabin import EYES, PASSENGER_X, CabinStyle
from tools.synth.grips import (
    MOUTH,
    HandSpec,
    held,
    on_wheel,
    palmed_phone,
    phone_frame,
    pinched,
    touch,
    wrap_frame,
    wrapped,
    wrist_for,
)
from tools.synth.pose import SIDES, SIGN, Curl, Side, Torso, hand_frame, unit
from tools.synth.props import DRINKS, FOODS, SMOKES, HeldProp, Prop, make_prop
from tools.synth.touches import (
    FINGER_TIPS_CM,
    FIST,
    HOLD,
    OPEN,
    PALM_CM,
    POINT,
    TOUCHES,
    touch_face,
)

ACTIONS = (
    "wheel", "phone_ear", "phone_hand", "drink_eat", "smoke", "reach", "hand_face", "other"
)  # fmt: skip
Angles = tuple[float, float, float]
UPRIGHT = Torso()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a person does: hands, things in them, where the head and eyes point (degrees).

    `head` is yaw, pitch, roll in the car; `gaze` yaw, pitch relative to the head.
    """

    action: str
    variant: str
    hands: dict[Side, HandSpec]
    props: tuple[HeldProp, ...] = ()
    head: Angles = (0.0, 0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)
    expression: dict[str, float] = field(default_factory=dict)
    torso: Torso = UPRIGHT
    fidget: float = 0.3  # cm, how much the busy hand moves in a clip
    pickup: HandSpec | None = None  # where the busy hand gets its prop from


@dataclass(frozen=True, slots=True)
class Setting:
    """Where people act: in a car (with its style), or standing or sitting before a wall."""

    cabin: CabinStyle | None
    torso: Torso


def other_side(side: Side) -> Side:
    """The other hand."""
    return "L" if side == "R" else "R"


def look_at(
    target: F64, rng: np.random.Generator, share: float
) -> tuple[Angles, tuple[float, float]]:
    """Head and gaze that look at a world point, the head doing `share` of the turn."""
    way = unit(target - EYES)
    yaw, pitch = np.degrees(np.arctan2(way[0], way[2])), np.degrees(np.arcsin(way[1]))
    head_yaw, head_pitch = share * yaw, share * pitch * 0.85
    gaze = (float(np.clip(yaw - head_yaw, -38, 38)), float(np.clip(pitch - head_pitch, -32, 25)))
    return (float(head_yaw), float(head_pitch), float(rng.normal(0, 4))), gaze


def glance(rng: np.random.Generator) -> tuple[Angles, tuple[float, float]]:
    """Where a driver looks: mostly the road, sometimes a mirror, a display, a passenger."""
    kind = rng.random()
    if kind < 0.6:
        head = (rng.normal(0, 7), rng.normal(-2, 5), rng.normal(0, 4))
        return (float(head[0]), float(head[1]), float(head[2])), (
            float(np.clip(-head[0] * 0.7 + rng.normal(0, 4), -30, 30)),
            float(np.clip(-head[1] * 0.5 + rng.normal(0, 4), -25, 20)),
        )
    if kind < 0.9:
        angles = (rng.normal(0, 35), rng.normal(-8, 12), rng.normal(0, 7))
    else:
        angles = (rng.uniform(-80, 80), rng.uniform(-45, 30), rng.normal(0, 12))
    clipped = (float(np.clip(angles[0], -85, 85)), float(np.clip(angles[1], -48, 40)))
    return (*clipped, float(np.clip(angles[2], -30, 30))), (
        float(np.clip(rng.normal(0, 12), -35, 35)),
        float(np.clip(rng.normal(-3, 9), -28, 22)),
    )


def random_face(rng: np.random.Generator) -> dict[str, float]:
    """An everyday expression: mostly neutral, some smiles, talk, blinks, half-closed lids."""
    out: dict[str, float] = {}
    if rng.random() < 0.25:
        out["eyeBlink"] = float(rng.choice([1.0, 1.0, rng.uniform(0.2, 0.9)]))
    if rng.random() < 0.3:
        out["jawOpen"] = float(rng.uniform(0.05, 0.4))
    if rng.random() < 0.2:
        out["mouthSmile"] = float(rng.uniform(0.2, 0.9))
        out["cheekSquint"] = out["mouthSmile"] * 0.5
    if rng.random() < 0.2:
        out["browDown" if rng.random() < 0.5 else "browInnerUp"] = float(rng.uniform(0.2, 0.7))
    return out


def idle_hand(
    side: Side, setting: Setting, rng: np.random.Generator, wheel: float = 0.75
) -> HandSpec:
    """A hand with nothing to do: on the wheel, in the lap, on an armrest; hanging when standing."""
    s = SIGN[side]
    if setting.cabin is None:
        if setting.torso.standing or rng.random() < 0.5:
            at = (rng.uniform(19, 25), rng.uniform(-58, -48), rng.uniform(-2, 10))
            return touch(side, at, (0, -1, 0.15), (-0.9, 0, -0.2), 0, OPEN, (0.5, 0, -1), "chest")
        at = (rng.uniform(4, 16), rng.uniform(-45, -32), rng.uniform(16, 28))
        return touch(
            side, at, (-0.6, -0.1, 0.75), (0, -1, 0.1), 0, OPEN, (0.8, -0.4, -0.5), "chest"
        )
    if rng.random() < wheel:
        return on_wheel(side, float(rng.uniform(15, 120)), setting.cabin.wheel, rng)
    if rng.random() < 0.6:
        at = (rng.uniform(5, 15), rng.uniform(9, 16), rng.uniform(18, 34))
        return touch(side, at, (-0.5, -0.1, 0.8), (0, -1, 0.1), 0, OPEN, (1, -0.3, -0.6), "car")
    out = 34.0 if s == setting.cabin.window else 30.0
    at = (rng.uniform(0.85, 1.05) * out, rng.uniform(24, 38), rng.uniform(24, 44))
    return touch(side, at, (0.1, -0.2, 0.95), (0, -1, 0.1), 0, HOLD, (1, -0.2, -0.7), "car")


def _hand_pair(side: Side, busy: HandSpec, idle: HandSpec) -> dict[Side, HandSpec]:
    return {side: busy, other_side(side): idle}


def _low(side: Side, rng: np.random.Generator) -> HandSpec:
    at = (rng.uniform(8, 26), rng.uniform(12, 24), rng.uniform(26, 42))
    return touch(side, at, (-0.2, -0.1, 0.9), (-0.3, -0.9, 0), 0, HOLD, (1, -0.4, -0.6), "car")


def _plain(
    action: str, variant: str, side: Side, busy: HandSpec, idle: HandSpec, rng: np.random.Generator
) -> Plan:
    head, gaze = glance(rng)
    return Plan(action, variant, _hand_pair(side, busy, idle), (), head, gaze, random_face(rng))


def plan_wheel(side: Side, setting: Setting, rng: np.random.Generator) -> Plan:
    """Both hands on the wheel, or one there and the other idle."""
    if setting.cabin is None:
        return plan_other(side, setting, rng)
    wheel = setting.cabin.wheel
    one = rng.random() < 0.35
    top = float(rng.uniform(-30, 60)) if one else float(rng.uniform(30, 115))
    busy = on_wheel(side, top, wheel, rng)
    idle = idle_hand(other_side(side), setting, rng, 0.0) if one else on_wheel(
        other_side(side), float(np.clip(top + rng.normal(0, 15), 20, 120)), wheel, rng
    )  # fmt: skip
    return _plain("wheel", "one hand" if one else "both hands", side, busy, idle, rng)


def plan_phone_ear(
    side: Side, setting: Setting, rng: np.random.Generator, prop: Prop | None = None
) -> Plan:
    """A phone at the ear, held flat, away from the cheek, or between ear and shoulder."""
    s, prop = SIGN[side], prop or make_prop("phone", rng)
    ear = np.array([s * 8.0, 1.0 + rng.normal(0, 0.8), 1.0 + rng.normal(0, 0.8)])
    low = np.array([s * rng.uniform(5.0, 8.5), -8.0 + rng.normal(0, 1.5), rng.uniform(3.5, 9.0)])
    out = unit([s, rng.normal(0, 0.12), rng.normal(0.15, 0.12)])
    centre = (ear + low) / 2 + out * rng.uniform(1.4, 3.0)
    lean = float(rng.uniform(20, 60))
    hand = phone_frame(side, ear - low, -out, lean)
    thing = held(prop, side, palmed_phone(prop, side, lean))
    curl = tuple(float(c * rng.uniform(0.6, 1.1)) for c in HOLD)
    wrist = wrist_for(thing, hand, centre, 0.0)
    pole = np.array([s * rng.uniform(0.4, 1.0), -1.0, rng.uniform(0.0, 0.5)])
    busy = HandSpec("face", wrist, hand, pole, (*curl,))  # type: ignore[arg-type]
    head, gaze = glance(rng)
    head = (
        head[0] * 0.8,
        head[1] * 0.7,
        float(np.clip(head[2] - s * rng.uniform(-4, 12), -25, 25)),
    )
    face = random_face(rng) | {"jawOpen": float(rng.choice([0.02, 0.1, 0.25, 0.4]))}
    hands = _hand_pair(side, busy, idle_hand(other_side(side), setting, rng))
    return Plan("phone_ear", "flat", hands, (thing,), head, gaze, face, pickup=_low(side, rng))


def _phone_place(variant: str, s: float, setting: Setting, rng: np.random.Generator) -> F64:
    u = rng.uniform
    if setting.cabin is None:
        return np.asarray(EYES + np.array([s * u(-2, 10), u(-42, -16), u(20, 36)]))
    if variant == "wheel":
        wheel = setting.cabin.wheel
        at = wheel.rot @ np.array([s * u(0, 14), wheel.radius * u(0.3, 1.05), -4.0])
        return np.asarray(wheel.centre + at, np.float64)
    if variant == "high":
        return np.array([s * u(2, 20), u(44, 62), u(36, 50)])
    if variant == "low":
        return np.array([s * u(2, 14), u(20, 32), u(24, 38)])
    if variant == "knee":
        return np.array([s * u(4, 17), u(14, 22), u(34, 46)])
    if variant == "mouth":
        return np.asarray(EYES + np.array([s * u(0, 5), u(-16, -10), u(12, 20)]))
    return np.array([s * u(2, 16), u(30, 44), u(26, 40)])


def plan_phone_hand(
    side: Side, setting: Setting, rng: np.random.Generator, prop: Prop | None = None
) -> Plan:
    """A phone in the hand: texting at the knee, low or high, on the wheel, with both, dictating."""
    s, prop = SIGN[side], prop or make_prop("phone", rng)
    variant = str(
        rng.choice(
            ["mid", "low", "knee", "high", "wheel", "both", "mouth"],
            p=[0.26, 0.14, 0.08, 0.18, 0.12, 0.15, 0.07],
        )
    )
    at = _phone_place(variant, s * (0.2 if variant == "both" else 1.0), setting, rng)
    screen = unit(EYES - at) + rng.normal(0, 0.22, 3)
    if variant == "mouth":
        screen = np.array([0.0, 1.0, -0.5]) + rng.normal(0, 0.2, 3)
    landscape = rng.random() < 0.12
    top = np.array([-s, 0.1, 0.1]) if landscape else np.array([rng.normal(0, 0.25), 1.0, 0.35])
    lean = float(rng.uniform(5, 30)) if landscape else float(rng.uniform(18, 55))
    hand = phone_frame(side, top, screen, lean)
    thing = held(prop, side, palmed_phone(prop, side, lean))
    scale = float(rng.uniform(0.6, 1.05))
    curl: Curl = (HOLD[0] * scale, *(c * scale for c in HOLD[1:]))  # type: ignore[assignment]
    pole = np.array([s * rng.uniform(0.6, 1.1), -0.8, rng.uniform(-0.6, 0.0)])
    busy = HandSpec("car", wrist_for(thing, hand, at, 0.0), hand, pole, curl)
    idle = idle_hand(other_side(side), setting, rng)
    if variant == "both":
        twin = phone_frame(other_side(side), top, screen, lean)
        grip = held(prop, other_side(side), palmed_phone(prop, other_side(side), lean))
        away = np.array([-s * 2.2, -1.5, 0.0])
        wrist = wrist_for(grip, twin, at + away, 0.0)
        idle = HandSpec("car", wrist, twin, pole * np.array([-1.0, 1, 1]), curl)
    looks = rng.random() < 0.72
    head, gaze = look_at(at, rng, float(rng.uniform(0.45, 0.85))) if looks else glance(rng)
    hands = _hand_pair(side, busy, idle)
    return Plan(
        "phone_hand",
        variant,
        hands,
        (thing,),
        head,
        gaze,
        random_face(rng),
        fidget=0.6,
        pickup=_low(side, rng),
    )


def plan_drink_eat(
    side: Side, setting: Setting, rng: np.random.Generator, prop: Prop | None = None
) -> Plan:
    """Drinking or eating: at the mouth, or held before the chest between two sips or bites."""
    s = SIGN[side]
    if prop is None:
        kinds = DRINKS if rng.random() < 0.65 else FOODS
        prop = make_prop(str(rng.choice(kinds)), rng)  # type: ignore[arg-type]
    drink = prop.kind in DRINKS
    thing = held(prop, side, wrapped(prop, side))
    curl = tuple(float(c * rng.uniform(0.75, 1.1)) for c in HOLD)
    pole = np.array([s * rng.uniform(0.5, 1.1), -0.9, rng.uniform(-0.1, 0.4)])
    at_mouth = rng.random() < 0.75
    head, gaze = glance(rng)
    if at_mouth:
        tip = np.radians(rng.uniform(25, 85) if drink else rng.uniform(20, 80))
        axis = np.array([-s * rng.uniform(-0.1, 0.35), np.cos(tip), -np.sin(tip)])
        palm = np.array([-s * rng.uniform(0.3, 1.0), rng.normal(0, 0.1), -rng.uniform(0.3, 0.9)])
        hand = wrap_frame(side, axis, palm)
        target = MOUTH + np.array([0.0, -0.4, rng.uniform(0.0, 1.2)])
        busy = HandSpec("face", wrist_for(thing, hand, target, prop.top), hand, pole, (*curl,))  # type: ignore[arg-type]
        up = float(rng.uniform(0, 22)) if drink else float(rng.uniform(-10, 8))
        head = (head[0] * 0.6, up, head[2] * 0.6)
    else:
        axis = np.array([rng.normal(0, 0.15), 1.0, rng.normal(0.1, 0.15)])
        hand = wrap_frame(side, axis, (-s, 0.0, -0.25 + rng.normal(0, 0.2)))
        at = np.array([s * rng.uniform(4, 20), rng.uniform(34, 56), rng.uniform(26, 42)])
        busy = HandSpec("car", wrist_for(thing, hand, at, 0.0), hand, pole, (*curl,))  # type: ignore[arg-type]
    idle = idle_hand(other_side(side), setting, rng)
    face = random_face(rng) | {"jawOpen": 0.08 if drink else float(rng.uniform(0.05, 0.45))}
    hands = _hand_pair(side, busy, idle)
    variant = f"{prop.kind} {'at the mouth' if at_mouth else 'in hand'}"
    return Plan("drink_eat", variant, hands, (thing,), head, gaze, face, pickup=_low(side, rng))


def plan_smoke(
    side: Side, setting: Setting, rng: np.random.Generator, prop: Prop | None = None
) -> Plan:
    """Smoking or vaping: at the lips, or between the fingers before the chest or by the window."""
    s = SIGN[side]
    prop = prop or make_prop(str(rng.choice(SMOKES, p=[0.72, 0.28])), rng)  # type: ignore[arg-type]
    curl: Curl = (30.0, 20.0, 22.0, 56.0, 62.0)
    pole = np.array([s * rng.uniform(0.5, 1.0), -1.0, rng.uniform(-0.1, 0.3)])
    head, gaze = glance(rng)
    face = random_face(rng)
    if rng.random() < 0.7:
        hand = hand_frame(
            (-s * rng.uniform(0.3, 0.7), 0.8, rng.uniform(-0.3, 0.0)),
            (-s * rng.uniform(0.2, 0.7), -0.1, -0.8),
        )
        end = np.array([-s * rng.uniform(0.0, 0.4), rng.uniform(-0.05, 0.3), -0.95])
        thing = held(prop, side, pinched(prop, side, hand, end))
        target = MOUTH + np.array([s * rng.uniform(0, 1.5), 0.3, 0.3])
        busy = HandSpec("face", wrist_for(thing, hand, target, prop.top), hand, pole, curl)
        face |= {"mouthPucker": float(rng.uniform(0.2, 0.7)), "jawOpen": 0.03}
        head = (head[0] * 0.7, head[1] * 0.7, head[2])
        variant = f"{prop.kind} at the mouth"
    else:
        hand = hand_frame((-s * 0.25, 0.75, 0.6), (-s * 0.8, 0.1, -0.4))
        thing = held(prop, side, pinched(prop, side, hand, (-s * 0.4, 0.5, -0.75)))
        near_face = rng.random() < 0.4
        at = EYES + np.array([s * 12, -14, 14]) if near_face else np.array([s * 18.0, 48.0, 32.0])
        at = at + rng.uniform(-5, 5, 3)
        busy = HandSpec("car", wrist_for(thing, hand, at, 0.0), hand, pole, curl)
        variant = f"{prop.kind} in hand"
    hands = _hand_pair(side, busy, idle_hand(other_side(side), setting, rng))
    return Plan("smoke", variant, hands, (thing,), head, gaze, face, pickup=_low(side, rng))


def _reach_targets(w: float) -> dict[str, tuple[F64, F64, float]]:
    """Name -> centre, spread, and on which side of the driver (+1 window, -1 car's middle)."""
    return {
        "console": (np.array([-w * 34, 30, 54]), np.array([6, 8, 12]), -1.0),
        "display": (np.array([-w * 34, 47, 80]), np.array([8, 6, 4]), -1.0),
        "passenger": (np.array([-w * (PASSENGER_X - 12), 32, 26]), np.array([10, 12, 16]), -1.0),
        "glovebox": (np.array([-w * 60, 34, 74]), np.array([8, 5, 5]), -1.0),
        "behind": (np.array([-w * 36, 44, -36]), np.array([8, 12, 8]), -1.0),
        "floor": (np.array([-w * 12, 8, 48]), np.array([12, 4, 10]), 0.0),
        "visor": (np.array([0.0, 92, 34]), np.array([12, 4, 5]), 0.0),
        "door": (np.array([w * 40, 22, 44]), np.array([3, 8, 12]), 1.0),
        "belt": (np.array([w * 34, 66, -4]), np.array([4, 8, 5]), 1.0),
    }


def plan_reach(side: Side, setting: Setting, rng: np.random.Generator) -> Plan:
    """Reaching for something out of the driving posture, the trunk following."""
    if setting.cabin is None:
        return plan_other(side, setting, rng)
    targets = _reach_targets(setting.cabin.window)
    name = str(rng.choice(list(targets), p=[0.16, 0.2, 0.16, 0.1, 0.08, 0.1, 0.08, 0.07, 0.05]))
    centre, spread, where = targets[name]
    target = centre + rng.uniform(-1, 1, 3) * spread
    if where:
        side = "L" if where * setting.cabin.window > 0 else "R"
        if name == "belt":
            side = other_side(side)
    s = SIGN[side]
    shoulder = np.array([s * 17, 48, 4])
    palm = np.array([-s * 0.3, -0.9, 0.1]) if name != "visor" else np.array([-s * 0.2, 0.2, 0.9])
    hand = hand_frame(unit(target - shoulder) + rng.normal(0, 0.15, 3), palm)
    curl: Curl = POINT if name == "display" and rng.random() < 0.5 else OPEN
    pole = np.array([s * 0.7, -0.6, -0.6])
    busy = HandSpec("car", target - hand @ np.array([FINGER_TIPS_CM, 0, 0]), hand, pole, curl)
    far = np.clip((np.linalg.norm(busy.wrist - shoulder) - 40) / 25, 0, 1.2)
    aim = target - np.array([0, 45, 10])
    torso = replace(
        setting.torso,
        lean=setting.torso.lean + float(far * np.clip(aim[2], -20, 45) * 0.5),
        side=float(far * np.clip(aim[0], -35, 35) * 0.5),
        turn=float(far * np.clip(aim[0], -40, 40) * 0.45),
    )
    looks = rng.random() < 0.65
    head, gaze = look_at(target, rng, float(rng.uniform(0.4, 0.8))) if looks else glance(rng)
    hands = _hand_pair(side, busy, idle_hand(other_side(side), setting, rng, 0.85))
    return Plan("reach", name, hands, (), head, gaze, random_face(rng), torso, fidget=1.0)


EAR_OFTEN = 4
"""An empty hand held at the ear like a telephone comes as often as this many other touches: were it
one of fifteen alike, a network would learn that such a hand is a telephone."""


def plan_hand_face(side: Side, setting: Setting, rng: np.random.Generator) -> Plan:
    """A hand at the face with nothing in it, once in a while both; or one that makes it up."""
    name = str(rng.choice([*TOUCHES, *["hand at ear"] * (EAR_OFTEN - 1)]))
    busy = touch_face(side, name, rng)
    idle = idle_hand(other_side(side), setting, rng)
    props: tuple[HeldProp, ...] = ()
    if rng.random() < 0.15:
        name = str(rng.choice(list(MADE_UP)))
        busy, props = _makes_up(side, name, rng)
    elif rng.random() < 0.1:
        idle = touch_face(other_side(side), name, rng)
    head, gaze = glance(rng)
    face = random_face(rng)
    if name == "mouth" and rng.random() < 0.6:
        face = {"jawOpen": float(rng.uniform(0.5, 0.95)), "eyeBlink": float(rng.uniform(0.3, 1.0))}
    head = (
        head[0] * 0.7,
        head[1],
        float(np.clip(head[2] - SIGN[side] * rng.uniform(-5, 10), -28, 28)),
    )
    return Plan("hand_face", name, _hand_pair(side, busy, idle), props, head, gaze, face)


MADE_UP = {  # where the tool's end is, in face coordinates of the left hand
    "lips": (1.0, -3.8, 12.6), "lashes": (3.4, 4.0, 10.6), "brow": (3.6, 5.6, 10.4),
    "cheek": (5.4, -0.5, 8.6), "hair": (7.6, 8.5, 4.0),
}  # fmt: skip


def _makes_up(
    side: Side, name: str, rng: np.random.Generator
) -> tuple[HandSpec, tuple[HeldProp, ...]]:
    """A brush, a lipstick or a comb at the face, between the first fingers."""
    s, prop = SIGN[side], make_prop("brush", rng)
    at = np.array(MADE_UP[name]) * (s, 1, 1) + rng.normal(0, 0.5, 3)
    forward = (-s * rng.uniform(0.2, 0.7), 0.8, rng.uniform(-0.3, 0.1))
    hand = hand_frame(forward, (-s * rng.uniform(0.2, 0.8), -0.1, -0.8))
    end = np.array([-s * rng.uniform(0.1, 0.7), rng.uniform(-0.1, 0.6), -0.8])
    thing = held(prop, side, pinched(prop, side, hand, end))
    curl: Curl = (35.0, 25.0, 40.0, 56.0, 62.0)
    pole = np.array([s * rng.uniform(0.5, 1.0), -1.0, rng.uniform(-0.1, 0.3)])
    return HandSpec("face", wrist_for(thing, hand, at, prop.top), hand, pole, curl), (thing,)


def _air(side: Side, rng: np.random.Generator) -> HandSpec:
    at = (rng.uniform(-4, 26), rng.uniform(-26, 3), rng.uniform(18, 38))
    forward = (rng.uniform(-0.5, 0.3), rng.uniform(0.2, 1.0), rng.uniform(-0.1, 0.7))
    palm = (rng.uniform(-0.9, 0.2), rng.normal(0, 0.3), rng.uniform(-1, 0.9))
    curl = (OPEN, POINT, HOLD, FIST)[int(rng.integers(4))]
    if rng.random() < 0.5:  # signs: each finger by itself
        fingers = [float(rng.choice([10, 50, 82]) + rng.normal(0, 6)) for _ in range(4)]
        curl = (float(rng.uniform(5, 55)), *fingers)  # type: ignore[assignment]
    return touch(side, at, forward, palm, 6.0, curl, (1, -0.8, -0.2), "chest")


def _chest(side: Side, rng: np.random.Generator) -> HandSpec:
    at = (rng.uniform(-6, 10), rng.uniform(-24, -10), rng.uniform(14, 18))
    return touch(
        side, at, (-0.9, 0.35, 0.1), (-0.1, 0.0, -1), PALM_CM, OPEN, (1, -0.6, 0.1), "chest"
    )


def _behind_head(side: Side, rng: np.random.Generator) -> HandSpec:
    at = (3.0, rng.uniform(0, 8), -9.0)
    return touch(side, at, (-0.8, 0.3, -0.4), (-0.2, 0.1, 1), 10.0, OPEN, (1, 0.5, 0.1), "face")


def _together(side: Side, rng: np.random.Generator) -> tuple[HandSpec, HandSpec]:
    """Both hands meet before the chest or the chin, palm to palm: pressed, folded, a fist in a
    palm, one on the other."""
    at = np.array([rng.normal(0, 3), rng.uniform(-27, -9), rng.uniform(16, 32)])
    lift = rng.normal(0, 0.3) if rng.random() < 0.5 else rng.uniform(0.5, 3)
    palm = unit([-1.0, lift, rng.normal(0, 0.3)])

    def one(side: Side, mirror: float) -> HandSpec:  # in coordinates of its own side, see `touch`
        fingers = np.array([rng.uniform(-0.9, 0.0), rng.uniform(-0.1, 1), rng.uniform(0, 0.8)])
        mine = palm * (1.0, mirror, mirror)
        flat = fingers - mine * (mine @ fingers)
        curl, clear = ((OPEN, 0.8), (HOLD, 2.0), (POINT, 2.4), (FIST, 2.8))[
            int(rng.choice(4, p=[0.5, 0.2, 0.1, 0.2]))
        ]
        meet = at * (mirror, 1.0, 1.0)
        return touch(side, meet, flat, mine, PALM_CM, curl, (1, -0.8, 0.0), "chest", clear)

    return one(side, 1.0), one(other_side(side), -1.0)


def _window_arm(setting: Setting, rng: np.random.Generator) -> tuple[Side, HandSpec]:
    w = setting.cabin.window if setting.cabin else 1.0
    side: Side = "L" if w > 0 else "R"
    at = (rng.uniform(28, 38), rng.uniform(44, 60), rng.uniform(16, 34))
    return side, touch(side, at, (0.2, 0.7, 0.6), (-0.4, -0.3, 0.5), 4, HOLD, (1, -0.3, 0), "car")


def plan_other(side: Side, setting: Setting, rng: np.random.Generator) -> Plan:
    """No hand on the wheel and none of the other seven: laps, gestures, hands that meet, paper,
    crossed arms."""
    away = other_side(side)
    variants = ["lap", "air", "both air", "together", "chest", "behind head", "window", "paper",
                "crossed"]  # fmt: skip
    name = str(rng.choice(variants, p=[0.17, 0.17, 0.13, 0.14, 0.08, 0.06, 0.09, 0.08, 0.08]))
    idle = idle_hand(away, setting, rng, 0.0)
    props: tuple[HeldProp, ...] = ()
    if name == "lap":
        busy = idle_hand(side, setting, rng, 0.0)
    elif name in ("air", "both air"):
        busy = _air(side, rng)
        idle = _air(away, rng) if name == "both air" else idle
    elif name == "together":
        busy, idle = _together(side, rng)
    elif name == "chest":
        busy = _chest(side, rng)
    elif name == "behind head":
        busy = _behind_head(side, rng)
        idle = _behind_head(away, rng) if rng.random() < 0.6 else idle
    elif name == "window" and setting.cabin is not None:
        side, busy = _window_arm(setting, rng)
        idle = idle_hand(other_side(side), setting, rng, 0.0)
    elif name == "paper":
        busy, props = _paper(side, rng)
    else:
        busy = touch(
            side,
            (-13, -21, 17),
            (-0.95, 0.1, 0.1),
            (0.1, 0.2, -0.9),
            PALM_CM,
            OPEN,
            (1, -0.8, 0.2),
            "chest",
        )
        idle = touch(
            away,
            (-13, -25, 14),
            (-0.95, 0.05, 0.1),
            (0.1, 0.2, -0.9),
            PALM_CM,
            OPEN,
            (1, -0.9, 0.2),
            "chest",
        )
    head, gaze = glance(rng)
    return Plan(
        "other", name, {side: busy, other_side(side): idle}, props, head, gaze, random_face(rng)
    )


def _paper(side: Side, rng: np.random.Generator) -> tuple[HandSpec, tuple[HeldProp, ...]]:
    s, prop = SIGN[side], make_prop("paper", rng)
    at = np.array([s * rng.uniform(4, 16), rng.uniform(28, 46), rng.uniform(30, 42)])
    hand = phone_frame(side, (0, 1, 0.4), EYES - at, 30.0)
    thing = held(prop, side, palmed_phone(prop, side, 30.0))
    pole = np.array([s, -0.7, -0.4])
    spec = HandSpec("car", wrist_for(thing, hand, at, -prop.top * 0.7), hand, pole, HOLD)
    pose = (thing.rot, thing.pos + thing.rot @ np.array([0.0, prop.top * 0.7, 0.0]))
    return spec, (held(prop, side, pose),)


PLANNERS: dict[str, Callable[..., Plan]] = {
    "wheel": plan_wheel,
    "phone_ear": plan_phone_ear,
    "phone_hand": plan_phone_hand,
    "drink_eat": plan_drink_eat,
    "smoke": plan_smoke,
    "reach": plan_reach,
    "hand_face": plan_hand_face,
    "other": plan_other,
}


def random_torso(rng: np.random.Generator, standing: bool) -> Torso:
    """How somebody sits or stands before doing anything."""
    lean = float(rng.normal(0, 3) if standing else rng.normal(-8, 4))
    return Torso(lean, float(rng.normal(0, 4)), float(rng.normal(0, 2.5)), standing)


def make_plan(action: str, setting: Setting, rng: np.random.Generator) -> Plan:
    """A random variant of one action, with a random hand; the trunk as the setting says."""
    return with_torso(PLANNERS[action](SIDES[int(rng.integers(2))], setting, rng), setting)


def bowed(plan: Plan, rng: np.random.Generator) -> Plan:
    """The same hands, of somebody who sleeps: the chin towards the chest, the trunk sunk forward,
    lids mostly closed."""
    pitch = float(rng.uniform(-80, -40))
    expression = {
        "eyeBlink": float(rng.choice([1.0, rng.uniform(0.3, 0.9)], p=[0.8, 0.2])),
        "jawOpen": float(rng.uniform(0.0, 0.12)),
    }
    torso = replace(
        plan.torso,
        lean=plan.torso.lean + float(rng.uniform(0.1, 0.5)) * (-20 - pitch),
        side=plan.torso.side + float(rng.normal(0, 6)),
    )
    return replace(
        plan,
        head=(float(rng.normal(0, 14)), pitch, float(np.clip(rng.normal(0, 12), -30, 30))),
        gaze=(float(rng.normal(0, 6)), float(rng.uniform(-20, 5))),
        expression=expression,
        torso=torso,
    )


def with_torso(plan: Plan, setting: Setting) -> Plan:
    """The plan with the setting's trunk, unless the trunk is part of the action."""
    return plan if plan.action == "reach" else replace(plan, torso=setting.torso)
