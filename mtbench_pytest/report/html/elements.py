"""Small pieces of HTML. Whatever a text holds, it stays text: an answer is written by a model, not by us."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

# What a browser would not show, or refuse; tab and line ends stay.
_CONTROLS = dict.fromkeys(
    [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)], "\N{REPLACEMENT CHARACTER}"
)
_FIGURE = re.compile(r"[+-]?[\d.,]+( %)?|[+-][\d.]+ … [+-][\d.]+|\d+ of \d+|-")
_LONGEST = 10_000  # characters of one text


def text(value: object) -> str:
    """A value as text of an element, or between the quotes of an attribute."""
    return html.escape(str(value).translate(_CONTROLS))


def prose(value: str, kind: str, language: str = "") -> str:
    """Somebody's words as they stand, white space and lines included; says where it leaves some out.

    Args:
        kind: A class of the style sheet.
        language: Of the text, for the choice of fonts; "" where it is not known.
    """
    lang = f' lang="{text(language)}"' if language else ""
    shown = text(value[:_LONGEST]) or '<span class="quiet">(nothing)</span>'
    rest = len(value) - _LONGEST
    more = f'\n<p class="quiet">({rest:,} more characters)</p>' if rest > 0 else ""
    # dir="auto": Arabic and Hebrew from the right, and no mark of direction reaches beyond the element.
    return f'<div class="{kind}" dir="auto"{lang}>{shown}</div>{more}'


def folded(title: str, inside: str, kind: str = "aside") -> str:
    """What opens on a click.

    Args:
        title: As HTML.
        inside: As HTML.
    """
    return f'<details class="{kind}"><summary>{title}</summary>{inside}</details>'


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], show: Callable[[str], str] = text
) -> Iterator[str]:
    """A table in parts, a row each; a wide one scrolls by itself.

    Args:
        heads: As text.
        rows: As text.
        show: Makes HTML of a cell.
    """
    yield f'<div class="wide"><table><thead>{_row("th", heads, show)}</thead><tbody>\n'
    for row in rows:
        yield _row("td", row, show)
    yield "</tbody></table></div>\n"


def _row(tag: str, cells: Sequence[str], show: Callable[[str], str]) -> str:
    return f"<tr>{''.join(cell(tag, content, show) for content in cells)}</tr>\n"


def cell(tag: str, content: str, show: Callable[[str], str] = text) -> str:
    """A cell of a table; figures are set in columns."""
    kind = ' class="figure"' if _FIGURE.fullmatch(content) else ""
    return f"<{tag}{kind}>{show(content)}</{tag}>"
