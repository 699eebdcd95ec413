"""What a person looks like: skin, hair, brows, beard, and what is worn on the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tools.synth import head
from tools.synth.camera import F64, rotation
from tools.synth.eyelids import EyeBuild, random_eyes
from tools.synth.mesh import F32, I32, Material, Scene, Tag, grid

LOOSE = ("curly", "quiff")  # stands off the head in lumps
IDENTITY_SPREAD = 0.85  # of the N(0,1) identity weights; more looks like caricatures
HAIRSTYLES = (
    "bald", "buzz", "short", "full", "fringe", "long", "long fringe", "tail", "curly", "quiff"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Fixed for one identity; everything that light and camera do not change."""

    seed: float
    weights: F64  # ICT identity
    lid: float
    male: float  # 0 .. 1, leads beard and hair only
    age: float  # 0 young .. 1 old
    tone: float  # 0 dark .. 1 pale skin
    hair_tone: float  # 0 black .. 1 white
    style: str
    hair_length: float  # cm
    hairline: float
    beard: float  # 0 none .. 1.4 full
    beard_shape: tuple[float, float, float, float]  # line, cheeks, goatee, moustache
    brow: float
    brow_width: float
    iris: float  # 0 dark .. 1 light
    lash: float
    wrinkles: float
    folds: float
    bags: float
    socket: float
    eyes: EyeBuild
    marks: tuple[float, float, float]  # spots, moles, crow's feet, 0..1
    lash_line: float  # how dark the lashes' roots are
    crease: tuple[float, float]  # depth 0..1 and height [cm] of the upper lid's fold
    beard_length: float  # cm, 0 painted only
    recede: float  # cm, the hairline at the temples

    def constants(self, rng: np.random.Generator, visible: bool) -> dict[str, ArrayLike]:
        """Shader constants in near infrared or visible light; `rng` varies skin from shot to shot.

        In near infrared skins are alike (.35-.65), lips and irises pale, dark dyes shine.
        """
        skin = 0.09 * 6 ** (self.tone) if visible else 0.36 + 0.28 * self.tone
        skin *= rng.uniform(0.88, 1.12)
        hair = 0.015 * 28**self.hair_tone if visible else 0.05 + 0.36 * self.hair_tone
        pupil = rng.uniform(0.12, 0.22) if not visible else rng.uniform(0.09, 0.2)
        glow = rng.uniform(0.1, 0.7) if not visible and rng.random() < 0.12 else 0.0
        line, cheeks, goatee, moustache = self.beard_shape
        return {
            "seed": self.seed, "skin": skin, "skin_specular": rng.uniform(0.015, 0.055),
            "skin_roughness": rng.uniform(0.34, 0.52), "mottle": rng.uniform(0.06, 0.22),
            "pores": rng.uniform(0.3, 2.6), "wrinkles": self.wrinkles, "folds": self.folds,
            "bags": self.bags, "socket": self.socket,
            "lip": rng.uniform(0.5, 0.85) if visible else rng.uniform(0.8, 1.0),
            "brow": max(self.brow * (0.6 if visible else 1), hair / skin * 0.8),
            "brow_width": self.brow_width, "brow_hairs": 0.8, "beard": self.beard,
            "beard_albedo": min(hair * 1.1 + 0.03, 0.9 * skin), "beard_line": line,
            "beard_cheeks": cheeks, "goatee": goatee, "moustache": moustache, "hair": hair,
            "hair_shine": rng.uniform(0.01, 0.04), "hairline": self.hairline,
            "bald": float(self.style == "bald"), "lash": min(0.03 + 0.25 * hair, 0.2),
            "iris": (0.03 + 0.25 * self.iris) if visible else 0.14 + 0.36 * self.iris,
            "pupil": pupil, "pupil_glow": glow,
            "sclera": skin * 0.5 + (rng.uniform(0.08, 0.22) if visible
                                     else rng.uniform(0.22, 0.38)),
            "cloth_weave": rng.uniform(9, 18), "cloth_folds": rng.uniform(0.2, 0.8),
            "stripes": rng.choice([0.0, 0.25, 0.4], 2),
            "spots": self.marks[0] * (1.0 if visible else 0.35), "moles": self.marks[1] * 0.7,
            "crows_feet": self.marks[2], "crease": self.crease[0], "crease_high": self.crease[1],
            "lash_line": self.lash_line * (1.0 if visible else 0.8),
            "recede": self.recede, "curl": {"curly": 0.8, "quiff": 0.35}.get(self.style, 0.0),
        }  # fmt: skip


def random_person(rng: np.random.Generator) -> Person:
    """Draw a person."""
    male, age = float(rng.random() < 0.55), float(rng.random() ** 1.4)
    style = str(rng.choice(HAIRSTYLES, p=_STYLE_MALE if male else _STYLE_FEMALE))
    beard = float(rng.choice([0.0, 0.35, 0.8, 1.4], p=[0.4, 0.25, 0.15, 0.2])) if male else 0.0
    shape = (rng.uniform(-3.2, -1.6), float(rng.random() < 0.75), float(rng.random() < 0.8),
             float(rng.random() < 0.8))  # fmt: skip
    grey = rng.random() < 0.7 * age**2
    eyes = random_eyes(rng, age)
    length = {"buzz": 0.25, "short": 0.6, "bald": 0.0, "curly": rng.uniform(1.5, 4.5),
              "quiff": rng.uniform(1.0, 2.5)}  # fmt: skip
    return Person(
        float(rng.uniform(0, 50)), rng.normal(size=100) * IDENTITY_SPREAD,
        float(np.clip(rng.normal(-0.12, 0.24), -1.0, 0.3)), male, age, float(rng.random()),
        float(rng.uniform(0.6, 1.0) if grey else rng.random() ** 1.8 * 0.8), style,
        float(length.get(style, rng.uniform(0.8, 2.0))),
        8.2 + (1.3 * age if male else 0.3) * float(rng.random()) - float(rng.random() < 0.2) * 0.8,
        beard, shape, float(rng.uniform(0.15, 0.85)), float(rng.uniform(0.2, 0.6)),
        float(rng.random()), float(rng.uniform(0.0, 0.35) * (1 if male else 1.8)),
        float(max(0.0, age - 0.25) * rng.uniform(0.2, 1.3)),
        float(np.clip(rng.uniform(-0.2, 0.5) + 0.8 * age, 0, 1)),
        float(np.clip(rng.uniform(-0.5, 1.0) + 0.5 * age, 0, 1)),
        float(rng.uniform(0.05, 0.3)), eyes,
        (float(rng.uniform(0, 1) ** 3), float(rng.random() < 0.25),
         float(max(0.0, age - 0.2) * rng.uniform(0.2, 1.5))),
        float(rng.uniform(0.2, 0.9) if rng.random() < 0.6 else 0.1),
        (float(rng.uniform(0.2, 1) * (rng.random() < 0.75) * (eyes.epicanthus < 0.6)),
         float(rng.uniform(0.2, 0.55))),
        float(rng.uniform(0.3, 2.2) if beard > 1 and rng.random() < 0.75 else 0.0),
        float(male * rng.choice([0.0, 0.8, 1.6, 2.6], p=[0.45, 0.25, 0.2, 0.1])),
    )  # fmt: skip


_STYLE_MALE = (0.12, 0.17, 0.22, 0.11, 0.08, 0.04, 0.02, 0.02, 0.11, 0.11)
_STYLE_FEMALE = (0.01, 0.02, 0.07, 0.08, 0.08, 0.3, 0.17, 0.14, 0.1, 0.03)


@dataclass(frozen=True, slots=True)
class _Scalp:
    vertices: NDArray[np.intp]
    triangles: I32
    feather: F32


@cache
def _scalp(hairline: float = 8.0, recede: float = 0.0) -> _Scalp:
    """The part of the head's skin that carries hair, with its soft edge."""
    m = head.model()
    x, y, z = m.rest.T
    ax = np.abs(x)

    def ramp(a: float, b: float, v: F32) -> F32:
        return np.asarray(np.clip((v - a) / (b - a), 0, 1), np.float32)

    crown = (y - hairline) - (z - 4) * 0.55 + ax * 0.30
    crown = crown - recede * np.exp(-((ax - 4.2) ** 2) / 3.2) * (z > 0)
    on = (crown > 0) | ((z < 2.9) & (y > 1.2)) | ((z < -0.6) & (y > -6.2))
    on &= ~((ax > 7.2) & (y < 4.3) & (y > -3.5) & (z > -2.4))  # ears
    tris = m.skin_triangles[on[m.skin_triangles].all(1)]
    vertices, local = np.unique(tris, return_inverse=True)
    soft = np.maximum(ramp(0, 1.6, crown), ramp(2.9, 1.2, z) * ramp(1.2, 2.6, y))
    soft = np.maximum(soft, ramp(-0.6, -1.8, z) * ramp(-6.2, -4.8, y))
    return _Scalp(vertices, local.reshape(-1, 3).astype(np.int32), soft[vertices])


def add_hair(scene: Scene, person: Person, placed: head.PlacedHead, *, flat: bool = False) -> None:
    """Hair as shells over the scalp, plus hanging sheets; `flat` under a cap or scarf."""
    if person.beard_length > 0:
        _add_beard(scene, person, placed)
    if person.style == "bald":
        return
    scalp = _scalp(round(person.hairline - 0.2, 1), person.recede)
    length = person.hair_length * (0.3 if flat else 1.0)
    normals = placed.normals[scalp.vertices] * _volume(person, scalp, placed)
    down = placed.rotation @ np.array([0, 0.0 if person.style in LOOSE else -0.25, 0])
    layers = 4 if length < 0.4 else 6 if length < 2.2 else 9
    for k in range(layers, 0, -1):  # outside first: what it hides is not drawn
        part = k / layers
        shell = placed.vertices[scalp.vertices] + normals * (length * part)
        shell = shell + (down * (length * part * part)).astype(np.float32)
        params = np.zeros((len(shell), 3), np.float32)
        params[:, 0], params[:, 1] = scalp.feather, part
        scene.add(
            shell, scalp.triangles, Material.HAIR, normals=normals, params=params, tag=Tag.HAIR,
            rest=placed.model.rest[scalp.vertices],
        )  # fmt: skip
    if "long" in person.style and not flat:
        _add_curtain(scene, person, placed)
    if "fringe" in person.style and not flat:
        _add_fringe(scene, person, placed)
    if person.style == "tail" and not flat:
        _add_tail(scene, placed)


def _volume(person: Person, scalp: _Scalp, placed: head.PlacedHead) -> F32:
    """(N,1) share of the hair's length that each place of the scalp stands out."""
    x, y, z = placed.model.rest[scalp.vertices].T
    if person.style not in LOOSE:
        return np.ones((len(x), 1), np.float32)
    k, s = 0.9, person.seed
    lumps = np.sin(k * x + s) * np.sin(k * y + 2 * s) + np.sin(1.7 * k * z + s) * np.sin(2 * k * x)
    out = 0.85 + 0.22 * lumps
    if person.style == "quiff":  # high in front and on top, short at the sides
        out = out * np.clip((y - 6) / 5, 0.12, 1) * np.clip(0.55 + (z + 2) / 14, 0.4, 1.2)
    return np.asarray(out * scalp.feather**0.5, np.float32)[:, None]


def _add_curtain(scene: Scene, person: Person, placed: head.PlacedHead) -> None:
    rng = np.random.default_rng(int(person.seed * 1e6))
    drop, reach = rng.uniform(9, 24), rng.uniform(1.85, 2.3)
    skull = np.abs(placed.shape.vertices[_scalp().vertices, 0]).max() + 0.5
    for layer in range(4):
        a, s = np.meshgrid(np.linspace(-reach, reach, 60), np.linspace(0, 1, 14), indexing="ij")
        r = skull + 0.4 * layer + 1.2 * s
        x, z = r * np.sin(a), -1.3 - r * np.cos(a) * 0.95
        y = 6.0 - s * (drop + 2 * np.sin(a * 9 + layer))
        points = np.stack([x, y, z], -1).reshape(-1, 3)
        params = np.tile([1.0, 0.25 + 0.2 * layer, 0], (len(points), 1))
        scene.add(
            placed.carry_neck(points), grid(60, 14), Material.HAIR, params=params,
            rest=points + layer * 3.0, tag=Tag.HAIR,
        )  # fmt: skip


def _add_fringe(scene: Scene, person: Person, placed: head.PlacedHead) -> None:
    rng = np.random.default_rng(int(person.seed * 1e6) + 1)
    low, side = rng.uniform(3.3, 7.0), rng.uniform(-2.0, 2.0)
    reach = rng.uniform(45, 75)
    for layer in range(3):
        a, s = np.meshgrid(np.linspace(-reach, reach, 48), np.linspace(0, 1, 10), indexing="ij")
        top = 11.6 - np.abs(a) / 45
        end = low + 1.1 * np.sin(a / 11 + 2 * layer) + side * a / reach + 0.4 * layer
        y = top + (end - top) * s
        r = skin_radius(placed, a, y) + 0.25 + 0.22 * layer + 0.3 * np.sin(s * np.pi)
        t = np.radians(a)
        points = np.stack([r * np.sin(t), y, 2 + r * np.cos(t)], -1).reshape(-1, 3)
        params = np.stack([1 - 0.55 * s.ravel() ** 2, np.full(s.size, 0.3 + 0.25 * layer),
                           np.zeros(s.size)], 1)  # fmt: skip
        scene.add(
            placed.carry(points), grid(48, 10), Material.HAIR, params=params, tag=Tag.HAIR,
            rest=points + np.array([layer * 3.0, 0, 0]),
        )  # fmt: skip


def _add_tail(scene: Scene, placed: head.PlacedHead) -> None:
    a, s = np.meshgrid(np.linspace(0, 2 * np.pi, 20), np.linspace(0, 1, 10), indexing="ij")
    r = 2.6 * np.sin(np.clip(s * 3.0, 0, np.pi / 2)) * (1.1 - 0.8 * s)
    points = np.stack([r * np.cos(a), 5 - 17 * s, -11.5 - 2.2 * np.sin(3 * s) + r * np.sin(a)], -1)
    scene.add(
        placed.carry_neck(points.reshape(-1, 3)), grid(20, 10), Material.HAIR,
        params=(1.0, 0.6, 0.0), rest=points.reshape(-1, 3), tag=Tag.HAIR,
    )  # fmt: skip


@cache
def _chin(line: float, cheeks: float, goatee: float, moustache: float) -> _Scalp:
    """The skin that a beard of this shape grows on, as the shader paints it."""
    rest = head.model().rest
    x, y, z = rest.T.astype(float)
    ax = np.abs(x)

    def ramp(a: float | F64, b: float | F64, v: F64) -> F64:
        t = np.clip((v - a) / (b - a), 0, 1)
        return np.asarray(t * t * (3 - 2 * t))

    edge = line + np.maximum(0, ax - 2.8)
    amount = ramp(edge + 1.2, edge - 1.2, y) * ramp(-12.0, -9, y) * ramp(2, 4, z + 0.25 * ax)
    amount = amount * cheeks
    chin = ramp(-4.2, -5.2, y) * ramp(3.4, 2.2, ax) * ramp(-10.5, -8.5, y) * ramp(4, 6, z)
    lip = ramp(-0.6, -1.5, y) * ramp(-3.2, -2.4, y) * ramp(3.8, 2.2, ax) * (z > 8)
    amount = np.maximum.reduce([amount, chin * goatee, lip * moustache])
    mouth = rest[head.model().landmarks[48:60], :2].astype(float)
    middle, half = mouth.mean(0), np.ptp(mouth, axis=0) / 2
    on_lips = (((rest[:, :2] - middle) / (half * (1.0, 0.95))) ** 2).sum(1) < 1
    amount = amount * ~(on_lips & (z > 7))
    tris = head.model().skin_triangles
    tris = tris[(amount[tris] > 0.05).all(1)]
    vertices, local = np.unique(tris, return_inverse=True)
    return _Scalp(
        vertices, local.reshape(-1, 3).astype(np.int32), amount[vertices].astype(np.float32)
    )


def _add_beard(scene: Scene, person: Person, placed: head.PlacedHead) -> None:
    """A full beard as shells, longest at the chin, hanging a little."""
    line, *rest = person.beard_shape
    chin = _chin(round(line, 1), *rest)
    if not len(chin.vertices):
        return
    y = placed.model.rest[chin.vertices, 1]
    length = person.beard_length * (0.25 + 0.75 * np.clip((-y - 4) / 4, 0, 1)) * chin.feather
    normals, down = placed.normals[chin.vertices], placed.rotation @ np.array([0, -0.5, 0])
    for k in range(4, 0, -1):
        part = k / 4
        way = normals * part + (down * part * part).astype(np.float32)
        params = np.zeros((len(y), 3), np.float32)
        params[:, 0], params[:, 1], params[:, 2] = 0.25 + 0.75 * chin.feather, part, 1
        scene.add(
            placed.vertices[chin.vertices] + way * length[:, None].astype(np.float32),
            chin.triangles, Material.HAIR, normals=normals, params=params, tag=Tag.FACE,
            rest=placed.model.rest[chin.vertices],
        )  # fmt: skip


def skin_radius(placed: head.PlacedHead, angle_deg: F64, y: F64) -> F64:
    """Distance of the face's outermost skin from the axis x=0, z=2 (model frame) at these
    angles round it (0 = front, + = subject's left) and heights; smooth, without nose pits."""
    import cv2

    v = placed.shape.vertices[np.unique(placed.model.skin_triangles)]
    around = np.degrees(np.arctan2(v[:, 0], v[:, 2] - 2))
    j = np.round((v[:, 1] + 14) * 2).astype(int)
    i = np.round((around + 90) / 4).astype(int)
    ok = (i >= 0) & (i <= 45) & (j >= 0) & (j < 56)
    field = np.zeros((56, 46), np.float32)
    np.maximum.at(field, (j[ok], i[ok]), np.hypot(v[ok, 0], v[ok, 2] - 2))
    closed = cv2.morphologyEx(field, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    smooth = np.maximum(closed, cv2.GaussianBlur(closed, (0, 0), 1.2))
    u = ((np.asarray(angle_deg) + 90) / 4).astype(np.float32)
    w = ((np.asarray(y) + 14) * 2).astype(np.float32)
    return np.asarray(
        cv2.remap(smooth, u, w, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), float
    )


def add_mask(
    scene: Scene, rng: np.random.Generator, placed: head.PlacedHead, *, scarf: bool = False
) -> None:
    """A cloth mask over mouth and mostly nose; `scarf` also wraps the neck."""
    points = placed.shape.landmarks.astype(float)
    low_nose = not scarf and rng.random() < 0.12
    top = points[33, 1] - 0.6 if low_nose else points[29, 1] + rng.uniform(-1.0, 1.2)
    bottom, reach = points[8, 1] - (5.0 if scarf else 0.6), 88.0 if scarf else 78.0
    a, s = np.meshgrid(np.linspace(-reach, reach, 41), np.linspace(0, 1, 30), indexing="xy")
    y = bottom + (top - bottom) * s * (1 - 0.32 * np.abs(np.sin(np.radians(a))))
    loose = rng.uniform(0.15, 0.5) + 0.35 * np.sin(np.pi * s) * rng.random()
    r = np.maximum(skin_radius(placed, a, y), 6.5 if scarf else 0) + loose
    t = np.radians(a)
    mask = np.stack([r * np.sin(t), y, 2 + r * np.cos(t)], -1)
    tone = rng.uniform(0.05, 0.85)
    scene.add(
        placed.carry(mask.reshape(-1, 3)), grid(30, 41), Material.CLOTH, tag=Tag.MASK,
        params=(tone, 1.0, float(rng.random() < 0.15)), rest=mask.reshape(-1, 3) * 2,
    )  # fmt: skip
    if scarf:
        return
    from tools.synth.mesh import tube

    for side, edge in ((-1, mask[:, 0]), (1, mask[:, -1])):
        for j, ear in ((4, -0.8), (25, 1.2)):
            loop, tris = tube(np.array([edge[j], [side * 8.0, ear, -0.6]]), 0.12, sides=6)
            scene.add(placed.carry(loop), tris, Material.PROP, params=(tone, 0, 0.6), tag=Tag.MASK)


def turned(degrees: float) -> F64:
    """Rotation about the vertical axis."""
    return rotation((0, 1, 0), degrees)
