"""Whether a run may stop early where the option says nothing."""

from __future__ import annotations

import pytest

from mtbench_pytest.run.settings import FEWEST, Mode, stopping_of
from tests.unit.run.test_settings import settings

OPENAI = {"candidate": "openai:new", "baseline": "answers:old.jsonl", "judge": "openai:gpt-4"}


def test_it_is_on_where_calls_of_the_judge_cost_something() -> None:
    chosen = stopping_of(settings(OPENAI), "off", 80, more_tests=False)
    assert (chosen.on, chosen.word) == (True, "early stop on")


def test_as_long_as_the_tests_are_not_known_it_says_what_it_hangs_on() -> None:
    chosen = stopping_of(settings(OPENAI), "off", 80, more_tests=None)
    assert (chosen.on, chosen.word) == (True, "early stop on (where a question has its one test alone)")


@pytest.mark.parametrize(
    ("changed", "mode", "questions", "more_tests", "why"),
    [
        ({"judge": "checks"}, "off", 80, False, "no call of the judge costs anything"),
        ({"judge": "judgments:gpt-4.jsonl"}, "off", 80, False, "no call of the judge costs anything"),
        ({}, "none", 80, False, "no call of the judge costs anything"),
        ({}, "new", 80, False, "the run records"),
        ({}, "all", 80, False, "the run records"),
        ({}, "off", FEWEST - 1, False, "under 17 questions"),
        ({}, "off", 80, True, "a question has more than one plain test"),
    ],
)
def test_it_is_off(changed: dict[str, str], mode: Mode, questions: int, more_tests: bool, why: str) -> None:
    chosen = stopping_of(settings(OPENAI | changed), mode, questions, more_tests=more_tests)
    assert (chosen.on, chosen.word) == (False, f"early stop off ({why})")


@pytest.mark.parametrize("word", ["on", "off"])
@pytest.mark.parametrize("source", ["command line", "ini"])
def test_what_is_given_wins(word: str, source: str) -> None:
    given = {"early-stop": word}
    read = settings(OPENAI | given) if source == "command line" else settings(OPENAI, given)
    for mode, judge_is_free in (("all", False), ("off", True)):
        one = settings({"judge": "checks"} | given) if judge_is_free else read
        assert stopping_of(one, mode, 3, more_tests=True).word == f"early stop {word}"  # type: ignore[arg-type]
