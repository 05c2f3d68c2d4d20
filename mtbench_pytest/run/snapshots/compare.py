"""What matters in two snapshots of one question, compared and told in a few lines.

Answers, prompts, grades and winners matter; prose does not: a judge may put the same grade differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from math import inf

from mtbench_pytest.core.records import SIDES
from mtbench_pytest.core.text import one_line
from mtbench_pytest.run.snapshots.snapshot import Comparison, Grading, Played, Snapshot, Turn

_WIDTH = 100


def differences(old: Snapshot, new: Snapshot, tolerance: float = 0.0) -> list[str]:
    """What moved since `old` was recorded, turn by turn, and why it matters; empty where nothing did.

    Args:
        tolerance: Points by which a grade may move.
    """
    if old.sha256 != new.sha256:
        return ["the question changed: its answers and grades are another question's"]
    lines = []
    if _judges(old) != _judges(new):
        lines.append(
            f"another judge: {_named(old)} -> {_named(new)}, "
            "or other settings of it; grades of two judges cannot be compared"
        )
    for side in SIDES:
        before, now = old.sides[side].answers, new.sides[side].answers
        if len(before) != len(now):
            lines.append(f"{side}: {len(now)} answers to the question, {len(before)} before")
        for number, (was, is_) in enumerate(zip(before, now, strict=False), 1):
            whose = f"{side}, sample {number}" if len(before) > 1 else side
            if len(was.turns) != len(is_.turns):
                lines.append(f"{whose}: {len(is_.turns)} turns, {len(was.turns)} before")
            lines += _answer(was.turns, is_.turns, whose, tolerance)
    lines += _games(old, new)
    return lines


def _judges(snapshot: Snapshot) -> list[tuple[str, object]]:
    return [(judge.name, judge.identity) for judge in snapshot.judges]


def _named(snapshot: Snapshot) -> str:
    return ", ".join(f"{judge.name} ({judge.spec})" for judge in snapshot.judges)


def _answer(old: Sequence[Turn], new: Sequence[Turn], whose: str, tolerance: float) -> Iterator[str]:
    changed = 0
    for turn, (was, is_) in enumerate(zip(old, new, strict=False), 1):
        where = f"turn {turn}, {whose}"
        grades, (then, *_), (now, *_) = _moved(was, is_), was.gradings, is_.gradings
        if was.reply.text != is_.reply.text:
            changed = changed or turn
            yield f"{where}: the answer changed, {grades}"
            yield from _replies(was, is_)
            yield from _reasons(then, now)
        elif was.reply.capped != is_.reply.capped:
            cut = "is cut off now" if is_.reply.capped else "is not cut off any more"
            yield f"{where}: the same answer {cut}, {grades}"
        elif then.sha256 != now.sha256:
            why = f"the same answer after another one in turn {changed}" if changed else ""
            yield f"{where}: {why or _prompt(then, now)}, {grades}"
        elif abs(is_.grade - was.grade) > tolerance:
            yield f"{where}: {grades} for the same answer and prompt"
            yield from _reasons(then, now)


def _games(old: Snapshot, new: Snapshot) -> Iterator[str]:
    before, now = map(_by_turn, (old, new))
    for turn in sorted({*before, *now}):
        if turn not in now:
            yield f"turn {turn}: not compared pairwise any more"
        elif turn not in before:
            yield f"turn {turn}: compared pairwise, which it was not"
        else:
            for was, is_ in _of_one_judge(before[turn], now[turn]):
                whose = f", {is_.judge}" if len(now[turn]) > 1 else ""
                yield from _comparison(was, is_, whose, told=_first_change(old, new) <= turn)


def _by_turn(snapshot: Snapshot) -> dict[int, dict[str, Comparison]]:
    """By turn the comparisons, by judge."""
    found: dict[int, dict[str, Comparison]] = {}
    for one in snapshot.comparisons:
        found.setdefault(one.turn, {})[one.judge] = one
    return found


def _of_one_judge(
    old: Mapping[str, Comparison], new: Mapping[str, Comparison]
) -> Iterator[tuple[Comparison, Comparison]]:
    """What to compare with what: that another judge judged is told elsewhere."""
    if "" in old or "" in new:  # a tie without games, of all judges
        yield next(iter(old.values())), next(iter(new.values()))
        return
    yield from ((old[judge], new[judge]) for judge in new if judge in old)


def _first_change(old: Snapshot, new: Snapshot) -> float:
    """The first turn in which some side's answer changed, from which on all prompts did."""
    firsts = [(old.sides[side].answers[0].turns, new.sides[side].answers[0].turns) for side in SIDES]
    changed = (
        turn
        for before, now in firsts
        for turn, (was, is_) in enumerate(zip(before, now, strict=False), 1)
        if was.reply.text != is_.reply.text
    )
    return min(changed, default=inf)


def _comparison(old: Comparison, new: Comparison, whose: str, *, told: bool) -> Iterator[str]:
    """One judge's games of a turn.

    Args:
        whose: Says which judge's they are, where there are several.
        told: That its answers changed has been said, and so their prompts did.
    """
    if bool(old.games) != bool(new.games):
        when = "are" if old.games else "were"
        yield f"turn {new.turn}: the two answers {when} the same, a tie without games"
    for number, (was, is_) in enumerate(zip(old.games, new.games, strict=False)):
        where = f"turn {new.turn}, game {number + 1} ({SIDES[number]} first){whose}"
        if was.winner != is_.winner:
            same = " for the same prompt" if was.sha256 == is_.sha256 else ""
            yield f"{where}: winner {was.winner} -> {is_.winner}{same}"
            yield from _reasons(was, is_)
        elif was.sha256 != is_.sha256 and not told:
            yield f"{where}: {_prompt(was, is_)}"


def _moved(was: Turn, is_: Turn) -> str:
    if was.grade == is_.grade:
        return f"grade {was.grade:g} as before"
    return f"grade {was.grade:g} -> {is_.grade:g} ({is_.grade - was.grade:+g})"


def _prompt(was: Grading | Played, is_: Grading | Played) -> str:
    name = f"{was.prompt} -> {is_.prompt}" if was.prompt != is_.prompt else is_.prompt
    return f"the judge's prompt or the reference changed ({name}), so the two cannot be compared"


def _replies(was: Turn, is_: Turn) -> Iterator[str]:
    """The first line that differs, old and new."""
    pairs = zip_longest(was.reply.text.split("\n"), is_.reply.text.split("\n"), fillvalue="")
    number, (old, new) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    yield f"  - line {number}: {_short(old)}"
    yield f"  + line {number}: {_short(new)}"


def _reasons(was: Grading | Played, is_: Grading | Played) -> Iterator[str]:
    if was.text != is_.text:
        yield f"  - the judge: {_short(was.text)}"
        yield f"  + the judge: {_short(is_.text)}"


def _short(text: str) -> str:
    return one_line(text, _WIDTH)
