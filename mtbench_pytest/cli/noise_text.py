"""What `mtbench noise` prints: the judge's wobble, and what it means for runs on the bench."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mtbench_pytest.cli.regrade import Outlook, Regraded
from mtbench_pytest.findings.judge_text import share_result
from mtbench_pytest.findings.noise import Noise, rounded_up
from mtbench_pytest.gate.explain import percent
from mtbench_pytest.report.terminal import one_line

_REASONS = 3
_WIDTH = 200


def noise_lines(found: Regraded, outlooks: Sequence[Outlook], judge: str, questions: int) -> Iterator[str]:
    """The figures, what they mean, and the table for `bench.toml`.

    Args:
        judge: Its name.
        questions: Of the bench that the outlooks are for.
    """
    yield from _failure_lines(found)
    noise = found.noise
    if noise is None:
        yield "no reply was graded more than once: nothing can be told"
        return
    changed = noise.changed
    yield (
        f"{judge}: {changed.n} replies of {changed.clusters} questions, {noise.repeats} grades each; "
        f"{found.made} of {found.judgments} judgments were made now"
    )
    yield ""
    yield f"within-answer SD      {noise.sd:.3f} points"
    bounds = f"95 % bounds {percent(changed.lower)} and {percent(changed.upper)}"
    yield f"grades that changed   {changed.hits} of {changed.n} replies: {percent(changed.value)}, {bounds}"
    yield ""
    yield f"A run on the bench's {questions} questions, each answer graded so often:"
    yield from _table(outlooks)
    yield ""
    yield "Under the floor a margin is decided by the judge's noise. Under the sensible one a candidate that"
    yield "is equal would fail more than one time in five by the judge alone. For bench.toml, so that runs"
    yield "with a margin under the floor are refused:"
    yield ""
    yield "[judge_noise]"
    yield f"{json.dumps(judge, ensure_ascii=False)} = {rounded_up(noise.sd):g}"


def _table(outlooks: Sequence[Outlook]) -> Iterator[str]:
    yield ""
    yield "times   noise floor   smallest sensible margin"
    for one in outlooks:
        yield f"{one.repeats:>5}{one.floor:>14.3f}{rounded_up(one.margin):>27.2f}"


def panel_lines(judges: Sequence[str], outlooks: Sequence[Outlook], questions: int) -> Iterator[str]:
    """What several judges' noise comes to where the mean of their grades counts."""
    yield f"{', '.join(judges)} as a panel:"
    yield f"a run on the bench's {questions} questions, each answer graded so often by each judge:"
    yield from _table(outlooks)


def panel_json(judges: Sequence[Mapping[str, Any]], outlooks: Sequence[Outlook]) -> dict[str, Any]:
    """The figures of several judges for programs.

    Args:
        judges: Of each what `noise_json` says.
    """
    return {"judges": list(judges), "panel": [asdict(one) for one in outlooks]}


def _failure_lines(found: Regraded) -> Iterator[str]:
    if not found.failures:
        return
    yield f"{len(found.failures)} judgments could not be had; the same command asks for them again:"
    reasons = Counter(one_line(failure.reason, _WIDTH) for failure in found.failures)
    yield from (f"  {n} x {reason}" for reason, n in reasons.most_common(_REASONS))
    if len(reasons) > _REASONS:
        yield f"  and {len(reasons) - _REASONS} more reasons"


def noise_json(found: Regraded, outlooks: Sequence[Outlook], judge: str, questions: int) -> dict[str, Any]:
    """The same figures for programs."""
    return {
        "judge": judge,
        "questions": questions,
        "judgments": found.judgments,
        "made": found.made,
        "failed": len(found.failures),
        "noise": _result(found.noise) if found.noise else None,
        "runs": [asdict(one) for one in outlooks],
    }


def _result(noise: Noise) -> dict[str, Any]:
    return {
        "repeats": noise.repeats,
        "within_answer_sd": noise.sd,
        **share_result(noise.changed, "replies", "changed"),
    }
