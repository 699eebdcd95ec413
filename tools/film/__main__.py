"""`python -m tools.film errors|stories`: measure the networks' errors; play stories as pixels."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parents[2]
PIXELS = ROOT / "tests/scenarios/held_pixels.json"
ERRORS = ROOT / "tests/scenarios/errors.json"


def cache() -> Path:
    """Where recordings are kept: $DMS_CACHE, or the user's cache folder."""
    return Path(os.environ.get("DMS_CACHE", Path.home() / ".cache")) / "dms-film"


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 done, 2 wrong usage, 4 a story did not pass."""
    parser = argparse.ArgumentParser(prog="python -m tools.film", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    errors = verbs.add_parser("errors", help="render, look, and write the table of errors")
    errors.add_argument("--drivers", type=int, default=6, help="a condition")
    errors.add_argument("--clear", type=int, default=12, help="drivers without anything worn")
    errors.add_argument("--acting", type=int, default=12, help="drivers who do every action")
    errors.add_argument("--out", type=Path, default=ERRORS)
    errors.add_argument("--cache", type=Path, default=None)
    errors.add_argument("--jobs", type=int, default=1)
    stories = verbs.add_parser("stories", help="play stories as pixels through the engine")
    stories.add_argument("--seed", type=int, default=90_001, help="the driver")
    stories.add_argument("--profile", default="euro_ncap_2026")
    stories.add_argument("--only", default="", help="stories whose name holds this text")
    stories.add_argument("--hold", action="store_true", help="record those that fail as known")
    args = parser.parse_args(argv)
    return measure(args) if args.verb == "errors" else film(args)


def film(args: argparse.Namespace) -> int:
    """Play, print a line each, and judge."""
    from tools.film.performer import SIZE
    from tools.film.stories import NAMES, new_failures, play_all

    names = [name for name in NAMES if args.only.lower() in name.lower()]
    runs = play_all(names, args.seed, args.profile, SIZE)
    failed = new_failures(runs, PIXELS, args.hold)
    print(f"{len(failed)} of {len(runs)} stories fail that did not before")
    return 4 if failed else 0


def measure(args: argparse.Namespace) -> int:
    """Record what is missing, then fit."""
    from tools.film.fit import fit
    from tools.film.performer import CONDITIONS, SIZE
    from tools.film.record import ACTING, FPS, load_records, record_all

    folder = args.cache or cache()
    name, seen = networks(), engine_and_networks()
    counts = dict.fromkeys(CONDITIONS, args.drivers) | {"clear": args.clear, ACTING: args.acting}
    record_all(folder, seen, counts, args.jobs, SIZE)
    records = {c: load_records(folder / seen, c, n) for c, n in counts.items()}
    drivers = ", ".join(f"{c} {n}" for c, n in counts.items())
    frames = sum(len(r["true"]) for rs in records.values() for r in rs)
    acting = records.pop(ACTING)
    source = (
        f"python -m tools.film errors: {frames} frames of rendered drivers (seeds from 90001, in "
        f"no training split), {SIZE[0]}x{SIZE[1]} at {FPS:g} frames/s, through the engine with "
        f"networks {name}; drivers: {drivers}"
    )
    args.out.write_text(dumps(fit(records, acting, source)), encoding="utf-8")
    print(f"{frames} frames -> {args.out}", file=sys.stderr)
    return 0


def networks() -> str:
    """Which networks: the start of the SHA-256 of all their files' SHA-256 in the manifest."""
    from dms.engine import MANIFEST, models_dir
    from tools.train import manifest

    nets = manifest.load(models_dir() / MANIFEST)["nets"].values()
    return hashlib.sha256(" ".join(net["sha256"] for net in nets).encode()).hexdigest()[:12]


def engine_and_networks() -> str:
    """Whose recordings: the networks, and the engine as it was built here."""
    from dms import _core
    from tools.train.manifest import sha256

    return f"{networks()}-{sha256(Path(_core.__file__))[:12]}"


def dumps(data: object) -> str:
    """JSON with a line for every row of numbers."""
    text = json.dumps(data, indent=1, allow_nan=False)
    import re

    return (
        re.sub(r"\[\s+((?:[-\d.e]+,?\s+)+)\]", lambda m: f"[{' '.join(m[1].split())}]", text) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
