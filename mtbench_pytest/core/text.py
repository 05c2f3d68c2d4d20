"""Text for people: figures in the field's notation, and lines that fit a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

Cells = tuple[str, ...]

UNKNOWN = "-"


WIDTH = 80
_LONGEST_ERROR = 300

_STEERING = ("Cc", "Cf")  # control characters, and marks that turn the direction of writing


def header_lines(parts: Sequence[str]) -> Iterator[str]:
    """The parts after one another, as many on a line as fit."""
    line = ""
    for part in parts:
        if line and columns(f"mtbench: {line}, {part}") > WIDTH:
            yield f"mtbench: {line}"
            line = part
        else:
            line = f"{line}, {part}" if line else part
    yield f"mtbench: {line}"


def one_line(text: str, width: int) -> str:
    """Text on one line, cut to a width in columns with an ellipsis, without what steers a terminal."""
    return clip(" ".join(printable(text).split()) or "(nothing)", width)


def error_in_words(error: Exception) -> str:
    """What broke, on one line: of which type, and what it says."""
    return one_line(f"{type(error).__name__}: {error}", _LONGEST_ERROR)


def printable(text: str) -> str:
    """Text without control characters but for white space: a reply must not write to the terminal."""
    return "".join(char for char in text if char.isspace() or unicodedata.category(char) not in _STEERING)


def plain_line(text: str) -> str:
    """A line for a terminal or a log, whoever wrote what is in it.

    It stays one line, steers no terminal, and is no command to a CI runner, which takes a line that begins
    with `::` for one.
    """
    whole = text.encode("utf-8", "replace").decode()  # half a character cannot be written
    line = " ".join(printable(whole).splitlines())
    start = line.lstrip()
    return line.replace("::", ": :", 1) if start.startswith("::") else line


def columns(text: str) -> int:
    """How many columns a terminal gives a text: East Asian wide characters take two, accents none."""
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, width: int) -> str:
    """Text in a table's column, cut where it does not fit."""
    clipped = clip(text, width - 1)
    return clipped + " " * (width - columns(clipped))


def clip(text: str, width: int) -> str:
    """Text cut to a width in columns; an ellipsis stands for what is cut."""
    if columns(text) <= width:
        return text
    kept, used = [], 1
    for char in text:
        used += _columns(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept) + "…"


def wrapped(text: str) -> Iterator[str]:
    """Lines of at most the width, broken at spaces, in a word only where it alone is too wide."""
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    line = text[: len(text) - len(text.lstrip())]
    begun = False
    for word in text.split():
        if begun and columns(line) + 1 + columns(word) > WIDTH:
            yield line
            line, begun = indent, False
        line += f" {word}" if begun else word
        begun = True
        while columns(line) > WIDTH:
            head = clip(line, WIDTH + 1).removesuffix("…")
            yield head
            line = indent + line[len(head) :]
    yield line


def points(value: float) -> str:
    """A grade difference, always signed."""
    return f"{value:+.2f}"


def percent(value: float) -> str:
    """A share."""
    return f"{100 * value:.1f} %"


def confidence(value: float) -> str:
    """A confidence: 95 %, 99.2 %."""
    return f"{100 * value:.3g} %"


def chance(p: float) -> str:
    """A probability with two digits that count: 31 %, 0.83 %."""
    if p < 0.0001:
        return "under 0.01 %"
    return f"{100 * p:.0f} %" if p >= 0.1 else f"{100 * p:.2g} %"


def markdown_table(heads: Cells, rows: Iterable[Cells]) -> Iterator[str]:
    """The lines of a markdown_table; one cut off after any of them is still a markdown_table."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        cells = (cell.replace("|", r"\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def grade_text(value: float | None) -> str:
    """A mean grade."""
    return UNKNOWN if value is None else f"{value:.2f}"
