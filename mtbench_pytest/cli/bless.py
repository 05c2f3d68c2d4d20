"""Freezes a run's candidate as a blessed baseline: its answers, their grades, and what all of it rests on."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mtbench_pytest import __version__
from mtbench_pytest.core.errors import FileError, GivenError, SpecError
from mtbench_pytest.core.files import file_name, write_files
from mtbench_pytest.core.jsonl import Line, dump_jsonl, read_jsonl
from mtbench_pytest.core.records import QuestionId
from mtbench_pytest.models.blessed import MANIFEST, SCHEMA_VERSION, file_digest, sealed
from mtbench_pytest.report.folder import PARTIAL, PREVIOUS, RESULT

_PATIENCE = 10.0  # seconds


# Of a run that decided one of these nobody would want to measure later ones by it unawares.
_REFUSED = ("PARTIAL", "NO VERDICT", "REGRESSION")
_REPORT = "the report folder of a run, such as mtbench-report"
_WHOLE = (
    "a run with every answer and grade (the same again with --mtbench-early-stop off makes what is missing)"
    ", or --force"
)


@dataclass(frozen=True, slots=True)
class Made:
    """What was blessed.

    Attributes:
        path: Its folder.
        answers: Questions answered.
        samples: Answers to each of them.
        grades: Grades of all samples and turns.
        left_out: Questions of the run without answer or grade.
    """

    path: Path
    model: str
    judge: str
    outcome: str
    answers: int
    samples: int
    grades: int
    left_out: tuple[QuestionId, ...]


def bless(run: Path, name: str, into: Path, *, force: bool = False, replace: bool = False) -> Made:
    """Freezes the candidate of a run.

    Args:
        run: The run's report folder.
        name: What the baseline will be called.
        into: Where its folder goes.
        force: Also of a run that did not pass, or lacks something; what it lacks is left out.
        replace: Over a baseline of that name.

    Raises:
        MTBenchError: Where the run cannot be read or may not be blessed, or nothing can be written.
    """
    if not re.fullmatch(r"\w[\w.@+-]*", name):
        raise SpecError(f"--as {name}", "no name for a folder", "letters, digits, and any of . _ - + @")
    folder = into / name
    if folder.exists() and not replace:
        raise GivenError(str(folder), "there is one already", "another name, or --replace")
    result = _read_result(run)
    if result["decision"] in _REFUSED and not force:
        raise GivenError(f"run {run}", f"its decision is {result['decision']}", "one that passed, or --force")
    try:
        frozen = _Frozen(run, result)
        manifest = {**_manifest(result, frozen, force), "name": name}
    except (KeyError, TypeError, IndexError):
        raise FileError(run / RESULT, "no result of this version", _REPORT) from None
    if frozen.left_out and not force:
        named = ", ".join(map(str, frozen.left_out[:5])) + ("…" if frozen.left_out[5:] else "")
        raise GivenError(f"run {run}", f"no answer or grade of question {named}", _WHOLE)
    if not frozen.answers:
        raise GivenError(f"run {run}", "no question with answer and grade", _REPORT)
    _write(folder, frozen, manifest)
    return Made(
        folder,
        frozen.model,
        ", ".join(frozen.judgments),
        result["decision"],
        len(frozen.answers),
        frozen.samples,
        sum(map(len, frozen.judgments.values())),
        frozen.left_out,
    )


def _read_result(run: Path) -> dict[str, Any]:
    path = run / RESULT
    if not path.is_file() and (run / PARTIAL / RESULT).is_file():
        raise FileError(path, "no such file: the last run was a part", f"{run / PARTIAL} --force")
    if not path.is_file() and (run / PREVIOUS).is_file():
        raise FileError(path, "no such file: the last run came to no decision", "the report of one that did")
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), _REPORT) from None
    except (ValueError, RecursionError):
        raise FileError(path, "not JSON", _REPORT) from None
    if not isinstance(result, dict) or not {"asked", "decision"} <= result.keys():
        raise FileError(path, "no result of this version", _REPORT)
    return result


class _Frozen:
    """What is taken of a run: the candidate's lines of its answer and judgment files, in their order.

    Attributes:
        left_out: Questions of which something is missing.
    """

    def __init__(self, run: Path, result: Mapping[str, Any]) -> None:
        self.model = str(result["candidate"]["name"])
        self.judges = _judges(result)
        self.samples = int(result["candidate"].get("samples", 1))
        rows = {row["question_id"]: row["candidate"]["grade"] for row in result["rows"]}
        answers = {
            line.question_id(): dict(line.data)
            for line in _lines(run, result, "model_answer/")
            if line.data.get("model_id") == self.model and len(line.data["choices"]) == self.samples
        }
        asked = [entry["question_id"] for entry in result["asked"]]
        whole = {key for key in asked if key in answers and rows.get(key) is not None}
        self.left_out: tuple[QuestionId, ...] = tuple(key for key in asked if key not in whole)
        self.answers = [answers[key] for key in asked if key in whole]
        self.questions = [entry for entry in result["asked"] if entry["question_id"] in whole]
        lines = [
            dict(line.data)
            for line in _lines(run, result, "model_judgment/")
            if line.data.get("model") == self.model
            and not line.data.get("regraded")
            and line.data["question_id"] in whole
        ]
        self.judgments = {
            name: [line for line in lines if line["judge"][0] == name]
            for name in (str(judge["name"]) for judge in self.judges)
        }

    @property
    def files(self) -> dict[str, list[dict[str, Any]]]:
        """Relative path to lines."""
        return {
            f"model_answer/{file_name(self.model)}.jsonl": self.answers,
            **{judgment_file(judge): lines for judge, lines in self.judgments.items()},
        }


def judgment_file(judge: str) -> str:
    """Where a judge's grades lie."""
    return f"model_judgment/{file_name(judge)}_single.jsonl"


def _judges(result: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Those whose grades counted, as the result has them."""
    panel: Mapping[str, Any] | None = result.get("panel")
    return [result["judge"]] if panel is None else [one for one in panel["judges"] if not one["left"]]


def _judge(result: Mapping[str, Any], frozen: _Frozen) -> dict[str, Any]:
    """The judge as in the manifest; of a panel each judge with its own file."""
    if len(frozen.judges) == 1:
        (lines,) = frozen.judgments.values()
        return {**frozen.judges[0], "served": _served(lines)}
    judges = [
        {
            **{key: judge[key] for key in ("spec", "name", "identity")},
            "served": _served(frozen.judgments[judge["name"]]),
            "judgments": judgment_file(judge["name"]),
        }
        for judge in frozen.judges
    ]
    return {**result["judge"], "name": ", ".join(judge["name"] for judge in judges), "judges": judges}


def _lines(run: Path, result: Mapping[str, Any], folder: str) -> Iterator[Line]:
    for name in result["files"]:
        if name.startswith(folder):
            yield from read_jsonl(run / name)


def _manifest(result: Mapping[str, Any], frozen: _Frozen, force: bool) -> dict[str, Any]:
    answers, judgments = frozen.files if len(frozen.judges) == 1 else (next(iter(frozen.files)), None)
    bench, settings = result["bench"], result["settings"]
    return {
        "schema_version": SCHEMA_VERSION,
        "model": result["candidate"],
        "judge": _judge(result, frozen),
        "bench": {key: bench[key] for key in ("name", "sha256", "prompts_sha256", "sample")},
        "samples": frozen.samples,
        "sampling": {key: settings[key] for key in ("seed", "max_new_tokens", "temperature")},
        "decision": {
            "outcome": result["decision"],
            "reasons": result["reasons"],
            "baseline": result["baseline"]["name"],
            "forced": force,
        },
        "versions": {**result["versions"], "blessed with": __version__},
        "run": {key: result[key] for key in ("started", "finished")},
        "blessed": provenance(),
        "answers": answers,
        "judgments": judgments,
        "questions": frozen.questions,
    }


def _served(judgments: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The names and fingerprints under which the judge's server answered."""
    seen = {(str(line.get("served_model", "")), str(line.get("fingerprint", ""))) for line in judgments}
    return [{"model": model, "fingerprint": mark} for model, mark in sorted(seen) if model or mark]


def _write(folder: Path, frozen: _Frozen, manifest: Mapping[str, Any]) -> None:
    """Writes the folder whole or not at all; one that is replaced stays until then."""
    unfinished, before = (folder.with_name(f".{folder.name}.{word}") for word in ("unfinished", "before"))
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        write_files(unfinished, {name: [dump_jsonl(lines)] for name, lines in frozen.files.items()})
        files = {name: file_digest(unfinished / name) for name in frozen.files}
        text = json.dumps(sealed({**manifest, "files": files}), ensure_ascii=False, indent=1)
        write_files(unfinished, {MANIFEST: [text, "\n"]})
        if folder.exists():
            shutil.rmtree(before, ignore_errors=True)
            folder.rename(before)
        unfinished.rename(folder)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(unfinished, ignore_errors=True)
        raise FileError(folder, (error.strerror or str(error)).lower(), "a folder to write to") from None
    shutil.rmtree(before, ignore_errors=True)


def told(made: Made, usual: bool) -> Sequence[str]:
    """What was blessed, in lines.

    Args:
        usual: Whether it lies where `blessed:NAME` looks for it.
    """
    several = f", {made.samples} to each question" if made.samples > 1 else ""
    lines = [
        f"{made.path}: {made.answers * made.samples} answers of {made.model}{several}, {made.grades} grades "
        f"by {made.judge}; the run's decision was {made.outcome}"
    ]
    if made.left_out:
        more = f" and {len(made.left_out) - 10} more" if made.left_out[10:] else ""
        named = ", ".join(map(str, made.left_out[:10])) + more
        lines.append(f"left out, without answer or grade: {named}; a run on these will be refused")
    spec = made.path.name if usual else str(made.path)
    return [*lines, f"--mtbench-baseline blessed:{spec}"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "bless",
        help="freeze a run's candidate as a baseline",
        description="Freezes the candidate of a run: its answers and their grades in FastChat's form, and a "
        "manifest with the sha256 of every file. --mtbench-baseline blessed:NAME then compares with it, "
        "without weights and, by the same judge, without grading it again. A run that decided REGRESSION, "
        "NO VERDICT or PARTIAL is refused.",
    )
    parser.add_argument(
        "report",
        nargs="?",
        type=Path,
        default=Path("mtbench-report"),
        metavar="RUN",
        help="the run's report folder (default: mtbench-report)",
    )
    parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="what it will be called")
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="where it goes (default: snapshots/baselines)"
    )
    parser.add_argument("--force", action="store_true", help="whatever the run decided, and what it lacks")
    parser.add_argument("--replace", action="store_true", help="over a baseline of that name")
    parser.set_defaults(run=_bless)


def _bless(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.bless import bless, told
    from mtbench_pytest.models.blessed import HOME

    made = bless(
        arguments.report,
        arguments.name,
        arguments.into or HOME,
        force=arguments.force,
        replace=arguments.replace,
    )
    print("\n".join(told(made, usual=arguments.into is None)))
    return 0


def provenance(folder: Path = Path()) -> dict[str, Any]:
    """Who and when; null where git does not know, outside a repository for one.

    Args:
        folder: Somewhere in the repository.
    """
    head = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no") if head else None
    return {
        "name": _git(folder, "config", "user.name") or None,
        "email": _git(folder, "config", "user.email") or None,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "head": head or None,
        "dirty": None if changed is None else bool(changed),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or it has nothing to say."""
    if (git := shutil.which("git")) is None:
        return None
    command = [git, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
