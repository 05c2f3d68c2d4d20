"""HTML of the Markdown that a report's own sections are written in, and no more of Markdown than that.

Headings, paragraphs, lists, tables, fenced blocks, `code` and **strong**. Anything else is shown as it
stands, and no HTML in it is HTML: a section may quote what a model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, takewhile

from mtbench_pytest.report.html.elements import table, text

_HEADING = re.compile(r"(#{1,6}) +(.*)")
_FENCE = re.compile(r"(~{3,}|`{3,})")
_CELL = re.compile(r"(?<!\\)\|")
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def markup(lines: Iterable[str]) -> Iterator[str]:
    """HTML of lines of Markdown, a block at a time."""
    waiting = iter("\n".join(lines).split("\n"))
    plain: list[str] = []
    for line in waiting:
        if fence := _FENCE.match(line):
            yield from _blocks(plain)
            plain = []
            yield f"<pre>{text(_until(fence[1], waiting))}</pre>\n"
        else:
            plain.append(line)
    yield from _blocks(plain)


def _until(fence: str, lines: Iterator[str]) -> str:
    """The lines before the one that ends the block, which is taken too."""
    return "\n".join(takewhile(lambda line: line.rstrip() != fence, lines))


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    for kind, block in groupby(zip(_kinds(lines), lines, strict=True), key=lambda pair: pair[0]):
        yield from _MAKERS[kind]([line for _, line in block])


def _kinds(lines: Sequence[str]) -> Iterator[str]:
    kind = ""
    for line in lines:
        if not line.strip():
            kind = ""
        elif _HEADING.match(line):
            kind = "heading"
        elif line.startswith("|"):
            kind = "table"
        elif line.startswith("- "):
            kind = "list"
        elif not (kind == "list" and line.startswith(" ")):  # an item's next line
            kind = "text"
        yield kind


def _nothing(_lines: Sequence[str]) -> Iterator[str]:
    return iter(())


def _headings(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        match = _HEADING.match(line)
        assert match is not None
        level = len(match[1])
        yield f"<h{level}>{_inline(match[2])}</h{level}>\n"


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    yield f"<p>{_inline(' '.join(lines))}</p>\n"


def _list(lines: Sequence[str]) -> Iterator[str]:
    items: list[str] = []
    for line in lines:
        if line.startswith("- "):
            items.append(line[2:])
        else:
            items[-1] += f" {line.strip()}"
    yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>\n"


def _table(lines: Sequence[str]) -> Iterator[str]:
    head, *rows = ([_cell(cell) for cell in _cells(line)] for line in lines)
    yield from table(head, rows[1:], _inline)  # the second line is a rule


def _cells(line: str) -> Sequence[str]:
    return _CELL.split(line.strip())[1:-1]


def _cell(content: str) -> str:
    return content.strip().replace(r"\|", "|")


def _inline(line: str) -> str:
    """Text with `code` and **strong** in it."""
    parts, end = [], 0
    for match in _INLINE.finditer(line):
        parts.append(text(line[end : match.start()]))
        tag = "code" if match[1] is not None else "strong"
        parts.append(f"<{tag}>{text(match[1] or match[2])}</{tag}>")
        end = match.end()
    return "".join((*parts, text(line[end:])))


_MAKERS = {"": _nothing, "heading": _headings, "text": _paragraph, "list": _list, "table": _table}
