"""Whether the judge is any good: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mtbench_pytest.findings.fitness import Fitness, GradesUsed, clear_in_words, flips_in_words
from mtbench_pytest.findings.noise import Noise
from mtbench_pytest.gate.comparisons import CLEAR, MOST_CLEAR_FLIPS
from mtbench_pytest.gate.explain import percent
from mtbench_pytest.gate.stats.proportions import Share


def fitness_result(fitness: Fitness) -> dict[str, Any]:
    """As in `result.json`; `fit` is null where too little was compared to tell."""
    position, asked, grades = fitness.position, fitness.asked, fitness.grades
    return {
        "fit": fitness.fit,
        "position": {
            **share_result(position.flips, "compared", "flipped"),
            "toward_first": position.toward_first,
            "toward_second": position.toward_second,
            "first_share": position.first_share,
        },
        "clear": share_result(fitness.clear, "compared", "flipped"),
        "judgments": {"asked": asked.n, "unread": asked.unread, "failed": asked.failed},
        "grades": {
            "n": grades.n,
            "used": {f"{grade:g}": count for grade, count in grades.counts.items()},
            "tens": grades.tens,
        },
        "noise": noise_result(fitness.noise) if fitness.noise else None,
        "warnings": list(fitness.warnings),
    }


def noise_result(noise: Noise) -> dict[str, Any]:
    """As in `result.json`, in points."""
    return {
        "repeats": noise.repeats,
        "within_answer_sd": noise.sd,
        **share_result(noise.changed, "repeated", "changed"),
        "floor": noise.floor,
    }


def share_result(share: Share, cases: str, hits: str) -> dict[str, Any]:
    """A share with its bounds.

    Args:
        cases: What the cases are called.
        hits: What those that count are called.
    """
    found = asdict(share)
    return {
        cases: found["n"],
        hits: found["hits"],
        "share": share.value if share.n else None,
        "lower": found["lower"],
        "upper": found["upper"],
    }


def fitness_lines(fitness: Fitness) -> Iterator[str]:
    """For the summary: the figures on one line, what is wrong with them on further ones."""
    parts = [flips_in_words(fitness.position)] if fitness.position.flips.n else []
    parts += [clear_in_words(fitness.clear)] if fitness.clear.n else []
    parts += [_tens(fitness.grades)] if fitness.grades.n else []
    if parts:
        yield f"judge: {'; '.join(parts)}"
    if fitness.noise:
        yield f"judge noise: {_noise(fitness.noise)}"
    yield from (f"judge warning: {warning}" for warning in fitness.warnings)


def fitness_markdown(fitness: Fitness, name: str) -> Iterator[str]:
    """The report's section, or nothing where the judge was asked nothing.

    Args:
        name: The judge's.
    """
    position, asked, grades = fitness.position, fitness.asked, fitness.grades
    if not asked.n:
        return
    yield ""
    yield "## The judge"
    yield ""
    yield f"What {name} did in this run:"
    yield ""
    yield from (f"- **Warning:** {warning}." for warning in fitness.warnings)
    if position.flips.n:
        yield f"- Order of the answers: {flips_in_words(position)}."
        if position.flips.hits:
            yield (
                f"  Of the flips, {position.toward_first} lean to the answer shown first and "
                f"{position.toward_second} to the second."
            )
        if fitness.clear.n:
            yield (
                f"- Where its own grades lie {CLEAR:g} points or more apart, so that the order should not "
                f"matter: {clear_in_words(fitness.clear)}. A judge is not fit to compare where the 95 % "
                f"lower bound of this share, here {percent(fitness.clear.lower)}, lies above "
                f"{percent(MOST_CLEAR_FLIPS)}."
            )
    if (share := position.first_share) is not None:
        yield (
            f"- The answer shown first won {position.first_wins} of the {position.decided} games that had a "
            f"winner ({percent(share)}); without regard to the order it would be half."
        )
    yield (
        f"- Of {asked.n} judgments asked for, {asked.unread} had no verdict that could be read and "
        f"{asked.failed} no reply."
    )
    if grades.n:
        used = ", ".join(f"{grade:g} ({count})" for grade, count in grades.counts.items())
        yield f"- {_tens(grades)}. Grades used: {used}."
    if fitness.noise:
        yield f"- Noise: {_noise(fitness.noise)}. A margin under the floor decides nothing."


def _noise(noise: Noise) -> str:
    changed = noise.changed
    if not changed.hits:
        return f"none of {changed.n} replies was graded otherwise in {noise.repeats} repeats"
    return (
        f"{changed.hits} of {changed.n} replies got several grades in {noise.repeats} repeats; "
        f"within-answer SD {noise.sd:.2f}, noise floor {noise.floor:.3f} points"
    )


def _tens(grades: GradesUsed) -> str:
    return f"{grades.tens} of {grades.n} grades are 10 ({percent(grades.tens / grades.n)})"
