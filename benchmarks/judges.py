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

from _recorded import BROKEN, DATA, RECORDS, need_data, pairs

from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.findings.judge import GradesUsed, Position, grades_used, position_of
from mtbench_pytest.gate.comparisons import MOST_CLEAR_FLIPS, clear_flips
from mtbench_pytest.gate.stats.proportions import Share, clustered_share
from mtbench_pytest.judges.fastchat import binding, read_judgments

HEADS = (
    "judge", "compared", "flips", "95 % bounds", "clear ones that flip", "share", "to first", "to second",
    "first won", "failed", "grades", "10s", "most used", "fit to compare",
)  # fmt: skip
NONE = "-"


@dataclass(frozen=True)
class Judge:
    """A judge's records.

    Attributes:
        flips: Its comparisons that flip; None where it made none.
        clear: The same of those that should be clear; None where the grades beside are not known.
        position: What the order did, where the single games are known.
        failed: Lines that record a failed call.
        lines: All lines.
    """

    name: str
    flips: Share | None
    clear: Share | None
    position: Position | None
    grades: GradesUsed | None
    failed: int
    lines: int

    @property
    def fit(self) -> str:
        """As a run says it."""
        if self.clear is None or self.clear.clusters < 2:
            return "not told"
        return "fit" if self.clear.lower <= MOST_CLEAR_FLIPS else "NOT FIT"

    def cells(self) -> tuple[str, ...]:
        """A line of the table."""
        flips, position, grades = self.flips, self.position, self.grades
        first = position.first_share if position else None
        return (
            self.name,
            f"{flips.n}" if flips else NONE,
            f"{_percent(flips.value)}" if flips else NONE,
            f"{_percent(flips.lower)} to {_percent(flips.upper)}" if flips else NONE,
            f"{self.clear.hits} of {self.clear.n}" if self.clear else NONE,
            f"{_percent(self.clear.value)}" if self.clear and self.clear.n else NONE,
            f"{position.toward_first}" if position else NONE,
            f"{position.toward_second}" if position else NONE,
            _percent(first) if first is not None else NONE,
            f"{self.failed} of {self.lines}",
            f"{grades.n}" if grades else NONE,
            _percent(grades.tens / grades.n) if grades else NONE,
            f"{grades.commonest[0]:g} ({_percent(grades.commonest[1] / grades.n)})" if grades else NONE,
            self.fit,
        )


def recorded_judges(source: str, told: str = "") -> Iterator[Judge]:
    """The judges of some files in FastChat's form.

    Args:
        source: Of `_recorded.RECORDS`.
        told: Beside a judge's name.
    """
    recorded, found = read_judgments(DATA / source), list(pairs([source]))
    for name in recorded.judges:
        singles = [line for line in recorded.singles if line.judge == name]
        compared = [line for line in recorded.pairs if line.judge == name]
        grades = [line.score for line in binding(singles).values() if line.valid]
        rows = [row for pair in found if pair.judge == name for row in pair.rows]
        position = position_of(verdict for row in rows for verdict in row.verdicts) if compared else None
        yield Judge(
            name=f"{name}{told}",
            flips=position.flips if position else None,
            clear=clear_flips(rows) if compared else None,
            position=position,
            grades=grades_used(grades) if grades else None,
            failed=sum(not line.valid for line in singles) + sum(not line.valid for line in compared),
            lines=len(singles) + len(compared),
        )


def labelled_judge(path: Path, name: str) -> Judge:
    """A judge of whom only the verdict of both games is recorded: "tie (inconsistent)" is a flip."""
    flipped: dict[QuestionId, list[bool]] = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        vote = json.loads(line)
        flipped[vote["question_id"]].append(vote["winner"] == "tie (inconsistent)")
    flips = clustered_share((sum(found), len(found)) for found in flipped.values())
    return Judge(name, flips, None, None, None, 0, flips.n)


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
    need_data()
    table(
        [
            *(judge for source in RECORDS if source != BROKEN for judge in recorded_judges(source)),
            *recorded_judges(BROKEN, " (Llama 3)"),
            labelled_judge(DATA / "human" / "gpt4_pair.jsonl", "gpt-4 (Zheng et al.)"),
        ]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
