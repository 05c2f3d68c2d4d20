"""Pairs of models at a known true difference: what runs are drawn from.

A run draws as many questions of each category as the bench has, or a multiple, with replacement. Two ways
to bring a pair to a truth:

Exchanged. The two models of each question change places by a coin. They are then equal by construction; but
the squared mean difference is added to the variance, and what categories explain is wiped out, which is
unfair to a pair that lies far apart.

Shifted. The candidate's grades move by one amount a question: the mean difference becomes the true one;
each category's effect is shrunk to the size that is left when the noise of its own mean is taken off (a
method of moments), and what is left within a category is stretched by √(n / (n - 1)), for drawing from n
values with replacement shows (n - 1) / n of their variance. Of the games lost or won as many change their
winner as bring the win rate to the true one; how many flip stays as it was.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, variance

from _recorded import Pair, Winner, swapped

from mtbench_pytest.core.records import Judgment, Question, Verdict
from mtbench_pytest.core.row import Row

_OTHER: Mapping[Winner, Winner] = {"A": "B", "B": "A", "tie": "tie"}
PER_CATEGORY = 10  # questions, as MT-bench has
FEW = 6  # answers that collapse, in a truth that has some


@dataclass(frozen=True)
class Truth:
    """How the two models differ.

    Attributes:
        grade: The true mean grade difference.
        win_rate: The true win rate.
        exchanged: By exchange, not by shift.
        games: Whether the games decide too.
        collapsed: Answers of the candidate in each run that are graded 1 and lose.
        failed: Questions of each run that could not be judged.
    """

    name: str
    grade: float = 0.0
    win_rate: float = 0.5
    exchanged: bool = False
    games: bool = True
    collapsed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Population:
    """A pair at some true difference: by category its questions, each as it may be drawn.

    Attributes:
        ways: By category and question the two rows it may be, and the chance of the second.
    """

    truth: Truth
    ways: Mapping[str, Sequence[tuple[Row, Row, float]]]

    @classmethod
    def of(cls, pair: Pair, truth: Truth) -> Population:
        """The pair, brought to a true difference."""
        # What a recorded judge failed on would be drawn again and again; a truth of its own has failures.
        rows = [row for row in pair.rows if row.judged]
        if not truth.games:
            rows = [replace(row, game_turns=(), verdicts=()) for row in rows]
        drawn = [(row, swapped(row), 0.5) for row in rows] if truth.exchanged else list(_shifted(rows, truth))
        ways = defaultdict(list)
        for way in drawn:
            ways[way[0].category].append(way)
        return cls(truth, ways)

    def rows(self, times: int, generator: random.Random) -> list[Row]:
        """The rows of one run, of so many times the bench's questions."""
        drawn: list[Row] = []
        for ways in self.ways.values():
            for _ in range(times * PER_CATEGORY):
                first, second, chance = ways[generator.randrange(len(ways))]
                row = second if generator.random() < chance else first
                drawn.append(renamed(row, len(drawn)))
        hit = generator.sample(range(len(drawn)), self.truth.collapsed + self.truth.failed)
        for number in hit[: self.truth.collapsed]:
            drawn[number] = _collapsed(drawn[number])
        for number in hit[self.truth.collapsed :]:
            drawn[number] = replace(drawn[number], judgments={}, verdicts=())
        return drawn


def renamed(row: Row, number: int) -> Row:
    """The row as another question: what was drawn twice is two questions."""
    return replace(row, question_id=number)


def _shifted(rows: Sequence[Row], truth: Truth) -> Iterator[tuple[Row, Row, float]]:
    moved = _differences(rows, truth.grade)
    side, chance = _turned(rows, truth.win_rate)
    for row, difference in zip(rows, moved, strict=True):
        assert row.difference is not None
        now = _graded(row, difference - row.difference)
        turns = row.score is not None and side * (row.score - 0.5) > 0
        yield now, _reversed(now), chance if turns else 0.0


def _differences(rows: Sequence[Row], mean: float) -> list[float]:
    """Each question's difference as it is drawn: see the head of this page."""
    by_category: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        assert row.difference is not None
        by_category[row.category].append(row.difference)
    means = {category: fmean(values) for category, values in by_category.items()}
    within = fmean(variance(values) for values in by_category.values())
    size = fmean(map(len, by_category.values()))
    between = variance(means.values())
    left = math.sqrt(max(0.0, 1 - within / size / between)) if between else 0.0
    centre = fmean(row.difference for row in rows if row.difference is not None)
    found = []
    for row in rows:
        assert row.difference is not None
        n, own = len(by_category[row.category]), means[row.category]
        found.append(mean + left * (own - centre) + (row.difference - own) * math.sqrt(n / (n - 1)))
    off = fmean(found) - mean
    return [value - off for value in found]


def _turned(rows: Sequence[Row], win_rate: float) -> tuple[float, float]:
    """Of questions on which side of one half the games change their winner, and with which chance.

    Returns:
        1 for questions that the candidate won, -1 for those that it lost; and the chance.
    """
    scores = [row.score for row in rows if row.score is not None]
    if not scores:
        return 0.0, 0.0
    off = fmean(scores) - win_rate
    side = math.copysign(1.0, off)
    # To change the winner moves a score to 1 less it: by twice its distance from one half.
    reach = fmean(max(0.0, side * (2 * score - 1)) for score in scores)
    return side, abs(off) / reach if reach else 0.0


def _graded(row: Row, points: float) -> Row:
    """The row with the candidate's grades so many points higher."""

    def moved(judgments: Sequence[Judgment]) -> tuple[Judgment, ...]:
        return tuple(replace(judgment, grade=judgment.grade + points) for judgment in judgments)

    return replace(row, judgments={**row.judgments, "candidate": moved(row.judgments["candidate"])})


def _reversed(row: Row) -> Row:
    """The row with the winner of every game changed; a tie stays one."""
    return replace(row, verdicts=tuple(_other_way(verdict) for verdict in row.verdicts))


def _other_way(verdict: Verdict) -> Verdict:
    return _won(verdict, *(_OTHER[game.winner] for game in verdict.games))


def _collapsed(row: Row) -> Row:
    """The row, had the candidate broken down: graded 1, and lost in every game."""
    judgments = tuple(replace(judgment, grade=1.0) for judgment in row.judgments["candidate"])
    lost = tuple(_won(verdict, "B", "A") for verdict in row.verdicts)
    return replace(row, judgments={**row.judgments, "candidate": judgments}, verdicts=lost)


def _won(verdict: Verdict, *winners: Winner) -> Verdict:
    """The comparison with other winners of its two games."""
    first, second = (
        replace(game, winner=winner) for game, winner in zip(verdict.games, winners, strict=True)
    )
    return replace(verdict, games=(first, second))


def questions_of(rows: Sequence[Row]) -> list[Question]:
    """The questions that rows are about."""
    return [Question(row.question_id, row.category, ("", "")) for row in rows]
