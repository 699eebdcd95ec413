"""A whole person: body, garment and head, posed by a plan; what goes into scene and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from tools.synth import assets, head, native
from tools.synth.actions import Angles, Plan
from tools.synth.body import F32, F64, BodyModel, BodyShape
from tools.synth.cabin import EYES, Wheel, add_belt, belt_path
from tools.synth.clothes import Dressed, Garment, Tailor, random_front
from tools.synth.grips import Places, resolve
from tools.synth.mesh import Material, Scene, Tag, rounded_box, tube
from tools.synth.pose import SIDES, HandGoal, PosedBody, Poser, Side, Torso, unit
from tools.synth.props import add_prop


@cache
def body_model() -> BodyModel:
    """The body model of this process."""
    return BodyModel(assets.asset_path(assets.MAKEHUMAN_BODY))


@cache
def tailor() -> Tailor:
    """The garment topology of this process."""
    return Tailor(body_model())


@cache
def occlusion() -> F32:
    """Ambient occlusion of the drawn body and garment vertices in the rest pose."""

    def bake() -> F32:
        m = body_model()
        out = native.occlusion(m.rest, m.skin_tris)
        shell = np.unique(m.shell_tris)
        out[shell] = native.occlusion(m.rest, m.shell_tris)[shell]
        return out

    return assets.baked("body-occlusion-2", assets.MAKEHUMAN_BODY, bake)


def random_shape(rng: np.random.Generator, sex: float | None = None) -> BodyShape:
    """Somebody's proportions."""
    race = rng.dirichlet([0.6, 0.6, 0.6])
    male = float(rng.integers(2)) if sex is None else sex
    return BodyShape(
        sex=male * 0.9 + 0.05,
        age=float(rng.uniform(0, 1) ** 1.5),
        race=(float(race[0]), float(race[1]), float(race[2])),
        weight=float(rng.uniform(0.15, 1.0)),
        muscle=float(rng.uniform(0.2, 0.8)),
        height=float(rng.uniform(0.15, 0.85)),
    )


def random_garment(rng: np.random.Generator) -> Garment:
    """A T-shirt, pullover, vest or jacket-like thing."""
    own = rng.spawn(1)[0]
    sleeve = rng.choice([rng.uniform(0.5, 0.95), rng.uniform(1.2, 1.6), 1.93], p=[0.4, 0.1, 0.5])
    return Garment(
        albedo=float(rng.choice([0.05, 0.12, 0.25, 0.45, 0.7]) * rng.uniform(0.8, 1.2)),
        pattern=float(rng.random() < 0.3 or own.choice([0, 2, 3], p=[0.7, 0.15, 0.15])),
        collar=float(rng.uniform(-3.5, 2.0)),
        sleeve=float(sleeve),
        loose=float(rng.uniform(0.9, 2.4)),
        smooth=int(rng.choice([4, 8, 14])),
        front=random_front(own),
        watch=random_watch(own),
    )


def random_watch(rng: np.random.Generator) -> tuple[Side, float, float] | None:
    """Three people of ten wear one: on which wrist, albedo of its strap and of its dial."""
    if rng.random() > 0.3:
        return None
    return SIDES[int(rng.integers(2))], float(rng.uniform(0.03, 0.8)), float(rng.uniform(0.02, 0.9))


@dataclass(frozen=True, slots=True)
class Pose:
    """What a frame needs: the trunk, the head (degrees), gaze (degrees) and the expression."""

    torso: Torso
    head: Angles
    gaze: tuple[float, float]
    expression: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Acted:
    """A posed person: the body, the face in the world and each hand's wrist and frame."""

    body: PosedBody
    face: head.PlacedHead
    wrists: dict[Side, F64]
    frames: dict[Side, F64]


class Actor:
    """One person: measured once, posed as often as needed."""

    def __init__(self, identity: head.Identity, shape: BodyShape, garment: Garment) -> None:
        model = body_model()
        self.identity, self.garment = identity, garment
        self.shaped = model.shape(shape)
        self.poser = Poser(model, self.shaped)
        self.dressed = Dressed(tailor(), self.shaped, garment)
        self._at = EYES
        self._root: F64 | None = None

    def sit(self, torso: Torso, at: F64 = EYES) -> None:
        """Fix the seat so that this trunk with a straight head has its eyes at `at`."""
        self._at = at
        self._root = self.poser.root_for_eyes(torso, at)

    def places(self, pose: Pose, wheel: Wheel | None = None, steer_deg: float = 0.0) -> Places:
        """Frames that hands can refer to."""
        trunk = self._trunk(pose)
        index = body_model().index
        chest = trunk.frames.rot[index["spine01"]]
        at = trunk.frames.pos[index["neck01"]]
        seat = tuple(float(x) for x in self._at - EYES)
        return Places(trunk.head, trunk.eye_mid, chest, at, wheel, steer_deg, (*seat,))  # type: ignore[arg-type]

    def _trunk(self, pose: Pose) -> PosedBody:
        if self._root is None:
            self.sit(pose.torso)
        assert self._root is not None
        return self.poser.trunk(pose.torso, pose.head, self._root)

    def act(self, pose: Pose, hands: dict[Side, HandGoal]) -> Acted:
        """The person with both hands at their goals."""
        trunk = self._trunk(pose)
        assert self._root is not None
        body = self.poser.pose(trunk, pose.torso, pose.head, self._root, hands)
        face = head.model().express(self.identity, pose.expression, (pose.gaze, pose.gaze))
        placed = head.place(
            head.model(), face, body.head, body.eye_mid, body.neck, body.eye_mid_by_neck
        )
        return Acted(body, placed, body.reached, {s: hands[s].frame for s in hands})

    def add_body(
        self, scene: Scene, acted: Acted, belt: tuple[float, float] | None, other: bool = False
    ) -> F32:
        """Add skin, garment and the belt (window side, albedo); returns the cloth's vertices."""
        posed = body_model().skin(self.shaped, acted.body.frames)
        cloth = self.dressed.add(scene, posed, occlusion(), other)
        if self.garment.watch is not None:
            side, strap, dial = self.garment.watch
            elbow = acted.body.frames.pos[body_model().index[f"lowerarm01.{side}"]]
            add_watch(scene, elbow, acted.wrists[side], acted.frames[side], (strap, dial),
                      Tag.OTHER_PERSON if other else Tag.BODY)  # fmt: skip
        if belt is not None:
            index, frames = body_model().index, acted.body.frames
            side = "L" if belt[0] > 0 else "R"
            shoulder = frames.pos[index[f"clavicle.{side}"]] + np.array([belt[0] * 4.0, 1.0, 0.0])
            torso = self.dressed.trunk_only(cloth)
            add_belt(scene, belt_path(belt[0], shoulder, frames.pos[index["root"]], torso), belt[1])
        return cloth

    def keypoints(self, acted: Acted) -> dict[Side, F64]:
        """Hand key points, [21, 3] world cm each."""
        return {s: self.poser.keypoints(acted.body, s) for s in SIDES}


def add_watch(
    scene: Scene, elbow: F64, wrist: F64, hand: F64, albedos: tuple[float, float], tag: Tag
) -> None:
    """A watch on a forearm: its strap and its dial, which lies on the back of the hand's side."""
    along = unit(wrist - elbow)
    back = unit(-hand[:, 1] + along * (along @ hand[:, 1]))
    across, at = np.cross(along, back), wrist - 2.0 * along
    a = np.linspace(0, 2 * np.pi, 20, endpoint=False)[:, None]
    loop = at + 3.2 * np.sin(a) * across + 2.5 * np.cos(a) * back
    strap, triangles = tube(loop, 0.5, closed=True)
    scene.add(strap, triangles, Material.PROP, params=(albedos[0], 0.03, 0.5), tag=tag)
    turn = np.stack([across, back, along], 1)
    dial, triangles = rounded_box((0, 0, 0), (1.9, 0.5, 1.9), steps=8)
    scene.add(at + 2.7 * back + dial @ turn.T, triangles, Material.PROP,
              params=(albedos[1], 0.08, 0.2), tag=tag)  # fmt: skip


def add_props(scene: Scene, plan: Plan, acted: Acted, *, other: bool = False) -> None:
    """Put what the hands hold into the scene; `other`: they are not the driver's hands."""
    for thing in plan.props:
        rot, pos = thing.place(acted.wrists[thing.side], acted.frames[thing.side])
        add_prop(scene, thing.prop, rot, pos, Tag.OTHER_PERSON if other else None)


def perform(actor: Actor, plan: Plan, wheel: Wheel | None, steer_deg: float = 0.0) -> Acted:
    """A still of a plan."""
    pose = Pose(plan.torso, plan.head, plan.gaze, plan.expression)
    places = actor.places(pose, wheel, steer_deg)
    return actor.act(pose, {s: resolve(spec, places) for s, spec in plan.hands.items()})
