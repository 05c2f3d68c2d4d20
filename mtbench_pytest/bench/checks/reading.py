"""How a reply is read: its words, lines and sentences, its numbers, its JSON and its Python."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What word processors and models put for the plain character: quotes, no-break spaces and hyphens.
TYPEWRITTEN = str.maketrans("\u2018\u2019\u201c\u201d\u00a0\u202f\u2010\u2011", "''\"\"  --")
# What may stand around a reply or a line without being said.
WRAPPING = " \t\n*_\"'`#>()[]"

_NUMBER = re.compile(
    r"(?:(?<![\w)\].])[-\u2212][$€£¥]?)?"  # a minus, but not the dash of a range or a subtraction
    r"(?<![\w.])(?:\d{1,3}(?:[,'\u2009\u00a0\u202f]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:[eE][-+]?\d+(?!\w))?(?!\.?\d)"
)

_LIST_MARK = re.compile(r"^[ \t]*(?:[-*•\u2013]|\d{1,3}[.)])[ \t]+(?=\S)", re.MULTILINE)
_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_SHORTENED = re.compile(r"\b(Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|approx)\.", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]*_]*\s+(?![a-z])|(?<=[\u3002\uff01\uff1f])")

_FENCE = re.compile(
    r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL
)
_JSON_START = re.compile(r"[{\[]")
_MOST_JSON = 200  # values tried in one reply; a text of nothing but brackets must not take for ever


def speaks(char: str) -> bool:
    """A letter, a digit or a pictogram: what carries meaning, as against punctuation."""
    category = unicodedata.category(char)
    return category[0] in "LN" or category == "So"


def scope(text: str, where: str | None) -> str:
    """The part of a text that the option `in` names; without it, or without a line, the whole."""
    spoken = lines(text)
    if where is None or not spoken:
        return text
    return spoken[0] if where == "first line" else spoken[-1]


def fold(text: str, options: Mapping[str, Any]) -> str:
    """Levels what two writers of one phrase differ in: quotes, line breaks, bold type, case."""
    text = unicodedata.normalize("NFC", text).translate(TYPEWRITTEN).replace("**", "")
    text = " ".join(text.split())
    return text if options.get("case") else text.casefold()


def words(text: str) -> list[str]:
    """Words; `well-known` and `it's` are one each, a number is one."""
    return _WORD.findall(text)


def lines(text: str) -> list[str]:
    """Lines that say something: not blank, and no rule or fence."""
    return [line.strip() for line in text.splitlines() if any(map(speaks, line))]


def paragraphs(text: str) -> list[str]:
    """What blank lines part."""
    return [block for block in re.split(r"\n[ \t]*\n", text) if block.strip()]


def sentences(text: str) -> list[str]:
    """Sentences; a list item or a heading without a full stop is one too, a wrapped line is none."""
    text = _SHORTENED.sub(r"\1", text.translate(TYPEWRITTEN))
    marked = _LIST_MARK.sub("\n\n", text)
    blocks = [" ".join(block.split()) for block in paragraphs(marked)]
    return [part.strip() for block in blocks for part in _SENTENCE_END.split(block) if _WORD.search(part)]


def list_items(text: str) -> int:
    """How many lines begin with a list mark: `-`, `*`, `1.`, `1)`."""
    return len(_LIST_MARK.findall(text))


def without_list_marks(text: str) -> str:
    """The text with the marks of its list items taken away."""
    return _LIST_MARK.sub("", text)


def numbers(text: str) -> list[float]:
    """The numbers in a text, as they come: `$1,200.50`, `42%`, `-3`; none in `x2` or `1.2.3`."""
    plain = text.replace("{,}", ",").replace("\\,", ",").replace("**", "")
    found = []
    for match in _NUMBER.finditer(plain):
        digits = re.sub(r"[^\d.eE+-]", "", match.group().replace("\u2212", "-"))
        found.append(float(digits))
    return found


def whole_json(text: str) -> list[Any]:
    """The one JSON value that is all of a text, a fence around it aside; empty where there is none."""
    fences = _FENCE.findall(text)
    alone = bool(fences) and not _FENCE.sub("", text).strip("`~ \t\n")
    try:
        return [json.loads(fences[0][2] if alone else text)]
    except (ValueError, RecursionError):
        return []


def json_values(text: str) -> Iterator[Any]:
    """Objects and lists in a text, fenced or bare, outermost ones only."""
    decoder, at, tried = json.JSONDecoder(), 0, 0
    while (start := _JSON_START.search(text, at)) and tried < _MOST_JSON:
        tried += 1
        try:
            value, at = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            at = start.end()
        else:
            yield value


@dataclass(frozen=True, slots=True)
class PythonNames:
    """Names in a reply's code: bound there, read or imported there, functions not fully annotated."""

    defined: frozenset[str]
    used: frozenset[str]
    untyped: frozenset[str]


def python_names(text: str) -> PythonNames:
    """Reads the blocks fenced as Python or as nothing; a text without any fence is read as code itself."""
    fences = [(language, body) for _, language, body in _FENCE.findall(text)]
    bodies = [body for language, body in fences if language.lower() in ("", "py", "python", "python3")]
    defined, used, untyped = set[str](), set[str](), set[str]()
    for body in bodies if fences else [text]:
        for node in _parse_python(body):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                defined.add(node.name)
                if not _annotated(node):
                    untyped.add(node.name)
            elif isinstance(node, ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.Name):
                (defined if isinstance(node.ctx, ast.Store) else used).add(node.id)
            elif isinstance(node, ast.Attribute):
                used.add(node.attr)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                used.update(alias.name for alias in node.names)
                used.update(filter(None, [getattr(node, "module", None)]))
    return PythonNames(frozenset(defined), frozenset(used), frozenset(untyped))


def _parse_python(code: str) -> Iterator[ast.AST]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model's odd escape sequence is not the user's warning
        try:
            yield from list(ast.walk(ast.parse(textwrap.dedent(code))))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return


def _annotated(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    owned = {"self", "cls"}
    return node.returns is not None and all(p.annotation or p.arg in owned for p in parameters)
