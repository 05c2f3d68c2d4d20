"""What is told of two snapshots of a question: what moved, in which turn, and why it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mtbench_pytest.core.records import Verdict
from mtbench_pytest.run.snapshots.compare import differences
from mtbench_pytest.run.snapshots.snapshot import Grading, Snapshot
from tests.unit.factories import consistent, question, verdict
from tests.unit.snapshots import ABOUT, JUDGE, snapshot

WON = (consistent("A", turn=1), consistent("A", turn=2))


def told(new: Snapshot, tolerance: float = 0.0, **old: Any) -> list[str]:
    return differences(snapshot(**old), new, tolerance)


def test_nothing_moved() -> None:
    assert told(snapshot(verdicts=WON), verdicts=WON) == []


def test_prose_does_not_matter() -> None:
    assert told(snapshot(reasons="Put otherwise. [[8]]")) == []


def test_a_grade_that_moved() -> None:
    assert told(snapshot(grades=(8, 5)), grades=(8, 6)) == [
        "turn 2, candidate: grade 6 -> 5 (-1) for the same answer and prompt",
        "  - the judge: So: [[6]]",
        "  + the judge: So: [[5]]",
        "turn 2, baseline: grade 6 -> 5 (-1) for the same answer and prompt",
        "  - the judge: So: [[6]]",
        "  + the judge: So: [[5]]",
    ]


@pytest.mark.parametrize(("tolerance", "lines"), [(0.4, 6), (0.5, 0), (2, 0)])
def test_a_grade_within_the_tolerance(tolerance: float, lines: int) -> None:
    assert len(told(snapshot(grades=(8, 5.5)), tolerance, grades=(8, 6))) == lines


def test_an_answer_that_changed() -> None:
    """Told once: that the prompts of its games and of the next turn changed follows from it."""
    new = snapshot(candidate=("new 1\nbut longer", "new 2"), grades=(8, 6), verdicts=WON)
    assert told(new, verdicts=WON) == [
        "turn 1, candidate: the answer changed, grade 8 as before",
        "  - line 2: (nothing)",
        "  + line 2: but longer",
        "turn 2, candidate: the same answer after another one in turn 1, grade 6 as before",
    ]


def test_an_answer_that_changed_and_what_the_judge_makes_of_it() -> None:
    new = snapshot(baseline=("old 1", "less"), grades=(8, 3))
    assert told(new)[3:] == [
        "turn 2, baseline: the answer changed, grade 6 -> 3 (-3)",
        "  - line 1: old 2",
        "  + line 1: less",
        "  - the judge: So: [[6]]",
        "  + the judge: So: [[3]]",
    ]


def test_a_prompt_that_changed() -> None:
    lines = told(snapshot(template="Question {}, answer {}"))
    assert len(lines) == 4
    assert lines[0] == (
        "turn 1, candidate: the judge's prompt or the reference changed (one), so the two cannot be "
        "compared, grade 8 as before"
    )


def test_a_winner_that_changed() -> None:
    lines = told(snapshot(verdicts=(verdict("A", "A"),)), verdicts=(consistent("A"),))
    assert lines == [
        "turn 1, game 2 (baseline first): winner candidate -> baseline for the same prompt",
        "  - the judge: So: B",
        "  + the judge: So: A",
    ]


def test_games_that_came_or_went() -> None:
    tie = (Verdict(1, 1),)
    played = (consistent("tie"),)
    assert told(snapshot(verdicts=tie), verdicts=played) == [
        "turn 1: the two answers are the same, a tie without games"
    ]
    assert told(snapshot(verdicts=played), verdicts=tie) == [
        "turn 1: the two answers were the same, a tie without games"
    ]
    assert told(snapshot(), verdicts=played) == ["turn 1: not compared pairwise any more"]
    assert told(snapshot(verdicts=played)) == ["turn 1: compared pairwise, which it was not"]


def test_a_reply_that_is_cut_off() -> None:
    new = snapshot()
    first = new.sides["candidate"].answers[0]
    turns = (replace(first.turns[0], reply=replace(first.turns[0].reply, capped=True)), first.turns[1])
    side = replace(new.sides["candidate"], answers=(replace(first, turns=turns),))
    cut = replace(new, sides={**new.sides, "candidate": side})
    assert differences(new, cut) == ["turn 1, candidate: the same answer is cut off now, grade 8 as before"]
    assert differences(cut, new)[0].startswith("turn 1, candidate: the same answer is not cut off any more")


def test_another_question_is_compared_no_further() -> None:
    lines = told(snapshot(asked=question(2), grades=(1, 1)))
    assert lines == ["the question changed: its answers and grades are another question's"]


@pytest.mark.parametrize(
    "judge", [replace(JUDGE, name="other"), replace(JUDGE, identity={**JUDGE.identity, "temperature": 1.0})]
)
def test_another_judge(judge: Any) -> None:
    (line,) = told(snapshot(replace(ABOUT, judges=(judge,))))
    assert line.startswith("another judge: judge (openai:judge) -> ")
    assert line.endswith("grades of two judges cannot be compared")


def test_another_number_of_turns() -> None:
    """A file that somebody has edited."""
    new = snapshot()
    (answer,) = new.sides["baseline"].answers
    side = replace(new.sides["baseline"], answers=(replace(answer, turns=answer.turns[:1]),))
    assert differences(replace(new, sides={**new.sides, "baseline": side}), new) == [
        "baseline: 2 turns, 1 before"
    ]


def test_another_number_of_samples() -> None:
    new = snapshot()
    twice = replace(new.sides["candidate"], answers=new.sides["candidate"].answers * 2)
    lines = differences(new, replace(new, sides={**new.sides, "candidate": twice}))
    assert lines == ["candidate: 2 answers to the question, 1 before"]


def test_repeats_count_by_their_mean() -> None:
    new = snapshot(grades=(8, 6))
    side = new.sides["candidate"]
    (answer,) = side.answers
    last = answer.turns[1]
    other = replace(last.gradings[0], grade=7.0, text="another time")

    def with_gradings(*gradings: Grading) -> Snapshot:
        turns = (answer.turns[0], replace(last, gradings=gradings))
        changed = replace(side, answers=(replace(answer, turns=turns),))
        return replace(new, sides={**new.sides, "candidate": changed})

    twice = with_gradings(last.gradings[0], other)
    assert differences(twice, with_gradings(other, last.gradings[0])) == []
    assert differences(twice, with_gradings(other, other))[0] == (
        "turn 2, candidate: grade 6.5 -> 7 (+0.5) for the same answer and prompt"
    )


def test_long_texts_are_cut_and_cannot_steer_the_terminal() -> None:
    lines = told(snapshot(candidate=("\x1b[31m" + "long " * 100, "new 2")))
    assert all(len(line) <= 120 for line in lines)
    assert "\x1b" not in "".join(lines)
