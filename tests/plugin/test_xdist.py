"""pytest-xdist: the same rows and the same decision, and nothing asked twice."""

from __future__ import annotations

import pytest

from tests.plugin.harness import Example

VARIED = [9, 7, 2, 8, 8, 5.5, 8, 8, 7, 9]
SAME = ("decision", "reasons", "endpoints", "categories", "rows", "candidate", "baseline", "judge", "bench")


@pytest.mark.parametrize("distribution", ["load", "worksteal", "loadscope"])
def test_workers_come_to_the_same_result(example: Example, distribution: str) -> None:
    example.bench(questions=10)
    example.grades(VARIED, [8] * 10)
    bare = example.run()
    expected, asked = bare.report(), example.asked()
    example.forget()
    spread = example.run("-n2", f"--dist={distribution}")
    assert spread.status == bare.status == 21
    assert spread.outcomes == bare.outcomes
    found = spread.report()
    assert {key: found[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert example.asked() == asked
    assert len(asked) == len(set(asked)) == 10 * 8 + 8, "one question dropped, and is asked again"


def test_every_judgment_is_asked_for_once(example: Example) -> None:
    """Two tests of a question may go to two workers; only the one that wants a judgment asks the judge."""
    bench = example.bench(questions=6)
    example.grades([8] * 6)
    (bench / "test_chat.py").write_text(
        "def test_words(mtbench_candidate): pass\ndef test_grade(mtbench_judged): pass\n"
    )
    run = example.run("-n2")
    assert (run.decision, run.status) == ("PASS", 0)
    assert len(example.asked()) == len(set(example.asked()))


def test_more_workers_than_questions(example: Example) -> None:
    example.bench(questions=2, config="[margins]\nrun = 7\n")
    example.grades([8, 8])
    run = example.run("-n3", "--mtbench-pairwise=off")
    assert (run.decision, run.status) == ("PASS", 0)


def test_no_workers_is_bare(chat: Example) -> None:
    assert chat.run("-n0").decision == "PASS"
    assert chat.run("-p", "no:xdist").decision == "PASS"
