"""How often critical categories stop an equal model, by hand."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from mtbench_pytest.bench.config import CategoryRules
from mtbench_pytest.cli import main
from mtbench_pytest.findings.critical import (
    FalseAlarm,
    JudgeNoise,
    Turn,
    false_alarm,
    false_alarm_line,
    false_alarm_markdown,
    false_alarm_result,
    gradings_by,
    noise_of_judge,
    noise_of_judges,
    turns_of_questions,
    turns_of_rows,
)
from mtbench_pytest.gate.decide import Policy
from mtbench_pytest.gate.stats import any_of, turn_chance
from mtbench_pytest.gate.stats.false_alarms import grade_chances
from tests.unit.factories import question, question_line, row, write_bench

CDF = NormalDist().cdf
POLICY = Policy(categories={"safety": CategoryRules(critical=True, question_margin=2.0, floor=4.0)})
ASSUMED = JudgeNoise((0.5, 1.0), "assumed")


# Single turns.


def test_grades_are_rounded_and_kept_on_the_scale() -> None:
    chances = grade_chances(9, 1)
    assert sum(chances.values()) == pytest.approx(1)
    assert chances[9] == pytest.approx(CDF(0.5) - CDF(-0.5))
    assert chances[10] == pytest.approx(1 - CDF(0.5))
    assert grade_chances(1, 1)[1] == pytest.approx(CDF(0.5))


@pytest.mark.parametrize(("true", "grade"), [(7, 7), (7.4, 7), (7.6, 8), (10, 10), (1, 1)])
def test_a_judge_without_noise_gives_the_true_grade(true: float, grade: int) -> None:
    assert grade_chances(true, 0) == {n: float(n == grade) for n in range(1, 11)}


def test_a_drop() -> None:
    # Between 1 and 2 with little noise: 1 or 2, as likely. A drop of over half a point: 1 against 2, 1/4.
    assert turn_chance(1.5, 0.01, 0.5, None, 1) == pytest.approx(1 / 4)
    assert turn_chance(1.5, 0.01, 0.5, None, 3) == pytest.approx(1 / 64)
    assert turn_chance(1.5, 0.01, 1.0, None, 1) == 0, "a margin must be exceeded"


def test_a_floor() -> None:
    assert turn_chance(5, 1, 9, 5, 1) == pytest.approx(CDF(-0.5))
    assert turn_chance(5, 1, 9, 5, 3) == pytest.approx(CDF(-0.5) ** 3)


def test_either_rule_stops_and_each_must_be_seen_throughout() -> None:
    # 1 or 2: under a floor of 2 in 1/2, dropped in 1/4, and where it dropped it is under the floor as well.
    assert turn_chance(1.5, 0.01, 0.5, 2, 1) == pytest.approx(1 / 2)
    assert turn_chance(1.5, 0.01, 0.5, 2, 3) == pytest.approx(1 / 64 + 1 / 8 - 1 / 64)


def test_any_of_several_turns() -> None:
    assert any_of([0.1, 0.2, 0.5]) == pytest.approx(1 - 0.9 * 0.8 * 0.5)
    assert any_of([]) == 0


# A run.


def test_the_turns_of_a_run_have_the_baselines_grades() -> None:
    rows = [
        row(1, [5, 5], [9, 7], category="safety"),
        row(2, category="writing"),
        row(3, candidate=(), baseline=()),
    ]
    assert list(turns_of_rows(rows, POLICY)) == [Turn("safety", 9, 2, 4), Turn("safety", 7, 2, 4)]


def test_turns_that_nobody_graded_are_assumed() -> None:
    asked = [question(1, "safety"), question(2, "writing"), question(3, "safety", turns=1)]
    assert list(turns_of_questions(asked, POLICY, {1: {2: 6.0}})) == [
        Turn("safety", 8, 2, 4, known=False),
        Turn("safety", 6, 2, 4),
        Turn("safety", 8, 2, 4, known=False),
    ]


def alarm(noise: JudgeNoise = ASSUMED, gradings: int = 3) -> FalseAlarm:
    found = false_alarm([Turn("safety", 9, 2, 4), Turn("safety", 6, 2, 4)], noise, gradings)
    assert found is not None
    return found


def test_all_turns_together() -> None:
    found = alarm()
    each = [turn_chance(grade, 1, 2, 4, 3) for grade in (9, 6)]
    assert found.chances[1.0] == pytest.approx(1 - (1 - each[0]) * (1 - each[1]))
    assert found.chances[0.5] < found.chances[1.0] < alarm(gradings=1).chances[1.0]


def test_none_where_nothing_is_critical_or_no_accident_happens() -> None:
    assert false_alarm([], ASSUMED, 3) is None
    assert false_alarm([Turn("safety", 9, 2, 4)], ASSUMED, gradings_by(["checks"])) is None
    assert (gradings_by(["judgments"]), gradings_by(["openai"]), gradings_by([])) == (1, 3, 3)
    assert (gradings_by(["judgments", "checks"]), gradings_by(["judgments", "openai"])) == (1, 3)


def test_the_noise_of_a_panel_is_that_of_its_mean() -> None:
    """√(0.3² + 0.4²) / 2 = 0.25; of two of whom one is not known, what is assumed of one over √2."""
    known = [noise_of_judge(None, 0.3), noise_of_judge(None, 0.4)]
    both, half = noise_of_judges(known), noise_of_judges([known[0], noise_of_judge(None, None)])
    assert (both.source, half.source) == ("stated", "assumed")
    assert both.sds == pytest.approx((0.25,))
    assert half.sds == pytest.approx((0.3536, 0.7071), abs=1e-4)
    assert noise_of_judges(known[:1]) == known[0]
    assert noise_of_judges([]) == noise_of_judge(None, None)


def test_measured_noise_goes_before_stated_and_stated_before_assumed() -> None:
    assert noise_of_judge(0.3, 0.4) == JudgeNoise((0.3,), "measured")
    assert noise_of_judge(None, 0.4) == JudgeNoise((0.4,), "stated")
    assert noise_of_judge(None, None) == ASSUMED


# What is said.


def test_the_line() -> None:
    line = false_alarm_line(alarm())
    assert line.startswith("critical: safety: an equal model would be stopped by one turn in ")
    assert line.endswith(" at 1 (both assumed; 3 gradings)")
    line = false_alarm_line(alarm(JudgeNoise((0.42,), "stated"), 1))
    assert line.endswith("of runs at a judge SD of 0.42 (stated; one grading)")


def test_a_strangers_category_steers_nothing() -> None:
    found = false_alarm([Turn("sa\x1b[2Jfe\nty", 9, 2, 4)], ASSUMED, 3)
    assert found is not None
    assert "critical: sa[2Jfe ty: " in false_alarm_line(found)
    assert "sa[2Jfe ty: " in "\n".join(false_alarm_markdown(found))


def test_for_programs() -> None:
    assert false_alarm_result(None) is None
    found = false_alarm_result(alarm(JudgeNoise((1.0,), "measured")))
    assert found is not None
    assert (found["judge_noise"], found["gradings"], found["turns"], found["assumed_grades"]) == (
        "measured",
        3,
        2,
        0,
    )
    assert found["chances"] == [{"judge_sd": 1.0, "chance": alarm().chances[1.0]}]


# In a plan.


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    lines = [question_line(n, turns=["Hello."], category="safety" if n < 5 else "writing") for n in range(10)]
    toml = (
        "[categories.safety]\ncritical = true\nquestion_margin = 2\nfloor = 4\n[judge_noise]\ngpt-4o = 0.5\n"
    )
    return write_bench(tmp_path / "bench", *lines, toml=toml)


def planned(bench: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["plan", f"--mtbench-bench={bench}", "--mtbench-store=none", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)["critical"]


def test_a_plan_assumes_grades_and_takes_a_stated_noise(
    bench: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = planned(bench, capsys, "--mtbench-judge=openai:gpt-4o")
    assert (found["turns"], found["assumed_grades"], found["judge_noise"]) == (5, 5, "stated")
    assert found["chances"] == [
        {"judge_sd": 0.5, "chance": pytest.approx(any_of([turn_chance(8, 0.5, 2, 4, 3)] * 5))}
    ]
    assert [one["judge_sd"] for one in planned(bench, capsys)["chances"]] == [0.5, 1.0]


def test_the_command_says_so(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", f"--mtbench-bench={bench}", "--mtbench-store=none"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "critical: safety: an equal model would be stopped by one turn in" in out
    assert "(both assumed; 3 gradings; assumed grade 8 of every turn)" in out
