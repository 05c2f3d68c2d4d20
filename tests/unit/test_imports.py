"""What loading a module loads: pytest runs that never asked for us pay for nothing."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from mtbench_pytest.core.imports import loading

HEAVY = ("torch", "transformers", "openai", "sqlalchemy")


def loaded_by(module: str) -> set[str]:
    """Names of all modules that an import leaves loaded, in a process of its own."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("mtbench_pytest", ("pytest", *HEAVY, "scipy", "numpy")),
        ("mtbench_pytest.run.bench_run", ("pytest", *HEAVY, "scipy", "numpy")),
        ("mtbench_pytest.plugin.session", (*HEAVY, "scipy", "numpy")),
        ("mtbench_pytest.models.openai", ("pytest", *HEAVY)),
        ("mtbench_pytest.judges.openai", ("pytest", *HEAVY)),
        ("mtbench_pytest.models.hf.model", ("pytest", *HEAVY)),
        ("mtbench_pytest.models.demo", ("pytest", *HEAVY)),
        ("mtbench_pytest.judges.checks", ("pytest", *HEAVY)),
        (
            "mtbench_pytest.plugin",
            (*HEAVY, "scipy", "numpy", "mtbench_pytest.plugin.session", "mtbench_pytest.core.records"),
        ),
    ],
)
def test_what_an_import_leaves_out(module: str, never: tuple[str, ...]) -> None:
    loaded = loaded_by(module)
    assert module in loaded
    assert not loaded & set(never)


def test_an_interpreter_that_loaded_much_ends_without_a_look_for_garbage() -> None:
    # What is registered first is called last.
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
        "from mtbench_pytest.core.imports import loading\n"
        "with loading(): import json\n"
        "print(gc.get_freeze_count() > 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("on", [True, False])
def test_garbage_is_looked_for_again_once_a_library_is_loaded(on: bool) -> None:
    if not on:
        gc.disable()
    try:
        with loading():
            assert not gc.isenabled()
        assert gc.isenabled() is on
    finally:
        gc.enable()
