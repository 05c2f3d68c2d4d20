"""`mtbench show`: tables from recorded judgments."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
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
    from mtbench_pytest.cli.standings import standings, standings_json, standings_lines
    from mtbench_pytest.judges.fastchat import read_judgments

    tables = standings(read_judgments(arguments.file), as_fastchat=arguments.as_fastchat)
    if arguments.json:
        print(json.dumps(standings_json(tables), ensure_ascii=False, indent=1))
    else:
        print("\n".join(standings_lines(tables, digits=6 if arguments.as_fastchat else 2)))
    return 0
