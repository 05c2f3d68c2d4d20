"""Reads a bench: a folder in FastChat's layout, with an optional `bench.toml` beside the questions."""

from __future__ import annotations

import hashlib
import json
import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from mtbench_pytest import checks as check_vocabulary
from mtbench_pytest.errors import FileError, SpecError
from mtbench_pytest.jsonl import Line, read_jsonl, short
from mtbench_pytest.prompts import PromptBook, PromptType, Template, make_template
from mtbench_pytest.records import Check, Question, QuestionId

QUESTIONS = "question.jsonl"
PROMPTS = "judge_prompts.jsonl"
REFERENCES = "reference_answer"
CONFIG = "bench.toml"

# FastChat's: llm_judge/common.py, NEED_REF_CATS and temperature_config.
REFERENCE_CATEGORIES = frozenset({"math", "reasoning", "coding"})
TEMPERATURES: Mapping[str, float] = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
OTHER_TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class BenchConfig:
    """What `bench.toml` says; every table and key is optional.

    Attributes:
        language: Of the questions, as an ISO 639-1 code.
        temperature: By category; FastChat's where a category is not named.
        reference_categories: Categories judged against a reference where there is one.
        reference_answer: Stem of the file in `reference_answer/`, where it holds several.
        margins: "run", "question" and "win_rate", each optional.
        samples: Named lists of question ids.
    """

    language: str = "en"
    temperature: Mapping[str, float] = field(default_factory=dict)
    reference_categories: frozenset[str] = REFERENCE_CATEGORIES
    reference_answer: str | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    samples: Mapping[str, tuple[QuestionId, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """A bench, read and validated.

    Attributes:
        path: Its folder.
        questions: In the file's order; ids are unique.
        prompts: The judge prompts and the rule which one a question takes.
        prompts_path: Where the prompts came from.
    """

    path: Path
    questions: tuple[Question, ...]
    prompts: PromptBook
    prompts_path: Path
    config: BenchConfig

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @cached_property
    def digest(self) -> str:
        """sha256 over questions, prompts and `bench.toml`, as they were read."""
        parts = [[asdict(q) for q in self.questions], [asdict(t) for t in self.prompts.templates]]
        text = json.dumps([*parts, asdict(self.config)], sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()

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
        rng = random.Random(f"{seed}:{count}")  # noqa: S311 - a reproducible draw, no secret
        piles: dict[str, list[Question]] = {}
        for question in self.questions:
            piles.setdefault(question.category, []).append(question)
        for pile in piles.values():
            rng.shuffle(pile)
        order = list(piles)
        rng.shuffle(order)
        drawn: set[QuestionId] = set()
        while len(drawn) < count:
            for category in order:
                if piles[category] and len(drawn) < count:
                    drawn.add(piles[category].pop().question_id)
        return tuple(q for q in self.questions if q.question_id in drawn)


def shipped_suites() -> Path:
    """The folder of the suites that come with the project."""
    package = Path(__file__).resolve().parent
    installed = package / "suites"
    return installed if installed.is_dir() else package.parent / "suites"


def find_bench(given: Path) -> Path:
    """The folder of a bench given as a path or as the name of a shipped suite.

    Raises:
        SpecError: Where there is none.
    """
    for folder in (given, shipped_suites() / given):
        if (folder / QUESTIONS).is_file():
            return folder.resolve()
    shipped = sorted(path.parent.name for path in shipped_suites().glob(f"*/{QUESTIONS}"))
    raise SpecError(
        f"bench {given}", f"no {QUESTIONS} there", f"a bench folder or one of {', '.join(shipped)}"
    )


def load_bench(path: Path) -> Bench:
    """Reads a bench folder.

    Raises:
        FileError: For anything in it that cannot be used, with file and line.
    """
    config = _read_config(path / CONFIG)
    prompts_path = _prompts_path(path)
    references = _read_references(path / REFERENCES, config)
    questions = _read_questions(path / QUESTIONS, references)
    _check_samples(path / CONFIG, config, questions)
    templates = _read_templates(prompts_path)
    book = PromptBook(templates, config.reference_categories)
    return Bench(path, questions, book, prompts_path, config)


def _prompts_path(bench: Path) -> Path:
    """The bench's own prompts, its parent's, else the ones that ship with the general suite."""
    for folder in (bench, bench.parent):
        if (folder / PROMPTS).is_file():
            return folder / PROMPTS
    return shipped_suites() / "general" / PROMPTS


def _read_questions(path: Path, references: Mapping[QuestionId, tuple[str, ...]]) -> tuple[Question, ...]:
    questions: list[Question] = []
    seen: dict[QuestionId, int] = {}
    for line in read_jsonl(path):
        question = _question(line, references)
        if question.question_id in seen:
            raise line.error(
                f"question_id {short(question.question_id)} stands in line {seen[question.question_id]} too",
                "an id for each question",
            )
        seen[question.question_id] = line.number
        questions.append(question)
    if not questions:
        raise FileError(path, "no questions", "one JSON object a line")
    return tuple(questions)


def _question(line: Line, references: Mapping[QuestionId, tuple[str, ...]]) -> Question:
    question_id = line.question_id()
    category = line.get("category", str, "the question's category")
    turns = line.strings("turns", "a list of the user's messages, one a turn")
    if blank := [n for n, turn in enumerate(turns, 1) if not turn.strip()]:
        raise line.error(f"turn {blank[0]} is blank", "a message of the user for each turn")
    reference = references.get(question_id) or _own_reference(line)
    return Question(question_id, category, turns, reference, _checks(line, len(turns)))


def _own_reference(line: Line) -> tuple[str, ...]:
    """The question's own `reference`: the turns up to the first that has none."""
    if line.data.get("reference") is None:
        return ()
    given = line.get("reference", list, "a list of reference answers, one a turn")
    known = []
    for text in given:
        if not isinstance(text, str) or not text.strip():
            break
        known.append(text)
    return tuple(known)


def _checks(line: Line, turns: int) -> tuple[tuple[Check, ...], ...]:
    if "checks" not in line.data:
        return ()
    given = line.get("checks", list, "a list of checks for each turn")
    if len(given) != turns or not all(isinstance(checks, list) for checks in given):
        raise line.error(f"'checks' is {short(given)}", f"{turns} lists of checks, one a turn")
    for turn, checks in enumerate(given, 1):
        for check in checks:
            try:
                check_vocabulary.validate(check)
            except ValueError as error:
                raise line.error(f"check {short(check)} of turn {turn}", str(error)) from None
    return tuple(tuple(checks) for checks in given)


def read_choices(path: Path) -> dict[QuestionId, Mapping[str, Any]]:
    """Reads a file in FastChat's model-answer form; where an id stands twice the last one binds.

    Returns:
        By question id the first choice, whose `turns` is a list of replies, one a turn.

    Raises:
        FileError: Where a line is not of that form.
    """
    expected = "choices[0].turns: a list of replies, one a turn"
    answers: dict[QuestionId, Mapping[str, Any]] = {}
    for line in read_jsonl(path):
        choices = line.get("choices", list, expected)
        choice = choices[0] if choices and isinstance(choices[0], dict) else {}
        turns = choice.get("turns")
        if not isinstance(turns, list) or not turns or not all(isinstance(turn, str) for turn in turns):
            raise line.error(f"choices is {short(choices)}", expected)
        answers[line.question_id()] = choice
    return answers


def _reference_turns(path: Path) -> dict[QuestionId, tuple[str, ...]]:
    return {question_id: tuple(choice["turns"]) for question_id, choice in read_choices(path).items()}


def _read_references(folder: Path, config: BenchConfig) -> dict[QuestionId, tuple[str, ...]]:
    files = sorted(folder.glob("*.jsonl"))
    if config.reference_answer is not None:
        return _reference_turns(folder / f"{config.reference_answer}.jsonl")
    if len(files) > 1:
        # FastChat takes the judge's own; its judge is gpt-4 unless told otherwise.
        files = [file for file in files if file.stem == "gpt-4"]
        if not files:
            raise FileError(folder, "several files", f"reference_answer = NAME in {CONFIG} to say which")
    return _reference_turns(files[0]) if files else {}


def _read_templates(path: Path) -> tuple[Template, ...]:
    templates: dict[str, Template] = {}
    for line in read_jsonl(path):
        name = line.get("name", str, "the prompt's name")
        kind = line.get("type", str, '"single" or "pairwise"')
        if kind not in ("single", "pairwise"):
            raise line.error(f"type {short(kind)}", '"single" or "pairwise"')
        system = line.get("system_prompt", str, "a text, may be empty")
        text = line.get("prompt_template", str, "a text with placeholders such as {question}")
        category = line.typed("category", line.data.get("category", "general"), str, "a category")
        if name in templates:
            raise line.error(f"prompt {short(name)} stands twice", "a name for each prompt")
        try:
            templates[name] = make_template(name, cast(PromptType, kind), system, text, category)
        except ValueError as error:
            raise line.error(f"prompt {short(name)}", str(error)) from None
    return tuple(templates.values())


# The keys of bench.toml, each with what its value must be.
_KEYS: Mapping[str, tuple[type, str]] = {
    "language": (str, "a language code such as 'en'"),
    "reference_answer": (str, f"the stem of a file in {REFERENCES}/"),
    "reference_categories": (list, "a list of categories"),
    "temperature": (dict, "a table category = number"),
    "margins": (dict, "a table with run, question, win_rate"),
    "samples": (dict, "a table name = [question ids]"),
}
_MARGINS = ("run", "question", "win_rate")


def _read_config(path: Path) -> BenchConfig:
    if not path.is_file():
        return BenchConfig()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(path, f"not TOML ({error})", "a TOML file") from None
    for key, value in data.items():
        if key not in _KEYS:
            raise FileError(path, f"unknown key {key!r}", f"one of {', '.join(_KEYS)}")
        kind, expected = _KEYS[key]
        if not isinstance(value, kind):
            raise FileError(path, f"{key} = {short(value)}", expected)
    return BenchConfig(
        language=data.get("language", "en"),
        temperature=_numbers(path, data, "temperature"),
        reference_categories=_strings(path, data, "reference_categories", REFERENCE_CATEGORIES),
        reference_answer=data.get("reference_answer"),
        margins=_numbers(path, data, "margins", _MARGINS),
        samples={name: _ids(path, name, ids) for name, ids in data.get("samples", {}).items()},
    )


def _numbers(path: Path, data: Mapping[str, Any], table: str, known: Sequence[str] = ()) -> dict[str, float]:
    values: dict[str, Any] = data.get(table, {})
    for key, value in values.items():
        if known and key not in known:
            raise FileError(path, f"unknown key {key!r} in [{table}]", f"one of {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise FileError(path, f"{key} = {short(value)} in [{table}]", "a number from 0 up")
    return {key: float(value) for key, value in values.items()}


def _strings(path: Path, data: Mapping[str, Any], key: str, default: frozenset[str]) -> frozenset[str]:
    values = data.get(key)
    if values is None:
        return default
    if not all(isinstance(value, str) for value in values):
        raise FileError(path, f"{key} = {short(values)}", _KEYS[key][1])
    return frozenset(values)


def _ids(path: Path, name: str, ids: Any) -> tuple[QuestionId, ...]:
    if not isinstance(ids, list) or not ids or not all(type(i) in (int, str) for i in ids):
        raise FileError(path, f"{name} = {short(ids)} in [samples]", "a list of question ids")
    return tuple(ids)


def _check_samples(path: Path, config: BenchConfig, questions: Sequence[Question]) -> None:
    known = {question.question_id for question in questions}
    for name, ids in config.samples.items():
        if missing := [i for i in ids if i not in known]:
            raise FileError(path, f"sample {name!r} names question {missing[0]!r}", f"ids in {QUESTIONS}")
