"""Pictures of rendered drivers and what the engine sees in them beside what is true, a file each.

Pictures are slow and do not depend on the networks: they are kept, so that other networks are
measured in minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dms.config import load
from dms.engine import open_engine
from dms.scenarios.track import Act, Habits, look, sample
from dms.types import ACTIONS, Eye, Face, Frame
from tools.film.performer import Performer, Shot

FPS = 15.0
"""As the action network's window steps."""
ROAD_S, LOOK_S, HOLD_S = 2.0, 0.9, 3.5
FIRST_SEED = 90_001
"""People that no training split has."""
ACTING, FIRST_ACTING = "acting", 90_501
"""Drivers, in no condition, who do every action once, each in a way of their own."""
LOOKS = (
    (-33, -20), (-29, 16), (39, -5), (-46, -5), (-53, -23), (0, -25), (0, -50), (10, -60),
    (-10, -60), (23, -13), (-25, -15), (60, -3), (-70, -3), (-40, -45), (-82, 0), (-10, -28),
    (-8, -6), (15, 0), (-15, 0), (0, 12),
)  # fmt: skip
EYE_COLUMNS = ("visible", "open", "open_sigma", "closed", "yaw", "pitch", "sigma")
FACE_COLUMNS = ("score", "yaw", "pitch", "roll", "sigma", "mouth", "sunglasses", "mask", "occluded")
Record = dict[str, NDArray[np.float64]]
Size = tuple[int, int]
PNG_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def script(rng: np.random.Generator, k: int) -> list[Act]:
    """What driver number `k` does: road, looks of every kind, lids, mouth, two actions."""
    acts = [Act(ROAD_S)]
    for n in rng.choice(len(LOOKS), 6, replace=False):
        by = str(rng.choice(["owl", "lizard"]))
        acts += [look(LOOKS[n], by, LOOK_S), Act(0.4)]
    acts += [look((-75.0, -10.0), "lean", 1.2), Act(0.8), Act(1.2, open=0.0, blinks=False)]
    acts += [Act(0.5), Act(0.8, open=float(rng.uniform(0.2, 0.7)), blinks=False)]
    acts += [Act(0.9, mouth=float(rng.uniform(0.3, 0.9)))]
    for action in (ACTIONS[k % len(ACTIONS)], ACTIONS[(k + 3) % len(ACTIONS)]):
        acts += [Act(HOLD_S, hands=action), Act(0.8)]
    return acts


def acting_script(rng: np.random.Generator) -> list[Act]:
    """Every action, in any order."""
    return [Act(HOLD_S, hands=str(action)) for action in rng.permutation(ACTIONS)]


def render(target: Path, condition: str, k: int, size: Size) -> None:
    """One driver's pictures with their labels, camera frame [rad]."""
    acting = condition == ACTING
    seed = k + (FIRST_ACTING if acting else FIRST_SEED)
    performer = Performer(seed, "clear" if acting else condition, size)
    rng = np.random.default_rng([seed, 9])
    acts = acting_script(rng) if acting else script(rng, k)
    truth = sample(acts, FPS, rng, Habits(talks=condition == "talking"))
    shots = list(performer.play(truth))
    coded = [cv2.imencode(".png", s.image, PNG_FAST)[1].ravel() for s in shots]
    _save(
        target, true=np.array([_labels(s) for s in shots]), t_ns=truth.t_ns, lean=truth.lean,
        hands=np.array([ACTIONS.index(h) for h in truth.hands], float), moving=truth.moving,
        hfov_deg=np.array(performer.hfov_deg), png=np.concatenate(coded),
        ends=np.cumsum([len(c) for c in coded]),
    )  # fmt: skip


def watch(pictures: Path, target: Path) -> None:
    """What the engine of now sees in them; NaN where it sees nothing."""
    with np.load(pictures) as file:
        film = {name: file[name] for name in file.files}
    engine = open_engine(load(None, {"camera.hfov_deg": float(film["hfov_deg"])}))
    rows = []
    for i, image in enumerate(_images(film["png"], film["ends"])):
        seen = engine.step(Frame(i, int(film["t_ns"][i]), image))
        rows.append(_row(seen.face, seen.action))
    out = {name: np.array([r[name] for r in rows]) for name in rows[0]}
    _save(target, **out, **{name: film[name] for name in ("true", "hands", "lean", "moving")})


def _images(png: NDArray[np.uint8], ends: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
    for begin, end in zip([0, *ends[:-1]], ends, strict=True):
        yield cv2.imdecode(png[begin:end], cv2.IMREAD_GRAYSCALE)  # type: ignore[misc]


def _labels(shot: Shot) -> list[float]:
    return [*shot.head, *shot.gaze.ravel(), *shot.open, shot.mouth]


def _row(face: Face | None, action: object) -> dict[str, list[float]]:
    blank = [math.nan]
    p = getattr(action, "probabilities", None) or blank * len(ACTIONS)
    return {
        "face": blank * len(FACE_COLUMNS) if face is None else _face(face),
        "left": blank * len(EYE_COLUMNS) if face is None else _eye(face.eye_left),
        "right": blank * len(EYE_COLUMNS) if face is None else _eye(face.eye_right),
        "action": list(p),
    }


def _face(f: Face) -> list[float]:
    return [
        f.score, f.yaw_rad, f.pitch_rad, f.roll_rad, f.rotation_sigma_rad, f.mouth_open,
        f.sunglasses, f.mask, f.occluded,
    ]  # fmt: skip


def _eye(e: Eye) -> list[float]:
    values = (
        e.visible, e.open, e.open_sigma, e.closed, e.gaze_yaw_rad, e.gaze_pitch_rad,
        e.gaze_sigma_rad,
    )  # fmt: skip
    return [math.nan if v is None else v for v in values]


def record_all(
    folder: Path, seen_by: str, counts: Mapping[str, int], jobs: int, size: Size
) -> None:
    """Make the missing pictures, and this engine's and its networks' missing recordings, of so many
    drivers a condition (or ACTING)."""
    names = [(c, k) for k in range(max(counts.values())) for c in counts if k < counts[c]]
    films = [(folder / "pictures" / _file(c, k), c, k, size) for c, k in names]
    _all("rendered", render, [f for f in films if not f[0].exists()], jobs)
    seen = [(film[0], folder / seen_by / film[0].name) for film in films]
    _all("watched", watch, [s for s in seen if not s[1].exists()], jobs)


def _all(what: str, work: Callable[..., None], todo: list[tuple[object, ...]], jobs: int) -> None:
    from concurrent.futures import ProcessPoolExecutor, as_completed

    with ProcessPoolExecutor(jobs) as pool:
        for n, done in enumerate(as_completed([pool.submit(work, *args) for args in todo]), 1):
            done.result()
            print(f"{what} {n}/{len(todo)} drivers", flush=True)


def _file(condition: str, k: int) -> str:
    return f"{condition}-{k:03d}.npz"


def _save(target: Path, **arrays: NDArray[np.generic]) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part.npz")
    np.savez_compressed(part, **arrays) if "png" not in arrays else np.savez(part, **arrays)
    part.rename(target)


def load_records(folder: Path, condition: str, count: int) -> list[Record]:
    """The recordings of a condition's first `count` drivers."""
    return [dict(np.load(folder / _file(condition, k))) for k in range(count)]
