"""JSON Lines: what is read, and that a refusal names file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, dump_jsonl, read_jsonl, short


def read(path: Path, content: bytes) -> list[Line]:
    path.write_bytes(content)
    return list(read_jsonl(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}\n{"a": 2}\n',
        b'{"a": 1}\n{"a": 2}',
        b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n',
        b'{"a": 1}\r\n{"a": 2}\r\n',
        b'\n  \n{"a": 1}\n\n{"a": 2}\n\n',
    ],
    ids=["plain", "no newline at the end", "byte order mark", "CRLF", "blank lines"],
)
def test_two_objects_are_read(path: Path, content: bytes) -> None:
    assert [line.data for line in read(path, content)] == [{"a": 1}, {"a": 2}]


def test_numbers_count_blank_lines_too(path: Path) -> None:
    assert [line.number for line in read(path, b'\n{"a": 1}\n\n{"a": 2}')] == [2, 4]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_only_a_newline_ends_a_line(path: Path, separator: str) -> None:
    value = f"one{separator}two"
    if separator in "\x0b\x0c":  # control characters must be escaped in JSON
        content = dump_jsonl([{"a": value}]).encode()
    else:
        content = f'{{"a": "{value}"}}\n'.encode()
        assert separator.encode() in content
    assert [line.data["a"] for line in read(path, content)] == [value]


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b'{"a": 1}\n{"a": \n', 2, "not JSON"),
        (b"\n\nhello\n", 3, "not JSON"),
        (b'{"a": 1}\n[1, 2]\n', 2, "[1, 2] is no object"),
        (b'"text"', 1, '"text" is no object'),
        (b'{"a": 1}\n\xff\n', 2, "not UTF-8"),
        (b"\xef\xbb\xbf{}\n\xff\n", 2, "not UTF-8"),
        (b'{"a": "\xe4"}\n', 1, "not UTF-8"),
    ],
)
def test_a_refusal_names_file_and_line(path: Path, content: bytes, line: int, problem: str) -> None:
    with pytest.raises(FileError) as error:
        read(path, content)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert problem in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "problem"), [("absent.jsonl", "no such file"), (".", "is a directory")])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        list(read_jsonl(tmp_path / name))


def line_of(**data: Any) -> Line:
    return Line(Path("f.jsonl"), 4, data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "no 'n'"),
        ({"n": "1"}, "'n' is \"1\""),
        ({"n": True}, "'n' is true"),
        ({"n": None}, "'n' is null"),
    ],
)
def test_a_field_is_there_and_of_its_type(data: dict[str, Any], problem: str) -> None:
    with pytest.raises(FileError) as error:
        line_of(**data).get("n", (int, float), "a number")
    assert str(error.value).startswith(f"f.jsonl:4: {problem}; expected ")


@pytest.mark.parametrize("value", ["text", [], [1], ["a", None], {"a": 1}])
def test_a_list_of_strings_holds_strings_only(value: Any) -> None:
    with pytest.raises(FileError, match=r"f\.jsonl:4: 'turns' is "):
        line_of(turns=value).strings("turns", "texts")


@pytest.mark.parametrize("question_id", [81, "81", "intro-β"])
def test_ids_keep_their_type(question_id: int | str) -> None:
    read = line_of(question_id=question_id).question_id()
    assert read == question_id
    assert type(read) is type(question_id)


@pytest.mark.parametrize("question_id", [True, 81.0, None, [81]])
def test_ids_are_whole_numbers_or_strings(question_id: Any) -> None:
    with pytest.raises(FileError, match="a whole number or a string"):
        line_of(question_id=question_id).question_id()


def test_values_are_shortened_for_messages() -> None:
    assert short("ä") == '"ä"'
    assert len(short("x" * 1000)) == 60
    assert short("x" * 1000).endswith("…")


def test_what_is_written_is_read_again(path: Path) -> None:
    records: list[dict[str, Any]] = [{"a": "ä\u2028\n"}, {"b": [1, 2.5, None, True]}]
    text = dump_jsonl(records)
    assert "ä" in text
    assert [line.data for line in read(path, text.encode())] == records
