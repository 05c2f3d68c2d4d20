"""A checkpoint's files: the identity they give an answer, and what is found out before weights are loaded."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import FileError, ModelError, MTBenchError, SpecError
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models.base import Renders
from mtbench_pytest.models.hf import settings
from mtbench_pytest.models.hf.checkpoint import require
from mtbench_pytest.models.hf.engine import load_config
from mtbench_pytest.models.hf.model import from_spec
from tests.real import hf_fixtures
from tests.real.hf_fixtures import MIXED, answers, build, build_tiny, copy, load, run, task

torch = hf_fixtures.torch
tiny = hf_fixtures.tiny


# Identity


def test_the_digest_follows_the_files_and_not_the_folder(tiny: Path, tmp_path: Path) -> None:
    identity = build(tiny).identity()
    assert build(copy(tiny, tmp_path / "elsewhere")).identity() == identity
    other = copy(tiny, tmp_path / "noted")
    (other / "README.md").write_text("notes")
    (other / "optimizer.pt").write_text("state")
    assert build(other).identity() == identity
    assert build(build_tiny(tmp_path / "other", seed=1)).identity()["weights"] != identity["weights"]
    for name in ("config.json", "generation_config.json", "tokenizer_config.json", "chat_template.jinja"):
        edited = copy(tiny, tmp_path / f"with-{name}")
        with (edited / name).open("a") as file:
            file.write("\n")
        assert build(edited).identity()["weights"] != identity["weights"], name


def test_the_identity_names_what_answers_depend_on(tiny: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(hf_fixtures.TEMPLATE)
    plain = build(tiny).identity()
    assert (plain["dtype"], plain["device"], plain["batch_dependent"]) == ("float32", "cpu", False)
    for params in ("dtype=bfloat16", "system=Hi", f"chat_template={template}"):
        assert build(tiny, params).identity() != plain, params
    for params in ("name=other", "batch_size=2", "batch_tokens=64"):
        assert build(tiny, params).identity() == plain, f"{params} changes no answer in float32"
    json.dumps(plain)


def test_in_16_bits_the_identity_names_the_batches(tiny: Path) -> None:
    plain = build(tiny, "dtype=bfloat16").identity()
    assert (plain["batch_dependent"], plain["batch_size"]) == (True, 16)
    assert plain["batch_tokens"] >= 1024
    for params in ("batch_size=2", "batch_tokens=64"):
        assert build(tiny, f"dtype=bfloat16&{params}").identity() != plain
    alone = build(tiny, "dtype=bfloat16&batch_size=1").identity()
    assert (alone["batch_dependent"], alone["batch_size"], alone["batch_tokens"]) == (False, 1, None)


def test_answers_say_how_they_were_made(tiny: Path) -> None:
    answer = answers(build(tiny, "dtype=bfloat16&name=mine"), [task(1, "Hi", temperature=0.5, seed=3)])[1]
    assert answer.model == "mine"
    expected = {"dtype": "bfloat16", "device": "cpu", "temperature": 0.5, "seed": 3, "max_new_tokens": 12}
    assert expected.items() <= answer.made_with.items()
    assert answer.made_with["attention"] in ("sdpa", "eager")
    assert answer.made_with["torch"] == torch.__version__


def test_a_sharded_checkpoint_answers_as_a_single_file_does(tiny: Path, tmp_path: Path) -> None:
    sharded = build_tiny(tmp_path / "sharded", max_shard_size="100KB")
    assert len(list(sharded.glob("model-*.safetensors"))) > 1
    assert answers(build(sharded), MIXED)[1].turns == answers(build(tiny), MIXED)[1].turns
    next(sharded.glob("model-*.safetensors")).unlink()
    with pytest.raises(FileError, match=r"index\.json names model-.*, which is missing"):
        build(sharded).prepare([])


# What is found out early


def test_building_is_cheap_and_says_what_it_does_not_know(tiny: Path) -> None:
    model = build(tiny)
    assert (model.name, model.uses_device, model._batches) == ("tiny", True, None)
    for params, words in {
        "dtype=int8": "expected one of auto, float32, bfloat16, float16",
        "device=tpu": "expected auto, cpu, mps, cuda or cuda:N",
        "batchsize=2": "did you mean batch_size?",
        "batch_size=0": "expected a whole number from 1 up",
    }.items():
        with pytest.raises(SpecError, match=words.replace("?", r"\?")):
            from_spec(parse_spec(f"hf:{tiny}?{params}"))
    with pytest.raises(SpecError, match="device and device_map together"):
        build(tiny, "device_map=auto")
    with pytest.raises(SpecError, match="no checkpoint"):
        from_spec(parse_spec("hf:"))


def test_prepare_loads_no_weights(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("weights are loaded by answer")

    monkeypatch.setattr("mtbench_pytest.models.hf.model.load_weights", forbidden)
    model = build(tiny)
    model.prepare([each.question for each in MIXED])
    assert model._batches is None


def test_render_shows_what_the_model_reads(tiny: Path) -> None:
    model = build(tiny, "system=Be%20brief.")
    text = model.render(MIXED[0].question)
    assert isinstance(model, Renders)
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )
    loaded = load(model)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert loaded.tokenizer.decode(loaded.prompt(messages)) == text


def problem(folder: Path | str, params: str = "device=cpu") -> str:
    with pytest.raises(MTBenchError) as caught:
        from_spec(parse_spec(f"hf:{folder}?{params}")).prepare([])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_no_chat_template(tmp_path: Path) -> None:
    folder = build_tiny(tmp_path / "base", template=None)
    assert "no chat template; expected one, or a Jinja file by ?chat_template=FILE" in problem(folder)
    template = tmp_path / "template.jinja"
    template.write_text(hf_fixtures.TEMPLATE)
    model = build(folder, f"chat_template={template}")
    model.prepare([])
    assert answers(model, [task(1, "Hi")])[1].turns[0]
    template.write_text(" ")
    assert "an empty file" in problem(folder, f"chat_template={template}")
    assert "No such file" in problem(folder, f"chat_template={template}.missing")


def test_a_template_that_refuses_the_conversation(tmp_path: Path) -> None:
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    refusing += "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    folder = build_tiny(tmp_path / "picky", template=refusing)
    assert "refuses a system prompt and 1 turns" in problem(folder, "system=Hi&device=cpu")
    build(folder).prepare([])


def test_folders_that_are_no_checkpoint(tiny: Path, tmp_path: Path) -> None:
    assert problem(tmp_path / "none") == f"{tmp_path / 'none'}: no such folder; expected a checkpoint folder"
    (tmp_path / "empty").mkdir()
    assert "no config.json" in problem(tmp_path / "empty")
    (tmp_path / "empty" / "adapter_config.json").write_text("{}")
    assert "an adapter without its base; expected merged weights" in problem(tmp_path / "empty")
    weightless = copy(tiny, tmp_path / "weightless")
    (weightless / "model.safetensors").unlink()
    assert "no model.safetensors" in problem(weightless)
    (weightless / "model.safetensors.index.json").write_text("[]")
    assert "not an index of weights" in problem(weightless)
    mute = copy(tiny, tmp_path / "mute")
    (mute / "tokenizer.json").unlink()
    assert "no usable tokenizer" in problem(mute)
    assert "no such file; expected a GGUF file" in problem(tiny, "gguf_file=x.gguf")


def test_broken_weights_are_one_line(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(ModelError, match="broken") as caught:
        run(build(folder), [task(1, "Hi")])
    assert "\n" not in str(caught.value)


def test_a_gpu_that_is_not_there(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert "device=cuda, but torch sees 0 CUDA GPUs here" in problem(tiny, "device=cuda")
    assert "device=mps, but torch has no MPS here" in problem(tiny, "device=mps")
    assert settings.pick_device("auto", "x") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "device=cuda:2, but torch sees 2 CUDA GPUs" in problem(tiny, "device=cuda:2")
    assert settings.pick_device("auto", "x") == "cuda"


def test_the_dtype_on_a_gpu_is_the_checkpoints_own(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config(tiny, None)
    assert settings.pick_dtype("auto", "cuda", config) == "float32"
    config.dtype = torch.bfloat16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    assert settings.pick_dtype("auto", "cuda:0", config) == "float16"
    assert settings.pick_dtype("auto", "mps", config) == "bfloat16"
    assert settings.pick_dtype("float16", "cpu", config) == "float16"


def test_the_dtype_on_a_cpu_is_bfloat16_where_it_has_instructions_for_it(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load_config(tiny, None)
    config.dtype = torch.float16
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert settings.pick_dtype("auto", "cpu", config) == "float32"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert settings.pick_dtype("auto", "cpu", config) == "bfloat16"
    assert settings.pick_dtype("float32", "cpu", config) == "float32"


def test_a_missing_package_names_the_extra_and_threads_wait_without_spinning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with pytest.raises(ModelError, match=r"expected pip install 'mtbench-pytest\[hf\]'"):
        require("torch_that_is_not_installed")
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE", "the user's word counts"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    require("torch")
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_gguf_file_can_be_named_directly(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    model = build(tmp_path / "small.gguf", "dtype=float32")
    assert model.name == "small"
    assert model._checkpoint.digest() == build(tmp_path, "gguf_file=small.gguf")._checkpoint.digest()
    with pytest.raises(ModelError, match="no usable settings"):
        model.identity()
    assert "no usable tokenizer" in problem(tmp_path / "small.gguf")


def test_a_repository_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    text = problem("someone/some-model")
    assert text.startswith("hf:someone/some-model?device=cpu: no such folder here, and the Hugging Face Hub")
