"""A `result.json` is the last run's or is not there: what promotes a checkpoint may rely on it."""

from __future__ import annotations

import pytest

from tests.plugin.harness import Example, Run


@pytest.fixture
def passed(chat: Example) -> Example:
    """After a run that passed."""
    assert chat.run().decision == "PASS"
    return chat


def gone(run: Run) -> None:
    assert not run.wrote()
    assert run.earlier()["decision"] == "PASS"


@pytest.mark.parametrize(
    "options",
    [
        ["--mtbench-candidate=vllm:x"],
        ["--mtbench-candidate=answers:gone.jsonl"],
        ["--mtbench-margin=wide"],
        ["--mtbench-sample=1000"],
        ["-k", "nothing"],
    ],
    ids=" ".join,
)
def test_a_run_that_comes_to_nothing_leaves_no_earlier_result(passed: Example, options: list[str]) -> None:
    run = passed.run(*options)
    assert run.status not in (0, 1)
    gone(run)


def test_options_in_the_ini_file(passed: Example) -> None:
    (passed.path / "pytest.ini").write_text("[pytest]\nmtbench_candidate = answers:gone.jsonl\n")
    run = passed.bare()
    assert run.status not in (0, 1)
    gone(run)


def test_a_run_of_several_benches(passed: Example) -> None:
    passed.bench("more", first=7)
    passed.grades([6] * 12)
    run = passed.run()
    assert run.status == 20
    gone(run)


def test_who_only_looks_leaves_all_as_it_is(passed: Example) -> None:
    for look in ("--collect-only", "--setup-plan"):
        assert passed.run(look).wrote()


def test_the_results_of_others_are_left_alone(passed: Example) -> None:
    other = passed.path / "mtbench-report/other"
    other.mkdir()
    (other / "result.json").write_text("{}")
    passed.run("-k", "nothing")
    assert (other / "result.json").read_text() == "{}"


def test_a_bench_that_cannot_be_collected_is_no_pass(chat: Example) -> None:
    chat.bench("broken", first=7)
    (chat.path / "broken/question.jsonl").write_text("{")
    assert chat.run().status == 2
