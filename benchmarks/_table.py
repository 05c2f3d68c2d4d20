"""Figures, their bars, and the table a benchmark prints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """What was measured, once a repeat.

    Attributes:
        values: One a repeat; the median counts.
        bar: What the median may be at most, or must be where `exact`; None for a figure without one.
        others: Bounds and peers for comparison, in the same unit.
    """

    name: str
    values: Sequence[float]
    unit: str = "s"
    bar: float | None = None
    exact: bool = False
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def ok(self) -> bool:
        """Whether it is within the bar. What must be exact must be so in every repeat."""
        if self.bar is None:
            return True
        return all(value == self.bar for value in self.values) if self.exact else self.value <= self.bar

    def lines(self) -> list[tuple[str, ...]]:
        """Cells: name, measured, spread, compared with, ratio, verdict."""
        least, most = _short(min(self.values)), _short(max(self.values))
        spread = "" if least == most else f"{least} to {most}"
        against = []
        if self.bar is not None:
            sign = "=" if self.exact else "≤"
            bar = f"bar {sign} {_with_unit(self.bar, self.unit)}"
            against.append((bar, self._ratio(self.bar), "ok" if self.ok else "over"))
        against += [
            (f"{name} {_with_unit(value, self.unit)}", self._ratio(value), "")
            for name, value in self.others.items()
        ]
        first, *rest = against or [("", "", "")]
        head = (self.name, _with_unit(self.value, self.unit), spread)
        return [(*head, *first), *(("", "", "", *cells) for cells in rest)]

    def _ratio(self, other: float) -> str:
        return f"{self.value / other:.2f}" if other else "-"


def finish(figures: Sequence[Figure]) -> int:
    """Prints the table; returns the exit status: 0 where all figures are within their bars, else 1."""
    heads = ("figure", "measured", "spread", "against", "ratio", "")
    lines = [heads, *(cells for figure in figures for cells in figure.lines())]
    widths = [max(len(cells[column]) for cells in lines) for column in range(len(heads))]
    for cells in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0 if all(figure.ok for figure in figures) else 1


def arguments(
    about: str | None, repeat: int = 3, what: str = "measurements of each figure"
) -> argparse.ArgumentParser:
    """A parser with what all benchmarks take.

    Args:
        about: The script's docstring.
        repeat: How often where nothing is said.
        what: What is done so often.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=repeat, metavar="N", help=f"{what} ({repeat})")
    return parser


def _short(value: float) -> str:
    return f"{value:g}" if value == int(value) else f"{value:.2f}"


def _with_unit(value: float, unit: str) -> str:
    return f"{_short(value)} {unit}".rstrip()
