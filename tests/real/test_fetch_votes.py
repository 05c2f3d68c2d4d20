"""`mtbench fetch human-judgments` against a server that speaks as the Hub does."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.real.hub_server import HubServer
from tests.unit.general_suite import DATA, read

VOTE = {
    "judge": "expert_1",
    "model_a": "one",
    "model_b": "two",
    "question_id": 81,
    "turn": 1,
    "winner": "model_a",
}


def parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    """A file as the dataset has them: columns in another order, the conversations beside."""
    talks = [[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]] * len(rows)
    columns: dict[str, Any] = {key: [row[key] for row in rows] for key in reversed(VOTE)}
    file = io.BytesIO()
    pq.write_table(pa.table({"conversation_a": talks, **columns, "conversation_b": talks}), file)
    return file.getvalue()


def hub(human: Sequence[dict[str, Any]], pair: Sequence[dict[str, Any]]) -> HubServer:
    return HubServer(
        {
            "README.md": b"# Votes",
            "data/human-00000-of-00001-25f4.parquet": parquet(human),
            "data/gpt4_pair-00000-of-00001-c0b4.parquet": parquet(pair),
        }
    )


def fetch(folder: Path, url: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """In a process of its own: the Hub's library reads its address once."""
    call = "from mtbench_pytest.cli import main; sys.exit(main(['fetch', 'human-judgments']))"
    run = f"import sys; {code}\n{call}"
    own = {"MTBENCH_CACHE": str(folder / "cache"), "HF_ENDPOINT": url, "HF_HOME": str(folder / "hf")}
    return subprocess.run(
        [sys.executable, "-c", run], env=os.environ | own, capture_output=True, text=True, check=False
    )


def pinned(folder: Path, *contents: bytes) -> str:
    """Code that sets a manifest with the hashes of these two files."""
    text = (
        '[human-judgments]\nabout = ""\nlicence = "CC-BY-4.0"\ndataset = "lmsys/votes"\nrevision = "main"\n'
    )
    for name, content in zip(("human", "gpt4_pair"), contents, strict=True):
        text += f'[[human-judgments.files]]\npath = "{name}.jsonl"\nsource = "data/{name}-*.parquet"\n'
        text += f'sha256 = "{hashlib.sha256(content).hexdigest()}"\nsize = {len(content)}\n'
    path = folder / "manifest.toml"
    path.write_text(text)
    imports = "from pathlib import Path; from mtbench_pytest.bench.fetch import manifest"
    return f"{imports}; manifest._MANIFEST = Path({str(path)!r})"


def line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def test_the_label_columns_are_written_as_json_lines(tmp_path: Path) -> None:
    other = VOTE | {"judge": "gpt4_pair", "winner": "tie"}
    code = pinned(tmp_path, line(VOTE) * 2, line(other))
    with hub([VOTE, VOTE], [other]) as server:
        done = fetch(tmp_path, server.url, code)
        assert done.returncode == 0, done.stderr
        assert "README" not in " ".join(server.asked)
    folder = tmp_path / "cache/human-judgments"
    assert done.stdout == f"human-judgments: {folder} (lmsys/votes main, CC-BY-4.0)\n"
    assert sorted(path.name for path in folder.iterdir()) == ["gpt4_pair.jsonl", "human.jsonl"]
    assert (folder / "human.jsonl").read_bytes() == line(VOTE) * 2
    assert list((tmp_path / "cache").iterdir()) == [folder]
    done = fetch(tmp_path, "http://127.0.0.1:9", code)
    assert done.stdout == f"human-judgments: in the cache, {folder}\n"


@pytest.mark.skipif(not DATA.is_dir(), reason="shared data absent")
def test_the_published_votes_are_known_by_their_hash(tmp_path: Path) -> None:
    with hub(read(DATA / "human/human.jsonl"), read(DATA / "human/gpt4_pair.jsonl")) as server:
        done = fetch(tmp_path, server.url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/human-judgments/human.jsonl").read_bytes() == (
        DATA / "human/human.jsonl"
    ).read_bytes()


def test_other_votes_are_refused(tmp_path: Path) -> None:
    with hub([VOTE], [VOTE]) as server:
        done = fetch(tmp_path, server.url)
    assert done.returncode == 2
    (told,) = done.stderr.splitlines()
    assert told.startswith("mtbench: lmsys/mt_bench_human_judgments: human.jsonl has sha256 ")
    assert "expected sha256 7ae1ff9a" in told
    assert not (tmp_path / "cache/human-judgments").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("data/human-0.parquet", b"<html>", "human-0.parquet cannot be read ("),
        ("data/other.parquet", b"", "no data/human-*.parquet there"),
    ],
)
def test_what_is_not_the_dataset_is_refused(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    with HubServer({name: content}) as server:
        done = fetch(tmp_path, server.url)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "cache/human-judgments").exists()


def test_without_a_network(tmp_path: Path) -> None:
    """The Hub's library tries for half a minute, and says so; here it does not wait."""
    done = fetch(tmp_path, "http://127.0.0.1:9", "import time; time.sleep = lambda _: None")
    assert done.returncode == 2
    (told,) = (line for line in done.stderr.splitlines() if line.startswith("mtbench: "))
    assert "the Hugging Face Hub gave nothing (" in told
    assert f"or the files put into {tmp_path}/cache/human-judgments by hand" in told


def test_without_the_extra(tmp_path: Path) -> None:
    done = fetch(tmp_path, "http://127.0.0.1:9", "sys.modules['pyarrow'] = None")
    assert done.returncode == 2
    assert "expected pip install 'mtbench-pytest[human]'" in done.stderr
