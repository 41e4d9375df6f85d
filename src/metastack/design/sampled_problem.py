"""The same fit on many built stacks at once: the expected error of one set of phases.

The stacks are drawn once and kept, so that the error is a smooth function of the phases that a
method can follow down. Phases fit the stacks that were drawn better than those that were not:
judge them on others.
"""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Key

from ..errors import require
from ..imperfections import Imperfections, built
from ..memory import machine_bytes
from ..stack import Stack, hops
from .problem import Problem, Scale, loss

# One for the stacks, and what is at work beside them, measured with the peak of a process.
_WORKING_COPIES = 1.5
_FLOAT_BYTES = 8


class SampledProblem(eqx.Module):
    """One problem a built stack, all leaves side by side along a first axis."""

    problems: Problem

    def error(self, phases_rad: Float[Array, "layers atoms"]) -> Float[Array, ""]:
        """Mean over the stacks of the NMSE at each one's own scale, linear."""
        # One after the other: batched products of small matrices are slower.
        return jnp.mean(jax.lax.map(lambda problem: loss(problem, phases_rad), self.problems))


@jax.jit
def sampled_problem(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    keys: Key[Array, " samples"],
) -> SampledProblem:
    """The problem of the stacks that the keys build."""
    return SampledProblem(
        jax.lax.map(lambda key: _built_problem(stack, target, scale, imperfections, key), keys)
    )


@jax.jit
def sampled_errors(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    keys: Key[Array, " samples"],
    phases_rad: Float[Array, "layers atoms"],
) -> Float[Array, " samples"]:
    """The error of each stack that the keys build, without keeping the stacks."""
    return jax.lax.map(
        lambda key: loss(_built_problem(stack, target, scale, imperfections, key), phases_rad), keys
    )


def _built_problem(
    stack: Stack,
    target: Complex[Array, "to from"],
    scale: Scale,
    imperfections: Imperfections,
    key: Key[Array, ""],
) -> Problem:
    made = built(stack, imperfections, key)
    return Problem(hops(made), made.atoms, target, scale)


def check_samples_fit(stack: Stack, samples: int) -> None:
    """Refuse more stacks than could be held.

    Raises:
        InputError: the estimate exceeds this machine's memory.
    """
    needed, present = _required_bytes(stack, samples), machine_bytes()
    layers, atoms = stack.phases_shape
    require(
        needed <= present,
        f"The built stacks must fit in memory ({present / 1e9:.1f} GB), but {samples} of {layers} "
        f"layers of {atoms} atoms need about {needed / 1e9:.1f} GB; use fewer samples.",
    )


def _required_bytes(stack: Stack, samples: int) -> float:
    """A displaced hop is a whole matrix; the phases have a system of equations of their own."""
    entries = sum(start.array.size * end.array.size for start, end in pairwise(stack.planes))
    layers, atoms = stack.phases_shape
    ports = stack.input_array.size + stack.receiver_array.size
    hops_and_fields = samples * 2 * (entries + ports * layers * atoms)
    return _FLOAT_BYTES * (_WORKING_COPIES * hops_and_fields + 3 * (layers * atoms) ** 2)
