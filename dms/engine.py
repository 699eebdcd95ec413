"""Frame -> Observation: finds the networks and the runtime, and speaks to the native engine.

What the engine does with a frame, and by which rules, is in docs/engine.md. ONNX Runtime's library
is taken out of its installed wheel without importing that: the import would load a second copy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from dms import _core
from dms.config import Config
from dms.errors import DmsError
from dms.types import Action, Eye, Face, Frame, Observation, Quality, SeatSide

NETS = ("face", "eyes", "cabin", "body", "action")
MANIFEST = "manifest.yaml"
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, where PyYAML has it: the manifest's numbers take a tenth of the time."""
_REINSTALL = "install the package again (pip install .)"


DriftReferences = dict[str, tuple[list[int], list[float], list[float]]]


class EngineError(DmsError):
    """A network or the runtime is missing, not the one expected, or does not run."""


@dataclass(frozen=True, slots=True)
class LiveObservation:
    """An observation out of the engine's own thread, and what it took."""

    observation: Observation
    cpu_ns: int
    """CPU time of the engine's thread for this frame."""
    wall_ns: int
    """From taking the frame to its observation."""
    done_ns: int
    """CLOCK_MONOTONIC when it was ready."""


@dataclass(frozen=True, slots=True)
class LiveCounters:
    """What became of the frames since the start."""

    frames: int
    """Observed."""
    skipped: int
    """Dropped by the camera, or overwritten in the frame ring before their turn."""
    dropped: int
    """Observed, but not fetched before newer ones needed the room."""


class Engine:
    """The native engine. One thread at a time; between frames it remembers the stream."""

    def __init__(
        self,
        models: dict[str, str],
        library: str,
        seat: SeatSide = SeatSide.UNKNOWN,
        hfov_rad: float | None = None,
        step_ns: int | None = None,
        drift: DriftReferences | None = None,
    ) -> None:
        """`models`: a file for each of NETS; `hfov_rad`: makes angles relative to the optical axis
        instead of to the ray through the face; `step_ns`: of the action window; `drift`: what
        the stream is compared with, by gauge.

        Errors: EngineError with one line that names the file, what was expected and what found."""
        timing = {} if step_ns is None else {"step_ns": step_ns}
        known = {} if drift is None else drift
        try:
            self.native = _core.Engine(
                models, library, int(seat), hfov_rad or 0.0, drift=known, **timing
            )
        except ValueError as error:
            raise EngineError(f"{MANIFEST}: {error}", fix=_REINSTALL) from error
        except RuntimeError as error:
            raise EngineError(str(error), fix=_REINSTALL) from error

    def step(self, frame: Frame) -> Observation:
        """The next frame of a stream. Errors: EngineError when a network does not run."""
        return self._observe(self.native.step, frame)

    def still(self, frame: Frame) -> Observation:
        """A picture by itself: nothing remembered of it, nothing known from before."""
        return self._observe(self.native.still, frame)

    def drift(self) -> dict[str, tuple[float, int]]:
        """How unlike the training data the stream has been: score and samples of each gauge that
        has a reference and a sample. A score of 1 and less is usual; see docs/engine.md."""
        return self.native.drift()

    def reset(self) -> None:
        """Forget the stream."""
        self.native.reset()

    @staticmethod
    def _observe(see: _core.SeeFrame, frame: Frame) -> Observation:
        try:
            return observation_of(see(frame.image, frame.t_ns, frame.seq))
        except RuntimeError as error:
            raise EngineError(str(error)) from error


class LiveEngine:
    """An engine in a native thread of its own, fed by a frame ring. `fd` becomes readable with
    every observation, and when the ring was closed and all its frames are observed."""

    def __init__(self, engine: Engine, ring: _core.FrameRing) -> None:
        self._live = _core.LiveEngine(engine.native, ring)

    def __enter__(self) -> LiveEngine:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    @property
    def fd(self) -> int:
        """An eventfd: read 8 bytes, then drain."""
        return self._live.fd

    @property
    def finished(self) -> bool:
        return self._live.finished

    @property
    def counters(self) -> LiveCounters:
        live = self._live
        return LiveCounters(live.frames, live.skipped, live.dropped)

    def drain(self) -> Iterator[LiveObservation]:
        """All observations since the last call, oldest first.

        Errors: EngineError when a network did not run."""
        for item in self._live.drain():
            if item.failed:
                raise EngineError("a network did not run", fix="see dms doctor")
            seen = observation_of(item.seen)
            yield LiveObservation(seen, item.cpu_ns, item.wall_ns, item.done_ns)


def open_engine(config: Config) -> Engine:
    """The engine that the configuration describes. Errors: EngineError."""
    engine, camera = config.engine, config.camera
    hfov = None if camera.hfov_deg is None else math.radians(camera.hfov_deg)
    folder = models_dir(engine.models_dir)
    return Engine(
        model_files(folder),
        str(ort_library(engine.ort_library)),
        SeatSide[camera.seat.upper()],
        hfov,
        round(engine.body_period_ms * 1e6),
        drift_references(folder),
    )


def ort_library(configured: str | None = None) -> Path:
    """ONNX Runtime's shared library: the configured one, or that of the installed wheel.

    Errors: EngineError when there is none."""
    if configured is not None:
        return Path(configured)
    spec = importlib.util.find_spec("onnxruntime")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    for folder in folders:
        found = sorted(Path(folder, "capi").glob("libonnxruntime.so*"))
        if found:
            return found[0]
    raise EngineError("ONNX Runtime's library is not installed", fix=_REINSTALL)


def models_dir(configured: str | None = None) -> Path:
    """Where the networks are: configured, in the source tree, or in the installed package."""
    if configured is not None:
        return Path(configured)
    package = Path(__file__).parent
    tree = package.parent / "models"
    return tree if (tree / MANIFEST).is_file() else package / "models"


def model_files(folder: Path) -> dict[str, str]:
    """The file of each network as the folder's manifest names it, its SHA-256 checked.

    Errors: EngineError that names the file, what was expected and what found."""
    nets = _manifest_nets(folder / MANIFEST)
    return {net: str(_checked(folder, net, nets)) for net in NETS}


def drift_references(folder: Path) -> DriftReferences:
    """What the manifest says of usual input and features, by gauge: indices of the outputs (none
    for an input), means, and the gain that makes deviations into a score: whitening, or one over
    the standard deviations, over what 98 % of the validation split stay below. Nothing of a
    network whose references were measured on other files than the manifest's.

    Errors: EngineError where what it says is not that."""
    out: DriftReferences = {}
    nets = _manifest_nets(folder / MANIFEST)
    for net in NETS:
        said = nets[net].get("drift") if isinstance(nets.get(net), dict) else None
        if said is None:
            continue
        try:
            if all(nets[n]["sha256"] == digest for n, digest in said["of"].items()):
                out |= {gauge: _reference(r) for gauge, r in said["gauges"].items()}
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            why = f"expected of, and gauges with mean, whiten or std, usual; found {said!r}"[:200]
            raise EngineError(f"{folder / MANIFEST}: drift of {net}", why, _REINSTALL) from error
    return out


def _reference(said: dict[str, Any]) -> tuple[list[int], list[float], list[float]]:
    index, usual = [int(i) for i in said.get("index", ())], float(said["usual"])
    if "whiten" in said:
        gain = [float(x) / usual for row in said["whiten"] for x in row]
    else:
        gain = [1 / (float(x) * usual) for x in said["std"]]
    return index, [float(x) for x in said["mean"]], gain


def _manifest_nets(path: Path) -> dict[str, dict[str, Any]]:
    try:
        nets = yaml.load(path.read_text(), YAML_LOADER)["nets"]
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}", fix="set engine.models_dir") from error
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise EngineError(f"{path}: expected a manifest with 'nets'", str(error)) from error
    if not isinstance(nets, dict):
        raise EngineError(f"{path}: expected a manifest with 'nets'", f"found {nets!r}")
    return nets


def _checked(folder: Path, net: str, nets: dict[str, dict[str, Any]]) -> Path:
    entry = nets.get(net)
    if not isinstance(entry, dict) or not {"file", "sha256"} <= set(entry):
        raise EngineError(f"{folder / MANIFEST}: expected file and sha256 of the {net} network")
    path = folder / str(entry["file"])
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EngineError(f"{path}: {error.strerror}", fix=_REINSTALL) from error
    if found != entry["sha256"]:
        why = f"expected SHA-256 {entry['sha256']}, found {found}"
        raise EngineError(f"{path}: not the file of the manifest", why, _REINSTALL)
    return path


def observation_of(seen: _core.Seen) -> Observation:
    """The native result as values."""
    face, action = seen.face, seen.action
    return Observation(
        seen.seq,
        seen.t_ns,
        None if face is None else _face(face),
        None if action is None else _action(action),
        _quality(seen.quality),
    )


def _action(seen: _core.ActionSeen) -> Action:
    return Action(tuple(seen.probabilities), seen.age_ns, seen.window_steps)


def _quality(seen: _core.QualitySeen) -> Quality:
    return Quality(
        seen.mean,
        seen.contrast,
        seen.dark,
        seen.saturated,
        None if math.isnan(seen.sharpness) else seen.sharpness,
        seen.frozen_frames,
        None if math.isnan(seen.drift) else seen.drift,
        None if math.isnan(seen.face_sharpness) else seen.face_sharpness,
    )


def _face(seen: _core.FaceSeen) -> Face:
    x, y, width, height = seen.box_px
    return Face(
        score=seen.score,
        box_px=(x, y, width, height),
        landmarks_px=seen.landmarks_px,
        yaw_rad=seen.yaw_rad,
        pitch_rad=seen.pitch_rad,
        roll_rad=seen.roll_rad,
        rotation_sigma_rad=seen.rotation_sigma_rad,
        mouth_open=seen.mouth_open,
        sunglasses=seen.sunglasses,
        mask=seen.mask,
        occluded=seen.occluded,
        eye_left=_eye(seen.left),
        eye_right=_eye(seen.right),
    )


def _eye(seen: _core.EyeSeen) -> Eye:
    if not seen.known:
        return Eye(seen.visible, None, None, None, None, None, None)
    return Eye(
        visible=seen.visible,
        open=seen.open,
        open_sigma=seen.open_sigma,
        closed=seen.closed,
        gaze_yaw_rad=seen.gaze_yaw_rad,
        gaze_pitch_rad=seen.gaze_pitch_rad,
        gaze_sigma_rad=seen.gaze_sigma_rad,
    )
