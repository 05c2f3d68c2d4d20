"""The vocabulary of checks: what each accepts, what it refuses, and that no reply can hang it."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.bench.checks import degenerate, examine, find_loop, numbers, run, validate
from mtbench_pytest.core.records import Reply

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

CODE = """Here:

```python
import re

def count(text: str, *, least: int = 1) -> int:
    return len(re.findall(r"\\d", text))

class Box:
    def size(self) -> int:
        return 1
```

And this is what it prints:

```
>>> count("a1")
1
```
"""
UNTYPED = "```python\ndef count(text):\n    return len(text)\n```"

PASSES_AND_FAILS: list[tuple[dict[str, Any], str, str]] = [
    ({"contains": "Paris"}, "It is PARIS.", "It is Rome."),
    ({"contains": "it's late"}, "**It\u2019s\nlate**, she said", "its late"),
    ({"contains": "twenty-four"}, "Twenty\u2011four\u00a0pennies", "twenty four"),
    ({"contains": ["red", "blue"]}, "Blue and red", "red"),
    ({"contains": "Paris", "case": True}, "Paris", "paris"),
    ({"contains": "art", "word": True}, "It is art.", "It is a part."),
    ({"contains": "sum", "in": "last line"}, "x\nThe sum", "sum\nx"),
    ({"contains": "sum", "in": "first line"}, "\nThe sum\nx", "x\nsum"),
    ({"contains": "sum", "in": "last line"}, "x\nsum\n---\n```", "sum\nx\n---"),
    ({"contains_any": ["colour", "color"]}, "a color", "a hue"),
    ({"not_contains": ["very", "really"]}, "quite good", "really good"),
    ({"number": 42}, "It is 42.", "It is 142 or 42.5 or 420 or 4,242"),
    ({"number": 42}, "42%, or $42", "version 1.42.3, key x42"),
    ({"number": 42}, "$x = \\boxed{42}$", "-42"),
    ({"number": -42}, "\u221242 °C", "42"),
    ({"number": 1200.5}, "€1,200.50", "1200"),
    ({"number": 3}, "10-3", "10-30"),
    ({"number": 3.14, "tolerance": 0.01}, "3.149", "3.16"),
    ({"number": [9, 27]}, "[9.0, 27.0]", "[9.0, 2.7]"),
    ({"number": 7, "in": "last line"}, "8\nSo: **7**", "7\nSo: 8"),
    ({"number": 11444.4}, "11{,}444.40 and", "11 444.40 and"),
    ({"regex": "^a.c$"}, "x\nABC", "abcd"),
    ({"regex": "^a.c$", "case": True}, "abc", "ABC"),
    ({"regex": r"\bcat\b", "count": 2}, "cat, cat", "cat"),
    ({"regex": r"\bcat\b", "min": 2}, "cat cat cat", "cat category"),
    ({"max_words": 3}, "one two-fold three", "one two three four"),
    ({"min_words": 3}, "It's two o'clock", "two words"),
    ({"words": [2, 3]}, "one two", "one"),
    ({"words": [2, None]}, "one two three", "one"),
    ({"words": 2}, "one two", "one two three"),
    ({"sentences": 2}, "Dr. Ito paid $3.50. She left!", "One. Two. Three."),
    ({"sentences": 2}, 'He said "Why?" and left. Then rain came\ndown.', "One sentence only."),
    ({"sentences": 3}, "- one\n- two\n- three", "- one\n- two"),
    ({"paragraphs": 2}, "a\nb\n\nc", "a\nb"),
    ({"lines": 2}, "a\n\nb\n", "a\nb\nc"),
    ({"bullets": 3}, "Here:\n- a\n* b\n1. c", "- a\n- b\n-c"),
    ({"json": {"keys": ["a.b"]}}, 'So:\n```json\n{"a": {"b": null}}\n```', '{"a": {}}'),
    ({"json": {"equals": {"a": 1, "b.0": "X"}}}, 'see {"a": 1.0, "b": ["x "]}.', '{"a": "1", "b": ["x"]}'),
    ({"json": {"equals": {"a": True}}}, '{"a": true}', '{"a": 1}'),
    ({"json": {"equals": {"a": [1, {"b": 2}]}}}, '{"a": [1, {"b": 2}]}', '{"a": [1, {"b": 3}]}'),
    ({"json": {"only": True}}, '```json\n{"a": 1}\n```', 'Here it is: {"a": 1}'),
    ({"json": {"only": True}}, '{"a": 1}', '```json\n{"a": 1}\n``` There.'),
    ({"json": {"keys": "a"}}, '[1] or {"a": 1}', "{a: 1}"),
    ({"starts_with": "Yes"}, "**Yes**, it is", "Oh yes"),
    ({"starts_with": ["Yes", "No"]}, "No.", "Maybe"),
    ({"ends_with": "good night?"}, 'So, "Good night?"', "good night? No."),
    ({"each_line_starts_with": "Captain,"}, "Captain, a\n\n- Captain, b", "Captain, a\nb"),
    ({"each_line_starts_with": "- "}, "- a\n- b", "a\n- b"),
    ({"every_sentence_starts_with": "Before"}, "Before a.\nBefore b!", "Before a. After b."),
    ({"no_letter": "e"}, "A big cat", "A red cat"),
    ({"acrostic": "SEA"}, "**S**un\n\nEarth\n1. air", "Sun\nEarth"),
    ({"code": {"language": "python", "defines": ["count"], "typed": True}}, CODE, UNTYPED),
    ({"code": {"language": "python", "defines": ["count", "Box"], "uses": ["findall"]}}, CODE, UNTYPED),
    ({"code": {"language": "python", "defines": "count", "avoids": "re"}}, UNTYPED, CODE),
    ({"code": {"language": "python", "defines": ["f"]}}, "f = lambda x: x", "```python\ndef f(:\n```"),
    ({"any": [{"number": 7}, {"contains": "seven", "word": True}]}, "Seven.", "seventy, or 77"),
]


@pytest.mark.parametrize(("check", "good", "bad"), PASSES_AND_FAILS)
def test_a_check_tells_good_from_bad(check: dict[str, Any], good: str, bad: str) -> None:
    validate(check)
    passed, failed = run(check, good), run(check, bad)
    assert passed.passed, passed.why
    assert not failed.passed, failed.why
    assert passed.why
    assert failed.why


@pytest.mark.parametrize("check", [check for check, _, _ in PASSES_AND_FAILS if "not_contains" not in check])
def test_an_empty_text_passes_only_upper_bounds(check: dict[str, Any]) -> None:
    assert run(check, "").passed == ("max_words" in check)


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (["contains"], "a check as an object"),
        (3, "a check as an object"),
        ({}, "exactly one name"),
        ({"contians": "x"}, "did you mean contains?"),
        ({"contains": "x", "number": 3}, "exactly one name"),
        ({"contains": ""}, "a text or a list of texts"),
        ({"contains": []}, "a text or a list of texts"),
        ({"contains": "x", "tolerance": 1}, "not 'tolerance'"),
        ({"contains": "x", "case": 1}, "true or false"),
        ({"contains": "x", "in": "line 2"}, "'first line' or 'last line'"),
        ({"number": "42"}, "a number or a list of numbers"),
        ({"number": True}, "a number or a list of numbers"),
        ({"number": 1, "tolerance": -1}, "a number from 0 up"),
        ({"regex": "("}, "a regular expression"),
        ({"regex": "x", "count": -1}, "a whole number from 0 up"),
        ({"regex": "x", "min": 0}, "a whole number from 1 up"),
        ({"words": [5, 2]}, "[least, most]"),
        ({"words": [None, None]}, "[least, most]"),
        ({"words": "5"}, "[least, most]"),
        ({"max_words": 0}, "a whole number from 1 up"),
        ({"no_letter": "e1"}, "letters"),
        ({"json": {}}, "an object with keys, equals, only"),
        ({"json": {"kyes": ["a"]}}, "did you mean keys?"),
        ({"json": {"equals": []}}, "an object"),
        ({"code": {"language": "rust", "defines": ["f"]}}, "'python'"),
        ({"code": {"language": "python"}}, "an object with language, defines"),
        ({"any": []}, "a list of checks"),
        ({"any": [{"contians": "x"}]}, "did you mean contains?"),
    ],
)
def test_a_wrong_check_says_what_was_expected(check: object, expected: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        validate(check)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+$", r"(?:\w+\s?)*x", "((a*)b?)*c", r"([^\]x]+,){3,}"])
def test_a_pattern_that_could_hang_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="repeated groups"):
        validate({"regex": pattern})


@pytest.mark.parametrize(
    "pattern", [r"(a|b)c+", r"\(a+\)+", "[(+]+x", r"(?:\d\W+)?Ada\b", "(?i)(ab){2}", r"^(?!x)a+$"]
)
def test_a_harmless_pattern_is_taken(pattern: str) -> None:
    validate({"regex": pattern})


def test_numbers_are_read_whole() -> None:
    text = "From 1,200.50 to -3, 5-4, 2e3, .5, 7th, 12:42, 1\u202f000 and 3.4.5"
    assert numbers(text) == [1200.5, -3, 5, 4, 2000, 0.5, 7, 12, 42, 1000]


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "{" * 20_000, '{"a":' * 8_000, "1," * 10_000, "```\n" * 4_000]
)
def test_no_reply_hangs_or_breaks_a_check(text: str) -> None:
    started = time.process_time()
    for check, _, _ in PASSES_AND_FAILS:
        run(check, text)
    find_loop(text)
    assert time.process_time() - started < 4


def test_odd_escapes_in_a_models_code_do_not_warn() -> None:
    code = "```python\ndef f(x):\n    return x + '\\d'\n```"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run({"code": {"language": "python", "defines": ["f"]}}, code).passed


@pytest.mark.parametrize("text", ["", "  \n", "...", "```\n```", "_ - _"])
def test_nothing_said_is_empty(text: str) -> None:
    assert degenerate(Reply(text)) == "the reply is empty"


@pytest.mark.parametrize("text", ["42", "ok", "안녕", "🎉"])
def test_something_said_is_not_empty(text: str) -> None:
    assert degenerate(Reply(text)) == ""


CANNED = "Thank you for\ngetting in touch."


@pytest.mark.parametrize(
    "text", [CANNED, "Thank you  for getting in touch.\n", "我无法回答这个问题请您稍后再试一次好吗谢谢您。"]
)
def test_an_earlier_reply_once_more_is_no_answer(text: str) -> None:
    first = Reply(CANNED if text.isascii() else text)
    assert degenerate(Reply(text), earlier=[Reply("Hello."), first]) == "it repeats its answer to turn 2"
    assert degenerate(Reply(text), earlier=[first, first]) == "it repeats its answer to turn 1"
    assert degenerate(Reply(text)) == ""


@pytest.mark.parametrize("text", ["36", "Yes, it is.", "2024-03-06", "三十六个"])
def test_a_short_reply_may_come_twice(text: str) -> None:
    assert degenerate(Reply(text), text, [Reply(text)]) == ""


def test_a_changed_reply_is_no_repeat() -> None:
    reply = Reply("The tallest of them is Tom.")
    assert degenerate(reply, "The tallest of them is?", [Reply("The tallest of them is Ann.")]) == ""


def test_the_question_sent_back_is_no_answer() -> None:
    assert degenerate(Reply("Who is the\n tallest of them?"), "Who is the tallest of them?") == (
        "it repeats the question"
    )


TEXT = Reply("A dull but tidy line of words.")
SHAPES: list[dict[str, Any]] = [
    {"words": [5, 9]},
    {"max_words": 9},
    {"min_words": 5},
    {"sentences": 1},
    {"paragraphs": 1},
    {"lines": 1},
    {"bullets": 0},
    {"no_letter": "z"},
    {"not_contains": "very"},
    {"regex": "very", "count": 0},
    {"any": [{"contains": "Paris"}, {"max_words": 9}]},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_counts_only_beside_substance(shape: dict[str, Any]) -> None:
    lacking = examine(TEXT, [{"contains": "Paris"}, shape])
    assert (lacking.grade, len(lacking.hollow), len(lacking.failed)) == (1, 1, 1)
    assert examine(TEXT, [{"contains": "Paris"}, {"contains": "tidy"}, shape]).grade == 7
    assert examine(TEXT, [shape]).grade == 10


@pytest.mark.parametrize(
    "check",
    [
        {"contains": "dull"},
        {"starts_with": "A dull"},
        {"regex": "tidy"},
        {"any": [{"contains": "tidy"}, {"number": 7}]},
        {"number": 7},
    ],
)
def test_substance_counts_by_itself(check: dict[str, Any]) -> None:
    assert examine(TEXT, [check, {"contains": "Paris"}]).hollow == ()
    assert examine(TEXT, [check, {"contains": "Paris"}]).grade == (1 if "number" in check else 5.5)


def test_a_cut_off_reply_fails_one_check_more() -> None:
    cut = Reply(TEXT.text, capped=True)
    assert degenerate(cut) == ""
    assert examine(cut, [{"contains": "dull"}]).grade == 5.5
    assert examine(cut, [{"contains": "Paris"}]).grade == examine(cut, []).grade == 1
    assert examine(TEXT, []).grade == 10


LOOPS = {
    "sentence": "I know. " + "He went on down to the old mill. " * 8,
    "word": "The answer is " + "van " * 40,
    "hyphens": "grand-" * 60 + "father",
    "unspaced": "so ha" + "ha" * 80,
    "brackets": '{"a": 1 ' + "} " * 60,
    "chinese": "他说这很好。" + "我们应该继续努力工作。" * 8,
    "counter": " ".join(
        f"{n}. Translation: the next step is to carry the message from the nucleus to the place in the cell "
        "where the protein is built from its parts and then folded."
        for n in range(20)
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_found(name: str) -> None:
    assert find_loop(LOOPS[name])


GIFTS = [
    "a finch in a cage of willow",
    "two hens with their chicks behind",
    "three owls on a rail",
    "four rooks in the rain",
    "five swans on the river",
    "six larks over the barley",
    "seven crows on a fence",
    "eight geese flying home in a line",
    "nine wrens under the hedge",
    "ten ducks upon the mill pond",
    "eleven doves in the loft",
    "twelve cranes on the moor",
]
REFRAIN = "\n\n".join(
    f"{verse}\nRow on, row on, the tide is low,\nRow on, row on, and home we go."
    for verse in ["The moon is up, the nets are in.", "The wind has turned, the sails are thin.",
                  "The lamp is lit upon the pier.", "The gulls have gone, the bay is clear."]
)  # fmt: skip
HARMLESS = {
    "refrain": REFRAIN,
    "cumulative song": "\n\n".join(
        f"On day {n + 1} she gave to me\n" + ",\n".join(reversed(GIFTS[: n + 1])) for n in range(len(GIFTS))
    ),
    "quoted twice": "\n\nRevised:\n\n".join(
        [
            "Sales rose in all branches but Leeds. A late spring kept buyers at home, and stock piled up "
            "until June. We now expect the year to close two percent above plan, with Leeds alone below it."
        ]
        * 2
    ),
    "table": "| Day | Open |\n|"
    + "-" * 60
    + "|"
    + "-" * 60
    + "|\n"
    + "\n".join(f"| {n} | yes |" for n in range(7)),
    "zeros": "grid = [" + ", ".join(["0"] * 81) + "]",
    "yaml": "\n".join(f"- country: C{n}\n  capital: K{n}\n  language: L{n}" for n in range(12)),
    "closing brackets": '{"a": ' * 12 + "1" + "\n}" * 12,
    "laughter": "Ha ha ha ha ha ha! Very good.",
    "code": "\n".join(f"    if code == {n}:\n        return names[{n}].title()" for n in range(14)),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_repetition_with_a_purpose_is_no_loop(name: str) -> None:
    assert find_loop(HARMLESS[name]) == ""


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
def test_loops_in_real_answers() -> None:
    """Of 160 turns each: 0 for five sound models and for the references, 83 for the broken one."""
    rates = {}
    for path in sorted(DATA.glob("mt_bench*/*_answer/*.jsonl")):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        turns = [turn for row in rows for turn in row["choices"][0]["turns"]]
        rates[path.parents[1].name, path.stem] = sum(map(bool, map(find_loop, turns))) / len(turns)
    broken = rates.pop(("mt_bench_llama3", "Meta-Llama-3-8B-Instruct-Griffin"))
    assert broken > 0.5
    assert len(rates) >= 9
    assert max(rates.values()) == 0
