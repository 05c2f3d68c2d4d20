"""Snapshots as a further source of what has been made: before the store, by the same content hashes."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from mtbench_pytest.core.errors import FileError
from mtbench_pytest.core.records import Answer, Game, GradeTask, Judgment, Question, repeat_of
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pending import judge_tasks, regrade_tasks
from mtbench_pytest.run.snapshots.folder import SnapshotFolder
from mtbench_pytest.run.snapshots.snapshot import Snapshot
from mtbench_pytest.store.keys import judgment_key, prompt_digest, question_digest
from mtbench_pytest.store.store import Store

_LOG = logging.getLogger("mtbench_pytest")


class Shelf(Store):
    """A store with a bench's snapshots in front of it; what is made anew goes to the store.

    A snapshot is used by its content hash alone: new weights under an old name do not get old answers, and
    another judge's grades are none of this one's.
    """

    def __init__(self, folder: SnapshotFolder, store: Store, contest: Contest) -> None:
        self._folder = folder
        self._store = store
        self._contest = contest

    def answers(self, keys: Collection[str]) -> dict[str, Answer]:
        """See `Store.answers`."""
        found = {key: self._answers[key] for key in keys if key in self._answers}
        return found | self._store.answers([key for key in keys if key not in found])

    def judgments(self, keys: Collection[str]) -> dict[str, Judgment | Game]:
        """See `Store.judgments`."""
        found = {key: self._judgments[key] for key in keys if key in self._judgments}
        return found | self._store.judgments([key for key in keys if key not in found])

    def identity(self, fingerprint: str) -> dict[str, Any] | None:
        """See `Store.identity`."""
        return self._store.identity(fingerprint)

    def add_answer(self, key: str, answer: Answer) -> None:
        """See `Store.add_answer`."""
        self._store.add_answer(key, answer)

    def add_judgment(self, key: str, said: Judgment | Game) -> None:
        """See `Store.add_judgment`."""
        self._store.add_judgment(key, said)

    def remember_identity(self, fingerprint: str, identity: Mapping[str, Any]) -> None:
        """See `Store.remember_identity`."""
        self._store.remember_identity(fingerprint, identity)

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()

    @cached_property
    def _snapshots(self) -> list[Snapshot]:
        found = []
        for path in self._folder.files():
            try:
                found.append(self._folder.read(path))
            except FileError as error:  # it is made anew
                _LOG.warning("%s", error)
        return found

    @cached_property
    def _answers(self) -> dict[str, Answer]:
        return {
            answer.key: side.answer(snapshot.question_id, sample)
            for snapshot in self._snapshots
            for side in snapshot.sides.values()
            for sample, answer in enumerate(side.answers, 1)
        }

    @cached_property
    def _judgments(self) -> dict[str, Judgment | Game]:
        found: dict[str, Judgment | Game] = {}
        questions = {question.question_id: question for question in self._contest.bench.questions}
        for snapshot in self._snapshots:
            question = questions.get(snapshot.question_id)
            if question is None or question_digest(question) != snapshot.sha256:
                continue
            for name in self._contest.judges:
                found |= self._of_judge(snapshot, name, question)
        return found

    def _of_judge(self, snapshot: Snapshot, name: str, question: Question) -> dict[str, Judgment | Game]:
        """What is recorded for the tasks of one of this run's judges; keys of other judges find nothing."""
        found: dict[str, Judgment | Game] = {}
        judge = self._contest.judges[name]
        said = {then.name: snapshot.said(then.name) for then in snapshot.judges}
        answers = snapshot.answers()
        again = regrade_tasks(self._contest, name, question, answers)
        for task in (*judge_tasks(self._contest, name, [question], answers), *again):
            if isinstance(task, GradeTask) and task.nonce:  # a grade that is to be made anew
                continue
            for then in snapshot.judges:
                if one := said[then.name].get((prompt_digest(task.prompt), repeat_of(task))):
                    key = judgment_key(then.identity, task, judge.key_extra(task))
                    found[key] = replace(one, prompt=task.prompt)
        return found
