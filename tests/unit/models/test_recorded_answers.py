"""Recorded answers as a model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, Sampling
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import build_model
from mtbench_pytest.models.recorded import RecordedAnswers
from tests.unit.factories import answer_line, question, questions, write_jsonl


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "llama.jsonl", [answer_line(1, "a", "b"), answer_line(2, "c", "d")])


def answers(model: RecordedAnswers, asked: list[Question]) -> list[Answer | AnswerFailure]:
    async def gather() -> list[Answer | AnswerFailure]:
        return [one async for one in model.answer([AnswerTask(q, Sampling(0, 0, 9)) for q in asked])]

    return asyncio.run(gather())


def test_answers_are_those_of_the_file_by_id(path: Path) -> None:
    first, second = answers(RecordedAnswers(path), questions(2)[::-1])
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.question_id, first.turns, first.model) == (2, ("c", "d"), "llama")
    assert (second.question_id, second.turns) == (1, ("a", "b"))


def test_recorded_reasoning_is_not_judged(path: Path) -> None:
    write_jsonl(path, [answer_line(1, "<think>hm</think>Hello.", "b")])
    (given,) = answers(RecordedAnswers(path), [question(1)])
    assert isinstance(given, Answer)
    assert given.turns == ("Hello.", "b")
    assert given.replies[0].reasoning == "hm"


def test_what_the_file_lacks_is_a_failure_of_that_question_only(path: Path) -> None:
    failed, given = answers(RecordedAnswers(path), [question(3), question(1)])
    assert isinstance(failed, AnswerFailure)
    assert (failed.question_id, failed.model) == (3, "llama")
    assert isinstance(given, Answer)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ([question(1), question(3)], "no answer to question 3; expected an answer to each of the 2"),
        ([question(n) for n in range(1, 6)], "no answer to question 3 and 2 more"),
        ([question("1")], "no answer to question 1"),
        ([question(1, turns=3)], "the answer to question 1 has 2 turns; expected 3"),
        ([question(1, turns=1)], "the answer to question 1 has 2 turns; expected 1"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_anything_is_spent(
    path: Path, asked: list[Question], problem: str
) -> None:
    with pytest.raises(FileError) as error:
        RecordedAnswers(path).prepare(asked)
    assert str(error.value).startswith(f"{path}: {problem}")


def test_identity_is_the_text_not_the_name(path: Path, tmp_path: Path) -> None:
    one = RecordedAnswers(path).identity()
    lines = [answer_line(2, "c", "d"), answer_line(1, "a", "b")]
    assert RecordedAnswers(write_jsonl(tmp_path / "other.jsonl", lines)).identity() == one
    lines[0] = answer_line(2, "c", "D")
    assert RecordedAnswers(write_jsonl(tmp_path / "other.jsonl", lines)).identity() != one


def test_built_from_a_spec(path: Path) -> None:
    assert build_model(parse_spec(f"answers:{path}")).name == "llama"
    assert build_model(parse_spec(f"answers:{path}?name=my%20llama")).name == "my llama"
    with pytest.raises(FileError, match="no such file"):
        build_model(parse_spec("answers:nowhere.jsonl"))
    with pytest.raises(FileError, match="no such file"):
        build_model(parse_spec(f"answers:{path.parent}"))
    with pytest.raises(SpecError, match="no file"):
        build_model(parse_spec("answers"))
