"""A critical category: what it loses alone is the run's regression."""

from __future__ import annotations

from tests.plugin.harness import Example

CRITICAL = "[categories.travel]\ncritical = true\nquestion_margin = 2\n"
WHOLE = "--mtbench-early-stop=off"


def test_one_bad_answer_there_turns_pass_into_regression(example: Example) -> None:
    """The same grades pass where no category is critical."""
    grades = [8.0] * 30
    grades[3] = 4.0  # question 4, of travel
    example.grades(grades, [8.0] * 30)
    folder = example.bench(questions=30)
    assert example.run(WHOLE).status == 0
    (folder / "bench.toml").write_text(CRITICAL)
    run = example.run(WHOLE)
    assert run.status == 20
    assert run.decision == "REGRESSION"
    run.stdout.fnmatch_lines(
        [
            "travel !*",
            "! critical: its regression alone is the run's",
            "- travel is critical: question 4, turn 1, dropped 4.00 points, more than 2, in",
            "- travel is critical: question 4, turn 2, dropped 4.00 points, more than 2, in",
        ]
    )
    assert run.outcomes == {"passed": 29, "xfailed": 1}, "its test has the category's margin"
    assert run.report()["settings"]["categories"] == {
        "travel": {"critical": True, "question_margin": 2.0, "floor": None}
    }
    lines = {line["category"]: line["critical"] for line in run.report()["categories"]}
    assert lines == {"writing": False, "travel": True}


def test_small_drops_all_over_it_are_a_regression_that_the_mean_hides(example: Example) -> None:
    example.bench(questions=30, config=CRITICAL)
    example.grades([8.5, 7.5] * 15, [8.0] * 30)  # all fifteen of travel half a point lower
    run = example.run(WHOLE)
    assert run.status == 20
    run.stdout.fnmatch_lines(["travel ! [*] *-0.50 *", "[*] dropped, *: travel under 0.01 %"])
    assert "travel is critical: mean grade difference -0.50" in " ".join(run.out.split())
    travel = run.report()["categories"][1]
    assert (travel["drop_p"], travel["dropped"]) == (0.5**15, True)
    assert run.report()["endpoints"][0]["standing"] == "non-inferior"


def test_what_a_critical_category_gains_changes_nothing(example: Example) -> None:
    example.bench(questions=6, config=CRITICAL)
    example.grades([8, 9, 8, 8.5, 8, 9])
    assert example.run().status == 0


def test_how_often_an_equal_model_is_stopped_is_told(example: Example) -> None:
    example.bench(questions=6, config=CRITICAL)
    example.grades([8.0] * 6)
    run = example.run()
    assert "critical: travel: an equal model would be stopped by one turn in" in " ".join(run.out.split())
    found = run.report()["critical"]
    assert (found["categories"], found["turns"], found["judge_noise"]) == (["travel"], 6, "assumed")
    assert [one["judge_sd"] for one in found["chances"]] == [0.5, 1.0]
    assert found["gradings"] == 3
    for name in ("report.md", "report.html"):
        assert "Critical categories" in (example.path / "mtbench-report" / name).read_text("utf-8")
