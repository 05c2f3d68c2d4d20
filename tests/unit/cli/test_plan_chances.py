"""How a run will end, against hand arithmetic and published values of the bivariate normal."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from mtbench_pytest.cli import main
from mtbench_pytest.cli.plan.chances import Chances, chances
from mtbench_pytest.cli.plan.power import USUAL, Noise, noise_of, reach
from mtbench_pytest.gate.stats import above, both_above, correlation
from tests.unit.factories import question_line, write_bench

NORMAL = NormalDist()


def outlook(
    questions: int = 80,
    grade: float = 1.26,
    win_rate: float | None = None,
    *,
    margin: float = 0.5,
    both: float = 0.43,
    strata: int = 8,
) -> Chances:
    reaches = [reach("grade", questions, Noise(grade, "seen"), margin, 3, (), strata=strata)]
    if win_rate is not None:
        reaches.append(reach("win rate", questions, Noise(win_rate, "seen"), 0.13, 3, (), strata=strata))
    return chances(reaches, strata, 3, Noise(both, "seen"))


def known(chance: float | None) -> float:
    assert chance is not None
    return chance


# The bivariate normal.


@pytest.mark.parametrize("r", [-0.9, -0.5, 0.0, 0.3, 0.5, 0.9, 0.99])
def test_both_above_their_means(r: float) -> None:
    """Sheppard (1899): 1/4 + arcsin(r) / 2π."""
    assert both_above(0, 0, r) == pytest.approx(0.25 + math.asin(r) / (2 * math.pi), abs=1e-6)


def test_both_above_without_correlation_is_a_product() -> None:
    assert both_above(0.5, -1.2, 0) == pytest.approx(NORMAL.cdf(-0.5) * NORMAL.cdf(1.2))
    assert above(1.6449) == pytest.approx(0.05, abs=1e-5)


def test_both_above_with_all_correlation_is_the_rarer() -> None:
    assert both_above(0.5, -1.2, 1) == pytest.approx(NORMAL.cdf(-0.5), abs=1e-4)


def test_both_above_far_away() -> None:
    assert both_above(-math.inf, 1.0, 0.5) == above(1.0)
    assert both_above(math.inf, 1.0, 0.5) == 0


def test_correlation_within_categories() -> None:
    assert correlation([1, 2, 3, 4], [2, 4, 6, 8]) == pytest.approx(1)
    # By hand: Σxy = 3, Σx² = 10, Σy² = 10, about means of 3.
    assert correlation([1, 2, 3, 4, 5], [2, 4, 1, 5, 3]) == pytest.approx(0.3)
    # Two categories that lie far apart: what lies between them counts for nothing.
    first, second = [1, 2, 3, 4, 5, 11, 12, 13, 14, 15], [2, 4, 1, 5, 3, 12, 14, 11, 15, 13]
    assert correlation(first, second, ["a"] * 5 + ["b"] * 5) == pytest.approx(0.3)
    assert math.isnan(correlation([1, 1, 1], [1, 2, 3]))


# The chances.


def test_by_hand_with_grades_alone() -> None:
    found = outlook()
    # The spread as if two more questions lay a point to either side: 1.26² + 2/72 = 1.6154, √(1.6154 / 80) =
    # 0.14210. t(0.95, 72) = 1.6663, so the bound lies 0.23678 below the mean, which must be above -0.26322:
    # 1.8685 standard errors of 1.26 / √80 = 0.14087 below 0.
    assert known(found.equal_passes) == pytest.approx(NORMAL.cdf(1.8685), abs=1e-4)
    assert known(found.half_a_point_passes) == pytest.approx(NORMAL.cdf((-0.5 + 0.26322) / 0.14087), abs=1e-4)
    # t(1 - 0.025/3, 72) = 2.4509: a mean under -0.34828, but one above -0.26322 is non-inferior.
    assert known(found.one_point_caught) == pytest.approx(NORMAL.cdf((1 - 0.34828) / 0.14087), abs=1e-6)
    assert found.correlation is None


def test_what_is_non_inferior_is_no_regression() -> None:
    """A margin so wide that a mean may be below 0 beyond doubt and pass all the same."""
    found = outlook(margin=0.9, questions=800)
    # 800 questions: the bound lies t(0.95, 792) · 1.26006 / √800 = 0.07336 under the mean.
    error = 1.26 / math.sqrt(800)
    assert known(found.one_point_caught) == pytest.approx(NORMAL.cdf((1 - 0.9 + 0.07336) / error), abs=1e-3)


def test_grades_and_win_rate_together() -> None:
    alone, win_rate = known(outlook().equal_passes), known(outlook(grade=1e-6, win_rate=0.39).equal_passes)
    together = known(outlook(win_rate=0.39, both=0.0).equal_passes)
    assert together == pytest.approx(alone * win_rate, abs=1e-6)
    assert together < known(outlook(win_rate=0.39, both=0.43).equal_passes) < min(alone, win_rate)


def test_by_hand_with_a_win_rate_alone() -> None:
    found = outlook(grade=1e-6, win_rate=0.4, strata=1)
    # At a mean m the scores vary by 0.16 - (m - 1/2)², and half a win and half a loss are added: with
    # m = 0.4444 centre 0.44509, Σ² = 79 · 0.15691 + 0.25308 = 12.649, error √(12.649 / 80 / 81) = 0.04418,
    # t(0.95, 80) = 1.6641: bound 0.3716; the line is 0.37, which m = 0.44280 reaches.
    z = (0.5 - 0.44280) / (0.4 / math.sqrt(80))
    assert known(found.equal_passes) == pytest.approx(NORMAL.cdf(z), abs=2e-3)


def test_the_usual_bench_as_measured() -> None:
    """benchmarks/chances.py draws whole runs: 87 to 89 % at 80 questions, at most 5 %, 99 % and more."""
    found = outlook(grade=USUAL["grade"], win_rate=USUAL["win rate"])
    assert known(found.equal_passes) == pytest.approx(0.89, abs=0.01)
    assert known(found.half_a_point_passes) < 0.05
    assert known(found.one_point_caught) > 0.99


def test_more_judges_leave_less_noise() -> None:
    one, two, three, four = (noise_of("grade", None, None, judges).sd for judges in (1, 2, 3, 4))
    assert (two / one) ** 2 == pytest.approx(0.75)
    assert (three / one) ** 2 == pytest.approx(0.70)
    assert four == three
    assert (noise_of("win rate", None, None, 3).sd / USUAL["win rate"]) ** 2 == pytest.approx(0.60)
    assert noise_of("grade", 2.0, None, 3).sd == 2.0, "what is stated is of the run as it is"


def test_too_few_questions_have_no_chances() -> None:
    found = outlook(questions=17)
    assert (found.equal_passes, found.half_a_point_passes, found.one_point_caught) == (None, None, None)
    assert found.why_not == "17 questions are too few to tell; it takes 18"
    assert outlook(questions=18).equal_passes is not None


# The command.


def planned(bench: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", f"--mtbench-bench={bench}", "--mtbench-store=none", *arguments]) == 0
    return capsys.readouterr().out


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    lines = (question_line(n, turns=["Hello."], category=f"c{n % 8}") for n in range(80))
    return write_bench(tmp_path / "bench", *lines)


def test_the_command_tells_them(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = planned(bench, capsys)
    assert "an equal candidate: PASS                89 %\n" in out
    assert "half a point lower: PASS           under 1 %\n" in out
    assert "one point lower: REGRESSION        over 99 %\n" in out
    assert "the win rate is 13.0 % lower for each 0.5 points" in out
    assert "an equal candidate: PASS                97 %\n" in planned(
        bench, capsys, "--mtbench-pairwise=off"
    )


def test_json_has_them(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: Any = json.loads(planned(bench, capsys, "--json", "--sd=3"))["chances"]
    assert found["equal_passes"] < 0.5
    assert found["correlation"]["sd"] == 0.43
    assert found["why_not"] == ""


def test_of_few_questions_it_says_why_there_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = write_bench(tmp_path / "few", *(question_line(n) for n in range(4)))
    out = planned(few, capsys)
    assert "an equal candidate: PASS -" in " ".join(out.split())
    assert "no chances: 4 questions are too few to tell; it takes 11" in out
