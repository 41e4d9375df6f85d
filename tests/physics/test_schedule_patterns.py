"""Patterns of which a tracked block shows some: what choosing them is worth, in closed form."""

from itertools import combinations

import numpy as np
import pytest

from metastack.calibration.schedule import Patterns, TellingPatterns


def left(rows, covariance, wanted):
    """tr(Q C) once measurements of these rows are taken in, in information form."""
    return np.trace(wanted @ np.linalg.inv(np.linalg.inv(covariance) + rows.T @ rows))


@pytest.fixture(scope="module")
def problem():
    """Twelve patterns of three numbers, five unknowns; any covariance and any wanted form."""
    rng = np.random.default_rng(0)
    half, form = rng.standard_normal((2, 5, 5))
    return Patterns(rng.standard_normal((12, 3, 5))), half @ half.T + np.eye(5), form @ form.T


def test_the_pattern_chosen_is_the_one_that_leaves_least(problem):
    """Against the information form, pattern by pattern; the second is the best beside the first."""
    pool, covariance, wanted = problem
    H = pool.slopes
    first, second = TellingPatterns(pool, wanted).chosen(2, covariance)
    assert first == np.argmin([left(each, covariance, wanted) for each in H])
    beside = [left(np.concatenate([H[first], each]), covariance, wanted) for each in H]
    beside[first] = np.inf
    assert second == np.argmin(beside)


def test_choosing_one_by_one_is_among_the_best_of_all(problem):
    """Greedy pairs against all 66. No theorem says how near the best they are; that nine of ten
    pairs are worse, as random ones would be only one time in ten, is what choosing is for."""
    pool, covariance, wanted = problem
    H = pool.slopes
    pairs = np.array(
        [left(np.concatenate(H[list(p)]), covariance, wanted) for p in combinations(range(12), 2)]
    )
    rows = TellingPatterns(pool, wanted).block(2, covariance, np.random.default_rng(0))
    found = left(rows, covariance, wanted)
    assert pairs.min() <= found * (1 + 1e-12)
    assert np.mean(pairs < found * (1 - 1e-12)) < 0.1


def test_more_slots_than_patterns_show_every_pattern(problem):
    pool, covariance, wanted = problem
    chosen = TellingPatterns(pool, wanted).chosen(30, covariance)
    assert len(chosen) == 30
    assert set(chosen) == set(range(12))
