"""What critical categories do to whole runs of `suites/sales_zh`: simulated, for no real grades of it exist.

A run has the suite's questions, categories, turns and margins. The true grade of each turn is drawn from 6
to 9 and is the same on both sides; every grade is the true one plus normal noise of a stated SD, rounded and
kept within 1 to 10; comparisons go by the grades, in both orders alike. What breaks a rule is graded twice
more, and the gate decides with all its rules. Then one turn of one critical question is made bad on the
candidate's side, all else left as it is, and the gate decides again.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from _recorded import PROMPT, Winner
from _table import Figure, arguments, finish

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.core.records import SIDES, Game, Judgment, Question, Side, Verdict
from mtbench_pytest.core.row import Row
from mtbench_pytest.findings.critical import JudgeNoise, false_alarm, turns_of_rows
from mtbench_pytest.gate.critical import faults_of
from mtbench_pytest.gate.decide import Policy, decide
from mtbench_pytest.gate.decision import Decision
from mtbench_pytest.gate.drops import FURTHER, asks_again
from mtbench_pytest.run.settings import Sources, read_settings

SEED = 11
BENCH = load_bench(Path(__file__).resolve().parents[1] / "suites" / "sales_zh")
POLICY = read_settings(Sources(lambda _: None)).policy(BENCH.config)
CRITICAL = [question for question in BENCH.questions if POLICY.is_critical(question.category)]
TRUE = range(6, 10)
SDS = (0.5, 1.0)
BAD = ((9, 5), (7, 3), (5, 1), (9, 2))  # a turn's true grade on the baseline's side and on the candidate's
MODELS: Mapping[Side, str] = {"candidate": "new", "baseline": "old"}
OUTCOMES = ("PASS", "REGRESSION", "BELOW FLOOR", "INCONCLUSIVE", "NO VERDICT")

Truth = Mapping[Side, Sequence[float]]
"""By side the true grade of each turn."""


@dataclass
class Judge:
    """A judge that is right on average.

    Attributes:
        sd: Of a single grade, in points.
        again: Whether it grades twice more what breaks a rule.
    """

    sd: float
    generator: random.Random
    again: bool = True

    def grade(self, true: float) -> float:
        """One grade."""
        return float(max(1, min(10, round(self.generator.gauss(true, self.sd)))))

    def row(self, question: Question, truth: Truth, policy: Policy) -> Row:
        """All that a run learns about a question."""
        turns = range(1, len(question.turns) + 1)
        judgments = {side: tuple(self._judgments(question, truth, side, [1])) for side in SIDES}
        row = Row(
            bench=BENCH.name,
            question_id=question.question_id,
            category=question.category,
            turns=len(turns),
            game_turns=tuple(turns),
            judgments=judgments,
            verdicts=tuple(verdict(*both) for both in zip(*judgments.values(), strict=True)),
        )
        if not self.again or not asks_again(policy, row):
            return row
        further = range(2, FURTHER + 2)
        return replace(
            row, regraded={side: tuple(self._judgments(question, truth, side, further)) for side in SIDES}
        )

    def _judgments(
        self, question: Question, truth: Truth, side: Side, repeats: Sequence[int]
    ) -> Iterator[Judgment]:
        about = (MODELS[side], "simulated", PROMPT)
        for turn, true in enumerate(truth[side], 1):
            for repeat in repeats:
                yield Judgment(question.question_id, turn, *about, self.grade(true), "", repeat=repeat)


def verdict(candidate: Judgment, baseline: Judgment) -> Verdict:
    """Both games of a turn, by its grades."""
    ahead = candidate.grade - baseline.grade
    first: Winner = "A" if ahead > 0 else "B" if ahead < 0 else "tie"
    second: Winner = "B" if ahead > 0 else "A" if ahead < 0 else "tie"
    question, turn, models = candidate.question_id, candidate.turn, (candidate.model, baseline.model)
    about = ("simulated", PROMPT)
    games = (
        Game(question, turn, *models, *about, first, ""),
        Game(question, turn, *models[::-1], *about, second, ""),
    )
    return Verdict(question, turn, games)


def gate(rows: Sequence[Row]) -> Decision:
    """The decision of a whole run."""
    return decide(BENCH.name, rows, BENCH.questions, POLICY, pairwise=True)


def equal(question: Question, generator: random.Random) -> Truth:
    """Both sides are as good."""
    grades = [float(generator.choice(TRUE)) for _ in question.turns]
    return dict.fromkeys(SIDES, grades)


@dataclass(frozen=True)
class Seen:
    """Runs of equal models.

    Attributes:
        outcomes: How they ended.
        by_one_turn: The share that a turn of a critical category stopped.
        foretold: The mean of what the report of each says about that.
    """

    outcomes: Counter[str]
    by_one_turn: float
    foretold: float


def equals(sd: float, repeat: int, *, again: bool) -> Seen:
    """Draws runs of equal models."""
    judge = Judge(sd, random.Random(f"{SEED} equal {sd} {again}"), again)
    outcomes, stopped, foretold = Counter[str](), [], []
    for _ in range(repeat):
        rows = [judge.row(q, equal(q, judge.generator), POLICY) for q in BENCH.questions]
        outcomes[gate(rows).outcome] += 1
        stopped.append(any(fault.stands for row in rows for fault in faults_of(row, POLICY)))
        noise = JudgeNoise((sd,), "stated")
        alarm = false_alarm(list(turns_of_rows(rows, POLICY)), noise, 1 + FURTHER if again else 1)
        foretold.append(alarm.chances[sd] if alarm else 0.0)
    return Seen(outcomes, fmean(stopped), fmean(foretold))


def one_bad_turn(before: float, after: float, sd: float, repeat: int) -> Counter[str]:
    """How runs of equal models that pass end, once one turn of a critical question is bad."""
    judge = Judge(sd, random.Random(f"{SEED} {before} {after} {sd}"))
    outcomes = Counter[str]()
    while outcomes.total() < repeat:
        hit = judge.generator.choice(CRITICAL)
        turn = judge.generator.randrange(len(hit.turns))
        good = {q.question_id: equal(q, judge.generator) for q in BENCH.questions}
        grades = list(good[hit.question_id]["baseline"])
        grades[turn] = before
        good[hit.question_id] = dict.fromkeys(SIDES, grades)
        bad: Truth = {"baseline": grades, "candidate": [*grades[:turn], after, *grades[turn + 1 :]]}
        rows = {q.question_id: judge.row(q, good[q.question_id], POLICY) for q in BENCH.questions}
        if gate(list(rows.values())).outcome == "PASS":
            rows[hit.question_id] = judge.row(hit, bad, POLICY)
            outcomes[gate(list(rows.values())).outcome] += 1
    return outcomes


def shares(outcomes: Counter[str]) -> str:
    """In per cent, in the order of `OUTCOMES`."""
    return "".join(f"{100 * outcomes[name] / outcomes.total():>14.1f}" for name in OUTCOMES)


def main() -> int:
    """Simulates and prints."""
    parser = arguments(__doc__, 2000, "runs of each kind")
    options = parser.parse_args()
    turns = sum(len(question.turns) for question in CRITICAL)
    print(f"simulated: {len(BENCH.questions)} questions, {len(CRITICAL)} critical ones of {turns} turns")
    heads = "".join(f"{name:>14}" for name in OUTCOMES)
    print(f"{'equal models':<32}{heads}{'by one turn':>14}{'foretold':>10}")
    figures = []
    for sd in SDS:
        for again in (True, False):
            seen = equals(sd, options.repeat, again=again)
            name = f"judge SD {sd:g}, {1 + FURTHER if again else 1} gradings"
            told = f"{100 * seen.by_one_turn:>14.2f}{100 * seen.foretold:>10.2f}"
            print(f"{name:<32}{shares(seen.outcomes)}{told}", flush=True)
            if again:
                wrong = 100 * seen.outcomes["REGRESSION"] / seen.outcomes.total()
                figures.append(Figure(f"equal is a REGRESSION, judge SD {sd:g}", [wrong], "%", 5))
    print(f"{'runs that pass, with a bad turn':<32}{heads}")
    for sd in SDS:
        for before, after in BAD:
            name = f"judge SD {sd:g}, {before} to {after}"
            print(f"{name:<32}{shares(one_bad_turn(before, after, sd, options.repeat // 4))}", flush=True)
    print()
    return finish(figures)


if __name__ == "__main__":
    sys.exit(main())
