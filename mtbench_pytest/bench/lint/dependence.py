"""Whether a later turn builds on what was said before, as far as its words show."""

from __future__ import annotations

import re
from collections.abc import Sequence

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[^\W\d_{_CJK}]{{3,}}|\d+")
_RUN = re.compile(rf"[{_CJK}]+")
_STEM = 5  # letters: "planted" and "planting" are one
# Frequent words say nothing of what a text is about.
_FREQUENT = frozenset(
    "the and for you are can was has have had not but how what when where which who why with from into about "  # noqa: SIM905
    "does did will would should could any all one two out use give please write make tell "
    "der die das den dem des ein eine einen einem einer und oder ist sind hat haben wie was wer wann warum "
    "mit von für auf aus bei nach nicht auch als kann können soll bitte schreibe schreiben geben sie".split()
)

# Words that point back, or only make sense after something: pronouns, "instead", "the same", "your answer".
_BACK = re.compile(
    r"\A\W*(?:and|but|or|so|then|now|also|what about|how about|what if|und|aber|oder|dann|jetzt|nun|wenn)\b|"
    r"\b(?:it|its|this|these|those|them|they|their|he|she|him|her|his|both|same|again|above|previous|"
    r"earlier|former|latter|first|second|third|last|next|instead|another|other|others|more|rewrite|rephrase|"
    r"rework|revise|update|continue|extend|shorten|your|there|"
    r"es|(?-i:sie)|ihn|ihm|ihre?[nrms]?|dies\w*|jene\w*|beide\w*|noch|stattdessen|vorherig\w*|obige\w*|oben|"
    r"erste\w*|zweite\w*|letzte\w*|nächste\w*|wieder|ander\w*|deine?\w*|gleiche\w*|weitere\w*|"
    r"da(?:von|zu|mit|bei|für|nach))\b"
    "|[它他她这那此该再又还另改换]|继续|上面|以上|前面|之前|刚才|你的|您的"
    "|이전|위의|위에|앞의|앞서|이것|이를|그것|그럼|다시|같은|다른|두 번째|당신의",
    re.IGNORECASE,
)
_SOON = 14  # words
_MANY = 25  # words: in so long a turn one word in common is chance
_FEW = 4  # words: so short a turn is an ellipsis ("In French, please")


def stands_alone(turn: str, earlier: Sequence[str]) -> bool:
    """Whether a turn could as well be a conversation's first.

    A turn builds on the ones before where it points back by a word ("it", "your answer", "instead"), shares
    a word with them, or is too short to mean anything alone. Only words are looked at (English, German,
    Chinese, Korean); what only the sense shows is missed.
    """
    length = _length(turn)
    if length <= _FEW or _BACK.search(_beginning(turn)):
        return False
    shared = _marks(turn) & set().union(*map(_marks, earlier))
    return len(shared) < (2 if length > _MANY else 1)


def _beginning(turn: str) -> str:
    """Where a turn points back if it does; further on "it" means something of its own."""
    return " ".join(turn.split()[:_SOON]) if " " in turn else turn[: 2 * _SOON]


def _marks(text: str) -> set[str]:
    """Word stems; of scripts written without spaces pairs of characters."""
    stems = {word[:_STEM] for word in _WORD.findall(text.casefold()) if word not in _FREQUENT}
    pairs = {run[at : at + 2] for run in _RUN.findall(text) for at in range(len(run) - 1)}
    return stems | pairs


def _length(text: str) -> int:
    return len(re.findall(r"\w+", text)) + sum(len(run) // 2 for run in _RUN.findall(text))
