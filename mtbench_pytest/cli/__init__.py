"""The command `mtbench`: what is useful outside a pytest run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mtbench_pytest import __version__
from mtbench_pytest.cli import (
    agreement,
    bless,
    doctor,
    fetch,
    init,
    lint,
    metrics,
    noise,
    plan,
    reference,
    show,
)
from mtbench_pytest.core.errors import MTBenchError

# As `mtbench --help` lists them; each is a file that adds its parser and runs.
COMMANDS = (init, fetch, lint, reference, show, agreement, noise, metrics, plan, bless, doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        The exit status: 0, 1 where something was found wrong, 2 for wrong use, 130 for an interrupt.
    """
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except MTBenchError as error:
        print(f"mtbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmtbench: interrupted", file=sys.stderr)
        return 130  # as a shell says it
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mtbench",
        description="Tools around the pytest gate for chat models.",
        epilog="The gate itself runs in pytest: see `pytest --help`, section mtbench.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"mtbench-pytest {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser
