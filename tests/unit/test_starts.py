"""Where a design begins."""

import numpy as np
import pytest

from metastack import GivenPhases, NearUniform, RandomPhases


@pytest.mark.parametrize(
    ("start", "largest"),
    [(NearUniform(0.3), 0.3), (NearUniform(1.0), 1.0), (RandomPhases(), 2 * np.pi)],
)
def test_drawn_phases_fill_their_range(start, largest):
    """Uniform on [0, largest]: of 2000 draws, the mean lies within 4.5 standard errors."""
    drawn = start(np.random.default_rng(0), (20, 100))
    assert drawn.shape == (20, 100)
    assert 0 <= drawn.min() < drawn.max() <= largest
    assert abs(drawn.mean() - largest / 2) < 4.5 * largest / np.sqrt(12 * 2000)


@pytest.mark.parametrize("start", [NearUniform(), RandomPhases()])
def test_the_same_generator_draws_the_same_phases(start):
    """Bit for bit."""
    draws = [start(np.random.default_rng([3, 1]), (2, 5)) for _ in range(2)]
    np.testing.assert_array_equal(*draws)
    assert (draws[0] != start(np.random.default_rng([3, 2]), (2, 5))).any()


def test_given_phases_are_given_back():
    """Exactly, whatever the generator."""
    phases = np.arange(6.0).reshape(2, 3)
    given_back = GivenPhases(phases)(np.random.default_rng(0), (2, 3))
    np.testing.assert_array_equal(given_back, phases)
