"""Which strategy to take, from scores that are made up."""

import numpy as np
import pytest

from metastack.study import Comparison, StrategyScore

LUCK = np.array([0.9, 1.1, 1.0, 0.95, 1.05])


def score(name, held_out, seconds):
    values = np.asarray(held_out, float)
    return StrategyScore(name, 32, values, values, values, seconds, None)


NOMINAL = score("as designed", 1e-2 * LUCK, 0.0)
NEAREST = score("slow", 1e-4 * LUCK, 9.0)


@pytest.mark.parametrize(
    ("strategies", "wanted"),
    [
        ([NEAREST, score("quick", 1e-4 * LUCK[::-1], 1.0)], "quick"),
        ([NEAREST, score("quick", 2e-4 * LUCK, 1.0)], "slow"),
        ([score("bad", 1e-1 * LUCK, 1.0), score("worse", LUCK, 0.1)], "as designed"),
        ([score("no better", 1e-2 * LUCK[::-1], 1.0)], "as designed"),
    ],
    ids=["the cheapest of equals", "the nearest", "none that is worse", "none that is no better"],
)
def test_what_to_take(strategies, wanted):
    assert Comparison(NOMINAL, tuple(strategies)).best.name == wanted
