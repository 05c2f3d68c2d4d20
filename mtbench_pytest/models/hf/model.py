"""`hf:PATH_OR_REPO`: a checkpoint answered by transformers on this machine."""

from __future__ import annotations

import hashlib
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError, ModelError, MTBenchError, first_line
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.base import ALL_DEVICES
from mtbench_pytest.models.hf.batching import Batches, fill
from mtbench_pytest.models.hf.checkpoint import Checkpoint, locate, require
from mtbench_pytest.models.hf.conversation import Talk
from mtbench_pytest.models.hf.engine import Engine, load_config, load_tokenizer, load_weights
from mtbench_pytest.models.hf.runtime import Means, find_means, surroundings
from mtbench_pytest.models.hf.settings import Settings, lanes, pick_device, read_settings
from mtbench_pytest.models.hf.soundness import check_template, check_vocabulary
from mtbench_pytest.models.hf.tokenizer import Tokens
from mtbench_pytest.models.hf.worker import check, in_thread

_TODAY = "strftime_now"  # the function by which transformers lets a template ask for the date
_LOG = logging.getLogger("mtbench_pytest")


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

    Conversations are batched by length, as `plan` says. A greedy answer can depend on its batch in bfloat16
    and float16, whose rounding depends on shapes; in float32 it does not.

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
        self._batches: Batches | None = None
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
        folder = self._checkpoint.tokenizer_folder()
        tokenizer = self._tokenizer(folder)
        check_vocabulary(self._checkpoint.given, tokenizer, self._config_of(folder))
        asked = questions or [Question(0, "", ("Hello",))]
        turns = max(len(question.turns) for question in asked)
        openings = [question.messages(self.settings.system) for question in asked]
        messages = max(openings, key=lambda said: (_has_system(said), len(said)))
        for _ in range(turns):
            messages += [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello"}]
        try:
            check_template(self._checkpoint.given, tokenizer, messages[:-1])
        except MTBenchError:
            raise
        except Exception as error:
            said = "a system prompt and " if _has_system(messages) else ""
            raise ModelError(
                f"{self._checkpoint.given}: the chat template refuses {said}{turns} turns "
                f"({first_line(error)}); expected one that takes them, for example by ?chat_template=FILE"
            ) from None

    def identity(self) -> Mapping[str, Any]:
        """Weights, template, system prompt, dtype, kind of device, and the batches where they matter.

        Reads all weight files.
        """
        self._weights = self._weights or self._checkpoint.digest()
        means, template = self._means, self._template()
        dependent = means.batch_dependent
        return {
            "kind": "transformers",
            "weights": self._weights,
            "chat_template": hashlib.sha256(template.encode()).hexdigest() if template else "",
            "dtype": means.dtype,
            "device": means.device.partition(":")[0],
            "batch_dependent": dependent,
            # Alone, a conversation depends on no batch, yet in 16 bits its answer is not the one of a batch.
            "batch_size": None if means.dtype == "float32" else means.batch_size,
            "batch_tokens": means.batch_tokens if dependent else None,
            "batching": self.settings.batching if dependent else None,
            "system": self.settings.system,
            **({"template_kwargs": dict(given)} if (given := self.settings.template_kwargs) else {}),
            **self._today(),
        }

    def _today(self) -> dict[str, str]:
        """The date, where the chat template writes it into every prompt; loads no tokenizer."""
        template = self._template() or self._checkpoint.template_text()
        return {"date": date.today().isoformat()} if _TODAY in template else {}

    def fingerprint(self) -> Mapping[str, Any] | None:
        """See `base.Fingerprints`. None for a repository, unless it is a commit that is in the cache."""
        files = self._checkpoint.facts()
        if files is None:
            return None
        try:
            template = hashlib.sha256(self._template().encode()).hexdigest()
        except FileError:
            return None
        settings = {name: str(getattr(self.settings, name)) for name in Settings.__slots__}
        del settings["chat_template"]
        return {
            "files": files,
            "settings": settings,
            "chat_template": template,
            **self._today(),
            **surroundings(),
        }

    def lanes(self) -> Sequence[str]:
        """See `base.Lanes`."""
        pick_device(self.settings.device, self._checkpoint.given)
        return [ALL_DEVICES] if self.settings.device_map is not None else lanes(self.settings.device)

    def on(self, lane: str) -> TransformersModel:
        """See `base.Lanes`. The copy's batches are this model's, whatever the memory of its device."""
        means = self._means
        settings = replace(
            self.settings,
            device=self.settings.device if lane == ALL_DEVICES else lane,
            dtype=means.dtype,
            batch_size=means.batch_size,
            batch_tokens=means.batch_tokens,
        )
        model = TransformersModel(self._checkpoint, self.name, settings)
        model._weights = self._weights
        return model

    def plan(self, tasks: Sequence[AnswerTask]) -> list[list[AnswerTask]]:
        """See `base.Plans`."""
        return [[talk.task for talk in batch] for batch in self._plan(tasks)]

    @property
    def system(self) -> str:
        """The system prompt put before every conversation, or ""."""
        return self.settings.system

    def tokenizer(self) -> Tokens | None:
        """See `base.Tokenizes`. None for a branch of a repository: what it holds now only the Hub knows."""
        return None if self._checkpoint.local_folder() is None else self._tokens

    def render(self, question: Question) -> str:
        """The question's first turn as the model reads it, special tokens included."""
        messages = question.messages(self.settings.system)
        messages.append({"role": "user", "content": question.turns[0]})
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
            batches, self._batches = self._batches, None
            if batches is not None:
                batches.engine.release()

    def _run(
        self, tasks: Sequence[AnswerTask], stop: threading.Event
    ) -> Generator[Answer | AnswerFailure, None, None]:
        with self._lock:
            try:
                check(stop, self.name)
                self._batches = batches = self._batches or self._load()
                for batch in self._plan(tasks):
                    batches.converse(batch, stop)
                    yield from (self._result(batches.engine, talk) for talk in batch)
                return
            except MTBenchError:
                raise
            except Exception as error:
                # A traceback holds the model, and whoever keeps the error would keep the weights: so the
                # traceback goes to the log as text, and the error below is raised without it.
                _LOG.debug("%s", "".join(traceback.format_exception(error)))
                problem = first_line(error)
            raise ModelError(f"{self.name} ({self._checkpoint.given}): {problem}")

    def _load(self) -> Batches:
        means, folder = self._means, self._checkpoint.folder()
        where = self.settings.device_map or means.device
        _LOG.info("loading %s (%s on %s)", self.name, means.dtype, where)
        model = load_weights(
            folder, self._checkpoint.gguf_file, means.dtype, means.device, self.settings.device_map
        )
        return Batches(self.name, Engine(model, self._tokens.tokenizer), means, self._count)

    def _plan(self, tasks: Sequence[AnswerTask]) -> list[list[Talk]]:
        """The batches of `plan`, their first question asked."""
        talks = [Talk(task, task.question.messages(self.settings.system)) for task in tasks]
        for talk in talks:
            talk.ask(self._tokens)
        means = self._means
        # What is drawn needs noise of its own a row, which continuous batching cannot give.
        kinds = [[talk for talk in talks if talk.greedy], [talk for talk in talks if not talk.greedy]]
        return [
            batch
            for kind in (kinds if means.continuous else [talks])
            for batch in fill(kind, means.batch_size, means.batch_tokens)
        ]

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
        if self.settings.template_kwargs:
            # Whoever renders a prompt does so by this method.
            tokenizer.apply_chat_template = partial(
                tokenizer.apply_chat_template, **self.settings.template_kwargs
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

    @cached_property
    def _means(self) -> Means:
        return find_means(self.settings, self._checkpoint, self._config)

    @cached_property
    def _config(self) -> Any:
        return self._config_of(self._checkpoint.folder())

    def _config_of(self, folder: Path) -> Any:
        try:
            return load_config(folder, self._checkpoint.gguf_file)
        except Exception as error:
            raise ModelError(f"{self._checkpoint.given}: no usable settings ({first_line(error)})") from None

    @cached_property
    def _tokens(self) -> Tokens:
        return Tokens(self._tokenizer(self._checkpoint.folder()), self._config)


def _has_system(messages: Sequence[Mapping[str, str]]) -> bool:
    return bool(messages) and messages[0]["role"] == "system"
