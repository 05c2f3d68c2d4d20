"""All files of a report folder, as parts of text by relative path."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import Question
from mtbench_pytest.core.row import Row
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.report.fastchat import fastchat_files
from mtbench_pytest.report.html.page import report_page
from mtbench_pytest.report.markdown import report_markdown
from mtbench_pytest.report.result import result_json

RESULT = "result.json"
PREVIOUS = "result.previous.json"
REPORT = "report.md"
PARTIAL = "partial"  # the folder of a part's report, in that of the whole

# Only what `fastchat_files` names is ever removed, whatever a result.json lists.
_OURS = re.compile(r"model_(answer|judgment)/[\w.@+-]+\.jsonl")


def report_files(
    decision: Decision,
    rows: Sequence[Row],
    about: Mapping[str, Any],
    tstamp: float,
    questions: Sequence[Question] = (),
    made: Sequence[Row] = (),
    more: Sequence[str] = (),
) -> dict[str, Iterable[str]]:
    """Relative path to parts of text; `result.json` last, so that who finds it finds the rest too.

    Most are made only when they are asked for: the whole text of a large run takes as much room again as
    its rows.

    Args:
        questions: What the rows are about.
        made: All that was answered and judged, also what the decision does not rest on: it was paid for.
        more: Further sections of the report, as lines of Markdown.
    """
    files = fastchat_files(made or rows, tstamp)
    about = {**about, "files": sorted(files)}
    return {
        **files,
        REPORT: [report_markdown(decision, rows, about, questions, more)],
        "report.html": report_page(decision, rows, about, questions, more),
        RESULT: result_json(decision, rows, about),
    }


def check_folder(folder: Path) -> None:
    """Looks before a run whether its report can be written, without making the folder.

    Raises:
        FileError: Where it cannot.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    expected = "a folder for the report that can be written, or another --mtbench-report"
    if not there.is_dir():
        raise FileError(folder, f"{there} is no folder", expected)
    if not os.access(there, os.W_OK | os.X_OK):
        raise FileError(folder, f"{there} cannot be written", expected)


def set_aside(folder: Path) -> None:
    """Renames an earlier run's result, so that nobody takes it for this run's should this one break off."""
    with suppress(OSError):  # a folder that cannot be written says so when the report is
        (folder / RESULT).replace(folder / PREVIOUS)


def set_aside_all(base: Path) -> None:
    """The same for a session's report folder and for those of its benches below."""
    below = (found.parent for found in base.glob(f"*/{RESULT}"))
    ours = (folder for folder in below if folder.name != PARTIAL and (folder / REPORT).is_file())
    for folder in (base, *ours):
        set_aside(folder)


def earlier_files(folder: Path) -> set[str]:
    """The FastChat files that the report in a folder says it wrote; none where there is no report."""
    try:
        listed = json.loads((folder / PREVIOUS).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in listed if _OURS.fullmatch(str(name))} if isinstance(listed, list) else set()


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Removes files of an earlier report: beside the new ones they would be taken for part of it."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
