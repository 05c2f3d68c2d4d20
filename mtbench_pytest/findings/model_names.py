"""Which family of models a name belongs to: a judge tends to favour texts of its own kind.

Panickssery et al. 2024, LLM Evaluators Recognize and Favor Their Own Generations (arXiv 2404.13076); Zheng et
al. 2023 (arXiv 2306.05685, section 3.3) call it self-enhancement bias.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtbench_pytest.core.records import SIDES, Side

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


# Words of a name, each with what it is a name of. A fine-tune usually keeps the word of its base.
_FAMILIES = {
    "gpt": "gpt chatgpt davinci o1 o3 o4",
    "claude": "claude",
    "llama": "llama codellama tinyllama vicuna alpaca",
    "qwen": "qwen qwq qvq",
    "gemini and gemma": "gemini gemma codegemma",
    "mistral": "mistral mixtral ministral codestral magistral devstral pixtral zephyr",
    "deepseek": "deepseek",
    "phi": "phi",
    "smollm": "smollm",
    "command": "command c4ai aya",
    "glm": "glm chatglm",
    "yi": "yi",
    "grok": "grok",
    "kimi": "kimi moonshot",
    "internlm": "internlm",
    "falcon": "falcon",
    "olmo": "olmo tulu",
    "granite": "granite",
    "exaone": "exaone",
    "solar": "solar",
    "nemotron": "nemotron",
    "baichuan": "baichuan",
    "hunyuan": "hunyuan",
    "ernie": "ernie",
    "minimax": "minimax abab",
}
# Letters may not go on before a word, nor after it; a number may: Qwen2.5, gpt4, Llama-3.
_NAMED = {
    family: re.compile(rf"(?<![a-z])(?:{'|'.join(words.split())})(?![a-z])")
    for family, words in _FAMILIES.items()
}
_NAMING = ("hf", "openai", "demo")  # kinds of specs whose value names a model


@dataclass(frozen=True, slots=True)
class Kinship:
    """Judge and models of one family, as far as names tell.

    Attributes:
        families: That the judge shares with a side.
        sides: The sides it shares one with.
    """

    families: tuple[str, ...]
    sides: tuple[Side, ...]


def families(*names: str) -> frozenset[str]:
    """The families that names tell of; a distilled model may have two."""
    text = " ".join(names).lower()
    return frozenset(family for family, named in _NAMED.items() if named.search(text))


def kinship(parties: Mapping[str, Any]) -> Kinship | None:
    """Whether the judge is of a side's family; None where it is not, or no name tells.

    Args:
        parties: By "candidate", "baseline" and "judge" a mapping with "name" and "spec".
    """
    judge = families(*_names(parties["judge"]))
    shared = {side: judge & families(*_names(parties[side])) for side in SIDES}
    found: Sequence[str] = sorted(frozenset().union(*shared.values()))
    return Kinship(tuple(found), tuple(side for side in SIDES if shared[side])) if found else None


def _names(party: Mapping[str, Any]) -> list[str]:
    """A party's name, and what its spec calls the model; folders around it do not count."""
    kind, _, value = str(party["spec"]).partition("?")[0].partition(":")
    return [str(party["name"]), *([value.rstrip("/").rpartition("/")[2]] if kind in _NAMING else [])]


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


def kinship_of(parties: Mapping[str, Any]) -> dict[str, Kinship]:
    """By judge which side it may favour, judges as in `result.json`."""
    judges = {judge["name"]: judge for judge in parties["judge"].get("judges", ())} or {"": parties["judge"]}
    return {name: kin for name, judge in judges.items() if (kin := kinship({**parties, "judge": judge}))}


def one_family_line(judge: str, kin: Kinship) -> str:
    """For the summary."""
    who = f"judge {judge}" if judge else "judge"
    return f"{who} and {' and '.join(kin.sides)} are of one family ({', '.join(kin.families)})"


def one_family_result(kinship: Mapping[str, Kinship]) -> Any:
    """Of a judge that judges alone its own; of a panel by judge."""
    plain = {judge: asdict(kin) for judge, kin in kinship.items()}
    return plain.get("") or plain or None
