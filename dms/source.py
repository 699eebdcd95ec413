"""Frame sources: videos, GIFs, images, folders of images, drives and raw streams.

A source is told apart by its content, never by its name. It yields mono 8-bit frames with integer
nanoseconds from the container's stamps. Rules:

- Colour becomes mono by BT.601 luma, Y = 0.299 R + 0.587 G + 0.114 B, rounded (OpenCV's
  COLOR_BGR2GRAY). 16-bit images keep the upper 8 of the 8, 10, 12, 14 or 16 bits that hold all
  their values, in a folder all values up to there. Transparency is dropped.
- Frames are read in order, never by seeking: OpenCV's seek by time is off by several frames, while
  the stamps of frames read in order are exact, variable frame rates included.
- A stamp that does not advance is replaced by the one before plus the nominal frame period.
- A side has MIN_SIDE to MAX_SIDE pixels.
- A file that ends early gives the frames before the cut, then a line in `losses`.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from dms import container, drive
from dms.container import Kind
from dms.errors import SourceError
from dms.rawstream import MAX_SIDE, MIN_SIDE, RawSource
from dms.types import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALL_SIDE_HINT = "a face needs about 60 pixels"
IMAGE_NAMES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".jp2"}
)
DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras fill of a 16-bit word."""
LOST_FRAMES_ALLOWED = 0.01
"""Share of a declared frame count that edit lists and a last broken packet may take."""


class Source(Protocol):
    """Frames in order. `losses` is complete only when the iteration has ended."""

    losses: list[str]

    @property
    def timed(self) -> bool:
        """Whether t_ns was measured, not made up from a nominal rate."""

    def frames(self) -> Iterator[Frame]:
        """The frames; can be asked for once."""

    def file(self, seq: int) -> str:
        """The file that a frame came from, as the user named it."""


class VideoSource:
    """A video or an animated GIF, read in order through OpenCV's FFmpeg."""

    timed = True

    def __init__(self, path: Path) -> None:
        self.losses: list[str] = []
        self._path = path
        self._cv2 = load_cv2()
        self._cut = container.cut_short(path)
        self._capture = self._cv2.VideoCapture(str(path), self._cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise SourceError(
                f"{path}: cannot be opened as a video",
                self._cut or "its container or codec is broken or not supported",
                "check that it plays, or convert it to MP4 or WebM",
            )
        width, height = self._number("WIDTH"), self._number("HEIGHT")
        check_size(str(path), round(width), round(height))

    def file(self, seq: int) -> str:
        return str(self._path)

    def frames(self) -> Iterator[Frame]:
        period = _period_ns(self._capture.get(self._cv2.CAP_PROP_FPS))
        t_ns, seq = -period, -1
        try:
            for seq, image in enumerate(self._images()):
                stamp = round(self._capture.get(self._cv2.CAP_PROP_POS_MSEC) * 1e6)
                t_ns = stamp if stamp > t_ns else t_ns + period
                yield Frame(seq, t_ns, image)
            self._account(seq + 1)
        finally:
            self._capture.release()

    def _images(self) -> Iterator[NDArray[np.uint8]]:
        while True:
            ok, image = self._capture.read()
            if not ok:
                return
            yield to_mono8(image, self._cv2)

    def _account(self, read: int) -> None:
        declared = round(self._number("COUNT"))
        if read == 0:
            raise SourceError(f"{self._path}: no frame can be decoded", self._cut or "empty video")
        allowed = max(2, round(declared * LOST_FRAMES_ALLOWED))
        short = declared - read > allowed and container.counts_frames(_head(self._path))
        if self._cut or short:
            why = self._cut or "the rest cannot be decoded"
            self.losses.append(f"{self._path}: read {read} of about {declared} frames: {why}")

    def _number(self, name: str) -> float:
        return float(self._capture.get(getattr(self._cv2, f"CAP_PROP_FRAME_{name}")))


class ImagesSource:
    """Images in a given order, at a nominal frame rate."""

    timed = False

    def __init__(self, paths: list[Path], fps: float) -> None:
        self.losses: list[str] = []
        self._paths = paths
        self._period_ns = _period_ns(fps)
        self._bits = DEPTHS[0]

    def __len__(self) -> int:
        return len(self._paths)

    def file(self, seq: int) -> str:
        return str(self._paths[seq])

    def frames(self) -> Iterator[Frame]:
        good = 0
        for seq, path in enumerate(self._paths):
            try:
                image = self._read(path)
            except SourceError as error:
                if len(self._paths) == 1:
                    raise
                self.losses.append(error.line())
                continue
            good += 1
            yield Frame(seq, seq * self._period_ns, image)
        if not good:
            raise SourceError(f"{self._paths[0].parent}: no image in it can be read")

    def _read(self, path: Path) -> NDArray[np.uint8]:
        """With the depth of those before, so that brightness does not jump with each."""
        image, cv2 = _decoded(path)
        self._bits = max(self._bits, depth_of(image))
        return to_mono8(image, cv2, self._bits)


def open_source(name: str, kind: Kind | None = None, fps: float = drive.DEFAULT_FPS) -> Source:
    """The source that `name` is: `-` is a raw stream on stdin; `kind` skips the sniffing.

    `fps` times folders of images. Errors: SourceError.
    """
    if name == "-":
        return RawSource(name)
    path = Path(name)
    kind = kind or kind_of(path)
    if kind is Kind.RAW:
        return RawSource(name)
    if kind is Kind.DRIVE:
        return _drive_source(path)
    if kind is Kind.FOLDER:
        return ImagesSource(folder_images(path), fps)
    if kind is Kind.IMAGE:
        return ImagesSource([path], fps)
    return VideoSource(path)


def kind_of(path: Path) -> Kind:
    """What lies at `path`, by content. Errors: SourceError when it is nothing usable."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode):
            return Kind.RAW
        if stat.S_ISDIR(mode):
            return Kind.DRIVE if drive.is_drive(path) else Kind.FOLDER
        if not stat.S_ISREG(mode):
            raise SourceError(f"{path}: is a device, not a file", fix="cameras come in over stdin")
        head = _head(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read", error.strerror or str(error)) from error
    if path.name == drive.MANIFEST:
        return Kind.DRIVE
    kind = container.sniff(head)
    if kind is None:
        raise SourceError(
            f"{path}: {container.describe(head)}",
            fix="give a video, a GIF, an image, a folder of images, a drive or a raw stream",
        )
    return kind


def is_stream(name: str) -> bool:
    """Whether `name` is a live raw stream: a fifo, or anything but a file on stdin (`-`)."""
    try:
        if name == "-":
            return not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)
        return stat.S_ISFIFO(Path(name).stat().st_mode)
    except OSError as error:
        raise SourceError(f"{name}: cannot be read", error.strerror or str(error)) from error


def folder_images(folder: Path) -> list[Path]:
    """The images in a folder in natural order (frame2 before frame10).

    A file counts when its content or its name says image, so that a broken one is missed aloud.
    """
    try:
        files = sorted((p for p in folder.iterdir() if p.is_file()), key=_natural)
        found = [p for p in files if not p.name.startswith(".") and _claims_image(p)]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read", error.strerror or str(error)) from error
    if not found:
        why = f"{len(files)} other files in it" if files else "it is empty"
        below = sorted(p.name for p in folder.iterdir() if p.is_dir())
        where = f"; its subfolders are {', '.join(below[:5])}" if below else ""
        fix = "name the folder that holds the images, or the files themselves"
        raise SourceError(f"{folder}: no image in this folder", why + where, fix)
    return found


def _decoded(path: Path) -> tuple[NDArray[Any], ModuleType]:
    """One picture, turned as its EXIF says, and OpenCV. Errors: SourceError."""
    import numpy as np

    cv2 = load_cv2()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read", error.strerror or str(error)) from error
    if not data or container.image_cut_short(data):
        raise SourceError(f"{path}: {'is cut short' if data else 'is empty'}")
    try:
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
        )
    except cv2.error as error:
        if "CV_IO_MAX" in str(error):
            raise _too_large(str(path), f"more than {MAX_SIDE} pixels a side") from error
        raise SourceError(f"{path}: cannot be decoded", str(error)) from error
    if image is None:
        raise SourceError(f"{path}: cannot be decoded", "broken or of an unknown type")
    check_size(str(path), image.shape[1], image.shape[0])
    return image, cv2


def check_size(name: str, width: int, height: int) -> None:
    """Errors: SourceError when a side is out of MIN_SIDE..MAX_SIDE."""
    if min(width, height) < MIN_SIDE:
        why = f"{width} x {height} pixels, the least is {MIN_SIDE} a side"
        raise SourceError(f"{name}: too small", why, SMALL_SIDE_HINT)
    if max(width, height) > MAX_SIDE:
        raise _too_large(name, f"{width} x {height} pixels")


def depth_of(image: NDArray[Any]) -> int:
    """The fewest bits of DEPTHS that hold every value of a 16-bit image; 8 of others."""
    if image.dtype.itemsize != 2:
        return DEPTHS[0]
    return next(bits for bits in DEPTHS if int(image.max()) < 1 << bits)


def to_mono8(image: NDArray[Any], cv2: ModuleType, bits: int = 16) -> NDArray[np.uint8]:
    """Any OpenCV image as contiguous uint8 (height, width), by the rules at the top. bits: of a
    16-bit image that are filled."""
    import numpy as np

    if image.dtype == np.uint16:
        image = (image >> bits - 8).astype(np.uint8)
    elif image.dtype != np.uint8:  # floating point images: 0 to 1
        image = (np.clip(np.nan_to_num(image), 0, 1) * 255).round().astype(np.uint8)
    if image.ndim == 3:
        code = cv2.COLOR_BGRA2GRAY if image.shape[2] == 4 else cv2.COLOR_BGR2GRAY
        image = cv2.cvtColor(image, code) if image.shape[2] > 1 else image[:, :, 0]
    return np.ascontiguousarray(image)


def load_cv2() -> ModuleType:
    """OpenCV, silent, single-threaded and with our size limit; the limit is read at its import."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    for side in ("WIDTH", "HEIGHT"):
        os.environ.setdefault(f"OPENCV_IO_MAX_IMAGE_{side}", str(MAX_SIDE))
    import cv2

    cv2.setNumThreads(1)
    return cv2


def _drive_source(path: Path) -> Source:
    recording = drive.load(path)
    inner = kind_of(recording.frames)
    if inner is Kind.DRIVE:
        raise SourceError(f"{path}: its frames are a drive again")
    return open_source(str(recording.frames), inner, recording.fps)


def _too_large(name: str, size: str) -> SourceError:
    fix = f"scale it down to at most {MAX_SIDE} pixels a side"
    return SourceError(f"{name}: too large", size, fix)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(container.HEAD_BYTES)


def _claims_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_NAMES or container.sniff(_head(path)) is Kind.IMAGE


def _natural(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part.casefold()) for part in parts]


def _period_ns(fps: float) -> int:
    return round(1e9 / fps) if 0 < fps < 1e4 else round(1e9 / drive.DEFAULT_FPS)
