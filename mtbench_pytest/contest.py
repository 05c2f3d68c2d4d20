"""Who answers what, who judges it, and how: what a run is about, before anything is spent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtbench_pytest.drops import FURTHER
from mtbench_pytest.judges.base import CountsRepeats, GameTask, GradeTask, HasGrades, Judge
from mtbench_pytest.models.base import ChatModel, Sampled
from mtbench_pytest.records import SIDES, Answer, AnswerTask, Judgment, Party, Question, Sampling, Side
from mtbench_pytest.suite import Bench

if TYPE_CHECKING:
    from mtbench_pytest.standing import Standing


def sampling_for(
    bench: Bench, question: Question, seed: int, max_new_tokens: int, sample: int = 1
) -> Sampling:
    """How a question is sampled: temperature by category, and a seed of its own derived from the run's.

    Args:
        sample: Which of several answers, from 1; each has a seed of its own.
    """
    further = f":sample {sample}" if sample > 1 else ""
    digest = hashlib.sha256(f"{seed}:{question.question_id}{further}".encode()).digest()
    # 31 bits: some servers take no larger seed.
    own = int.from_bytes(digest[:4], "big") >> 1
    return Sampling(bench.temperature(question.category), own, max_new_tokens)


def is_free(party: object) -> bool:
    """Whether asking a model or judge costs nothing, so that nothing needs to be stored or shared.

    What is recorded or computed at once says so by an attribute `free`; anything else is taken for dear.
    """
    return bool(getattr(party, "free", False))


@dataclass(frozen=True)
class Contest:
    """Who answers what, who judges it, and how.

    Attributes:
        models: By side; where there is one only, nothing is compared.
        judge: None where only answers are wanted.
        seed: Of the run; each question's own seed is derived from it.
        max_new_tokens: Most tokens a reply may have.
        concurrency: Most judge calls under way at once.
        samples: Answers of the candidate to each question.
        repeats: How often each answer is graded; games are played once.
        standing: How a blessed baseline's grades enter; None without one.
    """

    bench: Bench
    models: Mapping[Side, ChatModel]
    judge: Judge | None
    pairwise: bool = True
    seed: int = 0
    max_new_tokens: int = 1024
    concurrency: int = 16
    samples: int = 1
    repeats: int = 1
    standing: Standing | None = None

    def sampling(self, question: Question, sample: int = 1) -> Sampling:
        """How a question is sampled in this contest."""
        return sampling_for(self.bench, question, self.seed, self.max_new_tokens, sample)

    def drawn(self, side: Side) -> int:
        """How many answers to each question stand for a side."""
        if side in self.models and isinstance(model := self.models[side], Sampled):
            return model.recorded_samples
        return self.samples if side == "candidate" else 1

    def varies(self, side: Side, question: Question) -> bool:
        """Whether a further sample can differ from the first.

        On this machine it cannot at temperature 0, where no seed is used; what a server says may even then.
        """
        return not self.models[side].uses_device or self.bench.temperature(question.category) > 0

    @property
    def parties(self) -> dict[Party, ChatModel | Judge]:
        """Models and judge."""
        parties: dict[Party, ChatModel | Judge] = dict(self.models.items())
        return parties if self.judge is None else {**parties, "judge": self.judge}

    @property
    def free(self) -> list[Party]:
        """The parties that cost nothing to ask."""
        return [name for name, party in self.parties.items() if is_free(party)]

    def task(self, question: Question, sample: int = 1) -> AnswerTask:
        """A question to be answered, and how."""
        return AnswerTask(question, self.sampling(question, sample), sample)

    def tasks(self, side: Side, questions: Iterable[Question], sample: int = 1) -> list[AnswerTask]:
        """What a side is asked for one of its samples: for a further one, what can differ from the first."""
        return [
            self.task(question, sample)
            for question in questions
            if sample == 1 or self.varies(side, question)
        ]

    def game_turns(self, question: Question) -> tuple[int, ...]:
        """The turns of a question that are compared pairwise."""
        if not self.pairwise or self.judge is None or len(self.models) < len(SIDES):
            return ()
        return self.judge.game_turns(question)

    def judgments(self, question: Question) -> int:
        """How many judgments a question takes: the grades of each answer, and two games a turn."""
        answers = sum(map(self.drawn, self.models))
        return answers * len(question.turns) * self.repeats + 2 * len(self.game_turns(question))

    def grade_tasks(
        self, question: Question, turn: int, answer: Answer, sample: int = 1
    ) -> tuple[GradeTask, ...]:
        """What the judge is asked about one turn of an answer: the same, once a repeat."""
        return self._grade_tasks(question, turn, answer, sample, range(1, self.repeats + 1))

    def regrade_tasks(self, question: Question, answer: Answer, sample: int = 1) -> tuple[GradeTask, ...]:
        """What it is asked where the question is asked again; of a judge that cannot repeat, what it has."""
        further = range(self.repeats + 1, self.repeats + FURTHER + 1)
        turns = range(1, len(question.turns) + 1)
        tasks = [t for turn in turns for t in self._grade_tasks(question, turn, answer, sample, further)]
        judge = self.judge
        return tuple(t for t in tasks if judge.has_grade(t)) if isinstance(judge, HasGrades) else tuple(tasks)

    def _grade_tasks(
        self, question: Question, turn: int, answer: Answer, sample: int, repeats: Iterable[int]
    ) -> tuple[GradeTask, ...]:
        prompt = self.bench.prompts.pick("single", question, turn).fill(question, answer.turns)
        nonce = self.standing.nonce if self.standing is not None else ""
        return tuple(GradeTask(question, turn, answer, prompt, sample, repeat, nonce) for repeat in repeats)

    def known_grade(self, side: Side, task: GradeTask) -> Judgment | None:
        """A grade that stands from before, so that the judge is not asked."""
        return self.standing.grade(task) if self.standing is not None and side == "baseline" else None

    def game_tasks(
        self, question: Question, turn: int, candidate: Answer, baseline: Answer
    ) -> tuple[GameTask, ...]:
        """Two games, order swapped; the same conversation on both sides is a tie without a call."""
        if candidate.turns[:turn] == baseline.turns[:turn]:
            return ()
        template = self.bench.prompts.pick("pairwise", question, turn)
        return tuple(
            GameTask(question, turn, a, b, template.fill(question, a.turns, b.turns))
            for a, b in ((candidate, baseline), (baseline, candidate))
        )

    def prepare(self, party: Party, questions: Sequence[Question]) -> None:
        """Finds what is wrong with a party before anything is spent.

        Raises:
            MTBenchError: A model or judge that cannot be used.
        """
        if party != "judge":
            self.models[party].prepare(questions)
        elif self.judge is not None:
            names = [self.models[side].name for side in SIDES if side in self.models]
            self.judge.prepare(questions, names, self.pairwise)
            if isinstance(self.judge, CountsRepeats):
                self.judge.prepare_repeats(self.repeats)

    def check_prompts(self, questions: Sequence[Question]) -> None:
        """Looks for a question that no prompt fits.

        Raises:
            MTBenchError: There is one.
        """
        for question in questions if self.judge is not None else ():
            for turn in range(1, len(question.turns) + 1):
                self.bench.prompts.pick("single", question, turn)
                if self.pairwise:
                    self.bench.prompts.pick("pairwise", question, turn)
