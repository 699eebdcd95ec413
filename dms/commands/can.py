"""Tools for a CAN bus, by this project's own messages (docs/can.md).

dms can monitor udp_multicast:239.74.163.2     what is on a bus, decoded, live
dms can decode drive.blf                       a log, one line a frame
dms can send-vehicle can0 --signal Speed=80    the vehicle's messages, on a bench
"""

from __future__ import annotations

import argparse
import importlib

TOOLS = {
    "monitor": "a live table of what is on a bus: values, rates, ages, protection errors",
    "decode": "the frames of a CAN log with their values",
    "send-vehicle": "play the vehicle on a bench, from a profile or from keys",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of this verb."""
    tools = parser.add_subparsers(dest="tool", metavar="TOOL", required=True)
    for name, summary in TOOLS.items():
        module = importlib.import_module(f"dms.commands.can_{name.replace('-', '_')}")
        tool = tools.add_parser(
            name,
            help=summary,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        tool.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="results as JSON"
        )
        module.add_arguments(tool)
        tool.set_defaults(run=module.run)


def run(args: argparse.Namespace) -> int:
    """The tool that was asked for."""
    return int(args.run(args))
