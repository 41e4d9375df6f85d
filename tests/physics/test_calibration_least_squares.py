"""The fit beneath every calibration, on a model small enough to be seen through.

Responses are a quadratic function of three unknowns with random coefficients. Oracles: SciPy's
least squares over unknowns and gains together, NumPy's inverse, laws of statistics.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from jaxtyping import Array, Complex

from metastack.calibration import (
    Ending,
    GainPerPort,
    GainPerSlot,
    KnownGain,
    OneGain,
    least_squares,
)
from metastack.calibration.least_squares import covariance, fit

pytestmark = pytest.mark.usefixtures("double_precision")

SHAPE, UNKNOWNS = (40, 3, 2), 3
RNG = np.random.default_rng(0)
TRUTH = np.array([0.8, -0.5, 0.3])
NO_PRIOR, PRIOR = np.zeros(UNKNOWNS), np.ones(UNKNOWNS)
GAIN_SHAPES = {OneGain: (1, 1, 1), GainPerPort: (1, 3, 2), GainPerSlot: (40, 1, 1)}


def complex_normal(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)) / np.sqrt(2)


class Quadratic(eqx.Module):
    constant: Complex[Array, "slots antennas users"]
    slope: Complex[Array, "slots antennas users unknowns"]
    bend: Complex[Array, "slots antennas users unknowns"]

    def predict(self, values):
        return self.constant + self.slope @ values + self.bend @ values**2

    def linearise(self, values):
        return self.predict(values), self.slope + 2 * self.bend * values

    def applied(self, values):
        raise NotImplementedError


@pytest.fixture(scope="module")
def model(double_precision):
    slope, bend = complex_normal(*SHAPE, UNKNOWNS), 0.1 * complex_normal(*SHAPE, UNKNOWNS)
    return Quadratic(*map(jnp.asarray, (complex_normal(*SHAPE), slope, bend)))


def noise(deviation):
    return deviation * complex_normal(*SHAPE)


def sent(model, gain=1.0, deviation=0.0):
    return gain * np.asarray(model.predict(jnp.asarray(TRUTH))) + noise(deviation)


@pytest.mark.parametrize("gains", GAIN_SHAPES, ids=lambda each: each.sentence)
def test_unknowns_and_gains_come_back(model, gains):
    """Without noise to rounding, whichever responses share a gain; and only if the gains that are
    unknown are those that vary."""
    gain = 1 + complex_normal(*GAIN_SHAPES[gains])
    measured = sent(model, gain)
    found = fit(model, measured, gains(), NO_PRIOR, noise_variance=None)
    np.testing.assert_allclose(found.values, TRUTH, rtol=1e-9)
    np.testing.assert_allclose(found.gain, gain, rtol=1e-9)
    assert found.ending is Ending.CONVERGED
    wrong = fit(model, measured, KnownGain(), NO_PRIOR, noise_variance=None)
    assert wrong.noise_variance > 1e-2


@pytest.mark.parametrize("precision", [NO_PRIOR, 30 * PRIOR], ids=["no prior", "prior"])
def test_the_fit_is_least_squares_over_unknowns_and_gain(model, precision):
    """SciPy's minimum of ||y - g f(v)||² 2/σ² + vᵀ Λ v over v and g at once: as near as 1e-3 of a
    deviation, where the fit stops."""
    variance = 0.5
    measured = sent(model, 0.7 - 0.4j, np.sqrt(variance))
    found = fit(model, measured, OneGain(), precision, noise_variance=variance)

    def residual(unknowns):
        values, gain = unknowns[:UNKNOWNS], complex(*unknowns[UNKNOWNS:])
        left = measured - gain * np.asarray(model.predict(jnp.asarray(values)))
        weighted = np.sqrt(2 / variance) * np.stack([left.real, left.imag]).ravel()
        return np.concatenate([weighted, np.sqrt(precision) * values])

    best = scipy.optimize.least_squares(residual, [0.0, 0, 0, 1, 0], xtol=1e-12).x
    deviation = np.sqrt(np.diag(found.covariance))
    assert (np.abs(found.values - best[:UNKNOWNS]) < 1e-3 * deviation).all()
    np.testing.assert_allclose(found.gain.item(), complex(*best[UNKNOWNS:]), rtol=1e-3)


@pytest.mark.parametrize("prior", [0, 1])
def test_the_covariance_of_a_fit_is_that_of_its_errors(model, prior):
    """Of 200 fits (v - v̂)ᵀ C⁻¹ (v - v̂) is chi-square of 3 degrees of freedom: of mean 3, to three
    times (6 / 200)^½ = .52. With a prior, truths are drawn from it."""
    statistic = []
    for _ in range(200):
        truth = RNG.normal(size=UNKNOWNS) if prior else TRUTH
        clean = np.asarray(model.predict(jnp.asarray(truth)))
        found = fit(model, clean + noise(1.0), OneGain(), prior * PRIOR, noise_variance=1.0)
        error = found.values - truth
        statistic.append(error @ np.linalg.solve(found.covariance, error))
    assert abs(np.mean(statistic) - 3) < 0.52


@pytest.mark.parametrize("gains", GAIN_SHAPES, ids=lambda each: each.sentence)
def test_noise_that_is_not_known_is_found(model, gains):
    """Of 240 complex responses less 1.5 for three real unknowns and 1, 6 or 40 for gains, the mean
    of 50 estimates is the variance to three times (1 / 198 / 50)^½ = .03 of it."""
    found = [
        fit(model, sent(model, 1.0, 0.5), gains(), NO_PRIOR, noise_variance=None).noise_variance
        for _ in range(50)
    ]
    assert abs(np.mean(found) / 0.25 - 1) < 0.03


def test_history_is_of_the_residual_and_the_objective_falls(model):
    """History's last entry is the residual's share of what was measured; the objective is lower
    than at the start."""
    measured = sent(model, 1.0, 0.5)
    found = fit(model, measured, OneGain(), PRIOR, noise_variance=0.25)
    energy = np.sum(np.abs(measured) ** 2)
    np.testing.assert_allclose(
        found.history[-1] * energy, np.sum(np.abs(found.residual) ** 2), rtol=1e-12
    )
    penalty = 0.25 / 2 * found.values @ found.values
    np.testing.assert_allclose(found.objective, found.history[-1] * energy + penalty, rtol=1e-12)
    assert found.objective < found.history[0] * energy


def test_a_fit_says_how_it_ended(model, monkeypatch):
    """Too few iterations; or stopped by Ctrl-C, with what it had until then."""
    measured = sent(model, 1.0, 0.5)
    short = fit(model, measured, OneGain(), PRIOR, noise_variance=0.25, iterations=1)
    assert short.ending is Ending.BUDGET_SPENT
    assert len(short.history) == 2
    take_step, taken = least_squares.damped_step, []

    def interrupted(*arguments):
        taken.append(take_step(*arguments))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return taken[-1]

    monkeypatch.setattr(least_squares, "damped_step", interrupted)
    stopped = fit(model, measured, OneGain(), PRIOR, noise_variance=0.25)
    assert stopped.ending is Ending.INTERRUPTED
    np.testing.assert_array_equal(stopped.values, short.values)


def test_a_start_at_the_answer_stays_there(model):
    """The first step is too short to show anything."""
    measured = sent(model, 1.0, 0.5)
    first = fit(model, measured, OneGain(), PRIOR, noise_variance=0.25)
    again = fit(model, measured, OneGain(), PRIOR, noise_variance=0.25, start=first.values)
    assert len(again.history) <= 2
    np.testing.assert_allclose(again.values, first.values, atol=1e-4)


def test_covariance_is_the_inverse_of_information_and_prior():
    """NumPy's, of unknowns whose scales differ by 1e6; infinite for what nothing tells, and of the
    others as without it; none without noise."""
    J = RNG.normal(size=(20, 5)) * [1, 1e6, 1e-6, 1, 1]
    matrix, precision = J.T @ J, np.array([1.0, 0, 0, 2.0, 0])
    expected = np.linalg.inv(2 * matrix / 0.3 + np.diag(precision))
    np.testing.assert_allclose(covariance(matrix, precision, 0.3), expected, rtol=1e-6)
    assert not covariance(matrix, precision, 0.0).any()
    J[:, 4] = 0
    found = covariance(J.T @ J, NO_PRIOR.repeat(2)[:5], 0.3)
    np.testing.assert_array_equal(np.isinf(np.diag(found)), [0, 0, 0, 0, 1])
    others = np.linalg.inv(2 * J[:, :4].T @ J[:, :4] / 0.3)
    np.testing.assert_allclose(found[:4, :4], others, rtol=1e-6)
