"""Pairs of models at a known true difference: what runs are drawn from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from _recorded import Pair, swapped

from mtbench_pytest.records import Question, Row


@dataclass(frozen=True)
class Truth:
    """How the two models differ.

    Attributes:
        difference: The true mean grade difference.
        games: Whether the games decide too.
    """

    name: str
    difference: float
    games: bool = True


EQUAL, WORSE, ON_MARGIN = Truth("0", 0.0), Truth("-1", -1.0), Truth("-0.5, grades", -0.5, games=False)


@dataclass(frozen=True)
class Population:
    """A pair at some true difference: each question either way round, and how often it is swapped."""

    kept: Sequence[Row]
    swapped: Sequence[Row]
    swaps: float
    pairwise: bool

    @classmethod
    def of(cls, pair: Pair, truth: Truth) -> Population:
        """The pair, brought to a true difference."""
        mean = float(pair.differences.mean())
        pairwise = truth.games and len(pair.scores) > 0
        rows: Sequence[Row] = pair.rows
        swaps = 0.0
        if truth.difference == 0:
            swaps = 0.5
        elif mean < truth.difference:
            swaps = (1 - truth.difference / mean) / 2
        else:
            rows = [_shifted(row, truth.difference - mean) for row in rows]
        if not pairwise:
            rows = [replace(row, game_turns=(), verdicts=()) for row in rows]
        return cls(rows, [swapped(row) for row in rows], swaps, pairwise)

    def rows(self, n: int, generator: random.Random) -> list[Row]:
        """The rows of one run of n questions."""
        drawn = []
        for number in range(n):
            side = self.swapped if generator.random() < self.swaps else self.kept
            drawn.append(replace(side[generator.randrange(len(side))], question_id=number))
        return drawn


def _shifted(row: Row, points: float) -> Row:
    """The row with the candidate's grades so many points higher."""
    grades = tuple(
        replace(judgment, grade=judgment.grade + points) for judgment in row.judgments["candidate"]
    )
    return replace(row, judgments={**row.judgments, "candidate": grades})


def questions_of(rows: Sequence[Row]) -> list[Question]:
    """The questions that rows are about."""
    return [Question(row.question_id, row.category, ("", "")) for row in rows]
