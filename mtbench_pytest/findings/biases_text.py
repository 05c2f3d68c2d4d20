"""Known biases: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.bench.languages import Spoken
from mtbench_pytest.core.records import SIDES, QuestionId, Side
from mtbench_pytest.findings.biases import Biases, Replies
from mtbench_pytest.findings.model_names import Kinship
from mtbench_pytest.gate.explain import percent, points
from mtbench_pytest.gate.stats import Controlled
from mtbench_pytest.report.terminal import printable

_NAMED = 5  # questions in a line of the summary
_SHOWN = 30  # passages in the report; all are in result.json
_WORTH_SAYING = 0.05  # by which the win rate at equal length differs from the win rate
_WITHOUT_DIFFICULTY = (
    "AlpacaEval 2's model (Dubois et al. 2024) without its term for a question's difficulty, which a single "
    "pair of models cannot tell"
)


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
        "one_family": _one_family_result(found.kinship),
    }


def biases_lines(found: Biases) -> Iterator[str]:
    """For the summary: at most two lines, and none where there is nothing to say."""
    if any(replies.attempts for replies in found.replies.values()):
        yield _addressing_line(found.replies)
    parts = []
    parts += [_one_family(judge, kin) for judge, kin in found.kinship.items()]
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


def _one_family(judge: str, kin: Kinship) -> str:
    who = f"judge {judge}" if judge else "judge"
    return f"{who} and {' and '.join(kin.sides)} are of one family ({', '.join(kin.families)})"


def _one_family_result(kinship: Mapping[str, Kinship]) -> Any:
    """Of a judge that judges alone its own; of a panel by judge."""
    plain = {judge: asdict(kin) for judge, kin in kinship.items()}
    return plain.get("") or plain or None


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
            f"**Warning:** {_one_family(judge, kin)}, by their names. Judges tend to favour texts of "
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
