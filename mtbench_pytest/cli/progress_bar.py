"""How far a long command is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mtbench_pytest.run.progress import Progress

_EVERY = 30.0  # seconds between lines in a log


class Meter:
    """Shows progress on stderr.

    Args:
        unit: What is counted.
        total: How many there will be.
    """

    def __init__(self, unit: Literal["answer", "judgment"], total: int) -> None:
        from tqdm import tqdm

        self._unit = unit
        self._bar = tqdm(total=total, unit=unit, leave=False, disable=not sys.stderr.isatty())
        self._told = time.monotonic()

    def show(self, progress: Progress) -> None:
        """Takes a look at how far it is."""
        if self._unit == "answer":
            done, total = progress.answers, progress.answers_total
        else:
            done, total = progress.judgments, progress.judgments_total
        self._bar.total = total
        self._bar.n = done
        self._bar.refresh()
        if self._bar.disable and time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            print(f"{done}/{total} {self._unit}s", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Takes the bar away."""
        self._bar.close()


def at_least(least: int) -> Callable[[str], int]:
    """A parser of argparse's for whole numbers from `least` up."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from {least} up")
        return int(text)

    return parse
