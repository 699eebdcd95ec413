"""Ways to touch one's own face, and the curls of a hand that go with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.synth.grips import HandSpec, touch
from tools.synth.pose import Curl, Side

OPEN: Curl = (12.0, 14.0, 16.0, 18.0, 20.0)
FIST: Curl = (45.0, 78.0, 82.0, 84.0, 86.0)
POINT: Curl = (50.0, 8.0, 66.0, 72.0, 76.0)
HOLD: Curl = (28.0, 46.0, 48.0, 50.0, 52.0)
FINGER_TIPS_CM = 15.5
KNUCKLES_CM = 9.0


@dataclass(frozen=True, slots=True)
class Touch:
    """A way to touch one's face, given for the left hand in face coordinates."""

    contact: tuple[float, float, float]
    forward: tuple[float, float, float]
    palm: tuple[float, float, float]
    reach: float
    curl: Curl
    pole: tuple[float, float, float] = (0.9, -0.9, 0.2)


PALM_CM = 8.0
TOUCHES: dict[str, Touch] = {
    "mouth": Touch((0.5, -4.0, 13.2), (-0.75, 0.62, 0.05), (-0.15, 0.1, -1), 11.0, OPEN),
    "chin fist": Touch(
        (1.5, -8.8, 10.5), (-0.5, 0.75, -0.1), (-0.4, 0.3, -0.85), KNUCKLES_CM, FIST
    ),
    "chin": Touch(
        (0.3, -8.0, 12.0), (-0.5, 0.8, -0.2), (-0.3, 0.1, -0.9), 14.0, (30, 35, 38, 42, 46)
    ),
    "cheek": Touch((6.6, -3.0, 6.5), (0.05, 0.95, -0.3), (-0.95, 0.1, -0.35), PALM_CM, OPEN),
    "cheek fist": Touch(
        (6.8, -4.0, 7.0), (0.0, 0.95, -0.2), (-0.95, 0.15, -0.3), KNUCKLES_CM, FIST
    ),
    "temple": Touch((7.3, 5.0, 4.5), (-0.2, 0.9, -0.4), (-0.9, 0.0, -0.4), FINGER_TIPS_CM, OPEN),
    "forehead": Touch((1.5, 7.5, 11.5), (-0.7, 0.65, -0.2), (-0.1, -0.1, -1), 13.0, OPEN),
    "eye": Touch(
        (3.1, 3.4, 11.5), (-0.45, 0.8, -0.35), (-0.3, -0.1, -0.9), 14.5, (35, 38, 50, 55, 60)
    ),
    "nose": Touch((0.3, -0.6, 14.2), (-0.5, 0.8, -0.2), (-0.4, -0.1, -0.9), 15.5, POINT),
    "hair": Touch((5.0, 13.0, 1.0), (-0.3, 0.8, -0.5), (-0.6, -0.6, -0.1), 12.0, OPEN),
    "ear": Touch(
        (8.8, 1.0, 0.5), (-0.1, 0.9, -0.4), (-0.95, 0.0, -0.2), 14.5, (20, 30, 40, 50, 55)
    ),
    "hand at ear": Touch(
        (9.4, -2.5, 4.0), (0.05, 0.95, -0.2), (-1.0, 0.0, -0.1), PALM_CM, (28, 40, 44, 46, 48)
    ),
    "neck": Touch((5.5, -11.0, -2.0), (-0.6, 0.35, -0.7), (-0.6, 0.1, 0.75), 12.0, OPEN),
    "glasses": Touch(
        (6.8, 4.0, 9.5), (-0.3, 0.9, -0.2), (-0.9, 0, -0.4), FINGER_TIPS_CM, (30, 30, 50, 60, 66)
    ),
    "lips": Touch(
        (0.8, -4.0, 12.9), (-0.4, 0.85, -0.2), (-0.3, -0.1, -0.9), 15.0, (35, 20, 48, 62, 66)
    ),
}


def touch_face(side: Side, name: str, rng: np.random.Generator) -> HandSpec:
    """One hand at the face with a little disorder."""
    t = TOUCHES[name]
    contact = np.array(t.contact) + rng.normal(0, 0.7, 3)
    forward = np.array(t.forward) + rng.normal(0, 0.13, 3)
    palm = np.array(t.palm) + rng.normal(0, 0.13, 3)
    scale = float(rng.uniform(0.75, 1.2))
    curl: Curl = tuple(c * scale for c in t.curl)  # type: ignore[assignment]
    return touch(side, contact, forward, palm, t.reach, curl, t.pole, "face", 1.3)
