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
# Runs of six words that have been there before, in any loop of words: a phrase of seven words, said until 30
# are full, has 18. Most texts have fewer, and need no closer look.
_FEWEST_REPEATS = 18
_LETTERS = re.compile(r"[^\W\d_]{30}")
_MARKS = re.compile(rf"\W{{{_RUN_MARKS}}}")


def find_loop(text: str) -> str:
    """The words that a reply repeats without end, or an empty text.

    Any of these signs is enough: a phrase said over and over with nothing between; a long text in which
    most runs of six words have been there before and one of ten words four times or more, a loop that
    changes a word each round; the same inside one word; the same in punctuation. A poem's refrain, a list
    of like items and a draft quoted once more stay below (figures in the tests).
    """
    words = _LOOP_WORD.findall(text.casefold())
    runs = [*zip(*(words[at:] for at in range(6)), strict=False)]
    repeats = len(runs) - len(set(runs))
    if repeats >= _FEWEST_REPEATS and (phrase := _back_to_back(words)):
        return f"{phrase!r} over and over"
    if len(words) >= 120 and repeats >= _STALE_SHARE * len(runs) and (phrase := _staple(words)):
        return f"{phrase!r} comes back again and again and next to nothing new is said"
    if _LETTERS.search(text) and (match := re.search(r"([^\W\d_]{1,20}?)\1{29,}", text)):
        return f"{match.group(1)!r} over and over"
    for match in re.finditer(r"\W+", text) if _MARKS.search(text) else ():
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


def _staple(words: Sequence[str]) -> str:
    """Ten words that come back four times or more, or an empty text."""
    phrase, times = Counter(tuple(words[at : at + 10]) for at in range(len(words) - 9)).most_common(1)[0]
    return " ".join(phrase) if times >= 4 else ""
