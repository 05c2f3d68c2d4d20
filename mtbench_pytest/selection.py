"""What a test asks for, by its fixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtbench_pytest.records import Party, Question

if TYPE_CHECKING:
    import pytest


def question_of(item: pytest.Item) -> Question | None:
    """The question that a test is about; None where it is about none."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("mtbench_question") if callspec else None


def needs_of(item: pytest.Item) -> set[Party]:
    """The parties that a test's fixtures ask for."""
    names = _fixtures_of(item)
    if "mtbench_judged" in names:
        return {"candidate", "baseline", "judge"}
    sides: dict[str, Party] = {"mtbench_candidate": "candidate", "mtbench_baseline": "baseline"}
    return {side for fixture, side in sides.items() if fixture in names}


def compares(item: pytest.Item) -> bool:
    """Whether a test compares with its question's snapshot."""
    return "judge_snapshot" in _fixtures_of(item)


def _fixtures_of(item: pytest.Item) -> set[str]:
    return set(item.fixturenames)  # type: ignore[attr-defined]
