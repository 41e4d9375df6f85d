"""Figures of calibration: floor of the gauge, bounds, the bench."""

from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

import metastack as ms
from metastack import calibration as cal
from metastack.report import pose_estimates
from metastack.report.style import BLUE, GREEN, GREY, VERMILION, new_figure, styled

_EXAMPLES = Path(__file__).parents[3] / "examples"
_WAVELENGTH_M = 299_792_458 / 28e9
_USER = cal.OntoFirstLayer(
    cal.SphericalWaves.from_directions(np.radians([30.0]), np.radians([20.0]), np.array([30.0]))
)
_STACKS = 10


def _case_study() -> ms.Stack:
    """The calibration paper's: 28 GHz, four layers of 6 x 6 atoms, 2 x 2 antennas."""
    antennas, layer = (ms.PlanarArray(n, n, *[_WAVELENGTH_M / 2] * 2) for n in (2, 6))
    return ms.make_stack(
        input_array=antennas,
        layer_array=layer,
        receiver_array=antennas,
        gaps_m=[0.01 / 3] * 5,
        frequency_hz=28e9,
    )


def _tolerances(share: float) -> ms.Imperfections:
    """So many times the paper's."""
    published = ms.published_imperfections(_WAVELENGTH_M)
    return ms.Imperfections(jax.tree.map(lambda size: share * size, published.tolerance))


@styled
def gauge_floor() -> Figure:
    """NMSE of matrices over the size of the errors."""
    shares = np.array([0.1, 0.3, 1, 3, 10])
    before, floor, bound = np.array([_nmse(share) for share in shares]).T
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    axes.plot(shares, before, "s-", color=GREY, label="as designed")
    axes.plot(shares, floor, "^-", color=VERMILION, label="floor of the gauge")
    axes.plot(shares, bound, "o-", color=BLUE, label="geometric, bound at 20 dB")
    axes.set(xscale="log", xlabel="errors, in published tolerances", ylabel="NMSE of matrices (dB)")
    axes.legend()
    return figure


def _nmse(share: float) -> tuple[float, float, float]:
    """As designed, at the floor, and at the bound with 1000 pilots; matrices between layers, dB."""
    nominal, tolerances = _case_study(), _tolerances(share)
    designed = list(cal.Links.of_stack(nominal, _USER))
    keys = jax.random.split(jax.random.key(0), _STACKS)
    truths = [list(cal.Links.of_stack(ms.built(nominal, tolerances, key), _USER)) for key in keys]
    of_designed = [cal.between_layers(cal.matrix_nmse(designed, truth)) for truth in truths]
    of_floor = [cal.between_layers(cal.gauge_floor(truth, designed)) for truth in truths]
    bound = _bound(1000, tolerances)
    means = np.mean(of_designed), np.mean(of_floor), cal.between_layers(bound.link_nmse).mean()
    before, floor, geometric = 10 * np.log10(means)
    return before, floor, geometric


def _bound(slots: int, tolerances: ms.Imperfections) -> cal.Bounds:
    nominal = _case_study()
    return cal.bayesian_cramer_rao(
        nominal,
        cal.random_plan(nominal, slots, _USER, seed=0),
        cal.Expected.within(tolerances),
        noise_variance=0.01 * cal.reference_power(nominal, _USER),
    )


@styled
def pilots() -> Figure:
    """Improvement over slots: bounds, and calibrations of simulated stacks."""
    slots = (3, 10, 30, 100, 300, 1000)
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    bounds = [_bound(count, _tolerances(1)).improvement_db for count in slots]
    axes.plot(slots, bounds, "-", color=BLUE, label="random, bound")
    tried = (10, 100)
    axes.plot(
        tried,
        [_improvement_db(n) for n in tried],
        "o",
        color=BLUE,
        label=f"random, {_STACKS} stacks",
    )
    axes.plot([20], [_designed_db(20)], "D", color=GREEN, label="designed, bound")
    axes.set(xscale="log", xlabel="slots", ylabel="improvement of matrices (dB)", ylim=(0, None))
    axes.legend()
    return figure


def _improvement_db(slots: int) -> float:
    """Mean over built stacks, before over after."""
    nominal, tolerances = _case_study(), _tolerances(1)
    plan, expected = cal.random_plan(nominal, slots, _USER, seed=0), cal.Expected.within(tolerances)
    designed = list(cal.Links.of_stack(nominal, _USER))
    before, after = [], []
    for key in jax.random.split(jax.random.key(0), _STACKS):
        built = ms.built(nominal, tolerances, key)
        measured = cal.simulate_pilots(built, plan, snr_db=20, key=key)
        found = cal.calibrate(nominal, measured, expected=expected)
        truth = list(cal.Links.of_stack(built, _USER))
        there = list(cal.Links.of_stack(found.stack, _USER))
        before.append(cal.between_layers(cal.matrix_nmse(designed, truth)))
        after.append(cal.between_layers(cal.matrix_nmse(there, truth)))
    return 10 * float(np.log10(np.mean(before) / np.mean(after)))


def _designed_db(slots: int) -> float:
    nominal, expected = _case_study(), cal.Expected.within(_tolerances(1))
    variance = 0.01 * cal.reference_power(nominal, _USER)
    plan = cal.design_plan(
        nominal, slots, _USER, expected=expected, noise_variance=variance, steps=60
    ).plan
    return cal.bayesian_cramer_rao(nominal, plan, expected, noise_variance=variance).improvement_db


def bench_poses() -> Figure:
    """What the measured example's calibration finds, beside the truth."""
    nominal = ms.read_stack(_EXAMPLES / "bench.toml").stack
    imported = ms.import_pilots(_EXAMPLES / "measured" / "bench.h5", frequencies_hz=[28e9])
    tolerances = ms.Imperfections(ms.Pose(dy_m=0.05 * nominal.wavelength_m))
    found = cal.calibrate(nominal, imported.pilots, expected=cal.Expected.within(tolerances))
    built = ms.read_stack(_EXAMPLES / "measured" / "built.toml").stack
    return pose_estimates(found, built)
