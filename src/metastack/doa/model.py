"""What a far source puts on every detector: the one model behind estimators and bounds.

A detector adds the fields of all elements of the input layer with its own complex weights, which
differ from snapshot to snapshot: h = (row of the response) × (phases of the input layer). A
source of power ρ in direction ψ then gives the field √ρ h·a(ψ) and the energy ρ |h·a(ψ)|².
A stack, a digital array and a larger array in one snapshot differ in their weights only.

Source: DOA paper, eq. (15), (25); the separation of weights and direction is ours.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..geometry import column_and_row
from .protocol import Protocol


class DirectionModel(eqx.Module):
    """Weights of all detectors in all snapshots, on an array of `columns` x `rows` elements.

    Directions are pairs of electrical angles (ψ_x, ψ_y) on the last axis.
    """

    weights: Complex[AnyArray, "snapshots probes elements"]
    columns: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)

    @classmethod
    def of_stack(cls, response: Complex[AnyArray, "probes elements"], protocol: Protocol) -> Self:
        """A stack with this response, switched as the protocol says.

        Raises:
            InputError: `response` has not one column an element, or is not finite.
        """
        return cls.of_patterns(
            response, protocol.input_phases_rad, columns=protocol.columns, rows=protocol.rows
        )

    @classmethod
    def of_patterns(
        cls,
        response: Complex[AnyArray, "probes elements"],
        input_phases_rad: Float[AnyArray, "snapshots inputs"],
        *,
        columns: int,
        rows: int,
    ) -> Self:
        """A stack whose input layer shows any phases, one pattern a snapshot.

        Raises:
            InputError: shapes that do not fit, or values that are not finite.
        """
        G, phases = np.asarray(response, complex), np.asarray(input_phases_rad, float)
        for name, array in (("response", G), ("input_phases_rad", phases)):
            require(
                array.ndim == 2 and array.shape[1] == columns * rows,
                f"`{name}` must have one column for each of the {columns} x {rows} elements, "
                f"but has shape {array.shape}.",
            )
            require(
                bool(np.isfinite(array).all()), f"`{name}` must be finite, but has NaN or infinity."
            )
        require(bool(G.any()), "`response` must let something through, but is all zero.")
        return cls(G * np.exp(1j * phases)[:, None, :], columns, rows)

    @classmethod
    def of_array(cls, columns: int, rows: int, *, snapshots: int = 1) -> Self:
        """A digital array: every element has a receiver of its own, in every snapshot."""
        return cls(np.tile(np.eye(columns * rows, dtype=complex), (snapshots, 1, 1)), columns, rows)

    @property
    def snapshots(self) -> int:
        """Number of snapshots, T."""
        return self.weights.shape[0]

    @property
    def probes(self) -> int:
        """Number of detectors."""
        return self.weights.shape[1]

    @property
    def elements(self) -> int:
        """Number of elements of the input layer, N."""
        return self.columns * self.rows

    def steering(self, psi_rad: Float[Array, "*batch 2"]) -> Complex[Array, "*batch elements"]:
        """Field on the elements from a unit source, eq. (3)-(5)."""
        return jnp.exp(1j * (psi_rad @ self._indices(psi_rad.dtype)))

    def field(self, psi_rad: Float[Array, "*batch 2"]) -> Complex[Array, "*batch snapshots probes"]:
        """Field on the detectors from a unit source, without noise."""
        return self._detect(self.steering(psi_rad))

    def field_and_slopes(
        self, psi_rad: Float[Array, "*batch 2"]
    ) -> tuple[
        Complex[Array, "*batch snapshots probes"],
        Complex[Array, "*batch snapshots probes"],
        Complex[Array, "*batch snapshots probes"],
    ]:
        """The field and its derivatives with respect to ψ_x and ψ_y."""
        a = self.steering(psi_rad)
        column, row = self._indices(psi_rad.dtype)
        return self._detect(a), self._detect(1j * column * a), self._detect(1j * row * a)

    def energies(
        self, psi_rad: Float[Array, "*batch 2"]
    ) -> Float[Array, "*batch snapshots probes"]:
        """Energy on the detectors from a unit source, without noise."""
        field = self.field(psi_rad)
        return field.real**2 + field.imag**2

    def _detect(
        self, aperture: Complex[Array, "*batch elements"]
    ) -> Complex[Array, "*batch snapshots probes"]:
        weights = jnp.asarray(self.weights).reshape(-1, self.elements).T
        # Four real products: XLA's complex one takes four times as long.
        parts = jnp.concatenate([aperture.real, aperture.imag], axis=-1)
        flat = jax.lax.complex(
            parts @ jnp.concatenate([weights.real, -weights.imag]),
            parts @ jnp.concatenate([weights.imag, weights.real]),
        )
        return flat.reshape(*aperture.shape[:-1], self.snapshots, self.probes)

    def _indices(self, dtype: jnp.dtype) -> Float[Array, "2 elements"]:
        return jnp.asarray(np.stack(column_and_row(self.columns, self.rows)), dtype)
