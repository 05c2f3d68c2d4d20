"""The commands of `mtbench`, one a file: each adds its parser and runs."""

from __future__ import annotations

from mtbench_pytest.commands import doctor, lint, show

COMMANDS = (show, lint, doctor)  # as `mtbench --help` lists them
