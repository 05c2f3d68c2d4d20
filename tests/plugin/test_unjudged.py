"""Questions that could not be judged fail a run only where its decision would not hold without them."""

from __future__ import annotations

import pytest

from tests.plugin.harness import Example

FAILS = "python:stage:judge?fail=3"


@pytest.fixture
def large(example: Example) -> Example:
    """24 questions that are alike."""
    example.bench(questions=24)
    example.grades([8] * 24)
    return example


def test_a_decision_that_holds_whatever_they_are_is_a_pass(large: Example) -> None:
    run = large.run(judge=FAILS)
    assert (run.outcomes, run.decision, run.status) == ({"passed": 23, "errors": 1}, "PASS", 0)
    assert (
        "- writing-3 could not be judged: this is a PASS even if it had dropped by the question margin and "
        "lost its games, so its error does not fail the run"
    ) in " ".join(run.out.split())
    assert run.report()["unjudged"] == {"questions": [3], "holds": True}


def test_a_decision_that_would_not_hold_is_a_failure(large: Example) -> None:
    run = large.run("--mtbench-margin=0.3", "--mtbench-pairwise=off", judge=FAILS)
    assert (run.outcomes, run.decision, run.status) == ({"passed": 23, "errors": 1}, "PASS", 1)
    assert (
        "- writing-3 could not be judged: this would be no PASS if it had dropped by the question margin, so "
        "its error fails the run"
    ) in " ".join(run.out.split())
    assert run.report()["unjudged"] == {"questions": [3], "holds": False}


def test_another_failed_test_fails_the_run(large: Example) -> None:
    (large.path / "test_other.py").write_text("def test_other(): assert False\n")
    run = large.run(judge=FAILS)
    assert (run.outcomes, run.status) == ({"passed": 23, "errors": 1, "failed": 1}, 1)


@pytest.mark.parametrize(
    "conftest",
    [
        "import pytest\n@pytest.fixture(autouse=True)\ndef own(request):\n"
        "    yield\n    assert 'writing-5' not in request.node.name\n",
        "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n",
    ],
    ids=["an error of the user's own", "another plugin"],
)
def test_whoever_else_fails_the_run_does(large: Example, conftest: str) -> None:
    (large.path / "conftest.py").write_text(conftest)
    run = large.run(judge=FAILS)
    assert (run.decision, run.status) == ("PASS", 1)


UNUSED = "# serializer version: 1\n# name: test_gone\n  1\n# ---\n"


@pytest.mark.parametrize(
    ("unused", "status", "workers"), [(False, 0, ()), (True, 1, ()), (False, 0, ("-n2",))]
)
def test_beside_syrupy(large: Example, workers: tuple[str, ...], *, unused: bool, status: int) -> None:
    """syrupy adds the status that pytest had before; what it fails for itself stays."""
    large.syrupy = True
    if unused:
        (large.path / "test_other.py").write_text("def test_other(snapshot): assert snapshot == 1\n")
        (large.path / "__snapshots__").mkdir()
        text = UNUSED + "# name: test_other\n  1\n# ---\n"
        (large.path / "__snapshots__" / "test_other.ambr").write_text(text)
    run = large.run(*workers, judge=FAILS)
    assert (run.decision, run.status) == ("PASS", status), run.out
    assert run.outcomes == {"passed": 23 + unused, "errors": 1}
    assert run.report()["unjudged"] == {"questions": [3], "holds": True}


@pytest.mark.parametrize("syrupy", [False, True])
def test_whoever_sets_a_status_after_syrupy_keeps_it(large: Example, *, syrupy: bool) -> None:
    large.syrupy = syrupy
    (large.path / "conftest.py").write_text(
        "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"
    )
    assert large.run(judge=FAILS).status == 1


def test_an_answer_that_could_not_be_had(large: Example) -> None:
    models = {"candidate": "python:stage:model?fail=3", "baseline": "python:stage:model?name=old"}
    run = large.run(**models)
    assert (run.outcomes, run.decision, run.status) == ({"passed": 23, "errors": 1}, "PASS", 0)
    (large.path / "chat" / "test_chat.py").write_text(
        "def test_words(mtbench_candidate): pass\ndef test_grade(mtbench_judged): pass\n"
    )
    run = large.run(**models)
    assert (run.outcomes, run.status) == ({"passed": 46, "errors": 2}, 0), "both are of that question"


def test_a_question_without_a_gate_is_a_test_like_any_other(large: Example) -> None:
    (large.path / "chat" / "test_chat.py").write_text("def test_words(mtbench_candidate): pass\n")
    run = large.run(candidate="python:stage:model?fail=3")
    assert (run.decision, run.status) == ("", 1)


def test_other_decisions_keep_their_status(large: Example) -> None:
    large.grades([6] * 24)
    run = large.run(judge=FAILS)
    assert (run.decision, run.status) == ("REGRESSION", 20)
    assert "so its error" not in run.out
    assert run.report()["unjudged"] is None
    run = large.run("-k", "writing", judge=FAILS)
    assert (run.decision, run.status) == ("PARTIAL", 1)


def test_two_benches_must_both_hold(example: Example) -> None:
    for name, first in (("one", 1), ("two", 31)):
        example.bench(name, questions=24, first=first)
    example.grades([8] * 60)
    judge = "python:stage:judge?fail=3,33"
    run = example.run(judge=judge)
    assert (run.outcomes, run.status) == ({"passed": 46, "errors": 2}, 0)
    (example.path / "two" / "bench.toml").write_text("[margins]\nrun = 0.3\nwin_rate = 0.5\n")
    run = example.run(judge=judge)
    assert run.status == 1, run.out


def test_a_run_that_stops_early_holds_too(example: Example) -> None:
    example.bench(questions=60)
    example.grades([8] * 60)
    run = example.run("--mtbench-early-stop=on", judge="python:stage:judge?games=7")
    assert (run.decision, run.status, run.report()["unjudged"]["holds"]) == ("PASS", 0, True), run.out
    assert run.outcomes["errors"] == 1
