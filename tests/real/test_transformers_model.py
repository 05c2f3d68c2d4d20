"""Answers of a checkpoint on this machine: batches, draws, limits, memory, errors, closing."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask
from mtbench_pytest.models.base import Counts
from mtbench_pytest.models.hf.engine import Engine, Row
from mtbench_pytest.models.hf.tokenizer import Tokens
from tests.real import hf_fixtures
from tests.real.hf_fixtures import CONTEXT, MIXED, answers, build, change_json, copy, load, run, task

torch = hf_fixtures.torch
tiny = hf_fixtures.tiny

# Batches


def test_a_batch_answers_as_one_at_a_time_does(tiny: Path) -> None:
    together = answers(build(tiny, "batch_size=4"), MIXED)
    alone = answers(build(tiny, "batch_size=1"), MIXED)
    assert {key: answer.replies for key, answer in together.items()} == {
        key: answer.replies for key, answer in alone.items()
    }
    assert [len(together[key].replies) for key in (1, 2, "three", 4)] == [2, 1, 3, 2]


def test_a_repetition_penalty_does_not_see_the_padding(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "penalised")
    change_json(folder / "generation_config.json", repetition_penalty=1.8)
    # Ids far apart in length, and long enough to repeat something.
    tasks = [task(1, "Hi", tokens=40), task(2, "A question that is a good deal longer than that", tokens=40)]
    together = answers(build(folder), tasks)
    alone = answers(build(folder, "batch_size=1"), tasks)
    plain = answers(build(tiny), tasks)
    assert [together[key].turns for key in (1, 2)] == [alone[key].turns for key in (1, 2)]
    assert together[1].turns != plain[1].turns, "the checkpoint's repetition_penalty counts"


def test_prompts_are_padded_on_the_left_with_tokens_of_their_own(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(build(tiny))
    prompts = [loaded.prompt([{"role": "user", "content": text}]) for text in ("Hi", "A longer one")]
    given: dict[str, Any] = {}
    generate = loaded.model.generate

    def watched(**kwargs: Any) -> Any:
        given.update(kwargs)
        return generate(**kwargs)

    monkeypatch.setattr(loaded.model, "generate", watched)
    loaded.generate([Row(prompt, 1, 0.0, 0) for prompt in prompts], threading.Event())
    padding = len(prompts[1]) - len(prompts[0])
    assert padding > 0
    assert given["attention_mask"].tolist() == [
        [0] * padding + [1] * len(prompts[0]),
        [1] * len(prompts[1]),
    ]
    rows = given["input_ids"].tolist()
    assert rows[0][padding:] == list(prompts[0])
    assert set(rows[0][:padding]) <= set(prompts[0]), "a repetition penalty would count foreign padding"


def test_batches_do_not_depend_on_the_order_of_the_tasks(tiny: Path) -> None:
    model = build(tiny, "batch_size=2&dtype=bfloat16")
    orders = [[a.question_id for a in run(model, tasks)] for tasks in (MIXED, MIXED[::-1])]
    model.close()
    assert orders == [[2, "three", 4, 1]] * 2


def test_equal_lengths_go_by_question_id(tiny: Path) -> None:
    tasks = [task(question_id, "Hi", tokens=1) for question_id in ("b", 10, 2, "a")]
    assert list(answers(build(tiny), tasks)) == [2, 10, "a", "b"]


def test_each_batch_is_handed_over_before_the_next_begins(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    may_go_on = threading.Event()
    generate = Engine.generate

    def watched(
        self: Engine, rows: Sequence[Row], stop: threading.Event, *told: Any
    ) -> list[list[int] | None]:
        if asked:
            assert may_go_on.wait(20), "the first answer was not handed over"
        asked.append(len(rows))
        return generate(self, rows, stop, *told)

    monkeypatch.setattr(Engine, "generate", watched)
    model = build(tiny, "batch_size=1")

    async def go() -> int:
        count = 0
        async for _ in model.answer([task(1, "Hi", tokens=1), task(2, "Ho", tokens=1)]):
            may_go_on.set()
            count += 1
        return count

    assert asyncio.run(go()) == 2
    model.close()


# Draws


def test_a_sampled_answer_depends_on_its_own_seed_only(tiny: Path) -> None:
    def drawn(seed: int) -> AnswerTask:
        return task("drawn", "Tell me", "More", temperature=0.8, seed=seed, tokens=10)

    mates = [task(1, "A somewhat longer prompt", tokens=10), task(2, "x", temperature=1.3, seed=9, tokens=10)]
    alone = answers(build(tiny), [drawn(1)])["drawn"].turns
    assert answers(build(tiny), [*mates, drawn(1)])["drawn"].turns == alone
    assert answers(build(tiny), [drawn(2)])["drawn"].turns != alone
    assert answers(build(tiny), [task("drawn", "Tell me", "More", tokens=10)])["drawn"].turns != alone


def test_the_checkpoints_own_sampling_settings_are_not_used(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "drawing")
    change_json(
        folder / "generation_config.json", do_sample=True, temperature=3.0, top_k=5, top_p=0.5, num_beams=3
    )
    assert answers(build(folder), MIXED)[1].turns == answers(build(tiny), MIXED)[1].turns


# Limits


def test_a_reply_ended_by_the_limit_is_capped(tiny: Path) -> None:
    reply = answers(build(tiny), [task(1, "Hi", tokens=5)])[1].replies[0]
    assert reply.capped
    assert reply.completion_tokens == 5


def test_a_reply_ended_by_an_end_token_is_not_capped(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "ending")
    model = build(tiny)
    model.prepare([])
    loaded = load(model)
    prompt = loaded.prompt([{"role": "user", "content": "Hi"}])
    (tokens,) = loaded.generate([Row(prompt, 12, 0.0, 0)], threading.Event())
    assert tokens is not None
    end = next(token for token in tokens if token != tokens[0])
    change_json(folder / "generation_config.json", eos_token_id=end)
    # A batch-mate without an end keeps the batch going past it.
    results = answers(build(folder), [task(1, "Hi"), task(2, "Something else altogether")])
    reply = results[1].replies[0]
    assert reply.completion_tokens == tokens.index(end)
    assert not reply.capped
    assert reply.prompt_tokens == len(prompt)


def test_the_tokenizers_end_token_ends_a_reply_too(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "two-ends")
    change_json(folder / "generation_config.json", eos_token_id=[7, 9])
    model = build(folder)
    loaded = load(model)
    assert loaded.ends == (2, 7, 9)
    assert loaded.model.generation_config.pad_token_id in loaded.ends


def test_a_prompt_as_long_as_the_context_is_a_failure_of_that_question(tiny: Path) -> None:
    model = build(tiny)
    results = {done.question_id: done for done in run(model, [task(1, "x" * CONTEXT), task(2, "Hi")])}
    model.close()
    failure = results[1]
    assert isinstance(failure, AnswerFailure)
    assert failure.reason.startswith("turn 1: the prompt has 2")
    assert f"context holds {CONTEXT}" in failure.reason
    assert isinstance(results[2], Answer)


def test_the_context_shrinks_a_rows_budget(tiny: Path) -> None:
    results = answers(build(tiny), [task(1, "x" * 200, tokens=100), task(2, "Hi", tokens=100)])
    reply = results[1].replies[0]
    assert reply.prompt_tokens is not None
    assert reply.completion_tokens == CONTEXT - reply.prompt_tokens
    assert reply.completion_tokens < 100
    assert reply.capped
    assert results[2].replies[0].completion_tokens == 100


def test_a_second_turn_that_overflows_fails_the_question(tiny: Path) -> None:
    model = build(tiny)
    (failure,) = run(model, [task(1, "Hi", "x" * CONTEXT, tokens=5)])
    model.close()
    assert isinstance(failure, AnswerFailure)
    assert failure.reason.startswith("turn 2: ")


def test_reasoning_is_not_shown_to_the_next_turn(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    model = build(tiny)
    loaded = load(model)

    def thoughtful(
        self: Engine, rows: Sequence[Row], stop: threading.Event, *_: Any
    ) -> list[list[int] | None]:
        seen.extend(self.tokenizer.decode(row.prompt) for row in rows)
        assert not stop.is_set()
        tokens: list[int] = self.tokenizer.encode("<think>secret</think>\n\nPlain<|im_start|>")
        return [tokens]

    monkeypatch.setattr(Engine, "generate", thoughtful)
    reply = answers(model, [task(1, "Hi", "Go on", tokens=50)])[1].replies[0]
    assert (reply.text, reply.reasoning) == ("Plain", "secret")
    assert loaded.text(loaded.tokenizer.encode("  Plain<|im_end|>")) == "Plain"
    assert "assistant\nPlain<|im_end|>" in seen[1]
    assert "secret" not in seen[1]


def test_the_system_prompt_comes_first(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    prompt = Tokens.prompt

    def watched(self: Tokens, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        ids = prompt(self, messages)
        seen.append(self.tokenizer.decode(ids))
        return ids

    monkeypatch.setattr(Tokens, "prompt", watched)
    answers(build(tiny, "system=Be%20brief."), [task(1, "Hi", tokens=1)])
    assert seen[0].startswith("<|im_start|>system\nBe brief.<|im_end|>")


# Memory and errors


def limit_memory(monkeypatch: pytest.MonkeyPatch, most: int, error: Exception) -> list[int]:
    """Makes batches above `most` rows fail half-way; returns the sizes that were tried."""
    tried: list[int] = []
    generate = Engine.generate

    def generate_or_fail(
        self: Engine, rows: Sequence[Row], stop: threading.Event, *told: Any
    ) -> list[list[int] | None]:
        tried.append(len(rows))
        if len(rows) > most:
            raise error
        return generate(self, rows, stop, *told)

    monkeypatch.setattr(Engine, "generate", generate_or_fail)
    return tried


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["cuda", "cpu"],
)
def test_out_of_memory_halves_the_batch(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    expected = answers(build(tiny), MIXED)
    tried = limit_memory(monkeypatch, 1, error)
    with caplog.at_level(logging.WARNING, "mtbench_pytest"):
        results = answers(build(tiny), MIXED)
    assert tried[:4] == [4, 2, 1, 1]
    assert tried.count(4) == tried.count(2) == 1
    assert {key: answer.replies for key, answer in results.items()} == {
        key: answer.replies for key, answer in expected.items()
    }
    assert results[1].made_with["batch_size"] == 1
    assert expected[1].made_with["batch_size"] == 16
    assert "batches of 1 from here on" in caplog.text


def test_one_conversation_that_does_not_fit_is_a_failure(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_memory(monkeypatch, 0, torch.OutOfMemoryError("CUDA out of memory"))
    model = build(tiny)
    (failure,) = run(model, [task(1, "Hi", "And?")])
    model.close()
    assert isinstance(failure, AnswerFailure)
    assert failure.reason.startswith(
        "turn 1: out of memory on cpu with this conversation alone: a prompt of "
    )


def test_any_other_error_ends_the_model_and_keeps_no_weights(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build(tiny, "batch_size=1")
    monkeypatch.setattr(model, "_batches", batches := model._load())
    loaded = batches.engine
    weights = weakref.ref(loaded.model)
    calls: list[int] = []

    def broken(*_: object) -> None:
        calls.append(1)
        if len(calls) > 3:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore lines")

    loaded.model.register_forward_pre_hook(broken)
    done: list[Answer | AnswerFailure] = []

    async def go() -> None:
        done.extend([each async for each in model.answer([task(n, "Hi", tokens=3) for n in (1, 2)])])

    with pytest.raises(ModelError, match="illegal memory access") as caught:
        asyncio.run(go())
    assert "\n" not in str(caught.value)
    assert done == []
    model.close()
    del loaded, batches
    gc.collect()
    assert weights() is None, "the error that pytest keeps must not keep the weights"


# Closing


def test_closing_frees_the_weights_and_the_model_can_be_used_again(tiny: Path) -> None:
    model = build(tiny)
    first = run(model, MIXED)
    assert model._batches is not None
    weights = weakref.ref(model._batches.engine.model)
    model.close()
    model.close()
    assert weights() is None
    model.prepare([task.question for task in MIXED])
    assert run(model, MIXED) == first
    model.close()


def test_closing_ends_a_generation_under_way(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(tiny, tmp_path / "endless")
    change_json(folder / "generation_config.json", min_new_tokens=900_000)
    began = threading.Event()
    generate = Engine.generate

    def watched(self: Engine, rows: Sequence[Row], stop: threading.Event, *_: Any) -> list[list[int] | None]:
        began.set()
        endless = [Row(row.prompt, 1_000_000, row.temperature, row.seed) for row in rows]
        return generate(self, endless, stop)

    monkeypatch.setattr(Engine, "generate", watched)
    model = build(folder)

    def close_soon() -> None:
        assert began.wait(20)
        time.sleep(0.2)
        model.close()

    closer = threading.Thread(target=close_soon)
    closer.start()
    with pytest.raises(ModelError, match="closed while it was answering"):
        run(model, [task(1, "Hi")])
    closer.join(20)
    assert not closer.is_alive()
    assert model._batches is None


def test_leaving_early_ends_the_worker(tiny: Path) -> None:
    model = build(tiny, "batch_size=1")

    async def first() -> Answer | AnswerFailure:
        results = model.answer([task(n, "Hi", tokens=50) for n in range(50)])
        try:
            return await anext(results)
        finally:
            await results.aclose()  # type: ignore[attr-defined]

    assert asyncio.run(first()).question_id == 0
    model.close()
    deadline = time.monotonic() + 10
    while any(thread.name == "mtbench-generate" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the worker thread goes on"
        time.sleep(0.01)


def test_tokens_are_counted_while_a_batch_is_under_way(tiny: Path) -> None:
    model = build(tiny)
    seen: list[int] = []
    told = model._count

    def watched(tokens: int) -> None:
        told(tokens)
        seen.append(model.tokens)

    model._count = watched  # type: ignore[method-assign]
    answered = answers(model, [task(1, "Hi", tokens=5), task(2, "Hello there", tokens=5)])
    assert len(answered) == 2
    assert seen[0] == 2, "a token a row and step"
    assert seen == sorted(seen)
    assert isinstance(model, Counts)
