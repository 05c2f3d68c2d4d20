"""What a run decides, and the figures it rests on; all frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["PASS", "REGRESSION", "BELOW FLOOR", "INCONCLUSIVE", "NO VERDICT", "PARTIAL"]
EndpointName = Literal["grade", "win rate"]
Standing = Literal["non-inferior", "regressed", "undecided"]


@dataclass(frozen=True, slots=True)
class Levels:
    """How likely each wrong decision may be.

    Attributes:
        pass_alpha: That a candidate on its margin passes.
        regression_alpha: That a candidate as good as the baseline is a regression, by any of the ways there
            are to it.
    """

    pass_alpha: float = 0.05
    regression_alpha: float = 0.025


LEVELS = Levels()


@dataclass(frozen=True, slots=True)
class Bounds:
    """A mean over questions with one-sided 95 % bounds.

    Attributes:
        n: Questions.
        mean: Their mean.
        sd: Their sample standard deviation; nan for n = 1.
        lower: One-sided lower bound of the mean.
        upper: One-sided upper bound.
    """

    n: int
    mean: float
    sd: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One of the figures the decision rests on.

    Attributes:
        name: "grade" (points on the scale from 1 to 10) or "win rate" (share).
        bounds: For display.
        neutral: The value at which the models are equal: 0 points, or a win rate of 0.5.
        margin: How far under `neutral` is still accepted, in the same unit.
        floor: The lower bound that must lie above `neutral - margin`.
        floor_confidence: Its confidence.
        ceiling: The upper bound that, below `neutral`, makes a regression.
        ceiling_confidence: Its confidence, higher the more ways to a regression there are.
        settled_by: For an undecided endpoint: how many questions would settle it if mean and spread
            stay as they are; None where no number would, or too few questions tell.
        scale: What part of the margin that was set counts as `margin`: under 1 where most of the judge's
            comparisons flip.
    """

    name: EndpointName
    bounds: Bounds
    neutral: float
    margin: float
    floor: float
    floor_confidence: float
    ceiling: float
    ceiling_confidence: float
    standing: Standing
    settled_by: int | None = None
    scale: float = 1.0

    @property
    def line(self) -> float:
        """What the floor must lie above."""
        return self.neutral - self.margin


@dataclass(frozen=True, slots=True)
class Collapses:
    """Questions that fell by more than their question margin, against those that rose by as much.

    Attributes:
        dropped: Questions that fell.
        gained: Questions that rose.
        p: Chance of at least so many among both, were a fall as likely as a rise: an exact sign test.
        alpha: The p at and below which this is a regression.
    """

    dropped: int
    gained: int
    p: float
    alpha: float

    @property
    def significant(self) -> bool:
        """Whether more questions fell than chance explains."""
        return self.p <= self.alpha


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """A category's part of the table.

    Attributes:
        expected: Questions selected.
        judged: Of these, those of which everything asked is known.
        difference: Over the `difference.n` questions graded on both sides, as the two means are.
        critical: A regression of this category alone is the run's.
        drop_p: Chance of a mean difference as low as this, were the models alike, after Holm's correction
            over the critical categories or over the others; 1 where nothing was graded.
        drop_alpha: The p at and below which it dropped.
    """

    category: str
    expected: int
    judged: int
    baseline: float | None
    candidate: float | None
    difference: Bounds | None
    critical: bool = False
    drop_p: float = 1.0
    drop_alpha: float = 0.05

    @property
    def dropped(self) -> bool:
        """Whether it lost more than chance explains."""
        return self.drop_p <= self.drop_alpha


@dataclass(frozen=True, slots=True)
class Look:
    """A decision on the way of a run that may stop early.

    Attributes:
        questions: Judged by then.
        levels: That it was made at, so that all looks together keep the run's.
        outcome: A PASS or a REGRESSION ends the run.
    """

    questions: int
    levels: Levels
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """How far a run went that may stop early.

    Attributes:
        questions: Of the run.
        used: Of these, those that were to be judged before it was certain.
        looks: The last one made the decision.
        calls_saved: Most calls of the judge that the others would have taken.
        known: Questions on which the baseline's grades were known beforehand and narrowed the bounds.
        alone: After how many questions it had been certain without that; where it had not been by then, how
            many it would have come to at the least.
    """

    questions: int
    used: int
    looks: tuple[Look, ...]
    calls_saved: int = 0
    known: int = 0
    alone: int = 0

    @property
    def stopped(self) -> bool:
        """Whether it was certain before the end."""
        return self.used < self.questions


@dataclass(frozen=True, slots=True)
class Decision:
    """What the run decided for one bench, and why.

    Attributes:
        expected: Questions selected; of a run that stopped early, those up to there.
        judged: Of these, judged on both sides.
        reasons: Plain sentences, the deciding one first.
        early: How far a run went that may stop early; None for any other.
    """

    bench: str
    outcome: Outcome
    reasons: tuple[str, ...]
    expected: int
    judged: int
    endpoints: tuple[Endpoint, ...]
    categories: tuple[CategoryLine, ...]
    collapses: Collapses
    levels: Levels = LEVELS
    early: EarlyStop | None = None
