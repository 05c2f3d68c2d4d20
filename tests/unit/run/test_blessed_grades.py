"""Blessed grades in a run: all of them stand, or none; and the judge is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtbench_pytest.cli.plan.plan import make_plan
from mtbench_pytest.core.records import GradeTask
from mtbench_pytest.report.result import row_result
from mtbench_pytest.run.bench_run import BenchRun
from mtbench_pytest.run.settings import Sources, read_settings
from tests.unit.blessing import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run was blessed as v1: every answer is worth 8, and the judge said so."""
    made = Home(tmp_path)
    made.run(made.answers("good", 8), made.answers("old", 8), keep=True)
    made.bless()
    return made


def blessed(run: BenchRun) -> dict[str, object]:
    found: dict[str, object] = run.parties["baseline"]["blessed"]
    return found


def tried(home: Home) -> set[object]:
    """The questions whose blessed answers were graded again in the last run."""
    return {
        task.question.question_id
        for task in home.asked
        if isinstance(task, GradeTask) and task.answer.model == "good"
    }


def test_grades_stand_and_some_are_tried_again(home: Home) -> None:
    run, decision = home.run(home.answers("new", 8), "blessed:v1", drift_sample="4")
    assert decision.outcome == "PASS"
    assert home.graded("good") == 4 * 2, "the answers graded again, and no others"
    assert home.graded("new") == 6 * 2
    categories = [run.rows[number].category for number in tried(home)]  # type: ignore[index]
    assert sorted(categories) == ["travel", "travel", "writing", "writing"]
    assert run.rows[1].grade("baseline") == 8
    assert (blessed(run)["grades"], blessed(run)["graded_anew"]) == (12, "")
    drift = home.result["judge"]["drift"]
    assert (drift["asked"], drift["n"], drift["shift"], drift["beyond_noise"]) == (4, 4, 0, False)


def test_it_is_tried_in_each_run_whatever_is_stored(home: Home) -> None:
    new = home.answers("new", 8)
    for first in (True, False):
        home.run(new, "blessed:v1", keep=True, drift_sample="2")
        assert home.graded("good") == 2 * 2
        assert home.graded("new") == (12 if first else 0)


def test_without_a_trial_the_judge_is_not_asked_about_the_baseline(home: Home) -> None:
    run, _ = home.run(home.answers("new", 8), "blessed:v1", drift_sample="0")
    assert home.graded("good") == 0
    assert run.parties["judge"]["drift"] is None
    assert "judge drift: not looked for" in run.notes


def test_a_judge_that_moved_gets_no_verdict(home: Home) -> None:
    run, decision = home.run(home.answers("new", 9), "blessed:v1", "shift=-1")
    assert decision.outcome == "NO VERDICT"
    assert decision.reasons[0] == (
        "the judge has drifted: it grades 1.00 points lower than when v1 was blessed (6 of its answers "
        "graded again, 99 % bounds -1.00 and -1.00), so that old and new grades cannot be compared; "
        "--mtbench-regrade-baseline grades the baseline anew"
    )
    assert run.incomparable
    assert home.result["judge"]["drift"]["shift"] == -1
    report = (home.path / "mtbench-report" / "report.md").read_text("utf-8")
    assert "judge drift: -1.00 points, more than noise" in report


def test_a_part_of_the_bench_tries_what_it_has(home: Home) -> None:
    run, decision = home.run(home.answers("new", 8), "blessed:v1", "shift=-1", select=[1, 2])
    assert (decision.outcome, tried(home)) == ("PARTIAL", {1, 2})
    assert run.incomparable
    run, _ = home.run(home.answers("new", 8), "blessed:v1", "shift=-1", select=[1])
    assert not run.incomparable, "one difference has no spread"


def test_a_judge_that_cannot_be_tried_gets_no_verdict(tmp_path: Path) -> None:
    home = Home(tmp_path, questions=40)
    home.run(home.answers("good", 8), home.answers("old", 8), early_stop="off")
    home.bless()
    home.run(home.answers("new", 8), "blessed:v1", drift_sample="2", early_stop="off")
    first, second = map(str, tried(home))
    # Coverage alone would do: 38 of 40 questions.
    failing = f"fail={first},{second}"
    run, decision = home.run(
        home.answers("new", 8), "blessed:v1", failing, drift_sample="2", early_stop="off"
    )
    assert decision.outcome == "NO VERDICT"
    assert decision.reasons[0].startswith(
        "whether the judge has drifted is not known: 0 of 2 blessed answers could be graded again"
    )
    assert run.incomparable == decision.reasons[0]


def test_repeats_stand_too_and_tell_the_judges_noise(home: Home) -> None:
    """Blessed with grades 8 and 9 of every reply: sd 0.7071, and √(0.5 · (1 + ½) / 2) for a difference."""
    good = home.answers("good", 8)
    home.run(good, home.answers("old", 8), "wobble=0,1", judge_repeats="2")
    home.bless("twice")
    new = home.answers("new", 8)
    run, _ = home.run(new, "blessed:twice", "wobble=0,1", judge_repeats="2", margin="0.5")
    assert home.graded("good") == 6 * 2, "each of its replies once more"
    assert run.rows[1].grade("baseline") == 8.5
    assert run.rows[1].repeated("baseline") == {1: (8, 9), 2: (8, 9)}
    (standing,) = run.contest.standings.values()
    assert standing.noise == pytest.approx(0.6124, abs=1e-4)
    drift = home.result["judge"]["drift"]
    assert (drift["shift"], drift["beyond_noise"]) == (-0.5, False), "alike, but within the judge's noise"
    assert (
        "judge warning: so few answers cannot exclude a drift as large as the margin, 0.5; "
        "--mtbench-drift-sample 10 looks closer"
    ) in run.notes
    assert drift["upper"] - drift["shift"] == pytest.approx(2.5758 * 0.6124 / 6**0.5, abs=1e-3)


def test_fewer_repeats_than_are_blessed_are_the_first(home: Home) -> None:
    home.run(home.answers("good", 8), home.answers("old", 8), "wobble=0,1", judge_repeats="2")
    home.bless("twice")
    run, _ = home.run(home.answers("new", 8), "blessed:twice", "wobble=0,1")
    assert run.rows[1].grade("baseline") == 8
    assert blessed(run)["grades"] == 12


def test_more_repeats_than_are_blessed_grade_all_anew(home: Home) -> None:
    run, _ = home.run(home.answers("new", 8), "blessed:v1", judge_repeats="2")
    assert blessed(run)["graded_anew"] == "it has no grade of question 1, turn 1 for the 2. time"
    assert home.graded("good") == 24


def test_a_run_that_may_stop_early_does_not_on_grades_that_cannot_be_compared(tmp_path: Path) -> None:
    home = Home(tmp_path, questions=40)
    home.run(home.answers("good", 8), home.answers("old", 8), early_stop="off")
    home.bless()
    new = home.answers("new", 8)
    _, decision = home.run(new, "blessed:v1", early_stop="on")
    assert (decision.outcome, decision.early is not None) == ("PASS", True)
    _, decision = home.run(new, "blessed:v1", "shift=-1", early_stop="on")
    assert decision.outcome == "NO VERDICT"
    assert "the judge has drifted" in decision.reasons[0]


def test_a_recorded_run_is_replayed_with_the_grades_that_stood(home: Home) -> None:
    live, decision = home.run(home.answers("new", 7), "blessed:v1", record="new")
    assert decision.outcome == "REGRESSION"
    again, replayed = home.run(f"answers:{home.path / 'new.jsonl'}", "blessed:v1", record="none")
    assert home.asked == []
    assert [row_result(row) for row in again.ordered_rows()] == [
        row_result(row) for row in live.ordered_rows()
    ]
    assert (replayed.outcome, replayed.reasons) == (decision.outcome, decision.reasons)


def test_what_cannot_be_compared_is_not_recorded(home: Home) -> None:
    _, decision = home.run(home.answers("new", 8), "blessed:v1", "shift=-1", record="new")
    assert decision.outcome == "NO VERDICT"
    assert not list((home.path / "snapshots" / "chat").glob("*.json"))


def test_recorded_grades_are_none_of_a_regrading_runs(home: Home) -> None:
    new = home.answers("new", 8)
    home.run(new, "blessed:v1", record="new")
    run, decision = home.run(new, "blessed:v1", "shift=-1", record="new", regrade_baseline="on")
    assert (home.graded("good"), home.graded("new")) == (12, 12)
    assert run.rows[1].grade("candidate") == 7
    _, replayed = home.run(new, "blessed:v1", "shift=-1", record="none")
    assert (home.asked, replayed.outcome) == ([], decision.outcome)


@pytest.mark.parametrize(
    ("option", "value", "calls"),
    [("drift_sample", "8", 12 + 12 + 24), ("drift_sample", "0", 12 + 24), ("regrade_baseline", "on", 48)],
)
def test_a_plan_counts_what_stands_and_what_is_tried(home: Home, option: str, value: str, calls: int) -> None:
    new = home.answers("new", 8)
    given = {
        "candidate": new,
        "baseline": "blessed:v1",
        "judge": "python:tests.unit.blessing:judge",
        "bench": str(home.path / "chat"),
        option.replace("_", "-"): value,
    }
    places = (home.path, home.path)
    settings = read_settings(
        Sources(lambda option: given.get(option.name), here=places[0], ini_folder=places[1])
    )
    assert make_plan(settings, folder=home.path).work[0].calls == calls
    drift, regrade = (value if option == name else "" for name in ("drift_sample", "regrade_baseline"))
    home.run(new, "blessed:v1", drift_sample=drift or "8", regrade_baseline=regrade or "off")
    assert len(home.asked) == calls


def test_regraded_both_sides_grades_are_of_this_run(home: Home) -> None:
    new = home.answers("new", 9)
    home.run(new, "blessed:v1", keep=True)
    run, decision = home.run(new, "blessed:v1", "shift=-1", keep=True, regrade_baseline="on")
    assert (home.graded("good"), home.graded("new")) == (12, 12), "not even from the store"
    assert decision.outcome == "PASS"
    row = run.rows[1]
    assert (row.grade("candidate"), row.grade("baseline")) == (8, 7)
    assert blessed(run)["grades"] == 0
    assert any("the grades of both sides are this run's" in note for note in run.notes)
    home.run(new, "blessed:v1", "shift=-1", keep=True, regrade_baseline="on")
    assert home.graded("good") == 12, "the next run is another"


def test_a_regrading_run_that_was_cut_off_goes_on(home: Home) -> None:
    new = home.answers("new", 9)
    home.run(new, "blessed:v1", keep=True, regrade_baseline="on", select=[1, 2])
    assert home.graded("good") == 4
    home.run(new, "blessed:v1", keep=True, regrade_baseline="on")
    assert (home.graded("good"), home.graded("new")) == (8, 8)


def anew(home: Home, why: str, judge: str = "") -> None:
    run, decision = home.run(home.answers("new", 8), "blessed:v1", judge)
    assert decision.outcome == "PASS"
    assert blessed(run)["graded_anew"] == why
    assert (blessed(run)["grades"], blessed(run)["checked"]) == (0, 0)
    assert home.graded("good") == 12
    assert run.parties["judge"]["drift"] is None
    assert any(f"all its answers are graded anew: {why}" in note for note in run.notes)


def test_another_judge_grades_all_anew(home: Home) -> None:
    anew(home, "it was graded by another judge, judge (temperature 0.0 then, 1.0 now)", "warmth=1")


def test_another_prompt_grades_all_anew(home: Home) -> None:
    prompts = home.path / "chat" / "judge_prompts.jsonl"
    prompts.write_text(prompts.read_text().replace('"system_prompt": ""', '"system_prompt": "Be strict."'))
    anew(home, "question 1, turn 1 was graded under another prompt or reference")


def test_another_reference_grades_all_anew(home: Home) -> None:
    """Also where no prompt shows it: the judge may read it otherwise."""
    home.lines[3]["reference"] = ["right", "right"]
    home.write()
    anew(home, "the references or checks of question 4 were changed")


def test_a_baseline_without_a_grade_is_graded_anew(home: Home) -> None:
    home.run(home.answers("good", 8), home.answers("old", 8))
    files = home.path / "mtbench-report" / "model_judgment" / "judge_single.jsonl"
    lines = files.read_text("utf-8").splitlines(keepends=True)
    files.write_text("".join(line for line in lines if '"question_id": 2' not in line), "utf-8")
    home.bless(replace=True)
    anew(home, "it has no grade of question 2, turn 1")


def test_a_judge_that_costs_nothing_is_not_tried(home: Home) -> None:
    run, decision = home.run(home.answers("new", 8), "blessed:v1", "free=1")
    assert (decision.outcome, home.graded("good"), blessed(run)["checked"]) == ("PASS", 0, 0)


def test_a_server_that_changed_its_name_is_told(home: Home) -> None:
    home.run(home.answers("good", 8), home.answers("old", 8), "served=judge-1")
    home.bless("named")
    new = home.answers("new", 8)
    same, _ = home.run(new, "blessed:named", "served=judge-1")
    assert not [note for note in same.notes if "its server gives" in note]
    other, decision = home.run(new, "blessed:named", "served=judge-2")
    assert (
        "judge warning: its server gives its model as judge-2; judge-1 when the baseline was blessed"
        in other.notes
    )
    assert decision.outcome == "PASS"
    served = home.result["judge"]["served"]
    assert served == [{"model": "judge-2", "fingerprint": "", "n": 12 + 24}], "grades and games of this run"


def test_other_sampling_is_told(home: Home) -> None:
    run, _ = home.run(home.answers("new", 8), "blessed:v1", max_new_tokens="99")
    assert (
        "baseline warning: it was answered under other settings (at most 1024 new tokens, now 99)"
        in run.notes
    )
