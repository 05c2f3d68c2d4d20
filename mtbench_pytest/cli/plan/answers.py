"""Which answers a run would have to make, and what those will be that nobody has yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mtbench_pytest.cli.plan.previous_run import Earlier
from mtbench_pytest.cli.plan.replies import Forecast, Said, at_hand, conversation
from mtbench_pytest.cli.plan.tokens import Cost, FourBytes, Tokens, Usage, cost_of, measure_for
from mtbench_pytest.core.records import SIDES, Question, QuestionId, Side
from mtbench_pytest.judges import Judge
from mtbench_pytest.models.api.server import Server
from mtbench_pytest.models.base import ChatModel
from mtbench_pytest.run.contest import Contest
from mtbench_pytest.run.pending import Answers, answers_at_hand, known_identity
from mtbench_pytest.store.store import Store

Cast = Mapping[tuple[Side, int], Mapping[QuestionId, Said]]
"""By side and sample, from 1, what is said to each question; what is asked once is one object in it."""


@dataclass(frozen=True, slots=True)
class AnswerWork:
    """What one side has to answer.

    Attributes:
        needed: Answers: one a question and sample.
        at_hand: Of these, those that are recorded or in the store.
        shared: Those that another one gives: the other side's same model, or a first sample that no further
            one can differ from.
        calls: To a server, one a turn; 0 for a model on this machine.
        usage: What is still to be made takes.
        counted_by: How its tokens were counted.
        cost: None without prices.
    """

    side: Side
    needed: int
    at_hand: int
    shared: int
    calls: int
    usage: Usage
    counted_by: str
    cost: Cost | None

    @property
    def to_make(self) -> int:
        """Answers still to be made."""
        return self.needed - self.at_hand - self.shared


def is_same_model(contest: Contest, store: Store, specs: Sequence[str]) -> bool:
    """Whether one model stands on both sides, so that it is asked once.

    Args:
        specs: How the two were named.
    """
    if len(contest.models) < len(SIDES):
        return False
    identities = [known_identity(contest.models[side], store) for side in SIDES]
    return specs[0] == specs[1] or (identities[0] is not None and identities[0] == identities[1])


def find_cast(
    contest: Contest,
    questions: Sequence[Question],
    store: Store,
    earlier: Earlier | None,
    *,
    same_model: bool,
) -> Cast:
    """Both sides' answers as far as they are known, and what stands for the rest.

    Args:
        same_model: One model stands on both sides.

    Raises:
        MTBenchError: What a model raised.
    """
    cast: dict[tuple[Side, int], Mapping[QuestionId, Said]] = {}
    for side in SIDES:
        samples = range(1, contest.drawn(side) + 1)
        if same_model and side != SIDES[0]:
            cast |= {(side, sample): cast[SIDES[0], sample] for sample in samples}
            continue
        model = contest.models.get(side)
        known: Sequence[Answers] = [{} for _ in samples]
        if model is not None:
            known = answers_at_hand(contest, side, questions, questions, store)
        forecast = Forecast(
            side,
            model.name if model else side,
            contest.max_new_tokens,
            earlier,
            same_bench=earlier is not None and earlier.bench == contest.bench.digest,
        )
        for sample, answers in zip(samples, known, strict=True):
            said: dict[QuestionId, Said] = {}
            for question in questions:
                key = question.question_id
                if sample > 1 and model and not contest.varies(side, question):
                    said[key] = cast[side, 1][key]
                else:
                    said[key] = at_hand(answers[key]) if key in answers else forecast.of(question)
            cast[side, sample] = said
    return cast


def answer_work(
    contest: Contest, side: Side, questions: Sequence[Question], cast: Cast, *, asked: bool
) -> AnswerWork:
    """What one side has to answer.

    Args:
        asked: Off where the other side is the same model, which is asked once.

    Raises:
        MTBenchError: Where a checkpoint cannot be used.
    """
    model = contest.models[side]
    mine = [said for (whose, _), said in cast.items() if whose == side]
    every = [(question, said[question.question_id]) for said in mine for question in questions]
    known = sum(said.basis == "counted" for _, said in every)
    missing = {id(said): (question, said) for question, said in every if asked and said.basis != "counted"}
    measure = measure_for(model) if missing else FourBytes()
    usage = Usage()
    for question, said in missing.values():
        sent = conversation(question, said, str(getattr(model, "system", "")), measure)
        for turn, tokens in enumerate(sent, 1):
            usage += Usage(tokens, Tokens(said.length(turn, measure), said.basis))
    server = server_of(model)
    return AnswerWork(
        side=side,
        needed=len(every),
        at_hand=known,
        shared=len(every) - known - len(missing),
        calls=sum(len(question.turns) for question, _ in missing.values()) if server else 0,
        usage=usage,
        counted_by=measure.name,
        cost=None if server is None or server.price is None else cost_of(usage, server.price),
    )


def server_of(party: ChatModel | Judge | None) -> Server | None:
    """Where a model or judge is served; None on this machine."""
    server = getattr(party, "server", None)
    return server if isinstance(server, Server) else None
