"""Which language a text is in, and how many of a model's replies are in the question's.

Detection is py3langid's: naive Bayes over byte n-grams (Lui and Baldwin 2012, langid.py: An off-the-shelf
language identification tool). Of the 480 turns of the English, Korean and German MT-bench it is wrong about
none; 17 are too short, or too much of a formula, to tell.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

EXEMPTIONS = ("translate", "code")  # why a reply need not be in the question's language
ENGLISH = "en"

_CERTAIN = 0.9  # probability under which nothing is said
_LETTERS = 24  # fewer tell too little; a syllable or ideograph counts as three
MOST = 1000  # replies a side that are looked at: 0.2 ms each, of a run of ten thousand questions
_SPREAD = 24  # texts of a bench that are looked at to tell its language

# No other language has a quarter of its words among these. Most benches are English, and to load the model
# takes half a second before the first call.
_ENGLISH_WORDS = """
    a about an and are as be by for from has have how i in is it its of on that the this to was what which
    who will with you your
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_ENGLISH_SHARE = 1 / 4
_FEWEST_WORDS = 8

# Those with enough written text that a model might answer in them; a wider choice only adds mistakes.
_KNOWN = (
    "ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ka kk ko lt lv mk mr ms nl no pl pt ro "
    "ru sk sl sq sr sv sw ta te th tl tr uk ur vi zh"
)
_SILENT = re.compile(
    r"^[ \t]*(```+|~~~+).*?(?:^[ \t]*\1|\Z)|`[^`\n]*`|\$\$.*?\$\$|\\\[.*?\\\]|\\\(.*?\\\)|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def detect(text: str) -> str | None:
    """The language of a text as an ISO 639-1 code; None where it cannot be told.

    Code, formulas and addresses are no language and are passed over.
    """
    prose = _SILENT.sub(" ", text)
    if _weight(prose) < _LETTERS:
        return None
    language, probability = _identifier().classify(prose)
    return str(language) if probability >= _CERTAIN else None


def common_language(texts: Sequence[str]) -> str | None:
    """The language most of these texts are in; some, evenly spread, are looked at."""
    looked_at = spread(texts, _SPREAD)
    if _mostly_english(looked_at):
        return ENGLISH
    found = Counter(language for text in looked_at if (language := detect(text)))
    return found.most_common(1)[0][0] if found else None


def _mostly_english(texts: Sequence[str]) -> bool:
    """Whether that is plain without a model: most texts that are not too short are full of its words."""
    said = [words for text in texts if len(words := re.findall(r"\w+", text.lower())) >= _FEWEST_WORDS]
    return 2 * sum(map(_is_english, said)) > len(said) and 3 * len(said) >= len(texts)


def _is_english(words: Sequence[str]) -> bool:
    found = [word for word in words if word in _ENGLISH]
    return len(set(found)) > 3 and len(found) >= _ENGLISH_SHARE * len(words)


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly spread, the first among them."""
    if len(items) <= most:
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]


def _weight(text: str) -> int:
    """How much there is to go by, in letters."""
    letters = sum(unicodedata.category(char)[0] == "L" for char in text[: 20 * _LETTERS])
    return letters + 2 * len(_DENSE.findall(text[: 20 * _LETTERS]))


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_KNOWN.split())
    return identifier
