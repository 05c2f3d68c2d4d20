"""What comes out of the pipeline: a row for every question, everything made once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.core.errors import ModelError, MTBenchError, VerdictError
from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    AnswerTask,
    GameTask,
    GradeTask,
    JudgeFailure,
    Question,
    Side,
    Task,
)
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.judges.recorded import RecordedJudge
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.models.recorded import RecordedAnswers
from mtbench_pytest.models.scripted import ScriptedModel
from mtbench_pytest.run.contest import Contest
from tests.unit.factories import question, rounded
from tests.unit.parties import (
    THREE,
    WAIT,
    check_complete,
    contest,
    contest_with,
    fair,
    model,
    row,
    rows_of,
    running,
    says,
)

# What comes out.


def test_every_question_gets_its_row() -> None:
    rows, pipeline = rows_of(contest())
    assert [r.question_id for r in rows] == [1, 2, 3]
    for r in rows:
        assert (r.bench, r.category, r.turns, r.game_turns) == ("bench", "writing", 2, (1, 2))
        assert (r.grade("candidate"), r.grade("baseline"), r.score) == (8, 6, 1.0)
        assert [v.turn for v in r.verdicts] == [1, 2]
        assert r.answers["candidate"].turns == (
            f"cand 1 of {r.question_id}",
            f"cand 2 of {r.question_id}",
        )
        assert {j.model for j in r.judgments["baseline"]} == {"base"}
        assert not r.failures
    assert pipeline.progress.answers_total == 6
    assert pipeline.progress.judgments_total == 3 * (4 + 4)
    check_complete(pipeline)


def test_games_are_played_in_both_orders() -> None:
    """A judge that always takes the first is inconsistent, so a tie."""
    (r,), _ = rows_of(
        contest(judge=ScriptedJudge(lambda t: "[[7]]" if isinstance(t, GradeTask) else "[[A]]")), THREE[:1]
    )
    for verdict in r.verdicts:
        assert [(g.model_a, g.model_b) for g in verdict.games] == [("cand", "base"), ("base", "cand")]
        assert (verdict.winner, verdict.consistent) == ("tie", False)
    assert r.score == 0.5


def test_without_pairwise_nothing_is_compared() -> None:
    judge = ScriptedJudge(fair)
    rows, pipeline = rows_of(contest(judge=judge, pairwise=False))
    assert not any(isinstance(task, GameTask) for task in judge.asked)
    assert all(r.score is None and r.judged and r.game_turns == () for r in rows)
    check_complete(pipeline)


def test_the_answer_is_there_without_the_row() -> None:
    with running(contest()) as pipeline:
        pipeline.request(THREE)
        assert isinstance(pipeline.answer("baseline", 2).result(WAIT), Answer)


def test_a_request_made_twice_does_nothing_twice() -> None:
    candidate, judge = model("cand"), ScriptedJudge(fair)
    with running(contest(candidate, judge=judge)) as pipeline:
        for _ in range(2):
            pipeline.request(THREE[:1])
            row(pipeline, 1)
        pipeline.request(THREE)
        row(pipeline, 3)
        row(pipeline, 2)
        assert candidate.asked == [1, 2, 3]
        assert len(judge.asked) == 3 * 8
        check_complete(pipeline)


# Nothing is made twice.


def test_one_identity_is_generated_once_and_judged_once() -> None:
    same = says("same")
    candidate, baseline, judge = (
        ScriptedModel(same, "cand"),
        ScriptedModel(same, "base"),
        ScriptedJudge(lambda _: "[[7]]"),
    )
    rows, pipeline = rows_of(contest(candidate, baseline, judge))
    assert (candidate.asked, baseline.asked) == ([1, 2, 3], [])
    assert len(judge.asked) == 6  # a grade for each turn, no game
    for r in rows:
        assert (r.answers["candidate"].model, r.answers["baseline"].model) == ("cand", "base")
        assert [j.model for j in r.judgments["baseline"]] == ["base", "base"]
        assert (r.difference, r.score) == (0, 0.5)
        assert all(verdict.games == () for verdict in r.verdicts)
    check_complete(pipeline)


def test_identical_conversations_are_a_tie_without_a_call() -> None:
    """The first turn is the same, the second is not."""
    judge = ScriptedJudge(fair)
    (r,), pipeline = rows_of(
        contest(model("cand", q1=["same", "x"]), model("base", q1=["same", "y"]), judge), THREE[:1]
    )
    assert {task.turn for task in judge.asked if isinstance(task, GameTask)} == {2}
    assert [v.winner for v in r.verdicts] == ["tie", "candidate"]
    assert not r.verdicts[0].games
    assert r.score == 0.75
    check_complete(pipeline)


def test_the_same_turn_after_another_conversation_is_compared() -> None:
    judge = ScriptedJudge(fair)
    rows_of(contest(model("cand", q1=["x", "same"]), model("base", q1=["y", "same"]), judge), THREE[:1])
    assert {task.turn for task in judge.asked if isinstance(task, GameTask)} == {1, 2}


def test_judgments_are_filed_under_their_own_question() -> None:
    """Two questions may be worded alike, for example to repeat one; what is shared is the verdict only."""
    twins = [Question(n, "writing", ("Say hi.",)) for n in (1, 2)]
    rows, pipeline = rows_of(
        contest(
            ScriptedModel({1: ["hi"], 2: ["hi"]}, "cand"),
            ScriptedModel({1: ["ho"], 2: ["ho"]}, "base"),
            asked=twins,
        ),
        twins,
    )
    for r in rows:
        assert {j.question_id for side in SIDES for j in r.judgments[side]} == {r.question_id}
        assert {g.question_id for v in r.verdicts for g in v.games} == {r.question_id}
    check_complete(pipeline)


# A failure is never a score, and concerns nobody else.


@pytest.mark.parametrize("side", SIDES)
def test_a_question_that_cannot_be_answered_is_a_failure_of_its_row(side: Side) -> None:
    rows, pipeline = rows_of(contest_with(side, model(side, q2=RuntimeError("out of memory"))))
    (failure,) = rows[1].failures
    assert isinstance(failure, AnswerFailure)
    assert failure.reason == "out of memory"
    assert side not in rows[1].answers
    assert (rows[1].difference, rows[1].score) == (None, None)
    assert [r.judged for r in rows] == [True, False, True]
    assert pipeline.progress.failures == 1
    check_complete(pipeline)


def test_both_sides_may_fail() -> None:
    error = RuntimeError("no")
    rows, pipeline = rows_of(contest(model("cand", q1=error), model("base", q1=error)))
    assert len(rows[0].failures) == 2
    assert rows[1].judged
    check_complete(pipeline)


def test_a_failure_of_one_model_on_both_sides_is_told_of_both() -> None:
    script = says("same") | {2: RuntimeError("no")}
    rows, pipeline = rows_of(contest(ScriptedModel(script, "cand"), ScriptedModel(script, "base")))
    assert [f.model for f in rows[1].failures if isinstance(f, AnswerFailure)] == ["cand", "base"]
    check_complete(pipeline)


class Silent(ScriptedModel):
    """Yields no answer to question 2."""

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        async for one in super().answer(tasks):
            if one.question_id != 2:
                yield one


def test_an_answer_that_never_comes_is_a_failure() -> None:
    rows, pipeline = rows_of(contest(Silent(says("x"), "cand")))
    (failure,) = rows[1].failures
    assert failure.reason == "the model gave no answer"
    check_complete(pipeline)


def test_a_grade_that_cannot_be_had_is_a_failure() -> None:
    def no_marker(task: Task) -> str:
        if isinstance(task, GradeTask) and (task.answer.model, task.question.question_id) == ("cand", 2):
            return "well" if task.turn == 2 else "[[8]]"
        return fair(task)

    rows, pipeline = rows_of(contest(judge=ScriptedJudge(no_marker)))
    (failure,) = rows[1].failures
    assert isinstance(failure, JudgeFailure)
    assert (failure.turn, failure.models, failure.reply) == (2, ("cand",), "well")
    assert rows[1].grade("candidate") is None
    assert rows[1].grade("baseline") == 6
    assert rows[1].score == 1.0
    assert rows[0].judged
    assert pipeline.progress.failures == 1
    check_complete(pipeline)


def test_a_failed_grade_that_both_sides_share_names_each() -> None:
    same = says("same", THREE[:1])
    judge = ScriptedJudge(lambda _: VerdictError("too long"))
    (r,), pipeline = rows_of(
        contest(ScriptedModel(same, "cand"), ScriptedModel(same, "base"), judge), THREE[:1]
    )
    assert sorted(f.models for f in r.failures if isinstance(f, JudgeFailure)) == [
        ("base",), ("base",), ("cand",), ("cand",)
    ]  # fmt: skip
    assert all(not found for found in r.judgments.values())
    check_complete(pipeline)


def test_one_failed_game_leaves_no_verdict() -> None:
    def second_fails(task: Task) -> str:
        if isinstance(task, GameTask) and task.turn == 1 and task.answer_a.model == "base":
            return "none"
        return fair(task)

    (r,), pipeline = rows_of(contest(judge=ScriptedJudge(second_fails)), THREE[:1])
    assert [v.turn for v in r.verdicts] == [2]
    (failure,) = r.failures
    assert isinstance(failure, JudgeFailure)
    assert failure.models == ("base", "cand")
    assert r.score is None
    assert r.difference == 2
    assert not r.judged
    check_complete(pipeline)


# The contest.


def test_each_question_has_a_seed_of_its_own() -> None:
    one, other = contest(seed=0), contest(seed=1)
    seeds = [given.sampling(q).seed for given in (one, other) for q in THREE]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seeds == [given.sampling(q).seed for given in (contest(seed=0), contest(seed=1)) for q in THREE]


def test_temperature_comes_from_the_category() -> None:
    given = contest(max_new_tokens=77)
    assert given.sampling(question(1, "math")).temperature == 0
    assert given.sampling(question(1, "writing")).temperature == 0.7
    assert given.sampling(question(1, "writing")).max_new_tokens == 77


def test_a_question_that_no_prompt_fits_is_found_first() -> None:
    with pytest.raises(MTBenchError, match="none fits turn 3 of question 1"):
        contest().check_prompts([question(1, turns=3)])


def test_a_model_that_cannot_be_used_is_found_first() -> None:
    class Unusable(ScriptedModel):
        def prepare(self, questions: Sequence[Question]) -> None:  # noqa: ARG002
            raise ModelError("no chat template")

    with pytest.raises(ModelError, match="no chat template"):
        contest(baseline=Unusable({}, "base")).prepare("baseline", THREE)


# All of it, on real records.


def recorded(folder: Path, candidate: str, baseline: str, judge: str, *, pairwise: bool) -> Contest:
    models: dict[Side, ChatModel] = {
        "candidate": RecordedAnswers(folder / "model_answer" / f"{candidate}.jsonl"),
        "baseline": RecordedAnswers(folder / "model_answer" / f"{baseline}.jsonl"),
    }
    judged = RecordedJudge(folder / "model_judgment", judge)
    return Contest(load_bench(folder), models, {judged.name: judged}, pairwise=pairwise)


def decided(given: Contest) -> tuple[Decision, list[Row]]:
    asked = given.bench.questions
    for party in given.parties:
        given.prepare(party, asked)
    rows, pipeline = rows_of(given, asked)
    check_complete(pipeline)
    return decide(given.bench.name, rows, asked, Policy(), pairwise=given.pairwise), rows


def test_the_broken_llama_from_files_to_decision(data: Path) -> None:
    """Each of the 320 judgments was recorded with its prompt, so each proves its answer and its prompt."""
    names = ("Meta-Llama-3-8B-Instruct-Griffin", "Meta-Llama-3-8B-Instruct-Normal")
    decision, rows = decided(recorded(data / "mt_bench_llama3", *names, "gpt-4", pairwise=False))
    assert not [failure for r in rows for failure in r.failures]
    assert decision.outcome == "REGRESSION"
    assert rounded(decision.endpoints[0].bounds) == (-5.069, -5.573, -4.577)


def test_gemma_against_mistral_from_files_to_decision(data: Path) -> None:
    names = ("gemma-2-9b-it", "Mistral-7B-Instruct-v0.3")
    decision, rows = decided(recorded(data / "mt_bench", *names, "gpt-4o-mini", pairwise=True))
    assert all(r.game_turns == (2,) and not r.failures for r in rows)
    assert decision.outcome == "PASS"
    assert [rounded(endpoint.bounds) for endpoint in decision.endpoints] == [
        (0.806, 0.541, 1.085),
        (0.694, 0.631, 0.752),
    ]
