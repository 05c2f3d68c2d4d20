"""`mtbench doctor`: one real call to each model and judge, and what to change where one fails."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtbench_pytest.bench.bench import Bench, load_bench
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli.options import add_run_options, settings_of
from mtbench_pytest.core.errors import MTBenchError
from mtbench_pytest.core.records import (
    Answer,
    AnswerFailure,
    AnswerTask,
    Game,
    GameTask,
    GradeTask,
    JudgeFailure,
    Judgment,
    Question,
    Reply,
)
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.core.text import one_line
from mtbench_pytest.judges import Judge, build_judge
from mtbench_pytest.models import ChatModel, build_model
from mtbench_pytest.models.base import Renders
from mtbench_pytest.run.contest import sampling_for
from mtbench_pytest.run.settings import Settings

_WIDTH = 100
_TAIL = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """A few lines for the user; `wrong` where something must be changed."""

    text: str
    wrong: bool = False


def examine(settings: Settings) -> Iterator[Finding]:
    """Tries each party that the options name, on the first question of the bench.

    Raises:
        MTBenchError: Where nothing is named, or the bench cannot be read.
    """
    if settings.candidate is settings.baseline is None and not settings.judges:
        settings.need("candidate")
    bench = load_bench(find_bench(settings.bench or Path("general")))
    question = bench.questions[0]
    yield Finding(f"bench {bench.name}: {len(bench.questions)} questions, prompts from {bench.prompts_path}")
    answers: list[Answer] = []
    for side, spec in (("candidate", settings.candidate), ("baseline", settings.baseline)):
        if spec is not None:
            yield from _examine_model(side, spec, bench, question, settings, answers)
    for spec in settings.judges:
        yield from _examine_judge(spec, bench, question, answers, settings.pairwise)


def _examine_model(
    side: str, spec: Spec, bench: Bench, question: Question, settings: Settings, answers: list[Answer]
) -> Iterator[Finding]:
    yield Finding(f"\n{side} {spec}")
    try:
        model = build_model(spec)
        started = time.monotonic()
        model.prepare([question])
        if isinstance(model, Renders):
            yield Finding(_block("the first turn as the model reads it", model.render(question)))
        answer = asyncio.run(_ask(model, bench, question, settings))
    except Exception as error:  # a model or judge of the user's own may raise anything
        yield _wrong(error)
        return
    if isinstance(answer, AnswerFailure):
        yield Finding(f"  WRONG: no answer to question {question.question_id}: {answer.reason}", wrong=True)
        return
    answers.append(answer)
    yield from _describe(answer, time.monotonic() - started, settings)


async def _ask(
    model: ChatModel, bench: Bench, question: Question, settings: Settings
) -> Answer | AnswerFailure:
    sampling = sampling_for(bench, question, settings.seed, settings.max_new_tokens)
    try:
        async for answer in model.answer([AnswerTask(question, sampling)]):
            return answer
    finally:
        model.close()
    return AnswerFailure(question.question_id, model.name, "the model gave no answer")


def _describe(answer: Answer, seconds: float, settings: Settings) -> Iterator[Finding]:
    for turn, reply in enumerate(answer.replies, 1):
        tokens = ""
        if reply.completion_tokens is not None:
            tokens = f" ({reply.prompt_tokens} tokens in, {reply.completion_tokens} out)"
        yield Finding(f"  turn {turn}{tokens}: {one_line(reply.text, _WIDTH)}")
        if not reply.text.strip():
            place = (
                "--mtbench-max-new-tokens: it is all reasoning" if reply.reasoning else "its chat template"
            )
            yield Finding(f"  WRONG: turn {turn} is empty; look at {place}", wrong=True)
    if answer.capped:
        limit = settings.max_new_tokens
        yield Finding(f"  note: capped at {limit} tokens; --mtbench-max-new-tokens allows more")
    made = ", ".join(f"{key} {value}" for key, value in answer.made_with.items())
    yield Finding(f"  {seconds:.1f} s with loading; {made}")


def _examine_judge(
    spec: Spec, bench: Bench, question: Question, answers: Sequence[Answer], pairwise: bool
) -> Iterator[Finding]:
    yield Finding(f"\njudge {spec}")
    if spec.kind == "judgments" and not answers:
        expected = "--mtbench-candidate with it: recorded judgments are of certain answers"
        yield Finding(f"  WRONG: nothing to look up; expected {expected}", wrong=True)
        return
    shown = list(answers) or [_made_up(question)]
    pairwise = pairwise and len(shown) > 1
    try:
        judge = build_judge(spec)
        judge.prepare([question], [answer.model for answer in shown], pairwise)
        results = asyncio.run(_judge(judge, bench, question, shown, pairwise))
    except Exception as error:
        yield _wrong(error)
        return
    for result, seconds in results:
        yield _judged(result, seconds)


async def _judge(
    judge: Judge, bench: Bench, question: Question, answers: Sequence[Answer], pairwise: bool
) -> list[tuple[Judgment | Game | JudgeFailure, float]]:
    """One grade, and one game where there are two different answers; each with its seconds."""
    calls: list[Awaitable[Judgment | Game | JudgeFailure]] = []
    prompt = bench.prompts.pick("single", question, 1).fill(question, answers[0].turns)
    calls.append(judge.grade(GradeTask(question, 1, answers[0], prompt)))
    turns = judge.game_turns(question) if pairwise else ()
    if turns and answers[0].turns != answers[1].turns:
        a, b = answers
        prompt = bench.prompts.pick("pairwise", question, turns[0]).fill(question, a.turns, b.turns)
        calls.append(judge.play(GameTask(question, turns[0], a, b, prompt)))
    results = []
    try:
        for call in calls:
            started = time.monotonic()
            results.append((await call, time.monotonic() - started))
    finally:
        await judge.aclose()
    return results


def _judged(result: Judgment | Game | JudgeFailure, seconds: float) -> Finding:
    match result:
        case Judgment():
            said = f"turn {result.turn} of {result.model} graded {result.grade:g}"
        case Game():
            said = f"game of turn {result.turn}, {result.model_a} as A: {result.winner}"
        case JudgeFailure():
            lines = [f"  WRONG: prompt {result.prompt.name}: {result.reason}"]
            if result.reply:
                lines.append(_block("the end of its reply", result.reply[-_TAIL:]))
            lines.append(
                "  expected a reply that ends in [[n]] or [[A]]: try a stronger judge or ?max_tokens=N"
            )
            return Finding("\n".join(lines), wrong=True)
    reply = one_line(result.text[-_TAIL:], _WIDTH)
    return Finding(f"  {said} in {seconds:.1f} s, prompt {result.prompt.name}\n    … {reply}")


def _wrong(error: Exception) -> Finding:
    said = str(error) if isinstance(error, MTBenchError) else f"{type(error).__name__}: {error}"
    return Finding(f"  WRONG: {said}", wrong=True)


def _made_up(question: Question) -> Answer:
    """What the judge is shown where no model is named."""
    replies = tuple(Reply("I am not sure, but here is what I know about it.") for _ in question.turns)
    return Answer(question.question_id, "example", replies)


def _block(title: str, text: str) -> str:
    return "\n".join([f"  {title}:", *(f"    {line}" for line in text.splitlines())])


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    doctor = commands.add_parser(
        "doctor",
        help="one real call to each model and judge",
        description="Asks each model named by the options one question of the bench and each judge for one "
        "grade and one game; shows what was sent, what came back, how long it took, and what to change.",
    )
    add_run_options(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.doctor import examine

    settings = settings_of(arguments)
    healthy = True
    for finding in examine(settings):
        healthy = healthy and not finding.wrong
        print(finding.text, flush=True)
    return 0 if healthy else 1
