"""A panel of judges: who of it stays, what each would decide alone, and how many votes they are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from mtbench_pytest.core.records import Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.leaving import LEAST, why_leaves, why_too_few

Winner = Side | str


@dataclass(frozen=True, slots=True)
class Panel:
    """Who judges.

    Attributes:
        judges: Names, in the order given; one alone is no panel.
        left: By name those that left, and why.
        rows: What those that stay said.
    """

    judges: tuple[str, ...]
    left: dict[str, str]
    rows: tuple[Row, ...]

    @property
    def staying(self) -> tuple[str, ...]:
        """Those whose mean counts."""
        return tuple(judge for judge in self.judges if judge not in self.left)

    @property
    def too_few(self) -> str:
        """Why there is no panel any more, or ""."""
        return why_too_few(len(self.judges), self.left)


def seat(rows: Sequence[Row], named: Sequence[str] = ()) -> Panel:
    """Who of a panel stays, by what the rows show; a judge that leaves counts on none of them.

    Args:
        named: The judges, where there may be no row that names them.
    """
    judges = tuple(dict.fromkeys(judge for row in rows for judge in row.judges)) or tuple(named)
    if len(judges) < LEAST:
        return Panel(judges, {}, tuple(rows))
    told = {judge: why for row in rows for judge, why in row.left.items()}
    found = {judge: told.get(judge) or why_leaves([row.by([judge]) for row in rows]) for judge in judges}
    left = {judge: why for judge, why in found.items() if why}
    staying = [judge for judge in judges if judge not in left]
    return Panel(judges, left, tuple(row.by(staying) for row in rows))


@dataclass(frozen=True, slots=True)
class Pair:
    """How far two judges agree.

    Attributes:
        judges: Their names.
        n: Questions that both graded on both sides.
        correlation: Pearson's, of their grade differences over these; None where one of them never varies.
        compared: Turns that both compared.
        same: Of these, those of which they name the same winner, or both a tie.
        kappa: Cohen's, over win, tie and loss; None where it is not defined.
    """

    judges: tuple[str, str]
    n: int
    correlation: float | None
    compared: int
    same: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Concord:
    """How far the judges of a panel agree, and how many independent ones they are worth.

    Attributes:
        judges: How many they are.
        pairs: Of each two of them.
    """

    judges: int
    pairs: tuple[Pair, ...]

    @property
    def correlation(self) -> float | None:
        """The mean over the pairs; None where that of no pair is known."""
        return _mean([pair.correlation for pair in self.pairs])

    @property
    def kappa(self) -> float | None:
        """The mean over the pairs; None where that of no pair is known."""
        return _mean([pair.kappa for pair in self.pairs])

    @property
    def votes(self) -> float | None:
        """How many independent judges the panel is worth, from 1 to as many as it has.

        Kish's effective sample size, k / (1 + (k - 1) r), with the mean correlation r of the grade
        differences of k judges over questions (Kish 1965, Survey Sampling, section 5.4; for panels of LLM
        judges Kohli 2026, Nine Judges, Two Effective Votes, arXiv 2605.29800). What judges rightly see alike
        correlates too: without people's grades the two cannot be told apart, so the figure is rather too low.
        """
        if (correlation := self.correlation) is None:
            return None
        return self.judges / (1 + (self.judges - 1) * max(correlation, 0.0))


def concord(rows: Sequence[Row], judges: Sequence[str]) -> Concord:
    """How far judges agree on the same rows."""
    return Concord(len(judges), tuple(_pair(rows, one, other) for one, other in combinations(judges, 2)))


def _pair(rows: Sequence[Row], one: str, other: str) -> Pair:
    views = [(row.by([one]), row.by([other])) for row in rows]
    graded = [
        (first, second)
        for a, b in views
        if (first := a.difference) is not None and (second := b.difference) is not None
    ]
    compared = [winners for a, b in views for winners in _winners(a, b)]
    same = sum(first == second for first, second in compared)
    return Pair((one, other), len(graded), _correlation(graded), len(compared), same, _kappa(compared))


def _winners(one: Row, other: Row) -> list[tuple[Winner, Winner]]:
    """Of each turn that both compared the two winners; a tie of identical answers asked neither."""
    theirs = {verdict.turn: verdict.winner for verdict in other.verdicts if verdict.games}
    mine = [verdict for verdict in one.verdicts if verdict.games and verdict.turn in theirs]
    return [(verdict.winner, theirs[verdict.turn]) for verdict in mine]


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    n = len(pairs)
    if n < 3:  # two points lie on a line
        return None
    means = [math.fsum(pair[at] for pair in pairs) / n for at in (0, 1)]
    off = [(one - means[0], other - means[1]) for one, other in pairs]
    spread = math.fsum(a * a for a, _ in off) * math.fsum(b * b for _, b in off)
    if spread < 1e-18:  # points; one of the judges sees no difference anywhere
        return None
    return math.fsum(a * b for a, b in off) / math.sqrt(spread)


def _kappa(winners: Sequence[tuple[Winner, Winner]]) -> float | None:
    """Cohen's kappa, see `kappa.kappa`."""
    if not winners:
        return None
    import numpy as np

    from mtbench_pytest.gate.stats.kappa import kappa

    places = {"candidate": 0, "tie": 1, "baseline": 2}
    table = np.zeros((3, 3), dtype=np.int64)
    for one, other in winners:
        table[places[one], places[other]] += 1
    found = float(kappa(table))
    return None if math.isnan(found) else found


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


@dataclass(frozen=True, slots=True)
class Seat:
    """One judge of a panel.

    Attributes:
        left: Why it left the panel; "" where it stayed.
        alone: What would be decided by its judgments alone; None where it left, or nothing is decided.
        without: What the others would decide without it; None likewise.
    """

    judge: str
    left: str
    alone: Decision | None = None
    without: Decision | None = None


@dataclass(frozen=True, slots=True)
class PanelView:
    """What a run shows of its panel.

    Attributes:
        seats: One a judge, in the order given.
        concord: Of those that stayed.
        decided_by: The judges without whom the decision would be another one.
    """

    seats: tuple[Seat, ...]
    concord: Concord
    decided_by: tuple[str, ...] = ()

    def left(self, judge: str) -> str:
        """Why a judge left, or ""."""
        return next((seat.left for seat in self.seats if seat.judge == judge), "")


def view_of(
    panel: Panel,
    decision: Decision | None = None,
    decide: Callable[[Sequence[Row]], Decision] | None = None,
) -> PanelView:
    """What a run shows of its panel.

    Args:
        decision: The panel's; None where the run decides nothing.
        decide: Makes one of other rows.
    """
    seats = []
    for judge in panel.judges:
        if decision is None or decide is None or judge in panel.left:
            seats.append(Seat(judge, panel.left.get(judge, "")))
            continue
        others = [other for other in panel.staying if other != judge]
        alone = decide([row.by([judge]) for row in panel.rows])
        without = decide([row.by(others) for row in panel.rows]) if others else None
        seats.append(Seat(judge, "", alone, without))
    decided_by = tuple(
        seat.judge for seat in seats if decision and seat.without and seat.without.outcome != decision.outcome
    )
    return PanelView(tuple(seats), concord(panel.rows, panel.staying), decided_by)
