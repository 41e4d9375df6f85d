"""Several users at one stack: how their pilots are kept apart.

Every pattern senses all users' fields alike, so that users share the sensing matrix and differ in
what they send. An orthogonal sequence keeps every user's power on for as long as all users need
together; in turns each sends for its own share only.

Source: X. Yao, J. An et al., 2024 (see `sensing`), for orthogonal sequences.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Key

from ..._types import AnyArray
from ...errors import require
from ...precision import in_float64


class UserPilots(Protocol):
    """What every way to keep users apart answers. Users send at unit power whenever they send."""

    @property
    def times(self) -> int:
        """How many slots every pattern is shown for."""
        ...

    @property
    def noise_share(self) -> float:
        """Variance of the noise in the readings of one user, over that in a slot."""
        ...

    def observe(
        self,
        sensing: Complex[AnyArray, "readings atoms"],
        channels: Complex[AnyArray, "draws users atoms"],
        noise_variance: float,
        key: Key[Array, ""],
    ) -> Complex[np.ndarray, "draws users readings"]:
        """Noisy readings, told apart by user."""
        ...


class OrthogonalPilots(eqx.Module):
    """All users send at once, each a row of a DFT matrix over the slots of one pattern.

    Raises:
        InputError: no user.
    """

    users: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        _check_users(self.users)

    @property
    def times(self) -> int:
        """How many slots every pattern is shown for."""
        return self.users

    @property
    def noise_share(self) -> float:
        """Every user is heard in all slots of a pattern."""
        return 1 / self.users

    @property
    def sequences(self) -> Complex[np.ndarray, "users times"]:
        """What every user sends, of unit modulus."""
        return np.exp(-2j * np.pi * np.outer(*[np.arange(self.users)] * 2) / self.users)

    @in_float64
    def observe(
        self,
        sensing: Complex[AnyArray, "readings atoms"],
        channels: Complex[AnyArray, "draws users atoms"],
        noise_variance: float,
        key: Key[Array, ""],
    ) -> Complex[np.ndarray, "draws users readings"]:
        """What arrives, Y = Xᵀ H Aᵀ + U, times every user's sequence again."""
        sent = self.sequences
        arriving = sent.T @ (np.asarray(channels) @ np.asarray(sensing).T)
        received = arriving + _noise(key, arriving.shape, noise_variance)
        return sent.conj() @ received / self.times


class OneAfterTheOther(eqx.Module):
    """One user sends at a time, and every pattern is shown once for each.

    Raises:
        InputError: no user.
    """

    users: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        """Refuse what cannot be."""
        _check_users(self.users)

    @property
    def times(self) -> int:
        """How many slots every pattern is shown for."""
        return self.users

    @property
    def noise_share(self) -> float:
        """A user is heard once."""
        return 1.0

    @in_float64
    def observe(
        self,
        sensing: Complex[AnyArray, "readings atoms"],
        channels: Complex[AnyArray, "draws users atoms"],
        noise_variance: float,
        key: Key[Array, ""],
    ) -> Complex[np.ndarray, "draws users readings"]:
        """What arrives, as it is."""
        arriving = np.asarray(channels) @ np.asarray(sensing).T
        return arriving + _noise(key, arriving.shape, noise_variance)


def _noise(
    key: Key[Array, ""], shape: tuple[int, ...], variance: float
) -> Complex[np.ndarray, "*shape"]:
    parts = jax.random.normal(key, (2, *shape)) * jnp.sqrt(variance / 2)
    return np.asarray(jax.lax.complex(parts[0], parts[1]))


def _check_users(users: int) -> None:
    require(users >= 1, f"There must be at least one user, but there are {users}.")
