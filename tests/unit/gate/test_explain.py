"""The sentences of a decision: which bound, against which margin, how far, and what would settle it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtbench_pytest.core.text import chance, confidence
from mtbench_pytest.gate.decision import Bounds, CategoryLine, Collapses, EarlyStop, Endpoint
from mtbench_pytest.gate.explain import cheapest, explain, explain_collapses, explain_drop, explain_early

OPEN = Endpoint(
    name="grade",
    bounds=Bounds(80, -0.2, 2.0, -0.58, 0.17),
    neutral=0.0,
    margin=0.5,
    floor=-0.58,
    floor_confidence=0.95,
    ceiling=0.344,
    ceiling_confidence=1 - 0.025 / 3,
    standing="undecided",
    settled_by=131,
)
RATE = replace(OPEN, name="win rate", bounds=Bounds(80, 0.45, 0.4, 0.375, 0.525), neutral=0.5, margin=0.1)


def test_an_undecided_endpoint_says_both_bounds_and_what_would_settle_it() -> None:
    assert explain(OPEN) == (
        "mean grade difference -0.20: its 95 % lower bound -0.58 does not lie above the margin -0.50, "
        "by 0.08, "
        "nor its 99.2 % upper bound +0.34 below 0; "
        "about 131 questions would settle it, or a margin above 0.58"
    )
    assert explain(replace(RATE, floor=0.375, ceiling=0.55)) == (
        "win rate 45.0 %: its 95 % lower bound 37.5 % does not lie above the margin 40.0 %, by 2.5 %, "
        "nor its 99.2 % upper bound 55.0 % below 50.0 %; about 131 questions would settle it, "
        "or a margin above 12.5 %"
    )


def test_where_no_number_of_questions_helps_a_margin_does() -> None:
    assert explain(replace(OPEN, settled_by=None)).endswith(
        "; no number of questions would settle it as it stands, a margin above 0.58 would"
    )


def test_a_margin_far_from_the_one_set_is_no_way_out() -> None:
    assert explain(replace(OPEN, floor=-1.01)).endswith("; about 131 questions would settle it")
    assert explain(replace(OPEN, floor=-1.01, settled_by=None)).endswith("would settle it as it stands")


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (
            replace(OPEN, standing="non-inferior", floor=-0.31),
            "mean grade difference -0.20: its 95 % lower bound -0.31 lies above the margin -0.50, by 0.19",
        ),
        (
            replace(OPEN, standing="regressed", ceiling=-0.61),
            "mean grade difference -0.20: its 99.2 % upper bound -0.61 lies below 0, by 0.61",
        ),
        (
            replace(RATE, standing="regressed", ceiling=0.42),
            "win rate 45.0 %: its 99.2 % upper bound 42.0 % lies below 50.0 %, by 8.0 %",
        ),
        (
            replace(RATE, margin=0.05, scale=0.5, floor=0.375, ceiling=0.55),
            "win rate 45.0 %: its 95 % lower bound 37.5 % does not lie above the margin 45.0 % (50.0 % of "
            "the one set, for most comparisons flip), by 7.5 %, nor its 99.2 % upper bound 55.0 % "
            "below 50.0 %; about 131 questions would settle it",
        ),
        (
            replace(OPEN, bounds=Bounds(19, -0.2, 2.0, -0.58, 0.17)),
            "mean grade difference -0.20: its 95 % lower bound -0.58 does not lie above the margin -0.50, "
            "by 0.08, nor its 99.2 % upper bound +0.34 below 0; "
            "19 questions are too few to tell how many would settle it",
        ),
        (
            replace(OPEN, bounds=Bounds(1, 0.0, 0.0, 0.0, 0.0)),
            "grade: bounds need at least 2 questions judged, there are 1",
        ),
    ],
    ids=["non-inferior", "regressed", "win rate", "flips", "too few", "one question"],
)
def test_a_sentence_names_the_bound_that_decides_and_the_distance(endpoint: Endpoint, said: str) -> None:
    assert explain(endpoint) == said


PASSED = replace(OPEN, standing="non-inferior")
TIED = replace(RATE, margin=0.05, scale=0.5)


@pytest.mark.parametrize(
    ("endpoints", "said"),
    [
        ([PASSED, RATE], "--mtbench-pairwise off, for the grades alone pass"),
        ([OPEN, TIED], "a judge whose comparisons flip less"),
        ([replace(OPEN, settled_by=106), PASSED], "a second judge (--mtbench-judge given twice)"),
        ([replace(OPEN, settled_by=107), PASSED], "about 27 more questions"),
        ([replace(OPEN, settled_by=90), replace(RATE, settled_by=131)], "about 51 more questions"),
        ([OPEN, replace(RATE, settled_by=None)], ""),
    ],
)
def test_what_settles_it_at_the_least_cost(endpoints: list[Endpoint], said: str) -> None:
    told = cheapest(endpoints)
    assert told.startswith(f"cheapest to settle it: {said}") if said else not told


def test_collapses_and_drops_name_chance_and_level() -> None:
    assert explain_collapses(Collapses(9, 0, 1 / 512, 0.025 / 3)) == (
        "collapses: 9 questions dropped by more than their question margin, 0 gained as much: "
        "as many drops have a chance of 0.2 %, and 0.83 % or less is a regression"
    )
    fell = Bounds(8, -1.0, 0.5, -1.3, -0.7)
    line = CategoryLine("safety", 8, 8, 9.0, 8.0, fell, True, 1 / 256, 0.00625)
    assert explain_drop(line) == (
        "safety is critical: mean grade difference -1.00: as low a mean has a chance of 0.39 %, "
        "and 0.62 % or less is a regression"
    )


@pytest.mark.parametrize(
    ("value", "said"), [(0.95, "95 %"), (0.975, "97.5 %"), (1 - 0.025 / 3, "99.2 %"), (0.999, "99.9 %")]
)
def test_confidences(value: float, said: str) -> None:
    assert confidence(value) == said


@pytest.mark.parametrize(
    ("p", "said"),
    [(1.0, "100 %"), (0.314, "31 %"), (0.0083, "0.83 %"), (0.0001, "0.01 %"), (1e-9, "under 0.01 %")],
)
def test_chances(p: float, said: str) -> None:
    assert chance(p) == said


@pytest.mark.parametrize(
    ("alone", "words"),
    [(32, "saved at least 8 questions"), (24, "changed nothing"), (16, "took 8 questions more")],
)
def test_what_known_grades_brought_is_told(alone: int, words: str) -> None:
    early = EarlyStop(160, 24, (), 100, known=160, alone=alone)
    assert explain_early(early).endswith(f"; knowing the blessed baseline's grades on all 160 {words}")


def test_without_known_grades_nothing_is_told_of_them() -> None:
    assert "blessed" not in explain_early(EarlyStop(160, 24, (), 100))
