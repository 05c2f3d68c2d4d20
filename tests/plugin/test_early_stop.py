"""`--mtbench-early-stop`: once the decision is certain the other questions are skipped; on where it saves."""

from __future__ import annotations

import pytest

from tests.plugin.harness import STRICT, Example

EARLY = "--mtbench-early-stop=on"
CALLS = 8  # of the judge for a question: two turns, graded on both sides, and two games each


def judged(example: Example) -> set[str]:
    """Ids of the questions that the judge was asked about."""
    return {line.split()[1] for line in example.asked("grade")}


def test_equal_quality_passes_early(example: Example) -> None:
    example.bench(questions=64)
    example.grades([8] * 64)
    run = example.run(EARLY)
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.outcomes == {"passed": 32, "skipped": 32}
    assert len(judged(example)) == 32
    assert len(set(example.asked())) == 32 * CALLS
    assert "certain after 32 of 64 questions" in " ".join(run.out.split())
    assert "up to 256 judge calls" in " ".join(run.out.split())
    report = run.report()
    assert report["questions"] == {"expected": 32, "judged": 32}
    early = report["early_stop"]
    assert (early["questions"], early["used"], early["calls_saved"]) == (64, 32, 256)
    assert [look["questions"] for look in early["looks"]] == [8, 16, 24, 32]


def test_a_regression_ends_the_run(example: Example) -> None:
    example.bench(questions=40)
    example.grades([6, 7, 6.5, 6] * 10)
    run = example.run(EARLY)
    assert (run.decision, run.status) == ("REGRESSION", 20), run.out
    assert run.outcomes == {"passed": 16, "skipped": 24}
    assert len(judged(example)) == 16


def test_what_stays_undecided_goes_to_the_end(example: Example) -> None:
    example.bench(questions=40, config="[margins]\nrun = 0.5\n")
    example.grades([9, 9, 7, 7] * 10)  # half of each category, so that the spread is within
    run = example.run(EARLY)
    assert (run.decision, run.status) == ("INCONCLUSIVE", 21), run.out
    assert run.outcomes == {"passed": 40}
    assert len(judged(example)) == 40
    early = run.report()["early_stop"]
    assert (early["used"], early["calls_saved"]) == (40, 0)
    assert [look["questions"] for look in early["looks"]] == [8, 16, 24, 32, 40]
    assert "no look before the last of 40 questions was certain" in " ".join(run.out.split())


def test_a_part_is_still_a_part(example: Example) -> None:
    """Nothing is decided, so nothing is certain early."""
    example.bench(questions=40)
    example.grades([2] * 40)
    run = example.run(EARLY, STRICT, "-k", "writing")
    assert (run.decision, run.status) == ("PARTIAL", 1), run.out
    assert run.outcomes == {"failed": 20, "deselected": 20}
    assert "early stop off (a part of the bench)" in " ".join(run.out.split())
    stopped = example.run(EARLY, STRICT, "-x")
    assert stopped.decision == "PARTIAL", stopped.out
    assert not run.wrote()


def test_a_failure_in_the_last_question_that_is_needed_stops_nothing(example: Example) -> None:
    example.bench(questions=40)
    example.grades([2] * 40)
    run = example.run(EARLY, STRICT, "--maxfail=16")
    assert (run.decision, run.status) == ("REGRESSION", 20), run.out


def test_a_sample_is_stopped_as_a_bench_is(example: Example) -> None:
    example.bench(questions=60)
    example.grades([8] * 60)
    run = example.run(EARLY, "--mtbench-sample=40")
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.outcomes == {"passed": 32, "skipped": 8}


CRITICAL = "[categories.travel]\ncritical = true\nquestion_margin = 2\n"


def test_a_critical_category_is_judged_whole_before_a_pass(example: Example) -> None:
    """Half of 64 questions are of it: at the look at 32, its other half is judged, and no others."""
    example.bench(questions=64, config=CRITICAL)
    example.grades([8] * 64)
    run = example.run(EARLY)
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.outcomes == {"passed": 48, "skipped": 16}
    lines = {line["category"]: line["expected"] for line in run.report()["categories"]}
    assert lines == {"writing": 16, "travel": 32}


def test_a_critical_question_that_dropped_ends_the_run_at_once(example: Example) -> None:
    example.bench(questions=40, config=CRITICAL)
    example.grades([8, 4] * 20)
    run = example.run(EARLY)
    assert (run.decision, run.status) == ("REGRESSION", 20), run.out
    assert len(judged(example)) == 8


def test_answers_of_a_server_are_made_for_judged_questions_only(example: Example) -> None:
    example.bench(questions=48)
    run = example.run(
        EARLY,
        candidate="python:stage:model?paid=1&name=new",
        baseline="python:stage:model?paid=1&name=old",
        judge="python:stage:judge?paid=1",
    )
    assert (run.decision, run.outcomes) == ("PASS", {"passed": 32, "skipped": 16}), run.out
    assert len(example.asked("answer")) == 2 * 32
    assert len(example.asked()) == len(set(example.asked())) == 32 * (2 + CALLS)


def test_a_test_that_wants_the_answer_alone_is_skipped_too(example: Example) -> None:
    bench = example.bench(questions=40)
    (bench / "test_chat.py").write_text(
        "def test_words(mtbench_candidate): pass\ndef test_grade(mtbench_judged): pass\n"
    )
    example.grades([8] * 40)
    assert example.run(EARLY).outcomes == {"passed": 64, "skipped": 16}


def worse(example: Example) -> None:
    """A bench of 40 questions, and a candidate that is certain to be worse after 16."""
    example.bench(questions=40)
    example.grades([6] * 40)


def test_it_is_on_where_the_judge_may_cost_something(example: Example) -> None:
    worse(example)
    run = example.run()
    assert run.outcomes == {"passed": 16, "skipped": 24}, run.out
    assert "early stop on" in run.out
    assert run.report()["settings"]["early_stop"] is True


def test_it_is_off_where_the_judge_is_free(example: Example) -> None:
    worse(example)
    example.run("--mtbench-early-stop=off")
    (example.path / "mtbench-report" / "model_judgment").rename(example.path / "recorded")
    run = example.run(judge="judgments:recorded")
    assert run.outcomes == {"passed": 40}, run.out
    assert "early stop off (no call of the judge costs anything)" in " ".join(run.out.split())
    assert run.report()["early_stop"] is None
    assert run.report()["settings"]["early_stop"] is False


def test_it_is_off_while_recording(example: Example) -> None:
    worse(example)
    run = example.run("--mtbench-record=all")
    assert run.outcomes == {"passed": 40}, run.out
    assert "early stop off (the run records)" in " ".join(run.out.split())


MORE = (
    "def test_words(mtbench_candidate): pass\ndef test_grade(mtbench_judged): pass\n",
    "def test_grade(mtbench_judged, judge_snapshot): pass\n",
)


@pytest.mark.parametrize(
    ("tests", "workers"),
    [(MORE[0], ()), (MORE[1], ()), (MORE[0], ("-n2",))],
    ids=["two tests", "a snapshot", "two tests, n2"],
)
def test_it_is_off_where_the_tests_hold_more(example: Example, workers: tuple[str, ...], tests: str) -> None:
    example.syrupy = True
    worse(example)
    (example.path / "chat" / "test_chat.py").write_text(tests)
    run = example.run(*workers)
    assert set(run.outcomes) == {"passed"}, run.out
    assert run.report()["early_stop"] is None
    assert len(example.asked()) == len(set(example.asked())), "also where a question has two tests"
    if not workers:  # xdist's controller knows of no tests when it writes its header
        assert "early stop off (a question has more than one plain test)" in " ".join(run.out.split())


def test_tests_without_a_question_do_not_matter(example: Example) -> None:
    worse(example)
    (example.path / "chat" / "test_other.py").write_text("def test_other(): pass\ndef test_more(): pass\n")
    assert example.run().outcomes == {"passed": 18, "skipped": 24}


def test_what_is_given_wins_on_the_command_line_and_in_the_ini_file(example: Example) -> None:
    worse(example)
    (example.path / "pytest.ini").write_text("[pytest]\nmtbench_early_stop = off\n")
    run = example.run()
    assert run.outcomes == {"passed": 40}
    assert "early stop off" in run.out
    assert example.run(EARLY).outcomes == {"passed": 16, "skipped": 24}
    example.forget()
    example.run("--mtbench-early-stop=maybe").refused("--mtbench-early-stop maybe", "one of on, off")


DEVICE = "python:stage:model?paid=1&device=1&name="
PAID = {"candidate": f"{DEVICE}new", "baseline": f"{DEVICE}old"}


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=worksteal")], ids=["bare", "worksteal"])
def test_models_on_a_device_answer_ahead_and_the_judge_is_asked_by_blocks(
    example: Example, workers: tuple[str, ...]
) -> None:
    example.bench(questions=48)
    run = example.run(EARLY, "--mtbench-store=none", *workers, **PAID, judge="python:stage:judge?paid=1")
    assert (run.decision, run.outcomes) == ("PASS", {"passed": 32, "skipped": 16}), run.out
    early = run.report()["early_stop"]
    assert (early["questions"], early["used"], early["calls_saved"]) == (48, 32, 16 * CALLS)
    assert len(judged(example)) == 32
    asked = example.asked("g")
    assert len(asked) == len(set(asked)) == 32 * CALLS
    answers = example.asked("answer")
    assert 2 * 32 <= len(set(answers)) <= 2 * 48
    # What a worker answers ahead when it stops is cut off; one that has not come to the stop yet may begin it
    # again: the one answer under way of each side.
    assert len(answers) - len(set(answers)) <= (2 if workers else 0)


def test_a_second_run_stops_where_the_first_did_and_asks_nobody(example: Example) -> None:
    """Not even for answers that were not made ahead of the stop."""
    example.bench(questions=48)
    slow = {side: f"{spec}&seconds=0.02" for side, spec in PAID.items()}
    first = example.run(EARLY, **slow, judge="python:stage:judge?paid=1")
    asked = example.asked()
    assert len(example.asked("answer")) < 2 * 48
    second = example.run(EARLY, **slow, judge="python:stage:judge?paid=1")
    assert second.outcomes == first.outcomes == {"passed": 32, "skipped": 16}
    assert example.asked() == asked


def test_a_question_that_could_not_be_judged_has_the_run_go_on_until_it_does_not_matter(
    example: Example,
) -> None:
    example.bench(questions=96, config="[margins]\nrun = 0.5\nwin_rate = 0.5\n")
    example.grades([8] * 96)
    whole = example.run(EARLY)
    assert whole.decision == "PASS", whole.out
    first = whole.report()["early_stop"]["used"]
    missing = next(iter(sorted(judged(example), key=int)))
    run = example.run(EARLY, "--mtbench-store=none", judge=f"python:stage:judge?fail={missing}")
    assert (run.decision, run.status) == ("PASS", 0), run.out
    assert run.report()["early_stop"]["used"] > first
