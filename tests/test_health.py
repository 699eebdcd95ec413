"""Is the input fit to judge a driver by?"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dms import health
from dms.config import Config, HealthConfig
from dms.engine import open_engine
from dms.pipeline import Pipeline
from dms.types import Availability, Frame, Observation, Quality, Reason, Step, VehicleState

MS = 1_000_000
CLEAR = Quality(mean=90, contrast=40, dark=0.01, saturated=0.01, sharpness=0.5, frozen_frames=0)
DARK = replace(CLEAR, mean=2, contrast=1, dark=0.99)
BRIGHT = replace(CLEAR, mean=250, saturated=0.9)
BLANK = replace(CLEAR, contrast=0.5)
BLURRED = replace(CLEAR, sharpness=0.28)
SHARP_FACE = replace(CLEAR, sharpness=0.9, face_sharpness=0.8)
SOFT_FACE = replace(CLEAR, sharpness=0.9, face_sharpness=0.5)
NO_FACE = replace(CLEAR, sharpness=0.9)


class Camera:
    """Feeds frames; 30 a second unless told."""

    def __init__(self) -> None:
        self.state, self.t_ns = health.start(), 10**12

    def see(self, frames: int, quality: Quality = CLEAR, every_ms: int = 33) -> Reason:
        reason = Reason.NONE
        for i in range(frames):
            self.t_ns += every_ms * MS
            frozen = i + 1 if quality.frozen_frames else 0
            shown = replace(quality, frozen_frames=frozen)
            observation = Observation(i, self.t_ns, None, None, shown)
            self.state, reason = health.step(self.state, observation, HealthConfig())
        return reason


@pytest.mark.parametrize(
    ("quality", "reason"),
    [
        (DARK, Reason.IMAGE_DARK),
        (BRIGHT, Reason.IMAGE_SATURATED),
        (BLANK, Reason.IMAGE_BLANK),
        (CLEAR, Reason.NONE),
    ],
)
def test_an_image_that_shows_nothing_is_named_once_it_lasts(
    quality: Quality, reason: Reason
) -> None:
    camera = Camera()
    camera.see(10)
    assert camera.see(14, quality) == Reason.NONE
    assert camera.see(4, quality) == reason
    assert camera.see(1) == Reason.NONE


def test_a_blur_that_stays_is_the_lens_and_one_that_passes_is_not() -> None:
    camera = Camera()
    camera.see(10)
    for _ in range(5):
        assert camera.see(60, BLURRED) == Reason.NONE
        assert camera.see(1) == Reason.NONE
    assert camera.see(95, BLURRED) == Reason.IMAGE_BLURRED
    assert camera.see(1) == Reason.NONE
    nothing_stands_out = replace(CLEAR, sharpness=None)
    assert camera.see(200, nothing_stands_out) == Reason.NONE
    assert camera.see(200, replace(BLANK, sharpness=0.28)) == Reason.IMAGE_BLANK


def test_a_face_that_stays_soft_in_a_sharp_frame_has_dirt_before_it() -> None:
    camera = Camera()
    assert camera.see(300, SHARP_FACE) == Reason.NONE
    for _ in range(5):  # a head that moves
        assert camera.see(60, SOFT_FACE) == Reason.NONE
        assert camera.see(1, SHARP_FACE) == Reason.NONE
    assert camera.see(95, SOFT_FACE) == Reason.LENS_DIRTY
    assert camera.see(1, SHARP_FACE) == Reason.NONE
    assert camera.see(300, replace(SOFT_FACE, sharpness=0.6)) == Reason.NONE
    assert camera.see(300, replace(SOFT_FACE, sharpness=None)) == Reason.NONE


def test_behind_dirt_a_face_may_come_and_go_but_no_face_for_long_is_no_dirt() -> None:
    camera, dirt_ms = Camera(), HealthConfig().dirt_ms
    camera.see(1, SOFT_FACE)
    assert camera.see(dirt_ms // 33 + 1, NO_FACE) == Reason.NONE, "one sight is none"
    for _ in range(2):
        camera.see(2, SOFT_FACE)
        camera.see((dirt_ms - 100) // 33, NO_FACE)
    assert camera.see(1, SOFT_FACE) == Reason.LENS_DIRTY
    assert camera.see(200, NO_FACE) == Reason.NONE
    assert camera.see(1, SOFT_FACE) == Reason.NONE


def driven(camera: Path, dirty: bool) -> list[Step]:
    """The bundled drive's first 10 s, as they are or with a soft spot on the lens at the face."""
    capture, engine = cv2.VideoCapture(str(camera)), open_engine(Config())
    hz = capture.get(cv2.CAP_PROP_FPS)
    pipeline = Pipeline(Config(), lambda state, alerts, locked_out: None)
    steps: list[Step] = []
    box = None
    for i in range(round(10 * hz)):
        image = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2GRAY)
        t_ns = round(i * 1e9 / hz)
        shown = smeared(image, box) if dirty and box else image
        seen = engine.step(Frame(i, t_ns, np.ascontiguousarray(shown, np.uint8)))
        box = box or (seen.face and seen.face.box_px)
        steps.append(pipeline.step(seen, VehicleState(t_ns, 25.0)))
    return steps


def smeared(
    image: NDArray[np.uint8], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    x, y, width, height = box
    spot = np.zeros(image.shape, np.float32)
    middle, half = (int(x + width / 2), int(y + height / 2)), (int(0.8 * width), int(0.8 * height))
    cv2.ellipse(spot, middle, half, 0, 0, 360, 1.0, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), 0.12 * width)
    soft = 0.8 * cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.05 * width) + 30
    return np.asarray(image * (1 - spot) + soft * spot, np.float32)


@pytest.mark.parametrize("dirty", [False, True])
def test_a_spot_of_dirt_before_the_face_is_told_within_10_s(demo_drive: Path, dirty: bool) -> None:
    steps = driven(demo_drive / "camera.mp4", dirty)
    told = [s.state for s in steps if s.state.reason == Reason.LENS_DIRTY]
    assert bool(told) == dirty
    assert all(s.availability == Availability.DEGRADED for s in told)


def test_a_flash_or_a_bridge_is_no_fault() -> None:
    camera = Camera()
    for quality in (BRIGHT, CLEAR, DARK, CLEAR) * 5:
        assert camera.see(8, quality) == Reason.NONE


def test_equal_pixels_for_a_second_are_a_frozen_camera_even_if_frames_keep_coming() -> None:
    frozen = replace(CLEAR, frozen_frames=1)
    camera = Camera()
    camera.see(5)
    assert camera.see(28, frozen) == Reason.NONE
    assert camera.see(32, frozen) == Reason.IMAGE_FROZEN
    assert camera.see(1) == Reason.NONE


def test_doubled_frames_of_a_converted_video_are_not_frozen() -> None:
    camera = Camera()
    for _ in range(100):
        camera.see(1)
        assert camera.see(1, replace(CLEAR, frozen_frames=1)) == Reason.NONE


def test_a_slow_camera_that_repeats_a_few_frames_is_not_frozen_yet() -> None:
    assert Camera().see(4, replace(CLEAR, frozen_frames=1), every_ms=290) == Reason.NONE


def test_a_camera_frozen_from_its_first_frame_is_found() -> None:
    assert Camera().see(40, replace(CLEAR, frozen_frames=1)) == Reason.IMAGE_FROZEN


def test_late_frames_are_a_fault_until_they_come_on_time_for_a_second() -> None:
    camera = Camera()
    camera.see(10)
    assert camera.see(1, every_ms=301) == Reason.FRAMES_LATE
    assert camera.see(30) == Reason.FRAMES_LATE
    assert camera.see(2) == Reason.NONE
    assert camera.see(20, every_ms=100) == Reason.NONE


def test_a_stamp_that_goes_back_is_late() -> None:
    camera = Camera()
    camera.see(10)
    assert camera.see(1, every_ms=-500) == Reason.FRAMES_LATE


def stamped(
    stamps: Iterable[int], clock: Sequence[int] = (), config: HealthConfig | None = None
) -> list[Reason]:
    """What is told of each of these frames; `clock`: when they were seen."""
    state, told, config = health.start(), [], config or HealthConfig()
    for i, t_ns in enumerate(stamps):
        seen, now_ns = Observation(i, t_ns, None, None, CLEAR), clock[i] if clock else None
        state, reason = health.step(state, seen, config, now_ns=now_ns)
        told.append(reason)
    return told


@pytest.mark.parametrize("hz", [10, 20, 30, 60])
@pytest.mark.parametrize("unit", [0, 1e-9, 1e-6, 1e-3], ids=["still", "s", "ms", "us"])
def test_stamps_that_stand_still_or_are_no_nanoseconds_are_late(hz: int, unit: float) -> None:
    told = stamped(10**15 + round(i * unit * 10**9 / hz) for i in range(100))
    assert told[10:] == [Reason.FRAMES_LATE] * 90
    assert told[:10] == [Reason.NONE] * 10


def test_a_clock_that_goes_on_is_believed_after_a_second() -> None:
    still, goes = [10**12] * 30, [10**12 + i * 33 * MS for i in range(1, 60)]
    told = stamped(still + goes)
    assert told[29:60] == [Reason.FRAMES_LATE] * 31
    assert told[61:] == [Reason.NONE] * 28


def test_doubled_stamps_a_coarse_clock_and_a_fast_camera_are_on_time() -> None:
    for stamps in (
        [i // 2 * 66 * MS for i in range(100)],
        [i * 17 // 100 * 100 * MS for i in range(200)],
        [i * 2 * MS for i in range(1000)],
    ):
        assert set(stamped(stamps)) == {Reason.NONE}


@pytest.mark.parametrize("speed", [0.0, 0.001, 0.1, 0.4, 2.5, 8.0])
def test_live_stamps_that_do_not_keep_up_with_the_clock_are_late(speed: float) -> None:
    clock = [10**15 + i * 33 * MS for i in range(150)]
    told = stamped([round(i * 33 * MS * speed) for i in range(150)], clock)
    assert told[32:] == [Reason.FRAMES_LATE] * 118


@given(
    st.integers(0, 2**61),
    st.integers(0, 2**61),
    st.sampled_from([1, 10, 20, 30, 60]),
    st.floats(0.7, 1.4),
    st.lists(st.integers(0, 250), min_size=50, max_size=50),
)
def test_live_stamps_of_any_clock_that_goes_about_right_are_on_time(
    stamp: int, now: int, hz: int, speed: float, waits_ms: list[int]
) -> None:
    steps = [i * 10**9 // hz for i in range(50)]
    clock = [now + t + wait * MS for t, wait in zip(steps, waits_ms, strict=True)]
    clock = list(itertools.accumulate(clock, max))
    far = HealthConfig(late_ms=10000)
    told = stamped([stamp + round(t * speed) for t in steps], clock, far)
    assert set(told) == {Reason.NONE}


def test_a_clock_that_strayed_is_believed_once_it_goes_right_for_a_second() -> None:
    stamps = [i * 8 * MS for i in range(100)]
    stamps += [stamps[-1] + i * 33 * MS for i in range(1, 100)]
    told = stamped(stamps, [10**15 + i * 33 * MS for i in range(199)])
    assert told[32:100] == [Reason.FRAMES_LATE] * 68
    assert told[165:] == [Reason.NONE] * 34


def test_a_gap_in_stamps_and_clock_alike_is_late_for_a_second_and_no_longer() -> None:
    stamps = [i * 33 * MS + (i >= 50) * 5 * 10**9 for i in range(150)]
    told = stamped(stamps, stamps)
    assert told[50:81] == [Reason.FRAMES_LATE] * 31
    assert set(told[:50] + told[82:]) == {Reason.NONE}


def test_pictures_unlike_the_training_data_are_told_until_they_are_like_it_again() -> None:
    camera, config = Camera(), HealthConfig()
    limit, clear = config.drift_limit, config.drift_clear
    assert camera.see(30, replace(CLEAR, drift=0.99 * limit)) == Reason.NONE
    assert camera.see(1, replace(CLEAR, drift=limit)) == Reason.INPUT_UNFAMILIAR
    assert camera.see(1, replace(CLEAR, drift=clear)) == Reason.INPUT_UNFAMILIAR
    assert camera.see(1, replace(CLEAR, drift=0.99 * clear)) == Reason.NONE


def test_drift_that_is_not_known_is_no_fault() -> None:
    assert Camera().see(30, replace(CLEAR, drift=None)) == Reason.NONE


def test_a_fault_of_the_image_is_told_before_its_unfamiliarity() -> None:
    camera = Camera()
    camera.see(30, replace(DARK, drift=1000.0))
    assert camera.see(1, replace(DARK, drift=1000.0)) == Reason.IMAGE_DARK


def test_the_watchdog_is_not_pinged_without_frames() -> None:
    config = HealthConfig()
    assert health.may_ping(0, 1999 * MS, config)
    assert not health.may_ping(0, 2000 * MS, config)
    assert not health.may_ping(10, 0, config)


def test_a_picture_that_is_dark_at_once_and_stays_so_is_a_failed_light() -> None:
    camera = Camera()
    camera.see(10)
    assert camera.see(50, DARK) == Reason.IMAGE_DARK
    assert camera.see(14, DARK) == Reason.LED_OFF
    assert camera.see(300, DARK) == Reason.LED_OFF
    assert camera.see(1) == Reason.NONE
    assert camera.see(20, DARK) == Reason.IMAGE_DARK


@pytest.mark.parametrize("path", [(60, 30, 9, 2), (2,)])
def test_a_picture_that_fades_or_was_never_bright_is_dark_and_no_more(
    path: tuple[int, ...],
) -> None:
    camera = Camera()
    for mean in path:
        dark = 0.99 if mean < 10 else 0.1
        camera.see(1, replace(CLEAR, mean=mean, dark=dark))
    assert camera.see(200, DARK) == Reason.IMAGE_DARK


def test_darkness_after_a_gap_says_nothing_of_the_light() -> None:
    camera = Camera()
    camera.see(10)
    camera.see(1, DARK, every_ms=2000)
    assert camera.see(200, DARK) == Reason.IMAGE_DARK


def test_heat_is_told_until_it_is_clearly_cooler() -> None:
    state, config = health.start(), HealthConfig()
    told = []
    for i, degc in enumerate((None, 99.9, 100.0, 96.0, 94.9, 99.9)):
        seen = Observation(i, 10**12 + i * 33 * MS, None, None, CLEAR)
        state, reason = health.step(state, seen, config, degc)
        told.append(reason)
    hot = Reason.TOO_HOT
    assert told == [Reason.NONE, Reason.NONE, hot, hot, Reason.NONE, Reason.NONE]
