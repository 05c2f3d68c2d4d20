"""How often a judge and people name the same winner: table 5 of Zheng et al. 2023 (arXiv 2306.05685).

The counting rule, which gives that table to the vote (it is that of FastChat's `compute_agreement.py`):

- Each vote of a person is compared with the judge's one verdict on the same question, turn and two models,
  whichever of the two stands first in a file. People are compared with one another by every pair of their
  votes on one thing.
- Ties in: a tie is an answer like the others, a judge's tie because its two orders disagree too. Two votes
  agree where they name the same model, or are both ties.
- Ties out: a pair of votes is left out where either of them is a tie.
- The paper's authors voted too; the table leaves them out.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mtbench_pytest.cli.agreement.votes import Vote, Winner, last_of_each
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.gate.stats.kappa import kappa, kappa_interval

_Cells = Callable[[int, int], Iterable[tuple[int, int]]]  # where a pair of votes stands in a table

AUTHORS = "author"  # what the names of the paper's authors begin with in its data


@dataclass(frozen=True, slots=True)
class Count:
    """How many of `n` pairs of votes agree."""

    agree: int
    n: int

    @property
    def share(self) -> float | None:
        """As a share; None of none."""
        return self.agree / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class TurnLine:
    """A line of table 5.

    Attributes:
        ties: Whether ties are counted.
        judge: The judge with people.
        people: People with one another.
    """

    turn: int
    ties: bool
    judge: Count
    people: Count


@dataclass(frozen=True, slots=True)
class Accord:
    """How far two kinds of voters agree over all turns, ties in.

    Attributes:
        count: Pairs of votes.
        questions: On how many questions these are.
        kappa: Cohen's, over win, loss and tie; None where it is not defined.
        lower: Of its 95 % interval, over questions; None for fewer than two.
        upper: The other end.
    """

    count: Count
    questions: int
    kappa: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class CategoryAccord:
    """The same for the questions of one category."""

    category: str
    judge: Accord
    people: Accord


@dataclass(frozen=True, slots=True)
class Electorate:
    """Whose votes were counted, and what was set aside.

    Attributes:
        verdicts: The judge's, one for each thing it compared.
        inconsistent: Of these, ties because the judge's two orders disagree.
        failed: Things of which the judge's call failed.
        votes: People's that stand beside a verdict.
        people: Whose these are.
        unmatched: People's votes on what the judge did not compare.
        aside: People's votes left out because of the voter's name.
        elsewhere: People's votes on questions that are not in the bench.
        replaced: Votes and verdicts left out because the same voter's later one is about the same thing.
    """

    verdicts: int
    inconsistent: int
    failed: int
    votes: int
    people: int
    unmatched: int
    aside: int
    elsewhere: int
    replaced: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What `mtbench agreement` found.

    Attributes:
        judge: Its name.
        turns: Table 5, ties in before ties out.
        overall: The judge with people.
        people: People with one another.
        categories: In the order of the bench; empty without one.
    """

    judge: str
    turns: tuple[TurnLine, ...]
    overall: Accord
    people: Accord
    categories: tuple[CategoryAccord, ...]
    electorate: Electorate


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two votes on one thing: the judge's and a person's, or two people's."""

    question_id: QuestionId
    turn: int
    one: Winner
    other: Winner


def agreement(
    judge: Sequence[Vote],
    human: Sequence[Vote],
    categories: Mapping[QuestionId, str] | None = None,
    *,
    aside: str = AUTHORS,
    seed: int = 0,
) -> Agreement:
    """Compares a judge's verdicts with people's votes, and these with one another.

    Args:
        judge: The votes of one judge.
        human: People's; votes under the judge's own name are none of theirs.
        categories: By question, where there is a bench: votes on other questions are then left out.
        aside: People whose name begins so are left out; "" leaves out nobody.
        seed: Of the draws behind the intervals.

    Raises:
        MTBenchError: Where no vote stands beside a verdict.
    """
    name = judge[0].voter
    of_people = [vote for vote in human if vote.voter != name]
    counted = [vote for vote in of_people if not (aside and vote.voter.startswith(aside))]
    bound, latest = last_of_each(judge), last_of_each(counted)
    verdicts = {vote.about: vote for vote in bound if vote.winner != "error"}
    votes = [vote for vote in latest if vote.winner != "error"]
    here = [vote for vote in votes if categories is None or vote.question_id in categories]
    matched = [vote for vote in here if vote.about in verdicts]
    if not matched:
        raise MTBenchError(_nothing_in_common(name, len(counted), len(votes) - len(here)))
    with_people = [_pair(verdicts[vote.about], vote) for vote in matched]
    among_people = list(_among(here))
    return Agreement(
        judge=name,
        turns=tuple(_turn_lines(with_people, among_people)),
        overall=_accord(with_people, _judge_cells, seed),
        people=_accord(among_people, _people_cells, seed),
        categories=tuple(_by_category(with_people, among_people, categories or {}, seed)),
        electorate=Electorate(
            verdicts=len(verdicts),
            inconsistent=sum(vote.inconsistent for vote in verdicts.values()),
            failed=len(bound) - len(verdicts),
            votes=len(matched),
            people=len({vote.voter for vote in matched}),
            unmatched=len(here) - len(matched),
            aside=len(of_people) - len(counted),
            elsewhere=len(votes) - len(here),
            replaced=len(judge) - len(bound) + len(counted) - len(latest),
        ),
    )


def _nothing_in_common(judge: str, votes: int, elsewhere: int) -> str:
    if not votes:
        return f"judge {judge}: no vote of a person to compare it with; expected some in the human file"
    if elsewhere == votes:
        return (
            f"judge {judge}: all {votes} votes are on questions that are not in the bench; expected its own"
        )
    return (
        f"judge {judge}: none of the {votes} votes is on anything that it compared; "
        "expected the same question ids, turns and names of models in both files"
    )


def _pair(one: Vote, other: Vote) -> _Pair:
    return _Pair(one.question_id, one.turn, one.winner, other.winner)


def _among(votes: Iterable[Vote]) -> Iterator[_Pair]:
    """Every two people's votes on one thing."""
    by_thing: dict[Hashable, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_thing[vote.about].append(vote)
    for found in by_thing.values():
        yield from (_pair(one, other) for one, other in combinations(found, 2))


def _turn_lines(judge: Sequence[_Pair], people: Sequence[_Pair]) -> Iterator[TurnLine]:
    for turn in sorted({pair.turn for pair in judge}):
        for ties in (True, False):
            of_turn = ([pair for pair in pairs if pair.turn == turn] for pairs in (judge, people))
            yield TurnLine(turn, ties, *(_count(pairs, ties=ties) for pairs in of_turn))


def _count(pairs: Iterable[_Pair], *, ties: bool = True) -> Count:
    counted = [pair for pair in pairs if ties or "tie" not in (pair.one, pair.other)]
    return Count(sum(pair.one == pair.other for pair in counted), len(counted))


def _by_category(
    judge: Sequence[_Pair], people: Sequence[_Pair], categories: Mapping[QuestionId, str], seed: int
) -> Iterator[CategoryAccord]:
    for category in dict.fromkeys(categories.values()):
        of_judge, of_people = (
            [pair for pair in pairs if categories[pair.question_id] == category] for pairs in (judge, people)
        )
        yield CategoryAccord(
            category, _accord(of_judge, _judge_cells, seed), _accord(of_people, _people_cells, seed)
        )


_PLACE: Mapping[Winner, int] = {"first": 0, "second": 1, "tie": 2}
_SWAPPED = (1, 0, 2)  # places where the two models change theirs


def _judge_cells(judge: int, person: int) -> Iterable[tuple[int, int]]:
    """Where a pair of votes stands in the table: once as it is, and once with the two models swapped.

    Which model's name comes first means nothing, and so may not move the margins that chance is taken from.
    """
    return ((judge, person), (_SWAPPED[judge], _SWAPPED[person]))


def _people_cells(one: int, other: int) -> Iterable[tuple[int, int]]:
    """The same, and with the two people swapped: neither is the first."""
    return (*_judge_cells(one, other), *_judge_cells(other, one))


def _accord(pairs: Sequence[_Pair], cells: _Cells, seed: int) -> Accord:
    import numpy as np

    places = {question_id: n for n, question_id in enumerate(dict.fromkeys(p.question_id for p in pairs))}
    tables = np.zeros((len(places), 3, 3), dtype=np.int64)
    for pair in pairs:
        for row, column in cells(_PLACE[pair.one], _PLACE[pair.other]):
            tables[places[pair.question_id], row, column] += 1
    found = (float(kappa(tables.sum(axis=0))), *kappa_interval(tables, seed))
    known = (None if math.isnan(value) else value for value in found)
    return Accord(_count(pairs), len(places), *known)
