"""`mtbench noise`: frozen answers are graded again and again, to see how far the judge wobbles.

What the store has is not asked again, and the first of the repeats is the judgment of an ordinary run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.records import Failure, Question, Row
from mtbench_pytest.findings.noise import Noise, planned_floor, run_noise, sensible_margin
from mtbench_pytest.judges import Judge
from mtbench_pytest.models import ChatModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.run.progress import Progress
from mtbench_pytest.store.store import Store

_LOOK = 0.5  # seconds between looks at the progress


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
        """How far the judge wobbles; None where no reply was graded twice."""
        return run_noise(self.rows)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the judge's wobble means for runs on a bench.

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
