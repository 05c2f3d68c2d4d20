"""What a run's comparisons say of its judge: how often they flip, and how often where they should not.

A comparison flips where its two games, order swapped, disagree, also where one of them is a tie: what Zheng
et al. 2023 (arXiv 2306.05685, table 2) call consistency is the share of the others. Over a whole run flips
tell how near the two models are at least as much as how good the judge is: between equals a good judge flips
too. So whether a judge is fit to compare is told from the comparisons that should be clear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from mtbench_pytest.core.records import QuestionId, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import percent
from mtbench_pytest.gate.stats.proportions import Share, clustered_share

CLEAR = 2.0  # points between two answers that no judge should confuse
# Of the clear comparisons; on real records usable judges flip in 6 to 20 % of them, an unfit one in 67 %.
MOST_CLEAR_FLIPS = 0.40
ENOUGH_COMPARED = 10  # comparisons; from fewer nothing can be told
_FULL = 0.40  # the consistent share of comparisons from which a win rate shows as much as it can


def flips_of(verdicts: Iterable[Verdict]) -> Share:
    """The comparisons that flip, clustered by question; identical answers do not count."""
    found: dict[QuestionId, list[bool]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.games:
            found[verdict.question_id].append(not verdict.consistent)
    return clustered_share((sum(flips), len(flips)) for flips in found.values())


def clear_flips(rows: Sequence[Row]) -> Share:
    """The comparisons that flip, of those that should be clear.

    A comparison is clear where the judge's own grades lie at least `CLEAR` points apart, those of the turn
    compared and the means over the turns that the comparison shows, in the same direction.
    """
    return flips_of(verdict for row in rows for verdict in row.verdicts if _clear(row, verdict.turn))


def why_unfit(rows: Sequence[Row]) -> str:
    """Why nothing may rest on this judge's comparisons, in a sentence; "" where it may, or too few can tell.

    It takes more than chance: the one-sided 95 % lower bound must lie above `MOST_CLEAR_FLIPS`. Of a panel
    each judge is looked at by itself (`leaving.py`), for one judge's games say nothing of another's grades.
    """
    if any(len(row.judges) > 1 for row in rows):
        return ""
    flips = clear_flips(rows)
    if flips.clusters < 2 or flips.lower <= MOST_CLEAR_FLIPS:
        return ""
    return (
        f"the judge is not fit to compare: where its own grades lie {CLEAR:g} points or more apart, "
        f"{flips.hits} of {flips.n} comparisons flip with the order ({percent(flips.value)}, 95 % lower "
        f"bound {percent(flips.lower)}, above {percent(MOST_CLEAR_FLIPS)}); a fitter judge would settle it, "
        "or --mtbench-pairwise off"
    )


def scale_of(rows: Sequence[Row]) -> float:
    """What part of the win rate margin the comparisons of a run can bear: see `scale_at`."""
    return scale_at(flips_of(verdict for row in rows for verdict in row.verdicts))


def scale_at(flips: Share) -> float:
    """What part of the win rate margin a judge's comparisons can bear, from 0 to 1.

    A flip is a tie, so the more flip the less a win rate can move away from one half: where all flip it is
    one half whatever the models are. Win rates of public judges that flip in up to half of their
    comparisons moved as far as those of others (docs/gate.md); from `1 - _FULL` flips on the margin shrinks
    with the share of comparisons that do not flip.

    Args:
        flips: Of the comparisons of which both games were played.
    """
    return min(1.0, (1 - flips.value) / _FULL) if flips.n >= ENOUGH_COMPARED else 1.0


def _clear(row: Row, turn: int) -> bool:
    """Whether the grades of a turn, and those up to it, lie far apart."""
    steps = list(_steps(row, turn))
    if len(steps) < turn:
        return False
    both = (steps[-1], fmean(steps))
    return min(both) >= CLEAR or max(both) <= -CLEAR


def _steps(row: Row, turn: int) -> Iterator[float]:
    """The grade differences of the turns up to one, as far as they are known."""
    candidate, baseline = row.turn_grades("candidate"), row.turn_grades("baseline")
    for number in range(1, turn + 1):
        if number in candidate and number in baseline:
            yield candidate[number] - baseline[number]
