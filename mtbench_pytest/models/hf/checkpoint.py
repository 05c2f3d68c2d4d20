"""Where a checkpoint's files are, whether they can be used, and the digest that names them."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError, ModelError, MTBenchError, first_line

# What `from_pretrained` reads besides the weights. All of it changes answers, so all of it is hashed.
SIDE_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_REPO = re.compile(r"[\w.-]+/[\w.-]+\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


def require(module: str) -> Any:
    """Imports a module of the `hf` extra, late: torch takes seconds that other models need not spend."""
    # Torch's threads spin while they wait for each other. Where another process wants the same cores, a
    # generation then takes several times as long. OpenMP reads this once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ModelError(
            f"models on this machine need {error.name or module}, which is not installed; "
            "expected pip install 'mtbench-pytest[hf]'"
        ) from None


class Checkpoint(ABC):
    """A checkpoint's files, wherever they are.

    Args:
        given: What the user wrote, for messages.
        gguf_file: Name of a GGUF file in the folder, which then holds weights, settings and tokenizer.
    """

    def __init__(self, given: str, gguf_file: str | None = None) -> None:
        self.given = given
        self.gguf_file = gguf_file

    @abstractmethod
    def tokenizer_folder(self) -> Path:
        """A folder with at least settings and tokenizer, checked."""

    @abstractmethod
    def folder(self) -> Path:
        """A folder with all files, checked."""

    @abstractmethod
    def local_folder(self) -> Path | None:
        """The folder where it is surely the one that `folder()` gives, found without a network; else None."""

    def digest(self) -> str:
        """sha256 over names and contents of the files that matter, independent of the folder's name."""
        folder = self.folder()
        names = sorted(_files(folder, self.gguf_file))
        with ThreadPoolExecutor(thread_name_prefix="mtbench-digest") as pool:
            contents = pool.map(_sha256, [folder / name for name in names])
        total = hashlib.sha256()
        for name, content in zip(names, contents, strict=True):
            total.update(f"{name}\0{content}\n".encode())
        return total.hexdigest()

    def template_text(self) -> str:
        """The text of the files in which a chat template stands, its own or the tokenizer's settings."""
        folder = self.local_folder() or self.tokenizer_folder()
        files = [folder / name for name in _TEMPLATES if (folder / name).is_file()]
        return "".join(file.read_text("utf-8", "replace") for file in files)

    def weights_bytes(self) -> int:
        """Size of the weight files."""
        folder = self.folder()
        names = [self.gguf_file] if self.gguf_file else _weights(folder)
        return sum((folder / name).stat().st_size for name in names)

    def facts(self) -> list[list[str | int]] | None:
        """What tells cheaply that the files of `digest` are the same as before; None where that is not known.

        Returns:
            For each file its name, size, times of change in nanoseconds, of content and of entry, and inode.
        """
        try:
            folder = self.local_folder()
            if folder is None:
                return None
            names = sorted(_files(folder, self.gguf_file))
            found = [(name, (folder / name).stat()) for name in names]
        except (OSError, MTBenchError):
            return None
        return [[name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino] for name, stat in found]


class LocalCheckpoint(Checkpoint):
    """A folder as `save_pretrained` writes it, or one that holds a GGUF file."""

    def __init__(self, path: Path, given: str, gguf_file: str | None = None) -> None:
        super().__init__(given, gguf_file)
        self.path = path

    def tokenizer_folder(self) -> Path:
        """See `Checkpoint.tokenizer_folder`."""
        return self.folder()

    def folder(self) -> Path:
        """See `Checkpoint.folder`."""
        if not self.path.is_dir():
            raise FileError(self.path, "no such folder", "a checkpoint folder")
        _check(self.path, self.gguf_file)
        return self.path

    def local_folder(self) -> Path:
        """See `Checkpoint.local_folder`."""
        return self.folder()


class HubCheckpoint(Checkpoint):
    """A repository on the Hugging Face Hub, kept in its own cache."""

    def __init__(self, repo: str, revision: str | None, given: str, gguf_file: str | None = None) -> None:
        super().__init__(given, gguf_file)
        self.repo = repo
        self.revision = revision

    def tokenizer_folder(self) -> Path:
        """See `Checkpoint.tokenizer_folder`. A GGUF file is fetched whole: the tokenizer is inside."""
        return self._download(list(SIDE_FILES)) if self.gguf_file is None else self.folder()

    def folder(self) -> Path:
        """See `Checkpoint.folder`."""
        wanted = [self.gguf_file] if self.gguf_file else [*SIDE_FILES, "model*.safetensors", INDEX]
        folder = self._download(wanted)
        _check(folder, self.gguf_file)
        return folder

    def local_folder(self) -> Path | None:
        """See `Checkpoint.local_folder`. A branch may have moved on the Hub since; a commit cannot."""
        if self.revision is None or not _COMMIT.match(self.revision):
            return None
        folder = _hub_cache() / f"models--{self.repo.replace('/', '--')}" / "snapshots" / self.revision
        _check(folder, self.gguf_file)
        return folder

    def _download(self, names: list[str]) -> Path:
        hub = require("huggingface_hub")
        subfolders = [] if self.gguf_file and "/" in self.gguf_file else ["*/*"]
        try:
            path = hub.snapshot_download(
                self.repo,
                revision=self.revision,
                allow_patterns=names,
                ignore_patterns=subfolders,
            )
        except Exception as error:
            raise ModelError(
                f"{self.given}: no such folder here, and the Hugging Face Hub gave nothing "
                f"({first_line(error)}); expected a checkpoint folder or a repository that can be reached"
            ) from None
        return Path(path)


def locate(value: str, revision: str | None, gguf_file: str | None, given: str) -> Checkpoint:
    """Tells a folder from a repository by its name and by what is there; asks no server."""
    path = Path(value).expanduser()
    if path.suffix == ".gguf" and path.is_file() and gguf_file is None:
        path, gguf_file = path.parent, path.name
    if path.exists() or not _REPO.match(value) or value.startswith((".", "~")):
        return LocalCheckpoint(path, given, gguf_file)
    return HubCheckpoint(value, revision, given, gguf_file)


def _hub_cache() -> Path:
    """Where huggingface_hub keeps repositories; said here again because importing it takes its time."""
    if own := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(own).expanduser()
    shared = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HOME") or shared).expanduser() / "hub"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(folder: Path, gguf_file: str | None) -> None:
    if gguf_file is not None:
        if not (folder / gguf_file).is_file():
            raise FileError(folder / gguf_file, "no such file", "a GGUF file")
        return
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise FileError(folder, "an adapter without its base", "merged weights (PEFT: merge_and_unload)")
        raise FileError(folder, "no config.json", "a checkpoint folder as save_pretrained writes it")
    if (folder / "adapter_config.json").is_file():
        problem = "an adapter beside full weights: which of the two is meant cannot be told"
        raise FileError(folder, problem, "merged weights (PEFT: merge_and_unload), or no adapter_config.json")
    for name in _weights(folder):
        if not (folder / name).is_file():
            problem = f"no {name}" if name == WEIGHTS else f"{INDEX} names {name}, which is missing"
            raise FileError(folder, problem, "safetensors weights as save_pretrained writes them")


def _weights(folder: Path) -> list[str]:
    """The weight files, chosen as transformers chooses them: one file before an index of several."""
    if (folder / WEIGHTS).is_file() or not (folder / INDEX).is_file():
        return [WEIGHTS]
    try:
        shards = json.loads((folder / INDEX).read_text("utf-8"))["weight_map"].values()
    except (ValueError, KeyError, AttributeError, TypeError):
        raise FileError(folder / INDEX, "not an index of weights", "JSON with a weight_map") from None
    return sorted({INDEX, *shards})


def _files(folder: Path, gguf_file: str | None) -> Iterator[str]:
    if gguf_file is not None:
        yield gguf_file
        return
    yield from _weights(folder)
    yield from (name for name in SIDE_FILES if (folder / name).is_file())
