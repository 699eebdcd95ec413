"""Collects what the report page shows while a replay runs, and writes it at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dms import report
from dms.commands.common import deg
from dms.commands.sinks import kmh
from dms.errors import writing
from dms.report import Report, Sample, Span, Thumbnail
from dms.source import load_cv2
from dms.types import Event, Face, Frame, Step, What

MAX_SAMPLES = 4000
"""Points of a curve: four for each unit of its width. Longer drives are thinned."""
MAX_THUMBNAILS = 24
THUMBNAIL_HEIGHT = 160
THUMBNAIL_GAP_NS = 1_000_000_000


class PageSink:
    """A report of one recording. Memory grows with its length only up to MAX_SAMPLES."""

    def __init__(self, path: Path, title: str) -> None:
        self._path, self._title = path, title
        self._samples: list[Sample] = []
        self._keep, self._count = 1, 0
        self._spans = Spans()
        self._thumbnails: list[Thumbnail] = []
        self._last = (-THUMBNAIL_GAP_NS, "")
        self._faces = 0

    def step(self, frame: Frame, step: Step) -> None:
        if self._count % self._keep == 0:
            self._samples.append(sample(step))
        self._count += 1
        self._faces += step.observation.face is not None
        if len(self._samples) > MAX_SAMPLES:
            self._samples, self._keep = self._samples[::2], self._keep * 2
        self._spans.step(step)
        self._maybe_thumbnail(frame, step)

    def close(self) -> None:
        if not self._count:  # nothing was played
            return
        end_s = self._samples[-1].t_s
        share = 100 * self._faces / self._count
        facts = (
            ("frames", str(self._count)),
            ("length", f"{end_s:.1f} s"),
            ("face found in", f"{share:.0f} %"),
        )
        spans = self._spans.all(end_s)
        page = report.render(Report(self._title, facts, self._samples, spans, self._thumbnails))
        with writing(f"report {self._path}"):
            self._path.write_text(page, encoding="utf-8")

    def _maybe_thumbnail(self, frame: Frame, step: Step) -> None:
        """One picture for every new condition or alert, not too many and not too close."""
        alert = f", alert {step.alerts[0].kind.name.lower()}" if step.alerts else ""
        caption = step.state.condition.name.lower().replace("_", " ") + alert
        then, before = self._last
        if caption == before or frame.t_ns - then < THUMBNAIL_GAP_NS:
            return
        if len(self._thumbnails) < MAX_THUMBNAILS:
            self._last = (frame.t_ns, caption)
            picture = jpeg(frame.image, step.observation.face)
            self._thumbnails.append(Thumbnail(frame.t_ns / 1e9, caption, picture))


class Spans:
    """Alerts from start to end, put together from their events."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Event, int]] = {}
        self._done: list[Span] = []

    def step(self, step: Step) -> None:
        """One frame's alerts."""
        for event in step.events:
            if event.what not in (What.RAISED, What.CHANGED, What.ENDED):
                continue
            first, level = self._open.pop(event.kind, (event, 0))
            if event.what == What.ENDED:
                self._done.append(_span(first, level, event.t_ns / 1e9))
            else:
                self._open[event.kind] = (first, max(level, event.level))

    def all(self, end_s: float) -> list[Span]:
        """Every alert so far, in order of their start; those still open last to `end_s`."""
        still = [_span(first, level, end_s) for first, level in self._open.values()]
        return sorted(self._done + still, key=lambda span: (span.start_s, span.kind))


def _span(first: Event, level: int, end_s: float) -> Span:
    return Span(first.t_ns / 1e9, end_s, first.kind.name, level, first.reason)


def sample(step: Step) -> Sample:
    """One frame as the charts need it."""
    s = step.state
    return Sample(
        t_s=s.t_ns / 1e9,
        condition=s.condition.name,
        availability=s.availability.name,
        head_yaw_deg=deg(s.head_yaw_rad),
        head_pitch_deg=deg(s.head_pitch_rad),
        gaze_yaw_deg=deg(s.gaze_yaw_rad),
        eye_open=s.eye_open,
        speed_kmh=kmh(s.speed_mps),
        level=step.alerts[0].level if step.alerts else 0,
    )


def jpeg(image: NDArray[np.uint8], face: Face | None) -> bytes:
    """A small picture with the face's box drawn in."""
    cv2 = load_cv2()
    scale = THUMBNAIL_HEIGHT / image.shape[0]
    size = (max(1, round(image.shape[1] * scale)), THUMBNAIL_HEIGHT)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if face:
        x, y, w, h = (round(v * scale) for v in face.box_px)
        cv2.rectangle(small, (x, y), (x + w, y + h), 255, 1)
    data: NDArray[np.uint8] = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return data.tobytes()
