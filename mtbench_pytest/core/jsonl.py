"""JSON Lines with errors that name file and line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import QuestionId


@dataclass(frozen=True, slots=True)
class Line:
    """One object of a JSON Lines file and where it stands."""

    path: Path
    number: int
    data: Mapping[str, Any]

    def error(self, problem: str, expected: str) -> FileError:
        """A `FileError` about this line."""
        return FileError(self.path, problem, expected, self.number)

    def get(self, key: str, kind: type | tuple[type, ...], expected: str) -> Any:
        """A field that must be there.

        Raises:
            FileError: Where it is absent or of another type.
        """
        if key not in self.data:
            raise self.error(f"no {key!r}", f"{key!r}: {expected}")
        return self.typed(key, self.data[key], kind, expected)

    def typed(self, key: str, value: Any, kind: type | tuple[type, ...], expected: str) -> Any:
        """A value whose type is checked; JSON's booleans are no numbers."""
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.error(f"{key!r} is {short(value)}", expected)
        return value

    def strings(self, key: str, expected: str, *, least: int = 1) -> tuple[str, ...]:
        """A field that holds a list of strings."""
        values = self.get(key, list, expected)
        if len(values) < least or not all(isinstance(value, str) for value in values):
            raise self.error(f"{key!r} is {short(values)}", expected)
        return tuple(values)

    def question_id(self) -> QuestionId:
        """The field `question_id`, a whole number or a string."""
        given: QuestionId = self.get("question_id", (int, str), "a whole number or a string")
        return given


def short(value: Any, limit: int = 60) -> str:
    """A value as JSON, shortened for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def read_jsonl(path: Path, refuse: Callable[[FileError], None] | None = None) -> Iterator[Line]:
    """Reads a JSON Lines file line by line; blank lines are passed over, a byte order mark too.

    Args:
        path: The file.
        refuse: Is told of a line that is no JSON object, which is then passed over; else it raises.

    Raises:
        FileError: Where the file cannot be read or a line is not a JSON object.
    """
    try:
        # Only "\n" ends a line of bytes: as text, a line would also end at U+2028 inside a JSON string.
        with path.open("rb") as file:
            for number, content in enumerate(file, 1):
                given = content.removeprefix(codecs.BOM_UTF8) if number == 1 else content
                try:
                    data = _object(path, number, given)
                except FileError as error:
                    if refuse is None:
                        raise
                    refuse(error)
                    continue
                if data is not None:
                    yield Line(path, number, data)
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), "a JSON Lines file") from None


def _object(path: Path, number: int, content: bytes) -> dict[str, Any] | None:
    """The object of one line; None where the line is blank."""
    try:
        text = content.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise FileError(path, "not UTF-8 text", "JSON Lines in UTF-8", number) from None
    if not text.strip():
        return None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nesting beyond Python's limits
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise FileError(path, f"not JSON ({why})", "one JSON object a line", number) from None
    if not isinstance(data, dict):
        raise FileError(path, f"{short(data)} is no object", "one JSON object a line", number)
    return data


def dump_jsonl(records: Iterable[Mapping[str, Any]]) -> str:
    """JSON Lines text, non-ASCII kept readable as FastChat keeps it."""
    return "".join(map(dump_line, records))


def dump_line(record: Mapping[str, Any]) -> str:
    """One line of JSON Lines text, its end included."""
    return json.dumps(record, ensure_ascii=False) + "\n"
