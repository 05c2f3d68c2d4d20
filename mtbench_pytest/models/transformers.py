"""`hf:PATH_OR_REPO`: a checkpoint answered by transformers on this machine."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import traceback
from collections import deque
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.errors import FileError, ModelError, MTBenchError
from mtbench_pytest.models.checkpoint import Checkpoint, first_line, locate, require
from mtbench_pytest.models.engine import (
    DTYPES,
    Engine,
    Row,
    is_out_of_memory,
    load_config,
    load_tokenizer,
    load_weights,
    pick_device,
    pick_dtype,
)
from mtbench_pytest.models.talk import Talk, plan_order
from mtbench_pytest.models.threads import in_thread
from mtbench_pytest.records import Answer, AnswerFailure, AnswerTask, Question
from mtbench_pytest.specs import Parser, Spec, choice, whole

_LOG = logging.getLogger("mtbench_pytest")

BATCH_SIZE = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """How a checkpoint is run.

    Attributes:
        dtype: float32, bfloat16, float16, or auto: see `engine.pick_dtype`.
        device: auto, cpu, mps, cuda or cuda:N.
        device_map: For models that span GPUs, as accelerate has it: auto, balanced …; `device` is then auto.
        batch_size: Most conversations generated together. A lack of memory makes it smaller.
        system: A system prompt put first in each conversation, or none.
        chat_template: A file with a Jinja template that replaces the checkpoint's.
    """

    dtype: str = "auto"
    device: str = "auto"
    device_map: str | None = None
    batch_size: int = BATCH_SIZE
    system: str = ""
    chat_template: Path | None = None


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise ValueError("auto, cpu, mps, cuda or cuda:N")
    return text


SETTINGS: Mapping[str, Parser] = {
    "dtype": choice("auto", *DTYPES),
    "device": _device,
    "device_map": choice("auto", "balanced", "balanced_low_0", "sequential"),
    "batch_size": whole(1),
    "system": str,
    "chat_template": lambda text: Path(text).expanduser(),
}


def read_settings(spec: Spec, own: Mapping[str, Parser] = {}) -> dict[str, Any]:
    """Reads the parameters that all models of this kind share: the fields of `Settings`, and `name`.

    Raises:
        SpecError: For a parameter that is unknown or means nothing, or two that exclude each other.
    """
    read = spec.read({**SETTINGS, "name": str, **own})
    if "chat_template" in read:
        read["chat_template"] = spec.base / read["chat_template"]
    if "device_map" in read and read.get("device", "auto") != "auto":
        raise spec.error("device and device_map together", "one of the two")
    return read


def from_spec(spec: Spec) -> TransformersModel:
    """Builds the model of a spec `hf:PATH_OR_REPO?…`; loads nothing.

    Raises:
        SpecError: For a parameter that is unknown or means nothing.
    """
    if not spec.value:
        raise spec.error("no checkpoint", "hf:FOLDER or hf:OWNER/REPOSITORY")
    read = read_settings(spec, {"revision": str, "gguf_file": str})
    # A folder beside the ini file that names it; anything else is as written, perhaps a repository.
    value = str(spec.path) if spec.path.exists() else spec.value
    checkpoint = locate(value, read.pop("revision", None), read.pop("gguf_file", None), str(spec))
    name = read.pop("name", None) or Path(value).expanduser().resolve().name.removesuffix(".gguf")
    return TransformersModel(checkpoint, name, Settings(**read))


class TransformersModel:
    """A chat model run by transformers in this process.

    Conversations are batched by prompt length, longest first, so that a lack of memory shows at once and
    little is padded. A question's greedy answer can still depend on its batch in bfloat16 and float16, whose
    rounding depends on shapes; hence dtype, device and batch size are part of the identity.

    Args:
        checkpoint: Where its files are.
        name: How tables and files call it.
        settings: How it is run.
    """

    uses_device = True

    def __init__(self, checkpoint: Checkpoint, name: str, settings: Settings | None = None) -> None:
        self.name = name
        self.settings = settings or Settings()
        self._checkpoint = checkpoint
        self._engine: Engine | None = None
        self._limit = self.settings.batch_size
        self._weights = ""
        # Held by whoever uses the weights: one generation at a time, and `close` waits for it to end.
        self._lock = threading.Lock()
        self._under_way: set[threading.Event] = set()
        self.tokens = 0

    def prepare(self, questions: Sequence[Question]) -> None:
        """Checks files, device, tokenizer and chat template; loads no weights.

        Raises:
            MTBenchError: In one line, what was given and what was expected.
        """
        pick_device(self.settings.device, self._checkpoint.given)
        if self.settings.device_map is not None:
            require("accelerate")
        tokenizer = self._tokenizer(self._checkpoint.tokenizer_folder())
        turns = max((len(question.turns) for question in questions), default=1)
        messages = self._opening()
        for _ in range(turns):
            messages += [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"}]
        try:
            tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
        except Exception as error:
            said = "a system prompt and " if self.settings.system else ""
            raise ModelError(
                f"{self._checkpoint.given}: the chat template refuses {said}{turns} turns "
                f"({first_line(error)}); expected one that takes them, for example by ?chat_template=FILE"
            ) from None

    def identity(self) -> Mapping[str, Any]:
        """Weights, template, dtype, kind of device, batch size and system prompt. Reads all weight files."""
        folder = self._checkpoint.folder()
        self._weights = self._weights or self._checkpoint.digest()
        device = pick_device(self.settings.device, self._checkpoint.given)
        template = self._template()
        return {
            "kind": "transformers",
            "weights": self._weights,
            "chat_template": hashlib.sha256(template.encode()).hexdigest() if template else "",
            "dtype": self._dtype(folder, device),
            "device": device.partition(":")[0],
            "batch_size": self.settings.batch_size,
            "system": self.settings.system,
        }

    def render(self, question: Question) -> str:
        """The question's first turn as the model reads it, special tokens included."""
        messages = [*self._opening(), {"role": "user", "content": question.turns[0]}]
        tokenizer = self._tokenizer(self._checkpoint.tokenizer_folder())
        text: str = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return text

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Answers the tasks, a batch at a time; the first call loads the weights.

        Raises:
            ModelError: Where the weights cannot be loaded, where a batch fails for another reason than
                memory, and where the model is closed meanwhile.
        """
        stop = threading.Event()
        self._under_way.add(stop)
        try:
            async for done in in_thread(self._run(tasks, stop), stop):
                yield done
        finally:
            self._under_way.discard(stop)

    def close(self) -> None:
        """Ends a generation under way at its next token and frees the weights. `answer` loads them anew."""
        for stop in tuple(self._under_way):
            stop.set()
        with self._lock:
            engine, self._engine = self._engine, None
            self._limit = self.settings.batch_size
            if engine is not None:
                engine.release()

    def _run(
        self, tasks: Sequence[AnswerTask], stop: threading.Event
    ) -> Generator[Answer | AnswerFailure, None, None]:
        with self._lock:
            try:
                self._go_on(stop)
                self._engine = engine = self._engine or self._load()
                for batch in self._plan(engine, tasks):
                    self._converse(engine, batch, stop)
                    yield from (self._result(engine, talk) for talk in batch)
                return
            except MTBenchError:
                raise
            except Exception as error:
                # A traceback holds the model, and whoever keeps the error would keep the weights: so the
                # traceback goes to the log as text, and the error below is raised without it.
                _LOG.debug("%s", "".join(traceback.format_exception(error)))
                problem = first_line(error)
            raise ModelError(f"{self.name} ({self._checkpoint.given}): {problem}")

    def _load(self) -> Engine:
        folder = self._checkpoint.folder()
        device = pick_device(self.settings.device, self._checkpoint.given)
        dtype = self._dtype(folder, device)
        _LOG.info("loading %s (%s on %s)", self.name, dtype, self.settings.device_map or device)
        tokenizer = self._tokenizer(folder)
        model = load_weights(folder, self._checkpoint.gguf_file, dtype, device, self.settings.device_map)
        return Engine(model, tokenizer)

    def _plan(self, engine: Engine, tasks: Sequence[AnswerTask]) -> Iterator[list[Talk]]:
        """Batches that are a function of the tasks and the settings, whatever order the tasks come in."""
        talks = [Talk(task, self._opening()) for task in tasks]
        for talk in talks:
            talk.ask(engine)
        talks.sort(key=plan_order)
        for start in range(0, len(talks), self.settings.batch_size):
            yield talks[start : start + self.settings.batch_size]

    def _converse(self, engine: Engine, batch: Sequence[Talk], stop: threading.Event) -> None:
        """Answers every turn of a batch of conversations whose first question is asked."""
        while going := [talk for talk in batch if talk.open]:
            self._reply(engine, going, stop)
            for talk in going:
                if talk.open:
                    talk.ask(engine)

    def _reply(self, engine: Engine, talks: Sequence[Talk], stop: threading.Event) -> None:
        """Generates one turn, in smaller batches where memory asks for it."""
        waiting = deque(talks)
        while waiting:
            self._go_on(stop)
            now = [waiting.popleft() for _ in range(min(self._limit, len(waiting)))]
            written = self._try(engine, [talk.asked for talk in now], stop)
            self._go_on(stop)
            if written is not None:
                for talk, tokens in zip(now, written, strict=True):
                    talk.hear(engine, tokens, self._limit)
            elif len(now) > 1:
                self._limit = (len(now) + 1) // 2
                _LOG.warning("%s: out of memory, batches of %d from here on", self.name, self._limit)
                waiting.extendleft(reversed(now))
            else:
                row = now[0].asked
                now[0].failure = (
                    f"turn {now[0].turn}: out of memory on {engine.device} with this conversation alone: "
                    f"a prompt of {len(row.prompt)} tokens and up to {row.budget} new ones"
                )

    def _try(self, engine: Engine, rows: Sequence[Row], stop: threading.Event) -> list[list[int]] | None:
        """One generation, or nothing where memory ran out."""
        try:
            return engine.generate(rows, stop, self._count)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Only here, with the error gone, is nothing left that holds the tensors.
        engine.empty_cache()
        return None

    def _count(self, tokens: int) -> None:
        self.tokens += tokens

    def _result(self, engine: Engine, talk: Talk) -> Answer | AnswerFailure:
        question_id, sampling = talk.task.question.question_id, talk.task.sampling
        if talk.failure:
            return AnswerFailure(question_id, self.name, talk.failure)
        made_with = {
            "kind": "transformers",
            "dtype": str(engine.model.dtype).removeprefix("torch."),
            "device": str(engine.device),
            "batch_size": talk.batch_size,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "max_new_tokens": sampling.max_new_tokens,
            "attention": engine.model.config._attn_implementation,
            "torch": require("torch").__version__,
            "transformers": require("transformers").__version__,
        }
        return Answer(question_id, self.name, tuple(talk.replies), made_with)

    def _tokenizer(self, folder: Path) -> Any:
        try:
            tokenizer = load_tokenizer(folder, self._checkpoint.gguf_file)
        except Exception as error:
            raise ModelError(f"{self._checkpoint.given}: no usable tokenizer ({first_line(error)})") from None
        if template := self._template():
            tokenizer.chat_template = template
        if not tokenizer.chat_template:
            raise ModelError(
                f"{self._checkpoint.given}: its tokenizer has no chat template; "
                "expected one, or a Jinja file by ?chat_template=FILE"
            )
        return tokenizer

    def _template(self) -> str:
        path = self.settings.chat_template
        if path is None:
            return ""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(path, first_line(error), "a file with a Jinja chat template") from None
        if not text.strip():
            raise FileError(path, "an empty file", "a Jinja chat template")
        return text

    def _dtype(self, folder: Path, device: str) -> str:
        if self.settings.dtype != "auto":
            return self.settings.dtype
        return pick_dtype("auto", device, load_config(folder, self._checkpoint.gguf_file))

    def _opening(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.settings.system}] if self.settings.system else []

    def _go_on(self, stop: threading.Event) -> None:
        if stop.is_set():
            raise ModelError(f"{self.name}: closed while it was answering")
