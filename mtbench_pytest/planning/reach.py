"""How small a difference a bench can settle, by the noise that was seen, stated or is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbench_pytest.decision import LEVELS, EndpointName, Levels
from mtbench_pytest.planning.earlier import Earlier, spread
from mtbench_pytest.stats import questions_to_see, smallest_difference

POWER = 0.8

# docs/plan.md: gpt-4o-mini's grades and second-turn games of four 7B to 9B models on MT-bench, the median of
# their six pairs. 0.98 to 1.59 points, 0.30 to 0.39.
USUAL: Mapping[EndpointName, float] = {"grade": 1.35, "win rate": 0.35}
USUAL_SOURCE = "a usual one, gpt-4o-mini on MT-bench, median of six pairs of models"


@dataclass(frozen=True, slots=True)
class Noise:
    """How much an endpoint varies from question to question.

    Attributes:
        sd: Standard deviation of the differences (points) or scores (share) by question.
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


def noise_of(endpoint: EndpointName, stated: float | None, earlier: Earlier | None) -> Noise:
    """The noise that is stated, else the one an earlier run saw, else what is usual.

    A run in which nothing differed, such as one of a model against itself, has seen no noise.
    """
    if stated is not None:
        return Noise(stated, "as stated")
    values = () if earlier is None else earlier.differences if endpoint == "grade" else earlier.scores
    seen = spread(values)
    if earlier is None or not seen:
        return Noise(USUAL[endpoint], USUAL_SOURCE)
    return Noise(seen, f"{len(values)} questions of {earlier.folder}")


def reach(
    endpoint: EndpointName,
    questions: int,
    noise: Noise,
    margin: float,
    ways: int,
    wished: Sequence[float],
    levels: Levels = LEVELS,
) -> Reach:
    """What a number of questions can settle.

    Args:
        margin: The run's, in the unit of the endpoint.
        ways: How many ways to a regression share its error rate: see `gate.decide`.
        wished: Other margins.
        levels: Of the decision; of a run that may stop early those of its last look, whose chance alone is
            a little less than that of all looks.
    """

    def wish(value: float) -> Wish:
        return Wish(value, questions_to_see(noise.sd, value, POWER, levels.pass_alpha))

    return Reach(
        endpoint=endpoint,
        questions=questions,
        noise=noise,
        passes=smallest_difference(noise.sd, questions, POWER, levels.pass_alpha),
        finds=smallest_difference(noise.sd, questions, POWER, levels.regression_alpha / ways),
        margin=wish(margin),
        wishes=tuple(map(wish, wished)),
    )
