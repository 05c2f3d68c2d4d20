"""`--mtbench-sample`: a declared sample is a bench of its own and decides."""

from __future__ import annotations

from tests.plugin.harness import Example

SAMPLES = "[samples]\nsmoke = [1, 2, 4, 5]\n"


def test_a_number_is_drawn_evenly_and_decides(chat: Example) -> None:
    run = chat.run("--mtbench-sample=4")
    assert (run.decision, run.status) == ("PASS", 0)
    assert run.outcomes == {"passed": 4}
    report = run.report()
    assert [line["expected"] for line in report["categories"]] == [2, 2]
    assert report["bench"]["sample"] == "4"


def test_the_draw_is_the_same_every_time_and_seeded(example: Example) -> None:
    example.bench(questions=40)

    def drawn(*options: str) -> list[str]:
        return [line for line in example.bare("--co", "-q", *options).lines if "::" in line]

    first = drawn("--mtbench-sample=6")
    assert len(first) == 6
    assert drawn("--mtbench-sample=6") == first
    assert drawn("--mtbench-sample=6", "--mtbench-seed=1") != first


def test_a_name_in_the_bench_decides(example: Example) -> None:
    example.bench(config=SAMPLES)
    example.grades([6] * 6)
    run = example.run("--mtbench-sample=smoke")
    assert (run.decision, run.status) == ("REGRESSION", 20)
    assert [row["question_id"] for row in run.report()["rows"]] == [1, 2, 4, 5]


def test_a_part_of_a_sample_is_a_part(example: Example) -> None:
    example.bench(config=SAMPLES)
    example.grades([8] * 6)
    run = example.run("--mtbench-sample=smoke", "-k", "writing")
    assert run.decision == "PARTIAL"
    assert "2 of its 4 questions were selected" in run.out


def test_a_sample_of_a_bench_given_that_does_not_exist_is_refused(example: Example) -> None:
    example.bench(config=SAMPLES)
    example.grades([8] * 6)
    for wrong in ("large", "7"):
        run = example.run(f"--mtbench-sample={wrong}", "--mtbench-bench=chat")
        run.refused(f"sample '{wrong}'", "a number from 1 to 6, or smoke")


def test_a_sample_of_a_bench_found_that_does_not_exist_is_one_line(example: Example) -> None:
    example.bench(config=SAMPLES)
    example.grades([8] * 6)
    run = example.run("--mtbench-sample=large")
    assert run.status == 2
    assert "sample 'large'" in run.out
    assert "Traceback" not in run.out
    assert ".py:" not in run.out
