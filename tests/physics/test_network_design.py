"""Designing with reflections: derivatives of networks, one design by two ways, NEC-2's device.

The device: four feeds, four layers of 3x3 wires, four receivers, by the method of moments.
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import (
    LBFGS,
    Adam,
    CoordinateDescent,
    GradientDescent,
    InputError,
    LevenbergMarquardt,
    ProgrammedCascade,
    ProgrammedDevice,
    ResponseFunction,
    design_phases,
    design_response,
)
from metastack.design.linearisation import linearise
from metastack.design.problem import FreeScale, Problem, ResponseProblem
from metastack.multiport import Device, MatchedAtoms
from metastack.study import compare_designers

MOM = Path(__file__).parents[1] / "data" / "mom"
DFT = ms.dft_2d(2, 2)


@pytest.fixture(scope="module")
def device():
    network = ms.read_network(MOM / "device_nominal_network.npz", reference_ohm=50.0)
    return Device.of(network, feeds=4, layers=4, atoms=9)


def random_network(seed=0):
    """2 feeds, 2 layers of 3 atoms, 3 receivers, everything coupled, nothing reciprocal."""
    rng = np.random.default_rng(seed)
    parts = rng.normal(scale=0.1, size=(2, 17, 17))
    return Device(parts[0] + 1j * parts[1], 2, 2, 3)


def test_a_device_follows_its_phases_as_automatic_derivatives_say():
    """The closed form against jax.jacfwd of the whole solution: rounding only."""
    response = ProgrammedDevice(random_network())
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, (2, 3))
    with ms.float64():
        found = np.asarray(response.slopes(jnp.asarray(phases)))
        automatic = np.asarray(jax.jacfwd(response)(jnp.asarray(phases)))
    np.testing.assert_allclose(found, automatic, atol=1e-14)


def test_gaps_in_a_row_are_the_device_without_what_couples_past_a_layer():
    """Star cascade, its automatic derivatives, and the global solution of the same network."""
    cascade = random_network().cascade()
    one, other = ProgrammedCascade(cascade), ProgrammedDevice(cascade.device())
    assert one.phases_shape == other.phases_shape == (2, 3)
    phases = np.random.default_rng(1).uniform(0, 2 * np.pi, (2, 3))
    with ms.float64():
        np.testing.assert_allclose(one(phases), np.asarray(other(phases)), atol=1e-14)
        found, expected = (np.asarray(each.slopes(jnp.asarray(phases))) for each in (one, other))
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_a_stack_as_any_response_has_the_linear_model_that_it_has_as_a_product(small_stack):
    """Held whole or as outer products: residual, J and its products agree to rounding."""
    with ms.float64():
        phases = jnp.asarray(np.random.default_rng(0).uniform(0, 6, small_stack.phases_shape))
        hops, target = ms.hops(small_stack), jnp.asarray(DFT)
        function = ResponseFunction(
            lambda phases: ms.response(small_stack, phases), small_stack.phases_shape
        )
        product = linearise(Problem(hops, small_stack.atoms, target, FreeScale()), phases)
        whole = linearise(ResponseProblem(function, target, FreeScale()), phases)
        dual, move = product.residual + 0.1j, jnp.cos(jnp.arange(phases.size))
        for ask in (
            lambda model: model.residual,
            lambda model: model.jacobian(),
            lambda model: model.mean_square(),
            lambda model: model.gram(dual),
            lambda model: model.push_forward(move),
        ):
            np.testing.assert_allclose(ask(whole), np.asarray(ask(product)), atol=1e-12)


def test_a_stack_as_any_response_is_designed_step_for_step_as_a_stack(small_stack):
    """The same method, start and problem: the same history, until rounding has grown."""
    function = ResponseFunction(
        lambda phases: ms.response(small_stack, phases), small_stack.phases_shape
    )
    methods = [LevenbergMarquardt(iterations=6)]
    one = design_phases(small_stack, DFT, methods=methods)[0]
    other = design_response(function, DFT, methods=methods)[0]
    np.testing.assert_allclose(one.history_db, other.history_db, atol=1e-6)
    np.testing.assert_allclose(one.phases_rad, other.phases_rad, atol=1e-6)


@pytest.mark.parametrize(
    "method", [GradientDescent(iterations=40), Adam(iterations=100), LBFGS(iterations=40)]
)
def test_every_descent_takes_a_network(device, method):
    """From near uniform phases, at -1 dB, each gains decibels by the device itself."""
    design = design_response(ProgrammedDevice(device), DFT, methods=[method])[0]
    assert design.nmse_db < design.history_db[0] - 3


def test_phases_found_with_reflections_do_what_phases_of_a_product_do_not(device):
    """The issue asks for 10 dB between both, judged by the device; here it is 100 dB and more:
    the device is an exact DFT, the product's exact DFT is none."""
    product, gaps, whole = compare_designers(device, DFT, starts=4)
    assert [each.model for each in (product, gaps, whole)] == [
        "product", "gaps in a row", "whole network",
    ]  # fmt: skip
    assert all(each.designs[each.best].nmse_db < -100 for each in (product, gaps, whole))
    assert whole.nmse_db[whole.best] < -100
    assert whole.nmse_db[whole.best] == pytest.approx(whole.designs[whole.best].nmse_db, abs=0.1)
    assert product.nmse_db.min() > -6
    assert -16 < gaps.nmse_db.min() < -8


def test_a_prescribed_loss_is_met_by_a_network(device):
    """25 dB, six less than a free fit: still an exact DFT."""
    found = design_response(ProgrammedDevice(device), DFT, insertion_loss_db=25.0, starts=4)
    best = ms.best_design(found)
    assert best.nmse_db < -100
    assert best.insertion_loss_db == pytest.approx(25.0, abs=1e-4)
    response = np.asarray(device.response(MatchedAtoms.of_phases(best.phases_rad)))
    np.testing.assert_allclose(best.response, response, atol=1e-12)


def test_what_cannot_be_designed_for_is_refused_in_a_line(device):
    response = ProgrammedDevice(device)
    with pytest.raises(InputError, match="CoordinateDescent sets atoms by the product"):
        design_response(response, DFT, methods=[CoordinateDescent()])
    with pytest.raises(InputError, match=r"`target` must be receivers x inputs, \(4, 4\)"):
        design_response(response, np.eye(3) + 0j)
    with pytest.raises(InputError, match="`target` must not be all zero"):
        design_response(response, np.zeros((4, 4), complex))
    with pytest.raises(InputError, match="`starts` must be at least 1"):
        design_response(response, DFT, starts=0)
