"""How far a judge's noise moves a run's figures: the same answers, graded more than once.

Pure numerics. A judge asked twice for one grade may give two. That is noise which no further question of the
bench shows, and a margin smaller than what it does to the mean difference would be decided by it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.records import Judgment, QuestionId, Side
from mtbench_pytest.core.row import Row, repeated
from mtbench_pytest.gate.stats import CONFIDENCE, t_quantile
from mtbench_pytest.gate.stats.proportions import Share, clustered_share

POWER = 0.80  # how often an equal candidate is to pass a sensible margin

Grades = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class WithinAnswer:
    """What repeated grades of the same replies show.

    Attributes:
        repeats: Grades of a reply, at most.
        sd: Within-answer standard deviation: that of a single grade of a reply, in points, pooled.
        changed: The replies whose grades were not all the same, among those graded more than once.
    """

    repeats: int
    sd: float
    changed: Share


@dataclass(frozen=True, slots=True)
class Noise(WithinAnswer):
    """The judge's noise in a run.

    Attributes:
        floor: The noise floor: half-width of the one-sided 95 % bound of the run's mean grade difference,
            were the judge's noise all there is; in points.
    """

    floor: float


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a reply got, and how much its mean grade counts in its question's difference."""

    grades: Grades
    weight: float

    @property
    def counts(self) -> bool:
        """Whether its noise is known and does anything; a sum of thirds may miss 0 by a hair."""
        return len(self.grades) > 1 and abs(self.weight) > 1e-9


def within_answer(replies: Iterable[tuple[QuestionId, Grades]]) -> WithinAnswer | None:
    """What repeated grades of the same replies show; None where no reply was graded twice.

    The pooled within-answer variance is Σ Σ (grade - mean of its reply)² / Σ (grades of the reply - 1): the
    error variance of a one-way analysis of variance (Fisher 1925, Statistical Methods for Research Workers).

    Args:
        replies: Of each reply its question and all grades it got.
    """
    graded = [(question_id, grades) for question_id, grades in replies if len(grades) > 1]
    if not graded:
        return None
    squares = math.fsum(_variance(grades) * (len(grades) - 1) for _, grades in graded)
    changed: dict[QuestionId, list[bool]] = defaultdict(list)
    for question_id, grades in graded:
        changed[question_id].append(len(set(grades)) > 1)
    return WithinAnswer(
        repeats=max(len(grades) for _, grades in graded),
        sd=math.sqrt(squares / sum(len(grades) - 1 for _, grades in graded)),
        changed=clustered_share((sum(found), len(found)) for found in changed.values()),
    )


def run_noise(rows: Sequence[Row]) -> Noise | None:
    """The judge's noise in a run; None where no answer was graded more than once.

    The mean difference of n questions is the mean of the differences between their sides' grades, each the
    mean over S samples of the mean over T turns of the mean over J judges of the mean over K repeats. What a
    judge gave a reply thus counts by w = 1 / S / T / J, negative on the baseline's side. With s² the sample
    variance of its repeats, the variance of the mean difference by the judges' noise alone is
    V = Σ w² · s² / K / n² over all of them. The floor is t(0.95) · √V, with as many degrees of freedom as the
    s² have together. Answers of one text that share a judgment are one reply, whose w is the sum of theirs:
    what both sides share cancels.
    Source: the variance of a sum of independent parts; any text on the propagation of error.
    """
    if all(row.repeats == 1 for row in rows):
        return None
    replies = [(row, reply) for row in rows for reply in _replies(row)]
    found = within_answer((row.question_id, reply.grades) for row, reply in replies)
    if found is None:
        return None
    own = [r for row, r in replies if row.difference is not None and r.counts]
    degrees = sum(len(reply.grades) - 1 for reply in own)
    floor = 0.0
    if degrees:
        total = math.fsum(r.weight**2 * _variance(r.grades) / len(r.grades) for r in own)
        n = sum(row.difference is not None for row in rows)
        floor = t_quantile(CONFIDENCE, degrees) * math.sqrt(total) / n
    return Noise(found.repeats, found.sd, found.changed, floor)


def planned_floor(sd: float, turns: Sequence[int], repeats: int = 1) -> float:
    """The noise floor of a run that is still to come, in points: see `run_noise`.

    z(0.95) · √(2 · sd² / K · Σ 1 / T) / n, for every reply has the same sd on both sides. Further
    samples of an answer bring it down where they differ, which is not known beforehand and left out.

    Args:
        sd: Within-answer standard deviation, in points.
        turns: Of each question, how many it has; at least one question.
        repeats: How often each answer will be graded.
    """
    return _z(CONFIDENCE) * sd * math.sqrt(2 * math.fsum(1 / t for t in turns) / repeats) / len(turns)


def repeats_for(sd: float, turns: Sequence[int], margin: float) -> int:
    """How often answers must be graded for the noise floor to lie no higher than a margin.

    Args:
        sd: Within-answer standard deviation, in points.
        turns: Of each question, how many it has.
        margin: In points, above 0.
    """
    return max(1, math.ceil((planned_floor(sd, turns) / margin) ** 2 - 1e-9))


def sensible_margin(floor: float) -> float:
    """The smallest margin that says something, in points.

    Under it a candidate that is equal would fail more than one time in five by the judge's noise alone,
    whatever the bench: (z(0.95) + z(0.80)) / z(0.95) times the floor, the usual sample size formula of a
    non-inferiority trial (Julious 2004, Sample sizes for clinical trials with normal data, Statist. Med. 23).
    """
    return floor * (1 + _z(POWER) / _z(CONFIDENCE))


def check_margin(
    margin: float, judges: Sequence[str], stated: Mapping[str, float], turns: Sequence[int], repeats: int
) -> None:
    """Refuses a margin that the judges' noise alone would decide, before anything is spent.

    Args:
        margin: Of the run, in points.
        judges: Their names.
        stated: By judge the within-answer SD that the bench states, in points; of another judge, nothing is
            known and nothing is refused.
        turns: Of each question of the run, how many it has.
        repeats: How often each answer will be graded.

    Raises:
        SpecError: Where the margin lies under the noise floor.
    """
    # The mean of several has less noise than each.
    sd = math.hypot(*(stated.get(judge, 0.0) for judge in judges)) / len(judges)
    floor = planned_floor(sd, turns, repeats)
    if margin >= floor:
        return
    more = f", or --mtbench-judge-repeats {repeats_for(sd, turns, margin)}" if margin else ""
    raise SpecError(
        f"margin {margin:g}",
        f"under the noise floor of judge{'s' if judges[1:] else ''} {', '.join(judges)}, {floor:.3f} points "
        f"on {len(turns)} questions "
        f"(judge_noise in bench.toml: {sd:g})",
        f"{rounded_up(floor):g} or more{more}",
    )


def why_no_verdict(margin: float, noise: Noise | None) -> str:
    """Why a run's margin decides nothing, in a sentence; "" where it may, or no answer was graded again.

    Args:
        margin: Of the run, in points.
        noise: What the run showed.
    """
    if noise is None or margin >= noise.floor:
        return ""
    return (
        f"the margin {margin:g} lies under the judge's noise floor of {noise.floor:.3f} points: asked again, "
        f"the judge alone moves the mean difference as far; expected {rounded_up(noise.floor):g} or more, "
        "more repeats or more questions"
    )


def rounded_up(points: float) -> float:
    """To two digits after the point, never less."""
    return math.ceil(points * 100 - 1e-9) / 100


def _replies(row: Row) -> Iterator[_Reply]:
    """The replies of a row that were graded; those that share their judgments are one."""
    grades: dict[object, Grades] = {}
    weights: dict[object, float] = defaultdict(float)
    signs: dict[Side, int] = {"candidate": 1, "baseline": -1}
    for side, sign in signs.items():
        for answer, judgments in row.answered(side):
            for judge, own in _by_judge(judgments).items():
                for turn, given in repeated(own).items():
                    said = tuple(judgment.text for judgment in own if judgment.turn == turn)
                    key = (judge, turn, answer.turns[:turn] if answer else side, given, said)
                    grades[key] = given
                    weights[key] += sign / row.drawn.get(side, 1) / row.turns / max(len(row.judges), 1)
    return (_Reply(given, weights[key]) for key, given in grades.items())


def _by_judge(judgments: Sequence[Judgment]) -> dict[str, list[Judgment]]:
    found: dict[str, list[Judgment]] = defaultdict(list)
    for judgment in judgments:
        found[judgment.judge].append(judgment)
    return found


def _variance(grades: Grades) -> float:
    mean = fmean(grades)
    return math.fsum((grade - mean) ** 2 for grade in grades) / (len(grades) - 1)


def _z(probability: float) -> float:
    return NormalDist().inv_cdf(probability)
