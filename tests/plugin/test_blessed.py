"""A blessed baseline in a pytest run: found from the project's root, refused in one line."""

from __future__ import annotations

from mtbench_pytest.bless import bless
from tests.plugin.harness import BARE_AND_XDIST, Example

PAID = "python:stage:judge?paid=1"


def blessed(chat: Example) -> None:
    """Blesses what a first run answered, where every answer is worth 8."""
    assert chat.run(judge=PAID).decision == "PASS"
    bless(chat.path / "mtbench-report", "v1", chat.path / "snapshots" / "baselines")
    chat.forget()


@BARE_AND_XDIST
def test_the_ini_file_names_it(chat: Example, workers: tuple[str, ...]) -> None:
    blessed(chat)
    chat.answers("newer", [9] * 6)
    (chat.path / "pytest.ini").write_text(
        "[pytest]\nmtbench_baseline = blessed:v1\nmtbench_drift_sample = 2\n"
    )
    run = chat.run(*workers, "chat", baseline=None, candidate="answers:newer.jsonl", judge=PAID)
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
