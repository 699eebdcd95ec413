"""The suite's outcome as one self-contained HTML page for an assessor: no script, prints well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from dms import __version__
from dms.report import STYLE
from dms.scenarios.chance import poisson_interval, share_interval
from dms.scenarios.gates import (
    FALSE_LIMITS,
    MOVEMENTS,
    TESTS,
    Gate,
    false_alarms,
    matrix_cells,
    movement_passes,
)
from dms.scenarios.simulate import ASIDE_DEG
from dms.scenarios.suite import Outcome, StoryResult

MORE_STYLE = """
.ok{color:#2e7d4f}.bad{color:#b0413e}.open{color:#8a6d1d}
td.c,th.c{text-align:center}tr.total td{border-top:2px solid #22262b;font-weight:600}
.verdict{font-size:1.15em;padding:.5em .8em;border-left:6px solid;background:#f6f7f8}
.small{font-size:12.5px}
"""
SIGNS = {True: ("&#10003;", "ok"), False: ("&#10007;", "bad"), None: ("", "")}
SHORT = ("&#9675;", "open")
"""What is required is not reached, but no less than before."""
SECTIONS = {
    "distraction": "Long distraction", "vats": "Short distraction (VATS)", "phone": "Phone",
    "eyes": "Microsleep and sleep", "unresponsive": "Unresponsive driver",
    "degraded": "Lost senses", "attentive": "Attentive drivers who must not be warned",
    "addw": "(EU) 2023/2590, advanced driver distraction warning",
    "r171": "UN R171, assisted driving",
}  # fmt: skip
WIDTH, HEIGHT = 900.0, 150.0
BIN_S, RANGE_S = 0.05, (-0.6, 1.0)


def render(outcome: Outcome, found: Sequence[Gate]) -> str:
    """The page as text; the same outcome gives the same bytes."""
    title = f"Driver monitoring scenarios: {outcome.profile}"
    body = "".join(
        (
            f"<h1>{escape(title)}</h1>",
            _facts(outcome),
            _verdict(found),
            "<h2>Gates</h2>", _gates(found),
            _matrix(outcome),
            _stories(outcome),
            "<h2>When alerts came</h2>", _timing(outcome),
            _sweep(outcome),
            _aside(outcome),
            _false(outcome),
            _sensitivity(outcome),
            "<h2>How this was measured</h2>", _method(outcome),
        )
    )  # fmt: skip
    style = f"<style>{STYLE}{MORE_STYLE}</style>"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>{style}'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n{body}</body></html>\n'


def _facts(outcome: Outcome) -> str:
    runs = sum(len(r.runs) for r in outcome.stories)
    hours = sum(d.seconds for d in outcome.drives) / 3600
    facts = (
        ("dms", __version__), ("stories", str(len(outcome.stories))), ("runs", str(runs)),
        ("attentive driving", f"{hours:.1f} h"),
        ("drowsy drives", str(len(outcome.sleepy))),
    )  # fmt: skip
    cells = " &middot; ".join(f"{escape(k)} <b>{escape(v)}</b>" for k, v in facts)
    return f'<p class="muted">{cells}</p>'


def _verdict(found: Sequence[Gate]) -> str:
    missed = [g.name for g in found if g.passed is False]
    short = [g.name for g in found if g.passed and not g.reached]
    if missed:
        text, kind = f"{len(missed)} of {len(found)} gates missed: " + "; ".join(missed), "bad"
    elif short:
        text, kind = "No worse than before; not reached yet: " + "; ".join(short), "open"
    else:
        open_ = sum(g.passed is None for g in found)
        text, kind = "All gates met" + (f", {open_} not measured" if open_ else ""), "ok"
    return f'<p class="verdict {kind}">{escape(text)}.</p>'


def _table(head: Sequence[str], rows: Sequence[str], centred: bool = False) -> str:
    c = ' class="c"' if centred else ""
    cells = "".join(f"<th{c if i else ''}>{h}</th>" for i, h in enumerate(head))
    return f"<table><tr>{cells}</tr>{''.join(rows)}</table>"


def _gates(found: Sequence[Gate]) -> str:
    rows = []
    for g in found:
        sign, kind = SHORT if g.passed and not g.reached else SIGNS[g.passed]
        value = "not measured" if g.value is None else f"{g.value:.3g}"
        limit = f"{'at least' if g.at_least else 'at most'} {g.required:g}"
        rows.append(
            f'<tr><td class="{kind}">{sign}</td><td>{escape(g.name)}</td><td><b>{value}</b></td>'
            f"<td>{limit}</td><td>{escape(g.note)}</td></tr>"
        )
    return _table(("", "figure", "value", "required", "evidence"), rows)


def _matrix(outcome: Outcome) -> str:
    cells = matrix_cells(outcome)
    if not cells:
        return ""
    totals = movement_passes(outcome)
    columns = [(t, m) for t in TESTS for m in MOVEMENTS if totals[t, m] is not None]
    rows = []
    for location, row in cells.items():
        tds = "".join(_cell(row.get(c, [])) for c in columns)
        rows.append(f"<tr><td>{escape(location.replace('_', ' '))}</td>{tds}</tr>")
    tds = "".join(
        f'<td class="c {SIGNS[totals[c]][1]}">{"pass" if totals[c] else "fail"}</td>'
        for c in columns
    )
    rows.append(f'<tr class="total"><td>movement type</td>{tds}</tr>')
    names = {"long": "long", "vats": "VATS", "phone": "phone"}
    head = ("location", *(f"{names[t]}<br>{m}" for t, m in columns))
    return (
        "<h2>Euro NCAP location &times; movement matrix</h2>"
        "<p>Share of simulated drivers who were warned as the protocol asks. A movement type "
        "passes a test only if all its locations do.</p>" + _table(head, rows, centred=True)
    )


def _cell(results: Sequence[StoryResult]) -> str:
    if not results:
        return '<td class="c"></td>'
    sign, kind = SIGNS[all(r.passed for r in results)]
    share = min(r.kept for r in results)
    tip = "; ".join(f"{r.story.name}: {r.kept:.0%}" for r in results)
    return f'<td class="c {kind}" title="{escape(tip)}">{sign} {share:.0%}</td>'


def _stories(outcome: Outcome) -> str:
    out = []
    for section, title in SECTIONS.items():
        rows = [r for r in outcome.stories if r.story.section == section]
        if rows:
            out.append(f"<h2>{escape(title)}</h2>{_section(rows)}")
    rest = [r for r in outcome.stories if r.story.section not in SECTIONS and not r.story.test]
    return "".join(out) + (f"<h2>Other drivers</h2>{_section(rest)}" if rest else "")


def _section(results: Sequence[StoryResult]) -> str:
    rows = []
    for r in results:
        sign, kind = SIGNS[r.passed]
        errors = sorted(r.errors_s())
        timing = ""
        if errors:
            middle = errors[len(errors) // 2]
            timing = f"{middle:+.2f} s ({errors[0]:+.2f} to {errors[-1]:+.2f})"
        rows.append(
            f'<tr><td class="{kind}">{sign}</td><td>{escape(r.story.name)}</td>'
            f"<td>{escape(_asked(r))}</td><td>{r.kept:.0%}</td><td>{timing}</td>"
            f'<td class="small">{escape(_wrong(r))}</td></tr>'
        )
    head = ("", "driver", "asked", "runs", "alert against the rule", "what went wrong")
    return _table(head, rows)


def _asked(r: StoryResult) -> str:
    words = []
    for e in r.story.expects:
        kinds = " or ".join(k.name.lower().replace("_", " ") for k in e.kinds)
        when = "by the account" if e.after_s is None else f"at {e.after_s:g} s"
        words.append(
            {"never": f"no {kinds}", "ended": f"{kinds} ends", "raised": f"{kinds} {when}"}[e.what]
        )
    return "; ".join(words)


def _wrong(r: StoryResult) -> str:
    said = Counter(
        v.say if v.say in ("missed", "goes on") else f"{v.expect.what}: {v.say}"
        for run in r.runs for v in run.verdicts if not v.kept
    )  # fmt: skip
    return "; ".join(f"{n} x {text}" for text, n in said.most_common(3))


def _timing(outcome: Outcome) -> str:
    """A histogram of alert time against the rule's time."""
    errors = [e for r in outcome.stories for e in r.errors_s() if _timed(r)]
    if not errors:
        return "<p>No timed alert.</p>"
    low, high = RANGE_S
    n = round((high - low) / BIN_S)
    counts = [0] * n
    for e in errors:
        counts[min(n - 1, max(0, int((e - low) / BIN_S)))] += 1
    top, w = max(counts), WIDTH / n
    bars = "".join(
        f'<rect x="{i * w:.1f}" y="{HEIGHT - HEIGHT * c / top:.1f}" width="{w - 1:.1f}" '
        f'height="{HEIGHT * c / top:.1f}" fill="{_bar(low + (i + 0.5) * BIN_S)}">'
        f"<title>{low + i * BIN_S:+.2f} s: {c}</title></rect>"
        for i, c in enumerate(counts)
    )
    ticks = "".join(
        f'<text x="{(t - low) / (high - low) * WIDTH:.0f}" y="{HEIGHT + 15:.0f}" '
        f'text-anchor="middle">{t:+.2f} s</text>'
        for t in (-0.5, -0.25, 0.0, 0.25, 0.5, 0.75)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT + 20:.0f}" role="img">{bars}{ticks}</svg>'
        '<p class="muted">Alert time less the time at which the rule was met by the truth; green: '
        "within -0/+250 ms. Alerts by the VATS account may be half a second off. Phones, "
        "which may be warned of earlier, and lost senses, told within 10 s, are left out.</p>"
    )


def _timed(r: StoryResult) -> bool:
    """Phones may be warned of earlier, and lost senses have ten seconds."""
    return r.story.test != "phone" and r.story.section != "degraded"


def _bar(middle_s: float) -> str:
    return "#4c9f70" if -BIN_S <= middle_s <= 0.25 else "#c9a24a"


def _sweep(outcome: Outcome) -> str:
    if not outcome.sweep:
        return ""
    head = ["failing row", *(f"{f:.0%}<br>{e:.1f}&deg;" for f, e, _ in outcome.sweep)]
    rows = []
    for name in outcome.sweep[0][2]:
        tds = "".join(
            f'<td class="c {"ok" if rows_[name] >= 1 else "bad"}">{rows_[name]:.0%}</td>'
            for *_, rows_ in outcome.sweep
        )
        rows.append(f"<tr><td>{escape(name)}</td>{tds}</tr>")
    return (
        "<h2>What gaze error the failing rows would pass with</h2>"
        "<p>The measured gaze error (bias, gain, noise), multiplied by the share in the head; "
        "under it the mean error of gaze at the road. Rows that fail at 0 % fail for another "
        "reason than gaze.</p>" + _table(head, rows, centred=True)
    )


def _aside(outcome: Outcome) -> str:
    if not outcome.aside:
        return ""
    rows = [
        f'<tr><td>{escape(r.story.name)}</td><td class="c bad">{r.kept:.0%}</td></tr>'
        for r in outcome.aside if not r.passed
    ]  # fmt: skip
    passed = len(outcome.aside) - len(rows)
    return (
        "<h2>Before cameras further aside</h2><p>The matrix above is of cameras that stand within "
        f"{ASIDE_DEG:.0f} degrees of straight ahead, as the driver sees them. Before those further "
        f"aside, to which one eye shows from the side, {passed} of {len(outcome.aside)} rows pass; "
        "below, the share of runs that pass in the others.</p>"
        + _table(["failing row", "pass"], rows, centred=True)
    )


def _false(outcome: Outcome) -> str:
    if not outcome.drives:
        return ""
    rows = []
    for kind, limit in FALSE_LIMITS.items():
        count, hours = false_alarms(kind, outcome.drives)
        if not hours:
            continue
        low, high = (x / hours for x in poisson_interval(count))
        mark = "ok" if count / hours <= limit else "bad"
        rows.append(
            f"<tr><td>{kind}</td><td>{count}</td><td>{hours:.1f} h</td>"
            f'<td class="{mark}"><b>{count / hours:.2f}</b></td>'
            f"<td>{low:.2f} to {high:.2f}</td><td>{limit:g}</td></tr>"
        )
    causes = Counter(
        (a.rise.kind.name.lower().replace("_", " "), a.during)
        for d in outcome.drives for a in d.alarms
    )  # fmt: skip
    cause_rows = [
        f"<tr><td>{escape(kind)}</td><td>{escape(during)}</td><td>{n}</td></tr>"
        for (kind, during), n in causes.most_common(15)
    ]
    head = ("false alerts", "count", "in", "an hour", "95 % interval", "limit")
    return (
        "<h2>False alarms in attentive driving</h2>" + _table(head, rows)
        + "<h2>What set them off (and being told of lost sight)</h2>"
        + _table(("alert", "while", "times"), cause_rows)
    )  # fmt: skip


def _sensitivity(outcome: Outcome) -> str:
    out = ""
    if outcome.sleepy:
        n, k = len(outcome.sleepy), sum(s.warned_s is not None for s in outcome.sleepy)
        low, high = share_interval(k, n)
        early = sum(s.early for s in outcome.sleepy)
        out += (
            f"<h2>Drowsy drivers</h2><p>Of {n} drives of 30 min in which sleepiness rises from "
            f"KSS 3 to 9, <b>{k}</b> were warned between KSS 6 and five minutes after KSS 8 "
            f"({k / n:.0%}, 95 % interval {low:.0%} to {high:.0%}), "
            f"{early} already before KSS 6.</p>"
        )
    if outcome.distracted:
        looks = sum(d.looks for d in outcome.distracted)
        warned = sum(d.warned for d in outcome.distracted)
        low, high = share_interval(warned, looks)
        out += (
            f"<h2>Distracted drives</h2><p>Of {looks} looks away of 3.8 to 6 s by the head, "
            f"<b>{warned}</b> were warned of ({warned / max(1, looks):.0%}, 95 % interval "
            f"{low:.0%} to {high:.0%}).</p>"
        )
    return out


def _method(outcome: Outcome) -> str:
    return (
        "<p>Each story is a track of what is true: speed, gaze, head, lids, hands, what the camera "
        "gets. Simulated networks see it with errors as measured on rendered drivers (bias of a "
        "driver, gain, noise with its distribution and persistence, drop-outs, by condition), and "
        "the same pipeline that runs in the car turns that into alerts. The judge takes its times "
        "from the protocols and the truth, not from the configuration: Euro NCAP Safe Driving, "
        "Driver Engagement v1.1 (2026); (EU) 2023/2590; (EU) 2021/1341; UN R171. Simulation and "
        "rendering are not a track test.</p>"
        f'<p class="small muted">Errors: {escape(outcome.errors)}</p>'
    )
