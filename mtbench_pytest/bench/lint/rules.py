"""What a linter looks for; each rule looks at the draft and yields findings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import get_args

from mtbench_pytest.bench.checks import examine
from mtbench_pytest.bench.languages import detect
from mtbench_pytest.bench.lint.dependence import stands_alone
from mtbench_pytest.bench.lint.draft import Draft, Placed, turns_of
from mtbench_pytest.bench.lint.finding import Finding, Level
from mtbench_pytest.bench.lint.known import known_to_be_wrong
from mtbench_pytest.bench.prompts import GENERAL, PromptType, Template
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.jsonl import Line, short
from mtbench_pytest.core.records import Reply

_LAZY = ("I don't know.", "OK.")
_LAZY_GRADE = 5.5  # an answer without effort that gets more shows that the checks ask too little


def unknown_fields(draft: Draft) -> Iterator[Finding]:
    """A misspelt field is a field that does nothing; told once, not in every line."""
    known = draft.layout.fields
    if known is None:
        return
    lines: dict[str, list[Line]] = {}
    for placed in draft.questions:
        for key in placed.line.data.keys() - known:
            lines.setdefault(key, []).append(placed.line)
    for key, found in lines.items():
        more = f" (and in {len(found) - 1} more lines)" if len(found) > 1 else ""
        what = f"{short(key)} is not read{more}; known: {', '.join(sorted(known))}"
        yield _at(found[0], "warning", "unknown-field", what)


def duplicates(draft: Draft) -> Iterator[Finding]:
    """A question asked twice counts twice, and its twin is no new evidence."""
    whole: dict[tuple[str, ...], Line] = {}
    opening: dict[str, Line] = {}
    for placed in draft.questions:
        line, turns = placed.line, tuple(_plain(turn) for turn in placed.question.turns)
        first, same = whole.setdefault(turns, line), opening.setdefault(turns[0], line)
        if first is not line:
            yield _at(line, "error", "duplicate", f"the same turns as {_place(first, line)}")
        elif same is not line:
            yield _at(line, "warning", "duplicate", f"the same first turn as {_place(same, line)}")
        if len(set(turns)) < len(turns):
            yield _at(line, "error", "duplicate", "a turn says the same as an earlier one")


def odd_characters(draft: Draft) -> Iterator[Finding]:
    """What a broken export leaves in a text."""
    for placed in draft.questions:
        for turn, text in turns_of(placed):
            if odd := sorted({char for char in text if _is_odd(char)}):
                name = unicodedata.name(odd[0], "a control character")
                what = f"turn {turn} holds U+{ord(odd[0]):04X} ({name.lower()})"
                yield _at(placed.line, "warning", "odd-character", f"{what}: was the text exported in UTF-8?")


def turns_that_stand_alone(draft: Draft) -> Iterator[Finding]:
    """A later turn that could be the first tests nothing of a conversation."""
    for placed in draft.questions:
        turns = placed.question.turns
        for turn, text in turns_of(placed)[1:]:
            if stands_alone(text, turns[: turn - 1]):
                what = f"turn {turn} does not seem to build on what was said before: {short(text)}"
                yield _at(placed.line, "warning", "stands-alone", what)


def foreign_languages(draft: Draft) -> Iterator[Finding]:
    """A question in another language than it states is answered and judged in the wrong one."""
    for placed in draft.questions:
        question = placed.question
        wanted = question.language or draft.language
        for turn, text in turns_of(placed):
            found = None if question.exempt(turn) else detect(text)
            if found is not None and found != wanted:
                whose = "it states" if question.language else "of the bench"
                what = f"turn {turn} is in {found!r}, not in {wanted!r} as {whose}"
                yield _at(placed.line, "warning", "foreign-language", what)


def missing_references(draft: Draft) -> Iterator[Finding]:
    """Questions that are to be judged against a reference and have none, or not for every turn."""
    for placed in draft.questions:
        question = placed.question
        if question.category not in draft.config.reference_categories:
            continue
        if not question.reference:
            what = f"{question.category} is judged against references; {question.question_id} has none"
            yield _at(placed.line, "warning", "no-reference", what)
        elif (known := sum(map(bool, question.reference))) < len(question.turns):
            what = f"a reference for {known} of {len(question.turns)} turns"
            yield _at(draft.reference_line(placed), "warning", "no-reference", what)


def references_of_nobody(draft: Draft) -> Iterator[Finding]:
    """References that no question takes, or turns of theirs."""
    questions = {placed.question.question_id: placed.question for placed in draft.questions}
    for question_id, (line, turns) in draft.references.items():
        if question_id not in questions:
            what = f"a reference for question {short(question_id)}, which is not in the bench"
            yield _at(line, "warning", "unused-reference", what)
        elif len(turns) > (asked := len(questions[question_id].turns)):
            what = f"a reference of {len(turns)} turns; the question has {asked}"
            yield _at(line, "warning", "unused-reference", what)
        elif blank := [turn for turn, text in enumerate(turns, 1) if not text.strip()]:
            yield _at(line, "warning", "no-reference", f"the reference for turn {blank[0]} is blank")


def references_known_to_be_wrong(draft: Draft) -> Iterator[Finding]:
    """A judge that trusts a wrong reference marks the right answer down."""
    for placed in draft.questions:
        if known_to_be_wrong(placed.question.reference):
            what = (
                f"the published reference for question {placed.question.question_id} is known to be wrong "
                "(FastChat pull request 3158)"
            )
            yield _at(draft.reference_line(placed), "error", "known-wrong-reference", what)


def references_that_fail_their_checks(draft: Draft) -> Iterator[Finding]:
    """Either the check is wrong or the reference is."""
    for placed in draft.questions:
        question = placed.question
        said = [Reply(text) for text in question.reference[: len(question.turns)]]
        for at, (reply, own) in enumerate(zip(said, question.checks, strict=False)):
            found = examine(reply, own, question.turns[at], said[:at])
            why = reply.text and (found.degenerate or "; ".join(outcome.why for outcome in found.failed))
            if why:
                what = (
                    f"question {question.question_id}: its reference fails the checks of turn {at + 1}: {why}"
                )
                yield _at(placed.line, "error", "reference-fails", what)


def checks_that_ask_too_little(draft: Draft) -> Iterator[Finding]:
    """What an answer without effort passes, or the answer before, tells nothing."""
    for placed in draft.questions:
        question = placed.question
        for at, own in enumerate(question.checks):
            if not own:
                continue
            grades = {text: examine(Reply(text), own).grade for text in _LAZY}
            text, grade = max(grades.items(), key=lambda pair: pair[1])
            if grade > _LAZY_GRADE:
                what = f"the checks of turn {at + 1} give {grade:g} to {short(text, 40)}"
                yield _at(placed.line, "warning", "weak-checks", what)
            before = question.reference[at - 1] if 0 < at <= len(question.reference) else ""
            if before and not examine(Reply(before), own).failed:
                what = f"the reference for turn {at} passes all checks of turn {at + 1} too"
                yield _at(placed.line, "warning", "weak-checks", what)


def questions_without_a_prompt(draft: Draft) -> Iterator[Finding]:
    """Such a question could not be judged: the run would refuse it."""
    for placed in draft.questions if draft.templates else ():
        for turn, _ in turns_of(placed):
            for kind in get_args(PromptType):
                if _picked(draft, kind, placed, turn) is None:
                    what = f"no {kind} prompt fits turn {turn} of question {placed.question.question_id}"
                    yield _at(placed.line, "error", "no-prompt", what)


def turns_beyond_the_prompts(draft: Draft) -> Iterator[Finding]:
    """Later turns are judged by built-in prompts where the bench's own do not go so far; told once a turn."""
    for kind in get_args(PromptType):
        found: dict[int, Line] = {}
        for placed in draft.questions:
            for turn, _ in turns_of(placed):
                picked = _picked(draft, kind, placed, turn)
                if picked is not None and picked.name in {spare.name for spare in draft.spare} - draft.names:
                    found.setdefault(turn, placed.line)
        for turn, line in found.items():
            what = f"the bench has no {kind} prompt for turn {turn}: the built-in one is used"
            yield _at(line, "warning", "built-in-prompt", what)


def prompts_of_nobody(draft: Draft) -> Iterator[Finding]:
    """A prompt of the bench's own for a category, that no question takes: it may be misspelt."""
    taken = {
        template.name
        for placed in draft.questions
        for turn, _ in turns_of(placed)
        for kind in get_args(PromptType)
        if (template := _picked(draft, kind, placed, turn))
    }
    for line, template in draft.templates:
        own = line.path.parent == draft.bench and template.category != GENERAL
        if own and template.name not in taken:
            what = f"prompt {short(template.name)} (category {template.category}) fits no question"
            yield _at(line, "warning", "unused-prompt", what)


def _picked(draft: Draft, kind: PromptType, placed: Placed, turn: int) -> Template | None:
    try:
        return draft.book.pick(kind, placed.question, turn)
    except MTBenchError:
        return None


def _at(line: Line, level: Level, rule: str, text: str) -> Finding:
    return Finding(line.path, line.number, level, rule, text)


def _place(line: Line, seen_from: Line) -> str:
    return f"line {line.number}" if line.path == seen_from.path else f"{line.path.name}:{line.number}"


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_odd(char: str) -> bool:
    if char in "\n\t\u200d":  # the last joins emoji
        return False
    return char in "\ufffd\ufeff\u200b" or unicodedata.category(char) in ("Cc", "Co", "Cs", "Cn")
