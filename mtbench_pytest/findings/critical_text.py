"""How often critical categories stop an equal model: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mtbench_pytest.findings.critical_chance import ASSUMED_GRADE, FalseAlarm
from mtbench_pytest.gate.explain import chance
from mtbench_pytest.report.terminal import one_line

_LONGEST = 40  # characters of a category's name


def false_alarm_line(found: FalseAlarm) -> str:
    """One sentence, for the summary and a plan."""
    return f"critical: {_names(found)}: an equal model would be stopped by one turn in {_chances(found)}"


def false_alarm_markdown(found: FalseAlarm | None) -> Iterator[str]:
    """The report's section, or nothing where no category is critical."""
    if found is None:
        return
    yield ""
    yield "## Critical categories"
    yield ""
    yield (
        f"{_names(found)}: an equal model would be stopped by one turn in {_chances(found)}. Taken for this: "
        f"both sides' true grades of the {found.turns} turns are the baseline's, and a turn counts where "
        f"{_gradings(found)}."
    )


def false_alarm_result(found: FalseAlarm | None) -> dict[str, Any] | None:
    """As in `result.json`; null where no category is critical."""
    if found is None:
        return None
    return {
        "categories": list(found.categories),
        "turns": found.turns,
        "assumed_grades": found.assumed,
        "gradings": found.gradings,
        "judge_noise": found.source,
        "chances": [{"judge_sd": sd, "chance": value} for sd, value in found.chances.items()],
    }


def _names(found: FalseAlarm) -> str:
    return ", ".join(one_line(name, _LONGEST) for name in found.categories)


def _chances(found: FalseAlarm) -> str:
    """The figures and what they rest on."""
    (sd, value), *others = found.chances.items()
    told = [f"{chance(value)} of runs at a judge SD of {sd:.2g}"]
    told += [f"{chance(value)} at {sd:.2g}" for sd, value in others]
    rest = [f"{'both ' if others else ''}{found.source}"]
    rest.append(f"{found.gradings} gradings" if found.gradings > 1 else "one grading")
    if found.assumed:
        of = f" of {found.assumed} turns" if found.assumed < found.turns else " of every turn"
        rest.append(f"assumed grade {ASSUMED_GRADE:g}{of}")
    return f"{' and '.join(told)} ({'; '.join(rest)})"


def _gradings(found: FalseAlarm) -> str:
    if found.gradings == 1:
        return "its one grade breaks a rule, for this judge cannot be asked again"
    return f"each of {found.gradings} gradings breaks the same rule"
