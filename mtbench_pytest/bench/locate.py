"""Where a bench lies that was given as a path or by its name."""

from __future__ import annotations

from pathlib import Path

from mtbench_pytest.bench.fetch.manifest import benches_folder, collections
from mtbench_pytest.bench.general_qa import is_subset
from mtbench_pytest.bench.prompt_files import PROMPTS
from mtbench_pytest.core.errors import SpecError

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
