"""Reasoning in what a model wrote: which shapes it has, and how it is told from the reply.

Nobody judges it and no later turn sees it. A block that is opened and never closed is all reasoning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The marks around a thought, as chat templates and model cards have them: Qwen3, DeepSeek-R1 and most others;
# Magistral; Kimi; Sky-T1 and OpenThinker. The first may stand in the prompt, put there by the template.
_BLOCKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
)
# gpt-oss writes in channels (OpenAI's harmony format). A server that drops special tokens leaves the words.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>")
_FRAME = re.compile(r"(?:<\|(?:end|return|call)\|>)?\s*(?:<\|start\|>\s*assistant\s*)?\Z")
_BARE = re.compile(r"\Aanalysis(?=\S)(.*?)(?:assistant\s*)?final(?=[^a-z])", re.DOTALL)
_BARE_OPEN = re.compile(r"\Aanalysis(?=[A-Z\"'(])")

# What to do where a token limit ended a reply before it began.
THOUGHT_HELP = (
    "a larger --mtbench-max-new-tokens has room for thought and reply together, and where the chat template "
    "knows it ?enable_thinking=false leaves the thought out"
)
# Special tokens that are these marks: a tokenizer must not drop them with the others.
MARKS = frozenset({mark for block in _BLOCKS for mark in block} | {"<|channel|>", "<|message|>", "<|start|>"})


@dataclass(frozen=True, slots=True)
class Split:
    """What a model wrote, in its two parts.

    Attributes:
        text: The reply.
        reasoning: What stood in blocks or channels of reasoning.
        open: A block was opened and never closed, so that there is no reply yet.
    """

    text: str
    reasoning: str = ""
    open: bool = False


def all_thought(text: str, reasoning: str, limit: int | None) -> str:
    """Why a reply is missing that is all reasoning, and what to do about it; "" where there is a reply.

    Args:
        limit: The token limit that ended it; None where the model did.
    """
    if text or not reasoning:
        return ""
    ended = "no reply after" if limit is None else f"the token limit of {limit} ended the reply within"
    return f"{ended} its reasoning; {THOUGHT_HELP}"


def opened_by(prompt: str) -> bool:
    """Whether a prompt ends in a mark that opens a block, for the model to go on with."""
    return prompt.rstrip().endswith(tuple(opening for opening, _ in _BLOCKS))


def split(raw: str, opened: bool | None = None) -> Split:
    """Splits reasoning from a reply.

    Args:
        raw: What the model wrote, special tokens included where they are marks of reasoning.
        opened: Whether the prompt ended in an opening mark; None where that is not known, so that a lone
            closing mark closes a block.
    """
    if "<|channel|>" in raw:
        return _channels(raw)
    if bare := _BARE.match(raw):
        return Split(raw[bare.end() :].lstrip(), bare[1].strip())
    if _BARE_OPEN.match(raw) and opened is None and raw.count("\n") > 1:
        return Split("", raw.removeprefix("analysis").strip(), open=True)
    start = raw.lstrip()
    for opening, closing in _BLOCKS:
        begun = start.startswith(opening)
        if not begun and opened is False:
            continue
        thought, closed, rest = (start.removeprefix(opening) if begun else raw).partition(closing)
        if closed:
            return Split(rest.lstrip(), thought.strip())
        if begun:
            return Split("", thought.strip(), open=True)
    return Split("", raw.strip(), open=True) if opened else Split(raw)


def _channels(raw: str) -> Split:
    """The channels of harmony: "final" is the reply, everything else is not."""
    found = list(_CHANNEL.finditer(raw))
    ends = [*(match.start() for match in found[1:]), len(raw)]
    parts = [
        (match[1], _FRAME.sub("", raw[match.end() : end])) for match, end in zip(found, ends, strict=True)
    ]
    text = "".join(part for channel, part in parts if channel == "final").strip()
    reasoning = "\n".join(part.strip() for channel, part in parts if channel != "final")
    return Split(text, reasoning, open=not any(channel == "final" for channel, _ in parts))
