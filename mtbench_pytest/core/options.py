"""The options of a run, each declared once: name, parser, default, help, ini twin, key in `bench.toml`.

pytest's command line, its ini file, `mtbench plan` and `mtbench doctor` read them here. Imports next to
nothing that pytest has not loaded: every pytest run on the machine reads this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mtbench_pytest.core.parsers import Limit, Parser, choice, number, text, whole, zero_or

POINTS: Final = Limit(9.0, "points from 0 to 9, for grades lie from 1 to 10")
SHARE: Final = Limit(0.5, "a share from 0 to 0.5: 0.1 for ten per cent")

FEWEST_AGAIN = 2  # blessed answers that are graded again, where any are: one difference has no spread


def parse_spec(text: str) -> Any:
    """A spec, by `core.specs`, which is loaded when it is needed."""
    from mtbench_pytest.core import specs

    return specs.parse_spec(text)


class Option:
    """An option `--mtbench-NAME`, whose ini twin is `mtbench_NAME`.

    A switch takes no value on the command line, and `on` or `off` in the ini file. One that may be given
    several times has in the ini file a string, a line for each, or a list.

    Args:
        parse: Reads its text; raises ValueError with what was expected, or SpecError.
        bench: Its key in the table [margins] of `bench.toml`, or "".
    """

    __slots__ = ("bench", "default", "help", "metavar", "name", "parse", "several", "switch")

    def __init__(
        self,
        name: str,
        metavar: str,
        parse: Parser,
        help: str,
        default: str | None = None,
        *,
        switch: bool = False,
        several: bool = False,
        bench: str = "",
    ) -> None:
        self.name = name
        self.metavar = metavar
        self.parse = parse
        self.help = help if default is None else f"{help} (default: {default})"
        self.default = default
        self.switch = switch
        self.several = several
        self.bench = bench

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


MODES = ("none", "new", "all", "off")
ON_OFF: Final = choice("on", "off")

OPTIONS = (
    Option(
        "candidate",
        "SPEC",
        parse_spec,
        "model under test: hf:PATH_OR_REPO, openai:MODEL?base_url=URL, answers:FILE.jsonl, demo, "
        "or python:MODULE:FACTORY",
    ),
    Option(
        "baseline", "SPEC", parse_spec, "model it is compared with, named in the same way, or blessed:NAME"
    ),
    Option(
        "judge",
        "SPEC",
        parse_spec,
        "who grades: openai:MODEL?base_url=URL, judgments:FILE_OR_DIR, checks (offline), "
        "or python:MODULE:FACTORY; given several times, a panel of judges whose mean counts",
        several=True,
    ),
    Option(
        "bench", "DIR|NAME", text, "bench folder or shipped suite (default: the folder of the test module)"
    ),
    Option(
        "margin", "POINTS", POINTS, "how far the mean grade may lie under the baseline's", "0.5", bench="run"
    ),
    Option(
        "win-rate-margin",
        "SHARE",
        SHARE,
        "how far the win rate may lie under one half, 0 to 0.5",
        "0.13",
        bench="win_rate",
    ),
    Option(
        "question-margin",
        "POINTS",
        POINTS,
        "how far one question may drop before it is asked again",
        "5",
        bench="question",
    ),
    Option(
        "question-policy",
        "fail|report",
        choice("fail", "report"),
        "what becomes of the test of a question whose drop stands when it is asked again: an xfail, so that "
        "the gate alone decides, or a failure",
        "report",
    ),
    Option("pairwise", "on|off", ON_OFF, "also compare the answers pairwise, in both orders", "on"),
    Option(
        "early-stop",
        "on|off",
        ON_OFF,
        "skip the questions after which the decision is certain (default: on where calls of the judge cost "
        "something, off while recording and where a question has more than one plain test)",
    ),
    Option(
        "sample",
        "N|NAME",
        text,
        "run on a declared sample: N questions drawn evenly over the categories, or a name in bench.toml",
    ),
    Option("seed", "N", whole(0), "seeds sampled answers and the draw of a sample", "0"),
    Option(
        "samples",
        "K",
        whole(),
        "answers of the candidate to each question, each drawn with a seed of its own; all are graded, and "
        "their mean counts",
        "1",
    ),
    Option(
        "drift-sample",
        "N",
        zero_or(FEWEST_AGAIN),
        "with a blessed baseline, how many of its answers the judge grades again, to see whether it still "
        "grades as it did; 0 for none",
        "8",
    ),
    Option(
        "regrade-baseline",
        "on|off",
        ON_OFF,
        "grade a blessed baseline's answers anew, in place of the grades it was blessed with",
        "off",
        switch=True,
    ),
    Option("max-new-tokens", "N", whole(), "most tokens a reply may have; a capped reply is marked", "1024"),
    Option("judge-repeats", "K", whole(), "how often each answer is graded; its grade is the mean", "1"),
    Option("concurrency", "N", whole(), "most calls of the judge under way at once", "16"),
    Option(
        "store",
        "FILE|URL|none",
        text,
        "database of answers and judgments, which are not made twice; none keeps nothing "
        "(default: .mtbench/store.db at the root)",
    ),
    Option(
        "record",
        "none|new|all|off",
        choice(*MODES),
        "answers and judgments as files in snapshots/: none replays them and asks nobody, new adds what is "
        "missing, all asks for everything anew, off leaves them alone (default: none where CI is set, the "
        "judge's key is not, and the bench has snapshots; else off)",
    ),
    Option(
        "snapshot-tolerance", "POINTS", number, "how far a grade may lie from that in its judge_snapshot", "0"
    ),
    Option(
        "max-calls", "N", whole(), "end the run before it makes more calls to servers (default: no limit)"
    ),
    Option(
        "max-cost",
        "AMOUNT",
        number,
        "end the run before it costs more, by input_price and output_price in the specs (default: no limit)",
    ),
    Option(
        "report",
        "DIR",
        text,
        "folder for report.html, report.md, result.json and FastChat's files",
        "mtbench-report",
    ),
)

MARGINS: Mapping[str, Option] = {option.bench: option for option in OPTIONS if option.bench}
"""By key in the table [margins] of `bench.toml` the option that it stands for."""
