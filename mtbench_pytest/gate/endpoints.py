"""What rows say: endpoints with their bounds, categories, collapses. `decide.py` makes the decision of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from mtbench_pytest.core.records import Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import (
    CategoryLine,
    Collapses,
    Endpoint,
    EndpointName,
    Levels,
    Standing,
)
from mtbench_pytest.gate.explain import ENOUGH_TO_TELL
from mtbench_pytest.gate.stats import (
    Estimate,
    Moments,
    count_test,
    flip_test,
    holm,
    mean_difference,
    questions_needed,
    sign_test,
    win_rate,
)

# Where the models are equal, and how the mean is bounded.
NEUTRAL: Mapping[EndpointName, float] = {"grade": 0.0, "win rate": 0.5}
ESTIMATE: Mapping[EndpointName, Callable[[Moments], Estimate]] = {
    "grade": mean_difference,
    "win rate": win_rate,
}
TOLERATED = 0.025  # of the questions may collapse before their number alone is a regression
_REPORTED = 0.05  # the level at which drops of categories are told that decide nothing


def endpoint(
    name: EndpointName,
    values: Sequence[float],
    margin: float,
    levels: Levels,
    ways: int,
    strata: Sequence[str] = (),
    scale: float = 1.0,
    narrowed: Moments | None = None,
) -> Endpoint:
    """One figure, its bounds, and where it stands.

    Args:
        name: Of the figure.
        values: One a question: grade differences in points, or pairwise scores.
        margin: How far the figure may lie under neutral, in the unit of the values.
        levels: How likely each wrong decision may be.
        ways: How many ways to a regression share `levels.regression_alpha`.
        strata: The category of each value: the spread is taken within categories.
        scale: What part of the margin counts: see `comparisons.scale_of`.
        narrowed: The moments that decide in place of the values' own: see `stats/control_variate.py`.
    """
    floor_confidence, ceiling_confidence = 1 - levels.pass_alpha, 1 - levels.regression_alpha / ways
    neutral, line = NEUTRAL[name], NEUTRAL[name] - margin * scale
    estimate, moments = ESTIMATE[name], Moments.of(values, strata)
    seen = estimate(moments)
    bounding = estimate(narrowed) if narrowed is not None else seen
    floor, ceiling = bounding.lower(floor_confidence), bounding.upper(ceiling_confidence)
    standing: Standing = "undecided"
    needed = None
    if floor > line:
        standing = "non-inferior"
    elif ceiling < neutral:
        standing = "regressed"
    elif moments.n >= ENOUGH_TO_TELL and moments.bounded:
        needed = questions_needed(
            moments,
            lambda more: (
                estimate(more).lower(floor_confidence) > line
                or estimate(more).upper(ceiling_confidence) < neutral
            ),
        )
    return Endpoint(
        name=name,
        bounds=seen.bounds,
        neutral=neutral,
        margin=margin * scale,
        floor=floor,
        floor_confidence=floor_confidence,
        ceiling=ceiling,
        ceiling_confidence=ceiling_confidence,
        standing=standing,
        settled_by=needed,
        scale=scale,
    )


def collapses(rows: Sequence[tuple[float, float]], alpha: float) -> Collapses:
    """Questions that fell beyond their margin against those that rose as far.

    Two exact tests must both say so: that falls are likelier than rises, and that they are commoner than
    `TOLERATED`. The first alone would call one fall in two hundred a regression once the bench is large.

    Args:
        rows: Of each question graded on both sides the grade difference and its question margin, in points.
        alpha: The p at and below which they are a regression.
    """
    dropped = sum(difference < -margin for difference, margin in rows)
    gained = sum(difference > margin for difference, margin in rows)
    return Collapses(
        dropped, gained, max(sign_test(dropped, gained), count_test(dropped, len(rows), TOLERATED)), alpha
    )


def category_lines(
    rows: Sequence[Row], expected: Sequence[Question], critical: Collection[str], alpha: float
) -> tuple[CategoryLine, ...]:
    """Each category's figures and whether it dropped beyond chance, in the order of the bench.

    The critical ones, which decide, are a family of tests of their own, so that the others cost them nothing.

    Args:
        rows: At most one a question.
        expected: The questions that were to be judged.
        critical: The categories whose regression alone is the run's.
        alpha: The level of their family.
    """
    lines, drops = [], {}
    for category in dict.fromkeys(question.category for question in expected):
        mine = [row for row in rows if row.category == category]
        graded = [(row, difference) for row in mine if (difference := row.difference) is not None]
        differences = [difference for _, difference in graded]
        if graded:
            drops[category] = flip_test(differences)
        lines.append(
            CategoryLine(
                category=category,
                expected=sum(question.category == category for question in expected),
                judged=sum(row.judged for row in mine),
                baseline=_mean([row.grade("baseline") for row, _ in graded]),
                candidate=_mean([row.grade("candidate") for row, _ in graded]),
                difference=mean_difference(Moments.of(differences)).bounds if graded else None,
                critical=category in critical,
                drop_alpha=alpha if category in critical else _REPORTED,
            )
        )
    adjusted: dict[str, float] = {}
    for family in (set(critical), drops.keys() - set(critical)):
        members = [category for category in drops if category in family]
        adjusted |= zip(members, holm([drops[category] for category in members]), strict=True)
    return tuple(replace(line, drop_p=adjusted.get(line.category, 1.0)) for line in lines)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
