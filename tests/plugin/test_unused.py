"""An installed plugin that nobody asks for changes nothing, and costs next to nothing."""

from __future__ import annotations

import json
import re

from tests.plugin.harness import BARE_AND_XDIST, Example

TESTS = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2
@pytest.mark.parametrize("n", [1, 2])
def test_many(n, tmp_path): pass
"""
HEAVY = ("torch", "transformers", "openai", "scipy", "httpx", "asyncio", "mtbench_pytest.plugin.session")
BOUND_MS = 15.0  # a busy machine; less than 5 is asked of an idle one


def plain(out: str) -> list[str]:
    """The lines without times and without the one that lists plugins."""
    kept = (line for line in out.splitlines() if not line.startswith("plugins:"))
    return [re.sub(r"\d+\.\d+s|=+|\bgw\d", "", line) for line in kept]


def in_any_order(lines: list[str]) -> list[list[str]]:
    """Workers take tests as they come: neither lines nor the dots in them have an order."""
    return sorted(sorted(line) for line in lines)


@BARE_AND_XDIST
def test_the_lines_and_files_are_the_same(example: Example, workers: tuple[str, ...]) -> None:
    example.own_process = not workers  # those are processes of their own
    (example.path / "test_it.py").write_text(TESTS)
    quiet = ("-p", "no:cacheprovider", *(workers or ("-v",)))
    without = example.bare(*quiet, "-p", "no:mtbench")
    files = {path.name for path in example.path.iterdir()}
    with_it = example.bare(*quiet)
    assert with_it.status == without.status == 1
    if workers:
        assert in_any_order(plain(with_it.out)) == in_any_order(plain(without.out))
    else:
        assert plain(with_it.out) == plain(without.out)
    new = {path.name for path in example.path.iterdir()} - files
    assert not [name for name in new if not name.startswith("runpytest-")]


def test_nothing_heavy_is_imported(example: Example) -> None:
    example.own_process = True
    (example.path / "test_it.py").write_text(
        "import sys\ndef test_it():\n"
        "    assert 'mtbench_pytest.plugin' in sys.modules\n"
        f"    assert not [name for name in {HEAVY!r} if name in sys.modules]\n"
    )
    run = example.bare("-p", "no:anyio", "-p", "no:xdist", "-W", "error")
    assert run.status == 0, run.out


# Times import, options and configuration, less what pytest itself imports. -p loads it before entry points.
TIMER = """
import functools, json, time
import pytest

began = time.perf_counter()
import mtbench_pytest.plugin as plugin
import mtbench_pytest.plugin.fixtures
costs = {"import": 1000 * (time.perf_counter() - began)}

def timed(name):
    function = getattr(plugin, name)
    @functools.wraps(function)
    def call(*args):
        began = time.perf_counter()
        result = function(*args)
        costs[name] = 1000 * (time.perf_counter() - began)
        return result
    setattr(plugin, name, call)

timed("pytest_addoption")
timed("pytest_configure")

def pytest_unconfigure(config):
    with open("costs.jsonl", "a") as file:
        print(json.dumps(costs), file=file)
"""


def test_the_cost_of_being_installed(example: Example) -> None:
    """The best of three runs, in milliseconds."""
    example.own_process = True
    (example.path / "timer.py").write_text(TIMER)
    (example.path / "test_it.py").write_text("def test_it(): pass\n")
    for _ in range(3):
        assert example.bare("-p", "timer").status == 0
    costs = [json.loads(line) for line in (example.path / "costs.jsonl").read_text().splitlines()]
    assert all(set(cost) == {"import", "pytest_addoption", "pytest_configure"} for cost in costs)
    best = min(costs, key=lambda cost: sum(cost.values()))
    assert sum(best.values()) < BOUND_MS, best
