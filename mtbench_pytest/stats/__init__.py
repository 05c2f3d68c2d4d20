"""Pure numerics of the decision: the question is the unit, never a turn or a game."""

from __future__ import annotations

from mtbench_pytest.stats.bounds import CONFIDENCE, t_bounds, t_quantile, warm_up
from mtbench_pytest.stats.exact import sign_test
from mtbench_pytest.stats.lengths import Compared, Controlled, length_controlled
from mtbench_pytest.stats.power import questions_needed, questions_to_see, smallest_difference

__all__ = [
    "CONFIDENCE",
    "Compared",
    "Controlled",
    "length_controlled",
    "questions_needed",
    "questions_to_see",
    "sign_test",
    "smallest_difference",
    "t_bounds",
    "t_quantile",
    "warm_up",
]
