"""Lines for a terminal and a log, whoever wrote what is in them."""

from __future__ import annotations

import pytest

from mtbench_pytest.core.errors import FileError, ModelError, SpecError
from mtbench_pytest.core.text import plain_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain \u00e9 \u4e2d", "plain \u00e9 \u4e2d"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07after", "]0;titleafter"),
        ("two\nlines\r\nand\u2028more\x85still", "two lines and more still"),
        ("turned \u202eback", "turned back"),
        ("::error::owned", ": :error::owned"),
        ("  ::set-output name=x::y", "  : :set-output name=x::y"),
        ("a::b", "a::b"),
        ("half \ud83d", "half ?"),
        ("nul\x00", "nul"),
        ("  indented", "  indented"),
    ],
)
def test_a_line_steers_nothing(text: str, line: str) -> None:
    assert plain_line(text) == line


def test_an_error_is_one_line_whatever_is_in_it() -> None:
    evil = "x\x1b[2J\n::error::y"
    for error in (FileError(evil, evil, evil), SpecError(evil, evil, evil), ModelError(evil)):
        assert "\x1b" not in str(error)
        assert "\n" not in str(error)
