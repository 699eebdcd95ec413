"""A replay as one self-contained HTML page: no script, no other file, prints well.

Everything drawn comes from the rows given; the same rows give the same bytes.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, LEFT = 1000.0, 110.0
"""Of a chart and of its labels' column, SVG units."""
GAP_S = 0.5
"""A curve is broken where values are further apart than this."""
CONDITION_COLOURS = {
    "ATTENTIVE": "#4c9f70",
    "DISTRACTED": "#e0a526",
    "ON_PHONE": "#c96f2b",
    "MICROSLEEP": "#b0413e",
    "ASLEEP": "#7b1e3a",
    "DROWSY": "#8d6a9f",
    "UNRESPONSIVE": "#3b1c32",
    "UNKNOWN": "#b8bcc2",
}
LEVEL_COLOURS = ("#b8bcc2", "#5b8dc9", "#e0a526", "#b0413e")

STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#22262b}
body{max-width:1060px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin:0 0 .2em}h2{font-size:1.1em;margin:1.6em 0 .4em}
svg{width:100%;height:auto;display:block}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25em .6em;border-bottom:1px solid #e2e5e9;vertical-align:top}
.muted{color:#69707a}.thumbs{display:flex;flex-wrap:wrap;gap:8px}figure{margin:0}
figure img{height:120px;display:block;border-radius:3px}figcaption{font-size:12px;color:#69707a}
text{font:11px system-ui,sans-serif;fill:#69707a}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}svg,figure,tr{break-inside:avoid}}
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the charts need of one frame; angles [deg] of the vehicle frame."""

    t_s: float
    condition: str
    availability: str
    head_yaw_deg: float | None
    head_pitch_deg: float | None
    gaze_yaw_deg: float | None
    eye_open: float | None
    speed_kmh: float | None
    level: int


@dataclass(frozen=True, slots=True)
class Span:
    """An alert from start to end; `level` is the highest it reached."""

    start_s: float
    end_s: float
    kind: str
    level: int
    reason: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small JPEG with what was believed then."""

    t_s: float
    caption: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """All that the page shows. `facts` are label and value pairs."""

    title: str
    facts: Sequence[tuple[str, str]]
    samples: Sequence[Sample]
    spans: Sequence[Span]
    thumbnails: Sequence[Thumbnail]


def render(report: Report) -> str:
    """The page as text."""
    body = "".join(
        (
            f"<h1>{html.escape(report.title)}</h1>",
            _facts(report.facts),
            "<h2>Timeline</h2>",
            _charts(report),
            "<h2>Alerts</h2>",
            _alerts(report.spans),
            "<h2>Moments</h2>" if report.thumbnails else "",
            _thumbnails(report.thumbnails),
        )
    )
    title = html.escape(report.title)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}</body></html>\n'


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    cells = " &middot; ".join(f"{html.escape(k)} <b>{html.escape(v)}</b>" for k, v in facts)
    return f'<p class="muted">{cells}</p>'


@dataclass(frozen=True, slots=True)
class _Axis:
    """Seconds to SVG x."""

    start: float
    end: float

    def x(self, t_s: float) -> float:
        return LEFT + (t_s - self.start) / (self.end - self.start) * (WIDTH - LEFT - 10)

    def ticks(self) -> list[float]:
        """Round times, at most about 20."""
        span = self.end - self.start
        step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 600) if span / s <= 20), 3600.0)
        first = math.ceil(self.start / step)
        return [step * n for n in range(first, math.floor(self.end / step) + 1)]


@dataclass(frozen=True, slots=True)
class _Curve:
    """One chart: which value, and the range that its height stands for."""

    label: str
    attribute: str
    low: float
    high: float


CURVES = (
    _Curve("head yaw [deg]", "head_yaw_deg", -60, 60),
    _Curve("head pitch [deg]", "head_pitch_deg", -40, 40),
    _Curve("gaze yaw [deg]", "gaze_yaw_deg", -60, 60),
    _Curve("eyes open", "eye_open", 0, 1.3),
    _Curve("speed [km/h]", "speed_kmh", 0, 130),
)
BAND, CURVE, SPACE = 16.0, 70.0, 14.0
"""Heights of a band, of a curve, and between them."""


def _charts(report: Report) -> str:
    samples = report.samples
    if not samples:
        return "<p>No frame.</p>"
    axis = _Axis(samples[0].t_s, max(samples[-1].t_s, samples[0].t_s + 1e-3))
    shown = [c for c in CURVES if any(getattr(s, c.attribute) is not None for s in samples)]
    top = 4 + 2 * (BAND + SPACE)
    bottom = top + len(shown) * (CURVE + SPACE)
    parts = [_grid(axis, bottom), _states(axis, 4, samples), _lanes(axis, 34, report.spans)]
    parts += [_curve(axis, top + i * (CURVE + SPACE), c, samples) for i, c in enumerate(shown)]
    box = f"0 0 {WIDTH:.0f} {bottom + 18:.0f}"
    return f'<svg viewBox="{box}" role="img">{"".join(parts)}</svg>{_legend(samples)}'


def _grid(axis: _Axis, bottom: float) -> str:
    parts = []
    for tick in axis.ticks():
        x = axis.x(tick)
        parts.append(f'<path d="M{x:.1f} 4V{bottom:.0f}" stroke="#e2e5e9" stroke-width=".6"/>')
        text = f"{tick:g} s"
        parts.append(f'<text x="{x:.1f}" y="{bottom + 13:.0f}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _legend(samples: Sequence[Sample]) -> str:
    present = {s.condition for s in samples}
    words = "".join(
        f'<span style="border-left:1em solid {colour};padding:0 .9em 0 .4em">'
        f"{name.lower().replace('_', ' ')}</span>"
        for name, colour in CONDITION_COLOURS.items()
        if name in present
    )
    return f'<p class="muted">{words}</p>'


def _label(text: str, y: float) -> str:
    return f'<text x="{LEFT - 8:.0f}" y="{y:.1f}" text-anchor="end">{html.escape(text)}</text>'


def _rect(axis: _Axis, y: float, span: tuple[float, float], colour: str, tip: str) -> str:
    x, end = axis.x(span[0]), axis.x(span[1])
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(end - x, 1):.1f}" height="{BAND:g}" '
        f'fill="{colour}"><title>{html.escape(tip)}</title></rect>'
    )


def _states(axis: _Axis, y: float, samples: Sequence[Sample]) -> str:
    parts, start = [_label("state", y + 12)], 0
    for i in range(1, len(samples) + 1):
        name = samples[start].condition
        if i == len(samples) or samples[i].condition != name:
            span = (samples[start].t_s, samples[min(i, len(samples) - 1)].t_s)
            tip = f"{name.lower()} {span[0]:.2f}-{span[1]:.2f} s"
            parts.append(_rect(axis, y, span, CONDITION_COLOURS.get(name, "#ccc"), tip))
            start = i
    return "".join(parts)


def _lanes(axis: _Axis, y: float, spans: Sequence[Span]) -> str:
    parts = [_label("alerts", y + 12)]
    for s in sorted(spans, key=lambda span: span.level):
        tip = f"{s.kind} level {s.level}: {s.reason}"
        parts.append(_rect(axis, y, (s.start_s, s.end_s), LEVEL_COLOURS[s.level], tip))
    return "".join(parts)


def _curve(axis: _Axis, y: float, curve: _Curve, samples: Sequence[Sample]) -> str:
    span = curve.high - curve.low
    zero = y + CURVE * (1 - (0 - curve.low) / span)
    path, last = [], -math.inf
    for sample in samples:
        value = getattr(sample, curve.attribute)
        if value is None:
            continue
        share = (min(max(value, curve.low), curve.high) - curve.low) / span
        move = "L" if sample.t_s - last <= GAP_S else "M"
        path.append(f"{move}{axis.x(sample.t_s):.1f} {y + CURVE * (1 - share):.1f}")
        last = sample.t_s
    return (
        f'<rect x="{LEFT:g}" y="{y:.1f}" width="{WIDTH - LEFT - 10:g}" height="{CURVE:g}" '
        f'fill="none" stroke="#d5d9de"/><path d="M{LEFT:g} {zero:.1f}H{WIDTH - 10:g}" '
        f'stroke="#d5d9de"/>{_label(curve.label, y + CURVE / 2 + 4)}'
        f'<text x="{LEFT + 4:g}" y="{y + 11:.1f}">{curve.high:g}</text>'
        f'<text x="{LEFT + 4:g}" y="{y + CURVE - 3:.1f}">{curve.low:g}</text>'
        f'<path d="{"".join(path)}" fill="none" stroke="#2f5f8f" stroke-width="1.3"/>'
    )


def _alerts(spans: Sequence[Span]) -> str:
    if not spans:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{s.start_s:.2f}</td><td>{s.end_s:.2f}</td><td>"
        f'<b style="color:{LEVEL_COLOURS[s.level]}">{html.escape(s.kind.lower())}</b></td>'
        f"<td>{s.level}</td><td>{html.escape(s.reason)}</td></tr>"
        for s in spans
    )
    head = "<tr><th>from [s]</th><th>to [s]</th><th>alert</th><th>level</th><th>why</th></tr>"
    return f"<table>{head}{rows}</table>"


def _thumbnails(thumbnails: Sequence[Thumbnail]) -> str:
    figures = "".join(
        f'<figure><img alt="" src="data:image/jpeg;base64,{base64.b64encode(t.jpeg).decode()}">'
        f"<figcaption>{t.t_s:.1f} s {html.escape(t.caption)}</figcaption></figure>"
        for t in thumbnails
    )
    return f'<div class="thumbs">{figures}</div>'
