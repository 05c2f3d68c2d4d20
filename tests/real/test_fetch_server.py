"""`mtbench fetch` against a real server that misbehaves to order."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mtbench_pytest.bench.bench import load_bench
from mtbench_pytest.bench.fetch import download as transfer
from mtbench_pytest.bench.fetch import manifest
from mtbench_pytest.bench.locate import find_bench
from mtbench_pytest.cli import main
from mtbench_pytest.core.jsonl import dump_jsonl
from tests.real.file_server import Fault, FileServer
from tests.real.gate import DATA, LLAMA, Gate, needs_data

QUESTIONS = dump_jsonl(
    {"question_id": n, "category": "writing", "turns": [f"Write line {n}.", "Now shorten it."]}
    for n in range(1, 101)
).encode()
ANSWERS = dump_jsonl([{"question_id": 1, "choices": [{"turns": ["A line.", "Line."]}]}]).encode()
FILES = {"question.jsonl": QUESTIONS, "reference_answer/gpt-4.jsonl": ANSWERS}
FIRST = "owner/repo/v1/data/question.jsonl"


def manifest_of(files: Mapping[str, bytes]) -> str:
    lines = [
        '[small]\nabout = "A small bench"\nlicence = "CC0-1.0"\nrepository = "owner/repo"\nrevision = "v1"'
    ]
    for path, content in files.items():
        lines += ["[[small.files]]", f'path = "{path}"', f'source = "data/{path}"']
        lines += [f'sha256 = "{hashlib.sha256(content).hexdigest()}"', f"size = {len(content)}"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, a manifest of one small bench, and no pause between tries."""
    path = tmp_path / "manifest.toml"
    path.write_text(manifest_of(FILES))
    monkeypatch.setattr(manifest, "_MANIFEST", path)
    monkeypatch.setattr(transfer, "_PAUSE", 0.0)
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "cache"))
    manifest.collections.cache_clear()
    yield tmp_path / "cache"
    manifest.collections.cache_clear()


@pytest.fixture
def files() -> Iterator[FileServer]:
    with FileServer({f"owner/repo/v1/data/{path}": content for path, content in FILES.items()}) as server:
        yield server


def fetch(server: FileServer, *options: str) -> int:
    return main(["fetch", "small", "--base-url", server.url, *options])


def left_in(cache: Path) -> list[str]:
    """What lies in the cache, without the bench itself."""
    found = (path.relative_to(cache).as_posix() for path in cache.rglob("*"))
    return [path for path in found if not path.startswith("benches/small") and path != "benches"]


def test_a_bench_is_fetched_once(cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch(files) == 0
    folder = cache / "benches/small"
    assert capsys.readouterr().out == f"small: {folder} (owner/repo v1, CC0-1.0)\n"
    assert {path: (folder / path).read_bytes() for path in FILES} == FILES
    assert find_bench(Path("small")) == folder
    assert len(load_bench(folder).questions) == 100
    assert fetch(files) == 0
    assert capsys.readouterr().out == f"small: in the cache, {folder}\n"
    assert len(files.asked) == 2, "nothing is asked the second time"
    assert fetch(files, "--force") == 0
    assert len(files.asked) == 4
    assert left_in(cache) == []


@pytest.mark.parametrize("fault", ["429", "500", "cut", "short", "moved"])
def test_what_passes_is_tried_again(cache: Path, files: FileServer, fault: Fault) -> None:
    files.fail(fault)
    assert fetch(files) == 0
    assert files.asked.count(FIRST) == 2
    assert (cache / "benches/small/question.jsonl").read_bytes() == QUESTIONS


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("wrong", f"expected sha256 {hashlib.sha256(QUESTIONS).hexdigest()}"),
        ("long", f"more than {len(QUESTIONS)} bytes came"),
        ("html", "an HTML page came; expected the file: is a login or a proxy in between?"),
        ("page", f"an HTML page came; expected the file question.jsonl of {len(QUESTIONS)} bytes"),
        ("404", "404 Not Found; expected the file: is the address, or the mirror's, right?"),
        ("circle", "it leads on without end; expected the file"),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_what_is_not_the_file_is_refused(
    cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str], fault: Fault, told: str, cached: bool
) -> None:
    folder = cache / "benches/small"
    if cached:
        fetch(files)
        capsys.readouterr()
    files.fail(fault)
    assert fetch(files, "--force") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mtbench: {files.url}/{FIRST}: ")
    assert told in line
    by_hand = f"or the files put into {folder} by hand"
    assert line.endswith("; the copy in the cache stays" if cached else by_hand)
    assert folder.exists() == cached
    assert not manifest.collections()["small"].problems() or not cached
    assert left_in(cache) == []


@pytest.mark.parametrize("fault", ["cut", "500"])
def test_what_does_not_pass_is_given_up(
    cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str], fault: Fault
) -> None:
    files.fail(fault, fault, fault, fault)
    assert fetch(files) == 2
    line = capsys.readouterr().err
    what = "the connection was cut (" if fault == "cut" else "500 Internal Server Error, 4 times"
    assert what in line
    assert "expected a connection, or --base-url of a mirror" in line
    assert files.asked == [FIRST] * 4
    assert not (cache / "benches/small").exists()


def test_a_server_that_says_nothing_is_given_up(
    cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_TIMEOUT", 0.1)
    files.fail("hang", "hang", "hang", "hang")
    assert fetch(files) == 2
    assert "no connection (ReadTimeout" in capsys.readouterr().err
    assert not (cache / "benches/small").exists()


def test_without_a_network_the_cache_does(
    cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = ["--base-url", "http://127.0.0.1:9"]
    assert main(["fetch", "small", *gone]) == 2
    assert "no connection (ConnectError" in capsys.readouterr().err
    fetch(files)
    capsys.readouterr()
    assert main(["fetch", "small", *gone]) == 0
    assert capsys.readouterr().out == f"small: in the cache, {cache / 'benches/small'}\n"


def test_a_damaged_copy_is_loaded_again(
    cache: Path, files: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(files)
    file = cache / "benches/small/question.jsonl"
    file.write_bytes(QUESTIONS[:-100])
    capsys.readouterr()
    assert fetch(files) == 0
    assert capsys.readouterr().out.startswith("small: question.jsonl has sha256 ")
    assert file.read_bytes() == QUESTIONS
    assert left_in(cache) == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, files: FileServer, capsys: pytest.CaptureFixture[str], cache: Path
) -> None:
    cache.write_text("a file")
    assert fetch(files) == 2
    assert f"{tmp_path}/cache" in (line := capsys.readouterr().err)
    assert "expected a cache to write to (MTBENCH_CACHE)" in line
    assert files.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk(cache: Path, files: FileServer) -> None:
    wanted = manifest.collections()["small"].files[0]
    with pytest.raises(OSError, match="No space left"):
        transfer.download_file(f"{files.url}/{FIRST}", Path("/dev/full"), wanted)
    assert not cache.exists()


def in_a_process(cache: Path, server: FileServer) -> subprocess.Popen[str]:
    """The command, with this test's manifest."""
    code = (
        "import sys; from pathlib import Path; from mtbench_pytest.bench.fetch import manifest;"
        f"manifest._MANIFEST = Path({str(cache.parent / 'manifest.toml')!r});"
        "from mtbench_pytest.cli import main;"
        f"sys.exit(main(['fetch', 'small', '--base-url', {server.url!r}]))"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_fetch_that_is_killed_leaves_no_bench(cache: Path, files: FileServer) -> None:
    files.fail("slow")
    process = in_a_process(cache, files)
    deadline = time.monotonic() + 20
    while not files.asked and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert files.asked == [FIRST]
    assert not (cache / "benches/small").exists()
    assert fetch(files) == 0


def test_two_at_once_do_no_harm(cache: Path, files: FileServer) -> None:
    processes = [in_a_process(cache, files) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=30)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert manifest.collections()["small"].problems() == []
    assert left_in(cache) == []


@needs_data
def test_a_fetched_bench_runs_by_its_name(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = gate.folder / "cache"
    monkeypatch.setenv("MTBENCH_CACHE", str(cache))
    wanted = manifest.collections()["mt_bench"]
    where = f"{wanted.repository}/{wanted.revision}"
    lies = {file.path: DATA / "mt_bench" / file.path for file in wanted.files}
    lies["judge_prompts.jsonl"] = DATA / "judge_prompts.jsonl"
    answers = f"answers:{LLAMA}/model_answer/Meta-Llama-3-8B-Instruct"
    parties = {
        "candidate": f"{answers}-Griffin.jsonl",
        "baseline": f"{answers}-Normal.jsonl",
        "judge": f"judgments:{LLAMA}/model_judgment/gpt-4_single.jsonl",
    }
    assert gate.run("--mtbench-bench=mt_bench", "--mtbench-pairwise=off", **parties) == 4
    assert "bench mt_bench: not fetched yet; expected `mtbench fetch mt_bench` once" in gate.out
    with FileServer(
        {f"{where}/{file.source}": lies[file.path].read_bytes() for file in wanted.files}
    ) as server:
        assert main(["fetch", "mt_bench", "--base-url", server.url]) == 0
    assert gate.run("--mtbench-bench=mt_bench", "--mtbench-pairwise=off", **parties) == 20, gate.out
    assert gate.result["bench"]["path"] == str(cache / "benches/mt_bench")
    assert gate.result["bench"]["prompts"].startswith(str(cache))
