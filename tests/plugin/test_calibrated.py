"""A run says how far its judge agrees with people, where its bench knows."""

from __future__ import annotations

import json

import pytest

from mtbench_pytest.cli import main
from tests.plugin.harness import Example


def vote(question_id: int, winner: str) -> str:
    """A person's, on the second turn of the two models that the harness runs."""
    names = {"judge": "ann", "model_a": "old", "model_b": "new"}
    return json.dumps({**names, "question_id": question_id, "turn": 2, "winner": winner}) + "\n"


def test_agreement_measured_on_one_run_is_told_by_the_next(
    chat: Example, capsys: pytest.CaptureFixture[str]
) -> None:
    chat.grades([9, 7, 2, 8, 8, 5.5])
    before = chat.run()
    assert "judge scripted-judge: not calibrated; mtbench agreement compares it with" in before.out
    assert before.report()["calibration"] is None

    # The judge saw: new, old, old, tie, tie, old. A person agrees on all but the last.
    winners = ["model_b", "model_a", "model_a", "tie", "tie", "tie"]
    human = chat.path / "human.jsonl"
    human.write_text("".join(vote(n, winner) for n, winner in enumerate(winners, 1)))
    judge = chat.path / "mtbench-report" / "model_judgment"
    bench = str(chat.path / "chat")
    assert main(["agreement", "--human", str(human), "--judge", str(judge), "--write", bench]) == 0
    capsys.readouterr()

    after = chat.run()
    assert "judge scripted-judge agrees with people in 83.3 % of 6 votes, kappa 0.7" in after.out
    assert (after.report()["calibration"]["agree"], after.report()["calibration"]["n"]) == (5, 6)
    assert "## Agreement with people" in (chat.path / "mtbench-report" / "report.md").read_text()
