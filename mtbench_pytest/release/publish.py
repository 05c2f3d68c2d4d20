"""Writes what a decided run leaves behind: its report folder. It needs no pytest."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mtbench_pytest import __version__
from mtbench_pytest.core.files import file_name, write_files
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.worst_case import unjudged_result
from mtbench_pytest.models.blessed import question_facts
from mtbench_pytest.report.folder import PARTIAL, earlier_files, remove_files, report_files
from mtbench_pytest.run.bench_run import BenchRun

_LIBRARIES = ("pytest", "openai", "torch", "transformers")


def write_report(run: BenchRun, decision: Decision, folder: Path) -> None:
    """Writes the report folder; the files of an earlier report that this one lacks go away.

    Raises:
        OSError: Where it cannot be written.
    """
    files = report_files(
        decision,
        run.ordered_rows(),
        about(run),
        time.time(),
        run.questions,
        run.made,
        run.findings.markdown(),
    )
    remove_files(folder, earlier_files(folder) - set(files))
    write_files(folder, files)


def about(run: BenchRun) -> dict[str, Any]:
    """What was run, and what it showed, as in `result.json`."""
    settings, policy = run.settings, run.policy
    return {
        **run.parties,
        **run.findings.result(),
        "bench": _about_bench(run),
        "asked": [question_facts(question) for question in run.questions],
        "settings": {
            "margin": policy.margin,
            "question_margin": policy.question_margin,
            "question_policy": settings.question_policy,
            "win_rate_margin": policy.win_rate_margin,
            "categories": {name: asdict(rules) for name, rules in policy.categories.items()},
            "pairwise": settings.pairwise,
            "early_stop": run.may_stop_early,
            "judge_repeats": settings.judge_repeats,
            **run.sampling,
            "record": run.recordings.mode,
        },
        "pace": run.pace,
        "versions": {"mtbench-pytest": __version__, "python": platform.python_version(), **_versions()},
        "started": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "unjudged": unjudged_result(run.unjudged),
    }


def report_folder(base: Path, run: BenchRun, decided: Sequence[BenchRun], *, partial: bool) -> Path:
    """A folder for each bench where a session has several; a part of a bench leaves the whole's alone.

    Args:
        base: The folder of the session's reports.
        decided: The benches of the session.
    """
    if len(decided) > 1:
        name = file_name(run.bench.name)
        same = [other for other in decided if file_name(other.bench.name) == name]
        base /= name if len(same) == 1 else f"{name}-{same.index(run) + 1}"
    return base / PARTIAL if partial else base


def _about_bench(run: BenchRun) -> dict[str, Any]:
    bench = run.bench
    return {
        "name": bench.name,
        "path": str(bench.path),
        "prompts": str(bench.prompts_path),
        "language": bench.language,
        "language_stated": bool(bench.config.language),
        "sha256": bench.digest,
        "prompts_sha256": bench.prompts_digest,
        "sample": run.settings.sample,
    }


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
