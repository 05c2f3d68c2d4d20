"""The suite `general`, the other four categories: figures are computed anew, other good answers pass too."""

from __future__ import annotations

import ipaddress
import math

import pytest

from mtbench_pytest.bench.checks import numbers
from tests.unit.general_suite import GOOD, PERFECT, QUESTIONS, grades


def last_number(number: int, turn: int) -> float:
    return numbers(GOOD[number][turn - 1].splitlines()[-1])[-1]


def test_1015_the_cable_car() -> None:
    assert f"makes {2 * 18} crowns" in GOOD[1015][0]
    assert f"{2 * 12} crowns" in GOOD[1015][1]


def test_1017_the_clocks() -> None:
    assert {"number": 2033 - 1583} in QUESTIONS[1017]["checks"][1]
    assert {"number": 1794 - 1583} in QUESTIONS[1017]["checks"][1]


def test_1020_the_carpet() -> None:
    offers = range(400, 309, -30)
    assert last_number(1020, 1) == offers[1]
    assert last_number(1020, 2) == offers[-1] == 310


def test_1064_degrees() -> None:
    fahrenheit = {check["number"] for check in QUESTIONS[1064]["checks"][1]}
    assert fahrenheit == {celsius * 9 / 5 + 32 for celsius in (0, 100)}


def test_1066_the_stone() -> None:
    seconds = math.sqrt(2 * 45 / 10)
    assert (seconds, last_number(1066, 1)) == (3, 10 * seconds)
    height = 45 - 10 * (seconds / 2) ** 2 / 2
    assert last_number(1066, 2) == height > 45 / 2


def test_1067_methane() -> None:
    carbon, hydrogen, oxygen = 12, 1, 16
    methane, water, dioxide = carbon + 4 * hydrogen, 2 * hydrogen + oxygen, carbon + 2 * oxygen
    assert methane == 16
    assert last_number(1067, 1) == 2 * water
    taken = 2 * 2 * oxygen
    assert (dioxide, taken) == (44, 64)
    assert last_number(1067, 2) == methane + taken == dioxide + 2 * water


def test_1069_networks() -> None:
    whole = ipaddress.IPv4Network("192.168.20.0/26")
    hosts = list(whole.hosts())
    assert (len(hosts), str(whole.broadcast_address), str(hosts[-1])) == (
        62,
        "192.168.20.63",
        "192.168.20.62",
    )
    second = list(whole.subnets())[1]
    assert (str(second), len(list(second.hosts()))) == ("192.168.20.32/27", 30)


def test_1070_light() -> None:
    seconds = 149_600_000 / 300_000
    assert (round(seconds), last_number(1070, 1)) == (499, round(seconds / 60, 1))
    assert round(9.5 * seconds / 60) == 79


def test_1077_and_1078_sums() -> None:
    assert last_number(1077, 1) == 1000 / 1.25
    assert last_number(1078, 2) == 1492 - 1405


@pytest.mark.parametrize(
    ("number", "turn", "text", "grade"),
    [
        (1003, 1, "**Happy 60th, dear Greta!** I picture you in your garden with a cup of tea.", 10),
        (1004, 2, "Meet the red rain jacket: four deep pockets, sealed seams, a hood. Yours for \u20ac59!", 10),
        (1006, 2, "Dear Mr Osei, this is the 3rd time this month that the heater in room 14 has failed. Have it "
                  "repaired by Friday, 12:00.\n\nSincerely,\nN. Brandt", 10),
        (1008, 1, "**S**now upon the silent hill,\n**N**othing moves, the pond is still,\n**O**aks stand "
                  "bare against the sky,\n**W**inter hums its lullaby.", 10),
        (1008, 1, "Snow lies cold upon the hill,\nNothing moves, the pond is still,\nOaks stand bare,\n"
                  "Winter hums.", 7.75),
        (1010, 1, "**Ada:** Comedy?\n**Bo:** No.\n**Ada:** Drama?\n**Bo:** It got 7 out of ten.\n**Ada:** Horror?\n"
                  "**Bo:** Never.", 10),
        (1013, 2, "Have you read Moby-Dick? A captain hunts a whale. You would like it!", 10),
        (1013, 2, "As an AI language model I suggest a book about the sea.", 7),
        (1015, 2, "That makes 24 crowns, and since you go on foot the last ride doesn't matter.", 10),
        (1018, 2, "**1: right**\n**2: right**\n**3: wrong**\n**Result: 2 of 3**", 10),
        (1018, 2, "1: right\n2: right\n3: right\nResult: 3 of 3", 5.5),
        (1020, 2, "I can't, my friend; my children must eat.\n\n**310**", 10),
        (1063, 1, "They absorb **CO\u2082** and release **oxygen (O\u2082)**.", 10),
        (1063, 1, "They take in oxygen and give off nitrogen.", 5.5),
        (1065, 2, "Jupiter is a gas giant. Mercury has zero moons.", 10),
        (1066, 2, "At t = 1.5 s it has fallen 11.25 m, so it is more than halfway up.\n\n**33.75 m**", 10),
        (1067, 1, "$$\\text{CH}_4 + 2\\text{O}_2 \\rightarrow \\text{CO}_2 + 2\\text{H}_2\\text{O}$$\n\n36 g", 10),
        (1068, 1, "TT (25%), Tt (50%), tt (25%): a quarter, 25%, is short.", 10),
        (1068, 2, "Tt \u00d7 tt gives 50% Tt and 50% tt.", 10),
        (1069, 1, "- Usable: 62\n- Broadcast: `192.168.20.63`\n- Last host: `192.168.20.62`", 10),
        (1070, 2, "About 79 minutes. Less, because they are on the same side of the Sun.", 10),
        (1073, 2, "He was Italian; another work is *The Last Supper*.", 10),
        (1074, 2, "Madrid and Lisbon; Lisbon is on the coast.", 10),
        (1075, 1, "1945; the USA and the UK.", 10),
        (1077, 2, "An interest of 25 percent. The ECB sets the key rates.", 10),
        (1078, 1, "Zheng He; he reached what is now Somalia.", 10),
        (1080, 1, "Fourteen lines. Shakespearean: ABAB CDCD EFEF GG. Petrarchan octave: ABBAABBA.", 10),
        (1080, 1, "Twelve lines: AABB.", 1),
    ],
)  # fmt: skip
def test_ways_to_be_right_and_wrong(number: int, turn: int, text: str, grade: float) -> None:
    replies = [*PERFECT[number][: turn - 1], text]
    assert grades(number, replies)[-1] == grade
