"""What a run will be able to show: by the questions, the margins and the noise that is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtbench_pytest.cli.plan.chances import Chances, chances
from mtbench_pytest.cli.plan.power import Reach, correlation_of, noise_of, reach
from mtbench_pytest.cli.plan.previous_run import Earlier
from mtbench_pytest.core.records import Question
from mtbench_pytest.core.text import percent
from mtbench_pytest.gate.decide import Policy, ways_to_regress
from mtbench_pytest.gate.decision import LEVELS, EndpointName
from mtbench_pytest.gate.early_stop import levels_of, look_ends
from mtbench_pytest.gate.explain import ENOUGH_TO_TELL
from mtbench_pytest.gate.stats import Moments
from mtbench_pytest.run.settings import Settings, stopping_of


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run will be able to show.

    Attributes:
        reaches: What its questions can settle, by endpoint.
        chances: How it will end.
        notes: What an earlier run could not tell, or changes, in sentences.
    """

    reaches: tuple[Reach, ...]
    chances: Chances
    notes: tuple[str, ...]


def outlook(
    questions: Sequence[Question],
    policy: Policy,
    settings: Settings,
    earlier: Earlier | None,
    stated: Mapping[EndpointName, float | None],
    margins: Sequence[float],
    judges: int = 1,
) -> Outlook:
    """Foretells what a run will show.

    Args:
        earlier: A run to go by.
        stated: The standard deviations by question that are known better.
        margins: Others than the run's, in points.
        judges: Whose mean a grade will be.
    """
    n, pairwise = len(questions), settings.pairwise
    ways = ways_to_regress(questions, policy, pairwise=pairwise)
    strata = Moments.of([0.0] * n, [question.category for question in questions]).strata
    # Of a run that may stop early, the last look: its levels are the strictest that decide the whole of it.
    levels = levels_of(look_ends(n))[-1] if may_stop(settings, n) else LEVELS

    def reach_of(endpoint: EndpointName, margin: float, wished: Sequence[float]) -> Reach:
        noise = noise_of(endpoint, stated[endpoint], earlier, judges)
        return reach(endpoint, n, noise, margin, ways, wished, levels, strata)

    reaches = [reach_of("grade", policy.margin, margins)]
    if pairwise:
        scale = 1.0 if earlier is None else earlier.scale
        reaches.append(reach_of("win rate", policy.win_rate_margin * scale, ()))
    ends = chances(reaches, strata, ways, correlation_of(earlier), levels)
    return Outlook(tuple(reaches), ends, tuple(_notes(earlier, pairwise=pairwise)))


def may_stop(settings: Settings, questions: int) -> bool:
    """Whether the run may stop early, as far as that is known without its tests."""
    return stopping_of(settings, settings.record or "off", questions, more_tests=False).on


def _notes(earlier: Earlier | None, *, pairwise: bool) -> Iterator[str]:
    if earlier is None:
        return
    judged = len(earlier.values("grade")[0])
    if judged < ENOUGH_TO_TELL:
        yield (
            f"the earlier run judged {judged} questions, and from under {ENOUGH_TO_TELL} no SD is taken: "
            "the chances are those of a usual one"
        )
    if pairwise and earlier.scale < 1:
        part = percent(earlier.scale)
        yield f"most comparisons flipped in the earlier run: {part} of the win rate's margin count"
