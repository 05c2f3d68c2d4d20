"""Tables from recorded judgments, as FastChat's `show_result.py` prints them, and what was set aside."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.judges.fastchat import AnyLine, PairLine, Recorded, SingleLine, binding


@dataclass(frozen=True, slots=True)
class Grades:
    """A model's mean grades.

    Attributes:
        turns: Mean grade by turn.
        average: Mean over all its grades, every turn of every question weighing the same.
        n: How many grades these are.
    """

    model: str
    turns: Mapping[int, float]
    average: float
    n: int


@dataclass(frozen=True, slots=True)
class Games:
    """A model's pairwise comparisons, two games each.

    Attributes:
        inconsistent: Of the ties, those in which the two orders named different winners.
    """

    model: str
    wins: int
    ties: int
    losses: int
    inconsistent: int

    @property
    def n(self) -> int:
        """Comparisons."""
        return self.wins + self.ties + self.losses

    @property
    def win_rate(self) -> float:
        """Wins among all comparisons."""
        return self.wins / self.n

    @property
    def adjusted_win_rate(self) -> float:
        """The same, with a tie as half a win."""
        return (self.wins + 0.5 * self.ties) / self.n


@dataclass(frozen=True, slots=True)
class Standings:
    """The tables of one judge, best model first.

    Attributes:
        replaced: Valid judgments left out because a later valid one is about the same thing.
        failed: Lines left out because the judge call had failed: a score of -1, a winner "error".
    """

    judge: str
    grades: tuple[Grades, ...]
    games: tuple[Games, ...]
    replaced: int
    failed: int


def standings(recorded: Recorded, *, as_fastchat: bool = False) -> list[Standings]:
    """Tables by judge.

    Args:
        as_fastchat: FastChat's arithmetic: only failed judgments are left out, one that stands twice
            counts twice (`fastchat/llm_judge/show_result.py`).
    """
    tables = []
    for judge in recorded.judges:
        singles = [line for line in recorded.singles if line.judge == judge and not line.regraded]
        pairs = [line for line in recorded.pairs if line.judge == judge]
        counted_singles, counted_pairs = _counted(singles, as_fastchat), _counted(pairs, as_fastchat)
        left_out = _left_out(singles, as_fastchat) + _left_out(pairs, as_fastchat)
        tables.append(
            Standings(
                judge=judge,
                grades=_grades(counted_singles),
                games=_games(counted_pairs),
                replaced=len(singles) + len(pairs) - len(counted_singles) - len(counted_pairs) - left_out,
                failed=left_out,
            )
        )
    return tables


def _counted(lines: Sequence[AnyLine], as_fastchat: bool) -> list[AnyLine]:
    if as_fastchat:
        return [line for line in lines if not line.failed]
    return [line for line in binding(lines).values() if line.valid]


def _left_out(lines: Sequence[AnyLine], as_fastchat: bool) -> int:
    """How many hold no grade or verdict; FastChat looks for its own mark of failure alone."""
    return sum(line.failed if as_fastchat else not line.valid for line in lines)


def _grades(lines: Sequence[SingleLine]) -> tuple[Grades, ...]:
    tables = []
    for model in sorted({line.model for line in lines}):
        mine = [line for line in lines if line.model == model]
        turns = {
            turn: _mean([line.score for line in mine if line.turn == turn])
            for turn in sorted({line.turn for line in mine})
        }
        tables.append(Grades(model, turns, _mean([line.score for line in mine]), len(mine)))
    return tuple(sorted(tables, key=lambda table: -table.average))


def _games(lines: Sequence[PairLine]) -> tuple[Games, ...]:
    tables = []
    for model in sorted({model for line in lines for model in (line.model_1, line.model_2)}):
        outcomes = [_outcome(line, model) for line in lines if model in (line.model_1, line.model_2)]
        inconsistent = sum(
            len(set(line.winners)) > 1 for line in lines if model in (line.model_1, line.model_2)
        )
        wins, ties, losses = (outcomes.count(outcome) for outcome in ("win", "tie", "loss"))
        tables.append(Games(model, wins, ties, losses, inconsistent))
    return tuple(sorted(tables, key=lambda table: -table.adjusted_win_rate))


def _outcome(line: PairLine, model: str) -> str:
    first, second = line.winners
    if first != second or first == "tie":
        return "tie"
    return "win" if getattr(line, first) == model else "loss"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def standings_json(tables: Sequence[Standings]) -> list[dict[str, Any]]:
    """The same figures for programs."""
    found = []
    for table in tables:
        games = [
            asdict(entry)
            | {"n": entry.n, "win_rate": entry.win_rate, "adjusted_win_rate": entry.adjusted_win_rate}
            for entry in table.games
        ]
        found.append(asdict(table) | {"games": games})
    return found


def standings_lines(tables: Sequence[Standings], *, digits: int = 2) -> Iterator[str]:
    """The tables for people.

    Args:
        digits: Digits after the point.
    """
    for number, table in enumerate(tables):
        if number:
            yield ""
        yield f"judge {table.judge}"
        if table.grades:
            yield ""
            yield from _grade_table(table.grades, digits)
        if table.games:
            yield ""
            yield from _game_table(table.games)
        yield ""
        yield f"set aside: {table.replaced} replaced by a later judgment, {table.failed} failed judge calls"


def _grade_table(grades: Sequence[Grades], digits: int) -> Iterator[str]:
    turns = sorted({turn for entry in grades for turn in entry.turns})
    width = max(5, *(len(entry.model) for entry in grades))
    heads = [*(f"turn {turn}" for turn in turns), "average"]
    yield f"{'model':<{width}}{''.join(f'{head:>10}' for head in heads)}{'grades':>8}"
    for entry in grades:
        values = [*(entry.turns.get(turn) for turn in turns), entry.average]
        cells = "".join(f"{'-' if value is None else f'{value:.{digits}f}':>10}" for value in values)
        yield f"{entry.model:<{width}}{cells}{entry.n:>8}"


def _game_table(games: Sequence[Games]) -> Iterator[str]:
    width = max(5, *(len(entry.model) for entry in games))
    heads = ("win", "tie", "loss", "inconsistent", "win rate", "adjusted")
    yield f"{'model':<{width}}{''.join(f'{head:>{max(6, len(head) + 2)}}' for head in heads)}"
    for entry in games:
        yield (
            f"{entry.model:<{width}}{entry.wins:>6}{entry.ties:>6}{entry.losses:>6}{entry.inconsistent:>14}"
            f"{100 * entry.win_rate:>8.1f} %{100 * entry.adjusted_win_rate:>8.1f} %"
        )


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    show = commands.add_parser(
        "show",
        help="tables from recorded judgments",
        description="Prints mean grades and win rates from judgments in FastChat's form. Of several "
        "judgments of one thing the last valid one binds; failed judge calls (score -1) are set aside; both "
        "are counted.",
    )
    show.add_argument("file", type=Path, metavar="FILE_OR_DIR", help="a judgment file, or a folder of them")
    show.add_argument("--json", action="store_true", help="print the same figures as JSON")
    show.add_argument(
        "--as-fastchat",
        action="store_true",
        help="repeat FastChat's arithmetic: judgments that stand twice count twice",
    )
    show.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.show import standings, standings_json, standings_lines
    from mtbench_pytest.judges.fastchat import read_judgments

    tables = standings(read_judgments(arguments.file), as_fastchat=arguments.as_fastchat)
    if arguments.json:
        print(json.dumps(standings_json(tables), ensure_ascii=False, indent=1))
    else:
        print("\n".join(standings_lines(tables, digits=6 if arguments.as_fastchat else 2)))
    return 0
