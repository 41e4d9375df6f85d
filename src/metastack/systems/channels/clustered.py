"""Clusters of scatterers, each seen in a narrow range of directions and late by its own delay.

Rays of a cluster leave the array about its direction and arrive together. Delays are exponential,
and a cluster of any delay may have any share of the power, so that the mean power falls
exponentially with delay and frequencies further apart than about one over its constant fade
differently.

Source: A. Saleh and R. Valenzuela, A statistical model for indoor multipath propagation, 1987, for
clusters and their mean power; equal arrival of a cluster's rays is ours.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from ..._types import AnyArray
from ...errors import require
from ...precision import in_float64

# Directions of clusters, from the array's axis: what an array sees well.
_WIDEST_RAD = np.pi / 3


class Clustered(eqx.Module):
    """From an array to single antennas, over the subcarriers of a band.

    `from_m`: elements of the array. `power_gain`: mean, of each user. `offsets_hz`: subcarriers
    about the carrier. `delay_spread_s`: standard deviation of the delays over all draws, and the
    constant of the mean power's fall; of so few clusters as one draw has, it is somewhat less.
    `angular_spread_rad`: deviation of a cluster's rays from its own direction. The array's response
    is taken at the carrier.

    Raises:
        InputError: a count below one, a negative spread.
    """

    from_m: Float[AnyArray, "from 3"]
    power_gain: Float[AnyArray, " users"]
    wavelength_m: float
    delay_spread_s: float
    offsets_hz: Float[AnyArray, " subcarriers"]
    angular_spread_rad: float = float(np.radians(5.0))
    clusters: int = eqx.field(static=True, default=6)
    rays: int = eqx.field(static=True, default=10)

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("clusters", "rays"):
            count = getattr(self, name)
            require(count >= 1, f"`{name}` must be at least 1, but is {count}.")
        for name in ("delay_spread_s", "angular_spread_rad"):
            spread = getattr(self, name)
            require(
                np.isfinite(spread) and spread >= 0,
                f"`{name}` must not be negative, but is {spread}.",
            )

    @in_float64
    def draw_band(
        self, key: Key[Array, ""], draws: int
    ) -> Complex[Array, "draws subcarriers users from"]:
        """So many independent bands: the same clusters at every subcarrier."""
        users = len(self.power_gain)
        shape = draws, users, self.clusters
        of_delay, of_power, of_direction, of_ray, of_phase = jax.random.split(key, 5)
        delay_s = self.delay_spread_s * jax.random.exponential(of_delay, shape)
        share = jax.random.exponential(of_power, shape)
        share = share / share.sum(-1, keepdims=True)
        wave = self._rays(of_direction, of_ray, of_phase, shape)
        offsets_hz = jnp.asarray(self.offsets_hz)
        late = jnp.exp(2j * jnp.pi * offsets_hz[:, None, None, None] * delay_s)
        amplitude = jnp.sqrt(share * jnp.asarray(self.power_gain)[:, None])
        return jnp.einsum("fduc,ducm->dfum", late * amplitude, wave)

    def draw(self, key: Key[Array, ""], draws: int) -> Complex[Array, "draws to from"]:
        """So many independent matrices, at the first subcarrier."""
        return self.draw_band(key, draws)[:, 0]

    def _rays(
        self, of_direction: Array, of_ray: Array, of_phase: Array, shape: tuple[int, int, int]
    ) -> Complex[Array, "draws users clusters from"]:
        """Sum of a cluster's rays at every element, of mean power one."""
        angles = jax.random.uniform(of_direction, (2, *shape), minval=-1, maxval=1) * _WIDEST_RAD
        about = self.angular_spread_rad * jax.random.normal(of_ray, (2, *shape, self.rays))
        azimuth, elevation = angles[..., None] + about
        across = jnp.stack([jnp.sin(azimuth) * jnp.cos(elevation), jnp.sin(elevation)], axis=-1)
        turn = 2 * jnp.pi * jax.random.uniform(of_phase, (*shape, self.rays))
        path_m = across @ jnp.asarray(self.from_m)[:, :2].T
        phase = turn[..., None] - 2 * jnp.pi * path_m / self.wavelength_m
        return jnp.exp(1j * phase).sum(-2) / jnp.sqrt(self.rays)
