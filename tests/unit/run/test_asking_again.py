"""The pipeline grades again what its predicate names: counted, kept, and taking nothing away."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import VerdictError
from mtbench_pytest.core.records import GradeTask, Task
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.drops import graded_again
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.store.database import open_database, sqlite_url
from mtbench_pytest.store.store import Store
from tests.unit.parties import THREE, check_complete, contest, running, says
from tests.unit.parties import row as row_of


def second(row: Row) -> bool:
    return row.question_id == 2


def rising(task: Task) -> str:
    """The first grade is 4, the next ones 5 and 6."""
    return f"[[{3 + task.repeat}]]" if isinstance(task, GradeTask) else "[[C]]"


def judged(pipeline: Pipeline) -> list[Row]:
    return [row_of(pipeline, question.question_id) for question in THREE]


def regraded(judge: ScriptedJudge) -> Counter[tuple[object, int]]:
    """Of the questions asked again, how often under each number."""
    tasks = [task for task in judge.asked if isinstance(task, GradeTask) and task.repeat > 1]
    return Counter((task.question.question_id, task.repeat) for task in tasks)


@pytest.mark.parametrize("free", [True, False])
def test_both_sides_are_graded_twice_more(free: bool) -> None:
    judge = ScriptedJudge(rising, free=free)
    with running(contest(judge=judge), ask_again=second) as pipeline:
        pipeline.request(THREE)
        rows = judged(pipeline)
        check_complete(pipeline)
    assert regraded(judge) == {(2, 2): 4, (2, 3): 4}
    assert [bool(row.regraded) for row in rows] == [False, True, False]
    assert [(again.repeat, again.candidate, again.baseline) for again in graded_again(rows[1])] == [
        (2, 5, 5),
        (3, 6, 6),
    ]
    order = [(one.turn, one.repeat) for one in rows[1].regraded["candidate"]]
    assert order == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert [row.grade("candidate") for row in rows] == [4, 4, 4]


def test_the_predicate_sees_the_question_as_it_was_judged() -> None:
    seen = []

    def look(row: Row) -> bool:
        seen.append((row.question_id, row.judged, row.difference, row.regraded))
        return False

    with running(contest(), ask_again=look) as pipeline:
        pipeline.request(THREE)
        judged(pipeline)
    assert sorted(seen) == [(n, True, 2, {}) for n in (1, 2, 3)]


def test_every_sample_is_graded_again() -> None:
    sampled = ScriptedModel(says("cand"), "cand", free=False)
    judge = ScriptedJudge(rising)
    given = contest(sampled, judge=judge, samples=2, repeats=2)
    with running(given, ask_again=second) as pipeline:
        pipeline.request(THREE)
        row = judged(pipeline)[1]
        check_complete(pipeline)
    (sample,) = row.samples["candidate"]
    assert [one.repeat for one in sample.regraded] == [3, 4, 3, 4]
    assert [(again.repeat, again.candidate) for again in graded_again(row)] == [(3, 6), (4, 7)]


def test_a_further_grading_that_fails_takes_nothing_away() -> None:
    def fails_later(task: Task) -> str | Exception:
        lost = isinstance(task, GradeTask) and task.repeat == 3 and task.answer.model == "base"
        return VerdictError("the judge was at lunch") if lost else rising(task)

    with running(contest(judge=ScriptedJudge(fails_later)), ask_again=second) as pipeline:
        pipeline.request(THREE)
        row = judged(pipeline)[1]
        check_complete(pipeline)
    assert (row.judged, row.failures) == (True, ())
    assert [(f.turn, f.repeat, f.models, f.reason) for f in row.regrade_failures] == [
        (turn, 3, ("base",), "the judge was at lunch") for turn in (1, 2)
    ]
    assert [again.repeat for again in graded_again(row)] == [2]


def test_a_judge_that_cannot_repeat_is_not_asked() -> None:
    class Once(ScriptedJudge):
        def has_grade(self, task: GradeTask) -> bool:
            return task.repeat <= 2

    judge = Once(rising)
    with running(contest(judge=judge), ask_again=second) as pipeline:
        pipeline.request(THREE)
        row = judged(pipeline)[1]
        check_complete(pipeline)
    assert regraded(judge) == {(2, 2): 4}
    assert [again.repeat for again in graded_again(row)] == [2]
    assert row.regrade_failures == ()


def test_further_gradings_are_kept_and_their_lack_is_work(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "store.db"))
    working, asked = [], []
    try:
        store = Store(database)
        for ask_again in (None, second, second):
            judge = ScriptedJudge(rising, free=False)
            given = contest(judge=judge)
            working.append(parties_with_work(given, THREE, THREE, THREE, store, ask_again))
            with running(given, store=store, ask_again=ask_again) as pipeline:
                pipeline.request(THREE)
                assert len(graded_again(row_of(pipeline, 2))) == (2 if ask_again else 0)
            asked.append(len(judge.asked))
    finally:
        database.close()
    assert working == [["judge scripted-judge"], ["judge scripted-judge"], []]
    assert asked == [24, 8, 0]
