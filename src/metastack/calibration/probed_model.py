"""Pilots and probes as one problem of least squares.

Readings, divided by their deviation, stand behind the pilots in one column, so that whatever is
fitted to pilots is fitted to both; pilots keep their unknown complex gains, every probe has a real
one of its own.

Source: ours.
"""

from collections.abc import Sequence
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..stack import Stack
from .gains import GainPerPort, Gains
from .illumination import Illumination
from .pilot_model import PoseModel
from .pilots import PilotPlan
from .probes import PowerProbes, noise_of, probe_powers, reading_information, reading_variance
from .unknowns import Unknowns


class ProbedModel(eqx.Module):
    """Pilots of every slot, then readings in units in which their noise is that of pilots.

    Everything is one column, entries x 1 x 1; readings have no imaginary part. `weight` multiplies
    every reading.
    """

    pilots: PoseModel
    probes: tuple[PowerProbes, ...]
    weight: Float[AnyArray, "slots probes users"]

    @classmethod
    def of(
        cls,
        unknowns: Unknowns,
        plan: PilotPlan,
        probes: Sequence[PowerProbes],
        *,
        values: Float[AnyArray, " unknowns"],
        noise_variance: float,
        scale: Float[AnyArray, " probes"],
    ) -> Self:
        """The model that is fitted: readings have the variance that these values lead to.

        `noise_variance`: of one pilot. `scale`: of every probe.
        """
        pilots = PoseModel.of(unknowns, plan)
        stack, illumination = unknowns.applied(jnp.asarray(values))
        powers = probe_powers(stack, illumination, pilots.transmission, probes)
        means = np.asarray(scale)[:, None] * np.asarray(powers)
        # A pilot's real part has half of its noise; a reading has real parts only.
        weight = np.sqrt(noise_variance / 2 / reading_variance(means, noise_of(probes)))
        return cls(pilots, tuple(probes), weight)

    @classmethod
    def as_told(
        cls,
        unknowns: Unknowns,
        plan: PilotPlan,
        probes: Sequence[PowerProbes],
        *,
        noise_variance: float,
    ) -> Self:
        """The model that bounds are of: readings weigh what their own law lets them tell.

        At nominal, of probes that make 1 of power.
        """
        pilots = PoseModel.of(unknowns, plan)
        powers = probe_powers(unknowns.stack, plan.illumination, pilots.transmission, probes)
        told = reading_information(powers, noise_of(probes))
        return cls(pilots, tuple(probes), np.sqrt(noise_variance / 2 * told))

    def predict(self, values: Float[Array, " unknowns"]) -> Complex[Array, "entries 1 1"]:
        """Noiseless pilots and readings at unit gain."""
        return self.column(self.pilots.predict(values), self.powers(values))

    def linearise(
        self, values: Float[Array, " unknowns"]
    ) -> tuple[Complex[Array, "entries 1 1"], Complex[Array, "entries 1 1 unknowns"]]:
        """Pilots, readings and their derivatives."""
        y, slopes = self.pilots.linearise(values)
        along = jnp.eye(values.size)
        moved = jax.vmap(lambda each: jax.jvp(self.powers, (values,), (each,))[1])(along)
        columns = jax.vmap(self.column)(jnp.moveaxis(slopes, -1, 0), moved)
        return self.column(y, self.powers(values)), jnp.moveaxis(columns, 0, -1)

    def applied(self, values: Float[Array, " unknowns"]) -> tuple[Stack, Illumination]:
        """The stack and its users with these values."""
        return self.pilots.applied(values)

    def column(
        self,
        pilots: Complex[Array, "slots antennas users"],
        readings: Float[Array, "slots probes users"],
    ) -> Complex[Array, "entries 1 1"]:
        """Pilots above weighted readings."""
        weighted = (self.weight * readings).astype(pilots.dtype)
        return jnp.concatenate([pilots.ravel(), weighted.ravel()])[:, None, None]

    def powers(self, values: Float[Array, " unknowns"]) -> Float[Array, "slots probes users"]:
        """Noiseless readings at unit scale, not weighted."""
        stack, illumination = self.pilots.applied(values)
        return probe_powers(stack, illumination, self.pilots.transmission, self.probes)


class ProbedGains(eqx.Module):
    """Unknown complex gains of pilots as they are, and a real one for every probe."""

    sentence: ClassVar = "gains of pilots and probes"

    pilots: Gains
    pilots_shape: tuple[int, int, int] = eqx.field(static=True)
    readings_shape: tuple[int, int, int] = eqx.field(static=True)

    def count(self, shape: tuple[int, ...]) -> int:
        """How many unknown gains there are."""
        return self.pilots.count(self.pilots_shape) + self.readings_shape[1]

    def fitted(
        self, model: Complex[Array, "entries 1 1"], measured: Complex[Array, "entries 1 1"]
    ) -> Complex[Array, "entries 1 1"]:
        """The gain of every entry that brings the model nearest, by least squares."""
        (y, e), (measured_y, measured_e) = self.split(model), self.split(measured)
        gains = self.pilots.fitted(y, measured_y), self._of_probes.fitted(e, measured_e)
        return self._joined(*map(jnp.broadcast_to, gains, (y.shape, e.shape)))

    def projected(
        self,
        model: Complex[Array, "entries 1 1"],
        derivative: Complex[Array, "entries 1 1 *more"],
    ) -> Complex[Array, "entries 1 1 *more"]:
        """What the gains leave of derivatives of the model."""
        (y, e), (along_y, along_e) = self.split(model), self.split(derivative)
        left_e = self._of_probes.projected(e, along_e)
        return self._joined(self.pilots.projected(y, along_y), left_e)

    def split(
        self, column: Complex[Array, "entries 1 1 *more"]
    ) -> tuple[Complex[Array, "slots antennas users *more"], Complex[Array, "rows probes 1 *more"]]:
        """Pilots, and readings with users and slots on one axis."""
        more = column.shape[3:]
        pilots, readings = jnp.split(column[:, 0, 0], [int(np.prod(self.pilots_shape))])
        by_probe = jnp.swapaxes(readings.reshape(*self.readings_shape, *more), 1, 2)
        rows = by_probe.reshape(-1, self.readings_shape[1], 1, *more)
        return pilots.reshape(*self.pilots_shape, *more), rows

    def _joined(
        self,
        pilots: Complex[Array, "slots antennas users *more"],
        rows: Complex[Array, "rows probes 1 *more"],
    ) -> Complex[Array, "entries 1 1 *more"]:
        more, (slots, probes, users) = pilots.shape[3:], self.readings_shape
        readings = jnp.swapaxes(rows.reshape(slots, users, probes, *more), 1, 2)
        parts = pilots.reshape(-1, *more), readings.reshape(-1, *more)
        return jnp.concatenate(parts)[:, None, None]

    @property
    def _of_probes(self) -> GainPerPort:
        """Readings have no imaginary part, and so their gains have none."""
        return GainPerPort()
