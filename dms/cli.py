"""The `dms` command: finds the verb, runs it, and turns what goes wrong into one line and a code.

Only the verb that is asked for is imported, so that `dms --help` needs no other package.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from dms import __version__
from dms.errors import DmsError, Exit, UsageError

VERBS = {
    "run": "watch a live source and send alerts on CAN until stopped",
    "replay": "put a recording through the whole chain; the same result every time",
    "explain": "say why each alert came, ended or was held back, with values and thresholds",
    "observe": "print what the networks see, one JSON line a frame",
    "scenarios": "judge fusion and alerts by driver stories and drives by the hour",
    "bench": "measure speed on this machine, as ratios that hold on others",
    "can": "look at a bus or a CAN log decoded, or play the vehicle on a bench",
    "doctor": "check whether this machine and this configuration can work",
}
EXIT_CODES = """exit codes:
  0 ok   1 failed   2 wrong use, config or input   3 finished with data loss   4 gate missed"""


class Parser(argparse.ArgumentParser):
    """argparse with errors as one line of ours, and no abbreviated options."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, fix=f"see {self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(words)
        sys.stdout.flush()  # a full disk is told here, not at exit
        return code
    except DmsError as error:
        return _complain("\ndms: ".join(error.lines()), error.exit_code)
    except KeyboardInterrupt:
        return _complain("stopped before the end", Exit.FAILED)
    except ImportError as error:
        fix = "install the package again (pip install .), or see dms doctor"
        return _complain(f"a part of this program cannot be loaded: {error} - {fix}", Exit.FAILED)
    except BrokenPipeError:
        _discard_output()  # whoever read it has enough
        return Exit.OK
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename:
            return _complain(str(error), Exit.FAILED)
        _discard_output()
        return _complain(f"output: {error.strerror} - is the disk full?", Exit.FAILED)


def _discard_output() -> None:
    """Nothing may be written at exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(words: list[str]) -> int:
    verb = words[0] if words else ""
    if not verb or verb.startswith("-"):
        parser = _top()
        parser.parse_args(words)
        parser.print_help(sys.stderr)
        return Exit.USAGE
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, 1)
        hint = f"did you mean {near[0]}?" if near else f"the verbs are {', '.join(VERBS)}"
        raise UsageError(f"there is no verb {verb!r}", fix=hint)
    command = importlib.import_module(f"dms.commands.{verb}")
    parser = Parser(prog=f"dms {verb}", description=f"{command.__doc__}", epilog=EXIT_CODES)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="results as JSON")
    command.add_arguments(parser)
    return int(command.run(parser.parse_args(words[1:])))


def _top() -> Parser:
    lines = "\n".join(f"  {verb:<9} {text}" for verb, text in VERBS.items())
    parser = Parser(
        prog="dms",
        usage="dms VERB [options]",
        description=f"Driver monitoring: camera frames in, protected CAN alerts out.\n\n{lines}",
        epilog=f"`dms VERB --help` tells more.\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dms {__version__}")
    return parser


def _complain(line: str, code: int) -> int:
    sys.stderr.write(f"dms: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
