"""Who answers what, who judges it, and how: what a run is about, before anything is spent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbench_pytest.judges.base import Judge
from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.records import SIDES, Question, Sampling, Side
from mtbench_pytest.suite import Bench


def sampling_for(bench: Bench, question: Question, seed: int, max_new_tokens: int) -> Sampling:
    """How a question is sampled: temperature by category, and a seed of its own derived from the run's."""
    digest = hashlib.sha256(f"{seed}:{question.question_id}".encode()).digest()
    # 31 bits: some servers take no larger seed.
    own = int.from_bytes(digest[:4], "big") >> 1
    return Sampling(bench.temperature(question.category), own, max_new_tokens)


@dataclass(frozen=True)
class Contest:
    """Who answers what, who judges it, and how.

    Attributes:
        models: By side; a contest without a judge may have one side only.
        judge: None where only answers are wanted.
        seed: Of the run; each question's own seed is derived from it.
        max_new_tokens: Most tokens a reply may have.
        concurrency: Most judge calls under way at once.
    """

    bench: Bench
    models: Mapping[Side, ChatModel]
    judge: Judge | None
    pairwise: bool = True
    seed: int = 0
    max_new_tokens: int = 1024
    concurrency: int = 16

    def sampling(self, question: Question) -> Sampling:
        """How a question is sampled in this contest."""
        return sampling_for(self.bench, question, self.seed, self.max_new_tokens)

    def prepare(self, questions: Sequence[Question]) -> None:
        """Finds what can be found before anything is spent.

        Raises:
            MTBenchError: A question no prompt fits, a model or judge that cannot be used.
        """
        if self.judge is not None:
            for question in questions:
                self._check_prompts(question)
            self.judge.prepare(questions, [self.models[side].name for side in SIDES], self.pairwise)
        for model in self.models.values():
            model.prepare(questions)

    def _check_prompts(self, question: Question) -> None:
        for turn in range(1, len(question.turns) + 1):
            self.bench.prompts.pick("single", question, turn)
            if self.pairwise:
                self.bench.prompts.pick("pairwise", question, turn)
