"""The commands of `mtbench`, one a file: each adds its parser and runs."""

from __future__ import annotations

from mtbench_pytest.cli import (
    agreement,
    bless,
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

# As `mtbench --help` lists them.
COMMANDS = (init, fetch, lint, reference, show, agreement, noise, metrics, plan, bless, doctor)
