"""The suite `general`: what the references of its demo questions claim is derived anew."""

from __future__ import annotations

import ast
import json
import math
import re
from datetime import date, timedelta

import pytest

from mtbench_pytest.bench.checks import examine, run
from mtbench_pytest.core.records import Reply
from tests.unit.general_suite import QUESTIONS, REFERENCES, code, last


def test_1022_days_on_duty() -> None:
    june = date(2024, 6, 3)
    july = [date(2024, 7, 1) + timedelta(n) for n in range(31)]

    def old(day: date) -> int:
        return (day - june).days % 6 + 1

    assert june.weekday() == july[0].weekday() == 0
    assert date(2024, 6, 26).weekday() == 2
    assert old(date(2024, 6, 26)) == 6
    assert last(1022, 1) == [sum(old(june + timedelta(n)) <= 4 for n in range(28))]
    new_count, old_count = sum(n % 7 < 5 for n in range(31)), sum(old(day) <= 4 for day in july)
    assert (new_count, old_count) == (23, 20)
    assert last(1022, 2) == [new_count - old_count]


def test_1031_baskets() -> None:
    for turn, boxes in ((1, 3), (2, 4)):
        assert {"number": boxes * 5} in QUESTIONS[1031]["checks"][turn - 1]
        assert f"{boxes} " in QUESTIONS[1031]["turns"][turn - 1]


@pytest.mark.parametrize("shown", ["3 * 5 = 15", "5 apples x 3 baskets", "$3 \\times 5$", "5 + 5 + 5 = 15"])
def test_1031_takes_every_way_to_show_it(shown: str) -> None:
    (pattern,) = [check for check in QUESTIONS[1031]["checks"][0] if "regex" in check]
    assert run(pattern, shown).passed
    assert not run(pattern, "There are 3 baskets with 5 apples each, so 15.").passed


def test_1032_garden() -> None:
    # In square decimetres.
    planted = (180 - 24) * (75 - 24)
    path = 180 * 75 - planted
    assert planted == 7956
    assert last(1032, 1)[-1] == path / 100
    assert path % 36 == 0
    slabs = math.ceil(path // 36 * 108 / 100)
    assert (path // 36, slabs) == (154, 167)
    assert last(1032, 2)[-1] == slabs * 475 / 100


def test_1041_even_numbers() -> None:
    scope = code(1041, 1)
    assert [n for n in range(-2, 4) if scope["is_even"](n)] == [-2, 0, 2]
    counting = code(1041, 2)
    counting["count_even"].__globals__["is_even"] = scope["is_even"]
    assert counting["count_even"]([2, 2, 3, 0]) == 3


def test_1071_two_plays_must_differ_and_hamlet_is_none() -> None:
    own = QUESTIONS[1071]["checks"][1]
    assert examine(Reply("Macbeth, and then Macbeth once more"), own).grade == 5.5
    assert examine(Reply("Hamlet and Hamlet, Prince of Denmark"), own).grade == 1


def test_1042_streaks() -> None:
    asked = ast.literal_eval(re.findall(r"\[.*\]", QUESTIONS[1042]["turns"][0])[0])
    for turn in (1, 2):
        longest = code(1042, turn)["longest_streak"]
        assert longest(asked) == 5
        assert longest([]) == 0
        assert longest(["2023-12-31", "2024-01-01", "2024-01-03"]) == 2
    assert last(1042, 1) == [5]
    runs = code(1042, 2)["all_streaks"]
    assert runs(asked, 2) == [("2024-02-28", "2024-03-03"), ("2024-03-06", "2024-03-07")]
    assert runs(asked, 6) == runs([], 1) == []
    assert "2024-03-06" in REFERENCES[1042][1].splitlines()[-1]


def test_1052_order() -> None:
    first, second = (json.loads(text) for text in REFERENCES[1052])
    note = QUESTIONS[1052]["turns"][0]
    for found in (first, second):
        total = sum(item["quantity"] * item["unit_price"] for item in found["items"])
        assert found["total"] == pytest.approx(total)
        for words in (
            found["order"],
            found["customer"],
            found["city"],
            *(i["product"] for i in found["items"]),
        ):
            assert words in note
    assert second["items"] == [first["items"][0] | {"quantity": 12 + 2}]


def test_1012_fuel() -> None:
    assert {"number": 31 - 19, "in": "last line"} in QUESTIONS[1012]["checks"][0]
    assert {"number": 27 - 19} in QUESTIONS[1012]["checks"][1][1]["any"]
    assert {"number": 31 - 27} in QUESTIONS[1012]["checks"][1][2]["any"]


def test_1062_iceberg() -> None:
    (below,) = [check for check in QUESTIONS[1062]["checks"][1] if "number" in check]
    assert abs(below["number"] - 100 * 917 / 1025) < below["tolerance"]


def test_1002_dates() -> None:
    assert date(2024, 3, 15).strftime("%A %d %B") == "Friday 15 March"
