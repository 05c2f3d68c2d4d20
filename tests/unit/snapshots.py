"""Snapshots for tests: one question, both sides judged, whatever a test is not about filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mtbench_pytest.core.records import Answer, Prompt, Question, Reply, Sampling, Side, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.run.snapshots.snapshot import About, JudgeSnapshot, Snapshot, snapshot_of
from tests.unit.factories import question, row

JUDGE = JudgeSnapshot("judge", "openai:judge", {"kind": "openai", "model": "judge", "temperature": 0.0})
SAMPLING = Sampling(0.7, 5, 64)
ABOUT = About(
    sampling=SAMPLING,
    samples=1,
    repeats=1,
    pairwise=True,
    judges=(JUDGE,),
    specs={"candidate": "demo", "baseline": "openai:old"},
    keys={"candidate": ["c" * 64], "baseline": ["b" * 64]},
)


def said(*texts: str, **fields: Any) -> tuple[Reply, ...]:
    return tuple(Reply(text, **fields) for text in texts)


def judged(
    candidate: Sequence[str] = ("new 1", "new 2"),
    baseline: Sequence[str] = ("old 1", "old 2"),
    grades: Sequence[float] = (8, 6),
    verdicts: Sequence[Verdict] = (),
    template: str = "Q {} A {}",
    reasons: str = "",
) -> Row:
    """A row whose prompts hold the answers, as real ones do; both sides have the same grades."""
    answers: dict[Side, Answer] = {
        "candidate": Answer(1, "cand", said(*candidate), {"dtype": "float32"}),
        "baseline": Answer(1, "base", said(*baseline)),
    }
    plain = row(1, grades, grades, answers=answers, game_turns=[v.turn for v in verdicts])

    def prompted(side: Side) -> Any:
        turns = answers[side].turns
        return tuple(
            replace(
                one,
                prompt=Prompt("one", "Be fair.", template.format(one.turn, turns[: one.turn])),
                text=reasons or one.text,
            )
            for one in plain.judgments[side]
        )

    shown = answers["candidate"].turns, answers["baseline"].turns
    return replace(
        plain,
        judgments={"candidate": prompted("candidate"), "baseline": prompted("baseline")},
        verdicts=tuple(_prompted(verdict, *shown) for verdict in verdicts),
    )


def _prompted(verdict: Verdict, candidate: Sequence[str], baseline: Sequence[str]) -> Verdict:
    if not verdict.games:
        return verdict
    first, second = (
        replace(game, prompt=Prompt("pair", "", f"{one[: verdict.turn]} against {two[: verdict.turn]}"))
        for game, one, two in zip(verdict.games, (candidate, baseline), (baseline, candidate), strict=True)
    )
    return replace(verdict, games=(first, second))


def snapshot(about: About = ABOUT, asked: Question | None = None, **fields: Any) -> Snapshot:
    return snapshot_of(judged(**fields), asked or question(), about)
