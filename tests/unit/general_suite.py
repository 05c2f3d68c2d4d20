"""What the tests of the suite `general` share: its questions, a perfect answer sheet, lazy answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.checks import examine, numbers
from mtbench_pytest.core.records import Reply

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "general"
DATA = ROOT.parent / "shared" / "data"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def read_answers(path: Path) -> dict[int, list[str]]:
    return {row["question_id"]: row["choices"][0]["turns"] for row in read(path)}


QUESTIONS = {row["question_id"]: row for row in read(SUITE / "question.jsonl")}
REFERENCES = read_answers(SUITE / "reference_answer" / "mtbench-pytest.jsonl")
# For the questions that have no one right answer: an answer that does all that was asked.
GOOD = read_answers(ROOT / "tests" / "answers" / "general.jsonl")
PERFECT = GOOD | REFERENCES

CANNED = (
    "Thank you for reaching out! At BrightPath we pride ourselves on world-class solutions that help you "
    "and your team to grow. Our friendly experts are here for you around the clock, seven days a week. "
    "Whatever your goals may be, we will find the plan that fits your needs and your budget. Contact us "
    "today and discover what we can do for you!"
)
LAZY: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no idea": lambda _: "I don't know.",
    "echo": lambda question: question,
    "canned": lambda _: CANNED,
    "yes": lambda _: "Yes.",
    "empty list": lambda _: "- \n- \n- ",
    "refusal": lambda _: "I'm sorry, but as an AI language model I can't help with that request.",
}


def grades(number: int, replies: list[str]) -> list[float]:
    """Of both turns, by the checks judge's rules."""
    row = QUESTIONS[number]
    said = [Reply(text) for text in replies]
    return [
        examine(reply, row["checks"][at], row["turns"][at], said[:at]).grade for at, reply in enumerate(said)
    ]


def lazy_grades(number: int, lazy: Callable[[str], str]) -> list[float]:
    """Of one way of answering both turns."""
    return grades(number, [lazy(turn) for turn in QUESTIONS[number]["turns"]])


def last(number: int, turn: int) -> list[float]:
    """The numbers in the last line of a reference."""
    return numbers(REFERENCES[number][turn - 1].splitlines()[-1])


def code(number: int, turn: int) -> dict[str, Any]:
    """Runs a reference's code. It is ours: the checks themselves run nothing."""
    source = re.findall(r"```python\n(.*?)```", REFERENCES[number][turn - 1], re.DOTALL)[0]
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope
