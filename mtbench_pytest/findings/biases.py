"""What is known to sway judges, measured in a run's rows. None of it changes a grade or the decision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtbench_pytest.bench.checks import fault
from mtbench_pytest.bench.languages import MOST, spread
from mtbench_pytest.core.records import SIDES, Answer, Question, QuestionId, Reply, Row, Side
from mtbench_pytest.findings.injection import Kind, find
from mtbench_pytest.findings.model_names import Kinship, kinship
from mtbench_pytest.gate.stats import Compared, Controlled, length_controlled

Length = Literal["longer", "shorter", "as long"]
_LENGTHS: tuple[Length, ...] = ("longer", "shorter", "as long")

_MOST_READ = 2000  # replies a side that are read for what addresses the judge: all, but of very large runs


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something in a reply that is meant for the judge, see `attack.find`.

    Attributes:
        turn: From 1.
        passage: The place, with what stands around it, on one line.
    """

    question_id: QuestionId
    turn: int
    kind: Kind
    passage: str


@dataclass(frozen=True, slots=True)
class Replies:
    """One side's replies.

    Attributes:
        n: How many there are.
        characters: Their mean length; nan where there are none.
        capped: Ended by a token limit.
        looked_at: Of which it is known how many are empty, are caught in a loop, or repeat the question or an
            earlier reply; of a side that has very many a thousand, evenly spread.
        read: Of which it is known whether they address the judge; two thousand at most.
        attempts: What addresses the judge, in the order of the rows.
    """

    n: int
    characters: float
    capped: int
    looked_at: int
    empty: int
    looping: int
    repeating: int
    read: int
    attempts: tuple[Attempt, ...]

    @property
    def addressing(self) -> tuple[QuestionId, ...]:
        """The questions whose answers address the judge."""
        return tuple(dict.fromkeys(attempt.question_id for attempt in self.attempts))


@dataclass(frozen=True, slots=True)
class ByLength:
    """What became of the candidate where its answer was longer, shorter or as long as the baseline's.

    Attributes:
        comparisons: Turns compared pairwise, by the lengths of the replies to that turn.
        win_rate: Of them (win 1, tie 0.5); None where there are none.
        questions: Graded on both sides, by the lengths of whole answers.
        difference: Their mean grade difference, in points; None where there are none.
    """

    comparisons: int
    win_rate: float | None
    questions: int
    difference: float | None


@dataclass(frozen=True, slots=True)
class Biases:
    """What a run shows of known biases.

    Attributes:
        win_rate: Of the questions compared, as the gate has it; None where there are none.
        controlled: The win rate at equal length, or why there is none; "" without comparisons.
        kinship: By judge the family it shares with a side; of those that do. One that judges alone is "".
    """

    replies: Mapping[Side, Replies]
    lengths: Mapping[Length, ByLength]
    win_rate: float | None
    controlled: Controlled | str
    kinship: Mapping[str, Kinship]


def biases(
    rows: Sequence[Row],
    questions: Mapping[QuestionId, Question],
    parties: Mapping[str, Any],
    delimiters: frozenset[str] = frozenset(),
) -> Biases:
    """Measures known biases.

    Args:
        rows: In the order of the bench.
        questions: By id.
        parties: By "candidate", "baseline" and "judge" a mapping with "name" and "spec"; of a panel the
            last has such ones under "judges".
        delimiters: The lines that open and close the parts of the judge prompts in use.
    """
    compared = list(_compared(rows))
    total = math.fsum(one.weight for one in compared)
    return Biases(
        replies={side: _replies(side, rows, questions, delimiters) for side in SIDES},
        lengths=_by_length(rows, compared),
        win_rate=math.fsum(one.weight * one.score for one in compared) / total if compared else None,
        controlled=length_controlled(compared) if compared else "",
        kinship=_kinship(parties),
    )


def _kinship(parties: Mapping[str, Any]) -> dict[str, Kinship]:
    judges = {judge["name"]: judge for judge in parties["judge"].get("judges", ())} or {"": parties["judge"]}
    return {name: kin for name, judge in judges.items() if (kin := kinship({**parties, "judge": judge}))}


def _answers(row: Row, side: Side) -> Iterator[Answer]:
    if side in row.answers:
        yield row.answers[side]
    yield from (sample.answer for sample in row.samples.get(side, ()))


def _replies(
    side: Side, rows: Sequence[Row], questions: Mapping[QuestionId, Question], delimiters: frozenset[str]
) -> Replies:
    said = [
        (answer, turn, reply)
        for row in rows
        for answer in _answers(row, side)
        for turn, reply in enumerate(answer.replies, 1)
    ]
    looked_at = spread(said, MOST)
    faults = Counter(found for part in looked_at if (found := _fault(questions, *part)))
    read = spread(said, _MOST_READ)
    return Replies(
        n=len(said),
        characters=sum(len(reply.text) for *_, reply in said) / len(said) if said else math.nan,
        capped=sum(reply.capped for *_, reply in said),
        looked_at=len(looked_at),
        empty=faults["empty"],
        looping=faults["loop"],
        repeating=faults["repeat"],
        read=len(read),
        attempts=tuple(
            Attempt(answer.question_id, turn, kind, passage)
            for answer, turn, reply in read
            for kind, passage in find(reply.text, delimiters)
        ),
    )


def _fault(questions: Mapping[QuestionId, Question], answer: Answer, turn: int, reply: Reply) -> str:
    question = questions.get(answer.question_id)
    asked = question.turns[turn - 1] if question else ""
    found = fault(reply, asked, answer.replies[: turn - 1])
    return found[0] if found else ""


def _compared(rows: Sequence[Row]) -> Iterator[Compared]:
    """The comparisons that the win rate rests on."""
    for row in rows:
        if row.score is None:
            continue  # not every comparison asked for could be had
        candidate, baseline = (row.answers[side].turns for side in SIDES)
        for verdict in row.verdicts:
            at = verdict.turn - 1
            longer_by = len(candidate[at]) - len(baseline[at])
            yield Compared(row.question_id, longer_by, verdict.score, row.weight(verdict))


def _by_length(rows: Sequence[Row], compared: Sequence[Compared]) -> dict[Length, ByLength]:
    scores: dict[Length, list[float]] = {length: [] for length in _LENGTHS}
    differences: dict[Length, list[float]] = {length: [] for length in _LENGTHS}
    for one in compared:
        scores[_length(one.longer_by)].append(one.score)
    for row in rows:
        if (difference := row.difference) is not None:
            candidate, baseline = (_characters(row, side) for side in SIDES)
            differences[_length(candidate - baseline)].append(difference)
    return {
        length: ByLength(
            len(scores[length]), _mean(scores[length]), len(differences[length]), _mean(differences[length])
        )
        for length in _LENGTHS
    }


def _length(longer_by: float) -> Length:
    return "longer" if longer_by > 0 else "shorter" if longer_by < 0 else "as long"


def _characters(row: Row, side: Side) -> float:
    """Length of a side's answer, all turns; the mean where it has several answers."""
    lengths = [sum(map(len, answer.turns)) for answer in _answers(row, side)]
    return sum(lengths) / len(lengths)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
