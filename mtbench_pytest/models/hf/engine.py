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

from mtbench_pytest.models.hf.checkpoint import require
from mtbench_pytest.models.hf.kv_cache import (
    Past,
    cache_argument,
    keeps_every_token,
    keeps_turns,
    read,
    remember,
)
from mtbench_pytest.models.hf.sampling import GumbelNoise, RowBudgets
from mtbench_pytest.models.hf.soundness import Finite, check_finite, check_fit, end_of_turn
from mtbench_pytest.models.hf.tokenizer import Tokens

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation's next reply.

    Attributes:
        prompt: Token ids, the generation prompt included.
        budget: Most new tokens, at least 1.
        temperature: 0 is greedy.
        seed: As `sampling.turn_seed` makes it.
        owner: Whose reply it is, the same in each turn of a conversation.
    """

    prompt: tuple[int, ...]
    budget: int
    temperature: float
    seed: int
    owner: object = None


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
    """Loads a model, GGUF weights unpacked, straight to its device.

    Raises:
        ModelError: Where the files do not hold its weights, or hold what is no number.
    """
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
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # named below with the others, in place of a report on the terminal
            **options,
        )
    check_fit(folder, info, set(getattr(model, "all_tied_weights_keys", None) or ()))
    check_finite(folder, model)
    return model.eval()


class Engine(Tokens):
    """A loaded model and its tokenizer.

    Stops at the end tokens of the generation config, of the tokenizer and of the chat template's turns:
    fine-tuned checkpoints often name the end of a turn in only one of them. Of the generation config, what
    changes logits counts (repetition_penalty, suppress_tokens …); its temperature, top_k, top_p and kin do
    not: temperature is the benchmark's to say, and a draw is from the whole distribution.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer, with the chat template to be used.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__(tokenizer, model.config)
        self.model = model
        self.ends = _end_tokens(model, tokenizer)
        # Where embedding and head sit on different GPUs, prompts go to the embedding's.
        self.device: torch.device = _device_of(model.get_input_embeddings())
        model.generation_config = _greedy(model.generation_config, self.ends)
        self._reads_itself = keeps_every_token(model)
        self._keeps_turns = keeps_turns(model)

    def generate(
        self,
        rows: Sequence[Row],
        stop: threading.Event,
        told: Callable[[int], None] = lambda _: None,
        past: Past | None = None,
    ) -> list[list[int] | None]:
        """Writes the next reply of every row, in one batch, padded on the left.

        Args:
            rows: At least one.
            stop: Ends generation at the next token; what is returned then is to be thrown away.
            told: Is called after each step with the number of tokens it wrote.
            past: What an earlier turn of these conversations left; it is gone on from where that gives what
                reading the whole prompt would give, and holds what this turn leaves.

        Returns:
            New token ids a row, without the end token; as many as its budget where the budget ended it; None
            for a row in which the model gave no finite numbers.
        """
        import torch

        owners, prompts = [row.owner for row in rows], [row.prompt for row in rows]
        budgets, width = [row.budget for row in rows], max(len(row.prompt) for row in rows)
        # Padding is masked, but a repetition penalty counts what it sees in the prompt, masked or not:
        # a row padded with its own first token is penalised as it would be alone.
        ids = [[prompt[0]] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        past = past if self._keeps_turns else None
        options: dict[str, Any] = {}
        finite = Finite()
        with torch.inference_mode(), quiet():
            if self._reads_itself:
                cache = read(self.model, self.device, owners, prompts, max(budgets), past)
                options[cache_argument(self.model)] = cache
            out = self.model.generate(
                input_ids=torch.tensor(ids, device=self.device),
                attention_mask=torch.tensor(mask, device=self.device),
                max_new_tokens=max(budgets),
                logits_processor=[
                    finite,
                    GumbelNoise([row.temperature for row in rows], [row.seed for row in rows]),
                ],
                stopping_criteria=[RowBudgets(width, budgets, stop, told)],
                tokenizer=self.tokenizer,
                **options,
            )
        written = out[:, width:].tolist()
        if past is not None:
            remember(past, cache, owners, prompts, written)
        return [
            None if broken else self.until_end(tokens[:budget])
            for tokens, budget, broken in zip(written, budgets, finite.broken, strict=True)
        ]

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

    def until_end(self, tokens: list[int]) -> list[int]:
        """What is before the first end token."""
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
    named = [*listed, tokenizer.eos_token_id, end_of_turn(tokenizer)]
    return tuple(sorted({end for end in named if end is not None}))


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
