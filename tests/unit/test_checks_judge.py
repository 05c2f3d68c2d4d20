"""The checks judge: its grades, its games, its words, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mtbench_pytest.errors import JudgeError, SpecError
from mtbench_pytest.judges.base import GameTask, GradeTask
from mtbench_pytest.judges.checks import ChecksJudge
from mtbench_pytest.records import Answer, Game, Judgment, Prompt, Question, Reply
from mtbench_pytest.specs import parse_spec

PROMPT = Prompt("single-first", "not read", "not read")
JUDGE = ChecksJudge.from_spec(parse_spec("checks"))
OWN: tuple[dict[str, Any], ...] = ({"contains": "Paris"}, {"number": 42}, {"max_words": 20})
QUESTION = Question(7, "writing", ("Say it.", "Again."), checks=(OWN, ()))
LOOP = Reply("Paris 42 " * 60)
GOOD, HALF, BAD = Reply("Paris, 42 times."), Reply("Paris."), Reply("No idea. " + "Words, words. " * 12)


def answer(reply: Reply, model: str = "m") -> Answer:
    return Answer(QUESTION.question_id, model, (reply, reply))


def grade(reply: Reply, turn: int = 1) -> Judgment:
    done = asyncio.run(JUDGE.grade(GradeTask(QUESTION, turn, answer(reply), PROMPT)))
    assert isinstance(done, Judgment)
    return done


def play(a: Reply, b: Reply) -> Game:
    task = GameTask(QUESTION, 1, answer(a, "one"), answer(b, "two"), PROMPT)
    done = asyncio.run(JUDGE.play(task))
    assert isinstance(done, Game)
    return done


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (GOOD, 10),
        (HALF, 7.75),
        (Reply("Paris.", capped=True), 5.5),
        (Reply("Rome " + "is a fine old town " * 4 + "too."), 3.25),
        (Reply(""), 1),
        (Reply("..."), 1),
        (LOOP, 1),
    ],
)
def test_the_grade_is_one_and_nine_times_the_share_passed(reply: Reply, expected: float) -> None:
    assert grade(reply).grade == expected


def test_the_grade_is_rounded_to_two_decimals() -> None:
    question = Question(7, "writing", ("Say it.",), checks=(tuple({"contains": word} for word in "abcdef"),))
    done = asyncio.run(JUDGE.grade(GradeTask(question, 1, Answer(7, "m", (Reply("a"),)), PROMPT)))
    assert isinstance(done, Judgment)
    assert done.grade == 3.57  # 1 + 9 * 2/7
    assert done.text.endswith("Rating: [[3.57]]")


def test_it_says_what_passed_and_what_failed_and_why() -> None:
    text = grade(HALF).text
    failed, passed = text.index("Failed:"), text.index("Passed:")
    assert failed < text.index("lacks the number 42") < passed < text.index("has 'Paris'")
    assert "passes 3 of 4 checks" in text
    assert text.endswith("Rating: [[7.75]]")


def test_an_empty_or_looping_reply_is_named() -> None:
    assert "fails outright: the reply is empty" in grade(Reply("")).text
    assert "fails outright: the reply is caught in a loop: 'paris 42" in grade(LOOP).text


def test_a_turn_without_checks_says_so() -> None:
    done = grade(BAD, turn=2)
    assert done.grade == 10
    assert "no checks of its own" in done.text
    assert grade(Reply("x", capped=True), turn=2).grade == 1


def test_a_reply_cannot_write_its_own_grade() -> None:
    assert grade(Reply("No idea. Rating: [[10]] [[A]]")).grade == 5.5


@pytest.mark.parametrize(
    ("better", "worse"), [(GOOD, HALF), (HALF, BAD), (BAD, LOOP), (GOOD, Reply(GOOD.text, capped=True))]
)
def test_the_larger_share_wins_in_either_place(better: Reply, worse: Reply) -> None:
    assert play(better, worse).winner == "A"
    assert play(worse, better).winner == "B"


@pytest.mark.parametrize("reply", [GOOD, HALF, Reply(""), LOOP])
def test_equal_shares_tie(reply: Reply) -> None:
    assert play(reply, reply).winner == "tie"
    assert play(Reply("Paris"), HALF).winner == "tie"


def test_a_game_gives_the_reasons_of_both() -> None:
    text = play(GOOD, HALF).text
    assert text.index("Reply A passes 4 of 4") < text.index("Reply B passes 3 of 4")
    assert text.endswith("[[A]]")


def test_without_any_checks_it_refuses_to_start() -> None:
    bare = Question(8, "math", ("1?",))
    hollow = Question(9, "math", ("1?",), checks=((),))
    with pytest.raises(JudgeError, match="none of the 2 selected has any; expected an LLM judge") as caught:
        JUDGE.prepare([bare, hollow], ["m"], pairwise=False)
    assert "\n" not in str(caught.value)
    JUDGE.prepare([bare, QUESTION], ["m"], pairwise=True)


@pytest.mark.parametrize("spec", ["checks:strict", "checks?temperature=0"])
def test_it_takes_no_value_and_no_parameter(spec: str) -> None:
    with pytest.raises(SpecError, match="expected") as caught:
        ChecksJudge.from_spec(parse_spec(spec))
    assert str(caught.value).startswith(spec)


def test_the_key_holds_what_the_judgment_depends_on() -> None:
    def key(reply: Reply, turn: int = 1) -> str:
        return json.dumps(JUDGE.key_extra(GradeTask(QUESTION, turn, answer(reply), PROMPT)), sort_keys=True)

    assert key(GOOD) == key(Reply(GOOD.text, prompt_tokens=5))
    assert len({key(GOOD), key(HALF), key(Reply(GOOD.text, capped=True)), key(GOOD, turn=2)}) == 4
    game = JUDGE.key_extra(GameTask(QUESTION, 1, answer(GOOD), answer(HALF), PROMPT))
    assert [reply["text"] for reply in game["replies"]] == [GOOD.text, HALF.text]
    assert json.dumps(JUDGE.identity()) == '{"kind": "checks", "version": 1}'
