"""What a run decides, and the figures it rests on; all frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["PASS", "REGRESSION", "INCONCLUSIVE", "NO VERDICT", "PARTIAL"]
EndpointName = Literal["grade", "win rate"]
Standing = Literal["non-inferior", "regressed", "undecided"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A mean over questions with one-sided bounds.

    Attributes:
        n: Questions.
        mean: Their mean.
        sd: Their sample standard deviation; nan for n = 1.
        lower: One-sided lower bound of the mean, at the confidence of the policy.
        upper: One-sided upper bound, at the same confidence.
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
        neutral: The value at which the models are equal: 0 points, or a win rate of 0.5.
        margin: How far under `neutral` is still accepted, in the same unit.
        settled_by: For an undecided endpoint: how many questions would settle it if mean and spread
            stay as they are; None where no number would.
    """

    name: EndpointName
    bounds: Bounds
    neutral: float
    margin: float
    standing: Standing
    settled_by: int | None = None


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """A category's part of the table.

    Attributes:
        expected: Questions selected.
        judged: Of these, those of which everything asked is known.
        difference: Over the `difference.n` questions graded on both sides, as the two means are.
        critical: A regression of this category alone is the run's.
    """

    category: str
    expected: int
    judged: int
    baseline: float | None
    candidate: float | None
    difference: Bounds | None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the run decided for one bench, and why.

    Attributes:
        expected: Questions selected.
        judged: Of these, judged on both sides.
        reasons: Plain sentences, the deciding one first.
    """

    bench: str
    outcome: Outcome
    reasons: tuple[str, ...]
    expected: int
    judged: int
    endpoints: tuple[Endpoint, ...]
    categories: tuple[CategoryLine, ...]
