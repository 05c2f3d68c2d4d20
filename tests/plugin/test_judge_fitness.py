"""A judge that is led by the order of the answers: said everywhere, and no ground for a PASS or a verdict."""

from __future__ import annotations

from tests.plugin.harness import Example

FIRST = "python:stage:judge?always=A"


def test_a_judge_that_flips_cannot_pass(chat: Example) -> None:
    run = chat.run(judge=FIRST)
    assert (run.decision, run.status) == ("INCONCLUSIVE", 21)
    told = " ".join(run.out.split())
    assert "12 of 12 comparisons flip with the order (100.0 %" in told
    assert "(0.0 % of the one set, for most comparisons flip)" in told
    assert "cheapest to settle it: --mtbench-pairwise off" in told
    assert "judge warning: 12 of 12 flips favour the answer shown first" in told
    found = run.report()["judge_fitness"]
    assert (found["fit"], found["position"]["toward_first"], found["position"]["first_share"]) == (
        None,
        12,
        1,
    )
    report = (chat.path / "mtbench-report" / "report.md").read_text()
    assert "## The judge" in report
    assert "What scripted-judge did in this run:" in report


def test_its_grades_may_still_decide(chat: Example) -> None:
    run = chat.run("--mtbench-pairwise=off", judge=FIRST)
    assert (run.decision, run.status) == ("PASS", 0)
    assert run.report()["judge_fitness"]["fit"] is None


def test_of_few_comparisons_nothing_is_told(example: Example) -> None:
    example.bench(questions=4)
    example.grades([8] * 4)
    run = example.run(judge=FIRST)
    assert run.decision == "PASS"
    assert "8 of 8 comparisons flip with the order, of too few to tell: it takes 10" in " ".join(
        run.out.split()
    )
