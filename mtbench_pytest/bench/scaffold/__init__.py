"""A new suite: three questions or one's own conversations, and all that a run needs beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from mtbench_pytest.bench.config import CONFIG
from mtbench_pytest.bench.locate import QUESTIONS
from mtbench_pytest.bench.prompts import PROMPTS, builtin_prompts
from mtbench_pytest.bench.scaffold.conversations import Conversation
from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.jsonl import dump_jsonl

_SMOKE = 4  # questions in the sample `smoke`
_CRITICAL = """
[categories.safety]
critical = true       # one bad turn here fails the run
question_margin = 4
"""


def suite_files(
    folder: Path,
    language: str,
    conversations: Sequence[Conversation] = (),
    *,
    references: bool = False,
) -> dict[Path, str]:
    """The files of a new suite.

    Args:
        folder: Where the suite is to lie; its last part names it.
        language: Of questions and judge prompts.
        conversations: Imported ones; without them the suite has three questions to learn from.
        references: Whether the answers recorded in the conversations become reference answers.

    Returns:
        Their texts by path. The workflow lies in `.github/workflows` of the repository around the folder.
    """
    name = re.sub(r"\W+", "_", folder.name.strip()) or "suite"
    root = _repository(folder)
    suite = folder.relative_to(root).as_posix()
    if conversations:
        lines = [one.as_question(n, references=references) for n, one in enumerate(conversations, 1)]
        questions = dump_jsonl(lines)
    else:
        lines, questions = [], _template(QUESTIONS)
    return {
        folder / QUESTIONS: questions,
        folder / CONFIG: _config(language, lines),
        folder / PROMPTS: builtin_prompts(language).read_text("utf-8"),
        folder / f"test_{name}.py": _template("test_module.py.txt"),
        root / ".github/workflows" / f"mtbench-{name}.yml": _filled(
            "workflow.yml", {"SUITE": suite, "NAME": name}
        ),
    }


def write_new(texts: Mapping[Path, str]) -> None:
    """Writes files none of which may be there yet.

    Raises:
        FileError: Where one is; then nothing is written.
        OSError: Where it cannot be written.
    """
    for path in texts:
        if path.exists():
            raise FileError(path, "is there already", "a folder without a suite: nothing is overwritten")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _config(language: str, lines: Sequence[Mapping[str, Any]]) -> str:
    own = not lines
    judged = sorted({line["category"] for line in lines if line.get("reference")})
    categories = ["facts"] if own else judged
    ids = [1, 3] if own else [line["question_id"] for line in lines[:_SMOKE]]
    references = ""
    if categories:
        quoted = ", ".join(f'"{_escaped(category)}"' for category in categories)
        references = f"reference_categories = [{quoted}]   # judged against the reference\n"
    return _filled(
        CONFIG,
        {
            "LANGUAGE": language,
            "REFERENCES": references,
            "CRITICAL": _CRITICAL if own else "",
            "SMOKE": ", ".join(map(str, ids)),
        },
    )


def _escaped(text: str) -> str:
    """For a basic string of TOML."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _repository(folder: Path) -> Path:
    """The Git repository around a folder, else the current folder, else the one it is made in."""
    around = (folder, *folder.parents)
    if found := next((path for path in around if (path / ".git").exists()), None):
        return found
    return Path.cwd() if Path.cwd() in around else folder.parent


def _template(name: str) -> str:
    return (files("mtbench_pytest.bench.scaffold") / name).read_text("utf-8")


def _filled(name: str, values: Mapping[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda match: values[match.group(1)], _template(name))
