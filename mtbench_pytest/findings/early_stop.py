"""The looks of a run that may stop early, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.text import confidence, markdown_table
from mtbench_pytest.findings.base import Facts
from mtbench_pytest.gate.decision import EarlyStop, Look

_LOOK = ("questions judged", "confidence for PASS", "for REGRESSION, all ways to it", "decision")


def looks_markdown(early: EarlyStop | None) -> Iterator[str]:
    """A section of the report; nothing of a run that may not stop early."""
    if early is None:
        return
    yield ""
    yield "## Looks"
    yield ""
    yield f"{early.used} of {early.questions} questions were judged."
    yield ""
    yield from markdown_table(_LOOK, map(_look, early.looks))


def _look(look: Look) -> tuple[str, ...]:
    levels = look.levels
    return (
        str(look.questions),
        _confidence(levels.pass_alpha),
        _confidence(levels.regression_alpha),
        look.outcome,
    )


def _confidence(alpha: float) -> str:
    return confidence(1 - alpha) if alpha > 0 else "-"


class EarlyStopFinding:
    """The looks of a run that may stop early; the decision's reasons say what came of them."""

    def __init__(self, facts: Facts) -> None:
        self._early = facts.decision.early if facts.decision else None

    def lines(self) -> Sequence[str]:
        """Nothing: the decision says it."""
        return ()

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return looks_markdown(self._early)

    def result(self) -> Mapping[str, Any]:
        """Nothing: the looks are part of the decision."""
        return {}
