"""Amounts of tokens, each with what it rests on, and how tokens are counted before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from mtbench_pytest.models.api.client import estimate_tokens
from mtbench_pytest.models.api.server import Price
from mtbench_pytest.models.base import ChatModel, Tokenizer, Tokenizes

Basis = Literal["counted", "as before", "at most"]
_RANK: Mapping[Basis, int] = {"counted": 0, "as before": 1, "at most": 2}


def weakest(bases: Iterable[Basis]) -> Basis:
    """What a sum rests on."""
    return max(bases, key=_RANK.__getitem__, default="counted")


@dataclass(frozen=True, slots=True)
class Tokens:
    """An amount of tokens.

    Attributes:
        basis: "counted" from texts that are there; "as before" by an earlier run; "at most" by the limits.
    """

    n: int = 0
    basis: Basis = "counted"

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.n + other.n, weakest((self.basis, other.basis)))


@dataclass(frozen=True, slots=True)
class Usage:
    """What some calls send and what they bring back."""

    sent: Tokens = Tokens()
    written: Tokens = Tokens()

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.sent + other.sent, self.written + other.written)


@dataclass(frozen=True, slots=True)
class Cost:
    """What some calls cost, in the currency of the prices."""

    amount: float
    basis: Basis

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.amount + other.amount, weakest((self.basis, other.basis)))


def cost_of(usage: Usage, price: Price) -> Cost:
    """What a usage costs at stated prices."""
    amount = price.of(usage.sent.n, usage.written.n)
    return Cost(amount, weakest((usage.sent.basis, usage.written.basis)))


class Measure(Protocol):
    """Counts tokens."""

    name: str
    """By what they are counted."""

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> int:
        """Of a conversation, as it is sent."""

    def text(self, text: str) -> int:
        """Of a text by itself."""


class FourBytes:
    """One token for four bytes, as a budget estimates them."""

    name = "one token for four bytes of text"

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> int:
        """See `Measure.prompt`."""
        return estimate_tokens(*(message["content"] for message in messages))

    def text(self, text: str) -> int:
        """See `Measure.text`."""
        return estimate_tokens(text)


def measure_for(model: ChatModel | None) -> Measure:
    """A model's own tokenizer where it is at hand, else four bytes a token.

    Raises:
        MTBenchError: Where its checkpoint cannot be used.
    """
    tokenizer = model.tokenizer() if isinstance(model, Tokenizes) else None
    return FourBytes() if tokenizer is None else _Own(tokenizer)


class _Own:
    name = "the checkpoint's own tokenizer"

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> int:
        return len(self._tokenizer.prompt([dict(message) for message in messages]))

    def text(self, text: str) -> int:
        return self._tokenizer.count(text)
