"""Generation and judging together, against the longer of the two alone.

Together: two demo models answer, and a judge that takes 0.5 s a call judges what is finished.
Generation alone: the same answers, graded by the `checks` judge, which costs nothing.
Judging alone: the same answers from files, the same judge.
Each is a whole pytest process, so what a process takes to start is in all three.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from _server import ServerProcess
from _table import Figure, arguments, finish
from _workbench import BASELINE, CANDIDATE, Workbench, demos, sides, workbench

LATENCY = 0.5
BAR = 1.15


class Trial:
    """The three runs, one after the other.

    Args:
        questions: Two-turn questions.
        tokens: Most new tokens of a reply.
        concurrency: Most judge calls at once.
    """

    def __init__(self, questions: int, tokens: int, concurrency: int) -> None:
        models = demos(tokens)
        calls = f"--mtbench-concurrency={concurrency}"
        with (
            workbench(questions, checks=True) as alone,
            workbench(questions, checks=True) as both,
            ServerProcess(LATENCY) as server,
        ):
            self.generating = alone.run(*models, "--mtbench-judge=checks").seconds
            alone.all_judged()
            self.together = both.run(*models, server.judge, calls).seconds
            both.all_judged()
            self.unlike = unlike(answers(alone), answers(both))
            self.calls = server.counts().served
            server.forget()
            with workbench(questions, checks=True) as recorded:
                for name in (CANDIDATE, BASELINE):
                    shutil.copy(answer_file(both, name), recorded.folder)
                files = sides(f"answers:{CANDIDATE}.jsonl", f"answers:{BASELINE}.jsonl")
                self.judging = recorded.run(*files, server.judge, calls).seconds
                recorded.all_judged()
            if server.counts().served != self.calls:
                raise SystemExit(f"{server.counts().served} calls alone, {self.calls} together")


def answer_file(bench: Workbench, name: str) -> Path:
    """A model's answers in the report."""
    return bench.folder / "mtbench-report" / "model_answer" / f"{name}.jsonl"


def answers(bench: Workbench) -> list[object]:
    """What both models said."""
    return [(line["question_id"], line["choices"]) for line in bench.report_lines("model_answer/*.jsonl")]


def unlike(some: list[object], others: list[object]) -> int:
    """How many answers differ; where any does, the runs did not do the same work."""
    return sum(a != b for a, b in zip(some, others, strict=True))


def main() -> int:
    """Measures and prints."""
    parser = arguments(__doc__)
    parser.add_argument("--questions", type=int, default=32, metavar="N", help="two-turn questions (32)")
    parser.add_argument("--tokens", type=int, default=32, metavar="N", help="new tokens of a reply (32)")
    parser.add_argument("--concurrency", type=int, default=16, metavar="N", help="judge calls at once (16)")
    options = parser.parse_args()
    trials = [Trial(options.questions, options.tokens, options.concurrency) for _ in range(options.repeat)]
    longer = [max(trial.generating, trial.judging) for trial in trials]
    ratio = [trial.together / alone for trial, alone in zip(trials, longer, strict=True)]
    in_sum = [trial.together / (trial.generating + trial.judging) for trial in trials]
    return finish(
        [
            Figure("generation alone", [trial.generating for trial in trials]),
            Figure(f"judging alone, {trials[0].calls} calls", [trial.judging for trial in trials]),
            Figure("together", [trial.together for trial in trials]),
            Figure("together over the longer alone", ratio, "", BAR),
            Figure("together over the sum of both", in_sum, ""),
            Figure("answers unlike those alone", [trial.unlike for trial in trials], "", 0, exact=True),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
