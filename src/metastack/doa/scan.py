"""Where a further source may stand: every place of a grid tried in closed form.

With the directions given, energies are linear in the sources' powers and their mutual products:
|h·Σ α_s a_s|² = Σ |α_s|² |h·a_s|² + 2 Re Σ α_s α_t* (h·a_s)(h·a_t)*. Least squares in these
unknowns, as if they were free, tells how much of the energies a set of directions explains, and
the strongest eigenvector of the products gives the amplitudes. In turn every source is moved to
its best place given the others (RELAX).

Source: J. Li and P. Stoica, Efficient mixed-spectrum estimation (1996), for RELAX; the linear
relaxation is ours.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from ..elimination import dominant, solved
from ..targets import dft_2d
from .ambiguity import grid_directions, near
from .lags import lag_matrix, resolve_lags
from .model import DirectionModel
from .protocol import Protocol

# Pairs of directions are all tried up to this many places: 32640 pairs, 33 MB at 4 x 4 elements.
_PLACES_OF_PAIRS = 256
# Sources closer than a third of a main lobe make nearly the same energies.
_LEAST_SEPARATION = 1 / 3
# Two pairs whose places lie this close, in main lobes, mostly lead up the same hill.
_SAME_HILL = 0.6


class Scan(eqx.Module):
    """The grid of a model, and the fields that a source at each place makes.

    Where energies determine all lags of the incident field, they are first turned into those of
    the smallest DFT that does so as well: fewer numbers, and nothing lost.
    """

    model: DirectionModel
    compression: Float[Array, "fewer measurements"]
    grid_rad: Float[Array, "grid 2"]
    fields: Complex[Array, "grid fewer"]

    @classmethod
    def of(cls, model: DirectionModel) -> Self:
        """A grid of four places for every column by four for every row."""
        seen, compression = _compressed(model)
        grid_rad = grid_directions(model)
        return cls(seen, compression, grid_rad, seen.field(grid_rad).reshape(len(grid_rad), -1))

    def compressed(self, energies: Float[Array, "snapshots probes"]) -> Float[Array, " fewer"]:
        """The energies that the other methods take."""
        return self.compression @ energies.reshape(-1)

    def added(
        self, energies: Float[Array, " fewer"], psi_rad: Float[Array, "sources 2"]
    ) -> Float[Array, "more 2"]:
        """The sources and the one that explains most of what they leave."""
        return jnp.concatenate([psi_rad, self._best_place(energies, psi_rad)[None]])

    def relaxed(
        self, energies: Float[Array, " fewer"], psi_rad: Float[Array, "sources 2"]
    ) -> Float[Array, "sources 2"]:
        """Every source in turn at its best place of the grid given the others."""
        for source in range(len(psi_rad)):
            others = jnp.delete(psi_rad, source, axis=0)
            psi_rad = psi_rad.at[source].set(self._best_place(energies, others))
        return psi_rad

    def amplitudes(
        self, energies: Float[Array, " fewer"], psi_rad: Float[Array, "sources 2"]
    ) -> Complex[Array, " sources"]:
        """Complex amplitudes of sources in given directions, up to a common phase."""
        sources = len(psi_rad)
        fields = self.model.field(psi_rad).reshape(sources, -1)
        columns = _products(fields)
        gram, right = columns @ columns.T, columns @ energies
        products = _solve(gram, right)
        pairs = jnp.triu_indices(sources, 1)
        upper = jax.lax.complex(
            products[sources : sources + len(pairs[0])], products[sources + len(pairs[0]) :]
        )
        matrix = jnp.diag(products[:sources]).astype(upper.dtype).at[pairs].set(upper)
        largest, vector = dominant(jnp.triu(matrix) + jnp.conj(jnp.triu(matrix, 1)).T)
        power = jnp.maximum(largest, 1e-12 * jnp.mean(jnp.abs(energies)))
        # Products that the energies hardly determine may be far too large: the sum is not.
        roots = jnp.sqrt(jnp.maximum(energies, 0))
        modulus = jnp.abs(jnp.tensordot(jnp.sqrt(power) * vector, fields, axes=1))
        return (roots @ modulus) / (modulus @ modulus) * jnp.sqrt(power) * vector

    def _best_place(self, energies: Array, others: Array) -> Float[Array, "2"]:
        """The place that leaves least with the others held; never upon one of them."""
        held = self.model.field(others).reshape(len(others), -1)

        def explained(field: Complex[Array, " measurements"]) -> Float[Array, ""]:
            columns = _products(jnp.concatenate([held, field[None]]))
            right = columns @ energies
            return right @ _solve(columns @ columns.T, right)

        gains = jax.vmap(explained)(self.fields)
        return self.grid_rad[jnp.argmax(jnp.where(self._taken(others), -jnp.inf, gains))]

    def _taken(self, others: Float[Array, "sources 2"]) -> Bool[Array, " grid"]:
        """Places closer than a third of a main lobe to one of the sources."""
        taken = jnp.zeros(len(self.grid_rad), bool)
        for psi_rad in others:
            taken |= near(self.model, self.grid_rad - psi_rad, _LEAST_SEPARATION)
        return taken


class PairTable(eqx.Module):
    """All pairs of places, each with an orthonormal basis of the energies that it explains."""

    model: DirectionModel
    places_rad: Float[Array, "pairs 2 2"]
    bases: Float[Array, "pairs 4 fewer"]

    @classmethod
    def of(cls, scan: Scan) -> "PairTable | None":
        """The table, on a coarser grid for more elements; none where it would be too large."""
        per_element = [n for n in (4, 3, 2) if n * n * scan.model.elements <= _PLACES_OF_PAIRS]
        if not per_element:
            return None
        grid_rad = grid_directions(scan.model, per_element[0])
        fields = scan.model.field(grid_rad).reshape(len(grid_rad), -1)
        first, second = np.triu_indices(len(grid_rad), 1)
        apart = ~np.asarray(near(scan.model, grid_rad[first] - grid_rad[second], _LEAST_SEPARATION))
        first, second = first[apart], second[apart]
        columns = jax.vmap(_products)(jnp.stack([fields[first], fields[second]], axis=1))
        bases = np.linalg.qr(np.swapaxes(columns, 1, 2))[0]
        places_rad = jnp.stack([grid_rad[first], grid_rad[second]], axis=1)
        flat = jnp.asarray(np.swapaxes(bases, 1, 2), jnp.float32)
        return cls(scan.model, places_rad, flat)

    def best(self, energies: Float[Array, " fewer"], count: int) -> Float[Array, "count 2 2"]:
        """The pairs that explain most, no two of them on the same hill."""
        shares = jnp.tensordot(self.bases, energies.astype(jnp.float32), axes=1)

        def take(explained: Array, _: None) -> tuple[Array, Array]:
            pair = self.places_rad[jnp.argmax(explained)]
            alike = self._is_near(pair) | self._is_near(pair[::-1])
            return jnp.where(alike, -jnp.inf, explained), pair

        return jax.lax.scan(take, jnp.sum(shares**2, axis=1), length=count)[1]

    def _is_near(self, pair_rad: Float[Array, "2 2"]) -> Bool[Array, " pairs"]:
        return jnp.all(near(self.model, self.places_rad - pair_rad, _SAME_HILL), axis=1)


def _compressed(
    model: DirectionModel,
) -> tuple[DirectionModel, Float[Array, "fewer measurements"]]:
    """A model with fewer measurements, and the linear map from energies to its energies."""
    inverse, resolved, _ = resolve_lags(model)
    measurements = model.snapshots * model.probes
    smallest = DirectionModel.of_stack(
        dft_2d(model.columns, model.rows), Protocol(model.columns, model.rows, 2, 2)
    )
    if not resolved.all() or measurements <= smallest.snapshots * smallest.probes:
        return model, jnp.eye(measurements)
    return smallest, jnp.asarray(lag_matrix(smallest)[0] @ inverse)


def _products(
    fields: Complex[Array, "sources measurements"],
) -> Float[Array, "columns measurements"]:
    """Energies per unit power of each source, then of real and imaginary parts of α_s α_t*."""
    first, second = jnp.triu_indices(len(fields), 1)
    mutual = 2 * fields[first] * jnp.conj(fields[second])
    powers = fields.real**2 + fields.imag**2
    return jnp.concatenate([powers, mutual.real, -mutual.imag])


def _solve(gram: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
    """Least squares with a ridge far below the noise, for places that nearly coincide."""
    ridge = 1e-9 * jnp.trace(gram) / len(gram)
    return solved(gram + ridge * jnp.eye(len(gram)), right)
