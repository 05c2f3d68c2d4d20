"""Conversations from a spreadsheet or a chat log, made into questions.

CSV: a row a conversation (columns `turn_1`, `turn_2` …), or a row a message (columns `conversation`,
`role`, `content`). JSON Lines: `turns`, `messages` as chat APIs and fine-tuning files have them, or
`conversations` as ShareGPT has them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short

Message = tuple[str, str]  # role, content

OTHER = "general"  # the category of a conversation that names none

_TURN = re.compile(r"(?:turn|question|user|prompt)[ _-]?(\d+)?\Z", re.IGNORECASE)
_REFERENCE = re.compile(r"(?:reference|answer)[ _-]?(\d+)?\Z", re.IGNORECASE)
_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system"}
_SAID = "user, assistant or system, and a text"
_COLUMNS = "a header with turn_1, turn_2 … (and category, reference_1 …), or with conversation, role, content"


@dataclass
class Conversation:
    """What a user said, turn by turn.

    Attributes:
        references: What was answered, one a turn as far as it is known.
        opening: What stood before the user's first message: (role, content) each.
    """

    turns: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    category: str = OTHER
    opening: list[tuple[str, str]] = field(default_factory=list)

    def as_question(self, number: int, *, references: bool) -> dict[str, Any]:
        """A line for `question.jsonl`.

        Args:
            number: Its question id.
            references: Whether the recorded answers are kept as reference answers.
        """
        line: dict[str, Any] = {"question_id": number, "category": self.category, "turns": self.turns}
        if self.opening:
            line["opening"] = [{"role": role, "content": content} for role, content in self.opening]
        if references and self.references:
            line["reference"] = self.references
        return line


def read_conversations(path: Path) -> list[Conversation]:
    """Reads a CSV or JSON Lines file, told apart by its ending.

    Raises:
        FileError: For a line that cannot be used, or where there is no conversation at all.
    """
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        found = _read_csv(path)
    elif suffix in (".jsonl", ".ndjson"):
        found = [_conversation(line) for line in read_jsonl(path)]
    else:
        raise FileError(path, f"the ending {suffix or 'is missing'}", "a .csv, .tsv or .jsonl file")
    if not found:
        raise FileError(path, "no conversation", "at least one, with a message of the user")
    return found


def _read_csv(path: Path) -> list[Conversation]:
    rows = list(_rows(path))
    if not rows:
        raise FileError(path, "empty", _COLUMNS)
    (_, header), *body = rows
    names = [name.strip().casefold() for name in header]
    lines = [
        (number, dict(zip(names, row, strict=False))) for number, row in body if any(map(str.strip, row))
    ]
    if {"role", "content"} <= set(names):
        return _from_messages(path, lines)
    if any(_TURN.match(name) for name in names):
        return [_from_row(path, number, cells) for number, cells in lines]
    raise FileError(path, f"the header is {short(header)}", _COLUMNS, 1)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line they begin in; a spreadsheet's cells may hold several lines."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise FileError(path, "not UTF-8 text", 'a file saved as "CSV UTF-8"', line) from None
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), "a CSV file") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(path, text), strict=True)
    began = 1
    try:
        for row in reader:
            yield began, row
            began = reader.line_num + 1
    except csv.Error as error:
        raise FileError(
            path, f"not CSV ({error})", "quotes closed, and doubled inside a cell", began
        ) from None


def _delimiter(path: Path, text: str) -> str:
    """By the header: spreadsheets write semicolons where the decimal mark is a comma."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _from_row(path: Path, number: int, cells: Mapping[str, str]) -> Conversation:
    turns, references = _numbered(cells, _TURN), _numbered(cells, _REFERENCE)
    if not turns:
        raise FileError(path, "no turn in this row", "a message of the user in turn_1", number)
    if missing := [n for n in range(1, max(turns) + 1) if n not in turns]:
        raise FileError(path, f"turn {missing[0]} is blank", "the turns without a gap", number)
    last = max((n for n in references if n <= len(turns)), default=0)
    return Conversation(
        turns=[turns[n] for n in sorted(turns)],
        references=[references.get(n, "") for n in range(1, last + 1)],  # "" for a turn without
        category=cells.get("category", "").strip() or OTHER,
    )


def _numbered(cells: Mapping[str, str], column: re.Pattern[str]) -> dict[int, str]:
    """Cells of the columns turn_1, turn_2 …, by number; a column without one is the first."""
    found = {
        int(match.group(1) or 1): text.strip()
        for name, text in cells.items()
        if (match := column.match(name)) and text and text.strip()
    }
    return dict(sorted(found.items()))


def _from_messages(path: Path, lines: Sequence[tuple[int, Mapping[str, str]]]) -> list[Conversation]:
    logs: dict[str, tuple[int, list[Message]]] = {}
    categories: dict[str, str] = {}
    for number, cells in lines:
        key = (cells.get("conversation") or cells.get("conversation_id") or cells.get("id") or "").strip()
        if not key:
            raise FileError(path, "no conversation in this row", "a column conversation (or id)", number)
        _, log = logs.setdefault(key, (number, []))
        categories[key] = cells.get("category", "").strip() or categories.get(key, OTHER)
        try:
            log.append(_message(cells["role"], cells.get("content")))
        except ValueError as error:
            raise FileError(path, str(error), _SAID, number) from None
    found = []
    for key, (number, log) in logs.items():
        try:
            found.append(_folded(log, categories[key]))
        except ValueError as error:
            raise FileError(path, str(error), "at least one", number) from None
    return found


def _conversation(line: Line) -> Conversation:
    data = line.data
    category = line.typed("category", data.get("category", OTHER), str, "a text")
    if "turns" in data:
        turns = list(line.strings("turns", "a list of the user's messages"))
        if not all(turn.strip() for turn in turns):
            raise line.error("a turn is blank", "a message of the user for each turn")
        return Conversation(turns, category=category)
    key = next((key for key in ("messages", "conversations") if key in data), None)
    if key is None:
        raise line.error(f"the fields are {short(list(data))}", "one of turns, messages, conversations")
    log = []
    for message in line.get(key, list, "a list of messages"):
        if not isinstance(message, dict):
            raise line.error(f"{short(message)} in {key!r}", "an object with role and content")
        try:
            log.append(
                _message(
                    message.get("role", message.get("from")), message.get("content", message.get("value"))
                )
            )
        except ValueError as error:
            raise line.error(str(error), _SAID) from None
    try:
        return _folded(log, category)
    except ValueError as error:
        raise line.error(str(error), "at least one") from None


def _message(role: Any, text: Any) -> Message:
    """One message, its role by the usual names.

    Raises:
        ValueError: For an unknown role, or no text.
    """
    known = _ROLES.get(role.strip().casefold()) if isinstance(role, str) else None
    if known is None:
        raise ValueError(f"role {short(role)}")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{role} says {short(text)}")
    return known, text.strip()


def _folded(log: Sequence[Message], category: str) -> Conversation:
    """Turns and references from messages as they came.

    Where an assistant speaks, all that one side says at a stretch is one turn; without one, every message of
    the user is.

    Raises:
        ValueError: Where the user says nothing.
    """
    first = next((at for at, (role, _) in enumerate(log) if role == "user"), None)
    if first is None:
        raise ValueError("a conversation without a message of the user")
    answered = any(role == "assistant" for role, _ in log[first:])
    said: list[Message] = []
    for role, text in log[first:]:
        if role == "system":
            raise ValueError("a system message after the user's first; before it there may be")
        if answered and said and said[-1][0] == role:
            said[-1] = (role, f"{said[-1][1]}\n{text}")
        else:
            said.append((role, text))
    return Conversation(
        turns=[text for role, text in said if role == "user"],
        references=[text for role, text in said if role == "assistant"],
        category=category,
        opening=list(log[:first]),
    )
