"""Text to token ids and back, as a checkpoint's tokenizer and chat template have it; needs no weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mtbench_pytest.core.reasoning import MARKS, opened_by


class Tokens:
    """A tokenizer with its chat template, and the length of text the model can hold.

    Args:
        tokenizer: A tokenizer of transformers, with the chat template to be used.
        config: The checkpoint's settings.
    """

    def __init__(self, tokenizer: Any, config: Any) -> None:
        self.tokenizer = tokenizer
        self.context: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
        self._hidden = {
            number
            for number, token in tokenizer.added_tokens_decoder.items()
            if token.special and token.content not in MARKS
        }

    def prompt(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Token ids of a conversation, up to where the assistant's reply begins."""
        encoded = self.tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=True
        )
        return tuple(encoded["input_ids"])

    def count(self, text: str) -> int:
        """How many tokens a text has by itself."""
        return len(self.tokenizer.encode(text, add_special_tokens=False))

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
        return opened_by(tail)
