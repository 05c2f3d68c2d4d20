"""Judge prompts and the parser of what comes back, side by side: the two ends of one protocol.

The format is FastChat's `judge_prompts.jsonl` (Zheng et al. 2023, arXiv 2306.05685, appendix A): a template
is filled by `str.format`, and the reply ends in `[[7]]`, or `[[A]]`, `[[B]]`, `[[C]]` for a tie.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from mtbench_pytest.bench.languages import ENGLISH, common_language
from mtbench_pytest.bench.verdicts import escape
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.jsonl import Line, read_jsonl, short
from mtbench_pytest.core.records import Prompt, Question

PROMPTS = "judge_prompts.jsonl"

BUILTIN = ("de", "en", "ko", "zh")


PromptType = Literal["single", "pairwise"]

GENERAL = "general"
ANY_LATER = 0  # the turn of a template that is for every turn from the second on

_SIDES: Mapping[PromptType, tuple[str, ...]] = {"single": ("",), "pairwise": ("_a", "_b")}
_PLAIN = {"single": {"question", "answer"}, "pairwise": {"question", "answer_a", "answer_b"}}
_NUMBERED = {
    "single": re.compile(r"(?:question|answer|ref_answer)_(\d+)\Z"),
    "pairwise": re.compile(r"(?:question|answer_a|answer_b|ref_answer)_(\d+)\Z"),
}
# Of a template that shows `{conversation}`, and of the `turn_template` that renders each turn of it.
_LATER = {
    kind: {"turn", "question", "ref_answer"}
    | {f"{word}{side}" for side in sides for word in ("answer", "conversation")}
    for kind, sides in _SIDES.items()
}
_TURN = {"turn", "side", "question", "answer"}


@dataclass(frozen=True, slots=True)
class Template:
    """A judge prompt before it is filled.

    Attributes:
        turn: The turn it is for: the highest number among its question and answer placeholders, or
            `ANY_LATER`.
        references: How many reference answers it shows: the highest N of `{ref_answer_N}`, or 0; where it is
            for any later turn, 1 means that turn's.
        turn_text: Where it is for any later turn: how each turn before is shown.
        escape_note: Where there is one, markers and delimiters in answers are broken by a space, and this is
            what a judge is told who is shown such an answer. The built-in prompts have it, FastChat's do not.
    """

    name: str
    type: PromptType
    system: str
    text: str
    category: str
    turn: int
    references: int
    turn_text: str = ""
    escape_note: str = ""

    def fits(self, question: Question, turn: int) -> bool:
        """Whether it is for this turn, and the question has the references it shows."""
        if self.turn == ANY_LATER:
            wanted = [turn] if self.references else []
            right_turn = turn > 1
        else:
            wanted = list(range(1, self.references + 1))
            right_turn = turn == self.turn
        return right_turn and all(n <= len(question.reference) and question.reference[n - 1] for n in wanted)

    def at(self, turn: int) -> Template:
        """The same for one turn."""
        return replace(self, turn=turn)

    def fill(self, question: Question, *answers: Sequence[str]) -> Prompt:
        """Renders the prompt.

        Args:
            question: Its turns fill `{question}` or `{question_1}` … and its reference `{ref_answer_1}` ….
            *answers: Reply texts a turn: of one answer for a single prompt, of A and B for a pairwise one.
        """
        given = [list(turns[: self.turn]) for turns in answers]
        shown = [list(map(escape, turns)) for turns in given] if self.escape_note else given
        note = f"\n\n{self.escape_note}" if shown != given else ""
        by_side = dict(zip(_SIDES[self.type], shown, strict=True))
        values = self._later(question, by_side) if self.turn_text else _numbered(question, by_side)
        return Prompt(self.name, self.system + note, self.text.format(**values))

    def _later(self, question: Question, by_side: Mapping[str, Sequence[str]]) -> dict[str, str]:
        at = self.turn - 1
        values = {"turn": str(self.turn), "question": question.shown[at]}
        if self.references:
            values["ref_answer"] = question.reference[at]
        for side, turns in by_side.items():
            values[f"answer{side}"] = turns[at]
            before = zip(question.shown[:at], turns[:at], strict=True)
            values[f"conversation{side}"] = "\n\n".join(
                self.turn_text.format(turn=n, side=side[1:].upper(), question=asked, answer=said)
                for n, (asked, said) in enumerate(before, 1)
            )
        return values


def _numbered(question: Question, by_side: Mapping[str, Sequence[str]]) -> dict[str, str]:
    values = {"question": question.shown[0]}
    for n, text in enumerate(question.shown, 1):
        values[f"question_{n}"] = text
    for n, text in enumerate(question.reference, 1):
        values[f"ref_answer_{n}"] = text
    for side, turns in by_side.items():
        values[f"answer{side}"] = turns[0]
        for n, text in enumerate(turns, 1):
            values[f"answer{side}_{n}"] = text
    return values


def make_template(
    name: str,
    type: PromptType,
    system: str,
    text: str,
    category: str,
    turn_text: str = "",
    escape_note: str = "",
) -> Template:
    """Reads a template's placeholders.

    Args:
        name: The prompt's own.
        type: What it asks for.
        system: The system message; it has no placeholders.
        text: The user message, with placeholders.
        category: Whose questions it is for.
        turn_text: With placeholders too; belongs to a text that shows `{conversation}`.
        escape_note: What a judge is told of markers that were broken by a space; "" where none ever is.

    Raises:
        ValueError: For a placeholder that no question can fill; the message names it and the known ones.
    """
    fields = _fields(text)
    answers = [f"answer{side}" for side in _SIDES[type]]
    conversations = [f"conversation{side}" for side in _SIDES[type]]
    if any(field in conversations for field in fields):
        _require_known(f"a {type} prompt for any later turn", fields, _LATER[type])
        _require_known("a turn_template", _fields(turn_text), _TURN)
        shown = answers + conversations
        if missing := [word for word in shown if word not in fields]:
            raise ValueError(f"a {type} prompt that shows {_braced(shown)}; without {_braced(missing)}")
        if not turn_text.strip():
            raise ValueError(f"turn_template beside {_braced(conversations)}: how a turn is shown")
        references = int("ref_answer" in fields)
        return Template(name, type, system, text, category, ANY_LATER, references, turn_text, escape_note)
    if turn_text:
        raise ValueError(f"{_braced(conversations)} in a prompt with a turn_template")
    turn, references = _highest(type, fields)
    for answer in answers:
        if not any(re.fullmatch(rf"{answer}(_\d+)?", field) for field in fields):
            raise ValueError(f"a {type} prompt that shows {_braced(answers)}")
    return Template(name, type, system, text, category, turn, references, escape_note=escape_note)


def _fields(text: str) -> list[str]:
    try:
        return [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        raise ValueError(f"a template for str.format ({error})") from None


def _require_known(what: str, fields: Sequence[str], known: set[str]) -> None:
    if odd := [field for field in fields if field not in known]:
        raise ValueError(f"placeholders of {what}: {_braced(sorted(known), ', ')}; not {{{odd[0]}}}")


def _braced(words: Sequence[str], between: str = " and ") -> str:
    return between.join(f"{{{word}}}" for word in words)


def _highest(type: PromptType, fields: Sequence[str]) -> tuple[int, int]:
    """The turn a prompt with numbered placeholders is for, and how many references it shows."""
    turn, references = 1, 0
    for field in fields:
        if field in _PLAIN[type]:
            continue
        match = _NUMBERED[type].match(field)
        if not match or int(match.group(1)) < 1:
            known = ", ".join(f"{{{word}}}" for word in sorted(_PLAIN[type]))
            numbered = ", ".join(
                f"{{{word}_1}}" for word in sorted({*_PLAIN[type], "ref_answer"}) if word != "ref_answer_1"
            )
            raise ValueError(f"placeholders of a {type} prompt: {known}, {numbered} …; not {{{field}}}")
        count = int(match.group(1))
        if field.startswith("ref_"):
            references = max(references, count)
        else:
            turn = max(turn, count)
    return turn, references


@dataclass(frozen=True, slots=True)
class PromptBook:
    """A bench's judge prompts and the rule which one a question takes.

    Attributes:
        reference_categories: Categories that are judged against a reference where there is one.
        spare: Prompts for any later turn, for turns beyond those that the bench's own prompts go to:
            FastChat's go to the second.
    """

    templates: tuple[Template, ...]
    reference_categories: frozenset[str]
    spare: tuple[Template, ...] = ()

    def pick(self, type: PromptType, question: Question, turn: int) -> Template:
        """The template for one turn of a question.

        The type and the turn must fit. A category judged against a reference takes a prompt that shows
        one; then a prompt of the question's own category wins over a general one, and one made for just
        that turn over one for any later turn.

        Raises:
            MTBenchError: Where no prompt fits.
        """
        own = [template for template in self.templates if template.type == type]
        beyond = own and turn > max(template.turn for template in own)
        for templates in (own, self.spare if beyond else ()):
            fitting = [
                (rank, template)
                for template in templates
                if template.type == type
                and template.fits(question, turn)
                and (rank := self._rank(template, question)) is not None
            ]
            if fitting:
                return min(fitting, key=lambda pair: pair[0])[1].at(turn)
        raise MTBenchError(
            f"judge prompts: none fits turn {turn} of question {question.question_id} "
            f"({question.category}); expected a {type} prompt for that turn in judge_prompts.jsonl"
        )

    def _rank(self, template: Template, question: Question) -> tuple[bool, int, bool] | None:
        """Smaller is better; None where the template is not for this question."""
        # A category called "general" has no prompts of its own: those are everybody's.
        own = template.category == question.category != GENERAL
        shows_reference = template.references > 0
        judged_against = question.category in self.reference_categories and any(question.reference)
        any_later = template.turn == ANY_LATER
        if judged_against and shows_reference:
            # FastChat files its reference prompts under "math" and uses them for reasoning and coding too.
            others = template.category == GENERAL or template.category in self.reference_categories
            rank = 0 if own else 1 if template.category == GENERAL else 2
            return (False, rank, any_later) if own or others else None
        if shows_reference and not own:
            return None
        if not own and template.category != GENERAL:
            return None
        return (judged_against, 0 if own else 1, any_later)


def find_prompts(bench: Path, language: str) -> Path:
    """Where a bench's judge prompts come from.

    Its own bind. Those of the parent folder, which FastChat's benches share, are taken where they are in the
    bench's language; else the built-in ones of that language. Where there are none of it, a judge that
    is asked in English still does: the parent's, then the built-in.

    Args:
        bench: Its folder.
        language: The bench's.
    """
    if (bench / PROMPTS).is_file():
        return bench / PROMPTS
    parents = bench.parent / PROMPTS
    if parents.is_file() and _language_of(parents) in (language, None):
        return parents
    if language in BUILTIN or not parents.is_file():
        return builtin_prompts(language)
    return parents


def builtin_prompts(language: str) -> Path:
    """The built-in prompts of a language; the English ones where it has none."""
    name = language if language in BUILTIN else ENGLISH
    return Path(__file__).parent / "judge_prompts" / f"{name}.jsonl"


def spare_prompts(language: str) -> tuple[Template, ...]:
    """The built-in prompts for any later turn, for turns that a bench's own do not go to."""
    templates = read_templates(builtin_prompts(language))
    return tuple(template for template in templates if template.turn == ANY_LATER)


def _language_of(prompts: Path) -> str | None:
    """The language of a prompt file, as far as it can be read: what is wrong with it is told later."""
    lines = [line.data for line in read_jsonl(prompts, refuse=lambda _: None)]
    return common_language([f"{data.get('system_prompt')}\n{data.get('prompt_template')}" for data in lines])


def read_templates(path: Path) -> tuple[Template, ...]:
    """Reads a `judge_prompts.jsonl`.

    Raises:
        FileError: For a prompt that cannot be used.
    """
    templates: dict[str, Template] = {}
    for line in read_jsonl(path):
        template = read_template(line)
        if template.name in templates:
            raise line.error(f"prompt {short(template.name)} stands twice", "a name for each prompt")
        templates[template.name] = template
    return tuple(templates.values())


def read_template(line: Line) -> Template:
    """Reads one line of `judge_prompts.jsonl`.

    Raises:
        FileError: For a prompt that cannot be used.
    """
    name = line.get("name", str, "the prompt's name")
    kind = line.get("type", str, '"single" or "pairwise"')
    if kind not in ("single", "pairwise"):
        raise line.error(f"type {short(kind)}", '"single" or "pairwise"')
    system = line.get("system_prompt", str, "a text, may be empty")
    text = line.get("prompt_template", str, "a text with placeholders such as {question}")
    category = line.typed("category", line.data.get("category", "general"), str, "a category")
    turn_text = line.typed("turn_template", line.data.get("turn_template", ""), str, "how a turn is shown")
    note = line.typed("escape_note", line.data.get("escape_note", ""), str, "what the judge is told of it")
    try:
        return make_template(name, cast(PromptType, kind), system, text, category, turn_text, note)
    except ValueError as error:
        raise line.error(f"prompt {short(name)}", str(error)) from None
