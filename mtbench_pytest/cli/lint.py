"""`mtbench lint`: what is wrong in a bench, before a run is spent on it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mtbench_pytest.bench.lint import Finding, lint
from mtbench_pytest.bench.locate import find_bench


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "lint",
        help="what is wrong in a bench",
        description="Looks at questions, references, checks, prompts and bench.toml, and prints all that is "
        "wrong with file and line. Errors are what a run would refuse or judge wrongly; warnings may be "
        "meant so. The exit status is 1 where there are errors.",
    )
    parser.add_argument("bench", type=Path, metavar="BENCH", help="a bench folder, or the name of a suite")
    parser.add_argument("--strict", action="store_true", help="warnings set the exit status too")
    parser.add_argument("--json", action="store_true", help="one JSON object a finding, one a line")
    parser.set_defaults(run=_lint)


def _lint(arguments: argparse.Namespace) -> int:
    bench = arguments.bench if arguments.bench.is_dir() else find_bench(arguments.bench)
    findings = lint(bench)
    for finding in findings:
        print(_json(finding) if arguments.json else _line(finding))
    errors = sum(finding.level == "error" for finding in findings)
    if not arguments.json:
        print(_summary(bench.resolve().name, findings))
    return 1 if errors or (arguments.strict and findings) else 0


def _line(finding: Finding) -> str:
    where = str(_short(finding.path)) + (f":{finding.line}" if finding.line else "")
    return f"{where}: {finding.level}: {finding.text} [{finding.rule}]"


def _json(finding: Finding) -> str:
    return json.dumps({**asdict(finding), "path": str(finding.path)}, ensure_ascii=False)


def _short(path: Path) -> Path:
    """From the current folder, where that is shorter."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _summary(name: str, findings: Sequence[Finding]) -> str:
    errors = sum(finding.level == "error" for finding in findings)
    if not findings:
        return f"{name}: nothing found"
    return f"{name}: {_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
