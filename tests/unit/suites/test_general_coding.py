"""The suite `general`, coding: the references' code runs, and returns what they say it returns."""

from __future__ import annotations

import ast
import re
from itertools import pairwise, permutations
from statistics import median
from typing import Any

import pytest

from tests.unit.general_suite import PERFECT, QUESTIONS, REFERENCES, code, grades, last


def with_first(number: int) -> dict[str, Any]:
    """The second turn's code with the first's names at hand."""
    source = "\n".join(re.findall(r"```python\n(.*?)```", "\n".join(REFERENCES[number]), re.DOTALL))
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope


def graph(turn: int) -> dict[str, Any]:
    """The graph as the question writes it."""
    (text,) = re.findall(r"in ({.*})\.", QUESTIONS[1049]["turns"][turn - 1])
    found: dict[str, Any] = ast.literal_eval(text)
    return found


def test_1043_squares() -> None:
    scope = with_first(1043)
    assert [scope["square"](x) for x in (-2, 0, 1.5)] == [4, 0, 2.25]
    assert scope["sum_of_squares"]([]) == 0
    assert scope["sum_of_squares"]([1, 2, 3]) == 14


def test_1044_greetings() -> None:
    assert code(1044, 1)["greet"]("Ana") == "Hello, Ana!"
    greet = code(1044, 2)["greet"]
    assert (greet("Ana"), greet("Ana", "Good day")) == ("Hello, Ana!", "Good day, Ana!")


def test_1045_vowels() -> None:
    text = "Aurora Boreale"
    assert text in QUESTIONS[1045]["turns"][0]
    assert last(1045, 1) == [code(1045, 1)["count_vowels"](text)] == [len(re.findall("[aeiou]", text, re.I))]
    counts = code(1045, 2)["vowel_counts"](text)
    assert counts == {"a": 3, "u": 1, "o": 2, "e": 2}
    assert last(1045, 2) == [counts["a"]]


def test_1046_means() -> None:
    faulty: dict[str, Any] = {}
    exec(QUESTIONS[1046]["turns"][0].split("\n\n")[1], faulty)
    assert faulty["mean"]([1, 2]) != 1.5
    with pytest.raises(ZeroDivisionError):
        faulty["mean"]([])
    mean = code(1046, 1)["mean"]
    assert (mean([1, 2]), mean([5]), mean([])) == (1.5, 5, None)
    ours = code(1046, 2)["median"]
    given = [7, 1, 4, 10]
    assert last(1046, 2) == [ours(given)] == [median(given)]
    assert given == [7, 1, 4, 10], "the list stays as it is"
    assert (ours([]), ours([3, 1, 2])) == (None, 2)


def test_1047_durations() -> None:
    scope = with_first(1047)
    parse, form = scope["parse_duration"], scope["format_duration"]
    assert {text: parse(text) for text in ("2h 5m", "45m", "1h")} == {"2h 5m": 125, "45m": 45, "1h": 60}
    assert last(1047, 1) == [parse("3h 20m")]
    for wrong in ("", " ", "5", "h", "2h5m", "2h ", " 5m", "5m 2h", "-5m"):
        with pytest.raises(ValueError, match="not a duration"):
            parse(wrong)
    scope["check"]()
    assert (form(0), form(180), form(125)) == ("0m", "3h", "2h 5m")
    assert f'"{form(180)}"' in REFERENCES[1047][1].splitlines()[-1]


def test_1048_accounts() -> None:
    scope = with_first(1048)
    for turn, name in ((1, "Account"), (2, "Savings")):
        account = scope[name]()
        account.deposit(120)
        account.withdraw(45)
        account.deposit(10)
        if turn == 2:
            account.add_interest(4)
        assert last(1048, turn) == [account.balance]
        with pytest.raises(ValueError, match="not enough"):
            account.withdraw(1000)


def test_1049_paths() -> None:
    plain, weighted = graph(1), graph(2)
    path = code(1049, 1)["shortest_path"](plain, "A", "F")
    assert last(1049, 1) == [len(path) - 1]
    assert code(1049, 1)["shortest_path"](plain, "F", "A") is None
    cost, cheapest = code(1049, 2)["cheapest_path"](weighted, "A", "F")
    assert code(1049, 2)["cheapest_path"](weighted, "F", "A") is None

    def price(nodes: tuple[str, ...]) -> float:
        return float(sum(weighted[a].get(b, 1e9) for a, b in pairwise(nodes)))

    ways = [("A", *inner, "F") for n in range(5) for inner in permutations("BCDE", n)]
    assert last(1049, 2) == [cost] == [min(map(price, ways))] == [price(tuple(cheapest))]
    assert {node: list(edges) for node, edges in weighted.items()} == plain, "one map, twice"


def test_1050_lines() -> None:
    scope = with_first(1050)
    text = "the quick brown fox jumps over a lazy dog"
    assert text in QUESTIONS[1050]["turns"][0]
    lines = scope["wrap"](text, 10)
    assert last(1050, 1) == [len(lines)]
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 10
    assert scope["wrap"]("a incomprehensible b", 5) == ["a", "incomprehensible", "b"]
    wide = scope["justify"](text, 10)
    assert [line.split() for line in wide] == [line.split() for line in lines]
    assert {len(line) for line in wide[:-1]} == {10}
    assert scope["justify"]("aa b c dddd", 8) == ["aa  b  c", "dddd"]
    assert scope["justify"]("aa b c dddd", 7) == ["aa  b c", "dddd"]
    assert f'"{wide[0]}"' in REFERENCES[1050][1].splitlines()[-1]


FENCE = "```python\n{}\n```\n\n{}"


@pytest.mark.parametrize(
    ("number", "turn", "text", "grade"),
    [
        (1043, 1, "def square(x):\n    return x ** 2", 10),
        (1043, 2, FENCE.format("def sum_of_squares(ns):\n    return sum(map(square, ns))", "Done."), 10),
        (1043, 2, FENCE.format("def sum_of_squares(ns):\n    return sum(n * n for n in ns)", ""), 5.5),
        (1044, 2, 'def greet(name: str, greeting: str = "Hello"):\n    return greeting + name', 10),
        (1045, 1, FENCE.format("def count_vowels(t):\n    return sum(c in 'aeiouAEIOU' for c in t)", "**8**"), 10),
        (1045, 1, FENCE.format("def count_vowels(text):\n    return 7", "It returns 7."), 4),
        (1048, 2, FENCE.format("class Savings(Account):\n    def add_interest(self, r):\n        "
                               "self.balance += round(self.balance * r / 100, 2)", "Balance: 88.40"), 10),
    ],
)  # fmt: skip
def test_ways_to_be_right_and_wrong(number: int, turn: int, text: str, grade: float) -> None:
    replies = [*PERFECT[number][: turn - 1], text]
    assert grades(number, replies)[-1] == grade
