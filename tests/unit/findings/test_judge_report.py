"""What report, result and summary say of the judge."""

from __future__ import annotations

import json

from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.judge import fitness_lines, fitness_markdown, fitness_result, judge_fitness
from tests.unit.factories import consistent, row, verdict


def good() -> list[Row]:
    """12 comparisons of which one flips, 48 grades of which 12 are 10."""
    games = [verdict("A", "A", 1), *(consistent("B", n) for n in range(2, 13))]
    return [row(n, (10, 6), (7, 8), verdicts=[game]) for n, game in enumerate(games, 1)]


def clear() -> list[Row]:
    """12 comparisons of answers that lie six points apart."""
    return [row(n, (8, 9), (2, 3), verdicts=[consistent("A", n)]) for n in range(1, 13)]


def bad() -> list[Row]:
    """The same grade throughout, and the first answer always wins."""
    return [row(n, (10, 10), (10, 10), verdicts=[verdict("A", "A", n)]) for n in range(1, 13)]


def unfit() -> list[Row]:
    """Grades that lie far apart, and the first answer always wins."""
    return [row(n, (8, 9), (2, 3), verdicts=[verdict("A", "A", n)]) for n in range(1, 13)]


def test_the_summary_has_one_line_for_a_good_judge() -> None:
    (line,) = fitness_lines(judge_fitness(good()))
    assert line.startswith("judge: 1 of 12 comparisons flip with the order (8.3 %, 95 % bounds ")
    assert line.endswith("; 12 of 48 grades are 10 (25.0 %)")


def test_the_summary_says_what_is_wrong() -> None:
    _, *warnings = fitness_lines(judge_fitness(bad()))
    assert [line.removeprefix("judge warning: ").split(":")[0] for line in warnings] == [
        "12 of 12 flips favour the answer shown first",
        "all 48 grades are 10",
    ]


def test_clear_comparisons_stand_beside_all_of_them() -> None:
    (line,) = fitness_lines(judge_fitness(clear()))
    assert "; 0 of the 12 clear ones do (0.0 %); " in line
    line, *warnings = fitness_lines(judge_fitness(unfit()))
    assert "; 12 of the 12 clear ones do (100.0 %); " in line
    assert warnings[0].startswith(
        "judge warning: the judge is not fit to compare: where its own grades lie 2 "
    )
    text = "\n".join(fitness_markdown(judge_fitness(unfit()), "gpt-4o"))
    assert "lie 2 points or more apart, so that the order should not matter: 12 of the 12 clear" in text


def test_too_few_comparisons_tell_nothing() -> None:
    (line,) = fitness_lines(judge_fitness(good()[:3]))
    assert line.startswith("judge: 1 of 3 comparisons flip with the order, of too few to tell: it takes 10; ")


def test_without_comparisons_the_order_is_not_spoken_of() -> None:
    rows = [row(n, (5, 6), (7, 8)) for n in (1, 2)]
    assert list(fitness_lines(judge_fitness(rows))) == ["judge: 0 of 8 grades are 10 (0.0 %)"]
    assert "order" not in "\n".join(fitness_markdown(judge_fitness(rows), "gpt-4o"))


def test_the_reports_section() -> None:
    text = "\n".join(fitness_markdown(judge_fitness(bad()), "gpt-4o"))
    assert "## The judge" in text
    assert "**Warning:** all 48 grades are 10: no difference can show." in text
    assert "What gpt-4o did in this run:" in text
    assert "12 lean to the answer shown first and 0 to the second" in text
    assert "won 24 of the 24 games that had a winner (100.0 %)" in text
    assert "Of 72 judgments asked for, 0 had no verdict that could be read and 0 no reply." in text
    assert "Grades used: 10 (48)." in text
    assert "Warning" not in "\n".join(fitness_markdown(judge_fitness(good()), "gpt-4o"))


def test_no_section_where_nothing_was_judged() -> None:
    assert list(fitness_markdown(judge_fitness([]), "gpt-4o")) == []


def test_the_result_for_programs() -> None:
    result = json.loads(json.dumps(fitness_result(judge_fitness(good()))))
    assert result["fit"] is True
    assert (result["clear"]["compared"], result["clear"]["flipped"]) == (12, 1)
    position = result["position"]
    assert (position["compared"], position["flipped"]) == (12, 1)
    assert 0 < position["lower"] < position["share"] < position["upper"] < 0.4
    assert (position["toward_first"], position["toward_second"], position["first_share"]) == (1, 0, 13 / 24)
    assert result["judgments"] == {"asked": 72, "unread": 0, "failed": 0}
    assert result["grades"] == {"n": 48, "used": {"6": 12, "7": 12, "8": 12, "10": 12}, "tens": 12}
    assert result["warnings"] == []
    assert fitness_result(judge_fitness(clear()))["fit"] is True
    assert fitness_result(judge_fitness(unfit()))["fit"] is False
    assert fitness_result(judge_fitness(clear()[:3]))["fit"] is None
