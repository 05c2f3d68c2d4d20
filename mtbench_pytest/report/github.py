"""What GitHub Actions shows of a run beside its log: annotations, and the step's summary as Markdown.

The forms are GitHub's: workflow commands (`::error file=…,line=…,title=…::message`, escaped as in
`actions/toolkit/packages/core/src/command.ts`) and the file that `GITHUB_STEP_SUMMARY` names.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mtbench_pytest.core.records import SIDES, Question, QuestionId
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.row_text import dropped, failure_kind, turn_in_words, worst_turn
from mtbench_pytest.core.text import grade_text, markdown_table, one_line
from mtbench_pytest.findings.drops import again_in_words
from mtbench_pytest.gate.decision import Decision, Outcome
from mtbench_pytest.report.markdown import drop_title, dropped_turn
from mtbench_pytest.report.tables import CATEGORY, ENDPOINT, category_rows, endpoint_cells

Level = Literal["error", "warning", "notice"]

SUMMARY_LIMIT = 1024 * 1024  # bytes of a step; GitHub shows nothing of a longer summary
_MOST = 10  # annotations of a level that GitHub shows of a step
_DROPS = 20  # questions in a summary: more are in the report
_EXCERPT = 200  # characters of an answer, and of the judge's reasons
_NOTE_ROOM = 200  # bytes kept for the line that says what was left out

# What a run without a PASS says is why a job fails, or why one that does not fail guards nothing.
_LEVELS: Mapping[Outcome, Level] = {
    "REGRESSION": "error",
    "BELOW FLOOR": "error",
    "NO VERDICT": "error",
    "INCONCLUSIVE": "error",
    "PARTIAL": "warning",
    "PASS": "notice",
}


@dataclass(frozen=True, slots=True)
class Drop:
    """A question that lost more than its margin.

    Attributes:
        margin: Points it might have lost.
        file: Where it stands, from the workspace; "" where it lies outside.
        line: Its line there, from 1.
    """

    row: Row
    margin: float
    file: str = ""
    line: int = 0


def workflow_commands(decisions: Sequence[Decision], drops: Iterable[Drop], level: Level) -> Iterator[str]:
    """Workflow commands, one a line: each bench's decision, then the questions that dropped, the worst first.

    GitHub shows the first ten of a level in a step. What is over is counted in a notice.

    Args:
        decisions: Of the whole session.
        drops: Of all its benches.
        level: For the questions.
    """
    shown: Counter[Level] = Counter()
    outcomes = list(_LEVELS)
    for decision in sorted(decisions, key=lambda decision: outcomes.index(decision.outcome)):
        if shown[_LEVELS[decision.outcome]] < _MOST - 1:
            shown[_LEVELS[decision.outcome]] += 1
            yield _decided(decision)
    worst = sorted(drops, key=lambda drop: drop.row.difference or 0)
    room = _MOST - shown[level]
    yield from (_dropped(drop, level) for drop in worst[:room])
    left = len(worst) - room
    if left > 0:
        more = "question" if left == 1 else "questions"
        text = f"{left} more {more} dropped by more than the margin: see the report"
        yield command("notice", text, {"title": "mtbench"})


def _decided(decision: Decision) -> str:
    title = {"title": f"{decision.bench}: {decision.outcome}"}
    return command(_LEVELS[decision.outcome], "\n".join(decision.reasons), title)


def _dropped(drop: Drop, level: Level) -> str:
    row, turn = drop.row, worst_turn(drop.row)
    lines = [
        f"candidate {grade_text(row.grade('candidate'))}, baseline {grade_text(row.grade('baseline'))}, "
        f"margin {drop.margin:g}; {again_in_words(row)}; most in turn {turn}:"
    ]
    for side in reversed(SIDES):
        first = next(judgment for judgment in row.judgments[side] if judgment.turn == turn)
        graded = turn_in_words(row, side, turn)
        lines.append(f"{side}: {one_line(row.answers[side].turns[turn - 1], _EXCERPT)}")
        lines.append(f"graded {graded}: {one_line(first.text, _EXCERPT)}")
    properties = {"file": drop.file, "line": str(drop.line)} if drop.file else {}
    properties["title"] = f"{row.category}-{row.question_id} dropped {-(row.difference or 0):.2f} points"
    return command(level, "\n".join(lines), properties)


def command(level: Level, message: str, properties: Mapping[str, str]) -> str:
    """A workflow command: one line, whatever the texts hold."""
    given = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    return f"::{level} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def step_summary(
    decision: Decision,
    rows: Sequence[Row],
    parties: Mapping[str, Any],
    report: str,
    questions: Sequence[Question] = (),
    room: int = SUMMARY_LIMIT,
    panel: Sequence[str] = (),
) -> str:
    """A bench's part of the step's summary; "" where there is no room at all.

    Args:
        rows: In the order of the bench.
        parties: By "candidate", "baseline" and "judge" a mapping with "name".
        report: Where the report is.
        questions: What the rows are about.
        room: Bytes it may take.
        panel: What is to be said of a panel of judges, as lines.
    """
    turns = {question.question_id: question.turns for question in questions}
    kept: list[str] = []
    for part in _parts(decision, rows, parties, report, turns, panel):
        room -= size_of(part)
        if room < _NOTE_ROOM:
            kept.append("\nThe summary of a step has no room for the rest; it is in the report.\n")
            break
        kept.append(part)
    return "".join(kept) if len(kept) > 1 else ""


def size_of(text: str) -> int:
    """Bytes that a text takes in a file."""
    return len(text.encode("utf-8", "backslashreplace"))


def _parts(
    decision: Decision,
    rows: Sequence[Row],
    parties: Mapping[str, Any],
    report: str,
    turns: Mapping[QuestionId, Sequence[str]],
    panel: Sequence[str],
) -> Iterator[str]:
    """Pieces of Markdown; the summary may end after any of them."""
    yield f"## {decision.bench}: {decision.outcome}\n\n"
    yield "".join(f"- {reason}\n" for reason in decision.reasons)
    names = ", ".join(f"{party} `{about['name']}`" for party, about in parties.items())
    yield f"\n{names}; {decision.judged} of {decision.expected} questions were judged on both sides.\n\n"
    yield from (f"{line}\n" for line in markdown_table(ENDPOINT, map(endpoint_cells, decision.endpoints)))
    yield "\n"
    yield from (f"{line}\n" for line in markdown_table(CATEGORY, category_rows(decision)))
    yield "".join(f"\n{line}\n" for line in panel)
    yield f"\n{_failures(rows)}"
    drops = dropped(rows)
    if drops:
        most = f"; the {_DROPS} that lost most" if len(drops) > _DROPS else ""
        yield f"The candidate was graded lower on {len(drops)} of {len(rows)} questions{most}:\n\n"
    for row in drops[:_DROPS]:
        yield _folded(row, turns.get(row.question_id, ()))
    yield f"The report: `{report}`.\n\n"


def _failures(rows: Sequence[Row]) -> str:
    kinds = Counter(failure_kind(failure) for row in rows for failure in row.failures)
    if not kinds:
        return ""
    return f"Failures: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}.\n\n"


def _folded(row: Row, turns: Sequence[str]) -> str:
    """A question, its texts out of sight until they are asked for; the blank lines make Markdown of them."""
    grades = f"{grade_text(row.grade('baseline'))} → {grade_text(row.grade('candidate'))}"
    said = "\n".join(dropped_turn(row, turns))
    return f"<details><summary>{html.escape(drop_title(row))} ({grades})</summary>\n{said}\n\n</details>\n\n"
