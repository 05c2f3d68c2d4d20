"""What cannot be had for one question: an error of its test, never a grade; the gate decides on the rest."""

from __future__ import annotations

from tests.plugin.harness import Example


def large(example: Example) -> None:
    example.bench(questions=24)
    example.grades([8] * 24)


def test_one_failed_judgment_of_many_is_an_error_and_the_gate_decides(example: Example) -> None:
    large(example)
    run = example.run(judge="python:stage:judge?fail=3")
    assert run.outcomes == {"passed": 23, "errors": 1}
    assert (run.decision, run.status) == ("PASS", 0)
    assert run.report()["questions"] == {"expected": 24, "judged": 23}
    run.stdout.fnmatch_lines(
        [
            "question 3 (writing) could not be judged:",
            "  judgment of new, turn 1: the judge was at lunch",
            "failures: 4 judgment, 4 game",
            "  8 x the judge was at lunch",
        ]
    )


def test_one_failed_answer_of_many(example: Example) -> None:
    large(example)
    run = example.run(candidate="python:stage:model?fail=3", baseline="python:stage:model?name=old")
    assert run.outcomes == {"passed": 23, "errors": 1}
    assert (run.decision, run.status) == ("PASS", 0)
    run.stdout.fnmatch_lines(["*answer of live: the model was tired", "failures: 1 answer"])
    row = run.report()["rows"][2]
    assert row["candidate"]["grade"] is None
    assert row["failures"] == [{"kind": "answer", "model": "live", "reason": "the model was tired"}]


def test_failed_games_leave_the_grades_but_the_question_is_not_judged(chat: Example) -> None:
    run = chat.run(judge="python:stage:judge?games=3")
    assert run.outcomes == {"passed": 5, "errors": 1}
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert "5 of 6 questions were judged on both sides" in run.out
    assert "failures: 4 game" in run.out


def test_a_category_without_judgments_is_no_verdict(example: Example) -> None:
    """95 % of all, but nothing of one category: its loss would go unseen."""
    bench = example.bench(questions=40)
    lines = (bench / "question.jsonl").read_text().splitlines()
    lines[0] = lines[0].replace('"writing"', '"rare"')
    (bench / "question.jsonl").write_text("\n".join(lines))
    example.grades([8] * 40)
    run = example.run("--mtbench-early-stop=off", judge="python:stage:judge?fail=1")
    assert (run.decision, run.status) == ("NO VERDICT", 22)
    assert run.report()["reasons"] == [
        "0 of 1 questions of rare were judged on both sides; a decision needs 80% of each category"
    ]


def test_a_skipped_question_is_not_judged(chat: Example) -> None:
    """Whoever skips a question in the suite loses coverage, not sight of it."""
    (chat.path / "conftest.py").write_text(
        "import pytest\n"
        "def pytest_collection_modifyitems(items):\n"
        "    items[0].add_marker(pytest.mark.skip(reason='later'))\n"
    )
    run = chat.run()
    assert run.outcomes == {"passed": 5, "skipped": 1}
    assert (run.decision, run.status) == ("NO VERDICT", 22)
