"""What loading a module loads: pytest runs that never asked for us pay for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


def test_the_users_process_is_left_alone() -> None:
    """No paused garbage collector and no thread is there for speed."""
    code = (
        "import gc, threading\n"
        "import mtbench_pytest.plugin.session, mtbench_pytest.release.publish\n"
        "print(gc.isenabled(), gc.get_freeze_count(), threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "0", "1"]
