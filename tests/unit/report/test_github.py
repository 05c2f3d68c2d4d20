"""Annotations and the step's summary, as GitHub Actions reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mtbench_pytest.bench.locate import question_places
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.report.github import Drop, command, size_of, step_summary, workflow_commands
from tests.unit.factories import (
    ABOUT,
    answer,
    judge_failure,
    question,
    question_line,
    row,
    sides,
    write_bench,
    write_jsonl,
)

PARTIES = {name: ABOUT[name] for name in ("candidate", "baseline", "judge")}


def decided(rows: Sequence[Row], bench: str = "chat") -> Decision:
    asked = [question(r.question_id, r.category, r.turns) for r in rows]
    return decide(bench, rows, asked, Policy(), pairwise=False)


def lost(count: int, first: int = 1) -> list[Row]:
    """Rows that lost more and more: the last one most."""
    return [row(first + n, [7 - n / 10, 1], [9, 9]) for n in range(count)]


def drops(rows: Sequence[Row]) -> list[Drop]:
    return [Drop(r, 5, "suites/chat/question.jsonl", int(r.question_id)) for r in rows]


def summary(rows: Sequence[Row], room: int = 10**6) -> str:
    asked = [question(r.question_id, r.category, r.turns) for r in rows]
    return step_summary(decided(rows), rows, PARTIES, "mtbench-report/report.html", asked, room)


def test_a_command_is_escaped_as_github_reads_it() -> None:
    """`%`, CR and LF everywhere; in a property `:` and `,` as well, which would end it."""
    given = command("error", "50 %: a,\r\nb::c", {"file": "a,b:c.jsonl", "title": "100 %\n"})
    assert given == "::error file=a%2Cb%3Ac.jsonl,title=100 %25%0A::50 %25: a,%0D%0Ab::c"


def test_a_drop_points_to_the_line_of_its_question() -> None:
    found = list(workflow_commands([], drops([row(3, [2, 1], [9, 9])]), "error"))
    assert len(found) == 1
    assert found[0].startswith(
        "::error file=suites/chat/question.jsonl,line=3,title=writing-3 dropped 7.50 points::"
        "candidate 1.50, baseline 9.00, margin 5; the judge cannot grade it again; the first grade stands; "
        "most in turn 2:%0Abaseline: base 2%0Agraded 9: "
    )
    assert "%0Acandidate: cand 2%0Agraded 1: So: [[1]]" in found[0]


def test_a_question_outside_the_workspace_has_no_place() -> None:
    found = list(workflow_commands([], [Drop(row(3, [2, 1], [9, 9]), 5)], "warning"))
    assert found[0].startswith("::warning title=writing-3 dropped 7.50 points::")


def test_an_answer_cannot_begin_a_command() -> None:
    """What a model says stays in the line of its annotation."""
    said = sides(answer(1, "cand", ("ok", "\n::error::mine\r::stop-commands::x\x1b[2J")))
    found = list(workflow_commands([], drops([row(1, [2, 1], [9, 9], answers=said)]), "error"))
    assert len(found[0].splitlines()) == 1
    assert "\x1b" not in found[0]


@pytest.mark.parametrize(("level", "shown"), [("error", 9), ("warning", 10)])
def test_github_shows_ten_of_a_level_so_the_worst_come_first(level: str, shown: int) -> None:
    rows = lost(15)
    found = list(workflow_commands([decided(rows)], drops(rows), "error" if level == "error" else "warning"))
    assert found[0].startswith("::error title=chat%3A REGRESSION::collapses: 14 questions dropped")
    told = [int(match[1]) for line in found if (match := re.search(r"line=(\d+)", line))]
    assert told == list(range(15, 15 - shown, -1))
    assert all(line.startswith(f"::{level} file=") for line in found[1:-1])
    assert found[-1] == (
        f"::notice title=mtbench::{15 - shown} more questions dropped by more than the margin: see the report"
    )


def test_each_decision_has_a_level() -> None:
    """The worst of several benches comes first, and counts among the ten."""
    passed, lost_, nothing = decided([row(n) for n in range(9)], "a"), decided(lost(3), "b"), decided([], "c")
    found = list(workflow_commands([passed, nothing, lost_], [], "error"))
    assert [line.split("::")[1] for line in found] == [
        "error title=b%3A REGRESSION",
        "error title=c%3A NO VERDICT",
        "notice title=a%3A PASS",
    ]


def test_the_summary_has_tables_and_folds_the_worst() -> None:
    rows = [*lost(3), *(row(n) for n in range(4, 10))]
    text = summary(rows)
    assert text.startswith("## chat: INCONCLUSIVE\n\n- mean grade difference")
    assert "candidate `cand`, baseline `base`, judge `gpt-4`; 9 of 9 questions" in text
    assert "| mean grade difference | 9 | -1.68 |" in text
    assert "| writing | 9 of 9 |" in text
    assert text.count("<details>") == text.count("</details>") == 3
    assert "<summary>writing-3, turn 2: -5.10 (9.00 → 3.90)</summary>" in text
    assert text.index("writing-3, turn 2") < text.index("writing-1, turn 2")
    assert "\n~~~\nq3.2\n~~~\n" in text
    assert text.endswith("The report: `mtbench-report/report.html`.\n\n")


def test_the_summary_counts_failures() -> None:
    assert "Failures: 2 judgment.\n" in summary([row(1, failures=[judge_failure(), judge_failure()])])


def test_markup_in_a_name_stays_text() -> None:
    assert "<b>" not in summary([row(1, [1, 1], [9, 9], category="<b>")]).split("<details>")[1]


def test_an_answer_cannot_close_the_fold_it_is_in() -> None:
    """A fenced block is code to GitHub, tags included, and no text inside can close the fence."""
    said = sides(answer(1, "cand", ("ok", "~~~\n</details><img src=x>\n~~~")))
    text = summary([row(1, [2, 1], [9, 9], answers=said)])
    assert "~~~~\n~~~\n</details><img src=x>\n~~~\n~~~~" in text


def test_the_summary_keeps_to_its_room() -> None:
    """GitHub shows nothing of a longer one. Wide letters take three bytes."""
    long = "长" * 5000
    rows = [row(n, [1, 1], [9, 9], answers=sides(answer(n, "cand", (long, long)))) for n in range(1, 40)]
    whole = size_of(summary(rows))
    assert whole > 90_000
    for room in (0, 100, 300, 700, 1000, 5000, 20_000, whole - 1):
        text = summary(rows, room)
        assert size_of(text) <= room
        assert text.count("<details>") == text.count("</details>")
        assert not text or "has no room for the rest" in text


def test_only_the_worst_twenty_are_folded() -> None:
    text = summary(lost(30))
    assert text.count("<details>") == 20
    assert "The candidate was graded lower on 30 of 30 questions; the 20 that lost most:" in text


def test_where_questions_stand(tmp_path: Path) -> None:
    write_bench(tmp_path / "chat", question_line(81), question_line("x"))
    path = tmp_path / "chat" / "question.jsonl"
    path.write_text(path.read_text().replace("\n", "\n\n", 1))
    assert question_places(tmp_path / "chat") == {81: (path, 1), "x": (path, 3)}


def test_subsets_of_general_qa_have_places_too(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "qa" / "faq.jsonl", [{"query": "Where?"}, {"query": "When?"}])
    assert question_places(tmp_path / "qa")["faq-2"] == (tmp_path / "qa" / "faq.jsonl", 2)


def test_a_file_that_changed_under_the_run_has_no_places(tmp_path: Path) -> None:
    (tmp_path / "question.jsonl").write_text("not JSON\n")
    assert question_places(tmp_path) == {}
