"""Channels to try and starts for each: what studies of a downlink have in common."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from ..systems.alternating import Block, System, alternate
from ..systems.fronts import Transmitter
from ..systems.precoders import matched
from ..systems.variables import Variables, one_stream_an_antenna

# All starts are tried for so long; then the best of each channel goes on alone.
_TRIAL_ROUNDS, _ROUNDS = 10, 100
# A hundredth of a percent a round: what is still to come is far below chance over channels.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Scheme:
    """One way of serving the users: rates by power and channel, bit/s/Hz."""

    name: str
    rates: Float[np.ndarray, "powers channels"]

    @property
    def mean(self) -> Float[np.ndarray, " powers"]:
        """Over channels."""
        return self.rates.mean(axis=1)

    @property
    def standard_error(self) -> Float[np.ndarray, " powers"]:
        """Of the mean over channels; NaN of a single channel."""
        channels = self.rates.shape[1]
        if channels == 1:
            return np.full(len(self.rates), np.nan)
        return self.rates.std(axis=1, ddof=1) / np.sqrt(channels)


@dataclass(frozen=True)
class DownlinkCase:
    """A stack, channels per root of the noise power, 1/√W, a power in watts.

    Start k of every channel draws near-uniform phases, which let the wave through, from
    `numpy.random.default_rng([seed, k])`.
    """

    stack: Stack
    transmitter: Transmitter
    channels: Complex[np.ndarray, "channels users elements"]
    power: float
    starts: int
    seed: int

    @property
    def users(self) -> int:
        """Users of every channel."""
        return self.channels.shape[1]

    def check_antennas(self) -> None:
        """Refuse more users than there are streams for.

        Raises:
            InputError: more users than antennas.
        """
        antennas = self.stack.input_array.size
        require(
            self.users <= antennas,
            f"There must be an antenna for every user's stream, but there are {self.users} users "
            f"for {antennas} elements of the input layer; take fewer users or more antennas.",
        )

    @in_float64
    def flat(self) -> Variables:
        """Phases all alike, one stream an antenna of equal power, for every channel."""
        return self._started(np.zeros((1, *self.stack.phases_shape)))

    @in_float64
    def begun(self) -> Variables:
        """Every start of every channel, one stream an antenna of equal power."""
        draws = [np.random.default_rng([self.seed, start]) for start in range(self.starts)]
        phases = [draw.uniform(0, 0.3, self.stack.phases_shape) for draw in draws]
        return self._started(np.array(phases))

    @in_float64
    def matched(self, variables: Variables) -> Variables:
        """The same phases with precoders that send along each user's own channel."""
        response = self.responses(variables)
        return Variables(variables.phases_rad, _matched(response, jnp.asarray(self.power)))

    @in_float64
    def best(
        self, setting: Callable[[Any], System], blocks: Sequence[Block], begun: Variables
    ) -> Variables:
        """What became of the start of every channel that was the best after some rounds."""
        starts = len(begun.phases_rad) // len(self.channels)
        channels = np.repeat(self.channels, starts, axis=0)
        tried = alternate(setting, channels, blocks, begun, rounds=_TRIAL_ROUNDS)
        merit = tried.merit.reshape(-1, starts)
        chosen = merit.argmax(axis=1) + starts * np.arange(len(merit))
        best = jax.tree.map(lambda leaf: jnp.asarray(leaf[chosen]), tried.variables)
        return self.improved(setting, blocks, best)

    @in_float64
    def improved(
        self, setting: Callable[[Any], System], blocks: Sequence[Block], begun: Variables
    ) -> Variables:
        """What becomes of one start of every channel."""
        found = alternate(
            setting, self.channels, blocks, begun, rounds=_ROUNDS, tolerance=_TOLERANCE
        )
        return jax.tree.map(jnp.asarray, found.variables)

    @in_float64
    def responses(self, variables: Variables) -> Complex[Array, "runs users antennas"]:
        """Stack and air of every channel, each of which has equally many runs."""
        repeats = len(variables.phases_rad) // len(self.channels)
        channels = jnp.asarray(np.repeat(self.channels, repeats, axis=0))
        return _responses(self.transmitter, channels, jnp.asarray(variables.phases_rad))

    def _started(self, phases: Float[np.ndarray, "starts layers atoms"]) -> Variables:
        runs = len(self.channels) * len(phases)
        equal = one_stream_an_antenna(jnp.full(self.users, self.power / self.users))
        idle = self.stack.input_array.size - self.users
        precoder = jnp.pad(equal, ((0, idle), (0, 0)))
        tiled = jnp.asarray(np.tile(phases, (len(self.channels), 1, 1)))
        return Variables(tiled, jnp.broadcast_to(precoder, (runs, *precoder.shape)))


@eqx.filter_jit
def _responses(
    transmitter: Transmitter,
    channels: Complex[Array, "runs users elements"],
    phases_rad: Float[Array, "runs layers atoms"],
) -> Complex[Array, "runs users antennas"]:
    return jax.vmap(lambda H, phases: transmitter.to(H)(phases))(channels, phases_rad)


@eqx.filter_jit
def _matched(
    responses: Complex[Array, "runs users antennas"], power: Float[Array, ""]
) -> Complex[Array, "runs antennas users"]:
    return jax.vmap(lambda G: matched(G, power))(responses)
