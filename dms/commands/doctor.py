"""Check whether this machine and this configuration can work; say how to mend what cannot.

Exit code 0 when nothing failed, 1 otherwise. A warning does not fail.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from dms.commands.common import add_config_arguments, load_config, to_json
from dms.config import Config
from dms.errors import DmsError, Exit, UsageError

OK, WARN, FAIL = "ok", "warn", "fail"
OLDEST_PYTHON = (3, 11)
NEWEST_WITHOUT_TELEMETRY = (1, 28)
"""ONNX Runtime wheels after this one carry telemetry that is on by default."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `fix` is empty when there is nothing to mend."""

    name: str
    status: str
    found: str
    fix: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    add_config_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print every check; exit 1 if one failed."""
    checks = all_checks(args)
    if args.json:
        print(to_json([asdict(check) for check in checks], indent=1))
    else:
        for check in checks:
            print(f"{check.status:<5} {check.name:<13} {check.found}")
            if check.fix:
                print(f"      {'':<13} -> {check.fix}")
    return Exit.FAILED if any(check.status == FAIL for check in checks) else Exit.OK


def all_checks(args: argparse.Namespace) -> list[Check]:
    """Every check, as data. One that breaks is a failed one, not the end."""
    found = [_safe("python", _python), _safe("cpu", _cpu), _safe("extension", _extension)]
    config: Config | None = None
    try:
        config = load_config(args)
        found.append(Check("config", OK, f"valid, digest {config.digest()[:12]}"))
    except UsageError as error:
        found += [Check("config", FAIL, line, "see docs/config.md") for line in error.lines()]
    known = config or Config()
    steps: tuple[tuple[str, Callable[[Config], Check]], ...] = (
        ("runtime", _runtime),
        ("models", _models),
        ("engine", _engine),
        ("can", _can),
    )
    found += [_safe(name, partial(step, known)) for name, step in steps]
    return [*found, _safe("telemetry", _telemetry)]


def _safe(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except DmsError as error:
        return Check(
            name, FAIL, f"{error.what}: {error.why}" if error.why else error.what, error.fix
        )
    except (ImportError, OSError) as error:
        return Check(name, FAIL, str(error), "install the package again (pip install .)")


def _python() -> Check:
    version = platform.python_version()
    if tuple(int(part) for part in platform.python_version_tuple()[:2]) < OLDEST_PYTHON:
        return Check("python", FAIL, version, "use Python 3.11 or newer")
    return Check("python", OK, version)


def _cpu() -> Check:
    """Speed depends on AVX2, or on NEON, which every 64-bit Arm has."""
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64"):
        status = OK if machine in ("aarch64", "arm64") else WARN
        return Check("cpu", status, machine, "" if status == OK else "not measured on this kind")
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = set(next((line for line in file if line.startswith("flags")), "").split())
    have = [flag for flag in ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni") if flag in flags]
    text = f"{machine}, {len(os.sched_getaffinity(0))} cores, {' '.join(have) or 'no AVX2'}"
    if "avx2" not in have:
        return Check("cpu", WARN, text, "networks run several times slower without AVX2")
    return Check("cpu", OK, text)


def _extension() -> Check:
    from dms import _core

    return Check("extension", OK, os.path.basename(_core.__file__))


def _runtime(config: Config) -> Check:
    from dms import _core
    from dms.engine import ort_library

    library = ort_library(config.engine.ort_library)
    return Check("runtime", OK, f"ONNX Runtime {_core.ort_version(str(library))}, {library.name}")


def _models(config: Config) -> Check:
    from dms.engine import model_files, models_dir

    files = model_files(models_dir(config.engine.models_dir))
    return Check("models", OK, f"{', '.join(files)}: SHA-256 as in the manifest")


def _engine(config: Config) -> Check:
    """One grey frame through everything."""
    import numpy as np

    from dms.engine import open_engine
    from dms.types import Frame

    seen = open_engine(config).step(Frame(0, 0, np.full((480, 640), 128, np.uint8)))
    found = "a blank frame ran" + (", and a face was seen in it" if seen.face else "")
    return Check("engine", WARN if seen.face else OK, found)


def _can(config: Config) -> Check:
    from dms.canbus import BusError, open_bus

    where = f"{config.can.interface}:{config.can.channel}"
    try:
        open_bus(config.can).close()
    except BusError as error:
        fix = f"{error.fix}; or name another with --set can.interface=... can.channel=..."
        return Check("can", WARN, f"{where}: {error.why}", fix)
    return Check("can", OK, f"{where} opens")


def _telemetry() -> Check:
    """By the wheel's version and the variable that the runtime reads when it is loaded."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        wheel = version("onnxruntime")
    except PackageNotFoundError:
        return Check("telemetry", OK, "no onnxruntime wheel; a configured library is its vendor's")
    if tuple(int(part) for part in wheel.split(".")[:2]) <= NEWEST_WITHOUT_TELEMETRY:
        return Check("telemetry", OK, f"onnxruntime {wheel} has none")
    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        return Check("telemetry", OK, f"onnxruntime {wheel}, switched off by the environment")
    fix = "pip install 'onnxruntime<1.29', or set ORT_DISABLE_TELEMETRY=1"
    return Check("telemetry", WARN, f"onnxruntime {wheel} reports unless told not to", fix)
