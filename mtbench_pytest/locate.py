"""Where a bench lies that was given as a path or by its name."""

from __future__ import annotations

from pathlib import Path

from mtbench_pytest.errors import SpecError

QUESTIONS = "question.jsonl"


def shipped_suites() -> Path:
    """The folder of the suites that come with the project."""
    package = Path(__file__).resolve().parent
    installed = package / "suites"
    return installed if installed.is_dir() else package.parent / "suites"


def bench_beside(module_folder: Path) -> Path:
    """The bench in the folder of a test module.

    Raises:
        SpecError: Where there is none.
    """
    if (module_folder / QUESTIONS).is_file():
        return module_folder.resolve()
    problem = f"no {QUESTIONS} beside the test module"
    raise SpecError(f"{module_folder}", problem, "one, or --mtbench-bench DIR|NAME")


def find_bench(given: Path) -> Path:
    """The folder of a bench given as a path or as the name of a shipped suite.

    Raises:
        SpecError: Where there is none.
    """
    for folder in (given, shipped_suites() / given):
        if (folder / QUESTIONS).is_file():
            return folder.resolve()
    shipped = sorted(path.parent.name for path in shipped_suites().glob(f"*/{QUESTIONS}"))
    raise SpecError(
        f"bench {given}", f"no {QUESTIONS} there", f"a bench folder or one of {', '.join(shipped)}"
    )
