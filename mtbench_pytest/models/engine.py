"""A causal language model in memory: token ids in, token ids out."""

from __future__ import annotations

import contextlib
import gc
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mtbench_pytest.errors import ModelError
from mtbench_pytest.models.checkpoint import require
from mtbench_pytest.models.sampling import GumbelNoise, RowBudgets

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
_THINK_MARKS = frozenset({"<think>", "</think>"})


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation's next reply.

    Attributes:
        prompt: Token ids, the generation prompt included.
        budget: Most new tokens, at least 1.
        temperature: 0 is greedy.
        seed: As `sampling.turn_seed` makes it.
    """

    prompt: tuple[int, ...]
    budget: int
    temperature: float
    seed: int


def pick_device(asked: str, given: str) -> str:
    """The torch device for `auto`, `cpu`, `mps`, `cuda` or `cuda:N`.

    Raises:
        ModelError: Where this machine has no such device.
    """
    torch = require("torch")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if asked == "auto":
        return "cuda" if gpus else "mps" if apple else "cpu"
    kind, _, index = asked.partition(":")
    if kind == "cuda" and int(index or 0) >= gpus:
        raise ModelError(
            f"{given}: device={asked}, but torch sees {gpus} CUDA GPUs here; expected device=auto or cpu"
        )
    if kind == "mps" and not apple:
        raise ModelError(f"{given}: device=mps, but torch has no MPS here; expected device=auto or cpu")
    return asked


def pick_dtype(asked: str, device: str, config: Any) -> str:
    """The dtype's name for `auto`.

    On a CPU that is float32, where a batch gives the answers that one conversation at a time gives;
    bfloat16 is faster where the CPU knows it, and is there for the asking. On a GPU it is the
    checkpoint's own, or float16 where the GPU has no bfloat16. A GGUF file declares none; bfloat16
    stands in.
    """
    if asked != "auto":
        return asked
    if device == "cpu":
        return "float32"
    declared = str(config.get_text_config().dtype or "bfloat16").removeprefix("torch.")
    torch = require("torch")
    if declared == "bfloat16" and device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return declared if native else "float16"
    return declared if declared in DTYPES else "bfloat16"


@contextlib.contextmanager
def quiet(gguf: bool = False) -> Iterator[None]:
    """Keeps progress bars and advice of transformers off the terminal, and puts its settings back.

    Args:
        gguf: Also swallows stderr: the GGUF reader's bar knows no switch.
    """
    logging = require("transformers.utils.logging")
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()) if gguf else contextlib.nullcontext():
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load_config(folder: Path, gguf_file: str | None) -> Any:
    """Reads a checkpoint's settings, without weights."""
    with quiet():
        return require("transformers").AutoConfig.from_pretrained(folder, **_gguf(gguf_file))


def load_tokenizer(folder: Path, gguf_file: str | None) -> Any:
    """Reads a checkpoint's tokenizer."""
    with quiet():
        return require("transformers").AutoTokenizer.from_pretrained(folder, **_gguf(gguf_file))


def load_weights(folder: Path, gguf_file: str | None, dtype: str, device: str, device_map: str | None) -> Any:
    """Loads a model, GGUF weights unpacked, straight to its device."""
    torch, transformers = require("torch"), require("transformers")
    options = _gguf(gguf_file)
    # Since transformers has GgufConfig, packed weights are its default, with a dtype of their own.
    if gguf_file is not None and hasattr(transformers, "GgufConfig"):
        options["quantization_config"] = transformers.GgufConfig(dequantize=True)
    if device_map is not None:
        options["device_map"] = device_map
    elif device != "cpu":
        options["device_map"] = {"": device}
    with quiet(gguf=gguf_file is not None):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), use_safetensors=True, **options
        )
    return model.eval()


class Engine:
    """A loaded model and its tokenizer.

    Stops at the end tokens of the generation config and of the tokenizer: fine-tuned checkpoints often name
    the template's end of turn in only one of the two. Of the generation config, what changes logits counts
    (repetition_penalty, suppress_tokens …); its temperature, top_k, top_p and kin do not: temperature is
    the benchmark's to say, and a draw is from the whole distribution.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer, with the chat template to be used.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.ends = _end_tokens(model, tokenizer)
        self.context: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        # Where embedding and head sit on different GPUs, prompts go to the embedding's.
        self.device: torch.device = _device_of(model.get_input_embeddings())
        model.generation_config = _greedy(model.generation_config, self.ends)
        self._hidden = {
            number
            for number, token in tokenizer.added_tokens_decoder.items()
            if token.special and token.content not in _THINK_MARKS
        }

    def prompt(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Token ids of a conversation, up to where the assistant's reply begins."""
        encoded = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=True
        )
        return tuple(encoded["input_ids"])

    def text(self, tokens: Sequence[int]) -> str:
        """A reply's text: special tokens left out, but for the marks around reasoning."""
        shown = [token for token in tokens if token not in self._hidden]
        decoded: str = self.tokenizer.decode(
            shown, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return decoded.strip()

    def opens_thought(self, prompt: Sequence[int]) -> bool:
        """Whether the chat template left a block of reasoning open for the model to go on with."""
        tail: str = self.tokenizer.decode(prompt[-16:], skip_special_tokens=False)
        return tail.rstrip().endswith("<think>")

    def generate(
        self, rows: Sequence[Row], stop: threading.Event, told: Callable[[int], None] = lambda _: None
    ) -> list[list[int]]:
        """Writes the next reply of every row, in one batch, padded on the left.

        Args:
            rows: At least one.
            stop: Ends generation at the next token; what is returned then is to be thrown away.
            told: Is called after each step with the number of tokens it wrote.

        Returns:
            New token ids a row, without the end token; as many as its budget where the budget ended it.
        """
        import torch

        width = max(len(row.prompt) for row in rows)
        # Padding is masked, but a repetition penalty counts what it sees in the prompt, masked or not:
        # a row padded with its own first token is penalised as it would be alone.
        ids = [[row.prompt[0]] * (width - len(row.prompt)) + list(row.prompt) for row in rows]
        mask = [[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in rows]
        with torch.inference_mode(), quiet():
            out = self.model.generate(
                input_ids=torch.tensor(ids, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=max(row.budget for row in rows),
                logits_processor=[GumbelNoise([row.temperature for row in rows], [row.seed for row in rows])],
                stopping_criteria=[RowBudgets(width, [row.budget for row in rows], stop, told)],
                tokenizer=self.tokenizer,
            )
        written = out[:, width:].tolist()
        return [self._until_end(tokens[: row.budget]) for tokens, row in zip(written, rows, strict=True)]

    def empty_cache(self) -> None:
        """Gives unused memory back to the device."""
        torch = require("torch")
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()

    def release(self) -> None:
        """Lets go of the weights; the engine is of no use after that."""
        self.model = None
        self.empty_cache()

    def _until_end(self, tokens: list[int]) -> list[int]:
        end = next((at for at, token in enumerate(tokens) if token in self.ends), len(tokens))
        return tokens[:end]


def is_out_of_memory(error: Exception) -> bool:
    """Whether a smaller batch might do."""
    torch = require("torch")
    known = (
        "DefaultCPUAllocator:",
        "MPS backend out of memory",
        "CUDA error: out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "HIP out of memory",
    )
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(mark in str(error) for mark in known)
    )


def _device_of(embedding: Any) -> torch.device:
    """Where prompts go; weights that accelerate has put elsewhere for now say where they will be computed."""
    hook = getattr(embedding, "_hf_hook", None)
    planned = getattr(hook, "execution_device", None)
    device: torch.device = embedding.weight.device
    if device.type == "meta" and planned is not None:
        return cast("torch.device", require("torch").device(planned))
    return device


def _gguf(gguf_file: str | None) -> dict[str, Any]:
    return {} if gguf_file is None else {"gguf_file": gguf_file}


def _end_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    ends = model.generation_config.eos_token_id
    listed = ends if isinstance(ends, list) else [ends]
    return tuple(sorted({end for end in [*listed, tokenizer.eos_token_id] if end is not None}))


def _greedy(checkpoint: Any, ends: tuple[int, ...]) -> Any:
    """A generation config that keeps what changes logits and drops how tokens are drawn and returned."""
    config_type = type(checkpoint)
    unset = config_type()
    drawing = (
        "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff",
        "num_beams", "num_beam_groups", "early_stopping", "length_penalty", "penalty_alpha",
        "num_return_sequences", "max_length", "max_new_tokens", "max_time", "return_dict_in_generate",
        "output_scores", "output_logits", "output_attentions", "output_hidden_states",
        "prompt_lookup_num_tokens", "assistant_early_exit",
    )  # fmt: skip
    kept = {key: value for key, value in checkpoint.to_dict().items() if key not in drawing}
    config = config_type.from_dict(kept)
    for name in drawing:
        setattr(config, name, getattr(unset, name, None))
    config.do_sample = False
    config.eos_token_id = list(ends) or None
    # A finished row is filled up with an end token, so that the first one ends it whatever stopped it.
    config.pad_token_id = ends[0] if ends else 0
    return config
