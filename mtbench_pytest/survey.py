"""What a run still has to make: known from the store before a model is loaded or a server is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mtbench_pytest.contest import Contest, is_free
from mtbench_pytest.crew import Crew, once
from mtbench_pytest.judges.base import Judge, Task
from mtbench_pytest.keys import AnswerKeys, digest, judgment_key
from mtbench_pytest.models.base import ChatModel, Fingerprints
from mtbench_pytest.records import SIDES, Answer, AnswerTask, Party, Question, QuestionId, Side
from mtbench_pytest.store import Store

Answers = Mapping[QuestionId, Answer]


def identify(name: Party, party: ChatModel | Judge, store: Store, crew: Crew) -> Mapping[str, Any]:
    """A party's identity, as JSON; weights are read by one process of the run, and only where they changed.

    Raises:
        MTBenchError: What the party raised.
    """
    if is_free(party):
        return party.identity()
    if known := _remembered(party, store):
        return known
    identity = once(crew, f"identity/{name}", lambda: _plain(party.identity()))
    if fingerprint := _fingerprint(party):
        store.remember_identity(fingerprint, identity)
    return dict(identity)


def parties_with_work(
    contest: Contest,
    asked: Sequence[Question],
    judged: Sequence[Question],
    scope: Sequence[Question],
    store: Store,
) -> list[Party]:
    """The parties that cost something and have something to do: something of theirs is not in the store.

    Free models are asked for their answers; they must be prepared.

    Args:
        asked: What will be answered.
        judged: Of that, what will be judged too.
        scope: What might be asked: see `Pipeline`.
    """
    stored = {side: _stored(contest, side, asked, scope, store) for side in contest.models}
    answers: dict[Side, list[Answers]] = {side: found for side, found in stored.items() if found is not None}
    working: list[Party] = [side for side in stored if side not in answers]
    judge = contest.judge
    if judge is not None and not is_free(judge):
        identity, tasks = judge.identity(), judge_tasks(contest, judged, answers)
        keys = {judgment_key(identity, task, judge.key_extra(task)) for task in tasks}
        checked = contest.standing is not None and contest.standing.again
        if working or checked or len(store.judgments(keys)) < len(keys):
            working.append("judge")
    return working


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
    contest: Contest, questions: Sequence[Question], answers: Mapping[Side, Sequence[Answers]]
) -> Iterator[Task]:
    """What the judge is asked about these answers."""
    for question in questions:
        said = {
            (side, sample): found[question.question_id]
            for side, samples in answers.items()
            for sample, found in enumerate(samples, 1)
            if question.question_id in found
        }
        for turn in range(1, len(question.turns) + 1):
            for (side, sample), answer in said.items():
                tasks = contest.grade_tasks(question, turn, answer, sample)
                yield from (task for task in tasks if contest.known_grade(side, task) is None)
        if all((side, 1) in said for side in SIDES):
            for turn in contest.game_turns(question):
                yield from contest.game_tasks(question, turn, said["candidate", 1], said["baseline", 1])


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
