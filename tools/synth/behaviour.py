"""What a head does at one moment: pose, gaze, lids, mouth, the rest of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.synth.camera import F64

_QUIET = (
    "browDown", "browInnerUp", "browOuterUp", "cheekPuff", "cheekSquint", "jawForward", "jawLeft",
    "jawRight", "mouthDimple", "mouthFrown", "mouthFunnel", "mouthLeft", "mouthPress",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Degrees: head yaw, pitch, roll as the camera sees it; gaze of each eye in the head's axes."""

    head_deg: tuple[float, float, float]
    gaze_deg: F64  # (2,2): right, left eye; yaw, pitch
    weights: dict[str, float]  # ICT expression weights


def random_behaviour(rng: np.random.Generator, wide: float) -> Behaviour:
    """Draw one; `wide` is the share of poses from the whole range."""
    weights = _mouth(rng)
    for name in rng.choice(_QUIET, int(rng.integers(0, 4)), replace=False):
        weights[str(name)] = weights.get(str(name), 0.0) + float(rng.uniform(0, 0.45))
    _lids(rng, weights)
    return Behaviour(_pose(rng, wide), _gaze(rng), weights)


def _pose(rng: np.random.Generator, wide: float) -> tuple[float, float, float]:
    if rng.random() < wide:
        yaw, pitch, roll = rng.uniform(-90, 90), rng.uniform(-50, 45), rng.normal(0, 14)
    else:
        yaw, pitch, roll = rng.normal(0, 20), rng.normal(2, 13), rng.normal(0, 7)
    if abs(pitch) > 30:  # looking steeply up or down and far aside at once does not happen
        yaw *= 0.7
    return (
        float(np.clip(yaw, -90, 90)), float(np.clip(pitch, -50, 45)), float(np.clip(roll, -35, 35))
    )  # fmt: skip


def _gaze(rng: np.random.Generator) -> F64:
    if rng.random() < 0.45:
        yaw, pitch = rng.uniform(-36, 36), rng.uniform(-32, 22)
    else:
        yaw, pitch = rng.normal(0, 9), rng.normal(-3, 7)
    near = rng.uniform(25, 90) if rng.random() < 0.5 else 600.0  # cm to what is looked at
    toe_in = float(np.degrees(np.arctan(3.1 / near)))
    eyes = np.array([[yaw + toe_in, pitch], [yaw - toe_in, pitch]])
    return np.asarray(np.clip(eyes, (-42, -36), (42, 28)))


def _lids(rng: np.random.Generator, weights: dict[str, float]) -> None:
    fate = rng.random()
    blink = np.full(2, 0.0)
    if fate < 0.42:
        blink[:] = rng.uniform(0, 0.08)
    elif fate < 0.64:
        blink[:] = rng.uniform(0, 1)
    elif fate < 0.80:
        blink[:] = 1.0
    elif fate < 0.92:
        blink[:] = rng.uniform(0.5, 1)
    else:
        weights["eyeWide"] = float(rng.uniform(0.2, 1))
    if rng.random() < 0.08:
        blink[int(rng.integers(2))] = rng.choice([0.0, 1.0, rng.uniform()])
    blink = np.clip(blink + rng.normal(0, 0.02, 2), 0, 1)
    weights["eyeBlink_R"], weights["eyeBlink_L"] = float(blink[0]), float(blink[1])
    if rng.random() < 0.3:
        weights["eyeSquint"] = weights.get("eyeSquint", 0.0) + float(rng.uniform(0, 0.8))


def _mouth(rng: np.random.Generator) -> dict[str, float]:
    fate = rng.random()
    if fate < 0.45:
        return {}
    if fate < 0.66:  # speech
        return {
            "jawOpen": float(rng.uniform(0, 0.45)), "mouthFunnel": float(rng.uniform(0, 0.4)),
            "mouthStretch": float(rng.uniform(0, 0.3)),
        }  # fmt: skip
    if fate < 0.80:  # yawn, with its face
        strong = float(rng.uniform(0.45, 1.0))
        return {
            "jawOpen": strong, "eyeSquint": 0.6 * strong, "browDown": 0.4 * strong,
            "mouthFunnel": float(rng.uniform(0, 0.25)),
        }  # fmt: skip
    smile = float(rng.uniform(0.2, 1.0))
    laugh = float(rng.uniform(0, 0.35)) if rng.random() < 0.5 else 0.0
    return {
        "mouthSmile": smile, "cheekSquint": 0.6 * smile, "eyeSquint": 0.4 * smile * rng.random(),
        "jawOpen": laugh, "mouthUpperUp": 0.6 * smile * rng.random(),
        "mouthLowerDown": 0.5 * smile * rng.random(),
    }  # fmt: skip
