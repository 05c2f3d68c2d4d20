"""Rows, the questions that were expected and a policy make one decision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtbench_pytest.bench_config import CategoryRules
from mtbench_pytest.decision import Bounds, CategoryLine, Decision, Endpoint, EndpointName, Outcome, Standing
from mtbench_pytest.records import Question, Row
from mtbench_pytest.stats import questions_needed, t_bounds


@dataclass(frozen=True, slots=True)
class Policy:
    """What a run may lose and still pass.

    Attributes:
        margin: Points of mean grade the candidate may lie under the baseline.
        question_margin: Points one question may drop before its test fails.
        win_rate_margin: How far the win rate may lie under one half.
        coverage: Least share of the questions that must be judged on both sides.
        category_coverage: The same for each category; a critical one must be judged whole.
        categories: Rules of single categories, which bind before the ones above.
    """

    margin: float = 0.5
    question_margin: float = 5.0
    win_rate_margin: float = 0.10
    coverage: float = 0.95
    category_coverage: float = 0.80
    categories: Mapping[str, CategoryRules] = field(default_factory=dict)

    def is_critical(self, category: str) -> bool:
        """Whether a regression of this category alone is the run's."""
        return category in self.categories and self.categories[category].critical

    def margin_of_question(self, category: str) -> float:
        """Points a question of this category may drop."""
        own = self.categories[category].question_margin if category in self.categories else None
        return self.question_margin if own is None else own


# What a value can be: grades lie from 1 to 10, shares from 0 to 1.
_RANGE: dict[EndpointName, tuple[float, float]] = {"grade": (-9.0, 9.0), "win rate": (0.0, 1.0)}


def decide(
    bench: str,
    rows: Sequence[Row],
    expected: Sequence[Question],
    policy: Policy,
    *,
    pairwise: bool,
    partial: Sequence[str] = (),
    fatal: str = "",
) -> Decision:
    """Decides whether the candidate is non-inferior to the baseline.

    An endpoint is non-inferior where its one-sided 95 % lower bound lies above neutral less margin, and
    regressed where it is not and its upper bound lies below neutral. All non-inferior: PASS. Any regressed:
    REGRESSION, and the same where a critical category lost anything. Else INCONCLUSIVE. Too few questions
    judged: NO VERDICT, whatever the figures say.
    Source for the two one-sided bounds: Piaggio et al. 2012, Reporting of noninferiority and equivalence
    randomized trials (CONSORT extension), JAMA 308(24).

    Args:
        rows: At most one a question; further ones and questions not expected are an error of the caller.
        expected: The questions that were to be judged.
        pairwise: Whether the win rate is an endpoint.
        partial: Why this run covers only a part of the bench; any reason means that nothing is decided.
        fatal: Why the run could not go on, or "": of a whole bench there is no verdict then.
    """
    by_id = {row.question_id: row for row in rows}
    found = [by_id[q.question_id] for q in expected if q.question_id in by_id]
    endpoints = _endpoints(found, policy, pairwise)
    categories = _categories(found, expected, policy)
    losses = list(_critical_losses(found, categories, policy))
    judged = sum(row.judged for row in found)
    gaps = _gaps(judged, len(expected), categories, policy)
    outcome: Outcome
    if partial:
        outcome, reasons = "PARTIAL", [f"a part of the bench decides nothing: {why}" for why in partial]
        reasons += [fatal] if fatal else []
    elif fatal:
        outcome, reasons = "NO VERDICT", [fatal, *gaps]
    elif gaps:
        outcome, reasons = "NO VERDICT", gaps
    elif losses or any(endpoint.standing == "regressed" for endpoint in endpoints):
        outcome, reasons = "REGRESSION", [*losses, *_because(endpoints, "regressed")]
    elif all(endpoint.standing == "non-inferior" for endpoint in endpoints):
        outcome, reasons = "PASS", _because(endpoints, "non-inferior")
    else:
        outcome, reasons = "INCONCLUSIVE", _because(endpoints, "undecided")
    return Decision(bench, outcome, tuple(reasons), len(expected), judged, endpoints, categories)


def _endpoints(rows: Sequence[Row], policy: Policy, pairwise: bool) -> tuple[Endpoint, ...]:
    differences = [row.difference for row in rows if row.difference is not None]
    endpoints = [_endpoint("grade", differences, 0.0, policy.margin)]
    if pairwise:
        scores = [row.score for row in rows if row.score is not None]
        endpoints.append(_endpoint("win rate", scores, 0.5, policy.win_rate_margin))
    return tuple(endpoints)


def _endpoint(name: EndpointName, values: Sequence[float], neutral: float, margin: float) -> Endpoint:
    bounds = _within(t_bounds(values), *_RANGE[name])
    floor = neutral - margin
    standing: Standing = "undecided"
    needed = None
    if bounds.lower > floor:
        standing = "non-inferior"
    elif bounds.upper < neutral:
        standing = "regressed"
    elif not math.isnan(bounds.mean):
        ways = (
            questions_needed(bounds, bounds.mean - floor),
            questions_needed(bounds, neutral - bounds.mean),
        )
        needed = min((n for n in ways if n is not None), default=None)
    return Endpoint("grade" if name == "grade" else "win rate", bounds, neutral, margin, standing, needed)


def _within(bounds: Bounds, least: float, most: float) -> Bounds:
    """Bounds of a mean never lie outside what its values can be; by Student's t of few values they may."""
    if bounds.n < 2:
        return bounds
    return replace(bounds, lower=max(bounds.lower, least), upper=min(bounds.upper, most))


def _categories(
    rows: Sequence[Row], expected: Sequence[Question], policy: Policy
) -> tuple[CategoryLine, ...]:
    lines = []
    for category in dict.fromkeys(question.category for question in expected):
        mine = [row for row in rows if row.category == category]
        graded = [(row, row.difference) for row in mine if row.difference is not None]
        differences = [difference for _, difference in graded]
        lines.append(
            CategoryLine(
                category=category,
                expected=sum(question.category == category for question in expected),
                judged=sum(row.judged for row in mine),
                baseline=_mean([row.grade("baseline") for row, _ in graded]),
                candidate=_mean([row.grade("candidate") for row, _ in graded]),
                difference=_within(t_bounds(differences), *_RANGE["grade"]) if graded else None,
                critical=policy.is_critical(category),
            )
        )
    return tuple(lines)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


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


def _critical_losses(
    rows: Sequence[Row], categories: Sequence[CategoryLine], policy: Policy
) -> Iterator[str]:
    """What a critical category lost: any question by more than its margin, or its mean beyond chance."""
    for line in categories:
        if not line.critical:
            continue
        margin = policy.margin_of_question(line.category)
        drops = [(row.difference or 0, row) for row in rows if row.category == line.category]
        for drop, row in sorted(drops, key=lambda pair: pair[0]):
            if drop < -margin:
                yield (
                    f"{line.category} is critical: question {row.question_id} dropped {-drop:.2f} points, "
                    f"more than {margin:g}"
                )
        if line.difference is not None and line.difference.upper < 0:
            mean, upper = points(line.difference.mean), points(line.difference.upper)
            yield (
                f"{line.category} is critical: mean grade difference {mean}: "
                f"its 95 % upper bound {upper} lies below 0"
            )


def _because(endpoints: Sequence[Endpoint], standing: Standing) -> list[str]:
    return [explain(endpoint) for endpoint in endpoints if endpoint.standing == standing]


def explain(endpoint: Endpoint) -> str:
    """Which bound lies where, in a sentence."""
    bounds, floor = endpoint.bounds, endpoint.neutral - endpoint.margin
    if bounds.n < 2:
        return f"{endpoint.name}: bounds need at least 2 questions judged, there are {bounds.n}"
    show = points if endpoint.name == "grade" else percent
    what = "mean grade difference" if endpoint.name == "grade" else "win rate"
    lower = f"its 95 % lower bound {show(bounds.lower)}"
    match endpoint.standing:
        case "non-inferior":
            return f"{what} {show(bounds.mean)}: {lower} lies above the margin {show(floor)}"
        case "regressed":
            upper = f"its 95 % upper bound {show(bounds.upper)}"
            equal = "0" if endpoint.name == "grade" else show(endpoint.neutral)
            return f"{what} {show(bounds.mean)}: {upper} lies below {equal}"
    more = (
        f"about {endpoint.settled_by} questions would settle it"
        if endpoint.settled_by
        else "no number of questions would settle it as it stands"
    )
    return f"{what} {show(bounds.mean)}: {lower} does not lie above {show(floor)}; {more}"


def points(value: float) -> str:
    """A grade difference, always signed."""
    return f"{value:+.2f}"


def percent(value: float) -> str:
    """A share."""
    return f"{100 * value:.1f} %"


# Worst first: what a bench decided outweighs what another one could not.
EXIT_STATUS: dict[Outcome, int] = {"REGRESSION": 20, "NO VERDICT": 22, "INCONCLUSIVE": 21}


def exit_status(outcomes: Sequence[Outcome], tests: int) -> int:
    """The exit status of a run.

    Args:
        outcomes: One a bench; PASS and PARTIAL leave the status to the tests.
        tests: pytest's own status: 0, 1 for failed tests, or 2 to 5, which stay.
    """
    if tests not in (0, 1):
        return tests
    return next((status for outcome, status in EXIT_STATUS.items() if outcome in outcomes), tests)
