"""Drawing tokens by Gumbel noise, one generator a row."""

from __future__ import annotations

import threading

import pytest
from scipy import stats

from mtbench_pytest.models.hf.sampling import GumbelNoise, RowBudgets, turn_seed

torch = pytest.importorskip("torch")

LOGITS = (2.0, 1.0, 0.0, -1.0, 0.5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_softmax(temperature: float) -> None:
    noise = GumbelNoise([temperature], [turn_seed(7, 1)])
    scores = torch.tensor([LOGITS])
    counts = torch.zeros(len(LOGITS))
    draws = 2000
    for _ in range(draws):
        counts[noise(scores, scores).argmax()] += 1
    expected = torch.softmax(torch.tensor(LOGITS) / temperature, 0) * draws
    expected *= counts.sum() / expected.sum()
    assert stats.chisquare(counts.double().numpy(), expected.double().numpy(), sum_check=False).pvalue > 0.01


def test_the_wrong_temperature_would_be_noticed() -> None:
    """The test above has power: draws at 1.0 do not pass for draws at 1.3."""
    noise = GumbelNoise([1.0], [turn_seed(7, 1)])
    scores = torch.tensor([LOGITS])
    counts = torch.zeros(len(LOGITS))
    for _ in range(2000):
        counts[noise(scores, scores).argmax()] += 1
    expected = torch.softmax(torch.tensor(LOGITS) / 1.3, 0) * 2000
    assert stats.chisquare(counts.double().numpy(), expected.double().numpy(), sum_check=False).pvalue < 0.001


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    row = torch.randn(1, 50, generator=torch.Generator().manual_seed(1))
    other = torch.randn(2, 50, generator=torch.Generator().manual_seed(2))
    seed = turn_seed(3, 1)
    alone = GumbelNoise([0.7], [seed])
    among = GumbelNoise([0.0, 1.5, 0.7], [seed, turn_seed(4, 1), seed])
    batch = torch.cat([other, row])
    for _ in range(20):
        assert torch.equal(alone(row, row)[0], among(batch, batch)[2])


def test_temperature_zero_gets_no_noise_and_the_input_is_left_alone() -> None:
    scores = torch.tensor([LOGITS, LOGITS])
    drawn = GumbelNoise([0.0, 1.0], [1, 2])(scores, scores)
    assert drawn[0].tolist() == list(LOGITS)
    assert drawn[1].tolist() != list(LOGITS)
    assert scores.tolist() == [list(LOGITS)] * 2


def test_a_token_that_is_ruled_out_is_never_drawn() -> None:
    scores = torch.tensor([[float("-inf"), 0.0, float("-inf")]])
    noise = GumbelNoise([5.0], [1])
    assert {int(noise(scores, scores).argmax()) for _ in range(50)} == {1}


def test_turns_and_questions_draw_differently_and_the_same_in_every_process() -> None:
    seeds = {turn_seed(seed, turn) for seed in range(50) for turn in (1, 2, 3)}
    assert len(seeds) == 150
    assert all(0 <= seed < 2**63 for seed in seeds)
    # The first 8 bytes of the sha256 of "0:1", halved: what a run last year drew, a run today draws.
    assert turn_seed(0, 1) == 0x7789A7950C05D02E


def test_rows_stop_at_their_own_budget_and_all_stop_when_asked() -> None:
    stop = threading.Event()
    budgets = RowBudgets(3, [1, 2, 5], stop)
    assert budgets(torch.zeros(3, 4), None).tolist() == [True, False, False]
    assert budgets(torch.zeros(3, 5), None).tolist() == [True, True, False]
    stop.set()
    assert budgets(torch.zeros(3, 4), None).tolist() == [True, True, True]
