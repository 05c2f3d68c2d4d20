"""The lines that pytest's terminal shows, at most 80 columns wide and readable without colour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import dropped, failure_kind, games_of, worst_turn
from mtbench_pytest.core.text import WIDTH, chance, clip, one_line, padded, percent, points, wrapped
from mtbench_pytest.gate.decision import Bounds, CategoryLine, Collapses, Decision, Endpoint
from mtbench_pytest.gate.drops import graded_again

_DROPS = 5
_REASONS = 3


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
        return f"{padded(name, 18)}{n:>6}{'-':>10}{'-':>11}{'-':>12}"
    bounds = f"{points(difference.lower):>6} {points(difference.upper):>6}"
    if not math.isfinite(difference.lower):
        bounds = "(one question)"
    return (
        f"{padded(name, 18)}{n:>6}{baseline:>10.2f}{candidate:>11.2f}{points(difference.mean):>12}  {bounds}"
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
        name = clip(f"{row.category}-{row.question_id}", WIDTH - len(grades) - len(more) - 14)
        yield f"  {name}: {grades}, turn {turn}{more}:"
        for side in reversed(SIDES):
            yield f"    {side:<10}{one_line(row.answers[side].turns[turn - 1], WIDTH - 14)}"
    if len(drops) > _DROPS:
        yield f"  and {len(drops) - _DROPS} more, all in the report"


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


def verbose_word(row: Row) -> str:
    """A question's grades for `pytest -v`; empty where they are not known."""
    candidate, baseline, difference = row.grade("candidate"), row.grade("baseline"), row.difference
    if candidate is None or baseline is None or difference is None:
        return ""
    games = " ".join("/".join(words) for words in games_of(row))
    again = " ".join(points(one.difference) for one in graded_again(row))
    told = f"{points(difference)}{f', again {again}' if again else ''}{', ' if games else ''}{games}"
    return f"{candidate:.2f} vs {baseline:.2f} ({told})"
