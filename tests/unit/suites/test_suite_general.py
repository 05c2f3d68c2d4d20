"""The suite `general`: a perfect answer sheet gets 10 everywhere, a lazy one next to nothing."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from mtbench_pytest.bench.checks import examine, validate
from mtbench_pytest.bench.prompts import BUILTIN, builtin_prompts
from mtbench_pytest.core.records import Reply
from tests.unit.general_suite import (
    DATA,
    GOOD,
    LAZY,
    PERFECT,
    QUESTIONS,
    REFERENCES,
    SUITE,
    lazy_grades,
    read,
)

PROMPTS = [row for language in BUILTIN for row in read(builtin_prompts(language))]
CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
WITH_REFERENCE = {"reasoning", "math", "coding", "extraction"}


def test_ten_questions_a_category() -> None:
    assert Counter(row["category"] for row in QUESTIONS.values()) == dict.fromkeys(CATEGORIES, 10)
    assert list(QUESTIONS) == list(range(1001, 1081))
    for number, row in QUESTIONS.items():
        assert row["category"] == CATEGORIES[(number - 1001) // 10]


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_question_is_well_formed(number: int) -> None:
    row = QUESTIONS[number]
    assert set(row) - {"language_exempt"} == {"question_id", "category", "turns", "checks"}
    assert len(row["turns"]) == len(row["checks"]) == 2
    for own in row["checks"]:
        assert 2 <= len(own) <= 5
        for check in own:
            validate(check)
    assert (number in REFERENCES) == (row["category"] in WITH_REFERENCE)
    assert (number in GOOD) != (number in REFERENCES)


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_good_answer_passes_every_check(number: int) -> None:
    row = QUESTIONS[number]
    earlier: list[Reply] = []
    for text, own, asked in zip(PERFECT[number], row["checks"], row["turns"], strict=True):
        found = examine(Reply(text), own, asked, earlier)
        assert (found.degenerate, found.failed, found.grade) == ("", (), 10)
        earlier.append(Reply(text))


@pytest.mark.parametrize("number", QUESTIONS)
@pytest.mark.parametrize("lazy", LAZY)
def test_a_lazy_answer_gets_at_most_four(number: int, lazy: str) -> None:
    assert sum(lazy_grades(number, LAZY[lazy])) / 2 <= 4


def test_one_canned_answer_to_everything_gets_next_to_nothing() -> None:
    grades = [grade for number in QUESTIONS for grade in lazy_grades(number, LAZY["canned"])]
    assert sum(grades) / len(grades) < 1.2


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_first_answer_does_not_do_for_the_second_turn(number: int) -> None:
    first, _ = PERFECT[number]
    assert examine(Reply(first), QUESTIONS[number]["checks"][1]).grade < 8


def test_the_smoke_sample_has_four_categories() -> None:
    bench = tomllib.loads((SUITE / "bench.toml").read_text("utf-8"))
    assert bench["language"] == "en"
    categories = [QUESTIONS[number]["category"] for number in bench["samples"]["smoke"]]
    assert len(categories) == len(set(categories)) == 4


def runs_of_words(text: str, length: int = 8) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
def test_no_text_is_taken_from_the_public_benchmarks() -> None:
    own: dict[tuple[str, ...], str] = {}
    for source in [*QUESTIONS.values(), *PROMPTS, *REFERENCES.values(), *GOOD.values()]:
        for text in texts(source):
            own |= dict.fromkeys(runs_of_words(text), text)
    assert len(own) > 2000
    public = 0
    for path in DATA.rglob("*.jsonl"):
        if path.parent.name == "human":
            continue  # labels only
        for line in path.read_text("utf-8").splitlines():
            for text in texts(json.loads(line)) if line.strip() else ():
                there = runs_of_words(text)
                public += len(there)
                assert not own.keys() & there, (path.name, own.keys() & there)
    assert public > 100_000
