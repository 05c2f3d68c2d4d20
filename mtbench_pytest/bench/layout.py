"""Which files of a bench hold its questions, and how a line of them is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtbench_pytest.bench.config import REFERENCE_CATEGORIES
from mtbench_pytest.bench.general_qa import read_item
from mtbench_pytest.bench.locate import QUESTIONS, question_files
from mtbench_pytest.bench.questions import FIELDS, read_question
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl
from mtbench_pytest.core.records import Question, QuestionId

Read = Callable[[Line, Mapping[QuestionId, tuple[str, ...]]], Question]


@dataclass(frozen=True, slots=True)
class Layout:
    """How a bench folder is laid out.

    Attributes:
        files: They hold the questions, one a line.
        read: Reads a line.
        fields: Of a line; None where any others may stand beside.
        reference_categories: Judged against a reference where `bench.toml` does not say.
        is_general_qa: Whether it is EvalScope's.
    """

    files: tuple[Path, ...]
    read: Read
    fields: frozenset[str] | None
    reference_categories: frozenset[str]
    is_general_qa: bool


def layout_of(bench: Path) -> Layout:
    """FastChat's layout where there is a `question.jsonl`, else EvalScope's `general_qa`."""
    files = question_files(bench)
    if not files or files[0].name == QUESTIONS:
        return Layout((bench / QUESTIONS,), read_question, FIELDS, REFERENCE_CATEGORIES, is_general_qa=False)
    subsets = frozenset(file.stem for file in files)
    return Layout(files, read_item, None, subsets, is_general_qa=True)


def question_places(bench: Path) -> dict[QuestionId, tuple[Path, int]]:
    """File and line of each question, as the files stand now; none where they cannot be read any more."""
    layout = layout_of(bench)
    try:
        lines = [line for file in layout.files for line in read_jsonl(file)]
        return {layout.read(line, {}).question_id: (line.path, line.number) for line in lines}
    except FileError:
        return {}
