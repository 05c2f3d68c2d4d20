"""A judge's agreement with people: for the terminal, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mtbench_pytest.cli.agreement.table import Accord, Agreement, Count
from mtbench_pytest.core.text import columns, one_line, percent

_NAME = 18  # columns for what a line is about


def agreement_result(found: Agreement) -> dict[str, Any]:
    """The figures for programs; a share or kappa that is not defined is null."""
    return {
        "judge": found.judge,
        "turns": [
            {
                "turn": line.turn,
                "ties": line.ties,
                "judge": _counted(line.judge),
                "people": _counted(line.people),
            }
            for line in found.turns
        ],
        "overall": {"judge": accord_result(found.overall), "people": accord_result(found.people)},
        "categories": [
            {
                "category": line.category,
                "judge": accord_result(line.judge),
                "people": accord_result(line.people),
            }
            for line in found.categories
        ],
        "votes": asdict(found.electorate),
    }


def accord_result(accord: Accord) -> dict[str, Any]:
    """One kind of voters with another, as JSON."""
    interval = None if accord.lower is None else [accord.lower, accord.upper]
    return {
        **_counted(accord.count),
        "questions": accord.questions,
        "kappa": accord.kappa,
        "kappa_interval": interval,
    }


def _counted(count: Count) -> dict[str, Any]:
    return {"agree": count.agree, "n": count.n, "share": count.share}


def agreement_lines(found: Agreement) -> Iterator[str]:
    """The tables for people, at most 80 columns wide."""
    yield from _heads(found)
    yield ""
    yield f"{'':<{_NAME}}{'judge with people':>26}{'people with people':>28}"
    for line in found.turns:
        name = f"turn {line.turn}, ties {'in' if line.ties else 'out'}"
        yield f"{name:<{_NAME}}{_share(line.judge):>26}{_share(line.people):>28}"
    yield ""
    yield f"{'ties in':<{_NAME}}" + "  votes   agree  kappa  95 % interval    pairs   agree  kappa"
    yield _row("all turns", found.overall, found.people)
    for category in found.categories:
        yield _row(category.category, category.judge, category.people)


def _row(name: str, judge: Accord, people: Accord) -> str:
    shown = one_line(name, _NAME - 1)
    return (
        f"{shown}{' ' * (_NAME - columns(shown))}{judge.count.n:>7,}{_percent(judge.count):>8}"
        f"{_kappa(judge):>7}{_interval(judge):>15}"
        f"{people.count.n:>9,}{_percent(people.count):>8}{_kappa(people):>7}"
    )


def _heads(found: Agreement) -> Iterator[str]:
    votes = found.electorate
    ties = f"; {votes.inconsistent:,} are ties because its two orders disagree" if votes.inconsistent else ""
    yield f"judge {found.judge}: {votes.verdicts:,} verdicts{ties}"
    yield f"people: {votes.votes:,} votes of {votes.people} on {found.overall.questions} questions"
    left_out = (
        (votes.aside, "votes of people whom --set-aside names"),
        (votes.elsewhere, "votes on questions that are not in the bench"),
        (votes.unmatched, "votes on what the judge did not compare"),
        (votes.replaced, "replaced by a later one of the same voter"),
        (votes.failed, "failed calls of the judge"),
    )
    yield from (f"left out: {count:,} {what}" for count, what in left_out if count)


def _share(count: Count) -> str:
    return f"{_percent(count)}  {count.agree:>6,} of {count.n:>6,}"


def _percent(count: Count) -> str:
    return "-" if count.share is None else percent(count.share)


def _kappa(accord: Accord) -> str:
    return "-" if accord.kappa is None else f"{accord.kappa:.2f}"


def _interval(accord: Accord) -> str:
    if accord.lower is None or accord.upper is None:
        return "-"
    return f"{accord.lower:.2f} to {accord.upper:.2f}"
