"""The win rate at equal length."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from mtbench_pytest.gate.stats.bounds import CONFIDENCE, t_quantile

FEWEST_DECIDED = 10  # comparisons with a winner; a slope from fewer says nothing
_STEPS = 50
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison.

    Attributes:
        question: Comparisons of one question are a cluster.
        longer_by: Length of the candidate's answer less the baseline's, in characters.
        score: The candidate's: win 1, tie 0.5, loss 0.
        weight: One over the comparisons of its question, so that each question counts once.
    """

    question: Hashable
    longer_by: float
    score: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Controlled:
    """The win rate at equal length, with one-sided bounds.

    Attributes:
        slope: Of the log-odds of a win, for one unit of tanh: positive where the longer answer is preferred.
        extrapolated: One side's answer was the longer one in every comparison: equal length was never seen.
    """

    win_rate: float
    lower: float
    upper: float
    slope: float
    extrapolated: bool


def length_controlled(compared: Sequence[Compared], confidence: float = CONFIDENCE) -> Controlled | str:
    """The win rate there would be if both answers were of one length, as AlpacaEval 2 defines it.

    logit P(win) = θ + φ · tanh(longer_by / sd(longer_by)) is fitted by maximum likelihood, a tie as half a
    win, and evaluated at longer_by = 0: the win rate is logistic(θ). Source: Dubois et al. 2024,
    Length-Controlled AlpacaEval, arXiv 2404.04475, section 3. Their term for a question's difficulty is
    estimated over many models and has nothing to be estimated from here; nor has their penalty, which takes
    further answers of the baseline that were made longer and shorter. Bounds: cluster-robust (Liang and
    Zeger 1986, Longitudinal data analysis using generalized linear models, Biometrika 73), by question, on
    the scale of θ.

    Args:
        compared: In any order; the result does not depend on it.
        confidence: Of each bound on its own.

    Returns:
        Why there is none, in words, where the fit fails.
    """
    if problem := _problem(compared):
        return problem
    import numpy as np

    weight = np.array([one.weight for one in compared])
    score = np.array([one.score for one in compared])
    longer_by = np.array([one.longer_by for one in compared], float)
    tanh = np.tanh(longer_by / longer_by.std(ddof=1))
    # Fitted about the mean, where the two columns have nothing in common, and read off at 0.
    centre, unit = tanh.mean(), tanh.std()
    if unit < _CLOSE:
        return "no two answers are near each other in length"
    design = np.column_stack([np.ones_like(tanh), (tanh - centre) / unit])
    at_equal = np.array([1.0, -centre / unit])
    at = np.zeros(2)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design @ at))
        information = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        step = np.linalg.solve(information, design.T @ (weight * (score - chance)))
        # A step of many log-odds may lead astray; what leads uphill still does where it is shorter.
        at = at + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < _CLOSE:
            break
    else:
        return "the fit has no end"
    numbers = {question: n for n, question in enumerate(dict.fromkeys(one.question for one in compared))}
    pull = np.zeros((len(numbers), 2))
    residual = weight * (score - chance)
    np.add.at(pull, [numbers[one.question] for one in compared], design * residual[:, None])
    reach = pull @ np.linalg.solve(information, at_equal)
    m = len(numbers)
    half = t_quantile(confidence, m - 2) * math.sqrt(float(reach @ reach) * m / (m - 1))
    theta, slope = float(at_equal @ at), float(at[1] / unit)
    one_way = bool((longer_by > 0).all() or (longer_by < 0).all())
    return Controlled(_logistic(theta), _logistic(theta - half), _logistic(theta + half), slope, one_way)


def _problem(compared: Sequence[Compared]) -> str:
    """Why there is nothing to fit, or ""."""
    decided = sum(one.score != 0.5 for one in compared)
    if decided < FEWEST_DECIDED or len({one.question for one in compared}) < 3:
        return f"{decided} comparisons have a winner, of which it takes {FEWEST_DECIDED}"
    if len({one.longer_by for one in compared}) < 2:
        return "the difference in length is the same everywhere"
    # The maximum is at infinity where a length parts wins from losses (Albert and Anderson 1984, On the
    # existence of maximum likelihood estimates in logistic regression models, Biometrika 71). A tie is half
    # of either.
    won = [one.longer_by for one in compared if one.score > 0]
    lost = [one.longer_by for one in compared if one.score < 1]
    if not won or not lost:
        return f"every comparison was {'lost' if lost else 'won'}"
    if min(won) >= max(lost) or min(lost) >= max(won):
        return "the length alone tells who won"
    return ""


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))
