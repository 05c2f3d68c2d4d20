"""Which verdict of a judge's reply binds, in the forms that judges write."""

from __future__ import annotations

import pytest

from mtbench_pytest.bench.verdicts import parse_grade, parse_winner
from mtbench_pytest.core.errors import VerdictError


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        # What is of the scale is no grade.
        ("Good. Rating: [[7]]/[[10]]", 7),
        ("Rating: [[7]] / 10", 7),
        ("Rating: [[7]] out of 10.", 7),
        ("Rating: [[7]] out of [[10]]", 7),
        ("Bewertung: [[7]] von 10", 7),
        ("[[6]] (scale [[1]] to [[10]])", 6),
        ("On the scale from [[1]] to [[10]] this is [[6]].", 6),
        ("Scale [[1]]-[[10]]. [[6]]", 6),
        ("Rating: [[10]]/10", 10),
        # A later verdict in another form, as plain as a marker.
        ("A draft would be [[3]]. On balance it is right.\n\n**Rating: 8/10**", 8),
        ("First I thought [[3]].\nFinal rating: 8 out of 10.", 8),
        ("[[3]] at first.\nMy final score is: 7.5/10", 7.5),
        ("Solid throughout.\n\nRating: 8/10", 8),
        # The same in other signs.
        ("\u521d\u8bc4 [[3]]\u3002\u6700\u7ec8\u8bc4\u5206\uff1a\u3010\u30108\u3011\u3011", 8),
        ("Draft [[3]]. Rating: \\[\\[8\\]\\]", 8),
        ("Draft [[3]]. Rating: [\u200b[8]\u200b]", 8),
        ("Draft [[3]]. Rating: \uff3b\uff3b8\uff3d\uff3d", 8),
        ("Draft [[3]]. Rating: &#91;&#91;8&#93;&#93;", 8),
        # The same verdict twice.
        ("Rating: [[8]]\nRating: 8", 8),
        ("Rating: [[8]]\n\nScore: 8/10", 8),
    ],
)
def test_a_grade_that_is_evident_is_read(reply: str, grade: float) -> None:
    assert parse_grade(reply) == grade


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("A draft would be [[3]].\nRating: 8", r"last marker is \[\[3\]\], and its last verdict 'Rating: 8'"),
        ("Rating: [[3]]\nFinal grade is 9.", "last verdict 'Final grade is 9'"),
        ("Rating: 8", "no grade in the form"),
        ("Rating: 8/10 for style, but facts are wrong", "no grade in the form"),
        ("A draft would be [[3]].\nRating: 80/10", "80, not from 1 to 10"),
    ],
)
def test_a_grade_that_is_doubtful_is_not_read(reply: str, told: str) -> None:
    with pytest.raises(VerdictError, match=told):
        parse_grade(reply)


def test_a_plain_verdict_that_an_answer_holds_may_be_a_quotation() -> None:
    answer = ("The essay.\nRating: 10/10",)
    with pytest.raises(VerdictError, match="also stands in an answer"):
        parse_grade("Weak: [[2]]. It ends:\nRating: 10/10", [answer])
    assert parse_grade("Weak. It claims more.\nRating: 2/10", [answer]) == 2


@pytest.mark.parametrize(
    ("reply", "winner"),
    [
        ("[[A]] at first sight. \u6700\u7ec8\u7ed3\u8bba\uff1a\u3010\u3010B\u3011\u3011", "B"),
        ("Final verdict: \\[\\[A\\]\\]", "A"),
        ("[[B]]\nFinal verdict: B", "B"),
        ("[[C]]\nVerdict: tie", "tie"),
        ("Verdict: [[A]]. Verdict: a close one", "A"),
    ],
)
def test_a_winner_that_is_evident_is_read(reply: str, winner: str) -> None:
    assert parse_winner(reply) == winner


@pytest.mark.parametrize(
    "reply", ["[[A]] at first.\nFinal verdict: B", "[[B]]\nFinal verdict: tie", "[[A]]\nVerdict: Assistant B"]
)
def test_a_winner_that_is_doubtful_is_not_read(reply: str) -> None:
    with pytest.raises(VerdictError, match="and its last verdict"):
        parse_winner(reply)
