"""Whether what failed in a question's test is the drop of its question, and nothing else.

A user writes a plain assertion: `assert not mtbench_judged.dropped`, or `assert mtbench_judged.difference >=
-mtbench_judged.margin`. Only such a one may become an xfail. So the assertion that failed is looked up in its
source: it must speak of nothing but the drop of this very question, and it must hold for a question that just
does not drop. `assert mtbench_judged.difference > -1`, a snapshot or anything else in the test is the user's
own and fails it.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

from mtbench_pytest.run.judged import Judged

_HAIR = 1e-9  # points
_ALLOWED = (
    ast.Expression,
    ast.Constant,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Compare,
    ast.cmpop,
)


class _ForeignError(Exception):
    """The assertion speaks of something else too."""


def is_the_drop(error: BaseException, judged: Judged) -> bool:
    """Whether a failed assertion is about the drop of a question alone.

    Args:
        error: What a test raised.
        judged: The question as the test saw it.
    """
    if type(error) is not AssertionError or error.__traceback__ is None:
        return False
    last = _innermost(error.__traceback__)
    tests = _assertions(last.tb_frame, last.tb_lineno)
    return bool(tests) and all(_held_without_drop(test, last.tb_frame, judged) for test in tests)


def _innermost(traceback: TracebackType) -> TracebackType:
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


def _assertions(frame: FrameType, line: int) -> list[ast.expr]:
    """What the assertions on a line assert; more than one where several stand there."""
    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # not a file of Python
        return []
    return [
        node.test
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]


def _held_without_drop(test: ast.expr, frame: FrameType, judged: Judged) -> bool:
    names = {**frame.f_globals, **frame.f_locals}
    try:
        asserted = _NoDrop(names, judged).visit(ast.Expression(test))
    except _ForeignError:
        return False
    code = compile(ast.fix_missing_locations(asserted), "<assertion>", "eval")
    try:
        return bool(eval(code, {"__builtins__": {}}))  # noqa: S307 - constants are all there is
    except TypeError:
        return False


class _NoDrop(ast.NodeTransformer):
    """Puts constants for all names: the question's, as if it just did not drop."""

    def __init__(self, names: Mapping[str, Any], judged: Judged) -> None:
        self._names = names
        self._judged = judged
        no_drop = -judged.margin + _HAIR
        self._values = {"dropped": False, "difference": no_drop, "margin": judged.margin}

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _ALLOWED):
            raise _ForeignError
        return super().generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        of = self._names.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if of is not self._judged or node.attr not in self._values:
            raise _ForeignError
        return ast.Constant(self._values[node.attr])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self._names.get(node.id)
        if not isinstance(value, int | float):
            raise _ForeignError
        return ast.Constant(value)
