"""The commands of `mtbench`, one a file: each adds its parser and runs."""

from __future__ import annotations

from mtbench_pytest.commands import (
    agreement,
    doctor,
    fetch,
    init,
    lint,
    metrics,
    noise,
    plan,
    reference,
    show,
)

COMMANDS = (
    init,
    fetch,
    lint,
    reference,
    show,
    agreement,
    noise,
    metrics,
    plan,
    doctor,
)  # as `mtbench --help` lists
