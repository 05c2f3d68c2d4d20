"""Checkpoints that are broken: told in one line, never measured as if they were sound."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from mtbench_pytest.core.errors import ModelError, MTBenchError
from mtbench_pytest.core.records import Answer, AnswerFailure, Message, Question
from mtbench_pytest.models.hf.checkpoint import require
from tests.real import hf_fixtures
from tests.real.hf_fixtures import TEMPLATE, build, run, task, torch

tiny = hf_fixtures.tiny

Weights = dict[str, Any]


def broken(tiny: Path, folder: Path, change: Callable[[Weights], Weights]) -> Path:
    """A copy with other weights."""
    shutil.copytree(tiny, folder)
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})
    return folder


def refusal(folder: Path) -> str:
    model = build(folder)
    with pytest.raises(ModelError) as error:
        run(model, [task(1, "Hi")])
    model.close()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_keys_with_a_prefix_that_a_trainer_left(tiny: Path, tmp_path: Path) -> None:
    def prefixed(weights: Weights) -> Weights:
        return {f"base_model.model.{key}": value for key, value in weights.items()}

    told = refusal(broken(tiny, tmp_path / "prefixed", prefixed))
    assert "weights that do not fit" in told
    assert "of the model's weights are in no file (" in told
    assert "base_model.model." in told


def test_a_weight_that_is_missing_left_over_or_of_another_shape(tiny: Path, tmp_path: Path) -> None:
    norm = "model.layers.1.input_layernorm.weight"

    def without(weights: Weights) -> Weights:
        return {key: value for key, value in weights.items() if key != norm}

    def more(weights: Weights) -> Weights:
        return {**weights, "model.layers.7.mlp.lora_A.weight": torch.zeros(2, 2)}

    def wider(weights: Weights) -> Weights:
        return {**weights, norm: torch.zeros(65)}

    assert f"1 of the model's weights are in no file ({norm})" in refusal(
        broken(tiny, tmp_path / "1", without)
    )
    assert "model.layers.7.mlp.lora_A.weight" in refusal(broken(tiny, tmp_path / "2", more))
    assert norm in refusal(broken(tiny, tmp_path / "3", wider))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number(tiny: Path, tmp_path: Path, value: float) -> None:
    def poisoned(weights: Weights) -> Weights:
        weights["model.layers.0.mlp.up_proj.weight"][3, 3] = value
        return weights

    told = refusal(broken(tiny, tmp_path / "poisoned", poisoned))
    assert "model.layers.0.mlp.up_proj.weight holds NaN or infinity" in told


def test_numbers_that_overflow_while_it_answers_are_a_failure_of_that_question(
    tiny: Path, tmp_path: Path
) -> None:
    """Each weight is a number, the scores of the tokens are none: once an empty answer, and a PASS."""

    def huge(weights: Weights) -> Weights:
        weights["model.norm.weight"] *= 3e38
        return weights

    model = build(broken(tiny, tmp_path / "huge", huge))
    (result,) = run(model, [task(1, "Hi", "And?")])
    model.close()
    assert isinstance(result, AnswerFailure)
    assert result.reason.startswith("turn 1: the model gave NaN or infinity in place of scores")


def test_a_tokenizer_larger_than_the_embedding(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "larger"
    shutil.copytree(tiny, folder)
    tokenizer = require("transformers").AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<|call|>", "<|return|>"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError, match=r"its tokenizer has 263 tokens and its embedding 261 rows"):
        build(folder).prepare([])


def test_an_adapter_beside_full_weights(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "both"
    shutil.copytree(tiny, folder)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(MTBenchError, match="an adapter beside full weights"):
        build(folder).prepare([])


LAST_ONLY = "{{ messages[-1]['content'] }}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
NO_SYSTEM = TEMPLATE.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}")
ONE_ROLE = TEMPLATE.replace("{% for m in messages %}", "{% for m in messages if m['role'] == 'user' %}")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (LAST_ONLY, "leaves out message 1 of 4 of a conversation, by the system"),
        (NO_SYSTEM, "leaves out message 1 of 4 of a conversation, by the system"),
        (ONE_ROLE, "leaves out message 1 of 4"),
    ],
)
def test_a_template_that_drops_what_it_is_given(tiny: Path, tmp_path: Path, template: str, told: str) -> None:
    file = tmp_path / "template.jinja"
    file.write_text(template)
    asked = [Question(1, "general", ("Hi", "And?"), opening=(Message("system", "Be brief."),))]
    with pytest.raises(ModelError, match=told):
        build(tiny, f"chat_template={file}").prepare(asked)
    file.write_text(TEMPLATE)
    build(tiny, f"chat_template={file}").prepare(asked)


def test_a_template_with_the_date_has_another_key_each_day(tiny: Path, tmp_path: Path) -> None:
    dated = tmp_path / "dated.jinja"
    dated.write_text("{{ strftime_now('%Y-%m-%d') }}" + TEMPLATE)
    assert "date" in build(tiny, f"chat_template={dated}").identity()
    assert "date" not in build(tiny).identity()


def test_an_answer_ends_where_the_template_closes_the_turn(tiny: Path, tmp_path: Path) -> None:
    """Neither the generation config nor the tokenizer names the template's token for it."""
    folder = tmp_path / "unnamed"
    shutil.copytree(tiny, folder)
    for name in ("generation_config.json", "config.json"):
        data = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**data, "eos_token_id": 0}))
    data = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**data, "eos_token": "<|pad|>"}))
    model = build(folder)
    assert 2 in hf_fixtures.load(model).ends
    (result,) = run(model, [task(1, "Hi")])
    model.close()
    assert isinstance(result, Answer)
