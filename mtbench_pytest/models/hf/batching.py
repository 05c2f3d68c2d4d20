"""Conversations generated together: which ones, and turn by turn."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from mtbench_pytest.models.hf import continuous, memory
from mtbench_pytest.models.hf.conversation import Talk
from mtbench_pytest.models.hf.engine import Engine, is_out_of_memory
from mtbench_pytest.models.hf.kv_cache import Past
from mtbench_pytest.models.hf.runtime import Means
from mtbench_pytest.models.hf.worker import check

_BROKEN = (
    "the model gave NaN or infinity in place of scores: its numbers overflow or its weights are broken; "
    "?dtype=float32 tells which"
)
_LOG = logging.getLogger("mtbench_pytest")


def fill(talks: Sequence[Talk], rows: int, tokens: int | None) -> list[list[Talk]]:
    """Batches of conversations, longest first: a pure function, whatever order they come in.

    Longest first, so that a lack of memory shows at once; sorted, so that little is padded. They are filled
    one after the other, so what is in one batch, filled again, is that batch.

    Args:
        talks: Their first question is asked.
        rows: Most conversations of a batch.
        tokens: Most tokens of a batch: its conversations times the longest one's `room`; None for any. A
            conversation that is longer is a batch of its own.
    """
    batches: list[list[Talk]] = []
    longest = 0
    for talk in sorted(talks, key=_order):
        need = max(longest, talk.room)
        more = len(batches[-1]) + 1 if batches else 1
        if batches and more <= rows and (tokens is None or more * need <= tokens):
            batches[-1].append(talk)
            longest = need
        else:
            batches.append([talk])
            longest = talk.room
    return batches


def _order(talk: Talk) -> tuple[int, bool, int, str]:
    """By prompt length, longest first, then by question id: numbers before strings."""
    question_id = talk.task.question.question_id
    number = question_id if isinstance(question_id, int) else 0
    return (-len(talk.row.prompt) if talk.row else 0, isinstance(question_id, str), number, str(question_id))


class Batches:
    """Generates batches with one engine.

    Args:
        name: The model's, for messages.
        engine: A loaded model.
        means: What it runs with.
        told: Is called after each step with the number of tokens it wrote.
    """

    def __init__(self, name: str, engine: Engine, means: Means, told: Callable[[int], None]) -> None:
        self._name = name
        self.engine = engine
        self._means = means
        self._told = told
        # Falls where memory ran out, and stays there: it would run out again.
        self._most = means.batch_size

    def converse(self, batch: Sequence[Talk], stop: threading.Event) -> None:
        """Answers every turn of conversations whose first question is asked.

        Raises:
            ModelError: Where `stop` is set meanwhile.
        """
        if self._means.continuous and all(talk.greedy for talk in batch):
            if continuous.can_be_continuous(self.engine.model):
                continuous.converse(self._name, self.engine, batch, stop, self._told)
                return
            _LOG.warning("%s: continuous batching cannot do what its settings ask; static it is", self._name)
        past = Past()
        try:
            while going := [talk for talk in batch if talk.open]:
                self._reply(going, stop, past)
                for talk in going:
                    if talk.open:
                        talk.ask(self.engine)
        finally:
            past.clear()

    def _reply(self, talks: Sequence[Talk], stop: threading.Event, past: Past) -> None:
        """Generates one turn, in smaller batches where memory asks for it."""
        waiting = deque(talks)
        while waiting:
            check(stop, self._name)
            most = self._fitting(waiting, past)
            now = [waiting.popleft() for _ in range(min(most, len(waiting)))]
            written = self._try(now, stop, past)
            check(stop, self._name)
            if written is not None:
                for talk, tokens in zip(now, written, strict=True):
                    if tokens is None:
                        talk.failure = f"turn {talk.turn}: {_BROKEN}"
                    else:
                        talk.hear(self.engine, tokens, most)
            elif len(now) > 1:
                self._most = (len(now) + 1) // 2
                _LOG.warning("%s: out of memory, batches of %d from here on", self._name, self._most)
                waiting.extendleft(reversed(now))
            else:
                row = now[0].asked
                now[0].failure = (
                    f"turn {now[0].turn}: out of memory on {self.engine.device} with this conversation "
                    f"alone: a prompt of {len(row.prompt)} tokens and up to {row.budget} new ones"
                )

    def _fitting(self, talks: Sequence[Talk], past: Past) -> int:
        """Most conversations to be generated together now: fewer where free memory holds fewer of these."""
        # What a turn goes on from is in memory already, and a batch that is split cannot go on.
        if self._means.need is None or past.cache is not None:
            return self._most
        free = memory.free_bytes(self._means.device)
        rows = [talk.asked for talk in talks]
        width = max(len(row.prompt) for row in rows) + max(row.budget for row in rows)
        fitting = self._most if free is None else max(1, free // (width * self._means.need.token))
        if free is None or fitting >= min(len(rows), self._most):
            return self._most
        _LOG.warning(
            "%s: %d MB are free, %d conversations are generated %d at a time",
            self._name, free // 1_000_000, len(rows), fitting,
        )  # fmt: skip
        return fitting

    def _try(self, talks: Sequence[Talk], stop: threading.Event, past: Past) -> list[list[int] | None] | None:
        """One generation, or nothing where memory ran out."""
        try:
            return self.engine.generate([talk.asked for talk in talks], stop, self._told, past)
        except Exception as error:
            past.clear()
            if not is_out_of_memory(error):
                raise
        # Only here, with the error gone, is nothing left that holds the tensors.
        self.engine.empty_cache()
        return None
