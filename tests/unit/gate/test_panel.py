"""A panel of judges: whose mean counts, who leaves, and how many independent votes they are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mtbench_pytest.core.errors import BudgetError, MTBenchError, ServiceError
from mtbench_pytest.core.records import GradeTask, JudgeFailure, Judgment, Task, Verdict
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.core.serialize import row_from_dict, to_plain
from mtbench_pytest.gate.drops import drop_stands, graded_again
from mtbench_pytest.gate.leaving import why_leaves, why_too_few
from mtbench_pytest.gate.panel import concord, seat
from mtbench_pytest.judges.scripted import ScriptedJudge
from mtbench_pytest.report.fastchat import fastchat_files
from mtbench_pytest.run.build import told_apart
from tests.unit.factories import PROMPT, Winner, answer, consistent, questions, row, verdict
from tests.unit.parties import Crowd, Crowded, check_complete, contest, fair, model, rows_of, running
from tests.unit.parties import row as row_of


def said_by(judge: str, one: Row) -> Row:
    """A row as if this judge had said it all."""

    def named(found: Sequence[Judgment]) -> tuple[Judgment, ...]:
        return tuple(replace(judgment, judge=judge) for judgment in found)

    def verdict_of(one: Verdict) -> Verdict:
        if not one.games:
            return one
        first, second = (replace(game, judge=judge) for game in one.games)
        return replace(one, games=(first, second))

    return replace(
        one,
        judges=(judge,),
        judgments={side: named(found) for side, found in one.judgments.items()},
        verdicts=tuple(map(verdict_of, one.verdicts)),
        failures=tuple(replace(f, judge=judge) for f in one.failures if isinstance(f, JudgeFailure)),
    )


def together(*rows: Row) -> Row:
    """One row of what several judges said."""
    first = rows[0]
    verdicts = dict.fromkeys(verdict for one in rows for verdict in one.verdicts)
    return replace(
        first,
        judges=tuple(judge for one in rows for judge in one.judges),
        judgments={
            side: tuple(judgment for one in rows for judgment in one.judgments[side])
            for side in first.judgments
        },
        verdicts=tuple(verdicts),
        failures=tuple(failure for one in rows for failure in one.failures),
    )


# What a row says.


def test_grades_and_scores_are_the_mean_over_the_judges() -> None:
    both = together(
        said_by("a", row(1, [8, 6], [7, 7], verdicts=[consistent("A"), consistent("A", turn=2)])),
        said_by("b", row(1, [5, 5], [9, 8], verdicts=[verdict("B", "A"), verdict("A", "A", turn=2)])),
    )
    assert both.turn_grades("candidate") == {1: 6.5, 2: 5.5}
    assert (both.grade("candidate"), both.grade("baseline"), both.difference) == (6, 7.75, -1.75)
    assert both.score == (1 + 0.25) / 2
    assert (both.by(["a"]).difference, both.by(["b"]).difference) == (0, -3.5)
    assert (both.by(["a"]).score, both.by(["b"]).score) == (1, 0.25)
    assert sum(map(both.weight, both.verdicts)) == 1
    assert row_from_dict(to_plain(both)) == both


def test_each_judges_own_mean_counts_once_whatever_its_repeats() -> None:
    """Two judges of two repeats: the mean of the means, and none where one repeat is missing."""
    a = said_by("a", row(1, [8], [7], turns=1))
    more = {side: (*found, *(replace(j, repeat=2) for j in found)) for side, found in a.judgments.items()}
    a = replace(a, judgments=more, repeats=2)
    b = replace(said_by("b", row(1, [4], [5], turns=1)), repeats=2)
    whole = {
        side: (*found, *(replace(j, grade=6.0, repeat=2) for j in found))
        for side, found in b.judgments.items()
    }
    assert together(a, replace(b, judgments=whole)).grade("candidate") == (8 + 5) / 2
    assert together(a, b).grade("candidate") is None
    assert together(a, b).by(["a"]).grade("candidate") == 8


def test_a_row_that_lacks_a_judge_is_not_judged() -> None:
    a, b = said_by("a", row(1, [8, 6], [7, 7])), said_by("b", row(1, [8], [7, 7]))
    assert not together(a, b).judged
    assert together(a, b).by(["a"]).judged
    assert replace(together(a, b), left={"b": "gone"}).present.judged


def test_identical_answers_tie_for_every_judge() -> None:
    both = together(
        said_by("a", row(1, verdicts=[Verdict(1, 1), consistent("A", turn=2)])),
        said_by("b", row(1, verdicts=[Verdict(1, 1), consistent("tie", turn=2)])),
    )
    assert len(both.verdicts) == 3
    assert both.score == (0.75 + 0.5) / 2
    assert both.by(["a"]).score == 0.75
    assert sum(both.weight(verdict) * verdict.score for verdict in both.verdicts) == both.score
    files = {name: list(lines) for name, lines in fastchat_files([both], 0).items()}
    assert [len(files[f"model_judgment/{judge}_pair.jsonl"]) for judge in "ab"] == [2, 2]


def test_samples_and_failures_go_with_their_judge() -> None:
    base = together(said_by("a", row(1)), said_by("b", row(1)))
    further = Sample(2, answer(), (*base.judgments["candidate"],))
    failure = JudgeFailure(1, 1, ("cand",), "b", PROMPT, "no marker")
    both = replace(base, samples={"candidate": (further,)}, failures=(failure,))
    (sample,) = both.by(["a"]).samples["candidate"]
    assert {judgment.judge for judgment in sample.judgments} == {"a"}
    assert both.by(["a"]).failures == ()
    assert both.by(["b"]).failures == (failure,)


# Who stays.


def panel_rows(count: int, **left: str) -> list[Row]:
    rows = [together(*(said_by(judge, row(n)) for judge in "abc")) for n in range(1, count + 1)]
    return [*rows[:-1], replace(rows[-1], left=left)]


def test_who_left_counts_on_no_row() -> None:
    panel = seat(panel_rows(4, b="401"))
    assert (panel.judges, panel.left, panel.staying, panel.too_few) == (
        ("a", "b", "c"),
        {"b": "401"},
        ("a", "c"),
        "",
    )
    assert {judgment.judge for one in panel.rows for judgment in one.judgments["candidate"]} == {"a", "c"}


def test_two_are_needed() -> None:
    panel = seat(panel_rows(4, b="401", c="503"))
    assert panel.too_few == "a panel needs 2 judges, and 1 of 3 is left: b left (401); c left (503)"
    assert why_too_few(1, {}) == why_too_few(2, {}) == why_too_few(3, {"a": "x"}) == ""


def test_one_judge_alone_is_not_looked_at() -> None:
    rows = [said_by("a", row(n, verdicts=[verdict("A", "A")])) for n in range(1, 13)]
    panel = seat(rows)
    assert (panel.left, panel.too_few, list(panel.rows)) == ({}, "", rows)


@pytest.mark.parametrize(
    ("failed", "why"),
    [(1, ""), (2, "its judgments of 2 of 20 questions could not be had, more than 5.0 %")],
)
def test_a_judge_whose_judgments_fail_too_often(failed: int, why: str) -> None:
    failure = JudgeFailure(1, 1, ("cand",), "judge", PROMPT, "no marker")
    rows = [row(n, failures=[failure] if n <= failed else []) for n in range(1, 21)]
    assert why_leaves(rows) == why


def test_a_judge_that_the_order_leads() -> None:
    """Its own grades lie three points apart, and its comparisons go by the order."""
    led = [row(n, [8, 8], [5, 5], verdicts=[verdict("A", "A", n)]) for n in range(1, 13)]
    assert "not fit to compare" in why_leaves(led)


# What is asked again.


def again(judge: str, candidate: Sequence[float], baseline: Sequence[float], further: float | None) -> Row:
    """A judge's row of one turn, graded again once with so many points for the candidate."""
    one = said_by(judge, row(1, candidate, baseline, turns=1))
    if further is None:
        return one
    new = {"candidate": further, "baseline": baseline[0]}
    return replace(
        one,
        regraded={
            side: tuple(replace(j, grade=new[side], repeat=2) for j in found)
            for side, found in one.judgments.items()
        },
    )


@pytest.mark.parametrize(("further", "difference"), [(8, -1.5), (None, -4.5)])
def test_a_further_grading_is_the_mean_of_the_judges(further: float | None, difference: float) -> None:
    """Judge a sees -6, and again +0 or -3; where b cannot repeat itself its -6 stands in."""
    rows = again("a", [2], [8], 5), again("b", [2], [8], further)
    both = replace(
        together(*rows),
        regraded={
            side: tuple(said for one in rows for said in one.regraded.get(side, ()))
            for side in ("candidate", "baseline")
        },
    )
    (graded,) = graded_again(both)
    assert graded.difference == difference
    assert drop_stands(both, 4) == (difference < -4)
    assert [one.difference for one in graded_again(both.by(["a"]))] == [-3]
    assert row_from_dict(to_plain(both)) == both


# How many votes.


def graded(judge: str, differences: Sequence[float], winners: Sequence[Winner] = ()) -> list[Row]:
    games = winners or ["tie"] * len(differences)
    return [
        said_by(judge, row(n, [5 + d], [5], turns=1, verdicts=[consistent(winner, n)]))
        for n, (d, winner) in enumerate(zip(differences, games, strict=True), 1)
    ]


def panel_of(*judges: list[Row]) -> list[Row]:
    return [together(*rows) for rows in zip(*judges, strict=True)]


@pytest.mark.parametrize(
    ("other", "third", "votes"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1),  # the same three times
        ([1, -1, -1, 1], [-1, 3, -3, 1], 3),  # uncorrelated with the first and with each other
        ([4, 3, 2, 1], [1, 2, 3, 4], 3),  # correlations -1, 1, -1 have a mean under 0
    ],
)
def test_kishs_effective_number(other: list[float], third: list[float], votes: float) -> None:
    rows = panel_of(graded("a", [1, 2, 3, 4]), graded("b", other), graded("c", third))
    assert concord(rows, "abc").votes == pytest.approx(votes)


def test_half_correlated_judges_by_hand() -> None:
    """r = 0.5 for x = (-1, 0, 1) and y = (-1, 1, 0): two judges are worth 2 / 1.5."""
    found = concord(panel_of(graded("a", [-1, 0, 1]), graded("b", [-1, 1, 0])), "ab")
    assert found.correlation == pytest.approx(0.5)
    assert found.votes == pytest.approx(4 / 3)


def test_a_judge_without_differences_correlates_with_nobody() -> None:
    found = concord(panel_of(graded("a", [1, 2, 3]), graded("b", [0, 0, 0])), "ab")
    assert (found.correlation, found.votes) == (None, None)
    assert concord([], "ab").votes is None


def test_kappa_of_the_winners_by_hand() -> None:
    """Of 4, 3 agree; margins 2-1-1 and 2-2-0 put (2*2 + 1*2) / 16 there by chance: (0.75 - 0.375) / 0.625."""
    rows = panel_of(
        graded("a", [1, 2, 3, 4], ["A", "A", "tie", "B"]), graded("b", [1, 2, 3, 4], ["A", "A", "tie", "tie"])
    )
    (pair,) = concord(rows, "ab").pairs
    assert (pair.compared, pair.same) == (4, 3)
    assert pair.kappa == pytest.approx(0.6)


# In a pipeline.


def named(name: str, say: Callable[[Task], str | Exception] = fair, *, free: bool = False) -> ScriptedJudge:
    return ScriptedJudge(say, name, free=free)


def breaking(at: int, error: MTBenchError) -> Callable[[Task], str | Exception]:
    return lambda task: error if task.question.question_id == at else fair(task)


@pytest.mark.parametrize("free", [True, False])
def test_rows_hold_what_every_judge_said(free: bool) -> None:
    judges = [named("a", free=free), named("b", lambda t: "[[4]]" if isinstance(t, GradeTask) else "[[C]]")]
    rows, pipeline = rows_of(contest(panel=judges))
    assert [one.judges for one in rows] == [("a", "b")] * 3
    assert rows[0].grade("candidate") == (8 + 4) / 2
    assert rows[0].score == (1 + 0.5) / 2
    assert [j.judge for j in rows[0].judgments["candidate"]] == ["a", "b", "a", "b"], "turn by turn"
    check_complete(pipeline)
    assert pipeline.progress.judgments == 3 * 8 * 2


@pytest.mark.parametrize("free", [True, False])
def test_one_that_breaks_down_leaves_the_others_alone(free: bool) -> None:
    error = ServiceError("http://judge/v1", "401 \x1b[31mwrong", "a key")
    judges = [named("a"), named("broken", breaking(2, error), free=free), named("c")]
    rows, pipeline = rows_of(contest(panel=judges))
    assert all(one.present.judged for one in rows)
    told = next(one.left for one in rows if one.left)
    assert told == {"broken": "http://judge/v1: 401 [31mwrong; expected a key"}, "a server said it"
    assert not any(one.failures for one in rows)
    check_complete(pipeline)


@pytest.mark.parametrize("free", [True, False])
def test_too_few_end_the_run(free: bool) -> None:
    error = ServiceError("http://judge/v1", "401", "a key")
    judges = [named("a"), named("broken", breaking(2, error), free=free)]
    with running(contest(panel=judges)) as pipeline:
        pipeline.request(questions(3))
        with pytest.raises(MTBenchError, match="a panel needs 2 judges, and 1 of 2 is left: broken left"):
            row_of(pipeline, 2)


def test_a_budget_that_is_spent_ends_the_run() -> None:
    judges = [
        named("a"),
        named("b"),
        named("c", breaking(2, BudgetError("3 calls made", "--mtbench-max-calls 3"))),
    ]
    with running(contest(panel=judges)) as pipeline:
        pipeline.request(questions(3))
        with pytest.raises(BudgetError):
            row_of(pipeline, 2)


def test_the_limit_on_calls_is_that_of_all_judges() -> None:
    crowd = Crowd()
    judges = [Crowded(crowd, free=False) for _ in range(3)]
    for number, judge in enumerate(judges):
        judge.name = f"judge {number}"
    rows_of(contest(panel=judges, concurrency=4))
    assert crowd.most == 4


def test_a_judge_that_left_before_is_not_asked() -> None:
    judges = [named("a"), named("b"), named("down", lambda _: AssertionError("asked"))]
    rows, _ = rows_of(contest(panel=judges, left={"down": "no server"}))
    assert all(one.left == {"down": "no server"} and one.present.judged for one in rows)
    assert judges[2].asked == []


def test_names_are_told_apart_as_files_are() -> None:
    judges = [named("org/gpt"), named("org_gpt"), named("ORG/GPT"), named("other")]
    assert list(told_apart(judges)) == ["org/gpt", "org_gpt-2", "ORG/GPT-3", "other"]
    assert [judge.name for judge in judges] == ["org/gpt", "org_gpt", "ORG/GPT", "other"]


def test_all_compare_the_turns_that_each_can() -> None:
    class SecondOnly(ScriptedJudge):
        def game_turns(self, question: object) -> tuple[int, ...]:  # noqa: ARG002
            return (2,)

    given = contest(model("cand"), model("base"), panel=[named("a"), SecondOnly(fair, "b")])
    rows, _ = rows_of(given)
    assert all(one.game_turns == (2,) and one.judged for one in rows)
