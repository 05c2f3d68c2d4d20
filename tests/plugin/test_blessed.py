"""A blessed baseline in a pytest run: found from the project's root, refused in one line."""

from __future__ import annotations

from mtbench_pytest.cli.bless import bless
from tests.plugin.harness import Example

PAID = "python:stage:judge?paid=1"


def blessed(chat: Example) -> None:
    """Blesses what a first run answered, where every answer is worth 8."""
    assert chat.run(judge=PAID).decision == "PASS"
    bless(chat.path / "mtbench-report", "v1", chat.path / "snapshots" / "baselines")
    chat.forget()


def test_the_ini_file_names_it(chat: Example) -> None:
    blessed(chat)
    chat.answers("newer", [9] * 6)
    (chat.path / "pytest.ini").write_text(
        "[pytest]\nmtbench_baseline = blessed:v1\nmtbench_drift_sample = 2\n"
    )
    run = chat.run("chat", baseline=None, candidate="answers:newer.jsonl", judge=PAID)
    assert run.decision == "PASS", run.out
    assert len(chat.asked("grade")) == 6 * 2 + 2 * 2, (
        "the candidate's, and two of the baseline's answers again"
    )
    assert "its 12 grades stand" in run.out.replace("\n ", "")
    assert run.report()["judge"]["drift"]["n"] == 2


def test_the_switch_regrades(chat: Example) -> None:
    blessed(chat)
    parties = {"candidate": "answers:old.jsonl", "baseline": "blessed:v1", "judge": PAID}
    run = chat.run("--mtbench-regrade-baseline", "chat", **parties)
    assert run.decision == "PASS", run.out
    assert len(chat.asked("grade")) == 2 * 6 * 2
    assert run.report()["baseline"]["blessed"]["grades"] == 0


def test_a_file_that_was_tampered_with(chat: Example) -> None:
    blessed(chat)
    path = chat.path / "snapshots" / "baselines" / "v1" / "model_answer" / "new.jsonl"
    path.write_text(path.read_text().replace("worth 8", "worth 3", 1))
    chat.run(baseline="blessed:v1", judge=PAID).refused(str(path), "changed since it was blessed as v1")


NEAR = [8, 9, 7, 8, 8, 7, 9, 8]
LOWER = [7, 6, 7, 6, 6, 7, 7, 6]


def test_its_grades_narrow_the_looks_alike_in_every_process(example: Example) -> None:
    """What is known of the rest has a part in each look, and xdist's controller has it from its workers."""
    example.bench(questions=48)
    example.grades(NEAR * 6)
    assert example.run("--mtbench-early-stop=off", judge=PAID).decision == "PASS"
    bless(example.path / "mtbench-report", "v1", example.path / "snapshots" / "baselines")
    example.answers("worse", LOWER * 6)
    parties = {"candidate": "answers:worse.jsonl", "baseline": "blessed:v1", "judge": PAID}
    ways = []
    for workers in ((), ("-n2",)):
        run = example.run("--mtbench-store=none", *workers, "chat", **parties)
        assert run.decision == "REGRESSION", run.out
        early = run.report()["early_stop"]
        assert early["known"] == 48
        assert "knowing the blessed baseline's grades on all 48" in " ".join(run.out.split())
        ways.append((early["looks"], early["alone"], run.outcomes, run.report()["reasons"]))
    assert ways[0] == ways[1]


def test_grades_made_anew_are_not_known_beforehand(example: Example) -> None:
    example.bench(questions=40)
    example.grades([8] * 40)
    assert example.run("--mtbench-early-stop=off", judge=PAID).decision == "PASS"
    bless(example.path / "mtbench-report", "v1", example.path / "snapshots" / "baselines")
    parties = {"candidate": "answers:old.jsonl", "baseline": "blessed:v1", "judge": PAID}
    run = example.run("--mtbench-regrade-baseline", "chat", **parties)
    assert run.report()["early_stop"]["known"] == 0, run.out
