"""`mtbench plan`: what a run would take and what it could show, before anything is spent."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from mtbench_pytest.cli.options import add_run_options, settings_of
from mtbench_pytest.core.parsers import number


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    plan = commands.add_parser(
        "plan",
        help="what a run would take, before anything is spent",
        description="Counts, for the run that the same options would make: answers, grades and games, what "
        "the store or a file has already, calls, tokens, and the cost at the prices in the specs. Tells how "
        "the run will end (the chance that an equal model passes, and that a worse one does) and the "
        "smallest difference that so many questions can settle with a chance of 80 %. No server is called "
        "and no weights are loaded. Lengths, noise and pace come from an earlier run (--earlier); without "
        "one, tokens are the most that the limits allow, and the noise is a usual one.",
    )
    own = plan.add_argument_group("the plan's own options")
    own.add_argument("--earlier", type=Path, metavar="DIR", help="report folder of an earlier run")
    own.add_argument(
        "--sd",
        type=_number(above=0),
        metavar="POINTS",
        help="standard deviation of the grade differences by question",
    )
    own.add_argument(
        "--win-rate-sd",
        type=_number(above=0),
        metavar="SHARE",
        help="standard deviation of the pairwise scores by question, at most 0.5",
    )
    own.add_argument(
        "--margin",
        type=_number(above=0),
        action="append",
        default=[],
        metavar="POINTS",
        help="also say how many questions this margin needs; may be repeated",
    )
    own.add_argument("--json", action="store_true", help="print the same figures as JSON")
    add_run_options(plan)
    plan.set_defaults(run=_plan)


def _plan(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.plan.plan import make_plan
    from mtbench_pytest.cli.plan.text import plan_lines, plan_result

    plan = make_plan(
        settings_of(arguments),
        earlier=arguments.earlier,
        sd=arguments.sd,
        win_rate_sd=arguments.win_rate_sd,
        margins=arguments.margin,
    )
    if arguments.json:
        print(json.dumps(plan_result(plan), ensure_ascii=False, indent=1))
    else:
        print("\n".join(plan_lines(plan)))
    return 0


def _number(above: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = number(text)
        except ValueError:
            value = above
        if value <= above:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a number above {above:g}")
        return value

    return parse
