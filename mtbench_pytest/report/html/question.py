"""One question in `report.html`: both answers turn by turn, their grades and what the judge said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerFailure,
    Game,
    JudgeFailure,
    Judgment,
    Question,
    Reply,
    Side,
    Verdict,
)
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import failure_kind, games_text, samples_in_words
from mtbench_pytest.core.text import UNKNOWN, grade_text, points
from mtbench_pytest.report.html.elements import folded, prose, text

_MOST = 9.0  # points that a question can lose or win


def exchange(row: Row, question: Question | None, anchor: str, language: str = "") -> str:
    """A question that opens on a click.

    Args:
        question: What the row is about, where it is known.
        anchor: Its id on the page.
        language: The bench's, as an ISO 639-1 code; a question's own binds before it.
    """
    language = (question.language if question else "") or language
    inside = "".join(_inside(row, question, language))
    return f'<details class="question" id="{anchor}"><summary>{_title(row)}</summary>{inside}</details>\n'


def _title(row: Row) -> str:
    """One line: what it is, how both were graded, and what to look at."""
    grades = f"{grade_text(row.grade('baseline'))} → {grade_text(row.grade('candidate'))}"
    difference = UNKNOWN if row.difference is None else points(row.difference)
    chips = [_chip(f"{side} capped") for side in SIDES if side in row.answers and row.answers[side].capped]
    chips += [_chip(f"{len(row.failures)} failed", "bad")] if row.failures else []
    return (
        f'<span class="id">{text(row.question_id)}</span>'
        f'<span class="category">{text(row.category)}</span>'
        f'<span class="grades">{grades}</span>'
        f'<span class="difference {_colour(row)}">{difference}</span>{_bar(row)}'
        f'<span class="games">{text(games_text(row))} {"".join(chips)}</span>'
    )


def _colour(row: Row) -> str:
    difference = row.difference or 0
    return "bad" if difference < 0 else "good" if difference > 0 else "quiet"


def _bar(row: Row) -> str:
    """What the question lost to the left, what it won to the right."""
    width = round(50 * min(abs(row.difference or 0) / _MOST, 1.0), 1)
    left = 50 - width if (row.difference or 0) < 0 else 50
    return (
        '<svg class="loss" aria-hidden="true" width="100%" height="12">'
        '<line x1="50%" x2="50%" y1="0" y2="12"/>'
        f'<rect class="{_colour(row)}" x="{left:g}%" width="{width:g}%" y="2" height="8"/></svg>'
    )


def _chip(words: str, kind: str = "quiet") -> str:
    return f'<span class="chip {kind}">{text(words)}</span>'


def _inside(row: Row, question: Question | None, language: str) -> Iterator[str]:
    for failure in row.failures:
        if isinstance(failure, AnswerFailure):
            yield f'<p class="bad">{text(failure.model)} gave no answer: {text(failure.reason)}</p>'
    for line in samples_in_words(row):
        yield f'<p class="quiet">{text(line)}</p>'
    for turn in range(1, row.turns + 1):
        yield f'<section class="turn"><h4>turn {turn}</h4>'
        if question is not None:
            yield from _asked(question, turn, language)
        yield '<div class="sides">'
        for side in reversed(SIDES):
            yield from _side(row, side, turn, language)
        yield "</div>"
        for verdict in (verdict for verdict in row.verdicts if verdict.turn == turn):
            yield _verdict(verdict, named=len(row.judges) > 1)
        for failure in row.failures:
            if isinstance(failure, JudgeFailure) and failure.turn == turn:
                yield _failure(failure)
        yield "</section>"


def _asked(question: Question, turn: int, language: str) -> Iterator[str]:
    for message in question.opening if turn == 1 else ():
        yield f'<p class="who">{text(message.role)}</p>{prose(message.content, "asked", language)}'
    yield f'<p class="who">user</p>{prose(question.turns[turn - 1], "asked", language)}'
    if reference := (question.reference[turn - 1 : turn] or ("",))[0]:
        yield folded("reference answer", prose(reference, "said", language))


def _side(row: Row, side: Side, turn: int, language: str) -> Iterator[str]:
    answer = row.answers.get(side)
    graded = [judgment for judgment in row.judgments.get(side, ()) if judgment.turn == turn]
    grades = "".join(f'<span class="grade">{judgment.grade:g}</span>' for judgment in graded)
    name = text(answer.model) if answer else "no answer"
    yield f'<div class="side"><h5>{side} <span class="name">{name}</span>{grades}</h5>'
    if answer is not None:
        yield _judged(answer, graded, turn, language)
    yield _again(row.regraded.get(side, ()), turn)
    for sample in row.samples.get(side, ()):
        graded = [judgment for judgment in sample.judgments if judgment.turn == turn]
        grades = "".join(f", graded {judgment.grade:g}" for judgment in graded)
        judged = _judged(sample.answer, graded, turn, language)
        yield folded(f"answer {sample.number}{grades}", judged + _again(sample.regraded, turn))
    yield "</div>"


def _again(regraded: Sequence[Judgment], turn: int) -> str:
    """What the judge said when the question was asked again."""
    said = [judgment for judgment in regraded if judgment.turn == turn]
    grades = ", ".join(f"{judgment.grade:g}" for judgment in said)
    return folded(f"asked again, graded {grades}", "".join(map(_reasons, said))) if said else ""


def _judged(answer: Answer, graded: Sequence[Judgment], turn: int, language: str) -> str:
    """What was said in a turn, and what the judge said of it."""
    reasons = "".join(map(_reasons, graded)) or '<p class="bad">not graded</p>'
    return "".join(_reply(answer, turn, language)) + reasons


def _reply(answer: Answer, turn: int, language: str) -> Iterator[str]:
    replies: Sequence[Reply] = answer.replies[turn - 1 : turn]
    for reply in replies:
        if reply.reasoning:
            yield folded("reasoning before the answer", prose(reply.reasoning, "said", language))
        yield prose(reply.text, "said", language)
        if reply.capped:
            yield _chip("ended by the token limit")


def _reasons(judgment: Judgment) -> str:
    return (
        f'<div class="judge"><p class="who">{text(judgment.judge)}</p>{prose(judgment.text, "reasons")}</div>'
    )


def _verdict(verdict: Verdict, *, named: bool) -> str:
    """A comparison; with the judge's name where there are several."""
    if not verdict.games:
        return '<p class="verdict">pairwise: a tie, both conversations are the same text</p>'
    if not verdict.consistent:
        words = f"a tie, for the two orders disagree ({' and '.join(verdict.winners)})"
    elif verdict.winner == "tie":
        words = "a tie in both orders"
    else:
        words = f"the {verdict.winner} wins in both orders"
    games = "".join(map(_game, verdict.games, verdict.winners))
    whose = f"{verdict.judge}, " if named else ""
    return folded(f"{whose}pairwise: {words}", f'<div class="sides">{games}</div>', "verdict")


def _game(game: Game, winner: str) -> str:
    head = f'<h5><span class="name">{text(game.model_a)}</span> first, winner: {winner}</h5>'
    return f'<div class="side"><div class="judge">{head}{prose(game.text, "reasons")}</div></div>'


def _failure(failure: JudgeFailure) -> str:
    about = " and ".join(failure.models)
    words = f"{failure_kind(failure)} of {about} could not be had: {failure.reason}"
    reply = folded("what the judge replied", prose(failure.reply, "reasons")) if failure.reply else ""
    return f'<p class="bad">{text(words)}</p>{reply}'
