"""What a test asks for, by its fixtures, and in which order; a test is one of pytest's items."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from mtbench_pytest.core.records import Party, Question

Item = TypeVar("Item")


def question_of(item: object) -> Question | None:
    """The question that a test is about; None where it is about none."""
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("mtbench_question") if callspec else None


def needs_of(item: object) -> set[Party]:
    """The parties that a test's fixtures ask for."""
    names = _fixtures_of(item)
    if "mtbench_judged" in names:
        return {"candidate", "baseline", "judge"}
    sides: dict[str, Party] = {"mtbench_candidate": "candidate", "mtbench_baseline": "baseline"}
    return {side for fixture, side in sides.items() if fixture in names}


def compares(item: object) -> bool:
    """Whether a test compares with its question's snapshot."""
    return "judge_snapshot" in _fixtures_of(item)


def _fixtures_of(item: object) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def reordered(items: Sequence[Item], place: Callable[[Item], tuple[Hashable, int] | None]) -> list[Item]:
    """Tests with those that have a place in the order of their places, where such tests stood.

    Args:
        place: The bench of a test and its question's place there, or None.
    """
    placed = [(number, item, found) for number, item in enumerate(items) if (found := place(item))]
    new = list(items)
    for bench in {found[0] for _, _, found in placed}:
        mine = [(number, found[1], item) for number, item, found in placed if found[0] == bench]
        slots = [number for number, _, _ in mine]
        for slot, (_, _, item) in zip(slots, sorted(mine, key=lambda one: one[1]), strict=True):
            new[slot] = item
    return new
