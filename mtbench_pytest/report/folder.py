"""All files of a report folder, as text by relative path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtbench_pytest.records import Decision, Row
from mtbench_pytest.report.fastchat import fastchat_files
from mtbench_pytest.report.markdown import report_markdown
from mtbench_pytest.report.result import result_json


def report_files(
    decision: Decision, rows: Sequence[Row], about: Mapping[str, Any], tstamp: float
) -> dict[str, str]:
    """Relative path to text; `result.json` last, so that who finds it finds the rest too."""
    return {
        **fastchat_files(rows, tstamp),
        "report.md": report_markdown(decision, rows, about),
        "result.json": result_json(decision, rows, about),
    }


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Writes each file whole or not at all."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        # What no encoding can write is written as an escape: a report is worth more than one character.
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
        unfinished.replace(path)
