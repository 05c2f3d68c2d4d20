"""Whether a checkpoint is sound: a broken one must not be measured as if it were a bad model.

transformers fills in random weights for keys that do not fit, a broken tensor makes every answer empty, and a
chat template may drop what it is given, all without an error.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtbench_pytest.core.errors import ModelError

if TYPE_CHECKING:
    import torch

_SHOWN = 3
# Buffers that old checkpoints hold and that are computed anew.
_COMPUTED = ("rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "position_ids")


def check_fit(folder: object, info: Mapping[str, Any], tied: Collection[str]) -> None:
    """Whether the files hold the model's weights, all of them and no others.

    Args:
        folder: The checkpoint's, for the message.
        info: What `from_pretrained` found, by `output_loading_info`.
        tied: Names of weights that are another's, such as a tied head: files may have them or not.

    Raises:
        ModelError: Where weights are missing, of another shape, or left over.
    """

    def named(kind: str) -> list[str]:
        found = (key if isinstance(key, str) else str(key[0]) for key in info.get(kind) or ())
        return sorted(key for key in found if key not in tied and not key.endswith(_COMPUTED))

    missing, other, extra = map(named, ("missing_keys", "mismatched_keys", "unexpected_keys"))
    problems = [
        f"{len(keys)} {what} ({', '.join(keys[:_SHOWN])}{', …' if len(keys) > _SHOWN else ''})"
        for keys, what in (
            (missing, "of the model's weights are in no file"),
            (other, "have another shape"),
            (extra, "in the files belong to no part of it"),
        )
        if keys
    ]
    if problems:
        expected = "the weights of the architecture in config.json, under its names"
        raise ModelError(f"{folder}: weights that do not fit: {'; '.join(problems)}; expected {expected}")


def check_finite(folder: object, model: Any) -> None:
    """Whether every weight is a number.

    Raises:
        ModelError: For the first that holds NaN or infinity.
    """
    for name, weight in model.named_parameters():
        if not weight.is_meta and weight.is_floating_point() and not bool(weight.isfinite().all()):
            raise ModelError(f"{folder}: {name} holds NaN or infinity; expected weights that are numbers")


def check_vocabulary(given: str, tokenizer: Any, config: Any) -> None:
    """Whether the model has an embedding for every token of its tokenizer.

    Raises:
        ModelError: Where it has not; a prompt with such a token could not be read.
    """
    rows, tokens = getattr(config.get_text_config(), "vocab_size", None), len(tokenizer)
    if rows is not None and tokens > rows:
        raise ModelError(
            f"{given}: its tokenizer has {tokens} tokens and its embedding {rows} rows; expected a row for "
            "each token (transformers: model.resize_token_embeddings before the fine-tune)"
        )


def check_template(given: str, tokenizer: Any, messages: Sequence[Mapping[str, str]]) -> None:
    """Whether the chat template shows everything that it is given, in order.

    Args:
        messages: Of a whole conversation; what they say is replaced by marks to look for.

    Raises:
        ModelError: Where the template leaves a message out; what it raises itself is raised.
    """
    marks = [f"mark{number}of{len(messages)}" for number in range(len(messages))]
    marked = [{"role": said["role"], "content": mark} for said, mark in zip(messages, marks, strict=True)]
    text: str = tokenizer.apply_chat_template(marked, add_generation_prompt=True, tokenize=False)
    at = 0
    for number, (said, mark) in enumerate(zip(marked, marks, strict=True), 1):
        found = text.find(mark, at)
        if found < 0:
            where = f"message {number} of {len(marks)} of a conversation, by the {said['role']}"
            raise ModelError(
                f"{given}: the chat template leaves out {where}; expected one that shows all of them, for "
                "example by ?chat_template=FILE"
            )
        at = found + len(mark)


def end_of_turn(tokenizer: Any) -> int | None:
    """The special token with which the chat template closes the assistant's turn; None where it has none.

    A fine-tune may close turns by a token that neither its tokenizer nor its generation config names as an
    end: answers would run on into a turn of the user's.
    """
    mark = "mark0of1"
    said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": mark}]
    try:
        text: str = tokenizer.apply_chat_template(said, add_generation_prompt=False, tokenize=False)
    except Exception:  # a template that takes no finished turn tells nothing of its end
        return None
    _, found, rest = text.rpartition(mark)
    tokens = tokenizer.encode(rest.lstrip(), add_special_tokens=False) if found else []
    known = tokenizer.added_tokens_decoder
    first: int | None = tokens[0] if tokens else None
    return first if first in known and known[first].special else None


class Finite:
    """A logits processor that notes the rows in which the model gave no number."""

    def __init__(self) -> None:
        self._broken: torch.Tensor | None = None

    def __call__(self, _input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Looks at `scores`, of shape (rows, vocabulary); minus infinity is a token that is ruled out."""
        broken = (scores.isnan() | scores.isposinf()).any(dim=-1)
        self._broken = broken if self._broken is None else self._broken | broken
        return scores

    @property
    def broken(self) -> list[bool]:
        """Whether a row had such a step."""
        return [] if self._broken is None else self._broken.tolist()
