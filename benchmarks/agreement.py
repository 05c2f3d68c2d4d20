"""Table 5 of Zheng et al. 2023 to the vote, and how often the interval of kappa covers what it should.

No network: it reads the votes in ../shared/data. For the coverage the 80 questions are taken for all there
are: n of them are drawn a thousand times, and it is counted how often the interval holds the kappa of the 80.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mtbench_pytest.cli.agreement.table import AUTHORS, agreement
from mtbench_pytest.cli.agreement.text import agreement_lines
from mtbench_pytest.cli.agreement.votes import Vote, read_votes
from mtbench_pytest.gate.stats.kappa import kappa, kappa_interval

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "human"
SIZES = (80, 20, 10)  # all questions, a small bench, a category
DRAWS, RESAMPLES = 1000, 1000
BAR = (0.93, 0.97)

TABLE_5 = {
    (1, True): ((886, 1343), (454, 721)),
    (1, False): ((727, 859), (388, 479)),
    (2, True): ((871, 1325), (471, 707)),
    (2, False): ((731, 864), (388, 474)),
}


def tables(judge: list[Vote], human: list[Vote]) -> NDArray[np.int64]:
    """By question the verdicts against the votes, each with the two models in both orders."""
    verdicts = {vote.about: vote.winner for vote in judge}
    questions = sorted({vote.question_id for vote in human}, key=str)
    found = np.zeros((len(questions), 3, 3), dtype=np.int64)
    for vote in human:
        for order in (("first", "second", "tie"), ("second", "first", "tie")):
            cell = order.index(verdicts[vote.about]), order.index(vote.winner)
            found[(questions.index(vote.question_id), *cell)] += 1
    return found


def coverage(every: NDArray[np.int64], n: int) -> tuple[float, float, float]:
    """Shares of intervals that hold kappa, lie below and lie above it."""
    true = float(kappa(every.sum(axis=0)))
    rng = np.random.default_rng(n)
    ends = np.array(
        [
            kappa_interval(every[rng.integers(0, len(every), n)], seed, resamples=RESAMPLES)
            for seed in range(DRAWS)
        ]
    )
    below, above = float((ends[:, 1] < true).mean()), float((ends[:, 0] > true).mean())
    return 1 - below - above, below, above


def main() -> int:
    """Counts and prints."""
    if not DATA.is_dir():
        print(f"{DATA}: no such folder; expected the public records beside the project", file=sys.stderr)
        return 2
    judge, human = read_votes(DATA / "gpt4_pair.jsonl"), read_votes(DATA / "human.jsonl")
    found = agreement(judge, human)
    print("\n".join(agreement_lines(found)))
    counted = {
        (line.turn, line.ties): tuple((count.agree, count.n) for count in (line.judge, line.people))
        for line in found.turns
    }
    exact = counted == TABLE_5
    print(f"\ntable 5 to the vote: {'yes' if exact else 'NO'}\n")
    every = tables(judge, [vote for vote in human if not vote.voter.startswith(AUTHORS)])
    held = True
    for n in SIZES:
        inside, below, above = coverage(every, n)
        held = held and BAR[0] <= inside <= BAR[1]
        print(
            f"{n:>3} questions: {100 * inside:.1f} % of the 95 % intervals cover, "
            f"{100 * below:.1f} % lie below, {100 * above:.1f} % above"
        )
    return 0 if exact and held else 1


if __name__ == "__main__":
    sys.exit(main())
