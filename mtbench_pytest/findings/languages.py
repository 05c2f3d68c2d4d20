"""In which languages each side replied: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtbench_pytest.bench.languages import ENGLISH, MOST, detect, spread
from mtbench_pytest.core.records import SIDES, Question, QuestionId, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.base import Facts


def spoken_result(spoken: Mapping[Side, Spoken]) -> dict[str, Any]:
    """As in `result.json`: counts a side, and the share in the question's language."""
    return {side: {**asdict(found), "share": found.share} for side, found in spoken.items()}


def spoken_line(spoken: Mapping[Side, Spoken], language: str) -> str:
    """One line for the summary; empty where all is English and was to be."""
    told = {side: found for side, found in spoken.items() if found.checked}
    if not told or (language == ENGLISH and all(found.own == found.checked for found in told.values())):
        return ""
    return "language: " + "; ".join(f"{side} {_of(found)}" for side, found in told.items())


def spoken_markdown(spoken: Mapping[Side, Spoken], language: str) -> Iterator[str]:
    """The report's section, or nothing where no reply was long enough to tell."""
    if not any(found.checked for found in spoken.values()):
        return
    yield ""
    yield "## Language"
    yield ""
    yield f"The bench's language is {language}. Replies in the question's language, where it could be told:"
    yield ""
    for side, found in spoken.items():
        asides = [f"{n} exempt ({reason})" for reason, n in found.exempt.items()]
        asides += [f"{found.untold} too short to tell"] if found.untold else []
        yield f"- {side}: {_of(found)}" + (f"; {', '.join(asides)}" if asides else "")
        if found.left_out:
            yield f"  ({found.left_out} more replies were not looked at)"


def _of(found: Spoken) -> str:
    if found.share is None:
        return "none could be told"
    others = ", ".join(f"{n} {language}" for language, n in found.others.items())
    share = f"{found.own} of {found.checked} replies ({100 * found.share:.1f} %)"
    return f"{share}, else {others}" if others else share


@dataclass(frozen=True, slots=True)
class Spoken:
    """In which languages one side replied.

    Attributes:
        checked: Replies whose language could be told and mattered.
        own: Of these, in the question's language.
        others: The languages of the rest, with how many each.
        untold: Replies too short, or of too little prose, to tell.
        exempt: Replies that need not be in the question's language, by reason.
        left_out: Replies that were not looked at, of a side that has very many.
    """

    checked: int
    own: int
    others: Mapping[str, int]
    untold: int
    exempt: Mapping[str, int]
    left_out: int = 0

    @property
    def share(self) -> float | None:
        """The share in the question's language; None where nothing could be told."""
        return self.own / self.checked if self.checked else None


def spoken(rows: Sequence[Row], questions: Mapping[QuestionId, Question], default: str) -> dict[Side, Spoken]:
    """In which languages both sides replied.

    Args:
        rows: Of the run; of many replies a thousand a side, evenly spread, are looked at.
        questions: By id: their language, and which turns are exempt.
        default: The bench's language, for questions that state none.
    """
    return {side: _of_side(side, rows, questions, default) for side in SIDES}


def _of_side(
    side: Side, rows: Sequence[Row], questions: Mapping[QuestionId, Question], default: str
) -> Spoken:
    replies = [
        (questions[row.question_id], turn, text)
        for row in rows
        if side in row.answers and row.question_id in questions
        for turn, text in enumerate(row.answers[side].turns, 1)
    ]
    exempt, found, own = Counter[str](), Counter[str](), 0
    untold = 0
    for question, turn, text in spread(replies, MOST):
        if reason := question.exempt(turn):
            exempt[reason] += 1
            continue
        language = detect(text)
        if language is None:
            untold += 1
        elif language == (question.language or default):
            own += 1
        else:
            found[language] += 1
    left_out = max(0, len(replies) - MOST)
    return Spoken(own + found.total(), own, dict(found.most_common()), untold, dict(exempt), left_out)


def spoken_by(facts: Facts) -> Mapping[Side, Spoken]:
    """In which languages the sides replied."""
    return spoken(facts.rows, facts.by_id, facts.bench.language)


class LanguagesFinding:
    """In which languages the sides replied."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def lines(self) -> Iterator[str]:
        """For the summary."""
        if line := spoken_line(self._spoken, self._facts.bench.language):
            yield line

    def markdown(self) -> Iterator[str]:
        """A section of the report."""
        return spoken_markdown(self._spoken, self._facts.bench.language)

    def result(self) -> Mapping[str, Any]:
        """As in `result.json`."""
        return {"languages": spoken_result(self._spoken)}

    @property
    def _spoken(self) -> Mapping[Side, Spoken]:
        return self._facts.once(spoken_by)
