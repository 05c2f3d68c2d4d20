"""Each judge of the public records: how often the order decides, what failed, how many 10s, fit or not.

No network: it reads the judgments in ../shared/data. The rule is the one of a run (docs/judge.md).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mtbench_pytest.fitness import ENOUGH_COMPARED, MOST_FLIPS, GradesUsed, Position, grades_used, position_of
from mtbench_pytest.judgments import PairLine, PairWinner, Recorded, binding, read_judgments
from mtbench_pytest.proportions import Share, clustered_share
from mtbench_pytest.records import Game, Prompt, QuestionId, Verdict

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HEADS = (
    "judge", "compared", "flips", "95 % bounds", "to first", "to second", "first won", "failed", "grades",
    "10s", "most used", "fit to compare",
)  # fmt: skip
NONE = "-"


@dataclass(frozen=True)
class Judge:
    """A judge's records.

    Attributes:
        flips: Its comparisons that flip; None where it made none.
        position: What the order did, where the single games are known.
        failed: Lines that record a failed call.
        lines: All lines.
    """

    name: str
    flips: Share | None
    position: Position | None
    grades: GradesUsed | None
    failed: int
    lines: int

    @property
    def fit(self) -> str:
        """As a run says it."""
        if self.flips is None:
            return "no comparisons"
        if self.flips.n < ENOUGH_COMPARED:
            return "too few"
        return "fit" if self.flips.value <= MOST_FLIPS else "NOT FIT"

    def cells(self) -> tuple[str, ...]:
        """A line of the table."""
        flips, position, grades = self.flips, self.position, self.grades
        first = position.first_share if position else None
        return (
            self.name,
            f"{flips.n}" if flips else NONE,
            f"{_percent(flips.value)}" if flips else NONE,
            f"{_percent(flips.lower)} to {_percent(flips.upper)}" if flips else NONE,
            f"{position.toward_first}" if position else NONE,
            f"{position.toward_second}" if position else NONE,
            _percent(first) if first is not None else NONE,
            f"{self.failed} of {self.lines}",
            f"{grades.n}" if grades else NONE,
            _percent(grades.tens / grades.n) if grades else NONE,
            f"{grades.commonest[0]:g} ({_percent(grades.commonest[1] / grades.n)})" if grades else NONE,
            self.fit,
        )


def recorded_judges(recorded: Recorded, source: str = "") -> Iterator[Judge]:
    """The judges of some files in FastChat's form.

    Args:
        source: Told beside a judge's name.
    """
    for name in recorded.judges:
        singles = [line for line in recorded.singles if line.judge == name]
        pairs = [line for line in recorded.pairs if line.judge == name]
        grades = [line.score for line in binding(singles).values() if line.valid]
        verdicts = [_verdict(line) for line in binding(pairs).values() if line.valid]
        position = position_of(verdicts) if verdicts else None
        yield Judge(
            name=f"{name}{source}",
            flips=position.flips if position else None,
            position=position,
            grades=grades_used(grades) if grades else None,
            failed=sum(not line.valid for line in singles) + sum(not line.valid for line in pairs),
            lines=len(singles) + len(pairs),
        )


def _verdict(line: PairLine) -> Verdict:
    """A recorded comparison; model_1 stands for the candidate, and stood first in game 1."""
    seen: tuple[dict[PairWinner, Literal["A", "B", "tie"]], ...] = (
        {"model_1": "A", "model_2": "B", "tie": "tie"},
        {"model_1": "B", "model_2": "A", "tie": "tie"},
    )
    names = ((line.model_1, line.model_2), (line.model_2, line.model_1))
    prompt = Prompt(line.prompt, "", "")
    first, second = (
        Game(
            line.question_id, line.turn, *names[game], line.judge, prompt, seen[game][line.winners[game]], ""
        )
        for game in (0, 1)
    )
    return Verdict(line.question_id, line.turn, (first, second))


def labelled_judge(path: Path, name: str) -> Judge:
    """A judge of whom only the verdict of both games is recorded: "tie (inconsistent)" is a flip."""
    flipped: dict[QuestionId, list[bool]] = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        vote = json.loads(line)
        flipped[vote["question_id"]].append(vote["winner"] == "tie (inconsistent)")
    flips = clustered_share((sum(found), len(found)) for found in flipped.values())
    return Judge(name, flips, None, None, 0, flips.n)


def table(judges: Sequence[Judge]) -> None:
    """Prints it."""
    lines = [HEADS, *(judge.cells() for judge in judges)]
    widths = [max(len(cells[column]) for cells in lines) for column in range(len(HEADS))]
    for cells in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def main() -> int:
    """Reads the records and prints the table."""
    if not DATA.is_dir():
        print(f"{DATA}: no such folder; expected the public records beside the project", file=sys.stderr)
        return 2
    table(
        [
            *recorded_judges(read_judgments(DATA / "mt_bench" / "model_judgment")),
            *recorded_judges(read_judgments(DATA / "mt_bench_llama3" / "model_judgment"), " (Llama 3)"),
            labelled_judge(DATA / "human" / "gpt4_pair.jsonl", "gpt-4 (Zheng et al.)"),
        ]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
