"""The device: an input layer, programmable layers, receivers; phases in, response out.

Source: DOA paper, section II-B, eq. (14).
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Complex, Float

from ._types import AnyArray, Number
from .atoms import Atoms, IdealAtoms
from .errors import require
from .geometry import PlanarArray, Plane, Pose, check_array
from .precision import in_float64
from .propagation import Chain, Hop, InterlayerModel, RayleighSommerfeld, automatic_hop, propagate

SPEED_OF_LIGHT_M_PER_S = 299_792_458.0


class Stack(eqx.Module):
    """A stacked intelligent metasurface, as designed or as built.

    Plane 0 is the input layer, planes 1 … L are programmable and share one grid, the last plane
    is the receivers. `gaps_m` are the L + 1 distances between neighbouring planes, and `poses`
    holds one value a plane for each degree of freedom. Make one with `make_stack`, which checks.
    """

    input_array: PlanarArray
    layer_array: PlanarArray
    receiver_array: PlanarArray
    gaps_m: Float[AnyArray, " gaps"]
    poses: Pose
    frequency_hz: Number
    model: InterlayerModel
    atoms: Atoms
    wave_speed_m_per_s: Number = SPEED_OF_LIGHT_M_PER_S

    @property
    def layers(self) -> int:
        """Number of programmable layers, L."""
        return len(self.gaps_m) - 1

    @property
    def phases_shape(self) -> tuple[int, int]:
        """Layers and atoms a layer: the shape of one set of phases."""
        return self.layers, self.layer_array.size

    @property
    def wavelength_m(self) -> Number:
        """Wavelength in metres."""
        return self.wave_speed_m_per_s / self.frequency_hz

    @property
    def planes(self) -> tuple[Plane, ...]:
        """Every plane in the order in which the wave meets it."""
        heights_m = accumulate(self.gaps_m, initial=0.0)
        arrays = [self.input_array, *[self.layer_array] * self.layers, self.receiver_array]
        poses = [_pose_of(self.poses, plane) for plane in range(len(arrays))]
        return tuple(map(Plane, arrays, heights_m, poses))


def _pose_of(poses: Pose, plane: int) -> Pose:
    return jax.tree.map(lambda dof: dof[plane], poses)


def make_stack(
    *,
    input_array: PlanarArray,
    layer_array: PlanarArray,
    receiver_array: PlanarArray,
    gaps_m: Sequence[float],
    frequency_hz: float,
    model: InterlayerModel | None = None,
    atoms: Atoms | None = None,
    poses: Pose | None = None,
    wave_speed_m_per_s: float = SPEED_OF_LIGHT_M_PER_S,
) -> Stack:
    """A checked stack. Without `poses` it is as designed; without `atoms` they are ideal.

    The default model is Rayleigh-Sommerfeld with the area of one cell of the programmable
    layers for every hop, as in the DOA paper.

    Raises:
        InputError: an array, gap or frequency that cannot exist.
    """
    for array, name in (
        (input_array, "input layer"),
        (layer_array, "layers"),
        (receiver_array, "receivers"),
    ):
        check_array(array, name)
    require(
        len(gaps_m) >= 2,
        f"`gaps_m` must have layers + 1 entries (at least 2), but has {len(gaps_m)}.",
    )
    for index, gap_m in enumerate(gaps_m):
        require(
            np.isfinite(gap_m) and gap_m > 0, f"`gaps_m[{index}]` must be positive, but is {gap_m}."
        )
    for name, value in (("frequency_hz", frequency_hz), ("wave_speed_m_per_s", wave_speed_m_per_s)):
        require(np.isfinite(value) and value > 0, f"`{name}` must be positive, but is {value}.")
    planes = len(gaps_m) + 1
    poses = poses or Pose()
    _check_poses(poses, planes)
    cell_area_m2 = layer_array.spacing_x_m * layer_array.spacing_y_m
    return Stack(
        input_array,
        layer_array,
        receiver_array,
        np.asarray(gaps_m, float),
        jax.tree.map(lambda dof: np.broadcast_to(np.asarray(dof, float), planes), poses),
        frequency_hz,
        model or RayleighSommerfeld(cell_area_m2),
        atoms or IdealAtoms(),
        wave_speed_m_per_s,
    )


def _check_poses(poses: Pose, planes: int) -> None:
    for name, dof in vars(poses).items():
        require(
            np.shape(dof) in ((), (planes,)),
            f"`poses.{name}` must be one number or one a plane ({planes}), "
            f"but has shape {np.shape(dof)}.",
        )
        require(np.isfinite(dof).all(), f"`poses.{name}` must be finite, but is {dof}.")


def make_uniform_stack(
    *,
    ports: int,
    atoms_per_side: int,
    layers: int,
    thickness_wavelengths: float,
    spacing_wavelengths: float,
    port_spacing_wavelengths: float = 0.5,
    frequency_hz: float = 60e9,
    wave_speed_m_per_s: float = SPEED_OF_LIGHT_M_PER_S,
) -> Stack:
    """A stack in the DOA paper's four-tuple: square grids, gaps of thickness / layers everywhere.

    `ports`: N_x = N_y of the input layer and of the receivers.
    """
    wavelength_m = wave_speed_m_per_s / frequency_hz
    spacing_m, port_spacing_m = (
        spacing_wavelengths * wavelength_m,
        port_spacing_wavelengths * wavelength_m,
    )
    port_array = PlanarArray(ports, ports, port_spacing_m, port_spacing_m)
    return make_stack(
        input_array=port_array,
        layer_array=PlanarArray(atoms_per_side, atoms_per_side, spacing_m, spacing_m),
        receiver_array=port_array,
        gaps_m=[thickness_wavelengths * wavelength_m / layers] * (layers + 1),
        frequency_hz=frequency_hz,
        wave_speed_m_per_s=wave_speed_m_per_s,
    )


@in_float64
def hops(stack: Stack, kind: type[Hop] | None = None) -> Chain:
    """The L + 1 hops of a stack in double precision, each in the fastest exact form.

    `kind` overrides the choice for the hops between programmable layers; the first and last
    hops, to and from the few ports, are always chosen automatically. Hops between planes in the
    same relative position are built once and shared.

    Raises:
        InputError: `kind` cannot represent this geometry.
    """
    built: dict[tuple[object, ...], Hop] = {}
    result: list[Hop] = []
    for start, end in pairwise(stack.planes):
        inner = start.array is end.array
        build = kind.between if kind and inner else automatic_hop
        key = geometry_key(start, end)
        if key not in built:
            built[key] = build(start, end, stack.model, wavelength_m=stack.wavelength_m)
        result.append(built[key])
    return Chain.of(result)


def geometry_key(start: Plane, end: Plane) -> tuple[object, ...]:
    """Equal for two pairs of planes only if their hops are the same.

    A traced value equals nothing, not even itself: what it will be is not known.
    """
    leaves = jax.tree.leaves((start.pose, end.pose, end.z_m - start.z_m))
    values = [object() if isinstance(leaf, Tracer) else round(float(leaf), 15) for leaf in leaves]
    return (id(start.array), id(end.array), *values)


@in_float64
def response(
    stack: Stack, phases_rad: Float[AnyArray, "*batch layers atoms"]
) -> Complex[Array, "*batch receivers inputs"]:
    """End-to-end response G = W_L Y_L W_{L-1} … Y_1 W_0, eq. (14), in double precision.

    Differentiable in the phases and, through `stack`, in poses, gaps and frequency.
    """
    return propagate(hops(stack), stack.atoms(jnp.asarray(phases_rad)))
