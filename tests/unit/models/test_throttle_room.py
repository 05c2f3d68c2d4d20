"""How much room a large run takes: what is under way, and what is being written."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from mtbench_pytest.core.files import write_files
from mtbench_pytest.core.records import Task
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.judges.base import JudgeReply
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.report.folder import report_files
from mtbench_pytest.run.question_state import Parcel
from tests.unit.factories import ABOUT, answer, question, questions, row, sides
from tests.unit.parties import check_complete, contest, fair, rows_of, says


class Watching(ScriptedJudge):
    """Notes how many tasks were alive at once."""

    most = 0

    async def reply(self, task: Task, max_tokens: int) -> JudgeReply:
        self.most = max(self.most, len(asyncio.all_tasks()))
        return await super().reply(task, max_tokens)


def test_a_large_free_run_is_not_under_way_all_at_once() -> None:
    many = questions(400)
    judge = Watching(fair)
    candidate, baseline = (ScriptedModel(says(name, many), name) for name in ("cand", "base"))
    rows, pipeline = rows_of(contest(candidate, baseline, judge, many), many)
    assert [one.question_id for one in rows] == list(range(1, 401))
    assert all(one.judged for one in rows)
    assert len(judge.asked) == 8 * len(many)
    assert judge.most < 300
    check_complete(pipeline)


def test_a_free_judge_is_asked_again_rather_than_remembered() -> None:
    """The last question is worded and answered as the first, long after it."""
    asked = [*questions(150), replace(question(1), question_id=151)]

    def again(name: str) -> ScriptedModel:
        script = says(name, asked)
        return ScriptedModel({**script, 151: script[1]}, name)

    judge = ScriptedJudge(fair)
    rows, _ = rows_of(contest(again("cand"), again("base"), judge, asked), asked)
    assert (rows[-1].question_id, rows[-1].difference) == (151, rows[0].difference)
    assert len(judge.asked) == 8 * 151


def test_a_report_is_never_whole_in_memory(tmp_path: Path) -> None:
    long = "word " * 20_000
    rows = [row(n, answers=sides(answer(n, "cand", (long, long)))) for n in range(1, 101)]
    decision = decide("bench", rows, [question(n) for n in range(1, 101)], Policy(), pairwise=False)
    tracemalloc.start()
    try:
        write_files(tmp_path, report_files(decision, rows, ABOUT, 0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written > 20e6
    assert peak < written / 5


# What is handed over to other threads.


def test_who_asks_before_and_who_asks_after_are_told_the_same() -> None:
    parcel: Parcel[str] = Parcel()
    before = parcel.future()
    assert not before.done()
    assert parcel.future() is before
    parcel.give("here")
    assert (before.result(0), parcel.future().result(0), parcel.value) == ("here", "here", "here")


def test_an_error_is_told_to_all_and_stays() -> None:
    parcel: Parcel[str] = Parcel()
    before = parcel.future()
    parcel.fail(ValueError("first"))
    parcel.fail(ValueError("second"))
    parcel.give("too late")
    for future in (before, parcel.future()):
        with pytest.raises(ValueError, match="first"):
            future.result(0)
    assert parcel.value == "too late", "what came is kept for the report"


def test_what_was_handed_over_cannot_fail_any_more() -> None:
    parcel: Parcel[str] = Parcel()
    parcel.give("here")
    parcel.fail(ValueError("late"))
    assert parcel.future().result(0) == "here"
