"""Keys and values of the tokens a model has read: written in place, and kept from one turn to the next.

transformers' own cache is a new, longer tensor each token. On a CPU that copying is half of the time a
small model needs.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from mtbench_pytest.models.checkpoint import require

if TYPE_CHECKING:
    import torch

# Rotary embeddings whose angle depends on a token's position alone, not on how long the text has become.
_FIXED_ROTARY = ("default", "linear", "llama3", "yarn")


@dataclass(slots=True)
class Past:
    """What the last generation of a batch left behind, for the next turn of the same conversations.

    Attributes:
        cache: transformers' cache object, or none where there is nothing to go on from.
        owners: Whose row it is, one a row.
        tokens: All tokens of a row's slots, padding included; of equal length.
        seen: For each slot of a row whether it counts: 0 is padding.
    """

    cache: Any = None
    owners: tuple[object, ...] = ()
    tokens: list[list[int]] = field(default_factory=list)
    seen: list[list[int]] = field(default_factory=list)

    def clear(self) -> None:
        """Lets go of the tensors."""
        self.cache = None


@dataclass(frozen=True, slots=True)
class Start:
    """Where a generation starts: the padded prompts, and what of them is in the cache already.

    Attributes:
        ids: Token ids a row, padded with tokens of the row's own.
        seen: 1 for a token that counts, 0 for padding; shaped as `ids`.
        cache: Given to `generate`; none leaves it to transformers.
    """

    ids: list[list[int]]
    seen: list[list[int]]
    cache: Any

    @property
    def width(self) -> int:
        """Length of the padded prompts."""
        return len(self.ids[0])


def can_write_in_place(model: Any) -> bool:
    """Whether every layer keeps all tokens, as plain attention does: no sliding window, no state, no quantising."""
    config, generation = model.config, model.generation_config
    if generation.cache_implementation is not None or generation.use_cache is False:
        return False
    if config.is_encoder_decoder or not model._supports_default_dynamic_cache():
        return False
    utils = require("transformers.cache_utils")
    layers = utils.DynamicCache(config=config.get_text_config(decoder=True)).layers
    return bool(layers) and all(type(layer) is utils.DynamicLayer for layer in layers)


def can_go_on(model: Any) -> bool:
    """Whether a key computed in one turn is the key that the next turn would compute for that token."""
    rotary = getattr(model.config.get_text_config(), "rope_parameters", None)
    kind = rotary.get("rope_type", "default") if isinstance(rotary, dict) else None
    takes_positions = "position_ids" in inspect.signature(model.forward).parameters
    return kind in _FIXED_ROTARY and takes_positions and can_write_in_place(model)


def begin(model: Any, prompts: Sequence[Sequence[int]], room: int, *, in_place: bool) -> Start:
    """Pads prompts on the left and makes an empty cache for them.

    Padding is masked, but a repetition penalty counts what it sees in the prompt, masked or not: a row padded
    with its own first token is penalised as it would be alone.

    Args:
        room: New tokens to leave space for.
        in_place: As `can_write_in_place` says.
    """
    width = max(map(len, prompts))
    ids = [[prompt[0]] * (width - len(prompt)) + list(prompt) for prompt in prompts]
    seen = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return Start(ids, seen, _empty(model, width + room) if in_place else None)


def go_on(past: Past, owners: Sequence[object], prompts: Sequence[Sequence[int]], room: int) -> Start | None:
    """Starts from what an earlier turn left: each row's longest common beginning is not read again.

    The kept tokens are moved to the right end of their part, the rest of each prompt is padded on the left;
    positions come from the mask, so neither changes a result.

    Returns:
        None where a row was not there before, or nothing is common.
    """
    if past.cache is None or not set(owners) <= set(past.owners):
        return None
    if not all(layer.is_initialized for layer in past.cache.layers):
        return None
    held = [past.owners.index(owner) for owner in owners]
    slots = [[at for at, counts in enumerate(past.seen[row]) if counts] for row in held]
    kept = [
        _common([past.tokens[row][at] for at in own], prompt)
        for row, own, prompt in zip(held, slots, prompts, strict=True)
    ]
    before = max(kept)
    if not before:
        return None
    after = max(len(prompt) - keep for prompt, keep in zip(prompts, kept, strict=True))
    ids, seen = [], []
    for prompt, keep in zip(prompts, kept, strict=True):
        rest = len(prompt) - keep
        gap = after - rest
        ids.append([prompt[0]] * (before - keep) + [*prompt[:keep]] + [prompt[0]] * gap + [*prompt[keep:]])
        seen.append([0] * (before - keep) + [1] * keep + [0] * gap + [1] * rest)
    moves = [(row, own[:keep]) for row, own, keep in zip(held, slots, kept, strict=True)]
    for layer in past.cache.layers:
        layer.rearrange(moves, before, before + after + room)
    return Start(ids, seen, past.cache)


def remember(past: Past, start: Start, owners: Sequence[object], written: Sequence[Sequence[int]]) -> None:
    """Notes in `past` what a generation has left in its cache: all but the last token of each row."""
    length = start.cache.get_seq_length()
    past.cache, past.owners = start.cache, tuple(owners)
    past.tokens = [[*ids, *new][:length] for ids, new in zip(start.ids, written, strict=True)]
    past.seen = [[*seen, *[1] * len(new)][:length] for seen, new in zip(start.seen, written, strict=True)]


def _common(held: Sequence[int], prompt: Sequence[int]) -> int:
    """Length of the common beginning; at least one token of the prompt is left to be read."""
    most = min(len(held), len(prompt) - 1)
    return next((at for at in range(most) if held[at] != prompt[at]), most)


def _empty(model: Any, capacity: int) -> Any:
    utils = require("transformers.cache_utils")
    made = utils.DynamicCache(config=model.config.get_text_config(decoder=True))
    # One slot to spare: on MPS transformers runs a step ahead and takes it back.
    made.layers = [_layer_type()(capacity + 1) for _ in made.layers]
    return made


@cache
def _layer_type() -> Any:
    """The layer's class, made when it is first needed: its base is in transformers."""
    torch = require("torch")
    base: Any = require("transformers.cache_utils").DynamicLayer

    class InPlaceLayer(base):  # type: ignore[misc]
        """Keys and values of one layer in tensors with room for all that will come.

        `keys` and `values` are views of the part in use, so what the base class does with them holds here too.

        Args:
            capacity: Tokens a row that there is room for; more of them cost a copy.
        """

        def __init__(self, capacity: int) -> None:
            super().__init__()
            self._capacity = capacity
            self._room: list[torch.Tensor] = []

        def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
            """Makes room, of the shape and dtype of what comes first."""
            self.dtype, self.device = key_states.dtype, key_states.device
            self._room = [_space(states, self._capacity) for states in (key_states, value_states)]
            self.keys, self.values = (room[:, :, :0] for room in self._room)
            self.is_initialized = True

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *_: object, **__: object
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Writes new tokens behind those that are there."""
            if not self.is_initialized:
                self.lazy_initialization(key_states, value_states)
            begin = self.keys.shape[-2]
            end = begin + key_states.shape[-2]
            if end > self._room[0].shape[-2]:
                self.rearrange([(row, range(begin)) for row in range(len(self.keys))], begin, 2 * end)
            for room, states in zip(self._room, (key_states, value_states), strict=True):
                room[:, :, begin:end] = states
            self.keys, self.values = (room[:, :, :end] for room in self._room)
            return self.keys, self.values

        def rearrange(self, moves: Sequence[tuple[int, Sequence[int]]], width: int, capacity: int) -> None:
            """Keeps of each row named the slots named, at the right end of the first `width` slots."""
            made = []
            for old in (self.keys, self.values):
                new = _space(old[:1].expand(len(moves), -1, -1, -1), capacity)
                # What is not kept is masked, but not-a-number times nothing is not nothing.
                new[:, :, :width] = 0
                for at, (row, slots) in enumerate(moves):
                    if len(slots):
                        chosen = torch.as_tensor(list(slots), device=old.device)
                        new[at, :, width - len(slots) : width] = old[row].index_select(-2, chosen)
                made.append(new)
            self._room = made
            self._capacity = capacity
            self.keys, self.values = (room[:, :, :width] for room in made)

    def _space(like: torch.Tensor, capacity: int) -> torch.Tensor:
        rows, heads, _, size = like.shape
        return torch.empty((rows, heads, capacity, size), dtype=like.dtype, device=like.device)

    return InPlaceLayer
