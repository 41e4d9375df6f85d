"""What products of matrices reach on a device: one of our own, and NEC-2's as it was built."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import metastack as ms
from metastack import InputError, Pose
from metastack.calibration import FromInputPorts, PilotPlan, Pilots
from metastack.files.network_pilots_file import read_network_pilots
from metastack.study import fit_products

BUILT = Path(__file__).parents[1] / "data" / "mom" / "device_built_pilots.npz"


def a_stack(layers):
    return ms.make_uniform_stack(
        ports=2,
        atoms_per_side=3,
        layers=layers,
        thickness_wavelengths=0.5 * layers,
        spacing_wavelengths=0.5,
        frequency_hz=28e9,
    )


def pilots_of(stack, slots):
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (slots, *stack.phases_shape))
    y = 0.3j * np.asarray(ms.response(stack, phases))
    return Pilots.measured(PilotPlan(phases, FromInputPorts()), y)


@pytest.mark.slow
def test_the_model_that_a_stack_was_built_by_explains_it_and_others_do_not():
    """Two layers, moved and turned: Rayleigh-Sommerfeld finds the poses, to rounding, and so does
    any product of matrices; radar at this gap is off by decibels."""
    stack = a_stack(2)
    shift = np.array([0, 0.02, -0.01, 0]) * float(stack.wavelength_m)
    nothing = np.zeros(4)
    turn = np.array([0, 0.01, -0.005, 0])
    built = replace(stack, poses=Pose(nothing, shift, -shift, nothing, nothing, turn))
    fits = {fit.model: fit for fit in fit_products(stack, pilots_of(built, 60), shown=40, starts=1)}
    assert fits["rayleigh_sommerfeld"].held_out_nmse_db < -100
    assert -40 < fits["radar"].held_out_nmse_db < -5


def test_pilots_to_judge_by_must_be_left():
    stack = a_stack(2)
    with pytest.raises(InputError, match="`shown` must be from 1 to 3, but is 4"):
        fit_products(stack, pilots_of(stack, 4), shown=4)


@pytest.mark.slow
def test_no_product_of_matrices_explains_a_device_with_reflections():
    """NEC-2's device, 200 configurations shown and 100 held out: with every entry of every matrix
    free four decibels are explained where they were shown, and less where they were not."""
    stored = read_network_pilots(BUILT)
    fits = {fit.model: fit for fit in fit_products(a_stack(4), stored.pilots, shown=200, starts=1)}
    everything = fits.pop("any product")
    assert all(fit.held_out_nmse_db > -1.5 for fit in fits.values())
    assert all(fit.shown_nmse_db > everything.shown_nmse_db for fit in fits.values())
    assert everything.shown_nmse_db > -4
    assert -3 < everything.held_out_nmse_db < -2
