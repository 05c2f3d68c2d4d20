"""How often a single grade breaks a rule by accident: grades that a judge's noise moves, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mtbench_pytest.gate.stats.normal import above

_LEAST, _MOST = 1, 10  # the scale of grades


def grade_chances(true: float, sd: float) -> dict[int, float]:
    """The chance of each grade: a normal value about the true one, rounded and kept within 1 to 10.

    Args:
        true: The grade that the judge gives on average, from 1 to 10.
        sd: Of a single grade of the same answer, in points; 0 for a judge that always says the same.
    """
    found, left = {}, 1.0
    for grade in range(_LEAST, _MOST):
        edge = grade + 0.5 - true
        beyond = above(edge / sd) if sd > 0 else float(edge <= 0)
        found[grade], left = left - beyond, beyond
    return {**found, _MOST: left}


def turn_chance(grade: float, sd: float, margin: float, floor: float | None, gradings: int) -> float:
    """The chance that a turn breaks a rule of its category though both sides' answers are equally good.

    In one grading it breaks the margin where the candidate's grade lies more than that under the baseline's,
    and the floor where it lies under that. A rule is broken where each grading shows it: with p and q for the
    two chances and b for that of both at once, p^k + q^k - b^k for k gradings.

    Args:
        grade: Both sides' true grade.
        sd: Of a single grade, in points.
        margin: Points that the turn may drop.
        floor: The grade that it may not lie under; None for none.
        gradings: So often the judge is asked, each time of both sides.
    """
    chances = grade_chances(grade, sd)
    dropped = low = both = 0.0
    for candidate, chance in chances.items():
        falls = math.fsum(p for baseline, p in chances.items() if candidate < baseline - margin)
        dropped += chance * falls
        if floor is not None and candidate < floor:
            low += chance
            both += chance * falls
    return dropped**gradings + low**gradings - both**gradings


def any_of(chances: Iterable[float]) -> float:
    """The chance that any of several things happens that have nothing to do with each other."""
    return 1 - math.prod(1 - chance for chance in chances)
