"""`mtbench reference`: reference answers from a model, for review."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli.progress_bar import Meter, at_least
from mtbench_pytest.core.errors import SpecError

if TYPE_CHECKING:
    from mtbench_pytest.bench.bench import Bench
    from mtbench_pytest.cli.referencing import Made


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "reference",
        help="reference answers from a model, for review",
        description="Has a model answer a bench's questions and writes reference_answer/MODEL.jsonl, a line "
        "an answer, as it comes. What the file has is kept as it is and not asked again: a run that was cut "
        "off goes on, and what you corrected stays. A judge believes its references: read each of them.",
    )
    parser.add_argument("bench", type=Path, metavar="BENCH", help="a bench folder")
    parser.add_argument("--model", required=True, metavar="SPEC", help="who answers, such as openai:gpt-4o")
    parser.add_argument(
        "--categories",
        metavar="A,B",
        default="",
        help="whose questions (default: those judged against a reference)",
    )
    parser.add_argument(
        "--max-new-tokens",
        type=at_least(1),
        default=1024,
        metavar="N",
        help="most tokens a reply may have (default: 1024)",
    )
    parser.add_argument(
        "--seed", type=at_least(0), default=0, metavar="N", help="seeds sampled answers (default: 0)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="another file to write, or to go on with")
    parser.set_defaults(run=_reference)


def _reference(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.bench.bench import load_bench
    from mtbench_pytest.cli.referencing import make_references, mend, questions_of, usual_file
    from mtbench_pytest.core.specs import parse_spec
    from mtbench_pytest.models import build_model

    model = build_model(parse_spec(arguments.model))
    folder = find_bench(arguments.bench)
    if arguments.output is None and not arguments.bench.is_dir():
        raise SpecError(f"bench {arguments.bench}", "its folder is not yours to write", "--output FILE")
    path = arguments.output or usual_file(folder, model)
    if mend(path):
        print(f"{path}: an unfinished last line was taken away")
    bench = load_bench(folder)
    questions = questions_of(bench, [name for name in arguments.categories.split(",") if name])
    meter = Meter("answer", len(questions))
    try:
        made = make_references(
            bench,
            model,
            questions,
            path,
            seed=arguments.seed,
            max_new_tokens=arguments.max_new_tokens,
            show=meter.show,
        )
    except KeyboardInterrupt:
        meter.close()
        print(f"\nwhat is in {path} is kept, and the same command goes on", file=sys.stderr)
        raise
    finally:
        meter.close()
    print("\n".join(_told(made, bench, path)))
    return 1 if made.failures else 0


def _told(made: Made, bench: Bench, path: Path) -> Iterator[str]:
    for failure in made.failures:
        yield f"no answer to question {failure.question_id}: {failure.reason}"
    for question_id in made.capped:
        yield f"the answer to question {question_id} was cut by --max-new-tokens"
    there = f", {made.kept} were there" if made.kept else ""
    yield f"{path}: {made.written} answers written{there}"
    if made.failures:
        yield "The same command asks for the missing ones again."
    others = [file for file in path.parent.glob("*.jsonl") if file.name != path.name]
    if path.parent.parent == bench.path and others and bench.config.reference_answer != path.stem:
        yield f'There are several files: reference_answer = "{path.stem}" in bench.toml takes this one.'
    yield (
        "Read them before you use them: of MT-bench's 30 references by GPT-4, 13 are wrong (FastChat pull "
        f"request 3158). Then: mtbench lint {bench.path}"
    )
