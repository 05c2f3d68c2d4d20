"""The lines that pytest's terminal shows, at most 80 columns wide and readable without colour."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES, AnswerFailure, Failure, Row, Side
from mtbench_pytest.gate.decision import Bounds, CategoryLine, Collapses, Decision, Endpoint
from mtbench_pytest.gate.drops import graded_again
from mtbench_pytest.gate.explain import chance, percent, points

WIDTH = 80
_STEERING = ("Cc", "Cf")  # control characters, and marks that turn the direction of writing
_DROPS = 5
_REASONS = 3


def header_lines(parts: Sequence[str]) -> Iterator[str]:
    """The parts after one another, as many on a line as fit."""
    line = ""
    for part in parts:
        if line and columns(f"mtbench: {line}, {part}") > WIDTH:
            yield f"mtbench: {line}"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    yield f"mtbench: {line}"


def summary_lines(
    decision: Decision,
    rows: Sequence[Row],
    parties: Mapping[str, Any],
    report: str,
    notes: Sequence[str] = (),
) -> Iterator[str]:
    """The summary of one bench; `decision_lines` come after it.

    Args:
        parties: By "candidate", "baseline" and "judge" a mapping with "name".
        report: Where the report is, or why it is not there.
        notes: Further lines.
    """
    names = {party: about["name"] for party, about in parties.items()}
    yield from wrapped(
        f"candidate {names['candidate']}, baseline {names['baseline']}, judge {names['judge']}"
    )
    yield ""
    yield from _category_table(decision)
    yield ""
    yield _collapse_line(decision.collapses)
    yield from _pairwise_lines(decision, rows)
    yield from _drop_lines(rows)
    yield from _count_lines(decision, rows)
    for note in notes:
        yield from wrapped(note)
    yield f"report: {report}"
    yield ""


def decision_lines(decision: Decision) -> Iterator[str]:
    """The outcome and why."""
    yield f"{decision.bench}: {decision.outcome}"
    for reason in decision.reasons:
        yield from wrapped(f"- {reason}")


def _category_table(decision: Decision) -> Iterator[str]:
    yield f"{'category':<18}{'n':>6}{'baseline':>10}{'candidate':>11}{'difference':>12}  95 % bounds"
    for line in decision.categories:
        n = _share(line.difference.n if line.difference else 0, line.expected)
        name = f"{line.category}{' !' if line.critical else ''}{' *' if line.dropped else ''}"
        yield _table_row(name, n, line.baseline, line.candidate, line.difference)
    grade = decision.endpoints[0].bounds
    n = _share(grade.n, decision.expected)
    judged = [line for line in decision.categories if line.difference is not None]
    yield _table_row("all", n, _pooled(judged, "baseline"), _pooled(judged, "candidate"), grade)
    if any(line.critical for line in decision.categories):
        yield "! critical: its regression alone is the run's"
    dropped = [f"{line.category} {chance(line.drop_p)}" for line in decision.categories if line.dropped]
    if dropped:
        yield from wrapped(f"* dropped, with the chance of as low a mean (after Holm): {', '.join(dropped)}")


def _collapse_line(collapses: Collapses) -> str:
    if not collapses.dropped and not collapses.gained:
        return "collapses: no question dropped by more than its margin"
    counts = f"{collapses.dropped} questions dropped beyond their margin, {collapses.gained} rose"
    return f"collapses: {counts} (p {chance(collapses.p)})"


def _share(judged: int, expected: int) -> str:
    return f"{judged}" if judged == expected else f"{judged}/{expected}"


def _pooled(lines: Sequence[CategoryLine], side: Side) -> float | None:
    """The mean over questions from the means of the categories."""
    weights = [line.difference.n for line in lines if line.difference is not None]
    means = [line.baseline if side == "baseline" else line.candidate for line in lines]
    total = sum(weights)
    if not total:
        return None
    return math.fsum(w * m for w, m in zip(weights, means, strict=True) if m is not None) / total


def _table_row(
    name: str, n: str, baseline: float | None, candidate: float | None, difference: Bounds | None
) -> str:
    if baseline is None or candidate is None or difference is None:
        return f"{_padded(name, 18)}{n:>6}{'-':>10}{'-':>11}{'-':>12}"
    bounds = f"{points(difference.lower):>6} {points(difference.upper):>6}"
    if not math.isfinite(difference.lower):
        bounds = "(one question)"
    return (
        f"{_padded(name, 18)}{n:>6}{baseline:>10.2f}{candidate:>11.2f}{points(difference.mean):>12}  {bounds}"
    )


def _pairwise_lines(decision: Decision, rows: Sequence[Row]) -> Iterator[str]:
    endpoint = next((e for e in decision.endpoints if e.name == "win rate"), None)
    if endpoint is None:
        return
    verdicts = [verdict for row in rows for verdict in row.verdicts]
    tally = Counter(verdict.winner for verdict in verdicts)
    inconsistent = sum(not verdict.consistent for verdict in verdicts)
    yield (
        f"pairwise: {tally['candidate']} wins, {tally['tie']} ties ({inconsistent} inconsistent), "
        f"{tally['baseline']} losses"
    )
    turns = sorted({verdict.turn for verdict in verdicts})
    if turns and any(len(row.game_turns) < row.turns for row in rows):
        yield f"  compared in turn {', '.join(map(str, turns))} only: no other turn was recorded"
    yield f"  win rate {_rate(endpoint)} ({endpoint.bounds.n} questions)"


def _rate(endpoint: Endpoint) -> str:
    bounds = endpoint.bounds
    if not math.isfinite(bounds.lower):
        return "unknown" if math.isnan(bounds.mean) else f"{percent(bounds.mean)} (one question)"
    return f"{percent(bounds.mean)}, 95 % bounds {percent(bounds.lower)} and {percent(bounds.upper)}"


def _drop_lines(rows: Sequence[Row]) -> Iterator[str]:
    """The questions that lost most, with what each side said last where the grades differ most."""
    drops = dropped(rows)
    if not drops:
        return
    yield ""
    yield "dropped most:"
    for row in drops[:_DROPS]:
        turn = worst_turn(row)
        before, after = row.grade("baseline"), row.grade("candidate")
        grades = f"{before:.2f} -> {after:.2f} ({points(row.difference or 0)})"
        more = " of the first answers" if row.drawn else ""
        name = _clip(f"{row.category}-{row.question_id}", WIDTH - len(grades) - len(more) - 14)
        yield f"  {name}: {grades}, turn {turn}{more}:"
        for side in reversed(SIDES):
            yield f"    {side:<10}{one_line(row.answers[side].turns[turn - 1], WIDTH - 14)}"
    if len(drops) > _DROPS:
        yield f"  and {len(drops) - _DROPS} more, all in the report"


def dropped(rows: Sequence[Row]) -> list[Row]:
    """The rows whose candidate fell under the baseline, the deepest fall first."""
    return sorted((row for row in rows if (row.difference or 0) < 0), key=lambda row: row.difference or 0)


def worst_turn(row: Row) -> int:
    """The turn in which the candidate fell furthest under the baseline."""
    candidate, baseline = (row.turn_grades(side) for side in SIDES)
    return min(candidate, key=lambda turn: candidate[turn] - baseline[turn])


def _count_lines(decision: Decision, rows: Sequence[Row]) -> Iterator[str]:
    failures = [failure for row in rows for failure in row.failures]
    capped = {side: sum(row.answers[side].capped for row in rows if side in row.answers) for side in SIDES}
    yield ""
    if failures:
        kinds = Counter(failure_kind(failure) for failure in failures)
        yield f"failures: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}"
        reasons = Counter(one_line(failure.reason, 10 * WIDTH) for failure in failures)
        for reason, n in reasons.most_common(_REASONS):
            yield from wrapped(f"  {n} x {reason}")
        if len(reasons) > _REASONS:
            yield f"  and {len(reasons) - _REASONS} more reasons, all in the report"
    else:
        gap = f"; {len(rows)} of {decision.expected} questions were reached"
        yield f"failures: none{gap if len(rows) < decision.expected else ''}"
    if any(capped.values()):
        yield f"capped answers: {', '.join(f'{side} {n}' for side, n in capped.items())}"
    else:
        yield "capped answers: none"


def failure_kind(failure: Failure) -> str:
    """The field's word for what could not be had."""
    if isinstance(failure, AnswerFailure):
        return "answer"
    return "judgment" if len(failure.models) == 1 else "game"


def failure_place(failure: Failure, row: Row) -> str:
    """Which turn, which repeat and which judge of several, as ", turn 2"; nothing of an answer."""
    if isinstance(failure, AnswerFailure):
        return ""
    repeat = f", repeat {failure.repeat}" if failure.repeat > 1 else ""
    whose = f", judge {failure.judge}" if len(row.judges) > 1 else ""
    return f", turn {failure.turn}{repeat}{whose}"


def grades_in_words(grades: Sequence[float]) -> str:
    """A turn's grade; of several repeats the mean, and each of them."""
    if len(grades) == 1:
        return f"{grades[0]:g}"
    return f"{math.fsum(grades) / len(grades):.2f} ({', '.join(f'{grade:g}' for grade in grades)})"


def turn_in_words(row: Row, side: Side, turn: int) -> str:
    """The grade of a turn of a side's first answer, with what it got when the question was asked again."""
    again = [f"{one.grade:g}" for one in row.regraded.get(side, ()) if one.turn == turn]
    return grades_in_words(row.repeated(side)[turn]) + (f", again {', '.join(again)}" if again else "")


def samples_in_words(row: Row) -> Iterator[str]:
    """What the grade of a side with several answers is the mean of."""
    for side in reversed(SIDES):
        if len(grades := row.grades(side) or ()) > 1:
            shown = ", ".join(f"{grade:.2f}" for grade in grades)
            yield f"{side}: the mean of {len(grades)} answers, graded {shown}; the first is shown"


def verbose_word(row: Row) -> str:
    """A question's grades for `pytest -v`; empty where they are not known."""
    candidate, baseline, difference = row.grade("candidate"), row.grade("baseline"), row.difference
    if candidate is None or baseline is None or difference is None:
        return ""
    games = " ".join("/".join(words) for words in games_of(row))
    again = " ".join(points(one.difference) for one in graded_again(row))
    told = f"{points(difference)}{f', again {again}' if again else ''}{', ' if games else ''}{games}"
    return f"{candidate:.2f} vs {baseline:.2f} ({told})"


def games_of(row: Row) -> Iterator[list[str]]:
    """By turn that was compared how the candidate did, a word a judge."""
    words = {"candidate": "win", "baseline": "loss", "tie": "tie"}
    for turn in dict.fromkeys(verdict.turn for verdict in row.verdicts):
        yield [words[verdict.winner] for verdict in row.verdicts if verdict.turn == turn]


def one_line(text: str, width: int) -> str:
    """Text on one line, cut to a width in columns with an ellipsis, without what steers a terminal."""
    return _clip(" ".join(printable(text).split()) or "(nothing)", width)


def printable(text: str) -> str:
    """Text without control characters but for white space: a reply must not write to the terminal."""
    return "".join(char for char in text if char.isspace() or unicodedata.category(char) not in _STEERING)


def columns(text: str) -> int:
    """How many columns a terminal gives a text: East Asian wide characters take two, accents none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _padded(text: str, width: int) -> str:
    """Text in a table's column, cut where it does not fit."""
    clipped = _clip(text, width - 1)
    return clipped + " " * (width - columns(clipped))


def _clip(text: str, width: int) -> str:
    if columns(text) <= width:
        return text
    kept, used = [], 1
    for char in text:
        used += _columns(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept) + "…"


def wrapped(text: str) -> Iterator[str]:
    """Lines of at most the width, broken at spaces, in a word only where it alone is too wide."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    line = text[: len(text) - len(text.lstrip())]
    begun = False
    for word in text.split():
        if begun and columns(line) + 1 + columns(word) > WIDTH:
            yield line
            line, begun = indent, False
        line += f" {word}" if begun else word
        begun = True
        while columns(line) > WIDTH:
            head = _clip(line, WIDTH + 1).removesuffix("…")
            yield head
            line = indent + line[len(head) :]
    yield line
