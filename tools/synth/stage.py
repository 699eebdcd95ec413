"""A cast person with clothes and headwear on a set, one camera and light: from plan to picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import ArrayLike

from tools.synth import head, looks, native, worn
from tools.synth.actor import Actor, random_garment, random_shape
from tools.synth.body import F32
from tools.synth.cabin import EYES
from tools.synth.camera import Camera
from tools.synth.light import Light
from tools.synth.mesh import U8, Scene

SHADOW_PX = 384
SHADOW_RADIUS_CM = 55.0
FOCUS = EYES - np.array([0.0, 12.0, 0.0])  # what the LED is aimed at


@dataclass(frozen=True, slots=True)
class Outfit:
    """What is worn on the head; `seed` keeps caps and masks the same from frame to frame."""

    glasses: worn.Glasses | None
    glasses_drop: float
    cap: str | None
    mask: str | None
    seed: int

    @property
    def dark(self) -> bool:
        """Whether the eyes cannot be read through the lenses."""
        return self.glasses is not None and self.glasses.transmission < worn.DARK_TRANSMISSION


def random_outfit(rng: np.random.Generator) -> Outfit:
    """Mostly bare; a third with glasses, some caps, hoods, scarves and masks."""
    kind = str(rng.choice(["none", "clear", "tinted", "dark"], p=[0.6, 0.24, 0.05, 0.11]))
    cap = str(
        rng.choice(["none", "cap", "beanie", "hood", "scarf"], p=[0.8, 0.09, 0.04, 0.03, 0.04])
    )
    mask = str(rng.choice(["none", "mask", "scarf"], p=[0.94, 0.05, 0.01]))
    return Outfit(
        None if kind == "none" else worn.random_glasses(rng, kind),
        float(rng.uniform(0.0, 1.2)) if rng.random() < 0.25 else 0.0,
        None if cap == "none" else cap,
        None if mask == "none" else mask,
        int(rng.integers(2**31)),
    )


@dataclass(frozen=True, slots=True)
class Cast:
    """One person ready to act."""

    person: looks.Person
    outfit: Outfit
    actor: Actor

    def constants(self, rng: np.random.Generator, visible: bool) -> dict[str, ArrayLike]:
        """Shader constants of skin, hair and clothes; see `Person.constants`."""
        return self.person.constants(rng, visible) | self.actor.dressed.constants

    def add_head(self, scene: Scene, placed: head.PlacedHead) -> None:
        """Head, hair and what is worn on it."""
        placed.add_to(scene, mouth_inside=placed.shape.mouth > 0.03)
        o = self.outfit
        looks.add_hair(scene, self.person, placed, flat=o.cap is not None)
        if o.glasses is not None:
            worn.add_glasses(scene, o.glasses, placed, o.glasses_drop)
        if o.cap is not None:
            worn.add_cap(scene, np.random.default_rng(o.seed), placed, o.cap)
        if o.mask is not None:
            rng = np.random.default_rng(o.seed + 1)
            looks.add_mask(scene, rng, placed, scarf=o.mask == "scarf")


def random_cast(rng: np.random.Generator) -> Cast:
    """A new person; body and face agree in sex and age."""
    person = looks.random_person(rng)
    shape = replace(random_shape(rng, person.male), age=person.age)
    identity = head.model().identity(person.weights, person.lid, person.eyes)
    return Cast(person, random_outfit(rng), Actor(identity, shape, random_garment(rng)))


@dataclass(frozen=True, slots=True)
class Layer:
    """Geometry with the shader constants of the person in it."""

    scene: Scene
    constants: dict[str, ArrayLike]


@dataclass(frozen=True, slots=True)
class Raw:
    """A linear picture: colour planes of the rasteriser, nearness, and whose surface it is."""

    colour: F32
    key: F32
    tags: U8


def draw(layers: list[Layer], camera: Camera, light: Light, background: F32, over: int) -> Raw:
    """Draw layers and join them by nearness, `over` times supersampled, as the lens bends them.

    `background` (h,w): what a pinhole would see behind them.
    """
    big = enlarged(camera, over)
    led, sun = light.maps(FOCUS, SHADOW_RADIUS_CM, SHADOW_PX)
    out: Raw | None = None
    for layer in layers:
        values = {"camera": camera.position, **light.constants(FOCUS), **layer.constants}
        colour, key, tags = native.rasterise(
            layer.scene.buffers(), native.uniforms(values), big.size, big.matrix(), led, sun,
            background, SHADOW_PX,
        )  # fmt: skip
        out = Raw(colour, key, tags) if out is None else _nearest(out, Raw(colour, key, tags))
    assert out is not None
    return _through_lens(big, out) if camera.barrel else out


def _through_lens(camera: Camera, raw: Raw) -> Raw:
    w, h = camera.size
    pixels = np.stack(np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5), -1)
    x, y = np.moveaxis(camera.straight(pixels).astype(np.float32) - np.float32(0.5), 2, 0)
    smooth, sharp = (
        partial(cv2.remap, map1=x, map2=y, interpolation=how, borderMode=cv2.BORDER_REPLICATE)
        for how in (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
    )
    return Raw(smooth(raw.colour), sharp(raw.key), sharp(raw.tags))


def enlarged(camera: Camera, over: int) -> Camera:
    """The same view in `over` times the pixels each way."""
    (w, h), (x, y) = camera.size, camera.centre
    return replace(
        camera, focal=camera.focal * over, centre=(x * over, y * over), size=(w * over, h * over)
    )


def _nearest(a: Raw, b: Raw) -> Raw:
    front = b.key > a.key
    return Raw(
        np.where(front[..., None], b.colour, a.colour),
        np.where(front, b.key, a.key),
        np.where(front, b.tags, a.tags),
    )
