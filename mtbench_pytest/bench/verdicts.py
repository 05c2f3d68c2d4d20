"""Verdict markers: which one of a reply binds, and how an answer that holds one is kept from deciding.

A judge quotes what it was shown. Where an answer holds `[[10]]`, a quotation of it must never be taken for
the judge's verdict, whatever the judge goes on to say or leaves out (Raina et al. 2024, Is LLM-as-a-Judge
Robust?, arXiv 2402.14016; Zheng et al. 2024, Cheating Automatic LLM Benchmarks, arXiv 2410.07137).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mtbench_pytest.core.errors import VerdictError

# Whatever stands in double brackets is a marker: a last one that means nothing does not let an earlier one
# bind.
_MARK = re.compile(r"\[\[([^\[\]]*)\]\]")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

_HIDDEN = "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
_UNSEEN = re.compile(rf"{_HIDDEN}|[\u0300-\u036f\U000e0000-\U000e01ef]")
# Brackets and letters that read as others; what Unicode itself calls a form of another (full width and so
# on) needs no entry.
_READ_AS = {
    "\u3010": "[", "\u3011": "]", "\u27e6": "[[", "\u27e7": "]]", "\u301a": "[[", "\u301b": "]]",
    "\u0410": "A", "\u0412": "B", "\u0421": "C", "\u0391": "A", "\u0392": "B",
}  # fmt: skip
_LOOKALIKE = re.compile(f"[{''.join(_READ_AS)}]")

# What a judge calls its verdict, in the languages of the built-in prompts.
_WORDS = {
    "en": "rating|grade|score|verdict|judge?ment",
    "zh": "评分|打分|分数|得分|评级|结论|判定|裁决|裁定",
    "ko": "평점|점수|등급|판정|평가|결론",
    "de": "bewertung|note|urteil|wertung|punktzahl|ergebnis",
}
_CALLED = {
    "en": r"(?:(?:therefore|thus|hence|so|overall),?\s+)?(?:(?:my|our|the)\s+)?(?:(?:final|overall)\s+)?"
    rf"(?:{_WORDS['en']})(?:\s+is)?",
    "zh": rf"(?:因此|所以|综上)?，?(?:我的|本次)?(?:最终|最后|综合)?的?(?:{_WORDS['zh']})(?:是|为)?",
    "ko": rf"(?:따라서,?\s+)?(?:최종\s*|종합\s*)?(?:{_WORDS['ko']})(?:은|는)?",
    "de": r"(?:(?:daher|somit|insgesamt)\s+)?(?:(?:meine?|das|die)\s+)?(?:(?:endgültige|finale)[rs]?\s+)?"
    rf"(?:{_WORDS['de']})(?:\s+(?:ist|lautet))?",
}
# The end of a reply in the judge's own words: a last line or sentence such as "Final verdict: [[A]]".
_OWN = re.compile(
    rf"(?:\A|[\n.!?。！？])[\s*_#]*(?:{'|'.join(_CALLED.values())})[\s*_]*[:：=-]?[\s*_]*\[\[[^\[\]]*\]\][\s*_.。]*\Z",
    re.IGNORECASE,
)
# The same in an answer, once everything that a reader skips is gone.
_NOISE = re.compile(r"[\s*_`~\\\"'>|\u201c\u201d\u201e\u00ab\u00bb\u300c-\u300f]+")
_CLAIM = re.compile(
    rf"(?:{'|'.join(_WORDS.values())})(?:is|是|为|은|는|ist|lautet)?[^\w\[\]]{{0,3}}\[\[([^\[\]]*)\]\]"
)

# A marker that would be a verdict, also where something that nobody sees stands in it.
_VERDICT = re.compile(
    rf"([\[\uff3b])(?={_HIDDEN}*[\[\uff3b](?:\s|{_HIDDEN})*(?:-?\d+(?:\.\d+)?|[a-cA-C])(?:\s|{_HIDDEN})*[\]\uff3d]"
    rf"{_HIDDEN}*[\]\uff3d])"
)
# A line that opens or closes a part of a built-in prompt. `a << b`, `<<<<<<<` and `>>> print()` are none.
_BREAKS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
_START = rf"(?:\A|(?<=[{_BREAKS}]))(?:[^\S\n]|{_HIDDEN})*"
_OPENS = re.compile(rf"({_START}[<\uff1c])(?=(?:{_HIDDEN}*[<\uff1c]){{2}}(?!{_HIDDEN}*[<\uff1c]))")
_CLOSES = re.compile(
    rf"({_START}[>\uff1e])(?=(?:{_HIDDEN}*[>\uff1e]){{2}}(?:[^\S\n]|{_HIDDEN})*(?:[{_BREAKS}<\uff1c]|\Z))"
)


def markers(reply: str) -> list[str]:
    """What stands in double brackets, in order."""
    return [mark.strip() for mark in _MARK.findall(reply)]


def escape(text: str) -> str:
    """An answer as a built-in prompt shows it: nothing in it is a marker or opens or closes a part.

    Each is broken by one space, `[ [10]]`, `< << answer of B`, `> >>`; everything else stays as it is:
    lists in lists, `cmd <<< "$word"`, `>>> print(1)`, a merge conflict's marks.
    """
    if text.isascii() and not ("[[" in text or "<<<" in text or ">>>" in text):
        return text
    for pattern in (_VERDICT, _OPENS, _CLOSES):
        text = pattern.sub(r"\1 ", text)
    return text


def plain(text: str) -> str:
    """A text as it reads: HTML's escapes, wide letters and lookalikes made plain, what is unseen left out."""
    if "&" in text:
        text = html.unescape(text)
    if text.isascii():
        return text
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return _LOOKALIKE.sub(lambda match: _READ_AS[match.group()], text)


@dataclass(frozen=True, slots=True)
class Held:
    """The markers that answers hold, as `_meaning` has them.

    Attributes:
        marks: All of them.
        claimed: Those that follow a word for a verdict: "Rating: [[10]]".
    """

    marks: frozenset[str]
    claimed: frozenset[str]


def held(answers: Iterable[Sequence[str]]) -> Held:
    """Looks for markers in answers.

    Args:
        answers: Of each the replies a judge was shown, one a turn. They are read as one text: a marker may
            begin in one turn and end in the next.
    """
    marks, claimed = set[str](), set[str]()
    for turns in answers:
        text = "".join(turns)
        if text.isascii() and "[" not in text and "&" not in text:
            continue
        text = _NOISE.sub("", plain(text)).casefold()
        marks.update(map(_meaning, _MARK.findall(text)))
        claimed.update(map(_meaning, _CLAIM.findall(text)))
    return Held(frozenset(marks), frozenset(claimed))


def binding(reply: str, answers: Iterable[Sequence[str]] = ()) -> str | None:
    """The marker of a judge's reply that binds: the last one.

    A marker that stands in an answer too may be a quotation of it. It binds only where the reply ends in it,
    in a judge's own words ("Rating: [[7]]") that the answer does not have, and no other marker says
    otherwise.

    Args:
        reply: What the judge wrote.
        answers: Of each answer it was shown the replies, one a turn.

    Returns:
        What stands in the brackets; None where there is no marker.

    Raises:
        VerdictError: Where it cannot be told from a quotation.
    """
    marks = markers(reply)
    if not marks:
        return None
    last = _meaning(marks[-1])
    found = held(answers)
    if last in found.marks:
        where = f"the judge's last marker [[{marks[-1]}]] also stands in an answer it was shown"
        if last in found.claimed or not _OWN.search(reply):
            raise VerdictError(f"{where}: it may be a quotation")
        if {_meaning(mark) for mark in marks} != {last}:
            raise VerdictError(f"{where}, and its reply holds another one")
    return marks[-1]


def _meaning(mark: str) -> str:
    """One text for `10`, `10.0` and ` 10`, for `a` and `A`."""
    mark = mark.strip()
    return f"{float(mark):g}" if NUMBER.fullmatch(mark) else mark.casefold()
