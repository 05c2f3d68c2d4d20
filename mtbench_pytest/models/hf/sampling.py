"""Drawing tokens so that a question's answer depends on its own seed and on nothing else in the batch.

Both classes are duck-typed for `transformers.GenerationMixin.generate`, so that importing this module
imports no torch.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def turn_seed(seed: int, turn: int) -> int:
    """The seed of one turn's draws, 63 bits; the same on every machine and in every process."""
    digest = hashlib.sha256(f"{seed}:{turn}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class GumbelNoise:
    """A logits processor that turns greedy choice into sampling, row by row.

    The argmax of `logits / temperature + g`, with g standard Gumbel noise, is a draw from
    `softmax(logits / temperature)` (Maddison et al. 2014, "A* Sampling"). Each row has a generator of its
    own, so its draws do not depend on how many rows stand beside it, nor on how those are drawn;
    `torch.multinomial` has one generator for the whole batch.

    Args:
        temperatures: One a row; 0 leaves the row as it is, which is greedy.
        seeds: One a row, as `turn_seed` makes them.
    """

    def __init__(self, temperatures: Sequence[float], seeds: Sequence[int]) -> None:
        self._rows = [
            (row, temperature, seed)
            for row, (temperature, seed) in enumerate(zip(temperatures, seeds, strict=True))
            if temperature > 0
        ]
        self._generators: dict[int, torch.Generator] = {}

    def __call__(self, _input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Adds one draw's noise; `scores` has the shape (rows, vocabulary)."""
        import torch

        if not self._rows:
            return scores
        drawn = scores.to(torch.float32, copy=True)
        least = torch.finfo(torch.float32).tiny
        for row, temperature, seed in self._rows:
            if row not in self._generators:
                self._generators[row] = torch.Generator(device=scores.device).manual_seed(seed)
            exponential = torch.empty_like(drawn[row]).exponential_(generator=self._generators[row])
            # The negative log of a standard exponential is standard Gumbel; a 0 would win in any case.
            drawn[row] = drawn[row] / temperature - exponential.clamp_min_(least).log_()
        return drawn


class RowBudgets:
    """A stopping criterion: each row has a token budget of its own, and all stop when asked to.

    Args:
        prompt_length: Length of the padded prompts in tokens.
        budgets: Most new tokens, one a row.
        stop: Ends every row at the next token.
        told: Is called after each step with the number of tokens it wrote.
    """

    def __init__(
        self,
        prompt_length: int,
        budgets: Sequence[int],
        stop: threading.Event,
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._prompt_length = prompt_length
        self._budgets = budgets
        self._stop = stop
        self._told = told

    def __call__(self, input_ids: torch.Tensor, _scores: object, **_kwargs: object) -> torch.Tensor:
        """Which rows are done, as booleans of shape (rows,)."""
        import torch

        used = input_ids.shape[1] - self._prompt_length
        stopped = self._stop.is_set()
        self._told(len(self._budgets))
        return torch.tensor([stopped or used >= budget for budget in self._budgets], device=input_ids.device)
