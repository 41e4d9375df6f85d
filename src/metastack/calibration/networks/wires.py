"""A designed network that follows its poses as a model of its wires does.

The network is known, from a field solver or a bench, and its wires are known less well: how screens
are meshed and ports are fed is a solver's own affair. So the model tells differences: what wires
out of place add to its own impedances at rest is added to the designed ones. Ports of the model
carry one admittance more, that under which it resembles the designed network most: the charge about
a port, which is what solvers differ in.

Source: ours.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.optimize
from jaxtyping import Complex, Float

from ...errors import require
from ...multiport import (
    MovingWires,
    PortNetwork,
    impedance_from_scattering,
    scattering_from_impedance,
)


@dataclass(frozen=True, eq=False)
class MovingWireNetwork:
    """How a designed network follows values of motions; a `MovingNetwork`. Make with `of`."""

    designed_ohm: Complex[np.ndarray, "ports ports"]
    reference_ohm: float
    wires: MovingWires
    port_siemens: complex

    @classmethod
    def of(cls, designed: PortNetwork, wires: MovingWires) -> "MovingWireNetwork":
        """A network and its wires, whose ports are in the same order.

        Raises:
            InputError: another number of ports.
        """
        require(
            len(wires.at_rest) == designed.ports,
            f"Wires must have as many ports as the network, {designed.ports}, but have "
            f"{len(wires.at_rest)}.",
        )
        reference = float(designed.reference_ohm)
        Z = np.asarray(impedance_from_scattering(designed.scattering, reference))
        return cls(Z, reference, wires, _likeliest_admittance(Z, wires.at_rest))

    @property
    def size(self) -> int:
        """Number of motions."""
        return len(self.wires.motions)

    def with_slopes(
        self, values: Float[np.ndarray, " values"]
    ) -> tuple[Complex[np.ndarray, "ports ports"], Complex[np.ndarray, "values ports ports"]]:
        """Scattering with these values, and its derivatives, 2R (Z + R)⁻¹ dZ (Z + R)⁻¹."""
        R, unit = self.reference_ohm, np.eye(len(self.designed_ohm))
        bare, slopes_ohm = self.wires.with_slopes_ohm(values)
        shunted = np.linalg.inv(unit + self.port_siemens * bare)
        moved = self.designed_ohm + shunted @ bare - self._at_rest
        inverse = np.linalg.inv(moved + R * unit)
        slopes = 2 * R * (inverse @ shunted.T @ slopes_ohm @ shunted @ inverse)
        return np.asarray(scattering_from_impedance(moved, R)), slopes

    @property
    def mismatch(self) -> float:
        """How much the wires at rest differ from the designed network: ‖ΔZ‖/‖Z‖ off diagonal."""
        return _mismatch(self._at_rest, self.designed_ohm)

    @cached_property
    def _at_rest(self) -> Complex[np.ndarray, "ports ports"]:
        return _shunted(self.wires.at_rest, self.port_siemens)


def _shunted(Z: Complex[np.ndarray, "p p"], siemens: complex) -> Complex[np.ndarray, "p p"]:
    """Impedances of ports that all carry one more admittance, (Z⁻¹ + y)⁻¹."""
    return np.linalg.solve(np.eye(len(Z)) + siemens * Z, Z)


def _mismatch(Z: Complex[np.ndarray, "p p"], to: Complex[np.ndarray, "p p"]) -> float:
    off = ~np.eye(len(Z), dtype=bool)
    return float(np.linalg.norm((Z - to)[off]) / np.linalg.norm(to[off]))


def _likeliest_admittance(
    designed: Complex[np.ndarray, "p p"], model: Complex[np.ndarray, "p p"]
) -> complex:
    """Of least mismatch between different ports, to which self-impedances would only add noise."""
    scale = 1e3

    def mismatch(parts: Float[np.ndarray, "2"]) -> float:
        return _mismatch(_shunted(model, complex(*parts) / scale), designed)

    found = scipy.optimize.minimize(mismatch, np.zeros(2), method="Nelder-Mead")
    return complex(*found.x) / scale
