"""What tells cheaply that a checkpoint is the one it was, and the digest that it stands for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import build_model
from mtbench_pytest.models.base import Fingerprints
from mtbench_pytest.models.hf.checkpoint import HubCheckpoint
from mtbench_pytest.models.hf.model import TransformersModel
from tests.real import hf_fixtures
from tests.real.hf_fixtures import build, copy

tiny = hf_fixtures.tiny
demo_folder = hf_fixtures.demo_folder


def test_the_fingerprint_follows_files_and_settings(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path / "mine")
    template = tmp_path / "template.jinja"
    template.write_text(hf_fixtures.TEMPLATE)
    params = f"chat_template={template}"
    plain = build(folder, params).fingerprint()
    assert plain is not None
    json.dumps(plain)
    assert isinstance(build(folder), Fingerprints)
    assert build(folder, params).fingerprint() == plain
    assert build(folder, f"{params}&batch_size=3").fingerprint() != plain
    template.write_text(hf_fixtures.TEMPLATE + " ")
    assert build(folder, params).fingerprint() != plain
    template.write_text(hf_fixtures.TEMPLATE)
    assert build(folder, params).fingerprint() == plain
    (folder / "notes.txt").write_text("not read")
    assert build(folder, params).fingerprint() == plain
    weights = folder / "model.safetensors"
    before = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(folder, params).fingerprint() != plain, "same size and time of change, other content"


def test_no_fingerprint_where_it_cannot_be_known(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build(tmp_path / "missing").fingerprint() is None
    assert build(tiny, f"chat_template={tmp_path / 'missing'}").fingerprint() is None
    monkeypatch.setenv("MTBENCH_CACHE", str(tmp_path / "empty"))
    demo = build_model(parse_spec("demo"))
    assert isinstance(demo, TransformersModel)
    assert demo.fingerprint() is None
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    commit = "0123456789" * 4
    copy(tiny, tmp_path / "hub" / "models--some--model" / "snapshots" / commit)
    assert HubCheckpoint("some/model", "main", "x").facts() is None, "a branch may have moved"
    assert HubCheckpoint("some/model", commit, "x").facts() is not None
    assert HubCheckpoint("some/model", commit[::-1], "x").facts() is None


def test_the_fingerprint_is_cheap(demo_folder: Path) -> None:
    script = (
        "import sys; from mtbench_pytest.models import build_model\n"
        "from mtbench_pytest.core.specs import parse_spec\n"
        f"assert build_model(parse_spec('hf:{demo_folder}')).fingerprint()\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    model = build(demo_folder)
    model.fingerprint()
    taken = []
    for _ in range(5):
        begin = time.perf_counter()
        model.fingerprint()
        taken.append(time.perf_counter() - begin)
    assert min(taken) < 0.02


def test_the_digest_reads_files_side_by_side_and_stays_what_it_was(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    # sha256 over "name, zero, sha256 of the content, newline" of both, as it was when one was read at a time.
    expected = "9ec0cdbf409d2902"
    assert build(tmp_path)._checkpoint.digest().startswith(expected)
