"""Fronts, the alternation, sum rates and fairness, each against another way to the same thing."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from systems_case import (
    POWER,
    assert_no_block_lowers_the_merit,
    equal_start,
    run_of,
    small_stack,
    user_channels,
)

import metastack as ms
from metastack.design import CoordinateDescent, LevenbergMarquardt, Outcome
from metastack.errors import InputError
from metastack.stack import hops
from metastack.systems.alternating import alternate
from metastack.systems.downlink import DownlinkSetting, PricedPowers, WmmsePrecoder, raised_powers
from metastack.systems.fronts import Receiver, Transmitter, linked, matrix_of
from metastack.systems.max_min import MaxMinSetting, balanced_powers, balanced_sinr
from metastack.systems.phase_blocks import PhaseAscent, PhaseFit
from metastack.systems.powers import check_powers
from metastack.systems.precoders import dirty_paper_bound, matched, mmse_receivers, zero_forcing
from metastack.systems.rates import sinr, sum_rate
from metastack.systems.variables import Variables, one_stream_an_antenna
from metastack.systems.water_filling import priced_water_filling, water_filling

USERS = 3


def wmmse_start(setting, channels, start):
    """A start with matched precoders of its phases."""
    with ms.float64():
        precoders = [
            matched(setting(channel).response(phases), POWER)
            for channel, phases in zip(channels, start.phases_rad, strict=True)
        ]
        return Variables(start.phases_rad, jnp.stack(precoders))


@pytest.fixture(scope="module")
def case():
    stack = small_stack()
    channels = user_channels(stack, 4, 3)
    setting = DownlinkSetting(Transmitter.of(stack), POWER)
    return stack, channels, setting, equal_start(stack, 4, 3)


# Fronts: the air as one more hop.


def test_users_hear_what_the_last_layer_radiates():
    """Matrix by matrix in NumPy against the chain whose last hop is the air."""
    stack = small_stack(layers=3)
    channel = user_channels(stack, 2, 1)[0]
    phases = np.random.default_rng(1).uniform(0, 6, stack.phases_shape)
    with ms.float64():
        W = [np.asarray(matrix_of(hop)) for hop in hops(stack)]
        got = np.asarray(Transmitter.of(stack).to(channel)(phases))
    field = W[0]
    for layer in range(3):
        field = np.exp(1j * phases[layer])[:, None] * field
        field = (W[layer + 1] if layer < 2 else channel) @ field
    assert np.allclose(got, field, rtol=1e-10)


def test_a_reversed_stack_is_the_transposed_one():
    """Reciprocity: fed at the receivers, the input layer radiates Gᵀ."""
    stack = small_stack(layers=2)
    phases = np.random.default_rng(2).uniform(0, 6, stack.phases_shape)
    air = np.random.default_rng(3).normal(size=(3, 4)) + 0j
    with ms.float64():
        got = np.asarray(Transmitter.reversed(stack).to(air)(phases[::-1]))
        G = np.asarray(ms.response(stack, phases))
    assert np.allclose(got, air @ G.T, rtol=1e-10)


@pytest.mark.parametrize("side", [5, 4])
def test_a_link_is_transmitter_air_and_receiver_in_a_row(side):
    """Also of layers of different size, where the smaller one is filled up."""
    one, other = small_stack(layers=2), small_stack(layers=3, side=side)
    generator = np.random.default_rng(4)
    air = generator.normal(size=(side**2, 25)) + 1j * generator.normal(size=(side**2, 25))
    with ms.float64():
        transmitter, receiver = Transmitter.of(one), Receiver.of(other)
        link = linked(transmitter, air, receiver)
        phases = generator.uniform(0, 6, link.phases_shape)
        sent = np.asarray(transmitter.to(np.eye(25, dtype=complex))(phases[:2]))
        heard = np.asarray(receiver.behind(np.eye(side**2, dtype=complex))(phases[2:, : side**2]))
        assert np.allclose(np.asarray(link(phases)), heard @ air @ sent, rtol=1e-10)


def test_a_channel_of_another_stack_is_refused():
    with pytest.raises(InputError, match="25 elements, but has 24"):
        Transmitter.of(small_stack()).to(np.ones((2, 24), complex))


def test_slopes_of_a_chain_are_its_finite_differences():
    stack = small_stack()
    step = 1e-6
    with ms.float64():
        chain = Transmitter.of(stack).to(user_channels(stack, 2, 1)[0])
        phases = np.random.default_rng(5).uniform(0, 6, stack.phases_shape)
        slopes = np.asarray(chain.slopes(jnp.asarray(phases)))
        moved = np.array(phases)
        moved[1, 7] += step
        change = (np.asarray(chain(moved)) - np.asarray(chain(phases))) / step
    assert np.allclose(slopes[..., 1, 7], change, rtol=1e-4, atol=1e-5 * np.abs(change).max())


# Powers.


def test_water_filling_is_the_best_of_all_powers():
    """Against SLSQP on the concave problem."""
    gains = np.array([3.0, 1.0, 0.2, 0.0])
    with ms.float64():
        powers = np.asarray(water_filling(jnp.asarray(gains), 2.0))
    found = minimize(
        lambda p: -np.log(1 + gains * p).sum(),
        np.full(4, 0.5),
        bounds=[(0, 2)] * 4,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 2},
        tol=1e-12,
    )
    assert powers.sum() == pytest.approx(2, rel=1e-12)
    assert np.log(1 + gains * powers).sum() >= -found.fun - 1e-9
    assert powers[3] == 0


def test_priced_water_filling_stands_still_where_the_sum_rate_is_stationary():
    """Fixed points of the priced filling, against the gradient of the rate by the powers."""
    gains = np.abs(np.random.default_rng(6).normal(size=(3, 3))) * 0.2 + 3 * np.eye(3)
    with ms.float64():
        powers = jnp.full(3, 1.0)
        for _ in range(300):
            powers = 0.5 * (powers + priced_water_filling(jnp.asarray(gains), powers, 3.0))
        slope = jax.grad(lambda p: sum_rate(np.sqrt(gains) @ one_stream_an_antenna(p)))(powers)
        powers, slope = np.asarray(powers), np.asarray(slope)
    assert powers.sum() == pytest.approx(3, rel=1e-9)
    assert np.ptp(slope) < 1e-6 * slope.max()


def test_balanced_powers_make_all_users_equal_and_none_better():
    """SINR equal to the Perron root's; no other powers of 20 000 have a larger minimum."""
    generator = np.random.default_rng(7)
    gains = np.abs(generator.normal(size=(3, 3))) + np.eye(3)
    with ms.float64():
        powers = balanced_powers(jnp.asarray(gains), 5.0)
        ratio = np.asarray(sinr(np.sqrt(gains) @ one_stream_an_antenna(powers)))
        powers = np.asarray(powers)
        value = float(balanced_sinr(jnp.asarray(gains), 5.0))
    assert ratio == pytest.approx(np.full(3, value), rel=1e-9)
    assert powers.sum() == pytest.approx(5, rel=1e-9)
    others = 5 * generator.dirichlet(np.ones(3), 20_000)
    heard = others @ gains.T
    wanted = others * np.diag(gains)
    assert (wanted / (heard - wanted + 1)).min(1).max() <= value * (1 + 1e-9)


def test_slope_of_the_balanced_ratio_is_its_finite_difference():
    gains = np.abs(np.random.default_rng(8).normal(size=(3, 3))) + np.eye(3)
    direction = np.random.default_rng(9).normal(size=(3, 3))
    with ms.float64():
        slope = float((jax.grad(balanced_sinr)(jnp.asarray(gains), 5.0) * direction).sum())
        ahead, behind = (
            float(balanced_sinr(jnp.asarray(gains + sign * 1e-6 * direction), 5.0))
            for sign in (1, -1)
        )
    assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


# Precoders.


def test_dirty_paper_bounds_wmmse_and_wmmse_beats_zero_forcing(case):
    _, channels, setting, start = case
    with ms.float64():
        begun = wmmse_start(setting, channels, start)
        found = alternate(setting, channels, [WmmsePrecoder()], begun, rounds=400, tolerance=1e-9)
        for run, channel in enumerate(channels):
            G = setting(channel).response(jnp.asarray(start.phases_rad[run]))
            bound = float(dirty_paper_bound(G, POWER))
            forced = float(sum_rate(G @ zero_forcing(G, POWER)))
            assert forced <= found.merit[run] * (1 + 1e-6)
            assert found.merit[run] <= bound * (1 + 1e-9)


def test_the_dirty_paper_bound_is_the_maximum_of_its_concave_problem():
    """Against SLSQP over the dual uplink's powers, and one user's log2(1 + P |h|²)."""
    generator = np.random.default_rng(10)
    H = generator.normal(size=(3, 2)) + 1j * generator.normal(size=(3, 2))

    def rate(p):
        return np.linalg.slogdet(np.eye(2) + H.conj().T @ (p[:, None] * H))[1] / np.log(2)

    found = minimize(
        lambda p: -rate(p),
        np.ones(3),
        bounds=[(0, 3)] * 3,
        constraints={"type": "eq", "fun": lambda p: p.sum() - 3},
        tol=1e-12,
    )
    with ms.float64():
        assert float(dirty_paper_bound(jnp.asarray(H), 3.0)) == pytest.approx(-found.fun, rel=1e-6)
        alone = float(dirty_paper_bound(jnp.asarray(H[:1]), 3.0))
    assert alone == pytest.approx(np.log2(1 + 3 * np.linalg.norm(H[0]) ** 2), rel=1e-9)


def test_a_precoder_uses_the_power_that_there_is(case):
    _, channels, setting, start = case
    with ms.float64():
        begun = wmmse_start(setting, channels, start)
        found = alternate(setting, channels, [WmmsePrecoder()], begun, rounds=3)
    assert np.asarray(found.variables.powers).sum(-1) == pytest.approx(np.full(3, POWER), rel=1e-6)


# The alternation.


@pytest.mark.parametrize(
    "phases",
    [PhaseFit(CoordinateDescent()), PhaseFit(LevenbergMarquardt()), PhaseAscent(5)],
    ids=["atom by atom", "Levenberg-Marquardt", "L-BFGS"],
)
def test_every_block_raises_the_rate(case, phases):
    _, channels, setting, start = case
    begun = wmmse_start(setting, channels, start)
    with ms.float64():
        system, first = setting(channels[0]), run_of(begun, 0)
        before = float(system.merit(first))
    _, after = assert_no_block_lowers_the_merit(system, [WmmsePrecoder(), phases], first)
    assert after > 1.2 * before


def test_the_fit_that_stands_for_the_rate_has_its_slope(case):
    """At the receivers' and weights' best, weighted error and rate have one gradient: -ln 2."""
    _, channels, setting, start = case
    from metastack.design.problem import loss

    with ms.float64():
        system = setting(channels[0])
        begun = wmmse_start(setting, channels, start)
        variables = Variables(begun.phases_rad[0], begun.precoder[0])
        problem = system.fit(variables)
        of_rate = jax.grad(lambda p: system.merit(Variables(p, variables.precoder)))(
            variables.phases_rad
        )
        of_error = jax.grad(lambda p: loss(problem, p))(variables.phases_rad)
        size = float(jnp.linalg.norm(problem.target)) ** 2
        of_rate, of_error = np.asarray(of_rate), np.asarray(of_error)
    assert np.allclose(of_rate * np.log(2), -size * of_error, atol=1e-8 * np.abs(of_rate).max())


def test_the_same_start_gives_the_same_numbers_alone_and_in_a_batch(case):
    _, channels, setting, start = case
    blocks = [WmmsePrecoder(), PhaseFit(LevenbergMarquardt())]
    with ms.float64():
        begun = wmmse_start(setting, channels, start)
        together = alternate(setting, channels, blocks, begun, rounds=5)
        one = Variables(begun.phases_rad[1:2], begun.precoder[1:2])
        alone = alternate(setting, channels[1:2], blocks, one, rounds=5)
    assert alone.history[:, 0] == pytest.approx(together.history[:, 1], rel=1e-7)


def test_quantised_atoms_stay_on_their_settings_and_the_rate_still_rises():
    """Two bits an atom, from every atom alike."""
    stack = small_stack()
    quantised = eqx.tree_at(lambda s: s.atoms, stack, ms.QuantisedAtoms(2))
    channels = user_channels(quantised, 4, 2)
    setting = DownlinkSetting(Transmitter.of(quantised), POWER)
    start = equal_start(quantised, 4, 2, spread_rad=0.0)
    with ms.float64():
        begun = wmmse_start(setting, channels, start)
        blocks = [WmmsePrecoder(), PhaseFit(CoordinateDescent())]
        found = alternate(setting, channels, blocks, begun, rounds=20)
    codes = found.variables.phases_rad / (np.pi / 2)
    assert np.abs(codes - np.round(codes)).max() < 1e-9
    assert (found.history[-1] > 1.2 * found.history[1]).all()


def test_brute_force_over_a_grid_finds_nothing_better():
    """Two users, one layer of 2x2 atoms: 16^3 phases (one is common) with the best powers each."""
    stack = small_stack(layers=1, side=2, ports=2)
    channels = user_channels(stack, 4, 1)
    setting = MaxMinSetting(Transmitter.of(stack), POWER)
    grid = 2 * np.pi * np.arange(16) / 16
    settings = np.array([(0, *rest) for rest in itertools.product(grid, repeat=3)])[:, None]
    with ms.float64():
        system = setting(channels[0])
        gains = jnp.abs(system.response(settings)) ** 2
        ratios = jax.vmap(lambda g: balanced_sinr(g, POWER))(gains)
        best = float(jnp.log2(1 + ratios).max())
        start = equal_start(stack, 4, 20, spread_rad=2 * np.pi)
        found = alternate(setting, np.repeat(channels, 20, 0), [PhaseAscent(20)], start, rounds=50)
    assert found.merit.max() >= best * (1 - 1e-9)
    # The grid is coarse, π/8 at most from the best phase: it cannot be far below.
    assert found.merit.max() < best * 1.1 + 0.05


STARTS = 100


def test_max_min_is_reached_by_projected_gradients_too():
    """A second method from as many starts: gradient with a halved step, on the same ratio."""
    stack = small_stack(layers=2, side=4)
    channels = user_channels(stack, 4, 1)
    setting = MaxMinSetting(Transmitter.of(stack), POWER)
    starts = equal_start(stack, 4, STARTS, spread_rad=2 * np.pi)
    with ms.float64():
        many = np.repeat(channels, STARTS, 0)
        found = alternate(setting, many, [PhaseAscent(20)], starts, rounds=60)
        system, none = setting(channels[0]), jnp.zeros((4, 4), complex)
        second = climbed(lambda x: system.merit(Variables(x[0], none)), [starts.phases_rad])
    assert found.merit.max() >= 0.99 * second


def test_the_sum_rate_is_reached_by_projected_gradients_too():
    """Phases and precoder climb together, the precoder put back on the sphere of all power."""
    stack = small_stack(layers=2, side=4)
    channels = user_channels(stack, 4, 1)
    setting = DownlinkSetting(Transmitter.of(stack), POWER)
    starts = equal_start(stack, 4, STARTS, spread_rad=2 * np.pi)
    with ms.float64():
        many = np.repeat(channels, STARTS, 0)
        begun = wmmse_start(setting, many, starts)
        blocks = [WmmsePrecoder(), PhaseFit(LevenbergMarquardt())]
        found = alternate(setting, many, blocks, begun, rounds=400, tolerance=1e-7)
        system = setting(channels[0])

        def rate(x):
            phases, real, imaginary = x
            W = real + 1j * imaginary
            return system.merit(Variables(phases, W * jnp.sqrt(POWER / jnp.sum(jnp.abs(W) ** 2))))

        precoder = begun.precoder
        second = climbed(rate, [begun.phases_rad, precoder.real, precoder.imag], steps=1500)
    assert found.merit.max() >= 0.99 * second


def climbed(merit, starts, *, steps=300):
    """Plain gradient ascent from every start, steps halved where they would go down."""

    @jax.vmap
    def step(x, length):
        slopes = jax.grad(merit)(x)
        trial = [
            part + length * jnp.abs(part).max() * slope / jnp.abs(slope).max()
            for part, slope in zip(x, slopes, strict=True)
        ]
        better = merit(trial) > merit(x)
        after = [jnp.where(better, new, old) for new, old in zip(trial, x, strict=True)]
        return after, jnp.where(better, 1.2 * length, 0.5 * length)

    @jax.jit
    def climb(x):
        first = x, jnp.full(len(x[0]), 0.05)
        last, _ = jax.lax.fori_loop(0, steps, lambda _, state: step(*state), first)
        return jax.vmap(merit)(last)

    return float(climb([jnp.asarray(part) for part in starts]).max())


def test_streams_without_a_precoder_use_the_whole_budget(case):
    """More of all powers raises every ratio: what is best leaves nothing."""
    _, channels, setting, start = case
    with ms.float64():
        system = setting(channels[0])
    blocks = [PhaseAscent(10), PricedPowers()]
    found, _ = assert_no_block_lowers_the_merit(system, blocks, run_of(start, 0))
    assert float(np.asarray(found.powers).sum()) == pytest.approx(POWER, rel=1e-9)


def test_priced_powers_use_the_whole_budget_whatever_interferes():
    """A hundred channels with strong interference, where prices alone would leave some."""
    draw = np.random.default_rng(11)
    shape = 100, 4, 4
    G = draw.normal(size=shape) + 1j * draw.normal(size=shape)
    with ms.float64():
        powers = jax.vmap(
            lambda G: raised_powers(G, jnp.full(4, 25.0), jnp.asarray(100.0), times=5)
        )(jnp.asarray(G))
        powers = np.asarray(powers)
    assert powers.sum(1) == pytest.approx(np.full(100, 100.0), rel=1e-9)


def test_hardly_any_interference_leaves_finite_weights():
    """A hundred bits a user: the error of the best receiver is 1/(1 + SINR), not a difference."""
    with ms.float64():
        _, weights = mmse_receivers(1e15 * jnp.eye(2, dtype=complex))
        assert np.asarray(weights) == pytest.approx(np.full(2, 1e30), rel=1e-12)


def test_an_interrupt_keeps_what_was_found(case):
    _, channels, setting, start = case

    def stop(_round, _merits):
        raise KeyboardInterrupt

    with ms.float64():
        begun = wmmse_start(setting, channels, start)
        found = alternate(setting, channels, [WmmsePrecoder()], begun, rounds=50, on_round=stop)
    assert found.outcome is Outcome.INTERRUPTED
    assert (found.merit > found.history[0]).all()


@pytest.mark.parametrize(
    ("power_dbm", "noise_dbm", "said"),
    [
        (20, 30, "must be below the transmitted power"),
        (20, -200, "thermal noise"),
        (float("nan"), -100, "power must be in dBm"),
        (1e3, -100, "power must be in dBm"),
    ],
)
def test_powers_out_of_order_are_refused(power_dbm, noise_dbm, said):
    with pytest.raises(InputError, match=said):
        check_powers(power_dbm, noise_dbm)
