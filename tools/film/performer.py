"""A track of truth, played by a rendered driver before a camera: pictures with their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dms.scenarios.track import LOOKDOWN_FULL_DEG, LOOKDOWN_LOSS, Truth
from tools.synth import scenery, worn
from tools.synth.actions import Plan, Setting, make_plan
from tools.synth.actor import Acted, Pose
from tools.synth.body import F64
from tools.synth.cabin import EYES, CabinBuilder, random_cabin
from tools.synth.camera import head_angles, head_rotation, unit
from tools.synth.clips import CHIN, HEAD_TOP, Take
from tools.synth.grips import resolve
from tools.synth.labels import gaze_angles
from tools.synth.light import cabin_light
from tools.synth.mesh import U8, Scene
from tools.synth.pose import Torso
from tools.synth.sensor import develop, random_sensor
from tools.synth.stage import Cast, Layer, Outfit, draw, random_cast
from tools.synth.stills import PERSON_TAGS, aim_camera, outside_level
from tools.synth.timeline import add_things, thing_held, travel

SIZE = (640, 400)
LEAN_SIDE_DEG, LEAN_TURN_DEG = 22.0, 14.0
NO_OUTFIT = Outfit(None, 0.0, None, None, 0)
LIGHT_OF = {"low_light": "night", "sun": "sun"}
"""A condition's light; the others get night, dusk or day by chance."""
CONDITIONS = (
    "clear", "glasses", "tinted", "dark_glasses", "mask", "cap", "low_light", "sun", "talking",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture and its labels: camera frame [rad], pairs are (left, right)."""

    image: U8
    head: tuple[float, float, float]
    gaze: F64
    """(2, 2) yaw, pitch of each eye."""
    open: tuple[float, float]
    mouth: float
    """Inner lip height over width."""


class Performer:
    """One driver in one car: cast by `seed` alone."""

    def __init__(self, seed: int, condition: str, size: tuple[int, int] = SIZE) -> None:
        rng = np.random.default_rng([seed, CONDITIONS.index(condition)])
        name = LIGHT_OF.get(condition) or str(rng.choice(["night", "dusk", "day"]))
        cast = random_cast(rng)
        outfit = dress(rng, condition)
        cast = replace(cast, outfit=outfit)
        self.torso = Torso(lean=float(rng.uniform(-12, -4)))
        style = random_cabin(rng, outside_level(rng, name))
        style = replace(style, window=1.0)  # left-hand drive, as the stories are written
        self.setting = Setting(style, self.torso)
        self.wheel_plan = make_plan("wheel", self.setting, rng)
        cast.actor.sit(self.torso, EYES + rng.normal(0, 1, 3) * np.array([1.0, 2.0, 2.0]))
        at_rest = Pose(self.torso, (0.0, 0.0, 0.0), (0.0, 0.0), {})
        places = cast.actor.places(at_rest, style.wheel)
        hands = {s: resolve(spec, places) for s, spec in self.wheel_plan.hands.items()}
        middle = cast.actor.act(at_rest, hands).face.landmarks().mean(0)
        camera, self.mount, self.hfov_deg = aim_camera(
            rng, style, [middle + HEAD_TOP, middle + CHIN], size
        )
        light = cabin_light(rng, name, camera.position, EYES)
        if name == "night":
            light = replace(light, led_power=max(light.led_power, 0.5))
        still = Scene()
        CabinBuilder(style).add_static(still)
        sensor = replace(random_sensor(rng, 0.5), scale=1.0, motion=(0.0, 0.0), jpeg=0)
        sensor = replace(sensor, blur=min(sensor.blur, 1.0), gamma=min(sensor.gamma, 0.6))
        if condition == "low_light":
            sensor = replace(sensor, exposure=0.02, noise=0.03, read_noise=0.012)
        else:
            grey = float(rng.uniform(60, 150)) / 255
            level = float(np.clip(grey ** (1 / sensor.gamma), 0.04, 0.5))
            sensor = replace(sensor, exposure=level, noise=min(sensor.noise, 0.012))
        constants = cast.constants(rng, False)
        outside = scenery.random_panorama(
            np.random.default_rng([seed, 6]), name in ("night", "dusk")
        )
        outside = outside * np.float32(style.outside)
        self.take = Take(cast, style, still, camera, light, constants, sensor, outside)
        self.plans: dict[str, Plan] = {"wheel": self.wheel_plan}
        self._rng, self._seed = rng, seed
        ahead = camera.rotation @ np.array([0.0, 0.0, 1.0])
        yaw, pitch = gaze_angles(ahead[None], np.eye(3))[0]
        self.mount_deg = (float(np.degrees(yaw)), float(np.degrees(pitch)))

    def plan(self, action: str) -> Plan:
        """How this driver does an action: the same way each time."""
        if action not in self.plans:
            rng = np.random.default_rng([self._seed, len(action), ord(action[0])])
            self.plans[action] = replace(make_plan(action, self.setting, rng), torso=self.torso)
        return self.plans[action]

    def play(self, truth: Truth, step: int = 1, move_s: float = 1.0) -> Iterator[Shot]:
        """Every `step`-th frame; hands take `move_s` from one action to the next."""
        changed, before = 0, truth.hands[0]
        for i in range(len(truth)):
            if i and truth.hands[i] != truth.hands[i - 1]:
                changed, before = i, truth.hands[i - 1]
            if i % step == 0:
                since = float(truth.seconds[i] - truth.seconds[changed])
                share = 1.0 if changed == 0 else min(1.0, since / move_s)
                yield self.shoot(truth, i, self.plan(before), self.plan(truth.hands[i]), share)

    def shoot(self, truth: Truth, i: int, before: Plan, now: Plan, share: float) -> Shot:
        """Frame `i`, the hands on their way by `share` from one plan to the next."""
        take, style = self.take, self.take.style
        assert style is not None
        pose = self._pose(truth, i)
        places = take.cast.actor.places(pose, style.wheel)
        hands = {s: travel(before, now, share, s, places) for s in now.hands}
        acted = take.cast.actor.act(pose, hands)
        scene = Scene()
        scene.include(take.still)
        CabinBuilder(style).add_wheel(scene)
        belt = None if style.belt is None else (style.window, style.belt)
        take.cast.actor.add_body(scene, acted, belt)
        take.cast.add_head(scene, acted.face)
        things = [thing_held(before, now, share, s) for s in now.hands]
        add_things(scene, _Held(tuple(t for t in things if t is not None)), acted)  # type: ignore[arg-type]
        layer = Layer(scene, take.constants | acted.face.constants())
        ground = scenery.view(take.panorama, take.camera)
        raw = draw([layer], take.camera, take.light, ground, 1)
        noise = np.random.default_rng([self._seed, 5, i])
        image = develop(raw.colour, np.isin(raw.tags, PERSON_TAGS), take.sensor, noise)
        return self._label(image, acted)

    def _pose(self, truth: Truth, i: int) -> Pose:
        yaw, pitch, roll = (float(a) for a in truth.head[i])
        g_yaw, g_pitch = np.radians(truth.gaze[i])
        way = np.array(
            [np.sin(g_yaw) * np.cos(g_pitch), np.sin(g_pitch), np.cos(g_yaw) * np.cos(g_pitch)]
        )
        x, y, z = head_rotation(yaw, pitch, 0.0).T @ unit(way)
        eyes = (
            float(np.clip(np.degrees(np.arctan2(x, z)), -42, 42)),
            float(np.clip(np.degrees(np.arcsin(y)), -36, 28)),
        )
        down = float(np.clip(-truth.gaze[i, 1] / LOOKDOWN_FULL_DEG, 0, 1))
        lids = float(truth.open[i]) / (1 - LOOKDOWN_LOSS * down)
        face = {"eyeBlink": float(np.clip(1 - lids, 0, 1)), "jawOpen": float(truth.mouth[i])}
        lean = float(truth.lean[i]) * float(np.sign(truth.gaze[i, 0]))
        torso = replace(self.torso, side=LEAN_SIDE_DEG * lean, turn=LEAN_TURN_DEG * lean)
        return Pose(torso, (yaw, pitch, roll), eyes, face)

    def _label(self, image: U8, acted: Acted) -> Shot:
        view = self.take.camera.rotation
        yaw, pitch, roll = np.radians(head_angles(view @ acted.face.rotation))
        gaze = gaze_angles(acted.face.gaze(), view)[::-1]
        right, left = acted.face.shape.openness
        return Shot(
            image, (float(yaw), float(pitch), float(roll)), gaze, (float(left), float(right)),
            acted.face.shape.mouth,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Held:
    """As much of an instant as the things in the hands need."""

    props: tuple[object, ...]


def dress(rng: np.random.Generator, condition: str) -> Outfit:
    """What is worn on the head in a condition."""
    kind = {"glasses": "clear", "tinted": "tinted", "dark_glasses": "dark"}.get(condition)
    return Outfit(
        None if kind is None else worn.random_glasses(rng, kind),
        0.0,
        "cap" if condition == "cap" else None,
        "mask" if condition == "mask" else None,
        int(rng.integers(2**31)),
    )


def recast(cast: Cast, condition: str, seed: int) -> Cast:
    """The same person in another condition's outfit."""
    return replace(cast, outfit=dress(np.random.default_rng(seed), condition))
