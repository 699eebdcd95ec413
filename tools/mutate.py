"""Seeded mutants of Python modules: does a test notice when one thing in them is wrong?

    python tools/mutate.py dms/alerts --tests tests/test_alerts.py --sample 60 --seed 1

A mutant differs in one operator, constant or condition. Each lives in a forked process only; the
files are never written. A mutant is killed when a test fails or when the tests exceed their time.
Prints the survivors, killed/survived and the share; exits 4 when the share is below --min-share,
2 when the tests fail without any mutant or when the time ran out before half of the sample.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

FLIPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
EXIT_GATE, EXIT_USAGE = 4, 2


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    path: Path
    index: int
    """Of the changed node in ast.walk."""
    line: int
    change: str


def mutants_of(path: Path, source: str) -> Iterator[Mutant]:
    """Every change that can be made to a file, in the order of its nodes."""
    tree = ast.parse(source)
    skipped = {id(node) for root in _skipped(tree) for node in ast.walk(root)}
    for index, node in enumerate(ast.walk(tree)):
        change = "" if id(node) in skipped else _change(copy.deepcopy(node))
        if change:
            yield Mutant(path, index, getattr(node, "lineno", 0), change)


def _skipped(tree: ast.AST) -> Iterator[ast.AST]:
    """What no behaviour depends on: annotations, decorators, assertions for the type checker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield node
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield from node.decorator_list
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation


def _change(node: ast.AST) -> str:
    """Change the node in place; what was done, empty when it cannot be changed."""
    if isinstance(node, ast.Compare):
        return _flip(node.ops, 0)
    if isinstance(node, ast.BoolOp | ast.BinOp):
        held = [node.op]
        done = _flip(held, 0)
        node.op = held[0]
        return done
    if isinstance(node, ast.If | ast.IfExp):
        node.test = ast.UnaryOp(ast.Not(), node.test)
        return "condition negated"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        before = node.value
        node.value = not before if isinstance(before, bool) else before + 1
        return f"{before} -> {node.value}"
    return ""


def _flip(ops: list[ast.AST] | list[ast.cmpop], at: int) -> str:
    before = type(ops[at])
    after = FLIPS.get(before)
    if after is None:
        return ""
    ops[at] = after()  # type: ignore[call-overload]
    return f"{before.__name__} -> {after.__name__}"


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """The file's tree with the change made."""
    tree = ast.parse(source)
    node = next(n for i, n in enumerate(ast.walk(tree)) if i == mutant.index)
    assert _change(node) == mutant.change
    return ast.fix_missing_locations(tree)


class Loader(importlib.abc.Loader):
    """Runs a changed tree instead of the file."""

    def __init__(self, tree: ast.Module, path: Path) -> None:
        self._tree, self._path = tree, path

    def exec_module(self, module: ModuleType) -> None:
        """As the file would run."""
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


class Finder(importlib.abc.MetaPathFinder):
    """Finds one module changed, all others as they are."""

    def __init__(self, name: str, loader: Loader, path: Path) -> None:
        self._name, self._loader, self._path = name, loader, path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The changed module's, else none."""
        if fullname != self._name:
            return None
        inside = [str(self._path.parent)] if self._path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, self._path, loader=self._loader, submodule_search_locations=inside
        )


def module_name(path: Path) -> str:
    """Dotted, of a path below the working directory."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def passes(tests: list[str], mutant: Mutant | None, limit_s: int) -> bool:
    """Whether the tests pass, in a process that sees the mutant and nothing else of us."""
    pid = os.fork()
    if pid == 0:
        _child(tests, mutant, limit_s)
    return os.waitpid(pid, 0)[1] == 0


def _child(tests: list[str], mutant: Mutant | None, limit_s: int) -> None:
    import pytest

    signal.alarm(limit_s)  # its default action ends the process
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    code = 1
    try:
        if mutant is not None:
            loader = Loader(mutated(mutant.path.read_text(), mutant), mutant.path)
            sys.meta_path.insert(0, Finder(module_name(mutant.path), loader, mutant.path))
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    finally:
        os._exit(code)


def judge(
    chosen: list[Mutant], survives: Callable[[Mutant], bool], budget_s: float
) -> tuple[int, list[Mutant]]:
    """How many were tried before the time ran out, and which of them no test noticed."""
    end, tried, survivors = time.monotonic() + budget_s, 0, list[Mutant]()
    for mutant in chosen:
        if time.monotonic() > end:
            break
        tried += 1
        if survives(mutant):
            survivors.append(mutant)
            print(f"survived  {mutant.path}:{mutant.line}  {mutant.change}", flush=True)
    return tried, survivors


def main(argv: Sequence[str] | None = None) -> int:
    """Judge a sample; returns the exit code."""
    args = _arguments(argv)
    paths = [Path(p) for p in args.paths]
    files = sorted(f for p in paths for f in (p.glob("*.py") if p.is_dir() else [p]))
    every = [m for f in files for m in mutants_of(f, f.read_text())]
    chosen = random.Random(args.seed).sample(every, min(args.sample or len(every), len(every)))
    _preload()
    if not chosen or not passes(args.tests, None, 600):
        print("nothing to change, or the tests fail without any mutant", file=sys.stderr)
        return EXIT_USAGE
    tried, survivors = judge(chosen, lambda m: passes(args.tests, m, args.limit_s), args.budget_s)
    killed = tried - len(survivors)
    share = killed / tried
    print(f"{killed} killed, {len(survivors)} survived of {tried} ({100 * share:.1f} %); "
          f"{len(every)} possible, seed {args.seed}")  # fmt: skip
    if 2 * tried < len(chosen):
        print(f"out of time after {tried} of {len(chosen)}", file=sys.stderr)
        return EXIT_USAGE
    return 0 if share >= args.min_share else EXIT_GATE


def _preload() -> None:
    """What every child would import again, and the same examples in each."""
    import hypothesis
    import hypothesis.strategies
    import pytest  # noqa: F401
    import yaml  # noqa: F401

    hypothesis.settings.register_profile("mutate", derandomize=True, database=None)
    hypothesis.settings.load_profile("mutate")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("paths", nargs="+", help="modules, or folders of them")
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--sample", type=int, default=0, help="so many of all (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget-s", type=float, default=1e9)
    parser.add_argument("--limit-s", type=int, default=60, help="of the tests of one mutant")
    parser.add_argument("--min-share", type=float, default=0.0)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
