"""How each check runs on a reply's text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtbench_pytest.bench.checks import reading
from mtbench_pytest.bench.checks.outcome import Outcome
from mtbench_pytest.bench.checks.shapes import is_number, listed

Run = Callable[[str, Any, Mapping[str, Any]], Outcome]
"""Of a reply's text, the check's value and its options."""


def contains(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """All of the texts are in the reply."""
    wanted = listed(value)
    found = _present(text, wanted, options)
    missing = [word for word in wanted if word not in found]
    return Outcome(not missing, f"lacks {_quoted(missing)}" if missing else f"has {_quoted(wanted)}")


def contains_any(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """At least one of the texts is in the reply."""
    found = _present(text, listed(value), options)
    why = f"has {_quoted(found)}" if found else f"has none of {_quoted(listed(value))}"
    return Outcome(bool(found), why)


def not_contains(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """None of the texts is in the reply."""
    found = _present(text, listed(value), options)
    if found:
        return Outcome(False, f"has {_quoted(found)}, which was ruled out")
    return Outcome(True, f"keeps clear of {_quoted(listed(value))}")


def _present(text: str, wanted: Sequence[str], options: Mapping[str, Any]) -> list[str]:
    folded = reading.fold(text, options)

    def there(part: str) -> bool:
        if options.get("word"):
            return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", folded) is not None
        return part in folded

    return [part for part in wanted if there(reading.fold(part, options))]


def number(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """All of the numbers are among the reply's."""
    tolerance = options.get("tolerance", 0.0)
    there = reading.numbers(text)
    missing = [
        wanted
        for wanted in listed(value)
        if not any(math.isclose(wanted, n, rel_tol=1e-9, abs_tol=tolerance) for n in there)
    ]
    margin = f" (give or take {tolerance:g})" if tolerance else ""
    if missing:
        return Outcome(False, f"lacks the number {_quoted(missing)}{margin}")
    return Outcome(True, f"has the number {_quoted(listed(value))}{margin}")


def regex(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """The pattern is found as often as asked, once unless said otherwise."""
    flags = re.MULTILINE | (0 if options.get("case") else re.IGNORECASE)
    found = sum(1 for _ in re.finditer(value, text.translate(reading.TYPEWRITTEN), flags))
    if "count" in options:
        wanted, passed = f"exactly {options['count']}", found == options["count"]
    else:
        wanted, passed = f"at least {options.get('min', 1)}", found >= options.get("min", 1)
    return Outcome(passed, f"{found} matches of /{value}/, asked for {wanted}")


def _counted(unit: str, count: Callable[[str], int]) -> Run:
    def run(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
        least, most = value if isinstance(value, (list, tuple)) else (value, value)
        there = count(text)
        if least == most:
            wanted = f"exactly {least}"
        elif most is None:
            wanted = f"at least {least}"
        else:
            wanted = f"{least} to {most}" if least else f"at most {most}"
        passed = (least or 0) <= there and (most is None or there <= most)
        return Outcome(passed, f"{there} {unit}, asked for {wanted}")

    return run


words = _counted("words", lambda text: len(reading.words(text)))
sentences = _counted("sentences", lambda text: len(reading.sentences(text)))
paragraphs = _counted("paragraphs", lambda text: len(reading.paragraphs(text)))
lines = _counted("lines", lambda text: len(reading.lines(text)))
bullets = _counted("list items", reading.list_items)


def max_words(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """At most so many words."""
    return words(text, [None, value], options)


def min_words(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
    """At least so many words."""
    return words(text, [value, None], options)


def _edge(word: str, does: Callable[[str, str], bool], trim: Callable[[str, str], str]) -> Run:
    def run(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
        forms = [reading.fold(form, options) for form in (text.strip(), trim(text, reading.WRAPPING))]
        hit = [v for v in listed(value) if any(does(form, reading.fold(v, options)) for form in forms)]
        if hit:
            return Outcome(True, f"{word}s with {_quoted(hit)}")
        return Outcome(False, f"does not {word} with {_quoted(listed(value))}")

    return run


starts_with = _edge("start", str.startswith, str.lstrip)
ends_with = _edge("end", str.endswith, str.rstrip)


def _each(unit: str, parts: Callable[[str], Sequence[str]]) -> Run:
    def run(text: str, value: Any, options: Mapping[str, Any]) -> Outcome:
        start = reading.fold(value, options)

        def fits(piece: str) -> bool:
            bare = reading.without_list_marks(piece).lstrip(reading.WRAPPING)
            return any(reading.fold(form, options).startswith(start) for form in (piece, bare))

        pieces = parts(text)
        odd = [piece for piece in pieces if not fits(piece)]
        if not pieces or odd:
            return Outcome(False, f"{len(odd)} of {len(pieces)} {unit}s do not start with {value!r}")
        return Outcome(True, f"all {len(pieces)} {unit}s start with {value!r}")

    return run


each_line_starts_with = _each("line", reading.lines)
every_sentence_starts_with = _each("sentence", reading.sentences)


def no_letter(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
    """Some words, and none with any of the letters."""
    there = reading.words(text)
    odd = [word for word in there if any(letter in word.casefold() for letter in value.casefold())]
    if not there or odd:
        return Outcome(False, f"{len(odd)} of {len(there)} words have a letter of {value!r}")
    return Outcome(True, f"no word has a letter of {value!r}")


def acrostic(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
    """The first letters of the lines spell the word."""
    lines_said = reading.lines(reading.without_list_marks(text))
    spelt = "".join(next((c for c in line if c.isalpha()), "") for line in lines_said).casefold()
    return Outcome(spelt == value.casefold(), f"the lines spell {spelt[:40]!r}, asked for {value!r}")


def holds_json(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
    """Some JSON in the reply has the keys and values asked for."""
    if value.get("only"):
        found = reading.whole_json(text)
        problem = "is not JSON and nothing else"
    else:
        found = list(reading.json_values(text))
        problem = "holds no JSON object or list that parses"
    for candidate in found:
        problem = _json_problem(candidate, value)
        if not problem:
            return Outcome(True, "holds JSON as asked")
    return Outcome(False, problem)


def _json_problem(there: Any, asked: Mapping[str, Any]) -> str:
    missing = [key for key in listed(asked.get("keys", [])) if _at(there, key) is _NOTHING]
    if missing:
        return f"the JSON lacks {_quoted(missing)}"
    for path, wanted in asked.get("equals", {}).items():
        value = _at(there, path)
        if value is _NOTHING or not _same(value, wanted):
            shown = "nothing" if value is _NOTHING else json.dumps(value, ensure_ascii=False)[:80]
            return f"the JSON has {shown} at {path!r}, asked for {json.dumps(wanted, ensure_ascii=False)}"
    return ""


_NOTHING = object()


def _at(value: Any, path: str) -> Any:
    """The part of a JSON value at a dotted path such as `items.0.price`; `.` alone is the whole."""
    for step in filter(None, path.split(".")):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value


def _same(a: Any, b: Any) -> bool:
    """Equality of JSON values; text regardless of case and outer space, `1` is `1.0` but not `true`."""
    if isinstance(a, str) and isinstance(b, str):
        return reading.fold(a, {}) == reading.fold(b, {})
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if is_number(a) and is_number(b):
        return math.isclose(a, b, rel_tol=1e-9)
    return type(a) is type(b) and bool(a == b)


def holds_code(text: str, value: Any, _: Mapping[str, Any]) -> Outcome:
    """The reply's Python binds, uses and avoids the names asked for. It is parsed, never run."""
    found = reading.python_names(text)
    if not found.defined:
        return Outcome(False, "holds no Python that parses and defines a name")
    if missing := [name for name in listed(value["defines"]) if name not in found.defined]:
        return Outcome(False, f"the Python does not define {_quoted(missing)}")
    if missing := [name for name in listed(value.get("uses", [])) if name not in found.used]:
        return Outcome(False, f"the Python does not use {_quoted(missing)}")
    if banned := [name for name in listed(value.get("avoids", [])) if name in found.used]:
        return Outcome(False, f"the Python uses {_quoted(banned)}, which was ruled out")
    if value.get("typed") and (bare := sorted(found.untyped)):
        return Outcome(False, f"not every parameter and return of {_quoted(bare)} is annotated")
    return Outcome(True, f"the Python defines {_quoted(listed(value['defines']))} as asked")


def _quoted(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values))
