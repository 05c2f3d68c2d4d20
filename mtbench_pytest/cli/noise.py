"""`mtbench noise`: how noisy a judge is, by frozen answers graded again and again."""

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
    from mtbench_pytest.core.records import Question
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import asdict, dataclass
from typing import Any

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.records import Failure, Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import one_line, percent
from mtbench_pytest.findings.judge import share_result
from mtbench_pytest.findings.noise import Noise, planned_floor, rounded_up, run_noise, sensible_margin
from mtbench_pytest.judges import Judge
from mtbench_pytest.models import ChatModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.store.store import Store

_LOOK = 0.5  # seconds between looks at the progress

_REASONS = 3

_WIDTH = 200


_TIMES = (1, 2, 3, 5)  # how often an answer may be graded in a run, as the table shows it


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "noise",
        help="how noisy a judge is, by grading the same answers again",
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
    from mtbench_pytest.core.specs import Spec, parse_spec
    from mtbench_pytest.judges import build_judge
    from mtbench_pytest.models import build_model
    from mtbench_pytest.run.build import told_apart
    from mtbench_pytest.run.resources import Resources

    judges = told_apart([build_judge(spec) for spec in map(parse_spec, arguments.judge)])
    answers = build_model(Spec("answers", str(arguments.answers), text=str(arguments.answers)))
    bench = load_bench(find_bench(arguments.bench))
    questions = bench.questions
    if arguments.sample is not None:
        questions = bench.sample(arguments.sample, arguments.seed)
    turns = sum(len(question.turns) for question in questions)
    resources = Resources(_store_url(arguments.store))
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
                    store=resources.store,
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
        resources.close()
    _tell(found, bench.questions, arguments)
    return 1 if any(one.failures for one in found.values()) else 0


def _tell(
    found: Mapping[str, Regraded], questions: Sequence[Question], arguments: argparse.Namespace
) -> None:
    """Prints each judge's figures, and what several are as a panel."""
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


def noise_lines(found: Regraded, outlooks: Sequence[Outlook], judge: str, questions: int) -> Iterator[str]:
    """The figures, what they mean, and the table for `bench.toml`.

    Args:
        judge: Its name.
        questions: Of the bench that the outlooks are for.
    """
    yield from _failure_lines(found)
    noise = found.noise
    if noise is None:
        yield "no reply was graded more than once: nothing can be told"
        return
    changed = noise.changed
    yield (
        f"{judge}: {changed.n} replies of {changed.clusters} questions, {noise.repeats} grades each; "
        f"{found.made} of {found.judgments} judgments were made now"
    )
    yield ""
    yield f"within-answer SD      {noise.sd:.3f} points"
    bounds = f"95 % bounds {percent(changed.lower)} and {percent(changed.upper)}"
    yield f"grades that changed   {changed.hits} of {changed.n} replies: {percent(changed.value)}, {bounds}"
    yield ""
    yield f"A run on the bench's {questions} questions, each answer graded so often:"
    yield from _table(outlooks)
    yield ""
    yield "Under the floor a margin is decided by the judge's noise. Under the sensible one a candidate that"
    yield "is equal would fail more than one time in five by the judge alone. For bench.toml, so that runs"
    yield "with a margin under the floor are refused:"
    yield ""
    yield "[judge_noise]"
    yield f"{json.dumps(judge, ensure_ascii=False)} = {rounded_up(noise.sd):g}"


def _table(outlooks: Sequence[Outlook]) -> Iterator[str]:
    yield ""
    yield "times   noise floor   smallest sensible margin"
    for one in outlooks:
        yield f"{one.repeats:>5}{one.floor:>14.3f}{rounded_up(one.margin):>27.2f}"


def panel_lines(judges: Sequence[str], outlooks: Sequence[Outlook], questions: int) -> Iterator[str]:
    """What several judges' noise comes to where the mean of their grades counts."""
    yield f"{', '.join(judges)} as a panel:"
    yield f"a run on the bench's {questions} questions, each answer graded so often by each judge:"
    yield from _table(outlooks)


def panel_json(judges: Sequence[Mapping[str, Any]], outlooks: Sequence[Outlook]) -> dict[str, Any]:
    """The figures of several judges for programs.

    Args:
        judges: Of each what `noise_json` says.
    """
    return {"judges": list(judges), "panel": [asdict(one) for one in outlooks]}


def _failure_lines(found: Regraded) -> Iterator[str]:
    if not found.failures:
        return
    yield f"{len(found.failures)} judgments could not be had; the same command asks for them again:"
    reasons = Counter(one_line(failure.reason, _WIDTH) for failure in found.failures)
    yield from (f"  {n} x {reason}" for reason, n in reasons.most_common(_REASONS))
    if len(reasons) > _REASONS:
        yield f"  and {len(reasons) - _REASONS} more reasons"


def noise_json(found: Regraded, outlooks: Sequence[Outlook], judge: str, questions: int) -> dict[str, Any]:
    """The same figures for programs."""
    return {
        "judge": judge,
        "questions": questions,
        "judgments": found.judgments,
        "made": found.made,
        "failed": len(found.failures),
        "noise": _result(found.noise) if found.noise else None,
        "runs": [asdict(one) for one in outlooks],
    }


def _result(noise: Noise) -> dict[str, Any]:
    return {
        "repeats": noise.repeats,
        "within_answer_sd": noise.sd,
        **share_result(noise.changed, "replies", "changed"),
    }


@dataclass(frozen=True, slots=True)
class Regraded:
    """What came of it.

    Attributes:
        rows: One a question; of one side, so that none has a difference.
        made: Judgments that were made now; the others were stored, or cost nothing.
    """

    rows: tuple[Row, ...]
    made: int

    @property
    def judgments(self) -> int:
        """Grades that there are."""
        return sum(len(found) for row in self.rows for _, found in row.answered("candidate"))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What could not be had."""
        return tuple(failure for row in self.rows for failure in row.failures)

    @property
    def noise(self) -> Noise | None:
        """How noisy the judge is; None where no reply was graded twice."""
        return run_noise(self.rows)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the judge's noise means for runs on a bench.

    Attributes:
        repeats: How often each answer is graded.
        floor: The noise floor, in points.
        margin: The smallest margin that says something, in points.
    """

    repeats: int
    floor: float
    margin: float


def outlook(sd: float, questions: Sequence[Question], repeats: int) -> Outlook:
    """What a within-answer SD, in points, means for a run on these questions."""
    floor = planned_floor(sd, [len(question.turns) for question in questions], repeats)
    return Outlook(repeats, floor, sensible_margin(floor))


def regrade(
    bench: Bench,
    answers: ChatModel,
    judge: Judge,
    questions: Sequence[Question],
    repeats: int,
    *,
    store: Store | None = None,
    concurrency: int = 16,
    show: Callable[[Progress], object] = lambda _: None,
) -> Regraded:
    """Has a judge grade answers several times.

    Args:
        bench: Says which prompt is whose.
        answers: Recorded ones.
        questions: Whose answers are graded.
        repeats: How often each.
        store: What is there already, and where what is made is kept.
        concurrency: Most calls under way at once.
        show: Is told now and then how far it is.

    Raises:
        MTBenchError: Where an answer is missing, or the judge can grade nothing or not so often.
    """
    store = store or Store()
    judges = {judge.name: judge}
    contest = Contest(
        bench, {"candidate": answers}, judges, pairwise=False, concurrency=concurrency, repeats=repeats
    )
    contest.check_prompts(questions)
    for party in contest.free:
        contest.prepare(party, questions)
    for party in parties_with_work(contest, questions, questions, questions, store):
        contest.prepare(party, questions)
    pipeline = Pipeline(contest, questions, store)
    try:
        rows = {row.question_id: row for row in _rows(pipeline, questions, show)}
        return Regraded(tuple(rows[question.question_id] for question in questions), pipeline.look().calls)
    finally:
        pipeline.close()


def _rows(
    pipeline: Pipeline, questions: Sequence[Question], show: Callable[[Progress], object]
) -> Iterator[Row]:
    """The rows as they come."""
    pipeline.request(questions)
    waiting = {pipeline.row(question.question_id) for question in questions}
    while waiting:
        done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        show(pipeline.look())
