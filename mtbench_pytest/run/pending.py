"""What a run still has to make: known from the store before a model is loaded or a server is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtbench_pytest.core.records import (
    SIDES,
    Answer,
    AnswerTask,
    Game,
    GradeTask,
    Judgment,
    Question,
    QuestionId,
    Side,
    Task,
)
from mtbench_pytest.core.row import Row, Sample
from mtbench_pytest.gate.drops import AskAgain
from mtbench_pytest.judges.base import Judge
from mtbench_pytest.models.base import ChatModel, Fingerprints
from mtbench_pytest.run.contest import Contest, as_party, is_free
from mtbench_pytest.store.keys import AnswerKeys, digest, judgment_key
from mtbench_pytest.store.leases import Peers, once
from mtbench_pytest.store.store import Store

Answers = Mapping[QuestionId, Answer]


def identify(name: str, party: ChatModel | Judge, store: Store, peers: Peers) -> Mapping[str, Any]:
    """A party's identity, as JSON; weights are read by one process of the run, and only where they changed.

    Raises:
        MTBenchError: What the party raised.
    """
    if is_free(party):
        return party.identity()
    if known := _remembered(party, store):
        return known
    identity = once(peers, f"identity/{name}", lambda: _plain(party.identity()))
    if fingerprint := _fingerprint(party):
        store.remember_identity(fingerprint, identity)
    return dict(identity)


def parties_with_work(
    contest: Contest,
    asked: Sequence[Question],
    judged: Sequence[Question],
    scope: Sequence[Question],
    store: Store,
    ask_again: AskAgain | None = None,
) -> list[str]:
    """The parties that cost something and have something to do: something of theirs is not in the store.

    Free models are asked for their answers; they must be prepared.

    Args:
        asked: What will be answered.
        judged: Of that, what will be judged too.
        scope: What might be asked: see `Pipeline`.
        ask_again: Which questions are graded again: see `Pipeline`.
    """
    stored = {side: _stored(contest, side, asked, scope, store) for side in contest.models}
    answers: dict[Side, list[Answers]] = {side: found for side, found in stored.items() if found is not None}
    sides: list[str] = [side for side in stored if side not in answers]
    books = {name: _Book(name, judge) for name, judge in contest.judges.items() if not is_free(judge)}
    for book in books.values():
        book.look(contest, judged, answers, store)
    again: list[Question] = []
    if ask_again is not None and all(book.whole for book in books.values()):
        again = [q for q in judged if ask_again(_graded(contest, q, _given_to(q, answers), books))]
    return [
        *sides,
        *(
            as_party(name)
            for name, book in books.items()
            if sides
            or (name in contest.standings and contest.standings[name].again)
            or not book.whole
            or not book.has_further(contest, again, answers, store)
        ),
    ]


class _Book:
    """What of one judge's judgments is stored."""

    def __init__(self, name: str, judge: Judge) -> None:
        self._name = name
        self._judge = judge
        self._identity = judge.identity()
        self._stored: Mapping[str, Judgment | Game] = {}
        self.whole = False
        """Whether all is there but what is asked again."""

    def look(
        self,
        contest: Contest,
        questions: Sequence[Question],
        answers: Mapping[Side, Sequence[Answers]],
        store: Store,
    ) -> None:
        """Looks for what the judge will be asked."""
        keys = {self._key(task) for task in judge_tasks(contest, self._name, questions, answers)}
        self._stored = store.judgments(keys)
        self.whole = len(self._stored) == len(keys)

    def has_further(
        self,
        contest: Contest,
        questions: Sequence[Question],
        answers: Mapping[Side, Sequence[Answers]],
        store: Store,
    ) -> bool:
        """Whether the grades of these questions, which are asked again, are stored too."""
        tasks = (task for q in questions for task in regrade_tasks(contest, self._name, q, answers))
        keys = set(map(self._key, tasks))
        return len(store.judgments(keys)) == len(keys)

    def said(self, task: Task) -> Judgment | Game | None:
        """What is stored for a task."""
        return self._stored.get(self._key(task))

    def _key(self, task: Task) -> str:
        return judgment_key(self._identity, task, self._judge.key_extra(task))


def _graded(
    contest: Contest,
    question: Question,
    given: Mapping[tuple[Side, int], Answer],
    books: Mapping[str, _Book],
) -> Row:
    """What a run will know of the grades of a question, as far as that is stored."""
    graded: dict[tuple[Side, int], tuple[Judgment, ...]] = {}
    for (side, sample), answer in given.items():
        graded[side, sample] = tuple(
            replace(said, judge=name)
            for name, book in books.items()
            for turn in range(1, len(question.turns) + 1)
            for task in contest.grade_tasks(name, question, turn, answer, sample)
            if isinstance(said := contest.known_grade(name, side, task) or book.said(task), Judgment)
        )
    return Row(
        bench=contest.bench.name,
        question_id=question.question_id,
        category=question.category,
        turns=len(question.turns),
        answers={side: answer for (side, sample), answer in given.items() if sample == 1},
        judgments={side: found for (side, sample), found in graded.items() if sample == 1},
        drawn={side: drawn for side in contest.models if (drawn := contest.drawn(side)) > 1},
        samples={
            side: tuple(Sample(n, given[who, n], graded[who, n]) for who, n in given if who == side and n > 1)
            for side in contest.models
        },
        repeats=contest.repeats,
        judges=tuple(contest.judges),
    )


def answers_at_hand(
    contest: Contest, side: Side, questions: Sequence[Question], scope: Sequence[Question], store: Store
) -> list[Answers]:
    """Those of a side's answers, by sample, that can be had without asking a model that costs something.

    Raises:
        MTBenchError: What the model raised.
    """
    model = contest.models[side]
    samples = range(1, contest.drawn(side) + 1)
    if is_free(model):
        return [asyncio.run(_all_of(model, contest.tasks(side, questions, sample))) for sample in samples]
    identity = known_identity(model, store)
    if identity is None:
        return [{} for _ in samples]
    answers: list[Answers] = []
    for sample in samples:
        keys = AnswerKeys(identity, contest.tasks(side, scope, sample))
        by_key = {keys(task): task.question.question_id for task in contest.tasks(side, questions, sample)}
        found = {by_key[key]: answer for key, answer in store.answers(by_key).items()}
        # Where no sample can differ from the first, that is all of them.
        fixed = [q.question_id for q in questions if answers and not contest.varies(side, q)]
        found |= {question_id: answers[0][question_id] for question_id in fixed if question_id in answers[0]}
        answers.append(found)
    return answers


def known_identity(party: ChatModel | Judge, store: Store) -> Mapping[str, Any] | None:
    """A party's identity; None where weights would have to be read for it."""
    return _remembered(party, store) if isinstance(party, Fingerprints) else _plain(party.identity())


def _stored(
    contest: Contest, side: Side, questions: Sequence[Question], scope: Sequence[Question], store: Store
) -> list[Answers] | None:
    """A side's answers by sample, where all of a model's that costs something are at hand."""
    found = answers_at_hand(contest, side, questions, scope, store)
    whole = all(len(answers) == len(questions) for answers in found)
    return found if whole or is_free(contest.models[side]) else None


async def _all_of(model: ChatModel, tasks: Sequence[AnswerTask]) -> Answers:
    return {said.question_id: said async for said in model.answer(tasks) if isinstance(said, Answer)}


def judge_tasks(
    contest: Contest, judge: str, questions: Sequence[Question], answers: Mapping[Side, Sequence[Answers]]
) -> Iterator[Task]:
    """What a judge is asked about these answers."""
    for question in questions:
        said = _given_to(question, answers)
        for turn in range(1, len(question.turns) + 1):
            for (side, sample), answer in said.items():
                tasks = contest.grade_tasks(judge, question, turn, answer, sample)
                yield from (task for task in tasks if contest.known_grade(judge, side, task) is None)
        if all((side, 1) in said for side in SIDES):
            for turn in contest.game_turns(question):
                yield from contest.game_tasks(question, turn, said["candidate", 1], said["baseline", 1])


def regrade_tasks(
    contest: Contest, judge: str, question: Question, answers: Mapping[Side, Sequence[Answers]]
) -> Iterator[GradeTask]:
    """What a judge is asked about these answers where the question is asked again."""
    for (_, sample), answer in _given_to(question, answers).items():
        yield from contest.regrade_tasks(judge, question, answer, sample)


def _given_to(
    question: Question, answers: Mapping[Side, Sequence[Answers]]
) -> dict[tuple[Side, int], Answer]:
    """The answers to a question by side and sample."""
    return {
        (side, sample): found[question.question_id]
        for side, samples in answers.items()
        for sample, found in enumerate(samples, 1)
        if question.question_id in found
    }


def _remembered(party: object, store: Store) -> dict[str, Any] | None:
    fingerprint = _fingerprint(party)
    return store.identity(fingerprint) if fingerprint else None


def _fingerprint(party: object) -> str:
    facts = party.fingerprint() if isinstance(party, Fingerprints) else None
    return digest(type(party).__name__, facts) if facts else ""


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """An identity as it comes back from a database: two parties are compared by it."""
    plain: dict[str, Any] = json.loads(json.dumps(identity, default=str))
    return plain
