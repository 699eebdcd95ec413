"""What a file is, by its content, and whether its container says that it was cut short."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 4096
"""Enough for every signature below, MPEG-TS's second packet included."""


class Kind(Enum):
    """The types of input."""

    VIDEO = "video"
    IMAGE = "image"
    RAW = "raw"
    FOLDER = "folder"
    DRIVE = "drive"


_IMAGES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
    b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n", b"P5 ", b"P6 ",
)  # fmt: skip
_VIDEOS = (
    b"GIF87a",
    b"GIF89a",
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"OggS",
    b"FLV\x01",
    b"YUV4MPEG2 ",
    b"\0\0\x01\xba",  # MPEG program stream
    b"\0\0\x01\xb3",  # MPEG-1 and -2 video
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
)
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")


def sniff(head: bytes) -> Kind | None:
    """What the first HEAD_BYTES of a file say that it is; None: nothing known."""
    if head[:4] == b"DMSF":
        return Kind.RAW
    if head[:4] == b"RIFF":
        return {b"AVI ": Kind.VIDEO, b"WEBP": Kind.IMAGE}.get(head[8:12])
    if head.startswith(_IMAGES):
        return Kind.IMAGE
    if head.startswith(_VIDEOS) or head[4:8] in _MP4_BOXES or _transport_stream(head):
        return Kind.VIDEO
    return None


def describe(head: bytes) -> str:
    """A word for content that is neither image nor video."""
    if not head:
        return "is empty"
    if not head.strip(b"\0"):
        return "holds only zero bytes"
    try:
        # a character may be cut at the end of the head
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        return "has no known signature of a video, image or raw stream"
    return "is text, whatever its name says"


def cut_short(path: Path) -> str:
    """Why the file is known to be incomplete; empty when nothing says so."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head[4:8] in _MP4_BOXES:
            return _mp4(file, size)
        if head[:4] == b"\x1aE\xdf\xa3":
            return _matroska(head, size)
        if head[:4] == b"RIFF":
            return _past_end(8 + int.from_bytes(head[4:8], "little"), size)
        if head[:4] == b"GIF8":
            return _gif(file, size)
    return ""


def counts_frames(head: bytes) -> bool:
    """Whether the container holds an exact frame count: MP4 and AVI tables do; others estimate."""
    return head[4:8] in _MP4_BOXES or head[:4] == b"RIFF"


def image_cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end mark; decoders fill such images with grey."""
    if data[:3] == b"\xff\xd8\xff":
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda")
    return data[:4] == b"\x89PNG" and b"IEND" not in data[-4096:]


def _transport_stream(head: bytes) -> bool:
    return len(head) > 376 and head[0] == head[188] == head[376] == 0x47


def _past_end(end: int, size: int) -> str:
    return f"{end - size} of {end} bytes are missing" if end > size else ""


def _mp4(file: BinaryIO, size: int) -> str:
    at, index = 0, False
    while at + 8 <= size:
        file.seek(at)
        box = file.read(16)
        length = int.from_bytes(box[:4], "big")
        if length == 1:
            length = int.from_bytes(box[8:16], "big")
        index = index or box[4:8] in (b"moov", b"moof")
        if length < 8:  # 0 means up to the end of the file; 2..7 is nonsense
            break
        at += length
    return _past_end(at, size) or ("" if index else "its index (moov) is missing")


def _matroska(head: bytes, size: int) -> str:
    at = 4
    value, width, _ = _vint(head, at)
    at += width + value
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return ""
    value, width, known = _vint(head, at + 4)
    return _past_end(at + 4 + width + value, size) if known else ""


def _vint(data: bytes, at: int) -> tuple[int, int, bool]:
    """An EBML number at `at`: value, width in bytes, whether it is a known size."""
    first = data[at] if at < len(data) else 0
    width = 9 - first.bit_length() if first else 9
    bits = 7 * width
    value = int.from_bytes(data[at : at + width], "big") & ((1 << bits) - 1)
    return value, width, value != (1 << bits) - 1


def _gif(file: BinaryIO, size: int) -> str:
    file.seek(max(0, size - 64), os.SEEK_SET)
    return "" if file.read().rstrip(b"\0").endswith(b";") else "its end mark is missing"
