"""How much memory a design needs, said before it is taken."""

from itertools import pairwise

from ..errors import require
from ..memory import machine_bytes
from ..precision import in_float64
from ..propagation import FourierHop, fastest_kind
from ..stack import Stack, geometry_key
from .coordinate import CoordinateDescent
from .levenberg_marquardt import DualCholesky, LevenbergMarquardt, solver_for
from .method import Method

_COMPLEX_BYTES = 16
# Copies of its largest array that a method holds at once, measured with the peak of a process.
_WORKING_COPIES = 4


def required_bytes(stack: Stack, method: Method) -> int:
    """Estimated peak memory of running `method` on `stack` in double precision."""
    inputs, receivers = stack.input_array.size, stack.receiver_array.size
    layers, atoms = stack.phases_shape
    fields = layers * atoms * (inputs + receivers) * _COMPLEX_BYTES
    if isinstance(method, LevenbergMarquardt):
        solver = method.solver or solver_for(inputs * receivers)
        if isinstance(solver, DualCholesky):
            fields += inputs * receivers * layers * atoms * _COMPLEX_BYTES
    if isinstance(method, CoordinateDescent):
        choices = len(stack.atoms.settings_rad) * layers * atoms
        fields += (atoms**2 + choices) * _COMPLEX_BYTES
    together = method.starts_together
    return _hops_bytes(stack) + _WORKING_COPIES * fields * together


def check_memory(stack: Stack, method: Method) -> None:
    """Refuse a design that cannot fit.

    Raises:
        InputError: the estimate exceeds this machine's memory.
    """
    needed, present = required_bytes(stack, method), machine_bytes()
    layers, atoms = stack.phases_shape
    require(
        needed <= present,
        f"The design must fit in memory ({present / 1e9:.1f} GB), but {layers} layers of {atoms} "
        f"atoms need about {needed / 1e9:.1f} GB; use fewer atoms, or equal grids so that "
        "hops go by FFT.",
    )


@in_float64
def _hops_bytes(stack: Stack) -> int:
    """Memory of all hops while they are built; an FFT hop holds next to nothing."""
    pairs = {geometry_key(*pair): pair for pair in pairwise(stack.planes)}
    matrices = [
        pair for pair in pairs.values() if fastest_kind(*pair, stack.model) is not FourierHop
    ]
    entries = sum(start.array.size * end.array.size for start, end in matrices)
    return _WORKING_COPIES * entries * _COMPLEX_BYTES
