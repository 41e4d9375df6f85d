"""A network as it was measured: scattering over frequency, with a reference at every port."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from ..errors import InputError, require
from ..multiport.network import PortNetwork, renormalised
from .frequency_choice import at_frequencies, the_frequencies
from .time_convention import TimeConvention, Turning, settled_convention, turning


@dataclass(frozen=True, eq=False)
class NetworkSweep:
    """What a file says, in its own time convention; ports without names go by their numbers."""

    frequencies_hz: Float[np.ndarray, " frequencies"]
    scattering: Complex[np.ndarray, "frequencies ports ports"]
    references_ohm: Float[np.ndarray, " ports"]
    port_names: tuple[str, ...] = ()
    stated: TimeConvention | None = None

    @property
    def ports(self) -> int:
        """Number of ports."""
        return self.scattering.shape[1]

    @property
    def reciprocity_error(self) -> float:
        """The largest ‖S - Sᵀ‖ / ‖S‖ over frequencies."""
        S = self.scattering
        asymmetry = np.linalg.norm(S - np.swapaxes(S, 1, 2), axis=(1, 2))
        return float(np.max(asymmetry / np.maximum(np.linalg.norm(S, axis=(1, 2)), 1e-300)))

    @property
    def largest_gain(self) -> float:
        """The most power that comes out for unit power in, over frequencies."""
        return float(np.max(np.linalg.norm(self.scattering, 2, axis=(1, 2))) ** 2)

    @property
    def turning(self) -> Turning | None:
        """How transmissions turn with frequency; reflections tell less of delays."""
        between = ~np.eye(self.ports, dtype=bool)
        return turning(self.frequencies_hz, self.scattering[:, between])

    def in_order(self, order: Sequence[int | str]) -> "NetworkSweep":
        """Only these ports, in this order: numbers from 1, or names. Others are matched.

        Raises:
            InputError: a port that there is not, or twice.
        """
        places = [self._place(port) for port in order]
        require(
            len(places) > 0 and len(set(places)) == len(places),
            f"`order` must name ports once each, but is {', '.join(map(str, order)) or 'empty'}.",
        )
        names = tuple(self.port_names[place] for place in places) if self.port_names else ()
        return replace(
            self,
            scattering=self.scattering[:, places][:, :, places],
            references_ohm=self.references_ohm[places],
            port_names=names,
        )

    def at(
        self,
        frequency_hz: float | None = None,
        *,
        reference_ohm: float | None = None,
        convention: TimeConvention | None = None,
    ) -> PortNetwork:
        """The network at one frequency, in our time, with one reference: the first port's if none.

        Raises:
            InputError: a frequency outside the data, or none where there are several; phases that
                say that the file is in another convention than e^{+jωt} and nobody does.
        """
        wanted = [] if frequency_hz is None else [frequency_hz]
        (chosen,) = the_frequencies(self.frequencies_hz, wanted)
        flat = self.scattering.reshape(len(self.frequencies_hz), -1)
        (entries,) = at_frequencies(flat, self.frequencies_hz, [float(chosen)])
        S = self.convention(convention).to_ours(entries.reshape(self.ports, self.ports))
        reference = float(self.references_ohm[0]) if reference_ohm is None else reference_ohm
        require(
            bool(np.isfinite(reference) and reference > 0),
            f"`reference_ohm` must be positive, but is {reference}.",
        )
        if not np.all(self.references_ohm == reference):
            S = np.asarray(renormalised(S, self.references_ohm, reference))
        return PortNetwork.measured(S, reference, float(chosen))

    def convention(self, stated: TimeConvention | None = None) -> TimeConvention:
        """The convention to read by: as stated, as the file states, or e^{+jωt}.

        Raises:
            InputError: nobody states it, and phases rise with frequency.
        """
        turns = self.turning
        seen = None if turns is None else turns.convention
        return settled_convention(seen, stated or self.stated, turns)

    def _place(self, port: int | str) -> int:
        if isinstance(port, str) and port in self.port_names:
            return self.port_names.index(port)
        if isinstance(port, int) and 1 <= port <= self.ports:
            return port - 1
        known = f", or of {', '.join(self.port_names)}" if self.port_names else ""
        raise InputError(f"`order` must be of ports 1 to {self.ports}{known}, but names {port}.")
