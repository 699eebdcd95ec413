"""The engine in the toy world, where a face is a bright disc: what it follows and what it loses."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import toy_nets
from numpy.typing import NDArray
from toy_nets import HEAD_YAW, picture

from dms.config import Config
from dms.engine import Engine, EngineError, model_files, models_dir, open_engine, ort_library
from dms.types import Face, Frame, Observation, SeatSide
from tools.train.witness import RIGID, RIGID_CM, head_box

LIBRARY = str(ort_library())
MS = 1_000_000
FRAME_NS = 33_333_333
Disc = tuple[float, float, float]


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return toy_nets.all_nets(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def engine(nets: dict[str, str]) -> Engine:
    return Engine(nets, LIBRARY)


class Stream:
    """Feeds an engine frame by frame."""

    def __init__(self, engine: Engine, period_ns: int = FRAME_NS) -> None:
        self.engine, self.period_ns, self.seq, self.t_ns = engine, period_ns, 0, 0

    def show(self, *discs: Disc, size: tuple[int, int] = (640, 480)) -> Observation:
        frame = Frame(self.seq, self.t_ns, picture(list(discs), *size, seed=self.seq))
        self.seq += 1
        self.t_ns += self.period_ns
        return self.engine.step(frame)

    def skip(self, duration_ns: int) -> None:
        self.t_ns += duration_ns


def face_of(seen: Observation) -> Face:
    assert seen.face is not None
    return seen.face


def box_of(face: Face) -> tuple[float, float, float]:
    """Centre and radius of the disc, out of the landmarks."""
    low, high = face.landmarks_px.min(0), face.landmarks_px.max(0)
    cx, cy = (low + high) / 2
    return float(cx), float(cy), float((high - low).max() / 2)


def assert_on(seen: Observation, disc: Disc, tolerance: float = 3.0) -> None:
    assert box_of(face_of(seen)) == pytest.approx(disc, abs=tolerance)


def test_a_face_is_found_in_the_first_frame(engine: Engine) -> None:
    seen = Stream(engine).show((300, 200, 60))
    assert_on(seen, (300, 200, 60))
    face = face_of(seen)
    assert face.score > 0.9
    assert face.landmarks_px.shape == (68, 2)
    assert face.yaw_rad == pytest.approx(HEAD_YAW, abs=1e-3)
    assert (face.pitch_rad, face.roll_rad) == pytest.approx((0, 0), abs=1e-3)
    assert face.rotation_sigma_rad == pytest.approx(math.exp(-3) * math.sqrt(math.pi / 8), rel=1e-3)


def test_the_box_is_that_of_the_mean_head_turned_and_scaled_to_the_landmarks(
    engine: Engine,
) -> None:
    face = face_of(Stream(engine).show((300, 200, 60)))
    c, s = math.cos(HEAD_YAW), math.sin(HEAD_YAW)
    expected = head_box(face.landmarks_px, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
    assert expected[2:].min() > 60
    assert face.box_px == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("yaw_deg", [-80, 0, 35])
def test_the_head_box_holds_the_chin_and_the_back_of_the_head(yaw_deg: float) -> None:
    """The model's own landmarks, 4 px a cm, at (200, 300)."""
    c, s = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    turned = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    marks = np.zeros((68, 2))
    marks[list(RIGID)] = [200, 300] + 4 * (RIGID_CM @ turned.T)[:, :2] * [1, -1]
    x, y, width, height = head_box(marks, turned)
    assert y + height == pytest.approx(300 + 4 * 11.3)
    assert height == pytest.approx(4 * (22 + 1.5))  # with hair
    back = 200 + 4 * (turned @ [0, 0, -20.9])[0]
    assert x <= back + 0.5
    assert back - 0.5 <= x + width
    assert width == pytest.approx(8 * math.hypot(9 * c, 11.65 * s))


def test_an_empty_picture_has_no_face_and_is_no_error(engine: Engine) -> None:
    seen = Stream(engine).show()
    assert seen.face is None
    assert seen.action is None
    assert seen.quality.mean == pytest.approx(toy_nets.GREY, abs=1)


def test_a_moving_face_is_followed(engine: Engine) -> None:
    stream = Stream(engine)
    for i in range(40):
        disc = (150 + 8.0 * i, 200 + 60 * math.sin(i / 6), 50.0 + 0.5 * i)
        assert_on(stream.show(disc), disc, 4.0)


def test_a_face_that_jumps_across_the_frame_is_found_there(engine: Engine) -> None:
    stream = Stream(engine)
    stream.show((150, 200, 50))
    seen = [stream.show((480, 250, 50)) for _ in range(12)]
    assert_on(seen[-1], (480, 250, 50))


def test_a_short_disappearance_is_held_and_a_long_one_is_lost(engine: Engine) -> None:
    stream = Stream(engine)
    for _ in range(5):
        assert stream.show((300, 200, 60)).face is not None
    for _ in range(4):
        assert stream.show().face is None
    assert_on(stream.show((300, 200, 60)), (300, 200, 60))
    for _ in range(30):
        stream.show()
    assert_on(stream.show((150, 300, 60)), (150, 300, 60))


@pytest.mark.parametrize(
    ("seat", "x"), [(SeatSide.LEFT, 470), (SeatSide.RIGHT, 170), (SeatSide.UNKNOWN, None)]
)
def test_of_two_people_the_one_in_the_drivers_seat_is_seen(
    nets: dict[str, str], seat: SeatSide, x: float | None
) -> None:
    seen = Stream(Engine(nets, LIBRARY, seat)).show((170, 220, 60), (470, 220, 60))
    found = box_of(face_of(seen))[0]
    assert found == pytest.approx(x if x is not None else found, abs=4)
    assert min(abs(found - 170), abs(found - 470)) < 4


def test_the_drivers_return_takes_the_track_from_a_passenger(nets: dict[str, str]) -> None:
    stream = Stream(Engine(nets, LIBRARY, SeatSide.LEFT))
    for _ in range(5):
        assert_on(stream.show((170, 220, 60)), (170, 220, 60))
    found = [box_of(face_of(stream.show((170, 220, 60), (500, 220, 60))))[0] for _ in range(80)]
    assert found[0] == pytest.approx(170, abs=4)
    assert found[-1] == pytest.approx(500, abs=4)


def test_a_passenger_who_appears_does_not_take_the_track(nets: dict[str, str]) -> None:
    stream = Stream(Engine(nets, LIBRARY, SeatSide.LEFT))
    stream.show((500, 220, 60))
    for _ in range(80):
        assert_on(stream.show((170, 220, 60), (500, 220, 60)), (500, 220, 60))


def test_the_window_fills_at_fifteen_steps_a_second(engine: Engine) -> None:
    stream = Stream(engine)
    steps = [stream.show((300, 200, 60)).action for _ in range(70)]
    assert all(s is not None for s in steps)
    counts = [s.window_steps for s in steps if s is not None]
    assert counts[:5] == [1, 1, 2, 2, 3]
    assert counts[-1] == 32
    ages = [s.age_ns for s in steps if s is not None]
    assert set(ages) <= {0, FRAME_NS}
    for s in steps:
        assert s is not None
        assert sum(s.probabilities) == pytest.approx(1, abs=1e-5)


def test_a_slow_camera_still_fills_the_window_in_its_own_time(engine: Engine) -> None:
    stream = Stream(engine, period_ns=200 * MS)
    counts = [stream.show((300, 200, 60)).action for _ in range(4)]
    assert [c.window_steps for c in counts if c is not None] == [1, 4, 7, 10]


def test_a_lost_driver_empties_the_window(engine: Engine) -> None:
    stream = Stream(engine)
    for _ in range(70):
        stream.show((300, 200, 60))
    seen = [stream.show() for _ in range(90)]
    assert seen[0].action is not None
    assert seen[-1].action is None
    again = stream.show((300, 200, 60)).action
    assert again is not None
    assert again.window_steps == 1


@pytest.mark.parametrize("jump_ns", [-500 * MS, 1500 * MS])
def test_a_jump_in_time_forgets_the_stream(engine: Engine, jump_ns: int) -> None:
    stream = Stream(engine)
    for _ in range(30):
        stream.show((300, 200, 60))
    stream.skip(jump_ns)
    seen = stream.show((150, 300, 60))
    assert_on(seen, (150, 300, 60))
    assert seen.action is not None
    assert seen.action.window_steps == 1


def test_a_frozen_picture_is_counted_and_still_measured(engine: Engine) -> None:
    image = picture([(300, 200, 60)])
    seen = [engine.step(Frame(i, i * FRAME_NS, image)) for i in range(5)]
    assert [s.quality.frozen_frames for s in seen] == [0, 1, 2, 3, 4]
    assert_on(seen[-1], (300, 200, 60))
    assert engine.step(Frame(5, 5 * FRAME_NS, picture([], seed=9))).quality.frozen_frames == 0


def test_the_frame_size_may_change(engine: Engine) -> None:
    stream = Stream(engine)
    for size in [(640, 480), (1280, 800), (320, 240), (333, 517)]:
        disc = (size[0] * 0.5, size[1] * 0.5, max(size) / 11)
        assert_on(stream.show(disc, size=size), disc, 5.0)


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (400, 16), (17, 33), (64, 64)])
def test_small_and_narrow_pictures_are_no_error(engine: Engine, size: tuple[int, int]) -> None:
    image = picture([], *size)
    assert engine.step(Frame(0, 0, image)).face is None
    engine.still(Frame(0, 0, image))


@pytest.mark.parametrize(
    ("disc", "size"),
    [
        ((300, 200, 60), (640, 480)),
        ((1500, 400, 32), (1920, 1080)),
        ((40, 500, 30), (1600, 1200)),
        ((200, 200, 170), (400, 400)),
        ((150, 700, 70), (300, 1400)),
        ((1700, 100, 60), (2400, 220)),
    ],
)
def test_a_still_finds_a_face_of_any_size(
    engine: Engine, disc: Disc, size: tuple[int, int]
) -> None:
    seen = engine.still(Frame(0, 0, picture([disc], *size)))
    assert_on(seen, disc, max(4.0, 0.06 * disc[2]))
    assert seen.action is not None


def test_a_still_is_searched_round_a_proposal_that_lies_on_its_brow(
    nets: dict[str, str], tmp_path: Path
) -> None:
    image = picture([(225, 150, 45)], 480, 360)  # too small to be searched in tiles
    above = str(toy_nets.cabin(tmp_path / "cabin.onnx", side=16, down=-4))
    seen = Engine(nets | {"cabin": above}, LIBRARY).still(Frame(0, 0, image))
    assert_on(seen, (225, 150, 45), 15)
    far_off = str(toy_nets.cabin(tmp_path / "cabin.onnx", side=16, down=-8))
    assert Engine(nets | {"cabin": far_off}, LIBRARY).still(Frame(0, 0, image)).face is None


def test_a_still_remembers_nothing_and_leaves_the_stream_alone(nets: dict[str, str]) -> None:
    plain, mixed = Engine(nets, LIBRARY), Engine(nets, LIBRARY)
    other = Frame(0, 0, picture([(100, 100, 70)]))
    alone = mixed.still(other)
    for i in range(20):
        frame = Frame(i, i * FRAME_NS, picture([(300 + i, 200, 60)], seed=i))
        assert same(plain.step(frame), mixed.step(frame))
        assert same(mixed.still(other), alone)


def same(a: object, b: object) -> bool:
    """Equal in every field, arrays bit by bit."""
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        names = [f.name for f in dataclasses.fields(a)]
        return all(same(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, np.asarray(b)))
    return a == b


def test_the_same_frames_give_the_same_bits(nets: dict[str, str]) -> None:
    first, second = Stream(Engine(nets, LIBRARY)), Stream(Engine(nets, LIBRARY))
    for i in range(40):
        discs = [] if 10 < i < 25 else [(200 + 5.0 * i, 220, 50.0)]
        assert same(first.show(*discs), second.show(*discs))


def test_both_eyes_look_where_the_head_points(engine: Engine) -> None:
    # The toy's eye network returns its pose input as gaze: a mirrored eye must come out unmirrored.
    face = face_of(Stream(engine).show((300, 200, 60)))
    for eye in (face.eye_left, face.eye_right):
        assert eye.visible == pytest.approx(1 / (1 + math.exp(-4)), abs=1e-4)
        assert eye.open == pytest.approx(0.9, abs=1e-3)
        assert eye.gaze_yaw_rad == pytest.approx(math.sin(HEAD_YAW), abs=2e-3)
        assert eye.gaze_pitch_rad == pytest.approx(0, abs=2e-3)
        assert eye.open_sigma == pytest.approx(math.exp(-2), rel=1e-3)
        one_axis = math.exp(-2) * math.sqrt(2 / math.pi)  # of an error of that mean length
        assert eye.gaze_sigma_rad == pytest.approx(one_axis, rel=1e-3)


def test_an_eye_that_is_not_visible_says_nothing_else(nets: dict[str, str], tmp_path: Path) -> None:
    hidden = nets | {"eyes": str(toy_nets.eyes(tmp_path / "eyes.onnx", visible=-2.0))}
    face = face_of(Stream(Engine(hidden, LIBRARY)).show((300, 200, 60)))
    for eye in (face.eye_left, face.eye_right):
        assert eye.visible == pytest.approx(1 / (1 + math.exp(2)), abs=1e-4)
        assert eye.open is eye.closed is eye.gaze_yaw_rad is eye.gaze_sigma_rad is None


@pytest.mark.parametrize(("x", "y"), [(320, 240), (520, 240), (320, 380), (120, 100)])
def test_a_known_lens_makes_angles_relative_to_the_optical_axis(
    nets: dict[str, str], x: float, y: float
) -> None:
    hfov = math.radians(60)
    focal = 320 / math.tan(hfov / 2)
    face = face_of(Stream(Engine(nets, LIBRARY, hfov_rad=hfov)).show((x, y, 50)))
    # A face turned along its ray points back at the camera.
    yaw = math.atan2(-(x - 320) / focal, 1)
    pitch = math.atan2((y - 240) / focal, math.hypot(1, (x - 320) / focal))
    assert face.pitch_rad == pytest.approx(pitch * math.cos(HEAD_YAW), abs=0.05)
    assert face.yaw_rad == pytest.approx(yaw + HEAD_YAW, abs=0.05)


def test_frames_must_be_grey_bytes_in_rows(engine: Engine) -> None:
    for image in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32),
                  np.zeros((8, 8), np.uint8)[:, ::2]):  # fmt: skip
        with pytest.raises((TypeError, ValueError)):
            engine.step(Frame(0, 0, image))  # type: ignore[arg-type]


def test_a_broken_models_folder_is_one_clear_error(tmp_path: Path) -> None:
    config = Config(engine=dataclasses.replace(Config().engine, models_dir=str(tmp_path)))
    with pytest.raises(EngineError, match=r"manifest\.yaml"):
        open_engine(config)


@pytest.fixture(scope="module")
def shipped() -> Engine:
    if not (models_dir() / "manifest.yaml").is_file():
        pytest.skip("no networks in models/")
    return Engine(model_files(models_dir()), LIBRARY)


def test_shipped_networks_see_no_face_in_noise_and_blank_pictures(shipped: Engine) -> None:
    rng = np.random.default_rng(1)
    images: list[NDArray[np.uint8]] = [
        np.full((480, 640), level, np.uint8) for level in (0, 90, 255)
    ]
    images += [rng.integers(0, 256, (480, 640), dtype=np.uint8) for _ in range(3)]
    for i, image in enumerate(images):
        assert shipped.still(Frame(i, 0, image)).face is None


def test_a_still_is_the_mean_of_plain_and_mirrored_looks(engine: Engine) -> None:
    """The toy's face network sees every head turned by the same angle, a mirrored one too."""
    frame = Frame(0, 0, picture([(300, 200, 60)]))
    assert face_of(engine.step(frame)).yaw_rad == pytest.approx(HEAD_YAW, abs=1e-3)
    still = face_of(engine.still(frame))
    assert still.yaw_rad == pytest.approx(0, abs=1e-3)
    assert still.mouth_open == pytest.approx(0.1, abs=1e-3)


def test_a_still_leaves_where_the_streams_body_is(nets: dict[str, str]) -> None:
    """The face is lost for a while, the body is looked at where it was."""
    plain, mixed = Engine(nets, LIBRARY), Engine(nets, LIBRARY)
    for i in range(24):
        discs = [(400, 200, 40)] if i < 8 else []
        frame = Frame(i, i * FRAME_NS, picture(discs, seed=i))
        assert same(plain.step(frame), mixed.step(frame))
        mixed.still(Frame(0, 0, picture([(100, 100, 70)])))


def test_after_a_reset_a_stream_is_searched_from_its_beginning(engine: Engine) -> None:
    frames = [Frame(i, i * FRAME_NS, picture([(1500, 400, 30)], 1920, 1080)) for i in range(60)]
    first = [engine.step(frame) for frame in frames[:20]]
    engine.reset()
    assert same([s.face is None for s in first], [engine.step(f).face is None for f in frames[:20]])


def test_a_stream_without_a_face_is_searched_a_tile_a_frame(engine: Engine) -> None:
    disc: Disc = (1500, 400, 30)
    frames = [engine.step(Frame(i, i * FRAME_NS, picture([disc], 1920, 1080))) for i in range(60)]
    found = [i for i, seen in enumerate(frames) if seen.face]
    assert found, "9 tiles of half the frame and 49 of a quarter"
    assert found == list(range(found[0], 60))
    assert_on(frames[-1], disc, 4.0)


def test_an_eye_outside_the_frame_is_not_visible(engine: Engine) -> None:
    whole = face_of(Stream(engine).show((300, 200, 60)))
    assert min(whole.eye_left.visible, whole.eye_right.visible) > 0.9
    cut = face_of(engine.still(Frame(0, 0, picture([(300, -25, 60)]))))
    for eye in (cut.eye_left, cut.eye_right):
        assert eye.visible == 0
        assert eye.open is eye.closed is eye.gaze_yaw_rad is None
