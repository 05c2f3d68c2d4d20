"""Makes `docs/reference.md` from the docstrings of the public names: `python docs/make_reference.py`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import mtbench_pytest

PAGE = Path(__file__).with_name("reference.md")

_HEAD = """# Reference

What `from mtbench_pytest import …` gives. These names are kept stable; every other module may change. Turns
are counted from 1. Grades lie from 1 to 10, differences of grades are in points, shares and win rates from 0
to 1. This page is made from the docstrings by `python docs/make_reference.py`.
"""
_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields):$")


def page() -> str:
    """The whole page."""
    names = mtbench_pytest.__all__
    contents = ", ".join(f"[{name}](#{name.lower()})" for name in names)
    parts = [_HEAD, contents + "\n"]
    parts += ["\n".join(_entry(name, getattr(mtbench_pytest, name))) + "\n" for name in names]
    return "\n".join(parts)


def _entry(name: str, thing: Any) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield f"```python\n{_signature(name, thing)}\n```"
    yield ""
    yield from _docstring(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        for member, told in _members(thing):
            yield f"- `{member}`: {told}"


def _signature(name: str, thing: Any) -> str:
    if inspect.isclass(thing):
        if is_dataclass(thing):
            given = ", ".join(f"{field.name}: {field.type}" for field in fields(thing) if field.init)
            return f"class {name}({_short(given)})"
        bases = [base.__name__ for base in thing.__bases__ if base is not object]
        return f"class {name}({', '.join(bases)})" if bases else f"class {name}"
    return f"def {name}{_short(str(inspect.signature(thing)))}"


def _short(text: str) -> str:
    """Without the modules that names come from."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text).replace("'", "")


def _docstring(text: str) -> Iterator[str]:
    """Google style as Markdown: the items of a section become a list."""
    section, item = False, ""
    for line in text.splitlines():
        heading = _SECTION.match(line)
        if heading or (section and line and not line.startswith(" ")):
            if item:
                yield item
            section, item = bool(heading), ""
            yield from (f"{heading[1]}:", "") if heading else (line,)
        elif not section:
            yield line
        elif line.startswith("     "):  # goes on
            item += " " + line.strip()
        else:
            if item:
                yield item
            item = f"- {_code(line.strip())}" if line.strip() else ""
    if item:
        yield item
    yield ""


def _code(item: str) -> str:
    name, colon, rest = item.partition(": ")
    return f"`{name}`: {rest}" if colon and re.fullmatch(r"\w+", name) else item


def _members(thing: type) -> Iterator[tuple[str, str]]:
    """What it has besides its fields, each with the first sentence about it."""
    for name, member in vars(thing).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        function = getattr(function, "func", function)  # a cached property's
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        first = inspect.getdoc(function).partition("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]
        kind = isinstance(member, property) or not inspect.isfunction(getattr(member, "__func__", member))
        yield (name if kind else f"{name}({_parameters(function)})"), first


def _parameters(function: Any) -> str:
    given = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
    return ", ".join(given)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
