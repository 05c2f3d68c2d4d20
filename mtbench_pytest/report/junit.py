"""What a JUnit file (`--junitxml`) says of a run: properties of each question's test, and of the suite."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import games_text
from mtbench_pytest.core.text import points
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.drops import graded_again
from mtbench_pytest.gate.explain import shown_as
from mtbench_pytest.gate.panel import PanelView

Property = tuple[str, str | float]


def question_properties(row: Row) -> Iterator[Property]:
    """A question's grades from 1 to 10, their difference, its games, and what came of asking again.

    What is not known is left out.
    """
    yield "mtbench_question", str(row.question_id)
    yield "mtbench_category", row.category
    for side in SIDES:
        if (grade := row.grade(side)) is not None:
            yield f"mtbench_{side}", round(grade, 4)
    if row.difference is not None:
        yield "mtbench_difference", round(row.difference, 4)
    if games := games_text(row):
        yield "mtbench_games", games
    if again := graded_again(row):
        yield "mtbench_again", ", ".join(points(one.difference) for one in again)


def suite_properties(decision: Decision, panel: PanelView | None = None) -> Iterator[Property]:
    """What was decided for a bench, and why; the bench is in each name, for there may be several.

    Args:
        panel: The judges, where there are several.
    """
    bench = f"mtbench.{decision.bench}"
    yield f"{bench}.decision", decision.outcome
    for number, reason in enumerate(decision.reasons, 1):
        yield f"{bench}.reason.{number}", reason
    for seat in panel.seats if panel else ():
        alone = seat.alone.outcome if seat.alone else ""
        yield f"{bench}.judge.{seat.judge}", f"left: {seat.left}" if seat.left else alone
    yield f"{bench}.judged", f"{decision.judged} of {decision.expected}"
    for endpoint in decision.endpoints:
        show, bounds = shown_as(endpoint), endpoint.bounds
        for name, value in (("mean", bounds.mean), ("lower", bounds.lower), ("upper", bounds.upper)):
            if math.isfinite(value):
                yield f"{bench}.{endpoint.name.replace(' ', '_')}.{name}", show(value)
