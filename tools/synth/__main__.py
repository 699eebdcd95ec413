"""`python -m tools.synth render|sheet|output|drive`: labelled pictures of people, and sheets."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # the work is shared out by processes, not threads


RECIPES = Path(__file__).parent / "recipes"


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tools.synth", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    render = verbs.add_parser("render", help="render shards of labelled pictures")
    render.add_argument("--recipe", type=Path, required=True)
    render.add_argument("--seed", type=int, default=1, help="other seed, other people")
    render.add_argument("--out", type=Path, required=True)
    render.add_argument("--shards", type=_span, default=range(1), metavar="A:B")
    render.add_argument("--jobs", type=int, default=2)
    sheet = verbs.add_parser("sheet", help="draw the labels of a folder on a contact sheet")
    sheet.add_argument("folder", type=Path)
    sheet.add_argument("--out", type=Path, default=Path("sheet.png"))
    sheet.add_argument("--first", type=int, default=0)
    sheet.add_argument("--count", type=int, default=48)
    sheet.add_argument("--eyes", action="store_true", help="show the eye crops")
    sheet.add_argument("--plain", action="store_true", help="draw no labels")
    output = verbs.add_parser(
        "output", help="draw what the shipped networks see on rendered frames"
    )
    output.add_argument("--out", type=Path, default=Path("docs/output.jpg"))
    drive = verbs.add_parser("drive", help="render the demonstration drive into a folder")
    drive.add_argument("--out", type=Path, required=True)
    drive.add_argument("--recipe", type=Path, default=RECIPES / "drive.yaml")
    return _run(parser.parse_args(argv))


def _run(args: argparse.Namespace) -> int:
    from tools.synth import shards
    from tools.synth.assets import AssetError

    try:
        if args.verb == "render":
            recipe = shards.read_recipe(args.recipe)
            made = shards.render(recipe, args.seed, args.out, args.shards, args.jobs)
            print(f"{made} pictures made in {args.out}", file=sys.stderr)
            return 0
        if args.verb == "drive":
            return _drive(args.recipe, args.out)
        if args.verb == "output":
            from tools.synth import output_sheet

            output_sheet.write(args.out)
            print(args.out)
            return 0
        from tools.synth import sheet

        sheet.write(args.folder, args.out, args.first, args.count, args.eyes, args.plain)
        print(args.out)
        return 0
    except (AssetError, shards.RecipeError, FileNotFoundError) as problem:
        print(problem, file=sys.stderr)
        return 2


def _drive(recipe_path: Path, out: Path) -> int:
    import yaml

    from tools.synth import story

    recipe = yaml.safe_load(recipe_path.read_text())

    def progress(frame: int) -> None:
        if frame % 20 == 0:
            print(f"\r{frame / recipe['fps']:.0f} s of {story.LENGTH_S:.0f} s ", end="",
                  file=sys.stderr, flush=True)  # fmt: skip

    made = story.write_drive(recipe, out, progress)
    print(f"\n{made} frames in {out}", file=sys.stderr)
    return 0


def _span(text: str) -> range:
    first, _, last = text.partition(":")
    return range(int(first), int(last)) if last else range(int(first), int(first) + 1)


if __name__ == "__main__":
    sys.exit(main())
