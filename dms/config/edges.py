"""Settings of what surrounds the driver state: camera, engine, input health, bus."""

from __future__ import annotations

from dataclasses import dataclass

from dms.config.param import param
from dms.config.yaml_strict import Scalar


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Where the camera is. What is not given is learned while driving."""

    hfov_deg: float | None = param(
        None,
        "horizontal field of view; corrects the head pose for where the face is in the image",
        "the lens's data sheet",
        lo=10,
        hi=170,
    )
    mount_yaw_deg: float = param(
        0.0,
        "head yaw, in the camera frame, of a driver who looks straight ahead",
        "choice: a camera on the steering column, until learned",
        lo=-80,
        hi=80,
    )
    mount_pitch_deg: float = param(
        0.0,
        "head pitch, in the camera frame, of a driver who looks straight ahead",
        "choice: a camera at eye height, until learned",
        lo=-60,
        hi=60,
    )
    seat: str = param(
        "unknown",
        "side of the car, as its driver sees it, that the driver sits on",
        "the vehicle",
        choices=("left", "right", "unknown"),
    )


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How perception runs."""

    models_dir: str | None = param(
        None, "folder of the networks and their manifest; null: those shipped", "the product"
    )
    ort_library: str | None = param(
        None, "ONNX Runtime's shared library; null: the installed wheel's", "the target's SDK"
    )
    body_period_ms: float = param(
        66.7,
        "least time between two steps of the body and action networks",
        "choice: the action window was trained at 15 Hz",
        lo=10,
        hi=1000,
    )


@dataclass(frozen=True, slots=True)
class CanConfig:
    """The bus, and how it heals. What is said on it, and how often, is fixed by configs/dms.dbc."""

    interface: str = param("socketcan", "python-can interface name", "the vehicle")
    channel: str = param("can0", "python-can channel", "the vehicle")
    bitrate: int | None = param(
        500000, "nominal bit rate; null: as the link is set", "the vehicle", lo=10000, hi=1000000
    )
    fd: bool = param(False, "open the bus for CAN FD", "the vehicle")
    bus_kwargs: tuple[tuple[str, Scalar], ...] = param(
        (), "anything else python-can's Bus takes, passed through", "python-can"
    )
    stale_ms: int = param(
        300,
        "with no new state for this long, say unavailable instead of repeating the last",
        "choice: 3 frames at 10 Hz",
        lo=50,
        hi=10000,
    )
    reopen_min_ms: int = param(
        100, "first wait before a lost bus is reopened", "choice", lo=10, hi=60000
    )
    reopen_max_ms: int = param(
        5000, "longest wait; doubled up to here, for ever", "choice", lo=10, hi=600000
    )


@dataclass(frozen=True, slots=True)
class HealthConfig:
    """When the input is no longer fit to judge a driver by."""

    persist_ms: int = param(
        500,
        "an image fault must last this long to be one",
        "choice: tunnels and flashes pass",
        lo=0,
        hi=10000,
    )
    late_ms: int = param(
        300,
        "frames further apart than this are late",
        "3 missing frames at 10 frames/s are a fault",
        lo=20,
        hi=10000,
    )
    stamp_min_ms: int = param(
        1,
        "stamps closer than this are no camera's: the clock stands still, or does not count ns",
        "choice: no camera takes 1000 frames/s",
        lo=1,
        hi=10,
    )
    stamp_min_frames: int = param(
        10,
        "so many such frames in a row are late",
        "choice: a second at 10 frames/s; a clock with ticks of 100 ms still passes at 60",
        lo=2,
        hi=1000,
    )
    clock_factor: float = param(
        2.0,
        "live, stamps that advance so many times faster or slower than the clock here are late",
        "choice: wrong units are 100 times off or more; a busy processor is not",
        lo=1.1,
        hi=100,
    )
    clock_ms: int = param(1000, "both are compared over this long", "choice", lo=100, hi=60000)
    late_clear_ms: int = param(
        1000, "on-time frames for this long end the late fault", "choice", lo=0, hi=60000
    )
    frozen_ms: int = param(
        1000,
        "equal pixels for this long are a frozen camera",
        "choice: sensor noise never repeats",
        lo=100,
        hi=60000,
    )
    frozen_min_frames: int = param(
        5,
        "and in at least this many frames",
        "choice: doubled frames of a converted video",
        lo=2,
        hi=1000,
    )
    dark_share: float = param(
        0.95, "share of near-black pixels of a dark image", "choice", lo=0.5, hi=1
    )
    saturated_share: float = param(
        0.60, "share of near-white pixels of a saturated image", "choice", lo=0.2, hi=1
    )
    blank_contrast: float = param(
        3.0,
        "grey-level deviation below which an image shows nothing",
        "choice: a covered lens",
        lo=0,
        hi=50,
    )
    blur_sharpness: float = param(
        0.43,
        "sharpness at which an image is blurred",
        "measured: see docs/engine.md",
        lo=0,
        hi=1,
    )
    blur_ms: int = param(
        2500,
        "blurred for this long: the lens, not a movement",
        "choice: with `alerts.cannot_see_ms` told within 10 s",
        lo=500,
        hi=10000,
    )
    dirt_sharpness: float = param(
        0.62,
        "a face at most this share as sharp as the frame has something before it on the lens, or "
        "the lens is focused behind it",
        "measured: see docs/engine.md",
        lo=0,
        hi=1,
    )
    dirt_ms: int = param(
        2500,
        "such a face for this long, with none seen in between for less: not a movement",
        "choice: with `alerts.cannot_see_ms` told within 10 s; behind dirt a face is found now and "
        "then",
        lo=500,
        hi=10000,
    )
    led_fall: float = param(
        0.2,
        "a dark picture with at most this share of the mean grey level of the one before, in "
        "time, went dark at once: the infrared light, not a tunnel or a hand",
        "choice: a hand takes several frames to cover a lens",
        lo=0,
        hi=1,
    )
    led_off_ms: int = param(
        2000, "dark at once and for this long: the light is off", "choice", lo=500, hi=60000
    )
    hot_degc: float = param(
        100.0,
        "processor temperature from which frames may fail",
        "choice: below the 105 to 125 degC that automotive processors allow",
        lo=50,
        hi=150,
    )
    hot_hysteresis_degc: float = param(5.0, "so much cooler is cool again", "choice", lo=0, hi=50)
    drift_limit: float = param(
        1.5,
        "drift of the pictures from the networks' training data at which they are unfamiliar",
        "measured: see docs/engine.md",
        lo=1,
        hi=1000,
    )
    drift_clear: float = param(
        1.3,
        "drift below which unfamiliar pictures are familiar again",
        "choice: real streams as they are stay below 0.9, docs/engine.md",
        lo=0,
        hi=1000,
    )
    stall_ms: int = param(
        500,
        "no result for this long: the diagnostics take the camera for silent (can.stale_ms is what "
        "the bus is told by)",
        "choice",
        lo=50,
        hi=60000,
    )
    watchdog_ms: int = param(
        2000,
        "no frame completed for this long: stop pinging the service watchdog",
        "choice",
        lo=100,
        hi=600000,
    )
