"""The suite `general`: references are derived anew, checks pass good answers and no lazy ones."""

from __future__ import annotations

import ast
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.checks import examine, numbers, run, validate
from mtbench_pytest.prompts import make_template
from mtbench_pytest.records import Reply

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "general"
DATA = ROOT.parent / "shared" / "data"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


QUESTIONS = {row["question_id"]: row for row in read(SUITE / "question.jsonl")}
REFERENCES: dict[int, list[str]] = {
    row["question_id"]: row["choices"][0]["turns"]
    for row in read(SUITE / "reference_answer" / "mtbench-pytest.jsonl")
}
PROMPTS = read(SUITE / "judge_prompts.jsonl")
CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
WITH_REFERENCE = {"reasoning", "math", "coding", "extraction"}

# For the questions that have no one right answer: an answer that does all that was asked.
GOOD: dict[int, list[str]] = {
    1001: [
        "The leaves on the slope have turned copper and red. A cold wind shakes them loose and chases them "
        "down the valley. On the highest peaks lies the first snow.",
        "The sand is so hot that children run to the water. All day long waves roll up the beach and smooth "
        "out their footprints. In the evening the sun sinks behind the last sail.",
    ],
    1011: [
        "Good evening! In Oslo you needed an umbrella today, for it rained from dawn to dusk. Over Madrid "
        "the sun shone all day long.",
        "Wrap up warm in Oslo tomorrow! From the early morning there will be snow, and by night it may be "
        "ten centimetres deep.",
    ],
    1061: [
        "The heart pumps blood through the body, and with it oxygen to every organ.",
        "In the lungs. They draw in fresh air, pass its oxygen on and breathe out carbon dioxide.",
    ],
    1071: [
        "William Shakespeare wrote it, and he came from England.",
        "Macbeth and Twelfth Night.",
    ],
    1002: [
        "Subject: Your vegetable box comes on Friday\n\nHello,\n\nyour box will reach you one day late. "
        "A water pipe burst in our packing shed last night, and we had to move crates and scales into "
        "the dry before anything could be packed.\n\nWe now deliver on Friday 15 March, in the usual "
        "hours. The vegetables stay in the ground until then, so nothing loses freshness. If Friday does "
        "not suit you, reply to this email and we will leave the box with a neighbour.\n\nSorry for the "
        "trouble, and thank you for your patience.\n\nInes from Marrow & Vine",
        "Burst pipe in our packing shed: your Marrow & Vine box comes on Friday 15 March, a day late. "
        "Sorry! Still at home then?",
    ],
    1012: [
        "Captain, the hull stands at 82 percent.\nCaptain, our fuel lasts 19 days and the voyage takes "
        "another 31.\nCaptain, we fall 12 days short of fuel.",
        "Captain, the tanker would give us eight more days, and we would still fall four days short.",
    ],
    1062: [
        "When water freezes, its molecules line up in an open lattice that needs more room than the "
        "crowd they form in liquid water. The same amount of stuff fills a bigger space, so ice is less "
        "dense than water. Its density is about 917 kilograms per cubic metre, against 1000 "
        "for water, and that is why it floats.",
        "By the principle of Archimedes a floating iceberg pushes aside its own weight of sea water. The "
        "share under water is therefore the ratio of the densities: 917 / 1025 = 0.895.\n\nAbout 89.5 %",
    ],
    1072: [
        "It is usually dated to 476, when Odoacer deposed the young emperor Romulus Augustulus.\n\n"
        "- Civil wars wore down the army and the treasury.\n- The loss of Africa took grain and taxes away.\n"
        "- Federate troops came to obey their own kings.",
        "On the contrary, civil war alone explains little. The eastern half knew usurpers and palace coups "
        "just as well, and yet its treasury held and its armies were rebuilt time and again. From "
        "Constantinople emperors ruled for almost a thousand years more, until the Ottomans took the "
        "city in 1453. What differed was the tax base, not the ambition of generals.",
    ],
}

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


def test_two_questions_a_category_with_room_for_ten() -> None:
    assert Counter(row["category"] for row in QUESTIONS.values()) == dict.fromkeys(CATEGORIES, 2)
    for number, row in QUESTIONS.items():
        assert row["category"] == CATEGORIES[(number - 1001) // 10]


@pytest.mark.parametrize("number", QUESTIONS)
def test_a_question_is_well_formed(number: int) -> None:
    row = QUESTIONS[number]
    assert set(row) == {"question_id", "category", "turns", "checks"}
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
    for text, own, asked in zip((GOOD | REFERENCES)[number], row["checks"], row["turns"], strict=True):
        found = examine(Reply(text), own, asked, earlier)
        assert (found.degenerate, found.failed, found.grade) == ("", (), 10)
        earlier.append(Reply(text))


def lazy_grades(number: int, lazy: Callable[[str], str]) -> list[float]:
    """Of one way of answering both turns."""
    row = QUESTIONS[number]
    replies = [Reply(lazy(turn)) for turn in row["turns"]]
    return [
        examine(reply, row["checks"][at], row["turns"][at], replies[:at]).grade
        for at, reply in enumerate(replies)
    ]


@pytest.mark.parametrize("number", QUESTIONS)
@pytest.mark.parametrize("lazy", LAZY)
def test_a_lazy_answer_gets_at_most_four(number: int, lazy: str) -> None:
    assert sum(lazy_grades(number, LAZY[lazy])) / 2 <= 4


def test_one_canned_answer_to_everything_gets_next_to_nothing() -> None:
    grades = [grade for number in QUESTIONS for grade in lazy_grades(number, LAZY["canned"])]
    assert sum(grades) / len(grades) < 1.2


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_first_answer_does_not_do_for_the_second_turn(number: int) -> None:
    first, _ = (GOOD | REFERENCES)[number]
    assert examine(Reply(first), QUESTIONS[number]["checks"][1]).grade < 8


def last(number: int, turn: int) -> list[float]:
    return numbers(REFERENCES[number][turn - 1].splitlines()[-1])


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


def code(number: int, turn: int) -> dict[str, Any]:
    """Runs a reference's code. It is ours: the checks themselves run nothing."""
    source = re.findall(r"```python\n(.*?)```", REFERENCES[number][turn - 1], re.DOTALL)[0]
    scope: dict[str, Any] = {}
    exec(source, scope)
    return scope


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


def test_the_smoke_sample_has_four_categories() -> None:
    bench = tomllib.loads((SUITE / "bench.toml").read_text("utf-8"))
    assert bench["language"] == "en"
    categories = [QUESTIONS[number]["category"] for number in bench["samples"]["smoke"]]
    assert len(categories) == len(set(categories)) == 4


def test_the_prompts_cover_every_case_once() -> None:
    cases = set()
    for row in PROMPTS:
        template = make_template(
            row["name"], row["type"], row["system_prompt"], row["prompt_template"], row["category"]
        )
        assert template.references in (0, template.turn)
        assert (row["category"] == "math") == (template.references > 0)
        cases.add((template.type, template.turn, template.references > 0))
    assert len(PROMPTS) == len(cases) == len({row["name"] for row in PROMPTS}) == 8


def test_a_prompt_asks_for_the_verdict_in_the_form_that_is_parsed() -> None:
    for row in PROMPTS:
        marks = re.findall(r"\[\[(\w+)\]\]", row["system_prompt"])
        assert marks == (["6"] if row["type"] == "single" else ["A", "B", "C"])
        assert "they carry no weight" in row["system_prompt"]


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
