"""One line for the user; the data behind it as attributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError, MTBenchError, ServiceError, SpecError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FileError("q.jsonl", "no 'turns'", "a list", 7), "q.jsonl:7: no 'turns'; expected a list"),
        (FileError("q.jsonl", "no questions", "some"), "q.jsonl: no questions; expected some"),
        (SpecError("hff:x", "unknown kind", "hf"), "hff:x: unknown kind; expected hf"),
        (ServiceError("http://h/v1", "401", "a key"), "http://h/v1: 401; expected a key"),
    ],
)
def test_what_where_and_what_was_expected(error: MTBenchError, line: str) -> None:
    assert isinstance(error, MTBenchError)
    assert str(error) == line
    problem, expected = line.split(": ", 1)[1].split("; expected ")
    assert vars(error) | {"problem": problem, "expected": expected} == vars(error)


def test_a_file_error_keeps_file_and_line() -> None:
    error = FileError("a/q.jsonl", "p", "e", 3)
    assert (error.path, error.line) == (Path("a/q.jsonl"), 3)
