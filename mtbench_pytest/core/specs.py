"""The notation `kind:value?key=val&key=val` that names a model or a judge on the command line."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from inspect import signature
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.parsers import Parser

_FACTORY = "python:MODULE:FACTORY, a function that returns the model or judge"


@dataclass(frozen=True, slots=True)
class Spec:
    """A parsed spec. `str(spec)` is what the user wrote.

    Attributes:
        base: The folder that relative paths in it are relative to.
        root: The project's folder: the ini file's, or pytest's root.
    """

    kind: str
    value: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    base: Path = Path()
    root: Path = Path()

    @property
    def path(self) -> Path:
        """The value as a path; a relative one is relative to where the spec was written."""
        return self.base / Path(self.value).expanduser()

    def __str__(self) -> str:
        return self.text

    def same_as(self, other: Spec) -> bool:
        """Whether it means the same, under whatever name."""
        return self._meaning == other._meaning

    @property
    def _meaning(self) -> tuple[str, str, dict[str, str]]:
        # A name changes nothing but how tables call it; what it means to a user's own factory is not known.
        label = "" if self.kind == "python" else "name"
        return self.kind, self.value, {key: text for key, text in self.params.items() if key != label}

    def error(self, problem: str, expected: str) -> SpecError:
        """A `SpecError` about this spec."""
        return SpecError(self.text, problem, expected)

    def read(self, known: Mapping[str, Parser]) -> dict[str, Any]:
        """Parses the parameters.

        Args:
            known: The parameters this kind has, each with a parser that raises ValueError, whose
                message says what was expected.

        Returns:
            The given parameters only.

        Raises:
            SpecError: For an unknown parameter or a value that does not parse.
        """
        parsed = {}
        for key, value in self.params.items():
            if key not in known:
                raise self.error(f"unknown parameter {key!r}", one_of(key, known))
            try:
                parsed[key] = known[key](value)
            except ValueError as error:
                raise self.error(f"{key}={value}", str(error)) from None
        return parsed


def parse_spec(text: str) -> Spec:
    """Parses a spec; percent-escapes in values are decoded (`%26` for an ampersand).

    Raises:
        SpecError: Where the text has no kind or a parameter has no value.
    """
    head, _, query = text.partition("?")
    kind, _, value = head.partition(":")
    params = {}
    for part in filter(None, query.split("&")):
        key, equals, raw = part.partition("=")
        if not equals or not key:
            raise SpecError(text, f"parameter {part!r} has no value", "kind:value?key=val&key=val")
        if is_secret(key):
            # The error does not repeat the value: it would stand in a log.
            expected = "it in the environment, for a spec is printed, stored and seen in the process list"
            raise SpecError(f"{kind}:{value}", f"a secret in the parameter {key!r}", expected)
        if key in params:
            raise SpecError(text, f"parameter {key!r} stands twice", "each parameter once")
        params[key] = unquote(raw)
    if not kind.strip():
        raise SpecError(text or "''", "no kind", "kind:value, for example hf:./checkpoint or demo")
    return Spec(kind.strip(), value, params, text)


def is_secret(name: str) -> bool:
    """Whether a parameter of this name holds a key or password."""
    return re.search(r"(?i)(^|[_-])(api_?key|key|token|secret|password|authorization)$", name) is not None


def build(spec: Spec, what: str, kinds: Mapping[str, str]) -> Any:
    """Calls the builder of a spec's kind; it is imported only now.

    Args:
        what: "model" or "judge".
        kinds: By kind the builder, as `module:name`.

    Raises:
        MTBenchError: For an unknown kind, or what the builder raises.
    """
    if spec.kind not in kinds:
        expected = one_of(spec.kind, kinds, _meant(spec, kinds))
        raise spec.error(f"unknown kind {spec.kind!r} of {what}", expected)
    return resolve_name(kinds[spec.kind])(spec)


def _meant(spec: Spec, kinds: Collection[str]) -> str:
    """The spec with a kind before it, where a bare path or a model's name was given; else empty."""
    if spec.value:
        return ""
    path = spec.base / Path(spec.kind).expanduser()
    likely = ["hf", "openai"] if "/" in spec.kind else ["openai"]
    if path.is_dir():
        likely = ["hf", "judgments"]
    elif path.suffix == ".jsonl":
        likely = ["answers", "judgments"]
    return next((f"{kind}:{spec.text}" for kind in likely if kind in kinds), "")


def one_of(given: str, known: Mapping[str, Any], meant: str = "") -> str:
    """The words "one of a, b, c", and which was likely meant.

    Args:
        given: What is none of them.
        meant: What to ask about where nothing known is spelled like it.
    """
    close = [*get_close_matches(given, known, n=1), *filter(None, [meant])]
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"one of {', '.join(sorted(known))}{hint}" if known else "none"


def python_factory(spec: Spec) -> Callable[[], Any]:
    """The factory that `python:MODULE:FACTORY` names, the parameters bound as its keyword arguments.

    Raises:
        SpecError: Where there is no such factory, or it does not take the parameters.
    """
    module_name, _, factory_name = spec.value.partition(":")
    if not module_name or not factory_name:
        raise spec.error("no module and factory", _FACTORY)
    with _users_code(spec):
        factory = getattr(_import(module_name, spec.base), factory_name)
        signature(factory).bind(**spec.params)
    return partial(factory, **spec.params)


def _import(module: str, base: Path) -> ModuleType:
    """Imports a module of the user's, from the folder where its spec was written, too."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        folder, top = base.resolve(), module.partition(".")[0]
        if error.name != top or not ((folder / top).is_dir() or (folder / f"{top}.py").is_file()):
            raise
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(module)


def from_python(spec: Spec) -> Any:
    """Calls the factory that `python:MODULE:FACTORY` names.

    Raises:
        SpecError: As `python_factory`, and where the factory itself fails.
    """
    factory = python_factory(spec)
    with _users_code(spec):
        return factory()


@contextmanager
def _users_code(spec: Spec) -> Iterator[None]:
    """Whatever the user's own code raises is told in a line, with where it was raised."""
    try:
        yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [f"{frame.filename}:{frame.lineno}: " for frame in frames if not _imports(frame.filename)]
        where = theirs[-1] if theirs else ""
        raise spec.error(f"{where}{type(error).__name__}: {error}", _FACTORY) from error


def _imports(filename: str) -> bool:
    """Whether a frame is of this file or of Python's own import, which tell nobody where a mistake is."""
    return filename in (__file__, importlib.__file__) or filename.startswith("<frozen")
