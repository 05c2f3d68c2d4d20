"""Judge prompts and the parser of what comes back, side by side: the two ends of one protocol.

The format is FastChat's `judge_prompts.jsonl` (Zheng et al. 2023, arXiv 2306.05685, appendix A): a template
is filled by `str.format`, and the reply ends in `[[7]]`, or `[[A]]`, `[[B]]`, `[[C]]` for a tie.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mtbench_pytest.errors import MTBenchError, VerdictError
from mtbench_pytest.records import Prompt, Question

PromptType = Literal["single", "pairwise"]

GENERAL = "general"

_PLAIN = {"single": {"question", "answer"}, "pairwise": {"question", "answer_a", "answer_b"}}
_NUMBERED = {
    "single": re.compile(r"(?:question|answer|ref_answer)_(\d+)\Z"),
    "pairwise": re.compile(r"(?:question|answer_a|answer_b|ref_answer)_(\d+)\Z"),
}
# Whatever stands in double brackets is a marker: a last one that means nothing does not let an earlier one
# bind.
_MARK = re.compile(r"\[\[([^\[\]]*)\]\]")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Template:
    """A judge prompt before it is filled.

    Attributes:
        turn: The turn it is for: the highest number among its question and answer placeholders.
        references: How many reference answers it shows: the highest N of `{ref_answer_N}`, or 0.
    """

    name: str
    type: PromptType
    system: str
    text: str
    category: str
    turn: int
    references: int

    def fill(self, question: Question, *answers: Sequence[str]) -> Prompt:
        """Renders the prompt.

        Args:
            question: Its turns fill `{question}` or `{question_1}` … and its reference `{ref_answer_1}` ….
            *answers: Reply texts a turn: of one answer for a single prompt, of A and B for a pairwise one.
        """
        names = ("answer",) if self.type == "single" else ("answer_a", "answer_b")
        values = {"question": question.turns[0]}
        for n, text in enumerate(question.turns, 1):
            values[f"question_{n}"] = text
        for n, text in enumerate(question.reference, 1):
            values[f"ref_answer_{n}"] = text
        for name, turns in zip(names, answers, strict=True):
            values[name] = turns[0]
            for n, text in enumerate(turns, 1):
                values[f"{name}_{n}"] = text
        return Prompt(self.name, self.system, self.text.format(**values))


def make_template(name: str, type: PromptType, system: str, text: str, category: str) -> Template:
    """Reads a template's placeholders.

    Raises:
        ValueError: For a placeholder that no question can fill; the message names it and the known ones.
    """
    turn, references = 1, 0
    try:
        fields = [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]
    except ValueError as error:
        raise ValueError(f"a template for str.format ({error})") from None
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
    answers = [word for word in sorted(_PLAIN[type]) if word.startswith("answer")]
    for answer in answers:
        if not any(re.fullmatch(rf"{answer}(_\d+)?", field) for field in fields):
            raise ValueError(f"a {type} prompt that shows {' and '.join(f'{{{word}}}' for word in answers)}")
    return Template(name, type, system, text, category, turn, references)


@dataclass(frozen=True, slots=True)
class PromptBook:
    """A bench's judge prompts and the rule which one a question takes.

    Attributes:
        reference_categories: Categories that are judged against a reference where there is one.
    """

    templates: tuple[Template, ...]
    reference_categories: frozenset[str]

    def pick(self, type: PromptType, question: Question, turn: int) -> Template:
        """The template for one turn of a question.

        The type and the turn must fit. A category judged against a reference takes a prompt that shows
        one; then a prompt of the question's own category wins over a general one.

        Raises:
            MTBenchError: Where no prompt fits.
        """
        fitting = [
            (rank, template)
            for template in self.templates
            if template.type == type
            and template.turn == turn
            and template.references <= len(question.reference)
            and (rank := self._rank(template, question)) is not None
        ]
        if not fitting:
            raise MTBenchError(
                f"judge prompts: none fits turn {turn} of question {question.question_id} "
                f"({question.category}); expected a {type} prompt for that turn in judge_prompts.jsonl"
            )
        return min(fitting, key=lambda pair: pair[0])[1]

    def _rank(self, template: Template, question: Question) -> tuple[bool, int] | None:
        """Smaller is better; None where the template is not for this question."""
        # A category called "general" has no prompts of its own: those are everybody's.
        own = template.category == question.category != GENERAL
        shows_reference = template.references > 0
        judged_against = question.category in self.reference_categories and bool(question.reference)
        if judged_against and shows_reference:
            # FastChat files its reference prompts under "math" and uses them for reasoning and coding too.
            others = template.category == GENERAL or template.category in self.reference_categories
            rank = 0 if own else 1 if template.category == GENERAL else 2
            return (False, rank) if own or others else None
        if shows_reference and not own:
            return None
        if not own and template.category != GENERAL:
            return None
        return (judged_against, 0 if own else 1)


def parse_grade(text: str) -> float:
    """Reads the grade from a judge's reply: the last `[[n]]` binds, whatever stood before.

    Raises:
        VerdictError: Where there is none, or it is not from 1 to 10.
    """
    mark = _last_mark(text)
    if mark is None or not _NUMBER.fullmatch(mark):
        found = "" if mark is None else f"; its last marker is [[{mark}]]"
        raise VerdictError(f"the judge's reply holds no grade in the form [[n]]{found}")
    if not 1 <= float(mark) <= 10:
        raise VerdictError(f"the judge's grade is {mark}, not from 1 to 10")
    return float(mark)


def parse_winner(text: str) -> Literal["A", "B", "tie"]:
    """Reads the winner from a judge's reply: the last `[[A]]`, `[[B]]` or `[[C]]` binds.

    Raises:
        VerdictError: Where there is none, or the last marker is another one.
    """
    mark = _last_mark(text)
    match (mark or "").upper():
        case "A":
            return "A"
        case "B":
            return "B"
        case "C":
            return "tie"
    if mark is None:
        raise VerdictError("the judge's reply holds no verdict in the form [[A]], [[B]] or [[C]]")
    raise VerdictError(f"the judge's verdict is [[{mark}]], not [[A]], [[B]] or [[C]]")


def _last_mark(text: str) -> str | None:
    marks = _MARK.findall(text)
    return marks[-1].strip() if marks else None
