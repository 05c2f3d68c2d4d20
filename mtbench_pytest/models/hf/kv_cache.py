"""Keys and values of the tokens a model has read: written in place, kept from one turn to the next.

transformers' own cache is a new, longer tensor each token, and it reads prompts padded to the longest of the
batch. On a CPU that copying and padding take longer than all the rest (benchmarks/generation.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from mtbench_pytest.models.hf.checkpoint import require

if TYPE_CHECKING:
    import torch

# Rotary embeddings whose angle depends on a token's position alone, not on how long the text has become.
_FIXED_ROTARY = ("default", "linear", "llama3", "yarn")
# A pass through the model costs about as much as reading this many tokens more in a pass that is made anyway.
_PASS_ON_CPU = 48
_PASS_ON_GPU = 1024


@dataclass(slots=True)
class Past:
    """What the last generation of a batch left behind, for the next turn of the same conversations.

    Attributes:
        cache: transformers' cache object, or none where there is nothing to go on from.
        starts: By conversation: which row it is, and where in it its first token is.
        tokens: By conversation: the tokens whose keys and values are there, in their order.
    """

    cache: Any = None
    starts: dict[object, tuple[int, int]] = field(default_factory=dict)
    tokens: dict[object, list[int]] = field(default_factory=dict)

    def clear(self) -> None:
        """Lets go of the tensors."""
        self.cache = None
        self.starts, self.tokens = {}, {}

    def kept(self, owner: object, prompt: Sequence[int]) -> int:
        """How many tokens at the beginning of a prompt need not be read again; never all of them."""
        held = self.tokens.get(owner, ())
        most = min(len(held), len(prompt) - 1)
        return next((at for at in range(most) if held[at] != prompt[at]), most)


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens of one row that are in some cache: `length` of them from slot `start` on."""

    cache: Any
    row: int
    start: int
    length: int


def keeps_every_token(model: Any) -> bool:
    """Whether every layer is plain attention over all tokens: no sliding window, no state, no quantising.

    Only such a cache can be filled row by row.
    """
    config, generation = model.config, model.generation_config
    if generation.cache_implementation is not None or generation.use_cache is False:
        return False
    takes = inspect.signature(model.forward).parameters
    if not {"position_ids", "logits_to_keep", cache_argument(model)} <= takes.keys():
        return False
    if config.is_encoder_decoder or not model._supports_default_dynamic_cache():
        return False
    utils = require("transformers.cache_utils")
    layers = utils.DynamicCache(config=config.get_text_config(decoder=True)).layers
    return bool(layers) and all(type(layer) is utils.DynamicLayer for layer in layers)


def cache_argument(model: Any) -> str:
    """What a model's `forward` and `generate` call their cache: transformers 5.24 renamed it."""
    return "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"


def keeps_turns(model: Any) -> bool:
    """Whether a key computed in one turn is the key that the next turn would compute for that token."""
    rotary = getattr(model.config.get_text_config(), "rope_parameters", None)
    kind = rotary.get("rope_type", "default") if isinstance(rotary, dict) else None
    return kind in _FIXED_ROTARY and keeps_every_token(model)


def read(model: Any, device: torch.device, owners: Sequence[object], prompts: Sequence[Sequence[int]],
         room: int, past: Past | None) -> Any:  # fmt: skip
    """Reads all but the last token of each prompt.

    Prompts of about one length are read together, so that little is padded. What `past` has of a prompt is
    not read again; `past` is used up.

    Args:
        room: New tokens to leave space for.

    Returns:
        A cache for `generate`: each row's tokens end at its last slot.
    """
    kept = [past.kept(owner, prompt) if past else 0 for owner, prompt in zip(owners, prompts, strict=True)]
    rests = [len(prompt) - 1 - keep for prompt, keep in zip(prompts, kept, strict=True)]
    parts: list[list[Part]] = [[] for _ in prompts]
    width = max(map(len, prompts)) - 1
    for group in _groups(rests, _PASS_ON_CPU if device.type == "cpu" else _PASS_ON_GPU):
        before = [_held(past, owners[row], kept[row]) for row in group]
        texts = [prompts[row][: len(prompts[row]) - 1] for row in group]
        filled = _fill(model, device, texts, before)
        after = max(rests[row] for row in group)
        width_before = max(kept[row] for row in group)
        for at, row in enumerate(group):
            old = Part(filled, at, width_before - kept[row], kept[row])
            new = Part(filled, at, width_before + after - rests[row], rests[row])
            parts[row] = [old, new]
    for row, keep in enumerate(kept):
        if not parts[row]:
            parts[row] = _held(past, owners[row], keep)
    made = _gather(model, parts, width, width + room, used_up=True)
    if past:
        past.clear()
    return made


def remember(
    past: Past,
    cache: Any,
    owners: Sequence[object],
    prompts: Sequence[Sequence[int]],
    written: Sequence[Sequence[int]],
) -> None:
    """Notes in `past` what a generation has left in its cache: all but the last token of each row."""
    width, length = max(map(len, prompts)), cache.get_seq_length()
    past.cache = cache
    for row, (owner, prompt, new) in enumerate(zip(owners, prompts, written, strict=True)):
        start = width - len(prompt)
        past.starts[owner] = (row, start)
        past.tokens[owner] = [*prompt, *new][: length - start]


def _groups(lengths: Sequence[int], pass_cost: int) -> list[list[int]]:
    """Rows to be read in one pass, longest first; a row that has nothing left to be read is in none."""
    groups: list[list[int]] = []
    wasted = 0
    for row in sorted((row for row, length in enumerate(lengths) if length), key=lambda row: -lengths[row]):
        wasted += lengths[groups[-1][0]] - lengths[row] if groups else 0
        if groups and wasted <= pass_cost:
            groups[-1].append(row)
        else:
            groups.append([row])
            wasted = 0
    return groups


def _held(past: Past | None, owner: object, keep: int) -> list[Part]:
    if past is None or not keep:
        return []
    row, start = past.starts[owner]
    return [Part(past.cache, row, start, keep)]


def _fill(
    model: Any, device: torch.device, texts: Sequence[Sequence[int]], before: Sequence[Sequence[Part]]
) -> Any:
    """One pass over texts whose beginnings may be there already; both parts are padded on the left."""
    import torch

    kept = [sum(part.length for part in parts) for parts in before]
    width = max(kept)
    after = max(len(text) - keep for text, keep in zip(texts, kept, strict=True))
    filled = _gather(model, before, width, width + after)
    ids, seen = [], []
    for text, keep in zip(texts, kept, strict=True):
        gap = after - (len(text) - keep)
        ids.append([text[0]] * gap + list(text[keep:]))
        seen.append([0] * (width - keep) + [1] * keep + [0] * gap + [1] * (after - gap))
    mask = torch.tensor(seen, device=device)
    positions = (mask.cumsum(-1) - 1).masked_fill(mask == 0, 0)[:, width:]
    model(
        input_ids=torch.tensor(ids, device=device),
        attention_mask=mask,
        position_ids=positions,
        use_cache=True,
        logits_to_keep=1,
        **{cache_argument(model): filled},
    )
    return filled


def _gather(
    model: Any, rows: Sequence[Sequence[Part]], width: int, capacity: int, *, used_up: bool = False
) -> Any:
    """A cache with the parts of each row one after the other, ending at slot `width`.

    Args:
        used_up: Frees each layer of what is gathered from as soon as it is copied, so that memory holds both
            caches for one layer only.
    """
    utils = require("transformers.cache_utils")
    made = utils.DynamicCache(config=model.config.get_text_config(decoder=True))
    # One slot to spare: on MPS transformers runs a step ahead and takes it back.
    made.layers = [_layer_type()(capacity + 1) for _ in made.layers]
    if any(rows):
        for index, layer in enumerate(made.layers):
            sources = [[(part.cache.layers[index], part) for part in row] for row in rows]
            layer.gather(sources, width)
            for source in {id(old): old for row in sources for old, _ in row}.values() if used_up else ():
                source.free()
    return made


@cache
def _layer_type() -> Any:
    """The layer's class, made when it is first needed: its base is in transformers."""
    import torch

    base: Any = require("transformers.cache_utils").DynamicLayer

    class InPlaceLayer(base):  # type: ignore[misc]
        """Keys and values of one layer in tensors with room for all that will come.

        `keys` and `values` are views of the part in use, so what the base class does with them holds here.

        Args:
            capacity: Tokens a row that there is room for.
        """

        keys: Any
        values: Any

        def __init__(self, capacity: int) -> None:
            super().__init__()
            self._capacity = capacity
            self._room: list[torch.Tensor] = []

        def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
            """Makes room, of the shape and dtype of what comes first."""
            self._make_room(len(key_states), (key_states, value_states))
            self._use(0)

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Writes new tokens behind those that are there."""
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            begin = self.keys.shape[-2]
            end = begin + key_states.shape[-2]
            for room, states in zip(self._room, (key_states, value_states), strict=True):
                room[:, :, begin:end] = states
            self._use(end)
            return self.keys, self.values

        def gather(self, rows: Sequence[Sequence[tuple[Any, Part]]], width: int) -> None:
            """Takes over parts of other layers; each row's ends at slot `width`, what is before is zero."""
            source = next(layer for row in rows for layer, _ in row)
            self._make_room(len(rows), (source.keys, source.values))
            for room, name in zip(self._room, ("keys", "values"), strict=True):
                # Padding is masked, but not-a-number times nothing is not nothing.
                room[:, :, :width] = 0
                for at, row in enumerate(rows):
                    end = width - sum(part.length for _, part in row)
                    for layer, part in row:
                        begin, end = end, end + part.length
                        taken = getattr(layer, name)[part.row, :, part.start : part.start + part.length]
                        room[at, :, begin:end] = taken
            self._use(width)

        def free(self) -> None:
            """Lets go of the tensors."""
            self.keys = self.values = None
            self.is_initialized = False
            self._room = []

        def _make_room(self, rows: int, like: Sequence[torch.Tensor]) -> None:
            self.dtype, self.device = like[0].dtype, like[0].device
            self._room = [
                torch.empty(
                    (rows, tensor.shape[1], self._capacity, tensor.shape[3]),
                    dtype=tensor.dtype, device=tensor.device,
                )
                for tensor in like
            ]  # fmt: skip
            self.is_initialized = True

        def _use(self, length: int) -> None:
            self.keys, self.values = (room[:, :, :length] for room in self._room)

    return InPlaceLayer
