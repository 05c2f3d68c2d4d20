"""Reads a bench as far as it can be read, each record with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from mtbench_pytest.bench.bench import find_references, language_of, load_bench, read_choice
from mtbench_pytest.bench.config import CONFIG, BenchConfig, read_config
from mtbench_pytest.bench.languages import ENGLISH
from mtbench_pytest.bench.lint.finding import Finding
from mtbench_pytest.bench.locate import Layout, layout_of
from mtbench_pytest.bench.prompts import PromptBook, Template, find_prompts, read_template, spare_prompts
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import Question, QuestionId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Placed:
    """A question and its line."""

    line: Line
    question: Question


@dataclass
class Draft:
    """A bench as far as it could be read.

    Attributes:
        layout: Which files hold its questions.
        references: By question id, the line of the reference file.
        templates: The bench's judge prompts, each with its line.
        language: Of the bench.
        spare: As in `PromptBook`.
    """

    bench: Path
    layout: Layout
    config: BenchConfig = field(default_factory=BenchConfig)
    questions: list[Placed] = field(default_factory=list)
    references: dict[QuestionId, tuple[Line, tuple[str, ...]]] = field(default_factory=dict)
    templates: list[tuple[Line, Template]] = field(default_factory=list)
    language: str = ENGLISH
    spare: tuple[Template, ...] = ()

    @property
    def book(self) -> PromptBook:
        """The rule which prompt a question takes."""
        templates = tuple(template for _, template in self.templates)
        return PromptBook(templates, self.config.reference_categories, self.spare)

    @property
    def names(self) -> set[str]:
        """Of the bench's prompts."""
        return {template.name for _, template in self.templates}

    def reference_line(self, placed: Placed) -> Line:
        """Where a question's reference stands: in the reference file or in the question itself."""
        found = self.references.get(placed.question.question_id)
        return found[0] if found else placed.line


def read_draft(bench: Path) -> tuple[Draft, list[Finding]]:
    """Reads what can be read.

    Returns:
        The draft, and all that the loader refuses, line by line.
    """
    draft, refused = Draft(bench, layout_of(bench)), list[FileError]()
    for step in (_read_config, _read_references, _read_questions, _read_templates):
        try:
            step(draft, refused.append)
        except FileError as error:
            refused.append(error)
    if not refused:
        # What only the whole shows, such as a sample that names no question.
        try:
            load_bench(bench)
        except FileError as error:
            refused.append(error)
    return draft, [Finding.refused(error) for error in refused]


Refuse = Callable[[FileError], None]


def _read_config(draft: Draft, _: Refuse) -> None:
    draft.config = read_config(draft.bench / CONFIG, draft.layout.reference_categories)


def _read_references(draft: Draft, refuse: Refuse) -> None:
    file = find_references(draft.bench, draft.config)
    if file is None:
        return
    for line, (question_id, turns) in _each(
        file, lambda line: (line.question_id(), tuple(read_choice(line)["turns"])), refuse
    ):
        draft.references[question_id] = (line, turns)


def _read_questions(draft: Draft, refuse: Refuse) -> None:
    texts = {question_id: turns for question_id, (_, turns) in draft.references.items()}
    seen: dict[QuestionId, int] = {}
    for file in draft.layout.files:
        for line, question in _each(file, lambda line: draft.layout.read(line, texts), refuse):
            earlier = seen.setdefault(question.question_id, line.number)
            if earlier != line.number:
                name = short(question.question_id)
                problem = f"question_id {name} stands in line {earlier} too"
                refuse(line.error(problem, "an id for each question"))
            draft.questions.append(Placed(line, question))
    if not draft.questions:
        refuse(FileError(draft.layout.files[0], "no questions", "one JSON object a line"))


def _read_templates(draft: Draft, refuse: Refuse) -> None:
    names: set[str] = set()
    language = draft.config.language or language_of([placed.question for placed in draft.questions])
    draft.language, draft.spare = language, spare_prompts(language)
    for line, template in _each(find_prompts(draft.bench, language), read_template, refuse):
        if template.name in names:
            refuse(line.error(f"prompt {short(template.name)} stands twice", "a name for each prompt"))
        names.add(template.name)
        draft.templates.append((line, template))


def _each(path: Path, read: Callable[[Line], T], refuse: Refuse) -> Iterator[tuple[Line, T]]:
    for line in read_jsonl(path, refuse):
        try:
            yield line, read(line)
        except FileError as error:
            refuse(error)


def turns_of(placed: Placed) -> Sequence[tuple[int, str]]:
    """A question's turns, counted from 1."""
    return list(enumerate(placed.question.turns, 1))
