"""What can be fetched: the manifest, where it lies, and what is told before anything is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mtbench_pytest.bench.fetch import GITHUB
from mtbench_pytest.bench.fetch.manifest import Collection, collections
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli import main
from mtbench_pytest.core.errors import SpecError
from mtbench_pytest.core.files import cache_folder
from mtbench_pytest.core.jsonl import dump_jsonl
from tests.unit.general_suite import DATA

NAMES = ("mt_bench", "mt_bench_ko", "mt_bench_de", "human-judgments")
QUESTION = {"question_id": 1, "category": "writing", "turns": ["Write."]}
EACH = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def published(collection: Collection, path: str) -> Path:
    """The same file among the public records beside the project."""
    if path == "judge_prompts.jsonl":
        return DATA / path
    return DATA / ("human" if collection.dataset else collection.name) / path


def test_the_names() -> None:
    assert tuple(collections()) == NAMES


@EACH
def test_an_entry_is_whole(name: str) -> None:
    found = collections()[name]
    assert bool(found.repository) != bool(found.dataset)
    assert found.licence in ("Apache-2.0", "CC-BY-4.0")
    assert found.files
    for file in found.files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.size > 0
        assert not Path(file.path).is_absolute()
        assert ".." not in file.path
    if found.repository:
        assert found.files[0].path == "question.jsonl"
        assert all(file.source.startswith("fastchat/llm_judge/data/") for file in found.files)
    assert urlsplit(GITHUB).scheme == "https"


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
@EACH
def test_its_hashes_are_those_of_the_public_files(name: str) -> None:
    found = collections()[name]
    for file in found.files:
        content = published(found, file.path).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file.sha256, file.size)


def test_the_cache_is_where_its_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTBENCH_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("MTBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert cache_folder() == Path("/shared/mtbench-pytest")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache/mtbench-pytest"


def test_benches_and_votes_lie_apart(cache: Path) -> None:
    assert collections()["mt_bench"].folder == cache / "benches/mt_bench"
    assert collections()["human-judgments"].folder == cache / "human-judgments"


def test_a_fetched_bench_is_found_by_name(cache: Path) -> None:
    folder = cache / "benches/mt_bench"
    folder.mkdir(parents=True)
    (folder / "question.jsonl").write_text(dump_jsonl([QUESTION]))
    assert find_bench(Path("mt_bench")) == folder


def test_a_folder_goes_before_what_was_fetched(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (cache / "benches/mt_bench", tmp_path / "mt_bench"):
        folder.mkdir(parents=True)
        (folder / "question.jsonl").write_text(dump_jsonl([QUESTION]))
    monkeypatch.chdir(tmp_path)
    assert find_bench(Path("mt_bench")) == tmp_path / "mt_bench"


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("mt_")])
def test_a_bench_that_was_not_fetched_is_told_with_the_command(name: str) -> None:
    with pytest.raises(SpecError, match=f"not fetched yet; expected `mtbench fetch {name}` once"):
        find_bench(Path(name))


def test_the_list_says_what_where_and_under_which_licence(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch"]) == 0
    out = capsys.readouterr().out
    assert all(f"{name}\n" in out for name in NAMES)
    assert "lm-sys/FastChat v0.2.36, Apache-2.0, 110 kB, not fetched" in out
    assert "lmsys/mt_bench_human_judgments main, CC-BY-4.0" in out
    assert main(["fetch", "--list", "mt_bench_ko"]) == 0
    assert "mt_bench_de" not in capsys.readouterr().out
    assert not cache.exists()


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "mt_bench", "mt-bench"]) == 2
    told = f"mtbench: mt-bench: nothing of that name; expected one of {', '.join(NAMES)}\n"
    assert capsys.readouterr().err == told
