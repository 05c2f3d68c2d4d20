"""Repetition loops: text that comes back without end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# A loop's words; scripts written without spaces count by the character.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
_LOOP_WORD = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")

_RUN_WORDS = 30
_RUN_ROUNDS = 4
_RUN_MARKS = 40
_LONGEST_PHRASE = 80
_STALE_SHARE = 0.75  # a song in twelve cumulative verses has 0.65, sound models' answers 0.38 at most


def find_loop(text: str) -> str:
    """The words that a reply repeats without end, or an empty text.

    Any of these signs is enough: a phrase said over and over with nothing between; a long text in which
    most runs of six words have been there before and one of ten words four times or more, a loop that
    changes a word each round; the same inside one word; the same in punctuation. A poem's refrain, a list
    of like items and a draft quoted once more stay below (figures in the tests).
    """
    words = _LOOP_WORD.findall(text.casefold())
    if phrase := _back_to_back(words):
        return f"{phrase!r} over and over"
    if phrase := _stale(words):
        return f"{phrase!r} comes back again and again and next to nothing new is said"
    if match := re.search(r"([^\W\d_]{1,20}?)\1{29,}", text):
        return f"{match.group(1)!r} over and over"
    for match in re.finditer(r"[^\w]+", text):
        # Rules and table borders are long and mean no harm.
        marks = re.sub(r"[\s=|+-]", "", match.group())
        if len(marks) >= _RUN_MARKS and len(set(marks)) <= 4:
            return f"{marks[:6]!r} over and over"
    return ""


def _back_to_back(words: Sequence[str]) -> str:
    for period in range(1, min(_LONGEST_PHRASE, len(words) // _RUN_ROUNDS) + 1):
        wanted = max(_RUN_WORDS, _RUN_ROUNDS * period) - period
        length = 0
        for at in range(period, len(words)):
            length = length + 1 if words[at] == words[at - period] else 0
            # A grid of zeros or a numbers column is no loop: some word of the phrase must have a letter.
            if length == wanted and any(not w.isdecimal() for w in words[at - period : at]):
                start = at - length - period + 1
                return " ".join(words[start : start + period][:12])
    return ""


def _stale(words: Sequence[str]) -> str:
    if len(words) < 120:
        return ""
    runs = [tuple(words[at : at + 6]) for at in range(len(words) - 5)]
    if 1 - len(set(runs)) / len(runs) < _STALE_SHARE:
        return ""
    phrase, times = Counter(tuple(words[at : at + 10]) for at in range(len(words) - 9)).most_common(1)[0]
    return " ".join(phrase) if times >= 4 else ""
