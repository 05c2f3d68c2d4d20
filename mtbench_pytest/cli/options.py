"""The options of a run, for commands that take the same: what follows `pytest` may follow `mtbench plan`."""

from __future__ import annotations

import argparse
from pathlib import Path

from mtbench_pytest.core.options import OPTIONS, Option
from mtbench_pytest.run.settings import Given, Settings, Sources, read_settings


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Adds a run's tests and all its options."""
    run = parser.add_argument_group("as pytest takes them")
    run.add_argument(
        "tests", nargs="?", type=Path, metavar="BENCH", help="the bench's folder, or a test module in it"
    )
    for option in OPTIONS:
        text = "bench folder or shipped suite (default: general)" if option.name == "bench" else option.help
        run.add_argument(option.flag, dest=option.key, help=text, **option.how)


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings that these options stand for.

    Raises:
        SpecError: For the first that cannot be understood.
    """

    def given(option: Option) -> Given:
        text: Given = getattr(arguments, option.key)
        if option.name == "bench" and text is None and arguments.tests is not None:
            tests: Path = arguments.tests
            return str(tests.parent if tests.suffix == ".py" else tests)
        return text

    return read_settings(Sources(given))
