"""Frame sources: what they yield, in which time, and how they refuse."""

from __future__ import annotations

import io
import itertools
import os
import stat
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms import container, rawstream
from dms.container import Kind
from dms.errors import SourceError
from dms.source import kind_of, open_source, to_mono8
from dms.types import Frame

GREY = np.tile(np.arange(64, dtype=np.uint8) * 3, (48, 1))


def video(path: Path, frames: int = 20, codec: str = "mp4v", fps: float = 10) -> Path:
    fourcc = cv2.VideoWriter_fourcc(*codec)  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, fps, (64, 48), True)
    rng = np.random.default_rng(0)
    for i in range(frames):
        noise = rng.integers(0, 40, (48, 64, 3), np.uint8)
        writer.write(np.full((48, 64, 3), i * 8, np.uint8) + noise)
    writer.release()
    return path


def gif(path: Path, delays_ms: list[int]) -> Path:
    animation = cv2.Animation()
    animation.frames = [np.full((48, 64, 3), i * 30, np.uint8) for i in range(len(delays_ms))]
    animation.durations = np.array(delays_ms, np.int32)
    assert cv2.imwriteanimation(str(path), animation)
    return path


def cut(path: Path, share: float = 0.7) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def all_frames(name: Path | str, **kwargs: Any) -> tuple[list[Frame], list[str]]:
    source = open_source(str(name), **kwargs)
    return list(source.frames()), source.losses


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "mp4v"), ("a.webm", "VP90"), ("a.avi", "MJPG"), ("a.mkv", "FFV1")],
)
def test_a_whole_video_gives_every_frame_with_its_stamp(
    tmp_path: Path, name: str, codec: str
) -> None:
    frames, losses = all_frames(video(tmp_path / name, codec=codec))
    assert [f.seq for f in frames] == list(range(20))
    assert [f.t_ns for f in frames] == [i * 100_000_000 for i in range(20)]
    assert not losses
    image = frames[0].image
    assert image.dtype == np.uint8
    assert image.shape == (48, 64)
    assert image.flags.c_contiguous


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "VP90"), ("a.avi", "MJPG")])
def test_a_cut_video_gives_the_frames_before_the_cut_and_says_so(
    tmp_path: Path, name: str, codec: str
) -> None:
    frames, losses = all_frames(cut(video(tmp_path / name, codec=codec)))
    assert 5 <= len(frames) < 20
    assert len(losses) == 1
    assert "bytes are missing" in losses[0]


def test_an_mp4_without_its_index_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be opened as a video: .* bytes are missing"):
        open_source(str(cut(video(tmp_path / "a.mp4"))))


def test_gif_delays_are_kept_exactly(tmp_path: Path) -> None:
    frames, losses = all_frames(gif(tmp_path / "a.gif", [50, 120, 300, 40]))
    assert [f.t_ns // 1_000_000 for f in frames] == [0, 50, 170, 470]
    assert not losses


def test_a_cut_gif_is_noticed(tmp_path: Path) -> None:
    _, losses = all_frames(cut(gif(tmp_path / "a.gif", [50] * 8), 0.9))
    assert "end mark" in losses[0]


def test_a_folder_is_read_in_natural_order_at_the_given_rate(tmp_path: Path) -> None:
    for i in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"frame{i}.png"), GREY + np.uint8(i))
    (tmp_path / "notes.txt").write_text("not a picture")
    source = open_source(str(tmp_path), fps=20)
    frames = list(source.frames())
    assert [Path(source.file(f.seq)).name for f in frames] == [
        "frame1.png",
        "frame2.png",
        "frame10.png",
    ]
    assert [f.t_ns for f in frames] == [0, 50_000_000, 100_000_000]
    assert [int(f.image[0, 0]) for f in frames] == [1, 2, 10]


def test_a_broken_picture_in_a_folder_is_left_out_aloud(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), GREY)
    (tmp_path / "2.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "3.png"), GREY)
    frames, losses = all_frames(tmp_path)
    assert [f.seq for f in frames] == [0, 2]
    assert "2.png: is empty" in losses[0]


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_sixteen_bit_pictures_keep_the_upper_eight_of_the_bits_in_use(
    tmp_path: Path, bits: int
) -> None:
    path = tmp_path / "a.png"
    grey = GREY.astype(np.uint16)
    grey[0, 0] = 255  # something is bright
    cv2.imwrite(str(path), (grey << bits - 8) + (1 << bits - 8) - 1)
    (frame,), _ = all_frames(path)
    assert np.array_equal(frame.image, grey)


def test_a_dark_picture_in_a_folder_keeps_the_depth_of_those_before(tmp_path: Path) -> None:
    bright = np.full((48, 64), 4095, np.uint16)
    cv2.imwrite(str(tmp_path / "1.png"), bright)
    cv2.imwrite(str(tmp_path / "2.png"), bright // 8)
    frames, _ = all_frames(tmp_path)
    assert [int(f.image.max()) for f in frames] == [255, 31]


def test_colour_becomes_bt601_luma() -> None:
    rng = np.random.default_rng(1)
    bgr = rng.integers(0, 256, (48, 64, 3), np.uint8)
    exact = bgr @ np.array([0.114, 0.587, 0.299])
    assert np.abs(to_mono8(bgr, cv2) - exact).max() <= 1


@pytest.mark.parametrize("extension", ["png", "jpg", "bmp", "tif", "webp", "pgm"])
def test_image_types_are_known_by_content_not_name(tmp_path: Path, extension: str) -> None:
    ok, data = cv2.imencode(f".{extension}", GREY)
    assert ok
    path = tmp_path / "picture.dat"
    path.write_bytes(data.tobytes())
    assert kind_of(path) is Kind.IMAGE
    frames, _ = all_frames(path)
    assert np.abs(frames[0].image.astype(int) - GREY).max() <= 6


def png_header(width: int, height: int) -> bytes:
    """A real PNG of one grey level; rows compress to almost nothing."""
    image = np.zeros((height, width), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


BAD = {
    "missing.mp4": (None, "cannot be read: No such file"),
    "empty.mp4": (b"", "is empty"),
    "empty.png": (b"", "is empty"),
    "text.mp4": (b"just some words\n" * 50, "is text"),
    "zeros.mp4": (bytes(5000), "only zero bytes"),
    "noise.mp4": (bytes(range(128, 256)) * 40, "no known signature"),
    "one.png": (png_header(1, 1), "too small: 1 x 1 pixels"),
    "huge.png": (png_header(16000, 12000), "too large"),
    "wide.png": (png_header(9000, 20), "too large"),
    "cut.png": (cv2.imencode(".png", GREY)[1].tobytes()[:-60], "cut short"),
    "cut.jpg": (cv2.imencode(".jpg", GREY)[1].tobytes()[:-60], "cut short"),
    "header.mp4": (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "cannot be opened as a video"),
    "raw.bin": (b"DMSF" + bytes(36), "not a raw frame stream: version 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_error(tmp_path: Path, name: str) -> None:
    content, words = BAD[name]
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        all_frames(path)
    line = caught.value.line()
    assert words in line
    assert str(path) in line
    assert "\n" not in line


def test_a_folder_without_pictures_names_its_subfolders(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no image in this folder: 1 other .*images"):
        open_source(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(SourceError, match="Permission denied"):
        open_source(str(path))


def test_a_device_is_refused_with_a_hint() -> None:
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(SourceError, match="is a device"):
        open_source("/dev/null")


def test_a_drive_gives_its_frames(tmp_path: Path) -> None:
    video(tmp_path / "camera.mp4")
    (tmp_path / "drive.yaml").write_text("format: 1\nframes: camera.mp4\n")
    frames, losses = all_frames(tmp_path)
    assert (len(frames), losses) == (20, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format: 1\nframes: gone.mp4\n", "frames 'gone.mp4' does not exist"),
        ("format: 1\nframes: ../x.mp4\n", "outside the drive"),
        ("format: 2\nframes: x\n", "format is 2, not 1"),
        ("format: 1\nframes: x\nframe: y\n", "unknown key 'frame'"),
        ("format: 1\n", "names no frames"),
        ("format: 1\nframes: x\nfps: fast\n", "fps is 'fast', not a number"),
        ("- 1\n", "is not a mapping"),
        ("a: [\n", "cannot be read"),
    ],
)
def test_a_bad_manifest_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "drive.yaml").write_text(text)
    with pytest.raises(SourceError, match=words):
        open_source(str(tmp_path))


def pack10(values: np.ndarray) -> bytes:
    """MIPI RAW10: four upper bytes, then their two lower bits each, first pixel lowest."""
    groups = values.reshape(-1, 4).astype(np.uint32)
    low = (groups & 3) @ np.array([1, 4, 16, 64])
    return np.column_stack([groups >> 2, low]).astype(np.uint8).tobytes()


@pytest.mark.parametrize("form", rawstream.FORMATS)
def test_a_raw_stream_gives_the_upper_eight_bits_of_each_format(tmp_path: Path, form: str) -> None:
    grey = GREY.astype(np.uint16)
    payload = {
        "mono8": GREY.tobytes(),
        "mono10le": (grey << 2 | 1).tobytes(),
        "mono12le": (grey << 4 | 7).tobytes(),
        "mono16le": (grey << 8 | 99).tobytes(),
        "raw10p": pack10(grey << 2 | 3),
    }[form]
    head = rawstream.Header(form, 64, 48, len(payload) // 48, len(payload), 7, 123)
    path = tmp_path / "a.raw"
    path.write_bytes(head.pack() + payload + head.pack() + payload[:100])
    frames, losses = all_frames(path)
    assert [(f.seq, f.t_ns) for f in frames] == [(7, 123)]
    assert np.array_equal(frames[0].image, GREY)
    assert "cut short" in losses[0]


def test_a_written_raw_frame_reads_back(tmp_path: Path) -> None:
    out = io.BytesIO()
    rawstream.write_frame(out.write, Frame(3, 4, GREY))
    path = tmp_path / "a.raw"
    path.write_bytes(out.getvalue())
    (frame,), losses = all_frames(path)
    assert (frame.seq, frame.t_ns, losses) == (3, 4, [])
    assert np.array_equal(frame.image, GREY)


def raw_stream(path: Path, *stamped: tuple[int, int]) -> Path:
    """A file of frames with these sequence numbers and stamps."""
    with path.open("wb") as file:
        for seq, t_ns in stamped:
            rawstream.write_frame(file.write, Frame(seq, t_ns, GREY))
    return path


def test_every_raw_frame_is_given_whatever_its_number(tmp_path: Path) -> None:
    seqs = [7, 7, 8, 11, 0, 2**63, 1, 2**64 - 1, 2]
    path = raw_stream(tmp_path / "a.raw", *((seq, i * 10**7) for i, seq in enumerate(seqs)))
    frames, losses = all_frames(path)
    assert [f.seq for f in frames] == seqs
    assert losses == []


def test_a_stamp_that_no_clock_shows_ends_a_raw_stream_with_a_line(tmp_path: Path) -> None:
    last = rawstream.TIME_END - 1
    for wrong in (last + 1, 2**63, 2**64 - 1):
        path = raw_stream(tmp_path / "a.raw", (0, last), (1, wrong), (2, 0))
        frames, losses = all_frames(path)
        assert [f.t_ns for f in frames] == [last]
        assert losses == [
            f"{path}: ends after 1 frames: capture time {wrong}, not below {last + 1}"
        ]
        with pytest.raises(SourceError, match="not a raw frame stream: capture time"):
            all_frames(raw_stream(path, (0, wrong)))


@given(st.sampled_from(["<HHIIIIQQ", "36s"]), st.data())
def test_any_header_is_one_that_can_be_reckoned_with_or_says_why_not(
    layout: str, data: st.DataObject
) -> None:
    numbers = st.integers(0, 2**64 - 1)
    if layout == "36s":
        rest = data.draw(st.binary(min_size=36, max_size=36))
    else:
        rest = struct.pack(
            layout, 1, 0, 64, 48, 64, 64 * 48, data.draw(numbers), data.draw(numbers)
        )
    try:
        head = rawstream.parse_header(b"DMSF" + rest)
    except ValueError:
        return
    assert head.pack() == b"DMSF" + rest
    assert rawstream.decode(head, bytes(head.payload)).shape == (head.height, head.width)


def test_unknown_size_segments_are_not_called_cut(tmp_path: Path) -> None:
    path = tmp_path / "live.mkv"
    path.write_bytes(b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(10))
    assert container.cut_short(path) == ""
    path.write_bytes(b"\x1aE\xdf\xa3\x80\x18\x53\x80\x67\x9f" + bytes(10))
    assert "21 of" in container.cut_short(path)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("incluit/video3.mp4", 101),
        ("intel/asl_gestures/milk.mkv", 51),
        ("intel/preview/head-pose-face-detection-female.gif", 23),
    ],
)
def test_real_clips_are_whole(real: Path, name: str, count: int) -> None:
    frames, losses = all_frames(real / name)
    assert (len(frames), losses) == (count, [])
    assert all(b.t_ns > a.t_ns for a, b in itertools.pairwise(frames))
