"""EvalScope's `general_qa` files as questions: a folder of JSON Lines files, one a subset.

A line is `{query, response?, system?}` or `{messages, response?}`; `question` and `answer` are read as well,
as EvalScope's adapter does (evalscope/benchmarks/general_qa). A subset is a category.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mtbench_pytest.bench.questions import read_message
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import Message, Question, QuestionId

_QUERY = ("query", "question")
_RESPONSE = ("response", "answer")
_FORMS = "'query', or 'messages': one of them"


def is_subset(path: Path) -> bool:
    """Whether a JSON Lines file holds a subset, by its first line; a broken one is told when it is read.

    Answers, judgments and FastChat's questions may lie beside.
    """
    try:
        first = next(read_jsonl(path), None)
    except FileError:
        return True
    return first is not None and any(key in first.data for key in (*_QUERY, "messages"))


def read_item(line: Line, references: Mapping[QuestionId, tuple[str, ...]]) -> Question:
    """Reads one line of a subset; its id is the subset's name and the line's number, such as `faq-3`.

    Messages of the user alone are turns, one a message. Where assistants speak in between, the conversation
    up to the user's last message stands in front of it and that message is the one turn.

    Args:
        line: The line.
        references: Reference answers by question id; they win over the line's own.

    Raises:
        FileError: For anything that cannot be used.
    """
    question_id = f"{line.path.stem}-{line.number}"
    opening, turns, recorded = _conversation(line)
    response = _text(line, _RESPONSE, required=False) or recorded
    own = (*("" for _ in turns[1:]), response) if response else ()
    reference = references.get(question_id) or own
    return Question(question_id, line.path.stem, tuple(turns), reference, opening=tuple(opening))


def _conversation(line: Line) -> tuple[Sequence[Message], Sequence[str], str]:
    """What stands before the first turn, the turns, and the recorded answer to the last of them."""
    queried = any(line.data.get(key) is not None for key in _QUERY)
    if queried == (line.data.get("messages") is not None):
        given = "both" if queried else f"the fields are {short(list(line.data))}"
        raise line.error(given, _FORMS)
    if queried:
        system = _text(line, ("system",), required=False)
        opening = [Message("system", system)] if system else []
        return opening, [_text(line, _QUERY)], ""
    return _split(
        line, [read_message(line, message) for message in line.get("messages", list, "a list of messages")]
    )


def _split(line: Line, said: Sequence[Message]) -> tuple[Sequence[Message], Sequence[str], str]:
    users = [at for at, message in enumerate(said) if message.role == "user"]
    if not users:
        raise line.error("no message of the user in 'messages'", "at least one")
    first, last = users[0], users[-1]
    recorded = "\n".join(message.content for message in said[last + 1 :] if message.role == "assistant")
    if all(message.role == "user" for message in said[first : last + 1]):
        return said[:first], [message.content for message in said[first : last + 1]], recorded
    return said[:last], [said[last].content], recorded


def _text(line: Line, keys: Sequence[str], *, required: bool = True) -> str:
    """The first of these fields that is there; null and a blank text are none."""
    for key in keys:
        value = line.data.get(key)
        if value is not None:
            text: str = line.typed(key, value, str, "a text")
            if text.strip():
                return text
            if required:
                raise line.error(f"{key!r} is blank", "what the user asks")
    return ""
