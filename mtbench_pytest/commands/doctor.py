"""`mtbench doctor`: one real call to each model and judge."""

from __future__ import annotations

import argparse

from mtbench_pytest.options import OPTIONS

_OPTIONS = ("candidate", "baseline", "judge", "bench", "pairwise", "max-new-tokens")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    doctor = commands.add_parser(
        "doctor",
        help="one real call to each model and judge",
        description="Asks each model named by the options one question of the bench and each judge for one "
        "grade and one game; shows what was sent, what came back, how long it took, and what to change.",
    )
    for option in OPTIONS:
        if option.name in _OPTIONS:
            text = (
                "bench folder or shipped suite (default: general)" if option.name == "bench" else option.help
            )
            doctor.add_argument(option.flag, dest=option.key, metavar=option.metavar, help=text)
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.doctor import examine
    from mtbench_pytest.settings import read_settings

    settings = read_settings(lambda option: getattr(arguments, option.key, None), lambda _: None)
    healthy = True
    for finding in examine(settings):
        healthy = healthy and not finding.wrong
        print(finding.text, flush=True)
    return 0 if healthy else 1
