"""A device as a network: everything that is not programmable, seen from its ports.

Ports are, in this order, the feeds; of every programmable layer the ports on the side of the feeds
and those on the other side; the receivers. What is programmed connects the two sides of a layer.

The whole is solved at once (`Device.response`), with every coupling there is, also past layers. If
coupling past layers is left out (`Device.cascade`), gaps are networks in a row, and the wave is
followed from the receivers back to the feeds, layer by layer (`Cascade.response`): per layer one
solution of the size of a layer, exact with all reflections.

Source: calibration paper, [7], multiport model; DESIGN.md, Calibration.
"""

from itertools import accumulate, pairwise, starmap

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Complex

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .network import PortNetwork
from .redheffer import TwoSided
from .scatterers import Scatterers


class Cascade(eqx.Module):
    """Gaps in a row, the first with the feeds on its left, the last with the receivers right."""

    gaps: tuple[TwoSided, ...]

    @in_float64
    def response(self, layers: Scatterers) -> Complex[Array, "*batch receivers feeds"]:
        """What receivers get for a unit wave from each feed, with all reflections, batched.

        From the receivers back: `seen` is what a gap sees on its right, `through` what becomes of
        it at the receivers.
        """
        last = self.gaps[-1]
        seen, through = jnp.asarray(last.left_reflection), jnp.asarray(last.to_right)
        for layer, gap in zip(reversed(range(layers.many)), reversed(self.gaps[:-1]), strict=True):
            seen, through = layers.at(layer).in_front_of(seen, through)
            seen, through = _gap_in_front_of(gap, seen, through)
        return through

    @in_float64
    def without_reflections(self) -> "Cascade":
        """The unilateral one: waves cross every gap once, as in a product of matrices."""
        return Cascade(tuple(map(_one_way, self.gaps)))

    @in_float64
    def device(self) -> "Device":
        """The same as one network, of which ports past a layer do not couple."""
        first, last = self.gaps[0].to_right, self.gaps[-1].to_right
        layers, (atoms, feeds) = len(self.gaps) - 1, first.shape
        ports = feeds + 2 * layers * atoms + len(last)
        S = jnp.zeros((ports, ports), complex)
        places = _places(feeds, layers, atoms, len(last))
        for (left, right), gap in zip(places, self.gaps, strict=True):
            S = S.at[left.start : right.stop, left.start : right.stop].set(gap.scattering)
        return Device(S, feeds, layers, atoms)


class Device(eqx.Module):
    """A port network whose ports are feeds, layers and receivers. Make one with `Device.of`."""

    scattering: Complex[AnyArray, "ports ports"]
    feeds: int = eqx.field(static=True)
    layers: int = eqx.field(static=True)
    atoms: int = eqx.field(static=True)

    @classmethod
    def of(cls, network: PortNetwork, *, feeds: int, layers: int, atoms: int) -> "Device":
        """A network of which so many ports are feeds, and 2 x `layers` x `atoms` are of layers.

        Raises:
            InputError: counts that leave no receiver, or are none.
        """
        for name, many in (("feeds", feeds), ("layers", layers), ("atoms", atoms)):
            require(many >= 1, f"`{name}` must be at least 1, but are {many}.")
        receivers = network.ports - feeds - 2 * layers * atoms
        require(
            receivers >= 1,
            f"A device of {feeds} feeds and {layers} layers of {atoms} atoms must have more than "
            f"{feeds + 2 * layers * atoms} ports, but the network has {network.ports}.",
        )
        return cls(network.scattering, feeds, layers, atoms)

    @property
    def receivers(self) -> int:
        """Number of receivers."""
        return self.scattering.shape[-1] - self.feeds - 2 * self.layers * self.atoms

    @property
    def inner(self) -> slice:
        """The ports of all layers."""
        return slice(self.feeds, self.feeds + 2 * self.layers * self.atoms)

    @in_float64
    def response(self, layers: Scatterers) -> Complex[Array, "*batch receivers feeds"]:
        """What receivers get for a unit wave from each feed, with every coupling, batched.

        H = S_RT + S_RS Γ (1 - S_SS Γ)⁻¹ S_ST.
        """
        S, inner, last = jnp.asarray(self.scattering), self.inner, self.inner.stop
        gamma = layers.matrix()
        unknown = jnp.eye(inner.stop - inner.start) - S[inner, inner] @ gamma
        feeds = jnp.broadcast_to(S[inner, : self.feeds], (*gamma.shape[:-1], self.feeds))
        waves = gamma @ jnp.linalg.solve(unknown, feeds)
        return S[last:, : self.feeds] + S[last:, inner] @ waves

    @in_float64
    def cascade(self) -> Cascade:
        """The gaps alone: what couples past a layer is left out."""
        S = jnp.asarray(self.scattering)
        places = _places(self.feeds, self.layers, self.atoms, self.receivers)
        return Cascade(tuple(_between(S, left, right) for left, right in places))


def _places(feeds: int, layers: int, atoms: int, receivers: int) -> list[tuple[slice, slice]]:
    """The ports on both sides of every gap."""
    ends = list(accumulate([feeds, *[atoms] * (2 * layers), receivers], initial=0))
    sides = list(starmap(slice, pairwise(ends)))
    return list(zip(sides[::2], sides[1::2], strict=True))


def _between(S: Complex[Array, "ports ports"], left: slice, right: slice) -> TwoSided:
    return TwoSided(S[left, left], S[left, right], S[right, left], S[right, right])


def _gap_in_front_of(
    gap: TwoSided,
    seen: Complex[Array, "*#batch right right"],
    through: Complex[Array, "*#batch receivers right"],
) -> tuple[Complex[Array, "*#batch left left"], Complex[Array, "*#batch receivers left"]]:
    """What is seen through a gap, and what it becomes at the receivers, given both behind it."""
    between = jnp.eye(seen.shape[-1]) - gap.right_reflection @ seen
    arriving = jnp.linalg.solve(
        between, jnp.broadcast_to(gap.to_right, (*between.shape[:-1], gap.to_right.shape[-1]))
    )
    return gap.left_reflection + gap.to_left @ (seen @ arriving), through @ arriving


def _one_way(gap: TwoSided) -> TwoSided:
    nothing = [jnp.zeros_like(each) for each in (gap.left_reflection, gap.right_reflection)]
    return TwoSided(nothing[0], jnp.zeros_like(gap.to_left), gap.to_right, nothing[1])
