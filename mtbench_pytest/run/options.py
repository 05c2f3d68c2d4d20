"""The options by name, for command line, ini file and `mtbench doctor`.

Imports nothing that pytest has not loaded: every pytest run on the machine reads this file.
"""

from __future__ import annotations

from typing import Any


class Option:
    """An option `--mtbench-NAME`, whose ini twin is `mtbench_NAME`.

    A switch takes no value on the command line, and `on` or `off` in the ini file. One that may be given
    several times has in the ini file a string, a line for each, or a list.
    """

    __slots__ = ("default", "help", "metavar", "name", "several", "switch")

    def __init__(
        self,
        name: str,
        metavar: str,
        help: str,
        default: str | None = None,
        *,
        switch: bool = False,
        several: bool = False,
    ) -> None:
        self.name = name
        self.metavar = metavar
        self.help = help if default is None else f"{help} (default: {default})"
        self.default = default
        self.switch = switch
        self.several = several

    @property
    def flag(self) -> str:
        """As on the command line."""
        return f"--mtbench-{self.name}"

    @property
    def how(self) -> dict[str, Any]:
        """How argparse reads it."""
        if self.switch:
            return {"action": "store_const", "const": "on"}
        return {"metavar": self.metavar, **({"action": "append"} if self.several else {})}

    @property
    def key(self) -> str:
        """As in an ini file, and as argparse's destination."""
        return f"mtbench_{self.name}".replace("-", "_")

    @property
    def field(self) -> str:
        """As in the settings."""
        return self.name.replace("-", "_") + ("s" if self.several else "")


OPTIONS = (
    Option(
        "candidate",
        "SPEC",
        "model under test: hf:PATH_OR_REPO, openai:MODEL?base_url=URL, answers:FILE.jsonl, demo, "
        "or python:MODULE:FACTORY",
    ),
    Option("baseline", "SPEC", "model it is compared with, named in the same way, or blessed:NAME"),
    Option(
        "judge",
        "SPEC",
        "who grades: openai:MODEL?base_url=URL, judgments:FILE_OR_DIR, checks (offline), "
        "or python:MODULE:FACTORY; given several times, a panel of judges whose mean counts",
        several=True,
    ),
    Option("bench", "DIR|NAME", "bench folder or shipped suite (default: the folder of the test module)"),
    Option("margin", "POINTS", "how far the mean grade may lie under the baseline's", "0.5"),
    Option("win-rate-margin", "SHARE", "how far the win rate may lie under one half, 0 to 0.5", "0.13"),
    Option("question-margin", "POINTS", "how far one question may drop before it is asked again", "5"),
    Option(
        "question-policy",
        "fail|report",
        "what becomes of the test of a question whose drop stands when it is asked again: an xfail, so that "
        "the gate alone decides, or a failure",
        "report",
    ),
    Option("pairwise", "on|off", "also compare the answers pairwise, in both orders", "on"),
    Option(
        "early-stop",
        "on|off",
        "skip the questions after which the decision is certain (default: on where calls of the judge cost "
        "something, off while recording and where a question has more than one plain test)",
    ),
    Option(
        "sample",
        "N|NAME",
        "run on a declared sample: N questions drawn evenly over the categories, or a name in bench.toml",
    ),
    Option("seed", "N", "seeds sampled answers and the draw of a sample", "0"),
    Option(
        "samples",
        "K",
        "answers of the candidate to each question, each drawn with a seed of its own; all are graded, and "
        "their mean counts",
        "1",
    ),
    Option(
        "drift-sample",
        "N",
        "with a blessed baseline, how many of its answers the judge grades again, to see whether it still "
        "grades as it did; 0 for none",
        "8",
    ),
    Option(
        "regrade-baseline",
        "on|off",
        "grade a blessed baseline's answers anew, in place of the grades it was blessed with",
        "off",
        switch=True,
    ),
    Option("max-new-tokens", "N", "most tokens a reply may have; a capped reply is marked", "1024"),
    Option("judge-repeats", "K", "how often each answer is graded; its grade is the mean", "1"),
    Option("concurrency", "N", "most calls of the judge under way at once", "16"),
    Option(
        "store",
        "FILE|URL|none",
        "database of answers and judgments, which are not made twice; none keeps nothing "
        "(default: .mtbench/store.db at the root)",
    ),
    Option(
        "record",
        "none|new|all|off",
        "answers and judgments as files in snapshots/: none replays them and asks nobody, new adds what is "
        "missing, all asks for everything anew, off leaves them alone (default: none where CI is set, the "
        "judge's key is not, and the bench has snapshots; else off)",
    ),
    Option("snapshot-tolerance", "POINTS", "how far a grade may lie from that in its judge_snapshot", "0"),
    Option("max-calls", "N", "end the run before it makes more calls to servers (default: no limit)"),
    Option(
        "max-cost",
        "AMOUNT",
        "end the run before it costs more, by input_price and output_price in the specs (default: no limit)",
    ),
    Option(
        "report",
        "DIR",
        "folder for report.html, report.md, result.json and FastChat's files",
        "mtbench-report",
    ),
)
