"""Two stacks and the air between them as parallel subchannels, and errors of streams."""

from pathlib import Path

import numpy as np
import pytest
from systems_case import small_stack

import metastack as ms
from metastack.design import ProgrammedDevice
from metastack.errors import InputError
from metastack.multiport import Device
from metastack.study.holographic import (
    bound,
    fitted_design,
    holographic_case,
    published_design,
    rate_design,
)
from metastack.study.network_error import ErrorCase
from metastack.systems.channels import PathLoss
from metastack.systems.holographic import compensated_capacity, link_loss_db, parallel_capacity
from metastack.systems.mean_squared_error import stream_errors

MOM = Path(__file__).parents[1] / "data" / "mom"


@pytest.fixture(scope="module")
def case():
    return holographic_case(
        small_stack(layers=3, side=5),
        small_stack(layers=2, side=4),
        channels=3,
        distance_m=100.0,
        path_loss=PathLoss(2.5),
        power_w=0.1,
        noise_w=1e-13,
        seed=0,
    )


def test_an_exact_fit_reaches_the_bound_in_every_channel(case):
    """Capacity as the paper counts it; the fit's NMSE of 1e-8 leaves 1e-4 of a cross-talk."""
    design = fitted_design(case, seed=0)
    assert design.nmse.max() < 1e-8
    assert design.capacity == pytest.approx(bound(case), rel=1e-3)


def test_more_layers_do_not_fall_below_fewer():
    def share(layers):
        case = holographic_case(
            small_stack(layers=layers, side=5),
            small_stack(layers=2, side=5),
            channels=2,
            distance_m=100.0,
            path_loss=PathLoss(2.5),
            power_w=0.1,
            noise_w=1e-13,
            seed=0,
        )
        return (fitted_design(case, seed=0).capacity / bound(case)).min()

    assert min(share(layers) for layers in (2, 5, 8)) > 0.998


def test_the_published_descent_is_worse_unless_it_has_the_iterations(case):
    few, many = (
        published_design(case, decay=decay, iterations=iterations, starts=3, seed=0)
        for decay, iterations in ((0.5, 10), (0.9, 150))
    )
    assert few.nmse.mean() > 3 * many.nmse.mean()
    assert (few.capacity < bound(case)).all()


def test_the_rate_itself_is_at_least_that_of_the_fit(case):
    """With the losses that the paper's capacity does not count."""
    fitted, direct = fitted_design(case, seed=0), rate_design(case, seed=0)
    assert direct.rate.mean() > fitted.rate.mean()
    assert (direct.rate < bound(case)).all()


def test_lossless_parallel_subchannels_have_the_bound_and_no_loss():
    """G = Λ itself: nothing is lost, nothing interferes."""
    generator = np.random.default_rng(0)
    channel = generator.normal(size=(6, 5)) + 1j * generator.normal(size=(6, 5))
    values = np.linalg.svd(channel, compute_uv=False)[:3]
    G = np.diag(values).astype(complex)
    capacity = float(compensated_capacity(3 * G, channel, 2.0))
    assert capacity == pytest.approx(float(parallel_capacity(channel, 2.0, streams=3)), rel=1e-12)
    assert float(link_loss_db(G, channel)) == pytest.approx(0, abs=1e-10)
    assert float(link_loss_db(G / 10, channel)) == pytest.approx(20, abs=1e-10)


def test_the_bound_is_the_capacity_of_the_whole_channel_with_all_streams():
    """log2 det(1 + H Q Hᴴ) at the water-filled Q, in another formulation."""
    generator = np.random.default_rng(1)
    channel = generator.normal(size=(4, 4)) + 1j * generator.normal(size=(4, 4))
    _, values, V = np.linalg.svd(channel)
    levels = np.linspace(0, 20, 200_001)
    used = np.maximum(levels[:, None] - 1 / values**2, 0).sum(1)
    powers = np.maximum(levels[np.searchsorted(used, 5.0)] - 1 / values**2, 0)
    Q = V.conj().T @ np.diag(powers) @ V
    expected = np.linalg.slogdet(np.eye(4) + channel @ Q @ channel.conj().T)[1] / np.log(2)
    got = float(parallel_capacity(channel, 5.0, streams=4))
    assert got == pytest.approx(expected, rel=1e-4)


def test_more_streams_than_antennas_are_refused():
    with pytest.raises(InputError, match="from 1 to 3 streams"):
        parallel_capacity(np.ones((3, 9), complex), 1.0, streams=4)


# Errors of streams, by any response.


def test_stream_errors_are_those_of_simulated_symbols():
    """Monte Carlo of 200 000 QPSK symbols with the best scale: a deviation of .3 %."""
    generator = np.random.default_rng(2)
    G = generator.normal(size=(2, 2)) + 1j * generator.normal(size=(2, 2))
    with ms.float64():
        errors = np.asarray(stream_errors(G))
    symbols = (generator.choice([1, -1], (2, 2, 200_000)) * [[[1]], [[1j]]]).sum(0) / np.sqrt(2)
    noise = generator.normal(size=(2, 2, 200_000)) / np.sqrt(2)
    heard = G @ symbols + noise[0] + 1j * noise[1]
    scale = (heard.conj() * symbols).mean(1) / (np.abs(heard) ** 2).mean(1)
    seen = (np.abs(symbols - scale[:, None] * heard) ** 2).mean(1)
    assert errors == pytest.approx(seen, rel=0.02)


@pytest.fixture(scope="module")
def device():
    network = ms.read_network(MOM / "device_nominal_network.npz", reference_ohm=50.0)
    return Device.of(network, feeds=4, layers=4, atoms=9)


def test_the_error_of_a_network_with_every_coupling_falls(device):
    """NEC-2's device: couplings and reflections that no product of matrices has."""
    case = ErrorCase(device, power_to_noise_db=30.0, starts=2, seed=0)
    whole = case.designed_by(ProgrammedDevice(device))
    assert -whole.merit.max() < 0.7 * -whole.history[0].max()
    assert (np.asarray(whole.variables.powers).sum(-1) <= 1 + 1e-6).all()


def test_phases_by_the_network_beat_phases_by_the_product_on_the_network(device):
    case = ErrorCase(device, power_to_noise_db=30.0, starts=2, seed=0)
    whole, product = case.by_network(), case.by_product()
    assert whole.error < product.error
    assert product.believed_error < product.error
