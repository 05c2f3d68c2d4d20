"""How small a difference a bench can settle, by the noise that was seen, stated or is usual."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbench_pytest.cli.plan.previous_run import Earlier
from mtbench_pytest.gate.decision import LEVELS, EndpointName, Levels
from mtbench_pytest.gate.explain import ENOUGH_TO_TELL
from mtbench_pytest.gate.stats import Moments, correlation, questions_to_see, smallest_difference

POWER = 0.8

# docs/plan.md: gpt-4o-mini's grades and second-turn games of four 7B to 9B models on MT-bench, the median of
# their six pairs. 0.99 to 1.45 points, 0.34 to 0.41, correlations 0.32 to 0.52.
USUAL: Mapping[EndpointName, float] = {"grade": 1.26, "win rate": 0.39}
USUAL_CORRELATION = 0.43
_WHERE = "gpt-4o-mini on MT-bench, median of six pairs of models"
USUAL_SOURCE = f"a usual one, {_WHERE}"

# docs/plan.md: what part of the variance of one judge's values is left in the mean of two or three.
_LEFT: Mapping[EndpointName, Sequence[float]] = {"grade": (1.0, 0.75, 0.70), "win rate": (1.0, 0.70, 0.60)}


def spread(endpoint: EndpointName, values: Sequence[float], categories: Sequence[str]) -> float:
    """The standard deviation by question that a candidate as good as the baseline would show.

    Of grade differences, in points, the one within categories, as the gate takes it. Of scores, as a share,
    the one about one half: a win and a loss lie as far from it whichever it is, so that a pair of which one
    mostly wins tells what two equals would show that are compared as decidedly.

    Returns:
        Not a number where there are too few values.
    """
    if endpoint == "grade":
        return Moments.of(values, categories).sd
    return math.sqrt(math.fsum((score - 0.5) ** 2 for score in values) / len(values)) if values else math.nan


@dataclass(frozen=True, slots=True)
class Noise:
    """How much an endpoint varies from question to question.

    Attributes:
        sd: Standard deviation by question: see `spread`.
        source: Where that is from.
    """

    sd: float
    source: str


@dataclass(frozen=True, slots=True)
class Wish:
    """A margin, and the questions with which an equal candidate passes it."""

    margin: float
    needs: int | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What so many questions can settle of one endpoint, each with a chance of `POWER`.

    Attributes:
        questions: So many.
        passes: The smallest margin that a candidate as good as the baseline passes.
        finds: The smallest true drop that is found to be a regression.
        margin: The run's own, with the questions it needs.
        wishes: Other margins.
    """

    endpoint: EndpointName
    questions: int
    noise: Noise
    passes: float
    finds: float
    margin: Wish
    wishes: tuple[Wish, ...]


def noise_of(endpoint: EndpointName, stated: float | None, earlier: Earlier | None, judges: int = 1) -> Noise:
    """The noise that is stated, else the one an earlier run saw, else what is usual.

    A run in which nothing differed, such as one of a model against itself, has seen no noise; one of fewer
    than `ENOUGH_TO_TELL` questions has seen too little.

    Args:
        judges: Of the run; the usual noise is that of one. An earlier run's is taken as it is.
    """
    if stated is not None:
        return Noise(stated, "as stated")
    if earlier is not None:
        values, categories = earlier.values(endpoint)
        seen = spread(endpoint, values, categories)
        if len(values) >= ENOUGH_TO_TELL and seen > 0:
            return Noise(seen, f"{len(values)} questions of {earlier.folder}")
    left = _LEFT[endpoint]
    return Noise(USUAL[endpoint] * math.sqrt(left[min(judges, len(left)) - 1]), USUAL_SOURCE)


def correlation_of(earlier: Earlier | None) -> Noise:
    """How grade differences and scores go together from question to question: as `noise_of`."""
    if earlier is not None:
        grades, scores, categories = earlier.both
        seen = correlation(grades, scores, categories)
        if len(grades) >= ENOUGH_TO_TELL and math.isfinite(seen):
            return Noise(seen, f"{len(grades)} questions of {earlier.folder}")
    return Noise(USUAL_CORRELATION, USUAL_SOURCE)


def reach(
    endpoint: EndpointName,
    questions: int,
    noise: Noise,
    margin: float,
    ways: int,
    wished: Sequence[float],
    levels: Levels = LEVELS,
    strata: int = 1,
) -> Reach:
    """What a number of questions can settle.

    Args:
        margin: The run's, in the unit of the endpoint.
        ways: How many ways to a regression share its error rate: see `gate.decide`.
        wished: Other margins.
        levels: Of the decision; of a run that may stop early those of its last look, whose chance alone is
            a little less than that of all looks.
        strata: How many means the spread is taken around: see `Moments.of`.
    """

    def wish(value: float) -> Wish:
        return Wish(value, questions_to_see(noise.sd, value, POWER, levels.pass_alpha, strata))

    return Reach(
        endpoint=endpoint,
        questions=questions,
        noise=noise,
        passes=smallest_difference(noise.sd, questions, POWER, levels.pass_alpha, strata),
        finds=smallest_difference(noise.sd, questions, POWER, levels.regression_alpha / ways, strata),
        margin=wish(margin),
        wishes=tuple(map(wish, wished)),
    )
