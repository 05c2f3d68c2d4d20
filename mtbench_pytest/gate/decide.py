"""Rows, the questions that were expected and a policy make one decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.core.records import Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.comparisons import scale_of, why_unfit
from mtbench_pytest.gate.critical import faults_of
from mtbench_pytest.gate.decision import (
    LEVELS,
    CategoryLine,
    Collapses,
    Decision,
    Endpoint,
    Levels,
    Outcome,
    Standing,
)
from mtbench_pytest.gate.endpoints import category_lines, collapses, endpoint
from mtbench_pytest.gate.explain import (
    cheapest,
    explain,
    explain_category,
    explain_checks,
    explain_collapses,
    explain_drop,
    explain_fault,
)
from mtbench_pytest.gate.stats import ControlVariate


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run may lose and still pass.

    Attributes:
        margin: Points of mean grade the candidate may lie under the baseline.
        question_margin: Points one question may drop before it is asked again.
        win_rate_margin: How far the win rate may lie under one half. The default is what goes with half a
            point of mean grade on public judgments (docs/gate.md).
        coverage: Least share of the questions that must be judged on both sides.
        category_coverage: The same for each category; a critical one must be judged whole.
        categories: Rules of single categories, which bind before the ones above.
    """

    margin: float = 0.5
    question_margin: float = 5.0
    win_rate_margin: float = 0.13
    coverage: float = 0.95
    category_coverage: float = 0.80
    categories: Mapping[str, CategoryRules] = field(default_factory=dict)

    def is_critical(self, category: str) -> bool:
        """Whether a regression of this category alone is the run's."""
        return category in self.categories and self.categories[category].critical

    def floor_of(self, category: str) -> float | None:
        """The grade that no turn of this category may lie under, or None."""
        return self.categories[category].floor if category in self.categories else None

    def margin_of_question(self, category: str) -> float:
        """Points a question of this category may drop."""
        own = self.categories[category].question_margin if category in self.categories else None
        return self.question_margin if own is None else own


def decide(
    bench: str,
    rows: Sequence[Row],
    expected: Sequence[Question],
    policy: Policy,
    *,
    pairwise: bool,
    partial: Sequence[str] = (),
    fatal: str = "",
    incomparable: str = "",
    levels: Levels = LEVELS,
    checks_only: bool = False,
    control: ControlVariate | None = None,
) -> Decision:
    """Decides whether the candidate is non-inferior to the baseline.

    An endpoint is non-inferior where its lower bound, at confidence 1 - `pass_alpha`, lies above neutral less
    margin. PASS: all are, so that none needs a correction (an intersection-union test: Berger 1982,
    Multiparameter hypothesis testing and acceptance sampling, Technometrics 24(4)).
    REGRESSION: an endpoint that is not non-inferior has its upper bound below neutral, answers collapsed, a
    critical category lost: each of these ways is tested at `regression_alpha` by their number (Bonferroni).
    BELOW FLOOR: a turn of a critical category lies under its floor, as the baseline's does. Else
    INCONCLUSIVE. Too few questions judged: NO VERDICT, whatever the figures say.
    Source for the two one-sided bounds: Piaggio et al. 2012, Reporting of noninferiority and equivalence
    randomized trials (CONSORT extension), JAMA 308(24).

    Args:
        rows: At most one a question; further ones and questions not expected are an error of the caller.
        expected: The questions that were to be judged.
        pairwise: Whether the win rate is an endpoint.
        partial: Why this run covers only a part of the bench; any reason means that nothing is decided.
        fatal: Why the run could not go on, or "": of a whole bench there is no verdict then.
        incomparable: Why the two sides' grades cannot be compared, or "": there is no verdict then either.
        levels: How likely each wrong decision may be.
        checks_only: The judge is the offline one: what it passes in a critical category is not shown to be
            safe, so that a bench with one has no PASS.
        control: What is known of questions that were not judged so far.
    """
    by_id = {row.question_id: row for row in rows}
    found = [by_id[q.question_id] for q in expected if q.question_id in by_id]
    critical = {q.category for q in expected if policy.is_critical(q.category)}
    ways = ways_to_regress(expected, policy, pairwise=pairwise)
    alpha = levels.regression_alpha / ways
    endpoints = _endpoints(found, policy, pairwise, levels, ways, control)
    unfit = why_unfit(found) if pairwise else ""
    categories = category_lines(found, expected, critical, alpha)
    falls = _collapses(found, policy, alpha)
    faults = [fault for row in found for fault in faults_of(row, policy) if fault.stands]
    losses = [explain_fault(fault) for fault in faults if not fault.shared]
    losses += [explain_drop(line) for line in categories if line.critical and line.dropped]
    losses += [explain_collapses(falls)] if falls.significant else []
    judged = sum(row.judged for row in found)
    gaps = _gaps(judged, len(expected), categories, policy)
    outcome: Outcome
    if partial:
        outcome, reasons = "PARTIAL", [f"a part of the bench decides nothing: {why}" for why in partial]
        reasons += [fatal] if fatal else []
    elif fatal or incomparable or gaps or unfit:
        # What broke the run off is why: that each category lacks questions follows from it.
        gaps = gaps[:1] if fatal else gaps
        outcome, reasons = (
            "NO VERDICT",
            [*filter(None, (fatal, incomparable)), *gaps, *filter(None, (unfit,))],
        )
    elif losses or any(endpoint.standing == "regressed" for endpoint in endpoints):
        outcome, reasons = "REGRESSION", [*losses, *_because(endpoints, "regressed")]
    elif faults:
        outcome, reasons = "BELOW FLOOR", [explain_fault(fault) for fault in faults]
    elif critical and checks_only:
        outcome, reasons = "NO VERDICT", [explain_checks(critical)]
    elif all(endpoint.standing == "non-inferior" for endpoint in endpoints):
        outcome, reasons = "PASS", _because(endpoints, "non-inferior")
    else:
        outcome, reasons = "INCONCLUSIVE", _because(endpoints, "undecided")
        reasons += filter(None, [cheapest(endpoints)])
    if outcome in ("PASS", "INCONCLUSIVE"):
        reasons += [explain_category(line) for line in categories if line.dropped]
    return Decision(
        bench, outcome, tuple(reasons), len(expected), judged, endpoints, categories, falls, levels
    )


def ways_to_regress(expected: Sequence[Question], policy: Policy, *, pairwise: bool) -> int:
    """How many ways there are to a regression: each endpoint, collapses, and critical categories."""
    return 2 + pairwise + any(policy.is_critical(question.category) for question in expected)


def _endpoints(
    rows: Sequence[Row],
    policy: Policy,
    pairwise: bool,
    levels: Levels,
    ways: int,
    control: ControlVariate | None,
) -> tuple[Endpoint, ...]:
    graded = [(row, difference) for row in rows if (difference := row.difference) is not None]
    strata, differences = [row.category for row, _ in graded], [difference for _, difference in graded]
    narrowed = None
    if control is not None:
        narrowed = control.moments({row.question_id: difference for row, difference in graded})
    grade = endpoint("grade", differences, policy.margin, levels, ways, strata, narrowed=narrowed)
    if not pairwise:
        return (grade,)
    compared = [(row.category, score) for row in rows if (score := row.score) is not None]
    strata, scores = [stratum for stratum, _ in compared], [score for _, score in compared]
    margin, scale = policy.win_rate_margin, scale_of(rows)
    return grade, endpoint("win rate", scores, margin, levels, ways, strata, scale)


def _collapses(rows: Sequence[Row], policy: Policy, alpha: float) -> Collapses:
    margins = [(row.difference, policy.margin_of_question(row.category) + row.allowance) for row in rows]
    return collapses([(drop, margin) for drop, margin in margins if drop is not None], alpha)


def _gaps(judged: int, expected: int, categories: Sequence[CategoryLine], policy: Policy) -> list[str]:
    """Why there are too few judged questions to decide; empty where there are enough."""
    gaps = []
    if judged < policy.coverage * expected or not expected:
        gaps.append(
            f"{judged} of {expected} questions were judged on both sides; "
            f"a decision needs {policy.coverage:.0%}"
        )
    for line in categories:
        coverage = 1.0 if line.critical else policy.category_coverage
        if line.judged < coverage * line.expected:
            needed = "all of a critical category" if line.critical else f"{coverage:.0%} of each category"
            gaps.append(
                f"{line.judged} of {line.expected} questions of {line.category} were judged on both sides; "
                f"a decision needs {needed}"
            )
    return gaps


def _because(endpoints: Sequence[Endpoint], standing: Standing) -> list[str]:
    return [explain(endpoint) for endpoint in endpoints if endpoint.standing == standing]


# Worst first: what a bench decided outweighs what another one could not.
EXIT_STATUS: dict[Outcome, int] = {"REGRESSION": 20, "BELOW FLOOR": 23, "NO VERDICT": 22, "INCONCLUSIVE": 21}


def exit_status(outcomes: Sequence[Outcome], tests: int, *, uncollected: bool = False) -> int:
    """The exit status of a run.

    Args:
        outcomes: One a bench; PASS and PARTIAL leave the status to the tests.
        tests: pytest's own status: 0, 1 for failed tests, or 2 to 5, which stay.
        uncollected: Something could not be collected, and so is not gated. Alone pytest ends with 2 then;
            under xdist it says 1, as for a test that failed.
    """
    if tests not in (0, 1):
        return tests
    own = 2 if uncollected else tests
    return next((status for outcome, status in EXIT_STATUS.items() if outcome in outcomes), own)
