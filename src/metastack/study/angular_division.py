"""A stack that reads directions serving users: what its own beams give, and what more could.

Source: DOA paper, section VII; the comparison is ours.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..design import Design
from ..errors import require
from ..precision import in_float64
from ..systems.angular_division import assigned_ports
from ..systems.downlink import DownlinkSetting, WmmsePrecoder, raised_powers
from ..systems.fronts import Transmitter
from ..systems.rates import sum_rate
from ..systems.variables import Variables, one_stream_an_antenna
from .downlink import Rates, phase_block
from .downlink_case import DownlinkCase

_POWER_ROUNDS = 50


@in_float64
def angular_rates(
    design: Design, channels: Complex[np.ndarray, "channels users elements"], power: float
) -> Rates:
    """The sum rate of every channel, by scheme, bit/s/Hz.

    `channels`: from the input layer's elements, per root of the noise power; `power` in watts.
    Ports are assigned so that the product of the gains to their users is largest.

    Raises:
        InputError: more users than receivers to feed.
    """
    users, ports = channels.shape[1], design.stack.receiver_array.size
    require(
        users <= ports,
        f"There must be a port for every user's stream, but there are {users} users for {ports} "
        "receivers of the stack.",
    )
    case = DownlinkCase(
        design.stack, Transmitter.reversed(design.stack), channels, power, starts=1, seed=0
    )
    phases = np.broadcast_to(design.phases_rad[::-1], (len(channels), *design.phases_rad.shape))
    begun = Variables(jnp.asarray(phases), jnp.zeros((len(channels), ports, users), complex))
    own = case.responses(begun)
    # The same beams, and all power of the best of them radiated.
    ideal = jnp.asarray(channels) @ (design.target.T / np.linalg.norm(design.target, 2))
    setting = DownlinkSetting(case.transmitter, power)
    precoded = case.improved(setting, [WmmsePrecoder()], case.matched(begun))
    joint = case.improved(setting, [WmmsePrecoder(), phase_block(design.stack)], precoded)
    return {
        "its target without loss": _by_ports(ideal, power),
        "phases and precoder for these users": sum_rate(case.responses(joint) @ joint.precoder),
        "its phases, with a precoder": sum_rate(own @ precoded.precoder),
        "its phases, a port a user": _by_ports(own, power),
    }


def _by_ports(
    responses: Complex[Array, "channels users ports"], power: float
) -> Float[Array, " channels"]:
    """A port a user, powers by water filling with prices."""
    ports = [assigned_ports(gains) for gains in np.asarray(jnp.abs(responses) ** 2)]
    chosen = jnp.take_along_axis(responses, jnp.asarray(np.array(ports))[:, None], axis=2)
    return _powered(chosen, jnp.asarray(power))


@eqx.filter_jit
def _powered(
    responses: Complex[Array, "channels users users"], power: Float[Array, ""]
) -> Float[Array, " channels"]:
    def one(G: Complex[Array, "users users"]) -> Float[Array, ""]:
        powers = raised_powers(G, jnp.full(len(G), power / len(G)), power, times=_POWER_ROUNDS)
        return sum_rate(G @ one_stream_an_antenna(powers))

    return jax.vmap(one)(responses)
