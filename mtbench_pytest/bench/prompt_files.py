"""Which file a bench's judge prompts come from, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from mtbench_pytest.bench.languages import ENGLISH, common_language
from mtbench_pytest.bench.prompts import ANY_LATER, PromptType, Template, make_template
from mtbench_pytest.core.jsonl import Line, read_jsonl, short

PROMPTS = "judge_prompts.jsonl"
BUILTIN = ("de", "en", "ko", "zh")


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
