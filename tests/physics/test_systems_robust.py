"""Designs for atoms that err: exact mean powers against drawn devices, and what they are worth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems_case import (
    POWER,
    assert_no_block_lowers_the_merit,
    equal_start,
    run_of,
    small_stack,
    user_channels,
)

import metastack as ms
from metastack.errors import InputError
from metastack.study.downlink_case import DownlinkCase
from metastack.study.robust_downlink import ErringAtoms, robust_rates
from metastack.systems.alternating import alternate
from metastack.systems.downlink import DownlinkSetting
from metastack.systems.fronts import Transmitter
from metastack.systems.mean_powers import MeanPowerPrecoder, MeanPowerSetting
from metastack.systems.phase_blocks import PhaseAscent
from metastack.systems.robust import RobustSetting, phase_errors
from metastack.systems.variables import Variables

DEVIATION_RAD = np.radians(40.0)
COHERENT = float(np.exp(-(DEVIATION_RAD**2) / 2))


@pytest.fixture(scope="module")
def case():
    stack = small_stack()
    return stack, user_channels(stack, 4, 3), Transmitter.of(stack), equal_start(stack, 4, 3)


def first(start):
    return run_of(start, 0)


def test_mean_powers_are_those_of_drawn_devices(case):
    """20 000 devices: every stream at every user within four standard errors."""
    stack, channels, transmitter, start = case
    with ms.float64():
        chosen = first(start)
        factor = phase_errors(jax.random.key(0), 20_000, stack.phases_shape, DEVIATION_RAD)
        drawn = RobustSetting(transmitter, POWER, factor)(channels[0]).received(chosen)
        moments = MeanPowerSetting(transmitter, POWER, COHERENT)(channels[0]).covariances(
            chosen.phases_rad
        )
        drawn, moments, precoder = (np.asarray(x) for x in (drawn, moments, chosen.precoder))
    exact = np.einsum("as,kab,bs->ks", precoder.conj(), moments, precoder).real
    powers = np.abs(drawn) ** 2
    deviation = (powers.mean(0) - exact) / (powers.std(0) / np.sqrt(len(powers)))
    assert np.abs(deviation).max() < 4


def test_without_errors_mean_powers_give_the_sum_rate(case):
    _, channels, transmitter, start = case
    with ms.float64():
        exact, mean = (
            float(setting(channels[0]).merit(first(start)))
            for setting in (
                DownlinkSetting(transmitter, POWER),
                MeanPowerSetting(transmitter, POWER, 1.0),
            )
        )
    assert mean == pytest.approx(exact, rel=1e-10)


def test_where_nothing_stays_coherent_phases_do_not_matter(case):
    _, channels, transmitter, start = case
    with ms.float64():
        system = MeanPowerSetting(transmitter, POWER, 0.0)(channels[0])
        one = first(start)
        other = Variables(one.phases_rad + 1.0 * np.arange(25), one.precoder)
        assert float(system.merit(one)) == pytest.approx(float(system.merit(other)), rel=1e-10)


def test_every_block_raises_the_rate_of_mean_powers(case):
    _, channels, transmitter, start = case
    with ms.float64():
        system = MeanPowerSetting(transmitter, POWER, COHERENT)(channels[0])
    blocks = [MeanPowerPrecoder(), PhaseAscent(5)]
    found, _ = assert_no_block_lowers_the_merit(system, blocks, first(start), rounds=8)
    assert float(np.asarray(found.powers).sum()) == pytest.approx(POWER, rel=1e-6)


def test_the_precoder_stands_still_where_no_other_is_better(case):
    """A thousand precoders near it, of the same power: none has a larger rate."""
    _, channels, transmitter, start = case
    setting = MeanPowerSetting(transmitter, POWER, COHERENT)
    found = alternate(
        setting, channels[:1], [MeanPowerPrecoder(20)], Variables(
            start.phases_rad[:1], start.precoder[:1]
        ), rounds=300, tolerance=1e-13,
    )  # fmt: skip
    best = found.variables.precoder[0]
    draw = np.random.default_rng(1)
    size = 1e-3 * np.abs(best).max()
    near = best + size * (draw.normal(size=(1000, *best.shape, 2)) @ [1, 1j])
    near *= np.sqrt(POWER / (np.abs(near) ** 2).sum((1, 2), keepdims=True))
    with ms.float64():
        system, phases = setting(channels[0]), jnp.asarray(start.phases_rad[0])
        rate = jax.vmap(lambda V: system.merit(Variables(phases, V)))
        assert float(rate(jnp.asarray(near)).max()) <= found.merit[0] * (1 + 1e-9)


def test_a_design_for_mean_powers_wins_where_atoms_err(case):
    """On 200 devices, against the design that takes errors for zero; either may end in a local
    optimum, so that the mean over channels counts."""
    stack, channels, transmitter, _ = case
    downlink = DownlinkCase(stack, transmitter, np.asarray(channels), POWER, 2, 0)
    rates = robust_rates(downlink, ErringAtoms(DEVIATION_RAD, 200))
    robust, naive, none = (
        np.asarray(rates[name]) for name in ("robust design", "errors taken for zero", "no errors")
    )
    assert robust.mean() > 1.03 * naive.mean()
    assert (robust > 0.97 * naive).all()
    assert (none > robust).all()


def test_without_errors_both_designs_are_worth_the_same(case):
    stack, channels, transmitter, _ = case
    downlink = DownlinkCase(stack, transmitter, np.asarray(channels), POWER, 1, 0)
    rates = {name: np.asarray(rate) for name, rate in robust_rates(
        downlink, ErringAtoms(0.0, 2)
    ).items()}  # fmt: skip
    assert rates["errors taken for zero"] == pytest.approx(rates["no errors"], rel=1e-10)
    assert rates["robust design"] == pytest.approx(rates["no errors"], rel=0.02)


@pytest.mark.parametrize("deviation", [-0.1, np.nan, np.inf])
def test_a_deviation_that_cannot_be_is_refused(deviation):
    with pytest.raises(InputError, match="deviation of phases"):
        ErringAtoms(deviation)
