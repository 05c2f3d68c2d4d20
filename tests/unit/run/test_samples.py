"""Several answers to a question: each has a seed of its own, all are graded, their mean counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.cli.show import standings
from mtbench_pytest.core.errors import VerdictError
from mtbench_pytest.core.files import write_files
from mtbench_pytest.core.records import (
    Answer,
    AnswerFailure,
    AnswerTask,
    GameTask,
    GradeTask,
    JudgeFailure,
    QuestionId,
    Reply,
    Task,
)
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.core.serialize import row_from_dict, to_plain
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.judges.fastchat import read_judgments
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.report.fastchat import fastchat_files
from mtbench_pytest.report.html.page import report_page
from mtbench_pytest.report.markdown import report_markdown
from mtbench_pytest.report.result import row_result
from mtbench_pytest.report.terminal import summary_lines
from mtbench_pytest.run.judged import judged_from
from mtbench_pytest.run.pending import parties_with_work
from mtbench_pytest.store.database import open_database, sqlite_url
from mtbench_pytest.store.leases import Alone
from mtbench_pytest.store.store import Store
from tests.unit.factories import ABOUT, answer, judgment, question, read_lines, row
from tests.unit.parties import THREE, check_complete, contest, fair, rows_of, running
from tests.unit.parties import row as row_of

ASKED = [question(1, "writing"), question(2, "math"), question(3, "writing")]  # drawn, greedy, drawn


class Drawing(ScriptedModel):
    """Says which sample it was asked for and with which seed; `fail` names (question, sample) it cannot."""

    def __init__(
        self,
        name: str = "cand",
        *,
        device: bool = False,
        fail: Sequence[tuple[QuestionId, int]] = (),
        recorded: int | None = None,
    ) -> None:
        super().__init__({}, name, free=False)
        self.uses_device = device
        self.fail = fail
        self.seen: list[tuple[QuestionId, int]] = []
        self.closings = 0
        self._open = True
        if recorded:
            self.recorded_samples = recorded

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "drawing", "name": self.name}

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        assert tasks
        assert not self.closings, "it was closed while it was still needed"
        for task in tasks:
            asked = (task.question.question_id, task.sample)
            self.seen.append(asked)
            if asked in self.fail:
                yield AnswerFailure(asked[0], self.name, "tired")
                continue
            said = f"{self.name} {task.sample} seed {task.sampling.seed} on {asked[0]}"
            replies = tuple(Reply(f"{said} turn {turn}") for turn in (1, 2))
            yield Answer(asked[0], self.name, replies)

    def close(self) -> None:
        self.closings += 1


def by_sample(task: Task) -> str:
    """Grades the candidate's first answer 6, its second 7 and so on, and the baseline 8."""
    if isinstance(task, GameTask):
        return "[[C]]"
    return f"[[{5 + task.sample if task.answer.model == 'cand' else 8}]]"


def test_the_first_samples_seed_is_the_one_a_run_without_samples_has() -> None:
    one, three = contest(), contest(samples=3)
    assert [one.task(q) for q in THREE] == [three.task(q) for q in THREE]
    seeds = {three.task(q, sample).sampling.seed for q in THREE for sample in (1, 2, 3)}
    assert len(seeds) == 9
    # What was stored before there were samples is found again.
    assert one.sampling(question(81)).seed == 1935185192


def test_all_samples_are_graded_and_their_mean_counts() -> None:
    candidate, judge = Drawing(), ScriptedJudge(by_sample)
    rows, pipeline = rows_of(contest(candidate, judge=judge, samples=3), THREE)
    for found in rows:
        assert found.grades("candidate") == (6, 7, 8)
        assert (found.grade("candidate"), found.grade("baseline"), found.difference) == (7, 8, -1)
        assert found.drawn == {"candidate": 3}
        assert [sample.number for sample in found.samples["candidate"]] == [2, 3]
        assert (
            len({found.answers["candidate"].turns, *(s.answer.turns for s in found.samples["candidate"])})
            == 3
        )
        assert found.judged
    assert pipeline.progress.answers_total == 3 * (3 + 1)
    assert pipeline.progress.judgments_total == 3 * (4 * 2 + 2 * 2)
    check_complete(pipeline)
    assert candidate.closings > 0


def test_games_are_played_with_the_first_answer() -> None:
    judge = ScriptedJudge(by_sample)
    rows_of(contest(Drawing(), judge=judge, samples=3), THREE[:1])
    games = [task for task in judge.asked if isinstance(task, GameTask)]
    assert len(games) == 4
    assert all("cand 1 " in task.prompt.user for task in games)


def test_a_server_is_asked_anew_also_where_it_is_greedy() -> None:
    candidate = Drawing()
    rows_of(contest(candidate, judge=ScriptedJudge(by_sample), asked=ASKED, samples=2), ASKED)
    assert sorted(candidate.seen) == [(n, sample) for n in (1, 2, 3) for sample in (1, 2)]


def test_a_greedy_answer_on_this_machine_is_every_sample() -> None:
    candidate, judge = Drawing(device=True), ScriptedJudge(by_sample, free=False)
    rows, pipeline = rows_of(contest(candidate, judge=judge, asked=ASKED, samples=3), ASKED)
    assert sorted(candidate.seen) == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (3, 3)]
    greedy = rows[1]
    assert [sample.answer for sample in greedy.samples["candidate"]] == [greedy.answers["candidate"]] * 2
    assert greedy.grades("candidate") == (6, 6, 6), "one call, for the prompt is the same"
    check_complete(pipeline)


def test_a_sample_that_cannot_be_had_leaves_the_question_unjudged() -> None:
    rows, pipeline = rows_of(
        contest(Drawing(fail=[(2, 3)]), judge=ScriptedJudge(by_sample), samples=3), THREE
    )
    assert [found.judged for found in rows] == [True, False, True]
    (failure,) = rows[1].failures
    assert isinstance(failure, AnswerFailure)
    assert failure.reason == "sample 3: tired"
    assert rows[1].grades("candidate") is None
    check_complete(pipeline)


def test_a_grade_of_a_sample_that_cannot_be_had_names_the_sample() -> None:
    def ill(task: Task) -> str | Exception:
        second = isinstance(task, GradeTask) and (task.sample, task.turn) == (2, 1)
        return VerdictError("no marker") if second else fair(task)

    (found,), pipeline = rows_of(contest(Drawing(), judge=ScriptedJudge(ill), samples=2), THREE[:1])
    (failure,) = found.failures
    assert isinstance(failure, JudgeFailure)
    assert failure.reason == "sample 2: no marker"
    assert not found.judged
    check_complete(pipeline)


def test_a_model_with_recorded_samples_has_as_many_on_either_side() -> None:
    rows, _ = rows_of(contest(Drawing(), Drawing("base", recorded=2), ScriptedJudge(by_sample)), THREE)
    assert all(found.drawn == {"baseline": 2} for found in rows)
    assert contest(Drawing(recorded=2), samples=5).drawn("candidate") == 2


def test_further_samples_are_all_that_a_stored_run_still_has_to_make(tmp_path: Path) -> None:
    database = open_database(sqlite_url(tmp_path / "store.db"))
    for samples, expected in ((1, [(n, 1) for n in (1, 2, 3)]), (2, [(n, 2) for n in (1, 2, 3)]), (2, [])):
        candidate, judge = Drawing(), ScriptedJudge(by_sample, free=False)
        given = contest(candidate, judge=judge, samples=samples)
        working = parties_with_work(given, THREE, THREE, THREE, Store(database))
        assert working == (["candidate", "judge scripted-judge"] if expected else [])
        with running(given, store=Store(database), peers=Alone()) as pipeline:
            pipeline.request(THREE)
            found = [row_of(pipeline, q.question_id) for q in THREE]
        assert candidate.seen == expected
        assert all(r.judged for r in found)
    assert len(judge.asked) == 0
    database.close()


# The row.


def sampled(first: float, *further: float, baseline: Sequence[float] = (8,)) -> Row:
    """A row whose samples have these grades in both turns."""
    given = row(1, [first] * 2, [baseline[0]] * 2)

    def samples(model: str, grades: Sequence[float]) -> tuple[Sample, ...]:
        return tuple(
            Sample(n, answer(1, model, (f"{n}.1", f"{n}.2")), tuple(judgment(g, 1, t, model) for t in (1, 2)))
            for n, g in enumerate(grades, 2)
        )

    return replace(
        given,
        drawn={"candidate": 1 + len(further), "baseline": len(baseline)},
        samples={"candidate": samples("cand", further), "baseline": samples("base", baseline[1:])},
    )


def test_a_row_travels_with_its_samples() -> None:
    given = sampled(6, 7, baseline=(8, 9, 4))
    assert row_from_dict(to_plain(given)) == given


def test_the_question_margin_counts_from_the_worst_of_the_baselines_samples() -> None:
    given = sampled(3, baseline=(8, 9, 7))
    assert (given.difference, given.allowance) == (-5, 1)
    seen = judged_from(given, question(), 4.5, "report.md")
    assert (seen.margin, seen.dropped) == (5.5, False)
    assert judged_from(given, question(), 3.9, "report.md").dropped
    lines = judged_from(
        sampled(1, 2, baseline=(8, 9, 7)), question(), 4, "report.md"
    ).explanation.splitlines()
    assert lines[:3] == [
        "question 1 (writing) dropped 6.50 points, more than 5: candidate 1.50, baseline 8.00",
        "candidate: the mean of 2 answers graded 1.00, 2.00; here is the first",
        "baseline: the mean of 3 answers graded 8.00, 9.00, 7.00; the margin counts from the worst; "
        "here is the first",
    ]


def test_one_sample_makes_no_allowance() -> None:
    assert row(1, [7, 8], [9, 6]).allowance == 0
    assert row(1, [7, 8], []).allowance == 0


@pytest.mark.parametrize(("margin", "outcome"), [(4, "REGRESSION"), (4.1, "INCONCLUSIVE")])
def test_a_critical_category_takes_the_same_margin(margin: float, outcome: str) -> None:
    rules = {"writing": CategoryRules(critical=True, question_margin=margin)}
    rows = [sampled(2.9, baseline=(8, 9, 7)), *(row(n, [9, 9], [8, 8]) for n in range(2, 6))]
    asked = [question(n) for n in range(1, 6)]
    assert decide("bench", rows, asked, Policy(categories=rules), pairwise=False).outcome == outcome


def test_reports_say_that_the_first_of_several_answers_is_shown() -> None:
    rows = [sampled(3, 2, baseline=(8, 9, 7)), row(2, [7, 7], [7, 7])]
    asked = [question(1), question(2)]
    decision = decide("bench", rows, asked, Policy(), pairwise=False)
    parties = {party: ABOUT[party] for party in ("candidate", "baseline", "judge")}
    summary = list(summary_lines(decision, rows, parties, "report.md"))
    assert "  writing-1: 8.00 -> 2.50 (-5.50), turn 1 of the first answers:" in summary
    candidate = "candidate: the mean of 2 answers, graded 3.00, 2.00; the first is shown"
    about = {**ABOUT, "started": "", "finished": "", "versions": {}}
    assert candidate in report_markdown(decision, rows, about, asked)
    assert candidate in "".join(report_page(decision, rows, about, asked))


def test_fastchats_files_hold_samples_as_choices(tmp_path: Path) -> None:
    write_files(tmp_path, fastchat_files([sampled(6, 7, 8)], 0))
    (line,) = read_lines(tmp_path / "model_answer" / "cand.jsonl")
    assert [(choice["index"], choice["turns"]) for choice in line["choices"]] == [
        (0, ["cand 1", "cand 2"]), (1, ["2.1", "2.2"]), (2, ["3.1", "3.2"])
    ]  # fmt: skip
    grades = read_lines(tmp_path / "model_judgment" / "judge_single.jsonl")
    assert [(g.get("sample"), g["turn"], g["score"]) for g in grades if g["model"] == "cand"] == [
        (None, 1, 6), (None, 2, 6), (2, 1, 7), (2, 2, 7), (3, 1, 8), (3, 2, 8)
    ]  # fmt: skip
    (table,) = standings(read_judgments(tmp_path / "model_judgment"))
    assert {entry.model: (entry.average, entry.n) for entry in table.grades} == {
        "cand": (7, 6),
        "base": (8, 2),
    }
    assert table.replaced == 0


def test_the_result_names_each_samples_grade() -> None:
    result = row_result(sampled(6, 7, baseline=(8, 9)))
    assert (result["candidate"]["samples"], result["candidate"]["grade"]) == ((6, 7), 6.5)
    assert row_result(row(1, [6, 9], []))["baseline"]["samples"] is None
