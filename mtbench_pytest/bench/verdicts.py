"""Verdict markers: which one of a reply binds, and how an answer that holds one is kept from deciding.

A judge quotes what it was shown. Where an answer holds `[[10]]`, a quotation of it must never be taken for
the judge's verdict, whatever the judge goes on to say or leaves out (Raina et al. 2024, Is LLM-as-a-Judge
Robust?, arXiv 2402.14016; Zheng et al. 2024, Cheating Automatic LLM Benchmarks, arXiv 2410.07137).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

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

# What is no verdict but says what grades there are, and what belongs to the marker before it.
_TEN = r"(?:\[\[\s*10(?:\.0)?\s*\]\]|10(?:\.0)?(?![\d.]*\d))"
_OUT_OF = rf"\s*(?:/|\bout\s+of\b|\bvon\b|满分)\s*{_TEN}"
_SCALE = re.compile(
    rf"\[\[\s*[01]\s*\]\]\s*(?:[-\u2013\u2014~]|\bto\b|\bthrough\b|\band\b|\bbis\b|到|至)\s*{_TEN}",
    re.IGNORECASE,
)
_OF_TEN = re.compile(rf"(\[\[[^\[\]]*\]\]){_OUT_OF}", re.IGNORECASE)
_ESCAPED = re.compile(r"\\+(?=[\[\]])")
# A verdict in another form than a marker: "Rating: 8/10", which is plain, and "Rating: 8" or "Verdict: B".
_SAID = re.compile(
    rf"(?<!\w)(?:{'|'.join(_CALLED.values())})[\s*_]*[:：=-]?[\s*_]*"
    rf"(?:(?P<grade>\d+(?:\.\d+)?)(?P<of>{_OUT_OF})?|(?:assistant\s+)?(?P<winner>(?-i:[A-C])|tie))(?![\w\[])",
    re.IGNORECASE,
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


def normal(reply: str) -> str:
    """A judge's reply as it reads.

    `[[7]]/[[10]]` and `[[7]] out of 10` are `[[7]]`; `[[1]] to [[10]]`, which tells the scale, is nothing.
    """
    text = _ESCAPED.sub("", plain(reply))
    if "[[" not in text:
        return text
    return _OF_TEN.sub(r"\1", _SCALE.sub("", text))


def binding(reply: str, answers: Iterable[Sequence[str]] = ()) -> str | None:
    """The verdict of a judge's reply that binds: the last marker, or a plain verdict after it.

    `Rating: 8/10` at the end is as plain as a marker. A later verdict in another form, `Rating: 8`, voids a
    marker that says otherwise: which of the two is meant cannot be told.

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
    reply = normal(reply)
    marks = markers(reply)
    answers = [tuple(turns) for turns in answers]
    if (said := _said_after(reply)) is not None:
        return _said(said, marks, answers)
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


def _said_after(reply: str) -> re.Match[str] | None:
    """A verdict in another form than a marker, after the last marker; the last one."""
    marks = list(_MARK.finditer(reply))
    said = list(_SAID.finditer(reply, marks[-1].end() if marks else 0))
    if not said:
        return None
    # Without a marker only what the reply ends in is plain.
    ends = said[-1]["of"] and not reply[said[-1].end() :].strip(" \t\n*_.。")
    return said[-1] if marks or ends else None


def _said(said: re.Match[str], marks: Sequence[str], answers: Sequence[Sequence[str]]) -> str:
    """What a verdict in another form comes to.

    Raises:
        VerdictError: Where it cannot be told which verdict is meant.
    """
    mark = said["grade"] or {"tie": "C"}.get(said["winner"].lower(), said["winner"])
    if marks and _meaning(mark) == _meaning(marks[-1]):
        return marks[-1]
    told = " ".join(said.group().split()).strip("*_.!?。！？ ")
    if not said["of"]:
        raise VerdictError(f"the judge's last marker is [[{marks[-1]}]], and its last verdict {told!r}")
    shown = "\n".join(plain("\n".join(turns)) for turns in answers)
    if any(_meaning(other["grade"]) == _meaning(mark) for other in _SAID.finditer(shown) if other["of"]):
        raise VerdictError(f"the judge's verdict {told!r} also stands in an answer it was shown")
    return mark


def _meaning(mark: str) -> str:
    """One text for `10`, `10.0` and ` 10`, for `a` and `A`."""
    mark = mark.strip()
    return f"{float(mark):g}" if NUMBER.fullmatch(mark) else mark.casefold()


def parse_grade(reply: str, answers: Iterable[Sequence[str]] = ()) -> float:
    """Reads the grade from a judge's reply: the last `[[n]]` binds, whatever stood before.

    Args:
        reply: What the judge wrote.
        answers: Of each answer it was shown the replies, one a turn: a quotation from them does not bind.

    Raises:
        VerdictError: Where there is none, it is not from 1 to 10, or it may be a quotation.
    """
    mark = binding(reply, answers)
    if mark is None or not NUMBER.fullmatch(mark):
        found = "" if mark is None else f"; its last marker is [[{mark}]]"
        raise VerdictError(f"the judge's reply holds no grade in the form [[n]]{found}")
    if not 1 <= float(mark) <= 10:
        raise VerdictError(f"the judge's grade is {mark}, not from 1 to 10")
    return float(mark)


def parse_winner(reply: str, answers: Iterable[Sequence[str]] = ()) -> Literal["A", "B", "tie"]:
    """Reads the winner from a judge's reply: the last `[[A]]`, `[[B]]` or `[[C]]` binds.

    Args:
        reply: What the judge wrote.
        answers: Of each answer it was shown the replies, one a turn: a quotation from them does not bind.

    Raises:
        VerdictError: Where there is none, the last marker is another one, or it may be a quotation.
    """
    mark = binding(reply, answers)
    match (mark or "").upper():
        case "A":
            return "A"
        case "B":
            return "B"
        case "C":
            return "tie"
    if mark is None:
        raise VerdictError("the judge's reply holds no verdict in the form [[A]], [[B]] or [[C]]")
    raise VerdictError(f"the judge's verdict is [[{mark}]], not [[A]], [[B]] or [[C]]")


def check_grade(grade: object) -> float:
    """A grade that somebody gave in other words than a judge's reply.

    Raises:
        VerdictError: Where it is no number from 1 to 10.
    """
    if isinstance(grade, bool) or not isinstance(grade, int | float) or not 1 <= grade <= 10:
        raise VerdictError(f"grade {grade!r}, not a number from 1 to 10")
    return float(grade)


def check_recorded_grade(grade: object, reply: str) -> float:
    """A recorded grade, with the judge's reply that it came from.

    Raises:
        VerdictError: Where it is none, or the reply's own verdict is another one.
    """
    found = check_grade(grade)
    _check_record(f"grade {found:g}", found, parse_grade, reply)
    return found


def check_recorded_winner(winner: Literal["A", "B", "tie"], reply: str) -> None:
    """The same of a game's winner, by its place in the prompt.

    Raises:
        VerdictError: Where the reply's own verdict is another one.
    """
    _check_record(f"winner {winner}", winner, parse_winner, reply)


def _check_record(told: str, recorded: object, parse: Callable[[str], object], reply: str) -> None:
    try:
        said = parse(reply)
    except VerdictError:  # a reply without a verdict, such as a program's, says nothing against it
        return
    if said != recorded:
        shown = f"{said:g}" if isinstance(said, float) else said
        raise VerdictError(f"{told} is recorded, and the judge's reply beside it says {shown}")
