"""Makes the text of a snapshot from a row and the run it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mtbench_pytest.core.records import SIDES, Question, Side
from mtbench_pytest.core.row import Row
from mtbench_pytest.run.contest import Contest, as_party
from mtbench_pytest.run.snapshots.file_format import dump
from mtbench_pytest.run.snapshots.snapshot import About, JudgeSnapshot, snapshot_of
from mtbench_pytest.store.keys import AnswerKeys

Identities = Mapping[str, Mapping[str, Any]]
Keys = Callable[[Question], Sequence[str]]


class Recorder:
    """Makes snapshots of rows.

    Args:
        scope: All questions that may be asked in the run.
        specs: By party as the user wrote them.
        keys: By side what the keys of the answers are, where the run itself cannot tell: a replay has no
            weights.
    """

    def __init__(
        self,
        contest: Contest,
        scope: Sequence[Question],
        specs: Mapping[str, str],
        keys: Mapping[Side, Keys],
    ) -> None:
        self._contest = contest
        self._scope = scope
        self._asked = {question.question_id: question for question in scope}
        self._specs = specs
        self._told = keys
        self._keys: dict[tuple[Side, int], AnswerKeys] = {}

    def text(self, row: Row, identities: Identities) -> str:
        """A file's text.

        Args:
            row: Both sides of it are judged.
            identities: Of the run's parties.
        """
        question = self._asked[row.question_id]
        about = About(
            sampling=self._contest.sampling(question),
            samples=self._contest.samples,
            repeats=self._contest.repeats,
            pairwise=self._contest.pairwise,
            judges=tuple(
                JudgeSnapshot(judge, self._specs[as_party(judge)], identities[as_party(judge)])
                for judge in row.judges
            ),
            specs={side: self._specs[side] for side in SIDES},
            keys={side: self._keys_of(side, question, identities) for side in SIDES},
        )
        return dump(snapshot_of(row, question, about))

    def _keys_of(self, side: Side, question: Question, identities: Identities) -> Sequence[str]:
        """The keys of a side's answers to a question; a sample that cannot differ has the first one's."""
        if told := self._told.get(side):
            return told(question)
        varies = self._contest.varies(side, question)
        return [
            self._key(side, sample if varies else 1, question, identities)
            for sample in range(1, self._contest.drawn(side) + 1)
        ]

    def _key(self, side: Side, sample: int, question: Question, identities: Identities) -> str:
        if (side, sample) not in self._keys:
            scope = self._contest.tasks(side, self._scope, sample)
            self._keys[side, sample] = AnswerKeys(identities[side], scope)
        return self._keys[side, sample](self._contest.task(question, sample))
