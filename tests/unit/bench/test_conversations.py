"""Conversations from spreadsheets and chat logs become questions; what cannot be used is told by its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtbench_pytest.bench.scaffold.conversations import Conversation, read_conversations
from mtbench_pytest.core.errors import FileError


def read(tmp_path: Path, text: str | bytes, name: str = "chats.csv") -> list[Conversation]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_conversations(path)


def refused(tmp_path: Path, text: str | bytes, name: str = "chats.csv") -> str:
    with pytest.raises(FileError) as error:
        read(tmp_path, text, name)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{tmp_path}/")


def test_a_row_a_conversation(tmp_path: Path) -> None:
    text = 'category,turn_1,turn_2,reference_1\nfacts,"Hi, who\nare you?",And now?,A bot.\n,One turn.,,\n\n'
    assert read(tmp_path, text) == [
        Conversation(["Hi, who\nare you?", "And now?"], ["A bot."], "facts"),
        Conversation(["One turn."]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "turn_1;turn_2\nYes, please;No\n",  # a spreadsheet where the decimal mark is a comma
        '\ufeffTurn 1,Turn 2\n"Yes, please",No\n',
        'User 1,User 2,Note\n"Yes, please",No,good\n',
        'turn 2,turn 1\nNo,"Yes, please"\n',
    ],
)
def test_as_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [Conversation(["Yes, please", "No"])]


def test_tabs(tmp_path: Path) -> None:
    assert read(tmp_path, "question\nYes, please; no\n", "a.tsv") == [Conversation(["Yes, please; no"])]


def test_a_row_a_message(tmp_path: Path) -> None:
    text = (
        "conversation,role,content,category\na,system,Be kind.,\na,user,Hi!,sales\nb,User,Price?,\n"
        "a,assistant,Hello!,\na,user,So,\na,user,what now?,\nb,user,Well?,\n"
    )
    assert read(tmp_path, text) == [
        Conversation(["Hi!", "So\nwhat now?"], ["Hello!"], "sales", [("system", "Be kind.")]),
        Conversation(["Price?", "Well?"]),
    ]


def test_logs_of_chat_apis_and_of_sharegpt(tmp_path: Path) -> None:
    said = [("system", "S"), ("assistant", "Welcome."), ("user", "A"), ("assistant", "B"), ("user", "C")]
    api = {"messages": [{"role": role, "content": text} for role, text in said], "category": "x"}
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    share = {"conversations": [{"from": names[role], "value": text} for role, text in said]}
    plain = {"turns": ["A", "C"]}
    found = read(tmp_path, "\n".join(map(json.dumps, (api, share, plain))), "log.jsonl")
    opening = [("system", "S"), ("assistant", "Welcome.")]
    assert found == [
        Conversation(["A", "C"], ["B"], "x", opening),
        Conversation(["A", "C"], ["B"], "general", opening),
        Conversation(["A", "C"]),
    ]


def test_a_question_of_it(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "turn_1,reference_1\nQ?,R.\n")
    assert found.as_question(7, references=False) == {
        "question_id": 7,
        "category": "general",
        "turns": ["Q?"],
    }
    assert found.as_question(7, references=True)["reference"] == ["R."]
    opened = Conversation(["Q?"], opening=[("system", "S")])
    assert opened.as_question(1, references=True) == {
        "question_id": 1,
        "category": "general",
        "turns": ["Q?"],
        "opening": [{"role": "system", "content": "S"}],
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "chats.csv: empty; expected a header with turn_1"),
        ("name,text\na,b\n", 'chats.csv:1: the header is ["name", "text"]; expected a header with turn_1'),
        ("turn_1\n", "chats.csv: no conversation; expected at least one"),
        ("turn_1,turn_2\na,b\n,c\n", "chats.csv:3: turn 1 is blank; expected the turns without a gap"),
        (
            "turn_1,note\na,b\n,c\n",
            "chats.csv:3: no turn in this row; expected a message of the user",
        ),
        ('turn_1\n"a\nb\n', "chats.csv:2: not CSV (unexpected end of data); expected quotes closed"),
        (b"turn_1\nok\nGr\xfc\xdfe\n", 'chats.csv:3: not UTF-8 text; expected a file saved as "CSV UTF-8"'),
        (
            "role,content\nuser,a\n",
            "chats.csv:2: no conversation in this row; expected a column",
        ),
        (
            "id,role,content\n1,user,a\n1,bot,b\n",
            'chats.csv:3: role "bot"; expected user, assistant or system',
        ),
        ("id,role,content\n1,user,\n", 'chats.csv:2: user says ""; expected user, assistant or system'),
        (
            "id,role,content\n1,user,a\n2,assistant,b\n",
            "chats.csv:3: a conversation without a message of the",
        ),
        ("id,role,content\n1,user,a\n1,system,b\n", "chats.csv:2: a system message after the user's first"),
    ],
)
def test_what_is_wrong_in_a_spreadsheet(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert refused(tmp_path, text).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "log.jsonl:1: not JSON"),
        ('{"text": "a"}', 'log.jsonl:1: the fields are ["text"]; expected one of turns, messages'),
        ('{"turns": ["a", " "]}', "log.jsonl:1: a turn is blank"),
        ('{"turns": []}', "log.jsonl:1: 'turns' is []"),
        ('{"messages": ["a"]}', "log.jsonl:1: \"a\" in 'messages'"),
        ('{"messages": [{"role": "user", "content": null}]}', "log.jsonl:1: user says null"),
        ('{"messages": [{"role": "assistant", "content": "a"}]}', "log.jsonl:1: a conversation without"),
        ('{"turns": ["a"], "category": 3}', "log.jsonl:1: 'category' is 3"),
    ],
)
def test_what_is_wrong_in_a_log(tmp_path: Path, text: str, told: str) -> None:
    assert refused(tmp_path, text, "log.jsonl").startswith(told)


def test_another_kind_of_file(tmp_path: Path) -> None:
    assert refused(tmp_path, "x", "chats.xlsx") == (
        "chats.xlsx: the ending .xlsx; expected a .csv, .tsv or .jsonl file"
    )
    with pytest.raises(FileError, match=r"gone\.csv: no such file or directory"):
        read_conversations(tmp_path / "gone.csv")


def test_a_reference_for_a_later_turn_alone_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "chats.csv"
    path.write_text("turn_1,turn_2,reference_1,reference_2\nHi.,And 2 + 2?,,4\nHi.,Bye.,Hello.,\n")
    first, second = read_conversations(path)
    assert first.references == ["", "4"]
    assert second.references == ["Hello."]
