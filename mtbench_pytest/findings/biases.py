"""What is known to sway judges, measured in a run's rows. None of it changes a grade or the decision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mtbench_pytest.bench.checks import fault
from mtbench_pytest.bench.languages import MOST, spread
from mtbench_pytest.core.records import SIDES, Answer, Question, QuestionId, Reply, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import percent, points, printable
from mtbench_pytest.findings.base import Facts
from mtbench_pytest.findings.injection import Kind, delimiters, find
from mtbench_pytest.findings.languages import Spoken, spoken_by
from mtbench_pytest.findings.length_control import Compared, Controlled, length_controlled
from mtbench_pytest.findings.model_names import (
    Kinship,
    kinship_of,
    one_family_line,
    one_family_result,
)

_NAMED = 5  # questions in a line of the summary

_SHOWN = 30  # passages in the report; all are in result.json

_WORTH_SAYING = 0.05  # by which the win rate at equal length differs from the win rate

_WITHOUT_DIFFICULTY = (
    "AlpacaEval 2's model (Dubois et al. 2024) without its term for a question's difficulty, which a single "
    "pair of models cannot tell"
)


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
        kinship=kinship_of(parties),
    )


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


def biases_result(found: Biases) -> dict[str, Any]:
    """As in `result.json`; `length_controlled` holds figures, or says why there are none."""
    controlled = found.controlled
    return {
        "replies": {
            side: {**asdict(replies), "addressing": replies.addressing}
            for side, replies in found.replies.items()
        },
        "by_length": {length: asdict(group) for length, group in found.lengths.items()},
        "win_rate": found.win_rate,
        "length_controlled": asdict(controlled) if isinstance(controlled, Controlled) else controlled or None,
        "one_family": one_family_result(found.kinship),
    }


def biases_lines(found: Biases) -> Iterator[str]:
    """For the summary: at most two lines, and none where there is nothing to say."""
    if any(replies.attempts for replies in found.replies.values()):
        yield _addressing_line(found.replies)
    parts = []
    parts += [one_family_line(judge, kin) for judge, kin in found.kinship.items()]
    controlled, rate = _trusted(found), found.win_rate
    if controlled and rate is not None and abs(controlled.win_rate - rate) >= _WORTH_SAYING:
        parts.append(f"at equal length the win rate would be {percent(controlled.win_rate)}")
    broken = {side: replies.empty + replies.looping for side, replies in found.replies.items()}
    if any(broken.values()):
        parts.append(f"empty or looping replies: {_by_side(broken)}")
    if parts:
        yield f"biases: {'; '.join(parts)}"


def _addressing_line(replies: Mapping[Side, Replies]) -> str:
    counts = {side: len(one.addressing) for side, one in replies.items()}
    questions = list(dict.fromkeys(number for side in SIDES for number in replies[side].addressing))
    return f"answers that address the judge: {_by_side(counts)}: {_questions(questions)}"


def _questions(questions: Sequence[QuestionId]) -> str:
    named = ", ".join(map(str, questions[:_NAMED]))
    more = f" and {len(questions) - _NAMED} more" if len(questions) > _NAMED else ""
    return f"question{'s' if len(questions) > 1 else ''} {named}{more}"


def _by_side(counts: Mapping[Side, int]) -> str:
    return ", ".join(f"{side} {counts[side]}" for side in SIDES)


def biases_markdown(found: Biases, spoken: Mapping[Side, Spoken]) -> Iterator[str]:
    """The report's section, or nothing where nobody answered.

    Args:
        spoken: In which languages the sides replied.
    """
    if not any(replies.n for replies in found.replies.values()):
        return
    yield from ("", "## Known biases", "", "They change no grade and not the decision.", "")
    yield f"| | {' | '.join(SIDES)} |"
    yield f"|{' --- |' * (len(SIDES) + 1)}"
    for name, cells in _side_rows(found.replies, spoken):
        yield f"| {name} | {' | '.join(cells)} |"
    yield from _length_section(found)
    for judge, kin in found.kinship.items():
        yield ""
        yield (
            f"**Warning:** {one_family_line(judge, kin)}, by their names. Judges tend to favour texts of "
            "their own kind (Panickssery et al. 2024)."
        )
    yield from _attempts(found.replies)


def _side_rows(
    replies: Mapping[Side, Replies], spoken: Mapping[Side, Spoken]
) -> Iterator[tuple[str, list[str]]]:
    sides = [replies[side] for side in SIDES]
    some = any(one.looked_at < one.n for one in sides)
    of = [f" of {one.looked_at:,}" if some else "" for one in sides]
    yield "replies", [f"{one.n:,}" for one in sides]
    yield (
        "mean length of a reply in characters",
        [f"{one.characters:,.0f}" if one.n else "-" for one in sides],
    )
    yield "cut off by a token limit", [str(one.capped) for one in sides]
    yield "empty", [f"{one.empty}{n}" for one, n in zip(sides, of, strict=True)]
    yield "caught in a loop", [f"{one.looping}{n}" for one, n in zip(sides, of, strict=True)]
    yield (
        "the question or an earlier reply once more",
        [f"{one.repeating}{n}" for one, n in zip(sides, of, strict=True)],
    )
    if any(told.checked for told in spoken.values()):
        yield (
            "in another language than the question's",
            [f"{spoken[side].checked - spoken[side].own} of {spoken[side].checked:,}" for side in SIDES],
        )
    yield (
        "answers that address the judge",
        [
            f"{len(one.addressing)}{f' in {one.read:,} replies read' if one.read < one.n else ''}"
            for one in sides
        ],
    )


def _length_section(found: Biases) -> Iterator[str]:
    yield ""
    yield "| the candidate's answer is | comparisons | win rate | questions | mean grade difference |"
    yield f"|{' --- |' * 5}"
    for length, group in found.lengths.items():
        won = "-" if group.win_rate is None else percent(group.win_rate)
        difference = "-" if group.difference is None else points(group.difference)
        yield f"| {length} | {group.comparisons} | {won} | {group.questions} | {difference} |"
    controlled, rate = _trusted(found), found.win_rate
    if controlled is None or rate is None:
        return
    yield ""
    yield (
        f"The win rate is {percent(rate)}; at equal length it would be {percent(controlled.win_rate)} "
        f"(95 % bounds {percent(controlled.lower)} and {percent(controlled.upper)}), by "
        f"{_WITHOUT_DIFFICULTY}."
    )


def _trusted(found: Biases) -> Controlled | None:
    """The win rate at equal length; None where the fit failed, or where equal length was never seen."""
    controlled, rate = found.controlled, found.win_rate
    if not isinstance(controlled, Controlled) or rate is None or controlled.extrapolated:
        return None
    # As alpaca_eval doubts it: by more than ten points and a quarter of the way to 0 or 1.
    change = controlled.win_rate - rate
    return None if abs(change) > max(0.10, (rate if change < 0 else 1 - rate) / 4) else controlled


def _attempts(replies: Mapping[Side, Replies]) -> Iterator[str]:
    found = [(side, attempt) for side in SIDES for attempt in replies[side].attempts]
    if not found:
        return
    yield ""
    yield "What addresses the judge. The grades are the judge's all the same:"
    yield ""
    for side, attempt in found[:_SHOWN]:
        passage = printable(attempt.passage).replace("`", "'")
        yield f"- question {attempt.question_id}, turn {attempt.turn}, {side}: {attempt.kind} `{passage}`"
    if len(found) > _SHOWN:
        yield f"- and {len(found) - _SHOWN} more, all in `result.json`"


class BiasesFinding:
    """What the run shows of known biases."""

    def __init__(self, facts: Facts) -> None:
        texts = [text for one in facts.bench.prompts.templates for text in (one.text, one.turn_text)]
        self._facts = facts
        self._found = biases(facts.rows, facts.by_id, facts.parties, delimiters(texts))

    def lines(self) -> Iterator[str]:
        """For the summary."""
        return biases_lines(self._found)

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return biases_markdown(self._found, self._facts.once(spoken_by))

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        return {"biases": biases_result(self._found)}
