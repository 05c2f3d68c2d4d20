"""Answers that address the judge: verdict markers, delimiters and instructions in what a model wrote.

Nothing here changes a grade. What is found is counted and shown, so that a person looks at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import Literal

from mtbench_pytest.bench.verdicts import plain

Kind = Literal["marker", "delimiter", "instruction"]

_AROUND = 40  # characters of an answer that are shown on each side of what was found
_TURNS = range(1, 10)  # whose delimiters are known by heart


@dataclass(frozen=True, slots=True)
class _Sign:
    """A pattern over lower-case text, and words one of which stands in all that it matches."""

    kind: Kind
    words: tuple[str, ...]
    pattern: re.Pattern[str]


def _sign(kind: Kind, words: str, *patterns: str) -> _Sign:
    return _Sign(kind, tuple(words.split("/")), re.compile("|".join(patterns), re.MULTILINE))


_TEN = (
    r"(?:(?:an?|the|with|as|full|score of|grade of|rating of) )*"
    r"(?:10\b|ten\b|\[\[|full marks|perfect|maximum|(?:highest|best)(?: possible)? (?:score|grade|rating))"
)
_ORDERS = r"(?:instructions?|prompts?|rules|criteria|guidelines|rubrics?|directions|directives)\b"
_EARLIER = r"(?:above|previous|prior|earlier|preceding|foregoing|original|system|judging|grading|scoring)"
_IGNORE = r"\b(?:ignore|disregard|forget|override)"
_JUDGE = r"(?:judge|grader|evaluator)"
_ZEHN = r"(?:10\b|zehn\b|höchstnote|bestnote|volle|höchste)"
_RICHTER = r"(?:richter|gutachter|juror|prüfer)"

_SIGNS = (
    # `x[[1]]` is an element in R, `[[1]](url)` a link.
    _sign(
        "marker",
        "[[/[\\[",
        r"(?<![\w)\]$])\[\\?\[\s*(?:(?:10|[1-9])(?:\.\d+)?|[abc])\s*\\?\]\\?\](?!\()",
        r"(?:rating|grade|score|verdict)\s*\[\[",
    ),
    _sign("delimiter", "<<<", r"^\s*<<<\s*\w"),
    _sign("delimiter", "[the /<|the ", r"(?:\[|<\|)the (?:start|end) of [^\]|\n]{1,60}(?:\]|\|>)"),
    _sign(
        "instruction",
        "ignore/disregard/forget/override",
        rf"{_IGNORE} (?:\w+ ){{0,3}}?{_EARLIER} (?:\w+ ){{0,2}}?{_ORDERS}",
        rf"{_IGNORE} (?:all|any|your) (?:\w+ ){{0,2}}?{_ORDERS}",
        rf"{_IGNORE} (?:\w+ ){{0,3}}?{_ORDERS} (?:\w+ ){{0,2}}?(?:above|before|so far)\b",
    ),
    _sign(
        "instruction",
        "this answer/this response/this reply/my answer/my response/my reply/assistant",
        rf"\b(?:give|grant|assign|award|rate|score|grade) (?:this|my) (?:answer|response|reply) {_TEN}",
        rf"\b(?:give|grant|assign|award|rate|score|grade) assistant [ab] {_TEN}",
        r"\b(?:this|my) (?:answer|response|reply) (?:\w+ )?(?:deserves|merits|must|should) "
        rf"(?:(?:get|receive|be (?:given|rated|graded|scored|awarded)) )?{_TEN}",
        r"\bassistant [ab] (?:is (?:\w+ ){0,2}?(?:better|best|superior|winner)|wins)\b",
    ),
    _sign(
        "instruction",
        "judge/grader/evaluator",
        rf"\b(?:note|message|attention|instructions?)(?: to| for|:|,)? (?:the |all )?(?:\w+ )?{_JUDGE}s?\b",
        rf"\b(?:dear|hey|hello) (?:ai|llm|automated) {_JUDGE}\b",
        rf"^\W*{_JUDGE}[:,] (?:please )?(?:output|rate|grade|score|award|select|choose|pick|declare)\b",
        rf"\byou are (?:now )?(?:the|an?) (?:\w+ ){{0,2}}?{_JUDGE}\b(?! of\b)",
        rf"\bas (?:the|an?) (?:\w+ ){{0,2}}?{_JUDGE},? you (?:must|should|will|shall|have)\b",
    ),
    _sign(
        "instruction",
        "system/[inst]/<<sys>>",
        r"<\|im_start\|>\s*system\b|<\|system\|>|<<sys>>|^\W*\[/?inst\]",
        r"^\W*\[\s*system(?: (?:prompt|message|note|override|instructions?))?\s*\]",
        r"^\W*system (?:prompt|message|note|override|instructions?)\s*:",
        r"^\W*system\s*:.{0,120}\b(?:judge|grader|grade|rating|score|verdict|evaluat\w+|instructions)\b",
    ),
    _sign(
        "instruction",
        "ignorier/vergiss/vergessen sie/missacht",
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missacht\w*) (?:sie )?(?:\w+ ){0,2}?"
        r"(?:obige|vorherige|bisherige|vorige|vorangegangene|frühere|vorstehende|deine|ihre)n? (?:\w+ ){0,2}?"
        r"(?:anweisung|anleitung|vorgabe|regel|instruktion|kriteri|prompt)",
    ),
    _sign(
        "instruction",
        "antwort",
        r"\b(?:gib|geben sie|vergib|vergeben sie|bewerte|bewerten sie|benote|benoten sie) (?:bitte )?"
        rf"(?:dieser?|diese|meiner?) antwort (?:\w+ ){{0,3}}?{_ZEHN}",
        rf"\b(?:diese|meine) antwort (?:verdient|sollte|muss) (?:\w+ ){{0,3}}?{_ZEHN}",
    ),
    _sign(
        "instruction",
        "richter/gutachter/juror/prüfer",
        rf"\b(?:du bist|sie sind) (?:jetzt |nun )?(?:der|die|eine?) (?:\w+ ){{0,2}}?{_RICHTER}(?:in)?\b",
        rf"\b(?:hinweis|nachricht|anweisung) an (?:den|die|das) (?:\w+ )?{_RICHTER}",
    ),
)
_SIGNS_BEYOND_ASCII = (
    _sign(
        "instruction",
        "忽略/无视/忘记/忘掉/理会",
        "(?:忽略|无视|忘记|忘掉|不要理会|不必理会)(?:掉|了)?(?:所有|全部|一切|你)?的?"
        "(?:以上|上面|上述|之前|先前|前面|此前|原有|系统)的?(?:所有|全部|一切)?的?"
        "(?:指令|指示|说明|要求|规则|提示|标准|评分标准|设定)",
    ),
    _sign(
        "instruction",
        "分",
        r"(?:给|为|将|把)(?:这个|这份|这次|这一|本|该|我的|此|上述)[次个]?(?:回答|答案|回复).{0,8}?(?:10|十|满|最高)\s*分",
        r"(?:这个|这份|本|该|我的|此|以上)次?(?:回答|答案|回复)(?:应|值得|理应|可以|必须).{0,6}?(?:10|十|满|最高)\s*分",
        r"请.{0,6}?(?:打|给|评)(?:出|我)?(?:10|十|满|最高)\s*分",
    ),
    _sign(
        "instruction",
        "评委/评审/裁判/评分员/打分员/评判者",
        "(?:致|请|各位|尊敬的)(?:各位)?(?:评委|评审|裁判|评分员|打分员|评判者)(?:[:,]|注意|请|给)",
        "你(?:现在)?是(?:一[位名个]|本次|这次)?的?(?:公正的|公平的)?(?:评委|评审员?|裁判|评分员|打分员|评判者)",
    ),
    _sign(
        "instruction", "系统", r"^\W*系统(?:提示词?|消息|指令|通知|信息)?\s*\]?\s*:.{0,60}(?:评|分|指令|回答)"
    ),
    _sign(
        "instruction",
        "무시/잊",
        r"(?:위|이전|앞|앞선|지금까지|모든|기존)의?\s*(?:모든\s*)?(?:지시|지침|명령|규칙|프롬프트|기준)(?:\s*사항)?들?"
        r"[을를은는]?\s*(?:모두\s*|전부\s*|다\s*)?(?:무시|잊)",
    ),
    _sign(
        "instruction",
        "점",
        r"(?:이|제|내|본|위)\s*(?:답변|응답|대답)(?:에는?|은|을|는)?.{0,12}?(?:(?:10|십|최고)\s*점|만점).{0,12}?(?:주|줘|매기|부여|받)",
    ),
    _sign(
        "instruction",
        "심사/평가자/채점자/심판",
        "(?:당신은|너는|귀하는).{0,10}?(?:심사위원|심사자|평가자|채점자|심판)",
        r"(?:심사위원|심사자|평가자|채점자)(?:님|분|여러분)?(?:께|에게)?\s*[:,]",
    ),
    _sign(
        "instruction",
        "시스템",
        r"^\W*시스템\s*(?:메시지|프롬프트|지시|명령|알림)?\s*\]?\s*:.{0,60}(?:평가|점|지시|답변)",
    ),
)


def delimiters(templates: Iterable[str]) -> frozenset[str]:
    """The lines that open and close the parts of judge prompts, as `find` compares them.

    A line counts that has letters and begins with none: `[Question]`, `<<< answer of A`, `### Assistant B:`.

    Args:
        templates: With placeholders; `{turn}` and `{side}` may stand in such a line.
    """
    return frozenset(
        line
        for template in templates
        for row in template.splitlines()
        for line in _filled(row)
        if not line[:1].isalnum() and any(map(str.isalpha, line))
    )


def _filled(row: str) -> Iterator[str]:
    fields = {field for _, field, _, _ in Formatter().parse(row) if field is not None}
    if fields <= {"turn", "side"}:
        for turn, side in product(_TURNS if "turn" in fields else [1], "AB" if "side" in fields else "A"):
            yield plain(row.format(turn=turn, side=side)).strip().lower()


def find(text: str, known: frozenset[str] = frozenset()) -> Iterator[tuple[Kind, str]]:
    """What in a reply addresses a judge.

    Args:
        text: The reply.
        known: The lines that delimit the prompts in use, see `delimiters`.

    Yields:
        Of each kind the first place, with what stands around it, on one line.
    """
    text = plain(text)
    lower = text.lower()
    seen = set[Kind]()
    if not known.isdisjoint(lines := list(map(str.strip, lower.splitlines()))):
        seen.add("delimiter")
        yield "delimiter", next(line for line in lines if line in known)
    for sign in _SIGNS if text.isascii() else (*_SIGNS, *_SIGNS_BEYOND_ASCII):
        if sign.kind in seen or not any(word in lower for word in sign.words):
            continue
        if match := sign.pattern.search(lower):
            seen.add(sign.kind)
            yield sign.kind, _passage(text if len(text) == len(lower) else lower, match)


def _passage(text: str, match: re.Match[str]) -> str:
    start, end = max(0, match.start() - _AROUND), match.end() + _AROUND
    shown = " ".join(text[start:end].split())
    return f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}"
