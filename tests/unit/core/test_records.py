"""Replies, verdicts and rows: what is derived from what."""

from __future__ import annotations

import pytest

from mtbench_pytest.core.records import Message, Question, Reply, Verdict
from tests.unit.factories import Winner, answer, consistent, row, verdict


@pytest.mark.parametrize(
    ("raw", "text", "reasoning"),
    [
        ("Hello.", "Hello.", ""),
        ("", "", ""),
        ("<think>hm</think>Hello.", "Hello.", "hm"),
        ("\n<think>\nhm\nhm\n</think>\n\nHello.\n", "Hello.\n", "hm\nhm"),
        ("<think></think>Hello.", "Hello.", ""),
        ("opened by the template</think> Hello.", "Hello.", "opened by the template"),
        ("<think>cut in the midd", "", "cut in the midd"),
        ("  <think>", "", ""),
        ("<think>hm</think>", "", "hm"),
        ("<think>hm</think>It ends with </think>.", "It ends with </think>.", "hm"),
        ("A <think> in the text", "A <think> in the text", ""),
    ],
)
def test_reasoning_is_split_from_the_reply(raw: str, text: str, reasoning: str) -> None:
    reply = Reply.from_raw(raw)
    assert (reply.text, reply.reasoning) == (text, reasoning)


def test_what_is_known_of_a_reply_is_kept() -> None:
    reply = Reply.from_raw("x", capped=True, prompt_tokens=3, completion_tokens=1)
    assert (reply.capped, reply.prompt_tokens, reply.completion_tokens) == (True, 3, 1)


def test_an_answer_is_capped_where_any_reply_is() -> None:
    assert not answer().capped
    assert answer(capped=True).capped
    assert answer(texts=("x", "y")).turns == ("x", "y")


@pytest.mark.parametrize(
    ("first", "second", "winner", "score", "agree"),
    [
        ("A", "B", "candidate", 1.0, True),  # the candidate is A first, B second
        ("B", "A", "baseline", 0.0, True),
        ("tie", "tie", "tie", 0.5, True),
        ("A", "A", "tie", 0.5, False),
        ("B", "B", "tie", 0.5, False),
        ("A", "tie", "tie", 0.5, False),
        ("tie", "B", "tie", 0.5, False),
        ("B", "tie", "tie", 0.5, False),
        ("tie", "A", "tie", 0.5, False),
    ],
)
def test_two_games_make_a_verdict(
    first: Winner, second: Winner, winner: str, score: float, agree: bool
) -> None:
    both = verdict(first, second)
    assert (both.winner, both.score, both.consistent) == (winner, score, agree)


def test_identical_conversations_are_a_consistent_tie() -> None:
    tie = Verdict(1, 1)
    assert (tie.winner, tie.score, tie.consistent, tie.winners) == ("tie", 0.5, True, ())


def test_a_rows_grade_is_the_mean_over_its_turns() -> None:
    given = row(1, [6, 9], [8, 8])
    assert (given.grade("candidate"), given.grade("baseline"), given.difference) == (7.5, 8, -0.5)
    assert given.judged


@pytest.mark.parametrize(("candidate", "baseline"), [([6], [8, 8]), ([], [8, 8]), ([6, 9], [8])])
def test_a_turn_without_a_grade_leaves_no_grade(candidate: list[float], baseline: list[float]) -> None:
    given = row(1, candidate, baseline)
    assert given.difference is None
    assert not given.judged


def test_a_rows_score_is_the_mean_over_the_turns_compared() -> None:
    given = row(verdicts=[consistent("A", turn=1), consistent("tie", turn=2)])
    assert given.score == 0.75
    assert row(verdicts=[consistent("B", turn=2)]).score == 0.0


def test_a_game_that_is_missing_leaves_no_score() -> None:
    given = row(verdicts=[consistent("A", turn=1)], game_turns=(1, 2))
    assert given.score is None
    assert given.difference == 0
    assert not given.judged


def test_where_no_games_are_played_grades_are_all_there_is() -> None:
    assert row().score is None
    assert row().judged


GREETED = (Message("user", "Hi"), Message("assistant", "Hello!"))
BRIEF = Message("system", "Be brief.")


def test_a_questions_opening_stands_before_its_first_turn() -> None:
    question = Question(1, "faq", ("One?", "Two?"), opening=(BRIEF, *GREETED))
    assert [message["role"] for message in question.messages()] == ["system", "user", "assistant"]
    assert question.shown == (
        "[system]\nBe brief.\n\n[user]\nHi\n\n[assistant]\nHello!\n\n[user]\nOne?",
        "Two?",
    )
    assert Question(1, "faq", ("One?",)).shown == ("One?",)


def test_the_questions_system_message_binds_before_the_models() -> None:
    own = Question(1, "faq", ("One?",), opening=(BRIEF,))
    assert own.messages("Be long.") == [{"role": "system", "content": "Be brief."}]
    without = Question(1, "faq", ("One?",), opening=GREETED)
    assert without.messages("Be long.")[0] == {"role": "system", "content": "Be long."}
    assert len(without.messages("Be long.")) == 3
    assert Question(1, "faq", ("One?",)).messages() == []
