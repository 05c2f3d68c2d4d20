"""What is wrong, or looks wrong, in a bench: every place at once, where the loader stops at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mtbench_pytest.bench.lint import rules
from mtbench_pytest.bench.lint.draft import Draft, read_draft
from mtbench_pytest.bench.lint.finding import Finding

__all__ = ["Finding", "lint"]

_RULES: tuple[Callable[[Draft], Iterable[Finding]], ...] = (
    rules.unknown_fields,
    rules.duplicates,
    rules.odd_characters,
    rules.turns_that_stand_alone,
    rules.foreign_languages,
    rules.missing_references,
    rules.references_of_nobody,
    rules.references_known_to_be_wrong,
    rules.references_that_fail_their_checks,
    rules.checks_that_ask_too_little,
    rules.questions_without_a_prompt,
    rules.turns_beyond_the_prompts,
    rules.prompts_of_nobody,
)


def lint(bench: Path) -> list[Finding]:
    """Looks at a bench folder.

    Returns:
        What was found, by file and line; empty where all is well.
    """
    draft, refused = read_draft(bench)
    found = [*refused, *(finding for rule in _RULES for finding in rule(draft))]
    return sorted(set(found), key=lambda finding: (str(finding.path), finding.line or 0, finding.text))
