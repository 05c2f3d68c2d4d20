"""Ctrl-C: soon over, status 2, and a report of what there was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from tests.plugin.harness import BARE_AND_XDIST, Example, wait_until

SOON = 15.0  # seconds, on a busy machine


def interrupted(example: Example, *options: str, hold: int) -> tuple[int, str, float]:
    """Runs pytest, whose candidate waits at a question, and interrupts it there, as a terminal does."""
    (example.path / "hold").touch()
    command = [sys.executable, "-m", "pytest", "--mtbench-baseline=answers:old.jsonl", *options]
    with subprocess.Popen(
        [*command, "--mtbench-judge=python:stage:judge"],
        cwd=example.path,
        env={**os.environ, "PYTHONPATH": str(example.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background jobs, which the tests may be one of, hand down that they ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        wait_until(lambda: example.asked(f"answer {hold} "), process)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
        return process.returncode, out, time.monotonic() - began


@BARE_AND_XDIST
def test_an_interrupted_run_ends_soon_and_is_partial(chat: Example, workers: tuple[str, ...]) -> None:
    status, out, took = interrupted(chat, "--mtbench-candidate=python:stage:model?hold=3", *workers, hold=3)
    assert status == 2, out
    assert took < SOON, out
    assert "INTERNALERROR" not in out
    assert "chat: PARTIAL" in out, out
    assert (chat.path / "mtbench-report" / "partial" / "result.json").exists()
    assert not (chat.path / "mtbench-report" / "result.json").exists()


def test_a_model_that_blocks_the_loop_does_not_hold_up_the_end(chat: Example) -> None:
    """A user's own model may block where it should await: its call is left behind in silence."""
    status, out, took = interrupted(chat, "--mtbench-candidate=python:stage:model?hold=1&blocks=1", hold=1)
    assert status == 2, out
    assert took < SOON, out
    assert "chat: PARTIAL" in out, out
    assert "Traceback" not in out, out
