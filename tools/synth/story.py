"""The demonstration drive: a minute with one driver, its frames, CAN log and labels.

The driver drives, glances at the mirror, looks away long, texts, telephones, gets drowsy, has a
microsleep and falls asleep.  Written as a folder in the project's drive format.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from tools.synth import head, looks, scenery
from tools.synth.actions import Angles, Plan, Setting, plan_phone_ear, plan_phone_hand
from tools.synth.actor import Actor, random_shape
from tools.synth.body import F64
from tools.synth.cabin import EYES, CabinBuilder, CabinStyle, Wheel
from tools.synth.camera import Camera, head_angles
from tools.synth.clips import Take, film
from tools.synth.clothes import Garment
from tools.synth.grips import on_wheel
from tools.synth.light import Light, surroundings
from tools.synth.mesh import U8, Scene
from tools.synth.pose import Torso
from tools.synth.sensor import Sensor, develop
from tools.synth.stage import Cast, Outfit
from tools.synth.stills import PERSON_TAGS
from tools.synth.timeline import Beat, Instant, Lids, Timeline

SPEED_PERIOD_S = 0.02  # of the vehicle's speed message
STANDSTILL_S, PULL_AWAY_S, CRUISE_MPS = 2.0, 4.0, 17.0
TORSO = Torso(lean=-7.0)
VIDEO, CAN_LOG, LABELS, MANIFEST = "camera.mp4", "can.log", "labels.csv", "drive.yaml"
TEXT_SEED, CALL_SEED = 3, 0  # chosen by eye among the random plans
STREET_SEED = 8  # of the panorama outside, chosen by eye too
PHONE_IN_HAND = np.array([-9.0, 51.0, 40.0])


@dataclass(frozen=True, slots=True)
class Chapter:
    """What is true from `start` until the next chapter; times are when it has fully begun."""

    start: float
    condition: str
    gaze: str


CHAPTERS = (
    Chapter(0.0, "attentive", "road"),
    Chapter(11.0, "attentive", "mirror"),
    Chapter(12.3, "attentive", "road"),
    Chapter(15.2, "distracted", "infotainment"),
    Chapter(20.0, "attentive", "road"),
    Chapter(23.6, "on_phone", "phone"),
    Chapter(29.9, "attentive", "road"),
    Chapter(33.6, "on_phone", "road"),
    Chapter(39.6, "attentive", "road"),
    Chapter(42.0, "drowsy", "road"),
    Chapter(46.6, "microsleep", "closed"),
    Chapter(48.2, "drowsy", "road"),
    Chapter(50.8, "asleep", "closed"),
    Chapter(55.6, "attentive", "road"),
)
LENGTH_S = 59.0


def plans(wheel: Wheel, rng: np.random.Generator) -> dict[str, Plan]:
    """The plans that the story is made of."""
    hands = {"L": on_wheel("L", 42, wheel, rng), "R": on_wheel("R", 38, wheel, rng)}
    drive = Plan("wheel", "both hands", hands, torso=TORSO, fidget=0.0)  # type: ignore[arg-type]

    def look(head_deg: Angles, gaze: tuple[float, float], **face: float) -> Plan:
        return replace(drive, head=head_deg, gaze=gaze, expression=face)

    style = replace(_style(), wheel=wheel)
    setting = Setting(style, TORSO)
    text = _texting(setting, drive)
    call = plan_phone_ear("R", setting, np.random.default_rng(CALL_SEED), text.props[0].prop)
    call = replace(
        call, hands={"L": hands["L"], "R": call.hands["R"]}, head=(2.0, 0.0, 5.0), gaze=(0.0, 0.0),
        expression={"jawOpen": 0.03}, torso=TORSO, pickup=text.pickup, fidget=0.3,
    )  # fmt: skip
    return {
        "drive": drive,
        "mirror": look((-24.0, 5.0, 0.0), (-16.0, 4.0)),
        "away": look((-34.0, -16.0, 3.0), (-14.0, -8.0)),
        "text": text,
        "call": call,
        "tired": look((1.0, -4.0, 2.0), (0.0, -3.0), eyeBlink=0.3),
        "asleep": look((4.0, -27.0, 9.0), (0.0, -8.0), jawOpen=0.07),
        "startled": look((0.0, 4.0, 0.0), (0.0, 0.0), eyeWide=0.7, browInnerUp=0.5),
    }


def _texting(setting: Setting, drive: Plan) -> Plan:
    """A phone held up beside the wheel's top."""
    plan = plan_phone_hand("R", setting, np.random.default_rng(TEXT_SEED))
    shift = PHONE_IN_HAND - _phone_at(plan)
    hand = replace(plan.hands["R"], wrist=plan.hands["R"].wrist + shift)
    return replace(
        plan, hands={"L": drive.hands["L"], "R": hand}, head=(-8.0, -19.0, 0.0),
        gaze=(-3.0, -14.0), expression={}, torso=TORSO, fidget=0.35,
    )  # fmt: skip


def _phone_at(plan: Plan) -> F64:
    hand, thing = plan.hands["R"], plan.props[0]
    return np.asarray(hand.wrist + hand.hand @ thing.pos)


def timeline(wheel: Wheel, rng: np.random.Generator) -> Timeline:
    """Who does what when."""
    p = plans(wheel, rng)
    beats = [
        Beat(0.0, 0.0, p["drive"]),
        Beat(10.8, 0.35, p["mirror"]), Beat(12.0, 0.4, p["drive"]),
        Beat(14.9, 0.45, p["away"]), Beat(19.7, 0.4, p["drive"]),
        Beat(22.4, 1.6, p["text"]), Beat(29.2, 1.5, p["drive"]),
        Beat(32.4, 1.7, p["call"]), Beat(38.8, 1.5, p["drive"]),
        Beat(41.5, 1.5, p["tired"]),
        Beat(50.9, 3.6, p["asleep"]), Beat(55.3, 0.5, p["startled"]), Beat(56.6, 1.2, p["drive"]),
    ]  # fmt: skip
    normal = [1.2, 4.6, 7.4, 9.9, 13.6, 18.1, 20.9, 31.3, 34.9, 37.2, 40.6, 56.3, 58.1]
    slow = [Lids(t, 0.22, 0.25, 0.4) for t in (43.0, 44.3, 45.4, 49.3)]
    shut = [Lids(46.4, 0.25, 1.55, 0.3), Lids(50.4, 0.5, 4.6, 0.2)]
    return Timeline(beats, rng, lids=(*(Lids(t) for t in normal), *slow, *shut), sway=0.6)


def _style() -> CabinStyle:
    wheel = Wheel(np.array([0.0, 35.0, 51.0]), 18.5, 26.0)
    return CabinStyle(
        window=1.0, wheel=wheel, seat=0.16, trim=0.12, roof=0.3, headrest="posts", seat_half=24.0,
        bolster=1.25, rear="bench", outside=0.10, pillar_z=-24.0, belt=0.42,
    )  # fmt: skip


def cast_driver(rng: np.random.Generator) -> Cast:
    """The driver: nobody out of the training splits."""
    person = replace(
        looks.random_person(rng), style="short", hair_length=0.8, lid=0.0, beard=0.0, male=1.0,
        age=0.35, tone=0.6, hair_tone=0.15,
    )  # fmt: skip
    shape = replace(random_shape(rng, 1.0), age=0.35, weight=0.55, height=0.5, muscle=0.5)
    garment = Garment(albedo=0.13, pattern=0.0, collar=1.0, sleeve=1.93, loose=1.4, smooth=10)
    identity = head.model().identity(person.weights * 0.8, person.lid)
    outfit = Outfit(glasses=None, glasses_drop=0.0, cap=None, mask=None, seed=0)
    return Cast(person, outfit, Actor(identity, shape, garment))


def stage(recipe: Mapping[str, Any], rng: np.random.Generator) -> Take:
    """Driver, car, camera and light."""
    cast, style = cast_driver(rng), _style()
    cast.actor.sit(TORSO, EYES)
    still = Scene()
    CabinBuilder(style).add_static(still)
    at, aim = np.array(recipe["camera"]), np.array(recipe["aim"])
    camera = Camera.look_at(at, aim, float(recipe["hfov_deg"]), tuple(recipe["size"]))
    windows = [(0.0, 1.0, 0.2), (1.0, 0.25, 0.3), (-1.0, 0.2, 0.3), (0.0, 0.2, 1.0)]
    light = Light(
        at + np.array([6.0, -1.0, 0.0]), 1.0, np.array([0.0, 1.0, 0.0]), 0.0,
        surroundings(windows, [0.05, 0.09, 0.04, 0.06], 0.02), led_cone=0.88, led_beam=1.0,
    )  # fmt: skip
    constants = cast.constants(rng, False) | {"pupil": 0.16, "pupil_glow": 0.0}
    over = int(recipe["over"])
    sensor = Sensor(
        exposure=0.17, skin_blur=1.4 * over, blur=1.15 * over, motion=(0.0, 0.0), scale=1.0,
        noise=float(recipe["noise"]), read_noise=float(recipe["noise"]) / 3, gamma=0.5, veil=0.01,
        vignette=0.15, jpeg=0,
    )  # fmt: skip
    street = scenery.random_panorama(np.random.default_rng(STREET_SEED), False, ())
    outside = np.asarray(street * np.float32(style.outside), np.float32)
    return Take(cast, style, still, camera, light, constants, sensor, outside)


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of the drive and what is true in it."""

    image: U8
    instant: Instant
    head_deg: tuple[float, float, float]
    openness: F64


def frames(recipe: Mapping[str, Any], count: int | None = None, step: int = 1) -> Iterator[Shown]:
    """The story's frames in order (every `step`-th)."""
    rng = np.random.default_rng(int(recipe["seed"]))
    take = stage(recipe, rng)
    style = _style()
    story = timeline(style.wheel, rng)
    fps = float(recipe["fps"])
    total = round(LENGTH_S * fps) if count is None else count
    for k in range(0, total, step):
        now = story.at(k / fps, take.cast.actor, style.wheel)
        raw, acted = film(take, now, int(recipe["over"]), k / fps)
        noise = np.random.default_rng([int(recipe["seed"]), k])
        image: U8 = develop(raw.colour, np.isin(raw.tags, PERSON_TAGS), take.sensor, noise)
        if image.shape[1] != recipe["size"][0]:
            small = cv2.resize(image, tuple(recipe["size"]), interpolation=cv2.INTER_AREA)
            image = np.asarray(small, np.uint8)
        turn = head_angles(acted.face.rotation)
        yield Shown(image, now, turn, acted.face.shape.openness)


def chapter_at(t: float) -> Chapter:
    """What is true at a time."""
    return [c for c in CHAPTERS if c.start <= t][-1]


def speed_mps(t: float) -> float:
    """The vehicle's speed: standing, pulling away, then about 17 m/s."""
    if t < STANDSTILL_S:
        return 0.0
    x = min((t - STANDSTILL_S) / PULL_AWAY_S, 1.0)
    ease = x * x * (3 - 2 * x)
    return (
        CRUISE_MPS * ease
        + 1.2 * ease * float(np.sin(0.21 * t))
        + 0.4 * ease * float(np.sin(0.9 * t + 1))
    )


def write_can(path: Path) -> None:
    """A candump log with the vehicle's speed message every 20 ms."""
    from dms.messages import encode_vehicle_motion

    with path.open("w", encoding="ascii", newline="\n") as log:
        for k in range(round(LENGTH_S / SPEED_PERIOD_S)):
            t = k * SPEED_PERIOD_S
            can_id, data = encode_vehicle_motion(speed_mps(t), k)
            log.write(f"({t:.6f}) vcan0 {can_id:03X}#{data.hex().upper()}\n")


COLUMNS = (
    "t_s", "end_s", "label", "value", "frame", "condition", "action", "gaze_target", "head_yaw_deg",
    "head_pitch_deg", "eye_open_left", "eye_open_right", "phone",
)  # fmt: skip


def frame_row(k: int, t: float, shown: Shown) -> dict[str, Any]:
    """One frame's line of labels.csv; head angles in the vehicle's axes."""
    yaw, pitch, _ = shown.head_deg
    now, chapter = shown.instant, chapter_at(t)
    held = any(p.prop.kind == "phone" for p in now.props)
    return {
        "t_s": f"{t:.3f}", "label": "frame", "value": k, "frame": k,
        "condition": chapter.condition, "action": now.action or "", "gaze_target": chapter.gaze,
        "head_yaw_deg": f"{yaw:.1f}", "head_pitch_deg": f"{pitch:.1f}",
        "eye_open_left": f"{shown.openness[1]:.2f}",
        "eye_open_right": f"{shown.openness[0]:.2f}", "phone": int(held),
    }  # fmt: skip


def interval_rows(rows: list[dict[str, Any]], fps: float) -> list[dict[str, Any]]:
    """Runs of equal condition, action (where there is one) and gaze target as intervals."""
    out: list[dict[str, Any]] = []
    for label in ("condition", "action", "gaze_target"):
        start = 0
        for k in range(1, len(rows) + 1):
            if k == len(rows) or rows[k][label] != rows[start][label]:
                span = {"t_s": f"{start / fps:.3f}", "end_s": f"{k / fps:.3f}"}
                if rows[start][label]:
                    out.append(span | {"label": label, "value": rows[start][label]})
                start = k
    return sorted(out, key=lambda r: float(r["t_s"]))


def write_labels(path: Path, rows: list[dict[str, Any]], fps: float) -> None:
    """Intervals first, then one line a frame."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(interval_rows(rows, fps) + rows)


def write_drive(recipe: Mapping[str, Any], out: Path, progress: Any = None) -> int:
    """Render the whole drive into a folder; returns the number of frames."""
    out.mkdir(parents=True, exist_ok=True)
    fps, rows = float(recipe["fps"]), []
    with Video(out / VIDEO, fps, tuple(recipe["size"])) as video:
        for k, shown in enumerate(frames(recipe)):
            video.write(shown.image)
            rows.append(frame_row(k, k / fps, shown))
            if progress is not None:
                progress(k)
    write_can(out / CAN_LOG)
    write_labels(out / LABELS, rows, fps)
    manifest = {
        "format": 1, "frames": VIDEO, "can": CAN_LOG, "labels": LABELS,
        "hfov_deg": float(recipe["hfov_deg"]), "seat": "left",
        "description": "Rendered by tools/synth (recipes/drive.yaml): attentive, a mirror, a long "
        "look away, texting, telephoning, drowsy, a microsleep, asleep.",
    }  # fmt: skip
    (out / MANIFEST).write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    return len(rows)


class Video:
    """An MPEG-4 file by way of OpenCV (its wheels write VP9 only without loss: too large);
    a context manager."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, size, isColor=False)
        if not self._writer.isOpened():
            raise OSError(
                f"{path}: this OpenCV cannot write MPEG-4; install opencv-python-headless"
            )

    def __enter__(self) -> Video:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.release()

    def write(self, image: NDArray[np.uint8]) -> None:
        """Add one frame."""
        self._writer.write(image)
