"""The looks of a run that may stop early, for people."""

from __future__ import annotations

from collections.abc import Iterator

from mtbench_pytest.gate.decision import EarlyStop, Look
from mtbench_pytest.gate.explain import confidence
from mtbench_pytest.report.markdown import table

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
    yield from table(_LOOK, map(_look, early.looks))


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
