"""Whether a stack could make a target at all, before anybody waits for a design."""

from jaxtyping import Complex
from numpy import ndarray
from numpy.linalg import matrix_rank

from ..errors import require
from ..stack import Stack


def check_rank(stack: Stack, target: Complex[ndarray, "receivers inputs"]) -> None:
    """Refuse a target of higher rank than the stack's layers can pass.

    A response is a product of matrices, so that its rank is at most the number of atoms of a
    layer. Source: DOA paper, Theorem 1.

    Raises:
        InputError: the target's rank is higher than the number of atoms of a layer.
    """
    rank, atoms = int(matrix_rank(target)), stack.layer_array.size
    require(
        rank <= atoms,
        f"`layers` must have at least as many atoms a layer as the rank of the target, {rank}, "
        f"but have {atoms}: no phases can make it (Theorem 1 of the DOA paper).",
    )
