"""What a calibrated network predicts, and whether it knows how surely."""

from dataclasses import dataclass
from functools import cache

import equinox as eqx
import numpy as np
import pytest
from test_network_calibration import Wires, configurations, small_device, with_noise

from metastack.calibration.networks import (
    LinearPilots,
    NetworkCalibration,
    NetworkPosterior,
    Strengths,
    calibrate_network,
)
from metastack.calibration.networks.linear import symmetric


@dataclass(frozen=True, eq=False)
class Straight:
    """A network that follows values along fixed slopes."""

    scattering: np.ndarray
    along: np.ndarray

    @property
    def size(self):
        return len(self.along)

    def at(self, values):
        return self.scattering + np.tensordot(values, self.along, axes=1)

    def with_slopes(self, values):
        return self.at(values), self.along


@cache
def designed_and_straight(values):
    """The small device, and what its first so many poses do to it."""
    wires, still = Wires(), np.zeros(4)
    network, slopes = wires.with_slopes(still)
    return small_device(still), Straight(network, slopes[:values])


SHOWN, OTHERS = configurations(6, 1), configurations(10, 2)


def drawn_device(designed, strengths, moving, rng):
    """A built device as the prior has it: values of what moves, a remainder of every element."""
    still = np.zeros(moving.size)
    network, slopes = moving.with_slopes(still)
    entries = rng.normal(scale=0.5**0.5, size=(2, 300))
    deviation = strengths.deviation(network, slopes)
    remainder = symmetric(entries[0] + 1j * entries[1], 24) * deviation
    built = moving.at(rng.normal(size=moving.size)) + remainder
    return eqx.tree_at(lambda each: each.scattering, designed, built)


def posterior_as_a_matrix(linear, others, slopes, deviation, variance):
    """E|error|² of other responses, all unknowns real, the matrix of all of them inverted."""

    def real(of):
        J = of.slopes(deviation)
        along = np.stack([of.along(slope) for slope in slopes], axis=-1)
        # A circular number of unit variance has real parts of variance one half.
        columns = np.concatenate([J * 0.5**0.5, 1j * J * 0.5**0.5, along], axis=1)
        return np.concatenate([columns.real, columns.imag])

    A, B = real(linear), real(others)
    covariance = np.linalg.inv(np.eye(A.shape[1]) + A.T @ A / (variance / 2))
    left = np.einsum("ij,jk,ik->i", B, covariance, B)
    return left.reshape(2, -1).sum(axis=0)


def test_deviations_are_those_of_the_posterior_written_out():
    """In the space of pilots and in that of 604 real unknowns: rounding apart the same."""
    (device, moving), variance = designed_and_straight(4), 1e-4
    strengths = Strengths(of_motion=0.2, of_all=0.05, noise_variance=variance)
    slopes, nothing = moving.with_slopes(np.zeros(4))[1], np.zeros((24, 24), complex)
    deviation = strengths.deviation(moving.at(np.zeros(4)), slopes)
    found = NetworkCalibration(device, np.zeros(4), slopes, nothing, deviation, strengths, ())
    predicted = NetworkPosterior.of(found, SHOWN).predicted(OTHERS)
    linear, others = (LinearPilots.of(device, each) for each in (SHOWN, OTHERS))
    expected = posterior_as_a_matrix(linear, others, slopes, deviation, variance)
    np.testing.assert_allclose(predicted.deviation.ravel() ** 2, expected, rtol=1e-6)
    np.testing.assert_array_equal(predicted.response, others.response)


@pytest.mark.parametrize("values", [0, 4])
def test_errors_are_as_large_as_their_deviations_say(values):
    """Devices drawn from the prior, strengths and all found by the calibration itself: the mean
    square of errors over their deviations is 1, within three standard errors over devices (1.06 of
    .07 and 1.04 of .06 were found)."""
    designed, moving = designed_and_straight(values)
    truth = Strengths(of_motion=0.05, of_all=0.02, noise_variance=0.0)
    rng, squares = np.random.default_rng(0), list[float]()
    for seed in range(12):
        built = drawn_device(designed, truth, moving, rng)
        y, variance = with_noise(np.asarray(built.response(SHOWN)), 40, seed)
        found = calibrate_network(designed, SHOWN, y, variance, moving=moving, iterations=4)
        predicted = NetworkPosterior.of(found, SHOWN).predicted(OTHERS)
        error = np.abs(predicted.response - np.asarray(built.response(OTHERS)))
        squares.append(float(np.mean((error / predicted.deviation) ** 2)))
    standard_error = np.std(squares, ddof=1) / len(squares) ** 0.5
    assert standard_error < 0.1
    assert abs(np.mean(squares) - 1) < 3 * standard_error
