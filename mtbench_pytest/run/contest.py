"""Who answers what, who judges it, and how: what a run is about, before anything is spent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mtbench_pytest.bench.bench import Bench
from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerTask,
    GameTask,
    GradeTask,
    Judgment,
    Question,
    Sampling,
    Side,
)
from mtbench_pytest.gate.drops import FURTHER
from mtbench_pytest.judges.base import CountsRepeats, HasGrades, Judge
from mtbench_pytest.models.base import ChatModel, Sampled
from mtbench_pytest.run.standing import Standing


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

    What is recorded or computed at once says so by an attribute `free`; anything else counts as paid.
    """
    return bool(getattr(party, "free", False))


def as_party(judge: str) -> str:
    """How a judge is called among the parties, where the models are called by their sides."""
    return f"judge {judge}"


@dataclass(frozen=True)
class Contest:
    """Who answers what, who judges it, and how.

    Attributes:
        models: By side; where there is one only, nothing is compared.
        judges: By a name that no two of them have, in the order given; none where only answers are wanted.
        seed: Of the run; each question's own seed is derived from it.
        max_new_tokens: Most tokens a reply may have.
        concurrency: Most judge calls under way at once, of all judges together.
        samples: Answers of the candidate to each question.
        repeats: How often each answer is graded; games are played once.
        standings: By judge how a blessed baseline's grades enter; none without one.
        left: By name the judges that left the panel before anything was asked, and why.
    """

    bench: Bench
    models: Mapping[Side, ChatModel]
    judges: Mapping[str, Judge]
    pairwise: bool = True
    seed: int = 0
    max_new_tokens: int = 1024
    concurrency: int = 16
    samples: int = 1
    repeats: int = 1
    standings: Mapping[str, Standing] = field(default_factory=dict)
    left: Mapping[str, str] = field(default_factory=dict)

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
    def parties(self) -> dict[str, ChatModel | Judge]:
        """Models by side, and judges: see `as_party`."""
        parties: dict[str, ChatModel | Judge] = dict(self.models.items())
        return parties | {as_party(name): judge for name, judge in self.judges.items()}

    @property
    def free(self) -> list[str]:
        """The parties that cost nothing to ask."""
        return [name for name, party in self.parties.items() if is_free(party)]

    @property
    def all_free(self) -> bool:
        """Whether no party costs anything."""
        return len(self.free) == len(self.parties)

    @property
    def is_panel(self) -> bool:
        """Whether several judges judge."""
        return len(self.judges) > 1

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
        """The turns of a question that are compared pairwise: those that every judge can compare."""
        if not self.pairwise or not self.judges or len(self.models) < len(SIDES):
            return ()
        first, *others = (judge.game_turns(question) for judge in self.judges.values())
        return tuple(turn for turn in first if all(turn in turns for turns in others))

    def judgments(self, question: Question) -> int:
        """How many judgments a question takes: each judge's grades of each answer, and two games a turn."""
        answers = sum(map(self.drawn, self.models))
        own = answers * len(question.turns) * self.repeats + 2 * len(self.game_turns(question))
        return own * max(len(self.judges), 1)

    def grade_tasks(
        self, judge: str, question: Question, turn: int, answer: Answer, sample: int = 1
    ) -> tuple[GradeTask, ...]:
        """What a judge is asked about one turn of an answer: the same, once a repeat."""
        return self._grade_tasks(judge, question, turn, answer, sample, range(1, self.repeats + 1))

    def regrade_tasks(
        self, judge: str, question: Question, answer: Answer, sample: int = 1
    ) -> tuple[GradeTask, ...]:
        """What it is asked where the question is asked again; of a judge that cannot repeat, what it has."""
        further = range(self.repeats + 1, self.repeats + FURTHER + 1)
        turns = range(1, len(question.turns) + 1)
        about = (sample, further)
        tasks = [t for turn in turns for t in self._grade_tasks(judge, question, turn, answer, *about)]
        who = self.judges[judge]
        return tuple(t for t in tasks if who.has_grade(t)) if isinstance(who, HasGrades) else tuple(tasks)

    def _grade_tasks(
        self,
        judge: str,
        question: Question,
        turn: int,
        answer: Answer,
        sample: int,
        repeats: Iterable[int],
    ) -> tuple[GradeTask, ...]:
        prompt = self.bench.prompts.pick("single", question, turn).fill(question, answer.turns)
        nonce = self.standings[judge].nonce if judge in self.standings else ""
        return tuple(GradeTask(question, turn, answer, prompt, sample, repeat, nonce) for repeat in repeats)

    def known_grade(self, judge: str, side: Side, task: GradeTask) -> Judgment | None:
        """A judge's grade that stands from before, so that it is not asked."""
        if side != "baseline" or judge not in self.standings:
            return None
        return self.standings[judge].grade(task)

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

    def prepare(self, party: str, questions: Sequence[Question]) -> None:
        """Finds what is wrong with a party before anything is spent.

        Raises:
            MTBenchError: A model or judge that cannot be used.
        """
        judges = {as_party(name): judge for name, judge in self.judges.items()}
        if party in judges:
            self._prepare_judge(judges[party], questions)
        else:
            {str(side): model for side, model in self.models.items()}[party].prepare(questions)

    def _prepare_judge(self, judge: Judge, questions: Sequence[Question]) -> None:
        names = [self.models[side].name for side in SIDES if side in self.models]
        judge.prepare(questions, names, self.pairwise)
        if isinstance(judge, CountsRepeats):
            judge.prepare_repeats(self.repeats)

    def check_prompts(self, questions: Sequence[Question]) -> None:
        """Looks for a question that no prompt fits.

        Raises:
            MTBenchError: There is one.
        """
        for question in questions if self.judges else ():
            for turn in range(1, len(question.turns) + 1):
                self.bench.prompts.pick("single", question, turn)
                if self.pairwise:
                    self.bench.prompts.pick("pairwise", question, turn)
