"""`mtbench noise`: how far a judge wobbles, by frozen answers graded again and again."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtbench_pytest.cli.progress_bar import Meter, at_least

if TYPE_CHECKING:
    from mtbench_pytest.cli.regrade import Outlook, Regraded
    from mtbench_pytest.core.records import Question

_TIMES = (1, 2, 3, 5)  # how often an answer may be graded in a run, as the table shows it


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "noise",
        help="how far a judge wobbles, by grading the same answers again",
        description="Has a judge grade recorded answers several times and prints the within-answer standard "
        "deviation of its grades, how many changed at all, and the noise floor: how far the judge alone "
        "moves a run's mean difference. What is graded is kept in the store, so that a command that was cut "
        "off goes on. Exit status 1 where judgments could not be had.",
    )
    parser.add_argument("bench", type=Path, metavar="BENCH", help="a bench folder or shipped suite")
    parser.add_argument(
        "--answers",
        type=Path,
        required=True,
        metavar="FILE.jsonl",
        help="model answers in FastChat's form, such as a report's model_answer/NAME.jsonl",
    )
    parser.add_argument(
        "--judge",
        required=True,
        action="append",
        metavar="SPEC",
        help="who grades, such as openai:gpt-4o; given several times, each of them and their panel",
    )
    parser.add_argument(
        "--repeats", type=at_least(2), default=5, metavar="K", help="grades of each reply (default: 5)"
    )
    parser.add_argument(
        "--sample", metavar="N|NAME", help="grade these questions' answers only (default: all of the bench)"
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N", help="seeds the draw of a sample (default: 0)"
    )
    parser.add_argument(
        "--concurrency", type=at_least(1), default=16, metavar="N", help="most calls at once (default: 16)"
    )
    parser.add_argument(
        "--store",
        metavar="FILE|URL|none",
        help="where judgments are kept (default: .mtbench/store.db here or above, as a run has it)",
    )
    parser.add_argument("--json", action="store_true", help="print the same figures as JSON")
    parser.set_defaults(run=_noise)


def _noise(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.bench.bench import load_bench
    from mtbench_pytest.bench.locate import find_bench
    from mtbench_pytest.cli.regrade import regrade
    from mtbench_pytest.core.specs import Spec, parse_spec
    from mtbench_pytest.judges import build_judge
    from mtbench_pytest.models import build_model
    from mtbench_pytest.run.build import told_apart
    from mtbench_pytest.run.resources import Office

    judges = told_apart([build_judge(spec) for spec in map(parse_spec, arguments.judge)])
    answers = build_model(Spec("answers", str(arguments.answers), text=str(arguments.answers)))
    bench = load_bench(find_bench(arguments.bench))
    questions = bench.questions
    if arguments.sample is not None:
        questions = bench.sample(arguments.sample, arguments.seed)
    turns = sum(len(question.turns) for question in questions)
    office = Office(_store_url(arguments.store))
    found: dict[str, Regraded] = {}
    try:
        for name, judge in judges.items():
            meter = Meter("judgment", turns * arguments.repeats)
            try:
                found[name] = regrade(
                    bench,
                    answers,
                    judge,
                    questions,
                    arguments.repeats,
                    store=office.store,
                    concurrency=arguments.concurrency,
                    show=meter.show,
                )
            finally:
                meter.close()
    except KeyboardInterrupt:
        if arguments.store != "none":
            print("\nwhat was graded is kept, and the same command goes on", file=sys.stderr)
        raise
    finally:
        office.close()
    _tell(found, bench.questions, arguments)
    return 1 if any(one.failures for one in found.values()) else 0


def _tell(
    found: Mapping[str, Regraded], questions: Sequence[Question], arguments: argparse.Namespace
) -> None:
    """Prints each judge's figures, and what several are as a panel."""
    from mtbench_pytest.cli.noise_text import noise_json, noise_lines, panel_json, panel_lines
    from mtbench_pytest.cli.regrade import outlook

    n, times = len(questions), sorted({*_TIMES, arguments.repeats})

    def outlooks(sd: float | None) -> list[Outlook]:
        return [] if sd is None else [outlook(sd, questions, repeats) for repeats in times]

    sds = {name: one.noise.sd if one.noise else None for name, one in found.items()}
    known = [sd for sd in sds.values() if sd is not None]
    together = math.hypot(*known) / len(known) if len(known) == len(found) > 1 else None
    if arguments.json:
        each = [noise_json(one, outlooks(sds[name]), name, n) for name, one in found.items()]
        result = each[0] if len(each) == 1 else panel_json(each, outlooks(together))
        print(json.dumps(result, ensure_ascii=False, indent=1))
        return
    texts = ["\n".join(noise_lines(one, outlooks(sds[name]), name, n)) for name, one in found.items()]
    if together is not None:
        texts.append("\n".join(panel_lines(list(found), outlooks(together), n)))
    print("\n\n".join(texts))


def _store_url(given: str | None) -> str | None:
    """The database to open, as a run would; None where nothing is to be kept."""
    from mtbench_pytest.run.resources import USUAL_STORE, usual_root
    from mtbench_pytest.store.database import sqlite_url

    if given is None:
        return sqlite_url((usual_root(Path()) or Path().absolute()) / USUAL_STORE)
    if given == "none":
        return None
    return given if "://" in given else sqlite_url(Path(given).expanduser())
