"""`mtbench doctor`: one real call to each model and judge."""

from __future__ import annotations

import argparse

from mtbench_pytest.cli.options import add_run_options, settings_of


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    doctor = commands.add_parser(
        "doctor",
        help="one real call to each model and judge",
        description="Asks each model named by the options one question of the bench and each judge for one "
        "grade and one game; shows what was sent, what came back, how long it took, and what to change.",
    )
    add_run_options(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.doctoring import examine

    settings = settings_of(arguments)
    healthy = True
    for finding in examine(settings):
        healthy = healthy and not finding.wrong
        print(finding.text, flush=True)
    return 0 if healthy else 1
