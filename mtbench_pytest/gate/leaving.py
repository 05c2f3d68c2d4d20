"""When a judge leaves a panel: it broke down, moved, or turned out unfit. It then counts on no question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtbench_pytest.core.records import SIDES, JudgeFailure
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import percent
from mtbench_pytest.gate.comparisons import why_unfit

LEAST = 2  # judges of a panel: one alone is no panel
_FAILED = 0.05  # the share of the questions from which the panel would lack too many to decide


def why_leaves(rows: Sequence[Row]) -> str:
    """Why a judge cannot stay in a panel, in a sentence, or "".

    Args:
        rows: What this judge said, and no other: see `Row.by`.
    """
    if unfit := why_unfit(rows):
        return unfit
    asked = [row for row in rows if all(side in row.answers for side in SIDES)]
    failed = sum(any(isinstance(failure, JudgeFailure) for failure in row.failures) for row in asked)
    if failed > _FAILED * len(asked):
        return (
            f"its judgments of {failed} of {len(asked)} questions could not be had, "
            f"more than {percent(_FAILED)}"
        )
    return ""


def why_too_few(judges: int, left: Mapping[str, str]) -> str:
    """Why a panel is none any more, in a sentence; "" where enough judges stay.

    Args:
        judges: How many were named.
        left: By name those that left, and why.
    """
    if judges < LEAST or judges - len(left) >= LEAST:
        return ""
    gone = "; ".join(f"{name} left ({why})" for name, why in left.items())
    return f"a panel needs {LEAST} judges, and {judges - len(left)} of {judges} is left: {gone}"
