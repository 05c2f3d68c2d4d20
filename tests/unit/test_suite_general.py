"""The suite `general`: references are derived anew, checks pass good answers and no lazy ones."""

from __future__ import annotations

import ast
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.checks import general, numbers, run, validate
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
        "Subject: Your vegetable box comes on Friday\n\nHello,\n\nyour box will reach you one day late. "
        "A water pipe burst in our packing shed last night, and we had to move crates and scales into "
        "the dry before anything could be packed.\n\nWe now deliver on Friday 15 March, in the usual "
        "hours. The vegetables stay in the ground until then, so nothing loses freshness. If Friday does "
        "not suit you, reply to this email and we will leave the box with a neighbour.\n\nSorry for the "
        "trouble, and thank you for your patience.\n\nInes from Marrow & Vine",
        "Burst pipe in our packing shed: your Marrow & Vine box comes on Friday 15 March, a day late. "
        "Sorry! Still at home then?",
    ],
    1002: [
        "Beam after beam he sends across the bay,\nReading the weather in the gulls at noon,\n"
        "Iron stairs worn thin along the way,\nNights of oil and polish, brass and moon,\n"
        "Every ship gets home, and none will stay.",
        "Before dusk Odalys climbed the iron stairs, trimmed the lamp and read the weather in the last "
        "gulls. Before midnight the beam had gone round a thousand times, and Odalys had polished all "
        "the brass she owned. Before dawn every ship was safely home, and not one of them had stayed.",
    ],
    1011: [
        "Bah! Why-fie? Is that some cheese from the valley? For four heads and two nights I want "
        "twenty-four pennies, and not a clipped one among them. There's mutton stew on the hearth and "
        "dry straw upstairs. Now shut that door!",
        "I count twenty-two pennies in this hand, and my hand does not lie. Out with the lot of you, and "
        "come back with the rest or sleep in the snow.",
    ],
    1012: [
        "Captain, the hull stands at 82 percent.\nCaptain, our fuel lasts 19 days and the voyage takes "
        "another 31.\nCaptain, we fall 12 days short of fuel.",
        "Captain, the tanker would give us eight more days, and we would still fall four days short.",
    ],
    1061: [
        "When water freezes, its molecules line up in an open lattice that needs more room than the "
        "crowd they form in liquid water. The same amount of stuff fills a bigger space, so ice is less "
        "dense than water. Its density is about 917 kilograms per cubic metre, against 1000 "
        "for water, and that is why it floats.",
        "By the principle of Archimedes a floating iceberg pushes aside its own weight of sea water. The "
        "share under water is therefore the ratio of the densities: 917 / 1025 = 0.895.\n\nAbout 89.5 %",
    ],
    1062: [
        "Combined resistance: 120 * 180 / (120 + 180) = 72 ohms.\nTotal current: 9 V / 72 ohms = 125 mA.\n"
        "Total power: 9 V * 0.125 A = 1.125 W.\nThe 120 ohm resistor gets hotter: both see 9 V, so the "
        "smaller one draws more current and turns 0.675 W into heat, the other 0.45 W.",
        "In series they make 300 ohms, and the current is 9 V / 300 ohms = 30 mA. The total power is "
        "0.27 W. The 180 ohm resistor is the hotter one now, since both carry the same current.\n\n"
        "Factor: 1.125 / 0.27 = 4.17",
    ],
    1071: [
        "It is usually dated to 476, when Odoacer deposed the young emperor Romulus Augustulus.\n\n"
        "- Civil wars wore down the army and the treasury.\n- The loss of Africa took grain and taxes away.\n"
        "- Federate troops came to obey their own kings.",
        "On the contrary, civil war alone explains little. The eastern half knew usurpers and palace coups "
        "just as well, and yet its treasury held and its armies were rebuilt time and again. From "
        "Constantinople emperors ruled for almost a thousand years more, until the Ottomans took the "
        "city in 1453. What differed was the tax base, not the ambition of generals.",
    ],
    1072: [
        "The Rosetta Stone (copy). One decree of Egyptian priests, cut three times: in hieroglyphs, in "
        "Demotic and in Greek. Soldiers came upon the slab in 1799, and in 1822 Jean-François "
        "Champollion announced that he could read the hieroglyphs.",
        "This stone is very, very old. This stone was found in the sand in 1799. This stone says the "
        "same thing in three kinds of writing. This stone helped us to read the picture writing of Egypt!",
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


def grade(check_list: Sequence[dict[str, Any]], text: str) -> float:
    if general(Reply(text)).degenerate:
        return 1.0
    return 1 + 9 * (1 + sum(run(check, text).passed for check in check_list)) / (1 + len(check_list))


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
    for text, own in zip((GOOD | REFERENCES)[number], QUESTIONS[number]["checks"], strict=True):
        assert not general(Reply(text)).degenerate
        assert [outcome.why for check in own if not (outcome := run(check, text)).passed] == []


@pytest.mark.parametrize("number", QUESTIONS)
@pytest.mark.parametrize("lazy", LAZY)
def test_a_lazy_answer_gets_at_most_four(number: int, lazy: str) -> None:
    row = QUESTIONS[number]
    grades = [grade(own, LAZY[lazy](turn)) for turn, own in zip(row["turns"], row["checks"], strict=True)]
    assert sum(grades) / 2 <= 4


@pytest.mark.parametrize("number", QUESTIONS)
def test_the_first_answer_does_not_do_for_the_second_turn(number: int) -> None:
    first, _ = (GOOD | REFERENCES)[number]
    assert grade(QUESTIONS[number]["checks"][1], first) < 8


def last(number: int, turn: int) -> list[float]:
    return numbers(REFERENCES[number][turn - 1].splitlines()[-1])


def test_1021_order_of_the_couriers() -> None:
    def orders(between: int) -> Iterator[tuple[str, ...]]:
        for order in permutations(["Ada", "Bruno", "Chidi", "Dalia", "Emeka"]):
            at = {name: place for place, name in enumerate(order)}
            if (
                at["Ada"] == at["Chidi"] + 1
                and abs(at["Dalia"] - at["Ada"]) == between + 1
                and at["Bruno"] not in (0, 4)
                and at["Emeka"] > at["Bruno"]
            ):
                yield order

    (first,), (second,) = orders(0), orders(3)
    earlier = sum(second.index(name) < first.index(name) for name in first)
    assert REFERENCES[1021][0].split() == list(first)
    assert REFERENCES[1021][1].split() == [*second, "Earlier:", str(earlier)]


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


def test_1031_coffee() -> None:
    # In cents and grams, so that nothing is rounded.
    cost, bags = 340 * 615, 340_000 * 85 // 100 // 250
    profit = bags * 990 - cost
    assert (bags, cost, bags * 990) == (1156, 209_100, 1_144_440)
    assert last(1031, 1) == [profit / 100]
    full = 340_000 * 82 // 100 // 250
    price = next(cents for cents in range(900, 1200) if full * cents - cost >= profit)
    assert full == 1115
    assert last(1031, 2) == [price / 100]


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


def test_1041_streaks() -> None:
    asked = ast.literal_eval(re.findall(r"\[.*\]", QUESTIONS[1041]["turns"][0])[0])
    for turn in (1, 2):
        longest = code(1041, turn)["longest_streak"]
        assert longest(asked) == 5
        assert longest([]) == 0
        assert longest(["2023-12-31", "2024-01-01", "2024-01-03"]) == 2
    assert last(1041, 1) == [5]
    runs = code(1041, 2)["all_streaks"]
    assert runs(asked, 2) == [("2024-02-28", "2024-03-03"), ("2024-03-06", "2024-03-07")]
    assert runs(asked, 6) == runs([], 1) == []
    assert "2024-03-06" in REFERENCES[1041][1].splitlines()[-1]


def test_1042_chunks() -> None:
    values = [4, 8, 15, 16, 23, 42, 7]
    broken = re.findall(r"```python\n(.*?)```", QUESTIONS[1042]["turns"][0], re.DOTALL)[0]
    scope: dict[str, Any] = {}
    exec(broken, scope)
    assert scope["averages"](values, 3)[-1] == pytest.approx(7 / 3)
    for turn in (1, 2):
        assert code(1042, turn)["chunk_means"](values, 3) == [9, 27, 7]
    assert last(1042, 1) == [9, 27, 7]
    means = code(1042, 2)["chunk_means"]
    assert means([1, 3, 5, 7], 2, drop_last=True) == means([1, 3, 5, 7], 2) == [2, 6]
    assert last(1042, 2)[-1] == sum(means(values, 3, drop_last=True)) == 36
    with pytest.raises(ValueError, match="at least 1"):
        means(values, 0)


def test_1051_order() -> None:
    first, second = (json.loads(text) for text in REFERENCES[1051])
    note = QUESTIONS[1051]["turns"][0]
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


def test_1052_ferries() -> None:
    log = QUESTIONS[1052]["turns"][0].split("Log: ")[1]
    ferries = []
    for sentence in re.split(r"(?<=[a-z0-9])\.\s*", log):
        if sentence and "turned back" not in sentence:
            hour, minute = re.findall(r"(\d\d):(\d\d)", sentence)[0]
            (people,) = re.findall(r"(?<![\d:])\b\d{2,3}\b(?!:)", sentence)
            ferries.append((int(hour) * 60 + int(minute), sentence.split()[0], int(people)))
    late = sorted(ferry for ferry in ferries if ferry[0] > 12 * 60)
    early = sorted(ferry for ferry in ferries if ferry[0] < 12 * 60)

    def bullets(found: list[tuple[int, str, int]]) -> list[str]:
        return [f"- {name}: {people}" for _, name, people in found]

    assert len(ferries) == 4
    assert REFERENCES[1052][0].splitlines() == [*bullets(late), f"Total: {sum(f[2] for f in late)}"]
    assert REFERENCES[1052][1].splitlines() == [*bullets(early), f"Day total: {sum(f[2] for f in ferries)}"]


def test_1012_fuel_and_1011_pennies() -> None:
    assert {"number": 31 - 19, "in": "last line"} in QUESTIONS[1012]["checks"][0]
    assert {"number": 27 - 19} in QUESTIONS[1012]["checks"][1][1]["any"]
    assert {"number": 31 - 27} in QUESTIONS[1012]["checks"][1][2]["any"]
    assert {"number": 4 * 2 * 3} in QUESTIONS[1011]["checks"][0][1]["any"]
    assert {"number": 4 * 2 * 3 - 2} in QUESTIONS[1011]["checks"][1][0]["any"]


def test_1061_iceberg_and_1062_resistors() -> None:
    (below,) = [check for check in QUESTIONS[1061]["checks"][1] if "number" in check]
    assert abs(below["number"] - 100 * 917 / 1025) < below["tolerance"]
    parallel, series = 1 / (1 / 120 + 1 / 180), 120 + 180
    assert run({"number": [parallel, 9000 / parallel, 81 / parallel]}, GOOD[1062][0]).passed
    assert run({"number": [series, 9000 / series, 81 / series]}, GOOD[1062][1]).passed
    (factor,) = [check["number"] for check in QUESTIONS[1062]["checks"][1] if "tolerance" in check]
    assert factor == round(series / parallel, 2)


def test_1001_dates() -> None:
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
