"""The command `mtbench`: what is useful outside a pytest run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mtbench_pytest import __version__
from mtbench_pytest.errors import MTBenchError
from mtbench_pytest.options import OPTIONS

_DOCTOR_OPTIONS = ("candidate", "baseline", "judge", "bench", "pairwise", "max-new-tokens")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 1 where something was found wrong, 2 for wrong use."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except MTBenchError as error:
        print(f"mtbench: {error}", file=sys.stderr)
        return 2
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
    parser.add_argument("--version", action="version", version=f"mtbench-pytest {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_show(commands)
    _add_doctor(commands)
    return parser


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser(
        "show",
        help="tables from recorded judgments",
        description="Prints mean grades and win rates from judgments in FastChat's form. Of several "
        "judgments of one thing the last valid one binds; failed judge calls (score -1) are set aside; both "
        "are counted.",
    )
    show.add_argument("file", type=Path, metavar="FILE_OR_DIR", help="a judgment file, or a folder of them")
    show.add_argument("--json", action="store_true", help="print the same figures as JSON")
    show.add_argument(
        "--as-fastchat",
        action="store_true",
        help="repeat FastChat's arithmetic: judgments that stand twice count twice",
    )
    show.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.judgments import read_judgments
    from mtbench_pytest.report.standings import standings, standings_json, standings_lines

    tables = standings(read_judgments(arguments.file), as_fastchat=arguments.as_fastchat)
    if arguments.json:
        print(json.dumps(standings_json(tables), ensure_ascii=False, indent=1))
    else:
        print("\n".join(standings_lines(tables, digits=6 if arguments.as_fastchat else 2)))
    return 0


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="one real call to each model and judge",
        description="Asks each model named by the options one question of the bench and each judge for one "
        "grade and one game; shows what was sent, what came back, how long it took, and what to change.",
    )
    for option in OPTIONS:
        if option.name in _DOCTOR_OPTIONS:
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


if __name__ == "__main__":
    sys.exit(main())
