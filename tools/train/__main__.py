"""`python -m tools.train VERB`: from renders to INT8 networks, and what is to be known of them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ROOT = Path(__file__).resolve().parents[2]
RECIPES = Path(__file__).parent / "recipes"
NETS = ("face", "eyes", "cabin", "body", "action")
CONFIDENT = ("face", "eyes", "action")
"""Those whose probabilities are read as such."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.train", description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    verbs = parser.add_subparsers(dest="verb", required=True)
    fit = verbs.add_parser("fit", help=f"train one network ({', '.join(NETS)})")
    grow = verbs.add_parser("grow", help="a float file of a larger network that says the same")
    export = verbs.add_parser("export", help="write a trained network's INT8 and float files")
    calibrate = verbs.add_parser(
        "calibrate", help="make a network's confidences mean what they say"
    )
    drift = verbs.add_parser("drift", help="measure what input and features usually are")
    unfamiliar = verbs.add_parser("unfamiliar", help="drift of usual and of spoilt streams")
    unfamiliar.add_argument("--streams", type=int, default=12, help="of each kind at most")
    soiled = verbs.add_parser("soiled", help="how clean pictures and soft spots on the lens score")
    soiled.add_argument("--count", type=int, default=200, help="pictures of each kind at most")
    everything = verbs.add_parser("all", help="train, export, calibrate, evaluate all")
    evaluate = verbs.add_parser("evaluate", help="print every figure, pass or fail")
    look = verbs.add_parser("saliency", help="sheets of what each network looks at")
    look.add_argument("--data", type=Path, help="renders; or give a --picture")
    look.add_argument("--picture", type=Path, help="a picture or video to explain instead")
    look.add_argument("--frame", type=int, default=0, help="of the video")
    look.add_argument("--out", type=Path, required=True, help="folder of the sheets")
    look.add_argument("--count", type=int, default=24, help="pictures a sheet")
    for p in (fit, export, grow):
        p.add_argument("net", choices=NETS)
    grow.add_argument("--from", dest="old", type=Path, required=True, metavar="FILE")
    grow.add_argument("--out", type=Path, required=True, metavar="FILE")
    for p in (fit, export):
        p.add_argument("--recipe", type=Path, help="default: all stages in tools/train/recipes")
    calibrate.add_argument("nets", nargs="+", choices=CONFIDENT)
    for p in (fit, export, everything):
        p.add_argument(
            "--out", "--run", type=Path, required=True, help="folder of the training run"
        )
    for p in (fit, export, calibrate, drift, unfamiliar, soiled, everything, evaluate):
        p.add_argument("--data", type=Path, required=True, help="folder of faces/ cabin/ clips/")
    for p in (fit, everything):
        p.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    export.add_argument(
        "--blend", nargs=2, metavar=("FILE", "SHARE"),
        help="mix in this share of the float ONNX file that training began with",
    )  # fmt: skip
    fit.add_argument(
        "--warm", type=Path, help="a float ONNX file to begin with, not the stage before"
    )
    for p in (unfamiliar, soiled, everything, evaluate):
        p.add_argument("--real", type=Path, default=ROOT.parent / "shared" / "real")
    for p in (everything, evaluate):
        p.add_argument("--limit", type=int, default=4000, help="test samples a figure at most")
        p.add_argument("--report", type=Path, help="folder for plots, worst pictures, index.html")
    evaluate.add_argument("--write", action="store_true", help="into the manifest and the card")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 done, 1 a figure missed its limit, 2 wrong usage or data missing."""
    args = _parser().parse_args(argv)
    import cv2

    cv2.setNumThreads(1)
    from tools.train.evaluate import evaluate

    try:
        if args.verb == "fit":
            _fit(args, args.net)
        elif args.verb == "export":
            _export(args, args.net)
        elif args.verb == "calibrate":
            _calibrate(args)
        elif args.verb == "saliency":
            return _saliency(args)
        elif args.verb == "grow":
            return _grow(args)
        elif args.verb == "drift":
            _drift(args)
        elif args.verb == "unfamiliar":
            from tools.train import unfamiliar

            for line in unfamiliar.tables(args.models, args.data, args.real, args.streams):
                print(line, flush=True)
        elif args.verb == "soiled":
            from tools.train import soiled

            for line in soiled.tables(args.models, args.data, args.real, args.count):
                print(line, flush=True)
        elif args.verb == "all":
            args.nets = CONFIDENT
            for net in NETS:
                _fit(args, net)
                _export(args, net)
            _calibrate(args)
            _drift(args)
        if args.verb not in ("evaluate", "all"):
            return 0
        write = args.verb == "all" or args.write
        figures = evaluate(args.models, args.data, args.real, args.limit, write, args.report)
    except FileNotFoundError as problem:
        print(problem, file=sys.stderr)
        return 2
    return 1 if any(f.passed is False for f in figures) else 0


def _recipes(args: argparse.Namespace, net: str) -> list[Path]:
    """The recipe asked for, or all stages of the network's own: NET.yaml, NET_tune.yaml, .."""
    if getattr(args, "recipe", None):
        return [args.recipe]
    return sorted(RECIPES.glob(f"{net}*.yaml"), key=lambda p: (len(p.stem), p.stem))


def _fit(args: argparse.Namespace, net: str) -> None:
    from tools.train.fit import Recipe, fit

    for path in _recipes(args, net):
        recipe = Recipe.load(path)
        if net == "action":
            from tools.train.windows import embed

            for split in ("train", "val"):
                embed(args.data, split, recipe.cabin, args.models / "body.onnx", recipe.seed)
        elif net == "eyes":
            from tools.train import heads

            for split in ("train", "val"):
                heads.find(args.models, args.data, split, recipe.faces, recipe.seed)
        fit(recipe, args.data, args.out, args.resume, getattr(args, "warm", None))


def _export(args: argparse.Namespace, net: str) -> None:
    from tools.train.export import export
    from tools.train.fit import Recipe

    path = _recipes(args, net)[-1]
    recipe = Recipe.load(path)
    weights = args.out / f"{recipe.name or net}.pt"
    mixed = getattr(args, "blend", None)
    share = (Path(mixed[0]), float(mixed[1])) if mixed else None
    print(net, export(recipe, path, weights, args.data, args.models, share))


def _saliency(args: argparse.Namespace) -> int:
    """Print where each network looks; exit code 2 without anything to look at."""
    from tools.train import saliency
    from tools.train.evaluate_real import frames_of

    if args.picture is None:
        if args.data is None:
            raise FileNotFoundError("give --data DATA, or --picture FILE")
        for net, (share, area) in saliency.sheets(
            args.models, args.data, args.out, args.count
        ).items():
            print(
                f"{net}: {share:.2f} of the change in {area:.2f} of the area: {share / area:.1f} x"
            )
        return 0
    shown = frames_of(args.picture)
    if not 0 <= args.frame < len(shown):
        raise FileNotFoundError(f"{args.picture}: no frame {args.frame} in {len(shown)}")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.picture.stem}-{args.frame}.png"
    if not saliency.explain(args.models, shown[args.frame], path):
        raise FileNotFoundError(f"{args.picture}: no face in frame {args.frame}")
    print(path)
    return 0


def _grow(args: argparse.Namespace) -> int:
    """Exit code 2 where the file's network is the larger one."""
    import torch

    from tools.train.nets import Net
    from tools.train.onnx_file import write
    from tools.train.spec import SPECS
    from tools.train.warm import grow

    torch.manual_seed(1)
    net = Net(SPECS[args.net])
    try:
        grow(net, args.old)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    write(net, None, args.out)
    return 0


def _calibrate(args: argparse.Namespace) -> None:
    from tools.train.confidence import calibrate

    for net in args.nets:
        print(net, calibrate(net, args.models, args.data))


def _drift(args: argparse.Namespace) -> None:
    from tools.train import drift

    print(drift.write(args.models, args.data))


if __name__ == "__main__":
    sys.exit(main())
