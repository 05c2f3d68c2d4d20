"""Pure numerics of the decision: the question is the unit, never a turn or a game."""

from __future__ import annotations

from mtbench_pytest.gate.stats.bounds import (
    CONFIDENCE,
    Estimate,
    Moments,
    mean_difference,
    t_quantile,
    win_rate,
)
from mtbench_pytest.gate.stats.control_variate import ControlVariate
from mtbench_pytest.gate.stats.exact import count_test, flip_test, holm, sign_test
from mtbench_pytest.gate.stats.false_alarms import any_of, turn_chance
from mtbench_pytest.gate.stats.normal import above, both_above, correlation
from mtbench_pytest.gate.stats.power import questions_needed, questions_to_see, smallest_difference

__all__ = [
    "CONFIDENCE",
    "ControlVariate",
    "Estimate",
    "Moments",
    "above",
    "any_of",
    "both_above",
    "correlation",
    "count_test",
    "flip_test",
    "holm",
    "mean_difference",
    "questions_needed",
    "questions_to_see",
    "sign_test",
    "smallest_difference",
    "t_quantile",
    "turn_chance",
    "win_rate",
]
