"""One stack, many users: what each way of serving them is worth, over the transmitted power.

Source: calibration paper, Table I, [8], [9], [15]; the dirty-paper bound and zero forcing on the
phases that were found are the field's usual yardsticks.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..design import CoordinateDescent
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from ..systems.alternating import Block
from ..systems.downlink import DownlinkSetting, PricedPowers, WmmsePrecoder
from ..systems.max_min import MaxMinSetting, balanced_sinr
from ..systems.phase_blocks import PhaseAscent, PhaseFit
from ..systems.precoders import dirty_paper_bound, zero_forcing
from ..systems.rates import least_rate, sum_rate
from .downlink_case import DownlinkCase, Scheme

Rates: TypeAlias = dict[str, Float[Array, " channels"]]


@in_float64
def downlink_rates(case: DownlinkCase) -> Rates:
    """The sum rate of every channel, by scheme, bit/s/Hz.

    Raises:
        InputError: more users than antennas.
    """
    case.check_antennas()
    setting = DownlinkSetting(case.transmitter, case.power)
    phases = phase_block(case.stack)
    # One stream an antenna first: with a precoder from the start, all antennas would go on sending
    # what they send alike, and the precoder undo it.
    square = case.users == case.stack.input_array.size
    wave = case.best(setting, [phases, PricedPowers()] if square else [phases], case.begun())
    joint = case.improved(setting, [WmmsePrecoder(), phases], wave)
    alone = case.improved(setting, [WmmsePrecoder()], case.matched(case.flat()))
    G = case.responses(joint)
    bound, forced = _yardsticks(G, jnp.asarray(case.power))
    rates = {
        "dirty-paper bound, same phases": bound,
        "phases and precoder": sum_rate(G @ joint.precoder),
        "zero forcing, same phases": forced,
        "precoder alone, phases alike": sum_rate(case.responses(alone) @ alone.precoder),
    }
    if square:
        sent = case.responses(wave) @ wave.precoder
        rates["phases and powers, no precoder"] = sum_rate(sent)
    return rates


@in_float64
def max_min_rates(case: DownlinkCase) -> Rates:
    """The rate of the user who is worst off in every channel, by scheme, bit/s/Hz.

    One stream an antenna throughout.

    Raises:
        InputError: not as many users as antennas; atoms that round.
    """
    _check_streams(case)
    fair = MaxMinSetting(case.transmitter, case.power)
    whole = DownlinkSetting(case.transmitter, case.power)
    best = case.best(fair, [PhaseAscent()], case.begun())
    greedy = case.best(whole, [PhaseAscent(), PricedPowers()], case.begun())
    equal, power = case.flat(), jnp.asarray(case.power)
    same = case.responses(best)
    return {
        "phases and powers": _balanced(same, power),
        "same phases, equal powers": least_rate(same @ equal.precoder),
        "powers alone, phases alike": _balanced(case.responses(equal), power),
        "phases and powers for the sum": least_rate(case.responses(greedy) @ greedy.precoder),
    }


@eqx.filter_jit
def _yardsticks(
    responses: Complex[Array, "channels users antennas"], power: Float[Array, ""]
) -> tuple[Float[Array, " channels"], Float[Array, " channels"]]:
    """What no precoder could beat, and zero forcing."""
    bound = jax.vmap(lambda G: dirty_paper_bound(G, power))(responses)
    return bound, jax.vmap(lambda G: sum_rate(G @ zero_forcing(G, power)))(responses)


@eqx.filter_jit
def _balanced(
    responses: Complex[Array, "channels users antennas"], power: Float[Array, ""]
) -> Float[Array, " channels"]:
    """The rate that all users have with the best powers."""
    ratio = jax.vmap(lambda G: balanced_sinr(jnp.abs(G) ** 2, power))(responses)
    return jnp.log2(1 + ratio)


def over_powers(
    rates: Callable[[float], Rates], powers: Float[np.ndarray, " powers"]
) -> Iterator[list[Scheme]]:
    """All schemes with the powers done so far, after every power; `powers` in watts."""
    done: dict[str, list[Float[np.ndarray, " channels"]]] = {}
    for power in powers:
        for name, values in rates(float(power)).items():
            done.setdefault(name, []).append(np.asarray(values))
        yield [Scheme(name, np.array(values)) for name, values in done.items()]


def phase_block(stack: Stack) -> Block:
    """How phases follow the rate: uphill, or atom by atom on its weighted error where they jump."""
    return PhaseAscent() if stack.atoms.is_smooth else PhaseFit(CoordinateDescent())


def _check_streams(case: DownlinkCase) -> None:
    antennas = case.stack.input_array.size
    require(
        case.users == antennas,
        f"Without a digital precoder every antenna sends one user's stream, but there are "
        f"{case.users} users for {antennas} elements of the input layer.",
    )
    require(
        case.stack.atoms.is_smooth,
        "The least rate is climbed along its slope, but these atoms jump between settings; use "
        "smooth atoms, or `metastack system downlink`.",
    )
