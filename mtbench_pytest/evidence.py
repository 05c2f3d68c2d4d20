"""What rows say: endpoints with their bounds, categories, collapses. `gate.py` makes the decision of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from mtbench_pytest.decision import (
    Bounds,
    CategoryLine,
    Collapses,
    Endpoint,
    EndpointName,
    Levels,
    Standing,
)
from mtbench_pytest.records import Question, Row
from mtbench_pytest.stats import questions_needed, sign_test, t_bounds

# What a value can be: grades lie from 1 to 10, shares from 0 to 1; and where the models are equal.
_RANGE: dict[EndpointName, tuple[float, float]] = {"grade": (-9.0, 9.0), "win rate": (0.0, 1.0)}
_NEUTRAL: dict[EndpointName, float] = {"grade": 0.0, "win rate": 0.5}


def endpoint(
    name: EndpointName,
    values: Sequence[float],
    margin: float,
    levels: Levels,
    ways: int,
    unfit: str = "",
) -> Endpoint:
    """One figure, its bounds, and where it stands.

    Args:
        name: Of the figure.
        values: One a question: grade differences in points, or pairwise scores.
        margin: How far the figure may lie under neutral, in the unit of the values.
        levels: How likely each wrong decision may be.
        ways: How many ways to a regression share `levels.regression_alpha`.
        unfit: Why it must not count as non-inferior, or "". It may still be regressed: a judge that is led by
            the order of the answers makes ties of losses, not losses of ties.
    """
    floor_confidence, ceiling_confidence = 1 - levels.pass_alpha, 1 - levels.regression_alpha / ways
    neutral = _NEUTRAL[name]
    bounds = _bounds(name, values)
    floor = _bounds(name, values, floor_confidence).lower
    ceiling = _bounds(name, values, ceiling_confidence).upper
    standing: Standing = "undecided"
    needed = None
    if floor > neutral - margin:
        standing = "undecided" if unfit else "non-inferior"
    elif ceiling < neutral:
        standing = "regressed"
    elif not math.isnan(bounds.mean):
        numbers = (
            questions_needed(bounds, bounds.mean - neutral + margin, floor_confidence),
            questions_needed(bounds, neutral - bounds.mean, ceiling_confidence),
        )
        needed = min((n for n in numbers if n is not None), default=None)
    return Endpoint(
        name=name,
        bounds=bounds,
        neutral=neutral,
        margin=margin,
        floor=floor,
        floor_confidence=floor_confidence,
        ceiling=ceiling,
        ceiling_confidence=ceiling_confidence,
        standing=standing,
        unfit=unfit,
        settled_by=needed,
    )


def _bounds(name: EndpointName, values: Sequence[float], confidence: float = 0.95) -> Bounds:
    """Bounds of a mean never lie outside what its values can be; by Student's t of few values they may."""
    bounds, (least, most) = t_bounds(values, confidence), _RANGE[name]
    if bounds.n < 2:
        return bounds
    return replace(bounds, lower=max(bounds.lower, least), upper=min(bounds.upper, most))


def collapses(rows: Sequence[tuple[float, float]], alpha: float) -> Collapses:
    """Questions that fell beyond their margin against those that rose as far.

    Args:
        rows: Of each question graded on both sides the grade difference and its question margin, in points.
        alpha: The p at and below which they are a regression.
    """
    dropped = sum(difference < -margin for difference, margin in rows)
    gained = sum(difference > margin for difference, margin in rows)
    return Collapses(dropped, gained, sign_test(dropped, gained), alpha)


def category_lines(
    rows: Sequence[Row], expected: Sequence[Question], critical: Collection[str]
) -> tuple[CategoryLine, ...]:
    """Each category's figures, in the order of the bench.

    Args:
        rows: At most one a question.
        expected: The questions that were to be judged.
        critical: The categories whose regression alone is the run's.
    """
    lines = []
    for category in dict.fromkeys(question.category for question in expected):
        mine = [row for row in rows if row.category == category]
        graded = [(row, row.difference) for row in mine if row.difference is not None]
        differences = [difference for _, difference in graded]
        lines.append(
            CategoryLine(
                category=category,
                expected=sum(question.category == category for question in expected),
                judged=sum(row.judged for row in mine),
                baseline=_mean([row.grade("baseline") for row, _ in graded]),
                candidate=_mean([row.grade("candidate") for row, _ in graded]),
                difference=_bounds("grade", differences) if graded else None,
                critical=category in critical,
            )
        )
    return tuple(lines)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
