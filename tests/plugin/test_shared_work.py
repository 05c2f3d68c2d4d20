"""pytest-xdist: workers share what costs something, and take over from one that dies."""

from __future__ import annotations

import pytest

from tests.plugin.harness import Example

SAME = ("decision", "reasons", "endpoints", "categories", "rows", "candidate", "baseline", "judge", "bench")
JUDGE = "python:stage:judge?paid=1"


def paid(name: str, *more: str) -> str:
    return "&".join((f"python:stage:model?paid=1&name={name}", *more))


@pytest.mark.parametrize(("distribution", "device"), [("worksteal", ""), ("loadscope", "1")])
def test_everything_is_made_once(example: Example, distribution: str, device: str) -> None:
    """Of models on a device and on a server."""
    example.bench(questions=10)
    parties = {side: paid(side, "seconds=0.01", f"device={device}") for side in ("candidate", "baseline")}
    options = ("--mtbench-store=none", f"--dist={distribution}")
    bare = example.run("--mtbench-store=none", judge=JUDGE, **parties)
    expected = bare.report()
    example.forget()
    spread = example.run("-n2", *options, judge=JUDGE, **parties)
    assert (spread.status, spread.outcomes) == (bare.status, bare.outcomes)
    assert {key: spread.report()[key] for key in SAME} == {key: expected[key] for key in SAME}
    assert len(example.asked()) == len(set(example.asked())) == 10 * (2 + 8)


def test_two_benches_share_the_workers(example: Example) -> None:
    """One worker has the model; each judges for its own tests, for the judge costs nothing."""
    example.bench("first", questions=6)
    example.bench("second", questions=4, first=11)
    run = example.run("-n2", candidate=paid("new"), baseline=paid("old"))
    assert run.outcomes == {"passed": 10}
    for name in ("first", "second"):
        assert f"{name}: PASS" in run.lines
        assert run.report(f"mtbench-report/{name}")["decision"] == "PASS"
    assert not run.wrote()
    assert len(example.asked()) == len(set(example.asked())) == 10 * (2 + 8)


KILLER = """
import os, signal
from pathlib import Path

def test_question(mtbench_question, mtbench_judged):
    if mtbench_question.question_id == 5:
        mark = Path(__file__).with_name("killed")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_worker_loses_its_work_to_the_others(example: Example) -> None:
    """It dies in the middle of the run."""
    bench = example.bench(questions=12)
    (bench / "test_chat.py").write_text(KILLER)
    slow = "seconds=0.1"
    run = example.run("-n2", candidate=paid("new", slow), baseline=paid("old", slow), judge=JUDGE)
    assert run.outcomes["passed"] == 11, run.out
    assert run.outcomes["failed"] == 1, "the test that its worker died of"
    assert "worker 'gw" in run.out
    assert run.report()["questions"]["judged"] == 12, "its row had been sent before"
    asked = example.asked()
    assert len(set(asked)) == 12 * (2 + 8)
    # One answer of each model and the judgments under way may have died with the worker.
    assert len(asked) - len(set(asked)) <= 2 + 16


def test_a_worker_killed_in_mid_generation(example: Example) -> None:
    """The one that has the model dies while it answers: another begins where it stopped."""
    example.own_process = True
    bench = example.bench(questions=8)
    example.answers("old", [7] * 8)
    (bench / "conftest.py").write_text(
        "import os, signal, stage\n"
        "from pathlib import Path\n"
        "log = stage.log\n"
        "def fatal(*words):\n"
        "    log(*words)\n"
        "    mark = Path(__file__).with_name('killed')\n"
        "    if words[:2] == ('answer', 4) and not mark.exists():\n"
        "        mark.touch()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "stage.log = fatal\n"
    )
    run = example.run("-n2", candidate=paid("new"), baseline="answers:old.jsonl", judge=JUDGE)
    assert run.outcomes["failed"] == 1, run.out
    assert run.outcomes["passed"] == 7
    asked = example.asked("answer")
    assert [line for line in set(asked) if asked.count(line) > 1] == ["answer 4 new"]
