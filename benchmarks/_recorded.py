"""Real judgments beside the project (`../shared/data`): two models under one judge, as rows of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.core.records import SIDES, Game, Judgment, Prompt, Side, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.judges.fastchat import PairLine, PairWinner, SingleLine, binding, read_judgments

Values = NDArray[np.float64]
Winner = Literal["A", "B", "tie"]

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
# Judgments, and the bench whose questions they are about.
RECORDS = {
    "mt_bench/model_judgment": "mt_bench",
    "judge_qwen32": "mt_bench",
    "mt_bench_llama3/model_judgment": "mt_bench_llama3",
}
BROKEN = "mt_bench_llama3/model_judgment"  # its one pair is a model and the same one broken
PROMPT = Prompt("recorded", "", "")


def need_data() -> None:
    """Ends the script where the records are not there."""
    if not DATA.is_dir():
        raise SystemExit(f"{DATA}: no such folder; expected the public records beside the project")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models under one judge, one row a question of the bench; the weaker is the candidate.

    A judgment that failed is missing from its row.
    """

    candidate: str
    baseline: str
    judge: str
    rows: Sequence[Row]

    @property
    def name(self) -> str:
        """For a table."""
        return f"{short(self.candidate)} - {short(self.baseline)}"

    @property
    def differences(self) -> Values:
        """Grade differences by question."""
        return np.array([row.difference for row in self.rows if row.difference is not None], float)

    @property
    def scores(self) -> Values:
        """Pairwise scores by question; empty without games."""
        return np.array([row.score for row in self.rows if row.score is not None], float)


def pairs(records: Collection[str] = tuple(RECORDS)) -> Iterator[Pair]:
    """Every two models of a bench that a judge graded, with the games that it judged in both orders."""
    for source in records:
        bench = RECORDS[source]
        recorded = read_judgments(DATA / source)
        categories = {q.question_id: q.category for q in load_bench(DATA / bench).questions}
        for judge in recorded.judges:
            grades = binding(line for line in recorded.singles if line.judge == judge and line.valid)
            games = binding(line for line in recorded.pairs if line.judge == judge and line.valid)
            for one, other in combinations(sorted({line.model for line in grades.values()}), 2):
                pair = _pair(one, other, judge, categories, grades, games)
                weaker = pair if pair.differences.mean() <= 0 else None
                yield weaker or _pair(other, one, judge, categories, grades, games)


def _pair(
    candidate: str,
    baseline: str,
    judge: str,
    categories: Mapping[int | str, str],
    grades: Mapping[tuple[object, ...], SingleLine],
    games: Mapping[tuple[object, ...], PairLine],
) -> Pair:
    models: dict[Side, str] = {"candidate": candidate, "baseline": baseline}
    rows = []
    for asked, category in categories.items():
        game = games.get((asked, 2, frozenset((candidate, baseline)), judge))
        rows.append(
            Row(
                bench="recorded",
                question_id=asked,
                category=category,
                turns=2,
                game_turns=(2,) if game else (),
                judgments={
                    side: tuple(
                        Judgment(asked, turn, model, judge, PROMPT, line.score, "")
                        for turn in (1, 2)
                        if (line := grades.get((asked, turn, model, judge))) is not None
                    )
                    for side, model in models.items()
                },
                verdicts=(_verdict(game, candidate, baseline),) if game else (),
            )
        )
    return Pair(candidate, baseline, judge, rows)


def _verdict(line: PairLine, candidate: str, baseline: str) -> Verdict:
    """Both games; the candidate stands first in the first, as rows have it."""
    winners: list[PairWinner] = list(line.winners)
    if line.model_1 != candidate:
        winners.reverse()
    first: dict[str, Winner] = {candidate: "A", baseline: "B"}
    second: dict[str, Winner] = {candidate: "B", baseline: "A"}
    names = {"model_1": line.model_1, "model_2": line.model_2}
    won = [names.get(winner, "tie") for winner in winners]
    about = (line.judge, PROMPT)
    return Verdict(
        line.question_id,
        line.turn,
        (
            Game(line.question_id, line.turn, candidate, baseline, *about, first.get(won[0], "tie"), ""),
            Game(line.question_id, line.turn, baseline, candidate, *about, second.get(won[1], "tie"), ""),
        ),
    )


def swapped(row: Row) -> Row:
    """The same question with the sides swapped."""
    return replace(
        row,
        judgments={"candidate": row.judgments["baseline"], "baseline": row.judgments["candidate"]},
        verdicts=tuple(Verdict(v.question_id, v.turn, v.games[::-1]) for v in row.verdicts),
    )


def panels(found: Sequence[Pair]) -> Iterator[Pair]:
    """Every two models under all the judges that judged them, as a panel; the weaker is the candidate."""
    by_models: dict[frozenset[str], list[Pair]] = defaultdict(list)
    for pair in found:
        by_models[frozenset((pair.candidate, pair.baseline))].append(pair)
    for pairs_of in by_models.values():
        first = pairs_of[0]
        sides = [
            pair.rows if pair.candidate == first.candidate else list(map(swapped, pair.rows))
            for pair in pairs_of
        ]
        rows = [_joined(rows, [pair.judge for pair in pairs_of]) for rows in zip(*sides, strict=True)]
        panel = Pair(first.candidate, first.baseline, "panel", rows)
        if panel.differences.mean() > 0:
            panel = Pair(first.baseline, first.candidate, "panel", list(map(swapped, rows)))
        yield panel


def _joined(rows: Sequence[Row], judges: Sequence[str]) -> Row:
    """What several judges said about one question."""
    return replace(
        rows[0],
        judges=tuple(judges),
        game_turns=max((row.game_turns for row in rows), key=len),
        judgments={side: tuple(one for row in rows for one in row.judgments[side]) for side in SIDES},
        verdicts=tuple(verdict for row in rows for verdict in row.verdicts),
    )


def voted() -> Iterator[tuple[str, Values]]:
    """GPT-4's verdicts of the human votes: scores by question, both turns, of every two of six models."""
    turns: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for text in (DATA / "human" / "gpt4_pair.jsonl").read_text("utf-8").splitlines():
        vote = json.loads(text)
        one, other = sorted((vote["model_a"], vote["model_b"]))
        score = {one: 1.0, other: 0.0}.get(vote.get(vote["winner"], "tie"), 0.5)
        turns[one, other][vote["question_id"]].append(score)
    for (one, other), by_question in sorted(turns.items()):
        scores = [float(np.mean(both)) for both in by_question.values()]
        yield f"{one} - {other}, gpt-4", np.array(scores)


def short(model: str) -> str:
    """A model's name, short enough for a table."""
    return model.removeprefix("Meta-").split("-")[-1 if "Llama-3-8B" in model else 0]
