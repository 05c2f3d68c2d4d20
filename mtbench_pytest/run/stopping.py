"""Whether a run may stop early: as the option says, else where calls cost something and not all is needed."""

from __future__ import annotations

from dataclasses import dataclass

from mtbench_pytest.run.settings import Settings
from mtbench_pytest.run.snapshots.mode import Mode

FEWEST = 17  # questions; with fewer no bound decides before the last
_RECORDING: tuple[Mode, ...] = ("new", "all")


@dataclass(frozen=True, slots=True)
class Stopping:
    """Whether a run ends once its decision is certain.

    Attributes:
        on: It does.
        why: Why, in a few words; "" where the option says so.
    """

    on: bool
    why: str = ""

    @property
    def word(self) -> str:
        """For the header."""
        return f"early stop {'on' if self.on else 'off'}" + (f" ({self.why})" if self.why else "")


def stopping_of(settings: Settings, mode: Mode, questions: int, *, more_tests: bool | None) -> Stopping:
    """Whether a run stops early; what it says depends on what every process of a run knows.

    Args:
        mode: What the run does with its snapshots.
        questions: Of the bench, or of the declared sample.
        more_tests: Whether a question has more than one plain test, which would be skipped with it; None
            where that is not known yet.
    """
    if settings.early_stop is not None:
        return Stopping(settings.early_stop)
    if mode in _RECORDING:
        return Stopping(False, "the run records")
    if mode == "none" or not settings.judge_may_cost:
        return Stopping(False, "no call of the judge costs anything")
    if questions < FEWEST:
        return Stopping(False, f"under {FEWEST} questions")
    if more_tests is None:
        return Stopping(True, "where a question has its one test alone")
    return Stopping(False, "a question has more than one plain test") if more_tests else Stopping(True)
