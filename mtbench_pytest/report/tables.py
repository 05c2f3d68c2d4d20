"""The tables of a report as cells of text; Markdown, HTML and GitHub's summary write the same ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import games_text
from mtbench_pytest.core.text import UNKNOWN, Cells, chance, confidence, grade_text, points
from mtbench_pytest.gate.decision import Bounds, CategoryLine, Decision, Endpoint
from mtbench_pytest.gate.explain import endpoint_name, shown_as

PARTY: Cells = ("", "name", "given as")
ENDPOINT: Cells = ("endpoint", "n", "mean", "95 % bounds", "passes above", "regressed below", "standing")
CATEGORY: Cells = (
    "category", "graded", "baseline", "candidate", "difference", "95 % bounds", "p of a drop"
)  # fmt: skip
QUESTION: Cells = ("question", "category", "baseline", "candidate", "difference", "pairwise", "capped")


def party_cells(about: Mapping[str, Any]) -> Iterator[Cells]:
    """Who met whom."""
    for side in SIDES:
        yield (side, about[side]["name"], about[side]["spec"])
    for judge in about.get("panel", {}).get("judges") or [about["judge"]]:
        yield ("judge (left)" if judge.get("left") else "judge", judge["name"], judge["spec"])


def endpoint_cells(endpoint: Endpoint) -> Cells:
    """A figure that the decision rests on."""
    show = shown_as(endpoint)
    bounds = endpoint.bounds

    def deciding(which: str, bound: float, level: float) -> str:
        return f"{confidence(level)} {which} bound {_known(show, bound)}"

    return (
        endpoint_name(endpoint),
        str(bounds.n),
        _known(show, bounds.mean),
        bounds_text(bounds, show),
        f"{show(endpoint.line)}, {deciding('lower', endpoint.floor, endpoint.floor_confidence)}",
        f"{show(endpoint.neutral)}, {deciding('upper', endpoint.ceiling, endpoint.ceiling_confidence)}",
        endpoint.standing,
    )


def _known(show: Callable[[float], str], value: float) -> str:
    return show(value) if math.isfinite(value) else UNKNOWN


def category_rows(decision: Decision) -> Iterator[Cells]:
    """The table of categories."""
    return map(category_cells, decision.categories)


def category_cells(line: CategoryLine) -> Cells:
    """A category's row."""
    return (
        f"{line.category} (critical)" if line.critical else line.category,
        f"{line.difference.n if line.difference else 0} of {line.expected}",
        grade_text(line.baseline),
        grade_text(line.candidate),
        points(line.difference.mean) if line.difference else UNKNOWN,
        bounds_text(line.difference),
        f"{chance(line.drop_p)} (dropped)" if line.dropped else chance(line.drop_p),
    )


def bounds_text(bounds: Bounds | None, show: Callable[[float], str] = points) -> str:
    """Both bounds, of a grade difference unless it says how they are written."""
    if bounds is None or not math.isfinite(bounds.lower):
        return UNKNOWN
    return f"{show(bounds.lower)} … {show(bounds.upper)}"


def question_cells(row: Row) -> Cells:
    """A question's row."""
    capped = [side for side in SIDES if side in row.answers and row.answers[side].capped]
    return (
        str(row.question_id),
        row.category,
        grade_text(row.grade("baseline")),
        grade_text(row.grade("candidate")),
        UNKNOWN if row.difference is None else points(row.difference),
        games_text(row) or UNKNOWN,
        ", ".join(capped) or UNKNOWN,
    )
