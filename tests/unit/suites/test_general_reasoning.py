"""The suite `general`, reasoning: every puzzle is solved by trying all that is possible."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from tests.unit.general_suite import PERFECT, QUESTIONS, REFERENCES, grades, last


def last_line(number: int, turn: int) -> str:
    return REFERENCES[number][turn - 1].splitlines()[-1]


def test_1023_heights() -> None:
    three = [order for order in permutations("ABC") if order.index("A") < order.index("B") < order.index("C")]
    assert [order[-1] for order in three] == ["C"]
    four = [
        order
        for order in permutations("ABCD")
        if order.index("A") < order.index("B") < order.index("C") < order.index("D")
    ]
    assert [(order[0], order[-1]) for order in four] == [("A", "D")]


def test_1025_books() -> None:
    row = ["atlas", "novel", "diary", "comic", "guide"]
    assert all(book in QUESTIONS[1025]["turns"][0] for book in row)
    row[0], row[-1] = row[-1], row[0]
    assert last_line(1025, 1) == row[-2]
    del row[2]
    assert REFERENCES[1025][1] == ", ".join(row)


def test_1026_talks() -> None:
    start = datetime(2024, 1, 1, 13, 15)
    for turn, talks in ((1, 4), (2, 3)):
        minutes = talks * 40 + (talks - 1) * 10
        assert f"{minutes} minutes" in REFERENCES[1026][turn - 1]
        assert last_line(1026, turn) == f"{start + timedelta(minutes=minutes):%H:%M}"


def true_statements(thief: str) -> list[str]:
    said = {"Mira": thief == "Noor", "Noor": thief != "Noor", "Oskar": thief != "Oskar"}
    return [name for name, true in said.items() if true]


def test_1027_the_key() -> None:
    people = ("Mira", "Noor", "Oskar")
    assert [(thief, true_statements(thief)) for thief in people if len(true_statements(thief)) == 1] == [
        ("Oskar", ["Noor"])
    ]
    assert last_line(1027, 1) == "Oskar"
    two = [thief for thief in people if len(true_statements(thief)) == 2 and thief != "Mira"]
    assert two == ["Noor"]
    assert "Noor" not in true_statements("Noor")
    assert last_line(1027, 2) == "Noor"


def test_1028_the_walk() -> None:
    place, heading = 0 + 0j, 1j
    for metres in (30, 40, 60):
        place += metres * heading
        heading *= -1j
    assert (place.real, place.imag) == (40, -30)  # the start lies to the north-west
    assert last(1028, 1) == [abs(place)]
    assert heading == -1  # west
    place += 40 * heading
    assert last(1028, 2) == [abs(place)]


def test_1029_the_race() -> None:
    fits = [
        order
        for order in permutations(("Ilka", "Jon", "Kemal", "Lea"))
        if order.index("Ilka") in (1, 2)
        and order.index("Jon") == order.index("Lea") + 1
        and order.index("Kemal") < order.index("Ilka")
    ]
    assert fits == [("Kemal", "Ilka", "Lea", "Jon")]
    assert last_line(1029, 1) == ", ".join(fits[0])
    rest = [name for name in fits[0] if name != "Kemal"]
    at = rest.index("Jon")
    rest[at - 1], rest[at] = rest[at], rest[at - 1]
    assert last_line(1029, 2) == ", ".join(rest)


def test_1030_the_lock() -> None:
    codes = [
        100 * a + 10 * b + c
        for a, b, c in permutations(range(10), 3)
        if a + b + c == 12 and b > max(a, c) and a == 2 * c
    ]
    assert sorted(codes) == [291, 462]
    assert all(str(code) in REFERENCES[1030][0] for code in codes)
    assert last(1030, 1) == [len(codes)]
    (seventh,) = [code for code in codes if code % 7 == 0]
    assert (last(1030, 2), seventh // 7, 291 % 7) == ([seventh], 66, 4)


@pytest.mark.parametrize(
    ("number", "turn", "text", "grade"),
    [
        (1023, 1, "Carl.", 10),
        (1023, 1, "**Carl** is the shortest.", 10),
        (1023, 1, "Ben is the shortest.", 1),
        (1024, 2, "Yes, because the flower is no longer in the vase.", 10),
        (1024, 2, "No, one of them is blue now.", 1),
        (1025, 1, "New order: guide, novel, diary, comic, atlas\n\n**comic**", 10),
        (1025, 1, "guide, novel, diary, comic, atlas\n\nnovel", 5.5),
        (1026, 1, "4 x 40 + 3 x 10 = 190 minutes.\n\n**16:25**", 10),
        (1026, 1, "4 x 40 + 4 x 10 = 200 minutes.\n\n16:35", 1),
        (1027, 1, "Only Noor tells the truth.\n\nOskar", 10),
        (1027, 1, "Mira tells the truth.\n\nNoor", 1),
        (1028, 1, "It lies northwest of you.\n\n$\\sqrt{2500} = 50$ m", 10),
        (1028, 2, "You face west.\n\nDistance: 30 m", 10),
        (1029, 2, "Jon and Lea swap.\n\nFinal order: Ilka, Jon, Lea", 10),
        (1029, 2, "Jon and Lea swap.\n\nJon, Ilka, Lea", 5.5),
        (1030, 1, "- 291\n- 462\n\nCodes: 2", 10),
        (1030, 1, "- 291\n\nCodes: 1", 4),
    ],
)
def test_ways_to_be_right_and_wrong(number: int, turn: int, text: str, grade: float) -> None:
    replies = [*PERFECT[number][: turn - 1], text]
    assert grades(number, replies)[-1] == grade
