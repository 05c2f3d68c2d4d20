"""The suite `general`, extraction: what the references say stands in the texts, and their sums are added anew."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.general_suite import PERFECT, QUESTIONS, REFERENCES, grades


def parsed(number: int) -> list[Any]:
    return [json.loads(text) for text in REFERENCES[number]]


def test_1055_the_message() -> None:
    message = QUESTIONS[1055]["turns"][0]
    fields = dict(line.split(": ") for line in REFERENCES[1055][0].splitlines())
    assert list(fields) == ["Room", "Day", "Time", "From"]
    assert all(value in message for value in fields.values())
    hours, minutes = map(int, fields["Time"].split(":"))
    before = 60 * hours + minutes - int(re.findall(r"(\d+) minutes later", message)[0])
    assert f"{before // 60}:{before % 60:02}" in REFERENCES[1055][1]


def test_1056_the_log() -> None:
    for turn, found in enumerate(parsed(1056), 1):
        text = "\n".join(QUESTIONS[1056]["turns"][:turn])
        errors = re.findall(r"^(\S+) ERROR job=(\d+) code=(\d+)", text, re.MULTILINE)
        assert found["errors"] == len(errors)
        assert found["jobs"] == list(dict.fromkeys(int(job) for _, job, _ in errors))
        assert found["first_error"] == errors[0][0]
        if turn == 2:
            assert found["codes"] == Counter(code for *_, code in errors)


def test_1057_the_reviews() -> None:
    first, second = (list(csv.DictReader(io.StringIO(text))) for text in REFERENCES[1057])
    numbers = {"three": 3, "five": 5, "single": 1}
    text = QUESTIONS[1057]["turns"][0]
    for row, word in zip(first, numbers, strict=True):
        assert row["name"] in text
        assert f"{word} night" in text
        assert row["nights"] == str(numbers[word])
    *rows, total = second
    assert rows == sorted(first, key=lambda row: -int(row["nights"]))
    assert total == {"name": "total", "stars": "", "nights": str(sum(int(row["nights"]) for row in first))}


def test_1058_the_soup() -> None:
    four, six = parsed(1058)
    text = QUESTIONS[1058]["turns"][0]
    assert (four["people"], six["people"]) == (4, 6)
    for one, other in zip(four["ingredients"], six["ingredients"], strict=True):
        assert f"{one['amount']:g}" in text
        assert one["name"] in text
        assert other == one | {"amount": pytest.approx(one["amount"] * 6 / 4)}


def test_1059_the_minutes() -> None:
    first, second = parsed(1059)
    assert first["tasks"][0] == second["tasks"][0] == {"what": "hall", "who": "Piet", "due": "2026-06-03"}
    assert "Piet books the hall" in QUESTIONS[1059]["turns"][0]
    moved = date.fromisoformat(first["tasks"][1]["due"]) + timedelta(weeks=1)
    assert second["tasks"][1] == {"what": "flyers", "who": "Jun", "due": moved.isoformat()}
    assert (first["open"], second["open"]) == (["budget"], [])


def test_1060_the_invoice() -> None:
    for found, chairs in zip(parsed(1060), (14, 12), strict=True):
        furniture = chairs * 4500 + 3 * 21000  # in hundredths
        discount = furniture * 5 // 100
        net = furniture - discount + 6000
        vat = net * 20 // 100
        expected = {"furniture": furniture, "discount": discount, "net": net, "vat": vat, "total": net + vat}
        assert {key: round(found[key] * 100) for key in expected} == expected
        assert all(found[key] in QUESTIONS[1060]["turns"][0] for key in ("invoice", "customer"))


@pytest.mark.parametrize(
    ("number", "turn", "text", "grade"),
    [
        (1053, 1, "The train leaves from **Lyon** at **8:15**.", 10),
        (1053, 2, "Turin, for 39 euros.", 10),
        (1054, 1, "1. pears\n2. plums\n3. figs", 10),
        (1054, 1, "pears\na hammer\nplums\nfigs", 7.75),
        (1054, 2, "The hammer: it is not a fruit.", 10),
        (1055, 1, "**Room:** 118\n**Day:** Tuesday, 6 May\n**Time:** 10:30\n**From:** Petra", 10),
        (1055, 1, "Room: 204\nDay: Tuesday 6 May\nTime: 10:00\nFrom: Ngozi", 4.6),
        (1055, 2, "It was planned for 10:00 in room 204, and Ngozi must be told.", 10),
        (1056, 1, '```json\n{"errors": 2, "jobs": [17, 18], "first_error": "09:15:30"}\n```', 10),
        (1056, 1, '{"errors": 2, "jobs": ["17", "18"], "first_error": "09:15:30"}', 7.75),
        (1057, 1, "```csv\nname,stars,nights\nIlse,4,3\nMateo,2,5\nOkafor,5,1\n```", 10),
        (1059, 1, '{"tasks": [{"what": "hall", "who": "Jun", "due": "2026-06-03"}, {"what": "flyers", '
                  '"who": "Salma", "due": "2026-06-10"}], "open": ["budget"]}', 7),
    ],
)  # fmt: skip
def test_ways_to_be_right_and_wrong(number: int, turn: int, text: str, grade: float) -> None:
    replies = [*PERFECT[number][: turn - 1], text]
    assert grades(number, replies)[-1] == grade
