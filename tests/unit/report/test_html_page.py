"""`report.html`: whole, well-formed, self-contained, and safe whatever an answer holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from mtbench_pytest.core.records import Answer, AnswerFailure, Message, Question, Reply
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.report.html.page import WHOLE, report_page
from tests.unit.factories import (
    ABOUT,
    answer,
    consistent,
    judge_failure,
    judgment,
    question,
    row,
    sides,
    verdict,
)

EVIL = "</div></details><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a browser reads: elements, their attributes, and the text; complains of what does not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def parts(
    rows: Sequence[Row],
    *,
    asked: Sequence[Question] | None = None,
    about: Mapping[str, Any] = ABOUT,
    more: Sequence[str] = (),
    pairwise: bool = False,
) -> list[str]:
    if asked is None:
        asked = [question(r.question_id, r.category, r.turns) for r in rows]
    decision = decide("bench", rows, asked, Policy(), pairwise=pairwise)
    return list(report_page(decision, rows, about, asked, more))


def page(rows: Sequence[Row], **given: Any) -> Page:
    return Page("".join(parts(rows, **given)))


def test_outcome_reasons_and_parties() -> None:
    found = page([row(n, [2, 2], [9, 9]) for n in range(1, 9)])
    assert "bench REGRESSION" in found.text
    assert "The candidate has lost ability that the baseline has." in found.text
    assert "mean grade difference -7.00: its 98.8 % upper bound -6.46 lies below 0, by 6.46" in found.text
    assert "hf:./ckpt" in found.text
    assert "8 of 8" in found.text


def test_endpoints_and_categories_are_drawn() -> None:
    rows = [row(n, [6, 6 + n % 3], [8, 8], verdicts=[consistent("B")]) for n in range(1, 9)]
    rows += [row(9, category="math")]
    found = page(rows, pairwise=True)
    assert found.tags.count("circle") == 4  # two endpoints, two categories
    assert "margin -0.50" in found.text
    assert "no difference 50.0 %" in found.text
    assert "8 of 8" in found.text


def test_collapses_are_told_where_there_are_any() -> None:
    assert "collapses" not in page([row(n, [6, 6], [7, 7]) for n in range(1, 9)]).text
    some = [row(1, [1, 1], [9, 9]), *(row(n) for n in range(2, 9))]
    assert "collapses: 1 questions dropped by more than their question margin, 0 gained" in page(some).text


def test_a_question_opens_to_both_sides_turn_by_turn() -> None:
    asked = Question(
        7, "math", ("One and one?", "And one more?"), ("Two.",), opening=(Message("system", "Be brief."),)
    )
    thought = Answer(7, "cand", (Reply("Three", reasoning="hm, 1 + 1", capped=True), Reply("Four")))
    judged = row(7, [1, 2], [9, 9], category="math", answers=sides(thought), verdicts=[verdict("A", "A")])
    text = page([judged], asked=[asked]).text
    order = ["turn 1", "Be brief.", "One and one?", "Two.", "baseline base9", "a1", "candidate cand1"]
    order += ["hm, 1 + 1", "Three", "ended by the token limit", "So: [[1]]"]
    order += ["pairwise: a tie, for the two orders disagree (candidate and baseline)"]
    order += ["cand first, winner: candidate", "So: A", "base first, winner: baseline"]
    order += ["turn 2", "And one more?", "Four", "So: [[2]]"]
    at = 0
    for words in order:
        assert words in text[at:], words
        at = text.index(words, at) + len(words)


def test_further_answers_of_a_side_open_too() -> None:
    further = Sample(2, answer(1, "cand", ("again", "and more")), (judgment(4, 1, 1), judgment(6, 1, 2)))
    sampled = replace(row(1, [2, 2]), drawn={"candidate": 2}, samples={"candidate": (further,)})
    text = page([sampled]).text
    assert "7.00 → 3.50" in text
    assert "answer 2, graded 4again" in text
    assert "answer 2, graded 6and more" in text


def test_failures_are_told_where_they_happened() -> None:
    rows = [
        row(1, candidate=(), failures=[AnswerFailure(1, "cand", "out of memory")]),
        row(2, candidate=[7], failures=[judge_failure()]),
    ]
    text = page(rows).text
    assert "2 could not be had; none of them is a grade." in text
    assert "answer of question 1: out of memory" in text
    assert "cand gave no answer: out of memory" in text
    assert "judgment of cand could not be had: no marker" in text
    assert "well" in text  # what the judge replied


def test_nothing_an_answer_holds_becomes_an_element() -> None:
    asked = Question(1, EVIL, (EVIL, EVIL), (EVIL,), opening=(Message("system", EVIL),))
    said = {
        "candidate": Answer(1, EVIL, (Reply(EVIL, reasoning=EVIL), Reply(EVIL))),
        "baseline": answer(1, EVIL, (EVIL, EVIL)),
    }
    bad = Row(
        bench="bench",
        question_id=EVIL,
        category=EVIL,
        turns=2,
        answers=said,  # type: ignore[arg-type]
        judgments={"baseline": tuple(judgment(9, 1, turn, EVIL, EVIL) for turn in (1, 2))},
        failures=(AnswerFailure(1, EVIL, EVIL), judge_failure((EVIL,), EVIL)),
    )
    about = {
        party: {"name": EVIL, "spec": EVIL, "identity": {EVIL: EVIL}} for party in ("candidate", "baseline")
    }
    about |= {"judge": about["baseline"], "settings": {EVIL: [EVIL]}, "versions": {EVIL: EVIL}}
    about |= {"bench": {"name": EVIL, "language": EVIL}}
    found = page([bad], asked=[asked], about=about, more=["", f"## {EVIL}", "", EVIL, f"- {EVIL}"])
    assert not {"script", "img"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert found.text.count(EVIL) > 20


def test_nothing_is_fetched_and_nothing_runs() -> None:
    text = "".join(parts([row(n) for n in range(1, 5)]))
    found = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert all(value.startswith("#") for name, value in found.attributes if name in ("src", "href"))
    assert "url(" not in text
    assert "@import" not in text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes


def test_control_characters_are_shown_as_such() -> None:
    said = sides(answer(1, "cand", ("a\x00b\x1b[31mc", "tab\tand\nline")))
    text = page([row(1, answers=said)]).text
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31mc" in text
    assert "tab\tand\nline" in text


def test_a_long_answer_says_how_much_is_not_shown() -> None:
    said = sides(answer(1, "cand", ("x" * 12_345, "y")))
    assert "(2,345 more characters)" in page([row(1, answers=said)]).text


def test_of_a_large_bench_the_worst_open_and_the_rest_is_a_table() -> None:
    rows = [row(n, [7, 7 if n % 2 else 6], [7, 7]) for n in range(1, 2 * WHOLE + 1)]
    rows += [row(9999, [1, 1], [9, 9]), row(9998, candidate=(), failures=[AnswerFailure(9998, "c", "x")])]
    made = parts(rows)
    opened = [part for part in made if part.startswith('<details class="question"')]
    assert len(opened) == WHOLE
    assert ">9999<" in opened[0]
    text = Page("".join(made)).text
    assert f"{WHOLE} of {len(rows)} questions open to what was said" in text
    assert f"The other {len(rows) - WHOLE} questions" in text
    # Each question is somewhere, and no part holds many: what is written grows, what is held does not.
    assert len(re.findall(r'<tr><td class="figure">\d+</td>', "".join(made))) == len(rows) - WHOLE
    assert max(map(len, made)) < 20_000


def test_sections_of_others_come_after_the_categories() -> None:
    text = page([row(1)], more=["", "## Language", "", "All of it in `en`."]).text
    assert text.index("Categories") < text.index("Language") < text.index("Questions")
    assert "All of it in en." in text


def test_settings_and_identities_are_there_to_open() -> None:
    about = {**ABOUT, "versions": {"pytest": "9.0"}, "started": "2026-01-01T00:00:00+00:00"}
    text = page([row(1)], about=about).text
    for words in ("margin0.5", "kindhf", "pytest9.0", "started2026-01-01"):
        assert words in text


@pytest.mark.parametrize("rows", [[], [row(1)], [row(1, candidate=(), baseline=())]])
def test_what_is_not_known_is_not_shown_as_a_number(rows: list[Row]) -> None:
    text = page(rows).text.replace("non-inferior", "")
    assert "nan" not in text
    assert "inf" not in text
