"""Names of models that a provider moves: today's "gpt-4o" is not last year's."""

from __future__ import annotations

import re

# Families that are served by their makers under names without a version, and moved.
_MOVED = re.compile(
    r"(?:chatgpt|gpt|o\d|claude|gemini|grok|command|doubao|ernie|hunyuan|deepseek-(?:chat|reasoner)|"
    r"glm-\d[\d.]*-(?:plus|air|airx|flash|long)|(?:mistral|codestral|pixtral)-(?:large|medium|small)|"
    r"qwen\d*(?:\.\d+)?-(?:max|plus|turbo|flash|long|omni))(?:[-.\d]|$)"
)
# A date (2024-08-06, 20241022, 0613, 2411, 08-2024) or a numbered snapshot (-001).
_FIXED = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3})(?:$|-)")
# Open weights have a size in their name, and do not move.
_SIZED = re.compile(r"(?:^|[-_.])\d+(?:\.\d+)?b(?:$|[-_.])|(?:^|-)oss(?:$|-)")


def is_floating(name: str, served: str = "") -> bool:
    """Whether a model's name is an alias that a provider moves.

    Args:
        name: As it is asked for.
        served: As the server called the model that answered, where it did.
    """
    asked = name.rstrip("/").rsplit("/", 1)[-1].lower()
    if re.search(r"(?:^|[-:@])latest$", asked):
        return True
    if _FIXED.search(asked) or _SIZED.search(asked):
        return False
    # A server that answers under a dated name of it says so itself.
    answered = served.rsplit("/", 1)[-1].lower()
    return bool(_MOVED.match(asked) or (answered.startswith(asked) and _FIXED.search(answered)))
