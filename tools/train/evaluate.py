"""Every figure the networks are asked for: printed, drawn, and written into manifest and card."""

from __future__ import annotations

import html
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tools.train import breakdown, evaluate_real, evaluate_synth, manifest
from tools.train.breakdown import Part
from tools.train.evaluate_synth import Tables
from tools.train.rows import HEADER, Figure
from tools.train.spec import SPECS

BEGIN, END = (
    "<!-- figures: written by `python -m tools.train evaluate` -->",
    "<!-- end of figures -->",
)
CLIP = Path(__file__).resolve().parents[2] / "tests" / "golden" / "demo_drive" / "camera.mp4"
"""Rendered input that the integer kernels are checked on, besides the test crops."""
TITLES = ((True, "Rendered people that training never saw"), (False, "Real footage"))


def evaluate(
    models: Path, data: Path, real: Path | None, limit: int, write: bool, report: Path | None
) -> list[Figure]:
    """All figures, printed; with `report`, plots, failure sheets and index.html in that folder;
    with `write`, into models/manifest.yaml and models/MODEL_CARD.md.

    Errors: FileNotFoundError where neither renders nor real footage are at hand."""
    val = evaluate_synth.collect(models, data, "val", limit)
    test = evaluate_synth.collect(models, data, "test", limit)
    if not test.faces and not test.frames and not test.clips and not (real and real.exists()):
        raise FileNotFoundError(f"{data}: no test renders (faces, cabin, clips), no real footage")
    exact = evaluate_synth.parity_errors(models, test, CLIP)
    figures = evaluate_synth.all_figures(val, test, exact)
    parts = breakdown.all_parts(test)
    if real is not None and real.exists():
        figures += evaluate_real.all_figures(models, real)
    print(tables(figures, parts))
    print(summary(figures))
    if report is not None:
        _report(report, data, val, test, figures, parts)
    if write:
        _into_manifest(models, figures)
        _into_card(models / "MODEL_CARD.md", tables(figures, parts))
    return figures


def rendered(f: Figure) -> bool:
    return f.data.startswith("rendered")


def summary(figures: list[Figure]) -> str:
    """How many of the limits are kept, and which are not."""
    missed = [f for f in figures if f.passed is False]
    asked = sum(f.limit is not None for f in figures)
    lines = [f"{asked - len(missed)} of {asked} limits kept"]
    return "\n".join([*lines, *(f"missed: {f.name} ({f.data}) {f.value:.4g}" for f in missed)])


def tables(figures: list[Figure], parts: list[Part]) -> str:
    """The figures and their breakdowns as Markdown."""
    out: list[str] = []
    for kind, title in TITLES:
        rows = [f.line() for f in figures if rendered(f) == kind]
        if rows:
            out += [f"### {title}", "", HEADER, *rows, ""]
    if parts:
        out += ["### The same by condition (rendered test split)", ""]
        out += [
            "| figure | by | value in each group (rows) |",
            "|---|---|---|",
            *compact(parts),
            "",
        ]
    return "\n".join(out)


def compact(parts: list[Part]) -> Iterable[str]:
    """One line a figure and condition."""
    ordered = sorted(parts, key=lambda p: p.figure)
    for (figure, by), group in groupby(ordered, lambda p: (p.figure, p.by)):
        values = "; ".join(f"{p.group}: {p.value:.3g} ({p.count})" for p in group)
        yield f"| {figure} | {by} | {values} |"


def _report(
    folder: Path, data: Path, val: Tables, test: Tables, figures: list[Figure], parts: list[Part]
) -> None:
    from tools.train import failures, plots

    folder.mkdir(parents=True, exist_ok=True)
    charts = plots.all_plots(folder, val, test, parts)
    sheets = failures.all_sheets(folder, data, test)
    (folder / "index.html").write_text(page(figures, parts, charts, sheets))
    print(folder / "index.html")


STYLE = """body{font:14px system-ui,sans-serif;margin:2em auto;max-width:1240px;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .6em;border-bottom:1px solid #ddd;
text-align:left;vertical-align:top}.miss{background:#fbe3e0}.pass{background:#e6f4e6}
img{max-width:100%;margin:.5em 0}td.v{font-variant-numeric:tabular-nums;white-space:nowrap}"""


def page(figures: list[Figure], parts: list[Part], charts: list[str], sheets: list[str]) -> str:
    """The report as one page beside its pictures."""
    body = ["<h1>Evaluation of the networks</h1>", _paragraphs(summary(figures))]
    for kind, title in TITLES:
        rows = [_row(f) for f in figures if rendered(f) == kind]
        if rows:
            head = "<tr><th>figure<th>on<th>value<th>asked<th>rows<th></tr>"
            body += [f"<h2>{title}</h2><table>{head}", *rows, "</table>"]
    body += ["<h2>Plots</h2>", *(_picture(c) for c in charts), "<h2>Worst 50 of each network</h2>"]
    body += [f"<h3>{s.removesuffix('.png')}</h3>{_picture(s)}" for s in sheets]
    body += ["<h2>By condition</h2><table><tr><th>figure<th>by<th>group<th>value<th>rows</tr>"]
    body += [_part(p) for p in parts]
    return f"<!doctype html><meta charset=utf-8><title>Evaluation</title><style>{STYLE}</style>" + (
        "\n".join([*body, "</table>"])
    )


def _paragraphs(text: str) -> str:
    return "<p>" + "<br>".join(html.escape(line) for line in text.splitlines()) + "</p>"


def _picture(name: str) -> str:
    return f'<div><img src="{html.escape(name)}" alt="{html.escape(name)}"></div>'


def _row(f: Figure) -> str:
    kind = {None: "", True: "pass", False: "miss"}[f.passed]
    cells = [f.name, f.data, f"{f.value:.4g}", f.asked, str(f.count), f.verdict]
    return f'<tr class="{kind}">' + "".join(f'<td class="v">{html.escape(c)}' for c in cells)


def _part(p: Part) -> str:
    cells = (p.figure, p.by, p.group, f"{p.value:.4g}", str(p.count))
    return "<tr>" + "".join(f'<td class="v">{html.escape(c)}' for c in cells)


def _into_manifest(models: Path, figures: list[Figure]) -> None:
    path = models / "manifest.yaml"
    content = manifest.load(path)
    for name in SPECS:
        if name not in content["nets"]:
            continue
        mine = [f for f in figures if f.net == name]
        content["nets"][name]["metrics"] = {
            kind: {
                f"{f.name} ({f.data})": {"value": round(float(f.value), 4), "n": int(f.count)}
                for f in mine
                if rendered(f) == (kind == "rendered")
            }
            for kind in ("rendered", "real")
        }
    manifest.save(path, content)


def _into_card(path: Path, text: str) -> None:
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
