"""Real checkpoints for tests: a tiny random Llama made on the fly, and the demo model.

A test file takes a fixture over by naming it: `tiny = hf_fixtures.tiny`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, Sampling
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import demo as demo_model
from mtbench_pytest.models.hf.checkpoint import require
from mtbench_pytest.models.hf.engine import Engine
from mtbench_pytest.models.hf.model import TransformersModel, from_spec

if find_spec("torch") is None:
    pytest.skip("needs torch", allow_module_level=True)
torch = require("torch")

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 256


def build_tiny(folder: Path, *, seed: int = 0, template: str | None = TEMPLATE, **save: Any) -> Path:
    """Saves a Llama of about 100,000 parameters whose vocabulary is the bytes and a few special tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
    words = special + sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({word: n for n, word in enumerate(words)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token="<|pad|>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", "<think>", "</think>"],
    )
    tokenizer.chat_template = template
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        # Wide enough for logits that differ: the default makes all tokens about as likely.
        initializer_range=0.3,
    )
    torch.manual_seed(seed)
    LlamaForCausalLM(config).save_pretrained(folder, **save)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny checkpoint; tests do not write to it."""
    return build_tiny(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The demo model's checkpoint."""
    try:
        return demo_model.fetch()
    except ModelError as error:
        pytest.skip(str(error))


def build(folder: Path, params: str = "") -> TransformersModel:
    """A model on the CPU, in float32 unless the parameters say otherwise: the same on every machine."""
    dtype = "" if "dtype=" in params else "&dtype=float32"
    return from_spec(parse_spec(f"hf:{folder}?device=cpu{dtype}&{params}"))


def load(model: TransformersModel) -> Engine:
    """The model's engine, weights loaded."""
    return model._load().engine


def task(
    question_id: int | str, *turns: str, temperature: float = 0.0, seed: int = 0, tokens: int = 12
) -> AnswerTask:
    return AnswerTask(Question(question_id, "general", turns), Sampling(temperature, seed, tokens))


def run(model: TransformersModel, tasks: Sequence[AnswerTask]) -> list[Answer | AnswerFailure]:
    """All results in the order they came; the model stays open."""

    async def go() -> list[Answer | AnswerFailure]:
        return [done async for done in model.answer(tasks)]

    return asyncio.run(go())


def answers(model: TransformersModel, tasks: Sequence[AnswerTask]) -> dict[int | str, Answer]:
    """Answers by question id; fails the test where a question has none. Closes the model."""
    try:
        results = run(model, tasks)
    finally:
        model.close()
    assert [done for done in results if isinstance(done, AnswerFailure)] == []
    return {done.question_id: done for done in results if isinstance(done, Answer)}


MIXED = [
    task(1, "Hi", "And?", tokens=8),
    task(2, "A question that is a good deal longer than the others", tokens=8),
    task("three", "Name a colour", "Another", "And one more", tokens=8),
    task(4, "What now?", "Why?", temperature=0.9, seed=5, tokens=8),
]


def change_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target
