"""What one reply comes to: its checks run, what counts among them, and the grade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtbench_pytest.bench.checks import vocabulary
from mtbench_pytest.bench.checks.outcome import Outcome
from mtbench_pytest.bench.checks.sanity import degenerate
from mtbench_pytest.core.records import Check, Reply


@dataclass(frozen=True, slots=True)
class Examined:
    """One reply against a turn's checks.

    Attributes:
        degenerate: Why this is no answer at all, or empty.
        passed: Checks that count as passed.
        hollow: Checks of shape that passed and do not count, since no check of substance did.
        failed: Checks that failed, an end by token limit among them.
        own: How many checks the turn has.
    """

    degenerate: str
    passed: tuple[Outcome, ...]
    hollow: tuple[Outcome, ...]
    failed: tuple[Outcome, ...]
    own: int

    @property
    def of(self) -> int:
        """How many checks the share is of: the turn's, and one more for a reply that was cut off."""
        return len(self.passed) + len(self.hollow) + len(self.failed)

    @property
    def grade(self) -> float:
        """1 + 9 times the share passed; 10 where there is nothing to fail."""
        if self.degenerate:
            return 1
        return 1 + 9 * len(self.passed) / self.of if self.of else 10

    def explain(self, who: str) -> str:
        """The findings in prose, about `who`."""
        if self.degenerate:
            return f"{who} fails outright: {self.degenerate}."
        parts = [f"{who} passes {len(self.passed)} of {self.of} checks."]
        for title, outcomes in (
            ("Failed", self.failed),
            ("Shape does not count: nothing of what was asked is there", self.hollow),
            ("Passed", self.passed),
        ):
            if outcomes:
                parts.append("\n".join([f"{title}:", *(f"- {outcome.why}" for outcome in outcomes)]))
        if not self.own:
            parts.append("This turn has no checks of its own; only what holds for any reply was looked at.")
        return "\n\n".join(parts)


def examine(reply: Reply, own: Sequence[Check], asked: str = "", earlier: Sequence[Reply] = ()) -> Examined:
    """Runs a turn's checks on a reply.

    Args:
        reply: The reply.
        own: The turn's checks; valid.
        asked: The user's message that it answers.
        earlier: The model's replies to the turns before, in order.
    """
    passed, hollow, failed = list[Outcome](), list[Outcome](), list[Outcome]()
    outcomes = [(check, vocabulary.run(check, reply.text)) for check in own]
    solid = [outcome.passed for check, outcome in outcomes if vocabulary.substantial(check)]
    for check, outcome in outcomes:
        # Any text may happen to have the length asked for: that is worth something only in an answer.
        counts = vocabulary.substantial(check) or not solid or any(solid)
        (failed if not outcome.passed else passed if counts else hollow).append(outcome)
    if reply.capped:
        failed.append(Outcome(False, "the reply was cut off by a token limit"))
    return Examined(degenerate(reply, asked, earlier), tuple(passed), tuple(hollow), tuple(failed), len(own))
