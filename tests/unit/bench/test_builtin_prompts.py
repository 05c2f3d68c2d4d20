"""The built-in judge prompts: four languages, every case once, the verdict in the form that is parsed."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest

from mtbench_pytest.bench.languages import detect
from mtbench_pytest.bench.prompts import (
    ANY_LATER,
    BUILTIN,
    PromptBook,
    PromptType,
    builtin_prompts,
    read_templates,
    spare_prompts,
)
from mtbench_pytest.core.records import Question

# What each language says of orders inside the material.
CARRY_NO_WEIGHT = {
    "en": "they carry no weight",
    "zh": "一概不予理会",
    "ko": "무시하십시오",
    "de": "hat das kein Gewicht",
}
EACH_LANGUAGE = pytest.mark.parametrize("language", BUILTIN)


def rows(language: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in builtin_prompts(language).read_text("utf-8").splitlines()]


@EACH_LANGUAGE
def test_the_prompts_cover_every_case_once(language: str) -> None:
    templates = read_templates(builtin_prompts(language))
    cases = {(template.type, template.turn, template.references) for template in templates}
    assert cases == {(t, n, r) for t in ("single", "pairwise") for n in (1, ANY_LATER) for r in (0, 1)}
    assert len(templates) == 8
    assert {template.category for template in templates} == {"general"}, "for any bench's categories"


@EACH_LANGUAGE
def test_a_prompt_asks_for_the_verdict_in_the_form_that_is_parsed(language: str) -> None:
    for row in rows(language):
        marks = re.findall(r"\[\[(\w+)\]\]", row["system_prompt"])
        assert marks == (["6"] if row["type"] == "single" else ["A", "B", "C"])
        assert CARRY_NO_WEIGHT[language] in row["system_prompt"]


@EACH_LANGUAGE
def test_a_judge_is_told_of_spaces_in_its_language(language: str) -> None:
    (note,) = {template.escape_note for template in read_templates(builtin_prompts(language))}
    assert detect(note) == language
    assert all(shown in note for shown in ("[ [", "< <<", "> >>"))


@EACH_LANGUAGE
def test_a_prompt_is_in_its_language(language: str) -> None:
    assert builtin_prompts(language).stem == language
    for row in rows(language):
        assert detect(row["system_prompt"]) == language, row["name"]
        names = re.findall(r"<<< (.*)", row["prompt_template"] + row.get("turn_template", ""))
        words = [word for name in names for word in re.findall(r"[a-zA-Z]{2,}", re.sub(r"{.*?}", "", name))]
        assert language in ("en", "de") or not words, (row["name"], words)


def test_a_language_without_prompts_takes_the_english_ones() -> None:
    assert builtin_prompts("fr") == builtin_prompts("en")


QUESTION = Question(1, "math", ("ask 1", "ask 2", "ask 3"), ("ref 1", "", "ref 3"))
SAID = {"A": ("a {one}", "a two", "a three"), "B": ("b one", "b two", "b three")}


def rendered(type: PromptType, turn: int, *, reference: bool, language: str = "en") -> str:
    categories = frozenset({"math"} if reference else ())
    templates = read_templates(builtin_prompts(language))
    template = PromptBook(templates, categories).pick(type, QUESTION, turn)
    return template.fill(QUESTION, *list(SAID.values())[: 1 if type == "single" else 2]).user


def test_a_later_turn_shows_the_conversation_so_far() -> None:
    assert rendered("single", 3, reference=False) == (
        "<<< request 1\nask 1\n>>>\n\n<<< answer 1\na {one}\n>>>\n\n"
        "<<< request 2\nask 2\n>>>\n\n<<< answer 2\na two\n>>>\n\n"
        "<<< request 3\nask 3\n>>>\n\n<<< answer 3, to grade\na three\n>>>"
    )


def test_a_comparison_shows_both_conversations() -> None:
    assert rendered("pairwise", 2, reference=False) == (
        "<<< A: request 1\nask 1\n>>>\n\n<<< A: answer 1\na {one}\n>>>\n\n"
        "<<< A: request 2\nask 2\n>>>\n\n<<< A: answer 2, to compare\na two\n>>>\n\n"
        "<<< B: request 1\nask 1\n>>>\n\n<<< B: answer 1\nb one\n>>>\n\n"
        "<<< B: request 2\nask 2\n>>>\n\n<<< B: answer 2, to compare\nb two\n>>>"
    )


@EACH_LANGUAGE
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_the_turns_reference_is_shown_where_there_is_one(language: str, turn: int) -> None:
    for kind in get_args(PromptType):
        text = rendered(kind, turn, reference=True, language=language)
        shown = [n for n in (1, 2, 3) if f"ref {n}" in text]
        assert shown == ([] if turn == 2 else [turn])
        assert f"ask {turn}" in text
        assert "{" not in text.replace("{one}", "")


def test_spare_prompts_are_for_later_turns() -> None:
    assert {template.turn for template in spare_prompts("ko")} == {ANY_LATER}
    assert len(spare_prompts("ko")) == 4
