"""Prompts equal FastChat's to the byte; the last marker of a reply binds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.bench import load_bench, read_choices
from mtbench_pytest.bench.prompts import PromptBook, PromptType, make_template
from mtbench_pytest.bench.verdicts import parse_grade, parse_winner
from mtbench_pytest.core.errors import MTBenchError, VerdictError
from mtbench_pytest.core.records import Question, QuestionId
from mtbench_pytest.judges.fastchat import read_judgments, text_digest
from tests.unit.factories import book, question, template

KINDS: tuple[PromptType, PromptType] = ("single", "pairwise")


def test_every_recorded_prompt_is_built_to_the_byte(data: Path) -> None:
    folder = data / "mt_bench_llama3"
    bench = load_bench(folder)
    by_id = {question.question_id: question for question in bench.questions}
    answers = recorded_answers(data, folder.name)
    recorded = read_judgments(folder / "model_judgment").singles
    assert len(recorded) == 330
    for line in recorded:
        asked = by_id[line.question_id]
        turns = answers[line.model][line.question_id]["turns"]
        built = bench.prompts.pick("single", asked, line.turn).fill(asked, turns)
        assert built.name == line.prompt, line.number
        assert text_digest(built.user) == line.sent, line.number


@pytest.mark.parametrize("judge", ["gpt-4o-mini", "Qwen2.5-14B-Instruct"])
def test_the_prompts_picked_are_those_recorded(data: Path, judge: str) -> None:
    bench = load_bench(data / "mt_bench")
    by_id = {question.question_id: question for question in bench.questions}
    singles = read_judgments(data / "mt_bench/model_judgment" / f"{judge}_single.jsonl").singles
    picked = {bench.prompts.pick("single", by_id[line.question_id], line.turn).name for line in singles}
    assert len(picked) == 4
    assert all(
        bench.prompts.pick("single", by_id[line.question_id], line.turn).name == line.prompt
        for line in singles
    )


@pytest.mark.parametrize(
    ("type", "category", "reference", "turn", "name"),
    [
        ("single", "writing", 0, 1, "one"),
        ("single", "writing", 0, 2, "one-2"),
        ("single", "writing", 2, 1, "one"),  # a reference alone is no reason to judge against it
        ("single", "writing", 2, 2, "one-2"),
        ("single", "math", 2, 1, "one-ref"),
        ("single", "math", 2, 2, "one-ref-2"),
        ("single", "reasoning", 2, 1, "one-ref"),  # FastChat files these prompts under math
        ("single", "coding", 2, 2, "one-ref-2"),
        ("single", "math", 0, 1, "one"),
        ("single", "math", 1, 1, "one-ref"),
        ("single", "math", 1, 2, "one-2"),  # no reference for the second turn
        ("pairwise", "writing", 0, 1, "pair"),
        ("pairwise", "writing", 2, 2, "pair-2"),
        ("pairwise", "coding", 2, 1, "pair-ref"),
        ("pairwise", "coding", 2, 2, "pair-ref-2"),
        ("pairwise", "unheard-of", 2, 2, "pair-2"),
    ],
)
def test_which_prompt_a_question_takes(
    type: PromptType, category: str, reference: int, turn: int, name: str
) -> None:
    assert book().pick(type, question(1, category, 2, reference), turn).name == name


@pytest.mark.parametrize(
    ("category", "reference", "name"),
    [("writing", 0, "own"), ("writing", 1, "own"), ("roleplay", 0, "one"), ("math", 0, "one")],
)
def test_a_prompt_of_the_questions_own_category_wins(category: str, reference: int, name: str) -> None:
    prompts = book(("own", "single", "writing", "{question}: {answer}"))
    assert prompts.pick("single", question(1, category, 1, reference), 1).name == name


def test_own_category_wins_among_reference_prompts_too() -> None:
    prompts = book(("own", "single", "coding", "{ref_answer_1} {answer}"))
    assert prompts.pick("single", question(1, "coding", 1, 1), 1).name == "own"
    assert prompts.pick("single", question(1, "math", 1, 1), 1).name == "one-ref"


def test_a_question_called_general_is_not_judged_against_a_reference_it_happens_to_have() -> None:
    with_reference = template("with", "single", "general", "{ref_answer_1} {answer}")
    plain = template("plain", "single", "general", "{question} {answer}")
    for order in ((with_reference, plain), (plain, with_reference)):
        prompts = PromptBook(order, frozenset({"math"}))
        assert prompts.pick("single", question(1, "general", 1, 1), 1).name == "plain"


def test_a_german_bench_uses_its_eighty_references_in_three_categories_only(data: Path) -> None:
    bench = load_bench(data / "mt_bench_de")
    assert all(question.reference for question in bench.questions)
    with_reference = {
        question.category
        for question in bench.questions
        for turn in (1, 2)
        for kind in KINDS
        if bench.prompts.pick(kind, question, turn).references
    }
    assert with_reference == {"math", "reasoning", "coding"}


def test_a_turn_no_prompt_is_for_is_an_error() -> None:
    with pytest.raises(MTBenchError, match=r"none fits turn 3 of question 1 \(writing\)") as error:
        book().pick("single", question(1, "writing", 3), 3)
    assert "\n" not in str(error.value)


def test_placeholders_are_filled_once() -> None:
    """A reply that itself looks like a placeholder stays as it is."""
    asked = Question(1, "math", ("{answer}", "{0}"), ("{question}", "}{"))
    prompt = book().pick("single", asked, 2).fill(asked, ("{ref_answer_1}", "{{}}"))
    assert prompt.user == "{0} | {question} }{ | {{}}"


def test_games_show_a_before_b() -> None:
    asked = question()
    prompt = book().pick("pairwise", asked, 2).fill(asked, ("x1", "x2"), ("y1", "y2"))
    assert prompt.user == "q1.1 q1.2 | x2 | y2"


@pytest.mark.parametrize(
    ("type", "text", "named"),
    [
        ("single", "{answer_a}", "{answer_a}"),
        ("pairwise", "{answer}", "{answer}"),
        ("single", "{question_0} {answer}", "{question_0}"),
        ("single", "{} {answer}", "{}"),
        ("single", "{answer.text}", "{answer.text}"),
        ("single", "{answer", "a template for str.format"),
        ("single", "answer}", "a template for str.format"),
    ],
)
def test_a_placeholder_no_question_fills_is_refused(type: PromptType, text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        make_template("t", type, "", text, "general")


@pytest.mark.parametrize(("type", "text"), [("single", "{question} [[7]]"), ("pairwise", "{answer_a} only")])
def test_a_prompt_that_does_not_show_the_answers_is_refused(type: PromptType, text: str) -> None:
    with pytest.raises(ValueError, match="answer"):
        make_template("t", type, "", text, "general")


# The parser.


def recorded_answers(data: Path, folder: str) -> Mapping[str, Mapping[QuestionId, Mapping[str, Any]]]:
    return {path.stem: read_choices(path) for path in (data / folder / "model_answer").glob("*.jsonl")}


def test_every_recorded_reply_parses_to_its_recorded_score(data: Path) -> None:
    valid = failed = 0
    for folder in ("mt_bench", "mt_bench_llama3"):
        answers = recorded_answers(data, folder)
        for line in read_judgments(data / folder / "model_judgment").singles:
            shown = [answers[line.model][line.question_id]["turns"][: line.turn]]
            if line.score == -1:
                failed += 1
                with pytest.raises(VerdictError):
                    parse_grade(line.text, shown)
            else:
                valid += 1
                assert parse_grade(line.text, shown) == parse_grade(line.text) == line.score, line.number
    assert (valid, failed) == (1606, 4)


def test_every_recorded_game_parses_to_its_recorded_winner(data: Path) -> None:
    pairs = read_judgments(data / "mt_bench/model_judgment").pairs
    answers = recorded_answers(data, "mt_bench")
    assert len(pairs) == 960
    by_position = ({"A": "model_1", "B": "model_2"}, {"A": "model_2", "B": "model_1"})
    for line in pairs:
        models = (line.model_1, line.model_2)
        shown = [answers[model][line.question_id]["turns"][: line.turn] for model in models]
        for names, text, winner in zip(by_position, line.texts, line.winners, strict=True):
            assert names.get(parse_winner(text, shown), "tie") == winner, line.number


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("Rating: [[7]]", 7),
        ("[[1]]", 1),
        ("[[10]]", 10),
        ("[[7.5]].", 7.5),
        ("[[ 8 ]]", 8),
        ("[[\n8\n]]", 8),
        ("first [[3]], on reflection [[9]]", 9),
        ('as asked, in the form "[[5]]", my rating is: [[2]]', 2),
        ("[7] then [[8]]", 8),
    ],
)
def test_a_grade_is_read(text: str, grade: float) -> None:
    assert parse_grade(text) == grade


@pytest.mark.parametrize(
    "text",
    ["", "7", "[7]", "[[seven]]", "[[0]]", "[[11]]", "[[-7]]", "[[10.5]]", "[[0.99]]", "[[7]] no, [[11]]",
     "[[7]] no, [[-1]]", "[[7]", "[[A]]"],
)  # fmt: skip
def test_no_grade_is_read(text: str) -> None:
    with pytest.raises(VerdictError):
        parse_grade(text)


def test_a_last_marker_that_is_not_understood_does_not_fall_back_to_an_earlier_one() -> None:
    with pytest.raises(VerdictError):
        parse_grade("The format is [[5]]. Rating: [[8/10]]")
    with pytest.raises(VerdictError):
        parse_winner("Shall it be [[A]]? In the end: [[Tie]]")


@pytest.mark.parametrize(
    ("text", "winner"),
    [
        ("[[A]]", "A"),
        ("[[B]]", "B"),
        ("[[C]]", "tie"),
        ("[[a]]", "A"),
        ("[[ c ]]", "tie"),
        ("[[A]] if concise, but [[B]]", "B"),
        ('output "[[A]]" if A is better, "[[C]]" for a tie: [[A]]', "A"),
    ],
)
def test_a_winner_is_read(text: str, winner: str) -> None:
    assert parse_winner(text) == winner


@pytest.mark.parametrize("text", ["", "A", "[A]", "[[D]]", "[[A]] or [[D]]", "[[7]]", "[[A"])
def test_no_winner_is_read(text: str) -> None:
    with pytest.raises(VerdictError):
        parse_winner(text)
