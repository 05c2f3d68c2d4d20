"""Where a bench lies that was given as a path or by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtbench_pytest.bench.config import REFERENCE_CATEGORIES
from mtbench_pytest.bench.fetch.manifest import benches_folder, collections
from mtbench_pytest.bench.general_qa import is_subset, read_item
from mtbench_pytest.bench.prompts import PROMPTS
from mtbench_pytest.bench.questions import FIELDS, read_question
from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.jsonl import Line, read_jsonl
from mtbench_pytest.core.records import Question, QuestionId

Read = Callable[[Line, Mapping[QuestionId, tuple[str, ...]]], Question]


QUESTIONS = "question.jsonl"


def shipped_suites() -> Path:
    """The folder of the suites that come with the project."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "suites"
    return installed if installed.is_dir() else package.parent / "suites"


def question_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold a bench's questions: `question.jsonl`, else the subsets of a `general_qa` bench."""
    if (folder / QUESTIONS).is_file():
        return (folder / QUESTIONS,)
    others = sorted(folder.glob("[!.]*.jsonl")) if folder.is_dir() else []
    return tuple(file for file in others if file.name != PROMPTS and is_subset(file))


def bench_beside(module_folder: Path) -> Path:
    """The bench in the folder of a test module.

    Raises:
        SpecError: Where there is none.
    """
    if question_files(module_folder):
        return module_folder.resolve()
    problem = f"no {QUESTIONS} beside the test module"
    raise SpecError(f"{module_folder}", problem, "one, or --mtbench-bench DIR|NAME")


def find_bench(given: Path) -> Path:
    """The folder of a bench given as a path, or as the name of a shipped suite or a fetched bench.

    Raises:
        SpecError: Where there is none.
    """
    for folder in (given, shipped_suites() / given, benches_folder() / given):
        if question_files(folder):
            return folder.resolve()
    known = collections().get(str(given))
    if known is not None and known.repository:
        raise SpecError(f"bench {given}", "not fetched yet", f"`mtbench fetch {given}` once")
    shipped = sorted(path.parent.name for path in shipped_suites().glob(f"*/{QUESTIONS}"))
    raise SpecError(
        f"bench {given}", f"no {QUESTIONS} there", f"a bench folder or one of {', '.join(shipped)}"
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """How a bench folder is laid out.

    Attributes:
        files: They hold the questions, one a line.
        read: Reads a line.
        fields: Of a line; None where any others may stand beside.
        reference_categories: Judged against a reference where `bench.toml` does not say.
        is_general_qa: Whether it is EvalScope's.
    """

    files: tuple[Path, ...]
    read: Read
    fields: frozenset[str] | None
    reference_categories: frozenset[str]
    is_general_qa: bool


def layout_of(bench: Path) -> Layout:
    """FastChat's layout where there is a `question.jsonl`, else EvalScope's `general_qa`."""
    files = question_files(bench)
    if not files or files[0].name == QUESTIONS:
        return Layout((bench / QUESTIONS,), read_question, FIELDS, REFERENCE_CATEGORIES, is_general_qa=False)
    subsets = frozenset(file.stem for file in files)
    return Layout(files, read_item, None, subsets, is_general_qa=True)


def question_places(bench: Path) -> dict[QuestionId, tuple[Path, int]]:
    """File and line of each question, as the files stand now; none where they cannot be read any more."""
    layout = layout_of(bench)
    try:
        lines = [line for file in layout.files for line in read_jsonl(file)]
        return {layout.read(line, {}).question_id: (line.path, line.number) for line in lines}
    except FileError:
        return {}
