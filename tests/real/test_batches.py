"""Batches on the device: planned, repeated, split, gone on from turn to turn, and several devices."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.records import AnswerTask
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models.base import Lanes, Plans
from mtbench_pytest.models.hf import continuous, memory
from mtbench_pytest.models.hf import kv_cache as cache
from mtbench_pytest.models.hf.conversation import Talk
from mtbench_pytest.models.hf.engine import Engine, load_config
from mtbench_pytest.models.hf.model import from_spec
from tests.real import hf_fixtures
from tests.real.hf_fixtures import MIXED, answers, build, change_json, copy, load, run, task

torch = hf_fixtures.torch
tiny = hf_fixtures.tiny

# Of many lengths, so that a batch's shapes depend on who is in it.
TALKS = [task(n, "Tell me " + "more " * n, "And?" * (n % 3 + 1), tokens=10) for n in range(12)]


def ids(batches: list[list[AnswerTask]]) -> list[list[int | str]]:
    return [[each.question.question_id for each in batch] for batch in batches]


# The plan


def test_a_plan_is_longest_first_and_does_not_depend_on_the_order(tiny: Path) -> None:
    model = build(tiny, "batch_size=5")
    assert isinstance(model, Plans)
    planned = ids(model.plan(TALKS))
    assert planned == [[11, 10, 9, 8, 7], [6, 5, 4, 3, 2], [1, 0]]
    assert ids(model.plan(TALKS[::-1])) == planned
    assert model._batches is None, "planning loads no weights"


def test_a_batch_planned_again_alone_is_that_batch(tiny: Path) -> None:
    model = build(tiny, "batch_size=5&batch_tokens=500")
    batches = model.plan(TALKS)
    assert len(batches) > 3, "the token budget binds"
    assert sorted(int(each) for batch in ids(batches) for each in batch) == list(range(12))
    for batch in batches:
        assert model.plan(batch[::-1]) == [batch]


def test_a_batch_holds_no_more_tokens_than_its_budget(tiny: Path) -> None:
    model = build(tiny, "batch_tokens=500")
    talks = {talk.task.question.question_id: talk for batch in model._plan(TALKS) for talk in batch}
    for batch in ids(model.plan(TALKS)):
        assert len(batch) * max(talks[each].room for each in batch) <= 500
    for talk in talks.values():
        said = sum(map(len, talk.task.question.turns))
        assert talk.room >= said + 10 * len(talk.task.question.turns), "a byte is a token here"
    assert ids(build(tiny, "batch_tokens=1").plan(TALKS[:2])) == [[1], [0]], "each alone, none left out"


def test_batches_generated_again_in_bfloat16_give_the_answers_of_the_whole_run(tiny: Path) -> None:
    asked = [
        task(1, "What is the capital of France?", "And of Italy?", tokens=8),
        task(2, "Write one sentence about the sea and the ships on it.", "Another.", tokens=8),
        task(3, "Invent a name for a cat.", temperature=0.7, seed=4, tokens=8),
        task(4, "Name three colours, and say which of them is the warmest of all.", tokens=8),
        task(5, "Hi", "Bye", tokens=8),
    ]
    model = build(tiny, "dtype=bfloat16&batch_size=2")
    whole = answers(model, asked)
    assert len(model.plan(asked)) == 3
    for batch in model.plan(asked):
        for question_id, answer in answers(model, batch).items():
            assert answer.replies == whole[question_id].replies


# From turn to turn


def test_a_second_turn_that_goes_on_says_what_one_that_reads_everything_says(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        task(1, "What is the capital of France?", "And of Italy?", "Which is larger?", tokens=12),
        task(2, "Write one sentence about the sea.", "Make it shorter.", tokens=12),
        task(3, "Hi", tokens=12),
        task(4, "Invent a name for a cat.", "And a dog?", temperature=0.7, seed=4, tokens=12),
    ]
    kept: list[int] = []
    look = cache.Past.kept

    def watched(self: cache.Past, owner: object, prompt: tuple[int, ...]) -> int:
        kept.append(look(self, owner, prompt))
        return kept[-1]

    monkeypatch.setattr(cache.Past, "kept", watched)
    going_on = answers(build(tiny), asked)
    assert [count > 20 for count in kept] == [False] * 4 + [True] * 4, "three rows go on, then one"
    model = build(tiny)
    batches = model._load()
    batches.engine._keeps_turns = False
    monkeypatch.setattr(model, "_batches", batches)
    anew = answers(model, asked)
    assert {key: each.replies for key, each in anew.items()} == {
        key: each.replies for key, each in going_on.items()
    }


def test_a_cache_without_all_tokens_is_left_to_transformers(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "other")
    change_json(folder / "generation_config.json", cache_implementation="static")
    assert not cache.keeps_every_token(load(build(folder)).model)
    assert {key: each.replies for key, each in answers(build(folder), MIXED).items()} == {
        key: each.replies for key, each in answers(build(tiny), MIXED).items()
    }
    stretching = copy(tiny, tmp_path / "stretching")
    change_json(
        stretching / "config.json",
        rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
    )
    model = load(build(stretching)).model
    assert cache.keeps_every_token(model)
    assert not cache.keeps_turns(model), "its keys change as the text grows"


COMMON = {"vocab_size": 261, "bos_token_id": None, "eos_token_id": 2, "initializer_range": 0.3}
WIDE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.parametrize(
    ("kind", "settings", "every_token", "turns"),
    [
        ("qwen3", {**WIDE, "num_key_value_heads": 2, "head_dim": 16}, True, True),
        ("gpt_neox", WIDE, True, True),
        ("mistral", {**WIDE, "num_key_value_heads": 2, "sliding_window": 16}, False, False),
        ("gpt2", {"n_embd": 64, "n_layer": 2, "n_head": 4}, True, False),
        ("bloom", {"hidden_size": 64, "n_layer": 2, "n_head": 4}, False, False),
        ("mamba", {"hidden_size": 64, "num_hidden_layers": 2}, False, False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_architectures_answer_in_a_batch_as_alone(
    tiny: Path, tmp_path: Path, kind: str, settings: dict[str, Any], every_token: bool, turns: bool
) -> None:
    import transformers

    folder = copy(tiny, tmp_path / kind)
    # Random weights that happen to open a thought and never to close it give no answer.
    torch.manual_seed(1 if kind == "mamba" else 0)
    config = transformers.AutoConfig.for_model(kind, **COMMON, **settings)
    auto: Any = transformers.AutoModelForCausalLM
    auto.from_config(config).save_pretrained(folder)
    loaded = load(build(folder)).model
    assert (cache.keeps_every_token(loaded), cache.keeps_turns(loaded)) == (every_token, turns)
    together, alone = answers(build(folder), MIXED), answers(build(folder, "batch_size=1"), MIXED)
    assert {key: each.replies for key, each in together.items()} == {
        key: each.replies for key, each in alone.items()
    }


# Conversations that come and go


def test_continuous_batching_answers_as_static_batches_do(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy: list[int] = []
    converse = continuous.converse

    def watched(name: str, engine: Engine, talks: Sequence[Talk], *rest: Any) -> None:
        greedy.append(len(talks))
        converse(name, engine, talks, *rest)

    monkeypatch.setattr(continuous, "converse", watched)
    model = build(tiny, "batching=continuous")
    coming = answers(model, MIXED)
    assert greedy == [3], "the fourth is drawn"
    static = answers(build(tiny), MIXED)
    assert {key: each.replies for key, each in coming.items()} == {
        key: each.replies for key, each in static.items()
    }
    assert model.tokens >= sum(reply.completion_tokens or 0 for a in coming.values() for reply in a.replies)
    assert [thread.name for thread in threading.enumerate() if "_run_generation_loop" in thread.name] == []


def test_continuous_batching_steps_back_where_it_would_answer_otherwise(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = copy(tiny, tmp_path / "penalised")
    change_json(folder / "generation_config.json", repetition_penalty=1.8)
    with caplog.at_level(logging.WARNING, "mtbench_pytest"):
        coming = answers(build(folder, "batching=continuous"), MIXED[:2])
    assert "static it is" in caplog.text
    static = answers(build(folder), MIXED[:2])
    assert [coming[key].replies for key in (1, 2)] == [static[key].replies for key in (1, 2)]


def test_closing_ends_continuous_batching(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(tiny, "batching=continuous")
    told: list[int] = []

    def count(tokens: int) -> None:
        told.append(tokens)
        for stop in tuple(model._under_way):
            stop.set()

    monkeypatch.setattr(model, "_count", count)
    with pytest.raises(ModelError, match="closed while it was answering"):
        run(model, [task(n, "Hi", "And?", tokens=5 + n) for n in range(4)])
    assert len(told) == 1
    model.close()


# Memory


def test_too_little_free_memory_splits_a_batch_and_says_so(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = answers(build(tiny), MIXED)
    need = build(tiny)._means.need
    assert need is not None
    # The longest prompt and its 8 new tokens are some 80 tokens: two conversations fit, three do not.
    monkeypatch.setattr(memory, "free_bytes", lambda _device: 170 * need.token)
    with caplog.at_level(logging.WARNING, "mtbench_pytest"):
        split = answers(build(tiny), MIXED)
    assert "MB are free, 4 conversations are generated 2 at a time" in caplog.text
    assert {key: each.replies for key, each in split.items()} == {
        key: each.replies for key, each in expected.items()
    }
    assert split[2].made_with["batch_size"] == 2


def test_what_a_model_needs_is_counted_from_its_settings(tiny: Path) -> None:
    config = load_config(tiny, None)
    need = memory.footprint(config, "bfloat16", 1000, gguf=False)
    # 2 layers, keys and values of 2 heads of 16; 64 wide, 128 between: 2 bytes each. Stored in float32.
    assert need == memory.Footprint(weights=500, token=(2 * 2 * 2 * 16 + 4 * 64 + 3 * 128) * 2)
    total = round(need.weights / 0.85) + round(3000 * need.token / 0.85)
    assert memory.budget(need, total, "cuda") == 2048, "rounded down to a power of two"
    assert memory.budget(need, 1, "cuda") == 1
    assert 1 << 28 < memory.machine_bytes() < 1 << 50
    free = memory.free_bytes("cpu")
    assert free is None or 0 < free <= memory.machine_bytes()


# Devices side by side


def test_every_visible_gpu_is_a_lane(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = from_spec(parse_spec(f"hf:{tiny}?dtype=bfloat16"))
    assert isinstance(model, Lanes)
    assert build(tiny).lanes() == ["cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert model.lanes() == ["cuda:0", "cuda:1"]
    assert from_spec(parse_spec(f"hf:{tiny}?device=cuda:1")).lanes() == ["cuda:1"]
    assert from_spec(parse_spec(f"hf:{tiny}?device_map=auto")).lanes() == ["all"]
    sizes = {"cuda:0": 80 << 30, "cuda:1": 40 << 30, "cuda": 80 << 30}
    monkeypatch.setattr(memory, "total_bytes", lambda device: sizes[device])
    second = model.on("cuda:1")
    assert second.identity() == model.identity()
    assert (second.name, second.settings.device) == (model.name, "cuda:1")
    assert second.identity()["batch_size"] == 64
    smaller = from_spec(parse_spec(f"hf:{tiny}?dtype=bfloat16&device=cuda:1"))
    assert smaller.identity()["batch_tokens"] == model.identity()["batch_tokens"], "the smallest one counts"


def test_a_copy_for_a_lane_answers_and_counts_by_itself(tiny: Path) -> None:
    model = build(tiny)
    mine = model.on("cpu")
    assert answers(mine, MIXED)[1].replies == answers(model, MIXED)[1].replies
    assert mine.tokens == model.tokens > 0
