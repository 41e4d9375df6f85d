"""How far the interlayer models are apart on the hops of one stack.

Every formula is given elements of one cell of the layers; the stack's own model keeps its own
parameters, and the others are compared with it. A common complex factor on a matrix is no
difference: it is the insertion loss that tells it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from jaxtyping import Complex, Float

from ..errors import require
from ..geometry import Plane, distances
from ..multiport import WireDipoles
from ..precision import in_float64
from ..propagation import (
    GeometricRadar,
    InterlayerModel,
    MeasuredHops,
    NearField,
    RayleighSommerfeld,
    hop_matrix,
)
from ..stack import Stack, geometry_key
from ..targets import best_scale, decibels, insertion_loss_db, nmse

_MOST_ELEMENTS = 4096
_MOST_POINTS = 40
# In wavelengths: distances that differ by less are one.
_SAME_DISTANCE = 1e-6

# As stack files name them.
_NAMES: Mapping[type, str] = {
    RayleighSommerfeld: "rayleigh_sommerfeld",
    GeometricRadar: "radar",
    NearField: "near_field",
    WireDipoles: "dipoles",
    MeasuredHops: "measured",
}
# What every stack is compared with: add a model here.
_FORMULAS: Sequence[Callable[[float, float], InterlayerModel]] = (
    lambda area_m2, wavelength_m: RayleighSommerfeld(area_m2),
    GeometricRadar.of_area,
    lambda area_m2, wavelength_m: NearField(area_m2),
    WireDipoles.of_area,
)


@dataclass(frozen=True, eq=False)
class HopKind:
    """A hop of a stack, by the plane that it leaves, and how many others are just like it."""

    leaves: int
    alike: int
    start: Plane
    end: Plane

    @property
    def name(self) -> str:
        """Planes that it leaves and reaches."""
        return f"{self.leaves}-{self.leaves + 1}"

    @property
    def gap_m(self) -> float:
        """From centre to centre along the axis of the stack, metres."""
        start_m, end_m = (plane.z_m + plane.pose.dz_m for plane in (self.start, self.end))
        return float(end_m - start_m)


@dataclass(frozen=True)
class ModelOfHop:
    """What a model says of a hop, against the stack's own model.

    `difference_db`: ‖βA - B‖²/‖B‖² at the best complex β, -inf for the stack's own. `largest_gain`:
    the largest singular value. `nearest_m`: the shortest gap at which the model holds, `because`.
    """

    hop: str
    model: str
    difference_db: float
    insertion_loss_db: float
    largest_gain: float
    gap_m: float
    nearest_m: float
    because: str

    @property
    def is_passive(self) -> bool:
        """Whether no field leaves with more power than it came with."""
        return self.largest_gain <= 1

    @property
    def is_in_range(self) -> bool:
        """Whether the gap is one at which the model holds; to rounding."""
        return self.gap_m >= self.nearest_m * (1 - 1e-9)


@dataclass(frozen=True, eq=False)
class ModelProfile:
    """Entries of a hop's matrix against distance: power mean, and departure from the own model.

    `phase_deg` and `difference_db` are against the stack's own model at this distance, at the best
    complex scale of the whole matrix.
    """

    model: str
    distance_wavelengths: Float[np.ndarray, " distances"]
    magnitude_db: Float[np.ndarray, " distances"]
    phase_deg: Float[np.ndarray, " distances"]
    difference_db: Float[np.ndarray, " distances"]


def name_of(model: InterlayerModel) -> str:
    """The name of a model, as stack files have it."""
    return _NAMES.get(type(model), type(model).__name__)


def candidate_models(stack: Stack) -> dict[str, InterlayerModel]:
    """The stack's own model first, then every other formula with the area of one cell."""
    cell_m2 = float(stack.layer_array.spacing_x_m * stack.layer_array.spacing_y_m)
    formulas = [formula(cell_m2, float(stack.wavelength_m)) for formula in _FORMULAS]
    others = [model for model in formulas if type(model) is not type(stack.model)]
    return {name_of(model): model for model in (stack.model, *others)}


@in_float64
def hop_kinds(stack: Stack) -> list[HopKind]:
    """Every hop that is not just like one before it."""
    found: dict[tuple[object, ...], list[int]] = {}
    for leaves, pair in enumerate(pairwise(stack.planes)):
        found.setdefault(geometry_key(*pair), []).append(leaves)
    planes = stack.planes
    return [HopKind(n[0], len(n), planes[n[0]], planes[n[0] + 1]) for n in found.values()]


@in_float64
def compare_models(stack: Stack) -> list[ModelOfHop]:
    """Every candidate model on every kind of hop.

    Raises:
        InputError: planes too large for their whole matrix; a model that is not finite here.
    """
    rows: list[ModelOfHop] = []
    for hop in hop_kinds(stack):
        own = _matrix(hop, stack.model, stack)
        rows += [_compared(hop, model, own, stack) for model in candidate_models(stack).values()]
    return rows


def _compared(
    hop: HopKind, model: InterlayerModel, own: Complex[np.ndarray, "to from"], stack: Stack
) -> ModelOfHop:
    matrix = own if model is stack.model else _matrix(hop, model, stack)
    nearest = model.nearest(stack.wavelength_m)
    return ModelOfHop(
        hop=hop.name,
        model=name_of(model),
        difference_db=-inf if matrix is own else float(decibels(nmse(matrix, own))),
        insertion_loss_db=float(insertion_loss_db(matrix)),
        largest_gain=float(np.linalg.norm(matrix, 2)),
        gap_m=hop.gap_m,
        nearest_m=float(nearest.distance_m),
        because=nearest.because,
    )


@in_float64
def model_profiles(stack: Stack, hop: HopKind) -> list[ModelProfile]:
    """Entries of every candidate's matrix against distance, the stack's own first.

    Raises:
        InputError: planes too large for their whole matrix; a model that is not finite here.
    """
    own = _matrix(hop, stack.model, stack)
    distance_m, _ = distances(hop.start.positions_m, hop.end.positions_m, hop.start.normal)
    distance = np.asarray(distance_m).ravel() / float(stack.wavelength_m)
    return [
        _profile(name, _matrix(hop, model, stack), own, distance)
        for name, model in candidate_models(stack).items()
    ]


def _profile(
    name: str,
    matrix: Complex[np.ndarray, "to from"],
    own: Complex[np.ndarray, "to from"],
    distance: Float[np.ndarray, " entries"],
) -> ModelProfile:
    group, places = _groups(distance)
    count = np.bincount(group)

    def mean(values: Float[np.ndarray, " entries"]) -> Float[np.ndarray, " distances"]:
        return np.bincount(group, values) / count

    target = own.ravel()
    scaled = (np.asarray(best_scale(matrix, own)) * matrix).ravel()
    turn = scaled * target.conj()
    with np.errstate(divide="ignore"):
        return ModelProfile(
            model=name,
            distance_wavelengths=places,
            magnitude_db=10 * np.log10(mean(np.abs(matrix.ravel()) ** 2)),
            phase_deg=np.degrees(np.arctan2(mean(np.imag(turn)), mean(np.real(turn)))),
            difference_db=10
            * np.log10(mean(np.abs(scaled - target) ** 2) / mean(np.abs(target) ** 2)),
        )


def _groups(
    distance: Float[np.ndarray, " entries"],
) -> tuple[np.ndarray, Float[np.ndarray, " distances"]]:
    """Which entries are drawn as one point: those of one distance, or of a range of distances."""
    steps = np.round(distance / _SAME_DISTANCE).astype(int)
    single, group = np.unique(steps, return_inverse=True)
    if len(single) > _MOST_POINTS:
        edges = np.linspace(distance.min(), distance.max(), _MOST_POINTS + 1)
        _, group = np.unique(np.digitize(distance, edges[1:-1]), return_inverse=True)
    return group, np.bincount(group, distance) / np.bincount(group)


def _matrix(hop: HopKind, model: InterlayerModel, stack: Stack) -> Complex[np.ndarray, "to from"]:
    elements = max(hop.start.array.size, hop.end.array.size)
    require(
        elements <= _MOST_ELEMENTS,
        f"Models can be compared up to {_MOST_ELEMENTS} elements a plane, but hop {hop.name} has "
        f"{elements}; compare them on a smaller stack with the same gaps and spacings.",
    )
    matrix = np.asarray(hop_matrix(hop.start, hop.end, model, stack.wavelength_m))
    require(
        bool(np.isfinite(matrix).all() and np.any(matrix)),
        f"Every hop must be finite and not zero, but hop {hop.name} of {name_of(model)} is not; "
        "mind gaps and poses.",
    )
    return matrix
