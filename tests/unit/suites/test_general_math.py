"""The suite `general`, math: every result is computed anew."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, pairwise

import pytest

from tests.unit.general_suite import PERFECT, REFERENCES, grades, last


def fraction(number: int, turn: int) -> Fraction:
    return Fraction(REFERENCES[number][turn - 1].splitlines()[-1])


def test_1033_and_1034_small_sums() -> None:
    assert last(1033, 1)[-1] == 25 + 17
    assert last(1033, 2)[-1] == 25 + 17 - 9
    assert f"makes {2 * 3 + 5} euros" in REFERENCES[1034][0]
    assert f"get {20 - 11} euros" in REFERENCES[1034][1]


def test_1035_the_coat() -> None:
    reduced = 80 * (1 - Fraction(1, 4))
    assert last(1035, 1) == [reduced]
    assert f"pay {reduced * Fraction(9, 10)} euros" in REFERENCES[1035][1]
    assert f"= {80 * Fraction(65, 100)} euros" in REFERENCES[1035][1]


def test_1036_the_bag() -> None:
    pairs = list(combinations("rrrrrbbbgg", 2))
    assert fraction(1036, 1) == Fraction(sum(pair == ("r", "r") for pair in pairs), len(pairs))
    assert fraction(1036, 2) == Fraction(sum(a != b for a, b in pairs), len(pairs))
    for turn in (1, 2):  # in lowest terms as it stands there
        line = REFERENCES[1036][turn - 1].splitlines()[-1]
        assert str(Fraction(line)) == line


def test_1037_the_triangle() -> None:
    assert math.hypot(9, 12) == 15
    assert last(1037, 1) == [9 * 12 / 2]
    assert last(1037, 2) == [round(math.pi * 7.5**2, 1)]


def test_1038_the_pumps() -> None:
    together = Fraction(1, 6) + Fraction(1, 4)
    assert together == Fraction(5, 12)
    assert last(1038, 1) == [float(1 / together)]
    assert last(1038, 2) == [float(1 + (1 - together) * 6)]


def test_1039_remainders() -> None:
    fits = [n for n in range(1, 2001) if (n % 5, n % 7, n % 9) == (2, 3, 4)]
    assert last(1039, 1) == fits[:1]
    assert [fits[0] // by for by in (5, 7, 9)] == [31, 22, 17]
    assert last(1039, 2) == [len(fits)]
    assert (fits[-1], {b - a for a, b in pairwise(fits)}) == (1732, {315})


def test_1040_the_curve() -> None:
    def f(x: float) -> float:
        return x**3 - 6 * x**2 + 9 * x + 1

    step = 1e-4
    assert (f(1), f(3)) == (5, 1)
    assert f(1) > max(f(1 - step), f(1 + step))
    assert f(3) < min(f(3 - step), f(3 + step))
    slope = (f(3) - f(1)) / 2
    assert f"= {slope:g}," in REFERENCES[1040][1]
    assert last(1040, 2) == [1 - f(1) / slope]


@pytest.mark.parametrize(
    ("number", "turn", "text", "grade"),
    [
        (1033, 1, "$25 + 17 = 42$", 10),
        (1033, 1, "25 plus 17 equals 41.", 5.5),
        (1033, 2, "42 \u2212 9 = **33**", 10),
        (1034, 2, "20 euros - 11 euros = 9 euros", 10),
        (1035, 1, "You save 20 euros.\n\n**60 euros**", 10),
        (1035, 2, "You pay 54 euros. With 35% off: 52 euros. No, not the same.", 10),
        (1036, 1, "$\\frac{5}{10} \\cdot \\frac{4}{9}$\n\n$\\frac{2}{9}$", 10),
        (1036, 1, "5/10 * 5/10\n\n1/4", 1),
        (1036, 2, "P(same) = 14/45\n\n**31/45**", 10),
        (1037, 2, "r = 7.5 cm\n\nArea: about 176.71 cm\u00b2", 10),
        (1037, 2, "r = 6 cm\n\n113.1", 1),
        (1038, 2, "7/12 is left.\n\n$\\boxed{4.5}$ hours", 10),
        (1038, 2, "7/12 is left.\n\n3.5", 5.5),
        (1039, 2, "Every 315; the largest is 1,732.\n\n6", 10),
        (1040, 1, "Local maximum: (1, 5)\nLocal minimum: (3, 1)", 10),
        (1040, 1, "- Maximum at $(1, 5)$\n- Minimum at $(3, 1)$", 10),
        (1040, 1, "maximum (3, 1), minimum (1, 5)", 7),
    ],
)
def test_ways_to_be_right_and_wrong(number: int, turn: int, text: str, grade: float) -> None:
    replies = [*PERFECT[number][: turn - 1], text]
    assert grades(number, replies)[-1] == grade
