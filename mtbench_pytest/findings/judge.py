"""Whether the judge is any good: for `result.json`, for the report and for the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtbench_pytest.core.records import SIDES, JudgeFailure, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.core.text import percent
from mtbench_pytest.findings.noise import Noise, run_noise
from mtbench_pytest.gate.comparisons import (
    CLEAR,
    ENOUGH_COMPARED,
    MOST_CLEAR_FLIPS,
    clear_flips,
    flips_of,
    why_unfit,
)
from mtbench_pytest.gate.stats.proportions import Share

_ENOUGH_GRADES = 20  # from fewer, nothing is said of their spread

_MOST = 0.80  # the share of one grade from which they hardly vary, and of the flips from which they lean

_FAILED = 0.05  # the share of failures that is worth a warning

_LEANING = 10  # flips from which it is told where they lean


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


@dataclass(frozen=True, slots=True)
class Position:
    """What the order of two answers did to their comparison.

    Attributes:
        flips: The comparisons whose two games disagree, among those of which both were played.
        toward_first: Of these, those that lean to the answer shown first, whichever it was.
        toward_second: The same of the second.
        first_wins: Games won by the answer shown first.
        decided: Games that had a winner. The two games of a comparison have the order swapped, so without
            regard to the order half of these are won by the answer shown first.
    """

    flips: Share
    toward_first: int
    toward_second: int
    first_wins: int
    decided: int

    @property
    def first_share(self) -> float | None:
        """The share of the decided games that the first answer won; None where none was decided."""
        return self.first_wins / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the judge was asked, and what could not be had.

    Attributes:
        n: Grades and games.
        unread: Of these, those whose reply held no verdict, twice.
        failed: Those without a reply.
    """

    n: int
    unread: int
    failed: int


@dataclass(frozen=True, slots=True)
class GradesUsed:
    """The grades of both sides.

    Attributes:
        counts: How often each grade was given, the lowest first.
    """

    counts: Mapping[float, int]

    @property
    def n(self) -> int:
        """How many were given."""
        return sum(self.counts.values())

    @property
    def tens(self) -> int:
        """How many of them are the highest there is: a better answer could not have shown."""
        return self.counts.get(10.0, 0)

    @property
    def commonest(self) -> tuple[float, int]:
        """The grade given most often, and how often."""
        return max(self.counts.items(), key=lambda item: item[1])


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a run shows of its judge.

    Attributes:
        clear: The comparisons that flip, of those that should be clear: see `gate/comparisons.py`.
        unfit: Why nothing may rest on its comparisons, or "".
        noise: None where no answer was graded more than once.
    """

    position: Position
    clear: Share
    unfit: str
    asked: Asked
    grades: GradesUsed
    noise: Noise | None = None

    @property
    def fit(self) -> bool | None:
        """Whether the judge may compare answers; None where too little was clear to tell."""
        if self.unfit:
            return False
        return True if self.clear.n >= ENOUGH_COMPARED else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the figures has to know, a sentence each."""
        return tuple(_warnings(self))


def judge_fitness(rows: Sequence[Row]) -> Fitness:
    """What a run's rows show of its judge."""
    verdicts = (verdict for row in rows for verdict in row.verdicts)
    return Fitness(
        position_of(verdicts),
        clear_flips(rows),
        why_unfit(rows),
        _asked(rows),
        grades_used(_grades(rows)),
        run_noise(rows),
    )


def position_of(verdicts: Iterable[Verdict]) -> Position:
    """What the order of the answers did; ties of identical answers, which no judge saw, are passed over."""
    played = [verdict for verdict in verdicts if verdict.games]
    leans: list[int] = []
    shown: Counter[str] = Counter()
    for verdict in played:
        winners = [game.winner for game in verdict.games]
        shown.update(winners)
        if not verdict.consistent:
            leans.append(winners.count("A") - winners.count("B"))
    return Position(
        flips=flips_of(played),
        toward_first=sum(lean > 0 for lean in leans),
        toward_second=sum(lean < 0 for lean in leans),
        first_wins=shown["A"],
        decided=shown["A"] + shown["B"],
    )


def grades_used(grades: Iterable[float]) -> GradesUsed:
    """How often each grade was given."""
    return GradesUsed(dict(sorted(Counter(grades).items())))


def flips_in_words(position: Position) -> str:
    """How often the order decided."""
    flips = position.flips
    if flips.n < ENOUGH_COMPARED:
        return (
            f"{flips.hits} of {flips.n} comparisons flip with the order, of too few to tell: "
            f"it takes {ENOUGH_COMPARED}"
        )
    return (
        f"{flips.hits} of {flips.n} comparisons flip with the order ({percent(flips.value)}, "
        f"95 % bounds {percent(flips.lower)} and {percent(flips.upper)})"
    )


def clear_in_words(clear: Share) -> str:
    """How often the order decided what should be clear."""
    return f"{clear.hits} of the {clear.n} clear ones do ({percent(clear.value)})"


def _asked(rows: Sequence[Row]) -> Asked:
    failures = [failure for row in rows for failure in row.failures if isinstance(failure, JudgeFailure)]
    unread = sum(failure.unread for failure in failures)
    return Asked(sum(map(_asked_about, rows)), unread, len(failures) - unread)


def _asked_about(row: Row) -> int:
    """Grades and games. A game whose twin failed is in no verdict, and was asked for."""
    graded = sum(len(judgments) for side in SIDES for _, judgments in row.answered(side))
    graded += sum(isinstance(failure, JudgeFailure) and len(failure.models) == 1 for failure in row.failures)
    if not all(side in row.answers for side in SIDES):
        return graded
    identical = sum(not verdict.games for verdict in row.verdicts)
    return graded + 2 * (len(row.game_turns) - identical)


def _grades(rows: Sequence[Row]) -> Iterator[float]:
    for row in rows:
        for side in SIDES:
            for _, judgments in row.answered(side):
                yield from (judgment.grade for judgment in judgments)


def _warnings(fitness: Fitness) -> Iterator[str]:
    if fitness.unfit:
        yield fitness.unfit
    position = fitness.position
    leaning = max(position.toward_first, position.toward_second)
    if position.flips.hits >= _LEANING and leaning >= _MOST * position.flips.hits:
        place = "first" if leaning == position.toward_first else "second"
        yield f"{leaning} of {position.flips.hits} flips favour the answer shown {place}"
    asked = fitness.asked
    if asked.unread + asked.failed > _FAILED * asked.n:
        yield f"{asked.unread + asked.failed} of {asked.n} judgments could not be had"
    yield from _spread_warnings(fitness.grades)


def _spread_warnings(grades: GradesUsed) -> Iterator[str]:
    if grades.n < _ENOUGH_GRADES:
        return
    used = [f"{grade:g}" for grade in grades.counts]
    if len(used) == 1:
        yield f"all {grades.n} grades are {used[0]}: no difference can show"
    elif len(used) == 2:
        yield f"only two grades are used, {used[0]} and {used[1]}"
    elif (most := grades.commonest)[1] >= _MOST * grades.n:
        yield (
            f"the grades hardly vary: {most[1]} of {grades.n} are {most[0]:g}, "
            "and differences between such answers do not show"
        )
