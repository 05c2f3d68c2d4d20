"""`mtbench metrics`: ROUGE and BLEU of recorded answers against a bench's references."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.core.errors import FileError, MTBenchError
from mtbench_pytest.core.records import QuestionId, Reply

_REPORT = Path("mtbench-report")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "metrics",
        help="ROUGE and BLEU against the references",
        description="Compares recorded answers with a bench's reference answers: ROUGE-1, -2, -L (recall, "
        "precision, F; means over the replies) and BLEU-1 to -4 (over all replies of a subset), from 0 to 1, "
        "for each model and category. The overlap of words says little of an answer's worth; it decides "
        "nothing in a run.",
    )
    parser.add_argument("bench", type=Path, metavar="BENCH", help="a bench folder, or the name of a suite")
    parser.add_argument(
        "--answers",
        type=Path,
        action="append",
        metavar="FILE_OR_DIR",
        help="answers in FastChat's form, or a folder of such files; may be repeated (default: those of the "
        f"last run, {_REPORT}/model_answer)",
    )
    parser.add_argument("--json", action="store_true", help="print the same figures as JSON")
    parser.set_defaults(run=_metrics)


def _metrics(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.bench.bench import load_bench
    from mtbench_pytest.findings.overlap import compared, metrics, overlap_lines, overlap_result
    from mtbench_pytest.models.recorded import recorded_replies

    bench = load_bench(find_bench(arguments.bench))
    if not compared(bench.questions):
        raise MTBenchError(f"bench {bench.name}: no reference answers; expected some to compare with")
    files = _files(arguments.answers or [_REPORT / "model_answer"])
    by_model = {file.stem: metrics(bench.questions, _texts(recorded_replies(file))) for file in files}
    if arguments.json:
        print(json.dumps(overlap_result(by_model), ensure_ascii=False, indent=1))
    else:
        print("\n".join(overlap_lines(by_model)))
    return 0


def _texts(recorded: Mapping[QuestionId, Sequence[Reply]]) -> dict[QuestionId, list[str]]:
    return {key: [reply.text for reply in replies] for key, replies in recorded.items()}


def _files(given: Sequence[Path]) -> list[Path]:
    files = []
    for path in given:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found or not all(file.is_file() for file in found):
            raise FileError(
                path, "no answers there", "a file of model answers in FastChat's form, or a folder"
            )
        files += found
    return files
