"""What `from mtbench_pytest import …` gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mtbench_pytest
from docs.make_reference import PAGE, page

HEAVY = ("pytest", "torch", "transformers", "openai", "scipy", "numpy", "sqlalchemy")
NAMES = [
    "Answer",
    "AnswerFailure",
    "AnswerTask",
    "ChatModel",
    "Decision",
    "GameTask",
    "GradeTask",
    "Judge",
    "JudgeFailure",
    "Judged",
    "JudgeReply",
    "Judgment",
    "MTBenchError",
    "Policy",
    "Question",
    "Reply",
    "ReplyJudge",
    "Row",
    "ScriptedJudge",
    "ScriptedModel",
    "Verdict",
    "decide",
    "load_bench",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_what_its_docstring_says(name: str) -> None:
    assert name in mtbench_pytest.__all__
    thing = getattr(mtbench_pytest, name)
    assert thing.__name__ == name
    assert thing.__doc__


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Grading'"):
        mtbench_pytest.Grading  # noqa: B018


def test_type_checkers_see_the_names_that_are_there() -> None:
    tree = ast.parse(Path(mtbench_pytest.__file__).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: getattr(mtbench_pytest, name).__module__.partition(".")[2] for name in seen}
    assert set(seen) == set(mtbench_pytest.__all__)
    for name, module in seen.items():
        # `examine` is offered by the package around its module.
        assert f"mtbench_pytest.{homes[name]}".startswith(str(module))


def test_the_import_loads_nothing_of_weight() -> None:
    code = (
        "import sys, mtbench_pytest\n"
        "loaded = {name.partition('.')[0] for name in sys.modules}\n"
        f"print(sorted(loaded & set({HEAVY!r})))\n"
        "print([name for name in sys.modules if name.startswith('mtbench_pytest.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_the_page_of_reference_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "python docs/make_reference.py makes it anew"
