"""A stack as the front end of a radio: which of its planes meets the air, and what stands behind.

A system needs no code of its own for propagation. The air is one more hop: users are the
receivers of a transmitting stack whose last hop is their channel, and two stacks with the air
between them are one stack with more layers. Whatever designs phases for a stack so designs them
for a link.

Source: calibration paper, Table I, [1] and [8]; DOA paper, conclusions, for the reversed stack.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..atoms import Atoms
from ..design import ProgrammedChain
from ..errors import require
from ..precision import in_float64
from ..propagation import Chain, DenseHop, Hop
from ..propagation.dense import real_weights
from ..stack import Stack, hops
from .atoms_in_series import AtomsInSeries


class Transmitter(eqx.Module):
    """Antennas feed the stack, the last of `hops` reaches the plane that radiates.

    `after`: from the last layer's atoms to the elements that radiate; None where they are the same.
    `positions_m`: of the elements that radiate, in the frame of the stack.
    """

    hops: tuple[Hop, ...]
    atoms: Atoms
    positions_m: Float[AnyArray, "elements 3"]
    layer_atoms: int = eqx.field(static=True)
    after: Complex[Array, "elements atoms"] | None = None

    @classmethod
    @in_float64
    def of(cls, stack: Stack) -> Self:
        """The input layer's elements are antennas; the last programmable layer radiates.

        The stack's receivers are not used.
        """
        positions_m = np.asarray(stack.planes[-2].positions_m)
        return cls(tuple(hops(stack))[:-1], stack.atoms, positions_m, stack.layer_array.size)

    @classmethod
    @in_float64
    def reversed(cls, stack: Stack) -> Self:
        """A stack that reads directions, fed at its receivers: its input layer radiates.

        By reciprocity its response is the transposed one, so that a stack that sorts waves by
        direction sends every stream in a direction of its own. Layers count in the order in which
        the wave now meets them: turn a design's phases round, `phases_rad[::-1]`.
        """
        back = [_transposed(hop) for hop in reversed(tuple(hops(stack)))]
        positions_m = np.asarray(stack.planes[0].positions_m)
        return cls(
            tuple(back[:-1]),
            _Reversed(stack.atoms),
            positions_m,
            stack.layer_array.size,
            matrix_of(back[-1]),
        )

    @in_float64
    def to(self, channel: Complex[AnyArray, "users elements"]) -> ProgrammedChain:
        """Everything from the antennas to the users.

        Raises:
            InputError: a channel from another number of elements.
        """
        channel = jnp.asarray(channel)
        _check_elements(channel.shape[1], len(self.positions_m), "leave the stack at")
        air = channel if self.after is None else channel @ self.after
        chain = Chain.of([*self.hops, _as_hop(air)])
        return ProgrammedChain(chain, self.atoms, self.layer_atoms)


class Receiver(eqx.Module):
    """The wave meets the first programmable layer; the stack's receivers are antennas.

    `positions_m`: of the first layer's atoms, in the frame of the stack.
    """

    hops: tuple[Hop, ...]
    atoms: Atoms
    positions_m: Float[AnyArray, "elements 3"]

    @classmethod
    @in_float64
    def of(cls, stack: Stack) -> Self:
        """The stack's input layer is not used: the wave comes from the air."""
        positions_m = np.asarray(stack.planes[1].positions_m)
        return cls(tuple(hops(stack))[1:], stack.atoms, positions_m)

    @in_float64
    def behind(self, channel: Complex[AnyArray, "elements users"]) -> ProgrammedChain:
        """Everything from the users to the antennas.

        Raises:
            InputError: a channel to another number of elements.
        """
        channel = jnp.asarray(channel)
        _check_elements(channel.shape[0], len(self.positions_m), "meet the stack at")
        chain = Chain.of([_as_hop(channel), *self.hops])
        return ProgrammedChain(chain, self.atoms, len(self.positions_m))


@in_float64
def linked(
    transmitter: Transmitter, channel: Complex[AnyArray, "to from"], receiver: Receiver
) -> ProgrammedChain:
    """Two stacks with the air between them: the layers of the transmitting one come first.

    Layers of different size are filled up with atoms that nothing reaches.

    Raises:
        InputError: a channel between other numbers of elements.
    """
    channel = jnp.asarray(channel)
    _check_elements(channel.shape[1], len(transmitter.positions_m), "leave the stack at")
    _check_elements(channel.shape[0], len(receiver.positions_m), "meet the stack at")
    air = channel if transmitter.after is None else channel @ transmitter.after
    sizes = transmitter.layer_atoms, len(receiver.positions_m)
    size = max(sizes)
    parts = (
        [_filled(hop, None if k == 0 else size, size) for k, hop in enumerate(transmitter.hops)],
        [_filled(_as_hop(air), size, size)],
        [
            _filled(hop, size, None if k == len(receiver.hops) - 1 else size)
            for k, hop in enumerate(receiver.hops)
        ],
    )
    layers = len(transmitter.hops), len(receiver.hops)
    atoms = AtomsInSeries((transmitter.atoms, receiver.atoms), layers, sizes)
    return ProgrammedChain(Chain.of([hop for part in parts for hop in part]), atoms, size)


class _Reversed(eqx.Module):
    """The same atoms, met in the opposite order of layers; phases in the order of the wave."""

    base: Atoms

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        return jnp.flip(self.base(jnp.flip(phase_rad, -2)), -2)

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        return self.base.settings_rad

    @property
    def is_smooth(self) -> bool:
        return self.base.is_smooth


def matrix_of(hop: Hop) -> Complex[Array, "to from"]:
    """The whole matrix of a hop."""
    return hop(jnp.eye(hop.from_size, dtype=complex)).T


def _as_hop(matrix: Complex[Array, "to from"]) -> DenseHop:
    return DenseHop(real_weights(matrix))


def _transposed(hop: Hop) -> DenseHop:
    return _as_hop(matrix_of(hop).T)


def _filled(hop: Hop, from_size: int | None, to_size: int | None) -> Hop:
    """The hop with elements that nothing reaches, so that a plane has the given size."""
    shape = jax.eval_shape(matrix_of, hop).shape
    wanted = to_size or shape[0], from_size or shape[1]
    if wanted == shape:
        return hop
    matrix = jnp.zeros(wanted, complex).at[: shape[0], : shape[1]].set(matrix_of(hop))
    return _as_hop(matrix)


def _check_elements(given: int, elements: int, where: str) -> None:
    require(
        given == elements,
        f"A channel must {where} its {elements} elements, but has {given} on that side.",
    )
