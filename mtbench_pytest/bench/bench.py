"""Reads a bench: a folder in FastChat's layout, with an optional `bench.toml` beside the questions."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.config import (
    CONFIG,
    OTHER_TEMPERATURE,
    REFERENCES,
    TEMPERATURES,
    BenchConfig,
    read_config,
)
from mtbench_pytest.bench.languages import ENGLISH, common_language
from mtbench_pytest.bench.locate import Layout, layout_of
from mtbench_pytest.bench.prompts import PromptBook, find_prompts, read_templates, spare_prompts
from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import Question, QuestionId


@dataclass(frozen=True)
class Bench:
    """A bench, read and validated.

    Attributes:
        path: Its folder.
        questions: In the file's order; ids are unique.
        prompts: The judge prompts and the rule which one a question takes.
        prompts_path: Where the prompts came from.
        language: Of its questions, as `bench.toml` states it or as they read.
        metrics: Whether the report compares replies with the references by ROUGE and BLEU.
    """

    path: Path
    questions: tuple[Question, ...]
    prompts: PromptBook
    prompts_path: Path
    config: BenchConfig
    language: str = ENGLISH
    metrics: bool = False

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def digest(self) -> str:
        """sha256 over questions, prompts and `bench.toml`, as they were read."""
        parts = [
            [asdict(q) for q in self.questions],
            [asdict(t) for t in self.prompts.templates + self.prompts.spare],
        ]
        text = json.dumps([*parts, asdict(self.config)], sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def prompts_digest(self) -> str:
        """sha256 over the judge prompts alone."""
        parts = [asdict(template) for template in self.prompts.templates + self.prompts.spare]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def temperature(self, category: str) -> float:
        """Sampling temperature for a category."""
        return self.config.temperature.get(category, TEMPERATURES.get(category, OTHER_TEMPERATURE))

    def sample(self, wanted: str, seed: int) -> tuple[Question, ...]:
        """A declared sample: a name in `bench.toml`, or a number drawn evenly over the categories.

        Args:
            wanted: The name, or a whole number as text.
            seed: Seeds the draw.

        Raises:
            SpecError: Where there is no such name, or fewer questions than asked for.
        """
        if wanted in self.config.samples:
            ids = set(self.config.samples[wanted])
            return tuple(q for q in self.questions if q.question_id in ids)
        count = int(wanted) if wanted.isdecimal() else 0
        if not 1 <= count <= len(self.questions):
            names = "".join(f", or {name}" for name in self.config.samples)
            raise SpecError(
                f"sample {wanted!r}",
                f"no such sample of the bench {self.name}",
                f"a number from 1 to {len(self.questions)}{names}",
            )
        return self._draw(count, seed)

    def _draw(self, count: int, seed: int) -> tuple[Question, ...]:
        """Takes a random question of each category in turn until there are enough."""
        piles = _shuffled(self.questions, random.Random(f"{seed}:{count}"))  # noqa: S311 - no secret
        drawn: set[QuestionId] = set()
        while len(drawn) < count:
            for pile in piles:
                if pile and len(drawn) < count:
                    drawn.add(pile.pop().question_id)
        return tuple(q for q in self.questions if q.question_id in drawn)


def mixed(questions: Sequence[Question], seed: int) -> tuple[Question, ...]:
    """The questions in a random order of which every beginning has each category in its proportion.

    So a run that stops on its way has seen the bench in small. With categories of one size that is one
    question of each in turn.

    Args:
        seed: Seeds the order.
    """
    piles = _shuffled(questions, random.Random(f"{seed}:mixed"))  # noqa: S311 - no secret
    places = [
        ((place + 0.5) / len(pile), number, question)
        for number, pile in enumerate(piles)
        for place, question in enumerate(pile)
    ]
    return tuple(question for _, _, question in sorted(places, key=lambda place: place[:2]))


def _shuffled(questions: Sequence[Question], rng: random.Random) -> list[list[Question]]:
    """The questions of each category, shuffled; the categories too."""
    piles: dict[str, list[Question]] = {}
    for question in questions:
        piles.setdefault(question.category, []).append(question)
    for pile in piles.values():
        rng.shuffle(pile)
    order = list(piles)
    rng.shuffle(order)
    return [piles[category] for category in order]


def load_bench(path: Path) -> Bench:
    """Reads a bench folder.

    Raises:
        FileError: For anything in it that cannot be used, with file and line.
    """
    layout = layout_of(path)
    config = read_config(path / CONFIG, layout.reference_categories)
    references = _read_references(path, config)
    questions = _read_questions(layout, references)
    _check_names(path / CONFIG, config, questions)
    language = config.language or language_of(questions)
    prompts = find_prompts(path, language)
    book = PromptBook(read_templates(prompts), config.reference_categories, spare_prompts(language))
    metrics = layout.is_general_qa if config.metrics is None else config.metrics
    return Bench(path, questions, book, prompts, config, language, metrics)


def language_of(questions: Sequence[Question]) -> str:
    """The language most questions are in, English where that cannot be told."""
    return common_language([turn for question in questions for turn in question.turns]) or ENGLISH


def _read_questions(layout: Layout, references: Mapping[QuestionId, tuple[str, ...]]) -> tuple[Question, ...]:
    questions: list[Question] = []
    seen: dict[QuestionId, int] = {}
    for line in (line for file in layout.files for line in read_jsonl(file)):
        question = layout.read(line, references)
        if question.question_id in seen:
            raise line.error(
                f"question_id {short(question.question_id)} stands in line {seen[question.question_id]} too",
                "an id for each question",
            )
        seen[question.question_id] = line.number
        questions.append(question)
    if not questions:
        raise FileError(layout.files[0], "no questions", "one JSON object a line")
    return tuple(questions)


def read_choice(line: Line, index: int = 0) -> Mapping[str, Any]:
    """A choice of a line in FastChat's model-answer form: its `turns` is a list of replies.

    Args:
        index: Which one, from 0.

    Raises:
        FileError: Where the line is not of that form, or has no such choice.
    """
    expected = f"choices[{index}].turns: a list of replies, one a turn"
    choices = line.get("choices", list, expected)
    found = choices[index] if len(choices) > index else None
    choice: Mapping[str, Any] = found if isinstance(found, dict) else {}
    turns = choice.get("turns")
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
        raise line.error(f"choices is {short(choices)}", expected)
    return choice


def read_choices(path: Path, index: int = 0) -> dict[QuestionId, Mapping[str, Any]]:
    """Reads a file in FastChat's model-answer form; where an id stands twice the last one binds.

    Args:
        path: The file.
        index: Which of a line's choices, from 0.

    Returns:
        By question id the choice, whose `turns` is a list of replies, one a turn.

    Raises:
        FileError: Where a line is not of that form.
    """
    return {line.question_id(): read_choice(line, index) for line in read_jsonl(path)}


def find_references(bench: Path, config: BenchConfig) -> Path | None:
    """The file of a bench's reference answers, or None where it has none.

    Raises:
        FileError: Where there are several and nothing says which.
    """
    folder = bench / REFERENCES
    if config.reference_answer is not None:
        return folder / f"{config.reference_answer}.jsonl"
    files = sorted(folder.glob("*.jsonl"))
    if len(files) > 1:
        # FastChat takes the judge's own; its judge is gpt-4 unless told otherwise.
        files = [file for file in files if file.stem == "gpt-4"]
        if not files:
            raise FileError(folder, "several files", f"reference_answer = NAME in {CONFIG} to say which")
    return files[0] if files else None


def _read_references(bench: Path, config: BenchConfig) -> dict[QuestionId, tuple[str, ...]]:
    file = find_references(bench, config)
    choices = read_choices(file) if file else {}
    return {question_id: tuple(choice["turns"]) for question_id, choice in choices.items()}


def _check_names(path: Path, config: BenchConfig, questions: Sequence[Question]) -> None:
    """Looks for samples and categories that are not in the bench: a misspelt rule would guard nothing."""
    known = {question.question_id for question in questions}
    for name, ids in config.samples.items():
        if missing := [i for i in ids if i not in known]:
            raise FileError(path, f"sample {name!r} names question {missing[0]!r}", "ids of its questions")
    categories = list(dict.fromkeys(question.category for question in questions))
    for name in config.categories:
        if name not in categories:
            raise FileError(path, f"[categories.{name}]", f"one of {', '.join(categories)}")
