"""Every figure the networks are asked for, printed, and written into the manifest and card."""

from __future__ import annotations

from pathlib import Path

from tools.train import evaluate_real, evaluate_synth, manifest
from tools.train.rows import HEADER, Figure
from tools.train.spec import SPECS

BEGIN, END = (
    "<!-- figures: written by `python -m tools.train evaluate` -->",
    "<!-- end of figures -->",
)


def evaluate(models: Path, data: Path, real: Path | None, limit: int, write: bool) -> list[Figure]:
    """All figures; with `write`, into models/manifest.yaml and models/MODEL_CARD.md."""
    figures = evaluate_synth.all_figures(models, data, ["faces"], ["cabin"], ["clips"], limit)
    if real is not None and real.exists():
        figures += evaluate_real.all_figures(models, real)
    print(HEADER)
    for f in figures:
        print(f.line(), flush=True)
    if write:
        _into_manifest(models, figures)
        _into_card(models / "MODEL_CARD.md", figures)
    return figures


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
                if f.data.startswith("rendered") == (kind == "rendered")
            }
            for kind in ("rendered", "real")
        }
    manifest.save(path, content)


def _into_card(path: Path, figures: list[Figure]) -> None:
    parts = [BEGIN, ""]
    for title, rendered in (
        ("Rendered people that training never saw", True),
        ("Real footage", False),
    ):
        rows = [f.line() for f in figures if f.data.startswith("rendered") == rendered]
        parts += [f"### {title}", "", HEADER, *rows, ""]
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(head + "\n".join(parts) + END + tail)
