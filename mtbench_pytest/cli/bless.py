"""`mtbench bless`: freezes a run's candidate as a baseline."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "bless",
        help="freeze a run's candidate as a baseline",
        description="Freezes the candidate of a run: its answers and their grades in FastChat's form, and a "
        "manifest with the sha256 of every file. --mtbench-baseline blessed:NAME then compares with it, "
        "without weights and, by the same judge, without grading it again. A run that decided REGRESSION, "
        "NO VERDICT or PARTIAL is refused.",
    )
    parser.add_argument(
        "report",
        nargs="?",
        type=Path,
        default=Path("mtbench-report"),
        metavar="RUN",
        help="the run's report folder (default: mtbench-report)",
    )
    parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="what it will be called")
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="where it goes (default: snapshots/baselines)"
    )
    parser.add_argument("--force", action="store_true", help="whatever the run decided, and what it lacks")
    parser.add_argument("--replace", action="store_true", help="over a baseline of that name")
    parser.set_defaults(run=_bless)


def _bless(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.blessing import bless, told
    from mtbench_pytest.models.baselines import HOME

    made = bless(
        arguments.report,
        arguments.name,
        arguments.into or HOME,
        force=arguments.force,
        replace=arguments.replace,
    )
    print("\n".join(told(made, usual=arguments.into is None)))
    return 0
