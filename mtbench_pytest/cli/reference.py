"""`mtbench reference`: a model's answers as reference answers, for a person to review.

The file is the record: each answer is in it, on the disk, as soon as it is there, and what is in it is not
asked for again, so that a run that was broken off goes on and what a person has corrected stays.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from pathlib import Path

from mtbench_pytest.bench.bench import Bench, read_choice
from mtbench_pytest.bench.config import REFERENCES
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli.progress_bar import Meter, at_least
from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.files import file_name
from mtbench_pytest.core.jsonl import dump_line, read_jsonl
from mtbench_pytest.core.records import Answer, AnswerFailure, Question, QuestionId
from mtbench_pytest.models import ChatModel
from mtbench_pytest.report.fastchat import answer_line
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pipeline import Pipeline
from mtbench_pytest.run.progress import Progress

_LOOK = 0.5  # seconds between looks at the progress


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it.

    Attributes:
        kept: Answers that were in the file already.
        written: Answers that were added.
        capped: Questions whose answer a token limit ended.
        failures: Questions that the model could not answer.
    """

    kept: int
    written: int
    capped: tuple[QuestionId, ...]
    failures: tuple[AnswerFailure, ...]


def usual_file(bench: Path, model: ChatModel) -> Path:
    """Where a bench keeps a model's reference answers."""
    return bench / REFERENCES / f"{file_name(model.name)}.jsonl"


def mend(path: Path) -> bool:
    """Makes a file end with a whole line: a run that was killed, or a full disk, may have left half of one.

    Returns:
        Whether an unfinished line was taken away.

    Raises:
        FileError: Where the file cannot be written.
    """
    content = path.read_bytes() if path.is_file() else b""
    whole, last = content[: content.rfind(b"\n") + 1], content[content.rfind(b"\n") + 1 :]
    if not last:
        return False
    try:
        json.loads(last)
    except ValueError:
        _replace(path, whole)
        return True
    _replace(path, content + b"\n")  # an editor may have left it without
    return False


def questions_of(bench: Bench, categories: Collection[str]) -> list[Question]:
    """The questions of these categories; without any, of those that are judged against a reference.

    Raises:
        SpecError: For a category the bench does not have, and where none is judged against a reference.
    """
    known = list(dict.fromkeys(question.category for question in bench.questions))
    for category in categories:
        if category not in known:
            raise SpecError(
                f"category {category}", f"bench {bench.name} has none", f"one of {', '.join(known)}"
            )
    wanted = set(categories) or bench.config.reference_categories & set(known)
    if not wanted:
        expected = "--categories, or reference_categories in bench.toml"
        raise SpecError(f"bench {bench.name}", "no category is judged against references", expected)
    return [question for question in bench.questions if question.category in wanted]


def make_references(
    bench: Bench,
    model: ChatModel,
    questions: Sequence[Question],
    path: Path,
    *,
    seed: int = 0,
    max_new_tokens: int = 1024,
    show: Callable[[Progress], object] = lambda _: None,
) -> Made:
    """Has a model answer questions, each answer written to the file at once.

    Args:
        bench: Says how a question is sampled.
        model: Who answers.
        questions: All that is wanted; what the file has is not asked again.
        path: A file of model answers in FastChat's form that `mend` has seen; in the end it is in the bench's
            order.
        show: Is told now and then how far it is.

    Raises:
        MTBenchError: Where the file cannot be read or written, or the model can answer no question.
    """
    kept = _kept(path, {question.question_id: question for question in bench.questions})
    missing = [question for question in questions if question.question_id not in kept]
    answers: list[Answer] = []
    failures: list[AnswerFailure] = []
    if missing:
        contest = Contest(bench, {"candidate": model}, {}, seed=seed, max_new_tokens=max_new_tokens)
        contest.prepare("candidate", missing)
        _open(path.parent)
        try:
            for answer in _answers(contest, questions, missing, show):
                if isinstance(answer, AnswerFailure):
                    failures.append(answer)
                else:
                    _append(path, answer)
                    answers.append(answer)
            _sort(path, [question.question_id for question in bench.questions])
        except OSError as error:
            expected = "room for it: what was written before is kept"
            raise FileError(path, error.strerror or str(error), expected) from None
    cut = {answer.question_id for answer in answers if answer.capped}
    capped = tuple(question.question_id for question in questions if question.question_id in cut)
    return Made(len(kept), len(answers), capped, tuple(failures))


def _answers(
    contest: Contest,
    questions: Sequence[Question],
    missing: Sequence[Question],
    show: Callable[[Progress], object],
) -> Iterator[Answer | AnswerFailure]:
    """The answers as they come. Batches are planned over all questions, whatever is missing of them."""
    pipeline = Pipeline(contest, questions)
    try:
        pipeline.request(missing, judged=False)
        waiting = {pipeline.answer("candidate", question.question_id) for question in missing}
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
            show(pipeline.look())
    finally:
        pipeline.close()


def _kept(path: Path, questions: dict[QuestionId, Question]) -> set[QuestionId]:
    """The questions that the file has an answer to.

    Raises:
        FileError: Where a line is not of FastChat's form, or has not a reply for each turn.
    """
    found = set()
    for line in read_jsonl(path) if path.is_file() else ():
        question_id, turns = line.question_id(), read_choice(line)["turns"]
        question = questions.get(question_id)
        if question is not None and len(turns) != len(question.turns):
            problem = f"{len(turns)} turns in the answer to question {question_id}"
            raise line.error(problem, f"{len(question.turns)}, one for each turn of the question")
        found.add(question_id)
    return found


def _open(folder: Path) -> None:
    """Makes the folder, and finds out before anything is spent whether it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FileError(folder, error.strerror or str(error), "a folder to write to") from None


def _append(path: Path, answer: Answer) -> None:
    """Adds a line; on the disk when this returns."""
    with path.open("ab") as file:
        file.write(dump_line(answer_line(answer, time.time())).encode())
        file.flush()
        os.fsync(file.fileno())


def _sort(path: Path, order: Sequence[QuestionId]) -> None:
    """Puts the lines in the bench's order, their text as it is; of two about one question the last binds."""
    if not path.is_file():
        return
    place = {question_id: at for at, question_id in enumerate(order)}
    texts = path.read_bytes().split(b"\n")
    lines = {line.question_id(): texts[line.number - 1] for line in read_jsonl(path)}
    ordered = sorted(lines, key=lambda question_id: place.get(question_id, len(place)))
    _replace(path, b"".join(lines[question_id].rstrip(b"\r") + b"\n" for question_id in ordered))


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise FileError(path, error.strerror or str(error), "a place to write") from None


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
    from mtbench_pytest.cli.reference import make_references, mend, questions_of, usual_file
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
