"""Which file a bench's judge prompts come from, and how it is read."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from mtbench_pytest.jsonl import Line, read_jsonl, short
from mtbench_pytest.locate import shipped_suites
from mtbench_pytest.prompts import PromptType, Template, make_template

PROMPTS = "judge_prompts.jsonl"


def find_prompts(bench: Path) -> Path:
    """The bench's own prompts, its parent's, else the ones that ship with the general suite."""
    for folder in (bench, bench.parent):
        if (folder / PROMPTS).is_file():
            return folder / PROMPTS
    return shipped_suites() / "general" / PROMPTS


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
    try:
        return make_template(name, cast(PromptType, kind), system, text, category)
    except ValueError as error:
        raise line.error(f"prompt {short(name)}", str(error)) from None
